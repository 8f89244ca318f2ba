/* SPDX-License-Identifier: MIT */
/* What tests of streams share. STREAMS_TEST(name) { … } is a test whose block is the main task of a
 * run in which two streams are connected: what is written to `far` is read from `near`, and the
 * other way round. It is run over memory, sockets and pipes, or by TCP and the way that fault/way.h
 * tells, by a full and by a light task. A block that closes one of them sets it to NULL. */
#ifndef STREAMS_KIT_H
#define STREAMS_KIT_H

#include "fault/way.h"

#include "core/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static bide_stream *near, *far;

enum { MEMORY, SOCKETS, PIPES, KINDS };
static int kind; /* of the present two */

static inline void open_over_sockets(void)
{
	int fds[2] = { -1, -1 };
	if (way_direct())
		EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	else
		way_connect(fds);
	EXPECT_INT(bide_stream_open(fds[0], fds[0], &near), 0);
	EXPECT_INT(bide_stream_open(fds[1], fds[1], &far), 0);
}

static inline void open_over_pipes(void)
{
	int there[2] = { -1, -1 }, back[2] = { -1, -1 };
	EXPECT_INT(pipe(there), 0);
	EXPECT_INT(pipe(back), 0);
	EXPECT_INT(bide_stream_open(there[0], back[1], &near), 0);
	EXPECT_INT(bide_stream_open(back[0], there[1], &far), 0);
}

static inline void open_streams(void)
{
	bide_stream *pair[2] = { NULL, NULL };
	if (kind == SOCKETS) {
		open_over_sockets();
	} else if (kind == PIPES) {
		open_over_pipes();
	} else {
		EXPECT_INT(bide_stream_pair(0, pair), 0);
		near = pair[0];
		far = pair[1];
	}
}

static inline void close_streams(void)
{
	way_look(near);
	way_look(far);
	bide_stream_abort(near);
	bide_stream_abort(far);
	EXPECT_UINT(bide__loop->in_flight, 0);
	near = far = NULL;
}

/* Writes a text to `far`. */
static inline void put(const char *text)
{
	EXPECT_INT(bide_stream_write(far, text, strlen(text)), (ssize_t)strlen(text));
}

__attribute__((unused)) static BIDE_ASYNC_LIGHT(void, put_after, double, const char *);
__attribute__((unused)) static void put_after(double seconds, const char *text)
{
	if (bide_sleep(seconds) == 0)
		put(text);
}

/* The byte at a place of a stream that goes on for long. */
static inline unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 7 + i / 251);
}

#define STREAMS_TEST(name) \
	WAY_TEST(name, NULL, open_streams(), close_streams(), kind, KINDS, SOCKETS)

#endif
