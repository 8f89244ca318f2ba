// SPDX-License-Identifier: MIT
/* ring.c: the io_uring backend. Sources: io_uring(7), io_uring_setup(2), liburing's man pages.
 *
 * Each wait is one poll operation; its cancellation is another operation, and the wait ends when
 * the first is completed. Where the ring cannot be had (an older kernel, a container that forbids
 * it) bide__ring_open() says so and the caller takes epoll. */
#include "core/backend.h"

#include <errno.h>
#include <stdbool.h>

#ifdef BIDE_HAVE_IO_URING

#include "base/alloc.h"
#include "core/time.h"

#include <liburing.h>
#include <sys/eventfd.h>
#include <unistd.h>

const bool bide__ring_built = true;

enum { ENTRIES = 256, BATCH = 64, NS = 1000000000 };

struct ring_data {
	struct io_uring ring;
	int event_fd;                /* written to by wake() */
	bool polled;                 /* the ring waits for it */
	struct bide__watch *put_off; /* to be cancelled when there is room */
};

/* What completions that belong to no wait carry; waits carry their address. */
static char for_wake, for_nothing;

/* An entry of the submission queue; a full queue is handed to the kernel first. */
static struct io_uring_sqe *get_sqe(struct ring_data *data)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&data->ring);
	if (sqe == NULL && io_uring_submit(&data->ring) >= 0)
		sqe = io_uring_get_sqe(&data->ring);
	return sqe;
}

static int ring_watch(bide_loop *loop, struct bide__watch *watch, int *ret_events)
{
	struct ring_data *data = loop->backend_data;
	(void)ret_events;
	struct io_uring_sqe *sqe = get_sqe(data);
	if (sqe == NULL)
		return -ENOMEM;
	io_uring_prep_poll_add(sqe, watch->fd, bide__poll_mask(watch->events));
	io_uring_sqe_set_data(sqe, watch);
	return 0;
}

/* While the queue is full and the kernel takes nothing the cancellation is put off. */
static void ring_unwatch(bide_loop *loop, struct bide__watch *watch)
{
	struct ring_data *data = loop->backend_data;
	struct io_uring_sqe *sqe = get_sqe(data);
	if (sqe == NULL) {
		watch->next = data->put_off;
		data->put_off = watch;
		return;
	}
	io_uring_prep_poll_remove(sqe, (uint64_t)(uintptr_t)watch);
	io_uring_sqe_set_data(sqe, &for_nothing);
}

static void unwatch_put_off(bide_loop *loop)
{
	struct ring_data *data = loop->backend_data;
	struct bide__watch *watch = data->put_off, *next;
	data->put_off = NULL;
	for (; watch != NULL; watch = next) {
		next = watch->next;
		ring_unwatch(loop, watch);
	}
}

/* One that was completed meanwhile needs no cancellation. */
static void forget_put_off(struct ring_data *data, const struct bide__watch *watch)
{
	struct bide__watch **link = &data->put_off;
	while (*link != NULL && *link != watch)
		link = &(*link)->next;
	if (*link != NULL)
		*link = watch->next;
}

static void complete(bide_loop *loop, const struct io_uring_cqe *cqe)
{
	struct ring_data *data = loop->backend_data;
	void *of = io_uring_cqe_get_data(cqe);
	uint64_t count;
	if (of == &for_wake) {
		data->polled = false;
		(void)!read(data->event_fd, &count, sizeof(count));
	} else if (of != &for_nothing) {
		struct bide__watch *watch = of;
		forget_put_off(data, watch);
		bide__watch_done(loop, watch,
		                 cqe->res < 0
		                         ? cqe->res
		                         : bide__poll_ready(watch->events, (unsigned)cqe->res));
	}
}

static void reap(bide_loop *loop)
{
	struct ring_data *data = loop->backend_data;
	struct io_uring_cqe *cqes[BATCH];
	unsigned n;
	do {
		n = io_uring_peek_batch_cqe(&data->ring, cqes, BATCH);
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
	unwatch_put_off(loop);
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

static const struct bide__backend backend = { "io_uring", ring_watch, ring_unwatch,
	                                      ring_wait,  ring_wake,  ring_close };

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
	if (ring->features & IORING_FEAT_EXT_ARG)
		return 0;
	io_uring_queue_exit(ring);
	return -ENOSYS;
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
