/* SPDX-License-Identifier: MIT */
/* bide/loops.h: several loops, each on a thread of its own, and calls from one to another.
 *
 * A task stays on its loop, and what belongs to a loop is used on its thread alone. What may cross
 * is a call: a function that runs as a task of another loop, on that loop's thread, and whose
 * result comes back. Arguments and result are copied.
 *
 *     BIDE_ASYNC(long, balance_of, int);
 *
 *     long now = bide_to_loop(accounts, balance_of, 7);                 // waits here
 *     bide_task *task = bide_spawn_on(accounts, balance_of, 7);         // and here it need not:
 *     now = bide_await(long, task);
 *
 * Who calls must know that the loop's record is there: by bide_loop_ref(), or as he has run it
 * himself. The call keeps it from then on. */
#ifndef BIDE_LOOPS_H
#define BIDE_LOOPS_H

#include <bide/task.h>

#ifdef __cplusplus
extern "C" {
#endif

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
 *                       and cancelled the task
 *          -ENOMEM, -BIDE_EMAPS  there was no memory, or no guarded stack, for the task
 *          -EOWNERDEAD  the process was forked meanwhile, and this is the child: other loops stay
 *                       with the parent
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
	struct bide__request request = { BIDE__TO_LOOP, loop, NULL, ret, ret_size, ret_class };
	return request;
}

#ifdef __cplusplus
}
#endif
#endif
