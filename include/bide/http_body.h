/* SPDX-License-Identifier: MIT */
/* bide/http_body.h: bodies: where a request's comes from, and what is made of a response's. Part of
 * <bide/http.h>.
 *
 *     const bide_http_part parts[] = {
 *             { .name = "title", .text = "Holidays" },
 *             { .name = "photo", .source = bide_http_from_file("p.jpg"), .type = "image/jpeg" },
 *             { .name = NULL },
 *     };
 *     const bide_http_request request = { .url = url, .source = bide_http_from_parts(parts) };
 *     int rc = bide_http_send(session, &request, &response);
 *
 * Bodies are never held whole in memory but by bide_http_bytes() and bide_http_text(). */
#ifndef BIDE_HTTP_BODY_H
#define BIDE_HTTP_BODY_H

#include <bide/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A response: see <bide/http.h>. */
typedef struct bide_http_response bide_http_response;

/* ---- of requests -------------------------------------------------------------------------- */

/** A length that is not known. */
#define BIDE_HTTP_UNKNOWN (-1)

/** Writes the next bytes of a body to @p buf, at most @p size; it may suspend. It is called by the
 *  task that makes the request, and is cancelled when the server has answered already.
 *  @return their number (> 0); 0 at the end; or an error, with which the request ends. */
typedef ssize_t bide_http_producer(void *arg, void *buf, size_t size);

struct bide_http_part;

/* What a source is; made by the functions below. */
enum bide__http_from {
	BIDE__HTTP_FROM_NOWHERE,
	BIDE__HTTP_FROM_FILE,
	BIDE__HTTP_FROM_FD,
	BIDE__HTTP_FROM_STREAM,
	BIDE__HTTP_FROM_CALL,
	BIDE__HTTP_FROM_PARTS
};

/** Where a body comes from; all zero is nowhere. Made by the functions below, and may change. What
 *  it names is borrowed until the request has been made. */
typedef struct bide_http_source {
	enum bide__http_from from;          /**< what it is */
	int fd;                             /**< a descriptor */
	const char *path;                   /**< a file's */
	bide_stream *stream;                /**< what is read */
	bide_http_producer *call;           /**< what is called */
	void *arg;                          /**< with what */
	const struct bide_http_part *parts; /**< of multipart/form-data */
	int64_t offset, size;               /**< bytes */
} bide_http_source;

BIDE__GLUE bide_http_source bide__http_source(enum bide__http_from from, int64_t size)
{
	bide_http_source source;
	source.from = from;
	source.fd = -1;
	source.path = NULL;
	source.stream = NULL;
	source.call = NULL;
	source.arg = NULL;
	source.parts = NULL;
	source.offset = 0;
	source.size = size;
	return source;
}

/** A file on disk, as it is when the request is begun: one that shrinks while it is sent ends the
 *  request with -BIDE_EHTTP_LENGTH. It can be sent again. */
BIDE__GLUE bide_http_source bide_http_from_file(const char *path)
{
	bide_http_source source = bide__http_source(BIDE__HTTP_FROM_FILE, BIDE_HTTP_UNKNOWN);
	source.path = path;
	return source;
}

/** @p size bytes of a file on disk, from @p offset on; BIDE_HTTP_UNKNOWN: to its end. The
 *  descriptor's own position is left alone. It can be sent again. */
BIDE__GLUE bide_http_source bide_http_from_fd(int fd, int64_t offset, int64_t size)
{
	bide_http_source source = bide__http_source(BIDE__HTTP_FROM_FD, size);
	source.fd = fd;
	source.offset = offset;
	return source;
}

/** The next @p size bytes of a stream, behind which it can be read on; a stream that ends before
 *  ends the request with -BIDE_EHTTP_LENGTH. BIDE_HTTP_UNKNOWN: all up to its end, sent in chunks.
 *  It cannot be sent again. */
BIDE__GLUE bide_http_source bide_http_from_stream(bide_stream *stream, int64_t size)
{
	bide_http_source source = bide__http_source(BIDE__HTTP_FROM_STREAM, size);
	source.stream = stream;
	return source;
}

/** What a function gives, call by call, until it returns 0. @p size: how many bytes that will be;
 *  fewer or more end the request with -BIDE_EHTTP_LENGTH, before the last of them is sent.
 *  BIDE_HTTP_UNKNOWN: it is sent in chunks. It cannot be sent again. */
BIDE__GLUE bide_http_source bide_http_from_call(bide_http_producer *call, void *arg, int64_t size)
{
	bide_http_source source = bide__http_source(BIDE__HTTP_FROM_CALL, size);
	source.call = call;
	source.arg = arg;
	return source;
}

/** multipart/form-data (RFC 7578), as from a web page's form that has files: the parts up to the
 *  first without a name. Its length is told when that of each part is known; it can be sent again
 *  when each part can. */
BIDE__GLUE bide_http_source bide_http_from_parts(const struct bide_http_part *parts)
{
	bide_http_source source = bide__http_source(BIDE__HTTP_FROM_PARTS, BIDE_HTTP_UNKNOWN);
	source.parts = parts;
	return source;
}

/** A part of multipart/form-data; what is NULL or 0 is left out. Of `text`, `data` and `source` at
 *  most one is there. */
typedef struct bide_http_part {
	const char *name; /**< of the field; quotes and line ends are escaped as by browsers */
	const char *text; /**< its value */
	const void *data; /**< or @p size bytes */
	size_t size;
	bide_http_source source; /**< or from elsewhere, but for parts */
	const char *filename;    /**< NULL: of a file that is named by a path the last component;
	                              "": none */
	const char *type;        /**< NULL: "application/octet-stream" of what has a filename, else
	                              none is sent */
} bide_http_part;

#ifdef __cplusplus
}
#endif
#endif
