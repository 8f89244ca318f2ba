/* SPDX-License-Identifier: MIT */
/*
 * The context switch: stop here, go on there.
 *
 * A context is a stack that is not running. Its handle is the lowest address of it that is still of
 * use: all there is to keep lies from the handle up to the top, so those bytes may be copied away
 * and back to the same address. A handle is good for going on there once, which consumes it.
 *
 * Kept for each context are the registers that a function must preserve and the floating point
 * control (rounding, masks, flush to zero). The floating point exception flags belong to the
 * thread, as the ABIs have it: a switch neither clears them nor brings them back. (ucontext keeps
 * the flags and the signal mask for each context as well.)
 *
 * One implementation for each CPU, chosen below; every file may be given to every build, as those
 * not chosen are empty. Nothing here knows of tasks, of where stacks come from, of sanitizers or of
 * C++.
 */
#ifndef BIDE_CORE_CONTEXT_H
#define BIDE_CORE_CONTEXT_H

#if defined BIDE_CONTEXT_UCONTEXT
/* Asked for by the build. */
#elif defined __x86_64__ && defined __LP64__
#define BIDE__CONTEXT_X86_64 1
#elif defined __aarch64__ && defined __LP64__
#define BIDE__CONTEXT_AARCH64 1
#else
#define BIDE_CONTEXT_UCONTEXT 1
#endif

#ifndef __ASSEMBLER__

#if defined BIDE_CONTEXT_UCONTEXT
#include <fenv.h>
#endif
#include <stdint.h>

/* The floating point control: rounding, masks, flush to zero. */
struct bide__control {
#if defined BIDE_CONTEXT_UCONTEXT
	fenv_t env;
#elif defined BIDE__CONTEXT_X86_64
	uint32_t mxcsr;
	uint16_t x87;
	uint16_t unused;
#else
	uint64_t fpcr;
#endif
};

/** Tells the calling thread's floating point control. */
void bide__control_get(struct bide__control *ret_control);

/** Gives the calling thread this floating point control; its exception flags stay, but for those of
 *  the x87 that would trap now. (By ucontext the flags are set as well.) */
void bide__control_set(const struct bide__control *control);

/** Stores the running context's handle to *@p ret_saved and goes on at @p to; returns when that
 *  handle is gone on at. */
void bide__context_switch(void **ret_saved, void *to);

/** Stores the running context's handle to *@p ret_saved, as a switch does, and begins a context:
 *  calls entry(arg) on the stack that ends at @p top, which need not be aligned, with that floating
 *  point control.
 *
 *  A context ends when its entry returns, which says by the handle that it returns where to go on.
 *  So every return is from the call that the processor expects it to be from, and nothing of a
 *  context that has ended is saved: its stack may have been given away, as long as nobody has
 *  written to it. */
void bide__context_begin(void **ret_saved, void *top, void *(*entry)(void *arg), void *arg,
                         const struct bide__control *control);

#else  /* __ASSEMBLER__ */
/* clang-format off */

/*
 * The notes that end each assembly file, whether or not its code was chosen, as one object without
 * them decides for the whole program: its stacks would become executable, and its indirect branches
 * would not be checked. Only the mark for branch targets (IBT, BTI) is set. A shadow stack cannot
 * follow a switch, and without its mark the linker leaves shadow stacks off.
 */
#if defined __x86_64__ && defined __LP64__
#define BIDE__CONTEXT_PROPERTY 0xc0000002 /* GNU_PROPERTY_X86_FEATURE_1_AND; bit 0 is IBT. */
#elif defined __aarch64__ && defined __LP64__
#define BIDE__CONTEXT_PROPERTY 0xc0000000 /* GNU_PROPERTY_AARCH64_FEATURE_1_AND; bit 0 is BTI. */
#endif

.macro bide__context_notes
	.section .note.GNU-stack, "", %progbits
#ifdef BIDE__CONTEXT_PROPERTY
	.section .note.gnu.property, "a", %note
	.balign 8
	.long 4, 16, 5		/* Sizes of name and description; NT_GNU_PROPERTY_TYPE_0. */
	.asciz "GNU"
	.long BIDE__CONTEXT_PROPERTY, 4, 1, 0
#endif
.endm

/* clang-format on */
#endif /* __ASSEMBLER__ */

#endif
