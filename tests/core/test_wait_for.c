// SPDX-License-Identifier: MIT
/* bide_wait_for(): a task's result, or its cancellation after so many seconds. */
#include "core/virtual_kit.h"

VIRTUAL_TEST(wait_for_gives_the_result_that_comes_in_time)
{
	int result = 7;
	EXPECT_INT(bide_wait_for(bide_spawn(nap, 1.0, 42), 2, &result), 0);
	EXPECT_INT(result, 42);
	EXPECT_ELAPSED(1.0);
	EXPECT_INT(bide_sleep(5), 0); /* its deadline is gone */
}

VIRTUAL_TEST(wait_for_without_a_limit_waits)
{
	int result = 7;
	EXPECT_INT(bide_wait_for(bide_spawn(nap, 1e6, 42), INFINITY, &result), 0);
	EXPECT_INT(result, 42);
	EXPECT_ELAPSED(1e6);
}

VIRTUAL_TEST(wait_for_cancels_the_task_that_takes_too_long)
{
	int result = 7;
	EXPECT_INT(bide_wait_for(bide_spawn(tick, 9.0, 'A'), 2, &result), -ETIMEDOUT);
	EXPECT_STR(trace, "a");
	EXPECT_INT(result, 7);
	EXPECT_ELAPSED(2.0);
	EXPECT_INT(bide_cancelled(), 0);
	EXPECT_INT(bide_sleep(1), 0);
}

static int learned;

static BIDE_ASYNC_LIGHT(int, learn, double);
static int learn(double seconds)
{
	learned = bide_sleep(seconds);
	return learned;
}

VIRTUAL_TEST(wait_for_cancels_with_ECANCELED_as_the_deadline_is_the_callers)
{
	EXPECT_INT(bide_wait_for(bide_spawn(learn, 9.0), 1, NULL), -ETIMEDOUT);
	EXPECT_INT(learned, -ECANCELED);
}

VIRTUAL_TEST(wait_for_waits_until_the_cancelled_task_has_cleaned_up)
{
	EXPECT_INT(bide_wait_for(bide_spawn(tidy, 9.0, 3.0, 1), 2, NULL), -ETIMEDOUT);
	EXPECT_ELAPSED(5.0);
}

VIRTUAL_TEST(wait_for_nothing_gives_what_is_there)
{
	int result = 7;
	bide_task *task = bide_spawn(nap, 0.0, 42);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_wait_for(task, 0, &result), 0);
	EXPECT_INT(result, 42);
	task = bide_spawn(nap, 0.0, 43);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_wait_for(task, -1, &result), 0);
	EXPECT_INT(result, 43);
}

VIRTUAL_TEST(wait_for_nothing_cancels_a_running_task)
{
	const double limits[] = { 0, -1, -INFINITY };
	for (int i = 0; i < 3; i++) {
		bide_task *task = bide_spawn(tick, 10.0, 'A');
		EXPECT_INT(bide_sleep(0), 0);
		EXPECT_INT(bide_wait_for(task, limits[i], NULL), -ETIMEDOUT);
	}
	EXPECT_STR(trace, "aaa");
	EXPECT_ELAPSED(0.0);
}

/* Unlike asyncio's coroutine a task's body always runs; it learns at its first suspension. */
VIRTUAL_TEST(wait_for_nothing_still_runs_the_body)
{
	EXPECT_INT(bide_wait_for(bide_spawn(tick, 10.0, 'A'), 0, NULL), -ETIMEDOUT);
	EXPECT_STR(trace, "a");
}

VIRTUAL_TEST(wait_for_keeps_the_result_of_a_task_that_answers_its_cancellation_with_one)
{
	int result = 7;
	EXPECT_INT(bide_wait_for(bide_spawn(unmoved, 9.0, 42), 1, &result), 0);
	EXPECT_INT(result, 42);
	EXPECT_ELAPSED(1.0);
}

VIRTUAL_TEST(wait_for_keeps_the_result_that_comes_in_the_turn_of_the_deadline)
{
	int result = 7;
	bide_task *task = bide_spawn(nap, 1.0, 42);
	EXPECT_INT(bide_yield(), 0);
	EXPECT_INT(bide_wait_for(task, 1, &result), 0);
	EXPECT_INT(result, 42);
	EXPECT_ELAPSED(1.0);
}

static BIDE_ASYNC(int, fail_when_cancelled, int);
static int fail_when_cancelled(int error)
{
	return bide_sleep(10) < 0 ? error : 0;
}

VIRTUAL_TEST(wait_for_gives_the_failure_of_a_task_that_fails_on_being_cancelled)
{
	EXPECT_INT(bide_wait_for(bide_spawn(fail_when_cancelled, -EIO), 1, NULL), -EIO);
	EXPECT_ELAPSED(1.0);
}

VIRTUAL_TEST(wait_for_gives_the_tasks_own_failure)
{
	EXPECT_INT(bide_wait_for(bide_spawn(nap, 1.0, -EIO), 2, NULL), -EIO);
	EXPECT_INT(bide_wait_for(bide_spawn(nap, 1.0, -ETIMEDOUT), 2, NULL), -ETIMEDOUT);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_ELAPSED(3.0);
}

VIRTUAL_TEST(wait_for_gives_the_cancellation_of_a_task_cancelled_by_another)
{
	bide_task *task = bide_spawn(nap, 9.0, 1);
	bide_task *canceller = bide_spawn(cancel_later, 1.0, task);
	EXPECT_INT(bide_wait_for(task, 5, NULL), -ECANCELED);
	EXPECT_ELAPSED(1.0);
	EXPECT_INT(bide_cancelled(), 0);
	EXPECT_INT(bide_join(canceller), 0);
}

VIRTUAL_TEST(wait_for_refuses_NaN_and_ends_the_task)
{
	EXPECT_INT(bide_wait_for(bide_spawn(tick, 9.0, 'A'), NAN, NULL), -EINVAL);
	EXPECT_STR(trace, "a");
	EXPECT_UINT(bide_all_tasks(NULL, 0), 1);
	EXPECT_ELAPSED(0.0);
}

VIRTUAL_TEST(wait_for_a_spawn_without_memory)
{
	EXPECT_INT(bide_wait_for(NULL, 1, NULL), -ENOMEM);
	EXPECT_ELAPSED(0.0);
}

/* ---- the waiter is cancelled -------------------------------------------------------------- */

static BIDE_ASYNC_LIGHT(int, wait_for_tick, double, double);
static int wait_for_tick(double seconds, double limit)
{
	int result = 0;
	return bide_wait_for(bide_spawn(tick, seconds, 'A'), limit, &result);
}

VIRTUAL_TEST(wait_for_cancelled_cancels_the_task)
{
	const double limits[] = { INFINITY, 60 };
	for (int i = 0; i < 2; i++) {
		bide_task *waiter = bide_spawn(wait_for_tick, 90.0, limits[i]);
		EXPECT_INT(bide_sleep(1), 0);
		EXPECT_INT(bide_cancel(waiter), 1);
		EXPECT_INT(bide_wait(&waiter, 1, BIDE_ALL), 1);
		EXPECT(bide_task_cancelled(waiter));
		EXPECT_INT(bide_join(waiter), -ECANCELED);
	}
	EXPECT_STR(trace, "aa");
	EXPECT_ELAPSED(2.0);
}

static BIDE_ASYNC_LIGHT(int, wait_for_stubborn, double);
static int wait_for_stubborn(double limit)
{
	int result = 7;
	int rc = bide_wait_for(bide_spawn(stubborn, 5.0, 42), limit, &result);
	return rc < 0 ? rc : result;
}

VIRTUAL_TEST(wait_for_cancelled_waits_for_a_task_that_does_not_stop)
{
	bide_task *waiter = bide_spawn(wait_for_stubborn, 60.0);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(waiter), 1);
	EXPECT_INT(bide_await(int, waiter), 42);
	EXPECT_ELAPSED(5.0);
}

VIRTUAL_TEST(wait_for_in_an_earlier_time_out_gives_that)
{
	int rc, waited = 7;
	BIDE_TIMEOUT(1, rc) {
		waited = bide_wait_for(bide_spawn(nap, 9.0, 1), 5, NULL);
	}
	EXPECT_INT(waited, -ETIMEDOUT);
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_ELAPSED(1.0);
}

VIRTUAL_TEST(wait_for_in_a_later_time_out_does_not_touch_it)
{
	int rc, waited = 7;
	BIDE_TIMEOUT(5, rc) {
		waited = bide_wait_for(bide_spawn(nap, 9.0, 1), 1, NULL);
	}
	EXPECT_INT(waited, -ETIMEDOUT);
	EXPECT_INT(rc, 0);
	EXPECT_ELAPSED(1.0);
}

static bool reached_end;

static BIDE_ASYNC_LIGHT(int, wait_then_sleep, void);
static int wait_then_sleep(void)
{
	int rc = bide_wait_for(bide_spawn(nap, 0.0, 0), 100, NULL);
	if (rc == 0)
		rc = bide_sleep(1);
	reached_end = rc == 0;
	return rc;
}

VIRTUAL_TEST(wait_for_cancelled_as_the_task_ends_loses_no_cancellation)
{
	reached_end = true;
	bide_task *waiter = bide_spawn(wait_then_sleep);
	for (int i = 0; i < 2; i++)
		EXPECT_INT(bide_yield(), 0);
	EXPECT_INT(bide_cancel(waiter), 1);
	EXPECT_INT(bide_join(waiter), -ECANCELED);
	EXPECT(!reached_end);
}
