// SPDX-License-Identifier: MIT
/* now.c: see now.h. Sources: recv(2), send(2), preadv2(2), pipe(7), socket(7), accept(2),
 * connect(2), signal(7), sendfile(2), splice(2). */
#include "io/now.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int result(ssize_t n)
{
	return n >= 0 ? (int)n : -errno;
}

static bool is_ready(int fd, short events)
{
	struct pollfd one = { fd, events, 0 };
	return poll(&one, 1, 0) > 0;
}

/* ---- sockets ------------------------------------------------------------------------------ */

int bide__now_recv(const struct bide__op *op)
{
	return result(recv(op->fd, op->memory, op->size, op->flags | MSG_DONTWAIT));
}

int bide__now_send(const struct bide__op *op)
{
	return result(send(op->fd, op->memory, op->size, op->flags | MSG_DONTWAIT | MSG_NOSIGNAL));
}

int bide__now_recvmsg(const struct bide__op *op)
{
	return result(recvmsg(op->fd, op->memory, op->flags | MSG_DONTWAIT));
}

int bide__now_sendmsg(const struct bide__op *op)
{
	return result(sendmsg(op->fd, op->memory, op->flags | MSG_DONTWAIT | MSG_NOSIGNAL));
}

/* A socket that waits is given next to no time for it. */
static bool hurry(int fd, int option, struct timeval *ret_before)
{
	const struct timeval least = { 0, 1 };
	socklen_t size = sizeof(*ret_before);
	int flags = fcntl(fd, F_GETFL);
	return flags >= 0 && (flags & O_NONBLOCK) == 0 &&
	       getsockopt(fd, SOL_SOCKET, option, ret_before, &size) == 0 &&
	       setsockopt(fd, SOL_SOCKET, option, &least, sizeof(least)) == 0;
}

static void relax(int fd, int option, const struct timeval *before)
{
	(void)setsockopt(fd, SOL_SOCKET, option, before, sizeof(*before));
}

static bool listens(int fd)
{
	int yes = 0;
	socklen_t size = sizeof(yes);
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &size) == 0 && yes;
}

/* What does not listen says so at once. The connection may be gone, or another's, when it is asked
 * for. */
int bide__now_accept(const struct bide__op *op)
{
	struct timeval before;
	if (!is_ready(op->fd, POLLIN) && listens(op->fd))
		return -EAGAIN;
	bool hurried = hurry(op->fd, SO_RCVTIMEO, &before);
	int rc = result(accept4(op->fd, op->memory, op->ret_address_size, op->flags));
	if (hurried)
		relax(op->fd, SO_RCVTIMEO, &before);
	return rc;
}

/* One that was interrupted may go on all the same, as TCP's does, or be undone, as that of a local
 * socket: to ask again tells. */
static int connect_now(const struct bide__op *op, bool interrupted)
{
	int rc = result(connect(op->fd, op->memory, (socklen_t)op->size));
	while (rc == -EINTR) {
		interrupted = true;
		rc = result(connect(op->fd, op->memory, (socklen_t)op->size));
	}
	if (interrupted && rc == -EALREADY)
		return -EINPROGRESS;
	return interrupted && rc == -EISCONN ? 0 : rc;
}

int bide__now_connect(const struct bide__op *op, bool interrupted)
{
	struct timeval before;
	bool hurried = hurry(op->fd, SO_SNDTIMEO, &before);
	int rc = connect_now(op, interrupted);
	if (hurried)
		relax(op->fd, SO_SNDTIMEO, &before);
	return rc;
}

/* ---- all descriptors ---------------------------------------------------------------------- */

/* Errors by which a kernel, or a kind of descriptor, says that it cannot be asked not to wait; or a
 * container that permits only calls that it knows. If one means something else the call that takes
 * this one's place says so again. */
static bool is_unknown(int rc)
{
	return rc == -EOPNOTSUPP || rc == -ENOSYS || rc == -EINVAL || rc == -EPERM;
}

/* The buffers of an operation that has one, or an array of them. */
struct buffers {
	struct iovec own;
	struct iovec *all;
	int n;
};

static void find_buffers(const struct bide__op *op, struct buffers *ret_buffers)
{
	const bool one = op->kind == BIDE__OP_READ || op->kind == BIDE__OP_WRITE;
	ret_buffers->own = (struct iovec){ op->memory, op->size };
	ret_buffers->all = one ? &ret_buffers->own : op->memory;
	ret_buffers->n = one ? 1 : (int)op->size;
}

static int read_waiting(int fd, const struct buffers *buffers)
{
	int rc;
	do
		rc = result(readv(fd, buffers->all, buffers->n));
	while (rc == -EINTR);
	return rc;
}

int bide__read_disk(const struct bide__op *op)
{
	struct buffers buffers;
	find_buffers(op, &buffers);
	return read_waiting(op->fd, &buffers);
}

static size_t total(const struct buffers *buffers)
{
	size_t size = 0;
	for (int i = 0; i < buffers->n; i++)
		size += buffers->all[i].iov_len;
	return size;
}

/* To read nothing never waits, but a message of nothing would be waited for. */
int bide__now_read(const struct bide__op *op)
{
	struct buffers buffers;
	find_buffers(op, &buffers);
	if (total(&buffers) == 0)
		return read_waiting(op->fd, &buffers);
	struct msghdr message = { .msg_iov = buffers.all, .msg_iovlen = (size_t)buffers.n };
	int rc = result(recvmsg(op->fd, &message, MSG_DONTWAIT));
	if (rc != -ENOTSOCK)
		return rc;
	rc = result(preadv2(op->fd, buffers.all, buffers.n, -1, RWF_NOWAIT));
	if (!is_unknown(rc))
		return rc;
	return is_ready(op->fd, POLLIN) ? read_waiting(op->fd, &buffers) : -EAGAIN;
}

/* Before a call that may raise SIGPIPE. */
static void hold_signal(sigset_t *ret_before)
{
	sigset_t pipe;
	(void)sigemptyset(&pipe);
	(void)sigaddset(&pipe, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &pipe, ret_before);
}

/* After it, takes the signal away. */
static void release_signal(const sigset_t *before, bool raised)
{
	const struct timespec none = { 0, 0 };
	sigset_t pipe;
	(void)sigemptyset(&pipe);
	(void)sigaddset(&pipe, SIGPIPE);
	if (raised && sigismember(before, SIGPIPE) == 0)
		while (sigtimedwait(&pipe, NULL, &none) < 0 && errno == EINTR)
			;
	(void)pthread_sigmask(SIG_SETMASK, before, NULL);
}

static int without_signal(int (*write)(int, const struct buffers *), int fd,
                          const struct buffers *buffers)
{
	sigset_t before;
	hold_signal(&before);
	int rc = write(fd, buffers);
	release_signal(&before, rc == -EPIPE);
	return rc;
}

/* What is writable has room for so much, and would have whoever writes more wait. */
static int write_piece(int fd, const struct buffers *buffers)
{
	int i = 0;
	while (i < buffers->n && buffers->all[i].iov_len == 0)
		i++;
	if (i == buffers->n)
		return 0;
	const struct iovec *first = &buffers->all[i];
	return result(
		write(fd, first->iov_base, first->iov_len < PIPE_BUF ? first->iov_len : PIPE_BUF));
}

static int write_now(int fd, const struct buffers *buffers)
{
	int rc = result(pwritev2(fd, buffers->all, buffers->n, -1, RWF_NOWAIT));
	if (!is_unknown(rc))
		return rc;
	return is_ready(fd, POLLOUT) ? write_piece(fd, buffers) : -EAGAIN;
}

static int write_waiting(int fd, const struct buffers *buffers)
{
	int rc;
	do
		rc = result(writev(fd, buffers->all, buffers->n));
	while (rc == -EINTR);
	return rc;
}

int bide__write_disk(const struct bide__op *op)
{
	struct buffers buffers;
	find_buffers(op, &buffers);
	return without_signal(write_waiting, op->fd, &buffers);
}

int bide__now_write(const struct bide__op *op)
{
	struct buffers buffers;
	find_buffers(op, &buffers);
	struct msghdr message = { .msg_iov = buffers.all, .msg_iovlen = (size_t)buffers.n };
	int rc = result(sendmsg(op->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
	return rc != -ENOTSOCK ? rc : without_signal(write_now, op->fd, &buffers);
}

/* ---- from one to another ------------------------------------------------------------------ */

enum {
	PIECE = 1 << 20,    /* at once, so that others have their turn */
	LEAST_BUFFER = 4608 /* of a socket */
};

/* A socket says that it is writable when at least a third of its buffer is free, and waits only
 * where that is used up: a quarter surely finds room. */
static size_t socket_room(int fd, size_t size)
{
	int flags = fcntl(fd, F_GETFL), buffer = LEAST_BUFFER;
	socklen_t length = sizeof(buffer);
	if (flags < 0 || (flags & O_NONBLOCK))
		return size;
	if (!is_ready(fd, POLLOUT))
		return 0;
	(void)getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, &length);
	const size_t piece = (size_t)buffer / 4;
	return size < piece ? size : piece;
}

/* How much may be written, by calls that know of no MSG_DONTWAIT, without waiting for a reader. A
 * pipe can be asked by the call itself. */
static size_t room(int fd, mode_t mode, size_t size)
{
	if (size > PIECE)
		size = PIECE;
	if (S_ISFIFO(mode))
		return size;
	if (S_ISSOCK(mode))
		return socket_room(fd, size);
	if (S_ISREG(mode) || S_ISBLK(mode))
		return size;
	if (!is_ready(fd, POLLOUT))
		return 0;
	return size < PIPE_BUF ? size : PIPE_BUF;
}

typedef ssize_t mover(int to, int from, off_t *offset, size_t size);

static ssize_t send_file(int to, int from, off_t *offset, size_t size)
{
	return sendfile(to, from, offset, size);
}

static ssize_t splice_all(int to, int from, off_t *offset, size_t size)
{
	return splice(from, offset, to, NULL, size, SPLICE_F_NONBLOCK);
}

static int move_now(mover *move, int to, int from, off_t *offset, size_t size)
{
	sigset_t before;
	int rc;
	hold_signal(&before);
	do
		rc = result(move(to, from, offset, size));
	while (rc == -EINTR);
	release_signal(&before, rc == -EPIPE);
	return rc;
}

int bide__now_sendfile(int to, int from, off_t *offset, size_t size)
{
	struct stat status;
	if (fstat(to, &status) < 0)
		return -errno;
	const size_t piece = room(to, status.st_mode, size);
	if (piece == 0 && size > 0)
		return -EAGAIN;
	return move_now(S_ISFIFO(status.st_mode) ? splice_all : send_file, to, from, offset, piece);
}

int bide__now_splice(int to, int from, size_t size)
{
	struct stat status;
	if (fstat(to, &status) < 0)
		return -errno;
	const size_t piece = room(to, status.st_mode, size);
	if (piece == 0 || !is_ready(from, POLLIN))
		return -EAGAIN;
	return move_now(splice_all, to, from, NULL, piece);
}

bool bide__is_readable(int fd)
{
	return is_ready(fd, POLLIN);
}
