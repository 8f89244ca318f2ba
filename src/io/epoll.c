// SPDX-License-Identifier: MIT
/* epoll.c: the backend that runs on every kernel. Sources: epoll(7), eventfd(2).
 *
 * A descriptor that is or was waited for is registered for one event (EPOLLONESHOT) and stays
 * registered, disarmed, so that the next wait is one call. A descriptor closed meanwhile has left
 * the epoll set by itself: arming it finds that out and registers its successor. */
#include "base/alloc.h"
#include "core/backend.h"
#include "core/time.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, NS_PER_MS = 1000000 };

struct epoll_set {
	int fd;
	int event_fd; /* written to by wake() */
};

static uint32_t wanted(const struct bide__fd *entry)
{
	uint32_t events = EPOLLONESHOT;
	for (const struct bide__op *op = entry->ops; op != NULL; op = op->older)
		events |= bide__poll_mask(op->events);
	return events;
}

static int arm(const struct epoll_set *data, struct bide__fd *entry, int fd)
{
	struct epoll_event event = { .events = wanted(entry), .data.fd = fd };
	int first = entry->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	int second = entry->registered ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
	if (epoll_ctl(data->fd, first, fd, &event) < 0) {
		if (errno != ENOENT && errno != EEXIST)
			return -errno;
		if (epoll_ctl(data->fd, second, fd, &event) < 0)
			return -errno;
	}
	entry->registered = true;
	return 0;
}

/* A file on disk cannot be registered (EPERM): it is always ready. */
static int epoll_begin(bide_loop *loop, struct bide__op *op, int *ret_events)
{
	int rc = arm(loop->backend_data, bide__fd_at(loop, op->fd), op->fd);
	if (rc != -EPERM)
		return rc;
	*ret_events = op->events;
	return 1;
}

/* The last one takes the descriptor out: left armed it would report for what has its number next,
 * if what is waited for now lives on under another. */
static void epoll_end(bide_loop *loop, struct bide__op *op)
{
	const struct epoll_set *data = loop->backend_data;
	struct bide__fd *entry = bide__fd_at(loop, op->fd);
	if (op->older == NULL && op->newer == NULL) {
		(void)epoll_ctl(data->fd, EPOLL_CTL_DEL, op->fd, NULL);
		entry->registered = false;
	}
	bide__op_done(loop, op, -ECANCELED);
}

static struct bide__op *first_ready(const struct bide__fd *entry, uint32_t events)
{
	struct bide__op *op = entry->ops;
	while (op != NULL && bide__poll_ready(op->events, events) == 0)
		op = op->older;
	return op;
}

/* Who is told may give up others, of the same descriptor, too. */
static void dispatch(bide_loop *loop, int fd, uint32_t events)
{
	struct bide__fd *entry = bide__fd_at(loop, fd);
	struct bide__op *op;
	while ((op = first_ready(entry, events)) != NULL)
		bide__op_done(loop, op, bide__poll_ready(op->events, events));
	int rc = entry->ops != NULL ? arm(loop->backend_data, entry, fd) : 0;
	while (rc < 0 && (op = entry->ops) != NULL)
		bide__op_done(loop, op, rc);
}

/* Rounded up: a timer must not be looked at before it is due. epoll_pwait2() counts nanoseconds;
 * where the kernel lacks it (before 5.11), or a container forbids what it does not know, it is
 * milliseconds. */
static int wait_events(const struct epoll_set *data, struct epoll_event *events,
                       uint64_t deadline_ns)
{
	enum { NS = 1000000000 };
	if (deadline_ns == 0)
		return epoll_wait(data->fd, events, BATCH, 0);
	if (deadline_ns == UINT64_MAX)
		return epoll_wait(data->fd, events, BATCH, -1);
	uint64_t left = bide__until(deadline_ns);
	struct timespec timeout = { (time_t)(left / NS), (long)(left % NS) };
	int n = (int)syscall(SYS_epoll_pwait2, data->fd, events, BATCH, &timeout, NULL, 0);
	if (n >= 0 || errno == EINTR)
		return n;
	uint64_t ms = (left + NS_PER_MS - 1) / NS_PER_MS;
	return epoll_wait(data->fd, events, BATCH, ms < INT_MAX ? (int)ms : INT_MAX);
}

static void epoll_wait_for(bide_loop *loop, uint64_t deadline_ns)
{
	struct epoll_set *data = loop->backend_data;
	struct epoll_event events[BATCH];
	int n = wait_events(data, events, deadline_ns);
	for (int i = 0; i < n; i++) {
		uint64_t count;
		if (events[i].data.fd == data->event_fd)
			(void)!read(data->event_fd, &count, sizeof(count));
		else
			dispatch(loop, events[i].data.fd, events[i].events);
	}
}

static void epoll_wake(bide_loop *loop)
{
	const struct epoll_set *data = loop->backend_data;
	const uint64_t one = 1;
	(void)!write(data->event_fd, &one, sizeof(one));
}

static void epoll_close(bide_loop *loop)
{
	struct epoll_set *data = loop->backend_data;
	if (data->fd >= 0)
		(void)close(data->fd);
	if (data->event_fd >= 0)
		(void)close(data->event_fd);
	for (size_t fd = 0; fd < loop->nfds; fd++)
		loop->fds[fd].registered = false;
	bide__free(data);
}

static const struct bide__backend backend = { "epoll",        false,      epoll_begin, epoll_end,
	                                      epoll_wait_for, epoll_wake, epoll_close };

int bide__epoll_open(bide_loop *loop)
{
	struct epoll_set *data = bide__calloc(1, sizeof(*data));
	if (data == NULL)
		return -ENOMEM;
	data->fd = epoll_create1(EPOLL_CLOEXEC);
	data->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct epoll_event event = { .events = EPOLLIN, .data.fd = data->event_fd };
	if (data->fd < 0 || data->event_fd < 0 ||
	    epoll_ctl(data->fd, EPOLL_CTL_ADD, data->event_fd, &event) < 0) {
		int rc = -errno;
		void *before = loop->backend_data;
		loop->backend_data = data;
		epoll_close(loop);
		loop->backend_data = before;
		return rc;
	}
	loop->backend_data = data;
	loop->backend = &backend;
	return 0;
}
