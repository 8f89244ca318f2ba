// SPDX-License-Identifier: MIT
/* What signals do before, while and after they are watched for; which cannot be; and SIGINT, which
 * the run itself sees to. */
#include "core/child_kit.h"
#include "core/signals_kit.h"

#include <fcntl.h>
#include <pthread.h>

/* ---- what cannot be watched for ----------------------------------------------------------- */

SIGNALS_TEST(signals_that_cannot_be_watched_for_are_refused)
{
	const int never[] = { 0,      -1,     65,     1000,    SIGKILL, SIGSTOP, SIGSEGV,
		              SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS,  SIGABRT, 32 };
	bide_signals *signals = (bide_signals *)&signals;
	for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
		const int both[] = { SIGUSR1, never[i] };
		EXPECT_INT(bide_signals_open(both, 2, &signals), -EINVAL);
		EXPECT_INT(bide_signal_wait(never[i]), -EINVAL);
		EXPECT(default_action(SIGUSR1));
	}
	CHECK_INT(bide_signals_open(never, 0, &signals), -EINVAL);
	CHECK_PTR(signals, (void *)&signals);
}

TEST_ABORTS(signals_without_a_loop, "bide_signals_open: no loop on this thread")
{
	const int one = SIGUSR1;
	bide_signals *signals;
	(void)!bide_signals_open(&one, 1, &signals);
}

static void *next_elsewhere(void *arg)
{
	(void)!bide_signals_try_next(arg, NULL);
	return NULL;
}

static BIDE_ASYNC(int, use_on_another_thread, void);
static int use_on_another_thread(void)
{
	pthread_t thread;
	EXPECT_INT(pthread_create(&thread, NULL, next_elsewhere, watch(SIGUSR1)), 0);
	return pthread_join(thread, NULL);
}

TEST_ABORTS(signals_of_another_loop, "bide_signals_try_next: ")
{
	bide_run(use_on_another_thread);
}

/* ---- the program's own actions ------------------------------------------------------------ */

static volatile sig_atomic_t caught;

static void on_signal(int signal)
{
	(void)signal;
	caught++;
}

static void *context_of_info;

static void on_signal_info(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	context_of_info = context;
}

SIGNALS_TEST(signals_do_what_they_did_before_when_nobody_watches_any_more)
{
	struct sigaction action;
	signal(SIGHUP, on_signal);
	caught = 0;
	for (int i = 0; i < 3; i++) {
		bide_signals *one = watch(SIGHUP), *two = watch(SIGHUP);
		raise(SIGHUP);
		bide_signals_close(i % 2 ? one : two);
		raise(SIGHUP);
		CHECK_INT(caught, i);
		bide_signals_close(i % 2 ? two : one);
		raise(SIGHUP);
		CHECK_INT(caught, i + 1);
	}
	memset(&action, 0, sizeof action);
	action.sa_sigaction = on_signal_info;
	action.sa_flags = SA_SIGINFO | SA_NODEFER;
	CHECK_INT(sigaction(SIGHUP, &action, NULL), 0);
	bide_signals_close(watch(SIGHUP));
	CHECK_INT(sigaction(SIGHUP, NULL, &action), 0);
	CHECK(action.sa_sigaction == on_signal_info);
	CHECK(action.sa_flags & SA_NODEFER);
	signal(SIGHUP, SIG_DFL);
}

SIGNALS_TEST(signal_that_was_ignored_is_told_of_and_ignored_again)
{
	signal(SIGHUP, SIG_IGN);
	bide_signals *signals = watch(SIGHUP);
	raise(SIGHUP);
	CHECK_INT(bide_signals_next(signals, NULL), SIGHUP);
	bide_signals_close(signals);
	CHECK(signal(SIGHUP, SIG_DFL) == SIG_IGN);
}

SIGNALS_TEST(handler_that_is_set_meanwhile_stays)
{
	bide_signals *signals = watch(SIGHUP);
	signal(SIGHUP, on_signal);
	bide_signals_close(signals);
	CHECK(signal(SIGHUP, SIG_DFL) == on_signal);
}

/* Who opens afterwards wants to be told, and so is who had opened before. */
SIGNALS_TEST(handler_that_is_set_meanwhile_makes_way_for_who_opens_then)
{
	bide_signals *one = watch(SIGHUP);
	signal(SIGHUP, on_signal);
	bide_signals *two = watch(SIGHUP);
	raise(SIGHUP);
	CHECK_INT(bide_signals_try_next(one, NULL), SIGHUP);
	CHECK_INT(bide_signals_try_next(two, NULL), SIGHUP);
	bide_signals_close(one);
	bide_signals_close(two);
	CHECK(signal(SIGHUP, SIG_DFL) == on_signal);
}

static BIDE_ASYNC(int, wait_and_raise, int);
static int wait_and_raise(int times)
{
	for (int i = 0; i < times; i++) {
		bide_task *sender = bide_spawn(raise_after, 0.001, SIGTERM);
		EXPECT_INT(bide_signal_wait(SIGTERM), 0);
		EXPECT_INT(bide_join(sender), 0);
	}
	return raise(SIGTERM);
}

TEST_SIGNAL(signal_after_the_one_that_was_waited_for_ends_the_process, SIGTERM, "")
{
	bide_run(wait_and_raise, 3);
}

/* A call that a signal interrupts on another thread goes on. */
static int ends[2];

static void *read_one(void *arg)
{
	char byte;
	*(ssize_t *)arg = read(ends[0], &byte, 1);
	return NULL;
}

SIGNALS_TEST(calls_of_other_threads_go_on)
{
	bide_signals *signals = watch(SIGUSR1);
	static ssize_t n;
	pthread_t thread;
	CHECK_INT(pipe(ends), 0);
	CHECK_INT(pthread_create(&thread, NULL, read_one, &n), 0);
	CHECK_INT(bide_sleep(0.005), 0);
	CHECK_INT(pthread_kill(thread, SIGUSR1), 0);
	CHECK_INT(bide_signals_next(signals, NULL), SIGUSR1);
	CHECK_INT(write(ends[1], "x", 1), 1);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK_INT(n, 1);
	bide_signals_close(signals);
	close(ends[0]);
	close(ends[1]);
}

SIGNALS_TEST(errno_is_kept_by_the_handler)
{
	bide_signals *signals = watch(SIGUSR1);
	for (int i = 0; i < 100; i++) {
		errno = 1000 + i;
		raise(SIGUSR1);
		CHECK_INT(errno, 1000 + i);
	}
	bide_signals_close(signals);
}

/* ---- SIGINT ------------------------------------------------------------------------------- */

SIGNALS_TEST(sigint_goes_to_who_waits_for_it_and_not_to_the_main_task)
{
	bide_signals *signals = watch(SIGINT);
	for (int i = 0; i < 3; i++) {
		raise(SIGINT);
		CHECK_INT(bide_sleep(0.001), 0);
		CHECK_INT(bide_signals_next(signals, NULL), SIGINT);
	}
	bide_signals_close(signals);
}

static BIDE_ASYNC(int, watch_and_be_cancelled, int);
static int watch_and_be_cancelled(int times)
{
	for (int i = 0; i < times; i++) {
		bide_signals *signals = watch(SIGINT);
		raise(SIGINT);
		EXPECT_INT(bide_signals_next(signals, NULL), SIGINT);
		bide_signals_close(signals);
	}
	raise(SIGINT);
	return bide_sleep(100);
}

TEST(sigint_cancels_the_main_task_when_nobody_waits_for_it_any_more)
{
	CHECK_INT(bide_run(watch_and_be_cancelled, 0), -ECANCELED);
	CHECK(default_action(SIGINT));
	CHECK_INT(bide_run(watch_and_be_cancelled, 3), -ECANCELED);
	CHECK(default_action(SIGINT));
}

static BIDE_ASYNC(int, watch_after_the_first, int);
static int watch_after_the_first(int times)
{
	raise(SIGINT);
	EXPECT_INT(bide_sleep(100), -ECANCELED);
	bide_signals *signals = watch(SIGINT);
	for (int i = 0; i < times; i++)
		raise(SIGINT);
	EXPECT_INT(bide_signals_try_next(signals, NULL), SIGINT);
	bide_signals_close(signals);
	fprintf(stderr, "alive\n");
	return raise(SIGINT);
}

static void interrupt_again(void)
{
	bide_run(watch_after_the_first, 3);
}

TEST(sigint_for_the_second_time_ends_the_process_unless_it_is_waited_for)
{
	struct child child;
	child_run(&child, interrupt_again);
	EXPECT(child_died_by(&child, SIGINT));
	EXPECT_STR(child.text, "alive\n");
}

/* Of a loop on another thread, before and after the run that sees to SIGINT. */
static bide_signals *elsewhere;

static BIDE_ASYNC(int, sleep_and_raise, void);
static int sleep_and_raise(void)
{
	raise(SIGINT);
	return bide_sleep(0.001);
}

TEST(sigint_is_seen_to_by_a_run_that_begins_while_another_loop_watches)
{
	bide_loop *loop;
	CHECK_INT(bide_loop_open(NULL, &loop), 0);
	elsewhere = watch(SIGINT);
	CHECK_INT(bide_loop_run(loop, NULL, sleep_and_raise), 0);
	CHECK_INT(bide_signals_try_next(elsewhere, NULL), SIGINT);
	bide_signals_close(elsewhere);
	CHECK(default_action(SIGINT));
	CHECK_INT(bide_loop_run(loop, NULL, sleep_and_raise), -ECANCELED);
	elsewhere = watch(SIGINT);
	raise(SIGINT);
	CHECK_INT(bide_signals_try_next(elsewhere, NULL), SIGINT);
	bide_loop_close(loop);
	CHECK(default_action(SIGINT));
}
