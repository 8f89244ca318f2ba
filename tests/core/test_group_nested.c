// SPDX-License-Identifier: MIT
/* Groups inside groups: in one body, and in the tasks of a group, to any depth. */
#include "core/virtual_kit.h"

/* ---- in one body -------------------------------------------------------------------------- */

VIRTUAL_TEST(a_failure_in_the_outer_group_cancels_the_inner_one)
{
	int outer = 7, inner = 7;
	BIDE_GROUP(first, outer) {
		bide_group_spawn(first, nap, 1.0, -EIO);
		BIDE_GROUP(second, inner) {
			bide_group_spawn(second, tick, 9.0, 'A');
		}
		EXPECT_INT(bide_cancelled(), -ECANCELED);
		note('.');
	}
	EXPECT_INT(inner, -ECANCELED);
	EXPECT_INT(outer, -EIO);
	EXPECT_STR(trace, "a.");
	EXPECT_ELAPSED(1);
}

VIRTUAL_TEST(a_failure_in_the_inner_group_is_the_body_s_to_judge)
{
	int outer = 7, inner = 7;
	BIDE_GROUP(first, outer) {
		bide_group_spawn(first, tick, 3.0, 'A');
		BIDE_GROUP(second, inner) {
			bide_group_spawn(second, nap, 1.0, -EIO);
			bide_group_spawn(second, tick, 9.0, 'B');
		}
		EXPECT_INT(inner, -EIO);
		EXPECT_INT(bide_cancelled(), 0);
		EXPECT_ELAPSED(1);
	}
	EXPECT_INT(outer, 0);
	EXPECT_STR(trace, "bA");
	EXPECT_ELAPSED(3);
}

VIRTUAL_TEST(a_body_may_leave_the_outer_group_for_a_failure_in_the_inner_one)
{
	int outer = 7, inner = 7;
	BIDE_GROUP(first, outer) {
		bide_group_spawn(first, tick, 9.0, 'A');
		BIDE_GROUP(second, inner) {
			bide_group_spawn(second, nap, 1.0, -EIO);
		}
		if (inner < 0)
			break;
		note('.');
	}
	EXPECT_INT(inner, -EIO);
	EXPECT_INT(outer, 0);
	EXPECT_STR(trace, "a");
	EXPECT_ELAPSED(1);
}

/* Each was over waiting when the other failed. */
VIRTUAL_TEST(two_groups_whose_tasks_fail_in_one_turn_each_have_their_failure)
{
	int outer = 7, inner = 7;
	BIDE_GROUP(first, outer) {
		bide_group_spawn(first, nap, 1.0, -EIO);
		BIDE_GROUP(second, inner) {
			bide_group_spawn(second, nap, 1.0, -EPERM);
			EXPECT_INT(bide_sleep(9), -ECANCELED);
		}
	}
	EXPECT_INT(inner, -EPERM);
	EXPECT_INT(outer, -EIO);
	EXPECT_ELAPSED(1);
}

VIRTUAL_TEST(group_cancel_of_the_outer_group_cancels_the_inner_one)
{
	int outer = 7, inner = 7;
	BIDE_GROUP(first, outer) {
		BIDE_GROUP(second, inner) {
			bide_group_spawn(second, tick, 9.0, 'A');
			bide_group_cancel(first);
		}
	}
	EXPECT_INT(inner, -ECANCELED);
	EXPECT_INT(outer, 0);
	EXPECT_STR(trace, "a");
}

VIRTUAL_TEST(group_cancel_of_the_inner_group_leaves_the_outer_one_alone)
{
	int outer = 7, inner = 7;
	BIDE_GROUP(first, outer) {
		bide_group_spawn(first, tick, 2.0, 'A');
		BIDE_GROUP(second, inner) {
			bide_group_spawn(second, tick, 9.0, 'B');
			bide_group_cancel(second);
			bide_group_spawn(first, tick, 1.0, 'C');
		}
		EXPECT_INT(bide_cancelled(), 0);
	}
	EXPECT_INT(inner, 0);
	EXPECT_INT(outer, 0);
	EXPECT_STR(trace, "bCA");
	EXPECT_ELAPSED(2);
}

/* ---- in the tasks ------------------------------------------------------------------------- */

static int inner_rc;
static BIDE_ASYNC(int, has_a_group, double, int);
static int has_a_group(double seconds, int result)
{
	BIDE_GROUP(group, inner_rc) {
		bide_group_spawn(group, nap, seconds, result);
		bide_group_spawn(group, tick, 9.0, 'X');
	}
	return inner_rc;
}

VIRTUAL_TEST(a_failure_cancels_the_groups_of_the_siblings)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, has_a_group, 5.0, 0);
		bide_group_spawn(group, nap, 1.0, -EIO);
	}
	EXPECT_INT(rc, -EIO);
	EXPECT_INT(inner_rc, -ECANCELED);
	EXPECT_STR(trace, "x");
	EXPECT_ELAPSED(1);
}

VIRTUAL_TEST(a_failure_rises_through_the_groups_of_tasks)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, has_a_group, 1.0, -EIO);
		bide_group_spawn(group, tick, 5.0, 'A');
	}
	EXPECT_INT(inner_rc, -EIO);
	EXPECT_INT(rc, -EIO);
	EXPECT_STR(trace, "xa");
	EXPECT_ELAPSED(1);
}

VIRTUAL_TEST(a_task_of_an_inner_group_may_be_spawned_into_the_outer_one)
{
	int outer = 7, inner = 7;
	BIDE_GROUP(first, outer) {
		BIDE_GROUP(second, inner) {
			bide_group_spawn(first, nap, 5.0, -EIO);
			bide_group_spawn(second, tick, 1.0, 'A');
		}
		EXPECT_INT(inner, 0);
		EXPECT_ELAPSED(1);
	}
	EXPECT_INT(outer, -EIO);
	EXPECT_ELAPSED(5);
}

/* A tree of groups: each task has one with `width` tasks, down to `depth`. */
static int leaves, cancelled_leaves;
static BIDE_ASYNC(int, tree, int, int);
static int tree(int depth, int width)
{
	int rc = 0;
	if (depth == 0) {
		rc = bide_sleep(5);
		leaves += rc == 0;
		cancelled_leaves += rc == -ECANCELED;
		return rc;
	}
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < width; i++)
			bide_group_spawn(group, tree, depth - 1, width);
	}
	return rc;
}

VIRTUAL_TEST(a_tree_of_groups_ends_with_its_leaves)
{
	leaves = cancelled_leaves = 0;
	EXPECT_INT(tree(4, 4), 0);
	EXPECT_INT(leaves, 256);
	EXPECT_INT(cancelled_leaves, 0);
	EXPECT_ELAPSED(5);
}

VIRTUAL_TEST(a_cancellation_reaches_every_leaf_of_a_tree_of_groups)
{
	leaves = cancelled_leaves = 0;
	bide_task *task = bide_spawn(tree, 4, 4);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(leaves, 0);
	EXPECT_INT(cancelled_leaves, 256);
	EXPECT_ELAPSED(1);
}

/* A line of groups, each in the only task of the one before. */
VIRTUAL_TEST(a_cancellation_reaches_the_bottom_of_a_thousand_groups)
{
	leaves = cancelled_leaves = 0;
	bide_task *task = bide_spawn(tree, 1000, 1);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(cancelled_leaves, 1);
	EXPECT_ELAPSED(1);
}

/* ---- with deadlines ----------------------------------------------------------------------- */

static int fired;
static BIDE_ASYNC(int, timed_group, double, double);
static int timed_group(double timeout, double seconds)
{
	int rc = 0;
	BIDE_TIMEOUT(timeout, fired) {
		BIDE_GROUP(group, rc) {
			bide_group_spawn(group, tick, seconds, 'A');
		}
	}
	return rc;
}

VIRTUAL_TEST(the_outermost_cancelled_scope_gives_the_code_to_inner_groups)
{
	int rc = 7;
	bide_task *task = NULL;
	fired = 7;
	BIDE_GROUP(group, rc) {
		task = bide_group_spawn(group, timed_group, 1.0, 9.0);
		EXPECT_INT(bide_sleep(0.5), 0);
		bide_group_cancel(group);
		EXPECT_INT(bide_join(task), -ECANCELED);
	}
	EXPECT_INT(fired, 0);
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "a");
	EXPECT_ELAPSED(0.5);
}

/* A task that ends with the code of its own deadline has failed: nobody cancelled it. */
VIRTUAL_TEST(a_deadline_inside_a_task_of_a_group_is_a_failure_if_it_is_returned)
{
	int rc = 7;
	fired = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, timed_group, 1.0, 9.0);
		bide_group_spawn(group, tick, 5.0, 'B');
	}
	EXPECT_INT(fired, -ETIMEDOUT);
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_STR(trace, "ab");
	EXPECT_ELAPSED(1);
}
