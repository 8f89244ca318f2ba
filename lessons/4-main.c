// SPDX-License-Identifier: MIT
/* 4-main.c: prints the delays of one call of task_wait_n. */
#include "4-tasks.h"
#include "lesson.h"

#include <errno.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	double max_delay = 6, *delays;
	int n = 5, rc;

	(void)lesson_count_and_delay(argc, argv, 0, &n, &max_delay);
	delays = lesson_numbers(n);
	rc = delays == NULL ? -ENOMEM : bide_run(task_wait_n, n, max_delay, delays);
	if (rc == 0)
		rc = lesson_print_list(delays, n);
	free(delays);
	return lesson_end(rc);
}
