/* SPDX-License-Identifier: MIT */
/* ip.h: an address of a host, without a port. */
#ifndef BIDE_NET_IP_H
#define BIDE_NET_IP_H

#include <bide/stream.h>

enum { BIDE__IP_MAX = 16 }; /* bytes of an address */

struct bide__ip {
	int family; /* AF_INET or AF_INET6 */
	unsigned char bytes[BIDE__IP_MAX];
	uint32_t zone; /* the interface of a link-local one, or 0 */
};

/* Bytes that an address of a family has. */
size_t bide__ip_size(int family);

/* Reads an address as inet_pton(3) does, and a zone as in "fe80::1%eth0". */
bool bide__ip_parse(const char *text, struct bide__ip *ret_ip);

/* Makes the address of a socket, with a port. */
void bide__ip_to_address(const struct bide__ip *ip, unsigned port, bide_address *ret_address);

/* The other way; false for what is no address of the two families. */
bool bide__ip_of_address(const bide_address *address, struct bide__ip *ret_ip, unsigned *ret_port);

/* A socket by which is found out how this machine gets somewhere. */
struct bide__route {
	int fd; /* -1: to be opened when needed */
	bool connected;
};

/* Of IPv4 and IPv6. */
struct bide__routes {
	struct bide__route of[2];
};

void bide__routes_init(struct bide__routes *routes);
void bide__routes_close(struct bide__routes *routes);

/* Puts addresses in the order in which they are to be tried, by RFC 6724, with regard to the routes
 * that there are. If none can be reached any of them may be the first. */
void bide__ip_sort(struct bide__routes *routes, struct bide__ip *ips, size_t n);

#endif
