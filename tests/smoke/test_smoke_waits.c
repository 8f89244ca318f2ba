// SPDX-License-Identifier: MIT
/* A little of everything for which a loop asks the system, quick enough for emulators and
 * Memcheck: real time, descriptors, threads, signals. */
#include "harness/test.h"

#include <bide.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- real time ---------------------------------------------------------------------------- */

BIDE_ASYNC_LIGHT(int, nap, double);
int nap(double seconds)
{
	double before = bide_now();
	int rc = bide_sleep(seconds);

	EXPECT(bide_now() - before >= seconds);
	return rc;
}

BIDE_ASYNC(int, naps, int);
int naps(int n)
{
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++)
			bide_group_spawn(group, nap, 0.0001 * i);
	}
	return rc;
}

TEST(smoke_sleeps_last)
{
	EXPECT_INT(bide_run(naps, 20), 0);
}

/* ---- descriptors -------------------------------------------------------------------------- */

BIDE_ASYNC(int, echo, int, int);
int echo(int fd, int rounds)
{
	char bytes[8];

	for (int i = 0; i < rounds; i++) {
		CHECK_RET(bide_wait_fd(fd, BIDE_READABLE) == BIDE_READABLE, -EIO);
		CHECK_RET(read(fd, bytes, sizeof bytes) == sizeof bytes, -EIO);
		CHECK_RET(bide_wait_fd(fd, BIDE_WRITABLE) == BIDE_WRITABLE, -EIO);
		CHECK_RET(write(fd, bytes, sizeof bytes) == sizeof bytes, -EIO);
	}
	return 0;
}

BIDE_ASYNC_LIGHT(int, talk, int, int);
int talk(int fd, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		char sent[8] = "message", received[8] = "";
		sent[7] = (char)i;
		CHECK_RET(write(fd, sent, sizeof sent) == sizeof sent, -EIO);
		CHECK_RET(bide_wait_fd(fd, BIDE_READABLE) == BIDE_READABLE, -EIO);
		CHECK_RET(read(fd, received, sizeof received) == sizeof received, -EIO);
		CHECK_RET(memcmp(sent, received, sizeof sent) == 0, -EIO);
	}
	return 0;
}

BIDE_ASYNC(int, talk_and_time_out, int);
int talk_and_time_out(int pairs)
{
	int timed_out = 0;
	int quiet[2];
	int rc;

	CHECK_RET(socketpair(AF_UNIX, SOCK_STREAM, 0, quiet) == 0, -EIO);
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < pairs; i++) {
			int ends[2];
			CHECK_RET(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, -EIO);
			bide_group_spawn(group, echo, ends[0], 5);
			bide_group_spawn(group, talk, ends[1], 5);
		}
		BIDE_TIMEOUT(0.005, timed_out) {
			bide_wait_fd(quiet[0], BIDE_READABLE);
		}
	}
	EXPECT_INT(timed_out, -ETIMEDOUT);
	close(quiet[0]);
	close(quiet[1]);
	return rc;
}

TEST(smoke_descriptors_are_waited_for)
{
	EXPECT_INT(bide_run(talk_and_time_out, 8), 0);
}

/* ---- threads ------------------------------------------------------------------------------ */

static void count(void *arg)
{
	++*(int *)arg;
}

struct caller {
	bide_loop *loop;
	int *counter;
};

static void *call_often(void *arg)
{
	const struct caller *caller = arg;

	for (int i = 0; i < 100; i++)
		EXPECT_INT(bide_call_threadsafe(caller->loop, count, caller->counter), 0);
	bide_loop_unref(caller->loop);
	return NULL;
}

BIDE_ASYNC(int, be_called, int);
int be_called(int times)
{
	pthread_t thread;
	int counter = 0;
	struct caller caller = { bide_loop_ref(bide_current_loop()), &counter };

	CHECK_RET(pthread_create(&thread, NULL, call_often, &caller) == 0, -1);
	while (counter < times)
		bide_sleep(0.0002);
	pthread_join(thread, NULL);
	return counter;
}

TEST(smoke_calls_come_from_threads)
{
	EXPECT_INT(bide_run(be_called, 100), 100);
}

/* ---- signals ------------------------------------------------------------------------------ */

BIDE_ASYNC(int, be_interrupted, double);
int be_interrupted(double seconds)
{
	raise(SIGINT);
	return bide_sleep(seconds);
}

TEST(smoke_interrupt_cancels)
{
	EXPECT_INT(bide_run(be_interrupted, 1000.0), -ECANCELED);
}
