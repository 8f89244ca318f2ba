// SPDX-License-Identifier: MIT
/* 3-main.c: makes a task, awaits it and prints what kind of thing it was. */
#include "3-tasks.h"
#include "lesson.h"

#include <errno.h>

static BIDE_ASYNC(int, print_type, double);

static int print_type(double max_delay)
{
	bide_task *task = task_wait_random(max_delay);
	const char *type;
	int rc;

	if (task == NULL)
		return -ENOMEM;
	type = bide_task_type(task); /* asked before the await, which ends the handle */
	rc = bide_try_await(task, NULL);
	return rc < 0 ? rc : lesson_print("<class '%s'>\n", type);
}

int main(int argc, char **argv)
{
	double max_delay = 5;

	(void)lesson_delay(argc, argv, &max_delay);
	return lesson_end(bide_run(print_type, max_delay));
}
