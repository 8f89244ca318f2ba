/* SPDX-License-Identifier: MIT */
/*
 * The context switch for AArch64 (AAPCS64).
 *
 * A context that is not running is these 176 bytes at the low end of its stack; the handle is their
 * address:
 *
 *	  0  x19 x20		 96  d8  d9
 *	 16  x21 x22		112  d10 d11
 *	 32  x23 x24		128  d12 d13
 *	 48  x25 x26		144  d14 d15
 *	 64  x27 x28		160  FPCR, unused
 *	 80  x29 x30		176  the caller's frame
 *
 * Since both stacks have this layout when the stack pointer moves from one to the other, the same
 * unwind rules hold on either side of that instruction, and an unwinder sees the old context just
 * before it and the new one just after. They still hold when a register has been loaded, as its
 * slot stays where it is until the frame is given up.
 */
#include "context.h"

#ifdef BIDE__CONTEXT_AARCH64

#define FRAME_X19	0
#define FRAME_X21	16
#define FRAME_X23	32
#define FRAME_X25	48
#define FRAME_X27	64
#define FRAME_X29	80
#define FRAME_D8	96
#define FRAME_D10	112
#define FRAME_D12	128
#define FRAME_D14	144
#define FRAME_FPCR	160
#define FRAME_SIZE	176

#define BTI_C	hint	#34	/* "bti c", spelled so that every assembler takes it. */

.macro unwind_pair first, second, offset
	.cfi_rel_offset \first, \offset
	.cfi_rel_offset \second, \offset + 8
.endm

.macro save_pair first, second, offset
	stp	\first, \second, [sp, #\offset]
	unwind_pair \first, \second, \offset
.endm

.macro forget_pairs first, second, rest:vararg
	.cfi_restore \first
	.cfi_restore \second
	.ifnb \rest
	forget_pairs \rest
	.endif
.endm

/* Makes the caller's context one that does not run, stores its handle, and leaves FPCR in x9. */
.macro save_context ret_saved
	sub	sp, sp, #FRAME_SIZE
	.cfi_adjust_cfa_offset FRAME_SIZE
	save_pair x19, x20, FRAME_X19
	save_pair x21, x22, FRAME_X21
	save_pair x23, x24, FRAME_X23
	save_pair x25, x26, FRAME_X25
	save_pair x27, x28, FRAME_X27
	save_pair x29, x30, FRAME_X29
	save_pair d8, d9, FRAME_D8
	save_pair d10, d11, FRAME_D10
	save_pair d12, d13, FRAME_D12
	save_pair d14, d15, FRAME_D14
	mrs	x9, fpcr
	str	x9, [sp, #FRAME_FPCR]
	mov	x10, sp
	str	x10, [\ret_saved]
.endm

/* FPCR, which is in x9, is written only if it differs, since a write may stall the pipeline. The
 * exception flags are in another register, FPSR, which stays with the thread. The write goes
 * elsewhere, by load_control with the same name. */
.macro match_control name, wanted:vararg
	ldr	x11, \wanted
	cmp	x9, x11
	b.ne	.L\name\()_load_fpcr
.L\name\()_fpcr_done:
.endm

.macro load_control name
.L\name\()_load_fpcr:
	msr	fpcr, x11
	b	.L\name\()_fpcr_done
.endm

/* Goes on with the context whose frame sp is at. */
.macro resume_context
	ldp	x19, x20, [sp, #FRAME_X19]
	ldp	x21, x22, [sp, #FRAME_X21]
	ldp	x23, x24, [sp, #FRAME_X23]
	ldp	x25, x26, [sp, #FRAME_X25]
	ldp	x27, x28, [sp, #FRAME_X27]
	ldp	x29, x30, [sp, #FRAME_X29]
	ldp	d8, d9, [sp, #FRAME_D8]
	ldp	d10, d11, [sp, #FRAME_D10]
	ldp	d12, d13, [sp, #FRAME_D12]
	ldp	d14, d15, [sp, #FRAME_D14]
	add	sp, sp, #FRAME_SIZE
	.cfi_adjust_cfa_offset -FRAME_SIZE
	forget_pairs x19, x20, x21, x22, x23, x24, x25, x26, x27, x28, x29, x30
	forget_pairs d8, d9, d10, d11, d12, d13, d14, d15
	/* Calls and returns stay balanced, so that the processor predicts this one and those that
	 * follow. (A br would have to land on a bti, and there is none behind a call.) */
	ret
.endm

	.text

/*
 * void bide__context_switch(void **ret_saved, void *to)
 */
	.globl	bide__context_switch
	.hidden	bide__context_switch
	.type	bide__context_switch, %function
	.p2align 6
bide__context_switch:
	.cfi_startproc
	BTI_C
	save_context x0
	match_control switch, [x1, #FRAME_FPCR]
	mov	sp, x1
	.cfi_remember_state
	resume_context

	.cfi_restore_state
	load_control switch
	.cfi_endproc
	.size	bide__context_switch, . - bide__context_switch

/*
 * void bide__context_begin(void **ret_saved, void *top, void *(*entry)(void *arg), void *arg,
 *                          const struct bide__control *control)
 */
	.globl	bide__context_begin
	.hidden	bide__context_begin
	.type	bide__context_begin, %function
	.p2align 6
bide__context_begin:
	.cfi_startproc
	BTI_C
	save_context x0
	match_control begin, [x4]
	and	x1, x1, #-16
	mov	x0, x3
	mov	x29, xzr
	mov	sp, x1
	.cfi_remember_state
	.cfi_undefined x30
	b	.Lentry

	.cfi_restore_state
	load_control begin
	.cfi_endproc
	.size	bide__context_begin, . - bide__context_begin

/*
 * The bottom of every context: calls x2(x0) and goes on with the context whose handle that returns;
 * what is left of the one that has ended is not saved. Until that handle is the stack pointer
 * unwinders stop here, because the return address is undefined; those that follow frame pointers
 * stop because x29 is zero.
 */
	.type	bide__context_entry, %function
	.p2align 4
bide__context_entry:
	.cfi_startproc
	.cfi_undefined x30
.Lentry:
	blr	x2
	mrs	x9, fpcr
	match_control end, [x0, #FRAME_FPCR]
	mov	sp, x0
	.cfi_remember_state
	.cfi_def_cfa_offset FRAME_SIZE
	unwind_pair x19, x20, FRAME_X19
	unwind_pair x21, x22, FRAME_X21
	unwind_pair x23, x24, FRAME_X23
	unwind_pair x25, x26, FRAME_X25
	unwind_pair x27, x28, FRAME_X27
	unwind_pair x29, x30, FRAME_X29
	unwind_pair d8, d9, FRAME_D8
	unwind_pair d10, d11, FRAME_D10
	unwind_pair d12, d13, FRAME_D12
	unwind_pair d14, d15, FRAME_D14
	resume_context

	.cfi_restore_state
	load_control end
	.cfi_endproc
	.size	bide__context_entry, . - bide__context_entry

/*
 * void bide__control_get(struct bide__control *ret_control)
 */
	.globl	bide__control_get
	.hidden	bide__control_get
	.type	bide__control_get, %function
	.p2align 4
bide__control_get:
	.cfi_startproc
	BTI_C
	mrs	x9, fpcr
	str	x9, [x0]
	ret
	.cfi_endproc
	.size	bide__control_get, . - bide__control_get

/*
 * void bide__control_set(const struct bide__control *control)
 */
	.globl	bide__control_set
	.hidden	bide__control_set
	.type	bide__control_set, %function
	.p2align 4
bide__control_set:
	.cfi_startproc
	BTI_C
	mrs	x9, fpcr
	ldr	x10, [x0]
	cmp	x9, x10
	b.eq	.Lset_done
	msr	fpcr, x10
.Lset_done:
	ret
	.cfi_endproc
	.size	bide__control_set, . - bide__control_set

#endif

	bide__context_notes
