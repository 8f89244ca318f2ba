// SPDX-License-Identifier: MIT
/* Cancellation of tasks: what bide_cancel() does to a task in each state, that it lasts, what it
 * leaves alone, and how a task that was cancelled counts. */
#include "core/virtual_kit.h"

static int first, second;

/* ---- in each state ------------------------------------------------------------------------ */

VIRTUAL_TEST(cancel_wakes_a_sleeping_task_at_once)
{
	bide_task *task = bide_spawn(tick, 10.0, 'A');
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_STR(trace, ""); /* but not before the caller suspends */
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_STR(trace, "a");
	EXPECT_ELAPSED(1.0);
}

VIRTUAL_TEST(cancel_asks_once)
{
	bide_task *task = bide_spawn(tick, 10.0, 'A');
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_cancel(task), 0);
	EXPECT_INT(bide_wait(&task, 1, BIDE_ALL), 1);
	EXPECT_INT(bide_cancel(task), 0);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_STR(trace, "a");
}

VIRTUAL_TEST(cancel_of_an_ended_task_changes_nothing)
{
	bide_task *task = bide_spawn(nap, 1.0, 42);
	EXPECT_INT(bide_sleep(2), 0);
	EXPECT_INT(bide_cancel(task), 0);
	EXPECT(!bide_task_cancelled(task));
	EXPECT_INT(bide_await(int, task), 42);
}

VIRTUAL_TEST(cancel_before_the_first_run_lets_the_body_run)
{
	bide_task *task = bide_spawn(tick, 10.0, 'A');
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_STR(trace, "a");
	EXPECT_ELAPSED(0.0);
}

static BIDE_ASYNC_LIGHT(int, cancel_itself, void);
static int cancel_itself(void)
{
	EXPECT_INT(bide_cancel(bide_current_task()), 1);
	EXPECT_INT(bide_cancelled(), -ECANCELED);
	note('A'); /* it goes on until it suspends */
	first = bide_sleep(1);
	second = bide_sleep(1);
	return first;
}

VIRTUAL_TEST(cancel_of_oneself_comes_at_the_next_suspension)
{
	bide_task *task = bide_spawn(cancel_itself);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_STR(trace, "A");
	EXPECT_INT(first, -ECANCELED);
	EXPECT_INT(second, -ECANCELED);
	EXPECT_ELAPSED(0.0);
}

static BIDE_ASYNC_LIGHT(int, cancel_itself_last, void);
static int cancel_itself_last(void)
{
	bide_cancel(bide_current_task());
	return 42;
}

VIRTUAL_TEST(cancel_after_the_last_suspension_comes_too_late)
{
	bide_task *task = bide_spawn(cancel_itself_last);
	EXPECT_INT(bide_wait(&task, 1, BIDE_ALL), 1);
	EXPECT(!bide_task_cancelled(task));
	EXPECT_INT(bide_await(int, task), 42);
}

static BIDE_ASYNC_LIGHT(int, sleep_twice, double, double);
static int sleep_twice(double a, double b)
{
	first = second = 7;
	first = bide_sleep(a);
	second = bide_sleep(b);
	return second;
}

/* The task's sleep is over when it is cancelled, but it has not run yet. */
VIRTUAL_TEST(cancel_of_a_ready_task_leaves_the_wait_that_completed)
{
	first = 7;
	bide_task *task = bide_spawn(sleep_twice, 1.0, 10.0);
	bide_task *canceller = bide_spawn(cancel_later, 0.5, task);
	EXPECT_INT(bide_join(canceller), 0);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(first, -ECANCELED);

	task = bide_spawn(sleep_twice, 1.0, 10.0);
	EXPECT_INT(bide_sleep(1), 0); /* armed first, so this task wakes first */
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(first, 0);
	EXPECT_INT(second, -ECANCELED);
	EXPECT_ELAPSED(1.5);
}

/* ---- it lasts ----------------------------------------------------------------------------- */

static BIDE_ASYNC(int, try_every_call, void);
static int try_every_call(void)
{
	bide_task *tasks[] = { bide_spawn(nap, 50.0, 1), bide_spawn(nap, 60.0, 2) };
	bide_completion *it;
	int rc = 7, grouped = 7;
	EXPECT_INT(bide_sleep(9), -ECANCELED);
	EXPECT_INT(bide_sleep(9), -ECANCELED);
	EXPECT_INT(bide_sleep(0), -ECANCELED);
	EXPECT_INT(bide_sleep(-1), -ECANCELED);
	EXPECT_INT(bide_sleep(INFINITY), -ECANCELED);
	EXPECT_INT(bide_yield(), -ECANCELED);
	EXPECT_INT(bide_sleep_until(bide_now() + 1), -ECANCELED);
	EXPECT_INT(bide_sleep_until(0), -ECANCELED);
	EXPECT_INT(bide_wait(tasks, 2, BIDE_FIRST_COMPLETED), -ECANCELED);
	EXPECT_INT(bide_wait(tasks, 2, BIDE_FIRST_FAILED), -ECANCELED);
	EXPECT_INT(bide_wait(tasks, 2, BIDE_ALL), -ECANCELED);
	if (EXPECT_INT(bide_completion_open(tasks, 2, &it), 0)) {
		EXPECT_PTR(bide_completion_next(it), NULL);
		bide_completion_close(it);
	}
	BIDE_GROUP(group, grouped) {
		bide_group_spawn(group, tick, 1.0, 'G');
		EXPECT_PTR(bide_group_next(group), NULL);
	}
	EXPECT_INT(grouped, -ECANCELED);
	BIDE_TIMEOUT(5, rc) {
		EXPECT_INT(bide_sleep(9), -ECANCELED);
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(bide_cancelled(), -ECANCELED);
	EXPECT_INT(bide_await(int, tasks[0]), -ECANCELED);
	EXPECT_INT(bide_gather(&tasks[1], 1, (int *)NULL), -ECANCELED);
	EXPECT_INT(bide_join(bide_spawn(nap, 50.0, 1)), -ECANCELED);
	EXPECT_INT(bide_try_await(bide_spawn(nap, 50.0, 1), NULL), -ECANCELED);
	EXPECT_INT(bide_wait_for(bide_spawn(nap, 50.0, 1), 70, NULL), -ECANCELED);
	note('E');
	return bide_sleep(1);
}

VIRTUAL_TEST(cancel_is_returned_by_every_call_that_suspends)
{
	bide_task *task = bide_spawn(try_every_call);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_STR(trace, "gE");
	EXPECT_ELAPSED(1.0);
}

VIRTUAL_TEST(cancel_leaves_what_has_ended_to_be_taken)
{
	int rc = 7, result = 7;
	bide_task *tasks[] = { bide_spawn(nap, 0.0, 1), bide_spawn(nap, 0.0, 2),
		               bide_spawn(nap, 0.0, 3), bide_spawn(nap, 0.0, 4) };
	EXPECT_INT(bide_sleep(1), 0);
	BIDE_SCOPE(scope, rc) {
		bide_scope_cancel(scope);
		EXPECT_INT(bide_await(int, tasks[0]), 1);
		EXPECT_INT(bide_try_await(tasks[1], &result), 0);
		EXPECT_INT(result, 2);
		EXPECT_INT(bide_wait(&tasks[2], 2, BIDE_ALL), 2);
		EXPECT_INT(bide_wait_for(tasks[2], 1, &result), 0);
		EXPECT_INT(result, 3);
		EXPECT_INT(bide_join(tasks[3]), 0);
	}
	EXPECT_INT(rc, 0);
}

/* ---- how it counts ------------------------------------------------------------------------ */

static void expect_end(bide_task *task, bool cancelled, int error)
{
	EXPECT_INT(bide_sleep(1), 0);
	bide_cancel(task);
	EXPECT_INT(bide_task_error(task), -EINPROGRESS);
	EXPECT(!bide_task_cancelled(task));
	EXPECT_INT(bide_wait(&task, 1, BIDE_ALL), 1);
	EXPECT_INT(bide_task_cancelled(task), cancelled);
	EXPECT_INT(bide_task_error(task), error);
	EXPECT_INT(bide_try_await(task, NULL), error);
}

static BIDE_ASYNC_LIGHT(void, sleep_void, double);
static void sleep_void(double seconds)
{
	(void)bide_sleep(seconds);
}

static BIDE_ASYNC_LIGHT(int, end_with, double, int);
static int end_with(double seconds, int result)
{
	return bide_sleep(seconds) < 0 ? result : 0;
}

static BIDE_ASYNC_LIGHT(double, fail_double, double);
static double fail_double(double seconds)
{
	int rc = bide_sleep(seconds);
	if (rc < 0)
		bide_fail(rc);
	return 1.5;
}

VIRTUAL_TEST(cancel_counts_when_the_task_ends_because_of_it)
{
	expect_end(bide_spawn(nap, 9.0, 1), true, -ECANCELED);
	expect_end(bide_spawn(sleep_void, 9.0), true, -ECANCELED);
	expect_end(bide_spawn(fail_double, 9.0), true, -ECANCELED);
}

VIRTUAL_TEST(cancel_does_not_count_when_the_task_ends_otherwise)
{
	expect_end(bide_spawn(end_with, 9.0, 42), false, 0);
	expect_end(bide_spawn(end_with, 9.0, 0), false, 0);
	expect_end(bide_spawn(end_with, 9.0, -EIO), false, -EIO);
	expect_end(bide_spawn(stubborn, 9.0, 42), false, 0);
}

VIRTUAL_TEST(cancel_that_nobody_asked_for_is_a_failure)
{
	bide_task *task = bide_spawn(nap, 1.0, -ECANCELED);
	EXPECT_INT(bide_wait(&task, 1, BIDE_FIRST_FAILED), 1);
	EXPECT(!bide_task_cancelled(task));
	EXPECT_INT(bide_join(task), -ECANCELED);
}

static BIDE_ASYNC(void, cancel_and_leave, void);
static void cancel_and_leave(void)
{
	bide_task *task = bide_spawn(nap, 9.0, 1);
	EXPECT_INT(bide_sleep(1), 0);
	bide_cancel(task);
	bide_detach(task);
	EXPECT_INT(bide_sleep(1), 0);
}

TEST(cancel_is_never_reported_as_a_failure)
{
	CHECK_INT(RUN_VIRTUAL(cancel_and_leave), 0);
	CHECK_UINT(reports.count, 0);
}

VIRTUAL_TEST(cancel_of_one_child_is_no_failure_of_its_group)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_task *child = bide_group_spawn(group, tick, 9.0, 'A');
		bide_group_spawn(group, tick, 3.0, 'B');
		EXPECT_INT(bide_sleep(1), 0);
		EXPECT_INT(bide_cancel(child), 1);
		EXPECT_INT(bide_sleep(1), 0);
	}
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "aB");
	EXPECT_ELAPSED(3.0);
}

VIRTUAL_TEST(cancel_of_a_child_that_waits_for_its_turn)
{
	int rc = 7;
	const bide_group_options one = { .limit = 1 };
	BIDE_GROUP_WITH(&one, group, rc) {
		bide_group_spawn(group, tick, 3.0, 'A');
		bide_task *child = bide_group_spawn(group, tick, 3.0, 'B');
		bide_group_spawn(group, tick, 3.0, 'C');
		EXPECT_INT(bide_sleep(1), 0);
		EXPECT_INT(bide_cancel(child), 1);
	}
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "AbC");
	EXPECT_ELAPSED(6.0);
}

/* ---- bide_cancelled ----------------------------------------------------------------------- */

VIRTUAL_TEST(cancelled_tells_what_a_call_would_return)
{
	EXPECT_INT(bide_cancelled(), 0);
	BIDE_TIMEOUT(0) {
		EXPECT_INT(bide_cancelled(), -ETIMEDOUT);
		BIDE_SHIELD
			EXPECT_INT(bide_cancelled(), 0);
		BIDE_SCOPE(scope) {
			bide_scope_cancel(scope);
			EXPECT_INT(bide_cancelled(), -ETIMEDOUT);
		}
	}
	BIDE_SCOPE(scope) {
		bide_scope_cancel(scope);
		EXPECT_INT(bide_cancelled(), -ECANCELED);
	}
	EXPECT_INT(bide_cancelled(), 0);
}

VIRTUAL_TEST(cancelled_asked_does_not_make_a_scope_fire)
{
	int rc = 7;
	BIDE_TIMEOUT(0, rc)
		EXPECT_INT(bide_cancelled(), -ETIMEDOUT);
	EXPECT_INT(rc, 0);
}
