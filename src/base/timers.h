/* SPDX-License-Identifier: MIT */
/* timers.h: which armed timers are due.
 *
 * The few that are due soon are in a heap, which knows their exact order. Once there are
 * thousands, those due later wait unsorted in BUCKETS, and come into the heap a bucket at a time
 * shortly before they are due. So the heap stays small enough for the caches; to arm a timer far
 * away takes the same time however many there are, and most are disarmed before anybody has to
 * sort them.
 *
 *                   now
 *     ───────────────┼──────┬─────────┬─────────┬─────────┬──────────►  deadline
 *                     heap  │ level 0 │    1    │    2    │    3
 *     a bucket spans        │ 4.2 ms  │  17 s   │  19 h   │ 9 years
 *     all of the level      │  17 s   │  19 h   │ 9 years │ all time
 *
 * Buckets are coarse where they are far away, and their timers are put into finer ones as they
 * come near. A bucket is a list of chunks of entries. A timer knows in which chunk it is and where
 * there; one that is disarmed leaves a hole, and when holes are in the majority all are closed.
 * Without memory for a chunk a timer goes into the heap, which has room for all.
 *
 * After G. Varghese and A. Lauck, Hashed and Hierarchical Timing Wheels (1987), with a heap at the
 * near end instead of a wheel's rounding: timers fire in the order of their nanoseconds.
 *
 * Must know nothing of clocks, or of what a timer does when it is due. */
#ifndef BIDE_BASE_TIMERS_H
#define BIDE_BASE_TIMERS_H

#include "base/heap.h"

struct bide__far;

/* All zero but for far_ns, which bide__timers_init() sets, is none. */
struct bide__timers {
	struct bide__heap heap; /* of those due soon; with room for all */
	struct bide__far *far;  /* the others; NULL until there have been thousands */
	uint64_t far_ns;        /* none of the others is due before; UINT64_MAX if there are none */
};

static inline void bide__timers_init(struct bide__timers *timers)
{
	*timers = (struct bide__timers){ .far_ns = UINT64_MAX };
}

/* Frees all. Timers still armed are forgotten, not touched. */
void bide__timers_finish(struct bide__timers *timers);

/* Makes room for one timer more than are armed now, at @p now_ns. Returns 0 or -ENOMEM. The room
 * stays: as long as no more are armed at once, arming needs no other reservation. */
int bide__timers_reserve(struct bide__timers *timers, uint64_t now_ns);

/* Arms a timer that is not armed. Room must have been reserved. The timer is borrowed until it is
 * popped or disarmed, and must not move. */
void bide__timers_arm(struct bide__timers *timers, struct bide__timer *timer, uint64_t deadline_ns);

/* Disarms a timer; one that is not armed is left as it is. */
void bide__timers_disarm(struct bide__timers *timers, struct bide__timer *timer);

/* How many are armed. */
size_t bide__timers_count(const struct bide__timers *timers);

/* A time before which no timer is due, though perhaps none is due then either, or none is armed at
 * all. Right after bide__timers_deadline() it is the same as that. */
static inline uint64_t bide__timers_soonest(const struct bide__timers *timers)
{
	uint64_t near = bide__heap_deadline(&timers->heap);
	return near < timers->far_ns ? near : timers->far_ns;
}

/* When the next timer is due; UINT64_MAX when there is none. */
uint64_t bide__timers_deadline(struct bide__timers *timers);

/* The deadline of a timer that is armed. */
uint64_t bide__timers_deadline_of(const struct bide__timers *timers,
                                  const struct bide__timer *timer);

/* Takes out the timer that is due first, if it is due at @p now_ns; else NULL, and
 * bide__timers_soonest() is later than that. */
struct bide__timer *bide__timers_pop(struct bide__timers *timers, uint64_t now_ns);

#endif
