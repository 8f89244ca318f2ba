/* SPDX-License-Identifier: MIT */
/* await.h: waiting for the end of one task and taking its result. */
#ifndef BIDE_CORE_AWAIT_H
#define BIDE_CORE_AWAIT_H

#include "core/task.h"

/* What is waited with for one task's end. */
extern const struct bide__wait bide__wait_await;

/* Aborts unless @p task may be waited for by the current task. */
void bide__check_awaitable(const bide_loop *loop, const char *call, const struct bide__task *task);

/* Aborts unless results of this size and class come from the task's function. */
void bide__check_result(const char *call, const struct bide__task *task, size_t size, unsigned cls,
                        const char *type);

/* The result of waiting for a task that could not be spawned. */
int bide__no_task(const bide_loop *loop);

/* What a caller gets who has no result: zeros, or the error where the type can carry it. */
void bide__store_error(int error, void *ret, size_t size, bool can_carry);

/* Ends the await of a parked task that has been cancelled, and that would never end otherwise. */
void bide__give_up_await(bide_loop *loop, struct bide__task *task);

/* Waits until a task has ended and frees it; as bide_try_await(). */
int bide__take(bide_loop *loop, struct bide__task *task, void *ret);

#endif
