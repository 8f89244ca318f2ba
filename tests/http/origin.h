/* SPDX-License-Identifier: MIT */
/* A server of HTTP for tests, which answers by what the path says:
 *
 *     /            "hello"
 *     /echo        the head of the request
 *     /pieces      "hello", in two pieces, one after the other
 *     /once        "once", and the connection is closed
 *     /last        "last", and the connection is closed when more comes
 *     /unasked     "hello" and then what nobody has asked for, and the connection is closed
 *     /half        half of a body, and the connection is closed
 *     /closed      nothing, and the connection is closed
 *     /silence     nothing
 *     /stall       half of a body, and no more
 *     /refusal     the same, but 503
 *     /drip        a body that does not end, piece by piece
 *     /slow        "slow", after a while
 *     /status/N    that status, with `origin.fields`
 *     /later/N     the same, but "hello" after `origin.refusals` times
 *     /to?URL      a redirect to there
 *     /cut-to?URL  the same, with half of a body, and the connection is closed
 *
 * A target in absolute form, as a proxy's, is answered by its path. `origin.answer` may answer
 * others, or these in another way. */
#ifndef HTTP_ORIGIN_H
#define HTTP_ORIGIN_H

#include "core/kinds_kit.h"
#include "tls/certs.h"

#include <bide/http.h>
#include <bide/serve.h>

enum { ORIGIN_HEAD = 4096 };

/* What the servers have seen, all together, and how they answer. */
struct origin {
	char last[ORIGIN_HEAD]; /* the last request, head and body */
	int connections, requests;
	int open; /* connections */
	int at_once, most_at_once;
	const char *fields; /* "Name: value\r\n" … of /status and /later, or NULL */
	int refusals;       /* of /later, until it is "hello" */

	/* In place of origin_answer(), or NULL. */
	ssize_t (*answer)(bide_stream *stream, const char *target);
};

extern struct origin origin;

/* The server, its port on the first of its hosts, and the session that the tests use. */
extern bide_server *server;
extern char port[16];
extern bide_http_session *session;

/* Begins anew, nothing having been seen, with a server on such hosts, and no session. */
void origin_start(const char *hosts);

/* Closes the session and the server. */
void origin_stop(void);

/* Opens the session, in place of the one that was open. */
void open_session(const bide_http_options *options);

/* A server's handler. Light: a full one for which there is no stack would leave its client
 * waiting. */
BIDE_ASYNC_LIGHT(int, origin_serve, bide_stream *);

/* Answers one request on a stream, whose head has been read. < 0: close. */
ssize_t origin_answer(bide_stream *stream, const char *target);

/* What such an answer is made of: a text as it is, a whole response, and a redirect. */
ssize_t origin_say(bide_stream *stream, const char *text);
ssize_t origin_respond(bide_stream *stream, const char *status, const char *fields,
                       const char *body);
ssize_t origin_redirect(bide_stream *stream, const char *status, const char *url);

/* Whom cert_authority() vouches for by @p hosts, as of a recipe. */
bide_tls *origin_server_tls(const char *hosts, enum bide_tls_clients clients);

/* A client that trusts it. */
bide_tls *origin_client_tls(void);

/* The port of a server's address. */
const char *port_of(bide_server *of, size_t i, char buf[16]);

/* The URL of a path: of the server's, or of another place's; good until the fourth call from
 * here. */
const char *url_of(const char *path);
const char *url_at(const char *scheme, const char *host, const char *at_port, const char *path);

/* Makes a request and reads its body: "200 hello", or the error that came first; good until the
 * next call. */
const char *got(bide_http_session *by, const bide_http_request *request);

/* A test whose block is run on a full and a light stack, between start() and stop(). */
#define HTTP_TEST(name) STACKS_TEST(name, start(), stop())

#endif
