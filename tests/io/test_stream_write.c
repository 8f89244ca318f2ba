// SPDX-License-Identifier: MIT
/* Writing to streams: back-pressure, several writers, the write buffer, ending. */
#include "io/streams_kit.h"

#include <limits.h>

/* So many bytes that come to `near`, at most 63, as a string; 0: the end. */
static const char *arrived(size_t size)
{
	static char text[64];
	ssize_t n = size > 0 ? bide_stream_read_exactly(near, text, size)
	                     : bide_stream_read(near, text, 1);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static bool nothing_arrives(void)
{
	ssize_t n = 0;
	char c;
	BIDE_TIMEOUT(0.002)
		n = bide_stream_read(near, &c, 1);
	return n == -ETIMEDOUT;
}

STREAMS_TEST(writev_writes_all_buffers)
{
	static char text[] = "abcdef";
	const struct iovec few[] = { { text, 2 }, { NULL, 0 }, { text + 2, 4 } };
	struct iovec many[40];
	char buf[41] = "";
	CHECK_INT(bide_stream_writev(far, few, 3), 6);
	CHECK_STR(arrived(6), "abcdef");
	for (int i = 0; i < 40; i++)
		many[i] = (struct iovec){ text + i % 6, 1 };
	CHECK_INT(bide_stream_writev(far, many, 40), 40);
	CHECK_INT(bide_stream_read_exactly(near, buf, 40), 40);
	CHECK_STR(buf, "abcdefabcdefabcdefabcdefabcdefabcdefabcd");
	CHECK_INT(bide_stream_writev(far, few, 0), 0);
	CHECK_INT(bide_stream_writev(far, few, -1), -EINVAL);
	CHECK_INT(bide_stream_writev(far, NULL, IOV_MAX + 1), -EINVAL); /* not looked at */
	CHECK_INT(bide_stream_write(far, text, 0), 0);
}

/* ---- several writers ---------------------------------------------------------------------- */

enum { WRITERS = 5, LARGE = 400000 };

static char *letters[WRITERS]; /* LARGE bytes of one letter each */

static BIDE_ASYNC_LIGHT(long, write_letters, int);
static long write_letters(int i)
{
	return (long)bide_stream_write(far, letters[i], LARGE);
}

static void check_in_order(void)
{
	static char buf[10000];
	for (size_t got = 0; got < (size_t)WRITERS * LARGE; got += sizeof buf) {
		CHECK_INT(bide_stream_read_exactly(near, buf, sizeof buf), (ssize_t)sizeof buf);
		for (size_t i = 0; i < sizeof buf; i++)
			CHECK_INT(buf[i], 'a' + (int)((got + i) / LARGE));
	}
}

STREAMS_TEST(writes_of_several_tasks_follow_each_other_whole)
{
	bide_task *tasks[WRITERS];
	for (int i = 0; i < WRITERS; i++) {
		letters[i] = malloc(LARGE);
		memset(letters[i], 'a' + i, LARGE);
		tasks[i] = bide_spawn(write_letters, i);
	}
	check_in_order();
	for (int i = 0; i < WRITERS; i++) {
		CHECK_INT(bide_await(long, tasks[i]), LARGE);
		free(letters[i]);
	}
}

STREAMS_TEST(no_write_follows_a_part_of_one)
{
	static char data[1 << 20];
	ssize_t n = 0;
	BIDE_TIMEOUT(0.005)
		n = bide_stream_write(far, data, sizeof data);
	CHECK(n > 0 && n < (ssize_t)sizeof data);
	CHECK_INT(bide_stream_write(far, "x", 1), -BIDE_ECUT);
	CHECK_INT(bide_stream_flush(far), -BIDE_ECUT);
}

STREAMS_TEST(a_write_that_waits_its_turn_and_is_cancelled_has_no_effect)
{
	static char data[1 << 20];
	ssize_t n = 0;
	letters[0] = data;
	memset(data, 'a', sizeof data);
	bide_task *first = bide_spawn(write_letters, 0);
	bide_yield();
	BIDE_TIMEOUT(0.002)
		n = bide_stream_write(far, "x", 1);
	CHECK_INT(n, -ETIMEDOUT);
	for (size_t got = 0; got < LARGE; got++) {
		char c = 0;
		CHECK_INT(bide_stream_read(near, &c, 1), 1);
		CHECK_INT(c, 'a');
	}
	CHECK_INT(bide_await(long, first), LARGE);
	CHECK(nothing_arrives());
	put("y");
	CHECK_STR(arrived(1), "y");
}

/* ---- the write buffer --------------------------------------------------------------------- */

STREAMS_TEST(a_write_buffer_gathers_small_writes)
{
	CHECK_INT(bide_stream_set_write_buffer(far, 1024), 0);
	put("one ");
	put("two ");
	CHECK(nothing_arrives());
	CHECK_INT(bide_stream_flush(far), 0);
	CHECK_STR(arrived(8), "one two ");
	CHECK_INT(bide_stream_flush(far), 0);
	put("three");
	CHECK_INT(bide_stream_set_write_buffer(far, 0), 0);
	CHECK_STR(arrived(5), "three");
	put("four");
	CHECK_STR(arrived(4), "four");
}

STREAMS_TEST(what_does_not_fit_the_write_buffer_goes_out_in_order)
{
	static char large[5000], got[5003];
	memset(large, 'x', sizeof large);
	CHECK_INT(bide_stream_set_write_buffer(far, 1024), 0);
	put("ab");
	CHECK_INT(bide_stream_write(far, large, sizeof large), (ssize_t)sizeof large);
	put("c");
	CHECK_INT(bide_stream_flush(far), 0);
	CHECK_INT(bide_stream_read_exactly(near, got, sizeof got), (ssize_t)sizeof got);
	CHECK_MEM(got, "ab", 2);
	CHECK_MEM(got + 2, large, sizeof large);
	CHECK_MEM(got + 5002, "c", 1);
}

static BIDE_ASYNC_LIGHT(int, put_and_flush, const char *);
static int put_and_flush(const char *text)
{
	put(text);
	return bide_stream_flush(far);
}

STREAMS_TEST(a_flush_that_is_cancelled_loses_nothing)
{
	enum { ROOM = 1 << 20 };
	static char data[ROOM];
	char *got = malloc(ROOM);
	int rc = 0;
	for (size_t i = 0; i < ROOM; i++)
		data[i] = (char)byte_at(i);
	CHECK_INT(bide_stream_set_write_buffer(far, ROOM), 0);
	CHECK_INT(bide_stream_write(far, data, ROOM), ROOM);
	BIDE_TIMEOUT(0.005)
		rc = bide_stream_flush(far);
	CHECK_INT(rc, -ETIMEDOUT);
	bide_task *rest = bide_spawn(put_and_flush, "more");
	CHECK_INT(bide_stream_read_exactly(near, got, ROOM), ROOM);
	CHECK_MEM(got, data, ROOM);
	CHECK_STR(arrived(4), "more");
	CHECK_INT(bide_await(int, rest), 0);
	free(got);
}

/* ---- ends --------------------------------------------------------------------------------- */

STREAMS_TEST(shutdown_sends_what_is_gathered_and_then_the_end)
{
	CHECK_INT(bide_stream_set_write_buffer(far, 64), 0);
	put("last");
	CHECK_INT(bide_stream_shutdown(far), 0);
	CHECK_STR(arrived(4), "last");
	CHECK_STR(arrived(0), "");
	CHECK(bide_stream_at_end(near));
	CHECK_INT(bide_stream_write(far, "x", 1), -EPIPE);
	CHECK_INT(bide_stream_write(near, "still", 5), 5);
	char buf[8] = "";
	CHECK_INT(bide_stream_read_exactly(far, buf, 5), 5);
	CHECK_STR(buf, "still");
}

STREAMS_TEST(writing_to_who_has_closed_fails_without_a_signal)
{
	CHECK_INT(bide_stream_close(near), 0);
	near = NULL;
	CHECK_INT(bide_stream_write(far, "x", 1), -EPIPE);
	CHECK_INT(bide_stream_write(far, "x", 1), -EPIPE);
}

STREAMS_TEST(writing_that_has_been_ended_can_be_ended_again)
{
	CHECK_INT(bide_stream_shutdown(far), 0);
	CHECK_INT(bide_stream_shutdown(far), 0);
	CHECK_INT(bide_stream_flush(far), 0);
	CHECK_INT(bide_stream_write(far, "x", 1), -EPIPE);
}
