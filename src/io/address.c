// SPDX-License-Identifier: MIT
/* address.c: addresses of sockets and their texts: those of RFC 4291 and RFC 4007 for IPv6, in the
 * brackets of RFC 3986, with the port behind them. */
#include <bide/stream.h>

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

enum { PORT_MAX = 65535 };

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

_Static_assert(sizeof(union address) <= sizeof(((bide_address *)NULL)->at),
               "there is room for each");

/* ---- to text ------------------------------------------------------------------------------ */

static void format_in(const struct sockaddr_in *in, char *buf)
{
	char host[INET_ADDRSTRLEN];
	inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
	snprintf(buf, BIDE_ADDRESS_MAX, "%s:%u", host, ntohs(in->sin_port));
}

static void format_in6(const struct sockaddr_in6 *in6, char *buf)
{
	char host[INET6_ADDRSTRLEN], scope[IF_NAMESIZE + 1] = "";
	inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
	if (in6->sin6_scope_id != 0) {
		scope[0] = '%';
		if (if_indextoname(in6->sin6_scope_id, scope + 1) == NULL)
			snprintf(scope + 1, sizeof(scope) - 1, "%u", in6->sin6_scope_id);
	}
	snprintf(buf, BIDE_ADDRESS_MAX, "[%s%s]:%u", host, scope, ntohs(in6->sin6_port));
}

/* The path need not end with a NUL, which the kernel counts though there is no room for it; the
 * abstract name begins with one. */
static void format_un(const struct sockaddr_un *un, size_t size, char *buf)
{
	const size_t most = size < sizeof(*un) ? size : sizeof(*un);
	const size_t length = most - offsetof(struct sockaddr_un, sun_path);
	if (length == 0)
		memcpy(buf, "-", 2);
	else if (un->sun_path[0] == '\0')
		snprintf(buf, BIDE_ADDRESS_MAX, "unix:@%.*s", (int)length - 1, un->sun_path + 1);
	else
		snprintf(buf, BIDE_ADDRESS_MAX, "unix:%.*s", (int)length, un->sun_path);
}

char *bide_address_format(const bide_address *address, char *buf)
{
	union address as;
	memset(&as, 0, sizeof(as));
	memcpy(&as, address->at.bytes, address->size < sizeof(as) ? address->size : sizeof(as));
	if (address->size >= sizeof(as.in) && as.any.sa_family == AF_INET)
		format_in(&as.in, buf);
	else if (address->size >= sizeof(as.in6) && as.any.sa_family == AF_INET6)
		format_in6(&as.in6, buf);
	else if (address->size >= offsetof(struct sockaddr_un, sun_path) &&
	         address->size <= sizeof(as.un) + 1 && as.any.sa_family == AF_UNIX)
		format_un(&as.un, address->size, buf);
	else
		memcpy(buf, "-", 2);
	return buf;
}

/* ---- from text ---------------------------------------------------------------------------- */

/* A number up to @p most in decimal digits, or -1. */
static long number(const char *text, long most)
{
	long value = 0;
	if (*text == '\0')
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		value = 10 * value + (*text - '0');
		if (value > most)
			return -1;
	}
	return value;
}

/* The index of an interface, by its name or number; 0 if there is none. */
static unsigned scope_of(const char *text)
{
	long index = number(text, 0x7fffffff);
	return index > 0 ? (unsigned)index : if_nametoindex(text);
}

static int parse_in(const char *host, in_port_t port, bide_address *ret_address)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = port };
	if (inet_pton(AF_INET, host, &in.sin_addr) != 1)
		return -EINVAL;
	ret_address->size = sizeof(in);
	memcpy(ret_address->at.bytes, &in, sizeof(in));
	return 0;
}

static int parse_in6(char *host, in_port_t port, bide_address *ret_address)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = port };
	char *scope = strchr(host, '%');
	if (scope != NULL) {
		*scope++ = '\0';
		in6.sin6_scope_id = scope_of(scope);
		if (in6.sin6_scope_id == 0)
			return -EINVAL;
	}
	if (inet_pton(AF_INET6, host, &in6.sin6_addr) != 1)
		return -EINVAL;
	ret_address->size = sizeof(in6);
	memcpy(ret_address->at.bytes, &in6, sizeof(in6));
	return 0;
}

static int parse_un(const char *path, bide_address *ret_address)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	const size_t length = strlen(path), before = offsetof(struct sockaddr_un, sun_path);
	if (length == 0 || length >= sizeof(un.sun_path))
		return -EINVAL;
	memcpy(un.sun_path, path, length + 1);
	if (path[0] == '@')
		un.sun_path[0] = '\0';
	ret_address->size = (unsigned)(before + length + (path[0] != '@'));
	memcpy(ret_address->at.bytes, &un, sizeof(un));
	return 0;
}

int bide_address_parse(const char *text, bide_address *ret_address)
{
	char host[BIDE_ADDRESS_MAX];
	const char *colon = strrchr(text, ':');
	if (strncmp(text, "unix:", 5) == 0)
		return parse_un(text + 5, ret_address);
	if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
		return -EINVAL;
	const long port = number(colon + 1, PORT_MAX);
	const size_t length = (size_t)(colon - text);
	if (port < 0)
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	if (host[0] != '[')
		return parse_in(host, htons((in_port_t)port), ret_address);
	if (length < 2 || host[length - 1] != ']')
		return -EINVAL;
	host[length - 1] = '\0';
	return parse_in6(host + 1, htons((in_port_t)port), ret_address);
}
