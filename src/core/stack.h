/* SPDX-License-Identifier: MIT */
/* stack.h: the guarded stacks of one loop.
 *
 * Stacks are carved from large regions of address space that take memory only where they are
 * touched. Below each lies a guard of 64 KiB, so that a frame with a large array cannot step over
 * it:
 *
 *     | guard 64 KiB | usable, grows down          <- top | stagger |
 *     ^ low - GUARD  ^ low                                          ^ low + size
 *
 * No stack is ever handed out without its guard. Knows nothing of tasks. */
#ifndef BIDE_CORE_STACK_H
#define BIDE_CORE_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BIDE__STACK_DEFAULT = 256 * 1024,
	BIDE__STACK_MIN = 16 * 1024,
	BIDE__STACK_MAX = 1 << 30,
	BIDE__STACK_SHARED = 1024 * 1024, /* of the stacks that light tasks take turns on */
	BIDE__GUARD_SIZE = 64 * 1024
};

struct bide__stack {
	struct bide__stack *next;      /* free list */
	struct bide__stack_class *cls; /* where it belongs */
	char *low;                     /* lowest usable byte */
	char *top;                     /* where frames begin, growing down */
	unsigned valgrind;             /* Valgrind's number for it */
};

struct bide__stack_region {
	struct bide__stack_region *next;
	char *base;
	size_t slots;  /* room for so many stacks with their guards */
	size_t carved; /* of which these have been made */
	struct bide__stack stacks[];
};

struct bide__stack_class {
	struct bide__stack_class *next;
	uint8_t number;                     /* among the loop's classes */
	size_t size;                        /* usable bytes, a multiple of the page */
	struct bide__stack *free;           /* last used first: its pages are warm */
	size_t nfree;                       /* on that list */
	size_t nidle;                       /* at its end, whose pages were given back */
	size_t promised;                    /* to tasks that have not begun */
	size_t mapped;                      /* slots of all regions */
	size_t made;                        /* of which these are stacks */
	struct bide__stack_region *regions; /* oldest first */
	struct bide__stack_region *last;
	struct bide__stack_region *carving; /* first with slots that are no stacks yet, or NULL */
};

struct bide__stacks {
	struct bide__stack_class *classes; /* newest first */
	bool by_mprotect;                  /* MADV_GUARD_INSTALL was refused once */
};

/* Finds or makes the class of stacks of a size; NULL when memory, or their numbers, ran out. */
struct bide__stack_class *bide__stack_class(struct bide__stacks *stacks, size_t size);
struct bide__stack_class *bide__stack_class_at(const struct bide__stacks *stacks, unsigned number);

int bide__stack_promise_more(struct bide__stacks *stacks, struct bide__stack_class *cls);
int bide__stack_make_more(struct bide__stacks *stacks, struct bide__stack_class *cls);

/* Promises a stack to a task that will begin later: bide__stack_take() will not fail for lack of
 * address space or maps. Returns 0, -ENOMEM or -BIDE_EMAPS. */
static inline int bide__stack_promise(struct bide__stacks *stacks, struct bide__stack_class *cls)
{
	if (__builtin_expect(cls->nfree <= cls->promised, 0)) {
		int rc = bide__stack_promise_more(stacks, cls);
		if (rc < 0)
			return rc;
	}
	cls->promised++;
	return 0;
}

static inline void bide__stack_unpromise(struct bide__stack_class *cls)
{
	cls->promised--;
}

/* Takes a stack that was promised; NULL when the system had no memory to guard it. */
static inline struct bide__stack *bide__stack_take(struct bide__stacks *stacks,
                                                   struct bide__stack_class *cls)
{
	if (__builtin_expect(cls->free == NULL, 0) && bide__stack_make_more(stacks, cls) < 0)
		return NULL;
	struct bide__stack *stack = cls->free;
	cls->free = stack->next;
	cls->nfree--;
	if (cls->nidle > cls->nfree)
		cls->nidle = cls->nfree;
	cls->promised--;
	return stack;
}

static inline void bide__stack_give(struct bide__stack *stack)
{
	struct bide__stack_class *cls = stack->cls;
	stack->next = cls->free;
	cls->free = stack;
	cls->nfree++;
}

/* Gives the pages of free stacks back to the system, but for as many as are in use. */
void bide__stack_trim(struct bide__stack_class *cls);

/* Says whether an address is in a guard; *ret_low then gets the lowest usable byte above it. */
bool bide__stack_guard_at(const struct bide__stacks *stacks, const void *addr, char **ret_low);

/* Says whether an address is in a stack or its guard. */
bool bide__stack_holds(const struct bide__stack *stack, const void *addr);

void bide__stacks_finish(struct bide__stacks *stacks);

#endif
