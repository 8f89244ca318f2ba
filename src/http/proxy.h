/* SPDX-License-Identifier: MIT */
/* proxy.h: which proxy a request goes through, if any. */
#ifndef BIDE_HTTP_PROXY_H
#define BIDE_HTTP_PROXY_H

#include "http/url.h"

/* A proxy, or none. */
struct bide__proxy {
	bool set;
	int error; /* of what is no proxy's URL, or one of a kind that is not spoken; 0 */
	struct bide__url url;
};

/* Those of a session. */
struct bide__proxies {
	struct bide__proxy plain, secure; /* for http, and for https */
	char *direct;                     /* whom to reach without one, as in NO_PROXY; or NULL */
};

/* Reads a proxy's URL; what has no scheme is one of http. 0; -EINVAL; -EPROTONOSUPPORT for a scheme
 * other than http and https; -ENOMEM. */
int bide__proxy_parse(const char *text, struct bide__url *ret_url);

/* Takes what the environment says: http_proxy, https_proxy, all_proxy, no_proxy, and the same in
 * upper case. What is wrong there is so only for requests that would go through it. 0 or -ENOMEM.
 */
int bide__proxies_read(struct bide__proxies *proxies);

/* One for all. 0 or an error. */
int bide__proxies_set(struct bide__proxies *proxies, const char *text);

/* The proxy for a URL, or NULL. 0 or the error of what would be the proxy. */
int bide__proxies_find(const struct bide__proxies *proxies, const struct bide__url *url,
                       const struct bide__url **ret_proxy);

/* Whether a list such as NO_PROXY names a host. */
bool bide__proxy_is_named(const char *list, const char *host, unsigned port);

void bide__proxies_finish(struct bide__proxies *proxies);

#endif
