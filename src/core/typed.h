/* SPDX-License-Identifier: MIT */
/* typed.h: what objects have in common through which values of one type pass from task to task:
 * they belong to a loop, and what is handed to them is checked. */
#ifndef BIDE_CORE_TYPED_H
#define BIDE_CORE_TYPED_H

#include "core/loop.h"

/* The type of the values, as the macros of the API tell it. */
struct bide__type {
	const char *name; /* as it was written, for messages */
	size_t size;      /* bytes; 0 for void */
	unsigned cls;     /* BIDE__CLASS */
};

_Noreturn void bide__refuse_type(const char *call, const struct bide__type *type, size_t size,
                                 const char *text);
_Noreturn void bide__refuse_thread(const char *call, const char *what, const bide_loop *owner);

/* Aborts unless a pointer, written as @p text, points to a value of this type. */
static inline void bide__check_type(const char *call, const struct bide__type *type, size_t size,
                                    unsigned cls, const char *text)
{
	if (__builtin_expect(size != type->size || cls != type->cls, 0))
		bide__refuse_type(call, type, size, text);
}

/* Aborts unless this thread's loop is the owner of a thing; returns it. */
static inline bide_loop *bide__check_owner(const char *call, const char *what,
                                           const bide_loop *owner)
{
	bide_loop *loop = bide__loop;
	if (__builtin_expect(loop != owner, 0))
		bide__refuse_thread(call, what, owner);
	return loop;
}

#endif
