/* SPDX-License-Identifier: MIT */
/* stream.h: what a stream is in memory.
 *
 * A call that may suspend is counted in `users` from its beginning to its end, so that who closes
 * the stream can wait for those of other tasks. What has come and has not been read lies in one
 * buffer:
 *
 *     buffer          start           end         room
 *       | read before  | to be read    | free      |      one byte is kept free, for a NUL
 *
 * and what has been written and not been sent, in another, from `out_start` to `out_end`. */
#ifndef BIDE_IO_STREAM_H
#define BIDE_IO_STREAM_H

#include "core/loop.h"

/* The comments are lined up by hand. */
/* clang-format off */
struct bide_stream {
	const bide_transport *transport;
	void *object;              /* the transport's */
	bide_loop *loop;           /* that it belongs to */
	unsigned users;            /* calls in it */
	bool closing;              /* new calls are turned away */
	struct bide__task *closer; /* parked until there are no users, or NULL */

	/* Reading. */
	char *buffer;              /* a block of the pool, NULL when nothing lies in it */
	size_t room, start, end;
	size_t want;               /* room that a new buffer gets */
	size_t limit;              /* of what must be whole */
	int read_error;            /* what reading has failed with, and will from now on */
	bool ended;                /* the transport's end has been seen */
	bool reading;              /* by a task */
	bool filled;               /* the last read had no room for more than came */

	/* Writing. */
	bide_mutex writers;        /* held while one writes */
	char *out;                 /* the write buffer, NULL: none */
	size_t out_room, out_start, out_end;
	int write_error;           /* as read_error */
	bool shut;                 /* writing has been ended: write_error is -EPIPE */
};
/* clang-format on */

/* Counts the current task among the users. 0; -EBADF when the stream is being closed or what is to
 * be done with it, @p can, cannot be; or the cancellation. Aborts for a wrong thread. */
int bide__stream_enter(bide_stream *stream, const struct bide__wait *wait, bool can);

/* Gives back what bide__stream_enter() has taken. */
void bide__stream_leave(bide_stream *stream);

/* Whether who is in the stream is to leave it, and must not ask the transport again. */
static inline bool bide__stream_turns_out(const bide_stream *stream)
{
	return stream->closing && stream->users > 0;
}

/* The stream that carries a layer; NULL under the lowest. */
static inline const bide_stream *bide__stream_below(const bide_stream *stream)
{
	const bide_transport *transport = stream->transport;
	return transport->below != NULL ? transport->below(stream->object) : NULL;
}

/* Whether an error is the transport's for good: not a cancellation, nor one that may pass. */
bool bide__stream_is_final(int error);

/* Sends what is in the write buffer; the caller holds the writers' mutex or is alone. 0 or an
 * error. */
int bide__stream_drain(bide_stream *stream);

/* Frees the buffers. */
void bide__stream_free_buffer(bide_stream *stream);
void bide__stream_free_out(bide_stream *stream);

/* Over descriptors, and the one under such an object: the one that is read, if there are two. */
extern const bide_transport bide__transport_fds;
int bide__fds_fd(const void *object);

#endif
