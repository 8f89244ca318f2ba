/* SPDX-License-Identifier: MIT */
/* For tests whose block, in_name(), is the main task of a run, once on a full stack and once on a
 * light one. KINDS_TASKS(name, open, close) defines these tasks, full_name and light_name, which do
 * what the two say before and after the block; KINDS_RUN(name), in the test, runs both. A test
 * that does no more is a STACKS_TEST. */
#ifndef KINDS_KIT_H
#define KINDS_KIT_H

#include "harness/test.h"

#include <bide.h>

#define KINDS_TASKS(name, open, close) \
	static void in_##name(void); \
	static BIDE_ASYNC(void, full_##name, void); \
	static BIDE_ASYNC_LIGHT(void, light_##name, void); \
	static void full_##name(void) \
	{ \
		open; \
		in_##name(); \
		close; \
	} \
	static void light_##name(void) \
	{ \
		full_##name(); \
	}

#define KINDS_RUN(name) \
	CHECK_INT(bide_try_run(NULL, NULL, full_##name), 0); \
	CHECK_INT(bide_try_run(NULL, NULL, light_##name), 0)

/* A test whose block is run on both stacks, each time between @p open and @p close. */
#define STACKS_TEST(name, open, close) \
	KINDS_TASKS(name, open, close) \
	TEST(name) \
	{ \
		KINDS_RUN(name); \
	} \
	static void in_##name(void)

/* A test whose block is run with each of @p n kinds of what it works on, the present one in @p
 * kind. */
#define KINDS_TEST(name, kind, n, open, close) \
	KINDS_TASKS(name, open, close) \
	TEST(name) \
	{ \
		for (kind = 0; kind < (n); kind++) { \
			KINDS_RUN(name); \
		} \
	} \
	static void in_##name(void)

#endif
