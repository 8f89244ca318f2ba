// SPDX-License-Identifier: MIT
/* Closing a queue, at once or when it has drained; and waiting until all items have been worked
 * on. */
#include "core/virtual_kit.h"

static bide_queue *queue;

static void open_queue(size_t bound)
{
	const bide_queue_options options = { .bound = bound };
	queue = NULL;
	EXPECT_INT(bide_queue_open(int, &options, &queue), 0);
}

static BIDE_ASYNC_LIGHT(int, get_one, void);
static int get_one(void)
{
	int item = -1, rc = bide_queue_get(queue, &item);
	EXPECT(rc == 0 || item == -1);
	return rc == 0 ? item : rc;
}

static BIDE_ASYNC_LIGHT(int, put_one, int);
static int put_one(int item)
{
	return bide_queue_put(queue, &item);
}

static BIDE_ASYNC_LIGHT(int, join, void);
static int join(void)
{
	return bide_queue_join(queue);
}

static void put(int item)
{
	EXPECT_INT(bide_queue_try_put(queue, &item), 0);
}

static int take(void)
{
	int item = -1, rc = bide_queue_try_get(queue, &item);
	return rc < 0 ? rc : item;
}

static void expect_error(int error, bide_task *task)
{
	EXPECT_INT(bide_join(task), error);
}

/* ---- closing ------------------------------------------------------------------------------ */

VIRTUAL_TEST(queue_that_is_closed_refuses_puts)
{
	int item = 1;
	open_queue(0);
	bide_queue_close(queue);
	EXPECT_INT(bide_queue_put(queue, &item), -BIDE_ECLOSED);
	EXPECT_INT(bide_queue_try_put(queue, &item), -BIDE_ECLOSED);
	EXPECT(bide_queue_empty(queue));
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_that_is_closed_drains_first)
{
	int item = -1;
	open_queue(2);
	put(1);
	put(2);
	bide_queue_close(queue);
	EXPECT_INT(bide_queue_get(queue, &item), 0);
	EXPECT_INT(item, 1);
	EXPECT_INT(take(), 2);
	EXPECT_INT(bide_queue_get(queue, &item), -BIDE_ECLOSED);
	EXPECT_INT(take(), -BIDE_ECLOSED);
	EXPECT_INT(item, 1);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_wakes_waiting_gets_when_it_is_closed)
{
	open_queue(0);
	bide_task *tasks[] = { bide_spawn(get_one), bide_spawn(get_one) };
	EXPECT_INT(bide_yield(), 0);
	bide_queue_close(queue);
	expect_error(-BIDE_ECLOSED, tasks[0]);
	expect_error(-BIDE_ECLOSED, tasks[1]);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_wakes_waiting_puts_when_it_is_closed_and_takes_nothing)
{
	open_queue(1);
	put(1);
	bide_task *task = bide_spawn(put_one, 2);
	EXPECT_INT(bide_yield(), 0);
	bide_queue_close(queue);
	expect_error(-BIDE_ECLOSED, task);
	EXPECT_INT(take(), 1);
	EXPECT_INT(take(), -BIDE_ECLOSED);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_get_that_has_its_item_keeps_it_although_the_queue_is_closed)
{
	open_queue(0);
	bide_task *task = bide_spawn(get_one);
	EXPECT_INT(bide_yield(), 0);
	put(3);
	bide_queue_close_now(queue);
	bide_queue_free(queue);
	EXPECT_INT(bide_await(int, task), 3);
}

VIRTUAL_TEST(queue_put_that_has_its_room_succeeds_although_the_queue_is_closed)
{
	open_queue(1);
	put(1);
	bide_task *task = bide_spawn(put_one, 2);
	EXPECT_INT(bide_yield(), 0);
	EXPECT_INT(take(), 1);
	bide_queue_close(queue);
	expect_error(0, task);
	EXPECT_INT(take(), 2);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_is_closed_twice_without_effect)
{
	open_queue(0);
	put(1);
	bide_queue_close(queue);
	bide_queue_close(queue);
	EXPECT_INT(take(), 1);
	bide_queue_close_now(queue);
	bide_queue_close_now(queue);
	bide_queue_close(queue);
	EXPECT_INT(take(), -BIDE_ECLOSED);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_closed_now_drops_its_items)
{
	open_queue(2);
	put(1);
	put(2);
	bide_task *task = bide_spawn(put_one, 3);
	EXPECT_INT(bide_yield(), 0);
	bide_queue_close_now(queue);
	EXPECT(bide_queue_empty(queue));
	EXPECT_INT(take(), -BIDE_ECLOSED);
	expect_error(-BIDE_ECLOSED, task);
	bide_queue_free(queue);
}

static int all_are_equal(const void *a, const void *b)
{
	(void)a;
	(void)b;
	return 0;
}

VIRTUAL_TEST(queue_of_priorities_is_closed_now)
{
	const bide_queue_options options = { 0, BIDE_QUEUE_PRIORITY, all_are_equal };
	CHECK_INT(bide_queue_open(int, &options, &queue), 0);
	put(1);
	put(2);
	bide_queue_close_now(queue);
	EXPECT_INT(take(), -BIDE_ECLOSED);
	bide_queue_free(queue);
}

/* Those that are woken do not touch the queue any more. */
VIRTUAL_TEST(queue_may_be_freed_as_soon_as_it_is_closed)
{
	open_queue(0);
	bide_task *task = bide_spawn(get_one);
	EXPECT_INT(bide_yield(), 0);
	bide_queue_close(queue);
	bide_queue_free(queue);
	queue = NULL;
	expect_error(-BIDE_ECLOSED, task);
}

VIRTUAL_TEST(queue_may_be_freed_as_soon_as_a_wait_is_cancelled)
{
	open_queue(0);
	bide_task *task = bide_spawn(get_one);
	EXPECT_INT(bide_yield(), 0);
	bide_cancel(task);
	bide_queue_free(queue);
	queue = NULL;
	expect_error(-ECANCELED, task);
}

VIRTUAL_TEST(queue_errors_have_names)
{
	EXPECT_STR(bide_strerror(-BIDE_ECLOSED), "the queue or channel has been closed");
}

/* ---- work that is done -------------------------------------------------------------------- */

VIRTUAL_TEST(queue_join_of_an_empty_one_returns_at_once)
{
	open_queue(0);
	EXPECT_INT(bide_queue_join(queue), 0);
	EXPECT_ELAPSED(0);
	bide_queue_free(queue);
}

static BIDE_ASYNC_LIGHT(int, worker, void);
static int worker(void)
{
	int item, rc;
	while ((rc = bide_queue_get(queue, &item)) == 0) {
		EXPECT_INT(bide_sleep(item), 0);
		EXPECT_INT(bide_queue_task_done(queue), 0);
	}
	return rc;
}

VIRTUAL_TEST(queue_join_waits_until_all_items_are_done)
{
	open_queue(0);
	bide_task *tasks[] = { bide_spawn(worker), bide_spawn(worker) };
	for (int i = 1; i <= 4; i++)
		put(i);
	EXPECT_INT(bide_queue_join(queue), 0);
	EXPECT_ELAPSED(6); /* 1 and 3; 2 and 4 */
	put(2);
	EXPECT_INT(bide_queue_join(queue), 0);
	EXPECT_ELAPSED(8);
	bide_queue_close(queue);
	expect_error(-BIDE_ECLOSED, tasks[0]);
	expect_error(-BIDE_ECLOSED, tasks[1]);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_join_counts_items_that_were_handed_over)
{
	open_queue(0);
	bide_task *task = bide_spawn(get_one);
	EXPECT_INT(bide_yield(), 0);
	put(1);
	bide_task *joiner = bide_spawn(join);
	EXPECT_INT(bide_await(int, task), 1);
	EXPECT(!bide_task_done(joiner));
	EXPECT_INT(bide_queue_task_done(queue), 0);
	expect_error(0, joiner);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_join_is_cancelled)
{
	int fired = 7;
	open_queue(0);
	put(1);
	BIDE_TIMEOUT(1, fired)
		EXPECT_INT(bide_queue_join(queue), -ETIMEDOUT);
	EXPECT_INT(fired, -ETIMEDOUT);
	EXPECT_INT(bide_queue_task_done(queue), 0);
	EXPECT_INT(bide_queue_join(queue), 0);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_task_done_is_refused_once_too_often)
{
	open_queue(0);
	EXPECT_INT(bide_queue_task_done(queue), -EINVAL);
	put(1);
	EXPECT_INT(take(), 1);
	EXPECT_INT(bide_queue_task_done(queue), 0);
	EXPECT_INT(bide_queue_task_done(queue), -EINVAL);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_join_of_a_closed_one_waits_for_what_drains)
{
	open_queue(0);
	put(1);
	bide_task *task = bide_spawn(join);
	bide_queue_close(queue);
	EXPECT_INT(bide_yield(), 0);
	EXPECT(!bide_task_done(task));
	EXPECT_INT(take(), 1);
	EXPECT_INT(bide_queue_task_done(queue), 0);
	expect_error(0, task);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_join_of_one_closed_now_does_not_wait_for_what_was_dropped)
{
	open_queue(0);
	put(1);
	put(2);
	bide_task *task = bide_spawn(join);
	EXPECT_INT(bide_yield(), 0);
	bide_queue_close_now(queue);
	expect_error(0, task);
	EXPECT_INT(bide_queue_task_done(queue), -EINVAL);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_join_of_one_closed_now_waits_for_what_was_taken)
{
	open_queue(0);
	put(1);
	put(2);
	EXPECT_INT(take(), 1);
	bide_task *task = bide_spawn(join);
	EXPECT_INT(bide_yield(), 0);
	bide_queue_close_now(queue);
	EXPECT_INT(bide_yield(), 0);
	EXPECT(!bide_task_done(task));
	EXPECT_INT(bide_queue_task_done(queue), 0);
	expect_error(0, task);
	bide_queue_free(queue);
}
