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

static BIDE_ASYNC(int, connection, int);
static BIDE_ASYNC_LIGHT(int, connection_light, int);
static BIDE_ASYNC(int, connection_little, int);
static BIDE_ASYNC_LIGHT(int, connection_little_light, int);

static int connection(int fd)
{
	char buf[ROOM];
	int rc = answer(fd, buf, sizeof(buf));

	(void)bide_close(fd);
	return rc;
}

/* What lies on its stack would be moved with it. */
static int connection_light(int fd)
{
	char *buf = malloc(ROOM);
	int rc = buf != NULL ? answer(fd, buf, ROOM) : -ENOMEM;

	free(buf);
	(void)bide_close(fd);
	return rc;
}

static int connection_little(int fd)
{
	char buf[LITTLE_ROOM];
	int rc = answer(fd, buf, sizeof(buf));

	(void)bide_close(fd);
	return rc;
}

static int connection_little_light(int fd)
{
	return connection_little(fd);
}

static bide_task *start(bide_group *group, const struct request *request, bool little, int fd)
{
	if (little)
		return request->light ? bide_group_spawn(group, connection_little_light, fd)
		                      : bide_group_spawn(group, connection_little, fd);
	return request->light ? bide_group_spawn(group, connection_light, fd)
	                      : bide_group_spawn(group, connection, fd);
}

static BIDE_ASYNC(int, serve, const struct request *, bool);

/* n connections, and ends with the last. */
static int serve(const struct request *request, bool little)
{
	int rc;

	BIDE_GROUP(group, rc) {
		for (long i = 0; i < request->n; i++) {
			int fd = bide_accept(STDIN_FILENO, NULL, NULL);

			if (fd < 0)
				bide_fail(fd);
			(void)start(group, request, little, fd);
		}
	}
	return rc;
}

static int echo(const struct request *request)
{
	return RUN_ROW(serve, request, request, false);
}

static int echo_little(const struct request *request)
{
	return RUN_ROW(serve, request, request, true);
}

const struct row rows_echo[] = {
	{ "echo", echo,
	  "connections to the standard input, which are answered; room for 4096 bytes" },
	{ "echo_little", echo_little, "the same with room for 256 bytes, on the stack" },
	{ NULL, NULL, NULL },
};
