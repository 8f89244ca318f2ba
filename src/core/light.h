/* SPDX-License-Identifier: MIT */
/* light.h: light tasks: the few stacks that they share and the frames that are moved off them.
 *
 * A light task always runs on the same shared stack. While another has that stack its live frames
 * are kept in a block of their own; they come back to the same addresses before it goes on. They
 * are moved only when another task needs the stack, so that a few tasks in turn move nothing.
 *
 * In strict mode each light task has a stack of its own that cannot be touched while it is
 * parked. */
#ifndef BIDE_CORE_LIGHT_H
#define BIDE_CORE_LIGHT_H

#include "core/loop.h"

/* Makes a shared stack unless it is there. The first is made when a light task is spawned, so that
 * it can begin. 0, -ENOMEM or -BIDE_EMAPS. */
int bide__shared_stack(bide_loop *loop, unsigned shared);

/* Gives a light task that has not begun a shared stack, other than that of the current task. 0, or
 * -EAGAIN when none could be cleared, for lack of memory. */
int bide__light_begin(bide_loop *loop, struct bide__task *task);

/* Brings a light task's frames onto its stack, which must not be the one that runs. 0, -EAGAIN. */
int bide__light_enter(bide_loop *loop, struct bide__task *task);

/* Forgets a light task that ends; it runs on its stack still. */
void bide__light_end(bide_loop *loop, struct bide__task *task);

/* Moves a task off its stack at once and overwrites what it left there. */
void bide__light_evict_now(bide_loop *loop, struct bide__task *task);

/* Says whether a task's frames are where they must be for it to run. */
static inline bool bide__light_resident(const bide_loop *loop, const struct bide__task *task)
{
	return loop->resident[task->shared] == task;
}

/* What only prefetches has no effect to a compiler, which drops the call: so both of these are
 * inlined before it can tell.
 *
 * Asks for what a parked light task's next step and its end will touch: of a million that sleep
 * nothing is in the cache. */
__attribute__((always_inline)) static inline void
bide__light_prefetch(const struct bide__task *task)
{
	enum { LINE = 64, LINES = 3 };
	const char *frames = task->frames;
	if (frames == NULL)
		return;
	for (int i = 0; i < LINES; i++)
		__builtin_prefetch(frames + i * LINE);
	__builtin_prefetch(bide__chunk_of(task->frames));
	__builtin_prefetch(bide__chunk_of((void *)task));
}

/* Asks for what a parked task's next step touches first: the end of its stack, or its frames. */
__attribute__((always_inline)) static inline void bide__prefetch_step(const struct bide__task *task)
{
	enum { LINE = 64, LINES = 4 };
	const char *at = task->flags & BIDE__TASK_LIGHT ? task->frames : task->sp;
	for (int i = 0; at != NULL && i < LINES; i++)
		__builtin_prefetch(at + i * LINE);
}

/* Strict mode: takes a parked task's stack away, and gives it back. */
void bide__strict_hide(struct bide__task *task);
void bide__strict_show(struct bide__task *task);

static inline bool bide__on_own_stack(const bide_loop *loop, const struct bide__task *task)
{
	return !(task->flags & BIDE__TASK_LIGHT) || loop->light == BIDE_LIGHT_STRICT;
}

/* Returns the stack that a task runs on, NULL before it has one and after its end. */
static inline struct bide__stack *bide__stack_of(const bide_loop *loop,
                                                 const struct bide__task *task)
{
	if (!(task->flags & BIDE__TASK_STARTED) || task->state == BIDE__DONE)
		return NULL;
	return bide__on_own_stack(loop, task) ? task->stack : loop->shared[task->shared];
}

#endif
