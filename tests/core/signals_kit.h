/* SPDX-License-Identifier: MIT */
/* What tests of signals share. SIGNALS_TEST(name) { … } is a test whose block is the main task of a
 * run, of a full and of a light task; afterwards the signals that the kit knows have the actions
 * that they had before. */
#ifndef SIGNALS_KIT_H
#define SIGNALS_KIT_H

#include "core/kinds_kit.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static inline bool default_action(int signal)
{
	struct sigaction now;
	CHECK_RET(sigaction(signal, NULL, &now) == 0, false);
	return !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL;
}

static inline bide_signals *watch(int signal)
{
	bide_signals *signals = NULL;
	EXPECT_INT(bide_signals_open(&signal, 1, &signals), 0);
	return signals;
}

__attribute__((unused)) static BIDE_ASYNC_LIGHT(int, next_of, bide_signals *);
__attribute__((unused)) static int next_of(bide_signals *signals)
{
	return bide_signals_next(signals, NULL);
}

__attribute__((unused)) static BIDE_ASYNC_LIGHT(int, raise_after, double, int);
__attribute__((unused)) static int raise_after(double seconds, int signal)
{
	int rc = bide_sleep(seconds);
	return rc < 0 ? rc : kill(getpid(), signal);
}

#define SIGNALS_TEST(name) \
	STACKS_TEST(name, (void)0, \
	            EXPECT(default_action(SIGUSR1) && default_action(SIGUSR2) && \
	                   default_action(SIGTERM)))

#endif
