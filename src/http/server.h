/* SPDX-License-Identifier: MIT */
/* server.h: an HTTP server in memory, and who does what in it.
 *
 *     server.c          the server as a whole: options, beginning, end
 *     connection.c      one connection: request after request
 *     server_request.c  a request: its head, what must hold of it, its body
 *     response.c        a response: its head, short texts, sending
 *     files.c …         what is answered: the only part that knows of files
 *
 * A connection asks the RESPONDER of its server for a response to each request that is sound. That
 * is all that a server of something else has to bring along.
 *
 * What a request needs, an EXCHANGE, is had when its first byte has come and given back when its
 * response has gone, so that a connection that is idle has none; a few are kept by the server, with
 * their memory, so that busy connections ask for none either. */
#ifndef BIDE_HTTP_SERVER_H_INSIDE
#define BIDE_HTTP_SERVER_H_INSIDE

#include "http/parser.h"

#include <bide/http_server.h>
#include <bide/scope.h>

#include <stdint.h>
#include <time.h>

/* Fields of a request that the server looks at, found in one pass. */
enum bide__http_known {
	BIDE__HTTP_CONTENT_LENGTH,
	BIDE__HTTP_EXPECT,
	BIDE__HTTP_HOST,
	BIDE__HTTP_IF_MATCH,
	BIDE__HTTP_IF_MODIFIED_SINCE,
	BIDE__HTTP_IF_NONE_MATCH,
	BIDE__HTTP_IF_RANGE,
	BIDE__HTTP_IF_UNMODIFIED_SINCE,
	BIDE__HTTP_RANGE,
	BIDE__HTTP_TRANSFER_ENCODING,
	BIDE__HTTP_KNOWN
};

/* A request and its response. The comments are lined up by hand. */
/* clang-format off */
struct bide__http_served {
	struct bide__http_server *server;
	bide_stream *stream;
	struct bide__http_served *next;        /* among those that are kept */
	struct bide__http_parser parser;
	const char *known[BIDE__HTTP_KNOWN];   /* the first of its name, or NULL; in the head */
	unsigned repeated;                     /* bits of those that there are more of */
	const char *target;                    /* path and query; NULL: it could not be read */
	bool is_head;                          /* the response has no body */
	bool is_old;                           /* HTTP/1.0 */
	bool keep;                             /* the connection, when this is done */
	bool whole;                            /* the request has been read to its end */
	int status;                            /* of the response; 0: none has been begun */
	uint64_t sent;                         /* bytes of its body that were written */
	struct bide__string path;              /* a responder's: what the target leads to */
	struct bide__string out;               /* what is to be sent next */
	size_t head;                           /* bytes of that which are of the head */
	double begun;
};

/* A connection, which is in its server's list while it is idle. */
struct bide__http_peer {
	struct bide__http_server *server;
	bide_stream *stream;
	struct bide__http_peer *next, **link;
	bide_scope *scope;                     /* in which it waits, cancelled to wake it */
	bide_address address;                  /* for the log; only there if there is one */
};

/* A list, from who has been idle longest. */
struct bide__http_idle {
	struct bide__http_peer *first, **end;
};

struct bide__http_server {
	bide_http_server_options options;      /* with the defaults in place */
	int (*respond)(struct bide__http_served *served, void *site);
	void (*free_site)(void *site);
	void *site;                            /* what the responder serves */
	struct bide__http_idle fresh, idle;    /* before the first request; behind one */
	struct bide__http_served *spare;       /* a list */
	unsigned n_spare;
	bool shut;                             /* it is to end: nothing is kept any more */
	bool full;                             /* somebody waits for a place, and nobody was idle */
	time_t second;                         /* that `date` tells */
	char date[32];
};
/* clang-format on */

/* ---- server.c ----------------------------------------------------------------------------- */

/* Starts a server that answers by @p respond, which gets @p site and owns it from then on. 0 or an
 * error, the site remaining the caller's. */
int bide__http_start(const char *host, const char *service, const bide_http_server_options *options,
                     int (*respond)(struct bide__http_served *, void *), void (*free_site)(void *),
                     void *site, bide_server **ret_server);

/* An exchange for a connection, or NULL; and back. */
struct bide__http_served *bide__http_served_new(struct bide__http_server *server,
                                                bide_stream *stream);
void bide__http_served_free(struct bide__http_served *served);

/* ---- connection.c ------------------------------------------------------------------------- */

/* Serves a connection to its end. 0; -ENOMEM; or the cancellation. */
int bide__http_serve(struct bide__http_server *server, bide_stream *stream);

/* ---- server_request.c --------------------------------------------------------------------- */

/* Reads a request: its head, and its body, which is dropped. 0; a status, > 0, with which it is to
 * be refused; -BIDE_ECLOSED when the other side has ended the connection; or an error of the
 * stream. */
int bide__http_receive(struct bide__http_served *served);

/* ---- response.c --------------------------------------------------------------------------- */

/* Begin the head of a response, add to it, and end it: with the length of the body, or -1 if there
 * is neither. A lack of memory shows in bide__http_flush(). */
void bide__http_begin(struct bide__http_served *served, int status);
void bide__http_put(struct bide__http_served *served, const char *name, const char *value);
void bide__http_end_head(struct bide__http_served *served, int64_t length);

/* Adds to the body, in memory; not for the answer to a HEAD. */
void bide__http_put_body(struct bide__http_served *served, const void *data, size_t size);

/* Seconds in which the other side must take something, @p held being as in the next one. As long as
 * nothing is known of that a wait is a short one, behind which it is: who takes nothing would be
 * given twice the time otherwise. */
double bide__http_patience(const struct bide__http_served *served, int held);

/* What sending @p size bytes has come to, which gave @p n within a time-out that gave @p fired:
 * bytes that went; 0: none, but the other side has taken something in time, which makes room for
 * more only when it is much; or an error, -EIO where there was nothing to send. In *held is what
 * the system held for it after the last time, at first INT_MAX. */
ssize_t bide__http_progress(const struct bide__http_served *served, ssize_t n, size_t size,
                            int fired, int *held);

/* Sends what has been put. 0 or an error; -ETIMEDOUT when the other side took nothing for too
 * long. */
int bide__http_flush(struct bide__http_served *served);

/* Ends the head that was begun, with a short text that says what the status means, and sends it. */
int bide__http_finish_text(struct bide__http_served *served);

/* Answers with nothing but a status and such a text. 0 or an error. */
int bide__http_answer(struct bide__http_served *served, int status);

#endif
