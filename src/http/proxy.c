// SPDX-License-Identifier: MIT
/* proxy.c: see proxy.h. What the environment says is read as curl does. */
#include "http/proxy.h"

#include "base/alloc.h"
#include "http/builder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- lists of exceptions ------------------------------------------------------------------ */

/* An IP address, and how many of its bits count. */
struct net {
	unsigned char bytes[16];
	int family;
	long bits;
};

/* An address with or without brackets and, if @p ret_bits, "/" and a number behind it. */
static bool parse_net(const char *text, size_t size, struct net *ret_net)
{
	char copy[INET6_ADDRSTRLEN + 8];
	char *address = copy, *end;
	if (size >= sizeof(copy))
		return false;
	memcpy(copy, text, size);
	copy[size] = '\0';
	char *slash = strchr(copy, '/');
	if (slash != NULL)
		*slash = '\0';
	const size_t length = strlen(copy);
	if (copy[0] == '[' && copy[length - 1] == ']') {
		copy[length - 1] = '\0';
		address++;
	}
	ret_net->family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
	ret_net->bits = ret_net->family == AF_INET ? 32 : 128;
	if (inet_pton(ret_net->family, address, ret_net->bytes) != 1)
		return false;
	if (slash == NULL)
		return true;
	const long bits = strtol(slash + 1, &end, 10);
	if (end == slash + 1 || *end != '\0' || bits < 0 || bits > ret_net->bits)
		return false;
	ret_net->bits = bits;
	return true;
}

static bool is_in_net(const struct net *net, const struct net *host)
{
	const size_t whole = (size_t)net->bits / 8;
	const unsigned rest = (unsigned)net->bits % 8;
	return net->family == host->family && memcmp(net->bytes, host->bytes, whole) == 0 &&
	       (rest == 0 || (net->bytes[whole] ^ host->bytes[whole]) >> (8 - rest) == 0);
}

/* A domain, with a dot or "*." before it or without: it is named with all that is below it. */
static bool is_in_domain(const char *domain, size_t size, const char *host)
{
	size_t length = strlen(host);
	if (size > 0 && domain[0] == '*') {
		domain++;
		size--;
	}
	if (size > 0 && domain[0] == '.') {
		domain++;
		size--;
	}
	if (size > 0 && domain[size - 1] == '.')
		size--;
	if (length > 0 && host[length - 1] == '.')
		length--;
	return size > 0 && size <= length && strncasecmp(host + length - size, domain, size) == 0 &&
	       (size == length || host[length - size - 1] == '.');
}

/* The port behind an entry, which becomes as much shorter; 0: there is none. */
static unsigned long take_port(const char *entry, size_t *size)
{
	const char *colon = memrchr(entry, ':', *size);
	if (colon == NULL || (entry[0] != '[' && memchr(entry, ':', *size) != colon) ||
	    memchr(colon, ']', *size - (size_t)(colon - entry)) != NULL)
		return 0;
	*size = (size_t)(colon - entry);
	return strtoul(colon + 1, NULL, 10);
}

static bool is_entry(const char *entry, size_t size, const char *host, unsigned port)
{
	struct net net, of_host;
	if (size == 1 && *entry == '*')
		return true;
	const unsigned long only = take_port(entry, &size);
	if (only != 0 && only != port)
		return false;
	if (!parse_net(host, strcspn(host, "%"), &of_host))
		return is_in_domain(entry, size, host);
	return parse_net(entry, size, &net) && is_in_net(&net, &of_host);
}

bool bide__proxy_is_named(const char *list, const char *host, unsigned port)
{
	static const char between[] = ", \t";
	for (list += strspn(list, between); *list != '\0'; list += strspn(list, between)) {
		const size_t size = strcspn(list, between);
		if (is_entry(list, size, host, port))
			return true;
		list += size;
	}
	return false;
}

/* ---- proxies ------------------------------------------------------------------------------ */

int bide__proxy_parse(const char *text, struct bide__url *ret_url)
{
	struct bide__string whole = { NULL, 0, 0, false };
	const char *scheme = strstr(text, "://");
	if (scheme != NULL && strncasecmp(text, "http://", 7) != 0 &&
	    strncasecmp(text, "https://", 8) != 0)
		return -EPROTONOSUPPORT;
	if (scheme == NULL)
		bide__string_put(&whole, "http://");
	bide__string_put(&whole, text);
	return bide__url_parse_string(&whole, ret_url);
}

/* The first variable of several, up to NULL, that has a value. */
static const char *find_variable(const char *const *names)
{
	for (; *names != NULL; names++) {
		const char *value = secure_getenv(*names);
		if (value != NULL && value[0] != '\0')
			return value;
	}
	return NULL;
}

static int read_proxy(struct bide__proxy *proxy, const char *const *names)
{
	const char *text = find_variable(names);
	if (text == NULL)
		return 0;
	proxy->set = true;
	proxy->error = bide__proxy_parse(text, &proxy->url);
	return proxy->error == -ENOMEM ? -ENOMEM : 0;
}

/* A server sets HTTP_PROXY for a CGI program when a client sends a header "Proxy". */
static bool is_cgi(void)
{
	return getenv("REQUEST_METHOD") != NULL;
}

int bide__proxies_read(struct bide__proxies *proxies)
{
	static const char *const plain[] = { "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY",
		                             NULL };
	static const char *const of_cgi[] = { "http_proxy", "all_proxy", "ALL_PROXY", NULL };
	static const char *const secure[] = { "https_proxy", "HTTPS_PROXY", "all_proxy",
		                              "ALL_PROXY", NULL };
	static const char *const direct[] = { "no_proxy", "NO_PROXY", NULL };
	const char *list = find_variable(direct);
	struct bide__string copy = { NULL, 0, 0, false };
	bide__string_put(&copy, list != NULL ? list : "");
	int rc = bide__string_end(&copy);
	if (rc < 0)
		return rc;
	proxies->direct = copy.data;
	rc = read_proxy(&proxies->plain, is_cgi() ? of_cgi : plain);
	return rc < 0 ? rc : read_proxy(&proxies->secure, secure);
}

int bide__proxies_set(struct bide__proxies *proxies, const char *text)
{
	int rc = bide__proxy_parse(text, &proxies->plain.url);
	if (rc == 0)
		rc = bide__proxy_parse(text, &proxies->secure.url);
	proxies->plain.set = proxies->secure.set = rc == 0;
	return rc;
}

int bide__proxies_find(const struct bide__proxies *proxies, const struct bide__url *url,
                       const struct bide__url **ret_proxy)
{
	const struct bide__proxy *proxy = url->secure ? &proxies->secure : &proxies->plain;
	*ret_proxy = NULL;
	if (!proxy->set || (proxies->direct != NULL &&
	                    bide__proxy_is_named(proxies->direct, url->host, url->port)))
		return 0;
	if (proxy->error == 0)
		*ret_proxy = &proxy->url;
	return proxy->error;
}

void bide__proxies_finish(struct bide__proxies *proxies)
{
	bide__url_finish(&proxies->plain.url);
	bide__url_finish(&proxies->secure.url);
	bide__free(proxies->direct);
}
