/* SPDX-License-Identifier: MIT */
/* remote.h: calls that one loop makes on another: a task there, and who waits for it here. */
#ifndef BIDE_CORE_REMOTE_H
#define BIDE_CORE_REMOTE_H

#include "core/loop.h"

/* Calls a function as a task of another loop and waits for it; as bide_try_to_loop(). */
int bide__to_loop(bide_loop *loop, const bide__function *fn, const void *args, void *ret);

/* Starts that and returns a task of this loop that ends when it does; as bide_spawn_on(). */
bide_task *bide__spawn_on(bide_loop *loop, const bide__function *fn, const void *args);

#endif
