// SPDX-License-Identifier: MIT
/* The end of a run: every task still alive is cancelled and joined, whatever it does about it, and
 * what goes wrong then is reported. */
#include "core/virtual_kit.h"

static double ended_at;

/* Notes when the run's last task ended, which the main task cannot see. */
static void note_time(void *arg, bide_task *task)
{
	(void)arg;
	(void)task;
	ended_at = bide_now();
}

/* ---- cancelled and joined ----------------------------------------------------------------- */

static BIDE_ASYNC(int, leaves_tasks, int);
static int leaves_tasks(int result)
{
	for (char c = 'A'; c < 'F'; c++)
		bide_detach(bide_spawn(tick, 9.0, c));
	(void)bide_sleep(1);
	return result;
}

TEST(tasks_left_over_are_cancelled_and_joined)
{
	int ret = 7;
	begin_run();
	CHECK_INT(bide_try_run(&virtual_options, &ret, leaves_tasks, 123), 0);
	CHECK_INT(ret, 123);
	CHECK_STR(trace, "abcde");
	CHECK_UINT(reports.count, 0);
}

TEST(tasks_left_over_are_cancelled_when_the_main_task_fails_too)
{
	CHECK_INT(RUN_VIRTUAL(leaves_tasks, -EIO), -EIO);
	CHECK_STR(trace, "abcde");
}

static BIDE_ASYNC(int, leaves_unbegun, void);
static int leaves_unbegun(void)
{
	bide_detach(bide_spawn(tick, 9.0, 'A'));
	return 0;
}

TEST(a_task_that_had_not_begun_runs_and_is_cancelled)
{
	CHECK_INT(RUN_VIRTUAL(leaves_unbegun), 0);
	CHECK_STR(trace, "a");
}

static BIDE_ASYNC(int, holds_tasks, void);
static int holds_tasks(void)
{
	bide_task *held = bide_spawn(tick, 9.0, 'A');
	(void)held;
	return bide_sleep(1);
}

/* Its handle was never ended, but it was alive: only the end of the run could end it. */
TEST(a_task_alive_at_the_end_need_not_have_been_detached)
{
	CHECK_INT(RUN_VIRTUAL(holds_tasks), 0);
	CHECK_STR(trace, "a");
	CHECK_UINT(reports.count, 0);
}

static BIDE_ASYNC(int, leaves_one_that_cleans_up, void);
static int leaves_one_that_cleans_up(void)
{
	bide_task *task = bide_spawn(tidy, 9.0, 2.0, 0);
	EXPECT_INT(bide_task_on_done(task, note_time, NULL), 0);
	bide_detach(task);
	virtual_start = bide_now();
	return bide_sleep(1);
}

TEST(the_end_of_a_run_waits_for_clean_up)
{
	CHECK_INT(RUN_VIRTUAL(leaves_one_that_cleans_up), 0);
	CHECK_DOUBLE(ended_at - virtual_start, 3);
	CHECK_UINT(reports.count, 0);
}

/* ---- what a task does about it ------------------------------------------------------------ */

static BIDE_ASYNC(int, fails_when_cancelled, int);
static int fails_when_cancelled(int error)
{
	return bide_sleep(9) < 0 ? error : 0;
}

static BIDE_ASYNC(int, leaves_one_that_fails, void);
static int leaves_one_that_fails(void)
{
	bide_detach(bide_spawn(fails_when_cancelled, -EIO));
	(void)bide_sleep(1);
	return 123;
}

TEST(a_failure_at_the_end_of_a_run_is_reported_and_does_not_change_the_result)
{
	int ret = 7;
	begin_run();
	CHECK_INT(bide_try_run(&virtual_options, &ret, leaves_one_that_fails), 0);
	CHECK_INT(ret, 123);
	CHECK_UINT(reports.count, 1);
	CHECK_INT(reports.kind[0], BIDE_REPORT_FAILURE);
	CHECK_INT(reports.error[0], -EIO);
	CHECK_STR(reports.task[0], "fails_when_cancelled");
}

static BIDE_ASYNC(int, spawns_when_cancelled, char);
static int spawns_when_cancelled(char c)
{
	(void)bide_sleep(9);
	note(c);
	if (c < 'D')
		bide_detach(bide_spawn(spawns_when_cancelled, (char)(c + 1)));
	return 0;
}

static BIDE_ASYNC(int, leaves_one_that_spawns, void);
static int leaves_one_that_spawns(void)
{
	bide_detach(bide_spawn(spawns_when_cancelled, 'A'));
	virtual_start = bide_now();
	return bide_sleep(1);
}

TEST(a_task_spawned_at_the_end_of_a_run_is_cancelled_from_its_start)
{
	CHECK_INT(RUN_VIRTUAL(leaves_one_that_spawns), 0);
	CHECK_STR(trace, "ABCD");
	CHECK_UINT(reports.count, 0);
}

static BIDE_ASYNC(int, has_a_group, void);
static int has_a_group(void)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, tick, 9.0, 'A');
		bide_group_spawn(group, tick, 9.0, 'B');
	}
	note(rc == -ECANCELED ? 'x' : '!');
	return rc;
}

static BIDE_ASYNC(int, leaves_a_group, void);
static int leaves_a_group(void)
{
	bide_detach(bide_spawn(has_a_group));
	return bide_sleep(1);
}

TEST(groups_left_over_are_cancelled_with_their_tasks)
{
	CHECK_INT(RUN_VIRTUAL(leaves_a_group), 0);
	CHECK_STR(trace, "abx");
	CHECK_UINT(reports.count, 0);
}

static BIDE_ASYNC_LIGHT(int, awaits, bide_task *);
static int awaits(bide_task *task)
{
	int rc = bide_await(int, task);
	note(rc == -ECANCELED ? 'x' : '!');
	return rc;
}

static BIDE_ASYNC(int, leaves_a_chain, void);
static int leaves_a_chain(void)
{
	bide_task *task = bide_spawn(tick, 9.0, 'A');
	for (int i = 0; i < 5; i++)
		task = bide_spawn(awaits, task);
	bide_detach(task);
	return bide_sleep(1);
}

TEST(tasks_left_over_that_await_each_other_end)
{
	CHECK_INT(RUN_VIRTUAL(leaves_a_chain), 0);
	CHECK_STR(trace, "axxxxx");
}

/* ---- what does not end -------------------------------------------------------------------- */

static BIDE_ASYNC(int, leaves_a_stubborn_one, double);
static int leaves_a_stubborn_one(double seconds)
{
	bide_task *task = bide_spawn(stubborn, seconds, 0);
	EXPECT_INT(bide_task_on_done(task, note_time, NULL), 0);
	bide_detach(task);
	virtual_start = bide_now();
	return bide_yield();
}

TEST(a_task_that_takes_more_than_five_seconds_to_end_is_reported)
{
	CHECK_INT(RUN_VIRTUAL(leaves_a_stubborn_one, 100.0), 0);
	CHECK_DOUBLE(ended_at - virtual_start, 100);
	CHECK_UINT(reports.count, 1);
	CHECK_INT(reports.kind[0], BIDE_REPORT_STUCK);
	CHECK_STR(reports.task[0], "stubborn");
	CHECK(strstr(reports.message[0], "bide_sleep") != NULL);
}

TEST(a_task_that_ends_sooner_is_not_reported)
{
	CHECK_INT(RUN_VIRTUAL(leaves_a_stubborn_one, 4.0), 0);
	CHECK_DOUBLE(ended_at - virtual_start, 4);
	CHECK_UINT(reports.count, 0);
}

static BIDE_ASYNC(int, sleeps_for_ever, void);
static int sleeps_for_ever(void)
{
	int rc = 0;
	BIDE_SHIELD {
		rc = bide_sleep(INFINITY);
	}
	return rc;
}

static BIDE_ASYNC(int, leaves_one_that_sleeps_for_ever, void);
static int leaves_one_that_sleeps_for_ever(void)
{
	bide_detach(bide_spawn(sleeps_for_ever));
	return bide_yield();
}

/* Nothing reaches into a shield, and nothing else can end the sleep. */
TEST_ABORTS(a_task_that_nothing_can_end_is_no_run_s_end,
            "bide_run: deadlock: the tasks do not end although they were cancelled")
{
	(void)RUN_VIRTUAL(leaves_one_that_sleeps_for_ever);
}
