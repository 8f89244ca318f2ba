/* SPDX-License-Identifier: MIT */
/* What tests of calls on descriptors share. CALLS_TEST(name) { … } is a test whose block is the
 * main task of a run with a pair of descriptors open, `ends`: what is written to `out` comes out of
 * `in`. It is run with each kind of pair, by a full and by a light task; when it is over nothing
 * may be in flight. */
#ifndef CALLS_KIT_H
#define CALLS_KIT_H

#include "core/kinds_kit.h"

#include "core/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
	int in, out;
	bool socket;
} ends;

enum { PIPE, NONBLOCKING_PIPE, SOCKETS, NONBLOCKING_SOCKETS, KINDS };
static int kind; /* of the present pair */

static inline void open_ends(void)
{
	int fds[2] = { -1, -1 };
	ends.socket = kind >= SOCKETS;
	if (kind < SOCKETS)
		EXPECT_INT(pipe2(fds, kind == NONBLOCKING_PIPE ? O_NONBLOCK : 0), 0);
	else
		EXPECT_INT(
			socketpair(AF_UNIX,
		                   SOCK_STREAM | (kind == NONBLOCKING_SOCKETS ? SOCK_NONBLOCK : 0),
		                   0, fds),
			0);
	ends.in = fds[0];
	ends.out = fds[1];
}

static inline void close_ends(void)
{
	EXPECT_UINT(bide__loop->in_flight, 0);
	if (ends.in >= 0)
		EXPECT_INT(bide_close(ends.in), 0);
	if (ends.out >= 0)
		EXPECT_INT(bide_close(ends.out), 0);
}

__attribute__((unused)) static BIDE_ASYNC_LIGHT(int, close_after, double, int);
__attribute__((unused)) static int close_after(double seconds, int fd)
{
	int rc = bide_sleep(seconds);
	return rc < 0 ? rc : bide_close(fd);
}

#define CALLS_TEST(name) KINDS_TEST(name, kind, KINDS, open_ends(), close_ends())

#endif
