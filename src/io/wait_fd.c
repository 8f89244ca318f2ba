// SPDX-License-Identifier: MIT
/* wait_fd.c: the call that waits for a descriptor, on whichever backend. */
#include "core/backend.h"

#include <errno.h>

static void pass_on(bide_loop *loop, struct bide__task *task)
{
	struct bide__watch *watch = task->object;
	if (watch->cancelled)
		return;
	watch->cancelled = true;
	loop->backend->unwatch(loop, watch);
}

/* The wait lasts until the backend has let go of the descriptor. */
static const struct bide__wait wait_fd = { "bide_wait_fd", NULL, pass_on };

void bide__watch_done(bide_loop *loop, struct bide__watch *watch, int result)
{
	loop->in_flight--;
	bide__wake(loop, watch->task, watch->cancelled && result <= 0 ? BIDE__CUT : result);
	bide__block_free(&loop->pool, watch, sizeof(*watch));
}

void bide__watch_again(bide_loop *loop)
{
	uint32_t slot = 0;
	struct bide__task *task;
	loop->watch_again = false;
	while ((task = bide__record_next(&loop->pool, &slot)) != NULL) {
		if (task->state != BIDE__WAITING || task->wait != &wait_fd)
			continue;
		struct bide__watch *watch = task->object;
		int ready = 0, rc = -ECANCELED;
		watch->next = NULL;
		watch->place = NULL;
		if (!watch->cancelled)
			rc = loop->backend->watch(loop, watch, &ready);
		if (rc != 0)
			bide__watch_done(loop, watch, rc > 0 ? ready : rc);
	}
}

int bide_wait_fd(int fd, int events)
{
	struct bide__task *task = bide__suspending(&wait_fd);
	bide_loop *loop = bide__loop;
	if (events == 0 || (events & ~(BIDE_READABLE | BIDE_WRITABLE)) != 0)
		return -EINVAL;
	if (fd < 0)
		return -EBADF;
	if (task->flags & BIDE__TASK_PENDING)
		return bide__refuse(loop, &wait_fd);
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
		if (rc < 0)
			return rc;
		/* Whoever waits for such a descriptor in a loop must not starve the others. */
		bide__yield(loop);
		return ready;
	}
	loop->in_flight++;
	return bide__park(loop, &wait_fd, watch);
}
