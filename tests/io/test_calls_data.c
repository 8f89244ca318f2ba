// SPDX-License-Identifier: MIT
/* Reading and writing: pipes, sockets, files, whether set to O_NONBLOCK or not, by full tasks and
 * by light ones whose buffers lie on their own stacks. */
#include "io/calls_kit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* ---- what there is to read ---------------------------------------------------------------- */

CALLS_TEST(read_gets_what_is_there)
{
	char buf[16] = "";
	CHECK_INT(write(ends.out, "hello", 5), 5);
	CHECK_INT(bide_read(ends.in, buf, sizeof buf), 5);
	CHECK_STR(buf, "hello");
	CHECK_INT(bide_read(ends.in, buf, 0), 0);
}

static BIDE_ASYNC_LIGHT(ssize_t, write_after, double, int, const char *);
static ssize_t write_after(double seconds, int fd, const char *text)
{
	int rc = bide_sleep(seconds);
	return rc < 0 ? rc : bide_write(fd, text, strlen(text));
}

CALLS_TEST(read_waits_for_what_comes)
{
	char buf[16] = "";
	bide_task *writer = bide_spawn(write_after, 0.002, ends.out, "later");
	CHECK_INT(bide_read(ends.in, buf, sizeof buf), 5);
	CHECK_STR(buf, "later");
	CHECK_INT(bide_await(ssize_t, writer), 5);
}

CALLS_TEST(read_sees_the_end_of_the_stream)
{
	char buf[4];
	close(ends.out);
	ends.out = -1;
	CHECK_INT(bide_read(ends.in, buf, sizeof buf), 0);
}

CALLS_TEST(readv_and_writev_take_several_buffers)
{
	static char one[3], two[5];
	static char text[] = "abc", more[] = "defgh";
	const struct iovec from[] = { { text, 3 }, { more, 0 }, { more, 5 } };
	const struct iovec to[] = { { one, 3 }, { two, 5 } };
	CHECK_INT(bide_writev(ends.out, from, 3), 8);
	CHECK_INT(bide_readv(ends.in, to, 2), 8);
	CHECK_MEM(one, "abc", 3);
	CHECK_MEM(two, "defgh", 5);
	CHECK_INT(bide_readv(ends.in, to, -1), -EINVAL);
	CHECK_INT(bide_writev(ends.out, from, IOV_MAX + 1), -EINVAL);
}

CALLS_TEST(what_is_not_to_wait_does_not)
{
	char buf[4] = "";
	if (!ends.socket)
		return;
	CHECK_INT(bide_recv(ends.in, buf, sizeof buf, MSG_DONTWAIT), -EAGAIN);
	CHECK_INT(bide_send(ends.out, "ab", 2, MSG_DONTWAIT), 2);
	CHECK_INT(bide_recv(ends.in, buf, sizeof buf, MSG_DONTWAIT), 2);
	CHECK_STR(buf, "ab");
}

/* ---- back-pressure ------------------------------------------------------------------------ */

enum { MUCH = 1 << 20 };

static int ticks;

static BIDE_ASYNC_LIGHT(void, tick, void);
static void tick(void)
{
	while (bide_sleep(0.001) == 0)
		ticks++;
}

static unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 7 + i / 251);
}

/* Reads in small pieces and slowly at first. */
static BIDE_ASYNC_LIGHT(long, drain, int);
static long drain(int fd)
{
	unsigned char buf[700];
	size_t got = 0;
	ssize_t n;
	while ((n = bide_read(fd, buf, sizeof buf)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			CHECK_RET(buf[i] == byte_at(got + (size_t)i), -1);
		got += (size_t)n;
		if (got < 5 * sizeof buf)
			bide_sleep(0.002);
	}
	return n < 0 ? n : (long)got;
}

CALLS_TEST(writes_wait_for_room_and_the_loop_turns_meanwhile)
{
	unsigned char *data = malloc(MUCH);
	size_t sent = 0;
	int calls = 0, rc;
	for (size_t i = 0; i < MUCH; i++)
		data[i] = byte_at(i);
	ticks = 0;
	BIDE_GROUP(group, rc) {
		bide_task *reader = bide_group_spawn(group, drain, ends.in);
		bide_group_spawn(group, tick);
		while (sent < MUCH) {
			ssize_t n = bide_write(ends.out, data + sent, MUCH - sent);
			if (!EXPECT(n > 0))
				break;
			sent += (size_t)n;
			calls++;
		}
		close(ends.out);
		ends.out = -1;
		EXPECT_INT(bide_await(long, reader), MUCH);
		bide_group_cancel(group);
	}
	free(data);
	CHECK_INT(rc, 0);
	CHECK(calls > 1);
	CHECK(ticks > 0);
}

CALLS_TEST(a_write_that_nobody_reads_gives_an_error_and_no_signal)
{
	close(ends.in);
	ends.in = -1;
	CHECK_INT(bide_write(ends.out, "x", 1), -EPIPE);
	CHECK_INT(bide_write(ends.out, "x", 1), -EPIPE);
}

TEST(a_sigpipe_that_was_pending_before_stays)
{
	sigset_t pipe_set, pending;
	int fds[2];
	CHECK_INT(pipe(fds), 0);
	close(fds[0]);
	sigemptyset(&pipe_set);
	sigaddset(&pipe_set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &pipe_set, NULL);
	raise(SIGPIPE);
	ends.out = fds[1];
	CHECK_INT(bide_run(write_after, 0.0, ends.out, "x"), -EPIPE);
	sigpending(&pending);
	CHECK_INT(sigismember(&pending, SIGPIPE), 1);
}

/* ---- flags -------------------------------------------------------------------------------- */

CALLS_TEST(the_flags_of_a_descriptor_are_left_alone)
{
	char buf[8];
	int in = fcntl(ends.in, F_GETFL), out = fcntl(ends.out, F_GETFL);
	bide_task *writer = bide_spawn(write_after, 0.001, ends.out, "abc");
	CHECK_INT(bide_read(ends.in, buf, sizeof buf), 3);
	CHECK_INT(bide_join(writer), 0);
	CHECK_INT(fcntl(ends.in, F_GETFL), in);
	CHECK_INT(fcntl(ends.out, F_GETFL), out);
}

/* ---- cancellation ------------------------------------------------------------------------- */

CALLS_TEST(a_read_that_times_out_has_read_nothing)
{
	char buf[16] = "";
	int rc;
	for (int i = 0; i < 5; i++) {
		BIDE_TIMEOUT(0.001, rc) {
			EXPECT_INT(bide_read(ends.in, buf, sizeof buf), -ETIMEDOUT);
		}
		CHECK_INT(rc, -ETIMEDOUT);
		CHECK_UINT(bide__loop->in_flight, 0);
	}
	CHECK_INT(write(ends.out, "kept", 4), 4);
	CHECK_INT(bide_read(ends.in, buf, sizeof buf), 4);
	CHECK_STR(buf, "kept");
}

static BIDE_ASYNC_LIGHT(long, read_all_that_comes, int);
static long read_all_that_comes(int fd)
{
	char buf[8];
	ssize_t n = bide_read(fd, buf, sizeof buf);
	return n;
}

/* Whichever comes first, the byte is read by one or is still there. */
CALLS_TEST(a_cancellation_loses_no_data)
{
	char byte;
	for (int i = 0; i < 300; i++) {
		bide_task *reader = bide_spawn(read_all_that_comes, ends.in);
		for (int k = 0; k < i % 4; k++)
			bide_yield();
		CHECK_INT(write(ends.out, "x", 1), 1);
		for (int k = 0; k < i / 4 % 3; k++)
			bide_yield();
		bide_cancel(reader);
		long n = bide_await(long, reader);
		CHECK(n == 1 || n == -ECANCELED);
		if (n < 0)
			CHECK_INT(bide_read(ends.in, &byte, 1), 1);
	}
}

/* ---- closing ------------------------------------------------------------------------------ */

CALLS_TEST(a_close_ends_reads_before_the_number_is_free)
{
	char buf[4];
	bide_task *one = bide_spawn(read_all_that_comes, ends.in);
	bide_task *two = bide_spawn(read_all_that_comes, ends.in);
	bide_sleep(0.001);
	int number = ends.in, other[2];
	CHECK_INT(bide_close(ends.in), 0);
	ends.in = -1;
	CHECK_UINT(bide__loop->in_flight, 0);
	CHECK_INT(pipe(other), 0);
	CHECK(other[0] == number || other[1] == number);
	CHECK_INT(bide_await(long, one), -EBADF);
	CHECK_INT(bide_await(long, two), -EBADF);
	CHECK_INT(write(other[1], "abc", 3), 3);
	CHECK_INT(bide_read(other[0], buf, sizeof buf), 3);
	CHECK_INT(bide_close(other[0]), 0);
	CHECK_INT(bide_close(other[1]), 0);
}

/* Another of the same number, with something to read. */
static int put_in_its_place(int number)
{
	int other[2];
	EXPECT_INT(pipe(other), 0);
	EXPECT_INT(write(other[1], "new", 3), 3);
	close(other[1]);
	if (other[0] != number) {
		EXPECT_INT(dup2(other[0], number), number);
		close(other[0]);
	}
	return number;
}

/* Whoever gets the byte replaces the descriptor, before the other one, which was woken for the same
 * byte, has its turn. */
static BIDE_ASYNC_LIGHT(long, read_and_replace, int);
static long read_and_replace(int fd)
{
	char byte;
	long n = bide_read(fd, &byte, 1);
	if (n == 1 && byte == 'x') {
		EXPECT_INT(bide_close(fd), 0);
		put_in_its_place(fd);
	}
	return n;
}

CALLS_TEST(a_read_that_was_woken_does_not_read_from_what_came_after_a_close)
{
	char buf[8] = "";
	bide_task *one = bide_spawn(read_and_replace, ends.in);
	bide_task *two = bide_spawn(read_and_replace, ends.in);
	bide_sleep(0.001);
	CHECK_INT(write(ends.out, "x", 1), 1);
	long first = bide_await(long, one), second = bide_await(long, two);
	CHECK((first == 1 && second == -EBADF) || (first == -EBADF && second == 1));
	CHECK_INT(bide_read(ends.in, buf, sizeof buf), 3);
	CHECK_STR(buf, "new");
}

CALLS_TEST(a_descriptor_is_closed_by_one)
{
	bide_task *reader = bide_spawn(read_all_that_comes, ends.in);
	bide_sleep(0.001);
	bide_task *one = bide_spawn(close_after, 0.0, ends.in);
	bide_task *two = bide_spawn(close_after, 0.0, ends.in);
	int first = bide_await(int, one), second = bide_await(int, two);
	CHECK_INT(first, 0);
	CHECK_INT(second, -EBADF);
	CHECK_INT(bide_await(long, reader), -EBADF);
	ends.in = -1;
}

CALLS_TEST(a_close_tells_a_select)
{
	bide_arm arms[] = { bide_arm_fd(ends.in, BIDE_READABLE), bide_arm_sleep(10) };
	bide_task *closer = bide_spawn(close_after, 0.001, ends.in);
	CHECK_INT(bide_select(arms, 2), 0);
	CHECK_INT(arms[0].rc, -EBADF);
	CHECK_INT(bide_await(int, closer), 0);
	ends.in = -1;
}

CALLS_TEST(a_close_completes_though_its_task_is_cancelled)
{
	int rc, number = ends.in;
	bide_task *reader = bide_spawn(read_all_that_comes, ends.in);
	bide_sleep(0.001);
	BIDE_TIMEOUT(0, rc) {
		bide_yield();
		EXPECT_INT(bide_close(ends.in), 0);
	}
	ends.in = -1;
	CHECK_INT(fcntl(number, F_GETFD), -1);
	CHECK_INT(bide_await(long, reader), -EBADF);
}

/* ---- errors ------------------------------------------------------------------------------- */

CALLS_TEST(calls_on_what_is_no_descriptor_fail)
{
	char buf[4];
	CHECK_INT(bide_read(-1, buf, 4), -EBADF);
	CHECK_INT(bide_write(-1, buf, 4), -EBADF);
	CHECK_INT(bide_read(9999, buf, 4), -EBADF);
	CHECK_INT(bide_write(9999, buf, 4), -EBADF);
	CHECK_INT(bide_close(-1), -EBADF);
	CHECK_INT(bide_close(9999), -EBADF);
	if (!ends.socket) /* which could be read from */
		CHECK_INT(bide_read(ends.out, buf, 4), -EBADF);
}

/* ---- files -------------------------------------------------------------------------------- */

CALLS_TEST(files_are_read_and_written_at_their_position)
{
	static char text[] = "a file in memory";
	char buf[8] = "";
	int fd = memfd_create("file", 0);
	CHECK(fd >= 0);
	CHECK_INT(bide_write(fd, text, 6), 6);
	CHECK_INT(bide_write(fd, text + 6, sizeof text - 6), sizeof text - 6);
	CHECK_INT(lseek(fd, 0, SEEK_SET), 0);
	CHECK_INT(bide_read(fd, buf, 6), 6);
	CHECK_STR(buf, "a file");
	CHECK_INT(bide_read(fd, buf, 3), 3);
	CHECK_MEM(buf, " in", 3);
	CHECK_INT(lseek(fd, 0, SEEK_END), sizeof text);
	CHECK_INT(bide_read(fd, buf, 3), 0);
	CHECK_INT(bide_close(fd), 0);
}

/* ---- many light tasks, buffers on their stacks -------------------------------------------- */

enum { PAIRS = 200, ROUNDS = 20 };

static BIDE_ASYNC_LIGHT(int, echo, int);
static int echo(int fd)
{
	char buf[64];
	ssize_t n;
	while ((n = bide_read(fd, buf, sizeof buf)) > 0)
		if (bide_write(fd, buf, (size_t)n) != n)
			return -EIO;
	return (int)n;
}

static BIDE_ASYNC_LIGHT(int, ask, int, int);
static int ask(int fd, int number)
{
	char sent[64], got[64];
	for (int i = 0; i < ROUNDS; i++) {
		int n = snprintf(sent, sizeof sent, "%d of %d", i, number);
		CHECK_RET(bide_write(fd, sent, (size_t)n) == n, -1);
		CHECK_RET(bide_read(fd, got, sizeof got) == n, -1);
		CHECK_RET(memcmp(sent, got, (size_t)n) == 0, -1);
	}
	return bide_shutdown(fd, SHUT_WR);
}

CALLS_TEST(many_tasks_talk_with_buffers_on_their_own_stacks)
{
	static int fds[PAIRS][2];
	int rc;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < PAIRS; i++) {
			EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]), 0);
			bide_group_spawn(group, echo, fds[i][0]);
			bide_group_spawn(group, ask, fds[i][1], i);
		}
	}
	CHECK_INT(rc, 0);
	for (int i = 0; i < PAIRS; i++) {
		CHECK_INT(bide_close(fds[i][0]), 0);
		CHECK_INT(bide_close(fds[i][1]), 0);
	}
}

/* ---- fork --------------------------------------------------------------------------------- */

static BIDE_ASYNC(long, read_in_memory_that_stays, int);
static long read_in_memory_that_stays(int fd)
{
	char buf[8];
	return bide_read(fd, buf, sizeof buf);
}

CALLS_TEST(a_read_stays_with_the_parent_of_a_fork)
{
	int status = -1;
	bide_task *reader = bide_spawn(read_in_memory_that_stays, ends.in);
	bide_sleep(0.001);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0)
		_exit(bide_await(long, reader) == -BIDE_EFORKED && bide_close(ends.in) == 0 ? 0
		                                                                            : 1);
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
	CHECK_INT(write(ends.out, "ab", 2), 2);
	CHECK_INT(bide_await(long, reader), 2);
}

/* ---- turns -------------------------------------------------------------------------------- */

static BIDE_ASYNC(int, count_turns, int *);
static int count_turns(int *turns)
{
	int rc = 0;
	while (rc == 0) {
		++*turns;
		rc = bide_yield();
	}
	return 0;
}

/* Neither does a time come if all is ready at once. */
CALLS_TEST(who_never_has_to_wait_leaves_others_their_turn)
{
	static int turns;
	char byte = 'x';
	int late;
	turns = 0;
	bide_task *other = bide_spawn(count_turns, &turns);
	for (int i = 0; i < 1000; i++) {
		CHECK_INT(bide_write(ends.out, &byte, 1), 1);
		CHECK_INT(bide_read(ends.in, &byte, 1), 1);
	}
	CHECK(turns >= 20);
	bide_cancel(other);
	CHECK_INT(bide_await(int, other), 0);
	BIDE_TIMEOUT(0.001, late)
		while (bide_write(ends.out, &byte, 1) == 1 && bide_read(ends.in, &byte, 1) == 1)
			continue;
	CHECK_INT(late, -ETIMEDOUT);
}

static BIDE_ASYNC(int, close_at_once, int);
static int close_at_once(int fd)
{
	return bide_close(fd);
}

/* Its number may be another's by then. */
CALLS_TEST(what_is_closed_while_others_have_their_turn_is_not_touched)
{
	char byte = 'x';
	ssize_t n = 1;
	bide_task *closer = bide_spawn(close_at_once, ends.out);
	for (int i = 0; i < 1000 && n == 1; i++) {
		n = bide_write(ends.out, &byte, 1);
		if (n == 1)
			CHECK_INT(bide_read(ends.in, &byte, 1), 1);
	}
	CHECK_INT(n, -EBADF);
	CHECK_INT(bide_await(int, closer), 0);
	ends.out = -1;
}
