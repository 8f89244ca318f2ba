// SPDX-License-Identifier: MIT
/* light.c: see light.h. */
#include "core/light.h"

#include "core/cancel.h"
#include "core/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LARGE = UINT8_MAX }; /* frames_class of frames larger than any size class */

static size_t class_room(unsigned cls)
{
	return cls == LARGE ? BIDE__BLOCK_MAX + 1 : bide__class_size(cls);
}

static void frames_free(bide_loop *loop, struct bide__task *task)
{
	bide__block_free(&loop->pool, task->frames, class_room(task->frames_class));
	task->frames = NULL;
}

/* What there is is kept unless it is too small or far too large. */
static inline bool frames_fit(const struct bide__task *task, unsigned cls)
{
	return task->frames != NULL && cls != LARGE && cls <= task->frames_class &&
	       class_room(task->frames_class) <= 4 * class_room(cls);
}

/* Has room for `size` bytes of frames. */
static bool frames_reserve(bide_loop *loop, struct bide__task *task, size_t size)
{
	unsigned cls = size > BIDE__BLOCK_MAX ? LARGE : bide__block_class(size);
	if (frames_fit(task, cls))
		return true;
	void *frames = bide__block_new(&loop->pool, size);
	if (frames == NULL)
		return false;
	frames_free(loop, task);
	task->frames = frames;
	task->frames_class = (uint8_t)cls;
	return true;
}

static size_t live_bytes(const bide_loop *loop, const struct bide__task *task)
{
	return (size_t)(loop->shared[task->shared]->top - (char *)task->sp);
}

/* Without memory for its frames a parked task cannot leave its stack. Where its wait can be given
 * up it ends with -ENOMEM, and frees the stack when it runs on; else it is tried again later. */
static int evict(bide_loop *loop, unsigned shared)
{
	struct bide__task *task = loop->resident[shared];
	if (task == NULL)
		return 0;
	size_t size = live_bytes(loop, task);
	if (!frames_reserve(loop, task, size)) {
		bide__give_up_wait(loop, task, -ENOMEM);
		loop->in_the_way = task;
		return -EAGAIN;
	}
	/* The word at the other end is a return address to the bottom, the same for every task. */
	size_t missing = BIDE__FAULT(SHORT_COPY) ? sizeof(void *) : 0;
	memcpy((char *)task->frames + missing, (char *)task->sp + missing, size - missing);
	loop->resident[shared] = NULL;
	return 0;
}

/* The current task's frames are in use. */
static bool in_use(const bide_loop *loop, unsigned shared)
{
	return loop->resident[shared] != NULL && loop->resident[shared] == loop->current;
}

/* Prefers a stack that nobody's frames are on. */
static unsigned choose(bide_loop *loop)
{
	unsigned shared = loop->next_shared;
	for (unsigned i = 0; i < BIDE__SHARED_STACKS; i++) {
		unsigned other = (shared + i) % BIDE__SHARED_STACKS;
		if (loop->resident[other] == NULL) {
			shared = other;
			break;
		}
	}
	if (in_use(loop, shared))
		shared = (shared + 1) % BIDE__SHARED_STACKS;
	loop->next_shared = (shared + 1) % BIDE__SHARED_STACKS;
	return shared;
}

int bide__light_begin(bide_loop *loop, struct bide__task *task)
{
	unsigned shared = choose(loop);
	/* The first is there since the first light task was spawned. */
	if (loop->shared[shared] == NULL && bide__shared_stack(loop, shared) < 0)
		shared = 0;
	int rc = in_use(loop, shared) ? -EAGAIN : evict(loop, shared);
	if (rc < 0)
		return rc;
	task->shared = shared & 15u;
	task->frames = NULL;
	loop->resident[shared] = task;
	return 0;
}

int bide__light_enter(bide_loop *loop, struct bide__task *task)
{
	if (bide__light_resident(loop, task))
		return 0;
	int rc = evict(loop, task->shared);
	if (rc < 0)
		return rc;
	memcpy(task->sp, task->frames, live_bytes(loop, task));
	loop->resident[task->shared] = task;
	return 0;
}

void bide__light_end(bide_loop *loop, struct bide__task *task)
{
	loop->resident[task->shared] = NULL;
	loop->next_shared = task->shared; /* it is warm */
	if (task->frames != NULL)
		frames_free(loop, task);
}

void bide__light_evict_now(bide_loop *loop, struct bide__task *task)
{
	enum { OLD_FRAMES = 0xdb };
	size_t size = live_bytes(loop, task);
	if (evict(loop, task->shared) == 0)
		memset(task->sp, OLD_FRAMES, size);
}

int bide__shared_stack(bide_loop *loop, unsigned shared)
{
	if (loop->shared[shared] != NULL)
		return 0;
	struct bide__stack_class *cls = bide__stack_class(&loop->stacks, BIDE__STACK_SHARED);
	if (cls == NULL)
		return -ENOMEM;
	int rc = bide__stack_promise(&loop->stacks, cls);
	if (rc < 0)
		return rc;
	loop->shared[shared] = bide__stack_take(&loop->stacks, cls);
	if (loop->shared[shared] != NULL)
		return 0;
	bide__stack_unpromise(cls);
	return -ENOMEM;
}

#if defined(BIDE__ASAN) || defined(BIDE_VALGRIND)
/* Leak checkers look at the end of the process, and not into what can not be read: what the parked
 * tasks hold would be told to be lost. */
static void show_all(void)
{
	const bide_loop *loop = bide__loop;
	struct bide__task *task;
	uint32_t slot = 0;
	while (loop != NULL && (task = bide__record_next(&loop->pool, &slot)) != NULL)
		if ((task->flags & BIDE__TASK_LIGHT) && bide__stack_of(loop, task) != NULL)
			bide__strict_show(task);
}

static void show_at_exit(void)
{
	static bool arranged; /* atomic */
	if (!__atomic_exchange_n(&arranged, true, __ATOMIC_RELAXED))
		(void)atexit(show_all);
}
#else
static void show_at_exit(void)
{
}
#endif

/* Best effort: a system that is out of maps leaves the stack open to touch. */
void bide__strict_hide(struct bide__task *task)
{
	show_at_exit();
	(void)mprotect(task->stack->low, task->stack->cls->size, PROT_NONE);
}

void bide__strict_show(struct bide__task *task)
{
	(void)mprotect(task->stack->low, task->stack->cls->size, PROT_READ | PROT_WRITE);
}

void bide_require_full(const char *why)
{
	const bide_loop *loop = bide__loop;
	if (loop != NULL && loop->current != NULL && (loop->current->flags & BIDE__TASK_LIGHT))
		bide__abort("bide_require_full", "%s needs a full stack: spawn it by BIDE_ASYNC",
		            why);
}
