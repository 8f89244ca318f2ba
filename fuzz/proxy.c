// SPDX-License-Identifier: MIT
/* proxy.c: URLs of proxies, and lists of hosts that are reached without one: a line of a list, and
 * behind it a host. A list names no fewer hosts when there is more in it. */
#include "fuzz.h"
#include "http/proxy.h"

#include <stdio.h>

static void check(const char *list, const char *host, unsigned port)
{
	const size_t size = strlen(list) + strlen(host) + 8;
	char *longer = malloc(size);
	HOLDS(longer != NULL);
	const bool named = bide__proxy_is_named(list, host, port);
	snprintf(longer, size, "%s,x.y", list);
	HOLDS(!named || bide__proxy_is_named(longer, host, port));
	snprintf(longer, size, "x %s", list);
	HOLDS(!named || bide__proxy_is_named(longer, host, port));
	snprintf(longer, size, "%s\t*", list);
	HOLDS(bide__proxy_is_named(longer, host, port));
	if (host[strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-")] == '\0') {
		snprintf(longer, size, "%s,%s", list, host);
		HOLDS(bide__proxy_is_named(longer, host, port));
	}
	free(longer);
}

FUZZ(bytes, size)
{
	struct bide__url url;
	char *list = text_of(bytes, size);
	char *line = strchr(list, '\n');
	if (bide__proxy_parse(list, &url) == 0) {
		HOLDS(url.host[0] != '\0' && url.port > 0);
		bide__url_finish(&url);
	}
	if (line != NULL) {
		*line = '\0';
		if (bide__proxy_parse(line + 1, &url) == 0) {
			check(list, url.host, url.port);
			bide__url_finish(&url);
		}
	}
	free(list);
}
