// SPDX-License-Identifier: MIT
/* A fork in a task: the loop stays with the parent, which is not disturbed; in the child no other
 * task runs, and a loop of its own may be opened. Not by the name of a thread, as ThreadSanitizer
 * has none in a child. */
#include "core/child_kit.h"
#include "core/fork_kit.h"
#include "core/thread_kit.h"

#include <sys/socket.h>

/* ---- the end of a task that forked -------------------------------------------------------- */

static int steps; /* of tasks that must not run in the child */

static BIDE_ASYNC_LIGHT(int, step_on, void);
static int step_on(void)
{
	for (;;) {
		steps++;
		int rc = bide_yield();
		if (rc < 0)
			return rc;
	}
}

static BIDE_ASYNC_LIGHT(int, nap_long, void);
static int nap_long(void)
{
	return bide_sleep(1000);
}

static pid_t forked;

static BIDE_ASYNC(int, fork_and_return, int);
static int fork_and_return(int result)
{
	bide_task *task = bide_spawn(step_on);
	bide_detach(bide_spawn(nap_long));
	EXPECT_INT(bide_sleep(0.001), 0);
	forked = fork();
	if (forked == 0) {
		steps = 0;
		bide_detach(task);
		return result;
	}
	expect_right(forked);
	bide_cancel(task);
	(void)bide_join(task);
	return 1;
}

/* Afterwards there may be other runs, and what is open is closed. */
static int run_again(void)
{
	bool right = steps == 0 && bide_current_loop() == NULL;
	for (int i = 0; i < 3; i++)
		right &= bide_run(same, i) == i;
	return right ? 0 : 1;
}

TEST(fork_child_ends_the_run_when_its_task_returns)
{
	int rc = bide_run(fork_and_return, 7);
	if (forked == 0)
		_exit(rc == 7 ? run_again() : 2);
	EXPECT_INT(rc, 1);
}

static BIDE_ASYNC(int, fork_in_a_child_task, int);
static int fork_in_a_child_task(int result)
{
	int rc;
	BIDE_GROUP(group, rc) {
		bide_task *task = bide_group_spawn(group, fork_and_return, result);
		rc = bide_await(int, task);
		steps += 100; /* not in the child */
		EXPECT_INT(rc, 1);
	}
	return rc;
}

TEST(fork_child_of_another_task_has_no_result_of_the_main_task)
{
	int rc = bide_run(fork_in_a_child_task, 7);
	if (forked == 0)
		_exit(rc == -BIDE_EFORKED ? run_again() : 2);
	EXPECT_INT(rc, 0);
}

/* In a callback of the loop, while tasks are ready. */
static void fork_here(void *arg)
{
	(void)arg;
	steps = 0;
	forked = fork();
}

static BIDE_ASYNC(int, have_a_callback_fork, void);
static int have_a_callback_fork(void)
{
	bide_task *tasks[3];
	for (int i = 0; i < 3; i++)
		tasks[i] = bide_spawn(step_on);
	EXPECT_INT(bide_call_threadsafe(bide_current_loop(), fork_here, NULL), 0);
	EXPECT_INT(bide_call_threadsafe(bide_current_loop(), fork_here, NULL), 0);
	EXPECT_INT(bide_sleep(0.002), 0);
	for (int i = 0; i < 3; i++) {
		bide_cancel(tasks[i]);
		(void)bide_join(tasks[i]);
	}
	return 1;
}

TEST(fork_in_a_callback_ends_the_run_in_the_child)
{
	int rc = bide_run(have_a_callback_fork);
	if (forked == 0)
		_exit(rc == -BIDE_EFORKED ? run_again() : 2);
	EXPECT_INT(rc, 1);
	for (int i = 0; i < 2; i++)
		expect_right(-1);
}

TEST(fork_child_cannot_run_the_loop_again)
{
	bide_loop *loop = NULL;
	CHECK_INT(bide_loop_open(NULL, &loop), 0);
	int rc = bide_loop_run(loop, NULL, fork_and_return, 7);
	if (forked == 0) {
		bool right = rc == 0 && bide_current_loop() == NULL;
		right &= bide_loop_run(loop, NULL, same, 3) == -BIDE_EFORKED;
		right &= bide_run(same, 3) == 3;
		bide_loop_close(loop);
		_exit(right ? run_again() : 2);
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(bide_loop_run(loop, NULL, same, 3), 0);
	bide_loop_close(loop);
}

TEST(fork_between_runs_leaves_the_loop_with_the_parent)
{
	bide_loop *loop = NULL, *own = NULL;
	CHECK_INT(bide_loop_open(NULL, &loop), 0);
	CHECK_INT(bide_loop_run(loop, NULL, same, 3), 0);
	pid_t child = fork();
	if (child == 0) {
		bool right = bide_loop_run(loop, NULL, same, 3) == -BIDE_EFORKED;
		right &= bide_loop_open(NULL, &own) == 0 && bide_current_loop() == own;
		right &= bide_loop_run(own, NULL, same, 3) == 0;
		bide_loop_close(own);
		bide_loop_close(loop);
		_exit(right ? run_again() : 2);
	}
	expect_right(child);
	CHECK_INT(bide_loop_run(loop, NULL, same, 3), 0);
	bide_loop_close(loop);
}

static BIDE_ASYNC(int, leave_a_loop_open, void);
static int leave_a_loop_open(void)
{
	bide_loop *own;
	forked = fork();
	if (forked == 0) {
		alarm(10);
		return bide_loop_open(NULL, &own);
	}
	return 0;
}

static void run_leave_a_loop_open(void)
{
	bide_run(leave_a_loop_open);
	if (forked > 0) {
		int status = 0;
		waitpid(forked, &status, 0);
		_exit(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ? 0 : 1);
	}
}

TEST(fork_child_must_not_leave_its_loop_open_behind_its_task)
{
	struct child child;
	child_run(&child, run_leave_a_loop_open);
	EXPECT(child_exited(&child, 0));
	EXPECT(child_said(&child, "it left a loop open"));
}

/* ---- a loop of the child's own ------------------------------------------------------------ */

static BIDE_ASYNC(int, wait_readable, int);
static int wait_readable(int fd)
{
	return bide_wait_fd(fd, BIDE_READABLE);
}

static BIDE_ASYNC(int, write_after, double, int);
static int write_after(double seconds, int end)
{
	int rc = bide_sleep(seconds);
	return rc < 0 ? rc : (int)bide_write(end, "x", 1);
}

/* Waits for the very descriptor that the parent waits for, too, and for threads. */
static BIDE_ASYNC(int, live_on, int, int);
static int live_on(int fd, int end)
{
	int rc = 0;
	BIDE_GROUP(group, rc) {
		bide_task *waiter = bide_group_spawn(group, wait_readable, fd);
		EXPECT_INT(bide_sleep(0.002), 0);
		EXPECT(!bide_task_done(waiter));
		bide_group_spawn(group, write_after, 0.001, end);
		EXPECT_INT(bide_await(int, waiter), BIDE_READABLE);
		for (int i = 0; i < 20; i++)
			EXPECT_INT(bide_to_thread(same, i), i);
	}
	return rc;
}

static int run_own(int fd, int end)
{
	char byte;
	bool right = bide_current_loop() == NULL;
	for (int i = 0; i < 2; i++)
		right &= bide_run(live_on, fd, end) == 0 && read(fd, &byte, 1) == 1;
	right &= bide_sleep(0) == -BIDE_EFORKED; /* here again */
	return right ? 0 : 1;
}

RUN_TEST(fork_child_opens_a_loop_of_its_own)
{
	int ends[2];
	CHECK_INT(pipe(ends), 0);
	bide_task *task = bide_spawn(wait_readable, ends[0]);
	EXPECT_INT(bide_to_thread(same, 3), 3);
	pid_t child = fork();
	if (child == 0)
		_exit(run_own(ends[0], ends[1]));
	expect_right(child);
	bide_cancel(task);
	(void)bide_join(task);
	close(ends[0]);
	close(ends[1]);
}

/* In the child of the child, too. */
static BIDE_ASYNC(int, fork_again, int);
static int fork_again(int depth)
{
	pid_t child = fork();
	if (child == 0) {
		bool right = bide_sleep(0) == -BIDE_EFORKED;
		if (depth > 0)
			right &= bide_run(fork_again, depth - 1) == 0;
		right &= bide_sleep(0) == -BIDE_EFORKED;
		_exit(right ? 0 : 1);
	}
	expect_right(child);
	return bide_sleep(0.001);
}

TEST(fork_child_may_fork)
{
	EXPECT_INT(bide_run(fork_again, 3), 0);
}

/* ---- the parent --------------------------------------------------------------------------- */

/* Descriptors whose name in /proc begins so. */
static int count_named(const char *name)
{
	int count = 0;
	for (int fd = 0; fd < 100; fd++) {
		char path[64], text[64] = "";
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		if (readlink(path, text, sizeof text - 1) > 0)
			count += strncmp(text, name, strlen(name)) == 0;
	}
	return count;
}

/* Nothing of the loop's is open any more: nothing can be submitted to its ring, or registered. */
static int look_for_loop(const int *ends)
{
	if (count_named("anon_inode:[io_uring]") > 0 || count_named("anon_inode:[eventpoll]") > 0 ||
	    count_named("anon_inode:[eventfd]") > 0)
		return 1;
	for (int i = 0; i < 4; i++)
		if (bide_close(ends[i]) != 0)
			return 2;
	return 0;
}

/* The child closes what the parent waits for, and ends: neither does anything to the parent. */
RUN_TEST(fork_child_does_not_disturb_the_parent)
{
	for (int i = 0; i < 10; i++) {
		int ends[4];
		bide_task *tasks[4];
		CHECK(pipe(ends) == 0 && pipe(ends + 2) == 0);
		for (int k = 0; k < 4; k++)
			tasks[k] = bide_spawn(wait_readable, ends[k / 2 * 2]);
		EXPECT_INT(bide_sleep(0.001), 0);
		EXPECT(count_named("anon_inode:[io_uring]") +
		               count_named("anon_inode:[eventpoll]") >
		       0);
		pid_t child = fork();
		if (child == 0)
			_exit(look_for_loop(ends));
		if (i % 2)
			EXPECT_INT(bide_sleep(0.002), 0);
		expect_right(child);
		EXPECT_INT(bide_yield(), 0);
		for (int k = 0; k < 4; k++)
			EXPECT(!bide_task_done(tasks[k]));
		EXPECT_INT(write(ends[1], "x", 1), 1);
		EXPECT_INT(bide_await(int, tasks[0]), BIDE_READABLE);
		EXPECT_INT(bide_await(int, tasks[1]), BIDE_READABLE);
		bide_cancel(tasks[2]);
		EXPECT_INT(bide_await(int, tasks[2]), -ECANCELED);
		EXPECT_INT(write(ends[3], "x", 1), 1);
		EXPECT_INT(bide_await(int, tasks[3]), BIDE_READABLE);
		for (int k = 0; k < 4; k++)
			EXPECT_INT(bide_close(ends[k]), 0);
	}
}

/* A call that the kernel has begun is the parent's alone. */
static BIDE_ASYNC(int, read_byte, int);
static int read_byte(int fd)
{
	char byte = 0;
	ssize_t n = bide_read(fd, &byte, 1);
	return n == 1 ? byte : (int)n;
}

RUN_TEST(fork_child_takes_nothing_that_the_parent_reads)
{
	for (int i = 0; i < 20; i++) {
		int ends[2];
		CHECK_INT(pipe(ends), 0);
		bide_task *reader = bide_spawn(read_byte, ends[0]);
		if (i % 2)
			EXPECT_INT(bide_sleep(0.001), 0);
		else
			EXPECT_INT(bide_yield(), 0);
		pid_t child = fork();
		if (child == 0) {
			bide_cancel(reader);
			_exit(bide_await(int, reader) == -BIDE_EFORKED &&
			                      write(ends[1], "7", 1) == 1
			              ? 0
			              : 1);
		}
		expect_right(child);
		EXPECT_INT(bide_await(int, reader), '7');
		EXPECT_INT(bide_close(ends[0]), 0);
		EXPECT_INT(bide_close(ends[1]), 0);
	}
}

/* A reset would be the parent's, too. */
static int close_unsent(bide_stream *stream)
{
	return bide_stream_close(stream) == -BIDE_EFORKED ? 0 : 1;
}

RUN_TEST(fork_child_that_closes_a_stream_does_not_reset_it)
{
	int fds[2];
	char buf[8] = "";
	bide_stream *stream;
	struct linger linger = { 0, 0 };
	socklen_t size = sizeof linger;
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	CHECK_INT(bide_stream_open(fds[0], fds[0], &stream), 0);
	CHECK_INT(bide_stream_set_write_buffer(stream, 100), 0);
	CHECK_INT(bide_stream_write(stream, "hello", 5), 5);
	pid_t child = fork();
	if (child == 0)
		_exit(close_unsent(stream));
	expect_right(child);
	EXPECT_INT(getsockopt(fds[0], SOL_SOCKET, SO_LINGER, &linger, &size), 0);
	EXPECT_INT(linger.l_onoff, 0);
	EXPECT_INT(bide_stream_close(stream), 0);
	EXPECT_INT(bide_read(fds[1], buf, sizeof buf), 5);
	EXPECT_STR(buf, "hello");
	EXPECT_INT(bide_close(fds[1]), 0);
}

RUN_TEST(fork_child_does_not_watch_for_signals)
{
	const int signal = SIGTERM;
	bide_signals *signals;
	int status = -1;
	CHECK_INT(bide_signals_open(&signal, 1, &signals), 0);
	pid_t child = fork();
	if (child == 0) {
		raise(SIGTERM);
		_exit(0);
	}
	EXPECT_INT(waitpid(child, &status, 0), child);
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	raise(SIGTERM);
	EXPECT_INT(bide_signals_next(signals, NULL), SIGTERM);
	bide_signals_close(signals);
}

/* ---- threads ------------------------------------------------------------------------------ */

static BIDE_ASYNC(int, call_often, int);
static int call_often(int n)
{
	for (int i = 0; i < n; i++)
		EXPECT_INT(bide_to_thread(same, i), i);
	return 0;
}

RUN_TEST(fork_child_has_no_threads_and_may_start_some)
{
	EXPECT_INT(bide_to_thread(same, 3), 3);
	pid_t child = fork();
	if (child == 0) {
		bool right = count_threads() == 0;
		right &= bide_run(call_often, 20) == 0;
		_exit(right ? 0 : 1);
	}
	for (int i = 0; i < 100; i++)
		EXPECT_INT(bide_to_thread(same, i), i);
	expect_right(child);
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
	int status = -1;
	pid_t child = bide_to_thread(fork_in_job, 3);
	EXPECT_INT(waitpid(child, &status, 0), child);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	expect_right(bide_to_thread(fork_in_job, 0));
}

/* While others call, and their loops end. */
static bool stop; /* atomic */

static void *run_loops(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		EXPECT_INT(bide_run(call_often, 20), 0);
	return arg;
}

static BIDE_ASYNC(int, fork_once, void);
static int fork_once(void)
{
	bide_task *task = bide_spawn(call_often, 3);
	bide_yield();
	pid_t child = fork();
	if (child == 0) {
		alarm(10);
		bool right = bide_join(task) == -BIDE_EFORKED;
		_exit(right && bide_run(call_often, 3) == 0 ? 0 : 1);
	}
	EXPECT_INT(bide_await(int, task), 0);
	expect_right(child);
	return 0;
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
