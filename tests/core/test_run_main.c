// SPDX-License-Identifier: MIT
/* bide_run() and bide_try_run(): what they return, how the main task may end, and what they leave
 * behind: nothing. */
#include "core/virtual_kit.h"

/* ---- results ------------------------------------------------------------------------------ */

static BIDE_ASYNC(int, gives, int);
static int gives(int value)
{
	(void)bide_sleep(0);
	return value;
}

static BIDE_ASYNC(double, halves, double);
static double halves(double value)
{
	(void)bide_sleep(0);
	return value / 2;
}

static BIDE_ASYNC(long, gives_long, long);
static long gives_long(long value)
{
	return value;
}

static BIDE_ASYNC(void, notes, char);
static void notes(char c)
{
	note(c);
}

static BIDE_ASYNC(const char *, greets, void);
static const char *greets(void)
{
	return "hello";
}

static BIDE_ASYNC_LIGHT(int, gives_lightly, int, int);
static int gives_lightly(int a, int b)
{
	return bide_sleep(0.001) < 0 ? 0 : a * b;
}

TEST(run_returns_the_result)
{
	CHECK_INT(bide_run(gives, 42), 42);
	CHECK_DOUBLE(bide_run(halves, 5), 2.5);
	CHECK_INT(bide_run(gives_long, 1L << 40), 1L << 40);
	CHECK_STR(bide_run(greets), "hello");
	CHECK_INT(bide_run(gives_lightly, 6, 7), 42);
	bide_run(notes, 'A');
	CHECK_STR(trace, "A");
}

TEST(run_returns_the_failure_of_a_signed_integer)
{
	begin_run();
	CHECK_INT(bide_run(gives, -EIO), -EIO);
	CHECK_INT(bide_run(gives_long, -EIO), -EIO);
	CHECK_UINT(reports.count, 0);
}

static BIDE_ASYNC(double, fails, int);
static double fails(int error)
{
	bide_fail(error);
	return 2.5;
}

TEST(run_reports_a_failure_that_the_result_cannot_carry)
{
	begin_run();
	CHECK_DOUBLE(bide_run(fails, -EIO), 0);
	CHECK_UINT(reports.count, 1);
	CHECK_INT(reports.kind[0], BIDE_REPORT_FAILURE);
	CHECK_INT(reports.error[0], -EIO);
	CHECK_STR(reports.task[0], "fails");
}

TEST(try_run_tells_results_from_errors)
{
	double ret = 7;
	int number = 7;
	CHECK_INT(bide_try_run(NULL, &ret, halves, 5.0), 0);
	CHECK_DOUBLE(ret, 2.5);
	begin_run();
	CHECK_INT(bide_try_run(NULL, &ret, fails, -EIO), -EIO);
	CHECK_DOUBLE(ret, 2.5);
	CHECK_INT(bide_try_run(NULL, &number, gives, -EPERM), -EPERM);
	CHECK_INT(number, 7);
	CHECK_INT(bide_try_run(NULL, NULL, notes, 'A'), 0);
	CHECK_UINT(reports.count, 0);
}

TEST(runs_may_follow_each_other)
{
	for (int i = 0; i < 200; i++)
		CHECK_INT(bide_run(gives, i), i);
	CHECK_NULL(bide_current_loop());
}

/* ---- how the main task may end ------------------------------------------------------------ */

static BIDE_ASYNC(int, cancels_itself, void);
static int cancels_itself(void)
{
	bide_cancel(bide_current_task());
	return bide_sleep(1);
}

static BIDE_ASYNC(int, cancelled_by_child, void);
static int cancelled_by_child(void)
{
	bide_detach(bide_spawn(cancel_later, 1.0, bide_current_task()));
	return bide_sleep(9);
}

TEST(a_main_task_that_is_cancelled_gives_that_error)
{
	CHECK_INT(RUN_VIRTUAL(cancels_itself), -ECANCELED);
	CHECK_INT(RUN_VIRTUAL(cancelled_by_child), -ECANCELED);
	CHECK_UINT(reports.count, 0);
}

static BIDE_ASYNC(void, cancels_itself_silently, void);
static void cancels_itself_silently(void)
{
	bide_cancel(bide_current_task());
	(void)bide_sleep(1);
}

TEST(a_main_task_without_a_result_may_be_cancelled)
{
	CHECK_INT(RUN_VIRTUAL(cancels_itself_silently), -ECANCELED);
}

static BIDE_ASYNC(int, answers_its_cancellation, void);
static int answers_its_cancellation(void)
{
	bide_cancel(bide_current_task());
	EXPECT_INT(bide_sleep(1), -ECANCELED);
	return 42;
}

TEST(a_main_task_may_answer_its_cancellation_by_a_result)
{
	int ret = 7;
	begin_run();
	CHECK_INT(bide_try_run(&virtual_options, &ret, answers_its_cancellation), 0);
	CHECK_INT(ret, 42);
}

static BIDE_ASYNC(int, joins_nobody, void);
static int joins_nobody(void)
{
	return bide_sleep(INFINITY);
}

TEST(a_run_in_which_nothing_can_happen_any_more_ends_with_a_report)
{
	CHECK_INT(RUN_VIRTUAL(joins_nobody), -EDEADLK);
	CHECK_UINT(reports.count, 1);
	CHECK_INT(reports.kind[0], BIDE_REPORT_DEADLOCK);
	CHECK(strstr(reports.message[0], "joins_nobody") != NULL);
}

/* ---- options ------------------------------------------------------------------------------ */

static BIDE_ASYNC(double, draws, void);
static double draws(void)
{
	return bide_uniform(0, 1);
}

TEST(a_seed_makes_a_run_repeatable)
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL, .seed = 42 };
	const bide_options others = { .backend = BIDE_BACKEND_VIRTUAL, .seed = 43 };
	double a = 0, b = 0, c = 0;
	CHECK_INT(bide_try_run(&options, &a, draws), 0);
	CHECK_INT(bide_try_run(&others, &b, draws), 0);
	CHECK_INT(bide_try_run(&options, &c, draws), 0);
	CHECK_DOUBLE(a, c);
	CHECK(a != b);
}

static BIDE_ASYNC(int, sleeps_ten_hours, void);
static int sleeps_ten_hours(void)
{
	double start = bide_now();
	EXPECT_INT(bide_sleep(36000), 0);
	EXPECT_DOUBLE(bide_now() - start, 36000);
	EXPECT_STR(bide_loop_backend(bide_current_loop()), "virtual");
	return 0;
}

TEST(ten_hours_pass_at_once_on_the_virtual_clock)
{
	CHECK_INT(RUN_VIRTUAL(sleeps_ten_hours), 0);
}

TEST(options_that_mean_nothing_are_refused)
{
	const bide_options backend = { .backend = (enum bide_backend)99 };
	const bide_options light = { .light = (enum bide_light)99 };
	const bide_options stack = { .stack_size = SIZE_MAX };
	int ret = 7;
	CHECK_INT(bide_try_run(&backend, &ret, gives, 1), -EINVAL);
	CHECK_INT(bide_try_run(&light, &ret, gives, 1), -EINVAL);
	CHECK_INT(bide_try_run(&stack, &ret, gives, 1), -EINVAL);
	CHECK_INT(ret, 7);
	CHECK_NULL(bide_current_loop());
	CHECK_INT(bide_run(gives, 1), 1);
}

static BIDE_ASYNC(int, deep, int);
static int deep(int depth)
{
	volatile char pad[1024];
	pad[0] = (char)depth;
	pad[1023] = 1;
	return depth == 0 ? bide_yield() : deep(depth - 1) + pad[1023];
}

TEST(an_option_gives_every_task_a_larger_stack)
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL, .stack_size = 8 << 20 };
	int ret = 0;
	CHECK_INT(bide_try_run(&options, &ret, deep, 2000), 0);
	CHECK_INT(ret, 2000);
}

/* ---- what is refused ---------------------------------------------------------------------- */

static BIDE_ASYNC(int, runs_inside, void);
static int runs_inside(void)
{
	return bide_run(gives, 1);
}

TEST_ABORTS(a_run_inside_a_run_is_refused,
            "bide_run: in task 'runs_inside' (#1): a run inside a run")
{
	(void)bide_run(runs_inside);
}

TEST_ABORTS(try_run_checks_the_type_of_the_result,
            "'gives' returns int of 4 bytes, not what ret points to, of 8")
{
	double ret;
	(void)bide_try_run(NULL, &ret, gives, 1);
}

static BIDE_ASYNC(int, suspends_where_it_must_not, void);
static int suspends_where_it_must_not(void)
{
	BIDE_NO_SUSPEND {
		(void)bide_yield();
	}
	return 0;
}

TEST_ABORTS(no_suspend_names_the_call_that_suspends,
            "bide_yield: in task 'suspends_where_it_must_not' (#1)")
{
	(void)RUN_VIRTUAL(suspends_where_it_must_not);
}
