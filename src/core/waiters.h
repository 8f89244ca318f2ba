/* SPDX-License-Identifier: MIT */
/* waiters.h: the tasks that are parked on an object in the caller's memory: a mutex, an event…
 *
 * The object begins with its struct bide__waiters, and so does what `object` of a parked task
 * points to. While the list is not empty the object belongs to the loop of those on it; `loop`
 * means nothing otherwise. */
#ifndef BIDE_CORE_WAITERS_H
#define BIDE_CORE_WAITERS_H

#include "core/light.h"
#include "core/loop.h"

/* Binds an object that nobody waits for to the loop; aborts when it lies where a light task's
 * frames come and go. */
void bide__waiters_bind(bide_loop *loop, const char *call, struct bide__waiters *waiters);

/* Aborts for the use of an object that another thread's tasks wait for. */
_Noreturn void bide__waiters_refuse(const char *call, const struct bide__waiters *waiters);

/* The system's number of this thread, which may have no loop. */
pid_t bide__this_thread(void);

/* Aborts unless an object may be used on this thread. */
static inline void bide__waiters_check(const char *call, const struct bide__waiters *waiters)
{
	if (__builtin_expect(waiters->queue.head != NULL && waiters->loop != bide__loop, 0))
		bide__waiters_refuse(call, waiters);
}

/* Puts a task, which is parked or about to be, behind all that wait. */
static inline void bide__waiters_add(bide_loop *loop, const char *call,
                                     struct bide__waiters *waiters, struct bide__task *task)
{
	if (waiters->queue.head == NULL)
		bide__waiters_bind(loop, call, waiters);
	else
		bide__waiters_check(call, waiters);
	bide__queue_push(&waiters->queue, task);
}

/* Reads a byte that nobody looks at. A prefetch would do nothing here: of many stacks, each on a
 * page of its own, where the page is must be found out first. */
__attribute__((no_sanitize_address, no_sanitize_thread)) static inline void
bide__touch(const void *at)
{
	(void)*(const volatile char *)at;
}

/* Asks for what the next hand-over will touch, and of the one after it for where that is: of many
 * that wait nothing is in the cache. */
static inline void bide__waiters_fetch(const struct bide__waiters *waiters)
{
	enum { LINE = 64 };
	const struct bide__task *next = waiters->queue.head;
	if (next == NULL)
		return;
	if (next->flags & BIDE__TASK_LIGHT) {
		bide__light_prefetch(next);
	} else {
		bide__touch(next->sp);
		__builtin_prefetch((const char *)next->sp + LINE);
		__builtin_prefetch((const char *)next->sp + (size_t)2 * LINE);
	}
	if (next->next != NULL) {
		__builtin_prefetch(next->next);
		__builtin_prefetch((const char *)next->next + LINE);
	}
}

/* Takes away the one that has waited longest, NULL when there is none. */
static inline struct bide__task *bide__waiters_pop(struct bide__waiters *waiters)
{
	struct bide__task *task = bide__queue_pop(&waiters->queue);
	bide__waiters_fetch(waiters);
	return task;
}

/* bide__wait::cut of a wait for an object. */
void bide__waiters_cut(bide_loop *loop, struct bide__task *task);

/* What a block that needed the object is entered with: skipped when @p rc is an error, which is
 * reported where nobody asks for it. */
bide__guard bide__waiters_guard(const char *block, void *object, int rc, int *ret_rc);

#endif
