/* SPDX-License-Identifier: MIT */
/* bide/scope.h: cancellation: deadlines, cancel scopes, shields.
 *
 * Once a task or a scope around it is cancelled, every suspending call in it returns the
 * cancellation until the scope ends: -ETIMEDOUT when the outermost cancelled scope is a deadline,
 * else -ECANCELED. A block reports that it fired only if a call inside returned because of it.
 *
 * The blocks may be left by falling off their end, by break, goto, return, and in C++ by an
 * exception. Inside them `break` and `continue` belong to the block. Blocks nest; a function form
 * of each is to be closed in the reverse order of opening. */
#ifndef BIDE_SCOPE_H
#define BIDE_SCOPE_H

#include <bide/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A cancel scope, with or without a deadline. */
typedef struct bide_scope bide_scope;

/** BIDE_TIMEOUT(seconds) { … } and BIDE_TIMEOUT(seconds, rc) { … }: cancels what the block waits
 *  for when it has taken @p seconds.
 *
 *  Counts from the clock as it is when the block begins, and never fires early. 0 or less: the
 *  block is cancelled from the beginning; INFINITY: never, and the block costs next to nothing.
 *  @p rc (an int) gets, when the block is left, -ETIMEDOUT when the deadline fired and a call in
 *  the block returned because of it, else 0. -ENOMEM or, for NaN, -EINVAL: the block was
 *  skipped; without an rc that is reported. */
#define BIDE_TIMEOUT(...) \
	BIDE__APPLY(BIDE__CAT(BIDE__TIMEOUT_, BIDE__MANY(__VA_ARGS__)), __COUNTER__, __VA_ARGS__)

/** BIDE_TIMEOUT_AT(time) { … } and BIDE_TIMEOUT_AT(time, rc) { … }: the same, with a time on the
 *  loop's clock, as bide_now() gives it. */
#define BIDE_TIMEOUT_AT(...) \
	BIDE__APPLY(BIDE__CAT(BIDE__TIMEOUT_AT_, BIDE__MANY(__VA_ARGS__)), __COUNTER__, __VA_ARGS__)

/** BIDE_TIMEOUT_HERE(seconds, rc); the same from here to the end of the enclosing braces,
 *  outside of which rc is declared; break and continue keep their meaning, and a return takes
 *  the value that rc had before. On -ENOMEM or -EINVAL the rest is not skipped: rc has the error
 *  at once, and the rest runs without the deadline. */
#define BIDE_TIMEOUT_HERE(seconds, rc) BIDE__APPLY(BIDE__TIMEOUT_HERE, __COUNTER__, seconds, rc)

/** BIDE_SCOPE(scope) { … } and BIDE_SCOPE(scope, rc) { … }: a block that can be cancelled by
 *  bide_scope_cancel(scope), from inside it or from another task. @p rc as of BIDE_TIMEOUT, with
 *  -ECANCELED. */
#define BIDE_SCOPE(...) \
	BIDE__APPLY(BIDE__CAT(BIDE__SCOPE_, BIDE__MANY(__VA_ARGS__)), __COUNTER__, __VA_ARGS__)

/** BIDE_SHIELD { … }: holds off every cancellation from outside the block, for clean-up. Needs no
 *  memory and cannot fail. */
#define BIDE_SHIELD BIDE__APPLY(BIDE__SHIELD, __COUNTER__)

/** BIDE_NO_SUSPEND { … }: aborts when a suspending call is made inside, whether or not it would
 *  have to wait, and names it. */
#define BIDE_NO_SUSPEND BIDE__APPLY(BIDE__NO_SUSPEND, __COUNTER__)

/** Opens a cancel scope around what follows, until bide_scope_close().
 *
 *  @param seconds until its deadline; 0 or less: cancelled at once; INFINITY: none.
 *  @param ret_scope gets the scope; untouched on failure.
 *  @return 0, -ENOMEM, or -EINVAL for NaN. */
BIDE_API BIDE_CHECKED int bide_scope_open(double seconds, bide_scope **ret_scope) BIDE__NOTHROW;

/** Closes the innermost scope, which must be @p scope; aborts when it is not, or a shield inside it
 *  is open. @return 0, or the scope's code if a call inside returned because of it. */
BIDE_API int bide_scope_close(bide_scope *scope) BIDE__NOTHROW;

/** Cancels a scope: suspending calls inside return -ECANCELED. Idempotent. */
BIDE_API void bide_scope_cancel(bide_scope *scope) BIDE__NOTHROW;

/** Moves a scope's deadline to @p seconds from now, 0 or less: it fires at once, INFINITY: none. No
 *  effect on a scope that is cancelled already. @return 0, -ENOMEM, or -EINVAL for NaN. */
BIDE_API int bide_scope_reschedule(bide_scope *scope, double seconds) BIDE__NOTHROW;

/** Returns the time, in seconds on the loop's clock, at which the next deadline around the current
 *  task fires that no shield holds off; INFINITY when there is none; minus infinity when a
 *  cancellation is in force. Aborts outside tasks. */
BIDE_API double bide_deadline(void) BIDE__NOTHROW;

/** Holds off cancellation from outside until bide_shield_close(). Nests; aborts when 4,095 are open
 *  in one place, and outside tasks. */
BIDE_API void bide_shield_open(void) BIDE__NOTHROW;
BIDE_API void bide_shield_close(void) BIDE__NOTHROW; /**< Ends the innermost shield. */

/** Forbids suspension until bide_no_suspend_close(). Nests. */
BIDE_API void bide_no_suspend_open(void) BIDE__NOTHROW;
BIDE_API void bide_no_suspend_close(void) BIDE__NOTHROW; /**< Allows it again. */

/* ---- machinery of the blocks -------------------------------------------------------------- */

/* What a block keeps on the stack: touched only by its own running task. */
typedef struct bide__guard {
	void *record; /* in the loop's memory, or NULL when it could not be had, or is not needed */
	int *ret;     /* the user's rc, or NULL */
	int ended;    /* 1 when the block fell off its end, 0 when it is left in another way */
	int skip;     /* 1 when the block must not run */
} bide__guard;

BIDE_API bide__guard bide__timeout_enter(double seconds, int *ret_fired) BIDE__NOTHROW;
BIDE_API bide__guard bide__timeout_at_enter(double time, int *ret_fired) BIDE__NOTHROW;
BIDE_API bide__guard bide__scope_enter(int *ret_fired) BIDE__NOTHROW;
BIDE_API bide__guard bide__shield_enter(void) BIDE__NOTHROW;
BIDE_API bide__guard bide__no_suspend_enter(void) BIDE__NOTHROW;
BIDE_API void bide__scope_leave(bide__guard *guard) BIDE__NOTHROW;
BIDE_API void bide__shield_leave(bide__guard *guard) BIDE__NOTHROW;
BIDE_API void bide__no_suspend_leave(bide__guard *guard) BIDE__NOTHROW;

#define BIDE__HELD(leave) __attribute__((unused, cleanup(leave)))

/* A block is a loop of one round, so that the user's braces follow it. The outer loop swallows
 * break; the guard's cleanup runs whichever way the block is left. */
#define BIDE__BLOCK(n, leave, enter) \
	for (int bide__once##n = 1; bide__once##n; bide__once##n = 0) \
		for (bide__guard bide__guard##n BIDE__HELD(leave) = enter; \
		     bide__once##n && !bide__guard##n.skip; \
		     bide__once##n = 0, bide__guard##n.ended = 1)
#define BIDE__TIMEOUT_1(n, seconds) \
	BIDE__BLOCK(n, bide__scope_leave, bide__timeout_enter((seconds), NULL))
#define BIDE__TIMEOUT_2(n, seconds, rc) \
	BIDE__BLOCK(n, bide__scope_leave, bide__timeout_enter((seconds), &(rc)))
#define BIDE__TIMEOUT_AT_1(n, time) \
	BIDE__BLOCK(n, bide__scope_leave, bide__timeout_at_enter((time), NULL))
#define BIDE__TIMEOUT_AT_2(n, time, rc) \
	BIDE__BLOCK(n, bide__scope_leave, bide__timeout_at_enter((time), &(rc)))
#define BIDE__TIMEOUT_HERE(n, seconds, rc) \
	bide__guard bide__guard##n BIDE__HELD(bide__scope_leave) = \
		bide__timeout_enter((seconds), &(rc))
#define BIDE__SHIELD(n) BIDE__BLOCK(n, bide__shield_leave, bide__shield_enter())
#define BIDE__NO_SUSPEND(n) BIDE__BLOCK(n, bide__no_suspend_leave, bide__no_suspend_enter())

/* A block with a named record: one more loop of one round declares the name. */
#define BIDE__NAMED(n, type, name, leave, enter) \
	for (int bide__once##n = 1; bide__once##n; bide__once##n = 0) \
		for (bide__guard bide__guard##n BIDE__HELD(leave) = enter; \
		     bide__once##n && !bide__guard##n.skip; bide__once##n = 0) \
			for (type * name __attribute__((unused)) = (type *)bide__guard##n.record; \
			     bide__once##n; bide__once##n = 0, bide__guard##n.ended = 1)
#define BIDE__SCOPE_1(n, scope) \
	BIDE__NAMED(n, bide_scope, scope, bide__scope_leave, bide__scope_enter(NULL))
#define BIDE__SCOPE_2(n, scope, rc) \
	BIDE__NAMED(n, bide_scope, scope, bide__scope_leave, bide__scope_enter(&(rc)))

#ifdef __cplusplus
}
#endif
#endif
