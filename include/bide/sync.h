/* SPDX-License-Identifier: MIT */
/* bide/sync.h: what tasks of one loop wait for each other with: mutex, event, condition,
 * semaphore, barrier; asyncio's Lock, Event, Condition, Semaphore, BoundedSemaphore and Barrier.
 *
 * Tasks switch only where they suspend, so what lies between two suspending calls needs none of
 * these. They are for what must stay together across a suspension.
 *
 * Objects are values: static, global, in a struct, on the stack of a full task. All zero is a good
 * beginning, of a semaphore with nothing to give; BIDE_MUTEX_INIT and the like say it in words.
 * They need no clean-up, and must stay where they are while a task waits.
 *
 * All are fair: first come, first served. What a task waited for is handed over to it, so that
 * nobody can come in between, and a wake-up is never lost: a wait that is over when the
 * cancellation comes keeps its result, and one that is cut takes nothing with it. For a deadline
 * put the call in a BIDE_TIMEOUT block.
 *
 * An object belongs to the loop whose tasks wait for it or hold it, and to nobody when none does.
 * Its use on another thread meanwhile aborts; other threads say what they have to by
 * bide_call_threadsafe(). The waits abort when the object lies on the stack of a light task, where
 * nobody else could find it. In a light task they may also return -ENOMEM, for lack of room for
 * its frames. */
#ifndef BIDE_SYNC_H
#define BIDE_SYNC_H

#include <bide/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Tasks, one behind the other. */
struct bide__queue {
	struct bide__task *head, *tail;
};

/* Those that wait for an object. */
struct bide__waiters {
	struct bide__queue queue; /* first come, first served */
	bide_loop *loop;          /* whose tasks they are, while there are any */
};

#define BIDE__NO_WAITERS \
	{ \
		{ NULL, NULL }, NULL \
	}

/* ---- mutex -------------------------------------------------------------------------------- */

/** A mutex: at most one task holds it. */
typedef struct bide_mutex {
	struct bide__waiters waiters;
	bide_task *holder; /* NULL when it is free; then nobody waits */
} bide_mutex;

/** A mutex that is free. */
#define BIDE_MUTEX_INIT \
	{ \
		BIDE__NO_WAITERS, NULL \
	}

/** BIDE_LOCK(mutex, rc) { … } and BIDE_LOCK(mutex) { … }: runs the block with the mutex held, and
 *  unlocks it whichever way the block is left: off its end, by break, continue, goto, return or a
 *  C++ exception. [suspends]
 *
 *  @p rc (an int) gets the result of bide_mutex_lock() before the block runs, and is not touched
 *  afterwards. When that is an error the block is skipped; without an rc one that is no
 *  cancellation is reported. */
#define BIDE_LOCK(...) \
	BIDE__APPLY(BIDE__CAT(BIDE__LOCK_, BIDE__MANY(__VA_ARGS__)), __COUNTER__, __VA_ARGS__)

/** Makes a mutex that is free; for memory that was something else before. */
BIDE__GLUE void bide_mutex_init(bide_mutex *mutex)
{
	const bide_mutex fresh = BIDE_MUTEX_INIT;
	*mutex = fresh;
}

/** Waits until the mutex is the current task's; does not suspend when it is free. [suspends]
 *
 *  @return 0: the task holds it; -EDEADLK: it did already; -ENOMEM; or the cancellation. Aborts
 *          when its holder has ended. */
BIDE_API BIDE_CHECKED int bide_mutex_lock(bide_mutex *mutex) BIDE__NOTHROW;

/** Takes the mutex if it is free. Aborts outside tasks.
 *  @return 0, or -EBUSY: somebody holds it; while tasks wait it is never free. */
BIDE_API BIDE_CHECKED int bide_mutex_try_lock(bide_mutex *mutex) BIDE__NOTHROW;

/** Hands the mutex over to the task that has waited longest, or frees it. Always completes. Aborts
 *  when the current task does not hold it. */
BIDE_API void bide_mutex_unlock(bide_mutex *mutex) BIDE__NOTHROW;

/** Tells whether some task holds the mutex. */
BIDE_API bool bide_mutex_locked(const bide_mutex *mutex) BIDE__NOTHROW;

/* ---- event -------------------------------------------------------------------------------- */

/** An event: tasks wait until it is set. */
typedef struct bide_event {
	struct bide__waiters waiters;
	bool set;
} bide_event;

/** An event that is not set. */
#define BIDE_EVENT_INIT \
	{ \
		BIDE__NO_WAITERS, false \
	}

/** Makes an event that is not set; for memory that was something else before. */
BIDE__GLUE void bide_event_init(bide_event *event)
{
	const bide_event fresh = BIDE_EVENT_INIT;
	*event = fresh;
}

/** Waits until the event is set; does not suspend when it is. [suspends]
 *  @return 0, also when it has been cleared since; -ENOMEM; or the cancellation. */
BIDE_API int bide_event_wait(bide_event *event) BIDE__NOTHROW;

/** Sets the event and wakes all that wait for it, in the order in which they came. */
BIDE_API void bide_event_set(bide_event *event) BIDE__NOTHROW;

/** Clears the event: who waits from now on waits for the next bide_event_set(). */
BIDE_API void bide_event_clear(bide_event *event) BIDE__NOTHROW;

/** Tells whether the event is set. */
BIDE_API bool bide_event_is_set(const bide_event *event) BIDE__NOTHROW;

/* ---- condition ---------------------------------------------------------------------------- */

/** A condition: tasks that hold a mutex wait until another has changed what it guards. */
typedef struct bide_cond {
	struct bide__waiters waiters;
	bide_mutex *mutex; /* that they will hold again */
} bide_cond;

/** A condition that nobody waits for. */
#define BIDE_COND_INIT \
	{ \
		BIDE__NO_WAITERS, NULL \
	}

/** Makes a condition that nobody waits for; for memory that was something else before. */
BIDE__GLUE void bide_cond_init(bide_cond *cond)
{
	const bide_cond fresh = BIDE_COND_INIT;
	*cond = fresh;
}

/** Unlocks the mutex, waits for a notification, and locks the mutex again. [suspends]
 *
 *  The mutex is held again whatever is returned: to wait for it cannot be cancelled. What was
 *  waited for may have changed once more by then, so look again, as bide_cond_wait_for() does.
 *  @param mutex held by the current task, and the same for all that wait at the same time; else
 *               this aborts.
 *  @return 0: notified, even when a cancellation came afterwards; -ENOMEM or the cancellation: not
 *          notified. */
BIDE_API int bide_cond_wait(bide_cond *cond, bide_mutex *mutex) BIDE__NOTHROW;

/** int bide_cond_wait_for(cond, mutex, holds): waits until the expression @p holds is true, which
 *  it evaluates with the mutex held, at first and after each notification. [suspends]
 *  @return 0: it is true; or an error as of bide_cond_wait(). */
#define bide_cond_wait_for(cond, mutex, holds) \
	BIDE__APPLY(BIDE__COND_WAIT_FOR, cond, mutex, holds, __COUNTER__)

/** Notifies at most @p n of the waiting tasks, those first that have waited longest. Whoever calls
 *  it need not hold the mutex. @return how many were notified. */
BIDE_API size_t bide_cond_notify(bide_cond *cond, size_t n) BIDE__NOTHROW;

/** Notifies all waiting tasks. @return how many there were. */
BIDE_API size_t bide_cond_notify_all(bide_cond *cond) BIDE__NOTHROW;

/* ---- semaphore ---------------------------------------------------------------------------- */

/** A semaphore: a number of permits, each of which one task has at a time. */
typedef struct bide_semaphore {
	struct bide__waiters waiters;
	size_t value; /* permits to be had; while tasks wait there are none */
	size_t bound; /* that value must not exceed, of a bounded one */
	bool bounded;
} bide_semaphore;

/** A semaphore with @p value permits, to which more may be added. */
#define BIDE_SEMAPHORE_INIT(value) \
	{ \
		BIDE__NO_WAITERS, (value), 0, false \
	}

/** A semaphore with @p value permits, which refuses to have more: to find a release too many. */
#define BIDE_BOUNDED_SEMAPHORE_INIT(value) \
	{ \
		BIDE__NO_WAITERS, (value), (value), true \
	}

/** BIDE_ACQUIRE(semaphore, rc) { … } and BIDE_ACQUIRE(semaphore) { … }: runs the block with a
 *  permit and releases it whichever way the block is left; otherwise as BIDE_LOCK. [suspends] */
#define BIDE_ACQUIRE(...) \
	BIDE__APPLY(BIDE__CAT(BIDE__ACQUIRE_, BIDE__MANY(__VA_ARGS__)), __COUNTER__, __VA_ARGS__)

/** Makes a semaphore with @p value permits; for memory that was something else before. */
BIDE__GLUE void bide_semaphore_init(bide_semaphore *semaphore, size_t value)
{
	const bide_semaphore fresh = BIDE_SEMAPHORE_INIT(value);
	*semaphore = fresh;
}

/** Makes a semaphore with @p value permits that refuses to have more. */
BIDE__GLUE void bide_semaphore_init_bounded(bide_semaphore *semaphore, size_t value)
{
	const bide_semaphore fresh = BIDE_BOUNDED_SEMAPHORE_INIT(value);
	*semaphore = fresh;
}

/** Waits for a permit and takes it; does not suspend when there is one. [suspends]
 *  @return 0: the caller has it; -ENOMEM; or the cancellation. */
BIDE_API BIDE_CHECKED int bide_semaphore_acquire(bide_semaphore *semaphore) BIDE__NOTHROW;

/** Takes a permit if there is one.
 *  @return 0, or -EAGAIN: there is none; while tasks wait there never is. */
BIDE_API BIDE_CHECKED int bide_semaphore_try_acquire(bide_semaphore *semaphore) BIDE__NOTHROW;

/** Gives a permit back, or adds one: to the task that has waited longest, if any waits. Any task,
 *  and any callback of the loop, may call it.
 *  @return 0; -EOVERFLOW when a bounded semaphore has all of its permits already, and nothing
 *          changes. */
BIDE_API int bide_semaphore_release(bide_semaphore *semaphore) BIDE__NOTHROW;

/** Tells whether there is no permit to be had at once. */
BIDE_API bool bide_semaphore_locked(const bide_semaphore *semaphore) BIDE__NOTHROW;

/* ---- barrier ------------------------------------------------------------------------------ */

/** A barrier: tasks wait until a number of them have come, and go on together. */
typedef struct bide_barrier {
	struct bide__waiters waiters;
	int parties; /* how many must come */
	int waiting; /* how many have */
	bool broken; /* by bide_barrier_abort() */
} bide_barrier;

/** A barrier for @p parties tasks, 1 or more. */
#define BIDE_BARRIER_INIT(parties) \
	{ \
		BIDE__NO_WAITERS, (parties), 0, false \
	}

/** Makes a barrier for @p parties tasks; for memory that was something else before. */
BIDE__GLUE void bide_barrier_init(bide_barrier *barrier, int parties)
{
	const bide_barrier fresh = BIDE_BARRIER_INIT(parties);
	*barrier = fresh;
}

/** Waits until as many tasks as the barrier has parties are waiting; the last one to come does not
 *  suspend. The barrier is then ready for the next round. [suspends]
 *
 *  Who is cancelled leaves, and another has to come instead.
 *  @return from 0 to parties - 1, a different number for each of the round, in the order in which
 *          they came; -BIDE_EBROKEN: the barrier was aborted, or reset while it waited; -EINVAL: it
 *          has less than 1 party; -ENOMEM; or the cancellation. */
BIDE_API int bide_barrier_wait(bide_barrier *barrier) BIDE__NOTHROW;

/** Breaks the barrier: every wait, present and to come, returns -BIDE_EBROKEN, until a reset. */
BIDE_API void bide_barrier_abort(bide_barrier *barrier) BIDE__NOTHROW;

/** Makes the barrier as it was in the beginning; waits that are on return -BIDE_EBROKEN. */
BIDE_API void bide_barrier_reset(bide_barrier *barrier) BIDE__NOTHROW;

/** Returns how many tasks wait at the barrier. */
BIDE_API int bide_barrier_waiting(const bide_barrier *barrier) BIDE__NOTHROW;

/** Tells whether the barrier has been aborted and not been reset since. */
BIDE_API bool bide_barrier_broken(const bide_barrier *barrier) BIDE__NOTHROW;

/* ---- machinery of the blocks -------------------------------------------------------------- */

BIDE_API bide__guard bide__lock_enter(bide_mutex *mutex, int *ret_rc) BIDE__NOTHROW;
BIDE_API void bide__lock_leave(bide__guard *guard) BIDE__NOTHROW;
BIDE_API bide__guard bide__acquire_enter(bide_semaphore *semaphore, int *ret_rc) BIDE__NOTHROW;
BIDE_API void bide__acquire_leave(bide__guard *guard) BIDE__NOTHROW;

#define BIDE__LOCK_1(n, mutex) BIDE__BLOCK(n, bide__lock_leave, bide__lock_enter((mutex), NULL))
#define BIDE__LOCK_2(n, mutex, rc) \
	BIDE__BLOCK(n, bide__lock_leave, bide__lock_enter((mutex), &(rc)))
#define BIDE__ACQUIRE_1(n, semaphore) \
	BIDE__BLOCK(n, bide__acquire_leave, bide__acquire_enter((semaphore), NULL))
#define BIDE__ACQUIRE_2(n, semaphore, rc) \
	BIDE__BLOCK(n, bide__acquire_leave, bide__acquire_enter((semaphore), &(rc)))
#define BIDE__COND_WAIT_FOR(cond, mutex, holds, n) \
	__extension__({ \
		int bide__rc##n = 0; \
		while (!(holds) && bide__rc##n == 0) \
			bide__rc##n = bide_cond_wait((cond), (mutex)); \
		bide__rc##n; \
	})

#ifdef __cplusplus
}
#endif
#endif
