/* SPDX-License-Identifier: MIT */
/* bide/http_body.h: bodies: where a request's comes from, and what is made of a response's.
 *
 *     const bide_http_part parts[] = {
 *             { .name = "title", .text = "Holidays" },
 *             { .name = "photo", .source = bide_http_from_file("p.jpg"), .type = "image/jpeg" },
 *             { .name = NULL },
 *     };
 *     const bide_http_request request = { .url = url, .source = bide_http_from_parts(parts) };
 *     int rc = bide_http_send(session, &request, &response);
 *
 * Only bide_http_bytes() and bide_http_text() hold a whole body in memory.
 *
 * Included by <bide/http.h>. */
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

/** A function of the user's that writes the next bytes of a body to @p buf, at most @p size; it may
 *  suspend. It is called by the task that makes the request, and is cancelled when the server has
 *  answered already.
 *  @return their number (> 0), at most @p size or it aborts; 0 at the end; or an error, with which
 *          the request ends. */
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

/** Where a body comes from; all zero is nowhere. It is made by the functions below; its fields are
 *  nobody else's, and may change. What it names is borrowed until the call that makes the request
 *  returns. */
typedef struct bide_http_source {
	enum bide__http_from from;          /**< what it is */
	int fd;                             /**< a descriptor */
	const char *path;                   /**< a file's */
	bide_stream *stream;                /**< what is read */
	bide_http_producer *call;           /**< what is called */
	void *arg;                          /**< with what */
	const struct bide_http_part *parts; /**< of multipart/form-data */
	int64_t offset, size;               /**< which bytes */
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
 *  request with -BIDE_EHTTP_LENGTH. It can be sent again. Files whose size is said to be 0 are sent
 *  as empty, also those of /proc, which are not: bide_http_from_stream() sends what they give. */
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
	bide_http_source source; /**< or from elsewhere, but not of parts */
	const char *filename;    /**< "": none is sent; NULL: the last component of the source's
	                              path, or none */
	const char *type;        /**< NULL: "application/octet-stream" for what has a filename, else
	                              none is sent */
} bide_http_part;

/* ---- of responses: what they say ---------------------------------------------------------- */

/** Returns the length of the body as it is sent, by Content-Length; -ENODATA when that is not said,
 *  or is no number. */
BIDE_API int64_t bide_http_content_length(const bide_http_response *response) BIDE__NOTHROW;

/** Room for the name of any type of content. */
#define BIDE_HTTP_TYPE_MAX 256

/** Writes the type of the body in lower case, without parameters, as "text/html"; "" when none is
 *  said, or one that makes no sense.
 *  @param buf BIDE_HTTP_TYPE_MAX bytes of the caller's. @return buf. */
BIDE_API char *bide_http_content_type(const bide_http_response *response, char *buf) BIDE__NOTHROW;

/** Which bytes of the whole the body is, by Content-Range (RFC 9110, 14.4).
 *
 *  @param ret_first, ret_last the first and the last one; -1 when the range was not satisfiable
 *                             (416).
 *  @param ret_total           how many the whole has; BIDE_HTTP_UNKNOWN when that is not said.
 *  @return 0; -ENODATA when nothing is said of it, as in all but 206 and 416; -BIDE_EHTTP_RANGE
 *          when it makes no sense. Outputs are untouched on failure. */
BIDE_API int bide_http_content_range(const bide_http_response *response, int64_t *ret_first,
                                     int64_t *ret_last, int64_t *ret_total) BIDE__NOTHROW;

/** Returns what tells this version of the content from each other one, to the byte: a strong ETag,
 *  or Last-Modified if that is a second older than the response (RFC 9110, 8.8). NULL if there is
 *  none, or the body was compressed. For a request's `if_range`, to go on later; the response's. */
BIDE_API const char *bide_http_validator(const bide_http_response *response) BIDE__NOTHROW;

/* ---- of responses: what is made of them --------------------------------------------------- */

/** Reads all that is left of the body as text, in UTF-8: from what its byte order mark says, or the
 *  charset of its Content-Type, or else UTF-8. [suspends] The charsets are those that browsers
 *  know, by the names that they know; bytes that make no sense are replaced by U+FFFD.
 *
 *  @param ret_text gets the text, with a NUL behind it, without a byte order mark; the response's,
 *                  until it is closed.
 *  @return its bytes; -BIDE_EHTTP_CHARSET for a charset that is not known, the body being there for
 *          bide_http_bytes(); or as of that. */
BIDE_API ssize_t bide_http_text(bide_http_response *response, char **ret_text) BIDE__NOTHROW;

/** Options of bide_http_save(); all zero are the defaults. */
typedef struct bide_http_save_options {
	bool sync;     /**< returns when it is on the disk: fsync(2), of its directory, too */
	int64_t limit; /**< bytes at most; 0: none */
} bide_http_save_options;

/** Saves what is left of the body as a file, which is either whole or as it was before. [suspends]
 *  It is written beside it, as ".NAME.XXXXXXXX.part", which takes its name in the end, and is
 *  removed on failure. Threads write to the disk, so that no other task waits for it. The mode is
 *  0666 less the umask; of a file that is replaced nothing remains, its mode included.
 *
 *  @param path    of a file, which need not be there; NULL, a directory or device is -EINVAL.
 *  @param options the options, or NULL.
 *  @return its bytes; -BIDE_EHTTP_BODY beyond the limit; as of bide_http_read(); or what open(2),
 *          write(2), fsync(2) or rename(2) fails with. */
BIDE_API int64_t bide_http_save(bide_http_response *response, const char *path,
                                const bide_http_save_options *options) BIDE__NOTHROW;

/** Writes what is left of the body to a descriptor of any kind; to a file at its position.
 *  [suspends] On failure what has been written stays.
 *  @return its bytes; as of bide_http_read(); or what write(2) fails with. */
BIDE_API int64_t bide_http_save_fd(bide_http_response *response, int fd) BIDE__NOTHROW;

/** Goes on with a file of which a part has been saved. [suspends] The request must have had the
 *  size of that part as its `range_from`, and as its `if_range` the validator that came with it.
 *  The body is appended if it is the rest (206); if it is all (200) the file begins anew; and for a
 *  file that is whole already (416) nothing is added. On failure the file is a part again, with
 *  which to go on.
 *
 *      request.range_from = size;
 *      request.if_range = validator;
 *      rc = bide_http_send(session, &request, &response);
 *      …
 *      size = bide_http_resume(response, fd, validator);
 *
 *  @param fd        of the file, to be read and written; its position is moved.
 *  @param validator NULL: none is compared with what the response has.
 *  @return the file's size; -BIDE_EHTTP_RANGE for another status, a range that is not of the rest
 *          of this content, or a body that is longer than its range, the file being as it was;
 *          -BIDE_EINCOMPLETE when it was not all of the rest; -EINVAL for what is no file; or as
 *          of bide_http_save_fd(), and of ftruncate(2). */
BIDE_API int64_t bide_http_resume(bide_http_response *response, int fd,
                                  const char *validator) BIDE__NOTHROW;

#ifdef __cplusplus
}
#endif
#endif
