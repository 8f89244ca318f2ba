// SPDX-License-Identifier: MIT
/* Messages taken apart: in one piece, and byte by byte, with the same result. */
#include "harness/test.h"
#include "http/parser.h"

#include "base/alloc.h"

#include <bide/http.h>

#include <stdio.h>
#include <string.h>

static char told[4096]; /* what has been met, in words */

static void tell(const char *format, const char *text, size_t size)
{
	const size_t used = strlen(told);
	snprintf(told + used, sizeof told - used, format, (int)size, text);
}

static void tell_head(const struct bide__http_parser *parser)
{
	char status[16];
	const char *value = NULL;
	int n = snprintf(status, sizeof status, "%d", parser->llhttp.status_code);
	tell("%.*s", status, (size_t)n);
	for (const char *name; (name = bide__http_next_name(&parser->head, value)) != NULL;) {
		value = name + strlen(name) + 1;
		tell(" %.*s", name, strlen(name));
		tell("=%.*s", value, strlen(value));
	}
	tell("%.*s", "|", 1);
}

/* Tells of one event; false when that is the last one. */
static bool tell_event(struct bide__http_parser *parser, int event)
{
	char text[16];
	if (event == BIDE__HTTP_HEAD)
		tell_head(parser);
	else if (event == BIDE__HTTP_BODY)
		tell("%.*s", parser->body, parser->body_size);
	else if (event == BIDE__HTTP_END)
		tell("%.*s", parser->keep_alive ? "|end;" : "|last;", parser->keep_alive ? 5 : 6);
	else
		tell("%.*s", text, (size_t)snprintf(text, sizeof text, "error %d", -event));
	return event >= 0;
}

/* Takes a text apart in pieces of @p step bytes, followed by the end of the stream. */
static const char *taken_apart(const char *text, size_t step, bool no_body)
{
	struct bide__http_parser parser;
	const size_t size = strlen(text);
	size_t at = 0, there = 0;
	bool going_on = true;
	told[0] = '\0';
	bide__http_parser_init(&parser, HTTP_RESPONSE);
	bide__http_parser_next(&parser, no_body);
	while (going_on) {
		size_t used;
		int event = bide__http_parse(&parser, text + at, there - at, &used);
		at += used;
		if (event == BIDE__HTTP_MORE && there < size) {
			there = step < size - there ? there + step : size;
			continue;
		}
		if (event == BIDE__HTTP_MORE)
			event = bide__http_parse_end(&parser);
		going_on = tell_event(&parser, event);
		if (event != BIDE__HTTP_END)
			continue;
		going_on = parser.keep_alive && at < size;
		bide__http_parser_next(&parser, no_body);
	}
	bide__http_parser_finish(&parser);
	return told;
}

static void check(const char *text, const char *expected)
{
	for (size_t step = 1; step <= strlen(text); step += step < 8 ? 1 : strlen(text))
		CHECK_STR(taken_apart(text, step, false), expected);
	CHECK_STR(taken_apart(text, strlen(text), false), expected);
}

TEST(a_message_has_a_head_and_a_body)
{
	check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX:  a b \r\nEmpty:\r\n\r\nhello",
	      "200 Content-Length=5 X=a b Empty=|hello|end;");
	check("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404 Content-Length=0||end;");
	check("HTTP/1.1 204 No Content\r\n\r\n", "204||end;");
	check("HTTP/1.1 304 \r\nContent-Length: 7\r\n\r\n", "304 Content-Length=7||end;");
}

TEST(a_body_may_come_in_chunks)
{
	check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	      "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
	      "200 Transfer-Encoding=chunked|abcde|end;");
}

TEST(what_comes_behind_a_body_is_dropped)
{
	check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	      "3\r\nabc\r\n0\r\nX: a\r\nContent-Length: 5\r\n\r\n"
	      "HTTP/1.1 204 None\r\nY: b\r\n\r\n",
	      "200 Transfer-Encoding=chunked|abc|end;204 Y=b||end;");
	check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n: a\r\n\r\n",
	      "200 Transfer-Encoding=chunked|error 4160");
}

/* Takes apart a text with a byte in it so many times. */
static const char *with_many(const char *begin, char byte, size_t times, const char *end)
{
	static char text[1 << 20];
	char *at = stpcpy(text, begin);
	memset(at, byte, times);
	strcpy(at + times, end);
	return taken_apart(text, 4096, false);
}

TEST(what_is_around_a_body_has_an_end)
{
	enum { MANY = BIDE__HTTP_FRAMING_MAX };
	const char *chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;";
	CHECK_STR(with_many("HTTP/1.1 200 OK\r\nX:", ' ', MANY, "a\r\n\r\n"), "error 4161");
	CHECK_STR(with_many(chunked, 'x', MANY, "\r\na\r\n0\r\n\r\n"),
	          "200 Transfer-Encoding=chunked|error 4161");
	CHECK_STR(with_many(chunked, 'x', MANY / 2, "\r\na\r\n0\r\n\r\n"),
	          "200 Transfer-Encoding=chunked|a|end;");
}

/* A body is as long as it is. */
TEST(what_is_between_pieces_of_a_body_is_each_counted_anew)
{
	enum { CHUNKS = 10000 };
	static char text[32 * CHUNKS];
	struct bide__http_parser parser;
	char *at = stpcpy(text, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < CHUNKS; i++)
		at = stpcpy(at, "1;twenty-bytes-of-it=x\r\na\r\n");
	strcpy(at, "0\r\n\r\n");
	size_t left = strlen(text), used, bodies = 0;
	int event = BIDE__HTTP_MORE;
	CHECK(left > BIDE__HTTP_FRAMING_MAX);
	bide__http_parser_init(&parser, HTTP_RESPONSE);
	bide__http_parser_next(&parser, false);
	for (at = text; event >= 0 && event != BIDE__HTTP_END; at += used, left -= used) {
		event = bide__http_parse(&parser, at, left, &used);
		bodies += event == BIDE__HTTP_BODY;
	}
	CHECK_INT(event, BIDE__HTTP_END);
	CHECK_UINT(bodies, CHUNKS);
	bide__http_parser_finish(&parser);
}

TEST(a_body_may_last_to_the_end)
{
	check("HTTP/1.1 200 OK\r\n\r\nuntil", "200|until|last;");
	check("HTTP/1.0 200 OK\r\n\r\n", "200||last;");
	check("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "200 Content-Length=1|x|last;");
	check("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
	      "200 Connection=close Content-Length=1|x|last;");
}

TEST(messages_follow_each_other)
{
	check("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
	      "100||end;200 Content-Length=1|x|end;");
}

TEST(what_comes_before_a_response_is_not_the_last)
{
	check("HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\nHTTP/1.1 204 None\r\n\r\n",
	      "103 Connection=close||end;204||end;");
	check("HTTP/1.0 100 Continue\r\n\r\nHTTP/1.0 204 None\r\n\r\n", "100||end;204||last;");
}

TEST(chunks_by_http_1_0_are_the_last)
{
	check("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
	      "1\r\nx\r\n0\r\n\r\n",
	      "200 Connection=keep-alive Transfer-Encoding=chunked|x|last;");
}

/* Whether a body is sent in another coding than chunks, by such a field. */
static bool is_coded(const char *field)
{
	char text[200];
	struct bide__http_parser parser;
	size_t used;
	int n = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\n%s\r\n\r\n", field);
	bide__http_parser_init(&parser, HTTP_RESPONSE);
	bide__http_parser_next(&parser, false);
	EXPECT_INT(bide__http_parse(&parser, text, (size_t)n, &used), BIDE__HTTP_HEAD);
	const bool coded = parser.coded;
	bide__http_parser_finish(&parser);
	return coded;
}

TEST(a_body_in_another_coding_than_chunks_is_known)
{
	CHECK(!is_coded("X: y"));
	CHECK(!is_coded("Transfer-Encoding: chunked"));
	CHECK(!is_coded("transfer-encoding: CHUNKED "));
	CHECK(is_coded("Transfer-Encoding: gzip, chunked"));
	CHECK(is_coded("Transfer-Encoding: chunked, chunked"));
	CHECK(is_coded("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip"));
	CHECK(is_coded("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"));
	CHECK(is_coded("Transfer-Encoding: xchunked"));
	CHECK(is_coded("Transfer-Encoding: chunked\t"));
}

TEST(what_answers_a_head_has_no_body)
{
	CHECK_STR(taken_apart("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 1, true),
	          "200 Content-Length=5||end;");
	CHECK_STR(taken_apart("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 1000, true),
	          "200 Transfer-Encoding=chunked||end;");
}

TEST(what_could_be_understood_in_two_ways_is_refused)
{
	static const char *const texts[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
		"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
		"HTTP/1.1 200 OK\nX: a\n\n",
		"HTTP/1.1 200 OK\r\n: a\r\n\r\n",
		"HTTP/2 200 OK\r\n\r\n",
		"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 0 OK\r\nContent-Length: 0\r\n\r\n",
		"SSH-2.0-OpenSSH\r\n",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		CHECK_STR(taken_apart(texts[i], strlen(texts[i]), false), "error 4160");
}

TEST(chunks_that_are_none_are_refused)
{
	static const char *const chunks[] = { "x\r\n",       "-1\r\n",
		                              "1\r\nab\r\n", "fffffffffffffffff\r\n",
		                              " 1\r\na\r\n", "1\na\n0\n\n" };
	for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
		char text[200];
		snprintf(text, sizeof text,
		         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s", chunks[i]);
		CHECK(strstr(taken_apart(text, strlen(text), false), "error 4160") != NULL);
	}
}

TEST(a_message_that_is_cut_off_is_incomplete)
{
	static const char whole[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
	char text[sizeof whole];
	for (size_t size = 1; size < sizeof whole - 1; size++) {
		memcpy(text, whole, size);
		text[size] = '\0';
		CHECK(strstr(taken_apart(text, size, false), "error 4100") != NULL);
	}
}

TEST(a_head_has_a_limit)
{
	static char text[BIDE__HTTP_HEAD_MAX + 100];
	int n = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nX: ");
	memset(text + n, 'x', sizeof text - (size_t)n - 1);
	CHECK_STR(taken_apart(text, 1000, false), "error 4161");
	n = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < BIDE__HTTP_FIELDS_MAX + 2; i++)
		n += snprintf(text + n, sizeof text - (size_t)n, "a: b\r\n");
	CHECK_STR(taken_apart(text, 1000, false), "error 4161");
	n = snprintf(text, sizeof text,
	             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ");
	memset(text + n, 'x', sizeof text - (size_t)n - 1);
	CHECK_STR(taken_apart(text, 1000, false), "200 Transfer-Encoding=chunked|error 4161");
}

TEST(fields_are_found_whatever_their_case)
{
	struct bide__string head = { NULL, 0, 0, false };
	bide__string_add(&head, "Set-Cookie\0a\0X\0b\0set-cookie\0c", 30);
	CHECK_INT(bide__string_end(&head), 0);
	const char *first = bide__http_field(&head, "SET-COOKIE", NULL);
	CHECK_STR(first, "a");
	const char *second = bide__http_field(&head, "set-cookie", first);
	CHECK_STR(second, "c");
	CHECK_NULL(bide__http_field(&head, "set-cookie", second));
	CHECK_NULL(bide__http_field(&head, "Y", NULL));
	bide__string_free(&head);
}

TEST(no_memory_for_a_head_is_told)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	bide__alloc_arm(1);
	CHECK_STR(taken_apart(text, sizeof text - 1, false), "error 12");
	bide__alloc_disarm();
}
