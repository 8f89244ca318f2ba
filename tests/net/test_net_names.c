// SPDX-License-Identifier: MIT
/* From names to addresses and back: what is found, and in which order. */
#include "net/names_kit.h"

static const struct dns_record zone[] = {
	{ "four.test", "A", "192.0.2.1", 60, 0 },
	{ "six.test", "AAAA", "2001:db8::1", 60, 0 },
	{ "both.test", "A", "127.0.0.7", 60, 0 },
	{ "both.test", "AAAA", "::1", 60, 0 },
	{ "several.test", "A", "192.0.2.3", 60, 0 },
	{ "several.test", "A", "192.0.2.1", 60, 0 },
	{ "several.test", "A", "192.0.2.2", 60, 0 },
	{ "alias.test", "CNAME", "middle.test", 60, 0 },
	{ "middle.test", "CNAME", "Four.test", 60, 0 },
	{ "dangling.test", "CNAME", "nowhere.test", 60, 0 },
	{ "large.test", "A", "192.0.2.9", 60, DNS_TRUNCATED },
	{ "large.test", "A", "192.0.2.8", 60, DNS_TRUNCATED },
	{ "one.a.example", "A", "192.0.2.11", 60, 0 },
	{ "one.b.example", "A", "192.0.2.12", 60, 0 },
	{ "two.b.example", "A", "192.0.2.13", 60, 0 },
	{ "bad.a.example", NULL, NULL, 0, DNS_SERVFAIL },
	{ "bad.b.example", "A", "192.0.2.15", 60, 0 },
	{ "dotted.name", "A", "192.0.2.14", 60, 0 },
	{ "five.2.0.192.in-addr.arpa", "PTR", "wrong.test", 60, 0 },
	{ "5.2.0.192.in-addr.arpa", "PTR", "five.test", 60, 0 },
	{ "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "PTR",
	  "six.test", 60, 0 },
	{ "6.2.0.192.in-addr.arpa", NULL, NULL, 0, DNS_SERVFAIL },
	{ "7.2.0.192.in-addr.arpa", "PTR", "a b.test", 60, 0 },
	{ NULL, NULL, NULL, 0, 0 },
};

/* ---- by servers --------------------------------------------------------------------------- */

NAMES_TEST(an_address_of_either_family_is_found)
{
	FOUND("four.test", 0, "192.0.2.1 ");
	FOUND("four.test", AF_INET, "192.0.2.1 ");
	FOUND("six.test", 0, "[2001:db8::1] ");
	FOUND("six.test", AF_INET6, "[2001:db8::1] ");
	FOUND("FOUR.Test.", 0, "192.0.2.1 ");
}

NAMES_TEST(a_host_without_an_address_of_the_family_is_not_one_that_is_not_there)
{
	FOUND("four.test", AF_INET6, bide_strerror(BIDE_ENOADDRESS));
	FOUND("nothing.test", 0, bide_strerror(BIDE_ENOHOST));
	FOUND("nothing.test", AF_INET, bide_strerror(BIDE_ENOHOST));
}

NAMES_TEST(addresses_of_both_families_come_in_the_order_of_rfc_6724)
{
	if (!has_ipv6())
		SKIP("no IPv6 on the loopback");
	FOUND("both.test", 0, "[::1] 127.0.0.7 ");
	FOUND("a.localhost.", 0, "[::1] 127.0.0.1 ");
}

NAMES_TEST(addresses_that_are_alike_stay_in_the_order_of_the_answer)
{
	FOUND("several.test", 0, "192.0.2.3 192.0.2.1 192.0.2.2 ");
}

NAMES_TEST(aliases_are_followed_and_the_host_s_own_name_is_told)
{
	bide_addresses *addresses = NULL;
	CHECK_INT(bide_getaddrinfo("alias.test", "80", &(bide_lookup){ .resolver = resolver },
	                           &addresses),
	          0);
	EXPECT_UINT(addresses->count, 1);
	EXPECT_STR(addresses->name, "Four.test");
	EXPECT_STR(bide_address_format(&addresses->at[0], (char[BIDE_ADDRESS_MAX]){ 0 }),
	           "192.0.2.1:80");
	bide_addresses_free(addresses);
	FOUND("dangling.test", 0, bide_strerror(BIDE_ENOADDRESS));
}

NAMES_TEST(an_answer_that_was_cut_is_fetched_by_tcp)
{
	FOUND("large.test", AF_INET, "192.0.2.9 192.0.2.8 ");
	CHECK_UINT(dns_asked(server, "large.test"), 2);
}

/* ---- search domains ----------------------------------------------------------------------- */

NAMES_TEST(domains_are_put_behind_a_name_in_their_order)
{
	bide_resolver_close(resolver);
	resolver = open_resolver((bide_resolver_options){ .domains = "a.example b.example" });
	FOUND("one", 0, "192.0.2.11 ");
	FOUND("two", 0, "192.0.2.13 ");
	CHECK_UINT(dns_asked(server, "two.a.example"), 2);
	CHECK_UINT(dns_asked(server, "two"), 0);
	FOUND("three", 0, bide_strerror(BIDE_ENOHOST));
	CHECK_UINT(dns_asked(server, "three"), 2);
	FOUND("two.", 0, bide_strerror(BIDE_ENOHOST));
}

NAMES_TEST(a_name_with_dots_enough_is_tried_as_it_is_first)
{
	bide_resolver_close(resolver);
	resolver = open_resolver((bide_resolver_options){ .domains = "a.example" });
	FOUND("dotted.name", AF_INET, "192.0.2.14 ");
	CHECK_UINT(dns_asked(server, NULL), 1);
	bide_resolver_close(resolver);
	resolver = open_resolver((bide_resolver_options){ .domains = "a.example", .ndots = 2 });
	FOUND("dotted.name", AF_INET, "192.0.2.14 ");
	CHECK_UINT(dns_asked(server, "dotted.name.a.example"), 1);
}

NAMES_TEST(a_domain_whose_servers_fail_does_not_hide_the_next)
{
	bide_resolver_close(resolver);
	resolver = open_resolver((bide_resolver_options){ .domains = "a.example,b.example" });
	FOUND("bad", AF_INET, "192.0.2.15 ");
	bide_resolver_close(resolver);
	resolver = open_resolver((bide_resolver_options){ .domains = "a.example" });
	FOUND("bad", AF_INET, bide_strerror(BIDE_ESERVFAIL));
}

/* ---- without servers ---------------------------------------------------------------------- */

NAMES_TEST(addresses_are_their_own_names)
{
	FOUND("192.0.2.77", 0, "192.0.2.77 ");
	FOUND("2001:db8::77", AF_INET6, "[2001:db8::77] ");
	FOUND("fe80::1%1", 0, "[fe80::1%lo] ");
	FOUND("192.0.2.77", AF_INET6, bide_strerror(BIDE_ENOADDRESS));
	FOUND(NULL, AF_INET, "127.0.0.1 ");
	FOUND("localhost", AF_INET6, "[::1] ");
	FOUND("a.localhost.", AF_INET, "127.0.0.1 ");
	CHECK_UINT(dns_asked(server, NULL), 0);
}

NAMES_TEST(a_host_need_not_be_given_to_listen)
{
	EXPECT_STR(found(NULL, &(bide_lookup){ .passive = true }), "[::] 0.0.0.0 ");
	EXPECT_STR(found(NULL, &(bide_lookup){ .family = AF_INET6 }), "[::1] ");
	EXPECT_STR(found("four.test", &(bide_lookup){ .numeric = true }),
	           bide_strerror(BIDE_EBADNAME));
	EXPECT_STR(found("127.0.0.1", &(bide_lookup){ .family = AF_UNIX }),
	           bide_strerror(EAFNOSUPPORT));
}

NAMES_TEST(names_that_no_host_has_are_refused_without_asking)
{
	static const char *const names[] = {
		"",
		".",
		"..",
		".a",
		"a..b",
		"a b",
		"a/b",
		"1.2.3",
		"127.1",
		"256.1.1.1",
		"caf\xc3\xa9",
		"1.2.3.4.5",
		"a.123",
		"fe80::1%nonesuch",
		"::g",
		"abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcd.test",
	};
	char text[300];
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		FOUND(names[i], 0, bide_strerror(BIDE_EBADNAME));
	memset(text, 'a', sizeof text);
	text[sizeof text - 1] = '\0';
	for (size_t i = 50; i < sizeof text; i += 50)
		text[i] = '.';
	FOUND(text, 0, bide_strerror(BIDE_EBADNAME));
	CHECK_UINT(dns_asked(server, NULL), 0);
}

static int port_of(const char *service, bool datagram)
{
	bide_addresses *addresses;
	int rc = bide_getaddrinfo("127.0.0.1", service, &(bide_lookup){ .datagram = datagram },
	                          &addresses);
	if (rc < 0)
		return rc;
	rc = addresses->at[0].at.bytes[2] << 8 | addresses->at[0].at.bytes[3];
	bide_addresses_free(addresses);
	return rc;
}

NAMES_TEST(a_service_is_a_number_or_a_name)
{
	CHECK_INT(port_of(NULL, false), 0);
	CHECK_INT(port_of("65535", false), 65535);
	CHECK_INT(port_of("65536", false), -BIDE_ENOSERVICE);
	CHECK_INT(port_of("80x", false), -BIDE_ENOSERVICE);
	CHECK_INT(port_of("-1", false), -BIDE_ENOSERVICE);
	CHECK_INT(port_of("", false), -BIDE_ENOSERVICE);
	CHECK_INT(port_of("nonesuch", false), -BIDE_ENOSERVICE);
	if (access("/etc/services", R_OK) == 0) {
		CHECK_INT(port_of("https", false), 443);
		CHECK_INT(port_of("tftp", true), 69);
	}
}

/* ---- the hosts file ----------------------------------------------------------------------- */

NAMES_TEST(the_hosts_file_comes_before_servers)
{
	const char *path = test_file("hosts", "# a comment\n"
	                                      "198.51.100.1 four.test Alias # four\n"
	                                      "nonsense four.test\n\n"
	                                      "198.51.100.2\tfour.test bad/name\r\n"
	                                      "2001:db8::7 seven");
	bide_resolver_close(resolver);
	resolver = open_resolver((bide_resolver_options){ .hosts = path });
	FOUND("Four.test", 0, "198.51.100.1 198.51.100.2 ");
	FOUND("alias", 0, "198.51.100.1 ");
	FOUND("seven", 0, "[2001:db8::7] ");
	FOUND("seven", AF_INET, bide_strerror(BIDE_ENOHOST));
	CHECK_UINT(dns_asked(server, "four.test"), 0);
	FOUND("six.test", 0, "[2001:db8::1] ");
	bide_address address;
	char host[BIDE_HOST_MAX];
	CHECK_INT(bide_address_parse("198.51.100.1:80", &address), 0);
	CHECK_INT(bide_getnameinfo(&address, &(bide_lookup){ .resolver = resolver }, host, NULL),
	          0);
	CHECK_STR(host, "four.test");
}

NAMES_TEST(the_hosts_file_is_read_again_when_it_has_changed)
{
	const char *path = test_file("hosts", "");
	bide_resolver_close(resolver);
	resolver = open_resolver((bide_resolver_options){ .hosts = path });
	test_file("hosts", "198.51.100.1 four.test\n");
	FOUND("four.test", 0, "198.51.100.1 ");
	test_file("hosts", "198.51.100.22 four.test\n");
	resolver->hosts.file.looked_at -= 2;
	FOUND("four.test", 0, "198.51.100.22 ");
	unlink(path);
	resolver->hosts.file.looked_at -= 2;
	FOUND("four.test", 0, "192.0.2.1 ");
}

/* ---- from addresses ----------------------------------------------------------------------- */

static void named(const char *text, bool numeric, const char *expected_host,
                  const char *expected_service)
{
	bide_address address;
	char host[BIDE_HOST_MAX] = "untouched", service[BIDE_SERVICE_MAX] = "untouched";
	CHECK_INT(bide_address_parse(text, &address), 0);
	const bide_lookup lookup = { .resolver = resolver, .numeric = numeric };
	EXPECT_INT(bide_getnameinfo(&address, &lookup, host, service), 0);
	EXPECT_STR(host, expected_host);
	if (expected_service != NULL)
		EXPECT_STR(service, expected_service);
}

NAMES_TEST(an_address_has_a_name_or_is_its_own)
{
	named("192.0.2.5:443", false, "five.test", NULL);
	named("[2001:db8::1]:60001", false, "six.test", "60001");
	named("192.0.2.99:0", false, "192.0.2.99", "0");
	named("[fe80::2%1]:80", true, "fe80::2%lo", "80");
	named("192.0.2.5:443", true, "192.0.2.5", "443");
}

NAMES_TEST(a_name_that_no_host_has_is_not_given_out)
{
	bide_address address;
	char host[BIDE_HOST_MAX] = "untouched";
	const bide_lookup lookup = { .resolver = resolver };
	CHECK_INT(bide_address_parse("192.0.2.7:1", &address), 0);
	CHECK_INT(bide_getnameinfo(&address, &lookup, host, NULL), -BIDE_EBADANSWER);
	CHECK_INT(bide_address_parse("192.0.2.6:1", &address), 0);
	CHECK_INT(bide_getnameinfo(&address, &lookup, host, NULL), -BIDE_ESERVFAIL);
	CHECK_INT(bide_address_parse("unix:/x", &address), 0);
	CHECK_INT(bide_getnameinfo(&address, &lookup, host, NULL), -EAFNOSUPPORT);
	CHECK_STR(host, "untouched");
}
