// SPDX-License-Identifier: MIT
/* 0-main.c: runs wait_random three times, each on a loop of its own, and prints what it returns. */
#include "0-basic_async_syntax.h"
#include "lesson.h"

static int print_default(void)
{
	double delay;
	int rc = bide_try_run(NULL, &delay, wait_random_default);

	return rc < 0 ? rc : lesson_print_number(delay);
}

static int print_delay(double max_delay)
{
	double delay;
	int rc = bide_try_run(NULL, &delay, wait_random, max_delay);

	return rc < 0 ? rc : lesson_print_number(delay);
}

int main(int argc, char **argv)
{
	double max_delay;
	int rc;

	if (lesson_delay(argc, argv, &max_delay))
		return lesson_end(print_delay(max_delay));
	rc = print_default();
	if (rc == 0)
		rc = print_delay(5);
	if (rc == 0)
		rc = print_delay(15);
	return lesson_end(rc);
}
