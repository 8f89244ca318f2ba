// SPDX-License-Identifier: MIT
/*
 * The context switch alone: what it keeps, what it shares, what an unwinder sees of it.
 *
 * Two contexts are in play, the thread's own ("outside") and one on a stack of ours ("inside"). A
 * test starts the inside one and calls cross_in(); the inside function calls cross_out() to give
 * the turn back and leaves its findings in variables, since the outside does most of the checking.
 */
#include <fenv.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unwind.h>

#include "core/context.h"
#include "harness/test.h"

#ifdef BIDE__CONTEXT_X86_64
#include <ucontext.h>
#include <x86intrin.h>
#endif

#if defined __SANITIZE_ADDRESS__
#define ADDRESS_SANITIZER 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER 1
#endif
#endif

#ifdef ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

#define STACK_SIZE (64 * 1024)

static _Alignas(64) char stack[STACK_SIZE + 64];
static void *outside;
static void *inside;

/* Something to do after a call, so that it does not become a jump and unwinders find the caller. */
#define NO_TAIL_CALL() __asm__ volatile("")

__attribute__((noinline)) static void cross_in(void)
{
	bide__context_switch(&outside, inside);
	NO_TAIL_CALL();
}

__attribute__((noinline)) static void cross_out(void)
{
	bide__context_switch(&inside, outside);
	NO_TAIL_CALL();
}

/* What an inside function ends with, as it must not return. */
static void stay_outside(void)
{
	for (;;)
		cross_out();
}

/* Frames that were left by a switch or moved by a copy are poisoned for those that come after. */
static void forget_poison(void)
{
#ifdef ADDRESS_SANITIZER
	__asan_unpoison_memory_region(stack, sizeof stack);
#endif
}

/* Above the top goes what would look like a return address to an unwinder that does not stop. */
static void make_inside(void (*entry)(void *arg), void *arg)
{
	uintptr_t code = (uintptr_t)cross_in + 4;

	forget_poison();
	for (size_t i = 0; i < 64; i += sizeof code)
		memcpy(stack + STACK_SIZE + i, &code, sizeof code);
	inside = bide__context_make(stack + STACK_SIZE, entry, arg);
}

/* Values, registers, alignment. */

static void add_three_times(void *arg)
{
	int *sum = arg;

	for (int i = 1; i <= 3; i++) {
		*sum += i;
		cross_out();
	}
	stay_outside();
}

TEST(context_runs_in_turns)
{
	int sum = 0;

	make_inside(add_three_times, &sum);
	EXPECT(sum == 0);
	cross_in();
	EXPECT(sum == 1);
	cross_in();
	EXPECT(sum == 3);
	cross_in();
	EXPECT(sum == 6);
	cross_in();
	EXPECT(sum == 6);
}

/* Holds more values across a switch than there are preserved registers, integer and double. */
__attribute__((noinline)) static bool keeps_values(volatile long *seed, void (*cross)(void))
{
	long a = seed[0] + 1, b = a * 3, c = b + 5, d = c * 7, e = d + 11, f = e * 13, g = f + 17;
	double h = (double)a / 3, i = h + 2, j = i * 5, k = j + 7, l = k * 11, m = l + 13;

	cross();
	if (a != seed[0] + 1 || b != a * 3 || c != b + 5 || d != c * 7 || e != d + 11)
		return false;
	if (f != e * 13 || g != f + 17 || h != (double)a / 3)
		return false;
	return i == h + 2 && j == i * 5 && k == j + 7 && l == k * 11 && m == l + 13;
}

static int inside_kept;

static void keep_values_inside(void *arg)
{
	volatile long seed[1] = { *(int *)arg };

	for (;;) {
		if (keeps_values(seed, cross_out))
			inside_kept++;
		seed[0]++;
	}
}

TEST(context_keeps_values_across_switches)
{
	volatile long seed[1] = { 1000 };
	int start = 7;

	inside_kept = 0;
	make_inside(keep_values_inside, &start);
	for (int i = 0; i < 100; i++) {
		EXPECT(keeps_values(seed, cross_in));
		seed[0] += 3;
	}
	/* The last of its 100 turns has begun and not ended. */
	EXPECT(inside_kept == 99);
}

#if defined __x86_64__ || defined __aarch64__

/*
 * uint64_t registers_lost(uint64_t seed, void **ret_saved, void *to)
 *
 * Fills every register that a function must preserve with seed, seed + 1 and so on, switches, and
 * returns the bits in which any of them differs afterwards; 0 when all were kept. Here in assembly
 * as no compiler can be made to hold a value in a given register.
 */
uint64_t registers_lost(uint64_t seed, void **ret_saved, void *to);

#ifdef __x86_64__
__asm__(".text\n"
        ".type registers_lost, @function\n"
        ".globl registers_lost\n"
        "registers_lost:\n"
        "	push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15; push %rdi\n"
        "	lea 0(%rdi), %rbx; lea 1(%rdi), %rbp; lea 2(%rdi), %r12\n"
        "	lea 3(%rdi), %r13; lea 4(%rdi), %r14; lea 5(%rdi), %r15\n"
        "	mov %rsi, %rdi; mov %rdx, %rsi\n"
        "	call bide__context_switch\n"
        "	pop %rdi\n"
        "	sub %rdi, %rbx; sub %rdi, %rbp; sub %rdi, %r12\n"
        "	sub %rdi, %r13; sub %rdi, %r14; sub %rdi, %r15\n"
        "	xor $1, %rbp; xor $2, %r12; xor $3, %r13; xor $4, %r14; xor $5, %r15\n"
        "	mov %rbx, %rax\n"
        "	or %rbp, %rax; or %r12, %rax; or %r13, %rax; or %r14, %rax; or %r15, %rax\n"
        "	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp\n"
        "	ret\n"
        ".size registers_lost, . - registers_lost\n");
#else
__asm__(".text\n"
        ".type registers_lost, %function\n"
        ".globl registers_lost\n"
        ".macro each_x do\n"
        "	\\do x19, 0; \\do x20, 1; \\do x21, 2; \\do x22, 3; \\do x23, 4; \\do x24, 5\n"
        "	\\do x25, 6; \\do x26, 7; \\do x27, 8; \\do x28, 9; \\do x29, 10\n"
        ".endm\n"
        ".macro each_d do\n"
        "	\\do d8, 16; \\do d9, 17; \\do d10, 18; \\do d11, 19\n"
        "	\\do d12, 20; \\do d13, 21; \\do d14, 22; \\do d15, 23\n"
        ".endm\n"
        ".macro fill_x reg, n\n	add \\reg, x0, #\\n\n.endm\n"
        ".macro fill_d reg, n\n	add x9, x0, #\\n; fmov \\reg, x9\n.endm\n"
        ".macro test_d reg, n\n	fmov x9, \\reg; sub x9, x9, x1; sub x9, x9, #\\n\n"
        "	orr x0, x0, x9\n.endm\n"
        ".macro test_x reg, n\n	sub x9, \\reg, x1; sub x9, x9, #\\n\n"
        "	orr x0, x0, x9\n.endm\n"
        "registers_lost:\n"
        "	stp x29, x30, [sp, #-176]!; stp x19, x20, [sp, #16]; stp x21, x22, [sp, #32]\n"
        "	stp x23, x24, [sp, #48]; stp x25, x26, [sp, #64]; stp x27, x28, [sp, #80]\n"
        "	stp d8, d9, [sp, #96]; stp d10, d11, [sp, #112]; stp d12, d13, [sp, #128]\n"
        "	stp d14, d15, [sp, #144]; str x0, [sp, #160]\n"
        "	each_x fill_x\n"
        "	each_d fill_d\n"
        "	mov x0, x1; mov x1, x2\n"
        "	bl bide__context_switch\n"
        "	ldr x1, [sp, #160]; mov x0, #0\n"
        "	each_x test_x\n"
        "	each_d test_d\n"
        "	ldp d14, d15, [sp, #144]; ldp d12, d13, [sp, #128]; ldp d10, d11, [sp, #112]\n"
        "	ldp d8, d9, [sp, #96]; ldp x27, x28, [sp, #80]; ldp x25, x26, [sp, #64]\n"
        "	ldp x23, x24, [sp, #48]; ldp x21, x22, [sp, #32]; ldp x19, x20, [sp, #16]\n"
        "	ldp x29, x30, [sp], #176\n"
        "	ret\n"
        ".size registers_lost, . - registers_lost\n");
#endif

static uint64_t inside_lost;

static void hold_registers_inside(void *arg)
{
	uint64_t seed = *(uint64_t *)arg;

	for (;;)
		inside_lost |= registers_lost(seed++, &inside, outside);
}

TEST(context_keeps_every_preserved_register)
{
	uint64_t seed = 0x5555000000000000;
	uint64_t lost = 0;

	inside_lost = 0;
	make_inside(hold_registers_inside, &seed);
	for (uint64_t i = 0; i < 10; i++)
		lost |= registers_lost(0xaaaa000000000000 + 64 * i, &outside, inside);
	EXPECT(lost == 0);
	EXPECT(inside_lost == 0);
}

#endif

static struct {
	void *arg;        /* What the entry was called with. */
	uintptr_t frame;  /* Its frame's address. */
	uintptr_t local;  /* Address of a local that asks for 16 bytes. */
	void *next_frame; /* What a walk along frame pointers would find next. */
	char text[32];    /* A formatted double: variadic calls save vector registers, aligned. */
} entered;

static void note_alignment(void *arg)
{
	_Alignas(16) volatile char local[16];

	entered.arg = arg;
	entered.frame = (uintptr_t)__builtin_frame_address(0);
	entered.next_frame = *(void **)__builtin_frame_address(0);
	entered.local = (uintptr_t)local;
#ifdef __x86_64__
	__asm__ volatile("movaps %%xmm0, %0" : "=m"(*(volatile char(*)[16])local));
#endif
	snprintf(entered.text, sizeof entered.text, "%.3f", 1.0 / (double)(1 + (arg != NULL)));
	stay_outside();
}

TEST(context_enters_with_aligned_stack)
{
	for (int odd = 0; odd < 64; odd++) {
		char *top = stack + STACK_SIZE + odd;

		forget_poison();
		memset(&entered, 0, sizeof entered);
		memset(top, 0x5a, (size_t)(64 - odd));
		inside = bide__context_make(top, note_alignment, &odd);
		cross_in();
		EXPECT(entered.arg == &odd);
		EXPECT(entered.frame != 0 && entered.frame % 16 == 0);
		EXPECT(entered.frame < (uintptr_t)top && entered.frame > (uintptr_t)stack);
		EXPECT(entered.local != 0 && entered.local % 16 == 0);
		EXPECT(strcmp(entered.text, "0.500") == 0);
		for (char *past = top; past < stack + sizeof stack; past++)
			EXPECT(*past == 0x5a);
	}
}

/* Stack contents. */

enum { DEEP_LEVELS = 100 };

static int deep_levels_kept;

/* Switches on the way down and on the way up, and checks each frame's bytes in between. */
__attribute__((noinline)) static int descend(int level)
{
	volatile unsigned char bytes[200];
	int kept = 1;
	int below = 0;

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(level + (int)i);
	cross_out();
	if (level + 1 < DEEP_LEVELS)
		below = descend(level + 1);
	cross_out();
	for (size_t i = 0; i < sizeof bytes; i++)
		if (bytes[i] != (unsigned char)(level + (int)i))
			kept = 0;
	return below + kept;
}

static void descend_inside(void *arg)
{
	deep_levels_kept = descend(*(int *)arg);
	stay_outside();
}

TEST(context_keeps_deep_frames)
{
	int level = 0;
	void *lowest;

	deep_levels_kept = 0;
	make_inside(descend_inside, &level);
	lowest = inside;
	for (int i = 0; i < 2 * DEEP_LEVELS; i++) {
		EXPECT(deep_levels_kept == 0);
		cross_in();
		if (inside < lowest)
			lowest = inside;
	}
	EXPECT((char *)lowest < stack + STACK_SIZE - 200 * DEEP_LEVELS);
	cross_in();
	EXPECT(deep_levels_kept == DEEP_LEVELS);
}

static struct {
	char bytes[STACK_SIZE]; /* What lay from the handle to the top. */
	size_t size;            /* How many bytes that was. */
	void *handle;           /* Where they belong. */
} away[2];

static void copy_away(int which)
{
	forget_poison();
	away[which].handle = inside;
	away[which].size = (size_t)(stack + STACK_SIZE - (char *)inside);
	memcpy(away[which].bytes, inside, away[which].size);
	memset(stack, 0xee, STACK_SIZE);
}

static void copy_back(int which)
{
	memset(stack, 0xdd, STACK_SIZE);
	inside = away[which].handle;
	memcpy(inside, away[which].bytes, away[which].size);
}

TEST(context_resumes_from_copied_stack)
{
	int levels[2] = { 10, DEEP_LEVELS - 20 };

	/* Two contexts share the stack; each time one is in place, the other is only bytes. */
	deep_levels_kept = 0;
	for (int which = 0; which < 2; which++) {
		make_inside(descend_inside, &levels[which]);
		copy_away(which);
	}
	for (int turn = 0; turn < 2 * (DEEP_LEVELS - 10); turn++) {
		for (int which = 0; which < 2; which++) {
			copy_back(which);
			cross_in();
			copy_away(which);
		}
		EXPECT(deep_levels_kept == (turn < 40 ? 0 : 20));
	}
	copy_back(0);
	cross_in();
	EXPECT(deep_levels_kept == DEEP_LEVELS - 10);
}

/* Floating point environment. */

/* 1/3 cannot be exact, so its value tells which way the unit really rounds. */
__attribute__((noinline)) static double third(void)
{
	volatile double one = 1, three = 3, result;

	result = one / three;
	return result;
}

__attribute__((noinline)) static long double long_third(void)
{
	volatile long double one = 1, three = 3, result;

	result = one / three;
	return result;
}

static struct {
	double near;           /* 1/3 to nearest, which rounds down. */
	double up;             /* 1/3 rounded up, one unit more. */
	long double long_near; /* The same for long double: to nearest rounds up, */
	long double long_down; /* and down is one unit less. */
	long double long_up;
} thirds;

static void find_thirds(void)
{
	fesetround(FE_UPWARD);
	thirds.up = third();
	thirds.long_up = long_third();
	fesetround(FE_DOWNWARD);
	thirds.long_down = long_third();
	fesetround(FE_TONEAREST);
	thirds.near = third();
	thirds.long_near = long_third();
	EXPECT(thirds.near < thirds.up);
	EXPECT(thirds.long_down < thirds.long_up);
}

static bool rounds_up(void)
{
	return fegetround() == FE_UPWARD && third() == thirds.up && long_third() == thirds.long_up;
}

static bool rounds_down(void)
{
	return fegetround() == FE_DOWNWARD && third() == thirds.near &&
	       long_third() == thirds.long_down;
}

static bool rounds_to_nearest(void)
{
	return fegetround() == FE_TONEAREST && third() == thirds.near &&
	       long_third() == thirds.long_near;
}

static int inside_checks;

static void change_rounding_inside(void *arg)
{
	(void)arg;
	inside_checks += rounds_to_nearest();
	fesetround(FE_UPWARD);
	cross_out();
	inside_checks += rounds_up();
	cross_out();
	inside_checks += rounds_up();
	fesetround(FE_TONEAREST);
	cross_out();
	inside_checks += rounds_to_nearest();
	stay_outside();
}

TEST(context_keeps_rounding_apart)
{
	find_thirds();
	inside_checks = 0;
	make_inside(change_rounding_inside, NULL);
	cross_in();
	EXPECT(rounds_to_nearest());
	fesetround(FE_DOWNWARD);
	cross_in();
	EXPECT(rounds_down());
	cross_in();
	EXPECT(rounds_down());
	cross_in();
	EXPECT(rounds_down());
	fesetround(FE_TONEAREST);
	EXPECT(inside_checks == 4);
}

static void round_inside(void *arg)
{
	*(bool *)arg = rounds_up();
	stay_outside();
}

TEST(context_starts_with_rounding_of_its_maker)
{
	bool up = false;

	find_thirds();
	fesetround(FE_UPWARD);
	make_inside(round_inside, &up);
	fesetround(FE_TONEAREST);
	cross_in();
	EXPECT(up);
	EXPECT(rounds_to_nearest());
}

#ifndef BIDE_CONTEXT_UCONTEXT

static int flags_inside[5];

static void raise_flags_inside(void *arg)
{
	(void)arg;
	flags_inside[0] = fetestexcept(FE_ALL_EXCEPT);
	third();
	cross_out();
	flags_inside[1] = fetestexcept(FE_ALL_EXCEPT);
	fesetround(FE_UPWARD);
	cross_out();
	flags_inside[2] = fetestexcept(FE_ALL_EXCEPT);
	cross_out();
	flags_inside[3] = fetestexcept(FE_ALL_EXCEPT);
	cross_out();
	flags_inside[4] = fetestexcept(FE_ALL_EXCEPT);
	stay_outside();
}

/* The flags are the thread's, whether or not the control bits differ. */
TEST(context_leaves_exception_flags_alone)
{
	feclearexcept(FE_ALL_EXCEPT);
	make_inside(raise_flags_inside, NULL);
	feraiseexcept(FE_OVERFLOW | FE_INEXACT);
	cross_in();
	EXPECT(flags_inside[0] == (FE_OVERFLOW | FE_INEXACT));
	EXPECT(fetestexcept(FE_ALL_EXCEPT) == (FE_OVERFLOW | FE_INEXACT));
	feclearexcept(FE_ALL_EXCEPT);
	cross_in();
	EXPECT(flags_inside[1] == 0);
	EXPECT(fetestexcept(FE_ALL_EXCEPT) == 0);
	/* From here on each switch loads. A flag raised after the last one is not taken back, */
	third();
	cross_in();
	EXPECT(flags_inside[2] == FE_INEXACT);
	EXPECT(fetestexcept(FE_ALL_EXCEPT) == FE_INEXACT);
	/* one cleared since then does not return, */
	feclearexcept(FE_ALL_EXCEPT);
	cross_in();
	EXPECT(flags_inside[3] == 0);
	EXPECT(fetestexcept(FE_ALL_EXCEPT) == 0);
	/* and where long double has flags of its own, these stay as well. */
	long_third();
	cross_in();
	EXPECT(flags_inside[4] == FE_INEXACT);
	EXPECT(fetestexcept(FE_ALL_EXCEPT) == FE_INEXACT);
	feclearexcept(FE_ALL_EXCEPT);
}

#endif

/* Unwinding. */

enum { TRACE_MAX = 64 };

struct trace {
	uintptr_t function[TRACE_MAX]; /* Start of each frame's function, innermost first. */
	int count;                     /* How many there are. */
	bool ended;                    /* The unwinder said that there were no more. */
};

static _Unwind_Reason_Code note_frame(struct _Unwind_Context *context, void *arg)
{
	struct trace *trace = arg;

	/* The unwinder calls once more at the end, without a frame. */
	if (_Unwind_GetIP(context) == 0)
		return _URC_NO_REASON;
	if (trace->count == TRACE_MAX)
		return _URC_NORMAL_STOP;
	trace->function[trace->count++] = (uintptr_t)_Unwind_GetRegionStart(context);
	return _URC_NO_REASON;
}

__attribute__((noinline)) static void take_trace(struct trace *trace)
{
	trace->count = 0;
	trace->ended = _Unwind_Backtrace(note_frame, trace) == _URC_END_OF_STACK;
}

/* Where in @p trace a frame of the function at @p function is, or -1. */
static int find_frame(const struct trace *trace, uintptr_t function)
{
	for (int i = 0; i < trace->count; i++)
		if (trace->function[i] == function)
			return i;
	return -1;
}

static uintptr_t bottom; /* The function that calls the entry of every context. */

static void find_bottom_inside(void *arg)
{
	(void)arg;
	bottom = (uintptr_t)_Unwind_FindEnclosingFunction(__builtin_return_address(0));
	stay_outside();
}

static void find_bottom(void)
{
	make_inside(find_bottom_inside, NULL);
	cross_in();
	EXPECT(bottom != 0);
}

/* Whether @p trace ends with the bottom, and that right below frame @p entry. */
static bool ends_below(const struct trace *trace, int entry)
{
#ifdef BIDE_CONTEXT_UCONTEXT
	/* libc's own start function may be there, or not. */
	return trace->ended && entry >= 0 && find_frame(trace, bottom) == entry + 1 &&
	       trace->count <= entry + 3;
#else
	return trace->ended && entry >= 0 && find_frame(trace, bottom) == entry + 1 &&
	       trace->count == entry + 2;
#endif
}

static void trace_inside(void *arg)
{
	take_trace(arg);
	stay_outside();
}

TEST(context_backtrace_ends_at_the_entry)
{
	struct trace trace = { .count = 0 };
	int entry;

	find_bottom();
	make_inside(trace_inside, &trace);
	cross_in();
	entry = find_frame(&trace, (uintptr_t)trace_inside);
	EXPECT(ends_below(&trace, entry));
	EXPECT(find_frame(&trace, (uintptr_t)cross_in) == -1);
#ifndef BIDE_CONTEXT_UCONTEXT
	/* A walk along frame pointers ends as well. */
	make_inside(note_alignment, NULL);
	entered.next_frame = &trace;
	cross_in();
	EXPECT(entered.next_frame == NULL);
#endif
}

#ifdef BIDE__CONTEXT_X86_64

/* One instruction at a time. */

/* What the trap after each instruction has seen of bide__context_switch. */
static struct {
	int instructions; /* How many instructions of it were about to run. */
	int loads_mxcsr;  /* Of these, loads of MXCSR. */
	int loads_x87;    /* Of these, loads of the x87 control word. */
	int good_outside; /* Traces that led out of the test, */
	int good_inside;  /* that ended at the inside function's start, */
	int good_start;   /* that ended there when it had not started yet, */
	int bad;          /* and wrong ones. */
} stepped;

static bool unwind_each_step; /* Whether to take these traces. */

/* Sorts one trace, taken in a signal handler, by the stack that the switch was on. */
static void judge_trace(const struct trace *trace, bool on_our_stack)
{
	int frame = find_frame(trace, (uintptr_t)bide__context_switch);

	if (frame < 0 || frame + 1 >= trace->count || !trace->ended)
		stepped.bad++;
	else if (!on_our_stack && trace->function[frame + 1] == (uintptr_t)cross_in &&
	         trace->count > frame + 3)
		stepped.good_outside++;
	else if (on_our_stack && trace->function[frame + 1] == (uintptr_t)cross_out &&
	         ends_below(trace, find_frame(trace, (uintptr_t)add_three_times)))
		stepped.good_inside++;
	else if (on_our_stack && ends_below(trace, frame))
		stepped.good_start++;
	else
		stepped.bad++;
}

static void on_step(int signal_number, siginfo_t *info, void *context)
{
	const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	const unsigned char *next = (const unsigned char *)registers[REG_RIP];
	const char *sp = (const char *)registers[REG_RSP];
	struct trace trace;

	(void)signal_number;
	(void)info;
	/* The function is looked up for the byte before the address it is given. */
	if ((uintptr_t)_Unwind_FindEnclosingFunction((void *)(next + 1)) !=
	    (uintptr_t)bide__context_switch)
		return;
	stepped.instructions++;
	stepped.loads_mxcsr += next[0] == 0x0f && next[1] == 0xae && (next[2] & 0x38) == 2 << 3;
	stepped.loads_x87 += next[0] == 0xd9 && (next[1] & 0x38) == 5 << 3;
	if (unwind_each_step) {
		take_trace(&trace);
		judge_trace(&trace, sp >= stack && sp <= stack + STACK_SIZE);
	}
}

/* Calls @p function with the trap flag set. It is the thread's, so it follows every switch. */
__attribute__((noinline)) static void step_through(void (*function)(void))
{
	const unsigned long long trap_flag = 0x100;
	struct sigaction action = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };
	struct sigaction before;

	sigemptyset(&action.sa_mask);
	sigaction(SIGTRAP, &action, &before);
	memset(&stepped, 0, sizeof stepped);
	__writeeflags(__readeflags() | trap_flag);
	function();
	__writeeflags(__readeflags() & ~trap_flag);
	sigaction(SIGTRAP, &before, NULL);
	EXPECT(stepped.instructions > 0);
}

static void raise_flags_then_round_inside(void *arg)
{
	(void)arg;
	third();
	cross_out();
	feraiseexcept(FE_OVERFLOW | FE_UNDERFLOW);
	cross_out();
	fesetround(FE_UPWARD);
	stay_outside();
}

TEST(context_loads_control_only_if_it_differs)
{
	int sum = 0;

	feclearexcept(FE_ALL_EXCEPT);
	make_inside(add_three_times, &sum);
	feraiseexcept(FE_INVALID | FE_DIVBYZERO | FE_INEXACT);
	for (int i = 0; i < 3; i++) {
		step_through(cross_in);
		EXPECT(stepped.loads_mxcsr == 0 && stepped.loads_x87 == 0);
		feclearexcept(FE_ALL_EXCEPT);
	}

	make_inside(raise_flags_then_round_inside, NULL);
	for (int i = 0; i < 2; i++) {
		step_through(cross_in);
		EXPECT(stepped.loads_mxcsr == 0 && stepped.loads_x87 == 0);
	}
	/* The way in loads nothing yet, the way out does; after that it is both ways. */
	step_through(cross_in);
	EXPECT(stepped.loads_mxcsr == 1 && stepped.loads_x87 == 1);
	step_through(cross_in);
	EXPECT(stepped.loads_mxcsr == 2 && stepped.loads_x87 == 2);
	feclearexcept(FE_ALL_EXCEPT);
}

TEST(context_unwinds_at_every_instruction)
{
	int sum = 0;

	find_bottom();
	make_inside(add_three_times, &sum);
	unwind_each_step = true;
	for (int i = 0; i < 3; i++) {
		step_through(cross_in);
		EXPECT(stepped.bad == 0);
		EXPECT(stepped.good_outside > 20);
		EXPECT(i == 0 ? stepped.good_start > 5 : stepped.good_inside > 20);
		EXPECT(stepped.good_outside + stepped.good_inside + stepped.good_start ==
		      stepped.instructions);
	}
	/* And through the slow path, where the control words differ. */
	fesetround(FE_DOWNWARD);
	step_through(cross_in);
	EXPECT(stepped.loads_mxcsr == 2 && stepped.loads_x87 == 2);
	EXPECT(stepped.bad == 0);
	unwind_each_step = false;
	fesetround(FE_TONEAREST);
}

/* The two control words of x86-64. */

static unsigned short get_x87_control(void)
{
	unsigned short word;

	__asm__ volatile("fnstcw %0" : "=m"(word));
	return word;
}

static void set_x87_control(unsigned short word)
{
	__asm__ volatile("fldcw %0" : : "m"(word));
}

static struct {
	unsigned int mxcsr; /* To set, then what was found after a switch. */
	unsigned short x87; /* The same for the x87 control word. */
} control_inside;

static void set_control_inside(void *arg)
{
	(void)arg;
	_mm_setcsr(control_inside.mxcsr);
	set_x87_control(control_inside.x87);
	cross_out();
	control_inside.mxcsr = _mm_getcsr();
	control_inside.x87 = get_x87_control();
	stay_outside();
}

/* Each control bit on its own: masks, rounding, flush to zero, denormals; masks, precision. */
TEST(context_keeps_each_control_bit)
{
	const unsigned int mxcsr = _mm_getcsr() & 0xffc0;
	const unsigned short x87 = get_x87_control();

	for (int bit = 6; bit < 16; bit++) {
		control_inside.mxcsr = mxcsr ^ 1u << bit;
		control_inside.x87 = x87;
		make_inside(set_control_inside, NULL);
		cross_in();
		EXPECT((_mm_getcsr() & 0xffc0) == mxcsr && get_x87_control() == x87);
		cross_in();
		EXPECT((control_inside.mxcsr & 0xffc0) == (mxcsr ^ 1u << bit));
		EXPECT(control_inside.x87 == x87);
		EXPECT((_mm_getcsr() & 0xffc0) == mxcsr && get_x87_control() == x87);
	}
	for (int bit = 0; bit < 12; bit++) {
		if (bit == 6 || bit == 7)
			continue; /* Reserved. */
		control_inside.mxcsr = mxcsr;
		control_inside.x87 = (unsigned short)(x87 ^ 1u << bit);
		make_inside(set_control_inside, NULL);
		cross_in();
		EXPECT((_mm_getcsr() & 0xffc0) == mxcsr && get_x87_control() == x87);
		cross_in();
		EXPECT((control_inside.mxcsr & 0xffc0) == mxcsr);
		EXPECT(control_inside.x87 == (unsigned short)(x87 ^ 1u << bit));
		EXPECT((_mm_getcsr() & 0xffc0) == mxcsr && get_x87_control() == x87);
	}
}

static void unmask_division_inside(void *arg)
{
	(void)arg;
	_mm_setcsr(_mm_getcsr() & ~(unsigned int)_MM_MASK_DIV_ZERO);
	set_x87_control((unsigned short)(get_x87_control() & ~FE_DIVBYZERO));
	cross_out();
	inside_checks += third() > 0 && long_third() > 0;
	stay_outside();
}

/* One context's division by zero is not the other's trap, though the other has asked for traps. */
TEST(context_does_not_trap_for_another)
{
	volatile long double long_zero = 0;
	volatile double zero = 0;

	inside_checks = 0;
	make_inside(unmask_division_inside, NULL);
	cross_in();
	EXPECT(1 / long_zero > 0);
	EXPECT(1 / zero > 0);
	EXPECT((fetestexcept(FE_ALL_EXCEPT) & FE_DIVBYZERO) != 0);
	cross_in();
	EXPECT(inside_checks == 1);
	feclearexcept(FE_ALL_EXCEPT);
}

/* Frames of parked tasks are kept by the million, so their size is a promise. */
TEST(context_frame_is_64_bytes)
{
	make_inside(round_inside, NULL);
	EXPECT((char *)inside == stack + STACK_SIZE - 64);
}

#endif
