// SPDX-License-Identifier: MIT
/* The options of a group: a limit on how many tasks run at once, collecting, dropping results; and
 * tasks spawned into a group with options of their own. */
#include "core/virtual_kit.h"

static const bide_group_options two_at_once = { .limit = 2 };
static const bide_group_options one_at_once = { .limit = 1 };
static const bide_group_options collecting = { .collect = true };
static const bide_group_options dropping = { .drop_results = true };

/* ---- limit -------------------------------------------------------------------------------- */

static int running, most;
static BIDE_ASYNC_LIGHT(int, counted, double, int);
static int counted(double seconds, int result)
{
	running++;
	most = running > most ? running : most;
	int rc = bide_sleep(seconds);
	running--;
	return rc < 0 ? rc : result;
}

VIRTUAL_TEST(no_more_tasks_than_the_limit_run_at_once)
{
	int rc = 7;
	running = most = 0;
	BIDE_GROUP_WITH(&two_at_once, group, rc) {
		for (int i = 0; i < 7; i++)
			bide_group_spawn(group, counted, 1.0, i);
		EXPECT_INT(running, 0);
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(most, 2);
	EXPECT_INT(running, 0);
	EXPECT_ELAPSED(4);
}

VIRTUAL_TEST(tasks_beyond_the_limit_begin_in_the_order_they_were_spawned)
{
	int rc = 7;
	BIDE_GROUP_WITH(&one_at_once, group, rc) {
		bide_group_spawn(group, tick, 3.0, 'A');
		bide_group_spawn(group, tick, 2.0, 'B');
		bide_group_spawn(group, tick, 1.0, 'C');
	}
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "ABC");
	EXPECT_ELAPSED(6);
}

VIRTUAL_TEST(a_task_beyond_the_limit_waits_for_its_turn_before_it_begins)
{
	int rc = 7;
	BIDE_GROUP_WITH(&one_at_once, group, rc) {
		bide_group_spawn(group, nap, 1.0, 1);
		bide_task *second = bide_group_spawn(group, nap, 1.0, 2);
		EXPECT_INT(bide_sleep(0.5), 0);
		EXPECT_INT(bide_task_state(second), BIDE_STATE_READY);
		EXPECT_INT(bide_await(int, second), 2);
	}
	EXPECT_ELAPSED(2);
}

VIRTUAL_TEST(next_gives_the_tasks_of_a_limited_group_as_they_end)
{
	int rc = 7, order = 0;
	BIDE_GROUP_WITH(&two_at_once, group, rc) {
		bide_group_spawn(group, nap, 5.0, 1);
		bide_group_spawn(group, nap, 1.0, 2);
		bide_group_spawn(group, nap, 1.0, 3);
		bide_group_spawn(group, nap, 1.0, 4);
		for (bide_task *t; (t = bide_group_next(group)) != NULL;)
			order = order * 10 + bide_await(int, t);
	}
	EXPECT_INT(order, 2341);
	EXPECT_ELAPSED(5);
}

VIRTUAL_TEST(a_failure_lets_what_has_not_begun_run_cancelled)
{
	int rc = 7;
	BIDE_GROUP_WITH(&two_at_once, group, rc) {
		bide_group_spawn(group, nap, 1.0, -EIO);
		for (char c = 'A'; c <= 'D'; c++)
			bide_group_spawn(group, tick, 9.0, c);
	}
	EXPECT_INT(rc, -EIO);
	EXPECT_STR(trace, "abcd");
	EXPECT_ELAPSED(1);
}

VIRTUAL_TEST(a_task_cancelled_before_its_turn_learns_it_when_it_begins)
{
	int rc = 7;
	BIDE_GROUP_WITH(&one_at_once, group, rc) {
		bide_group_spawn(group, tick, 2.0, 'A');
		bide_task *second = bide_group_spawn(group, tick, 2.0, 'B');
		bide_group_spawn(group, tick, 2.0, 'C');
		EXPECT_INT(bide_cancel(second), 1);
		EXPECT_INT(bide_join(second), -ECANCELED);
		EXPECT_ELAPSED(2);
	}
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "AbC");
	EXPECT_ELAPSED(4);
}

static BIDE_ASYNC(int, limited_group, void);
static int limited_group(void)
{
	int rc = 7;
	BIDE_GROUP_WITH(&one_at_once, group, rc) {
		for (char c = 'A'; c <= 'D'; c++)
			bide_group_spawn(group, tick, 9.0, c);
	}
	return rc;
}

VIRTUAL_TEST(a_limited_group_can_be_cancelled)
{
	bide_task *task = bide_spawn(limited_group);
	EXPECT_INT(bide_sleep(10), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_STR(trace, "Abcd");
	EXPECT_ELAPSED(10);
}

VIRTUAL_TEST(a_thousand_tasks_pass_through_a_narrow_group)
{
	int rc = 7;
	running = most = 0;
	BIDE_GROUP_WITH(&two_at_once, group, rc) {
		for (int i = 0; i < 1000; i++)
			bide_group_spawn(group, counted, 1.0, i);
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(most, 2);
	EXPECT_ELAPSED(500);
}

/* ---- collect ------------------------------------------------------------------------------ */

VIRTUAL_TEST(a_failure_cancels_nobody_in_a_collecting_group)
{
	int rc = 7;
	BIDE_GROUP_WITH(&collecting, group, rc) {
		bide_group_spawn(group, tick, 2.0, 'A');
		bide_group_spawn(group, nap, 1.0, -EIO);
		EXPECT_INT(bide_sleep(3), 0);
	}
	EXPECT_INT(rc, -EIO);
	EXPECT_STR(trace, "A");
	EXPECT_ELAPSED(3);
}

VIRTUAL_TEST(a_failure_that_was_looked_at_is_not_a_collecting_group_s)
{
	int rc = 7, failed = 0;
	BIDE_GROUP_WITH(&collecting, group, rc) {
		for (int i = 0; i < 6; i++)
			bide_group_spawn(group, nap, 1.0, i % 2 ? -EIO : i);
		for (bide_task *t; (t = bide_group_next(group)) != NULL;)
			failed += bide_join(t) == -EIO;
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(failed, 3);
}

static BIDE_ASYNC(int, collects_failures, void);
static int collects_failures(void)
{
	int rc = 7;
	BIDE_GROUP_WITH(&collecting, group, rc) {
		bide_group_spawn(group, nap, 3.0, -EIO);
		bide_task *looked_at = bide_group_spawn(group, nap, 1.0, -ENOENT);
		bide_group_spawn(group, nap, 2.0, -EPERM);
		EXPECT_INT(bide_await(int, looked_at), -ENOENT);
	}
	EXPECT_INT(rc, -EPERM);
	return 0;
}

TEST(a_collecting_group_s_rc_is_the_first_failure_nobody_saw_and_the_others_are_reported)
{
	CHECK_INT(RUN_VIRTUAL(collects_failures), 0);
	CHECK_UINT(reports.count, 1);
	CHECK_INT(reports.error[0], -EIO);
}

static BIDE_ASYNC(int, collects_lent_failures, void);
static int collects_lent_failures(void)
{
	int rc = 7;
	BIDE_GROUP_WITH(&collecting, group, rc) {
		bide_group_spawn(group, nap, 2.0, -EPERM);
		bide_task *first = bide_group_spawn(group, nap, 1.0, -ENOENT);
		EXPECT_PTR(bide_group_next(group), first);
	}
	EXPECT_INT(rc, -ENOENT);
	return 0;
}

TEST(a_failure_that_was_lent_and_not_taken_is_a_collecting_group_s)
{
	CHECK_INT(RUN_VIRTUAL(collects_lent_failures), 0);
	CHECK_UINT(reports.count, 1);
	CHECK_INT(reports.error[0], -EPERM);
}

static BIDE_ASYNC(int, collecting_group, void);
static int collecting_group(void)
{
	int rc = 7;
	BIDE_GROUP_WITH(&collecting, group, rc) {
		bide_group_spawn(group, tick, 9.0, 'A');
		bide_group_spawn(group, tick, 9.0, 'B');
	}
	return rc;
}

VIRTUAL_TEST(a_collecting_group_is_cancelled_from_outside_as_any)
{
	bide_task *task = bide_spawn(collecting_group);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_STR(trace, "ab");
}

VIRTUAL_TEST(break_leaves_a_collecting_group_as_any)
{
	int rc = 7;
	BIDE_GROUP_WITH(&collecting, group, rc) {
		bide_group_spawn(group, tick, 9.0, 'A');
		EXPECT_INT(bide_sleep(1), 0);
		break;
	}
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "a");
	EXPECT_ELAPSED(1);
}

/* ---- drop_results ------------------------------------------------------------------------- */

VIRTUAL_TEST(a_group_that_drops_results_frees_tasks_as_they_end)
{
	int rc = 7;
	BIDE_GROUP_WITH(&dropping, group, rc) {
		bide_task *first = bide_group_spawn(group, nap, 1.0, 1);
		EXPECT_INT(bide_sleep(2), 0);
		/* The slot is used again, by another generation. */
		bide_task *second = bide_group_spawn(group, nap, 1.0, 2);
		EXPECT(second != first);
		EXPECT_INT((uintptr_t)second & 0xfffffff, (uintptr_t)first & 0xfffffff);
	}
	EXPECT_INT(rc, 0);
	EXPECT_ELAPSED(3);
}

VIRTUAL_TEST(next_of_a_group_that_drops_results_waits_for_all_and_gives_none)
{
	int rc = 7;
	BIDE_GROUP_WITH(&dropping, group, rc) {
		bide_group_spawn(group, tick, 1.0, 'A');
		bide_group_spawn(group, tick, 2.0, 'B');
		EXPECT_PTR(bide_group_next(group), NULL);
		EXPECT_STR(trace, "AB");
	}
	EXPECT_INT(rc, 0);
}

VIRTUAL_TEST(a_task_may_be_awaited_before_its_group_drops_it)
{
	int rc = 7;
	BIDE_GROUP_WITH(&dropping, group, rc) {
		bide_task *task = bide_group_spawn(group, nap, 1.0, 42);
		EXPECT_INT(bide_await(int, task), 42);
	}
	EXPECT_INT(rc, 0);
}

VIRTUAL_TEST(a_failure_in_a_group_that_drops_results_cancels_it)
{
	int rc = 7;
	BIDE_GROUP_WITH(&dropping, group, rc) {
		bide_group_spawn(group, tick, 9.0, 'A');
		bide_group_spawn(group, nap, 1.0, -EIO);
	}
	EXPECT_INT(rc, -EIO);
	EXPECT_STR(trace, "a");
	EXPECT_ELAPSED(1);
}

static BIDE_ASYNC(int, drops_and_collects, void);
static int drops_and_collects(void)
{
	static const bide_group_options both = { .collect = true, .drop_results = true };
	int rc = 7;
	BIDE_GROUP_WITH(&both, group, rc) {
		bide_group_spawn(group, nap, 2.0, -EIO);
		bide_group_spawn(group, nap, 1.0, -EPERM);
		bide_group_spawn(group, tick, 3.0, 'A');
	}
	EXPECT_INT(rc, -EPERM);
	return 0;
}

TEST(no_failure_is_lost_in_a_collecting_group_that_drops_results)
{
	CHECK_INT(RUN_VIRTUAL(drops_and_collects), 0);
	CHECK_STR(trace, "A");
	CHECK_UINT(reports.count, 1);
	CHECK_INT(reports.error[0], -EIO);
}

/* ---- combined ----------------------------------------------------------------------------- */

VIRTUAL_TEST(a_limited_group_that_drops_results_lets_all_pass)
{
	static const bide_group_options narrow = { .limit = 3, .drop_results = true };
	int rc = 7;
	running = most = 0;
	BIDE_GROUP_WITH(&narrow, group, rc) {
		for (int i = 0; i < 300; i++)
			bide_group_spawn(group, counted, 1.0, i);
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(most, 3);
	EXPECT_ELAPSED(100);
}

VIRTUAL_TEST(a_group_without_rc_may_have_options)
{
	running = most = 0;
	BIDE_GROUP_WITH(&two_at_once, group) {
		for (int i = 0; i < 4; i++)
			bide_group_spawn(group, counted, 1.0, i);
	}
	EXPECT_INT(most, 2);
	EXPECT_ELAPSED(2);
}

VIRTUAL_TEST(no_options_are_the_defaults)
{
	int rc = 7;
	BIDE_GROUP_WITH(NULL, group, rc) {
		bide_group_spawn(group, nap, 1.0, -EIO);
		bide_group_spawn(group, tick, 9.0, 'A');
	}
	EXPECT_INT(rc, -EIO);
	EXPECT_STR(trace, "a");
}

VIRTUAL_TEST(a_task_with_options_may_be_spawned_into_a_group)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		const bide_task_options options = { .name = "yolo", .group = group };
		bide_task *task = bide_spawn_with(&options, nap, 1.0, 5);
		EXPECT_STR(bide_task_name(task), "yolo");
		EXPECT_PTR(bide_group_next(group), task);
		EXPECT_INT(bide_await(int, task), 5);
		bide_spawn_with(&options, nap, 1.0, -EIO);
	}
	EXPECT_INT(rc, -EIO);
	EXPECT_ELAPSED(2);
}

static BIDE_ASYNC(void, full_nothing, void);
static void full_nothing(void)
{
}

VIRTUAL_TEST(a_task_that_cannot_be_made_fails_its_group_unless_it_is_optional)
{
	enum { TOO_LARGE = 2 };
	int rc = 7;
	for (int optional = 0; optional < 2; optional++) {
		BIDE_GROUP(group, rc) {
			const bide_task_options options = { .stack_size = (size_t)TOO_LARGE << 30,
				                            .group = group,
				                            .optional = optional };
			EXPECT_PTR(bide_spawn_with(&options, full_nothing), NULL);
		}
		EXPECT_INT(rc, optional ? 0 : -EINVAL);
	}
}
