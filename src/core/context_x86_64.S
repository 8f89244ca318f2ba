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

/* eax: how the control bits wanted differ from those that are in `now`. The new control bits join the
 * flags as they are now. Loading saved flags too would be no dearer, but then a switch would take
 * back an exception, or bring back an old one, depending on whether rounding modes differ. */
.macro load_mxcsr now, scratch
	andl	$MXCSR_CONTROL, %eax
	xorl	\now, %eax
	movl	%eax, \scratch
	ldmxcsr	\scratch
.endm

/* Unlike MXCSR, the x87 traps later on a flag that is already set when its mask goes. A trap that the
 * old context has pending is taken here, while this still is the old context's stack; flags that
 * the new one would trap on are not its own and are dropped. */
.macro load_x87 wanted
	fwait
	fnstsw	%ax
	movzwl	\wanted, %ecx
	notl	%ecx
	andl	%ecx, %eax
	testb	$X87_FLAGS, %al
	jz	.Lx87_safe\@
	fnclex
.Lx87_safe\@:
	fldcw	\wanted
.endm

	.text

/*
 * void bide__context_switch(void **ret_saved, void *to)
 *
 * The floating point control is loaded only if it differs: loading it costs several times the rest
 * of the switch. Flags are left out of the comparison, because almost any arithmetic raises one.
 */
	.globl	bide__context_switch
	.hidden	bide__context_switch
	.type	bide__context_switch, @function
	.p2align 6
bide__context_switch:
	.cfi_startproc
	endbr64
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
	movq	%rsp, (%rdi)

	movl	FRAME_MXCSR(%rsp), %eax
	xorl	FRAME_MXCSR(%rsi), %eax
	testl	$MXCSR_CONTROL, %eax
	jnz	.Lload_mxcsr
.Lmxcsr_done:
	movzwl	FRAME_X87(%rsp), %eax
	cmpw	FRAME_X87(%rsi), %ax
	jne	.Lload_x87
.Lx87_done:

	movq	%rsi, %rsp
	.cfi_remember_state
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	pop_register r15
	pop_register r14
	pop_register r13
	pop_register r12
	pop_register rbx
	pop_register rbp
	/* Predicted well where both contexts were left by the same call, as parked tasks are: then
	 * the returns that follow are, too. A jump would put them all out of step with the calls. */
	ret

	/* The new context's frame serves as scratch memory, as its control words have just been
	 * used up. */
	.cfi_restore_state
.Lload_mxcsr:
	load_mxcsr FRAME_MXCSR(%rsp), FRAME_MXCSR(%rsi)
	jmp	.Lmxcsr_done
.Lload_x87:
	load_x87 FRAME_X87(%rsi)
	jmp	.Lx87_done
	.cfi_endproc
	.size	bide__context_switch, . - bide__context_switch

/*
 * The bottom of every context: calls rbx(r12). Unwinders stop here, because the return address is
 * undefined, and those that follow frame pointers stop because rbp is zero. The nop is there as
 * unwinders look up the instruction before a return address, and the return address of a context
 * that has not run yet is the one after the nop.
 */
	.type	bide__context_entry, @function
	.p2align 4
bide__context_entry:
	.cfi_startproc
	.cfi_undefined %rip
	nop
.Lentry:
	endbr64
	movq	%r12, %rdi
	callq	*%rbx
	ud2
	.cfi_endproc
	.size	bide__context_entry, . - bide__context_entry

/*
 * void *bide__context_make(void *top, void (*entry)(void *arg), void *arg,
 *                          const struct bide__control *control)
 *
 * The top is aligned to 16 bytes and so is the frame's size, which leaves rsp aligned for the call
 * in the entry. A control is laid out as it is at the low end of a context.
 */
	.globl	bide__context_make
	.hidden	bide__context_make
	.type	bide__context_make, @function
	.p2align 4
bide__context_make:
	.cfi_startproc
	endbr64
	andq	$-16, %rdi
	leaq	-FRAME_SIZE(%rdi), %rax
	movq	(%rcx), %rcx
	movq	%rcx, FRAME_MXCSR(%rax)
	xorl	%ecx, %ecx
	movq	%rcx, FRAME_R15(%rax)
	movq	%rcx, FRAME_R14(%rax)
	movq	%rcx, FRAME_R13(%rax)
	movq	%rdx, FRAME_R12(%rax)
	movq	%rsi, FRAME_RBX(%rax)
	movq	%rcx, FRAME_RBP(%rax)
	leaq	.Lentry(%rip), %rcx
	movq	%rcx, FRAME_RIP(%rax)
	ret
	.cfi_endproc
	.size	bide__context_make, . - bide__context_make

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
	movl	FRAME_MXCSR(%rsp), %eax
	xorl	FRAME_MXCSR(%rdi), %eax
	testl	$MXCSR_CONTROL, %eax
	jz	.Lset_mxcsr_done
	load_mxcsr FRAME_MXCSR(%rsp), FRAME_MXCSR(%rsp)
.Lset_mxcsr_done:
	movzwl	FRAME_X87(%rsp), %eax
	cmpw	FRAME_X87(%rdi), %ax
	je	.Lset_x87_done
	load_x87 FRAME_X87(%rdi)
.Lset_x87_done:
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc
	.size	bide__control_set, . - bide__control_set

#endif

	bide__context_notes
