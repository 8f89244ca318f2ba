// SPDX-License-Identifier: MIT
/* Signals in a process with several loops and threads, and many of them. Not by the name of
 * threads, as ThreadSanitizer holds signals back until the thread that they came to calls libc. */
#include "core/cores_kit.h"
#include "core/signals_kit.h"

#include <pthread.h>

/* ---- several loops ------------------------------------------------------------------------ */

static counter ready, told;

static BIDE_ASYNC(int, wait_on_loop, unsigned);
static int wait_on_loop(unsigned loops)
{
	bide_signals *signals = watch(SIGUSR1);
	count_up(&ready);
	while (bide_core_number() == 0 && counted(&ready) < (int)loops)
		EXPECT_INT(bide_sleep(0.001), 0);
	if (bide_core_number() == 0)
		EXPECT_INT(kill(getpid(), SIGUSR1), 0);
	EXPECT_INT(bide_signals_next(signals, NULL), SIGUSR1);
	count_up(&told);
	bide_signals_close(signals);
	return 0;
}

TEST(signal_is_told_to_all_loops)
{
	for (int i = 0; i < 10; i++) {
		ready.n = told.n = 0;
		CHECK_INT(bide_run_on_cores(4, wait_on_loop, 4U), 0);
		CHECK_INT(counted(&told), 4);
		CHECK(default_action(SIGUSR1));
	}
}

/* ---- many --------------------------------------------------------------------------------- */

enum { SHOTS = 100000 };

/* All come to this process; the last of each kind is the one that counts. */
static int shoot(pid_t at)
{
	for (int i = 0; i < SHOTS; i++)
		if (kill(at, SIGUSR1) < 0)
			return 1;
	return kill(at, SIGUSR2) < 0 || kill(at, SIGUSR1) < 0 || kill(at, SIGTERM) < 0;
}

static int ticks;

static BIDE_ASYNC_LIGHT(void, tick, void);
static void tick(void)
{
	while (bide_sleep(0.0005) == 0)
		ticks++;
}

SIGNALS_TEST(a_hundred_thousand_signals_do_no_harm)
{
	const int kinds[] = { SIGUSR1, SIGUSR2, SIGTERM };
	bide_signals *signals;
	int shots = 0, others = 0, status = -1;
	bide_task *ticking = bide_spawn(tick);
	CHECK_INT(bide_signals_open(kinds, 3, &signals), 0);
	ticks = 0;
	pid_t child = fork();
	if (child == 0)
		_exit(shoot(getppid()));
	for (int signal = 0; signal != SIGTERM;) {
		signal = bide_signals_next(signals, NULL);
		CHECK(signal > 0);
		shots += signal == SIGUSR1;
		others += signal == SIGUSR2;
	}
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
	while (bide_signals_try_next(signals, NULL) > 0)
		;
	CHECK(shots >= 1 && shots <= SHOTS + 1);
	CHECK_INT(others, 1);
	CHECK(ticks > 0);
	bide_cancel(ticking);
	CHECK_INT(bide_join(ticking), -ECANCELED);
	bide_signals_close(signals);
}

/* ---- loops that come and go while signals do ---------------------------------------------- */

static bool over; /* atomic */

static void *shoot_on(void *arg)
{
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		(void)kill(getpid(), SIGUSR1);
		(void)pthread_kill(pthread_self(), SIGUSR2);
	}
	return arg;
}

static BIDE_ASYNC_LIGHT(int, open_wait_close, int);
static int open_wait_close(int signals_to_take)
{
	const int both[] = { SIGUSR1, SIGUSR2 };
	bide_signals *signals;
	EXPECT_INT(bide_signals_open(both, 2, &signals), 0);
	for (int k = 0; k < signals_to_take; k++)
		EXPECT(bide_signals_next(signals, NULL) > 0);
	bide_signals_close(signals);
	return 0;
}

static BIDE_ASYNC(int, open_wait_close_often, void);
static int open_wait_close_often(void)
{
	int rc = 0;
	for (int n = 0; n < 5 && rc == 0; n++) {
		BIDE_GROUP(group, rc) {
			for (int i = 0; i < 10; i++)
				bide_group_spawn(group, open_wait_close, i % 3);
		}
	}
	return rc;
}

static void *run_often(void *arg)
{
	for (int i = 0; i < 20; i++)
		EXPECT_INT(bide_run(open_wait_close_often), 0);
	return arg;
}

/* Somebody watches all the time, as the process would end otherwise. */
static BIDE_ASYNC(int, watch_all_the_time, void);
static int watch_all_the_time(void)
{
	enum { LOOPS = 3 };
	const int both[] = { SIGUSR1, SIGUSR2 };
	bide_signals *signals;
	pthread_t threads[LOOPS], shooter;
	EXPECT_INT(bide_signals_open(both, 2, &signals), 0);
	EXPECT_INT(pthread_create(&shooter, NULL, shoot_on, NULL), 0);
	for (int i = 0; i < LOOPS; i++)
		EXPECT_INT(pthread_create(&threads[i], NULL, run_often, NULL), 0);
	for (int i = 0; i < LOOPS; i++)
		EXPECT_INT(pthread_join(threads[i], NULL), 0);
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	EXPECT_INT(pthread_join(shooter, NULL), 0);
	bide_signals_close(signals);
	return 0;
}

TEST(loops_that_come_and_go_while_signals_do)
{
	CHECK_INT(bide_run(watch_all_the_time), 0);
	CHECK(default_action(SIGUSR1) && default_action(SIGUSR2));
}

/* ---- fork --------------------------------------------------------------------------------- */

static void *watch_on_thread(void *arg)
{
	bide_loop *loop = NULL;
	EXPECT_INT(bide_loop_open(NULL, &loop), 0);
	(void)watch(SIGTERM);
	count_up(&ready);
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED))
		nap_ms(1);
	bide_loop_close(loop);
	return arg;
}

TEST(child_of_a_fork_does_not_watch_for_other_threads)
{
	pthread_t thread;
	int status = -1;
	over = false;
	ready.n = 0;
	CHECK_INT(bide_loop_open(NULL, &(bide_loop *){ NULL }), 0);
	CHECK_INT(pthread_create(&thread, NULL, watch_on_thread, NULL), 0);
	while (counted(&ready) == 0)
		nap_ms(1);
	pid_t child = fork();
	if (child == 0) {
		raise(SIGTERM);
		_exit(0);
	}
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	CHECK_INT(raise(SIGTERM), 0); /* is watched for here */
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK(default_action(SIGTERM));
	bide_loop_close(bide_current_loop());
}
