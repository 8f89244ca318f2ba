/* SPDX-License-Identifier: MIT */
/* cores.h: a loop a core: several loops that begin together and fail as a group does. What their
 * tasks do is each loop's own matter. */
#ifndef BIDE_CORE_CORES_H
#define BIDE_CORE_CORES_H

#include "core/loop.h"

/* One of them, as its own loop sees it. */
struct bide__core;

/* As bide_run_on_cores(). */
int bide__run_on_cores(unsigned n, const bide__function *fn, const void *args);

/* The main task of this loop has ended. */
void bide__core_settled(struct bide__core *core, const struct bide__task *main_task);

/* SIGINT has come here and has cancelled the main task of this loop: it cancels those of the
 * others. */
void bide__core_interrupted(struct bide__core *core);

/* There is nothing that this loop could wait for but the others. True when they are in the same
 * case and it waits in vain; else it is about to wait, and resumes then. */
bool bide__core_despair(struct bide__core *core);

/* It does not wait any longer. True when it was woken because it waits in vain. */
bool bide__core_resume(struct bide__core *core);

/* In the child of a fork this one alone is left. */
void bide__cores_in_child(struct bide__core *core);

#endif
