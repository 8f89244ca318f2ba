// SPDX-License-Identifier: MIT
/* Bad use: each is answered by a sentence that names the call and the task, and by abort(). */
#include "core/virtual_kit.h"

#include <pthread.h>

/* ---- outside a task ----------------------------------------------------------------------- */

#define OUTSIDE(name, call, text) \
	TEST_ABORTS(misuse_##name##_without_a_loop, text ": no loop on this thread") \
	{ \
		(void)call; \
	} \
	static void from_callback_##name(void *arg) \
	{ \
		(void)arg; \
		(void)call; \
	} \
	static BIDE_ASYNC(void, callback_##name, void); \
	static void callback_##name(void) \
	{ \
		EXPECT_INT(bide_call_threadsafe(bide_current_loop(), from_callback_##name, NULL), \
		           0); \
		(void)bide_sleep(1); \
	} \
	TEST_ABORTS(misuse_##name##_in_a_callback, \
	            text ": it suspends, inside BIDE_NO_SUSPEND or a callback") \
	{ \
		(void)bide_try_run(&virtual_options, NULL, callback_##name); \
	}

OUTSIDE(sleep, bide_sleep(1), "bide_sleep")
OUTSIDE(sleep_nothing, bide_sleep(0), "bide_sleep")
OUTSIDE(sleep_until, bide_sleep_until(1), "bide_sleep_until")
OUTSIDE(yield, bide_yield(), "bide_yield")
OUTSIDE(wait, bide_wait(NULL, 0, BIDE_ALL), "bide_wait")
OUTSIDE(gather, bide_gather((bide_task *const *)NULL, 0, NULL), "bide_gather")

/* A loop is open, but does not run. */
TEST_ABORTS(misuse_sleep_in_a_loop_that_does_not_run, "bide_sleep: it suspends, outside a task")
{
	bide_loop *loop;
	CHECK_INT(bide_loop_open(&virtual_options, &loop), 0);
	(void)bide_sleep(1);
}

TEST_ABORTS(misuse_spawn_without_a_loop, "bide_spawn: no loop runs on this thread, to run 'nap' on")
{
	(void)bide_spawn(nap, 1.0, 1);
}

TEST_ABORTS(misuse_spawn_in_a_loop_that_does_not_run, "bide_spawn: no loop runs on this thread")
{
	bide_loop *loop;
	CHECK_INT(bide_loop_open(&virtual_options, &loop), 0);
	(void)bide_spawn(nap, 1.0, 1);
}

TEST_ABORTS(misuse_scope_without_a_task, "bide_scope_open: there is no task to open it in")
{
	bide_scope *scope;
	(void)!bide_scope_open(1, &scope);
}

TEST_ABORTS(misuse_group_without_a_task, "bide_group_open: there is no task to open it in")
{
	bide_group *group;
	(void)!bide_group_open(NULL, &group);
}

TEST_ABORTS(misuse_shield_without_a_task, "bide_shield_open: there is no task to open it in")
{
	bide_shield_open();
}

TEST_ABORTS(misuse_fail_without_a_task, "bide_fail: there is no task to fail")
{
	bide_fail(-EIO);
}

TEST_ABORTS(misuse_deadline_without_a_task, "bide_deadline: ")
{
	(void)bide_deadline();
}

/* ---- BIDE_NO_SUSPEND ---------------------------------------------------------------------- */

MISUSE(sleep_in_no_suspend, "bide_sleep: in task 'sleep_in_no_suspend' (#1): it suspends, inside")
{
	BIDE_NO_SUSPEND(void)
		bide_sleep(1);
}

static int deep(int depth)
{
	return depth == 0 ? bide_yield() : deep(depth - 1);
}

MISUSE(yield_deep_in_no_suspend, "bide_yield: in task 'yield_deep_in_no_suspend'")
{
	bide_no_suspend_open();
	(void)deep(10);
	bide_no_suspend_close();
}

MISUSE(await_in_no_suspend, "bide_await: in task 'await_in_no_suspend'")
{
	bide_task *task = bide_spawn(nap, 1.0, 1);
	BIDE_NO_SUSPEND(void)
		bide_await(int, task);
}

MISUSE(group_close_in_no_suspend, "bide_group_close: in task 'group_close_in_no_suspend'")
{
	BIDE_NO_SUSPEND
		BIDE_GROUP(group)
			(void)group;
}

VIRTUAL_TEST(misuse_is_not_what_does_not_suspend_in_no_suspend)
{
	BIDE_NO_SUSPEND {
		bide_task *task = bide_spawn(nap, 1.0, 1);
		bide_cancel(task);
		bide_detach(task);
		(void)bide_cancelled();
		BIDE_TIMEOUT(1)
			(void)bide_deadline();
		BIDE_NO_SUSPEND(void)
			bide_now();
	}
	EXPECT_INT(bide_sleep(1), 0);
}

MISUSE(no_suspend_left_open, "the end of the task: in task 'no_suspend_left_open' (#1): it left")
{
	bide_no_suspend_open();
}

MISUSE(no_suspend_closed_twice, "bide_no_suspend_close: in task 'no_suspend_closed_twice' (#1): ")
{
	bide_no_suspend_open();
	bide_no_suspend_close();
	bide_no_suspend_close();
}

/* ---- awaiting ----------------------------------------------------------------------------- */

static bide_task *shared;

static BIDE_ASYNC(int, await_shared, void);
static int await_shared(void)
{
	return bide_await(int, shared);
}

MISUSE(await_twice, "bide_await: in task 'await_shared' (#4): task 'nap' (#2) is awaited already "
                    "by 'await_shared'")
{
	shared = bide_spawn(nap, 1.0, 1);
	bide_task *a = bide_spawn(await_shared), *b = bide_spawn(await_shared);
	(void)bide_join(a);
	(void)bide_join(b);
}

MISUSE(await_what_is_gathered, "bide_await: in task 'await_shared' (#3): task 'nap' (#2) is "
                               "awaited already")
{
	shared = bide_spawn(nap, 1.0, 1);
	bide_detach(bide_spawn(await_shared));
	(void)bide_gather(&shared, 1, NULL);
}

MISUSE(gather_one_twice, "bide_gather: in task 'gather_one_twice' (#1): task 'nap' (#2) is "
                         "awaited already")
{
	bide_task *task = bide_spawn(nap, 1.0, 1), *tasks[] = { task, task };
	(void)bide_gather(tasks, 2, NULL);
}

MISUSE(await_oneself, "bide_await: in task 'await_shared' (#2): a task cannot wait for itself")
{
	shared = bide_spawn(await_shared);
	(void)bide_sleep(1);
}

MISUSE(join_oneself, "bide_join: in task 'join_oneself' (#1): a task cannot wait for itself")
{
	(void)bide_join(bide_current_task());
}

static bide_task *ring[3];

static BIDE_ASYNC(int, await_next, int);
static int await_next(int i)
{
	return bide_await(int, ring[(i + 1) % 3]);
}

MISUSE(await_in_a_cycle, "bide_await: in task 'await_next' (#4): a cycle: task 'await_next' (#2) "
                         "waits, in the end, for this one")
{
	for (int i = 0; i < 3; i++)
		ring[i] = bide_spawn(await_next, i);
	(void)bide_sleep(1);
}

MISUSE(await_a_detached_task, "bide_await: in task 'await_a_detached_task' (#1): task 'nap' (#2) "
                              "was detached")
{
	bide_task *task = bide_spawn(nap, 1.0, 1);
	bide_detach(task);
	(void)bide_await(int, task);
}

MISUSE(detach_what_is_awaited, "bide_detach: in task 'detach_what_is_awaited' (#1): task 'nap' "
                               "(#2) is awaited")
{
	shared = bide_spawn(nap, 1.0, 1);
	bide_detach(bide_spawn(await_shared));
	(void)bide_yield();
	bide_detach(shared);
}

/* ---- the wrong type ----------------------------------------------------------------------- */

MISUSE(await_the_wrong_size, "bide_await: in task 'await_the_wrong_size' (#1): task 'nap' (#2) "
                             "returns int of 4 bytes, not long of 8")
{
	(void)bide_await(long, bide_spawn(nap, 1.0, 1));
}

MISUSE(await_the_wrong_class, "task 'nap' (#2) returns int of 4 bytes, not float of 4")
{
	(void)bide_await(float, bide_spawn(nap, 1.0, 1));
}

MISUSE(await_void_as_a_number, "returns void of 0 bytes, not int of 4")
{
	(void)bide_await(int, bide_spawn(callback_sleep));
}

MISUSE(try_await_the_wrong_type, "bide_try_await: in task 'try_await_the_wrong_type' (#1): task")
{
	double result;
	(void)bide_try_await(bide_spawn(nap, 1.0, 1), &result);
}

MISUSE(wait_for_the_wrong_type, "bide_wait_for: in task 'wait_for_the_wrong_type' (#1): task")
{
	double result;
	(void)bide_wait_for(bide_spawn(nap, 1.0, 1), 1, &result);
}

MISUSE(gather_the_wrong_type, "bide_gather: in task 'gather_the_wrong_type' (#1): task 'nap' (#2)")
{
	double results[1];
	bide_task *task = bide_spawn(nap, 1.0, 1);
	(void)bide_gather(&task, 1, results);
}

TEST_ABORTS(misuse_run_with_the_wrong_type, "bide_try_run: 'nap' returns int of 4 bytes")
{
	double result;
	(void)bide_try_run(NULL, &result, nap, 1.0, 1);
}

/* ---- handles ------------------------------------------------------------------------------ */

#define ENDED(name, call, text) \
	MISUSE(ended_##name, \
	       text ": in task 'ended_" #name "' (#1): the handle of task #2 has been " \
	            "ended") \
	{ \
		bide_task *task = bide_spawn(nap, 1.0, 1); \
		(void)bide_join(task); \
		(void)call; \
	}

ENDED(await, bide_await(int, task), "bide_await")
ENDED(join, bide_join(task), "bide_join")
ENDED(cancel, bide_cancel(task), "bide_cancel")
ENDED(gather, bide_gather(&task, 1, NULL), "bide_gather")
ENDED(wait, bide_wait(&task, 1, BIDE_ALL), "bide_wait")
ENDED(name, bide_task_name(task), "bide_task_name")
ENDED(state, bide_task_state(task), "bide_task_state")

MISUSE(reused_slot, "bide_await: in task 'reused_slot' (#1): the handle of task #2 has been ended")
{
	bide_task *task = bide_spawn(nap, 1.0, 1);
	(void)bide_join(task);
	bide_task *other = bide_spawn(nap, 1.0, 2); /* in the same place */
	EXPECT(other != task);
	(void)bide_await(int, task);
}

MISUSE(cancel_null, "bide_cancel: in task 'cancel_null' (#1): the task is NULL")
{
	bide_cancel(NULL);
}

/* ---- another thread ----------------------------------------------------------------------- */

static BIDE_ASYNC(int, await_elsewhere, void);
static int await_elsewhere(void)
{
	return bide_await(int, shared);
}

static void *run_elsewhere(void *arg)
{
	(void)arg;
	(void)bide_try_run(&virtual_options, NULL, await_elsewhere);
	return NULL;
}

MISUSE(await_from_another_thread, "bide_await: in task 'await_elsewhere' (#1): task #2 belongs to "
                                  "the loop of thread ")
{
	pthread_t thread;
	shared = bide_spawn(nap, 1.0, 1);
	EXPECT_INT(pthread_create(&thread, NULL, run_elsewhere, NULL), 0);
	(void)pthread_join(thread, NULL);
}

static void *cancel_elsewhere(void *arg)
{
	bide_cancel(arg);
	return NULL;
}

MISUSE(cancel_from_a_thread_without_a_loop, "bide_cancel: no loop on this thread")
{
	pthread_t thread;
	bide_task *task = bide_spawn(nap, 1.0, 1);
	EXPECT_INT(pthread_create(&thread, NULL, cancel_elsewhere, task), 0);
	(void)pthread_join(thread, NULL);
}

/* ---- left open, closed out of order ------------------------------------------------------- */

MISUSE(group_left_open, "the end of the task: in task 'group_left_open' (#1): it left a group open")
{
	bide_group *group;
	(void)!bide_group_open(NULL, &group);
}

MISUSE(scope_left_open, "the end of the task: in task 'scope_left_open' (#1): it left a scope open")
{
	bide_scope *scope;
	(void)!bide_scope_open(1, &scope);
}

MISUSE(shield_left_open, "the end of the task: in task 'shield_left_open' (#1): it left a shield")
{
	bide_shield_open();
}

MISUSE(shield_left_open_in_a_scope, "bide_scope_close: in task 'shield_left_open_in_a_scope' (#1): "
                                    "a shield inside it is still open")
{
	bide_scope *scope;
	(void)!bide_scope_open(1, &scope);
	bide_shield_open();
	(void)bide_scope_close(scope);
}

MISUSE(shield_closed_twice, "bide_shield_close: in task 'shield_closed_twice' (#1): no shield is")
{
	bide_shield_open();
	bide_shield_close();
	bide_shield_close();
}

MISUSE(outer_scope_closed_first, "bide_scope_close: in task 'outer_scope_closed_first' (#1): it is "
                                 "not the innermost")
{
	bide_scope *outer, *inner;
	(void)!bide_scope_open(1, &outer);
	(void)!bide_scope_open(1, &inner);
	(void)bide_scope_close(outer);
}

MISUSE(outer_group_closed_first, "bide_group_close: in task 'outer_group_closed_first' (#1): it is "
                                 "not the innermost")
{
	bide_group *group;
	bide_scope *scope;
	(void)!bide_group_open(NULL, &group);
	(void)!bide_scope_open(1, &scope);
	(void)bide_group_close(group);
}

static BIDE_ASYNC(void, close_it, bide_scope *);
static void close_it(bide_scope *scope)
{
	(void)bide_scope_close(scope);
}

MISUSE(scope_closed_by_another_task, "bide_scope_close: in task 'close_it' (#2): it is not the")
{
	bide_scope *scope;
	(void)!bide_scope_open(1, &scope);
	(void)bide_join(bide_spawn(close_it, scope));
}

/* ---- runs --------------------------------------------------------------------------------- */

MISUSE(run_in_a_run, "bide_run: in task 'run_in_a_run' (#1): a run inside a run")
{
	(void)bide_run(nap, 1.0, 1);
}

MISUSE(try_run_in_a_run, "in task 'try_run_in_a_run' (#1): a run inside a run")
{
	(void)bide_try_run(&virtual_options, NULL, nap, 1.0, 1);
}

MISUSE(loop_closed_while_it_runs, "bide_loop_close: in task 'loop_closed_while_it_runs' (#1): the "
                                  "loop runs")
{
	bide_loop_close(bide_current_loop());
}

/* ---- light tasks -------------------------------------------------------------------------- */

static BIDE_ASYNC(int, set_number, int *);
static int set_number(int *number)
{
	*number = 1;
	return 0;
}

static BIDE_ASYNC_LIGHT(int, point_into_itself, void);
static int point_into_itself(void)
{
	volatile int number = 0;
	return bide_join(bide_spawn(set_number, (int *)&number));
}

TEST_ABORTS(misuse_light_pointer, "bide_spawn: in task 'point_into_itself' (#1): an argument of "
                                  "'set_number' points into the stack of this light task")
{
	(void)bide_try_run(&virtual_options, NULL, point_into_itself);
}

static BIDE_ASYNC_LIGHT(int, needs_full, void);
static int needs_full(void)
{
	bide_require_full("a callback keeps a pointer to it");
	return 0;
}

TEST_ABORTS(misuse_require_full, "in task 'needs_full' (#1)")
{
	(void)bide_try_run(&virtual_options, NULL, needs_full);
}

static BIDE_ASYNC(int, has_full, void);
static int has_full(void)
{
	bide_require_full("a callback keeps a pointer to it");
	return 42;
}

TEST(misuse_is_not_a_full_stack_that_is_required)
{
	int result = 7;
	CHECK_INT(bide_try_run(&virtual_options, &result, has_full), 0);
	CHECK_INT(result, 42);
}
