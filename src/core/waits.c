// SPDX-License-Identifier: MIT
/* waits.c: who waits for what: the dump of all tasks, and the deadlock in which every task waits
 * and nothing can wake any. */
#include "core/await.h"
#include "core/barrier.h"
#include "core/cancel.h"
#include "core/channel.h"
#include "core/future.h"
#include "core/message.h"
#include "core/mutex.h"
#include "core/queue.h"
#include "core/run.h"
#include "core/select.h"
#include "core/set.h"
#include "core/time.h"
#include "core/wake.h"

#include <errno.h>
#include <unistd.h>

enum { TEXT_SIZE = 6000, LINE_SIZE = 256 };

static const char *const state_names[] = { "free", "ready", "running", "waiting", "done" };

static void put_task(struct bide__text *text, const struct bide__task *task)
{
	bide__put(text, "'");
	bide__put(text, bide__name(task));
	bide__put(text, "' (#");
	bide__put_number(text, task->slot);
	bide__put(text, ")");
}

static bool waits_for_task(const struct bide__task *task)
{
	return task->state == BIDE__WAITING && task->wait == &bide__wait_await;
}

/* The group whose end a task waits for, or whose next task. */
static struct bide_group *waits_for_group(const struct bide__task *task)
{
	if (task->state != BIDE__WAITING)
		return NULL;
	for (struct bide_scope *scope = task->scope; scope != NULL; scope = scope->outer)
		if (scope->is_group && bide__group_of_scope(scope)->set.waiter == task)
			return bide__group_of_scope(scope);
	return NULL;
}

static void put_count(struct bide__text *text, size_t tasks)
{
	bide__put(text, " for ");
	bide__put_number(text, tasks);
	bide__put(text, tasks == 1 ? " task" : " tasks");
}

static void put_mutex(struct bide__text *text, const bide_loop *loop, const bide_mutex *mutex)
{
	const struct bide__task *holder = bide__mutex_holder(loop, mutex);
	bide__put(text, " for the mutex that ");
	if (holder != NULL)
		put_task(text, holder);
	else
		bide__put(text, "a task that has ended");
	bide__put(text, " holds");
}

static void put_barrier(struct bide__text *text, const bide_barrier *barrier)
{
	bide__put(text, " for ");
	bide__put_number(text, (uint64_t)(barrier->parties - barrier->waiting));
	bide__put(text, " more of ");
	bide__put_number(text, (uint64_t)barrier->parties);
}

static void put_wait(struct bide__text *text, const bide_loop *loop, const struct bide__task *task)
{
	const struct bide_group *group = waits_for_group(task);
	const struct bide_completion *several = bide__waits_for_several(task);
	const bide_mutex *mutex = bide__waits_for_mutex(task);
	const bide_barrier *barrier = bide__waits_at_barrier(task);
	bide__put(text, " in ");
	bide__put(text, task->wait->name);
	if (waits_for_task(task)) {
		bide__put(text, " for ");
		put_task(text, task->object);
	} else if (group != NULL) {
		put_count(text, group->set.live + group->set.owed);
		bide__put(text, " of its group");
	} else if (several != NULL) {
		put_count(text, several->set.live);
	} else if (mutex != NULL) {
		put_mutex(text, loop, mutex);
	} else if (barrier != NULL) {
		put_barrier(text, barrier);
	} else if (bide__is_asleep(task)) {
		uint64_t at = bide__timers_deadline_of(&loop->timers, &task->timer);
		uint64_t now = bide__clock(loop);
		bide__put(text, " for ");
		bide__put_number(text, at > now ? (at - now) / 1000000 : 0);
		bide__put(text, " ms more");
	} else {
		bide__put_queue_wait(text, task);
		bide__put_channel_wait(text, task);
		bide__put_future_wait(text, task);
		bide__put_select_wait(text, task);
	}
}

static void put_line(struct bide__text *text, const bide_loop *loop, const struct bide__task *task)
{
	put_task(text, task);
	bide__put(text, " ");
	bide__put(text, state_names[task->state]);
	if (task->state == BIDE__WAITING)
		put_wait(text, loop, task);
	if (task->state != BIDE__DONE && (task->flags & BIDE__TASK_PENDING))
		bide__put(text, ", cancelled");
}

void bide_dump(int fd)
{
	const bide_loop *loop = bide__loop;
	uint32_t slot = 0;
	const struct bide__task *task;
	while (loop != NULL && (task = bide__record_next(&loop->pool, &slot)) != NULL) {
		char line[LINE_SIZE];
		struct bide__text text = { line, line + sizeof(line) - 1 };
		bide__put(&text, "bide: task ");
		put_line(&text, loop, task);
		*text.at++ = '\n';
		bide__write_all(fd, line, text.at);
	}
}

/* ---- deadlock ----------------------------------------------------------------------------- */

static bool descends(const struct bide__task *task, const struct bide__task *ancestor)
{
	while (task->group != NULL) {
		task = task->group->scope.owner;
		if (task == ancestor)
			return true;
	}
	return false;
}

static const struct bide__task *live_member(const struct bide_group *group)
{
	const struct bide__task *task = group->oldest;
	while (task != NULL && task->state == BIDE__DONE)
		task = task->younger;
	return task;
}

/* The first one, from a place on, of several tasks that has not ended. */
static const struct bide__task *live_one(const bide_loop *loop, const struct bide_completion *it,
                                         size_t *from)
{
	for (; *from < it->n; ++*from) {
		bide_task *handle = it->tasks[*from];
		const struct bide__task *task = handle != NULL ? bide__find(loop, handle) : NULL;
		if (task != NULL && task->state != BIDE__DONE)
			return task;
	}
	return NULL;
}

/* A task that another one waits for; of a group's, one that leads back to `start` if any does. */
static const struct bide__task *some_waited(const bide_loop *loop, const struct bide__task *task,
                                            const struct bide__task *start)
{
	size_t from = 0;
	if (waits_for_task(task))
		return task->object;
	const bide_mutex *mutex = bide__waits_for_mutex(task);
	if (mutex != NULL)
		return bide__mutex_holder(loop, mutex);
	const struct bide_completion *several = bide__waits_for_several(task);
	if (several != NULL)
		return live_one(loop, several, &from);
	const struct bide_group *group = waits_for_group(task);
	if (group == NULL)
		return NULL;
	return descends(start, task) ? start : live_member(group);
}

static bool leads_to(const bide_loop *loop, const struct bide__task *task,
                     const struct bide__task *start)
{
	for (size_t n = 0; task != NULL && task != start; n++)
		task = n < loop->live ? some_waited(loop, task, start) : NULL;
	return task == start;
}

/* The same; of several, too, one that leads back to `start` if any does. */
static const struct bide__task *next_waited(const bide_loop *loop, const struct bide__task *task,
                                            const struct bide__task *start)
{
	const struct bide_completion *several = bide__waits_for_several(task);
	const struct bide__task *waited;
	if (several != NULL)
		for (size_t from = 0; (waited = live_one(loop, several, &from)) != NULL; from++)
			if (leads_to(loop, waited, start))
				return waited;
	return some_waited(loop, task, start);
}

static size_t cycle_length(const bide_loop *loop, const struct bide__task *start)
{
	const struct bide__task *task = start;
	for (size_t n = 1; n <= loop->live; n++) {
		task = next_waited(loop, task, start);
		if (task == NULL)
			return 0;
		if (task == start)
			return n;
	}
	return 0;
}

static void put_cycle(struct bide__text *text, const bide_loop *loop,
                      const struct bide__task *start, size_t length)
{
	const struct bide__task *task = start;
	bide__put(text, "\n  a cycle: ");
	for (size_t i = 0; i < length; i++, task = next_waited(loop, task, start)) {
		put_task(text, task);
		bide__put(text, " waits for ");
	}
	put_task(text, start);
}

/* Returns whether there is a cycle. */
static bool describe(bide_loop *loop, struct bide__text *text)
{
	uint32_t slot = 0;
	bool cyclic = false;
	const struct bide__task *task;
	while (!cyclic && (task = bide__record_next(&loop->pool, &slot)) != NULL) {
		size_t length = cycle_length(loop, task);
		cyclic = length > 0;
		if (cyclic)
			put_cycle(text, loop, task, length);
	}
	for (slot = 0; (task = bide__record_next(&loop->pool, &slot)) != NULL;) {
		if (task->state != BIDE__WAITING)
			continue;
		if (text->end - text->at < LINE_SIZE) {
			bide__put(text, "\n  …");
			break;
		}
		bide__put(text, "\n  ");
		put_task(text, task);
		bide__put(text, " waits");
		put_wait(text, loop, task);
	}
	*text->at = '\0';
	return cyclic;
}

/* Awaits last until the awaited task has ended, so a cycle of them is opened. */
static void open_cycles(bide_loop *loop)
{
	uint32_t slot = 0;
	for (struct bide__task *task; (task = bide__record_next(&loop->pool, &slot)) != NULL;)
		if (waits_for_task(task) && (task->flags & BIDE__TASK_PENDING) &&
		    cycle_length(loop, task) > 0)
			bide__give_up_await(loop, task);
}

/* The tasks are cancelled, each wait returning -EDEADLK. Those that wait shielded from that cannot
 * be brought to an end at all. */
void bide__deadlock(bide_loop *loop)
{
	char buf[TEXT_SIZE + 1];
	struct bide__text text = { buf, buf + TEXT_SIZE };
	uint32_t slot = 0;
	bool cyclic = describe(loop, &text);
	bide__report(BIDE_REPORT_DEADLOCK, -EDEADLK, NULL,
	             "deadlock: every task waits and nothing can wake any%s", buf);
	if (loop->deadlocked)
		bide__abort("bide_run",
		            "deadlock: the tasks do not end although they were cancelled");
	loop->deadlocked = true;
	for (struct bide__task *task; (task = bide__record_next(&loop->pool, &slot)) != NULL;) {
		task->flags &= (uint16_t)~BIDE__TASK_ASKED;
		bide__cancel_task(loop, task);
	}
	if (cyclic)
		open_cycles(loop);
}
