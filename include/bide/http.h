/* SPDX-License-Identifier: MIT */
/* bide/http.h: HTTP/1.1, the client's side: RFC 9110 and 9112; what aiohttp's ClientSession is.
 *
 *     bide_http_session *session;
 *     bide_http_response *response;
 *     int rc = bide_http_session_open(NULL, &session);
 *     rc = bide_http_get(session, "https://example.org/", &response);
 *     if (rc == 0) {
 *             char *text;
 *             ssize_t size = bide_http_text(response, &text);
 *             …
 *             bide_http_response_close(response);
 *     }
 *     bide_http_session_close(session);
 *
 * A request returns when the head of the response has come. The body is then read, whole or piece
 * by piece or into a file, by the calls below and those of bide/http_body.h; when it has been read
 * to its end the connection serves the next request. A status such as 404 is no error:
 * bide_http_status() tells it.
 *
 * Redirects are followed, cookies kept, compressed bodies expanded. Requests can go through
 * proxies, be made again when they fail (bide/http_retry.h), and be watched (bide/http_events.h).
 * Any number of tasks may use a session at once. For a deadline put calls into a BIDE_TIMEOUT
 * block, or use the session's time-outs, each of which has an error of its own.
 *
 * What is said to be the response's lies there until bide_http_response_close().
 *
 * A library of its own, libbide-http (pkg-config: bide-http), on libbide-net and libbide-tls. */
#ifndef BIDE_HTTP_H
#define BIDE_HTTP_H

#include <bide/http_body.h>
#include <bide/http_cookies.h>
#include <bide/http_events.h>
#include <bide/http_retry.h>
#include <bide/net.h>
#include <bide/tls.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- sessions ----------------------------------------------------------------------------- */

/** What requests have in common: connections that are kept, cookies, and options. It belongs to the
 *  thread of the loop on which it was opened. */
typedef struct bide_http_session bide_http_session;

/** Options of a session; all zero are the defaults. Times are in seconds; 0 is the default, and
 *  INFINITY no limit. */
typedef struct bide_http_options {
	int limit;          /**< requests at once; others wait, first come first served; 0: 100 */
	int limit_per_host; /**< the same for each host and way to it; 0: no limit */
	double keep_alive;  /**< how long a connection is kept that nobody uses; 0: 15 */
	size_t body_limit;  /**< bytes of a body that is kept in memory; 0: 256 MiB. Beyond it what
	                         is read in pieces, or saved, may have 1200 times the bytes that
	                         have come, which no honest gzip exceeds */

	double timeout;          /**< of all, from the call to the body's end; 0: 300 */
	double timeout_pool;     /**< of the wait for its turn; 0: none */
	double timeout_connect;  /**< of finding the host, or proxy, and connecting; 0: 30 */
	double timeout_tls;      /**< of TLS's handshake; 0: 30 */
	double timeout_write;    /**< of sending a request; 0: none */
	double timeout_continue; /**< of the wait for leave to send a body; 0: 1 */
	double timeout_read;     /**< between two pieces of a response; 0: 60 */

	int redirects;        /**< how many are followed; 0: 10; -1: none */
	bool allow_downgrade; /**< follows redirects from https to http, too */
	bool raw;             /**< bodies as they come: no compression is asked for or undone */

	/** What the URLs of requests are relative to (RFC 3986, 5.2), as "http://host/api/"; NULL:
	 *  they are whole. Its user and password are for all of its origin. */
	const char *base_url;
	const char *user_agent;     /**< "" sends none; NULL: "bide/" and the version */
	const char *const *headers; /**< sent with each request that does not say otherwise:
	                                 "Name: value", NULL at the end */
	bide_http_cookies *cookies; /**< a jar that is shared; NULL: one of its own */
	bool no_cookies;            /**< none are kept */

	/* The way to hosts. A request may have its own. */
	bide_tls *tls;           /**< NULL: a client that trusts whom the system trusts. If it names
	                              protocols, "http/1.1" is to be one of them */
	bide_resolver *resolver; /**< NULL: the loop's own */
	const char *unix_path;   /**< connects to this socket, whatever the host */
	const char *local;       /**< connects from this address, as "192.0.2.1:0" */
	/** Goes through this proxy, but for what goes to a Unix socket:
	 *  "http://user:password@host:port", or one of https. */
	const char *proxy;
	/** If `proxy` is NULL, through those that the environment names when the session is
	 *  opened, by http_proxy, https_proxy, all_proxy, no_proxy. */
	bool proxy_from_environment;
	bide_tls *proxy_tls; /**< for proxies of https; NULL: trusts whom the system does */

	const bide_http_retry *retry; /**< when requests are made again; NULL: never */
	bide_http_hook *hook;         /**< is told what happens to each request; or NULL */
	void *hook_arg;               /**< its first argument */
} bide_http_options;

/** Opens a session. Nothing is connected to yet.
 *
 *  @param options     the options, or NULL for the defaults; copied, with what they point to; of
 *                     `tls`, `proxy_tls` and `cookies` references are taken, `resolver` must last
 *                     as long as the session.
 *  @param ret_session gets the session; untouched on failure.
 *  @return 0; -EINVAL for numbers that mean nothing, a header or user agent that is none, both a
 *          proxy and a Unix socket, or both `cookies` and `no_cookies`; -BIDE_EHTTP_URL for a base
 *          or proxy that is none; -EPROTONOSUPPORT for a proxy that is not of http or https;
 *          -ENOMEM. Aborts on a thread without a loop. */
BIDE_API BIDE_CHECKED int bide_http_session_open(const bide_http_options *options,
                                                 bide_http_session **ret_session) BIDE__NOTHROW;

/** Returns the session's jar, for as long as the session is open; NULL: it has none. */
BIDE_API bide_http_cookies *bide_http_session_cookies(bide_http_session *session) BIDE__NOTHROW;

/** Closes a session with its connections; NULL is none. [suspends] Always completes. Aborts while
 *  a request is being made, or a response is open; and so does a request that another task makes
 *  before this call returns. Aborts on another thread's loop, too, and without one. */
BIDE_API void bide_http_session_close(bide_http_session *session) BIDE__NOTHROW;

/* ---- requests ----------------------------------------------------------------------------- */

/** A request; what is NULL or 0 is left out. Borrowed until the call returns. */
typedef struct bide_http_request {
	const char *method; /**< NULL: "GET", or "POST" when there is a body */
	const char *url;    /**< of http or https; relative, if there is a base */
	/** What it is relative to, as bide_http_url() of the page that it is a link of; NULL: the
	 *  session's. */
	const char *base_url;

	/** For the query, behind what the URL has: names and values in turn, which are encoded,
	 *  NULL at the end. */
	const char *const *params;
	/** "Name: value", NULL at the end. They are sent in place of those of the same name that
	 *  the session has, or that would be sent by themselves; but of "Cookie" together with the
	 *  jar's. "Connection: close" has the connection closed behind the response. */
	const char *const *headers;

	/* The body: one of these four at most. */
	const void *body;        /**< @p body_size bytes, which may be 0; NULL: none */
	size_t body_size;        /**< of @p body */
	const char *const *form; /**< names and values in turn, NULL at the end, as of a web page */
	const char *json;        /**< a text in JSON, which is sent as it is */
	bide_http_source source; /**< from elsewhere, as bide_http_from_file(path) */
	/** The body's; NULL: what it is known to be, else what the session's headers say, else
	 *  "application/octet-stream". */
	const char *type;
	bool expect_continue; /**< asks for leave to send the body (RFC 9110, 10.1.1) */

	/* Which part of the content is wanted. What came is told by bide_http_content_range(). */
	int64_t range_from;   /**< the bytes from this one on; < 0: so many of the end */
	int64_t range_size;   /**< so many of them; 0: to the end */
	const char *if_range; /**< a validator: all is wanted if the content has another one now */

	/** For basic authentication (RFC 7617), in place of the URL's; a password is none without a
	 *  user, who may be "". */
	const char *user, *password;
	const char *bearer; /**< a token (RFC 6750), in place of both */

	bool no_redirects; /**< a redirect is the response */

	/* In place of the session's. */
	double timeout;               /**< 0: the session's */
	const bide_http_retry *retry; /**< NULL: the session's */
	bide_tls *tls;                /**< NULL: the session's; for redirects, too */
	/** Whom TLS asks for, and the certificate is to be for; NULL: the host. It is dropped
	 *  when a redirect leads elsewhere. */
	const char *server_name;
	const char *unix_path; /**< NULL: the session's; goes before proxies */
	const char *local;     /**< NULL: the session's */
	const char *proxy;     /**< NULL: the session's; "": none */

	int *proxy_status; /**< gets the status of a proxy that refuses to connect; or NULL */
	void *context;     /**< for the session's hook: is in each event */
} bide_http_request;

/** Makes a request, and returns when the head of the response has come. [suspends]
 *
 *  A redirect that asks for the body at another place (307, 308) is followed when the body can be
 *  sent again, or none of it has been, and is the response otherwise. A response of 300 and above
 *  that comes while the body is being sent ends that, and the connection; one of 2xx does not, and
 *  of its body at most the session's body_limit is kept meanwhile.
 *
 *  @param ret_response gets the response, to be closed by bide_http_response_close(); untouched on
 *                      failure.
 *  @return 0, whatever the status; or:
 *          -BIDE_EHTTP_URL    the URL is none of http or https, its base, or the proxy's
 *          -EINVAL            the method, a header or the type is none, or may not be sent; there
 *                             are two bodies, or one is NULL that is said to be there, or the
 *                             source is no file on disk; both a proxy and a Unix socket; no URL;
 *                             a name of a query or a form has no value
 *          -BIDE_EHTTP_LENGTH the body has another length than was said
 *          -BIDE_EHTTP        what came is not HTTP
 *          -BIDE_EHTTP_HEAD   the response's head is too large
 *          -BIDE_EHTTP_BODY   its body, that comes while the request is sent, is
 *          -BIDE_EHTTP_REDIRECTS  there were more than the session's `redirects`
 *          -BIDE_EHTTP_LOCATION   a redirect leads to what is no URL of http or https, or has
 *                             a user with a colon in it
 *          -BIDE_EHTTP_DOWNGRADE  one leads from https to http, without `allow_downgrade`
 *          -BIDE_EHTTP_TIMEOUT, -BIDE_EHTTP_TIMEOUT_POOL, -BIDE_EHTTP_TIMEOUT_CONNECT,
 *          -BIDE_EHTTP_TIMEOUT_TLS, -BIDE_EHTTP_TIMEOUT_WRITE, -BIDE_EHTTP_TIMEOUT_READ
 *                             a time-out of the session's
 *          -BIDE_EHTTP_PROXY, -BIDE_EHTTP_PROXY_AUTH  the proxy refuses to connect, or to do so
 *                             for the user; `proxy_status` tells by what status
 *          -EPROTONOSUPPORT   the proxy is of a kind that is not spoken, as SOCKS
 *          -BIDE_EINCOMPLETE  the connection was closed before a head was complete
 *          -ENOMEM; those of bide_open_connection(), bide_start_tls(), of reading and writing a
 *          stream; of open(2) and read(2) for files; what a producer of the body returns; or the
 *          cancellation. Aborts on another thread's loop than the session's, or without one. */
BIDE_API BIDE_CHECKED int bide_http_send(bide_http_session *session,
                                         const bide_http_request *request,
                                         bide_http_response **ret_response) BIDE__NOTHROW;

/** bide_http_send() with nothing but a URL. [suspends] */
BIDE_API BIDE_CHECKED int bide_http_get(bide_http_session *session, const char *url,
                                        bide_http_response **ret_response) BIDE__NOTHROW;

/** bide_http_send() by HEAD: the response has no body. [suspends] */
BIDE_API BIDE_CHECKED int bide_http_head(bide_http_session *session, const char *url,
                                         bide_http_response **ret_response) BIDE__NOTHROW;

/** bide_http_send() by DELETE. [suspends] */
BIDE_API BIDE_CHECKED int bide_http_delete(bide_http_session *session, const char *url,
                                           bide_http_response **ret_response) BIDE__NOTHROW;

/** bide_http_send() by POST, PUT and PATCH of a body of a type, as "text/plain"; NULL: what the
 *  session's headers say, else "application/octet-stream". A body of NULL is none, and has no
 *  type: its length is said to be 0. [suspends] */
BIDE_API BIDE_CHECKED int bide_http_post(bide_http_session *session, const char *url,
                                         const char *type, const void *body, size_t size,
                                         bide_http_response **ret_response) BIDE__NOTHROW;
BIDE_API BIDE_CHECKED int bide_http_put(bide_http_session *session, const char *url,
                                        const char *type, const void *body, size_t size,
                                        bide_http_response **ret_response) BIDE__NOTHROW;
BIDE_API BIDE_CHECKED int bide_http_patch(bide_http_session *session, const char *url,
                                          const char *type, const void *body, size_t size,
                                          bide_http_response **ret_response) BIDE__NOTHROW;

/** bide_http_send() by POST of a text in JSON. [suspends] */
BIDE_API BIDE_CHECKED int bide_http_post_json(bide_http_session *session, const char *url,
                                              const char *json,
                                              bide_http_response **ret_response) BIDE__NOTHROW;

/* ---- responses ---------------------------------------------------------------------------- */

/** Closes a response; NULL is none. [suspends] Always completes. If its body has been read to its
 *  end the connection is kept, else it is closed, too. */
BIDE_API void bide_http_response_close(bide_http_response *response) BIDE__NOTHROW;

/** Returns the status, as 200. */
BIDE_API int bide_http_status(const bide_http_response *response) BIDE__NOTHROW;

/** Returns the URL that has answered in the end, without user and password; the response's. */
BIDE_API const char *bide_http_url(const bide_http_response *response) BIDE__NOTHROW;

/** Returns how many redirects led there. */
BIDE_API int bide_http_redirects(const bide_http_response *response) BIDE__NOTHROW;

/** Returns the URL that redirect number @p i came from, counted from 0, without user and password;
 *  the response's. NULL when there were not so many.
 *  @param ret_status gets its status, as 302; or NULL. */
BIDE_API const char *bide_http_history(const bide_http_response *response, int i,
                                       int *ret_status) BIDE__NOTHROW;

/** Returns the times of what has happened to the request so far; the response's. */
BIDE_API const bide_http_times *
bide_http_times_of(const bide_http_response *response) BIDE__NOTHROW;

/** Returns who was connected to, the proxy if there is one; the response's. */
BIDE_API const bide_address *
bide_http_peer_address(const bide_http_response *response) BIDE__NOTHROW;

/** Returns the value of a field of the head, whatever the case of its name, or NULL; the
 *  response's.
 *  @param last NULL for the first; or the value that was returned before, for the next one. */
BIDE_API const char *bide_http_header(const bide_http_response *response, const char *name,
                                      const char *last) BIDE__NOTHROW;

/** Goes through all fields of the head, in their order.
 *  @param value in: the value that was given before, or NULL; out: the next field's.
 *  @return the next field's name, or NULL when there are no more. Both are the response's. */
BIDE_API const char *bide_http_next_header(const bide_http_response *response,
                                           const char **value) BIDE__NOTHROW;

/** Reads some of the body, expanded, waiting for the first byte. [suspends]
 *  @return bytes (> 0 unless size is 0); 0 at its end; -BIDE_EINCOMPLETE when the connection ends
 *          before; -BIDE_EHTTP; -BIDE_EHTTP_CODING when it cannot be expanded,
 *          or expands without end: see body_limit;
 *          -BIDE_EHTTP_TIMEOUT_READ, -BIDE_EHTTP_TIMEOUT; or as of bide_stream_read(). */
BIDE_API ssize_t bide_http_read(bide_http_response *response, void *buf, size_t size) BIDE__NOTHROW;

/** Reads all that is left of the body. [suspends]
 *  @param ret_data gets the bytes, with a NUL behind them; the response's, until it is closed.
 *  @return their number; -BIDE_EHTTP_BODY when there are more than the session's body_limit; or as
 *          of bide_http_read(). */
BIDE_API ssize_t bide_http_bytes(bide_http_response *response, void **ret_data) BIDE__NOTHROW;

#ifdef __cplusplus
}
#endif
#endif
