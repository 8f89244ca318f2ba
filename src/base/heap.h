/* SPDX-License-Identifier: MIT */
/* The timer heap: which armed timer is due next.
 *
 * A 4-ary min-heap of 16-byte entries ordered by deadline, then by fraction, then by creation, so
 * that timers with equal deadlines come out in the order they went in, always. Each timer knows its
 * slot, so that any can be taken out.
 *
 *     slot   0 1 2 | 3    | 4 5 6 7 | 8 9 10 11 | 12 13 14 15 | …
 *            unused  root   its       children    children
 *                           children  of slot 4   of slot 5
 *
 * The root is slot 3, so that the four children of a slot share one cache line.
 *
 * The array is a mapping that grows by moving pages and is backed only where it was touched. Its
 * capacity never shrinks, so what was reserved stays reserved; when most of it has fallen out of
 * use the pages are given back.
 *
 * This file must know nothing of clocks, or of what a timer does when it is due. */
#ifndef BIDE_BASE_HEAP_H
#define BIDE_BASE_HEAP_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The record that holds a member: the member's address is turned into the record's. */
#define BIDE__CONTAINER(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* Part of the record that waits. All zero is a timer that is not armed. */
struct bide__timer {
	uint32_t index : 28; /* Where it is in the heap, or elsewhere; 0 when it is not armed. */
	uint32_t kind : 4;   /* What it is for, the owner's, not to be changed while it is armed. */
	uint32_t seq;        /* Lower is older, among timers of one heap. The heap's. */
};

/* A timer whose deadline lies within a nanosecond: two of these with one deadline_ns are due in the
 * order of their fractions first. The kind has this bit set. */
enum { BIDE__TIMER_FINE = 8 };

struct bide__fine_timer {
	uint64_t fraction; /* Of the nanosecond, in units of 2^-64; right before the timer. */
	struct bide__timer timer;
};

/* An entry names its timer's kind too, so that an entry that moves can write the timer's slot and
 * kind as one word. Reading that word first would miss the cache once a level. */
struct bide__heap_entry {
	uint64_t deadline_ns; /* When the timer is due. */
	uint64_t timer;       /* The kind in the top four bits, the timer's address below. */
};

enum {
	BIDE__HEAP_ROOT = 3,
	BIDE__HEAP_MAX = (1 << 27) - 1 - BIDE__HEAP_ROOT, /* Timers half the numbers can name. */
};

/* All zero is an empty heap. */
struct bide__heap {
	struct bide__heap_entry *entries; /* Page-aligned; the root is entries[BIDE__HEAP_ROOT]. */
	uint32_t count;                   /* Armed timers. */
	uint32_t capacity;                /* Armed timers there is room for. */
	uint32_t touched;                 /* Slots that may have memory behind them, from 0. */
	uint32_t next_seq;                /* For the next timer that is armed. */
};

/* Frees the array. Timers still armed are forgotten, not touched. */
void bide__heap_finish(struct bide__heap *heap);

int bide__heap_grow(struct bide__heap *heap, size_t extra);

/* Makes room for extra timers beyond those armed now. Returns 0 or -ENOMEM. The room stays: as long
 * as no more than that total are armed at once, no push needs another reservation. */
static inline int bide__heap_reserve(struct bide__heap *heap, size_t extra)
{
	if (__builtin_expect(heap->capacity - heap->count >= extra, 1))
		return 0;
	return bide__heap_grow(heap, extra);
}

/* Says whether bide__heap_number() will give all armed timers new numbers. */
static inline bool bide__heap_numbers_used_up(const struct bide__heap *heap)
{
	return heap->next_seq == UINT32_MAX;
}

/* Gives a timer that is to be armed its number, by which the older of two goes first. */
void bide__heap_number(struct bide__heap *heap, struct bide__timer *timer);

/* Puts a timer that has its number into the heap, in which it is not. Room must have been reserved.
 */
void bide__heap_insert(struct bide__heap *heap, struct bide__timer *timer, uint64_t deadline_ns);

/* Arms a timer that is not armed: both of the above. The timer is borrowed until it is popped or
 * removed, and must not move. */
void bide__heap_push(struct bide__heap *heap, struct bide__timer *timer, uint64_t deadline_ns);

static inline bool bide__heap_empty(const struct bide__heap *heap)
{
	return heap->count == 0;
}

static inline struct bide__heap_entry bide__heap_entry_of(const struct bide__timer *timer,
                                                          uint64_t deadline_ns)
{
	uint64_t tagged = (uint64_t)timer->kind << 60 | (uintptr_t)timer;
	return (struct bide__heap_entry){ deadline_ns, tagged };
}

static inline struct bide__timer *bide__heap_timer_of(const struct bide__heap_entry *entry)
{
	return (struct bide__timer *)(uintptr_t)(entry->timer & (UINT64_MAX >> 4));
}

/* Writes down where a timer's entry is, as one word that is not read before. */
static inline void bide__timer_is_at(struct bide__timer *timer, uint32_t index,
                                     struct bide__heap_entry entry)
{
	timer->index = index & ((1u << 28) - 1);
	timer->kind = entry.timer >> 60;
}

/* The timer that is due first, or NULL. */
static inline struct bide__timer *bide__heap_top(const struct bide__heap *heap)
{
	return heap->count ? bide__heap_timer_of(&heap->entries[BIDE__HEAP_ROOT]) : NULL;
}

/* When that timer is due; UINT64_MAX when there is none. */
static inline uint64_t bide__heap_deadline(const struct bide__heap *heap)
{
	return heap->count ? heap->entries[BIDE__HEAP_ROOT].deadline_ns : UINT64_MAX;
}

static inline bool bide__timer_armed(const struct bide__timer *timer)
{
	return timer->index != 0;
}

/* The deadline of a timer that is armed in this heap. */
static inline uint64_t bide__heap_deadline_of(const struct bide__heap *heap,
                                              const struct bide__timer *timer)
{
	return heap->entries[timer->index].deadline_ns;
}

/* Takes the timer that is due first out of the heap and returns it; NULL when there is none. */
struct bide__timer *bide__heap_pop(struct bide__heap *heap);

/* Takes a timer out of the heap; one that is not armed is left as it is. */
void bide__heap_remove(struct bide__heap *heap, struct bide__timer *timer);

#endif
