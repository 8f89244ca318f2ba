/* SPDX-License-Identifier: MIT */
/* extra.h: what few tasks have: a name of their own, task-local values, calls to be made at the
 * end. Made on demand, so that the others do not pay. */
#ifndef BIDE_CORE_EXTRA_H
#define BIDE_CORE_EXTRA_H

#include "core/loop.h"

/* Returns a task's extra record, made if it has none; NULL when memory ran out. */
struct bide__extra *bide__extra_of(bide_loop *loop, struct bide__task *task);

void bide__extra_free(bide_loop *loop, struct bide__task *task);

int bide__set_name(bide_loop *loop, struct bide__task *task, const char *name);

/* Gives a new task the current task's local values. */
int bide__inherit_locals(bide_loop *loop, struct bide__task *task);

/* A task's local values, or NULL. They do not change while it is parked. */
static inline const struct bide__locals *bide__locals_of(const struct bide__task *task)
{
	return task->extra != NULL ? task->extra->locals : NULL;
}

/* Makes the calls that were asked for by bide_task_on_done(). */
void bide__make_done_calls(bide_loop *loop, struct bide__task *task);

#endif
