/* SPDX-License-Identifier: MIT */
/* What test_http_peers.c and peer_connections.c share: a session with a peer, requests whose URL is
 * a path, and what they look at. */
#ifndef HTTP_PEER_CLIENT_H
#define HTTP_PEER_CLIENT_H

#include "harness/test.h"
#include "http/peers.h"

#include <bide.h>
#include <bide/http.h>

extern struct peer peer;
extern bool secure; /* it is asked with TLS */
extern bide_http_session *session;

/* Opens the session, with what the peer needs beside these options. */
void open_session(bide_http_options options);

/* Goes on with other options. */
void reopen_session(bide_http_options options);

enum { URL = 100 };
const char *url_of(const char *path, char url[URL]);

/* The answer to a request whose URL is a path; or NULL, which is a failure. */
bide_http_response *ask(const char *path, bide_http_request request);

/* A field as a number; -1 when there is none. */
long field(const bide_http_response *response, const char *name);

/* Reads the body of a response, if there is one, and closes it: its status, when the body was so
 * many bytes of the pattern. */
int pattern_of(bide_http_response *response, size_t size, size_t from);

/* The same for one whose body is a text. */
int text_of(bide_http_response *response, const char *text);

/* The connection on which the server sees a request that has no body. */
long connection_now(void);

/* Whether the server sees our connections, and not those of a proxy. */
bool sees_us(void);

/* Another request is on the same connection. */
void expect_kept(long connection);

/* What a request without a body fails with; or 0. */
int failure_of(const char *path);

/* ---- peer_connections.c ------------------------------------------------------------------- */

extern double grows_old; /* seconds after which the peer has closed an idle connection */

void a_hundred_requests_at_once(void);
void answers_that_do_not_come(void);
void bodies_that_are_cut(void);
void a_server_that_was_started_again(void);
void a_server_that_dies_within_a_body(void);
void a_server_that_is_started_again_under_load(void);
void connections_that_have_grown_old(void);
void a_proxy_that_refuses(void);

#endif
