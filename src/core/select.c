// SPDX-License-Identifier: MIT
/* select.c: see select.h and bide/select.h.
 *
 * A parked task is on one list at most, so each arm waits by a stand-in of its own, in a record of
 * the loop's memory. The first that is woken wins: at that moment the others are taken off what
 * they wait on, as a cancellation would take them. So nobody can hand anything to a second one.
 *
 * An arm whose wait lasts to its end (a descriptor, which the backend must let go of) is only asked
 * to end: the task goes on when all are gone. Only with such an arm does the task's own wait last
 * to its end, too. */
#include "core/select.h"

#include "core/message.h"

#include <errno.h>
#include <limits.h>

const char bide__select_call[] = "bide_select";

struct arm {
	struct bide__stand_in waits; /* in the task's place */
	struct select *select;       /* that it belongs to */
	bide_arm what;               /* a copy of the caller's */
	bool waiting;                /* the stand-in is where one waits */
};

struct select {
	struct bide__task *task; /* that waits for an arm */
	struct arm *winner;      /* NULL: none yet */
	int result;              /* what that was woken with */
	bool over;               /* the others have been told to end */
	size_t waiting;          /* arms whose stand-ins wait, and 1 while they are being told */
	size_t n;
	struct arm arms[];
};

static const struct bide__arm *kind_of(const bide_arm *arm)
{
	static const struct bide__arm *const kinds[] = {
		[BIDE__ARM_GET] = &bide__arm_get,         [BIDE__ARM_PUT] = &bide__arm_put,
		[BIDE__ARM_TASK] = &bide__arm_task,       [BIDE__ARM_EVENT] = &bide__arm_event,
		[BIDE__ARM_FUTURE] = &bide__arm_future,   [BIDE__ARM_FD] = &bide__arm_fd,
		[BIDE__ARM_SLEEP] = &bide__arm_sleep,     [BIDE__ARM_UNTIL] = &bide__arm_until,
		[BIDE__ARM_SEND] = &bide__arm_send,       [BIDE__ARM_RECEIVE] = &bide__arm_receive,
		[BIDE__ARM_SIGNALS] = &bide__arm_signals,
	};
	if ((size_t)arm->kind >= sizeof(kinds) / sizeof(kinds[0]))
		bide__abort(bide__select_call, "an arm is none");
	return kinds[arm->kind];
}

/* ---- what is ready ------------------------------------------------------------------------ */

/* One of the arms that are ready, each as likely as any other; -EAGAIN when none is. */
static int choose(bide_loop *loop, bide_arm *arms, size_t n)
{
	int chosen = -EAGAIN;
	uint64_t ready = 0;
	for (size_t i = 0; i < n; i++) {
		const struct bide__arm *kind = kind_of(&arms[i]);
		if (kind == NULL || !kind->ready(loop, &arms[i]))
			continue;
		ready++;
		if (ready == 1 || bide__random_below(&loop->random, ready) == 0)
			chosen = (int)i;
	}
	return chosen;
}

/* Another thread may be faster at a channel. */
static int take_ready(bide_loop *loop, bide_arm *arms, size_t n)
{
	int chosen, rc = -EAGAIN;
	while (rc == -EAGAIN && (chosen = choose(loop, arms, n)) >= 0)
		rc = kind_of(&arms[chosen])->take(loop, &arms[chosen]);
	if (chosen >= 0)
		arms[chosen].rc = rc;
	return chosen;
}

/* ---- waiting ------------------------------------------------------------------------------ */

static void end_arm(bide_loop *loop, struct arm *arm)
{
	struct bide__task *stand_in = &arm->waits.task;
	const struct bide__wait *wait = stand_in->wait;
	if (wait->cut == NULL) {
		wait->pass_on(loop, stand_in);
		return;
	}
	wait->cut(loop, stand_in);
	arm->waiting = false;
	arm->select->waiting--;
}

static void end_arms(bide_loop *loop, struct select *select)
{
	if (select->over)
		return;
	select->over = true;
	select->waiting++;
	for (size_t i = 0; i < select->n; i++)
		if (select->arms[i].waiting)
			end_arm(loop, &select->arms[i]);
	select->waiting--;
}

/* The first one wins, and one that had completed before it could be told to end. */
static void win(struct select *select, struct arm *arm, int result)
{
	if (select->winner != NULL || result == BIDE__CUT)
		return;
	select->winner = arm;
	select->result = result;
}

static void wake_if_over(bide_loop *loop, struct select *select)
{
	if (select->over && select->waiting == 0)
		bide__wake(loop, select->task, select->winner != NULL ? 0 : BIDE__CUT);
}

static void woken(bide_loop *loop, struct bide__stand_in *stand_in, int result)
{
	struct arm *arm = BIDE__CONTAINER(stand_in, struct arm, waits);
	struct select *select = arm->select;
	arm->waiting = false;
	select->waiting--;
	win(select, arm, result);
	end_arms(loop, select);
	wake_if_over(loop, select);
}

/* The task has been cancelled, and is woken by who calls. */
static void cut_select(bide_loop *loop, struct bide__task *task)
{
	end_arms(loop, task->object);
}

static void pass_on(bide_loop *loop, struct bide__task *task)
{
	struct select *select = task->object;
	if (select->over)
		return;
	end_arms(loop, select);
	wake_if_over(loop, select);
}

static const struct bide__wait wait_select = { bide__select_call, cut_select, NULL };
static const struct bide__wait wait_long = { bide__select_call, NULL, pass_on };

/* Returns whether the arm waits; one that does not has won. */
static bool begin_arm(bide_loop *loop, struct select *select, struct arm *arm)
{
	const struct bide__arm *kind = kind_of(&arm->what);
	if (kind == NULL)
		return true;
	bide__stand_in_init(&arm->waits, select->task, woken);
	int rc = kind->wait(loop, &arm->what, &arm->waits.task);
	arm->waiting = rc == -EAGAIN;
	select->waiting += arm->waiting;
	if (!arm->waiting)
		win(select, arm, rc);
	return arm->waiting;
}

/* What was won before the task could wait is seldom a stand-in's. */
static int finish(bide_loop *loop, struct arm *arm, int result)
{
	const struct bide__arm *kind = kind_of(&arm->what);
	if (kind->finish == NULL || arm->waits.task.wait == NULL)
		return result;
	return kind->finish(loop, &arm->what, &arm->waits.task, result);
}

static size_t size_of(size_t n)
{
	return sizeof(struct select) + n * sizeof(struct arm);
}

static struct select *new_select(bide_loop *loop, const bide_arm *arms, size_t n)
{
	struct select *select = bide__block_new(&loop->pool, size_of(n));
	if (select == NULL)
		return NULL;
	*select = (struct select){ .task = loop->current, .n = n };
	for (size_t i = 0; i < n; i++)
		select->arms[i] = (struct arm){ .select = select, .what = arms[i] };
	return select;
}

/* Waits until an arm has won and all are gone. Returns 0, or why none has. */
static int park(bide_loop *loop, struct select *select)
{
	bool all_wait = true, lasting = false;
	for (size_t i = 0; i < select->n && all_wait; i++) {
		struct arm *arm = &select->arms[i];
		all_wait = begin_arm(loop, select, arm);
		lasting |= arm->waiting && arm->waits.task.wait->cut == NULL;
	}
	if (!all_wait)
		end_arms(loop, select);
	if (!all_wait && select->waiting == 0)
		return 0;
	return bide__park(loop, lasting ? &wait_long : &wait_select, select);
}

static int wait_for_first(bide_loop *loop, bide_arm *arms, size_t n)
{
	struct select *select = new_select(loop, arms, n);
	if (select == NULL)
		return -ENOMEM;
	int rc = park(loop, select);
	if (rc == 0) {
		struct arm *winner = select->winner;
		rc = (int)(winner - select->arms);
		arms[rc].rc = finish(loop, winner, select->result);
	}
	bide__block_free(&loop->pool, select, size_of(n));
	return rc;
}

/* ---- the calls ---------------------------------------------------------------------------- */

/* What may be ready for ever: whoever selects it in a loop must not starve the others. */
static bool stays_ready(const bide_arm *arm)
{
	return arm->kind == BIDE__ARM_FD || arm->kind == BIDE__ARM_SLEEP ||
	       arm->kind == BIDE__ARM_UNTIL;
}

int bide_select(bide_arm *arms, size_t n)
{
	const struct bide__task *task = bide__suspending(&wait_select);
	bide_loop *loop = bide__loop;
	if (n > INT_MAX)
		return -EINVAL;
	if (task->flags & BIDE__TASK_PENDING)
		return bide__refuse(loop, &wait_select);
	int chosen = take_ready(loop, arms, n);
	if (chosen == -EAGAIN)
		return wait_for_first(loop, arms, n);
	if (stays_ready(&arms[chosen]))
		bide__yield(loop);
	return chosen;
}

int bide_try_select(bide_arm *arms, size_t n)
{
	bide_loop *loop = bide__loop;
	if (loop == NULL)
		bide__abort("bide_try_select", "no loop on this thread");
	return n > INT_MAX ? -EINVAL : take_ready(loop, arms, n);
}

/* ---- looking at one ----------------------------------------------------------------------- */

const struct bide__task *bide__select_arm(const struct bide__task *task, size_t i)
{
	const struct select *select = task->object;
	if (task->state != BIDE__WAITING ||
	    (task->wait != &wait_select && task->wait != &wait_long) || i >= select->n)
		return NULL;
	return &select->arms[i].waits.task;
}

void bide__put_select_wait(struct bide__text *text, const struct bide__task *task)
{
	size_t n = 0;
	while (bide__select_arm(task, n) != NULL)
		n++;
	if (n == 0)
		return;
	bide__put(text, " for the first of ");
	bide__put_number(text, n);
	for (size_t i = 0; i < n; i++) {
		const struct bide__wait *wait = bide__select_arm(task, i)->wait;
		bide__put(text, i == 0 ? ": " : ", ");
		bide__put(text, wait != NULL ? wait->name : "nothing");
	}
}
