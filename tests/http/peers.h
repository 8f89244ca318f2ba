/* SPDX-License-Identifier: MIT */
/* Servers of HTTP by others, each with the same places, as far as it can have them:
 *
 *     /files/N        a file of N bytes, byte_at(0) and so on
 *     /chunked/N      the same, without a length ahead of it
 *     /close/N        the same, up to the end of the connection
 *     /packed/N       the same, compressed if that is accepted
 *     /echo           the body of the request
 *     /to/S           a redirect to /echo by status S
 *     /204            no content
 *     /large-head     "large", with a field X-Large of LARGE_FIELD times h
 *     /slow           nothing, for a long time
 *     /stall          half of a body, and nothing more for a long time
 *     /cut            the same, and then the end of the connection; /cut-chunked without a length
 *
 * Each response has X-Connection, by which who answers tells connections from each other, and
 * X-Method, the method that has reached it. Other paths are answered by 404. */
#ifndef HTTP_PEERS_H
#define HTTP_PEERS_H

#include "http/programs.h"

#include <bide/tls.h>
#include <stddef.h>

enum { LARGE_FIELD = 7000 };

enum peer_can {
	CAN_ECHO = 1 << 0,
	CAN_CLOSE = 1 << 1,  /* /close */
	CAN_PACK = 1 << 2,   /* /packed by gzip */
	CAN_BROTLI = 1 << 3, /* and by brotli */
	CAN_WAIT = 1 << 4,   /* /slow and /stall */
	CAN_CUT = 1 << 5,    /* /cut and /cut-chunked */
	CAN_REFUSE = 1 << 6  /* it is a proxy, which wants a password */
};

/* What a server is. */
struct peer_kind {
	const char *name;
	const char *missing; /* why its tests are skipped when it is not there */
	/* Finds it, defines @PROGRAM@, and writes what it needs. Of what it can do only a part may
	 * be had here; 0 when it is not there. */
	unsigned (*prepare)(void);
	const char *arguments[10];      /* of @PROGRAM@, to be filled */
	const struct peer_kind *behind; /* to be started, too, which this one passes requests to */
	bool proxy;                     /* that one is asked, by way of this one */
	double late; /* so many seconds later than it is told it closes an idle connection */
};

extern const struct peer_kind peer_kinds[];
enum { PEER_KINDS = 7 };

/* One that runs. */
struct peer {
	unsigned can; /* enum peer_can */
	int port, tls_port;
	char proxy[64]; /* the URL of the proxy, or "" */
	struct program program, behind;
};

/* Starts one that keeps idle connections for so long. False if it is not there, `missing` being the
 * reason, or if it does not begin to serve, which fails the test. */
bool peer_start(struct peer *peer, const struct peer_kind *kind, double idle);

void peer_end(struct peer *peer);

/* Makes one more file for servers to send, of a size that is not among the usual ones. */
void peer_add_file(size_t size);

enum { PATTERN_PERIOD = 251 * 256 };

/* What files are made of: from wherever it begins, a period of it is there. Twice a period. */
const unsigned char *peer_pattern(void);

/* Whether data are what a file has from there on. */
bool peer_pattern_is(const void *data, size_t size, size_t from);

#endif
