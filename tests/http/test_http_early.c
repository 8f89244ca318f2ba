// SPDX-License-Identifier: MIT
/* What comes before a body has been sent, or in place of that: leave to send it, an answer, a
 * redirect, the end of the connection, a cancellation. */
#include "core/proc_kit.h"
#include "http/origin.h"

#include "base/alloc.h"
#include "http/session.h"
#include "io/transport_kit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HUGE = 24 << 20 }; /* more than finds room on the way */

static bool head_has(const char *text)
{
	return strstr(origin.head, text) != NULL;
}

static const char *huge_file(void)
{
	const char *path = origin_file("huge", 0);
	EXPECT_INT(truncate(path, HUGE), 0);
	return path;
}

static int send_huge(void)
{
	const bide_http_request request = { .url = url_of("/"),
		                            .source = bide_http_from_file(huge_file()) };
	return status_of(&request);
}

static int get(void)
{
	const bide_http_request request = { .url = url_of("/") };
	origin.serve = NULL;
	return status_of(&request);
}

/* ---- answers ------------------------------------------------------------------------------ */

static void refuse_large(bide_stream *stream)
{
	if (origin_read_head(stream))
		(void)say(stream, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!");
	(void)bide_sleep(0.05); /* and reads nothing of it */
}

OK_TEST(an_answer_ends_the_sending)
{
	origin.serve = refuse_large;
	CHECK_INT(send_huge(), 413);
	CHECK_INT(get(), 200);
	CHECK_INT(origin.connections, 2);
	char *body = calloc(1, HUGE);
	const bide_http_request request = { .url = url_of("/"), .body = body, .body_size = HUGE };
	origin.serve = refuse_large;
	origin.connections = 0;
	open_session(NULL); /* as the connection of get() is idle, and reads all */
	CHECK_INT(status_of(&request), 413);
	free(body);
}

static bide_event pulled = BIDE_EVENT_INIT;

static ssize_t give_for_ever(void *arg, void *buf, size_t size)
{
	(void)arg;
	bide_event_set(&pulled);
	int rc = bide_sleep(0.001);
	if (rc < 0)
		return rc;
	memset(buf, 'x', size);
	return (ssize_t)size;
}

static ssize_t give_nothing(void *arg, void *buf, size_t size)
{
	(void)arg, (void)buf, (void)size;
	int rc = bide_sleep(100);
	return rc < 0 ? rc : 0;
}

OK_TEST(an_answer_ends_a_function_that_waits)
{
	origin.serve = refuse_large;
	const bide_http_request for_ever = { .url = url_of("/"),
		                             .source = bide_http_from_call(give_for_ever, NULL,
		                                                           BIDE_HTTP_UNKNOWN) };
	const bide_http_request nothing = { .url = url_of("/"),
		                            .source = bide_http_from_call(give_nothing, NULL,
		                                                          BIDE_HTTP_UNKNOWN) };
	CHECK_INT(status_of(&for_ever), 413);
	/* The head is sent with the first block: there is none. */
	open_session(&(bide_http_options){ .timeout_write = 0.01 });
	CHECK_INT(status_of(&nothing), -BIDE_EHTTP_TIMEOUT_WRITE);
}

static ssize_t read_refusal(void *object, void *buf, size_t size)
{
	static const char refusal[] = "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n";
	(void)object;
	EXPECT(size >= sizeof refusal - 1);
	memcpy(buf, refusal, sizeof refusal - 1);
	return (ssize_t)sizeof refusal - 1;
}

static ssize_t write_too_late(void *object, const struct iovec *buffers, int n)
{
	(void)object, (void)buffers, (void)n;
	BIDE_SHIELD {
		(void)bide_sleep(0.02);
	}
	return -ECONNRESET;
}

static int close_below(void *object, bool abort)
{
	(void)abort;
	return bide_stream_close(object);
}

static const bide_transport refusing = { .name = "refusing",
	                                 .read = read_refusal,
	                                 .write = write_too_late,
	                                 .interrupt = no_interrupt,
	                                 .close = close_below,
	                                 .below = stream_below };

/* What the time-out is for has been there before it. */
OK_TEST(an_answer_goes_before_a_time_out)
{
	static char body[20000];
	CHECK_INT(get(), 200);
	struct bide__http_connection *idle = session->idle.first;
	CHECK_INT(bide_stream_new(&refusing, idle->stream, &idle->stream), 0);
	const bide_http_request request = {
		.url = url_of("/"), .body = body, .body_size = sizeof body, .timeout = 0.01
	};
	CHECK_INT(status_of(&request), 413);
}

/* Gives back what comes, as it comes. */
static void echo(bide_stream *stream)
{
	const void *data;
	size_t left = HUGE;
	if (!origin_read_head(stream))
		return;
	(void)say(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
	while (left > 0) {
		ssize_t n = bide_stream_peek(stream, 1, &data);
		if (n <= 0 || bide_stream_write(stream, data, (size_t)n) != n)
			break;
		bide_stream_consume(stream, (size_t)n);
		left -= (size_t)n;
	}
}

/* Neither side could write on if the client did not read meanwhile. */
OK_TEST(what_is_given_back_at_once_is_read_meanwhile)
{
	bide_http_response *response;
	origin.serve = echo;
	const bide_http_request request = { .url = url_of("/"),
		                            .source = bide_http_from_file(huge_file()) };
	CHECK_INT(bide_http_send(session, &request, &response), 0);
	void *body;
	CHECK_INT(bide_http_status(response), 200);
	CHECK_INT(bide_http_bytes(response, &body), HUGE);
	bide_http_response_close(response);
}

OK_TEST(what_is_kept_meanwhile_has_a_limit)
{
	open_session(&(bide_http_options){ .body_limit = 1 << 20 });
	origin.serve = echo;
	CHECK_INT(send_huge(), -BIDE_EHTTP_BODY);
	CHECK_INT(get(), 200);
}

static void hint_without_end(bide_stream *stream)
{
	while (say(stream, "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n"))
		(void)bide_yield();
}

OK_TEST(what_comes_before_an_answer_has_an_end)
{
	origin.serve = hint_without_end;
	CHECK_INT(status_of(&(bide_http_request){ .url = url_of("/") }), -BIDE_EHTTP_HEAD);
}

static void answer_first(bide_stream *stream)
{
	while (origin_read_head(stream)) {
		(void)say(stream, "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n"
		                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		                  "5\r\nfirst\r\n0\r\nTrailer-Field: z\r\n\r\n");
		if (!origin_read_body(stream))
			return;
	}
}

OK_TEST(an_answer_that_is_no_failure_does_not_end_the_sending)
{
	bide_http_response *response;
	void *body;
	origin.serve = answer_first;
	const bide_http_request request = { .url = url_of("/"),
		                            .source = bide_http_from_file(huge_file()) };
	for (int i = 0; i < 2; i++) {
		CHECK_INT(bide_http_send(session, &request, &response), 0);
		for (int waited = 0; origin.size < HUGE && waited < 5000; waited++)
			(void)bide_sleep(0.001);
		CHECK_UINT(origin.size, HUGE);
		CHECK_INT(bide_http_status(response), 200);
		CHECK_NULL(bide_http_header(response, "X", NULL));
		CHECK_NULL(bide_http_header(response, "Trailer-Field", NULL));
		CHECK_INT(bide_http_bytes(response, &body), 5);
		CHECK_STR((char *)body, "first");
		bide_http_response_close(response);
	}
	CHECK_INT(origin.connections, 1);
}

OK_TEST(what_was_kept_meanwhile_goes_with_its_response)
{
	bide_http_response *response;
	origin.serve = answer_first;
	const bide_http_request request = { .url = url_of("/"),
		                            .source = bide_http_from_file(huge_file()) };
	CHECK_INT(bide_http_send(session, &request, &response), 0);
	bide_http_response_close(response);
	const struct bide__http_connection *idle = session->idle.last;
	CHECK(idle != NULL && idle->ahead.data == NULL);
}

static void hang_up(bide_stream *stream)
{
	char some[1000];
	if (origin_read_head(stream))
		(void)bide_stream_read(stream, some, sizeof some);
}

static void say_why_and_hang_up(bide_stream *stream)
{
	hang_up(stream);
	(void)say(stream, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
	(void)bide_stream_shutdown(stream);
	(void)bide_sleep(0.02);
}

OK_TEST(a_connection_that_ends_is_noticed)
{
	origin.serve = hang_up;
	int rc = send_huge();
	CHECK(rc == -ECONNRESET || rc == -EPIPE || rc == -BIDE_EINCOMPLETE);
	origin.serve = say_why_and_hang_up;
	CHECK_INT(send_huge(), 503);
	CHECK_INT(get(), 200);
}

/* ---- leave to send ------------------------------------------------------------------------ */

static const char *leave; /* what is said first */
static bool refused;      /* and nothing follows */

static void give_leave(bide_stream *stream)
{
	while (origin_read_head(stream)) {
		const void *data;
		const bool asked = strstr(origin.head, "\r\nExpect: 100-continue\r\n") != NULL;
		(void)bide_sleep(0.002);
		EXPECT(!asked || leave == NULL || bide_stream_peek(stream, 0, &data) == 0);
		if (asked && leave != NULL && !say(stream, leave))
			return;
		if (asked && refused)
			continue;
		if (!origin_read_body(stream) ||
		    !say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
			return;
	}
}

static int send_if_allowed(void)
{
	const bide_http_request request = {
		.url = url_of("/"), .body = "body", .body_size = 4, .expect_continue = true
	};
	origin.serve = give_leave;
	return status_of(&request);
}

OK_TEST(a_body_waits_for_leave)
{
	leave = "HTTP/1.1 100 Continue\r\n\r\n";
	refused = false;
	for (int i = 0; i < 2; i++) {
		CHECK_INT(send_if_allowed(), 200);
		CHECK(head_has("\r\nExpect: 100-continue\r\n"));
		CHECK_STR(origin.body, "body");
	}
	leave = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n";
	CHECK_INT(send_if_allowed(), 200);
	CHECK_INT(origin.connections, 1);
	const bide_http_request empty = { .url = url_of("/"), .expect_continue = true };
	CHECK_INT(status_of(&empty), 200);
	CHECK(!head_has("Expect"));
}

static void count_first(void *arg, const bide_http_event *event)
{
	if (event->phase == BIDE_HTTP_FIRST)
		++*(int *)arg;
}

/* The leave that comes before the body, and what comes while it is sent, are of one response. */
OK_TEST(what_comes_first_is_told_once)
{
	int told = 0;
	const bide_http_options options = { .hook = count_first, .hook_arg = &told };
	const bide_http_request request = { .url = url_of("/"),
		                            .source = bide_http_from_file(origin_file("f", 100000)),
		                            .expect_continue = true };
	open_session(&options);
	leave = "HTTP/1.1 100 Continue\r\n\r\n";
	refused = false;
	origin.serve = give_leave;
	CHECK_INT(status_of(&request), 200);
	CHECK_INT(told, 1);
}

OK_TEST(a_body_does_not_wait_for_ever)
{
	leave = NULL;
	refused = false;
	open_session(&(bide_http_options){ .timeout_continue = 0.005 });
	CHECK_INT(send_if_allowed(), 200);
	CHECK_STR(origin.body, "body");
	CHECK_INT(origin.connections, 1);
}

OK_TEST(a_body_that_is_not_wanted_is_not_sent)
{
	leave = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
	refused = true;
	CHECK_INT(send_if_allowed(), 403);
	CHECK_UINT(origin.size, 0);
	CHECK_INT(send_if_allowed(), 403);
	CHECK_INT(origin.connections, 2);
}

OK_TEST(who_knows_of_no_leave_is_not_asked)
{
	leave = "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n";
	refused = true;
	CHECK_INT(send_if_allowed(), 200);
	CHECK_STR(origin.body, "body");
	CHECK(!head_has("Expect"));
	CHECK_INT(origin.connections, 2);
	CHECK_INT(origin.requests, 2);
}

/* ---- once more ---------------------------------------------------------------------------- */

static const char *elsewhere; /* "307 Temporary Redirect" */

static void redirect(bide_stream *stream)
{
	char answer[256];
	while (origin_read_head(stream) && origin_read_body(stream)) {
		const bool there = strstr(origin.head, " /there ") != NULL;
		snprintf(answer, sizeof answer, "HTTP/1.1 %s\r\nContent-Length: 0\r\n%s\r\n",
		         there ? "200 OK" : elsewhere, there ? "" : "Location: /there\r\n");
		(void)say(stream, answer);
	}
}

static int give_twice(const char *status, bide_http_source source)
{
	const bide_http_request request = { .url = url_of("/"),
		                            .method = "POST",
		                            .source = source };
	elsewhere = status;
	origin.serve = redirect;
	return status_of(&request);
}

static ssize_t give_once(void *arg, void *buf, size_t size)
{
	int *times = arg;
	if (*times <= 0 || size == 0)
		return 0;
	--*times;
	*(char *)buf = 'x';
	return 1;
}

OK_TEST(a_body_that_can_be_is_sent_again)
{
	const char *path = origin_file("file", 100000);
	CHECK_INT(give_twice("307 Temporary Redirect", bide_http_from_file(path)), 200);
	CHECK_INT(origin.requests, 2);
	CHECK(strncmp(origin.head, "POST /there ", 12) == 0);
	CHECK_UINT(origin.size, 100000);
	const bide_http_part parts[] = {
		{ .name = "a", .text = "b" },
		{ .name = "c", .source = bide_http_from_file(path) },
		{ .name = NULL },
	};
	CHECK_INT(give_twice("308 Permanent Redirect", bide_http_from_parts(parts)), 200);
	CHECK(origin.size > 100000);
}

OK_TEST(a_body_that_cannot_be_is_not_sent_again)
{
	int times = 3;
	CHECK_INT(give_twice("307 Temporary Redirect", bide_http_from_call(give_once, &times, 3)),
	          307);
	CHECK_INT(origin.requests, 1);
	CHECK_STR(origin.body, "xxx");
	times = 3;
	CHECK_INT(give_twice("303 See Other", bide_http_from_call(give_once, &times, 3)), 200);
	CHECK(strncmp(origin.head, "GET /there ", 11) == 0);
	CHECK(!head_has("Content-"));
	CHECK_INT(origin.requests, 3);
}

/* Serves one request, and then closes when the next one is on its way. */
static void serve_one(bide_stream *stream)
{
	if (origin_read_head(stream) && origin_read_body(stream))
		(void)say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	const void *data;
	(void)bide_stream_peek(stream, 1, &data);
}

OK_TEST(a_body_that_can_be_is_sent_again_when_the_connection_was_stale)
{
	const char *path = origin_file("file", 100000);
	const bide_http_request request = { .url = url_of("/"),
		                            .method = "PUT",
		                            .source = bide_http_from_file(path) };
	origin.serve = serve_one;
	CHECK_INT(status_of(&request), 200);
	CHECK_INT(status_of(&request), 200);
	CHECK_UINT(origin.size, 100000);
	CHECK_INT(origin.connections, 2);
	int times = 3;
	const bide_http_request once = { .url = url_of("/"),
		                         .method = "PUT",
		                         .source = bide_http_from_call(give_once, &times, 3) };
	int rc = status_of(&once);
	CHECK(rc == -BIDE_EINCOMPLETE || rc == -ECONNRESET || rc == -EPIPE);
}

/* ---- cut off ------------------------------------------------------------------------------ */

static void read_slowly(bide_stream *stream)
{
	static char some[65536];
	while (bide_stream_read(stream, some, sizeof some) > 0)
		if (bide_sleep(0.001) < 0)
			return;
}

OK_TEST(a_request_that_is_cancelled_while_it_is_sent_leaves_nothing)
{
	int before = 0;
	for (double seconds = 0.0001; seconds < 0.03; seconds *= 1.6) {
		int fired = 0, rc = 0;
		origin.serve = read_slowly;
		open_session(NULL);
		BIDE_TIMEOUT(seconds, fired)
			rc = send_huge();
		CHECK_INT(fired, -ETIMEDOUT);
		CHECK_INT(rc, -ETIMEDOUT);
		CHECK_INT(get(), 200);
		before = before > 0 ? before : count_descriptors();
		for (int waited = 0; count_descriptors() > before && waited < 1000; waited++)
			(void)bide_sleep(0.001);
		CHECK(count_descriptors() <= before);
	}
}

static int send_much(void)
{
	const char *path = origin_file("file", 70000);
	const bide_http_part parts[] = {
		{ .name = "a", .text = "b" },
		{ .name = "c", .source = bide_http_from_file(path) },
		{ .name = "d", .text = "e" },
		{ .name = "f", .text = "g" },
		{ .name = NULL },
	};
	const bide_http_request request = { .url = url_of("/"),
		                            .expect_continue = true,
		                            .source = bide_http_from_parts(parts) };
	return status_of(&request);
}

/* Of the client, or of the server, which are in one process. */
OK_TEST(each_allocation_may_fail)
{
	unsigned long failures = 1;
	const bide_http_request next = { .url = url_of("/") };
	leave = "HTTP/1.1 100 Continue\r\n\r\n";
	refused = false;
	origin.serve = give_leave;
	for (long k = 1; failures > 0; k++) {
		bide__alloc_arm(k);
		int rc = send_much();
		failures = bide__alloc_hook.failures;
		bide__alloc_disarm();
		CHECK(failures > 0 ? rc < 0 || rc == 200 : rc == 200);
		CHECK_INT(status_of(&next), 200);
	}
}
