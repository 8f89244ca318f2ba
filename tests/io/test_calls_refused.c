// SPDX-License-Identifier: MIT
/* Kernels and containers that lack, or refuse, what calls on descriptors are best done with: the
 * next best is taken, and what they do is the same. */
#include "io/seccomp_kit.h"

#include "harness/test.h"

#include <bide.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef __NR_io_uring_register
#define __NR_io_uring_register 427
#endif

#define NO_FILTERS "this system has no filters for system calls"
#define NO_RING "io_uring is not to be had here"

/* ---- a ring that lacks something ---------------------------------------------------------- */

enum { NOTHING = -1 };

static int lacking = NOTHING; /* an operation */
static bool knows_flags = true;

#ifdef BIDE_HAVE_IO_URING
#include <liburing.h>

/* In place of liburing's: as if the kernel knew no flag. */
int io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags)
{
	struct io_uring_params params = { .flags = flags };

	if (flags != 0 && !knows_flags)
		return -EINVAL;
	return io_uring_queue_init_params(entries, ring, &params);
}

/* And as if it had not the operation that is lacking. */
int io_uring_register_probe(struct io_uring *ring, struct io_uring_probe *probe, unsigned n)
{
	long rc = syscall(__NR_io_uring_register, ring->ring_fd, IORING_REGISTER_PROBE, probe, n);

	if (rc == 0 && lacking >= 0)
		probe->ops[lacking].flags = 0;
	return rc < 0 ? -errno : (int)rc;
}
#endif

/* ---- a program that uses all calls -------------------------------------------------------- */

enum { SIZE = 16, ROUNDS = 5 };

static struct sockaddr_in there;
static char backend[16]; /* that it ran on */

static ssize_t receive_vectors(int fd, char *buf)
{
	const struct iovec buffers[] = { { buf, 3 }, { buf + 3, SIZE - 3 } };
	return bide_readv(fd, buffers, 2);
}

static ssize_t send_vectors(int fd, char *buf)
{
	const struct iovec buffers[] = { { buf, 3 }, { buf + 3, SIZE - 3 } };
	return bide_writev(fd, buffers, 2);
}

static ssize_t receive_message(int fd, char *buf)
{
	struct iovec buffer = { buf, SIZE };
	struct msghdr message = { .msg_iov = &buffer, .msg_iovlen = 1 };
	return bide_recvmsg(fd, &message, 0);
}

static ssize_t send_message(int fd, char *buf)
{
	struct iovec buffer = { buf, SIZE };
	const struct msghdr message = { .msg_iov = &buffer, .msg_iovlen = 1 };
	return bide_sendmsg(fd, &message, 0);
}

static ssize_t receive_in_way(int way, int fd, char *buf)
{
	switch (way) {
	case 0:
		return bide_recv(fd, buf, SIZE, 0);
	case 1:
		return bide_read(fd, buf, SIZE);
	case 2:
		return receive_vectors(fd, buf);
	default:
		return receive_message(fd, buf);
	}
}

static ssize_t send_in_way(int way, int fd, char *buf)
{
	switch (way) {
	case 0:
		return bide_send(fd, buf, SIZE, 0);
	case 1:
		return bide_write(fd, buf, SIZE);
	case 2:
		return send_vectors(fd, buf);
	default:
		return send_message(fd, buf);
	}
}

static int answer(int fd)
{
	for (int i = 0; i < 4 * ROUNDS; i++) {
		char buf[SIZE];
		CHECK_RET(receive_in_way(i % 4, fd, buf) == SIZE, -EIO);
		CHECK_RET(send_in_way((i + 1) % 4, fd, buf) == SIZE, -EIO);
	}
	char byte;
	CHECK_RET(bide_recv(fd, &byte, 1, 0) == 0, -EIO);
	return bide_close(fd);
}

BIDE_ASYNC(int, serve, int);
int serve(int listener)
{
	int fd = bide_accept(listener, NULL, NULL);
	return fd < 0 ? fd : answer(fd);
}

static int ask(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_RET(bide_connect(fd, (const struct sockaddr *)&there, sizeof there) == 0, -EIO);
	for (int i = 0; i < 4 * ROUNDS; i++) {
		char sent[SIZE] = "number ", got[SIZE] = "";
		snprintf(sent + 7, sizeof sent - 7, "%d", i);
		CHECK_RET(send_in_way(i % 4, fd, sent) == SIZE, -EIO);
		CHECK_RET(receive_in_way((i + 2) % 4, fd, got) == SIZE, -EIO);
		CHECK_RET(memcmp(sent, got, SIZE) == 0, -EIO);
	}
	CHECK_RET(bide_shutdown(fd, SHUT_WR) == 0, -EIO);
	return bide_close(fd);
}

BIDE_ASYNC(int, ask_fully, void);
int ask_fully(void)
{
	return ask();
}

BIDE_ASYNC_LIGHT(int, ask_lightly, void);
int ask_lightly(void)
{
	return ask();
}

static int use_pipe_and_file(void)
{
	char buf[SIZE] = "";
	int rc, fds[2], file = memfd_create("file", 0);
	CHECK_RET(file >= 0 && pipe(fds) == 0, -EIO);
	CHECK_RET(bide_write(fds[1], "pipe", 4) == 4, -EIO);
	CHECK_RET(bide_read(fds[0], buf, SIZE) == 4 && strcmp(buf, "pipe") == 0, -EIO);
	BIDE_TIMEOUT(0.001, rc) {
		EXPECT_INT(bide_read(fds[0], buf, SIZE), -ETIMEDOUT);
	}
	CHECK_RET(bide_close(fds[0]) == 0, -EIO);
	CHECK_RET(bide_write(fds[1], "pipe", 4) == -EPIPE, -EIO);
	CHECK_RET(bide_close(fds[1]) == 0, -EIO);
	CHECK_RET(bide_write(file, "file", 4) == 4 && lseek(file, 0, SEEK_SET) == 0, -EIO);
	CHECK_RET(bide_read(file, buf, SIZE) == 4 && strcmp(buf, "file") == 0, -EIO);
	return bide_close(file);
}

/* A receiver under which its socket is closed. */
static int use_close(void)
{
	int fds[2], listener;
	CHECK_RET(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, -EIO);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_RET(listen(listener, 1) == 0, -EIO);
	bide_task *acceptor = bide_spawn(serve, listener);
	bide_sleep(0.001);
	CHECK_RET(bide_close(listener) == 0, -EIO);
	EXPECT_INT(bide_await(int, acceptor), -EBADF);
	bide_arm arms[] = { bide_arm_fd(fds[0], BIDE_READABLE),
		            bide_arm_fd(fds[1], BIDE_WRITABLE) };
	EXPECT_INT(bide_select(arms, 2), 1);
	EXPECT_INT(arms[1].rc, BIDE_WRITABLE);
	CHECK_RET(bide_close(fds[0]) == 0, -EIO);
	return bide_close(fds[1]);
}

BIDE_ASYNC(int, use_all, int);
int use_all(int listener)
{
	int rc;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, serve, listener);
		bide_group_spawn(group, serve, listener);
		bide_yield();
		bide_group_spawn(group, ask_fully);
		bide_group_spawn(group, ask_lightly);
	}
	snprintf(backend, sizeof backend, "%s", bide_loop_backend(bide_current_loop()));
	if (rc == 0)
		rc = use_pipe_and_file();
	return rc == 0 ? use_close() : rc;
}

static int listen_there(void)
{
	socklen_t size = sizeof there;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	there = (struct sockaddr_in){ .sin_family = AF_INET,
		                      .sin_addr = { htonl(INADDR_LOOPBACK) } };
	EXPECT_INT(bind(listener, (struct sockaddr *)&there, sizeof there), 0);
	EXPECT_INT(getsockname(listener, (struct sockaddr *)&there, &size), 0);
	EXPECT_INT(listen(listener, 16), 0);
	return listener;
}

static void expect_all_works_on(enum bide_backend choice, const char *expected)
{
	const bide_options options = { .backend = choice };
	int result = -1, listener = listen_there();
	unsetenv("BIDE_BACKEND");
	backend[0] = '\0';
	EXPECT_INT(bide_try_run(&options, &result, use_all, listener), 0);
	EXPECT_INT(result, 0);
	EXPECT_STR(backend, expected);
	close(listener);
}

/* What a loop gives that is asked for io_uring by name. */
static int open_ring(void)
{
	const bide_options options = { .backend = BIDE_BACKEND_IO_URING };
	bide_loop *loop = NULL;
	int rc = bide_loop_open(&options, &loop);
	if (rc == 0)
		bide_loop_close(loop);
	return rc;
}

/* ---- io_uring ----------------------------------------------------------------------------- */

static void refuse_ring(unsigned call, int error)
{
	if (!seccomp_refuse(call, error, ANY_ARGUMENT, 0))
		SKIP(NO_FILTERS);
	expect_all_works_on(BIDE_BACKEND_AUTO, "epoll");
}

TEST(calls_refused_io_uring_not_in_the_kernel)
{
	refuse_ring(__NR_io_uring_setup, ENOSYS);
}

TEST(calls_refused_io_uring_not_permitted)
{
	refuse_ring(__NR_io_uring_setup, EPERM);
}

TEST(calls_refused_io_uring_has_no_memory)
{
	refuse_ring(__NR_io_uring_setup, ENOMEM);
}

TEST(calls_refused_io_uring_that_does_not_say_what_it_can)
{
	refuse_ring(__NR_io_uring_register, EPERM);
}

TEST(calls_refused_flags_of_newer_rings)
{
	knows_flags = false;
	if (open_ring() < 0)
		SKIP(NO_RING);
	expect_all_works_on(BIDE_BACKEND_AUTO, "io_uring");
}

#ifdef BIDE_HAVE_IO_URING
TEST(calls_refused_each_operation_of_a_ring)
{
	static const int operations[] = { IORING_OP_POLL_ADD, IORING_OP_READ,
		                          IORING_OP_READV,    IORING_OP_RECV,
		                          IORING_OP_SEND,     IORING_OP_RECVMSG,
		                          IORING_OP_SENDMSG,  IORING_OP_ACCEPT,
		                          IORING_OP_CONNECT,  IORING_OP_ASYNC_CANCEL };
	if (open_ring() < 0)
		SKIP(NO_RING);
	for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
		lacking = operations[i];
		EXPECT_INT(open_ring(), -ENOSYS);
		expect_all_works_on(BIDE_BACKEND_AUTO, "epoll");
	}
	lacking = IORING_OP_SPLICE; /* which is not needed */
	expect_all_works_on(BIDE_BACKEND_AUTO, "io_uring");
}
#endif

/* ---- calls that do not wait --------------------------------------------------------------- */

static void refuse_both(int error)
{
	if (!seccomp_refuse(__NR_preadv2, error, ANY_ARGUMENT, 0) ||
	    !seccomp_refuse(__NR_pwritev2, error, ANY_ARGUMENT, 0))
		SKIP(NO_FILTERS);
	expect_all_works_on(BIDE_BACKEND_EPOLL, "epoll");
	if (open_ring() == 0)
		expect_all_works_on(BIDE_BACKEND_IO_URING, "io_uring");
}

TEST(calls_refused_reads_that_do_not_wait_not_in_the_kernel)
{
	refuse_both(ENOSYS);
}

TEST(calls_refused_reads_that_do_not_wait_not_for_this_descriptor)
{
	refuse_both(EOPNOTSUPP);
}

/* As containers do that know only older calls. */
TEST(calls_refused_reads_that_do_not_wait_not_permitted)
{
	refuse_both(EPERM);
}
