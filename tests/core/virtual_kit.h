/* SPDX-License-Identifier: MIT */
/* What tests of behaviour share. VIRTUAL_TEST(name) { … } is a test whose block is the main task of
 * a run on the virtual clock: once on a full stack and once on a light one, so that what it gives
 * to others to write to must be static. In it time is exact: it begins at `virtual_start` and
 * moves only when nothing is ready. Nothing may be reported; tests of reports use RUN_VIRTUAL().
 *
 * `trace` is where tasks note the order in which they do things. */
#ifndef VIRTUAL_KIT_H
#define VIRTUAL_KIT_H

#include "harness/test.h"

#include <bide.h>
#include <errno.h>
#include <math.h>
#include <string.h>

/* ---- what happened ------------------------------------------------------------------------ */

static char trace[4096];
static size_t trace_length;

static inline void trace_clear(void)
{
	trace_length = 0;
	trace[0] = '\0';
}

/* Adds a letter to the trace. */
static inline void note(char c)
{
	if (trace_length + 1 < sizeof trace)
		trace[trace_length++] = c;
	trace[trace_length] = '\0';
}

/* The reports of a run, the first ones in full. */
static struct {
	size_t count;
	enum bide_report_kind kind[8];
	int error[8];
	char task[8][64];
	char message[8][4096];
} reports;

static inline void keep_report(void *arg, const bide_report *report)
{
	size_t i = reports.count++;
	(void)arg;
	if (i >= sizeof reports.error / sizeof reports.error[0])
		return;
	reports.kind[i] = report->kind;
	reports.error[i] = report->error;
	strncpy(reports.task[i], report->task != NULL ? report->task : "", 63);
	strncpy(reports.message[i], report->message, 4095);
}

/* ---- a run -------------------------------------------------------------------------------- */

static const bide_options virtual_options = { .backend = BIDE_BACKEND_VIRTUAL, .seed = 1 };
static double virtual_start;

static inline void begin_run(void)
{
	trace_clear();
	memset(&reports, 0, sizeof reports);
	bide_set_report(keep_report, NULL);
}

/* Runs fn(args…) on the virtual clock; gives what bide_try_run() does. */
#define RUN_VIRTUAL(...) (begin_run(), bide_try_run(&virtual_options, NULL, __VA_ARGS__))

static inline double elapsed(void)
{
	return bide_now() - virtual_start;
}

/* The time since the start, to the nanosecond. */
#define EXPECT_ELAPSED(seconds) EXPECT_INT(llround(elapsed() * 1e9), llround((seconds)*1e9))

#define VIRTUAL_TEST(name) \
	static void in_##name(void); \
	static BIDE_ASYNC(void, full_##name, void); \
	static BIDE_ASYNC_LIGHT(void, light_##name, void); \
	static void full_##name(void) \
	{ \
		virtual_start = bide_now(); \
		in_##name(); \
	} \
	static void light_##name(void) \
	{ \
		virtual_start = bide_now(); \
		in_##name(); \
	} \
	TEST(name) \
	{ \
		CHECK_INT(RUN_VIRTUAL(full_##name), 0); \
		CHECK_STR(reports.message[0], ""); \
		CHECK_INT(RUN_VIRTUAL(light_##name), 0); \
		CHECK_STR(reports.message[0], ""); \
	} \
	static void in_##name(void)

/* ---- tasks that many tests need ----------------------------------------------------------- */

/* Sleeps, then returns @p result, which may be an error; stops when it is cancelled. */
static inline BIDE_ASYNC_LIGHT(int, nap, double, int);
static inline int nap(double seconds, int result)
{
	int rc = bide_sleep(seconds);
	return rc < 0 ? rc : result;
}

/* Sleeps on although it is cancelled, then returns @p result. */
static inline BIDE_ASYNC_LIGHT(int, stubborn, double, int);
static inline int stubborn(double seconds, int result)
{
	BIDE_SHIELD {
		(void)bide_sleep(seconds);
	}
	return result;
}

/* Takes @p cleanup seconds to stop when it is cancelled. */
static inline BIDE_ASYNC(int, tidy, double, double, int);
static inline int tidy(double seconds, double cleanup, int result)
{
	int rc = bide_sleep(seconds);
	if (rc == 0)
		return result;
	BIDE_SHIELD {
		EXPECT_INT(bide_sleep(cleanup), 0);
	}
	return rc;
}

/* Answers a cancellation with a result of its own. */
static inline BIDE_ASYNC_LIGHT(int, unmoved, double, int);
static inline int unmoved(double seconds, int result)
{
	(void)bide_sleep(seconds);
	return result;
}

/* Sleeps, then notes a letter; a small one when it was cancelled. */
static inline BIDE_ASYNC_LIGHT(int, tick, double, char);
static inline int tick(double seconds, char c)
{
	int rc = bide_sleep(seconds);
	note(rc < 0 ? (char)(c | 0x20) : c);
	return rc;
}

/* Sleeps, then cancels a task or a scope. */
static inline BIDE_ASYNC_LIGHT(int, cancel_later, double, bide_task *);
static inline int cancel_later(double seconds, bide_task *task)
{
	int rc = bide_sleep(seconds);
	return rc < 0 ? rc : bide_cancel(task);
}

static inline BIDE_ASYNC_LIGHT(int, cancel_scope_later, double, bide_scope *);
static inline int cancel_scope_later(double seconds, bide_scope *scope)
{
	int rc = bide_sleep(seconds);
	if (rc == 0)
		bide_scope_cancel(scope);
	return rc;
}

/* A test whose block is the main task, in which the process must end with that text. */
#define MISUSE(name, text) \
	static BIDE_ASYNC(void, name, void); \
	TEST_ABORTS(misuse_##name, text) \
	{ \
		(void)bide_try_run(&virtual_options, NULL, name); \
	} \
	static void name(void)

#endif
