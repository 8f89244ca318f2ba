/* SPDX-License-Identifier: MIT */
/* A socket that listens somewhere, for a proxy to stand before. */
#ifndef FAULT_LISTENER_H
#define FAULT_LISTENER_H

#include "harness/test.h"

#include <netinet/in.h>
#include <sys/socket.h>

static inline int listen_somewhere(int family, struct sockaddr_storage *ret_address,
                                   socklen_t *ret_size)
{
	const struct sockaddr_storage any = { .ss_family = (sa_family_t)family };
	int fd = socket(family, SOCK_STREAM, 0);
	*ret_size = sizeof *ret_address;
	EXPECT_INT(bind(fd, (const struct sockaddr *)&any,
	                family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(sa_family_t)),
	           0);
	EXPECT_INT(listen(fd, 8), 0);
	EXPECT_INT(getsockname(fd, (struct sockaddr *)ret_address, ret_size), 0);
	return fd;
}

#endif
