// SPDX-License-Identifier: MIT
/* extra.c: see extra.h.
 *
 * A task's local values are in a table, shared by the tasks that inherited it and copied when one
 * of them sets a value; tables share the values. Both count their holders, so that each value is
 * destroyed as soon as no task has it. */
#include "core/extra.h"

#include "core/message.h"
#include "core/task.h"
#include "core/thread.h"

#include <errno.h>
#include <string.h>

/* A value of a variable. */
struct bide__value {
	const bide_local *local;
	void *value;
	uint32_t holders; /* tables */
};

/* A task's values, one for each variable that was set. */
struct bide__locals {
	uint32_t holders; /* tasks */
	uint32_t count, room;
	struct bide__value *values[];
};

enum { ROOM_MIN = 2 }; /* for values in a new table */

struct bide__done_call {
	struct bide__done_call *next;
	void (*fn)(void *arg, bide_task *task);
	void *arg;
};

struct bide__extra *bide__extra_of(bide_loop *loop, struct bide__task *task)
{
	if (task->extra == NULL) {
		task->extra = bide__block_new(&loop->pool, sizeof(*task->extra));
		if (task->extra != NULL)
			memset(task->extra, 0, sizeof(*task->extra));
	}
	return task->extra;
}

static void free_name(bide_loop *loop, struct bide__extra *extra)
{
	if (extra->name != NULL)
		bide__block_free(&loop->pool, extra->name, strlen(extra->name) + 1);
}

int bide__set_name(bide_loop *loop, struct bide__task *task, const char *name)
{
	struct bide__extra *extra = bide__extra_of(loop, task);
	if (extra == NULL)
		return -ENOMEM;
	char *copy = NULL;
	if (name != NULL) {
		size_t size = strlen(name) + 1;
		copy = bide__block_new(&loop->pool, size);
		if (copy == NULL)
			return -ENOMEM;
		memcpy(copy, name, size);
	}
	free_name(loop, extra);
	extra->name = copy;
	return 0;
}

/* ---- task-local values -------------------------------------------------------------------- */

static size_t size_of(uint32_t room)
{
	return sizeof(struct bide__locals) + room * sizeof(struct bide__value *);
}

/* A destructor runs user code, which may not suspend: it may run between steps. */
static void destroy(bide_loop *loop, const bide_local *local, void *value)
{
	if (local->destroy == NULL)
		return;
	loop->no_suspend++;
	local->destroy(value);
	loop->no_suspend--;
}

static void let_go(bide_loop *loop, struct bide__locals *table)
{
	if (table == NULL || --table->holders > 0)
		return;
	for (uint32_t i = 0; i < table->count; i++) {
		struct bide__value *value = table->values[i];
		if (--value->holders > 0)
			continue;
		destroy(loop, value->local, value->value);
		bide__block_free(&loop->pool, value, sizeof(*value));
	}
	bide__block_free(&loop->pool, table, size_of(table->room));
}

int bide__inherit_locals(bide_loop *loop, struct bide__task *task)
{
	const struct bide__task *parent = loop->current;
	if (parent == NULL || parent->extra == NULL || parent->extra->locals == NULL)
		return 0;
	struct bide__extra *extra = bide__extra_of(loop, task);
	if (extra == NULL)
		return -ENOMEM;
	extra->locals = parent->extra->locals;
	extra->locals->holders++;
	return 0;
}

/* The index of a variable's value in a table, or the number of values when it is not there. */
static uint32_t index_of(const struct bide__locals *table, const bide_local *local)
{
	uint32_t i = 0;
	while (table != NULL && i < table->count && table->values[i]->local != local)
		i++;
	return i;
}

/* Makes the task's table its own, with room for so many values. */
static struct bide__locals *own_table(bide_loop *loop, struct bide__extra *extra, uint32_t room)
{
	struct bide__locals *old = extra->locals;
	const bool own = old != NULL && old->holders == 1;
	if (own && old->room >= room)
		return old;
	room = 2 * room > ROOM_MIN ? 2 * room : ROOM_MIN;
	struct bide__locals *table = bide__block_new(&loop->pool, size_of(room));
	if (table == NULL)
		return NULL;
	*table = (struct bide__locals){ .holders = 1, .room = room };
	for (; old != NULL && table->count < old->count; table->count++) {
		table->values[table->count] = old->values[table->count];
		table->values[table->count]->holders += !own;
	}
	extra->locals = table;
	if (own)
		bide__block_free(&loop->pool, old, size_of(old->room));
	else if (old != NULL)
		old->holders--;
	return table;
}

int bide_local_set(const bide_local *local, void *value)
{
	bide_loop *loop = bide__loop;
	if (loop == NULL || loop->current == NULL)
		bide__abort("bide_local_set", "there is no task");
	struct bide__extra *extra = bide__extra_of(loop, loop->current);
	if (extra == NULL)
		return -ENOMEM;
	uint32_t i = index_of(extra->locals, local);
	struct bide__locals *table = own_table(loop, extra, i + 1);
	if (table == NULL)
		return -ENOMEM;
	struct bide__value *old = i < table->count ? table->values[i] : NULL;
	if (old != NULL && old->holders == 1) {
		void *old_value = old->value;
		old->value = value;
		destroy(loop, local, old_value);
		return 0;
	}
	struct bide__value *new = bide__block_new(&loop->pool, sizeof(*new));
	if (new == NULL)
		return -ENOMEM;
	*new = (struct bide__value){ local, value, 1 };
	table->values[i] = new;
	if (old != NULL)
		old->holders--;
	else
		table->count++;
	return 0;
}

void *bide_local_get(const bide_local *local)
{
	const bide_loop *loop = bide__loop;
	const struct bide__locals *table = NULL;
	if (loop != NULL && loop->current != NULL)
		table = bide__locals_of(loop->current);
	else if (bide__job != NULL)
		table = bide__job->locals;
	uint32_t i = index_of(table, local);
	return table != NULL && i < table->count ? table->values[i]->value : NULL;
}

/* ---- calls at the end --------------------------------------------------------------------- */

static void call_one(bide_loop *loop, struct bide__task *task,
                     void (*fn)(void *arg, bide_task *task), void *arg)
{
	loop->no_suspend++;
	fn(arg, bide__handle(loop, task));
	loop->no_suspend--;
}

int bide_task_on_done(bide_task *handle, void (*fn)(void *arg, bide_task *task), void *arg)
{
	struct bide__task *task = bide__lookup("bide_task_on_done", handle);
	bide_loop *loop = bide__loop;
	if (task->state == BIDE__DONE) {
		call_one(loop, task, fn, arg);
		return 0;
	}
	struct bide__extra *extra = bide__extra_of(loop, task);
	if (extra == NULL)
		return -ENOMEM;
	struct bide__done_call *call = bide__block_new(&loop->pool, sizeof(*call));
	if (call == NULL)
		return -ENOMEM;
	*call = (struct bide__done_call){ NULL, fn, arg };
	struct bide__done_call **last = &extra->calls;
	while (*last != NULL)
		last = &(*last)->next;
	*last = call;
	return 0;
}

void bide__make_done_calls(bide_loop *loop, struct bide__task *task)
{
	task->extra->calling = true;
	for (struct bide__done_call *call; (call = task->extra->calls) != NULL;) {
		task->extra->calls = call->next;
		call_one(loop, task, call->fn, call->arg);
		bide__block_free(&loop->pool, call, sizeof(*call));
	}
	task->extra->calling = false;
}

void bide__extra_free(bide_loop *loop, struct bide__task *task)
{
	struct bide__extra *extra = task->extra;
	if (extra == NULL)
		return;
	free_name(loop, extra);
	let_go(loop, extra->locals);
	if (extra->box != NULL) {
		const bide__function *fn = task->fn;
		bide__block_free(&loop->pool, extra->box,
		                 fn->args_size > fn->ret_size ? fn->args_size : fn->ret_size);
	}
	bide__block_free(&loop->pool, extra, sizeof(*extra));
	task->extra = NULL;
}
