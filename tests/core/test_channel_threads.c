// SPDX-License-Identifier: MIT
/* Channels between threads, of loops and not: everybody is woken who waits, jobs give up when they
 * are asked to, loops end while they are being called, and many at once neither lose nor double
 * anything. */
#include "core/thread_kit.h"

#include <stdlib.h>

static bide_channel *channel;

static void open_channel(size_t bound)
{
	CHECK_INT(bide_channel_open(long, bound, &channel), 0);
}

static pthread_t start(void *(*fn)(void *), void *arg)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, fn, arg) != 0)
		abort();
	return thread;
}

static intptr_t end_of(pthread_t thread)
{
	void *result = NULL;
	pthread_join(thread, &result);
	return (intptr_t)result;
}

/* ---- blocked threads ---------------------------------------------------------------------- */

static void *receive_one(void *arg)
{
	long item = 0;
	int rc = bide_channel_receive(channel, &item);
	(void)arg;
	return (void *)(rc < 0 ? (intptr_t)rc : (intptr_t)item);
}

static void *send_one(void *arg)
{
	long item = (long)(intptr_t)arg;
	return (void *)(intptr_t)bide_channel_send(channel, &item);
}

TEST(channel_blocks_a_thread_until_there_is_an_item)
{
	long item = 42;
	open_channel(1);
	for (int i = 0; i < 20; i++) {
		pthread_t thread = start(receive_one, NULL);
		if (i % 2)
			nap_ms(1);
		EXPECT_INT(bide_channel_send(channel, &item), 0);
		EXPECT_INT(end_of(thread), 42);
	}
	bide_channel_unref(channel);
}

TEST(channel_blocks_a_thread_until_there_is_room)
{
	long item = 1;
	open_channel(1);
	for (int i = 0; i < 20; i++) {
		EXPECT_INT(bide_channel_try_send(channel, &item), 0);
		pthread_t thread = start(send_one, (void *)2);
		if (i % 2)
			nap_ms(1);
		EXPECT_INT(bide_channel_receive(channel, &item), 0);
		EXPECT_INT(end_of(thread), 0);
		EXPECT_INT(bide_channel_receive(channel, &item), 0);
		EXPECT_INT(item, 2);
	}
	bide_channel_unref(channel);
}

TEST(channel_close_wakes_blocked_threads)
{
	enum { N = 4 };
	pthread_t threads[N];
	open_channel(1);
	for (int i = 0; i < N; i++)
		threads[i] = start(receive_one, NULL);
	nap_ms(5);
	bide_channel_close(channel);
	for (int i = 0; i < N; i++)
		EXPECT_INT(end_of(threads[i]), -BIDE_ECLOSED);
	bide_channel_unref(channel);
}

TEST(channel_close_wakes_threads_blocked_for_room)
{
	enum { N = 4 };
	pthread_t threads[N];
	long item = 1;
	open_channel(1);
	EXPECT_INT(bide_channel_send(channel, &item), 0);
	for (int i = 0; i < N; i++)
		threads[i] = start(send_one, NULL);
	nap_ms(5);
	bide_channel_close(channel);
	for (int i = 0; i < N; i++)
		EXPECT_INT(end_of(threads[i]), -BIDE_ECLOSED);
	EXPECT_INT(bide_channel_receive(channel, &item), 0);
	bide_channel_unref(channel);
}

/* ---- between a thread and a loop ---------------------------------------------------------- */

static void *echo(void *arg)
{
	bide_channel *const *both = (bide_channel *const *)arg;
	long item;
	while (bide_channel_receive(both[0], &item) == 0) {
		item++;
		if (bide_channel_send(both[1], &item) < 0)
			break;
	}
	return NULL;
}

RUN_TEST(channel_to_a_thread_and_back)
{
	bide_channel *both[2];
	long item = 0;
	CHECK_INT(bide_channel_open(long, 1, &both[0]), 0);
	CHECK_INT(bide_channel_open(long, 1, &both[1]), 0);
	pthread_t thread = start(echo, (void *)both);
	for (int i = 0; i < 1000; i++) {
		CHECK_INT(bide_channel_send(both[0], &item), 0);
		CHECK_INT(bide_channel_receive(both[1], &item), 0);
	}
	EXPECT_INT(item, 1000);
	bide_channel_close(both[0]);
	(void)end_of(thread);
	bide_channel_unref(both[0]);
	bide_channel_unref(both[1]);
}

/* A wait for a channel is no deadlock, as somebody may come whom the loop does not know. */
static void *send_later(void *arg)
{
	nap_ms(30);
	return send_one(arg);
}

RUN_TEST(channel_is_waited_for_although_no_task_could_send)
{
	long item = 0;
	open_channel(1);
	pthread_t thread = start(send_later, (void *)7);
	EXPECT_INT(bide_channel_receive(channel, &item), 0);
	EXPECT_INT(item, 7);
	EXPECT_INT(end_of(thread), 0);
	bide_channel_unref(channel);
}

/* On the virtual clock no time passes while a thread is waited for. */
static BIDE_ASYNC(int, receive_in_no_time, void);
static int receive_in_no_time(void)
{
	long item = 0;
	int late, rc = 0;
	double began = bide_now();
	BIDE_TIMEOUT(100, late)
		rc = bide_channel_receive(channel, &item);
	EXPECT_INT(late, 0);
	EXPECT(bide_now() == began);
	return rc < 0 ? rc : (int)item;
}

TEST(channel_wait_takes_no_time_of_the_virtual_clock)
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL };
	int result = 0;
	open_channel(1);
	pthread_t thread = start(send_later, (void *)8);
	EXPECT_INT(bide_try_run(&options, &result, receive_in_no_time), 0);
	EXPECT_INT(result, 8);
	EXPECT_INT(end_of(thread), 0);
	bide_channel_unref(channel);
}

/* ---- jobs --------------------------------------------------------------------------------- */

static BIDE_ASYNC(int, job_receives, void);
static int job_receives(void)
{
	long item = 0;
	gate_open(&begun);
	int rc = bide_channel_receive(channel, &item);
	return rc < 0 ? rc : (int)item;
}

static BIDE_ASYNC(int, job_sends, void);
static int job_sends(void)
{
	const long item = 5;
	gate_open(&begun);
	return bide_channel_send(channel, &item);
}

static BIDE_ASYNC(int, call_job_receives, void);
static int call_job_receives(void)
{
	return bide_to_thread(job_receives);
}

static BIDE_ASYNC(int, call_job_sends, void);
static int call_job_sends(void)
{
	return bide_to_thread(job_sends);
}

RUN_TEST(channel_receive_in_a_job_ends_when_that_is_asked_to_stop)
{
	gate_close(&begun);
	open_channel(1);
	for (int i = 0; i < 20; i++) {
		bide_task *task = bide_spawn(call_job_receives);
		bide_yield();
		gate_wait(&begun);
		if (i % 2)
			nap_ms(1);
		EXPECT_INT(bide_cancel(task), 1);
		EXPECT_INT(bide_join(task), -ECANCELED);
	}
	bide_channel_unref(channel);
}

RUN_TEST(channel_send_in_a_job_is_told_of_a_timeout)
{
	const long item = 1;
	int late, rc = 0;
	gate_close(&begun);
	open_channel(1);
	EXPECT_INT(bide_channel_send(channel, &item), 0);
	BIDE_TIMEOUT(0.01, late) {
		rc = bide_to_thread(job_sends);
	}
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_INT(late, -ETIMEDOUT);
	EXPECT_UINT(bide_channel_size(channel), 1);
	bide_channel_unref(channel);
}

/* Asked and called at once, as often as not: the item is in one place afterwards. */
RUN_TEST(channel_job_that_is_asked_loses_no_item)
{
	gate_close(&begun);
	open_channel(1);
	for (int i = 0; i < 300; i++) {
		long item = 3;
		bide_task *task = bide_spawn(call_job_receives);
		bide_yield();
		gate_wait(&begun);
		EXPECT_INT(bide_channel_try_send(channel, &item), 0);
		(void)bide_cancel(task);
		int rc = bide_await(int, task);
		EXPECT(rc == 3 || rc == -ECANCELED);
		EXPECT_INT(bide_channel_try_receive(channel, &item), rc == 3 ? -EAGAIN : 0);
	}
	bide_channel_unref(channel);
}

RUN_TEST(channel_of_two_jobs_wakes_the_other_when_one_is_asked)
{
	gate_close(&begun);
	open_channel(2);
	for (int i = 0; i < 60; i++) {
		long item = 4;
		bide_task *first = bide_spawn(call_job_receives);
		bide_yield();
		gate_wait(&begun);
		bide_task *second = bide_spawn(call_job_receives);
		bide_yield();
		gate_wait(&begun);
		if (i % 2)
			nap_ms(2); /* both are blocked by then */
		EXPECT_INT(bide_channel_try_send(channel, &item), 0);
		(void)bide_cancel(first);
		int rc = bide_await(int, first);
		if (rc == 4)
			EXPECT_INT(bide_channel_try_send(channel, &item), 0);
		EXPECT_INT(bide_await(int, second), 4);
	}
	bide_channel_unref(channel);
}

RUN_TEST(channel_job_refuses_to_go_on_when_it_has_been_asked)
{
	gate_close(&begun);
	open_channel(1);
	bide_task *task = bide_spawn(call_job_sends);
	bide_yield();
	gate_wait(&begun);
	EXPECT_INT(bide_join(task), 0);
	task = bide_spawn(call_job_sends); /* waits */
	bide_yield();
	gate_wait(&begun);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_UINT(bide_channel_size(channel), 1);
	bide_channel_unref(channel);
}

/* ---- loops that end while they are called ------------------------------------------------- */

static int stop; /* atomic */

static void *send_until_closed(void *arg)
{
	long item = 0, sent = 0;
	(void)arg;
	while (bide_channel_send(channel, &item) == 0)
		sent++;
	return (void *)(intptr_t)sent;
}

static BIDE_ASYNC_LIGHT(int, receive_into, long *);
static int receive_into(long *received)
{
	long item;
	int rc;
	while ((rc = bide_channel_receive(channel, &item)) == 0)
		++*received;
	return rc;
}

/* Ends with its receivers waiting, called, or just having received. */
static BIDE_ASYNC(int, receive_for_a_moment, long *, int);
static int receive_for_a_moment(long *received, int times)
{
	for (int i = 0; i < 5; i++)
		bide_detach(bide_spawn(receive_into, received));
	for (int i = 0; i < times; i++)
		bide_yield();
	return 0;
}

TEST(channel_loops_that_end_while_they_are_called_lose_nothing)
{
	long received = 0, item;
	open_channel(3);
	pthread_t sender = start(send_until_closed, NULL);
	for (int i = 0; i < 300; i++)
		CHECK_INT(bide_run(receive_for_a_moment, &received, i % 20), 0);
	bide_channel_close(channel);
	intptr_t sent = end_of(sender);
	while (bide_channel_receive(channel, &item) == 0)
		received++;
	EXPECT_INT(received, sent);
	bide_channel_unref(channel);
}

/* ---- many to many ------------------------------------------------------------------------- */

enum { SIDES = 4, MANY = 20000 };

static struct many {
	int next[SIDES][SIDES]; /* of each receiver: the least number it may yet get, by sender */
	unsigned char *seen;    /* atomic: how often each item has come */
	int per_sender;
	int errors; /* atomic */
} many;

static int receive_many(int me)
{
	long item;
	int rc;
	while ((rc = bide_channel_receive(channel, &item)) == 0) {
		const int from = (int)(item / MANY), number = (int)(item % MANY);
		if (number < many.next[me][from])
			__atomic_fetch_add(&many.errors, 1, __ATOMIC_RELAXED);
		many.next[me][from] = number + 1;
		__atomic_fetch_add(&many.seen[item], 1, __ATOMIC_RELAXED);
	}
	return rc == -BIDE_ECLOSED ? 0 : rc;
}

static int send_many(int me)
{
	int rc = 0;
	for (int i = 0; i < many.per_sender && rc == 0; i++) {
		long item = (long)me * MANY + i;
		rc = bide_channel_send(channel, &item);
	}
	return rc;
}

static BIDE_ASYNC(int, receiver, int);
static BIDE_ASYNC_LIGHT(int, light_receiver, int);
static BIDE_ASYNC(int, sender, int);
static BIDE_ASYNC_LIGHT(int, light_sender, int);

static int receiver(int me)
{
	return receive_many(me);
}

static int light_receiver(int me)
{
	return receive_many(me);
}

static int sender(int me)
{
	return send_many(me);
}

static int light_sender(int me)
{
	return send_many(me);
}

/* Two loops have two of each, of both kinds; two threads without a loop one of each. */
static BIDE_ASYNC(int, senders_of, int);
static int senders_of(int first)
{
	int rc;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, sender, first);
		bide_group_spawn(group, light_sender, first + 1);
	}
	return rc;
}

static BIDE_ASYNC(int, receivers_of, int);
static int receivers_of(int first)
{
	int rc;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, receiver, first);
		bide_group_spawn(group, light_receiver, first + 1);
	}
	return rc;
}

static void *senders_on_a_loop(void *arg)
{
	return (void *)(intptr_t)bide_run(senders_of, (int)(intptr_t)arg);
}

static void *receivers_on_a_loop(void *arg)
{
	return (void *)(intptr_t)bide_run(receivers_of, (int)(intptr_t)arg);
}

static void *sender_on_a_thread(void *arg)
{
	return (void *)(intptr_t)send_many((int)(intptr_t)arg);
}

static void *receiver_on_a_thread(void *arg)
{
	return (void *)(intptr_t)receive_many((int)(intptr_t)arg);
}

static void hand_over_many(size_t bound, int per_sender)
{
	memset(&many, 0, sizeof many);
	many.per_sender = per_sender;
	many.seen = (unsigned char *)calloc(SIDES, MANY);
	CHECK(many.seen != NULL);
	open_channel(bound);
	pthread_t receivers[] = { start(receivers_on_a_loop, (void *)0),
		                  start(receiver_on_a_thread, (void *)2),
		                  start(receiver_on_a_thread, (void *)3) };
	pthread_t senders[] = { start(senders_on_a_loop, (void *)0),
		                start(sender_on_a_thread, (void *)2),
		                start(sender_on_a_thread, (void *)3) };
	for (int i = 0; i < 3; i++)
		EXPECT_INT(end_of(senders[i]), 0);
	bide_channel_close(channel);
	for (int i = 0; i < 3; i++)
		EXPECT_INT(end_of(receivers[i]), 0);
	EXPECT_INT(many.errors, 0);
	int wrong = 0;
	for (int from = 0; from < SIDES; from++)
		for (int i = 0; i < MANY; i++)
			wrong += many.seen[from * MANY + i] != (i < per_sender);
	EXPECT_INT(wrong, 0);
	free(many.seen);
	bide_channel_unref(channel);
}

TEST(channel_of_one_hands_over_each_item_of_many_once)
{
	hand_over_many(1, MANY / 10);
}

TEST(channel_of_three_hands_over_each_item_of_many_once)
{
	hand_over_many(3, MANY / 4);
}

TEST(channel_of_a_hundred_hands_over_each_item_of_many_once)
{
	hand_over_many(100, MANY);
}

/* ---- and cancelled all the time ----------------------------------------------------------- */

static long sent_in_all, received_in_all; /* atomic */

static BIDE_ASYNC_LIGHT(int, send_until_cancelled, void);
static int send_until_cancelled(void)
{
	long item = 1;
	int rc;
	while ((rc = bide_channel_send(channel, &item)) == 0)
		__atomic_fetch_add(&sent_in_all, 1, __ATOMIC_RELAXED);
	return rc;
}

static BIDE_ASYNC_LIGHT(int, receive_until_cancelled, void);
static int receive_until_cancelled(void)
{
	long item;
	int rc;
	while ((rc = bide_channel_receive(channel, &item)) == 0)
		__atomic_fetch_add(&received_in_all, item, __ATOMIC_RELAXED);
	return rc;
}

/* Tasks come and are cancelled at all sorts of moments. */
static BIDE_ASYNC(int, come_and_go, int);
static int come_and_go(int rounds)
{
	enum { TASKS = 6 };
	bide_task *tasks[TASKS];
	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < TASKS; i++)
			tasks[i] = (i + round) % 2 ? bide_spawn(send_until_cancelled)
			                           : bide_spawn(receive_until_cancelled);
		for (int i = 0; i < round % 7; i++)
			bide_yield();
		if (round % 5 == 0)
			bide_sleep(0.0001);
		for (int i = 0; i < TASKS; i++)
			bide_cancel(tasks[(i * 5 + round) % TASKS]);
		for (int i = 0; i < TASKS; i++)
			EXPECT_INT(bide_join(tasks[i]), -ECANCELED);
	}
	return 0;
}

static void *come_and_go_on_a_loop(void *arg)
{
	return (void *)(intptr_t)bide_run(come_and_go, (int)(intptr_t)arg);
}

/* Whoever is called and gives up passes it on, so these two are never left waiting for an item that
 * lies there, or for room that there is. */
static void *take_part(void *arg)
{
	long item = 1;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		if (bide_channel_send((bide_channel *)arg, &item) < 0)
			break;
		__atomic_fetch_add(&sent_in_all, 1, __ATOMIC_RELAXED);
		if (bide_channel_receive((bide_channel *)arg, &item) < 0)
			break;
		__atomic_fetch_add(&received_in_all, item, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void come_and_go_with(size_t bound, int rounds)
{
	long item;
	__atomic_store_n(&stop, 0, __ATOMIC_RELAXED);
	sent_in_all = received_in_all = 0;
	open_channel(bound);
	pthread_t loops[] = { start(come_and_go_on_a_loop, (void *)(intptr_t)rounds),
		              start(come_and_go_on_a_loop, (void *)(intptr_t)rounds) };
	pthread_t threads[] = { start(take_part, channel), start(take_part, channel) };
	for (int i = 0; i < 2; i++)
		EXPECT_INT(end_of(loops[i]), 0);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	bide_channel_close(channel);
	for (int i = 0; i < 2; i++)
		(void)end_of(threads[i]);
	while (bide_channel_receive(channel, &item) == 0)
		received_in_all += item;
	EXPECT_INT(received_in_all, sent_in_all);
	EXPECT(sent_in_all > 0);
	bide_channel_unref(channel);
}

TEST(channel_of_one_loses_nothing_to_cancellations_on_all_sides)
{
	come_and_go_with(1, 200);
}

TEST(channel_of_four_loses_nothing_to_cancellations_on_all_sides)
{
	come_and_go_with(4, 200);
}
