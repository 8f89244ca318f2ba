// SPDX-License-Identifier: MIT
/* A fork while one loop calls another: the child has neither the other thread nor its loop, loses
 * the calls that had not come back, and answers nobody. */
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
		_exit(bide_await(int, task) == -EOWNERDEAD ? 0 : 1);
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
static int cancel_lost(bide_task *task)
{
	alarm(5);
	bide_cancel(task);
	return bide_await(int, task) == -EOWNERDEAD ? 0 : 1;
}

static BIDE_ASYNC(int, cancel_in_child, void);
static int cancel_in_child(void)
{
	bide_task *task = bide_spawn_on(far.loop, nap, 0.05, 3);
	bide_sleep(0.001);
	pthread_mutex_lock(&far.loop->lock);
	pid_t child = fork();
	if (child == 0)
		_exit(cancel_lost(task));
	pthread_mutex_unlock(&far.loop->lock);
	EXPECT_INT(wait_for(child), 0);
	return bide_await(int, task);
}

TEST(the_child_of_a_fork_may_cancel_a_call_that_it_has_lost)
{
	start_far();
	CHECK_INT(bide_run(cancel_in_child), 3);
	stop_far();
}

/* It has come back, and the loop has not seen that. */
static BIDE_ASYNC(int, fork_after_the_end, void);
static int fork_after_the_end(void)
{
	bide_task *task = bide_spawn_on(far.loop, nap, 0.0, 3);
	for (int i = 0; i < 5000 && __atomic_load_n(&bide__loop->inbox, __ATOMIC_ACQUIRE) == NULL;
	     i++)
		nap_ms(1);
	pid_t child = fork();
	if (child == 0)
		_exit(bide_await(int, task) == 3 ? 0 : 1);
	EXPECT_INT(wait_for(child), 0);
	return bide_await(int, task);
}

TEST(the_child_of_a_fork_keeps_a_result_that_had_come_back)
{
	start_far();
	CHECK_INT(bide_run(fork_after_the_end), 3);
	stop_far();
}

/* A loop of the parent's takes no more calls, whatever it was about. */
static void nothing(void *arg)
{
	(void)arg;
}

static int call_the_parents(void)
{
	alarm(5);
	bide_task *task = bide_spawn_on(far.loop, nap, 0.0, 3);
	bool right = task == NULL && bide_await(int, task) == -BIDE_ELOOP;
	right &= bide_to_loop(far.loop, nap, 0.0, 3) == -BIDE_ELOOP;
	right &= bide_call_threadsafe(far.loop, nothing, NULL) == -BIDE_ELOOP;
	bide_loop_unref(far.loop);
	return right ? 0 : 1;
}

static BIDE_ASYNC(int, call_in_child, void);
static int call_in_child(void)
{
	pthread_mutex_lock(&far.loop->lock);
	pid_t child = fork();
	if (child == 0)
		_exit(call_the_parents());
	pthread_mutex_unlock(&far.loop->lock);
	EXPECT_INT(wait_for(child), 0);
	return bide_to_loop(far.loop, nap, 0.0, 3);
}

TEST(the_child_of_a_fork_can_make_no_calls_on_other_loops)
{
	start_far();
	CHECK_INT(bide_run(call_in_child), 3);
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

/* In the child the call is answered to nobody, and the call that it was made by is lost. */
static BIDE_ASYNC(int, be_called_and_fork, void);
static int be_called_and_fork(void)
{
	bide_loop *loop = bide_loop_ref(bide_current_loop());
	int rc = bide_to_loop(far.loop, call_fork_on, loop);
	if (child_of_call == 0)
		_exit(rc == -EOWNERDEAD && bide_sleep(0.001) == 0 ? 0 : 1);
	EXPECT_INT(wait_for(child_of_call), 0);
	bide_loop_unref(loop);
	return rc;
}

TEST(the_child_of_a_fork_answers_no_call)
{
	start_far();
	CHECK_INT(bide_run(be_called_and_fork), 4);
	stop_far();
}
