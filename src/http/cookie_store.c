// SPDX-License-Identifier: MIT
/* cookie_store.c: where a jar has its cookies, and which go when there are too many. It knows
 * nothing of who may set a cookie. */
#include "http/cookies.h"

#include "base/alloc.h"
#include "http/hash.h"

#include <errno.h>
#include <string.h>

/* ---- by last use -------------------------------------------------------------------------- */

static void unlink_use(bide_http_cookies *cookies, const struct bide__cookie *cookie)
{
	if (cookie->older != NULL)
		cookie->older->newer = cookie->newer;
	else
		cookies->oldest = cookie->newer;
	if (cookie->newer != NULL)
		cookie->newer->older = cookie->older;
	else
		cookies->newest = cookie->older;
}

static void link_use(bide_http_cookies *cookies, struct bide__cookie *cookie)
{
	cookie->used = ++cookies->clock;
	cookie->older = cookies->newest;
	cookie->newer = NULL;
	if (cookies->newest != NULL)
		cookies->newest->newer = cookie;
	else
		cookies->oldest = cookie;
	cookies->newest = cookie;
}

void bide__cookies_touch(bide_http_cookies *cookies, struct bide__cookie *cookie)
{
	if (cookies->newest == cookie)
		return;
	unlink_use(cookies, cookie);
	link_use(cookies, cookie);
}

/* ---- sites -------------------------------------------------------------------------------- */

static struct bide__cookie_site **find_site(bide_http_cookies *cookies, const char *key)
{
	struct bide__cookie_site **at = &cookies->sites[bide__hash(key) % BIDE__COOKIE_BUCKETS];
	while (*at != NULL && strcmp((*at)->key, key) != 0)
		at = &(*at)->next;
	return at;
}

/* Gives a site, which may have no cookies yet; NULL when there is no memory. */
static struct bide__cookie_site *have_site(bide_http_cookies *cookies, const char *key)
{
	if (cookies->sites == NULL)
		cookies->sites = bide__calloc(BIDE__COOKIE_BUCKETS, sizeof(*cookies->sites));
	if (cookies->sites == NULL)
		return NULL;
	struct bide__cookie_site **at = find_site(cookies, key);
	if (*at != NULL)
		return *at;
	struct bide__cookie_site *site = bide__calloc(1, sizeof(*site) + strlen(key) + 1);
	if (site != NULL) {
		strcpy(site->key, key);
		*at = site;
	}
	return site;
}

static void drop_empty(bide_http_cookies *cookies, struct bide__cookie_site *site)
{
	if (site->n > 0)
		return;
	*find_site(cookies, site->key) = site->next;
	bide__free(site);
}

struct bide__cookie *bide__cookies_of(bide_http_cookies *cookies, const char *host)
{
	const struct bide__cookie_site *site = NULL;
	while (cookies->sites != NULL && site == NULL && host != NULL) {
		site = *find_site(cookies, host);
		const char *dot = strchr(host, '.');
		host = dot != NULL ? dot + 1 : NULL;
	}
	return site != NULL ? site->cookies : NULL;
}

bool bide__cookie_fits(const struct bide__cookie *cookie, const struct bide__url *url, bool secure,
                       int64_t now)
{
	const struct bide__piece path = bide__cookie_path_of(url);
	if (cookie->expires <= now || (cookie->secure && !secure))
		return false;
	if (cookie->host_only ? strcmp(url->host, cookie->domain) != 0
	                      : !bide__cookie_in_domain(url->host, cookie->domain))
		return false;
	return bide__cookie_in_path(path.at, path.size, cookie->path, cookie->path_size);
}

/* ---- cookies ------------------------------------------------------------------------------ */

static void set_count(bide_http_cookies *cookies, size_t n)
{
	__atomic_store_n(&cookies->n, n, __ATOMIC_RELAXED);
}

/* Copies a part behind those before, with a NUL. */
static const char *copy(char **at, struct bide__piece piece)
{
	char *string = *at;
	memcpy(string, piece.at, piece.size);
	string[piece.size] = '\0';
	*at += piece.size + 1;
	return string;
}

static struct bide__cookie *new_cookie(const struct bide__new_cookie *of)
{
	const size_t size = of->name.size + of->value.size + of->domain.size + of->path.size + 4;
	struct bide__cookie *cookie = bide__malloc(sizeof(*cookie) + size);
	if (cookie == NULL)
		return NULL;
	char *at = cookie->text;
	*cookie = (struct bide__cookie){ .expires = of->expires,
		                         .host_only = of->host_only,
		                         .secure = of->secure,
		                         .http_only = of->http_only,
		                         .same_site = of->same_site,
		                         .name_size = of->name.size,
		                         .value_size = of->value.size,
		                         .path_size = of->path.size };
	cookie->name = copy(&at, of->name);
	cookie->value = copy(&at, of->value);
	cookie->domain = copy(&at, of->domain);
	cookie->path = copy(&at, of->path);
	return cookie;
}

static bool is(const char *text, size_t size, struct bide__piece piece)
{
	return size == piece.size && memcmp(text, piece.at, size) == 0;
}

/* The place of the cookie that a new one replaces: 5.7, 23. */
static struct bide__cookie **find_same(struct bide__cookie_site *site,
                                       const struct bide__new_cookie *cookie)
{
	struct bide__cookie **at = &site->cookies;
	while (*at != NULL && !(is((*at)->name, (*at)->name_size, cookie->name) &&
	                        is((*at)->path, (*at)->path_size, cookie->path) &&
	                        (*at)->host_only == cookie->host_only &&
	                        is((*at)->domain, strlen((*at)->domain), cookie->domain)))
		at = &(*at)->next;
	return at;
}

static void insert(struct bide__cookie_site *site, struct bide__cookie *cookie)
{
	struct bide__cookie **at = &site->cookies;
	while (*at != NULL &&
	       ((*at)->path_size > cookie->path_size ||
	        ((*at)->path_size == cookie->path_size && (*at)->created < cookie->created)))
		at = &(*at)->next;
	cookie->next = *at;
	*at = cookie;
	cookie->site = site;
	site->n++;
}

/* Takes it away, and leaves its site. */
static void detach(bide_http_cookies *cookies, struct bide__cookie *cookie)
{
	struct bide__cookie **at = &cookie->site->cookies;
	while (*at != cookie)
		at = &(*at)->next;
	*at = cookie->next;
	cookie->site->n--;
	unlink_use(cookies, cookie);
	set_count(cookies, cookies->n - 1);
	bide__free(cookie);
}

void bide__cookies_remove(bide_http_cookies *cookies, struct bide__cookie *cookie)
{
	struct bide__cookie_site *site = cookie->site;
	detach(cookies, cookie);
	drop_empty(cookies, site);
}

/* ---- too many: 5.7 ------------------------------------------------------------------------ */

/* Which goes first of a site: what has expired, what need not be secure; then, what has not been
 * used for longer. */
static unsigned rank(const struct bide__cookie *cookie, int64_t now)
{
	return cookie->expires <= now ? 0 : cookie->secure ? 2 : 1;
}

static bool goes_before(const struct bide__cookie *a, const struct bide__cookie *b, int64_t now)
{
	const unsigned of_a = rank(a, now), of_b = rank(b, now);
	return of_a != of_b ? of_a < of_b : a->used < b->used;
}

static void make_room_in(bide_http_cookies *cookies, const struct bide__cookie_site *site,
                         int64_t now)
{
	struct bide__cookie *worst = NULL;
	if (site->n < BIDE__COOKIES_SITE)
		return;
	for (struct bide__cookie *it = site->cookies; it != NULL; it = it->next)
		if (worst == NULL || goes_before(it, worst, now))
			worst = it;
	if (worst != NULL)
		detach(cookies, worst);
}

static void remove_expired(bide_http_cookies *cookies, const struct bide__cookie_site *but,
                           int64_t now)
{
	struct bide__cookie *newer;
	cookies->earliest = BIDE__COOKIE_NEVER;
	for (struct bide__cookie *it = cookies->oldest; it != NULL; it = newer) {
		newer = it->newer;
		if (it->expires <= now && it->site != but)
			bide__cookies_remove(cookies, it);
		else if (it->expires <= now)
			detach(cookies, it);
		else if (it->expires < cookies->earliest)
			cookies->earliest = it->expires;
	}
}

/* Makes room for a cookie of a site, which is left even when it is empty then. */
static void make_room(bide_http_cookies *cookies, const struct bide__cookie_site *site, int64_t now)
{
	make_room_in(cookies, site, now);
	if (cookies->n >= BIDE__COOKIES_ALL && cookies->earliest <= now)
		remove_expired(cookies, site, now);
	if (cookies->n < BIDE__COOKIES_ALL)
		return;
	if (cookies->oldest->site == site)
		detach(cookies, cookies->oldest);
	else
		bide__cookies_remove(cookies, cookies->oldest);
}

/* ---- putting ------------------------------------------------------------------------------ */

/* Has a cookie in its site, in the place of the one before it. */
static int put_in(bide_http_cookies *cookies, struct bide__cookie_site *site,
                  const struct bide__new_cookie *of, int64_t now)
{
	struct bide__cookie *before = *find_same(site, of);
	struct bide__cookie *cookie = of->expires > now ? new_cookie(of) : NULL;
	if (cookie == NULL && of->expires > now)
		return -ENOMEM;
	const uint64_t created = before != NULL ? before->created : ++cookies->clock;
	if (before != NULL)
		detach(cookies, before);
	if (cookie == NULL)
		return 0;
	make_room(cookies, site, now);
	cookie->created = created;
	insert(site, cookie);
	link_use(cookies, cookie);
	set_count(cookies, cookies->n + 1);
	if (cookie->expires < cookies->earliest)
		cookies->earliest = cookie->expires;
	return 0;
}

int bide__cookies_put(bide_http_cookies *cookies, const struct bide__new_cookie *cookie,
                      int64_t now)
{
	char domain[BIDE__COOKIE_PART + 1];
	memcpy(domain, cookie->domain.at, cookie->domain.size);
	domain[cookie->domain.size] = '\0';
	struct bide__cookie_site *site = have_site(cookies, bide__cookie_site_of(domain));
	if (site == NULL)
		return -ENOMEM;
	int rc = put_in(cookies, site, cookie, now);
	drop_empty(cookies, site);
	return rc;
}
