// SPDX-License-Identifier: MIT
/* stream.c: streams as a whole: making them, ending them, putting layers on them. Reading is in
 * stream_read.c, writing in stream_write.c. */
#include "io/stream.h"

#include "core/message.h"
#include "core/typed.h"

#include <errno.h>
#include <sys/socket.h>

/* ---- being in one ------------------------------------------------------------------------- */

int bide__stream_enter(bide_stream *stream, const struct bide__wait *wait, bool can)
{
	const struct bide__task *task = bide__suspending(wait);
	bide_loop *loop = bide__check_owner(wait->name, "stream", stream->loop);
	if (task->flags & BIDE__TASK_PENDING)
		return bide__refuse(loop, wait);
	if (stream->closing || !can)
		return -EBADF;
	stream->users++;
	return 0;
}

void bide__stream_leave(bide_stream *stream)
{
	if (--stream->users == 0 && stream->closer != NULL)
		bide__wake(stream->loop, stream->closer, 0);
}

bool bide__stream_is_final(int error)
{
	return error != -ENOMEM && error != -EBADF && error != bide_cancelled();
}

/* ---- making ------------------------------------------------------------------------------- */

enum { FIRST_BUFFER = 4096 };

static void init(bide_stream *stream, bide_loop *loop, const bide_transport *transport,
                 void *object)
{
	*stream = (bide_stream){ .transport = transport,
		                 .object = object,
		                 .loop = loop,
		                 .want = FIRST_BUFFER,
		                 .limit = BIDE_STREAM_LIMIT };
}

int bide_stream_new(const bide_transport *transport, void *object, bide_stream **ret_stream)
{
	bide_loop *loop = bide__loop;
	if (loop == NULL)
		bide__abort("bide_stream_new", "no loop on this thread");
	bide_stream *stream = bide__block_new(&loop->pool, sizeof(*stream));
	if (stream == NULL)
		return -ENOMEM;
	init(stream, loop, transport, object);
	*ret_stream = stream;
	return 0;
}

int bide_stream_push(bide_stream *stream, const bide_transport *transport, void *object,
                     bide_stream **ret_below)
{
	bide_loop *loop = bide__check_owner("bide_stream_push", "stream", stream->loop);
	if (stream->users > 0 || stream->closing || stream->out_start < stream->out_end)
		return -EBUSY;
	bide_stream *below = bide__block_new(&loop->pool, sizeof(*below));
	if (below == NULL)
		return -ENOMEM;
	*below = *stream;
	init(stream, loop, transport, object);
	/* What the user has set is for what he reads and writes, not for what the layer does. */
	stream->limit = below->limit;
	stream->out = below->out;
	stream->out_room = below->out_room;
	below->out = NULL;
	below->out_room = 0;
	*ret_below = below;
	return 0;
}

/* ---- ending ------------------------------------------------------------------------------- */

static const struct bide__wait wait_users = { "bide_stream_close", NULL, NULL };

/* Has the calls of others return; afterwards nobody is in the stream, and nobody comes in. */
static void turn_out(const char *call, bide_stream *stream)
{
	if (stream->closing)
		bide__abort(call, "the stream is being closed by another task");
	stream->closing = true;
	if (stream->users == 0)
		return;
	stream->transport->interrupt(stream->object);
	if (stream->users == 0)
		return;
	stream->closer = bide__suspending(&wait_users);
	(void)bide__park(stream->loop, &wait_users, NULL);
	stream->closer = NULL;
}

void bide_stream_interrupt(bide_stream *stream)
{
	bide__check_owner("bide_stream_interrupt", "stream", stream->loop);
	turn_out("bide_stream_interrupt", stream);
	stream->closing = false;
}

/* Closes what nobody is in any more. */
static int finish(bide_stream *stream, bool abort)
{
	bide_loop *loop = stream->loop;
	int rc = stream->transport->close(stream->object, abort);
	bide__stream_free_buffer(stream);
	bide__stream_free_out(stream);
	bide__block_free(&loop->pool, stream, sizeof(*stream));
	return rc;
}

int bide_stream_close(bide_stream *stream)
{
	if (stream == NULL)
		return 0;
	const bide_loop *loop = bide__check_owner("bide_stream_close", "stream", stream->loop);
	turn_out("bide_stream_close", stream);
	/* Who reads must not take a part for the whole. */
	int rc = stream->write_error == -BIDE_ECUT ? -BIDE_ECUT : 0;
	if (rc == 0 && stream->out_start < stream->out_end)
		rc = loop->current != NULL ? bide__stream_drain(stream) : -ECANCELED;
	int closed = finish(stream, rc < 0);
	return rc < 0 ? rc : closed;
}

void bide_stream_abort(bide_stream *stream)
{
	if (stream == NULL)
		return;
	bide__check_owner("bide_stream_abort", "stream", stream->loop);
	turn_out("bide_stream_abort", stream);
	(void)finish(stream, true);
}

/* ---- what is under it --------------------------------------------------------------------- */

/* The stream at the bottom of the layers. */
static const bide_stream *bottom(const bide_stream *stream)
{
	for (const bide_stream *below; (below = bide__stream_below(stream)) != NULL;)
		stream = below;
	return stream;
}

void *bide_stream_object(bide_stream *stream, const bide_transport *transport)
{
	bide__check_owner("bide_stream_object", "stream", stream->loop);
	return stream->transport == transport ? stream->object : NULL;
}

static int fd_of(const char *call, const bide_stream *stream)
{
	bide__check_owner(call, "stream", stream->loop);
	const bide_stream *lowest = bottom(stream);
	return lowest->transport == &bide__transport_fds ? bide__fds_fd(lowest->object) : -EBADF;
}

int bide_stream_fd(bide_stream *stream)
{
	return fd_of("bide_stream_fd", stream);
}

static int address_of(const char *call, const bide_stream *stream, bide_address *ret_address,
                      int (*ask)(int, struct sockaddr *restrict, socklen_t *restrict))
{
	bide_address address = { 0, { 0 } };
	socklen_t size = sizeof(address.at.bytes);
	int fd = fd_of(call, stream);
	if (fd < 0)
		return -ENOTSOCK;
	if (ask(fd, (struct sockaddr *)(void *)address.at.bytes, &size) < 0)
		return -errno;
	address.size = size;
	*ret_address = address;
	return 0;
}

int bide_stream_local_address(bide_stream *stream, bide_address *ret_address)
{
	return address_of("bide_stream_local_address", stream, ret_address, getsockname);
}

int bide_stream_peer_address(bide_stream *stream, bide_address *ret_address)
{
	return address_of("bide_stream_peer_address", stream, ret_address, getpeername);
}
