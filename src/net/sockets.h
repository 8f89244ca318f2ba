/* SPDX-License-Identifier: MIT */
/* sockets.h: what is asked of sockets on both sides. */
#ifndef BIDE_NET_SOCKETS_H
#define BIDE_NET_SOCKETS_H

#include <bide/stream.h>

#include <sys/socket.h>

/* The address as the system takes it. */
static inline const struct sockaddr *bide__sockaddr(const bide_address *address)
{
	return (const struct sockaddr *)(const void *)address->at.bytes;
}

static inline int bide__family(const bide_address *address)
{
	return address->size >= sizeof(sa_family_t) ? bide__sockaddr(address)->sa_family
	                                            : AF_UNSPEC;
}

/* Sets an option that is a number. 0 or an error. */
int bide__set_option(int fd, int level, int name, int value);

/* Whether a TCP socket sends small writes at once, and after how many seconds of silence it asks
 * whether the other side is there (0: never). Others are left alone. 0 or an error. */
int bide__tune(int fd, int family, bool nagle, int keep_alive);

#endif
