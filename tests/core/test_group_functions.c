// SPDX-License-Identifier: MIT
/* Groups by function: bide_group_open() and bide_group_close(); and what is refused about groups,
 * by block or by function. */
#include "core/virtual_kit.h"

/* ---- open and close ----------------------------------------------------------------------- */

VIRTUAL_TEST(close_waits_for_the_tasks)
{
	bide_group *group = NULL;
	EXPECT_INT(bide_group_open(NULL, &group), 0);
	bide_group_spawn(group, tick, 1.0, 'A');
	bide_group_spawn(group, tick, 2.0, 'B');
	EXPECT_INT(bide_group_close(group), 0);
	EXPECT_STR(trace, "AB");
	EXPECT_ELAPSED(2);
}

VIRTUAL_TEST(close_returns_the_first_failure)
{
	bide_group *group = NULL;
	EXPECT_INT(bide_group_open(NULL, &group), 0);
	bide_group_spawn(group, tick, 9.0, 'A');
	bide_group_spawn(group, nap, 1.0, -EIO);
	EXPECT_INT(bide_sleep(5), -ECANCELED);
	EXPECT_INT(bide_group_close(group), -EIO);
	EXPECT_STR(trace, "a");
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_ELAPSED(2);
}

VIRTUAL_TEST(close_after_cancel_returns_no_error)
{
	bide_group *group = NULL;
	EXPECT_INT(bide_group_open(NULL, &group), 0);
	bide_group_spawn(group, tick, 9.0, 'A');
	bide_group_cancel(group);
	EXPECT_INT(bide_group_close(group), 0);
	EXPECT_STR(trace, "a");
	EXPECT_ELAPSED(0);
}

static BIDE_ASYNC(int, opens_and_closes, void);
static int opens_and_closes(void)
{
	bide_group *group = NULL;
	int rc = bide_group_open(NULL, &group);
	if (rc < 0)
		return rc;
	bide_group_spawn(group, tick, 9.0, 'A');
	return bide_group_close(group);
}

VIRTUAL_TEST(close_returns_the_cancellation_that_cut_it)
{
	bide_task *task = bide_spawn(opens_and_closes);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_STR(trace, "a");
	EXPECT_ELAPSED(1);
}

VIRTUAL_TEST(the_options_of_an_open_group_are_copied)
{
	bide_group *group = NULL;
	bide_group_options options = { .limit = 1 };
	EXPECT_INT(bide_group_open(&options, &group), 0);
	options.limit = 5;
	for (char c = 'A'; c <= 'C'; c++)
		bide_group_spawn(group, tick, 1.0, c);
	EXPECT_INT(bide_group_close(group), 0);
	EXPECT_ELAPSED(3);
}

VIRTUAL_TEST(function_forms_nest_in_blocks_and_blocks_in_them)
{
	int outer = 7, inner = 7;
	bide_group *middle = NULL;
	BIDE_GROUP(first, outer) {
		EXPECT_INT(bide_group_open(NULL, &middle), 0);
		BIDE_GROUP(last, inner) {
			bide_group_spawn(first, tick, 3.0, 'A');
			bide_group_spawn(middle, tick, 2.0, 'B');
			bide_group_spawn(last, tick, 1.0, 'C');
		}
		EXPECT_ELAPSED(1);
		EXPECT_INT(bide_group_close(middle), 0);
		EXPECT_ELAPSED(2);
	}
	EXPECT_INT(outer, 0);
	EXPECT_INT(inner, 0);
	EXPECT_STR(trace, "CBA");
	EXPECT_ELAPSED(3);
}

static BIDE_ASYNC(int, spawns_into, bide_group *);
static int spawns_into(bide_group *group)
{
	bide_group_spawn(group, tick, 1.0, 'A');
	return 0;
}

VIRTUAL_TEST(a_task_outside_may_spawn_into_a_group)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		EXPECT_INT(bide_join(bide_spawn(spawns_into, group)), 0);
	}
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "A");
	EXPECT_ELAPSED(1);
}

VIRTUAL_TEST(detaching_a_task_of_a_group_leaves_it_to_the_group)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_detach(bide_group_spawn(group, tick, 1.0, 'A'));
		bide_detach(bide_group_spawn(group, nap, 2.0, -EIO));
	}
	EXPECT_INT(rc, -EIO);
	EXPECT_STR(trace, "A");
	EXPECT_ELAPSED(2);
}

/* ---- others that wait for a group's tasks ------------------------------------------------- */

static BIDE_ASYNC(int, iterates, bide_task *, bide_task *);
static int iterates(bide_task *a, bide_task *b)
{
	bide_task *tasks[] = { a, b };
	int n = 0;
	BIDE_AS_COMPLETED(t, tasks, 2) {
		EXPECT_INT(bide_join(t), 0);
		n++;
	}
	return n;
}

VIRTUAL_TEST(a_group_is_not_left_while_another_iterates_over_its_tasks)
{
	int rc = 7;
	bide_task *other = NULL;
	BIDE_GROUP(group, rc) {
		bide_task *a = bide_group_spawn(group, nap, 1.0, 1);
		bide_task *b = bide_spawn(nap, 3.0, 2);
		other = bide_spawn(iterates, b, a);
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(bide_await(int, other), 2);
	EXPECT_ELAPSED(3);
}

static BIDE_ASYNC(int, gathers, bide_task *, bide_task *);
static int gathers(bide_task *a, bide_task *b)
{
	bide_task *tasks[] = { a, b };
	int results[2] = { 0 };
	int rc = bide_gather(tasks, 2, results);
	return rc < 0 ? rc : results[0] * 10 + results[1];
}

VIRTUAL_TEST(a_group_is_not_left_while_another_gathers_its_tasks)
{
	int rc = 7;
	bide_task *other = NULL;
	BIDE_GROUP(group, rc) {
		bide_task *a = bide_group_spawn(group, nap, 1.0, 1);
		bide_task *b = bide_spawn(nap, 3.0, 2);
		other = bide_spawn(gathers, a, b);
		EXPECT_INT(bide_sleep(2), 0);
	}
	EXPECT_INT(rc, 0);
	EXPECT_ELAPSED(3);
	EXPECT_INT(bide_await(int, other), 12);
}

static BIDE_ASYNC(int, waits, bide_task *, bide_task *);
static int waits(bide_task *a, bide_task *b)
{
	bide_task *tasks[] = { a, b };
	return bide_wait(tasks, 2, BIDE_ALL);
}

VIRTUAL_TEST(next_gives_a_task_when_another_has_waited_for_it)
{
	int rc = 7;
	bide_task *b = bide_spawn(nap, 3.0, 2);
	BIDE_GROUP(group, rc) {
		bide_task *a = bide_group_spawn(group, nap, 1.0, 1);
		bide_task *other = bide_spawn(waits, a, b);
		EXPECT_INT(bide_yield(), 0);
		EXPECT_PTR(bide_group_next(group), a);
		EXPECT_ELAPSED(3);
		EXPECT_INT(bide_await(int, other), 2);
		EXPECT_PTR(bide_group_next(group), NULL);
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(bide_join(b), 0);
}

VIRTUAL_TEST(gather_takes_tasks_from_their_group)
{
	int rc = 7, results[3] = { 0 };
	BIDE_GROUP(group, rc) {
		bide_task *tasks[] = { bide_group_spawn(group, nap, 3.0, 1),
			               bide_group_spawn(group, nap, 1.0, 2),
			               bide_group_spawn(group, nap, 2.0, 3) };
		EXPECT_INT(bide_gather(tasks, 3, results), 0);
		EXPECT_PTR(bide_group_next(group), NULL);
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(results[0] * 100 + results[1] * 10 + results[2], 123);
}

/* ---- what is refused ---------------------------------------------------------------------- */

static BIDE_ASYNC(int, leaves_open, void);
static int leaves_open(void)
{
	bide_group *group = NULL;
	return bide_group_open(NULL, &group);
}

TEST_ABORTS(a_group_left_open_is_named,
            "the end of the task: in task 'leaves_open' (#1): it left a group open")
{
	(void)RUN_VIRTUAL(leaves_open);
}

static BIDE_ASYNC(int, closes_outer_first, void);
static int closes_outer_first(void)
{
	bide_group *outer = NULL, *inner = NULL;
	if (bide_group_open(NULL, &outer) < 0 || bide_group_open(NULL, &inner) < 0)
		return -ENOMEM;
	return bide_group_close(outer);
}

TEST_ABORTS(groups_are_closed_from_the_inside_out,
            "bide_group_close: in task 'closes_outer_first' (#1): it is not the innermost")
{
	(void)RUN_VIRTUAL(closes_outer_first);
}

static BIDE_ASYNC(int, closes_group_of, bide_group *);
static int closes_group_of(bide_group *group)
{
	return bide_group_close(group);
}

static BIDE_ASYNC(int, lets_child_close, void);
static int lets_child_close(void)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, closes_group_of, group);
	}
	return rc;
}

TEST_ABORTS(a_group_is_closed_by_the_task_that_opened_it,
            "bide_group_close: in task 'closes_group_of'")
{
	(void)RUN_VIRTUAL(lets_child_close);
}

TEST_ABORTS(a_group_needs_a_task, "bide_group_open: there is no task to open it in")
{
	bide_group *group = NULL;
	(void)!bide_group_open(NULL, &group);
}

static BIDE_ASYNC(int, keeps_a_handle, void);
static int keeps_a_handle(void)
{
	int rc = 7;
	bide_task *task = NULL;
	BIDE_GROUP(group, rc) {
		task = bide_group_spawn(group, nap, 1.0, 1);
	}
	return bide_await(int, task);
}

TEST_ABORTS(a_handle_ends_with_its_group,
            "bide_await: in task 'keeps_a_handle' (#1): the handle of task #2 has been ended")
{
	(void)RUN_VIRTUAL(keeps_a_handle);
}

static BIDE_ASYNC(int, awaits_twice, void);
static int awaits_twice(void)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_task *task = bide_group_spawn(group, nap, 1.0, 1);
		(void)bide_await(int, task);
		(void)bide_await(int, task);
	}
	return rc;
}

TEST_ABORTS(a_task_of_a_group_is_awaited_once, "the handle of task #2 has been ended")
{
	(void)RUN_VIRTUAL(awaits_twice);
}

static BIDE_ASYNC(int, closes_while_iterating, void);
static int closes_while_iterating(void)
{
	int rc = 7;
	bide_completion *it = NULL;
	BIDE_GROUP(group, rc) {
		bide_task *task = bide_group_spawn(group, nap, 1.0, 1);
		if (bide_completion_open(&task, 1, &it) < 0)
			return -ENOMEM;
	}
	return rc;
}

TEST_ABORTS(
	an_iteration_is_closed_before_the_group_of_its_tasks,
	"bide_group_close: in task 'closes_while_iterating' (#1): an iteration over its task 'nap'")
{
	(void)RUN_VIRTUAL(closes_while_iterating);
}
