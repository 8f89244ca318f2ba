// SPDX-License-Identifier: MIT
/* origin.c: see origin.h. What it answers by the path is in answers.c. */
#include "http/origin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct origin origin;
bide_server *server, *secure_server;
char port[16], secure_port[16];
bide_tls *server_tls, *client_tls;
bide_http_session *session;

/* ---- reading ------------------------------------------------------------------------------ */

bool origin_read_head(bide_stream *stream)
{
	if (!hear_head(stream, origin.head, ORIGIN_HEAD))
		return false;
	origin.chunked = strcasestr(origin.head, "\r\ntransfer-encoding: chunked\r\n") != NULL;
	origin.size = 0;
	origin.sum = 0;
	origin.body[0] = '\0';
	origin.requests++;
	return true;
}

unsigned long origin_sum(unsigned long sum, const void *data, size_t size)
{
	const unsigned char *at = data;
	for (size_t i = 0; i < size; i++)
		sum = sum * 31 + at[i];
	return sum;
}

static void keep(const void *data, size_t size)
{
	const size_t room = origin.size < ORIGIN_BODY ? ORIGIN_BODY - origin.size : 0;
	const size_t kept = size < room ? size : room;
	if (kept > 0) {
		memcpy(origin.body + origin.size, data, kept);
		origin.body[origin.size + kept] = '\0';
	}
	origin.size += size;
	origin.sum = origin_sum(origin.sum, data, size);
}

static bool read_bytes(bide_stream *stream, size_t size)
{
	const void *data;
	while (size > 0) {
		ssize_t n = bide_stream_peek(stream, 1, &data);
		if (n <= 0)
			return false;
		const size_t taken = (size_t)n < size ? (size_t)n : size;
		keep(data, taken);
		bide_stream_consume(stream, taken);
		size -= taken;
	}
	return true;
}

static bool read_chunks(bide_stream *stream)
{
	char *line, *end;
	for (;;) {
		if (bide_stream_readline(stream, &line) <= 0)
			return false;
		const size_t size = strtoul(line, &end, 16);
		if (end == line || *end != '\0' || !read_bytes(stream, size))
			return false;
		if (bide_stream_readline(stream, &line) <= 0 || *line != '\0')
			return false;
		if (size == 0)
			return true;
	}
}

bool origin_read_body(bide_stream *stream)
{
	if (origin.chunked)
		return strcasestr(origin.head, "\r\ncontent-length:") == NULL &&
		       read_chunks(stream);
	return read_bytes(stream, length_said(origin.head));
}

/* ---- connections -------------------------------------------------------------------------- */

static bool answer_one(bide_stream *stream)
{
	char target[600];
	if (!origin_read_head(stream))
		return false;
	const char *from = origin.head + strcspn(origin.head, " ");
	snprintf(target, sizeof target, "%.*s", (int)strcspn(from + 1, " "), from + 1);
	if (!origin_read_body(stream))
		return false;
	if (++origin.at_once > origin.most_at_once)
		origin.most_at_once = origin.at_once;
	const bool goes_on =
		(origin.answer != NULL ? origin.answer : origin_answer)(stream, target);
	origin.at_once--;
	return goes_on;
}

void origin_answer_each(bide_stream *stream)
{
	while (answer_one(stream))
		continue;
}

int origin_serve(bide_stream *stream)
{
	origin.connections++;
	origin.open++;
	(origin.serve != NULL ? origin.serve : origin_answer_each)(stream);
	origin.open--;
	return 0;
}

int origin_serve_tls(bide_stream *stream)
{
	if (bide_start_tls(stream, server_tls, NULL) < 0)
		return 0;
	const char *protocol = bide_tls_alpn(stream), *name = bide_tls_server_name(stream);
	snprintf(origin.alpn, sizeof origin.alpn, "%s", protocol != NULL ? protocol : "none");
	snprintf(origin.server_name, sizeof origin.server_name, "%s", name != NULL ? name : "none");
	return origin_serve(stream);
}

/* ---- the servers and the session ---------------------------------------------------------- */

void origin_start(const char *hosts)
{
	memset(&origin, 0, sizeof origin);
	EXPECT_INT(bide_start_server(hosts, "0", NULL, &server, origin_serve), 0);
	port_of(server, 0, port);
}

void origin_start_tls(const char *names, enum bide_tls_clients clients)
{
	server_tls = tls_of_server(names, clients);
	client_tls = tls_of_client();
	EXPECT_INT(bide_start_server("127.0.0.1", "0", NULL, &secure_server, origin_serve_tls), 0);
	port_of(secure_server, 0, secure_port);
}

static bool say_ok(bide_stream *stream, const char *target)
{
	(void)target;
	return origin_respond(stream, "200 OK", "", "ok");
}

void origin_start_ok(void)
{
	origin_start("127.0.0.1");
	origin.answer = say_ok;
	open_session(NULL);
}

void origin_close(void)
{
	bide_server_close(server);
	bide_server_close(secure_server);
	bide_tls_unref(server_tls);
	bide_tls_unref(client_tls);
	server = secure_server = NULL;
	server_tls = client_tls = NULL;
}

void origin_stop(void)
{
	bide_http_session_close(session);
	session = NULL;
	origin_close();
}

void origin_wait_closed(void)
{
	while (bide_server_connections(server) > 0)
		EXPECT_INT(bide_sleep(0.0005), 0);
}

void open_session(const bide_http_options *options)
{
	bide_http_session_close(session);
	session = NULL;
	EXPECT_INT(bide_http_session_open(options, &session), 0);
}

const char *port_of(bide_server *of, size_t i, char buf[16])
{
	bide_address address;
	char text[BIDE_ADDRESS_MAX];
	if (EXPECT_INT(bide_server_address(of, i, &address), 0))
		snprintf(buf, 16, "%s", strrchr(bide_address_format(&address, text), ':') + 1);
	return buf;
}

/* ---- requests ----------------------------------------------------------------------------- */

const char *url_at(const char *scheme, const char *host, const char *at_port, const char *path)
{
	static char urls[4][256];
	static unsigned next;
	char *url = urls[next++ % 4];
	snprintf(url, sizeof urls[0], "%s://%s:%s%s", scheme, host, at_port, path);
	return url;
}

const char *url_by(const char *scheme, const char *host, const char *path)
{
	return url_at(scheme, host, strcmp(scheme, "https") == 0 ? secure_port : port, path);
}

const char *url_of(const char *path)
{
	return url_by("http", "127.0.0.1", path);
}

const char *got(bide_http_session *by, const bide_http_request *request)
{
	static char text[ORIGIN_HEAD + 64];
	bide_http_response *response;
	void *body = NULL;
	int rc = bide_http_send(by, request, &response);
	if (rc < 0)
		return bide_strerror(rc);
	ssize_t n = bide_http_bytes(response, &body);
	if (n < 0)
		snprintf(text, sizeof text, "%d %s", bide_http_status(response),
		         bide_strerror((int)n));
	else
		snprintf(text, sizeof text, "%d %.*s", bide_http_status(response), (int)n,
		         (const char *)body);
	bide_http_response_close(response);
	return text;
}

int status_of(const bide_http_request *request)
{
	bide_http_response *response;
	char buf[4096];
	int rc = bide_http_send(session, request, &response);
	if (rc < 0)
		return rc;
	const int status = bide_http_status(response);
	ssize_t n = 1;
	while (n > 0)
		n = bide_http_read(response, buf, sizeof buf);
	bide_http_response_close(response);
	return n < 0 ? (int)n : status;
}

const char *origin_file(const char *name, size_t size)
{
	unsigned char *data = malloc(size + 1);
	unsigned long state = 1;
	CHECK_RET(data != NULL, "");
	for (size_t i = 0; i < size; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		data[i] = (unsigned char)(state >> 56);
	}
	const char *path = test_bytes(name, data, size);
	free(data);
	return path;
}
