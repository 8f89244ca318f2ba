// SPDX-License-Identifier: MIT
/* loops.c: see loops.h; and the descriptor by which a tool reads tasks from outside the process. */
#include "core/loops.h"

#include "core/wake.h"

#include <errno.h>

pthread_mutex_t bide__loops_lock = PTHREAD_MUTEX_INITIALIZER;

static struct {
	uint32_t generations[BIDE__LOOPS_MAX]; /* first unused one of each number */
	bide_loop *loops[BIDE__LOOPS_MAX];
	unsigned next; /* number to be tried first */
} all;                 /* guarded by the lock */

static struct bide_inspect inspect = {
	.magic = { 'b', 'i', 'd', 'e', 0, 0, 0, sizeof(void *) },
	.version = 1,
	.size = sizeof(struct bide_inspect),
	.loop_next = offsetof(bide_loop, next),
	.loop_thread = offsetof(bide_loop, thread),
	.loop_current = offsetof(bide_loop, current),
	.loop_chunks = offsetof(bide_loop, pool.chunks),
	.loop_nchunks = offsetof(bide_loop, pool.nchunks),
	.chunk_memory = offsetof(struct bide__chunk, memory),
	.chunk_first = BIDE__FIRST_SLOT,
	.chunk_count = BIDE__CHUNK_RECORDS,
	.chunk_fresh = offsetof(struct bide__chunk, fresh),
	.task_size = sizeof(struct bide__task),
	.task_state = offsetof(struct bide__task, state),
	.task_slot = offsetof(struct bide__task, slot),
	.task_function = offsetof(struct bide__task, fn),
	.task_extra = offsetof(struct bide__task, extra),
	.extra_name = offsetof(struct bide__extra, name),
	.task_wait = offsetof(struct bide__task, wait),
	.task_object = offsetof(struct bide__task, object),
	.task_group = offsetof(struct bide__task, group),
	.group_owner = offsetof(struct bide_group, scope.owner),
};

const struct bide_inspect *const bide_inspect = &inspect;

/* A number whose generations are used up is passed over while there are others. */
static int free_number(void)
{
	int worn = -EMFILE;
	for (unsigned i = 0; i < BIDE__LOOPS_MAX; i++) {
		unsigned id = (all.next + i) % BIDE__LOOPS_MAX;
		if (all.loops[id] != NULL)
			continue;
		if (all.generations[id] < BIDE__GENERATION_MAX / 2)
			return (int)id;
		worn = (int)id;
	}
	if (worn >= 0)
		all.generations[worn] = 0;
	return worn;
}

int bide__loops_add(bide_loop *loop, uint32_t *ret_generation)
{
	pthread_mutex_lock(&bide__loops_lock);
	int id = free_number();
	if (id >= 0) {
		all.next = (unsigned)id + 1;
		all.loops[id] = loop;
		loop->id = (uint16_t)id;
		loop->next = (bide_loop *)inspect.loops;
		inspect.loops = loop;
		*ret_generation = all.generations[id] > 0 ? all.generations[id] : 1;
	}
	pthread_mutex_unlock(&bide__loops_lock);
	return id < 0 ? id : 0;
}

void bide__loops_remove(bide_loop *loop, uint32_t generation)
{
	pthread_mutex_lock(&bide__loops_lock);
	all.loops[loop->id] = NULL;
	all.generations[loop->id] = generation;
	bide_loop **link = (bide_loop **)&inspect.loops;
	while (*link != loop)
		link = &(*link)->next;
	*link = loop->next;
	pthread_mutex_unlock(&bide__loops_lock);
}

void bide__loops_in_child(void)
{
	for (unsigned i = 0; i < BIDE__LOOPS_MAX; i++)
		if (all.loops[i] != NULL)
			bide__abandon_inbox(all.loops[i]);
}

int32_t bide__thread_of_loop(unsigned id)
{
	pthread_mutex_lock(&bide__loops_lock);
	int32_t thread = id < BIDE__LOOPS_MAX && all.loops[id] != NULL ? all.loops[id]->thread : 0;
	pthread_mutex_unlock(&bide__loops_lock);
	return thread;
}
