// SPDX-License-Identifier: MIT
/* Waiting in a queue: for an item, for room; whose turn it is; and what a cancellation leaves. */
#include "core/virtual_kit.h"

static bide_queue *queue;

static void open_queue(size_t bound)
{
	const bide_queue_options options = { .bound = bound };
	queue = NULL;
	EXPECT_INT(bide_queue_open(int, &options, &queue), 0);
}

/* Gets an item after some time and notes it as a digit, or the failure as a minus. */
static BIDE_ASYNC_LIGHT(int, getter, double);
static int getter(double seconds)
{
	int item = -1, rc = seconds > 0 ? bide_sleep(seconds) : 0;
	if (rc == 0)
		rc = bide_queue_get(queue, &item);
	note(rc == 0 ? (char)('0' + item) : '-');
	return rc < 0 ? rc : item;
}

/* Puts an item after some time, then notes it as a letter; a minus when it could not. */
static BIDE_ASYNC_LIGHT(int, putter, double, int);
static int putter(double seconds, int item)
{
	int rc = seconds > 0 ? bide_sleep(seconds) : 0;
	if (rc == 0)
		rc = bide_queue_put(queue, &item);
	note(rc == 0 ? (char)('A' + item) : '-');
	return rc;
}

static void put(int item)
{
	EXPECT_INT(bide_queue_try_put(queue, &item), 0);
}

static void expect_item(int expected)
{
	int item = -1;
	EXPECT_INT(bide_queue_try_get(queue, &item), 0);
	EXPECT_INT(item, expected);
}

static void turns(int n)
{
	for (int i = 0; i < n; i++)
		EXPECT_INT(bide_yield(), 0);
}

/* ---- waiting ------------------------------------------------------------------------------ */

VIRTUAL_TEST(queue_get_waits_for_an_item)
{
	int item = 0;
	open_queue(0);
	bide_task *task = bide_spawn(putter, 2.0, 4);
	EXPECT_INT(bide_queue_get(queue, &item), 0);
	EXPECT_INT(item, 4);
	EXPECT_ELAPSED(2);
	EXPECT_INT(bide_join(task), 0);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_put_waits_for_room)
{
	int item = 2;
	open_queue(1);
	put(1);
	bide_task *task = bide_spawn(getter, 3.0);
	EXPECT_INT(bide_queue_put(queue, &item), 0);
	EXPECT_ELAPSED(3);
	EXPECT_INT(bide_await(int, task), 1);
	expect_item(2);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_item_of_a_waiting_put_is_not_yet_in_it)
{
	open_queue(1);
	put(1);
	bide_task *task = bide_spawn(putter, 0.0, 2);
	turns(1);
	EXPECT_UINT(bide_queue_size(queue), 1);
	expect_item(1);
	EXPECT_UINT(bide_queue_size(queue), 1); /* it has taken the room */
	EXPECT(bide_queue_full(queue));
	EXPECT_INT(bide_join(task), 0);
	expect_item(2);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_gets_are_served_in_the_order_of_the_calls)
{
	int rc;
	open_queue(0);
	trace_clear();
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 5; i++)
			bide_group_spawn(group, getter, 0.0);
		turns(1);
		for (int i = 0; i < 5; i++)
			put(i);
	}
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "01234");
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_puts_are_served_in_the_order_of_the_calls)
{
	int rc;
	open_queue(2);
	trace_clear();
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 6; i++)
			bide_group_spawn(group, putter, 0.0, i);
		turns(1);
		EXPECT_STR(trace, "AB");
		for (int i = 0; i < 4; i++)
			expect_item(i);
	}
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "ABCDEF");
	expect_item(4);
	expect_item(5);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_lifo_serves_waiting_puts_in_their_order)
{
	const bide_queue_options options = { .bound = 1, .order = BIDE_QUEUE_LIFO };
	int rc;
	CHECK_INT(bide_queue_open(int, &options, &queue), 0);
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 3; i++)
			bide_group_spawn(group, putter, 0.0, i);
		turns(1);
		for (int i = 0; i < 3; i++)
			expect_item(i);
	}
	EXPECT_INT(rc, 0);
	bide_queue_free(queue);
}

/* ---- no barging --------------------------------------------------------------------------- */

VIRTUAL_TEST(queue_item_goes_to_who_waited_and_not_to_who_comes_first)
{
	int item = -1;
	open_queue(0);
	bide_task *task = bide_spawn(getter, 0.0);
	turns(1);
	put(1);
	EXPECT_INT(bide_queue_try_get(queue, &item), -EAGAIN);
	EXPECT(bide_queue_empty(queue));
	EXPECT_INT(bide_await(int, task), 1);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_room_goes_to_who_waited_and_not_to_who_comes_first)
{
	int item = 3;
	open_queue(1);
	put(1);
	bide_task *task = bide_spawn(putter, 0.0, 2);
	turns(1);
	expect_item(1);
	EXPECT_INT(bide_queue_try_put(queue, &item), -EAGAIN);
	EXPECT_INT(bide_join(task), 0);
	expect_item(2);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_shared_by_hungry_tasks_feeds_them_in_turn)
{
	int rc;
	open_queue(0);
	trace_clear();
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 3; i++)
			bide_group_spawn(group, getter, 0.0);
		turns(1);
		put(1);
		bide_group_spawn(group, getter, 0.0); /* behind those that wait */
		turns(1);
		put(2);
		put(3);
		put(4);
	}
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "1234");
	bide_queue_free(queue);
}

/* ---- cancelled gets ----------------------------------------------------------------------- */

VIRTUAL_TEST(queue_get_with_a_timeout)
{
	int item = -1, fired = 7, rc = 7;
	open_queue(0);
	BIDE_TIMEOUT(2, fired)
		rc = bide_queue_get(queue, &item);
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_INT(fired, -ETIMEDOUT);
	EXPECT_INT(item, -1);
	EXPECT_ELAPSED(2);
	put(5);
	expect_item(5);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_get_that_is_cancelled_takes_nothing)
{
	open_queue(0);
	bide_task *task = bide_spawn(getter, 0.0);
	turns(1);
	EXPECT_INT(bide_cancel(task), 1);
	put(6);
	EXPECT_INT(bide_join(task), -ECANCELED);
	expect_item(6);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_get_that_has_its_item_keeps_it_although_it_is_cancelled)
{
	open_queue(0);
	bide_task *task = bide_spawn(getter, 0.0);
	turns(1);
	put(6);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_await(int, task), 6);
	EXPECT(bide_queue_empty(queue));
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_get_that_is_cancelled_leaves_its_place_to_the_next)
{
	bide_task *tasks[3];
	open_queue(0);
	for (int i = 0; i < 3; i++)
		tasks[i] = bide_spawn(getter, 0.0);
	turns(1);
	EXPECT_INT(bide_cancel(tasks[0]), 1);
	EXPECT_INT(bide_cancel(tasks[1]), 1);
	put(7);
	EXPECT_INT(bide_await(int, tasks[2]), 7);
	EXPECT_INT(bide_join(tasks[0]), -ECANCELED);
	EXPECT_INT(bide_join(tasks[1]), -ECANCELED);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_get_in_a_cancelled_scope_leaves_the_item)
{
	int item = -1;
	open_queue(0);
	put(8);
	BIDE_SCOPE(scope) {
		bide_scope_cancel(scope);
		EXPECT_INT(bide_queue_get(queue, &item), -ECANCELED);
	}
	EXPECT_INT(item, -1);
	expect_item(8);
	bide_queue_free(queue);
}

/* ---- cancelled puts ----------------------------------------------------------------------- */

VIRTUAL_TEST(queue_put_that_is_cancelled_puts_nothing)
{
	open_queue(1);
	put(1);
	bide_task *task = bide_spawn(putter, 0.0, 2);
	turns(1);
	EXPECT_INT(bide_cancel(task), 1);
	expect_item(1);
	EXPECT(bide_queue_empty(queue));
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT(bide_queue_empty(queue));
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_put_that_has_its_room_keeps_it_although_it_is_cancelled)
{
	open_queue(1);
	put(1);
	bide_task *task = bide_spawn(putter, 0.0, 2);
	turns(1);
	expect_item(1);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), 0);
	expect_item(2);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_put_that_is_cancelled_leaves_its_place_to_the_next)
{
	bide_task *tasks[3];
	open_queue(1);
	put(1);
	for (int i = 0; i < 3; i++)
		tasks[i] = bide_spawn(putter, 0.0, 2 + i);
	turns(1);
	EXPECT_INT(bide_cancel(tasks[1]), 1);
	expect_item(1);
	expect_item(2);
	expect_item(4);
	EXPECT_INT(bide_join(tasks[0]), 0);
	EXPECT_INT(bide_join(tasks[1]), -ECANCELED);
	EXPECT_INT(bide_join(tasks[2]), 0);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_put_in_a_cancelled_scope_puts_nothing)
{
	int item = 8;
	open_queue(0);
	BIDE_SCOPE(scope) {
		bide_scope_cancel(scope);
		EXPECT_INT(bide_queue_put(queue, &item), -ECANCELED);
	}
	EXPECT(bide_queue_empty(queue));
	EXPECT_INT(bide_queue_join(queue), 0);
	bide_queue_free(queue);
}

/* ---- items that do not fit a task's record ------------------------------------------------ */

typedef struct {
	int numbers[10];
} large;

static BIDE_ASYNC_LIGHT(int, large_getter, bool);
static int large_getter(bool fails)
{
	large item;
	int rc = bide_queue_get(queue, &item);
	EXPECT_INT(rc < 0, fails);
	return rc < 0 ? rc : item.numbers[9];
}

static BIDE_ASYNC_LIGHT(int, large_putter, int);
static int large_putter(int number)
{
	large item = { .numbers = { [9] = number } };
	return bide_queue_put(queue, &item);
}

VIRTUAL_TEST(queue_of_large_items_loses_none_to_cancellations)
{
	const bide_queue_options options = { .bound = 1 };
	large item;
	CHECK_INT(bide_queue_open(large, &options, &queue), 0);
	bide_task *first = bide_spawn(large_getter, true);
	bide_task *second = bide_spawn(large_getter, false);
	turns(1);
	bide_cancel(first);
	bide_task *puts[] = { bide_spawn(large_putter, 1), bide_spawn(large_putter, 2),
		              bide_spawn(large_putter, 3), bide_spawn(large_putter, 4) };
	turns(2);
	bide_cancel(puts[2]);
	EXPECT_INT(bide_await(int, second), 1);
	EXPECT_INT(bide_join(first), -ECANCELED);
	EXPECT_INT(bide_queue_get(queue, &item), 0);
	EXPECT_INT(item.numbers[9], 2);
	EXPECT_INT(bide_queue_get(queue, &item), 0);
	EXPECT_INT(item.numbers[9], 4);
	EXPECT_INT(bide_join(puts[0]), 0);
	EXPECT_INT(bide_join(puts[1]), 0);
	EXPECT_INT(bide_join(puts[2]), -ECANCELED);
	EXPECT_INT(bide_join(puts[3]), 0);
	EXPECT(bide_queue_empty(queue));
	bide_queue_free(queue);
}

/* ---- from callbacks ----------------------------------------------------------------------- */

static void put_from_callback(void *arg)
{
	put(*(int *)arg);
}

VIRTUAL_TEST(queue_is_put_to_by_a_callback_of_the_loop)
{
	static int number = 9;
	int item = 0;
	open_queue(0);
	EXPECT_INT(bide_call_threadsafe(bide_current_loop(), put_from_callback, &number), 0);
	EXPECT_INT(bide_queue_get(queue, &item), 0);
	EXPECT_INT(item, 9);
	bide_queue_free(queue);
}

/* ---- nobody ever puts --------------------------------------------------------------------- */

static BIDE_ASYNC(int, wait_in_vain, void);
static int wait_in_vain(void)
{
	int rc = 0, item = 1;
	open_queue(1);
	BIDE_GROUP(group, rc) {
		put(1);
		bide_group_spawn(group, putter, 0.0, 2);
		EXPECT_INT(bide_queue_join(queue), -EDEADLK);
	}
	while (bide_queue_try_get(queue, &item) == 0)
		continue;
	if (bide_queue_get(queue, &item) == 0)
		rc = 0;
	bide_queue_free(queue);
	return rc;
}

TEST(queue_waits_are_told_of_in_a_deadlock)
{
	EXPECT_INT(RUN_VIRTUAL(wait_in_vain), -EDEADLK);
	EXPECT_UINT(reports.count, 1);
	EXPECT(strstr(reports.message[0], "'wait_in_vain' (#1) waits in bide_queue_join for 1 item "
	                                  "of a queue of int") != NULL);
	EXPECT(strstr(reports.message[0], "'putter' (#2) waits in bide_queue_put for room in a "
	                                  "full queue of int") != NULL);
}

static BIDE_ASYNC(int, get_in_vain, void);
static int get_in_vain(void)
{
	int item = -1;
	open_queue(1);
	EXPECT_INT(bide_sleep(1), 0);
	int rc = bide_queue_get(queue, &item);
	EXPECT_INT(rc, -EDEADLK);
	bide_queue_free(queue);
	return rc;
}

TEST(queue_get_is_told_of_in_a_deadlock)
{
	EXPECT_INT(RUN_VIRTUAL(get_in_vain), -EDEADLK);
	EXPECT(strstr(reports.message[0], "'get_in_vain' (#1) waits in bide_queue_get for an item "
	                                  "of an empty queue of int") != NULL);
}
