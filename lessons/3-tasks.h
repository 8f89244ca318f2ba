/* SPDX-License-Identifier: MIT */
/* 3-tasks.h: an ordinary function that makes a task. */
#ifndef LESSON_3_TASKS_H
#define LESSON_3_TASKS_H

#include <bide.h>

/** Starts wait_random(max_delay) and returns at once; to be called within a run.
 *  @return the task, for the caller to end, or NULL when memory ran out. */
bide_task *task_wait_random(double max_delay);

#endif
