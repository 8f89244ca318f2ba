/* SPDX-License-Identifier: MIT */
/* What the tests of light tasks share: each of them runs in every way in which the frames of light
 * tasks may be kept, on the virtual clock. */
#ifndef LIGHT_KIT_H
#define LIGHT_KIT_H

#include "harness/test.h"

#include <bide.h>

/* Under a watchful build, which keeps each light task on a stack of its own and is slow. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(BIDE_VALGRIND)
#define LIGHT_WATCHED 1
#else
#define LIGHT_WATCHED 0
#endif

enum {
	LIGHT_MANY = LIGHT_WATCHED ? 300 : 5000, /* tasks at once */
	LIGHT_MANY_STRICT = LIGHT_WATCHED ? 300 : 1000
};

static const enum bide_light light_ways[] = { BIDE_LIGHT_SHARED, BIDE_LIGHT_EVICT,
	                                      BIDE_LIGHT_STRICT };

/* How many tasks are to be parked at once, in one of the ways. */
static inline int light_many(enum bide_light way)
{
	return way == BIDE_LIGHT_STRICT ? LIGHT_MANY_STRICT : LIGHT_MANY;
}

/* LIGHT_RUN(fn, arg…) runs fn, of result int, as main task in each way; it must return 0. */
#define LIGHT_RUN(...) \
	for (size_t light_way = 0; light_way < sizeof light_ways / sizeof light_ways[0]; \
	     light_way++) { \
		const bide_options light_options = { .backend = BIDE_BACKEND_VIRTUAL, \
			                             .light = light_ways[light_way], \
			                             .seed = test_seed() | 1 }; \
		int light_result = -1; \
		EXPECT_INT(bide_try_run(&light_options, &light_result, __VA_ARGS__), 0); \
		EXPECT_INT(light_result, 0); \
	}

/* Fills memory with what only this task writes, and sees whether it is there still. */
static inline unsigned char light_mark(unsigned key, size_t i)
{
	return (unsigned char)((key * 2654435761u >> 8) + i * 131u + (i >> 8));
}

static inline void light_fill(volatile unsigned char *bytes, size_t size, unsigned key)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = light_mark(key, i);
}

static inline bool light_intact(const volatile unsigned char *bytes, size_t size, unsigned key)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != light_mark(key, i))
			return false;
	return true;
}

#endif
