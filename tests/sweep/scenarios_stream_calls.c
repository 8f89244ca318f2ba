// SPDX-License-Identifier: MIT
/* Scenarios with streams over descriptors, of which every system call is the library's: see
 * scenarios_calls.c. Who fails closes his stream, so that nobody waits for him. */
#include "sweep/calls.h"
#include "sweep/tasks.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINES = 4, SUM = LINES * (LINES + 1) / 2 };

/* ---- opening and closing ------------------------------------------------------------------ */

static int close_stream(bide_stream *stream, int rc)
{
	int closed = bide_stream_close(stream);
	return rc < 0 ? rc : closed;
}

static int open_both(int in[2], int out[2], bide_stream *ret_pair[2])
{
	int rc = bide_stream_open(in[0], out[0], &ret_pair[0]);
	if (rc < 0)
		return rc;
	rc = bide_stream_open(in[1], out[1], &ret_pair[1]);
	if (rc < 0)
		bide_stream_abort(ret_pair[0]);
	return rc;
}

static int open_over_sockets(bide_stream *ret_pair[2])
{
	int fds[2];
	calls_pause();
	int rc = socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 ? -errno
	                                                      : open_both(fds, fds, ret_pair);
	calls_resume();
	return rc;
}

static int open_over_pipes(bide_stream *ret_pair[2])
{
	int there[2], back[2];
	calls_pause();
	int rc = pipe(there) < 0 || pipe(back) < 0
	                 ? -errno
	                 : open_both((int[]){ there[0], back[0] }, (int[]){ back[1], there[1] },
	                             ret_pair);
	calls_resume();
	return rc;
}

/* What the failure of the other side comes to here. */
static int or_cancelled(ssize_t rc)
{
	const bool gone =
		rc == -EPIPE || rc == -ECONNRESET || rc == -BIDE_ECUT || rc == -BIDE_EINCOMPLETE;
	return gone && !sweep_explained((int)rc) ? -ECANCELED : (int)rc;
}

/* ---- lines to and fro --------------------------------------------------------------------- */

/* A part counts as a failure: the next write tells which. */
static int write_whole(bide_stream *stream, const char *text)
{
	ssize_t n = bide_stream_write(stream, text, strlen(text));
	return n >= 0 && n < (ssize_t)strlen(text) ? (int)bide_stream_write(stream, text, 1)
	                                           : (int)n;
}

static int echo_lines(bide_stream *stream)
{
	char text[16], *line;
	ssize_t n;
	int rc = 0;
	while (rc >= 0 && (n = bide_stream_readline(stream, &line)) != 0) {
		if (n < 0)
			return (int)n;
		snprintf(text, sizeof text, "%s\r\n", line);
		rc = write_whole(stream, text);
	}
	return rc < 0 ? rc : bide_stream_shutdown(stream);
}

BIDE_ASYNC_LIGHT(int, serve_lines, bide_stream *);
int serve_lines(bide_stream *stream)
{
	tally.entered++;
	int rc = close_stream(stream, echo_lines(stream));
	tally.left++;
	return or_cancelled(rc);
}

static int write_numbers(bide_stream *stream)
{
	char text[16];
	int rc = bide_stream_set_write_buffer(stream, 5);
	for (int i = 1; i <= LINES && rc >= 0; i++) {
		snprintf(text, sizeof text, "%d\n", i);
		rc = write_whole(stream, text);
	}
	return rc < 0 ? rc : bide_stream_shutdown(stream);
}

static int read_numbers(bide_stream *stream)
{
	static const bide_bytes end = { "\r\n", 2 };
	const void *data;
	int sum = 0;
	ssize_t n;
	while ((n = bide_stream_read_until(stream, &end, 1, &data)) > 0) {
		HOLDS(n == 3);
		sum += *(const char *)data - '0';
	}
	return n < 0 ? (int)n : sum;
}

static int talk(bide_stream *stream)
{
	int rc = write_numbers(stream);
	int sum = rc < 0 ? rc : read_numbers(stream);
	/* An end before the last is the other side's failure. */
	return sum >= 0 && sum < SUM ? -ECANCELED : or_cancelled(sum);
}

static int lines_through(bide_stream *pair[2])
{
	int rc, result = 0;
	BIDE_GROUP(group, rc) {
		if (bide_group_spawn(group, serve_lines, pair[1]) == NULL)
			bide_stream_abort(pair[1]);
		result = talk(pair[0]);
		int closed = bide_stream_close(pair[0]);
		result = closed < 0 && result >= 0 ? closed : result;
	}
	return rc < 0 ? rc : result;
}

SCENARIO_WITH(lines_to_and_fro_over_sockets, SUM, SWEEP_FDS, NULL)
{
	bide_stream *pair[2];
	int rc = open_over_sockets(pair);
	return rc < 0 ? rc : lines_through(pair);
}

SCENARIO_WITH(lines_to_and_fro_over_pipes, SUM, SWEEP_FDS, NULL)
{
	bide_stream *pair[2];
	int rc = open_over_pipes(pair);
	return rc < 0 ? rc : lines_through(pair);
}

SCENARIO_WITH(lines_to_and_fro_by_light_tasks, SUM, SWEEP_FDS | SWEEP_LIGHT_MAIN, NULL)
{
	bide_stream *pair[2];
	int rc = open_over_sockets(pair);
	return rc < 0 ? rc : lines_through(pair);
}

/* ---- closing what others are in ----------------------------------------------------------- */

BIDE_ASYNC_LIGHT(int, read_frame, bide_stream *);
int read_frame(bide_stream *stream)
{
	char frame[100];
	tally.entered++;
	int rc = (int)bide_stream_read_exactly(stream, frame, sizeof frame);
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

static bool is_turned_out(int rc)
{
	return rc == -EBADF;
}

/* Both are told, with what they had done, or that the stream is gone. */
SCENARIO_WITH(a_close_on_a_reader_and_a_writer, 1, SWEEP_FDS, NULL)
{
	bide_stream *pair[2];
	int rc = open_over_sockets(pair);
	if (rc < 0)
		return rc;
	bide_task *reader = bide_spawn(read_frame, pair[0]);
	bide_task *writer = bide_spawn(write_much, pair[0]);
	rc = bide_sleep(0.0001);
	int closed = bide_stream_close(pair[0]);
	if (closed == -BIDE_ECUT)
		closed = 0; /* as the writer is told, too */
	int read = bide_await(int, reader), written = bide_await(int, writer);
	HOLDS(is_turned_out(read) || (read < 0 && sweep_explained(read)));
	HOLDS(written == 1 || is_turned_out(written) || sweep_explained(written));
	int aborted = bide_stream_close(pair[1]);
	const int results[] = { rc, closed, is_turned_out(read) ? 0 : read,
		                is_turned_out(written) ? 0 : written, aborted };
	for (size_t i = 0; i < sizeof results / sizeof results[0]; i++)
		if (results[i] < 0)
			return results[i];
	return 1;
}

/* ---- many that wait ----------------------------------------------------------------------- */

struct reader {
	bide_stream *pair[2];
	bide_task *task;
};

/* Has so many wait. 0 or an error. */
static int begin_to_read(struct reader *readers, int n)
{
	for (int i = 0; i < n; i++) {
		int rc = open_over_sockets(readers[i].pair);
		if (rc < 0)
			return rc;
		readers[i].task = bide_spawn(read_frame, readers[i].pair[0]);
	}
	return bide_sleep(0.0001);
}

/* Sends each a byte and the end. The first error, or 0. */
static int end_reading(struct reader *readers, int n)
{
	int error = 0;
	for (int i = 0; i < n; i++) {
		int put = (int)bide_stream_write(readers[i].pair[1], "x", 1);
		int closed = bide_stream_close(readers[i].pair[1]);
		int got = bide_await(int, readers[i].task);
		HOLDS(got == 1 || sweep_explained(got) || (got == 0 && put < 0));
		const int results[] = { put, closed, got, bide_stream_close(readers[i].pair[0]) };
		for (int k = 0; k < 4 && error == 0; k++)
			error = results[k] < 0 ? results[k] : 0;
	}
	return error;
}

/* So many that the last, whose calls are counted, wait without a buffer. */
SCENARIO_WITH(readers_that_have_no_buffer, 1, SWEEP_FDS, NULL)
{
	enum { FIRST = 64, LAST = 3 };
	static struct reader first[FIRST], last[LAST];
	calls_pause();
	int rc = begin_to_read(first, FIRST);
	calls_resume();
	if (rc == 0)
		rc = begin_to_read(last, LAST);
	int ended = end_reading(last, LAST);
	calls_pause();
	int others = end_reading(first, FIRST);
	calls_resume();
	return rc < 0 ? rc : ended < 0 ? ended : others < 0 ? others : 1;
}
