// SPDX-License-Identifier: MIT
/* Channels as arms of a select: what one thread sends to several that select is received once, and
 * an arm that lost takes nothing and sends nothing. */
#include "core/kinds_kit.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

static bide_channel *channel, *other;

static void open_channels(size_t bound)
{
	EXPECT_INT(bide_channel_open(int, bound, &channel), 0);
	EXPECT_INT(bide_channel_open(int, bound, &other), 0);
}

static void close_channels(void)
{
	bide_channel_unref(channel);
	bide_channel_unref(other);
}

/* A test whose block is the main task, on a full stack and on a light one. */
#define CHANNELS_TEST(name) STACKS_TEST(name, open_channels(2), close_channels())

static void send_now(bide_channel *into, int item)
{
	EXPECT_INT(bide_channel_try_send(into, &item), 0);
}

static void *send_from_thread(void *arg)
{
	for (int i = 1; i <= *(int *)arg; i++)
		if (bide_channel_send(channel, &i) < 0)
			break;
	return NULL;
}

static pthread_t start_sender(int *items)
{
	pthread_t thread;
	EXPECT_INT(pthread_create(&thread, NULL, send_from_thread, items), 0);
	return thread;
}

CHANNELS_TEST(select_receives_what_is_there)
{
	int a = 0, b = 0;
	send_now(other, 7);
	bide_arm arms[] = { bide_arm_receive(channel, &a), bide_arm_receive(other, &b) };
	CHECK_INT(bide_select(arms, 2), 1);
	CHECK_INT(arms[1].rc, 0);
	CHECK_INT(a, 0);
	CHECK_INT(b, 7);
	CHECK_UINT(bide_channel_size(other), 0);
}

CHANNELS_TEST(select_receives_what_another_thread_sends)
{
	static int items = 100;
	pthread_t thread = start_sender(&items);
	for (int i = 1; i <= items; i++) {
		int a = 0, b = 0;
		bide_arm arms[] = { bide_arm_receive(other, &b), bide_arm_receive(channel, &a),
			            bide_arm_sleep(10) };
		CHECK_INT(bide_select(arms, 3), 1);
		CHECK_INT(arms[1].rc, 0);
		CHECK_INT(a, i);
	}
	pthread_join(thread, NULL);
}

static void *receive_in_thread(void *arg)
{
	int item, *sum = arg;
	while (bide_channel_receive(channel, &item) == 0)
		*sum += item;
	return NULL;
}

CHANNELS_TEST(select_sends_to_another_thread)
{
	static int sum;
	pthread_t thread;
	sum = 0;
	CHECK_INT(pthread_create(&thread, NULL, receive_in_thread, &sum), 0);
	for (int i = 1; i <= 100; i++) {
		int none = 0;
		bide_arm arms[] = { bide_arm_send(channel, &i), bide_arm_receive(other, &none) };
		CHECK_INT(bide_select(arms, 2), 0);
		CHECK_INT(arms[0].rc, 0);
	}
	bide_channel_close(channel);
	pthread_join(thread, NULL);
	CHECK_INT(sum, 5050);
}

CHANNELS_TEST(a_send_that_lost_is_not_sent)
{
	int item = 3, got = 0;
	send_now(channel, 1);
	send_now(channel, 2);
	bide_arm arms[] = { bide_arm_send(channel, &item), bide_arm_sleep(0.002) };
	CHECK_INT(bide_select(arms, 2), 1);
	CHECK_INT(bide_channel_try_receive(channel, &got), 0);
	CHECK_INT(bide_channel_try_receive(channel, &got), 0);
	CHECK_INT(got, 2);
	CHECK_INT(bide_channel_try_receive(channel, &got), -EAGAIN);
}

CHANNELS_TEST(a_receive_that_lost_takes_nothing)
{
	int item = 0, rc;
	BIDE_TIMEOUT(0.001, rc) {
		bide_arm arms[] = { bide_arm_receive(channel, &item),
			            bide_arm_receive(other, &item) };
		EXPECT_INT(bide_select(arms, 2), -ETIMEDOUT);
	}
	CHECK_INT(rc, -ETIMEDOUT);
	send_now(channel, 4);
	CHECK_UINT(bide_channel_size(channel), 1);
	CHECK_INT(item, 0);
}

static BIDE_ASYNC_LIGHT(void, close_after, double);
static void close_after(double seconds)
{
	if (bide_sleep(seconds) == 0)
		bide_channel_close(channel);
}

CHANNELS_TEST(select_is_told_of_a_channel_that_is_closed)
{
	int item = 0;
	bide_detach(bide_spawn(close_after, 0.002));
	bide_arm arms[] = { bide_arm_receive(channel, &item), bide_arm_sleep(10) };
	CHECK_INT(bide_select(arms, 2), 0);
	CHECK_INT(arms[0].rc, -BIDE_ECLOSED);
	bide_arm send[] = { bide_arm_send(channel, &item) };
	CHECK_INT(bide_select(send, 1), 0);
	CHECK_INT(send[0].rc, -BIDE_ECLOSED);
}

CHANNELS_TEST(try_select_looks_at_channels)
{
	int item = 0;
	bide_arm arms[] = { bide_arm_receive(channel, &item) };
	CHECK_INT(bide_try_select(arms, 1), -EAGAIN);
	send_now(channel, 9);
	CHECK_INT(bide_try_select(arms, 1), 0);
	CHECK_INT(item, 9);
}

/* ---- many --------------------------------------------------------------------------------- */

enum { LOOPS = 2, TASKS = 8, ITEMS = 4000 };

static struct {
	int got;      /* atomic */
	long sum;     /* atomic */
	int given_up; /* atomic: selects that timed out */
} tally;

/* Receives by selects of which some are given up while a call may be under way. */
static BIDE_ASYNC_LIGHT(void, receive_by_selects, int);
static void receive_by_selects(int number)
{
	for (int i = number;; i++) {
		int item = 0, none = 0;
		bide_arm arms[] = { bide_arm_receive(channel, &item),
			            bide_arm_receive(other, &none),
			            bide_arm_sleep(i % 3 == 0 ? 0.00001 * (i % 7) : 10) };
		int chosen = bide_select(arms, 3);
		if (chosen == 2) {
			__atomic_add_fetch(&tally.given_up, 1, __ATOMIC_RELAXED);
			continue;
		}
		if (chosen < 0 || arms[chosen].rc < 0)
			return;
		__atomic_add_fetch(&tally.got, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&tally.sum, item, __ATOMIC_RELAXED);
	}
}

static BIDE_ASYNC(int, receive_on_loop, void);
static int receive_on_loop(void)
{
	int rc;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < TASKS; i++)
			bide_group_spawn(group, receive_by_selects, i);
	}
	return rc;
}

static void *run_loop(void *arg)
{
	(void)arg;
	EXPECT_INT(bide_run(receive_on_loop), 0);
	return NULL;
}

TEST(selects_on_several_loops_receive_each_item_once)
{
	static int items = ITEMS;
	pthread_t loops[LOOPS], senders[2];
	open_channels(4);
	for (int i = 0; i < LOOPS; i++)
		CHECK_INT(pthread_create(&loops[i], NULL, run_loop, NULL), 0);
	for (int i = 0; i < 2; i++)
		senders[i] = start_sender(&items);
	for (int i = 0; i < 2; i++)
		pthread_join(senders[i], NULL);
	bide_channel_close(channel);
	for (int i = 0; i < LOOPS; i++)
		pthread_join(loops[i], NULL);
	CHECK_INT(tally.got, 2 * ITEMS);
	CHECK_INT(tally.sum, 2L * ITEMS * (ITEMS + 1) / 2);
	CHECK(tally.given_up > 0);
	close_channels();
}
