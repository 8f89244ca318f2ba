// SPDX-License-Identifier: MIT
/* responder.c: see responder.h. */
#include "http/responder.h"

#include "http/wire.h"
#include "tls/trust.h"

#include <arpa/inet.h>
#include <bide.h>
#include <bide/serve.h>
#include <bide/tls.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned char body[RESPONDER_BODY];
static bide_tls *tls; /* of the server */

/* ---- answers ------------------------------------------------------------------------------ */

static bool say_with(bide_stream *stream, const char *head, const void *data, size_t size)
{
	return say(stream, head) &&
	       (size == 0 || bide_stream_write(stream, data, size) == (ssize_t)size);
}

static bool say_length(bide_stream *stream, const void *data, size_t size, bool head_only)
{
	char head[100];
	snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
	return say_with(stream, head, data, head_only ? 0 : size);
}

static bool say_chunks(bide_stream *stream)
{
	enum { CHUNK = 1000 };
	bool goes_on = say(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (size_t at = 0; at < RESPONDER_BODY && goes_on; at += CHUNK)
		goes_on = say_with(stream, "3e8\r\n", body + at, CHUNK) && say(stream, "\r\n");
	return goes_on && say(stream, "0\r\n\r\n");
}

/* Gives what a path is; whether the connection goes on. */
static bool answer(bide_stream *stream, const char *method, const char *path, const void *sent,
                   size_t size)
{
	if (strcmp(path, "/length") == 0)
		return say_length(stream, body, sizeof body, strcmp(method, "HEAD") == 0);
	if (strcmp(path, "/chunks") == 0)
		return say_chunks(stream);
	if (strcmp(path, "/echo") == 0)
		return say_length(stream, sent, size, false);
	if (strcmp(path, "/to") == 0)
		return say(stream, "HTTP/1.1 302 Found\r\nLocation: /length\r\n"
		                   "Content-Length: 0\r\n\r\n");
	if (strcmp(path, "/packed") == 0)
		return say_with(stream,
		                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
		                "Content-Length: 25\r\n\r\n",
		                HELLO_PACKED, HELLO_PACKED_SIZE);
	if (strcmp(path, "/once") == 0)
		(void)say_length(stream, body, sizeof body, false);
	if (strcmp(path, "/end") == 0)
		(void)say_with(stream, "HTTP/1.1 200 OK\r\n\r\n", body, sizeof body);
	return false;
}

/* ---- connections -------------------------------------------------------------------------- */

/* Reads the body of a request and answers. */
static bool serve_body(bide_stream *stream, const char *method, const char *path, size_t size)
{
	unsigned char *sent = malloc(RESPONDER_SENT);
	const bool goes_on =
		sent != NULL && size <= RESPONDER_SENT &&
		(size == 0 || bide_stream_read_exactly(stream, sent, size) == (ssize_t)size) &&
		answer(stream, method, path, sent, size);
	free(sent);
	return goes_on;
}

static bool serve_one(bide_stream *stream)
{
	char head[2000], method[20], path[20];
	return hear_head(stream, head, sizeof head) &&
	       sscanf(head, "%19s %19s", method, path) == 2 &&
	       serve_body(stream, method, path, length_said(head));
}

static BIDE_ASYNC(int, serve, bide_stream *, bool);
static int serve(bide_stream *stream, bool secure)
{
	if (secure && bide_start_tls(stream, tls, NULL) < 0)
		return 0;
	while (serve_one(stream))
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
	tls = tls_of_server("IP:127.0.0.1", BIDE_TLS_CLIENTS_ANY);
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
