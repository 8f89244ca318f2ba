/* SPDX-License-Identifier: MIT */
/* set.h: waiting for the ends of several tasks: what groups, gather, as_completed and wait are
 * made of. */
#ifndef BIDE_CORE_SET_H
#define BIDE_CORE_SET_H

#include "core/loop.h"

/* Tasks that somebody waits for, in the pool. */
struct bide_completion {
	struct bide__set set;
	size_t n;
	bide_task *tasks[]; /* copies of the handles */
};

/* The set that a task's awaiter_tag means. */
static inline struct bide__set *bide__set_of(const struct bide__task *task)
{
	return (struct bide__set *)(task->awaiter_tag & ~(uintptr_t)1);
}

/* A task of the set has ended: queues it and wakes whom that concerns. */
void bide__set_ended(bide_loop *loop, struct bide__set *set, struct bide__task *task);

/* Queues an ended task in a set. */
void bide__set_queue(struct bide__set *set, struct bide__task *task);

/* Says whether what `until` waits for has come. */
bool bide__set_ready(const struct bide__set *set, enum bide_wait_until until);

/* Parks the current task until that has come; a wait with `cut` may be cancelled. */
int bide__set_wait(bide_loop *loop, const struct bide__wait *wait, struct bide__set *set,
                   enum bide_wait_until until);

/* bide__wait::cut of waits in a set: it has no waiter any more. */
void bide__set_cut(bide_loop *loop, struct bide__task *task);

#endif
