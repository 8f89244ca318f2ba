/* SPDX-License-Identifier: MIT */
/* interleave_kit.h: runs a scenario of a few threads in every order in which their accesses to
 * shared memory can follow one another.
 *
 * The code under test is the library's own, compiled into the test:
 *
 *     #include "core/wake.h"              all headers that the code needs, then
 *     #include "core/interleave_kit.h"
 *     #include "core/interleave_calls.h"  turns its calls into calls of the explorer, and
 *     #include "core/wake.c"              the code itself
 *
 *     static void set_up(void)            for every execution anew
 *     {
 *             …                           all memory as it is at the beginning
 *             interleave_thread("sender", send_two, NULL);
 *             interleave_thread("loop", run_loop, NULL);
 *     }
 *
 * The threads are contexts of one thread of the system, and only one runs at a time. At each atomic
 * operation, each call of pthread_mutex_*, pthread_cond_*, pthread_create and pthread_join, each
 * futex and each free() of memory from the kit, the explorer chooses which one goes on. It runs the
 * scenario again and again, depth first over its choices, until it has tried them all. What the
 * threads do must depend on nothing else: no clock, no random number, no address of the heap. What
 * threads share and the test keeps for itself, such as a count that it checks, may be plain as long
 * as the code under test orders it; flags that threads of the test wait at are for
 * interleave_await().
 *
 * WHAT IS EXPLORED: all sequentially consistent interleavings of these operations. Of those that
 * differ only in the order of operations that do not touch the same memory, or only read it, one is
 * run, as they all end alike (see interleave_kit.c). With a bound on preemptions it is every order
 * with at most so many, and nothing is left out on these grounds.
 *
 * WHAT IS NOT: orders that a weaker memory model permits beyond these, and plain accesses that are
 * not ordered by the operations above. Both are for ThreadSanitizer to see. Neither are weak
 * compare-and-exchanges that fail for no reason, nor waits that end for none.
 *
 * What fails is told with the steps that led to it. A thread that waits for ever is a failure, and
 * so is a touch of memory that has been freed.
 *
 * A scenario should be as small as what it is to show: two or three threads, one or two operations
 * of each. What it explores is right only if it can fail: see the deliberate faults, struct
 * interleave_mutant, that each test of this kind must find. */
#ifndef INTERLEAVE_KIT_H
#define INTERLEAVE_KIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* ---- scenarios ---------------------------------------------------------------------------- */

/* A deliberate fault: how one access of the code under test is changed. The tests of the tests: an
 * exploration must find it. */
enum interleave_change {
	INTERLEAVE_UNCHANGED,
	INTERLEAVE_SKIPPED, /* not made; a load gives 0, all others leave what is there */
	INTERLEAVE_LATE,    /* a store or exchange is seen by others after more accesses */
	INTERLEAVE_BLIND,   /* a compare-and-exchange does not compare */
	INTERLEAVE_SPLIT    /* an exchange is a load and then a store */
};

struct interleave_mutant {
	const char *name;
	const char *function; /* in which the access is */
	const char *what;     /* what it accesses, in the words of the source */
	enum interleave_change change;
	unsigned late; /* by how many accesses of the same thread */
};

/* For interleave_scenario.preemptions: no bound. */
enum { INTERLEAVE_ALL = -1 };

struct interleave_scenario {
	const char *name;
	void (*set_up)(void); /* memory and threads, before each execution */
	void (*check)(void);  /* what must be so after each, or NULL */
	int preemptions;      /* how often a thread that could go on is made to wait, at most */
	unsigned timeouts;    /* how many waits of each thread that have a time-out may reach it */
	unsigned refusals;    /* how many calls of pthread_create fail, from the first on */
	const struct interleave_mutant *mutant; /* or NULL */
};

struct interleave_result {
	bool failed;
	unsigned long executions; /* to their end */
	unsigned long abandoned;  /* when they were seen to be like another one */
	int steps;                /* of the longest */
	char text[8192];          /* what failed, and the steps that led to it */
};

/* Runs all executions, or those up to the first that fails. Returns whether none did. */
bool interleave_explore(const struct interleave_scenario *scenario,
                        struct interleave_result *ret_result);

/* ---- in scenarios ------------------------------------------------------------------------- */

/* Adds a thread, in set_up(). The name and the argument are borrowed. */
void interleave_thread(const char *name, void *(*body)(void *arg), void *arg);

/* Says that the calling thread may wait for ever: the execution is over when only such do. */
void interleave_may_wait(void);

/* Waits until *flag is not 0 and makes it 0: one step. */
void interleave_await(int *flag);

/* An execution fails when what must hold does not. Does not return then, but in set_up() and
 * check(). */
#define interleave_assert(holds) \
	((holds) ? (void)0 : interleave_fail("%s:%d: not true: %s", __FILE__, __LINE__, #holds))
void interleave_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Memory of the kit, zeroed; blocks that have not been freed. */
void *interleave_malloc(size_t size);
void interleave_free(void *block);
unsigned interleave_blocks(void);

/* ---- behind interleave_calls.h ------------------------------------------------------------ */

/* Where an access stands. */
struct interleave_place {
	const char *what, *function;
};

uint64_t interleave__load(const void *at, size_t size, struct interleave_place place);
void interleave__store(void *at, size_t size, uint64_t value, struct interleave_place place);
uint64_t interleave__exchange(void *at, size_t size, uint64_t value, struct interleave_place place);
bool interleave__compare_exchange(void *at, size_t size, void *expected, uint64_t value,
                                  struct interleave_place place);
uint64_t interleave__add(void *at, size_t size, uint64_t value, struct interleave_place place);
uint64_t interleave__or(void *at, size_t size, uint64_t value, struct interleave_place place);
uint64_t interleave__and(void *at, size_t size, uint64_t value, struct interleave_place place);

int interleave__init(pthread_mutex_t *mutex);
int interleave__lock(pthread_mutex_t *mutex, struct interleave_place place);
int interleave__trylock(pthread_mutex_t *mutex, struct interleave_place place);
int interleave__unlock(pthread_mutex_t *mutex, struct interleave_place place);
int interleave__destroy(pthread_mutex_t *mutex);
int interleave__wait(pthread_cond_t *cond, pthread_mutex_t *mutex, struct interleave_place place);
int interleave__wake(const void *at, unsigned most, struct interleave_place place);
int interleave__create(pthread_t *ret_thread, void *(*body)(void *arg), void *arg);
int interleave__join(pthread_t thread);
pthread_t interleave__self(void);

/* sched_yield(), in a loop that loads one place and does nothing else: waits until it changes. */
int interleave__yield(void);

/* FUTEX_WAIT, FUTEX_WAIT_BITSET and FUTEX_WAKE of syscall(2). */
long interleave__syscall(struct interleave_place place, long number, ...);

/* Time stands still. */
int interleave__clock_gettime(struct timespec *ret_now);

#endif
