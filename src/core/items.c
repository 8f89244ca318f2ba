// SPDX-License-Identifier: MIT
/* items.c: see items.h. */
#include "core/items.h"

#include <errno.h>
#include <string.h>

enum { FIRST_BYTES = 256 }; /* of the first array, unless a single item is larger */

/* A heap has each item's number behind it, and both must stay aligned in every slot. A size is a
 * multiple of what its type is aligned to. */
static size_t stride_of(size_t size, enum bide_queue_order order)
{
	enum { NUMBER = sizeof(uint64_t) };
	size_t align = size & -size;
	if (order != BIDE_QUEUE_PRIORITY)
		return size;
	if (align < NUMBER)
		align = NUMBER;
	if (align > BIDE__ALIGN_MAX)
		align = BIDE__ALIGN_MAX;
	return (((size + NUMBER - 1) & -(size_t)NUMBER) + NUMBER + align - 1) & -align;
}

void bide__items_init(struct bide__items *items, size_t size, const bide_queue_options *options)
{
	*items = (struct bide__items){ .size = size,
		                       .stride = stride_of(size, options->order),
		                       .order = options->order,
		                       .compare = options->compare };
}

void bide__items_finish(struct bide__pool *pool, struct bide__items *items)
{
	bide__block_free(pool, items->slots, items->room * items->stride);
	items->slots = NULL;
	items->room = items->head = items->count = 0;
}

/* ---- the array ---------------------------------------------------------------------------- */

static size_t first_room(const struct bide__items *items)
{
	size_t room = 1;
	while (2 * room * items->stride <= FIRST_BYTES)
		room *= 2;
	return room;
}

/* Moves the items to an array of another size, the first one to its beginning. */
static int move(struct bide__pool *pool, struct bide__items *items, size_t room)
{
	const size_t stride = items->stride;
	size_t bytes;
	if (__builtin_mul_overflow(room, stride, &bytes))
		return -ENOMEM;
	unsigned char *slots = bide__block_new(pool, bytes);
	if (slots == NULL)
		return -ENOMEM;
	if (items->count > 0) {
		const size_t first = items->head & (items->room - 1);
		const size_t to_end = items->room - first;
		const size_t ahead = items->count < to_end ? items->count : to_end;
		memcpy(slots, items->slots + first * stride, ahead * stride);
		memcpy(slots + ahead * stride, items->slots, (items->count - ahead) * stride);
	}
	bide__block_free(pool, items->slots, items->room * stride);
	items->slots = slots;
	items->room = room;
	items->head = 0;
	return 0;
}

int bide__items_grow(struct bide__pool *pool, struct bide__items *items)
{
	return move(pool, items, items->room > 0 ? 2 * items->room : first_room(items));
}

/* Without memory for a smaller one the large array stays. */
void bide__items_shrink(struct bide__pool *pool, struct bide__items *items)
{
	if (items->room > first_room(items))
		(void)move(pool, items, items->room / 2);
}

/* ---- the heap ----------------------------------------------------------------------------- */

static unsigned char *slot(const struct bide__items *items, size_t i)
{
	return items->slots + i * items->stride;
}

static uint64_t number_of(const struct bide__items *items, const unsigned char *at)
{
	uint64_t number;
	memcpy(&number, at + items->stride - sizeof(number), sizeof(number));
	return number;
}

static bool before(const struct bide__items *items, const unsigned char *a, const unsigned char *b)
{
	int order = items->compare(a, b);
	return order < 0 || (order == 0 && number_of(items, a) < number_of(items, b));
}

/* The new one comes behind its equals. */
void bide__items_sift_in(struct bide__items *items, const void *item)
{
	const uint64_t number = items->next++;
	size_t hole = items->count;
	for (size_t parent; hole > 0; hole = parent) {
		parent = (hole - 1) / 2;
		if (items->compare(item, slot(items, parent)) >= 0)
			break;
		memcpy(slot(items, hole), slot(items, parent), items->stride);
	}
	memcpy(slot(items, hole), item, items->size);
	memcpy(slot(items, hole) + items->stride - sizeof(number), &number, sizeof(number));
}

/* The last one, which lies behind the others now, fills the hole. */
void bide__items_sift_out(struct bide__items *items, void *ret_item)
{
	const unsigned char *last = slot(items, items->count);
	size_t hole = 0;
	bide__copy(ret_item, slot(items, 0), items->size);
	if (items->count == 0)
		return;
	for (size_t child; (child = 2 * hole + 1) < items->count; hole = child) {
		if (child + 1 < items->count &&
		    before(items, slot(items, child + 1), slot(items, child)))
			child++;
		if (before(items, last, slot(items, child)))
			break;
		memcpy(slot(items, hole), slot(items, child), items->stride);
	}
	memcpy(slot(items, hole), last, items->stride);
}
