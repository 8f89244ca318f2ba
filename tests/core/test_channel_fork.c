// SPDX-License-Identifier: MIT
/* Channels in the child of a fork: it has what was in them, whatever other threads were doing
 * there, and nobody waits in them. */
#include "core/thread_kit.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static bide_channel *channel;
static int stop; /* atomic */

static void open_channel(size_t bound)
{
	CHECK_INT(bide_channel_open(long, bound, &channel), 0);
}

static void wait_for(pid_t child)
{
	int status = -1;
	EXPECT_INT(waitpid(child, &status, 0), child);
	EXPECT_INT(status, 0);
}

TEST(fork_child_has_what_was_in_a_channel)
{
	long item = 0;
	open_channel(3);
	for (; item < 3; item++)
		EXPECT_INT(bide_channel_send(channel, &item), 0);
	pid_t child = fork();
	bool right = true;
	for (long i = 0; i < 3; i++)
		right &= bide_channel_receive(channel, &item) == 0 && item == i;
	if (child == 0)
		_exit(right ? 0 : 1);
	EXPECT(right);
	wait_for(child);
	bide_channel_unref(channel);
}

/* ---- while others use it ------------------------------------------------------------------ */

static void *send_numbers(void *arg)
{
	(void)arg;
	for (long item = 0; bide_channel_send(channel, &item) == 0;)
		item++;
	return NULL;
}

static void *receive_numbers(void *arg)
{
	long item;
	while (bide_channel_receive(channel, &item) == 0)
		if (__atomic_load_n(&stop, __ATOMIC_RELAXED))
			break;
	return arg;
}

/* What was there comes out in order; then it holds as much as ever. */
static int use_in_child(long bound)
{
	long item, last = -1, n = 0;
	while (bide_channel_try_receive(channel, &item) == 0) {
		if (item <= last)
			return 1;
		last = item;
	}
	for (item = 0; bide_channel_try_send(channel, &item) == 0; item++)
		n++;
	if (n != bound || bide_channel_size(channel) != (size_t)bound)
		return 2;
	for (long i = 0; i < bound; i++)
		if (bide_channel_receive(channel, &item) < 0 || item != i)
			return 3;
	bide_channel_close(channel);
	return bide_channel_receive(channel, &item) == -BIDE_ECLOSED ? 0 : 4;
}

static void fork_while_used(long bound)
{
	pthread_t threads[2];
	open_channel((size_t)bound);
	CHECK_INT(pthread_create(&threads[0], NULL, send_numbers, NULL), 0);
	CHECK_INT(pthread_create(&threads[1], NULL, receive_numbers, NULL), 0);
	for (int i = 0; i < 50; i++) {
		pid_t child = fork();
		if (child == 0)
			_exit(use_in_child(bound));
		wait_for(child);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	bide_channel_close(channel);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	bide_channel_unref(channel);
}

TEST(fork_child_uses_a_channel_of_one_that_others_were_using)
{
	fork_while_used(1);
}

TEST(fork_child_uses_a_channel_of_ten_that_others_were_using)
{
	fork_while_used(10);
}

/* ---- who waits ---------------------------------------------------------------------------- */

static BIDE_ASYNC_LIGHT(int, receiver, void);
static int receiver(void)
{
	long item;
	int rc = bide_channel_receive(channel, &item);
	return rc < 0 ? rc : (int)item;
}

static void *receive_one(void *arg)
{
	long item;
	return bide_channel_receive(channel, &item) < 0 ? arg : NULL;
}

/* Neither the thread nor the task takes anything there; a task of the child's own does. */
static int use_alone(void)
{
	long item = 6;
	bool right = bide_channel_try_send(channel, &item) == 0;
	right &= bide_channel_size(channel) == 1 && receiver() == -BIDE_EFORKED;
	right &= bide_run(receiver) == 6;
	bide_channel_unref(channel);
	return right ? 0 : 1;
}

RUN_TEST(fork_child_has_nobody_who_waits_for_a_channel)
{
	pthread_t thread;
	long item = 6;
	open_channel(1);
	CHECK_INT(pthread_create(&thread, NULL, receive_one, NULL), 0);
	nap_ms(5);
	bide_task *task = bide_spawn(receiver);
	bide_yield();
	pid_t child = fork();
	if (child == 0)
		_exit(use_alone());
	wait_for(child);
	EXPECT_INT(bide_channel_send(channel, &item), 0);
	EXPECT_INT(bide_channel_send(channel, &item), 0);
	EXPECT_INT(bide_await(int, task), 6);
	pthread_join(thread, NULL);
	bide_channel_unref(channel);
}

/* The thread was called, and has perhaps not come, when the process is forked. */
RUN_TEST(fork_child_keeps_what_others_were_called_for)
{
	pthread_t thread;
	long item = 6;
	for (int i = 0; i < 20; i++) {
		open_channel(1);
		CHECK_INT(pthread_create(&thread, NULL, receive_one, NULL), 0);
		if (i % 2)
			nap_ms(1);
		bide_task *task = bide_spawn(receiver);
		bide_yield();
		EXPECT_INT(bide_channel_try_send(channel, &item), 0);
		pid_t child = fork();
		if (child == 0) {
			/* Perhaps the thread has it already. */
			(void)!bide_channel_try_send(channel, &item);
			_exit(bide_run(receiver) == 6 ? 0 : 1);
		}
		wait_for(child);
		EXPECT_INT(bide_channel_send(channel, &item), 0);
		EXPECT_INT(bide_await(int, task), 6);
		pthread_join(thread, NULL);
		bide_channel_unref(channel);
	}
}
