// SPDX-License-Identifier: MIT
/* Reports: what is told, of which task, and where it goes. */
#include "core/child_kit.h"

#include <bide.h>

#include <errno.h>
#include <time.h>

enum { REPORTS_MAX = 16 };

static struct {
	enum bide_report_kind kind;
	int error;
	char task[64];
	char message[512];
} reports[REPORTS_MAX];

static int nreports;

static void keep_report(void *arg, const bide_report *report)
{
	EXPECT_PTR(arg, &nreports);
	if (nreports == REPORTS_MAX)
		return;
	reports[nreports].kind = report->kind;
	reports[nreports].error = report->error;
	snprintf(reports[nreports].task, sizeof reports[0].task, "%s",
	         report->task != NULL ? report->task : "(none)");
	snprintf(reports[nreports].message, sizeof reports[0].message, "%s", report->message);
	nreports++;
}

static void keep_reports(void)
{
	nreports = 0;
	bide_set_report(keep_report, &nreports);
}

static const bide_options virtual = { .backend = BIDE_BACKEND_VIRTUAL };

/* ---- failures ----------------------------------------------------------------------------- */

BIDE_ASYNC(int, fail_with, int);
int fail_with(int error)
{
	bide_yield();
	return error;
}

BIDE_ASYNC(double, fail_without_result, int);
double fail_without_result(int error)
{
	bide_fail(error);
	return 1;
}

BIDE_ASYNC(int, leave_failures, int);
int leave_failures(int error)
{
	const bide_task_options named = { .name = "a failure" };

	bide_detach(bide_spawn(fail_with, error));
	bide_spawn_with(&named, fail_with, error - 1);
	bide_sleep(1);
	EXPECT_INT(nreports, 1);
	return 0;
}

TEST(debug_report_of_failures_that_nobody_retrieved)
{
	keep_reports();
	EXPECT_INT(bide_try_run(&virtual, NULL, leave_failures, -5), 0);
	CHECK_INT(nreports, 2);
	EXPECT_INT(reports[0].kind, BIDE_REPORT_FAILURE);
	EXPECT_INT(reports[0].error, -5);
	EXPECT_STR(reports[0].task, "fail_with");
	EXPECT_STR(reports[0].message, "(#2) failed and nobody asked: Input/output error");
	EXPECT_INT(reports[1].kind, BIDE_REPORT_FAILURE);
	EXPECT_INT(reports[1].error, -6);
	EXPECT_STR(reports[1].task, "a failure");
}

BIDE_ASYNC(int, retrieve_failures, int);
int retrieve_failures(int error)
{
	bide_task *tasks[] = { bide_spawn(fail_with, error), bide_spawn(fail_with, error) };

	EXPECT_INT(bide_await(int, bide_spawn(fail_with, error)), error);
	EXPECT_INT(bide_join(bide_spawn(fail_with, error)), error);
	EXPECT_INT(bide_try_await(bide_spawn(fail_without_result, error), NULL), error);
	EXPECT_INT(bide_gather_collect(tasks, 2, NULL, NULL), 2);
	return 0;
}

TEST(debug_report_is_not_made_of_failures_that_somebody_retrieved)
{
	keep_reports();
	EXPECT_INT(bide_try_run(&virtual, NULL, retrieve_failures, -5), 0);
	EXPECT_INT(nreports, 0);
}

/* A result that can not carry the error does not retrieve it. */
BIDE_ASYNC(int, await_double, int);
int await_double(int error)
{
	EXPECT_DOUBLE(bide_await(double, bide_spawn(fail_without_result, error)), 0.0);
	return 0;
}

TEST(debug_report_of_a_failure_that_an_awaited_result_could_not_carry)
{
	keep_reports();
	EXPECT_INT(bide_try_run(&virtual, NULL, await_double, -5), 0);
	CHECK_INT(nreports, 1);
	EXPECT_INT(reports[0].kind, BIDE_REPORT_FAILURE);
	EXPECT_INT(reports[0].error, -5);
	EXPECT_STR(reports[0].task, "fail_without_result");
}

TEST(debug_report_of_a_run_whose_result_could_not_carry_its_failure)
{
	keep_reports();
	EXPECT_DOUBLE(bide_run(fail_without_result, -5), 0.0);
	CHECK_INT(nreports, 1);
	EXPECT_INT(reports[0].error, -5);
	EXPECT_STR(reports[0].task, "fail_without_result");
	EXPECT_STR(reports[0].message, "ended without a result: Input/output error");
}

BIDE_ASYNC(int, group_without_rc, int);
int group_without_rc(int error)
{
	BIDE_GROUP(group) {
		bide_group_spawn(group, fail_with, error);
	}
	return 0;
}

TEST(debug_report_of_a_failed_group_that_was_given_no_variable)
{
	keep_reports();
	EXPECT_INT(bide_try_run(&virtual, NULL, group_without_rc, -5), 0);
	CHECK_INT(nreports, 1);
	EXPECT_INT(reports[0].kind, BIDE_REPORT_FAILURE);
	EXPECT_INT(reports[0].error, -5);
	EXPECT_STR(reports[0].task, "group_without_rc");
}

/* ---- handles ------------------------------------------------------------------------------ */

BIDE_ASYNC(int, succeed, int);
int succeed(int result)
{
	return result;
}

BIDE_ASYNC(int, forget_handle, int);
int forget_handle(int result)
{
	const bide_task_options named = { .name = "forgotten" };

	bide_spawn_with(&named, succeed, result);
	return bide_sleep(1);
}

TEST(debug_report_of_a_handle_that_was_never_ended)
{
	keep_reports();
	EXPECT_INT(bide_try_run(&virtual, NULL, forget_handle, 3), 0);
	CHECK_INT(nreports, 1);
	EXPECT_INT(reports[0].kind, BIDE_REPORT_UNENDED);
	EXPECT_INT(reports[0].error, 0);
	EXPECT_STR(reports[0].task, "forgotten");
	EXPECT_STR(reports[0].message, "(#2) ended, and nobody awaited or detached it");
}

BIDE_ASYNC(int, sleep_long, double);
int sleep_long(double seconds)
{
	return bide_sleep(seconds);
}

BIDE_ASYNC(int, leave_running, int);
int leave_running(int n)
{
	for (int i = 0; i < n; i++)
		bide_spawn(sleep_long, 1e6);
	return bide_sleep(1);
}

TEST(debug_report_is_not_made_of_tasks_that_the_end_of_the_run_cancelled)
{
	keep_reports();
	EXPECT_INT(bide_try_run(&virtual, NULL, leave_running, 5), 0);
	EXPECT_INT(nreports, 0);
}

/* ---- cancellations ------------------------------------------------------------------------ */

BIDE_ASYNC(int, ignore_cancellation, int);
int ignore_cancellation(int times)
{
	for (int i = 0; i < times; i++)
		bide_yield();
	return 0;
}

BIDE_ASYNC(int, cancel_ignorer, int);
int cancel_ignorer(int times)
{
	bide_task *t = bide_spawn(ignore_cancellation, times);

	bide_cancel(t);
	return bide_join(t);
}

TEST(debug_report_of_a_task_that_ignores_its_cancellation)
{
	keep_reports();
	EXPECT_INT(bide_try_run(&virtual, NULL, cancel_ignorer, 999), 0);
	EXPECT_INT(nreports, 0);
	EXPECT_INT(bide_try_run(&virtual, NULL, cancel_ignorer, 5000), 0);
	CHECK_INT(nreports, 1);
	EXPECT_INT(reports[0].kind, BIDE_REPORT_IGNORED);
	EXPECT_INT(reports[0].error, -ECANCELED);
	EXPECT_STR(reports[0].task, "ignore_cancellation");
	EXPECT_STR(reports[0].message,
	           "ignores its cancellation: bide_yield has returned it 1000 times in a row");
}

TEST_ABORTS(debug_mode_aborts_a_task_that_ignores_its_cancellation,
            "the task has ignored its cancellation 1000 times in a row")
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL, .debug = true };

	bide_try_run(&options, NULL, cancel_ignorer, 5000);
}

BIDE_ASYNC(int, sleep_shielded, double);
int sleep_shielded(double seconds)
{
	int rc = 0;

	BIDE_SHIELD {
		rc = bide_sleep(seconds);
	}
	return rc;
}

BIDE_ASYNC(int, leave_shielded, double);
int leave_shielded(double seconds)
{
	const bide_task_options named = { .name = "stubborn" };

	bide_detach(bide_spawn_with(&named, sleep_shielded, seconds));
	return bide_sleep(1);
}

TEST(debug_report_of_a_task_that_does_not_end_with_the_run)
{
	keep_reports();
	EXPECT_INT(bide_try_run(&virtual, NULL, leave_shielded, 5.0), 0);
	EXPECT_INT(nreports, 0);
	EXPECT_INT(bide_try_run(&virtual, NULL, leave_shielded, 7.0), 0);
	CHECK_INT(nreports, 1);
	EXPECT_INT(reports[0].kind, BIDE_REPORT_STUCK);
	EXPECT_STR(reports[0].task, "stubborn");
	EXPECT_STR(reports[0].message, "was cancelled at the end of the run and does not end; "
	                               "it is in bide_sleep");
}

/* ---- slow steps --------------------------------------------------------------------------- */

static void compute(double seconds)
{
	struct timespec t;
	double until = 0;

	do {
		clock_gettime(CLOCK_MONOTONIC, &t);
		double now = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
		until = until == 0 ? now + seconds : until;
		if (now >= until)
			return;
	} while (true);
}

BIDE_ASYNC(int, hold_loop, double);
int hold_loop(double seconds)
{
	bide_yield();
	compute(seconds);
	return 0;
}

BIDE_ASYNC(int, run_slow_step, double);
int run_slow_step(double seconds)
{
	const bide_task_options named = { .name = "slowcoach" };

	return bide_join(bide_spawn_with(&named, hold_loop, seconds));
}

/* In a machine under load any step may be slow, so what else is told does not count. */
static int count_slow(const char *name)
{
	int count = 0;

	for (int i = 0; i < nreports; i++)
		if (reports[i].kind == BIDE_REPORT_SLOW && strcmp(reports[i].task, name) == 0 &&
		    strncmp(reports[i].message, "held the loop for ", 18) == 0)
			count++;
	return count;
}

TEST(debug_mode_reports_a_slow_step)
{
	const bide_options options = { .debug = true };

	keep_reports();
	EXPECT_INT(bide_try_run(&options, NULL, run_slow_step, 0.11), 0);
	EXPECT(count_slow("slowcoach") >= 1);
}

TEST(debug_mode_is_on_where_the_environment_says_so)
{
	keep_reports();
	setenv("BIDE_DEBUG", "1", 1);
	EXPECT_INT(bide_run(run_slow_step, 0.11), 0);
	EXPECT(count_slow("slowcoach") >= 1);
	keep_reports();
	setenv("BIDE_DEBUG", "0", 1);
	EXPECT_INT(bide_run(run_slow_step, 0.11), 0);
	EXPECT_INT(nreports, 0);
}

/* ---- where they go ------------------------------------------------------------------------ */

static void report_by_default(void)
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL };

	bide_try_run(&options, NULL, forget_handle, 3);
	bide_set_report(keep_report, &nreports);
	bide_try_run(&options, NULL, forget_handle, 3);
	bide_set_report(NULL, NULL);
	bide_try_run(&options, NULL, forget_handle, 3);
}

TEST(debug_report_goes_to_standard_error_by_default)
{
	const char line[] =
		"bide: task 'forgotten' (#2) ended, and nobody awaited or detached it\n";
	struct child child;
	char both[2 * sizeof line];

	snprintf(both, sizeof both, "%s%s", line, line);
	child_run(&child, report_by_default);
	EXPECT(child_exited(&child, 0));
	EXPECT_STR(child.text, both);
}

static void suspend_in_report(void *arg, const bide_report *report)
{
	(void)arg;
	(void)report;
	bide_sleep(1);
}

TEST_ABORTS(debug_report_handler_must_not_suspend, "bide: bide_sleep: ")
{
	bide_set_report(suspend_in_report, NULL);
	bide_try_run(&virtual, NULL, cancel_ignorer, 5000);
}
