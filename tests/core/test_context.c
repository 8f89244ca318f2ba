// SPDX-License-Identifier: MIT
/* The context switch: which values and frames it keeps, and how a context begins and ends. */
#include "context_kit.h"

#include <stdio.h>
#include <stdlib.h>

/* Values, registers, alignment. */

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

/* A context that ends goes on where it says, be that where it was begun or not. */

static _Alignas(16) char other_stack[STACK_SIZE];
static char order[8]; /* Which context ran when. */

static void note(char which)
{
	order[strlen(order)] = which;
}

static void *end_outside(void *arg)
{
	(void)arg;
	note('o');
	return outside;
}

/* Inside: begins another one, which ends, and ends as well. */
static void *begin_another(void *arg)
{
	struct bide__control control;

	note('i');
	bide__control_get(&control);
	bide__context_begin(&inside, other_stack + STACK_SIZE, end_outside, arg, &control);
	note('j');
	return outside;
}

TEST(context_ends_where_its_entry_says)
{
	memset(order, 0, sizeof order);
	make_inside(begin_another, NULL);
	cross_in();
	/* Not where the other one was begun: that comes now. */
	note('a');
	cross_in();
	EXPECT(strcmp(order, "ioaj") == 0);
}

static void *end_inside(void *arg)
{
	(void)arg;
	note('o');
	return inside;
}

static void *begin_two_in_turn(void *arg)
{
	struct bide__control control;

	bide__control_get(&control);
	for (int i = 0; i < 2; i++) {
		note('i');
		bide__context_begin(&inside, other_stack + STACK_SIZE, end_inside, arg, &control);
	}
	return outside;
}

TEST(context_stack_is_used_again_after_the_end)
{
	memset(order, 0, sizeof order);
	make_inside(begin_two_in_turn, NULL);
	cross_in();
	EXPECT(strcmp(order, "ioio") == 0);
}

TEST(context_writes_nothing_above_its_top)
{
	char *top = stack + STACK_SIZE / 2;
	int sum = 0, i;

	forget_poison();
	memset(stack, 0x5a, sizeof stack);
	make_at(top, add_three_times, &sum);
	for (i = 0; i < 4; i++)
		cross_in();
	EXPECT(sum == 6);
	for (const char *past = top; past < stack + sizeof stack; past++)
		EXPECT(*past == 0x5a);
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

static void *keep_values_inside(void *arg)
{
	volatile long seed[1] = { *(int *)arg };

	for (int i = 0; i < 100; i++) {
		if (keeps_values(seed, cross_out))
			inside_kept++;
		seed[0]++;
	}
	return outside;
}

TEST(context_keeps_values_across_switches)
{
	volatile long seed[1] = { 1000 };
	int first = 7;

	inside_kept = 0;
	make_inside(keep_values_inside, &first);
	for (int i = 0; i < 101; i++) {
		EXPECT(keeps_values(seed, cross_in));
		seed[0] += 3;
	}
	EXPECT(inside_kept == 100);
}

#if defined __x86_64__ || defined __aarch64__

/*
 * uint64_t registers_lost(uint64_t seed, void *const call[6])
 *
 * Fills every register that a function must preserve with seed, seed + 1 and so on, calls call[0]
 * with the five arguments behind it, and returns the bits in which any of them differs afterwards;
 * 0 when all were kept. Here in assembly as no compiler can be made to hold a value in a given
 * register.
 */
uint64_t registers_lost(uint64_t seed, const void *const call[6]);

#ifdef __x86_64__
__asm__(".text\n"
        ".type registers_lost, @function\n"
        ".globl registers_lost\n"
        "registers_lost:\n"
        "	push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15; push %rdi\n"
        "	lea 0(%rdi), %rbx; lea 1(%rdi), %rbp; lea 2(%rdi), %r12\n"
        "	lea 3(%rdi), %r13; lea 4(%rdi), %r14; lea 5(%rdi), %r15\n"
        "	mov %rsi, %rax; mov 8(%rax), %rdi; mov 16(%rax), %rsi; mov 24(%rax), %rdx\n"
        "	mov 32(%rax), %rcx; mov 40(%rax), %r8\n"
        "	call *(%rax)\n"
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
        "	mov x10, x1; ldr x9, [x10]; ldp x0, x1, [x10, #8]; ldp x2, x3, [x10, #24]\n"
        "	ldr x4, [x10, #40]\n"
        "	blr x9\n"
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

static uint64_t lost_in_switch(uint64_t seed, void **ret_saved, void *to)
{
	const void *const call[6] = { (void *)(uintptr_t)bide__context_switch, ret_saved, to };

	return registers_lost(seed, call);
}

static uint64_t lost_in_begin(uint64_t seed, void **ret_saved)
{
	const void *const call[6] = {
		(void *)(uintptr_t)bide__context_begin, ret_saved, start.top,
		(void *)(uintptr_t)start.entry,         start.arg, &start.control
	};

	return registers_lost(seed, call);
}

static uint64_t inside_lost;

static void *hold_registers_inside(void *arg)
{
	uint64_t seed = *(uint64_t *)arg;

	for (int i = 0; i < 10; i++)
		inside_lost |= lost_in_switch(seed++, &inside, outside);
	return outside;
}

TEST(context_keeps_every_preserved_register)
{
	uint64_t seed = 0x5555000000000000;
	uint64_t lost;

	inside_lost = 0;
	make_inside(hold_registers_inside, &seed);
	lost = lost_in_begin(0xaaaa000000000000, &outside);
	/* The last of these ends it. */
	for (uint64_t i = 1; i <= 10; i++)
		lost |= lost_in_switch(0xaaaa000000000000 + 64 * i, &outside, inside);
	EXPECT(lost == 0);
	EXPECT(inside_lost == 0);
}

#endif

TEST(context_enters_with_aligned_stack)
{
	for (int odd = 0; odd < 64; odd++) {
		char *top = stack + STACK_SIZE + odd;

		forget_poison();
		memset(&entered, 0, sizeof entered);
		memset(top, 0x5a, (size_t)(64 - odd));
		make_at(top, note_alignment, &odd);
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

static void *descend_inside(void *arg)
{
	deep_levels_kept = descend(*(int *)arg);
	return outside;
}

TEST(context_keeps_deep_frames)
{
	int level = 0;
	void *lowest = stack + STACK_SIZE;

	deep_levels_kept = 0;
	make_inside(descend_inside, &level);
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
		cross_in();
		copy_away(which);
	}
	for (int turn = 1; turn < 2 * (DEEP_LEVELS - 10); turn++) {
		/* The second one ends in the turn after its 40. */
		for (int which = 0; which < (turn <= 40 ? 2 : 1); which++) {
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
