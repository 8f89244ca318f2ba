/* SPDX-License-Identifier: MIT */
/* What the tests of the context switch share.
 *
 * Two contexts are in play, the thread's own ("outside") and one on a stack of ours ("inside"). A
 * test says what the inside one is and calls cross_in(), which begins it at the first call; the
 * inside function calls cross_out() to give the turn back, or returns `outside` to give it back for
 * good, and leaves its findings in variables, as the outside does most of the checking. */
#ifndef CONTEXT_KIT_H
#define CONTEXT_KIT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/context.h"
#include "harness/test.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

#define STACK_SIZE (64 * 1024)

static _Alignas(64) char stack[STACK_SIZE + 64];
static void *outside;
static void *inside; /* NULL until it has begun. */

/* How it begins. */
static struct {
	void *top;
	void *(*entry)(void *arg);
	void *arg;
	struct bide__control control;
} start;

/* Something to do after a call, so that it does not become a jump and unwinders find the caller. */
#define NO_TAIL_CALL() __asm__ volatile("")

__attribute__((noinline, unused)) static void cross_in(void)
{
	if (inside == NULL)
		bide__context_begin(&outside, start.top, start.entry, start.arg, &start.control);
	else
		bide__context_switch(&outside, inside);
	NO_TAIL_CALL();
}

__attribute__((noinline, unused)) static void cross_out(void)
{
	bide__context_switch(&inside, outside);
	NO_TAIL_CALL();
}

/* Frames that were left by a switch or moved by a copy are poisoned for those that come after. */
__attribute__((unused)) static void forget_poison(void)
{
#ifdef __SANITIZE_ADDRESS__
	__asan_unpoison_memory_region(stack, sizeof stack);
#endif
}

/* The next inside context, with the floating point control that the caller has. */
__attribute__((unused)) static void make_at(char *top, void *(*entry)(void *arg), void *arg)
{
	inside = NULL;
	start.top = top;
	start.entry = entry;
	start.arg = arg;
	bide__control_get(&start.control);
}

/* Above the top goes what would look like a return address to an unwinder that does not stop. */
__attribute__((unused)) static void make_inside(void *(*entry)(void *arg), void *arg)
{
	uintptr_t code = (uintptr_t)cross_in + 4;

	forget_poison();
	for (size_t i = 0; i < 64; i += sizeof code)
		memcpy(stack + STACK_SIZE + i, &code, sizeof code);
	make_at(stack + STACK_SIZE, entry, arg);
}

/* Inside: adds 1, 2, 3, a turn each, and ends in a fourth. */
__attribute__((unused)) static void *add_three_times(void *arg)
{
	int *sum = arg;

	for (int i = 1; i <= 3; i++) {
		*sum += i;
		cross_out();
	}
	return outside;
}

/* What note_alignment() found inside. */
__attribute__((unused)) static struct {
	void *arg;        /* What the entry was called with. */
	uintptr_t frame;  /* Its frame's address. */
	uintptr_t local;  /* Address of a local that asks for 16 bytes. */
	void *next_frame; /* What a walk along frame pointers would find next. */
	char text[32];    /* A formatted double: variadic calls save vector registers, aligned. */
} entered;

__attribute__((unused)) static void *note_alignment(void *arg)
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
	return outside;
}

/* 1/3 cannot be exact, so its value tells which way the unit really rounds. */
__attribute__((noinline, unused)) static double third(void)
{
	volatile double one = 1, three = 3, result;

	result = one / three;
	return result;
}

#endif
