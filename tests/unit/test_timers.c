// SPDX-License-Identifier: MIT
/* Armed timers: those due soon, in the heap, and the others, in buckets. There must be thousands
 * before there are buckets, so the tests of these begin with a crowd. What is in which bucket is
 * not looked at: only what comes out, when, and what memory that takes. */
#include "harness/test.h"

#include "base/alloc.h"
#include "base/random.h"
#include "base/timers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define HOUR (3600 * SECOND)
#define YEAR (8766 * HOUR)

/* What a bucket spans, by level. */
static const uint64_t SPANS[] = { UINT64_C(1) << 22, UINT64_C(1) << 34, UINT64_C(1) << 46,
	                          UINT64_C(1) << 58 };

enum { NSPANS = sizeof SPANS / sizeof *SPANS, CROWD = 5000 };

static struct bide__timers timers;
static struct bide__timer crowd[CROWD];
static struct bide__random generator;

static void arm(struct bide__timer *timer, uint64_t now, uint64_t deadline)
{
	CHECK_INT(bide__timers_reserve(&timers, now), 0);
	bide__timers_arm(&timers, timer, deadline);
}

/* So many timers, all due at one time, that the next ones are put into buckets. */
static void begin_with_crowd(uint64_t now, uint64_t deadline)
{
	bide__timers_init(&timers);
	memset(crowd, 0, sizeof crowd);
	for (int i = 0; i < CROWD; i++)
		arm(&crowd[i], now, deadline);
}

static void crowd_leaves(void)
{
	for (int i = 0; i < CROWD; i++)
		bide__timers_disarm(&timers, &crowd[i]);
}

/* Takes out the next timer, at the time at which it is due. */
static struct bide__timer *next_due(void)
{
	return bide__timers_pop(&timers, bide__timers_deadline(&timers));
}

static bool none_left(void)
{
	CHECK_RET(bide__timers_count(&timers) == 0, false);
	CHECK_RET(bide__timers_deadline(&timers) == UINT64_MAX, false);
	CHECK_RET(bide__timers_soonest(&timers) == UINT64_MAX, false);
	CHECK_RET(bide__timers_pop(&timers, UINT64_MAX) == NULL, false);
	return true;
}

/* ---- Few timers ----------------------------------------------------------------------------- */

TEST(without_timers_nothing_is_due)
{
	bide__timers_init(&timers);
	CHECK(none_left());
	bide__timers_finish(&timers);
	CHECK(none_left());
}

TEST(a_timer_is_armed_until_it_is_popped_and_not_popped_before_it_is_due)
{
	struct bide__timer timer = { .kind = 5 };

	bide__timers_init(&timers);
	arm(&timer, 0, 7);
	CHECK(bide__timer_armed(&timer));
	CHECK_UINT(bide__timers_count(&timers), 1);
	CHECK_UINT(bide__timers_soonest(&timers), 7);
	CHECK_UINT(bide__timers_deadline(&timers), 7);
	CHECK_UINT(bide__timers_deadline_of(&timers, &timer), 7);
	CHECK_NULL(bide__timers_pop(&timers, 6));
	CHECK_PTR(bide__timers_pop(&timers, 7), &timer);
	CHECK(!bide__timer_armed(&timer));
	CHECK_UINT(timer.kind, 5);
	CHECK(none_left());
	bide__timers_finish(&timers);
}

TEST(a_timer_due_at_the_end_of_time_is_popped_then)
{
	struct bide__timer timer = { 0 };

	bide__timers_init(&timers);
	arm(&timer, 0, UINT64_MAX);
	CHECK_NULL(bide__timers_pop(&timers, UINT64_MAX - 1));
	CHECK_PTR(bide__timers_pop(&timers, UINT64_MAX), &timer);
	CHECK(none_left());
	bide__timers_finish(&timers);
}

/* ---- Many timers ---------------------------------------------------------------------------- */

TEST(a_timer_far_away_is_popped_when_it_is_due_and_not_before)
{
	struct bide__timer timer = { 0 };

	for (int i = 0; i < NSPANS; i++) {
		uint64_t deadline = 12 * SPANS[i] + 5;

		begin_with_crowd(0, UINT64_MAX);
		timer.kind = 5;
		arm(&timer, 0, deadline);
		CHECK(bide__timer_armed(&timer));
		CHECK_UINT(timer.kind, 5);
		CHECK_UINT(bide__timers_count(&timers), CROWD + 1);
		CHECK_UINT(bide__timers_deadline_of(&timers, &timer), deadline);
		CHECK_NULL(bide__timers_pop(&timers, deadline - 1));
		CHECK_UINT(bide__timers_deadline_of(&timers, &timer), deadline);
		CHECK_UINT(timer.kind, 5);
		CHECK_PTR(bide__timers_pop(&timers, deadline), &timer);
		CHECK(!bide__timer_armed(&timer));
		CHECK_UINT(timer.kind, 5);
		CHECK_UINT(bide__timers_count(&timers), CROWD);
		bide__timers_finish(&timers);
	}
}

/* Each deadline a multiple of `step`, armed in no order. */
static void come_out_in_order(uint64_t start, uint64_t step)
{
	enum { N = 20000 };
	static struct bide__timer many[N];

	bide__timers_init(&timers);
	for (uint64_t i = 0; i < N; i++)
		arm(&many[i * 7919 % N], start, start + i * 7919 % N * step);
	for (uint64_t i = 0; i < N; i++) {
		CHECK_UINT(bide__timers_deadline(&timers), start + i * step);
		CHECK_PTR(bide__timers_pop(&timers, start + i * step), &many[i]);
	}
	CHECK(none_left());
	bide__timers_finish(&timers);
}

TEST(timers_come_out_by_deadline_however_far_apart_they_are)
{
	static const uint64_t steps[] = {
		1, 1000, MS, 7 * MS, SECOND, 60 * SECOND, HOUR, 24 * HOUR
	};

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		come_out_in_order(0, steps[i]);
		come_out_in_order(3 * YEAR + 1234567, steps[i]);
	}
	for (int i = 0; i < 2; i++) {
		come_out_in_order(0, SPANS[i]);
		come_out_in_order(SPANS[i + 2], SPANS[i] + 1);
		come_out_in_order(SPANS[i + 1] - 1, SPANS[i] - 1);
	}
}

TEST(timers_at_the_edges_of_buckets_come_out_by_deadline)
{
	enum { MULTIPLES = 40, N = NSPANS * MULTIPLES * 3 };
	static struct bide__timer many[N];
	uint64_t last = 0;
	int n = 0;

	begin_with_crowd(0, UINT64_MAX);
	for (int i = 0; i < NSPANS; i++)
		for (uint64_t multiple = 1; multiple <= MULTIPLES; multiple++)
			for (uint64_t edge = 0; edge < 3; edge++)
				arm(&many[n++], 0, multiple * SPANS[i] + edge - 1);
	CHECK_INT(n, N);
	for (; n > 0; n--) {
		uint64_t deadline = bide__timers_deadline(&timers);
		struct bide__timer *timer;

		CHECK(deadline >= last);
		last = deadline;
		CHECK_NULL(bide__timers_pop(&timers, deadline - 1));
		timer = bide__timers_pop(&timers, deadline);
		CHECK(timer >= many && timer < many + N);
	}
	CHECK_UINT(last, MULTIPLES * SPANS[NSPANS - 1] + 1);
	CHECK_UINT(bide__timers_count(&timers), CROWD);
	bide__timers_finish(&timers);
}

TEST(timers_come_out_by_deadline_up_to_the_end_of_time)
{
	enum { N = 6 };
	static const uint64_t from_end[N] = { 300 * YEAR, YEAR, HOUR, SECOND, 1, 0 };
	struct bide__timer many[N] = { { 0 } };

	for (int start = 0; start < N; start++) {
		uint64_t now = UINT64_MAX - from_end[start];

		begin_with_crowd(now, now);
		for (int i = N - 1; i >= start; i--)
			arm(&many[i], now, UINT64_MAX - from_end[i]);
		crowd_leaves();
		for (int i = start; i < N; i++) {
			CHECK_UINT(bide__timers_deadline(&timers), UINT64_MAX - from_end[i]);
			CHECK_PTR(bide__timers_pop(&timers, UINT64_MAX - from_end[i]), &many[i]);
		}
		CHECK(none_left());
		bide__timers_finish(&timers);
	}
}

TEST(equal_deadlines_come_out_in_order_of_creation_wherever_they_waited)
{
	enum { N = 20 };
	struct bide__timer many[N] = { { 0 } };
	const uint64_t deadline = 50 * HOUR;
	uint64_t now = 0;

	/* The first from the heap, then ones that had to be brought nearer less and less often. */
	bide__timers_init(&timers);
	arm(&many[0], 0, deadline);
	for (int i = 0; i < CROWD; i++)
		arm(&crowd[i], 0, deadline + HOUR);
	for (int i = 1; i < N; i++) {
		arm(&many[i], now, deadline);
		now = deadline - (deadline - now) / 4;
		CHECK_NULL(bide__timers_pop(&timers, now));
	}
	for (int i = 0; i < N; i++)
		CHECK_PTR(bide__timers_pop(&timers, deadline), &many[i]);
	CHECK_NULL(bide__timers_pop(&timers, deadline));
	bide__timers_finish(&timers);
}

TEST(fractions_of_a_nanosecond_come_before_creation_far_away_too)
{
	static const uint64_t fractions[] = { 9, UINT64_MAX, 0, 9, 5 };
	static const int order[] = { 2, 4, 0, 3, 1 };
	struct bide__fine_timer fine[5];
	struct bide__timer plain = { 0 };

	begin_with_crowd(0, 2 * YEAR);
	arm(&plain, 0, YEAR);
	for (int i = 0; i < 5; i++) {
		fine[i] = (struct bide__fine_timer){ fractions[i], { .kind = BIDE__TIMER_FINE } };
		arm(&fine[i].timer, 0, YEAR);
	}
	/* The largest fraction is as late as none; there creation decides. */
	for (int i = 0; i < 4; i++)
		CHECK_PTR(next_due(), &fine[order[i]].timer);
	CHECK_PTR(next_due(), &plain);
	CHECK_PTR(next_due(), &fine[order[4]].timer);
	CHECK_UINT(fine[order[4]].timer.kind, BIDE__TIMER_FINE);
	bide__timers_finish(&timers);
}

TEST(a_timer_armed_sooner_than_what_was_brought_near_comes_first)
{
	struct bide__timer far = { 0 }, sooner = { 0 }, soonest = { 0 };

	begin_with_crowd(0, 0);
	arm(&far, 0, 50 * HOUR);
	crowd_leaves();
	CHECK_UINT(bide__timers_deadline(&timers), 50 * HOUR);
	arm(&sooner, 0, HOUR);
	CHECK_UINT(bide__timers_deadline(&timers), HOUR);
	arm(&soonest, 0, SECOND);
	CHECK_UINT(bide__timers_deadline(&timers), SECOND);
	CHECK_PTR(next_due(), &soonest);
	CHECK_PTR(next_due(), &sooner);
	CHECK_PTR(next_due(), &far);
	CHECK(none_left());
	bide__timers_finish(&timers);
}

TEST(after_a_pop_that_found_nothing_nothing_seems_due)
{
	struct bide__timer timer = { 0 }, cancelled = { 0 };

	/* Else the loop would begin a turn after each lap, to look again. */
	for (int i = 0; i < NSPANS; i++) {
		uint64_t begin = 8 * SPANS[i];

		begin_with_crowd(0, UINT64_MAX);
		arm(&timer, 0, begin + SPANS[i] / 2);
		arm(&cancelled, 0, begin + 1);
		CHECK(bide__timers_soonest(&timers) <= begin + 1);
		bide__timers_disarm(&timers, &cancelled);
		CHECK_NULL(bide__timers_pop(&timers, begin + 2));
		CHECK(bide__timers_soonest(&timers) > begin + 2);
		CHECK(bide__timers_soonest(&timers) <= begin + SPANS[i] / 2);
		CHECK_UINT(bide__timers_deadline(&timers), begin + SPANS[i] / 2);
		CHECK_UINT(bide__timers_soonest(&timers), begin + SPANS[i] / 2);
		bide__timers_disarm(&timers, &timer);
		bide__timers_finish(&timers);
	}
}

/* ---- Disarming ------------------------------------------------------------------------------ */

TEST(a_timer_far_away_is_disarmed_once)
{
	struct bide__timer kept = { 0 }, gone = { .kind = 3 };

	begin_with_crowd(0, UINT64_MAX);
	for (int i = 0; i < NSPANS; i++) {
		arm(&gone, 0, 10 * SPANS[i]);
		arm(&kept, 0, 10 * SPANS[i]);
		bide__timers_disarm(&timers, &gone);
		CHECK(!bide__timer_armed(&gone));
		CHECK_UINT(gone.kind, 3);
		CHECK_UINT(bide__timers_count(&timers), CROWD + 1);
		bide__timers_disarm(&timers, &gone);
		CHECK_UINT(bide__timers_count(&timers), CROWD + 1);
		CHECK_PTR(bide__timers_pop(&timers, 11 * SPANS[i]), &kept);
		CHECK_NULL(bide__timers_pop(&timers, 11 * SPANS[i]));
	}
	crowd_leaves();
	CHECK(none_left());
	bide__timers_finish(&timers);
}

TEST(a_timer_far_away_that_is_armed_again_counts_as_created_anew)
{
	struct bide__timer a = { 0 }, b = { 0 };

	begin_with_crowd(0, 2 * HOUR);
	arm(&a, 0, HOUR);
	arm(&b, 0, HOUR);
	bide__timers_disarm(&timers, &a);
	arm(&a, 0, HOUR);
	CHECK_PTR(next_due(), &b);
	CHECK_PTR(next_due(), &a);
	bide__timers_finish(&timers);
}

TEST(when_all_far_away_are_disarmed_the_next_deadline_is_the_heaps)
{
	enum { N = 1000 };
	static struct bide__timer many[N];

	begin_with_crowd(0, YEAR);
	for (int i = 0; i < N; i++)
		arm(&many[i], 0, (uint64_t)(i + 1) * SECOND);
	for (int i = 0; i < N; i++)
		bide__timers_disarm(&timers, &many[i]);
	CHECK_UINT(bide__timers_count(&timers), CROWD);
	CHECK(bide__timers_soonest(&timers) <= YEAR);
	CHECK_UINT(bide__timers_deadline(&timers), YEAR);
	CHECK_UINT(bide__timers_soonest(&timers), YEAR);
	crowd_leaves();
	CHECK(none_left());
	bide__timers_finish(&timers);
}

TEST(when_all_are_disarmed_there_is_no_next_deadline)
{
	struct bide__timer timer = { 0 };

	begin_with_crowd(0, SECOND);
	arm(&timer, 0, HOUR);
	crowd_leaves();
	bide__timers_disarm(&timers, &timer);
	CHECK(none_left());
	bide__timers_finish(&timers);
}

TEST(buckets_begin_anew_without_what_was_disarmed_in_them)
{
	struct bide__timer timer = { 0 };

	begin_with_crowd(0, 0);
	arm(&timer, 0, HOUR);
	bide__timers_disarm(&timers, &timer);
	CHECK_INT(bide__timers_reserve(&timers, 2 * HOUR), 0);
	crowd_leaves();
	CHECK_UINT(bide__timers_soonest(&timers), UINT64_MAX);
	CHECK(none_left());
	bide__timers_finish(&timers);
}

TEST(timers_still_armed_at_the_end_are_forgotten_and_others_can_be_armed)
{
	static struct bide__timer again[CROWD];
	struct bide__timer timer = { 0 };

	begin_with_crowd(0, HOUR);
	arm(&timer, 0, HOUR);
	bide__timers_finish(&timers);
	CHECK(bide__timer_armed(&timer));
	CHECK(none_left());
	for (int i = 0; i < CROWD; i++)
		arm(&again[i], 0, SECOND + (uint64_t)i);
	for (int i = 0; i < CROWD; i++)
		CHECK_PTR(next_due(), &again[i]);
	CHECK(none_left());
	bide__timers_finish(&timers);
}

/* ---- Numbers run out ------------------------------------------------------------------------ */

TEST(order_of_creation_is_kept_far_away_when_the_numbers_run_out)
{
	enum { N = 20000, BEFORE = 12000 };
	static struct bide__timer many[N];

	bide__timers_init(&timers);
	timers.heap.next_seq = UINT32_MAX - BEFORE;
	for (int i = 0; i < N; i++)
		arm(&many[i], 0, (uint64_t)(1 + i % 5) * HOUR);
	CHECK_UINT(timers.heap.next_seq, N);
	for (int hour = 0; hour < 5; hour++)
		for (int i = hour; i < N; i += 5)
			CHECK_PTR(next_due(), &many[i]);
	CHECK(none_left());
	bide__timers_finish(&timers);
}

/* ---- Memory --------------------------------------------------------------------------------- */

enum { MANY = 40000 };

static struct bide__timer many_timers[MANY];

/* Arms timers `step` apart and takes them all out, without memory for anything but reservations
 * from the timer `poor` on. Returns how many reservations failed at first. */
static int arm_and_pop_many(uint64_t step, int poor)
{
	int failures = 0;

	bide__timers_init(&timers);
	for (int i = 0; i < MANY; i++) {
		if (i >= poor)
			bide__alloc_hook.countdown = 1;
		if (bide__timers_reserve(&timers, 0) < 0) {
			failures++;
			CHECK_RET(bide__timers_count(&timers) == (size_t)i, -1);
			CHECK_RET(bide__timers_reserve(&timers, 0) == 0, -1);
		}
		if (i >= poor)
			bide__alloc_hook.countdown = 1;
		bide__timers_arm(&timers, &many_timers[i * 7919L % MANY],
		                 (uint64_t)(1 + i * 7919L % MANY) * step);
	}
	for (int i = 0; i < MANY; i++) {
		uint64_t deadline = (uint64_t)(1 + i) * step;

		if (poor < MANY)
			bide__alloc_hook.countdown = 1;
		CHECK_RET(bide__timers_deadline(&timers) == deadline, -1);
		CHECK_RET(bide__timers_pop(&timers, deadline) == &many_timers[i], -1);
	}
	CHECK_RET(none_left(), -1);
	bide__timers_finish(&timers);
	return failures;
}

TEST(every_request_for_memory_can_fail_and_the_timers_stay_in_order)
{
	static const uint64_t steps[] = { MS / 10, MS, 100 * MS, 60 * SECOND };

	TEST_TIMEOUT(300);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		long k = 0;

		do {
			int failures;

			bide__alloc_arm(++k);
			failures = arm_and_pop_many(steps[i], MANY);
			CHECK(failures == 0 || failures == 1);
			CHECK_INT(bide__alloc_hook.live, 0);
		} while (bide__alloc_hook.failures > 0);
		/* The heap asks five times, then there are the buckets. */
		CHECK(k > 7);
		CHECK(k < 40);
	}
}

TEST(without_memory_for_buckets_the_heap_takes_all)
{
	bide__alloc_arm(0);
	CHECK_INT(arm_and_pop_many(SECOND, 0), 2);
	CHECK(bide__alloc_hook.failures > 1000);
	CHECK_INT(bide__alloc_hook.live, 0);
}

TEST(without_memory_for_more_chunks_the_heap_takes_the_others)
{
	bide__alloc_arm(0);
	CHECK_INT(arm_and_pop_many(100 * SECOND, CROWD), 3);
	CHECK(bide__alloc_hook.failures > 1000);
	CHECK_INT(bide__alloc_hook.live, 0);
}

TEST(what_is_reserved_stays_reserved)
{
	enum { N = 20000 };
	static struct bide__timer many[N];

	bide__timers_init(&timers);
	for (int i = 0; i < N; i++)
		arm(&many[i], 0, (uint64_t)i * SECOND);
	for (int i = 0; i < N; i++)
		bide__timers_disarm(&timers, &many[i]);
	bide__alloc_arm(0);
	for (int i = 0; i < N; i++) {
		bide__alloc_hook.countdown = 1;
		bide__timers_arm(&timers, &many[i * 7919 % N], (uint64_t)i * SECOND);
	}
	for (uint64_t i = 0; i < N; i++)
		CHECK_PTR(next_due(), &many[i * 7919 % N]);
	bide__timers_finish(&timers);
}

TEST(more_timers_than_can_be_numbered_are_refused)
{
	bide__timers_init(&timers);
	timers.heap.count = timers.heap.capacity = BIDE__HEAP_MAX;
	CHECK_INT(bide__timers_reserve(&timers, 0), -ENOMEM);
	timers.heap.count = timers.heap.capacity = 0;
	bide__timers_finish(&timers);
}

/* Of each lot of 62 one stays: without closing holes a thousand bytes would stay with it. */
TEST(holes_are_closed_before_they_take_more_memory_than_timers)
{
	enum { LOTS = 3000, LOT = 62 };
	static struct bide__timer stays[LOTS], goes[LOT];
	unsigned long before;

	begin_with_crowd(0, UINT64_MAX);
	for (int i = 0; i < LOTS; i++)
		arm(&stays[i], 0, HOUR);
	for (int i = 0; i < LOTS; i++)
		bide__timers_disarm(&timers, &stays[i]);
	bide__alloc_arm(0);
	before = bide__alloc_hook.attempts;
	for (int i = 0; i < LOTS; i++) {
		arm(&stays[i], 0, HOUR + (uint64_t)i);
		for (int j = 0; j < LOT - 1; j++)
			arm(&goes[j], 0, HOUR);
		for (int j = 0; j < LOT - 1; j++)
			bide__timers_disarm(&timers, &goes[j]);
	}
	/* Room for 256 chunks of 63 timers is there from the beginning, and enough. */
	CHECK_UINT(bide__alloc_hook.attempts - before, 0);
	CHECK_UINT(bide__timers_count(&timers), CROWD + LOTS);
	for (int i = 0; i < LOTS; i++)
		CHECK_PTR(next_due(), &stays[i]);
	bide__timers_finish(&timers);
}

/* Pages of this process with memory behind them; -1 when that cannot be said. */
static long resident_pages(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long resident = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%*d %ld", &resident) != 1)
		resident = -1;
	fclose(file);
	return resident;
}

/* Whether the memory of a million timers is gone when all but some of them are. */
static void memory_is_given_back(bool by_disarming, int left)
{
	enum { N = 1000000 };
	struct bide__timer *many = calloc(N, sizeof *many);
	const long page = sysconf(_SC_PAGESIZE);
	long full;

	TEST_TIMEOUT(120);
	CHECK(many);
	begin_with_crowd(0, 0);
	for (int i = 0; i < N; i++)
		arm(&many[i], 0, HOUR + (uint64_t)i * (MS / 10));
	crowd_leaves();
	full = resident_pages();
	if (full < 0)
		SKIP("/proc is not to be had here");
	for (int i = 0; i < N - left; i++)
		if (by_disarming)
			bide__timers_disarm(&timers, &many[i]);
		else
			CHECK_PTR(next_due(), &many[i]);
	CHECK(full - resident_pages() > N * 16L / page / 2);
	for (int i = N - left; i < N; i++)
		CHECK_PTR(next_due(), &many[i]);
	CHECK(none_left());
	bide__timers_finish(&timers);
	free(many);
}

TEST(memory_is_given_back_when_all_have_been_popped)
{
	memory_is_given_back(false, 0);
}

TEST(memory_is_given_back_when_all_have_been_disarmed)
{
	memory_is_given_back(true, 0);
}

TEST(memory_is_given_back_when_most_have_been_popped)
{
	memory_is_given_back(false, 100000);
}

TEST(memory_is_given_back_when_most_have_been_disarmed)
{
	memory_is_given_back(true, 100000);
}

/* So few that none is taken for a hole too many before the last one: that closes all. */
TEST(memory_is_given_back_when_the_last_hole_closes_all)
{
	enum { N = 4097, OTHERS = 100000 };
	static struct bide__timer many[N], others[OTHERS];
	const long page = sysconf(_SC_PAGESIZE);
	long full;

	begin_with_crowd(0, 0);
	for (int i = 0; i < OTHERS; i++)
		arm(&others[i], 0, HOUR);
	for (int i = 0; i < N; i++)
		arm(&many[i], 0, 2 * HOUR);
	crowd_leaves();
	for (int i = 0; i < OTHERS; i++)
		CHECK_PTR(next_due(), &others[i]);
	full = resident_pages();
	if (full < 0)
		SKIP("/proc is not to be had here");
	for (int i = 0; i < N; i++)
		bide__timers_disarm(&timers, &many[i]);
	CHECK(full - resident_pages() > OTHERS * 16L / page * 3 / 4);
	CHECK(none_left());
	bide__timers_finish(&timers);
}

/* ---- Time ----------------------------------------------------------------------------------- */

/* Timers that all lie far away, at once and one by one; what would look at each of them more than a
 * few times would not come to an end here. */
static void all_far_away(uint64_t from, uint64_t span, bool at_once)
{
	enum { N = 300000 };
	struct bide__timer *many = calloc(N, sizeof *many);
	uint64_t last = 0;

	TEST_TIMEOUT(60);
	CHECK(many);
	bide__random_seed(&generator, test_seed());
	bide__timers_init(&timers);
	for (int i = 0; i < N; i++)
		arm(&many[i], 0, from + bide__random_below(&generator, span));
	for (int i = 0; i < N; i++) {
		uint64_t deadline = bide__timers_deadline(&timers);

		CHECK(deadline >= last);
		last = deadline;
		CHECK(bide__timers_pop(&timers, at_once ? from + span : deadline));
	}
	CHECK(none_left());
	bide__timers_finish(&timers);
	free(many);
}

TEST(a_clock_that_jumps_over_all_timers_costs_little)
{
	all_far_away(10 * HOUR, HOUR, true);
	all_far_away(YEAR, YEAR, true);
}

TEST(timers_spread_over_hours_cost_little)
{
	all_far_away(HOUR, 40 * HOUR, false);
}

TEST(timers_spread_over_centuries_cost_little)
{
	all_far_away(HOUR, 300 * YEAR, false);
}
