// SPDX-License-Identifier: MIT
/* switch.c: see switch.h. */
#include "core/switch.h"

/* There when the program has a C++ runtime. */
extern void *__cxa_get_globals(void) __attribute__((weak));

struct bide__cxx *bide__cxx_globals(void)
{
	return __cxa_get_globals != NULL ? __cxa_get_globals() : NULL;
}

/* Two tasks each parked in a `catch` would rethrow each other's exception, so each takes its own
 * away with it. A task that begins has none. */
__attribute__((noinline)) void bide__go_on_cxx(bide_loop *loop, struct bide__task *to,
                                               void **ret_sp, void *sp)
{
	struct bide__cxx *globals = loop->cxx, mine = *globals;
	*globals = (struct bide__cxx){ 0 };
	bide__go_on(loop, to, ret_sp, sp);
	*globals = mine;
}
