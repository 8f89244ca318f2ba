// SPDX-License-Identifier: MIT
/* The client against a server that answers each path in a way of its own. */
#include "base/alloc.h"
#include "http/origin.h"
#include "http/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the server --------------------------------------------------------------------------- */

enum { LARGE = 300000 };

static char other_port[16]; /* of 127.0.0.2 */

static ssize_t answer_large(bide_stream *stream)
{
	char *body = malloc(LARGE);
	memset(body, 'x', LARGE);
	ssize_t n = origin_say(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 3 && n > 0; i++) {
		n = origin_say(stream, "186a0\r\n");
		if (n > 0)
			n = bide_stream_write(stream, body, LARGE / 3);
		if (n > 0)
			n = origin_say(stream, "\r\n");
	}
	free(body);
	return n > 0 ? origin_say(stream, "0\r\n\r\n") : n;
}

static ssize_t redirect_to_other_origin(bide_stream *stream)
{
	char url[64];
	snprintf(url, sizeof url, "http://127.0.0.2:%s/echo", other_port);
	return origin_redirect(stream, "302 Found", url);
}

/* "hello" by gzip. */
static ssize_t answer_packed(bide_stream *stream, size_t size)
{
	static const char packed[] =
		"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x07"
		"\x00\x86\xa6\x10\x36\x05\x00\x00\x00";
	char head[128];
	snprintf(head, sizeof head,
	         "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", size);
	ssize_t n = origin_say(stream, head);
	return n > 0 ? bide_stream_write(stream, packed, size) : n;
}

/* What is said before the connection is closed, or NULL. */
static const char *last_words(const char *path)
{
	if (strcmp(path, "/last") == 0)
		return "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlast";
	if (strcmp(path, "/to-the-end") == 0)
		return "HTTP/1.1 200 OK\r\n\r\nto the end";
	if (strcmp(path, "/coded") == 0)
		return "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
		       "2\r\nok\r\n0\r\n\r\n";
	return strcmp(path, "/garbage") == 0 ? "this is no HTTP\r\n\r\n" : NULL;
}

/* Answers a path; < 0 when the connection is to be closed. */
static ssize_t answer_path(bide_stream *stream, const char *path)
{
	if (strcmp(path, "/") == 0)
		return origin_respond(stream, "200 OK", "Set-Cookie: a\r\nSet-Cookie: b\r\n",
		                      "hello");
	if (strcmp(path, "/none") == 0)
		return origin_respond(stream, "404 Not Found", "", "nothing here");
	if (strcmp(path, "/large") == 0)
		return answer_large(stream);
	if (strcmp(path, "/nothing") == 0)
		return origin_respond(stream, "200 OK", "", "");
	if (strcmp(path, "/no-content") == 0)
		return origin_say(stream, "HTTP/1.1 204 No Content\r\n\r\n");
	if (strcmp(path, "/gzip") == 0)
		return answer_packed(stream, 25);
	if (strcmp(path, "/cut-gzip") == 0)
		return answer_packed(stream, 20);
	if (strcmp(path, "/to/here") == 0)
		return origin_redirect(stream, "302 Found", "../echo?there");
	if (strcmp(path, "/to/303") == 0)
		return origin_redirect(stream, "303 See Other", "/echo");
	if (strcmp(path, "/to/307") == 0)
		return origin_redirect(stream, "307 Temporary Redirect", "/echo");
	if (strcmp(path, "/to/other") == 0)
		return redirect_to_other_origin(stream);
	if (strcmp(path, "/to/itself") == 0)
		return origin_redirect(stream, "301 Moved Permanently", "/to/itself");
	if (strcmp(path, "/to/nowhere") == 0)
		return origin_redirect(stream, "301 Moved Permanently", "ftp://example.org/");
	if (strcmp(path, "/early") == 0)
		return origin_say(stream,
		                  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n"
		                  "Link: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	if (last_words(path) == NULL)
		return origin_answer(stream, path);
	(void)origin_say(stream, last_words(path));
	return -1;
}

/* ---- the kit ------------------------------------------------------------------------------ */

static bide_http_options options;

static void start(void)
{
	origin_start("127.0.0.1,127.0.0.2");
	origin.answer = answer_path;
	port_of(server, 1, other_port);
	open_session(&options);
}

static void stop(void)
{
	origin_stop();
	memset(&options, 0, sizeof options);
}

static const char *get(const char *path)
{
	return got(session, &(bide_http_request){ .url = url_of(path) });
}

/* ---- responses ---------------------------------------------------------------------------- */

HTTP_TEST(a_response_has_a_status_fields_and_a_body)
{
	bide_http_response *response;
	void *body;
	CHECK_INT(bide_http_get(session, url_of("/"), &response), 0);
	CHECK_INT(bide_http_status(response), 200);
	CHECK_STR(bide_http_url(response), url_of("/"));
	CHECK_INT(bide_http_redirects(response), 0);
	const char *first = bide_http_header(response, "set-cookie", NULL);
	CHECK_STR(first, "a");
	CHECK_STR(bide_http_header(response, "SET-COOKIE", first), "b");
	CHECK_NULL(bide_http_header(response, "X", NULL));
	const char *value = NULL;
	CHECK_STR(bide_http_next_header(response, &value), "Set-Cookie");
	CHECK_STR(value, "a");
	CHECK_INT(bide_http_bytes(response, &body), 5);
	CHECK_STR((char *)body, "hello");
	bide_http_response_close(response);
	CHECK_STR(get("/none"), "404 nothing here");
}

HTTP_TEST(a_body_is_read_piece_by_piece)
{
	bide_http_response *response;
	char piece[1000];
	size_t size = 0;
	ssize_t n;
	CHECK_INT(bide_http_get(session, url_of("/large"), &response), 0);
	while ((n = bide_http_read(response, piece, sizeof piece)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			CHECK_INT(piece[i], 'x');
		size += (size_t)n;
	}
	CHECK_INT(n, 0);
	CHECK_UINT(size, LARGE);
	CHECK_INT(bide_http_read(response, piece, sizeof piece), 0);
	bide_http_response_close(response);
	CHECK_INT(origin.connections, 1);
	CHECK_STR(get("/to-the-end"), "200 to the end");
	CHECK_STR(get("/early"), "200 ok");
}

HTTP_TEST(a_body_that_was_compressed_is_expanded)
{
	CHECK_STR(get("/gzip"), "200 hello");
	CHECK_STR(get("/cut-gzip"), "200 the body cannot be expanded");
	CHECK(strstr(get("/echo"), "Accept-Encoding: gzip, deflate, br, zstd\r\n") != NULL);
}

HTTP_TEST(a_body_in_a_coding_that_nobody_asked_for_is_not_taken_for_another)
{
	CHECK_STR(get("/coded"), "200 the body cannot be expanded");
	options.raw = true;
	open_session(&options);
	CHECK_STR(get("/coded"), "200 the body cannot be expanded");
	CHECK_STR(get("/"), "200 hello");
}

HTTP_TEST(what_is_wrong_is_told)
{
	CHECK_STR(get("/half"), "200 the stream ended too early");
	CHECK_STR(get("/garbage"), "what came is not HTTP");
	CHECK_STR(get("/closed"), "the stream ended too early");
	bide_http_response *response = NULL;
	CHECK_INT(bide_http_get(session, "ftp://example.org/", &response), -EINVAL);
	CHECK_INT(bide_http_get(session, "http://127.0.0.1:1/", &response), -ECONNREFUSED);
	CHECK_NULL(response);
}

/* ---- requests ----------------------------------------------------------------------------- */

HTTP_TEST(a_request_says_what_it_wants)
{
	const char *head = get("/echo?a=b");
	char host[64];
	snprintf(host, sizeof host, "\r\nHost: 127.0.0.1:%s\r\n", port);
	CHECK(strncmp(head, "200 GET /echo?a=b HTTP/1.1\r\n", 28) == 0);
	CHECK(strstr(head, host) != NULL);
	CHECK(strstr(head, "\r\nUser-Agent: bide/0.1.0\r\n") != NULL);
	CHECK(strstr(head, "\r\nAccept: */*\r\n") != NULL);
	CHECK(strstr(head, "Content-") == NULL);
}

/* What a server sees of a request. */
static const char *sent(const bide_http_request *request)
{
	bide_http_response *response;
	int rc = bide_http_send(session, request, &response);
	if (rc < 0)
		return bide_strerror(rc);
	bide_http_response_close(response);
	return origin.last;
}

HTTP_TEST(a_request_that_says_that_it_is_the_last_is)
{
	static const char *const close[] = { "connection: TE,  Close", NULL }, *const keep[] = {
		"Connection: closed, keep-alive", NULL
	};
	const bide_http_request last = { .url = url_of("/"), .headers = close },
				other = { .url = url_of("/"), .headers = keep };
	CHECK_STR(got(session, &last), "200 hello");
	CHECK_STR(got(session, &other), "200 hello");
	CHECK_INT(origin.connections, 2);
	CHECK_STR(got(session, &last), "200 hello");
	CHECK_INT(origin.connections, 2);
	options.headers = close;
	open_session(&options);
	CHECK_STR(get("/"), "200 hello");
	CHECK_STR(get("/"), "200 hello");
	CHECK_INT(origin.connections, 4);
}

HTTP_TEST(a_request_has_a_body)
{
	static const char *const form[] = { "name", "J\xc3\xb6rg & Co", "x", "1+1", NULL };
	const bide_http_request by_form = { .url = url_of("/echo"), .form = form };
	bide_http_response *response;
	CHECK_INT(bide_http_post(session, url_of("/echo"), "application/json", "{}", 2, &response),
	          0);
	bide_http_response_close(response);
	CHECK(strstr(origin.last, "POST /echo") == origin.last);
	CHECK(strstr(origin.last, "\r\nContent-Type: application/json\r\n") != NULL);
	CHECK(strstr(origin.last, "\r\nContent-Length: 2\r\n") != NULL);
	CHECK(strstr(origin.last, "\r\n\r\n{}") != NULL);
	CHECK(strstr(sent(&by_form), "\r\n\r\nname=J%C3%B6rg+%26+Co&x=1%2B1") != NULL);
	CHECK(strstr(origin.last, "POST /echo") == origin.last);
}

HTTP_TEST(a_request_has_parameters_and_fields)
{
	static const char *const params[] = { "q", "a b", "r", "", NULL };
	static const char *const headers[] = { "X-Mine: yes", "user-agent: me", NULL };
	const bide_http_request request = {
		.method = "PUT", .url = url_of("/echo?x=y#z"), .params = params, .headers = headers
	};
	const char *head = sent(&request);
	CHECK(strncmp(head, "PUT /echo?x=y&q=a+b&r= HTTP/1.1\r\n", 33) == 0);
	CHECK(strstr(head, "\r\nX-Mine: yes\r\nuser-agent: me\r\n") != NULL);
	CHECK(strstr(head, "User-Agent:") == NULL);
	CHECK(strstr(head, "\r\nContent-Length: 0\r\n") != NULL);
}

HTTP_TEST(credentials_are_sent)
{
	char url[128];
	const bide_http_request basic = { .url = url_of("/echo"),
		                          .user = "Aladdin",
		                          .password = "open sesame" };
	CHECK(strstr(sent(&basic), "\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n") !=
	      NULL);
	const bide_http_request bearer = { .url = url_of("/echo"), .bearer = "token" };
	CHECK(strstr(sent(&bearer), "\r\nAuthorization: Bearer token\r\n") != NULL);
	snprintf(url, sizeof url, "http://u:p@127.0.0.1:%s/echo", port);
	const bide_http_request in_url = { .url = url };
	CHECK(strstr(sent(&in_url), "\r\nAuthorization: Basic dTpw\r\n") != NULL);
}

HTTP_TEST(what_would_be_more_than_one_request_is_refused)
{
	static const char *const bad[][2] = {
		{ "X: a\r\nY: b", NULL },
		{ "X: a\n", NULL },
		{ "X : a", NULL },
		{ "X", NULL },
		{ ": a", NULL },
		{ "", NULL },
		{ "X\r: a", NULL },
		{ "Content-Length: 5", NULL },
		{ "transfer-encoding: chunked", NULL },
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const bide_http_request request = { .url = url_of("/echo"), .headers = bad[i] };
		CHECK_STR(sent(&request), strerror(EINVAL));
	}
	static const char *const methods[] = { "", "GET /x HTTP/1.1\r\n", "A B", "CONNECT",
		                               "G\xc3\xa4T" };
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
		const bide_http_request request = { .url = url_of("/echo"), .method = methods[i] };
		CHECK_STR(sent(&request), strerror(EINVAL));
	}
	const bide_http_request bearer = { .url = url_of("/echo"), .bearer = "a\r\nX: b" };
	CHECK_STR(sent(&bearer), strerror(EINVAL));
	const bide_http_request user = { .url = url_of("/echo"), .user = "a:b" };
	CHECK_STR(sent(&user), strerror(EINVAL));
	bide_http_session *other;
	const bide_http_options agent = { .user_agent = "a\r\nX: b" };
	CHECK_INT(bide_http_session_open(&agent, &other), -EINVAL);
	CHECK_INT(origin.requests, 0);
}

/* ---- redirects ---------------------------------------------------------------------------- */

HTTP_TEST(redirects_are_followed)
{
	bide_http_response *response;
	CHECK_INT(bide_http_get(session, url_of("/to/here"), &response), 0);
	CHECK_STR(bide_http_url(response), url_of("/echo?there"));
	CHECK_INT(bide_http_redirects(response), 1);
	bide_http_response_close(response);
	CHECK_INT(origin.connections, 1);
	CHECK_STR(get("/to/itself"), bide_strerror(-BIDE_EHTTP_REDIRECTS));
	CHECK_INT(origin.requests, 2 + 11);
	CHECK_STR(get("/to/nowhere"), bide_strerror(-BIDE_EHTTP_REDIRECTS));
	const bide_http_request as_it_is = { .url = url_of("/to/here"), .no_redirects = true };
	CHECK_INT(bide_http_send(session, &as_it_is, &response), 0);
	CHECK_INT(bide_http_status(response), 302);
	bide_http_response_close(response);
}

HTTP_TEST(a_redirect_changes_the_method_or_does_not)
{
	const bide_http_request see_other = { .url = url_of("/to/303"),
		                              .body = "x",
		                              .body_size = 1 };
	CHECK(strncmp(sent(&see_other), "GET /echo ", 10) == 0);
	CHECK(strstr(origin.last, "Content-") == NULL);
	const bide_http_request again = { .url = url_of("/to/307"), .body = "x", .body_size = 1 };
	CHECK(strncmp(sent(&again), "POST /echo ", 11) == 0);
	CHECK(strstr(origin.last, "\r\n\r\nx") != NULL);
}

HTTP_TEST(another_origin_sees_no_credentials)
{
	static const char *const headers[] = { "Cookie: secret", "Authorization: secret",
		                               "X: shown", NULL };
	const bide_http_request request = { .url = url_of("/to/other"), .headers = headers };
	CHECK(strstr(sent(&request), "X: shown") != NULL);
	CHECK(strstr(origin.last, "Host: 127.0.0.2:") != NULL);
	CHECK(strstr(origin.last, "secret") == NULL);
	const bide_http_request user = { .url = url_of("/to/other"), .user = "u", .password = "p" };
	CHECK(strstr(sent(&user), "Authorization") == NULL);
}

/* ---- connections -------------------------------------------------------------------------- */

HTTP_TEST(a_connection_is_used_again)
{
	for (int i = 0; i < 10; i++)
		CHECK_STR(get("/"), "200 hello");
	CHECK_INT(origin.connections, 1);
	CHECK_STR(get("/last"), "200 last");
	CHECK_STR(get("/"), "200 hello");
	CHECK_INT(origin.connections, 2);
}

HTTP_TEST(a_response_without_a_body_needs_no_reading)
{
	static const char *const paths[] = { "/nothing", "/no-content" };
	bide_http_response *response;
	for (int i = 0; i < 6; i++) {
		const bide_http_request request = { .url = url_of(paths[i % 2]),
			                            .method = i < 4 ? "GET" : "HEAD" };
		CHECK_INT(bide_http_send(session, &request, &response), 0);
		bide_http_response_close(response);
		CHECK_INT(origin.connections, 1);
	}
}

HTTP_TEST(a_connection_whose_response_was_not_read_is_not)
{
	bide_http_response *response;
	CHECK_INT(bide_http_get(session, url_of("/large"), &response), 0);
	bide_http_response_close(response);
	CHECK_STR(get("/"), "200 hello");
	CHECK_INT(origin.connections, 2);
}

HTTP_TEST(a_request_on_a_stale_connection_is_made_again)
{
	CHECK_STR(get("/once"), "200 once");
	bide_sleep(0.005);
	CHECK_STR(get("/"), "200 hello");
	CHECK_INT(origin.connections, 2);
	CHECK_STR(get("/once"), "200 once");
	bide_sleep(0.005);
	const bide_http_request post = { .url = url_of("/echo"), .body = "x", .body_size = 1 };
	CHECK(strncmp(sent(&post), "POST", 4) == 0);
	CHECK_INT(origin.requests, 4);
}

static BIDE_ASYNC_LIGHT(int, get_slow, void);
static int get_slow(void)
{
	return strcmp(get("/slow"), "200 slow");
}

static void get_slow_at_once(int n)
{
	int rc;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++)
			bide_group_spawn(group, get_slow);
		for (bide_task *task; (task = bide_group_next(group)) != NULL;)
			CHECK_INT(bide_await(int, task), 0);
	}
	CHECK_INT(rc, 0);
}

HTTP_TEST(many_requests_are_made_at_once)
{
	get_slow_at_once(50);
	CHECK_INT(origin.requests, 50);
	CHECK_INT(origin.most_at_once, 50);
}

#define HTTP_TEST_WITH(name, ...) \
	KINDS_TASKS(name, start(), stop()) \
	TEST(name) \
	{ \
		options = (bide_http_options){ __VA_ARGS__ }; \
		CHECK_INT(bide_try_run(NULL, NULL, full_##name), 0); \
		options = (bide_http_options){ __VA_ARGS__ }; \
		CHECK_INT(bide_try_run(NULL, NULL, light_##name), 0); \
	} \
	static void in_##name(void)

static const char *const usual[] = { "Authorization: Bearer usual", "Content-Type: text/usual",
	                             "X: usual", NULL };

static int times_in(const char *text, const char *what)
{
	int n = 0;
	while ((text = strstr(text, what)) != NULL) {
		text += strlen(what);
		n++;
	}
	return n;
}

HTTP_TEST_WITH(what_a_request_says_goes_before_the_sessions_headers, .headers = usual)
{
	const bide_http_request plain = { .url = url_of("/echo") };
	CHECK(strstr(sent(&plain), "\r\nAuthorization: Bearer usual\r\n") != NULL);
	const bide_http_request own = { .url = url_of("/echo"), .bearer = "own", .json = "{}" };
	const char *head = sent(&own);
	CHECK(strstr(head, "\r\nAuthorization: Bearer own\r\n") != NULL);
	CHECK(strstr(head, "\r\nContent-Type: application/json\r\n") != NULL);
	CHECK(strstr(head, "\r\nX: usual\r\n") != NULL);
	CHECK_INT(times_in(head, "\r\nAuthorization:"), 1);
	CHECK_INT(times_in(head, "\r\nContent-Type:"), 1);
}

HTTP_TEST_WITH(requests_wait_for_their_turn, .limit = 5)
{
	get_slow_at_once(20);
	CHECK_INT(origin.most_at_once, 5);
	CHECK_INT(origin.connections, 5);
}

HTTP_TEST_WITH(each_host_has_a_limit, .limit_per_host = 2)
{
	get_slow_at_once(6);
	CHECK_INT(origin.most_at_once, 2);
}

HTTP_TEST_WITH(a_connection_grows_old, .keep_alive = 0.01)
{
	CHECK_STR(get("/"), "200 hello");
	bide_sleep(0.02);
	CHECK_STR(get("/"), "200 hello");
	CHECK_INT(origin.connections, 2);
}

HTTP_TEST_WITH(a_body_has_a_limit, .body_limit = 1000)
{
	CHECK_STR(get("/large"), "200 the body is larger than was allowed");
}

/* ---- closing ------------------------------------------------------------------------------ */

static ssize_t no_read(void *object, void *buf, size_t size)
{
	(void)object;
	(void)buf;
	(void)size;
	return 0;
}

static void no_interrupt(void *object)
{
	(void)object;
}

static int close_slowly(void *object, bool abort)
{
	(void)abort;
	(void)bide_sleep(0.01);
	return bide_stream_close(object);
}

static bide_stream *below_it(void *object)
{
	return object;
}

static const bide_transport slow_transport = { .name = "slow",
	                                       .read = no_read,
	                                       .interrupt = no_interrupt,
	                                       .close = close_slowly,
	                                       .below = below_it };

/* Has an idle connection take its time to be closed. */
static void slow_down(struct bide__http_connection *connection)
{
	bide_stream *below, *slow;
	EXPECT_INT(bide_stream_new(&slow_transport, connection->stream, &slow), 0);
	below = connection->stream;
	EXPECT_INT(bide_stream_object(slow, &slow_transport) == below, 1);
	connection->stream = slow;
}

static BIDE_ASYNC(void, get_once_more, void);
static void get_once_more(void)
{
	(void)get("/");
}

static BIDE_ASYNC(void, close_it, void);
static void close_it(void)
{
	bide_http_session_close(session);
}

static BIDE_ASYNC(void, close_meanwhile, bool);
static void close_meanwhile(bool twice)
{
	start();
	(void)get("/");
	slow_down(session->idle.first);
	bide_detach(twice ? bide_spawn(close_it) : bide_spawn(get_once_more));
	bide_http_session_close(session);
}

TEST_ABORTS(no_request_is_made_while_a_session_is_closed, "the session is being closed")
{
	bide_run(close_meanwhile, false);
}

TEST_ABORTS(a_session_is_closed_once, "the session is being closed")
{
	bide_run(close_meanwhile, true);
}

/* ---- time --------------------------------------------------------------------------------- */

HTTP_TEST_WITH(a_response_that_stalls_is_given_up, .timeout_read = 0.01)
{
	CHECK_STR(get("/silence"), bide_strerror(-BIDE_EHTTP_TIMEOUT_READ));
	CHECK_STR(get("/"), "200 hello");
}

HTTP_TEST_WITH(a_request_that_takes_too_long_is_given_up, .timeout = 0.01)
{
	CHECK_STR(get("/silence"), bide_strerror(-BIDE_EHTTP_TIMEOUT));
}

HTTP_TEST_WITH(who_waits_too_long_for_his_turn_is_told, .limit = 1, .timeout_pool = 0.005)
{
	bide_task *first = bide_spawn(get_slow);
	bide_yield();
	CHECK_STR(get("/"), bide_strerror(-BIDE_EHTTP_TIMEOUT_POOL));
	CHECK_INT(bide_await(int, first), 0);
	CHECK_STR(get("/"), "200 hello");
}

HTTP_TEST(a_request_that_is_cancelled_leaves_the_session_sound)
{
	for (double seconds = 0.0001; seconds < 0.03; seconds *= 1.5) {
		int rc = 0;
		BIDE_TIMEOUT(seconds, rc)
			(void)get("/slow");
		CHECK(rc == 0 || rc == -ETIMEDOUT);
		CHECK_STR(get("/"), "200 hello");
	}
}

/* Of the client, or of the server, which are in one process. */
HTTP_TEST(each_allocation_may_fail)
{
	unsigned long failures = 1;
	for (long k = 1; failures > 0; k++) {
		bide__alloc_arm(k);
		const char *text = get("/gzip");
		failures = bide__alloc_hook.failures;
		bide__alloc_disarm();
		CHECK(failures > 0 || strcmp(text, "200 hello") == 0);
		CHECK_STR(get("/"), "200 hello");
	}
}
