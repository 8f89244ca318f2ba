// SPDX-License-Identifier: MIT
/* A fork while one loop calls another: the child has neither thread's loop, whatever they were
 * about and whatever locks they held, and answers nobody. */
#include "core/loops_kit.h"

#include "core/loop.h"

#include <sys/wait.h>
#include <unistd.h>

static int wait_for(pid_t child)
{
	int status = -1;
	EXPECT_INT(waitpid(child, &status, 0), child);
	return status;
}

static BIDE_ASYNC(int, call_and_fork, void);
static int call_and_fork(void)
{
	bide_task *task = bide_spawn_on(far.loop, nap, 0.05, 3);
	bide_sleep(0.001);
	pid_t child = fork();
	if (child == 0)
		_exit(bide_await(int, task) == -BIDE_EFORKED ? 0 : 1);
	EXPECT_INT(wait_for(child), 0);
	return bide_await(int, task);
}

TEST(the_child_of_a_fork_does_not_wait_for_other_loops)
{
	start_far();
	CHECK_INT(bide_run(call_and_fork), 3);
	stop_far();
}

/* The other thread had its loop's lock, which stays locked in the child. */
static pid_t child_that_ends;

static BIDE_ASYNC(int, end_in_both, void);
static int end_in_both(void)
{
	bide_task *task = bide_spawn_on(far.loop, nap, 60.0, 3);
	bide_sleep(0.001);
	pthread_mutex_lock(&far.loop->lock);
	child_that_ends = fork();
	if (child_that_ends == 0) {
		alarm(5);
		bide_cancel(task);
		bide_detach(task);
		return 7;
	}
	pthread_mutex_unlock(&far.loop->lock);
	bide_cancel(task);
	return bide_await(int, task) == -ECANCELED ? 8 : 0;
}

TEST(the_child_of_a_fork_ends_its_run_without_other_loops)
{
	start_far();
	int result = bide_run(end_in_both);
	if (child_that_ends == 0)
		_exit(result == 7 ? 0 : 1);
	CHECK_INT(result, 8);
	CHECK_INT(wait_for(child_that_ends), 0);
	stop_far();
}

/* A loop of the parent's takes no more calls, whatever it was about: neither of a task, nor of a
 * loop of the child's own, nor where there is none. */
static void nothing(void *arg)
{
	(void)arg;
}

static BIDE_ASYNC(int, call_far, void);
static int call_far(void)
{
	bide_task *task = bide_spawn_on(far.loop, nap, 0.0, 3);
	int rc = bide_to_loop(far.loop, nap, 0.0, 3);
	return task == NULL && bide_await(int, task) == rc ? rc : 0;
}

static int call_the_parents(void)
{
	alarm(5);
	bool right = call_far() == -BIDE_EFORKED && bide_run(call_far) == -BIDE_ELOOP;
	right &= bide_call_threadsafe(far.loop, nothing, NULL) == -BIDE_ELOOP;
	bide_loop_unref(far.loop);
	return right ? 0 : 1;
}

static BIDE_ASYNC(int, call_in_child, void);
static int call_in_child(void)
{
	pthread_mutex_lock(&far.loop->lock);
	child_that_ends = fork();
	if (child_that_ends == 0)
		return call_the_parents();
	pthread_mutex_unlock(&far.loop->lock);
	EXPECT_INT(wait_for(child_that_ends), 0);
	return bide_to_loop(far.loop, nap, 0.0, 3);
}

TEST(the_child_of_a_fork_can_make_no_calls_on_other_loops)
{
	start_far();
	int result = bide_run(call_in_child);
	if (child_that_ends == 0)
		_exit(result == 0 && bide_to_loop(far.loop, nap, 0.0, 3) == -BIDE_ELOOP ? 0 : 1);
	CHECK_INT(result, 3);
	stop_far();
}

/* ---- calls of others ---------------------------------------------------------------------- */

static pid_t child_of_call;

static BIDE_ASYNC(int, fork_here, int);
static int fork_here(int result)
{
	child_of_call = fork();
	bide_yield();
	return result;
}

static BIDE_ASYNC(int, call_fork_on, bide_loop *);
static int call_fork_on(bide_loop *loop)
{
	return bide_to_loop(loop, fork_here, 4);
}

/* In the child the call is answered to nobody: it ends, and the run with it. */
static BIDE_ASYNC(int, be_called_and_fork, void);
static int be_called_and_fork(void)
{
	bide_loop *loop = bide_loop_ref(bide_current_loop());
	int rc = bide_to_loop(far.loop, call_fork_on, loop);
	EXPECT_INT(wait_for(child_of_call), 0);
	bide_loop_unref(loop);
	return rc;
}

TEST(the_child_of_a_fork_answers_no_call)
{
	start_far();
	int result = bide_run(be_called_and_fork);
	if (child_of_call == 0)
		_exit(result == -BIDE_EFORKED ? 0 : 1);
	CHECK_INT(result, 4);
	stop_far();
}

/* ---- at all times ------------------------------------------------------------------------- */

static bool over; /* atomic */

static BIDE_ASYNC_LIGHT(long, add_there, bide_loop *, long);
static long add_there(bide_loop *loop, long n)
{
	return n == 0 ? 0 : 1 + bide_to_loop(loop, add_there, bide_current_loop(), n - 1);
}

/* Calls this thread's loop from the other one's, and from a thread without a loop. */
static BIDE_ASYNC(void, call_until_over, bide_loop *);
static void call_until_over(bide_loop *loop)
{
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED))
		EXPECT_INT(bide_to_loop(loop, add, 1, 2), 3);
}

static void *call_from_thread(void *arg)
{
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED))
		EXPECT_INT(bide_to_loop((bide_loop *)arg, add, 1, 2), 3);
	return NULL;
}

/* While this thread's loop still answers it. */
static BIDE_ASYNC(int, join_thread, pthread_t);
static int join_thread(pthread_t thread)
{
	return pthread_join(thread, NULL);
}

enum { CALLS = 5, FORKS = 100 };

static int end_in_child(bide_task *const *tasks)
{
	bool right = true;
	alarm(10);
	bide_cancel(tasks[0]);
	for (int i = 0; i < CALLS; i++) {
		long result = bide_await(long, tasks[i]);
		right &= result == i || result == -BIDE_EFORKED;
	}
	right &= bide_run(add, 1, 2) == 3;
	return right ? 0 : 1;
}

static BIDE_ASYNC(int, fork_often, void);
static int fork_often(void)
{
	bide_loop *loop = bide_loop_ref(bide_current_loop());
	pthread_t thread;
	EXPECT_INT(pthread_create(&thread, NULL, call_from_thread, loop), 0);
	bide_task *caller = bide_spawn_on(far.loop, call_until_over, loop);
	for (int n = 0; n < FORKS; n++) {
		bide_task *tasks[CALLS];
		for (long i = 0; i < CALLS; i++)
			tasks[i] = bide_spawn_on(far.loop, add_there, loop, i);
		for (int i = n % 7; i > 0; i--)
			bide_yield();
		pid_t child = fork();
		if (child == 0)
			_exit(end_in_child(tasks));
		for (int i = 0; i < CALLS; i++)
			EXPECT_INT(bide_await(long, tasks[i]), i);
		EXPECT_INT(wait_for(child), 0);
	}
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	EXPECT_INT(bide_join(caller), 0);
	EXPECT_INT(bide_to_thread(join_thread, thread), 0);
	bide_loop_unref(loop);
	return 0;
}

TEST(a_fork_may_come_at_any_time_while_loops_call_one_another)
{
#if defined(__SANITIZE_ADDRESS__)
	SKIP("AddressSanitizer's allocator may stay locked in the child");
#endif
	start_far();
	CHECK_INT(bide_run(fork_often), 0);
	stop_far();
}
