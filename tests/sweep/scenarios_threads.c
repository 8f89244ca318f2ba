// SPDX-License-Identifier: MIT
/* Scenarios that call in threads; in real time, of which they take next to none, also on the
 * virtual clock. Each begins with one thread at most, so that a thread that cannot be started is
 * met by the call. */
#include "sweep/tasks.h"

#include <sched.h>

static const bide_thread_pool one_thread = { .limit = 1 };

BIDE_ASYNC(int, same, int);
int same(int n)
{
	return n;
}

struct large {
	int n;
	char more[300];
};

BIDE_ASYNC(int, number_in, struct large);
int number_in(struct large large)
{
	return large.n;
}

/* What the caller may return in place of the error of a call: without a thread it is as without
 * memory. */
static int told(int rc)
{
	HOLDS(rc != -EAGAIN || sweep_starves());
	return rc == -EAGAIN ? -ENOMEM : rc;
}

SCENARIO(a_call_in_a_thread, 7)
{
	(void)bide_thread_pool_set(&one_thread);
	return told(bide_to_thread(same, 7));
}

SCENARIO_WITH(a_call_in_a_thread_of_a_light_task, 5, SWEEP_LIGHT_MAIN | SWEEP_TWICE, NULL)
{
	const struct large large = { .n = 5 };
	int result = -1;
	(void)bide_thread_pool_set(&one_thread);
	int rc = told(bide_try_to_thread(NULL, &result, number_in, large));
	HOLDS(rc == 0 || result == -1);
	return rc < 0 ? rc : result;
}

BIDE_ASYNC(int, call_same, int);
BIDE_ASYNC_LIGHT(int, light_call_same, int);

int call_same(int n)
{
	tally.entered++;
	int rc = told(bide_to_thread(same, n));
	tally.left++;
	return rc;
}

int light_call_same(int n)
{
	return call_same(n);
}

SCENARIO(calls_in_threads_in_a_group, 45)
{
	struct sum sum = { 0, 0 };
	int rc, taken = 0;
	(void)bide_thread_pool_set(&one_thread);
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 10; i++)
			(void)(i % 2 ? bide_group_spawn(group, call_same, i)
			             : bide_group_spawn(group, light_call_same, i));
		for (bide_task *task; (task = bide_group_next(group)) != NULL; taken++)
			sum_add(&sum, bide_await(int, task));
	}
	sum_of_group(&sum, rc);
	/* A group that is cancelled itself gives none, and no error. */
	if (taken < 10 && sum.error == 0)
		sum.error = sweep_cancels() ? -ECANCELED : -ENOMEM;
	return sum_result(&sum);
}

BIDE_ASYNC(int, until_asked, void);
int until_asked(void)
{
	int rc;
	while ((rc = bide_thread_cancelled()) == 0)
		sched_yield();
	return rc;
}

SCENARIO(a_call_that_is_asked_to_stop, 1)
{
	int late = 0, rc = 0;
	(void)bide_thread_pool_set(&one_thread);
	BIDE_TIMEOUT(0.0005, late) {
		rc = told(bide_to_thread(until_asked));
		HOLDS(rc < 0);
	}
	return late == -ETIMEDOUT ? 1 : late < 0 ? late : rc;
}

/* A call that is left ends at once; another waits for the thread to be free again, so that no job
 * is left over when the scenario ends. */
SCENARIO(a_call_that_is_left, 1)
{
	const bide_thread_options leave = { .abandon = true };
	int late = 0, rc = 0;
	(void)bide_thread_pool_set(&one_thread);
	BIDE_TIMEOUT(0.0005, late) {
		rc = told(bide_try_to_thread(&leave, NULL, until_asked));
		HOLDS(rc < 0);
	}
	BIDE_SHIELD {
		int last = told(bide_to_thread(same, 1));
		if (late == -ETIMEDOUT && last < 0)
			late = last;
	}
	return late == -ETIMEDOUT ? 1 : late < 0 ? late : rc;
}

SCENARIO(values_of_a_task_seen_in_a_thread, 3)
{
	static const bide_local local;
	static int three = 3;
	int rc = bide_local_set(&local, &three);
	(void)bide_thread_pool_set(&one_thread);
	return rc < 0 ? rc : told(bide_to_thread(same, *(int *)bide_local_get(&local)));
}

/* ---- calls on a loop ---------------------------------------------------------------------- */

/* On the loop itself, so that both sides are struck. */
SCENARIO(a_call_on_a_loop, 7)
{
	return bide_to_loop(bide_current_loop(), nap, 0.1, 7);
}

SCENARIO_WITH(a_call_on_a_loop_of_a_light_task, 5, SWEEP_LIGHT_MAIN | SWEEP_TWICE, NULL)
{
	const struct large large = { .n = 5 };
	int result = -1;
	int rc = bide_try_to_loop(bide_current_loop(), &result, number_in, large);
	HOLDS(rc == 0 || result == -1);
	return rc < 0 ? rc : result;
}

SCENARIO(tasks_that_stand_for_calls_on_a_loop, 30)
{
	enum { CALLS = 4 };
	int results[CALLS] = { 0 };
	bide_task *tasks[CALLS];
	const struct large large = { .n = 15 };
	for (int i = 0; i < CALLS - 1; i++)
		tasks[i] = bide_spawn_on(bide_current_loop(), light_nap, 0.1 * i, 5);
	tasks[CALLS - 1] = bide_spawn_on(bide_current_loop(), number_in, large);
	int rc = bide_gather(tasks, CALLS, results);
	return rc < 0 ? rc : results[0] + results[1] + results[2] + results[3];
}
