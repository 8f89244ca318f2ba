// SPDX-License-Identifier: MIT
/* The timer heap. */
#include "harness/test.h"

#include "base/alloc.h"
#include "base/heap.h"
#include "base/random.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static struct bide__heap heap;
static struct bide__random generator;

static void push(struct bide__timer *timer, uint64_t deadline)
{
	CHECK_INT(bide__heap_reserve(&heap, 1), 0);
	bide__heap_push(&heap, timer, deadline);
}

static uint64_t fraction_of(const struct bide__timer *timer)
{
	if (!(timer->kind & BIDE__TIMER_FINE))
		return UINT64_MAX;
	return BIDE__CONTAINER(timer, struct bide__fine_timer, timer)->fraction;
}

/* The rule in its simplest form, for any timer in a heap. */
static bool due_before(uint32_t slot_a, uint32_t slot_b)
{
	const struct bide__heap_entry *a = &heap.entries[slot_a];
	const struct bide__heap_entry *b = &heap.entries[slot_b];
	uint64_t of_a = fraction_of(bide__heap_timer_of(a));
	uint64_t of_b = fraction_of(bide__heap_timer_of(b));

	if (a->deadline_ns != b->deadline_ns)
		return a->deadline_ns < b->deadline_ns;
	if (of_a != of_b)
		return of_a < of_b;
	return bide__heap_timer_of(a)->seq < bide__heap_timer_of(b)->seq;
}

/* Every invariant of the structure, seen from outside. */
static bool is_sound(void)
{
	uint32_t end = BIDE__HEAP_ROOT + heap.count;

	CHECK_RET(heap.count <= heap.capacity, false);
	for (uint32_t slot = BIDE__HEAP_ROOT; slot < end; slot++) {
		const struct bide__timer *timer = bide__heap_timer_of(&heap.entries[slot]);

		CHECK_RET(timer->index == slot, false);
		CHECK_RET(timer->seq < heap.next_seq, false);
		if (slot > BIDE__HEAP_ROOT)
			CHECK_RET(!due_before(slot, slot / 4 + 2), false);
	}
	return true;
}

/* ---- Single operations ---------------------------------------------------------------------- */

TEST(an_empty_heap_has_no_timer_and_no_deadline)
{
	CHECK(bide__heap_empty(&heap));
	CHECK_NULL(bide__heap_top(&heap));
	CHECK_NULL(bide__heap_pop(&heap));
	CHECK_UINT(bide__heap_deadline(&heap), UINT64_MAX);
	bide__heap_finish(&heap);
}

TEST(a_timer_is_armed_until_it_is_popped)
{
	struct bide__timer timer = { .kind = 5 };

	push(&timer, 5);
	CHECK(bide__timer_armed(&timer));
	CHECK(!bide__heap_empty(&heap));
	CHECK_PTR(bide__heap_top(&heap), &timer);
	CHECK_UINT(bide__heap_deadline(&heap), 5);
	CHECK_UINT(bide__heap_deadline_of(&heap, &timer), 5);
	CHECK_PTR(bide__heap_pop(&heap), &timer);
	CHECK(!bide__timer_armed(&timer));
	CHECK_UINT(timer.kind, 5);
	CHECK(bide__heap_empty(&heap));
	bide__heap_finish(&heap);
}

TEST(timers_come_out_by_deadline)
{
	static const uint64_t deadlines[] = { 50, 10, UINT64_MAX, 30, 0, 20, 40, UINT64_MAX - 1 };
	static const int order[] = { 4, 1, 5, 3, 6, 0, 7, 2 };
	struct bide__timer timers[8] = { { 0 } };

	for (int i = 0; i < 8; i++)
		push(&timers[i], deadlines[i]);
	for (int i = 0; i < 8; i++) {
		CHECK_UINT(bide__heap_deadline(&heap), deadlines[order[i]]);
		CHECK_PTR(bide__heap_pop(&heap), &timers[order[i]]);
	}
	bide__heap_finish(&heap);
}

TEST(equal_deadlines_come_out_in_order_of_creation)
{
	enum { N = 1000 };
	static struct bide__timer timers[N];

	for (int i = 0; i < N; i++)
		push(&timers[i], (uint64_t)(i % 3));
	for (int deadline = 0; deadline < 3; deadline++)
		for (int i = deadline; i < N; i += 3)
			CHECK_PTR(bide__heap_pop(&heap), &timers[i]);
	CHECK(bide__heap_empty(&heap));
	bide__heap_finish(&heap);
}

TEST(equal_deadlines_keep_their_order_when_others_are_removed)
{
	enum { N = 1000 };
	static struct bide__timer timers[N];

	for (int i = 0; i < N; i++)
		push(&timers[i], 7);
	for (int i = 0; i < N; i++)
		if (i % 7 != 0)
			bide__heap_remove(&heap, &timers[i * 379 % N]);
	for (int i = 0; i < N; i++)
		if (bide__timer_armed(&timers[i]))
			CHECK_PTR(bide__heap_pop(&heap), &timers[i]);
	CHECK(bide__heap_empty(&heap));
	bide__heap_finish(&heap);
}

TEST(a_timer_armed_again_counts_as_created_anew)
{
	struct bide__timer a = { 0 }, b = { 0 };

	push(&a, 1);
	push(&b, 1);
	bide__heap_remove(&heap, &a);
	push(&a, 1);
	CHECK_PTR(bide__heap_pop(&heap), &b);
	CHECK_PTR(bide__heap_pop(&heap), &a);
	bide__heap_finish(&heap);
}

TEST(fractions_of_a_nanosecond_come_before_creation_and_none_at_all_comes_last)
{
	static const uint64_t fractions[] = { 9, UINT64_MAX, 0, 9, 5 };
	static const int order[] = { 2, 4, 0, 3, 1 };
	struct bide__fine_timer fine[5];
	struct bide__timer plain = { 0 };
	struct bide__timer earlier = { 0 };

	push(&plain, 7);
	for (int i = 0; i < 5; i++) {
		fine[i] = (struct bide__fine_timer){ fractions[i], { .kind = BIDE__TIMER_FINE } };
		push(&fine[i].timer, 7);
	}
	push(&earlier, 6);
	CHECK(is_sound());
	CHECK_PTR(bide__heap_pop(&heap), &earlier);
	/* The largest fraction is as late as none; there creation decides. */
	for (int i = 0; i < 4; i++)
		CHECK_PTR(bide__heap_pop(&heap), &fine[order[i]].timer);
	CHECK_PTR(bide__heap_pop(&heap), &plain);
	CHECK_PTR(bide__heap_pop(&heap), &fine[order[4]].timer);
	bide__heap_finish(&heap);
}

TEST(removing_a_timer_that_is_not_armed_does_nothing)
{
	struct bide__timer a = { 0 }, b = { 0 };

	bide__heap_remove(&heap, &a);
	push(&b, 1);
	bide__heap_remove(&heap, &a);
	bide__heap_remove(&heap, &b);
	bide__heap_remove(&heap, &b);
	CHECK(bide__heap_empty(&heap));
	CHECK(!bide__timer_armed(&b));
	bide__heap_finish(&heap);
}

TEST(removing_the_first_uncovers_the_next)
{
	struct bide__timer timers[3] = { { 0 } };

	for (int i = 0; i < 3; i++)
		push(&timers[i], (uint64_t)i);
	bide__heap_remove(&heap, &timers[0]);
	CHECK_UINT(bide__heap_deadline(&heap), 1);
	bide__heap_remove(&heap, &timers[2]);
	CHECK_UINT(bide__heap_deadline(&heap), 1);
	bide__heap_remove(&heap, &timers[1]);
	CHECK_UINT(bide__heap_deadline(&heap), UINT64_MAX);
	bide__heap_finish(&heap);
}

/* ---- Against a model ------------------------------------------------------------------------ */

enum { MODEL_SIZE = 300 };

/* What the heap should hold: a list, searched in full. */
struct model_timer {
	struct bide__fine_timer fine; /* Used as a plain one too. */
	unsigned kind;
	uint64_t deadline;
	uint64_t created;
	bool armed;
};

static struct model_timer model[MODEL_SIZE];
static uint64_t created;

static bool model_before(const struct model_timer *a, const struct model_timer *b)
{
	uint64_t of_a = fraction_of(&a->fine.timer);
	uint64_t of_b = fraction_of(&b->fine.timer);

	if (a->deadline != b->deadline)
		return a->deadline < b->deadline;
	return of_a != of_b ? of_a < of_b : a->created < b->created;
}

static struct model_timer *model_first(void)
{
	struct model_timer *first = NULL;

	for (struct model_timer *m = model; m < model + MODEL_SIZE; m++) {
		if (!m->armed)
			continue;
		if (!first || model_before(m, first))
			first = m;
	}
	return first;
}

static void arm_or_remove(struct model_timer *m, uint64_t deadlines)
{
	CHECK_INT(bide__timer_armed(&m->fine.timer), m->armed);
	if (m->armed) {
		CHECK_UINT(bide__heap_deadline_of(&heap, &m->fine.timer), m->deadline);
		bide__heap_remove(&heap, &m->fine.timer);
	} else {
		m->kind = (unsigned)bide__random_below(&generator, 16);
		m->fine.timer.kind = m->kind & 15;
		m->fine.fraction = bide__random_below(&generator, 3);
		m->deadline = bide__random_below(&generator, deadlines);
		m->created = created++;
		push(&m->fine.timer, m->deadline);
	}
	m->armed = !m->armed;
}

static void pop_first(void)
{
	struct model_timer *first = model_first();

	CHECK_PTR(bide__heap_pop(&heap), first ? &first->fine.timer : NULL);
	if (first) {
		CHECK_UINT(first->fine.timer.kind, first->kind);
		first->armed = false;
	}
}

/* Random operations, compared with the model after each. Few different deadlines make many ties. */
static void compare_with_model(uint64_t deadlines, int steps)
{
	for (int i = 0; i < steps; i++) {
		struct model_timer *first;

		if (bide__random_below(&generator, 4) == 0)
			pop_first();
		else
			arm_or_remove(&model[bide__random_below(&generator, MODEL_SIZE)],
			              deadlines);
		first = model_first();
		CHECK_PTR(bide__heap_top(&heap), first ? &first->fine.timer : NULL);
		CHECK_UINT(bide__heap_deadline(&heap), first ? first->deadline : UINT64_MAX);
		CHECK(is_sound());
	}
	while (!bide__heap_empty(&heap))
		pop_first();
	CHECK_NULL(model_first());
}

TEST(random_operations_agree_with_a_model)
{
	bide__random_seed(&generator, test_seed());
	compare_with_model(3, 5000);
	compare_with_model(100, 5000);
	compare_with_model(UINT64_MAX, 5000);
	bide__heap_finish(&heap);
}

TEST(random_operations_agree_with_a_model_while_the_numbers_run_out_again_and_again)
{
	bide__random_seed(&generator, test_seed());
	for (uint32_t left = 0; left < 40; left++) {
		heap.next_seq = UINT32_MAX - left;
		compare_with_model(4, 200);
		CHECK(heap.next_seq < 1000);
	}
	bide__heap_finish(&heap);
}

/* ---- Numbers run out ------------------------------------------------------------------------ */

TEST(order_is_kept_when_the_numbers_run_out)
{
	enum { N = 5000, BEFORE = 3000 };
	static struct bide__timer timers[N];

	heap.next_seq = UINT32_MAX - BEFORE;
	for (int i = 0; i < N; i++)
		push(&timers[i], (uint64_t)(i % 5));
	CHECK_UINT(heap.next_seq, N);
	CHECK(is_sound());
	for (int deadline = 0; deadline < 5; deadline++)
		for (int i = deadline; i < N; i += 5)
			CHECK_PTR(bide__heap_pop(&heap), &timers[i]);
	bide__heap_finish(&heap);
}

TEST(an_empty_heap_starts_its_numbers_again)
{
	struct bide__timer a = { 0 }, b = { 0 };

	heap.next_seq = UINT32_MAX;
	push(&a, 1);
	push(&b, 1);
	CHECK_UINT(heap.next_seq, 2);
	CHECK_PTR(bide__heap_pop(&heap), &a);
	bide__heap_finish(&heap);
}

/* ---- Memory --------------------------------------------------------------------------------- */

static bool armed_and_sound(int count)
{
	CHECK_RET(heap.count == (uint32_t)count, false);
	return is_sound();
}

TEST(every_reservation_can_fail_and_leaves_the_heap_as_it_was)
{
	enum { N = 30000 };
	static struct bide__timer timers[N];
	int failures = 0;
	int armed = 0;

	bide__alloc_arm(0);
	while (armed < N) {
		bide__alloc_hook.countdown = 1;
		if (bide__heap_reserve(&heap, 1) < 0) {
			failures++;
			CHECK(armed_and_sound(armed));
			bide__alloc_hook.countdown = 0;
			CHECK_INT(bide__heap_reserve(&heap, 1), 0);
		}
		bide__heap_push(&heap, &timers[armed], (uint64_t)(N - armed));
		armed++;
	}
	/* Growing by doubling, it asks seldom. */
	CHECK(failures >= 3 && failures <= 5);
	CHECK_UINT(bide__alloc_hook.failures, (unsigned)failures);
	for (int i = N - 1; i >= 0; i--)
		CHECK_PTR(bide__heap_pop(&heap), &timers[i]);
	CHECK_INT(bide__alloc_hook.live, 1);
	bide__heap_finish(&heap);
	CHECK_INT(bide__alloc_hook.live, 0);
}

TEST(what_is_reserved_stays_reserved)
{
	enum { N = 20000 };
	static struct bide__timer timers[N];

	CHECK_INT(bide__heap_reserve(&heap, N), 0);
	bide__alloc_arm(1);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < N; i++)
			bide__heap_push(&heap, &timers[i], (uint64_t)(i * 7919 % N));
		for (int i = 0; i < N; i += 2)
			bide__heap_remove(&heap, &timers[i]);
		while (bide__heap_pop(&heap))
			;
	}
	CHECK_UINT(bide__alloc_hook.attempts, 0);
	bide__heap_finish(&heap);
}

TEST(more_timers_than_slots_have_numbers_are_refused)
{
	struct bide__timer timer = { 0 };

	CHECK_INT(bide__heap_reserve(&heap, BIDE__HEAP_MAX + (size_t)1), -ENOMEM);
	CHECK_INT(bide__heap_reserve(&heap, SIZE_MAX), -ENOMEM);
	push(&timer, 1);
	CHECK_INT(bide__heap_reserve(&heap, BIDE__HEAP_MAX), -ENOMEM);
	CHECK_INT(bide__heap_reserve(&heap, SIZE_MAX), -ENOMEM);
	CHECK_PTR(bide__heap_pop(&heap), &timer);
	bide__heap_finish(&heap);
}

/* Pages of the array with memory behind them; -1 when that cannot be said. */
static long resident_pages(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t pages = (heap.capacity + BIDE__HEAP_ROOT) * sizeof *heap.entries / page;
	unsigned char *state = malloc(pages);
	long resident = 0;

	CHECK_RET(state != NULL, -1);
	if (mincore(heap.entries, pages * page, state) < 0)
		resident = -1;
	for (size_t i = 0; i < pages && resident >= 0; i++)
		resident += state[i] & 1;
	free(state);
	return resident;
}

TEST(an_entry_takes_sixteen_bytes_and_memory_is_given_back)
{
	enum { N = 100000 };
	static struct bide__timer timers[N];
	const long page = sysconf(_SC_PAGESIZE);
	const long full = N * 16 / page;
	long resident;

	CHECK_INT(bide__heap_reserve(&heap, 10 * N), 0);
	for (int i = 0; i < N; i++)
		bide__heap_push(&heap, &timers[i], (uint64_t)i);
	resident = resident_pages();
	if (resident < 0)
		SKIP("mincore is not to be had here");
	CHECK(resident >= full);
	CHECK(resident <= full + 2);
	for (int i = 0; i < N - 1000; i++)
		CHECK_PTR(bide__heap_pop(&heap), &timers[i]);
	CHECK(is_sound());
	CHECK(resident_pages() < full / 4);
	CHECK(heap.touched < N / 4);
	for (int i = N - 1000; i < N; i++)
		CHECK_PTR(bide__heap_pop(&heap), &timers[i]);
	bide__heap_finish(&heap);
}

TEST(a_million_timers_are_set_and_cancelled_in_any_order)
{
	enum { N = 1000000 };
	struct bide__timer *timers = calloc(N, sizeof *timers);
	uint64_t last = 0;
	uint32_t left = N;

	TEST_TIMEOUT(120);
	CHECK(timers);
	bide__random_seed(&generator, test_seed());
	for (int i = 0; i < N; i++)
		push(&timers[i], bide__random_below(&generator, 10000000000U));
	for (int i = 0; i < N / 2; i++) {
		struct bide__timer *timer = &timers[bide__random_below(&generator, N)];

		left -= bide__timer_armed(timer);
		bide__heap_remove(&heap, timer);
	}
	CHECK_UINT(heap.count, left);
	CHECK(is_sound());
	for (; left > 0; left--) {
		CHECK(bide__heap_deadline(&heap) >= last);
		last = bide__heap_deadline(&heap);
		bide__heap_pop(&heap);
	}
	CHECK(bide__heap_empty(&heap));
	free(timers);
	bide__heap_finish(&heap);
}
