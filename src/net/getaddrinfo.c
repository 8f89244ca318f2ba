// SPDX-License-Identifier: MIT
/* getaddrinfo.c: the calls of bide/net.h that find addresses and names. */
#include "net/host_name.h"
#include "net/lookup.h"

#include "core/beside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_MAX = 65535, SERVICE_BUFFER = 1024 };

static const bide_lookup by_default = { 0 };

/* ---- services ----------------------------------------------------------------------------- */

static const char *protocol_of(const bide_lookup *lookup)
{
	return lookup->datagram ? "udp" : "tcp";
}

/* A port of its number, or by its name; or an error. */
static int port_of(const char *service, const bide_lookup *lookup)
{
	struct servent entry, *found = NULL;
	char buffer[SERVICE_BUFFER], *end;
	if (service == NULL)
		return 0;
	if (*service >= '0' && *service <= '9') {
		const unsigned long port = strtoul(service, &end, 10);
		return *end == '\0' && port <= PORT_MAX ? (int)port : -BIDE_ENOSERVICE;
	}
	if (*service == '\0' || getservbyname_r(service, protocol_of(lookup), &entry, buffer,
	                                        sizeof(buffer), &found) != 0)
		return -BIDE_ENOSERVICE;
	return found != NULL ? ntohs((uint16_t)found->s_port) : -BIDE_ENOSERVICE;
}

static void name_service(unsigned port, const bide_lookup *lookup, char *ret_service)
{
	struct servent entry, *found = NULL;
	char buffer[SERVICE_BUFFER];
	if (!lookup->numeric)
		(void)getservbyport_r(htons((uint16_t)port), protocol_of(lookup), &entry, buffer,
		                      sizeof(buffer), &found);
	if (found != NULL)
		(void)snprintf(ret_service, BIDE_SERVICE_MAX, "%s", found->s_name);
	else
		(void)snprintf(ret_service, BIDE_SERVICE_MAX, "%u", port);
}

/* ---- addresses ---------------------------------------------------------------------------- */

/* The addresses of this machine: those of its loopback, or those that mean any. */
static int add_this_machine(const bide_lookup *lookup, struct bide__found *found)
{
	const unsigned char last = lookup->passive ? 0 : 1;
	const struct bide__ip six = { .family = AF_INET6, .bytes = { [15] = last } };
	const struct bide__ip four = { .family = AF_INET, .bytes = { last ? 127 : 0, 0, 0, last } };
	int rc = 0;
	if (lookup->family != AF_INET)
		rc = bide__found_add(found, &six);
	if (rc == 0 && lookup->family != AF_INET6)
		rc = bide__found_add(found, &four);
	return rc;
}

static int look_up(const char *host, const bide_lookup *lookup, struct bide__found *found)
{
	bide_resolver *resolver;
	if (lookup->numeric || !bide__host_name_valid(host))
		return -BIDE_EBADNAME;
	int rc = bide__resolver_enter("bide_getaddrinfo", lookup->resolver, &resolver);
	if (rc < 0)
		return rc;
	if (resolver->options.system)
		rc = bide__system_name(host, lookup->family, found);
	else
		rc = bide__lookup_name(resolver, host, lookup->family, found);
	if (rc == 0)
		bide__ip_sort(&resolver->routes, found->ips, found->n);
	bide__resolver_leave(resolver);
	return rc;
}

static int find(const char *host, const bide_lookup *lookup, struct bide__found *found)
{
	struct bide__ip ip;
	if (host == NULL)
		return add_this_machine(lookup, found);
	if (!bide__ip_parse(host, &ip))
		return look_up(host, lookup, found);
	if (lookup->family != 0 && lookup->family != ip.family)
		return -BIDE_ENOADDRESS;
	return bide__found_add(found, &ip);
}

/* Makes one block of all that is given to the caller. */
static int give(const struct bide__found *found, unsigned port, const char *host,
                bide_addresses **ret_addresses)
{
	const char *name = found->name != NULL ? found->name : host != NULL ? host : "";
	const size_t size = strlen(name) + 1, of_addresses = found->n * sizeof(bide_address);
	bide_addresses *addresses = bide__malloc(sizeof(*addresses) + of_addresses + size);
	if (addresses == NULL)
		return -ENOMEM;
	bide_address *at = (bide_address *)(addresses + 1);
	for (size_t i = 0; i < found->n; i++)
		bide__ip_to_address(&found->ips[i], port, &at[i]);
	memcpy((char *)at + of_addresses, name, size);
	*addresses = (bide_addresses){ found->n, at, (char *)at + of_addresses };
	*ret_addresses = addresses;
	return 0;
}

int bide_getaddrinfo(const char *host, const char *service, const bide_lookup *lookup,
                     bide_addresses **ret_addresses)
{
	static const struct bide__wait call = { "bide_getaddrinfo", NULL, NULL };
	struct bide__found found = { 0 };
	int rc = bide__begin_call(&call);
	if (lookup == NULL)
		lookup = &by_default;
	if (rc == 0 && lookup->family != 0 && lookup->family != AF_INET &&
	    lookup->family != AF_INET6)
		rc = -EAFNOSUPPORT;
	const int port = rc < 0 ? rc : port_of(service, lookup);
	rc = port < 0 ? port : find(host, lookup, &found);
	if (rc == 0)
		rc = give(&found, (unsigned)port, host, ret_addresses);
	bide__found_finish(&found);
	return rc;
}

void bide_addresses_free(bide_addresses *addresses)
{
	bide__free(addresses);
}

/* ---- names -------------------------------------------------------------------------------- */

static void format_ip(const struct bide__ip *ip, char *ret_host)
{
	(void)inet_ntop(ip->family, ip->bytes, ret_host, BIDE_HOST_MAX);
	if (ip->zone == 0)
		return;
	char zone[IF_NAMESIZE];
	const size_t length = strlen(ret_host);
	if (if_indextoname(ip->zone, zone) == NULL)
		(void)snprintf(zone, sizeof(zone), "%u", ip->zone);
	(void)snprintf(ret_host + length, BIDE_HOST_MAX - length, "%%%s", zone);
}

/* An address that has no name is its own name. */
static int name_host(const struct bide__ip *ip, const bide_lookup *lookup, char *ret_host)
{
	bide_resolver *resolver;
	char *name = NULL;
	int rc = 0;
	if (!lookup->numeric) {
		rc = bide__resolver_enter("bide_getnameinfo", lookup->resolver, &resolver);
		if (rc < 0)
			return rc;
		rc = resolver->options.system ? bide__system_ip(ip, &name)
		                              : bide__lookup_ip(resolver, ip, &name);
		bide__resolver_leave(resolver);
	}
	if (rc < 0 && rc != -BIDE_ENOHOST && rc != -BIDE_ENOADDRESS)
		return rc;
	if (name != NULL)
		(void)snprintf(ret_host, BIDE_HOST_MAX, "%s", name);
	else
		format_ip(ip, ret_host);
	bide__free(name);
	return 0;
}

int bide_getnameinfo(const bide_address *address, const bide_lookup *lookup, char *ret_host,
                     char *ret_service)
{
	static const struct bide__wait call = { "bide_getnameinfo", NULL, NULL };
	struct bide__ip ip;
	unsigned port;
	int rc = bide__begin_call(&call);
	if (lookup == NULL)
		lookup = &by_default;
	if (rc == 0 && !bide__ip_of_address(address, &ip, &port))
		rc = -EAFNOSUPPORT;
	if (rc == 0 && ret_host != NULL)
		rc = name_host(&ip, lookup, ret_host);
	if (rc == 0 && ret_service != NULL)
		name_service(port, lookup, ret_service);
	return rc;
}
