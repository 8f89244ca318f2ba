// SPDX-License-Identifier: MIT
/* Sleeping on the virtual clock: how long, in what order, to the nanosecond and below. */
#include "core/virtual_kit.h"

#include <float.h>
#include <time.h>

/* ---- how long ----------------------------------------------------------------------------- */

VIRTUAL_TEST(time_sleep_takes_as_long_as_it_says)
{
	const double seconds[] = { 1, 0.5, 1.25, 3600, 0.001, 1e-6, 1e-9 };
	double expected = 0;
	for (int i = 0; i < 7; i++) {
		EXPECT_INT(bide_sleep(seconds[i]), 0);
		expected += seconds[i];
		EXPECT_ELAPSED(expected);
	}
}

VIRTUAL_TEST(time_sleep_that_is_no_whole_number_of_nanoseconds_ends_with_the_next)
{
	EXPECT_INT(bide_sleep(1.5e-9), 0);
	EXPECT_ELAPSED(2e-9);
	EXPECT_INT(bide_sleep(1e-12), 0);
	EXPECT_ELAPSED(3e-9);
	EXPECT_INT(bide_sleep(1e-25), 0);
	EXPECT_ELAPSED(4e-9);
}

VIRTUAL_TEST(time_sleep_of_nothing_or_less_takes_one_turn)
{
	const double seconds[] = { 0, -0.0, -1, -1e300, -INFINITY };
	for (int i = 0; i < 5; i++) {
		bide_task *other = bide_spawn(tick, 0.0, 'A');
		trace_clear();
		EXPECT_INT(bide_sleep(seconds[i]), 0); /* the other one begins, and yields too */
		EXPECT_INT(bide_sleep(seconds[i]), 0);
		EXPECT_STR(trace, "A");
		EXPECT_INT(bide_join(other), 0);
	}
	EXPECT_ELAPSED(0.0);
}

VIRTUAL_TEST(time_sleep_of_NaN_is_refused_without_suspending)
{
	bide_task *other = bide_spawn(tick, 0.0, 'A');
	EXPECT_INT(bide_sleep(NAN), -EINVAL);
	EXPECT_INT(bide_sleep_until(NAN), -EINVAL);
	EXPECT_INT(bide_sleep(-NAN), -EINVAL);
	EXPECT_STR(trace, "");
	EXPECT_INT(bide_join(other), 0);
}

VIRTUAL_TEST(time_sleep_of_infinity_waits_for_a_cancellation)
{
	const double seconds[] = { INFINITY, DBL_MAX, 1e11 };
	for (int i = 0; i < 3; i++) {
		bide_task *task = bide_spawn(tick, seconds[i], 'A');
		EXPECT_INT(bide_sleep(1e6), 0);
		EXPECT(!bide_task_done(task));
		EXPECT_INT(bide_cancel(task), 1);
		EXPECT_INT(bide_join(task), -ECANCELED);
	}
	EXPECT_STR(trace, "aaa");
}

VIRTUAL_TEST(time_sleep_until_a_time)
{
	double start = bide_now();
	EXPECT_INT(bide_sleep_until(start + 2), 0);
	EXPECT_DOUBLE(bide_now(), start + 2);
	EXPECT_INT(bide_sleep_until(start + 2.25), 0);
	EXPECT_DOUBLE(bide_now(), start + 2.25);
	EXPECT_INT(bide_sleep_until(start + 2.25 + 1e-9), 0);
	EXPECT(bide_now() >= start + 2.25 + 1e-9);
}

VIRTUAL_TEST(time_sleep_until_a_time_that_has_come_takes_one_turn)
{
	EXPECT_INT(bide_sleep(5), 0);
	const double times[] = { bide_now(), bide_now() - 1, 0, -1, -INFINITY };
	for (int i = 0; i < 5; i++) {
		bide_task *other = bide_spawn(tick, 0.0, 'A');
		trace_clear();
		EXPECT_INT(bide_sleep_until(times[i]), 0);
		EXPECT_INT(bide_sleep_until(times[i]), 0);
		EXPECT_STR(trace, "A");
		EXPECT_INT(bide_join(other), 0);
	}
	EXPECT_ELAPSED(5.0);
}

static BIDE_ASYNC_LIGHT(int, until, double);
static int until(double time)
{
	return bide_sleep_until(time);
}

VIRTUAL_TEST(time_sleep_until_infinity_waits_for_a_cancellation)
{
	bide_task *task = bide_spawn(until, INFINITY);
	EXPECT_INT(bide_sleep(1e6), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
}

VIRTUAL_TEST(time_of_ten_hours_takes_next_to_none)
{
	struct timespec before, after;
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	EXPECT_INT(bide_sleep(36000), 0);
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	EXPECT_ELAPSED(36000.0);
	EXPECT(after.tv_sec - before.tv_sec < 10);
}

/* ---- in what order ------------------------------------------------------------------------ */

VIRTUAL_TEST(time_order_of_equal_deadlines_is_that_of_the_calls)
{
	bide_task *tasks[26];
	for (int i = 0; i < 26; i++)
		tasks[i] = bide_spawn(tick, i % 2 == 0 ? 1.0 : 0.3, (char)('A' + i));
	EXPECT_INT(bide_gather(tasks, 26, NULL), 0);
	EXPECT_STR(trace, "BDFHJLNPRTVXZACEGIKMOQSUWY");
}

VIRTUAL_TEST(time_order_of_deadlines_reached_from_different_turns)
{
	bide_task *a = bide_spawn(tick, 2.0, 'A');
	EXPECT_INT(bide_sleep(1), 0);
	bide_task *b = bide_spawn(tick, 1.0, 'B'); /* the same deadline, created later */
	bide_task *c = bide_spawn(tick, 0.5, 'C');
	EXPECT_INT(bide_join(b), 0);
	EXPECT_INT(bide_join(a), 0);
	EXPECT_INT(bide_join(c), 0);
	EXPECT_STR(trace, "CAB");
}

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

/* Sleeps all delays at once and expects them to end in the order of their exact values, equal ones
 * in the order of creation. */
static void expect_ascending(int n)
{
	static bide_task *tasks[MANY];
	nended = 0;
	for (int i = 0; i < n; i++)
		tasks[i] = bide_spawn(sleep_nth, i);
	EXPECT_INT(bide_gather(tasks, (size_t)n, NULL), 0);
	EXPECT_INT(nended, n);
	for (int i = 1; i < nended; i++) {
		int a = ended[i - 1], b = ended[i];
		if (!EXPECT(delays[a] < delays[b] || (delays[a] == delays[b] && a < b)))
			break;
	}
}

VIRTUAL_TEST(time_order_of_random_delays_is_ascending)
{
	for (int i = 0; i < MANY; i++)
		delays[i] = bide_uniform(0, 10);
	expect_ascending(MANY);
}

VIRTUAL_TEST(time_order_of_delays_a_picosecond_apart_is_ascending)
{
	for (int i = 0; i < MANY; i++)
		delays[i] = 1 + ((i * 7919) % MANY) * 1e-12;
	expect_ascending(MANY);
	EXPECT(elapsed() < 1 + 3e-9);
}

VIRTUAL_TEST(time_order_of_delays_as_close_as_doubles_are_is_ascending)
{
	delays[MANY - 1] = 3;
	for (int i = MANY - 2; i >= 0; i--)
		delays[i] = nextafter(delays[i + 1], 4);
	expect_ascending(MANY);
	delays[MANY - 1] = 1e-9;
	for (int i = MANY - 2; i >= 0; i--)
		delays[i] = nextafter(delays[i + 1], 1);
	expect_ascending(MANY);
}

VIRTUAL_TEST(time_order_of_delays_about_a_nanosecond_is_ascending)
{
	for (int i = 0; i < MANY; i++)
		delays[i] = 1e-9 * ((i * 7919) % 40) / 8 + 1e-12;
	expect_ascending(MANY);
}

/* Sleeps may differ by less than a nanosecond and begin in different turns. */
VIRTUAL_TEST(time_order_below_a_nanosecond_holds_across_turns)
{
	bide_task *a = bide_spawn(tick, 2.0 + 2e-12, 'A');
	EXPECT_INT(bide_sleep(1), 0);
	bide_task *b = bide_spawn(tick, 1.0 + 1e-12, 'B');
	bide_task *c = bide_spawn(tick, 1.0 + 3e-12, 'C');
	bide_task *tasks[] = { a, b, c };
	EXPECT_INT(bide_gather(tasks, 3, NULL), 0);
	EXPECT_STR(trace, "BAC");
}

VIRTUAL_TEST(time_order_is_kept_when_sleeps_are_cancelled_in_between)
{
	static bide_task *tasks[200];
	nended = 0;
	for (int i = 0; i < 200; i++) {
		delays[i] = (double)((i * 79) % 200) + 1;
		tasks[i] = bide_spawn(sleep_nth, i);
	}
	EXPECT_INT(bide_yield(), 0);
	for (int i = 0; i < 200; i += 3)
		bide_cancel(tasks[i]);
	EXPECT_INT(bide_gather_collect(tasks, 200, NULL, NULL), 67);
	EXPECT_INT(nended, 200);
	for (int i = 68; i < nended; i++)
		if (!EXPECT(delays[ended[i - 1]] < delays[ended[i]]))
			break;
}

/* ---- bide_now and bide_time --------------------------------------------------------------- */

VIRTUAL_TEST(time_now_and_time_are_one_on_the_virtual_clock)
{
	EXPECT_DOUBLE(bide_now(), bide_time());
	EXPECT_INT(bide_sleep(1.5), 0);
	EXPECT_DOUBLE(bide_now(), bide_time());
	EXPECT_ELAPSED(1.5);
}

VIRTUAL_TEST(time_stands_still_while_tasks_are_ready)
{
	bide_task *task = bide_spawn(tick, 1e-9, 'A');
	for (int i = 0; i < 1000; i++)
		EXPECT_INT(bide_yield(), 0);
	EXPECT_STR(trace, "");
	EXPECT_ELAPSED(0.0);
	EXPECT_INT(bide_join(task), 0);
	EXPECT_ELAPSED(1e-9);
}

/* ---- random numbers ----------------------------------------------------------------------- */

static double drawn[4][8];

VIRTUAL_TEST(time_centuries_on_a_later_deadline_is_still_later)
{
	static int rc;

	EXPECT_INT(bide_sleep(9.9e9), 0);
	BIDE_TIMEOUT(9.9e9, rc) {
		EXPECT_INT(bide_sleep(1), 0);
	}
	EXPECT_INT(rc, 0);
	EXPECT(fabs(elapsed() - (9.9e9 + 1)) < 0.001);
}

static BIDE_ASYNC_LIGHT(int, draw, int);
static int draw(int n)
{
	for (int i = 0; i < 8; i++) {
		drawn[n][i] = bide_uniform(-3, 5);
		EXPECT(drawn[n][i] >= -3 && drawn[n][i] <= 5);
		EXPECT_INT(bide_yield(), 0);
	}
	return 0;
}

static BIDE_ASYNC(void, draw_two, int);
static void draw_two(int n)
{
	bide_task *tasks[] = { bide_spawn(draw, n), bide_spawn(draw, n + 1) };
	EXPECT_INT(bide_gather(tasks, 2, NULL), 0);
	EXPECT(memcmp(drawn[n], drawn[n + 1], sizeof drawn[n]) != 0);
}

TEST(time_seeded_runs_draw_the_same_numbers)
{
	bide_options options = { .backend = BIDE_BACKEND_VIRTUAL, .seed = 42 };
	CHECK_INT(bide_try_run(&options, NULL, draw_two, 0), 0);
	CHECK_INT(bide_try_run(&options, NULL, draw_two, 2), 0);
	CHECK_MEM(drawn[0], drawn[2], 2 * sizeof drawn[0]);
	options.seed = 43;
	CHECK_INT(bide_try_run(&options, NULL, draw_two, 2), 0);
	CHECK(memcmp(drawn[0], drawn[2], sizeof drawn[0]) != 0);
}
