// SPDX-License-Identifier: MIT
/* ops.c: what is in flight on descriptors, whichever backend has it.
 *
 * Operations are listed by descriptor, so that a close finds them. A descriptor's entry says
 * nothing of what is open under its number now: the program opens and closes as it likes, and only
 * bide_close() has to be told of by nobody. */
#include "core/backend.h"

#include "base/alloc.h"
#include "core/light.h"

#include <fcntl.h>
#include <string.h>

/* ---- descriptors -------------------------------------------------------------------------- */

struct bide__fd *bide__fd_at(const bide_loop *loop, int fd)
{
	return (size_t)fd < loop->nfds ? &loop->fds[fd] : NULL;
}

/* A number that is no descriptor's must not cost a table as large as itself. */
static int grow(bide_loop *loop, int fd)
{
	size_t n = loop->nfds == 0 ? 64 : loop->nfds;
	if (fd < 0 || fcntl(fd, F_GETFD) < 0)
		return -EBADF;
	while (n <= (size_t)fd)
		n *= 2;
	struct bide__fd *fds = bide__realloc(loop->fds, n * sizeof(*fds));
	if (fds == NULL)
		return -ENOMEM;
	memset(fds + loop->nfds, 0, (n - loop->nfds) * sizeof(*fds));
	loop->fds = fds;
	loop->nfds = n;
	return 0;
}

int bide__fd_know(bide_loop *loop, int fd)
{
	return (size_t)fd >= loop->nfds ? grow(loop, fd) : 0;
}

void bide__ops_finish(bide_loop *loop)
{
	bide__free(loop->fds);
}

/* ---- operations --------------------------------------------------------------------------- */

static void link_op(bide_loop *loop, struct bide__op *op)
{
	struct bide__fd *entry = &loop->fds[op->fd];
	op->older = entry->ops;
	if (op->older != NULL)
		op->older->newer = op;
	entry->ops = op;
	loop->in_flight++;
}

static void unlink_op(bide_loop *loop, const struct bide__op *op)
{
	struct bide__fd *entry = &loop->fds[op->fd];
	if (op->newer == NULL)
		entry->ops = op->older;
	else
		op->newer->older = op->older;
	if (op->older != NULL)
		op->older->newer = op->newer;
	loop->in_flight--;
}

void bide__op_cancel(bide_loop *loop, struct bide__task *task)
{
	struct bide__op *op = task->object;
	bool ending = op->cancelled || op->closed;
	op->cancelled = true;
	if (!ending)
		loop->backend->end(loop, op);
}

/* What had been done when it was ended stays done. */
static int result_of(const struct bide__op *op, int result)
{
	if (result != -ECANCELED)
		return result;
	return op->cancelled ? BIDE__CUT : op->closed ? -EBADF : result;
}

void bide__op_done(bide_loop *loop, struct bide__op *op, int result)
{
	struct bide__fd *entry = &loop->fds[op->fd];
	unlink_op(loop, op);
	if (entry->ops == NULL && entry->closer != NULL)
		bide__wake(loop, entry->closer, 0);
	bide__prefetch_step(op->task);
	bide__wake(loop, op->task, result_of(op, result));
	bide__block_free(&loop->pool, op, sizeof(*op));
}

static int begin(bide_loop *loop, struct bide__op *op)
{
	int ready = 0;
	link_op(loop, op);
	int rc = loop->backend->begin(loop, op, &ready);
	if (rc == 0)
		return 0;
	unlink_op(loop, op);
	return rc < 0 ? rc : ready;
}

int bide__op_begin(bide_loop *loop, struct bide__task *task, const struct bide__wait *wait,
                   const struct bide__op *what)
{
	int rc = bide__fd_know(loop, what->fd);
	if (rc < 0)
		return rc;
	if (loop->fds[what->fd].closer != NULL)
		return -EBADF;
	struct bide__op *op = bide__block_new(&loop->pool, sizeof(*op));
	if (op == NULL)
		return -ENOMEM;
	*op = *what;
	op->task = task;
	rc = begin(loop, op);
	if (rc != 0) {
		bide__block_free(&loop->pool, op, sizeof(*op));
		return rc;
	}
	task->wait = wait;
	task->object = op;
	return 0;
}

/* ---- closing ------------------------------------------------------------------------------ */

static const struct bide__wait wait_close = { "bide_close", NULL, NULL };

static struct bide__op *first_open(const struct bide__fd *entry)
{
	struct bide__op *op = entry->ops;
	while (op != NULL && op->closed)
		op = op->older;
	return op;
}

unsigned bide__fd_closes(const bide_loop *loop, int fd)
{
	const struct bide__fd *entry = bide__fd_at(loop, fd);
	return entry != NULL ? entry->closes : 0;
}

int bide__fd_clear(bide_loop *loop, int fd)
{
	struct bide__fd *entry = bide__fd_at(loop, fd);
	if (entry == NULL || loop->forked)
		return 0;
	if (entry->closer != NULL)
		return -EBADF;
	entry->closes++;
	for (struct bide__op *op; (op = first_open(entry)) != NULL;) {
		op->closed = true;
		if (!op->cancelled)
			loop->backend->end(loop, op);
	}
	if (entry->ops == NULL)
		return 0;
	entry->closer = bide__suspending(&wait_close);
	(void)bide__park(loop, &wait_close, NULL);
	loop->fds[fd].closer = NULL;
	return 0;
}
