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

.macro save_pair first, second, offset
	stp	\first, \second, [sp, #\offset]
	.cfi_rel_offset \first, \offset
	.cfi_rel_offset \second, \offset + 8
.endm

.macro forget_pairs first, second, rest:vararg
	.cfi_restore \first
	.cfi_restore \second
	.ifnb \rest
	forget_pairs \rest
	.endif
.endm

	.text

/*
 * void bide__context_switch(void **ret_saved, void *to)
 *
 * FPCR is written only if it differs, since a write may stall the pipeline. The exception flags are
 * in another register, FPSR, which stays with the thread.
 */
	.globl	bide__context_switch
	.hidden	bide__context_switch
	.type	bide__context_switch, %function
	.p2align 6
bide__context_switch:
	.cfi_startproc
	BTI_C
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
	str	x10, [x0]

	ldr	x11, [x1, #FRAME_FPCR]
	cmp	x9, x11
	b.ne	.Lload_fpcr
.Lfpcr_done:

	mov	sp, x1
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
	.cfi_remember_state
	.cfi_adjust_cfa_offset -FRAME_SIZE
	forget_pairs x19, x20, x21, x22, x23, x24, x25, x26, x27, x28, x29, x30
	forget_pairs d8, d9, d10, d11, d12, d13, d14, d15
	/* A br would have to land on a bti, and there is none behind a call. */
	ret

	.cfi_restore_state
.Lload_fpcr:
	msr	fpcr, x11
	b	.Lfpcr_done
	.cfi_endproc
	.size	bide__context_switch, . - bide__context_switch

/*
 * The bottom of every context: calls x19(x20). Unwinders stop here, because the return address is
 * undefined, and those that follow frame pointers stop because x29 is zero. The nop is there as
 * unwinders look up the instruction before a return address, and the return address of a context
 * that has not run yet is the one after the nop. A ret leads here, which needs no bti.
 */
	.type	bide__context_entry, %function
	.p2align 4
bide__context_entry:
	.cfi_startproc
	.cfi_undefined x30
	nop
.Lentry:
	mov	x0, x20
	blr	x19
	brk	#1
	.cfi_endproc
	.size	bide__context_entry, . - bide__context_entry

/*
 * void *bide__context_make(void *top, void (*entry)(void *arg), void *arg,
 *                          const struct bide__control *control)
 */
	.globl	bide__context_make
	.hidden	bide__context_make
	.type	bide__context_make, %function
	.p2align 4
bide__context_make:
	.cfi_startproc
	BTI_C
	and	x0, x0, #-16
	sub	x0, x0, #FRAME_SIZE
	ldr	x9, [x3]
	adr	x10, .Lentry
	stp	x1, x2, [x0, #FRAME_X19]
	stp	xzr, xzr, [x0, #FRAME_X21]
	stp	xzr, xzr, [x0, #FRAME_X23]
	stp	xzr, xzr, [x0, #FRAME_X25]
	stp	xzr, xzr, [x0, #FRAME_X27]
	stp	xzr, x10, [x0, #FRAME_X29]
	stp	xzr, xzr, [x0, #FRAME_D8]
	stp	xzr, xzr, [x0, #FRAME_D10]
	stp	xzr, xzr, [x0, #FRAME_D12]
	stp	xzr, xzr, [x0, #FRAME_D14]
	stp	x9, xzr, [x0, #FRAME_FPCR]
	ret
	.cfi_endproc
	.size	bide__context_make, . - bide__context_make

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
