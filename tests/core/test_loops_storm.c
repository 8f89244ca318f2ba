// SPDX-License-Identifier: MIT
/* Many calls between loops at once, and many loops: calls cross with cancellations, with the ends
 * of runs and with calls the other way, and each is answered once. */
#include "core/loops_kit.h"

#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(BIDE_VALGRIND)
enum { CALLS = 300, LOOPS = 30, RUNS = 20 };
#else
enum { CALLS = 3000, LOOPS = 300, RUNS = 200 };
#endif

/* ---- two loops at each other -------------------------------------------------------------- */

enum { SIDES = 2, AT_ONCE = 16 };

static struct {
	bide_loop *loop; /* with a reference for the test */
	pthread_t thread;
	unsigned random;
	long called, answered; /* calls that it made */
} sides[SIDES];

static pthread_barrier_t both;
static int open_ends, ended; /* tasks that ran on either loop; atomic */

static unsigned random_of(int side, unsigned n)
{
	sides[side].random = sides[side].random * 1664525u + 1013904223u;
	return (sides[side].random >> 8) % n;
}

/* Suspends in one of several ways, and calls back in one of them. */
static BIDE_ASYNC_LIGHT(long, bounce, int, unsigned, long);
static long bounce(int side, unsigned way, long value)
{
	long result = value;
	int rc = 0;
	__atomic_fetch_add(&open_ends, 1, __ATOMIC_RELAXED);
	if (way == 1)
		rc = bide_yield();
	else if (way == 2)
		rc = bide_sleep(0.0001);
	else if (way == 3)
		rc = bide_sleep(60);
	else if (way == 4)
		result = bide_to_loop(sides[1 - side].loop, bounce, 1 - side, 1u, value);
	__atomic_fetch_add(&ended, 1, __ATOMIC_RELAXED);
	return rc < 0 ? rc : result;
}

struct call {
	bide_task *task;
	bool endless;
	long value;
};

static struct call call_other(int side)
{
	const unsigned way = random_of(side, 5);
	struct call call = { .endless = way == 3, .value = ++sides[side].called };
	call.task = bide_spawn_on(sides[1 - side].loop, bounce, 1 - side, way, call.value);
	return call;
}

static void take(int side, struct call *call)
{
	bool asked = call->endless || random_of(side, 3) == 0;
	for (unsigned i = random_of(side, 3); i > 0; i--)
		bide_yield();
	if (random_of(side, 3) == 0) {
		bide_arm arms[] = { bide_arm_task(call->task), bide_arm_sleep(0.0001) };
		EXPECT(bide_select(arms, 2) >= 0);
	}
	if (asked)
		bide_cancel(call->task);
	long result = bide_await(long, call->task);
	sides[side].answered++;
	EXPECT((result == call->value && !call->endless) || (asked && result == -ECANCELED));
}

static BIDE_ASYNC(int, hammer, int);
static int hammer(int side)
{
	struct call calls[AT_ONCE];
	sides[side].loop = bide_loop_ref(bide_current_loop());
	pthread_barrier_wait(&both);
	for (int i = 0; i < CALLS / AT_ONCE; i++) {
		for (int k = 0; k < AT_ONCE; k++)
			calls[k] = call_other(side);
		for (int k = 0; k < AT_ONCE; k++)
			take(side, &calls[k]);
	}
	return 0;
}

static BIDE_ASYNC(int, wait_at_barrier, int);
static int wait_at_barrier(int unused)
{
	pthread_barrier_wait(&both);
	return unused;
}

/* Goes on serving until the other one has made its calls, too. */
static BIDE_ASYNC(int, hammer_and_serve, int);
static int hammer_and_serve(int side)
{
	int rc = hammer(side);
	return rc != 0 ? rc : bide_to_thread(wait_at_barrier, 0);
}

static void *run_side(void *arg)
{
	EXPECT_INT(bide_run(hammer_and_serve, *(const int *)arg), 0);
	return NULL;
}

TEST(two_loops_call_and_cancel_at_each_other)
{
	static const int numbers[SIDES] = { 0, 1 };
	TEST_TIMEOUT(60);
	pthread_barrier_init(&both, NULL, SIDES);
	for (int i = 0; i < SIDES; i++) {
		sides[i].random = (unsigned)test_seed() + (unsigned)i;
		CHECK_INT(pthread_create(&sides[i].thread, NULL, run_side, (void *)&numbers[i]), 0);
	}
	for (int i = 0; i < SIDES; i++) {
		pthread_join(sides[i].thread, NULL);
		EXPECT_INT(sides[i].answered, sides[i].called);
		bide_loop_unref(sides[i].loop);
	}
	EXPECT_INT(ended, open_ends);
}

/* ---- runs that end while they are called -------------------------------------------------- */

static bool stop; /* atomic */

static void *call_until_told(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		long sum = bide_to_loop(far.loop, add, 1, 2);
		EXPECT(sum == 3 || sum == -BIDE_ELOOP);
	}
	return NULL;
}

static BIDE_ASYNC(int, serve_shortly, void);
static int serve_shortly(void)
{
	return bide_sleep(0.0002);
}

/* Calls come at all times: before a run, while it ends, between runs, and when there is none any
 * more. */
TEST(a_loop_is_run_again_and_again_while_it_is_called)
{
	enum { CALLERS = 3 };
	pthread_t callers[CALLERS];
	bide_loop *loop;
	CHECK_INT(bide_loop_open(NULL, &loop), 0);
	far.loop = bide_loop_ref(loop);
	for (int i = 0; i < CALLERS; i++)
		CHECK_INT(pthread_create(&callers[i], NULL, call_until_told, NULL), 0);
	for (int i = 0; i < RUNS; i++)
		EXPECT_INT(bide_loop_run(loop, NULL, serve_shortly), 0);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	bide_loop_close(loop);
	for (int i = 0; i < CALLERS; i++)
		pthread_join(callers[i], NULL);
	bide_loop_unref(far.loop);
}

/* ---- many loops --------------------------------------------------------------------------- */

static struct {
	pthread_t thread;
	bide_loop *loop;
	gate ready;
} ring[LOOPS];

static BIDE_ASYNC(int, wait_to_be_stopped, int);
static int wait_to_be_stopped(int i)
{
	ring[i].loop = bide_loop_ref(bide_current_loop());
	gate_open(&ring[i].ready);
	return bide_sleep(INFINITY);
}

static void *run_in_ring(void *arg)
{
	const int i = (int)(intptr_t)arg;
	EXPECT_INT(bide_run(wait_to_be_stopped, i), -ECANCELED);
	return NULL;
}

/* From each loop on to the next one. */
static BIDE_ASYNC_LIGHT(int, go_round, int, int);
static int go_round(int i, int n)
{
	return i == LOOPS ? n : bide_to_loop(ring[i].loop, go_round, i + 1, n + 1);
}

static bide_task *mains[LOOPS];

static BIDE_ASYNC(void, cancel_main, void);
static void cancel_main(void)
{
	bide_task *tasks[2];
	size_t n = bide_all_tasks(tasks, 2);
	for (size_t i = 0; i < n && i < 2; i++)
		if (tasks[i] != bide_current_task())
			bide_cancel(tasks[i]);
}

static BIDE_ASYNC(int, use_all, void);
static int use_all(void)
{
	EXPECT_INT(go_round(0, 0), LOOPS);
	for (int i = 0; i < LOOPS; i++)
		mains[i] = bide_spawn_on(ring[i].loop, cancel_main);
	return bide_gather(mains, LOOPS, NULL);
}

TEST(a_call_passes_through_many_loops)
{
	TEST_TIMEOUT(60);
	for (int i = 0; i < LOOPS; i++) {
		gate_close(&ring[i].ready);
		CHECK_INT(pthread_create(&ring[i].thread, NULL, run_in_ring, (void *)(intptr_t)i),
		          0);
		gate_wait(&ring[i].ready);
	}
	EXPECT_INT(bide_run(use_all), 0);
	for (int i = 0; i < LOOPS; i++) {
		pthread_join(ring[i].thread, NULL);
		bide_loop_unref(ring[i].loop);
	}
}
