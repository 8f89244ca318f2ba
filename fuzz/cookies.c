// SPDX-License-Identifier: MIT
/* cookies.c: cookies that servers set, and files of cookies. An input is lines: what responses say
 * in Set-Cookie, or, with a ':' before its first ';' and '=', the URL that those behind it come
 * from; and it is a file. However it comes, a jar
 * keeps its order and its limits, a request says nothing that could end a field, and what is saved
 * is loaded again. */
#include "fuzz.h"
#include "http/cookies.h"

#include "base/alloc.h"
#include "http/field.h"

#include <errno.h>

enum { NOW = 1700000000 };

/* ---- a jar -------------------------------------------------------------------------------- */

static void check_site(const bide_http_cookies *jar, const struct bide__cookie_site *site)
{
	unsigned n = 0;
	for (const struct bide__cookie *it = site->cookies; it != NULL; it = it->next, n++) {
		const struct bide__cookie *next = it->next;
		HOLDS(it->site == site && it->path[0] == '/' && it->domain[0] != '.');
		HOLDS(strcmp(bide__cookie_site_of(it->domain), site->key) == 0);
		HOLDS(it->host_only || !bide__cookie_is_public(it->domain));
		HOLDS(strlen(it->name) == it->name_size && strlen(it->value) == it->value_size);
		HOLDS(it->name_size + it->value_size > 0 &&
		      it->name_size + it->value_size <= BIDE__COOKIE_MAX);
		HOLDS(it->expires > NOW && it->expires >= jar->earliest);
		HOLDS(next == NULL || it->path_size > next->path_size ||
		      (it->path_size == next->path_size && it->created < next->created));
	}
	HOLDS(n == site->n && n > 0 && n <= BIDE__COOKIES_SITE);
}

static void check(const bide_http_cookies *jar)
{
	size_t n = 0, in_sites = 0;
	uint64_t used = 0;
	for (const struct bide__cookie *it = jar->oldest; it != NULL; it = it->newer, n++) {
		HOLDS(it->used > used && (it->newer != NULL || it == jar->newest));
		used = it->used;
	}
	for (size_t i = 0; jar->sites != NULL && i < BIDE__COOKIE_BUCKETS; i++)
		for (const struct bide__cookie_site *it = jar->sites[i]; it != NULL;
		     it = it->next) {
			check_site(jar, it);
			in_sites += it->n;
		}
	HOLDS(n == jar->n && n == in_sites && n <= BIDE__COOKIES_ALL);
}

/* ---- Set-Cookie --------------------------------------------------------------------------- */

/* How many of all cookies are for a URL. */
static size_t count_fitting(const bide_http_cookies *jar, const struct bide__url *url)
{
	size_t n = 0;
	for (const struct bide__cookie *it = jar->oldest; it != NULL; it = it->newer)
		n += bide__cookie_fits(it, url, bide__cookie_is_secure(url, true), NOW);
	return n;
}

/* What a request says is one field, with the cookies that it should have. */
static void check_request(bide_http_cookies *jar, const struct bide__url *url, const char *own)
{
	struct bide__string out = { NULL, 0, 0, false };
	bide_http_cookie_list *list;
	HOLDS(bide__cookies_list(jar, url, NOW, &list) == 0);
	HOLDS(list->count == count_fitting(jar, url));
	bide_http_cookie_list_free(list);
	bide__cookies_write(jar, url, bide__cookie_is_secure(url, true), own, NOW, &out);
	HOLDS(out.size == 0 || (out.size > 10 && memcmp(out.data, "Cookie: ", 8) == 0 &&
	                        memcmp(out.data + out.size - 2, "\r\n", 2) == 0));
	HOLDS(out.size == 0 || bide__http_is_clean(out.data, out.size - 2));
	bide__string_free(&out);
}

static bool is_url(const char *line)
{
	return line[strcspn(line, ":;=")] == ':';
}

/* Goes to another URL, if it is one. */
static void turn_to(bide_http_cookies *jar, const char *text, struct bide__url *url)
{
	struct bide__url next;
	if (bide__url_parse(text, &next) < 0)
		return;
	bide__url_finish(url);
	*url = next;
	check_request(jar, url, NULL);
}

static void check_responses(const char *text)
{
	bide_http_cookies *jar;
	struct bide__url url;
	char *copy = strdup(text), *rest = copy;
	HOLDS(copy != NULL && bide_http_cookies_open(&jar) == 0);
	HOLDS(bide__url_parse("https://www.example.org/", &url) == 0);
	for (const char *line; (line = strsep(&rest, "\n")) != NULL;) {
		const size_t before = jar->n;
		if (is_url(line)) {
			turn_to(jar, line, &url);
			continue;
		}
		int rc = bide__cookies_take(jar, &url, bide__cookie_is_secure(&url, true), line,
		                            NOW);
		HOLDS(rc == 0 || (rc == -EINVAL && jar->n == before));
		check(jar);
	}
	check_request(jar, &url, NULL);
	check_request(jar, &url, "a=b; c");
	check(jar);
	bide__url_finish(&url);
	bide_http_cookies_unref(jar);
	free(copy);
}

/* ---- files -------------------------------------------------------------------------------- */

static char *format(bide_http_cookies *jar)
{
	struct bide__string text = { NULL, 0, 0, false };
	bide_http_cookie_list *list;
	HOLDS(bide__cookies_list(jar, NULL, NOW, &list) == 0);
	bide__cookies_format(list, &text);
	HOLDS(bide__string_end(&text) == 0);
	bide_http_cookie_list_free(list);
	return text.data;
}

/* Loads a file, and gives what is saved of it. */
static char *again(const char *text, int *ret_n)
{
	bide_http_cookies *jar;
	char *copy = strdup(text);
	HOLDS(copy != NULL && bide_http_cookies_open(&jar) == 0);
	*ret_n = bide__cookies_read(jar, copy, NOW);
	HOLDS(*ret_n >= 0 && (size_t)*ret_n >= jar->n);
	check(jar);
	char *saved = format(jar);
	bide_http_cookies_unref(jar);
	free(copy);
	return saved;
}

static void check_file(const char *text)
{
	int n, n_again;
	char *first = again(text, &n), *second = again(first, &n_again);
	HOLDS(strcmp(first, second) == 0 && n_again <= n);
	bide__free(first);
	bide__free(second);
}

FUZZ(bytes, size)
{
	char *text = text_of(bytes, size);
	check_responses(text);
	check_file(text);
	free(text);
}
