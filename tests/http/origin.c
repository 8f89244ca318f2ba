// SPDX-License-Identifier: MIT
/* origin.c: see origin.h. */
#include "http/origin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct origin origin;
bide_server *server;
char port[16];
bide_http_session *session;

/* ---- answers ------------------------------------------------------------------------------ */

ssize_t origin_say(bide_stream *stream, const char *text)
{
	return bide_stream_write(stream, text, strlen(text));
}

ssize_t origin_respond(bide_stream *stream, const char *status, const char *fields,
                       const char *body)
{
	char text[ORIGIN_HEAD + 1024];
	snprintf(text, sizeof text, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status,
	         fields, strlen(body), body);
	return origin_say(stream, text);
}

static ssize_t answer_pieces(bide_stream *stream)
{
	ssize_t n = origin_say(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	                               "3\r\nhel\r\n");
	if (n > 0)
		n = bide_sleep(0.002);
	return n < 0 ? n : origin_say(stream, "2\r\nlo\r\n0\r\n\r\n");
}

static ssize_t answer_slowly(bide_stream *stream)
{
	int rc = bide_sleep(0.02);
	return rc < 0 ? rc : origin_respond(stream, "200 OK", "", "slow");
}

ssize_t origin_redirect(bide_stream *stream, const char *status, const char *url)
{
	char field[512];
	snprintf(field, sizeof field, "Location: %s\r\n", url);
	return origin_respond(stream, status, field, "elsewhere");
}

static ssize_t refuse(bide_stream *stream, const char *number)
{
	char status[32];
	snprintf(status, sizeof status, "%.3s Said", number);
	return origin_respond(stream, status, origin.fields != NULL ? origin.fields : "",
	                      "refused");
}

static ssize_t stall(bide_stream *stream, const char *status)
{
	char text[128];
	snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Length: 10\r\n\r\nhalf", status);
	ssize_t n = origin_say(stream, text);
	return n < 0 ? n : bide_sleep(10);
}

static ssize_t drip(bide_stream *stream)
{
	ssize_t n = origin_say(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	while (n > 0) {
		n = bide_sleep(0.002);
		if (n == 0)
			n = origin_say(stream, "1\r\nx\r\n");
	}
	return n;
}

static ssize_t cut_redirect(bide_stream *stream, const char *url)
{
	char text[512];
	snprintf(text, sizeof text,
	         "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 10\r\n\r\nhalf", url);
	return origin_say(stream, text);
}

static void answer_until_more(bide_stream *stream)
{
	const void *data;
	if (origin_respond(stream, "200 OK", "", "last") > 0)
		(void)bide_stream_peek(stream, 1, &data);
}

/* As servers do that give up an idle connection. */
static void answer_twice(bide_stream *stream)
{
	(void)origin_respond(stream, "200 OK", "", "hello");
	(void)bide_sleep(0.002);
	(void)origin_respond(stream, "408 Request Timeout", "", "too late");
}

/* What is closed then. */
static void answer_last(bide_stream *stream, const char *path)
{
	if (strcmp(path, "/once") == 0)
		(void)origin_respond(stream, "200 OK", "", "once");
	else if (strcmp(path, "/last") == 0)
		answer_until_more(stream);
	else if (strcmp(path, "/unasked") == 0)
		answer_twice(stream);
	else if (strcmp(path, "/half") == 0)
		(void)origin_say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
	else if (strncmp(path, "/cut-to?", 8) == 0)
		(void)cut_redirect(stream, path + 8);
	else if (strcmp(path, "/silence") == 0)
		(void)bide_sleep(10);
	else if (strcmp(path, "/stall") == 0)
		(void)stall(stream, "200 OK");
	else if (strcmp(path, "/refusal") == 0)
		(void)stall(stream, "503 Busy");
	else if (strcmp(path, "/drip") == 0)
		(void)drip(stream);
}

ssize_t origin_answer(bide_stream *stream, const char *target)
{
	const char *path = target[0] == '/' ? target : strchr(target + 8, '/');
	if (path == NULL)
		return -1;
	if (strcmp(path, "/") == 0)
		return origin_respond(stream, "200 OK", "", "hello");
	if (strncmp(path, "/echo", 5) == 0)
		return origin_respond(stream, "200 OK", "", origin.last);
	if (strcmp(path, "/pieces") == 0)
		return answer_pieces(stream);
	if (strcmp(path, "/slow") == 0)
		return answer_slowly(stream);
	if (strncmp(path, "/to?", 4) == 0)
		return origin_redirect(stream, "302 Found", path + 4);
	if (strncmp(path, "/status/", 8) == 0)
		return refuse(stream, path + 8);
	if (strncmp(path, "/later/", 7) == 0)
		return origin.refusals-- > 0 ? refuse(stream, path + 7)
		                             : origin_respond(stream, "200 OK", "", "hello");
	answer_last(stream, path);
	return -1;
}

/* ---- the server --------------------------------------------------------------------------- */

static size_t body_size(const char *head)
{
	const char *field = strcasestr(head, "content-length:");
	return field != NULL ? (size_t)atol(field + 15) : 0;
}

/* Reads a request into `origin`: whether there is one. */
static bool read_request(bide_stream *stream, char *ret_target, size_t room)
{
	static const bide_bytes end = { "\r\n\r\n", 4 };
	const void *head;
	const ssize_t n = bide_stream_read_until(stream, &end, 1, &head);
	if (n <= 0 || n >= ORIGIN_HEAD)
		return false;
	memcpy(origin.last, head, (size_t)n);
	origin.last[n] = '\0';
	const size_t size = body_size(origin.last);
	const char *target = strchr(origin.last, ' ');
	if (target == NULL || size >= (size_t)(ORIGIN_HEAD - n))
		return false;
	snprintf(ret_target, room, "%.*s", (int)strcspn(target + 1, " "), target + 1);
	if (size > 0 && bide_stream_read_exactly(stream, origin.last + n, size) != (ssize_t)size)
		return false;
	origin.last[(size_t)n + size] = '\0';
	return true;
}

int origin_serve(bide_stream *stream)
{
	char target[600];
	ssize_t n = 1;
	origin.connections++;
	origin.open++;
	while (n > 0 && read_request(stream, target, sizeof target)) {
		origin.requests++;
		if (++origin.at_once > origin.most_at_once)
			origin.most_at_once = origin.at_once;
		n = (origin.answer != NULL ? origin.answer : origin_answer)(stream, target);
		origin.at_once--;
	}
	origin.open--;
	return 0;
}

/* ---- the kit ------------------------------------------------------------------------------ */

void origin_start(const char *hosts)
{
	memset(&origin, 0, sizeof origin);
	EXPECT_INT(bide_start_server(hosts, "0", NULL, &server, origin_serve), 0);
	port_of(server, 0, port);
}

void origin_stop(void)
{
	bide_http_session_close(session);
	session = NULL;
	bide_server_close(server);
}

void open_session(const bide_http_options *options)
{
	bide_http_session_close(session);
	session = NULL;
	EXPECT_INT(bide_http_session_open(options, &session), 0);
}

bide_tls *origin_server_tls(const char *hosts, enum bide_tls_clients clients)
{
	const struct cert *cert = cert_make(
		&(struct recipe){ .name = "server", .hosts = hosts, .issuer = cert_authority() });
	const bide_tls_certificate identity = { .chain = cert->pem, .key = cert->key_pem };
	const bide_tls_options options = { .server = true,
		                           .certificates = &identity,
		                           .n_certificates = 1,
		                           .clients = clients,
		                           .ca = cert_authority()->pem,
		                           .alpn = "http/1.1" };
	bide_tls *tls = NULL;
	EXPECT_INT(bide_tls_open(&options, &tls), 0);
	return tls;
}

bide_tls *origin_client_tls(void)
{
	const bide_tls_options options = { .ca = cert_authority()->pem };
	bide_tls *tls = NULL;
	EXPECT_INT(bide_tls_open(&options, &tls), 0);
	return tls;
}

const char *port_of(bide_server *of, size_t i, char buf[16])
{
	bide_address address;
	char text[BIDE_ADDRESS_MAX];
	if (EXPECT_INT(bide_server_address(of, i, &address), 0))
		snprintf(buf, 16, "%s", strrchr(bide_address_format(&address, text), ':') + 1);
	return buf;
}

const char *url_at(const char *scheme, const char *host, const char *at_port, const char *path)
{
	static char urls[4][256];
	static unsigned next;
	char *url = urls[next++ % 4];
	snprintf(url, sizeof urls[0], "%s://%s:%s%s", scheme, host, at_port, path);
	return url;
}

const char *url_of(const char *path)
{
	return url_at("http", "127.0.0.1", port, path);
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
