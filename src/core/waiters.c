// SPDX-License-Identifier: MIT
/* waiters.c: see waiters.h. */
#include "core/waiters.h"

#include "core/light.h"
#include "core/message.h"

#include <sys/syscall.h>
#include <unistd.h>

pid_t bide__this_thread(void)
{
	return (pid_t)syscall(SYS_gettid);
}

/* In strict mode no other light task's stack can be looked into: the object itself could not have
 * been. */
static bool on_light_stack(const bide_loop *loop, const void *object)
{
	const struct bide__task *task = loop->current;
	if (loop->light == BIDE_LIGHT_STRICT)
		return task != NULL && (task->flags & BIDE__TASK_LIGHT) &&
		       bide__stack_holds(bide__stack_of(loop, task), object);
	for (unsigned i = 0; i < BIDE__SHARED_STACKS; i++)
		if (loop->shared[i] != NULL && bide__stack_holds(loop->shared[i], object))
			return true;
	return false;
}

void bide__waiters_bind(bide_loop *loop, const char *call, struct bide__waiters *waiters)
{
	if (__builtin_expect(on_light_stack(loop, waiters), 0))
		bide__abort(
			call,
			"what is waited for lies on the stack of a light task: its locals do "
			"not exist while it is suspended: use BIDE_ASYNC, or memory that stays");
	waiters->loop = loop;
}

_Noreturn void bide__waiters_refuse(const char *call, const struct bide__waiters *waiters)
{
	bide__abort(call, "tasks of thread %d wait for it; this is thread %d",
	            waiters->loop->thread, bide__this_thread());
}

void bide__waiters_cut(bide_loop *loop, struct bide__task *task)
{
	struct bide__waiters *waiters = task->object;
	(void)loop;
	bide__queue_remove(&waiters->queue, task);
}

bide__guard bide__waiters_guard(const char *block, void *object, int rc, int *ret_rc)
{
	if (ret_rc != NULL)
		*ret_rc = rc;
	else if (rc < 0 && rc != bide_cancelled())
		bide__report(BIDE_REPORT_FAILURE, rc, bide__name(bide__loop->current),
		             "skipped a block of %s: %s", block, bide_strerror(rc));
	return (bide__guard){ rc < 0 ? NULL : object, ret_rc, 0, rc < 0 };
}
