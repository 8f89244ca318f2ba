/* SPDX-License-Identifier: MIT */
/* 2-measure_runtime.h: how long coroutines take that run at once. */
#ifndef LESSON_2_MEASURE_RUNTIME_H
#define LESSON_2_MEASURE_RUNTIME_H

/** Runs wait_n(n, max_delay) on a loop of its own.
 *  @param n at least 1.
 *  @param ret_seconds gets its whole running time divided by n.
 *  @return 0, or the error of the run. */
int measure_time(int n, double max_delay, double *ret_seconds);

#endif
