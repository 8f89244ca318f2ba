// SPDX-License-Identifier: MIT
/* What goes into a channel comes out of it, in order, copied, and no more of it at once than the
 * bound; without waiting, and with or without a loop. */
#include "core/virtual_kit.h"

static bide_channel *open_ints(size_t bound)
{
	bide_channel *channel = NULL;
	EXPECT_INT(bide_channel_open(int, bound, &channel), 0);
	return channel;
}

/* ---- without a loop ----------------------------------------------------------------------- */

TEST(channel_gives_items_in_the_order_in_which_they_were_sent)
{
	bide_channel *channel = open_ints(5);
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 5; i++) {
			int item = round * 5 + i;
			CHECK_INT(bide_channel_try_send(channel, &item), 0);
		}
		for (int i = 0; i < 5; i++) {
			int item = -1;
			CHECK_INT(bide_channel_try_receive(channel, &item), 0);
			CHECK_INT(item, round * 5 + i);
		}
	}
	bide_channel_unref(channel);
}

/* Also where that is no power of two, and wherever in the ring it is. */
TEST(channel_holds_as_many_items_as_its_bound)
{
	for (size_t bound = 1; bound <= 9; bound++) {
		bide_channel *channel = open_ints(bound);
		int item = 0;
		for (size_t shift = 0; shift < 20; shift++) {
			while (bide_channel_size(channel) < bound)
				CHECK_INT(bide_channel_try_send(channel, &item), 0);
			CHECK_INT(bide_channel_try_send(channel, &item), -EAGAIN);
			CHECK_UINT(bide_channel_size(channel), bound);
			CHECK_INT(bide_channel_try_receive(channel, &item), 0);
			CHECK_UINT(bide_channel_size(channel), bound - 1);
		}
		bide_channel_unref(channel);
	}
}

/* Where the state of a slot has gone round more than once, and more than one block is used. */
TEST(channel_goes_round_for_ever)
{
	bide_channel *channel = open_ints(40);
	int sent = 0, received = 0, item;
	for (int round = 0; round < 2000; round++) {
		for (int i = 0; i < 1 + round % 40; i++, sent++)
			CHECK_INT(bide_channel_try_send(channel, &sent), 0);
		for (; bide_channel_try_receive(channel, &item) == 0; received++)
			CHECK_INT(item, received);
	}
	EXPECT_INT(received, sent);
	bide_channel_unref(channel);
}

TEST(channel_that_is_empty_gives_nothing)
{
	bide_channel *channel = open_ints(1);
	int item = 7;
	EXPECT_INT(bide_channel_try_receive(channel, &item), -EAGAIN);
	EXPECT_INT(item, 7);
	EXPECT_UINT(bide_channel_size(channel), 0);
	bide_channel_unref(channel);
}

TEST(channel_without_room_for_an_item_is_refused)
{
	bide_channel *channel = NULL;
	EXPECT_INT(bide_channel_open(int, 0, &channel), -EINVAL);
	EXPECT_PTR(channel, NULL);
}

TEST(channel_of_more_items_than_there_is_memory_is_refused)
{
	bide_channel *channel = NULL;
	EXPECT_INT(bide_channel_open(int, SIZE_MAX, &channel), -ENOMEM);
	EXPECT_INT(bide_channel_open(int, SIZE_MAX / 2, &channel), -ENOMEM);
	EXPECT_PTR(channel, NULL);
}

#define OF_SIZE(n) \
	do { \
		struct { \
			unsigned char bytes[n]; \
		} item, got; \
		__typeof__(item) *any = &item; \
		bide_channel *channel; \
		CHECK_INT(bide_channel_open(__typeof__(*any), 3, &channel), 0); \
		for (int round = 0; round < 10; round++) { \
			memset(&item, 'a' + round, sizeof item); \
			memset(&got, 0, sizeof got); \
			CHECK_INT(bide_channel_send(channel, &item), 0); \
			CHECK_INT(bide_channel_receive(channel, &got), 0); \
			CHECK_MEM(&got, &item, sizeof item); \
		} \
		bide_channel_unref(channel); \
	} while (0)

TEST(channel_copies_items_of_any_size)
{
	OF_SIZE(1);
	OF_SIZE(2);
	OF_SIZE(3);
	OF_SIZE(4);
	OF_SIZE(7);
	OF_SIZE(8);
	OF_SIZE(9);
	OF_SIZE(16);
	OF_SIZE(17);
	OF_SIZE(28);
	OF_SIZE(29);
	OF_SIZE(56);
	OF_SIZE(57);
	OF_SIZE(1000);
}

/* ---- closing ------------------------------------------------------------------------------ */

TEST(channel_that_is_closed_drains_and_takes_nothing_more)
{
	bide_channel *channel = open_ints(3);
	int item = 1;
	EXPECT_INT(bide_channel_send(channel, &item), 0);
	item = 2;
	EXPECT_INT(bide_channel_send(channel, &item), 0);
	bide_channel_close(channel);
	bide_channel_close(channel);
	EXPECT_INT(bide_channel_send(channel, &item), -BIDE_ECLOSED);
	EXPECT_INT(bide_channel_try_send(channel, &item), -BIDE_ECLOSED);
	EXPECT_UINT(bide_channel_size(channel), 2);
	EXPECT_INT(bide_channel_receive(channel, &item), 0);
	EXPECT_INT(item, 1);
	EXPECT_INT(bide_channel_try_receive(channel, &item), 0);
	EXPECT_INT(item, 2);
	EXPECT_INT(bide_channel_receive(channel, &item), -BIDE_ECLOSED);
	EXPECT_INT(bide_channel_try_receive(channel, &item), -BIDE_ECLOSED);
	EXPECT_INT(item, 2);
	bide_channel_unref(channel);
}

TEST(channel_stays_while_there_are_references)
{
	bide_channel *channel = open_ints(1);
	int item = 3;
	EXPECT_PTR(bide_channel_ref(channel), channel);
	bide_channel_unref(channel);
	EXPECT_INT(bide_channel_try_send(channel, &item), 0);
	bide_channel_unref(channel);
	bide_channel_unref(NULL);
}

/* ---- in tasks ----------------------------------------------------------------------------- */

VIRTUAL_TEST(channel_is_used_in_a_task_as_elsewhere)
{
	bide_channel *channel = open_ints(2);
	int item = 4; /* on the stack of a light task, too */
	EXPECT_INT(bide_channel_send(channel, &item), 0);
	item = 0;
	EXPECT_INT(bide_channel_receive(channel, &item), 0);
	EXPECT_INT(item, 4);
	bide_channel_unref(channel);
}

VIRTUAL_TEST(channel_in_a_cancelled_scope_is_left_alone)
{
	bide_channel *channel = open_ints(2);
	int item = 4;
	EXPECT_INT(bide_channel_send(channel, &item), 0);
	item = 5;
	BIDE_SCOPE(scope) {
		bide_scope_cancel(scope);
		EXPECT_INT(bide_channel_receive(channel, &item), -ECANCELED);
		EXPECT_INT(bide_channel_send(channel, &item), -ECANCELED);
		EXPECT_UINT(bide_channel_size(channel), 1);
		EXPECT_INT(bide_channel_try_receive(channel, &item), 0);
	}
	EXPECT_INT(item, 4);
	bide_channel_unref(channel);
}

static void send_in_callback(void *arg)
{
	int item = 8;
	EXPECT_INT(bide_channel_try_send((bide_channel *)arg, &item), 0);
}

VIRTUAL_TEST(channel_is_sent_to_in_a_callback)
{
	bide_channel *channel = open_ints(1);
	int item = 0;
	EXPECT_INT(bide_call_threadsafe(bide_current_loop(), send_in_callback, channel), 0);
	EXPECT_INT(bide_channel_receive(channel, &item), 0);
	EXPECT_INT(item, 8);
	bide_channel_unref(channel);
}
