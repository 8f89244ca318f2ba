/* SPDX-License-Identifier: MIT */
/* task.h: tasks: making, ending, taking their results. */
#ifndef BIDE_CORE_TASK_H
#define BIDE_CORE_TASK_H

#include "core/loop.h"

/* What is waited with for one task's end. */
extern const struct bide__wait bide__wait_await;

/* Makes a task and puts it into the ready queue; NULL with loop->spawn_error when it could not. */
struct bide__task *bide__task_new(bide_loop *loop, const bide__function *fn, const void *args,
                                  const bide_task_options *options);

/* Records that a task has ended and tells who waits for that. */
void bide__complete(bide_loop *loop, struct bide__task *task);

/* Frees an ended task; its handle is stale from now on. */
void bide__free_task(bide_loop *loop, struct bide__task *task);

bide_task *bide__handle(const bide_loop *loop, const struct bide__task *task);

/* Returns the task of a handle of this thread's loop; aborts when it is none. */
struct bide__task *bide__lookup(const char *call, bide_task *handle);

/* The same, but NULL for a handle that has ended. */
struct bide__task *bide__find(const bide_loop *loop, bide_task *handle);

/* Aborts unless @p task may be waited for by the current task. */
void bide__check_awaitable(bide_loop *loop, const char *call, const struct bide__task *task);

/* Aborts unless results of this class and size come from the task's function; size 0: none is
 * wanted. */
void bide__check_result(const char *call, const struct bide__task *task, size_t size,
                        unsigned cls, const char *type);

/* Copies an ended task's result, all zero when it has none. */
void bide__copy_result(const struct bide__task *task, void *ret);

/* How an ended task ended: by cancellation, or with a failure. */
bool bide__was_cancelled(const struct bide__task *task);
bool bide__has_failed(const struct bide__task *task);

/* Reports a failure, unless somebody knows of it. */
void bide__report_failure(struct bide__task *task);

/* Waits until a task has ended and frees it; as bide_try_await(). */
int bide__take(bide_loop *loop, struct bide__task *task, void *ret);

/* Makes the record of what few tasks have; NULL when memory ran out. */
struct bide__extra *bide__extra_of(bide_loop *loop, struct bide__task *task);

#endif
