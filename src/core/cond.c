// SPDX-License-Identifier: MIT
/* cond.c: see bide/sync.h.
 *
 * A notification moves a task from the condition to its mutex, where it waits like any other, but
 * to the end: a notified task does not run to lock the mutex, it runs once it has it. A task that
 * is cancelled before that has taken no notification; one that is cancelled after it has been
 * notified, and says so. So there is none to be passed on. */
#include "core/message.h"
#include "core/mutex.h"
#include "core/waiters.h"

static const struct bide__wait wait_cond = { "bide_cond_wait", bide__waiters_cut, NULL };

/* Cancelled before it began. The others come to the mutex, so that a loop that ignores the result
 * does not keep what it waits for from happening. */
__attribute__((noinline, cold)) static int refuse(bide_loop *loop, bide_mutex *mutex)
{
	if (loop->forked)
		return bide__refuse(loop, &wait_cond);
	bide__mutex_hand_over(loop, mutex);
	int rc = bide__refuse(loop, &wait_cond);
	bide__mutex_relock(loop, mutex);
	return rc;
}

int bide_cond_wait(bide_cond *cond, bide_mutex *mutex)
{
	struct bide__task *task = bide__suspending(&wait_cond);
	bide_loop *loop = bide__loop;
	bide__mutex_check_held(wait_cond.name, mutex);
	if (task->flags & BIDE__TASK_PENDING)
		return refuse(loop, mutex);
	if (cond->waiters.queue.head != NULL && cond->mutex != mutex)
		bide__abort(wait_cond.name, "another mutex goes with it while tasks wait");
	bide__waiters_add(loop, wait_cond.name, &cond->waiters, task);
	cond->mutex = mutex;
	bide__mutex_hand_over(loop, mutex);
	int rc = bide__park(loop, &wait_cond, cond);
	if (rc < 0)
		bide__mutex_relock(bide__loop, mutex);
	return rc;
}

static size_t notify(const char *call, bide_cond *cond, size_t n)
{
	size_t notified = 0;
	struct bide__task *task;
	bide__waiters_check(call, &cond->waiters);
	while (notified < n && (task = bide__waiters_pop(&cond->waiters)) != NULL) {
		bide__mutex_promise(bide__loop, call, cond->mutex, task);
		notified++;
	}
	return notified;
}

size_t bide_cond_notify(bide_cond *cond, size_t n)
{
	return notify("bide_cond_notify", cond, n);
}

size_t bide_cond_notify_all(bide_cond *cond)
{
	return notify("bide_cond_notify_all", cond, SIZE_MAX);
}
