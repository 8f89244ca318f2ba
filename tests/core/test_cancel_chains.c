// SPDX-License-Identifier: MIT
/* Cancellation along awaits, tasks that ignore it, and the cancellation of all at the end of a
 * run. */
#include "core/virtual_kit.h"

#include <stdlib.h>

/* ---- from the awaiter to the awaited ------------------------------------------------------ */

static BIDE_ASYNC_LIGHT(int, chain, int, double);
static int chain(int depth, double seconds)
{
	if (depth == 0)
		return bide_sleep(seconds);
	return bide_await(int, bide_spawn(chain, depth - 1, seconds));
}

VIRTUAL_TEST(cancel_goes_down_a_chain_of_ten_thousand_awaits)
{
	bide_task *task = bide_spawn(chain, 10000, 100.0);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_ELAPSED(1.0);
	EXPECT_UINT(bide_all_tasks(NULL, 0), 1);
}

static BIDE_ASYNC_LIGHT(int, await_it, bide_task *);
static int await_it(bide_task *task)
{
	int rc = bide_await(int, task);
	note('E');
	return rc;
}

VIRTUAL_TEST(cancel_of_an_awaiter_cancels_the_awaited_and_waits_for_it)
{
	bide_task *waiter = bide_spawn(await_it, bide_spawn(tidy, 9.0, 3.0, 1));
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(waiter), 1);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT(!bide_task_done(waiter));
	EXPECT_INT(bide_join(waiter), -ECANCELED);
	EXPECT_ELAPSED(4.0);
}

VIRTUAL_TEST(cancel_of_an_awaiter_leaves_it_the_result_that_comes_all_the_same)
{
	bide_task *waiter = bide_spawn(await_it, bide_spawn(unmoved, 9.0, 42));
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(waiter), 1);
	EXPECT_INT(bide_await(int, waiter), 42);
	EXPECT_ELAPSED(1.0);
}

VIRTUAL_TEST(cancel_of_the_awaited_is_an_error_for_the_awaiter_and_no_cancellation)
{
	bide_task *inner = bide_spawn(nap, 9.0, 1);
	bide_task *waiter = bide_spawn(await_it, inner);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(inner), 1);
	EXPECT_INT(bide_wait(&waiter, 1, BIDE_ALL), 1);
	EXPECT(!bide_task_cancelled(waiter));
	EXPECT_INT(bide_join(waiter), -ECANCELED);
}

VIRTUAL_TEST(cancel_of_an_awaiter_in_the_turn_in_which_the_awaited_ends)
{
	bide_task *waiter = bide_spawn(await_it, bide_spawn(nap, 1.0, 42));
	bide_task *canceller = bide_spawn(cancel_later, 1.0, waiter);
	EXPECT_INT(bide_await(int, waiter), 42);
	EXPECT_INT(bide_await(int, canceller), 1);
}

/* ---- those who ignore it ------------------------------------------------------------------ */

static BIDE_ASYNC_LIGHT(int, ignore, int);
static int ignore(int times)
{
	for (int i = 0; i < times; i++)
		if (bide_sleep(1) == 0)
			return 1;
	return 0;
}

VIRTUAL_TEST(cancel_that_is_ignored_does_not_freeze_the_others)
{
	bide_task *task = bide_spawn(ignore, 500);
	int rounds = 0;
	EXPECT_INT(bide_cancel(task), 1);
	while (!bide_task_done(task)) {
		EXPECT_INT(bide_yield(), 0);
		rounds++;
	}
	EXPECT(rounds >= 500);
	EXPECT_INT(bide_join(task), 0);
	EXPECT_ELAPSED(0.0);
}

static BIDE_ASYNC(void, ignore_so_often, int);
static void ignore_so_often(int times)
{
	const bide_task_options named = { .name = "deaf" };
	bide_task *task = bide_spawn_with(&named, ignore, times);
	bide_cancel(task);
	EXPECT_INT(bide_join(task), 0);
}

TEST(cancel_that_is_ignored_999_times_is_not_reported)
{
	CHECK_INT(RUN_VIRTUAL(ignore_so_often, 999), 0);
	CHECK_UINT(reports.count, 0);
}

TEST(cancel_that_is_ignored_a_thousand_times_is_reported_once)
{
	(void)unsetenv("BIDE_DEBUG"); /* which would abort */
	CHECK_INT(RUN_VIRTUAL(ignore_so_often, 1000), 0);
	CHECK_UINT(reports.count, 1);
	CHECK_INT(RUN_VIRTUAL(ignore_so_often, 5000), 0);
	CHECK_UINT(reports.count, 1);
	CHECK_INT(reports.kind[0], BIDE_REPORT_IGNORED);
	CHECK_INT(reports.error[0], -ECANCELED);
	CHECK_STR(reports.task[0], "deaf");
	CHECK(strstr(reports.message[0], "bide_sleep"));
	CHECK(strstr(reports.message[0], "1000"));
}

TEST_ABORTS(cancel_that_is_ignored_a_thousand_times_aborts_in_debug_mode,
            "bide_sleep: in task 'deaf'")
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL, .debug = true };
	(void)bide_try_run(&options, NULL, ignore_so_often, 2000);
}

static BIDE_ASYNC_LIGHT(int, ignore_by_halves, void);
static int ignore_by_halves(void)
{
	for (int half = 0; half < 4; half++) {
		for (int i = 0; i < 600; i++)
			(void)bide_yield();
		BIDE_SHIELD {
			(void)bide_sleep(1);
		}
	}
	return 0;
}

VIRTUAL_TEST(cancel_that_is_ignored_but_not_in_a_row_is_not_reported)
{
	bide_task *task = bide_spawn(ignore_by_halves);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), 0);
	EXPECT_ELAPSED(4.0);
}

VIRTUAL_TEST(cancel_by_one_scope_after_another_is_not_ignored)
{
	for (int i = 0; i < 3000; i++) {
		int rc = 7;
		BIDE_TIMEOUT(0, rc)
			(void)bide_sleep(1);
		if (!EXPECT_INT(rc, -ETIMEDOUT))
			break;
	}
}

/* ---- the end of a run --------------------------------------------------------------------- */

static BIDE_ASYNC(int, leave_others, void);
static int leave_others(void)
{
	bide_detach(bide_spawn(tick, 10.0, 'A'));
	bide_detach(bide_spawn(tidy, 10.0, 3.0, 0));
	(void)bide_spawn(tick, 20.0, 'B');
	EXPECT_INT(bide_sleep(1), 0);
	(void)bide_spawn(tick, 20.0, 'C'); /* has not begun yet */
	note('M');
	return 5;
}

TEST(cancel_at_the_end_of_a_run_reaches_all_others_and_waits_for_them)
{
	int result = 7;
	begin_run();
	CHECK_INT(bide_try_run(&virtual_options, &result, leave_others), 0);
	CHECK_INT(result, 5);
	CHECK_UINT(trace_length, 4);
	CHECK_INT(trace[0], 'M');
	CHECK(strchr(trace, 'a') && strchr(trace, 'b') && strchr(trace, 'c'));
	CHECK_UINT(reports.count, 0); /* they were cancelled, which is nobody's fault */
}

static BIDE_ASYNC(int, spawn_when_cancelled, int);
static int spawn_when_cancelled(int depth)
{
	int rc = bide_sleep(10);
	note((char)('0' + depth));
	if (depth > 0)
		bide_detach(bide_spawn(spawn_when_cancelled, depth - 1));
	return rc;
}

static BIDE_ASYNC(void, leave_a_spawner, void);
static void leave_a_spawner(void)
{
	bide_detach(bide_spawn(spawn_when_cancelled, 3));
	EXPECT_INT(bide_yield(), 0);
}

TEST(cancel_at_the_end_of_a_run_reaches_those_spawned_after_it)
{
	CHECK_INT(RUN_VIRTUAL(leave_a_spawner), 0);
	CHECK_STR(trace, "3210");
	CHECK_UINT(reports.count, 0);
}

static BIDE_ASYNC(void, leave_one, double, int);
static void leave_one(double seconds, int result)
{
	const bide_task_options named = { .name = "left" };
	bide_detach(bide_spawn_with(&named, stubborn, seconds, result));
	EXPECT_INT(bide_yield(), 0);
}

TEST(cancel_at_the_end_of_a_run_that_takes_less_than_five_seconds_is_not_reported)
{
	CHECK_INT(RUN_VIRTUAL(leave_one, 4.9, 0), 0);
	CHECK_UINT(reports.count, 0);
}

TEST(cancel_at_the_end_of_a_run_that_takes_more_than_five_seconds_is_reported)
{
	CHECK_INT(RUN_VIRTUAL(leave_one, 20.0, 0), 0);
	CHECK_UINT(reports.count, 1);
	CHECK_INT(reports.kind[0], BIDE_REPORT_STUCK);
	CHECK_STR(reports.task[0], "left");
	CHECK(strstr(reports.message[0], "bide_sleep"));
}

TEST(cancel_at_the_end_of_a_run_does_not_hide_a_failure)
{
	CHECK_INT(RUN_VIRTUAL(leave_one, 1.0, -EIO), 0);
	CHECK_UINT(reports.count, 1);
	CHECK_INT(reports.kind[0], BIDE_REPORT_FAILURE);
	CHECK_INT(reports.error[0], -EIO);
	CHECK_STR(reports.task[0], "left");
}

static BIDE_ASYNC(void, never_end_a_handle, void);
static void never_end_a_handle(void)
{
	const bide_task_options named = { .name = "forgotten" };
	(void)bide_spawn_with(&named, nap, 1.0, 1);
	EXPECT_INT(bide_sleep(2), 0);
}

TEST(cancel_is_no_excuse_for_a_handle_that_was_never_ended)
{
	CHECK_INT(RUN_VIRTUAL(never_end_a_handle), 0);
	CHECK_UINT(reports.count, 1);
	CHECK_INT(reports.kind[0], BIDE_REPORT_UNENDED);
	CHECK_STR(reports.task[0], "forgotten");
}

static BIDE_ASYNC(int, cancel_main, void);
static int cancel_main(void)
{
	bide_cancel(bide_current_task());
	return bide_sleep(1);
}

TEST(cancel_of_the_main_task_is_the_runs_result)
{
	CHECK_INT(RUN_VIRTUAL(cancel_main), -ECANCELED);
	CHECK_UINT(reports.count, 0);
}
