/* SPDX-License-Identifier: MIT */
/* run.h: the run as tasks and the scheduler see it. */
#ifndef BIDE_CORE_RUN_H
#define BIDE_CORE_RUN_H

#include "core/loop.h"

/* Begins a run on this thread's loop: makes its main task. 0, or why there is none. */
int bide__run_begin(bide_loop *loop, const bide__function *fn, const void *args);

/* Ends it when no task is left; in the child of a fork, when the one that forked has ended. Stores
 * the result, unless @p ret is NULL, and returns 0, or returns the error that the main task has
 * ended with. */
int bide__run_end(bide_loop *loop, void *ret);

/* Ends it instead of running it. */
void bide__run_undo(bide_loop *loop);

/* The main task has ended: cancels all others. */
void bide__begin_exit(bide_loop *loop);

/* Reports the tasks that do not end although the run is over. */
void bide__report_stuck(bide_loop *loop);

#endif
