// SPDX-License-Identifier: MIT
/* wait_fd.c: the call that waits for a descriptor, on whichever backend. */
#include "core/backend.h"
#include "core/select.h"

#include <errno.h>
#include <poll.h>

static void pass_on(bide_loop *loop, struct bide__task *task)
{
	struct bide__watch *watch = task->object;
	if (watch->cancelled || watch->ended)
		return;
	watch->cancelled = true;
	loop->backend->unwatch(loop, watch);
}

/* The wait lasts until the backend has let go of the descriptor. */
const struct bide__wait bide__wait_fd = { "bide_wait_fd", NULL, pass_on };

static void unlink_watch(bide_loop *loop, const struct bide__watch *watch)
{
	if (watch->newer == NULL)
		loop->watches = watch->older;
	else
		watch->newer->older = watch->older;
	if (watch->older != NULL)
		watch->older->newer = watch->newer;
	loop->in_flight--;
}

static void link_watch(bide_loop *loop, struct bide__watch *watch)
{
	watch->older = loop->watches;
	if (watch->older != NULL)
		watch->older->newer = watch;
	loop->watches = watch;
	loop->in_flight++;
}

void bide__watch_done(bide_loop *loop, struct bide__watch *watch, int result)
{
	unlink_watch(loop, watch);
	bide__wake(loop, watch->task, watch->cancelled && result <= 0 ? BIDE__CUT : result);
	bide__block_free(&loop->pool, watch, sizeof(*watch));
}

static void begin_again(bide_loop *loop, struct bide__watch *watch)
{
	int ready = 0, rc = -ECANCELED;
	watch->next = NULL;
	watch->place = NULL;
	if (!watch->cancelled)
		rc = loop->backend->watch(loop, watch, &ready);
	watch->ended = rc != 0;
	watch->result = rc > 0 ? ready : rc;
}

static struct bide__watch *first_ended(const bide_loop *loop)
{
	struct bide__watch *watch = loop->watches;
	while (watch != NULL && !watch->ended)
		watch = watch->older;
	return watch;
}

/* Who is told of the end of one may give up others. */
void bide__watch_again(bide_loop *loop)
{
	loop->watch_again = false;
	for (struct bide__watch *watch = loop->watches; watch != NULL; watch = watch->older)
		begin_again(loop, watch);
	for (struct bide__watch *watch; (watch = first_ended(loop)) != NULL;)
		bide__watch_done(loop, watch, watch->result);
}

int bide__watch_begin(bide_loop *loop, struct bide__task *task, int fd, int events)
{
	if (events == 0 || (events & ~(BIDE_READABLE | BIDE_WRITABLE)) != 0)
		return -EINVAL;
	if (fd < 0)
		return -EBADF;
	struct bide__watch *watch = bide__block_new(&loop->pool, sizeof(*watch));
	if (watch == NULL)
		return -ENOMEM;
	if (__builtin_expect(loop->watch_again, 0))
		bide__watch_again(loop);
	int ready = 0;
	*watch = (struct bide__watch){ .task = task, .fd = fd, .events = events };
	int rc = loop->backend->watch(loop, watch, &ready);
	if (rc != 0) {
		bide__block_free(&loop->pool, watch, sizeof(*watch));
		return rc < 0 ? rc : ready;
	}
	link_watch(loop, watch);
	task->wait = &bide__wait_fd;
	task->object = watch;
	return 0;
}

int bide_wait_fd(int fd, int events)
{
	struct bide__task *task = bide__suspending(&bide__wait_fd);
	bide_loop *loop = bide__loop;
	if (task->flags & BIDE__TASK_PENDING)
		return bide__refuse(loop, &bide__wait_fd);
	int rc = bide__watch_begin(loop, task, fd, events);
	if (rc == 0)
		return bide__park(loop, &bide__wait_fd, task->object);
	/* Whoever waits for a descriptor that is always ready must not starve the others. */
	if (rc > 0)
		bide__yield(loop);
	return rc;
}

/* ---- as an arm of a select ---------------------------------------------------------------- */

/* How a descriptor is ready at this moment: 0 if it is not, or what bide_wait_fd() returns. */
static int look(const bide_arm *arm)
{
	const int events = arm->with.on.events;
	if (events == 0 || (events & ~(BIDE_READABLE | BIDE_WRITABLE)) != 0)
		return -EINVAL;
	if (arm->with.on.fd < 0)
		return -EBADF;
	struct pollfd one = { arm->with.on.fd, (short)bide__poll_mask(events), 0 };
	int n = poll(&one, 1, 0);
	return n <= 0 ? 0 : bide__poll_ready(events, one.revents);
}

static bool fd_ready(bide_loop *loop, bide_arm *arm)
{
	(void)loop;
	arm->rc = look(arm);
	return arm->rc != 0;
}

static int fd_take(bide_loop *loop, const bide_arm *arm)
{
	(void)loop;
	return arm->rc;
}

static int fd_wait(bide_loop *loop, const bide_arm *arm, struct bide__task *stand_in)
{
	return bide__watch_begin(loop, stand_in, arm->with.on.fd, arm->with.on.events);
}

const struct bide__arm bide__arm_fd = { fd_ready, fd_take, fd_wait, NULL };
