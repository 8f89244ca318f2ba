// SPDX-License-Identifier: MIT
/* bide_group_next(): a group's tasks in the order in which they end, each once, lent. */
#include "core/virtual_kit.h"

/* ---- order -------------------------------------------------------------------------------- */

VIRTUAL_TEST(next_gives_the_tasks_in_the_order_they_end)
{
	static const double delays[] = { 3, 1, 4, 1.5, 9, 2, 6, 5 };
	double before = 0;
	int rc = 7, n = 0;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 8; i++)
			bide_group_spawn(group, nap, delays[i], i);
		for (bide_task *t; (t = bide_group_next(group)) != NULL; n++) {
			EXPECT(bide_task_done(t));
			double now = elapsed();
			EXPECT(now > before);
			before = now;
			EXPECT_DOUBLE(delays[bide_await(int, t)], now);
		}
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(n, 8);
	EXPECT_ELAPSED(9);
}

VIRTUAL_TEST(next_gives_tasks_that_end_in_one_turn_in_the_order_they_were_woken)
{
	int rc = 7, n = 0;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 50; i++)
			bide_group_spawn(group, nap, 1.0, i);
		for (bide_task *t; (t = bide_group_next(group)) != NULL;)
			EXPECT_INT(bide_await(int, t), n++);
	}
	EXPECT_INT(n, 50);
	EXPECT_ELAPSED(1);
}

VIRTUAL_TEST(next_gives_what_ended_before_it_was_called)
{
	int rc = 7, order = 0;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, nap, 2.0, 2);
		bide_group_spawn(group, nap, 1.0, 1);
		bide_group_spawn(group, nap, 5.0, 3);
		EXPECT_INT(bide_sleep(3), 0);
		for (bide_task *t; (t = bide_group_next(group)) != NULL;)
			order = order * 10 + bide_await(int, t);
	}
	EXPECT_INT(order, 123);
	EXPECT_ELAPSED(5);
}

VIRTUAL_TEST(next_gives_tasks_spawned_while_it_is_asked)
{
	int rc = 7, n = 0;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, nap, 1.0, 5);
		for (bide_task *t; (t = bide_group_next(group)) != NULL; n++) {
			int left = bide_await(int, t);
			if (left > 0)
				bide_group_spawn(group, nap, 1.0, left - 1);
		}
	}
	EXPECT_INT(n, 6);
	EXPECT_ELAPSED(6);
}

/* ---- when there is none ------------------------------------------------------------------- */

VIRTUAL_TEST(next_of_an_empty_group_is_none_at_once)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		EXPECT_PTR(bide_group_next(group), NULL);
		bide_group_spawn(group, nap, 1.0, 1);
		EXPECT(bide_group_next(group) != NULL);
		EXPECT_PTR(bide_group_next(group), NULL);
		EXPECT_PTR(bide_group_next(group), NULL);
	}
	EXPECT_INT(rc, 0);
	EXPECT_ELAPSED(1);
}

VIRTUAL_TEST(next_is_none_when_a_task_fails)
{
	int rc = 7, n = 0;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, nap, 1.0, 1);
		bide_group_spawn(group, nap, 2.0, -EIO);
		bide_group_spawn(group, nap, 3.0, 3);
		for (bide_task *t; (t = bide_group_next(group)) != NULL; n++)
			EXPECT_INT(bide_await(int, t), 1);
		EXPECT_INT(bide_cancelled(), -ECANCELED);
	}
	EXPECT_INT(n, 1);
	EXPECT_INT(rc, -EIO);
	EXPECT_ELAPSED(2);
}

static BIDE_ASYNC(int, asks, int *);
static int asks(int *ret_given)
{
	int rc = 0;
	*ret_given = 0;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, nap, 1.0, 1);
		bide_group_spawn(group, tick, 9.0, 'A');
		while (bide_group_next(group) != NULL)
			++*ret_given;
		EXPECT_INT(bide_cancelled(), -ECANCELED);
	}
	return rc;
}

VIRTUAL_TEST(next_is_none_when_its_caller_is_cancelled)
{
	static int given;
	bide_task *task = bide_spawn(asks, &given);
	EXPECT_INT(bide_sleep(2), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(given, 1);
	EXPECT_STR(trace, "a");
	EXPECT_ELAPSED(2);
}

VIRTUAL_TEST(next_is_none_at_a_deadline_and_goes_on_after_it)
{
	int rc = 7, fired = 7, n = 0;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, nap, 1.0, 1);
		bide_group_spawn(group, nap, 3.0, 3);
		BIDE_TIMEOUT(2, fired) {
			while (bide_group_next(group) != NULL)
				n++;
			EXPECT_INT(bide_cancelled(), -ETIMEDOUT);
		}
		EXPECT_INT(fired, -ETIMEDOUT);
		EXPECT_INT(n, 1);
		bide_task *last = bide_group_next(group);
		EXPECT_INT(bide_await(int, last), 3);
	}
	EXPECT_INT(rc, 0);
	EXPECT_ELAPSED(3);
}

/* ---- each once, lent ---------------------------------------------------------------------- */

VIRTUAL_TEST(a_task_that_next_lent_needs_no_awaiting)
{
	int rc = 7, n = 0;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 4; i++)
			bide_group_spawn(group, nap, 1.0, i);
		for (bide_task *t; (t = bide_group_next(group)) != NULL; n++)
			if (n % 2 == 0)
				EXPECT_INT(bide_await(int, t), n);
	}
	EXPECT_INT(n, 4);
	EXPECT_INT(rc, 0);
}

VIRTUAL_TEST(next_does_not_give_what_was_awaited)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_task *a = bide_group_spawn(group, nap, 1.0, 1);
		bide_task *b = bide_group_spawn(group, nap, 2.0, 2);
		bide_task *c = bide_group_spawn(group, nap, 2.5, 3);
		EXPECT_INT(bide_await(int, b), 2);
		EXPECT_PTR(bide_group_next(group), a);
		EXPECT_PTR(bide_group_next(group), c);
		EXPECT_PTR(bide_group_next(group), NULL);
		EXPECT_INT(bide_await(int, a), 1);
	}
	EXPECT_INT(rc, 0);
}

VIRTUAL_TEST(next_does_not_give_again_what_was_looked_at_by_wait)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_task *a = bide_group_spawn(group, nap, 1.0, 1);
		bide_task *b = bide_group_spawn(group, nap, 2.0, 2);
		EXPECT_PTR(bide_group_next(group), a);
		EXPECT_INT(bide_wait(&a, 1, BIDE_ALL), 1);
		EXPECT_PTR(bide_group_next(group), b);
		EXPECT_PTR(bide_group_next(group), NULL);
	}
	EXPECT_INT(rc, 0);
}

VIRTUAL_TEST(next_gives_what_wait_has_seen_end)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_task *a = bide_group_spawn(group, nap, 1.0, 1);
		bide_task *b = bide_group_spawn(group, nap, 2.0, 2);
		EXPECT_INT(bide_wait(&a, 1, BIDE_ALL), 1);
		EXPECT_PTR(bide_group_next(group), a);
		EXPECT_PTR(bide_group_next(group), b);
	}
	EXPECT_INT(rc, 0);
}

VIRTUAL_TEST(wait_does_not_change_the_order_of_next)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_task *a = bide_group_spawn(group, nap, 1.0, 1);
		bide_task *b = bide_group_spawn(group, nap, 2.0, 2);
		bide_task *tasks[] = { b, a };
		EXPECT_INT(bide_wait(tasks, 2, BIDE_ALL), 2);
		EXPECT_PTR(bide_group_next(group), a);
		EXPECT_PTR(bide_group_next(group), b);
	}
	EXPECT_INT(rc, 0);
}

/* ---- tasks that others await meanwhile ---------------------------------------------------- */

static BIDE_ASYNC(int, joins, bide_task *, double);
static int joins(bide_task *task, double seconds)
{
	int rc = bide_join(task);
	return rc < 0 ? rc : bide_sleep(seconds);
}

VIRTUAL_TEST(next_goes_on_when_a_sibling_takes_a_task)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_task *a = bide_group_spawn(group, nap, 1.0, 1);
		bide_task *b = bide_group_spawn(group, joins, a, 2.0);
		EXPECT_PTR(bide_group_next(group), b);
		EXPECT_PTR(bide_group_next(group), NULL);
	}
	EXPECT_INT(rc, 0);
	EXPECT_ELAPSED(3);
}

static BIDE_ASYNC(int, joins_later, double, bide_task *, double);
static int joins_later(double delay, bide_task *task, double seconds)
{
	int rc = bide_sleep(delay);
	return rc < 0 ? rc : joins(task, seconds);
}

/* The sibling takes the task between its end and the turn of the one that asks for the next. */
VIRTUAL_TEST(next_goes_on_when_a_sibling_was_quicker)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_task *a = bide_group_spawn(group, nap, 1.0, 1);
		bide_task *b = bide_group_spawn(group, joins_later, 1.0, a, 2.0);
		EXPECT_PTR(bide_group_next(group), b);
		EXPECT_PTR(bide_group_next(group), NULL);
	}
	EXPECT_INT(rc, 0);
	EXPECT_ELAPSED(3);
}

VIRTUAL_TEST(next_is_none_when_a_sibling_took_the_last_one)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_task *a = bide_group_spawn(group, nap, 1.0, 1);
		bide_task *b = bide_group_spawn(group, joins, a, 0.0);
		EXPECT_INT(bide_join(b), 0);
		EXPECT_PTR(bide_group_next(group), NULL);
	}
	EXPECT_INT(rc, 0);
	EXPECT_ELAPSED(1);
}

VIRTUAL_TEST(a_task_outside_may_await_one_of_a_group_that_closes)
{
	int rc = 7;
	bide_task *outside = NULL;
	BIDE_GROUP(group, rc) {
		bide_task *a = bide_group_spawn(group, nap, 1.0, 1);
		outside = bide_spawn(joins, a, 0.0);
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(bide_join(outside), 0);
	EXPECT_ELAPSED(1);
}

/* ---- asked by another --------------------------------------------------------------------- */

static BIDE_ASYNC(int, drains, bide_group *);
static int drains(bide_group *group)
{
	int sum = 0;
	for (bide_task *t; (t = bide_group_next(group)) != NULL;)
		sum += bide_await(int, t);
	return sum;
}

VIRTUAL_TEST(next_may_be_asked_by_a_task_outside_the_group)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		for (int i = 1; i <= 4; i++)
			bide_group_spawn(group, nap, (double)i, i);
		EXPECT_INT(bide_await(int, bide_spawn(drains, group)), 10);
	}
	EXPECT_INT(rc, 0);
	EXPECT_ELAPSED(4);
}

static BIDE_ASYNC(int, two_ask, void);
static int two_ask(void)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, nap, 1.0, 1);
		bide_task *other = bide_spawn(drains, group);
		(void)bide_yield();
		(void)bide_group_next(group);
		(void)bide_join(other);
	}
	return rc;
}

TEST_ABORTS(two_tasks_cannot_ask_one_group_for_its_next,
            "task 'drains' (#3) waits for the same tasks already")
{
	(void)RUN_VIRTUAL(two_ask);
}

static BIDE_ASYNC(int, closes_while_another_asks, void);
static int closes_while_another_asks(void)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, nap, 1.0, 1);
		bide_detach(bide_spawn(drains, group));
		(void)bide_yield();
	}
	return rc;
}

TEST_ABORTS(a_group_does_not_close_while_another_asks_for_its_next,
            "bide_group_close: in task 'closes_while_another_asks' (#1): task 'drains' (#3) waits")
{
	(void)RUN_VIRTUAL(closes_while_another_asks);
}

static BIDE_ASYNC(int, closes_before_the_other_knows, void);
static int closes_before_the_other_knows(void)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_task *last = bide_group_spawn(group, nap, 1.0, 1);
		bide_detach(bide_spawn(drains, group));
		(void)bide_yield();
		(void)bide_wait(&last, 1, BIDE_ALL);
	}
	return rc;
}

TEST_ABORTS(a_group_does_not_close_before_one_that_asked_has_its_answer,
            "bide_group_close: in task 'closes_before_the_other_knows'")
{
	(void)RUN_VIRTUAL(closes_before_the_other_knows);
}

static BIDE_ASYNC(int, takes_next, bide_completion *);
static int takes_next(bide_completion *it)
{
	(void)bide_completion_next(it);
	return 0;
}

static BIDE_ASYNC(int, two_iterate, void);
static int two_iterate(void)
{
	bide_completion *it = NULL;
	bide_task *task = bide_spawn(nap, 1.0, 1);
	if (bide_completion_open(&task, 1, &it) < 0)
		return -ENOMEM;
	bide_detach(bide_spawn(takes_next, it));
	(void)bide_yield();
	return takes_next(it);
}

TEST_ABORTS(two_tasks_cannot_wait_in_one_iteration,
            "BIDE_AS_COMPLETED: in task 'two_iterate' (#1): task 'takes_next' (#3) waits")
{
	(void)RUN_VIRTUAL(two_iterate);
}
