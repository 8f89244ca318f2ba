// SPDX-License-Identifier: MIT
/* route.c: which way a request goes, and what a connection for it depends on: all that is in the
 * key by which the pool finds one, so that nobody is given one that was made for something else. */
#include "http/session.h"

#include <string.h>

/* The proxy: the request's own, whatever else there is; none for a local socket; the session's. */
static int find_proxy(struct bide__http_errand *errand)
{
	struct bide__http_route *route = &errand->route;
	if (errand->request->proxy != NULL) {
		route->proxy = errand->proxy.host != NULL ? &errand->proxy : NULL;
		return 0;
	}
	if (route->unix_path != NULL)
		return 0;
	return bide__proxies_find(&errand->session->proxies, route->url, &route->proxy);
}

int bide__http_find_route(struct bide__http_errand *errand)
{
	const bide_http_options *options = &errand->session->options;
	const bide_http_request *request = errand->request;
	struct bide__http_route *route = &errand->route;
	*route = (struct bide__http_route){ .url = &errand->url };
	route->local = request->local != NULL ? request->local : options->local;
	route->unix_path = request->unix_path;
	if (route->unix_path == NULL && errand->proxy.host == NULL)
		route->unix_path = options->unix_path;
	if (errand->url.secure && request->tls != options->tls)
		route->tls = request->tls;
	/* Whose certificate is to be another's was said of what was asked for only. */
	if (errand->url.secure && !bide__http_is_foreign(errand))
		route->server_name = request->server_name;
	return find_proxy(errand);
}

/* With its length before it, so that no two keys of different parts are the same. */
static void put_part(struct bide__string *key, const char *part)
{
	bide__string_put_char(key, ' ');
	if (part == NULL)
		return;
	bide__string_put_number(key, strlen(part));
	bide__string_put_char(key, ':');
	bide__string_put(key, part);
}

/* The scheme, the host and the port, in which there is no space. */
static void put_url(struct bide__string *key, const struct bide__url *url)
{
	bide__string_add(key, url->text, (size_t)(url->target - url->text));
}

void bide__http_put_key(struct bide__string *key, const struct bide__http_route *route)
{
	put_url(key, route->url);
	if (route->proxy != NULL) {
		bide__string_put(key, " by ");
		put_url(key, route->proxy);
		put_part(key, route->proxy->user);
		put_part(key, route->proxy->password);
	}
	if (route->tls != NULL) {
		bide__string_put(key, " tls ");
		bide__string_put_number(key, (uintptr_t)route->tls);
	}
	if (route->server_name != NULL || route->unix_path != NULL || route->local != NULL) {
		bide__string_put(key, " to");
		put_part(key, route->server_name);
		put_part(key, route->unix_path);
		put_part(key, route->local);
	}
}
