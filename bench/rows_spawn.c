// SPDX-License-Identifier: MIT
/* rows_spawn.c: the beginning and the end of tasks, of groups of them, and of loops. */
#include "core.h"

#include <errno.h>
#include <stdlib.h>

enum {
	CHILDREN = 100,          /* of a group */
	CHILD_ERROR = -EREMOTEIO /* that one of them fails with; nothing else gives it */
};

/* ---- spawn and await ---------------------------------------------------------------------- */

static BIDE_ASYNC(long, number, long);
static BIDE_ASYNC_LIGHT(long, number_light, long);

static long number(long i)
{
	return i;
}

static long number_light(long i)
{
	return i;
}

static inline bide_task *start_number(bool light, long i)
{
	return light ? bide_spawn(number_light, i) : bide_spawn(number, i);
}

/* Each of n tasks has returned its number, from 0 up. */
static int check_sum(long n, long long sum)
{
	long long expected = (long long)n * (n - 1) / 2;

	if (sum != expected)
		return wrong("sum of the results", (double)sum, (double)expected);
	print_figure("ops", (double)n);
	return 0;
}

static BIDE_ASYNC(int, await_each, const struct request *);

static int await_each(const struct request *request)
{
	long long sum = 0;

	for (long i = 0; i < request->n; i++)
		sum += bide_await(long, start_number(request->light, i));
	return check_sum(request->n, sum);
}

static int spawn_await(const struct request *request)
{
	return RUN_ROW(await_each, request, request);
}

static BIDE_ASYNC(int, await_all, const struct request *);

static int await_all(const struct request *request)
{
	bide_task **tasks = calloc((size_t)request->n, sizeof(*tasks));
	long long sum = 0;

	if (tasks == NULL)
		return -ENOMEM;
	for (long i = 0; i < request->n; i++)
		tasks[i] = start_number(request->light, i);
	for (long i = 0; i < request->n; i++)
		sum += bide_await(long, tasks[i]);
	free(tasks);
	return check_sum(request->n, sum);
}

static int spawn_all(const struct request *request)
{
	return RUN_ROW(await_all, request, request);
}

/* ---- groups ------------------------------------------------------------------------------- */

static BIDE_ASYNC(int, child, int, long *);
static BIDE_ASYNC_LIGHT(int, child_light, int, long *);

/* The last one fails, when all others wait; they count that they were cancelled. */
static int child(int i, long *cancelled)
{
	int rc = i == CHILDREN - 1 ? CHILD_ERROR : bide_sleep(1000);

	*cancelled += rc == -ECANCELED;
	return rc;
}

static int child_light(int i, long *cancelled)
{
	return child(i, cancelled);
}

static int one_group(bool light, long *cancelled)
{
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < CHILDREN; i++)
			(void)(light ? bide_group_spawn(group, child_light, i, cancelled)
			             : bide_group_spawn(group, child, i, cancelled));
	}
	return rc;
}

static BIDE_ASYNC(int, fail_groups, const struct request *);

static int fail_groups(const struct request *request)
{
	long failed = 0, cancelled = 0;

	for (long i = 0; i < request->n; i++)
		failed += one_group(request->light, &cancelled) == CHILD_ERROR;
	if (failed != request->n)
		return wrong("groups that failed", (double)failed, (double)request->n);
	if (cancelled != request->n * (CHILDREN - 1))
		return wrong("tasks cancelled", (double)cancelled,
		             (double)request->n * (CHILDREN - 1));
	print_figure("ops", (double)failed);
	return 0;
}

static int group(const struct request *request)
{
	return RUN_ROW(fail_groups, request, request);
}

/* ---- loops -------------------------------------------------------------------------------- */

static BIDE_ASYNC(int, count_run, long *);
static BIDE_ASYNC_LIGHT(int, count_run_light, long *);

static int count_run(long *runs)
{
	++*runs;
	return 0;
}

static int count_run_light(long *runs)
{
	return count_run(runs);
}

static int empty_run(const struct request *request)
{
	long runs = 0;

	for (long i = 0; i < request->n; i++) {
		int rc = request->light ? RUN_ROW(count_run_light, request, &runs)
		                        : RUN_ROW(count_run, request, &runs);
		if (rc != 0)
			return rc;
	}
	if (runs != request->n)
		return wrong("runs", (double)runs, (double)request->n);
	print_figure("ops", (double)runs);
	return 0;
}

const struct row rows_spawn[] = {
	{ "spawn_await", spawn_await, "times: spawn a task that returns a number, await it" },
	{ "spawn_all", spawn_all, "such tasks spawned, then all awaited" },
	{ "group", group, "groups of 100 tasks, one fails, the others are cancelled" },
	{ "empty_run", empty_run, "times: open a loop, run an empty function, close it" },
	{ NULL, NULL, NULL },
};
