/* SPDX-License-Identifier: MIT */
/* interrupt.h: SIGINT: the first cancels the main task, the second ends the process. */
#ifndef BIDE_CORE_INTERRUPT_H
#define BIDE_CORE_INTERRUPT_H

#include "core/loop.h"

/* Takes SIGINT for a run, on the process's first thread and where it has its default action. Who
 * watches for it as for any other signal goes before. */
void bide__interrupt_begin(bide_loop *loop);

/* Says, once, that it came. */
bool bide__interrupted(bide_loop *loop);

/* Gives it back. */
void bide__interrupt_end(bide_loop *loop);

#endif
