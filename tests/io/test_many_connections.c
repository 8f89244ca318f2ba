// SPDX-License-Identifier: MIT
/* Very many connections at once, each held by a light task: all are answered, and what one takes of
 * memory is told; and a server that has run out of descriptors. The clients are a process of their
 * own, with descriptors of its own. */
#include "harness/test.h"

#include <bide.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	SOME = 500,
	ALL = 19000,
	AHEAD = 1000, /* connections made before the server has accepted those */
	SPARE = 100,  /* descriptors */
	MOST_BYTES = 3000
};

#define NOT_SO_MANY "so many descriptors are not to be had"

static struct sockaddr_in there;
static int accepted, answers;

/* In place of the harness's, which would tell of every task. */
void test_dump(void)
{
	fprintf(stderr, "%d accepted, %d answers\n", accepted, answers);
}

static int listen_there(void)
{
	socklen_t size = sizeof there;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	there = (struct sockaddr_in){ .sin_family = AF_INET,
		                      .sin_addr = { htonl(INADDR_LOOPBACK) } };
	EXPECT_INT(bind(fd, (struct sockaddr *)&there, sizeof there), 0);
	EXPECT_INT(getsockname(fd, (struct sockaddr *)&there, &size), 0);
	EXPECT_INT(listen(fd, 4096), 0);
	return fd;
}

static bool may_open(rlim_t n)
{
	struct rlimit files = { 0, 0 };
	getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_max < n)
		return false;
	files.rlim_cur = n;
	return setrlimit(RLIMIT_NOFILE, &files) == 0;
}

/* ---- the clients -------------------------------------------------------------------------- */

/* From one of several addresses: the system would look long for a free port of only one. */
static int connect_there(int i)
{
	enum { EACH = 1000 };
	const int yes = 1;
	const struct sockaddr_in here = { .sin_family = AF_INET,
		                          .sin_addr = { htonl(INADDR_LOOPBACK + 1U +
		                                              (unsigned)(i / EACH)) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
	return fd >= 0 && bind(fd, (const struct sockaddr *)&here, sizeof here) == 0 &&
	                       connect(fd, (struct sockaddr *)&there, sizeof there) == 0
	               ? fd
	               : -1;
}

static bool is_told(int fd)
{
	char byte;
	return read(fd, &byte, 1) == 1;
}

/* Connects n times, asks on each connection when it is told to, and has all the answers. */
static bool ask_all(int n, int start)
{
	int *fds = malloc((size_t)n * sizeof *fds), answer = -1;
	for (int i = 0; i < n; i++)
		if ((fds[i] = connect_there(i)) < 0 || (i % AHEAD == AHEAD - 1 && !is_told(start)))
			return false;
	if (!is_told(start))
		return false;
	for (int i = 0; i < n; i++)
		if (write(fds[i], &i, sizeof i) != sizeof i)
			return false;
	for (int i = n - 1; i >= 0; i--) {
		if (recv(fds[i], &answer, sizeof answer, MSG_WAITALL) != sizeof answer ||
		    answer != i)
			return false;
	}
	return true;
}

static pid_t start_clients(int n, int *ret_start)
{
	int fds[2];
	EXPECT_INT(pipe2(fds, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(fds[1]);
		_exit(ask_all(n, fds[0]) ? 0 : 1);
	}
	close(fds[0]);
	*ret_start = fds[1];
	return pid;
}

/* ---- the server --------------------------------------------------------------------------- */

static int serve(int fd)
{
	int question;
	ssize_t n;
	while ((n = bide_recv(fd, &question, sizeof question, 0)) == sizeof question) {
		CHECK_RET(bide_send(fd, &question, sizeof question, 0) == n, -EIO);
		answers++;
	}
	return n < 0 ? (int)n : bide_close(fd);
}

static int serve_stream(int fd)
{
	bide_stream *stream;
	int question;
	ssize_t n;
	CHECK_RET(bide_stream_open(fd, fd, &stream) == 0, -EIO);
	while ((n = bide_stream_read_exactly(stream, &question, sizeof question)) ==
	       sizeof question) {
		CHECK_RET(bide_stream_write(stream, &question, sizeof question) == n, -EIO);
		answers++;
	}
	int rc = bide_stream_close(stream);
	return n < 0 ? (int)n : rc;
}

BIDE_ASYNC_LIGHT(int, serve_lightly, int);
int serve_lightly(int fd)
{
	return serve(fd);
}

BIDE_ASYNC_LIGHT(int, serve_stream_lightly, int);
int serve_stream_lightly(int fd)
{
	return serve_stream(fd);
}

static size_t resident_bytes(void)
{
	unsigned long all = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	CHECK_RET(file != NULL && fscanf(file, "%lu %lu", &all, &resident) == 2, 0);
	fclose(file);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* Accepts n, lets them wait, and starts the clients' asking. */
BIDE_ASYNC(int, hold, int, int, bool);
int hold(int n, int start, bool streams)
{
	int rc, listener = listen_there();
	pid_t clients = start_clients(n, &start);
	const size_t before = resident_bytes();
	accepted = answers = 0;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++) {
			int fd = bide_accept(listener, NULL, NULL);
			if (!EXPECT(fd >= 0))
				break;
			if (++accepted % AHEAD == 0)
				EXPECT_INT(write(start, "x", 1), 1);
			if (streams)
				bide_group_spawn(group, serve_stream_lightly, fd);
			else
				bide_group_spawn(group, serve_lightly, fd);
		}
		bide_sleep(0.05);
		const size_t each = (resident_bytes() - before) / (size_t)n;
		printf("# %d connections, %s: %zu bytes each\n", n,
		       streams ? "streams" : "descriptors", each);
#ifndef __SANITIZE_ADDRESS__
		EXPECT(n < ALL || each < MOST_BYTES);
#endif
		EXPECT_INT(answers, 0);
		EXPECT_INT(write(start, "x", 1), 1);
	}
	int status = -1;
	EXPECT_INT(waitpid(clients, &status, 0), clients);
	EXPECT_INT(status, 0);
	EXPECT_INT(answers, n);
	close(start);
	return rc < 0 ? rc : bide_close(listener);
}

static int how_many(void)
{
	return test_everything() ? ALL : SOME;
}

TEST(many_connections_are_held_by_light_tasks)
{
	if (!may_open((rlim_t)how_many() + SPARE))
		SKIP(NOT_SO_MANY);
	TEST_TIMEOUT(120);
	EXPECT_INT(bide_run(hold, how_many(), -1, false), 0);
}

TEST(many_connections_are_held_by_streams)
{
	if (!may_open((rlim_t)how_many() + SPARE))
		SKIP(NOT_SO_MANY);
	TEST_TIMEOUT(120);
	EXPECT_INT(bide_run(hold, how_many(), -1, true), 0);
}

/* ---- no descriptor left ------------------------------------------------------------------- */

BIDE_ASYNC_LIGHT(int, accept_lightly, int);
int accept_lightly(int listener)
{
	return bide_accept(listener, NULL, NULL);
}

/* Each accept says so, the connection stays where it is, and others are served meanwhile. */
BIDE_ASYNC(int, run_out, int);
int run_out(int listener)
{
	int pair[2], clients[2], used[64], n = 0, byte = 1;
	EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	bide_task *other = bide_spawn(serve_lightly, pair[0]);
	bide_sleep(0.001); /* so that the loop has its own descriptors */
	for (int i = 0; i < 2; i++)
		clients[i] = connect_there(i);
	while (n < 64 && (used[n] = dup(0)) >= 0)
		n++;
	CHECK_RET(n > 0 && n < 64, -1);
	for (int i = 0; i < 3; i++) {
		EXPECT_INT(bide_accept(listener, NULL, NULL), -EMFILE);
		bide_task *accept = bide_spawn(accept_lightly, listener);
		EXPECT_INT(bide_await(int, accept), -EMFILE);
		EXPECT_INT(write(pair[1], &byte, sizeof byte), sizeof byte);
		EXPECT_INT(bide_read(pair[1], &byte, sizeof byte), sizeof byte);
	}
	for (int i = 0; i < 2; i++) {
		close(used[--n]);
		int fd = bide_accept(listener, NULL, NULL);
		EXPECT_INT(fd, used[n]);
		EXPECT_INT(write(clients[i], &byte, 1), 1);
		EXPECT_INT(bide_recv(fd, &byte, 1, 0), 1);
	}
	close(pair[1]);
	return bide_await(int, other);
}

TEST(many_connections_more_than_descriptors)
{
	CHECK(may_open(40));
	int listener = listen_there();
	EXPECT_INT(bide_run(run_out, listener), 0);
}
