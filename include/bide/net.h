/* SPDX-License-Identifier: MIT */
/* bide/net.h: hosts and their names.
 *
 * A library of its own, libbide-net (pkg-config: bide-net), as it needs c-ares. */
#ifndef BIDE_NET_H
#define BIDE_NET_H

#include <bide/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What asks name servers. It belongs to the thread on which it was opened. */
typedef struct bide_resolver bide_resolver;

/** Options of a resolver; all zero are the defaults. */
typedef struct bide_resolver_options {
	const char *servers; /**< whom to ask, in this order: "192.0.2.1,[2001:db8::1]:5353"; NULL:
	                          those of /etc/resolv.conf */
	double timeout; /**< seconds to wait for the first server's answer; for the next ones more;
	                     0: what /etc/resolv.conf says, or 5 */
	int tries;      /**< how often each server is asked; 0: what /etc/resolv.conf says, or 4 */
} bide_resolver_options;

/** Opens a resolver. It reads the system's configuration, once.
 *
 *  @param options      the options, or NULL for the defaults; copied.
 *  @param ret_resolver gets the resolver; untouched on failure.
 *  @return 0; -EINVAL for servers that are no addresses, a timeout that is negative or NaN, or
 *          negative tries; -ENOMEM; or what reading the configuration fails with. */
BIDE_API BIDE_CHECKED int bide_resolver_open(const bide_resolver_options *options,
                                             bide_resolver **ret_resolver) BIDE__NOTHROW;

/** Closes a resolver; NULL is none. */
BIDE_API void bide_resolver_close(bide_resolver *resolver) BIDE__NOTHROW;

#ifdef __cplusplus
}
#endif
#endif
