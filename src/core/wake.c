// SPDX-License-Identifier: MIT
/* wake.c: see wake.h.
 *
 * `wake` says what the loop is doing: AWAKE while it runs, ASLEEP from just before it waits, WOKEN
 * once somebody wants it. Whoever finds ASLEEP ends the wait; a loop that finds WOKEN does not
 * begin one. So no wake-up is lost and none costs a system call that is not needed.
 *
 * What is handed over is pushed onto the inbox, which the loop takes out as a whole. Only who
 * finds it empty wakes the loop, so that many at once cost one wake-up; and does so under the
 * lock, which the loop takes before it ends, as it may have seen to the mail and be about to end
 * before it is woken. */
#include "core/wake.h"

#include "base/alloc.h"
#include "core/backend.h"
#include "core/block.h"
#include "core/cancel.h"
#include "core/cores.h"
#include "core/interrupt.h"
#include "core/signals.h"
#include "core/time.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

void bide__notify(bide_loop *loop)
{
	__atomic_store_n(&loop->attention, true, __ATOMIC_RELEASE);
	/* Acquires what the loop released by going to sleep: which backend it waits with. */
	if (__atomic_exchange_n(&loop->wake, BIDE__WOKEN, __ATOMIC_ACQ_REL) == BIDE__ASLEEP)
		loop->backend->wake(loop);
}

void bide__wait_until(bide_loop *loop, uint64_t deadline_ns)
{
	uint32_t awake = BIDE__AWAKE;
	if (deadline_ns > 0 &&
	    !__atomic_compare_exchange_n(&loop->wake, &awake, BIDE__ASLEEP, false, __ATOMIC_ACQ_REL,
	                                 __ATOMIC_ACQUIRE))
		deadline_ns = 0;
	loop->backend->wait(loop, deadline_ns);
	/* An exchange, so that what a waker did before it said WOKEN is seen, as attention. */
	(void)__atomic_exchange_n(&loop->wake, BIDE__AWAKE, __ATOMIC_ACQ_REL);
}

/* That a loop is open makes one reference, and that it is one of several another. */
static unsigned own_refs(const bide_loop *loop)
{
	return loop->core != NULL ? 2 : 1;
}

bool bide__referenced(bide_loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	bool referenced = loop->refs > own_refs(loop);
	pthread_mutex_unlock(&loop->lock);
	return referenced;
}

/* Says whether anything but the tasks themselves could make one ready. A task that sleeps without
 * end waits for a cancellation, which SIGINT may bring. */
static bool hope(bide_loop *loop)
{
	if (loop->in_flight > 0 || loop->in_threads > 0 || loop->in_signals > 0 ||
	    __atomic_load_n(&loop->attention, __ATOMIC_ACQUIRE) ||
	    (loop->endless > 0 && loop->handles_interrupt && !loop->interrupt_seen &&
	     loop->options.backend != BIDE_BACKEND_VIRTUAL))
		return true;
	return bide__referenced(loop) || __atomic_load_n(&loop->inbox, __ATOMIC_ACQUIRE) != NULL;
}

/* Where many timers are due microseconds apart a wait for each would cost more than all else. Then
 * turns are made to begin a little apart, so that a few timers fire in each: late by that at most,
 * in their order all the same. They are made no further apart than that takes: where the last wait
 * brought several already, not where there is one in each. */
static uint64_t bundled(bide_loop *loop, uint64_t deadline_ns)
{
	enum {
		MANY = 64,
		SEVERAL = 4,
		SHORT_NS = 50 * 1000,
		BUNDLE_NS = 500 * 1000,
		STEP_NS = 1000
	};
	if (bide__timers_count(&loop->timers) < MANY || deadline_ns > loop->now_ns + BUNDLE_NS)
		loop->bundle_ns = 0;
	else if (loop->bundle_ns < SHORT_NS || loop->fired >= SEVERAL)
		loop->bundle_ns = 2 * loop->bundle_ns + STEP_NS;
	if (loop->bundle_ns > BUNDLE_NS)
		loop->bundle_ns = BUNDLE_NS;
	uint64_t soonest = loop->now_ns + loop->bundle_ns;
	return deadline_ns > soonest ? deadline_ns : soonest;
}

/* None of the ready tasks can run before another one has freed memory, which may sleep. */
static void wait_for_memory(bide_loop *loop)
{
	const struct timespec retry = { 0, 1000 * 1000 };
	uint64_t deadline = bide__timers_deadline(&loop->timers);
	if (loop->options.backend == BIDE_BACKEND_VIRTUAL && deadline != UINT64_MAX)
		loop->backend->wait(loop, deadline);
	else
		(void)nanosleep(&retry, NULL);
}

/* Offers the processor to others while the loop has nothing to wait for but jobs and calls. Returns
 * whether one of them has ended. */
static bool comes_soon(bide_loop *loop, uint64_t deadline_ns)
{
	static _Thread_local struct bide__offers offers = { .rest = 100 };
	bool more, came;
	if (!bide__offers_begin(&offers) || deadline_ns < offers.end_ns)
		return false;
	do {
		more = bide__offer(&offers);
		came = __atomic_load_n(&loop->attention, __ATOMIC_ACQUIRE);
	} while (!came && more);
	bide__offers_end(&offers, came);
	return came;
}

bool bide__collect(bide_loop *loop)
{
	if (loop->nready > 0) {
		if (loop->starved >= loop->nready)
			wait_for_memory(loop);
		if (loop->in_flight > 0)
			loop->backend->wait(loop, 0);
		return false;
	}
	uint64_t deadline = bide__timers_deadline(&loop->timers);
	const bool hopeless = deadline == UINT64_MAX && !hope(loop);
	if (hopeless && (loop->core == NULL || bide__core_despair(loop->core))) {
		bide__deadlock(loop);
		return true;
	}
	if (loop->options.backend != BIDE_BACKEND_VIRTUAL)
		deadline = bundled(loop, deadline);
	if (loop->in_threads == loop->in_channels || loop->in_flight > 0 ||
	    loop->options.backend == BIDE_BACKEND_VIRTUAL || !comes_soon(loop, deadline))
		bide__wait_until(loop, deadline);
	if (hopeless && bide__core_resume(loop->core))
		bide__deadlock(loop);
	return true;
}

/* ---- the inbox ---------------------------------------------------------------------------- */

/* What is in the inbox of a loop that has been closed. */
static struct bide__mail no_more;

/* Returns false, with *before being what is there, when it changes meanwhile. */
static bool push(bide_loop *loop, struct bide__mail **before, struct bide__mail *mail)
{
	mail->next = *before;
	return __atomic_compare_exchange_n(&loop->inbox, before, mail, true, __ATOMIC_RELEASE,
	                                   __ATOMIC_RELAXED);
}

__attribute__((noinline)) static bool send_and_wake(bide_loop *loop, struct bide__mail *mail)
{
	pthread_mutex_lock(&loop->lock);
	struct bide__mail *before = __atomic_load_n(&loop->inbox, __ATOMIC_RELAXED);
	while (before != &no_more && !push(loop, &before, mail))
		;
	if (before != &no_more)
		bide__notify(loop);
	pthread_mutex_unlock(&loop->lock);
	return before != &no_more;
}

bool bide__send(bide_loop *loop, struct bide__mail *mail)
{
	struct bide__mail *before = __atomic_load_n(&loop->inbox, __ATOMIC_RELAXED);
	while (before != NULL && before != &no_more)
		if (push(loop, &before, mail))
			return true;
	return send_and_wake(loop, mail);
}

static struct bide__mail *reversed(struct bide__mail *mail)
{
	struct bide__mail *before = NULL;
	for (struct bide__mail *next; mail != NULL; mail = next) {
		next = mail->next;
		mail->next = before;
		before = mail;
	}
	return before;
}

/* Where the next one goes. */
static struct bide__mail **end_of_received(bide_loop *loop)
{
	struct bide__mail **end = &loop->received;
	while (*end != NULL)
		end = &(*end)->next;
	return end;
}

void bide__close_inbox(bide_loop *loop)
{
	if (loop->closed)
		return;
	pthread_mutex_lock(&loop->lock);
	loop->closed = true;
	*end_of_received(loop) =
		reversed(__atomic_exchange_n(&loop->inbox, &no_more, __ATOMIC_ACQUIRE));
	pthread_mutex_unlock(&loop->lock);
	for (struct bide__mail *mail; (mail = loop->received) != NULL;) {
		loop->received = mail->next;
		mail->receive(NULL, mail);
	}
}

/* What was handed over may be another thread's half-way, and is the parent's: it is left. */
void bide__abandon_inbox(bide_loop *loop)
{
	loop->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	loop->closed = true;
	__atomic_store_n(&loop->inbox, &no_more, __ATOMIC_RELAXED);
}

/* Others that were sent meanwhile may be moved before anybody has said that there are some. */
void bide__recall(bide_loop *loop, struct bide__mail *mail)
{
	struct bide__mail **link = &loop->received;
	while (*link != NULL && *link != mail)
		link = &(*link)->next;
	if (*link == NULL)
		*link = reversed(__atomic_exchange_n(&loop->inbox, NULL, __ATOMIC_ACQUIRE));
	while (*link != mail)
		link = &(*link)->next;
	*link = mail->next;
	if (loop->received != NULL)
		__atomic_store_n(&loop->attention, true, __ATOMIC_RELEASE);
}

static void stop_main(bide_loop *loop)
{
	loop->interrupt_seen = true;
	if (loop->main != NULL)
		bide__cancel_task(loop, loop->main);
	if (loop->core != NULL)
		bide__core_interrupted(loop->core);
}

void bide__attend(bide_loop *loop)
{
	if (__atomic_exchange_n(&loop->signalled, false, __ATOMIC_ACQUIRE)) {
		bide__signals_serve(loop);
		if (bide__interrupted(loop))
			stop_main(loop);
	}
	/* Acquires what the senders released. */
	*end_of_received(loop) =
		reversed(__atomic_exchange_n(&loop->inbox, NULL, __ATOMIC_ACQUIRE));
	for (struct bide__mail *mail; (mail = loop->received) != NULL;) {
		loop->received = mail->next;
		mail->receive(loop, mail);
	}
}

/* ---- from other threads ------------------------------------------------------------------- */

bide_loop *bide_loop_ref(bide_loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	loop->refs++;
	pthread_mutex_unlock(&loop->lock);
	return loop;
}

void bide_loop_unref(bide_loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	bool last = --loop->refs == 0;
	bool closed = loop->closed;
	/* With the last outside reference gone a waiting loop may be in a deadlock: it looks. */
	if (!closed && loop->refs == own_refs(loop))
		bide__notify(loop);
	pthread_mutex_unlock(&loop->lock);
	if (last) {
		pthread_mutex_destroy(&loop->lock);
		free(loop);
	}
}

/* A function to be called by the loop. */
struct post {
	struct bide__mail mail; /* first */
	bide_callback *fn;
	void *arg;
};

static void receive_post(bide_loop *loop, struct bide__mail *mail)
{
	struct post *post = (struct post *)mail;
	if (loop != NULL) {
		loop->no_suspend++;
		post->fn(post->arg);
		loop->no_suspend--;
	}
	free(post);
}

/* Posts cross threads, so they come from malloc itself: the failure hook counts by thread. */
int bide_call_threadsafe(bide_loop *loop, bide_callback *fn, void *arg)
{
	struct post *post = bide__alloc_fails() ? NULL : malloc(sizeof(*post));
	if (post == NULL)
		return -ENOMEM;
	*post = (struct post){ { NULL, receive_post }, fn, arg };
	if (bide__send(loop, &post->mail))
		return 0;
	free(post);
	return -BIDE_ELOOP;
}
