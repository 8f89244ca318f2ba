/* SPDX-License-Identifier: MIT */
/* run.h: the run as tasks and the scheduler see it. */
#ifndef BIDE_CORE_RUN_H
#define BIDE_CORE_RUN_H

#include "core/loop.h"

/* The main task has ended: cancels all others. */
void bide__begin_exit(bide_loop *loop);

/* Reports the tasks that do not end although the run is over. */
void bide__report_stuck(bide_loop *loop);

#endif
