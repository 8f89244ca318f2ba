// SPDX-License-Identifier: MIT
/* 4-tasks.c: tasks that belong to no group are their maker's to end, each once and on every way
 * out. So the tasks are put in the order in which they end, and bide_gather ends them all. */
#include "4-tasks.h"

#include "3-tasks.h"

#include <errno.h>
#include <stdlib.h>

int task_wait_n(int n, double max_delay, double *delays)
{
	size_t count = (size_t)n, done = 0;
	bide_task **tasks = calloc(2 * count + 1, sizeof(bide_task *));
	bide_task **ended = tasks + count;
	int rc;

	if (tasks == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		tasks[i] = task_wait_random(max_delay);
	BIDE_AS_COMPLETED(task, tasks, count)
		ended[done++] = task;
	/* Not all have ended where this task was cancelled: then bide_gather cancels the others. */
	rc = bide_gather(done == count ? ended : tasks, count, delays);
	free(tasks);
	return rc;
}
