// SPDX-License-Identifier: MIT
/* group.c: see group.h. Invariant: a task is among its group's from its spawn until it is freed,
 * and a group is freed when it has none. */
#include "core/group.h"

#include "core/cancel.h"
#include "core/message.h"
#include "core/scope.h"
#include "core/set.h"
#include "core/task.h"

#include <errno.h>
#include <string.h>

/* ---- members ------------------------------------------------------------------------------ */

/* Whether the group's body stands right inside it, with nothing cancelled that it could see: then
 * what is spawned into the group sees as little. */
static inline bool stands_free(const struct bide_group *group)
{
	const struct bide__task *owner = group->scope.owner;
	return !(owner->flags & BIDE__TASK_PENDING) && owner->scope == &group->scope &&
	       group->scope.shields == 0;
}

bool bide__group_add(struct bide_group *group, struct bide__task *task)
{
	task->group = group;
	task->younger = NULL;
	task->older = group->youngest;
	if (group->youngest != NULL)
		group->youngest->younger = task;
	else
		group->oldest = task;
	group->youngest = task;
	group->set.live++;
	if (!stands_free(group))
		bide__update_pending(task);
	if (group->options.limit == 0 || group->running < group->options.limit) {
		group->running++;
		return false;
	}
	task->flags |= BIDE__TASK_HELD;
	bide__queue_push(&group->held, task);
	return true;
}

static void owes_no_more(bide_loop *loop, struct bide_group *group, struct bide__task *task)
{
	if (!(task->flags & BIDE__TASK_OWED))
		return;
	task->flags &= (uint16_t)~BIDE__TASK_OWED;
	group->set.owed--;
	bide__set_look(loop, &group->set);
}

void bide__group_owes(struct bide_group *group, struct bide__task *task)
{
	if (task->flags & BIDE__TASK_QUEUED)
		bide__queue_remove(&group->set.done, task);
	task->flags &= (uint16_t)~BIDE__TASK_QUEUED;
	task->flags |= BIDE__TASK_OWED;
	group->set.owed++;
}

void bide__group_gets_back(bide_loop *loop, struct bide_group *group, struct bide__task *task)
{
	if (!(task->flags & BIDE__TASK_LENT) && !group->options.drop_results)
		bide__set_queue(&group->set, task);
	owes_no_more(loop, group, task);
}

void bide__group_remove(struct bide_group *group, struct bide__task *task)
{
	if (task->flags & BIDE__TASK_QUEUED)
		bide__queue_remove(&group->set.done, task);
	owes_no_more(bide__loop, group, task);
	if (task->older != NULL)
		task->older->younger = task->younger;
	else
		group->oldest = task->younger;
	if (task->younger != NULL)
		task->younger->older = task->older;
	else
		group->youngest = task->older;
}

void bide__group_failed(bide_loop *loop, struct bide_group *group, int error)
{
	if (group->error == 0)
		group->error = error;
	bide__cancel_scope(loop, &group->scope, -ECANCELED);
}

static void begin_held(bide_loop *loop, struct bide_group *group)
{
	group->running--;
	struct bide__task *task = bide__queue_pop(&group->held);
	if (task == NULL)
		return;
	task->flags &= (uint16_t)~BIDE__TASK_HELD;
	group->running++;
	bide__make_ready(loop, task);
}

/* A fail-fast group knows of the first failure by its rc; in a collecting one each task's own
 * awaiter is to look. */
static void note_failure(bide_loop *loop, struct bide_group *group, struct bide__task *task)
{
	if (group->options.collect || !bide__has_failed(task))
		return;
	if (group->error == 0)
		task->flags |= BIDE__TASK_RETRIEVED;
	bide__group_failed(loop, group, task->error);
}

/* Whoever waits for the task itself gets it; it is not among those that the group gives out. */
bool bide__group_ended(bide_loop *loop, struct bide_group *group, struct bide__task *task)
{
	begin_held(loop, group);
	note_failure(loop, group, task);
	if (task->awaiter == NULL && !group->options.drop_results) {
		bide__set_ended(loop, &group->set, task);
		return false;
	}
	group->set.live--;
	if (task->awaiter != NULL) {
		bide__group_owes(group, task);
		return false;
	}
	bide__set_look(loop, &group->set);
	if (group->options.collect && bide__has_failed(task) && group->error == 0) {
		group->error = task->error;
		task->flags |= BIDE__TASK_RETRIEVED;
	}
	bide__report_failure(task);
	bide__free_task(loop, task);
	return true;
}

/* ---- the group ---------------------------------------------------------------------------- */

int bide_group_open(const bide_group_options *options, bide_group **ret_group)
{
	bide_loop *loop = bide__loop;
	if (loop == NULL || loop->current == NULL)
		bide__abort("bide_group_open", "there is no task to open it in");
	struct bide_group *group = bide__block_new(&loop->pool, sizeof(*group));
	if (group == NULL)
		return -ENOMEM;
	memset(group, 0, sizeof(*group));
	bide__scope_push(loop, &group->scope);
	group->scope.is_group = true;
	if (options != NULL)
		group->options = *options;
	*ret_group = group;
	return 0;
}

void bide_group_cancel(bide_group *group)
{
	if (bide__loop == NULL)
		bide__abort("bide_group_cancel", "no loop on this thread");
	bide__cancel_scope(bide__loop, &group->scope, -ECANCELED);
}

static const struct bide__wait wait_next = { "bide_group_next", bide__set_cut, NULL };
static const struct bide__wait wait_close = { "bide_group_close", NULL, NULL };

static bool is_empty(const struct bide__set *set)
{
	return set->done.head == NULL && set->live + set->owed == 0;
}

/* Another task may take the one that ended before the caller has its turn: then it waits on. */
bide_task *bide_group_next(bide_group *group)
{
	const struct bide__task *current = bide__suspending(&wait_next);
	bide_loop *loop = bide__loop;
	struct bide__task *task = NULL;
	while (task == NULL) {
		if (is_empty(&group->set))
			return NULL;
		if (current->flags & BIDE__TASK_PENDING) {
			(void)bide__refuse(loop, &wait_next);
			return NULL;
		}
		group->asking++;
		int rc = bide__set_wait(loop, &wait_next, &group->set, BIDE_FIRST_COMPLETED);
		group->asking--;
		if (rc == -ENOMEM) /* to keep a light task's frames */
			bide__group_failed(loop, group, rc);
		if (rc < 0)
			return NULL;
		task = bide__queue_pop(&group->set.done);
	}
	task->flags &= (uint16_t)~BIDE__TASK_QUEUED;
	task->flags |= BIDE__TASK_LENT;
	return bide__handle(loop, task);
}

static bool unseen_failure(const struct bide__task *task)
{
	return bide__has_failed(task) && !(task->flags & BIDE__TASK_RETRIEVED);
}

/* What was lent ended before what was not. */
static struct bide__task *first_unseen_failure(const struct bide_group *group)
{
	struct bide__task *task = group->oldest;
	while (task != NULL && !((task->flags & BIDE__TASK_LENT) && unseen_failure(task)))
		task = task->younger;
	if (task == NULL)
		task = group->set.done.head;
	while (task != NULL && !unseen_failure(task))
		task = task->next;
	return task;
}

/* Ends what is left; a collecting group's rc is the first failure that nobody looked at. */
static void free_members(bide_loop *loop, struct bide_group *group)
{
	struct bide__task *task =
		group->options.collect && group->error == 0 ? first_unseen_failure(group) : NULL;
	if (task != NULL) {
		group->error = task->error;
		task->flags |= BIDE__TASK_RETRIEVED;
	}
	while ((task = group->oldest) != NULL) {
		bide__report_failure(task);
		bide__free_task(loop, task);
	}
}

/* The close would wait for ever for one that this task itself has claimed. */
static void check_unclaimed(const bide_loop *loop, const struct bide_group *group)
{
	const struct bide__task *task = loop->iterations > 0 ? group->oldest : NULL;
	for (; task != NULL; task = task->younger)
		if ((task->awaiter_tag & 1) &&
		    ((struct bide_completion *)bide__set_of(task))->owner == loop->current)
			bide__abort("bide_group_close",
			            "an iteration over its task '%s' (#%u) is open",
			            bide__name(task), task->slot);
}

/* Whether a cancellation from outside is in force where the group stands. */
static bool cut_from_outside(const struct bide__task *task, const struct bide_group *group)
{
	struct bide__cause cause =
		bide__cause_outward((struct bide__task *)task, group->scope.outer);
	return cause.task != NULL || cause.scope != NULL;
}

static int close_group(bide_loop *loop, struct bide_group *group)
{
	struct bide__task *current = loop->current;
	bool cut = cut_from_outside(current, group);
	if (loop->forked && group->set.live + group->set.owed > 0) {
		bide__scope_pop(loop, &group->scope);
		return bide__deliver();
	}
	if (group->set.live + group->set.owed > 0) {
		check_unclaimed(loop, group);
		(void)bide__set_wait(loop, &wait_close, &group->set, BIDE_ALL);
		cut = cut ||
		      ((current->flags & BIDE__TASK_CUT) && cut_from_outside(current, group));
	}
	/* It has been woken, and has not had its turn yet. */
	if (group->asking > 0)
		bide__abort("bide_group_close", "another task is asking for its next");
	free_members(loop, group);
	bide__scope_pop(loop, &group->scope);
	int error = group->error;
	if (error == 0 && (cut || loop->forked))
		error = bide__deliver();
	bide__block_free(&loop->pool, group, sizeof(*group));
	return error;
}

int bide_group_close(bide_group *group)
{
	(void)bide__suspending(&wait_close);
	bide__scope_check("bide_group_close", &group->scope);
	if (!group->scope.is_group)
		bide__abort("bide_group_close", "it is no group");
	return close_group(bide__loop, group);
}

/* ---- the block ---------------------------------------------------------------------------- */

bide__guard bide__group_enter(const bide_group_options *options, int *ret_error)
{
	bide_group *group = NULL;
	int rc = bide_group_open(options, &group);
	if (rc < 0 && ret_error != NULL)
		*ret_error = rc;
	else if (rc < 0)
		bide__report(BIDE_REPORT_FAILURE, rc, bide__name(bide__loop->current),
		             "skipped a group's block: %s", bide_strerror(rc));
	return (bide__guard){ group, ret_error, 0, rc < 0 };
}

void bide__group_leave(bide__guard *guard)
{
	bide_group *group = guard->record;
	if (group == NULL)
		return;
	if (!guard->ended)
		bide_group_cancel(group);
	int rc = bide_group_close(group);
	if (guard->ret != NULL)
		*guard->ret = rc;
	else if (rc < 0 && rc != -ECANCELED && rc != -ETIMEDOUT && rc != -EDEADLK)
		bide__report(BIDE_REPORT_FAILURE, rc, bide__name(bide__loop->current),
		             "has a group that failed and nobody asked: %s", bide_strerror(rc));
}
