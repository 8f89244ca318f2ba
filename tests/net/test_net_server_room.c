// SPDX-License-Identifier: MIT
/* Servers with too much to do: limits, no descriptors, no memory; and handlers that fail. */
#include "net/server_kit.h"

#include "base/alloc.h"

#include <sys/resource.h>
#include <time.h>

/* ---- the limit ---------------------------------------------------------------------------- */

/* Whether nothing comes from a stream for a while. */
static bool is_silent(bide_stream *stream)
{
	char byte;
	int late = 0;
	BIDE_TIMEOUT(0.03, late) {
		(void)bide_stream_read(stream, &byte, 1);
	}
	return late == -ETIMEDOUT;
}

SERVER_TEST(beyond_the_limit_connections_wait)
{
	start_echo(&(bide_server_options){ .limit = 2 });
	bide_stream *first = client(), *second = client(), *third = client();
	CHECK(answers(first, "1"));
	CHECK(answers(second, "2"));
	CHECK_INT(bide_stream_write(third, "3", 1), 1);
	CHECK(is_silent(third));
	CHECK_UINT(bide_server_connections(server), 2);
	CHECK_INT(bide_stream_close(first), 0);
	char byte;
	CHECK_INT(bide_stream_read(third, &byte, 1), 1);
	CHECK_INT(byte, '3');
	CHECK_INT(bide_stream_close(second), 0);
	CHECK_INT(bide_stream_close(third), 0);
	bide_server_close(server);
}

static int n_full;

static void on_full(void *arg)
{
	EXPECT_PTR(arg, &n_full);
	n_full++;
}

SERVER_TEST(who_serves_is_told_that_somebody_waits)
{
	n_full = 0;
	start_echo(&(bide_server_options){ .limit = 1, .on_full = on_full, .hooks_arg = &n_full });
	bide_stream *first = client();
	CHECK(answers(first, "1"));
	CHECK_INT(n_full, 0);
	bide_stream *second = client(), *third = client();
	CHECK(is_silent(second));
	CHECK_INT(n_full, 1);
	CHECK_INT(bide_stream_close(first), 0);
	CHECK(answers(second, "2"));
	CHECK(is_silent(third));
	CHECK_INT(n_full, 2);
	CHECK_INT(bide_stream_close(second), 0);
	CHECK_INT(bide_stream_close(third), 0);
	bide_server_close(server);
}

SERVER_TEST(the_limit_is_one_for_all_listeners)
{
	char texts[2][BIDE_ADDRESS_MAX];
	CHECK_INT(bide_start_server("127.0.0.1", "0,0", &(bide_server_options){ .limit = 1 },
	                            &server, echo),
	          0);
	for (size_t i = 0; i < 2; i++)
		snprintf(texts[i], sizeof texts[i], "%s", text_of(i));
	for (int i = 0; i < 20; i++) {
		bide_stream *first = connect_to(texts[i % 2]), *second = connect_to(texts[1]);
		CHECK(answers(first, "x"));
		CHECK_INT(bide_stream_write(second, "y", 1), 1);
		CHECK_UINT(bide_server_connections(server), 1);
		CHECK_INT(bide_stream_close(first), 0);
		char byte;
		CHECK_INT(bide_stream_read(second, &byte, 1), 1);
		CHECK_INT(bide_stream_close(second), 0);
	}
	bide_server_close(server);
}

SERVER_TEST(a_server_that_is_full_can_be_closed)
{
	start_echo(&(bide_server_options){ .limit = 1 });
	bide_stream *first = client(), *second = client();
	CHECK(answers(first, "1"));
	CHECK(is_silent(second));
	CHECK_INT(bide_server_stop(server, 0), -ETIMEDOUT);
	bide_server_close(server);
	bide_stream_abort(first);
	bide_stream_abort(second);
}

/* ---- no descriptors ----------------------------------------------------------------------- */

static double cpu_time(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static struct rlimit usual;

/* Lets the process have no more descriptors than it has, which are all below the next one. */
static void limit_descriptors(void)
{
	int next = dup(0);
	struct rlimit none;
	EXPECT(next >= 0);
	close(next);
	EXPECT_INT(getrlimit(RLIMIT_NOFILE, &usual), 0);
	none = (struct rlimit){ (rlim_t)next, usual.rlim_max };
	EXPECT_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
}

SERVER_TEST(without_descriptors_it_waits_and_goes_on)
{
	start_echo(NULL);
	bide_stream *first = client();
	CHECK(answers(first, "before"));
	bide_stream *second = knock(), *third = knock();
	limit_descriptors();
	const double before = cpu_time();
	n_reports = 0;
	CHECK_INT(bide_stream_write(second, "2", 1), 1);
	CHECK(answers(first, "meanwhile"));
	CHECK_INT(bide_sleep(0.7), 0);
	/* The first pauses are short; in the long run it is less than a hundredth. */
	CHECK(cpu_time() - before < 0.05);
	CHECK_INT(n_reports, 1);
	CHECK_INT(last_error, -EMFILE);
	CHECK(strncmp(last_report, "echo cannot serve more", 22) == 0);
	CHECK_UINT(bide_server_connections(server), 1);
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &usual), 0);
	char byte;
	CHECK_INT(bide_stream_read(second, &byte, 1), 1);
	CHECK(answers(third, "after"));
	CHECK_INT(n_reports, 1);
	CHECK_INT(bide_stream_close(first), 0);
	CHECK_INT(bide_stream_close(second), 0);
	CHECK_INT(bide_stream_close(third), 0);
	bide_server_close(server);
}

SERVER_TEST(the_end_of_a_connection_makes_room_at_once)
{
	start_echo(NULL);
	bide_stream *first = client();
	CHECK(answers(first, "before"));
	bide_stream *second = knock();
	limit_descriptors();
	CHECK_INT(bide_sleep(0.7), 0); /* its next try is half a second away */
	const double before = bide_now();
	CHECK_INT(bide_stream_close(first), 0);
	CHECK(answers(second, "after"));
	CHECK(bide_now() - before < 0.2);
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &usual), 0);
	CHECK_INT(bide_stream_close(second), 0);
	bide_server_close(server);
}

SERVER_TEST(without_descriptors_it_can_be_closed)
{
	start_echo(NULL);
	bide_stream *first = client();
	CHECK(answers(first, "before"));
	bide_stream *second = knock();
	limit_descriptors();
	CHECK_INT(bide_sleep(0.05), 0);
	bide_server_close(server);
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &usual), 0);
	bide_stream_abort(first);
	bide_stream_abort(second);
}

/* ---- no memory ---------------------------------------------------------------------------- */

/* One exchange with a server; 0 or the error, everything being closed. */
static int exchange(void)
{
	bide_address address;
	bide_stream *stream;
	int rc = bide_start_server("127.0.0.1", "0", NULL, &server, echo);
	if (rc < 0)
		return rc;
	EXPECT_INT(bide_server_address(server, 0, &address), 0);
	rc = bide_connect_any(&address, 1, NULL, &stream);
	if (rc == 0) {
		char byte = 'x';
		ssize_t n = bide_stream_write(stream, &byte, 1);
		if (n == 1)
			n = bide_stream_read(stream, &byte, 1);
		rc = n == 1 ? 0 : n == 0 ? -ECONNRESET : (int)n;
		bide_stream_abort(stream);
	}
	bide_server_close(server);
	return rc;
}

/* The handler or the client may be without memory, one of them notices by the other; the server
 * goes on all the same. */
SERVER_TEST(whatever_memory_it_lacks_it_ends_in_order)
{
	enum { MOST = 200 };
	CHECK_INT(exchange(), 0);
	for (long k = 1; k < MOST; k++) {
		bide__alloc_arm(k);
		int rc = exchange();
		const bool struck = bide__alloc_hook.failures > 0;
		bide__alloc_disarm();
		EXPECT(rc == 0 || rc == -ENOMEM || rc == -ECONNRESET || rc == -BIDE_EMAPS);
		expect_nothing_left();
		if (!struck)
			return;
	}
	FAIL("there is no end of allocations");
}

/* ---- failures ----------------------------------------------------------------------------- */

static BIDE_ASYNC_LIGHT(int, fail, bide_stream *, int);
static int fail(bide_stream *stream, int how)
{
	char byte;
	(void)!bide_stream_read(stream, &byte, 1);
	return how == 0 ? -EPROTO : how == 1 ? bide_fail(-EPROTO) : (bide_fail(-EPROTO), 5);
}

SERVER_TEST(a_handler_that_fails_resets_its_connection_and_is_reported)
{
	for (int how = 0; how < 3; how++) {
		char expected[256], byte;
		bide_address own;
		CHECK_INT(bide_start_server("127.0.0.1", "0", NULL, &server, fail, how), 0);
		bide_stream *stream = client(), *other = client();
		CHECK_INT(bide_stream_local_address(stream, &own), 0);
		snprintf(expected, sizeof expected,
		         "fail failed, with a connection from %s: Protocol error",
		         bide_address_format(&own, (char[BIDE_ADDRESS_MAX]){ 0 }));
		n_reports = 0;
		CHECK_INT(bide_stream_write(stream, "!", 1), 1);
		CHECK_INT(bide_stream_read(stream, &byte, 1), -ECONNRESET);
		CHECK_INT(n_reports, 1);
		CHECK_INT(last_error, -EPROTO);
		CHECK_STR(last_report, expected);
		CHECK_UINT(bide_server_connections(server), 1);
		bide_stream_abort(stream);
		bide_stream_abort(other);
		bide_server_close(server);
	}
}

SERVER_TEST(a_peer_that_has_gone_is_still_named)
{
	bide_address own;
	start_echo(NULL);
	bide_stream *stream = client();
	CHECK(answers(stream, "hello"));
	CHECK_INT(bide_stream_local_address(stream, &own), 0);
	n_reports = 0;
	bide_stream_abort(stream);
	while (bide_server_connections(server) > 0)
		CHECK_INT(bide_sleep(0.001), 0);
	CHECK_INT(n_reports, 1);
	CHECK_INT(last_error, -ECONNRESET);
	CHECK(strstr(last_report, bide_address_format(&own, (char[BIDE_ADDRESS_MAX]){ 0 })));
	bide_server_close(server);
}

/* ---- a listener that fails ---------------------------------------------------------------- */

SERVER_TEST(a_listener_that_fails_ends_the_listening)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const bide_server_options options = { .fds = &fd, .n_fds = 1 };
	CHECK_INT(listen(fd, 8), 0);
	CHECK_INT(bide_start_server("127.0.0.1", "0", &options, &server, echo), 0);
	bide_stream *stream = client();
	CHECK(answers(stream, "before"));
	n_reports = 0;
	CHECK_INT(shutdown(fd, SHUT_RD), 0); /* accept(2) fails from now on */
	CHECK_INT(bide_sleep(0.02), 0);
	CHECK_INT(n_reports, 1);
	CHECK_INT(last_error, -EINVAL);
	CHECK(answers(stream, "after"));
	CHECK_INT(bide_stream_close(stream), 0);
	CHECK_INT(bide_server_wait(server), -EINVAL);
	bide_server_close(server);
	close(fd);
}
