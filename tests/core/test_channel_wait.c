// SPDX-License-Identifier: MIT
/* Waiting for a channel in the tasks of one loop: who is called when, what a cancellation leaves
 * wherever it comes, and how a close ends it all. */
#include "core/virtual_kit.h"

#include <unistd.h>

static bide_channel *channel;

static void open_channel(size_t bound)
{
	channel = NULL;
	EXPECT_INT(bide_channel_open(int, bound, &channel), 0);
}

static void close_channel(void)
{
	bide_channel_unref(channel);
}

/* Receives an item and notes it as a digit, or a failure as a minus, or the end as a point. */
static BIDE_ASYNC_LIGHT(int, light_receiver, void);
static BIDE_ASYNC(int, receiver, void);
static int receiver(void)
{
	int item = -1, rc = bide_channel_receive(channel, &item);
	note(rc == 0 ? (char)('0' + item) : rc == -BIDE_ECLOSED ? '.' : '-');
	return rc < 0 ? rc : item;
}
static int light_receiver(void)
{
	return receiver();
}

/* Sends an item and notes it as a letter. */
static BIDE_ASYNC_LIGHT(int, light_sender, int);
static BIDE_ASYNC(int, sender, int);
static int sender(int item)
{
	int rc = bide_channel_send(channel, &item);
	note(rc == 0 ? (char)('A' + item) : rc == -BIDE_ECLOSED ? '.' : '-');
	return rc;
}
static int light_sender(int item)
{
	return sender(item);
}

static void send(int item)
{
	EXPECT_INT(bide_channel_try_send(channel, &item), 0);
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

/* Until all that was called has come, whichever way it takes. */
static void turns(void)
{
	for (int i = 0; i < 4; i++)
		EXPECT_INT(bide_yield(), 0);
}

/* ---- waiting ------------------------------------------------------------------------------ */

VIRTUAL_TEST(channel_receivers_wait_for_items)
{
	bide_task *tasks[2];
	open_channel(1);
	tasks[0] = bide_spawn(receiver);
	tasks[1] = bide_spawn(light_receiver);
	turns();
	EXPECT_STR(trace, "");
	send(3);
	turns();
	EXPECT_STR(trace, "3");
	send(4);
	EXPECT_INT(bide_await(int, tasks[0]), 3);
	EXPECT_INT(bide_await(int, tasks[1]), 4);
	expect_none();
	close_channel();
}

VIRTUAL_TEST(channel_senders_wait_for_room)
{
	bide_task *tasks[2];
	open_channel(1);
	send(0);
	tasks[0] = bide_spawn(sender, 1);
	tasks[1] = bide_spawn(light_sender, 2);
	turns();
	EXPECT_STR(trace, "");
	EXPECT_UINT(bide_channel_size(channel), 1);
	expect_item(0);
	turns();
	EXPECT_STR(trace, "B");
	expect_item(1);
	EXPECT_INT(bide_await(int, tasks[0]), 0);
	EXPECT_INT(bide_await(int, tasks[1]), 0);
	expect_item(2);
	close_channel();
}

VIRTUAL_TEST(channel_calls_those_who_wait_in_their_order)
{
	int rc;
	open_channel(5);
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 5; i++)
			(void)(i % 2 ? bide_group_spawn(group, receiver)
			             : bide_group_spawn(group, light_receiver));
		turns();
		for (int i = 0; i < 5; i++)
			send(i);
	}
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "01234");
	close_channel();
}

VIRTUAL_TEST(channel_lets_senders_in_in_their_order)
{
	int rc;
	open_channel(2);
	trace_clear();
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 6; i++)
			(void)(i % 2 ? bide_group_spawn(group, sender, i)
			             : bide_group_spawn(group, light_sender, i));
		for (int i = 0; i < 6; i++) {
			int item = -1;
			EXPECT_INT(bide_channel_receive(channel, &item), 0);
			EXPECT_INT(item, i);
		}
	}
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "ABCDEF");
	close_channel();
}

/* Somebody takes the item before the one that was called for it has come: that waits on, first. */
VIRTUAL_TEST(channel_receiver_that_was_called_in_vain_stays_the_first)
{
	open_channel(2);
	bide_task *first = bide_spawn(receiver), *second = bide_spawn(light_receiver);
	turns();
	send(5);
	expect_item(5);
	turns();
	EXPECT_STR(trace, "");
	send(6);
	EXPECT_INT(bide_await(int, first), 6);
	send(7);
	EXPECT_INT(bide_await(int, second), 7);
	close_channel();
}

VIRTUAL_TEST(channel_receivers_that_were_called_in_vain_keep_their_order)
{
	bide_task *tasks[4];
	open_channel(4);
	for (int i = 0; i < 4; i++)
		tasks[i] = bide_spawn(light_receiver);
	turns();
	for (int i = 0; i < 3; i++)
		send(i);
	for (int i = 0; i < 3; i++)
		expect_item(i);
	turns();
	EXPECT_STR(trace, "");
	for (int i = 0; i < 4; i++)
		send(i);
	for (int i = 0; i < 4; i++)
		EXPECT_INT(bide_await(int, tasks[i]), i);
	close_channel();
}

VIRTUAL_TEST(channel_sender_that_was_called_in_vain_stays_the_first)
{
	open_channel(1);
	send(0);
	bide_task *first = bide_spawn(light_sender, 1), *second = bide_spawn(sender, 2);
	turns();
	expect_item(0);
	send(5);
	turns();
	EXPECT_STR(trace, "");
	expect_item(5);
	EXPECT_INT(bide_await(int, first), 0);
	expect_item(1);
	EXPECT_INT(bide_await(int, second), 0);
	expect_item(2);
	close_channel();
}

/* ---- cancelled ---------------------------------------------------------------------------- */

VIRTUAL_TEST(channel_receive_that_is_cancelled_takes_nothing)
{
	open_channel(1);
	bide_task *task = bide_spawn(light_receiver);
	turns();
	EXPECT_INT(bide_cancel(task), 1);
	send(6);
	EXPECT_INT(bide_join(task), -ECANCELED);
	expect_item(6);
	close_channel();
}

VIRTUAL_TEST(channel_send_that_is_cancelled_sends_nothing)
{
	open_channel(1);
	send(1);
	bide_task *task = bide_spawn(light_sender, 2);
	turns();
	EXPECT_INT(bide_cancel(task), 1);
	expect_item(1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	expect_none();
	close_channel();
}

/* It was called and has not tried yet: the call goes on to the next one. */
VIRTUAL_TEST(channel_receiver_that_is_cancelled_on_its_way_passes_the_call_on)
{
	open_channel(3);
	bide_task *first = bide_spawn(receiver), *second = bide_spawn(light_receiver);
	bide_task *third = bide_spawn(receiver);
	turns();
	send(1);
	EXPECT_INT(bide_cancel(first), 1);
	EXPECT_INT(bide_await(int, second), 1);
	EXPECT_INT(bide_join(first), -ECANCELED);
	send(2);
	EXPECT_INT(bide_await(int, third), 2);
	close_channel();
}

VIRTUAL_TEST(channel_sender_that_is_cancelled_on_its_way_passes_the_call_on)
{
	open_channel(1);
	send(0);
	bide_task *first = bide_spawn(light_sender, 1), *second = bide_spawn(sender, 2);
	turns();
	expect_item(0);
	EXPECT_INT(bide_cancel(first), 1);
	EXPECT_INT(bide_await(int, second), 0);
	EXPECT_INT(bide_join(first), -ECANCELED);
	expect_item(2);
	expect_none();
	close_channel();
}

/* Calls to several are taken back out of the middle of what is on its way. */
VIRTUAL_TEST(channel_calls_on_their_way_are_taken_back_in_any_order)
{
	enum { N = 6 };
	bide_task *tasks[N];
	open_channel(N);
	for (int i = 0; i < N; i++)
		tasks[i] = bide_spawn(light_receiver);
	turns();
	for (int i = 0; i < N; i++)
		send(i);
	EXPECT_INT(bide_cancel(tasks[2]), 1);
	EXPECT_INT(bide_cancel(tasks[5]), 1);
	EXPECT_INT(bide_cancel(tasks[0]), 1);
	for (int i = 0; i < N; i++) {
		bool cut = i == 2 || i == 5 || i == 0;
		EXPECT_INT(bide_await(int, tasks[i]), cut      ? -ECANCELED
		                                      : i == 1 ? 0
		                                      : i == 3 ? 1
		                                               : 2);
	}
	for (int i = 3; i < N; i++)
		expect_item(i);
	close_channel();
}

VIRTUAL_TEST(channel_receive_that_has_its_item_keeps_it)
{
	open_channel(1);
	bide_task *task = bide_spawn(light_receiver);
	turns();
	send(6);
	while (bide_task_state(task) == BIDE_STATE_WAITING)
		EXPECT_INT(bide_yield(), 0);
	(void)bide_cancel(task);
	EXPECT_INT(bide_await(int, task), 6);
	expect_none();
	close_channel();
}

VIRTUAL_TEST(channel_receive_with_a_timeout)
{
	int item = -1, late = 0, rc = 0;
	open_channel(1);
	BIDE_TIMEOUT(0.002, late)
		rc = bide_channel_receive(channel, &item);
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_INT(late, -ETIMEDOUT);
	EXPECT_INT(item, -1);
	EXPECT_ELAPSED(0.002);
	send(5);
	expect_item(5);
	close_channel();
}

VIRTUAL_TEST(channel_send_with_a_timeout)
{
	int item = 2, late = 0, rc = 0;
	open_channel(1);
	send(1);
	BIDE_TIMEOUT(0.002, late)
		rc = bide_channel_send(channel, &item);
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_INT(late, -ETIMEDOUT);
	expect_item(1);
	expect_none();
	close_channel();
}

/* ---- closed ------------------------------------------------------------------------------- */

VIRTUAL_TEST(channel_close_ends_all_waits_for_items)
{
	bide_task *tasks[4];
	open_channel(2);
	for (int i = 0; i < 4; i++)
		tasks[i] = i % 2 ? bide_spawn(receiver) : bide_spawn(light_receiver);
	turns();
	send(1);
	send(2);
	bide_channel_close(channel);
	for (int i = 0; i < 4; i++)
		EXPECT_INT(bide_await(int, tasks[i]), i < 2 ? i + 1 : -BIDE_ECLOSED);
	EXPECT_STR(trace, "12..");
	close_channel();
}

VIRTUAL_TEST(channel_close_ends_all_waits_for_room)
{
	bide_task *tasks[3];
	open_channel(1);
	send(0);
	for (int i = 0; i < 3; i++)
		tasks[i] = i % 2 ? bide_spawn(sender, i) : bide_spawn(light_sender, i);
	turns();
	bide_channel_close(channel);
	for (int i = 0; i < 3; i++)
		EXPECT_INT(bide_join(tasks[i]), -BIDE_ECLOSED);
	expect_item(0);
	close_channel();
}

/* Those that were waiting when it was closed do not count. */
VIRTUAL_TEST(channel_may_be_let_go_as_soon_as_it_has_been_closed)
{
	open_channel(1);
	bide_task *first = bide_spawn(receiver), *second = bide_spawn(light_receiver);
	turns();
	bide_channel_close(channel);
	close_channel();
	EXPECT_INT(bide_join(first), -BIDE_ECLOSED);
	EXPECT_INT(bide_join(second), -BIDE_ECLOSED);
}

/* Also when one of them is cancelled before it has been told. */
VIRTUAL_TEST(channel_that_was_let_go_is_left_by_a_cancelled_receiver)
{
	open_channel(1);
	bide_task *first = bide_spawn(receiver), *second = bide_spawn(light_receiver);
	turns();
	bide_channel_close(channel);
	close_channel();
	EXPECT_INT(bide_cancel(second), 1);
	EXPECT_INT(bide_join(first), -BIDE_ECLOSED);
	EXPECT_INT(bide_join(second), -ECANCELED);
}

/* ---- items that do not fit a task's record ------------------------------------------------ */

typedef struct {
	int numbers[10];
} large;

static BIDE_ASYNC_LIGHT(int, receive_large, void);
static int receive_large(void)
{
	large item;
	int rc = bide_channel_receive(channel, &item);
	return rc < 0 ? rc : item.numbers[9];
}

static BIDE_ASYNC_LIGHT(int, send_large, int);
static int send_large(int number)
{
	large item = { .numbers = { [9] = number } };
	return bide_channel_send(channel, &item);
}

VIRTUAL_TEST(channel_of_large_items_on_light_stacks)
{
	bide_task *senders[12], *receivers[12];
	int sum = 0;
	CHECK_INT(bide_channel_open(large, 2, &channel), 0);
	for (int i = 0; i < 12; i++)
		receivers[i] = bide_spawn(receive_large);
	turns();
	for (int i = 0; i < 12; i++)
		senders[i] = bide_spawn(send_large, i);
	for (int i = 0; i < 12; i++) {
		EXPECT_INT(bide_join(senders[i]), 0);
		sum += bide_await(int, receivers[i]);
	}
	EXPECT_INT(sum, 66);
	close_channel();
}

/* ---- the end of a run --------------------------------------------------------------------- */

static BIDE_ASYNC(int, leave_waiters, void);
static int leave_waiters(void)
{
	for (int i = 0; i < 3; i++)
		bide_detach(i % 2 ? bide_spawn(receiver) : bide_spawn(light_receiver));
	turns();
	send(1);
	send(2);
	return 5;
}

/* One has been called, and neither it nor any other has come. */
TEST(channel_is_left_by_waiters_when_their_run_ends)
{
	int result = 0, item = 0;
	bide_loop *loop;
	begin_run();
	open_channel(4);
	CHECK_INT(bide_loop_open(&virtual_options, &loop), 0);
	for (int round = 0; round < 3; round++) {
		EXPECT_INT(bide_loop_run(loop, &result, leave_waiters), 0);
		EXPECT_INT(result, 5);
		EXPECT_STR(trace, "---");
		trace_clear();
		EXPECT_INT(bide_channel_try_receive(channel, &item), 0);
		EXPECT_INT(item, 1);
		EXPECT_INT(bide_channel_try_receive(channel, &item), 0);
		EXPECT_INT(item, 2);
		EXPECT_INT(bide_channel_try_receive(channel, &item), -EAGAIN);
	}
	bide_loop_close(loop);
	close_channel();
	EXPECT_UINT(reports.count, 0);
}

static BIDE_ASYNC(void, dump_waits, int);
static void dump_waits(int fd)
{
	bide_task *first = bide_spawn(receiver);
	turns();
	bide_dump(fd);
	send(1);
	EXPECT_INT(bide_await(int, first), 1);
	send(1);
	bide_task *second = bide_spawn(sender, 2);
	turns();
	bide_dump(fd);
	bide_channel_close(channel);
	EXPECT_INT(bide_join(second), -BIDE_ECLOSED);
}

TEST(channel_waits_are_told_of_in_a_dump)
{
	char text[4096] = "";
	int ends[2];
	CHECK_INT(pipe(ends), 0);
	open_channel(1);
	EXPECT_INT(RUN_VIRTUAL(dump_waits, ends[1]), 0);
	CHECK(read(ends[0], text, sizeof text - 1) > 0);
	EXPECT(strstr(text, "waiting in bide_channel_receive for an item of an empty channel of "
	                    "int\n") != NULL);
	EXPECT(strstr(text, "waiting in bide_channel_send for room in a full channel of int\n") !=
	       NULL);
	close_channel();
}
