// SPDX-License-Identifier: MIT
/* cancel.c: see cancel.h. */
#include "core/cancel.h"

#include "core/fault_option.h"
#include "core/message.h"

#include <errno.h>
#include <stdlib.h>

/* ---- what is in force --------------------------------------------------------------------- */

static bool holds(unsigned shields)
{
	return shields > 0 && !BIDE__FAULT(LEAKY_SHIELD);
}

/* Looks outward for what is cancelled: the outermost, or, where it is enough to know that there is
 * any, the first.
 *
 * A shield opened directly inside a scope keeps out that scope and all outward of it, and it
 * encloses every scope and group opened later. When the walk passes from a task to its group the
 * shields directly inside the group are not around the task: they are the body's. */
__attribute__((always_inline)) static inline struct bide__cause
look_outward(struct bide__task *task, struct bide_scope *scope, bool for_any)
{
	struct bide__cause found = { NULL, NULL };
	bool from_child = false;
	for (;;) {
		for (; scope != NULL; scope = scope->outer, from_child = false) {
			if (!from_child && holds(scope->shields))
				return found;
			if (scope->code != 0)
				found = (struct bide__cause){ NULL, scope };
			if (for_any && found.scope != NULL)
				return found;
		}
		if (holds(task->shields))
			return found;
		if (task->flags & BIDE__TASK_ASKED)
			found = (struct bide__cause){ task, NULL };
		if (task->group == NULL || (for_any && found.task != NULL))
			return found;
		scope = &task->group->scope;
		task = scope->owner;
		from_child = true;
	}
}

struct bide__cause bide__cause_outward(struct bide__task *task, struct bide_scope *scope)
{
	return look_outward(task, scope, false);
}

static struct bide__cause cause_of(const struct bide__task *task)
{
	return look_outward((struct bide__task *)task, bide__innermost(task), false);
}

static bool any_in_force(const struct bide__task *task)
{
	struct bide__cause cause =
		look_outward((struct bide__task *)task, bide__innermost(task), true);
	return cause.task != NULL || cause.scope != NULL;
}

static int code_of(const bide_loop *loop, struct bide__cause cause)
{
	if (loop->forked)
		return -BIDE_EFORKED;
	if (cause.scope != NULL)
		return cause.scope->code;
	if (cause.task != NULL)
		return loop->deadlocked ? -EDEADLK : -ECANCELED;
	return 0;
}

int bide__code_in_force(const struct bide__task *task)
{
	return code_of(bide__loop, cause_of(task));
}

void bide__update_pending(struct bide__task *task)
{
	if (bide__loop->forked || any_in_force(task)) {
		task->flags |= BIDE__TASK_PENDING;
		return;
	}
	task->flags &= (uint16_t)~BIDE__TASK_PENDING;
	task->ignored = 0;
}

int bide__fire(bide_loop *loop, struct bide__task *task, struct bide__cause cause)
{
	if (cause.scope != NULL)
		cause.scope->delivered = true;
	if (cause.scope == NULL || cause.scope->owner != task)
		task->flags |= BIDE__TASK_DELIVERED;
	return code_of(loop, cause);
}

int bide__deliver(void)
{
	bide_loop *loop = bide__loop;
	return bide__fire(loop, loop->current, cause_of(loop->current));
}

/* ---- how it spreads ----------------------------------------------------------------------- */

/* Whom a cancelled task waits for is cancelled too, and so on along the chain: by a queue, as
 * chains may be long. */
static void pass_on(bide_loop *loop)
{
	if (loop->passing_on)
		return;
	loop->passing_on = true;
	for (struct bide__task *task; (task = bide__queue_pop(&loop->cutting)) != NULL;)
		task->wait->pass_on(loop, task);
	loop->passing_on = false;
}

void bide__cut_wait(bide_loop *loop, struct bide__task *task)
{
	if (task->state != BIDE__WAITING || (task->flags & BIDE__TASK_CUT))
		return;
	task->flags |= BIDE__TASK_CUT;
	if (task->wait->cut != NULL) {
		task->wait->cut(loop, task);
		if (!BIDE__FAULT(LOST_WAKE))
			bide__wake(loop, task, BIDE__CUT);
	} else if (task->wait->pass_on != NULL) {
		bide__queue_push(&loop->cutting, task);
		pass_on(loop);
	}
}

void bide__give_up_wait(bide_loop *loop, struct bide__task *task, int result)
{
	if (task->state == BIDE__WAITING && task->wait->cut != NULL) {
		task->wait->cut(loop, task);
		bide__wake(loop, task, result);
	}
}

/* The oldest task of the first group that has one, from a scope outward to `last`. */
static struct bide__task *first_child(struct bide_scope *scope, const struct bide_scope *last)
{
	for (; scope != NULL; scope = scope->outer) {
		if (scope->is_group && bide__group_of_scope(scope)->oldest != NULL)
			return bide__group_of_scope(scope)->oldest;
		if (scope == last)
			break;
	}
	return NULL;
}

/* The next task, in preorder, of those in the groups of `root` from its innermost scope outward to
 * `last` and, below them, in all. Groups may nest deeply, so this does not recurse. */
static struct bide__task *next_inside(struct bide__task *task, struct bide__task *root,
                                      const struct bide_scope *last)
{
	struct bide__task *child = first_child(bide__innermost(task), task == root ? last : NULL);
	while (child == NULL && task != root) {
		struct bide_scope *group = &task->group->scope;
		child = task->younger;
		task = group->owner;
		const struct bide_scope *end = task == root ? last : NULL;
		if (child == NULL && group != end)
			child = first_child(group->outer, end);
	}
	return child;
}

static void spread(bide_loop *loop, struct bide__task *root, const struct bide_scope *last)
{
	if (loop->forked)
		return;
	for (struct bide__task *task = root; task; task = next_inside(task, root, last)) {
		if (task->state == BIDE__DONE || !any_in_force(task))
			continue;
		task->flags |= BIDE__TASK_PENDING;
		bide__cut_wait(loop, task);
	}
}

int bide__cancel_task(bide_loop *loop, struct bide__task *task)
{
	if (task->state == BIDE__DONE || (task->flags & BIDE__TASK_ASKED))
		return 0;
	task->flags |= BIDE__TASK_ASKED;
	spread(loop, task, NULL);
	return 1;
}

void bide__cancel_scope(bide_loop *loop, struct bide_scope *scope, int code)
{
	if (scope->code != 0)
		return;
	scope->code = (int16_t)code;
	bide__timers_disarm(&loop->timers, &scope->timer);
	spread(loop, scope->owner, scope);
}

void bide__scope_expired(bide_loop *loop, struct bide__timer *timer)
{
	struct bide_scope *scope = BIDE__CONTAINER(timer, struct bide_scope, timer);
	bide__cancel_scope(loop, scope, -ETIMEDOUT);
}

void bide__count_ignored(bide_loop *loop, struct bide__task *task, const char *call)
{
	if (task->ignored > BIDE__IGNORED_MAX || ++task->ignored != BIDE__IGNORED_MAX)
		return;
	task->ignored++;
	if (loop->debug)
		bide__abort(call, "the task has ignored its cancellation %d times in a row",
		            BIDE__IGNORED_MAX);
	bide__report(BIDE_REPORT_IGNORED, bide__code_in_force(task), bide__name(task),
	             "ignores its cancellation: %s has returned it %d times in a row", call,
	             BIDE__IGNORED_MAX);
}
