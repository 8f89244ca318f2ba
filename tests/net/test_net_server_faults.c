// SPDX-License-Identifier: MIT
/* Servers and connections whose system calls fail: those are defined here, in the place of libc's,
 * and one at a time is made to fail. */
#include "net/server_kit.h"

#include "base/alloc.h"

#include <sys/syscall.h>

/* ---- the calls ---------------------------------------------------------------------------- */

static int countdown;  /* to the call that fails; 0: none does */
static int failure;    /* what it fails with */
static bool of_accept; /* only calls of accept4() count */

static bool fails(bool accepts)
{
	if (of_accept && !accepts)
		return false;
	if (countdown == 0 || --countdown > 0)
		return false;
	errno = failure;
	return true;
}

int socket(int domain, int type, int protocol)
{
	return fails(false) ? -1 : (int)syscall(SYS_socket, domain, type, protocol);
}

int bind(int fd, const struct sockaddr *address, socklen_t size)
{
	return fails(false) ? -1 : (int)syscall(SYS_bind, fd, address, size);
}

int listen(int fd, int backlog)
{
	return fails(false) ? -1 : (int)syscall(SYS_listen, fd, backlog);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	return fails(false) ? -1 : (int)syscall(SYS_setsockopt, fd, level, name, value, size);
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
	return fails(true) ? -1 : (int)syscall(SYS_accept4, fd, address, size, flags);
}

static void let_fail(int which, int with, bool accepts)
{
	countdown = which;
	failure = with;
	of_accept = accepts;
}

/* ---- accepting ---------------------------------------------------------------------------- */

/* Whether a connection is served although accept(2) fails once. */
static bool serves_in_spite_of(int error)
{
	let_fail(1, error, true);
	bide_stream *stream = client();
	bool right = answers(stream, "hello") && countdown == 0;
	EXPECT_INT(bide_stream_close(stream), 0);
	return right;
}

SERVER_TEST(connections_that_fail_are_passed_over)
{
	static const int errors[] = { EINTR,        ECONNABORTED, EPROTO, ENETDOWN, ENETUNREACH,
		                      EHOSTUNREACH, EHOSTDOWN,    ENONET, EPERM,    EOPNOTSUPP };
	start_echo(NULL);
	n_reports = 0;
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
		CHECK(serves_in_spite_of(errors[i]));
	CHECK_INT(n_reports, 0);
	bide_server_close(server);
}

SERVER_TEST(a_lack_that_passes_is_waited_out_and_reported_each_time_it_comes)
{
	static const int errors[] = { EMFILE, ENFILE, ENOBUFS, ENOMEM };
	start_echo(NULL);
	n_reports = 0;
	for (int i = 0; i < 4; i++) {
		CHECK(serves_in_spite_of(errors[i]));
		CHECK_INT(n_reports, i + 1);
		CHECK_INT(last_error, -errors[i]);
	}
	bide_server_close(server);
}

/* ---- starting and connecting -------------------------------------------------------------- */

static int next_descriptor(void)
{
	int fd = dup(0);
	close(fd);
	return fd;
}

/* 0 or an error, everything being closed. */
static int exchange(void)
{
	const bide_server_options options = { .reuse_port = true, .keep_alive = 60 };
	const bide_connection_options how = { .local = "127.0.0.1:0", .keep_alive = 60 };
	bide_address address;
	bide_stream *stream;
	int rc = bide_start_server("127.0.0.1", "0,0", &options, &server, echo);
	if (rc < 0)
		return rc;
	EXPECT_INT(bide_server_address(server, 0, &address), 0);
	rc = bide_connect_any(&address, 1, &how, &stream);
	if (rc == 0) {
		EXPECT(answers(stream, "hello"));
		rc = bide_stream_close(stream);
	}
	bide_server_close(server);
	return rc;
}

SERVER_TEST(whatever_call_fails_it_is_told_and_nothing_is_left_open)
{
	enum { MOST = 100 };
	bool failed = true;
	CHECK_INT(exchange(), 0);
	const int before = next_descriptor();
	for (int k = 1; failed; k++) {
		let_fail(k, ENOBUFS, false);
		int rc = exchange();
		failed = countdown == 0;
		countdown = 0;
		/* A hint to the system may fail. */
		EXPECT(failed ? rc == 0 || rc == -ENOBUFS : rc == 0);
		CHECK_INT(next_descriptor(), before);
		CHECK(k < MOST);
	}
}

SERVER_TEST(an_address_that_is_not_there_counts_only_alone)
{
	let_fail(1, EAFNOSUPPORT, false);
	CHECK_INT(bide_start_server("127.0.0.1", "0", NULL, &server, echo), -EAFNOSUPPORT);
	let_fail(1, EAFNOSUPPORT, false);
	CHECK_INT(bide_start_server(NULL, "0", NULL, &server, echo), 0);
	CHECK(strncmp(text_of(0), "0.0.0.0:", 8) == 0);
	bide_server_close(server);
}

/* ---- stacks ------------------------------------------------------------------------------- */

/* Whether a connection is served; else it is closed. */
static bool is_served(int fd)
{
	char answer[5];
	int rc;
	EXPECT_INT(send(fd, "hello", 5, MSG_NOSIGNAL), 5);
	do
		rc = bide_wait_fd(fd, BIDE_READABLE);
	while (rc == -ENOMEM);
	ssize_t n = recv(fd, answer, sizeof answer, MSG_DONTWAIT);
	EXPECT(n == 5 || n == 0 || (n < 0 && errno == ECONNRESET));
	return n == 5 && memcmp(answer, "hello", 5) == 0;
}

/* Each server's handlers have stacks of another size. The first is made in time, and the second
 * when it is needed. */
SERVER_TEST(a_connection_for_which_there_is_no_stack_is_closed_and_reported)
{
	bool struck = true;
	int closed = 0;
	for (long k = 1; struck; k++) {
		const bide_server_options options = { .stack_size = 65536 + 4096 * (size_t)k };
		EXPECT_INT(bide_start_server("127.0.0.1", "0", &options, &server, full_echo), 0);
		int first = connect_plainly();
		EXPECT(is_served(first));
		int fd = connect_plainly();
		n_reports = 0;
		bide__alloc_arm(k);
		const bool served = is_served(fd);
		bide__alloc_disarm();
		struck = bide__alloc_hook.failures > 0;
		if (!served) {
			CHECK_INT(n_reports, 1);
			CHECK_INT(last_error, -ENOMEM);
			closed++;
		}
		CHECK(served || struck);
		close(first);
		close(fd);
		while (bide_server_connections(server) > 0)
			CHECK_INT(bide_sleep(0.001), 0);
		bide_server_close(server);
	}
	CHECK(closed > 0);
}
