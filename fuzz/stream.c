// SPDX-License-Identifier: MIT
/* stream.c: a stream in memory, read in every manner, against a model of it. The input says
 * what is written, in which pieces, and how it is read; the clock is virtual, so that a read that
 * has to wait is known to by its time-out. */
#include <bide.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CAPACITY = 4096, SEPARATORS = 4, LONGEST = 4 };

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define HOLDS(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
			abort(); \
		} \
	} while (0)

/* ---- the input ---------------------------------------------------------------------------- */

static struct {
	const unsigned char *at, *end;
} input;

static unsigned next(void)
{
	return input.at < input.end ? *input.at++ : 0;
}

static const unsigned char *next_bytes(size_t *size)
{
	const unsigned char *bytes = input.at;
	const size_t left = (size_t)(input.end - input.at);
	*size = *size < left ? *size : left;
	input.at += *size;
	return bytes;
}

/* ---- the model ---------------------------------------------------------------------------- */

static struct {
	bide_stream *near, *far;
	unsigned char bytes[CAPACITY]; /* written and not read */
	size_t size;
	size_t limit;
	bool ended; /* no more will be written */
	bide_bytes separators[SEPARATORS];
	int n;
} now;

static void take(const void *bytes, size_t size)
{
	HOLDS(size <= now.size);
	HOLDS(memcmp(bytes, now.bytes, size) == 0);
	memmove(now.bytes, now.bytes + size, now.size - size);
	now.size -= size;
}

/* What a read of something whole gives when it is not there. */
static ssize_t model_lack(ssize_t at_end)
{
	if (now.size >= now.limit)
		return -BIDE_ELIMIT;
	return now.ended ? at_end : -ETIMEDOUT;
}

static size_t model_until(const bide_bytes *separators, int n)
{
	const size_t most = now.size < now.limit ? now.size : now.limit;
	for (size_t end = 1; end <= most; end++)
		for (int i = 0; i < n; i++)
			if (end >= separators[i].size &&
			    memcmp(now.bytes + end - separators[i].size, separators[i].data,
			           separators[i].size) == 0)
				return end;
	return 0;
}

/* ---- what is done ------------------------------------------------------------------------- */

static void write_some(void)
{
	size_t size = next();
	if (size > CAPACITY - now.size)
		size = CAPACITY - now.size;
	const unsigned char *bytes = next_bytes(&size);
	if (now.ended) {
		HOLDS(bide_stream_write(now.far, bytes, size) == -EPIPE);
		return;
	}
	HOLDS(bide_stream_write(now.far, bytes, size) == (ssize_t)size);
	HOLDS(bide_stream_flush(now.far) == 0);
	memcpy(now.bytes + now.size, bytes, size);
	now.size += size;
}

static void end_writing(void)
{
	HOLDS(bide_stream_shutdown(now.far) == 0);
	now.ended = true;
}

static void read_some(void)
{
	unsigned char buf[2048];
	const size_t most = 1 + next() * 8;
	ssize_t n = bide_stream_read(now.near, buf, most);
	if (now.size == 0) {
		HOLDS(n == (now.ended ? 0 : -ETIMEDOUT));
		return;
	}
	HOLDS(n > 0 && (size_t)n <= most);
	take(buf, (size_t)n);
}

static void read_exactly(void)
{
	unsigned char buf[2048];
	const size_t size = next() * 8;
	ssize_t n = bide_stream_read_exactly(now.near, buf, size);
	if (size > 0 && now.size == 0) {
		HOLDS(n == (now.ended ? 0 : -ETIMEDOUT));
		return;
	}
	HOLDS(n == (ssize_t)(size < now.size ? size : now.size));
	take(buf, (size_t)n);
}

static void read_line(void)
{
	static const bide_bytes newline = { "\n", 1 };
	char *line;
	size_t expected = model_until(&newline, 1);
	ssize_t n = bide_stream_readline(now.near, &line);
	if (expected == 0 && now.ended && now.size < now.limit)
		expected = now.size;
	if (expected == 0) {
		HOLDS(n == model_lack(0));
		return;
	}
	size_t length = expected;
	if (now.bytes[expected - 1] == '\n')
		length -= expected > 1 && now.bytes[expected - 2] == '\r' ? 2 : 1;
	HOLDS(n == (ssize_t)expected);
	HOLDS(line[length] == '\0');
	HOLDS(memcmp(line, now.bytes, length) == 0);
	take(now.bytes, expected);
}

static void read_until(void)
{
	const void *bytes;
	const size_t expected = model_until(now.separators, now.n);
	ssize_t n = bide_stream_read_until(now.near, now.separators, now.n, &bytes);
	if (expected == 0) {
		HOLDS(n == model_lack(now.size > 0 ? -BIDE_EINCOMPLETE : 0));
		return;
	}
	HOLDS(n == (ssize_t)expected);
	take(bytes, expected);
}

static void look_and_take(void)
{
	const void *bytes;
	const size_t least = next() * 8;
	ssize_t n = bide_stream_peek(now.near, least, &bytes);
	if (least > now.limit) {
		HOLDS(n == -BIDE_ELIMIT);
		return;
	}
	if (now.size < least && !now.ended) {
		HOLDS(n == -ETIMEDOUT);
		return;
	}
	HOLDS(n >= (ssize_t)(least < now.size ? least : now.size));
	HOLDS((size_t)n <= now.size && memcmp(bytes, now.bytes, (size_t)n) == 0);
	const size_t size = n > 0 ? next() % ((size_t)n + 1) : 0;
	bide_stream_consume(now.near, size);
	take(now.bytes, size);
}

static void set_limit(void)
{
	now.limit = 1 + next() * 8;
	HOLDS(bide_stream_set_limit(now.near, now.limit) == 0);
}

static void set_write_buffer(void)
{
	HOLDS(bide_stream_set_write_buffer(now.far, next() * 4) == (now.ended ? -EPIPE : 0));
}

static void choose_separators(void)
{
	now.n = 1 + (int)(next() % SEPARATORS);
	for (int i = 0; i < now.n; i++) {
		size_t size = 1 + next() % LONGEST;
		const unsigned char *bytes = next_bytes(&size);
		now.separators[i] =
			size > 0 ? (bide_bytes){ bytes, size } : (bide_bytes){ "\n", 1 };
	}
}

static void do_next(void)
{
	static void (*const doings[])(void) = { write_some,        write_some, read_some,
		                                read_until,        read_line,  read_exactly,
		                                look_and_take,     set_limit,  set_write_buffer,
		                                choose_separators, end_writing };
	const unsigned which = next() % (sizeof doings / sizeof doings[0]);
	int rc;
	BIDE_TIMEOUT(1, rc) {
		doings[which]();
	}
	HOLDS(rc == 0 || rc == -ETIMEDOUT);
}

/* What is left is read, and then the end. */
static void finish(void)
{
	if (!now.ended)
		end_writing();
	while (now.size > 0)
		read_some();
	HOLDS(bide_stream_at_end(now.near) || bide_stream_read(now.near, &(char){ 0 }, 1) == 0);
	HOLDS(bide_stream_close(now.near) == 0);
	HOLDS(bide_stream_close(now.far) == 0);
}

BIDE_ASYNC(int, play, void);
int play(void)
{
	bide_stream *pair[2];
	HOLDS(bide_stream_pair(CAPACITY, pair) == 0);
	now.near = pair[0];
	now.far = pair[1];
	now.size = 0;
	now.limit = BIDE_STREAM_LIMIT;
	now.ended = false;
	now.separators[0] = (bide_bytes){ "\r\n", 2 };
	now.n = 1;
	while (input.at < input.end)
		do_next();
	finish();
	return 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL };
	int result;
	input.at = data;
	input.end = data + size;
	HOLDS(bide_try_run(&options, &result, play) == 0);
	return 0;
}
