// SPDX-License-Identifier: MIT
/* pool.c: see pool.h.
 *
 * Free blocks are linked through their first word. In a chunk of task records the record of slot s
 * lies at index s % BIDE__SLOTS, so that a slot number finds its record by a few loads. */
#include "core/pool.h"

#include "base/alloc.h"
#include "core/record.h"
#include "core/sanitizers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	FEW_CHUNKS = 4, /* a loop that used no more than these leaves its region to the next one */
	FREE_CHUNKS_KEPT = 16, /* with their pages; the pages of more go back to the system */
	POPULATE_WRITE = 23,   /* MADV_POPULATE_WRITE, which older headers do not have */
};

struct bide__region {
	struct bide__region *next;
	char *base;
};

/* In front of a large block, which comes from malloc. */
struct bide__large {
	struct bide__large *next, *prev;
};

static void *kept_region; /* of the last short loop */

_Static_assert(sizeof(struct bide__chunk) <= 64, "what is known of a chunk fits a cache line");
_Static_assert(sizeof(struct bide__large) % BIDE__BLOCK_STEP == 0, "blocks behind it are aligned");
_Static_assert((int)BIDE__CHUNK_RECORDS <= (int)BIDE__SLOTS, "a chunk's records have slot numbers");
#if !defined(BIDE__TSAN)
_Static_assert(sizeof(struct bide__task) == 128, "a record is two cache lines");
#endif

/* ---- chunks ------------------------------------------------------------------------------- */

static void list_push(struct bide__chunk **list, struct bide__chunk *chunk)
{
	chunk->prev = NULL;
	chunk->next = *list;
	if (*list != NULL)
		(*list)->prev = chunk;
	*list = chunk;
	chunk->listed = true;
}

static void list_remove(struct bide__chunk **list, struct bide__chunk *chunk)
{
	if (chunk->prev != NULL)
		chunk->prev->next = chunk->next;
	else
		*list = chunk->next;
	if (chunk->next != NULL)
		chunk->next->prev = chunk->prev;
	chunk->listed = false;
}

static bool region_new(struct bide__pool *pool)
{
	struct bide__region *region = bide__malloc(sizeof(*region));
	if (region == NULL)
		return false;
	region->base = pool->regions == NULL
	                       ? bide__map_kept(&kept_region, BIDE__REGION_SIZE, BIDE__REGION_SIZE)
	                       : bide__map_aligned(BIDE__REGION_SIZE);
	if (region->base == NULL) {
		bide__free(region);
		return false;
	}
	BIDE__ROOT_REGISTER(region->base, BIDE__REGION_SIZE);
	region->next = pool->regions;
	pool->regions = region;
	pool->fresh_chunk = region->base + BIDE__CHUNK_SIZE;
	pool->fresh_chunks = BIDE__REGION_CHUNKS - 1;
	return true;
}

/* Has the system back a whole chunk by one call instead of a fault for each page (Linux 5.14, else
 * it does nothing), once there are so many chunks that one half used is little beside them. */
static void back(struct bide__chunk *chunk)
{
	(void)madvise(chunk->memory, BIDE__CHUNK_SIZE, POPULATE_WRITE);
}

static struct bide__chunk *chunk_new(struct bide__pool *pool)
{
	struct bide__chunk *chunk = pool->free;
	if (chunk != NULL) {
		list_remove(&pool->free, chunk);
		if (--pool->nfree >= FREE_CHUNKS_KEPT)
			back(chunk);
		return chunk;
	}
	if (pool->fresh_chunks == 0 && !region_new(pool))
		return NULL;
	chunk = bide__chunk_of(pool->fresh_chunk);
	chunk->memory = pool->fresh_chunk;
	pool->fresh_chunk += BIDE__CHUNK_SIZE;
	pool->fresh_chunks--;
	if (pool->regions->next != NULL)
		back(chunk);
	return chunk;
}

static void chunk_free(struct bide__pool *pool, struct bide__chunk *chunk)
{
	if (pool->nfree >= FREE_CHUNKS_KEPT)
		(void)madvise(chunk->memory, BIDE__CHUNK_SIZE, MADV_DONTNEED);
	list_push(&pool->free, chunk);
	pool->nfree++;
}

static void chunk_init(struct bide__chunk *chunk, uint32_t capacity)
{
	*chunk = (struct bide__chunk){
		.memory = chunk->memory,
		.capacity = capacity,
		.fresh = capacity,
	};
}

/* Takes a block of `size` out of the first chunk of a list, whose last block ends the chunk. */
static void *take(struct bide__chunk **list, size_t size)
{
	struct bide__chunk *chunk = *list;
	void *block = chunk->free;
	if (block != NULL)
		memcpy(&chunk->free, block, sizeof(void *));
	else
		block = chunk->memory + BIDE__CHUNK_SIZE - size * chunk->fresh--;
	chunk->used++;
	if (chunk->free == NULL && chunk->fresh == 0)
		list_remove(list, chunk);
	return block;
}

/* ---- large blocks ------------------------------------------------------------------------- */

static void *large_new(struct bide__pool *pool, size_t size)
{
	size_t bytes;
	if (__builtin_add_overflow(size, sizeof(struct bide__large), &bytes))
		return NULL;
	struct bide__large *large = bide__malloc(bytes);
	if (large == NULL)
		return NULL;
	*large = (struct bide__large){ .next = pool->large };
	if (pool->large != NULL)
		pool->large->prev = large;
	pool->large = large;
	return large + 1;
}

static void large_free(struct bide__pool *pool, void *block)
{
	struct bide__large *large = (struct bide__large *)block - 1;
	if (large->prev != NULL)
		large->prev->next = large->next;
	else
		pool->large = large->next;
	if (large->next != NULL)
		large->next->prev = large->prev;
	bide__free(large);
}

/* ---- blocks ------------------------------------------------------------------------------- */

size_t bide__block_room(size_t size)
{
	return size > BIDE__BLOCK_MAX ? size : bide__class_size(bide__block_class(size));
}

void *bide__block_new(struct bide__pool *pool, size_t size)
{
	if (BIDE__BLOCKS_BY_MALLOC || size > BIDE__BLOCK_MAX) {
		void *block = BIDE__BLOCKS_BY_MALLOC ? bide__malloc(size) : large_new(pool, size);
		pool->blocks += block != NULL;
		return block;
	}
	if (bide__alloc_fails())
		return NULL;
	unsigned cls = bide__block_class(size);
	if (pool->room[cls] == NULL) {
		struct bide__chunk *chunk = chunk_new(pool);
		if (chunk == NULL)
			return NULL;
		chunk_init(chunk, (uint32_t)(BIDE__CHUNK_SIZE / bide__class_size(cls)));
		list_push(&pool->room[cls], chunk);
	}
	pool->blocks++;
	bide__alloc_note(1);
	return take(&pool->room[cls], bide__class_size(cls));
}

/* Gives a block back to its chunk, and an empty chunk back unless it is the only one with room. */
static void give(struct bide__chunk **list, struct bide__chunk *chunk, void *block)
{
	memcpy(block, &chunk->free, sizeof(void *));
	chunk->free = block;
	chunk->used--;
	if (!chunk->listed)
		list_push(list, chunk);
}

static bool spare(struct bide__chunk *const *list, const struct bide__chunk *chunk)
{
	return chunk->used == 0 && ((*list)->next != NULL || *list != chunk);
}

void bide__block_free(struct bide__pool *pool, void *block, size_t size)
{
	if (block == NULL)
		return;
	pool->blocks--;
	if (BIDE__BLOCKS_BY_MALLOC) {
		bide__free(block);
		return;
	}
	if (size > BIDE__BLOCK_MAX) {
		large_free(pool, block);
		return;
	}
	bide__alloc_note(-1);
	struct bide__chunk **list = &pool->room[bide__block_class(size)];
	struct bide__chunk *chunk = bide__chunk_of(block);
	give(list, chunk, block);
	if (spare(list, chunk)) {
		list_remove(list, chunk);
		chunk_free(pool, chunk);
	}
}

/* ---- the task table ----------------------------------------------------------------------- */

/* A signal handler may look into the table at any time, so the old one is freed last. */
static bool table_grow(struct bide__pool *pool)
{
	uint32_t n = pool->nchunks, cap = n == 0 ? 16 : 2 * n;
	struct bide__chunk **chunks = bide__malloc(cap * sizeof(*chunks)), **old = pool->chunks;
	uint32_t *generations = bide__malloc(cap * sizeof(*generations));
	if (chunks == NULL || generations == NULL) {
		bide__free(chunks);
		bide__free(generations);
		return false;
	}
	if (n > 0) {
		memcpy(chunks, old, n * sizeof(*chunks));
		memcpy(generations, pool->generations, n * sizeof(*generations));
	}
	bide__free(pool->generations);
	pool->generations = generations;
	pool->chunks = chunks;
	pool->chunks_cap = cap;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	bide__free(old);
	return true;
}

/* Finds a place in the table: one whose chunk was given back, or a new one. */
static bool table_place(struct bide__pool *pool, uint32_t *ret_index)
{
	if (pool->holes > 0)
		for (uint32_t i = 0; i < pool->nchunks; i++)
			if (pool->chunks[i] == NULL &&
			    pool->generations[i] < BIDE__GENERATION_MAX) {
				*ret_index = i;
				return true;
			}
	if (pool->nchunks >= (1u << BIDE__SLOT_BITS) / BIDE__SLOTS)
		return false;
	if (pool->nchunks == pool->chunks_cap && !table_grow(pool))
		return false;
	*ret_index = pool->nchunks;
	return true;
}

static struct bide__chunk *records_new(struct bide__pool *pool)
{
	uint32_t index = 0;
	if (!table_place(pool, &index))
		return NULL;
	struct bide__chunk *chunk = chunk_new(pool);
	if (chunk == NULL)
		return NULL;
	chunk_init(chunk, BIDE__CHUNK_RECORDS - BIDE__FIRST_SLOT);
	chunk->index = index;
	if (index == pool->nchunks)
		pool->generations[index] = pool->generation;
	else
		pool->holes--;
	pool->chunks[index] = chunk;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	pool->nchunks += index == pool->nchunks;
	list_push(&pool->tasks, chunk);
	return chunk;
}

/* The first time that a chunk is found to have no more it goes off the list. A record never used
 * has the generation that the chunk began with. */
struct bide__task *bide__record_make(struct bide__pool *pool)
{
	if (bide__alloc_fails())
		return NULL;
	struct bide__chunk *chunk = pool->tasks;
	while (chunk != NULL && chunk->free == NULL && chunk->fresh == 0) {
		list_remove(&pool->tasks, chunk);
		chunk = pool->tasks;
	}
	if (chunk == NULL && (chunk = records_new(pool)) == NULL)
		return NULL;
	struct bide__task *task = chunk->free;
	if (task != NULL) {
		chunk->free = task->next;
	} else {
		uint32_t i = BIDE__CHUNK_RECORDS - chunk->fresh--;
		task = (struct bide__task *)(void *)chunk->memory + i;
		task->slot = chunk->index * BIDE__SLOTS + i;
		task->generation = pool->generations[chunk->index];
		task->ignored = 0;
	}
	chunk->used++;
	return task;
}

/* The highest generation that a record of the chunk has had. */
static uint32_t last_generation(const struct bide__pool *pool, const struct bide__chunk *chunk)
{
	const struct bide__task *records = (const struct bide__task *)(void *)chunk->memory;
	const struct bide__task *task = records + BIDE__FIRST_SLOT;
	const struct bide__task *end = records + (BIDE__CHUNK_RECORDS - chunk->fresh);
	uint32_t last = pool->generations[chunk->index];
	for (; task < end; task++)
		if (last < task->generation)
			last = task->generation;
	return last;
}

static void records_free(struct bide__pool *pool, struct bide__chunk *chunk)
{
	pool->generations[chunk->index] = last_generation(pool, chunk);
	list_remove(&pool->tasks, chunk);
	pool->chunks[chunk->index] = NULL;
	pool->holes++;
	chunk_free(pool, chunk);
}

/* A slot whose generations are used up is never given out again, so that a stale handle can not
 * come to mean another task: its record, the first of the free ones, leaves them. */
void bide__record_last(struct bide__pool *pool, struct bide__task *task)
{
	struct bide__chunk *chunk = bide__chunk_of(task);
	if (task->generation == 0) {
		task->generation = BIDE__GENERATION_MAX;
		chunk->free = task->next;
	} else if (!chunk->listed) {
		list_push(&pool->tasks, chunk);
	}
	if (chunk->listed && spare(&pool->tasks, chunk))
		records_free(pool, chunk);
}

struct bide__task *bide__record_next(const struct bide__pool *pool, uint32_t *slot)
{
	for (uint32_t index = *slot / BIDE__SLOTS; index < pool->nchunks; index++) {
		const struct bide__chunk *chunk = pool->chunks[index];
		uint32_t i = index == *slot / BIDE__SLOTS ? *slot % BIDE__SLOTS : 0;
		if (chunk == NULL || chunk->used == 0)
			continue;
		for (i = i < BIDE__FIRST_SLOT ? BIDE__FIRST_SLOT : i;
		     i < BIDE__CHUNK_RECORDS - chunk->fresh; i++) {
			struct bide__task *task = (struct bide__task *)(void *)chunk->memory + i;
			if (task->state == BIDE__FREE)
				continue;
			*slot = index * BIDE__SLOTS + i + 1;
			return task;
		}
	}
	return NULL;
}

/* ---- the whole ---------------------------------------------------------------------------- */

void bide__pool_init(struct bide__pool *pool, uint32_t generation)
{
	memset(pool, 0, sizeof(*pool));
	pool->generation = generation;
}

uint32_t bide__pool_finish(struct bide__pool *pool)
{
	uint32_t next = pool->generation;
	for (uint32_t i = 0; i < pool->nchunks; i++) {
		uint32_t last = pool->chunks[i] != NULL ? last_generation(pool, pool->chunks[i])
		                                        : pool->generations[i];
		if (next <= last)
			next = last + 1;
	}
	bide__free(pool->chunks);
	bide__free(pool->generations);
	while (pool->large != NULL)
		large_free(pool, pool->large + 1);
	for (struct bide__region *region = pool->regions, *following; region; region = following) {
		following = region->next;
		BIDE__ROOT_UNREGISTER(region->base, BIDE__REGION_SIZE);
		if (following == NULL && pool->fresh_chunks + FEW_CHUNKS >= BIDE__REGION_CHUNKS)
			bide__unmap_kept(&kept_region, region->base, BIDE__REGION_SIZE);
		else
			bide__unmap(region->base, BIDE__REGION_SIZE);
		bide__free(region);
	}
	return next;
}
