// SPDX-License-Identifier: MIT
/* Ready tasks, timers and descriptors do not starve each other, on the real clock and each backend.
 * A test that ends at all shows that; one that does not is ended by the harness. */
#include "core/virtual_kit.h"

#include <unistd.h>

static bool stop;
static long rounds[4];

#define REAL_TEST(name) \
	static BIDE_ASYNC(void, in_##name, void); \
	TEST(name) \
	{ \
		begin_run(); \
		stop = false; \
		memset(rounds, 0, sizeof rounds); \
		CHECK_INT(bide_try_run(NULL, NULL, in_##name), 0); \
		CHECK_STR(reports.message[0], ""); \
	} \
	static void in_##name(void)

static BIDE_ASYNC_LIGHT(int, keep_ready, int);
static int keep_ready(int i)
{
	for (; !stop; rounds[i]++)
		EXPECT_INT(bide_yield(), 0);
	return 0;
}

static BIDE_ASYNC_LIGHT(int, keep_sleeping, int, double);
static int keep_sleeping(int i, double seconds)
{
	for (; !stop; rounds[i]++)
		EXPECT_INT(bide_sleep(seconds), 0);
	return 0;
}

REAL_TEST(sched_fairness_ready_tasks_do_not_starve_a_timer)
{
	bide_task *tasks[] = { bide_spawn(keep_ready, 0), bide_spawn(keep_ready, 1) };
	for (int i = 0; i < 10; i++)
		EXPECT_INT(bide_sleep(0.002), 0);
	stop = true;
	EXPECT_INT(bide_gather(tasks, 2, NULL), 0);
	EXPECT(rounds[0] > 0 && rounds[1] > 0);
}

REAL_TEST(sched_fairness_ready_tasks_do_not_starve_a_deadline)
{
	int rc = 7;
	bide_task *task = bide_spawn(keep_ready, 0);
	BIDE_TIMEOUT(0.01, rc) {
		while (bide_yield() == 0)
			rounds[1]++;
	}
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT(rounds[1] > 0);
	stop = true;
	EXPECT_INT(bide_join(task), 0);
}

REAL_TEST(sched_fairness_timers_do_not_starve_ready_tasks)
{
	bide_task *tasks[] = { bide_spawn(keep_sleeping, 0, 1e-9),
		               bide_spawn(keep_sleeping, 1, 1e-9),
		               bide_spawn(keep_sleeping, 2, 1e-7) };
	for (int i = 0; i < 1000; i++)
		EXPECT_INT(bide_yield(), 0);
	stop = true;
	EXPECT_INT(bide_gather(tasks, 3, NULL), 0);
}

REAL_TEST(sched_fairness_ready_tasks_take_equal_turns)
{
	bide_task *tasks[] = { bide_spawn(keep_ready, 0), bide_spawn(keep_ready, 1),
		               bide_spawn(keep_ready, 2) };
	EXPECT_INT(bide_sleep(0.01), 0);
	for (int i = 1; i < 3; i++)
		EXPECT(rounds[i] >= rounds[0] - 1 && rounds[i] <= rounds[0] + 1);
	stop = true;
	EXPECT_INT(bide_gather(tasks, 3, NULL), 0);
}

REAL_TEST(sched_fairness_cancelled_loop_does_not_starve_a_timer)
{
	bide_task *tasks[] = { bide_spawn(tick, 0.005, 'A') };
	int turns = 0;
	BIDE_TIMEOUT(0) {
		while (trace_length == 0 && turns++ < 900) {
			EXPECT_INT(bide_sleep(1), -ETIMEDOUT);
			BIDE_SHIELD
				EXPECT_INT(bide_sleep(1e-5), 0);
		}
	}
	EXPECT_STR(trace, "A");
	EXPECT_INT(bide_gather(tasks, 1, NULL), 0);
}

/* ---- descriptors -------------------------------------------------------------------------- */

static int pipe_ends[2];

static BIDE_ASYNC_LIGHT(int, echo, int);
static int echo(int times)
{
	for (int i = 0; i < times; i++) {
		char c;
		int events = bide_wait_fd(pipe_ends[0], BIDE_READABLE);
		if (events < 0)
			return events;
		if (read(pipe_ends[0], &c, 1) != 1)
			return -errno;
		note(c);
	}
	return 0;
}

static bool open_pipe(void)
{
	return EXPECT_INT(pipe(pipe_ends), 0);
}

static void close_pipe(void)
{
	(void)close(pipe_ends[0]);
	(void)close(pipe_ends[1]);
}

REAL_TEST(sched_fairness_ready_tasks_do_not_starve_a_descriptor)
{
	if (!open_pipe())
		return;
	bide_task *busy = bide_spawn(keep_ready, 0), *reader = bide_spawn(echo, 3);
	for (int i = 0; i < 3; i++) {
		EXPECT_INT(bide_sleep(0.001), 0);
		EXPECT_INT(write(pipe_ends[1], &"ABC"[i], 1), 1);
	}
	EXPECT_INT(bide_join(reader), 0);
	EXPECT_STR(trace, "ABC");
	stop = true;
	EXPECT_INT(bide_join(busy), 0);
	close_pipe();
}

REAL_TEST(sched_fairness_timers_do_not_starve_a_descriptor)
{
	if (!open_pipe())
		return;
	bide_task *busy = bide_spawn(keep_sleeping, 0, 1e-9), *reader = bide_spawn(echo, 3);
	EXPECT_INT(write(pipe_ends[1], "ABC", 3), 3);
	EXPECT_INT(bide_join(reader), 0);
	EXPECT_STR(trace, "ABC");
	stop = true;
	EXPECT_INT(bide_join(busy), 0);
	close_pipe();
}

REAL_TEST(sched_fairness_a_descriptor_does_not_starve_timers_nor_ready_tasks)
{
	if (!open_pipe())
		return;
	EXPECT_INT(write(pipe_ends[1], "A", 1), 1);
	bide_task *busy = bide_spawn(keep_ready, 0);
	int rc = 7;
	BIDE_TIMEOUT(0.01, rc) { /* it is always readable */
		while (bide_wait_fd(pipe_ends[0], BIDE_READABLE) > 0)
			rounds[1]++;
	}
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT(rounds[0] > 0 && rounds[1] > 0);
	stop = true;
	EXPECT_INT(bide_join(busy), 0);
	close_pipe();
}

/* Both have come by the time the next turn begins; the deadline is the older one. On a busy machine
 * it may fire before the test is that far: then it is tried again. */
static bool both_come_in_one_turn(double seconds)
{
	bool in_time;
	trace_clear();
	double deadline = bide_now() + seconds;
	bide_task *sleeper = bide_spawn(tick, seconds, 'T'), *reader = bide_spawn(echo, 1);
	EXPECT_INT(bide_yield(), 0);
	in_time = trace_length == 0;
	EXPECT_INT(write(pipe_ends[1], "F", 1), 1);
	while (bide_time() < deadline + 0.01)
		;
	EXPECT_INT(bide_join(sleeper), 0);
	EXPECT_INT(bide_join(reader), 0);
	return in_time;
}

REAL_TEST(sched_fairness_completed_descriptors_come_before_timers)
{
	double seconds = 0.001;
	if (!open_pipe())
		return;
	while (!both_come_in_one_turn(seconds) && seconds < 1)
		seconds *= 2;
	EXPECT_STR(trace, "FT");
	close_pipe();
}
