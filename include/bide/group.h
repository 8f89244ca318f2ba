/* SPDX-License-Identifier: MIT */
/* bide/group.h: many tasks at once: groups, gather, as_completed, wait.
 *
 * A group joins all it spawned before its block is left, so that nothing outlives the code that
 * started it. It is a cancel scope around its body and its tasks: when one task fails, the
 * others and the body are cancelled. */
#ifndef BIDE_GROUP_H
#define BIDE_GROUP_H

#include <bide/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Options of a group; all zero are the defaults. */
typedef struct bide_group_options {
	size_t limit;      /**< how many of its tasks run at once, 0: all; the others wait for their
	                        turn in the order they were spawned */
	bool collect;      /**< a failure cancels nobody: results are looked at one by one. The
	                        group's rc is then the first failure, in the order of completion,
	                        that nobody took by an await */
	bool drop_results; /**< frees each task as it ends; bide_group_next() gives none. For groups
	                        that live long, as a server's */
} bide_group_options;

/** BIDE_GROUP(group) { … } and BIDE_GROUP(group, rc) { … }: a block that is not left before the
 *  tasks spawned in its group have ended. [suspends]
 *
 *  Falling off the end, and continue, wait for them; break, goto, return and, in C++, an exception
 *  cancel what still runs, then wait. @p rc (an int) gets, when the block is left, the first
 *  failure of a task or of a spawn, in the order in which they happened; if there is none, the code
 *  of a cancellation from outside that was in force when the end was reached or came while it
 *  waited; else 0, also after bide_group_cancel(). Without an rc a failure is reported, and so is
 *  each further one that nobody took. When the group itself finds no memory the block is skipped,
 *  with -ENOMEM. */
#define BIDE_GROUP(...) \
	BIDE__APPLY(BIDE__CAT(BIDE__GROUP_, BIDE__MANY(__VA_ARGS__)), __COUNTER__, __VA_ARGS__)

/** BIDE_GROUP_WITH(options, group) { … } and BIDE_GROUP_WITH(options, group, rc) { … }: the same,
 *  with a const bide_group_options *. */
#define BIDE_GROUP_WITH(options, ...) \
	BIDE__APPLY(BIDE__CAT(BIDE__GROUP_WITH_, BIDE__MANY(__VA_ARGS__)), __COUNTER__, options, \
	            __VA_ARGS__)

/** bide_task *bide_group_spawn(group, fn, args…): starts fn(args…) as a task of the group.
 *
 *  The task may be awaited, once; the group ends it otherwise. Any task of the loop may call this
 *  while the group is open. @return the task; NULL when it could not be made, as of bide_spawn():
 *  that is the group's error and cancels it. */
#define bide_group_spawn(group, ...) \
	BIDE__DO(_bide_start, BIDE__SPAWN_IN, BIDE__IS(bide_group, group), __VA_ARGS__)

/** Waits for the next task of the group to end. [suspends]
 *
 *  @return the task, lent: it may be awaited, once, until the group ends; each is given once, in
 *          the order of completion, but for those that somebody else takes. NULL: none is left, a
 *          call would be cancelled (bide_cancelled() tells), or, in a light task, there was no
 *          memory for its frames: then the group fails with -ENOMEM. */
BIDE_API bide_task *bide_group_next(bide_group *group) BIDE__NOTHROW;

/** Cancels what runs in the group, its body included, with -ECANCELED. Idempotent. */
BIDE_API void bide_group_cancel(bide_group *group) BIDE__NOTHROW;

/** Opens a group around what follows, until bide_group_close().
 *  @param options the options, or NULL; copied.
 *  @return 0 or -ENOMEM. */
BIDE_API BIDE_CHECKED int bide_group_open(const bide_group_options *options,
                                          bide_group **ret_group) BIDE__NOTHROW;

/** Waits until all tasks of the group have ended and frees it; the group must be the innermost
 *  scope. [suspends] @return what BIDE_GROUP gives as rc. */
BIDE_API int bide_group_close(bide_group *group) BIDE__NOTHROW;

/** int bide_gather(tasks, n, results): waits for all of the tasks and ends them. [suspends]
 *
 *  When one fails, or the caller is cancelled, the others are cancelled: all n have ended when it
 *  returns. One that somebody else cancels disturbs nobody.
 *  @param tasks   n tasks, each once, awaited by nobody else; a NULL is a spawn that could not be
 *                 made, for which the others are cancelled.
 *  @param results an array of n results, in the order of the tasks, or NULL; those of tasks
 *                 without a result are all zero.
 *  @return 0; the first failure in order of completion; without one -ENOMEM for a NULL or for lack
 *          of memory to wait, or the cancellation, the caller's or a task's. */
#define bide_gather(tasks, n, results) \
	bide__gather((tasks), (n), (results), BIDE__SIZEOF(results), BIDE__CLASS_AT(results), \
	             NULL, 0)

/** int bide_gather_collect(tasks, n, results, errors): as bide_gather(), but a failure cancels
 *  nobody. @param errors an array of n ints, or NULL: 0 or the error of each task, -ENOMEM for a
 *  NULL. @return how many ended without a result; the caller's cancellation if it stopped tasks;
 *  or -ENOMEM, the tasks having been cancelled, for lack of memory to wait. */
#define bide_gather_collect(tasks, n, results, errors) \
	bide__gather((tasks), (n), (results), BIDE__SIZEOF(results), BIDE__CLASS_AT(results), \
	             (errors), 1)

/** BIDE_AS_COMPLETED(task, tasks, n) { … }: runs its braces for each of the n tasks, in the order
 *  in which they end; break and continue are those of a loop. [suspends]
 *
 *  The task may be awaited, not before it has come; those that are not remain the caller's. The
 *  loop ends early when the caller is cancelled (bide_cancelled() tells) or memory runs out
 *  (-ENOMEM is reported). */
#define BIDE_AS_COMPLETED(task, tasks, n) \
	BIDE__APPLY(BIDE__AS_COMPLETED, __COUNTER__, task, tasks, n)

/** An iteration over tasks as they end: what BIDE_AS_COMPLETED keeps. */
typedef struct bide_completion bide_completion;

/** Begins one; the handles are copied. NULLs among them are skipped. @return 0 or -ENOMEM. */
BIDE_API BIDE_CHECKED int bide_completion_open(bide_task *const *tasks, size_t n,
                                               bide_completion **ret_it) BIDE__NOTHROW;
/** Waits for the next one to end. [suspends] @return it, or NULL: none left, or cancelled, or, in a
 *  light task, no memory for its frames, which is reported. */
BIDE_API bide_task *bide_completion_next(bide_completion *it) BIDE__NOTHROW;
/** Ends the iteration; the tasks run on. NULL is none. */
BIDE_API void bide_completion_close(bide_completion *it) BIDE__NOTHROW;

/** What bide_wait() waits for. */
enum bide_wait_until {
	BIDE_FIRST_COMPLETED, /**< one of the tasks has ended */
	BIDE_FIRST_FAILED,    /**< one has failed, or all have ended */
	BIDE_ALL              /**< all have ended */
};

/** Waits for tasks without ending or cancelling any. Does not suspend when what it waits for has
 *  come. [suspends]
 *
 *  @param tasks n tasks, each once, awaited by nobody else; NULLs are skipped.
 *  @return how many of them have ended; -EINVAL when @p until is none of the three; -ENOMEM; or the
 *          cancellation. */
BIDE_API int bide_wait(bide_task *const *tasks, size_t n, enum bide_wait_until until) BIDE__NOTHROW;

/* ---- machinery of the blocks -------------------------------------------------------------- */

BIDE_API int bide__gather(bide_task *const *tasks, size_t n, void *results, size_t size,
                          unsigned cls, int *errors, int collect) BIDE__NOTHROW;
BIDE_API bide__guard bide__group_enter(const bide_group_options *options,
                                       int *ret_error) BIDE__NOTHROW;
BIDE_API void bide__group_leave(bide__guard *guard) BIDE__NOTHROW;
BIDE_API bide__guard bide__completion_enter(bide_task *const *tasks, size_t n) BIDE__NOTHROW;
BIDE_API void bide__completion_leave(bide__guard *guard) BIDE__NOTHROW;

#define BIDE__GROUP(n, options, group, p) \
	BIDE__NAMED(n, bide_group, group, bide__group_leave, bide__group_enter(options, p))
#define BIDE__GROUP_1(n, group) BIDE__GROUP(n, NULL, group, NULL)
#define BIDE__GROUP_2(n, group, rc) BIDE__GROUP(n, NULL, group, &(rc))
#define BIDE__GROUP_WITH_1(n, options, group) BIDE__GROUP(n, options, group, NULL)
#define BIDE__GROUP_WITH_2(n, options, group, rc) BIDE__GROUP(n, options, group, &(rc))
#define BIDE__AS_COMPLETED(n, task, tasks, count) \
	for (int bide__once##n = 1; bide__once##n; bide__once##n = 0) \
		for (bide__guard bide__guard##n BIDE__HELD(bide__completion_leave) = \
		             bide__completion_enter(tasks, count); \
		     bide__once##n; bide__once##n = 0) \
			for (bide_task * task; \
			     (task = bide_completion_next( \
				      (bide_completion *)bide__guard##n.record));)

#ifdef __cplusplus
}
#endif
#endif
