// SPDX-License-Identifier: MIT
/* What a server makes of requests that are none, or that could be understood in two ways: each is
 * refused with its status, and nothing that follows is read as a request. */
#include "http/server_kit.h"

/* ---- what is refused ---------------------------------------------------------------------- */

struct wrong {
	int status;
	const char *text;
	size_t size;
};

#define WRONG(status, text) \
	{ \
		status, text, sizeof(text) - 1 \
	}
#define GET "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define SECRET "GET /secret HTTP/1.1\r\nHost: a\r\n\r\n"

static void check_refused(const struct wrong *wrong, size_t n)
{
	put("index.html", "hello");
	start();
	for (size_t i = 0; i < n; i++)
		if (!EXPECT_INT(refused(wrong[i].text, wrong[i].size), wrong[i].status))
			FAIL("number %zu: %s", i, wrong[i].text);
}

#define CHECK_REFUSED(...) \
	static const struct wrong wrong[] = { __VA_ARGS__ }; \
	check_refused(wrong, sizeof wrong / sizeof *wrong)

FILES_TEST(lengths_that_are_told_twice_are_refused)
{
	CHECK_REFUSED(
		WRONG(400, POST "Content-Length: 0\r\nContent-Length: 0\r\n\r\n" SECRET),
		WRONG(400, POST "Content-Length: 0\r\nContent-Length: 35\r\n\r\n" SECRET),
		WRONG(400, POST "Content-Length: 0, 0\r\n\r\n" SECRET),
		WRONG(400, POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		WRONG(400, POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
		WRONG(400,
	              POST "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
		WRONG(400,
	              POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
	                   "\r\n"),
		WRONG(400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"));
}

FILES_TEST(lengths_that_are_none_are_refused)
{
	CHECK_REFUSED(WRONG(400, POST "Content-Length: -1\r\n\r\n"),
	              WRONG(400, POST "Content-Length: +1\r\n\r\na"),
	              WRONG(400, POST "Content-Length: 0x1\r\n\r\na"),
	              WRONG(400, POST "Content-Length: 1 1\r\n\r\na"),
	              WRONG(400, POST "Content-Length: \r\n\r\n"),
	              WRONG(400, POST "Content-Length: 1.0\r\n\r\na"),
	              WRONG(400, POST "Content-Length: 18446744073709551616\r\n\r\n"));
}

FILES_TEST(codings_that_are_not_known_are_refused)
{
	CHECK_REFUSED(WRONG(501, POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
	              WRONG(501, POST "Transfer-Encoding: gzip\r\n\r\n"),
	              WRONG(501, POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
	              WRONG(501, POST "Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n"),
	              WRONG(501, POST "Transfer-Encoding: identity\r\n\r\n" SECRET));
}

FILES_TEST(chunks_that_are_none_are_refused)
{
	CHECK_REFUSED(
		WRONG(400, CHUNKED "x\r\n"), WRONG(400, CHUNKED "-1\r\n"),
		WRONG(400, CHUNKED "0x1\r\na\r\n0\r\n\r\n"),
		WRONG(400, CHUNKED "1 \r\na\r\n0\r\n\r\n"),
		WRONG(400, CHUNKED " 1\r\na\r\n0\r\n\r\n"), WRONG(400, CHUNKED "1\na\r\n0\r\n\r\n"),
		WRONG(400, CHUNKED "1\r\nab\r\n0\r\n\r\n"), WRONG(400, CHUNKED "1\r\na\n0\r\n\r\n"),
		WRONG(400, CHUNKED "1;x\ny\r\na\r\n0\r\n\r\n"),
		WRONG(400, CHUNKED "1;x\ry\r\na\r\n0\r\n\r\n"),
		WRONG(400, CHUNKED "1\r\na\r\n0\r\nX: y\r\n z\r\n\r\n"),
		WRONG(400, CHUNKED "1\r\na\r\n0\r\nX: y\n\r\n"),
		WRONG(400, CHUNKED "10000000000000000\r\na\r\n"));
}

FILES_TEST(lines_that_do_not_end_as_they_should_are_refused)
{
	CHECK_REFUSED(WRONG(400, "GET / HTTP/1.1\nHost: a\n\n"), WRONG(400, GET "Host: a\n\r\n"),
	              WRONG(400, GET "Host: a\r\n\n" SECRET),
	              WRONG(400, GET "Host: a\rX: b\r\n\r\n"),
	              WRONG(400, GET "Host: a\r\nX:\rTransfer-Encoding: chunked\r\n\r\n"),
	              WRONG(400, GET "Host: a\r\nX: b\r\r\n\r\n"),
	              WRONG(400, "GET / HTTP/1.1\rHost: a\r\n\r\n"),
	              WRONG(400, "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"));
}

FILES_TEST(fields_that_are_none_are_refused)
{
	CHECK_REFUSED(WRONG(400, GET "Host: a\r\nX: b\r\n c\r\n\r\n"),
	              WRONG(400, GET "Host: a\r\nX: b\r\n\tc\r\n\r\n"),
	              WRONG(400, GET "Host: a\r\nX:\r\n \r\n\r\n"),
	              WRONG(400, GET " Host: a\r\n\r\n"), WRONG(400, GET "Host : a\r\n\r\n"),
	              WRONG(400, GET "Host: a\r\nContent-Length : 5\r\n\r\nhello"),
	              WRONG(400, GET "Host: a\r\nX\r\n\r\n"),
	              WRONG(400, GET "Host: a\r\n: b\r\n\r\n"),
	              WRONG(400, GET "Host: a\r\nX: b\0c\r\n\r\n"),
	              WRONG(400, GET "Host: a\r\nX\0: b\r\n\r\n"),
	              WRONG(400, GET "Host: a\r\nX(: b\r\n\r\n"),
	              WRONG(400, GET "Host: a\r\nX: \x01\r\n\r\n"));
}

FILES_TEST(a_host_is_told_once_and_is_one)
{
	CHECK_REFUSED(WRONG(400, GET "\r\n"), WRONG(400, GET "Host: a\r\nHost: a\r\n\r\n"),
	              WRONG(400, GET "Host: a b\r\n\r\n"), WRONG(400, GET "Host: a/b\r\n\r\n"),
	              WRONG(400, GET "Host: a@b\r\n\r\n"), WRONG(400, GET "Host: a:b\r\n\r\n"),
	              WRONG(400, GET "Host: [::1\r\n\r\n"),
	              WRONG(400, GET "Host: a,b:80:81\r\n\r\n"),
	              WRONG(400, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"));
}

FILES_TEST(first_lines_that_are_none_are_refused)
{
	CHECK_REFUSED(WRONG(400, "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
	              WRONG(400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
	              WRONG(400, "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),
	              WRONG(400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
	              WRONG(400, "GET / RTSP/1.0\r\nHost: a\r\n\r\n"),
	              WRONG(400, "SOURCE / ICE/1.0\r\nHost: a\r\n\r\n"),
	              WRONG(400, "GET / http/1.1\r\nHost: a\r\n\r\n"),
	              WRONG(400, "GET / FOO/1.1\r\nHost: a\r\n\r\n"),
	              WRONG(400, "GET x HTTP/1.1\r\nHost: a\r\n\r\n"),
	              WRONG(400, "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
	              WRONG(400, "GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n"),
	              WRONG(400, "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"),
	              WRONG(400, "GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n"),
	              WRONG(400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
	              WRONG(400, "SSH-2.0-OpenSSH_9.2p1\r\n"),
	              WRONG(501, "FOO / HTTP/1.1\r\nHost: a\r\n\r\n"),
	              WRONG(400, "GET / HTTP/1.10\r\nHost: a\r\n\r\n"), WRONG(505, "GET /\r\n\r\n"),
	              WRONG(505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
	              WRONG(505, "GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
	              WRONG(505, "GET / HTTP/0.9\r\nHost: a\r\n\r\n"),
	              WRONG(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
}

/* A head of a line, a text that is repeated, and an end. */
static int refused_long(const char *begin, const char *again, int times, const char *end)
{
	static char text[400000];
	char *at = stpcpy(text, begin);
	for (int i = 0; i < times; i++)
		at = stpcpy(at, again);
	at = stpcpy(at, end);
	return refused(text, (size_t)(at - text));
}

FILES_TEST(what_is_too_long_is_refused)
{
	start();
	CHECK_INT(refused_long("GET /", "x", 8192, " HTTP/1.1\r\nHost: a\r\n\r\n"), 414);
	CHECK_INT(refused_long(GET "Host: a\r\nX: ", "x", 70000, "\r\n\r\n"), 431);
	CHECK_INT(refused_long(GET "Host: a\r\nX", "x", 70000, ": y\r\n\r\n"), 431);
	CHECK_INT(refused_long(GET "Host: a\r\n", "X: y\r\n", 300, "\r\n"), 431);
}

/* What is not kept counts, too: else the other side could go on for ever. */
FILES_TEST(what_says_nothing_and_is_too_long_is_refused)
{
	start();
	CHECK_INT(refused_long(GET "Host: a\r\nX:", " ", 200000, "\r\n\r\n"), 431);
	CHECK_INT(refused_long(GET "Host: a\r\nX: y", " ", 200000, "\r\n\r\n"), 431);
	CHECK_INT(refused_long("", "\r\n", 100000, GET "Host: a\r\n\r\n"), 431);
	CHECK_INT(refused_long(GET "Host: a\r\n", "Xy: z\t \t \r\n", 255, "\r\n"), -200);
}

FILES_TEST(a_head_that_is_refused_is_answered_without_a_body)
{
	static const char *const heads[] = {
		"HEAD / HTTP/1.1\r\nHost: a\r\nX y: z\r\n\r\n",
		"HEAD / HTTP/1.1\r\nHost: a\r\n\n",
		"HEAD / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
		"HEAD / HTTP/3.0\r\nHost: a\r\n\r\n",
	};
	start();
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		bide_stream *stream = client();
		CHECK(say(stream, heads[i]));
		CHECK(read_answer(stream, false));
		CHECK(answer.status >= 400);
		CHECK(is_at_end(stream));
		CHECK_INT(bide_stream_close(stream), 0);
	}
}

FILES_TEST(what_is_expected_and_not_known_is_refused)
{
	CHECK_REFUSED(WRONG(417, GET "Host: a\r\nExpect: more\r\n\r\n"));
}

/* ---- what is not -------------------------------------------------------------------------- */

static int answered(const char *text)
{
	bide_stream *stream = client();
	int status = say(stream, text) && read_answer(stream, true) ? answer.status : 0;
	EXPECT_INT(bide_stream_close(stream), 0);
	return status;
}

FILES_TEST(requests_that_are_unusual_are_answered)
{
	put("index.html", "hello");
	start();
	CHECK_INT(answered("\r\n\r\n" GET "Host: a\r\n\r\n"), 200);
	CHECK_INT(answered(GET "hOsT:a:80\r\n\r\n"), 200);
	CHECK_INT(answered(GET "Host: [::1]:80\r\n\r\n"), 200);
	CHECK_INT(answered(GET "Host:\r\n\r\n"), 200);
	CHECK_INT(answered(GET "Host: a \t \r\n\r\n"), 200);
	CHECK_INT(answered(GET "Host: \t\r\n\r\n"), 200);
	CHECK_INT(answered(GET "Host: a\r\nExpect: 100-continue \r\n\r\n"), 200);
	CHECK_INT(answered(GET "Host: a\r\nIf-None-Match: * \r\n\r\n"), 304);
	CHECK_INT(answered(POST "Transfer-Encoding: chunked \r\n\r\n0\r\n\r\n"), 405);
	CHECK_INT(answered("GET http://other/ HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
	CHECK_INT(answered("GET http://other HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
	CHECK_INT(answered("GET http://o?a=b HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
	CHECK_INT(answered("GET http://other:80?a=/ HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
	CHECK_INT(answered("GET / HTTP/1.0\r\n\r\n"), 200);
	CHECK_INT(answered("GET /?a=b HTTP/1.1\r\nHost: a\r\nX: \xc3\xa4\r\n\r\n"), 200);
	CHECK_INT(answered(GET "Host: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"), 200);
	CHECK_INT(answered("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"), 200);
}

FILES_TEST(methods_that_files_have_not_are_told_which_they_have)
{
	put("index.html", "hello");
	start();
	static const char *const methods[] = { "POST", "PUT", "DELETE", "TRACE", "PATCH" };
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
		CHECK_INT(ask(methods[i], "/", ""), 405);
		CHECK_STR(field("Allow"), "GET, HEAD, OPTIONS");
	}
	CHECK_INT(answered("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"), 405);
	CHECK_INT(ask("OPTIONS", "*", ""), 204);
	CHECK_STR(field("Allow"), "GET, HEAD, OPTIONS");
	CHECK_STR(field("Content-Length"), "");
}

/* However the bytes come, it is the same request. */
FILES_TEST(a_request_may_come_byte_by_byte)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab";
	put("index.html", "hello");
	start();
	bide_stream *stream = client();
	for (size_t i = 0; i < sizeof text - 1; i++) {
		CHECK_INT(bide_stream_write(stream, text + i, 1), 1);
		CHECK_INT(bide_yield(), 0);
	}
	CHECK(read_answer(stream, true));
	CHECK_INT(answer.status, 200);
	CHECK_STR(answer.body, "hello");
	CHECK_INT(bide_stream_close(stream), 0);
}
