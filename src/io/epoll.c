// SPDX-License-Identifier: MIT
/* epoll.c: the backend that runs on every kernel. Sources: epoll(7), eventfd(2).
 *
 * Each descriptor that is or was waited for has an entry, by number, which lists the tasks that
 * wait. It is registered for one event (EPOLLONESHOT) and stays registered, disarmed, so that the
 * next wait is one call. A descriptor closed meanwhile has left the epoll set by itself: arming it
 * finds that out and registers its successor. */
#include "base/alloc.h"
#include "core/backend.h"
#include "core/time.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, NS_PER_MS = 1000000 };

struct entry {
	struct bide__watch *watches; /* of tasks that wait for it */
	bool registered;             /* was added once */
};

struct epoll_set {
	int fd;
	int event_fd; /* written to by wake() */
	struct entry *entries;
	size_t nentries;
};

/* A number that is no descriptor's must not cost a table as large as itself. */
static int grow(struct epoll_set *data, int fd)
{
	size_t n = data->nentries == 0 ? 64 : data->nentries;
	if (fcntl(fd, F_GETFD) < 0)
		return -EBADF;
	while (n <= (size_t)fd)
		n *= 2;
	struct entry *entries = bide__realloc(data->entries, n * sizeof(*entries));
	if (entries == NULL)
		return -ENOMEM;
	memset(entries + data->nentries, 0, (n - data->nentries) * sizeof(*entries));
	data->entries = entries;
	data->nentries = n;
	return 0;
}

static uint32_t wanted(const struct entry *entry)
{
	uint32_t events = EPOLLONESHOT;
	for (const struct bide__watch *w = entry->watches; w != NULL; w = w->next)
		events |= bide__poll_mask(w->events);
	return events;
}

static int arm(const struct epoll_set *data, int fd)
{
	struct entry *entry = &data->entries[fd];
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

static void unlink_watch(struct entry *entry, struct bide__watch *watch)
{
	struct bide__watch **link = &entry->watches;
	while (*link != watch)
		link = &(*link)->next;
	*link = watch->next;
}

/* A file on disk cannot be registered (EPERM): it is always ready. */
static int epoll_watch(bide_loop *loop, struct bide__watch *watch, int *ret_events)
{
	struct epoll_set *data = loop->backend_data;
	int rc = (size_t)watch->fd >= data->nentries ? grow(data, watch->fd) : 0;
	if (rc < 0)
		return rc;
	struct entry *entry = &data->entries[watch->fd];
	watch->next = entry->watches;
	entry->watches = watch;
	rc = arm(data, watch->fd);
	if (rc == 0)
		return 0;
	unlink_watch(entry, watch);
	if (rc != -EPERM)
		return rc;
	*ret_events = watch->events;
	return 1;
}

/* The last one takes the descriptor out: left armed it would report for what has its number next,
 * if what is waited for now lives on under another. */
static void epoll_unwatch(bide_loop *loop, struct bide__watch *watch)
{
	struct epoll_set *data = loop->backend_data;
	struct entry *entry = &data->entries[watch->fd];
	unlink_watch(entry, watch);
	if (entry->watches == NULL) {
		(void)epoll_ctl(data->fd, EPOLL_CTL_DEL, watch->fd, NULL);
		entry->registered = false;
	}
	bide__watch_done(loop, watch, 0);
}

static struct bide__watch *first_ready(const struct entry *entry, uint32_t events)
{
	struct bide__watch *watch = entry->watches;
	while (watch != NULL && bide__poll_ready(watch->events, events) == 0)
		watch = watch->next;
	return watch;
}

static void end_watch(bide_loop *loop, struct entry *entry, struct bide__watch *watch, int result)
{
	unlink_watch(entry, watch);
	bide__watch_done(loop, watch, result);
}

/* Who is told may give up others, of the same descriptor, too. */
static void dispatch(bide_loop *loop, int fd, uint32_t events)
{
	struct epoll_set *data = loop->backend_data;
	struct entry *entry = &data->entries[fd];
	struct bide__watch *watch;
	while ((watch = first_ready(entry, events)) != NULL)
		end_watch(loop, entry, watch, bide__poll_ready(watch->events, events));
	int rc = entry->watches != NULL ? arm(data, fd) : 0;
	while (rc < 0 && (watch = entry->watches) != NULL)
		end_watch(loop, entry, watch, rc);
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
	bide__free(data->entries);
	bide__free(data);
}

static const struct bide__backend backend = { "epoll",        epoll_watch, epoll_unwatch,
	                                      epoll_wait_for, epoll_wake,  epoll_close };

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
