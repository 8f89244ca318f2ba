// SPDX-License-Identifier: MIT
/* Scenarios of single tasks: sleeping, spawning, awaiting, detaching, and what a task may have with
 * it: names, local values, calls at its end, large arguments and results. */
#include "sweep/tasks.h"

#include <string.h>

SCENARIO(sleeps_and_yields, 4)
{
	int rc, n = 0;
	double began = bide_now();
	if ((rc = bide_sleep(1)) < 0 || (rc = bide_yield()) < 0)
		return rc;
	n += bide_now() - began == 1;
	if ((rc = bide_sleep(0)) < 0 || (rc = bide_sleep(-1)) < 0)
		return rc;
	n += bide_now() - began == 1;
	if ((rc = bide_sleep_until(began + 3)) < 0)
		return rc;
	n += bide_now() - began == 3;
	if ((rc = bide_sleep_until(began)) < 0)
		return rc;
	n += bide_now() - began == 3;
	HOLDS(n == 4);
	return n;
}

SCENARIO(tasks_awaited_one_by_one, 15)
{
	bide_task *tasks[5];
	struct sum sum = { 0, 0 };
	for (int i = 0; i < 5; i++)
		tasks[i] = bide_spawn(nap, 5 - i, i + 1);
	for (int i = 0; i < 5; i++)
		sum_add(&sum, bide_await(int, tasks[i]));
	return sum_result(&sum);
}

SCENARIO(tasks_tried_and_joined, 7)
{
	struct sum sum = { 0, 0 };
	int ret = -1;
	bide_task *a = bide_spawn(nap, 1, 7), *b = bide_spawn(quiet, 2), *c = bide_spawn(nap, 3, 1);
	int rc = bide_try_await(a, &ret);
	HOLDS(rc == 0 ? ret == 7 : ret == -1);
	sum_add(&sum, rc < 0 ? rc : ret);
	sum_add(&sum, bide_join(b));
	sum_add(&sum, bide_join(c));
	return sum_result(&sum);
}

BIDE_ASYNC(int, take_turns, int);

int take_turns(int digit)
{
	int rc = 0;
	tally.entered++;
	for (int i = 0; i < 3 && rc == 0; i++) {
		tally.extra[0] = 10 * tally.extra[0] + digit;
		rc = bide_yield();
	}
	tally.left++;
	return rc;
}

SCENARIO(tasks_that_take_turns, 123123123)
{
	struct sum sum = { 0, 0 };
	bide_task *tasks[3];
	for (int i = 0; i < 3; i++)
		tasks[i] = bide_spawn(take_turns, i + 1);
	for (int i = 0; i < 3; i++)
		sum_add(&sum, bide_await(int, tasks[i]));
	return sum.error < 0 ? sum.error : tally.extra[0];
}

BIDE_ASYNC(int, descend, int);

int descend(int depth)
{
	tally.entered++;
	int rc = depth > 0 ? bide_await(int, bide_spawn(descend, depth - 1)) : bide_sleep(1);
	tally.left++;
	return rc < 0 ? rc : rc + 1;
}

SCENARIO(a_chain_of_awaits, 13)
{
	return bide_await(int, bide_spawn(descend, 12));
}

SCENARIO(an_ended_task_is_awaited_later, 9)
{
	bide_task *task = bide_spawn(nap, 1, 9);
	int rc = bide_sleep(5);
	int result = bide_await(int, task);
	return result < 0 ? result : rc < 0 ? rc : result;
}

SCENARIO(wait_for_what_is_in_time, 3)
{
	int ret = -1;
	int rc = bide_wait_for(bide_spawn(nap, 1, 3), 2, &ret);
	HOLDS(rc == 0 ? ret == 3 : ret == -1);
	return rc < 0 ? rc : ret;
}

SCENARIO(wait_for_what_is_too_late, 1)
{
	int ret = -1;
	double began = bide_now();
	int rc = bide_wait_for(bide_spawn(careful, 10, 3), 2, &ret);
	HOLDS(ret == (rc == 0 ? 3 : -1));
	HOLDS(bide_now() - began <= 2.25);
	return rc == -ETIMEDOUT ? 1 : rc;
}

static void detached_were_run(void)
{
	HOLDS(tally.entered == tally.left);
}

SCENARIO_WITH(detached_tasks_end_with_the_run, 1, 0, detached_were_run)
{
	for (int i = 0; i < 3; i++)
		bide_detach(bide_spawn(careful, 1 + 10 * i, 0));
	bide_detach(bide_spawn(quiet, 100));
	int rc = bide_sleep(3);
	return rc < 0 ? rc : 1;
}

SCENARIO(tasks_left_running_when_main_ends, 1)
{
	for (int i = 0; i < 3; i++)
		(void)bide_spawn(careful, 100 * i + 100, 0);
	int rc = bide_yield();
	return rc < 0 ? rc : 1;
}

BIDE_ASYNC(int, cancels, bide_task *);

int cancels(bide_task *task)
{
	tally.entered++;
	int rc = bide_sleep(1);
	if (rc == 0)
		rc = bide_cancel(task);
	tally.left++;
	return rc;
}

SCENARIO(a_task_that_another_cancels, 1)
{
	bide_task *endless = bide_spawn(nap, 1e300, 5);
	if (endless == NULL)
		return -ENOMEM;
	bide_task *other = bide_spawn(cancels, endless);
	if (other == NULL)
		bide_cancel(endless);
	int rc = bide_await(int, other);
	if (rc < 0)
		bide_cancel(endless);
	int result = bide_await(int, endless);
	return rc < 0 ? rc : result == -ECANCELED ? 1 : result;
}

/* ---- what a task has with it ---------------------------------------------------------------- */

struct big {
	long long v[40];
};

BIDE_ASYNC(struct big, doubled, struct big, double);

struct big doubled(struct big in, double seconds)
{
	tally.entered++;
	int rc = bide_sleep(seconds);
	for (int i = 0; i < 40; i++)
		in.v[i] *= 2;
	if (rc < 0)
		bide_fail(rc);
	tally.left++;
	return in;
}

SCENARIO(large_arguments_and_results, 1560)
{
	struct big in, out;
	memset(&out, 0, sizeof(out));
	for (int i = 0; i < 40; i++)
		in.v[i] = i;
	bide_task *a = bide_spawn(doubled, in, 2), *b = bide_spawn(doubled, in, 1);
	int rc = bide_try_await(a, &out);
	int rc_b = bide_join(b);
	int total = 0;
	for (int i = 0; i < 40; i++) {
		HOLDS(out.v[i] == (rc == 0 ? 2 * i : 0));
		total += (int)out.v[i];
	}
	return rc < 0 ? rc : rc_b < 0 ? rc_b : total;
}

SCENARIO(tasks_with_names, 2)
{
	const bide_task_options options = { .name = "a name of its own" };
	struct sum sum = { 0, 0 };
	bide_task *a = bide_spawn_with(&options, nap, 1, 1);
	bide_task *b = bide_spawn(nap, 1, 1);
	HOLDS(a == NULL || strcmp(bide_task_name(a), "a name of its own") == 0);
	if (b != NULL) {
		int rc = bide_task_set_name(b, "another name, long enough for a block of its own");
		HOLDS(rc == 0 || (rc == -ENOMEM && sweep_starves()));
		HOLDS(rc == 0 || strcmp(bide_task_name(b), "nap") == 0);
		sum_add(&sum, rc);
		rc = bide_task_set_name(b, "b");
		HOLDS(rc < 0 || strcmp(bide_task_name(b), "b") == 0);
		sum_add(&sum, rc);
	}
	sum_add(&sum, bide_await(int, a));
	sum_add(&sum, bide_await(int, b));
	return sum_result(&sum);
}

static void on_done(void *arg, bide_task *task)
{
	const int *number = arg;
	HOLDS(bide_task_done(task));
	/* In the order in which they were asked for. */
	HOLDS(*number >= tally.extra[0]);
	tally.extra[0] = *number + 1;
	tally.called++;
}

SCENARIO(calls_at_the_end_of_a_task, 2)
{
	static int numbers[] = { 0, 1, 2 };
	struct sum sum = { 0, 0 };
	bide_task *task = bide_spawn(nap, 1, 2);
	if (task == NULL)
		return -ENOMEM;
	for (int i = 0; i < 3; i++) {
		int rc = bide_task_on_done(task, on_done, &numbers[i]);
		sum_add(&sum, rc);
		tally.asked += rc == 0;
	}
	sum_add(&sum, bide_await(int, task));
	return sum_result(&sum);
}

static void destroy(void *value)
{
	++*(int *)value;
	tally.destroyed++;
}

static const bide_local local = { destroy };
static const bide_local other_local = { NULL };
static int values[8];

static int set_local(int i)
{
	void *before = bide_local_get(&local);
	int rc = bide_local_set(&local, &values[i]);
	tally.set += rc == 0;
	HOLDS(bide_local_get(&local) == (rc == 0 ? &values[i] : before));
	return rc;
}

BIDE_ASYNC(int, inherits, int);

int inherits(int i)
{
	tally.entered++;
	void *inherited = bide_local_get(&local);
	int rc = i < 4 ? set_local(4 + i) : 0;
	if (rc == 0)
		rc = bide_sleep(i);
	HOLDS(rc < 0 || i < 4 || bide_local_get(&local) == inherited);
	tally.left++;
	return rc < 0 ? rc : 1;
}

SCENARIO(local_values_are_destroyed_once, 3)
{
	struct sum sum = { 0, 0 };
	bide_task *tasks[3];
	memset(values, 0, sizeof(values));
	sum_add(&sum, set_local(0));
	sum_add(&sum, bide_local_set(&other_local, values));
	tasks[0] = bide_spawn(inherits, 1);
	sum_add(&sum, set_local(1));
	sum_add(&sum, set_local(2));
	tasks[1] = bide_spawn(inherits, 2);
	tasks[2] = bide_spawn(inherits, 9);
	sum_add(&sum, bide_sleep(1));
	for (int i = 0; i < 3; i++)
		sum_add(&sum, bide_await(int, tasks[i]));
	return sum_result(&sum);
}

SCENARIO(stacks_of_several_sizes, 6)
{
	static const size_t sizes[] = { 16 * 1024, 100 * 1000, 1 << 20 };
	struct sum sum = { 0, 0 };
	bide_task *tasks[6];
	for (int i = 0; i < 6; i++) {
		const bide_task_options options = { .stack_size = sizes[i % 3] };
		tasks[i] = bide_spawn_with(&options, nap, 1 + i, 1);
	}
	for (int i = 0; i < 6; i++)
		sum_add(&sum, bide_await(int, tasks[i]));
	return sum_result(&sum);
}

SCENARIO(errno_is_each_tasks_own, 1)
{
	errno = ERANGE;
	int result = bide_await(int, bide_spawn(nap, 1, 1));
	HOLDS(errno == ERANGE);
	errno = 0;
	return result;
}

BIDE_ASYNC(int, stubborn, int);

/* Goes on when it is cancelled, as a task that catches the cancellation does. */
int stubborn(int value)
{
	tally.entered++;
	for (int i = 0; i < 3; i++)
		(void)bide_sleep(1);
	tally.left++;
	return value;
}

SCENARIO(a_task_that_keeps_its_result, 42)
{
	return bide_await(int, bide_spawn(stubborn, 42));
}

SCENARIO(a_failure_is_retrieved, 1)
{
	int rc = bide_join(bide_spawn(fail_after, 1, -EIO));
	return rc == -EIO ? 1 : rc;
}

SCENARIO_WITH(many_tasks_in_a_random_order, 66, SWEEP_SHUFFLE, NULL)
{
	bide_task *tasks[11];
	struct sum sum = { 0, 0 };
	for (int i = 0; i < 11; i++)
		tasks[i] = bide_spawn(nap, i % 3, i + 1);
	for (int i = 0; i < 11; i++)
		sum_add(&sum, bide_await(int, tasks[i]));
	return sum_result(&sum);
}

SCENARIO_WITH(a_loop_that_is_run_twice, 21, SWEEP_TWICE, NULL)
{
	bide_task *tasks[6];
	struct sum sum = { 0, 0 };
	for (int i = 0; i < 6; i++)
		tasks[i] = i % 2 ? bide_spawn(nap, i, i + 1) : bide_spawn(light_nap, i, i + 1);
	bide_detach(bide_spawn(careful, 1000, 1));
	for (int i = 0; i < 6; i++)
		sum_add(&sum, bide_await(int, tasks[i]));
	return sum_result(&sum);
}

/* ---- calls from outside --------------------------------------------------------------------- */

static bide_task *to_be_cancelled;

static void call_back(void *arg)
{
	bide_task **task = arg;
	tally.called++;
	HOLDS(bide_current_task() == NULL);
	if (task != NULL && *task != NULL)
		bide_cancel(*task);
}

SCENARIO(calls_from_outside_the_tasks, 1)
{
	struct sum sum = { 0, 0 };
	bide_task *task = to_be_cancelled = bide_spawn(nap, 1e300, 5);
	if (task == NULL)
		return -ENOMEM;
	int rc = bide_call_threadsafe(bide_current_loop(), call_back, NULL);
	tally.asked += rc == 0;
	sum_add(&sum, rc);
	sum_add(&sum, bide_sleep(1));
	rc = bide_call_threadsafe(bide_current_loop(), call_back, &to_be_cancelled);
	tally.asked += rc == 0;
	sum_add(&sum, rc);
	if (rc < 0)
		bide_cancel(task);
	rc = bide_join(task);
	to_be_cancelled = NULL;
	HOLDS(rc == -ECANCELED || (rc == -ENOMEM && sweep_starves()));
	sum_add(&sum, bide_yield());
	return sum.error < 0 ? sum.error : 1;
}
