// SPDX-License-Identifier: MIT
/* Waiting for signals: what comes, in what order, and what is known of it. */
#include "core/signals_kit.h"

/* ---- one ---------------------------------------------------------------------------------- */

SIGNALS_TEST(signal_is_waited_for)
{
	bide_signals *signals = watch(SIGUSR1);
	bide_task *sender = bide_spawn(raise_after, 0.002, SIGUSR1);
	CHECK_INT(bide_signals_next(signals, NULL), SIGUSR1);
	CHECK_INT(bide_join(sender), 0);
	bide_signals_close(signals);
}

SIGNALS_TEST(signal_that_came_before_the_wait_is_kept)
{
	bide_signals *signals = watch(SIGUSR1);
	for (int i = 0; i < 3; i++) {
		CHECK_INT(raise(SIGUSR1), 0);
		CHECK_INT(bide_sleep(0.001), 0);
		CHECK_INT(bide_signals_next(signals, NULL), SIGUSR1);
	}
	CHECK_INT(bide_signals_try_next(signals, NULL), -EAGAIN);
	bide_signals_close(signals);
}

SIGNALS_TEST(signals_of_a_kind_that_nobody_took_count_as_one)
{
	bide_signals *signals = watch(SIGUSR1);
	for (int i = 0; i < 100; i++)
		CHECK_INT(raise(SIGUSR1), 0);
	CHECK_INT(bide_signals_try_next(signals, NULL), SIGUSR1);
	CHECK_INT(bide_signals_try_next(signals, NULL), -EAGAIN);
	bide_signals_close(signals);
}

static BIDE_ASYNC_LIGHT(int, read_byte, int);
static int read_byte(int fd)
{
	char byte;
	return (int)bide_read(fd, &byte, 1);
}

SIGNALS_TEST(signal_wakes_a_loop_that_waits_for_descriptors)
{
	bide_signals *signals = watch(SIGUSR1);
	int ends[2];
	CHECK_INT(pipe(ends), 0);
	bide_task *reader = bide_spawn(read_byte, ends[0]);
	CHECK_INT(bide_yield(), 0);
	for (int i = 0; i < 20; i++) {
		pid_t child = fork();
		if (child == 0)
			_exit(kill(getppid(), SIGUSR1));
		CHECK_INT(bide_signals_next(signals, NULL), SIGUSR1);
		CHECK_INT(waitpid(child, NULL, 0), child);
	}
	CHECK_INT(write(ends[1], "x", 1), 1);
	CHECK_INT(bide_await(int, reader), 1);
	bide_signals_close(signals);
	close(ends[0]);
	close(ends[1]);
}

/* ---- several ------------------------------------------------------------------------------ */

SIGNALS_TEST(signals_of_different_kinds_are_all_told_of)
{
	static const int kinds[] = { SIGHUP, SIGUSR1, SIGUSR2, SIGTERM, SIGWINCH };
	enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };
	bide_signals *signals;
	unsigned seen = 0;
	CHECK_INT(bide_signals_open(kinds, KINDS, &signals), 0);
	for (int i = 0; i < KINDS; i++)
		CHECK_INT(raise(kinds[KINDS - 1 - i]), 0);
	for (int i = 0; i < KINDS; i++) {
		int signal = bide_signals_next(signals, NULL);
		CHECK(signal > 0);
		seen |= 1U << signal;
	}
	CHECK_UINT(seen,
	           1U << SIGHUP | 1U << SIGUSR1 | 1U << SIGUSR2 | 1U << SIGTERM | 1U << SIGWINCH);
	CHECK_INT(bide_signals_try_next(signals, NULL), -EAGAIN);
	bide_signals_close(signals);
}

SIGNALS_TEST(signal_that_comes_again_and_again_keeps_no_other_back)
{
	const int both[] = { SIGUSR1, SIGUSR2, SIGRTMAX };
	bide_signals *signals;
	CHECK_INT(bide_signals_open(both, 3, &signals), 0);
	raise(SIGUSR2);
	raise(SIGRTMAX);
	raise(SIGUSR1);
	CHECK_INT(bide_signals_next(signals, NULL), SIGUSR1);
	raise(SIGUSR1);
	CHECK_INT(bide_signals_next(signals, NULL), SIGUSR2);
	raise(SIGUSR2);
	CHECK_INT(bide_signals_next(signals, NULL), SIGRTMAX);
	CHECK_INT(bide_signals_next(signals, NULL), SIGUSR1);
	CHECK_INT(bide_signals_next(signals, NULL), SIGUSR2);
	CHECK_INT(bide_signals_try_next(signals, NULL), -EAGAIN);
	bide_signals_close(signals);
}

/* Others run although there is always one that came. */
static int steps;

static BIDE_ASYNC_LIGHT(void, step, void);
static void step(void)
{
	while (bide_yield() == 0)
		steps++;
}

SIGNALS_TEST(signals_that_come_on_and_on_starve_nobody)
{
	bide_signals *signals = watch(SIGUSR1);
	bide_task *other = bide_spawn(step);
	steps = 0;
	for (int i = 0; i < 100; i++) {
		raise(SIGUSR1);
		CHECK_INT(bide_signals_next(signals, NULL), SIGUSR1);
	}
	CHECK(steps >= 99);
	bide_cancel(other);
	CHECK_INT(bide_join(other), -ECANCELED);
	bide_signals_close(signals);
}

SIGNALS_TEST(signal_is_told_to_each_object)
{
	enum { N = 10 };
	bide_signals *all[N];
	bide_task *tasks[N];
	for (int i = 0; i < N; i++) {
		all[i] = watch(SIGUSR1);
		tasks[i] = i % 2 ? bide_spawn(next_of, all[i]) : NULL;
	}
	CHECK_INT(bide_yield(), 0);
	CHECK_INT(raise(SIGUSR1), 0);
	for (int i = 0; i < N; i++) {
		int signal = i % 2 ? bide_await(int, tasks[i]) : bide_signals_next(all[i], NULL);
		CHECK_INT(signal, SIGUSR1);
		CHECK_INT(bide_signals_try_next(all[i], NULL), -EAGAIN);
		bide_signals_close(all[i]);
	}
}

SIGNALS_TEST(tasks_that_wait_for_one_object_take_turns)
{
	bide_signals *signals = watch(SIGUSR1);
	bide_task *tasks[3];
	for (int i = 0; i < 3; i++)
		tasks[i] = bide_spawn(next_of, signals);
	CHECK_INT(bide_yield(), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_INT(raise(SIGUSR1), 0);
		CHECK_INT(bide_await(int, tasks[i]), SIGUSR1);
		for (int k = i + 1; k < 3; k++)
			CHECK(!bide_task_done(tasks[k]));
	}
	bide_signals_close(signals);
}

/* ---- what is known of it ------------------------------------------------------------------ */

SIGNALS_TEST(signal_info_says_who_sent_it)
{
	bide_signals *signals = watch(SIGUSR1);
	bide_signal_info info;
	pid_t child = fork();
	if (child == 0)
		_exit(kill(getppid(), SIGUSR1));
	CHECK_INT(bide_signals_next(signals, &info), SIGUSR1);
	CHECK_INT(info.signal, SIGUSR1);
	CHECK_INT(info.code, SI_USER);
	CHECK_INT(info.pid, child);
	CHECK_UINT(info.uid, getuid());
	CHECK_INT(info.value, 0);
	CHECK_INT(waitpid(child, NULL, 0), child);
	bide_signals_close(signals);
}

SIGNALS_TEST(signal_info_has_the_value_of_the_last_that_was_queued)
{
	bide_signals *signals = watch(SIGRTMIN);
	bide_signal_info info;
	for (int i = 1; i <= 5; i++)
		CHECK_INT(sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = i }), 0);
	CHECK_INT(bide_signals_next(signals, &info), SIGRTMIN);
	CHECK_INT(info.code, SI_QUEUE);
	CHECK_INT(info.pid, getpid());
	CHECK_INT(info.value, 5);
	bide_signals_close(signals);
}

SIGNALS_TEST(signal_info_has_the_status_of_a_child)
{
	bide_signals *signals = watch(SIGCHLD);
	bide_signal_info info;
	pid_t child = fork();
	if (child == 0)
		_exit(7);
	CHECK_INT(bide_signals_next(signals, &info), SIGCHLD);
	CHECK_INT(info.code, CLD_EXITED);
	CHECK_INT(info.pid, child);
	CHECK_INT(info.value, 7);
	CHECK_INT(waitpid(child, NULL, WNOHANG), child);
	bide_signals_close(signals);
}

SIGNALS_TEST(signal_info_has_the_value_of_a_timer)
{
	const struct itimerspec spec = { .it_value = { 0, 1000000 } };
	struct sigevent event;
	timer_t timer;
	bide_signals *signals = watch(SIGUSR2);
	bide_signal_info info;
	memset(&event, 0, sizeof event);
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = SIGUSR2;
	event.sigev_value.sival_int = 42;
	CHECK_INT(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	CHECK_INT(timer_settime(timer, 0, &spec, NULL), 0);
	CHECK_INT(bide_signals_next(signals, &info), SIGUSR2);
	CHECK_INT(info.code, SI_TIMER);
	CHECK_INT(info.pid, 0);
	CHECK_INT(info.value, 42);
	CHECK_INT(timer_delete(timer), 0);
	bide_signals_close(signals);
}

/* ---- the end of a wait -------------------------------------------------------------------- */

SIGNALS_TEST(wait_that_times_out_has_taken_nothing)
{
	bide_signals *signals = watch(SIGUSR1);
	int rc;
	BIDE_TIMEOUT(0.001, rc) {
		EXPECT_INT(bide_signals_next(signals, NULL), -ETIMEDOUT);
	}
	CHECK_INT(rc, -ETIMEDOUT);
	raise(SIGUSR1);
	BIDE_TIMEOUT(0, rc) {
		EXPECT_INT(bide_signals_next(signals, NULL), -ETIMEDOUT);
	}
	CHECK_INT(bide_signals_next(signals, NULL), SIGUSR1);
	bide_signals_close(signals);
}

/* Whichever comes first, the signal is taken by one or is still there. */
SIGNALS_TEST(cancellation_loses_no_signal)
{
	bide_signals *signals = watch(SIGUSR1);
	for (int i = 0; i < 100; i++) {
		bide_task *task = bide_spawn(next_of, signals);
		for (int k = 0; k < i % 3; k++)
			bide_yield();
		raise(SIGUSR1);
		for (int k = 0; k < i / 3 % 4; k++)
			bide_yield();
		bide_cancel(task);
		int taken = bide_await(int, task);
		if (taken != SIGUSR1) {
			CHECK_INT(taken, -ECANCELED);
			CHECK_INT(bide_signals_try_next(signals, NULL), SIGUSR1);
		}
		CHECK_INT(bide_signals_try_next(signals, NULL), -EAGAIN);
	}
	bide_signals_close(signals);
}

SIGNALS_TEST(close_tells_those_who_wait)
{
	bide_signals *signals = watch(SIGUSR1);
	bide_task *tasks[2] = { bide_spawn(next_of, signals), bide_spawn(next_of, signals) };
	CHECK_INT(bide_yield(), 0);
	bide_signals_close(signals);
	for (int i = 0; i < 2; i++)
		CHECK_INT(bide_await(int, tasks[i]), -BIDE_ECLOSED);
	bide_signals_close(NULL);
}

/* ---- one call ----------------------------------------------------------------------------- */

static BIDE_ASYNC_LIGHT(int, wait_once, int);
static int wait_once(int signal)
{
	return bide_signal_wait(signal);
}

SIGNALS_TEST(signal_wait_is_told_of_one)
{
	bide_task *tasks[2] = { bide_spawn(wait_once, SIGTERM), bide_spawn(wait_once, SIGTERM) };
	bide_task *other = bide_spawn(wait_once, SIGUSR1);
	CHECK_INT(bide_yield(), 0);
	CHECK_INT(raise(SIGTERM), 0);
	for (int i = 0; i < 2; i++)
		CHECK_INT(bide_await(int, tasks[i]), 0);
	CHECK(default_action(SIGTERM));
	CHECK(!bide_task_done(other));
	bide_cancel(other);
	CHECK_INT(bide_await(int, other), -ECANCELED);
}

/* ---- select ------------------------------------------------------------------------------- */

SIGNALS_TEST(select_takes_a_signal)
{
	bide_signals *one = watch(SIGUSR1), *two = watch(SIGUSR2);
	bide_signal_info info = { 0 };
	for (int i = 0; i < 2; i++) {
		bide_arm arms[] = { bide_arm_signals(one, NULL), bide_arm_signals(two, &info),
			            bide_arm_sleep(10) };
		bide_task *sender = i == 0 ? bide_spawn(raise_after, 0.001, SIGUSR2) : NULL;
		if (i == 1)
			raise(SIGUSR2);
		CHECK_INT(bide_select(arms, 3), 1);
		CHECK_INT(arms[1].rc, SIGUSR2);
		CHECK_INT(info.signal, SIGUSR2);
		CHECK_INT(info.pid, getpid());
		if (sender != NULL)
			CHECK_INT(bide_join(sender), 0);
	}
	bide_signals_close(one);
	bide_signals_close(two);
}

SIGNALS_TEST(select_that_takes_something_else_leaves_the_signal)
{
	bide_signals *signals = watch(SIGUSR1);
	bide_arm arms[] = { bide_arm_signals(signals, NULL), bide_arm_sleep(0.001) };
	CHECK_INT(bide_select(arms, 2), 1);
	raise(SIGUSR1);
	CHECK_INT(bide_signals_try_next(signals, NULL), SIGUSR1);
	bide_signals_close(signals);
}

static BIDE_ASYNC_LIGHT(int, select_signal, bide_signals *);
static int select_signal(bide_signals *signals)
{
	bide_arm arm = bide_arm_signals(signals, NULL);
	int chosen = bide_select(&arm, 1);
	return chosen < 0 ? chosen : arm.rc;
}

SIGNALS_TEST(select_is_told_of_a_close)
{
	bide_signals *signals = watch(SIGUSR1);
	bide_task *task = bide_spawn(select_signal, signals);
	CHECK_INT(bide_yield(), 0);
	bide_signals_close(signals);
	CHECK_INT(bide_await(int, task), -BIDE_ECLOSED);
}

/* ---- the loop ----------------------------------------------------------------------------- */

/* Time goes on in jumps while a signal is waited for, which is no deadlock. */
static BIDE_ASYNC(void, on_virtual_clock, void);
static void on_virtual_clock(void)
{
	bide_signals *signals = watch(SIGUSR1);
	bide_task *sender = bide_spawn(raise_after, 1e6, SIGUSR1);
	double began = bide_now();
	CHECK_INT(bide_signals_next(signals, NULL), SIGUSR1);
	CHECK_DOUBLE(bide_now() - began, 1e6);
	CHECK_INT(bide_join(sender), 0);
	pid_t child = fork();
	if (child == 0) {
		usleep(5000);
		_exit(kill(getppid(), SIGUSR1));
	}
	CHECK_INT(bide_signals_next(signals, NULL), SIGUSR1);
	CHECK_INT(waitpid(child, NULL, 0), child);
	bide_signals_close(signals);
}

TEST(signals_come_on_the_virtual_clock)
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL };
	CHECK_INT(bide_try_run(&options, NULL, on_virtual_clock), 0);
}

static BIDE_ASYNC(int, leave_open, void);
static int leave_open(void)
{
	(void)watch(SIGUSR1);
	(void)watch(SIGUSR1);
	return default_action(SIGUSR1);
}

TEST(signals_left_open_are_closed_with_the_loop)
{
	CHECK_INT(bide_run(leave_open), 0);
	CHECK(default_action(SIGUSR1));
}

static BIDE_ASYNC(int, wait_at_exit, void);
static int wait_at_exit(void)
{
	bide_detach(bide_spawn(wait_once, SIGUSR1));
	return bide_yield();
}

TEST(wait_for_a_signal_is_cancelled_at_the_end_of_the_run)
{
	CHECK_INT(bide_run(wait_at_exit), 0);
	CHECK(default_action(SIGUSR1));
}
