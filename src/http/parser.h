/* SPDX-License-Identifier: MIT */
/* parser.h: HTTP/1 messages, taken apart by llhttp: RFC 9112. The caller asks for one thing after
 * the other, so nothing is called back. */
#ifndef BIDE_HTTP_PARSER_H
#define BIDE_HTTP_PARSER_H

#include "http/builder.h"

#include <llhttp/llhttp.h>

enum bide__http_event {
	BIDE__HTTP_MORE, /* needs more bytes */
	BIDE__HTTP_HEAD, /* the head is complete: `head` and what llhttp knows */
	BIDE__HTTP_BODY, /* a piece of the body: `body` and `body_size`, in the caller's data */
	BIDE__HTTP_END   /* the message is complete */
};

enum {
	BIDE__HTTP_HEAD_MAX = 65536,  /* bytes of a head's names and values */
	BIDE__HTTP_TARGET_MAX = 8192, /* bytes of what a request is for */
	BIDE__HTTP_FIELDS_MAX = 256,
	BIDE__HTTP_FRAMING_MAX = 2 * BIDE__HTTP_HEAD_MAX /* bytes before, between or behind pieces
	                                                    of a body, kept or not */
};

struct bide__http_parser {
	llhttp_t llhttp;
	struct bide__string head;   /* of each field its name and its value, with a NUL each; not of
	                             trailers, which are dropped */
	size_t trailers;            /* bytes of those */
	size_t framing;             /* bytes that were no body, since some were */
	size_t piece;               /* bytes of the name or value that is being read */
	struct bide__string target; /* of a request, with a NUL behind it when the head is there */
	unsigned fields;
	unsigned spaces; /* in a request's first line so far; more than there may be behind it */
	char last; /* byte of a request's framing that has been looked at; 0: none, or of a body */
	const char *body;
	size_t body_size;
	bool no_body;    /* whatever the head says: of the answer to a HEAD */
	bool coded;      /* the body, for its transfer, by more than chunks */
	bool too_large;  /* the head */
	bool too_long;   /* the target */
	bool headed;     /* the head is complete */
	bool head_done;  /* and to be told */
	bool ended;      /* and to be told */
	bool stopped;    /* llhttp, in the midst of something, which may be the end */
	bool keep_alive; /* known at the end: another message may follow */
};

/* Begins, for responses or requests. */
void bide__http_parser_init(struct bide__http_parser *parser, llhttp_type_t type);

/* Begins anew, as for another connection, with the memory that it has. */
void bide__http_parser_restart(struct bide__http_parser *parser);

/* Begins with the next message; the head of the last one is gone. */
void bide__http_parser_next(struct bide__http_parser *parser, bool no_body);

/* Goes on with some bytes. Returns what it has met, an enum bide__http_event, with how many bytes
 * it has taken; -BIDE_EHTTP for what is no HTTP; -BIDE_EHTTP_HEAD for a head that is too large;
 * -ENOMEM. */
int bide__http_parse(struct bide__http_parser *parser, const char *data, size_t size,
                     size_t *ret_used);

/* The stream has ended: the same, but for MORE; -BIDE_EINCOMPLETE within a message. */
int bide__http_parse_end(struct bide__http_parser *parser);

/* The value of a field, the first or, after @p last, the next one of that name; NULL if there is
 * none. Names are compared without regard to case. */
const char *bide__http_field(const struct bide__string *head, const char *name, const char *last);

/* The fields in order: the name of the first, or of the one behind a value; NULL at the end. */
const char *bide__http_next_name(const struct bide__string *head, const char *last_value);

void bide__http_parser_finish(struct bide__http_parser *parser);

#endif
