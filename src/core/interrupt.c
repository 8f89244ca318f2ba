// SPDX-License-Identifier: MIT
/* interrupt.c: see interrupt.h. The program's own handler, or its wish to ignore SIGINT, is left
 * alone. */
#include "core/interrupt.h"

#include "core/wake.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static bide_loop *target; /* atomic: the loop whose main task SIGINT cancels */
static unsigned telling;  /* atomic: handlers, on whichever threads, that may be telling it */

static void on_interrupt(int signal)
{
	int saved_errno = errno;
	__atomic_fetch_add(&telling, 1, __ATOMIC_SEQ_CST);
	bide_loop *loop = __atomic_exchange_n(&target, NULL, __ATOMIC_SEQ_CST);
	if (loop != NULL) {
		__atomic_store_n(&loop->interrupted, true, __ATOMIC_RELEASE);
		bide__notify(loop);
	}
	__atomic_fetch_sub(&telling, 1, __ATOMIC_RELEASE);
	if (loop == NULL) {
		struct sigaction action;
		memset(&action, 0, sizeof(action));
		action.sa_handler = SIG_DFL;
		(void)sigaction(signal, &action, NULL);
		(void)raise(signal);
	}
	errno = saved_errno;
}

void bide__interrupt_begin(bide_loop *loop)
{
	struct sigaction action, before;
	loop->handles_interrupt = false;
	if (loop->thread != getpid() || sigaction(SIGINT, NULL, &before) < 0 ||
	    (before.sa_flags & SA_SIGINFO) || before.sa_handler != SIG_DFL)
		return;
	memset(&action, 0, sizeof(action));
	action.sa_handler = on_interrupt;
	action.sa_flags = SA_ONSTACK; /* tasks' stacks may be small */
	__atomic_store_n(&target, loop, __ATOMIC_RELEASE);
	loop->handles_interrupt = sigaction(SIGINT, &action, NULL) == 0;
}

/* Unless the program has set a handler of its own meanwhile. */
void bide__interrupt_end(bide_loop *loop)
{
	struct sigaction action;
	if (!loop->handles_interrupt)
		return;
	loop->handles_interrupt = false;
	if (sigaction(SIGINT, NULL, &action) == 0 && action.sa_handler == on_interrupt) {
		action.sa_handler = SIG_DFL;
		(void)sigaction(SIGINT, &action, NULL);
	}
	/* A handler on another thread may have found the loop just before: it is waited for, as the
	 * loop may be gone soon. The order of the two is what counts, there and here. */
	__atomic_store_n(&target, NULL, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&telling, __ATOMIC_SEQ_CST) > 0)
		(void)sched_yield();
	/* One that came too late for this run is not the next one's. */
	__atomic_store_n(&loop->interrupted, false, __ATOMIC_RELAXED);
}
