// SPDX-License-Identifier: MIT
/* BIDE_TIMEOUT, BIDE_TIMEOUT_AT, BIDE_TIMEOUT_HERE: one deadline, when it fires, what it tells. */
#include "core/virtual_kit.h"

/* ---- it fires ----------------------------------------------------------------------------- */

VIRTUAL_TEST(timeout_cancels_a_sleep_at_its_deadline)
{
	int rc = 7, slept = 7;
	BIDE_TIMEOUT(1.5, rc) {
		slept = bide_sleep(10);
	}
	EXPECT_INT(slept, -ETIMEDOUT);
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_ELAPSED(1.5);
}

VIRTUAL_TEST(timeout_without_an_rc_cancels_too)
{
	int slept = 7;
	BIDE_TIMEOUT(1.5) {
		slept = bide_sleep(10);
	}
	EXPECT_INT(slept, -ETIMEDOUT);
	EXPECT_ELAPSED(1.5);
}

VIRTUAL_TEST(timeout_that_fired_ends_with_its_block)
{
	BIDE_TIMEOUT(1) {
		EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
	}
	EXPECT_INT(bide_cancelled(), 0);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_ELAPSED(2.0);
}

VIRTUAL_TEST(timeout_cancels_every_call_until_its_block_ends)
{
	BIDE_TIMEOUT(1) {
		EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
		EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
		EXPECT_INT(bide_yield(), -ETIMEDOUT);
		EXPECT_INT(bide_sleep_until(bide_now() + 5), -ETIMEDOUT);
		EXPECT_INT(bide_cancelled(), -ETIMEDOUT);
	}
	EXPECT_ELAPSED(1.0);
}

VIRTUAL_TEST(timeout_of_zero_or_less_fires_at_the_first_suspension)
{
	const double limits[] = { 0, -0.0, -11, -INFINITY };
	for (int i = 0; i < 4; i++) {
		int rc = 7, reached = 0;
		BIDE_TIMEOUT(limits[i], rc) {
			reached = 1;
			EXPECT_INT(bide_yield(), -ETIMEDOUT);
		}
		EXPECT_INT(reached, 1);
		EXPECT_INT(rc, -ETIMEDOUT);
	}
	EXPECT_ELAPSED(0.0);
}

VIRTUAL_TEST(timeout_of_zero_around_nothing_that_suspends_did_not_fire)
{
	int rc = 7;
	BIDE_TIMEOUT(0, rc) {
		note('A');
	}
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "A");
}

VIRTUAL_TEST(timeout_of_a_picosecond_fires_a_nanosecond_later_at_most)
{
	int rc;
	BIDE_TIMEOUT(1e-12, rc) {
		EXPECT_INT(bide_sleep(1), -ETIMEDOUT);
	}
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT(elapsed() < 2e-9);
}

/* ---- it does not -------------------------------------------------------------------------- */

VIRTUAL_TEST(timeout_that_is_not_reached_is_forgotten)
{
	int rc = 7;
	BIDE_TIMEOUT(10, rc) {
		EXPECT_INT(bide_sleep(1), 0);
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(bide_sleep(100), 0);
	EXPECT_ELAPSED(101.0);
}

VIRTUAL_TEST(timeout_of_infinity_never_fires)
{
	int rc = 7;
	BIDE_TIMEOUT(INFINITY, rc) {
		EXPECT_DOUBLE(bide_deadline(), INFINITY);
		EXPECT_INT(bide_sleep(1e9), 0);
	}
	EXPECT_INT(rc, 0);
}

VIRTUAL_TEST(timeout_that_passes_in_a_shield_and_cuts_nothing_did_not_fire)
{
	int rc = 7;
	BIDE_TIMEOUT(1, rc) {
		BIDE_SHIELD {
			EXPECT_INT(bide_sleep(2), 0);
		}
	}
	EXPECT_INT(rc, 0);
	EXPECT_ELAPSED(2.0);
}

VIRTUAL_TEST(timeout_that_passes_in_a_shield_fires_at_the_next_suspension)
{
	int rc = 7;
	BIDE_TIMEOUT(1, rc) {
		BIDE_SHIELD {
			EXPECT_INT(bide_sleep(2), 0);
		}
		EXPECT_INT(bide_sleep(5), -ETIMEDOUT);
	}
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_ELAPSED(2.0);
}

VIRTUAL_TEST(timeout_whose_await_gave_a_result_did_not_fire)
{
	int rc = 7;
	BIDE_TIMEOUT(1, rc) {
		EXPECT_INT(bide_await(int, bide_spawn(unmoved, 9.0, 42)), 42);
	}
	EXPECT_INT(rc, 0);
	EXPECT_ELAPSED(1.0);
}

/* ---- NaN ---------------------------------------------------------------------------------- */

VIRTUAL_TEST(timeout_of_NaN_skips_the_block)
{
	int rc = 7;
	BIDE_TIMEOUT(NAN, rc) {
		note('A');
	}
	EXPECT_INT(rc, -EINVAL);
	rc = 7;
	BIDE_TIMEOUT_AT(NAN, rc) {
		note('B');
	}
	EXPECT_INT(rc, -EINVAL);
	EXPECT_STR(trace, "");
}

static BIDE_ASYNC(int, time_out_at_NaN, void);
static int time_out_at_NaN(void)
{
	int reached = 0;
	BIDE_TIMEOUT(NAN)
		reached = 1;
	return reached;
}

TEST(timeout_of_NaN_without_an_rc_is_reported)
{
	int reached = 7;
	begin_run();
	CHECK_INT(bide_try_run(&virtual_options, &reached, time_out_at_NaN), 0);
	CHECK_INT(reached, 0);
	CHECK_UINT(reports.count, 1);
	CHECK_INT(reports.kind[0], BIDE_REPORT_FAILURE);
	CHECK_INT(reports.error[0], -EINVAL);
	CHECK_STR(reports.task[0], "time_out_at_NaN");
}

/* ---- at a time ---------------------------------------------------------------------------- */

VIRTUAL_TEST(timeout_at_fires_at_that_time)
{
	int rc = 7;
	double when = bide_now() + 2.5;
	EXPECT_INT(bide_sleep(1), 0);
	BIDE_TIMEOUT_AT(when, rc) {
		EXPECT_DOUBLE(bide_deadline(), when);
		EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
	}
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_ELAPSED(2.5);
}

VIRTUAL_TEST(timeout_at_a_time_that_has_passed_fires_at_once)
{
	int rc = 7;
	EXPECT_INT(bide_sleep(1), 0);
	BIDE_TIMEOUT_AT(bide_now() - 0.5, rc) {
		EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
	}
	EXPECT_INT(rc, -ETIMEDOUT);
	BIDE_TIMEOUT_AT(-1, rc) {
		EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
	}
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_ELAPSED(1.0);
}

VIRTUAL_TEST(timeout_at_infinity_never_fires)
{
	int rc = 7;
	BIDE_TIMEOUT_AT(INFINITY, rc) {
		EXPECT_INT(bide_sleep(1e9), 0);
	}
	EXPECT_INT(rc, 0);
}

/* ---- to the end of the braces ------------------------------------------------------------- */

VIRTUAL_TEST(timeout_here_lasts_to_the_end_of_the_braces)
{
	int rc = 7;
	{
		BIDE_TIMEOUT_HERE(1, rc);
		EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
	}
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_ELAPSED(2.0);
}

VIRTUAL_TEST(timeout_here_leaves_break_and_continue_to_the_loop)
{
	int rc = 7, rounds = 0, fired = 0;
	for (int i = 0; i < 5; i++) {
		BIDE_TIMEOUT_HERE(2, rc);
		rounds++;
		if (i == 1)
			continue;
		if (i == 3)
			break;
		fired += bide_sleep(i == 2 ? 3 : 1) == -ETIMEDOUT;
	}
	EXPECT_INT(rounds, 4);
	EXPECT_INT(fired, 1);
	EXPECT_INT(rc, 0); /* of the last round */
	EXPECT_DOUBLE(bide_deadline(), INFINITY);
	EXPECT_ELAPSED(3.0);
}

VIRTUAL_TEST(timeout_here_of_NaN_tells_at_once_and_goes_on)
{
	int rc = 7;
	{
		BIDE_TIMEOUT_HERE(NAN, rc);
		EXPECT_INT(rc, -EINVAL);
		EXPECT_INT(bide_sleep(1), 0);
	}
	EXPECT_INT(rc, -EINVAL);
}

VIRTUAL_TEST(timeouts_here_nest_in_one_pair_of_braces)
{
	int a = 7, b = 7;
	{
		BIDE_TIMEOUT_HERE(3, a);
		BIDE_TIMEOUT_HERE(1, b);
		EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
	}
	EXPECT_INT(a, 0);
	EXPECT_INT(b, -ETIMEDOUT);
}

/* ---- whom it reaches ---------------------------------------------------------------------- */

VIRTUAL_TEST(timeout_cancels_the_task_that_is_awaited)
{
	int rc = 7, awaited = 7;
	BIDE_TIMEOUT(1, rc) {
		awaited = bide_await(int, bide_spawn(tick, 9.0, 'A'));
	}
	EXPECT_INT(awaited, -ETIMEDOUT);
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_STR(trace, "a");
	EXPECT_ELAPSED(1.0);
}

VIRTUAL_TEST(timeout_does_not_cancel_a_task_spawned_in_it)
{
	bide_task *task = NULL;
	BIDE_TIMEOUT(1) {
		task = bide_spawn(nap, 5.0, 42);
		EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
	}
	EXPECT_INT(bide_await(int, task), 42);
	EXPECT_ELAPSED(5.0);
}

VIRTUAL_TEST(timeout_cancels_the_tasks_of_a_group_in_it)
{
	int rc = 7, grouped = 7;
	BIDE_TIMEOUT(1, rc) {
		BIDE_GROUP(group, grouped) {
			bide_group_spawn(group, tick, 9.0, 'A');
			bide_group_spawn(group, tick, 0.5, 'B');
		}
	}
	EXPECT_STR(trace, "Ba");
	EXPECT_INT(grouped, -ETIMEDOUT);
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_ELAPSED(1.0);
}

VIRTUAL_TEST(timeout_in_a_group_does_not_cancel_the_groups_tasks)
{
	int rc = 7, grouped = 7;
	BIDE_GROUP(group, grouped) {
		BIDE_TIMEOUT(1, rc) {
			bide_group_spawn(group, tick, 5.0, 'A');
			EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
		}
		EXPECT_STR(trace, "");
	}
	EXPECT_STR(trace, "A");
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_INT(grouped, 0);
	EXPECT_ELAPSED(5.0);
}

static int child_rc;

static BIDE_ASYNC_LIGHT(int, time_itself_out, double);
static int time_itself_out(double seconds)
{
	BIDE_TIMEOUT(seconds, child_rc) {
		(void)bide_sleep(100);
	}
	note('A');
	return bide_sleep(1);
}

VIRTUAL_TEST(timeout_handled_in_a_task_is_no_failure_and_no_cancellation_of_it)
{
	int rc;
	BIDE_GROUP(group, rc) {
		bide_task *task = bide_group_spawn(group, time_itself_out, 1.0);
		EXPECT_INT(bide_try_await(task, NULL), 0);
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(child_rc, -ETIMEDOUT);
	EXPECT_STR(trace, "A");
	EXPECT_ELAPSED(2.0);
}

static BIDE_ASYNC_LIGHT(int, pass_a_time_out_on, double);
static int pass_a_time_out_on(double seconds)
{
	int rc;
	BIDE_TIMEOUT(seconds, rc) {
		(void)bide_sleep(100);
	}
	return rc;
}

VIRTUAL_TEST(timeout_of_its_own_that_a_task_returns_is_a_failure)
{
	int rc;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, pass_a_time_out_on, 1.0);
		bide_group_spawn(group, tick, 9.0, 'A');
	}
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_STR(trace, "a");
}

VIRTUAL_TEST(timeout_block_lets_a_failure_pass)
{
	int rc = 7, grouped = 7;
	BIDE_TIMEOUT(5, rc) {
		BIDE_GROUP(group, grouped)
			bide_group_spawn(group, nap, 1.0, -EIO);
	}
	EXPECT_INT(grouped, -EIO);
	EXPECT_INT(rc, 0);
}
