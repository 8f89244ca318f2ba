// SPDX-License-Identifier: MIT
/* stream_read.c: the reading half of bide/stream.h.
 *
 * Large pieces go from the transport into the caller's memory; what is small, or must be whole,
 * passes through the buffer. While a task waits and nothing lies in the buffer it has none, but for
 * a few in a loop: to wait without one costs an operation more, which is worth it where thousands
 * wait. */
#include "io/stream.h"

#include "core/message.h"
#include "core/typed.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

enum {
	DIRECT = 1024,          /* bytes asked for from which on the buffer is passed by */
	LARGEST_BUFFER = 65536, /* that is had only to read much at once */
	WINDOW = 64, /* bytes in which each separator is looked for before the next ones */
	HOLDERS = 64 /* who may keep a buffer while they wait, of a thread */
};

/* Tasks of this thread that wait with a buffer in which nothing lies. */
static _Thread_local unsigned holders;

static inline size_t held(const bide_stream *stream)
{
	return stream->end - stream->start;
}

/* ---- the buffer --------------------------------------------------------------------------- */

void bide__stream_free_buffer(bide_stream *stream)
{
	if (stream->buffer != NULL)
		bide__block_free(&stream->loop->pool, stream->buffer, stream->room);
	stream->buffer = NULL;
	stream->room = stream->start = stream->end = 0;
}

/* Moves what is held into a block of another size. 0 or -ENOMEM. */
static int rebuffer(bide_stream *stream, size_t size)
{
	const size_t n = held(stream), room = bide__block_room(size);
	char *buffer = bide__block_new(&stream->loop->pool, room);
	if (buffer == NULL)
		return -ENOMEM;
	if (n > 0)
		memcpy(buffer, stream->buffer + stream->start, n);
	bide__stream_free_buffer(stream);
	stream->buffer = buffer;
	stream->room = room;
	stream->end = n;
	return 0;
}

/* Makes room for at least a byte behind what is held, and the NUL. 0 or -ENOMEM. */
static int make_room(bide_stream *stream)
{
	if (held(stream) == 0)
		stream->start = stream->end = 0;
	/* What comes is more at once than fits into a buffer that has been kept. */
	if (held(stream) == 0 && stream->room < stream->want)
		bide__stream_free_buffer(stream);
	if (stream->end + 1 < stream->room)
		return 0;
	if (stream->start > stream->room / 2) {
		memmove(stream->buffer, stream->buffer + stream->start, held(stream));
		stream->end = held(stream);
		stream->start = 0;
		return 0;
	}
	return rebuffer(stream, stream->room == 0 ? stream->want : 2 * stream->room);
}

/* ---- from the transport ------------------------------------------------------------------- */

/* What the transport has to say, now and, if it is its last word, from now on. */
static ssize_t heed(bide_stream *stream, ssize_t n)
{
	if (n == 0)
		stream->ended = true;
	else if (n < 0 && bide__stream_is_final((int)n))
		stream->read_error = (int)n;
	return n;
}

/* Reads into any memory: bytes, 0 at the end, or an error. */
static ssize_t receive(bide_stream *stream, void *memory, size_t size)
{
	if (bide__stream_turns_out(stream))
		return -EBADF;
	if (stream->read_error < 0)
		return stream->read_error;
	if (stream->ended)
		return 0;
	const ssize_t n = heed(stream, stream->transport->read(stream->object, memory, size));
	stream->filled = n == (ssize_t)size;
	return n;
}

/* Waits, without a buffer, for something to be read. 0 or an error. */
static int wait_empty(bide_stream *stream)
{
	bide__stream_free_buffer(stream);
	if (bide__stream_turns_out(stream))
		return -EBADF;
	int rc = stream->transport->wait(stream->object);
	return rc < 0 ? (int)heed(stream, rc) : 0;
}

static ssize_t receive_buffered(bide_stream *stream)
{
	int rc = make_room(stream);
	if (rc < 0)
		return rc;
	const size_t free = stream->room - stream->end - 1;
	ssize_t n = receive(stream, stream->buffer + stream->end, free);
	if (n > 0)
		stream->end += (size_t)n;
	if (n == (ssize_t)free && stream->want < LARGEST_BUFFER)
		stream->want *= 2;
	return n;
}

/* Reads more into the buffer: bytes, 0 at the end, or an error. */
static ssize_t fill(bide_stream *stream)
{
	const bool empty = held(stream) == 0;
	if (stream->read_error < 0 || stream->ended)
		return stream->read_error;
	/* What one large piece has needed is not kept while the next one is waited for. */
	if (empty && stream->room > LARGEST_BUFFER)
		bide__stream_free_buffer(stream);
	if (empty && holders >= HOLDERS && stream->transport->wait != NULL) {
		int rc = wait_empty(stream);
		return rc < 0 ? rc : receive_buffered(stream);
	}
	holders += empty;
	ssize_t n = receive_buffered(stream);
	holders -= empty;
	if (n <= 0 && empty)
		bide__stream_free_buffer(stream);
	return n;
}

/* ---- to the caller ------------------------------------------------------------------------ */

static int enter(bide_stream *stream, const struct bide__wait *wait)
{
	int rc = bide__stream_enter(stream, wait, stream->transport->read != NULL);
	if (rc < 0)
		return rc;
	if (stream->reading) {
		bide__stream_leave(stream);
		return -EBUSY;
	}
	stream->reading = true;
	return 0;
}

static ssize_t leave(bide_stream *stream, ssize_t result)
{
	stream->reading = false;
	bide__stream_leave(stream);
	return result;
}

/* Takes what is held, at most @p size bytes, into the caller's memory. */
static size_t take(bide_stream *stream, void *memory, size_t size)
{
	const size_t n = size < held(stream) ? size : held(stream);
	if (n > 0)
		memcpy(memory, stream->buffer + stream->start, n);
	stream->start += n;
	if (held(stream) == 0)
		bide__stream_free_buffer(stream);
	return n;
}

/* Reads some bytes of which none is held. */
static ssize_t read_some(bide_stream *stream, void *memory, size_t size)
{
	if (size < DIRECT) {
		ssize_t n = size > 0 ? fill(stream) : 0;
		return n > 0 ? (ssize_t)take(stream, memory, size) : n;
	}
	bide__stream_free_buffer(stream);
	return receive(stream, memory, size);
}

ssize_t bide_stream_read(bide_stream *stream, void *buf, size_t size)
{
	static const struct bide__wait wait = { "bide_stream_read", NULL, NULL };
	int rc = enter(stream, &wait);
	if (rc < 0)
		return rc;
	const size_t at_most = size < SSIZE_MAX ? size : SSIZE_MAX;
	return leave(stream, held(stream) > 0 ? (ssize_t)take(stream, buf, at_most)
	                                      : read_some(stream, buf, at_most));
}

ssize_t bide_stream_read_exactly(bide_stream *stream, void *buf, size_t size)
{
	static const struct bide__wait wait = { "bide_stream_read_exactly", NULL, NULL };
	int rc = enter(stream, &wait);
	if (rc < 0)
		return rc;
	if (size > SSIZE_MAX)
		return leave(stream, -EINVAL);
	size_t done = take(stream, buf, size);
	ssize_t n = 1;
	while (done < size && n > 0) {
		n = read_some(stream, (char *)buf + done, size - done);
		done += n > 0 ? (size_t)n : 0;
	}
	return leave(stream, done > 0 ? (ssize_t)done : n < 0 ? n : 0);
}

/* ---- what ends with something ------------------------------------------------------------- */

/* Where the first separator to end, of those that end behind @p from, ends; 0 if none does. */
static size_t find_in(const char *data, size_t from, size_t size, const bide_bytes *separators,
                      int n)
{
	size_t first = size + 1;
	for (int i = 0; i < n; i++) {
		const size_t length = separators[i].size;
		const size_t at = from >= length ? from - length + 1 : 0;
		const size_t most = first - 1;
		if (length > most || at > most - length)
			continue;
		const char *found = memmem(data + at, most - at, separators[i].data, length);
		if (found != NULL)
			first = (size_t)(found - data) + length;
	}
	return first <= size ? first : 0;
}

/* The same, in windows that grow: a separator that is rare is not looked for behind another. Apart,
 * so that a light task that waits for more does not keep its locals. */
__attribute__((noinline)) static size_t find(const char *data, size_t from, size_t size,
                                             const bide_bytes *separators, int n)
{
	size_t found = 0, window = WINDOW;
	while (found == 0 && from < size) {
		const size_t upto = window < size - from ? from + window : size;
		found = find_in(data, from, upto, separators, n);
		from = upto;
		window *= 2;
	}
	return found;
}

static bool are_valid(const bide_bytes *separators, int n)
{
	for (int i = 0; i < n; i++)
		if (separators[i].size == 0 || separators[i].size > SSIZE_MAX)
			return false;
	return n > 0;
}

/* How many bytes are held with the first of the separators, waiting for it; at the end of the
 * stream 0, whatever is held; or an error. */
static ssize_t until(bide_stream *stream, const bide_bytes *separators, int n)
{
	size_t looked_at = 0;
	for (;;) {
		const size_t size = held(stream) < stream->limit ? held(stream) : stream->limit;
		size_t found = 0;
		if (size > looked_at)
			found = find(stream->buffer + stream->start, looked_at, size, separators,
			             n);
		if (found > 0)
			return (ssize_t)found;
		if (size == stream->limit)
			return -BIDE_ELIMIT;
		looked_at = size;
		ssize_t got = fill(stream);
		if (got <= 0)
			return got;
	}
}

/* Takes bytes that stay where they are until the next call. */
static char *show(bide_stream *stream, size_t size)
{
	char *data = stream->buffer + stream->start;
	stream->start += size;
	return data;
}

ssize_t bide_stream_read_until(bide_stream *stream, const bide_bytes *separators, int n,
                               const void **ret_data)
{
	static const struct bide__wait wait = { "bide_stream_read_until", NULL, NULL };
	int rc = enter(stream, &wait);
	if (rc < 0)
		return rc;
	if (!are_valid(separators, n))
		return leave(stream, -EINVAL);
	ssize_t size = until(stream, separators, n);
	if (size > 0)
		*ret_data = show(stream, (size_t)size);
	else if (size == 0 && held(stream) > 0)
		size = -BIDE_EINCOMPLETE;
	return leave(stream, size);
}

/* Makes a string of a line, of which the last byte is "\n" if it has an end. */
static void end_line(char *line, size_t size)
{
	if (line[size - 1] != '\n')
		line[size] = '\0';
	else if (size > 1 && line[size - 2] == '\r')
		line[size - 2] = '\0';
	else
		line[size - 1] = '\0';
}

ssize_t bide_stream_readline(bide_stream *stream, char **ret_line)
{
	static const struct bide__wait wait = { "bide_stream_readline", NULL, NULL };
	static const bide_bytes newline = { "\n", 1 };
	int rc = enter(stream, &wait);
	if (rc < 0)
		return rc;
	ssize_t size = until(stream, &newline, 1);
	if (size == 0)
		size = (ssize_t)held(stream);
	if (size > 0) {
		*ret_line = show(stream, (size_t)size);
		end_line(*ret_line, (size_t)size);
	}
	return leave(stream, size);
}

/* ---- in place ----------------------------------------------------------------------------- */

/* Shows what is held, all of it. */
static ssize_t show_held(bide_stream *stream, const void **ret_data)
{
	if (held(stream) == 0)
		bide__stream_free_buffer(stream);
	*ret_data = held(stream) > 0 ? stream->buffer + stream->start : "";
	return (ssize_t)held(stream);
}

/* Layers look in the midst of what must not be interrupted: it is no place to wait at, nor to be
 * cancelled at. */
static ssize_t look(bide_stream *stream, const void **ret_data)
{
	bide__check_owner("bide_stream_peek", "stream", stream->loop);
	if (stream->closing || stream->transport->read == NULL)
		return -EBADF;
	return stream->reading ? -EBUSY : show_held(stream, ret_data);
}

ssize_t bide_stream_peek(bide_stream *stream, size_t least, const void **ret_data)
{
	static const struct bide__wait wait = { "bide_stream_peek", NULL, NULL };
	if (least == 0)
		return look(stream, ret_data);
	int rc = enter(stream, &wait);
	if (rc < 0)
		return rc;
	if (least > stream->limit)
		return leave(stream, -BIDE_ELIMIT);
	ssize_t n = 1;
	while (held(stream) < least && n > 0)
		n = fill(stream);
	return leave(stream, n < 0 ? n : show_held(stream, ret_data));
}

void bide_stream_consume(bide_stream *stream, size_t size)
{
	bide__check_owner("bide_stream_consume", "stream", stream->loop);
	if (stream->reading)
		bide__abort("bide_stream_consume", "another task reads the stream");
	if (size > held(stream))
		bide__abort("bide_stream_consume", "%zu bytes of %zu that are there", size,
		            held(stream));
	stream->start += size;
}

int bide_stream_set_limit(bide_stream *stream, size_t limit)
{
	bide__check_owner("bide_stream_set_limit", "stream", stream->loop);
	if (limit == 0 || limit > SSIZE_MAX / 4)
		return -EINVAL;
	stream->limit = limit;
	return 0;
}

/* ---- what has come ------------------------------------------------------------------------ */

static bool has_own_input(const bide_stream *stream)
{
	return held(stream) > 0 || stream->ended || stream->read_error < 0;
}

static bool carrier_has_input(const bide_stream *stream)
{
	const bide_transport *transport = stream->transport;
	return transport->has_input != NULL && transport->has_input(stream->object);
}

bool bide_stream_has_input(bide_stream *stream)
{
	bide__check_owner("bide_stream_has_input", "stream", stream->loop);
	for (const bide_stream *layer = stream; layer != NULL; layer = bide__stream_below(layer))
		if (has_own_input(layer) || carrier_has_input(layer))
			return true;
	return false;
}

/* The lowest layer's carrier would have to ask the system: it has been asked in vain if it gave
 * less than there was room for. */
bool bide__stream_is_drained(const bide_stream *stream)
{
	for (; !has_own_input(stream); stream = bide__stream_below(stream)) {
		if (bide__stream_below(stream) == NULL)
			return !stream->filled;
		if (carrier_has_input(stream))
			break;
	}
	return false;
}

bool bide_stream_at_end(bide_stream *stream)
{
	bide__check_owner("bide_stream_at_end", "stream", stream->loop);
	return stream->ended && held(stream) == 0;
}
