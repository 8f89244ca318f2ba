// SPDX-License-Identifier: MIT
/* 2-measure_runtime.c: an ordinary function, which opens a loop, runs it and closes it. */
#include "2-measure_runtime.h"

#include "1-concurrent_coroutines.h"
#include "lesson.h"

#include <errno.h>
#include <stdlib.h>

int measure_time(int n, double max_delay, double *ret_seconds)
{
	double *delays = lesson_numbers(n);
	double start = bide_time();
	int rc = delays == NULL ? -ENOMEM : bide_run(wait_n, n, max_delay, delays);

	if (rc == 0)
		*ret_seconds = (bide_time() - start) / n;
	free(delays);
	return rc;
}
