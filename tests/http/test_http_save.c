// SPDX-License-Identifier: MIT
/* Bodies of responses: as text, into files and other descriptors, in part and the rest later. */
#include "http/origin.h"

#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *answer; /* what the server says to each request */
static size_t answer_size;
static bool closes; /* the connection then */

static void say_answer(bide_stream *stream)
{
	while (origin_read_head(stream) && origin_read_body(stream)) {
		const ssize_t size = (ssize_t)answer_size;
		const bool last = closes;
		if (bide_stream_write(stream, answer, answer_size) != size || last)
			return;
	}
}

static bide_http_response *answered(const char *text, size_t size)
{
	bide_http_response *response = NULL;
	answer = text;
	answer_size = size;
	origin.serve = say_answer;
	EXPECT_INT(bide_http_get(session, url_of("/"), &response), 0);
	return response;
}

#define GOT(fields, body) got_with(fields, body, sizeof(body) - 1)

static bide_http_response *got_with(const char *fields, const char *body, size_t size)
{
	static char text[8192];
	int n = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\n%sContent-Length: %zu\r\n\r\n",
	                 fields, size);
	memcpy(text + n, body, size);
	return answered(text, (size_t)n + size);
}

/* ---- what is said ------------------------------------------------------------------------- */

OK_TEST(a_response_tells_of_its_body)
{
	char type[BIDE_HTTP_TYPE_MAX];
	int64_t first, last, total;
	bide_http_response *response = GOT("Content-Type: Text/Plain; charset=utf-8\r\n", "hello");
	CHECK_STR(bide_http_content_type(response, type), "text/plain");
	CHECK_INT(bide_http_content_length(response), 5);
	CHECK_INT(bide_http_content_range(response, &first, &last, &total), -ENODATA);
	bide_http_response_close(response);
	static const char bare[] = "HTTP/1.1 206 OK\r\nContent-Range: bytes 5-6/9\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
	response = answered(bare, sizeof bare - 1);
	CHECK_STR(bide_http_content_type(response, type), "");
	CHECK_INT(bide_http_content_length(response), -ENODATA);
	CHECK_INT(bide_http_content_range(response, &first, &last, &total), 0);
	CHECK_INT(first, 5);
	CHECK_INT(last, 6);
	CHECK_INT(total, 9);
	bide_http_response_close(response);
}

static const char *validator_of(const char *fields)
{
	static char text[100];
	bide_http_response *response = got_with(fields, "", 0);
	const char *validator = bide_http_validator(response);
	strcpy(text, validator != NULL ? validator : "none");
	bide_http_response_close(response);
	return text;
}

OK_TEST(a_validator_is_strong)
{
	CHECK_STR(validator_of("ETag: \"x\"\r\n"), "\"x\"");
	CHECK_STR(validator_of("ETag: W/\"x\"\r\n"), "none");
	CHECK_STR(validator_of("ETag: \"x\"\r\nContent-Encoding: gzip\r\n"), "none");
	CHECK_STR(validator_of("Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n"
	                       "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"),
	          "Sun, 06 Nov 1994 08:49:37 GMT");
	CHECK_STR(validator_of("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	                       "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"),
	          "none");
	CHECK_STR(validator_of("Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), "none");
	CHECK_STR(validator_of(""), "none");
}

/* ---- text --------------------------------------------------------------------------------- */

static const char *text_of(bide_http_response *response)
{
	static char copy[256];
	char *text = NULL;
	ssize_t n = bide_http_text(response, &text);
	if (n >= 0 && strlen(text) == (size_t)n)
		strcpy(copy, text);
	else
		strcpy(copy, n < 0 ? bide_strerror((int)n) : "a NUL");
	bide_http_response_close(response);
	return copy;
}

OK_TEST(text_is_utf8)
{
	CHECK_STR(text_of(GOT("", "J\xc3\xb6rg")), "J\xc3\xb6rg");
	CHECK_STR(text_of(GOT("Content-Type: text/html; charset=iso-8859-1\r\n", "J\xf6rg")),
	          "J\xc3\xb6rg");
	CHECK_STR(text_of(GOT("Content-Type: text/html; charset=iso-8859-1\r\n",
	                      "\xef\xbb\xbfJ\xc3\xb6rg")),
	          "J\xc3\xb6rg");
	CHECK_STR(text_of(GOT("", "\xff\xfe\x61\0\x62\0")), "ab");
	CHECK_STR(text_of(GOT("", "a\xff")), "a\xef\xbf\xbd");
	CHECK_STR(text_of(GOT("Content-Type: text/html; charset=\r\n", "a")), "a");
	CHECK_STR(text_of(GOT("", "")), "");
}

/* It is the body that fails, if there is one. */
OK_TEST(a_coding_that_is_not_known_is_told_when_the_body_is_read)
{
	char *text;
	bide_http_response *response = GOT("Content-Encoding: gzip, strange\r\n", "abc");
	CHECK_INT(bide_http_status(response), 200);
	CHECK_INT(bide_http_text(response, &text), -BIDE_EHTTP_CODING);
	CHECK_INT(bide_http_text(response, &text), -BIDE_EHTTP_CODING);
	bide_http_response_close(response);
	CHECK_STR(text_of(GOT("Content-Encoding: strange\r\n", "")), "");
}

OK_TEST(text_stays_where_it_is)
{
	bide_http_response *response =
		GOT("Content-Type: text/html; charset=iso-8859-1\r\n", "J\xf6rg");
	char *text, *again;
	CHECK_INT(bide_http_text(response, &text), 5);
	bide__alloc_arm(1);
	CHECK_INT(bide_http_text(response, &again), 5);
	bide__alloc_disarm();
	CHECK(again == text);
	bide_http_response_close(response);
}

OK_TEST(an_unknown_charset_is_told_and_the_bytes_are_there)
{
	bide_http_response *response = GOT("Content-Type: text/html; charset=utf-7\r\n", "+AOQ-");
	char *text;
	void *data;
	CHECK_INT(bide_http_text(response, &text), -BIDE_EHTTP_CHARSET);
	CHECK_INT(bide_http_bytes(response, &data), 5);
	CHECK_STR((char *)data, "+AOQ-");
	bide_http_response_close(response);
}

/* ---- files -------------------------------------------------------------------------------- */

static const char *path;

/* What a file has, or what it fails with. */
static const char *content(const char *name)
{
	static char text[1000];
	FILE *file = fopen(name, "r");
	if (file == NULL)
		return strerror(errno);
	text[fread(text, 1, sizeof text - 1, file)] = '\0';
	fclose(file);
	return text;
}

static int64_t saved(bide_http_response *response, const bide_http_save_options *save_options)
{
	int64_t n = bide_http_save(response, path, save_options);
	bide_http_response_close(response);
	return n;
}

OK_TEST(a_body_is_saved)
{
	const bide_http_save_options sync = { .sync = true };
	struct stat status;
	path = test_path("saved");
	mode_t mask = umask(027);
	CHECK_INT(saved(GOT("", "hello"), NULL), 5);
	CHECK_STR(content(path), "hello");
	CHECK_INT(stat(path, &status), 0);
	CHECK_INT(status.st_mode & 07777, 0640);
	CHECK_INT(saved(GOT("", "once more"), &sync), 9);
	CHECK_STR(content(path), "once more");
	CHECK_INT(saved(GOT("", ""), NULL), 0);
	CHECK_STR(content(path), "");
	CHECK_INT(test_files(), 1);
	umask(mask);
	CHECK_INT(unlink(path), 0);
}

static bide_http_response *got_cut(void)
{
	static const char cut[] = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
	closes = true;
	bide_http_response *response = answered(cut, sizeof cut - 1);
	closes = false;
	return response;
}

OK_TEST(a_body_that_is_not_whole_is_not_saved)
{
	const bide_http_save_options limit = { .limit = 4 }, enough = { .limit = 5 };
	path = test_path("saved");
	CHECK_INT(saved(got_cut(), NULL), -BIDE_EINCOMPLETE);
	CHECK_STR(content(path), strerror(ENOENT));
	CHECK_INT(saved(GOT("", "12345"), &limit), -BIDE_EHTTP_BODY);
	CHECK_INT(test_files(), 0);
	CHECK_INT(saved(GOT("", "12345"), &enough), 5);
	CHECK_INT(saved(got_cut(), NULL), -BIDE_EINCOMPLETE);
	CHECK_STR(content(path), "12345");
	CHECK_INT(unlink(path), 0);
	CHECK_INT(test_files(), 0);
}

/* ---- what expands ------------------------------------------------------------------------- */

enum { BLOCK = 128 << 10, LIMIT = 8 * BLOCK };

/* A frame of zstd (RFC 8878): @p size bytes as they are, and then blocks of zeros, of four bytes
 * each. */
static size_t pack_blocks(char *at, const char *first, size_t size, int blocks)
{
	static const char magic[] = { '\x28', '\xb5', '\x2f', '\xfd', 0, 7 << 3 };
	char *const start = at;
	memcpy(at, magic, sizeof magic);
	at += sizeof magic;
	if (size > 0) {
		memcpy(at, (char[]){ (char)(size << 3), 0, 0 }, 3);
		memcpy(at + 3, first, size);
		at += 3 + size;
	}
	for (int i = 1; i <= blocks; i++, at += 4) {
		const int header = BLOCK << 3 | 1 << 1 | (i == blocks);
		memcpy(at, (char[]){ (char)header, (char)(header >> 8), (char)(header >> 16), 0 },
		       4);
	}
	return (size_t)(at - start);
}

/* What comes of a body: bytes, or an error. */
static int64_t expanded(const char *fields, const char *packed, size_t size)
{
	char buf[8192];
	int64_t sum = 0;
	ssize_t n = 1;
	bide_http_response *response = got_with(fields, packed, size);
	while (n > 0) {
		n = bide_http_read(response, buf, sizeof buf);
		sum += n > 0 ? n : 0;
	}
	bide_http_response_close(response);
	return n < 0 ? n : sum;
}

/* Whatever little may become the body's limit, in each layer, and not more. */
OK_TEST(little_does_not_expand_without_end)
{
	static const char skipped[8] = { 0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0x7f };
	static const char once[] = "Content-Encoding: zstd\r\n";
	static const char twice[] = "Content-Encoding: zstd, zstd\r\n";
	char packed[4096];
	open_session(&(bide_http_options){ .body_limit = LIMIT });
	size_t size = pack_blocks(packed, NULL, 0, 8);
	CHECK_INT(expanded(once, packed, size), LIMIT);
	size = pack_blocks(packed, NULL, 0, 9);
	CHECK_INT(expanded(once, packed, size), -BIDE_EHTTP_CODING);
	path = test_path("saved");
	CHECK_INT(saved(got_with(once, packed, size), NULL), -BIDE_EHTTP_CODING);
	CHECK_STR(content(path), strerror(ENOENT));
	/* Of which nothing comes, as all is a frame to be skipped. */
	size = pack_blocks(packed, skipped, sizeof skipped, 100);
	CHECK_INT(expanded(twice, packed, size), -BIDE_EHTTP_CODING);
}

/* A frame that is not so much smaller may have any size. */
OK_TEST(much_expands_to_more)
{
	char packed[8000];
	memset(packed, 0, sizeof packed);
	open_session(&(bide_http_options){ .body_limit = 1000 });
	/* Behind it frames of no bytes. */
	size_t size = pack_blocks(packed, NULL, 0, 8);
	char *at = packed + size;
	for (; at + 9 <= packed + sizeof packed; at += 9)
		memcpy(at, (char[]){ '\x28', '\xb5', '\x2f', '\xfd', 0, 7 << 3, 1, 0, 0 }, 9);
	CHECK_INT(expanded("Content-Encoding: zstd\r\n", packed, (size_t)(at - packed)), LIMIT);
}

OK_TEST(what_makes_no_sense_is_not_saved)
{
	const bide_http_save_options negative = { .limit = -1 };
	bide_http_response *response = GOT("", "12345");
	path = test_path("saved");
	CHECK_INT(bide_http_save(response, NULL, NULL), -EINVAL);
	CHECK_INT(bide_http_save(response, path, &negative), -EINVAL);
	CHECK_INT(bide_http_save(response, path, NULL), 5);
	bide_http_response_close(response);
	CHECK_INT(unlink(path), 0);
}

OK_TEST(what_is_no_file_is_not_replaced)
{
	static const char *const names[] = { "/dev/null", "/tmp", "/tmp/", "" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		path = names[i];
		CHECK_INT(saved(GOT("", "hello"), NULL), -EINVAL);
	}
	struct stat status;
	CHECK_INT(stat("/dev/null", &status), 0);
	CHECK(S_ISCHR(status.st_mode));
	path = test_path("nowhere/file");
	CHECK_INT(saved(GOT("", "hello"), NULL), -ENOENT);
}

static void say_slowly(bide_stream *stream)
{
	if (!origin_read_head(stream) || !say(stream, "HTTP/1.1 200 OK\r\n\r\n"))
		return;
	while (say(stream, "some more of it"))
		if (bide_sleep(0.0005) < 0)
			return;
}

OK_TEST(a_save_that_is_cancelled_leaves_nothing)
{
	path = test_path("saved");
	bide_http_response_close(got_cut());
	for (double seconds = 0.0001; seconds < 0.03; seconds *= 1.6) {
		bide_http_response *response = NULL;
		int fired = 0;
		int64_t n = 0;
		origin.serve = say_slowly;
		BIDE_TIMEOUT(seconds, fired) {
			if (bide_http_get(session, url_of("/"), &response) == 0)
				n = bide_http_save(response, path, NULL);
		}
		CHECK_INT(fired, -ETIMEDOUT);
		CHECK(response == NULL || n == -ETIMEDOUT);
		bide_http_response_close(response);
		CHECK_INT(test_files(), 0);
	}
}

OK_TEST(a_body_is_written_to_a_descriptor)
{
	int ends[2];
	char text[20] = "";
	CHECK_INT(pipe(ends), 0);
	bide_http_response *response = GOT("", "hello");
	CHECK_INT(bide_http_save_fd(response, ends[1]), 5);
	bide_http_response_close(response);
	CHECK_INT(read(ends[0], text, sizeof text), 5);
	CHECK_STR(text, "hello");
	CHECK_INT(close(ends[0]), 0);
	response = GOT("", "hello");
	CHECK_INT(bide_http_save_fd(response, ends[1]), -EPIPE);
	bide_http_response_close(response);
	CHECK_INT(close(ends[1]), 0);
	response = GOT("", "hello");
	CHECK_INT(bide_http_save_fd(response, -1), -EBADF);
	bide_http_response_close(response);
	int fd = open(origin_file("file", 3), O_WRONLY | O_APPEND);
	response = GOT("", "hello");
	CHECK_INT(bide_http_save_fd(response, fd), 5);
	bide_http_response_close(response);
	CHECK_INT(lseek(fd, 0, SEEK_END), 8);
	CHECK_INT(close(fd), 0);
}

OK_TEST(each_allocation_may_fail)
{
	unsigned long failures = 1;
	path = test_path("saved");
	for (long k = 1; failures > 0; k++) {
		char *text;
		bide_http_response *response =
			GOT("Content-Type: text/plain; charset=latin1\r\n", "\xe4");
		bide__alloc_arm(k);
		ssize_t n = bide_http_text(response, &text);
		failures = bide__alloc_hook.failures;
		bide__alloc_disarm();
		CHECK(n == 2 || (failures > 0 && n == -ENOMEM));
		bide_http_response_close(response);
	}
	failures = 1;
	for (long k = 1; failures > 0; k++) {
		bide_http_response *response = GOT("", "hello");
		bide__alloc_arm(k);
		int64_t n = bide_http_save(response, path, NULL);
		failures = bide__alloc_hook.failures;
		bide__alloc_disarm();
		CHECK(n == 5 || (failures > 0 && (n == -ENOMEM || n == -EAGAIN)));
		CHECK_STR(content(path), n < 0 ? strerror(ENOENT) : "hello");
		CHECK_INT(test_files(), n == 5);
		bide_http_response_close(response);
		(void)unlink(path);
	}
}

/* ---- the rest of it ----------------------------------------------------------------------- */

static const char whole[] = "0123456789";
static const char *tag = "\"1\""; /* of the content that there is now */
static const char *other_range;   /* what is said in place of what was asked for */

/* A server of one thing that knows ranges. */
static void serve_ranges(bide_stream *stream)
{
	char text[512], have[64] = "";
	while (origin_read_head(stream) && origin_read_body(stream)) {
		const bool last = closes;
		int from = 0;
		const char *range = strstr(origin.head, "\r\nRange: bytes=");
		const char *condition = strstr(origin.head, "\r\nIf-Range: ");
		if (range != NULL)
			from = atoi(range + 15);
		if (condition != NULL)
			(void)sscanf(condition + 12, "%63[^\r]", have);
		if (condition != NULL && strcmp(have, tag) != 0)
			range = NULL;
		if (range != NULL && from >= 10)
			snprintf(text, sizeof text,
			         "HTTP/1.1 416 No\r\nContent-Range: bytes */10\r\n"
			         "Content-Length: 0\r\n\r\n");
		else if (range != NULL)
			snprintf(text, sizeof text,
			         "HTTP/1.1 206 Partial\r\nContent-Range: bytes %d-9/10\r\n"
			         "ETag: %s\r\nContent-Length: %d\r\n\r\n%s",
			         from, tag, 10 - from, whole + from);
		else
			snprintf(text, sizeof text,
			         "HTTP/1.1 200 OK\r\nETag: %s\r\nContent-Length: 10\r\n\r\n%s", tag,
			         whole);
		if (!say(stream, other_range != NULL ? other_range : text))
			return;
		if (last)
			return;
	}
}

/* Goes on with a file that has @p part: what it has then, or the error. */
static const char *resumed(const char *part, const char *validator)
{
	static char text[100];
	bide_http_response *response;
	int fd = open(origin_file("part", 0), O_RDWR);
	EXPECT_INT(write(fd, part, strlen(part)), (ssize_t)strlen(part));
	const bide_http_request request = { .url = url_of("/"),
		                            .range_from = (int64_t)strlen(part),
		                            .if_range = validator };
	origin.serve = serve_ranges;
	CHECK_RET(bide_http_send(session, &request, &response) == 0, "not sent");
	int64_t size = bide_http_resume(response, fd, validator);
	bide_http_response_close(response);
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	EXPECT(size < 0 || size == n);
	EXPECT_INT(close(fd), 0);
	if (size < 0)
		strcat(strcat(text, ": "), bide_strerror((int)size));
	return text;
}

OK_TEST(a_download_goes_on)
{
	tag = "\"1\"";
	other_range = NULL;
	CHECK_STR(resumed("", NULL), whole);
	CHECK(strstr(origin.head, "Range") == NULL);
	CHECK_STR(resumed("01234", tag), whole);
	CHECK(strstr(origin.head, "\r\nRange: bytes=5-\r\nIf-Range: \"1\"\r\n") != NULL);
	CHECK(strstr(origin.head, "\r\nAccept-Encoding: identity\r\n") != NULL);
	CHECK_STR(resumed(whole, tag), whole);
	CHECK_STR(resumed("abcde", "\"0\""), whole);
	CHECK_STR(resumed("abcdefghijklm", "\"0\""), whole);
	CHECK_INT(origin.connections, 1);
}

OK_TEST(what_is_not_the_rest_is_not_added)
{
	tag = "\"1\"";
	static const char *const bad[] = {
		"HTTP/1.1 206 A\r\nContent-Range: bytes 4-9/10\r\nContent-Length: 6\r\n\r\n456789",
		"HTTP/1.1 206 B\r\nContent-Length: 5\r\n\r\n56789",
		"HTTP/1.1 206 C\r\nContent-Range: bytes 5-9/10\r\nETag: \"2\"\r\n"
		"Content-Length: 5\r\n\r\n56789",
		"HTTP/1.1 206 D\r\nContent-Range: bytes 5-6/10\r\nContent-Length: 5\r\n\r\n56789",
		"HTTP/1.1 206 E\r\nContent-Range: bytes 5-9/10\r\nContent-Encoding: gzip\r\n"
		"Content-Length: 5\r\n\r\n56789",
		"HTTP/1.1 404 F\r\nContent-Length: 5\r\n\r\n56789",
		"HTTP/1.1 416 G\r\nContent-Range: bytes */9\r\nContent-Length: 0\r\n\r\n",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		other_range = bad[i];
		CHECK_STR(resumed("01234", tag), "01234: the range is not what was asked for");
	}
	other_range = "HTTP/1.1 206 H\r\nContent-Range: bytes 5-6/10\r\n"
		      "Content-Length: 2\r\n\r\n56";
	CHECK_STR(resumed("01234", tag), "0123456: the stream ended too early");
	closes = true;
	other_range = "HTTP/1.1 206 I\r\nContent-Range: bytes 5-9/10\r\n"
		      "Content-Length: 5\r\n\r\n56";
	CHECK_STR(resumed("01234", tag), "0123456: the stream ended too early");
	closes = false;
	other_range = NULL;
	CHECK_STR(resumed("0123456", tag), whole);
}

/* What is too much comes when other bytes have been written. */
OK_TEST(a_file_is_as_it_was_when_more_comes_than_the_range)
{
	enum { REST = 300000 };
	static char text[REST + 200];
	tag = "\"1\"";
	int n = sprintf(text,
	                "HTTP/1.1 206 A\r\nContent-Range: bytes 5-%d/%d\r\n"
	                "Transfer-Encoding: chunked\r\n\r\n%x\r\n",
	                5 + REST - 1, 5 + REST, REST + 1);
	memset(text + n, 'x', REST + 1);
	strcpy(text + n + REST + 1, "\r\n0\r\n\r\n");
	other_range = text;
	CHECK_STR(resumed("01234", tag), "01234: the range is not what was asked for");
	other_range = NULL;
}

/* By servers that know ranges, and no conditions. */
OK_TEST(what_is_of_another_version_is_not_added)
{
	static const char date[] = "Sun, 06 Nov 1994 08:49:37 GMT";
	other_range = "HTTP/1.1 206 A\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n"
		      "Last-Modified: Sun, 06 Nov 1994 08:49:38 GMT\r\n\r\n56789";
	CHECK_STR(resumed("01234", date), "01234: the range is not what was asked for");
	other_range = "HTTP/1.1 206 B\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n"
		      "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n56789";
	CHECK_STR(resumed("01234", date), whole);
	CHECK_STR(resumed("01234", NULL), whole);
	other_range = "HTTP/1.1 416 C\r\nContent-Range: bytes */10\r\nContent-Length: 0\r\n"
		      "ETag: \"2\"\r\n\r\n";
	CHECK_STR(resumed(whole, "\"1\""), "0123456789: the range is not what was asked for");
	CHECK_STR(resumed(whole, "\"2\""), whole);
	other_range = NULL;
}

OK_TEST(a_range_is_asked_for)
{
	const struct {
		int64_t from, size;
		const char *field;
	} good[] = { { 5, 0, "\r\nRange: bytes=5-\r\n" },
		     { 0, 1, "\r\nRange: bytes=0-0\r\n" },
		     { 0, 5, "\r\nRange: bytes=0-4\r\n" },
		     { 5, 1, "\r\nRange: bytes=5-5\r\n" },
		     { 5, INT64_MAX - 5, "\r\nRange: bytes=5-9223372036854775806\r\n" },
		     { -3, 0, "\r\nRange: bytes=-3\r\n" } };
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		const bide_http_request request = { .url = url_of("/"),
			                            .range_from = good[i].from,
			                            .range_size = good[i].size };
		CHECK_INT(status_of(&request), 200);
		CHECK(strstr(origin.head, good[i].field) != NULL);
	}
	const bide_http_request bad[] = {
		{ .url = url_of("/"), .range_from = 5, .range_size = -1 },
		{ .url = url_of("/"), .range_from = 5, .range_size = INT64_MAX - 4 },
		{ .url = url_of("/"), .range_from = -5, .range_size = 4 },
		{ .url = url_of("/"), .range_from = 5, .if_range = "\"x\"\r\nY: z" },
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_INT(status_of(&bad[i]), -EINVAL);
}

static int fields_sent(const char *name)
{
	int n = 0;
	for (const char *at = origin.head; (at = strcasestr(at, name)) != NULL; at++)
		n++;
	return n;
}

OK_TEST(a_header_of_ones_own_is_in_place_of_another)
{
	static const char *const headers[] = { "range: bytes=0-1", "EXPECT: 100-continue",
		                               "content-type: a/b", NULL };
	const bide_http_request request = { .url = url_of("/"),
		                            .headers = headers,
		                            .range_from = 5,
		                            .if_range = "\"x\"",
		                            .json = "1",
		                            .expect_continue = true };
	open_session(&(bide_http_options){ .timeout_continue = 0.01 });
	CHECK_INT(status_of(&request), 200);
	CHECK_INT(fields_sent("\r\nRange: "), 1);
	CHECK_INT(fields_sent("\r\nIf-Range: "), 0);
	CHECK_INT(fields_sent("\r\nExpect: "), 1);
	CHECK_INT(fields_sent("\r\nContent-Type: "), 1);
}
