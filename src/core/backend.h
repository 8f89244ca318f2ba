/* SPDX-License-Identifier: MIT */
/* backend.h: what a loop waits with: a small table, so that nothing above knows which one runs. */
#ifndef BIDE_CORE_BACKEND_H
#define BIDE_CORE_BACKEND_H

#include "core/loop.h"

#include <errno.h>
#include <poll.h>

/* What an operation does. All but the first need a backend that does them itself, and none does
 * those after LAST: a pipe that nobody reads would raise SIGPIPE. */
enum bide__op_kind {
	BIDE__OP_POLL,
	BIDE__OP_READ,
	BIDE__OP_READV,
	BIDE__OP_RECV,
	BIDE__OP_SEND,
	BIDE__OP_RECVMSG,
	BIDE__OP_SENDMSG,
	BIDE__OP_ACCEPT,
	BIDE__OP_CONNECT,
	BIDE__OP_LAST = BIDE__OP_CONNECT,
	BIDE__OP_WRITE,
	BIDE__OP_WRITEV
};

/* An operation in flight on a descriptor. In the loop's pool; the backend has it from `begin` until
 * it calls bide__op_done(), and with it the memory that it points to. */
struct bide__op {
	enum bide__op_kind kind;
	int fd;
	int events;                 /* POLL: enum bide_events that are waited for */
	int flags;                  /* of the system call */
	void *memory;               /* buffer, array of struct iovec, struct msghdr or address */
	size_t size;                /* of a buffer, an array or an address to be connected to */
	unsigned *ret_address_size; /* ACCEPT: as of accept(2) */
	struct bide__task *task;    /* that is parked for it */
	bool cancelled;             /* end() was called, the task being cancelled */
	bool closed;                /* or the descriptor being closed */
	struct bide__op *older, *newer; /* on the same descriptor */
	struct bide__op *next;          /* the backend's */
};

/* What a loop knows of a descriptor that was once waited for. */
struct bide__fd {
	struct bide__op *ops;      /* in flight, newest first */
	struct bide__task *closer; /* waits for them to end, to close it */
	unsigned closes;           /* by bide_close() */
	bool registered;           /* the backend's: it was added once */
};

struct bide__backend {
	const char *name;

	/* Whether it does operations that are more than waiting. */
	bool does_all;

	/* Begins an operation, which is among those of its descriptor already. 0; 1 when that is
	 * always ready (*ret_events says how); a negative errno value. */
	int (*begin)(bide_loop *loop, struct bide__op *op, int *ret_events);

	/* Ends one before its time; bide__op_done() follows, at once or later, with -ECANCELED if
	 * it had not been done. */
	void (*end)(bide_loop *loop, struct bide__op *op);

	/* Waits until something is done, wake() was called, or the loop's clock has reached
	 * @p deadline_ns: 0 only looks, UINT64_MAX is never. */
	void (*wait)(bide_loop *loop, uint64_t deadline_ns);

	/* Ends a wait from another thread or a signal handler. */
	void (*wake)(bide_loop *loop);

	void (*close)(bide_loop *loop);
};

/* Waits for nothing but time and wake(), without a kernel object; begin() puts the real backend in
 * its place. What every loop begins with. */
extern const struct bide__backend bide__backend_idle;
extern const struct bide__backend bide__backend_virtual;

/* Open a backend for a loop: 0 or a negative errno value. */
int bide__epoll_open(bide_loop *loop);
int bide__ring_open(bide_loop *loop);

/* Whether the build has io_uring. */
extern const bool bide__ring_built;

/* Has a task, which is parked or about to be, wait in @p wait for an operation like @p what, of
 * which the kind, the descriptor and what belongs to them are set. 0, with the task's `wait` and
 * `object` set; or the result, nothing being in flight. */
int bide__op_begin(bide_loop *loop, struct bide__task *task, const struct bide__wait *wait,
                   const struct bide__op *what);

/* bide__wait::pass_on of such a wait, which lasts until the backend has let go. */
void bide__op_cancel(bide_loop *loop, struct bide__task *task);

/* Tells the task that waits of the result: as of the system call, how the descriptor is ready, or
 * a negative errno value. */
void bide__op_done(bide_loop *loop, struct bide__op *op, int result);

/* What is known of a descriptor, NULL if nothing is. */
struct bide__fd *bide__fd_at(const bide_loop *loop, int fd);

/* Sees to it that something is known of a descriptor, so that its closes are counted. 0, -EBADF for
 * what is no descriptor, or -ENOMEM. */
int bide__fd_know(bide_loop *loop, int fd);

/* How often a descriptor has been closed: who waited for it meanwhile has lost it, even if it was
 * ready before. */
unsigned bide__fd_closes(const bide_loop *loop, int fd);

/* Ends all that is in flight on a descriptor, with -EBADF, and lets nothing new begin. Suspends
 * until the backend has let go. 0, or -EBADF when another task is at it. */
int bide__fd_clear(bide_loop *loop, int fd);

/* Frees what is known of descriptors. */
void bide__ops_finish(bide_loop *loop);

/* The bits of poll(2), which are epoll's too, for events that are waited for. */
static inline unsigned bide__poll_mask(int events)
{
	return (events & BIDE_READABLE ? (unsigned)(POLLIN | POLLRDHUP) : 0u) |
	       (events & BIDE_WRITABLE ? (unsigned)POLLOUT : 0u);
}

/* Which of the events that are waited for such bits mean, or -EBADF. An error or a hang-up makes
 * every wait for the descriptor ready. */
static inline int bide__poll_ready(int events, unsigned bits)
{
	int ready = 0;
	if (bits & POLLNVAL)
		return -EBADF;
	if (bits & (POLLIN | POLLRDHUP))
		ready |= BIDE_READABLE;
	if (bits & POLLOUT)
		ready |= BIDE_WRITABLE;
	if (bits & (POLLERR | POLLHUP))
		ready |= BIDE_READABLE | BIDE_WRITABLE;
	return ready & events;
}

/* Nanoseconds from now to a deadline, 0 if it is past. */
uint64_t bide__until(uint64_t deadline_ns);

#endif
