/* SPDX-License-Identifier: MIT */
/* 4-tasks.h: wait_n once more, of tasks that another function makes. */
#ifndef LESSON_4_TASKS_H
#define LESSON_4_TASKS_H

#include <bide.h>

/** task_wait_n(n, max_delay, delays): as wait_n, made of task_wait_random. [suspends]
 *  @param delays gets the n delays in the order in which they end, which is ascending.
 *  @return 0, -ENOMEM, or the cancellation. */
BIDE_ASYNC(int, task_wait_n, int, double, double *);

#endif
