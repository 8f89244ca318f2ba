// SPDX-License-Identifier: MIT
/* How TLS is started on a stream, and what happens when that does not go well: the other side does
 * not speak it, the stream is in use, the task is cancelled. */
#include "tls/tls_kit.h"

/* ---- what is not TLS ---------------------------------------------------------------------- */

static char plain[64];

static BIDE_ASYNC_LIGHT(int, say_and_close, void);
static int say_and_close(void)
{
	bide_stream_write(net.server, plain, strlen(plain));
	bide_sleep(1);
	int rc = bide_stream_close(net.server);
	net.server = NULL;
	return rc;
}

/* What a client makes of a server that says this in the clear. */
static int greeted_by(const char *text)
{
	net_contexts();
	net_pair();
	strcpy(plain, text);
	bide_task *server = bide_spawn(say_and_close);
	int rc = bide_start_tls(net.client, net.client_tls,
	                        &(bide_start_tls_options){ .host = "localhost" });
	EXPECT_INT(bide_join(server), 0);
	net_hang_up();
	return rc;
}

TLS_TEST(what_is_not_tls_is_named_as_that)
{
	CHECK_INT(greeted_by("HTTP/1.1 400 Bad Request\r\n"), -BIDE_ETLS_PLAIN);
	CHECK_INT(greeted_by("220 mail.example.org ESMTP\r\n"), -BIDE_ETLS_PLAIN);
}

TLS_TEST(a_request_in_the_clear_is_named_as_that)
{
	net_contexts();
	net_pair();
	bide_task *server = bide_spawn(net_serve);
	CHECK_INT(bide_stream_write(net.client, "GET / HTTP/1.1\r\n\r\n", 18), 18);
	CHECK_INT(bide_await(int, server), -BIDE_ETLS_PLAIN);
}

TLS_TEST(a_connection_that_is_closed_meanwhile_is_truncated)
{
	CHECK_INT(greeted_by(""), -BIDE_ETRUNCATED);
	CHECK_INT(greeted_by("\x16\x03\x03"), -BIDE_ETRUNCATED);
}

TLS_TEST(what_was_read_ahead_in_the_clear_is_not_taken_for_encrypted)
{
	char *line;
	net_contexts();
	net_pair();
	CHECK_INT(bide_stream_write(net.server, "go ahead\nINJECTED\n", 18), 18);
	CHECK_INT(bide_stream_readline(net.client, &line), 9);
	CHECK_STR(line, "go ahead");
	net_shake_hands();
	CHECK_INT(net.client_rc, -BIDE_ETLS_PLAIN);
}

/* Reads a line, by when all of the client's hello has come, too. */
static BIDE_ASYNC(int, serve_after_line, void);
static int serve_after_line(void)
{
	char *line;
	bide_sleep(1);
	EXPECT_INT(bide_stream_readline(net.server, &line), 9);
	EXPECT_STR(line, "STARTTLS");
	return net_serve();
}

TLS_TEST(a_hello_that_was_read_ahead_is_the_beginning)
{
	net_contexts();
	net_pair();
	CHECK_INT(bide_stream_write(net.client, "STARTTLS\n", 9), 9);
	bide_task *starter = bide_spawn(serve_after_line);
	net.client_rc = bide_start_tls(net.client, net.client_tls,
	                               &(bide_start_tls_options){ .host = "localhost" });
	CHECK_INT(bide_await(int, starter), 0);
	CHECK_INT(net.client_rc, 0);
}

/* ---- misuse ------------------------------------------------------------------------------- */

TLS_TEST(a_client_says_whom_it_wants_to_reach)
{
	char name[300];
	net_contexts();
	net_pair();
	CHECK_INT(bide_start_tls(net.client, net.client_tls, NULL), -EINVAL);
	const char *const hosts[] = { "", ".", name };
	memset(name, 'a', sizeof name);
	name[sizeof name - 1] = '\0';
	for (int i = 0; i < 3; i++)
		CHECK_INT(bide_start_tls(net.client, net.client_tls,
		                         &(bide_start_tls_options){ .host = hosts[i] }),
		          -EINVAL);
	CHECK_INT(bide_tls_version(net.client), -ENOTCONN);
	CHECK_INT(bide_stream_write(net.client, "x", 1), 1);
}

TLS_TEST(a_server_is_not_told_whom_to_reach)
{
	const bide_start_tls_options options = { .host = "localhost" };
	net_contexts();
	net_pair();
	CHECK_INT(bide_start_tls(net.client, net.server_tls, &options), -EINVAL);
	CHECK_INT(bide_tls_version(net.client), -ENOTCONN);
}

static BIDE_ASYNC_LIGHT(ssize_t, read_byte, void);
static ssize_t read_byte(void)
{
	char byte;
	return bide_stream_read(net.server, &byte, 1);
}

TLS_TEST(a_stream_in_use_is_left_alone)
{
	net_contexts();
	net_pair();
	bide_task *reader = bide_spawn(read_byte);
	bide_yield();
	CHECK_INT(bide_start_tls(net.server, net.server_tls, NULL), -EBUSY);
	CHECK_INT(bide_stream_write(net.client, "x", 1), 1);
	CHECK_INT(bide_await(ssize_t, reader), 1);
	CHECK_INT(bide_stream_set_write_buffer(net.client, 100), 0);
	CHECK_INT(bide_stream_write(net.client, "x", 1), 1);
	CHECK_INT(bide_start_tls(net.client, net.client_tls,
	                         &(bide_start_tls_options){ .host = "localhost" }),
	          -EBUSY);
}

/* ---- cancellation ------------------------------------------------------------------------- */

TLS_TEST(a_handshake_that_nobody_answers_times_out)
{
	char byte;
	int rc;
	net_contexts();
	net_pair();
	BIDE_TIMEOUT(10, rc) {
		net.client_rc = bide_start_tls(net.client, net.client_tls,
		                               &(bide_start_tls_options){ .host = "localhost" });
	}
	CHECK_INT(rc, -ETIMEDOUT);
	CHECK_INT(net.client_rc, -ETIMEDOUT);
	CHECK_INT(bide_stream_read(net.client, &byte, 1), -BIDE_ECUT);
	CHECK_INT(bide_stream_write(net.client, "x", 1), -BIDE_ECUT);
	CHECK_INT(bide_stream_shutdown(net.client), -BIDE_ECUT);
}

TLS_TEST(a_cancelled_task_does_not_begin)
{
	int rc;
	net_contexts();
	net_pair();
	BIDE_TIMEOUT(0, rc) {
		net.client_rc = bide_start_tls(net.client, net.client_tls,
		                               &(bide_start_tls_options){ .host = "localhost" });
	}
	CHECK_INT(net.client_rc, -ETIMEDOUT);
	CHECK_INT(bide_tls_version(net.client), -ENOTCONN);
	net_shake_hands();
	CHECK_INT(net.client_rc, 0);
}

TLS_TEST(a_close_ends_a_handshake_of_another_task)
{
	net_contexts();
	net_pair();
	bide_task *server = bide_spawn(net_serve);
	bide_sleep(1);
	EXPECT_INT(bide_stream_close(net.server), 0);
	net.server = NULL;
	CHECK_INT(bide_await(int, server), -EBADF);
}

TLS_TEST(who_reads_while_another_task_shakes_hands_waits_for_that)
{
	net_contexts();
	net_pair();
	bide_task *server = bide_spawn(net_serve);
	bide_task *reader = bide_spawn(read_byte);
	bide_sleep(1);
	net.client_rc = bide_start_tls(net.client, net.client_tls,
	                               &(bide_start_tls_options){ .host = "localhost" });
	CHECK_INT(bide_await(int, server), 0);
	CHECK_INT(bide_stream_write(net.client, "x", 1), 1);
	CHECK_INT(bide_await(ssize_t, reader), 1);
}

/* ---- stacks ------------------------------------------------------------------------------- */

static BIDE_ASYNC(void, connect_on_a_small_stack, void);
static void connect_on_a_small_stack(void)
{
	net_open();
	EXPECT(net_up());
	net_close();
}

/* Sanitizers and code that is not optimised need more. */
TEST(a_handshake_needs_no_more_than_32_kib_of_stack)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
	const size_t size = 256 * 1024;
#else
	const size_t size = 32 * 1024;
#endif
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL, .stack_size = size };
	CHECK_INT(bide_try_run(&options, NULL, connect_on_a_small_stack), 0);
}
