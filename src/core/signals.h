/* SPDX-License-Identifier: MIT */
/* signals.h: the objects by which tasks wait for signals, as the loop sees them. */
#ifndef BIDE_CORE_SIGNALS_H
#define BIDE_CORE_SIGNALS_H

#include "core/loop.h"

/* Wakes the tasks that wait for signals that came. */
void bide__signals_serve(bide_loop *loop);

/* Closes what has been left open. */
void bide__signals_finish(bide_loop *loop);

#endif
