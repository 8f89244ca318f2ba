/* SPDX-License-Identifier: MIT */
/* 0-basic_async_syntax.h: the lesson's first coroutine. It is a plain function that suspends in the
 * middle; the line with BIDE_ASYNC_LIGHT declares it and makes it spawnable, by the million. */
#ifndef LESSON_0_BASIC_ASYNC_SYNTAX_H
#define LESSON_0_BASIC_ASYNC_SYNTAX_H

#include <bide.h>

/** The longest wait, in seconds, where the caller names none: C has no default arguments. */
enum { WAIT_RANDOM_MAX_DELAY = 10 };

/** Waits for a random time between 0 and max_delay seconds, both possible. [suspends]
 *  @return the seconds; a cancelled task ends with the cancellation. */
BIDE_ASYNC_LIGHT(double, wait_random, double);

/** The call without an argument: as wait_random(WAIT_RANDOM_MAX_DELAY). [suspends] */
BIDE_ASYNC_LIGHT(double, wait_random_default, void);

#endif
