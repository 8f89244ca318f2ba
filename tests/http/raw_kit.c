// SPDX-License-Identifier: MIT
/* See raw_kit.h. */
#include "http/raw_kit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

struct raw raw;
bide_http_session *raw_session;
bide_http_options raw_options;
raw_handler *raw_handle;

static bide_server *server;
static char port[16];

/* ---- reading ------------------------------------------------------------------------------ */

static bool is_head(ssize_t n)
{
	return n > 0 && n < RAW_HEAD_MAX;
}

bool raw_read_head(bide_stream *stream)
{
	static const bide_bytes end = { "\r\n\r\n", 4 };
	const void *head;
	ssize_t n = bide_stream_read_until(stream, &end, 1, &head);
	if (!is_head(n))
		return false;
	memcpy(raw.head, head, (size_t)n);
	raw.head[n] = '\0';
	raw.chunked = strcasestr(raw.head, "\r\ntransfer-encoding: chunked\r\n") != NULL;
	raw.size = 0;
	raw.sum = 0;
	raw.body[0] = '\0';
	raw.requests++;
	return true;
}

unsigned long raw_sum(unsigned long sum, const void *data, size_t size)
{
	const unsigned char *at = data;
	for (size_t i = 0; i < size; i++)
		sum = sum * 31 + at[i];
	return sum;
}

static void keep(const void *data, size_t size)
{
	const size_t room = raw.size < RAW_BODY_MAX ? RAW_BODY_MAX - raw.size : 0;
	const size_t kept = size < room ? size : room;
	if (kept > 0) {
		memcpy(raw.body + raw.size, data, kept);
		raw.body[raw.size + kept] = '\0';
	}
	raw.size += size;
	raw.sum = raw_sum(raw.sum, data, size);
}

static bool read_bytes(bide_stream *stream, size_t size)
{
	const void *data;
	while (size > 0) {
		ssize_t n = bide_stream_peek(stream, 1, &data);
		if (n <= 0)
			return false;
		const size_t taken = (size_t)n < size ? (size_t)n : size;
		keep(data, taken);
		bide_stream_consume(stream, taken);
		size -= taken;
	}
	return true;
}

static bool read_chunks(bide_stream *stream)
{
	char *line, *end;
	for (;;) {
		if (bide_stream_readline(stream, &line) <= 0)
			return false;
		const size_t size = strtoul(line, &end, 16);
		if (end == line || *end != '\0' || !read_bytes(stream, size))
			return false;
		if (bide_stream_readline(stream, &line) <= 0 || *line != '\0')
			return false;
		if (size == 0)
			return true;
	}
}

bool raw_read_body(bide_stream *stream)
{
	const char *field = strcasestr(raw.head, "\r\ncontent-length: ");
	if (raw.chunked)
		return field == NULL && read_chunks(stream);
	return read_bytes(stream, field != NULL ? strtoul(field + 18, NULL, 10) : 0);
}

bool raw_say(bide_stream *stream, const char *text)
{
	const ssize_t size = (ssize_t)strlen(text);
	return bide_stream_write(stream, text, (size_t)size) == size;
}

void raw_serve(bide_stream *stream)
{
	bool goes_on = true;
	while (goes_on && raw_read_head(stream) && raw_read_body(stream))
		goes_on = raw_say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

/* ---- the server --------------------------------------------------------------------------- */

static BIDE_ASYNC(void, handle, bide_stream *);
static void handle(bide_stream *stream)
{
	raw.connections++;
	raw_handle(stream);
}

void raw_start(void)
{
	bide_address address;
	char text[BIDE_ADDRESS_MAX];
	memset(&raw, 0, sizeof raw);
	raw_handle = raw_serve;
	EXPECT_INT(bide_start_server("127.0.0.1", "0", NULL, &server, handle), 0);
	EXPECT_INT(bide_server_address(server, 0, &address), 0);
	strcpy(port, strrchr(bide_address_format(&address, text), ':') + 1);
	EXPECT_INT(bide_http_session_open(&raw_options, &raw_session), 0);
}

void raw_stop(void)
{
	bide_http_session_close(raw_session);
	bide_server_close(server);
}

const char *raw_url(const char *path)
{
	static char url[256];
	snprintf(url, sizeof url, "http://127.0.0.1:%s%s", port, path);
	return url;
}

int raw_send(const bide_http_request *request)
{
	bide_http_response *response;
	char buf[4096];
	int rc = bide_http_send(raw_session, request, &response);
	if (rc < 0)
		return rc;
	const int status = bide_http_status(response);
	ssize_t n = 1;
	while (n > 0)
		n = bide_http_read(response, buf, sizeof buf);
	bide_http_response_close(response);
	return n < 0 ? (int)n : status;
}

/* ---- files -------------------------------------------------------------------------------- */

static char directory[64];
static pid_t owner;

static void remove_directory(void)
{
	char command[100];
	snprintf(command, sizeof command, "rm -rf %s", directory);
	if (getpid() == owner && system(command) != 0)
		fprintf(stderr, "%s is left\n", directory);
}

const char *raw_directory(void)
{
	if (directory[0] != '\0' && owner == getpid())
		return directory;
	strcpy(directory, "/tmp/bide-http-XXXXXX");
	if (mkdtemp(directory) == NULL || atexit(remove_directory) != 0)
		FAIL("no directory: %s", strerror(errno));
	owner = getpid();
	return directory;
}

const char *raw_file(const char *name, size_t size)
{
	static char path[128];
	snprintf(path, sizeof path, "%s/%s", raw_directory(), name);
	FILE *file = fopen(path, "w");
	CHECK_RET(file != NULL, path);
	unsigned long state = 1;
	for (size_t i = 0; i < size; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		(void)fputc((int)(state >> 56), file);
	}
	EXPECT_INT(fclose(file), 0);
	return path;
}
