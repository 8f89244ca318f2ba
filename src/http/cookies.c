// SPDX-License-Identifier: MIT
/* cookies.c: jars: who may set which cookies, and who gets them: RFC 6265bis, 5.7 and 5.8. */
#include "http/cookies.h"

#include "base/alloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- jars --------------------------------------------------------------------------------- */

int bide_http_cookies_open(bide_http_cookies **ret_cookies)
{
	bide_http_cookies *cookies = bide__calloc(1, sizeof(*cookies));
	if (cookies == NULL)
		return -ENOMEM;
	cookies->refs = 1;
	cookies->earliest = BIDE__COOKIE_NEVER;
	/* Without attributes it cannot fail. */
	(void)pthread_mutex_init(&cookies->lock, NULL);
	*ret_cookies = cookies;
	return 0;
}

bide_http_cookies *bide_http_cookies_ref(bide_http_cookies *cookies)
{
	__atomic_add_fetch(&cookies->refs, 1, __ATOMIC_RELAXED);
	return cookies;
}

void bide_http_cookies_unref(bide_http_cookies *cookies)
{
	/* Who comes last has seen what the others did. */
	if (cookies == NULL || __atomic_sub_fetch(&cookies->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	while (cookies->oldest != NULL)
		bide__cookies_remove(cookies, cookies->oldest);
	pthread_mutex_destroy(&cookies->lock);
	bide__free(cookies->sites);
	bide__free(cookies);
}

/* ---- setting: 5.7 ------------------------------------------------------------------------- */

static char lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

/* Has the domain, and whether it is the host alone; 5.7, 8 to 10. Whether the host may say so. */
static bool have_domain(const struct bide__url *url, char *domain, struct bide__new_cookie *cookie)
{
	const size_t size = cookie->domain.size;
	for (size_t i = 0; i < size; i++)
		domain[i] = lower(cookie->domain.at[i]);
	domain[size] = '\0';
	cookie->host_only = size == 0;
	if (size > 0 && bide__cookie_is_public(domain)) {
		if (strcmp(domain, url->host) != 0)
			return false;
		cookie->host_only = true;
	}
	if (size > 0 && !bide__cookie_in_domain(url->host, domain))
		return false;
	const char *said = size > 0 ? domain : url->host;
	cookie->domain = (struct bide__piece){ said, strlen(said) };
	return cookie->domain.size <= BIDE__COOKIE_PART;
}

/* Whether a cookie would hide, or replace, one that was set over a secure connection; 5.7, 15. */
static bool hides_secure(bide_http_cookies *cookies, const struct bide__url *url,
                         const struct bide__new_cookie *cookie, int64_t now)
{
	for (struct bide__cookie *it = bide__cookies_of(cookies, url->host); it != NULL;
	     it = it->next)
		if (it->secure && it->expires > now && it->name_size == cookie->name.size &&
		    memcmp(it->name, cookie->name.at, it->name_size) == 0 &&
		    (bide__cookie_in_domain(it->domain, cookie->domain.at) ||
		     bide__cookie_in_domain(cookie->domain.at, it->domain)) &&
		    bide__cookie_in_path(cookie->path.at, cookie->path.size, it->path,
		                         it->path_size))
			return true;
	return false;
}

static int store(bide_http_cookies *cookies, const struct bide__url *url, bool secure,
                 const struct bide__new_cookie *cookie, int64_t now)
{
	if (cookie->secure && !secure)
		return -EINVAL;
	int rc = -EINVAL;
	pthread_mutex_lock(&cookies->lock);
	if (secure || !hides_secure(cookies, url, cookie, now))
		rc = bide__cookies_put(cookies, cookie, now);
	pthread_mutex_unlock(&cookies->lock);
	return rc;
}

int bide__cookies_take(bide_http_cookies *cookies, const struct bide__url *url, bool secure,
                       const char *text, int64_t now)
{
	struct bide__new_cookie cookie;
	char domain[BIDE__COOKIE_PART + 1];
	if (!bide__cookie_parse(text, now, &cookie) || !have_domain(url, domain, &cookie) ||
	    !bide__cookie_keeps_promise(&cookie))
		return -EINVAL;
	if (cookie.path.size == 0 || cookie.path.at[0] != '/')
		cookie.path = bide__cookie_default_path(url);
	if (cookie.expires != BIDE__COOKIE_NEVER && cookie.expires > now + BIDE__COOKIE_AGE)
		cookie.expires = now + BIDE__COOKIE_AGE;
	return store(cookies, url, secure, &cookie, now);
}

int bide_http_cookies_set(bide_http_cookies *cookies, const char *url, const char *cookie)
{
	struct bide__url parsed;
	int rc = bide__url_parse(url, &parsed);
	if (rc < 0)
		return rc;
	rc = bide__cookies_take(cookies, &parsed, bide__cookie_is_secure(&parsed, true), cookie,
	                        time(NULL));
	bide__url_finish(&parsed);
	return rc;
}

/* ---- sending: 5.8 ------------------------------------------------------------------------- */

/* Whether a field Cookie has a cookie of some name. */
static bool names(const char *field, const char *name, size_t size)
{
	for (;;) {
		field += strspn(field, " \t;");
		if (*field == '\0')
			return false;
		const size_t end = strcspn(field, ";=");
		if (field[end] == '=' ? end == size && memcmp(field, name, size) == 0 : size == 0)
			return true;
		field += strcspn(field, ";");
	}
}

void bide__cookies_write(bide_http_cookies *cookies, const struct bide__url *url, bool secure,
                         const char *own, int64_t now, struct bide__string *out)
{
	const char *before = "Cookie: ";
	if (own != NULL) {
		bide__string_put(out, before);
		bide__string_put(out, own);
		before = "; ";
	}
	pthread_mutex_lock(&cookies->lock);
	for (struct bide__cookie *it = bide__cookies_of(cookies, url->host); it != NULL;
	     it = it->next) {
		if (!bide__cookie_fits(it, url, secure, now) ||
		    (own != NULL && names(own, it->name, it->name_size)))
			continue;
		bide__string_put(out, before);
		bide__string_add(out, it->name, it->name_size);
		bide__string_put(out, it->name_size > 0 ? "=" : "");
		bide__string_add(out, it->value, it->value_size);
		bide__cookies_touch(cookies, it);
		before = "; ";
	}
	pthread_mutex_unlock(&cookies->lock);
	if (before[0] == ';')
		bide__string_put(out, "\r\n");
}

/* ---- getting ------------------------------------------------------------------------------ */

static ssize_t get(bide_http_cookies *cookies, const struct bide__url *url, const char *name,
                   char *buf, size_t size)
{
	const bool secure = bide__cookie_is_secure(url, true);
	const int64_t now = time(NULL);
	for (struct bide__cookie *it = bide__cookies_of(cookies, url->host); it != NULL;
	     it = it->next) {
		if (strcmp(it->name, name) != 0 || !bide__cookie_fits(it, url, secure, now))
			continue;
		if (it->value_size >= size)
			return -ERANGE;
		memcpy(buf, it->value, it->value_size + 1);
		return (ssize_t)it->value_size;
	}
	return -ENOENT;
}

ssize_t bide_http_cookies_get(bide_http_cookies *cookies, const char *url, const char *name,
                              char *buf, size_t size)
{
	struct bide__url parsed;
	int rc = bide__url_parse(url, &parsed);
	if (rc < 0)
		return rc;
	pthread_mutex_lock(&cookies->lock);
	const ssize_t n = get(cookies, &parsed, name, buf, size);
	pthread_mutex_unlock(&cookies->lock);
	bide__url_finish(&parsed);
	return n;
}

/* ---- lists -------------------------------------------------------------------------------- */

/* Those to be listed, one after the other, from NULL on. */
static struct bide__cookie *next_listed(bide_http_cookies *cookies, const struct bide__url *url,
                                        struct bide__cookie *last, int64_t now)
{
	const bool secure = url != NULL && bide__cookie_is_secure(url, true);
	struct bide__cookie *it;
	if (url == NULL)
		it = last == NULL ? cookies->oldest : last->newer;
	else
		it = last == NULL ? bide__cookies_of(cookies, url->host) : last->next;
	while (it != NULL &&
	       (url == NULL ? it->expires <= now : !bide__cookie_fits(it, url, secure, now)))
		it = url == NULL ? it->newer : it->next;
	return it;
}

static int by_creation(const void *a, const void *b)
{
	const struct bide__cookie *const *of_a = a, *const *of_b = b;
	return (*of_a)->created < (*of_b)->created ? -1 : 1;
}

static const char *copy(char **at, const char *string)
{
	char *to = *at;
	*at = stpcpy(to, string) + 1;
	return to;
}

/* Makes a list with its strings behind it: one block. NULL when there was no memory. */
static bide_http_cookie_list *make_list(struct bide__cookie *const *found, size_t n, size_t text)
{
	bide_http_cookie_list *list =
		bide__malloc(sizeof(*list) + n * sizeof(bide_http_cookie) + text);
	if (list == NULL)
		return NULL;
	bide_http_cookie *to = (bide_http_cookie *)(list + 1);
	char *at = (char *)(to + n);
	*list = (bide_http_cookie_list){ n, to };
	for (size_t i = 0; i < n; i++) {
		const struct bide__cookie *of = found[i];
		to[i] = (bide_http_cookie){ .name = copy(&at, of->name),
			                    .value = copy(&at, of->value),
			                    .domain = copy(&at, of->domain),
			                    .path = copy(&at, of->path),
			                    .expires = of->expires == BIDE__COOKIE_NEVER
			                                       ? 0
			                                       : of->expires,
			                    .host_only = of->host_only,
			                    .secure = of->secure,
			                    .http_only = of->http_only,
			                    .same_site = of->same_site };
	}
	return list;
}

static bide_http_cookie_list *list(bide_http_cookies *cookies, const struct bide__url *url,
                                   int64_t now)
{
	struct bide__cookie **found = bide__calloc(cookies->n + 1, sizeof(*found));
	size_t n = 0, text = 0;
	if (found == NULL)
		return NULL;
	for (struct bide__cookie *it = NULL; (it = next_listed(cookies, url, it, now)) != NULL;) {
		found[n++] = it;
		text += it->name_size + it->value_size + it->path_size + strlen(it->domain) + 4;
	}
	if (url == NULL)
		qsort(found, n, sizeof(*found), by_creation);
	bide_http_cookie_list *made = make_list(found, n, text);
	bide__free(found);
	return made;
}

int bide__cookies_list(bide_http_cookies *cookies, const struct bide__url *url, int64_t now,
                       bide_http_cookie_list **ret_list)
{
	pthread_mutex_lock(&cookies->lock);
	bide_http_cookie_list *made = list(cookies, url, now);
	pthread_mutex_unlock(&cookies->lock);
	if (made == NULL)
		return -ENOMEM;
	*ret_list = made;
	return 0;
}

int bide_http_cookies_list(bide_http_cookies *cookies, const char *url,
                           bide_http_cookie_list **ret_list)
{
	struct bide__url parsed;
	if (url == NULL)
		return bide__cookies_list(cookies, NULL, time(NULL), ret_list);
	int rc = bide__url_parse(url, &parsed);
	if (rc < 0)
		return rc;
	rc = bide__cookies_list(cookies, &parsed, time(NULL), ret_list);
	bide__url_finish(&parsed);
	return rc;
}

void bide_http_cookie_list_free(bide_http_cookie_list *list)
{
	bide__free(list);
}

/* ---- clearing ----------------------------------------------------------------------------- */

void bide_http_cookies_clear(bide_http_cookies *cookies, const char *domain)
{
	struct bide__cookie *newer;
	pthread_mutex_lock(&cookies->lock);
	for (struct bide__cookie *it = cookies->oldest; it != NULL; it = newer) {
		newer = it->newer;
		if (domain == NULL || bide__cookie_in_domain(it->domain, domain))
			bide__cookies_remove(cookies, it);
	}
	pthread_mutex_unlock(&cookies->lock);
}

void bide_http_cookies_end_session(bide_http_cookies *cookies)
{
	struct bide__cookie *newer;
	pthread_mutex_lock(&cookies->lock);
	for (struct bide__cookie *it = cookies->oldest; it != NULL; it = newer) {
		newer = it->newer;
		if (it->expires == BIDE__COOKIE_NEVER)
			bide__cookies_remove(cookies, it);
	}
	pthread_mutex_unlock(&cookies->lock);
}
