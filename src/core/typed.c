// SPDX-License-Identifier: MIT
/* typed.c: see typed.h. */
#include "core/typed.h"

#include "core/message.h"

#include <unistd.h>

_Noreturn void bide__refuse_type(const char *call, const struct bide__type *type, size_t size,
                                 const char *text)
{
	if (size == 0)
		bide__abort(call, "%s points to void, not to %s", text, type->name);
	bide__abort(call, "%s points to %s %zu bytes, not to %s of %zu", text,
	            size == type->size ? "another type of" : "a type of", size, type->name,
	            type->size);
}

_Noreturn void bide__refuse_thread(const char *call, const char *what, const bide_loop *owner)
{
	bide__abort(call, "the %s belongs to the loop of thread %d; this is thread %d", what,
	            (int)owner->thread, (int)gettid());
}
