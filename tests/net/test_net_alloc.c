// SPDX-License-Identifier: MIT
/* Every request for memory fails once, those of c-ares among them: the call then ends with an
 * error or does without, and nothing is left. c-ares drops an answer that it finds no memory for,
 * and asks again. */
#include "net/names_kit.h"

#include "base/alloc.h"

#include <unistd.h>

static const struct dns_record zone[] = {
	{ "both.test", "A", "127.0.0.7", 60, 0 },
	{ "both.test", "AAAA", "::1", 60, 0 },
	{ "alias.test", "CNAME", "both.test", 60, 0 },
	{ "large.test", "A", "192.0.2.9", 60, DNS_TRUNCATED },
	{ "failing.test", NULL, NULL, 0, DNS_SERVFAIL },
	{ "host.b.example", "A", "192.0.2.12", 60, 0 },
	{ "5.2.0.192.in-addr.arpa", "PTR", "five.test", 60, 0 },
	{ NULL, NULL, NULL, 0, 0 },
};

static bide_resolver_options options; /* of the resolver */
static bool backwards;                /* 192.0.2.5 is looked up, not the host */

static BIDE_ASYNC(int, one_lookup, const char *);
static BIDE_ASYNC_LIGHT(int, one_light_lookup, const char *);
static int one_lookup(const char *host)
{
	bide_lookup lookup = { 0 };
	bide_addresses *addresses = NULL;
	bide_address address;
	char name[BIDE_HOST_MAX];
	int rc = bide_resolver_open(&options, &lookup.resolver);
	if (rc < 0)
		return rc;
	if (backwards)
		rc = bide_address_parse("192.0.2.5:1", &address) < 0
		             ? -EINVAL
		             : bide_getnameinfo(&address, &lookup, name, NULL);
	else
		rc = bide_getaddrinfo(host, "80", &lookup, &addresses);
	bide_addresses_free(addresses);
	EXPECT_UINT(lookup.resolver->nasking, 0);
	EXPECT_UINT(lookup.resolver->calls, 0);
	bide_resolver_close(lookup.resolver);
	return rc;
}

static int one_light_lookup(const char *host)
{
	return one_lookup(host);
}

/* Whether a failed request explains a result. */
static bool explained(int rc)
{
	return rc == -ENOMEM || rc == -BIDE_ENOANSWER || (options.system && rc == -EAGAIN);
}

static int run_lookup(bool light, const char *host)
{
	return light ? bide_run(one_light_lookup, host) : bide_run(one_lookup, host);
}

/* The time that is short, so that lost questions cost little, is too short on a busy machine. */
static int run_patiently(bool light, const char *host)
{
	const double usual = options.timeout;
	options.timeout = 5;
	int rc = run_lookup(light, host);
	options.timeout = usual;
	return rc;
}

/* Runs it with the k-th request failing, for each k, in both kinds of tasks. */
static void starve(const char *host, int expected)
{
	server = dns_start(zone, NEGATIVE_TTL);
	options.servers = dns_address(server);
	options.timeout = 0.05;
	EXPECT_INT(
		ares_library_init_mem(ARES_LIB_INIT_ALL, bide__malloc, bide__free, bide__realloc),
		ARES_SUCCESS);
	bool failed = true;
	for (long k = 1; failed; k++) {
		for (int light = 0; light < 2; light++) {
			test_goes_on();
			bide__alloc_arm(k);
			int rc = run_lookup(light, host);
			bide__alloc_disarm();
			failed = bide__alloc_hook.failures > 0;
			if (!failed && rc == -BIDE_ENOANSWER)
				rc = run_patiently(light, host);
			if (!failed || !explained(rc))
				EXPECT_INT(rc, expected);
			if (!EXPECT_INT(bide__alloc_hook.live, 0))
				FAIL("at request %ld", k);
		}
	}
	dns_stop(server);
}

TEST(memory_fails_for_a_host_of_both_families)
{
	options.hosts = options.domains = "";
	starve("both.test", 0);
}

TEST(memory_fails_for_an_alias_by_way_of_domains)
{
	options.hosts = "";
	options.domains = "a.example b.example";
	starve("host", 0);
}

TEST(memory_fails_for_an_answer_by_tcp)
{
	options.hosts = options.domains = "";
	starve("large.test", 0);
}

TEST(memory_fails_for_what_servers_refuse)
{
	options.hosts = options.domains = "";
	starve("failing.test", -BIDE_ESERVFAIL);
}

TEST(memory_fails_for_the_hosts_file)
{
	options.hosts = test_file("hosts", "198.51.100.1 four.test four\n");
	options.domains = "";
	starve("four", 0);
}

TEST(memory_fails_for_the_name_of_an_address)
{
	options.hosts = options.domains = "";
	backwards = true;
	starve(NULL, 0);
}

TEST(memory_fails_for_the_system_s_way)
{
	options.system = true;
	starve("localhost", 0);
	backwards = true;
	starve(NULL, 0);
}
