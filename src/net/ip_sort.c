// SPDX-License-Identifier: MIT
/* ip_sort.c: in which order the addresses of a host are to be tried.
 *
 * Source: RFC 6724. The source address that the system would use to each is found out by connecting
 * a datagram socket, which sends nothing; where that cannot change the order it is left out, as it
 * costs as much as asking a name server. Rules 3, 4 and 7 ask for what that does not tell. */
#include "net/ip.h"

#include "core/beside.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

enum { FAMILIES = 2, PORT = 9, NETWORK_BITS = 64 };

/* An address, IPv4 ones in the form ::ffff:a.b.c.d, and how this machine gets there. */
struct way {
	struct bide__ip ip;
	unsigned char to[BIDE__IP_MAX], from[BIDE__IP_MAX];
	bool found; /* it is known, */
	bool usable;
};

/* The policy table of section 2.1, its longest prefixes first. */
static const struct {
	unsigned char prefix[BIDE__IP_MAX];
	int bits, precedence, label;
} policy[] = {
	{ { [15] = 1 }, 128, 50, 0 },  { { [10] = 0xff, [11] = 0xff }, 96, 35, 4 },
	{ { 0 }, 96, 1, 3 },           { { 0x20, 0x01 }, 32, 5, 5 },
	{ { 0x20, 0x02 }, 16, 30, 2 }, { { 0x3f, 0xfe }, 16, 1, 12 },
	{ { 0xfe, 0xc0 }, 10, 1, 11 }, { { 0xfc }, 7, 3, 13 },
	{ { 0 }, 0, 40, 1 },
};

/* ---- what is to be compared --------------------------------------------------------------- */

/* Bits that two addresses have in common, from the left. */
static int common_bits(const unsigned char *a, const unsigned char *b)
{
	int i = 0;
	while (i < BIDE__IP_MAX && a[i] == b[i])
		i++;
	if (i == BIDE__IP_MAX)
		return 8 * BIDE__IP_MAX;
	return 8 * i + __builtin_clz((unsigned)(a[i] ^ b[i])) - 24;
}

static int policy_of(const unsigned char *address)
{
	int i = 0;
	while (common_bits(address, policy[i].prefix) < policy[i].bits)
		i++;
	return i;
}

/* Section 3.1, and 3.2 for IPv4: how far an address means something. */
static int scope_of(const unsigned char *a)
{
	enum { LINK = 2, SITE = 5, GLOBAL = 14 };
	static const unsigned char loopback[BIDE__IP_MAX] = { [15] = 1 };
	if (policy_of(a) == 1)
		return a[12] == 127 || (a[12] == 169 && a[13] == 254) ? LINK : GLOBAL;
	if (a[0] == 0xff)
		return a[1] & 15;
	if (memcmp(a, loopback, sizeof(loopback)) == 0 || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80))
		return LINK;
	return a[0] == 0xfe && (a[1] & 0xc0) == 0xc0 ? SITE : GLOBAL;
}

static bool label_matches(const struct way *way)
{
	return policy[policy_of(way->to)].label == policy[policy_of(way->from)].label;
}

/* Section 2.2: what is behind the network tells nothing of how near an address is, and would have
 * all go to the same one of several. */
static int common_prefix(const struct way *way)
{
	const int bits = common_bits(way->to, way->from);
	return bits < NETWORK_BITS ? bits : NETWORK_BITS;
}

/* Section 6: greater than 0 when @p b is to be tried before @p a. */
static int compare(const struct way *a, const struct way *b)
{
	const int scope_a = scope_of(a->to), scope_b = scope_of(b->to);
	if (a->usable != b->usable)
		return b->usable - a->usable;
	if (!a->usable)
		return 0;
	int difference = (scope_b == scope_of(b->from)) - (scope_a == scope_of(a->from));
	if (difference == 0)
		difference = label_matches(b) - label_matches(a);
	if (difference == 0)
		difference =
			policy[policy_of(b->to)].precedence - policy[policy_of(a->to)].precedence;
	if (difference == 0)
		difference = scope_a - scope_b;
	if (difference == 0 && a->ip.family == AF_INET6 && b->ip.family == AF_INET6)
		difference = common_prefix(b) - common_prefix(a);
	return difference;
}

/* ---- how to get there --------------------------------------------------------------------- */

static void map(const struct bide__ip *ip, unsigned char *ret_mapped)
{
	if (ip->family == AF_INET6) {
		memcpy(ret_mapped, ip->bytes, BIDE__IP_MAX);
		return;
	}
	memset(ret_mapped, 0, BIDE__IP_MAX);
	memset(ret_mapped + 10, 0xff, 2);
	memcpy(ret_mapped + 12, ip->bytes, 4);
}

/* Finds out from which address the system would send. A socket that has been connected is let go
 * of that before: it would keep its source. */
static bool find_source(struct bide__route *route, const struct bide__ip *ip,
                        struct bide__ip *ret_source)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	bide_address to, from = { 0 };
	socklen_t size = sizeof(from.at);
	unsigned port;
	bide__ip_to_address(ip, PORT, &to);
	if (route->fd < 0)
		route->fd = socket(ip->family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (route->fd < 0 || (route->connected && connect(route->fd, &none, sizeof(none)) < 0))
		return false;
	route->connected = connect(route->fd, (const struct sockaddr *)to.at.bytes, to.size) == 0;
	if (!route->connected ||
	    getsockname(route->fd, (struct sockaddr *)from.at.bytes, &size) < 0)
		return false;
	from.size = size;
	return bide__ip_of_address(&from, ret_source, &port);
}

static void find_way(struct bide__routes *routes, struct way *way)
{
	struct bide__ip source;
	if (way->found)
		return;
	way->found = true;
	way->usable = find_source(&routes->of[way->ip.family == AF_INET6], &way->ip, &source);
	if (way->usable)
		map(&source, way->from);
}

void bide__routes_init(struct bide__routes *routes)
{
	for (int i = 0; i < FAMILIES; i++)
		routes->of[i] = (struct bide__route){ .fd = -1 };
}

void bide__routes_close(struct bide__routes *routes)
{
	for (int i = 0; i < FAMILIES; i++)
		if (routes->of[i].fd >= 0)
			(void)close(routes->of[i].fd);
	bide__routes_init(routes);
}

/* ---- sorting ------------------------------------------------------------------------------ */

/* Whether @p b would not come before @p a from whatever address the system sends to it: it cannot
 * be better than with its own one. */
static bool cannot_come_before(const struct way *a, const struct way *b)
{
	struct way best = *b;
	best.usable = true;
	memcpy(best.from, best.to, sizeof(best.from));
	return compare(a, &best) <= 0;
}

static bool comes_before(struct bide__routes *routes, struct way *a, struct way *b)
{
	find_way(routes, a);
	if (!b->found && cannot_come_before(a, b))
		return false;
	find_way(routes, b);
	return compare(a, b) > 0;
}

void bide__ip_sort(struct bide__routes *routes, struct bide__ip *ips, size_t n)
{
	struct way *ways = n > 1 ? bide__malloc(n * sizeof(*ways)) : NULL;
	if (ways == NULL)
		return;
	/* By insertion, which keeps the order of equal ones: they are few. */
	for (size_t i = 0; i < n; i++) {
		struct way way = { .ip = ips[i] };
		size_t at = i;
		map(&way.ip, way.to);
		for (; at > 0 && comes_before(routes, &ways[at - 1], &way); at--)
			ways[at] = ways[at - 1];
		ways[at] = way;
	}
	for (size_t i = 0; i < n; i++)
		ips[i] = ways[i].ip;
	bide__free(ways);
}
