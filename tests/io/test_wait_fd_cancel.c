// SPDX-License-Identifier: MIT
/* bide_wait_fd(): a wait that is given up leaves nothing behind, neither in the loop nor with the
 * kernel: a descriptor that gets the same number later is not taken for the old one. */
#include "harness/test.h"

#include "core/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

BIDE_ASYNC(int, wait_for, int, int);
int wait_for(int fd, int events)
{
	return bide_wait_fd(fd, events);
}

static int wait_at_most(double seconds, int fd, int events)
{
	int rc = 0;
	int ready = 0;

	BIDE_TIMEOUT(seconds, rc) {
		ready = bide_wait_fd(fd, events);
	}
	EXPECT_INT(rc, ready < 0 ? -ETIMEDOUT : 0);
	return ready;
}

static void expect_nothing_left(size_t blocks)
{
	EXPECT_UINT(bide__loop->in_flight, 0);
	EXPECT_UINT(bide__loop->pool.blocks, blocks);
}

/* ---- nothing in the loop ------------------------------------------------------------------ */

BIDE_ASYNC(int, time_out, int);
int time_out(int fd)
{
	const size_t blocks = bide__loop->pool.blocks;

	for (int i = 0; i < 10; i++) {
		EXPECT_INT(wait_at_most(0.001, fd, BIDE_READABLE), -ETIMEDOUT);
		expect_nothing_left(blocks);
	}
	return 0;
}

TEST(wait_fd_that_times_out_leaves_nothing_in_flight)
{
	EXPECT_INT(bide_run(time_out, eventfd(0, 0)), 0);
}

BIDE_ASYNC(int, cancel_waiting, int);
int cancel_waiting(int fd)
{
	const size_t blocks = bide__loop->pool.blocks;

	for (int i = 0; i < 10; i++) {
		bide_task *t = bide_spawn(wait_for, fd, BIDE_READABLE);
		bide_sleep(i % 2 == 0 ? 0.001 : 0); /* the kernel has it, or not yet */
		bide_cancel(t);
		EXPECT_INT(bide_join(t), -ECANCELED);
		expect_nothing_left(blocks);
	}
	return 0;
}

TEST(wait_fd_that_is_cancelled_leaves_nothing_in_flight)
{
	EXPECT_INT(bide_run(cancel_waiting, eventfd(0, 0)), 0);
}

/* The kernel has seen that the descriptor is ready and, when it looks again, that it is not. */
BIDE_ASYNC(int, cancel_when_readiness_is_gone, int);
int cancel_when_readiness_is_gone(int fd)
{
	uint64_t count = 1;
	const size_t blocks = bide__loop->pool.blocks;

	for (int i = 0; i < 10; i++) {
		bide_task *t = bide_spawn(wait_for, fd, BIDE_READABLE);
		bide_sleep(0.001);
		EXPECT_INT(write(fd, &count, sizeof count), sizeof count);
		EXPECT_INT(read(fd, &count, sizeof count), sizeof count);
		bide_cancel(t);
		EXPECT_INT(bide_join(t), -ECANCELED);
		expect_nothing_left(blocks);
	}
	return 0;
}

TEST(wait_fd_cancelled_when_what_was_ready_is_gone_ends)
{
	EXPECT_INT(bide_run(cancel_when_readiness_is_gone, eventfd(0, 0)), 0);
}

BIDE_ASYNC(int, wait_when_cancelled, int);
int wait_when_cancelled(int fd)
{
	int rc = 0;

	BIDE_TIMEOUT(0, rc) {
		EXPECT_INT(bide_wait_fd(fd, BIDE_WRITABLE), -ETIMEDOUT);
		EXPECT_UINT(bide__loop->in_flight, 0);
		BIDE_SHIELD {
			EXPECT_INT(bide_wait_fd(fd, BIDE_WRITABLE), BIDE_WRITABLE);
		}
		EXPECT_INT(bide_wait_fd(fd, BIDE_WRITABLE), -ETIMEDOUT);
	}
	return rc;
}

TEST(wait_fd_in_a_cancelled_scope_does_not_begin)
{
	EXPECT_INT(bide_run(wait_when_cancelled, eventfd(0, 0)), -ETIMEDOUT);
}

BIDE_ASYNC(int, shielded_wait, int);
int shielded_wait(int fd)
{
	int ready = 0;

	BIDE_SHIELD {
		ready = bide_wait_fd(fd, BIDE_READABLE);
	}
	return ready;
}

BIDE_ASYNC(int, cancel_shielded, int);
int cancel_shielded(int fd)
{
	const uint64_t one = 1;
	bide_task *t = bide_spawn(shielded_wait, fd);

	bide_sleep(0.001);
	bide_cancel(t);
	bide_sleep(0.001);
	EXPECT(!bide_task_done(t));
	EXPECT_INT(write(fd, &one, sizeof one), sizeof one);
	return bide_await(int, t);
}

TEST(wait_fd_in_a_shield_lasts)
{
	EXPECT_INT(bide_run(cancel_shielded, eventfd(0, 0)), BIDE_READABLE);
}

/* Ready and cancelled in one turn: it returns one or the other, and the data is there still. */
BIDE_ASYNC(int, cancel_ready, int, int);
int cancel_ready(int fd, int other)
{
	bide_task *t = bide_spawn(wait_for, fd, BIDE_READABLE);
	char byte;

	bide_sleep(0.001);
	EXPECT_INT(write(other, "x", 1), 1);
	bide_cancel(t);
	int rc = bide_join(t);
	EXPECT(rc == 0 || rc == -ECANCELED);
	EXPECT_UINT(bide__loop->in_flight, 0);
	EXPECT_INT(read(fd, &byte, 1), 1);
	return 0;
}

TEST(wait_fd_cancelled_when_ready_loses_no_data)
{
	int ends[2];

	CHECK_INT(pipe2(ends, O_NONBLOCK), 0);
	for (int i = 0; i < 5; i++)
		EXPECT_INT(bide_run(cancel_ready, ends[0], ends[1]), 0);
}

/* ---- at the end of a run ------------------------------------------------------------------ */

BIDE_ASYNC(int, leave_waiting, int);
int leave_waiting(int fd)
{
	for (int i = 0; i < 10; i++)
		bide_detach(bide_spawn(wait_for, fd, BIDE_READABLE));
	bide_sleep(0.001);
	EXPECT_UINT(bide__loop->in_flight, 10);
	return 0;
}

TEST(wait_fd_of_others_is_given_up_at_the_end_of_the_run)
{
	bide_loop *loop = NULL;
	int fd = eventfd(1, 0);
	int never = eventfd(0, 0);
	int ready = 0;

	CHECK_INT(bide_loop_open(NULL, &loop), 0);
	for (int i = 0; i < 3; i++) {
		EXPECT_INT(bide_loop_run(loop, NULL, leave_waiting, never), 0);
		EXPECT_UINT(loop->in_flight, 0);
		EXPECT_INT(bide_loop_run(loop, &ready, wait_for, fd, BIDE_READABLE), 0);
		EXPECT_INT(ready, BIDE_READABLE);
	}
	bide_loop_close(loop);
}

/* ---- the number again --------------------------------------------------------------------- */

enum { NUMBER = 90 };

/* A pipe whose read end has that number; returns the write end. */
static int pipe_at(int number)
{
	int ends[2];

	CHECK_RET(pipe2(ends, O_NONBLOCK) == 0, -1);
	CHECK_RET(dup2(ends[0], number) == number, -1);
	close(ends[0]);
	return ends[1];
}

BIDE_ASYNC(int, reuse_after_success, int);
int reuse_after_success(int times)
{
	char byte;

	for (int i = 0; i < times; i++) {
		int writer = pipe_at(NUMBER); /* closes the one before */
		EXPECT_INT(wait_at_most(0.002, NUMBER, BIDE_READABLE), -ETIMEDOUT);
		EXPECT_INT(write(writer, "x", 1), 1);
		EXPECT_INT(wait_at_most(10, NUMBER, BIDE_READABLE), BIDE_READABLE);
		EXPECT_INT(read(NUMBER, &byte, 1), 1);
		close(writer);
	}
	return 0;
}

TEST(wait_fd_of_a_number_that_was_closed_and_opened_again)
{
	EXPECT_INT(bide_run(reuse_after_success, 10), 0);
}

/* What was waited for lives on under another number, and gets its data now. */
BIDE_ASYNC(int, reuse_after_giving_up, int);
int reuse_after_giving_up(int times)
{
	for (int i = 0; i < times; i++) {
		int first = pipe_at(NUMBER);
		EXPECT_INT(wait_at_most(0.001, NUMBER, BIDE_READABLE), -ETIMEDOUT);
		int alias = dup(NUMBER);
		int second = pipe_at(NUMBER);
		EXPECT_INT(write(first, "x", 1), 1);
		EXPECT_INT(wait_at_most(0.005, NUMBER, BIDE_READABLE), -ETIMEDOUT);
		EXPECT_INT(write(second, "x", 1), 1);
		EXPECT_INT(wait_at_most(10, NUMBER, BIDE_READABLE), BIDE_READABLE);
		close(first);
		close(second);
		close(alias);
	}
	return 0;
}

TEST(wait_fd_given_up_does_not_report_for_the_number_any_more)
{
	EXPECT_INT(bide_run(reuse_after_giving_up, 5), 0);
}

/* The same when another task still waited for it when the first gave up. */
BIDE_ASYNC(int, give_up_one_by_one, int);
int give_up_one_by_one(int times)
{
	for (int i = 0; i < times; i++) {
		int first = pipe_at(NUMBER);
		bide_task *other = bide_spawn(wait_for, NUMBER, BIDE_READABLE);
		EXPECT_INT(wait_at_most(0.001, NUMBER, BIDE_READABLE), -ETIMEDOUT);
		bide_cancel(other);
		EXPECT_INT(bide_join(other), -ECANCELED);
		int alias = dup(NUMBER);
		int second = pipe_at(NUMBER);
		EXPECT_INT(write(first, "x", 1), 1);
		EXPECT_INT(wait_at_most(0.005, NUMBER, BIDE_READABLE), -ETIMEDOUT);
		close(first);
		close(second);
		close(alias);
	}
	return 0;
}

TEST(wait_fd_given_up_by_two_does_not_report_for_the_number_any_more)
{
	EXPECT_INT(bide_run(give_up_one_by_one, 3), 0);
}

/* Another kind of descriptor under the same number. */
BIDE_ASYNC(int, reuse_for_file, int);
int reuse_for_file(int file)
{
	int writer = pipe_at(NUMBER);

	EXPECT_INT(wait_at_most(0.001, NUMBER, BIDE_READABLE), -ETIMEDOUT);
	EXPECT_INT(dup2(file, NUMBER), NUMBER);
	EXPECT_INT(wait_at_most(10, NUMBER, BIDE_READABLE), BIDE_READABLE);
	close(writer);
	writer = pipe_at(NUMBER);
	EXPECT_INT(wait_at_most(0.001, NUMBER, BIDE_READABLE), -ETIMEDOUT);
	close(NUMBER);
	EXPECT_INT(bide_wait_fd(NUMBER, BIDE_READABLE), -EBADF);
	close(writer);
	return 0;
}

TEST(wait_fd_of_a_number_that_is_a_file_next_and_then_nothing)
{
	int file = open("/proc/self/exe", O_RDONLY);

	CHECK(file >= 0);
	EXPECT_INT(bide_run(reuse_for_file, file), 0);
}
