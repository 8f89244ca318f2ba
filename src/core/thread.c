// SPDX-License-Identifier: MIT
/* thread.c: see thread.h. */
#include "core/thread.h"

#include "base/alloc.h"
#include "base/copy.h"
#include "core/block.h"
#include "core/cancel.h"
#include "core/extra.h"
#include "core/message.h"
#include "core/task.h"
#include "core/wake.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* What becomes of a job that may be left to itself: whoever comes last frees it. */
enum { ENDED = 1, LEFT };

_Thread_local struct bide__job *bide__job;

/* ---- memory ------------------------------------------------------------------------------- */

static size_t size_of(const bide__function *fn)
{
	size_t size = fn->args_size > fn->ret_size ? fn->args_size : fn->ret_size;
	return sizeof(struct bide__job) + size;
}

/* One that may be left to itself may outlive its loop, and end on its thread: it comes from malloc
 * itself, as the failure hook counts by thread. */
static struct bide__job *new_job(bide_loop *loop, const bide__function *fn, bool abandon)
{
	if (!abandon)
		return bide__block_new(&loop->pool, size_of(fn));
	return bide__alloc_fails() ? NULL : malloc(size_of(fn));
}

static void free_job(bide_loop *loop, struct bide__job *job)
{
	if (job->abandon)
		free(job);
	else
		bide__block_free(&loop->pool, job, size_of(job->fn));
}

/* ---- in the thread ------------------------------------------------------------------------ */

static bool stopped(const struct bide__job *job)
{
	int asked = __atomic_load_n(&job->asked, __ATOMIC_RELAXED);
	return asked != 0 && (job->error == asked || job->error == -ECANCELED);
}

static void run(struct bide__work *work)
{
	struct bide__job *job = BIDE__CONTAINER(work, struct bide__job, work);
	bide__job = job;
	job->fn->run(job->data, job->data);
	if (bide__loop != NULL)
		bide__abort("bide_to_thread", "it left a loop open");
	bide__job = NULL;
	if (job->error == 0)
		job->error = bide__error_in(job->fn, job->data, job->negative_results);
	job->left =
		job->abandon && __atomic_exchange_n(&job->fate, ENDED, __ATOMIC_ACQ_REL) == LEFT;
	if (job->left && job->error != 0 && !stopped(job))
		bide__report(BIDE_REPORT_FAILURE, job->error, job->fn->name,
		             "failed in a thread after its caller had given it up: %s",
		             bide_strerror(job->error));
}

static void done(struct bide__work *work, bool refused)
{
	struct bide__job *job = BIDE__CONTAINER(work, struct bide__job, work);
	if (refused)
		job->error = -EAGAIN;
	if (refused && job->abandon)
		job->left = __atomic_exchange_n(&job->fate, ENDED, __ATOMIC_ACQ_REL) == LEFT;
	if (job->left) {
		free(job);
		bide__workers_leave_work(-1);
	} else {
		(void)bide__send(job->loop, &job->mail);
	}
}

int bide_thread_cancelled(void)
{
	return bide__job != NULL ? __atomic_load_n(&bide__job->asked, __ATOMIC_ACQUIRE) : 0;
}

/* ---- on the loop -------------------------------------------------------------------------- */

static void receive(bide_loop *loop, struct bide__mail *mail)
{
	struct bide__job *job = BIDE__CONTAINER(mail, struct bide__job, mail);
	loop->in_threads--;
	bide__wake(loop, job->task, 0);
}

/* Returns false for one that has just ended. */
static bool leave_to_itself(struct bide__job *job)
{
	bide__workers_leave_work(1);
	if (__atomic_exchange_n(&job->fate, LEFT, __ATOMIC_ACQ_REL) != ENDED)
		return true;
	bide__workers_leave_work(-1);
	return false;
}

/* Asks a job to stop. The wait ends at once when it has not begun, or may be left to itself; else
 * when it ends, or, if it just has, with its result. */
static void ask(bide_loop *loop, struct bide__task *task)
{
	struct bide__job *job = task->object;
	__atomic_store_n(&job->asked, bide__code_in_force(task), __ATOMIC_RELEASE);
	bide__word_set(&job->word, BIDE__ASKED);
	if (bide__workers_withdraw(&job->work))
		free_job(loop, job);
	else if (!job->abandon || !leave_to_itself(job))
		return;
	loop->in_threads--;
	bide__wake(loop, task, BIDE__CUT);
}

static const struct bide__wait wait_thread = { "bide_to_thread", NULL, ask };

static void enter(bide_loop *loop)
{
	if (loop->uses_threads)
		return;
	loop->uses_threads = true;
	bide__workers_enter();
}

void bide__thread_finish(bide_loop *loop)
{
	if (loop->uses_threads)
		bide__workers_leave();
}

/* What the wait of the current task gives. */
static int take_result(struct bide__job *job, void *ret)
{
	bide_loop *loop = bide__loop;
	int error = job->error;
	if (error == 0 && ret != NULL)
		bide__copy(ret, job->data, job->fn->ret_size);
	if (stopped(job) && (loop->current->flags & BIDE__TASK_PENDING))
		error = bide__deliver();
	free_job(loop, job);
	return error;
}

int bide__to_thread(const bide_thread_options *options, const bide__function *fn, const void *args,
                    void *ret)
{
	struct bide__task *task = bide__suspending(&wait_thread);
	bide_loop *loop = bide__loop;
	const bool abandon = options != NULL && options->abandon;
	if (fn->pointers != 0)
		bide__check_pointers(wait_thread.name, fn, args);
	if (task->flags & BIDE__TASK_PENDING)
		return bide__refuse(loop, &wait_thread);
	struct bide__job *job = new_job(loop, fn, abandon);
	if (job == NULL)
		return -ENOMEM;
	*job = (struct bide__job){ .work = { .run = run, .done = done },
		                   .mail = { .receive = receive },
		                   .fn = fn,
		                   .loop = loop,
		                   .task = task,
		                   .locals = abandon ? NULL : bide__locals_of(task),
		                   .abandon = abandon,
		                   .negative_results = loop->options.negative_results };
	bide__copy(job->data, args, fn->args_size);
	enter(loop);
	loop->in_threads++;
	bide__workers_submit(&job->work);
	int rc = bide__park(loop, &wait_thread, job);
	return rc < 0 ? rc : take_result(job, ret);
}

int bide_thread_pool_set(const bide_thread_pool *pool)
{
	static const bide_thread_pool defaults;
	if (pool == NULL)
		pool = &defaults;
	if (!(pool->idle_seconds >= 0))
		return -EINVAL;
	bide__workers_set(pool->limit, pool->stack_size, pool->idle_seconds);
	return 0;
}

/* ---- fork --------------------------------------------------------------------------------- */

void bide__thread_in_child(bide_loop *loop)
{
	bide__workers_in_child(bide__job != NULL);
	if (loop != NULL)
		loop->uses_threads = false;
}
