// SPDX-License-Identifier: MIT
/* See check.h. Everything is walked that can be reached: the queues, the heap of timers, the table
 * of tasks, their scopes and groups, the chunks of the pool and the stacks; every count is counted
 * again. It allocates nothing and changes nothing, so it may look at any moment at which a task is
 * being suspended. */
#include "sweep/check.h"

#include "core/select.h"
#include "core/time.h"

#include <stdint.h>

/* Ends the function with what is wrong. */
#define WRONG_IF(cond) \
	do { \
		if (cond) \
			return "wrong: " #cond; \
	} while (0)

#define PASS_ON(fault) \
	do { \
		const char *found = (fault); \
		if (found != NULL) \
			return found; \
	} while (0)

/* ---- while tasks run ------------------------------------------------------------------------ */

static const char *check_ready(const bide_loop *loop)
{
	size_t n = 0;
	const struct bide__task *last = NULL;
	for (const struct bide__task *t = loop->ready.head; t != NULL; t = t->next, n++) {
		WRONG_IF(n >= loop->nready);
		WRONG_IF(t->state != BIDE__READY);
		WRONG_IF(t->flags & BIDE__TASK_HELD);
		last = t;
	}
	WRONG_IF(n != loop->nready);
	WRONG_IF(last != NULL && last != loop->ready.tail);
	WRONG_IF(loop->lap_left > loop->nready);
	return NULL;
}

/* Counts a timer if it is armed. One cannot be due before the loop looks for it. */
static const char *check_timer(const bide_loop *loop, const struct bide__timer *timer,
                               size_t *ret_armed)
{
	if (!bide__timer_armed(timer))
		return NULL;
	++*ret_armed;
	WRONG_IF(bide__timers_deadline_of(&loop->timers, timer) <
	         bide__timers_soonest(&loop->timers));
	return NULL;
}

static const char *check_heap(const bide_loop *loop)
{
	const struct bide__heap *heap = &loop->timers.heap;
	WRONG_IF(bide__timers_count(&loop->timers) > heap->capacity);
	for (uint32_t slot = BIDE__HEAP_ROOT; slot < BIDE__HEAP_ROOT + heap->count; slot++) {
		WRONG_IF(bide__heap_timer_of(&heap->entries[slot])->index != slot);
		WRONG_IF(slot > BIDE__HEAP_ROOT &&
		         heap->entries[slot / 4 + 2].deadline_ns > heap->entries[slot].deadline_ns);
	}
	return NULL;
}

static const char *check_members(const struct bide_group *group, size_t *ret_live)
{
	const struct bide__task *before = NULL;
	for (const struct bide__task *t = group->oldest; t != NULL; before = t, t = t->younger) {
		WRONG_IF(t->group != group);
		WRONG_IF(t->older != before);
		WRONG_IF(t->state == BIDE__FREE);
		*ret_live += t->state != BIDE__DONE;
	}
	WRONG_IF(group->youngest != before);
	return NULL;
}

static const char *check_group(const struct bide_group *group)
{
	size_t live = 0, held = 0;
	PASS_ON(check_members(group, &live));
	WRONG_IF(live != group->set.live);
	for (const struct bide__task *t = group->held.head; t != NULL; t = t->next, held++) {
		WRONG_IF(held >= live);
		WRONG_IF(!(t->flags & BIDE__TASK_HELD) || t->group != group);
	}
	WRONG_IF(group->running + held != live);
	WRONG_IF(group->options.limit > 0 && group->running > group->options.limit);
	for (const struct bide__task *t = group->set.done.head; t != NULL; t = t->next) {
		WRONG_IF(t->state != BIDE__DONE || t->group != group);
		WRONG_IF(!(t->flags & BIDE__TASK_QUEUED));
	}
	return NULL;
}

static const char *check_task(const bide_loop *loop, const struct bide__task *task,
                              size_t *ret_armed)
{
	WRONG_IF(task->state > BIDE__DONE);
	WRONG_IF(task->state == BIDE__RUNNING && task != loop->current);
	if (!(task->flags & BIDE__TASK_STARTED) || task->state == BIDE__DONE)
		return NULL;
	if (task->state == BIDE__WAITING && bide__is_asleep(task))
		PASS_ON(check_timer(loop, &task->timer, ret_armed));
	WRONG_IF(task->state == BIDE__WAITING && task->wait == NULL);
	const struct bide__task *arm;
	for (size_t i = 0; (arm = bide__select_arm(task, i)) != NULL; i++)
		if (bide__is_asleep(arm))
			PASS_ON(check_timer(loop, &arm->timer, ret_armed));
	for (struct bide_scope *scope = task->scope; scope != NULL; scope = scope->outer) {
		WRONG_IF(scope->owner != task);
		WRONG_IF(scope->code != 0 && bide__timer_armed(&scope->timer));
		WRONG_IF(bide__timer_armed(&scope->timer) &&
		         bide__timers_deadline_of(&loop->timers, &scope->timer) !=
		                 scope->deadline_ns);
		PASS_ON(check_timer(loop, &scope->timer, ret_armed));
		if (scope->is_group)
			PASS_ON(check_group(bide__group_of_scope(scope)));
	}
	return NULL;
}

const char *sweep_fault_running(const bide_loop *loop)
{
	size_t live = 0, armed = 0;
	uint32_t slot = 0;
	PASS_ON(check_ready(loop));
	PASS_ON(check_heap(loop));
	PASS_ON(check_timer(loop, &loop->exit_timer, &armed));
	for (const struct bide__task *t; (t = bide__record_next(&loop->pool, &slot)) != NULL;) {
		live += t->state != BIDE__DONE;
		PASS_ON(check_task(loop, t, &armed));
	}
	WRONG_IF(live != loop->live);
	WRONG_IF(armed != bide__timers_count(&loop->timers));
	return NULL;
}

/* ---- when they have ended ------------------------------------------------------------------- */

_Static_assert(offsetof(struct bide__task, next) == 0,
               "free records are linked as free blocks are");

/* Free blocks and blocks never used must be all that there are. They are linked by their first
 * word. Records lie from the beginning of the chunk on and other blocks against its end, so that
 * `gap` bytes are left over. */
static const char *check_chunk(const struct bide__chunk *chunk, size_t size, size_t gap)
{
	const char *begin = chunk->memory, *end = begin + BIDE__CHUNK_SIZE;
	uint32_t n = 0;
	WRONG_IF(chunk->used != 0);
	for (const char *block = chunk->free; block != NULL; n++) {
		WRONG_IF(n >= chunk->capacity);
		WRONG_IF(block < begin || block + size > end);
		WRONG_IF(((size_t)(end - block) - gap) % size != 0);
		block = *(const char *const *)block;
	}
	WRONG_IF(n + chunk->fresh != chunk->capacity);
	return NULL;
}

static const char *check_links(const struct bide__chunk *list, bool listed)
{
	const struct bide__chunk *before = NULL;
	for (const struct bide__chunk *c = list; c != NULL; before = c, c = c->next) {
		WRONG_IF(c->prev != before);
		WRONG_IF(c->listed != listed);
	}
	return NULL;
}

static const char *check_records(const struct bide__pool *pool)
{
	uint32_t holes = 0;
	PASS_ON(check_links(pool->tasks, true));
	for (uint32_t i = 0; i < pool->nchunks; i++) {
		const struct bide__chunk *chunk = pool->chunks[i];
		holes += chunk == NULL;
		if (chunk == NULL)
			continue;
		WRONG_IF(chunk->index != i);
		PASS_ON(check_chunk(chunk, sizeof(struct bide__task),
		                    BIDE__CHUNK_SIZE % sizeof(struct bide__task)));
		for (uint32_t s = BIDE__FIRST_SLOT; s < BIDE__CHUNK_RECORDS - chunk->fresh; s++)
			WRONG_IF(bide__record_at(pool, i * BIDE__SLOTS + s)->state != BIDE__FREE);
	}
	WRONG_IF(holes != pool->holes);
	return NULL;
}

static const char *check_pool(const struct bide__pool *pool)
{
	size_t nfree = 0;
	WRONG_IF(pool->blocks != 0);
	PASS_ON(check_records(pool));
	for (unsigned cls = 0; cls < BIDE__CLASSES; cls++) {
		PASS_ON(check_links(pool->room[cls], true));
		for (const struct bide__chunk *c = pool->room[cls]; c != NULL; c = c->next)
			PASS_ON(check_chunk(c, bide__class_size(cls), 0));
	}
	PASS_ON(check_links(pool->free, true));
	for (const struct bide__chunk *c = pool->free; c != NULL; c = c->next)
		nfree++;
	WRONG_IF(nfree != pool->nfree);
	return NULL;
}

static const char *check_class(const bide_loop *loop, const struct bide__stack_class *cls)
{
	size_t shared = 0, nfree = 0, carved = 0;
	for (unsigned i = 0; i < BIDE__SHARED_STACKS; i++)
		shared += loop->shared[i] != NULL && loop->shared[i]->cls == cls;
	for (const struct bide__stack *s = cls->free; s != NULL; s = s->next, nfree++) {
		WRONG_IF(nfree >= cls->nfree);
		WRONG_IF(s->cls != cls);
	}
	for (const struct bide__stack_region *r = cls->regions; r != NULL; r = r->next)
		carved += r->carved;
	WRONG_IF(nfree != cls->nfree);
	WRONG_IF(cls->nfree + shared != cls->made);
	WRONG_IF(carved != cls->made);
	WRONG_IF(cls->promised != 0);
	WRONG_IF(cls->nidle > cls->nfree);
	return NULL;
}

static const char *check_loop(const bide_loop *loop)
{
	WRONG_IF(loop->live != 0);
	WRONG_IF(loop->nready != 0 || loop->ready.head != NULL);
	WRONG_IF(loop->cutting.head != NULL || loop->passing_on);
	WRONG_IF(loop->current != NULL || loop->main != NULL || loop->running);
	WRONG_IF(loop->no_suspend != 0);
	WRONG_IF(loop->in_flight != 0);
	WRONG_IF(loop->endless != 0);
	WRONG_IF(bide__timers_count(&loop->timers) != 0);
	WRONG_IF(loop->inbox != NULL || loop->received != NULL);
	for (unsigned i = 0; i < BIDE__SHARED_STACKS; i++)
		WRONG_IF(loop->resident[i] != NULL);
	return NULL;
}

const char *sweep_fault_at_rest(const bide_loop *loop)
{
	PASS_ON(check_loop(loop));
	PASS_ON(check_pool(&loop->pool));
	for (const struct bide__stack_class *c = loop->stacks.classes; c != NULL; c = c->next)
		PASS_ON(check_class(loop, c));
	return NULL;
}
