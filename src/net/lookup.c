// SPDX-License-Identifier: MIT
/* lookup.c: see lookup.h. First the hosts file, then name servers. */
#include "net/lookup.h"

#include "net/host_name.h"

#include "core/beside.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum { TYPES = 2 };

/* A lookup that asks servers: at most BIDE__LOOKUPS_MAX do at a time. */
struct query {
	bide_resolver *resolver;
	bool admitted; /* it is one of them */
	unsigned types[TYPES];
	int ntypes;
};

/* ---- what has been found ------------------------------------------------------------------ */

int bide__found_add(struct bide__found *found, const struct bide__ip *ip)
{
	/* Room for twice as many whenever their number is a power of two. */
	if ((found->n & (found->n - 1)) == 0) {
		const size_t room = found->n > 0 ? 2 * found->n : 1;
		struct bide__ip *grown = bide__realloc(found->ips, room * sizeof(*found->ips));
		if (grown == NULL)
			return -ENOMEM;
		found->ips = grown;
	}
	found->ips[found->n++] = *ip;
	return 0;
}

void bide__found_finish(struct bide__found *found)
{
	bide__free(found->ips);
	bide__free(found->name);
	memset(found, 0, sizeof(*found));
}

static int set_name(struct bide__found *found, const char *name)
{
	if (found->name == NULL)
		found->name = bide__copy_string(name);
	return found->name != NULL ? 0 : -ENOMEM;
}

static int add_answer(struct bide__found *found, const struct bide__question *question)
{
	const struct bide__answer *answer = &question->answer;
	struct bide__ip ip = { .family = question->type == BIDE__TYPE_A ? AF_INET : AF_INET6 };
	const size_t size = bide__ip_size(ip.family);
	int rc = answer->count > 0 ? set_name(found, answer->name) : 0;
	for (unsigned i = 0; rc == 0 && i < answer->count; i++) {
		memcpy(ip.bytes, answer->addresses + i * size, size);
		rc = bide__found_add(found, &ip);
	}
	return rc;
}

/* ---- without servers ---------------------------------------------------------------------- */

static bool wanted(int family, int of)
{
	return family == 0 || family == of;
}

static int look_into_hosts(bide_resolver *resolver, const char *name, int family,
                           struct bide__found *found)
{
	const struct bide__host *host = NULL;
	int rc = bide__hosts_refresh(&resolver->hosts, bide_now());
	if (rc < 0)
		return rc;
	size_t n = bide__hosts_find(&resolver->hosts, name, &host);
	for (; rc == 0 && n > 0; n--, host++) {
		if (!wanted(family, host->ip.family))
			continue;
		rc = set_name(found, host->first);
		if (rc == 0)
			rc = bide__found_add(found, &host->ip);
	}
	return rc;
}

/* "localhost" is this machine, whatever servers say. */
static int add_loopback(int family, struct bide__found *found)
{
	const struct bide__ip loopback[] = {
		{ .family = AF_INET6, .bytes = { [15] = 1 } },
		{ .family = AF_INET, .bytes = { 127, 0, 0, 1 } },
	};
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < sizeof(loopback) / sizeof(loopback[0]); i++)
		if (wanted(family, loopback[i].family))
			rc = bide__found_add(found, &loopback[i]);
	return rc;
}

/* ---- by servers --------------------------------------------------------------------------- */

/* Whether all that is to be asked has been answered already. */
static bool is_known(struct query *query, const char *name)
{
	bool known = true;
	for (int i = 0; i < query->ntypes; i++) {
		const struct bide__question *question = bide__cache_find(
			&query->resolver->cache, name, query->types[i], bide_now());
		known = known && question != NULL && !question->asking;
	}
	return known;
}

/* Waits for its turn to ask servers. */
static int be_admitted(struct query *query)
{
	int rc = 0;
	if (!query->admitted) {
		rc = bide_semaphore_acquire(&query->resolver->lookups);
		query->admitted = rc == 0;
	}
	if (rc == 0)
		rc = bide__ask_when_there_is_room(query->resolver);
	return rc == 0 ? bide__channel_prepare(query->resolver) : rc;
}

/* Asks all at once and waits for the answers; what has been asked is to be left. Returns how many
 * there are, 0 or an error in ret_rc. */
static int ask(struct query *query, const char *name, struct bide__question **ret_questions,
               int *ret_rc)
{
	int rc = is_known(query, name) ? 0 : be_admitted(query), n = 0;
	while (rc == 0 && n < query->ntypes) {
		rc = bide__ask(query->resolver, name, query->types[n], &ret_questions[n]);
		n += rc == 0;
	}
	if (n > 0)
		bide__channel_flush(query->resolver);
	for (int i = 0; rc == 0 && i < n; i++)
		rc = bide__question_await(ret_questions[i]);
	*ret_rc = rc;
	return n;
}

/* Of two answers that are nothing the one that says more: that there was no answer; that there is
 * such a name; that there is none. */
static int worse(int one, int other)
{
	if (one == 0 || other == 0)
		return one != 0 ? one : other;
	if (one == -BIDE_ENOHOST || (one == -BIDE_ENOADDRESS && other != -BIDE_ENOHOST))
		return other;
	return one;
}

/* One form of the name. */
static int ask_for_addresses(struct query *query, const char *name, struct bide__found *found)
{
	struct bide__question *questions[TYPES];
	int rc, error = 0;
	const int n = ask(query, name, questions, &rc);
	for (int i = 0; i < n; i++) {
		if (rc == 0)
			rc = add_answer(found, questions[i]);
		if (rc == 0)
			error = worse(error, questions[i]->answer.error);
		bide__question_leave(questions[i]);
	}
	return rc < 0 || found->n > 0 ? rc : error;
}

/* Whether the next form may be tried: where servers fail for one, they may know another. */
static bool goes_on(int error)
{
	return error == -BIDE_ENOHOST || error == -BIDE_ENOADDRESS || error == -BIDE_ESERVFAIL ||
	       error == -BIDE_EREFUSED;
}

static int search(struct query *query, const char *host, struct bide__found *found)
{
	const struct ares_options *config = &query->resolver->config;
	struct bide__search forms = { host, config->domains, config->ndomains, config->ndots, 0 };
	char name[BIDE__NAME_SIZE];
	int error = 0;
	while (bide__search_next(&forms, name)) {
		int rc = ask_for_addresses(query, name, found);
		if (rc == 0 || !goes_on(rc))
			return rc;
		error = worse(error, rc);
	}
	return error;
}

static void end_query(struct query *query)
{
	if (query->admitted)
		(void)bide_semaphore_release(&query->resolver->lookups);
}

int bide__lookup_name(bide_resolver *resolver, const char *host, int family,
                      struct bide__found *ret_found)
{
	struct query query = { .resolver = resolver };
	char name[BIDE__NAME_SIZE];
	bide__host_name_copy(host, name);
	int rc = look_into_hosts(resolver, name, family, ret_found);
	if (rc == 0 && ret_found->n == 0 && bide__host_name_is_local(name))
		rc = add_loopback(family, ret_found);
	if (rc < 0 || ret_found->n > 0)
		return rc;
	/* IPv6 first, as what is asked first is answered first. */
	if (wanted(family, AF_INET6))
		query.types[query.ntypes++] = BIDE__TYPE_AAAA;
	if (wanted(family, AF_INET))
		query.types[query.ntypes++] = BIDE__TYPE_A;
	rc = search(&query, host, ret_found);
	end_query(&query);
	return rc;
}

/* ---- back --------------------------------------------------------------------------------- */

/* The name under which servers have that of an address: RFC 1035, 3.5; RFC 3596, 2.5. */
static void format_reverse(const struct bide__ip *ip, char *ret_name)
{
	const unsigned char *b = ip->bytes;
	static const char digits[] = "0123456789abcdef";
	if (ip->family == AF_INET) {
		(void)snprintf(ret_name, BIDE__NAME_SIZE, "%u.%u.%u.%u.in-addr.arpa", b[3], b[2],
		               b[1], b[0]);
		return;
	}
	for (int i = BIDE__IP_MAX - 1; i >= 0; i--) {
		*ret_name++ = digits[b[i] & 15];
		*ret_name++ = '.';
		*ret_name++ = digits[b[i] >> 4];
		*ret_name++ = '.';
	}
	memcpy(ret_name, "ip6.arpa", sizeof("ip6.arpa"));
}

static int copy_to(const char *name, char **ret_name)
{
	char *copy = bide__copy_string(name);
	if (copy == NULL)
		return -ENOMEM;
	*ret_name = copy;
	return 0;
}

int bide__lookup_ip(bide_resolver *resolver, const struct bide__ip *ip, char **ret_name)
{
	struct query query = { .resolver = resolver, .types = { BIDE__TYPE_PTR }, .ntypes = 1 };
	struct bide__question *question;
	char name[BIDE__NAME_SIZE];
	int rc = bide__hosts_refresh(&resolver->hosts, bide_now());
	if (rc < 0)
		return rc;
	const char *known = bide__hosts_name_of(&resolver->hosts, ip);
	if (known != NULL)
		return copy_to(known, ret_name);
	format_reverse(ip, name);
	if (ask(&query, name, &question, &rc) > 0) {
		if (rc == 0)
			rc = question->answer.error;
		if (rc == 0)
			rc = copy_to(question->answer.name, ret_name);
		bide__question_leave(question);
	}
	end_query(&query);
	return rc;
}
