/* SPDX-License-Identifier: MIT */
/* What tests of names share. NAMES_TEST(name) { … } is a test whose block is the main task of a
 * run, once a full and once a light one, with a server for `zone`, which the file defines, and a
 * resolver that asks it. FOUND(host, family, text) looks a host up and compares: its addresses, a
 * space behind each, or the error. When it is over nothing is being asked. */
#ifndef NAMES_KIT_H
#define NAMES_KIT_H

#include "core/kinds_kit.h"
#include "net/dns_kit.h"
#include "net/ipv6_kit.h"

#include "net/resolver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct dns_record zone[];
static struct dns *server;
static bide_resolver *resolver;

enum { NEGATIVE_TTL = 100 };

/* Opens a resolver that asks the test's server; without options of the test's, with short times. */
static inline bide_resolver *open_resolver(bide_resolver_options options)
{
	bide_resolver *opened = NULL;
	if (options.servers == NULL)
		options.servers = dns_address(server);
	if (options.timeout == 0)
		options.timeout = 2;
	if (options.tries == 0)
		options.tries = 2;
	if (options.domains == NULL)
		options.domains = "";
	if (options.hosts == NULL)
		options.hosts = "";
	EXPECT_INT(bide_resolver_open(&options, &opened), 0);
	return opened;
}

static inline void names_open(void)
{
	server = dns_start(zone, NEGATIVE_TTL);
	resolver = open_resolver((bide_resolver_options){ 0 });
}

static inline void names_close(void)
{
	EXPECT_UINT(resolver->nasking, 0);
	EXPECT_INT(resolver->nsockets, 0);
	EXPECT_UINT(resolver->calls, 0);
	EXPECT_UINT(resolver->lookups.value, BIDE__LOOKUPS_MAX);
	bide_resolver_close(resolver);
	dns_stop(server);
}

#define NAMES_TEST(name) STACKS_TEST(name, names_open(), names_close())

/* The same for what can be done once in a process. */
#define NAMES_TEST_ONCE(name) \
	KINDS_TASKS(name, names_open(), names_close()) \
	TEST(name) \
	{ \
		(void)light_##name; \
		CHECK_INT(bide_try_run(NULL, NULL, full_##name), 0); \
	} \
	static void in_##name(void)

/* The addresses of a host as text, a space behind each; or the error's name. Static. */
static inline const char *found(const char *host, const bide_lookup *lookup)
{
	static char text[16384];
	size_t n = 0;
	bide_addresses *addresses = NULL;
	int rc = bide_getaddrinfo(host, NULL, lookup, &addresses);
	EXPECT((rc == 0) == (addresses != NULL));
	if (rc < 0)
		return bide_strerror(rc);
	text[0] = '\0';
	for (size_t i = 0; i < addresses->count; i++) {
		char one[BIDE_ADDRESS_MAX];
		bide_address_format(&addresses->at[i], one);
		*strrchr(one, ':') = '\0';
		n += (size_t)snprintf(text + n, sizeof text - n, "%s ", one);
	}
	bide_addresses_free(addresses);
	return text;
}

#define FOUND(host, of_family, text) \
	EXPECT_STR(found((host), &(bide_lookup){ .resolver = resolver, .family = (of_family) }), \
	           (text))

/* What a lookup of both families returns; what it finds is dropped. For tasks. */
static inline BIDE_ASYNC(int, look_up, const char *);
static inline BIDE_ASYNC_LIGHT(int, look_up_lightly, const char *);
static inline int look_up(const char *host)
{
	bide_addresses *addresses;
	int rc = bide_getaddrinfo(host, NULL, &(bide_lookup){ .resolver = resolver }, &addresses);
	if (rc == 0)
		bide_addresses_free(addresses);
	return rc;
}

static inline int look_up_lightly(const char *host)
{
	return look_up(host);
}

#endif
