// SPDX-License-Identifier: MIT
/* bide_gather_collect(): all results and all errors, as asyncio's return_exceptions. */
#include "core/virtual_kit.h"

VIRTUAL_TEST(gather_collect_gives_results_and_errors_and_cancels_nobody)
{
	int results[4] = { 7, 7, 7, 7 }, errors[4] = { 7, 7, 7, 7 };
	bide_task *tasks[] = { bide_spawn(nap, 3.0, 30), bide_spawn(nap, 1.0, -EIO),
		               bide_spawn(nap, 2.0, 20), bide_spawn(nap, 4.0, -EPERM) };
	EXPECT_INT(bide_gather_collect(tasks, 4, results, errors), 2);
	const int expected_results[] = { 30, 0, 20, 0 }, expected_errors[] = { 0, -EIO, 0, -EPERM };
	EXPECT_MEM(results, expected_results, sizeof results);
	EXPECT_MEM(errors, expected_errors, sizeof errors);
	EXPECT_ELAPSED(4.0);
}

VIRTUAL_TEST(gather_collect_of_successes_returns_zero)
{
	int errors[2] = { 7, 7 };
	bide_task *tasks[] = { bide_spawn(nap, 1.0, 1), bide_spawn(nap, 2.0, 2) };
	EXPECT_INT(bide_gather_collect(tasks, 2, (int *)NULL, errors), 0);
	EXPECT_INT(errors[0], 0);
	EXPECT_INT(errors[1], 0);
	EXPECT_INT(bide_gather_collect(tasks, 0, (int *)NULL, errors), 0);
}

VIRTUAL_TEST(gather_collect_without_errors_counts_them)
{
	bide_task *tasks[] = { bide_spawn(nap, 1.0, -EIO), bide_spawn(nap, 2.0, -EIO) };
	EXPECT_INT(bide_gather_collect(tasks, 2, NULL, NULL), 2);
}

VIRTUAL_TEST(gather_collect_counts_a_task_cancelled_by_itself)
{
	int errors[2];
	bide_task *tasks[] = { bide_spawn(nap, 1.0, 1), bide_spawn(nap, 2.0, 2) };
	EXPECT_INT(bide_cancel(tasks[1]), 1);
	EXPECT_INT(bide_gather_collect(tasks, 2, NULL, errors), 1);
	EXPECT_INT(errors[0], 0);
	EXPECT_INT(errors[1], -ECANCELED);
	EXPECT_ELAPSED(1.0);
}

VIRTUAL_TEST(gather_collect_counts_a_spawn_without_memory)
{
	int errors[2], results[2] = { 7, 7 };
	bide_task *tasks[] = { NULL, bide_spawn(nap, 2.0, 2) };
	EXPECT_INT(bide_gather_collect(tasks, 2, results, errors), 1);
	EXPECT_INT(errors[0], -ENOMEM);
	EXPECT_INT(errors[1], 0);
	EXPECT_INT(results[1], 2);
	EXPECT_ELAPSED(2.0);
}

VIRTUAL_TEST(gather_collect_of_a_timed_out_caller_cancels_all)
{
	int rc, gathered = 7, errors[2] = { 7, 7 };
	bide_task *tasks[] = { bide_spawn(nap, 9.0, 1), bide_spawn(nap, 0.5, 2) };
	BIDE_TIMEOUT(1, rc) {
		gathered = bide_gather_collect(tasks, 2, NULL, errors);
	}
	EXPECT_INT(gathered, -ETIMEDOUT);
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_INT(errors[0], -ECANCELED);
	EXPECT_INT(errors[1], 0);
	EXPECT_ELAPSED(1.0);
}

/* As in asyncio: that the caller was cancelled is not hidden by another task's failure. */
VIRTUAL_TEST(gather_collect_tells_of_the_cancellation_though_one_failed_before)
{
	int rc, gathered = 7, errors[2] = { 7, 7 };
	bide_task *tasks[] = { bide_spawn(nap, 9.0, 1), bide_spawn(nap, 0.5, -EIO) };
	BIDE_TIMEOUT(1, rc) {
		gathered = bide_gather_collect(tasks, 2, NULL, errors);
	}
	EXPECT_INT(gathered, -ETIMEDOUT);
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_INT(errors[0], -ECANCELED);
	EXPECT_INT(errors[1], -EIO);
}

VIRTUAL_TEST(gather_collect_keeps_all_results_though_the_caller_was_cancelled)
{
	int rc, results[2] = { 7, 7 };
	bide_task *tasks[] = { bide_spawn(unmoved, 9.0, 1), bide_spawn(unmoved, 9.0, 2) };
	BIDE_TIMEOUT(1, rc) {
		EXPECT_INT(bide_gather_collect(tasks, 2, results, NULL), 0);
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(results[0], 1);
	EXPECT_INT(results[1], 2);
}
