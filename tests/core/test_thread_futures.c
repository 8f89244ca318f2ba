// SPDX-License-Identifier: MIT
/* Futures that are set for other threads, by bide_call_threadsafe(); and what becomes of one that
 * such a thread touches itself. */
#include "harness/test.h"

#include <bide.h>

#include <errno.h>
#include <pthread.h>

enum { THREADS = 4, ROUNDS = 200 };

/* What a thread works on, for a task that waits. */
struct work {
	bide_loop *loop;
	bide_future *future;
	long input, output;
	pthread_t thread;
};

static void finished(void *arg) /* on the loop's thread */
{
	struct work *work = (struct work *)arg;

	EXPECT_INT(bide_future_set(work->future, &work->output), 0);
	bide_future_unref(work->future);
}

static void *compute(void *arg)
{
	struct work *work = (struct work *)arg;
	bide_loop *loop = work->loop;

	work->output = work->input * work->input;
	EXPECT_INT(bide_call_threadsafe(loop, finished, work), 0);
	bide_loop_unref(loop);
	return NULL;
}

static int start(struct work *work, long input, bide_future *future)
{
	*work = (struct work){ bide_loop_ref(bide_current_loop()), bide_future_ref(future), input,
		               0, 0 };
	return -pthread_create(&work->thread, NULL, compute, work);
}

BIDE_ASYNC(int, square, struct work *, long);
int square(struct work *work, long input)
{
	bide_future *future;
	long value = -1;

	CHECK_RET(bide_future_open(long, &future) == 0, 1);
	CHECK_RET(start(work, input, future) == 0, 1);
	EXPECT_INT(bide_future_await(future, &value), 0);
	EXPECT_INT(value, input * input);
	bide_future_unref(future);
	return pthread_join(work->thread, NULL);
}

BIDE_ASYNC(int, squares, void);
int squares(void)
{
	struct work works[THREADS];
	int rc = 0;

	for (int round = 0; round < ROUNDS && rc == 0; round++)
		BIDE_GROUP(group, rc)
			for (int i = 0; i < THREADS; i++)
				bide_group_spawn(group, square, &works[i], round * THREADS + i);
	return rc;
}

TEST(future_is_set_for_another_thread)
{
	EXPECT_INT(bide_run(squares), 0);
}

/* Whoever waited has gone when the value comes. */
BIDE_ASYNC(int, give_up, void);
int give_up(void)
{
	struct work work;
	bide_future *future;
	long value = -1;

	CHECK_RET(bide_future_open(long, &future) == 0, 1);
	CHECK_RET(start(&work, 3, future) == 0, 1);
	BIDE_TIMEOUT(0)
		EXPECT_INT(bide_future_await(future, &value), -ETIMEDOUT);
	bide_future *kept = bide_future_ref(future);
	bide_future_unref(future);
	EXPECT_INT(value, -1);
	EXPECT_INT(bide_future_await(kept, &value), 0);
	EXPECT_INT(value, 9);
	bide_future_unref(kept);
	return pthread_join(work.thread, NULL);
}

TEST(future_is_set_although_whoever_waited_has_given_up)
{
	EXPECT_INT(bide_run(give_up), 0);
}

static void *set_here(void *arg)
{
	long value = 1;

	(void)bide_future_set((bide_future *)arg, &value);
	return NULL;
}

BIDE_ASYNC(int, set_elsewhere, void);
int set_elsewhere(void)
{
	bide_future *future;
	pthread_t thread;

	CHECK_RET(bide_future_open(long, &future) == 0, 1);
	CHECK_RET(pthread_create(&thread, NULL, set_here, future) == 0, 1);
	return pthread_join(thread, NULL);
}

TEST_ABORTS(misuse_future_on_another_thread,
            "bide_future_set: the future belongs to the loop of thread ")
{
	(void)bide_run(set_elsewhere);
}
