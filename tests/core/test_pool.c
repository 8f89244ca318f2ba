// SPDX-License-Identifier: MIT
/* The pool of one loop: blocks by size class, and the table of task records. What is asked of it:
 * blocks that do not overlap, are used again, and whose chunks go from one class to another; and
 * record numbers of which no use is ever mistaken for another. */
#include "core/pool.h"

#include "base/alloc.h"
#include "core/record.h"
#include "core/sanitizers.h"
#include "harness/test.h"

#include <bide.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 2000 };

/* ---- size classes --------------------------------------------------------------------------- */

TEST(pool_every_size_has_the_least_class_that_holds_it)
{
	for (size_t size = 1; size <= BIDE__BLOCK_MAX; size++) {
		unsigned cls = bide__block_class(size);
		CHECK(cls < BIDE__CLASSES);
		CHECK(bide__class_size(cls) >= size);
		CHECK(cls == 0 || bide__class_size(cls - 1) < size);
		CHECK_UINT(bide__block_room(size), bide__class_size(cls));
	}
	CHECK_UINT(bide__class_size(0), BIDE__BLOCK_STEP);
	CHECK_UINT(bide__class_size(BIDE__CLASSES - 1), BIDE__BLOCK_MAX);
	CHECK_UINT(bide__block_class(0), 0);
	CHECK_UINT(bide__block_room(BIDE__BLOCK_MAX + 1), BIDE__BLOCK_MAX + 1);
}

/* ---- blocks --------------------------------------------------------------------------------- */

static size_t size_of(size_t i)
{
	return 1 + i * 37 % (BIDE__BLOCK_MAX + 2000);
}

TEST(pool_blocks_are_aligned_and_keep_what_is_in_them)
{
	static unsigned char *blocks[MANY];
	struct bide__pool pool;
	bide__pool_init(&pool, 1);
	for (size_t i = 0; i < MANY; i++) {
		blocks[i] = bide__block_new(&pool, size_of(i));
		CHECK(blocks[i] != NULL);
		CHECK_UINT((uintptr_t)blocks[i] % 16, 0);
		memset(blocks[i], (int)(i & 0xff), size_of(i));
	}
	CHECK_UINT(pool.blocks, MANY);
	for (size_t i = 0; i < MANY; i += 2)
		bide__block_free(&pool, blocks[i], size_of(i));
	CHECK_UINT(pool.blocks, MANY / 2);
	for (size_t i = 1; i < MANY; i += 2) {
		for (size_t at = 0; at < size_of(i); at++)
			CHECK_INT(blocks[i][at], (int)(i & 0xff));
		bide__block_free(&pool, blocks[i], size_of(i));
	}
	CHECK_UINT(pool.blocks, 0);
	bide__block_free(&pool, NULL, 100);
	CHECK_UINT(pool.blocks, 0);
	bide__pool_finish(&pool);
}

TEST(pool_gives_everything_back)
{
	struct bide__pool pool;
	bide__alloc_arm(0);
	bide__pool_init(&pool, 1);
	for (size_t i = 0; i < MANY; i++) {
		void *block = bide__block_new(&pool, size_of(i));
		struct bide__task *task = bide__record_new(&pool);
		CHECK(block != NULL && task != NULL);
		task->state = BIDE__DONE;
		bide__block_free(&pool, block, size_of(i));
		if (i % 3 == 0)
			bide__record_free(&pool, task);
	}
	bide__pool_finish(&pool);
	bide__alloc_disarm();
	CHECK_INT(bide__alloc_hook.live, 0);
}

TEST(pool_a_block_that_fails_changes_nothing)
{
	static const size_t sizes[] = { 16, 300, 5000, 100000 };
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
		for (long k = 1;; k++) {
			struct bide__pool pool;
			bide__pool_init(&pool, 1);
			bide__alloc_arm(k);
			void *block = bide__block_new(&pool, sizes[s]);
			bool failed = bide__alloc_hook.failures > 0;
			CHECK((block == NULL) == failed);
			CHECK_UINT(pool.blocks, block != NULL);
			bide__alloc_hook.countdown = 0;
			void *other = bide__block_new(&pool, sizes[s]);
			CHECK(other != NULL && other != block);
			bide__block_free(&pool, block, sizes[s]);
			bide__block_free(&pool, other, sizes[s]);
			bide__pool_finish(&pool);
			bide__alloc_disarm();
			CHECK_INT(bide__alloc_hook.live, 0);
			if (!failed)
				break;
		}
}

/* Where something watches malloc, blocks come from there and there are no chunks of them. */
#if !BIDE__BLOCKS_BY_MALLOC

TEST(pool_a_freed_block_is_the_next_to_be_used)
{
	struct bide__pool pool;
	bide__pool_init(&pool, 1);
	void *a = bide__block_new(&pool, 100), *b = bide__block_new(&pool, 100);
	bide__block_free(&pool, a, 100);
	bide__block_free(&pool, b, 100);
	CHECK_PTR(bide__block_new(&pool, 97), b);
	CHECK_PTR(bide__block_new(&pool, 112), a);
	bide__pool_finish(&pool);
}

TEST(pool_large_blocks_that_were_never_freed_go_with_it)
{
	enum { LARGE = BIDE__BLOCK_MAX + 1 };
	struct bide__pool pool;
	bide__alloc_arm(0);
	bide__pool_init(&pool, 1);
	void *blocks[5];
	for (size_t i = 0; i < 5; i++)
		CHECK((blocks[i] = bide__block_new(&pool, LARGE)) != NULL);
	for (size_t i = 0; i < 5; i += 2) /* the newest, the oldest and one between others */
		bide__block_free(&pool, blocks[i], LARGE);
	CHECK_INT(bide__alloc_hook.live, 2);
	bide__pool_finish(&pool);
	bide__alloc_disarm();
	CHECK_INT(bide__alloc_hook.live, 0);
}

/* A loop on which a queue had so many items leaves one block: the queue's record, which is counted
 * although its chunk has been given back. */
static void leave_queue(int items)
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL };
	bide_loop *loop;
	bide_queue *queue;
	bide__alloc_arm(0);
	CHECK_INT(bide_loop_open(&options, &loop), 0);
	CHECK_INT(bide_queue_open(int, NULL, &queue), 0);
	for (int item = 0; item < items; item++)
		CHECK_INT(bide_queue_try_put(queue, &item), 0);
	bide_loop_close(loop);
	bide__alloc_disarm();
	CHECK_INT(bide__alloc_hook.live, 1);
}

TEST(pool_items_of_a_queue_that_was_not_freed_go_with_its_loop)
{
	leave_queue(0);
	leave_queue(100000);
}

/* Fills so many chunks with blocks of one size; returns how many blocks that took. */
static size_t fill_chunks(struct bide__pool *pool, size_t size, size_t chunks, void **blocks)
{
	size_t n = chunks * (BIDE__CHUNK_SIZE / size);
	for (size_t i = 0; i < n; i++) {
		blocks[i] = bide__block_new(pool, size);
		if (blocks[i] != NULL)
			memset(blocks[i], 0xaa, size);
	}
	return n;
}

TEST(pool_an_empty_chunk_goes_to_another_class)
{
	enum { CHUNKS = 8, SIZE = 1024, OTHER = 512 };
	static void *blocks[CHUNKS * 64 * 2];
	struct bide__pool pool;
	bide__pool_init(&pool, 1);
	size_t n = fill_chunks(&pool, SIZE, CHUNKS, blocks);
	unsigned fresh = pool.fresh_chunks;
	CHECK_UINT(pool.nfree, 0);
	for (size_t i = 0; i < n; i++)
		bide__block_free(&pool, blocks[i], SIZE);
	/* One stays with its class, so that a block taken and given in turn moves no chunk. */
	CHECK_UINT(pool.nfree, CHUNKS - 1);
	n = fill_chunks(&pool, OTHER, CHUNKS - 1, blocks);
	CHECK_UINT(pool.nfree, 0);
	CHECK_UINT(pool.fresh_chunks, fresh);
	for (size_t i = 0; i < n; i++)
		bide__block_free(&pool, blocks[i], OTHER);
	CHECK_UINT(pool.blocks, 0);
	bide__pool_finish(&pool);
}

TEST(pool_a_block_taken_and_given_in_turn_keeps_its_chunk)
{
	struct bide__pool pool;
	bide__pool_init(&pool, 1);
	void *first = bide__block_new(&pool, 64);
	bide__block_free(&pool, first, 64);
	for (int i = 0; i < 10; i++) {
		void *again = bide__block_new(&pool, 64);
		CHECK_PTR(again, first);
		bide__block_free(&pool, again, 64);
		CHECK_UINT(pool.nfree, 0);
	}
	bide__pool_finish(&pool);
}

/* Whether a free chunk's memory has been given back: then it reads as 0. */
static bool given_back(const struct bide__chunk *chunk)
{
	const char *at = chunk->memory;
	for (size_t i = 0; i < BIDE__CHUNK_SIZE; i++)
		if (at[i] != 0)
			return false;
	return true;
}

TEST(pool_the_pages_of_many_free_chunks_go_back_to_the_system)
{
	enum { CHUNKS = 50, SIZE = 1024, KEPT = 16 };
	static void *blocks[CHUNKS * 64];
	struct bide__pool pool;
	size_t back = 0;
	bide__pool_init(&pool, 1);
	size_t n = fill_chunks(&pool, SIZE, CHUNKS, blocks);
	for (size_t i = 0; i < n; i++)
		bide__block_free(&pool, blocks[i], SIZE);
	CHECK_UINT(pool.nfree, CHUNKS - 1);
	for (const struct bide__chunk *c = pool.free; c != NULL; c = c->next)
		back += given_back(c);
	CHECK_UINT(back, CHUNKS - 1 - KEPT);
	bide__pool_finish(&pool);
}

#endif
