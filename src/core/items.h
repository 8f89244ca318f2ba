/* SPDX-License-Identifier: MIT */
/* items.h: the items that lie in a queue, in one array that grows and shrinks with their number:
 *
 *     first in, first out   a ring    | 5 6 7 . . 2 3 4 |      from `head` on
 *     last in, first out    a stack   | 0 1 2 3 4 . . . |      `head` is 0
 *     by comparison         a heap    | 0 1 2 3 4 . . . |      of item and number, smallest first
 *
 * Knows nothing of tasks, or of a bound. */
#ifndef BIDE_CORE_ITEMS_H
#define BIDE_CORE_ITEMS_H

#include "base/copy.h"
#include "core/pool.h"

struct bide__items {
	unsigned char *slots; /* in the loop's memory, NULL until needed */
	size_t room;          /* slots there are: a power of two, or 0 */
	size_t head;          /* the slot of the first one */
	size_t count;         /* items */
	size_t size;          /* bytes of an item */
	size_t stride;        /* bytes of a slot */
	enum bide_queue_order order;
	int (*compare)(const void *a, const void *b); /* of a heap */
	uint64_t next; /* a heap's: numbers its items, so that equal ones keep their order */
};

void bide__items_init(struct bide__items *items, size_t size, const bide_queue_options *options);
void bide__items_finish(struct bide__pool *pool, struct bide__items *items);

/* Has room for one more. Returns 0 or -ENOMEM. */
int bide__items_grow(struct bide__pool *pool, struct bide__items *items);

/* Gives memory back when most of it is not used. */
void bide__items_shrink(struct bide__pool *pool, struct bide__items *items);

/* The same for a heap. */
void bide__items_sift_in(struct bide__items *items, const void *item);
void bide__items_sift_out(struct bide__items *items, void *ret_item);

/* The i-th slot from the head on. */
static inline unsigned char *bide__items_at(const struct bide__items *items, size_t i)
{
	return items->slots + ((items->head + i) & (items->room - 1)) * items->stride;
}

/* Adds a copy of an item, for which there is room. */
static inline void bide__items_add(struct bide__items *items, const void *item)
{
	if (items->order == BIDE_QUEUE_PRIORITY)
		bide__items_sift_in(items, item);
	else
		bide__copy(bide__items_at(items, items->count), item, items->size);
	items->count++;
}

/* Takes the next one out; there is one. */
static inline void bide__items_take(struct bide__items *items, void *ret_item)
{
	items->count--;
	if (items->order == BIDE_QUEUE_PRIORITY) {
		bide__items_sift_out(items, ret_item);
	} else if (items->order == BIDE_QUEUE_LIFO) {
		bide__copy(ret_item, bide__items_at(items, items->count), items->size);
	} else {
		bide__copy(ret_item, bide__items_at(items, 0), items->size);
		items->head++;
	}
}

#endif
