/* SPDX-License-Identifier: MIT */
/* source.h: the body of a request: what it is made of, and how it is sent. */
#ifndef BIDE_HTTP_SOURCE_H
#define BIDE_HTTP_SOURCE_H

#include "http/builder.h"

#include <bide/http.h>

/* A piece of a body. */
struct bide__http_piece {
	enum { BIDE__PIECE_MEMORY, BIDE__PIECE_FILE, BIDE__PIECE_STREAM, BIDE__PIECE_CALL } kind;
	int fd;     /* of a file */
	bool owned; /* the descriptor is closed with the body */
	const char
		*data; /* in memory; NULL until all is laid out: at `offset` of the body's text */
	bide_stream *stream;
	bide_http_producer *call;
	void *arg;
	int64_t offset; /* in the file */
	int64_t size;   /* bytes, or BIDE_HTTP_UNKNOWN */
};

enum { BIDE__HTTP_BOUNDARY_MAX = 48 };

struct bide__http_body {
	struct bide__http_piece *pieces; /* in order; NULL when there are none */
	size_t n, room;
	struct bide__http_piece one; /* where a single piece lies */
	struct bide__string text;    /* what has been written for it: a form, heads of parts */
	size_t type_at;              /* where in that the type is; 0: it is not made up */
	const char *content_type;    /* the field's value; NULL: not known */
	int64_t size;                /* of all, or BIDE_HTTP_UNKNOWN: it is sent in chunks */
	bool exists;                 /* there is one, which may be of no bytes */
	bool once;                   /* something of it can be taken only once */
	bool begun;                  /* and has been */
	int error;                   /* what taking has failed with */
};

/* Whether a request says that there is one, in whatever way. */
bool bide__http_has_body(const bide_http_request *request);

/* Lays out the body of a request, opening its files. 0 or an error; it is to be closed in either
 * case. */
int bide__http_body_open(const bide_http_request *request, struct bide__http_body *ret_body);

/* Makes it none, and frees what it has. */
void bide__http_body_close(struct bide__http_body *body);

/* Adds a piece; a lack of memory shows in `text`. */
struct bide__http_piece *bide__http_body_add(struct bide__http_body *body);

/* Adds what comes from elsewhere, but for parts. 0 or an error. */
int bide__http_body_add_source(struct bide__http_body *body, const bide_http_source *source);

/* Adds parts, and says so in its type. 0 or an error. */
int bide__http_body_add_parts(struct bide__http_body *body, const bide_http_part *parts);

/* Writes all of some buffers, whose sizes fit an ssize_t. 0 or an error. Suspends. */
int bide__http_send_all(bide_stream *stream, const struct iovec *buffers, int n);

/* Whether all of it may be in the socket's buffer, so that sending it surely ends. */
bool bide__http_body_is_small(const struct bide__http_body *body);

/* Sends the head, if there is one, with the body behind it. 0; or what writing failed with; or, and
 * then the body's `error` is this, too, what taking the body has failed with. Suspends. */
int bide__http_body_send(struct bide__http_body *body, bide_stream *stream, bide_bytes head);

#endif
