/* SPDX-License-Identifier: MIT */
/* A server of HTTP for tests of the client, and the session that they use. What it is asked is kept
 * as it came, and answered by what the path says:
 *
 *     /            "hello"
 *     /echo        the head of the request
 *     /packed      "hello" by gzip
 *     /pieces      "hello", in two pieces, one after the other
 *     /large       ORIGIN_LARGE times x, in chunks
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
 * others, or these in another way; `origin.serve` may do with a connection whatever it likes. */
#ifndef HTTP_ORIGIN_H
#define HTTP_ORIGIN_H

#include "core/kinds_kit.h"
#include "http/wire.h"
#include "tls/trust.h"

#include <bide/http.h>
#include <bide/serve.h>

enum { ORIGIN_HEAD = 8192, ORIGIN_BODY = 1 << 20, ORIGIN_LARGE = 300000 };

/* What the servers have seen, all together, and how they answer. */
struct origin {
	char head[ORIGIN_HEAD]; /* of the last request, with the empty line */
	size_t size;            /* of its body */
	unsigned long sum;      /* of that, by origin_sum() */
	bool chunked;           /* so it came */

	int connections, requests;
	int open; /* connections */
	int at_once, most_at_once;
	char alpn[16], server_name[64]; /* of the last connection by TLS, or "none" */

	const char *fields; /* "Name: value\r\n" … of /status and /later, or NULL */
	int refusals;       /* of /later, until it is "hello" */

	/* In place of origin_answer(), or NULL. */
	bool (*answer)(bide_stream *stream, const char *target);
	/* In place of origin_answer_each() for a connection that begins, or NULL. */
	void (*serve)(bide_stream *stream);

	char body[ORIGIN_BODY + 1]; /* chunks taken apart; what does not fit is only counted */
};

extern struct origin origin;

/* ---- the servers and the session ---------------------------------------------------------- */

/* The server, its port on the first of its hosts, and the session that the tests use. */
extern bide_server *server;
extern char port[16];
extern bide_http_session *session;

/* Begins anew, nothing having been seen, with a server on such hosts, and no session. */
void origin_start(const char *hosts);

/* The same for one at 127.0.0.1 that answers everything by "ok", with a session. */
void origin_start_ok(void);

/* Another server, by TLS, and whom the authority vouches for as @p names; and who trusts it. */
extern bide_server *secure_server;
extern char secure_port[16];
extern bide_tls *server_tls, *client_tls;
void origin_start_tls(const char *names, enum bide_tls_clients clients);

/* Closes the servers; and the session with them. */
void origin_close(void);
void origin_stop(void);

/* Waits until the server has closed all connections, which the client may not have noticed. */
void origin_wait_closed(void);

/* Opens the session, in place of the one that was open. */
void open_session(const bide_http_options *options);

/* The port of a server's address. */
const char *port_of(bide_server *of, size_t i, char buf[16]);

/* The URL of a path: of the server's; of the one whose scheme that is, by a name of its host; or of
 * another place's. Good until the fourth call from here. */
const char *url_of(const char *path);
const char *url_by(const char *scheme, const char *host, const char *path);
const char *url_at(const char *scheme, const char *host, const char *at_port, const char *path);

/* Where nobody listens: a service of old that nobody has. */
#define NOBODY "http://127.0.0.1:1/"

/* Makes a request and reads its body: "200 hello", or the error that came first; good until the
 * next call. */
const char *got(bide_http_session *by, const bide_http_request *request);

/* The status alone of a response to the session, whatever its body; or the error. */
int status_of(const bide_http_request *request);

/* A test whose block is run on a full and a light stack, between start() and stop(). */
#define HTTP_TEST(name) STACKS_TEST(name, start(), stop())

/* The same with a server that answers everything by "ok", and a session. */
#define OK_TEST(name) STACKS_TEST(name, origin_start_ok(), origin_stop())

/* ---- the server's parts ------------------------------------------------------------------- */

/* Servers' handlers. Light: a full one for which there is no stack would leave its client
 * waiting. */
BIDE_ASYNC_LIGHT(int, origin_serve, bide_stream *);
BIDE_ASYNC_LIGHT(int, origin_serve_tls, bide_stream *);

/* Reads a request into `origin`: whether there is a head, and the body whole. */
bool origin_read_head(bide_stream *stream);
bool origin_read_body(bide_stream *stream);

/* Reads and answers one request after the other. */
void origin_answer_each(bide_stream *stream);

/* Answers a request that has been read: whether the connection goes on. */
bool origin_answer(bide_stream *stream, const char *target);

/* What such an answer is made of, beside say(): a whole response, and a redirect. */
bool origin_respond(bide_stream *stream, const char *status, const char *fields, const char *body);
bool origin_redirect(bide_stream *stream, const char *status, const char *url);

/* Adds bytes to a sum; the order counts. */
unsigned long origin_sum(unsigned long sum, const void *data, size_t size);

/* Writes a file of so many bytes, which differ from each other, and returns its path, which lasts
 * as long as the test. */
const char *origin_file(const char *name, size_t size);

#endif
