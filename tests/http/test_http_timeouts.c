// SPDX-License-Identifier: MIT
/* Each time-out of a session's fires for what it is for, with an error of its own. */
#include "http/origin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bide_server *mute_server;
static char mute_port[16];

/* Says nothing, and reads nothing. */
static BIDE_ASYNC(int, serve_nothing, bide_stream *);
static int serve_nothing(bide_stream *stream)
{
	(void)stream;
	(void)bide_sleep(10);
	return 0;
}

static void start(void)
{
	origin_start("127.0.0.1");
	EXPECT_INT(bide_start_server("127.0.0.1", "0", NULL, &mute_server, serve_nothing), 0);
	port_of(mute_server, 0, mute_port);
}

static void stop(void)
{
	origin_stop();
	bide_server_close(mute_server);
}

static const char *get(const char *path)
{
	return got(session, &(bide_http_request){ .url = url_of(path) });
}

/* All others are much longer. */
#define OTHERS \
	.timeout = 60, .timeout_pool = 60, .timeout_connect = 60, .timeout_tls = 60, \
	.timeout_write = 60, .timeout_read = 60

/* ---- each --------------------------------------------------------------------------------- */

static BIDE_ASYNC(void, hold, void);
static void hold(void)
{
	CHECK_STR(get("/silence"), strerror(ECANCELED));
}

HTTP_TEST(the_wait_for_a_turn_has_an_end)
{
	bide_http_options options = { .limit = 1, OTHERS };
	options.timeout_pool = 0.005;
	open_session(&options);
	bide_task *holder = bide_spawn(hold);
	while (origin.at_once == 0)
		bide_sleep(0.001);
	CHECK_STR(get("/"), bide_strerror(-BIDE_EHTTP_TIMEOUT_POOL));
	bide_cancel(holder);
	bide_await(void, holder);
}

/* A socket whose queue is full does not answer those who connect. */
static int full_listener(char ret_port[16], int ret_fillers[4])
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof address;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	EXPECT_INT(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	EXPECT_INT(listen(fd, 0), 0);
	EXPECT_INT(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	snprintf(ret_port, 16, "%d", ntohs(address.sin_port));
	for (int i = 0; i < 4; i++) {
		ret_fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(ret_fillers[i], (struct sockaddr *)&address, sizeof address);
	}
	return fd;
}

HTTP_TEST(connecting_has_an_end)
{
	char full_port[16];
	int fillers[4], fd = full_listener(full_port, fillers);
	bide_http_options options = { OTHERS };
	options.timeout_connect = 0.01;
	open_session(&options);
	CHECK_STR(got(session,
	              &(bide_http_request){ .url = url_at("http", "127.0.0.1", full_port, "/") }),
	          bide_strerror(-BIDE_EHTTP_TIMEOUT_CONNECT));
	for (int i = 0; i < 4; i++)
		close(fillers[i]);
	close(fd);
}

HTTP_TEST(the_handshake_has_an_end)
{
	bide_http_options options = { OTHERS };
	options.timeout_tls = 0.01;
	open_session(&options);
	CHECK_STR(got(session,
	              &(bide_http_request){ .url = url_at("https", "127.0.0.1", mute_port, "/") }),
	          bide_strerror(-BIDE_EHTTP_TIMEOUT_TLS));
}

HTTP_TEST(sending_has_an_end)
{
	enum { SIZE = 32 << 20 };
	char *body = calloc(1, SIZE);
	bide_http_options options = { OTHERS };
	options.timeout_write = 0.02;
	open_session(&options);
	CHECK_STR(got(session,
	              &(bide_http_request){ .url = url_at("http", "127.0.0.1", mute_port, "/"),
	                                    .body = body,
	                                    .body_size = SIZE }),
	          bide_strerror(-BIDE_EHTTP_TIMEOUT_WRITE));
	free(body);
}

/* Takes the connection, in TLS, and reads nothing then. */
static BIDE_ASYNC(int, serve_handshake, bide_stream *, bide_tls *);
static int serve_handshake(bide_stream *stream, bide_tls *tls)
{
	int rc = bide_start_tls(stream, tls, NULL);
	(void)bide_sleep(10);
	return rc;
}

enum { PIECE = 16000 }; /* one record, which a local socket takes whole or not at all */

static ssize_t give_piece(void *arg, void *buf, size_t size)
{
	int *left = arg;
	if (*left == 0)
		return 0;
	--*left;
	memset(buf, 'x', size < PIECE ? size : PIECE);
	return size < PIECE ? (ssize_t)size : PIECE;
}

static const char *put_pieces(const char *path, int *n)
{
	const bide_http_request request = {
		.url = "https://127.0.0.1/",
		.method = "PUT",
		.unix_path = path,
		.source = bide_http_from_call(give_piece, n, (int64_t)PIECE * *n),
	};
	return got(session, &request);
}

/* What TLS has encrypted and not sent has not been sent. */
HTTP_TEST(sending_what_is_encrypted_has_an_end)
{
	enum { MANY = 100000 };
	const char *path = test_path("mute");
	char local[140];
	bide_server *unix_server;
	bide_http_options options = { OTHERS };
	options.timeout_write = options.timeout_read = 0.05;
	options.tls = tls_of_client();
	bide_tls *tls = tls_of_server("IP:127.0.0.1", BIDE_TLS_CLIENTS_ANY);
	snprintf(local, sizeof local, "unix:%s", path);
	EXPECT_INT(bide_start_server(local, NULL, NULL, &unix_server, serve_handshake, tls), 0);
	open_session(&options);
	int left = MANY;
	CHECK_STR(put_pieces(path, &left), bide_strerror(-BIDE_EHTTP_TIMEOUT_WRITE));
	/* The one before the last that was asked for had found no room. */
	left = MANY - left - 1;
	CHECK_STR(put_pieces(path, &left), bide_strerror(-BIDE_EHTTP_TIMEOUT_WRITE));
	CHECK_INT(left, 0);
	bide_tls_unref(options.tls);
	bide_server_close(unix_server);
	bide_tls_unref(tls);
}

HTTP_TEST(the_wait_for_more_has_an_end)
{
	bide_http_options options = { OTHERS };
	options.timeout_read = 0.05;
	open_session(&options);
	CHECK_STR(get("/silence"), bide_strerror(-BIDE_EHTTP_TIMEOUT_READ));
	char expected[64];
	snprintf(expected, sizeof expected, "200 %s", bide_strerror(-BIDE_EHTTP_TIMEOUT_READ));
	CHECK_STR(get("/stall"), expected);
}

/* ---- all of it ---------------------------------------------------------------------------- */

HTTP_TEST(a_request_as_a_whole_has_an_end)
{
	char expected[64];
	bide_http_options options = { OTHERS };
	options.timeout = 0.05;
	open_session(&options);
	CHECK_STR(get("/silence"), bide_strerror(-BIDE_EHTTP_TIMEOUT));
	snprintf(expected, sizeof expected, "200 %s", bide_strerror(-BIDE_EHTTP_TIMEOUT));
	CHECK_STR(get("/stall"), expected);
	CHECK_STR(get("/drip"), expected);
	CHECK_STR(get("/to?/to?/silence"), bide_strerror(-BIDE_EHTTP_TIMEOUT));
	CHECK_STR(got(session,
	              &(bide_http_request){ .url = url_at("https", "127.0.0.1", mute_port, "/") }),
	          bide_strerror(-BIDE_EHTTP_TIMEOUT));
	CHECK_STR(got(session, &(bide_http_request){ .url = url_of("/"), .timeout = 10 }),
	          "200 hello");
}

/* Time that the user takes between two pieces counts, too; what has come is not lost for that. */
HTTP_TEST(a_request_as_a_whole_ends_while_its_body_is_read)
{
	char piece[2];
	bide_http_response *response;
	open_session(&(bide_http_options){ .timeout = 0.1 });
	CHECK_INT(bide_http_get(session, url_of("/stall"), &response), 0);
	CHECK_INT(bide_http_read(response, piece, 2), 2);
	bide_sleep(0.11);
	CHECK_INT(bide_http_read(response, piece, 2), 2);
	CHECK_INT(bide_http_read(response, piece, 2), -BIDE_EHTTP_TIMEOUT);
	CHECK_INT(bide_http_read(response, piece, 2), -BIDE_EHTTP_TIMEOUT);
	bide_http_response_close(response);
}

HTTP_TEST(a_request_has_a_time_of_its_own)
{
	bide_http_request request = { .url = url_of("/slow"), .timeout = 0.005 };
	open_session(NULL);
	CHECK_STR(got(session, &request), bide_strerror(-BIDE_EHTTP_TIMEOUT));
	open_session(&(bide_http_options){ .timeout = 0.005 });
	request.timeout = (double)INFINITY;
	CHECK_STR(got(session, &request), "200 slow");
}
