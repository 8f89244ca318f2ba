/* SPDX-License-Identifier: MIT */
/* bide/connect.h: connections to hosts and to Unix sockets, as streams.
 *
 *     bide_stream *stream;
 *     int rc = bide_open_connection("www.example.org", "80", NULL, &stream);
 *
 * A host may have several addresses, of IPv4 and of IPv6, some of which cannot be reached. They are
 * tried by turns, and the next one without waiting long for the one before ("happy eyeballs",
 * RFC 8305): the first connection that comes about is the one.
 *
 * Part of libbide-net (pkg-config: bide-net). */
#ifndef BIDE_CONNECT_H
#define BIDE_CONNECT_H

#include <bide/net.h>
#include <bide/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One address that was tried, and what came of it. */
typedef struct bide_attempt {
	bide_address address; /**< none (size 0) in what is left of an array */
	int error;            /**< why there is no connection to it; 0: it was not tried */
} bide_attempt;

/** Options of a connection; all zero are the defaults. */
typedef struct bide_connection_options {
	double delay;      /**< seconds after which the next address is tried, too, though
	                                those before have not failed yet; 0: 0.25, which RFC 8305
	                                recommends; INFINITY: each when the one before has failed */
	const char *local; /**< address of this side, as bide_address_parse() reads it, whose
	                                port may be 0, or NULL; addresses of another family are of
	                                no use then */
	const bide_lookup *lookup; /**< how the host is looked up, as for one family, or NULL */
	int keep_alive;            /**< TCP asks after so many seconds of silence whether the other
	                                side is still there; 0: never */
	bool nagle;                /**< small writes may wait to be sent together: no TCP_NODELAY */
	bide_attempt *attempts;    /**< an array of the caller's, or NULL: gets, on failure, what
	                                came of each address, in the order in which they were to be
	                                tried */
	size_t n_attempts;         /**< how many it has room for */
} bide_connection_options;

/** Connects to a host; asyncio's open_connection. [suspends]
 *
 *  @param host    a name or an address; or "unix:/path" or "unix:@name".
 *  @param service a port, as a number or by its name; NULL for a Unix socket.
 *  @param options the options, or NULL for the defaults.
 *  @param ret_stream gets the stream, the caller's to close; untouched on failure.
 *  @return 0, or:
 *          -ECONNREFUSED  nobody listens there
 *          -EHOSTUNREACH, -ENETUNREACH  there is no way to there
 *          -ETIMEDOUT     no answer came, for as long as the system waits; a deadline of one's own
 *                         is a BIDE_TIMEOUT block
 *          -ENOENT        there is no such Unix socket
 *          -EINVAL        a delay that is negative or NaN, or a local address that is none
 *          -ENOMEM, -EMFILE, -ENFILE; others of bide_getaddrinfo(), socket(2), bind(2) and
 *          connect(2); or the cancellation. Of several addresses, it is the error of the first to
 *          which there is a way, if there is one. */
BIDE_API BIDE_CHECKED int bide_open_connection(const char *host, const char *service,
                                               const bide_connection_options *options,
                                               bide_stream **ret_stream) BIDE__NOTHROW;

/** As bide_open_connection(), to the first of @p n addresses that can be connected to; those of the
 *  two families by turns. [suspends] -EINVAL for none. */
BIDE_API BIDE_CHECKED int bide_connect_any(const bide_address *addresses, size_t n,
                                           const bide_connection_options *options,
                                           bide_stream **ret_stream) BIDE__NOTHROW;

#ifdef __cplusplus
}
#endif
#endif
