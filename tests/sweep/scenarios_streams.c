// SPDX-License-Identifier: MIT
/* Scenarios with streams, in memory and over sockets. */
#include "sweep/tasks.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Opens two streams that are connected. 0 or an error. */
static int open_over_sockets(bide_stream *ret_pair[2])
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		return -errno;
	int rc = bide_stream_open(fds[0], fds[0], &ret_pair[0]);
	if (rc == 0) {
		rc = bide_stream_open(fds[1], fds[1], &ret_pair[1]);
		if (rc == 0)
			return 0;
		bide_stream_abort(ret_pair[0]);
	} else {
		close(fds[0]);
	}
	close(fds[1]);
	return rc;
}

/* Closes a stream, in whichever state its task is; the first error counts. */
static int close_after(bide_stream *stream, int rc)
{
	int closed = bide_stream_close(stream);
	return rc < 0 ? rc : closed;
}

/* ---- lines -------------------------------------------------------------------------------- */

/* Sends the numbers up to n, a line each, through a write buffer. */
BIDE_ASYNC(int, send_lines, bide_stream *, int);

int send_lines(bide_stream *stream, int n)
{
	tally.entered++;
	int rc = bide_stream_set_write_buffer(stream, 8);
	for (int i = 1; i <= n && rc >= 0; i++) {
		const char line[] = { (char)('0' + i), '\n' };
		rc = (int)bide_stream_write(stream, line, sizeof line);
		HOLDS(rc < 0 || rc == (int)sizeof line);
	}
	rc = close_after(stream, rc < 0 ? rc : 0);
	tally.left++;
	return rc;
}

/* Adds up the numbers that come, a line each, until the end. A sender that is cancelled resets. */
static int add_lines(bide_stream *stream)
{
	int sum = 0, lines = 0;
	char *line;
	ssize_t n;
	while ((n = bide_stream_readline(stream, &line)) > 0) {
		HOLDS(atoi(line) == ++lines);
		sum += atoi(line);
	}
	if (n == -ECONNRESET && sweep_cancels())
		return -ECANCELED;
	return n < 0 ? (int)n : sum;
}

static int lines_through(bide_stream *pair[2])
{
	int rc, sum = 0;
	BIDE_GROUP(group, rc) {
		if (bide_group_spawn(group, send_lines, pair[1], 6) != NULL)
			sum = add_lines(pair[0]);
		if (sum < 0)
			bide_group_cancel(group);
	}
	/* There may have been no memory for the task to begin. */
	if (tally.entered == 0)
		bide_stream_abort(pair[1]);
	rc = close_after(pair[0], rc);
	return rc < 0 ? rc : sum;
}

SCENARIO(lines_in_memory, 21)
{
	bide_stream *pair[2];
	int rc = bide_stream_pair(5, pair);
	return rc < 0 ? rc : lines_through(pair);
}

SCENARIO_WITH(lines_over_sockets, 21, SWEEP_FDS, NULL)
{
	bide_stream *pair[2];
	int rc = open_over_sockets(pair);
	return rc < 0 ? rc : lines_through(pair);
}

/* ---- closing what others are in ----------------------------------------------------------- */

BIDE_ASYNC_LIGHT(int, read_one, bide_stream *);

int read_one(bide_stream *stream)
{
	char c;
	tally.entered++;
	int rc = (int)bide_stream_read(stream, &c, 1);
	tally.left++;
	return rc;
}

BIDE_ASYNC(int, write_much, bide_stream *);

int write_much(bide_stream *stream)
{
	static char much[500000];
	tally.entered++;
	ssize_t n = bide_stream_write(stream, much, sizeof much);
	tally.left++;
	HOLDS(n < (ssize_t)sizeof much);
	return n < 0 ? (int)n : 1;
}

static int close_on_others(bide_stream *pair[2])
{
	bide_task *reader = bide_spawn(read_one, pair[0]);
	bide_task *writer = bide_spawn(write_much, pair[0]);
	int rc = bide_yield();
	int closed = bide_stream_close(pair[0]);
	HOLDS(closed == 0 || closed == -BIDE_ECUT);
	int read = bide_await(int, reader), written = bide_await(int, writer);
	HOLDS(read == -EBADF || sweep_explained(read));
	HOLDS(written == 1 || sweep_explained(written));
	bide_stream_abort(pair[1]);
	if (rc < 0 || (read < 0 && read != -EBADF))
		return rc < 0 ? rc : read;
	return written;
}

SCENARIO(closing_memory_that_others_are_in, 1)
{
	bide_stream *pair[2];
	int rc = bide_stream_pair(0, pair);
	return rc < 0 ? rc : close_on_others(pair);
}

SCENARIO_WITH(closing_sockets_that_others_are_in, 1, SWEEP_FDS, NULL)
{
	bide_stream *pair[2];
	int rc = open_over_sockets(pair);
	return rc < 0 ? rc : close_on_others(pair);
}

/* ---- pieces ------------------------------------------------------------------------------- */

SCENARIO_WITH(pieces_that_grow, 3000, SWEEP_LIGHT_MAIN, NULL)
{
	static const bide_bytes end = { "end", 3 };
	static char piece[997];
	bide_stream *pair[2];
	const void *data;
	int rc = bide_stream_pair(0, pair);
	if (rc < 0)
		return rc;
	memset(piece, 'e', sizeof piece);
	ssize_t n = 0;
	for (int i = 0; i < 9 && n >= 0; i++) {
		n = bide_stream_write(pair[1], piece, sizeof piece);
		if (n >= 0)
			n = bide_stream_peek(pair[0], (size_t)(i + 1) * sizeof piece, &data);
	}
	if (n >= 0)
		n = bide_stream_write(pair[1], "nd", 2);
	if (n >= 0)
		n = bide_stream_read_until(pair[0], &end, 1, &data);
	HOLDS(n < 0 || n == 9 * (ssize_t)sizeof piece + 2);
	rc = close_after(pair[0], n < 0 ? (int)n : 0);
	rc = close_after(pair[1], rc);
	return rc < 0 ? rc : 3000;
}
