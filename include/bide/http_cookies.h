/* SPDX-License-Identifier: MIT */
/* bide/http_cookies.h: cookies, as of RFC 6265bis; what aiohttp's CookieJar is.
 *
 *     bide_http_cookies *cookies;
 *     int rc = bide_http_cookies_open(&cookies);
 *     if (rc == 0) {
 *             (void)bide_http_cookies_load(cookies, "cookies.txt");
 *             const bide_http_options options = { .cookies = cookies };
 *             … sessions with these options …
 *             rc = bide_http_cookies_save(cookies, "cookies.txt");
 *             bide_http_cookies_unref(cookies);
 *     }
 *
 * A session has a jar of its own unless it is given one, or `no_cookies`. What responses set is
 * kept there, those to redirects included, and each request takes along what belongs to its URL: of
 * its host or a domain above it that is no public suffix, of its path, and, if a cookie is for
 * secure connections, over https or to this machine itself only.
 *
 * A jar holds 3000 cookies, and 180 of one domain with all below it. Beyond that those go first
 * that have expired; then, within a domain, those that are not for secure connections; then those
 * that have not been used for longest. A cookie has 4096 bytes at most, and lasts 400 days at most.
 *
 * SameSite is kept and told, and nothing follows from it: there are no sites from which a request
 * could come. All calls are [threadsafe]: sessions of several loops may share a jar.
 *
 * Included by <bide/http.h>. */
#ifndef BIDE_HTTP_COOKIES_H
#define BIDE_HTTP_COOKIES_H

#include <bide/base.h>

#include <stdbool.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A jar of cookies. */
typedef struct bide_http_cookies bide_http_cookies;

/** Opens a jar, with nothing in it. [threadsafe]
 *
 *  @param ret_cookies gets a reference to it, to be given back by bide_http_cookies_unref();
 *                     untouched on failure.
 *  @return 0 or -ENOMEM. */
BIDE_API BIDE_CHECKED int bide_http_cookies_open(bide_http_cookies **ret_cookies) BIDE__NOTHROW;

/** Takes one more reference to the jar. [threadsafe] @return the jar. */
BIDE_API bide_http_cookies *bide_http_cookies_ref(bide_http_cookies *cookies) BIDE__NOTHROW;

/** Gives a reference back; the last one frees the jar. Sessions have their own. NULL is none.
 *  [threadsafe] */
BIDE_API void bide_http_cookies_unref(bide_http_cookies *cookies) BIDE__NOTHROW;

/* ---- what is in it ------------------------------------------------------------------------ */

/** What a cookie says of requests that begin at other sites. */
enum bide_http_same_site {
	BIDE_HTTP_SAME_SITE_UNSET,
	BIDE_HTTP_SAME_SITE_NONE,
	BIDE_HTTP_SAME_SITE_LAX,
	BIDE_HTTP_SAME_SITE_STRICT
};

/** A cookie. */
typedef struct bide_http_cookie {
	const char *name; /**< may be "" */
	const char *value;
	const char *domain; /**< as xn--…, in lower case, without a dot before it */
	const char *path;
	int64_t expires; /**< seconds since 1970; 0: it ends with the session */
	bool host_only;  /**< for `domain` itself only, and no host below it */
	bool secure;     /**< for secure connections only */
	bool http_only;  /**< not for scripts in pages */
	enum bide_http_same_site same_site;
} bide_http_cookie;

/** Cookies as they were when they were listed. */
typedef struct bide_http_cookie_list {
	size_t count;
	const bide_http_cookie *at;
} bide_http_cookie_list;

/** Sets a cookie as if a response from a URL had done so, or takes one away. [threadsafe]
 *
 *  @param url    of http or https.
 *  @param cookie what would be in Set-Cookie: "name=value; Path=/; Max-Age=60".
 *  @return 0; -BIDE_EHTTP_URL when the URL is none; -EINVAL when such a response's cookie would be
 *          ignored; -ENOMEM. */
BIDE_API BIDE_CHECKED int bide_http_cookies_set(bide_http_cookies *cookies, const char *url,
                                                const char *cookie) BIDE__NOTHROW;

/** The room for each value of a cookie, with the final NUL. */
#define BIDE_HTTP_COOKIE_MAX 4097

/** Gives the value of the cookie that a request to a URL would take along under a name, the first
 *  if there are several. [threadsafe]
 *
 *  @param buf  @p size bytes of the caller's; gets the value with a NUL; untouched on failure.
 *  @return the length of the value; -ENOENT when there is no such cookie; -ERANGE when there is no
 *          room for it, never with BIDE_HTTP_COOKIE_MAX bytes; -BIDE_EHTTP_URL when the URL is
 *          none; -ENOMEM. */
BIDE_API BIDE_CHECKED ssize_t bide_http_cookies_get(bide_http_cookies *cookies, const char *url,
                                                    const char *name, char *buf,
                                                    size_t size) BIDE__NOTHROW;

/** Lists cookies. [threadsafe]
 *
 *  @param url      those that a request to it would take along, in that order; NULL: all that have
 *                  not expired, in the order in which they were first set.
 *  @param ret_list gets them, to be freed by bide_http_cookie_list_free(); untouched on failure.
 *  @return 0; -BIDE_EHTTP_URL when the URL is none; -ENOMEM. */
BIDE_API BIDE_CHECKED int bide_http_cookies_list(bide_http_cookies *cookies, const char *url,
                                                 bide_http_cookie_list **ret_list) BIDE__NOTHROW;

/** Frees a list of cookies; NULL is none. [threadsafe] */
BIDE_API void bide_http_cookie_list_free(bide_http_cookie_list *list) BIDE__NOTHROW;

/** Takes away all cookies of a domain, which is written as a cookie has it, and of what is below
 *  it; for NULL all that there are. [threadsafe] */
BIDE_API void bide_http_cookies_clear(bide_http_cookies *cookies, const char *domain) BIDE__NOTHROW;

/** Takes away the cookies that end with the session, those without Expires and Max-Age.
 *  [threadsafe] */
BIDE_API void bide_http_cookies_end_session(bide_http_cookies *cookies) BIDE__NOTHROW;

/* ---- files -------------------------------------------------------------------------------- */

/** Writes all cookies to a file, in the format of Netscape's cookies.txt that curl and others read,
 *  those that end with the session too. The file is there whole or not at all: it is written beside
 *  and then renamed; nobody else may read it. What the format cannot tell is lost: SameSite, and
 *  cookies with a tab in them. It waits for the disk, which blocks the thread. [threadsafe]
 *
 *  @return 0; what creating, writing or renaming a file fails with; -ENOMEM. */
BIDE_API BIDE_CHECKED int bide_http_cookies_save(bide_http_cookies *cookies,
                                                 const char *path) BIDE__NOTHROW;

/** Takes cookies from a file of that format into the jar, where they replace those that are the
 *  same but for the value. Lines that are none, or that no server could have set, are passed over.
 *  It reads a file, which blocks the thread for a moment. [threadsafe]
 *
 *  @return the number of cookies taken; what opening or reading the file fails with; -EFBIG when it
 *          has more than 64 MiB; -ENOMEM: some may have been taken. */
BIDE_API BIDE_CHECKED int bide_http_cookies_load(bide_http_cookies *cookies,
                                                 const char *path) BIDE__NOTHROW;

#ifdef __cplusplus
}
#endif
#endif
