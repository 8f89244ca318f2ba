// SPDX-License-Identifier: MIT
/* A fork of a process with loops and threads: the child has none of the threads, loses the jobs
 * that had not ended, and goes on. Not by the name of a thread, as ThreadSanitizer has none in a
 * child. */
#include "core/child_kit.h"
#include "core/thread_kit.h"

static BIDE_ASYNC(int, same, int);
static int same(int n)
{
	return n;
}

static int wait_for(pid_t child)
{
	int status = -1;
	EXPECT_INT(waitpid(child, &status, 0), child);
	return status;
}

static void close_gates(void)
{
	gate_close(&begun);
	gate_close(&go_on);
}

RUN_TEST(fork_child_begins_with_threads_of_its_own)
{
	EXPECT_INT(bide_to_thread(same, 3), 3);
	pid_t child = fork();
	if (child == 0) {
		bool right = count_threads() == 0;
		for (int i = 0; i < 100; i++)
			right &= bide_to_thread(same, i) == i;
		_exit(right ? 0 : 1);
	}
	for (int i = 0; i < 100; i++)
		EXPECT_INT(bide_to_thread(same, i), i);
	EXPECT_INT(wait_for(child), 0);
}

/* One runs, others wait for a thread. */
static int lose(bide_task *const *tasks, int n)
{
	int lost = 0;
	for (int i = 0; i < n; i++)
		lost += bide_join(tasks[i]) == -EOWNERDEAD;
	return lost == n && bide_to_thread(same, 8) == 8 ? 0 : 1;
}

RUN_TEST(fork_child_loses_jobs_that_have_not_ended)
{
	enum { JOBS = 5 };
	const bide_thread_pool one = { .limit = 1 };
	bide_task *tasks[JOBS];
	int results[JOBS];
	close_gates();
	EXPECT_INT(bide_thread_pool_set(&one), 0);
	for (int i = 0; i < JOBS; i++)
		tasks[i] = bide_spawn(call_wait_at_gate, i);
	bide_yield();
	gate_wait(&begun);
	pid_t child = fork();
	if (child == 0)
		_exit(lose(tasks, JOBS));
	for (int i = 0; i < JOBS; i++)
		gate_open(&go_on);
	EXPECT_INT(bide_gather(tasks, JOBS, results), 0);
	EXPECT_INT(results[4], 4);
	EXPECT_INT(wait_for(child), 0);
}

/* They ended, and the loop has not seen it. */
static BIDE_ASYNC(int, call_same, int);
static int call_same(int n)
{
	return bide_to_thread(same, n);
}

static int take_both(bide_task *first, bide_task *second)
{
	return bide_await(int, first) + bide_await(int, second);
}

RUN_TEST(fork_child_keeps_the_results_of_jobs_that_have_ended)
{
	const bide_thread_pool one = { .limit = 1 };
	EXPECT_INT(bide_thread_pool_set(&one), 0);
	close_gates();
	bide_task *first = bide_spawn(call_same, 5), *second = bide_spawn(call_same, 6);
	bide_task *third = bide_spawn(call_wait_at_gate, 7);
	bide_yield();
	gate_wait(&begun); /* by the one thread, after the two */
	pid_t child = fork();
	if (child == 0)
		_exit(take_both(first, second) == 11 ? lose(&third, 1) : 2);
	gate_open(&go_on);
	EXPECT_INT(take_both(first, second), 11);
	EXPECT_INT(bide_await(int, third), 7);
	EXPECT_INT(wait_for(child), 0);
}

/* ---- the loop's own waits ----------------------------------------------------------------- */

static BIDE_ASYNC(int, wait_readable, int);
static int wait_readable(int fd)
{
	return bide_wait_fd(fd, BIDE_READABLE);
}

/* What is waited for comes; another wait is cancelled; a third begins; and threads wake the loop.
 * */
static int go_on_waiting(bide_task *task, bide_task *other, int fd, int end)
{
	bide_task *third = bide_spawn(wait_readable, fd);
	bool right = true;
	for (int i = 0; i < 20; i++)
		right &= bide_to_thread(same, i) == i;
	right &= bide_sleep(0.002) == 0 && !bide_task_done(task) && !bide_task_done(third);
	bide_cancel(other);
	right &= bide_join(other) == -ECANCELED;
	right &= write(end, "", 1) == 1;
	right &= bide_await(int, task) == BIDE_READABLE;
	right &= bide_await(int, third) == BIDE_READABLE;
	return right ? 0 : 1;
}

RUN_TEST(fork_child_goes_on_waiting_for_descriptors)
{
	int ends[2], child_ends[2];
	CHECK(pipe(ends) == 0 && pipe(child_ends) == 0);
	bide_task *task = bide_spawn(wait_readable, ends[0]);
	bide_task *child_task = bide_spawn(wait_readable, child_ends[0]);
	bide_task *other = bide_spawn(wait_readable, ends[0]);
	EXPECT_INT(bide_to_thread(same, 3), 3);
	pid_t child = fork();
	if (child == 0)
		_exit(go_on_waiting(child_task, other, child_ends[0], child_ends[1]));
	EXPECT_INT(wait_for(child), 0);
	/* The child has taken nothing from the parent. */
	EXPECT(!bide_task_done(task));
	EXPECT_INT(go_on_waiting(task, other, ends[0], ends[1]), 0);
	EXPECT_INT(bide_await(int, child_task), BIDE_READABLE);
	close(ends[0]);
	close(ends[1]);
	close(child_ends[0]);
	close(child_ends[1]);
}

static BIDE_ASYNC(int, write_after, double, int);
static int write_after(double seconds, int end)
{
	int rc = bide_sleep(seconds);
	return rc < 0 ? rc : (int)write(end, "", 1);
}

/* The backend is opened anew by the first wait in the child, before the loop has looked. */
static int wait_at_once(bide_task *task, bide_task *other, const int *ends, const int *own_ends)
{
	bide_task *writer = bide_spawn(write_after, 0.002, own_ends[1]);
	bool right = bide_wait_fd(own_ends[0], BIDE_READABLE) == BIDE_READABLE;
	right &= bide_join(writer) == 0 && !bide_task_done(task);
	bide_cancel(other);
	right &= bide_join(other) == -ECANCELED;
	right &= write(ends[1], "", 1) == 1;
	right &= bide_await(int, task) == BIDE_READABLE;
	return right ? 0 : 1;
}

RUN_TEST(fork_child_may_wait_for_a_descriptor_at_once)
{
	int ends[2], own_ends[2];
	CHECK(pipe(ends) == 0 && pipe(own_ends) == 0);
	bide_task *task = bide_spawn(wait_readable, ends[0]);
	bide_task *other = bide_spawn(wait_readable, ends[0]);
	EXPECT_INT(bide_sleep(0.001), 0);
	pid_t child = fork();
	if (child == 0)
		_exit(wait_at_once(task, other, ends, own_ends));
	EXPECT_INT(wait_for(child), 0);
	EXPECT_INT(bide_await(int, task), BIDE_READABLE);
	EXPECT_INT(bide_await(int, other), BIDE_READABLE);
	for (int i = 0; i < 2; i++) {
		close(ends[i]);
		close(own_ends[i]);
	}
}

static BIDE_ASYNC(int, fork_in_job, int);
static int fork_in_job(int status)
{
	pid_t child = fork();
	if (child == 0 && status > 0)
		_exit(status);
	return child; /* in the child: to nobody, and its only thread ends */
}

RUN_TEST(fork_in_a_job)
{
	int status = wait_for(bide_to_thread(fork_in_job, 3));
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	EXPECT_INT(wait_for(bide_to_thread(fork_in_job, 0)), 0);
}

/* While others call, and their loops end. */
static BIDE_ASYNC(int, call_often, int);
static int call_often(int n)
{
	for (int i = 0; i < n; i++)
		EXPECT_INT(bide_to_thread(same, i), i);
	return 0;
}

static bool stop; /* atomic */

static void *run_loops(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		EXPECT_INT(bide_run(call_often, 20), 0);
	return arg;
}

static BIDE_ASYNC(int, call_thrice, void);
static int call_thrice(void)
{
	int rc = 0;
	for (int i = 0; i < 3 && rc == 0; i++)
		rc = bide_to_thread(same, 0);
	return rc;
}

static BIDE_ASYNC(int, fork_once, void);
static int fork_once(void)
{
	bide_task *task = bide_spawn(call_thrice);
	bide_yield();
	pid_t child = fork();
	if (child == 0) {
		int rc = bide_join(task);
		bool right = (rc == 0 || rc == -EOWNERDEAD) && bide_to_thread(same, 4) == 4;
		_exit(right ? 0 : 1);
	}
	EXPECT_INT(bide_await(int, task), 0);
	return wait_for(child) == 0 ? 0 : -1;
}

TEST(fork_while_other_loops_call)
{
	enum { LOOPS = 3 };
	pthread_t threads[LOOPS];
#if defined(__SANITIZE_ADDRESS__)
	SKIP("AddressSanitizer's allocator may stay locked in the child");
#endif
	for (int i = 0; i < LOOPS; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, run_loops, NULL), 0);
	for (int i = 0; i < 100; i++)
		EXPECT_INT(bide_run(fork_once), 0);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < LOOPS; i++)
		pthread_join(threads[i], NULL);
}
