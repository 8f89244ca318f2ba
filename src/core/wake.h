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

/* Makes the loop look, soon. Threadsafe and async-signal-safe. */
void bide__notify(bide_loop *loop);

/* Gives back memory of which far more is free than in use. */
void bide__trim(bide_loop *loop);

/* Nothing can wake any task any more: reports who waits for what and cancels them all. */
void bide__deadlock(bide_loop *loop);

/* Frees the posts that were never called. */
void bide__drop_posts(bide_loop *loop);

#endif
