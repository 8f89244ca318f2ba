/* SPDX-License-Identifier: MIT */
/* bide/loop.h: the event loop: running a program on it, its clock, its options.
 *
 * Most programs need bide_run() alone. A loop belongs to the thread that opened it and runs its
 * tasks one at a time, first come first served; they never move to another thread.
 *
 * Time: bide_now() is the time at which the loop's present turn began, in seconds, and is read
 * once a turn; bide_time() reads the clock afresh. Both count on the loop's clock, which has no
 * epoch and is virtual under the virtual backend. A sleep counts from bide_now(), so that tasks
 * started together sleep from the same moment. */
#ifndef BIDE_LOOP_H
#define BIDE_LOOP_H

#include <bide/async.h>

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An event loop. */
typedef struct bide_loop bide_loop;

/** A function that the loop calls, outside of its tasks; it must not suspend. */
typedef void bide_callback(void *arg);

/** What a loop waits with. */
enum bide_backend {
	BIDE_BACKEND_AUTO,     /**< $BIDE_BACKEND if set, else io_uring, else epoll */
	BIDE_BACKEND_IO_URING, /**< io_uring, opened at once; -ENOSYS where it is not built in or
	                            too old, -EPERM where it is not permitted */
	BIDE_BACKEND_EPOLL,
	BIDE_BACKEND_VIRTUAL /**< no kernel object; when nothing is ready time jumps to the next
	                            deadline, so that ten hours of sleeping take a millisecond */
};

/** How the frames of light tasks are kept. */
enum bide_light {
	BIDE_LIGHT_AUTO,   /**< $BIDE_LIGHT if set, else shared; strict in debug mode and under
	                        sanitizers */
	BIDE_LIGHT_SHARED, /**< on shared stacks, moved off when another task needs the stack */
	BIDE_LIGHT_STRICT, /**< each on a stack of its own that nobody can touch while it is parked:
	                        finds pointers into the frames of a suspended light task */
	BIDE_LIGHT_EVICT   /**< shared, moved off at every park and the old frames overwritten */
};

/** Options of a loop; all zero are the defaults. */
typedef struct bide_options {
	enum bide_backend backend; /**< what the loop waits with */
	enum bide_light light;     /**< how frames of light tasks are kept */
	size_t stack_size;         /**< bytes of a full stack: virtual, taken page by page as it is
	                                used; 0: 256 KiB; rounded up to pages, at least 16 KiB, at
	                                most 1 GiB */
	uint64_t seed;             /**< opening the loop seeds with it this thread's
	                                bide_uniform(), and shuffle; 0: it does not, and shuffle's
	                                is the system's */
	bool shuffle;              /**< runs ready tasks in a random order made from the seed, to
	                                find programs that rely on the order */
	bool debug;                /**< as BIDE_DEBUG=1 in the environment: strict light tasks, slow
	                                steps, of more than 100 ms, reported, a task that ignores
	                                its cancellation a thousand times in a row aborts */
	bool negative_results;     /**< a negative integer result is a result, not a failure */
} bide_options;

/** bide_run(fn, args…): runs fn(args…) as the main task on a loop of this thread's own, or on the
 *  one that it has opened, and returns its result.
 *
 *  On the way out every task still alive is cancelled and joined. While it runs on the process's
 *  first thread, and SIGINT has its default action, the first SIGINT cancels the main task and
 *  the second ends the process.
 *
 *  In the child of a fork the task that forked runs on, and no other: what would suspend returns
 *  -BIDE_EFORKED, until it opens a loop of its own, as by bide_run(). When it returns, this does.
 *
 *  If fn failed, was cancelled, or the loop could not be opened: the error if the result is a
 *  signed integer; else an all-zero result, and the failure is reported.
 *  Aborts when the thread runs a loop already. */
#define bide_run(...) BIDE__DO(_bide_call, BIDE__RUN, NULL, __VA_ARGS__)

/** int bide_try_run(options, ret, fn, args…): as bide_run(), with options and an error return.
 *
 *  @param options a const bide_options *, or NULL for the defaults.
 *  @param ret     where the result goes: a pointer to the type of fn's result, or NULL; untouched
 *                 on failure.
 *  @return 0, or the error that the main task or the opening of the loop ended with:
 *          -ECANCELED  the main task was cancelled (by SIGINT, too)
 *          -EDEADLK    every task waited, nothing could have woken any, and the main task ended
 *                      with that
 *          -EBUSY      options were given and this thread has an open loop, with its own
 *          -ENOMEM, -BIDE_EMAPS  there was no memory, or no guarded stack, for the main task
 *          others      of bide_loop_open(): the loop could not be opened. */
#define bide_try_run(options, ret, ...) \
	BIDE__TRY(bide__request_of(NULL, BIDE__IS(const bide_options, options), (ret), \
	                           BIDE__SIZEOF(ret), BIDE__CLASS_AT(ret)), \
	          __VA_ARGS__)

/** Opens a loop for this thread, to be run several times and closed.
 *
 *  @param options the options, or NULL for the defaults; copied.
 *  @param ret_loop gets the loop; untouched on failure.
 *  @return 0, or -ENOMEM; -EBUSY when this thread has a loop; -ENOSYS or -EPERM when the backend
 *          that was asked for is not to be had; -EINVAL for options, or a $BIDE_BACKEND, that
 *          mean nothing; -EMFILE when there are 4,096 loops, or no descriptor for io_uring. */
BIDE_API BIDE_CHECKED int bide_loop_open(const bide_options *options,
                                         bide_loop **ret_loop) BIDE__NOTHROW;

/** int bide_loop_run(loop, ret, fn, args…): runs fn(args…) as main task on an open loop; results
 *  and errors as of bide_try_run(). When it returns no task is left; the loop's clock goes on in
 *  the next run. Aborts when the loop runs or is another thread's. */
#define bide_loop_run(loop, ret, ...) \
	BIDE__TRY(bide__request_of(BIDE__IS(bide_loop, loop), NULL, (ret), BIDE__SIZEOF(ret), \
	                           BIDE__CLASS_AT(ret)), \
	          __VA_ARGS__)

/** Closes a loop and gives its memory back; NULL is no loop. Aborts when it runs or is another
 *  thread's. */
BIDE_API void bide_loop_close(bide_loop *loop) BIDE__NOTHROW;

/** Has @p fn(@p arg) called when the loop is closed, before anything of it has gone: for what a
 *  library keeps for each loop. The last one first; it must not suspend. Aborts when the loop is
 *  another thread's. @return 0 or -ENOMEM. */
BIDE_API BIDE_CHECKED int bide_loop_on_close(bide_loop *loop, bide_callback *fn,
                                             void *arg) BIDE__NOTHROW;

/** Returns this thread's loop, or NULL; that of the parent process is none. [threadsafe] */
BIDE_API bide_loop *bide_current_loop(void) BIDE__NOTHROW;

/** Returns the backend that the loop waits with: "io_uring", "epoll" or "virtual"; a loop that
 *  has waited for no descriptor yet names the one that it would try first. */
BIDE_API const char *bide_loop_backend(bide_loop *loop) BIDE__NOTHROW;

/** Keeps a loop's memory, and a run of it from being called a deadlock, while another thread may
 *  still call into it. The caller is the loop's thread or holds a reference already. To be balanced
 *  by bide_loop_unref(). [threadsafe] @return loop. */
BIDE_API bide_loop *bide_loop_ref(bide_loop *loop) BIDE__NOTHROW;

/** Gives a reference back. [threadsafe] */
BIDE_API void bide_loop_unref(bide_loop *loop) BIDE__NOTHROW;

/** Has the loop call @p fn(@p arg) on its own thread, at the beginning of a turn, in the order of
 *  the calls. [threadsafe]
 *
 *  The caller is the loop's thread or holds a reference to the loop. Calls made while the loop does
 *  not run are made in its next run; what is left when it is closed is dropped. Not for signal
 *  handlers.
 *  @return 0, or -ENOMEM; -BIDE_ELOOP when the loop has been closed. */
BIDE_API BIDE_CHECKED int bide_call_threadsafe(bide_loop *loop, bide_callback *fn,
                                               void *arg) BIDE__NOTHROW;

/** Suspends the task for @p seconds. [suspends]
 *
 *  Counts from bide_now() and wakes not earlier, measured by bide_now(); tasks that sleep from
 *  the same turn wake in the order of their deadlines, equal ones in the order of the calls.
 *  When the step before it computed for more than a millisecond (ten where the thread has met page
 *  faults, which may be what took so long) the turn's time is read afresh; below that a sleep can
 *  end early, by the wall, by the age of the turn's time. Where 64 or more
 *  timers are armed and due microseconds apart they fire in bundles, up to 0.5 ms late.
 *
 *  @param seconds 0 or less: one turn, as bide_yield(). INFINITY: until cancelled.
 *  @return 0, -EINVAL for NaN, -ENOMEM for lack of room for the timer or, in a light task, for its
 *          frames; or the cancellation. */
BIDE_API int bide_sleep(double seconds) BIDE__NOTHROW;

/** Suspends the task until bide_now() has reached @p time, in seconds on the loop's clock; if it
 *  has, as bide_yield(). [suspends] @return as of bide_sleep(). */
BIDE_API int bide_sleep_until(double time) BIDE__NOTHROW;

/** Lets every other ready task run once. [suspends] @return 0 or the cancellation. */
BIDE_API int bide_yield(void) BIDE__NOTHROW;

/** Returns the time at which the loop's turn began, in seconds on the loop's clock; without a loop,
 *  as bide_time(). [threadsafe] */
BIDE_API double bide_now(void) BIDE__NOTHROW;

/** Reads the loop's clock; without a loop, the monotonic clock. Seconds. [threadsafe] */
BIDE_API double bide_time(void) BIDE__NOTHROW;

BIDE__GLUE struct bide__request bide__request_of(const void *loop, const void *options, void *ret,
                                                 size_t ret_size, unsigned ret_class)
{
	struct bide__request request = { BIDE__RUN, (void *)loop, options, ret, ret_size, ret_class,
		                         0,         NULL,         { 0 } };
	return request;
}

#ifdef __cplusplus
}
#endif
#endif
