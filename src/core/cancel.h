/* SPDX-License-Identifier: MIT */
/* cancel.h: which cancellation is in force where a task stands, and how one spreads.
 *
 * A task stands in its scopes, from the innermost outward, then in itself as a thing that can be
 * cancelled, then in the scopes around the group it was spawned in, and so on. In force is the
 * outermost cancelled one that no shield keeps out. BIDE__TASK_PENDING caches whether there is
 * one, so that suspending calls look at a single bit. */
#ifndef BIDE_CORE_CANCEL_H
#define BIDE_CORE_CANCEL_H

#include "core/loop.h"

/* Returns the code in force for the current task and marks what it came from as having fired. */
int bide__deliver(void);

/* Returns the code in force for a task, 0 if none, and marks nothing. */
int bide__code_in_force(const struct bide__task *task);

/* Recomputes BIDE__TASK_PENDING, when the task has left a scope or a shield. */
void bide__update_pending(struct bide__task *task);

/* Asks a task to stop. Returns 1, or 0 when it had been asked or has ended. */
int bide__cancel_task(bide_loop *loop, struct bide__task *task);

/* Cancels a scope and all that stands in it; idempotent. */
void bide__cancel_scope(bide_loop *loop, struct bide_scope *scope, int code);

/* Tells a parked task's wait of the cancellation in force. */
void bide__cut_wait(bide_loop *loop, struct bide__task *task);

/* Ends a parked task's wait with @p result, if it is one that can be given up. */
void bide__give_up_wait(bide_loop *loop, struct bide__task *task, int result);

/* Counts a cancellation that was returned though one had been before; reports the thousandth. */
void bide__count_ignored(bide_loop *loop, struct bide__task *task, const char *call);

/* A scope's deadline has come. */
void bide__scope_expired(bide_loop *loop, struct bide__timer *timer);

/* The innermost scope of a task, NULL if it is in none. */
static inline struct bide_scope *bide__innermost(const struct bide__task *task)
{
	return (task->flags & BIDE__TASK_STARTED) && task->state != BIDE__DONE ? task->scope : NULL;
}

/* The cancelled thing outward of a place, NULLs when none is in force. */
struct bide__cause {
	struct bide__task *task;
	struct bide_scope *scope;
};

/* Looks outward from a scope of @p task, NULL being outside all of them. */
struct bide__cause bide__cause_outward(struct bide__task *task, struct bide_scope *scope);

/* Marks a cause as having reached @p task and returns its code. */
int bide__fire(bide_loop *loop, struct bide__task *task, struct bide__cause cause);

#endif
