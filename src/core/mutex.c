// SPDX-License-Identifier: MIT
/* mutex.c: see mutex.h and bide/sync.h.
 *
 * A mutex is handed over: it is never free while somebody waits, so nobody can barge in. It is
 * bound to the loop of its holder, which its handle tells. A handle also tells when the holder has
 * ended. */
#include "core/mutex.h"

#include "core/loops.h"
#include "core/message.h"
#include "core/task.h"
#include "core/waiters.h"

static const struct bide__wait wait_lock = { "bide_mutex_lock", bide__waiters_cut, NULL };
static const struct bide__wait wait_relock = { "bide_cond_wait", NULL, NULL };

/* The task that holds a mutex, which is not free; NULL when it has ended or is another loop's. */
static inline struct bide__task *find_holder(const bide_loop *loop, const bide_mutex *mutex)
{
	struct bide__task *task = bide__find(loop, mutex->holder);
	return task != NULL && task->state != BIDE__DONE ? task : NULL;
}

struct bide__task *bide__mutex_holder(const bide_loop *loop, const bide_mutex *mutex)
{
	return mutex->holder != NULL ? find_holder(loop, mutex) : NULL;
}

const bide_mutex *bide__waits_for_mutex(const struct bide__task *task)
{
	return task->state == BIDE__WAITING &&
	                       (task->wait == &wait_lock || task->wait == &wait_relock)
	               ? task->object
	               : NULL;
}

/* ---- who must not have it ----------------------------------------------------------------- */

/* Of a mutex that is held, by whom is no good. */
__attribute__((noinline, cold)) _Noreturn static void refuse(const char *call,
                                                             const bide_mutex *mutex)
{
	unsigned id = bide__loop_of(mutex->holder), slot = bide__slot_of(mutex->holder);
	const bide_loop *loop = bide__loop;
	const struct bide__task *task =
		loop != NULL && loop->id == id ? find_holder(loop, mutex) : NULL;
	if (task != NULL)
		bide__abort(call, "task '%s' (#%u) holds the mutex", bide__name(task), slot);
	int32_t other = loop != NULL && loop->id == id ? 0 : bide__thread_of_loop(id);
	if (other != 0)
		bide__abort(call, "task #%u of thread %d holds the mutex; this is thread %d", slot,
		            other, bide__this_thread());
	bide__abort(call, "task #%u has ended and has not unlocked the mutex", slot);
}

/* To wait for a task of another loop, or for one that has ended, would never end. */
static inline void check_holder(const bide_loop *loop, const char *call, const bide_mutex *mutex)
{
	if (__builtin_expect(find_holder(loop, mutex) == NULL, 0))
		refuse(call, mutex);
}

static inline bool holds(const bide_loop *loop, const bide_mutex *mutex)
{
	return loop != NULL && loop->current != NULL &&
	       mutex->holder == bide__handle(loop, loop->current);
}

void bide__mutex_check_held(const char *call, const bide_mutex *mutex)
{
	if (__builtin_expect(holds(bide__loop, mutex), 1))
		return;
	if (mutex->holder == NULL)
		bide__abort(call, "the mutex is not locked");
	refuse(call, mutex);
}

/* ---- from one to the next ----------------------------------------------------------------- */

void bide__mutex_hand_over(bide_loop *loop, bide_mutex *mutex)
{
	struct bide__task *next = bide__waiters_pop(&mutex->waiters);
	mutex->holder = next != NULL ? bide__handle(loop, next) : NULL;
	if (next != NULL)
		bide__wake(loop, next, 0);
}

void bide__mutex_promise(bide_loop *loop, const char *call, bide_mutex *mutex,
                         struct bide__task *task)
{
	if (mutex->holder == NULL) {
		mutex->holder = bide__handle(loop, task);
		bide__wake(loop, task, 0);
		return;
	}
	check_holder(loop, call, mutex);
	bide__waiters_add(loop, call, &mutex->waiters, task);
	task->wait = &wait_relock;
	task->object = mutex;
}

void bide__mutex_relock(bide_loop *loop, bide_mutex *mutex)
{
	struct bide__task *task = loop->current;
	if (mutex->holder == NULL) {
		mutex->holder = bide__handle(loop, task);
		return;
	}
	check_holder(loop, wait_relock.name, mutex);
	bide__waiters_add(loop, wait_relock.name, &mutex->waiters, task);
	(void)bide__park(loop, &wait_relock, mutex);
}

/* ---- the calls ---------------------------------------------------------------------------- */

int bide_mutex_lock(bide_mutex *mutex)
{
	struct bide__task *task = bide__suspending(&wait_lock);
	bide_loop *loop = bide__loop;
	if (task->flags & BIDE__TASK_PENDING)
		return bide__refuse(loop, &wait_lock);
	bide_task *self = bide__handle(loop, task);
	if (mutex->holder == NULL) {
		mutex->holder = self;
		return 0;
	}
	if (mutex->holder == self)
		return -EDEADLK;
	check_holder(loop, wait_lock.name, mutex);
	bide__waiters_add(loop, wait_lock.name, &mutex->waiters, task);
	return bide__park(loop, &wait_lock, mutex);
}

int bide_mutex_try_lock(bide_mutex *mutex)
{
	bide_loop *loop = bide__loop;
	if (loop == NULL || loop->current == NULL)
		bide__abort("bide_mutex_try_lock", "there is no task to hold it");
	if (mutex->holder != NULL)
		return -EBUSY;
	mutex->holder = bide__handle(loop, loop->current);
	return 0;
}

void bide_mutex_unlock(bide_mutex *mutex)
{
	bide__mutex_check_held("bide_mutex_unlock", mutex);
	bide__mutex_hand_over(bide__loop, mutex);
}

bool bide_mutex_locked(const bide_mutex *mutex)
{
	return mutex->holder != NULL;
}

/* ---- the block ---------------------------------------------------------------------------- */

bide__guard bide__lock_enter(bide_mutex *mutex, int *ret_rc)
{
	int rc = bide_mutex_lock(mutex);
	return bide__waiters_guard("BIDE_LOCK", mutex, rc, ret_rc);
}

void bide__lock_leave(bide__guard *guard)
{
	if (guard->record != NULL)
		bide_mutex_unlock(guard->record);
}
