/* SPDX-License-Identifier: MIT */
/* fault.h: what happens when a task's stack is used up: its name and a clear sentence, then death
 * by SIGSEGV. */
#ifndef BIDE_CORE_FAULT_H
#define BIDE_CORE_FAULT_H

#include "core/loop.h"

/* Guards who has installed the handler. */
extern pthread_mutex_t bide__fault_lock;

/* Gives this thread an alternate signal stack, unless it has one, and the process a handler of
 * SIGSEGV and SIGBUS. 0 or -ENOMEM. */
int bide__fault_init(bide_loop *loop);

/* Takes both away again; the handler with the last loop. */
void bide__fault_finish(bide_loop *loop);

#endif
