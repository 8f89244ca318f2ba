/* SPDX-License-Identifier: MIT */
/*
 * The context switch for x86-64 (System V ABI).
 *
 * A context that is not running is these 64 bytes at the low end of its stack; the handle is their
 * address:
 *
 *	 0  MXCSR (4 bytes), x87 control word (2), unused (2)
 *	 8  r15
 *	16  r14
 *	24  r13
 *	32  r12
 *	40  rbx
 *	48  rbp
 *	56  rip
 *	64  the caller's frame
 *
 * Since both stacks have this layout when the stack pointer moves from one to the other, the same
 * unwind rules hold on either side of that instruction, and an unwinder sees the old context just
 * before it and the new one just after.
 */
#include "context.h"

#ifdef BIDE__CONTEXT_X86_64

#define FRAME_MXCSR	0
#define FRAME_X87	4
#define FRAME_R15	8
#define FRAME_R14	16
#define FRAME_R13	24
#define FRAME_R12	32
#define FRAME_RBX	40
#define FRAME_RBP	48
#define FRAME_RIP	56
#define FRAME_SIZE	64

#define MXCSR_CONTROL	0xffc0	/* Rounding, masks, denormals; the other bits are flags. */
#define X87_FLAGS	0x3f	/* The same places in the status and in the control word. */

.macro push_register name
	pushq	%\name
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %\name, 0
.endm

.macro pop_register name
	popq	%\name
	.cfi_adjust_cfa_offset -8
	.cfi_restore %\name
.endm

/* Makes the caller's context one that does not run, and stores its handle. */
.macro save_context ret_saved
	push_register rbp
	push_register rbx
	push_register r12
	push_register r13
	push_register r14
	push_register r15
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	stmxcsr	FRAME_MXCSR(%rsp)
	fnstcw	FRAME_X87(%rsp)
	movq	%rsp, \ret_saved
.endm

/* Goes on with the context whose frame rsp is at. */
.macro resume_context
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	pop_register r15
	pop_register r14
	pop_register r13
	pop_register r12
	pop_register rbx
	pop_register rbp
	/* Calls and returns stay balanced, so that the processor predicts this one and all that
	 * follow: a context was left by the call that this returns from, and parked tasks all by
	 * the same. A jump would put every return out of step with its call. */
	ret
.endm

/* The floating point control is loaded only if it differs: loading it costs several times the rest
 * of the switch. Flags are left out of the comparison, because almost any arithmetic raises one.
 * The control words as they are now lie at rsp. What loads them, which is rare, goes elsewhere, by
 * load_control with the same names; `scratch` is four bytes that nobody needs any more. */
.macro match_control name, wanted
	movl	FRAME_MXCSR(%rsp), %eax
	xorl	FRAME_MXCSR(\wanted), %eax
	testl	$MXCSR_CONTROL, %eax
	jnz	.L\name\()_load_mxcsr
.L\name\()_mxcsr_done:
	movzwl	FRAME_X87(%rsp), %eax
	cmpw	FRAME_X87(\wanted), %ax
	jne	.L\name\()_load_x87
.L\name\()_x87_done:
.endm

/* eax: how the control bits wanted differ from those that are in use. The new control bits join the
 * flags as they are now. Loading saved flags too would be no dearer, but then a switch would take
 * back an exception, or bring back an old one, depending on whether rounding modes differ.
 *
 * Unlike MXCSR, the x87 traps later on a flag that is already set when its mask goes. A trap that
 * the old context has pending is taken here, while this still is the old context's stack; flags
 * that the new one would trap on are not its own and are dropped. */
.macro load_control name, wanted, scratch
.L\name\()_load_mxcsr:
	andl	$MXCSR_CONTROL, %eax
	xorl	FRAME_MXCSR(%rsp), %eax
	movl	%eax, \scratch
	ldmxcsr	\scratch
	jmp	.L\name\()_mxcsr_done
.L\name\()_load_x87:
	fwait
	fnstsw	%ax
	movzwl	FRAME_X87(\wanted), %ecx
	notl	%ecx
	andl	%ecx, %eax
	testb	$X87_FLAGS, %al
	jz	.L\name\()_x87_safe
	fnclex
.L\name\()_x87_safe:
	fldcw	FRAME_X87(\wanted)
	jmp	.L\name\()_x87_done
.endm

	.text

/*
 * void bide__context_switch(void **ret_saved, void *to)
 */
	.globl	bide__context_switch
	.hidden	bide__context_switch
	.type	bide__context_switch, @function
	.p2align 6
bide__context_switch:
	.cfi_startproc
	endbr64
	save_context (%rdi)
	match_control switch, %rsi
	movq	%rsi, %rsp
	.cfi_remember_state
	resume_context

	/* The new context's frame serves as scratch memory, as its control words have just been
	 * used up. */
	.cfi_restore_state
	load_control switch, %rsi, FRAME_MXCSR(%rsi)
	.cfi_endproc
	.size	bide__context_switch, . - bide__context_switch

/*
 * void bide__context_begin(void **ret_saved, void *top, void *(*entry)(void *arg), void *arg,
 *                          const struct bide__control *control)
 *
 * A control is laid out as it is at the low end of a context. Scratch memory is where the entry's
 * return address will be.
 */
	.globl	bide__context_begin
	.hidden	bide__context_begin
	.type	bide__context_begin, @function
	.p2align 6
bide__context_begin:
	.cfi_startproc
	endbr64
	save_context (%rdi)
	movq	%rcx, %rdi
	andq	$-16, %rsi
	match_control begin, %r8
	xorl	%ebp, %ebp
	movq	%rsi, %rsp
	.cfi_remember_state
	.cfi_undefined %rip
	jmp	.Lentry

	.cfi_restore_state
	load_control begin, %r8, -8(%rsi)
	.cfi_endproc
	.size	bide__context_begin, . - bide__context_begin

/*
 * The bottom of every context: calls rdx(rdi) and goes on with the context whose handle that
 * returns; what is left of the one that has ended is not saved. Until that handle is the stack
 * pointer unwinders stop here, because the return address is undefined; those that follow frame
 * pointers stop because rbp is zero. (The rule for rip is spelled out where it holds again, as
 * libgcc's unwinder would take .cfi_restore for "as it is".)
 */
	.type	bide__context_entry, @function
	.p2align 4
bide__context_entry:
	.cfi_startproc
	.cfi_undefined %rip
.Lentry:
	callq	*%rdx
	movq	%rax, %rsi
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	stmxcsr	FRAME_MXCSR(%rsp)
	fnstcw	FRAME_X87(%rsp)
	match_control end, %rsi
	movq	%rsi, %rsp
	.cfi_remember_state
	.cfi_def_cfa_offset FRAME_SIZE
	.cfi_rel_offset %rip, FRAME_RIP
	.cfi_rel_offset %rbp, FRAME_RBP
	.cfi_rel_offset %rbx, FRAME_RBX
	.cfi_rel_offset %r12, FRAME_R12
	.cfi_rel_offset %r13, FRAME_R13
	.cfi_rel_offset %r14, FRAME_R14
	.cfi_rel_offset %r15, FRAME_R15
	resume_context

	.cfi_restore_state
	load_control end, %rsi, FRAME_MXCSR(%rsi)
	.cfi_endproc
	.size	bide__context_entry, . - bide__context_entry

/*
 * void bide__control_get(struct bide__control *ret_control)
 */
	.globl	bide__control_get
	.hidden	bide__control_get
	.type	bide__control_get, @function
	.p2align 4
bide__control_get:
	.cfi_startproc
	endbr64
	movq	$0, (%rdi)
	stmxcsr	FRAME_MXCSR(%rdi)
	fnstcw	FRAME_X87(%rdi)
	ret
	.cfi_endproc
	.size	bide__control_get, . - bide__control_get

/*
 * void bide__control_set(const struct bide__control *control)
 */
	.globl	bide__control_set
	.hidden	bide__control_set
	.type	bide__control_set, @function
	.p2align 4
bide__control_set:
	.cfi_startproc
	endbr64
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	stmxcsr	FRAME_MXCSR(%rsp)
	fnstcw	FRAME_X87(%rsp)
	match_control set, %rdi
	addq	$8, %rsp
	.cfi_remember_state
	.cfi_adjust_cfa_offset -8
	ret

	.cfi_restore_state
	load_control set, %rdi, FRAME_MXCSR(%rsp)
	.cfi_endproc
	.size	bide__control_set, . - bide__control_set

#endif

	bide__context_notes
