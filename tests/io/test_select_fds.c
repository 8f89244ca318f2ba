// SPDX-License-Identifier: MIT
/* bide_select() with descriptors: the call does not return before the backend has let go of those
 * that lost, whatever it was that won. */
#include "core/kinds_kit.h"

#include "core/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int left, right; /* the ends of a pair of sockets */
static bide_event event;

static void open_pair(void)
{
	int ends[2] = { -1, -1 };
	EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	left = ends[0];
	right = ends[1];
	event = (bide_event)BIDE_EVENT_INIT;
}

/* Nothing may be left in flight. */
static void close_pair(void)
{
	EXPECT_UINT(bide__loop->in_flight, 0);
	close(left);
	close(right);
}

static void write_byte(int fd)
{
	EXPECT_INT(write(fd, "x", 1), 1);
}

static BIDE_ASYNC_LIGHT(void, write_after, double);
static void write_after(double seconds)
{
	if (bide_sleep(seconds) == 0)
		write_byte(right);
}

static BIDE_ASYNC_LIGHT(void, set_after, double);
static void set_after(double seconds)
{
	if (bide_sleep(seconds) == 0)
		bide_event_set(&event);
}

/* A test whose block is the main task, on a full stack and on a light one. */
#define FD_TEST(name) STACKS_TEST(name, open_pair(), close_pair())

FD_TEST(select_sees_that_a_descriptor_is_ready)
{
	bide_arm write[] = { bide_arm_fd(left, BIDE_READABLE | BIDE_WRITABLE) };
	CHECK_INT(bide_select(write, 1), 0);
	CHECK_INT(write[0].rc, BIDE_WRITABLE);
	write_byte(right);
	bide_arm read[] = { bide_arm_sleep(10), bide_arm_fd(left, BIDE_READABLE) };
	CHECK_INT(bide_select(read, 2), 1);
	CHECK_INT(read[1].rc, BIDE_READABLE);
}

FD_TEST(select_waits_for_a_descriptor)
{
	bide_detach(bide_spawn(write_after, 0.002));
	bide_arm arms[] = { bide_arm_event(&event), bide_arm_fd(left, BIDE_READABLE) };
	CHECK_INT(bide_select(arms, 2), 1);
	CHECK_INT(arms[1].rc, BIDE_READABLE);
}

FD_TEST(select_lets_go_of_a_descriptor_that_lost)
{
	bide_detach(bide_spawn(set_after, 0.002));
	bide_arm arms[] = { bide_arm_fd(left, BIDE_READABLE), bide_arm_event(&event) };
	CHECK_INT(bide_select(arms, 2), 1);
	CHECK_UINT(bide__loop->in_flight, 0);
	write_byte(right);
	bide_arm again[] = { bide_arm_fd(left, BIDE_READABLE) };
	CHECK_INT(bide_select(again, 1), 0);
}

FD_TEST(select_on_both_ends_chooses_the_one_that_is_ready)
{
	bide_detach(bide_spawn(write_after, 0.002));
	bide_arm arms[] = { bide_arm_fd(right, BIDE_READABLE), bide_arm_fd(left, BIDE_READABLE) };
	CHECK_INT(bide_select(arms, 2), 1);
	CHECK_UINT(bide__loop->in_flight, 0);
}

/* Two waits for one descriptor are two entries of one list in the backend. */
FD_TEST(select_waits_twice_for_one_descriptor)
{
	bide_detach(bide_spawn(write_after, 0.002));
	bide_arm arms[] = { bide_arm_fd(left, BIDE_READABLE), bide_arm_fd(left, BIDE_READABLE),
		            bide_arm_fd(left, BIDE_READABLE) };
	int chosen = bide_select(arms, 3);
	CHECK(chosen >= 0 && chosen < 3);
	CHECK_INT(arms[chosen].rc, BIDE_READABLE);
	CHECK_UINT(bide__loop->in_flight, 0);
}

/* More than the backend is told of at once. */
FD_TEST(select_of_a_thousand_lets_go_of_all)
{
	enum { MANY = 1000 };
	static bide_arm arms[MANY];
	for (int i = 0; i < MANY; i++)
		arms[i] = bide_arm_fd(i % 2 == 0 ? left : right, BIDE_READABLE);
	arms[500] = bide_arm_event(&event);
	bide_detach(bide_spawn(set_after, 0.002));
	CHECK_INT(bide_select(arms, MANY), 500);
	CHECK_UINT(bide__loop->in_flight, 0);
	arms[500] = bide_arm_fd(left, BIDE_READABLE);
	bide_detach(bide_spawn(write_after, 0.002));
	int chosen = bide_select(arms, MANY);
	CHECK(chosen >= 0 && chosen % 2 == 0);
	CHECK_UINT(bide__loop->in_flight, 0);
}

FD_TEST(select_on_a_descriptor_times_out_and_lets_go)
{
	int rc;
	for (int i = 0; i < 5; i++) {
		BIDE_TIMEOUT(0.001, rc) {
			bide_arm arms[] = { bide_arm_fd(left, BIDE_READABLE),
				            bide_arm_fd(right, BIDE_READABLE) };
			EXPECT_INT(bide_select(arms, 2), -ETIMEDOUT);
			EXPECT_UINT(bide__loop->in_flight, 0);
		}
		CHECK_INT(rc, -ETIMEDOUT);
	}
}

FD_TEST(select_chooses_a_descriptor_that_is_none)
{
	bide_arm none[] = { bide_arm_fd(-1, BIDE_READABLE) };
	CHECK_INT(bide_select(none, 1), 0);
	CHECK_INT(none[0].rc, -EBADF);
	bide_arm closed[] = { bide_arm_fd(9999, BIDE_READABLE) };
	CHECK_INT(bide_select(closed, 1), 0);
	CHECK_INT(closed[0].rc, -EBADF);
	bide_arm nothing[] = { bide_arm_fd(left, 0) };
	CHECK_INT(bide_select(nothing, 1), 0);
	CHECK_INT(nothing[0].rc, -EINVAL);
}

FD_TEST(try_select_looks_at_descriptors)
{
	bide_arm arms[] = { bide_arm_fd(left, BIDE_READABLE) };
	CHECK_INT(bide_try_select(arms, 1), -EAGAIN);
	write_byte(right);
	CHECK_INT(bide_try_select(arms, 1), 0);
	CHECK_INT(arms[0].rc, BIDE_READABLE);
}

/* What ends the loop is done by another task, which has to have its turn. */
FD_TEST(select_on_a_descriptor_that_stays_ready_lets_others_run)
{
	int turns = 0, chosen;
	write_byte(right);
	bide_detach(bide_spawn(set_after, 0));
	do {
		bide_arm arms[] = { bide_arm_fd(left, BIDE_READABLE), bide_arm_event(&event) };
		chosen = bide_select(arms, 2);
	} while (chosen == 0 && ++turns < 1000);
	CHECK_INT(chosen, 1);
}

static BIDE_ASYNC_LIGHT(int, select_either_end, int);
static int select_either_end(int fd)
{
	bide_arm arms[] = { bide_arm_fd(fd, BIDE_READABLE), bide_arm_event(&event) };
	return bide_select(arms, 2);
}

/* The event and the byte come in one turn, in either order, and again and again. */
FD_TEST(select_survives_an_event_and_a_descriptor_at_once)
{
	char byte;
	for (int i = 0; i < 200; i++) {
		bide_event_clear(&event);
		bide_task *task = bide_spawn(select_either_end, left);
		bide_yield();
		write_byte(right);
		if (i % 2 == 0)
			bide_yield();
		if (i % 3 > 0)
			bide_event_set(&event);
		int chosen = bide_await(int, task);
		CHECK(chosen == 0 || chosen == 1);
		CHECK_INT(read(left, &byte, 1), 1);
	}
}

FD_TEST(select_stays_with_the_parent_of_a_fork)
{
	int status = -1;
	bide_task *task = bide_spawn(select_either_end, left);
	bide_sleep(0.001);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		bide_cancel(task);
		_exit(bide_await(int, task) == -BIDE_EFORKED ? 0 : 1);
	}
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
	bide_event_set(&event);
	int chosen = bide_await(int, task);
	CHECK(chosen == 0 || chosen == 1);
}

/* ---- at random ---------------------------------------------------------------------------- */

enum { PAIRS = 4, WORKERS = 12, STEPS = 1500 };

static struct {
	uint64_t random;
	int ends[PAIRS][2];
	bide_queue *queue;
	bide_task *workers[WORKERS];
	long written, read;    /* bytes */
	long put, got;         /* items: numbers from 1 up, */
	long sum_put, sum_got; /* and their sums */
} now;

static unsigned random_below(unsigned n)
{
	now.random = now.random * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(now.random >> 33) % n;
}

static void take(const bide_arm *arm, long item)
{
	char byte;
	if (arm->kind == BIDE__ARM_GET) {
		EXPECT_INT(arm->rc, 0);
		now.got++;
		now.sum_got += item;
	} else if (arm->kind == BIDE__ARM_FD) {
		EXPECT_INT(arm->rc, BIDE_READABLE);
		/* Another one may have been quicker. */
		now.read += read(arm->with.on.fd, &byte, 1) == 1;
	}
}

static BIDE_ASYNC_LIGHT(int, select_until_cancelled, void);
static int select_until_cancelled(void)
{
	for (;;) {
		long item = -1;
		bide_arm arms[6];
		unsigned n = 1 + random_below(6);
		for (unsigned i = 0; i < n; i++) {
			unsigned what = random_below(7);
			arms[i] = what < 4    ? bide_arm_fd(now.ends[what][0], BIDE_READABLE)
			          : what == 4 ? bide_arm_get(now.queue, &item)
			          : what == 5 ? bide_arm_event(&event)
			                      : bide_arm_sleep(0.0001 * random_below(20));
		}
		int chosen = bide_select(arms, n);
		if (chosen < 0)
			return chosen;
		take(&arms[chosen], item);
	}
}

static BIDE_ASYNC(int, select_on_full_stack, void);
static int select_on_full_stack(void)
{
	return select_until_cancelled();
}

static void restart(bide_task **worker)
{
	if (*worker != NULL) {
		bide_cancel(*worker);
		EXPECT_INT(bide_join(*worker), -ECANCELED);
	}
	*worker = random_below(2) == 0 ? bide_spawn(select_until_cancelled)
	                               : bide_spawn(select_on_full_stack);
}

static void step(void)
{
	switch (random_below(7)) {
	case 0:
		restart(&now.workers[random_below(WORKERS)]);
		break;
	case 1:
		bide_event_set(&event);
		bide_event_clear(&event);
		break;
	case 2:
		now.sum_put += ++now.put;
		EXPECT_INT(bide_queue_try_put(now.queue, &now.put), 0);
		break;
	case 3:
	case 4:
		now.written++;
		write_byte(now.ends[random_below(PAIRS)][1]);
		break;
	case 5:
		bide_yield();
		break;
	default:
		bide_sleep(0.0001);
	}
}

static void open_all(void)
{
	memset(&now, 0, sizeof now);
	now.random = test_seed();
	for (int i = 0; i < PAIRS; i++)
		EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		                      now.ends[i]),
		           0);
	EXPECT_INT(bide_queue_open(long, NULL, &now.queue), 0);
	event = (bide_event)BIDE_EVENT_INIT;
}

static void close_all(void)
{
	char byte;
	for (long item; bide_queue_try_get(now.queue, &item) == 0; now.got++)
		now.sum_got += item;
	bide_queue_free(now.queue);
	for (int i = 0; i < PAIRS; i++) {
		while (read(now.ends[i][0], &byte, 1) == 1)
			now.read++;
		close(now.ends[i][0]);
		close(now.ends[i][1]);
	}
}

static BIDE_ASYNC(int, conduct, void);
static int conduct(void)
{
	open_all();
	for (int i = 0; i < WORKERS; i++)
		restart(&now.workers[i]);
	for (int i = 0; i < STEPS; i++)
		step();
	for (int i = 0; i < WORKERS; i++)
		bide_cancel(now.workers[i]);
	for (int i = 0; i < WORKERS; i++)
		EXPECT_INT(bide_join(now.workers[i]), -ECANCELED);
	EXPECT_UINT(bide__loop->in_flight, 0);
	close_all();
	EXPECT_INT(now.got, now.put);
	EXPECT_INT(now.sum_got, now.sum_put);
	EXPECT_INT(now.read, now.written);
	return 0;
}

TEST(selects_at_random_on_descriptors_lose_nothing)
{
	static const enum bide_light ways[] = { BIDE_LIGHT_SHARED, BIDE_LIGHT_EVICT,
		                                BIDE_LIGHT_STRICT };
	for (int i = 0; i < 3; i++) {
		const bide_options options = { .light = ways[i] };
		CHECK_INT(bide_try_run(&options, NULL, conduct), 0);
	}
}
