/* SPDX-License-Identifier: MIT */
/* loops.h: all loops of the process: for handles that come to the wrong thread, and for tools that
 * look from outside. */
#ifndef BIDE_CORE_LOOPS_H
#define BIDE_CORE_LOOPS_H

#include "core/loop.h"

enum { BIDE__LOOPS_MAX = 1 << 12 };

/* Guards them all. */
extern pthread_mutex_t bide__loops_lock;

/* Enters a loop into the list and gives it a number and the first generation that no handle of an
 * earlier loop of that number has had. 0, or -EMFILE when there are too many loops. */
int bide__loops_add(bide_loop *loop, uint32_t *ret_generation);

/* Takes it out; @p generation is where the next one of its number begins. */
void bide__loops_remove(bide_loop *loop, uint32_t generation);

/* In the child of a fork, lets nothing more be handed over to any. */
void bide__loops_in_child(void);

/* Returns the thread of the loop with a number, 0 when there is no such loop. */
int32_t bide__thread_of_loop(unsigned id);

#endif
