// SPDX-License-Identifier: MIT
/* BIDE_AS_COMPLETED and bide_completion_…: tasks one by one, in the order in which they end. */
#include "core/virtual_kit.h"

#include <stdio.h>

VIRTUAL_TEST(completion_order_is_that_of_the_ends)
{
	int order = 0;
	bide_task *tasks[] = { bide_spawn(nap, 3.0, 3), bide_spawn(nap, 1.0, 1),
		               bide_spawn(nap, 2.0, 2) };
	BIDE_AS_COMPLETED(task, tasks, 3) {
		int result = bide_await(int, task);
		order = order * 10 + result;
		EXPECT_ELAPSED((double)result);
	}
	EXPECT_INT(order, 123);
}

VIRTUAL_TEST(completion_order_of_equal_deadlines_is_that_of_creation)
{
	int order = 0;
	bide_task *tasks[] = { bide_spawn(nap, 1.0, 1), bide_spawn(nap, 1.0, 2),
		               bide_spawn(nap, 1.0, 3) };
	bide_task *turned[] = { tasks[2], tasks[0], tasks[1] };
	BIDE_AS_COMPLETED(task, turned, 3)
		order = order * 10 + bide_await(int, task);
	EXPECT_INT(order, 123);
}

VIRTUAL_TEST(completion_gives_those_that_had_ended_first_in_the_order_given)
{
	int order = 0;
	bide_task *tasks[] = { bide_spawn(nap, 9.0, 3), bide_spawn(nap, 2.0, 1),
		               bide_spawn(nap, 1.0, 2) };
	EXPECT_INT(bide_sleep(5), 0);
	BIDE_AS_COMPLETED(task, tasks, 3)
		order = order * 10 + bide_await(int, task);
	EXPECT_INT(order, 123);
	EXPECT_ELAPSED(9.0);
}

VIRTUAL_TEST(completion_of_ended_tasks_does_not_suspend)
{
	bide_task *tasks[] = { bide_spawn(nap, 0.0, 1), bide_spawn(nap, 0.0, 2) };
	EXPECT_INT(bide_sleep(1), 0);
	bide_task *other = bide_spawn(tick, 0.0, 'A');
	BIDE_AS_COMPLETED(task, tasks, 2)
		(void)bide_await(int, task);
	EXPECT_STR(trace, "");
	EXPECT_INT(bide_join(other), 0);
}

VIRTUAL_TEST(completion_of_nothing_runs_no_round)
{
	BIDE_AS_COMPLETED(task, (bide_task *const *)NULL, 0)
		FAIL("there is no task, but %p was given", (void *)task);
}

VIRTUAL_TEST(completion_gives_failed_and_cancelled_tasks_too)
{
	char results[64] = "";
	bide_task *tasks[] = { bide_spawn(nap, 2.0, -EIO), bide_spawn(nap, 3.0, 5),
		               bide_spawn(nap, 9.0, 6) };
	bide_cancel(tasks[2]);
	BIDE_AS_COMPLETED(task, tasks, 3) {
		int result = bide_await(int, task);
		(void)snprintf(results + strlen(results), 16, "%d ", result);
	}
	char expected[64];
	(void)snprintf(expected, sizeof expected, "%d %d 5 ", -ECANCELED, -EIO);
	EXPECT_STR(results, expected);
	EXPECT_ELAPSED(3.0);
}

VIRTUAL_TEST(completion_leaves_what_is_not_awaited_to_the_caller)
{
	int n = 0;
	bide_task *tasks[] = { bide_spawn(nap, 2.0, 20), bide_spawn(nap, 1.0, 10) };
	BIDE_AS_COMPLETED(task, tasks, 2)
		EXPECT_PTR(task, tasks[1 - n++]);
	EXPECT_INT(n, 2);
	EXPECT_INT(bide_await(int, tasks[0]), 20);
	EXPECT_INT(bide_await(int, tasks[1]), 10);
}

VIRTUAL_TEST(completion_left_by_break_leaves_the_rest_running)
{
	bide_task *tasks[] = { bide_spawn(nap, 2.0, 20), bide_spawn(nap, 1.0, 10) };
	BIDE_AS_COMPLETED(task, tasks, 2) {
		EXPECT_INT(bide_await(int, task), 10);
		break;
	}
	EXPECT_ELAPSED(1.0);
	EXPECT(!bide_task_done(tasks[0]));
	EXPECT_INT(bide_await(int, tasks[0]), 20);
	EXPECT_ELAPSED(2.0);
}

VIRTUAL_TEST(completion_continue_goes_to_the_next_round)
{
	int seen = 0;
	bide_task *tasks[] = { bide_spawn(nap, 2.0, 2), bide_spawn(nap, 1.0, 1),
		               bide_spawn(nap, 3.0, 3) };
	BIDE_AS_COMPLETED(task, tasks, 3) {
		int result = bide_await(int, task);
		if (result == 2)
			continue;
		seen = seen * 10 + result;
	}
	EXPECT_INT(seen, 13);
}

static bide_task *left[3];

static int first_of(void)
{
	BIDE_AS_COMPLETED(task, left, 3)
		return bide_await(int, task);
	return -1;
}

VIRTUAL_TEST(completion_left_by_return_leaves_the_rest_running)
{
	left[0] = bide_spawn(nap, 3.0, 3);
	left[1] = bide_spawn(nap, 1.0, 1);
	left[2] = bide_spawn(nap, 2.0, 2);
	EXPECT_INT(first_of(), 1);
	left[1] = NULL;
	EXPECT_INT(first_of(), 2);
	left[2] = NULL;
	EXPECT_INT(first_of(), 3);
	EXPECT_ELAPSED(3.0);
}

VIRTUAL_TEST(completion_skips_spawns_without_memory)
{
	int n = 0;
	bide_task *tasks[] = { NULL, bide_spawn(nap, 1.0, 1), NULL };
	BIDE_AS_COMPLETED(task, tasks, 3) {
		EXPECT_INT(bide_await(int, task), 1);
		n++;
	}
	EXPECT_INT(n, 1);
}

VIRTUAL_TEST(completion_loops_nest)
{
	bide_task *outer[] = { bide_spawn(nap, 1.0, 1), bide_spawn(nap, 3.0, 3) };
	int order = 0;
	BIDE_AS_COMPLETED(task, outer, 2) {
		order = order * 10 + bide_await(int, task);
		bide_task *inner[] = { bide_spawn(nap, 5.0, 5), bide_spawn(nap, 4.0, 4) };
		BIDE_AS_COMPLETED(other, inner, 2)
			order = order * 10 + bide_await(int, other);
	}
	EXPECT_INT(order, 145345);
	EXPECT_ELAPSED(11.0);
}

enum { MANY = 1000 };

VIRTUAL_TEST(completion_of_a_thousand_is_ascending)
{
	static bide_task *tasks[MANY];
	int n = 0;
	for (int i = 0; i < MANY; i++)
		tasks[i] = bide_spawn(nap, (double)((i * 7919) % MANY) + 1, (i * 7919) % MANY);
	BIDE_AS_COMPLETED(task, tasks, MANY)
		if (!EXPECT_INT(bide_await(int, task), n++))
			break;
	EXPECT_INT(n, MANY);
}

/* ---- cancellation ------------------------------------------------------------------------- */

VIRTUAL_TEST(completion_ends_early_when_the_caller_is_cancelled)
{
	int rc, n = 0, code = 0;
	bide_task *tasks[] = { bide_spawn(nap, 3.0, 3), bide_spawn(nap, 1.0, 1) };
	BIDE_TIMEOUT(2, rc) {
		BIDE_AS_COMPLETED(task, tasks, 2) {
			EXPECT_INT(bide_await(int, task), 1);
			n++;
		}
		code = bide_cancelled();
	}
	EXPECT_INT(n, 1);
	EXPECT_INT(code, -ETIMEDOUT);
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_ELAPSED(2.0);
	EXPECT_INT(bide_await(int, tasks[0]), 3); /* it was not cancelled */
	EXPECT_ELAPSED(3.0);
}

VIRTUAL_TEST(completion_in_a_cancelled_scope_gives_nothing)
{
	int rc;
	bide_task *task = bide_spawn(nap, 1.0, 1);
	BIDE_SCOPE(scope, rc) {
		bide_scope_cancel(scope);
		BIDE_AS_COMPLETED(ended, &task, 1)
			FAIL("%p was given", (void *)ended);
	}
	EXPECT_INT(rc, -ECANCELED);
	EXPECT_INT(bide_await(int, task), 1);
}

/* ---- function forms ----------------------------------------------------------------------- */

VIRTUAL_TEST(completion_functions_give_each_task_once)
{
	bide_completion *it;
	bide_task *tasks[] = { bide_spawn(nap, 2.0, 2), bide_spawn(nap, 1.0, 1) };
	if (!EXPECT_INT(bide_completion_open(tasks, 2, &it), 0))
		return;
	EXPECT_PTR(bide_completion_next(it), tasks[1]);
	EXPECT_ELAPSED(1.0);
	EXPECT_PTR(bide_completion_next(it), tasks[0]);
	EXPECT_ELAPSED(2.0);
	EXPECT_PTR(bide_completion_next(it), NULL);
	EXPECT_PTR(bide_completion_next(it), NULL);
	bide_completion_close(it);
	EXPECT_INT(bide_await(int, tasks[0]) + bide_await(int, tasks[1]), 3);
}

VIRTUAL_TEST(completion_closed_early_lets_the_tasks_run_on)
{
	bide_completion *it;
	bide_task *tasks[] = { bide_spawn(nap, 2.0, 2), bide_spawn(nap, 1.0, 1) };
	if (!EXPECT_INT(bide_completion_open(tasks, 2, &it), 0))
		return;
	bide_completion_close(it);
	bide_completion_close(NULL);
	EXPECT_INT(bide_await(int, tasks[0]), 2);
	EXPECT_INT(bide_await(int, tasks[1]), 1);
	EXPECT_ELAPSED(2.0);
}

VIRTUAL_TEST(completion_goes_on_after_a_time_out)
{
	bide_completion *it;
	int rc;
	bide_task *task = bide_spawn(nap, 5.0, 5);
	if (!EXPECT_INT(bide_completion_open(&task, 1, &it), 0))
		return;
	BIDE_TIMEOUT(1, rc) {
		EXPECT_PTR(bide_completion_next(it), NULL);
		EXPECT_INT(bide_cancelled(), -ETIMEDOUT);
	}
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_PTR(bide_completion_next(it), task);
	EXPECT_ELAPSED(5.0);
	bide_completion_close(it);
	EXPECT_INT(bide_await(int, task), 5);
}

/* ---- tasks of a group --------------------------------------------------------------------- */

VIRTUAL_TEST(completion_of_a_groups_tasks_takes_them_from_the_group)
{
	int rc, order = 0;
	BIDE_GROUP(group, rc) {
		bide_task *tasks[] = { bide_group_spawn(group, nap, 2.0, 2),
			               bide_group_spawn(group, nap, 1.0, 1) };
		bide_group_spawn(group, nap, 3.0, 3);
		BIDE_AS_COMPLETED(task, tasks, 2)
			order = order * 10 + bide_await(int, task);
		for (bide_task *task; (task = bide_group_next(group));)
			order = order * 10 + bide_await(int, task);
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(order, 123);
}

VIRTUAL_TEST(completion_left_early_gives_ended_tasks_back_to_their_group)
{
	int rc, order = 0;
	BIDE_GROUP(group, rc) {
		bide_task *tasks[] = { bide_group_spawn(group, nap, 1.0, 1),
			               bide_group_spawn(group, nap, 1.0, 2) };
		BIDE_AS_COMPLETED(task, tasks, 2) {
			EXPECT_PTR(task, tasks[0]);
			break;
		}
		for (bide_task *task; (task = bide_group_next(group));)
			order = order * 10 + bide_await(int, task);
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(order, 2); /* the first one was given out already */
}
