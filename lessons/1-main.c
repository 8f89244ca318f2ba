// SPDX-License-Identifier: MIT
/* 1-main.c: prints the delays of several calls of wait_n, a list a line. */
#include "1-concurrent_coroutines.h"
#include "lesson.h"

#include <errno.h>
#include <stdlib.h>

static int print_wait_n(int n, double max_delay)
{
	double *delays = lesson_numbers(n);
	int rc = delays == NULL ? -ENOMEM : bide_run(wait_n, n, max_delay, delays);

	if (rc == 0)
		rc = lesson_print_list(delays, n);
	free(delays);
	return rc;
}

int main(int argc, char **argv)
{
	double max_delay;
	int n, rc;

	if (lesson_count_and_delay(argc, argv, 0, &n, &max_delay))
		return lesson_end(print_wait_n(n, max_delay));
	rc = print_wait_n(5, 5);
	if (rc == 0)
		rc = print_wait_n(10, 7);
	if (rc == 0)
		rc = print_wait_n(10, 0);
	return lesson_end(rc);
}
