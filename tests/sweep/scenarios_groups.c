// SPDX-License-Identifier: MIT
/* Scenarios of groups: whatever strikes them, a group is left only when all its tasks have ended,
 * and what it gives as rc agrees with what became of them. */
#include "sweep/tasks.h"

/* Adds what the tasks of a group give, in the order in which they end. */
static void add_all(struct sum *sum, bide_group *group)
{
	for (bide_task *t; (t = bide_group_next(group)) != NULL;)
		sum_add(sum, bide_await(int, t));
	sum_add(sum, bide_cancelled());
}

SCENARIO(a_group_of_tasks, 15)
{
	struct sum sum = { 0, 0 };
	int rc = 0;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 5; i++)
			bide_group_spawn(group, nap, 5 - i, i + 1);
		add_all(&sum, group);
	}
	HOLDS(tally.entered == tally.left);
	sum_of_group(&sum, rc);
	return sum_result(&sum);
}

SCENARIO(a_group_that_is_not_looked_at, 1)
{
	int rc = 0;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 5; i++)
			bide_group_spawn(group, careful, 5 - i, i + 1);
	}
	HOLDS(tally.entered == tally.left);
	return rc < 0 ? rc : 1;
}

SCENARIO(a_group_with_a_failing_task, 1)
{
	int rc = 0;
	double began = bide_now();
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, careful, 50, 1);
		bide_group_spawn(group, fail_after, 2, -EIO);
		bide_group_spawn(group, nap, 60, 2);
		bide_group_spawn(group, nap, 1, 3);
		(void)bide_sleep(100);
	}
	HOLDS(tally.entered == tally.left);
	HOLDS(rc != -EIO || bide_now() - began <= 2.25);
	/* The failing task was cancelled before it failed, or the group was. */
	return rc == -EIO ? 1 : rc == 0 && sweep_cancels() ? -ECANCELED : rc;
}

SCENARIO(a_collecting_group, 4)
{
	const bide_group_options options = { .collect = true };
	struct sum sum = { 0, 0 };
	int rc = 0, failures = 0;
	BIDE_GROUP_WITH(&options, group, rc) {
		bide_group_spawn(group, nap, 3, 1);
		bide_group_spawn(group, fail_after, 1, -EIO);
		bide_group_spawn(group, nap, 4, 2);
		bide_group_spawn(group, fail_after, 2, -EPIPE);
		for (bide_task *t; (t = bide_group_next(group)) != NULL;) {
			int result = bide_await(int, t);
			failures += result == -EIO || result == -EPIPE;
			sum_add(&sum, result == -EIO || result == -EPIPE ? 0 : result);
		}
		sum_add(&sum, bide_cancelled());
	}
	/* A failure that the body did not come to look at. */
	sum_add(&sum, rc == -EIO || rc == -EPIPE ? -ECANCELED : rc);
	if (sum.error < 0)
		return sweep_starves() ? -ENOMEM : sum.error;
	HOLDS(failures == 2);
	return sum.total == 3 ? 4 : sum.total;
}

SCENARIO(a_collecting_group_tells_the_first_failure, 1)
{
	const bide_group_options options = { .collect = true };
	int rc = 0;
	BIDE_GROUP_WITH(&options, group, rc) {
		bide_group_spawn(group, fail_after, 2, -EPIPE);
		bide_group_spawn(group, careful, 3, 1);
	}
	HOLDS(tally.entered == tally.left);
	return rc == -EPIPE ? 1 : rc == 0 && sweep_cancels() ? -ECANCELED : rc;
}

BIDE_ASYNC(int, counted, double, int);

int counted(double seconds, int value)
{
	tally.entered++;
	if (++tally.running > tally.running_max)
		tally.running_max = tally.running;
	int rc = bide_sleep(seconds);
	tally.running--;
	tally.left++;
	return rc < 0 ? rc : value;
}

static void three_at_once(void)
{
	HOLDS(tally.running_max <= 3);
}

SCENARIO_WITH(a_group_with_a_limit, 78, 0, three_at_once)
{
	const bide_group_options options = { .limit = 3 };
	struct sum sum = { 0, 0 };
	int rc = 0;
	BIDE_GROUP_WITH(&options, group, rc) {
		for (int i = 0; i < 12; i++)
			bide_group_spawn(group, counted, 1 + i % 4, i + 1);
		add_all(&sum, group);
	}
	HOLDS(tally.entered == tally.left);
	sum_of_group(&sum, rc);
	return sum_result(&sum);
}

SCENARIO(a_group_that_drops_results, 1)
{
	const bide_group_options options = { .drop_results = true, .limit = 4 };
	int rc = 0, missed = 0;
	BIDE_GROUP_WITH(&options, group, rc) {
		for (int i = 0; i < 10 && missed == 0; i++) {
			bide_group_spawn(group, careful, i, 1);
			missed = bide_sleep(0.5);
		}
		HOLDS(bide_group_next(group) == NULL);
	}
	HOLDS(tally.entered == tally.left);
	return rc < 0 ? rc : missed < 0 ? missed : 1;
}

BIDE_ASYNC(int, subgroup, int);

int subgroup(int depth)
{
	struct sum sum = { 0, 0 };
	int rc = 0;
	tally.entered++;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, careful, depth, 1);
		if (depth > 0)
			for (int i = 0; i < 2; i++)
				bide_group_spawn(group, subgroup, depth - 1);
		add_all(&sum, group);
	}
	sum_of_group(&sum, rc);
	tally.left++;
	return sum_result(&sum);
}

SCENARIO(groups_in_groups, 7)
{
	return subgroup(2);
}

SCENARIO(groups_in_one_task, 10)
{
	struct sum sum = { 0, 0 };
	int outer_rc = 0, inner_rc = 0;
	BIDE_GROUP(outer, outer_rc) {
		bide_group_spawn(outer, careful, 4, 1);
		BIDE_GROUP(inner, inner_rc) {
			bide_group_spawn(inner, careful, 2, 2);
			bide_group_spawn(outer, careful, 1, 3);
			bide_group_spawn(inner, nap, 3, 4);
			add_all(&sum, inner);
		}
		sum_of_group(&sum, inner_rc);
		add_all(&sum, outer);
	}
	sum_of_group(&sum, outer_rc);
	return sum_result(&sum);
}

SCENARIO(a_group_that_is_broken_out_of, 1)
{
	int rc = 0, first = 0;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 5; i++)
			bide_group_spawn(group, careful, 1 + 10 * i, 1 + i);
		bide_task *t = bide_group_next(group);
		first = t != NULL ? bide_await(int, t) : bide_cancelled();
		break;
	}
	HOLDS(tally.entered == tally.left);
	return rc < 0 ? rc : first;
}

static int first_of_group(void)
{
	BIDE_GROUP(group) {
		for (int i = 0; i < 3; i++)
			bide_group_spawn(group, careful, 1 + 10 * i, 1 + i);
		bide_task *t = bide_group_next(group);
		if (t != NULL)
			return bide_await(int, t);
		int rc = bide_cancelled();
		/* Its group may have found no memory. */
		return rc < 0 || !sweep_starves() ? rc : -ENOMEM;
	}
	return -ENOMEM;
}

SCENARIO(a_group_that_is_returned_from, 1)
{
	int first = first_of_group();
	HOLDS(tally.entered == tally.left);
	return sweep_starves() && first < 0 ? -ENOMEM : first;
}

SCENARIO(a_group_that_is_cancelled, 1)
{
	int rc = -1, slept = 0;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 4; i++)
			bide_group_spawn(group, careful, 10 + i, 1);
		slept = bide_sleep(1);
		bide_group_cancel(group);
		bide_group_cancel(group);
		HOLDS(bide_cancelled() < 0);
		HOLDS(bide_sleep(1) < 0);
	}
	HOLDS(tally.entered == tally.left);
	return rc < 0 ? rc : slept < 0 ? slept : 1;
}

BIDE_ASYNC(int, spreads, bide_group *, int);

int spreads(bide_group *group, int left)
{
	tally.entered++;
	int rc = bide_sleep(1);
	for (int i = 0; i < 2 && rc == 0 && left > 0; i++)
		bide_group_spawn(group, spreads, group, left - 1);
	tally.left++;
	return rc < 0 ? rc : 1;
}

SCENARIO(tasks_that_spawn_into_their_own_group, 15)
{
	struct sum sum = { 0, 0 };
	int rc = 0;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, spreads, group, 3);
		add_all(&sum, group);
	}
	sum_of_group(&sum, rc);
	return sum_result(&sum);
}

SCENARIO(tasks_of_a_group_awaited_by_the_body, 6)
{
	struct sum sum = { 0, 0 };
	int rc = 0;
	BIDE_GROUP(group, rc) {
		const bide_task_options options = { .name = "named", .group = group };
		bide_task *a = bide_spawn_with(&options, nap, 2, 1);
		bide_task *b = bide_group_spawn(group, nap, 1, 2);
		bide_group_spawn(group, careful, 3, 3);
		sum_add(&sum, bide_await(int, a));
		sum_add(&sum, bide_await(int, b));
		add_all(&sum, group);
	}
	sum_of_group(&sum, rc);
	return sum_result(&sum);
}

SCENARIO(a_group_by_its_functions, 3)
{
	struct sum sum = { 0, 0 };
	bide_group *group = NULL;
	int rc = bide_group_open(NULL, &group);
	if (rc < 0)
		return rc;
	bide_group_spawn(group, careful, 2, 1);
	bide_group_spawn(group, nap, 1, 2);
	add_all(&sum, group);
	sum_of_group(&sum, bide_group_close(group));
	return sum_result(&sum);
}
