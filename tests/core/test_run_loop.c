// SPDX-License-Identifier: MIT
/* A loop opened once, run several times, and closed: what is kept from one run to the next, and
 * what is not. */
#include "core/virtual_kit.h"

static BIDE_ASYNC(int, gives, int);
static int gives(int value)
{
	(void)bide_sleep(1);
	return value;
}

/* A loop for the test, on the virtual clock. */
static bide_loop *open_loop(void)
{
	bide_loop *loop = NULL;
	begin_run();
	EXPECT_INT(bide_loop_open(&virtual_options, &loop), 0);
	return loop;
}

/* ---- open, run, close --------------------------------------------------------------------- */

TEST(a_loop_may_be_run_several_times)
{
	bide_loop *loop = open_loop();
	for (int i = 0; i < 50; i++) {
		int ret = -1;
		CHECK_INT(bide_loop_run(loop, &ret, gives, i), 0);
		CHECK_INT(ret, i);
	}
	bide_loop_close(loop);
	CHECK_UINT(reports.count, 0);
}

TEST(loops_may_be_opened_one_after_the_other)
{
	for (int i = 0; i < 50; i++) {
		bide_loop *loop = open_loop();
		CHECK_INT(bide_loop_run(loop, NULL, gives, i), 0);
		bide_loop_close(loop);
	}
}

TEST(a_loop_may_be_closed_without_ever_being_run)
{
	bide_loop *loop = open_loop();
	bide_loop_close(loop);
	bide_loop_close(NULL);
	CHECK_NULL(bide_current_loop());
}

TEST(the_open_loop_is_this_thread_s)
{
	CHECK_NULL(bide_current_loop());
	bide_loop *loop = open_loop();
	CHECK_PTR(bide_current_loop(), loop);
	CHECK_STR(bide_loop_backend(loop), "virtual");
	bide_loop_close(loop);
	CHECK_NULL(bide_current_loop());
}

TEST(a_thread_has_one_loop)
{
	bide_loop *loop = open_loop(), *other = NULL;
	CHECK_INT(bide_loop_open(NULL, &other), -EBUSY);
	CHECK_NULL(other);
	CHECK_INT(bide_try_run(&virtual_options, NULL, gives, 1), -EBUSY);
	bide_loop_close(loop);
}

TEST(run_without_options_uses_the_open_loop)
{
	bide_loop *loop = open_loop();
	int ret = 7;
	CHECK_INT(bide_run(gives, 42), 42);
	CHECK_INT(bide_try_run(NULL, &ret, gives, 43), 0);
	CHECK_INT(ret, 43);
	CHECK_PTR(bide_current_loop(), loop);
	bide_loop_close(loop);
}

TEST(a_loop_that_cannot_be_opened_leaves_nothing)
{
	const bide_options options = { .backend = (enum bide_backend)99 };
	bide_loop *loop = NULL;
	CHECK_INT(bide_loop_open(&options, &loop), -EINVAL);
	CHECK_NULL(loop);
	CHECK_NULL(bide_current_loop());
}

/* ---- what is kept ------------------------------------------------------------------------- */

static double began_at;
static BIDE_ASYNC(int, sleeps, double);
static int sleeps(double seconds)
{
	began_at = bide_now();
	return bide_sleep(seconds);
}

TEST(the_clock_goes_on_from_one_run_to_the_next)
{
	bide_loop *loop = open_loop();
	CHECK_INT(bide_loop_run(loop, NULL, sleeps, 10.0), 0);
	double first = began_at;
	CHECK_INT(bide_loop_run(loop, NULL, sleeps, 10.0), 0);
	CHECK_DOUBLE(began_at - first, 10);
	bide_loop_close(loop);
}

/* ---- what is not -------------------------------------------------------------------------- */

static BIDE_ASYNC(int, leaves_tasks, void);
static int leaves_tasks(void)
{
	for (char c = 'A'; c < 'D'; c++)
		bide_detach(bide_spawn(tick, 9.0, c));
	return bide_yield();
}

static BIDE_ASYNC(int, counts_tasks, void);
static int counts_tasks(void)
{
	return (int)bide_all_tasks(NULL, 0);
}

TEST(no_task_is_left_between_runs)
{
	bide_loop *loop = open_loop();
	int ret = 7;
	CHECK_INT(bide_loop_run(loop, NULL, leaves_tasks), 0);
	CHECK_STR(trace, "abc");
	CHECK_INT(bide_loop_run(loop, &ret, counts_tasks), 0);
	CHECK_INT(ret, 1);
	bide_loop_close(loop);
}

static const bide_local local;
static BIDE_ASYNC(int, sets_local, void);
static int sets_local(void)
{
	static int value;
	EXPECT_PTR(bide_local_get(&local), NULL);
	return bide_local_set(&local, &value);
}

TEST(each_run_begins_without_locals)
{
	bide_loop *loop = open_loop();
	CHECK_INT(bide_loop_run(loop, NULL, sets_local), 0);
	CHECK_INT(bide_loop_run(loop, NULL, sets_local), 0);
	bide_loop_close(loop);
}

TEST(a_run_that_failed_does_not_hinder_the_next)
{
	bide_loop *loop = open_loop();
	int ret = 7;
	CHECK_INT(bide_loop_run(loop, &ret, gives, -EIO), -EIO);
	CHECK_INT(ret, 7);
	CHECK_INT(bide_loop_run(loop, &ret, gives, 42), 0);
	CHECK_INT(ret, 42);
	bide_loop_close(loop);
}

static BIDE_ASYNC(int, cancels_itself, void);
static int cancels_itself(void)
{
	bide_cancel(bide_current_task());
	return bide_sleep(1);
}

TEST(a_run_that_was_cancelled_does_not_hinder_the_next)
{
	bide_loop *loop = open_loop();
	CHECK_INT(bide_loop_run(loop, NULL, cancels_itself), -ECANCELED);
	CHECK_INT(bide_loop_run(loop, NULL, gives, 42), 0);
	CHECK_INT(bide_loop_run(loop, NULL, cancels_itself), -ECANCELED);
	bide_loop_close(loop);
}

static BIDE_ASYNC(int, sleeps_for_ever, void);
static int sleeps_for_ever(void)
{
	return bide_sleep(INFINITY);
}

TEST(a_deadlock_does_not_hinder_the_next_run)
{
	bide_loop *loop = open_loop();
	CHECK_INT(bide_loop_run(loop, NULL, sleeps_for_ever), -EDEADLK);
	CHECK_UINT(reports.count, 1);
	CHECK_INT(bide_loop_run(loop, NULL, cancels_itself), -ECANCELED);
	CHECK_INT(bide_loop_run(loop, NULL, gives, 42), 0);
	CHECK_INT(bide_loop_run(loop, NULL, sleeps_for_ever), -EDEADLK);
	CHECK_UINT(reports.count, 2);
	bide_loop_close(loop);
}

/* ---- callbacks ---------------------------------------------------------------------------- */

static void call(void *arg)
{
	EXPECT_PTR(bide_current_task(), NULL);
	note(*(char *)arg);
}

TEST(calls_made_before_a_run_are_made_in_it_in_their_order)
{
	static char letters[] = "ABC";
	bide_loop *loop = open_loop();
	for (int i = 0; i < 3; i++)
		CHECK_INT(bide_call_threadsafe(loop, call, &letters[i]), 0);
	CHECK_STR(trace, "");
	CHECK_INT(bide_loop_run(loop, NULL, gives, 1), 0);
	CHECK_STR(trace, "ABC");
	bide_loop_close(loop);
}

TEST(calls_to_a_closed_loop_are_refused)
{
	static char letter = 'A';
	bide_loop *loop = bide_loop_ref(open_loop());
	CHECK_INT(bide_call_threadsafe(loop, call, &letter), 0);
	bide_loop_close(loop);
	CHECK_INT(bide_call_threadsafe(loop, call, &letter), -BIDE_ELOOP);
	bide_loop_unref(loop);
	CHECK_STR(trace, "");
}

/* ---- what is refused ---------------------------------------------------------------------- */

static bide_task *kept;
static BIDE_ASYNC(int, keeps_itself, void);
static int keeps_itself(void)
{
	kept = bide_current_task();
	return 0;
}

static BIDE_ASYNC(int, asks_of_it, void);
static int asks_of_it(void)
{
	return bide_task_done(kept);
}

TEST_ABORTS(a_handle_from_an_earlier_run_is_stale,
            "bide_task_done: in task 'asks_of_it' (#1): the handle of task #1 has been ended")
{
	bide_loop *loop = open_loop();
	CHECK_INT(bide_loop_run(loop, NULL, keeps_itself), 0);
	(void)bide_loop_run(loop, NULL, asks_of_it);
}

TEST_ABORTS(a_handle_from_an_earlier_loop_is_stale, "has been ended")
{
	CHECK_INT(RUN_VIRTUAL(keeps_itself), 0);
	(void)RUN_VIRTUAL(asks_of_it);
}

static BIDE_ASYNC(int, closes_its_loop, void);
static int closes_its_loop(void)
{
	bide_loop_close(bide_current_loop());
	return 0;
}

TEST_ABORTS(a_loop_that_runs_is_not_to_be_closed,
            "bide_loop_close: in task 'closes_its_loop' (#1): the loop runs")
{
	(void)RUN_VIRTUAL(closes_its_loop);
}

static BIDE_ASYNC(int, runs_again, void);
static int runs_again(void)
{
	return bide_loop_run(bide_current_loop(), NULL, gives, 1);
}

TEST_ABORTS(a_loop_that_runs_is_not_to_be_run, "a run inside a run")
{
	(void)RUN_VIRTUAL(runs_again);
}

/* ---- calls at the end --------------------------------------------------------------------- */

static char letters[] = "b12";

static void note_closing(void *arg)
{
	EXPECT(bide_current_loop() != NULL);
	note(*(const char *)arg);
}

static void asks_for_another(void *arg)
{
	note('a');
	EXPECT_INT(bide_loop_on_close(bide_current_loop(), note_closing, arg), 0);
}

TEST(calls_at_the_close_of_a_loop_are_made_the_last_one_first)
{
	trace_clear();
	bide_loop *loop = open_loop();
	CHECK_INT(bide_loop_on_close(loop, note_closing, &letters[1]), 0);
	CHECK_INT(bide_loop_on_close(loop, note_closing, &letters[2]), 0);
	CHECK_INT(bide_loop_run(loop, NULL, gives, 1), 0);
	CHECK_STR(trace, "");
	bide_loop_close(loop);
	CHECK_STR(trace, "21");
}

TEST(a_call_at_the_close_of_a_loop_may_ask_for_another)
{
	trace_clear();
	bide_loop *loop = open_loop();
	CHECK_INT(bide_loop_on_close(loop, note_closing, &letters[1]), 0);
	CHECK_INT(bide_loop_on_close(loop, asks_for_another, &letters[0]), 0);
	bide_loop_close(loop);
	CHECK_STR(trace, "ab1");
}

static BIDE_ASYNC(int, asks_for_a_call, void);
static int asks_for_a_call(void)
{
	return bide_loop_on_close(bide_current_loop(), note_closing, &letters[1]);
}

TEST(calls_are_made_at_the_close_of_a_loop_that_a_run_opens)
{
	trace_clear();
	CHECK_INT(bide_try_run(&virtual_options, NULL, asks_for_a_call), 0);
	CHECK_STR(trace, "1");
}

static void sleeps_in_it(void *arg)
{
	(void)arg;
	(void)bide_sleep(1);
}

TEST_ABORTS(a_call_at_the_close_of_a_loop_must_not_suspend, "bide_sleep: ")
{
	bide_loop *loop = open_loop();
	CHECK_INT(bide_loop_on_close(loop, sleeps_in_it, NULL), 0);
	bide_loop_close(loop);
}
