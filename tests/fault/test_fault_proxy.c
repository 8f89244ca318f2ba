// SPDX-License-Identifier: MIT
/* The proxy of the tests does what its rules say: with plain sockets, that wait. */
#include "fault/listener.h"
#include "fault/proxy.h"

#include "harness/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct proxy *proxy;
static int listener, client, server;

static void connect_through(int family, const struct proxy_rules *rules)
{
	struct sockaddr_storage address;
	socklen_t size;
	listener = listen_somewhere(family, &address, &size);
	proxy = proxy_start((struct sockaddr *)&address, size, rules, 1);
	CHECK(proxy != NULL);
	client = socket(family, SOCK_STREAM, 0);
	const struct sockaddr *there = proxy_address(proxy, &size);
	CHECK_INT(connect(client, there, size), 0);
	server = accept(listener, NULL, NULL);
	CHECK(server >= 0);
}

static void leave(void)
{
	close(client);
	close(server);
	close(listener);
	proxy_stop(proxy, NULL);
}

/* Reads up to the end or an error, which is returned, or until nothing comes for a while (1). */
static int read_all(int fd, char *buf, size_t *ret_size)
{
	struct pollfd one = { fd, POLLIN, 0 };
	*ret_size = 0;
	for (;;) {
		if (poll(&one, 1, 50) == 0)
			return 1;
		ssize_t n = recv(fd, buf + *ret_size, 1, 0);
		if (n <= 0)
			return n < 0 ? -errno : 0;
		*ret_size += (size_t)n;
	}
}

/* What the server reads of "abcdef" and the end. */
static void expect_server_reads(const struct proxy_rule *rule, int family, const char *text,
                                int end)
{
	const struct proxy_rules rules = { .to_server = *rule };
	char buf[16] = "";
	size_t n;
	connect_through(family, &rules);
	EXPECT_INT(send(client, "abcdef", 6, 0), 6);
	/* It may have been reset already. */
	EXPECT(shutdown(client, SHUT_WR) == 0 || rule->action == PROXY_RESET);
	EXPECT_INT(read_all(server, buf, &n), end);
	EXPECT_STR(buf, text);
	/* The other direction goes on. */
	if (rule->action != PROXY_RESET && rule->action != PROXY_CLOSE) {
		EXPECT_INT(send(server, "xyz", 3, 0), 3);
		EXPECT_INT(shutdown(server, SHUT_WR), 0);
		EXPECT_INT(read_all(client, buf, &n), 0);
		EXPECT_UINT(n, 3);
	}
	leave();
}

TEST(proxy_passes_all_on)
{
	const struct proxy_rule whole = { .piece = 0 }, bytes = { .piece = 1 },
				pieces = { .piece = 2, .delay_us = 100 },
				gathered = { .gather = 6 }, up_to_the_end = { .gather = 100 };
	for (int family = AF_UNIX; family <= AF_INET; family++) {
		expect_server_reads(&whole, family, "abcdef", 0);
		expect_server_reads(&bytes, family, "abcdef", 0);
		expect_server_reads(&pieces, family, "abcdef", 0);
		expect_server_reads(&gathered, family, "abcdef", 0);
		expect_server_reads(&up_to_the_end, family, "abcdef", 0);
	}
}

TEST(proxy_acts_after_so_many_bytes)
{
	const struct proxy_rule end = { .action = PROXY_END, .after = 4 },
				end_at_once = { .action = PROXY_END },
				close = { .action = PROXY_CLOSE, .after = 3 },
				reset = { .action = PROXY_RESET, .after = 2 },
				stall = { .action = PROXY_STALL, .after = 5 },
				drop = { .piece = 1, .action = PROXY_DROP, .after = 1 };
	expect_server_reads(&end, AF_INET, "abcd", 0);
	expect_server_reads(&end_at_once, AF_INET, "", 0);
	expect_server_reads(&close, AF_INET, "abc", 0);
	expect_server_reads(&reset, AF_INET, "ab", -ECONNRESET);
	expect_server_reads(&stall, AF_INET, "abcde", 1);
	expect_server_reads(&drop, AF_INET, "a", 1);
	expect_server_reads(&drop, AF_UNIX, "a", 1);
}

TEST(proxy_splits_and_gathers)
{
	const struct proxy_rules bytes = { .to_client = { .piece = 1, .delay_us = 5000 } };
	const struct proxy_rules gathered = { .to_client = { .gather = 6 } };
	const struct timespec pause = { 0, 5000000 };
	char buf[16];
	connect_through(AF_INET, &bytes);
	EXPECT_INT(send(server, "abcdef", 6, 0), 6);
	EXPECT_INT(recv(client, buf, sizeof buf, 0), 1);
	leave();
	connect_through(AF_INET, &gathered);
	EXPECT_INT(send(server, "abc", 3, 0), 3);
	nanosleep(&pause, NULL);
	EXPECT_INT(recv(client, buf, sizeof buf, MSG_DONTWAIT), -1);
	EXPECT_INT(send(server, "def", 3, 0), 3);
	EXPECT_INT(recv(client, buf, sizeof buf, 0), 6);
	leave();
}

TEST(proxy_stalls_into_back_pressure)
{
	static char much[1 << 16];
	const struct proxy_rules rules = { .to_server = { .action = PROXY_STALL, .after = 100 } };
	struct pollfd one;
	size_t sent = 0;
	connect_through(AF_INET, &rules);
	one = (struct pollfd){ client, POLLOUT, 0 };
	while (sent < (size_t)64 << 20 && poll(&one, 1, 50) > 0) {
		ssize_t n = send(client, much, sizeof much, MSG_DONTWAIT);
		sent += n > 0 ? (size_t)n : 0;
	}
	EXPECT(sent < (size_t)64 << 20);
	leave();
}

TEST(proxy_hands_a_reset_on)
{
	const struct proxy_rules rules = { .to_server = { .piece = 0 } };
	const struct linger at_once = { 1, 0 };
	char buf[16];
	size_t n;
	connect_through(AF_INET, &rules);
	setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(client);
	EXPECT_INT(read_all(server, buf, &n), -ECONNRESET);
	leave();
}
