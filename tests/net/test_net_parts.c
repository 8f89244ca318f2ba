// SPDX-License-Identifier: MIT
/* The parts that know of no loop: replies, names, the hosts file, the order of addresses. */
#include "harness/test.h"

#include "base/alloc.h"
#include "net/answer.h"
#include "net/host_name.h"
#include "net/hosts.h"
#include "net/ip.h"
#include "net/ipv6_kit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- replies ------------------------------------------------------------------------------ */

/* A reply is written as a string: a header of 12 bytes, the question "a.b", then records. */
#define HEAD(code, answers, authorities) \
	"\x12\x34\x81" code "\0\1\0" answers "\0" authorities "\0\0"
#define QUESTION "\1a\1b\0\0\1\0\1"
#define NAME "\xc0\x0c" /* a pointer to the question's */
#define IN_A "\0\1\0\1\0\0\0\x3c\0\4"

static struct bide__answer answer;

static void read_reply(const char *bytes, size_t size, unsigned type)
{
	/* In a block of just that size, so that a sanitizer sees who reads beyond it. */
	unsigned char *reply = malloc(size > 0 ? size : 1);
	memcpy(reply, bytes, size);
	bide__answer_finish(&answer);
	bide__answer_read(reply, size, type, &answer);
	free(reply);
}

#define READ(bytes) read_reply((bytes), sizeof(bytes) - 1, BIDE__TYPE_A)

static void expect_error(int error)
{
	EXPECT_INT(answer.error, error);
	EXPECT_UINT(answer.count, 0);
	EXPECT(answer.addresses == NULL && answer.name == NULL);
}

TEST(addresses_are_taken_with_the_shortest_time)
{
	READ(HEAD("\x80", "\2", "\0") QUESTION NAME "\0\1\0\1\0\0\0\x3c\0\4\1\2\3\4" NAME
	                                            "\0\1\0\1\0\0\0\x1e\0\4\5\6\7\x08");
	CHECK_INT(answer.error, 0);
	CHECK_UINT(answer.count, 2);
	CHECK_MEM(answer.addresses, "\1\2\3\4\5\6\7\x08", 8);
	CHECK_STR(answer.name, "a.b");
	CHECK_UINT(answer.ttl, 30);
	bide__answer_finish(&answer);
}

TEST(an_alias_counts_from_where_it_stands)
{
	READ(HEAD("\x80", "\3", "\0") QUESTION "\1c\0" IN_A "\1\1\1\1" NAME
	                                       "\0\5\0\1\0\0\0\5\0\3\1c\0"
	                                       "\1C\0" IN_A "\2\2\2\2");
	CHECK_INT(answer.error, 0);
	CHECK_UINT(answer.count, 1);
	CHECK_MEM(answer.addresses, "\2\2\2\2", 4);
	CHECK_STR(answer.name, "c");
	CHECK_UINT(answer.ttl, 5);
	bide__answer_finish(&answer);
}

TEST(what_belongs_to_no_question_is_not_taken)
{
	READ(HEAD("\x80", "\2", "\0") QUESTION "\1x\0" IN_A "\1\1\1\1" NAME
	                                       "\0\1\0\3\0\0\0\x3c\0\4\1\1\1\1");
	expect_error(-BIDE_ENOADDRESS);
	READ(HEAD("\x80", "\1", "\0") QUESTION NAME "\0\x1c\0\1\0\0\0\x3c\0\4\1\1\1\1");
	expect_error(-BIDE_ENOADDRESS);
}

/* A SOA record: its two names, four numbers, and then that for what there is not. */
#define SOA(ttl, least) \
	"\1b\0\0\6\0\1" ttl "\0\x18\1r\0\0" \
	"\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1" least

TEST(that_there_is_nothing_is_good_for_as_long_as_the_zone_says)
{
	READ(HEAD("\x83", "\0", "\1") QUESTION SOA("\0\0\0\x64", "\0\0\0\x28"));
	expect_error(-BIDE_ENOHOST);
	CHECK_UINT(answer.ttl, 40);
	READ(HEAD("\x80", "\0", "\1") QUESTION SOA("\0\0\0\x14", "\0\1\0\0"));
	expect_error(-BIDE_ENOADDRESS);
	CHECK_UINT(answer.ttl, 20);
	READ(HEAD("\x83", "\0", "\1") QUESTION SOA("\x7f\0\0\0", "\x7f\0\0\0"));
	CHECK_UINT(answer.ttl, 300);
	/* Cut, or not there: for this time only. */
	READ(HEAD("\x83", "\0", "\1") QUESTION SOA("\0\0\0\x64", "\0\0\0"));
	expect_error(-BIDE_ENOHOST);
	CHECK_UINT(answer.ttl, 0);
	READ(HEAD("\x83", "\0", "\0") QUESTION);
	expect_error(-BIDE_ENOHOST);
	CHECK_UINT(answer.ttl, 0);
}

TEST(replies_that_make_no_sense_are_errors)
{
	READ("");
	expect_error(-BIDE_EBADANSWER);
	READ("\x12\x34\x81\x80\0\1\0\0\0\0\0");
	expect_error(-BIDE_EBADANSWER);
	READ("\x12\x34\x81\x80\0\2\0\0\0\0\0\0" QUESTION QUESTION);
	expect_error(-BIDE_EBADANSWER);
	READ(HEAD("\x80", "\0", "\0") "\1a\1b");
	expect_error(-BIDE_EBADANSWER);
	/* A record that is not there, one that is cut, one that has another size. */
	READ(HEAD("\x80", "\1", "\0") QUESTION);
	expect_error(-BIDE_EBADANSWER);
	READ(HEAD("\x80", "\1", "\0") QUESTION NAME IN_A "\1\2\3");
	expect_error(-BIDE_EBADANSWER);
	READ(HEAD("\x80", "\1", "\0") QUESTION NAME "\0\1\0\1\0\0\0\x3c\0\3\1\2\3");
	expect_error(-BIDE_EBADANSWER);
	/* A pointer to itself, one to the front of itself, one into nothing, a label of 64. */
	READ(HEAD("\x80", "\1", "\0") QUESTION "\xc0\x15" IN_A "\1\2\3\4");
	expect_error(-BIDE_EBADANSWER);
	READ(HEAD("\x80", "\1", "\0") QUESTION "\1x\xc0\x15" IN_A "\1\2\3\4");
	expect_error(-BIDE_EBADANSWER);
	READ(HEAD("\x80", "\1", "\0") QUESTION "\xff\xff" IN_A "\1\2\3\4");
	expect_error(-BIDE_EBADANSWER);
	READ(HEAD("\x80", "\1", "\0") QUESTION "\x40x" IN_A "\1\2\3\4");
	expect_error(-BIDE_EBADANSWER);
	/* An alias of what no host is called. */
	READ(HEAD("\x80", "\1", "\0") QUESTION NAME "\0\5\0\1\0\0\0\5\0\3\1 \0");
	expect_error(-BIDE_EBADANSWER);
}

TEST(an_answer_is_cut_wherever_it_is_without_harm)
{
	static const char whole[] = HEAD("\x80", "\3", "\1") QUESTION NAME
		"\0\5\0\1\0\0\0\5\0\3\1c\0"
		"\1c\0" IN_A "\2\2\2\2"
		"\1c\0" IN_A "\3\3\3\3" SOA("\0\0\0\x14", "\0\1\0\0");
	for (size_t size = 0; size < sizeof whole; size++)
		for (unsigned type = 1; type <= 28; type += type == 1 ? 11 : 16)
			read_reply(whole, size, type);
	read_reply(whole, sizeof whole - 1, BIDE__TYPE_A);
	CHECK_UINT(answer.count, 2);
	bide__answer_finish(&answer);
}

/* ---- names -------------------------------------------------------------------------------- */

static void expect_forms(const char *name, int ndots, const char *forms)
{
	char *domains[] = { (char *)"One.example.", (char *)"two", (char *)"bad domain" };
	struct bide__search search = { name, domains, 3, ndots, 0 };
	char form[BIDE__NAME_SIZE], all[512] = "";
	while (bide__search_next(&search, form)) {
		strcat(all, form);
		strcat(all, " ");
	}
	EXPECT_STR(all, forms);
}

TEST(a_name_is_looked_for_in_its_forms)
{
	expect_forms("Host", 1, "host.one.example host.two host ");
	expect_forms("a.host", 1, "a.host a.host.one.example a.host.two ");
	expect_forms("a.host", 2, "a.host.one.example a.host.two a.host ");
	expect_forms("host.", 1, "host ");
}

TEST(what_a_host_can_be_called)
{
	char longest[260], label[70];
	static const char *const good[] = { "a", "a.", "A-b_c.d1", "1.a", "xn--caf-dma.fr", "4u" };
	static const char *const bad[] = { "",    ".",   "a..b",     ".a",  "a b", "a\n", "1",
		                           "1.2", "a.1", "\xc3\xa9", "a/b", "*.a", "a:b", "a%b" };
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		EXPECT(bide__host_name_valid(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		EXPECT(!bide__host_name_valid(bad[i]));
	memset(label, 'x', sizeof label);
	label[63] = '\0';
	EXPECT(bide__host_name_valid(label));
	label[63] = 'x';
	label[64] = '\0';
	EXPECT(!bide__host_name_valid(label));
	memset(longest, 'y', sizeof longest);
	for (int i = 49; i < 253; i += 50)
		longest[i] = '.';
	longest[253] = '\0';
	EXPECT(bide__host_name_valid(longest));
	longest[253] = 'y';
	longest[254] = '\0';
	EXPECT(!bide__host_name_valid(longest));
}

/* ---- the hosts file ----------------------------------------------------------------------- */

TEST(a_hosts_file_is_read_whatever_is_in_it)
{
	static const char text[] =
		"127.0.0.1 localhost\n::1\tlocalhost ip6\n\n#1.1.1.1 c\n1.1.1.1\n"
		"1.1.1.1 B a b # z\n2.2.2.2 a\r\n bad x\n3.3.3.3 bad/name c";
	struct bide__hosts hosts = { .n = 0 };
	const struct bide__host *host = NULL;
	char *copy = bide__malloc(sizeof text);
	memcpy(copy, text, sizeof text);
	CHECK_INT(bide__hosts_read(&hosts, copy), 0);
	CHECK_UINT(bide__hosts_find(&hosts, "a", &host), 2);
	CHECK_STR(host[0].first, "b");
	CHECK_MEM(host[0].ip.bytes, "\1\1\1\1", 4);
	CHECK_MEM(host[1].ip.bytes, "\2\2\2\2", 4);
	CHECK_UINT(bide__hosts_find(&hosts, "localhost", &host), 2);
	CHECK_INT(host[1].ip.family, AF_INET6);
	CHECK_UINT(bide__hosts_find(&hosts, "z", &host), 0);
	CHECK_UINT(bide__hosts_find(&hosts, "x", &host), 0);
	CHECK_UINT(bide__hosts_find(&hosts, "c", &host), 1);
	CHECK_STR(bide__hosts_name_of(&hosts, &host->ip), "c");
	bide__hosts_finish(&hosts);
}

TEST(a_hosts_file_that_finds_no_memory_leaves_nothing)
{
	bool failed = true;
	for (long k = 1; failed; k++) {
		static const char text[] = "1.1.1.1 a b c d e f g\n2.2.2.2 h i\n";
		struct bide__hosts hosts = { .n = 0 };
		bide__alloc_arm(k);
		char *copy = bide__malloc(sizeof text);
		if (copy != NULL) {
			memcpy(copy, text, sizeof text);
			int rc = bide__hosts_read(&hosts, copy);
			EXPECT(rc == 0 || rc == -12);
			bide__hosts_finish(&hosts);
		}
		failed = bide__alloc_hook.failures > 0;
		CHECK_INT(bide__alloc_hook.live, 0);
		bide__alloc_disarm();
	}
}

/* ---- order -------------------------------------------------------------------------------- */

/* Which address the system sends from to another; NULL: none, it cannot be reached. */
struct source {
	const char *to, *from;
};

/* Instead of the system's routes, when there are some. */
static const struct source *sources;
static int connects;
static const char *bound[2]; /* of a socket of IPv4, and of one of IPv6 */

static const char *source_of(const struct sockaddr *address, socklen_t size)
{
	char text[INET6_ADDRSTRLEN];
	struct bide__ip ip;
	unsigned port;
	bide_address to = { .size = size };
	memcpy(to.at.bytes, address, size);
	EXPECT(bide__ip_of_address(&to, &ip, &port));
	inet_ntop(ip.family, ip.bytes, text, sizeof text);
	const struct source *source = sources;
	while (source->to != NULL && strcmp(source->to, text) != 0)
		source++;
	return source->from;
}

static const char **bound_of(int fd)
{
	int family = 0;
	socklen_t size = sizeof family;
	EXPECT_INT(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size), 0);
	return &bound[family == AF_INET6];
}

/* These two take the place of the system's. As there, who is connected keeps its source. */
int connect(int fd, const struct sockaddr *address, socklen_t size)
{
	if (sources == NULL)
		return (int)syscall(SYS_connect, fd, address, size);
	const char **source = bound_of(fd);
	connects++;
	if (address->sa_family == AF_UNSPEC)
		*source = NULL;
	else if (*source == NULL)
		*source = source_of(address, size);
	errno = ENETUNREACH;
	return address->sa_family == AF_UNSPEC || *source != NULL ? 0 : -1;
}

int getsockname(int fd, struct sockaddr *address, socklen_t *size)
{
	struct bide__ip ip;
	bide_address from;
	if (sources == NULL)
		return (int)syscall(SYS_getsockname, fd, address, size);
	EXPECT(bide__ip_parse(*bound_of(fd), &ip));
	bide__ip_to_address(&ip, 9, &from);
	memcpy(address, from.at.bytes, from.size);
	*size = from.size;
	return 0;
}

static void expect_order(const char *const *texts, size_t n, const char *const *expected)
{
	struct bide__routes routes;
	struct bide__ip ips[8];
	bide__routes_init(&routes);
	connects = 0;
	bound[0] = bound[1] = NULL;
	for (size_t i = 0; i < n; i++)
		CHECK(bide__ip_parse(texts[i], &ips[i]));
	bide__ip_sort(&routes, ips, n);
	bide__routes_close(&routes);
	for (size_t i = 0; i < n; i++) {
		char text[INET6_ADDRSTRLEN];
		EXPECT_STR(inet_ntop(ips[i].family, ips[i].bytes, text, sizeof text), expected[i]);
	}
}

TEST(what_can_be_reached_comes_first)
{
	/* Broadcast is refused to a socket that did not ask for it. */
	static const char *const texts[] = { "255.255.255.255", "127.0.0.1" };
	static const char *const expected[] = { "127.0.0.1", "255.255.255.255" };
	expect_order(texts, 2, expected);
}

TEST(equal_addresses_keep_their_order)
{
	static const char *const texts[] = { "127.0.0.3", "127.0.0.1", "127.0.0.2" };
	expect_order(texts, 3, texts);
}

TEST(ipv6_of_this_machine_comes_before_ipv4)
{
	static const char *const texts[] = { "127.0.0.1", "::1" };
	static const char *const expected[] = { "::1", "127.0.0.1" };
	if (!has_ipv6())
		SKIP("no IPv6 on the loopback");
	expect_order(texts, 2, expected);
}

static void expect_order_of_two(const struct source *routes, const char *first, const char *second)
{
	const char *const expected[] = { first, second }, *const turned[] = { second, first };
	sources = routes;
	expect_order(expected, 2, expected);
	expect_order(turned, 2, expected);
	sources = NULL;
}

/* The examples of RFC 6724, 10.2, that ask for no more than routes tell. */
TEST(a_source_of_the_same_scope_is_preferred)
{
	expect_order_of_two((const struct source[]){ { "2001:db8:1::1", "2001:db8:1::2" },
	                                             { "198.51.100.121", "169.254.13.78" },
	                                             { 0 } },
	                    "2001:db8:1::1", "198.51.100.121");
	expect_order_of_two((const struct source[]){ { "2001:db8:1::1", "fe80::1" },
	                                             { "198.51.100.121", "198.51.100.117" },
	                                             { 0 } },
	                    "198.51.100.121", "2001:db8:1::1");
}

TEST(a_higher_precedence_is_preferred)
{
	expect_order_of_two((const struct source[]){ { "2001:db8:1::1", "2001:db8:1::2" },
	                                             { "10.1.2.3", "10.1.2.4" },
	                                             { 0 } },
	                    "2001:db8:1::1", "10.1.2.3");
	expect_order_of_two((const struct source[]){ { "2001:db8:1::1", "2001:db8:3::2" },
	                                             { "2002:c633:6401::1", "2002:c633:6401::2" },
	                                             { 0 } },
	                    "2001:db8:1::1", "2002:c633:6401::1");
}

TEST(a_smaller_scope_is_preferred)
{
	expect_order_of_two((const struct source[]){ { "2001:db8:1::1", "2001:db8:1::2" },
	                                             { "fe80::1", "fe80::2" },
	                                             { 0 } },
	                    "fe80::1", "2001:db8:1::1");
}

TEST(a_label_that_is_the_sources_is_preferred)
{
	expect_order_of_two((const struct source[]){ { "2002:c633:6401::1", "2002:c633:6401::2" },
	                                             { "2001:db8:1::1", "2002:c633:6401::2" },
	                                             { 0 } },
	                    "2002:c633:6401::1", "2001:db8:1::1");
}

TEST(a_longer_common_prefix_is_preferred)
{
	expect_order_of_two((const struct source[]){ { "2001:db8:1::1", "2001:db8:1::2" },
	                                             { "2001:db8:3ffe::1", "2001:db8:3f44::2" },
	                                             { 0 } },
	                    "2001:db8:1::1", "2001:db8:3ffe::1");
}

TEST(addresses_of_the_same_network_keep_their_order)
{
	static const char *const near[] = { "2001:db8::3", "2001:db8::ffff" };
	static const char *const far[] = { "2001:db8::ffff", "2001:db8::3" };
	sources = (const struct source[]){ { near[0], "2001:db8::2" },
		                           { near[1], "2001:db8::2" },
		                           { 0 } };
	expect_order(near, 2, near);
	expect_order(far, 2, far);
	sources = NULL;
}

TEST(addresses_of_a_family_without_a_route_come_last_in_their_order)
{
	static const char *const texts[] = { "2001:db8::1", "2001:db8::2", "192.0.2.1",
		                             "192.0.2.2" };
	static const char *const expected[] = { "192.0.2.1", "192.0.2.2", "2001:db8::1",
		                                "2001:db8::2" };
	sources = (const struct source[]){ { "192.0.2.1", "192.0.2.9" },
		                           { "192.0.2.2", "192.0.2.9" },
		                           { 0 } };
	expect_order(texts, 4, expected);
	sources = NULL;
}

TEST(addresses_to_which_there_is_no_route_keep_their_order)
{
	static const char *const six[] = { "2001:db8::1", "2001:db8::2", "2001:db8::3" };
	static const char *const mixed[] = { "2001:db8::1", "192.0.2.1" };
	sources = (const struct source[]){ { 0 } };
	expect_order(six, 3, six);
	expect_order(mixed, 2, mixed);
	sources = NULL;
}

TEST(routes_that_change_nothing_are_not_looked_for)
{
	const struct source both[] = { { "2001:db8::1", "2001:db8::9" },
		                       { "192.0.2.1", "192.0.2.9" },
		                       { 0 } };
	const char *const six_first[] = { "2001:db8::1", "192.0.2.1" };
	const char *const four_first[] = { "192.0.2.1", "2001:db8::1" };
	sources = both;
	expect_order(six_first, 2, six_first);
	EXPECT_INT(connects, 1);
	sources = both + 1;
	expect_order(six_first, 2, four_first);
	EXPECT_INT(connects, 2);
	sources = NULL;
}
