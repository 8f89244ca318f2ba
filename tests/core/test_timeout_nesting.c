// SPDX-License-Identifier: MIT
/* Deadlines within deadlines, deadlines and cancellations, deadlines that move: exact about who was
 * cancelled by what, also when several things happen in one turn. */
#include "core/virtual_kit.h"

static int outer_rc, inner_rc, call_rc;

static void nest(double outer, double inner, double sleep)
{
	outer_rc = inner_rc = call_rc = 7;
	BIDE_TIMEOUT(outer, outer_rc) {
		BIDE_TIMEOUT(inner, inner_rc) {
			call_rc = bide_sleep(sleep);
		}
	}
}

/* ---- two deadlines ------------------------------------------------------------------------ */

VIRTUAL_TEST(timeout_inside_that_fires_first_is_the_only_one)
{
	nest(2, 1, 10);
	EXPECT_INT(call_rc, -ETIMEDOUT);
	EXPECT_INT(inner_rc, -ETIMEDOUT);
	EXPECT_INT(outer_rc, 0);
	EXPECT_ELAPSED(1.0);
}

VIRTUAL_TEST(timeout_outside_that_fires_first_is_the_only_one)
{
	nest(1, 2, 10);
	EXPECT_INT(call_rc, -ETIMEDOUT);
	EXPECT_INT(inner_rc, 0);
	EXPECT_INT(outer_rc, -ETIMEDOUT);
	EXPECT_ELAPSED(1.0);
}

VIRTUAL_TEST(timeouts_that_fire_in_one_turn_are_the_outer_ones)
{
	nest(1, 1, 10);
	EXPECT_INT(call_rc, -ETIMEDOUT);
	EXPECT_INT(inner_rc, 0);
	EXPECT_INT(outer_rc, -ETIMEDOUT);
	nest(0, 0, 10);
	EXPECT_INT(inner_rc, 0);
	EXPECT_INT(outer_rc, -ETIMEDOUT);
}

/* The outer deadline is armed after the inner one here, so its timer comes second. */
VIRTUAL_TEST(timeouts_that_fire_in_one_turn_are_the_outer_ones_in_either_order)
{
	bide_scope *outer;
	int inner = 7;
	if (!EXPECT_INT(bide_scope_open(INFINITY, &outer), 0))
		return;
	BIDE_TIMEOUT(1, inner) {
		EXPECT_INT(bide_scope_reschedule(outer, 1), 0);
		EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
	}
	EXPECT_INT(inner, 0);
	EXPECT_INT(bide_scope_close(outer), -ETIMEDOUT);
	EXPECT_ELAPSED(1.0);
}

VIRTUAL_TEST(timeout_outside_goes_on_after_the_inner_one_has_fired)
{
	int outer = 7, inner = 7;
	BIDE_TIMEOUT(3, outer) {
		BIDE_TIMEOUT(1, inner) {
			EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
		}
		EXPECT_INT(inner, -ETIMEDOUT);
		EXPECT_INT(bide_sleep(1), 0);
		EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
	}
	EXPECT_INT(outer, -ETIMEDOUT);
	EXPECT_ELAPSED(3.0);
}

VIRTUAL_TEST(timeouts_may_both_have_cut_a_call_each)
{
	int outer = 7, inner = 7;
	BIDE_TIMEOUT(2, outer) {
		BIDE_TIMEOUT(1, inner) {
			EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
			BIDE_SHIELD {
				EXPECT_INT(bide_sleep(5), 0);
			}
			EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
		}
	}
	EXPECT_INT(inner, -ETIMEDOUT); /* by the first sleep */
	EXPECT_INT(outer, -ETIMEDOUT); /* by the last */
	EXPECT_ELAPSED(6.0);
}

VIRTUAL_TEST(timeout_in_the_shield_that_cleans_up_after_another)
{
	int outer = 7, inner = 7;
	BIDE_TIMEOUT(1, outer) {
		EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
		BIDE_SHIELD {
			BIDE_TIMEOUT(2, inner) {
				EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
			}
		}
	}
	EXPECT_INT(outer, -ETIMEDOUT);
	EXPECT_INT(inner, -ETIMEDOUT);
	EXPECT_ELAPSED(3.0);
}

VIRTUAL_TEST(timeout_opened_in_a_cancelled_one_never_fires_itself)
{
	int outer = 7, inner = 7;
	BIDE_TIMEOUT(1, outer) {
		EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
		BIDE_TIMEOUT(0, inner) {
			EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
		}
	}
	EXPECT_INT(outer, -ETIMEDOUT);
	EXPECT_INT(inner, 0);
}

VIRTUAL_TEST(timeouts_nested_a_hundred_deep_fire_where_the_shortest_is)
{
	enum { DEPTH = 100, SHORTEST = 37 };
	bide_scope *scopes[DEPTH];
	for (int i = 0; i < DEPTH; i++)
		EXPECT_INT(bide_scope_open(i == SHORTEST ? 1 : 2 + i, &scopes[i]), 0);
	EXPECT_INT(bide_sleep(1000), -ETIMEDOUT);
	for (int i = DEPTH - 1; i >= 0; i--)
		EXPECT_INT(bide_scope_close(scopes[i]), i == SHORTEST ? -ETIMEDOUT : 0);
	EXPECT_ELAPSED(1.0);
}

/* ---- a deadline and a cancellation -------------------------------------------------------- */

static BIDE_ASYNC_LIGHT(int, sleep_in_a_time_out, double, double);
static int sleep_in_a_time_out(double limit, double sleep)
{
	inner_rc = call_rc = 7;
	BIDE_TIMEOUT(limit, inner_rc) {
		call_rc = bide_sleep(sleep);
	}
	return call_rc;
}

VIRTUAL_TEST(timeout_of_a_cancelled_task_did_not_fire)
{
	bide_task *task = bide_spawn(sleep_in_a_time_out, 10.0, 20.0);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(call_rc, -ECANCELED);
	EXPECT_INT(inner_rc, 0);
}

/* The task is outside its time-out, so that is who was cancelled, though the deadline was first. */
VIRTUAL_TEST(timeout_and_then_a_cancellation_in_one_turn_are_the_cancellation)
{
	bide_task *task = bide_spawn(sleep_in_a_time_out, 1.0, 20.0);
	EXPECT_INT(bide_yield(), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(inner_rc, 0);

	task = bide_spawn(sleep_in_a_time_out, 1.0, 20.0);
	EXPECT_INT(bide_sleep(1), 0); /* wakes first, and the deadline has passed already */
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(call_rc, -ECANCELED);
	EXPECT_INT(inner_rc, 0);
}

VIRTUAL_TEST(timeout_delivered_before_a_cancellation_in_the_same_turn_has_fired)
{
	bide_task *task = bide_spawn(sleep_in_a_time_out, 1.0, 20.0);
	bide_task *canceller = bide_spawn(cancel_later, 1.0, task);
	EXPECT_INT(bide_join(task), -ETIMEDOUT);
	EXPECT_INT(call_rc, -ETIMEDOUT);
	EXPECT_INT(inner_rc, -ETIMEDOUT);
	EXPECT_INT(bide_await(int, canceller), 0); /* it had ended */
}

static BIDE_ASYNC_LIGHT(int, time_out_after_its_cancellation, void);
static int time_out_after_its_cancellation(void)
{
	bide_cancel(bide_current_task());
	call_rc = bide_sleep(1);
	BIDE_TIMEOUT(0, inner_rc) {
		outer_rc = bide_sleep(1);
	}
	return call_rc;
}

/* Level-triggered: unlike asyncio's, the cancellation stays, and it is outside the time-out. */
VIRTUAL_TEST(timeout_in_a_cancelled_task_gives_the_tasks_cancellation)
{
	EXPECT_INT(bide_join(bide_spawn(time_out_after_its_cancellation)), -ECANCELED);
	EXPECT_INT(call_rc, -ECANCELED);
	EXPECT_INT(outer_rc, -ECANCELED);
	EXPECT_INT(inner_rc, 0);
}

VIRTUAL_TEST(timeout_around_a_cancelled_group_gives_the_deadline)
{
	int timed = 7, grouped = 7;
	BIDE_TIMEOUT(0, timed) {
		BIDE_GROUP(group, grouped) {
			bide_group_cancel(group);
			EXPECT_INT(bide_sleep(1), -ETIMEDOUT);
		}
	}
	EXPECT_INT(timed, -ETIMEDOUT);
	EXPECT_INT(grouped, -ETIMEDOUT);
}

VIRTUAL_TEST(timeout_in_a_cancelled_group_gives_the_cancellation)
{
	int timed = 7, grouped = 7;
	BIDE_GROUP(group, grouped) {
		bide_group_cancel(group);
		BIDE_TIMEOUT(0, timed) {
			EXPECT_INT(bide_sleep(1), -ECANCELED);
		}
	}
	EXPECT_INT(timed, 0);
	EXPECT_INT(grouped, 0);
}

/* ---- a deadline and a result -------------------------------------------------------------- */

VIRTUAL_TEST(timeout_created_before_an_equal_sleep_cuts_it)
{
	const double seconds[] = { 1, 0.1, 0.3, 0.7, 1e-9, 1e-12, 1.0 / 3 };
	for (int i = 0; i < 7; i++) {
		int rc = 7;
		BIDE_TIMEOUT(seconds[i], rc) {
			EXPECT_INT(bide_sleep(seconds[i]), -ETIMEDOUT);
		}
		EXPECT_INT(rc, -ETIMEDOUT);
	}
}

static bide_task *sleeper;

VIRTUAL_TEST(timeout_created_after_an_equal_sleep_comes_too_late_for_it)
{
	const double seconds[] = { 1, 0.1, 0.3, 0.7, 1e-9, 1e-12, 1.0 / 3 };
	for (int i = 0; i < 7; i++) {
		int rc = 7;
		sleeper = bide_spawn(nap, seconds[i], 42);
		EXPECT_INT(bide_yield(), 0);
		BIDE_TIMEOUT(seconds[i], rc) {
			EXPECT_INT(bide_await(int, sleeper), 42);
			EXPECT_INT(bide_yield(), -ETIMEDOUT);
		}
		EXPECT_INT(rc, -ETIMEDOUT);
	}
}

VIRTUAL_TEST(timeout_a_picosecond_after_a_sleep_comes_too_late_for_it)
{
	int rc = 7;
	BIDE_TIMEOUT(0.5 + 1e-12, rc) {
		EXPECT_INT(bide_sleep(0.5), 0);
	}
	EXPECT_INT(rc, 0);
	BIDE_TIMEOUT(0.5, rc) {
		EXPECT_INT(bide_sleep(0.5 + 1e-12), -ETIMEDOUT);
	}
	EXPECT_INT(rc, -ETIMEDOUT);
}

/* ---- bide_deadline ------------------------------------------------------------------------ */

VIRTUAL_TEST(timeout_deadline_is_the_earliest_around)
{
	double start = bide_now();
	EXPECT_DOUBLE(bide_deadline(), INFINITY);
	BIDE_TIMEOUT(4) {
		EXPECT_DOUBLE(bide_deadline(), start + 4);
		BIDE_TIMEOUT(9)
			EXPECT_DOUBLE(bide_deadline(), start + 4);
		BIDE_TIMEOUT(2) {
			EXPECT_DOUBLE(bide_deadline(), start + 2);
			BIDE_SHIELD {
				EXPECT_DOUBLE(bide_deadline(), INFINITY);
				BIDE_TIMEOUT(8)
					EXPECT_DOUBLE(bide_deadline(), start + 8);
			}
		}
		EXPECT_DOUBLE(bide_deadline(), start + 4);
		EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
		EXPECT_DOUBLE(bide_deadline(), -INFINITY);
		BIDE_SHIELD
			EXPECT_DOUBLE(bide_deadline(), INFINITY);
	}
	EXPECT_DOUBLE(bide_deadline(), INFINITY);
}

static double seen_deadline;

static BIDE_ASYNC_LIGHT(int, look_at_the_deadline, void);
static int look_at_the_deadline(void)
{
	seen_deadline = bide_deadline();
	return 0;
}

VIRTUAL_TEST(timeout_deadline_is_inherited_through_a_group_only)
{
	double start = bide_now();
	BIDE_TIMEOUT(4) {
		BIDE_GROUP(group)
			bide_group_spawn(group, look_at_the_deadline);
		EXPECT_DOUBLE(seen_deadline, start + 4);
		EXPECT_INT(bide_join(bide_spawn(look_at_the_deadline)), 0);
		EXPECT_DOUBLE(seen_deadline, INFINITY);
	}
}

/* ---- moving a deadline -------------------------------------------------------------------- */

VIRTUAL_TEST(timeout_rescheduled_fires_at_the_new_time)
{
	const double moved[] = { 5, 0.5 };
	for (int i = 0; i < 2; i++) {
		bide_scope *scope;
		double start = bide_now();
		if (!EXPECT_INT(bide_scope_open(2, &scope), 0))
			return;
		EXPECT_INT(bide_scope_reschedule(scope, moved[i]), 0);
		EXPECT_DOUBLE(bide_deadline(), start + moved[i]);
		EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
		EXPECT_DOUBLE(bide_now(), start + moved[i]);
		EXPECT_INT(bide_scope_close(scope), -ETIMEDOUT);
	}
}

VIRTUAL_TEST(timeout_rescheduled_to_infinity_or_from_it)
{
	int rc = 7;
	BIDE_SCOPE(scope, rc) {
		EXPECT_INT(bide_scope_reschedule(scope, 1), 0);
		EXPECT_INT(bide_scope_reschedule(scope, INFINITY), 0);
		EXPECT_DOUBLE(bide_deadline(), INFINITY);
		EXPECT_INT(bide_sleep(5), 0);
		EXPECT_INT(bide_scope_reschedule(scope, 1), 0);
		EXPECT_INT(bide_sleep(5), -ETIMEDOUT);
	}
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_ELAPSED(6.0);
}

VIRTUAL_TEST(timeout_rescheduled_to_now_fires_at_once)
{
	int rc = 7;
	BIDE_SCOPE(scope, rc) {
		EXPECT_INT(bide_scope_reschedule(scope, 0), 0);
		EXPECT_INT(bide_cancelled(), -ETIMEDOUT);
		EXPECT_INT(bide_sleep(5), -ETIMEDOUT);
	}
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_ELAPSED(0.0);
}

VIRTUAL_TEST(timeout_that_has_fired_is_not_taken_back)
{
	int rc = 7;
	BIDE_SCOPE(scope, rc) {
		EXPECT_INT(bide_scope_reschedule(scope, 1), 0);
		EXPECT_INT(bide_sleep(5), -ETIMEDOUT);
		EXPECT_INT(bide_scope_reschedule(scope, 100), 0);
		EXPECT_INT(bide_sleep(5), -ETIMEDOUT);
		EXPECT_INT(bide_scope_reschedule(scope, NAN), -EINVAL);
	}
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_ELAPSED(1.0);
}

static BIDE_ASYNC_LIGHT(int, reschedule_later, double, bide_scope *, double);
static int reschedule_later(double seconds, bide_scope *scope, double to)
{
	int rc = bide_sleep(seconds);
	return rc < 0 ? rc : bide_scope_reschedule(scope, to);
}

VIRTUAL_TEST(timeout_rescheduled_by_another_task)
{
	int rc = 7;
	bide_task *other = NULL;
	BIDE_SCOPE(scope, rc) {
		EXPECT_INT(bide_scope_reschedule(scope, 10), 0);
		other = bide_spawn(reschedule_later, 2.0, scope, 1.0);
		EXPECT_INT(bide_sleep(100), -ETIMEDOUT);
	}
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_ELAPSED(3.0);
	EXPECT_INT(bide_join(other), 0);
}

VIRTUAL_TEST(timeout_rescheduled_to_NaN_keeps_its_deadline)
{
	int rc = 7;
	BIDE_SCOPE(scope, rc) {
		EXPECT_INT(bide_scope_reschedule(scope, 2), 0);
		EXPECT_INT(bide_scope_reschedule(scope, NAN), -EINVAL);
		EXPECT_INT(bide_sleep(100), -ETIMEDOUT);
	}
	EXPECT_ELAPSED(2.0);
}
