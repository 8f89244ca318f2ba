/* SPDX-License-Identifier: MIT */
/* A bad network: a proxy between clients and a server of this process, in a thread of its own. What
 * it does to the bytes of each direction is said by a rule; the k-th connection has the k-th rules.
 *
 * It uses poll(2) and nothing of the library, so that a fault of that cannot hide itself. */
#ifndef PROXY_H
#define PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* What happens to a direction once so many bytes have passed. */
enum proxy_action {
	PROXY_PASS,  /* nothing: it goes on */
	PROXY_END,   /* its receiver sees the end; what comes is thrown away */
	PROXY_CLOSE, /* both receivers do */
	PROXY_RESET, /* both sides are reset */
	PROXY_STALL, /* nothing is taken any more: its sender runs into back-pressure */
	PROXY_DROP   /* all that comes is thrown away, the end too */
};

struct proxy_rule {
	size_t piece;             /* passed at once at most; 0: all there is */
	unsigned delay_us;        /* from one piece to the next */
	size_t until;             /* both only for so many bytes; 0: for all */
	size_t gather;            /* so many are collected first, or all up to the end */
	enum proxy_action action; /* done when */
	size_t after;             /* so many bytes have passed */
};

/* Of a connection. */
struct proxy_rules {
	struct proxy_rule to_server, to_client;
};

/* Bytes that have passed, in all connections. */
struct proxy_count {
	size_t to_server, to_client;
};

struct proxy;

/* Starts one that listens where it likes, in the server's address family, and connects to the
 * server for each of at most n connections. NULL when something is not to be had. */
struct proxy *proxy_start(const struct sockaddr *server, socklen_t size,
                          const struct proxy_rules *rules, int n);

/* Where clients are to connect to. */
const struct sockaddr *proxy_address(const struct proxy *proxy, socklen_t *ret_size);

/* Whether it has done to a connection what is done once so many bytes have passed. */
bool proxy_has_acted(const struct proxy *proxy);

/* Closes all connections and ends the thread. ret_count may be NULL. */
void proxy_stop(struct proxy *proxy, struct proxy_count *ret_count);

#endif
