// SPDX-License-Identifier: MIT
/* handle.c: task handles, and what can be asked of one. */
#include "core/cancel.h"
#include "core/extra.h"
#include "core/loops.h"
#include "core/message.h"
#include "core/task.h"
#include "core/thread.h"

#include <errno.h>

struct bide__task *bide__lookup(const char *call, bide_task *handle)
{
	bide_loop *loop = bide__loop;
	if (loop == NULL)
		bide__abort(call, "no loop on this thread");
	if (handle == NULL)
		bide__abort(call, "the task is NULL");
	struct bide__task *task = bide__find(loop, handle);
	if (task != NULL)
		return task;
	int32_t other =
		bide__loop_of(handle) == loop->id ? 0 : bide__thread_of_loop(bide__loop_of(handle));
	if (other != 0)
		bide__abort(call, "task #%u belongs to the loop of thread %d; this is thread %d",
		            bide__slot_of(handle), other, loop->thread);
	bide__abort(call, "the handle of task #%u has been ended", bide__slot_of(handle));
}

/* ---- what can be asked -------------------------------------------------------------------- */

int bide_cancel(bide_task *handle)
{
	return bide__cancel_task(bide__loop, bide__lookup("bide_cancel", handle));
}

void bide_detach(bide_task *handle)
{
	if (handle == NULL)
		return;
	struct bide__task *task = bide__lookup("bide_detach", handle);
	if (task->awaiter != NULL)
		bide__abort("bide_detach", "task '%s' (#%u) is awaited", bide__name(task),
		            task->slot);
	if (task->flags & (BIDE__TASK_DETACHED | BIDE__TASK_MAIN))
		bide__abort("bide_detach", "nobody holds the handle of task '%s' (#%u)",
		            bide__name(task), task->slot);
	if (task->group != NULL) /* which ends what is left */
		return;
	task->flags |= BIDE__TASK_DETACHED;
	/* One that is just ending is freed when the calls made at its end are over. */
	if (task->state != BIDE__DONE || (task->extra != NULL && task->extra->calling))
		return;
	bide__report_failure(task);
	bide__free_task(bide__loop, task);
}

enum bide_state bide_task_state(bide_task *handle)
{
	return (enum bide_state)(bide__lookup("bide_task_state", handle)->state - BIDE__READY);
}

bool bide_task_done(bide_task *handle)
{
	return bide__lookup("bide_task_done", handle)->state == BIDE__DONE;
}

bool bide_task_cancelled(bide_task *handle)
{
	const struct bide__task *task = bide__lookup("bide_task_cancelled", handle);
	return task->state == BIDE__DONE && bide__was_cancelled(task);
}

int bide_task_error(bide_task *handle)
{
	const struct bide__task *task = bide__lookup("bide_task_error", handle);
	return task->state == BIDE__DONE ? task->error : -EINPROGRESS;
}

const char *bide_task_name(bide_task *handle)
{
	return bide__name(bide__lookup("bide_task_name", handle));
}

int bide_task_set_name(bide_task *handle, const char *name)
{
	return bide__set_name(bide__loop, bide__lookup("bide_task_set_name", handle), name);
}

const char *bide_task_type(bide_task *handle)
{
	return bide__lookup("bide_task_type", handle)->fn->type;
}

bide_task *bide_current_task(void)
{
	bide_loop *loop = bide__loop;
	return loop == NULL || loop->current == NULL ? NULL : bide__handle(loop, loop->current);
}

size_t bide_all_tasks(bide_task **tasks, size_t cap)
{
	bide_loop *loop = bide__loop;
	size_t n = 0;
	uint32_t slot = 0;
	if (loop == NULL)
		return 0;
	for (struct bide__task *task; (task = bide__record_next(&loop->pool, &slot)) != NULL;) {
		if (task->state == BIDE__DONE)
			continue;
		if (tasks != NULL && n < cap)
			tasks[n] = bide__handle(loop, task);
		n++;
	}
	return n;
}

int bide_fail(int error)
{
	bide_loop *loop = bide__loop;
	const bool in_task = loop != NULL && loop->current != NULL;
	if (!in_task && bide__job == NULL)
		bide__abort("bide_fail", "there is no task to fail");
	if (error >= 0 || error < -BIDE_ERROR_MAX)
		error = -EINVAL;
	if (!in_task)
		return bide__job->error = error;
	loop->current->error = (int16_t)error;
	loop->current->flags |= BIDE__TASK_FAILED;
	return error;
}

int bide__take_failure(void)
{
	struct bide__task *task = bide__loop->current;
	if (!(task->flags & BIDE__TASK_FAILED))
		return 0;
	int error = task->error;
	task->flags &= (uint16_t)~BIDE__TASK_FAILED;
	task->error = 0;
	return error;
}

int bide_cancelled(void)
{
	bide_loop *loop = bide__loop;
	if (loop == NULL || loop->current == NULL)
		return 0;
	return loop->current->flags & BIDE__TASK_PENDING ? bide__code_in_force(loop->current) : 0;
}
