// SPDX-License-Identifier: MIT
/* Parts of files, and conditions: RFC 9110, 13 and 14. */
#include "http/server_kit.h"

static const time_t modified = 784111777; /* Sun, 06 Nov 1994 08:49:37 GMT */

static void begin(void)
{
	put("file", "0123456789");
	put_time("file", modified);
	start();
}

static int ask_for(const char *fields)
{
	return ask("GET", "/file", fields);
}

/* ---- ranges ------------------------------------------------------------------------------- */

static void check_range(const char *range, const char *content_range, const char *body)
{
	char line[256];
	snprintf(line, sizeof line, "Range: %s\r\n", range);
	CHECK_INT(ask_for(line), 206);
	CHECK_STR(field("Content-Range"), content_range);
	CHECK_STR(answer.body, body);
}

FILES_TEST(a_range_is_sent_alone)
{
	begin();
	check_range("bytes=0-0", "bytes 0-0/10", "0");
	check_range("bytes=2-4", "bytes 2-4/10", "234");
	check_range("bytes=7-", "bytes 7-9/10", "789");
	check_range("bytes=-3", "bytes 7-9/10", "789");
	check_range("bytes=-30", "bytes 0-9/10", "0123456789");
	check_range("bytes=5-1000", "bytes 5-9/10", "56789");
	check_range("BYTES= 1-2 ,", "bytes 1-2/10", "12");
	check_range("bytes=9-99999999999999999999999", "bytes 9-9/10", "9");
	check_range("bytes=20-, 1-2", "bytes 1-2/10", "12");
}

FILES_TEST(a_range_that_is_not_there_is_refused)
{
	static const char *const ranges[] = { "bytes=10-", "bytes=10-11", "bytes=-0",
		                              "bytes=99999999999999999999-", "bytes=10-,11-" };
	char line[256];
	begin();
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
		snprintf(line, sizeof line, "Range: %s\r\n", ranges[i]);
		CHECK_INT(ask_for(line), 416);
		CHECK_STR(field("Content-Range"), "bytes */10");
	}
}

FILES_TEST(what_is_no_range_is_not_heeded)
{
	static const char *const ranges[] = { "bytes=",         "bytes=x-1",    "bytes=2-1",
		                              "lines=1-2",      "bytes=1-2x",   "1-2",
		                              "bytes=--1",      "bytes=1",      "bytes=0-9,0-9",
		                              "bytes=0-,0-,0-", "bytes=1-2;3-4" };
	char line[256];
	begin();
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
		snprintf(line, sizeof line, "Range: %s\r\n", ranges[i]);
		CHECK_INT(ask_for(line), 200);
		CHECK_STR(answer.body, "0123456789");
	}
	CHECK_INT(ask_for("Range: bytes=0-1\r\nRange: bytes=2-3\r\n"), 200);
	CHECK_INT(ask("HEAD", "/file", "Range: bytes=0-1\r\n"), 200);
	CHECK_STR(field("Content-Length"), "10");
}

FILES_TEST(too_many_ranges_are_not_heeded)
{
	char line[512] = "Range: bytes=0-0";
	put_bytes("file", line, sizeof line);
	start();
	for (int i = 1; i < 17; i++)
		sprintf(line + strlen(line), ",%d-%d", i, i);
	strcat(line, "\r\n");
	CHECK_INT(ask_for(line), 200);
	CHECK_UINT(answer.size, sizeof line);
}

/* Takes the next part off an answer of several; its text, or NULL. */
static char *next_part(char **at, const char *boundary, char *ret_range)
{
	if (strncmp(*at, "\r\n--", 4) != 0 || strncmp(*at + 4, boundary, strlen(boundary)) != 0)
		return NULL;
	char *head = *at + 4 + strlen(boundary);
	char *body = strstr(head, "\r\n\r\n");
	char *range = strstr(head, "Content-Range: ");
	if (body == NULL || range == NULL || strncmp(head, "--", 2) == 0)
		return NULL;
	snprintf(ret_range, 32, "%.*s", (int)strcspn(range + 15, "\r"), range + 15);
	body += 4;
	*at = strstr(body, "\r\n--");
	return body;
}

FILES_TEST(several_ranges_come_in_parts)
{
	char boundary[64], range[32], expected[80];
	begin();
	CHECK_INT(ask_for("Range: bytes=0-1, 4-4, -2\r\n"), 206);
	CHECK_STR(field("Content-Range"), "");
	CHECK_INT(sscanf(field("Content-Type"), "multipart/byteranges; boundary=%63s", boundary),
	          1);
	char *at = answer.body;
	CHECK(strncmp(next_part(&at, boundary, range), "01\r\n", 4) == 0);
	CHECK_STR(range, "bytes 0-1/10");
	CHECK(strncmp(next_part(&at, boundary, range), "4\r\n", 3) == 0);
	CHECK_STR(range, "bytes 4-4/10");
	CHECK(strncmp(next_part(&at, boundary, range), "89\r\n", 4) == 0);
	CHECK_STR(range, "bytes 8-9/10");
	snprintf(expected, sizeof expected, "\r\n--%s--\r\n", boundary);
	CHECK_STR(at, expected);
}

FILES_TEST(large_ranges_are_sent_whole)
{
	static char data[300000];
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)(i * 2654435761u >> 13);
	put_bytes("file", data, sizeof data);
	start();
	CHECK_INT(ask_for("Range: bytes=1000-200999\r\n"), 206);
	CHECK_UINT(answer.size, 200000);
	CHECK_MEM(answer.body, data + 1000, 200000);
	CHECK_INT(ask_for("Range: bytes=0-99999,200000-\r\n"), 206);
	CHECK(memmem(answer.body, answer.size, data, 100000) != NULL);
	CHECK(memmem(answer.body, answer.size, data + 200000, 100000) != NULL);
}

FILES_TEST(nothing_of_an_empty_file_is_there)
{
	put("file", "");
	start();
	CHECK_INT(ask_for("Range: bytes=0-\r\n"), 416);
	CHECK_STR(field("Content-Range"), "bytes */0");
	CHECK_INT(ask_for("Range: bytes=-1\r\n"), 416);
}

/* ---- conditions --------------------------------------------------------------------------- */

#define EARLIER "Sun, 06 Nov 1994 08:49:36 GMT\r\n"
#define THEN "Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define LATER "Sun, 06 Nov 1994 08:49:38 GMT\r\n"

/* The same, and the file's tag. */
static const char *begin_with_tag(void)
{
	static char etag[64];
	begin();
	EXPECT_INT(ask_for(""), 200);
	strcpy(etag, field("ETag"));
	return etag;
}

static int ask_with(const char *format, const char *etag)
{
	char fields[512];
	snprintf(fields, sizeof fields, format, etag);
	return ask_for(fields);
}

FILES_TEST(what_is_there_already_is_not_sent)
{
	const char *etag = begin_with_tag();
	CHECK_INT(ask_with("If-None-Match: %s\r\n", etag), 304);
	CHECK_UINT(answer.size, 0);
	CHECK_STR(field("ETag"), etag);
	CHECK_STR(field("Content-Length"), "");
	CHECK_INT(ask_with("If-None-Match: W/%s\r\n", etag), 304);
	CHECK_INT(ask_with("If-None-Match: \"x\", \"a,b\" , %s\r\n", etag), 304);
	CHECK_INT(ask_with("If-None-Match: \"x\"\r\nIf-None-Match: %s\r\n", etag), 304);
	CHECK_INT(ask_for("If-None-Match: *\r\n"), 304);
	CHECK_INT(ask_for("If-None-Match: \"x\"\r\n"), 200);
	CHECK_INT(ask_for("If-None-Match: x\r\n"), 200);
	CHECK_INT(ask_for("If-None-Match: \"\r\n"), 200);
}

FILES_TEST(what_has_not_changed_since_is_not_sent)
{
	begin();
	CHECK_INT(ask_for("If-Modified-Since: " THEN), 304);
	CHECK_INT(ask_for("If-Modified-Since: " LATER), 304);
	CHECK_INT(ask_for("If-Modified-Since: " EARLIER), 200);
	CHECK_INT(ask_for("If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\n"), 304);
	CHECK_INT(ask_for("If-Modified-Since: Sun Nov  6 08:49:37 1994\r\n"), 304);
	CHECK_INT(ask_for("If-Modified-Since: yesterday\r\n"), 200);
	CHECK_INT(ask_for("If-Modified-Since: " THEN "If-Modified-Since: " THEN), 200);
}

FILES_TEST(a_tag_goes_before_a_time)
{
	const char *etag = begin_with_tag();
	CHECK_INT(ask_for("If-None-Match: \"x\"\r\nIf-Modified-Since: " THEN), 200);
	CHECK_INT(ask_with("If-None-Match: %s\r\nIf-Modified-Since: " EARLIER, etag), 304);
	CHECK_INT(ask_with("If-Match: %s\r\nIf-Unmodified-Since: " EARLIER, etag), 200);
	CHECK_INT(ask_for("If-Match: \"x\"\r\nIf-Unmodified-Since: " THEN), 412);
}

FILES_TEST(what_is_not_what_it_was_is_not_sent)
{
	const char *etag = begin_with_tag();
	CHECK_INT(ask_with("If-Match: %s\r\n", etag), 200);
	CHECK_INT(ask_with("If-Match: \"x\", %s\r\n", etag), 200);
	CHECK_INT(ask_for("If-Match: *\r\n"), 200);
	CHECK_INT(ask_with("If-Match: W/%s\r\n", etag), 412);
	CHECK_INT(ask_for("If-Match: \"x\"\r\n"), 412);
	CHECK_INT(ask_for("If-Unmodified-Since: " THEN), 200);
	CHECK_INT(ask_for("If-Unmodified-Since: " EARLIER), 412);
	CHECK_INT(ask_for("If-Unmodified-Since: tomorrow\r\n"), 200);
	CHECK_INT(ask("GET", "/none", "If-Match: *\r\n"), 404);
}

FILES_TEST(conditions_go_before_ranges)
{
	const char *etag = begin_with_tag();
	CHECK_INT(ask_with("Range: bytes=0-1\r\nIf-None-Match: %s\r\n", etag), 304);
	CHECK_INT(ask_for("Range: bytes=0-1\r\nIf-Match: \"x\"\r\n"), 412);
}

FILES_TEST(a_range_is_sent_if_it_is_of_the_same)
{
	const char *etag = begin_with_tag();
	CHECK_INT(ask_with("Range: bytes=0-1\r\nIf-Range: %s\r\n", etag), 206);
	CHECK_INT(ask_with("Range: bytes=0-1\r\nIf-Range: W/%s\r\n", etag), 200);
	CHECK_INT(ask_for("Range: bytes=0-1\r\nIf-Range: \"x\"\r\n"), 200);
	CHECK_INT(ask_for("Range: bytes=0-1\r\nIf-Range: " THEN), 206);
	CHECK_INT(ask_for("Range: bytes=0-1\r\nIf-Range: " LATER), 200);
	CHECK_INT(ask_for("Range: bytes=0-1\r\nIf-Range: " EARLIER), 200);
	CHECK_INT(ask_with("Range: bytes=20-\r\nIf-Range: \"x%s\r\n", etag), 200);
}

/* "Wed" begins as "W/" does, which is what a tag may begin with. */
FILES_TEST(a_time_of_any_day_of_the_week_is_one)
{
	char since[64];
	begin();
	for (int day = 0; day < 7; day++) {
		put_time("file", modified + day * 86400L);
		CHECK_INT(ask_for(""), 200);
		strcpy(since, field("Last-Modified"));
		CHECK_INT(ask_with("Range: bytes=0-1\r\nIf-Range: %s\r\n", since), 206);
	}
}

FILES_TEST(a_time_that_is_not_over_tells_nothing_apart)
{
	char since[64];
	put("file", "0123456789");
	start();
	CHECK_INT(ask_for(""), 200);
	strcpy(since, field("Last-Modified"));
	CHECK_INT(ask_with("Range: bytes=0-1\r\nIf-Range: %s\r\n", since), 200);
}
