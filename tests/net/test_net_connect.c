// SPDX-License-Identifier: MIT
/* Connecting: to one address, and to the first of several that can be had. */
#include "net/server_kit.h"

#include "base/alloc.h"

#include <netinet/tcp.h>
#include <sys/resource.h>

/* ---- addresses that do this and that ------------------------------------------------------ */

static int descriptors_before;

/* The lowest descriptor that is free: the same as before, if all have been closed. */
static int next_descriptor(void)
{
	int fd = dup(0);
	close(fd);
	return fd;
}

static bide_address address_of(int fd)
{
	bide_address address = { sizeof address.at, { 0 } };
	EXPECT_INT(getsockname(fd, (struct sockaddr *)(void *)address.at.bytes, &address.size), 0);
	return address;
}

static int bind_at(const char *host)
{
	char text[BIDE_ADDRESS_MAX];
	bide_address address;
	snprintf(text, sizeof text, "%s:0", host);
	EXPECT_INT(bide_address_parse(text, &address), 0);
	const struct sockaddr *at = (const struct sockaddr *)(void *)address.at.bytes;
	int fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	EXPECT_INT(bind(fd, at, address.size), 0);
	return fd;
}

/* Nobody listens at it, and nobody else will while the descriptor is open. */
static int refuses(const char *host, bide_address *ret_address)
{
	int fd = bind_at(host);
	*ret_address = address_of(fd);
	return fd;
}

static int accepts(const char *host, bide_address *ret_address)
{
	int fd = bind_at(host);
	EXPECT_INT(listen(fd, 64), 0);
	*ret_address = address_of(fd);
	return fd;
}

/* One whose queue is full: who knocks gets no answer. */
struct hanging {
	int listener, first, second;
};

static struct hanging hangs(const char *host, bide_address *ret_address)
{
	struct hanging hanging = { bind_at(host), -1, -1 };
	EXPECT_INT(listen(hanging.listener, 0), 0);
	*ret_address = address_of(hanging.listener);
	const struct sockaddr *at = (const struct sockaddr *)(void *)ret_address->at.bytes;
	hanging.first = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	EXPECT_INT(connect(hanging.first, at, ret_address->size), 0);
	hanging.second = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	EXPECT_INT(connect(hanging.second, at, ret_address->size), -1);
	return hanging;
}

static void close_hanging(struct hanging hanging)
{
	close(hanging.second);
	close(hanging.first);
	close(hanging.listener);
}

/* Which of the addresses a stream is connected to; -1: none. */
static int chosen(bide_stream *stream, const bide_address *addresses, int n)
{
	char peer[BIDE_ADDRESS_MAX], text[BIDE_ADDRESS_MAX];
	bide_address address;
	EXPECT_INT(bide_stream_peer_address(stream, &address), 0);
	bide_address_format(&address, peer);
	for (int i = 0; i < n; i++)
		if (strcmp(bide_address_format(&addresses[i], text), peer) == 0)
			return i;
	return -1;
}

static void begin(void)
{
	bide_stream *pair[2];
	/* The backend opens its descriptors when they are first needed. */
	EXPECT_INT(bide_stream_pair(0, pair), 0);
	EXPECT_INT(bide_wait_fd(1, BIDE_WRITABLE) > 0, 1);
	bide_stream_abort(pair[0]);
	bide_stream_abort(pair[1]);
	descriptors_before = next_descriptor();
}

static void end(void)
{
	EXPECT_INT(next_descriptor(), descriptors_before);
	expect_nothing_left();
}

#define CONNECT_TEST(name) STACKS_TEST(name, begin(), end())

/* ---- one address -------------------------------------------------------------------------- */

CONNECT_TEST(it_connects_to_a_host_and_port)
{
	static const char *const hosts[] = { "127.0.0.1", "::1" };
	for (int i = 0; i < 2; i++) {
		bide_stream *stream;
		CHECK_INT(bide_start_server(hosts[i], "0", NULL, &server, echo), 0);
		const char *port = strrchr(text_of(0), ':') + 1;
		CHECK_INT(bide_open_connection(hosts[i], port, NULL, &stream), 0);
		CHECK(answers(stream, "hello"));
		CHECK_INT(bide_stream_close(stream), 0);
		bide_server_close(server);
	}
}

CONNECT_TEST(it_connects_to_unix_sockets)
{
	char name[64];
	bide_stream *stream;
	snprintf(name, sizeof name, "unix:@bide-connect-%d", (int)getpid());
	CHECK_INT(bide_start_server(name, NULL, NULL, &server, echo), 0);
	CHECK_INT(bide_open_connection(name, NULL, NULL, &stream), 0);
	CHECK(answers(stream, "hello"));
	CHECK_INT(bide_stream_close(stream), 0);
	bide_server_close(server);
	CHECK_INT(bide_open_connection(name, NULL, NULL, &stream), -ECONNREFUSED);
	CHECK_INT(bide_open_connection("unix:/nowhere/at/all", NULL, NULL, &stream), -ENOENT);
}

CONNECT_TEST(who_refuses_is_an_error)
{
	bide_address address;
	bide_stream *const untouched = (bide_stream *)&errno, *stream = untouched;
	int fd = refuses("127.0.0.1", &address);
	CHECK_INT(bide_connect_any(&address, 1, NULL, &stream), -ECONNREFUSED);
	CHECK_PTR(stream, untouched);
	CHECK_INT(bide_connect_any(&address, 0, NULL, &stream), -EINVAL);
	close(fd);
}

static int option(bide_stream *stream, int level, int name)
{
	int value = -1;
	socklen_t size = sizeof value;
	EXPECT_INT(getsockopt(bide_stream_fd(stream), level, name, &value, &size), 0);
	return value;
}

CONNECT_TEST(small_writes_are_sent_at_once_unless_that_is_not_wanted)
{
	const bide_connection_options options = { .nagle = true, .keep_alive = 42 };
	bide_address address;
	bide_stream *stream;
	int fd = accepts("127.0.0.1", &address);
	CHECK_INT(bide_connect_any(&address, 1, NULL, &stream), 0);
	CHECK(option(stream, IPPROTO_TCP, TCP_NODELAY) != 0);
	CHECK_INT(option(stream, SOL_SOCKET, SO_KEEPALIVE), 0);
	bide_stream_abort(stream);
	CHECK_INT(bide_connect_any(&address, 1, &options, &stream), 0);
	CHECK_INT(option(stream, IPPROTO_TCP, TCP_NODELAY), 0);
	CHECK(option(stream, SOL_SOCKET, SO_KEEPALIVE) != 0);
	CHECK_INT(option(stream, IPPROTO_TCP, TCP_KEEPIDLE), 42);
	bide_stream_abort(stream);
	close(fd);
}

CONNECT_TEST(the_address_of_this_side_can_be_chosen)
{
	char text[BIDE_ADDRESS_MAX];
	bide_address address, own;
	bide_stream *stream;
	int fd = accepts("127.0.0.1", &address);
	CHECK_INT(bide_connect_any(&address, 1,
	                           &(bide_connection_options){ .local = "127.0.0.9:0" }, &stream),
	          0);
	CHECK_INT(bide_stream_local_address(stream, &own), 0);
	CHECK(strncmp(bide_address_format(&own, text), "127.0.0.9:", 10) == 0);
	bide_stream_abort(stream);
	CHECK_INT(bide_connect_any(&address, 1, &(bide_connection_options){ .local = "[::1]:0" },
	                           &stream),
	          -EAFNOSUPPORT);
	CHECK_INT(bide_connect_any(&address, 1,
	                           &(bide_connection_options){ .local = "192.0.2.1:0" }, &stream),
	          -EADDRNOTAVAIL);
	close(fd);
}

CONNECT_TEST(options_that_mean_nothing_are_refused)
{
	const bide_connection_options wrong[] = {
		{ .delay = -1 },
		{ .delay = NAN },
		{ .keep_alive = -1 },
		{ .local = "nobody" },
	};
	bide_address address;
	bide_stream *stream;
	int fd = accepts("127.0.0.1", &address);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		CHECK_INT(bide_connect_any(&address, 1, &wrong[i], &stream), -EINVAL);
	close(fd);
}

CONNECT_TEST(without_descriptors_there_is_no_connection)
{
	struct rlimit usual, none;
	bide_address address[2];
	bide_stream *stream;
	int fds[2] = { accepts("127.0.0.1", &address[0]), accepts("127.0.0.2", &address[1]) };
	CHECK_INT(getrlimit(RLIMIT_NOFILE, &usual), 0);
	none = (struct rlimit){ (rlim_t)next_descriptor(), usual.rlim_max };
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
	CHECK_INT(bide_connect_any(address, 1, NULL, &stream), -EMFILE);
	CHECK_INT(bide_connect_any(address, 2, NULL, &stream), -EMFILE);
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &usual), 0);
	close(fds[1]);
	close(fds[0]);
}

/* ---- several ------------------------------------------------------------------------------ */

CONNECT_TEST(the_first_is_taken_if_it_answers)
{
	bide_address addresses[2];
	bide_stream *stream;
	int fds[2] = { accepts("[::1]", &addresses[0]), accepts("127.0.0.1", &addresses[1]) };
	CHECK_INT(bide_connect_any(addresses, 2, NULL, &stream), 0);
	CHECK_INT(chosen(stream, addresses, 2), 0);
	CHECK_INT(bide_stream_close(stream), 0);
	close(fds[1]);
	close(fds[0]);
}

CONNECT_TEST(after_one_that_refuses_the_next_is_tried_at_once)
{
	const bide_connection_options options = { .delay = INFINITY };
	bide_address addresses[3];
	bide_stream *stream;
	int fds[3] = { refuses("[::1]", &addresses[0]), refuses("127.0.0.1", &addresses[1]),
		       accepts("[::1]", &addresses[2]) };
	CHECK_INT(bide_connect_any(addresses, 3, &options, &stream), 0);
	CHECK_INT(chosen(stream, addresses, 3), 2);
	CHECK_INT(bide_stream_close(stream), 0);
	for (int i = 2; i >= 0; i--)
		close(fds[i]);
}

CONNECT_TEST(beside_one_that_hangs_the_next_is_tried_after_the_delay)
{
	const bide_connection_options options = { .delay = 0.05 };
	bide_address addresses[2];
	bide_stream *stream;
	struct hanging hanging = hangs("127.0.0.1", &addresses[0]);
	int fd = accepts("127.0.0.2", &addresses[1]);
	const double before = bide_time();
	CHECK_INT(bide_connect_any(addresses, 2, &options, &stream), 0);
	CHECK(bide_time() - before >= 0.05);
	CHECK_INT(chosen(stream, addresses, 2), 1);
	CHECK_INT(bide_stream_close(stream), 0);
	close(fd);
	close_hanging(hanging);
}

CONNECT_TEST(by_default_the_delay_is_that_of_the_rfc)
{
	bide_address addresses[2];
	bide_stream *stream;
	struct hanging hanging = hangs("[::1]", &addresses[0]);
	int fd = accepts("127.0.0.1", &addresses[1]);
	const double before = bide_time();
	CHECK_INT(bide_connect_any(addresses, 2, NULL, &stream), 0);
	CHECK(bide_time() - before >= 0.25);
	CHECK_INT(chosen(stream, addresses, 2), 1);
	CHECK_INT(bide_stream_close(stream), 0);
	close(fd);
	close_hanging(hanging);
}

CONNECT_TEST(without_a_delay_one_that_hangs_holds_up_the_next)
{
	bide_attempt attempts[2];
	const bide_connection_options options = { .delay = INFINITY,
		                                  .attempts = attempts,
		                                  .n_attempts = 2 };
	bide_address addresses[2];
	bide_stream *stream;
	int rc, connected = 0;
	struct hanging hanging = hangs("127.0.0.1", &addresses[0]);
	int fd = accepts("127.0.0.2", &addresses[1]);
	BIDE_TIMEOUT(0.05, rc) {
		connected = bide_connect_any(addresses, 2, &options, &stream);
	}
	CHECK_INT(rc, -ETIMEDOUT);
	CHECK_INT(connected, -ETIMEDOUT);
	CHECK(attempts[0].error < 0);
	CHECK_INT(attempts[1].error, 0);
	close(fd);
	close_hanging(hanging);
}

/* The one that hangs gets a place in the queue, and answers, when the next one hangs, too. */
CONNECT_TEST(the_first_to_answer_wins_though_it_was_asked_first)
{
	const bide_connection_options options = { .delay = 0.05 };
	bide_address addresses[2];
	bide_stream *stream;
	struct hanging first = hangs("127.0.0.1", &addresses[0]);
	struct hanging second = hangs("127.0.0.2", &addresses[1]);
	int taken = accept(first.listener, NULL, NULL);
	CHECK(taken >= 0);
	close(first.second);
	first.second = taken;
	CHECK_INT(bide_connect_any(addresses, 2, &options, &stream), 0);
	CHECK_INT(chosen(stream, addresses, 2), 0);
	bide_stream_abort(stream);
	close_hanging(second);
	close_hanging(first);
}

/* ---- by name ------------------------------------------------------------------------------ */

/* A resolver that knows of one host, at ::1 and at 127.0.0.1. */
static bide_resolver *open_resolver(void)
{
	const bide_resolver_options options = {
		.hosts = test_file("hosts", "::1 both.example\n127.0.0.1 both.example\n")
	};
	bide_resolver *resolver = NULL;
	EXPECT_INT(bide_resolver_open(&options, &resolver), 0);
	return resolver;
}

CONNECT_TEST(a_name_stands_for_all_of_its_addresses)
{
	char port[8];
	bide_attempt attempts[3];
	bide_stream *stream;
	const bide_lookup lookup = { .resolver = open_resolver() };
	const bide_connection_options options = { .lookup = &lookup,
		                                  .attempts = attempts,
		                                  .n_attempts = 3 };
	CHECK_INT(bide_start_server("127.0.0.1", "0", NULL, &server, echo), 0);
	snprintf(port, sizeof port, "%s", strrchr(text_of(0), ':') + 1);
	CHECK_INT(bide_open_connection("both.example", port, &options, &stream), 0);
	CHECK(answers(stream, "hello"));
	CHECK_INT(bide_stream_close(stream), 0);
	bide_server_close(server);
	CHECK_INT(bide_open_connection("both.example", port, &options, &stream), -ECONNREFUSED);
	CHECK_INT(attempts[0].error, -ECONNREFUSED);
	CHECK_INT(attempts[1].error, -ECONNREFUSED);
	CHECK_UINT(attempts[2].address.size, 0);
	CHECK_INT(bide_open_connection("both.example", "no such", &options, &stream),
	          -BIDE_ENOSERVICE);
	bide_resolver_close(lookup.resolver);
}

/* ---- all fail ----------------------------------------------------------------------------- */

CONNECT_TEST(the_families_are_tried_by_turns_and_each_error_is_told)
{
	static const int order[] = { 0, 3, 1, 4, 2 };
	bide_attempt attempts[6];
	const bide_connection_options options = { .attempts = attempts, .n_attempts = 6 };
	bide_address addresses[5];
	bide_stream *stream;
	int fds[5];
	for (int i = 0; i < 5; i++)
		fds[i] = refuses(i < 3 ? "[::1]" : "127.0.0.1", &addresses[i]);
	memset(attempts, 0xff, sizeof attempts);
	CHECK_INT(bide_connect_any(addresses, 5, &options, &stream), -ECONNREFUSED);
	for (int i = 0; i < 5; i++) {
		CHECK_UINT(attempts[i].address.size, addresses[order[i]].size);
		CHECK_MEM(attempts[i].address.at.bytes, addresses[order[i]].at.bytes,
		          attempts[i].address.size);
		CHECK_INT(attempts[i].error, -ECONNREFUSED);
	}
	CHECK_UINT(attempts[5].address.size, 0);
	for (int i = 4; i >= 0; i--)
		close(fds[i]);
}

CONNECT_TEST(the_error_is_that_of_one_to_which_there_is_a_way)
{
	bide_attempt attempts[2];
	const bide_connection_options options = { .local = "127.0.0.9:0",
		                                  .attempts = attempts,
		                                  .n_attempts = 2 };
	bide_address addresses[2];
	bide_stream *stream;
	int fds[2] = { refuses("[::1]", &addresses[0]), refuses("127.0.0.1", &addresses[1]) };
	CHECK_INT(bide_connect_any(addresses, 2, &options, &stream), -ECONNREFUSED);
	CHECK_INT(attempts[0].error, -EAFNOSUPPORT);
	CHECK_INT(attempts[1].error, -ECONNREFUSED);
	CHECK_INT(bide_connect_any(addresses, 1, &options, &stream), -EAFNOSUPPORT);
	CHECK_UINT(attempts[1].address.size, 0);
	close(fds[1]);
	close(fds[0]);
}

/* ---- cancellation and memory -------------------------------------------------------------- */

CONNECT_TEST(a_deadline_ends_it_at_each_stage)
{
	static const double deadlines[] = { 0, 0.01, 0.03, 0.05 };
	const bide_connection_options options = { .delay = 0.02 };
	bide_address addresses[3];
	bide_stream *stream;
	struct hanging first = hangs("127.0.0.1", &addresses[0]);
	struct hanging second = hangs("127.0.0.2", &addresses[1]);
	struct hanging third = hangs("[::1]", &addresses[2]);
	for (size_t i = 0; i < sizeof deadlines / sizeof deadlines[0]; i++) {
		for (size_t n = 1; n <= 3; n++) {
			int rc, connected = 0;
			BIDE_TIMEOUT(deadlines[i], rc) {
				connected = bide_connect_any(addresses, n, &options, &stream);
			}
			CHECK_INT(rc, -ETIMEDOUT);
			CHECK_INT(connected, -ETIMEDOUT);
		}
	}
	close_hanging(third);
	close_hanging(second);
	close_hanging(first);
}

CONNECT_TEST(whatever_memory_it_lacks_it_ends_in_order)
{
	enum { MOST = 100 };
	bide_address addresses[3];
	int fds[3] = { refuses("[::1]", &addresses[0]), refuses("127.0.0.1", &addresses[1]),
		       accepts("[::1]", &addresses[2]) };
	bool struck = true;
	for (long k = 1; struck; k++) {
		bide_stream *stream;
		const int before = next_descriptor();
		bide__alloc_arm(k);
		int rc = bide_connect_any(addresses, 3, NULL, &stream);
		if (rc == 0)
			bide_stream_abort(stream);
		struck = bide__alloc_hook.failures > 0;
		bide__alloc_disarm();
		EXPECT(struck ? rc == 0 || rc == -ENOMEM || rc == -ECONNREFUSED : rc == 0);
		CHECK_INT(next_descriptor(), before);
		CHECK(k < MOST);
	}
	for (int i = 2; i >= 0; i--)
		close(fds[i]);
}
