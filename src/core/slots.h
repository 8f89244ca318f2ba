/* SPDX-License-Identifier: MIT */
/* slots.h: a bounded queue for any number of threads that put and take, without a lock: what lies
 * in a channel. Must know nothing of who waits.
 *
 * Source: Dmitry Vyukov, "Bounded MPMC queue", 1024cores.net. Items have POSITIONS, counted from 0;
 * an item lies in the slot that is its position modulo their number, a power of two. A slot's STATE
 * is 2 n when it is free for the item of the n-th time round, 2 n + 1 when that lies in it, and
 * 2 n + 2 when that has been taken. Who puts claims a position by moving the tail on, who takes by
 * moving the head on; what may be done in its slot then is told by the state. So a position that is
 * claimed and not yet filled holds up those that take, and one not yet emptied those that put, as
 * if the queue were empty, or full.
 *
 * A state is a byte, which is enough, as it is believed only when head or tail have not been moved
 * since. As many slots as go on a cache line lie together, first their states and then their items:
 * what makes a message dear are lines that go from one processor to another.
 *
 *     block of 64 bytes, items of 8   | 7 states | - | item 0 | item 1 | … | item 6 |
 *
 * Who begins a block asks for the next one, so that it has come when its turn is there. Otherwise
 * it would be waited for twice, first to be read, and then to be written. Of few blocks the next
 * one is mostly what the other side is at work in, and is left to it.
 *
 * States, head and tail are read and written in one order for all threads (SEQ_CST), so that
 * somebody who says that he waits, and then looks, and somebody who puts or takes, and then looks
 * for those that wait, cannot miss each other. */
#ifndef BIDE_CORE_SLOTS_H
#define BIDE_CORE_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BIDE__LINE = 64 }; /* of the cache, in bytes */

struct bide__slots {
	unsigned char *memory; /* the blocks, */
	unsigned char *end;    /* and what is behind them */
	size_t mask;           /* the number of slots less one */
	unsigned log2;         /* of that number */
	size_t size;           /* bytes of an item */
	size_t in_block;       /* slots in a block, */
	uint64_t reciprocal;   /* 2^64 divided by that, rounded up; */
	size_t states;         /* bytes of their states, */
	size_t block;          /* and of it all, some cache lines */
	bool asks;             /* whether the next one is asked for */
	uint64_t bound;        /* how many items there may be, at most the number of slots */
	/* Positions are on lines of their own, as each side writes one all the time. */
	_Alignas(BIDE__LINE) uint64_t head; /* atomic: the next one to be taken */
	_Alignas(BIDE__LINE) uint64_t tail; /* atomic: twice the next one to be put, plus one when
	                                     * it is closed, so that nothing is put after that */
	uint64_t room_to; /* atomic: a head seen before, plus the bound: up to there is room */
};

/* Finds out how much memory slots take; false for more than can be had. */
bool bide__slots_measure(struct bide__slots *slots, size_t size, size_t bound, size_t *ret_bytes);

/* Makes them empty, in so much memory, aligned to a line. */
void bide__slots_init(struct bide__slots *slots, void *memory);

/* Puts a copy of an item behind all others. 0; -EAGAIN when it is full; -BIDE_ECLOSED. */
int bide__slots_put(struct bide__slots *slots, const void *item);

/* Takes the first item. 0; -EAGAIN when there is none; -BIDE_ECLOSED when there will never be. */
int bide__slots_take(struct bide__slots *slots, void *ret_item);

/* Says whether these would, just now, return something else than -EAGAIN. */
bool bide__slots_can_put(const struct bide__slots *slots);
bool bide__slots_can_take(const struct bide__slots *slots);

/* Lets nothing more be put. */
void bide__slots_close(struct bide__slots *slots);

/* How many there are, just now. */
size_t bide__slots_count(const struct bide__slots *slots);

/* Undoes what other threads have begun, when there are none any more. */
void bide__slots_repair(struct bide__slots *slots);

#endif
