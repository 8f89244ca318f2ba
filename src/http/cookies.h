/* SPDX-License-Identifier: MIT */
/* cookies.h: cookies in memory: RFC 6265bis, 5.
 *
 *     jar ── sites, by their hash ── cookies of a site, in the order in which they are sent
 *      └──── all cookies, by when they were last used
 *
 * A site is a registrable domain with what is below it, or a host that belongs to none: all cookies
 * that a request may take along are of one site, so that a request looks at no others. Times are in
 * seconds since 1970, and are given by the caller. */
#ifndef BIDE_HTTP_COOKIES_INSIDE_H
#define BIDE_HTTP_COOKIES_INSIDE_H

#include "http/builder.h"
#include "http/url.h"

#include <bide/http_cookies.h>

#include <pthread.h>

enum {
	BIDE__COOKIE_MAX = 4096,   /* bytes of a name with its value */
	BIDE__COOKIE_PART = 1024,  /* bytes of any other part */
	BIDE__COOKIES_SITE = 180,  /* cookies of a site */
	BIDE__COOKIES_ALL = 3000,  /* cookies in a jar */
	BIDE__COOKIE_BUCKETS = 512 /* of sites */
};

#define BIDE__COOKIE_AGE (400 * 86400LL) /* seconds that a cookie lasts at most */
#define BIDE__COOKIE_NEVER INT64_MAX     /* when those expire that end with the session */

/* A piece of a text. */
struct bide__piece {
	const char *at;
	size_t size;
};

/* A cookie that is to be stored: what there is to know of it. */
struct bide__new_cookie {
	struct bide__piece name, value;
	struct bide__piece domain; /* in any case, without a dot before it; empty: none was said */
	struct bide__piece path;   /* not beginning with '/': none was said */
	int64_t expires;           /* or BIDE__COOKIE_NEVER */
	bool host_only, secure, http_only;
	enum bide_http_same_site same_site;
};

struct bide__cookie {
	struct bide__cookie *next;          /* of its site: longer paths first, then older ones */
	struct bide__cookie *older, *newer; /* of the jar, by when they were last used */
	struct bide__cookie_site *site;
	uint64_t created, used; /* when, by the jar's clock */
	int64_t expires;
	bool host_only, secure, http_only;
	enum bide_http_same_site same_site;
	size_t name_size, value_size, path_size;
	const char *name, *value, *domain, *path; /* in `text` */
	char text[];
};

struct bide__cookie_site {
	struct bide__cookie_site *next; /* in its bucket */
	struct bide__cookie *cookies;
	unsigned n;
	char key[];
};

struct bide_http_cookies {
	unsigned refs;
	size_t n; /* cookies; written with the lock, and read without, too */
	pthread_mutex_t lock;
	struct bide__cookie_site **sites; /* BIDE__COOKIE_BUCKETS, or NULL: none yet */
	struct bide__cookie *oldest, *newest;
	uint64_t clock;   /* goes on by one for each cookie that is set or used */
	int64_t earliest; /* nothing expires before */
};

/* ---- cookie_parse.c, cookie_date.c -------------------------------------------------------- */

/* Takes apart what is in Set-Cookie: 5.6. @p now is what Max-Age is counted from. Whether it is one
 * at all. */
bool bide__cookie_parse(const char *text, int64_t now, struct bide__new_cookie *ret_cookie);

/* Reads a date as cookies have them: 5.1.1. Whether it is one. */
bool bide__cookie_date(struct bide__piece text, int64_t *ret_time);

/* ---- cookie_match.c ----------------------------------------------------------------------- */

/* The name of the site that a host belongs to; a part of @p host. */
const char *bide__cookie_site_of(const char *host);

/* Whether no cookie can be for all hosts of a domain. */
bool bide__cookie_is_public(const char *domain);

/* Whether a host lies in a domain: 5.1.3. Both in lower case. */
bool bide__cookie_in_domain(const char *host, const char *domain);

/* Whether a path lies below another: 5.1.4. */
bool bide__cookie_in_path(const char *path, size_t size, const char *above, size_t above_size);

/* The path of a URL, without its query. */
struct bide__piece bide__cookie_path_of(const struct bide__url *url);

/* The path that a cookie has if it says none: 5.1.4. */
struct bide__piece bide__cookie_default_path(const struct bide__url *url);

/* Whether nobody else can listen on the way to a URL. @p straight: there is no proxy on it. */
bool bide__cookie_is_secure(const struct bide__url *url, bool straight);

/* Whether a cookie's name promises nothing that the cookie does not keep: 5.7, 20 to 22. */
bool bide__cookie_keeps_promise(const struct bide__new_cookie *cookie);

/* ---- cookie_store.c: with the lock held --------------------------------------------------- */

/* Puts a cookie, whose parts are all there, into the jar; or takes the one away that it replaces,
 * if it has expired. Others make room for it. 0 or -ENOMEM. */
int bide__cookies_put(bide_http_cookies *cookies, const struct bide__new_cookie *cookie,
                      int64_t now);

/* The cookies of the site that a host belongs to; or of one above it, which are for others. Of the
 * names above a host the longest that is a site's is its own, so that none need be looked up in the
 * list of public suffixes, which takes longer than all the rest. */
struct bide__cookie *bide__cookies_of(bide_http_cookies *cookies, const char *host);

/* Whether a request takes a cookie of its site along: 5.8.3. @p secure: as above. */
bool bide__cookie_fits(const struct bide__cookie *cookie, const struct bide__url *url, bool secure,
                       int64_t now);

/* Makes a cookie the one that was used last. */
void bide__cookies_touch(bide_http_cookies *cookies, struct bide__cookie *cookie);

/* Takes a cookie away. */
void bide__cookies_remove(bide_http_cookies *cookies, struct bide__cookie *cookie);

/* ---- cookies.c ---------------------------------------------------------------------------- */

/* Does what a response from a URL says in Set-Cookie: 5.7. 0, -EINVAL when that is ignored, or
 * -ENOMEM. */
int bide__cookies_take(bide_http_cookies *cookies, const struct bide__url *url, bool secure,
                       const char *text, int64_t now);

/* Whether there is any, which costs nothing to ask. */
static inline bool bide__cookies_any(const bide_http_cookies *cookies)
{
	return cookies != NULL && __atomic_load_n(&cookies->n, __ATOMIC_RELAXED) > 0;
}

/* Writes the field Cookie of a request, if there is anything for it: @p own, what the user sends,
 * or NULL, and then what the jar has under other names: 5.8.3. */
void bide__cookies_write(bide_http_cookies *cookies, const struct bide__url *url, bool secure,
                         const char *own, int64_t now, struct bide__string *out);

/* Lists the cookies of a request, or, without a URL, all. 0 or -ENOMEM. */
int bide__cookies_list(bide_http_cookies *cookies, const struct bide__url *url, int64_t now,
                       bide_http_cookie_list **ret_list);

/* ---- cookie_file.c ------------------------------------------------------------------------ */

/* Takes the cookies of a file's text. Their number, or -ENOMEM. */
int bide__cookies_read(bide_http_cookies *cookies, char *text, int64_t now);

/* Writes a file's text. */
void bide__cookies_format(const bide_http_cookie_list *list, struct bide__string *out);

#endif
