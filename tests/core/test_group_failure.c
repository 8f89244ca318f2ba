// SPDX-License-Identifier: MIT
/* BIDE_GROUP when all goes well and when a task of it fails: who is cancelled by that, what the
 * group's rc is, and that no failure is lost. */
#include "core/virtual_kit.h"

/* ---- all goes well ------------------------------------------------------------------------ */

VIRTUAL_TEST(a_group_is_not_left_before_its_tasks_have_ended)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, tick, 1.0, 'A');
		bide_group_spawn(group, tick, 2.0, 'B');
		EXPECT_STR(trace, "");
	}
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "AB");
	EXPECT_ELAPSED(2);
}

VIRTUAL_TEST(a_group_gives_each_result_to_whoever_awaits_its_task)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_task *a = bide_group_spawn(group, nap, 1.0, 42);
		bide_task *b = bide_group_spawn(group, nap, 2.0, 11);
		EXPECT_INT(bide_await(int, b), 11);
		EXPECT_ELAPSED(2);
		EXPECT_INT(bide_await(int, a), 42);
		EXPECT_ELAPSED(2);
	}
	EXPECT_INT(rc, 0);
}

VIRTUAL_TEST(a_task_may_join_its_group_late)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, tick, 1.0, 'A');
		EXPECT_INT(bide_sleep(1.5), 0);
		bide_group_spawn(group, tick, 2.0, 'B');
	}
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "AB");
	EXPECT_ELAPSED(3.5);
}

VIRTUAL_TEST(an_empty_group_is_left_at_once)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		EXPECT(group != NULL);
	}
	EXPECT_INT(rc, 0);
	EXPECT_ELAPSED(0);
}

static BIDE_ASYNC(int, spawn_two_more, bide_group *);
static int spawn_two_more(bide_group *group)
{
	if (bide_sleep(1) < 0)
		return -ECANCELED;
	bide_group_spawn(group, tick, 1.0, 'A');
	bide_group_spawn(group, tick, 2.0, 'B');
	return 0;
}

VIRTUAL_TEST(a_task_may_spawn_into_its_group_while_that_closes)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, spawn_two_more, group);
	}
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "AB");
	EXPECT_ELAPSED(3);
}

VIRTUAL_TEST(tasks_that_ended_long_ago_are_no_matter_to_their_group)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 10; i++) {
			EXPECT_INT(bide_sleep(1), 0);
			bide_group_spawn(group, nap, 3.0, 0);
		}
		EXPECT_INT(bide_sleep(10), 0);
	}
	EXPECT_INT(rc, 0);
	EXPECT_ELAPSED(20);
}

/* ---- one fails ---------------------------------------------------------------------------- */

VIRTUAL_TEST(a_failure_cancels_the_siblings)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, nap, 1.0, -EIO);
		bide_group_spawn(group, tick, 5.0, 'A');
		bide_group_spawn(group, tick, 0.5, 'B');
	}
	EXPECT_INT(rc, -EIO);
	EXPECT_STR(trace, "Ba");
	EXPECT_ELAPSED(1);
}

VIRTUAL_TEST(a_failure_cancels_the_body)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, nap, 1.0, -EIO);
		EXPECT_INT(bide_cancelled(), 0);
		EXPECT_INT(bide_sleep(5), -ECANCELED);
		EXPECT_INT(bide_cancelled(), -ECANCELED);
		EXPECT_INT(bide_sleep(5), -ECANCELED);
	}
	EXPECT_INT(rc, -EIO);
	EXPECT_INT(bide_cancelled(), 0);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_ELAPSED(2);
}

VIRTUAL_TEST(a_group_waits_for_the_clean_up_of_what_it_cancelled)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, nap, 1.0, -EIO);
		bide_group_spawn(group, tidy, 9.0, 2.5, 0);
		bide_group_spawn(group, stubborn, 2.0, 0);
	}
	EXPECT_INT(rc, -EIO);
	EXPECT_ELAPSED(3.5);
}

VIRTUAL_TEST(a_task_spawned_after_the_failure_is_cancelled_from_its_start)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, nap, 1.0, -EIO);
		EXPECT_INT(bide_sleep(5), -ECANCELED);
		bide_group_spawn(group, tick, 5.0, 'A');
	}
	EXPECT_INT(rc, -EIO);
	EXPECT_STR(trace, "a");
	EXPECT_ELAPSED(1);
}

VIRTUAL_TEST(a_failure_is_learnt_at_the_body_s_next_suspension)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, nap, 0.0, -EIO);
		EXPECT_INT(bide_yield(), 0);
		EXPECT_INT(bide_yield(), 0);
		EXPECT_INT(bide_yield(), -ECANCELED);
	}
	EXPECT_INT(rc, -EIO);
	EXPECT_ELAPSED(0);
}

static int hydras;
static BIDE_ASYNC(int, hydra, bide_group *);
static int hydra(bide_group *group)
{
	hydras++;
	int rc = bide_sleep(1);
	if (rc < 0)
		return rc;
	bide_group_spawn(group, hydra, group);
	bide_group_spawn(group, hydra, group);
	return 0;
}

VIRTUAL_TEST(a_failure_ends_a_group_whose_tasks_breed)
{
	int rc = 7;
	hydras = 0;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, hydra, group);
		bide_group_spawn(group, nap, 4.5, -EIO);
	}
	EXPECT_INT(rc, -EIO);
	EXPECT_INT(hydras, 1 + 2 + 4 + 8 + 16);
	EXPECT_ELAPSED(4.5);
}

static BIDE_ASYNC(int, outlive, bide_group *);
static int outlive(bide_group *group)
{
	int rc = bide_sleep(9);
	bide_group_spawn(group, tick, 5.0, 'A');
	return rc;
}

VIRTUAL_TEST(a_task_spawned_by_a_cancelled_task_is_waited_for)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, outlive, group);
		bide_group_spawn(group, nap, 1.0, -EIO);
	}
	EXPECT_INT(rc, -EIO);
	EXPECT_STR(trace, "a");
	EXPECT_ELAPSED(1);
}

/* ---- what is no failure ------------------------------------------------------------------- */

VIRTUAL_TEST(a_task_cancelled_by_itself_is_no_failure_of_its_group)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_task *a = bide_group_spawn(group, tick, 5.0, 'A');
		EXPECT_INT(bide_sleep(1.5), 0);
		EXPECT_INT(bide_cancel(a), 1);
		bide_group_spawn(group, tick, 2.0, 'B');
		EXPECT_INT(bide_sleep(1), 0);
		EXPECT(bide_task_cancelled(a));
	}
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "aB");
	EXPECT_ELAPSED(3.5);
}

VIRTUAL_TEST(a_result_given_in_answer_to_a_cancellation_is_no_failure)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_task *task = bide_group_spawn(group, unmoved, 5.0, 42);
		EXPECT_INT(bide_sleep(1), 0);
		EXPECT_INT(bide_cancel(task), 1);
		EXPECT_INT(bide_await(int, task), 42);
	}
	EXPECT_INT(rc, 0);
	EXPECT_ELAPSED(1);
}

/* ---- several fail ------------------------------------------------------------------------- */

static BIDE_ASYNC(int, fail_when_cancelled, double, int);
static int fail_when_cancelled(double seconds, int error)
{
	int rc = bide_sleep(seconds);
	return rc < 0 ? error : 0;
}

static BIDE_ASYNC(int, three_failures_in_one_turn, void);
static int three_failures_in_one_turn(void)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, tick, 5.0, 'A');
		bide_group_spawn(group, nap, 1.0, -EIO);
		bide_group_spawn(group, nap, 1.0, -EPERM);
		bide_group_spawn(group, nap, 1.0, -ENOENT);
		EXPECT_INT(bide_sleep(10), -ECANCELED);
		note('.');
	}
	EXPECT_INT(bide_cancelled(), 0);
	EXPECT_INT(rc, -EIO);
	return 0;
}

/* What was ready when the first failed runs all the same, as its wait had completed. */
TEST(of_several_failures_the_first_is_the_group_s_and_the_others_are_reported)
{
	CHECK_INT(RUN_VIRTUAL(three_failures_in_one_turn), 0);
	CHECK_STR(trace, ".a");
	CHECK_UINT(reports.count, 2);
	CHECK_INT(reports.kind[0], BIDE_REPORT_FAILURE);
	CHECK_INT(reports.error[0], -EPERM);
	CHECK_STR(reports.task[0], "nap");
	CHECK_INT(reports.kind[1], BIDE_REPORT_FAILURE);
	CHECK_INT(reports.error[1], -ENOENT);
}

static BIDE_ASYNC(int, failure_in_cleanup, void);
static int failure_in_cleanup(void)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, fail_when_cancelled, 5.0, -EPERM);
		bide_group_spawn(group, nap, 1.0, -EIO);
	}
	EXPECT_INT(rc, -EIO);
	return 0;
}

TEST(a_failure_in_answer_to_the_cancellation_is_not_the_group_s_and_is_reported)
{
	CHECK_INT(RUN_VIRTUAL(failure_in_cleanup), 0);
	CHECK_UINT(reports.count, 1);
	CHECK_INT(reports.error[0], -EPERM);
	CHECK_STR(reports.task[0], "fail_when_cancelled");
}

static BIDE_ASYNC(int, body_and_child_fail, void);
static int body_and_child_fail(void)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, nap, 1.0, -EIO);
		if (bide_sleep(10) < 0)
			return bide_fail(-EPERM);
	}
	return rc;
}

TEST(a_body_that_answers_the_cancellation_by_failing_fails_its_task)
{
	CHECK_INT(RUN_VIRTUAL(body_and_child_fail), -EPERM);
	CHECK_UINT(reports.count, 0);
}

/* ---- nobody asks -------------------------------------------------------------------------- */

static BIDE_ASYNC(int, group_without_rc, int);
static int group_without_rc(int error)
{
	BIDE_GROUP(group) {
		bide_group_spawn(group, nap, 1.0, error);
		bide_group_spawn(group, tick, 5.0, 'A');
	}
	return 0;
}

TEST(the_failure_of_a_group_without_rc_is_reported)
{
	CHECK_INT(RUN_VIRTUAL(group_without_rc, -EIO), 0);
	CHECK_STR(trace, "a");
	CHECK_UINT(reports.count, 1);
	CHECK_INT(reports.kind[0], BIDE_REPORT_FAILURE);
	CHECK_INT(reports.error[0], -EIO);
	CHECK_STR(reports.task[0], "group_without_rc");
}

TEST(a_group_without_rc_that_did_not_fail_reports_nothing)
{
	CHECK_INT(RUN_VIRTUAL(group_without_rc, 5), 0);
	CHECK_STR(trace, "A");
	CHECK_UINT(reports.count, 0);
}

static BIDE_ASYNC(double, no_number, double, int);
static double no_number(double seconds, int error)
{
	if (bide_sleep(seconds) == 0)
		bide_fail(error);
	return seconds;
}

VIRTUAL_TEST(a_task_that_cannot_return_an_error_fails_its_group_by_bide_fail)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, no_number, 1.0, -EDOM);
		EXPECT_INT(bide_sleep(9), -ECANCELED);
	}
	EXPECT_INT(rc, -EDOM);
	EXPECT_ELAPSED(1);
}

/* The awaiter is told as well; the group is cancelled whoever awaits. */
VIRTUAL_TEST(a_failure_that_the_body_awaited_is_the_group_s_all_the_same)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_task *task = bide_group_spawn(group, nap, 1.0, -EIO);
		bide_group_spawn(group, tick, 9.0, 'A');
		EXPECT_INT(bide_await(int, task), -EIO);
		EXPECT_INT(bide_cancelled(), -ECANCELED);
	}
	EXPECT_INT(rc, -EIO);
	EXPECT_STR(trace, "a");
}
