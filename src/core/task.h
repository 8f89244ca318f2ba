/* SPDX-License-Identifier: MIT */
/* task.h: tasks: making them, ending them, telling one from another. */
#ifndef BIDE_CORE_TASK_H
#define BIDE_CORE_TASK_H

#include "base/copy.h"
#include "core/loop.h"

#include <errno.h>

/* Makes a task and puts it into the ready queue; NULL, with the reason in loop->spawn_error, when
 * it could not. */
struct bide__task *bide__task_new(bide_loop *loop, const bide__function *fn, const void *args);

/* Makes a task that never runs: it is parked in @p wait until bide__complete(). NULL without
 * memory. */
struct bide__task *bide__proxy_new(bide_loop *loop, const bide__function *fn,
                                   const struct bide__wait *wait, void *object);

/* Takes one back that nobody knows of yet. */
void bide__proxy_free(bide_loop *loop, struct bide__task *proxy);

/* Records that a task has ended and tells who waits for that. */
void bide__complete(bide_loop *loop, struct bide__task *task);

/* Ends a task that has not begun and is on no list, with -ENOMEM. */
void bide__end_unrun(bide_loop *loop, struct bide__task *task);

/* Takes from an ended task what it has besides its record. */
void bide__strip_task(bide_loop *loop, struct bide__task *task);

/* Frees an ended task; its handle is stale from now on. */
static inline void bide__free_task(bide_loop *loop, struct bide__task *task)
{
	if (task->group != NULL || task->extra != NULL)
		bide__strip_task(loop, task);
	bide__record_free(&loop->pool, task);
	bide__alloc_note(-1);
}

/* A handle is no address but a tag that says whose it is and which use of the slot it means, so
 * that a stale one is always found out:
 *
 *     | 0 | generation 22 | loop 12 | slot 28 |
 */
enum { BIDE__LOOP_SHIFT = BIDE__SLOT_BITS, BIDE__GENERATION_SHIFT = BIDE__LOOP_SHIFT + 12 };

static inline uint32_t bide__slot_of(bide_task *handle)
{
	return (uint32_t)((uintptr_t)handle & ((1u << BIDE__SLOT_BITS) - 1));
}

static inline unsigned bide__loop_of(bide_task *handle)
{
	return (unsigned)((uintptr_t)handle >> BIDE__LOOP_SHIFT) & 0xfff;
}

static inline bide_task *bide__handle(const bide_loop *loop, const struct bide__task *task)
{
	return (bide_task *)((uintptr_t)task->generation << BIDE__GENERATION_SHIFT |
	                     (uintptr_t)loop->id << BIDE__LOOP_SHIFT | task->slot);
}

/* Returns the task of a handle, or NULL for one that has ended or belongs to another loop. */
static inline struct bide__task *bide__find(const bide_loop *loop, bide_task *handle)
{
	struct bide__task *task = bide__record_at(&loop->pool, bide__slot_of(handle));
	if (task == NULL || task->state == BIDE__FREE || bide__handle(loop, task) != handle)
		return NULL;
	return task;
}

/* Returns the task of a handle of this thread's loop; aborts when it is none. */
struct bide__task *bide__lookup(const char *call, bide_task *handle);

/* Where an ended task's result is, and the arguments of one that has not begun. */
static inline void *bide__data_of(struct bide__task *task)
{
	return task->flags & BIDE__TASK_BOXED ? task->extra->box : task->data;
}

/* Copies an ended task's result to the caller's object. */
static inline void bide__copy_result(struct bide__task *task, void *ret)
{
	bide__copy(ret, bide__data_of(task), task->fn->ret_size);
}

/* What a function returned, if that is an error. */
static inline int bide__error_in(const bide__function *fn, const void *data, bool negative_results)
{
	int64_t result = 0;
	if (!(fn->flags & BIDE__RESULT_SIGNED) || negative_results)
		return 0;
	if (fn->ret_size == sizeof(int32_t)) {
		int32_t narrow;
		memcpy(&narrow, data, sizeof(narrow));
		result = narrow;
	} else {
		memcpy(&result, data, sizeof(result));
	}
	return result < 0 && result >= -BIDE_ERROR_MAX ? (int)result : 0;
}

/* Aborts when a light task gives an argument that points into its own stack. */
void bide__check_pointers(const char *call, const bide__function *fn, const void *args);

/* How an ended task ended: by cancellation, or with a failure. */
static inline bool bide__was_cancelled(const struct bide__task *task)
{
	int error = task->error;
	return (task->flags & BIDE__TASK_DELIVERED) &&
	       (error == -ECANCELED || error == -ETIMEDOUT || error == -EDEADLK);
}

static inline bool bide__has_failed(const struct bide__task *task)
{
	return task->error != 0 && !bide__was_cancelled(task);
}

/* Reports a failure, unless somebody knows of it. */
void bide__report_failure(struct bide__task *task);

#endif
