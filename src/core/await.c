// SPDX-License-Identifier: MIT
/* await.c: see await.h. */
#include "core/await.h"

#include "base/copy.h"
#include "core/cancel.h"
#include "core/message.h"
#include "core/set.h"

#include <string.h>

/* ---- what may be awaited ------------------------------------------------------------------ */

/* The task that waits for another one and goes on doing so until that has ended. */
static const struct bide__task *awaiter_of(const struct bide__task *task)
{
	if (!(task->awaiter_tag & 1))
		return task->awaiter;
	const struct bide__task *owner = ((struct bide_completion *)bide__set_of(task))->owner;
	return owner->wait == &bide__wait_gather ? owner : NULL;
}

/* A chain of awaits that leads back would wait for ever. Followed from the current task, as each
 * has one awaiter. */
__attribute__((noinline)) static bool awaits_current(const bide_loop *loop,
                                                     const struct bide__task *task)
{
	const struct bide__task *by = loop->current;
	if (task->wait != &bide__wait_await && task->wait != &bide__wait_gather)
		return false;
	while (by != NULL && by != task)
		by = awaiter_of(by);
	return by == task;
}

/* Only a task that is waiting can be part of a cycle, and nobody but its creator knows most. */
static inline bool awaitable(const bide_loop *loop, const struct bide__task *task)
{
	return task->awaiter == NULL && task != loop->current &&
	       !(task->flags & (BIDE__TASK_DETACHED | BIDE__TASK_MAIN)) &&
	       (task->state != BIDE__WAITING || !awaits_current(loop, task));
}

__attribute__((noinline, cold)) static void refuse(const bide_loop *loop, const char *call,
                                                   const struct bide__task *task)
{
	if (task == loop->current)
		bide__abort(call, "a task cannot wait for itself");
	if (task->flags & BIDE__TASK_MAIN)
		bide__abort(call, "task '%s' (#%u) is the main task, which the run ends",
		            bide__name(task), task->slot);
	if (task->flags & BIDE__TASK_DETACHED)
		bide__abort(call, "task '%s' (#%u) was detached", bide__name(task), task->slot);
	if (task->awaiter == NULL)
		bide__abort(call, "a cycle: task '%s' (#%u) waits, in the end, for this one",
		            bide__name(task), task->slot);
	if (task->awaiter_tag & 1)
		bide__abort(call, "task '%s' (#%u) is awaited already, among others",
		            bide__name(task), task->slot);
	bide__abort(call, "task '%s' (#%u) is awaited already by '%s'", bide__name(task),
	            task->slot, bide__name(task->awaiter));
}

void bide__check_awaitable(const bide_loop *loop, const char *call, const struct bide__task *task)
{
	if (__builtin_expect(!awaitable(loop, task), 0))
		refuse(loop, call, task);
}

__attribute__((noinline, cold)) static void
refuse_type(const char *call, const struct bide__task *task, size_t size, const char *type)
{
	if (size == 0)
		bide__abort(call,
		            "task '%s' (#%u) returns %s, not void: bide_join() drops a result",
		            bide__name(task), task->slot, task->fn->result);
	bide__abort(call, "task '%s' (#%u) returns %s of %u bytes, not %s of %zu", bide__name(task),
	            task->slot, task->fn->result, task->fn->ret_size, type, size);
}

void bide__check_result(const char *call, const struct bide__task *task, size_t size, unsigned cls,
                        const char *type)
{
	if (__builtin_expect(size != task->fn->ret_size || cls != task->fn->ret_class, 0))
		refuse_type(call, task, size, type);
}

/* The task of a handle that is to be awaited, all checks passed. */
static inline struct bide__task *checked(const struct bide__wait *wait, bide_task *handle)
{
	(void)bide__suspending(wait);
	const bide_loop *loop = bide__loop;
	struct bide__task *task = bide__find(loop, handle);
	if (__builtin_expect(task == NULL, 0))
		task = bide__lookup(wait->name, handle);
	if (__builtin_expect(!awaitable(loop, task), 0))
		refuse(loop, wait->name, task);
	return task;
}

/* ---- waiting ------------------------------------------------------------------------------ */

static void cancel_awaited(bide_loop *loop, struct bide__task *task)
{
	bide__cancel_task(loop, task->object);
}

const struct bide__wait bide__wait_await = { "bide_await", NULL, cancel_awaited };
static const struct bide__wait wait_try = { "bide_try_await", NULL, NULL };
static const struct bide__wait wait_join = { "bide_join", NULL, NULL };
static const struct bide__wait wait_wait_for = { "bide_wait_for", NULL, NULL };

/* The caller's cancellation is what the task was cancelled by, when the wait handed it on. */
static int end_of_wait(const bide_loop *loop, const struct bide__task *task)
{
	if (__builtin_expect(task->error == 0, 1))
		return 0;
	if (bide__was_cancelled(task) && (loop->current->flags & BIDE__TASK_CUT) &&
	    (loop->current->flags & BIDE__TASK_PENDING))
		return bide__deliver();
	return task->error;
}

/* Nobody holds the handle of a task whose await was given up. */
__attribute__((noinline, cold)) static int given_up(struct bide__task *task)
{
	if (task->group == NULL)
		task->flags |= BIDE__TASK_DETACHED;
	return bide__deliver();
}

void bide__give_up_await(bide_loop *loop, struct bide__task *task)
{
	struct bide__task *awaited = task->object;
	awaited->awaiter = NULL;
	bide__wake(loop, task, 0);
}

static inline int wait_for_end(bide_loop *loop, struct bide__task *task)
{
	if (task->state == BIDE__DONE)
		return task->error;
	task->awaiter = loop->current;
	(void)bide__park(loop, &bide__wait_await, task);
	task->awaiter = NULL;
	if (__builtin_expect(task->state != BIDE__DONE, 0))
		return given_up(task);
	return end_of_wait(loop, task);
}

int bide__take(bide_loop *loop, struct bide__task *task, void *ret)
{
	int error = wait_for_end(loop, task);
	if (task->state != BIDE__DONE)
		return error;
	if (error == 0 && ret != NULL)
		bide__copy_result(task, ret);
	task->flags |= BIDE__TASK_RETRIEVED;
	bide__free_task(loop, task);
	return error;
}

/* ---- the calls ---------------------------------------------------------------------------- */

int bide__no_task(const bide_loop *loop)
{
	return loop->spawn_error < 0 ? loop->spawn_error : -ENOMEM;
}

static int no_task(const struct bide__wait *wait)
{
	(void)bide__suspending(wait);
	return bide__no_task(bide__loop);
}

__attribute__((noinline, cold)) void bide__store_error(int error, void *ret, size_t size,
                                                       bool can_carry)
{
	const int32_t narrow = error;
	const int64_t wide = error;
	if (size == 0)
		return;
	memset(ret, 0, size);
	if (can_carry && size == sizeof(narrow))
		memcpy(ret, &narrow, sizeof(narrow));
	else if (can_carry)
		memcpy(ret, &wide, sizeof(wide));
}

static void await_nothing(void *ret, size_t size, bool can_carry)
{
	int error = no_task(&bide__wait_await);
	bide__store_error(error, ret, size, can_carry);
	if (!can_carry)
		bide__report(BIDE_REPORT_FAILURE, error, NULL, "bide_await: there is no task: %s",
		             bide_strerror(error));
}

void bide__await(bide_task *handle, void *ret, size_t ret_size, unsigned ret_class,
                 const char *type)
{
	const bool can_carry = (ret_class & 0x100) != 0;
	if (handle == NULL) {
		await_nothing(ret, ret_size, can_carry);
		return;
	}
	struct bide__task *task = checked(&bide__wait_await, handle);
	bide__check_result("bide_await", task, ret_size, ret_class & 0xff, type);
	int error = wait_for_end(bide__loop, task);
	if (__builtin_expect(error == 0, 1)) {
		bide__copy_result(task, ret);
	} else {
		bide__store_error(error, ret, ret_size, can_carry);
		if (task->state != BIDE__DONE)
			return;
		/* A group knows of its tasks' failures, unless it leaves them to whom awaits them;
		 * others are lost unless the result tells. */
		if (can_carry || (task->group != NULL && !task->group->options.collect))
			task->flags |= BIDE__TASK_RETRIEVED;
		bide__report_failure(task);
	}
	bide__free_task(bide__loop, task);
}

int bide__try_await(bide_task *handle, void *ret, size_t ret_size, unsigned ret_class)
{
	if (handle == NULL)
		return no_task(&wait_try);
	struct bide__task *task = checked(&wait_try, handle);
	if (ret != NULL)
		bide__check_result(wait_try.name, task, ret_size, ret_class,
		                   "a pointer to an object");
	return bide__take(bide__loop, task, ret);
}

int bide_join(bide_task *handle)
{
	return handle == NULL ? no_task(&wait_join)
	                      : bide__take(bide__loop, checked(&wait_join, handle), NULL);
}

/* Without a scope for the deadline the task is cancelled at once, as it must be ended. */
int bide__wait_for(bide_task *handle, double seconds, void *ret, size_t ret_size,
                   unsigned ret_class)
{
	bide_scope *scope = NULL;
	if (handle == NULL)
		return no_task(&wait_wait_for);
	struct bide__task *task = checked(&wait_wait_for, handle);
	if (ret != NULL)
		bide__check_result(wait_wait_for.name, task, ret_size, ret_class,
		                   "a pointer to an object");
	int rc = bide_scope_open(seconds, &scope);
	if (rc < 0) {
		bide__cancel_task(bide__loop, task);
		(void)bide__take(bide__loop, task, NULL);
		return rc;
	}
	int result = bide__take(bide__loop, task, ret);
	(void)bide_scope_close(scope);
	return result;
}
