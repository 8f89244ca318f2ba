// SPDX-License-Identifier: MIT
/* url.c: URLs, and references within them. What has been understood is written so that it is
 * understood the same way again. */
#include "fuzz.h"
#include "http/url.h"

#include "base/alloc.h"

/* Nothing in the parts may end a line or a field of a request. */
static void check_part(const char *part)
{
	for (; part != NULL && *part != '\0'; part++)
		HOLDS((unsigned char)*part >= 0x20 && *part != 0x7f);
}

static void check(const struct bide__url *url)
{
	struct bide__url again;
	HOLDS(url->target[0] == '/' && url->port > 0 && url->port < 65536);
	check_part(url->host);
	check_part(url->target);
	check_part(url->user);
	check_part(url->password);
	HOLDS(strpbrk(url->target, " \t") == NULL && strpbrk(url->host, " /@?#") == NULL);
	HOLDS(bide__url_parse(url->text, &again) == 0 && strcmp(url->text, again.text) == 0);
	HOLDS(bide__url_same_origin(url, &again) && strcmp(url->target, again.target) == 0);
	bide__url_finish(&again);
}

FUZZ(bytes, size)
{
	struct bide__url base, url;
	const size_t half = size > 0 ? bytes[0] % size : 0;
	char *first = text_of(bytes + (size > 0), half > 0 ? half - 1 : 0);
	char *second = text_of(bytes + half, size - half);
	if (bide__url_parse(second, &url) == 0) {
		check(&url);
		bide__url_finish(&url);
	}
	if (bide__url_parse("http://host/a/b?c", &base) == 0) {
		if (bide__url_resolve(&base, second, &url) == 0) {
			check(&url);
			bide__url_finish(&url);
		}
		bide__url_finish(&base);
	}
	if (bide__url_parse(first, &base) == 0) {
		if (bide__url_resolve(&base, second, &url) == 0) {
			check(&url);
			bide__url_finish(&url);
		}
		bide__url_finish(&base);
	}
	free(first);
	free(second);
}
