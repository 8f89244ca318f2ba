// SPDX-License-Identifier: MIT
/* Streams against a model of one: the bytes of all writes, in the order of the calls, each as far
 * as its call says that it came. Several tasks write each way, in every manner, and one reads, in
 * every manner, while their calls are cancelled at random points and, in some rounds, one side is
 * closed or aborted at one. What is read is what the model has, or its beginning when not all could
 * come: nothing lost, nothing doubled, no write inside another. */
#include "io/streams_kit.h"

#include "base/random.h"

#include <fcntl.h>

enum {
	ROUNDS = 40,
	WRITERS = 3, /* each way */
	CALLS = 25,  /* of each writer */
	LARGEST = 3000,
	PARTS = 20, /* of a writev */
	CAPACITY = 1000,
	ALL = WRITERS * CALLS
};

struct written {
	unsigned char seed; /* of its bytes */
	size_t size;
	ssize_t result;
};

/* From one stream to the other. */
struct way {
	struct written writes[ALL]; /* in the order of the calls */
	int n;
	unsigned char *read; /* all that has been */
	size_t size;
	ssize_t end; /* what reading ended with */
};

static struct bide__random numbers;

static struct {
	bide_stream *streams[2];            /* NULL: closed */
	struct way ways[2];                 /* what the stream with that number writes */
	bide_scope *scopes[2][WRITERS + 1]; /* around calls that may be cancelled now */
	bool cut, closed;                   /* not all can come */
	bool stop;                          /* disturbing */
} now;

static size_t below(size_t n)
{
	return (size_t)bide__random_below(&numbers, n);
}

static unsigned char letter(unsigned char seed, size_t i)
{
	static const char letters[] = "abcdefghijklmn\r\n\n";
	return (unsigned char)letters[(seed + i * (1 + seed % 5)) % (sizeof letters - 1)];
}

/* ---- writing ------------------------------------------------------------------------------ */

static ssize_t write_parts(bide_stream *stream, unsigned char *data, size_t size)
{
	struct iovec parts[PARTS];
	const int n = 1 + (int)below(PARTS);
	size_t at = 0;
	for (int i = 0; i < n; i++) {
		const size_t part = i == n - 1 ? size - at : below(size - at + 1);
		parts[i] = (struct iovec){ data + at, part };
		at += part;
	}
	return bide_stream_writev(stream, parts, n);
}

static void write_one(int side, unsigned char *data)
{
	struct way *way = &now.ways[side];
	struct written *w = &way->writes[way->n++];
	w->seed = (unsigned char)below(256);
	w->size = below(3) == 0 ? below(LARGEST) : below(50);
	for (size_t i = 0; i < w->size; i++)
		data[i] = letter(w->seed, i);
	w->result = below(2) == 0 ? bide_stream_write(now.streams[side], data, w->size)
	                          : write_parts(now.streams[side], data, w->size);
	if (w->result >= 0 && (size_t)w->result < w->size)
		now.cut = true;
}

static void expect_done_or_stopped(int rc)
{
	EXPECT(rc == 0 || rc == -ECANCELED || now.cut || now.closed);
}

static void call_to_write(int side, unsigned char *data)
{
	switch (below(8)) {
	case 0:
		expect_done_or_stopped(bide_stream_flush(now.streams[side]));
		break;
	case 1:
		expect_done_or_stopped(bide_stream_set_write_buffer(
			now.streams[side], below(2) == 0 ? 0 : below(LARGEST)));
		break;
	default:
		write_one(side, data);
	}
}

static int write_often(int side, int number)
{
	unsigned char *data = malloc(LARGEST);
	for (int i = 0; i < CALLS && now.streams[side] != NULL; i++) {
		int rc;
		BIDE_SCOPE(scope, rc) {
			now.scopes[side][number] = below(2) == 0 ? scope : NULL;
			call_to_write(side, data);
			now.scopes[side][number] = NULL;
		}
		if (below(3) == 0)
			bide_yield();
	}
	free(data);
	return 0;
}

static BIDE_ASYNC(int, write_fully, int, int);
static int write_fully(int side, int number)
{
	return write_often(side, number);
}

static BIDE_ASYNC_LIGHT(int, write_lightly, int, int);
static int write_lightly(int side, int number)
{
	return write_often(side, number);
}

/* ---- reading ------------------------------------------------------------------------------ */

static ssize_t keep(struct way *way, const void *data, ssize_t n)
{
	if (n > 0) {
		memcpy(way->read + way->size, data, (size_t)n);
		way->size += (size_t)n;
	}
	return n;
}

static ssize_t read_line(struct way *way, bide_stream *stream)
{
	char *line;
	ssize_t n = bide_stream_readline(stream, &line);
	if (n <= 0)
		return n;
	const size_t length = strlen(line);
	keep(way, line, (ssize_t)length);
	keep(way, (size_t)n == length + 1 ? "\n" : "\r\n", n - (ssize_t)length);
	return n;
}

static ssize_t read_up_to(struct way *way, bide_stream *stream)
{
	static const bide_bytes separators[] = { { "\r\n", 2 }, { "aceg", 4 }, { "\n\n", 2 } };
	const void *data;
	ssize_t n = bide_stream_read_until(stream, separators, 3, &data);
	return keep(way, data, n);
}

static ssize_t read_in_place(struct way *way, bide_stream *stream)
{
	const void *data;
	ssize_t n = bide_stream_peek(stream, 1 + below(300), &data);
	if (n <= 0)
		return n;
	const size_t size = 1 + below((size_t)n);
	keep(way, data, (ssize_t)size);
	bide_stream_consume(stream, size);
	return n;
}

static ssize_t call_to_read(struct way *way, bide_stream *stream, char *buf)
{
	switch (below(5)) {
	case 0:
		return keep(way, buf, bide_stream_read(stream, buf, 1 + below(LARGEST)));
	case 1:
		return keep(way, buf, bide_stream_read_exactly(stream, buf, 1 + below(LARGEST)));
	case 2:
		return read_line(way, stream);
	case 3:
		return read_up_to(way, stream);
	default:
		return read_in_place(way, stream);
	}
}

/* What needs another manner of reading, or another try. */
static bool goes_on(ssize_t rc)
{
	return rc > 0 || rc == -ECANCELED || rc == -BIDE_ELIMIT || rc == -BIDE_EINCOMPLETE;
}

static int read_all(int side)
{
	struct way *way = &now.ways[!side];
	char *buf = malloc(LARGEST);
	ssize_t n = 1;
	while (goes_on(n) && now.streams[side] != NULL) {
		int rc;
		BIDE_SCOPE(scope, rc) {
			now.scopes[side][WRITERS] = below(2) == 0 ? scope : NULL;
			n = call_to_read(way, now.streams[side], buf);
			now.scopes[side][WRITERS] = NULL;
		}
	}
	way->end = n;
	if (n == 0 && now.streams[side] != NULL)
		EXPECT(bide_stream_at_end(now.streams[side]));
	free(buf);
	return 0;
}

static BIDE_ASYNC(int, read_fully, int);
static int read_fully(int side)
{
	return read_all(side);
}

static BIDE_ASYNC_LIGHT(int, read_lightly, int);
static int read_lightly(int side)
{
	return read_all(side);
}

/* ---- disturbing --------------------------------------------------------------------------- */

/* Nobody begins a call in a stream that is being closed: it is gone when that is over. */
static void close_side(int side, bool abort)
{
	bide_stream *stream = now.streams[side];
	now.streams[side] = NULL;
	if (abort)
		bide_stream_abort(stream);
	else
		bide_stream_close(stream);
}

/* Cancels calls until it is told to stop, and closes a stream after so many, if that is not 0. */
static BIDE_ASYNC(int, disturb, int);
static int disturb(int closes_after)
{
	for (int i = 1; !now.stop; i++) {
		for (size_t n = below(6); n > 0; n--)
			bide_yield();
		if (below(4) == 0)
			bide_sleep(0.00002);
		bide_scope *scope = now.scopes[below(2)][below(WRITERS + 1)];
		if (scope != NULL)
			bide_scope_cancel(scope);
		if (i == closes_after) {
			now.closed = true;
			close_side((int)below(2), below(2) == 0);
		}
	}
	return 0;
}

/* ---- judging ------------------------------------------------------------------------------ */

/* After a part of a write there is no other. */
static size_t model(const struct way *way, unsigned char *ret_bytes)
{
	size_t size = 0;
	bool cut = false;
	for (int i = 0; i < way->n; i++) {
		const struct written *w = &way->writes[i];
		EXPECT(w->result <= (ssize_t)w->size);
		EXPECT(!cut || w->result < 0);
		cut = cut || (w->result >= 0 && (size_t)w->result < w->size);
		for (ssize_t k = 0; k < w->result; k++)
			ret_bytes[size++] = letter(w->seed, (size_t)k);
	}
	return size;
}

static void judge(struct way *way)
{
	unsigned char *bytes = malloc(ALL * LARGEST);
	const size_t size = model(way, bytes);
	if (!now.cut && !now.closed) {
		EXPECT_INT(way->end, 0);
		EXPECT_UINT(way->size, size);
	}
	if (EXPECT(way->size <= size))
		EXPECT_MEM(way->read, bytes, way->size);
	free(bytes);
}

/* ---- a round ------------------------------------------------------------------------------ */

static void open_pair(void)
{
	int fds[2], back[2];
	if (kind == MEMORY) {
		EXPECT_INT(bide_stream_pair(1 + below(CAPACITY), now.streams), 0);
	} else if (kind == SOCKETS) {
		const int least = 1;
		EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		for (int i = 0; i < 2; i++) {
			setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
			EXPECT_INT(bide_stream_open(fds[i], fds[i], &now.streams[i]), 0);
		}
	} else {
		EXPECT_INT(pipe(fds), 0);
		EXPECT_INT(pipe(back), 0);
		(void)fcntl(fds[1], F_SETPIPE_SZ, 4096);
		(void)fcntl(back[1], F_SETPIPE_SZ, 4096);
		EXPECT_INT(bide_stream_open(fds[0], back[1], &now.streams[0]), 0);
		EXPECT_INT(bide_stream_open(back[0], fds[1], &now.streams[1]), 0);
	}
}

/* What can come has been written: the readers see the end of it. */
static void end_writing(int side)
{
	if (!now.cut && !now.closed && below(2) == 0)
		expect_done_or_stopped(bide_stream_flush(now.streams[side]));
	if (!now.cut && !now.closed)
		expect_done_or_stopped(bide_stream_shutdown(now.streams[side]));
}

static void write_both_ways(void)
{
	bide_task *writers[2 * WRITERS];
	for (int i = 0; i < 2 * WRITERS; i++)
		writers[i] = i / 2 == 0 ? bide_spawn(write_lightly, i % 2, i / 2)
		                        : bide_spawn(write_fully, i % 2, i / 2);
	for (int i = 0; i < 2 * WRITERS; i++)
		EXPECT_INT(bide_await(int, writers[i]), 0);
}

static void play(void)
{
	bide_task *readers[] = { bide_spawn(read_fully, 0), bide_spawn(read_lightly, 1) };
	bide_task *disturber = bide_spawn(disturb, below(3) == 0 ? 1 + (int)below(100) : 0);
	write_both_ways();
	end_writing(0);
	end_writing(1);
	if (now.cut || now.closed) {
		now.closed = true;
		close_side(0, false);
		close_side(1, false);
	}
	EXPECT_INT(bide_await(int, readers[0]), 0);
	EXPECT_INT(bide_await(int, readers[1]), 0);
	now.stop = true;
	EXPECT_INT(bide_await(int, disturber), 0);
	close_side(0, false);
	close_side(1, false);
}

static void play_round(void)
{
	memset(&now, 0, sizeof now);
	for (int i = 0; i < 2; i++)
		now.ways[i].read = malloc(ALL * LARGEST);
	open_pair();
	play();
	for (int i = 0; i < 2; i++) {
		judge(&now.ways[i]);
		free(now.ways[i].read);
	}
	EXPECT_UINT(bide__loop->in_flight, 0);
}

static BIDE_ASYNC(int, play_rounds, int);
static int play_rounds(int n)
{
	bide__random_seed(&numbers, test_seed() + (uint64_t)kind);
	for (int i = 0; i < n; i++)
		play_round();
	return 0;
}

#define MODEL_TEST(name, which) \
	TEST(name) \
	{ \
		kind = which; \
		TEST_TIMEOUT(60); \
		EXPECT_INT(bide_run(play_rounds, ROUNDS), 0); \
	}

MODEL_TEST(a_stream_in_memory_is_as_its_model, MEMORY)
MODEL_TEST(a_stream_over_sockets_is_as_its_model, SOCKETS)
MODEL_TEST(a_stream_over_pipes_is_as_its_model, PIPES)
