/* SPDX-License-Identifier: MIT */
/* bide/future.h: a value that comes later, after asyncio's Future: set once, by a callback or a
 * task, and waited for by as many tasks as want it. It is the bridge from a library that calls
 * back when something is done to a function that waits for it:
 *
 *     bide_future *future;
 *     int rc = bide_future_open(double, &future);
 *     start_something(on_done, bide_future_ref(future));  // on_done() sets it, and unrefs
 *     rc = bide_future_await(future, &value);
 *     bide_future_unref(future);
 *
 * Values have one type, are copied as bytes, and are checked as a queue's items are. A future is
 * kept as long as somebody holds a reference to it: whoever is to set it one of his own, as the
 * task may have gone by then.
 *
 * A future belongs to the loop of the thread that opened it, and is unreferenced before that is
 * closed; on another thread its functions abort and name both. A library that calls back on a
 * thread of its own has the loop set it, by bide_call_threadsafe(). */
#ifndef BIDE_FUTURE_H
#define BIDE_FUTURE_H

#include <bide/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A value that comes later. */
typedef struct bide_future bide_future;

/** int bide_future_open(T, ret_future): makes a future that is not set, with one reference.
 *
 *  @param T          the type of its value, or void; as of bide_queue_open().
 *  @param ret_future gets the future; untouched on failure.
 *  @return 0 or -ENOMEM. Aborts when this thread has no loop. */
#define bide_future_open(T, ret_future) \
	BIDE__APPLY(BIDE__FUTURE_OPEN, BIDE__IS_VOID(T), T, ret_future)

/** Takes one more reference. @return future. */
BIDE_API bide_future *bide_future_ref(bide_future *future) BIDE__NOTHROW;

/** Gives a reference back; NULL is none. With the last one goes the future: a failure that nobody
 *  looked at is reported. Aborts when it was the last and a task waits, which nobody could wake. */
BIDE_API void bide_future_unref(bide_future *future) BIDE__NOTHROW;

/** int bide_future_set(future, value): sets the future to a copy of *value, and wakes who waits for
 *  it, after the calls asked for by bide_future_on_done().
 *
 *  @param value a pointer to the type of the future's value; of a future of void, NULL.
 *  @return 0, or -EALREADY when it was set, has failed or was cancelled, and stays so. */
#define bide_future_set(future, value) \
	bide__future_set((future), (value), BIDE__SIZEOF(value), BIDE__CLASS_AT(value), #value)

/** As bide_future_set(), with an error instead of a value.
 *  @param error an error code from -8191 to -1; anything else counts as -EINVAL. */
BIDE_API int bide_future_fail(bide_future *future, int error) BIDE__NOTHROW;

/** As bide_future_fail(), with -ECANCELED; that is no failure that somebody has to look at.
 *  @return 1, or 0 when it was set, has failed or was cancelled, and stays so. */
BIDE_API int bide_future_cancel(bide_future *future) BIDE__NOTHROW;

/** int bide_future_await(future, ret_value): waits until the future is set, if it is not.
 * [suspends]
 *
 *  @param ret_value a pointer to the type of the future's value, or NULL; untouched on failure.
 *  @return 0; the error that the future has; or the caller's cancellation, which leaves the future
 *          alone (of two -ECANCELED bide_cancelled() tells which it is); or -ENOMEM in a light
 *          task, for its frames. */
#define bide_future_await(future, ret_value) \
	bide__future_await((future), (ret_value), BIDE__SIZEOF(ret_value), \
	                   BIDE__CLASS_AT(ret_value), #ret_value)

/** int bide_future_result(future, ret_value): as bide_future_await(), without waiting.
 *  @return 0, the error that the future has, or -EINPROGRESS when it is not set. */
#define bide_future_result(future, ret_value) \
	bide__future_result((future), (ret_value), BIDE__SIZEOF(ret_value), \
	                    BIDE__CLASS_AT(ret_value), #ret_value)

/** Tells whether the future is set, has failed or was cancelled. */
BIDE_API bool bide_future_done(const bide_future *future) BIDE__NOTHROW;

/** Tells whether the future was cancelled. */
BIDE_API bool bide_future_cancelled(const bide_future *future) BIDE__NOTHROW;

/** Has @p fn(@p arg, future) called when the future is set, fails or is cancelled, in the order of
 *  the calls; at once when that has happened. That is before whoever waits for it goes on. The
 *  function must not suspend.
 *  @return 0 or -ENOMEM. */
BIDE_API BIDE_CHECKED int bide_future_on_done(bide_future *future,
                                              void (*fn)(void *arg, bide_future *future),
                                              void *arg) BIDE__NOTHROW;

/* ---- machinery of the macros -------------------------------------------------------------- */

BIDE_API BIDE_CHECKED int bide__future_open(size_t size, unsigned cls, const char *type,
                                            bide_future **ret_future) BIDE__NOTHROW;
BIDE_API int bide__future_set(bide_future *future, const void *value, size_t size, unsigned cls,
                              const char *text) BIDE__NOTHROW;
BIDE_API BIDE_CHECKED int bide__future_await(bide_future *future, void *ret_value, size_t size,
                                             unsigned cls, const char *text) BIDE__NOTHROW;
BIDE_API BIDE_CHECKED int bide__future_result(bide_future *future, void *ret_value, size_t size,
                                              unsigned cls, const char *text) BIDE__NOTHROW;

#define BIDE__FUTURE_OPEN_0(T, ret_future) \
	__extension__({ \
		BIDE__COPIED(T) \
		BIDE__ASSERT(__alignof__(T) <= BIDE__ALIGN_MAX, \
		             "bide: a value is aligned to more than 16 bytes") \
		bide__future_open(sizeof(T), BIDE__CLASS_AT((T *)0), #T, (ret_future)); \
	})
#define BIDE__FUTURE_OPEN_1(T, ret_future) bide__future_open(0, 0, "void", (ret_future))
#define BIDE__FUTURE_OPEN(V, T, ret_future) BIDE__CAT(BIDE__FUTURE_OPEN_, V)(T, ret_future)

#ifdef __cplusplus
}
#endif
#endif
