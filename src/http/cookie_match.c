// SPDX-License-Identifier: MIT
/* cookie_match.c: which cookies are for whom: RFC 6265bis, 5.1.2 to 5.1.4, with the list of public
 * suffixes that libpsl has been built with. Without one every domain is taken for public, and
 * cookies are for single hosts. */
#include "http/cookies.h"

#include <libpsl.h>
#include <string.h>
#include <strings.h>

/* ---- hosts -------------------------------------------------------------------------------- */

/* Whether a host is an address rather than a name; also one as only inet_aton(3) reads it, whose
 * last part is a number. */
static bool is_address(const char *host)
{
	const char *dot = strrchr(host, '.');
	const char *last = dot != NULL ? dot + 1 : host;
	if (strchr(host, ':') != NULL)
		return true;
	if (last[0] == '0' && last[1] == 'x')
		return last[2 + strspn(last + 2, "0123456789abcdef")] == '\0';
	return last[0] != '\0' && last[strspn(last, "0123456789")] == '\0';
}

static bool ends_in_dot(const char *host)
{
	const size_t size = strlen(host);
	return size > 0 && host[size - 1] == '.';
}

const char *bide__cookie_site_of(const char *host)
{
	const char *site = is_address(host) || ends_in_dot(host)
	                           ? NULL
	                           : psl_registrable_domain(psl_builtin(), host);
	return site != NULL ? site : host;
}

bool bide__cookie_is_public(const char *domain)
{
	return is_address(domain) || ends_in_dot(domain) ||
	       psl_is_public_suffix(psl_builtin(), domain) != 0;
}

bool bide__cookie_in_domain(const char *host, const char *domain)
{
	const size_t size = strlen(host), above = strlen(domain);
	if (size < above || strcmp(host + size - above, domain) != 0)
		return false;
	return size == above || (host[size - above - 1] == '.' && !is_address(host));
}

/* ---- paths -------------------------------------------------------------------------------- */

bool bide__cookie_in_path(const char *path, size_t size, const char *above, size_t above_size)
{
	if (size < above_size || memcmp(path, above, above_size) != 0)
		return false;
	return size == above_size || path[above_size - 1] == '/' || path[above_size] == '/';
}

struct bide__piece bide__cookie_path_of(const struct bide__url *url)
{
	return (struct bide__piece){ url->target, strcspn(url->target, "?") };
}

struct bide__piece bide__cookie_default_path(const struct bide__url *url)
{
	struct bide__piece path = bide__cookie_path_of(url);
	const char *slash = memrchr(path.at, '/', path.size);
	path.size = slash > path.at ? (size_t)(slash - path.at) : 1;
	return path;
}

/* ---- what a cookie may be ----------------------------------------------------------------- */

/* What goes to this machine does not leave it, as browsers and curl have it, too. */
bool bide__cookie_is_secure(const struct bide__url *url, bool straight)
{
	static const char local[] = "localhost";
	if (url->secure || !straight)
		return url->secure;
	return strcmp(url->host, "::1") == 0 ||
	       (is_address(url->host) && strncmp(url->host, "127.", 4) == 0) ||
	       bide__cookie_in_domain(url->host, local);
}

static bool begins(struct bide__piece text, const char *with)
{
	return text.size >= strlen(with) && strncasecmp(text.at, with, strlen(with)) == 0;
}

bool bide__cookie_keeps_promise(const struct bide__new_cookie *cookie)
{
	const struct bide__piece first = cookie->name.size > 0 ? cookie->name : cookie->value;
	const bool host = begins(first, "__Host-");
	if (!host && !begins(first, "__Secure-"))
		return true;
	/* A cookie without a name would be read by the server as one with that name. */
	if (cookie->name.size == 0 || !cookie->secure)
		return false;
	return !host || (cookie->host_only && cookie->path.size == 1 && cookie->path.at[0] == '/');
}
