/* SPDX-License-Identifier: MIT */
/* What tests of SIGINT share. */
#ifndef SIGINT_KIT_H
#define SIGINT_KIT_H

#include "harness/test.h"

#include <signal.h>
#include <string.h>
#include <time.h>

/* Sends SIGINT to the process in some milliseconds, from outside its tasks. */
static inline void interrupt_after(long ms)
{
	const struct itimerspec spec = { .it_value = { 0, ms * 1000000 } };
	struct sigevent event;
	timer_t timer;

	memset(&event, 0, sizeof event);
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = SIGINT;
	CHECK_INT(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	CHECK_INT(timer_settime(timer, 0, &spec, NULL), 0);
}

static inline bool default_action(void)
{
	struct sigaction now;

	CHECK_RET(sigaction(SIGINT, NULL, &now) == 0, false);
	return !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL;
}

#endif
