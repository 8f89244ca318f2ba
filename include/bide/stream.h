/* SPDX-License-Identifier: MIT */
/* bide/stream.h: bytes in order, both ways, over whatever carries them: sockets, pipes, TLS,
 * memory; asyncio's StreamReader and StreamWriter in one.
 *
 * Reading: by how much (read, read_exactly), by what ends it (readline, read_until), or in place
 * (peek, consume). What a call does not return stays for the next one: a limit, an end that comes
 * too early, an error or a cancellation loses no byte. A stream takes memory for a buffer when it
 * needs one, and gives it back when nothing lies in it.
 *
 * Writing: a write returns when the bytes have gone to the system, and suspends while that has no
 * room, which is the back-pressure. With a write buffer small writes are gathered first. Writes of
 * several tasks follow each other whole, first come first served.
 *
 * One task may read while others write. Whose stream it is closes it, once, by bide_stream_close()
 * or bide_stream_abort(); calls of other tasks that are in it then return -EBADF. A stream belongs
 * to the thread of the loop on which it was made; use elsewhere aborts. For a deadline put a call
 * into a BIDE_TIMEOUT block.
 *
 * Once reading, or writing, has failed it fails the same way from then on. */
#ifndef BIDE_STREAM_H
#define BIDE_STREAM_H

#include <bide/io.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A stream. */
typedef struct bide_stream bide_stream;

/** Bytes somewhere: not a string, no NUL is asked for. */
typedef struct bide_bytes {
	const void *data;
	size_t size;
} bide_bytes;

/** How much a stream buffers at most for a line or another piece that must be whole, by default. */
#define BIDE_STREAM_LIMIT 65536

/* ---- making and ending -------------------------------------------------------------------- */

/** Makes a stream of descriptors, which are then its own.
 *
 *  @param in         to be read from, or -1.
 *  @param out        to be written to, or -1; the same as @p in for a socket or a terminal.
 *  @param ret_stream gets the stream; untouched on failure, the descriptors remaining the caller's.
 *  @return 0; -EBADF for what is no descriptor, or no two; -EINVAL for a socket that is not one of
 *          SOCK_STREAM; -ENOMEM. Aborts on a thread without a loop. */
BIDE_API BIDE_CHECKED int bide_stream_open(int in, int out, bide_stream **ret_stream) BIDE__NOTHROW;

/** Makes two streams in memory: what is written to one is read from the other. For tests, and
 *  between tasks of one loop. No descriptor is used, so that it works on the virtual backend.
 *
 *  @param capacity bytes that lie between them in each direction before a write waits; 0: 64 KiB.
 *  @param ret_pair gets the two, each of which is to be closed; untouched on failure.
 *  @return 0 or -ENOMEM. Aborts on a thread without a loop. */
BIDE_API BIDE_CHECKED int bide_stream_pair(size_t capacity, bide_stream *ret_pair[2]) BIDE__NOTHROW;

/** Sends what is in the write buffer, waits until that is done, and closes the stream, which is no
 *  more then. [suspends] NULL is no stream. Calls of other tasks in it return -EBADF first. Always
 *  completes: when the task is cancelled, meanwhile or before, what has not been sent is dropped.
 *  @return 0; -BIDE_ECUT when a write was cut off, by this or before: then it is as
 *          bide_stream_abort(), so that a part is not taken for the whole; what sending failed
 *          with; the cancellation, if something was dropped; or what the system's close failed
 *          with. */
BIDE_API int bide_stream_close(bide_stream *stream) BIDE__NOTHROW;

/** Closes a stream without sending what is left; the other side of a TCP connection sees a reset.
 *  [suspends] as bide_stream_close(), but for nothing that the other side does. NULL is none. */
BIDE_API void bide_stream_abort(bide_stream *stream) BIDE__NOTHROW;

/* ---- reading ------------------------------------------------------------------------------ */

/** Reads what there is, at most @p size bytes, waiting for the first. [suspends]
 *
 *  @return bytes read (> 0 unless size is 0); 0 at the end; -EBUSY while another task reads;
 *          -EBADF for a stream that cannot be read, or that is being closed; -ENOMEM; what reading
 *          the descriptor fails with, as -ECONNRESET; or the cancellation, nothing having been
 *          read. */
BIDE_API ssize_t bide_stream_read(bide_stream *stream, void *buf, size_t size) BIDE__NOTHROW;

/** Reads @p size bytes. [suspends]
 *
 *  @return size; or fewer, if the stream ended, failed or the task was cancelled after so many:
 *          the next call tells which; or what bide_stream_read() returns, nothing having been
 *          read. */
BIDE_API ssize_t bide_stream_read_exactly(bide_stream *stream, void *buf,
                                          size_t size) BIDE__NOTHROW;

/** Reads up to the first of several separators, the one that ends first, which is part of what is
 *  read. [suspends]
 *
 *  @param separators @p n of them, n > 0, each of at least one byte.
 *  @param ret_data   gets the address of the bytes, in the stream's buffer; good until the next
 *                    call that reads; untouched on failure.
 *  @return their number (> 0); 0 at the end, nothing having come before it; or, nothing having been
 *          read: -BIDE_EINCOMPLETE when the stream ends without a separator; -BIDE_ELIMIT when
 *          there is none in as many bytes as the limit is; -EINVAL; or as of bide_stream_read(). */
BIDE_API ssize_t bide_stream_read_until(bide_stream *stream, const bide_bytes *separators, int n,
                                        const void **ret_data) BIDE__NOTHROW;

/** Reads a line: what ends with "\n", or what is left before the end of the stream. [suspends]
 *
 *  @param ret_line gets the address of the line, in the stream's buffer, as a string without its
 *                  "\n" or "\r\n"; good until the next call that reads; untouched on failure.
 *  @return the bytes read, those of the line's end too (> 0); 0 at the end; -BIDE_ELIMIT when none
 *          ends in as many bytes as the limit is, nothing having been read; or as of
 *          bide_stream_read(). */
BIDE_API ssize_t bide_stream_readline(bide_stream *stream, char **ret_line) BIDE__NOTHROW;

/** Waits until at least @p least bytes have come, and shows all that have, without taking them:
 *  bide_stream_consume() does. [suspends]
 *
 *  @param least    at most the limit; 0: looks at what there is, and neither waits nor suspends,
 *                  nor fails when the task has been cancelled.
 *  @param ret_data gets their address, in the stream's buffer; good until the next call that reads;
 *                  untouched on failure.
 *  @return their number; fewer than @p least when the stream ends there; -BIDE_ELIMIT; or as of
 *          bide_stream_read(). */
BIDE_API ssize_t bide_stream_peek(bide_stream *stream, size_t least,
                                  const void **ret_data) BIDE__NOTHROW;

/** Takes bytes that bide_stream_peek() has shown. Aborts when there are not so many, or while
 *  another task reads. */
BIDE_API void bide_stream_consume(bide_stream *stream, size_t size) BIDE__NOTHROW;

/** Sets the limit of what must be whole, in bytes; it is BIDE_STREAM_LIMIT at first.
 *  @return 0, or -EINVAL for 0. */
BIDE_API int bide_stream_set_limit(bide_stream *stream, size_t limit) BIDE__NOTHROW;

/** Whether the end has been read: nothing is left and nothing more will come. */
BIDE_API bool bide_stream_at_end(bide_stream *stream) BIDE__NOTHROW;

/** Whether something has come that has not been read, in the stream, in what carries it or in the
 *  system: bytes, the end, or an error. Takes a system call where nothing lies in the stream; does
 *  not suspend. What is only the layer's, as a ticket of TLS, counts, too. A stream over a
 *  transport of the user's own knows what that tells it. */
BIDE_API bool bide_stream_has_input(bide_stream *stream) BIDE__NOTHROW;

/* ---- writing ------------------------------------------------------------------------------ */

/** Writes @p size bytes, all of them, after the writes of others that came first. [suspends]
 *
 *  @return size; or fewer (> 0), when writing failed or the task was cancelled after so many: no
 *          other write follows a part, they return -BIDE_ECUT from then on, or the error; -EPIPE
 *          after bide_stream_shutdown() or when the other side has closed, without a SIGPIPE;
 *          -EBADF for a stream that cannot be written, or that is being closed; -ENOMEM; what
 *          writing to the descriptor fails with; or the cancellation, nothing having been
 *          written. */
BIDE_API ssize_t bide_stream_write(bide_stream *stream, const void *buf, size_t size) BIDE__NOTHROW;

/** As bide_stream_write(), from @p n buffers, one after the other. [suspends] -EINVAL when n is
 *  negative or more than IOV_MAX, or there are more bytes than a ssize_t counts. */
BIDE_API ssize_t bide_stream_writev(bide_stream *stream, const struct iovec *buffers,
                                    int n) BIDE__NOTHROW;

/** Gathers writes in a buffer of @p size bytes: it is sent when the next write does not fit, and by
 *  bide_stream_flush(), bide_stream_shutdown() and bide_stream_close(). 0, as at first: none.
 *  [suspends] for what is in the old one.
 *  @return 0, -ENOMEM; or as of bide_stream_flush(), the buffer being as it was. */
BIDE_API int bide_stream_set_write_buffer(bide_stream *stream, size_t size) BIDE__NOTHROW;

/** Sends what is in the write buffer, after the writes of others that came first. [suspends]
 *  @return 0; or as of bide_stream_write(). */
BIDE_API int bide_stream_flush(bide_stream *stream) BIDE__NOTHROW;

/** Flushes, and tells the other side that nothing more will be written: it reads the end; asyncio's
 *  write_eof. [suspends] Reading goes on. A second time it does nothing.
 *  @return 0; -ENOTSUP where one direction cannot be ended; or as of bide_stream_write(). */
BIDE_API int bide_stream_shutdown(bide_stream *stream) BIDE__NOTHROW;

/* ---- what it is made of ------------------------------------------------------------------- */

/** Room for the text of any address. */
#define BIDE_ADDRESS_MAX 128

/** The address of a socket, as in a struct sockaddr. */
typedef struct bide_address {
	unsigned size; /**< of what follows, a socklen_t; 0: there is none */
	union {
		unsigned long align;
		unsigned char bytes[128]; /**< a struct sockaddr */
	} at;
} bide_address;

/** Writes an address as text: "192.0.2.1:80", "[2001:db8::1]:80", "[fe80::1%eth0]:80",
 *  "unix:/path", "unix:@abstract"; "-" for none, or one without a name. [threadsafe]
 *  @param buf BIDE_ADDRESS_MAX bytes of the caller's. @return buf. */
BIDE_API char *bide_address_format(const bide_address *address, char *buf) BIDE__NOTHROW;

/** Reads such a text. [threadsafe] @return 0 or -EINVAL, *ret_address untouched. */
BIDE_API BIDE_CHECKED int bide_address_parse(const char *text,
                                             bide_address *ret_address) BIDE__NOTHROW;

/** The address of this side, or the other one's, of the socket under a stream.
 *  @return 0; -ENOTSOCK when there is none; what getsockname(2) or getpeername(2) fails with. */
BIDE_API int bide_stream_local_address(bide_stream *stream,
                                       bide_address *ret_address) BIDE__NOTHROW;
BIDE_API int bide_stream_peer_address(bide_stream *stream, bide_address *ret_address) BIDE__NOTHROW;

/** Returns the descriptor under a stream, the one that is read if there are two, or -EBADF. It
 *  remains the stream's. */
BIDE_API int bide_stream_fd(bide_stream *stream) BIDE__NOTHROW;

/** What carries a stream's bytes: for those that make streams of something new. The functions run
 *  in the task that calls the stream, one that reads and one that writes at most at a time, and may
 *  suspend. Those that say so are NULL where it cannot be done. */
typedef struct bide_transport {
	const char *name; /**< for messages */
	/** Reads some bytes, at least one: their number, 0 at the end, or an error. Or NULL. */
	ssize_t (*read)(void *object, void *buf, size_t size);
	/** Waits until there is something to be read, so that no buffer is held meanwhile: 0 or an
	 *  error. Or NULL: `read` waits. */
	int (*wait)(void *object);
	/** Writes some bytes, at least one: their number, or an error. Or NULL. */
	ssize_t (*write)(void *object, const struct iovec *buffers, int n);
	/** Ends the direction that is written: 0 or an error. Or NULL. */
	int (*shutdown)(void *object);
	/** Has the calls in progress, which are other tasks', return -EBADF. May suspend; always
	 *  completes. */
	void (*interrupt)(void *object);
	/** Closes and frees the object, no other call being in progress: 0 or an error. May
	 *  suspend; always completes. @p abort: at once, whatever the other side makes of it. */
	int (*close)(void *object, bool abort);
	/** Returns the stream that carries it; NULL when that is none. */
	bide_stream *(*below)(void *object);
	/** Whether `read` would not wait: the object itself has bytes, the end or an error for it,
	 *  besides what the stream below has. Does not suspend. Or NULL: it never has. */
	bool (*has_input)(void *object);
} bide_transport;

/** Makes a stream over an object. @p ret_stream is untouched on failure, the object remaining the
 *  caller's. @return 0 or -ENOMEM. Aborts on a thread without a loop. */
BIDE_API BIDE_CHECKED int bide_stream_new(const bide_transport *transport, void *object,
                                          bide_stream **ret_stream) BIDE__NOTHROW;

/** Puts a layer between a stream and its user, as TLS: moves all that the stream is, with what has
 *  been read ahead, to a new stream below, and sets the stream on the new transport, which owns the
 *  one below and closes it with itself. No task may be in the stream (-EBUSY). Its write buffer,
 *  which is to be empty (-EBUSY otherwise), remains its own: what the layer writes is not gathered.
 *
 *  @param ret_below gets the stream below; untouched on failure, nothing having changed.
 *  @return 0, -EBUSY, or -ENOMEM. */
BIDE_API BIDE_CHECKED int bide_stream_push(bide_stream *stream, const bide_transport *transport,
                                           void *object, bide_stream **ret_below) BIDE__NOTHROW;

/** Returns the object over which a stream is made, if that is by this transport; else NULL. For
 *  what a layer tells of itself. */
BIDE_API void *bide_stream_object(bide_stream *stream,
                                  const bide_transport *transport) BIDE__NOTHROW;

/** Has the calls of other tasks in a stream return -EBADF, and waits until they have; the stream
 *  can be used again then. For a layer's `interrupt`. [suspends] Always completes. */
BIDE_API void bide_stream_interrupt(bide_stream *stream) BIDE__NOTHROW;

#ifdef __cplusplus
}
#endif
#endif
