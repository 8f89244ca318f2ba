// SPDX-License-Identifier: MIT
/* Scenarios of signals: whatever is struck, each that was sent is taken once or is still there, and
 * nobody watches any more. */
#include "sweep/tasks.h"

#include <signal.h>

enum { ROUNDS = 4 };

BIDE_ASYNC(int, take_signals, bide_signals *);
int take_signals(bide_signals *signals)
{
	int rc = 0;
	tally.entered++;
	for (int i = 0; i < ROUNDS && rc >= 0; i++) {
		bide_signal_info info;
		rc = bide_signals_next(signals, &info);
		HOLDS(rc < 0 || (rc == SIGUSR1 && info.signal == SIGUSR1));
		tally.extra[1] += rc > 0;
	}
	tally.left++;
	return rc < 0 ? rc : ROUNDS;
}

BIDE_ASYNC_LIGHT(int, light_take_signals, bide_signals *);
int light_take_signals(bide_signals *signals)
{
	return take_signals(signals);
}

/* The next one is sent when the last has been taken. */
static int send_signals(const bide_task *taker)
{
	int rc = taker != NULL ? 0 : -ENOMEM;
	for (int i = 0; i < ROUNDS && rc == 0; i++) {
		HOLDS(raise(SIGUSR1) == 0);
		tally.extra[0]++;
		for (int k = 0; k < 4 && rc == 0 && tally.extra[1] < tally.extra[0]; k++)
			rc = bide_yield();
		if (rc == 0 && tally.extra[1] < tally.extra[0])
			break;
	}
	return rc;
}

static int through(bide_signals *signals, bide_task *taker)
{
	struct sum sum = { 0, 0 };
	int rc = send_signals(taker);
	sum_add(&sum, rc);
	if (taker != NULL && (rc < 0 || tally.extra[1] < ROUNDS))
		bide_cancel(taker);
	sum_add(&sum, bide_await(int, taker));
	const int left = bide_signals_try_next(signals, NULL);
	HOLDS(left == -EAGAIN || left == SIGUSR1);
	HOLDS(tally.extra[0] == tally.extra[1] + (left == SIGUSR1));
	HOLDS(bide_signals_try_next(signals, NULL) == -EAGAIN);
	bide_signals_close(signals);
	HOLDS(signal(SIGUSR1, SIG_DFL) == SIG_DFL);
	return sum_result(&sum);
}

static int open_one(bide_signals **ret_signals)
{
	static const int one = SIGUSR1;
	return bide_signals_open(&one, 1, ret_signals);
}

SCENARIO(signals_for_a_task, ROUNDS)
{
	bide_signals *signals;
	int rc = open_one(&signals);
	return rc < 0 ? rc : through(signals, bide_spawn(take_signals, signals));
}

SCENARIO_WITH(signals_for_a_light_task, ROUNDS, SWEEP_LIGHT_MAIN | SWEEP_TWICE, NULL)
{
	bide_signals *signals;
	int rc = open_one(&signals);
	return rc < 0 ? rc : through(signals, bide_spawn(light_take_signals, signals));
}

BIDE_ASYNC_LIGHT(int, wait_for_signal, int);
int wait_for_signal(int signal)
{
	return bide_signal_wait(signal);
}

/* A task that is cancelled before it begins does not. */
static bool is_watched(int signal)
{
	struct sigaction now;
	return sigaction(signal, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO);
}

SCENARIO(a_signal_that_is_waited_for_once, 1)
{
	bide_task *task = bide_spawn(wait_for_signal, SIGUSR2);
	int rc = bide_yield();
	if (is_watched(SIGUSR2))
		HOLDS(raise(SIGUSR2) == 0);
	if (rc < 0 && task != NULL)
		bide_cancel(task);
	int waited = bide_await(int, task);
	HOLDS(signal(SIGUSR2, SIG_DFL) == SIG_DFL);
	return rc < 0 ? rc : waited < 0 ? waited : 1;
}

SCENARIO(a_signal_or_a_time, SIGUSR1)
{
	bide_signals *signals;
	int rc = open_one(&signals);
	if (rc < 0)
		return rc;
	bide_arm arms[] = { bide_arm_signals(signals, NULL), bide_arm_sleep(0.001) };
	rc = bide_select(arms, 2);
	HOLDS(rc < 0 || rc == 1);
	HOLDS(raise(SIGUSR1) == 0);
	bide_arm again[] = { bide_arm_signals(signals, NULL) };
	if (rc == 1)
		rc = bide_select(again, 1);
	bide_signals_close(signals);
	return rc < 0 ? rc : again[0].rc;
}
