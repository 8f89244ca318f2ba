/* SPDX-License-Identifier: MIT */
/* What the tests of mutexes, events and the like share. */
#ifndef SYNC_KIT_H
#define SYNC_KIT_H

#include "core/virtual_kit.h"

/* Lets all tasks that are ready run until each has parked again, or ended. */
static inline void settle(void)
{
	for (int i = 0; i < 8; i++)
		EXPECT_INT(bide_yield(), 0);
}

/* What went on since the last look. */
#define EXPECT_TRACE(text) \
	do { \
		EXPECT_STR(trace, text); \
		trace_clear(); \
	} while (0)

/* A run that ends by itself in a deadlock, or fails for it: the text must be in the report. */
#define EXPECT_DEADLOCK_REPORT(text, ...) \
	do { \
		EXPECT_INT(RUN_VIRTUAL(__VA_ARGS__), -EDEADLK); \
		EXPECT_INT(reports.kind[0], BIDE_REPORT_DEADLOCK); \
		if (strstr(reports.message[0], text) == NULL) \
			FAIL("no \"%s\" in: %s", text, reports.message[0]); \
	} while (0)

#endif
