// SPDX-License-Identifier: MIT
/* Bad use of channels: answered by a sentence that names the call, and by abort(). */
#include "core/thread_kit.h"

static bide_channel *channel;

static void open_channel(void)
{
	CHECK_INT(bide_channel_open(int, 1, &channel), 0);
}

/* ---- types -------------------------------------------------------------------------------- */

TEST_ABORTS(misuse_channel_send_of_another_size,
            "bide_channel_send: &item points to a type of 8 bytes, not to int of 4")
{
	double item = 1;
	open_channel();
	(void)!bide_channel_send(channel, &item);
}

RUN_ABORTS(misuse_channel_receive_of_another_class,
           "bide_channel_receive: in task 'in_misuse_channel_receive_of_another_class' (#1): &item "
           "points to another type of 4 bytes, not to int of 4")
{
	float item;
	open_channel();
	(void)!bide_channel_receive(channel, &item);
}

struct one_int {
	int member;
};

TEST_ABORTS(misuse_channel_try_send_of_a_struct, "bide_channel_try_send: &item points to another")
{
	struct one_int item = { 1 };
	open_channel();
	(void)!bide_channel_try_send(channel, &item);
}

TEST_ABORTS(misuse_channel_try_receive_of_a_char,
            "bide_channel_try_receive: &item points to a type of 1 bytes, not to struct one_int")
{
	char item;
	CHECK_INT(bide_channel_open(struct one_int, 1, &channel), 0);
	(void)!bide_channel_try_receive(channel, &item);
}

/* ---- where it may be called --------------------------------------------------------------- */

TEST_ABORTS(misuse_channel_receive_outside_a_task,
            "bide_channel_receive: it suspends, outside a task")
{
	bide_loop *loop;
	int item;
	open_channel();
	CHECK_INT(bide_loop_open(NULL, &loop), 0);
	(void)!bide_channel_receive(channel, &item);
}

RUN_ABORTS(misuse_channel_send_in_no_suspend, "it suspends, inside BIDE_NO_SUSPEND")
{
	int item = 1;
	open_channel();
	BIDE_NO_SUSPEND(void)
		!bide_channel_send(channel, &item);
}

static void send_in_callback(void *arg)
{
	int item = 1;
	(void)!bide_channel_send((bide_channel *)arg, &item);
}

RUN_ABORTS(misuse_channel_send_in_a_callback, "bide_channel_send: it suspends")
{
	open_channel();
	EXPECT_INT(bide_call_threadsafe(bide_current_loop(), send_in_callback, channel), 0);
	EXPECT_INT(bide_sleep(1), 0);
}

/* ---- references --------------------------------------------------------------------------- */

static BIDE_ASYNC(int, receive_one, void);
static int receive_one(void)
{
	int item;
	return bide_channel_receive(channel, &item);
}

RUN_ABORTS(misuse_channel_let_go_while_a_task_waits,
           "bide_channel_unref: in task 'in_misuse_channel_let_go_while_a_task_waits' (#1): "
           "somebody waits in bide_channel_receive, and nobody is left to end that")
{
	open_channel();
	bide_detach(bide_spawn(receive_one));
	EXPECT_INT(bide_yield(), 0);
	bide_channel_unref(channel);
}

/* It was called, in vain as it turns out, when the last reference was given back. */
RUN_ABORTS(misuse_channel_let_go_while_a_task_is_called,
           "bide_channel_receive: there are no references to the channel left")
{
	int item = 1;
	open_channel();
	bide_detach(bide_spawn(receive_one));
	EXPECT_INT(bide_yield(), 0);
	EXPECT_INT(bide_channel_try_send(channel, &item), 0);
	EXPECT_INT(bide_channel_try_receive(channel, &item), 0);
	bide_channel_unref(channel);
	EXPECT_INT(bide_sleep(1), 0);
}

static BIDE_ASYNC(int, send_one, void);
static int send_one(void)
{
	int item = 1;
	return bide_channel_send(channel, &item);
}

RUN_ABORTS(misuse_channel_let_go_while_a_task_sends, "somebody waits in bide_channel_send")
{
	int item = 1;
	open_channel();
	EXPECT_INT(bide_channel_try_send(channel, &item), 0);
	bide_detach(bide_spawn(send_one));
	EXPECT_INT(bide_yield(), 0);
	bide_channel_unref(channel);
}
