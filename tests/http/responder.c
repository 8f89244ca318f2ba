// SPDX-License-Identifier: MIT
/* responder.c: see responder.h. */
#include "http/responder.h"

#include "harness/test.h"
#include "tls/certs.h"

#include <arpa/inet.h>
#include <bide.h>
#include <bide/serve.h>
#include <bide/tls.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned char body[RESPONDER_BODY];
static bide_tls *tls; /* of the server */

/* ---- answers ------------------------------------------------------------------------------ */

static ssize_t say(bide_stream *stream, const char *head, const void *data, size_t size)
{
	ssize_t n = bide_stream_write(stream, head, strlen(head));
	return n > 0 && size > 0 ? bide_stream_write(stream, data, size) : n;
}

static ssize_t say_length(bide_stream *stream, const void *data, size_t size, bool head_only)
{
	char head[100];
	snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
	return say(stream, head, data, head_only ? 0 : size);
}

static ssize_t say_chunks(bide_stream *stream)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
	enum { CHUNK = 1000 };
	ssize_t n = say(stream, head, "", 0);
	for (size_t at = 0; at < RESPONDER_BODY && n > 0; at += CHUNK) {
		n = say(stream, "3e8\r\n", body + at, CHUNK);
		if (n > 0)
			n = say(stream, "\r\n", "", 0);
	}
	return n > 0 ? say(stream, "0\r\n\r\n", "", 0) : n;
}

static ssize_t say_packed(bide_stream *stream)
{
	static const char hello[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9"
				    "\x07\x00\x86\xa6\x10\x36\x05\x00\x00\x00";
	return say(stream,
	           "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 25\r\n\r\n", hello,
	           25);
}

/* What a path gives; < 0 when the connection is to end. */
static ssize_t answer(bide_stream *stream, const char *method, const char *path, const void *sent,
                      size_t size)
{
	if (strcmp(path, "/length") == 0)
		return say_length(stream, body, sizeof body, strcmp(method, "HEAD") == 0);
	if (strcmp(path, "/chunks") == 0)
		return say_chunks(stream);
	if (strcmp(path, "/echo") == 0)
		return say_length(stream, sent, size, false);
	if (strcmp(path, "/to") == 0)
		return say(stream,
		           "HTTP/1.1 302 Found\r\nLocation: /length\r\nContent-Length: 0\r\n\r\n",
		           "", 0);
	if (strcmp(path, "/packed") == 0)
		return say_packed(stream);
	if (strcmp(path, "/once") == 0)
		(void)say_length(stream, body, sizeof body, false);
	if (strcmp(path, "/end") == 0)
		(void)say(stream, "HTTP/1.1 200 OK\r\n\r\n", body, sizeof body);
	return -1;
}

/* ---- connections -------------------------------------------------------------------------- */

/* Reads the body of a request and answers. */
static ssize_t serve_body(bide_stream *stream, const char *method, const char *path, size_t size)
{
	unsigned char *sent = malloc(RESPONDER_SENT);
	ssize_t n = sent != NULL && size <= RESPONDER_SENT ? 1 : -1;
	if (n > 0 && size > 0 && bide_stream_read_exactly(stream, sent, size) != (ssize_t)size)
		n = -1;
	if (n > 0)
		n = answer(stream, method, path, sent, size);
	free(sent);
	return n;
}

static ssize_t serve_one(bide_stream *stream)
{
	static const bide_bytes end = { "\r\n\r\n", 4 };
	char method[20], path[20];
	const void *head;
	ssize_t n = bide_stream_read_until(stream, &end, 1, &head);
	if (n <= 0)
		return n;
	char *text = strndup(head, (size_t)n);
	const char *field = strcasestr(text, "content-length:");
	const size_t size = field != NULL ? (size_t)atol(field + 15) : 0;
	const bool understood = sscanf(text, "%19s %19s", method, path) == 2;
	free(text);
	return understood ? serve_body(stream, method, path, size) : -1;
}

static BIDE_ASYNC(int, serve, bide_stream *, bool);
static int serve(bide_stream *stream, bool secure)
{
	if (secure && bide_start_tls(stream, tls, NULL) < 0)
		return 0;
	while (serve_one(stream) > 0)
		continue;
	return 0;
}

static BIDE_ASYNC(int, serve_both, int, int);
static int serve_both(int plain, int secure)
{
	const bide_server_options options[] = { { .fds = &plain, .n_fds = 1 },
		                                { .fds = &secure, .n_fds = 1 } };
	bide_server *servers[2];
	for (int i = 0; i < 2; i++) {
		int rc = bide_start_server("", NULL, &options[i], &servers[i], serve, i == 1);
		if (rc < 0)
			return rc;
	}
	return bide_server_wait(servers[0]);
}

/* ---- the process -------------------------------------------------------------------------- */

static void make_tls(void)
{
	const struct cert *cert = cert_make(&(struct recipe){
		.name = "responder", .hosts = "IP:127.0.0.1", .issuer = cert_authority() });
	const bide_tls_certificate identity = { .chain = cert->pem, .key = cert->key_pem };
	const bide_tls_options options = { .server = true,
		                           .certificates = &identity,
		                           .n_certificates = 1 };
	EXPECT_INT(bide_tls_open(&options, &tls), 0);
}

static int listen_at(struct sockaddr_in *address)
{
	socklen_t size = sizeof *address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*address = (struct sockaddr_in){ .sin_family = AF_INET,
		                         .sin_addr = { htonl(INADDR_LOOPBACK) } };
	EXPECT_INT(bind(fd, (struct sockaddr *)address, size), 0);
	EXPECT_INT(listen(fd, 128), 0);
	EXPECT_INT(getsockname(fd, (struct sockaddr *)address, &size), 0);
	return fd;
}

void responder_start(struct responder *responder)
{
	for (size_t i = 0; i < sizeof body; i++)
		body[i] = responder_byte(i);
	int plain = listen_at(&responder->plain), secure = listen_at(&responder->secure);
	make_tls();
	fflush(NULL);
	responder->pid = fork();
	if (responder->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(bide_run(serve_both, plain, secure) != 0);
	}
	EXPECT(responder->pid > 0);
	bide_tls_unref(tls);
	close(plain);
	close(secure);
}

void responder_end(struct responder *responder)
{
	kill(responder->pid, SIGKILL);
	EXPECT_INT(waitpid(responder->pid, NULL, 0), responder->pid);
}
