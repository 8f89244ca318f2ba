// SPDX-License-Identifier: MIT
/* calls.c: the calls on descriptors that suspend: see bide/io.h.
 *
 * Each is done in one of two ways. A backend that does all is given the operation, and the memory
 * with it, and the task waits for its end. Otherwise the system call is tried, without waiting;
 * when it would have to, the task waits until the descriptor is ready, and it is tried again. The
 * second way is for epoll, for memory on a light task's stack, which the kernel must not be given
 * while the task is parked, and for descriptors set to O_NONBLOCK, as the first returns -EAGAIN
 * from them. */
#include "core/light.h"
#include "io/now.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MOST = 0x7ffff000 }; /* bytes that Linux moves in one call */

_Static_assert(sizeof(socklen_t) == sizeof(unsigned), "the header does not name it");

/* How a kind of call is done. */
struct way {
	struct bide__wait wait;                 /* its name is the call's */
	int events;                             /* for which it waits */
	int (*now)(const struct bide__op *op);  /* without waiting; NULL: in a way of its own */
	int (*disk)(const struct bide__op *op); /* for what is always ready, or NULL */
};

/* ---- doing one ---------------------------------------------------------------------------- */

/* Whether memory stays where it is while the task is parked. */
static bool stays(const bide_loop *loop, const struct bide__task *task, const void *memory)
{
	return !(task->flags & BIDE__TASK_LIGHT) ||
	       !bide__stack_holds(bide__stack_of(loop, task), memory);
}

/* What is in a message's header or an array is memory of its own, which is not looked through. */
static bool may_be_given(const bide_loop *loop, const struct bide__task *task,
                         const struct bide__op *op)
{
	if (!loop->backend->does_all || op->kind > BIDE__OP_LAST)
		return false;
	if (op->kind == BIDE__OP_READV || op->kind == BIDE__OP_RECVMSG ||
	    op->kind == BIDE__OP_SENDMSG)
		return !(task->flags & BIDE__TASK_LIGHT);
	return stays(loop, task, op->memory) && stays(loop, task, op->ret_address_size);
}

/* Whether the call goes on after such an end of its operation. */
static bool goes_on(int rc)
{
	return rc == -EAGAIN || rc == -EINTR || rc == -EINPROGRESS;
}

/* Waits for an operation. Its result, or the cancellation; -EBADF when what would have to go on has
 * lost its descriptor before it came to that. */
static int wait_for(bide_loop *loop, const struct bide__wait *wait, const struct bide__op *op)
{
	struct bide__task *task = loop->current;
	int rc = bide__op_begin(loop, task, wait, op);
	if (rc != 0)
		return rc;
	const unsigned closes = bide__fd_closes(loop, op->fd);
	rc = bide__park(loop, wait, task->object);
	return goes_on(rc) && bide__fd_closes(bide__loop, op->fd) != closes ? -EBADF : rc;
}

/* Waits until the descriptor is ready. 0; 1 when it always is; or an error. */
static int wait_until_ready(bide_loop *loop, const struct way *way, int fd)
{
	const struct bide__op poll = { .kind = BIDE__OP_POLL, .fd = fd, .events = way->events };
	struct bide__task *task = loop->current;
	int rc = bide__op_begin(loop, task, &way->wait, &poll);
	if (rc != 0)
		return rc < 0 ? rc : 1;
	const unsigned closes = bide__fd_closes(loop, fd);
	rc = bide__park(loop, &way->wait, task->object);
	if (rc >= 0 && bide__fd_closes(bide__loop, fd) != closes)
		return -EBADF;
	return rc < 0 ? rc : 0;
}

/* What is interrupted, as by what io_uring has to do on this thread, has had no effect. */
static int try_now(const struct way *way, const struct bide__op *op)
{
	int rc;
	do
		rc = way->now(op);
	while (rc == -EINTR);
	return rc;
}

/* Where all is ready at once nobody else would have a turn, and no time come: who sends faster than
 * it is read would have the loop for himself. 0; the cancellation; or -EBADF when the descriptor
 * was closed meanwhile. */
__attribute__((noinline)) static int give_way(bide_loop *loop, int fd)
{
	loop->unwaited = 0;
	if (bide__fd_know(loop, fd) < 0)
		return 0;
	const unsigned closes = bide__fd_closes(loop, fd);
	int rc = bide__yield(loop);
	return rc == 0 && bide__fd_closes(bide__loop, fd) != closes ? -EBADF : rc;
}

static int try_and_wait(bide_loop *loop, const struct way *way, const struct bide__op *op)
{
	enum { IN_A_ROW = 64 };
	int rc = ++loop->unwaited > IN_A_ROW ? give_way(loop, op->fd) : 0;
	if (rc < 0)
		return rc;
	while ((rc = try_now(way, op)) == -EAGAIN) {
		loop->unwaited = 0;
		rc = wait_until_ready(loop, way, op->fd);
		if (rc == 1 && way->disk != NULL)
			return way->disk(op);
		if (rc != 0)
			return rc < 0 ? rc : -EAGAIN;
	}
	return rc;
}

static int enter(const struct way *way)
{
	const struct bide__task *task = bide__suspending(&way->wait);
	return task->flags & BIDE__TASK_PENDING ? bide__refuse(bide__loop, &way->wait) : 0;
}

static int perform(const struct way *way, const struct bide__op *op)
{
	int rc = enter(way);
	bide_loop *loop = bide__loop;
	if (rc < 0)
		return rc;
	if (op->fd < 0)
		return -EBADF;
	if (op->flags & MSG_DONTWAIT)
		return try_now(way, op);
	rc = may_be_given(loop, loop->current, op) ? wait_for(loop, &way->wait, op) : -EAGAIN;
	return rc != -EAGAIN && rc != -EINTR ? rc : try_and_wait(bide__loop, way, op);
}

static size_t at_most(size_t size)
{
	return size < MOST ? size : MOST;
}

/* ---- moving bytes ------------------------------------------------------------------------- */

/* The memory of an operation is not written to by one that sends. */
static void *unconst(const void *memory)
{
	return (void *)(uintptr_t)memory;
}

static const struct way to_read = {
	{ "bide_read", NULL, bide__op_cancel }, BIDE_READABLE, bide__now_read, bide__read_disk
};
static const struct way to_readv = {
	{ "bide_readv", NULL, bide__op_cancel }, BIDE_READABLE, bide__now_read, bide__read_disk
};
static const struct way to_write = {
	{ "bide_write", NULL, bide__op_cancel }, BIDE_WRITABLE, bide__now_write, bide__write_disk
};
static const struct way to_writev = {
	{ "bide_writev", NULL, bide__op_cancel }, BIDE_WRITABLE, bide__now_write, bide__write_disk
};
static const struct way to_recv = {
	{ "bide_recv", NULL, bide__op_cancel }, BIDE_READABLE, bide__now_recv, NULL
};
static const struct way to_send = {
	{ "bide_send", NULL, bide__op_cancel }, BIDE_WRITABLE, bide__now_send, NULL
};
static const struct way to_recvmsg = {
	{ "bide_recvmsg", NULL, bide__op_cancel }, BIDE_READABLE, bide__now_recvmsg, NULL
};
static const struct way to_sendmsg = {
	{ "bide_sendmsg", NULL, bide__op_cancel }, BIDE_WRITABLE, bide__now_sendmsg, NULL
};

static ssize_t move(const struct way *way, enum bide__op_kind kind, int fd, const void *memory,
                    size_t size, int flags)
{
	const struct bide__op op = {
		.kind = kind, .fd = fd, .memory = unconst(memory), .size = size, .flags = flags
	};
	return perform(way, &op);
}

static ssize_t move_several(const struct way *way, enum bide__op_kind kind, int fd,
                            const struct iovec *buffers, int n)
{
	return n < 0 || n > IOV_MAX ? -EINVAL : move(way, kind, fd, buffers, (size_t)n, 0);
}

ssize_t bide_read(int fd, void *buf, size_t size)
{
	return move(&to_read, BIDE__OP_READ, fd, buf, at_most(size), 0);
}

ssize_t bide_write(int fd, const void *buf, size_t size)
{
	return move(&to_write, BIDE__OP_WRITE, fd, buf, at_most(size), 0);
}

ssize_t bide_readv(int fd, const struct iovec *buffers, int n)
{
	return move_several(&to_readv, BIDE__OP_READV, fd, buffers, n);
}

ssize_t bide_writev(int fd, const struct iovec *buffers, int n)
{
	return move_several(&to_writev, BIDE__OP_WRITEV, fd, buffers, n);
}

ssize_t bide_recv(int fd, void *buf, size_t size, int flags)
{
	return flags & MSG_WAITALL ? -EINVAL
	                           : move(&to_recv, BIDE__OP_RECV, fd, buf, at_most(size), flags);
}

ssize_t bide_send(int fd, const void *buf, size_t size, int flags)
{
	return move(&to_send, BIDE__OP_SEND, fd, buf, at_most(size), flags | MSG_NOSIGNAL);
}

ssize_t bide_recvmsg(int fd, struct msghdr *message, int flags)
{
	return flags & MSG_WAITALL ? -EINVAL
	                           : move(&to_recvmsg, BIDE__OP_RECVMSG, fd, message, 0, flags);
}

ssize_t bide_sendmsg(int fd, const struct msghdr *message, int flags)
{
	return move(&to_sendmsg, BIDE__OP_SENDMSG, fd, message, 0, flags | MSG_NOSIGNAL);
}

/* ---- connections -------------------------------------------------------------------------- */

static const struct way to_accept = {
	{ "bide_accept", NULL, bide__op_cancel }, BIDE_READABLE, bide__now_accept, NULL
};
static const struct way to_connect = {
	{ "bide_connect", NULL, bide__op_cancel }, BIDE_WRITABLE, NULL, NULL
};

/* A connection that was given up before it was accepted is nobody's concern. */
int bide_accept(int fd, struct sockaddr *ret_address, unsigned *ret_size)
{
	const struct bide__op op = { .kind = BIDE__OP_ACCEPT,
		                     .fd = fd,
		                     .memory = ret_address,
		                     .ret_address_size = ret_size,
		                     .flags = SOCK_CLOEXEC };
	int rc;
	do
		rc = perform(&to_accept, &op);
	while (rc == -ECONNABORTED);
	return rc;
}

static int error_of(int fd)
{
	int error = 0;
	socklen_t size = sizeof(error);
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? -errno : -error;
}

/* A local listener whose queue is full says so at once, and nothing tells when there is room.
 * Meanwhile the socket may be closed, and its number another's. */
static int connect_later(bide_loop *loop, const struct bide__op *op)
{
	const double longest = 0.02;
	int rc = bide__fd_know(loop, op->fd);
	if (rc < 0)
		return rc;
	const unsigned closes = bide__fd_closes(loop, op->fd);
	rc = -EAGAIN;
	for (double pause = 0.001; rc == -EAGAIN; pause = pause < longest ? 2 * pause : longest) {
		rc = bide_sleep(pause);
		if (bide__fd_closes(bide__loop, op->fd) != closes)
			return -EBADF;
		if (rc == 0)
			rc = bide__now_connect(op, false);
	}
	return rc;
}

int bide_connect(int fd, const struct sockaddr *address, unsigned size)
{
	const struct bide__op op = {
		.kind = BIDE__OP_CONNECT, .fd = fd, .memory = unconst(address), .size = size
	};
	int rc = enter(&to_connect);
	bide_loop *loop = bide__loop;
	if (rc < 0)
		return rc;
	if (fd < 0)
		return -EBADF;
	rc = may_be_given(loop, loop->current, &op) ? wait_for(loop, &to_connect.wait, &op)
	                                            : bide__now_connect(&op, false);
	if (rc == -EINTR)
		rc = bide__now_connect(&op, true);
	if (rc == -EAGAIN)
		rc = connect_later(bide__loop, &op);
	if (rc != -EINPROGRESS)
		return rc;
	rc = wait_until_ready(bide__loop, &to_connect, fd);
	return rc < 0 ? rc : error_of(fd);
}

int bide_shutdown(int fd, int how)
{
	return shutdown(fd, how) < 0 ? -errno : 0;
}

/* On Linux the descriptor is gone after a close that was interrupted, too. */
int bide_close(int fd)
{
	if (fd < 0)
		return -EBADF;
	int rc = bide__loop != NULL ? bide__fd_clear(bide__loop, fd) : 0;
	if (rc < 0)
		return rc;
	return close(fd) < 0 && errno != EINTR ? -errno : 0;
}
