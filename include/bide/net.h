/* SPDX-License-Identifier: MIT */
/* bide/net.h: hosts, their names and addresses.
 *
 *     bide_addresses *found;
 *     int rc = bide_getaddrinfo("www.example.org", "https", NULL, &found);
 *     for (size_t i = 0; rc == 0 && i < found->count; i++)
 *             puts(bide_address_format(&found->at[i], (char[BIDE_ADDRESS_MAX]){ 0 }));
 *     if (rc == 0)
 *             bide_addresses_free(found);
 *
 * Names are looked for in /etc/hosts, and then asked for at name servers, by the loop itself: no
 * thread is used. Answers are kept as long as they are good, and who asks what is being asked
 * already waits for the same answer. Other sources, as LDAP or mDNS, are asked by a resolver with
 * the option `system`.
 *
 * A library of its own, libbide-net (pkg-config: bide-net), as it needs c-ares. */
#ifndef BIDE_NET_H
#define BIDE_NET_H

#include <bide/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What looks names up, and keeps the answers. It belongs to the thread on which it was opened. */
typedef struct bide_resolver bide_resolver;

/** Options of a resolver; all zero are the defaults. */
typedef struct bide_resolver_options {
	const char *servers; /**< whom to ask, in this order: "192.0.2.1,[2001:db8::1]:5353"; NULL:
	                          those of the configuration */
	const char *domains; /**< what to put behind a name: "a.example b.example"; "": nothing;
	                          NULL: those of the configuration */
	const char *config;  /**< the configuration, read again when it has changed; NULL:
	                          "/etc/resolv.conf" */
	const char *hosts;   /**< a file as of hosts(5), read again when it has changed; "": none;
	                          NULL: "/etc/hosts" */
	double timeout;      /**< seconds to wait for the first server's answer, and for the next
	                          ones more; 0: what the configuration says, or 5 */
	int tries;           /**< how often each server is asked; 0: what the configuration says, or
	                          what c-ares does (3 or 4 times) */
	int ndots;           /**< a name with so many dots is tried as it is before domains are put
	                          behind it; 0: what the configuration says, or 1 */
	int cache;           /**< how many answers to keep at most; 0: 1000; -1: none */
	bool rotate;         /**< begins with another server each time */
	bool system;         /**< looks names up as the system does, by getaddrinfo(3) in a thread;
	                          the other options mean nothing */
} bide_resolver_options;

/** Opens a resolver. Without one, calls use that of their loop, which is opened with the defaults
 *  when it is first needed and closed with the loop.
 *
 *  @param options      the options, or NULL for the defaults; copied.
 *  @param ret_resolver gets the resolver; untouched on failure.
 *  @return 0; -EINVAL for servers that are no addresses, or numbers that mean nothing; -ENOMEM; or
 *          -EIO when the configuration cannot be read. */
BIDE_API BIDE_CHECKED int bide_resolver_open(const bide_resolver_options *options,
                                             bide_resolver **ret_resolver) BIDE__NOTHROW;

/** Closes a resolver; NULL is none. Aborts while calls are in it, or on another thread. */
BIDE_API void bide_resolver_close(bide_resolver *resolver) BIDE__NOTHROW;

/** How a name is to be looked up; all zero are the defaults. */
typedef struct bide_lookup {
	bide_resolver *resolver; /**< NULL: the loop's own */
	int family;              /**< AF_INET or AF_INET6; 0: both */
	bool passive; /**< without a host: addresses to listen on, rather than this machine's own */
	bool numeric; /**< the host must be an address: nobody is asked */
	bool datagram; /**< the service is one of UDP, rather than of TCP */
} bide_lookup;

/** What a name stands for. */
typedef struct bide_addresses {
	size_t count;           /**< of addresses, > 0 */
	const bide_address *at; /**< them, in the order in which they are to be tried (RFC 6724) */
	const char *name;       /**< the host's own name, if what was asked for is an alias */
} bide_addresses;

/** Finds the addresses of a host. [suspends] unless the host is an address.
 *
 *  @param host    a name, or an address as "192.0.2.1", "2001:db8::1" or "fe80::1%eth0"; NULL: this
 *                 machine. Names outside ASCII are to be given as "xn--…".
 *  @param service a port, as a number or by its name in services(5); NULL: 0.
 *  @param lookup  how to look it up, or NULL for the defaults.
 *  @param ret_addresses gets what was found, to be freed by bide_addresses_free(); untouched on
 *                 failure.
 *  @return 0, or:
 *          -BIDE_ENOHOST     there is no such name
 *          -BIDE_ENOADDRESS  there is, but it has no address of the family
 *          -BIDE_ENOANSWER   no server answered in time
 *          -BIDE_ENOSERVER   none can be reached
 *          -BIDE_ESERVFAIL, -BIDE_EREFUSED  those that can have failed, or refuse
 *          -BIDE_EBADANSWER  an answer makes no sense
 *          -BIDE_EBADNAME    no host can have the name; or an address was asked for
 *          -BIDE_ENOSERVICE  there is no such service
 *          -EAFNOSUPPORT     another family was asked for
 *          -ENOMEM; those of bide_wait_fd() and epoll_create(2); those of bide_resolver_open() for
 *          the loop's own; with `system` those of bide_try_to_thread(); or the cancellation.
 *          What is asked goes on only if somebody else waits for it. */
BIDE_API BIDE_CHECKED int bide_getaddrinfo(const char *host, const char *service,
                                           const bide_lookup *lookup,
                                           bide_addresses **ret_addresses) BIDE__NOTHROW;

/** Frees what bide_getaddrinfo() found; NULL is taken. [threadsafe] */
BIDE_API void bide_addresses_free(bide_addresses *addresses) BIDE__NOTHROW;

/** Room for any host's name, or address as text; and for that of any service. */
#define BIDE_HOST_MAX 256
#define BIDE_SERVICE_MAX 64

/** Finds the names of an address and of its port, asyncio's getnameinfo. [suspends]
 *
 *  @param lookup      `resolver`, `numeric`: nobody is asked, and `datagram`; or NULL.
 *  @param ret_host    BIDE_HOST_MAX bytes for the host's name, or for the address as text with
 *                     `numeric`, or when it has no name; or NULL.
 *  @param ret_service BIDE_SERVICE_MAX bytes for the service, by its number with `numeric`, or when
 *                     it has no name; or NULL.
 *  @return 0; -EAFNOSUPPORT for an address of another family; or as of bide_getaddrinfo(), but not
 *          -BIDE_ENOHOST; both are untouched on failure. */
BIDE_API BIDE_CHECKED int bide_getnameinfo(const bide_address *address, const bide_lookup *lookup,
                                           char *ret_host, char *ret_service) BIDE__NOTHROW;

#ifdef __cplusplus
}
#endif
#endif
