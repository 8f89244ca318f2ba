// SPDX-License-Identifier: MIT
/* Loops on several threads at once: they have nothing to do with one another. */
#include "harness/test.h"

#include <bide.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { THREADS = 4 };

/* Runs a function on several threads at the same time. */
static void on_threads(void *(*body)(void *))
{
	static int numbers[THREADS];
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		CHECK_INT(pthread_create(&threads[i], NULL, body, &numbers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* ---- groups ------------------------------------------------------------------------------- */

BIDE_ASYNC(long, add_up, long);
long add_up(long n)
{
	long sum = 0;

	for (long i = 1; i <= n; i++) {
		sum += i;
		bide_yield();
	}
	return sum;
}

BIDE_ASYNC_LIGHT(long, add_up_light, long);
long add_up_light(long n)
{
	long sum = 0;

	for (long i = 1; i <= n; i++) {
		sum += i;
		if (i % 5 == 0)
			bide_sleep(0.00001);
		else
			bide_yield();
	}
	return sum;
}

BIDE_ASYNC(int, many_sums, int);
int many_sums(int n)
{
	long sum = 0;
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++) {
			bide_group_spawn(group, add_up, 20);
			bide_group_spawn(group, add_up_light, 20);
		}
		for (bide_task *t; (t = bide_group_next(group));)
			sum += bide_await(long, t);
	}
	EXPECT_INT(sum, 210L * 2 * n);
	return rc;
}

static void *run_groups(void *arg)
{
	for (int i = 0; i < 5; i++)
		EXPECT_INT(bide_run(many_sums, 20), 0);
	return arg;
}

TEST(thread_loops_run_groups_at_once)
{
	on_threads(run_groups);
}

/* ---- time and cancellation ---------------------------------------------------------------- */

BIDE_ASYNC(int, sleep_long, int);
int sleep_long(int i)
{
	return bide_sleep(1000 + i);
}

BIDE_ASYNC(int, cancel_group, int);
int cancel_group(int n)
{
	int timed_out = 0;
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++)
			bide_group_spawn(group, sleep_long, i);
		BIDE_TIMEOUT(0.001, timed_out) {
			bide_group_next(group);
		}
		bide_group_cancel(group);
	}
	EXPECT_INT(timed_out, -ETIMEDOUT);
	return rc;
}

static void *run_cancellations(void *arg)
{
	const bide_options real = { .seed = 5 };
	const bide_options virtual = { .backend = BIDE_BACKEND_VIRTUAL, .shuffle = true };

	for (int i = 0; i < 5; i++) {
		int result = -1;
		EXPECT_INT(bide_try_run(i % 2 ? &real : &virtual, &result, cancel_group, 20), 0);
		EXPECT_INT(result, 0);
	}
	return arg;
}

TEST(thread_loops_cancel_at_once)
{
	on_threads(run_cancellations);
}

/* ---- descriptors -------------------------------------------------------------------------- */

static int ends[THREADS][2];

/* Each thread sends to the next, around the circle. */
BIDE_ASYNC(int, pass_around, int);
int pass_around(int number)
{
	const int from = ends[number][0];
	const int to = ends[(number + 1) % THREADS][1];
	char token = 0;

	for (int round = 0; round < 50; round++) {
		if (number == 0)
			CHECK_RET(write(to, &token, 1) == 1, -EIO);
		CHECK_RET(bide_wait_fd(from, BIDE_READABLE) == BIDE_READABLE, -EIO);
		CHECK_RET(read(from, &token, 1) == 1, -EIO);
		token++;
		if (number != 0)
			CHECK_RET(write(to, &token, 1) == 1, -EIO);
	}
	return token;
}

static void *run_pass_around(void *arg)
{
	int number = *(int *)arg;
	int token = bide_run(pass_around, number);

	EXPECT_INT((unsigned char)token,
	           number == 0 ? THREADS * 50 % 256 : (THREADS * 49 + number) % 256);
	return arg;
}

TEST(thread_loops_pass_data_through_descriptors)
{
	for (int i = 0; i < THREADS; i++)
		CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends[i]), 0);
	on_threads(run_pass_around);
}

/* ---- coming and going --------------------------------------------------------------------- */

static volatile sig_atomic_t handled;

static void on_fault(int signal)
{
	(void)signal;
	handled++;
}

static void *open_and_close(void *arg)
{
	for (int i = 0; i < 100; i++) {
		bide_loop *loop = NULL;
		EXPECT_INT(bide_loop_open(NULL, &loop), 0);
		EXPECT_PTR(bide_current_loop(), loop);
		EXPECT_INT(bide_loop_open(NULL, &loop), -EBUSY);
		bide_loop_close(loop);
		EXPECT_PTR(bide_current_loop(), NULL);
	}
	return arg;
}

TEST(thread_loops_come_and_go_at_once)
{
	signal(SIGSEGV, on_fault);
	on_threads(open_and_close);
	/* The last one, on whichever thread, gave back the program's handler. */
	EXPECT(signal(SIGSEGV, SIG_DFL) == on_fault);
}

/* A loop that is closed on one thread leaves the handler to the one on the other. */
static void *open_and_close_once(void *arg)
{
	bide_loop *loop = NULL;

	EXPECT_INT(bide_loop_open(NULL, &loop), 0);
	bide_loop_close(loop);
	return arg;
}

static struct sigaction fault_action(void)
{
	struct sigaction now;

	memset(&now, 0, sizeof now);
	EXPECT_INT(sigaction(SIGSEGV, NULL, &now), 0);
	return now;
}

TEST(thread_loop_that_ends_leaves_the_fault_handler_to_others)
{
	bide_loop *loop = NULL;
	pthread_t thread;

	signal(SIGSEGV, on_fault);
	CHECK_INT(bide_loop_open(NULL, &loop), 0);
	EXPECT(fault_action().sa_handler != on_fault);
	CHECK_INT(pthread_create(&thread, NULL, open_and_close_once, NULL), 0);
	pthread_join(thread, NULL);
	EXPECT(fault_action().sa_handler != on_fault);
	bide_loop_close(loop);
	EXPECT(fault_action().sa_handler == on_fault);
}

/* ---- the wrong thread --------------------------------------------------------------------- */

static bide_task *foreign_task;
static bide_loop *foreign_loop;

static void *cancel_foreign(void *arg)
{
	bide_loop *loop = NULL;

	EXPECT_INT(bide_loop_open(NULL, &loop), 0);
	bide_cancel(foreign_task);
	return arg;
}

BIDE_ASYNC(int, give_task_to_thread, int);
int give_task_to_thread(int i)
{
	pthread_t thread;

	foreign_task = bide_spawn(sleep_long, i);
	pthread_create(&thread, NULL, cancel_foreign, NULL);
	pthread_join(thread, NULL);
	return 0;
}

TEST_ABORTS(thread_that_cancels_a_task_of_another_aborts, "belongs to the loop of thread ")
{
	bide_run(give_task_to_thread, 0);
}

static void *close_foreign(void *arg)
{
	bide_loop_close(foreign_loop);
	return arg;
}

TEST_ABORTS(thread_that_closes_the_loop_of_another_aborts,
            "bide: bide_loop_close: the loop belongs to thread ")
{
	pthread_t thread;

	CHECK_INT(bide_loop_open(NULL, &foreign_loop), 0);
	CHECK_INT(pthread_create(&thread, NULL, close_foreign, NULL), 0);
	pthread_join(thread, NULL);
}

static void *run_foreign(void *arg)
{
	bide_loop_run(foreign_loop, NULL, sleep_long, 0);
	return arg;
}

TEST_ABORTS(thread_that_runs_the_loop_of_another_aborts,
            "bide: bide_loop_run: the loop belongs to thread ")
{
	pthread_t thread;

	CHECK_INT(bide_loop_open(NULL, &foreign_loop), 0);
	CHECK_INT(pthread_create(&thread, NULL, run_foreign, NULL), 0);
	pthread_join(thread, NULL);
}
