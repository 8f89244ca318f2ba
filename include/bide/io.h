/* SPDX-License-Identifier: MIT */
/* bide/io.h: reading, writing and waiting on descriptors: files that poll, pipes, terminals,
 * sockets.
 *
 * The calls are those of the system, with two differences: where that would wait the task suspends,
 * and errors are returned. A descriptor may be set to O_NONBLOCK or not; its flags are not changed,
 * as other programs may share them. A file on disk counts as ready, and is waited for by the thread
 * where io_uring does not read it.
 *
 * A call that is cancelled has had no effect, or returns what it had done. Memory that is given to
 * a call is borrowed until that returns, and may lie on a light task's stack. A descriptor belongs
 * to no loop; two tasks may wait for the same one, and a third may close it. Calls of which none
 * has to wait let other tasks have their turn now and then, so that no peer, however fast, has the
 * loop for itself. */
#ifndef BIDE_IO_H
#define BIDE_IO_H

#include <bide/task.h>

#include <sys/types.h>

/* Of <sys/socket.h> and <sys/uio.h>, which declare more than everybody wants: send(), connect()… */
struct iovec;
struct msghdr;
struct sockaddr;

#ifdef __cplusplus
extern "C" {
#endif

/** What to wait for on a descriptor; bits. */
enum bide_events {
	BIDE_READABLE = 1, /**< data or a connection to be read, or the end of the stream */
	BIDE_WRITABLE = 4  /**< room to write, or a connection made */
};

/** Suspends the task until a descriptor is ready. [suspends]
 *
 *  Works for every descriptor that polls, those of other libraries included; a file on disk is
 *  always ready. The descriptor must stay open until the call returns; its flags are not changed.
 *  An error or a hang-up counts as ready: the next read or write tells which.
 *
 *  @param events BIDE_READABLE, BIDE_WRITABLE or both.
 *  @return the bits that are ready, of those asked for (> 0); -EINVAL for other bits or none;
 *          -EBADF; -ENOMEM; -EMFILE or -ENFILE when there was no descriptor to open the backend;
 *          -ENOTSUP on the virtual backend; what epoll_ctl(2) or io_uring says else; or the
 *          cancellation, when the backend has let go of the descriptor. */
BIDE_API int bide_wait_fd(int fd, int events) BIDE__NOTHROW;

/** Reads at most @p size bytes into @p buf: read(2). [suspends]
 *  @return bytes read (> 0), 0 at the end of the stream, or what read(2) fails with; -EBADF when
 *          the descriptor is closed by bide_close() meanwhile; -ENOMEM; the errors of
 *          bide_wait_fd(); or the cancellation, nothing having been read. */
BIDE_API ssize_t bide_read(int fd, void *buf, size_t size) BIDE__NOTHROW;

/** As bide_read(), into @p n buffers, one after the other: readv(2). [suspends] */
BIDE_API ssize_t bide_readv(int fd, const struct iovec *buffers, int n) BIDE__NOTHROW;

/** Writes some of the @p size bytes at @p buf, waiting for room for the first: write(2).
 *  [suspends]
 *  @return bytes written (> 0 unless size is 0), which may be less than size; or what write(2)
 *          fails with, -EPIPE without a SIGPIPE; else as of bide_read(), nothing having been
 *          written. */
BIDE_API ssize_t bide_write(int fd, const void *buf, size_t size) BIDE__NOTHROW;

/** As bide_write(), from @p n buffers, one after the other: writev(2). [suspends] */
BIDE_API ssize_t bide_writev(int fd, const struct iovec *buffers, int n) BIDE__NOTHROW;

/** As bide_read(), from a socket, with @p flags as of recv(2), but for MSG_WAITALL (-EINVAL).
 *  With MSG_DONTWAIT it does not wait: -EAGAIN.
 *  [suspends] */
BIDE_API ssize_t bide_recv(int fd, void *buf, size_t size, int flags) BIDE__NOTHROW;

/** As bide_write(), into a socket, with @p flags as of send(2). [suspends] */
BIDE_API ssize_t bide_send(int fd, const void *buf, size_t size, int flags) BIDE__NOTHROW;

/** Receives a message, with its address and what goes with it: recvmsg(2), flags as of
 *  bide_recv(). [suspends] @return as of bide_recv(). */
BIDE_API ssize_t bide_recvmsg(int fd, struct msghdr *message, int flags) BIDE__NOTHROW;

/** Sends a message: sendmsg(2). [suspends] @return as of bide_send(). */
BIDE_API ssize_t bide_sendmsg(int fd, const struct msghdr *message, int flags) BIDE__NOTHROW;

/** Waits for a connection to a socket that listens: accept4(2). [suspends]
 *
 *  @param ret_address where the other side's address goes, or NULL.
 *  @param ret_size    bytes there, and then of the address, a socklen_t; NULL with that.
 *  @return a descriptor, closed on exec, the caller's to close; or an error: what accept(2) fails
 *          with, but for connections that were given up before (-ECONNABORTED), which are passed
 *          over; else as of bide_read(). */
BIDE_API int bide_accept(int fd, struct sockaddr *ret_address, unsigned *ret_size) BIDE__NOTHROW;

/** Connects a socket and waits until that is done: connect(2). [suspends]
 *
 *  To a local socket whose queue is full it is tried again, every 20 ms.
 *  @return 0, or what connect(2) fails with; else as of bide_read(). After an error, and a
 *          cancellation, the socket is of no use but to be closed. */
BIDE_API int bide_connect(int fd, const struct sockaddr *address, unsigned size) BIDE__NOTHROW;

/** Sends some of what a file on disk has, without passing it through the program's memory:
 *  sendfile(2). Waits for room for the first byte. [suspends]
 *
 *  @param to     a socket, a pipe, or whatever else can be written to.
 *  @param from   a file that can be mapped.
 *  @param offset where in the file to begin; moved on by what was sent, and the file's own position
 *                is left alone. NULL: that is taken, and moved on.
 *  @param size   bytes, at most.
 *  @return bytes sent, which may be less than size, and 0 at the end of the file; -EINVAL for what
 *          sendfile(2) cannot do; else as of bide_write(). */
BIDE_API ssize_t bide_sendfile(int to, int from, off_t *offset, size_t size) BIDE__NOTHROW;

/** Copies from one descriptor to another, until the end of what is read or until @p size bytes have
 *  been copied: files, pipes, sockets that are streams, terminals; in the kernel where it can:
 *  from a file, and from and to a pipe. [suspends]
 *
 *  Nothing is lost: what has not been written is still to be read. Only from what is neither a
 *  file, a pipe nor a socket, as a terminal, and to what the kernel does not copy to, as a file
 *  opened with O_APPEND, up to PIPE_BUF bytes are read before they are written: a call that is
 *  cancelled then waits until they are, and when writing fails they are gone. Nobody else may read
 *  from @p from meanwhile.
 *
 *  @param size       bytes, at most; SIZE_MAX: all there are.
 *  @param ret_copied gets the bytes that were copied, also when the call fails; NULL if nobody
 *                    cares.
 *  @return 0; -EINVAL for a socket that is no stream; what read(2) or write(2) fails with, -EPIPE
 *          without a SIGPIPE; -EBADF when a descriptor is closed by bide_close() meanwhile;
 *          -ENOMEM; the errors of bide_wait_fd(); or the cancellation. */
BIDE_API int bide_copy_fd(int to, int from, size_t size, size_t *ret_copied) BIDE__NOTHROW;

/** Shuts one direction of a connection down, or both: shutdown(2). @return 0 or what that fails
 *  with. */
BIDE_API int bide_shutdown(int fd, int how) BIDE__NOTHROW;

/** Closes a descriptor: close(2). [suspends] when tasks of this thread's loop wait for it: their
 *  calls return -EBADF, or what they had done, before its number can be had again. Always
 *  completes, also when the task is cancelled. Elsewhere than in a task only for descriptors that
 *  nobody waits for. @return 0 or what close(2) fails with, the descriptor being gone all the
 *  same. */
BIDE_API int bide_close(int fd) BIDE__NOTHROW;

#ifdef __cplusplus
}
#endif
#endif
