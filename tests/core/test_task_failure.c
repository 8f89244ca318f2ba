// SPDX-License-Identifier: MIT
/* How a task fails, and that no failure is swallowed: what nobody retrieved is reported, once. */
#include "core/virtual_kit.h"

#include <limits.h>

/* ---- which results are failures ----------------------------------------------------------- */

static BIDE_ASYNC_LIGHT(int, gives_int, int);
static int gives_int(int value)
{
	return value;
}

static BIDE_ASYNC_LIGHT(long, gives_long, long);
static long gives_long(long value)
{
	return value;
}

static BIDE_ASYNC_LIGHT(long long, gives_long_long, long long);
static long long gives_long_long(long long value)
{
	return value;
}

VIRTUAL_TEST(an_int_from_minus_8191_to_minus_1_is_a_failure)
{
	static const int good[] = { 0, 1, INT_MAX, -8192, -100000, INT_MIN };
	int ret = 7;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		EXPECT_INT(bide_try_await(bide_spawn(gives_int, good[i]), &ret), 0);
		EXPECT_INT(ret, good[i]);
	}
	EXPECT_INT(bide_try_await(bide_spawn(gives_int, -1), &ret), -1);
	EXPECT_INT(bide_try_await(bide_spawn(gives_int, -8191), &ret), -8191);
	EXPECT_INT(ret, INT_MIN);
}

VIRTUAL_TEST(so_is_a_long)
{
	static const long good[] = { 0, LONG_MAX, -8192, LONG_MIN, -4294967296 };
	long ret = 7;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		EXPECT_INT(bide_try_await(bide_spawn(gives_long, good[i]), &ret), 0);
		EXPECT_INT(ret, good[i]);
	}
	EXPECT_INT(bide_try_await(bide_spawn(gives_long, -8191), &ret), -8191);
	EXPECT_INT(bide_await(long, bide_spawn(gives_long, -5)), -5);
}

VIRTUAL_TEST(so_is_a_long_long)
{
	long long ret = 7;
	EXPECT_INT(bide_try_await(bide_spawn(gives_long_long, -8192), &ret), 0);
	EXPECT_INT(ret, -8192);
	EXPECT_INT(bide_try_await(bide_spawn(gives_long_long, -1), &ret), -1);
	EXPECT_INT(bide_await(long long, bide_spawn(gives_long_long, -5)), -5);
}

static BIDE_ASYNC_LIGHT(short, gives_short, short);
static short gives_short(short value)
{
	return value;
}

static BIDE_ASYNC_LIGHT(double, gives_double, double);
static double gives_double(double value)
{
	return value;
}

static BIDE_ASYNC_LIGHT(unsigned, gives_unsigned, unsigned);
static unsigned gives_unsigned(unsigned value)
{
	return value;
}

VIRTUAL_TEST(other_results_are_never_failures)
{
	EXPECT_INT(bide_await(short, bide_spawn(gives_short, -5)), -5);
	EXPECT_DOUBLE(bide_await(double, bide_spawn(gives_double, -5.0)), -5.0);
	EXPECT_UINT(bide_await(unsigned, bide_spawn(gives_unsigned, (unsigned)-5)), (unsigned)-5);
}

TEST(an_option_lets_negative_results_be_results)
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL, .negative_results = true };
	int ret = 7;
	CHECK_INT(bide_try_run(&options, &ret, gives_int, -5), 0);
	CHECK_INT(ret, -5);
}

/* ---- bide_fail() -------------------------------------------------------------------------- */

static BIDE_ASYNC_LIGHT(double, fails, int);
static double fails(int error)
{
	bide_fail(error);
	note('F');
	return 2.5;
}

VIRTUAL_TEST(fail_makes_the_task_fail_whatever_it_returns)
{
	double ret = 7;
	EXPECT_INT(bide_try_await(bide_spawn(fails, -EDOM), &ret), -EDOM);
	EXPECT_DOUBLE(ret, 7);
	EXPECT_STR(trace, "F");
	EXPECT_INT(bide_join(bide_spawn(fails, -8191)), -8191);
	EXPECT_INT(bide_join(bide_spawn(fails, 0)), -EINVAL);
	EXPECT_INT(bide_join(bide_spawn(fails, 5)), -EINVAL);
	EXPECT_INT(bide_join(bide_spawn(fails, -8192)), -EINVAL);
}

static BIDE_ASYNC_LIGHT(int, fails_twice, void);
static int fails_twice(void)
{
	EXPECT_INT(bide_fail(-EIO), -EIO);
	EXPECT_INT(bide_fail(-EPERM), -EPERM);
	return 42;
}

VIRTUAL_TEST(the_last_fail_counts)
{
	EXPECT_INT(bide_await(int, bide_spawn(fails_twice)), -EPERM);
}

static BIDE_ASYNC_LIGHT(void, fails_void, int);
static void fails_void(int error)
{
	bide_fail(error);
}

VIRTUAL_TEST(a_task_without_a_result_may_fail)
{
	EXPECT_INT(bide_join(bide_spawn(fails_void, -EIO)), -EIO);
}

TEST_ABORTS(fail_needs_a_task, "bide_fail: there is no task to fail")
{
	bide_fail(-EIO);
}

/* ---- what nobody retrieved ---------------------------------------------------------------- */

static BIDE_ASYNC(int, detaches, int);
static int detaches(int result)
{
	bide_detach(bide_spawn(nap, 1.0, result));
	return bide_sleep(2);
}

TEST(the_failure_of_a_detached_task_is_reported)
{
	CHECK_INT(RUN_VIRTUAL(detaches, -EIO), 0);
	CHECK_UINT(reports.count, 1);
	CHECK_INT(reports.kind[0], BIDE_REPORT_FAILURE);
	CHECK_INT(reports.error[0], -EIO);
	CHECK_STR(reports.task[0], "nap");
	CHECK(strstr(reports.message[0], bide_strerror(-EIO)) != NULL);
}

TEST(a_detached_task_that_does_well_is_not_reported)
{
	CHECK_INT(RUN_VIRTUAL(detaches, 5), 0);
	CHECK_UINT(reports.count, 0);
}

static BIDE_ASYNC(int, detaches_late, void);
static int detaches_late(void)
{
	bide_task *task = bide_spawn(nap, 1.0, -EIO);
	(void)bide_sleep(2);
	EXPECT_UINT(reports.count, 0);
	bide_detach(task);
	EXPECT_UINT(reports.count, 1);
	return 0;
}

TEST(detaching_a_task_that_has_failed_reports_it)
{
	CHECK_INT(RUN_VIRTUAL(detaches_late), 0);
	CHECK_UINT(reports.count, 1);
}

static BIDE_ASYNC(int, detaches_cancelled, void);
static int detaches_cancelled(void)
{
	bide_task *task = bide_spawn(nap, 9.0, 0);
	(void)bide_yield();
	bide_cancel(task);
	bide_detach(task);
	return bide_sleep(2);
}

TEST(a_cancelled_task_is_not_reported)
{
	CHECK_INT(RUN_VIRTUAL(detaches_cancelled), 0);
	CHECK_UINT(reports.count, 0);
}

static BIDE_ASYNC(int, forgets, double, int);
static int forgets(double seconds, int result)
{
	bide_task *forgotten = bide_spawn(nap, seconds, result);
	(void)forgotten;
	return bide_sleep(2);
}

TEST(the_failure_of_a_forgotten_task_is_reported_at_the_end)
{
	CHECK_INT(RUN_VIRTUAL(forgets, 1.0, -EIO), 0);
	CHECK_UINT(reports.count, 1);
	CHECK_INT(reports.kind[0], BIDE_REPORT_FAILURE);
	CHECK_INT(reports.error[0], -EIO);
}

TEST(a_forgotten_task_that_ended_well_is_named_at_the_end)
{
	CHECK_INT(RUN_VIRTUAL(forgets, 1.0, 5), 0);
	CHECK_UINT(reports.count, 1);
	CHECK_INT(reports.kind[0], BIDE_REPORT_UNENDED);
	CHECK_INT(reports.error[0], 0);
	CHECK_STR(reports.task[0], "nap");
}

static BIDE_ASYNC(int, awaits_a_number, void);
static int awaits_a_number(void)
{
	EXPECT_DOUBLE(bide_await(double, bide_spawn(fails, -EDOM)), 0);
	return 0;
}

TEST(an_await_that_cannot_tell_of_the_failure_gives_zeros_and_reports_it)
{
	CHECK_INT(RUN_VIRTUAL(awaits_a_number), 0);
	CHECK_UINT(reports.count, 1);
	CHECK_INT(reports.kind[0], BIDE_REPORT_FAILURE);
	CHECK_INT(reports.error[0], -EDOM);
	CHECK_STR(reports.task[0], "fails");
}

static BIDE_ASYNC(int, awaits_nothing, void);
static int awaits_nothing(void)
{
	bide_await(void, bide_spawn(fails_void, -EIO));
	return 0;
}

TEST(an_await_without_a_result_reports_the_failure)
{
	CHECK_INT(RUN_VIRTUAL(awaits_nothing), 0);
	CHECK_UINT(reports.count, 1);
	CHECK_INT(reports.error[0], -EIO);
}

static BIDE_ASYNC(int, retrieves, void);
static int retrieves(void)
{
	bide_task *tasks[2] = { bide_spawn(nap, 1.0, -EIO), bide_spawn(nap, 1.0, -EPERM) };
	int errors[2] = { 0 };
	EXPECT_INT(bide_await(int, bide_spawn(nap, 1.0, -EIO)), -EIO);
	EXPECT_INT(bide_join(bide_spawn(fails, -EIO)), -EIO);
	EXPECT_INT(bide_try_await(bide_spawn(fails, -EIO), NULL), -EIO);
	EXPECT_INT(bide_wait_for(bide_spawn(nap, 1.0, -EIO), 5, NULL), -EIO);
	EXPECT_INT(bide_gather_collect(tasks, 2, (int *)NULL, errors), 2);
	return 0;
}

TEST(a_failure_that_was_retrieved_is_not_reported)
{
	CHECK_INT(RUN_VIRTUAL(retrieves), 0);
	CHECK_UINT(reports.count, 0);
}

static BIDE_ASYNC(int, only_looks, void);
static int only_looks(void)
{
	bide_task *task = bide_spawn(nap, 1.0, -EIO);
	EXPECT_INT(bide_wait(&task, 1, BIDE_ALL), 1);
	EXPECT_INT(bide_task_error(task), -EIO);
	return 0;
}

TEST(looking_at_a_failure_does_not_retrieve_it)
{
	CHECK_INT(RUN_VIRTUAL(only_looks), 0);
	CHECK_UINT(reports.count, 1);
	CHECK_INT(reports.error[0], -EIO);
}

/* ---- detached tasks ----------------------------------------------------------------------- */

VIRTUAL_TEST(a_detached_task_runs_on)
{
	bide_detach(bide_spawn(tick, 1.0, 'A'));
	EXPECT_INT(bide_sleep(2), 0);
	EXPECT_STR(trace, "A");
}

static BIDE_ASYNC(int, leaves_detached, void);
static int leaves_detached(void)
{
	bide_detach(bide_spawn(tick, 9.0, 'A'));
	return bide_sleep(1);
}

TEST(a_detached_task_is_cancelled_and_joined_at_the_end_of_the_run)
{
	CHECK_INT(RUN_VIRTUAL(leaves_detached), 0);
	CHECK_STR(trace, "a");
	CHECK_UINT(reports.count, 0);
}
