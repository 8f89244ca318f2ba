// SPDX-License-Identifier: MIT
/* bide_cancel() in all its forms: when it is learnt, what the task may make of it, what its awaiter
 * is told, and how it passes from an awaiter to what it awaits. */
#include "core/virtual_kit.h"

/* ---- when it is learnt -------------------------------------------------------------------- */

VIRTUAL_TEST(a_cancelled_sleep_ends_at_once)
{
	bide_task *task = bide_spawn(tick, 9.0, 'A');
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT(!bide_task_done(task));
	EXPECT_INT(bide_await(int, task), -ECANCELED);
	EXPECT_STR(trace, "a");
	EXPECT_ELAPSED(1);
}

VIRTUAL_TEST(a_task_cancelled_before_it_began_runs_and_learns_it_when_it_suspends)
{
	bide_task *task = bide_spawn(tick, 9.0, 'A');
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_STR(trace, "");
	EXPECT_INT(bide_await(int, task), -ECANCELED);
	EXPECT_STR(trace, "a");
	EXPECT_ELAPSED(0);
}

static BIDE_ASYNC_LIGHT(int, never_suspends, int);
static int never_suspends(int result)
{
	note('N');
	return result;
}

VIRTUAL_TEST(a_task_that_never_suspends_is_not_cancelled)
{
	bide_task *task = bide_spawn(never_suspends, 42);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_wait(&task, 1, BIDE_ALL), 1);
	EXPECT(!bide_task_cancelled(task));
	EXPECT_INT(bide_await(int, task), 42);
	EXPECT_STR(trace, "N");
}

static BIDE_ASYNC_LIGHT(int, two_sleeps, void);
static int two_sleeps(void)
{
	int first = bide_sleep(1);
	int second = bide_sleep(1);
	EXPECT_INT(first, 0);
	EXPECT_INT(second, -ECANCELED);
	return second;
}

/* The sleeper is ready, behind the one that cancels it. */
VIRTUAL_TEST(a_wait_that_was_over_keeps_its_result_and_the_next_is_cancelled)
{
	bide_task *task = bide_spawn(two_sleeps);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_task_state(task), BIDE_STATE_READY);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_await(int, task), -ECANCELED);
	EXPECT_ELAPSED(1);
}

static BIDE_ASYNC_LIGHT(int, suspends_in_every_way, bide_task *, bide_task *);
static int suspends_in_every_way(bide_task *ended, bide_task *running)
{
	(void)bide_sleep(9);
	EXPECT_INT(bide_cancelled(), -ECANCELED);
	EXPECT_INT(bide_sleep(5), -ECANCELED);
	EXPECT_INT(bide_sleep(0), -ECANCELED);
	EXPECT_INT(bide_sleep(-1), -ECANCELED);
	EXPECT_INT(bide_sleep(INFINITY), -ECANCELED);
	EXPECT_INT(bide_sleep_until(bide_now() + 5), -ECANCELED);
	EXPECT_INT(bide_yield(), -ECANCELED);
	EXPECT_INT(bide_wait(&running, 1, BIDE_ALL), -ECANCELED);
	EXPECT_INT(bide_wait(&ended, 1, BIDE_ALL), 1);
	EXPECT_INT(bide_await(int, ended), 5);
	EXPECT_INT(bide_await(int, running), -ECANCELED);
	EXPECT_INT(bide_cancelled(), -ECANCELED);
	return 42;
}

VIRTUAL_TEST(every_suspending_call_of_a_cancelled_task_returns_that)
{
	bide_task *ended = bide_spawn(nap, 0.0, 5), *running = bide_spawn(nap, 99.0, 6);
	bide_task *task = bide_spawn(suspends_in_every_way, ended, running);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_await(int, task), 42);
	EXPECT_ELAPSED(1);
}

/* ---- who cancels -------------------------------------------------------------------------- */

VIRTUAL_TEST(cancel_tells_whether_it_asked)
{
	bide_task *task = bide_spawn(nap, 9.0, 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_cancel(task), 0);
	EXPECT_INT(bide_yield(), 0);
	EXPECT_INT(bide_yield(), 0);
	EXPECT(bide_task_done(task));
	EXPECT_INT(bide_cancel(task), 0);
	EXPECT_INT(bide_join(task), -ECANCELED);
}

VIRTUAL_TEST(a_task_that_has_ended_is_left_alone)
{
	bide_task *task = bide_spawn(nap, 0.0, 42);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 0);
	EXPECT(!bide_task_cancelled(task));
	EXPECT_INT(bide_await(int, task), 42);
}

static BIDE_ASYNC_LIGHT(int, cancels_itself, void);
static int cancels_itself(void)
{
	EXPECT_INT(bide_cancel(bide_current_task()), 1);
	EXPECT_INT(bide_cancelled(), -ECANCELED);
	note('A');
	int rc = bide_sleep(1);
	note('B');
	return rc;
}

VIRTUAL_TEST(a_task_may_cancel_itself)
{
	EXPECT_INT(bide_await(int, bide_spawn(cancels_itself)), -ECANCELED);
	EXPECT_STR(trace, "AB");
	EXPECT_ELAPSED(0);
}

VIRTUAL_TEST(any_task_may_cancel_any_other)
{
	bide_task *task = bide_spawn(tick, 9.0, 'A');
	bide_task *other = bide_spawn(cancel_later, 1.0, task);
	EXPECT_INT(bide_await(int, task), -ECANCELED);
	EXPECT_INT(bide_await(int, other), 1);
	EXPECT_STR(trace, "a");
	EXPECT_ELAPSED(1);
}

/* ---- what the task makes of it ------------------------------------------------------------ */

VIRTUAL_TEST(a_task_that_returns_the_cancellation_is_cancelled)
{
	bide_task *task = bide_spawn(nap, 9.0, 0);
	EXPECT_INT(bide_yield(), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT(!bide_task_cancelled(task));
	EXPECT_INT(bide_wait(&task, 1, BIDE_ALL), 1);
	EXPECT(bide_task_cancelled(task));
	EXPECT_INT(bide_task_error(task), -ECANCELED);
	EXPECT_INT(bide_join(task), -ECANCELED);
}

VIRTUAL_TEST(a_task_may_answer_a_cancellation_by_a_result)
{
	bide_task *task = bide_spawn(unmoved, 9.0, 42);
	EXPECT_INT(bide_yield(), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_wait(&task, 1, BIDE_ALL), 1);
	EXPECT(!bide_task_cancelled(task));
	EXPECT_INT(bide_await(int, task), 42);
	EXPECT_ELAPSED(0);
}

VIRTUAL_TEST(a_task_may_answer_a_cancellation_by_a_failure)
{
	bide_task *task = bide_spawn(unmoved, 9.0, -EIO);
	EXPECT_INT(bide_yield(), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_wait(&task, 1, BIDE_ALL), 1);
	EXPECT(!bide_task_cancelled(task));
	EXPECT_INT(bide_task_error(task), -EIO);
	EXPECT_INT(bide_join(task), -EIO);
}

VIRTUAL_TEST(a_cancelled_task_may_clean_up)
{
	bide_task *task = bide_spawn(tidy, 9.0, 2.0, 0);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_ELAPSED(3);
}

VIRTUAL_TEST(a_shielded_task_ends_with_its_result)
{
	bide_task *task = bide_spawn(stubborn, 5.0, 42);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_await(int, task), 42);
	EXPECT_ELAPSED(5);
}

static BIDE_ASYNC_LIGHT(void, returns_nothing, double);
static void returns_nothing(double seconds)
{
	(void)bide_sleep(seconds);
}

VIRTUAL_TEST(a_task_without_a_result_is_cancelled_when_it_was_told)
{
	bide_task *task = bide_spawn(returns_nothing, 9.0);
	EXPECT_INT(bide_yield(), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_wait(&task, 1, BIDE_ALL), 1);
	EXPECT(bide_task_cancelled(task));
	EXPECT_INT(bide_join(task), -ECANCELED);
}

VIRTUAL_TEST(a_task_without_a_result_is_not_cancelled_when_it_was_not_told)
{
	bide_task *task = bide_spawn(returns_nothing, 1.0);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_wait(&task, 1, BIDE_ALL), 1);
	EXPECT(!bide_task_cancelled(task));
	EXPECT_INT(bide_join(task), 0);
}

static BIDE_ASYNC_LIGHT(double, fails_as_told, double);
static double fails_as_told(double seconds)
{
	int rc = bide_sleep(seconds);
	if (rc < 0)
		bide_fail(rc);
	return seconds;
}

VIRTUAL_TEST(a_task_that_fails_with_the_cancellation_is_cancelled)
{
	double ret = 7;
	bide_task *task = bide_spawn(fails_as_told, 9.0);
	EXPECT_INT(bide_yield(), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_wait(&task, 1, BIDE_ALL), 1);
	EXPECT(bide_task_cancelled(task));
	EXPECT_INT(bide_try_await(task, &ret), -ECANCELED);
	EXPECT_DOUBLE(ret, 7);
}

VIRTUAL_TEST(returning_the_code_without_a_cancellation_is_a_failure)
{
	bide_task *task = bide_spawn(never_suspends, -ECANCELED);
	EXPECT_INT(bide_wait(&task, 1, BIDE_ALL), 1);
	EXPECT(!bide_task_cancelled(task));
	EXPECT_INT(bide_join(task), -ECANCELED);
}

static BIDE_ASYNC_LIGHT(int, ignores, int);
static int ignores(int times)
{
	while (times-- > 0)
		(void)bide_sleep(9);
	return 42;
}

VIRTUAL_TEST(a_task_that_ignores_its_cancellation_does_not_freeze_the_others)
{
	bide_task *task = bide_spawn(ignores, 500);
	bide_task *other = bide_spawn(nap, 1.0, 1);
	EXPECT_INT(bide_yield(), 0);
	EXPECT_INT(bide_cancel(task), 1);
	for (int i = 0; i < 100; i++)
		EXPECT_INT(bide_yield(), 0);
	EXPECT(!bide_task_done(task));
	EXPECT_INT(bide_await(int, task), 42);
	EXPECT_INT(bide_join(other), 0);
}

/* ---- through awaits ----------------------------------------------------------------------- */

static BIDE_ASYNC_LIGHT(int, awaits, bide_task *);
static int awaits(bide_task *task)
{
	int rc = bide_await(int, task);
	note(rc == -ECANCELED ? 'x' : 'X');
	return rc;
}

VIRTUAL_TEST(a_cancelled_awaiter_cancels_what_it_awaits)
{
	bide_task *inner = bide_spawn(tick, 9.0, 'A');
	bide_task *outer = bide_spawn(awaits, inner);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(outer), 1);
	EXPECT_INT(bide_await(int, outer), -ECANCELED);
	EXPECT_STR(trace, "ax");
	EXPECT_ELAPSED(1);
}

VIRTUAL_TEST(a_cancelled_awaiter_waits_for_the_clean_up_of_what_it_awaits)
{
	bide_task *outer = bide_spawn(awaits, bide_spawn(tidy, 9.0, 2.0, 0));
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(outer), 1);
	EXPECT_INT(bide_await(int, outer), -ECANCELED);
	EXPECT_ELAPSED(3);
}

VIRTUAL_TEST(a_cancelled_awaiter_gets_the_result_of_a_task_that_gives_one)
{
	bide_task *outer = bide_spawn(awaits, bide_spawn(unmoved, 9.0, 42));
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(outer), 1);
	EXPECT_INT(bide_wait(&outer, 1, BIDE_ALL), 1);
	EXPECT(!bide_task_cancelled(outer));
	EXPECT_INT(bide_await(int, outer), 42);
	EXPECT_STR(trace, "X");
}

VIRTUAL_TEST(a_cancelled_awaiter_gets_the_failure_of_a_task_that_fails)
{
	bide_task *outer = bide_spawn(awaits, bide_spawn(unmoved, 9.0, -EIO));
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(outer), 1);
	EXPECT_INT(bide_await(int, outer), -EIO);
}

VIRTUAL_TEST(a_task_cancelled_from_elsewhere_does_not_cancel_its_awaiter)
{
	bide_task *inner = bide_spawn(nap, 9.0, 0);
	bide_task *outer = bide_spawn(awaits, inner);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(inner), 1);
	EXPECT_INT(bide_wait(&outer, 1, BIDE_ALL), 1);
	EXPECT(!bide_task_cancelled(outer));
	EXPECT_INT(bide_join(outer), -ECANCELED);
}

static BIDE_ASYNC(int, chain, int);
static int chain(int depth)
{
	return depth == 0 ? tick(9, 'A') : bide_await(int, bide_spawn(chain, depth - 1));
}

VIRTUAL_TEST(a_cancellation_passes_down_a_chain_of_awaits)
{
	bide_task *task = bide_spawn(chain, 1000);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_STR(trace, "a");
	EXPECT_ELAPSED(1);
}

VIRTUAL_TEST(an_awaiter_that_was_cancelled_before_cancels_what_it_awaits_and_waits)
{
	bide_task *inner = bide_spawn(tidy, 9.0, 2.0, 0);
	bide_task *outer = bide_spawn(awaits, inner);
	EXPECT_INT(bide_cancel(outer), 1);
	EXPECT_INT(bide_join(outer), -ECANCELED);
	EXPECT_ELAPSED(2);
}

static BIDE_ASYNC_LIGHT(int, awaits_shielded, bide_task *);
static int awaits_shielded(bide_task *task)
{
	int rc = 0;
	BIDE_SHIELD {
		rc = bide_await(int, task);
	}
	EXPECT_INT(bide_sleep(1), -ECANCELED);
	return rc;
}

VIRTUAL_TEST(a_shield_around_an_await_keeps_the_cancellation_from_what_is_awaited)
{
	bide_task *outer = bide_spawn(awaits_shielded, bide_spawn(tick, 5.0, 'A'));
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(outer), 1);
	EXPECT_INT(bide_await(int, outer), 0);
	EXPECT_STR(trace, "A");
	EXPECT_ELAPSED(5);
}

VIRTUAL_TEST(wait_stops_waiting_without_cancelling_what_it_waited_for)
{
	int rc = 7;
	bide_task *task = bide_spawn(tick, 5.0, 'A');
	BIDE_TIMEOUT(1, rc) {
		EXPECT_INT(bide_wait(&task, 1, BIDE_ALL), -ETIMEDOUT);
	}
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_INT(bide_await(int, task), 0);
	EXPECT_STR(trace, "A");
	EXPECT_ELAPSED(5);
}

static BIDE_ASYNC(int, two_await, void);
static int two_await(void)
{
	bide_task *tasks[] = { bide_spawn(awaits, bide_spawn(tick, 9.0, 'A')),
		               bide_spawn(awaits, bide_spawn(tick, 9.0, 'B')) };
	return bide_gather(tasks, 2, (int *)NULL);
}

VIRTUAL_TEST(a_cancellation_passes_through_gather_to_what_its_tasks_await)
{
	bide_task *task = bide_spawn(two_await);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_STR(trace, "abxx");
	EXPECT_ELAPSED(1);
}

/* ---- it is reported when it is ignored ---------------------------------------------------- */

static BIDE_ASYNC(int, cancels_one_that_ignores, int);
static int cancels_one_that_ignores(int times)
{
	bide_task *task = bide_spawn(ignores, times);
	(void)bide_yield();
	bide_cancel(task);
	return bide_await(int, task);
}

TEST(a_thousand_cancellations_ignored_in_a_row_are_reported_once)
{
	CHECK_INT(RUN_VIRTUAL(cancels_one_that_ignores, 5000), 0);
	CHECK_UINT(reports.count, 1);
	CHECK_INT(reports.kind[0], BIDE_REPORT_IGNORED);
	CHECK_INT(reports.error[0], -ECANCELED);
	CHECK_STR(reports.task[0], "ignores");
	CHECK(strstr(reports.message[0], "bide_sleep") != NULL);
}

TEST(a_few_cancellations_ignored_in_a_row_are_not_reported)
{
	CHECK_INT(RUN_VIRTUAL(cancels_one_that_ignores, 900), 0);
	CHECK_UINT(reports.count, 0);
}

TEST_ABORTS(in_debug_mode_a_thousand_cancellations_ignored_abort,
            "bide_sleep: in task 'ignores' (#2): the task has ignored its cancellation 1000 times")
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL, .debug = true };
	(void)bide_try_run(&options, NULL, cancels_one_that_ignores, 5000);
}
