// SPDX-License-Identifier: MIT
/* BIDE_SCOPE and bide_scope_…: blocks that can be cancelled, by themselves and by others. */
#include "core/virtual_kit.h"

VIRTUAL_TEST(scope_that_nobody_cancels_tells_nothing)
{
	int rc = 7;
	BIDE_SCOPE(scope, rc) {
		EXPECT(scope != NULL);
		EXPECT_INT(bide_sleep(1), 0);
	}
	EXPECT_INT(rc, 0);
}

VIRTUAL_TEST(scope_cancelled_from_inside)
{
	int rc = 7;
	BIDE_SCOPE(scope, rc) {
		bide_scope_cancel(scope);
		EXPECT_INT(bide_cancelled(), -ECANCELED);
		EXPECT_INT(bide_sleep(1), -ECANCELED);
		EXPECT_INT(bide_yield(), -ECANCELED);
	}
	EXPECT_INT(rc, -ECANCELED);
	EXPECT_INT(bide_cancelled(), 0);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_ELAPSED(1.0);
}

VIRTUAL_TEST(scope_cancelled_from_another_task)
{
	int rc = 7;
	bide_task *other = NULL;
	BIDE_SCOPE(scope, rc) {
		other = bide_spawn(cancel_scope_later, 1.0, scope);
		EXPECT_INT(bide_sleep(10), -ECANCELED);
	}
	EXPECT_INT(rc, -ECANCELED);
	EXPECT_ELAPSED(1.0);
	EXPECT_INT(bide_join(other), 0);
}

VIRTUAL_TEST(scope_cancelled_that_cut_nothing_tells_nothing)
{
	int rc = 7;
	BIDE_SCOPE(scope, rc)
		bide_scope_cancel(scope);
	EXPECT_INT(rc, 0);
}

VIRTUAL_TEST(scope_cancelled_twice_is_cancelled_once)
{
	int rc = 7;
	BIDE_SCOPE(scope, rc) {
		bide_scope_cancel(scope);
		EXPECT_INT(bide_sleep(1), -ECANCELED);
		bide_scope_cancel(scope);
		EXPECT_INT(bide_sleep(1), -ECANCELED);
	}
	EXPECT_INT(rc, -ECANCELED);
}

VIRTUAL_TEST(scope_keeps_the_code_that_it_was_cancelled_with_first)
{
	int rc = 7;
	BIDE_SCOPE(scope, rc) {
		EXPECT_INT(bide_scope_reschedule(scope, 1), 0);
		EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
		bide_scope_cancel(scope);
		EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
	}
	EXPECT_INT(rc, -ETIMEDOUT);
	BIDE_SCOPE(scope, rc) {
		EXPECT_INT(bide_scope_reschedule(scope, 1), 0);
		bide_scope_cancel(scope);
		BIDE_SHIELD {
			EXPECT_INT(bide_sleep(5), 0);
		}
		EXPECT_INT(bide_sleep(10), -ECANCELED);
	}
	EXPECT_INT(rc, -ECANCELED);
	EXPECT_ELAPSED(6.0);
}

VIRTUAL_TEST(scope_inside_may_be_cancelled_alone)
{
	int outer = 7, inner = 7;
	BIDE_SCOPE(out, outer) {
		BIDE_SCOPE(in, inner) {
			bide_scope_cancel(in);
			EXPECT_INT(bide_sleep(1), -ECANCELED);
		}
		EXPECT_INT(bide_sleep(1), 0);
		(void)out;
	}
	EXPECT_INT(inner, -ECANCELED);
	EXPECT_INT(outer, 0);
}

VIRTUAL_TEST(scope_outside_takes_the_inner_one_with_it)
{
	int outer = 7, inner = 7;
	BIDE_SCOPE(out, outer) {
		BIDE_SCOPE(in, inner) {
			bide_scope_cancel(in);
			bide_scope_cancel(out);
			EXPECT_INT(bide_sleep(1), -ECANCELED);
		}
		EXPECT_INT(bide_sleep(1), -ECANCELED);
	}
	EXPECT_INT(inner, 0);
	EXPECT_INT(outer, -ECANCELED);
}

VIRTUAL_TEST(scope_reaches_down_to_groups_and_awaited_tasks)
{
	int rc = 7, grouped = 7;
	bide_task *other = NULL;
	BIDE_SCOPE(scope, rc) {
		other = bide_spawn(cancel_scope_later, 1.0, scope);
		BIDE_GROUP(group, grouped) {
			bide_group_spawn(group, tick, 5.0, 'A');
			EXPECT_INT(bide_await(int, bide_spawn(tick, 6.0, 'B')), -ECANCELED);
		}
	}
	EXPECT_STR(trace, "ba");
	EXPECT_INT(grouped, -ECANCELED);
	EXPECT_INT(rc, -ECANCELED);
	EXPECT_ELAPSED(1.0);
	EXPECT_INT(bide_join(other), 0);
}

static BIDE_ASYNC(int, branch, int);
static int branch(int depth)
{
	int rc = 0;
	if (depth == 0)
		return tick(10, 'L');
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, branch, depth - 1);
		BIDE_GROUP(inner) {
			bide_group_spawn(inner, branch, depth - 1);
			(void)bide_sleep(20);
			note('n');
		}
	}
	return rc;
}

VIRTUAL_TEST(scope_reaches_every_leaf_of_a_tree_of_groups)
{
	int rc = 7, grouped = 7, leaves = 0, nodes = 0;
	BIDE_TIMEOUT(1, rc) {
		BIDE_GROUP(group, grouped)
			bide_group_spawn(group, branch, 7);
	}
	for (const char *c = trace; *c != '\0'; c++) {
		leaves += *c == 'l';
		nodes += *c == 'n';
	}
	EXPECT_INT(leaves, 128);
	EXPECT_INT(nodes, 127);
	EXPECT_UINT(trace_length, 255);
	EXPECT_INT(grouped, -ETIMEDOUT);
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_ELAPSED(1.0);
}

VIRTUAL_TEST(scope_beside_a_cancelled_one_is_untouched)
{
	int rc = 7, grouped = 7;
	BIDE_GROUP(group, grouped) {
		bide_group_spawn(group, tick, 3.0, 'A');
		BIDE_SCOPE(scope, rc) {
			bide_scope_cancel(scope);
			bide_group_spawn(group, tick, 2.0, 'B'); /* the group is around the scope */
			EXPECT_INT(bide_sleep(1), -ECANCELED);
		}
		EXPECT_INT(bide_sleep(1), 0);
	}
	EXPECT_STR(trace, "BA");
	EXPECT_INT(grouped, 0);
}

VIRTUAL_TEST(scope_functions_open_and_close)
{
	bide_scope *scope;
	if (!EXPECT_INT(bide_scope_open(1, &scope), 0))
		return;
	EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
	EXPECT_INT(bide_scope_close(scope), -ETIMEDOUT);
	if (!EXPECT_INT(bide_scope_open(1, &scope), 0))
		return;
	EXPECT_INT(bide_scope_close(scope), 0);
	EXPECT_INT(bide_scope_open(NAN, &scope), -EINVAL);
	EXPECT_INT(bide_sleep(10), 0);
	EXPECT_ELAPSED(11.0);
}

static BIDE_ASYNC_LIGHT(int, keep_scopes, int);
static int keep_scopes(int n)
{
	int wrong = 0;
	for (int i = 0; i < n; i++) {
		int rc = 7;
		BIDE_TIMEOUT(i % 2 == 0 ? 1 : 3, rc) {
			(void)bide_sleep(2);
		}
		wrong += rc != (i % 2 == 0 ? -ETIMEDOUT : 0);
	}
	return wrong;
}

VIRTUAL_TEST(scopes_of_many_tasks_do_not_meet)
{
	enum { MANY = 100 };
	static bide_task *tasks[MANY];
	static int wrong[MANY];
	for (int i = 0; i < MANY; i++)
		tasks[i] = bide_spawn(keep_scopes, 10);
	EXPECT_INT(bide_gather(tasks, MANY, wrong), 0);
	for (int i = 0; i < MANY; i++)
		EXPECT_INT(wrong[i], 0);
	EXPECT_ELAPSED(15.0);
}
