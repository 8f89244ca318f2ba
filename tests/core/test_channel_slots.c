// SPDX-License-Identifier: MIT
/* The insides of channels, in states in which other threads leave them for moments only: positions
 * that are claimed and not yet filled, or not yet emptied, and items that come just before a wait.
 * What a thread does between two steps is done by hand here. */
#include "core/meet.h"
#include "core/virtual_kit.h"

#include <pthread.h>
#include <stdlib.h>

static bide_channel *channel;

static void open_channel(size_t bound)
{
	CHECK_INT(bide_channel_open(int, bound, &channel), 0);
}

/* Somebody is about to put an item. Of the first block; its number of items is that of a line. */
static uint64_t claim_room(void)
{
	uint64_t position = channel->slots.tail / 2;
	channel->slots.tail += 2;
	return position;
}

static void fill(uint64_t position, int item)
{
	struct bide__slots *slots = &channel->slots;
	memcpy(slots->memory + slots->states + position * sizeof(int), &item, sizeof item);
	slots->memory[position] = 1;
}

/* Somebody is about to take one. */
static void claim_item(void)
{
	channel->slots.head++;
}

static void expect_item(int expected)
{
	int item = -1;
	EXPECT_INT(bide_channel_try_receive(channel, &item), 0);
	EXPECT_INT(item, expected);
}

static void expect_none(void)
{
	int item = -1;
	EXPECT_INT(bide_channel_try_receive(channel, &item), -EAGAIN);
}

/* ---- positions that are claimed ----------------------------------------------------------- */

TEST(slots_that_are_not_yet_filled_hold_up_who_takes)
{
	int item = 7;
	open_channel(4);
	uint64_t first = claim_room();
	EXPECT_INT(bide_channel_try_send(channel, &item), 0);
	expect_none();
	EXPECT_UINT(bide_channel_size(channel), 2);
	bide_channel_close(channel);
	expect_none(); /* there is one to come */
	fill(first, 6);
	expect_item(6);
	expect_item(7);
	EXPECT_INT(bide_channel_try_receive(channel, &item), -BIDE_ECLOSED);
	bide_channel_unref(channel);
}

TEST(slots_that_are_not_yet_emptied_hold_up_who_puts)
{
	int item = 1;
	open_channel(2);
	EXPECT_INT(bide_channel_try_send(channel, &item), 0);
	EXPECT_INT(bide_channel_try_send(channel, &item), 0);
	claim_item();
	EXPECT_INT(bide_channel_try_send(channel, &item), -EAGAIN);
	EXPECT(!bide__slots_can_put(&channel->slots));
	channel->slots.memory[0] = 2;
	EXPECT(bide__slots_can_put(&channel->slots));
	EXPECT_INT(bide_channel_try_send(channel, &item), 0);
	bide_channel_unref(channel);
}

/* What a child of a fork does, in which those who were about to are not there. */
TEST(slots_are_repaired)
{
	int item;
	open_channel(8);
	for (item = 0; item < 3; item++)
		EXPECT_INT(bide_channel_try_send(channel, &item), 0);
	(void)claim_room();
	EXPECT_INT(bide_channel_try_send(channel, &item), 0);
	(void)claim_room();
	claim_item();
	bide__slots_repair(&channel->slots);
	EXPECT_UINT(bide_channel_size(channel), 3);
	for (item = 10; item < 15; item++)
		EXPECT_INT(bide_channel_try_send(channel, &item), 0);
	EXPECT_INT(bide_channel_try_send(channel, &item), -EAGAIN);
	expect_item(1);
	expect_item(2);
	expect_item(3);
	for (item = 10; item < 15; item++)
		expect_item(item);
	expect_none();
	bide_channel_unref(channel);
}

/* ---- meeting ------------------------------------------------------------------------------ */

static BIDE_ASYNC_LIGHT(int, receiver, void);
static int receiver(void)
{
	int item = -1, rc = bide_channel_receive(channel, &item);
	return rc < 0 ? rc : item;
}

static void turns(void)
{
	for (int i = 0; i < 4; i++)
		EXPECT_INT(bide_yield(), 0);
}

/* Two were called in vain, as the first position was not filled; of that comes one call. */
VIRTUAL_TEST(channel_receiver_that_has_its_item_calls_the_next)
{
	int item = 7;
	open_channel(4);
	bide_task *first = bide_spawn(receiver), *second = bide_spawn(receiver);
	turns();
	uint64_t position = claim_room();
	EXPECT_INT(bide_channel_try_send(channel, &item), 0);
	turns();
	EXPECT(!bide_task_done(first));
	fill(position, 6);
	bide__call_first(channel, BIDE__RECEIVER);
	EXPECT_INT(bide_await(int, first), 6);
	EXPECT_INT(bide_await(int, second), 7);
	bide_channel_unref(channel);
}

/* The end of a closed channel comes to all, when the last item has come late. */
VIRTUAL_TEST(channel_end_is_passed_on)
{
	open_channel(4);
	bide_task *tasks[] = { bide_spawn(receiver), bide_spawn(receiver), bide_spawn(receiver) };
	turns();
	uint64_t position = claim_room();
	bide_channel_close(channel);
	turns();
	fill(position, 6);
	bide__call_first(channel, BIDE__RECEIVER);
	EXPECT_INT(bide_await(int, tasks[0]), 6);
	EXPECT_INT(bide_await(int, tasks[1]), -BIDE_ECLOSED);
	EXPECT_INT(bide_await(int, tasks[2]), -BIDE_ECLOSED);
	bide_channel_unref(channel);
}

/* An item has come between the look and the wait, and its sender saw nobody wait. */
VIRTUAL_TEST(channel_wait_begins_with_another_look)
{
	bide_loop *loop = bide_current_loop();
	int item = 5;
	open_channel(1);
	EXPECT_INT(bide_channel_try_send(channel, &item), 0);
	EXPECT_INT(bide__channel_begin(loop, loop->current, channel, BIDE__RECEIVER, NULL), 0);
	item = 0;
	bide__channel_finish(loop, loop->current, &item, sizeof item);
	EXPECT_INT(item, 5);
	item = 8;
	EXPECT_INT(bide__channel_begin(loop, loop->current, channel, BIDE__SENDER, &item), 0);
	expect_item(8);
	bide_channel_close(channel);
	EXPECT_INT(bide__channel_begin(loop, loop->current, channel, BIDE__RECEIVER, NULL),
	           -BIDE_ECLOSED);
	EXPECT_UINT(loop->in_threads, 0);
	bide_channel_unref(channel);
}

/* ---- several at once ---------------------------------------------------------------------- */

enum { THREADS = 3, EACH = 50000 };

/* With room for all nobody is ever told that there is none, however they meet. */
static void *put_many(void *arg)
{
	intptr_t refused = 0;
	(void)arg;
	for (int i = 0; i < EACH; i++)
		refused += bide_channel_try_send(channel, &i) != 0;
	return (void *)refused;
}

static void *take_many(void *arg)
{
	intptr_t refused = 0;
	int item;
	(void)arg;
	for (int i = 0; i < EACH; i++)
		refused += bide_channel_try_receive(channel, &item) != 0;
	return (void *)refused;
}

static void at_once(void *(*fn)(void *))
{
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, fn, NULL), 0);
	for (int i = 0; i < THREADS; i++) {
		void *refused;
		pthread_join(threads[i], &refused);
		EXPECT_INT((intptr_t)refused, 0);
	}
}

TEST(slots_that_are_there_are_had_by_all_at_once)
{
	open_channel((size_t)THREADS * EACH);
	at_once(put_many);
	EXPECT_UINT(bide_channel_size(channel), (size_t)THREADS * EACH);
	at_once(take_many);
	EXPECT_UINT(bide_channel_size(channel), 0);
	bide_channel_unref(channel);
}
