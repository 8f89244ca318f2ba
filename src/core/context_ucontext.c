// SPDX-License-Identifier: MIT
/*
 * The context switch by ucontext, for CPUs that have no assembly of their own: correct, and slow,
 * as each switch makes a system call for the signal mask.
 *
 * A context that is not running has its ucontext_t on its own stack:
 *
 *	handle			CONTEXT_REACH bytes, which the stack pointer lies within
 *	handle + CONTEXT_REACH	the ucontext_t
 *	...			the callers' frames, up to the top
 *
 * What compilers and ABIs keep between the stack pointer and a local variable differs; taking a
 * fixed reach below the ucontext_t as part of the context covers them all, and keeps the handle a
 * lower bound for everything in use.
 */
#include "context.h"

#ifdef BIDE_CONTEXT_UCONTEXT

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <ucontext.h>

/* The largest need known is the register save area of s390x, 160 bytes, and a few locals. */
#define CONTEXT_REACH 512
/* More than any ABI asks of a stack pointer. */
#define CONTEXT_ALIGN 64

/* What a new context finds at the top of its stack. */
struct context_start {
	ucontext_t context;        /* Consumed by its beginning. */
	void *(*entry)(void *arg); /* The function to call. */
	void *arg;                 /* What to call it with. */
	struct bide__control control;
};

static ucontext_t *context_at(void *handle)
{
	return (ucontext_t *)((char *)handle + CONTEXT_REACH);
}

/* The first function of every context. makecontext passes nothing but ints, so the address comes in
 * two halves. */
static void run_entry(unsigned int high, unsigned int low)
{
	/* Shifted twice, as shifting by the whole width of a 32-bit pointer is undefined. */
	struct context_start *start = (struct context_start *)((uintptr_t)high << 16 << 16 | low);

	bide__control_set(&start->control);
	(void)setcontext(context_at(start->entry(start->arg)));
	abort();
}

void bide__control_get(struct bide__control *ret_control)
{
	(void)fegetenv(&ret_control->env);
}

void bide__control_set(const struct bide__control *control)
{
	(void)fesetenv(&control->env);
}

/*
 * Whether the caller's stack pointer is at @p handle or above, which it is if all of this
 * function's frame but the array is. Touching the array makes a stack without room for the reach
 * overflow now, in the context whose fault it is, rather than later when somebody reads its bytes.
 */
__attribute__((noinline, no_sanitize_address)) static bool stack_reaches(uintptr_t handle)
{
	volatile char reach[CONTEXT_REACH];

	reach[0] = 0;
	return (uintptr_t)(reach + sizeof reach) >= handle;
}

/* Stores the handle of the context of which @p here is a local variable, and goes on at @p to. */
static inline __attribute__((always_inline)) void leave_for(ucontext_t *here, void **ret_saved,
                                                            ucontext_t *to)
{
	uintptr_t handle = (uintptr_t)here - CONTEXT_REACH;
	bool reached = stack_reaches(handle);

	assert(reached);
	(void)reached;
	*ret_saved = (void *)handle;
	if (swapcontext(here, to) != 0)
		abort();
}

/* Address sanitizing could move the local variable off the stack, here and below. */
__attribute__((no_sanitize_address)) void bide__context_switch(void **ret_saved, void *to)
{
	ucontext_t here;

	leave_for(&here, ret_saved, context_at(to));
}

__attribute__((no_sanitize_address)) void bide__context_begin(void **ret_saved, void *top,
                                                              void *(*entry)(void *arg), void *arg,
                                                              const struct bide__control *control)
{
	ucontext_t here;
	uintptr_t room = (uintptr_t)top - sizeof(struct context_start);
	uintptr_t address = room & ~(uintptr_t)(CONTEXT_ALIGN - 1);
	struct context_start *start = (struct context_start *)address;

	if (getcontext(&start->context) != 0)
		abort();
	start->entry = entry;
	start->arg = arg;
	start->control = *control;
	start->context.uc_link = NULL;
	start->context.uc_stack.ss_sp = (void *)(address - CONTEXT_REACH);
	start->context.uc_stack.ss_size = CONTEXT_REACH;
	makecontext(&start->context, (void (*)(void))run_entry, 2,
	            (unsigned int)(address >> 16 >> 16), (unsigned int)address);
	leave_for(&here, ret_saved, &start->context);
}

#endif
