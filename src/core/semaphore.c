// SPDX-License-Identifier: MIT
/* semaphore.c: see bide/sync.h. A permit that is released while tasks wait goes to the first of
 * them and is never to be had by others: while there are waiters the value is 0. */
#include "core/message.h"
#include "core/waiters.h"

#include <errno.h>

static const struct bide__wait wait_acquire = { "bide_semaphore_acquire", bide__waiters_cut, NULL };

int bide_semaphore_acquire(bide_semaphore *semaphore)
{
	struct bide__task *task = bide__suspending(&wait_acquire);
	bide_loop *loop = bide__loop;
	if (task->flags & BIDE__TASK_PENDING)
		return bide__refuse(loop, &wait_acquire);
	if (semaphore->value > 0) {
		semaphore->value--;
		return 0;
	}
	bide__waiters_add(loop, wait_acquire.name, &semaphore->waiters, task);
	return bide__park(loop, &wait_acquire, semaphore);
}

int bide_semaphore_try_acquire(bide_semaphore *semaphore)
{
	bide__waiters_check("bide_semaphore_try_acquire", &semaphore->waiters);
	if (semaphore->value == 0)
		return -EAGAIN;
	semaphore->value--;
	return 0;
}

int bide_semaphore_release(bide_semaphore *semaphore)
{
	bide__waiters_check("bide_semaphore_release", &semaphore->waiters);
	struct bide__task *task = bide__waiters_pop(&semaphore->waiters);
	if (task != NULL) {
		bide__wake(bide__loop, task, 0);
		return 0;
	}
	const size_t most = semaphore->bounded ? semaphore->bound : SIZE_MAX;
	if (semaphore->value >= most)
		return -EOVERFLOW;
	semaphore->value++;
	return 0;
}

bool bide_semaphore_locked(const bide_semaphore *semaphore)
{
	return semaphore->value == 0;
}

/* ---- the block ---------------------------------------------------------------------------- */

bide__guard bide__acquire_enter(bide_semaphore *semaphore, int *ret_rc)
{
	int rc = bide_semaphore_acquire(semaphore);
	return bide__waiters_guard("BIDE_ACQUIRE", semaphore, rc, ret_rc);
}

void bide__acquire_leave(bide__guard *guard)
{
	if (guard->record != NULL && bide_semaphore_release(guard->record) < 0)
		bide__abort("BIDE_ACQUIRE", "what it acquired has been released in the block");
}
