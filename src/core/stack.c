// SPDX-License-Identifier: MIT
/* stack.c: see stack.h. */
#include "core/stack.h"

#include "base/alloc.h"
#include "core/guard.h"
#include "core/sanitizers.h"

#include <bide/base.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum {
	PAGE = 4096,
	HUGE_PAGE = 2 * 1024 * 1024,
	FIRST_REGION = 4,  /* stacks in a class's first region; each next has twice as many */
	REGION_MAX = 1024, /* stacks in a region at most */
	BATCH_MAX = 64,    /* stacks guarded by one call */
	STAGGERS = 16,     /* stack tops lie at so many offsets, a cache line apart, since … */
	CACHE_LINE = 64,   /* … tops at one page offset fall into the same cache sets */
	IDLE_KEPT = 64     /* free stacks whose pages are kept in any case */
};

static void *kept_region; /* first region of the default size of the last short loop */

static bool is_first(const struct bide__stack_class *cls, const struct bide__stack_region *region)
{
	return cls->size == BIDE__STACK_DEFAULT && region->slots == FIRST_REGION;
}

static size_t slot_size(const struct bide__stack_class *cls)
{
	return BIDE__GUARD_SIZE + cls->size;
}

struct bide__stack_class *bide__stack_class(struct bide__stacks *stacks, size_t size)
{
	size = (size + PAGE - 1) & ~(size_t)(PAGE - 1);
	if (size < BIDE__STACK_MIN)
		size = BIDE__STACK_MIN;
	struct bide__stack_class *cls = stacks->classes;
	while (cls != NULL && cls->size != size)
		cls = cls->next;
	if (cls != NULL)
		return cls;
	unsigned number = stacks->classes == NULL ? 0 : stacks->classes->number + 1u;
	cls = number > UINT8_MAX ? NULL : bide__calloc(1, sizeof(*cls));
	if (cls == NULL)
		return NULL;
	cls->number = (uint8_t)number;
	cls->size = size;
	cls->next = stacks->classes;
	stacks->classes = cls;
	return cls;
}

struct bide__stack_class *bide__stack_class_at(const struct bide__stacks *stacks, unsigned number)
{
	struct bide__stack_class *cls = stacks->classes;
	while (cls->number != number)
		cls = cls->next;
	return cls;
}

static int region_new(struct bide__stack_class *cls)
{
	size_t slots = cls->mapped == 0 ? FIRST_REGION : cls->mapped;
	if (slots > REGION_MAX)
		slots = REGION_MAX;
	struct bide__stack_region *region =
		bide__malloc(sizeof(*region) + slots * sizeof(struct bide__stack));
	if (region == NULL)
		return -ENOMEM;
	region->slots = slots;
	region->carved = 0;
	const size_t bytes = region->slots * slot_size(cls);
	region->base = is_first(cls, region) ? bide__map_kept(&kept_region, bytes, PAGE)
	                                     : bide__map(bytes);
	if (region->base == NULL) {
		bide__free(region);
		return -ENOMEM;
	}
	/* A huge page under stacks would take 2 MiB where 4 KiB are used. */
	if (bytes >= HUGE_PAGE)
		(void)madvise(region->base, bytes, MADV_NOHUGEPAGE);
	region->next = NULL;
	*(cls->last != NULL ? &cls->last->next : &cls->regions) = region;
	cls->last = region;
	if (cls->carving == NULL)
		cls->carving = region;
	cls->mapped += region->slots;
	return 0;
}

static struct bide__stack *stack_make(struct bide__stack_class *cls,
                                      struct bide__stack_region *region, size_t i)
{
	struct bide__stack *stack = &region->stacks[i];
	char *slot = region->base + i * slot_size(cls), *high = slot + slot_size(cls);
	stack->cls = cls;
	stack->low = slot + BIDE__GUARD_SIZE;
	stack->top = high - i % STAGGERS * CACHE_LINE;
	stack->valgrind = BIDE__VALGRIND_REGISTER(stack->low, high);
	/* Without the guard, as what looks for leaks reads all of it. */
	BIDE__ROOT_REGISTER(stack->low, cls->size);
	return stack;
}

/* Guards the next few slots of a region and puts them on the free list. */
static int carve(struct bide__stacks *stacks, struct bide__stack_class *cls)
{
	struct bide__stack_region *region = cls->carving;
	size_t n = cls->made == 0 ? 1 : cls->made < BATCH_MAX ? cls->made : BATCH_MAX;
	if (n > region->slots - region->carved)
		n = region->slots - region->carved;
	char *first = region->base + region->carved * slot_size(cls);
	int rc = bide__guard_install(first, BIDE__GUARD_SIZE, slot_size(cls), n,
	                             &stacks->by_mprotect);
	if (rc < 0)
		return rc;
	for (size_t i = n; i-- > 0;) {
		struct bide__stack *stack = stack_make(cls, region, region->carved + i);
		stack->next = cls->free;
		cls->free = stack;
	}
	region->carved += n;
	if (region->carved == region->slots)
		cls->carving = region->next;
	cls->made += n;
	cls->nfree += n;
	return 0;
}

int bide__stack_make_more(struct bide__stacks *stacks, struct bide__stack_class *cls)
{
	return carve(stacks, cls);
}

/* Guards by mprotect run out, so there a promise is kept by guarding at once. The first stack is
 * guarded at once too, which tells which kind of guard there is. Otherwise address space is enough:
 * tasks that end as soon as they begin take turns on few stacks. */
int bide__stack_promise_more(struct bide__stacks *stacks, struct bide__stack_class *cls)
{
	while (cls->nfree + (cls->mapped - cls->made) <= cls->promised) {
		int rc = region_new(cls);
		if (rc < 0)
			return rc;
	}
	while (cls->made == 0 || (stacks->by_mprotect && cls->nfree <= cls->promised)) {
		int rc = carve(stacks, cls);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* The free list is warm at its head; all but `keep` of the warm ones get cold. */
void bide__stack_trim(struct bide__stack_class *cls)
{
	size_t used = cls->made - cls->nfree, keep = used + IDLE_KEPT,
	       warm = cls->nfree - cls->nidle;
	if (warm <= 2 * keep)
		return;
	struct bide__stack *stack = cls->free;
	for (size_t i = 0; i < warm; i++, stack = stack->next)
		if (i >= keep)
			(void)madvise(stack->low, cls->size, MADV_DONTNEED);
	cls->nidle = cls->nfree - keep;
}

bool bide__stack_guard_at(const struct bide__stacks *stacks, const void *addr, char **ret_low)
{
	const char *at = addr;
	for (struct bide__stack_class *cls = stacks->classes; cls != NULL; cls = cls->next)
		for (struct bide__stack_region *r = cls->regions; r != NULL; r = r->next) {
			if (at < r->base || at >= r->base + r->carved * slot_size(cls))
				continue;
			char *slot =
				r->base + (size_t)(at - r->base) / slot_size(cls) * slot_size(cls);
			*ret_low = slot + BIDE__GUARD_SIZE;
			return at < *ret_low;
		}
	return false;
}

bool bide__stack_holds(const struct bide__stack *stack, const void *addr)
{
	const char *at = addr;
	return at >= stack->low - BIDE__GUARD_SIZE && at < stack->low + stack->cls->size;
}

static void region_free(struct bide__stack_class *cls, struct bide__stack_region *region)
{
	for (size_t i = 0; i < region->carved; i++) {
		BIDE__VALGRIND_DEREGISTER(region->stacks[i].valgrind);
		BIDE__ROOT_UNREGISTER(region->stacks[i].low, cls->size);
	}
	const size_t bytes = region->slots * slot_size(cls);
	BIDE__UNPOISON(region->base, bytes);
	if (is_first(cls, region) && region->carved == 1)
		bide__unmap_kept(&kept_region, region->base, bytes);
	else
		bide__unmap(region->base, bytes);
	bide__free(region);
}

void bide__stacks_finish(struct bide__stacks *stacks)
{
	for (struct bide__stack_class *cls = stacks->classes, *next; cls != NULL; cls = next) {
		next = cls->next;
		for (struct bide__stack_region *r = cls->regions, *after; r != NULL; r = after) {
			after = r->next;
			region_free(cls, r);
		}
		bide__free(cls);
	}
	stacks->classes = NULL;
}
