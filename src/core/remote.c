// SPDX-License-Identifier: MIT
/* remote.c: see remote.h and bide/loops.h.
 *
 *     loop that calls                                 loop that is called
 *     to_loop, spawn_on ──────── start ───────►  a task, and a stand-in that awaits it
 *         parks: a task or a proxy                          │
 *     a cancellation    ──────── cancel ──────►  cancels it ▼
 *     result copied     ◄─────── finish ───────  result copied, the task is freed
 *
 * A call is one record of malloc's, with the three pieces of mail in it. Who may touch it passes on
 * with the mail: the caller's side before `start` and after `finish`, the other one in between; the
 * arguments' place is then the result's. A `cancel` on its way keeps the record, and only that.
 *
 * A PROXY is a task that never runs and has no stack. It waits from the beginning, takes the result
 * as its own, and so can be awaited, cancelled and gathered as any other. */
#include "core/remote.h"

#include "base/alloc.h"
#include "core/block.h"
#include "core/cancel.h"
#include "core/message.h"
#include "core/task.h"
#include "core/thread.h"
#include "core/wake.h"

#include <errno.h>
#include <stdlib.h>

struct remote {
	struct bide__mail start, cancel, finish;
	struct bide__stand_in end; /* waits for the task's end */
	struct bide__task *task;   /* there; NULL before it begins and after its end */
	bide_loop *to;             /* referenced as long as somebody else waits */
	bide_loop *from;           /* NULL: a thread without a loop waits */
	struct bide__task *waiter; /* of `from`: a task, or a proxy */
	uint32_t *word;            /* on which such a thread is blocked: see block.h */
	unsigned refs;             /* atomic: 1, and 1 for a `cancel` on its way */
	int error;                 /* what the task ended with */
	bool was_cancelled;        /* by that */
	const bide__function *fn;
	_Alignas(BIDE__ALIGN_MAX) unsigned char data[]; /* arguments, then the result */
};

/* While a call lasts the loop that is called stays, and neither is taken to be in a deadlock. One
 * that calls itself stays anyway, and may be in one. */
static void begin_call(const struct remote *remote)
{
	if (remote->to == remote->from)
		return;
	(void)bide_loop_ref(remote->to);
	if (remote->from != NULL)
		remote->from->in_threads++;
}

static void end_call(const struct remote *remote)
{
	if (remote->to == remote->from)
		return;
	if (remote->from != NULL)
		remote->from->in_threads--;
	bide_loop_unref(remote->to);
}

static void let_go(struct remote *remote)
{
	if (__atomic_sub_fetch(&remote->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(remote);
}

/* ---- on the loop that is called ----------------------------------------------------------- */

/* Gives the record back to who waits. */
static void reply(struct remote *remote)
{
	remote->task = NULL;
	if (remote->from != NULL)
		(void)bide__send(remote->from, &remote->finish);
	else
		bide__word_set(remote->word, BIDE__CALLED);
}

static void task_ended(bide_loop *loop, struct bide__stand_in *stand_in, int result)
{
	struct remote *remote = BIDE__CONTAINER(stand_in, struct remote, end);
	struct bide__task *task = remote->task;
	(void)result;
	remote->error = task->error;
	remote->was_cancelled = bide__was_cancelled(task);
	if (remote->was_cancelled && loop->ending)
		remote->error = -BIDE_ELOOP;
	if (task->error == 0)
		bide__copy_result(task, remote->data);
	task->flags |= BIDE__TASK_RETRIEVED;
	bide__free_task(loop, task);
	reply(remote);
}

static void receive_start(bide_loop *loop, struct bide__mail *mail)
{
	struct remote *remote = BIDE__CONTAINER(mail, struct remote, start);
	struct bide__task *task = NULL;
	remote->error = -BIDE_ELOOP;
	if (loop != NULL) {
		task = bide__task_new(loop, remote->fn, remote->data);
		remote->error = loop->spawn_error;
	}
	if (task == NULL) {
		reply(remote);
		return;
	}
	remote->task = task;
	bide__stand_in_init(&remote->end, task, task_ended);
	task->awaiter = &remote->end.task;
	if (loop->ending)
		bide__cancel_task(loop, task);
}

static void receive_cancel(bide_loop *loop, struct bide__mail *mail)
{
	struct remote *remote = BIDE__CONTAINER(mail, struct remote, cancel);
	if (loop != NULL && remote->task != NULL)
		bide__cancel_task(loop, remote->task);
	let_go(remote);
}

/* ---- on the loop that calls --------------------------------------------------------------- */

/* Hands a cancellation on. A loop that has been closed has answered. */
static void send_cancel(struct remote *remote)
{
	__atomic_fetch_add(&remote->refs, 1, __ATOMIC_RELAXED);
	if (!bide__send(remote->to, &remote->cancel))
		let_go(remote);
}

static void ask(bide_loop *loop, struct bide__task *task)
{
	(void)loop;
	send_cancel(task->object);
}

static const struct bide__wait wait_call = { "bide_to_loop", NULL, ask };
static const struct bide__wait wait_proxy = { "bide_spawn_on", NULL, ask };

/* The task ended by the cancellation that was handed on, or, else, by one that is a failure to who
 * waits here. */
static bool cut_short(const struct remote *remote, const struct bide__task *waiter)
{
	return remote->was_cancelled && (waiter->flags & BIDE__TASK_CUT);
}

static void end_proxy(bide_loop *loop, struct bide__task *proxy, struct remote *remote)
{
	proxy->error = (int16_t)remote->error;
	if (cut_short(remote, proxy))
		proxy->error = (int16_t)bide__fire(loop, proxy, bide__cause_outward(proxy, NULL));
	if (proxy->error != 0)
		proxy->flags |= BIDE__TASK_FAILED;
	else
		bide__copy(bide__data_of(proxy), remote->data, proxy->fn->ret_size);
	proxy->state = BIDE__DONE;
	bide__complete(loop, proxy);
}

static void receive_finish(bide_loop *loop, struct bide__mail *mail)
{
	struct remote *remote = BIDE__CONTAINER(mail, struct remote, finish);
	struct bide__task *waiter = remote->waiter;
	end_call(remote);
	if (waiter->wait == &wait_call) {
		bide__wake(loop, waiter, 0);
		return;
	}
	end_proxy(loop, waiter, remote);
	let_go(remote);
}

/* ---- calling ------------------------------------------------------------------------------ */

/* The record crosses threads, so it comes from malloc itself: the failure hook counts by thread. */
static struct remote *new_remote(bide_loop *to, const bide__function *fn, const void *args)
{
	size_t size = fn->args_size > fn->ret_size ? fn->args_size : fn->ret_size;
	struct remote *remote = bide__alloc_fails() ? NULL : malloc(sizeof(*remote) + size);
	if (remote == NULL)
		return NULL;
	*remote = (struct remote){ .start = { .receive = receive_start },
		                   .cancel = { .receive = receive_cancel },
		                   .finish = { .receive = receive_finish },
		                   .to = to,
		                   .from = bide__loop,
		                   .refs = 1,
		                   .fn = fn };
	bide__copy(remote->data, args, fn->args_size);
	begin_call(remote);
	return remote;
}

/* Returns 0, or -BIDE_ELOOP from a loop that has been closed: the record is gone then. */
static int send_off(struct remote *remote, struct bide__task *waiter)
{
	remote->waiter = waiter;
	if (bide__send(remote->to, &remote->start))
		return 0;
	end_call(remote);
	free(remote);
	return -BIDE_ELOOP;
}

static int take_result(struct remote *remote, void *ret)
{
	int error = remote->error;
	if (error == 0 && ret != NULL)
		bide__copy(ret, remote->data, remote->fn->ret_size);
	let_go(remote);
	return error;
}

/* On a thread without a loop. A job that is asked to stop hands that on. */
static int block(struct remote *remote, void *ret)
{
	struct bide__job *job = bide__job;
	uint32_t own = 0, *word = job != NULL ? &job->word : &own;
	remote->word = word;
	bide__word_clear(word);
	int rc = send_off(remote, NULL);
	if (rc < 0)
		return rc;
	bide__word_wait(word, BIDE__CALLED | BIDE__ASKED);
	if (!(__atomic_load_n(word, __ATOMIC_ACQUIRE) & BIDE__CALLED)) {
		send_cancel(remote);
		bide__word_wait(word, BIDE__CALLED);
	}
	end_call(remote);
	return take_result(remote, ret);
}

static int call_from_task(bide_loop *loop, struct remote *remote, void *ret)
{
	int rc = send_off(remote, loop->current);
	if (rc < 0)
		return rc;
	(void)bide__park(loop, &wait_call, remote);
	loop = bide__loop;
	const struct bide__task *task = loop->current;
	if (!cut_short(remote, task) || !(task->flags & BIDE__TASK_PENDING))
		return take_result(remote, ret);
	let_go(remote);
	return bide__deliver();
}

int bide__to_loop(bide_loop *to, const bide__function *fn, const void *args, void *ret)
{
	bide_loop *loop = bide__loop;
	if (loop != NULL) {
		const struct bide__task *task = bide__suspending(&wait_call);
		bide__check_pointers(wait_call.name, fn, args);
		if (task->flags & BIDE__TASK_PENDING)
			return bide__refuse(loop, &wait_call);
	} else if (bide_thread_cancelled() < 0) {
		return bide_thread_cancelled();
	}
	struct remote *remote = new_remote(to, fn, args);
	if (remote == NULL)
		return -ENOMEM;
	return loop == NULL ? block(remote, ret) : call_from_task(loop, remote, ret);
}

/* Returns 0, or why there is no call: the record is gone then. */
static int spawn(bide_loop *loop, struct remote *remote, struct bide__task **ret_proxy)
{
	struct bide__task *proxy = bide__proxy_new(loop, remote->fn, &wait_proxy, remote);
	if (proxy == NULL) {
		end_call(remote);
		free(remote);
		return -ENOMEM;
	}
	int rc = send_off(remote, proxy);
	if (rc < 0) {
		bide__proxy_free(loop, proxy);
		return rc;
	}
	*ret_proxy = proxy;
	return 0;
}

bide_task *bide__spawn_on(bide_loop *to, const bide__function *fn, const void *args)
{
	bide_loop *loop = bide__loop;
	if (loop != NULL && loop->forked) {
		loop->spawn_error = -BIDE_EFORKED;
		return NULL;
	}
	if (loop == NULL || !loop->running)
		bide__abort(wait_proxy.name, "no loop runs on this thread, to await '%s' on",
		            fn->name);
	bide__check_pointers(wait_proxy.name, fn, args);
	struct bide__task *proxy = NULL;
	struct remote *remote = new_remote(to, fn, args);
	int rc = remote != NULL ? spawn(loop, remote, &proxy) : -ENOMEM;
	if (rc < 0) {
		loop->spawn_error = rc;
		return NULL;
	}
	if (loop->ending)
		bide__cancel_task(loop, proxy);
	return bide__handle(loop, proxy);
}
