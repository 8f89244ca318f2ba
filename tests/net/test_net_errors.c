// SPDX-License-Identifier: MIT
/* What servers answer that is no address, and what they answer that nobody asked for. */
#include "io/seccomp_kit.h"
#include "net/names_kit.h"

#include <arpa/inet.h>
#include <unistd.h>

static const struct dns_record zone[] = {
	{ "silent.test", NULL, NULL, 0, DNS_SILENT },
	{ "failing.test", NULL, NULL, 0, DNS_SERVFAIL },
	{ "refused.test", NULL, NULL, 0, DNS_REFUSED },
	{ "unable.test", NULL, NULL, 0, DNS_NOTIMP },
	{ "unread.test", NULL, NULL, 0, DNS_FORMERR },
	{ "garbage.test", NULL, NULL, 0, DNS_GARBAGE },
	{ "wrong-id.test", "A", "192.0.2.1", 60, DNS_WRONG_ID },
	{ "other.test", "A", "192.0.2.2", 60, DNS_OTHER_QUESTION },
	{ "owner.test", "A", "192.0.2.3", 60, DNS_OTHER_OWNER },
	{ "denied.test", NULL, NULL, 0, DNS_DENIES_NOTHING },
	{ "half.test", "A", "192.0.2.4", 60, 0 },
	{ NULL, NULL, NULL, 0, 0 },
};

NAMES_TEST(no_answer_in_time_is_said_as_that)
{
	double began = bide_time();
	bide_resolver_close(resolver);
	resolver = open_resolver((bide_resolver_options){ .timeout = 0.02, .tries = 2 });
	FOUND("silent.test", AF_INET, bide_strerror(BIDE_ENOANSWER));
	CHECK_UINT(dns_asked(server, "silent.test"), 2);
	CHECK(bide_time() - began >= 0.06); /* 20 ms, then twice as long */
}

NAMES_TEST(what_a_server_refuses_with_is_told)
{
	FOUND("failing.test", 0, bide_strerror(BIDE_ESERVFAIL));
	FOUND("refused.test", 0, bide_strerror(BIDE_EREFUSED));
	FOUND("unable.test", 0, bide_strerror(BIDE_EREFUSED));
	FOUND("unread.test", 0, bide_strerror(BIDE_EREFUSED));
	FOUND("nothing.test", 0, bide_strerror(BIDE_ENOHOST));
	FOUND("denied.test", 0, bide_strerror(BIDE_ENOADDRESS));
}

/* A port on which nobody listens, nor will: it is taken by a socket that hears itself alone. */
static const char *nobody(void)
{
	static int fd = -1;
	static char text[32];
	struct sockaddr_in in = { .sin_family = AF_INET,
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof in;
	close(fd);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	EXPECT_INT(bind(fd, (struct sockaddr *)&in, size), 0);
	EXPECT_INT(getsockname(fd, (struct sockaddr *)&in, &size), 0);
	snprintf(text, sizeof text, "127.0.0.1:%d", ntohs(in.sin_port));
	EXPECT_INT(connect(fd, (struct sockaddr *)&in, size), 0);
	return text;
}

NAMES_TEST(a_server_that_is_not_there_is_said_as_that)
{
	bide_resolver_close(resolver);
	resolver = open_resolver((bide_resolver_options){ .servers = nobody() });
	FOUND("half.test", AF_INET, bide_strerror(BIDE_ENOSERVER));
}

/* The socket tells of one of them only: neither waits until its time is up. */
NAMES_TEST(that_no_server_is_there_ends_all_questions)
{
	double began = bide_time();
	bide_resolver_close(resolver);
	resolver = open_resolver((bide_resolver_options){ .servers = nobody(), .timeout = 10 });
	FOUND("half.test", 0, bide_strerror(BIDE_ENOSERVER));
	CHECK(bide_time() - began < 9);
}

NAMES_TEST(the_next_server_is_asked_when_one_is_not_there_or_fails)
{
	static const struct dns_record second[] = {
		{ "failing.test", "A", "192.0.2.9", 60, 0 },
		{ "refused.test", "A", "192.0.2.10", 60, 0 },
		{ "silent.test", "A", "192.0.2.11", 60, 0 },
		{ NULL, NULL, NULL, 0, 0 },
	};
	struct dns *other = dns_start(second, NEGATIVE_TTL);
	char servers[128];
	snprintf(servers, sizeof servers, "%s,%s,%s", nobody(), dns_address(server),
	         dns_address(other));
	bide_resolver_close(resolver);
	resolver = open_resolver((bide_resolver_options){ .servers = servers, .timeout = 0.02 });
	FOUND("failing.test", AF_INET, "192.0.2.9 ");
	FOUND("refused.test", AF_INET, "192.0.2.10 ");
	FOUND("silent.test", AF_INET, "192.0.2.11 ");
	FOUND("unable.test", AF_INET, bide_strerror(BIDE_ENOHOST));
	dns_stop(other);
}

/* More than have a place where questions are put together. */
NAMES_TEST(many_servers_may_say_nothing_before_one_answers)
{
	enum { SILENT = 20 };
	char servers[SILENT * 24 + 24], *end = servers;
	int fds[SILENT];
	for (int i = 0; i < SILENT; i++) {
		struct sockaddr_in in = { .sin_family = AF_INET,
			                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		socklen_t size = sizeof in;
		fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
		EXPECT_INT(bind(fds[i], (struct sockaddr *)&in, size), 0);
		EXPECT_INT(getsockname(fds[i], (struct sockaddr *)&in, &size), 0);
		end += snprintf(end, 24, "127.0.0.1:%d,", ntohs(in.sin_port));
	}
	snprintf(end, 24, "%s", dns_address(server));
	bide_resolver_close(resolver);
	resolver = open_resolver((bide_resolver_options){ .servers = servers, .timeout = 2e-3 });
	FOUND("half.test", AF_INET, "192.0.2.4 ");
	for (int i = 0; i < SILENT; i++)
		close(fds[i]);
}

NAMES_TEST(servers_take_turns_where_that_is_asked_for)
{
	for (int rotate = 0; rotate < 2; rotate++) {
		struct dns *other = dns_start(zone, NEGATIVE_TTL);
		char servers[64];
		snprintf(servers, sizeof servers, "%s,%s", dns_address(server), dns_address(other));
		bide_resolver_close(resolver);
		resolver = open_resolver(
			(bide_resolver_options){ .servers = servers, .rotate = rotate });
		FOUND("n1.many.test", AF_INET, "10.0.0.1 ");
		FOUND("n2.many.test", AF_INET, "10.0.0.2 ");
		CHECK_UINT(dns_asked(other, NULL), rotate ? 1 : 0);
		dns_stop(other);
	}
}

NAMES_TEST(an_answer_to_another_question_is_passed_over)
{
	FOUND("wrong-id.test", AF_INET, "192.0.2.1 ");
	FOUND("other.test", AF_INET, "192.0.2.2 ");
}

NAMES_TEST(a_record_of_another_name_is_not_taken)
{
	FOUND("owner.test", AF_INET, bide_strerror(BIDE_ENOADDRESS));
}

NAMES_TEST(an_answer_that_makes_no_sense_is_said_as_that)
{
	FOUND("garbage.test", AF_INET, bide_strerror(BIDE_EBADANSWER));
	FOUND("half.test", AF_INET, "192.0.2.4 ");
}

/* One family fails, the other answers: what there is counts. */
NAMES_TEST(addresses_of_one_family_are_given_though_the_other_fails)
{
	static const struct dns_record first[] = {
		{ "mixed.test", "AAAA", "2001:db8::5", 60, 0 },
		{ NULL, NULL, NULL, 0, 0 },
	};
	struct dns *other = dns_start(first, NEGATIVE_TTL);
	bide_resolver_close(resolver);
	resolver = open_resolver((bide_resolver_options){ .servers = dns_address(other) });
	FOUND("mixed.test", 0, "[2001:db8::5] ");
	dns_stop(other);
}

/* ---- what the system refuses -------------------------------------------------------------- */

/* What a call of the kernel refuses, in a process of its own. */
static void refused(unsigned call, int error, const char *expected)
{
	if (!seccomp_refuse(call, error, ANY_ARGUMENT, 0))
		SKIP("this system has no filters for system calls");
	FOUND("half.test", AF_INET, expected);
	FOUND("127.0.0.1", AF_INET, "127.0.0.1 ");
}

NAMES_TEST_ONCE(no_descriptor_for_the_set)
{
	refused(__NR_epoll_create1, EMFILE, bide_strerror(EMFILE));
}

NAMES_TEST_ONCE(no_room_in_the_set)
{
	refused(__NR_epoll_ctl, ENOSPC, bide_strerror(ENOSPC));
}

NAMES_TEST_ONCE(no_socket)
{
	refused(__NR_socket, EMFILE, bide_strerror(BIDE_ENOSERVER));
}

NAMES_TEST_ONCE(no_connection)
{
	refused(__NR_connect, ENETUNREACH, bide_strerror(BIDE_ENOSERVER));
}

NAMES_TEST_ONCE(what_cannot_be_sent_has_reached_no_server)
{
	refused(__NR_sendmmsg, EPERM, bide_strerror(BIDE_ENOSERVER));
}

NAMES_TEST_ONCE(what_finds_no_room_to_be_sent_has_reached_no_server)
{
	refused(__NR_sendmmsg, EAGAIN, bide_strerror(BIDE_ENOSERVER));
}

NAMES_TEST_ONCE(what_cannot_be_received_has_reached_no_server)
{
	refused(__NR_recvmmsg, ENOMEM, bide_strerror(BIDE_ENOSERVER));
}

TEST(a_configuration_that_is_missing_is_an_empty_one)
{
	bide_resolver *opened;
	const bide_resolver_options options = { .config = "/nonexistent/resolv.conf" };
	CHECK_INT(bide_resolver_open(&options, &opened), 0);
	bide_resolver_close(opened);
}

/* Its name servers cannot be at the test's port, but its domains can be seen. */
NAMES_TEST(the_configuration_is_read_again_when_it_has_changed)
{
	const char *path =
		test_file("resolv.conf", "nameserver 127.0.0.1\nsearch a.example b.example\n"
	                                 "options ndots:3 timeout:1 attempts:1\n");
	bide_resolver *opened;
	const bide_resolver_options options = { .config = path, .hosts = "" };
	CHECK_INT(bide_resolver_open(&options, &opened), 0);
	EXPECT_INT(opened->config.ndomains, 2);
	EXPECT_STR(opened->config.domains[1], "b.example");
	EXPECT_INT(opened->config.ndots, 3);
	test_file("resolv.conf", "nameserver 127.0.0.1\nsearch c.example\n");
	opened->resolv_conf.looked_at -= 2;
	BIDE_TIMEOUT(0.01) {
		(void)found("half.test", &(bide_lookup){ .resolver = opened });
	}
	EXPECT_INT(opened->config.ndomains, 1);
	EXPECT_STR(opened->config.domains[0], "c.example");
	EXPECT_INT(opened->config.ndots, 1);
	bide_resolver_close(opened);
}

static BIDE_ASYNC(int, look_up_on_the_virtual_clock, void);
static int look_up_on_the_virtual_clock(void)
{
	names_open();
	FOUND("127.0.0.1", 0, "127.0.0.1 ");
	FOUND("localhost", AF_INET, "127.0.0.1 ");
	FOUND("half.test", 0, bide_strerror(ENOTSUP));
	names_close();
	return 0;
}

TEST(the_virtual_clock_has_no_servers)
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL };
	CHECK_INT(bide_try_run(&options, NULL, look_up_on_the_virtual_clock), 0);
}

TEST_ABORTS(a_name_is_not_looked_up_outside_tasks, "bide: bide_getaddrinfo: no loop on this thread")
{
	bide_addresses *addresses;
	(void)!bide_getaddrinfo("half.test", NULL, NULL, &addresses);
}

TEST_ABORTS(a_resolver_that_was_closed_is_not_used, "the resolver has been closed")
{
	bide_resolver *opened;
	CHECK_INT(bide_resolver_open(NULL, &opened), 0);
	bide_resolver_close(opened);
	bide_resolver_close(opened);
}
