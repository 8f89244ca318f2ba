/* SPDX-License-Identifier: MIT */
/* lookup.h: from names to addresses and back, by whatever source. */
#ifndef BIDE_NET_LOOKUP_H
#define BIDE_NET_LOOKUP_H

#include "net/resolver.h"

/* What has been found; all zero: nothing. Both are of the heap. */
struct bide__found {
	struct bide__ip *ips;
	size_t n;
	char *name; /* the host's own; NULL: the one that was looked for */
};

/* Adds an address. 0 or -ENOMEM. */
int bide__found_add(struct bide__found *found, const struct bide__ip *ip);

void bide__found_finish(struct bide__found *found);

/* Looks a valid name up. [suspends] 0, something having been found, or an error. */
int bide__lookup_name(bide_resolver *resolver, const char *host, int family,
                      struct bide__found *ret_found);

/* Looks for the name of an address. [suspends] 0 or an error. */
int bide__lookup_ip(bide_resolver *resolver, const struct bide__ip *ip, char **ret_name);

/* The same by the system, in a thread. [suspends] */
int bide__system_name(const char *host, int family, struct bide__found *ret_found);
int bide__system_ip(const struct bide__ip *ip, char **ret_name);

#endif
