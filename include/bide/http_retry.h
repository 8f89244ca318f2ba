/* SPDX-License-Identifier: MIT */
/* bide/http_retry.h: HTTP requests that are made again when they fail.
 *
 *     const bide_http_retry retry = { .attempts = 4 };
 *     const bide_http_options options = { .retry = &retry };
 *
 * Included by <bide/http.h>. */
#ifndef BIDE_HTTP_RETRY_H
#define BIDE_HTTP_RETRY_H

#include <bide/base.h>

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/** When a request is made again, and how soon. Only those are that do the same when they are made
 *  twice (RFC 9110, 9.2.2: GET, HEAD, PUT, DELETE, OPTIONS, TRACE), or of which nothing has been
 *  sent; only if their body can be sent again; and only if there is time for it before the next
 *  deadline around the call. */
typedef struct bide_http_retry {
	int attempts;        /**< how often a request is made at most, in all; 0: once */
	double delay;        /**< seconds before it is made the second time; 0: 0.1 */
	double factor;       /**< how much longer each delay is than the one before; 0: 2 */
	double most;         /**< seconds of the longest, also where the server asks for more by
	                          Retry-After; 0: 30 */
	double jitter;       /**< how much of a delay is left to chance, 0 to 1, so that not all
	                          who have failed at once come again at once; 0: 0.5; -1: none. What
	                          Retry-After asks for is waited for in full */
	const int *statuses; /**< which answers, up to a 0; NULL: 429, 502, 503, 504 */
	/** Which errors, negative, up to a 0; NULL: those of names that cannot be looked up for
	 *  now, of hosts that cannot be reached, of connections that break, and the time-outs of
	 *  connecting, TLS, writing and reading. */
	const int *errors;
	bool any_method; /**< all methods are, also those that may do something twice */
} bide_http_retry;

/** Returns whether a request by a method, as "GET", does the same when it is made twice: RFC 9110,
 *  9.2.2. For programs that repeat requests themselves. From any thread. */
BIDE_API bool bide_http_is_idempotent(const char *method) BIDE__NOTHROW;

#ifdef __cplusplus
}
#endif
#endif
