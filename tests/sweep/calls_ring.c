// SPDX-License-Identifier: MIT
/* calls_ring.c: operations of io_uring that fail: see calls.h. Sources: io_uring(7),
 * io_uring_enter(2).
 *
 * One that is to fail is not done: a no-op is submitted in its place, and the error written into
 * the completion of that before anybody reads it. */
#include "sweep/calls.h"

#include "sweep/trap.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#ifdef BIDE_HAVE_IO_URING

#include <liburing.h>

/* EINTR is what one gives that was begun by a thread of the kernel's. */
static const struct calls_kind operations[] = {
	{ IORING_OP_POLL_ADD, "POLL_ADD", { 0 }, { ENOMEM } },
	{ IORING_OP_READ, "READ", { EINTR, EAGAIN }, { ENOMEM, EIO } },
	{ IORING_OP_READV, "READV", { EINTR, EAGAIN }, { ENOMEM, EIO } },
	{ IORING_OP_RECV, "RECV", { EINTR, EAGAIN }, { ENOMEM, ENOBUFS, ECONNRESET } },
	{ IORING_OP_RECVMSG, "RECVMSG", { EINTR, EAGAIN }, { ENOMEM, ENOBUFS, ECONNRESET } },
	{ IORING_OP_SEND, "SEND", { EINTR, EAGAIN }, { ENOMEM, ENOBUFS, ECONNRESET, EPIPE } },
	{ IORING_OP_SENDMSG, "SENDMSG", { EINTR, EAGAIN }, { ENOMEM, ENOBUFS, ECONNRESET, EPIPE } },
	{ IORING_OP_ACCEPT,
	  "ACCEPT",
	  { EINTR, EAGAIN, ECONNABORTED },
	  { EMFILE, ENFILE, ENOBUFS, ENOMEM } },
	{ IORING_OP_CONNECT,
	  "CONNECT",
	  { EINTR, EAGAIN },
	  { ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL } },
};

static struct io_uring *ring; /* the one there is */

static struct {
	__u64 user_data; /* of what fails; 0: nothing */
	int error;
} failing;

/* In place of liburing's, to know the ring. */
int io_uring_queue_init(unsigned entries, struct io_uring *ret_ring, unsigned flags)
{
	struct io_uring_params params;
	memset(&params, 0, sizeof(params));
	params.flags = flags;
	ring = ret_ring;
	failing.user_data = 0;
	return io_uring_queue_init_params(entries, ret_ring, &params);
}

static const struct calls_kind *kind_of(const struct io_uring_sqe *sqe)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (operations[i].number == sqe->opcode)
			return &operations[i];
	return NULL;
}

static void look_at(struct io_uring_sqe *sqe)
{
	const struct calls_kind *kind = kind_of(sqe);
	const int error = kind != NULL ? calls_next(kind) : 0;
	if (error == 0)
		return;
	failing.user_data = sqe->user_data;
	failing.error = error;
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_NOP;
	sqe->user_data = failing.user_data;
}

static void look_at_submitted(unsigned n)
{
	const struct io_uring_sq *sq = &ring->sq;
	const unsigned head = *sq->khead, mask = *sq->kring_mask;
	for (unsigned i = 0; i < n; i++)
		look_at(&sq->sqes[sq->array[(head + i) & mask]]);
}

static void spoil_completion(void)
{
	const struct io_uring_cq *cq = &ring->cq;
	const unsigned tail = *cq->ktail, mask = *cq->kring_mask;
	for (unsigned i = *cq->khead; i != tail && failing.user_data != 0; i++) {
		struct io_uring_cqe *cqe = &cq->cqes[i & mask];
		if (cqe->user_data != failing.user_data)
			continue;
		cqe->res = -failing.error;
		failing.user_data = 0;
	}
}

long calls_enter_ring(const long *args)
{
	enum { TO_SUBMIT = 1 };
	look_at_submitted((unsigned)args[TO_SUBMIT]);
	const long result = trap_pass(SYS_io_uring_enter, args);
	spoil_completion();
	return result;
}

#else

long calls_enter_ring(const long *args)
{
	(void)args;
	return -ENOSYS;
}

#endif
