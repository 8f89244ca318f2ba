/* SPDX-License-Identifier: MIT */
/* pool.h: the memory of one loop: small blocks by size class, and the table of task records.
 *
 * Both are carved from chunks of 64 KiB, aligned to their size, so that a block finds its chunk
 * and an empty chunk can be given back to the system. Every allocation is a point at which the
 * failure hook of base/alloc.h may strike. Knows nothing of what is in the blocks. */
#ifndef BIDE_CORE_POOL_H
#define BIDE_CORE_POOL_H

#include "base/alloc.h"
#include "core/record.h"

enum {
	BIDE__CHUNK_SIZE = 64 * 1024,
	BIDE__REGION_CHUNKS = 64,
	BIDE__REGION_SIZE = BIDE__REGION_CHUNKS * BIDE__CHUNK_SIZE, /* and what it is aligned to */
	BIDE__BLOCK_STEP = 16,    /* classes are multiples of this … */
	BIDE__BLOCK_FINE = 1024,  /* … up to this, */
	BIDE__BLOCK_COARSE = 256, /* then of this … */
	BIDE__BLOCK_MAX = 16384,  /* … up to this; larger blocks come from malloc */
	BIDE__CLASSES = BIDE__BLOCK_FINE / BIDE__BLOCK_STEP +
	                (BIDE__BLOCK_MAX - BIDE__BLOCK_FINE) / BIDE__BLOCK_COARSE,
	BIDE__SLOTS = 512,    /* slot numbers a chunk of the task table takes */
	BIDE__SLOT_BITS = 28, /* of a slot number */
	BIDE__GENERATION_MAX = (1 << 22) - 1
};

/* What is known of a chunk. It does not lie in the chunk: those of a region lie together, in one of
 * the first pages of the region, so that they are in the caches, of addresses above all, when those
 * of a million blocks that nobody has touched for long are given back. */
struct bide__chunk {
	struct bide__chunk *next, *prev; /* the list of chunks with room, or of free ones */
	char *memory;                    /* the chunk itself */
	void *free;                      /* blocks given back */
	uint32_t used;                   /* blocks in use */
	uint32_t fresh;                  /* blocks, from the end, never used */
	uint32_t capacity;               /* blocks in all */
	uint32_t index;                  /* tasks: position in the table */
	bool listed;                     /* on the list of chunks with room */
};

enum {
	BIDE__FIRST_SLOT = 1, /* of a chunk: no task has the number 0 */
	BIDE__CHUNK_RECORDS = BIDE__CHUNK_SIZE / sizeof(struct bide__task)
};

struct bide__pool {
	struct bide__chunk *room[BIDE__CLASSES]; /* chunks of a class with free blocks */
	struct bide__chunk *free;                /* chunks of no class */
	size_t nfree;
	struct bide__large *large;    /* blocks that came from malloc */
	struct bide__region *regions; /* where chunks come from */
	char *fresh_chunk;            /* next chunk never used, */
	unsigned fresh_chunks;        /* and how many follow in its region */
	size_t blocks;                /* live blocks, tasks and chunks' own apart */

	struct bide__chunk **chunks; /* the task table, by slot / BIDE__SLOTS; some NULL */
	uint32_t *generations;       /* first generation of a chunk that comes back */
	uint32_t nchunks, chunks_cap;
	uint32_t holes;            /* NULLs in the table */
	struct bide__chunk *tasks; /* chunks with free records */
	uint32_t generation;       /* of slots not yet used */
};

void bide__pool_init(struct bide__pool *pool, uint32_t generation);

/* Gives everything back, blocks that were never freed with it; these are left where something
 * watches malloc, which tells of them. Returns the first generation that no handle has had. */
uint32_t bide__pool_finish(struct bide__pool *pool);

/* Returns a block, aligned to 16 bytes, not cleared; NULL when memory ran out. */
void *bide__block_new(struct bide__pool *pool, size_t size);
void bide__block_free(struct bide__pool *pool, void *block, size_t size);

/* The room that a block of this size really has. */
size_t bide__block_room(size_t size);

/* Numbers the size classes; `size` at most BIDE__BLOCK_MAX. */
static inline unsigned bide__block_class(size_t size)
{
	if (size <= BIDE__BLOCK_FINE)
		return size == 0 ? 0 : (unsigned)((size - 1) / BIDE__BLOCK_STEP);
	return (unsigned)(BIDE__BLOCK_FINE / BIDE__BLOCK_STEP +
	                  (size - BIDE__BLOCK_FINE - 1) / BIDE__BLOCK_COARSE);
}

static inline size_t bide__class_size(unsigned cls)
{
	const unsigned fine = BIDE__BLOCK_FINE / BIDE__BLOCK_STEP;
	if (cls < fine)
		return (cls + (size_t)1) * BIDE__BLOCK_STEP;
	return BIDE__BLOCK_FINE + (cls - fine + (size_t)1) * BIDE__BLOCK_COARSE;
}

/* What is not done at each of these. */
struct bide__task *bide__record_make(struct bide__pool *pool);
void bide__record_last(struct bide__pool *pool, struct bide__task *task);

/* Returns a record with `slot`, `generation` and `ignored` set and the rest undefined, or NULL. A
 * chunk that has no more stays listed until it is asked for one. */
static inline struct bide__task *bide__record_new(struct bide__pool *pool)
{
	struct bide__chunk *chunk = pool->tasks;
	if (__builtin_expect(chunk == NULL || chunk->free == NULL || bide__alloc_fails(), 0))
		return bide__record_make(pool);
	struct bide__task *task = chunk->free;
	chunk->free = task->next;
	chunk->used++;
	return task;
}

/* A region's first chunk is used for what is known of the others. Regions use different pages of
 * it, as their like-numbered lines would fall into the same cache sets. */
static inline struct bide__chunk *bide__chunk_of(const void *block)
{
	enum { PAGE = 4096, LINE = 64, PAGES = BIDE__CHUNK_SIZE / PAGE };
	uintptr_t at = (uintptr_t)block;
	uintptr_t region = at & ~(uintptr_t)(BIDE__REGION_SIZE - 1);
	return (struct bide__chunk *)(region + at / BIDE__REGION_SIZE % PAGES * PAGE +
	                              at / BIDE__CHUNK_SIZE % BIDE__REGION_CHUNKS * LINE);
}

static inline void bide__record_free(struct bide__pool *pool, struct bide__task *task)
{
	struct bide__chunk *chunk = bide__chunk_of(task);
	task->state = BIDE__FREE;
	task->ignored = 0;
	task->generation++;
	task->next = chunk->free;
	chunk->free = task;
	if (__builtin_expect(--chunk->used == 0 || !chunk->listed || task->generation == 0, 0))
		bide__record_last(pool, task);
}

/* Returns the record of a slot, in use or not, or NULL. */
static inline struct bide__task *bide__record_at(const struct bide__pool *pool, uint32_t slot)
{
	uint32_t index = slot / BIDE__SLOTS, i = slot % BIDE__SLOTS;
	if (index >= pool->nchunks)
		return NULL;
	struct bide__chunk *chunk = pool->chunks[index];
	if (chunk == NULL || i < BIDE__FIRST_SLOT || i >= BIDE__CHUNK_RECORDS - chunk->fresh)
		return NULL;
	return (struct bide__task *)(void *)chunk->memory + i;
}

/* Returns the record in use with the lowest slot not below *slot and sets *slot behind it; NULL
 * at the end. */
struct bide__task *bide__record_next(const struct bide__pool *pool, uint32_t *slot);

#endif
