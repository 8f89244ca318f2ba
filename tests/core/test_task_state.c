// SPDX-License-Identifier: MIT
/* What can be asked of a task: its state, name, type, error; which one runs, and which there are;
 * and the functions that are called when one ends. */
#include "core/virtual_kit.h"

/* ---- state -------------------------------------------------------------------------------- */

static BIDE_ASYNC_LIGHT(int, looks_at_itself, void);
static int looks_at_itself(void)
{
	bide_task *self = bide_current_task();
	EXPECT_INT(bide_task_state(self), BIDE_STATE_RUNNING);
	EXPECT(!bide_task_done(self));
	EXPECT(!bide_task_cancelled(self));
	EXPECT_INT(bide_task_error(self), -EINPROGRESS);
	return bide_sleep(1);
}

VIRTUAL_TEST(a_task_is_ready_then_runs_then_waits_then_is_done)
{
	bide_task *task = bide_spawn(looks_at_itself);
	EXPECT_INT(bide_task_state(task), BIDE_STATE_READY);
	EXPECT_INT(bide_yield(), 0);
	EXPECT_INT(bide_task_state(task), BIDE_STATE_WAITING);
	EXPECT(!bide_task_done(task));
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_yield(), 0);
	EXPECT_INT(bide_task_state(task), BIDE_STATE_DONE);
	EXPECT(bide_task_done(task));
	EXPECT(!bide_task_cancelled(task));
	EXPECT_INT(bide_task_error(task), 0);
	EXPECT_INT(bide_join(task), 0);
}

VIRTUAL_TEST(a_yielding_task_is_ready)
{
	bide_task *task = bide_spawn(nap, 0.0, 1);
	EXPECT_INT(bide_yield(), 0);
	EXPECT_INT(bide_task_state(task), BIDE_STATE_READY);
	EXPECT_INT(bide_join(task), 0);
}

VIRTUAL_TEST(asking_for_the_error_of_a_task_does_not_end_it)
{
	bide_task *task = bide_spawn(nap, 0.0, -EIO);
	EXPECT_INT(bide_task_error(task), -EINPROGRESS);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_task_error(task), -EIO);
	EXPECT_INT(bide_task_error(task), -EIO);
	EXPECT_INT(bide_join(task), -EIO);
}

/* ---- names -------------------------------------------------------------------------------- */

VIRTUAL_TEST(a_task_has_the_name_of_its_function)
{
	bide_task *task = bide_spawn(nap, 0.0, 1);
	EXPECT_STR(bide_task_name(task), "nap");
	EXPECT_STR(bide_task_type(task), "bide_task");
	EXPECT_INT(bide_join(task), 0);
}

VIRTUAL_TEST(a_task_may_be_given_a_name)
{
	char name[] = "first";
	const bide_task_options options = { .name = name };
	bide_task *task = bide_spawn_with(&options, nap, 1.0, 1);
	name[0] = 'F';
	EXPECT_STR(bide_task_name(task), "first");
	EXPECT_INT(bide_task_set_name(task, "second, and longer than the first one was"), 0);
	EXPECT_STR(bide_task_name(task), "second, and longer than the first one was");
	EXPECT_INT(bide_task_set_name(task, ""), 0);
	EXPECT_STR(bide_task_name(task), "");
	EXPECT_INT(bide_sleep(2), 0);
	EXPECT_INT(bide_task_set_name(task, "third"), 0);
	EXPECT_STR(bide_task_name(task), "third");
	EXPECT_INT(bide_join(task), 0);
}

VIRTUAL_TEST(a_task_may_name_itself)
{
	EXPECT_INT(bide_task_set_name(bide_current_task(), "myself"), 0);
	EXPECT_STR(bide_task_name(bide_current_task()), "myself");
}

VIRTUAL_TEST(options_of_a_task_that_are_all_zero_are_the_defaults)
{
	const bide_task_options options = { 0 };
	bide_task *task = bide_spawn_with(&options, nap, 1.0, 42);
	EXPECT_STR(bide_task_name(task), "nap");
	EXPECT_INT(bide_await(int, task), 42);
	EXPECT_INT(bide_await(int, bide_spawn_with(NULL, nap, 1.0, 42)), 42);
}

static BIDE_ASYNC(int, deep, int);
static int deep(int depth)
{
	volatile char pad[1024];
	pad[0] = (char)depth;
	pad[1023] = 1;
	return depth == 0 ? bide_yield() : deep(depth - 1) + pad[1023];
}

VIRTUAL_TEST(a_task_may_have_a_larger_stack)
{
	const bide_task_options options = { .stack_size = 4 << 20 };
	EXPECT_INT(bide_await(int, bide_spawn_with(&options, deep, 1000)), 1000);
}

VIRTUAL_TEST(a_stack_beyond_all_measure_is_refused)
{
	const bide_task_options options = { .stack_size = SIZE_MAX };
	bide_task *task = bide_spawn_with(&options, deep, 1);
	EXPECT_PTR(task, NULL);
	EXPECT_INT(bide_join(task), -EINVAL);
}

/* ---- which one, and all ------------------------------------------------------------------- */

static bide_task *seen;
static BIDE_ASYNC_LIGHT(int, sees_itself, void);
static int sees_itself(void)
{
	seen = bide_current_task();
	int rc = bide_sleep(1);
	EXPECT_PTR(bide_current_task(), seen);
	return rc;
}

VIRTUAL_TEST(the_current_task_is_the_one_that_runs)
{
	bide_task *self = bide_current_task();
	bide_task *task = bide_spawn(sees_itself);
	EXPECT_PTR(bide_current_task(), self);
	EXPECT_INT(bide_yield(), 0);
	EXPECT_PTR(seen, task);
	EXPECT_PTR(bide_current_task(), self);
	EXPECT(self != task);
	EXPECT_INT(bide_join(task), 0);
	EXPECT_PTR(bide_current_task(), self);
}

TEST(outside_tasks_there_is_no_current_one)
{
	CHECK_NULL(bide_current_task());
	CHECK_UINT(bide_all_tasks(NULL, 0), 0);
	CHECK_INT(bide_cancelled(), 0);
}

VIRTUAL_TEST(all_tasks_are_those_that_have_not_ended)
{
	bide_task *tasks[8] = { NULL };
	bide_task *self = bide_current_task();
	EXPECT_UINT(bide_all_tasks(NULL, 0), 1);
	EXPECT_UINT(bide_all_tasks(tasks, 8), 1);
	EXPECT_PTR(tasks[0], self);
	bide_task *a = bide_spawn(nap, 2.0, 1), *b = bide_spawn(nap, 1.0, 2);
	EXPECT_UINT(bide_all_tasks(tasks, 8), 3);
	EXPECT_PTR(tasks[0], self);
	EXPECT_PTR(tasks[1], a);
	EXPECT_PTR(tasks[2], b);
	EXPECT_PTR(tasks[3], NULL);
	EXPECT_INT(bide_sleep(1.5), 0);
	EXPECT_UINT(bide_all_tasks(tasks, 8), 2);
	EXPECT_PTR(tasks[1], a);
	EXPECT_INT(bide_join(a), 0);
	EXPECT_INT(bide_join(b), 0);
	EXPECT_UINT(bide_all_tasks(NULL, 0), 1);
}

VIRTUAL_TEST(all_tasks_writes_no_more_than_there_is_room_for)
{
	bide_task *tasks[2] = { NULL };
	bide_task *a = bide_spawn(nap, 1.0, 1), *b = bide_spawn(nap, 1.0, 2);
	EXPECT_UINT(bide_all_tasks(tasks, 1), 3);
	EXPECT_PTR(tasks[0], bide_current_task());
	EXPECT_PTR(tasks[1], NULL);
	EXPECT_INT(bide_join(a), 0);
	EXPECT_INT(bide_join(b), 0);
}

/* ---- calls at the end --------------------------------------------------------------------- */

static int calls;
static void on_done(void *arg, bide_task *task)
{
	calls++;
	note(*(char *)arg);
	EXPECT(bide_task_done(task));
}

VIRTUAL_TEST(functions_are_called_when_a_task_ends_in_the_order_they_were_given)
{
	static char letters[] = "ABCD";
	bide_task *task = bide_spawn(tick, 1.0, '.');
	calls = 0;
	for (int i = 0; i < 4; i++)
		EXPECT_INT(bide_task_on_done(task, on_done, &letters[i]), 0);
	EXPECT_INT(bide_sleep(0.5), 0);
	EXPECT_INT(calls, 0);
	EXPECT_INT(bide_join(task), 0);
	EXPECT_INT(calls, 4);
	EXPECT_STR(trace, ".ABCD");
}

VIRTUAL_TEST(a_function_given_to_a_task_that_has_ended_is_called_at_once)
{
	static char letter = 'A';
	bide_task *task = bide_spawn(nap, 0.0, 1);
	EXPECT_INT(bide_sleep(1), 0);
	calls = 0;
	EXPECT_INT(bide_task_on_done(task, on_done, &letter), 0);
	EXPECT_INT(calls, 1);
	EXPECT_INT(bide_join(task), 0);
	EXPECT_INT(calls, 1);
}

static int error_at_end;
static bool cancelled_at_end;
static void see_the_end(void *arg, bide_task *task)
{
	error_at_end = bide_task_error(task);
	cancelled_at_end = bide_task_cancelled(task);
	EXPECT_PTR(bide_current_task(), NULL);
	EXPECT_STR(bide_task_name(task), arg);
}

VIRTUAL_TEST(a_function_called_at_the_end_sees_how_it_ended)
{
	static char name[] = "nap";
	bide_task *good = bide_spawn(nap, 1.0, 42), *bad = bide_spawn(nap, 2.0, -EIO);
	bide_task *cancelled = bide_spawn(nap, 9.0, 0);
	EXPECT_INT(bide_task_on_done(good, see_the_end, name), 0);
	EXPECT_INT(bide_join(good), 0);
	EXPECT_INT(error_at_end, 0);
	EXPECT_INT(bide_task_on_done(bad, see_the_end, name), 0);
	EXPECT_INT(bide_join(bad), -EIO);
	EXPECT_INT(error_at_end, -EIO);
	EXPECT(!cancelled_at_end);
	EXPECT_INT(bide_task_on_done(cancelled, see_the_end, name), 0);
	EXPECT_INT(bide_cancel(cancelled), 1);
	EXPECT_INT(bide_join(cancelled), -ECANCELED);
	EXPECT_INT(error_at_end, -ECANCELED);
	EXPECT(cancelled_at_end);
}

static void cancel_other(void *arg, bide_task *task)
{
	(void)task;
	EXPECT_INT(bide_cancel(*(bide_task **)arg), 1);
}

VIRTUAL_TEST(a_function_called_at_the_end_may_cancel_others)
{
	static bide_task *other;
	bide_task *task = bide_spawn(nap, 1.0, 1);
	other = bide_spawn(tick, 9.0, 'A');
	EXPECT_INT(bide_task_on_done(task, cancel_other, &other), 0);
	EXPECT_INT(bide_await(int, other), -ECANCELED);
	EXPECT_STR(trace, "a");
	EXPECT_ELAPSED(1);
	EXPECT_INT(bide_join(task), 0);
}

static void spawn_another(void *arg, bide_task *task)
{
	(void)task;
	*(bide_task **)arg = bide_spawn(nap, 1.0, 42);
}

VIRTUAL_TEST(a_function_called_at_the_end_may_spawn)
{
	static bide_task *other;
	bide_task *task = bide_spawn(nap, 1.0, 1);
	EXPECT_INT(bide_task_on_done(task, spawn_another, &other), 0);
	EXPECT_INT(bide_join(task), 0);
	EXPECT_INT(bide_await(int, other), 42);
	EXPECT_ELAPSED(2);
}

VIRTUAL_TEST(functions_are_called_for_tasks_of_groups_and_detached_ones)
{
	static char letters[] = "AB";
	int rc = 7;
	calls = 0;
	bide_task *alone = bide_spawn(nap, 1.0, 1);
	EXPECT_INT(bide_task_on_done(alone, on_done, &letters[0]), 0);
	bide_detach(alone);
	BIDE_GROUP(group, rc) {
		bide_task *task = bide_group_spawn(group, nap, 2.0, 1);
		EXPECT_INT(bide_task_on_done(task, on_done, &letters[1]), 0);
	}
	EXPECT_STR(trace, "AB");
}

static void detach_at_end(void *arg, bide_task *task)
{
	calls++;
	if (arg != NULL)
		bide_detach(task);
	EXPECT(bide_task_done(task));
}

VIRTUAL_TEST(a_function_called_at_the_end_may_detach_the_task)
{
	static char yes;
	bide_task *task = bide_spawn(nap, 1.0, 1);
	calls = 0;
	EXPECT_INT(bide_task_on_done(task, detach_at_end, &yes), 0);
	EXPECT_INT(bide_task_on_done(task, detach_at_end, NULL), 0);
	EXPECT_INT(bide_sleep(2), 0);
	EXPECT_INT(calls, 2);
	EXPECT_UINT(bide_all_tasks(NULL, 0), 1);
}

static void suspend_at_end(void *arg, bide_task *task)
{
	(void)arg;
	(void)task;
	(void)bide_sleep(1);
}

static BIDE_ASYNC(int, suspends_at_end, void);
static int suspends_at_end(void)
{
	bide_task *task = bide_spawn(nap, 1.0, 1);
	(void)bide_task_on_done(task, suspend_at_end, NULL);
	return bide_join(task);
}

TEST_ABORTS(a_function_called_at_the_end_must_not_suspend, "bide_sleep:")
{
	(void)RUN_VIRTUAL(suspends_at_end);
}
