/* SPDX-License-Identifier: MIT */
/* ticks.h: the processor's counter of time, which is read several times as fast as the clock and
 * says only that little time has passed. How long a tick is differs between machines. */
#ifndef BIDE_BASE_TICKS_H
#define BIDE_BASE_TICKS_H

#include <stdint.h>

#if defined(__x86_64__)
/* No processor's counter is slower than 1 GHz. */
enum { BIDE__TICKS_PER_MS_MIN = 1000000 };
static inline uint64_t bide__ticks(void)
{
	return __builtin_ia32_rdtsc();
}
#elif defined(__aarch64__)
/* Nor than 1 MHz here: Arm ARM, D12.1, the generic timer. */
enum { BIDE__TICKS_PER_MS_MIN = 1000 };
static inline uint64_t bide__ticks(void)
{
	uint64_t ticks;
	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
}
#else
#include <time.h>
enum { BIDE__TICKS_PER_MS_MIN = 1000000 };
static inline uint64_t bide__ticks(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}
#endif

#endif
