// SPDX-License-Identifier: MIT
/* sockets.c: see sockets.h. Source: tcp(7). */
#include "net/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

int bide__set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* It asks every so many seconds, nine times by default. */
static int keep_alive_after(int fd, int seconds)
{
	int rc = bide__set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	if (rc == 0)
		rc = bide__set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
	if (rc == 0)
		rc = bide__set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds);
	return rc;
}

int bide__tune(int fd, int family, bool nagle, int keep_alive)
{
	int rc = 0;
	if (family != AF_INET && family != AF_INET6)
		return 0;
	if (!nagle)
		rc = bide__set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (rc == 0 && keep_alive > 0)
		rc = keep_alive_after(fd, keep_alive);
	return rc;
}
