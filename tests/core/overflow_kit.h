/* SPDX-License-Identifier: MIT */
/* Ways to use a stack up. */
#ifndef OVERFLOW_KIT_H
#define OVERFLOW_KIT_H

#include <bide.h>
#include <stddef.h>

/* Goes on until the stack is used up, more than 512 bytes a level. The condition and what is done
 * after the call keep compilers from making a loop of it. */
__attribute__((noinline, unused)) static int use_up(int level)
{
	volatile char frame[512];

	frame[0] = (char)level;
	if (level < 0)
		return 0;
	return use_up(level + 1) + frame[0];
}

__attribute__((unused)) static BIDE_ASYNC(int, dig, int);
__attribute__((unused)) static int dig(int level)
{
	return use_up(level);
}

/* Touches one byte of a large array alone: the one furthest from the rest of the stack. */
__attribute__((noinline, unused)) static int touch_lowest(size_t size)
{
	volatile char array[size];

	/* All of it must be there, as far as the compiler knows. */
	__asm__ volatile("" : : "r"(array) : "memory");
	array[0] = 1;
	return array[0];
}

__attribute__((unused)) static BIDE_ASYNC(int, large_array, size_t);
__attribute__((unused)) static int large_array(size_t size)
{
	return touch_lowest(size);
}

#endif
