// SPDX-License-Identifier: MIT
/* Armed timers against a model: an array in the order in which they should come out. Deadlines are
 * near and far, dense and sparse, and so many that most timers are in buckets. */
#include "harness/test.h"

#include "base/random.h"
#include "base/timers.h"

#include <string.h>

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define HOUR (3600 * SECOND)
#define YEAR (8766 * HOUR)

/* What a bucket spans, by level. */
static const uint64_t SPANS[] = { UINT64_C(1) << 22, UINT64_C(1) << 34, UINT64_C(1) << 46,
	                          UINT64_C(1) << 58 };

enum { NSPANS = sizeof SPANS / sizeof *SPANS };

static struct bide__timers timers;
static struct bide__random generator;

/* ---- The model ------------------------------------------------------------------------------ */

enum { MODEL_SIZE = 12000 };

struct model_timer {
	struct bide__fine_timer fine; /* Used as a plain one too. */
	unsigned kind;
	uint64_t deadline;
	uint64_t created;
};

static struct model_timer model[MODEL_SIZE];
static struct model_timer *sorted[MODEL_SIZE];
static size_t nsorted;
static uint64_t created;
static uint64_t now;

static uint64_t fraction_of(const struct model_timer *m)
{
	return m->kind & BIDE__TIMER_FINE ? m->fine.fraction : UINT64_MAX;
}

static bool model_before(const struct model_timer *a, const struct model_timer *b)
{
	if (a->deadline != b->deadline)
		return a->deadline < b->deadline;
	if (fraction_of(a) != fraction_of(b))
		return fraction_of(a) < fraction_of(b);
	return a->created < b->created;
}

/* How many are before one. */
static size_t model_place(const struct model_timer *m)
{
	size_t low = 0, high = nsorted;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (model_before(sorted[middle], m))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void model_insert(struct model_timer *m)
{
	size_t place = model_place(m);

	memmove(sorted + place + 1, sorted + place, (nsorted - place) * sizeof *sorted);
	sorted[place] = m;
	nsorted++;
}

static void model_remove(struct model_timer *m)
{
	size_t place = model_place(m);

	nsorted--;
	memmove(sorted + place, sorted + place + 1, (nsorted - place) * sizeof *sorted);
}

static uint64_t model_deadline(void)
{
	return nsorted > 0 ? sorted[0]->deadline : UINT64_MAX;
}

/* ---- When timers are due -------------------------------------------------------------------- */

/* When a new timer is to be due. */
typedef uint64_t distribution(void);

static uint64_t later(uint64_t span)
{
	uint64_t by = bide__random_below(&generator, span);

	return by > UINT64_MAX - now ? UINT64_MAX : now + by;
}

static uint64_t in_a_bucket(void)
{
	return later(SPANS[0]);
}

static uint64_t in_seconds(void)
{
	return later(17 * SECOND);
}

static uint64_t in_hours(void)
{
	return later(30 * HOUR);
}

static uint64_t in_years(void)
{
	return later(50 * YEAR);
}

static uint64_t within_a_microsecond_of_a_second(void)
{
	return later(40 * SECOND) / SECOND * SECOND + bide__random_below(&generator, 3) * 1000;
}

static uint64_t around_an_edge(void)
{
	uint64_t span = SPANS[bide__random_below(&generator, NSPANS)];
	uint64_t limit = UINT64_MAX / span < 5000 ? UINT64_MAX / span : 5000;
	uint64_t edge = later(limit * span) / span * span;

	return edge - 1 + bide__random_below(&generator, 3);
}

static uint64_t any_power_of_two_away(void)
{
	return later(UINT64_C(1) << bide__random_below(&generator, 62));
}

static uint64_t in_the_past(void)
{
	return now - bide__random_below(&generator, now / 2 + 1);
}

static uint64_t near_the_end_of_time(void)
{
	return UINT64_MAX - bide__random_below(&generator, 1000) * MS;
}

static uint64_t in_any_way(void)
{
	static distribution *const ways[] = {
		in_a_bucket,
		in_seconds,
		in_hours,
		in_years,
		around_an_edge,
		within_a_microsecond_of_a_second,
		in_the_past,
		any_power_of_two_away,
		in_seconds,
		in_hours,
		near_the_end_of_time,
	};

	return ways[bide__random_below(&generator, sizeof ways / sizeof *ways)]();
}

/* ---- Operations ----------------------------------------------------------------------------- */

static void model_arm(struct model_timer *m, distribution *deadline)
{
	m->kind = (unsigned)bide__random_below(&generator, 16);
	m->fine.timer.kind = m->kind & 15;
	m->fine.fraction = bide__random_below(&generator, 3);
	m->deadline = deadline();
	m->created = created++;
	CHECK_INT(bide__timers_reserve(&timers, now), 0);
	bide__timers_arm(&timers, &m->fine.timer, m->deadline);
	model_insert(m);
}

static void model_disarm(struct model_timer *m)
{
	CHECK_UINT(bide__timers_deadline_of(&timers, &m->fine.timer), m->deadline);
	bide__timers_disarm(&timers, &m->fine.timer);
	CHECK_UINT(m->fine.timer.kind, m->kind);
	model_remove(m);
}

/* Returns whether there was one. */
static bool model_pop(void)
{
	struct model_timer *first = nsorted > 0 && sorted[0]->deadline <= now ? sorted[0] : NULL;
	struct bide__timer *popped = bide__timers_pop(&timers, now);

	CHECK_RET(popped == (first ? &first->fine.timer : NULL), false);
	if (!first) {
		CHECK_RET(bide__timers_soonest(&timers) > now || now == UINT64_MAX, false);
		return false;
	}
	CHECK_RET(!bide__timer_armed(popped), false);
	CHECK_RET(popped->kind == first->kind, false);
	model_remove(first);
	return true;
}

/* To when the next timer is due, as a virtual clock goes; or anywhere, as others may. */
static void clock_goes_on(void)
{
	uint64_t span = UINT64_C(1) << (10 + bide__random_below(&generator, 30));
	uint64_t step = bide__random_below(&generator, span);

	if (bide__random_below(&generator, 2) == 0 && nsorted > 0) {
		CHECK_UINT(bide__timers_deadline(&timers), model_deadline());
		now = now > model_deadline() ? now : model_deadline();
	} else if (step < UINT64_MAX - now) {
		now += step;
	}
}

/* All can be seen without changing anything, but for the deadline. */
static void model_compare(void)
{
	CHECK_UINT(bide__timers_count(&timers), nsorted);
	CHECK(bide__timers_soonest(&timers) <= model_deadline());
	if (nsorted > 0) {
		struct model_timer *m = sorted[bide__random_below(&generator, nsorted)];

		CHECK(bide__timer_armed(&m->fine.timer));
		CHECK_UINT(m->fine.timer.kind, m->kind);
		CHECK_UINT(bide__timers_deadline_of(&timers, &m->fine.timer), m->deadline);
	}
	if (bide__random_below(&generator, 50) == 0) {
		CHECK_UINT(bide__timers_deadline(&timers), model_deadline());
		CHECK_UINT(bide__timers_soonest(&timers), model_deadline());
	}
}

/* Random operations, of which `arms` in a hundred pick a timer to arm, and `pops` let time go on.
 * */
static void random_operations(distribution *deadline, unsigned arms, unsigned pops, int steps)
{
	for (int i = 0; i < steps; i++) {
		struct model_timer *m = &model[bide__random_below(&generator, MODEL_SIZE)];
		unsigned dice = (unsigned)bide__random_below(&generator, 100);

		if (dice < arms) {
			if (!bide__timer_armed(&m->fine.timer))
				model_arm(m, deadline);
		} else if (dice < arms + pops) {
			clock_goes_on();
			for (uint64_t n = bide__random_below(&generator, 20); n > 0; n--)
				if (!model_pop())
					break;
		} else if (nsorted > 0) {
			model_disarm(sorted[bide__random_below(&generator, nsorted)]);
		}
		model_compare();
	}
}

static void pop_all(void)
{
	for (int steps = 0; nsorted > 0; steps++) {
		CHECK(steps < 10 * MODEL_SIZE);
		if (!model_pop())
			clock_goes_on();
		model_compare();
	}
}

static void compare_with_model(uint64_t start, distribution *deadline)
{
	now = start;
	bide__timers_init(&timers);
	random_operations(deadline, 95, 0, 20000);
	random_operations(deadline, 60, 10, 10000);
	random_operations(deadline, 10, 10, 8000);
	random_operations(deadline, 80, 5, 10000);
	random_operations(deadline, 40, 20, 5000);
	pop_all();
	CHECK_UINT(bide__timers_count(&timers), 0);
	CHECK_UINT(bide__timers_deadline(&timers), UINT64_MAX);
	CHECK_NULL(bide__timers_pop(&timers, UINT64_MAX));
	bide__timers_finish(&timers);
}

/* ---- Tests ---------------------------------------------------------------------------------- */

TEST(random_operations_agree_with_a_model)
{
	static distribution *const ways[] = {
		in_a_bucket,    in_seconds,
		in_hours,       in_years,
		around_an_edge, within_a_microsecond_of_a_second,
		in_any_way,     any_power_of_two_away,
	};

	TEST_TIMEOUT(300);
	bide__random_seed(&generator, test_seed());
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		compare_with_model(0, ways[i]);
		compare_with_model(bide__random_below(&generator, YEAR), ways[i]);
	}
}

TEST(random_operations_agree_with_a_model_near_the_end_of_time)
{
	TEST_TIMEOUT(300);
	bide__random_seed(&generator, test_seed());
	compare_with_model(UINT64_MAX - 60 * YEAR, in_any_way);
	compare_with_model(UINT64_MAX - YEAR, in_any_way);
	compare_with_model(UINT64_MAX - SECOND, in_any_way);
}

TEST(random_operations_agree_with_a_model_while_the_numbers_run_out_again_and_again)
{
	TEST_TIMEOUT(300);
	bide__random_seed(&generator, test_seed());
	now = 0;
	bide__timers_init(&timers);
	random_operations(in_any_way, 100, 0, 10000);
	for (uint32_t left = 0; left < 40; left++) {
		timers.heap.next_seq = UINT32_MAX - left;
		random_operations(in_any_way, 70, 2, 400);
		CHECK(timers.heap.next_seq < 2 * MODEL_SIZE);
	}
	pop_all();
	CHECK_UINT(bide__timers_count(&timers), 0);
	CHECK_UINT(bide__timers_deadline(&timers), UINT64_MAX);
	CHECK_NULL(bide__timers_pop(&timers, UINT64_MAX));
	bide__timers_finish(&timers);
}
