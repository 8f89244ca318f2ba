/* SPDX-License-Identifier: MIT */
/* What tests of several loops share: a loop that runs on another thread until it is stopped, and
 * tasks to be called there. */
#ifndef LOOPS_KIT_H
#define LOOPS_KIT_H

#include "core/thread_kit.h"

/* ---- a loop on another thread ------------------------------------------------------------- */

static struct {
	pthread_t thread;
	bide_loop *loop; /* with a reference for the test */
	gate ready;
	bide_event stop;
	int rc;
} far;

static inline BIDE_ASYNC(int, serve, void);
static inline int serve(void)
{
	far.loop = bide_loop_ref(bide_current_loop());
	gate_open(&far.ready);
	return bide_event_wait(&far.stop);
}

static inline void *run_far(void *arg)
{
	(void)arg;
	far.rc = bide_run(serve);
	return NULL;
}

static inline void start_far(void)
{
	gate_close(&far.ready);
	far.stop = (bide_event)BIDE_EVENT_INIT;
	EXPECT_INT(pthread_create(&far.thread, NULL, run_far, NULL), 0);
	gate_wait(&far.ready);
}

static inline void set_stop(void *arg)
{
	(void)arg;
	bide_event_set(&far.stop);
}

/* Ends its run, and closes it. */
static inline void join_far(void)
{
	(void)!bide_call_threadsafe(far.loop, set_stop, NULL);
	pthread_join(far.thread, NULL);
}

static inline void stop_far(void)
{
	join_far();
	bide_loop_unref(far.loop);
}

/* A test whose block is the main task of this thread's loop, beside a loop of another thread. */
#define LOOPS_TEST(name) \
	static void beside_##name(void); \
	static BIDE_ASYNC(void, in_##name, void); \
	static BIDE_ASYNC_LIGHT(void, light_##name, void); \
	static void in_##name(void) \
	{ \
		beside_##name(); \
	} \
	static void light_##name(void) \
	{ \
		beside_##name(); \
	} \
	TEST(name) \
	{ \
		start_far(); \
		CHECK_INT(bide_try_run(NULL, NULL, in_##name), 0); \
		CHECK_INT(bide_try_run(NULL, NULL, light_##name), 0); \
		stop_far(); \
	} \
	static void beside_##name(void)

static inline BIDE_ASYNC(int, nap, double, int);
static inline int nap(double seconds, int result)
{
	int rc = bide_sleep(seconds);
	return rc < 0 ? rc : result;
}

static inline BIDE_ASYNC_LIGHT(long, add, long, long);
static inline long add(long a, long b)
{
	bide_yield();
	return a + b;
}

#endif
