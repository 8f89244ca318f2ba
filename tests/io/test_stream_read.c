// SPDX-License-Identifier: MIT
/* Reading from streams: by how much, by what ends it, in place; and that nothing is lost over it.
 * */
#include "io/stream.h"
#include "io/streams_kit.h"
#include "io/transport_kit.h"

#include <sys/ioctl.h>

/* ---- by how much -------------------------------------------------------------------------- */

STREAMS_TEST(read_gives_what_there_is)
{
	char small[3] = "", large[4096] = "";
	put("abcdef");
	CHECK_INT(bide_stream_read(near, small, 2), 2);
	CHECK_STR(small, "ab");
	CHECK_INT(bide_stream_read(near, large, sizeof large), 4);
	CHECK_STR(large, "cdef");
	CHECK_INT(bide_stream_read(near, large, 0), 0);
	CHECK(!bide_stream_at_end(near));
}

STREAMS_TEST(read_waits_for_what_comes)
{
	char small[8] = "", large[4096] = "";
	bide_task *first = bide_spawn(put_after, 0.002, "one");
	CHECK_INT(bide_stream_read(near, small, sizeof small), 3);
	CHECK_STR(small, "one");
	bide_join(first);
	bide_task *second = bide_spawn(put_after, 0.002, "two");
	CHECK_INT(bide_stream_read(near, large, sizeof large), 3);
	CHECK_STR(large, "two");
	bide_join(second);
}

STREAMS_TEST(read_gives_nothing_at_the_end_again_and_again)
{
	char buf[8];
	put("x");
	CHECK_INT(bide_stream_shutdown(far), 0);
	CHECK_INT(bide_stream_read(near, buf, sizeof buf), 1);
	CHECK_INT(bide_stream_read(near, buf, sizeof buf), 0);
	CHECK(bide_stream_at_end(near));
	CHECK_INT(bide_stream_read(near, buf, sizeof buf), 0);
	CHECK_INT(bide_stream_read_exactly(near, buf, sizeof buf), 0);
}

STREAMS_TEST(read_exactly_waits_for_all)
{
	char buf[10] = "";
	put("0123");
	bide_task *rest = bide_spawn(put_after, 0.002, "456789+");
	CHECK_INT(bide_stream_read_exactly(near, buf, 10), 10);
	CHECK_MEM(buf, "0123456789", 10);
	CHECK_INT(bide_stream_read_exactly(near, buf, 0), 0);
	CHECK_INT(bide_stream_read_exactly(near, buf, 1), 1);
	CHECK_MEM(buf, "+", 1);
	bide_join(rest);
}

STREAMS_TEST(read_exactly_tells_how_much_there_was_before_the_end)
{
	char buf[10] = "";
	put("0123");
	CHECK_INT(bide_stream_shutdown(far), 0);
	CHECK_INT(bide_stream_read_exactly(near, buf, 10), 4);
	CHECK_INT(bide_stream_read_exactly(near, buf, 10), 0);
}

/* Waits until so many bytes lie before `near`, which are there at once in memory. */
static void wait_for_bytes(int size)
{
	int n = 0;
	while (kind != MEMORY && ioctl(bide_stream_fd(near), FIONREAD, &n) == 0 && n < size)
		CHECK_INT(bide_sleep(0.001), 0);
}

STREAMS_TEST(read_exactly_that_is_cancelled_has_not_lost_what_it_read)
{
	char buf[10] = "";
	ssize_t n = 0, then = 0;
	int rc = 0;
	put("0123");
	wait_for_bytes(4);
	BIDE_TIMEOUT(0.002, rc) {
		n = bide_stream_read_exactly(near, buf, 10);
		then = bide_stream_read_exactly(near, buf, 10);
	}
	CHECK_INT(n, 4);
	CHECK_INT(then, -ETIMEDOUT);
	CHECK_INT(rc, -ETIMEDOUT);
	put("456789");
	CHECK_INT(bide_stream_read_exactly(near, buf + n, 6), 6);
	CHECK_MEM(buf, "0123456789", 10);
}

STREAMS_TEST(a_read_that_is_cancelled_has_read_nothing)
{
	char buf[4096] = "";
	ssize_t n = 0;
	BIDE_TIMEOUT(0.002)
		n = bide_stream_read(near, buf, sizeof buf);
	CHECK_INT(n, -ETIMEDOUT);
	BIDE_TIMEOUT(0.002)
		n = bide_stream_read(near, buf, 10);
	CHECK_INT(n, -ETIMEDOUT);
	put("later");
	CHECK_INT(bide_stream_read(near, buf, sizeof buf), 5);
	CHECK_STR(buf, "later");
}

STREAMS_TEST(a_cancelled_task_reads_nothing_of_what_is_there)
{
	char buf[8] = "";
	ssize_t n = 0;
	put("abc");
	CHECK_INT(bide_stream_read(near, buf, 1), 1);
	BIDE_TIMEOUT(0)
		n = bide_stream_read(near, buf, sizeof buf);
	CHECK_INT(n, -ETIMEDOUT);
	CHECK_INT(bide_stream_read(near, buf, sizeof buf), 2);
}

static BIDE_ASYNC_LIGHT(ssize_t, read_one, void);
static ssize_t read_one(void)
{
	char c;
	return bide_stream_read(near, &c, 1);
}

STREAMS_TEST(one_task_reads_at_a_time)
{
	char buf[8];
	bide_task *reader = bide_spawn(read_one);
	bide_yield();
	CHECK_INT(bide_stream_read(near, buf, sizeof buf), -EBUSY);
	put("x");
	CHECK_INT(bide_await(ssize_t, reader), 1);
}

/* ---- lines -------------------------------------------------------------------------------- */

STREAMS_TEST(readline_gives_lines_without_their_ends)
{
	char *line = NULL;
	put("one\ntwo\r\n\n\r\nlast");
	CHECK_INT(bide_stream_shutdown(far), 0);
	CHECK_INT(bide_stream_readline(near, &line), 4);
	CHECK_STR(line, "one");
	CHECK_INT(bide_stream_readline(near, &line), 5);
	CHECK_STR(line, "two");
	CHECK_INT(bide_stream_readline(near, &line), 1);
	CHECK_STR(line, "");
	CHECK_INT(bide_stream_readline(near, &line), 2);
	CHECK_STR(line, "");
	CHECK_INT(bide_stream_readline(near, &line), 4);
	CHECK_STR(line, "last");
	CHECK_INT(bide_stream_readline(near, &line), 0);
	CHECK_STR(line, "last");
}

STREAMS_TEST(a_line_longer_than_the_limit_is_left_where_it_is)
{
	char *line = NULL, buf[32] = "";
	CHECK_INT(bide_stream_set_limit(near, 0), -EINVAL);
	CHECK_INT(bide_stream_set_limit(near, 8), 0);
	put("1234567\n12345678\nx\n");
	CHECK_INT(bide_stream_readline(near, &line), 8);
	CHECK_STR(line, "1234567");
	CHECK_INT(bide_stream_readline(near, &line), -BIDE_ELIMIT);
	CHECK_INT(bide_stream_readline(near, &line), -BIDE_ELIMIT);
	CHECK_INT(bide_stream_read_exactly(near, buf, 9), 9);
	CHECK_STR(buf, "12345678\n");
	CHECK_INT(bide_stream_readline(near, &line), 2);
	CHECK_STR(line, "x");
}

STREAMS_TEST(lines_are_found_in_what_comes_byte_by_byte)
{
	static const char text[] = "first\r\nsecond\n\r\n";
	static const char *const lines[] = { "first", "second", "" };
	char *line = NULL;
	for (size_t i = 0, n = 0; i < sizeof text - 1; i++) {
		CHECK_INT(bide_stream_write(far, text + i, 1), 1);
		if (text[i] != '\n')
			continue;
		CHECK(bide_stream_readline(near, &line) > 0);
		CHECK_STR(line, lines[n++]);
	}
}

/* ---- separators --------------------------------------------------------------------------- */

STREAMS_TEST(read_until_gives_what_ends_first)
{
	static const bide_bytes ends[] = { { "\r\n\r\n", 4 }, { "\n\n", 2 }, { "!", 1 } };
	const void *data = NULL;
	put("head\r\nmore\n\nrest!\r\n\r\n");
	CHECK_INT(bide_stream_read_until(near, ends, 3, &data), 12);
	CHECK_MEM(data, "head\r\nmore\n\n", 12);
	CHECK_INT(bide_stream_read_until(near, ends, 3, &data), 5);
	CHECK_MEM(data, "rest!", 5);
	CHECK_INT(bide_stream_read_until(near, ends, 3, &data), 4);
	CHECK_MEM(data, "\r\n\r\n", 4);
}

STREAMS_TEST(read_until_waits_for_a_separator_in_two_pieces)
{
	static const bide_bytes end = { "--end--", 7 };
	const void *data = NULL;
	put("x--en");
	bide_task *rest = bide_spawn(put_after, 0.002, "d--y");
	CHECK_INT(bide_stream_read_until(near, &end, 1, &data), 8);
	CHECK_MEM(data, "x--end--", 8);
	bide_join(rest);
	CHECK_INT(bide_stream_peek(near, 1, &data), 1);
	CHECK_MEM(data, "y", 1);
}

STREAMS_TEST(read_until_tells_that_the_end_came_too_early)
{
	static const bide_bytes end = { ";", 1 };
	const void *data = NULL;
	char buf[8] = "";
	put("a;b");
	CHECK_INT(bide_stream_shutdown(far), 0);
	CHECK_INT(bide_stream_read_until(near, &end, 1, &data), 2);
	CHECK_INT(bide_stream_read_until(near, &end, 1, &data), -BIDE_EINCOMPLETE);
	CHECK_INT(bide_stream_read(near, buf, sizeof buf), 1);
	CHECK_STR(buf, "b");
	CHECK_INT(bide_stream_read_until(near, &end, 1, &data), 0);
}

STREAMS_TEST(read_until_refuses_separators_that_are_none)
{
	static const bide_bytes nothing = { "", 0 }, end = { ";", 1 };
	const void *data = NULL;
	CHECK_INT(bide_stream_read_until(near, &nothing, 1, &data), -EINVAL);
	CHECK_INT(bide_stream_read_until(near, &end, 0, &data), -EINVAL);
	CHECK_NULL(data);
}

/* ---- in place ----------------------------------------------------------------------------- */

STREAMS_TEST(peek_shows_and_consume_takes)
{
	const void *data = NULL;
	char buf[8] = "";
	CHECK_INT(bide_stream_peek(near, 0, &data), 0);
	put("abcdef");
	CHECK_INT(bide_stream_peek(near, 4, &data), 6);
	CHECK_MEM(data, "abcdef", 6);
	bide_stream_consume(near, 2);
	CHECK_INT(bide_stream_peek(near, 1, &data), 4);
	CHECK_MEM(data, "cdef", 4);
	CHECK_INT(bide_stream_read(near, buf, sizeof buf), 4);
	CHECK_STR(buf, "cdef");
	put("gh");
	CHECK_INT(bide_stream_shutdown(far), 0);
	CHECK_INT(bide_stream_peek(near, 3, &data), 2);
	CHECK_INT(bide_stream_peek(near, BIDE_STREAM_LIMIT + 1, &data), -BIDE_ELIMIT);
	bide_stream_consume(near, 2);
	CHECK_INT(bide_stream_peek(near, 1, &data), 0);
}

/* Within a second, as what is sent may take its time. */
static bool input_comes(void)
{
	for (int i = 0; i < 1000 && !bide_stream_has_input(near); i++)
		bide_sleep(0.001);
	return bide_stream_has_input(near);
}

STREAMS_TEST(what_has_come_is_known_wherever_it_lies)
{
	const void *data;
	CHECK(!bide_stream_has_input(near));
	put("abcdef");
	CHECK(input_comes()); /* in the system, or what carries the stream */
	CHECK_INT(bide_stream_peek(near, 6, &data), 6);
	CHECK(bide_stream_has_input(near));
	bide_stream_consume(near, 6);
	CHECK(!bide_stream_has_input(near));
	CHECK_INT(bide_stream_shutdown(far), 0);
	CHECK(input_comes());
	CHECK_INT(bide_stream_peek(near, 1, &data), 0);
	CHECK(bide_stream_at_end(near) && bide_stream_has_input(near));
}

static int turns; /* of another task */

static BIDE_ASYNC(void, count_turns, void);
static void count_turns(void)
{
	for (turns = 0; bide_yield() == 0; turns++)
		continue;
}

static BIDE_ASYNC(int, look_when_cancelled, void);
static int look_when_cancelled(void)
{
	const void *data;
	char buf[1];
	CHECK_RET(bide_stream_read(far, buf, sizeof buf) == -ECANCELED, -EIO);
	const int before = turns;
	CHECK_RET(bide_stream_peek(near, 0, &data) == 4, -EIO);
	CHECK_RET(memcmp(data, "word", 4) == 0, -EIO);
	return turns - before;
}

STREAMS_TEST(to_look_at_what_there_is_neither_suspends_nor_is_cancelled)
{
	const void *data;
	put("word");
	CHECK_INT(bide_stream_peek(near, 4, &data), 4);
	bide_task *looks = bide_spawn(look_when_cancelled), *counts = bide_spawn(count_turns);
	bide_yield();
	bide_cancel(looks);
	CHECK_INT(bide_await(int, looks), 0);
	CHECK(turns > 0);
	bide_cancel(counts);
	(void)bide_join(counts);
}

static BIDE_ASYNC(void, consume_too_much, void);
static void consume_too_much(void)
{
	bide_stream *pair[2] = { NULL, NULL };
	CHECK_INT(bide_stream_pair(0, pair), 0);
	bide_stream_consume(pair[0], 1);
}

static BIDE_ASYNC_LIGHT(ssize_t, read_line_near, void);
static ssize_t read_line_near(void)
{
	char *line;
	return bide_stream_readline(near, &line);
}

static BIDE_ASYNC(void, consume_of_another, void);
static void consume_of_another(void)
{
	bide_stream *pair[2] = { NULL, NULL };
	CHECK_INT(bide_stream_pair(0, pair), 0);
	CHECK_INT(bide_stream_write(pair[1], "abc", 3), 3);
	near = pair[0];
	bide_spawn(read_line_near);
	bide_yield();
	bide_stream_consume(near, 1);
}

TEST_ABORTS(consume_takes_nothing_from_who_reads, "another task reads the stream")
{
	bide_run(consume_of_another);
}

TEST_ABORTS(consume_takes_no_more_than_there_is, "1 bytes of 0 that are there")
{
	bide_run(consume_too_much);
}

/* ---- much --------------------------------------------------------------------------------- */

enum { MUCH = 3 << 20 };

static BIDE_ASYNC_LIGHT(long, write_much, void);
static long write_much(void)
{
	unsigned char *data = malloc(MUCH);
	CHECK_RET(data != NULL, -ENOMEM);
	for (size_t i = 0; i < MUCH; i++)
		data[i] = byte_at(i);
	long n = (long)bide_stream_write(far, data, MUCH);
	free(data);
	int rc = bide_stream_shutdown(far);
	return rc < 0 ? rc : n;
}

/* Reads up to `size` bytes in one of four ways in turn; gives their number. */
static ssize_t read_somehow(unsigned turn, unsigned char *buf, size_t size)
{
	static const bide_bytes seven = { "\7", 1 };
	const void *data = NULL;
	ssize_t n;
	switch (turn % 4) {
	case 0:
		return bide_stream_read(near, buf, size);
	case 1:
		return bide_stream_read_exactly(near, buf, 100);
	case 2:
		n = bide_stream_read_until(near, &seven, 1, &data);
		break;
	default:
		n = bide_stream_peek(near, 300, &data);
		if (n > 0)
			bide_stream_consume(near, (size_t)n);
	}
	if (n > 0)
		memcpy(buf, data, (size_t)n);
	return n == -BIDE_EINCOMPLETE ? bide_stream_read(near, buf, size) : n;
}

STREAMS_TEST(much_comes_through_whichever_way_it_is_read)
{
	static unsigned char buf[1 << 18];
	size_t got = 0;
	bide_task *writer = bide_spawn(write_much);
	for (unsigned turn = 0;; turn++) {
		ssize_t n = read_somehow(turn, buf, sizeof buf);
		CHECK(n >= 0);
		for (size_t i = 0; i < (size_t)n; i++)
			CHECK_INT(buf[i], byte_at(got + i));
		got += (size_t)n;
		if (n == 0)
			break;
	}
	CHECK_UINT(got, MUCH);
	CHECK_INT(bide_await(long, writer), MUCH);
}

static BIDE_ASYNC_LIGHT(ssize_t, read_two_lines, void);
static ssize_t read_two_lines(void)
{
	char *line;
	ssize_t n = bide_stream_readline(near, &line);
	return n > 0 ? bide_stream_readline(near, &line) : n;
}

/* A transport that always has so much to be read at once, and counts how often it is. */
enum { PORTION = 5000 };
static struct {
	size_t left;
	int reads;
} portions;

static ssize_t portions_read(void *object, void *buf, size_t size)
{
	const size_t n = size < portions.left ? size : portions.left;
	(void)object;
	memset(buf, 'x', n);
	portions.reads++;
	portions.left = n < portions.left ? portions.left - n : PORTION;
	return (ssize_t)n;
}

STREAMS_TEST(a_buffer_that_is_kept_grows_with_what_comes_at_once)
{
	static const bide_transport transport = { .name = "portions",
		                                  .read = portions_read,
		                                  .interrupt = no_interrupt,
		                                  .close = no_close };
	const void *data;
	bide_stream *stream;
	portions.left = PORTION;
	portions.reads = 0;
	CHECK_INT(bide_stream_new(&transport, &portions, &stream), 0);
	for (int i = 0; i < 5 * PORTION;) {
		ssize_t n = bide_stream_peek(stream, 1, &data);
		CHECK(n > 0);
		bide_stream_consume(stream, (size_t)n);
		i += (int)n;
	}
	CHECK_INT(portions.reads, 6); /* only the first is in two pieces */
	CHECK_INT(bide_stream_close(stream), 0);
}

STREAMS_TEST(a_large_buffer_is_not_kept_while_nothing_lies_in_it)
{
	enum { LARGE = 1 << 20 };
	static char data[LARGE];
	CHECK_INT(bide_stream_set_limit(near, LARGE), 0);
	memset(data, 'x', LARGE);
	data[LARGE - 1] = '\n';
	bide_task *reader = bide_spawn(read_two_lines);
	CHECK_INT(bide_stream_write(far, data, LARGE), LARGE);
	for (int i = 0; i < 1000 && near->room > BIDE_STREAM_LIMIT; i++)
		bide_sleep(0.001);
	CHECK(near->room <= BIDE_STREAM_LIMIT);
	put("\n");
	CHECK_INT(bide_await(ssize_t, reader), 1);
}

STREAMS_TEST(a_buffer_in_which_nothing_lies_is_given_back_when_it_is_looked_at)
{
	const void *data;
	put("word");
	CHECK_INT(bide_stream_peek(near, 4, &data), 4);
	bide_stream_consume(near, 4);
	CHECK(memcmp(data, "word", 4) == 0); /* until the next call that reads */
	CHECK(near->room > 0);
	CHECK_INT(bide_stream_peek(near, 0, &data), 0);
	CHECK(near->room == 0 && near->buffer == NULL);
}

/* ---- many that wait ----------------------------------------------------------------------- */

enum { MANY = 200 };

static BIDE_ASYNC_LIGHT(int, read_line_of, bide_stream *);
static int read_line_of(bide_stream *stream)
{
	char *line;
	ssize_t n = bide_stream_readline(stream, &line);
	return n < 0 ? (int)n : atoi(line);
}

static BIDE_ASYNC(void, many_wait_for_lines, void);
static void many_wait_for_lines(void)
{
	bide_stream *readers[MANY], *writers[MANY];
	bide_task *tasks[MANY];
	char text[16];
	for (int i = 0; i < MANY; i++) {
		open_streams();
		readers[i] = near;
		writers[i] = far;
		tasks[i] = bide_spawn(read_line_of, readers[i]);
	}
	bide_sleep(0.001);
	for (int i = 0; i < MANY; i++) {
		ssize_t n = snprintf(text, sizeof text, "%d\n", i);
		CHECK_INT(bide_stream_write(writers[i], text, (size_t)n), n);
	}
	for (int i = 0; i < MANY; i++) {
		CHECK_INT(bide_await(int, tasks[i]), i);
		CHECK_INT(bide_stream_close(readers[i]), 0);
		CHECK_INT(bide_stream_close(writers[i]), 0);
	}
}

TEST(many_wait_at_once)
{
	for (kind = 0; kind < KINDS; kind++)
		CHECK_INT(bide_try_run(NULL, NULL, many_wait_for_lines), 0);
}
