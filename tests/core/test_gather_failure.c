// SPDX-License-Identifier: MIT
/* bide_gather() when something goes wrong: one fails, one is cancelled, the caller is cancelled. */
#include "core/virtual_kit.h"

/* ---- one fails ---------------------------------------------------------------------------- */

VIRTUAL_TEST(gather_returns_the_failure_and_cancels_the_others)
{
	int results[3] = { 7, 7, 7 };
	bide_task *tasks[] = { bide_spawn(tick, 3.0, 'A'), bide_spawn(nap, 1.0, -EIO),
		               bide_spawn(nap, 0.5, 5) };
	EXPECT_INT(bide_gather(tasks, 3, results), -EIO);
	EXPECT_STR(trace, "a");
	EXPECT_ELAPSED(1.0);
	EXPECT_INT(results[0], 0);
	EXPECT_INT(results[1], 0);
	EXPECT_INT(results[2], 5);
}

VIRTUAL_TEST(gather_returns_the_first_failure_in_order_of_completion)
{
	bide_task *tasks[] = { bide_spawn(nap, 2.0, -EIO), bide_spawn(nap, 1.0, -EPERM),
		               bide_spawn(nap, 3.0, -ENOENT) };
	EXPECT_INT(bide_gather(tasks, 3, (int *)NULL), -EPERM);
	EXPECT_ELAPSED(1.0);
}

VIRTUAL_TEST(gather_of_two_failures_in_one_turn_returns_the_first)
{
	bide_task *tasks[] = { bide_spawn(nap, 1.0, -EPERM), bide_spawn(nap, 1.0, -EIO) };
	EXPECT_INT(bide_gather(tasks, 2, (int *)NULL), -EPERM);

	bide_task *late = bide_spawn(nap, 1.0, -EIO), *later = bide_spawn(nap, 1.0, -EPERM);
	bide_task *turned[] = { later, late };
	EXPECT_INT(bide_gather(turned, 2, (int *)NULL), -EIO);
}

VIRTUAL_TEST(gather_waits_until_the_cancelled_have_cleaned_up)
{
	bide_task *tasks[] = { bide_spawn(nap, 1.0, -EIO), bide_spawn(tidy, 9.0, 2.5, 0) };
	EXPECT_INT(bide_gather(tasks, 2, (int *)NULL), -EIO);
	EXPECT_ELAPSED(3.5);
}

static BIDE_ASYNC(int, fail_in_cleanup, double, int);
static int fail_in_cleanup(double seconds, int error)
{
	int rc = bide_sleep(seconds);
	return rc < 0 ? error : 0;
}

VIRTUAL_TEST(gather_keeps_the_first_failure_when_clean_up_fails_too)
{
	bide_task *tasks[] = { bide_spawn(fail_in_cleanup, 5.0, -EPERM), bide_spawn(nap, 1.0, -EIO),
		               bide_spawn(fail_in_cleanup, 5.0, -ENOENT) };
	EXPECT_INT(bide_gather(tasks, 3, (int *)NULL), -EIO);
}

VIRTUAL_TEST(gather_keeps_a_result_given_after_the_failure)
{
	int results[2] = { 7, 7 };
	bide_task *tasks[] = { bide_spawn(unmoved, 5.0, 42), bide_spawn(nap, 1.0, -EIO) };
	EXPECT_INT(bide_gather(tasks, 2, results), -EIO);
	EXPECT_INT(results[0], 42);
	EXPECT_INT(results[1], 0);
	EXPECT_ELAPSED(1.0);
}

VIRTUAL_TEST(gather_of_one_that_failed_before_cancels_the_others_at_once)
{
	bide_task *tasks[] = { bide_spawn(nap, 9.0, 1), bide_spawn(nap, 0.0, -EIO) };
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_gather(tasks, 2, (int *)NULL), -EIO);
	EXPECT_ELAPSED(1.0);
}

static BIDE_ASYNC(double, no_number, double, int);
static double no_number(double seconds, int error)
{
	if (bide_sleep(seconds) == 0)
		bide_fail(error);
	return 1.5;
}

VIRTUAL_TEST(gather_returns_what_a_task_failed_with_by_bide_fail)
{
	double results[2] = { 7, 7 };
	bide_task *tasks[] = { bide_spawn(no_number, 1.0, -EIO),
		               bide_spawn(no_number, 2.0, -EPERM) };
	EXPECT_INT(bide_gather(tasks, 2, results), -EIO);
	EXPECT_DOUBLE(results[0], 0.0);
	EXPECT_DOUBLE(results[1], 1.5);
}

/* ---- one is cancelled --------------------------------------------------------------------- */

VIRTUAL_TEST(gather_goes_on_when_one_task_is_cancelled_by_itself)
{
	int results[3] = { 7, 7, 7 };
	bide_task *tasks[] = { bide_spawn(nap, 3.0, 1), bide_spawn(nap, 5.0, 2),
		               bide_spawn(nap, 2.0, 3) };
	bide_task *canceller = bide_spawn(cancel_later, 1.0, tasks[1]);
	EXPECT_INT(bide_gather(tasks, 3, results), -ECANCELED);
	EXPECT_INT(results[0], 1);
	EXPECT_INT(results[1], 0);
	EXPECT_INT(results[2], 3);
	EXPECT_ELAPSED(3.0);
	EXPECT_INT(bide_await(int, canceller), 1);
	EXPECT_INT(bide_cancelled(), 0);
}

VIRTUAL_TEST(gather_prefers_a_failure_to_an_earlier_cancellation)
{
	bide_task *tasks[] = { bide_spawn(nap, 3.0, 1), bide_spawn(nap, 2.0, -EIO) };
	EXPECT_INT(bide_cancel(tasks[0]), 1);
	EXPECT_INT(bide_gather(tasks, 2, (int *)NULL), -EIO);
}

/* ---- the caller is cancelled -------------------------------------------------------------- */

VIRTUAL_TEST(gather_of_a_timed_out_caller_cancels_all_and_waits)
{
	int rc, gathered = 7, results[2] = { 7, 7 };
	bide_task *tasks[] = { bide_spawn(tidy, 9.0, 2.0, 1), bide_spawn(nap, 9.0, 2) };
	BIDE_TIMEOUT(1, rc) {
		gathered = bide_gather(tasks, 2, results);
	}
	EXPECT_INT(gathered, -ETIMEDOUT);
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_INT(results[0], 0);
	EXPECT_INT(results[1], 0);
	EXPECT_ELAPSED(3.0);
}

VIRTUAL_TEST(gather_keeps_results_that_come_although_the_caller_is_cancelled)
{
	int rc, results[2] = { 7, 7 };
	bide_task *tasks[] = { bide_spawn(unmoved, 9.0, 1), bide_spawn(stubborn, 2.0, 2) };
	BIDE_TIMEOUT(1, rc) {
		EXPECT_INT(bide_gather(tasks, 2, results), 0);
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(results[0], 1);
	EXPECT_INT(results[1], 2);
	EXPECT_ELAPSED(2.0);
}

VIRTUAL_TEST(gather_by_a_cancelled_caller_cancels_at_once)
{
	int rc, gathered = 7;
	bide_task *tasks[] = { bide_spawn(nap, 9.0, 1), bide_spawn(nap, 8.0, 1) };
	BIDE_SCOPE(scope, rc) {
		bide_scope_cancel(scope);
		gathered = bide_gather(tasks, 2, (int *)NULL);
	}
	EXPECT_INT(gathered, -ECANCELED);
	EXPECT_INT(rc, -ECANCELED);
	EXPECT_ELAPSED(0.0);
}

VIRTUAL_TEST(gather_of_ended_tasks_gives_results_though_the_caller_is_cancelled)
{
	int rc, results[2] = { 7, 7 };
	bide_task *tasks[] = { bide_spawn(nap, 0.0, 1), bide_spawn(nap, 0.0, 2) };
	EXPECT_INT(bide_sleep(1), 0);
	BIDE_SCOPE(scope, rc) {
		bide_scope_cancel(scope);
		EXPECT_INT(bide_gather(tasks, 2, results), 0);
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(results[0] * 10 + results[1], 12);
}

VIRTUAL_TEST(gather_in_a_shield_is_not_cut)
{
	int rc, result = 0;
	bide_task *task = bide_spawn(nap, 2.0, 5);
	BIDE_TIMEOUT(1, rc) {
		BIDE_SHIELD {
			EXPECT_INT(bide_gather(&task, 1, &result), 0);
		}
		EXPECT_INT(bide_yield(), -ETIMEDOUT);
	}
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_INT(result, 5);
	EXPECT_ELAPSED(2.0);
}

static int gathered_with;

static BIDE_ASYNC_LIGHT(int, gather_two, double, double);
static int gather_two(double a, double b)
{
	bide_task *tasks[] = { bide_spawn(tick, a, 'A'), bide_spawn(tick, b, 'B') };
	gathered_with = bide_gather(tasks, 2, (int *)NULL);
	return gathered_with;
}

VIRTUAL_TEST(gather_of_a_cancelled_task_cancels_down_the_chain)
{
	bide_task *outer = bide_spawn(gather_two, 8.0, 9.0);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(outer), 1);
	EXPECT_INT(bide_sleep(0), 0);
	EXPECT_INT(bide_sleep(0), 0);
	EXPECT_STR(trace, "ab");
	EXPECT_INT(gathered_with, -ECANCELED);
	EXPECT_INT(bide_join(outer), -ECANCELED);
	EXPECT_ELAPSED(1.0);
}

VIRTUAL_TEST(gather_cancelled_while_a_failed_ones_siblings_clean_up_gives_the_failure)
{
	int rc, gathered = 7;
	bide_task *tasks[] = { bide_spawn(nap, 1.0, -EIO), bide_spawn(tidy, 9.0, 5.0, 0) };
	BIDE_TIMEOUT(2, rc) {
		gathered = bide_gather(tasks, 2, (int *)NULL);
	}
	EXPECT_INT(gathered, -EIO);
	EXPECT_INT(rc, 0);
	EXPECT_ELAPSED(6.0);
}
