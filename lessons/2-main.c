// SPDX-License-Identifier: MIT
/* 2-main.c: prints what measure_time finds. */
#include "2-measure_runtime.h"
#include "lesson.h"

int main(int argc, char **argv)
{
	double max_delay = 9, seconds;
	int n = 5, rc;

	(void)lesson_count_and_delay(argc, argv, 1, &n, &max_delay);
	rc = measure_time(n, max_delay, &seconds);
	return lesson_end(rc < 0 ? rc : lesson_print_number(seconds));
}
