/* SPDX-License-Identifier: MIT */
/* select.h: what a select must know of the kinds of things that it can wait for. Each kind is
 * described where the thing itself is. */
#ifndef BIDE_CORE_SELECT_H
#define BIDE_CORE_SELECT_H

#include "core/loop.h"

struct bide__text;

/* What an arm points to is touched by `take` and `finish` only, and what is put by `wait`: they are
 * called while the task that selects runs. */
struct bide__arm {
	/* Aborts for an arm that breaks the contract; says whether it could be taken at once. May
	 * leave something for `take` in its rc. */
	bool (*ready)(bide_loop *loop, bide_arm *arm);

	/* Does what is ready to be done. Returns the arm's rc; -EAGAIN when it is not ready any
	 * more. */
	int (*take)(bide_loop *loop, const bide_arm *arm);

	/* Puts a stand-in where one waits for what is not ready, and sets its `wait` and `object`.
	 * Returns -EAGAIN; or the result when there is nothing to wait for after all, which is for
	 * `finish` if there is a `wait`, and else the arm's rc. */
	int (*wait)(bide_loop *loop, const bide_arm *arm, struct bide__task *stand_in);

	/* The stand-in was woken with a result: takes what it was given. Returns the arm's rc.
	 * NULL: that is the result. */
	int (*finish)(bide_loop *loop, const bide_arm *arm, struct bide__task *stand_in,
	              int result);
};

extern const struct bide__arm bide__arm_get, bide__arm_put, bide__arm_task, bide__arm_event,
	bide__arm_future, bide__arm_fd, bide__arm_sleep, bide__arm_until, bide__arm_send,
	bide__arm_receive, bide__arm_signals;

/* The name of the call, for messages. */
extern const char bide__select_call[];

/* What stands in for a parked task at the i-th arm of the select that it waits in; NULL if it waits
 * in none, or there are no more. Its `wait` is NULL when the arm does not wait. */
const struct bide__task *bide__select_arm(const struct bide__task *task, size_t i);

/* Adds " for the first of N: what each waits in" if the task, which is parked, waits in a
 * select. */
void bide__put_select_wait(struct bide__text *text, const struct bide__task *task);

#endif
