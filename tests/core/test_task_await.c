// SPDX-License-Identifier: MIT
/* Spawning and awaiting: when a task runs, what an await gives, and which awaits are refused. */
#include "core/virtual_kit.h"

/* ---- when a task runs --------------------------------------------------------------------- */

static BIDE_ASYNC_LIGHT(void, mark, char);
static void mark(char c)
{
	note(c);
}

VIRTUAL_TEST(a_spawned_task_runs_when_the_caller_suspends)
{
	bide_task *task = bide_spawn(mark, 'A');
	EXPECT_STR(trace, "");
	note('.');
	bide_await(void, task);
	EXPECT_STR(trace, ".A");
}

VIRTUAL_TEST(tasks_run_in_the_order_they_were_spawned)
{
	bide_task *tasks[20];
	for (int i = 0; i < 20; i++)
		tasks[i] = bide_spawn(mark, (char)('A' + i));
	EXPECT_INT(bide_yield(), 0);
	EXPECT_STR(trace, "ABCDEFGHIJKLMNOPQRST");
	for (int i = 0; i < 20; i++)
		EXPECT_INT(bide_join(tasks[i]), 0);
}

static BIDE_ASYNC_LIGHT(void, mark_thrice, char);
static void mark_thrice(char c)
{
	for (int i = 0; i < 3; i++) {
		note(c);
		(void)bide_yield();
	}
}

VIRTUAL_TEST(tasks_take_turns)
{
	bide_task *tasks[] = { bide_spawn(mark_thrice, 'A'), bide_spawn(mark_thrice, 'B'),
		               bide_spawn(mark_thrice, 'C') };
	EXPECT_INT(bide_gather(tasks, 3, NULL), 0);
	EXPECT_STR(trace, "ABCABCABC");
}

static BIDE_ASYNC_LIGHT(void, spawn_and_mark, char, char);
static void spawn_and_mark(char c, char of_child)
{
	bide_task *task = bide_spawn(mark, of_child);
	note(c);
	bide_await(void, task);
	note(c);
}

VIRTUAL_TEST(a_task_spawned_by_another_runs_after_those_that_were_ready)
{
	bide_task *a = bide_spawn(spawn_and_mark, 'A', 'a');
	bide_task *b = bide_spawn(mark, 'B');
	EXPECT_INT(bide_join(a), 0);
	EXPECT_INT(bide_join(b), 0);
	EXPECT_STR(trace, "ABaA");
}

/* ---- what an await gives ------------------------------------------------------------------ */

VIRTUAL_TEST(await_gives_the_result)
{
	EXPECT_INT(bide_await(int, bide_spawn(nap, 1.5, 42)), 42);
	EXPECT_ELAPSED(1.5);
}

VIRTUAL_TEST(awaits_in_turn_add_up_and_tasks_spawned_first_do_not)
{
	EXPECT_INT(bide_await(int, bide_spawn(nap, 1.0, 1)), 1);
	EXPECT_INT(bide_await(int, bide_spawn(nap, 2.0, 2)), 2);
	EXPECT_ELAPSED(3);
	bide_task *a = bide_spawn(nap, 1.0, 1), *b = bide_spawn(nap, 2.0, 2);
	EXPECT_INT(bide_await(int, a), 1);
	EXPECT_INT(bide_await(int, b), 2);
	EXPECT_ELAPSED(5);
}

VIRTUAL_TEST(awaiting_a_task_that_has_ended_does_not_suspend)
{
	bide_task *ended = bide_spawn(nap, 0.0, 42);
	EXPECT_INT(bide_sleep(1), 0);
	bide_task *other = bide_spawn(mark, 'A');
	EXPECT_INT(bide_await(int, ended), 42);
	EXPECT_STR(trace, "");
	bide_await(void, other);
}

VIRTUAL_TEST(awaiting_a_task_that_has_ended_succeeds_in_a_cancelled_scope)
{
	int rc = 7;
	bide_task *ended = bide_spawn(nap, 0.0, 42);
	EXPECT_INT(bide_sleep(1), 0);
	BIDE_SCOPE(scope, rc) {
		bide_scope_cancel(scope);
		EXPECT_INT(bide_await(int, ended), 42);
	}
	EXPECT_INT(rc, 0);
}

VIRTUAL_TEST(try_await_tells_results_from_errors)
{
	int ret = 7;
	EXPECT_INT(bide_try_await(bide_spawn(nap, 1.0, 42), &ret), 0);
	EXPECT_INT(ret, 42);
	EXPECT_INT(bide_try_await(bide_spawn(nap, 1.0, -EIO), &ret), -EIO);
	EXPECT_INT(ret, 42);
	EXPECT_INT(bide_try_await(bide_spawn(nap, 1.0, 5), NULL), 0);
	EXPECT_INT(bide_try_await(bide_spawn(mark, 'A'), NULL), 0);
	EXPECT_STR(trace, "A");
}

VIRTUAL_TEST(join_drops_the_result_and_gives_the_error)
{
	EXPECT_INT(bide_join(bide_spawn(nap, 1.0, 42)), 0);
	EXPECT_INT(bide_join(bide_spawn(nap, 1.0, -EIO)), -EIO);
	EXPECT_INT(bide_join(bide_spawn(mark, 'A')), 0);
}

VIRTUAL_TEST(await_of_an_int_that_failed_gives_the_error)
{
	EXPECT_INT(bide_await(int, bide_spawn(nap, 1.0, -EIO)), -EIO);
}

VIRTUAL_TEST(await_of_no_task_is_out_of_memory)
{
	int ret = 7;
	EXPECT_INT(bide_await(int, NULL), -ENOMEM);
	EXPECT_INT(bide_try_await(NULL, &ret), -ENOMEM);
	EXPECT_INT(bide_join(NULL), -ENOMEM);
	EXPECT_INT(ret, 7);
	bide_detach(NULL);
}

/* ---- awaits of awaits --------------------------------------------------------------------- */

static BIDE_ASYNC(int, chain, int);
static int chain(int depth)
{
	if (depth == 0)
		return nap(1, 0);
	return bide_await(int, bide_spawn(chain, depth - 1)) + 1;
}

VIRTUAL_TEST(a_chain_of_awaits_passes_results_back)
{
	EXPECT_INT(chain(500), 500);
	EXPECT_ELAPSED(1);
}

static BIDE_ASYNC_LIGHT(int, awaits, bide_task *);
static int awaits(bide_task *task)
{
	return bide_await(int, task);
}

VIRTUAL_TEST(a_task_may_be_awaited_by_another_than_its_creator)
{
	bide_task *task = bide_spawn(nap, 1.0, 42);
	EXPECT_INT(bide_await(int, bide_spawn(awaits, task)), 42);
}

VIRTUAL_TEST(awaiters_of_tasks_that_end_in_one_turn_go_on_in_the_order_of_the_ends)
{
	bide_task *a = bide_spawn(nap, 1.0, 1), *b = bide_spawn(nap, 1.0, 2);
	bide_task *first = bide_spawn(awaits, b), *second = bide_spawn(awaits, a);
	bide_task *tasks[] = { first, second };
	int order = 0;
	BIDE_AS_COMPLETED(t, tasks, 2) {
		order = order * 10 + bide_await(int, t);
	}
	EXPECT_INT(order, 12);
}

/* ---- each task its own errno -------------------------------------------------------------- */

static BIDE_ASYNC_LIGHT(int, keeps_errno, int);
static int keeps_errno(int number)
{
	errno = number;
	for (int i = 0; i < 10; i++) {
		(void)(i % 2 ? bide_yield() : bide_sleep(0.25));
		EXPECT_INT(errno, number);
	}
	return 0;
}

VIRTUAL_TEST(errno_is_kept_for_each_task)
{
	bide_task *tasks[10];
	for (int i = 0; i < 10; i++)
		tasks[i] = bide_spawn(keeps_errno, i + 1);
	errno = EDOM;
	EXPECT_INT(bide_gather(tasks, 10, (int *)NULL), 0);
	EXPECT_INT(errno, EDOM);
}

VIRTUAL_TEST(errors_do_not_change_errno)
{
	bide_task *task = bide_spawn(nap, 1.0, -EIO);
	errno = EDOM;
	EXPECT_INT(bide_await(int, task), -EIO);
	EXPECT_INT(bide_sleep(NAN), -EINVAL);
	EXPECT_INT(bide_join(NULL), -ENOMEM);
	EXPECT_INT(errno, EDOM);
}

/* ---- what is refused ---------------------------------------------------------------------- */

/* Each runs as main task and must end the process. */
#define REFUSED(name, text) \
	static BIDE_ASYNC(int, name, void); \
	TEST_ABORTS(refused_##name, text) \
	{ \
		(void)RUN_VIRTUAL(name); \
	} \
	static int name(void)

REFUSED(a_second_await,
        "bide_await: in task 'a_second_await' (#1): the handle of task #2 has been ended")
{
	bide_task *task = bide_spawn(nap, 1.0, 1);
	(void)bide_await(int, task);
	return bide_await(int, task);
}

REFUSED(an_await_of_an_awaited_task, "task 'nap' (#2) is awaited already by 'awaits'")
{
	bide_task *task = bide_spawn(nap, 1.0, 1);
	bide_detach(bide_spawn(awaits, task));
	(void)bide_yield();
	return bide_await(int, task);
}

REFUSED(an_await_of_a_task_in_a_set, "task 'nap' (#2) is awaited already, among others")
{
	bide_task *task = bide_spawn(nap, 1.0, 1);
	BIDE_AS_COMPLETED(t, &task, 1) {
		(void)bide_await(int, t);
		task = bide_spawn(nap, 1.0, 1);
		BIDE_AS_COMPLETED(inner, &task, 1) {
			(void)inner;
		}
		bide_completion *it = NULL;
		if (bide_completion_open(&task, 1, &it) == 0)
			(void)bide_await(int, task);
	}
	return 0;
}

REFUSED(an_await_of_a_detached_task,
        "bide_join: in task 'an_await_of_a_detached_task' (#1): task 'nap' (#2) was detached")
{
	bide_task *task = bide_spawn(nap, 1.0, 1);
	bide_detach(task);
	return bide_join(task);
}

REFUSED(an_await_of_oneself,
        "bide_await: in task 'an_await_of_oneself' (#1): a task cannot wait for itself")
{
	return bide_await(int, bide_current_task());
}

static BIDE_ASYNC(int, awaits_main, bide_task *);
static int awaits_main(bide_task *task)
{
	return bide_join(task);
}

REFUSED(an_await_of_the_main_task, "task 'an_await_of_the_main_task' (#1) is the main task")
{
	bide_detach(bide_spawn(awaits_main, bide_current_task()));
	return bide_sleep(1);
}

static bide_task *awaited_back;
static BIDE_ASYNC(int, awaits_back, void);
static int awaits_back(void)
{
	(void)bide_yield();
	return bide_join(awaited_back);
}

static BIDE_ASYNC(int, awaits_forth, bide_task *);
static int awaits_forth(bide_task *task)
{
	return bide_join(task);
}

REFUSED(a_cycle_of_awaits,
        "bide_join: in task 'awaits_back' (#2): a cycle: task 'awaits_forth' (#3) waits")
{
	awaited_back = bide_spawn(awaits_forth, bide_spawn(awaits_back));
	return bide_sleep(1);
}

REFUSED(an_await_of_another_type, "task 'nap' (#2) returns int of 4 bytes, not double of 8")
{
	return (int)bide_await(double, bide_spawn(nap, 1.0, 1));
}

REFUSED(an_await_of_another_class, "task 'nap' (#2) returns int of 4 bytes, not float of 4")
{
	return (int)bide_await(float, bide_spawn(nap, 1.0, 1));
}

REFUSED(an_await_of_a_result_there_is_none_of,
        "task 'mark' (#2) returns void of 0 bytes, not int of 4")
{
	return bide_await(int, bide_spawn(mark, 'A'));
}

REFUSED(a_pointer_to_another_type,
        "task 'nap' (#2) returns int of 4 bytes, not a pointer to an object of 8")
{
	long ret;
	return bide_try_await(bide_spawn(nap, 1.0, 1), &ret);
}

REFUSED(detaching_twice,
        "bide_detach: in task 'detaching_twice' (#1): nobody holds the handle of task 'nap' (#2)")
{
	bide_task *task = bide_spawn(nap, 1.0, 1);
	bide_detach(task);
	bide_detach(task);
	return 0;
}

REFUSED(a_handle_that_is_stale,
        "bide_task_done: in task 'a_handle_that_is_stale' (#1): the handle of task #2")
{
	bide_task *task = bide_spawn(nap, 0.0, 1);
	bide_detach(task);
	(void)bide_sleep(1);
	return bide_task_done(task);
}

TEST_ABORTS(a_spawn_without_a_run_is_refused,
            "bide_spawn: no loop runs on this thread, to run 'nap' on")
{
	(void)bide_spawn(nap, 1.0, 1);
}

TEST_ABORTS(a_suspension_without_a_run_is_refused, "bide_sleep:")
{
	(void)bide_sleep(1);
}
