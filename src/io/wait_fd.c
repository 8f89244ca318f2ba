// SPDX-License-Identifier: MIT
/* wait_fd.c: the call that waits for a descriptor, on whichever backend. */
#include "core/backend.h"
#include "core/select.h"

#include <errno.h>
#include <poll.h>

static const struct bide__wait wait_fd = { "bide_wait_fd", NULL, bide__op_cancel };

static bool valid(int events)
{
	return events != 0 && (events & ~(BIDE_READABLE | BIDE_WRITABLE)) == 0;
}

/* 0 when the task waits; or what is returned at once. */
/* Apart, as an idle connection is a task that waits here, and what is on its stack is kept. */
__attribute__((noinline)) static int begin(bide_loop *loop, struct bide__task *task, int fd,
                                           int events)
{
	const struct bide__op what = { .kind = BIDE__OP_POLL, .fd = fd, .events = events };
	return valid(events) ? bide__op_begin(loop, task, &wait_fd, &what) : -EINVAL;
}

int bide_wait_fd(int fd, int events)
{
	struct bide__task *task = bide__suspending(&wait_fd);
	bide_loop *loop = bide__loop;
	if (task->flags & BIDE__TASK_PENDING)
		return bide__refuse(loop, &wait_fd);
	int rc = begin(loop, task, fd, events);
	if (rc == 0) {
		const unsigned closes = bide__fd_closes(loop, fd);
		rc = bide__park(loop, &wait_fd, task->object);
		return rc > 0 && bide__fd_closes(bide__loop, fd) != closes ? -EBADF : rc;
	}
	/* Whoever waits for a descriptor that is always ready must not starve the others. */
	if (rc > 0)
		bide__yield(loop);
	return rc;
}

/* ---- as an arm of a select ---------------------------------------------------------------- */

/* How a descriptor is ready at this moment: 0 if it is not, or what bide_wait_fd() returns. */
static int look(const bide_loop *loop, const bide_arm *arm)
{
	const int events = arm->with.on.events;
	if (!valid(events))
		return -EINVAL;
	if (arm->with.on.fd < 0)
		return -EBADF;
	if (loop->options.backend == BIDE_BACKEND_VIRTUAL)
		return -ENOTSUP;
	struct pollfd one = { arm->with.on.fd, (short)bide__poll_mask(events), 0 };
	int n = poll(&one, 1, 0);
	return n <= 0 ? 0 : bide__poll_ready(events, one.revents);
}

static bool fd_ready(bide_loop *loop, bide_arm *arm)
{
	arm->rc = look(loop, arm);
	return arm->rc != 0;
}

static int fd_take(bide_loop *loop, const bide_arm *arm)
{
	(void)loop;
	return arm->rc;
}

static int fd_wait(bide_loop *loop, const bide_arm *arm, struct bide__task *stand_in)
{
	int rc = begin(loop, stand_in, arm->with.on.fd, arm->with.on.events);
	return rc == 0 ? -EAGAIN : rc;
}

const struct bide__arm bide__arm_fd = { fd_ready, fd_take, fd_wait, NULL };
