// SPDX-License-Identifier: MIT
/* Futures: set once, waited for by many. */
#include "core/virtual_kit.h"

static bide_future *future;

static void open_future(void)
{
	future = NULL;
	EXPECT_INT(bide_future_open(int, &future), 0);
}

static void set(int value)
{
	EXPECT_INT(bide_future_set(future, &value), 0);
}

static void turns(int n)
{
	for (int i = 0; i < n; i++)
		EXPECT_INT(bide_yield(), 0);
}

static BIDE_ASYNC_LIGHT(int, waiter, void);
static int waiter(void)
{
	int value = -1, rc = bide_future_await(future, &value);
	EXPECT(rc == 0 || value == -1);
	note(rc == 0 ? '+' : '-');
	return rc < 0 ? rc : value;
}

static BIDE_ASYNC_LIGHT(int, set_later, double, int);
static int set_later(double seconds, int value)
{
	int rc = bide_sleep(seconds);
	if (rc < 0)
		return rc;
	return value < 0 ? bide_future_fail(future, value) : bide_future_set(future, &value);
}

/* ---- a value ------------------------------------------------------------------------------ */

VIRTUAL_TEST(future_begins_without_a_value)
{
	int value = 7;
	open_future();
	EXPECT(!bide_future_done(future));
	EXPECT(!bide_future_cancelled(future));
	EXPECT_INT(bide_future_result(future, &value), -EINPROGRESS);
	EXPECT_INT(value, 7);
	bide_future_unref(future);
	bide_future_unref(NULL);
}

VIRTUAL_TEST(future_gives_its_value_as_often_as_it_is_asked)
{
	int value = 0, other = 0;
	open_future();
	set(5);
	EXPECT(bide_future_done(future));
	EXPECT_INT(bide_future_await(future, &value), 0);
	EXPECT_INT(bide_future_result(future, &other), 0);
	EXPECT_INT(value, 5);
	EXPECT_INT(other, 5);
	EXPECT_INT(bide_future_await(future, (int *)NULL), 0);
	EXPECT_INT(bide_future_result(future, NULL), 0);
	EXPECT_ELAPSED(0);
	bide_future_unref(future);
}

VIRTUAL_TEST(future_is_set_once)
{
	int value = 2;
	open_future();
	set(1);
	EXPECT_INT(bide_future_set(future, &value), -EALREADY);
	EXPECT_INT(bide_future_fail(future, -EIO), -EALREADY);
	EXPECT_INT(bide_future_cancel(future), 0);
	EXPECT_INT(bide_future_result(future, &value), 0);
	EXPECT_INT(value, 1);
	EXPECT(!bide_future_cancelled(future));
	bide_future_unref(future);
}

VIRTUAL_TEST(future_await_waits_for_its_value)
{
	int value = 0;
	open_future();
	bide_task *task = bide_spawn(set_later, 3.0, 6);
	EXPECT_INT(bide_future_await(future, &value), 0);
	EXPECT_INT(value, 6);
	EXPECT_ELAPSED(3);
	EXPECT_INT(bide_join(task), 0);
	bide_future_unref(future);
}

VIRTUAL_TEST(future_wakes_all_who_wait_in_their_order)
{
	bide_task *tasks[20];
	open_future();
	for (int i = 0; i < 20; i++)
		tasks[i] = bide_spawn(waiter);
	turns(1);
	set(9);
	for (int i = 0; i < 20; i++)
		EXPECT_INT(bide_await(int, tasks[i]), 9);
	bide_future_unref(future);
}

/* The reference that was held is given back before those who were woken have had their turn. */
VIRTUAL_TEST(future_lasts_until_all_who_were_woken_have_its_value)
{
	bide_task *tasks[20];
	open_future();
	for (int i = 0; i < 20; i++)
		tasks[i] = bide_spawn(waiter);
	turns(1);
	set(9);
	bide_future_unref(future);
	for (int i = 0; i < 20; i++)
		EXPECT_INT(bide_await(int, tasks[i]), 9);
}

VIRTUAL_TEST(future_lasts_as_long_as_there_are_references)
{
	int value = 0;
	open_future();
	EXPECT_PTR(bide_future_ref(future), future);
	bide_future_unref(future);
	set(3);
	EXPECT_INT(bide_future_result(future, &value), 0);
	EXPECT_INT(value, 3);
	bide_future_unref(future);
}

VIRTUAL_TEST(future_of_void)
{
	CHECK_INT(bide_future_open(void, &future), 0);
	EXPECT_INT(bide_future_result(future, NULL), -EINPROGRESS);
	EXPECT_INT(bide_future_set(future, NULL), 0);
	EXPECT_INT(bide_future_await(future, NULL), 0);
	bide_future_unref(future);
}

typedef struct {
	_Alignas(16) char text[3000];
} large;

VIRTUAL_TEST(future_of_a_large_value)
{
	static large in, out;
	memset(in.text, 'x', sizeof in.text);
	memset(out.text, 0, sizeof out.text);
	CHECK_INT(bide_future_open(large, &future), 0);
	EXPECT_INT(bide_future_set(future, &in), 0);
	EXPECT_INT(bide_future_await(future, &out), 0);
	EXPECT_MEM(&out, &in, sizeof in);
	bide_future_unref(future);
}

/* ---- an error ----------------------------------------------------------------------------- */

VIRTUAL_TEST(future_fails_all_who_wait)
{
	open_future();
	bide_task *tasks[] = { bide_spawn(waiter), bide_spawn(waiter) };
	turns(1);
	EXPECT_INT(bide_future_fail(future, -EIO), 0);
	EXPECT_INT(bide_join(tasks[0]), -EIO);
	EXPECT_INT(bide_join(tasks[1]), -EIO);
	EXPECT_INT(bide_future_result(future, NULL), -EIO);
	EXPECT(!bide_future_cancelled(future));
	bide_future_unref(future);
}

VIRTUAL_TEST(future_fails_with_an_error_only)
{
	static const int wrong[] = { 0, 1, -8192, INT32_MIN };
	for (int i = 0; i < 4; i++) {
		open_future();
		EXPECT_INT(bide_future_fail(future, wrong[i]), 0);
		EXPECT_INT(bide_future_result(future, NULL), -EINVAL);
		bide_future_unref(future);
	}
	open_future();
	EXPECT_INT(bide_future_fail(future, -8191), 0);
	EXPECT_INT(bide_future_result(future, NULL), -8191);
	bide_future_unref(future);
}

static BIDE_ASYNC(void, lose_a_failure, void);
static void lose_a_failure(void)
{
	open_future();
	EXPECT_INT(bide_future_fail(future, -EIO), 0);
	bide_future_unref(future);
}

TEST(future_failure_that_nobody_asks_for_is_reported)
{
	CHECK_INT(RUN_VIRTUAL(lose_a_failure), 0);
	EXPECT_UINT(reports.count, 1);
	EXPECT_INT(reports.kind[0], BIDE_REPORT_FAILURE);
	EXPECT_INT(reports.error[0], -EIO);
	EXPECT_STR(reports.message[0],
	           "a future of int failed and nobody asked: Input/output error");
}

/* ---- cancelling --------------------------------------------------------------------------- */

VIRTUAL_TEST(future_is_cancelled)
{
	open_future();
	bide_task *task = bide_spawn(waiter);
	turns(1);
	EXPECT_INT(bide_future_cancel(future), 1);
	EXPECT_INT(bide_future_cancel(future), 0);
	EXPECT(bide_future_cancelled(future) && bide_future_done(future));
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(bide_future_result(future, NULL), -ECANCELED);
	bide_future_unref(future);
}

VIRTUAL_TEST(future_cancelled_and_forgotten_is_no_failure)
{
	open_future();
	EXPECT_INT(bide_future_cancel(future), 1);
	bide_future_unref(future);
}

VIRTUAL_TEST(future_is_left_alone_by_a_cancelled_wait)
{
	int value = -1, fired = 7, rc = 7;
	open_future();
	bide_task *task = bide_spawn(waiter);
	BIDE_TIMEOUT(1, fired)
		rc = bide_future_await(future, &value);
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_INT(fired, -ETIMEDOUT);
	EXPECT_ELAPSED(1);
	EXPECT(!bide_future_done(future));
	set(4);
	EXPECT_INT(bide_await(int, task), 4);
	EXPECT_INT(value, -1);
	bide_future_unref(future);
}

VIRTUAL_TEST(future_value_is_kept_by_a_wait_that_is_cancelled_too_late)
{
	open_future();
	bide_task *task = bide_spawn(waiter);
	turns(1);
	set(4);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_await(int, task), 4);
	bide_future_unref(future);
}

VIRTUAL_TEST(future_in_a_cancelled_scope_gives_what_is_there)
{
	int value = 0;
	open_future();
	BIDE_SCOPE(scope) {
		bide_scope_cancel(scope);
		EXPECT_INT(bide_future_await(future, &value), -ECANCELED);
		set(8);
		EXPECT_INT(bide_future_await(future, &value), 0);
	}
	EXPECT_INT(value, 8);
	bide_future_unref(future);
}

VIRTUAL_TEST(future_may_be_gone_when_a_cancelled_wait_returns)
{
	open_future();
	bide_task *task = bide_spawn(waiter);
	turns(1);
	bide_cancel(task);
	bide_future_unref(future);
	EXPECT_INT(bide_join(task), -ECANCELED);
}

/* ---- calls when it is done ---------------------------------------------------------------- */

static void note_call(void *arg, bide_future *f)
{
	EXPECT_PTR(f, future);
	EXPECT(bide_future_done(f));
	note(*(const char *)arg);
}

static void ask_for_call(const char *letter)
{
	EXPECT_INT(bide_future_on_done(future, note_call, (void *)letter), 0);
}

VIRTUAL_TEST(future_calls_are_made_in_their_order_before_anybody_goes_on)
{
	open_future();
	trace_clear();
	bide_task *task = bide_spawn(waiter);
	turns(1);
	ask_for_call("a");
	ask_for_call("b");
	ask_for_call("c");
	EXPECT_STR(trace, "");
	set(1);
	EXPECT_STR(trace, "abc");
	EXPECT_INT(bide_join(task), 0);
	EXPECT_STR(trace, "abc+");
	bide_future_unref(future);
}

VIRTUAL_TEST(future_call_is_made_at_once_when_it_is_done)
{
	open_future();
	set(1);
	trace_clear();
	ask_for_call("a");
	EXPECT_STR(trace, "a");
	bide_future_unref(future);
}

VIRTUAL_TEST(future_calls_are_made_when_it_fails_and_when_it_is_cancelled)
{
	trace_clear();
	open_future();
	ask_for_call("f");
	EXPECT_INT(bide_future_fail(future, -EIO), 0);
	EXPECT_INT(bide_future_result(future, NULL), -EIO);
	bide_future_unref(future);
	open_future();
	ask_for_call("c");
	EXPECT_INT(bide_future_cancel(future), 1);
	bide_future_unref(future);
	EXPECT_STR(trace, "fc");
}

VIRTUAL_TEST(future_calls_are_dropped_with_one_that_is_never_set)
{
	trace_clear();
	open_future();
	ask_for_call("a");
	bide_future_unref(future);
	EXPECT_STR(trace, "");
}

static void use_it_up(void *arg, bide_future *f)
{
	int value = 0;
	(void)arg;
	EXPECT_INT(bide_future_result(f, &value), 0);
	EXPECT_INT(value, 6);
	EXPECT_INT(bide_future_set(f, &value), -EALREADY);
	ask_for_call("z");
	bide_future_unref(f);
}

VIRTUAL_TEST(future_call_may_ask_for_another_and_give_back_the_last_reference)
{
	open_future();
	trace_clear();
	bide_task *task = bide_spawn(waiter);
	turns(1);
	EXPECT_INT(bide_future_on_done(future, use_it_up, NULL), 0);
	ask_for_call("a");
	set(6);
	EXPECT_STR(trace, "za");
	EXPECT_INT(bide_await(int, task), 6);
}

/* ---- bad use ------------------------------------------------------------------------------ */

MISUSE(future_set_to_another_type,
       "bide_future_set: in task 'future_set_to_another_type' (#1): &value points to a type of 8 "
       "bytes, not to int of 4")
{
	double value = 1;
	open_future();
	(void)bide_future_set(future, &value);
}

MISUSE(future_set_to_nothing, "bide_future_set: in task 'future_set_to_nothing' (#1): ")
{
	open_future();
	(void)bide_future_set(future, NULL);
}

MISUSE(future_await_of_another_type, "bide_future_await: in task 'future_await_of_another_type' "
                                     "(#1): &value points to another type of 4 bytes, not to int")
{
	float value;
	open_future();
	(void)!bide_future_await(future, &value);
}

MISUSE(future_of_void_set_to_a_value, "&value points to a type of 4 bytes, not to void of 0")
{
	int value = 1;
	CHECK_INT(bide_future_open(void, &future), 0);
	(void)bide_future_set(future, &value);
}

MISUSE(future_given_up_while_a_task_waits,
       "bide_future_unref: in task 'future_given_up_while_a_task_waits' (#1): task 'waiter' (#2) "
       "waits for it, and nobody is left to set it")
{
	open_future();
	bide_detach(bide_spawn(waiter));
	turns(1);
	bide_future_unref(future);
}

MISUSE(future_given_back_too_often,
       "bide_future_unref: in task 'future_given_back_too_often' (#1): "
       "there are no references to it left")
{
	open_future();
	bide_detach(bide_spawn(waiter));
	turns(1);
	set(1);
	bide_future_unref(future);
	bide_future_unref(future);
}

static void suspend(void *arg, bide_future *f)
{
	(void)arg;
	(void)f;
	(void)bide_yield();
}

MISUSE(future_call_that_suspends,
       "bide_yield: in task 'future_call_that_suspends' (#1): it suspends")
{
	open_future();
	EXPECT_INT(bide_future_on_done(future, suspend, NULL), 0);
	set(1);
}

TEST_ABORTS(misuse_future_without_a_loop, "bide_future_open: no loop on this thread")
{
	(void)!bide_future_open(int, &future);
}

static BIDE_ASYNC(int, wait_in_vain, void);
static int wait_in_vain(void)
{
	open_future();
	int rc = bide_future_await(future, NULL);
	bide_future_unref(future);
	return rc;
}

TEST(future_waits_are_told_of_in_a_deadlock)
{
	EXPECT_INT(RUN_VIRTUAL(wait_in_vain), -EDEADLK);
	EXPECT(strstr(reports.message[0], "'wait_in_vain' (#1) waits in bide_future_await for a "
	                                  "future of int") != NULL);
}
