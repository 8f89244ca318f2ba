// SPDX-License-Identifier: MIT
/* slots.c: see slots.h. */
#include "core/slots.h"

#include "base/copy.h"

#include <bide/base.h>
#include <errno.h>

enum {
	CLOSED = 1,
	SIZE_BITS = 8 * sizeof(size_t),
	ASK_MIN = 16 /* blocks from which on the next one is asked for */
};

/* ---- memory ------------------------------------------------------------------------------- */

static unsigned log2_of(size_t least)
{
	unsigned log2 = 1;
	while (log2 < SIZE_BITS - 1 && ((size_t)1 << log2) < least)
		log2++;
	return log2;
}

/* As many slots to a block as go on a line. Their states are rounded up, to align the items. */
static void lay_out(struct bide__slots *slots)
{
	const size_t unit = sizeof(uint64_t), line = BIDE__LINE;
	size_t states = unit, n = 1;
	for (size_t more = 2; more + more * slots->size <= line; more++) {
		const size_t rounded = (more + unit - 1) / unit * unit;
		if (rounded + more * slots->size > line)
			break;
		states = rounded;
		n = more;
	}
	slots->in_block = n;
	slots->states = states;
	slots->block = (states + n * slots->size + line - 1) / line * line;
	/* Exact for all numbers below 2^64 divided by n. */
	slots->reciprocal = n > 1 ? UINT64_MAX / n + 1 : 0;
}

static size_t blocks_of(const struct bide__slots *slots)
{
	return slots->mask / slots->in_block + 1;
}

bool bide__slots_measure(struct bide__slots *slots, size_t size, size_t bound, size_t *ret_bytes)
{
	const unsigned log2 = log2_of(bound);
	const size_t number = (size_t)1 << log2;
	if (number < bound || size > SIZE_MAX / 2)
		return false;
	*slots = (struct bide__slots){ .size = size, .mask = number - 1, .bound = bound };
	slots->log2 = log2;
	lay_out(slots);
	slots->asks = blocks_of(slots) >= ASK_MIN;
	return !__builtin_mul_overflow(slots->block, blocks_of(slots), ret_bytes);
}

/* Where a position is. */
struct slot {
	uint8_t *state; /* atomic */
	unsigned char *item;
	uint8_t free; /* what the state is when it is free for this position; one more: filled */
};

static inline struct slot slot_of(const struct bide__slots *slots, uint64_t position)
{
	const uint64_t i = position & slots->mask;
	uint64_t block = i, at = 0;
	if (__builtin_expect(slots->in_block > 1, 1)) {
		block = (uint64_t)(((unsigned __int128)i * slots->reciprocal) >> 64);
		at = i - block * slots->in_block;
	}
	unsigned char *memory = slots->memory + block * slots->block;
	return (struct slot){ memory + at, memory + slots->states + at * slots->size,
		              (uint8_t)(2 * (position >> slots->log2)) };
}

void bide__slots_init(struct bide__slots *slots, void *memory)
{
	slots->memory = memory;
	slots->end = slots->memory + slots->block * blocks_of(slots);
	slots->head = slots->tail = 0;
	slots->room_to = slots->bound;
	for (size_t i = 0; i <= slots->mask; i++)
		*slot_of(slots, i).state = 0;
}

/* ---- positions ---------------------------------------------------------------------------- */

/* How far a slot is ahead of what it should be: less than 0 when something is still to be done with
 * it. Only if the head, or the tail, is afterwards where it was before this means anything. */
static inline int ahead_of(const struct slot *slot, unsigned expected)
{
	return (int8_t)(uint8_t)(__atomic_load_n(slot->state, __ATOMIC_SEQ_CST) - expected);
}

static inline uint64_t load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

/* Whether a position is one of the first `bound` from the head on; one that has been passed since
 * it was looked up is. */
static inline bool within_bound(const struct bide__slots *slots, uint64_t position)
{
	return (int64_t)(position - (load(&slots->head) + slots->bound)) < 0;
}

/* The same, mostly without a look at the head, which is in another thread's cache. One seen before
 * allows less than the present one, never more. */
static inline bool has_room(struct bide__slots *slots, uint64_t position)
{
	if ((int64_t)(position - __atomic_load_n(&slots->room_to, __ATOMIC_RELAXED)) < 0)
		return true;
	uint64_t to = load(&slots->head) + slots->bound;
	__atomic_store_n(&slots->room_to, to, __ATOMIC_RELAXED);
	return (int64_t)(position - to) < 0;
}

/* Moves a position on, unless another thread has; then *at is where it is. */
static inline bool claim(uint64_t *position, uint64_t *at, unsigned by)
{
	return __atomic_compare_exchange_n(position, at, *at + by, false, __ATOMIC_SEQ_CST,
	                                   __ATOMIC_SEQ_CST);
}

/* Says whether a position is still where it was; else *at is where it is now. */
static inline bool is_still(const uint64_t *position, uint64_t *at)
{
	const uint64_t before = *at;
	*at = load(position);
	return *at == before;
}

/* ---- putting and taking ------------------------------------------------------------------- */

/* Asks for a line, to write to it. The compiler uses the instruction only if it is told that all
 * processors have it, which it need not be: on one that has not it does nothing. */
static inline void ask_for(const void *line)
{
#if defined(__x86_64__)
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)line));
#else
	__builtin_prefetch(line, 1);
#endif
}

/* Only the first slot of a block has its state at the beginning of a line. */
static inline void ask_for_next(const struct bide__slots *slots, const struct slot *slot)
{
	if ((uintptr_t)slot->state % BIDE__LINE != 0 || !slots->asks)
		return;
	const unsigned char *next = slot->state + slots->block;
	ask_for(next != slots->end ? next : slots->memory);
}

int bide__slots_put(struct bide__slots *slots, const void *item)
{
	uint64_t tail = load(&slots->tail);
	for (;;) {
		if (__builtin_expect(tail & CLOSED, 0))
			return -BIDE_ECLOSED;
		const struct slot slot = slot_of(slots, tail / 2);
		const bool is_free = ahead_of(&slot, slot.free) == 0;
		if (__builtin_expect(is_free && has_room(slots, tail / 2), 1)) {
			if (!claim(&slots->tail, &tail, 2))
				continue;
			ask_for_next(slots, &slot);
			bide__copy(slot.item, item, slots->size);
			__atomic_store_n(slot.state, slot.free + 1, __ATOMIC_SEQ_CST);
			return 0;
		}
		if (is_still(&slots->tail, &tail))
			return -EAGAIN;
	}
}

/* There is nothing at the head; is it the end? */
static int nothing_at(const struct bide__slots *slots, uint64_t head)
{
	uint64_t tail = load(&slots->tail);
	return (tail & CLOSED) && tail / 2 == head ? -BIDE_ECLOSED : -EAGAIN;
}

int bide__slots_take(struct bide__slots *slots, void *ret_item)
{
	uint64_t head = load(&slots->head);
	for (;;) {
		const struct slot slot = slot_of(slots, head);
		if (__builtin_expect(ahead_of(&slot, slot.free + 1u) == 0, 1)) {
			if (!claim(&slots->head, &head, 1))
				continue;
			ask_for_next(slots, &slot);
			bide__copy(ret_item, slot.item, slots->size);
			__atomic_store_n(slot.state, slot.free + 2, __ATOMIC_SEQ_CST);
			return 0;
		}
		const int rc = nothing_at(slots, head);
		if (is_still(&slots->head, &head))
			return rc;
	}
}

/* These look until the position has stayed where it was, as the calls do. */
bool bide__slots_can_put(const struct bide__slots *slots)
{
	uint64_t tail = load(&slots->tail);
	for (;;) {
		const struct slot slot = slot_of(slots, tail / 2);
		if ((tail & CLOSED) ||
		    (ahead_of(&slot, slot.free) == 0 && within_bound(slots, tail / 2)))
			return true;
		if (is_still(&slots->tail, &tail))
			return false;
	}
}

bool bide__slots_can_take(const struct bide__slots *slots)
{
	uint64_t head = load(&slots->head);
	for (;;) {
		const struct slot slot = slot_of(slots, head);
		if (ahead_of(&slot, slot.free + 1u) == 0 || nothing_at(slots, head) != -EAGAIN)
			return true;
		if (is_still(&slots->head, &head))
			return false;
	}
}

void bide__slots_close(struct bide__slots *slots)
{
	(void)__atomic_fetch_or(&slots->tail, CLOSED, __ATOMIC_SEQ_CST);
}

/* The head is read first, so that the tail is not before it. */
size_t bide__slots_count(const struct bide__slots *slots)
{
	uint64_t head = load(&slots->head);
	uint64_t n = load(&slots->tail) / 2 - head;
	return (size_t)(n < slots->bound ? n : slots->bound);
}

/* ---- fork --------------------------------------------------------------------------------- */

static void move(struct bide__slots *slots, uint64_t from, uint64_t to)
{
	const struct slot source = slot_of(slots, from), target = slot_of(slots, to);
	if (from != to)
		bide__copy(target.item, source.item, slots->size);
	*target.state = (uint8_t)(target.free + 1);
}

/* Positions that were claimed and not filled are closed up, those not yet emptied are emptied. */
void bide__slots_repair(struct bide__slots *slots)
{
	const uint64_t end = slots->tail / 2;
	uint64_t to = slots->head;
	for (uint64_t at = slots->head; at != end; at++) {
		const struct slot slot = slot_of(slots, at);
		if (ahead_of(&slot, slot.free + 1u) == 0)
			move(slots, at, to++);
	}
	slots->tail = 2 * to + (slots->tail & CLOSED);
	slots->room_to = slots->head + slots->bound;
	for (; to != slots->head + slots->mask + 1; to++) {
		const struct slot slot = slot_of(slots, to);
		*slot.state = slot.free;
	}
}
