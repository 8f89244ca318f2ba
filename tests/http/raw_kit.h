/* SPDX-License-Identifier: MIT */
/* A server for tests of the HTTP client that knows next to nothing of HTTP: what arrives is kept as
 * it came, and a function of the test's answers each connection as it likes. */
#ifndef RAW_KIT_H
#define RAW_KIT_H

#include "core/kinds_kit.h"

#include <bide/http.h>
#include <bide/serve.h>

enum { RAW_HEAD_MAX = 8192, RAW_BODY_MAX = 1 << 20 };

/* What has arrived. */
extern struct raw {
	char head[RAW_HEAD_MAX];     /* of the last request, with the empty line */
	char body[RAW_BODY_MAX + 1]; /* of it, chunks and all taken apart; what does not fit is only
	                                counted */
	size_t size;
	unsigned long sum; /* of all its bytes */
	bool chunked;
	int requests, connections;
} raw;

/* The session that the tests use, and its options. */
extern bide_http_session *raw_session;
extern bide_http_options raw_options;

/* Called for each connection. */
typedef void raw_handler(bide_stream *stream);
extern raw_handler *raw_handle;

void raw_start(void);
void raw_stop(void);

/* The URL of a path there: good until the next call. */
const char *raw_url(const char *path);

/* Reads the head of a request: whether there is one. */
bool raw_read_head(bide_stream *stream);

/* Reads the body behind it: whether it is whole. */
bool raw_read_body(bide_stream *stream);

/* Both, one after the other, and answers "ok", until there are no more. */
void raw_serve(bide_stream *stream);

/* Writes a text: whether that could be. */
bool raw_say(bide_stream *stream, const char *text);

/* Makes a request, and tells the status, or the error as a negative number; the response is read
 * and closed. */
int raw_send(const bide_http_request *request);

/* Adds bytes to a sum; the order counts. */
unsigned long raw_sum(unsigned long sum, const void *data, size_t size);

/* Writes a file of so many bytes, which differ from each other, into a directory that is removed
 * when the process ends; returns its path. */
const char *raw_file(const char *name, size_t size);

/* That directory. */
const char *raw_directory(void);

/* A test whose block is run on both kinds of stack, with a server and a session. */
#define RAW_TEST(name) STACKS_TEST(name, raw_start(), raw_stop())

#endif
