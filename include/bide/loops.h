/* SPDX-License-Identifier: MIT */
/* bide/loops.h: several loops, each on a thread of its own: one on each processor, and calls from
 * one to another.
 *
 * A loop runs its tasks one at a time, on one thread. A program that has more to do than one
 * processor can runs several, and splits the work:
 *
 *     BIDE_ASYNC(int, serve, int);
 *
 *     int rc = bide_run_on_cores(0, serve, port);    // serve(port) on every processor
 *
 * Each of these loops has tasks of its own, which never move. What belongs to a loop is used on its
 * thread alone; what loops share by themselves needs locks or atomics, as between any threads. What
 * may cross is a call: a function that runs as a task of another loop, and whose result comes back.
 * Arguments and result are copied.
 *
 *     BIDE_ASYNC(long, balance_of, int);
 *
 *     long now = bide_to_loop(accounts, balance_of, 7);                 // waits here
 *     bide_task *task = bide_spawn_on(accounts, balance_of, 7);         // and here it need not:
 *     now = bide_await(long, task);
 *
 * Who calls must know that the loop's record is there: as a SIBLING of bide_core_loop(), by
 * bide_loop_ref(), or as he has run it himself. The call keeps it from then on. */
#ifndef BIDE_LOOPS_H
#define BIDE_LOOPS_H

#include <bide/loop.h>
#include <bide/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- a loop a core ------------------------------------------------------------------------ */

/** int bide_run_on_cores(n, fn, args…): runs fn(args…) as the main task on each of @p n loops, each
 *  on a thread of its own, and returns when all have ended.
 *
 *  The calling thread has loop 0; the others are started, and joined before the call returns. Each
 *  is tied to one of the processors that the calling thread may use, as far as the system lets it:
 *  loop 0 to the one that it is on, the next to the next, and around. The calling thread is set
 *  free again at the end. All loops are opened before fn begins in any of them; they have the
 *  default options.
 *
 *  They fail as a group does: the first main task to fail cancels those of the others, which are
 *  waited for. The first SIGINT, where bide_run() would see to it, cancels the main tasks of all.
 *  Results other than errors are dropped; a main task that was cancelled by itself has not failed.
 *
 *  Arguments are copied for each loop; what they point to is shared by all.
 *
 *  @param n  how many loops, an unsigned; 0: as many as there are processors that the thread may
 *            use.
 *  @return 0, or the first error in order of completion:
 *          -ECANCELED  SIGINT came, and a main task ended with the cancellation
 *          -EDEADLK    every task of a loop waited, and nothing could have woken any, on this loop
 *                      or on the others
 *          -EINVAL     n is more than 4,096
 *          -EBUSY      this thread has an open loop
 *          what a main task failed with; or, when a thread or a loop could not be had, and fn has
 *          begun in none:
 *          -EAGAIN, -ENOMEM, -BIDE_EMAPS, -EMFILE, or others of bide_loop_open().
 *  Aborts when the thread runs a loop already. */
#define bide_run_on_cores(n, ...) BIDE__TRY(bide__request_on_cores(n), __VA_ARGS__)

/** Returns which of these loops this thread runs, from 0 on; 0 where it runs none. [threadsafe] */
BIDE_API unsigned bide_core_number(void) BIDE__NOTHROW;

/** Returns how many they are; 0 where this thread runs none of them. [threadsafe] */
BIDE_API unsigned bide_core_count(void) BIDE__NOTHROW;

/** Returns one of these loops, for calls that may be made from other threads; NULL where this
 *  thread runs none of them, or there is none of that number. [threadsafe]
 *
 *  It is there for its siblings until bide_run_on_cores() returns; when its main task has ended,
 *  and with it the loop, calls into it fail with -BIDE_ELOOP. Other threads need a reference, by
 *  bide_loop_ref(). In the child of a fork there is none. */
BIDE_API bide_loop *bide_core_loop(unsigned number) BIDE__NOTHROW;

/* ---- calls from one to another ------------------------------------------------------------ */

/** R bide_to_loop(loop, fn, args…): runs fn(args…) as a task of another loop and returns its
 *  result. [threadsafe] In a task it [suspends]; on a thread without a loop it blocks the thread.
 *
 *  The task begins in the loop's next turn or, if the loop does not run, in its next run, and
 *  stands in no scope. A cancellation cancels that task and waits for its end. What arguments point
 *  to must stay until the call returns, and be safe to use from another thread.
 *
 *  Without a result R gets the error if it is int, long or long long; any other R is all zero, and
 *  the error is reported unless it is the caller's cancellation. The errors are those of
 *  bide_try_to_loop(). Aborts when a light task gives an argument that points into its own stack,
 *  and on a thread that has a loop outside tasks. */
#define bide_to_loop(loop, ...) \
	BIDE__DO(_bide_call, BIDE__TO_LOOP, BIDE__IS(bide_loop, loop), __VA_ARGS__)

/** int bide_try_to_loop(loop, ret, fn, args…): as bide_to_loop(), with an error return.
 *
 *  @param ret where the result goes: a pointer to the type of fn's result, or NULL; untouched on
 *             failure.
 *  @return 0, or the error:
 *          -BIDE_ELOOP  the loop has been closed, also before the task began; or its run ended,
 *                       and cancelled the task; or it is the parent's, in the child of a fork
 *          -ENOMEM, -BIDE_EMAPS  there was no memory, or no guarded stack, for the task
 *          what the task failed with, by bide_fail() or a negative int, long or long long
 *          or the caller's cancellation. */
#define bide_try_to_loop(loop, ret, ...) \
	BIDE__TRY(bide__loop_request(BIDE__IS(bide_loop, loop), (ret), BIDE__SIZEOF(ret), \
	                             BIDE__CLASS_AT(ret)), \
	          __VA_ARGS__)

/** bide_task *bide_spawn_on(loop, fn, args…): starts fn(args…) as a task of another loop, as
 *  bide_to_loop(), and returns a task of this thread's loop that stands for it: it ends when that
 *  does, with its result or its error, and its cancellation is handed on. It is awaited, joined or
 *  detached as any other, on this loop.
 *
 *  @return the task; or NULL for lack of memory, or from a loop that has been closed: awaiting NULL
 *          gives the error. Aborts when no loop runs on this thread: others call bide_to_loop(), or
 *          bide_call_threadsafe() if they need not wait. */
#define bide_spawn_on(loop, ...) \
	BIDE__DO(_bide_start, BIDE__SPAWN_ON, BIDE__IS(bide_loop, loop), __VA_ARGS__)

/* ---- machinery of the macros -------------------------------------------------------------- */

BIDE__GLUE struct bide__request bide__loop_request(void *loop, void *ret, size_t ret_size,
                                                   unsigned ret_class)
{
	struct bide__request request = { BIDE__TO_LOOP, loop, NULL, ret,  ret_size,
		                         ret_class,     0,    NULL, { 0 } };
	return request;
}

BIDE__GLUE struct bide__request bide__request_on_cores(unsigned n)
{
	struct bide__request request = { BIDE__ON_CORES, NULL, NULL, NULL, 0, 0, n, NULL, { 0 } };
	return request;
}

#ifdef __cplusplus
}
#endif
#endif
