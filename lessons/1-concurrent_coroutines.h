/* SPDX-License-Identifier: MIT */
/* 1-concurrent_coroutines.h: many coroutines at once. */
#ifndef LESSON_1_CONCURRENT_COROUTINES_H
#define LESSON_1_CONCURRENT_COROUTINES_H

#include <bide.h>

/** wait_n(n, max_delay, delays): runs wait_random(max_delay) n times at once. [suspends]
 *  @param delays gets the n delays in the order in which they end, which is ascending.
 *  @return 0, -ENOMEM, or the cancellation. */
BIDE_ASYNC(int, wait_n, int, double, double *);

#endif
