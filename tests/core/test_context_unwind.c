// SPDX-License-Identifier: MIT
/* The context switch as an unwinder sees it, at its ends and at each of its instructions. */
#include "context_kit.h"

#include <fenv.h>
#include <signal.h>
#include <stdlib.h>
#include <unwind.h>

#ifdef BIDE__CONTEXT_X86_64
#include <ucontext.h>
#include <x86intrin.h>
#endif

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

static void *find_bottom_inside(void *arg)
{
	(void)arg;
	bottom = (uintptr_t)_Unwind_FindEnclosingFunction(__builtin_return_address(0));
	return outside;
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

static void *trace_inside(void *arg)
{
	take_trace(arg);
	return outside;
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

/* What the trap after each instruction has seen of the switch, the begin and the bottom. */
static struct {
	int instructions; /* How many instructions of them were about to run. */
	int loads_mxcsr;  /* Of these, loads of MXCSR. */
	int loads_x87;    /* Of these, loads of the x87 control word. */
	int good_outside; /* Traces that led out of the test, */
	int good_inside;  /* that ended at the inside function's start, */
	int good_bottom;  /* that ended there when that had not begun yet, or had ended, */
	int bad;          /* and wrong ones. */
} stepped;

static bool unwind_each_step; /* Whether to take these traces. */

/* Sorts one trace, taken in a signal handler in @p function, by the stack that that was on. */
static void judge_trace(const struct trace *trace, uintptr_t function, bool on_our_stack)
{
	int frame = find_frame(trace, function);
	uintptr_t caller = frame + 1 < trace->count ? trace->function[frame + 1] : 0;

	if (frame < 0 || !trace->ended)
		stepped.bad++;
	else if (!on_our_stack && caller == (uintptr_t)cross_in && trace->count > frame + 3)
		stepped.good_outside++;
	else if (on_our_stack && caller == (uintptr_t)cross_out &&
	         ends_below(trace, find_frame(trace, (uintptr_t)start.entry)))
		stepped.good_inside++;
	else if (on_our_stack && caller == 0 && function != (uintptr_t)bide__context_switch)
		stepped.good_bottom++;
	else
		stepped.bad++;
}

static void on_step(int signal_number, siginfo_t *info, void *context)
{
	const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	const unsigned char *next = (const unsigned char *)registers[REG_RIP];
	const char *sp = (const char *)registers[REG_RSP];
	/* The function is looked up for the byte before the address it is given. */
	uintptr_t function = (uintptr_t)_Unwind_FindEnclosingFunction((void *)(next + 1));
	struct trace trace;

	(void)signal_number;
	(void)info;
	if (function != (uintptr_t)bide__context_switch &&
	    function != (uintptr_t)bide__context_begin && function != bottom)
		return;
	stepped.instructions++;
	stepped.loads_mxcsr += next[0] == 0x0f && next[1] == 0xae && (next[2] & 0x38) == 2 << 3;
	/* The operand of one of them is in a register that takes a prefix. */
	next += next[0] == 0x41;
	stepped.loads_x87 += next[0] == 0xd9 && (next[1] & 0x38) == 5 << 3;
	if (unwind_each_step) {
		take_trace(&trace);
		judge_trace(&trace, function, sp >= stack && sp <= stack + STACK_SIZE);
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

static void *raise_flags_then_round_inside(void *arg)
{
	(void)arg;
	third();
	cross_out();
	feraiseexcept(FE_OVERFLOW | FE_UNDERFLOW);
	cross_out();
	fesetround(FE_UPWARD);
	cross_out();
	return outside;
}

static void expect_loads(int loads)
{
	EXPECT(stepped.loads_mxcsr == loads && stepped.loads_x87 == loads);
}

TEST(context_loads_control_only_if_it_differs)
{
	int sum = 0;

	find_bottom();
	feclearexcept(FE_ALL_EXCEPT);
	make_inside(add_three_times, &sum);
	feraiseexcept(FE_INVALID | FE_DIVBYZERO | FE_INEXACT);
	/* The first of these begins the context, the last one ends it. */
	for (int i = 0; i < 4; i++) {
		step_through(cross_in);
		expect_loads(0);
		feclearexcept(FE_ALL_EXCEPT);
	}

	make_inside(raise_flags_then_round_inside, NULL);
	for (int i = 0; i < 2; i++) {
		step_through(cross_in);
		expect_loads(0);
	}
	/* The way in loads nothing yet, the way out does; after that it is both ways. */
	step_through(cross_in);
	expect_loads(1);
	step_through(cross_in);
	expect_loads(2);
	feclearexcept(FE_ALL_EXCEPT);
}

TEST(context_unwinds_at_every_instruction)
{
	int sum = 0;

	find_bottom();
	unwind_each_step = true;
	/* The second time through the slow path, where the control words differ. */
	for (int loads = 0; loads <= 2; loads += 2) {
		make_inside(add_three_times, &sum);
		if (loads > 0)
			fesetround(FE_DOWNWARD);
		for (int i = 0; i < 4; i++) {
			step_through(cross_in);
			expect_loads(loads);
			EXPECT(stepped.bad == 0);
			EXPECT(stepped.good_outside > (i < 3 ? 20 : 25));
			EXPECT(i < 3 ? stepped.good_inside > 10 : stepped.good_inside > 2);
			/* From the new stack pointer to the call; from there to the next. */
			EXPECT(i == 0   ? stepped.good_bottom == 2
			       : i == 3 ? stepped.good_bottom > 10
			                : stepped.good_bottom == 0);
			EXPECT(stepped.good_outside + stepped.good_inside + stepped.good_bottom ==
			       stepped.instructions);
		}
	}
	unwind_each_step = false;
	fesetround(FE_TONEAREST);
	EXPECT(sum == 12);
}

#endif
