// SPDX-License-Identifier: MIT
/* bide_gather(): the results of many tasks in the order in which they were given. */
#include "core/virtual_kit.h"

VIRTUAL_TEST(gather_gives_results_in_the_order_of_the_tasks)
{
	int results[3];
	bide_task *tasks[] = { bide_spawn(nap, 3.0, 30), bide_spawn(nap, 1.0, 10),
		               bide_spawn(nap, 2.0, 20) };
	EXPECT_INT(bide_gather(tasks, 3, results), 0);
	EXPECT_INT(results[0], 30);
	EXPECT_INT(results[1], 10);
	EXPECT_INT(results[2], 20);
	EXPECT_ELAPSED(3.0);
}

VIRTUAL_TEST(gather_of_nothing_returns_at_once)
{
	bide_task *other = bide_spawn(tick, 0.0, 'A');
	EXPECT_INT(bide_gather((bide_task *const *)NULL, 0, (int *)NULL), 0);
	EXPECT_STR(trace, "");
	EXPECT_INT(bide_join(other), 0);
}

VIRTUAL_TEST(gather_of_ended_tasks_does_not_suspend)
{
	int results[2] = { 0, 0 };
	bide_task *tasks[] = { bide_spawn(nap, 0.0, 1), bide_spawn(nap, 0.0, 2) };
	EXPECT_INT(bide_sleep(1), 0);
	BIDE_NO_SUSPEND {
		EXPECT(bide_task_done(tasks[0]) && bide_task_done(tasks[1]));
	}
	bide_task *other = bide_spawn(tick, 0.0, 'A');
	EXPECT_INT(bide_gather(tasks, 2, results), 0);
	EXPECT_STR(trace, "");
	EXPECT_INT(results[0] * 10 + results[1], 12);
	EXPECT_INT(bide_join(other), 0);
}

VIRTUAL_TEST(gather_takes_ended_and_running_tasks_together)
{
	int results[2];
	bide_task *tasks[] = { bide_spawn(nap, 2.0, 1), bide_spawn(nap, 0.5, 2) };
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_gather(tasks, 2, results), 0);
	EXPECT_INT(results[0], 1);
	EXPECT_INT(results[1], 2);
	EXPECT_ELAPSED(2.0);
}

VIRTUAL_TEST(gather_ends_the_handles)
{
	bide_task *tasks[] = { bide_spawn(nap, 1.0, 1), bide_spawn(nap, 2.0, 2) };
	EXPECT_INT(bide_gather(tasks, 2, (int *)NULL), 0);
	/* What was not ended would be counted, and reported at the end of the run. */
	EXPECT_UINT(bide_all_tasks(NULL, 0), 1);
}

static BIDE_ASYNC_LIGHT(void, quiet, double, char);
static void quiet(double seconds, char c)
{
	if (bide_sleep(seconds) == 0)
		note(c);
}

VIRTUAL_TEST(gather_waits_for_tasks_without_results)
{
	bide_task *tasks[] = { bide_spawn(quiet, 2.0, 'B'), bide_spawn(quiet, 1.0, 'A') };
	EXPECT_INT(bide_gather(tasks, 2, NULL), 0);
	EXPECT_STR(trace, "AB");
}

struct point {
	double x, y;
	char name[8];
};

static BIDE_ASYNC_LIGHT(struct point, place, double, double);
static struct point place(double x, double y)
{
	struct point p = { x, y, "here" };
	(void)bide_sleep(x);
	return p;
}

VIRTUAL_TEST(gather_gives_structs)
{
	struct point points[2];
	bide_task *tasks[] = { bide_spawn(place, 2.0, 3.0), bide_spawn(place, 1.0, 4.0) };
	EXPECT_INT(bide_gather(tasks, 2, points), 0);
	EXPECT_DOUBLE(points[0].x, 2.0);
	EXPECT_DOUBLE(points[0].y, 3.0);
	EXPECT_DOUBLE(points[1].x, 1.0);
	EXPECT_DOUBLE(points[1].y, 4.0);
	EXPECT_STR(points[1].name, "here");
}

VIRTUAL_TEST(gather_without_results_takes_tasks_of_any_types)
{
	bide_task *tasks[] = { bide_spawn(place, 2.0, 3.0), bide_spawn(nap, 1.0, 4),
		               bide_spawn(quiet, 1.0, 'A') };
	EXPECT_INT(bide_gather(tasks, 3, NULL), 0);
	EXPECT_ELAPSED(2.0);
}

enum { MANY = 1000 };

VIRTUAL_TEST(gather_of_a_thousand)
{
	static bide_task *tasks[MANY];
	static int results[MANY];
	for (int i = 0; i < MANY; i++)
		tasks[i] = bide_spawn(nap, (double)((i * 7919) % MANY), i);
	EXPECT_INT(bide_gather(tasks, MANY, results), 0);
	for (int i = 0; i < MANY; i++)
		if (!EXPECT_INT(results[i], i))
			break;
	EXPECT_ELAPSED((double)(MANY - 1));
}

static BIDE_ASYNC_LIGHT(int, sum, int);
static int sum(int depth)
{
	int results[2] = { 0, 0 };
	if (depth == 0)
		return nap(1, 1);
	bide_task *tasks[] = { bide_spawn(sum, depth - 1), bide_spawn(sum, depth - 1) };
	int rc = bide_gather(tasks, 2, results);
	return rc < 0 ? rc : results[0] + results[1];
}

VIRTUAL_TEST(gather_nests)
{
	EXPECT_INT(bide_await(int, bide_spawn(sum, 6)), 64);
	EXPECT_ELAPSED(1.0);
}

VIRTUAL_TEST(gather_takes_tasks_of_a_group)
{
	int rc;
	BIDE_GROUP(group, rc) {
		int results[2] = { 0, 0 };
		bide_task *tasks[] = { bide_group_spawn(group, nap, 2.0, 1),
			               bide_group_spawn(group, nap, 1.0, 2) };
		bide_group_spawn(group, nap, 3.0, 3);
		EXPECT_INT(bide_gather(tasks, 2, results), 0);
		EXPECT_INT(results[0] * 10 + results[1], 12);
		EXPECT_ELAPSED(2.0);
		bide_task *last = bide_group_next(group);
		EXPECT_INT(bide_await(int, last), 3);
		EXPECT_PTR(bide_group_next(group), NULL);
	}
	EXPECT_INT(rc, 0);
}

VIRTUAL_TEST(gather_of_a_spawn_without_memory_cancels_the_others)
{
	int results[3] = { 7, 7, 7 };
	bide_task *tasks[] = { bide_spawn(nap, 5.0, 1), NULL, bide_spawn(nap, 6.0, 3) };
	EXPECT_INT(bide_gather(tasks, 3, results), -ENOMEM);
	EXPECT_INT(results[0], 0);
	EXPECT_INT(results[1], 0);
	EXPECT_INT(results[2], 0);
	EXPECT_ELAPSED(0.0);
	EXPECT_UINT(bide_all_tasks(NULL, 0), 1);
}
