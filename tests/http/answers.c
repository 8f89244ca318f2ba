// SPDX-License-Identifier: MIT
/* answers.c: what origin.h's server answers by the path. */
#include "http/origin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- all of a response -------------------------------------------------------------------- */

bool origin_respond(bide_stream *stream, const char *status, const char *fields, const char *body)
{
	char text[ORIGIN_HEAD + 1024];
	snprintf(text, sizeof text, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status,
	         fields, strlen(body), body);
	return say(stream, text);
}

bool origin_redirect(bide_stream *stream, const char *status, const char *url)
{
	char field[512];
	snprintf(field, sizeof field, "Location: %s\r\n", url);
	return origin_respond(stream, status, field, "elsewhere");
}

static bool refuse(bide_stream *stream, const char *number)
{
	char status[32];
	snprintf(status, sizeof status, "%.3s Said", number);
	return origin_respond(stream, status, origin.fields != NULL ? origin.fields : "",
	                      "refused");
}

static bool answer_later(bide_stream *stream, const char *number)
{
	return origin.refusals-- > 0 ? refuse(stream, number)
	                             : origin_respond(stream, "200 OK", "", "hello");
}

static bool answer_slowly(bide_stream *stream)
{
	return bide_sleep(0.02) == 0 && origin_respond(stream, "200 OK", "", "slow");
}

/* ---- piece by piece ----------------------------------------------------------------------- */

#define IN_CHUNKS "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define HALF "Content-Length: 10\r\n\r\nhalf"

static bool answer_packed(bide_stream *stream)
{
	return say(stream,
	           "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 25\r\n\r\n") &&
	       bide_stream_write(stream, HELLO_PACKED, HELLO_PACKED_SIZE) == HELLO_PACKED_SIZE;
}

static bool answer_pieces(bide_stream *stream)
{
	return say(stream, IN_CHUNKS "3\r\nhel\r\n") && bide_sleep(0.002) == 0 &&
	       say(stream, "2\r\nlo\r\n0\r\n\r\n");
}

static bool answer_large(bide_stream *stream)
{
	char *body = malloc(ORIGIN_LARGE / 3 + 1);
	memset(body, 'x', ORIGIN_LARGE / 3);
	body[ORIGIN_LARGE / 3] = '\0';
	bool goes_on = say(stream, IN_CHUNKS);
	for (int i = 0; i < 3 && goes_on; i++)
		goes_on = say(stream, "186a0\r\n") && say(stream, body) && say(stream, "\r\n");
	free(body);
	return goes_on && say(stream, "0\r\n\r\n");
}

static void drip(bide_stream *stream)
{
	bool goes_on = say(stream, IN_CHUNKS);
	while (goes_on)
		goes_on = bide_sleep(0.002) == 0 && say(stream, "1\r\nx\r\n");
}

/* ---- and the end -------------------------------------------------------------------------- */

static void stall(bide_stream *stream, const char *status)
{
	char text[128];
	snprintf(text, sizeof text, "HTTP/1.1 %s\r\n" HALF, status);
	if (say(stream, text))
		(void)bide_sleep(10);
}

static void cut_redirect(bide_stream *stream, const char *url)
{
	char text[512];
	snprintf(text, sizeof text, "HTTP/1.1 302 Found\r\nLocation: %s\r\n" HALF, url);
	(void)say(stream, text);
}

static void answer_until_more(bide_stream *stream)
{
	const void *data;
	if (origin_respond(stream, "200 OK", "", "last"))
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
		(void)say(stream, "HTTP/1.1 200 OK\r\n" HALF);
	else if (strncmp(path, "/cut-to?", 8) == 0)
		cut_redirect(stream, path + 8);
	else if (strcmp(path, "/silence") == 0)
		(void)bide_sleep(10);
	else if (strcmp(path, "/stall") == 0)
		stall(stream, "200 OK");
	else if (strcmp(path, "/refusal") == 0)
		stall(stream, "503 Busy");
	else if (strcmp(path, "/drip") == 0)
		drip(stream);
}

bool origin_answer(bide_stream *stream, const char *target)
{
	const char *path = target[0] == '/' ? target : strchr(target + 8, '/');
	if (path == NULL)
		return false;
	if (strcmp(path, "/") == 0)
		return origin_respond(stream, "200 OK", "", "hello");
	if (strncmp(path, "/echo", 5) == 0)
		return origin_respond(stream, "200 OK", "", origin.head);
	if (strcmp(path, "/packed") == 0)
		return answer_packed(stream);
	if (strcmp(path, "/pieces") == 0)
		return answer_pieces(stream);
	if (strcmp(path, "/large") == 0)
		return answer_large(stream);
	if (strcmp(path, "/slow") == 0)
		return answer_slowly(stream);
	if (strncmp(path, "/to?", 4) == 0)
		return origin_redirect(stream, "302 Found", path + 4);
	if (strncmp(path, "/status/", 8) == 0)
		return refuse(stream, path + 8);
	if (strncmp(path, "/later/", 7) == 0)
		return answer_later(stream, path + 7);
	answer_last(stream, path);
	return false;
}
