/* SPDX-License-Identifier: MIT */
/* workers.h: the process's threads for what would hold up a loop. Must know nothing of loops and
 * tasks: what they do is a function to be called. */
#ifndef BIDE_CORE_WORKERS_H
#define BIDE_CORE_WORKERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* A piece of work: part of what it is about. */
struct bide__work {
	struct bide__work *next, *prev;       /* in the queue */
	void (*run)(struct bide__work *work); /* on a thread of the pool */
	/* When that is over, and must not take long; it may free it. Refused: it has not been run,
	 * as no thread could be started and there is none. */
	void (*done)(struct bide__work *work, bool refused);
	bool queued; /* guarded by the pool: nobody has begun with it */
};

/* Begins and ends a use of the threads. With the last one those that are idle end, and are gone
 * when it returns; the others end when they have nothing to do any more. */
void bide__workers_enter(void);
void bide__workers_leave(void);

/* Has it run, in the order of the calls. Needs no memory. */
void bide__workers_submit(struct bide__work *work);

/* Takes it out of the queue. False when a thread has begun with it. */
bool bide__workers_withdraw(struct bide__work *work);

/* Tells that there is so much more work, or less, that nobody waits for, nor for its thread. */
void bide__workers_leave_work(int more);

/* Starts a thread such as theirs, to be joined: with a guard below its stack, which has the default
 * size for 0, and with all signals blocked but those of faults. 0 or a negative errno value. */
int bide__thread_start(pthread_t *ret_thread, size_t stack_size, void *(*entry)(void *), void *arg);

/* The threads to be: see bide_thread_pool. A limit of 0 is the default one, which is found out at
 * the first use. */
void bide__workers_set(size_t limit, size_t stack_size, double idle_seconds);

/* Guards them all. */
extern pthread_mutex_t bide__workers_lock;

/* In the child of a fork there are no threads and no work. */
void bide__workers_in_child(bool on_worker);

#endif
