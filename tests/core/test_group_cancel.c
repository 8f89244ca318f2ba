// SPDX-License-Identifier: MIT
/* BIDE_GROUP and cancellation: from outside, of its own by bide_group_cancel(), and together with
 * failures; and what of it the code after the group learns. */
#include "core/virtual_kit.h"

/* What the task under test found: the rc of its group, what a call in the body returned, whether a
 * cancellation was in force afterwards. */
static struct {
	int rc, body, after;
} found;

/* ---- from outside ------------------------------------------------------------------------- */

static BIDE_ASYNC(int, closes, double, int);
static int closes(double seconds, int error)
{
	BIDE_GROUP(group, found.rc) {
		for (char c = 'A'; c < 'F'; c++)
			bide_group_spawn(group, tick, 5.0, c);
		bide_group_spawn(group, nap, seconds, error);
	}
	found.after = bide_cancelled();
	return found.rc;
}

static BIDE_ASYNC(int, waits_in_body, double, int);
static int waits_in_body(double seconds, int error)
{
	BIDE_GROUP(group, found.rc) {
		for (char c = 'A'; c < 'F'; c++)
			bide_group_spawn(group, tick, 5.0, c);
		bide_group_spawn(group, nap, seconds, error);
		found.body = bide_sleep(10);
	}
	found.after = bide_cancelled();
	return found.rc;
}

VIRTUAL_TEST(a_cancellation_reaches_the_tasks_of_a_group_that_closes)
{
	bide_task *task = bide_spawn(closes, 9.0, 0);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT(!bide_task_done(task));
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_wait(&task, 1, BIDE_ALL), 1);
	EXPECT(bide_task_cancelled(task));
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(found.rc, -ECANCELED);
	EXPECT_INT(found.after, -ECANCELED);
	EXPECT_STR(trace, "abcde");
	EXPECT_ELAPSED(1);
}

VIRTUAL_TEST(a_cancellation_reaches_the_body_and_the_tasks_of_a_group)
{
	bide_task *task = bide_spawn(waits_in_body, 9.0, 0);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(found.body, -ECANCELED);
	EXPECT_INT(found.rc, -ECANCELED);
	EXPECT_STR(trace, "abcde");
	EXPECT_ELAPSED(1);
}

static BIDE_ASYNC(int, empty_group, double);
static int empty_group(double seconds)
{
	BIDE_GROUP(group, found.rc) {
		found.body = bide_sleep(seconds);
	}
	return found.rc;
}

VIRTUAL_TEST(a_cancellation_in_the_body_of_an_empty_group_is_its_rc)
{
	bide_task *task = bide_spawn(empty_group, 9.0);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(found.body, -ECANCELED);
	EXPECT_INT(found.rc, -ECANCELED);
}

static BIDE_ASYNC(int, opened_when_cancelled, void);
static int opened_when_cancelled(void)
{
	(void)bide_yield();
	EXPECT_INT(bide_cancelled(), -ECANCELED);
	BIDE_GROUP(group, found.rc) {
		bide_group_spawn(group, tick, 5.0, 'A');
		found.body = bide_sleep(5);
	}
	return found.rc;
}

VIRTUAL_TEST(a_group_opened_in_a_cancelled_task_runs_its_tasks_cancelled)
{
	bide_task *task = bide_spawn(opened_when_cancelled);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(found.body, -ECANCELED);
	EXPECT_STR(trace, "a");
	EXPECT_ELAPSED(0);
}

static BIDE_ASYNC(int, awaits_one_that_closes, void);
static int awaits_one_that_closes(void)
{
	return bide_await(int, bide_spawn(waits_in_body, 9.0, 0));
}

VIRTUAL_TEST(a_cancellation_reaches_a_group_through_the_task_that_awaits_it)
{
	bide_task *task = bide_spawn(awaits_one_that_closes);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(found.rc, -ECANCELED);
	EXPECT_STR(trace, "abcde");
	EXPECT_ELAPSED(1);
}

static BIDE_ASYNC(int, cleans_up_in_body, double);
static int cleans_up_in_body(double crash)
{
	BIDE_GROUP(group, found.rc) {
		bide_group_spawn(group, nap, crash, -EIO);
		found.body = bide_sleep(10);
		BIDE_SHIELD {
			EXPECT_INT(bide_sleep(2), 0);
		}
		note('.');
	}
	return found.rc;
}

/* The task that was to fail is cancelled before it does. */
VIRTUAL_TEST(a_body_may_clean_up_before_its_cancelled_group_is_left)
{
	bide_task *task = bide_spawn(cleans_up_in_body, 2.0);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(found.rc, -ECANCELED);
	EXPECT_STR(trace, ".");
	EXPECT_ELAPSED(3);
}

static BIDE_ASYNC(int, fails_instead, void);
static int fails_instead(void)
{
	BIDE_GROUP(group, found.rc) {
		found.body = bide_sleep(10);
	}
	return found.body == -ECANCELED ? -EPERM : 0;
}

VIRTUAL_TEST(a_task_may_answer_a_cancellation_of_its_group_by_a_failure)
{
	bide_task *task = bide_spawn(fails_instead);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_wait(&task, 1, BIDE_ALL), 1);
	EXPECT(!bide_task_cancelled(task));
	EXPECT_INT(bide_join(task), -EPERM);
}

/* ---- together with failures --------------------------------------------------------------- */

/* The naps were over when the cancellation came, and a wait that has completed keeps its result. */
VIRTUAL_TEST(a_failure_in_the_turn_of_the_cancellation_is_the_group_s_rc)
{
	bide_task *task = bide_spawn(closes, 1.0, -EIO);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -EIO);
	EXPECT_INT(found.rc, -EIO);
	EXPECT_INT(found.after, -ECANCELED);
	EXPECT_STR(trace, "abcde");
	EXPECT_ELAPSED(1);
}

VIRTUAL_TEST(a_failure_does_not_hide_the_cancellation_from_what_follows_the_group)
{
	bide_task *task = bide_spawn(waits_in_body, 1.0, -EIO);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -EIO);
	EXPECT_INT(found.body, -ECANCELED);
	EXPECT_INT(found.after, -ECANCELED);
}

static BIDE_ASYNC(int, cleans_up_after_failure, void);
static int cleans_up_after_failure(void)
{
	BIDE_GROUP(group, found.rc) {
		bide_group_spawn(group, nap, 1.0, -EIO);
		bide_group_spawn(group, tidy, 9.0, 5.0, 0);
	}
	found.after = bide_cancelled();
	return found.rc;
}

VIRTUAL_TEST(a_cancellation_while_a_failed_group_closes_leaves_the_failure_its_rc)
{
	bide_task *task = bide_spawn(cleans_up_after_failure);
	EXPECT_INT(bide_sleep(2), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -EIO);
	EXPECT_INT(found.after, -ECANCELED);
	EXPECT_ELAPSED(6);
}

/* ---- a task of it that goes on ------------------------------------------------------------ */

static BIDE_ASYNC(int, has_stubborn_tasks, void);
static int has_stubborn_tasks(void)
{
	BIDE_GROUP(group, found.rc) {
		bide_group_spawn(group, stubborn, 4.0, 0);
		bide_group_spawn(group, unmoved, 8.0, 5);
	}
	return found.rc;
}

VIRTUAL_TEST(a_cancelled_group_waits_for_tasks_that_go_on_all_the_same)
{
	bide_task *task = bide_spawn(has_stubborn_tasks);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(found.rc, -ECANCELED);
	EXPECT_ELAPSED(4);
}

/* ---- what comes too late ------------------------------------------------------------------ */

VIRTUAL_TEST(a_cancellation_after_the_last_task_has_ended_comes_after_the_group)
{
	bide_task *task = bide_spawn(closes, 0.5, 0);
	EXPECT_INT(bide_sleep(0.25), 0);
	EXPECT_INT(bide_wait_for(task, 6, (int *)NULL), 0);
	EXPECT_INT(found.rc, 0);
	EXPECT_STR(trace, "ABCDE");
	EXPECT_ELAPSED(5);
}

static BIDE_ASYNC(int, cancelled_by_its_last_task, void);
static BIDE_ASYNC(int, cancel_at_the_end, bide_task *);
static int cancel_at_the_end(bide_task *task)
{
	int rc = bide_sleep(1);
	EXPECT_INT(bide_cancel(task), 1);
	return rc;
}

static int cancelled_by_its_last_task(void)
{
	BIDE_GROUP(group, found.rc) {
		bide_group_spawn(group, cancel_at_the_end, bide_current_task());
	}
	found.after = bide_sleep(1);
	return found.rc;
}

VIRTUAL_TEST(a_cancellation_by_the_last_task_cuts_the_group_short)
{
	bide_task *task = bide_spawn(cancelled_by_its_last_task);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(found.rc, -ECANCELED);
	EXPECT_INT(found.after, -ECANCELED);
	EXPECT_ELAPSED(1);
}

/* ---- shields and deadlines around a group ------------------------------------------------- */

static BIDE_ASYNC(int, shielded_group, void);
static int shielded_group(void)
{
	BIDE_SHIELD {
		BIDE_GROUP(group, found.rc) {
			bide_group_spawn(group, tick, 5.0, 'A');
			found.body = bide_sleep(2);
		}
	}
	found.after = bide_sleep(1);
	return 0;
}

VIRTUAL_TEST(a_shield_around_a_group_holds_for_its_tasks)
{
	bide_task *task = bide_spawn(shielded_group);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), 0);
	EXPECT_INT(found.body, 0);
	EXPECT_INT(found.rc, 0);
	EXPECT_INT(found.after, -ECANCELED);
	EXPECT_STR(trace, "A");
	EXPECT_ELAPSED(5);
}

static BIDE_ASYNC(int, shield_in_body, void);
static int shield_in_body(void)
{
	BIDE_GROUP(group, found.rc) {
		BIDE_SHIELD {
			bide_group_spawn(group, tick, 5.0, 'A');
			found.body = bide_sleep(2);
		}
	}
	return found.rc;
}

VIRTUAL_TEST(a_shield_in_the_body_does_not_hold_for_the_tasks)
{
	bide_task *task = bide_spawn(shield_in_body);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(found.body, 0);
	EXPECT_STR(trace, "a");
	EXPECT_ELAPSED(2);
}

VIRTUAL_TEST(a_deadline_around_a_group_is_its_rc)
{
	int fired = 7, rc = 7;
	BIDE_TIMEOUT(1.5, fired) {
		BIDE_GROUP(group, rc) {
			bide_group_spawn(group, tick, 5.0, 'A');
			bide_group_spawn(group, tick, 1.0, 'B');
		}
	}
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_INT(fired, -ETIMEDOUT);
	EXPECT_STR(trace, "Ba");
	EXPECT_INT(bide_cancelled(), 0);
	EXPECT_ELAPSED(1.5);
}

VIRTUAL_TEST(a_failure_is_the_rc_before_the_deadline_around_the_group)
{
	int fired = 7, rc = 7;
	BIDE_TIMEOUT(1.5, fired) {
		BIDE_GROUP(group, rc) {
			bide_group_spawn(group, nap, 1.0, -EIO);
			bide_group_spawn(group, tick, 5.0, 'A');
		}
	}
	EXPECT_INT(rc, -EIO);
	EXPECT_INT(fired, 0);
	EXPECT_ELAPSED(1);
}

VIRTUAL_TEST(tasks_of_a_group_see_the_deadlines_around_it)
{
	int fired = 7, rc = 7;
	static double seen;
	seen = 0;
	BIDE_TIMEOUT(3, fired) {
		BIDE_GROUP(group, rc) {
			bide_group_spawn(group, stubborn, 1.0, 0);
			seen = bide_deadline() - bide_now();
		}
	}
	EXPECT_INT(llround(seen * 1e9), 3000000000);
	EXPECT_INT(rc, 0);
	EXPECT_INT(fired, 0);
}

/* ---- bide_group_cancel() ------------------------------------------------------------------ */

VIRTUAL_TEST(group_cancel_cancels_tasks_and_body_and_is_no_error)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, tick, 5.0, 'A');
		bide_group_spawn(group, tick, 1.0, 'B');
		EXPECT_INT(bide_sleep(2), 0);
		bide_group_cancel(group);
		bide_group_cancel(group);
		EXPECT_INT(bide_cancelled(), -ECANCELED);
		EXPECT_INT(bide_sleep(1), -ECANCELED);
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(bide_cancelled(), 0);
	EXPECT_STR(trace, "Ba");
	EXPECT_ELAPSED(2);
}

static BIDE_ASYNC(int, cancels_its_group, bide_group *);
static int cancels_its_group(bide_group *group)
{
	EXPECT_INT(bide_sleep(1), 0);
	bide_group_cancel(group);
	EXPECT_INT(bide_cancelled(), -ECANCELED);
	return bide_sleep(1);
}

VIRTUAL_TEST(a_task_may_cancel_its_group)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, cancels_its_group, group);
		bide_group_spawn(group, tick, 5.0, 'A');
		bide_group_spawn(group, tick, 0.5, 'B');
	}
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "Ba");
	EXPECT_ELAPSED(1);
}

static BIDE_ASYNC(int, fails_when_cancelled, int);
static int fails_when_cancelled(int error)
{
	return bide_sleep(9) < 0 ? error : 0;
}

VIRTUAL_TEST(a_failure_in_answer_to_group_cancel_is_the_group_s_rc)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, fails_when_cancelled, -EIO);
		EXPECT_INT(bide_sleep(1), 0);
		bide_group_cancel(group);
	}
	EXPECT_INT(rc, -EIO);
}

VIRTUAL_TEST(group_cancel_before_the_tasks_began_lets_each_body_run)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, tick, 5.0, 'A');
		bide_group_cancel(group);
		bide_group_spawn(group, tick, 5.0, 'B');
	}
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "ab");
	EXPECT_ELAPSED(0);
}
