// SPDX-License-Identifier: MIT
/* cores.c: see cores.h.
 *
 * Each thread opens its loop, makes the main task, and waits at a gate. The calling thread, which
 * has the first loop, opens the gate when all are there, or has them taken down again. So either
 * all of them run or none has begun.
 *
 * A loop that has nothing to wait for but its siblings DESPAIRS. When all that are left do, and
 * nothing is on its way to any of them, none can ever go on: each of them is in a deadlock. The
 * order counts: a loop sends before it despairs, and resumes before it looks at what it was sent.
 *
 * The record of the first loop outlives it: the calling thread waits there for the others, so that
 * SIGINT, which comes to that loop, is seen to until all have ended. */
#include "core/cores.h"

#include "base/alloc.h"
#include "base/processors.h"
#include "core/backend.h"
#include "core/cancel.h"
#include "core/interrupt.h"
#include "core/loops.h"
#include "core/message.h"
#include "core/run.h"
#include "core/task.h"
#include "core/wake.h"
#include "core/workers.h"

#include <errno.h>
#include <stdio.h>

enum gate { SHUT, OPEN, GIVEN_UP };

/* The flags are guarded by the lock of them all. */
struct bide__core {
	struct bide__mail stop;         /* first: has the main task cancelled; sent once at most */
	struct bide__cores *all;        /* of which it is one */
	unsigned number;                /* its own, from 0 on */
	pthread_t thread;               /* but for the first one, which is the caller's */
	bide_loop *loop;                /* referenced; NULL before it is open */
	bool left;                      /* its run is over */
	bool in_vain;                   /* it despairs, and so do all others */
	struct bide__alloc_hook counts; /* tests: those of its thread before and after */
};

struct bide__cores {
	const bide__function *fn;           /* of the main tasks */
	const void *args;                   /* the caller's */
	struct bide__processors processors; /* to which the threads are tied */
	unsigned n;                         /* loops */
	unsigned threads;                   /* that are to be joined, the first one's counted in */
	bool handles_interrupt;             /* the first loop does */
	pthread_mutex_t lock;               /* guards all below; taken before that of a loop */
	pthread_cond_t changed;             /* the gate, or what it waits for */
	enum gate gate;                     /* whether they may run */
	unsigned opening;    /* loops that are not open yet, and have not failed to be */
	unsigned running;    /* whose run is not over */
	unsigned despairing; /* of these */
	bool stopped;        /* their main tasks have been cancelled */
	bool interrupted;    /* SIGINT came */
	bool cancelled;      /* a main task has ended by that, or by a failure of another one */
	bool waiting;        /* the first loop is closed and its thread waits for the others */
	int error;           /* the first one */
	struct bide__core cores[]; /* n */
};

/* ---- how they stop each other ------------------------------------------------------------- */

static void receive_stop(bide_loop *loop, struct bide__mail *mail)
{
	(void)mail;
	if (loop == NULL || loop->main == NULL)
		return;
	loop->interrupt_seen = true;
	bide__cancel_task(loop, loop->main);
}

/* Cancels the main tasks of all but one. */
static void stop_others(struct bide__core *core)
{
	struct bide__cores *all = core->all;
	if (all->stopped)
		return;
	all->stopped = true;
	for (unsigned i = 0; i < all->n; i++)
		if (i != core->number && !all->cores[i].left)
			(void)bide__send(all->cores[i].loop, &all->cores[i].stop);
}

/* That it was cancelled is no failure, as in a group; that it was in a deadlock is. */
void bide__core_settled(struct bide__core *core, const struct bide__task *main_task)
{
	struct bide__cores *all = core->all;
	const int error = main_task->error;
	if (error == 0)
		return;
	pthread_mutex_lock(&all->lock);
	if (!bide__has_failed(main_task) && error != -EDEADLK) {
		all->cancelled = true;
	} else {
		if (all->error == 0)
			all->error = error;
		stop_others(core);
	}
	pthread_mutex_unlock(&all->lock);
}

void bide__core_interrupted(struct bide__core *core)
{
	pthread_mutex_lock(&core->all->lock);
	core->all->interrupted = true;
	stop_others(core);
	pthread_mutex_unlock(&core->all->lock);
}

/* ---- whether any can go on ---------------------------------------------------------------- */

/* A loop to which something is on its way will wake, and look again. */
static bool expects_nothing(bide_loop *loop)
{
	return !__atomic_load_n(&loop->attention, __ATOMIC_ACQUIRE) &&
	       __atomic_load_n(&loop->inbox, __ATOMIC_ACQUIRE) == NULL && !bide__referenced(loop);
}

/* When all that are left despair, and have reason to, they are told. Each of them has a task to
 * wait, so its loop is there to be woken until it has resumed, which takes the lock. */
static void look_for_deadlock(struct bide__cores *all)
{
	if (all->despairing < all->running)
		return;
	for (unsigned i = 0; i < all->n; i++)
		if (!all->cores[i].left && !expects_nothing(all->cores[i].loop))
			return;
	for (unsigned i = 0; i < all->n; i++) {
		struct bide__core *core = &all->cores[i];
		if (core->left)
			continue;
		core->in_vain = true;
		bide__notify(core->loop);
	}
}

/* Stops despairing. */
static bool take_verdict(struct bide__core *core)
{
	bool in_vain = core->in_vain;
	core->in_vain = false;
	core->all->despairing--;
	return in_vain;
}

bool bide__core_despair(struct bide__core *core)
{
	pthread_mutex_lock(&core->all->lock);
	core->all->despairing++;
	look_for_deadlock(core->all);
	bool in_vain = core->in_vain && take_verdict(core);
	pthread_mutex_unlock(&core->all->lock);
	return in_vain;
}

bool bide__core_resume(struct bide__core *core)
{
	pthread_mutex_lock(&core->all->lock);
	bool in_vain = take_verdict(core);
	pthread_mutex_unlock(&core->all->lock);
	return in_vain;
}

/* ---- one of them -------------------------------------------------------------------------- */

/* Opens this thread's loop and makes its main task. */
static int open_core(struct bide__core *core)
{
	bide_loop *loop;
	bide__processors_tie(&core->all->processors, core->number);
	int rc = bide_loop_open(NULL, &loop);
	if (rc < 0)
		return rc;
	rc = bide__run_begin(loop, core->all->fn, core->all->args);
	if (rc < 0)
		bide_loop_close(loop);
	else
		core->loop = bide_loop_ref(loop);
	return rc;
}

static void run_core(struct bide__core *core)
{
	bide_loop *loop = core->loop;
	loop->core = core;
	loop->handles_interrupt = core->all->handles_interrupt;
	bide__run_loop(loop);
	int rc = bide__run_end(loop, NULL);
	if (rc == -BIDE_EFORKED)
		core->all->error = rc;
	bide_loop_close(loop);
}

static void undo_core(struct bide__core *core)
{
	bide__run_undo(core->loop);
	bide_loop_close(core->loop);
}

/* The last thing that its thread does, which may be joined from here on. */
static void leave(struct bide__core *core)
{
	struct bide__cores *all = core->all;
	pthread_mutex_lock(&all->lock);
	core->left = true;
	all->running--;
	if (all->running > 0)
		look_for_deadlock(all);
	else if (all->waiting)
		bide__notify(all->cores[0].loop);
	pthread_mutex_unlock(&all->lock);
}

/* ---- the gate ----------------------------------------------------------------------------- */

static void tell_opened(struct bide__cores *all, int rc)
{
	pthread_mutex_lock(&all->lock);
	if (all->error == 0)
		all->error = rc;
	all->opening--;
	pthread_cond_broadcast(&all->changed);
	pthread_mutex_unlock(&all->lock);
}

/* Returns whether it was opened. */
static bool wait_at_gate(struct bide__cores *all)
{
	pthread_mutex_lock(&all->lock);
	while (all->gate == SHUT)
		pthread_cond_wait(&all->changed, &all->lock);
	bool open = all->gate == OPEN;
	pthread_mutex_unlock(&all->lock);
	return open;
}

/* Waits until every loop is open, or has failed to be, and opens the gate if all are. */
static bool decide(struct bide__cores *all)
{
	bide_loop *first = all->cores[0].loop;
	pthread_mutex_lock(&all->lock);
	while (all->opening > 0)
		pthread_cond_wait(&all->changed, &all->lock);
	bool open = all->error == 0;
	if (open) {
		bide__interrupt_begin(first);
		all->handles_interrupt = first->handles_interrupt;
		all->running = all->n;
	}
	all->gate = open ? OPEN : GIVEN_UP;
	pthread_cond_broadcast(&all->changed);
	pthread_mutex_unlock(&all->lock);
	return open;
}

/* ---- the other threads -------------------------------------------------------------------- */

static void *core_main(void *arg)
{
	struct bide__core *core = arg;
	char name[16];
	bide__alloc_hook = core->counts;
	(void)snprintf(name, sizeof(name), "bide-core-%u", core->number % BIDE__LOOPS_MAX);
	(void)pthread_setname_np(pthread_self(), name);
	int rc = open_core(core);
	tell_opened(core->all, rc);
	bool open = wait_at_gate(core->all);
	if (open)
		run_core(core);
	else if (rc == 0)
		undo_core(core);
	core->counts = bide__alloc_hook;
	if (open)
		leave(core);
	return NULL;
}

static int start_thread(struct bide__core *core)
{
	core->counts = bide__alloc_for_thread();
	return bide__thread_start(&core->thread, 0, core_main, core);
}

static void start_threads(struct bide__cores *all)
{
	int rc = 0;
	while (all->threads < all->n && rc == 0) {
		pthread_mutex_lock(&all->lock);
		all->opening++;
		pthread_mutex_unlock(&all->lock);
		rc = start_thread(&all->cores[all->threads]);
		if (rc < 0)
			tell_opened(all, rc);
		else
			all->threads++;
	}
}

static void join_threads(struct bide__cores *all)
{
	for (unsigned i = 1; i < all->threads; i++) {
		(void)pthread_join(all->cores[i].thread, NULL);
		bide__alloc_add(&all->cores[i].counts);
	}
}

/* ---- all of them -------------------------------------------------------------------------- */

/* On the first one's thread, when that has been closed. */
static void wait_for_others(struct bide__cores *all)
{
	struct bide__core *first = &all->cores[0];
	pthread_mutex_lock(&all->lock);
	all->waiting = true;
	while (all->running > 0) {
		pthread_mutex_unlock(&all->lock);
		bide__wait_until(first->loop, UINT64_MAX);
		if (bide__interrupted(first->loop))
			bide__core_interrupted(first);
		pthread_mutex_lock(&all->lock);
	}
	pthread_mutex_unlock(&all->lock);
}

/* Tasks that were cancelled because of a failure do not count beside that. */
static int result(const struct bide__cores *all)
{
	if (all->error == 0 && all->interrupted && all->cancelled)
		return -ECANCELED;
	return all->error;
}

static void run_all(struct bide__cores *all)
{
	struct bide__core *first = &all->cores[0];
	if (!decide(all)) {
		undo_core(first);
		return;
	}
	run_core(first);
	leave(first);
	wait_for_others(all);
	bide__interrupt_end(first->loop);
}

static int start_and_run(struct bide__cores *all)
{
	all->error = open_core(&all->cores[0]);
	all->threads = 1;
	if (all->error == 0) {
		start_threads(all);
		run_all(all);
		join_threads(all);
	}
	bide__processors_untie();
	for (unsigned i = 0; i < all->n; i++)
		if (all->cores[i].loop != NULL)
			bide_loop_unref(all->cores[i].loop);
	return result(all);
}

static struct bide__cores *new_cores(unsigned n, const bide__function *fn, const void *args)
{
	struct bide__cores *all = bide__calloc(1, sizeof(*all) + n * sizeof(all->cores[0]));
	if (all == NULL)
		return NULL;
	all->fn = fn;
	all->args = args;
	all->n = n;
	bide__processors_get(&all->processors);
	pthread_mutex_init(&all->lock, NULL);
	pthread_cond_init(&all->changed, NULL);
	for (unsigned i = 0; i < n; i++)
		all->cores[i] = (struct bide__core){ .stop = { NULL, receive_stop },
			                             .all = all,
			                             .number = i };
	return all;
}

static unsigned as_many_as_processors(void)
{
	struct bide__processors processors;
	bide__processors_get(&processors);
	unsigned n = bide__processors_count(&processors);
	return n < BIDE__LOOPS_MAX ? n : BIDE__LOOPS_MAX;
}

int bide__run_on_cores(unsigned n, const bide__function *fn, const void *args)
{
	const bide_loop *own = bide__own_loop();
	if (own != NULL && own->running)
		bide__abort("bide_run_on_cores",
		            "a run inside a run: this thread's loop runs already");
	if (own != NULL)
		return -EBUSY;
	if (n == 0)
		n = as_many_as_processors();
	if (n > BIDE__LOOPS_MAX)
		return -EINVAL;
	struct bide__cores *all = new_cores(n, fn, args);
	if (all == NULL)
		return -ENOMEM;
	int rc = start_and_run(all);
	pthread_cond_destroy(&all->changed);
	pthread_mutex_destroy(&all->lock);
	bide__free(all);
	return rc;
}

/* ---- for their tasks ---------------------------------------------------------------------- */

static const struct bide__core *this_core(void)
{
	const bide_loop *loop = bide__own_loop();
	return loop != NULL ? loop->core : NULL;
}

unsigned bide_core_number(void)
{
	const struct bide__core *core = this_core();
	return core != NULL ? core->number : 0;
}

unsigned bide_core_count(void)
{
	const struct bide__core *core = this_core();
	return core != NULL ? core->all->n : 0;
}

bide_loop *bide_core_loop(unsigned number)
{
	const struct bide__core *core = this_core();
	return core != NULL && number < core->all->n ? core->all->cores[number].loop : NULL;
}

/* ---- fork --------------------------------------------------------------------------------- */

/* The other threads, and their loops with them, are the parent's, and whoever of them held the lock
 * holds it there. */
void bide__cores_in_child(struct bide__core *core)
{
	struct bide__cores *all = core->all;
	all->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	all->changed = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
	for (unsigned i = 0; i < all->n; i++) {
		if (i == core->number)
			continue;
		all->cores[i].left = true;
		all->cores[i].loop = NULL;
	}
	core->in_vain = false;
	all->threads = 1;
	all->running = 1;
	all->despairing = 0;
	all->waiting = false;
}
