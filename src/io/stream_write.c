// SPDX-License-Identifier: MIT
/* stream_write.c: the writing half of bide/stream.h.
 *
 * Whoever holds the writers' mutex writes. What he has to send is the write buffer, which is sent
 * whole or stays, and then his own buffers; a part of those that went out without the rest ends all
 * writing, as the next write would be taken for that rest. */
#include "io/stream.h"

#include "core/message.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/uio.h>

enum { WINDOW = 16 }; /* buffers given to the transport at once */

/* What a call has still to send of the caller's. */
struct rest {
	const struct iovec *buffers;
	int n;
	size_t skip; /* bytes of the first that have been sent */
	size_t left; /* bytes of all */
};

static inline size_t gathered(const bide_stream *stream)
{
	return stream->out_end - stream->out_start;
}

/* ---- to the transport --------------------------------------------------------------------- */

/* Lays out what is to be sent next; returns how many buffers. */
static int lay_out(const bide_stream *stream, const struct rest *rest, struct iovec *window)
{
	int used = 0;
	size_t skip = rest->skip;
	if (gathered(stream) > 0)
		window[used++] =
			(struct iovec){ stream->out + stream->out_start, gathered(stream) };
	for (int i = 0; i < rest->n && used < WINDOW; i++, skip = 0)
		if (rest->buffers[i].iov_len > skip)
			window[used++] = (struct iovec){ (char *)rest->buffers[i].iov_base + skip,
				                         rest->buffers[i].iov_len - skip };
	return used;
}

static void advance(bide_stream *stream, struct rest *rest, size_t sent)
{
	const size_t of_out = sent < gathered(stream) ? sent : gathered(stream);
	stream->out_start += of_out;
	if (gathered(stream) == 0)
		stream->out_start = stream->out_end = 0;
	sent -= of_out;
	rest->left -= sent;
	while (rest->n > 0 && sent >= rest->buffers->iov_len - rest->skip) {
		sent -= rest->buffers->iov_len - rest->skip;
		rest->buffers++;
		rest->n--;
		rest->skip = 0;
	}
	rest->skip += sent;
}

/* Not inlined: the frame of who has one buffer, as most have, is small, and is moved with a light
 * task. */
__attribute__((noinline)) static ssize_t send_several(const bide_stream *stream,
                                                      const struct rest *rest)
{
	struct iovec window[WINDOW];
	const int n = lay_out(stream, rest, window);
	return stream->transport->write(stream->object, window, n);
}

static ssize_t send_some(const bide_stream *stream, const struct rest *rest)
{
	if (gathered(stream) > 0 || rest->n != 1)
		return send_several(stream, rest);
	const struct iovec one = { (char *)rest->buffers->iov_base + rest->skip, rest->left };
	return stream->transport->write(stream->object, &one, 1);
}

/* Sends the write buffer and all of the rest. 0 or an error. */
static int send_all(bide_stream *stream, struct rest *rest)
{
	while (gathered(stream) + rest->left > 0) {
		if (bide__stream_turns_out(stream))
			return -EBADF;
		ssize_t sent = send_some(stream, rest);
		if (sent == 0)
			bide__abort("bide_stream_write", "the transport '%s' has written nothing",
			            stream->transport->name);
		if (sent < 0 && bide__stream_is_final((int)sent))
			stream->write_error = (int)sent;
		if (sent < 0)
			return (int)sent;
		advance(stream, rest, (size_t)sent);
	}
	return 0;
}

int bide__stream_drain(bide_stream *stream)
{
	struct rest nothing = { NULL, 0, 0, 0 };
	if (stream->write_error < 0)
		return stream->write_error;
	return send_all(stream, &nothing);
}

/* ---- the write buffer --------------------------------------------------------------------- */

void bide__stream_free_out(bide_stream *stream)
{
	if (stream->out != NULL)
		bide__block_free(&stream->loop->pool, stream->out, stream->out_room);
	stream->out = NULL;
	stream->out_room = stream->out_start = stream->out_end = 0;
}

static void gather(bide_stream *stream, const struct iovec *buffers, int n)
{
	if (stream->out_start > 0) {
		memmove(stream->out, stream->out + stream->out_start, gathered(stream));
		stream->out_end = gathered(stream);
		stream->out_start = 0;
	}
	for (int i = 0; i < n; i++) {
		if (buffers[i].iov_len > 0)
			memcpy(stream->out + stream->out_end, buffers[i].iov_base,
			       buffers[i].iov_len);
		stream->out_end += buffers[i].iov_len;
	}
}

/* ---- the calls ---------------------------------------------------------------------------- */

static void leave(bide_stream *stream)
{
	bide_mutex_unlock(&stream->writers);
	bide__stream_leave(stream);
}

/* Waits for the turn to write. 0, and leave() is to follow, or an error. */
static int enter(bide_stream *stream, const struct bide__wait *wait)
{
	int rc = bide__stream_enter(stream, wait, stream->transport->write != NULL);
	if (rc < 0)
		return rc;
	rc = bide_mutex_lock(&stream->writers);
	if (rc < 0) {
		bide__stream_leave(stream);
		return rc;
	}
	rc = stream->closing ? -EBADF : stream->write_error;
	if (rc < 0)
		leave(stream);
	return rc;
}

/* Sends, or gathers, bytes of which there are some. Their number, or as bide_stream_write(). */
static ssize_t put(bide_stream *stream, const struct iovec *buffers, int n, size_t size)
{
	struct rest rest = { buffers, n, 0, size };
	int rc = 0;
	if (size > stream->out_room - gathered(stream))
		rc = send_all(stream, &rest);
	else
		gather(stream, buffers, n);
	if (rc == 0)
		return (ssize_t)size;
	if (rest.left == size)
		return rc;
	if (stream->write_error == 0)
		stream->write_error = -BIDE_ECUT;
	return (ssize_t)(size - rest.left);
}

static ssize_t write_to(bide_stream *stream, const struct bide__wait *wait,
                        const struct iovec *buffers, int n, size_t size)
{
	int rc = enter(stream, wait);
	if (rc < 0)
		return rc;
	ssize_t written = size > 0 ? put(stream, buffers, n, size) : 0;
	leave(stream);
	return written;
}

ssize_t bide_stream_write(bide_stream *stream, const void *buf, size_t size)
{
	static const struct bide__wait wait = { "bide_stream_write", NULL, NULL };
	const struct iovec buffer = { (void *)(uintptr_t)buf, size };
	return size > SSIZE_MAX ? -EINVAL : write_to(stream, &wait, &buffer, 1, size);
}

/* The bytes in all buffers, or -EINVAL. */
static ssize_t total(const struct iovec *buffers, int n)
{
	size_t size = 0;
	if (n < 0 || n > IOV_MAX)
		return -EINVAL;
	for (int i = 0; i < n; i++) {
		if (buffers[i].iov_len > SSIZE_MAX - size)
			return -EINVAL;
		size += buffers[i].iov_len;
	}
	return (ssize_t)size;
}

ssize_t bide_stream_writev(bide_stream *stream, const struct iovec *buffers, int n)
{
	static const struct bide__wait wait = { "bide_stream_writev", NULL, NULL };
	ssize_t size = total(buffers, n);
	if (size < 0)
		return size;
	/* As of a head without a body: one buffer is less work. */
	while (n > 0 && buffers[n - 1].iov_len == 0)
		n--;
	return write_to(stream, &wait, buffers, n, (size_t)size);
}

/* Who has ended writing has nothing more to send, and can do so again. */
static int unless_shut(const bide_stream *stream, int rc)
{
	return rc == -EPIPE && stream->shut ? 0 : rc;
}

int bide_stream_flush(bide_stream *stream)
{
	static const struct bide__wait wait = { "bide_stream_flush", NULL, NULL };
	int rc = enter(stream, &wait);
	if (rc < 0)
		return unless_shut(stream, rc);
	rc = bide__stream_drain(stream);
	leave(stream);
	return rc;
}

/* Replaces the write buffer, in which nothing is left. 0 or -ENOMEM. */
static int rebuffer(bide_stream *stream, size_t size)
{
	const size_t room = bide__block_room(size);
	char *out = size > 0 ? bide__block_new(&stream->loop->pool, room) : NULL;
	if (size > 0 && out == NULL)
		return -ENOMEM;
	bide__stream_free_out(stream);
	stream->out = out;
	stream->out_room = size > 0 ? room : 0;
	return 0;
}

int bide_stream_set_write_buffer(bide_stream *stream, size_t size)
{
	static const struct bide__wait wait = { "bide_stream_set_write_buffer", NULL, NULL };
	int rc = enter(stream, &wait);
	if (rc < 0)
		return rc;
	rc = size > SSIZE_MAX ? -EINVAL : bide__stream_drain(stream);
	if (rc == 0)
		rc = rebuffer(stream, size);
	leave(stream);
	return rc;
}

int bide_stream_shutdown(bide_stream *stream)
{
	static const struct bide__wait wait = { "bide_stream_shutdown", NULL, NULL };
	if (stream->transport->shutdown == NULL)
		return -ENOTSUP;
	int rc = enter(stream, &wait);
	if (rc < 0)
		return unless_shut(stream, rc);
	rc = bide__stream_drain(stream);
	if (rc == 0 && bide__stream_turns_out(stream))
		rc = -EBADF;
	if (rc == 0)
		rc = stream->transport->shutdown(stream->object);
	if (rc == 0) {
		stream->write_error = -EPIPE;
		stream->shut = true;
	}
	leave(stream);
	return rc;
}
