// SPDX-License-Identifier: MIT
/* future.c: see future.h and bide/future.h.
 *
 * A task that waits is woken without its value, as its own memory is not to be touched while it is
 * parked. It copies the value when its turn comes, and until then the record is kept for it. */
#include "core/future.h"

#include "base/copy.h"
#include "core/pool.h"
#include "core/select.h"
#include "core/typed.h"

#include <errno.h>

/* A call to be made once the future is done. */
struct future_call {
	struct future_call *next;
	void (*fn)(void *arg, bide_future *future);
	void *arg;
};

struct bide_future {
	bide_loop *loop; /* that it belongs to */
	struct bide__type type;
	struct bide__queue waiters; /* parked tasks, in the order of the calls */
	struct future_call *calls;  /* to be made, in the order in which they were asked for, */
	struct future_call **last;  /* and where the next one goes */
	size_t refs;                /* by users, and by tasks that were woken and have not had */
	size_t woken;               /* their turn yet; these */
	int error;                  /* what it failed with, 0 if it did not */
	bool done;                  /* is set, has failed or was cancelled */
	bool cancelled;
	bool retrieved; /* somebody knows how it ended */
	_Alignas(BIDE__ALIGN_MAX) unsigned char value[];
};

static inline bide_loop *check(const char *call, const bide_future *future)
{
	return bide__check_owner(call, "future", future->loop);
}

static size_t size_of(const bide_future *future)
{
	return sizeof(*future) + future->type.size;
}

/* ---- a future's life ---------------------------------------------------------------------- */

int bide__future_open(size_t size, unsigned cls, const char *type, bide_future **ret_future)
{
	bide_loop *loop = bide__loop;
	if (loop == NULL)
		bide__abort("bide_future_open", "no loop on this thread");
	size_t bytes;
	if (__builtin_add_overflow(sizeof(bide_future), size, &bytes))
		return -ENOMEM;
	bide_future *future = bide__block_new(&loop->pool, bytes);
	if (future == NULL)
		return -ENOMEM;
	*future = (bide_future){ .loop = loop, .type = { type, size, cls }, .refs = 1 };
	future->last = &future->calls;
	*ret_future = future;
	return 0;
}

bide_future *bide_future_ref(bide_future *future)
{
	(void)check("bide_future_ref", future);
	future->refs++;
	return future;
}

static void report_failure(const bide_future *future)
{
	if (future->done && future->error != 0 && !future->cancelled && !future->retrieved)
		bide__report(BIDE_REPORT_FAILURE, future->error, NULL,
		             "a future of %s failed and nobody asked: %s", future->type.name,
		             bide_strerror(future->error));
}

static void let_go(bide_future *future)
{
	bide_loop *loop = future->loop;
	if (--future->refs > 0)
		return;
	report_failure(future);
	for (struct future_call *call; (call = future->calls) != NULL;) {
		future->calls = call->next;
		bide__block_free(&loop->pool, call, sizeof(*call));
	}
	bide__block_free(&loop->pool, future, size_of(future));
}

void bide_future_unref(bide_future *future)
{
	if (future == NULL)
		return;
	(void)check("bide_future_unref", future);
	const struct bide__task *task = future->waiters.head;
	if (future->refs == future->woken)
		bide__abort("bide_future_unref", "there are no references to it left");
	if (future->refs == 1 && task != NULL)
		bide__abort("bide_future_unref",
		            "task '%s' (#%u) waits for it, and nobody is left to set it",
		            bide__name(task), task->slot);
	let_go(future);
}

/* ---- setting ------------------------------------------------------------------------------ */

static void call_one(bide_future *future, void (*fn)(void *arg, bide_future *future), void *arg)
{
	future->loop->no_suspend++;
	fn(arg, future);
	future->loop->no_suspend--;
}

/* Functions that are called may give back the last references. */
static void finish(bide_future *future)
{
	bide_loop *loop = future->loop;
	future->done = true;
	future->refs++;
	future->woken++;
	for (struct future_call *call; (call = future->calls) != NULL;) {
		future->calls = call->next;
		call_one(future, call->fn, call->arg);
		bide__block_free(&loop->pool, call, sizeof(*call));
	}
	for (struct bide__task *task; (task = bide__queue_pop(&future->waiters)) != NULL;) {
		future->refs++;
		future->woken++;
		bide__wake(loop, task, 0);
	}
	future->woken--;
	let_go(future);
}

int bide__future_set(bide_future *future, const void *value, size_t size, unsigned cls,
                     const char *text)
{
	(void)check("bide_future_set", future);
	bide__check_type("bide_future_set", &future->type, size, cls, text);
	if (future->done)
		return -EALREADY;
	bide__copy(future->value, value, size);
	finish(future);
	return 0;
}

int bide_future_fail(bide_future *future, int error)
{
	(void)check("bide_future_fail", future);
	if (future->done)
		return -EALREADY;
	future->error = error < 0 && error >= -BIDE_ERROR_MAX ? error : -EINVAL;
	finish(future);
	return 0;
}

int bide_future_cancel(bide_future *future)
{
	(void)check("bide_future_cancel", future);
	if (future->done)
		return 0;
	future->error = -ECANCELED;
	future->cancelled = true;
	finish(future);
	return 1;
}

int bide_future_on_done(bide_future *future, void (*fn)(void *arg, bide_future *future), void *arg)
{
	bide_loop *loop = check("bide_future_on_done", future);
	if (future->done) {
		call_one(future, fn, arg);
		return 0;
	}
	struct future_call *call = bide__block_new(&loop->pool, sizeof(*call));
	if (call == NULL)
		return -ENOMEM;
	*call = (struct future_call){ NULL, fn, arg };
	*future->last = call;
	future->last = &call->next;
	return 0;
}

/* ---- asking and waiting ------------------------------------------------------------------- */

/* The value or the error of a future that is done. */
static int outcome(bide_future *future, void *ret_value)
{
	future->retrieved = true;
	if (future->error == 0 && ret_value != NULL)
		bide__copy(ret_value, future->value, future->type.size);
	return future->error;
}

static void cut_await(bide_loop *loop, struct bide__task *task)
{
	bide_future *future = task->object;
	(void)loop;
	bide__queue_remove(&future->waiters, task);
}

static const struct bide__wait wait_await = { "bide_future_await", cut_await, NULL };

/* The outcome for one who was woken. */
static int outcome_at_last(bide_future *future, void *ret_value)
{
	int rc = outcome(future, ret_value);
	future->woken--;
	let_go(future);
	return rc;
}

/* One that was cancelled before it was woken does not touch the future, which may be gone. */
static int wait_for(bide_loop *loop, bide_future *future, void *ret_value)
{
	bide__queue_push(&future->waiters, loop->current);
	int rc = bide__park(loop, &wait_await, future);
	return rc < 0 ? rc : outcome_at_last(future, ret_value);
}

int bide__future_await(bide_future *future, void *ret_value, size_t size, unsigned cls,
                       const char *text)
{
	bide_loop *loop = check(wait_await.name, future);
	const struct bide__task *task = bide__suspending(&wait_await);
	if (ret_value != NULL)
		bide__check_type(wait_await.name, &future->type, size, cls, text);
	if (future->done)
		return outcome(future, ret_value);
	if (task->flags & BIDE__TASK_PENDING)
		return bide__refuse(loop, &wait_await);
	return wait_for(loop, future, ret_value);
}

int bide__future_result(bide_future *future, void *ret_value, size_t size, unsigned cls,
                        const char *text)
{
	(void)check("bide_future_result", future);
	if (ret_value != NULL)
		bide__check_type("bide_future_result", &future->type, size, cls, text);
	return future->done ? outcome(future, ret_value) : -EINPROGRESS;
}

bool bide_future_done(const bide_future *future)
{
	(void)check("bide_future_done", future);
	return future->done;
}

bool bide_future_cancelled(const bide_future *future)
{
	(void)check("bide_future_cancelled", future);
	return future->cancelled;
}

/* ---- as an arm of a select ---------------------------------------------------------------- */

static bool future_ready(bide_loop *loop, bide_arm *arm)
{
	const bide_future *future = arm->object;
	(void)loop;
	(void)check(bide__select_call, future);
	if (arm->with.ret != NULL)
		bide__check_type(bide__select_call, &future->type, arm->size, arm->cls, arm->text);
	return future->done;
}

static int future_take(bide_loop *loop, const bide_arm *arm)
{
	(void)loop;
	return outcome(arm->object, arm->with.ret);
}

static int future_wait(bide_loop *loop, const bide_arm *arm, struct bide__task *stand_in)
{
	bide_future *future = arm->object;
	(void)loop;
	bide__queue_push(&future->waiters, stand_in);
	stand_in->wait = &wait_await;
	stand_in->object = future;
	return -EAGAIN;
}

static int future_finish(bide_loop *loop, const bide_arm *arm, struct bide__task *stand_in,
                         int result)
{
	(void)loop;
	(void)stand_in;
	(void)result;
	return outcome_at_last(arm->object, arm->with.ret);
}

const struct bide__arm bide__arm_future = { future_ready, future_take, future_wait, future_finish };

/* ---- messages ----------------------------------------------------------------------------- */

void bide__put_future_wait(struct bide__text *text, const struct bide__task *task)
{
	const bide_future *future = task->object;
	if (task->wait != &wait_await)
		return;
	bide__put(text, " for a future of ");
	bide__put(text, future->type.name);
}
