// SPDX-License-Identifier: MIT
/* Connecting, accepting, and messages; over loopback and local sockets, set to O_NONBLOCK or
 * not. */
#include "core/kinds_kit.h"

#include "core/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int listener, type_flags;
static struct sockaddr_in there;

static int new_socket(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | type_flags, 0);
}

static void open_listener(int backlog)
{
	socklen_t size = sizeof there;
	listener = new_socket();
	there = (struct sockaddr_in){ .sin_family = AF_INET,
		                      .sin_addr = { htonl(INADDR_LOOPBACK) } };
	EXPECT_INT(bind(listener, (struct sockaddr *)&there, sizeof there), 0);
	EXPECT_INT(getsockname(listener, (struct sockaddr *)&there, &size), 0);
	EXPECT_INT(listen(listener, backlog), 0);
}

/* Nothing may be left in flight. */
static void close_listener(void)
{
	EXPECT_UINT(bide__loop->in_flight, 0);
	EXPECT_INT(bide_close(listener), 0);
}

/* A test whose block is the main task, with a listener open: by a full and by a light task, with
 * sockets that wait and with such that do not. */
#define CONNECTION_TEST(name) \
	KINDS_TASKS(name, open_listener(128), close_listener()) \
	TEST(name) \
	{ \
		type_flags = 0; \
		KINDS_RUN(name); \
		type_flags = SOCK_NONBLOCK; \
		KINDS_RUN(name); \
	} \
	static void in_##name(void)

static int connect_there(void)
{
	int fd = new_socket();
	int rc = bide_connect(fd, (const struct sockaddr *)&there, sizeof there);
	if (rc == 0)
		return fd;
	bide_close(fd);
	return rc;
}

static BIDE_ASYNC_LIGHT(int, connect_after, double);
static int connect_after(double seconds)
{
	int rc = bide_sleep(seconds);
	return rc < 0 ? rc : connect_there();
}

/* ---- connecting and accepting ------------------------------------------------------------- */

CONNECTION_TEST(accept_waits_for_a_connection)
{
	struct sockaddr_in from, own;
	socklen_t size = sizeof from, own_size = sizeof own;
	bide_task *client = bide_spawn(connect_after, 0.002);
	int fd = bide_accept(listener, (struct sockaddr *)&from, &size);
	CHECK(fd >= 0);
	int other = bide_await(int, client);
	CHECK(other >= 0);
	CHECK_INT(getsockname(other, (struct sockaddr *)&own, &own_size), 0);
	CHECK_INT(size, sizeof from);
	CHECK_INT(from.sin_port, own.sin_port);
	CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_INT(bide_close(fd), 0);
	CHECK_INT(bide_close(other), 0);
}

CONNECTION_TEST(accept_takes_a_connection_that_is_there)
{
	int other = connect_there();
	CHECK(other >= 0);
	int fd = bide_accept(listener, NULL, NULL);
	CHECK(fd >= 0);
	CHECK_INT(bide_close(fd), 0);
	CHECK_INT(bide_close(other), 0);
}

CONNECTION_TEST(accept_leaves_its_listener_as_it_was)
{
	struct timeval before, after;
	socklen_t size = sizeof before;
	int flags = fcntl(listener, F_GETFL);
	getsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &before, &size);
	bide_task *client = bide_spawn(connect_after, 0.001);
	int fd = bide_accept(listener, NULL, NULL);
	int other = bide_await(int, client);
	CHECK_INT(fcntl(listener, F_GETFL), flags);
	getsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &after, &size);
	CHECK_MEM(&before, &after, sizeof before);
	getsockopt(other, SOL_SOCKET, SO_SNDTIMEO, &after, &size);
	CHECK_MEM(&before, &after, sizeof before);
	CHECK_INT(bide_close(fd), 0);
	CHECK_INT(bide_close(other), 0);
}

CONNECTION_TEST(an_accept_that_times_out_takes_nothing)
{
	int rc;
	BIDE_TIMEOUT(0.001, rc) {
		EXPECT_INT(bide_accept(listener, NULL, NULL), -ETIMEDOUT);
	}
	CHECK_INT(rc, -ETIMEDOUT);
	int other = connect_there(), fd = bide_accept(listener, NULL, NULL);
	CHECK(other >= 0 && fd >= 0);
	CHECK_INT(bide_close(fd), 0);
	CHECK_INT(bide_close(other), 0);
}

CONNECTION_TEST(a_connect_that_is_refused_says_so)
{
	int nobody = new_socket();
	socklen_t size = sizeof there;
	struct sockaddr_in real = there;
	there.sin_port = 0;
	CHECK_INT(bind(nobody, (struct sockaddr *)&there, sizeof there), 0);
	CHECK_INT(getsockname(nobody, (struct sockaddr *)&there, &size), 0);
	CHECK_INT(connect_there(), -ECONNREFUSED);
	there = real;
	CHECK_INT(bide_close(nobody), 0);
}

CONNECTION_TEST(calls_on_what_is_no_socket_fail)
{
	int fds[2];
	char buf[4];
	CHECK_INT(pipe(fds), 0);
	CHECK_INT(bide_connect(fds[0], (const struct sockaddr *)&there, sizeof there), -ENOTSOCK);
	CHECK_INT(bide_recv(fds[0], buf, 4, 0), -ENOTSOCK);
	CHECK_INT(bide_send(fds[1], buf, 4, 0), -ENOTSOCK);
	CHECK_INT(bide_shutdown(fds[1], SHUT_WR), -ENOTSOCK);
	CHECK_INT(bide_connect(-1, (const struct sockaddr *)&there, sizeof there), -EBADF);
	CHECK_INT(bide_accept(-1, NULL, NULL), -EBADF);
	int fd = new_socket();
	CHECK_INT(bide_accept(fd, NULL, NULL), -EINVAL);
	CHECK_INT(bide_recv(fd, buf, 4, MSG_WAITALL), -EINVAL);
	close(fd);
	close(fds[0]);
	close(fds[1]);
}

static BIDE_ASYNC_LIGHT(int, accept_one, void);
static int accept_one(void)
{
	return bide_accept(listener, NULL, NULL);
}

CONNECTION_TEST(a_listener_that_is_closed_ends_its_accepts)
{
	bide_task *one = bide_spawn(accept_one), *two = bide_spawn(accept_one);
	bide_sleep(0.001);
	CHECK_INT(bide_close(listener), 0);
	CHECK_INT(bide_await(int, one), -EBADF);
	CHECK_INT(bide_await(int, two), -EBADF);
	open_listener(1);
}

/* ---- local sockets ------------------------------------------------------------------------ */

static struct sockaddr_un local;
static socklen_t local_size;

static BIDE_ASYNC(int, connect_locally, void);
static int connect_locally(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | type_flags, 0);
	int rc = bide_connect(fd, (const struct sockaddr *)&local, local_size);
	bide_close(fd);
	return rc;
}

/* A listener, whose queue holds one more than it is asked for. */
static int listen_locally(int queue)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | type_flags, 0);
	local = (struct sockaddr_un){ .sun_family = AF_UNIX };
	local_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
	                         (size_t)snprintf(local.sun_path + 1, sizeof local.sun_path - 1,
	                                          "bide-test-%d", getpid()));
	EXPECT_INT(bind(fd, (struct sockaddr *)&local, local_size), 0);
	EXPECT_INT(listen(fd, queue), 0);
	return fd;
}

/* Who finds the queue full is told of no room later. */
CONNECTION_TEST(connects_to_a_local_listener_wait_for_room_in_its_queue)
{
	enum { CLIENTS = 5 };
	bide_task *clients[CLIENTS];
	int fd = listen_locally(1), results[CLIENTS];
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = bide_spawn(connect_locally);
	bide_sleep(0.005);
	for (int i = 0; i < CLIENTS; i++) {
		int accepted = bide_accept(fd, NULL, NULL);
		CHECK(accepted >= 0);
		bide_close(accepted);
	}
	CHECK_INT(bide_gather(clients, CLIENTS, results), 0);
	CHECK_INT(bide_close(fd), 0);
}

CONNECTION_TEST(accept_on_what_does_not_listen_fails_at_once)
{
	int sockets[2], pipes[2], one = 0, two = 0, rc = 0;
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | type_flags, 0, sockets), 0);
	CHECK_INT(pipe(pipes), 0);
	BIDE_TIMEOUT(1, rc) {
		one = bide_accept(sockets[0], NULL, NULL);
		two = bide_accept(pipes[0], NULL, NULL);
	}
	CHECK_INT(one, -EINVAL);
	CHECK_INT(two, -ENOTSOCK);
	for (int i = 0; i < 2; i++) {
		close(sockets[i]);
		close(pipes[i]);
	}
}

static BIDE_ASYNC(int, connect_only, int);
static int connect_only(int fd)
{
	return bide_connect(fd, (const struct sockaddr *)&local, local_size);
}

CONNECTION_TEST(a_connect_that_waits_for_room_does_not_outlive_its_socket)
{
	struct sockaddr_un peer;
	socklen_t size = sizeof peer;
	int fd = listen_locally(0);
	int first = socket(AF_UNIX, SOCK_STREAM, 0);
	int second = socket(AF_UNIX, SOCK_STREAM | type_flags, 0);
	CHECK_INT(connect(first, (const struct sockaddr *)&local, local_size), 0);
	bide_task *waiting = bide_spawn(connect_only, second);
	bide_sleep(0.005);
	CHECK_INT(bide_close(second), 0);
	int other = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_INT(other, second);
	int accepted = bide_accept(fd, NULL, NULL);
	CHECK_INT(bide_await(int, waiting), -EBADF);
	CHECK_INT(getpeername(other, (struct sockaddr *)&peer, &size), -1);
	bide_close(accepted);
	bide_close(other);
	bide_close(first);
	CHECK_INT(bide_close(fd), 0);
}

static BIDE_ASYNC(ssize_t, receive_some, int);
static ssize_t receive_some(int fd)
{
	static char data[16];
	return bide_recv(fd, data, sizeof data, 0);
}

/* Of a socket set to O_NONBLOCK io_uring says at once that there is nothing, and the task that is
 * told has not run yet. */
CONNECTION_TEST(a_receive_that_is_tried_again_has_not_lost_its_socket)
{
	for (int yields = 1; yields < 10; yields++) {
		char data[16];
		int first[2], second[2];
		CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, first), 0);
		bide_task *receiver = bide_spawn(receive_some, first[0]);
		for (int i = 0; i < yields; i++)
			bide_yield();
		CHECK_INT(bide_close(first[0]), 0);
		CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | type_flags, 0, second), 0);
		CHECK_INT(second[0], first[0]);
		CHECK_INT(write(second[1], "secret", 6), 6);
		CHECK_INT(bide_await(ssize_t, receiver), -EBADF);
		CHECK_INT(bide_recv(second[0], data, sizeof data, 0), 6);
		close(first[1]);
		close(second[0]);
		close(second[1]);
	}
}

/* ---- messages ----------------------------------------------------------------------------- */

static BIDE_ASYNC(int, send_descriptor, int, int);
static int send_descriptor(int socket, int fd)
{
	char text[] = "fd", control[CMSG_SPACE(sizeof fd)] = { 0 };
	struct iovec buffer = { text, 2 };
	struct msghdr message = { .msg_iov = &buffer,
		                  .msg_iovlen = 1,
		                  .msg_control = control,
		                  .msg_controllen = sizeof control };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	*header = (struct cmsghdr){ CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(header), &fd, sizeof fd);
	bide_sleep(0.001);
	return (int)bide_sendmsg(socket, &message, 0);
}

CONNECTION_TEST(messages_carry_descriptors)
{
	int pair[2], fd = -1;
	char text[8] = "", control[CMSG_SPACE(sizeof fd)];
	struct iovec buffer = { text, sizeof text };
	struct msghdr message = { .msg_iov = &buffer,
		                  .msg_iovlen = 1,
		                  .msg_control = control,
		                  .msg_controllen = sizeof control };
	CHECK_INT(socketpair(AF_UNIX, SOCK_DGRAM | type_flags, 0, pair), 0);
	bide_task *sender = bide_spawn(send_descriptor, pair[0], listener);
	CHECK_INT(bide_recvmsg(pair[1], &message, MSG_CMSG_CLOEXEC), 2);
	CHECK_INT(bide_await(int, sender), 2);
	CHECK_STR(text, "fd");
	const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	CHECK(header != NULL && header->cmsg_type == SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(header), sizeof fd);
	CHECK(fd >= 0 && fd != listener);
	close(fd);
	close(pair[0]);
	close(pair[1]);
}

CONNECTION_TEST(a_peek_leaves_what_it_sees)
{
	char buf[8] = "";
	int other = connect_there(), fd = bide_accept(listener, NULL, NULL);
	CHECK_INT(bide_send(other, "abc", 3, 0), 3);
	CHECK_INT(bide_recv(fd, buf, sizeof buf, MSG_PEEK), 3);
	CHECK_INT(bide_recv(fd, buf, sizeof buf, 0), 3);
	CHECK_STR(buf, "abc");
	CHECK_INT(bide_shutdown(other, SHUT_WR), 0);
	CHECK_INT(bide_recv(fd, buf, sizeof buf, 0), 0);
	CHECK_INT(bide_close(fd), 0);
	CHECK_INT(bide_close(other), 0);
}

CONNECTION_TEST(a_send_to_who_has_gone_gives_an_error_and_no_signal)
{
	int other = connect_there(), fd = bide_accept(listener, NULL, NULL);
	CHECK_INT(bide_close(fd), 0);
	ssize_t n = 1;
	for (int i = 0; i < 100 && n > 0; i++) {
		n = bide_send(other, "x", 1, 0);
		bide_sleep(0.0005);
	}
	CHECK(n == -EPIPE || n == -ECONNRESET);
	CHECK_INT(bide_close(other), 0);
}

/* ---- a server ----------------------------------------------------------------------------- */

enum { CLIENTS = 60, MESSAGES = 50 };

static BIDE_ASYNC_LIGHT(int, serve_one, int);
static int serve_one(int fd)
{
	char buf[256];
	ssize_t n;
	while ((n = bide_recv(fd, buf, sizeof buf, 0)) > 0)
		for (ssize_t sent = 0, k; sent < n; sent += k)
			if ((k = bide_send(fd, buf + sent, (size_t)(n - sent), 0)) < 0)
				return (int)k;
	bide_close(fd);
	return (int)n;
}

static BIDE_ASYNC(int, serve, bide_group *);
static int serve(bide_group *group)
{
	for (int i = 0; i < CLIENTS; i++) {
		int fd = bide_accept(listener, NULL, NULL);
		if (fd < 0)
			return fd;
		bide_group_spawn(group, serve_one, fd);
	}
	return 0;
}

static BIDE_ASYNC(int, talk, int);
static int talk(int number)
{
	char sent[64], got[64];
	int fd = connect_there();
	CHECK_RET(fd >= 0, fd);
	for (int i = 0; i < MESSAGES; i++) {
		ssize_t n = snprintf(sent, sizeof sent, "%d: message %d", number, i), all = 0, k;
		CHECK_RET(bide_send(fd, sent, (size_t)n, 0) == n, -EIO);
		while (all < n && (k = bide_recv(fd, got + all, sizeof got - (size_t)all, 0)) > 0)
			all += k;
		CHECK_RET(all == n && memcmp(sent, got, (size_t)n) == 0, -EIO);
	}
	return bide_close(fd);
}

CONNECTION_TEST(a_server_echoes_what_many_clients_send)
{
	int rc;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, serve, group);
		for (int i = 0; i < CLIENTS; i++)
			bide_group_spawn(group, talk, i);
	}
	CHECK_INT(rc, 0);
}
