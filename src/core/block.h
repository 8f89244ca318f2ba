/* SPDX-License-Identifier: MIT */
/* block.h: how a thread that has no loop waits to be called: by a word of its own; and what threads
 * do before they wait. */
#ifndef BIDE_CORE_BLOCK_H
#define BIDE_CORE_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* What a word on which a thread is blocked says. */
enum {
	BIDE__CALLED = 1, /* what it waits for may have come */
	BIDE__ASKED = 2,  /* it is to give up; stays */
	BIDE__SLEEPS = 4  /* it must be woken */
};

/* Sets one of the first two. The word may be gone as soon as that is seen. */
void bide__word_set(uint32_t *word, uint32_t bit);

/* Blocks the thread until one of @p bits, of these two, is set. */
void bide__word_wait(uint32_t *word, uint32_t bits);

/* Makes it ready for the next wait; nobody is about to set BIDE__CALLED. */
void bide__word_clear(uint32_t *word);

/* ---- before a wait ------------------------------------------------------------------------ */

/* To sleep and be woken costs both sides a system call, and takes several microseconds, on a
 * virtual machine several tens. Where the other side is at work it has done something for us as
 * soon as it has had the processor, or, on another one, in the time that it takes to offer it ours.
 * So that is tried first, by sched_yield(), for as long as a sleep would take, and less and less
 * often where it is in vain. To look on without giving the processor up is no good: often it is the
 * one that the other side needs. Where somebody else takes it, who computes, and keeps it for
 * milliseconds, it is not offered again for some times as long. */
struct bide__offers {
	unsigned rest;    /* for how many times; 0: each offer is for many, and worth that */
	unsigned skip;    /* so many waits more begin without it, */
	unsigned misses;  /* after so many in a row with it in vain */
	uint64_t rest_ns; /* none before that time */
	uint64_t end_ns;  /* of the present ones */
};

/* Says whether the processor is to be offered before this wait. */
bool bide__offers_begin(struct bide__offers *offers);

/* Offers it once. Returns whether there is time for another. */
bool bide__offer(const struct bide__offers *offers);

/* Keeps how that went. */
void bide__offers_end(struct bide__offers *offers, bool won);

#endif
