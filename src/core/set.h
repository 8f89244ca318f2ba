/* SPDX-License-Identifier: MIT */
/* set.h: waiting for the ends of several tasks: what groups, gather, as_completed and wait are
 * made of. */
#ifndef BIDE_CORE_SET_H
#define BIDE_CORE_SET_H

#include "core/loop.h"

/* Tasks that somebody waits for, in the pool. */
struct bide_completion {
	struct bide__set set;
	const struct bide__task *owner; /* the task that waits */
	size_t before;                  /* had ended before and were left where they are */
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

/* Wakes who waits for the set if what he waits for has come. */
void bide__set_look(bide_loop *loop, struct bide__set *set);

/* Queues an ended task in a set. */
void bide__set_queue(struct bide__set *set, struct bide__task *task);

/* Says whether what `until` waits for has come. */
bool bide__set_ready(const struct bide__set *set, enum bide_wait_until until);

/* Parks the current task until that has come; a wait with `cut` may be cancelled. */
int bide__set_wait(bide_loop *loop, const struct bide__wait *wait, struct bide__set *set,
                   enum bide_wait_until until);

/* What gather waits with. */
extern const struct bide__wait bide__wait_gather;

/* The tasks of its choice that a parked task waits for, NULL if it waits for something else. */
const struct bide_completion *bide__waits_for_several(const struct bide__task *task);

/* bide__wait::cut of waits in a set: it has no waiter any more. */
void bide__set_cut(bide_loop *loop, struct bide__task *task);

#endif
