// SPDX-License-Identifier: MIT
/* TLS over a bad network: a client sends a text and a server sends back what it reads, through a
 * proxy that splits, delays, ends, closes, resets or loses what they say, in the handshake and
 * after it. What comes is the beginning of the text, and what was cut is never taken for the
 * whole. */
#include "fault/proxy.h"
#include "tls/tls_kit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TEXT = 6000, PIECE = 500 };

static struct {
	struct sockaddr_storage address; /* of the proxy */
	socklen_t size;
	double patience; /* seconds that the client waits for anything */
	size_t to_server, to_client;
	int server_end, client_end; /* 0: the end; or an error, of the handshake or after it */
} session;

/* ---- a session ---------------------------------------------------------------------------- */

/* Reads up to the end; bytes that come must be the next ones. 0 or an error. */
static int read_text(bide_stream *stream, size_t *count, bool echo)
{
	unsigned char buf[PIECE];
	ssize_t n, sent = 0;
	while (sent >= 0 && (n = bide_stream_read(stream, buf, sizeof buf)) != 0) {
		if (n < 0)
			return (int)n;
		for (ssize_t i = 0; i < n; i++)
			CHECK_RET(buf[i] == byte_at((*count)++), -EIO);
		if (echo)
			sent = bide_stream_write(stream, buf, (size_t)n);
	}
	return sent < 0 ? (int)sent : 0;
}

static int begin(int fd, bide_tls *tls, const char *host, bide_stream **ret_stream)
{
	const bide_start_tls_options options = { .host = host };
	int rc = bide_stream_open(fd, fd, ret_stream);
	CHECK_RET(rc == 0, rc);
	return bide_start_tls(*ret_stream, tls, &options);
}

/* Who fails resets, so that the other side is told. */
static void end(bide_stream *stream, int rc)
{
	if (rc < 0)
		bide_stream_abort(stream);
	else
		(void)bide_stream_close(stream);
}

static BIDE_ASYNC(int, serve, int);
static int serve(int listener)
{
	bide_stream *stream = NULL;
	int fd = bide_accept(listener, NULL, NULL);
	CHECK_RET(fd >= 0, 0);
	int rc = begin(fd, net.server_tls, NULL, &stream);
	if (rc == 0)
		rc = read_text(stream, &session.to_server, true);
	if (rc == 0)
		rc = bide_stream_shutdown(stream);
	session.server_end = rc;
	end(stream, rc);
	return 0;
}

static BIDE_ASYNC(int, send_text, bide_stream *);
static int send_text(bide_stream *stream)
{
	unsigned char buf[PIECE];
	ssize_t n = 0;
	for (size_t at = 0; at < TEXT && n >= 0; at += PIECE) {
		for (size_t i = 0; i < PIECE; i++)
			buf[i] = byte_at(at + i);
		n = bide_stream_write(stream, buf, sizeof buf);
	}
	if (n >= 0)
		(void)bide_stream_shutdown(stream);
	return 0;
}

static int ask(bide_stream *stream)
{
	bide_task *sender = bide_spawn(send_text, stream);
	int rc = read_text(stream, &session.to_client, false);
	if (rc < 0)
		bide_cancel(sender);
	bide_join(sender);
	return rc;
}

static BIDE_ASYNC(int, talk, int);
static int talk(int listener)
{
	bide_stream *stream = NULL;
	int rc, timed_out, fd = socket(AF_INET, SOCK_STREAM, 0);
	session.to_server = session.to_client = 0;
	session.server_end = session.client_end = 1;
	BIDE_GROUP(group, rc) {
		bide_task *server = bide_group_spawn(group, serve, listener);
		EXPECT_INT(bide_connect(fd, (struct sockaddr *)&session.address, session.size), 0);
		BIDE_TIMEOUT(session.patience, timed_out) {
			session.client_end = begin(fd, net.client_tls, "localhost", &stream);
			if (session.client_end == 0)
				session.client_end = ask(stream);
		}
		end(stream, session.client_end);
		if (timed_out < 0)
			bide_cancel(server);
	}
	return rc == -ECANCELED ? 0 : rc;
}

/* ---- through the proxy -------------------------------------------------------------------- */

static int listener;
static struct sockaddr_in there;

static void listen_there(void)
{
	socklen_t size = sizeof there;
	listener = socket(AF_INET, SOCK_STREAM, 0);
	there = (struct sockaddr_in){ .sin_family = AF_INET,
		                      .sin_addr = { htonl(INADDR_LOOPBACK) } };
	EXPECT_INT(bind(listener, (struct sockaddr *)&there, sizeof there), 0);
	EXPECT_INT(getsockname(listener, (struct sockaddr *)&there, &size), 0);
	EXPECT_INT(listen(listener, 8), 0);
}

static void run(struct proxy_rules rules, double patience)
{
	struct proxy *proxy = proxy_start((struct sockaddr *)&there, sizeof there, &rules, 1);
	CHECK(proxy != NULL);
	const struct sockaddr *address = proxy_address(proxy, &session.size);
	memcpy(&session.address, address, session.size);
	session.patience = patience;
	EXPECT_INT(bide_run(talk, listener), 0);
	proxy_stop(proxy, NULL);
}

static void open_all(void)
{
	net_open();
	net_contexts();
	listen_there();
}

static void close_all(void)
{
	close(listener);
	net_close();
}

TEST(tls_whole_in_whichever_pieces)
{
	static const struct proxy_rule whole = { .piece = 0 }, bytes = { .piece = 1 },
				       slow = { .piece = 401, .delay_us = 500 };
	const struct proxy_rules all[] = { { whole, whole },
		                           { bytes, whole },
		                           { whole, bytes },
		                           { bytes, bytes },
		                           { slow, slow } };
	open_all();
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		run(all[i], 15);
		EXPECT_INT(session.server_end, 0);
		EXPECT_INT(session.client_end, 0);
		EXPECT_UINT(session.to_server, TEXT);
		EXPECT_UINT(session.to_client, TEXT);
	}
	close_all();
}

/* In a hello, in the server's certificate, at the beginning of the data and in the midst of it. */
static const size_t points[] = { 0, 1, 150, 700, 1500, 4000 };

enum { POINTS = sizeof points / sizeof points[0] };

static void cut_at_each_point(enum proxy_action action, double patience)
{
	open_all();
	for (int i = 0; i < POINTS; i++) {
		const struct proxy_rule cut = { .piece = 100,
			                        .action = action,
			                        .after = points[i] };
		const struct proxy_rule whole = { .piece = 0 };
		run((struct proxy_rules){ cut, whole }, patience);
		EXPECT(session.server_end < 0 && session.to_server < TEXT);
		EXPECT(session.client_end < 0 && session.to_client < TEXT);
		run((struct proxy_rules){ whole, cut }, patience);
		EXPECT(session.client_end < 0 && session.to_client < TEXT);
		EXPECT(session.server_end < 0 || session.to_server == TEXT);
	}
	close_all();
}

TEST(tls_that_ends_early_is_not_whole)
{
	cut_at_each_point(PROXY_END, 15);
}

TEST(tls_that_is_closed_is_not_whole)
{
	cut_at_each_point(PROXY_CLOSE, 15);
}

TEST(tls_that_is_reset_is_not_whole)
{
	cut_at_each_point(PROXY_RESET, 15);
}

TEST(tls_that_is_lost_times_out)
{
	cut_at_each_point(PROXY_DROP, 0.3);
}

/* ---- closing ------------------------------------------------------------------------------ */

enum { UPLOAD = 400000 };

/* The server reads only when the client has closed, who had tickets to read. */
static BIDE_ASYNC(int, upload, void);
static int upload(void)
{
	unsigned char *data = bytes(UPLOAD), *got = malloc(UPLOAD);
	const int room = UPLOAD, little = 8192;
	int fds[2];
	way_connect(fds);
	EXPECT_INT(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room), 0);
	EXPECT_INT(setsockopt(fds[1], SOL_SOCKET, SO_RCVBUF, &little, sizeof little), 0);
	EXPECT_INT(bide_stream_open(fds[0], fds[0], &net.client), 0);
	EXPECT_INT(bide_stream_open(fds[1], fds[1], &net.server), 0);
	net_shake_hands();
	EXPECT_INT(net.client_rc, 0);
	EXPECT(bide_wait_fd(fds[0], BIDE_READABLE) > 0);
	EXPECT_INT(bide_stream_write(net.client, data, UPLOAD), UPLOAD);
	EXPECT_INT(bide_stream_close(net.client), 0);
	net.client = NULL;
	EXPECT_INT(bide_stream_read_exactly(net.server, got, UPLOAD), UPLOAD);
	EXPECT_MEM(got, data, UPLOAD);
	EXPECT_INT(bide_stream_read(net.server, got, 1), 0);
	net_close();
	free(data);
	free(got);
	return 0;
}

TEST(a_client_that_closes_without_reading_its_tickets_loses_nothing)
{
	net_open();
	net_contexts();
	EXPECT_INT(bide_run(upload), 0);
}
