// SPDX-License-Identifier: MIT
/* Servers: where they listen, what their handlers are given, and what becomes of a connection. */
#include "net/server_kit.h"

#include <netinet/tcp.h>
#include <sys/stat.h>

SERVER_TEST(each_connection_has_a_task)
{
	start_echo(NULL);
	bide_stream *first = client(), *second = client();
	CHECK(answers(second, "two"));
	CHECK(answers(first, "one"));
	CHECK_UINT(bide_server_connections(server), 2);
	CHECK_INT(bide_stream_close(first), 0);
	CHECK(answers(second, "more"));
	CHECK_UINT(bide_server_connections(server), 1);
	CHECK_INT(bide_stream_close(second), 0);
	bide_server_close(server);
}

SERVER_TEST(a_handler_may_be_full)
{
	CHECK_INT(bide_start_server("127.0.0.1", "0", NULL, &server, full_echo), 0);
	bide_stream *stream = client();
	CHECK(answers(stream, "full"));
	CHECK_INT(bide_stream_close(stream), 0);
	bide_server_close(server);
}

/* What the arguments of a handler are is the caller's business, down to the last bit. */
struct odd {
	char text[40];
	long double number;
};

static BIDE_ASYNC_LIGHT(int, tell, bide_stream *, int, struct odd, double);
static int tell(bide_stream *stream, int i, struct odd odd, double d)
{
	char buf[128];
	int n = snprintf(buf, sizeof buf, "%d %s %.2Lf %g", i, odd.text, odd.number, d);
	return bide_stream_write(stream, buf, (size_t)n) == n ? 0 : -EIO;
}

static ssize_t read_all(bide_stream *stream, char *buf, size_t size)
{
	ssize_t n = bide_stream_read_exactly(stream, buf, size - 1);
	buf[n > 0 ? n : 0] = '\0';
	return n;
}

SERVER_TEST(a_handler_is_given_its_arguments)
{
	char buf[128];
	const struct odd odd = { "odd", 0.25L };
	CHECK_INT(bide_start_server("127.0.0.1", "0", NULL, &server, tell, 'a', odd, 1), 0);
	for (int i = 0; i < 3; i++) {
		bide_stream *stream = client();
		CHECK(read_all(stream, buf, sizeof buf) > 0);
		CHECK_STR(buf, "97 odd 0.25 1");
		CHECK_INT(bide_stream_close(stream), 0);
	}
	bide_server_close(server);
}

static BIDE_ASYNC(void, nothing, bide_stream *);
static void nothing(bide_stream *stream)
{
	(void)stream;
}

SERVER_TEST(a_handler_may_return_nothing)
{
	CHECK_INT(bide_start_server("127.0.0.1", "0", NULL, &server, nothing), 0);
	bide_stream *stream = client();
	CHECK(is_at_end(stream));
	CHECK_INT(bide_stream_close(stream), 0);
	bide_server_close(server);
}

static BIDE_ASYNC(int, tell_name, bide_stream *);
static int tell_name(bide_stream *stream)
{
	const char *name = bide_task_name(bide_current_task());
	return bide_stream_write(stream, name, strlen(name)) < 0 ? -EIO : 0;
}

SERVER_TEST(a_connections_task_has_the_handlers_name)
{
	char buf[64];
	CHECK_INT(bide_start_server("127.0.0.1", "0", NULL, &server, tell_name), 0);
	bide_stream *stream = client();
	CHECK(read_all(stream, buf, sizeof buf) > 0);
	CHECK_STR(buf, "tell_name");
	CHECK_INT(bide_stream_close(stream), 0);
	bide_server_close(server);
}

static BIDE_ASYNC(int, gather_writes, bide_stream *);
static int gather_writes(bide_stream *stream)
{
	int rc = bide_stream_set_write_buffer(stream, 4096);
	return rc < 0 ? rc : (int)bide_stream_write(stream, "late", 4);
}

SERVER_TEST(what_a_handler_has_buffered_is_sent_at_its_end)
{
	char buf[64];
	CHECK_INT(bide_start_server("127.0.0.1", "0", NULL, &server, gather_writes), 0);
	bide_stream *stream = client();
	CHECK_INT(read_all(stream, buf, sizeof buf), 4);
	CHECK_STR(buf, "late");
	CHECK_INT(bide_stream_close(stream), 0);
	bide_server_close(server);
}

SERVER_TEST(connections_come_in_crowds)
{
	enum { CROWD = 150 };
	bide_stream *crowd[CROWD];
	start_echo(NULL);
	for (int i = 0; i < CROWD; i++)
		CHECK((crowd[i] = client()) != NULL);
	for (int i = 0; i < CROWD; i++)
		CHECK(answers(crowd[i], "here"));
	CHECK_UINT(bide_server_connections(server), CROWD);
	for (int i = 0; i < CROWD; i++)
		CHECK_INT(bide_stream_close(crowd[i]), 0);
	bide_server_close(server);
}

/* ---- where -------------------------------------------------------------------------------- */

static bool serves(const char *text)
{
	bide_stream *stream = connect_to(text);
	bool right = answers(stream, "hello");
	EXPECT_INT(bide_stream_close(stream), 0);
	return right;
}

SERVER_TEST(it_listens_at_each_host_and_port)
{
	CHECK_INT(bide_start_server("127.0.0.1,::1,127.0.0.2", "0,0", NULL, &server, echo), 0);
	for (size_t i = 0; i < 6; i++)
		CHECK(serves(text_of(i)));
	CHECK(strncmp(text_of(1), "127.0.0.1:", 10) == 0);
	CHECK(strncmp(text_of(2), "[::1]:", 6) == 0);
	CHECK(strncmp(text_of(5), "127.0.0.2:", 10) == 0);
	bide_address none;
	CHECK_INT(bide_server_address(server, 6, &none), -ENOENT);
	bide_server_close(server);
}

/* The text with another host before its port. */
static const char *at_host(const char *host, const char *text)
{
	static char there[BIDE_ADDRESS_MAX];
	snprintf(there, sizeof there, "%s%s", host, strrchr(text, ':'));
	return there;
}

SERVER_TEST(without_a_host_it_listens_at_all_addresses)
{
	CHECK_INT(bide_start_server(NULL, "0", NULL, &server, echo), 0);
	CHECK(serves(at_host("127.0.0.1", text_of(0))));
	CHECK(serves(at_host("[::1]", text_of(0))));
	bide_server_close(server);
}

SERVER_TEST(it_listens_at_a_name)
{
	CHECK_INT(bide_start_server("localhost", "0", NULL, &server, echo), 0);
	CHECK(serves(text_of(0)));
	bide_server_close(server);
}

/* Takes an address, at which nobody listens then. A socket, or -1 when it was taken. */
static int occupy(const bide_address *address)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(fd, (const struct sockaddr *)(const void *)address->at.bytes, address->size) == 0)
		return fd;
	close(fd);
	return -1;
}

SERVER_TEST(ipv6_only_is_ipv6_only)
{
	const bide_server_options options = { .v6_only = true };
	bide_address address;
	bide_stream *stream;
	int fd = -1;
	/* The port may be another program's there. */
	for (int i = 0; i < 100 && fd < 0; i++) {
		bide_server_close(server);
		CHECK_INT(bide_start_server("::", "0", &options, &server, echo), 0);
		CHECK_INT(bide_address_parse(at_host("127.0.0.1", text_of(0)), &address), 0);
		fd = occupy(&address);
	}
	CHECK(fd >= 0);
	CHECK(serves(at_host("[::1]", text_of(0))));
	CHECK_INT(bide_connect_any(&address, 1, NULL, &stream), -ECONNREFUSED);
	bide_server_close(server);
	close(fd);
}

SERVER_TEST(a_port_is_one_servers)
{
	bide_server *other = NULL;
	char port[8];
	start_echo(NULL);
	snprintf(port, sizeof port, "%s", strrchr(text_of(0), ':') + 1);
	CHECK_INT(bide_start_server("127.0.0.1", port, NULL, &other, echo), -EADDRINUSE);
	CHECK_PTR(other, NULL);
	bide_server_close(server);
	CHECK_INT(bide_start_server("127.0.0.1", port, NULL, &server, echo), 0);
	bide_server_close(server);
}

SERVER_TEST(a_port_may_be_several_servers_if_all_say_so)
{
	const bide_server_options options = { .reuse_port = true };
	bide_server *other = NULL;
	char port[8];
	start_echo(&options);
	snprintf(port, sizeof port, "%s", strrchr(text_of(0), ':') + 1);
	CHECK_INT(bide_start_server("127.0.0.1", port, &options, &other, echo), 0);
	CHECK(serves(text_of(0)));
	bide_server_close(other);
	CHECK(serves(text_of(0)));
	bide_server_close(server);
}

SERVER_TEST(nowhere_is_an_error)
{
	bide_server *const untouched = (bide_server *)&errno;
	server = untouched;
	CHECK_INT(bide_start_server("", NULL, NULL, &server, echo), -EINVAL);
	CHECK_INT(bide_start_server("127.0.0.1", NULL, NULL, &server, echo), -EINVAL);
	CHECK_INT(bide_start_server("192.0.2.1", "0", NULL, &server, echo), -EADDRNOTAVAIL);
	CHECK_INT(bide_start_server("unix:", NULL, NULL, &server, echo), -EINVAL);
	CHECK_INT(bide_start_server("127.0.0.1,192.0.2.1", "0", NULL, &server, echo),
	          -EADDRNOTAVAIL);
	CHECK_PTR(server, untouched);
}

SERVER_TEST(options_that_mean_nothing_are_refused)
{
	const bide_server_options wrong[] = {
		{ .backlog = -1 }, { .mode = -1 },   { .keep_alive = -1 },
		{ .grace = -1 },   { .grace = NAN }, { .n_fds = 1 },
	};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		CHECK_INT(bide_start_server("127.0.0.1", "0", &wrong[i], &server, echo), -EINVAL);
}

/* ---- options of TCP ----------------------------------------------------------------------- */

static int option(bide_stream *stream, int level, int name)
{
	int value = -1;
	socklen_t size = sizeof value;
	EXPECT_INT(getsockopt(bide_stream_fd(stream), level, name, &value, &size), 0);
	return value;
}

static BIDE_ASYNC(int, tell_options, bide_stream *, int *);
static int tell_options(bide_stream *stream, int *options)
{
	options[0] = option(stream, IPPROTO_TCP, TCP_NODELAY);
	options[1] = option(stream, SOL_SOCKET, SO_KEEPALIVE);
	options[2] = option(stream, IPPROTO_TCP, TCP_KEEPIDLE);
	return 0;
}

static int told[3];

static void ask_options(const bide_server_options *options)
{
	CHECK_INT(bide_start_server("127.0.0.1", "0", options, &server, tell_options, told), 0);
	bide_stream *stream = client();
	CHECK(is_at_end(stream));
	CHECK_INT(bide_stream_close(stream), 0);
	bide_server_close(server);
}

SERVER_TEST(connections_have_the_options_of_their_server)
{
	ask_options(NULL);
	CHECK(told[0] != 0);
	CHECK_INT(told[1], 0);
	ask_options(&(bide_server_options){ .nagle = true, .keep_alive = 42 });
	CHECK_INT(told[0], 0);
	CHECK(told[1] != 0);
	CHECK_INT(told[2], 42);
}

/* ---- misuse ------------------------------------------------------------------------------- */

static BIDE_ASYNC(double, wrong_result, bide_stream *);
static double wrong_result(bide_stream *stream)
{
	(void)stream;
	return 0;
}

static BIDE_ASYNC(void, start_wrong, void);
static void start_wrong(void)
{
	(void)!bide_start_server("127.0.0.1", "0", NULL, &server, wrong_result);
}

TEST_ABORTS(a_handler_that_returns_something_else,
            "bide_start_server: in task 'start_wrong' (#1): the handler 'wrong_result' returns "
            "double, not an int or nothing")
{
	bide_run(start_wrong);
}

static BIDE_ASYNC(int, keep_address, bide_stream *, int *);
static int keep_address(bide_stream *stream, int *place)
{
	(void)stream;
	return *place;
}

static BIDE_ASYNC_LIGHT(void, start_from_light, void);
static void start_from_light(void)
{
	int place = 0;
	(void)!bide_serve_forever("127.0.0.1", "0", NULL, keep_address, &place);
}

TEST_ABORTS(an_address_in_a_light_task,
            "bide_serve_forever: in task 'start_from_light' (#1): an argument of 'keep_address' "
            "points into the stack of this light task")
{
	bide_run(start_from_light);
}

TEST_ABORTS(a_server_needs_a_task, "bide_start_server: outside a task")
{
	(void)!bide_start_server("127.0.0.1", "0", NULL, &server, echo);
}
