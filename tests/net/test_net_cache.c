// SPDX-License-Identifier: MIT
/* Answers are kept as long as they are good, and one question serves all who ask it. */
#include "net/names_kit.h"

static const struct dns_record zone[] = {
	{ "day.test", "A", "192.0.2.1", 86400, 0 },
	{ "second.test", "A", "192.0.2.2", 1, 0 },
	{ "now.test", "A", "192.0.2.3", 0, 0 },
	{ "chain.test", "CNAME", "day.test", 1, 0 },
	{ "six.test", "AAAA", "2001:db8::1", 60, 0 },
	{ "slow.test", "A", "192.0.2.4", 60, DNS_SLOW },
	{ "slow-now.test", "A", "192.0.2.5", 0, DNS_SLOW },
	{ "failing.test", NULL, NULL, 0, DNS_SERVFAIL },
	{ "denied.test", NULL, NULL, 0, DNS_DENIES_NOTHING },
	{ "5.2.0.192.in-addr.arpa", "PTR", "five.test", 60, 0 },
	{ NULL, NULL, NULL, 0, 0 },
};

static const struct bide__question *cached(const char *name, unsigned type)
{
	return bide__cache_find(&resolver->cache, name, type, bide_now());
}

NAMES_TEST(an_answer_is_asked_for_once)
{
	for (int i = 0; i < 3; i++)
		FOUND("day.test", AF_INET, "192.0.2.1 ");
	FOUND("DAY.test.", AF_INET, "192.0.2.1 ");
	CHECK_UINT(dns_asked(server, "day.test"), 1);
	for (int i = 0; i < 2; i++)
		FOUND("day.test", 0, "192.0.2.1 ");
	CHECK_UINT(dns_asked(server, "day.test"), 2);
}

NAMES_TEST(what_is_not_there_is_asked_for_once_too)
{
	for (int i = 0; i < 2; i++) {
		FOUND("nothing.test", AF_INET, bide_strerror(BIDE_ENOHOST));
		FOUND("day.test", AF_INET6, bide_strerror(BIDE_ENOADDRESS));
	}
	CHECK_UINT(dns_asked(server, "nothing.test"), 1);
	CHECK_UINT(dns_asked(server, "day.test"), 1);
	CHECK_UINT(cached("nothing.test", BIDE__TYPE_A)->answer.ttl, NEGATIVE_TTL);
	CHECK_UINT(cached("day.test", BIDE__TYPE_AAAA)->answer.ttl, NEGATIVE_TTL);
}

NAMES_TEST(failures_and_what_nobody_vouches_for_are_not_kept)
{
	for (int i = 0; i < 2; i++)
		FOUND("denied.test", AF_INET, bide_strerror(BIDE_ENOADDRESS));
	CHECK_UINT(dns_asked(server, "denied.test"), 2);
	FOUND("failing.test", AF_INET, bide_strerror(BIDE_ESERVFAIL));
	CHECK_NULL(cached("failing.test", BIDE__TYPE_A));
	CHECK_UINT(resolver->cache.n, 0);
}

NAMES_TEST(an_answer_is_kept_as_long_as_it_is_good)
{
	FOUND("second.test", AF_INET, "192.0.2.2 ");
	FOUND("chain.test", AF_INET, "192.0.2.1 ");
	FOUND("now.test", AF_INET, "192.0.2.3 ");
	CHECK_UINT(cached("second.test", BIDE__TYPE_A)->answer.ttl, 1);
	CHECK_UINT(cached("chain.test", BIDE__TYPE_A)->answer.ttl, 1);
	CHECK_NULL(cached("now.test", BIDE__TYPE_A));
	CHECK_INT(bide_sleep(0.5), 0);
	FOUND("second.test", AF_INET, "192.0.2.2 ");
	CHECK_UINT(dns_asked(server, "second.test"), 1);
	CHECK_INT(bide_sleep(0.6), 0);
	FOUND("second.test", AF_INET, "192.0.2.2 ");
	CHECK_UINT(dns_asked(server, "second.test"), 2);
}

NAMES_TEST(the_answers_that_were_used_last_are_kept)
{
	char name[32];
	bide_resolver_close(resolver);
	resolver = open_resolver((bide_resolver_options){ .cache = 3 });
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof name, "n%d.many.test", i);
		EXPECT_INT(look_up(name), 0);
	}
	/* Both families of one name, and the last of the two before. */
	CHECK_UINT(resolver->cache.n, 3);
	CHECK(cached("n2.many.test", BIDE__TYPE_A) && cached("n2.many.test", BIDE__TYPE_AAAA));
	bide_resolver_close(resolver);
	resolver = open_resolver((bide_resolver_options){ .cache = 2 });
	FOUND("n0.many.test", AF_INET, "10.0.0.0 ");
	FOUND("n1.many.test", AF_INET, "10.0.0.1 ");
	FOUND("n0.many.test", AF_INET, "10.0.0.0 ");
	FOUND("n2.many.test", AF_INET, "10.0.0.2 ");
	CHECK(cached("n0.many.test", BIDE__TYPE_A));
	CHECK_NULL(cached("n1.many.test", BIDE__TYPE_A));
}

NAMES_TEST(nothing_is_kept_where_nothing_is_to_be)
{
	bide_resolver_close(resolver);
	resolver = open_resolver((bide_resolver_options){ .cache = -1 });
	for (int i = 0; i < 2; i++)
		FOUND("day.test", AF_INET, "192.0.2.1 ");
	CHECK_UINT(dns_asked(server, "day.test"), 2);
	CHECK_UINT(resolver->cache.n, 0);
}

NAMES_TEST(names_of_addresses_are_kept)
{
	bide_address address;
	char host[BIDE_HOST_MAX];
	const bide_lookup lookup = { .resolver = resolver };
	CHECK_INT(bide_address_parse("192.0.2.5:1", &address), 0);
	for (int i = 0; i < 2; i++)
		CHECK_INT(bide_getnameinfo(&address, &lookup, host, NULL), 0);
	CHECK_STR(host, "five.test");
	CHECK_UINT(dns_asked(server, NULL), 1);
}

/* ---- the same question at the same time --------------------------------------------------- */

static void ask_together(const char *name)
{
	enum { TASKS = 10 };
	bide_task *tasks[TASKS];
	static int results[TASKS];
	for (int i = 0; i < TASKS; i++)
		tasks[i] = i % 2 ? bide_spawn(look_up, name) : bide_spawn(look_up_lightly, name);
	CHECK_INT(bide_gather(tasks, TASKS, results), 0);
	CHECK_UINT(dns_asked(server, name), 2);
}

NAMES_TEST(who_asks_what_is_being_asked_waits_for_the_same_answer)
{
	ask_together("slow.test");
	ask_together("slow-now.test");
	CHECK_UINT(resolver->cache.n, 3); /* and that there is no AAAA for the second */
}
