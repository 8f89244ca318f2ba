// SPDX-License-Identifier: MIT
/* The table of task records: a slot number and a generation together mean one use of one record,
 * for ever; whatever happens to the record's chunk meanwhile. */
#include "base/alloc.h"
#include "core/pool.h"
#include "core/record.h"
#include "harness/test.h"

#include <stdlib.h>
#include <string.h>

enum { PER_CHUNK = BIDE__CHUNK_RECORDS - BIDE__FIRST_SLOT, CHUNKS = 5, MANY = CHUNKS * PER_CHUNK };

static struct bide__task *tasks[MANY];

static struct bide__task *take(struct bide__pool *pool)
{
	struct bide__task *task = bide__record_new(pool);
	if (task != NULL)
		task->state = BIDE__READY;
	return task;
}

static void take_many(struct bide__pool *pool, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		tasks[i] = take(pool);
		CHECK(tasks[i] != NULL);
	}
}

static void free_many(struct bide__pool *pool, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bide__record_free(pool, tasks[i]);
}

TEST(records_are_found_by_their_slots)
{
	struct bide__pool pool;
	uint32_t slot = 0;
	bide__pool_init(&pool, 1);
	take_many(&pool, MANY);
	for (size_t i = 0; i < MANY; i++) {
		CHECK_PTR(bide__record_at(&pool, tasks[i]->slot), tasks[i]);
		CHECK_UINT(tasks[i]->generation, 1);
	}
	/* In the order of their slots, each once. */
	for (size_t i = 0; i < MANY; i++)
		CHECK_PTR(bide__record_next(&pool, &slot), tasks[i]);
	CHECK_NULL(bide__record_next(&pool, &slot));
	bide__pool_finish(&pool);
}

TEST(records_are_none_where_no_slot_is)
{
	struct bide__pool pool;
	bide__pool_init(&pool, 1);
	CHECK_NULL(bide__record_at(&pool, 0));
	struct bide__task *task = take(&pool);
	CHECK(task != NULL);
	for (uint32_t slot = 0; slot < 2 * BIDE__SLOTS; slot++)
		CHECK_PTR(bide__record_at(&pool, slot), slot == task->slot ? task : NULL);
	CHECK_NULL(bide__record_at(&pool, (1u << BIDE__SLOT_BITS) - 1));
	bide__pool_finish(&pool);
}

TEST(records_used_again_have_another_generation)
{
	struct bide__pool pool;
	bide__pool_init(&pool, 7);
	struct bide__task *first = take(&pool);
	uint32_t slot = first->slot, generation = first->generation;
	CHECK_UINT(generation, 7);
	for (uint32_t i = 1; i < 1000; i++) {
		bide__record_free(&pool, first);
		CHECK_INT(bide__record_at(&pool, slot)->state, BIDE__FREE);
		CHECK_PTR(take(&pool), first);
		CHECK_UINT(first->slot, slot);
		CHECK_UINT(first->generation, generation + i);
	}
	bide__pool_finish(&pool);
}

/* Takes a record and sees that it is not a use that there has been. `used` has the next unused
 * generation of each slot. */
static struct bide__task *take_new(struct bide__pool *pool, uint32_t *used)
{
	struct bide__task *task = take(pool);
	CHECK_RET(task != NULL, NULL);
	CHECK_RET(task->slot < 2 * CHUNKS * BIDE__SLOTS, NULL);
	CHECK_RET(task->generation >= used[task->slot], NULL);
	used[task->slot] = task->generation + 1;
	return task;
}

TEST(records_of_a_chunk_that_went_and_came_back_are_new)
{
	static uint32_t used[2 * CHUNKS * BIDE__SLOTS];
	struct bide__pool pool;
	bide__pool_init(&pool, 1);
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < MANY; i++)
			CHECK((tasks[i] = take_new(&pool, used)) != NULL);
		/* One slot is used more often than the others of its chunk. */
		for (int i = 0; i < round; i++) {
			bide__record_free(&pool, tasks[MANY - 1]);
			CHECK_PTR(take_new(&pool, used), tasks[MANY - 1]);
		}
		free_many(&pool, MANY);
		CHECK_UINT(pool.holes, CHUNKS - 1);
		CHECK_UINT(pool.nchunks, CHUNKS);
	}
	bide__pool_finish(&pool);
}

TEST(records_of_a_chunk_that_is_gone_are_not_found)
{
	struct bide__pool pool;
	uint32_t slots[MANY], slot = 0;
	bide__pool_init(&pool, 1);
	take_many(&pool, MANY);
	for (size_t i = 0; i < MANY; i++)
		slots[i] = tasks[i]->slot;
	free_many(&pool, MANY);
	for (size_t i = 0; i < MANY; i++) {
		const struct bide__task *task = bide__record_at(&pool, slots[i]);
		CHECK(task == NULL || task->state == BIDE__FREE);
	}
	CHECK_NULL(bide__record_next(&pool, &slot));
	/* The places in the table are taken again before it grows. */
	take_many(&pool, MANY);
	CHECK_UINT(pool.holes, 0);
	CHECK_UINT(pool.nchunks, CHUNKS);
	bide__pool_finish(&pool);
}

TEST(records_whose_generations_are_used_up_are_not_used_again)
{
	struct bide__pool pool;
	bide__pool_init(&pool, BIDE__GENERATION_MAX - 1);
	struct bide__task *worn = take(&pool);
	uint32_t slot = worn->slot;
	bide__record_free(&pool, worn);
	CHECK_PTR(take(&pool), worn);
	CHECK_UINT(worn->generation, BIDE__GENERATION_MAX);
	bide__record_free(&pool, worn);
	for (size_t i = 0; i < MANY; i++) {
		tasks[i] = take(&pool);
		CHECK(tasks[i] != NULL);
		CHECK(tasks[i]->slot != slot);
	}
	CHECK_INT(bide__record_at(&pool, slot)->state, BIDE__FREE);
	bide__pool_finish(&pool);
}

TEST(records_of_a_worn_chunk_never_come_back)
{
	struct bide__pool pool;
	bide__pool_init(&pool, 1);
	take_many(&pool, 2 * PER_CHUNK);
	uint32_t index = tasks[0]->slot / BIDE__SLOTS;
	/* The first chunk has one that is used up, and is given back for all that. */
	tasks[3]->generation = BIDE__GENERATION_MAX;
	bide__record_free(&pool, tasks[PER_CHUNK]);
	free_many(&pool, PER_CHUNK);
	CHECK_UINT(pool.holes, 1);
	for (size_t i = 0; i < 3 * PER_CHUNK; i++) {
		const struct bide__task *task = take(&pool);
		CHECK(task != NULL);
		CHECK(task->slot / BIDE__SLOTS != index);
	}
	/* Its place in the table stays empty. */
	CHECK_UINT(pool.holes, 1);
	CHECK_NULL(bide__record_at(&pool, index * BIDE__SLOTS + BIDE__FIRST_SLOT));
	bide__pool_finish(&pool);
}

TEST(records_of_the_next_pool_are_new)
{
	struct bide__pool pool;
	bide__pool_init(&pool, 10);
	take_many(&pool, MANY);
	for (int i = 0; i < 5; i++) {
		struct bide__task *task = tasks[PER_CHUNK];
		bide__record_free(&pool, task);
		CHECK_PTR(take(&pool), task);
	}
	uint32_t highest = tasks[PER_CHUNK]->generation;
	CHECK_UINT(highest, 15);
	CHECK(bide__pool_finish(&pool) > highest);
	bide__pool_init(&pool, 10);
	CHECK_UINT(bide__pool_finish(&pool), 10);
}

TEST(records_that_cannot_be_had_change_nothing)
{
	/* More chunks than the table has room for at first, so that it must grow. */
	enum { LARGE = 17 * PER_CHUNK };
	for (long k = 1, failed = 1; failed; k += k < 5 ? 1 : 397) {
		struct bide__pool pool;
		uint32_t slot = 0, n = 0;
		bide__pool_init(&pool, 1);
		bide__alloc_arm(k);
		for (size_t i = 0; i < LARGE; i++)
			n += take(&pool) != NULL;
		failed = (long)bide__alloc_hook.failures;
		CHECK_INT(n, LARGE - failed);
		while (bide__record_next(&pool, &slot) != NULL)
			n--;
		CHECK_INT(n, 0);
		bide__pool_finish(&pool);
		bide__alloc_disarm();
		CHECK_INT(bide__alloc_hook.live, 0);
	}
}

/* At the very requests at which the table grows: each fails in turn. */
TEST(records_survive_a_table_that_cannot_grow)
{
	enum { FULL = 16 * PER_CHUNK };
	for (long k = 1, failed = 1; failed; k++) {
		struct bide__pool pool;
		bide__pool_init(&pool, 1);
		for (size_t i = 0; i < FULL; i++)
			CHECK(take(&pool) != NULL);
		bide__alloc_arm(k);
		struct bide__task *task = take(&pool);
		failed = (long)bide__alloc_hook.failures;
		bide__alloc_disarm();
		CHECK((task == NULL) == (failed > 0));
		for (size_t i = 0; i < FULL; i++)
			CHECK(take(&pool) != NULL);
		CHECK(bide__record_at(&pool, BIDE__FIRST_SLOT) != NULL);
		bide__pool_finish(&pool);
		CHECK(k < 10);
	}
}
