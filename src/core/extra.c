// SPDX-License-Identifier: MIT
/* extra.c: see extra.h.
 *
 * Task-local values are a list of bindings, newest first, that is never changed but extended: a
 * spawned task shares its parent's list, and each binding counts who holds it. */
#include "core/extra.h"

#include "core/message.h"
#include "core/task.h"

#include <errno.h>
#include <string.h>

struct bide__binding {
	struct bide__binding *older; /* holds it */
	const bide_local *local;     /* which variable */
	void *value;
	uint32_t holders; /* tasks and newer bindings */
};

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
	size_t size = strlen(name) + 1;
	char *copy = bide__block_new(&loop->pool, size);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, name, size);
	free_name(loop, extra);
	extra->name = copy;
	return 0;
}

/* ---- task-local values -------------------------------------------------------------------- */

/* A destructor runs user code, which may not suspend: it may run between steps. */
static void let_go(bide_loop *loop, struct bide__binding *binding)
{
	while (binding != NULL && --binding->holders == 0) {
		struct bide__binding *older = binding->older;
		loop->no_suspend++;
		if (binding->local->destroy != NULL)
			binding->local->destroy(binding->value);
		loop->no_suspend--;
		bide__block_free(&loop->pool, binding, sizeof(*binding));
		binding = older;
	}
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

int bide_local_set(const bide_local *local, void *value)
{
	bide_loop *loop = bide__loop;
	if (loop == NULL || loop->current == NULL)
		bide__abort("bide_local_set", "there is no task");
	struct bide__extra *extra = bide__extra_of(loop, loop->current);
	if (extra == NULL)
		return -ENOMEM;
	struct bide__binding *binding = bide__block_new(&loop->pool, sizeof(*binding));
	if (binding == NULL)
		return -ENOMEM;
	struct bide__binding *older = extra->locals;
	/* One set again right away, and held by nobody else, is replaced, so that a variable set in
	 * a loop takes no more memory each time. */
	bool replaces = older != NULL && older->local == local && older->holders == 1;
	*binding = (struct bide__binding){ replaces ? older->older : older, local, value, 1 };
	extra->locals = binding;
	if (!replaces)
		return 0;
	older->older = NULL;
	let_go(loop, older);
	return 0;
}

void *bide_local_get(const bide_local *local)
{
	bide_loop *loop = bide__loop;
	if (loop == NULL || loop->current == NULL || loop->current->extra == NULL)
		return NULL;
	struct bide__binding *binding = loop->current->extra->locals;
	while (binding != NULL && binding->local != local)
		binding = binding->older;
	return binding != NULL ? binding->value : NULL;
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
	if (task->extra == NULL)
		return;
	for (struct bide__done_call *call; (call = task->extra->calls) != NULL;) {
		task->extra->calls = call->next;
		call_one(loop, task, call->fn, call->arg);
		bide__block_free(&loop->pool, call, sizeof(*call));
	}
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
