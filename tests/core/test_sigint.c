// SPDX-License-Identifier: MIT
/* SIGINT: while a run is on the process's first thread the first one cancels its main task and the
 * second ends the process; programs that see to it themselves are left alone. */
#include "core/child_kit.h"
#include "core/sigint_kit.h"

#include <bide.h>

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>

/* ---- the first ---------------------------------------------------------------------------- */

static bool cleaned_up;

/* Waits in one of several ways, and cleans up when it is cancelled. */
BIDE_ASYNC(int, wait_in, int (*)(void));
int wait_in(int (*wait)(void))
{
	interrupt_after(3);
	int rc = wait();
	BIDE_SHIELD {
		cleaned_up = bide_sleep(0.001) == 0;
	}
	return rc;
}

static int sleep_long(void)
{
	return bide_sleep(1000);
}

static int sleep_for_ever(void)
{
	return bide_sleep(INFINITY);
}

static int wait_for_descriptor(void)
{
	return bide_wait_fd(eventfd(0, 0), BIDE_READABLE);
}

BIDE_ASYNC(int, sleep_as_task, int);
int sleep_as_task(int i)
{
	return bide_sleep(1000 + i);
}

static int wait_for_tasks(void)
{
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 10; i++)
			bide_group_spawn(group, sleep_as_task, i);
	}
	return rc;
}

static int wait_for_task(void)
{
	return bide_await(int, bide_spawn(sleep_as_task, 1));
}

static int yield_on_and_on(void)
{
	for (;;) {
		int rc = bide_yield();
		if (rc < 0)
			return rc;
	}
}

TEST(sigint_cancels_the_main_task_whatever_it_waits_for)
{
	int (*const ways[])(void) = { sleep_long,     sleep_for_ever, wait_for_descriptor,
		                      wait_for_tasks, wait_for_task,  yield_on_and_on };

	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		cleaned_up = false;
		EXPECT_INT(bide_try_run(NULL, NULL, wait_in, ways[i]), -ECANCELED);
		EXPECT(cleaned_up);
		EXPECT(default_action());
	}
}

BIDE_ASYNC(int, raise_and_compute, volatile long *);
int raise_and_compute(volatile long *sum)
{
	EXPECT_INT(raise(SIGINT), 0);
	for (long i = 0; i < 1000; i++)
		*sum += i;
	EXPECT_INT(bide_sleep(10), -ECANCELED);
	return -ECANCELED;
}

TEST(sigint_is_noticed_at_the_next_suspension)
{
	volatile long sum = 0;

	EXPECT_INT(bide_run(raise_and_compute, &sum), -ECANCELED);
	EXPECT_INT(sum, 499500);
}

BIDE_ASYNC(int, catch_it, int);
int catch_it(int value)
{
	raise(SIGINT);
	EXPECT_INT(bide_sleep(1000), -ECANCELED);
	return value;
}

TEST(sigint_that_is_caught_leaves_the_result)
{
	int result = 0;

	EXPECT_INT(bide_try_run(NULL, &result, catch_it, 42), 0);
	EXPECT_INT(result, 42);
}

/* Others are not asked to stop before the main task has ended. */
BIDE_ASYNC(int, finish_others_first, int);
int finish_others_first(int i)
{
	bide_task *t = bide_spawn(catch_it, i);
	int rc = bide_sleep(1000);
	EXPECT_INT(rc, -ECANCELED);
	EXPECT(!bide_task_done(t));
	bide_cancel(t);
	BIDE_SHIELD {
		EXPECT_INT(bide_await(int, t), i);
	}
	return rc;
}

TEST(sigint_cancels_the_main_task_alone)
{
	EXPECT_INT(bide_run(finish_others_first, 5), -ECANCELED);
}

TEST(sigint_is_handled_in_each_run)
{
	bide_loop *loop = NULL;

	CHECK_INT(bide_loop_open(NULL, &loop), 0);
	for (int i = 0; i < 3; i++) {
		EXPECT(default_action());
		EXPECT_INT(bide_loop_run(loop, NULL, wait_in, sleep_long), -ECANCELED);
	}
	bide_loop_close(loop);
	EXPECT(default_action());
}

BIDE_ASYNC(int, raise_at_the_end, int);
int raise_at_the_end(int result)
{
	raise(SIGINT);
	return result;
}

BIDE_ASYNC(int, sleep_a_little, double);
int sleep_a_little(double seconds)
{
	return bide_sleep(seconds);
}

TEST(sigint_that_came_too_late_for_one_run_is_not_the_next_ones)
{
	bide_loop *loop = NULL;
	int result = 0;

	CHECK_INT(bide_loop_open(NULL, &loop), 0);
	EXPECT_INT(bide_loop_run(loop, &result, raise_at_the_end, 5), 0);
	EXPECT_INT(result, 5);
	EXPECT_INT(bide_loop_run(loop, NULL, sleep_a_little, 0.001), 0);
	bide_loop_close(loop);
}

/* ---- the second --------------------------------------------------------------------------- */

BIDE_ASYNC(int, ignore_it, int);
int ignore_it(int times)
{
	for (int i = 0; i < times; i++) {
		raise(SIGINT);
		if (i == 0)
			EXPECT_INT(bide_sleep(1000), -ECANCELED);
		fprintf(stderr, "signal %d survived\n", i + 1);
	}
	return 0;
}

static void interrupt_twice(void)
{
	bide_run(ignore_it, 2);
}

TEST(sigint_for_the_second_time_ends_the_process)
{
	struct child child;

	child_run(&child, interrupt_twice);
	EXPECT(child_died_by(&child, SIGINT));
	EXPECT_STR(child.text, "signal 1 survived\n");
}

BIDE_ASYNC(int, compute_on_and_on, int);
int compute_on_and_on(int i)
{
	interrupt_after(3);
	raise(SIGINT);
	for (volatile int turns = i;; turns = turns + 1)
		;
}

TEST_SIGNAL(sigint_for_the_second_time_ends_a_task_that_never_suspends, SIGINT, "")
{
	bide_run(compute_on_and_on, 0);
}

/* ---- who sees to it himself --------------------------------------------------------------- */

static volatile sig_atomic_t caught;

static void on_interrupt(int signal)
{
	(void)signal;
	caught++;
}

static void on_interrupt_info(int signal, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	on_interrupt(signal);
}

BIDE_ASYNC(int, raise_and_go_on, int);
int raise_and_go_on(int times)
{
	for (int i = 0; i < times; i++) {
		raise(SIGINT);
		EXPECT_INT(bide_sleep(0.0001), 0);
	}
	return 0;
}

TEST(sigint_of_programs_with_a_handler_is_theirs)
{
	struct sigaction action;

	signal(SIGINT, on_interrupt);
	EXPECT_INT(bide_run(raise_and_go_on, 3), 0);
	EXPECT_INT(caught, 3);
	memset(&action, 0, sizeof action);
	action.sa_sigaction = on_interrupt_info;
	action.sa_flags = SA_SIGINFO;
	CHECK_INT(sigaction(SIGINT, &action, NULL), 0);
	EXPECT_INT(bide_run(raise_and_go_on, 3), 0);
	EXPECT_INT(caught, 6);
	CHECK_INT(sigaction(SIGINT, NULL, &action), 0);
	EXPECT(action.sa_sigaction == on_interrupt_info);
}

TEST(sigint_that_is_ignored_stays_ignored)
{
	signal(SIGINT, SIG_IGN);
	EXPECT_INT(bide_run(raise_and_go_on, 3), 0);
	EXPECT(signal(SIGINT, SIG_DFL) == SIG_IGN);
}

BIDE_ASYNC(int, set_own_handler, int);
int set_own_handler(int times)
{
	signal(SIGINT, on_interrupt);
	return raise_and_go_on(times);
}

TEST(sigint_handler_that_is_set_during_the_run_stays)
{
	EXPECT_INT(bide_run(set_own_handler, 2), 0);
	EXPECT_INT(caught, 2);
	EXPECT(signal(SIGINT, SIG_DFL) == on_interrupt);
}

/* ---- elsewhere ---------------------------------------------------------------------------- */

static void *run_on_thread(void *arg)
{
	bide_run(raise_and_go_on, 1);
	return arg;
}

TEST_SIGNAL(sigint_is_not_handled_on_another_thread, SIGINT, "")
{
	pthread_t thread;

	CHECK_INT(pthread_create(&thread, NULL, run_on_thread, NULL), 0);
	pthread_join(thread, NULL);
}

TEST_SIGNAL(sigint_between_runs_has_its_default_action, SIGINT, "")
{
	bide_loop *loop = NULL;

	CHECK_INT(bide_loop_open(NULL, &loop), 0);
	EXPECT_INT(bide_loop_run(loop, NULL, wait_in, sleep_long), -ECANCELED);
	raise(SIGINT);
}

/* The signal comes on another thread, while this one waits in its run. */
static void *interrupt_from_thread(void *arg)
{
	const struct timespec while_ = { 0, 3000000 };

	nanosleep(&while_, NULL);
	EXPECT_INT(pthread_kill(pthread_self(), SIGINT), 0);
	return arg;
}

BIDE_ASYNC(int, wait_beside_thread, int (*)(void));
int wait_beside_thread(int (*wait)(void))
{
	pthread_t thread;

	CHECK_RET(pthread_create(&thread, NULL, interrupt_from_thread, NULL) == 0, -1);
	int rc = wait();
	pthread_join(thread, NULL);
	return rc;
}

TEST(sigint_that_comes_on_another_thread_wakes_the_loop)
{
	EXPECT_INT(bide_run(wait_beside_thread, sleep_for_ever), -ECANCELED);
	EXPECT_INT(bide_run(wait_beside_thread, wait_for_descriptor), -ECANCELED);
	EXPECT_INT(bide_run(wait_beside_thread, yield_on_and_on), -ECANCELED);
}
