/* SPDX-License-Identifier: MIT */
/* now.h: system calls on descriptors that do not wait, whether or not the descriptor is set to
 * O_NONBLOCK, which may be shared with other programs and is nobody's to change. */
#ifndef BIDE_IO_NOW_H
#define BIDE_IO_NOW_H

#include "core/backend.h"

/* Each does the operation; returns what the system call does, or a negative errno value: -EAGAIN
 * when it would have to wait. None raises SIGPIPE. */
int bide__now_read(const struct bide__op *op);
int bide__now_write(const struct bide__op *op);
int bide__now_recv(const struct bide__op *op);
int bide__now_send(const struct bide__op *op);
int bide__now_recvmsg(const struct bide__op *op);
int bide__now_sendmsg(const struct bide__op *op);
int bide__now_accept(const struct bide__op *op);

/* Begins to connect, or, if that was @p interrupted, goes on. -EINPROGRESS: when the descriptor is
 * writable its error tells how it went. */
int bide__now_connect(const struct bide__op *op, bool interrupted);

/* The same as the first two for what is always ready, as a file on disk: they wait for the disk. */
int bide__read_disk(const struct bide__op *op);
int bide__write_disk(const struct bide__op *op);

/* From one descriptor to another, as sendfile(2) and splice(2): some, at most what surely finds
 * room. Return bytes, 0 at the end of @p from, or a negative errno value: -EAGAIN when it would
 * have to wait, for @p to, or, the second, for either. Neither raises SIGPIPE. */
int bide__now_sendfile(int to, int from, off_t *offset, size_t size);
int bide__now_splice(int to, int from, size_t size);

/* Whether to read from it would not wait. */
bool bide__is_readable(int fd);

#endif
