// SPDX-License-Identifier: MIT
/* The context switch and the floating point environment: control is each context's, flags are the
 * thread's. */
#include "context_kit.h"

#include <fenv.h>

#ifdef BIDE__CONTEXT_X86_64
#include <x86intrin.h>
#endif

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

static void *change_rounding_inside(void *arg)
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
	fesetround(FE_TOWARDZERO);
	return outside;
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
	/* What it ends in is not left to whoever goes on. */
	cross_in();
	EXPECT(rounds_down());
	fesetround(FE_TONEAREST);
	EXPECT(inside_checks == 4);
}

static void *round_inside(void *arg)
{
	*(bool *)arg = rounds_up();
	return outside;
}

TEST(context_begins_with_the_rounding_it_is_given)
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

static void *raise_flags_inside(void *arg)
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
	third();
	return outside;
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
	/* where long double has flags of its own, these stay as well, and so it is at the end. */
	long_third();
	feraiseexcept(FE_OVERFLOW);
	cross_in();
	EXPECT(flags_inside[4] == (FE_OVERFLOW | FE_INEXACT));
	EXPECT(fetestexcept(FE_ALL_EXCEPT) == (FE_OVERFLOW | FE_INEXACT));
	feclearexcept(FE_ALL_EXCEPT);
}

#endif

#ifdef BIDE__CONTEXT_X86_64

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

static void *set_control_inside(void *arg)
{
	(void)arg;
	_mm_setcsr(control_inside.mxcsr);
	set_x87_control(control_inside.x87);
	cross_out();
	control_inside.mxcsr = _mm_getcsr();
	control_inside.x87 = get_x87_control();
	return outside;
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

static void *unmask_division_inside(void *arg)
{
	(void)arg;
	_mm_setcsr(_mm_getcsr() & ~(unsigned int)_MM_MASK_DIV_ZERO);
	set_x87_control((unsigned short)(get_x87_control() & ~FE_DIVBYZERO));
	cross_out();
	inside_checks += third() > 0 && long_third() > 0;
	return outside;
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

/*
 * void *cross_at_once(void **const contexts[2])
 *
 * Switches from *contexts[0] to *contexts[1] with 16 bytes of its stack in use, and ends there.
 */
void *cross_at_once(void *contexts);

__asm__(".text\n"
        ".type cross_at_once, @function\n"
        ".globl cross_at_once\n"
        "cross_at_once:\n"
        "	push %rdi\n"
        "	mov 8(%rdi), %rsi; mov (%rsi), %rsi; mov (%rdi), %rdi\n"
        "	call bide__context_switch\n"
        "	pop %rdi\n"
        "	mov 8(%rdi), %rax; mov (%rax), %rax\n"
        "	ret\n"
        ".size cross_at_once, . - cross_at_once\n");

/* Frames of parked tasks are kept by the million, so their size is a promise. */
TEST(context_frame_is_64_bytes)
{
	void **contexts[2] = { &inside, &outside };

	make_inside(cross_at_once, contexts);
	cross_in();
	EXPECT((char *)inside == stack + STACK_SIZE - 16 - 64);
	cross_in();
}

#endif
