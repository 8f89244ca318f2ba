// SPDX-License-Identifier: MIT
/* bide_wait(): until one has ended, until one has failed, until all have; ending and cancelling
 * none. */
#include "core/virtual_kit.h"

static void join_all(bide_task *const *tasks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)bide_join(tasks[i]);
}

VIRTUAL_TEST(wait_for_all_returns_when_the_last_has_ended)
{
	bide_task *tasks[] = { bide_spawn(nap, 2.0, 2), bide_spawn(nap, 3.0, 3),
		               bide_spawn(nap, 1.0, -EIO) };
	EXPECT_INT(bide_wait(tasks, 3, BIDE_ALL), 3);
	EXPECT_ELAPSED(3.0);
	EXPECT_INT(bide_await(int, tasks[0]), 2);
	EXPECT_INT(bide_await(int, tasks[1]), 3);
	EXPECT_INT(bide_await(int, tasks[2]), -EIO);
}

VIRTUAL_TEST(wait_for_the_first_returns_when_one_has_ended)
{
	bide_task *tasks[] = { bide_spawn(nap, 2.0, 2), bide_spawn(nap, 1.0, 1),
		               bide_spawn(nap, 3.0, 3) };
	EXPECT_INT(bide_wait(tasks, 3, BIDE_FIRST_COMPLETED), 1);
	EXPECT_ELAPSED(1.0);
	EXPECT(!bide_task_done(tasks[0]));
	EXPECT(bide_task_done(tasks[1]));
	EXPECT(!bide_task_done(tasks[2]));
	join_all(tasks, 3);
	EXPECT_ELAPSED(3.0); /* the others were not cancelled */
}

VIRTUAL_TEST(wait_for_the_first_counts_all_that_ended_in_that_turn)
{
	bide_task *tasks[] = { bide_spawn(nap, 1.0, 1), bide_spawn(nap, 2.0, 2),
		               bide_spawn(nap, 1.0, 3) };
	EXPECT_INT(bide_wait(tasks, 3, BIDE_FIRST_COMPLETED), 2);
	EXPECT_ELAPSED(1.0);
	join_all(tasks, 3);
}

VIRTUAL_TEST(wait_for_the_first_failure_returns_when_one_fails)
{
	bide_task *tasks[] = { bide_spawn(nap, 3.0, 3), bide_spawn(nap, 1.0, 1),
		               bide_spawn(nap, 2.0, -EIO) };
	EXPECT_INT(bide_wait(tasks, 3, BIDE_FIRST_FAILED), 2);
	EXPECT_ELAPSED(2.0);
	EXPECT_INT(bide_task_error(tasks[2]), -EIO);
	EXPECT(!bide_task_done(tasks[0]));
	join_all(tasks, 3);
	EXPECT_ELAPSED(3.0);
}

VIRTUAL_TEST(wait_for_the_first_failure_waits_for_all_when_none_fails)
{
	bide_task *tasks[] = { bide_spawn(nap, 2.0, 3), bide_spawn(nap, 1.0, 1) };
	EXPECT_INT(bide_wait(tasks, 2, BIDE_FIRST_FAILED), 2);
	EXPECT_ELAPSED(2.0);
	join_all(tasks, 2);
}

VIRTUAL_TEST(wait_for_the_first_failure_does_not_take_a_cancellation_for_one)
{
	bide_task *tasks[] = { bide_spawn(nap, 2.0, 3), bide_spawn(nap, 1.0, 1) };
	EXPECT_INT(bide_cancel(tasks[1]), 1);
	EXPECT_INT(bide_wait(tasks, 2, BIDE_FIRST_FAILED), 2);
	EXPECT_ELAPSED(2.0);
	EXPECT(bide_task_cancelled(tasks[1]));
	join_all(tasks, 2);
}

VIRTUAL_TEST(wait_for_the_first_failure_returns_at_once_when_one_has_failed)
{
	bide_task *tasks[] = { bide_spawn(nap, 9.0, 3), bide_spawn(nap, 1.0, -EIO) };
	EXPECT_INT(bide_sleep(2), 0);
	EXPECT_INT(bide_wait(tasks, 2, BIDE_FIRST_FAILED), 1);
	EXPECT_ELAPSED(2.0);
	join_all(tasks, 2);
}

VIRTUAL_TEST(wait_returns_without_suspending_when_there_is_nothing_to_wait_for)
{
	bide_task *task = bide_spawn(nap, 0.0, 1), *none = NULL;
	EXPECT_INT(bide_sleep(1), 0);
	bide_task *other = bide_spawn(tick, 0.0, 'A');
	EXPECT_INT(bide_wait(&task, 1, BIDE_ALL), 1);
	EXPECT_INT(bide_wait(&task, 1, BIDE_FIRST_COMPLETED), 1);
	EXPECT_INT(bide_wait(&task, 1, BIDE_FIRST_FAILED), 1);
	EXPECT_INT(bide_wait(NULL, 0, BIDE_ALL), 0);
	EXPECT_INT(bide_wait(&none, 1, BIDE_FIRST_COMPLETED), 0);
	EXPECT_STR(trace, "");
	EXPECT_INT(bide_join(task), 0);
	EXPECT_INT(bide_join(other), 0);
}

VIRTUAL_TEST(wait_refuses_a_condition_that_means_nothing)
{
	bide_task *task = bide_spawn(nap, 1.0, 1);
	EXPECT_INT(bide_wait(&task, 1, (enum bide_wait_until)7), -EINVAL);
	EXPECT_INT(bide_await(int, task), 1);
}

VIRTUAL_TEST(wait_again_for_those_that_are_left)
{
	bide_task *tasks[] = { bide_spawn(nap, 3.0, 0), bide_spawn(nap, 1.0, 0),
		               bide_spawn(nap, 2.0, 0) };
	for (int left = 3; left > 0; left--) {
		EXPECT_INT(bide_wait(tasks, (size_t)left, BIDE_FIRST_COMPLETED), 1);
		EXPECT_ELAPSED((double)(4 - left));
		for (int i = 0; i < left; i++)
			if (bide_task_done(tasks[i])) {
				EXPECT_INT(bide_join(tasks[i]), 0);
				tasks[i] = tasks[left - 1];
				break;
			}
	}
}

/* ---- cancellation and time-outs ----------------------------------------------------------- */

VIRTUAL_TEST(wait_that_times_out_cancels_none)
{
	int rc, waited = 7;
	bide_task *tasks[] = { bide_spawn(nap, 3.0, 3), bide_spawn(nap, 2.0, 2) };
	BIDE_TIMEOUT(1, rc) {
		waited = bide_wait(tasks, 2, BIDE_ALL);
	}
	EXPECT_INT(waited, -ETIMEDOUT);
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_ELAPSED(1.0);
	EXPECT_INT(bide_await(int, tasks[0]), 3);
	EXPECT_INT(bide_await(int, tasks[1]), 2);
	EXPECT_ELAPSED(3.0);
}

VIRTUAL_TEST(wait_in_a_cancelled_scope_returns_the_cancellation)
{
	int rc, waited = 7;
	bide_task *task = bide_spawn(nap, 1.0, 1);
	BIDE_SCOPE(scope, rc) {
		bide_scope_cancel(scope);
		waited = bide_wait(&task, 1, BIDE_ALL);
	}
	EXPECT_INT(waited, -ECANCELED);
	EXPECT_INT(rc, -ECANCELED);
	EXPECT_INT(bide_await(int, task), 1);
}

static BIDE_ASYNC_LIGHT(int, wait_for_one, bide_task *);
static int wait_for_one(bide_task *task)
{
	return bide_wait(&task, 1, BIDE_ALL);
}

VIRTUAL_TEST(wait_of_a_cancelled_task_leaves_the_other_running)
{
	bide_task *task = bide_spawn(nap, 5.0, 1);
	bide_task *waiter = bide_spawn(wait_for_one, task);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(waiter), 1);
	EXPECT_INT(bide_join(waiter), -ECANCELED);
	EXPECT_ELAPSED(1.0);
	EXPECT_INT(bide_await(int, task), 1);
	EXPECT_ELAPSED(5.0);
}

VIRTUAL_TEST(wait_that_completed_keeps_its_result_though_cancelled_in_the_same_turn)
{
	bide_task *task = bide_spawn(nap, 1.0, 1);
	bide_task *waiter = bide_spawn(wait_for_one, task);
	bide_task *canceller = bide_spawn(cancel_later, 1.0, waiter);
	EXPECT_INT(bide_await(int, waiter), 1);
	EXPECT_INT(bide_await(int, canceller), 1);
	EXPECT_INT(bide_join(task), 0);
}

/* ---- what it leaves alone ----------------------------------------------------------------- */

static BIDE_ASYNC(void, leave_a_failure, void);
static void leave_a_failure(void)
{
	bide_task *task = bide_spawn(nap, 1.0, -EIO);
	EXPECT_INT(bide_wait(&task, 1, BIDE_ALL), 1);
	EXPECT_UINT(reports.count, 0);
	bide_detach(task);
	EXPECT_UINT(reports.count, 1);
}

TEST(wait_does_not_retrieve_a_failure)
{
	CHECK_INT(RUN_VIRTUAL(leave_a_failure), 0);
	CHECK_UINT(reports.count, 1);
	CHECK_INT(reports.kind[0], BIDE_REPORT_FAILURE);
	CHECK_INT(reports.error[0], -EIO);
	CHECK_STR(reports.task[0], "nap");
}
