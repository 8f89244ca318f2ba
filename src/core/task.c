// SPDX-License-Identifier: MIT
/* task.c: see task.h. */
#include "core/task.h"

#include "base/alloc.h"
#include "base/copy.h"
#include "core/cancel.h"
#include "core/extra.h"
#include "core/group.h"
#include "core/light.h"
#include "core/message.h"
#include "core/remote.h"
#include "core/run.h"
#include "core/set.h"
#include "core/switch.h"

#include <errno.h>
#include <string.h>

_Static_assert(sizeof(void *) == 8, "bide is for 64-bit machines: handles take 62 bits");

/* ---- making ------------------------------------------------------------------------------- */

static struct bide__stack_class *default_class(bide_loop *loop)
{
	if (loop->default_stacks == NULL)
		loop->default_stacks = bide__stack_class(&loop->stacks, loop->options.stack_size);
	return loop->default_stacks;
}

static struct bide__stack_class *class_of(const bide_loop *loop, const struct bide__task *task)
{
	struct bide__stack_class *cls = loop->default_stacks;
	return cls != NULL && cls->number == task->frames_class
	               ? cls
	               : bide__stack_class_at(&loop->stacks, task->frames_class);
}

/* Light tasks share stacks, all others are promised one of their own. */
static inline int promise_stack(bide_loop *loop, struct bide__task *task, size_t size)
{
	if (!bide__on_own_stack(loop, task))
		return loop->shared[0] != NULL ? 0 : bide__shared_stack(loop, 0);
	if (size > BIDE__STACK_MAX)
		return -EINVAL;
	struct bide__stack_class *cls = size == 0 || (task->flags & BIDE__TASK_LIGHT)
	                                        ? default_class(loop)
	                                        : bide__stack_class(&loop->stacks, size);
	if (cls == NULL)
		return -ENOMEM;
	task->frames_class = cls->number;
	return bide__stack_promise(&loop->stacks, cls);
}

static void unpromise_stack(bide_loop *loop, const struct bide__task *task)
{
	if (bide__on_own_stack(loop, task))
		bide__stack_unpromise(class_of(loop, task));
}

static size_t box_size(const bide__function *fn)
{
	return fn->args_size > fn->ret_size ? fn->args_size : fn->ret_size;
}

/* Makes what few tasks have, as far as it must be there before the task begins. */
__attribute__((noinline)) static int equip(bide_loop *loop, struct bide__task *task,
                                           const char *name)
{
	if (box_size(task->fn) > BIDE__INLINE_DATA) {
		struct bide__extra *extra = bide__extra_of(loop, task);
		if (extra == NULL)
			return -ENOMEM;
		extra->box = bide__block_new(&loop->pool, box_size(task->fn));
		if (extra->box == NULL)
			return -ENOMEM;
		task->flags |= BIDE__TASK_BOXED;
	}
	if (name != NULL && bide__set_name(loop, task, name) < 0)
		return -ENOMEM;
	return loop->current != NULL && loop->current->extra != NULL
	               ? bide__inherit_locals(loop, task)
	               : 0;
}

static inline bool is_plain(const bide_loop *loop, const bide__function *fn,
                            const bide_task_options *options)
{
	return box_size(fn) <= BIDE__INLINE_DATA && (options == NULL || options->name == NULL) &&
	       (loop->current == NULL || loop->current->extra == NULL);
}

__attribute__((noinline, cold)) static struct bide__task *unmake(bide_loop *loop,
                                                                 struct bide__task *task, int error)
{
	if (task != NULL) {
		bide__extra_free(loop, task);
		bide__record_free(&loop->pool, task);
	}
	loop->spawn_error = error;
	return NULL;
}

static inline struct bide__task *make_record(bide_loop *loop, const bide__function *fn)
{
	struct bide__task *task = bide__record_new(&loop->pool);
	if (__builtin_expect(task == NULL, 0))
		return unmake(loop, NULL, -ENOMEM);
	task->flags = 0;
	task->error = 0;
	task->state = BIDE__READY;
	task->frames_class = 0;
	task->shields = 0;
	task->shared = 0;
	task->fn = fn;
	task->group = NULL;
	task->awaiter = NULL;
	task->extra = NULL;
	return task;
}

static inline struct bide__task *make(bide_loop *loop, const bide__function *fn,
                                      const bide_task_options *options)
{
	struct bide__task *task = make_record(loop, fn);
	if (__builtin_expect(task == NULL, 0))
		return NULL;
	_Static_assert((int)BIDE__LIGHT == 2 * (int)BIDE__TASK_LIGHT, "one is made of the other");
	task->flags = (fn->flags & BIDE__LIGHT) / 2;
	int rc = promise_stack(loop, task, options != NULL ? options->stack_size : 0);
	if (__builtin_expect(rc < 0, 0))
		return unmake(loop, task, rc);
	if (is_plain(loop, fn, options))
		return task;
	rc = equip(loop, task, options != NULL ? options->name : NULL);
	if (rc == 0)
		return task;
	unpromise_stack(loop, task);
	return unmake(loop, task, rc);
}

__attribute__((noinline, cold)) static struct bide__task *not_made(bide_loop *loop,
                                                                   const bide__function *fn)
{
	if (loop->spawn_error == -BIDE_EMAPS && !loop->told_of_maps)
		bide__report(BIDE_REPORT_FAILURE, -BIDE_EMAPS, fn->name, "cannot be spawned: %s",
		             bide_strerror(-BIDE_EMAPS));
	loop->told_of_maps |= loop->spawn_error == -BIDE_EMAPS;
	return NULL;
}

static inline struct bide__task *spawn(bide_loop *loop, const bide__function *fn, const void *args,
                                       const bide_task_options *options, bide_group *group)
{
	struct bide__task *task = make(loop, fn, options);
	if (__builtin_expect(task == NULL, 0))
		return not_made(loop, fn);
	bide__copy(bide__data_of(task), args, fn->args_size);
	loop->live++;
	bide__alloc_note(1);
	if (group == NULL || !bide__group_add(group, task))
		bide__make_ready(loop, task);
	return task;
}

struct bide__task *bide__task_new(bide_loop *loop, const bide__function *fn, const void *args)
{
	return spawn(loop, fn, args, NULL, NULL);
}

struct bide__task *bide__proxy_new(bide_loop *loop, const bide__function *fn,
                                   const struct bide__wait *wait, void *object)
{
	struct bide__task *task = make_record(loop, fn);
	if (task == NULL)
		return NULL;
	if (!is_plain(loop, fn, NULL) && equip(loop, task, NULL) < 0)
		return unmake(loop, task, -ENOMEM);
	task->flags |= BIDE__TASK_STARTED;
	task->state = BIDE__WAITING;
	task->stack = NULL;
	task->scope = NULL;
	task->wait = wait;
	task->object = object;
	loop->live++;
	bide__alloc_note(1);
	return task;
}

void bide__proxy_free(bide_loop *loop, struct bide__task *proxy)
{
	loop->live--;
	bide__free_task(loop, proxy);
}

/* A light task's frames do not stay where they are while it is parked, so nobody may be given an
 * address in them. */
__attribute__((noinline)) void bide__check_pointers(const char *call, const bide__function *fn,
                                                    const void *args)
{
	const bide_loop *loop = bide__loop;
	const struct bide__task *task = loop->current;
	if (task == NULL || !(task->flags & BIDE__TASK_LIGHT))
		return;
	for (uint64_t left = fn->pointers; left != 0; left &= left - 1) {
		const void *pointer;
		unsigned word = (unsigned)__builtin_ctzll(left);
		memcpy(&pointer, (const char *)args + word * sizeof(void *), sizeof(pointer));
		if (bide__stack_holds(bide__stack_of(loop, task), pointer))
			bide__abort(
				call,
				"an argument of '%s' points into the stack of this light task: its "
				"locals do not exist while it is suspended: use BIDE_ASYNC, or "
				"memory that stays",
				fn->name);
	}
}

/* A spawn that failed, or one that comes late, when the main task has ended. */
__attribute__((noinline, cold)) static bide_task *
started_oddly(bide_loop *loop, struct bide__task *task, bide_group *group)
{
	if (task != NULL) {
		bide__cancel_task(loop, task);
		return bide__handle(loop, task);
	}
	if (group != NULL)
		bide__group_failed(loop, group, loop->spawn_error);
	return NULL;
}

/* Where no loop runs: in the child of a fork there is one, which stays with the parent. */
__attribute__((noinline, cold)) static bide_task *refuse_to_spawn(bide_loop *loop, const char *name)
{
	if (loop == NULL || !loop->forked)
		bide__abort("bide_spawn", "no loop runs on this thread, to run '%s' on", name);
	loop->spawn_error = -BIDE_EFORKED;
	return NULL;
}

bide_task *bide__start(enum bide__how how, const void *with, const bide__function *fn,
                       const void *args)
{
	bide_loop *loop = bide__loop;
	const bide_task_options *options = NULL;
	bide_group *group = NULL;
	bool optional = false;
	if (how == BIDE__SPAWN_ON)
		return bide__spawn_on((bide_loop *)with, fn, args);
	if (__builtin_expect(loop == NULL || !loop->running, 0))
		return refuse_to_spawn(loop, fn->name);
	if (how == BIDE__SPAWN_IN) {
		group = (bide_group *)with;
		if (group == NULL)
			return NULL;
	} else if (how == BIDE__SPAWN_WITH && with != NULL) {
		options = with;
		group = options->group;
		optional = options->optional;
	}
	if (fn->pointers != 0)
		bide__check_pointers("bide_spawn", fn, args);
	struct bide__task *task = spawn(loop, fn, args, options, group);
	if (__builtin_expect(task == NULL || loop->ending, 0))
		return started_oddly(loop, task, optional ? NULL : group);
	return bide__handle(loop, task);
}

/* ---- the body ----------------------------------------------------------------------------- */

/* Decides how the current task has ended; its result is in loop->passing. */
static void settle(bide_loop *loop, struct bide__task *task)
{
	if (task->scope != NULL)
		bide__abort("the end of the task", "it left a %s open",
		            task->scope->is_group ? "group" : "scope");
	if (task->shields > 0)
		bide__abort("the end of the task", "it left a shield open");
	if (loop->no_suspend > 0)
		bide__abort("the end of the task", "it left BIDE_NO_SUSPEND open");
	if (task->flags & BIDE__TASK_FAILED)
		return;
	int error = bide__error_in(task->fn, loop->passing, loop->options.negative_results);
	if (error == 0 && task->fn->ret_size == 0 && (task->flags & BIDE__TASK_DELIVERED))
		error = bide__code_in_force(task);
	if (error == 0)
		return;
	task->error = (int16_t)error;
	task->flags |= BIDE__TASK_FAILED;
}

/* Returns the stack, which runs still. */
static const struct bide__stack *release_stack(bide_loop *loop, struct bide__task *task)
{
	struct bide__stack *stack = bide__stack_of(loop, task);
	if (bide__on_own_stack(loop, task))
		bide__stack_give(stack);
	else
		bide__light_end(loop, task);
#if defined(BIDE__TSAN)
	loop->dead_fiber = task->fiber;
#endif
	return stack;
}

/* Returns what bide__after_end() does. */
__attribute__((noinline)) static void *end_task(void)
{
	bide_loop *loop = bide__loop;
	struct bide__task *task = loop->current;
	if (__builtin_expect(task == NULL, 0))
		bide__abort("the end of the task", "it left a loop open");
	settle(loop, task);
	const struct bide__stack *here = release_stack(loop, task);
	task->state = BIDE__DONE;
	bide__copy(bide__data_of(task), loop->passing, task->fn->ret_size);
	loop->current = NULL;
	bide__complete(loop, task);
	return bide__after_end(loop, here);
}

/* Tasks that begin where one has ended take turns here. Keeps nothing across the calls, as what it
 * kept would lie in every light task's frames. */
BIDE__UNWATCHED void *bide__task_entry(void *arg)
{
	void *next;
	(void)arg;
	bide__tell_first(bide__loop);
	do
		bide__loop->current->fn->run(bide__loop->passing, bide__loop->passing);
	while ((next = end_task()) == NULL);
	bide__tell_before(bide__loop, bide__loop->current, NULL);
	return next;
}

void bide__end_unrun(bide_loop *loop, struct bide__task *task)
{
	unpromise_stack(loop, task);
	task->error = -ENOMEM;
	task->flags |= BIDE__TASK_FAILED;
	task->state = BIDE__DONE;
	bide__complete(loop, task);
}

const struct bide__stack *bide__next_stack(const bide_loop *loop, const struct bide__task *task)
{
	return bide__on_own_stack(loop, task) ? class_of(loop, task)->free
	                                      : loop->shared[loop->next_shared];
}

/* The arguments leave the record first, which from now on holds what a started task needs. */
int bide__begin(bide_loop *loop, struct bide__task *task)
{
	bide__copy(loop->passing, bide__data_of(task), task->fn->args_size);
	if (bide__on_own_stack(loop, task)) {
		struct bide__stack *stack = bide__stack_take(&loop->stacks, class_of(loop, task));
		if (stack == NULL) {
			if (task->fn->flags & BIDE__TOLD_UNRUN)
				task->fn->run(loop->passing, NULL);
			bide__end_unrun(loop, task);
			return -ENOMEM;
		}
		BIDE__UNPOISON(stack->low, stack->cls->size);
		task->stack = stack;
	} else {
		int rc = bide__light_begin(loop, task);
		if (rc < 0)
			return rc;
	}
	task->sp = NULL;
	task->scope = NULL;
	task->wait = NULL;
	task->object = NULL;
	task->timer = (struct bide__timer){ 0 };
	task->flags |= BIDE__TASK_STARTED;
#if defined(BIDE__TSAN)
	task->fiber = __tsan_create_fiber(0);
#endif
	return 0;
}

/* ---- the end ------------------------------------------------------------------------------ */

void bide__report_failure(struct bide__task *task)
{
	if (!bide__has_failed(task) || (task->flags & BIDE__TASK_RETRIEVED))
		return;
	task->flags |= BIDE__TASK_RETRIEVED;
	bide__report(BIDE_REPORT_FAILURE, task->error, bide__name(task),
	             "(#%u) failed and nobody asked: %s", task->slot, bide_strerror(task->error));
}

void bide__complete(bide_loop *loop, struct bide__task *task)
{
	loop->live--;
	if (task->extra != NULL)
		bide__make_done_calls(loop, task);
	if (task->flags & BIDE__TASK_MAIN)
		bide__begin_exit(loop);
	bool freed = task->group != NULL && bide__group_ended(loop, task->group, task);
	if (freed)
		return;
	if (task->awaiter_tag & 1)
		bide__set_ended(loop, bide__set_of(task), task);
	else if (task->awaiter != NULL)
		bide__wake(loop, task->awaiter, 0);
	else if (task->flags & BIDE__TASK_DETACHED) {
		bide__report_failure(task);
		bide__free_task(loop, task);
	}
}

void bide__strip_task(bide_loop *loop, struct bide__task *task)
{
	if (task->group != NULL)
		bide__group_remove(task->group, task);
	if (task->extra != NULL)
		bide__extra_free(loop, task);
}
