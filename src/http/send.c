// SPDX-License-Identifier: MIT
/* send.c: sending the body of a request, block by block, as what it is made of gives them. */
#include "http/source.h"

#include "base/alloc.h"

#include <bide/thread.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { BLOCK = 65536 };

/* Something is being sent. */
struct sending {
	struct bide__http_body *body;
	bide_stream *stream;
	bide_bytes head; /* goes before what is sent next */
	bool chunked;
	char *block; /* BLOCK bytes, when they are needed */
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

/* Sends a block with what goes around it; of no bytes, only the head. */
static int send_block(struct sending *sending, const void *data, size_t size)
{
	char chunk[24];
	struct iovec buffers[4];
	int n = 0;
	if (sending->head.size > 0)
		buffers[n++] = buffer_of(sending->head.data, sending->head.size);
	if (size > 0 && sending->chunked)
		buffers[n++] =
			buffer_of(chunk, (size_t)snprintf(chunk, sizeof(chunk), "%zx\r\n", size));
	if (size > 0)
		buffers[n++] = buffer_of(data, size);
	if (size > 0 && sending->chunked)
		buffers[n++] = buffer_of("\r\n", 2);
	sending->head.size = 0;
	return n > 0 ? bide__http_send_all(sending->stream, buffers, n) : 0;
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

static int send_file(struct sending *sending, const struct bide__http_piece *piece)
{
	for (int64_t sent = 0; sent < piece->size;) {
		ssize_t n = read_file(piece->fd, sending->block, at_most(piece->size - sent),
		                      piece->offset + sent);
		if (n <= 0)
			return fail(sending, n < 0 ? (int)n : -BIDE_EHTTP_LENGTH);
		int rc = send_block(sending, sending->block, (size_t)n);
		if (rc < 0)
			return rc;
		sent += n;
	}
	return 0;
}

/* The bytes are sent from where they are in the stream's buffer. */
static int send_stream(struct sending *sending, const struct bide__http_piece *piece)
{
	int64_t left = piece->size;
	while (left != 0) {
		const void *data;
		ssize_t n = bide_stream_peek(piece->stream, 1, &data);
		if (n == 0 && left == BIDE_HTTP_UNKNOWN)
			return 0;
		if (n <= 0)
			return fail(sending, n < 0 ? (int)n : -BIDE_EHTTP_LENGTH);
		const size_t size = (size_t)n < at_most(left) ? (size_t)n : at_most(left);
		int rc = send_block(sending, data, size);
		bide_stream_consume(piece->stream, size);
		if (rc < 0)
			return rc;
		left -= left == BIDE_HTTP_UNKNOWN ? 0 : (int64_t)size;
	}
	return 0;
}

/* Before the last block is sent it must be the last one. */
static int see_end(const struct sending *sending, const struct bide__http_piece *piece)
{
	char more;
	ssize_t n = piece->call(piece->arg, &more, 1);
	return n == 0 ? 0 : fail(sending, n < 0 ? (int)n : -BIDE_EHTTP_LENGTH);
}

static int send_call(struct sending *sending, const struct bide__http_piece *piece)
{
	int64_t left = piece->size;
	if (left == 0)
		return see_end(sending, piece);
	while (left != 0) {
		ssize_t n = piece->call(piece->arg, sending->block, at_most(left));
		if (n == 0 && left == BIDE_HTTP_UNKNOWN)
			return 0;
		if (n <= 0)
			return fail(sending, n < 0 ? (int)n : -BIDE_EHTTP_LENGTH);
		left -= left == BIDE_HTTP_UNKNOWN ? 0 : (int64_t)n;
		int rc = left == 0 ? see_end(sending, piece) : 0;
		if (rc == 0)
			rc = send_block(sending, sending->block, (size_t)n);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---- piece by piece ----------------------------------------------------------------------- */

static int send_piece(struct sending *sending, const struct bide__http_piece *piece)
{
	switch (piece->kind) {
	case BIDE__PIECE_FILE:
		return send_file(sending, piece);
	case BIDE__PIECE_STREAM:
		sending->body->begun = true;
		return send_stream(sending, piece);
	case BIDE__PIECE_CALL:
		sending->body->begun = true;
		return send_call(sending, piece);
	case BIDE__PIECE_MEMORY:
		break;
	}
	return send_block(sending, piece->data, (size_t)piece->size);
}

static int send_pieces(struct sending *sending)
{
	const struct bide__http_body *body = sending->body;
	for (size_t i = 0; i < body->n; i++) {
		int rc = send_piece(sending, &body->pieces[i]);
		if (rc < 0)
			return rc;
	}
	int rc = send_block(sending, NULL, 0);
	if (rc < 0 || !sending->chunked)
		return rc;
	const struct iovec last = buffer_of("0\r\n\r\n", 5);
	return bide__http_send_all(sending->stream, &last, 1);
}

int bide__http_body_send(struct bide__http_body *body, bide_stream *stream, bide_bytes head)
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
