/* SPDX-License-Identifier: MIT */
/* Looks through a loop for what must not be: see check.c. */
#ifndef SWEEP_CHECK_H
#define SWEEP_CHECK_H

#include "core/loop.h"

/* What is wrong with a loop while its tasks run, at a suspension; NULL when nothing is. */
const char *sweep_fault_running(const bide_loop *loop);

/* What a loop that does not run has left over from its runs; NULL when nothing is. */
const char *sweep_fault_at_rest(const bide_loop *loop);

#endif
