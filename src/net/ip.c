// SPDX-License-Identifier: MIT
/* ip.c: see ip.h. */
#include "net/ip.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

size_t bide__ip_size(int family)
{
	return family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
}

static uint32_t zone_of(const char *text)
{
	char *end;
	const unsigned long number = strtoul(text, &end, 10);
	if (*text >= '0' && *text <= '9' && *end == '\0' && number <= UINT32_MAX)
		return (uint32_t)number;
	return if_nametoindex(text);
}

bool bide__ip_parse(const char *text, struct bide__ip *ret_ip)
{
	struct bide__ip ip = { .family = AF_INET };
	char host[INET6_ADDRSTRLEN];
	const size_t length = strcspn(text, "%");
	if (inet_pton(AF_INET, text, ip.bytes) != 1) {
		if (length >= sizeof(host))
			return false;
		memcpy(host, text, length);
		host[length] = '\0';
		ip.family = AF_INET6;
		if (inet_pton(AF_INET6, host, ip.bytes) != 1)
			return false;
		if (text[length] == '%' && (ip.zone = zone_of(text + length + 1)) == 0)
			return false;
	}
	*ret_ip = ip;
	return true;
}

void bide__ip_to_address(const struct bide__ip *ip, unsigned port, bide_address *ret_address)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((in_port_t)port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = in.sin_port };
	memset(ret_address, 0, sizeof(*ret_address));
	if (ip->family == AF_INET) {
		memcpy(&in.sin_addr, ip->bytes, sizeof(in.sin_addr));
		memcpy(ret_address->at.bytes, &in, sizeof(in));
		ret_address->size = sizeof(in);
		return;
	}
	memcpy(&in6.sin6_addr, ip->bytes, sizeof(in6.sin6_addr));
	in6.sin6_scope_id = ip->zone;
	memcpy(ret_address->at.bytes, &in6, sizeof(in6));
	ret_address->size = sizeof(in6);
}

bool bide__ip_of_address(const bide_address *address, struct bide__ip *ret_ip, unsigned *ret_port)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	sa_family_t family;
	memset(ret_ip, 0, sizeof(*ret_ip));
	if (address->size < sizeof(family))
		return false;
	memcpy(&family, address->at.bytes, sizeof(family));
	ret_ip->family = family;
	if (family == AF_INET && address->size >= sizeof(in)) {
		memcpy(&in, address->at.bytes, sizeof(in));
		memcpy(ret_ip->bytes, &in.sin_addr, sizeof(in.sin_addr));
		*ret_port = ntohs(in.sin_port);
		return true;
	}
	if (family != AF_INET6 || address->size < sizeof(in6))
		return false;
	memcpy(&in6, address->at.bytes, sizeof(in6));
	memcpy(ret_ip->bytes, &in6.sin6_addr, sizeof(in6.sin6_addr));
	ret_ip->zone = in6.sin6_scope_id;
	*ret_port = ntohs(in6.sin6_port);
	return true;
}
