// SPDX-License-Identifier: MIT
/* What goes through a connection: data of every size, in both directions at once, whatever happens
 * to those who read and write it. */
#include "tls/tls_kit.h"

#include <sys/uio.h>

enum { RECORD = 16384 };

/* ---- sizes -------------------------------------------------------------------------------- */

static struct {
	size_t size;
	unsigned char *data;
} parcel;

static BIDE_ASYNC_LIGHT(int, send_parcel, void);
static int send_parcel(void)
{
	const size_t size = parcel.size;
	EXPECT_INT(bide_stream_write(net.client, parcel.data, size), (ssize_t)size);
	return 0;
}

static bool carries(size_t size)
{
	unsigned char *got = malloc(size + 1);
	parcel.size = size;
	parcel.data = bytes(size);
	bide_task *sender = bide_spawn(send_parcel);
	bool carried = EXPECT_INT(bide_stream_read_exactly(net.server, got, size), (ssize_t)size) &&
	               EXPECT_MEM(got, parcel.data, size);
	carried = EXPECT_INT(bide_join(sender), 0) && carried;
	free(parcel.data);
	free(got);
	return carried;
}

TLS_TEST(data_of_every_size_around_a_record_and_a_batch_of_them)
{
	static const size_t around[] = { 1,          256,        4096,       RECORD,
		                         2 * RECORD, 4 * RECORD, 5 * RECORD, 1 << 20 };
	for (int version = 0; version < 2; version++) {
		CHECK(net_up());
		for (size_t i = 0; i < sizeof around / sizeof around[0]; i++)
			for (int by = -1; by <= 1; by++)
				if (around[i] + (size_t)by > 0)
					CHECK(carries(around[i] + (size_t)by));
		net_close();
		net.client_options.most = BIDE_TLS_1_2;
	}
}

TLS_TEST(data_goes_through_a_pipe_that_is_narrower_than_a_record)
{
	net.capacity = 700;
	CHECK(net_up());
	CHECK(carries(1));
	CHECK(carries(3 * RECORD + 7));
}

/* As of a connection that is kept until it is used again: who looks has nothing given back. */
TLS_TEST(a_connection_that_nobody_reads_has_no_buffer)
{
	const void *nothing;
	CHECK(net_up());
	bide__alloc_arm(0);
	CHECK(carries(3 * RECORD));
	const long live = bide__alloc_hook.live;
	CHECK_INT(bide_stream_peek(bide__connection_of(net.server)->below, 0, &nothing), 0);
	CHECK_INT(bide_stream_peek(net.server, 0, &nothing), 0);
	CHECK_INT(bide__alloc_hook.live, live);
	bide__alloc_disarm();
}

TLS_TEST(a_read_of_much_gets_several_records_at_once)
{
	static char buf[4 * RECORD];
	unsigned char *data = bytes(2 * RECORD);
	CHECK(net_up());
	CHECK_INT(bide_stream_write(net.client, data, 2 * RECORD), 2 * RECORD);
	bide_sleep(1);
	ssize_t n = bide_stream_read(net.server, buf, sizeof buf);
	CHECK(n > 0);
	while (n < 2 * RECORD)
		n += bide_stream_read(net.server, buf + n, sizeof buf - (size_t)n);
	CHECK_MEM(buf, data, 2 * RECORD);
	free(data);
}

TLS_TEST(several_buffers_are_one_record)
{
	char one[] = "GET / ", two[] = "HTTP/1.1\r\n", buf[32] = "";
	const struct iovec buffers[] = { { one, 0 }, { one, 6 }, { two, 0 }, { two, 10 } };
	CHECK(net_up());
	CHECK_INT(bide_stream_writev(net.client, buffers, 4), 16);
	CHECK_INT(bide_stream_read(net.server, buf, sizeof buf), 16);
	CHECK_STR(buf, "GET / HTTP/1.1\r\n");
}

TLS_TEST(many_buffers_of_all_sizes_keep_their_order)
{
	static unsigned char got[400000];
	unsigned char *data = bytes(sizeof got);
	struct iovec buffers[60];
	size_t at = 0;
	net.capacity = 1 << 20;
	CHECK(net_up());
	for (int i = 0; i < 60; i++) {
		size_t size = (size_t)(i * i * i) % 9001;
		if (i == 40)
			size = 2 * RECORD + 5;
		buffers[i] = (struct iovec){ data + at, size };
		at += size;
	}
	CHECK(at <= sizeof got);
	CHECK_INT(bide_stream_writev(net.client, buffers, 60), (ssize_t)at);
	CHECK_INT(bide_stream_read_exactly(net.server, got, at), (ssize_t)at);
	CHECK_MEM(got, data, at);
	free(data);
}

TLS_TEST(a_write_buffer_gathers_before_tls_does)
{
	char buf[8] = "";
	CHECK(net_up());
	CHECK_INT(bide_stream_set_write_buffer(net.client, 100), 0);
	for (int i = 0; i < 5; i++)
		CHECK_INT(bide_stream_write(net.client, "x", 1), 1);
	CHECK_INT(bide_stream_flush(net.client), 0);
	CHECK_INT(bide_stream_read(net.server, buf, sizeof buf), 5);
	CHECK_STR(buf, "xxxxx");
}

TLS_TEST(lines_and_separators_are_found_across_records)
{
	char *line;
	const void *data;
	static const bide_bytes end = { "\r\n\r\n", 4 };
	CHECK(net_up());
	CHECK_INT(bide_stream_write(net.client, "fir", 3), 3);
	CHECK_INT(bide_stream_write(net.client, "st\r", 3), 3);
	CHECK_INT(bide_stream_write(net.client, "\na: b\r\n\r", 8), 8);
	CHECK_INT(bide_stream_write(net.client, "\nrest", 5), 5);
	CHECK_INT(bide_stream_readline(net.server, &line), 7);
	CHECK_STR(line, "first");
	CHECK_INT(bide_stream_read_until(net.server, &end, 1, &data), 8);
	CHECK_MEM(data, "a: b\r\n\r\n", 8);
	CHECK_INT(bide_stream_peek(net.server, 4, &data), 4);
	CHECK_MEM(data, "rest", 4);
}

/* ---- both directions, many tasks ---------------------------------------------------------- */

enum { WRITERS = 4, PIECES = 40, PIECE = 1000 };

/* Writes pieces that begin with a number and can be told from others'. */
static BIDE_ASYNC_LIGHT(int, write_pieces, bide_stream *, int);
static int write_pieces(bide_stream *stream, int number)
{
	unsigned char piece[PIECE];
	for (int i = 0; i < PIECES; i++) {
		memset(piece, number, PIECE);
		piece[1] = (unsigned char)i;
		CHECK_RET(bide_stream_write(stream, piece, PIECE) == PIECE, -EIO);
		if (i % 3 == number)
			bide_yield();
	}
	return 0;
}

static BIDE_ASYNC_LIGHT(int, read_pieces, bide_stream *);
static int read_pieces(bide_stream *stream)
{
	unsigned char piece[PIECE];
	int next[WRITERS] = { 0 };
	for (int i = 0; i < WRITERS * PIECES; i++) {
		CHECK_RET(bide_stream_read_exactly(stream, piece, PIECE) == PIECE, -EIO);
		CHECK_RET(piece[0] < WRITERS, -EIO);
		CHECK_RET(piece[1] == next[piece[0]]++, -EIO);
		for (int k = 2; k < PIECE; k++)
			CHECK_RET(piece[k] == piece[0], -EIO);
	}
	return 0;
}

TLS_TEST(several_write_and_one_reads_in_both_directions_at_once)
{
	int rc;
	net.capacity = 3000;
	CHECK(net_up());
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < WRITERS; i++) {
			bide_group_spawn(group, write_pieces, net.client, i);
			bide_group_spawn(group, write_pieces, net.server, i);
		}
		bide_group_spawn(group, read_pieces, net.client);
		bide_group_spawn(group, read_pieces, net.server);
	}
	CHECK_INT(rc, 0);
}

/* ---- ends --------------------------------------------------------------------------------- */

TLS_TEST(a_close_is_the_end_for_the_other_side)
{
	char buf[8] = "";
	CHECK(net_up());
	CHECK_INT(bide_stream_write(net.client, "bye", 3), 3);
	EXPECT_INT(bide_stream_close(net.client), 0);
	net.client = NULL;
	CHECK_INT(bide_stream_read(net.server, buf, sizeof buf), 3);
	CHECK_STR(buf, "bye");
	CHECK_INT(bide_stream_read(net.server, buf, sizeof buf), 0);
	CHECK(bide_stream_at_end(net.server));
	CHECK_INT(bide_stream_read(net.server, buf, sizeof buf), 0);
}

TLS_TEST(one_direction_can_be_ended_and_the_other_goes_on)
{
	char buf[8] = "";
	for (int version = 0; version < 2; version++) {
		CHECK(net_up());
		CHECK_INT(bide_stream_write(net.client, "question", 8), 8);
		CHECK_INT(bide_stream_shutdown(net.client), 0);
		CHECK_INT(bide_stream_write(net.client, "more", 4), -EPIPE);
		CHECK_INT(bide_stream_read(net.server, buf, sizeof buf), 8);
		CHECK_MEM(buf, "question", 8);
		CHECK_INT(bide_stream_read(net.server, buf, sizeof buf), 0);
		for (int i = 0; i < 3; i++) {
			CHECK_INT(bide_stream_write(net.server, "answer", 6), 6);
			CHECK_INT(bide_stream_read(net.client, buf, sizeof buf), 6);
			CHECK_MEM(buf, "answer", 6);
		}
		CHECK_INT(bide_stream_shutdown(net.server), 0);
		CHECK_INT(bide_stream_read(net.client, buf, sizeof buf), 0);
		net_close();
		net.client_options.most = BIDE_TLS_1_2;
	}
}

TLS_TEST(an_end_without_the_end_of_tls_is_a_truncation)
{
	char buf[8] = "";
	bide_stream *below = NULL;
	for (int version = 0; version < 2; version++) {
		CHECK(net_up());
		CHECK_INT(bide_stream_write(net.client, "paid", 4), 4);
		/* Somebody in between ends the connection below. */
		CHECK(net_below(net.client, &below));
		CHECK_INT(bide_stream_shutdown(below), 0);
		CHECK_INT(bide_stream_read(net.server, buf, sizeof buf), 4);
		CHECK_STR(buf, "paid");
		CHECK_INT(bide_stream_read(net.server, buf, sizeof buf), -BIDE_ETRUNCATED);
		CHECK_INT(bide_stream_read(net.server, buf, sizeof buf), -BIDE_ETRUNCATED);
		CHECK(!bide_stream_at_end(net.server));
		/* That is all that has ended. */
		CHECK_INT(bide_stream_write(net.server, "ok", 2), 2);
		CHECK_INT(bide_stream_read(net.client, buf, sizeof buf), 2);
		memset(buf, 0, sizeof buf);
		net_close();
		net.client_options.most = BIDE_TLS_1_2;
	}
}

TLS_TEST(an_end_within_a_record_is_a_truncation)
{
	char buf[8];
	bide_stream *below = NULL;
	CHECK(net_up());
	CHECK(net_below(net.client, &below));
	CHECK_INT(bide_stream_write(below,
	                            "\x17\x03\x03\x40\x00"
	                            "only a part",
	                            16),
	          16);
	CHECK_INT(bide_stream_shutdown(below), 0);
	CHECK_INT(bide_stream_read(net.server, buf, sizeof buf), -BIDE_ETRUNCATED);
}

TLS_TEST(an_abort_says_no_good_bye)
{
	char byte;
	CHECK(net_up());
	bide_stream_abort(net.client);
	net.client = NULL;
	CHECK_INT(bide_stream_read(net.server, &byte, 1), -ECONNRESET);
}

TLS_TEST(what_somebody_has_changed_on_the_way_is_refused)
{
	char buf[8];
	bide_stream *below = NULL;
	CHECK(net_up());
	CHECK(net_below(net.client, &below));
	CHECK_INT(bide_stream_write(below,
	                            "\x17\x03\x03\x00\x20"
	                            "abcdefghijklmnopqrstuvwxyz012345",
	                            37),
	          37);
	CHECK_INT(bide_stream_read(net.server, buf, sizeof buf), -BIDE_ETLS);
	CHECK(bide_tls_detail(net.server) != NULL);
	CHECK_INT(bide_stream_read(net.server, buf, sizeof buf), -BIDE_ETLS);
	CHECK_INT(bide_stream_write(net.server, "x", 1), -BIDE_ETLS);
	/* The other side is told. */
	CHECK_INT(bide_stream_read(net.client, buf, sizeof buf), -BIDE_ETLS_ALERT);
	CHECK_INT(bide_tls_alert(net.client), 20); /* bad_record_mac */
}

TLS_TEST(what_was_right_before_that_is_read_and_the_other_side_is_told)
{
	static char buf[2000];
	bide_stream *below = NULL;
	CHECK(net_up());
	CHECK_INT(bide_stream_write(net.client, "right", 5), 5);
	CHECK(net_below(net.client, &below));
	CHECK_INT(bide_stream_write(below,
	                            "\x17\x03\x03\x00\x11"
	                            "wrong wrong wrong",
	                            22),
	          22);
	bide_sleep(1);
	CHECK_INT(bide_stream_read(net.server, buf, sizeof buf), 5);
	CHECK_MEM(buf, "right", 5);
	CHECK_INT(bide_stream_read(net.server, buf, sizeof buf), -BIDE_ETLS);
	EXPECT_INT(bide_stream_close(net.server), 0);
	net.server = NULL;
	CHECK_INT(bide_stream_read(net.client, buf, sizeof buf), -BIDE_ETLS_ALERT);
}

static BIDE_ASYNC_LIGHT(ssize_t, read_server, void);
static ssize_t read_server(void)
{
	char byte;
	return bide_stream_read(net.server, &byte, 1);
}

static BIDE_ASYNC_LIGHT(ssize_t, write_server, size_t);
static ssize_t write_server(size_t size)
{
	unsigned char *data = bytes(size);
	ssize_t n = bide_stream_write(net.server, data, size);
	free(data);
	return n;
}

TLS_TEST(a_close_has_those_who_read_and_write_return)
{
	CHECK(net_up());
	bide_task *reader = bide_spawn(read_server);
	bide_task *writer = bide_spawn(write_server, (size_t)1 << 20);
	bide_task *next = bide_spawn(write_server, (size_t)1);
	bide_sleep(1);
	(void)bide_stream_close(net.server);
	net.server = NULL;
	CHECK_INT(bide_await(ssize_t, reader), -EBADF);
	const ssize_t written = bide_await(ssize_t, writer);
	CHECK(written > 0 && written < 1 << 20);
	CHECK_INT(bide_await(ssize_t, next), -EBADF);
}

/* ---- cancellation ------------------------------------------------------------------------- */

static BIDE_ASYNC(int, read_answer, bide_stream *);
static int read_answer(bide_stream *stream)
{
	char buf[8];
	return (int)bide_stream_read(stream, buf, sizeof buf);
}

static BIDE_ASYNC(int, ask_again, bide_stream *);
static int ask_again(bide_stream *stream)
{
	return bide_stream_write(stream, "again", 5) == 5 ? 0 : -EIO;
}

TLS_TEST(a_read_that_is_cancelled_has_read_nothing)
{
	char buf[8] = "";
	int rc;
	CHECK(net_up());
	for (int i = 0; i < 3; i++) {
		BIDE_TIMEOUT(1, rc) {
			EXPECT_INT(bide_stream_read(net.server, buf, sizeof buf), -ETIMEDOUT);
		}
		CHECK_INT(rc, -ETIMEDOUT);
	}
	CHECK_INT(bide_stream_write(net.client, "kept", 4), 4);
	CHECK_INT(bide_stream_read(net.server, buf, sizeof buf), 4);
	CHECK_STR(buf, "kept");
}

static BIDE_ASYNC_LIGHT(ssize_t, read_some, void);
static ssize_t read_some(void)
{
	static unsigned char buf[PIECE];
	ssize_t n = bide_stream_read(net.server, buf, sizeof buf);
	for (ssize_t i = 0; i < n; i++)
		CHECK_RET(buf[i] == byte_at(parcel.size + (size_t)i), -EIO);
	parcel.size += n > 0 ? (size_t)n : 0;
	return n;
}

/* The reader is cancelled when what it waits for is there, and others use the connection before its
 * cancellation is back. */
TLS_TEST(what_came_for_a_cancelled_reader_is_taken_once)
{
	char buf[8] = "";
	CHECK(net_up());
	bide_task *reader = bide_spawn(read_answer, net.client);
	bide_yield();
	CHECK_INT(bide_stream_write(net.server, "answer", 6), 6);
	bide_cancel(reader);
	bide_task *writer = bide_spawn(ask_again, net.client);
	CHECK_INT(bide_join(writer), 0);
	const int rc = bide_await(int, reader);
	CHECK(rc == 6 || rc == -ECANCELED);
	CHECK_INT(bide_stream_read(net.server, buf, sizeof buf), 5);
	CHECK_STR(buf, "again");
}

/* Readers are cancelled again and again, before and while data comes. */
TLS_TEST(cancelled_reads_lose_nothing)
{
	enum { TOTAL = 50000 };
	net.capacity = 777;
	CHECK(net_up());
	bide_task *writer = bide_spawn(send_parcel);
	parcel.data = bytes(TOTAL);
	parcel.size = TOTAL;
	bide_yield();
	parcel.size = 0;
	for (int i = 0; parcel.size < TOTAL; i++) {
		bide_task *reader = bide_spawn(read_some);
		for (int k = 0; k < i % 5; k++)
			bide_yield();
		bide_cancel(reader);
		const ssize_t n = bide_await(ssize_t, reader);
		CHECK(n > 0 || n == -ECANCELED);
	}
	CHECK_INT(parcel.size, TOTAL);
	parcel.size = TOTAL;
	bide_cancel(writer);
	(void)bide_join(writer);
	free(parcel.data);
}

/* Writes what comes next after so many bytes. */
static BIDE_ASYNC_LIGHT(ssize_t, write_client_rest, size_t);
static ssize_t write_client_rest(size_t from)
{
	unsigned char next[10];
	for (size_t i = 0; i < sizeof next; i++)
		next[i] = byte_at(from + i);
	return bide_stream_write(net.client, next, sizeof next);
}

/* What counts as written comes, once, and in order; what does not never does. */
TLS_TEST(a_write_that_is_cancelled_is_told_how_much_will_come)
{
	unsigned char *got = malloc(1 << 20);
	for (size_t capacity = 700; capacity < 150000; capacity = 2 * capacity + 17) {
		int rc;
		ssize_t written = 0, second = 0;
		unsigned char *data = bytes(1 << 20);
		net.capacity = capacity;
		CHECK(net_up());
		BIDE_TIMEOUT(1, rc) {
			written = bide_stream_write(net.client, data, 200000);
		}
		CHECK(written == 200000 || rc == -ETIMEDOUT);
		const size_t expected = written > 0 ? (size_t)written : 0;
		bide_task *writer = bide_spawn(write_client_rest, expected);
		CHECK_INT(bide_stream_read_exactly(net.server, got, expected), (ssize_t)expected);
		CHECK_MEM(got, data, expected);
		second = bide_await(ssize_t, writer);
		if (second > 0)
			CHECK_INT(bide_stream_read_exactly(net.server, got, 10), 10);
		else
			CHECK_INT(second, -BIDE_ECUT);
		free(data);
		net_close();
	}
	free(got);
}

TLS_TEST(a_small_write_that_cannot_be_sent_is_kept_for_later)
{
	static char buf[3000];
	int rc;
	net.capacity = 2000;
	CHECK(net_up());
	/* Fill what is below, whole records each. */
	for (int i = 0; i < 4; i++)
		CHECK_INT(bide_stream_write(net.client, buf, 400), 400);
	BIDE_TIMEOUT(1, rc) {
		rc = (int)bide_stream_write(net.client, buf, 400);
	}
	CHECK_INT(bide_stream_read_exactly(net.server, buf, 1600), 1600);
	/* Something was sent in part, or nothing: then it comes with what follows. */
	ssize_t n = bide_stream_write(net.client, "next", 4);
	if (n == 4) {
		CHECK_INT(bide_stream_read_exactly(net.server, buf, 404), 404);
		CHECK_MEM(buf + 400, "next", 4);
	} else {
		CHECK_INT(n, -BIDE_ECUT);
	}
}

TLS_TEST(a_close_in_a_cancelled_task_says_good_bye_if_that_can_be_done_at_once)
{
	char byte;
	int rc;
	CHECK(net_up());
	BIDE_TIMEOUT(0, rc) {
		bide_yield();
		(void)bide_stream_close(net.client);
		net.client = NULL;
	}
	CHECK_INT(bide_stream_read(net.server, &byte, 1), 0);
}

TLS_TEST(a_close_does_not_wait_for_ever_for_somebody_who_does_not_read)
{
	static char buf[60000];
	int rc;
	net.capacity = 5000;
	CHECK(net_up());
	BIDE_TIMEOUT(1, rc) {
		(void)bide_stream_write(net.client, buf, sizeof buf);
	}
	const double before = bide_now();
	(void)bide_stream_close(net.client);
	net.client = NULL;
	CHECK(bide_now() - before < 10);
}

/* ---- a storm ------------------------------------------------------------------------------ */

/* Two that write, whole messages of one letter each, and are cancelled at any time; what one was
 * told is counted. The other side gets just that, and whole messages but for the last one. */
enum { MESSAGE = 900 };

static struct {
	long told[2]; /* bytes, by who wrote */
	bool cut;
} storm;

static BIDE_ASYNC_LIGHT(int, write_messages, int, int);
static int write_messages(int number, int n)
{
	char message[MESSAGE];
	memset(message, 'a' + number, sizeof message);
	for (int i = 0; i < n; i++) {
		const ssize_t written = bide_stream_write(net.client, message, sizeof message);
		if (written > 0)
			storm.told[number] += written;
		if (written == -BIDE_ECUT || (written > 0 && written < MESSAGE))
			storm.cut = true;
		if (written != MESSAGE)
			return written < 0 ? (int)written : -EIO;
	}
	return 0;
}

static struct {
	long got[2];
	char letter;
	int length;
	bool torn;
} inbox;

static void take_letters(const char *buf, ssize_t n)
{
	for (ssize_t i = 0; i < n; i++) {
		if (inbox.length == 0)
			inbox.letter = buf[i];
		inbox.torn = inbox.torn || buf[i] != inbox.letter;
		inbox.got[buf[i] == 'b']++;
		inbox.length = (inbox.length + 1) % MESSAGE;
	}
}

static BIDE_ASYNC_LIGHT(int, read_messages, void);
static int read_messages(void)
{
	char buf[500];
	ssize_t n = 0;
	while ((n = bide_stream_read(net.server, buf, sizeof buf)) > 0) {
		take_letters(buf, n);
		if (bide_uniform(0, 1) < .1)
			bide_sleep(bide_uniform(0, .01));
	}
	return (int)n;
}

static void write_in_a_storm(void)
{
	for (int i = 0; i < 30 && !storm.cut; i++) {
		bide_task *one = bide_spawn(write_messages, 0, 5);
		bide_task *other = bide_spawn(write_messages, 1, 5);
		bide_sleep(bide_uniform(0, .01));
		bide_cancel(bide_uniform(0, 1) < .5 ? one : other);
		(void)bide_join(one);
		(void)bide_join(other);
	}
}

TLS_TEST(in_a_storm_of_cancellations_what_was_told_comes)
{
	bide_seed(test_seed());
	for (int round = 0; round < 20; round++) {
		storm.told[0] = storm.told[1] = storm.cut = 0;
		memset(&inbox, 0, sizeof inbox);
		net.capacity = (size_t)bide_uniform(700, 4000);
		CHECK(net_up());
		bide_task *reader = bide_spawn(read_messages);
		write_in_a_storm();
		/* Whether the last one that was cancelled has left a part of a record. */
		(void)write_messages(0, 1);
		(void)bide_stream_close(net.client);
		net.client = NULL;
		const int rc = bide_await(int, reader);
		CHECK_INT(rc, storm.cut ? -ECONNRESET : 0);
		CHECK(!inbox.torn);
		CHECK_INT(inbox.got[0], storm.told[0]);
		CHECK_INT(inbox.got[1], storm.told[1]);
		net_close();
	}
}
