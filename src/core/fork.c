// SPDX-License-Identifier: MIT
/* fork.c: see fork.h. Source: pthread_atfork(3).
 *
 * The child has one thread, and memory as it was. So what another thread had locked would stay
 * locked, and is locked by this one before; what another thread was to do is not done; and what
 * the kernel keeps by descriptor is the parent's too, and must be left to it. */
#include "core/fork.h"

#include "core/backend.h"
#include "core/channel.h"
#include "core/cores.h"
#include "core/fault.h"
#include "core/loops.h"
#include "core/message.h"
#include "core/thread.h"
#include "core/watch.h"

/* None of these is held while another one is taken; channels' are taken before that of a loop. */
static pthread_mutex_t *const locks[] = { &bide__workers_lock, &bide__loops_lock,
	                                  &bide__report_lock, &bide__fault_lock };
enum { LOCKS = sizeof(locks) / sizeof(locks[0]) };

static void before(void)
{
	for (int i = 0; i < LOCKS; i++)
		pthread_mutex_lock(locks[i]);
	bide__channels_before_fork();
	if (bide__loop != NULL)
		pthread_mutex_lock(&bide__loop->lock);
	bide__watch_before_fork();
}

static void after(void)
{
	bide__watch_after_fork();
	if (bide__loop != NULL)
		pthread_mutex_unlock(&bide__loop->lock);
	bide__channels_after_fork();
	for (int i = LOCKS; i-- > 0;)
		pthread_mutex_unlock(locks[i]);
}

/* The task that forked, if one did, runs on, and nobody else: whatever it would wait for it gives
 * up at once, and when it ends the run does. What the kernel keeps for the loop is the parent's,
 * too: its descriptors are closed here, and nothing is said of what is registered there. */
static void leave_loop(bide_loop *loop)
{
	if (loop->options.backend != BIDE_BACKEND_VIRTUAL)
		loop->backend->close(loop);
	loop->backend = &bide__backend_idle;
	loop->backend_data = NULL;
	loop->forked = true;
	loop->running = false;
	loop->handles_interrupt = false;
	loop->received = NULL;
	loop->turn_left = loop->lap_left = 0;
	if (loop->current != NULL)
		loop->current->flags |= BIDE__TASK_PENDING;
	if (loop->core != NULL)
		bide__cores_in_child(loop->core);
}

static void in_child(void)
{
	for (int i = 0; i < LOCKS; i++)
		*locks[i] = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	bide__loops_in_child();
	if (bide__loop != NULL)
		leave_loop(bide__loop);
	bide__thread_in_child(bide__loop);
	bide__channels_in_child();
	bide__watch_in_child();
}

static void watch(void)
{
	(void)pthread_atfork(before, after, in_child);
}

void bide__watch_forks(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	(void)pthread_once(&once, watch);
}
