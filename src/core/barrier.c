// SPDX-License-Identifier: MIT
/* barrier.c: see barrier.h and bide/sync.h. Whoever is let go takes its number along, so the next
 * round can begin while those of the last one have not run yet. */
#include "core/barrier.h"

#include "core/waiters.h"

#include <errno.h>

static void cut_barrier(bide_loop *loop, struct bide__task *task)
{
	bide_barrier *barrier = task->object;
	bide__waiters_cut(loop, task);
	barrier->waiting--;
}

static const struct bide__wait wait_barrier = { "bide_barrier_wait", cut_barrier, NULL };

const bide_barrier *bide__waits_at_barrier(const struct bide__task *task)
{
	return task->state == BIDE__WAITING && task->wait == &wait_barrier ? task->object : NULL;
}

/* Lets all go, each with its number or, when that is not 0, with the error. */
static int let_go(bide_barrier *barrier, int error)
{
	int number = 0;
	for (struct bide__task *task; (task = bide__waiters_pop(&barrier->waiters)) != NULL;
	     number++)
		bide__wake(bide__loop, task, error != 0 ? error : number);
	barrier->waiting = 0;
	return number;
}

int bide_barrier_wait(bide_barrier *barrier)
{
	struct bide__task *task = bide__suspending(&wait_barrier);
	bide_loop *loop = bide__loop;
	if (task->flags & BIDE__TASK_PENDING)
		return bide__refuse(loop, &wait_barrier);
	if (barrier->parties < 1)
		return -EINVAL;
	bide__waiters_check(wait_barrier.name, &barrier->waiters);
	if (barrier->broken)
		return -BIDE_EBROKEN;
	if (barrier->waiting + 1 >= barrier->parties)
		return let_go(barrier, 0);
	bide__waiters_add(loop, wait_barrier.name, &barrier->waiters, task);
	barrier->waiting++;
	return bide__park(loop, &wait_barrier, barrier);
}

void bide_barrier_abort(bide_barrier *barrier)
{
	bide__waiters_check("bide_barrier_abort", &barrier->waiters);
	barrier->broken = true;
	(void)let_go(barrier, -BIDE_EBROKEN);
}

void bide_barrier_reset(bide_barrier *barrier)
{
	bide__waiters_check("bide_barrier_reset", &barrier->waiters);
	barrier->broken = false;
	(void)let_go(barrier, -BIDE_EBROKEN);
}

int bide_barrier_waiting(const bide_barrier *barrier)
{
	return barrier->waiting;
}

bool bide_barrier_broken(const bide_barrier *barrier)
{
	return barrier->broken;
}
