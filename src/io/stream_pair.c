// SPDX-License-Identifier: MIT
/* stream_pair.c: two streams in memory. Each direction is a ring of bytes with one reader and one
 * writer, which wait for it to change. It lasts until both ends are closed. */
#include "io/stream.h"

#include "core/message.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

/* What the reader of a direction waits for, or its writer. */
struct change {
	bide_event event;
	unsigned interrupts; /* of who waits */
};

struct way {
	char *data; /* a block of the pool */
	size_t capacity, start, size;
	struct change filled;  /* told when there is something to read, or the end */
	struct change drained; /* told when there is room, or nobody who reads */
	int end;               /* 1: nothing more will come; or the error that the reader gets */
	bool deaf;             /* nobody will read any more */
};

struct pair {
	bide_loop *loop;
	struct way ways[2]; /* what the end with that number writes */
	unsigned open;      /* ends */
};

/* One end of a pair; what a stream's transport has. */
struct end {
	struct pair *pair;
	struct way *in, *out;
};

/* ---- a direction -------------------------------------------------------------------------- */

static int wait_for(struct change *change)
{
	const unsigned interrupts = change->interrupts;
	bide_event_clear(&change->event);
	int rc = bide_event_wait(&change->event);
	return rc == 0 && change->interrupts != interrupts ? -EBADF : rc;
}

static void interrupt(struct change *change)
{
	change->interrupts++;
	bide_event_set(&change->event);
}

/* Bytes that lie, or would lie, together from an offset. */
static size_t together(const struct way *way, size_t at, size_t n)
{
	return n < way->capacity - at ? n : way->capacity - at;
}

static size_t take(struct way *way, char *buf, size_t size)
{
	const size_t n = size < way->size ? size : way->size;
	const size_t first = together(way, way->start, n);
	memcpy(buf, way->data + way->start, first);
	memcpy(buf + first, way->data, n - first);
	way->start = (way->start + n) % way->capacity;
	way->size -= n;
	return n;
}

static size_t add(struct way *way, const char *buf, size_t size)
{
	const size_t room = way->capacity - way->size, n = size < room ? size : room;
	const size_t at = (way->start + way->size) % way->capacity;
	const size_t first = together(way, at, n);
	memcpy(way->data + at, buf, first);
	memcpy(way->data, buf + first, n - first);
	way->size += n;
	return n;
}

/* ---- an end ------------------------------------------------------------------------------- */

static int pair_wait(void *object)
{
	struct way *way = ((struct end *)object)->in;
	int rc = 0;
	while (rc == 0 && way->size == 0 && way->end == 0)
		rc = wait_for(&way->filled);
	return rc;
}

static ssize_t pair_read(void *object, void *buf, size_t size)
{
	struct way *way = ((struct end *)object)->in;
	int rc = pair_wait(object);
	if (rc < 0)
		return rc;
	if (way->size == 0)
		return way->end < 0 ? way->end : 0;
	size_t n = take(way, buf, size);
	bide_event_set(&way->drained.event);
	return (ssize_t)n;
}

static ssize_t pair_write(void *object, const struct iovec *buffers, int n)
{
	struct way *way = ((struct end *)object)->out;
	int rc = 0;
	size_t written = 0;
	while (rc == 0 && !way->deaf && way->size == way->capacity)
		rc = wait_for(&way->drained);
	if (rc < 0)
		return rc;
	if (way->deaf)
		return -EPIPE;
	for (int i = 0; i < n && way->size < way->capacity; i++)
		written += add(way, buffers[i].iov_base, buffers[i].iov_len);
	bide_event_set(&way->filled.event);
	return (ssize_t)written;
}

static void end_way(struct way *way, int end)
{
	if (way->end == 0)
		way->end = end;
	bide_event_set(&way->filled.event);
}

static int pair_shutdown(void *object)
{
	end_way(((struct end *)object)->out, 1);
	return 0;
}

static void pair_interrupt(void *object)
{
	const struct end *end = object;
	interrupt(&end->in->filled);
	interrupt(&end->out->drained);
}

static void pair_free(struct pair *pair)
{
	bide_loop *loop = pair->loop;
	for (int i = 0; i < 2; i++)
		if (pair->ways[i].data != NULL)
			bide__block_free(&loop->pool, pair->ways[i].data, pair->ways[i].capacity);
	bide__block_free(&loop->pool, pair, sizeof(*pair));
}

static int pair_close(void *object, bool abort)
{
	struct end *end = object;
	struct pair *pair = end->pair;
	end_way(end->out, abort ? -ECONNRESET : 1);
	end->in->deaf = true;
	bide_event_set(&end->in->drained.event);
	bide__block_free(&pair->loop->pool, end, sizeof(*end));
	if (--pair->open == 0)
		pair_free(pair);
	return 0;
}

static bool pair_has_input(void *object)
{
	const struct way *way = ((struct end *)object)->in;
	return way->size > 0 || way->end != 0;
}

static const bide_transport transport_pair = {
	"memory",       pair_read,  pair_wait, pair_write,     pair_shutdown,
	pair_interrupt, pair_close, NULL,      pair_has_input,
};

/* ---- making ------------------------------------------------------------------------------- */

static struct pair *make_pair(bide_loop *loop, size_t capacity)
{
	struct pair *pair = bide__block_new(&loop->pool, sizeof(*pair));
	if (pair == NULL)
		return NULL;
	*pair = (struct pair){ .loop = loop };
	for (int i = 0; i < 2; i++) {
		pair->ways[i].capacity = capacity;
		pair->ways[i].data = bide__block_new(&loop->pool, capacity);
	}
	if (pair->ways[0].data != NULL && pair->ways[1].data != NULL)
		return pair;
	pair_free(pair);
	return NULL;
}

static int make_end(struct pair *pair, int i, bide_stream **ret_stream)
{
	struct end *end = bide__block_new(&pair->loop->pool, sizeof(*end));
	if (end == NULL)
		return -ENOMEM;
	*end = (struct end){ pair, &pair->ways[1 - i], &pair->ways[i] };
	int rc = bide_stream_new(&transport_pair, end, ret_stream);
	if (rc < 0)
		bide__block_free(&pair->loop->pool, end, sizeof(*end));
	else
		pair->open++;
	return rc;
}

int bide_stream_pair(size_t capacity, bide_stream *ret_pair[2])
{
	bide_loop *loop = bide__loop;
	bide_stream *streams[2];
	if (loop == NULL)
		bide__abort("bide_stream_pair", "no loop on this thread");
	struct pair *pair = make_pair(loop, capacity > 0 ? capacity : BIDE_STREAM_LIMIT);
	if (pair == NULL)
		return -ENOMEM;
	int rc = make_end(pair, 0, &streams[0]);
	if (rc < 0) {
		pair_free(pair);
		return rc;
	}
	rc = make_end(pair, 1, &streams[1]);
	if (rc < 0) {
		bide_stream_abort(streams[0]);
		return rc;
	}
	ret_pair[0] = streams[0];
	ret_pair[1] = streams[1];
	return 0;
}
