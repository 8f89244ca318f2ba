// SPDX-License-Identifier: MIT
/* scope.c: opening and closing scopes, shields, BIDE_NO_SUSPEND. What a cancellation is in force
 * and how it spreads is cancel.c's. */
#include "core/scope.h"

#include "core/cancel.h"
#include "core/message.h"
#include "core/time.h"

#include <errno.h>
#include <math.h>

static struct bide__task *current(const char *call)
{
	bide_loop *loop = bide__loop;
	if (loop == NULL || loop->current == NULL)
		bide__abort(call, "there is no task to open it in");
	return loop->current;
}

/* ---- deadlines ---------------------------------------------------------------------------- */

/* Arms a scope's deadline. One that has passed cancels at once, so that the first suspension
 * inside tells. The clock is read afresh: a deadline never fires early. */
static int arm(bide_loop *loop, struct bide_scope *scope, struct bide__deadline deadline)
{
	if (deadline.ns != UINT64_MAX && bide__timers_reserve(&loop->timers, loop->now_ns) < 0)
		return -ENOMEM;
	bide__timers_disarm(&loop->timers, &scope->timer);
	scope->deadline_ns = deadline.ns;
	if (deadline.ns == UINT64_MAX)
		return 0;
	scope->timer.kind = BIDE__TIMER_SCOPE;
	scope->fraction = deadline.fraction;
	bide__timers_arm(&loop->timers, &scope->timer, deadline.ns);
	return 0;
}

static struct bide__deadline in_seconds(const bide_loop *loop, double seconds)
{
	if (isinf(seconds) && seconds > 0)
		return (struct bide__deadline){ UINT64_MAX, 0 };
	if (seconds > 0)
		return bide__after(bide__clock(loop), seconds);
	return (struct bide__deadline){ 0, 0 };
}

static struct bide__deadline at_time(double time)
{
	return time > 0 ? bide__after(0, time) : (struct bide__deadline){ 0, 0 };
}

/* ---- scopes ------------------------------------------------------------------------------- */

void bide__scope_push(bide_loop *loop, struct bide_scope *scope)
{
	struct bide__task *task = loop->current;
	*scope = (struct bide_scope){ .outer = task->scope,
		                      .owner = task,
		                      .deadline_ns = UINT64_MAX };
	task->scope = scope;
}

void bide__scope_pop(bide_loop *loop, struct bide_scope *scope)
{
	struct bide__task *task = loop->current;
	bide__timers_disarm(&loop->timers, &scope->timer);
	task->scope = scope->outer;
	task->ignored = 0;
	if (task->flags & BIDE__TASK_PENDING)
		bide__update_pending(task);
}

void bide__scope_check(const char *call, const struct bide_scope *scope)
{
	const struct bide__task *task = current(call);
	if (task->scope != scope)
		bide__abort(call, "it is not the innermost open scope of this task");
	if (scope->shields > 0)
		bide__abort(call, "a shield inside it is still open");
}

static int open_scope(struct bide__deadline deadline, bide_scope **ret_scope)
{
	bide_loop *loop = bide__loop;
	struct bide_scope *scope = bide__block_new(&loop->pool, sizeof(*scope));
	if (scope == NULL)
		return -ENOMEM;
	bide__scope_push(loop, scope);
	if (deadline.ns <= loop->now_ns) {
		scope->deadline_ns = deadline.ns;
		bide__cancel_scope(loop, scope, -ETIMEDOUT);
	} else if (arm(loop, scope, deadline) < 0) {
		bide__scope_pop(loop, scope);
		bide__block_free(&loop->pool, scope, sizeof(*scope));
		return -ENOMEM;
	}
	*ret_scope = scope;
	return 0;
}

int bide_scope_open(double seconds, bide_scope **ret_scope)
{
	(void)current("bide_scope_open");
	return isnan(seconds) ? -EINVAL : open_scope(in_seconds(bide__loop, seconds), ret_scope);
}

int bide_scope_close(bide_scope *scope)
{
	bide_loop *loop = bide__loop;
	bide__scope_check("bide_scope_close", scope);
	if (scope->is_group)
		bide__abort("bide_scope_close", "it is a group: bide_group_close() closes it");
	bide__scope_pop(loop, scope);
	int code = scope->delivered ? scope->code : 0;
	bide__block_free(&loop->pool, scope, sizeof(*scope));
	return code;
}

void bide_scope_cancel(bide_scope *scope)
{
	if (bide__loop == NULL)
		bide__abort("bide_scope_cancel", "no loop on this thread");
	bide__cancel_scope(bide__loop, scope, -ECANCELED);
}

int bide_scope_reschedule(bide_scope *scope, double seconds)
{
	bide_loop *loop = bide__loop;
	if (loop == NULL)
		bide__abort("bide_scope_reschedule", "no loop on this thread");
	if (isnan(seconds))
		return -EINVAL;
	if (scope->code != 0)
		return 0;
	if (seconds > 0)
		return arm(loop, scope, in_seconds(loop, seconds));
	bide__cancel_scope(loop, scope, -ETIMEDOUT);
	return 0;
}

double bide_deadline(void)
{
	enum { NS = 1000000000 };
	uint64_t earliest = UINT64_MAX;
	const struct bide__task *task = current("bide_deadline");
	const struct bide_scope *scope = task->scope;
	bool from_child = false;
	if (task->flags & BIDE__TASK_PENDING)
		return -INFINITY;
	for (;;) {
		for (; scope != NULL; scope = scope->outer, from_child = false) {
			if (scope->shields > 0 && !from_child)
				goto found;
			if (scope->deadline_ns < earliest)
				earliest = scope->deadline_ns;
		}
		if (task->shields > 0 || task->group == NULL)
			goto found;
		scope = &task->group->scope;
		task = scope->owner;
		from_child = true;
	}
found:
	return earliest == UINT64_MAX ? INFINITY : (double)earliest / NS;
}

/* ---- shields ------------------------------------------------------------------------------ */

/* A shield is a count where it was opened: it needs no memory, so clean-up can rely on it. */
void bide_shield_open(void)
{
	struct bide__task *task = current("bide_shield_open");
	unsigned shields = task->scope != NULL ? task->scope->shields : task->shields;
	if (shields == BIDE__SHIELDS_MAX)
		bide__abort("bide_shield_open", "%u shields are open in one place", shields);
	if (task->scope != NULL)
		task->scope->shields++;
	else
		task->shields++;
	if (task->flags & BIDE__TASK_PENDING)
		bide__update_pending(task);
}

void bide_shield_close(void)
{
	struct bide__task *task = current("bide_shield_close");
	if ((task->scope != NULL ? task->scope->shields : task->shields) == 0)
		bide__abort("bide_shield_close", "no shield is open here");
	if (task->scope != NULL)
		task->scope->shields--;
	else
		task->shields--;
	bide__update_pending(task);
}

void bide_no_suspend_open(void)
{
	if (bide__loop != NULL)
		bide__loop->no_suspend++;
}

void bide_no_suspend_close(void)
{
	if (bide__loop == NULL)
		return;
	if (bide__loop->no_suspend == 0)
		bide__abort("bide_no_suspend_close", "none is open here");
	bide__loop->no_suspend--;
}

/* ---- blocks ------------------------------------------------------------------------------- */

/* A block that could not be entered is skipped. */
static bide__guard entered(int rc, bide_scope *scope, int *ret)
{
	if (rc < 0 && ret != NULL)
		*ret = rc;
	else if (rc < 0)
		bide__report(BIDE_REPORT_FAILURE, rc, bide__name(bide__loop->current),
		             "skipped a timeout's block: %s", bide_strerror(rc));
	return (bide__guard){ scope, ret, 0, rc < 0 };
}

/* A block that nobody can cancel needs no scope. */
static bide__guard enter_timeout(struct bide__deadline deadline, int *ret_fired)
{
	bide_scope *scope = NULL;
	int rc = deadline.ns != UINT64_MAX ? open_scope(deadline, &scope) : 0;
	return entered(rc, scope, ret_fired);
}

bide__guard bide__timeout_enter(double seconds, int *ret_fired)
{
	(void)current("BIDE_TIMEOUT");
	return isnan(seconds) ? entered(-EINVAL, NULL, ret_fired)
	                      : enter_timeout(in_seconds(bide__loop, seconds), ret_fired);
}

bide__guard bide__timeout_at_enter(double time, int *ret_fired)
{
	(void)current("BIDE_TIMEOUT_AT");
	return isnan(time) ? entered(-EINVAL, NULL, ret_fired)
	                   : enter_timeout(at_time(time), ret_fired);
}

bide__guard bide__scope_enter(int *ret_fired)
{
	bide_scope *scope = NULL;
	int rc = bide_scope_open((double)INFINITY, &scope);
	return entered(rc, scope, ret_fired);
}

void bide__scope_leave(bide__guard *guard)
{
	if (guard->skip)
		return;
	int rc = guard->record != NULL ? bide_scope_close(guard->record) : 0;
	if (guard->ret != NULL)
		*guard->ret = rc;
}

bide__guard bide__shield_enter(void)
{
	bide_shield_open();
	return (bide__guard){ NULL, NULL, 0, 0 };
}

void bide__shield_leave(bide__guard *guard)
{
	(void)guard;
	bide_shield_close();
}

bide__guard bide__no_suspend_enter(void)
{
	bide_no_suspend_open();
	return (bide__guard){ NULL, NULL, 0, 0 };
}

void bide__no_suspend_leave(bide__guard *guard)
{
	(void)guard;
	bide_no_suspend_close();
}
