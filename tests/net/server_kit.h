/* SPDX-License-Identifier: MIT */
/* What tests of servers share. SERVER_TEST(name) { … } is a test whose block is the main task of a
 * run, by a full and by a light task; when it is over nothing may be in flight, and no server be
 * left. */
#ifndef SERVER_KIT_H
#define SERVER_KIT_H

#include "core/kinds_kit.h"

#include <arpa/inet.h>
#include <bide/connect.h>
#include <bide/serve.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- reports ------------------------------------------------------------------------------ */

static int n_reports;
static char last_report[256];
static int last_error;

__attribute__((unused)) static void note_report(void *arg, const bide_report *report)
{
	(void)arg;
	n_reports++;
	last_error = report->error;
	snprintf(last_report, sizeof last_report, "%s %s", report->task != NULL ? report->task : "",
	         report->message);
}

/* ---- handlers ----------------------------------------------------------------------------- */

/* Sends back what comes, until the end. */
static inline int send_back(bide_stream *stream)
{
	char buf[512];
	ssize_t n;
	while ((n = bide_stream_read(stream, buf, sizeof buf)) > 0) {
		n = bide_stream_write(stream, buf, (size_t)n);
		if (n < 0)
			break;
	}
	return (int)n;
}

__attribute__((unused)) static BIDE_ASYNC(int, full_echo, bide_stream *);
__attribute__((unused)) static int full_echo(bide_stream *stream)
{
	return send_back(stream);
}

__attribute__((unused)) static BIDE_ASYNC_LIGHT(int, echo, bide_stream *);
__attribute__((unused)) static int echo(bide_stream *stream)
{
	return send_back(stream);
}

/* ---- clients ------------------------------------------------------------------------------ */

static bide_server *server;

static inline bide_stream *connect_to(const char *text)
{
	bide_address address;
	bide_stream *stream = NULL;
	EXPECT_INT(bide_address_parse(text, &address), 0);
	EXPECT_INT(bide_connect_any(&address, 1, NULL, &stream), 0);
	return stream;
}

/* The text of an address of the server. */
static inline const char *text_of(size_t i)
{
	static char text[BIDE_ADDRESS_MAX];
	bide_address address = { 0, { 0 } };
	EXPECT_INT(bide_server_address(server, i, &address), 0);
	return bide_address_format(&address, text);
}

static inline bide_stream *client(void)
{
	return connect_to(text_of(0));
}

/* Connects without a suspension, so that the server cannot have taken the connection. */
static inline int connect_plainly(void)
{
	bide_address address = { 0, { 0 } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	EXPECT_INT(bide_server_address(server, 0, &address), 0);
	EXPECT_INT(connect(fd, (const struct sockaddr *)(void *)address.at.bytes, address.size), 0);
	return fd;
}

static inline bide_stream *knock(void)
{
	bide_stream *stream = NULL;
	int fd = connect_plainly();
	EXPECT_INT(bide_stream_open(fd, fd, &stream), 0);
	return stream;
}

/* Asks an echo; whether the answer is right. */
static inline bool answers(bide_stream *stream, const char *text)
{
	char buf[512];
	const size_t size = strlen(text);
	if (stream == NULL || bide_stream_write(stream, text, size) != (ssize_t)size)
		return false;
	return bide_stream_read_exactly(stream, buf, size) == (ssize_t)size &&
	       memcmp(buf, text, size) == 0;
}

static inline bool is_at_end(bide_stream *stream)
{
	char byte;
	return bide_stream_read(stream, &byte, 1) == 0;
}

static inline void start_echo(const bide_server_options *options)
{
	EXPECT_INT(bide_start_server("127.0.0.1", "0", options, &server, echo), 0);
}

/* The main task is the only one left, once those that have been cancelled have had their turn. */
static inline void expect_nothing_left(void)
{
	for (int i = 0; i < 10 && bide_all_tasks(NULL, 0) > 1; i++)
		EXPECT_INT(bide_yield(), 0);
	EXPECT_UINT(bide_all_tasks(NULL, 0), 1);
}

#define SERVER_TEST(name) \
	KINDS_TASKS(name, server = NULL, expect_nothing_left()) \
	TEST(name) \
	{ \
		bide_set_report(note_report, NULL); \
		n_reports = 0; \
		KINDS_RUN(name); \
	} \
	static void in_##name(void)

#endif
