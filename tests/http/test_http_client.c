// SPDX-License-Identifier: MIT
/* What a request says, and what is made of its response. */
#include "http/origin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the server --------------------------------------------------------------------------- */

static char other_port[16]; /* of 127.0.0.2 */

static bool redirect_to_other_origin(bide_stream *stream)
{
	char url[64];
	snprintf(url, sizeof url, "http://127.0.0.2:%s/echo", other_port);
	return origin_redirect(stream, "302 Found", url);
}

static bool answer_cut(bide_stream *stream)
{
	return say(stream, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
	                   "Content-Length: 20\r\n\r\n") &&
	       bide_stream_write(stream, HELLO_PACKED, 20) == 20;
}

/* What is said before the connection is closed, or NULL. */
static const char *last_words(const char *path)
{
	if (strcmp(path, "/to-the-end") == 0)
		return "HTTP/1.1 200 OK\r\n\r\nto the end";
	if (strcmp(path, "/coded") == 0)
		return "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
		       "2\r\nok\r\n0\r\n\r\n";
	return strcmp(path, "/garbage") == 0 ? "this is no HTTP\r\n\r\n" : NULL;
}

static bool answer_path(bide_stream *stream, const char *path)
{
	if (strcmp(path, "/") == 0)
		return origin_respond(stream, "200 OK", "Set-Cookie: a\r\nSet-Cookie: b\r\n",
		                      "hello");
	if (strcmp(path, "/none") == 0)
		return origin_respond(stream, "404 Not Found", "", "nothing here");
	if (strcmp(path, "/cut-packed") == 0)
		return answer_cut(stream);
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
		return say(stream, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n"
		                   "Link: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	if (last_words(path) == NULL)
		return origin_answer(stream, path);
	(void)say(stream, last_words(path));
	return false;
}

/* ---- the kit ------------------------------------------------------------------------------ */

static void start(void)
{
	origin_start("127.0.0.1,127.0.0.2");
	origin.answer = answer_path;
	port_of(server, 1, other_port);
	open_session(NULL);
}

static void stop(void)
{
	origin_stop();
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
	CHECK_UINT(size, ORIGIN_LARGE);
	CHECK_INT(bide_http_read(response, piece, sizeof piece), 0);
	bide_http_response_close(response);
	CHECK_INT(origin.connections, 1);
	CHECK_STR(get("/to-the-end"), "200 to the end");
	CHECK_STR(get("/early"), "200 ok");
}

HTTP_TEST(a_body_that_was_compressed_is_expanded)
{
	CHECK_STR(get("/packed"), "200 hello");
	CHECK_STR(get("/cut-packed"), "200 the body cannot be expanded");
	CHECK(strstr(get("/echo"), "Accept-Encoding: gzip, deflate, br, zstd\r\n") != NULL);
}

HTTP_TEST(a_body_in_a_coding_that_nobody_asked_for_is_not_taken_for_another)
{
	CHECK_STR(get("/coded"), "200 the body cannot be expanded");
	open_session(&(bide_http_options){ .raw = true });
	CHECK_STR(get("/coded"), "200 the body cannot be expanded");
	CHECK_STR(get("/"), "200 hello");
}

HTTP_TEST(a_body_has_a_limit)
{
	open_session(&(bide_http_options){ .body_limit = 1000 });
	CHECK_STR(get("/large"), "200 the body is larger than was allowed");
}

HTTP_TEST(what_is_wrong_is_told)
{
	CHECK_STR(get("/half"), "200 the stream ended too early");
	CHECK_STR(get("/garbage"), "what came is not HTTP");
	CHECK_STR(get("/closed"), "the stream ended too early");
	bide_http_response *response = NULL;
	CHECK_INT(bide_http_get(session, "ftp://example.org/", &response), -BIDE_EHTTP_URL);
	CHECK_INT(bide_http_get(session, NOBODY, &response), -ECONNREFUSED);
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
	return origin.head;
}

HTTP_TEST(a_request_has_a_body)
{
	static const char *const form[] = { "name", "J\xc3\xb6rg & Co", "x", "1+1", NULL };
	const bide_http_request by_form = { .url = url_of("/echo"), .form = form };
	bide_http_response *response;
	CHECK_INT(bide_http_post(session, url_of("/echo"), "application/json", "{}", 2, &response),
	          0);
	bide_http_response_close(response);
	CHECK(strstr(origin.head, "POST /echo") == origin.head);
	CHECK(strstr(origin.head, "\r\nContent-Type: application/json\r\n") != NULL);
	CHECK(strstr(origin.head, "\r\nContent-Length: 2\r\n") != NULL);
	CHECK_STR(origin.body, "{}");
	CHECK(strstr(sent(&by_form), "POST /echo") == origin.head);
	CHECK_STR(origin.body, "name=J%C3%B6rg+%26+Co&x=1%2B1");
}

/* Whether the last request was by POST, with a body of no bytes that has a type, or without one. */
static bool was_empty(const char *type)
{
	char field[64];
	snprintf(field, sizeof field, "\r\nContent-Type: %s\r\n", type);
	return strncmp(origin.head, "POST ", 5) == 0 &&
	       strstr(origin.head, "\r\nContent-Length: 0\r\n") != NULL &&
	       (strstr(origin.head, type[0] != '\0' ? field : "Content-Type") != NULL) ==
	               (type[0] != '\0');
}

HTTP_TEST(a_body_may_be_empty)
{
	const bide_http_request bytes = { .url = url_of("/echo"), .body = "", .type = "a/b" };
	const bide_http_request json = { .url = url_of("/echo"), .json = "" };
	bide_http_response *response;
	(void)sent(&bytes);
	CHECK(was_empty("a/b"));
	(void)sent(&json);
	CHECK(was_empty("application/json"));
	CHECK_INT(bide_http_post(session, url_of("/echo"), "a/b", "", 0, &response), 0);
	bide_http_response_close(response);
	CHECK(was_empty("a/b"));
	CHECK_INT(bide_http_post(session, url_of("/echo"), "a/b", NULL, 0, &response), 0);
	bide_http_response_close(response);
	CHECK(was_empty(""));
	CHECK_INT(bide_http_post(session, url_of("/echo"), NULL, NULL, 1, &response), -EINVAL);
	CHECK_INT(bide_http_put(session, url_of("/echo"), "a/b", "", 0, &response), 0);
	bide_http_response_close(response);
	CHECK(strstr(origin.head, "\r\nContent-Type: a/b\r\n") != NULL);
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

HTTP_TEST(a_name_without_a_value_is_refused)
{
	static const char *const odd[] = { "q", "a b", "r", NULL };
	const bide_http_request query = { .url = url_of("/echo"), .params = odd },
				form = { .url = url_of("/echo"), .form = odd };
	CHECK_STR(sent(&query), strerror(EINVAL));
	CHECK_STR(sent(&form), strerror(EINVAL));
}

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

HTTP_TEST(what_a_request_says_goes_before_the_sessions_headers)
{
	open_session(&(bide_http_options){ .headers = usual });
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

HTTP_TEST(the_sessions_headers_say_what_a_body_is_of_which_nothing_is_known)
{
	open_session(&(bide_http_options){ .headers = usual });
	const bide_http_request unknown = { .url = url_of("/echo"), .body = "x", .body_size = 1 };
	const char *head = sent(&unknown);
	CHECK(strstr(head, "\r\nContent-Type: text/usual\r\n") != NULL);
	CHECK_INT(times_in(head, "\r\nContent-Type:"), 1);
}

HTTP_TEST(a_range_of_the_requests_goes_before_the_sessions)
{
	static const char *const ranged[] = { "Range: bytes=7-8", "If-Range: \"usual\"",
		                              "Expect: 100-continue", NULL };
	static const char *const mine[] = { "Range: bytes=5-", NULL };
	open_session(&(bide_http_options){ .headers = ranged });
	const bide_http_request plain = { .url = url_of("/echo") };
	const char *head = sent(&plain);
	CHECK(strstr(head, "\r\nRange: bytes=7-8\r\nIf-Range: \"usual\"\r\n") != NULL);
	CHECK(strstr(head, "\r\nAccept-Encoding: identity\r\n") != NULL);
	const bide_http_request part = { .url = url_of("/echo"), .range_from = 3 };
	head = sent(&part);
	CHECK(strstr(head, "\r\nRange: bytes=3-\r\n") != NULL);
	CHECK_INT(times_in(head, "Range:"), 1);
	const bide_http_request own = { .url = url_of("/echo"), .headers = mine };
	head = sent(&own);
	CHECK(strstr(head, "\r\nRange: bytes=5-\r\n") != NULL);
	CHECK_INT(times_in(head, "Range:"), 1);
	const bide_http_request asks = {
		.url = url_of("/echo"), .body = "x", .body_size = 1, .expect_continue = true
	};
	CHECK_INT(times_in(sent(&asks), "\r\nExpect: 100-continue\r\n"), 1);
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
	CHECK_STR(get("/to/nowhere"), bide_strerror(-BIDE_EHTTP_LOCATION));
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
	CHECK(strstr(origin.head, "Content-") == NULL);
	const bide_http_request again = { .url = url_of("/to/307"), .body = "x", .body_size = 1 };
	CHECK(strncmp(sent(&again), "POST /echo ", 11) == 0);
	CHECK_STR(origin.body, "x");
}

HTTP_TEST(another_origin_sees_no_credentials)
{
	static const char *const headers[] = { "Cookie: secret", "Authorization: secret",
		                               "X: shown", NULL };
	const bide_http_request request = { .url = url_of("/to/other"), .headers = headers };
	CHECK(strstr(sent(&request), "X: shown") != NULL);
	CHECK(strstr(origin.head, "Host: 127.0.0.2:") != NULL);
	CHECK(strstr(origin.head, "secret") == NULL);
	const bide_http_request user = { .url = url_of("/to/other"), .user = "u", .password = "p" };
	CHECK(strstr(sent(&user), "Authorization") == NULL);
}
