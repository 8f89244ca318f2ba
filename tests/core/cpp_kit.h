/* SPDX-License-Identifier: MIT */
/* What the tests in C++ share. CPP_TEST(name) { … } is a test whose block is the main task of a run
 * on the virtual clock, on a full stack. */
#ifndef CPP_KIT_H
#define CPP_KIT_H

#include "harness/test.h"

#include <bide.h>
#include <cerrno>
#include <cmath>
#include <cstring>

/* Where tasks note the order in which they do things. */
static char trace[4096];
static std::size_t trace_length;

static inline void note(char c)
{
	if (trace_length + 1 < sizeof trace)
		trace[trace_length++] = c;
	trace[trace_length] = '\0';
}

/* How many reports there were, and the last one's error. */
static std::size_t reports;
static int reported;

static inline void keep_report(void *, const bide_report *report)
{
	reports++;
	reported = report->error;
}

static double start;

static inline double elapsed()
{
	return bide_now() - start;
}

/* The time since the start, to the nanosecond. */
#define EXPECT_ELAPSED(seconds) \
	EXPECT_INT(std::llround(elapsed() * 1e9), std::llround((seconds)*1e9))

/* Runs fn() on the virtual clock. */
#define RUN_VIRTUAL(fn) \
	(trace_length = reports = 0, trace[0] = '\0', reported = 0, \
	 bide_set_report(keep_report, nullptr), bide_try_run(virtual_options(), nullptr, fn))

static inline const bide_options *virtual_options()
{
	static bide_options options;
	options.backend = BIDE_BACKEND_VIRTUAL;
	options.seed = 1;
	return &options;
}

#define CPP_TEST(name) \
	static void in_##name(); \
	static BIDE_ASYNC(void, full_##name, void); \
	static void full_##name() \
	{ \
		start = bide_now(); \
		in_##name(); \
	} \
	TEST(name) \
	{ \
		CHECK_INT(RUN_VIRTUAL(full_##name), 0); \
		CHECK_UINT(reports, 0); \
	} \
	static void in_##name()

#endif
