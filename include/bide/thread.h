/* SPDX-License-Identifier: MIT */
/* bide/thread.h: blocking and computing functions, in threads beside the loop.
 *
 * What neither suspends nor returns soon would hold up every task of its loop. In a thread it
 * holds up the task alone that calls it:
 *
 *     BIDE_ASYNC(long, count_primes, long);
 *
 *     long found = bide_to_thread(count_primes, 10000000);     // other tasks run meanwhile
 *
 * The threads are those of the process: one pool serves the loops of all its threads. They are
 * started as they are needed, up to a limit, and end when they had nothing to do for a while, or
 * when the last loop that has used them is closed. Calls beyond the limit wait for their turn,
 * first come first served.
 *
 * A JOB is one such call in its thread. It has no loop, so it cannot suspend; that aborts. */
#ifndef BIDE_THREAD_H
#define BIDE_THREAD_H

#include <bide/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/** R bide_to_thread(fn, args…): calls fn(args…) in a thread and returns its result. [suspends]
 *
 *  Arguments and result are copied; they may lie on a light task's stack. What arguments point to
 *  must stay until the call returns, and be safe to use from another thread. fn may read the
 *  task-local values of the task that called.
 *
 *  A cancellation takes a job out that has not begun, and it never will. One that has begun is
 *  asked to stop, which it sees by bide_thread_cancelled(), and waited for: then its result is
 *  returned, or the cancellation when it ended with that.
 *
 *  Without a result R gets the error if it is int, long or long long; any other R is all zero, and
 *  the error is reported unless it is a cancellation. The errors are those of
 *  bide_try_to_thread(). Aborts when a light task gives an argument that points into its own
 *  stack. */
#define bide_to_thread(...) BIDE__DO(_bide_call, BIDE__TO_THREAD, NULL, __VA_ARGS__)

/** Options of a call in a thread; all zero are the defaults. */
typedef struct bide_thread_options {
	bool abandon; /**< a cancellation asks the job to stop and does not wait for it: it runs on
	                   by itself, what its arguments point to must stay until it ends, and a
	                   failure of it is reported. It has no task-local values. A process that
	                   ends, ends it */
} bide_thread_options;

/** int bide_try_to_thread(options, ret, fn, args…): as bide_to_thread(), with options and an error
 *  return. [suspends]
 *
 *  @param options a const bide_thread_options *, or NULL for the defaults.
 *  @param ret     where the result goes: a pointer to the type of fn's result, or NULL; untouched
 *                 on failure.
 *  @return 0, or the error:
 *          -ENOMEM      there was no memory for the job
 *          -EAGAIN      no thread could be started, and there was none
 *          what the job failed with, by bide_fail() or a negative int, long or long long
 *          or the cancellation. */
#define bide_try_to_thread(options, ret, ...) \
	BIDE__TRY(bide__thread_request(BIDE__IS(const bide_thread_options, options), (ret), \
	                               BIDE__SIZEOF(ret), BIDE__CLASS_AT(ret)), \
	          __VA_ARGS__)

/** Tells a job whether it is asked to stop, as its caller has been cancelled. [threadsafe]
 *  @return 0, also outside jobs; -ECANCELED, -ETIMEDOUT, or -EDEADLK after a deadlock: what a job
 *          that stops fails with. */
BIDE_API int bide_thread_cancelled(void) BIDE__NOTHROW;

/** How the process's threads are to be; all zero are the defaults. */
typedef struct bide_thread_pool {
	size_t limit;      /**< how many there may be at once; 0: $BIDE_THREADS if set, else the
	                          processors that the process may use, and 4, at most 32 */
	size_t stack_size; /**< bytes of the stacks of those that are started from now on, at least
	                          64 KiB; 0: the system's default (ulimit -s) */
	double idle_seconds; /**< after which one that has nothing to do ends; 0: 10 */
} bide_thread_pool;

/** Sets that, at any time. Threads beyond a lower limit end when their jobs do. [threadsafe]
 *
 *  @param pool what they are to be from now on; copied. NULL: the defaults again.
 *  @return 0, or -EINVAL for seconds that are negative or NaN. */
BIDE_API int bide_thread_pool_set(const bide_thread_pool *pool) BIDE__NOTHROW;

BIDE__GLUE struct bide__request bide__thread_request(const void *options, void *ret,
                                                     size_t ret_size, unsigned ret_class)
{
	struct bide__request request = { BIDE__TO_THREAD, NULL, options, ret,  ret_size,
		                         ret_class,       0,    NULL,    { 0 } };
	return request;
}

#ifdef __cplusplus
}
#endif
#endif
