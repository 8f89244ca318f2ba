// SPDX-License-Identifier: MIT
/* Bodies of requests, from whatever they come: what exactly arrives, and what becomes of those that
 * are not as was said. */
#include "http/origin.h"
#include "http/source.h"
#include "io/transport_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGE = 3000000 };

static bool head_has(const char *text)
{
	return strstr(origin.head, text) != NULL;
}

static unsigned long sum_of_file(const char *path, long offset, size_t size)
{
	FILE *file = fopen(path, "r");
	char *bytes = malloc(size + 1);
	EXPECT_INT(fseek(file, offset, SEEK_SET), 0);
	EXPECT_UINT(fread(bytes, 1, size, file), size);
	unsigned long sum = origin_sum(0, bytes, size);
	free(bytes);
	fclose(file);
	return sum;
}

/* ---- memory ------------------------------------------------------------------------------- */

OK_TEST(json_is_sent_as_it_is)
{
	bide_http_response *response;
	CHECK_INT(bide_http_post_json(session, url_of("/"), "{\"a\": 1}", &response), 0);
	bide_http_response_close(response);
	CHECK(strncmp(origin.head, "POST / HTTP/1.1\r\n", 17) == 0);
	CHECK(head_has("\r\nContent-Type: application/json\r\nContent-Length: 8\r\n"));
	CHECK_STR(origin.body, "{\"a\": 1}");
	const bide_http_request other = {
		.url = url_of("/"), .json = "[]", .type = "application/ld+json", .method = "PUT"
	};
	CHECK_INT(status_of(&other), 200);
	CHECK(head_has("\r\nContent-Type: application/ld+json\r\n"));
}

OK_TEST(there_is_a_call_for_each_method)
{
	bide_http_response *response;
	CHECK_INT(bide_http_put(session, url_of("/a"), "text/plain", "abc", 3, &response), 0);
	bide_http_response_close(response);
	CHECK(strncmp(origin.head, "PUT /a ", 7) == 0);
	CHECK_STR(origin.body, "abc");
	CHECK_INT(bide_http_patch(session, url_of("/a"), "text/plain", "d", 1, &response), 0);
	bide_http_response_close(response);
	CHECK(strncmp(origin.head, "PATCH /a ", 9) == 0);
	CHECK_INT(bide_http_delete(session, url_of("/a"), &response), 0);
	bide_http_response_close(response);
	CHECK(strncmp(origin.head, "DELETE /a ", 10) == 0);
	CHECK(!head_has("Content-"));
}

OK_TEST(a_large_body_arrives_whole)
{
	char *body = malloc(LARGE);
	for (size_t i = 0; i < LARGE; i++)
		body[i] = (char)(i * 7 + i / 1000);
	const bide_http_request request = { .url = url_of("/"), .body = body, .body_size = LARGE };
	for (int i = 0; i < 3; i++) {
		CHECK_INT(status_of(&request), 200);
		CHECK_UINT(origin.size, LARGE);
		CHECK_UINT(origin.sum, origin_sum(0, body, LARGE));
	}
	CHECK_INT(origin.connections, 1);
	free(body);
}

OK_TEST(a_request_has_one_body)
{
	static const char *const form[] = { "a", "b", NULL };
	const bide_http_request requests[] = {
		{ .url = url_of("/"), .body = "x", .body_size = 1, .json = "{}" },
		{ .url = url_of("/"), .form = form, .json = "{}" },
		{ .url = url_of("/"), .form = form, .source = bide_http_from_fd(0, 0, 1) },
		{ .url = url_of("/"), .source = bide_http_from_fd(0, 0, -2) },
		{ .url = url_of("/"), .body_size = 1 },
		{ .url = url_of("/"), .source = bide_http_from_file(NULL) },
		{ .url = url_of("/"), .source = bide_http_from_stream(NULL, 1) },
		{ .url = url_of("/"), .source = bide_http_from_call(NULL, NULL, 1) },
		{ .url = url_of("/"), .source = bide_http_from_parts(NULL) },
	};
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
		CHECK_INT(status_of(&requests[i]), -EINVAL);
	const bide_http_request two_fields = { .url = url_of("/"),
		                               .json = "{}",
		                               .type = "text/plain\r\nX: y" };
	CHECK_INT(status_of(&two_fields), -EINVAL);
	CHECK_INT(origin.requests, 0);
}

/* ---- files -------------------------------------------------------------------------------- */

OK_TEST(a_file_is_sent)
{
	const char *path = origin_file("file", LARGE);
	const bide_http_request request = { .url = url_of("/"),
		                            .method = "PUT",
		                            .source = bide_http_from_file(path) };
	CHECK_INT(status_of(&request), 200);
	CHECK(strncmp(origin.head, "PUT / HTTP/1.1\r\n", 16) == 0);
	CHECK(head_has(
		"\r\nContent-Type: application/octet-stream\r\nContent-Length: 3000000\r\n"));
	CHECK_UINT(origin.size, LARGE);
	CHECK_UINT(origin.sum, sum_of_file(path, 0, LARGE));
	const bide_http_request empty = { .url = url_of("/"),
		                          .source = bide_http_from_file(origin_file("empty", 0)) };
	CHECK_INT(status_of(&empty), 200);
	CHECK(strncmp(origin.head, "POST ", 5) == 0);
	CHECK(head_has("\r\nContent-Length: 0\r\n"));
}

/* One that the system makes up has no size. */
OK_TEST(a_file_without_a_size_is_empty_and_a_stream_of_it_is_not)
{
	static const char *const path = "/proc/sys/kernel/ostype";
	bide_stream *stream;
	const bide_http_request file = { .url = url_of("/"), .source = bide_http_from_file(path) };
	CHECK_INT(status_of(&file), 200);
	CHECK(head_has("\r\nContent-Length: 0\r\n"));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_INT(bide_stream_open(fd, -1, &stream), 0);
	const bide_http_request all = { .url = url_of("/"),
		                        .source =
		                                bide_http_from_stream(stream, BIDE_HTTP_UNKNOWN) };
	CHECK_INT(status_of(&all), 200);
	CHECK_UINT(origin.size, 6);
	CHECK_UINT(origin.sum, origin_sum(0, "Linux\n", 6));
	CHECK_INT(bide_stream_close(stream), 0);
}

OK_TEST(a_piece_of_a_file_is_sent)
{
	const char *path = origin_file("file", 100000);
	int fd = open(path, O_RDONLY);
	CHECK_INT(lseek(fd, 5, SEEK_SET), 5);
	const bide_http_request middle = { .url = url_of("/"),
		                           .source = bide_http_from_fd(fd, 1000, 70000) };
	CHECK_INT(status_of(&middle), 200);
	CHECK_UINT(origin.size, 70000);
	CHECK_UINT(origin.sum, sum_of_file(path, 1000, 70000));
	const bide_http_request rest = { .url = url_of("/"),
		                         .source =
		                                 bide_http_from_fd(fd, 99990, BIDE_HTTP_UNKNOWN) };
	CHECK_INT(status_of(&rest), 200);
	CHECK_UINT(origin.size, 10);
	CHECK_INT(lseek(fd, 0, SEEK_CUR), 5);
	const bide_http_request too_much = { .url = url_of("/"),
		                             .source = bide_http_from_fd(fd, 99990, 11) };
	CHECK_INT(status_of(&too_much), -BIDE_EHTTP_LENGTH);
	CHECK_INT(origin.requests, 2);
	CHECK_INT(close(fd), 0);
}

OK_TEST(what_is_no_file_on_disk_is_refused)
{
	const char *fifo = test_path("fifo");
	CHECK(mkfifo(fifo, 0600) == 0 || errno == EEXIST);
	const struct {
		const char *path;
		int error;
	} cases[] = { { "/nowhere/at/all", -ENOENT },
		      { "/tmp", -EISDIR },
		      { fifo, -EINVAL },
		      { "/dev/null", -EINVAL } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const bide_http_request request = { .url = url_of("/"),
			                            .source = bide_http_from_file(cases[i].path) };
		CHECK_INT(status_of(&request), cases[i].error);
	}
	CHECK_INT(origin.connections, 0);
}

static const char *shrinking;

static void shrink(bide_stream *stream)
{
	if (!origin_read_head(stream))
		return;
	EXPECT_INT(truncate(shrinking, 1000), 0);
	EXPECT(!origin_read_body(stream));
}

OK_TEST(a_file_that_shrinks_is_noticed)
{
	enum { HUGE = 24 << 20 }; /* more than finds room on the way */
	shrinking = origin_file("shrinking", 0);
	CHECK_INT(truncate(shrinking, HUGE), 0);
	origin.serve = shrink;
	const bide_http_request request = { .url = url_of("/"),
		                            .source = bide_http_from_file(shrinking) };
	CHECK_INT(status_of(&request), -BIDE_EHTTP_LENGTH);
	origin.serve = NULL;
	const bide_http_request next = { .url = url_of("/") };
	CHECK_INT(status_of(&next), 200);
	CHECK_INT(origin.connections, 2);
}

/* ---- streams ------------------------------------------------------------------------------ */

static BIDE_ASYNC(int, feed, bide_stream *, const char *);
static int feed(bide_stream *stream, const char *text)
{
	for (; *text != '\0'; text++) {
		ssize_t n = bide_stream_write(stream, text, 1);
		if (n < 0)
			return (int)n;
		(void)bide_yield();
	}
	return bide_stream_close(stream);
}

static int send_stream(const char *text, int64_t size, char *rest)
{
	bide_stream *pair[2];
	EXPECT_INT(bide_stream_pair(0, pair), 0);
	bide_task *feeder = bide_spawn(feed, pair[1], text);
	const bide_http_request request = { .url = url_of("/"),
		                            .source = bide_http_from_stream(pair[0], size) };
	int rc = status_of(&request);
	ssize_t n = rest != NULL ? bide_stream_read_exactly(pair[0], rest, 100) : 0;
	if (rest != NULL)
		rest[n > 0 ? n : 0] = '\0';
	EXPECT_INT(bide_join(feeder), 0);
	bide_stream_close(pair[0]);
	return rc;
}

OK_TEST(a_stream_is_sent_in_chunks)
{
	CHECK_INT(send_stream("some words", BIDE_HTTP_UNKNOWN, NULL), 200);
	CHECK(origin.chunked);
	CHECK(!head_has("Content-Length"));
	CHECK_STR(origin.body, "some words");
	CHECK_INT(send_stream("", BIDE_HTTP_UNKNOWN, NULL), 200);
	CHECK(origin.chunked);
	CHECK_UINT(origin.size, 0);
	CHECK_INT(origin.connections, 1);
}

OK_TEST(so_much_of_a_stream_is_sent_as_was_said)
{
	char rest[101];
	CHECK_INT(send_stream("some words", 4, rest), 200);
	CHECK(head_has("\r\nContent-Length: 4\r\n"));
	CHECK_STR(origin.body, "some");
	CHECK_STR(rest, " words");
	CHECK_INT(send_stream("some words", 11, NULL), -BIDE_EHTTP_LENGTH);
	CHECK_INT(send_stream("ok", 2, NULL), 200);
	CHECK_INT(origin.connections, 2);
}

/* ---- functions ---------------------------------------------------------------------------- */

struct giving {
	int times; /* 1000 bytes each */
	int error; /* in the end */
	int calls;
};

static ssize_t give(void *arg, void *buf, size_t size)
{
	struct giving *giving = arg;
	giving->calls++;
	int rc = bide_sleep(0.0001);
	if (rc < 0 || giving->times == 0)
		return rc < 0 ? rc : giving->error;
	giving->times--;
	const size_t n = size < 1000 ? size : 1000;
	memset(buf, 'x', n);
	return (ssize_t)n;
}

/* The function runs in the task that makes the request, so its memory may lie on that one's
 * stack. */
static int send_call(int times, int error, int64_t size)
{
	struct giving giving = { times, error, 0 };
	const bide_http_request request = { .url = url_of("/"),
		                            .source = bide_http_from_call(give, &giving, size) };
	return status_of(&request);
}

OK_TEST(a_function_gives_a_body)
{
	CHECK_INT(send_call(5, 0, BIDE_HTTP_UNKNOWN), 200);
	CHECK(origin.chunked);
	CHECK_UINT(origin.size, 5000);
	CHECK_INT(send_call(5, 0, 5000), 200);
	CHECK(head_has("\r\nContent-Length: 5000\r\n"));
	CHECK_UINT(origin.size, 5000);
	CHECK_INT(send_call(0, 0, 0), 200);
	CHECK(head_has("\r\nContent-Length: 0\r\n"));
	CHECK_INT(origin.connections, 1);
}

OK_TEST(a_function_gives_as_much_as_was_said)
{
	CHECK_INT(send_call(5, 0, 5001), -BIDE_EHTTP_LENGTH);
	CHECK(origin.size <= 5000);
	CHECK_INT(send_call(6, 0, 4500), -BIDE_EHTTP_LENGTH);
	CHECK(origin.size <= 4000);
	CHECK_INT(send_call(1, 0, 0), -BIDE_EHTTP_LENGTH);
	CHECK_INT(send_call(5, 0, 5000), 200);
}

static void refuse(bide_stream *stream)
{
	if (origin_read_head(stream))
		(void)say(stream, "HTTP/1.1 401 Who\r\nContent-Length: 0\r\n\r\n");
	origin_answer_each(stream);
}

/* Nobody waits for a stream before the server may answer. */
OK_TEST(a_head_is_sent_before_its_stream_has_anything)
{
	bide_stream *pair[2];
	origin.serve = refuse;
	CHECK_INT(bide_stream_pair(0, pair), 0);
	const bide_http_request request = { .url = url_of("/"),
		                            .source = bide_http_from_stream(pair[0], 10) };
	CHECK_INT(status_of(&request), 401);
	CHECK_INT(bide_stream_close(pair[1]), 0);
	CHECK_INT(bide_stream_close(pair[0]), 0);
}

static ssize_t give_too_much(void *arg, void *buf, size_t size)
{
	(void)arg;
	memset(buf, 'x', size);
	return (ssize_t)size + 1;
}

static BIDE_ASYNC(void, send_too_much, void);
static void send_too_much(void)
{
	origin_start_ok();
	const bide_http_request request = { .url = url_of("/"),
		                            .source = bide_http_from_call(give_too_much, NULL,
		                                                          BIDE_HTTP_UNKNOWN) };
	(void)status_of(&request);
}

TEST_ABORTS(a_function_gives_no_more_than_there_is_room, "65537 bytes were given for 65536")
{
	bide_run(send_too_much);
}

OK_TEST(a_function_that_fails_ends_the_request)
{
	CHECK_INT(send_call(5, -EUCLEAN, BIDE_HTTP_UNKNOWN), -EUCLEAN);
	CHECK_INT(send_call(5, -EPIPE, BIDE_HTTP_UNKNOWN), -EPIPE);
	CHECK_INT(send_call(5, -ECONNRESET, 5000), -ECONNRESET);
	CHECK_INT(send_call(5, 0, BIDE_HTTP_UNKNOWN), 200);
}

/* ---- multipart/form-data ------------------------------------------------------------------ */

/* The body with its boundary replaced by B, or what is wrong. */
static const char *parts_sent(const bide_http_part *parts)
{
	static char text[8192];
	char boundary[80], *at = text;
	const bide_http_request request = { .url = url_of("/"),
		                            .source = bide_http_from_parts(parts) };
	int rc = status_of(&request);
	if (rc < 0)
		return bide_strerror(rc);
	const char *field =
		strstr(origin.head, "\r\nContent-Type: multipart/form-data; boundary=----bide");
	CHECK_RET(field != NULL && sscanf(strchr(field, '='), "=%79s", boundary) == 1, "no field");
	CHECK_RET(strlen(boundary) == 40, "no boundary");
	for (const char *from = origin.body; *from != '\0';) {
		const bool is_boundary = strncmp(from, boundary, strlen(boundary)) == 0;
		*at++ = is_boundary ? 'B' : *from;
		from += is_boundary ? strlen(boundary) : 1;
	}
	*at = '\0';
	return text;
}

OK_TEST(parts_are_sent_as_by_a_form)
{
	const char *path = test_file("some.txt", "in the file");
	const bide_http_part parts[] = {
		{ .name = "a", .text = "1" },
		{ .name = "b", .data = "2\r\n2", .size = 4, .type = "text/plain" },
		{ .name = "f", .source = bide_http_from_file(path) },
		{ .name = "g", .text = "<x>", .filename = "x.html", .type = "text/html" },
		{ .name = "h", .source = bide_http_from_file(path), .filename = "" },
		{ .name = "i" },
		{ .name = NULL },
	};
	CHECK_STR(parts_sent(parts),
	          "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"
	          "--B\r\nContent-Disposition: form-data; name=\"b\"\r\n"
	          "Content-Type: text/plain\r\n\r\n2\r\n2\r\n"
	          "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"some.txt\"\r\n"
	          "Content-Type: application/octet-stream\r\n\r\nin the file\r\n"
	          "--B\r\nContent-Disposition: form-data; name=\"g\"; filename=\"x.html\"\r\n"
	          "Content-Type: text/html\r\n\r\n<x>\r\n"
	          "--B\r\nContent-Disposition: form-data; name=\"h\"\r\n\r\nin the file\r\n"
	          "--B\r\nContent-Disposition: form-data; name=\"i\"\r\n\r\n\r\n"
	          "--B--\r\n");
	CHECK(!origin.chunked);
	CHECK(strncmp(origin.head, "POST ", 5) == 0);
	const bide_http_part none = { .name = NULL };
	CHECK_STR(parts_sent(&none), "--B--\r\n");
}

static int writes;
static size_t written;

static ssize_t count_write(void *object, const struct iovec *buffers, int n)
{
	size_t size = 0;
	(void)object;
	for (int i = 0; i < n; i++)
		size += buffers[i].iov_len;
	writes++;
	written += size;
	return (ssize_t)size;
}

static const bide_transport counting = {
	.name = "counting", .write = count_write, .interrupt = no_interrupt, .close = no_close
};

OK_TEST(small_parts_go_out_together)
{
	bide_stream *stream;
	struct bide__http_body body;
	const char *path = origin_file("part", 100);
	const bide_http_part parts[] = {
		{ .name = "a", .text = "1" },
		{ .name = "b", .text = "2" },
		{ .name = "f", .source = bide_http_from_file(path) },
		{ .name = NULL },
	};
	const bide_http_request request = { .source = bide_http_from_parts(parts) };
	CHECK_INT(bide_stream_new(&counting, &writes, &stream), 0);
	CHECK_INT(bide__http_body_open(&request, &body), 0);
	writes = 0;
	written = 0;
	CHECK_INT(bide__http_body_send(&body, stream, (bide_bytes){ "head", 4 }), 0);
	CHECK_INT(writes, 1);
	CHECK_UINT(written, (size_t)body.size + 4);
	bide__http_body_close(&body);
	CHECK_INT(bide_stream_close(stream), 0);
}

OK_TEST(parts_of_unknown_length_are_sent_in_chunks)
{
	struct giving giving = { 2, 0, 0 };
	const bide_http_part parts[] = {
		{ .name = "a", .source = bide_http_from_call(give, &giving, BIDE_HTTP_UNKNOWN) },
		{ .name = "b", .text = "last" },
		{ .name = NULL },
	};
	const char *text = parts_sent(parts);
	CHECK(origin.chunked);
	CHECK(strstr(text, "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nxxx") == text);
	CHECK(strstr(text,
	             "xxx\r\n--B\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\nlast\r\n"
	             "--B--\r\n") != NULL);
}

OK_TEST(names_of_parts_are_escaped)
{
	const bide_http_part parts[] = {
		{ .name = "a\"b\r\nc\nd\re\\", .text = "", .filename = "f\"g\r\nh\ni\rj\\" },
		{ .name = "", .text = "" },
		{ .name = "\xc3\xa4", .text = "" },
		{ .name = NULL },
	};
	CHECK_STR(parts_sent(parts),
	          "--B\r\nContent-Disposition: form-data; name=\"a%22b%0D%0Ac%0D%0Ad%0D%0Ae\\\"; "
	          "filename=\"f%22g%0D%0Ah%0Ai%0Dj\\\"\r\n"
	          "Content-Type: application/octet-stream\r\n\r\n\r\n"
	          "--B\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n\r\n"
	          "--B\r\nContent-Disposition: form-data; name=\"\xc3\xa4\"\r\n\r\n\r\n--B--\r\n");
}

OK_TEST(parts_that_make_no_sense_are_refused)
{
	const bide_http_part none = { .name = NULL };
	const bide_http_part bad[][2] = {
		{ { .name = "a", .text = "", .type = "a/b\r\nX: y" }, none },
		{ { .name = "a", .text = "x", .data = "x", .size = 1 }, none },
		{ { .name = "a", .size = 1 }, none },
		{ { .name = "a", .text = "x", .source = bide_http_from_fd(0, 0, 1) }, none },
		{ { .name = "a", .source = bide_http_from_parts(&none) }, none },
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_STR(parts_sent(bad[i]), strerror(EINVAL));
	const bide_http_part lost[] = {
		{ .name = "a", .source = bide_http_from_file("/nowhere") },
		none,
	};
	CHECK_STR(parts_sent(lost), strerror(ENOENT));
	const bide_http_request typed = { .url = url_of("/"),
		                          .source = bide_http_from_parts(&none),
		                          .type = "multipart/mixed" };
	CHECK_INT(status_of(&typed), -EINVAL);
	CHECK_INT(origin.connections, 0);
}

OK_TEST(no_two_boundaries_are_alike)
{
	const bide_http_part none = { .name = NULL };
	char first[ORIGIN_HEAD];
	CHECK_STR(parts_sent(&none), "--B--\r\n");
	strcpy(first, origin.body);
	CHECK_STR(parts_sent(&none), "--B--\r\n");
	CHECK(strcmp(first, origin.body) != 0);
}
