// SPDX-License-Identifier: MIT
/* bide_wait_fd(): when it returns and what, for each kind of descriptor. */
#include "harness/test.h"

#include <bide.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* ---- what happens a little later ---------------------------------------------------------- */

enum action { WRITE, READ_ALL, CLOSE };

static bool done; /* the action */

BIDE_ASYNC(int, act_later, enum action, int);
int act_later(enum action action, int fd)
{
	char bytes[4096];

	bide_sleep(0.002);
	done = true;
	if (action == WRITE)
		EXPECT_INT(write(fd, "12345678", 8), 8);
	else if (action == CLOSE)
		EXPECT_INT(close(fd), 0);
	while (action == READ_ALL && read(fd, bytes, sizeof bytes) > 0)
		;
	return 0;
}

/* Waits for a descriptor that is not ready before something is done to another. */
BIDE_ASYNC(int, wait_until, int, int, enum action, int);
int wait_until(int fd, int events, enum action action, int other)
{
	bide_task *t = bide_spawn(act_later, action, other);

	done = false;
	int ready = bide_wait_fd(fd, events);
	EXPECT(done);
	EXPECT_INT(bide_join(t), 0);
	return ready;
}

BIDE_ASYNC(int, wait_now, int, int);
int wait_now(int fd, int events)
{
	return bide_wait_fd(fd, events);
}

/* Whether a wait for a descriptor would last. */
BIDE_ASYNC(int, does_wait, int, int);
int does_wait(int fd, int events)
{
	int rc = 0;

	BIDE_TIMEOUT(0.005, rc) {
		EXPECT_INT(bide_wait_fd(fd, events), -ETIMEDOUT);
	}
	return rc == -ETIMEDOUT;
}

static void fill(int fd)
{
	char bytes[4096] = { 0 };

	while (write(fd, bytes, sizeof bytes) > 0)
		;
	EXPECT_INT(errno, EAGAIN);
}

/* ---- pipes -------------------------------------------------------------------------------- */

TEST(wait_fd_pipe_is_readable_when_it_has_data)
{
	int ends[2];

	CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
	EXPECT_INT(bide_run(does_wait, ends[0], BIDE_READABLE), 1);
	EXPECT_INT(bide_run(wait_until, ends[0], BIDE_READABLE, WRITE, ends[1]), BIDE_READABLE);
	EXPECT_INT(bide_run(wait_now, ends[0], BIDE_READABLE), BIDE_READABLE);
}

TEST(wait_fd_pipe_is_writable_when_it_has_room)
{
	int ends[2];

	CHECK_INT(pipe2(ends, O_NONBLOCK), 0);
	EXPECT_INT(bide_run(wait_now, ends[1], BIDE_WRITABLE), BIDE_WRITABLE);
	fill(ends[1]);
	EXPECT_INT(bide_run(does_wait, ends[1], BIDE_WRITABLE), 1);
	EXPECT_INT(bide_run(wait_until, ends[1], BIDE_WRITABLE, READ_ALL, ends[0]), BIDE_WRITABLE);
}

TEST(wait_fd_pipe_is_readable_at_its_end)
{
	int ends[2];

	CHECK_INT(pipe(ends), 0);
	EXPECT_INT(bide_run(wait_until, ends[0], BIDE_READABLE, CLOSE, ends[1]), BIDE_READABLE);
	EXPECT_INT(bide_run(wait_now, ends[0], BIDE_READABLE), BIDE_READABLE);
}

TEST(wait_fd_pipe_without_reader_is_ready_to_give_its_error)
{
	int ends[2];

	CHECK_INT(pipe2(ends, O_NONBLOCK), 0);
	fill(ends[1]);
	EXPECT_INT(bide_run(wait_until, ends[1], BIDE_WRITABLE, CLOSE, ends[0]), BIDE_WRITABLE);
}

/* ---- sockets ------------------------------------------------------------------------------ */

TEST(wait_fd_socket_tells_what_is_ready_of_what_is_waited_for)
{
	const int both = BIDE_READABLE | BIDE_WRITABLE;
	int ends[2];

	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	EXPECT_INT(bide_run(wait_now, ends[0], both), BIDE_WRITABLE);
	CHECK_INT(write(ends[1], "x", 1), 1);
	EXPECT_INT(bide_run(wait_now, ends[0], both), both);
	EXPECT_INT(bide_run(wait_now, ends[0], BIDE_READABLE), BIDE_READABLE);
	EXPECT_INT(bide_run(wait_now, ends[0], BIDE_WRITABLE), BIDE_WRITABLE);
	fill(ends[0]);
	EXPECT_INT(bide_run(wait_now, ends[0], both), BIDE_READABLE);
}

TEST(wait_fd_socket_is_readable_when_the_peer_has_shut_down)
{
	int ends[2];

	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	CHECK_INT(shutdown(ends[1], SHUT_WR), 0);
	EXPECT_INT(bide_run(wait_now, ends[0], BIDE_READABLE), BIDE_READABLE);
	CHECK_INT(close(ends[1]), 0);
	EXPECT_INT(bide_run(wait_now, ends[0], BIDE_READABLE | BIDE_WRITABLE),
	           BIDE_READABLE | BIDE_WRITABLE);
}

static int loopback_socket(struct sockaddr_in *ret_address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	socklen_t size = sizeof *ret_address;

	*ret_address = (struct sockaddr_in){ .sin_family = AF_INET };
	ret_address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	EXPECT_INT(bind(fd, (struct sockaddr *)ret_address, size), 0);
	EXPECT_INT(getsockname(fd, (struct sockaddr *)ret_address, &size), 0);
	return fd;
}

BIDE_ASYNC(int, connect_later, struct sockaddr_in);
int connect_later(struct sockaddr_in address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	bide_sleep(0.002);
	int rc = connect(fd, (struct sockaddr *)&address, sizeof address);
	EXPECT(rc == 0 || errno == EINPROGRESS);
	EXPECT_INT(bide_wait_fd(fd, BIDE_WRITABLE), BIDE_WRITABLE);
	return fd;
}

BIDE_ASYNC(int, accept_one, int, struct sockaddr_in);
int accept_one(int listener, struct sockaddr_in address)
{
	bide_task *t = bide_spawn(connect_later, address);
	int ready = bide_wait_fd(listener, BIDE_READABLE);
	int fd = accept(listener, NULL, NULL);

	EXPECT(fd >= 0);
	close(fd);
	close(bide_await(int, t));
	return ready;
}

TEST(wait_fd_listener_is_readable_when_a_connection_came)
{
	struct sockaddr_in address;
	int listener = loopback_socket(&address);

	CHECK_INT(listen(listener, 1), 0);
	EXPECT_INT(bide_run(accept_one, listener, address), BIDE_READABLE);
}

TEST(wait_fd_refused_connection_is_writable_to_give_its_error)
{
	struct sockaddr_in address;
	int nobody = loopback_socket(&address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int error = 0;
	socklen_t size = sizeof error;

	CHECK(nobody >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == -1);
	EXPECT_INT(bide_run(wait_now, fd, BIDE_WRITABLE), BIDE_WRITABLE);
	CHECK_INT(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), 0);
	EXPECT_INT(error, ECONNREFUSED);
}

/* ---- others ------------------------------------------------------------------------------- */

TEST(wait_fd_eventfd_is_readable_when_it_counts)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	EXPECT_INT(bide_run(does_wait, fd, BIDE_READABLE), 1);
	EXPECT_INT(bide_run(wait_until, fd, BIDE_READABLE, WRITE, fd), BIDE_READABLE);
	EXPECT_INT(bide_run(wait_now, fd, BIDE_WRITABLE), BIDE_WRITABLE);
}

TEST(wait_fd_timer_is_readable_when_it_is_due)
{
	const struct itimerspec spec = { .it_value = { 0, 3000000 } };
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);

	CHECK_INT(timerfd_settime(fd, 0, &spec, NULL), 0);
	EXPECT_INT(bide_run(wait_now, fd, BIDE_READABLE), BIDE_READABLE);
}

/* How libraries with many descriptors of their own are waited for. */
TEST(wait_fd_epoll_set_is_readable_when_one_of_its_members_is)
{
	int set = epoll_create1(0);
	int member = eventfd(0, 0);
	struct epoll_event event = { .events = EPOLLIN };

	CHECK_INT(epoll_ctl(set, EPOLL_CTL_ADD, member, &event), 0);
	EXPECT_INT(bide_run(does_wait, set, BIDE_READABLE), 1);
	EXPECT_INT(bide_run(wait_until, set, BIDE_READABLE, WRITE, member), BIDE_READABLE);
}

TEST(wait_fd_file_is_always_ready)
{
	const int both = BIDE_READABLE | BIDE_WRITABLE;
	char name[] = "/tmp/bide-test-XXXXXX";
	int fd = mkstemp(name);

	CHECK(fd >= 0);
	unlink(name);
	EXPECT_INT(bide_run(wait_now, fd, BIDE_READABLE), BIDE_READABLE);
	EXPECT_INT(bide_run(wait_now, fd, BIDE_WRITABLE), BIDE_WRITABLE);
	EXPECT_INT(bide_run(wait_now, fd, both), both);
}

BIDE_ASYNC(int, count_turns, int *);
int count_turns(int *turns)
{
	for (;;) {
		int rc = bide_yield();
		if (rc < 0)
			return rc;
		++*turns;
	}
}

/* Who waits for what is always ready lets others run all the same. */
BIDE_ASYNC(int, wait_for_file, int, int);
int wait_for_file(int fd, int times)
{
	int turns = 0;
	bide_task *t = bide_spawn(count_turns, &turns);

	for (int i = 0; i < times; i++)
		EXPECT_INT(bide_wait_fd(fd, BIDE_READABLE), BIDE_READABLE);
	bide_cancel(t);
	bide_join(t);
	return turns;
}

TEST(wait_fd_file_does_not_starve_others)
{
	int fd = open("/proc/self/exe", O_RDONLY);

	CHECK(fd >= 0);
	EXPECT(bide_run(wait_for_file, fd, 50) >= 49);
}

/* ---- what is refused ---------------------------------------------------------------------- */

TEST(wait_fd_of_no_descriptor_is_refused)
{
	/* Not the lowest, which the loop's own descriptors take. */
	const int closed = fcntl(0, F_DUPFD, 100);

	CHECK_INT(close(closed), 0);
	EXPECT_INT(bide_run(wait_now, closed, BIDE_READABLE), -EBADF);
	EXPECT_INT(bide_run(wait_now, -1, BIDE_READABLE), -EBADF);
	EXPECT_INT(bide_run(wait_now, -4000, BIDE_WRITABLE), -EBADF);
	EXPECT_INT(bide_run(wait_now, 1000000, BIDE_WRITABLE), -EBADF);
}

TEST(wait_fd_of_a_large_number_that_is_no_descriptor_costs_no_memory)
{
	enum { LARGE = 1 << 25, GROWTH_MAX = 64 * 1024 /* KiB */ };
	struct rusage before, after;

	CHECK_INT(getrusage(RUSAGE_SELF, &before), 0);
	EXPECT_INT(bide_run(wait_now, LARGE, BIDE_WRITABLE), -EBADF);
	CHECK_INT(getrusage(RUSAGE_SELF, &after), 0);
	EXPECT(after.ru_maxrss - before.ru_maxrss < GROWTH_MAX);
}

TEST(wait_fd_for_no_event_is_refused)
{
	EXPECT_INT(bide_run(wait_now, 0, 0), -EINVAL);
	EXPECT_INT(bide_run(wait_now, 0, 2), -EINVAL);
	EXPECT_INT(bide_run(wait_now, 0, BIDE_READABLE | 8), -EINVAL);
	EXPECT_INT(bide_run(wait_now, 0, -1), -EINVAL);
}

TEST(wait_fd_is_not_supported_on_the_virtual_clock)
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL };
	int ends[2];

	CHECK_INT(pipe(ends), 0);
	EXPECT_INT(bide_try_run(&options, NULL, wait_now, ends[1], BIDE_WRITABLE), -ENOTSUP);
}

TEST_ABORTS(wait_fd_outside_a_task_aborts, "bide: bide_wait_fd: ")
{
	bide_wait_fd(0, BIDE_READABLE);
}

BIDE_ASYNC(int, wait_where_nobody_may, int);
int wait_where_nobody_may(int fd)
{
	BIDE_NO_SUSPEND {
		return bide_wait_fd(fd, BIDE_READABLE);
	}
	return 0;
}

TEST_ABORTS(wait_fd_in_no_suspend_aborts, "bide_wait_fd: in task 'wait_where_nobody_may' (#")
{
	bide_run(wait_where_nobody_may, 0);
}
