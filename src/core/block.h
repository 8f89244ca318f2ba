/* SPDX-License-Identifier: MIT */
/* block.h: how a thread that has no loop waits to be called: by a word of its own. */
#ifndef BIDE_CORE_BLOCK_H
#define BIDE_CORE_BLOCK_H

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

#endif
