/* SPDX-License-Identifier: MIT */
/* bide/task.h: tasks: started by bide_spawn(), ended by exactly one of bide_await(),
 * bide_try_await(), bide_join(), bide_wait_for(), bide_gather(), bide_detach() or their group.
 *
 * A task FAILS when it calls bide_fail(), or when it returns an int, long or long long from
 * -8191 to -1. It counts as CANCELLED when a cancellation was asked for and delivered to it and
 * it ended with that error, or without a result because its function returns void. A failure that
 * nobody retrieved goes to the report handler; a cancellation does not. */
#ifndef BIDE_TASK_H
#define BIDE_TASK_H

#include <bide/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A group of tasks; see bide/group.h. */
typedef struct bide_group bide_group;

/** Options of a task; all zero are the defaults. */
typedef struct bide_task_options {
	const char *name;  /**< for messages and tools, copied; NULL: the function's name */
	size_t stack_size; /**< bytes of a full stack, 16 KiB to 1 GiB, 0: the loop's; light tasks
	                        ignore it. A loop has at most 256 different sizes */
	bide_group *group; /**< the group that the task belongs to, or NULL */
	bool optional;     /**< a task that cannot be made is no failure of its group */
} bide_task_options;

/** bide_task *bide_spawn(fn, args…): starts fn(args…) as a task and returns at once.
 *
 *  The task first runs when the caller suspends. It inherits the caller's task-local values and,
 *  outside a group, no scope of the caller's. What its arguments point to must live as long as it
 *  uses that.
 *  @return the task, to be ended by one of the calls above; NULL when it could not be made, and
 *          awaiting NULL gives the error: -ENOMEM, -BIDE_EMAPS when a stack could not be guarded,
 *          -EINVAL for a stack size beyond 1 GiB. Aborts when no loop runs on this thread, or when
 *          the caller is a light task and an argument points into its stack. */
#define bide_spawn(...) BIDE__DO(_bide_start, BIDE__SPAWN, NULL, __VA_ARGS__)

/** bide_task *bide_spawn_with(options, fn, args…): as bide_spawn(), with a
 *  const bide_task_options *, or NULL for the defaults; copied. */
#define bide_spawn_with(options, ...) \
	BIDE__DO(_bide_start, BIDE__SPAWN_WITH, BIDE__IS(const bide_task_options, options), \
	         __VA_ARGS__)

/** R bide_await(R, task): waits for the task, ends it and returns its result. [suspends]
 *
 *  R is the result type of the task's function, checked by class and size. If the task ended
 *  without a result, or is NULL, an R that is int, long or long long gets the error; any other R
 *  is all zero, and a failure is reported unless the task's group knows of it. A task that has
 *  ended already gives its result without suspending. When the caller is cancelled it cancels
 *  the task and goes on waiting for its end. Aborts when the task is the caller, has an awaiter,
 *  was detached, or waits for the caller. */
#define bide_await(R, task) BIDE__APPLY(BIDE__AWAIT, BIDE__IS_VOID(R), R, task, __COUNTER__)

/** int bide_try_await(task, ret): waits for the task and ends it. [suspends]
 *
 *  @param ret gets the result: a pointer to the type of the function's result, or NULL; untouched
 *             on failure.
 *  @return 0, or the error that the task ended with; -ENOMEM for a NULL task; the caller's own
 *          cancellation when the task was cancelled because of that. */
#define bide_try_await(task, ret) \
	bide__try_await((task), (ret), BIDE__SIZEOF(ret), BIDE__CLASS_AT(ret))

/** Waits for the task, ends it and drops its result. [suspends]
 *  @return as of bide_try_await(). */
BIDE_API int bide_join(bide_task *task) BIDE__NOTHROW;

/** int bide_wait_for(task, seconds, ret): as bide_try_await(), and cancels the task when it has
 *  not ended after @p seconds, at once if they are 0 or less; it still waits for its end.
 *  [suspends]
 *  @return as of bide_try_await(); -ETIMEDOUT when the time ran out and the task was cancelled;
 *          -EINVAL when @p seconds is NaN and -ENOMEM when there was no memory for the deadline:
 *          the task was cancelled and has ended, as always. */
#define bide_wait_for(task, seconds, ret) \
	bide__wait_for((task), (seconds), (ret), BIDE__SIZEOF(ret), BIDE__CLASS_AT(ret))

/** Ends the handle and lets the task run on; the end of the run cancels and joins it. A failure
 *  is reported. NULL is no task; a group's task is left to its group. Aborts when the task is
 *  awaited, was detached, or is the main task. */
BIDE_API void bide_detach(bide_task *task) BIDE__NOTHROW;

/** Asks a task to stop: every suspending call in it returns -ECANCELED from now on, until it ends
 *  or a shield holds that off. Idempotent; a task that has ended is left alone.
 *  @return 1 if this asked, 0 if that had been done or the task has ended. */
BIDE_API int bide_cancel(bide_task *task) BIDE__NOTHROW;

/** Makes the current task fail with @p error, whatever it returns afterwards.
 *  @param error an error code from -8191 to -1; anything else counts as -EINVAL.
 *  @return the error. */
BIDE_API int bide_fail(int error) BIDE__NOTHROW;

/** Tells whether a suspending call would now return a cancellation. Does not suspend.
 *  @return 0, also outside tasks; -ECANCELED, -ETIMEDOUT, or -EDEADLK after a deadlock. */
BIDE_API int bide_cancelled(void) BIDE__NOTHROW;

/** What a task does. */
enum bide_state {
	BIDE_STATE_READY,   /**< waits for its turn to run */
	BIDE_STATE_RUNNING, /**< the current task */
	BIDE_STATE_WAITING, /**< suspended until something happens */
	BIDE_STATE_DONE     /**< ended, its result not yet taken */
};

/** Returns what the task does. */
BIDE_API enum bide_state bide_task_state(bide_task *task) BIDE__NOTHROW;

/** Tells whether the task has ended. */
BIDE_API bool bide_task_done(bide_task *task) BIDE__NOTHROW;

/** Tells whether the task has ended by cancellation. */
BIDE_API bool bide_task_cancelled(bide_task *task) BIDE__NOTHROW;

/** Returns the error that the task ended with, 0 when it has a result; -EINPROGRESS when it has
 *  not ended. Does not retrieve a failure. */
BIDE_API int bide_task_error(bide_task *task) BIDE__NOTHROW;

/** Returns the task's name: its own, or its function's. Valid until the task is renamed or its
 *  handle is ended. */
BIDE_API const char *bide_task_name(bide_task *task) BIDE__NOTHROW;

/** Names a task, for messages and tools. @param name is copied; NULL: the function's name again.
 *  @return 0 or -ENOMEM: then the old name stays. */
BIDE_API int bide_task_set_name(bide_task *task, const char *name) BIDE__NOTHROW;

/** Returns the name of the type of what a handle refers to, read from the task's own descriptor:
 *  "bide_task". */
BIDE_API const char *bide_task_type(bide_task *task) BIDE__NOTHROW;

/** Has @p fn(@p arg, task) called when the task ends, in the order of the calls; at once when it
 *  has. That is before whoever waits for the task goes on. The function must not suspend; it may
 *  detach the task, and end it in no other way.
 *  @return 0 or -ENOMEM. */
BIDE_API int bide_task_on_done(bide_task *task, void (*fn)(void *arg, bide_task *task),
                               void *arg) BIDE__NOTHROW;

/** Returns the running task, or NULL outside tasks. */
BIDE_API bide_task *bide_current_task(void) BIDE__NOTHROW;

/** Lists the tasks of this thread's loop that have not ended, lowest number first.
 *
 *  @param tasks room for @p cap handles, or NULL.
 *  @return how many there are; at most @p cap of them were written. */
BIDE_API size_t bide_all_tasks(bide_task **tasks, size_t cap) BIDE__NOTHROW;

/** A task-local variable: a value that each task has for itself and that the tasks it spawns
 *  inherit, as Python's contextvars.ContextVar. Static storage; its address is its identity. */
typedef struct bide_local {
	void (*destroy)(void *value); /**< called when no task holds a value any longer, or NULL;
	                                   must not suspend */
} bide_local;

/** Sets the current task's value of @p local; the tasks it has spawned keep the old one. An old
 *  value may be kept, unused, until the handle of the task is ended. Aborts outside tasks.
 *  @return 0, or -ENOMEM: then the old value stays and @p value remains the caller's. */
BIDE_API int bide_local_set(const bide_local *local, void *value) BIDE__NOTHROW;

/** Returns the current task's value of @p local; NULL if none was set, and outside tasks. */
BIDE_API void *bide_local_get(const bide_local *local) BIDE__NOTHROW;

/** Aborts with a sentence when the current task is a light one; for functions that let others point
 *  into their frames. @param why what needs a full stack, for the sentence. */
BIDE_API void bide_require_full(const char *why) BIDE__NOTHROW;

BIDE_API void bide__await(bide_task *task, void *ret, size_t ret_size, unsigned ret_class,
                          const char *type) BIDE__NOTHROW;
BIDE_API int bide__try_await(bide_task *task, void *ret, size_t ret_size,
                             unsigned ret_class) BIDE__NOTHROW;
BIDE_API int bide__wait_for(bide_task *task, double seconds, void *ret, size_t ret_size,
                            unsigned ret_class) BIDE__NOTHROW;

#define BIDE__AWAIT_1(R, task, result) bide__await((task), NULL, 0, 0, "void")
#define BIDE__AWAIT_0(R, task, result) \
	__extension__({ \
		R result; \
		bide__await((task), &result, sizeof(R), \
		            BIDE__CLASS(result) | BIDE__SIGNED(R) << 8, #R); \
		result; \
	})
#define BIDE__AWAIT(V, R, task, n) BIDE__CAT(BIDE__AWAIT_, V)(R, task, BIDE__CAT(bide__result, n))

#ifdef __cplusplus
}
#endif
#endif
