// SPDX-License-Identifier: MIT
/* Cancellation of a call in a thread: it asks and waits, takes out what has not begun, or leaves
 * the job to itself where the caller said so. */
#include "core/thread_kit.h"

#include <stdlib.h>

static gate ended;
static int jobs_run; /* atomic */

static void close_gates(void)
{
	gate_close(&begun);
	gate_close(&go_on);
	gate_close(&ended);
	__atomic_store_n(&jobs_run, 0, __ATOMIC_RELAXED);
}

/* ---- asking and waiting ------------------------------------------------------------------- */

/* Works until it is asked to stop. */
static BIDE_ASYNC(int, work_until_asked, void);
static int work_until_asked(void)
{
	int rc;
	gate_open(&begun);
	while ((rc = bide_thread_cancelled()) == 0)
		nap_ms(1);
	return rc;
}

static BIDE_ASYNC(int, call_work_until_asked, void);
static int call_work_until_asked(void)
{
	return bide_to_thread(work_until_asked);
}

RUN_TEST(thread_job_is_asked_to_stop)
{
	close_gates();
	bide_task *task = bide_spawn(call_work_until_asked);
	bide_yield();
	gate_wait(&begun);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(bide_thread_cancelled(), 0);
	EXPECT_INT(reports(), 0);
}

RUN_TEST(thread_job_is_told_of_a_timeout)
{
	int late = 0, rc = 0;
	close_gates();
	BIDE_TIMEOUT(0.01, late) {
		rc = bide_to_thread(work_until_asked);
	}
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_INT(late, -ETIMEDOUT);
}

/* It takes its time to stop, whatever it is asked. */
static BIDE_ASYNC(int, work_to_the_end, int);
static int work_to_the_end(int result)
{
	gate_open(&begun);
	gate_wait(&go_on);
	__atomic_fetch_add(&jobs_run, 1, __ATOMIC_RELAXED);
	return result;
}

static BIDE_ASYNC(int, call_work_to_the_end, int);
static int call_work_to_the_end(int result)
{
	return bide_to_thread(work_to_the_end, result);
}

RUN_TEST(thread_call_that_is_cancelled_waits_for_the_end_and_keeps_the_result)
{
	close_gates();
	bide_task *task = bide_spawn(call_work_to_the_end, 9);
	bide_yield();
	gate_wait(&begun);
	bide_cancel(task);
	bide_sleep(0.005);
	EXPECT(!bide_task_done(task));
	gate_open(&go_on);
	EXPECT_INT(bide_await(int, task), 9);
	EXPECT_INT(jobs_run, 1);
}

static BIDE_ASYNC(double, double_until_asked, void);
static double double_until_asked(void)
{
	int rc = work_until_asked();
	bide_fail(rc);
	return 1;
}

static BIDE_ASYNC(double, call_double_until_asked, void);
static double call_double_until_asked(void)
{
	double result = bide_to_thread(double_until_asked);
	EXPECT_INT(bide_cancelled(), -ECANCELED);
	bide_fail(bide_cancelled());
	return result;
}

RUN_TEST(thread_call_that_was_cancelled_is_not_reported)
{
	close_gates();
	bide_task *task = bide_spawn(call_double_until_asked);
	bide_yield();
	gate_wait(&begun);
	bide_cancel(task);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(reports(), 0);
}

static BIDE_ASYNC(int, fail_when_asked, void);
static int fail_when_asked(void)
{
	(void)work_until_asked();
	return -EIO;
}

static BIDE_ASYNC(int, call_fail_when_asked, void);
static int call_fail_when_asked(void)
{
	return bide_to_thread(fail_when_asked);
}

RUN_TEST(thread_job_that_fails_when_it_is_asked_has_failed)
{
	close_gates();
	bide_task *task = bide_spawn(call_fail_when_asked);
	bide_yield();
	gate_wait(&begun);
	bide_cancel(task);
	EXPECT_INT(bide_join(task), -EIO);
}

static BIDE_ASYNC(int, call_shielded, void);
static int call_shielded(void)
{
	int rc = 0;
	BIDE_SHIELD {
		rc = bide_to_thread(work_to_the_end, 3);
	}
	return rc;
}

RUN_TEST(thread_call_in_a_shield_is_not_asked)
{
	close_gates();
	bide_task *task = bide_spawn(call_shielded);
	bide_yield();
	gate_wait(&begun);
	bide_cancel(task);
	gate_open(&go_on);
	EXPECT_INT(bide_await(int, task), 3);
}

static BIDE_ASYNC(int, call_when_cancelled, void);
static int call_when_cancelled(void)
{
	bide_cancel(bide_current_task());
	return bide_to_thread(work_to_the_end, 3);
}

RUN_TEST(thread_call_in_a_cancelled_task_is_not_begun)
{
	close_gates();
	gate_open(&go_on);
	EXPECT_INT(bide_join(bide_spawn(call_when_cancelled)), -ECANCELED);
	EXPECT_INT(bide_to_thread(work_to_the_end, 0), 0);
	EXPECT_INT(jobs_run, 1);
}

/* ---- what has not begun ------------------------------------------------------------------- */

static void use_one_thread(void)
{
	const bide_thread_pool one = { .limit = 1 };
	EXPECT_INT(bide_thread_pool_set(&one), 0);
}

RUN_TEST(thread_job_that_has_not_begun_is_taken_out)
{
	enum { QUEUED = 20 };
	bide_task *tasks[QUEUED];
	close_gates();
	use_one_thread();
	bide_task *first = bide_spawn(call_work_to_the_end, 1);
	bide_yield();
	gate_wait(&begun);
	for (int i = 0; i < QUEUED; i++)
		tasks[i] = bide_spawn(call_work_to_the_end, 2);
	bide_yield();
	for (int i = 0; i < QUEUED; i += 2)
		bide_cancel(tasks[i]);
	/* These end although the thread is busy. */
	for (int i = 0; i < QUEUED; i += 2)
		EXPECT_INT(bide_join(tasks[i]), -ECANCELED);
	for (int i = 0; i <= QUEUED / 2; i++)
		gate_open(&go_on);
	EXPECT_INT(bide_await(int, first), 1);
	for (int i = 1; i < QUEUED; i += 2)
		EXPECT_INT(bide_await(int, tasks[i]), 2);
	EXPECT_INT(jobs_run, 1 + QUEUED / 2);
}

RUN_TEST(thread_jobs_of_a_group_that_is_cancelled)
{
	int rc;
	close_gates();
	use_one_thread();
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 300; i++)
			bide_group_spawn(group, call_work_to_the_end, i);
		bide_yield();
		gate_wait(&begun);
		bide_group_cancel(group);
		gate_open(&go_on);
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(jobs_run, 1);
}

/* ---- leaving to itself -------------------------------------------------------------------- */

static const bide_thread_options leave = { .abandon = true };

struct numbers {
	int n, sum;
	int of[32];
};
static BIDE_ASYNC(int, sum_at_end, struct numbers *);
static int sum_at_end(struct numbers *numbers)
{
	gate_open(&begun);
	gate_wait(&go_on);
	for (int i = 0; i < numbers->n; i++)
		numbers->sum += numbers->of[i];
	EXPECT_INT(bide_thread_cancelled(), -ECANCELED);
	gate_open(&ended);
	return 0;
}

static BIDE_ASYNC(int, call_and_leave, struct numbers *);
static int call_and_leave(struct numbers *numbers)
{
	int result = 77;
	int rc = bide_try_to_thread(&leave, &result, sum_at_end, numbers);
	EXPECT_INT(result, 77);
	return rc;
}

RUN_TEST(thread_job_may_be_left_to_itself)
{
	static struct numbers numbers;
	close_gates();
	numbers = (struct numbers){ .n = 3, .of = { 1, 2, 3 } };
	bide_task *task = bide_spawn(call_and_leave, &numbers);
	bide_yield();
	gate_wait(&begun);
	bide_cancel(task);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(numbers.sum, 0);
	gate_open(&go_on);
	gate_wait(&ended);
	EXPECT_INT(numbers.sum, 6);
	EXPECT_INT(reports(), 0);
}

/* Arguments of its own, which it keeps when the task and its loop are gone. */
struct large {
	unsigned char bytes[400];
	int error;
};
static BIDE_ASYNC(int, look_late, struct large);
static int look_late(struct large large)
{
	gate_open(&begun);
	gate_wait(&go_on);
	int sum = 0;
	for (size_t i = 0; i < sizeof large.bytes; i++)
		sum += large.bytes[i];
	EXPECT_INT(sum, 400 * 3);
	gate_open(&ended);
	return large.error;
}

static BIDE_ASYNC_LIGHT(int, call_and_leave_late, int);
static int call_and_leave_late(int error)
{
	struct large large;
	memset(large.bytes, 3, sizeof large.bytes);
	large.error = error;
	return bide_try_to_thread(&leave, NULL, look_late, large);
}

static BIDE_ASYNC(int, leave_and_return, int);
static int leave_and_return(int error)
{
	bide_detach(bide_spawn(call_and_leave_late, error));
	bide_yield();
	gate_wait(&begun);
	return 5;
}

TEST(thread_job_that_was_left_outlives_the_loop)
{
	bide_set_report(keep_report, NULL);
	for (int i = 0; i < 5; i++) {
		close_gates();
		EXPECT_INT(bide_run(leave_and_return, 0), 5);
		gate_open(&go_on);
		gate_wait(&ended);
	}
	EXPECT_INT(reports(), 0);
	EXPECT(threads_become(0));
}

TEST(thread_job_that_was_left_and_fails_is_reported)
{
	bide_set_report(keep_report, NULL);
	close_gates();
	EXPECT_INT(bide_run(leave_and_return, -EPROTO), 5);
	gate_open(&go_on);
	gate_wait(&ended);
	EXPECT(threads_become(0));
	EXPECT_INT(reports(), 1);
	EXPECT_INT(report.error, -EPROTO);
	EXPECT_STR(report.task, "look_late");
}

TEST(thread_job_that_was_left_does_not_keep_the_process)
{
	close_gates();
	EXPECT_INT(bide_run(leave_and_return, 0), 5);
}

RUN_TEST(thread_job_that_may_be_left_and_is_not_returns_its_result)
{
	int result = 0;
	close_gates();
	gate_open(&go_on);
	EXPECT_INT(bide_try_to_thread(&leave, &result, work_to_the_end, 12), 0);
	EXPECT_INT(result, 12);
}

static BIDE_ASYNC(int, call_work_and_leave, int);
static int call_work_and_leave(int result)
{
	int rc = bide_try_to_thread(&leave, &result, work_to_the_end, result);
	return rc < 0 ? rc : result;
}

RUN_TEST(thread_job_that_may_be_left_and_has_not_begun_never_does)
{
	close_gates();
	use_one_thread();
	bide_task *first = bide_spawn(call_work_and_leave, 1);
	bide_task *second = bide_spawn(call_work_and_leave, 2);
	bide_yield();
	gate_wait(&begun);
	bide_cancel(second);
	EXPECT_INT(bide_join(second), -ECANCELED);
	gate_open(&go_on);
	gate_open(&go_on);
	EXPECT_INT(bide_await(int, first), 1);
	EXPECT_INT(jobs_run, 1);
}

/* Cancelled just when it ends: it has a result, or has been left. */
static BIDE_ASYNC(int, end_at_once, int);
static int end_at_once(int n)
{
	for (volatile int i = 0; i < n; i++)
		;
	return n;
}

static BIDE_ASYNC(int, call_end_at_once, int, const bide_thread_options *);
static int call_end_at_once(int n, const bide_thread_options *options)
{
	int result = -1;
	int rc = bide_try_to_thread(options, &result, end_at_once, n);
	EXPECT(rc == -ECANCELED || (rc == 0 && result == n));
	return 0;
}

static void cancel_at_the_end(const bide_thread_options *options)
{
	for (int i = 0; i < 3000; i++) {
		bide_task *task = bide_spawn(call_end_at_once, i % 40 * 25, options);
		for (int j = 0; j <= i % 5; j++)
			bide_yield();
		bide_cancel(task);
		EXPECT_INT(bide_join(task), 0);
	}
}

RUN_TEST(thread_job_that_ends_while_it_is_asked)
{
	cancel_at_the_end(NULL);
}

RUN_TEST(thread_job_that_ends_while_it_is_left)
{
	cancel_at_the_end(&leave);
}

/* ---- the end of a run --------------------------------------------------------------------- */

static BIDE_ASYNC(int, leave_working, void);
static int leave_working(void)
{
	bide_detach(bide_spawn(call_work_until_asked));
	bide_yield();
	gate_wait(&begun);
	return 8;
}

TEST(thread_job_is_asked_and_waited_for_at_the_end_of_a_run)
{
	bide_set_report(keep_report, NULL);
	close_gates();
	EXPECT_INT(bide_run(leave_working), 8);
	EXPECT(threads_become(0));
	EXPECT_INT(reports(), 0);
}
