// SPDX-License-Identifier: MIT
/* What comes behind a response answers nothing, wherever it lies when that has been read: in the
 * stream, in what TLS has received, or in the system. */
#include "http/origin.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LENGTH(table) (sizeof(table) / sizeof *(table))
#define EVIL "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"

/* A response that takes so many bytes, and has another one behind it. */
static bool answer_twice(bide_stream *stream, size_t size)
{
	static const char format[] = "HTTP/1.1 200 OK\r\nContent-Length: %5zu\r\n\r\n";
	char head[64], *text = calloc(1, size + sizeof EVIL);
	const size_t head_size = (size_t)snprintf(head, sizeof head, format, (size_t)0);
	snprintf(head, sizeof head, format, size - head_size);
	memset(text, 'x', size);
	memcpy(text, head, head_size);
	memcpy(text + size, EVIL, sizeof EVIL);
	const bool sent = say(stream, text);
	free(text);
	return sent;
}

/* Sends the end together with the response, of TLS alone where that is there; what is asked then is
 * not read. */
static bool answer_and_end(bide_stream *stream)
{
	const int fd = bide_stream_fd(stream);
	EXPECT_INT(setsockopt(fd, IPPROTO_TCP, TCP_CORK, &(int){ 1 }, sizeof(int)), 0);
	(void)origin_respond(stream, "200 OK", "", "last");
	(void)bide_stream_shutdown(stream);
	EXPECT_INT(setsockopt(fd, IPPROTO_TCP, TCP_CORK, &(int){ 0 }, sizeof(int)), 0);
	bide_sleep(0.05);
	return false;
}

static bool answer_path(bide_stream *stream, const char *path)
{
	const size_t size = strtoul(path + 1, NULL, 10);
	if (size > 0)
		return answer_twice(stream, size);
	return strcmp(path, "/last") == 0 ? answer_and_end(stream)
	                                  : origin_respond(stream, "200 OK", "", "hello");
}

static void start(void)
{
	origin_start("127.0.0.1");
	origin_start_tls("IP:127.0.0.1", BIDE_TLS_CLIENTS_ANY);
	origin.answer = answer_path;
	open_session(&(bide_http_options){ .tls = client_tls });
}

static void stop(void)
{
	origin_stop();
}

/* What the request behind one for such a path is answered. */
static const char *behind(const char *scheme, const char *path, const char *method, double later)
{
	const bide_http_request first = { .url = url_by(scheme, "127.0.0.1", path) };
	const bide_http_request second = { .url = url_by(scheme, "127.0.0.1", "/"),
		                           .method = method };
	if (strncmp(got(session, &first), "200 ", 4) != 0)
		return "not a first one";
	if (later > 0)
		bide_sleep(later);
	return got(session, &second);
}

static const char *const schemes[] = { "http", "https" };

/* Of these sizes some fill a buffer, of which each is twice as large as the one before. */
HTTP_TEST(what_comes_behind_a_response_answers_nothing)
{
	static const size_t fills[] = { 500, 4095, 12286, 16384, 28669, 32767, 61436 };
	char path[16];
	for (size_t i = 0; i < LENGTH(fills); i++)
		for (size_t size = fills[i] - 2; size <= fills[i] + 2; size++)
			for (int tls = 0; tls < 2; tls++) {
				snprintf(path, sizeof path, "/%zu", size);
				CHECK_STR(behind(schemes[tls], path, "GET", 0), "200 hello");
				CHECK_STR(behind(schemes[tls], path, "POST", 0), "200 hello");
			}
}

HTTP_TEST(nor_does_it_when_the_next_one_is_made_later)
{
	static const size_t fills[] = { 500, 4095, 12286 };
	char path[16];
	for (size_t i = 0; i < LENGTH(fills); i++)
		for (int tls = 0; tls < 2; tls++) {
			snprintf(path, sizeof path, "/%zu", fills[i]);
			CHECK_STR(behind(schemes[tls], path, "POST", 0.005), "200 hello");
		}
}

/* What may do something twice is not sent where it would be lost. */
HTTP_TEST(an_end_that_has_come_with_the_response_is_seen)
{
	for (int tls = 0; tls < 2; tls++)
		CHECK_STR(behind(schemes[tls], "/last", "POST", 0.005), "200 hello");
}
