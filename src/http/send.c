// SPDX-License-Identifier: MIT
/* send.c: sending the body of a request, block by block, as what it is made of gives them. */
#include "http/source.h"

#include "base/alloc.h"
#include "core/beside.h"

#include <bide/thread.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { BLOCK = 65536, WAITING = 8 };

/* Something is being sent. Small pieces wait for what comes behind them, to go out together. */
struct sending {
	struct bide__http_body *body;
	bide_stream *stream;
	bide_bytes head; /* goes before all the rest */
	bool chunked;
	char *block;                   /* BLOCK bytes, when they are needed */
	struct iovec waiting[WAITING]; /* what is to be sent */
	int n;                         /* how many these are */
	size_t size;                   /* and of how many bytes */
	bool block_waits;              /* some of them are in the block */
};

/* ---- writing ------------------------------------------------------------------------------ */

/* What was cut off in the midst tells how much went out; the next write, why: by what has ended the
 * connection, or a cancellation, or else that was a lack of memory. */
int bide__http_send_all(bide_stream *stream, const struct iovec *buffers, int n)
{
	ssize_t size = 0;
	for (int i = 0; i < n; i++)
		size += (ssize_t)buffers[i].iov_len;
	ssize_t written = bide_stream_writev(stream, buffers, n);
	if (written == size)
		return 0;
	if (written >= 0)
		written = bide_stream_write(stream, "", 0);
	return written == -BIDE_ECUT ? -ENOMEM : (int)written;
}

static struct iovec buffer_of(const void *data, size_t size)
{
	return (struct iovec){ (void *)(uintptr_t)data, size };
}

/* Sends what waits, with what goes around it; @p last: and then the end of the body. */
static int flush(struct sending *sending, bool last)
{
	char line[24];
	struct iovec buffers[WAITING + 4];
	const bool framed = sending->chunked && sending->size > 0;
	int n = 0;
	if (sending->head.size > 0)
		buffers[n++] = buffer_of(sending->head.data, sending->head.size);
	if (framed)
		buffers[n++] = buffer_of(
			line, (size_t)snprintf(line, sizeof(line), "%zx\r\n", sending->size));
	for (int i = 0; i < sending->n; i++)
		buffers[n++] = sending->waiting[i];
	if (framed)
		buffers[n++] = buffer_of("\r\n", 2);
	if (last && sending->chunked)
		buffers[n++] = buffer_of("0\r\n\r\n", 5);
	sending->head.size = sending->size = 0;
	sending->n = 0;
	sending->block_waits = false;
	return n > 0 ? bide__http_send_all(sending->stream, buffers, n) : 0;
}

/* Has some bytes wait, which are to stay where they are until flush(). */
static int put(struct sending *sending, const void *data, size_t size)
{
	if (size == 0)
		return 0;
	sending->waiting[sending->n++] = buffer_of(data, size);
	sending->size += size;
	return sending->n == WAITING || sending->size >= BLOCK ? flush(sending, false) : 0;
}

/* ---- taking ------------------------------------------------------------------------------- */

/* What a body has failed with is no fault of the connection, and the other way round. */
static int fail(const struct sending *sending, int error)
{
	sending->body->error = error;
	return error;
}

static size_t at_most(int64_t left)
{
	return left == BIDE_HTTP_UNKNOWN || left > BLOCK ? BLOCK : (size_t)left;
}

/* What the system has in memory is taken at once; for what is on the disk a thread waits. */
static BIDE_ASYNC(ssize_t, read_disk, int, void *, size_t, int64_t);
static ssize_t read_disk(int fd, void *buf, size_t size, int64_t offset)
{
	ssize_t n;
	do
		n = pread(fd, buf, size, offset);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static ssize_t read_file(int fd, void *buf, size_t size, int64_t offset)
{
	const struct iovec buffer = { buf, size };
	ssize_t n = preadv2(fd, &buffer, 1, offset, RWF_NOWAIT);
	return n >= 0 ? n : bide_to_thread(read_disk, fd, buf, size, offset);
}

/* The block is to be filled anew: nothing of it may wait. */
static int have_block(struct sending *sending)
{
	return sending->block_waits ? flush(sending, false) : 0;
}

static int send_file(struct sending *sending, const struct bide__http_piece *piece)
{
	int rc = 0;
	for (int64_t sent = 0; rc == 0 && sent < piece->size;) {
		rc = have_block(sending);
		if (rc < 0)
			break;
		ssize_t n = read_file(piece->fd, sending->block, at_most(piece->size - sent),
		                      piece->offset + sent);
		if (n <= 0)
			return fail(sending, n < 0 ? (int)n : -BIDE_EHTTP_LENGTH);
		sent += n;
		sending->block_waits = true;
		rc = put(sending, sending->block, (size_t)n);
	}
	return rc;
}

/* The bytes are sent from where they are in the stream's buffer. While it has none nothing else is
 * held back. */
static int send_stream(struct sending *sending, const struct bide__http_piece *piece)
{
	int64_t left = piece->size;
	const void *data;
	int rc = bide_stream_peek(piece->stream, 0, &data) == 0 ? flush(sending, false) : 0;
	sending->body->begun |= rc == 0;
	while (rc == 0 && left != 0) {
		ssize_t n = bide_stream_peek(piece->stream, 1, &data);
		if (n == 0 && left == BIDE_HTTP_UNKNOWN)
			return 0;
		if (n <= 0)
			return fail(sending, n < 0 ? (int)n : -BIDE_EHTTP_LENGTH);
		const size_t size = (size_t)n < at_most(left) ? (size_t)n : at_most(left);
		rc = put(sending, data, size);
		if (rc == 0)
			rc = flush(sending, false);
		bide_stream_consume(piece->stream, size);
		left -= left == BIDE_HTTP_UNKNOWN ? 0 : (int64_t)size;
	}
	return rc;
}

/* Has the user's function give some bytes, which may take its time. */
static ssize_t call(struct sending *sending, const struct bide__http_piece *piece, void *buf,
                    size_t size)
{
	ssize_t n = piece->call(piece->arg, buf, size);
	if (n > 0 && (size_t)n > size)
		bide__abort("bide_http_producer", "%zd bytes were given for %zu", n, size);
	return n < 0 ? fail(sending, (int)n) : n;
}

/* Before the last block is sent it must be the last one. */
static int see_end(struct sending *sending, const struct bide__http_piece *piece)
{
	char more;
	ssize_t n = call(sending, piece, &more, 1);
	return n > 0 ? fail(sending, -BIDE_EHTTP_LENGTH) : (int)n;
}

static int send_call(struct sending *sending, const struct bide__http_piece *piece)
{
	int64_t left = piece->size;
	int rc = have_block(sending);
	sending->body->begun |= rc == 0;
	if (rc == 0 && left == 0)
		rc = see_end(sending, piece);
	while (rc == 0 && left != 0) {
		ssize_t n = call(sending, piece, sending->block, at_most(left));
		if (n == 0 && left == BIDE_HTTP_UNKNOWN)
			return 0;
		if (n <= 0)
			return n < 0 ? (int)n : fail(sending, -BIDE_EHTTP_LENGTH);
		left -= left == BIDE_HTTP_UNKNOWN ? 0 : (int64_t)n;
		if (left == 0)
			rc = see_end(sending, piece);
		if (rc == 0)
			rc = put(sending, sending->block, (size_t)n);
		if (rc == 0)
			rc = flush(sending, false);
	}
	return rc;
}

/* ---- piece by piece ----------------------------------------------------------------------- */

static int send_piece(struct sending *sending, const struct bide__http_piece *piece)
{
	switch (piece->kind) {
	case BIDE__PIECE_FILE:
		return send_file(sending, piece);
	case BIDE__PIECE_STREAM:
		return send_stream(sending, piece);
	case BIDE__PIECE_CALL:
		return send_call(sending, piece);
	case BIDE__PIECE_MEMORY:
		break;
	}
	return put(sending, piece->data, (size_t)piece->size);
}

static int send_pieces(struct sending *sending)
{
	const struct bide__http_body *body = sending->body;
	for (size_t i = 0; i < body->n; i++) {
		int rc = send_piece(sending, &body->pieces[i]);
		if (rc < 0)
			return rc;
	}
	return flush(sending, true);
}

/* Apart, as its frame would be kept for each request that has no body. */
__attribute__((noinline)) static int send_body(struct bide__http_body *body, bide_stream *stream,
                                               bide_bytes head)
{
	struct sending sending = { .body = body,
		                   .stream = stream,
		                   .head = head,
		                   .chunked = body->size == BIDE_HTTP_UNKNOWN };
	for (size_t i = 0; i < body->n && sending.block == NULL; i++)
		if (body->pieces[i].kind == BIDE__PIECE_FILE ||
		    body->pieces[i].kind == BIDE__PIECE_CALL) {
			sending.block = bide__malloc(BLOCK);
			if (sending.block == NULL)
				return fail(&sending, -ENOMEM);
		}
	int rc = send_pieces(&sending);
	bide__free(sending.block);
	return rc;
}

int bide__http_body_send(struct bide__http_body *body, bide_stream *stream, bide_bytes head)
{
	const struct iovec alone = buffer_of(head.data, head.size);
	body->error = 0;
	if (body->n > 0)
		return send_body(body, stream, head);
	return head.size > 0 ? bide__http_send_all(stream, &alone, 1) : 0;
}
