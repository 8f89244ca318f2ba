// SPDX-License-Identifier: MIT
/* Scenarios of waiting for several tasks at once: gather, as_completed, wait. */
#include "sweep/tasks.h"

#include <string.h>

enum { N = 5 };

/* N tasks that end in the reverse order of their spawning. */
static void spawn_naps(bide_task **tasks)
{
	for (int i = 0; i < N; i++)
		tasks[i] = bide_spawn(careful, N - i, i + 1);
}

static void join_all(struct sum *sum, bide_task *const *tasks)
{
	for (int i = 0; i < N; i++)
		sum_add(sum, bide_await(int, tasks[i]));
}

SCENARIO(a_gather, 12345)
{
	bide_task *tasks[N];
	int results[N], number = 0;
	memset(results, -1, sizeof(results));
	spawn_naps(tasks);
	int rc = bide_gather(tasks, N, results);
	HOLDS(tally.entered == tally.left);
	for (int i = 0; i < N; i++) {
		HOLDS(results[i] == i + 1 || (rc < 0 && results[i] == 0));
		number = 10 * number + results[i];
	}
	return rc < 0 ? rc : number;
}

SCENARIO(a_gather_with_a_failure, 1)
{
	bide_task *tasks[N];
	double began = bide_now();
	spawn_naps(tasks);
	int failing = bide_join(bide_spawn(nap, 0.5, 0));
	bide_task *all[] = { bide_spawn(nap, 90, 1),
		             bide_spawn(fail_after, 2, -EIO),
		             tasks[0],
		             tasks[1],
		             tasks[2],
		             tasks[3],
		             tasks[4] };
	int rc = bide_gather(all, 7, (int *)NULL);
	HOLDS(tally.entered == tally.left);
	HOLDS(rc < 0);
	HOLDS(rc != -EIO || bide_now() - began <= 2.75);
	if (failing < 0)
		return failing;
	return rc == -EIO ? 1 : rc;
}

SCENARIO(a_gather_that_collects, 1)
{
	bide_task *tasks[N];
	int results[N], errors[N];
	memset(errors, -1, sizeof(errors));
	for (int i = 0; i < N; i++)
		tasks[i] = i % 2 ? bide_spawn(fail_after, i, -EIO) : bide_spawn(careful, N - i, i);
	int rc = bide_gather_collect(tasks, N, results, errors);
	HOLDS(tally.entered == tally.left);
	int failed = 0;
	for (int i = 0; i < N; i++) {
		failed += errors[i] != 0;
		HOLDS(errors[i] == 0 || results[i] == 0);
		HOLDS(errors[i] != 0 || results[i] == i);
	}
	if (rc < 0)
		return rc;
	HOLDS(rc == failed);
	for (int i = 0; i < N; i++)
		if (errors[i] != (i % 2 ? -EIO : 0))
			return errors[i] != 0 ? errors[i] : -ECANCELED;
	return 1;
}

SCENARIO(a_gather_of_ended_tasks, 15)
{
	bide_task *tasks[N];
	int results[N];
	struct sum sum = { 0, 0 };
	spawn_naps(tasks);
	sum_add(&sum, bide_sleep(100));
	sum_add(&sum, bide_gather(tasks, N, results));
	for (int i = 0; i < N; i++)
		sum_add(&sum, results[i]);
	return sum_result(&sum);
}

SCENARIO(a_gather_of_nothing, 1)
{
	int rc = bide_gather((bide_task *const *)NULL, 0, (int *)NULL);
	return rc < 0 ? rc : 1;
}

SCENARIO(as_completed_to_the_end, 54321)
{
	bide_task *tasks[N];
	struct sum left = { 0, 0 };
	int number = 0, seen = 0, i = 0;
	bool done[N] = { false };
	spawn_naps(tasks);
	BIDE_AS_COMPLETED(task, tasks, N) {
		for (i = 0; tasks[i] != task;)
			i++;
		done[i] = true;
		int result = bide_await(int, task);
		sum_add(&left, result < 0 ? result : 0);
		number = 10 * number + (result < 0 ? 0 : result);
		seen++;
	}
	for (i = 0; i < N; i++)
		if (!done[i])
			sum_add(&left, bide_await(int, tasks[i]));
	HOLDS(seen == N || left.error < 0 || bide_cancelled() < 0 || sweep_reported());
	if (seen < N)
		return left.error < 0 ? left.error : sweep_starves() ? -ENOMEM : bide_cancelled();
	return left.error < 0 ? left.error : number;
}

SCENARIO(as_completed_broken_out_of, 5)
{
	bide_task *tasks[N];
	struct sum sum = { 0, 0 };
	bide_task *first = NULL;
	spawn_naps(tasks);
	BIDE_AS_COMPLETED(task, tasks, N) {
		first = task;
		break;
	}
	int result = first != NULL ? bide_await(int, first) : bide_cancelled();
	for (int i = 0; i < N; i++)
		if (tasks[i] == NULL)
			sum.error = -ENOMEM;
		else if (tasks[i] != first)
			sum_add(&sum, bide_await(int, tasks[i]));
	if (sum.error < 0 || result < 0)
		return sum.error < 0 ? sum.error : result;
	if (first == NULL) /* it was not to be had */
		return -ENOMEM;
	HOLDS(sum.total == 15 - result);
	return result;
}

SCENARIO(as_completed_by_its_functions, 15)
{
	bide_task *tasks[N];
	struct sum sum = { 0, 0 };
	bide_completion *it = NULL;
	spawn_naps(tasks);
	int rc = bide_completion_open(tasks, N, &it);
	sum_add(&sum, rc);
	if (rc == 0) {
		sum_add(&sum, bide_sleep(2));
		for (int i = 0; i < 2; i++)
			(void)bide_completion_next(it);
	}
	bide_completion_close(it);
	join_all(&sum, tasks);
	return sum_result(&sum);
}

SCENARIO(as_completed_of_a_group, 15)
{
	bide_task *tasks[N];
	struct sum sum = { 0, 0 };
	int rc = 0, seen = 0;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < N; i++)
			tasks[i] = bide_group_spawn(group, careful, N - i, i + 1);
		sum_add(&sum, bide_sleep(2));
		BIDE_AS_COMPLETED(task, tasks, N) {
			if (++seen % 2 == 0)
				sum_add(&sum, bide_await(int, task));
		}
		sum_add(&sum, bide_cancelled());
		for (bide_task *t; (t = bide_group_next(group)) != NULL;)
			sum_add(&sum, bide_await(int, t));
		sum_add(&sum, bide_cancelled());
	}
	HOLDS(tally.entered == tally.left);
	sum_of_group(&sum, rc);
	if (sum.error < 0 || seen == N)
		return sum.error < 0 ? sum.error : 15;
	return -ENOMEM;
}

/* ---- wait ----------------------------------------------------------------------------------- */

SCENARIO(wait_for_the_first, 15)
{
	bide_task *tasks[N];
	struct sum sum = { 0, 0 };
	spawn_naps(tasks);
	int rc = bide_wait(tasks, N, BIDE_FIRST_COMPLETED);
	HOLDS(rc != 0 || sweep_starves());
	sum_add(&sum, rc < 0 ? rc : 0);
	join_all(&sum, tasks);
	return sum_result(&sum);
}

SCENARIO(wait_for_the_first_failure, 16)
{
	bide_task *tasks[N];
	struct sum sum = { 0, 0 };
	spawn_naps(tasks);
	bide_task *both[] = { tasks[0], bide_spawn(fail_after, 2, -EIO) };
	int rc = bide_wait(both, 2, BIDE_FIRST_FAILED);
	HOLDS(rc != 0 || sweep_starves());
	sum_add(&sum, rc < 0 ? rc : 0);
	rc = bide_join(both[1]);
	sum_add(&sum, rc == -EIO ? 1 : rc);
	join_all(&sum, tasks);
	return sum_result(&sum);
}

SCENARIO(wait_for_all, 15)
{
	bide_task *tasks[N];
	struct sum sum = { 0, 0 };
	spawn_naps(tasks);
	int rc = bide_wait(tasks, N, BIDE_ALL);
	HOLDS(rc < 0 || rc == N || sweep_starves());
	for (int i = 0; i < N; i++)
		HOLDS(rc < 0 || tasks[i] == NULL || bide_task_done(tasks[i]));
	sum_add(&sum, rc < 0 ? rc : 0);
	rc = bide_wait(tasks, N, BIDE_ALL);
	HOLDS(rc < 0 || rc == N || sweep_starves());
	sum_add(&sum, rc < 0 ? rc : 0);
	join_all(&sum, tasks);
	return sum_result(&sum);
}

SCENARIO(wait_with_a_timeout, 15)
{
	bide_task *tasks[N];
	struct sum sum = { 0, 0 };
	int fired = 0, done = 0;
	spawn_naps(tasks);
	BIDE_TIMEOUT(2.5, fired) {
		done = bide_wait(tasks, N, BIDE_ALL);
		HOLDS(done < 0 || done == N || sweep_starves());
	}
	if (fired != -ETIMEDOUT || done != -ETIMEDOUT)
		sum_add(&sum, fired < 0 ? fired : done < 0 ? done : 0);
	join_all(&sum, tasks);
	return sum_result(&sum);
}
