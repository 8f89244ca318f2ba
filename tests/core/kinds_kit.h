/* SPDX-License-Identifier: MIT */
/* For tests whose block, in_name(), is the main task of a run, once on a full stack and once on a
 * light one. KINDS_TASKS(name, open, close) defines these tasks, full_name and light_name, which do
 * what the two say before and after the block; KINDS_RUN(name), in the test, runs both. A test
 * that does no more is a STACKS_TEST. */
#ifndef KINDS_KIT_H
#define KINDS_KIT_H

#include "harness/test.h"

#include <bide.h>
#include <stdlib.h>
#include <string.h>

/* Whether light tasks have stacks of their own here, of which there may be none when memory fails:
 * then what a server needs to go on may end without having run. */
static inline bool light_tasks_have_stacks(void)
{
	const char *mode = getenv("BIDE_LIGHT");
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return true;
#endif
	return mode != NULL && strcmp(mode, "strict") == 0;
}

#define OWN_STACKS "light tasks have stacks of their own, of which there may be none"

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
