/* SPDX-License-Identifier: MIT */
/* wake.h: how a loop goes to sleep when nothing is ready, and how it is woken. */
#ifndef BIDE_CORE_WAKE_H
#define BIDE_CORE_WAKE_H

#include "core/loop.h"

/* Collects completed I/O; with nothing ready waits for it, for the next deadline or for another
 * thread. Returns whether it may have waited. */
bool bide__collect(bide_loop *loop);

/* Sees to what other threads and signals asked for. */
void bide__attend(bide_loop *loop);

/* Waits until the loop is told to look, something is done that it waits for, or the deadline has
 * come. A loop that has been closed can still be told to look, and nothing else. */
void bide__wait_until(bide_loop *loop, uint64_t deadline_ns);

/* Whether somebody outside has a reference to it. */
bool bide__referenced(bide_loop *loop);

/* Makes the loop look, soon. Threadsafe and async-signal-safe. */
void bide__notify(bide_loop *loop);

/* Gives back memory of which far more is free than in use. */
void bide__trim(bide_loop *loop);

/* Nothing can wake any task any more: reports who waits for what and cancels them all. */
void bide__deadlock(bide_loop *loop);

/* Hands something to a loop, from any thread, without memory and mostly without a lock; in the
 * order of the calls of a thread. False for a loop that has been closed. The caller knows that the
 * loop's record stays until it has been handed over. */
bool bide__send(bide_loop *loop, struct bide__mail *mail);

/* Takes back what has been handed over and not yet received, on the loop's thread. */
void bide__recall(bide_loop *loop, struct bide__mail *mail);

/* Lets nothing more be handed over, and frees what was and the loop has not seen. */
void bide__close_inbox(bide_loop *loop);

/* The same in the child of a fork, where what was is left. */
void bide__abandon_inbox(bide_loop *loop);

#endif
