// SPDX-License-Identifier: MIT
/* rows_echo.c: a server that answers each message with itself, a task for each connection. The
 * socket that listens is the standard input, so that whoever starts the server knows its port. */
#include "core.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROOM = 4096, LITTLE_ROOM = 256 };

/* Answers until the other side closes. @return 0 or an error. */
static inline int answer(int fd, char *buf, size_t room)
{
	ssize_t n;

	while ((n = bide_recv(fd, buf, room, 0)) > 0)
		for (ssize_t sent = 0, m; sent < n; sent += m)
			if ((m = bide_send(fd, buf + sent, (size_t)(n - sent), 0)) < 0)
				return (int)m;
	return (int)n;
}

static inline int answer_and_close(int fd, char *buf, size_t room)
{
	int rc = answer(fd, buf, room);

	(void)bide_close(fd);
	return rc;
}

static inline int answer_stream(int fd, char *buf, size_t room)
{
	bide_stream *stream;
	ssize_t n = bide_stream_open(fd, fd, &stream);

	if (n < 0)
		return (int)n;
	while ((n = bide_stream_read(stream, buf, room)) > 0)
		if (bide_stream_write(stream, buf, (size_t)n) != n)
			break;
	int rc = bide_stream_close(stream);
	return n != 0 ? -EIO : rc;
}

/* ---- the tasks ---------------------------------------------------------------------------- */

static BIDE_ASYNC(int, with_calls, int);
static BIDE_ASYNC(int, with_little, int);
static BIDE_ASYNC(int, with_stream, int);
static BIDE_ASYNC_LIGHT(int, with_calls_light, int);
static BIDE_ASYNC_LIGHT(int, with_little_light, int);
static BIDE_ASYNC_LIGHT(int, with_stream_light, int);

static int with_calls(int fd)
{
	char buf[ROOM];

	return answer_and_close(fd, buf, sizeof(buf));
}

static int with_little(int fd)
{
	char buf[LITTLE_ROOM];

	return answer_and_close(fd, buf, sizeof(buf));
}

static int with_stream(int fd)
{
	char buf[ROOM];

	return answer_stream(fd, buf, sizeof(buf));
}

/* What is large does not belong on the stack of a light task, with which it would be moved. */
static int with_calls_light(int fd)
{
	char *buf = malloc(ROOM);
	int rc = buf != NULL ? answer_and_close(fd, buf, ROOM) : -ENOMEM;

	free(buf);
	return rc;
}

static int with_little_light(int fd)
{
	return with_little(fd);
}

static int with_stream_light(int fd)
{
	char *buf = malloc(ROOM);
	int rc = buf != NULL ? answer_stream(fd, buf, ROOM) : -ENOMEM;

	free(buf);
	return rc;
}

/* ---- the server --------------------------------------------------------------------------- */

enum way { CALLS, LITTLE, STREAM };

static bide_task *start(bide_group *group, bool light, enum way way, int fd)
{
	if (way == CALLS)
		return light ? bide_group_spawn(group, with_calls_light, fd)
		             : bide_group_spawn(group, with_calls, fd);
	if (way == LITTLE)
		return light ? bide_group_spawn(group, with_little_light, fd)
		             : bide_group_spawn(group, with_little, fd);
	return light ? bide_group_spawn(group, with_stream_light, fd)
	             : bide_group_spawn(group, with_stream, fd);
}

static BIDE_ASYNC(int, serve, const struct request *, enum way);

/* n connections, and ends with the last. */
static int serve(const struct request *request, enum way way)
{
	int rc, fd = 0;

	BIDE_GROUP(group, rc) {
		for (long i = 0; i < request->n; i++) {
			fd = bide_accept(STDIN_FILENO, NULL, NULL);
			if (fd < 0)
				break;
			(void)start(group, request->light, way, fd);
		}
		if (fd < 0)
			bide_group_cancel(group);
	}
	return fd < 0 ? fd : rc;
}

static int echo(const struct request *request)
{
	return RUN_ROW(serve, request, request, CALLS);
}

static int echo_little(const struct request *request)
{
	return RUN_ROW(serve, request, request, LITTLE);
}

static int echo_streams(const struct request *request)
{
	return RUN_ROW(serve, request, request, STREAM);
}

const struct row rows_echo[] = {
	{ "echo", echo, "connections to the standard input, whose messages are answered" },
	{ "echo_little", echo_little, "the same with room for 256 bytes, on the stack" },
	{ "echo_streams", echo_streams, "the same with streams" },
	{ NULL, NULL, NULL },
};
