/* SPDX-License-Identifier: MIT */
#ifndef IPV6_KIT_H
#define IPV6_KIT_H

#include "harness/test.h"
#include "net/ip.h"

#include <sys/socket.h>
#include <unistd.h>

/* Whether this system's loopback has IPv6. */
static inline bool has_ipv6(void)
{
	struct bide__ip ip;
	bide_address address;
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	EXPECT(bide__ip_parse("::1", &ip));
	bide__ip_to_address(&ip, 9, &address);
	bool has = connect(fd, (const struct sockaddr *)address.at.bytes, address.size) == 0;
	close(fd);
	return has;
}

#endif
