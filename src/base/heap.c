// SPDX-License-Identifier: MIT
/* A 4-ary heap of timers. See heap.h for the layout.
 *
 * Invariants: no entry orders before its parent; entries[t->index] is the entry of t for every
 * armed t; no two armed timers have the same seq, and all are below next_seq. */
#include "heap.h"

#include "alloc.h"

#include <assert.h>

enum {
	ROOT = BIDE__HEAP_ROOT,
	ARITY = 4,
	FIRST_SLOTS = 4096, /* 64 KiB of addresses; what is not touched costs nothing. */
	TRIM_SLOTS = 4096,  /* Below this many touched slots no memory is given back. */
};

static inline uint32_t parent_of(uint32_t slot)
{
	return slot / ARITY + 2;
}

static inline uint32_t first_child_of(uint32_t slot)
{
	return (slot - 2) * ARITY;
}

/* A timer without a fraction is due at the end of its nanosecond. */
static inline uint64_t fraction_of(const struct bide__heap_entry *entry)
{
	const struct bide__timer *timer = bide__heap_timer_of(entry);

	if (!(entry->timer >> 60 & BIDE__TIMER_FINE))
		return UINT64_MAX;
	return BIDE__CONTAINER(timer, const struct bide__fine_timer, timer)->fraction;
}

__attribute__((noinline)) static bool before_on_tie(const struct bide__heap_entry *a,
                                                    const struct bide__heap_entry *b)
{
	uint64_t of_a = fraction_of(a);
	uint64_t of_b = fraction_of(b);

	if (of_a != of_b)
		return of_a < of_b;
	return bide__heap_timer_of(a)->seq < bide__heap_timer_of(b)->seq;
}

/* Whether a is due before b. The timers are read only on a tie: they are seldom in the cache. */
static inline bool before(const struct bide__heap_entry *a, const struct bide__heap_entry *b)
{
	if (__builtin_expect(a->deadline_ns == b->deadline_ns, 0))
		return before_on_tie(a, b);
	return a->deadline_ns < b->deadline_ns;
}

static inline void place(struct bide__heap *heap, uint32_t slot, struct bide__heap_entry entry)
{
	heap->entries[slot].deadline_ns = entry.deadline_ns;
	/* Two stores: gcc would put one of sixteen bytes together in memory and wait for that. */
	__asm__ volatile("");
	heap->entries[slot].timer = entry.timer;
	bide__timer_is_at(bide__heap_timer_of(&entry), slot, entry);
}

void bide__heap_finish(struct bide__heap *heap)
{
	if (heap->entries)
		bide__unmap(heap->entries, (heap->capacity + ROOT) * sizeof *heap->entries);
	*heap = (struct bide__heap){ 0 };
}

int bide__heap_grow(struct bide__heap *heap, size_t extra)
{
	const size_t entry_size = sizeof *heap->entries;
	size_t old_slots = heap->entries ? (size_t)heap->capacity + ROOT : 0;
	size_t slots = old_slots ? old_slots : FIRST_SLOTS;
	void *entries;

	if (extra > BIDE__HEAP_MAX - heap->count)
		return -ENOMEM;
	while (slots < heap->count + extra + ROOT)
		slots *= 2;
	entries = old_slots ? bide__remap(heap->entries, old_slots * entry_size, slots * entry_size)
	                    : bide__map(slots * entry_size);
	if (!entries)
		return -ENOMEM;
	heap->entries = entries;
	heap->capacity = (uint32_t)(slots - ROOT);
	return 0;
}

/* Moves the hole at slot towards the root until the entry may fill it. */
static void sift_up(struct bide__heap *heap, uint32_t slot, struct bide__heap_entry entry)
{
	while (slot > ROOT) {
		uint32_t parent = parent_of(slot);

		if (!before(&entry, &heap->entries[parent]))
			break;
		place(heap, slot, heap->entries[parent]);
		slot = parent;
	}
	place(heap, slot, entry);
}

/* The child that is due first, among those from slot child on that lie before end. A full family is
 * compared as a tournament, which compiles to conditional moves. */
static inline uint32_t least_child(const struct bide__heap *heap, uint32_t child, uint32_t end)
{
	const struct bide__heap_entry *e = heap->entries + child;
	uint32_t a, b;

	if (__builtin_expect(child + ARITY <= end, 1)) {
		a = before(&e[1], &e[0]);
		b = 2 + before(&e[3], &e[2]);
		return child + (before(&e[b], &e[a]) ? b : a);
	}
	a = 0;
	for (b = 1; child + b < end; b++)
		if (before(&e[b], &e[a]))
			a = b;
	return child + a;
}

/* Moves the hole at slot towards the leaves until the entry may fill it. */
static void sift_down(struct bide__heap *heap, uint32_t slot, struct bide__heap_entry entry)
{
	uint32_t end = ROOT + heap->count;
	uint32_t child;

	while ((child = first_child_of(slot)) < end) {
		child = least_child(heap, child, end);
		if (!before(&heap->entries[child], &entry))
			break;
		place(heap, slot, heap->entries[child]);
		slot = child;
	}
	place(heap, slot, entry);
}

/* Takes a timer that is armed out; the last entry fills its slot and moves to where it belongs. */
static inline void take_out(struct bide__heap *heap, struct bide__timer *timer)
{
	uint32_t slot = timer->index;
	uint32_t end = ROOT + --heap->count;
	struct bide__heap_entry last = heap->entries[end];

	timer->index = 0;
	if (slot == end)
		return;
	if (slot > ROOT && before(&last, &heap->entries[parent_of(slot)]))
		sift_up(heap, slot, last);
	else
		sift_down(heap, slot, last);
}

/* Numbers the armed timers afresh from 0, in their order, when the numbers have run out. Sorted in
 * place, because a push cannot fail: taken out one by one, each into the slot that has just become
 * free at the end, the entries lie in descending order; turned round they are a heap again. */
static void renumber(struct bide__heap *heap)
{
	uint32_t count = heap->count;

	while (heap->count > 0) {
		struct bide__heap_entry first = heap->entries[ROOT];

		take_out(heap, bide__heap_timer_of(&first));
		heap->entries[ROOT + heap->count] = first;
	}
	for (uint32_t low = 0; low < count / 2; low++) {
		struct bide__heap_entry *a = &heap->entries[ROOT + low];
		struct bide__heap_entry *b = &heap->entries[ROOT + count - 1 - low];
		struct bide__heap_entry swapped = *a;

		*a = *b;
		*b = swapped;
	}
	for (uint32_t i = 0; i < count; i++) {
		place(heap, ROOT + i, heap->entries[ROOT + i]);
		bide__heap_timer_of(&heap->entries[ROOT + i])->seq = i;
	}
	heap->count = count;
	heap->next_seq = count;
}

void bide__heap_number(struct bide__heap *heap, struct bide__timer *timer)
{
	if (__builtin_expect(bide__heap_numbers_used_up(heap), 0))
		renumber(heap);
	timer->seq = heap->next_seq++;
}

void bide__heap_insert(struct bide__heap *heap, struct bide__timer *timer, uint64_t deadline_ns)
{
	assert(heap->count < heap->capacity);
	uint32_t slot = ROOT + heap->count++;
	if (slot >= heap->touched)
		heap->touched = slot + 1;
	sift_up(heap, slot, bide__heap_entry_of(timer, deadline_ns));
}

void bide__heap_push(struct bide__heap *heap, struct bide__timer *timer, uint64_t deadline_ns)
{
	assert(timer->index == 0);
	bide__heap_number(heap, timer);
	bide__heap_insert(heap, timer, deadline_ns);
}

/* Gives memory back when less than a quarter of what is touched is used, and keeps twice what is,
 * so that a count that goes up and down a little costs nothing. */
static void trim(struct bide__heap *heap)
{
	uint32_t keep = ROOT + 2 * heap->count;

	if (keep < TRIM_SLOTS)
		keep = TRIM_SLOTS;
	bide__discard(heap->entries + keep, (heap->touched - keep) * sizeof *heap->entries);
	heap->touched = keep;
}

static inline void trim_if_due(struct bide__heap *heap)
{
	if (__builtin_expect(heap->touched > TRIM_SLOTS && heap->count < heap->touched / 4, 0))
		trim(heap);
}

struct bide__timer *bide__heap_pop(struct bide__heap *heap)
{
	struct bide__timer *timer = bide__heap_top(heap);

	if (!timer)
		return NULL;
	assert(timer->index == ROOT);
	take_out(heap, timer);
	trim_if_due(heap);
	return timer;
}

void bide__heap_remove(struct bide__heap *heap, struct bide__timer *timer)
{
	if (timer->index == 0)
		return;
	assert(timer->index < ROOT + heap->count);
	assert(bide__heap_timer_of(&heap->entries[timer->index]) == timer);
	take_out(heap, timer);
	trim_if_due(heap);
}
