/* SPDX-License-Identifier: MIT */
/* backend.h: what a loop waits with: a small table, so that nothing above knows which one runs. */
#ifndef BIDE_CORE_BACKEND_H
#define BIDE_CORE_BACKEND_H

#include "core/loop.h"

#include <errno.h>
#include <poll.h>

/* An operation in flight: a descriptor that a task waits for. In the loop's pool; the backend has
 * it from `watch` until it calls bide__watch_done(). */
struct bide__watch {
	struct bide__task *task; /* that is parked for it */
	int fd;
	int events;     /* enum bide_events that are waited for */
	bool cancelled; /* unwatch() was called */
	bool ended;     /* with `result`, of which nobody has been told yet */
	int result;
	struct bide__watch *older, *newer; /* among all of the loop */
	struct bide__watch *next;          /* the backend's */
	void *place;                       /* the backend's */
};

struct bide__backend {
	const char *name;

	/* Begins to wait for a descriptor. 0; 1 when it is always ready (*ret_events says how); a
	 * negative errno value. */
	int (*watch)(bide_loop *loop, struct bide__watch *watch, int *ret_events);

	/* Ends that before its time; bide__watch_done() follows, at once or later. */
	void (*unwatch)(bide_loop *loop, struct bide__watch *watch);

	/* Waits until something is done, wake() was called, or the loop's clock has reached
	 * @p deadline_ns: 0 only looks, UINT64_MAX is never. */
	void (*wait)(bide_loop *loop, uint64_t deadline_ns);

	/* Ends a wait from another thread or a signal handler. */
	void (*wake)(bide_loop *loop);

	void (*close)(bide_loop *loop);
};

/* Waits for nothing but time and wake(), without a kernel object; watch() puts the real backend in
 * its place. What every loop begins with. */
extern const struct bide__backend bide__backend_idle;
extern const struct bide__backend bide__backend_virtual;

/* Open a backend for a loop: 0 or a negative errno value. */
int bide__epoll_open(bide_loop *loop);
int bide__ring_open(bide_loop *loop);

/* Whether the build has io_uring. */
extern const bool bide__ring_built;

/* Has a task, which is parked or about to be, wait for a descriptor, as bide_wait_fd() does. 0; or
 * what that returns at once, nothing being in flight. */
int bide__watch_begin(bide_loop *loop, struct bide__task *task, int fd, int events);

/* The wait of such a task. */
extern const struct bide__wait bide__wait_fd;

/* Tells the task that waits how its descriptor is ready, or a negative errno value. */
void bide__watch_done(bide_loop *loop, struct bide__watch *watch, int result);

/* Has the backend wait again for what tasks wait for: in the child of a fork. */
void bide__watch_again(bide_loop *loop);

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
