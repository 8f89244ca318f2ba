/* SPDX-License-Identifier: MIT */
/* barrier.h: what whoever tells what tasks wait for must know of a barrier. */
#ifndef BIDE_CORE_BARRIER_H
#define BIDE_CORE_BARRIER_H

#include "core/loop.h"

/* The barrier that a task waits at, NULL when it waits at none. */
const bide_barrier *bide__waits_at_barrier(const struct bide__task *task);

#endif
