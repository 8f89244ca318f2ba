// SPDX-License-Identifier: MIT
/* Time on the real clock. What is asserted holds however slow and busy the machine is: bounds are
 * on one side only. */
#include "core/virtual_kit.h"

#include <pthread.h>
#include <time.h>

static double wall(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Computes until so many seconds have gone by, on the thread's own time too. */
static void compute(double seconds)
{
	struct timespec t;
	double until = wall() + seconds, begun = 0, used = 0;
	for (bool first = true; first || wall() < until || used - begun < seconds; first = false) {
		(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
		used = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
		if (first)
			begun = used;
	}
}

#define REAL_TEST(name) \
	static BIDE_ASYNC(void, in_##name, void); \
	TEST(name) \
	{ \
		CHECK_INT(bide_try_run(NULL, NULL, in_##name), 0); \
	} \
	static void in_##name(void)

REAL_TEST(time_real_sleeps_do_not_end_early)
{
	const double seconds[] = { 1e-9, 1e-6, 0.001, 0.01, 0.05 };
	for (int i = 0; i < 5; i++) {
		double now = bide_now();
		EXPECT_INT(bide_sleep(seconds[i]), 0);
		EXPECT(bide_now() >= now + seconds[i]);
	}
}

REAL_TEST(time_real_now_stands_still_in_a_step_and_time_does_not)
{
	double now = bide_now(), time = bide_time();
	EXPECT(time >= now);
	compute(0.005);
	EXPECT_DOUBLE(bide_now(), now);
	EXPECT(bide_time() >= time + 0.005);
	EXPECT_INT(bide_sleep(0.001), 0);
	EXPECT(bide_now() >= now + 0.005);
}

REAL_TEST(time_real_clock_is_the_monotonic_one)
{
	double before = wall(), time = bide_time(), after = wall();
	EXPECT(before <= time && time <= after);
	EXPECT(bide_now() <= after);
}

/* The first sleep of a turn. */
REAL_TEST(time_real_sleep_after_computing_does_not_end_early_by_the_wall)
{
	EXPECT_INT(bide_yield(), 0);
	compute(0.05);
	double begun = wall();
	EXPECT_INT(bide_sleep(0.02), 0);
	/* The turn's time is read afresh, so it is older than the call by less than a moment. */
	EXPECT(wall() >= begun + 0.02 - 0.001);
}

static double begun_at[2], ended_at[2];

static BIDE_ASYNC(int, compute_and_sleep, int, double, double);
static int compute_and_sleep(int i, double computing, double sleeping)
{
	compute(computing);
	begun_at[i] = wall();
	int rc = bide_sleep(sleeping);
	ended_at[i] = wall();
	return rc;
}

/* Another task's sleep has been armed in the same turn before. */
REAL_TEST(time_real_sleep_after_another_task_slept_and_it_computed_does_not_end_early)
{
	bide_task *tasks[] = { bide_spawn(compute_and_sleep, 0, 0.0, 0.02),
		               bide_spawn(compute_and_sleep, 1, 0.05, 0.02) };
	EXPECT_INT(bide_gather(tasks, 2, NULL), 0);
	for (int i = 0; i < 2; i++)
		EXPECT(ended_at[i] >= begun_at[i] + 0.02 - 0.002);
}

static BIDE_ASYNC(int, time_out_after_computing, double, double);
static int time_out_after_computing(double computing, double limit)
{
	int rc = 7;
	compute(computing);
	double begun = wall();
	BIDE_TIMEOUT(limit, rc) {
		(void)bide_sleep(10);
	}
	EXPECT(wall() >= begun + limit);
	return rc;
}

REAL_TEST(time_real_deadlines_never_fire_early)
{
	bide_task *tasks[] = { bide_spawn(time_out_after_computing, 0.0, 0.01),
		               bide_spawn(time_out_after_computing, 0.03, 0.01),
		               bide_spawn(time_out_after_computing, 0.0005, 0.01) };
	int errors[3];
	EXPECT_INT(bide_gather_collect(tasks, 3, NULL, errors), 3);
	for (int i = 0; i < 3; i++)
		EXPECT_INT(errors[i], -ETIMEDOUT);
}

/* ---- in one turn -------------------------------------------------------------------------- */

/* Both deadlines pass while the thread computes: the outer one is who cancelled. */
REAL_TEST(time_real_nested_deadlines_that_pass_together_are_the_outer_one)
{
	int outer = 7, inner = 7;
	BIDE_TIMEOUT(0.004, outer) {
		BIDE_TIMEOUT(0.001, inner) {
			compute(0.01);
			EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
		}
		EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
	}
	EXPECT_INT(inner, 0);
	EXPECT_INT(outer, -ETIMEDOUT);
}

REAL_TEST(time_real_deadline_that_passes_while_computing_cuts_the_next_call_only)
{
	int rc = 7;
	BIDE_TIMEOUT(0.001, rc)
		compute(0.01);
	EXPECT_INT(rc, 0);
	BIDE_TIMEOUT(0.001, rc) {
		compute(0.01);
		EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
	}
	EXPECT_INT(rc, -ETIMEDOUT);
}

/* ---- many --------------------------------------------------------------------------------- */

enum { MANY = 2000 };

static double delays[MANY];
static int ended[MANY], nended;

static BIDE_ASYNC_LIGHT(int, sleep_nth, int);
static int sleep_nth(int n)
{
	int rc = bide_sleep(delays[n]);
	ended[nended++] = n;
	return rc;
}

REAL_TEST(time_real_sleeps_started_together_end_in_ascending_order)
{
	static bide_task *tasks[MANY];
	for (int i = 0; i < MANY; i++) {
		delays[i] = bide_uniform(0.01, 0.05);
		if (i % 3 == 1)
			delays[i] = delays[i - 1] + 1e-12;
		tasks[i] = bide_spawn(sleep_nth, i);
	}
	EXPECT_INT(bide_gather(tasks, MANY, NULL), 0);
	EXPECT_INT(nended, MANY);
	for (int i = 1; i < nended; i++)
		if (!EXPECT(delays[ended[i - 1]] <= delays[ended[i]]))
			break;
}

/* ---- outside a loop ----------------------------------------------------------------------- */

TEST(time_without_a_loop_is_the_monotonic_clock)
{
	double before = wall(), time = bide_time(), now = bide_now(), after = wall();
	CHECK(before <= time && time <= now && now <= after);
}

static void *ask_time(void *arg)
{
	*(double *)arg = bide_time();
	return NULL;
}

REAL_TEST(time_may_be_asked_on_any_thread)
{
	pthread_t thread;
	double there = 0, before = wall();
	if (!EXPECT_INT(pthread_create(&thread, NULL, ask_time, &there), 0))
		return;
	(void)pthread_join(thread, NULL);
	EXPECT(before <= there && there <= wall());
}
