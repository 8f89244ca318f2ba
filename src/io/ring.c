// SPDX-License-Identifier: MIT
/* ring.c: the io_uring backend. Sources: io_uring(7), io_uring_setup(2), liburing's man pages.
 *
 * Each operation is one of the ring's; its cancellation is another, and it ends when the first is
 * completed. Where the ring cannot be had (an older kernel, a container that forbids
 * it) bide__ring_open() says so and the caller takes epoll. */
#include "core/backend.h"

#include <errno.h>
#include <stdbool.h>

#ifdef BIDE_HAVE_IO_URING

#include "base/alloc.h"
#include "core/time.h"

#include <liburing.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

const bool bide__ring_built = true;

enum { ENTRIES = 256, BATCH = 64, NS = 1000000000 };

struct ring_data {
	struct io_uring ring;
	int event_fd;             /* written to by wake() */
	bool polled;              /* the ring waits for it */
	struct bide__op *put_off; /* to be ended when there is room */
};

/* What completions that belong to no operation carry; operations carry their address. */
static char for_wake, for_nothing;

/* Hands what is queued to the kernel, which may be interrupted by what it has to do for the ring
 * on this thread. */
static int submit(struct ring_data *data)
{
	int rc;
	do
		rc = io_uring_submit(&data->ring);
	while (rc == -EINTR);
	return rc;
}

/* An entry of the submission queue; a full queue is handed to the kernel first. */
static struct io_uring_sqe *get_sqe(struct ring_data *data)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&data->ring);
	if (sqe == NULL && submit(data) >= 0)
		sqe = io_uring_get_sqe(&data->ring);
	return sqe;
}

static void prepare(struct io_uring_sqe *sqe, const struct bide__op *op)
{
	switch (op->kind) {
	case BIDE__OP_POLL:
		io_uring_prep_poll_add(sqe, op->fd, bide__poll_mask(op->events));
		break;
	case BIDE__OP_READ: /* where the file's position is */
		io_uring_prep_read(sqe, op->fd, op->memory, (unsigned)op->size, (uint64_t)-1);
		break;
	case BIDE__OP_READV:
		io_uring_prep_readv(sqe, op->fd, op->memory, (unsigned)op->size, (uint64_t)-1);
		break;
	case BIDE__OP_RECV:
		io_uring_prep_recv(sqe, op->fd, op->memory, op->size, op->flags);
		break;
	case BIDE__OP_SEND:
		io_uring_prep_send(sqe, op->fd, op->memory, op->size, op->flags);
		break;
	case BIDE__OP_RECVMSG:
		io_uring_prep_recvmsg(sqe, op->fd, op->memory, (unsigned)op->flags);
		break;
	case BIDE__OP_SENDMSG:
		io_uring_prep_sendmsg(sqe, op->fd, op->memory, (unsigned)op->flags);
		break;
	case BIDE__OP_ACCEPT:
		io_uring_prep_accept(sqe, op->fd, op->memory, op->ret_address_size, op->flags);
		break;
	case BIDE__OP_CONNECT:
		io_uring_prep_connect(sqe, op->fd, op->memory, (socklen_t)op->size);
		break;
	case BIDE__OP_WRITE:
	case BIDE__OP_WRITEV:
		break;
	}
}

static int ring_begin(bide_loop *loop, struct bide__op *op, int *ret_events)
{
	struct io_uring_sqe *sqe = get_sqe(loop->backend_data);
	(void)ret_events;
	if (sqe == NULL)
		return -ENOMEM;
	prepare(sqe, op);
	io_uring_sqe_set_data(sqe, op);
	return 0;
}

/* While the queue is full and the kernel takes nothing the end is put off.
 *
 * The removal of a poll would not do: it is refused while the poll is being told of an event, and
 * when that turns out to be gone, as somebody else has read what there was, the poll waits on. */
static void ring_end(bide_loop *loop, struct bide__op *op)
{
	struct ring_data *data = loop->backend_data;
	struct io_uring_sqe *sqe = get_sqe(data);
	if (sqe == NULL) {
		op->next = data->put_off;
		data->put_off = op;
		return;
	}
	io_uring_prep_cancel(sqe, op, 0);
	io_uring_sqe_set_data(sqe, &for_nothing);
}

static void end_put_off(bide_loop *loop)
{
	struct ring_data *data = loop->backend_data;
	struct bide__op *op = data->put_off, *next;
	data->put_off = NULL;
	for (; op != NULL; op = next) {
		next = op->next;
		ring_end(loop, op);
	}
}

/* One that was completed meanwhile needs no end. */
static void forget_put_off(struct ring_data *data, const struct bide__op *op)
{
	struct bide__op **link = &data->put_off;
	while (*link != NULL && *link != op)
		link = &(*link)->next;
	if (*link != NULL)
		*link = op->next;
}

/* A wait inside the kernel that is ended says so in its own way. */
static int result_of(const struct bide__op *op, int res)
{
	if (res == -EINTR && (op->cancelled || op->closed))
		return -ECANCELED;
	return res >= 0 && op->kind == BIDE__OP_POLL ? bide__poll_ready(op->events, (unsigned)res)
	                                             : res;
}

/* The operation that a completion belongs to, or NULL. */
static struct bide__op *op_of(const struct io_uring_cqe *cqe)
{
	void *of = io_uring_cqe_get_data(cqe);
	return of != &for_wake && of != &for_nothing ? of : NULL;
}

static void complete(bide_loop *loop, const struct io_uring_cqe *cqe)
{
	struct ring_data *data = loop->backend_data;
	struct bide__op *op = op_of(cqe);
	uint64_t count;
	if (op != NULL) {
		forget_put_off(data, op);
		bide__op_done(loop, op, result_of(op, cqe->res));
	} else if (io_uring_cqe_get_data(cqe) == &for_wake) {
		data->polled = false;
		(void)!read(data->event_fd, &count, sizeof(count));
	}
}

/* Asks for what completions lead to: where hundreds are in flight it is in no cache that is near.
 * Inlined, as core/light.h says. */
__attribute__((always_inline)) static inline void prefetch(struct io_uring_cqe *const *cqes,
                                                           unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		__builtin_prefetch(io_uring_cqe_get_data(cqes[i]));
	for (unsigned i = 0; i < n; i++)
		if (op_of(cqes[i]) != NULL)
			__builtin_prefetch(op_of(cqes[i])->task);
}

static void reap(bide_loop *loop)
{
	struct ring_data *data = loop->backend_data;
	struct io_uring_cqe *cqes[BATCH];
	unsigned n;
	do {
		n = io_uring_peek_batch_cqe(&data->ring, cqes, BATCH);
		prefetch(cqes, n);
		for (unsigned i = 0; i < n; i++)
			complete(loop, cqes[i]);
		io_uring_cq_advance(&data->ring, n);
	} while (n == BATCH);
}

/* The ring waits for the event descriptor too, by a poll that is renewed when it has fired. */
static void poll_event_fd(struct ring_data *data)
{
	struct io_uring_sqe *sqe = data->polled ? NULL : get_sqe(data);
	if (sqe == NULL)
		return;
	io_uring_prep_poll_add(sqe, data->event_fd, POLLIN);
	io_uring_sqe_set_data(sqe, &for_wake);
	data->polled = true;
}

static void ring_wait(bide_loop *loop, uint64_t deadline_ns)
{
	struct ring_data *data = loop->backend_data;
	struct io_uring_cqe *cqe;
	end_put_off(loop);
	poll_event_fd(data);
	if (deadline_ns == 0) {
		(void)io_uring_submit_and_get_events(&data->ring);
	} else if (deadline_ns == UINT64_MAX) {
		(void)io_uring_submit_and_wait(&data->ring, 1);
	} else {
		uint64_t left = bide__until(deadline_ns);
		struct __kernel_timespec timeout = { (long long)(left / NS),
			                             (long long)(left % NS) };
		(void)io_uring_submit_and_wait_timeout(&data->ring, &cqe, 1, &timeout, NULL);
	}
	reap(loop);
}

static void ring_wake(bide_loop *loop)
{
	const struct ring_data *data = loop->backend_data;
	const uint64_t one = 1;
	(void)!write(data->event_fd, &one, sizeof(one));
}

static void ring_close(bide_loop *loop)
{
	struct ring_data *data = loop->backend_data;
	io_uring_queue_exit(&data->ring);
	(void)close(data->event_fd);
	bide__free(data);
}

static const struct bide__backend backend = { "io_uring", true,      ring_begin, ring_end,
	                                      ring_wait,  ring_wake, ring_close };

/* Whether the kernel does all that prepare() asks of it, and ends it: 0, -ENOSYS if not, or another
 * error. A kernel may be built, or patched, without some of it. */
static int check_operations(struct io_uring *ring)
{
	static const unsigned char needed[] = {
		IORING_OP_POLL_ADD, IORING_OP_READ,         IORING_OP_READV,   IORING_OP_RECV,
		IORING_OP_SEND,     IORING_OP_RECVMSG,      IORING_OP_SENDMSG, IORING_OP_ACCEPT,
		IORING_OP_CONNECT,  IORING_OP_ASYNC_CANCEL,
	};
	enum { MOST = 64 };
	union {
		struct io_uring_probe probe;
		char room[sizeof(struct io_uring_probe) + MOST * sizeof(struct io_uring_probe_op)];
	} known;
	memset(&known, 0, sizeof(known));
	int rc = io_uring_register_probe(ring, &known.probe, MOST);
	for (size_t i = 0; i < sizeof(needed) && rc >= 0; i++)
		if (!io_uring_opcode_supported(&known.probe, needed[i]))
			rc = -ENOSYS;
	return rc;
}

/* With the flags of newer kernels completions wait until they are asked for, which is cheaper;
 * where they are not known the ring is opened without. */
static int init_ring(struct io_uring *ring)
{
	int rc = io_uring_queue_init(ENTRIES, ring,
	                             IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
	if (rc == -EINVAL)
		rc = io_uring_queue_init(ENTRIES, ring, 0);
	if (rc < 0)
		return rc;
	/* Timed waits need no operation of their own from 5.11 on; without, it is too old. */
	rc = ring->features & IORING_FEAT_EXT_ARG ? check_operations(ring) : -ENOSYS;
	if (rc < 0)
		io_uring_queue_exit(ring);
	return rc;
}

int bide__ring_open(bide_loop *loop)
{
	struct ring_data *data = bide__calloc(1, sizeof(*data));
	if (data == NULL)
		return -ENOMEM;
	data->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int rc = data->event_fd < 0 ? -errno : init_ring(&data->ring);
	if (rc < 0) {
		if (data->event_fd >= 0)
			(void)close(data->event_fd);
		bide__free(data);
		return rc;
	}
	loop->backend_data = data;
	loop->backend = &backend;
	return 0;
}

#else

const bool bide__ring_built = false;

int bide__ring_open(bide_loop *loop)
{
	(void)loop;
	return -ENOSYS;
}

#endif
