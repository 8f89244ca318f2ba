/* SPDX-License-Identifier: MIT */
/* switch.h: from one stack of a loop to another: the context switch and all that must be told of
 * it: C++'s exceptions in flight, AddressSanitizer, ThreadSanitizer. */
#ifndef BIDE_CORE_SWITCH_H
#define BIDE_CORE_SWITCH_H

#include "core/context.h"
#include "core/light.h"
#include "core/loop.h"
#include "core/sanitizers.h"

/* What the C++ runtime keeps for a thread: __cxa_eh_globals of the Itanium C++ ABI, 2.2.2. */
struct bide__cxx {
	void *caught;
	unsigned uncaught;
};

/* The two words for this thread, or NULL when no C++ runtime is loaded. */
struct bide__cxx *bide__cxx_globals(void);

/* Makes the thread as it is where a task begins: for one that begins where another has ended. */
static inline void bide__renew(bide_loop *loop)
{
	bide__control_set(&loop->control);
	if (loop->cxx != NULL)
		*loop->cxx = (struct bide__cxx){ NULL, 0 };
}

/* Goes on at @p sp, where @p to stands, NULL being the scheduler. A task that has not run yet has
 * none: it begins at the top of its stack. */
static inline void bide__go_on(bide_loop *loop, struct bide__task *to, void **ret_sp, void *sp)
{
	if (__builtin_expect(sp == NULL, 0))
		bide__context_begin(ret_sp, bide__stack_of(loop, to)->top, bide__task_entry, NULL,
		                    &loop->control);
	else
		bide__context_switch(ret_sp, sp);
}

void bide__go_on_cxx(bide_loop *loop, struct bide__task *to, void **ret_sp, void *sp);

/* Before the stack that runs is left for that of @p to, NULL being the scheduler's. Where
 * AddressSanitizer keeps variables besides goes to *fake; where @p fake is NULL they end, as the
 * task has. */
#ifdef BIDE__ASAN
static inline BIDE__UNWATCHED void bide__tell_before(bide_loop *loop, struct bide__task *to,
                                                     void **fake)
{
	const void *low = loop->scheduler_low;
	size_t size = loop->scheduler_size;
	if (to != NULL) {
		struct bide__stack *stack = bide__stack_of(loop, to);
		low = stack->low;
		size = stack->cls->size;
	}
	__sanitizer_start_switch_fiber(fake, low, size);
}
static inline void bide__tell_after(void *fake)
{
	__sanitizer_finish_switch_fiber(fake, NULL, NULL);
}
static inline void bide__tell_first(bide_loop *loop)
{
	__sanitizer_finish_switch_fiber(NULL, &loop->scheduler_low, &loop->scheduler_size);
}
#elif defined(BIDE__TSAN)
static inline BIDE__UNWATCHED void bide__tell_before(bide_loop *loop, struct bide__task *to,
                                                     void **fake)
{
	(void)fake;
	__tsan_switch_to_fiber(to != NULL ? to->fiber : loop->scheduler_fiber, 0);
}
static inline void bide__tell_after(void *fake)
{
	(void)fake;
}
static inline void bide__tell_first(bide_loop *loop)
{
	(void)loop;
}
#else
static inline void bide__tell_before(bide_loop *loop, struct bide__task *to, void **fake)
{
	(void)loop;
	(void)to;
	(void)fake;
}
static inline void bide__tell_after(void *fake)
{
	(void)fake;
}
static inline void bide__tell_first(bide_loop *loop)
{
	(void)loop;
}
#endif

/* The scheduler runs on the stack that called the run: whoever comes back to it must know it. */
static inline void bide__tell_scheduler(bide_loop *loop)
{
#if defined(BIDE__TSAN)
	loop->scheduler_fiber = __tsan_get_current_fiber();
#else
	(void)loop;
#endif
}

/* Ends ThreadSanitizer's fiber of a task that has ended, from another one. */
static inline void bide__bury_fiber(bide_loop *loop)
{
#if defined(BIDE__TSAN)
	if (loop->dead_fiber != NULL)
		__tsan_destroy_fiber(loop->dead_fiber);
	loop->dead_fiber = NULL;
#else
	(void)loop;
#endif
}

/* Leaves this stack, storing where to *ret_sp, for that of @p to, NULL being the scheduler's,
 * which goes on at @p sp, or begins if that is NULL. */
static inline void bide__switch(bide_loop *loop, struct bide__task *to, void **ret_sp, void *sp)
{
	void *fake = NULL;
	bide__tell_before(loop, to, &fake);
	if (__builtin_expect(loop->cxx != NULL, 0))
		bide__go_on_cxx(loop, to, ret_sp, sp);
	else
		bide__go_on(loop, to, ret_sp, sp);
	bide__tell_after(fake);
}

#endif
