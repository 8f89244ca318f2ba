// SPDX-License-Identifier: MIT
/* bide_wait_fd(): several tasks on one descriptor, many descriptors at once, and how waiting goes
 * together with tasks that are ready all the time. */
#include "harness/test.h"

#include <bide.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

BIDE_ASYNC_LIGHT(int, wait_light, int, int);
int wait_light(int fd, int events)
{
	return bide_wait_fd(fd, events);
}

/* ---- on one ------------------------------------------------------------------------------- */

BIDE_ASYNC(int, two_for_one_event, int, int);
int two_for_one_event(int fd, int other)
{
	bide_task *a = bide_spawn(wait_light, fd, BIDE_READABLE);
	bide_task *b = bide_spawn(wait_light, fd, BIDE_READABLE);

	bide_sleep(0.002);
	EXPECT(!bide_task_done(a) && !bide_task_done(b));
	EXPECT_INT(write(other, "x", 1), 1);
	EXPECT_INT(bide_await(int, a), BIDE_READABLE);
	EXPECT_INT(bide_await(int, b), BIDE_READABLE);
	return 0;
}

BIDE_ASYNC(int, two_for_different_events, int, int);
int two_for_different_events(int fd, int other)
{
	bide_task *readable = bide_spawn(wait_light, fd, BIDE_READABLE);
	bide_task *writable = bide_spawn(wait_light, fd, BIDE_WRITABLE);

	EXPECT_INT(bide_await(int, writable), BIDE_WRITABLE);
	bide_sleep(0.002);
	EXPECT(!bide_task_done(readable));
	EXPECT_INT(write(other, "x", 1), 1);
	EXPECT_INT(bide_await(int, readable), BIDE_READABLE);
	return 0;
}

/* The first of them goes, the second must stay; and the other way round. */
BIDE_ASYNC(int, one_of_two_cancelled, int, int, int);
int one_of_two_cancelled(int fd, int other, int which)
{
	bide_task *t[2] = { bide_spawn(wait_light, fd, BIDE_READABLE),
		            bide_spawn(wait_light, fd, BIDE_READABLE) };
	char byte;

	bide_sleep(0.001);
	bide_cancel(t[which]);
	EXPECT_INT(bide_await(int, t[which]), -ECANCELED);
	EXPECT(!bide_task_done(t[!which]));
	EXPECT_INT(write(other, "x", 1), 1);
	EXPECT_INT(bide_await(int, t[!which]), BIDE_READABLE);
	EXPECT_INT(read(fd, &byte, 1), 1);
	return 0;
}

TEST(wait_fd_by_two_tasks_for_the_same_event)
{
	int ends[2];

	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	EXPECT_INT(bide_run(two_for_one_event, ends[0], ends[1]), 0);
}

TEST(wait_fd_by_two_tasks_for_different_events)
{
	int ends[2];

	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	EXPECT_INT(bide_run(two_for_different_events, ends[0], ends[1]), 0);
}

TEST(wait_fd_by_two_tasks_of_which_one_is_cancelled)
{
	int ends[2];

	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	EXPECT_INT(bide_run(one_of_two_cancelled, ends[0], ends[1], 0), 0);
	EXPECT_INT(bide_run(one_of_two_cancelled, ends[0], ends[1], 1), 0);
}

/* ---- very many ---------------------------------------------------------------------------- */

enum { MANY = 1000 };

static int fds[MANY];

static int open_many(void)
{
	struct rlimit files = { 0, 0 };

	getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_max < MANY + 100)
		return 0;
	files.rlim_cur = files.rlim_max < 65536 ? files.rlim_max : 65536;
	setrlimit(RLIMIT_NOFILE, &files);
	for (int i = 0; i < MANY; i++) {
		fds[i] = eventfd(0, EFD_NONBLOCK);
		CHECK_RET(fds[i] >= 0, 0);
	}
	return MANY;
}

BIDE_ASYNC(int, signal_in_turn, int);
int signal_in_turn(int n)
{
	const uint64_t one = 1;

	bide_sleep(0.005);
	for (int i = 0; i < n; i++) {
		EXPECT_INT(write(fds[(i * 7) % n], &one, sizeof one), sizeof one);
		if (i % 100 == 0)
			bide_yield();
	}
	return 0;
}

BIDE_ASYNC(int, wait_for_many, int);
int wait_for_many(int n)
{
	int ready = 0;
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++)
			bide_group_spawn(group, wait_light, fds[i], BIDE_READABLE);
		bide_task *signals = bide_spawn(signal_in_turn, n);
		for (bide_task *t; (t = bide_group_next(group));)
			ready += bide_await(int, t) == BIDE_READABLE;
		bide_join(signals);
	}
	return rc < 0 ? rc : ready;
}

BIDE_ASYNC(int, wait_for_many_at_once, int);
int wait_for_many_at_once(int n)
{
	int ready = 0;
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++)
			bide_group_spawn(group, wait_light, fds[i], BIDE_WRITABLE);
		for (bide_task *t; (t = bide_group_next(group));)
			ready += bide_await(int, t) == BIDE_WRITABLE;
	}
	return rc < 0 ? rc : ready;
}

TEST(wait_fd_for_a_thousand_at_once)
{
	if (open_many() == 0)
		SKIP("a thousand descriptors are not to be had");
	EXPECT_INT(bide_run(wait_for_many, MANY), MANY);
	EXPECT_INT(bide_run(wait_for_many_at_once, MANY), MANY);
}

BIDE_ASYNC(int, cancel_many, int);
int cancel_many(int n)
{
	int cancelled = 0;
	bide_group *group;

	CHECK_RET(bide_group_open(NULL, &group) == 0, -1);
	for (int i = 0; i < n; i++)
		bide_group_spawn(group, wait_light, fds[i], BIDE_READABLE);
	bide_sleep(0.005);
	bide_group_cancel(group);
	BIDE_SHIELD {
		for (bide_task *t; (t = bide_group_next(group));)
			cancelled += bide_await(int, t) == -ECANCELED;
	}
	EXPECT_INT(bide_group_close(group), 0);
	return cancelled;
}

TEST(wait_fd_for_a_thousand_is_cancelled)
{
	if (open_many() == 0)
		SKIP("a thousand descriptors are not to be had");
	EXPECT_INT(bide_run(cancel_many, MANY), MANY);
}

/* ---- fairness ----------------------------------------------------------------------------- */

/* Ready all the time until it is told to stop, or gives up. */
BIDE_ASYNC(int, be_busy, const bool *, int *);
int be_busy(const bool *stop, int *turns)
{
	for (*turns = 0; !*stop && *turns < 5000000; ++*turns)
		bide_yield();
	return 0;
}

BIDE_ASYNC(int, exchange, int, int, bool);
int exchange(int fd, int rounds, bool first)
{
	char byte = 0;

	for (int i = 0; i < rounds; i++) {
		if (first)
			EXPECT_INT(write(fd, &byte, 1), 1);
		EXPECT_INT(bide_wait_fd(fd, BIDE_READABLE), BIDE_READABLE);
		EXPECT_INT(read(fd, &byte, 1), 1);
		if (!first)
			EXPECT_INT(write(fd, &byte, 1), 1);
	}
	return 0;
}

BIDE_ASYNC(int, exchange_among_busy, int, int, int);
int exchange_among_busy(int a, int b, int busy)
{
	bool stop = false;
	int turns[10];
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < busy; i++)
			bide_group_spawn(group, be_busy, &stop, &turns[i]);
		bide_task *first = bide_spawn(exchange, a, 50, true);
		bide_task *second = bide_spawn(exchange, b, 50, false);
		EXPECT_INT(bide_join(first), 0);
		EXPECT_INT(bide_join(second), 0);
		EXPECT_INT(bide_sleep(0.002), 0);
		stop = true;
	}
	/* The busy ones ran meanwhile, and not so long that others gave up on them. */
	for (int i = 0; i < busy; i++)
		EXPECT(turns[i] >= 50 && turns[i] < 5000000);
	return rc;
}

TEST(wait_fd_is_not_starved_by_ready_tasks_nor_starves_them)
{
	int ends[2];

	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	EXPECT_INT(bide_run(exchange_among_busy, ends[0], ends[1], 1), 0);
	EXPECT_INT(bide_run(exchange_among_busy, ends[0], ends[1], 10), 0);
}

/* Descriptors that are ready again at once do not keep a timer from firing. */
BIDE_ASYNC(int, wait_on_and_on, int, const bool *);
int wait_on_and_on(int fd, const bool *stop)
{
	while (!*stop)
		if (bide_wait_fd(fd, BIDE_WRITABLE) != BIDE_WRITABLE)
			return -EIO;
	return 0;
}

BIDE_ASYNC(int, sleep_among_waiting, int);
int sleep_among_waiting(int fd)
{
	bool stop = false;
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 5; i++)
			bide_group_spawn(group, wait_on_and_on, fd, &stop);
		EXPECT_INT(bide_sleep(0.003), 0);
		stop = true;
	}
	return rc;
}

TEST(wait_fd_that_is_always_ready_does_not_starve_timers)
{
	EXPECT_INT(bide_run(sleep_among_waiting, eventfd(0, 0)), 0);
}
