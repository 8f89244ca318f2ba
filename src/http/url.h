/* SPDX-License-Identifier: MIT */
/* url.h: URLs of http and https: RFC 3986, and what people write in place of it. */
#ifndef BIDE_HTTP_URL_H
#define BIDE_HTTP_URL_H

#include "http/builder.h"

#include <stdbool.h>

enum { BIDE__URL_MAX = 65536 }; /* bytes of a URL */

/* A URL in its parts, each a string; all lie in one block. */
struct bide__url {
	bool secure; /* https */
	unsigned port;
	char *text;     /* all of it but user and password */
	char *host;     /* in lower case, as xn--…, of an IPv6 address without brackets */
	char *target;   /* the path, with the query: what a request is for; the end of the text */
	char *user;     /* decoded, or NULL */
	char *password; /* the same */
};

/* Takes a URL apart. Bytes that none may have are encoded if it is clear what is meant, as spaces
 * in a path; the fragment is dropped. 0; -BIDE_EHTTP_URL; -ENOMEM. */
int bide__url_parse(const char *text, struct bide__url *ret_url);

/* The same for a text that has been put together, which is freed in any case. */
int bide__url_parse_string(struct bide__string *text, struct bide__url *ret_url);

/* The same for a reference found at @p base: RFC 3986, 5.2. */
int bide__url_resolve(const struct bide__url *base, const char *reference,
                      struct bide__url *ret_url);

/* Whether two are of one origin: RFC 6454. */
bool bide__url_same_origin(const struct bide__url *a, const struct bide__url *b);

/* Frees the parts. */
void bide__url_finish(struct bide__url *url);

#endif
