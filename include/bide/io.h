/* SPDX-License-Identifier: MIT */
/* bide/io.h: waiting for descriptors. */
#ifndef BIDE_IO_H
#define BIDE_IO_H

#include <bide/task.h>

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

#ifdef __cplusplus
}
#endif
#endif
