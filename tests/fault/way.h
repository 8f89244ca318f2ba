/* SPDX-License-Identifier: MIT */
/* The way on which the two ends of a test's connection reach each other, as BIDE_TEST_WAY says:
 *
 *     (nothing)          directly
 *     slow, bytes, both  through a proxy that passes on what comes after a while, one byte at a
 *                        time, or a few bytes after a while: the test finds the same
 *     reset, end, drop   through one that resets, ends one direction, or swallows what comes once k
 *                        bytes have passed, for k over what the test exchanges, by few samples
 *                        unless BIDE_SWEEP is "all": its checks may fail then, but it comes to an
 *                        end, and each stream has a result that there may be
 *
 * WAY_TEST(name, …) { … } is such a test, which makes its connections by way_connect(). What makes
 * no sense through a proxy is in the list at the head of way.c. */
#ifndef WAY_H
#define WAY_H

#include "core/kinds_kit.h"

#include <errno.h>
#include <sys/types.h>

/* Whether BIDE_TEST_WAY tells of one. */
bool way_asked(void);

/* Whether the test that is run goes without a proxy, or with one that harms. */
bool way_direct(void);
bool way_harms(void);

/* Whether the harm has been done. */
bool way_struck(void);

/* Why a test goes no way but the direct one; NULL: it does. */
const char *way_refuses(const char *test);

/* Connects two sockets by TCP. */
void way_connect(int fds[2]);

/* Runs a test once, or with a fault at each place. @p run returns 0. */
void way_run(int (*run)(void));

/* Has all other tasks end. */
static inline void way_end_others(void)
{
	bide_task *tasks[64];
	size_t n;
	while ((n = bide_all_tasks(tasks, 64)) > 1) {
		for (size_t i = 0; i < n && i < 64; i++)
			if (tasks[i] != bide_current_task())
				bide_cancel(tasks[i]);
		bide_yield();
	}
}

/* What a test that is harmed stands in, until it is left. */
__attribute__((unused)) static bide_scope *way_scope;

/* Ends what the test waits for soon after the harm: how long it takes to get there is the machine's
 * matter. */
__attribute__((unused)) static BIDE_ASYNC_LIGHT(void, way_watch, void);
static void way_watch(void)
{
	const double patience = 0.01;
	while (!way_struck())
		if (bide_sleep(0.001) < 0)
			return;
	if (way_scope != NULL)
		(void)bide_scope_reschedule(way_scope, patience);
}

/* What a test does between opening and closing; harmed, it waits for nothing for long. */
static inline void way_block(void (*block)(void))
{
	const double without_harm = 0.5; /* of tests whose own times are long, by a virtual clock */
	if (!way_harms()) {
		block();
		return;
	}
	test_forgive(true);
	CHECK_INT(bide_scope_open(without_harm, &way_scope), 0);
	bide_detach(bide_spawn(way_watch));
	block();
	bide_scope_close(way_scope);
	way_scope = NULL;
	way_end_others();
	test_forgive(false);
}

/* Whether a call on a stream that was harmed may have this result: a number of bytes, an error of
 * the library's own, or one that a connection can have. */
static inline bool way_may_end(ssize_t rc)
{
	static const int errors[] = { ECONNRESET, EPIPE,    ENOTCONN, ETIMEDOUT,
		                      ECANCELED,  EMSGSIZE, EBADF };
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
		if (rc == -errors[i])
			return true;
	return rc >= 0 || rc <= -BIDE_EMAPS;
}

/* Looks at a stream, or NULL, that is about to be closed. */
static inline void way_look(bide_stream *stream)
{
	char byte;
	ssize_t n = 0;
	if (stream == NULL || !way_harms())
		return;
	BIDE_TIMEOUT(1e-3)
		n = bide_stream_read(stream, &byte, 1);
	if (!way_may_end(n))
		FAIL("reading ends with %s", bide_strerror((int)n));
	BIDE_TIMEOUT(1e-3)
		n = bide_stream_write(stream, "x", 1);
	if (!way_may_end(n))
		FAIL("writing ends with %s", bide_strerror((int)n));
}

/* A test whose block is the main task of a run with these options, once on a full stack and once on
 * a light one, between @p open and @p close: with each of @p n kinds of connections in @p kind, or,
 * through a proxy, with kind @p by_socket. */
#define WAY_TEST(name, options, open, close, kind, n, by_socket) \
	static void in_##name(void); \
	KINDS_TASKS(on_way_##name, open, close) \
	static void in_on_way_##name(void) \
	{ \
		way_block(in_##name); \
	} \
	static int run_full_##name(void) \
	{ \
		return bide_try_run(options, NULL, full_on_way_##name); \
	} \
	static int run_light_##name(void) \
	{ \
		return bide_try_run(options, NULL, light_on_way_##name); \
	} \
	TEST(name) \
	{ \
		const char *why_not = way_refuses(#name); \
		if (why_not != NULL) \
			SKIP(why_not); \
		for (kind = 0; kind < (n); kind++) { \
			if (way_asked() && kind != (by_socket)) \
				continue; \
			way_run(run_full_##name); \
			way_run(run_light_##name); \
		} \
	} \
	static void in_##name(void)

#endif
