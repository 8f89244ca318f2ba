// SPDX-License-Identifier: MIT
/* 0-basic_async_syntax.c: waiting for a random time. */
#include "0-basic_async_syntax.h"

double wait_random(double max_delay)
{
	double delay = bide_uniform(0, max_delay);
	int rc = bide_sleep(delay); /* other tasks run meanwhile */

	if (rc < 0)
		bide_fail(rc); /* this delay was not slept to its end: no result */
	return delay;
}

double wait_random_default(void)
{
	return wait_random(WAIT_RANDOM_MAX_DELAY);
}
