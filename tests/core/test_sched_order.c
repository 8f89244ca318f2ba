// SPDX-License-Identifier: MIT
/* Who runs when: first in, first out; and in a random order when that is asked for. */
#include "core/virtual_kit.h"

static BIDE_ASYNC_LIGHT(int, say, char);
static int say(char c)
{
	note(c);
	return 0;
}

static BIDE_ASYNC_LIGHT(int, say_in_turns, char, int);
static int say_in_turns(char c, int times)
{
	for (int i = 0; i < times; i++) {
		note(c);
		EXPECT_INT(bide_yield(), 0);
	}
	return 0;
}

VIRTUAL_TEST(sched_spawn_does_not_run_before_the_caller_suspends)
{
	bide_task *task = bide_spawn(say, 'A');
	note('M');
	EXPECT_INT(bide_join(task), 0);
	EXPECT_STR(trace, "MA");
}

VIRTUAL_TEST(sched_tasks_begin_in_the_order_of_their_spawns)
{
	bide_task *tasks[26];
	for (int i = 0; i < 26; i++)
		tasks[i] = bide_spawn(say, (char)('A' + i));
	EXPECT_INT(bide_gather(tasks, 26, NULL), 0);
	EXPECT_STR(trace, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

VIRTUAL_TEST(sched_yielding_tasks_take_turns)
{
	bide_task *tasks[] = { bide_spawn(say_in_turns, 'A', 4), bide_spawn(say_in_turns, 'B', 2),
		               bide_spawn(say_in_turns, 'C', 3) };
	EXPECT_INT(bide_gather(tasks, 3, NULL), 0);
	EXPECT_STR(trace, "ABCABCACA");
}

VIRTUAL_TEST(sched_yield_runs_every_ready_task_once)
{
	bide_task *tasks[] = { bide_spawn(say_in_turns, 'A', 9), bide_spawn(say_in_turns, 'B', 9) };
	for (int i = 0; i < 3; i++) {
		EXPECT_INT(bide_yield(), 0);
		note('M');
	}
	EXPECT_STR(trace, "ABMABMABM");
	EXPECT_INT(bide_gather(tasks, 2, NULL), 0);
}

static BIDE_ASYNC_LIGHT(int, spawn_and_say, char, char);
static int spawn_and_say(char c, char child)
{
	note(c);
	return bide_join(bide_spawn(say, child));
}

VIRTUAL_TEST(sched_child_runs_after_those_that_were_ready)
{
	bide_task *tasks[] = { bide_spawn(spawn_and_say, 'A', 'X'),
		               bide_spawn(spawn_and_say, 'B', 'Y'), bide_spawn(say, 'C') };
	EXPECT_INT(bide_gather(tasks, 3, NULL), 0);
	EXPECT_STR(trace, "ABCXY");
}

static BIDE_ASYNC(int, say_full, char);
static int say_full(char c)
{
	return say(c);
}

static BIDE_ASYNC(int, say_full_and_yield, char);
static int say_full_and_yield(char c)
{
	note(c);
	return bide_yield();
}

/* The next task begins in the place of one that has ended if it gets the same stack, and goes on
 * from the scheduler if not: each kind of task follows each other one here. */
VIRTUAL_TEST(sched_ends_lead_on_to_tasks_of_every_kind)
{
	enum { KINDS = 5, TASKS = KINDS * KINDS };
	static const bide_task_options small = { .stack_size = 64 * 1024 };
	bide_task *tasks[TASKS];
	char expected[TASKS + 1] = "";
	for (int i = 0; i < TASKS; i++) {
		/* Steps of each length around the circle of kinds. */
		int kind = (i / KINDS + 1) * i % KINDS;
		char c = expected[i] = (char)('A' + i);
		tasks[i] = kind == 0   ? bide_spawn(say, c)
		           : kind == 1 ? bide_spawn(say_full, c)
		           : kind == 2 ? bide_spawn_with(&small, say_full, c)
		           : kind == 3 ? bide_spawn(say_in_turns, c, 1)
		                       : bide_spawn(say_full_and_yield, c);
	}
	EXPECT_INT(bide_gather(tasks, TASKS, NULL), 0);
	EXPECT_STR(trace, expected);
}

static BIDE_ASYNC_LIGHT(int, await_and_say, bide_task *, char);
static int await_and_say(bide_task *task, char c)
{
	int rc = bide_join(task);
	note(c);
	return rc;
}

VIRTUAL_TEST(sched_tasks_are_woken_in_the_order_of_what_they_waited_for)
{
	bide_task *sleepers[] = { bide_spawn(nap, 1.0, 0), bide_spawn(nap, 1.0, 0),
		                  bide_spawn(nap, 1.0, 0) };
	bide_task *tasks[] = { bide_spawn(await_and_say, sleepers[2], 'C'),
		               bide_spawn(await_and_say, sleepers[0], 'A'),
		               bide_spawn(await_and_say, sleepers[1], 'B') };
	EXPECT_INT(bide_gather(tasks, 3, NULL), 0);
	EXPECT_STR(trace, "ABC");
}

VIRTUAL_TEST(sched_await_of_an_ended_task_does_not_give_way)
{
	bide_task *ended = bide_spawn(say, 'A');
	EXPECT_INT(bide_yield(), 0);
	bide_task *ready = bide_spawn(say, 'B');
	EXPECT_INT(bide_join(ended), 0);
	note('M');
	EXPECT_INT(bide_join(ready), 0);
	EXPECT_STR(trace, "AMB");
}

/* A cancelled call has passed once through the ready queue. */
VIRTUAL_TEST(sched_cancelled_call_gives_way_to_those_that_were_ready)
{
	bide_task *ready = bide_spawn(say, 'A');
	BIDE_TIMEOUT(0) {
		EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
		note('M');
	}
	EXPECT_INT(bide_join(ready), 0);
	EXPECT_STR(trace, "AM");
}

VIRTUAL_TEST(sched_timers_wake_after_those_that_are_ready)
{
	bide_task *task = bide_spawn(tick, 1e-9, 'T');
	bide_task *other = bide_spawn(say_in_turns, 'A', 3);
	EXPECT_INT(bide_join(task), 0);
	EXPECT_INT(bide_join(other), 0);
	EXPECT_STR(trace, "AAAT");
}

/* ---- timers do not starve ready work ------------------------------------------------------ */

static bool stop;

static BIDE_ASYNC_LIGHT(int, sleep_as_short_as_can_be, void);
static int sleep_as_short_as_can_be(void)
{
	int rc = 0;
	while (!stop && rc == 0)
		rc = bide_sleep(1e-9);
	return rc;
}

VIRTUAL_TEST(sched_timers_do_not_starve_ready_tasks)
{
	bide_task *tasks[10];
	stop = false;
	for (int i = 0; i < 10; i++)
		tasks[i] = bide_spawn(sleep_as_short_as_can_be);
	EXPECT_INT(bide_join(bide_spawn(say_in_turns, 'A', 100)), 0);
	EXPECT_UINT(trace_length, 100);
	EXPECT_INT(bide_sleep(1e-6), 0);
	stop = true;
	EXPECT_INT(bide_gather(tasks, 10, NULL), 0);
}

VIRTUAL_TEST(sched_short_sleeps_do_not_starve_long_ones)
{
	bide_task *task = bide_spawn(sleep_as_short_as_can_be);
	stop = false;
	EXPECT_INT(bide_sleep(1e-5), 0);
	EXPECT_ELAPSED(1e-5);
	stop = true;
	EXPECT_INT(bide_join(task), 0);
}

/* ---- in a random order -------------------------------------------------------------------- */

static BIDE_ASYNC(void, say_all, int, int);
static void say_all(int n, int times)
{
	bide_task *tasks[26];
	for (int i = 0; i < n; i++)
		tasks[i] = bide_spawn(say_in_turns, (char)('A' + i), times);
	EXPECT_INT(bide_gather(tasks, (size_t)n, NULL), 0);
}

static void run_shuffled(uint64_t seed, int n, int times, char ret_trace[sizeof trace])
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL,
		                       .shuffle = true,
		                       .seed = seed };
	begin_run();
	EXPECT_INT(bide_try_run(&options, NULL, say_all, n, times), 0);
	memcpy(ret_trace, trace, sizeof trace);
}

static char traces[3][sizeof trace];

TEST(sched_shuffle_is_the_same_for_the_same_seed)
{
	run_shuffled(7, 26, 20, traces[0]);
	run_shuffled(7, 26, 20, traces[1]);
	run_shuffled(8, 26, 20, traces[2]);
	CHECK_STR(traces[0], traces[1]);
	CHECK(strcmp(traces[0], traces[2]) != 0);
}

TEST(sched_shuffle_runs_every_task_once_a_turn)
{
	run_shuffled(test_seed() | 1, 26, 20, traces[0]);
	CHECK_UINT(strlen(traces[0]), 26 * 20);
	for (int turn = 0; turn < 20; turn++) {
		char seen[27] = "";
		for (int i = 0; i < 26; i++)
			seen[traces[0][turn * 26 + i] - 'A']++;
		for (int i = 0; i < 26; i++)
			CHECK_INT(seen[i], 1);
	}
}

TEST(sched_shuffle_changes_the_order_from_turn_to_turn)
{
	run_shuffled(7, 26, 2, traces[0]);
	CHECK(memcmp(traces[0], traces[0] + 26, 26) != 0);
	CHECK(memcmp(traces[0], "ABCDEFGHIJKLMNOPQRSTUVWXYZ", 26) != 0);
}

/* Three tasks have six orders: in 200 seeds each must come up. */
TEST(sched_shuffle_reaches_every_order)
{
	bool seen[3][3][3] = { 0 };
	int orders = 0;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		run_shuffled(seed, 3, 1, traces[0]);
		bool *order = &seen[traces[0][0] - 'A'][traces[0][1] - 'A'][traces[0][2] - 'A'];
		orders += !*order;
		*order = true;
	}
	CHECK_INT(orders, 6);
}

static BIDE_ASYNC(void, sleep_shuffled, void);
static void sleep_shuffled(void)
{
	bide_task *tasks[] = { bide_spawn(tick, 3.0, 'C'), bide_spawn(tick, 1.0, 'A'),
		               bide_spawn(tick, 2.0, 'B') };
	EXPECT_INT(bide_gather(tasks, 3, NULL), 0);
}

TEST(sched_shuffle_leaves_the_order_of_different_deadlines)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL,
			                       .shuffle = true,
			                       .seed = seed };
		begin_run();
		CHECK_INT(bide_try_run(&options, NULL, sleep_shuffled), 0);
		CHECK_STR(trace, "ABC");
	}
}
