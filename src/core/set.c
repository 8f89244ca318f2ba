// SPDX-License-Identifier: MIT
/* set.c: see set.h. */
#include "core/set.h"

#include "core/await.h"
#include "core/cancel.h"
#include "core/group.h"
#include "core/message.h"
#include "core/select.h"

#include <errno.h>
#include <string.h>

/* ---- sets --------------------------------------------------------------------------------- */

bool bide__set_ready(const struct bide__set *set, enum bide_wait_until until)
{
	if (set->live + set->owed == 0)
		return true;
	if (until == BIDE_FIRST_COMPLETED)
		return set->done.head != NULL;
	return until == BIDE_FIRST_FAILED && set->failed > 0;
}

void bide__set_queue(struct bide__set *set, struct bide__task *task)
{
	bide__queue_push(&set->done, task);
	task->flags |= BIDE__TASK_QUEUED;
}

void bide__set_look(bide_loop *loop, struct bide__set *set)
{
	struct bide__task *waiter = set->waiter;
	if (waiter == NULL || !bide__set_ready(set, set->until))
		return;
	set->waiter = NULL;
	bide__wake(loop, waiter, 0);
}

void bide__set_ended(bide_loop *loop, struct bide__set *set, struct bide__task *task)
{
	set->live--;
	set->failed += bide__has_failed(task);
	bide__set_queue(set, task);
	bide__set_look(loop, set);
}

int bide__set_wait(bide_loop *loop, const struct bide__wait *wait, struct bide__set *set,
                   enum bide_wait_until until)
{
	if (bide__set_ready(set, until))
		return 0;
	if (set->waiter != NULL)
		bide__abort(wait->name, "task '%s' (#%u) waits for the same tasks already",
		            bide__name(set->waiter), set->waiter->slot);
	set->waiter = loop->current;
	set->until = until;
	return bide__park(loop, wait, set);
}

void bide__set_cut(bide_loop *loop, struct bide__task *task)
{
	struct bide__set *set = task->object;
	(void)loop;
	set->waiter = NULL;
}

/* ---- tasks of the caller's choice --------------------------------------------------------- */

static size_t size_of(size_t n)
{
	return sizeof(struct bide_completion) + n * sizeof(bide_task *);
}

/* Makes the set a task's awaiter. One that has ended is there already; `leave_ended`: such a one is
 * only counted. */
static void claim(bide_loop *loop, const char *call, struct bide_completion *it, bide_task *handle,
                  bool leave_ended)
{
	struct bide__task *task = bide__lookup(call, handle);
	bide__check_awaitable(loop, call, task);
	if (task->state != BIDE__DONE) {
		task->awaiter_tag = (uintptr_t)&it->set | 1;
		it->set.live++;
		return;
	}
	it->set.failed += bide__has_failed(task);
	if (leave_ended) {
		it->before++;
		return;
	}
	if (task->group != NULL)
		bide__group_owes(task->group, task);
	task->awaiter_tag = (uintptr_t)&it->set | 1;
	bide__set_queue(&it->set, task);
}

/* Takes the next one that has ended out of the set, which is no longer its awaiter. */
static struct bide__task *pop_ended(struct bide__set *set)
{
	struct bide__task *task = bide__queue_pop(&set->done);
	if (task == NULL)
		return NULL;
	task->flags &= (uint16_t)~BIDE__TASK_QUEUED;
	task->awaiter = NULL;
	return task;
}

static struct bide_completion *open_completion(const char *call, bide_task *const *tasks, size_t n,
                                               bool leave_ended)
{
	bide_loop *loop = bide__loop;
	if (loop == NULL || loop->current == NULL)
		bide__abort(call, "there is no task to wait in");
	if (n > SIZE_MAX / sizeof(bide_task *) / 2)
		return NULL;
	struct bide_completion *it = bide__block_new(&loop->pool, size_of(n));
	if (it == NULL)
		return NULL;
	memset(it, 0, sizeof(*it));
	it->owner = loop->current;
	it->n = n;
	for (size_t i = 0; i < n; i++) {
		it->tasks[i] = tasks[i];
		if (tasks[i] != NULL)
			claim(loop, call, it, tasks[i], leave_ended);
	}
	return it;
}

int bide_completion_open(bide_task *const *tasks, size_t n, bide_completion **ret_it)
{
	struct bide_completion *it = open_completion("BIDE_AS_COMPLETED", tasks, n, false);
	if (it == NULL)
		return -ENOMEM;
	bide__loop->iterations++;
	*ret_it = it;
	return 0;
}

static void close_completion(bide_loop *loop, struct bide_completion *it)
{
	for (struct bide__task *task; (task = pop_ended(&it->set)) != NULL;)
		if (task->group != NULL)
			bide__group_gets_back(loop, task->group, task);
	for (size_t i = 0; i < it->n && it->set.live > 0; i++) {
		bide_task *handle = it->tasks[i];
		struct bide__task *task = handle != NULL ? bide__find(loop, handle) : NULL;
		if (task != NULL && task->awaiter_tag == ((uintptr_t)&it->set | 1))
			task->awaiter = NULL;
	}
	bide__block_free(&loop->pool, it, size_of(it->n));
}

void bide_completion_close(bide_completion *it)
{
	if (it == NULL)
		return;
	bide__loop->iterations--;
	close_completion(bide__loop, it);
}

static const struct bide__wait wait_next = { "BIDE_AS_COMPLETED", bide__set_cut, NULL };

bide_task *bide_completion_next(bide_completion *it)
{
	const struct bide__task *current = bide__suspending(&wait_next);
	bide_loop *loop = bide__loop;
	if (it == NULL || (it->set.done.head == NULL && it->set.live == 0))
		return NULL;
	if (current->flags & BIDE__TASK_PENDING) {
		(void)bide__refuse(loop, &wait_next);
		return NULL;
	}
	int rc = bide__set_wait(loop, &wait_next, &it->set, BIDE_FIRST_COMPLETED);
	if (rc == -ENOMEM) /* to keep a light task's frames */
		bide__report(BIDE_REPORT_FAILURE, rc, bide__name(loop->current),
		             "cannot wait for %zu tasks: %s", it->n, bide_strerror(rc));
	if (rc < 0)
		return NULL;
	struct bide__task *task = pop_ended(&it->set);
	task->flags |= BIDE__TASK_LENT;
	if (task->group != NULL)
		bide__group_gets_back(loop, task->group, task);
	return bide__handle(loop, task);
}

bide__guard bide__completion_enter(bide_task *const *tasks, size_t n)
{
	bide_completion *it = NULL;
	int rc = bide_completion_open(tasks, n, &it);
	if (rc < 0)
		bide__report(BIDE_REPORT_FAILURE, rc, bide__name(bide__loop->current),
		             "cannot wait for %zu tasks: %s", n, bide_strerror(rc));
	return (bide__guard){ it, NULL, 0, 0 };
}

void bide__completion_leave(bide__guard *guard)
{
	bide_completion_close(guard->record);
}

/* ---- wait --------------------------------------------------------------------------------- */

static const struct bide__wait wait_wait = { "bide_wait", bide__set_cut, NULL };

int bide_wait(bide_task *const *tasks, size_t n, enum bide_wait_until until)
{
	const struct bide__task *current = bide__suspending(&wait_wait);
	bide_loop *loop = bide__loop;
	if (until != BIDE_FIRST_COMPLETED && until != BIDE_FIRST_FAILED && until != BIDE_ALL)
		return -EINVAL;
	struct bide_completion *it = open_completion("bide_wait", tasks, n, true);
	if (it == NULL)
		return -ENOMEM;
	int rc = 0;
	if (bide__set_ready(&it->set, until) || (until == BIDE_FIRST_COMPLETED && it->before > 0))
		rc = 0;
	else if (current->flags & BIDE__TASK_PENDING)
		rc = bide__refuse(loop, &wait_wait);
	else
		rc = bide__set_wait(loop, &wait_wait, &it->set, until);
	size_t done = it->before;
	for (const struct bide__task *t = it->set.done.head; t != NULL; t = t->next)
		done++;
	close_completion(loop, it);
	return rc < 0 ? rc : (int)done;
}

/* ---- as an arm of a select ---------------------------------------------------------------- */

static void cut_arm(bide_loop *loop, struct bide__task *stand_in)
{
	close_completion(loop, stand_in->object);
}

static const struct bide__wait wait_arm = { "bide_await", cut_arm, NULL };

static bool task_ready(bide_loop *loop, bide_arm *arm)
{
	if (arm->object == NULL)
		return true;
	const struct bide__task *task = bide__lookup(bide__select_call, arm->object);
	bide__check_awaitable(loop, bide__select_call, task);
	return task->state == BIDE__DONE;
}

static int task_take(bide_loop *loop, const bide_arm *arm)
{
	return arm->object == NULL ? bide__no_task(loop) : 0;
}

/* Waits, by a set of that one task. */
static int task_wait(bide_loop *loop, const bide_arm *arm, struct bide__task *stand_in)
{
	bide_task *task = arm->object;
	struct bide_completion *it = open_completion(bide__select_call, &task, 1, true);
	(void)loop;
	if (it == NULL)
		return -ENOMEM;
	it->set.waiter = stand_in;
	it->set.until = BIDE_FIRST_COMPLETED;
	stand_in->wait = &wait_arm;
	stand_in->object = it;
	return -EAGAIN;
}

static int task_finish(bide_loop *loop, const bide_arm *arm, struct bide__task *stand_in,
                       int result)
{
	(void)arm;
	close_completion(loop, stand_in->object);
	return result;
}

const struct bide__arm bide__arm_task = { task_ready, task_take, task_wait, task_finish };

/* ---- gather ------------------------------------------------------------------------------- */

static void cancel_all(bide_loop *loop, bide_task *const *tasks, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct bide__task *task = tasks[i] != NULL ? bide__find(loop, tasks[i]) : NULL;
		if (task != NULL)
			bide__cancel_task(loop, task);
	}
}

static void cancel_gathered(bide_loop *loop, struct bide__task *task)
{
	struct bide_completion *it = task->object;
	cancel_all(loop, it->tasks, it->n);
}

const struct bide__wait bide__wait_gather = { "bide_gather", NULL, cancel_gathered };

const struct bide_completion *bide__waits_for_several(const struct bide__task *task)
{
	if (task->state != BIDE__WAITING || (task->wait != &wait_next && task->wait != &wait_wait &&
	                                     task->wait != &bide__wait_gather))
		return NULL;
	return task->object;
}

/* The first failure in the order of completion; else the first that was cancelled. */
static int first_error(const struct bide__set *set)
{
	int cancelled = 0;
	for (const struct bide__task *t = set->done.head; t != NULL; t = t->next) {
		if (bide__has_failed(t))
			return t->error;
		if (t->error != 0 && cancelled == 0)
			cancelled = t->error;
	}
	return cancelled;
}

/* Whether the caller's cancellation is what its gather is to return: it was handed on and ended a
 * task. A failure goes before it, unless failures are what the caller collects. */
static bool cut_short(const struct bide__task *caller, const struct bide__set *set, bool collect)
{
	const struct bide__task *task = set->done.head;
	if (!(caller->flags & BIDE__TASK_CUT) || (set->failed > 0 && !collect))
		return false;
	while (task != NULL && !bide__was_cancelled(task))
		task = task->next;
	return task != NULL;
}

/* Waits for all; at the first failure cancels the others. */
static void wait_for_all(bide_loop *loop, struct bide_completion *it, bool collect)
{
	if (collect || it->set.failed == 0)
		(void)bide__set_wait(loop, &bide__wait_gather, &it->set,
		                     collect ? BIDE_ALL : BIDE_FIRST_FAILED);
	if (it->set.live == 0)
		return;
	cancel_all(loop, it->tasks, it->n);
	(void)bide__set_wait(loop, &bide__wait_gather, &it->set, BIDE_ALL);
}

/* Takes one ended task's result and ends it. Returns its error. */
static int take_one(bide_task *handle, void *results, size_t size, size_t i)
{
	char *ret = results != NULL ? (char *)results + i * size : NULL;
	if (ret != NULL)
		memset(ret, 0, size);
	if (handle == NULL)
		return -ENOMEM;
	bide_loop *loop = bide__loop;
	struct bide__task *task = bide__find(loop, handle);
	task->awaiter = NULL;
	return bide__take(loop, task, ret);
}

static size_t take_all(bide_task *const *tasks, size_t n, void *results, size_t size, int *errors)
{
	size_t failed = 0;
	for (size_t i = 0; i < n; i++) {
		int error = take_one(tasks[i], results, size, i);
		failed += error != 0;
		if (errors != NULL)
			errors[i] = error;
	}
	return failed;
}

static bool any_null(bide_task *const *tasks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (tasks[i] == NULL)
			return true;
	return false;
}

/* Without memory to wait for all at once: one after the other, cancelled. */
static int gather_without_memory(bide_loop *loop, bide_task *const *tasks, size_t n, void *results,
                                 size_t size, int *errors)
{
	cancel_all(loop, tasks, n);
	(void)take_all(tasks, n, results, size, errors);
	return -ENOMEM;
}

int bide__gather(bide_task *const *tasks, size_t n, void *results, size_t size, unsigned cls,
                 int *errors, int collect)
{
	struct bide__task *current = bide__suspending(&bide__wait_gather);
	bide_loop *loop = bide__loop;
	if (loop->forked)
		return bide__refuse(loop, &bide__wait_gather);
	for (size_t i = 0; i < n && results != NULL; i++)
		if (tasks[i] != NULL)
			bide__check_result("bide_gather", bide__lookup("bide_gather", tasks[i]),
			                   size, cls, "an element");
	struct bide_completion *it = open_completion("bide_gather", tasks, n, false);
	if (it == NULL)
		return gather_without_memory(loop, tasks, n, results, size, errors);
	bool incomplete = any_null(tasks, n);
	current->flags &= (uint16_t)~BIDE__TASK_CUT;
	if (incomplete && !collect)
		cancel_all(loop, tasks, n);
	wait_for_all(loop, it, collect != 0);
	int error = first_error(&it->set);
	bool cut = cut_short(current, &it->set, collect != 0) && (collect || !incomplete);
	if (cut)
		error = bide__deliver();
	else if (incomplete && it->set.failed == 0)
		error = -ENOMEM;
	for (struct bide__task *t; (t = bide__queue_pop(&it->set.done)) != NULL;)
		t->flags &= (uint16_t)~BIDE__TASK_QUEUED;
	int failed = (int)take_all(it->tasks, n, results, size, errors);
	bide__block_free(&loop->pool, it, size_of(n));
	if (collect)
		return cut ? error : failed;
	return error;
}
