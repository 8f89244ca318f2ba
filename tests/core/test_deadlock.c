// SPDX-License-Identifier: MIT
/* A run in which every task waits and nothing can wake any: it ends at once, with a report of who
 * waits for what, and every wait returns -EDEADLK. */
#include "core/virtual_kit.h"

static bide_task *handles[4];
static int codes[4];

/* Ways of waiting for a task of `handles`; each keeps what it got. */

static BIDE_ASYNC_LIGHT(int, sleeper, int);
static int sleeper(int i)
{
	codes[i] = bide_sleep(INFINITY);
	return codes[i];
}

static BIDE_ASYNC_LIGHT(int, awaiter, int);
static int awaiter(int i)
{
	codes[i] = bide_await(int, handles[i]);
	return codes[i];
}

static BIDE_ASYNC(int, gatherer, int);
static int gatherer(int i)
{
	codes[i] = bide_gather(&handles[i], 1, NULL);
	return codes[i];
}

static BIDE_ASYNC(int, waiter, int);
static int waiter(int i)
{
	codes[i] = bide_wait(&handles[i], 1, BIDE_ALL);
	return codes[i];
}

static BIDE_ASYNC(int, completer, int);
static int completer(int i)
{
	BIDE_AS_COMPLETED(task, &handles[i], 1)
		(void)bide_join(task);
	codes[i] = bide_cancelled();
	return codes[i];
}

static BIDE_ASYNC(int, grouper, int, int);
static int grouper(int i, int child)
{
	BIDE_GROUP(group, codes[i]) {
		bide_group_spawn(group, nap, 1.0, 0);
		bide_group_spawn(group, awaiter, child);
	}
	return codes[i];
}

/* What is expected of every run here. */
#define EXPECT_DEADLOCK(...) \
	do { \
		memset(codes, 0, sizeof codes); \
		EXPECT_INT(RUN_VIRTUAL(__VA_ARGS__), -EDEADLK); \
		EXPECT_UINT(reports.count, 1); \
		EXPECT_INT(reports.kind[0], BIDE_REPORT_DEADLOCK); \
		EXPECT_INT(reports.error[0], -EDEADLK); \
	} while (0)

#define EXPECT_REPORTED(text) EXPECT(strstr(reports.message[0], text) != NULL)

/* ---- without a cycle ---------------------------------------------------------------------- */

TEST(deadlock_of_the_main_task_alone)
{
	EXPECT_DEADLOCK(sleeper, 0);
	EXPECT_REPORTED("'sleeper' (#1) waits in bide_sleep");
	EXPECT(strstr(reports.message[0], "cycle") == NULL);
	EXPECT_INT(codes[0], -EDEADLK);
}

static BIDE_ASYNC(int, await_a_sleeper, void);
static int await_a_sleeper(void)
{
	const bide_task_options named = { .name = "dornröschen" };
	EXPECT_INT(bide_sleep(100), 0);
	handles[1] = bide_spawn_with(&named, sleeper, 0);
	codes[1] = bide_await(int, handles[1]);
	return codes[1];
}

TEST(deadlock_lists_what_each_task_waits_for)
{
	EXPECT_DEADLOCK(await_a_sleeper);
	EXPECT_REPORTED("'await_a_sleeper' (#1) waits in bide_await for 'dornröschen' (#2)");
	EXPECT_REPORTED("'dornröschen' (#2) waits in bide_sleep");
	EXPECT_INT(codes[0], -EDEADLK);
	EXPECT_INT(codes[1], -EDEADLK);
}

static BIDE_ASYNC(int, group_of_sleepers, void);
static int group_of_sleepers(void)
{
	BIDE_GROUP(group, codes[2]) {
		bide_group_spawn(group, sleeper, 0);
		bide_group_spawn(group, sleeper, 1);
	}
	return codes[2];
}

TEST(deadlock_of_a_group)
{
	EXPECT_DEADLOCK(group_of_sleepers);
	EXPECT_REPORTED("waits in bide_group_close for 2 tasks of its group");
	EXPECT_INT(codes[0], -EDEADLK);
	EXPECT_INT(codes[1], -EDEADLK);
	EXPECT_INT(codes[2], -EDEADLK);
}

static BIDE_ASYNC(int, clean_up_after_it, void);
static int clean_up_after_it(void)
{
	int rc = bide_sleep(INFINITY);
	BIDE_SHIELD {
		EXPECT_INT(bide_sleep(3), 0);
		note('C');
	}
	return rc;
}

TEST(deadlock_lets_the_tasks_clean_up)
{
	EXPECT_DEADLOCK(clean_up_after_it);
	CHECK_STR(trace, "C");
}

static BIDE_ASYNC(int, survive_it, void);
static int survive_it(void)
{
	codes[0] = bide_await(int, bide_spawn(sleeper, 1));
	return 42;
}

TEST(deadlock_that_the_main_task_handles_ends_with_its_result)
{
	int result = 7;
	begin_run();
	CHECK_INT(bide_try_run(&virtual_options, &result, survive_it), 0);
	CHECK_INT(result, 42);
	CHECK_INT(codes[0], -EDEADLK);
	CHECK_UINT(reports.count, 1);
}

TEST(deadlock_leaves_the_loop_fit_for_another_run)
{
	bide_loop *loop;
	int result = 7;
	begin_run();
	CHECK_INT(bide_loop_open(&virtual_options, &loop), 0);
	CHECK_INT(bide_loop_run(loop, NULL, sleeper, 0), -EDEADLK);
	CHECK_INT(bide_loop_run(loop, &result, nap, 5.0, 42), 0);
	CHECK_INT(result, 42);
	bide_loop_close(loop);
}

TEST_ABORTS(deadlock_in_a_shield_cannot_be_ended,
            "the tasks do not end although they were cancelled")
{
	bide_set_report(NULL, NULL);
	(void)bide_try_run(&virtual_options, NULL, stubborn, INFINITY, 0);
}

/* ---- none --------------------------------------------------------------------------------- */

static BIDE_ASYNC(int, sleep_beside_a_sleeper, void);
static int sleep_beside_a_sleeper(void)
{
	bide_detach(bide_spawn(sleeper, 0));
	return bide_sleep(1e6);
}

TEST(deadlock_is_not_while_a_timer_runs)
{
	CHECK_INT(RUN_VIRTUAL(sleep_beside_a_sleeper), 0);
	CHECK_UINT(reports.count, 0);
	CHECK_INT(codes[0], -ECANCELED); /* at the end of the run */
}

/* ---- cycles ------------------------------------------------------------------------------- */

/* The tasks 0 and 1 wait for each other: `first` for 0's handle, `second` for 1's. */
#define CYCLE(name, first, second) \
	static BIDE_ASYNC(int, name, void); \
	static int name(void) \
	{ \
		handles[1] = bide_spawn first; \
		handles[0] = bide_spawn second; \
		return bide_sleep(INFINITY); \
	}

CYCLE(gather_and_await, (gatherer, 0), (awaiter, 1))
CYCLE(wait_and_await, (waiter, 0), (awaiter, 1))
CYCLE(complete_and_await, (completer, 0), (awaiter, 1))
CYCLE(wait_and_complete, (waiter, 0), (completer, 1))
CYCLE(group_and_child, (grouper, 2, 1), (sleeper, 3))

TEST(deadlock_names_a_cycle_through_a_wait)
{
	EXPECT_DEADLOCK(wait_and_await);
	EXPECT_REPORTED("a cycle: 'waiter' (#2) waits for 'awaiter' (#3) waits for 'waiter' (#2)");
	EXPECT_REPORTED("'waiter' (#2) waits in bide_wait for 1 task");
	EXPECT_INT(codes[0], -EDEADLK);
	EXPECT_INT(codes[1], -EDEADLK);
}

TEST(deadlock_names_a_cycle_through_an_iteration)
{
	EXPECT_DEADLOCK(complete_and_await);
	EXPECT_REPORTED("a cycle: 'completer' (#2) waits for 'awaiter' (#3) waits for");
	EXPECT_DEADLOCK(wait_and_complete);
	EXPECT_REPORTED("a cycle: 'waiter' (#2) waits for 'completer' (#3) waits for");
}

TEST(deadlock_names_a_cycle_of_a_group_and_its_child)
{
	EXPECT_DEADLOCK(group_and_child);
	EXPECT_REPORTED("a cycle: 'grouper' (#2) waits for 'awaiter' (#");
	EXPECT_REPORTED("'grouper' (#2) waits in bide_group_close for 1 task of its group");
	EXPECT_INT(codes[1], -EDEADLK); /* the await that was in the cycle */
	EXPECT_INT(codes[2], -EDEADLK);
	EXPECT_INT(codes[3], -EDEADLK);
}

/* A cycle of waits that all last to the end is found out when the last of them begins. */
TEST_ABORTS(deadlock_of_a_gather_and_an_await_is_refused,
            "bide_await: in task 'awaiter' (#3): a cycle: task 'gatherer' (#2) waits")
{
	(void)bide_try_run(&virtual_options, NULL, gather_and_await);
}

CYCLE(gather_and_gather, (gatherer, 0), (gatherer, 1))

TEST_ABORTS(deadlock_of_two_gathers_is_refused,
            "bide_gather: in task 'gatherer' (#3): a cycle: task 'gatherer' (#2) waits")
{
	(void)bide_try_run(&virtual_options, NULL, gather_and_gather);
}

CYCLE(await_and_gather, (awaiter, 0), (gatherer, 1))

TEST_ABORTS(deadlock_of_an_await_and_a_gather_is_refused,
            "bide_gather: in task 'gatherer' (#3): a cycle: task 'awaiter' (#2) waits")
{
	(void)bide_try_run(&virtual_options, NULL, await_and_gather);
}
