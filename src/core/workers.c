// SPDX-License-Identifier: MIT
/* workers.c: see workers.h.
 *
 * Work is pushed onto `fresh` without a lock; who takes some moves it from there to the end of the
 * queue, under the lock. Idle threads lie on a stack, so that the one that ran last runs next and
 * the others can end.
 *
 * A thread that is awake and has no work yet is SEARCHING. While one is, nobody is called for new
 * work: when it has found some, and there is more, it calls the next one. So a piece of work that
 * could be run is waited for by nobody but a searching thread, and a burst of them costs its
 * sender one wake-up. `wanting` says that none searches and one could be had. A sender pushes and
 * then looks at it; a thread that goes idle, or stops searching, says so and then looks at `fresh`:
 * one of them sees the other. */
#include "core/workers.h"

#include "base/alloc.h"
#include "base/processors.h"
#include "core/block.h"
#include "core/watch.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	LIMIT_MOST = 32, /* threads, unless another limit is asked for: */
	LIMIT_MORE = 4,  /* so many more than processors */
	IDLE_SECONDS = 10,
	RETRY_NS = 100 * 1000 * 1000, /* after which a thread is tried to be started again */
	STACK_LEAST = 64 * 1024,
	GUARD = 64 * 1024,
	NS = 1000000000
};

/* What an idle thread's futex says. */
enum { WAITS, CALLED, DISMISSED };

/* A thread; on its own stack. */
struct worker {
	struct worker *next; /* idle before it */
	pthread_t thread;
	bool searching;
	bool last;     /* there was nothing more when it found what it does */
	uint32_t word; /* atomic, written under the lock */
};

/* Whom to wake, or whether to start one, when the lock has been given back. */
struct call {
	uint32_t *word;
	bool start;
};

pthread_mutex_t bide__workers_lock = PTHREAD_MUTEX_INITIALIZER;

/* All up to `fresh` is guarded by the lock. */
static struct {
	struct bide__work *head, *tail; /* the queue */
	struct worker *idle;            /* the one that ran last */
	size_t threads;                 /* idle or not */
	size_t searching;               /* of these */
	long left;                      /* pieces of work that nobody waits for */
	unsigned users, closing;        /* and those that wait for the threads to be gone */
	uint64_t retry_ns;              /* when one may be started again, 0: none was refused */
	/* Each that ends joins the one that ended before it, so that there is one at most to be
	 * joined. */
	pthread_t last_ended;
	bool has_ended;
	size_t leaving;      /* dismissed and not yet the last that ended */
	pthread_cond_t gone; /* of threads or of work there is less */
	size_t limit;        /* 0: not yet found out */
	size_t stack_size;
	uint64_t idle_ns;

	_Alignas(64) struct bide__work *fresh; /* atomic: newest first */
	bool wanting;                          /* atomic, written under the lock */
} pool = { .gone = PTHREAD_COND_INITIALIZER, .idle_ns = (uint64_t)IDLE_SECONDS * NS };

static uint64_t monotonic(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS + (uint64_t)now.tv_nsec;
}

/* ---- the queue ---------------------------------------------------------------------------- */

/* Moves what is fresh to the queue's end. */
static void drain(void)
{
	struct bide__work *newest = __atomic_exchange_n(&pool.fresh, NULL, __ATOMIC_ACQUIRE);
	struct bide__work *oldest = NULL, *last = newest;
	for (struct bide__work *next; newest != NULL; newest = next) {
		next = newest->next;
		newest->prev = next;
		newest->next = oldest;
		oldest = newest;
	}
	if (oldest == NULL)
		return;
	oldest->prev = pool.tail;
	if (pool.tail == NULL)
		pool.head = oldest;
	else
		pool.tail->next = oldest;
	pool.tail = last;
}

static void unlink_work(struct bide__work *work)
{
	if (work->prev == NULL)
		pool.head = work->next;
	else
		work->prev->next = work->next;
	if (work->next == NULL)
		pool.tail = work->prev;
	else
		work->next->prev = work->prev;
	work->queued = false;
}

static struct bide__work *take(void)
{
	if (pool.head == NULL)
		drain();
	struct bide__work *work = pool.head;
	if (work != NULL)
		unlink_work(work);
	return work;
}

static bool is_empty(void)
{
	return pool.head == NULL && __atomic_load_n(&pool.fresh, __ATOMIC_SEQ_CST) == NULL;
}

/* ---- how many threads --------------------------------------------------------------------- */

/* 0 when the variable is not set or means nothing. */
static size_t limit_of_environment(void)
{
	const char *text = getenv("BIDE_THREADS");
	char *end = NULL;
	if (text == NULL || *text < '0' || *text > '9')
		return 0;
	unsigned long limit = strtoul(text, &end, 10);
	return *end == '\0' ? limit : 0;
}

static size_t limit(void)
{
	struct bide__processors processors;
	if (pool.limit > 0)
		return pool.limit;
	bide__processors_get(&processors);
	size_t usual = bide__processors_count(&processors) + LIMIT_MORE;
	pool.limit = limit_of_environment();
	if (pool.limit == 0)
		pool.limit = usual < LIMIT_MOST ? usual : LIMIT_MOST;
	return pool.limit;
}

static bool may_start(void)
{
	if (pool.retry_ns != 0 && (pool.threads == 0 || monotonic() >= pool.retry_ns))
		pool.retry_ns = 0;
	return pool.threads < limit() && pool.retry_ns == 0;
}

/* Tells senders whether to call somebody. One that was refused a thread shortly ago is not to try
 * each time. */
static void publish(void)
{
	bool wanting = pool.searching == 0 && (pool.idle != NULL || pool.threads == 0 ||
	                                       (pool.retry_ns == 0 && pool.threads < limit()));
	if (__atomic_load_n(&pool.wanting, __ATOMIC_RELAXED) != wanting)
		__atomic_store_n(&pool.wanting, wanting, __ATOMIC_SEQ_CST);
}

/* Whom to call if there is work that nobody searches for; who is called searches already. What is
 * pushed before senders are told to call somebody is to be seen here, so it is looked for again. */
static struct call choose(void)
{
	struct call call = { NULL, false };
	if (is_empty())
		publish();
	if (pool.searching == 0 && !is_empty()) {
		struct worker *worker = pool.idle;
		if (worker != NULL) {
			pool.idle = worker->next;
			worker->searching = true;
			pool.searching++;
			__atomic_store_n(&worker->word, CALLED, __ATOMIC_RELEASE);
			call.word = &worker->word;
		} else if (may_start()) {
			pool.threads++;
			pool.searching++;
			call.start = true;
		}
	}
	publish();
	return call;
}

/* ---- starting ----------------------------------------------------------------------------- */

static void *worker_main(void *arg);

/* Faults are the thread's own. All other signals are for threads that know what to do with them. */
static void block_signals(sigset_t *before)
{
	sigset_t set;
	bide__all_but_faults(&set);
	(void)pthread_sigmask(SIG_SETMASK, &set, before);
}

/* The thread has the signal mask of the one that starts it, and may run where that may. */
static int create(pthread_t *ret_thread, const pthread_attr_t *attributes, void *(*entry)(void *),
                  void *arg)
{
	sigset_t before;
	block_signals(&before);
	bide__processors_loosen();
	int error = pthread_create(ret_thread, attributes, entry, arg);
	bide__processors_tighten();
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

int bide__thread_start(pthread_t *ret_thread, size_t stack_size, void *(*entry)(void *), void *arg)
{
	pthread_attr_t attributes;
	if (bide__alloc_fails() || pthread_attr_init(&attributes) != 0)
		return -EAGAIN;
	(void)pthread_attr_setguardsize(&attributes, GUARD);
	int error = stack_size > 0 ? pthread_attr_setstacksize(&attributes, stack_size) : 0;
	if (error == 0)
		error = create(ret_thread, &attributes, entry, arg);
	(void)pthread_attr_destroy(&attributes);
	return -error;
}

static bool start(size_t stack_size)
{
	pthread_t thread;
	return bide__thread_start(&thread, stack_size, worker_main, NULL) == 0;
}

/* Where there is no thread at all, nothing that is queued would ever be run. */
static struct bide__work *take_all(void)
{
	drain();
	struct bide__work *all = pool.head;
	for (struct bide__work *work = all; work != NULL; work = work->next)
		work->queued = false;
	pool.head = pool.tail = NULL;
	return all;
}

static struct call not_started(void)
{
	struct bide__work *refused = NULL;
	pthread_mutex_lock(&bide__workers_lock);
	pool.threads--;
	pool.searching--;
	pool.retry_ns = monotonic() + RETRY_NS;
	if (pool.threads == 0)
		refused = take_all();
	struct call call = choose();
	pthread_mutex_unlock(&bide__workers_lock);
	for (struct bide__work *next; refused != NULL; refused = next) {
		next = refused->next;
		refused->done(refused, true);
	}
	return call;
}

/* A thread that is woken may be gone before the system call: then it wakes nobody. */
static void make(struct call call, size_t stack_size)
{
	while (call.start && !start(stack_size))
		call = not_started();
	if (call.word != NULL)
		(void)syscall(SYS_futex, call.word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* Calls somebody, if anybody must be, and gives the lock back. */
static void call_and_unlock(void)
{
	struct call call = choose();
	size_t stack_size = pool.stack_size;
	pthread_mutex_unlock(&bide__workers_lock);
	make(call, stack_size);
}

/* ---- a thread ----------------------------------------------------------------------------- */

static void stop_searching(struct worker *me)
{
	pool.searching -= me->searching;
	me->searching = false;
}

static void leave_idle(struct worker *me)
{
	struct worker **link = &pool.idle;
	while (*link != me)
		link = &(*link)->next;
	*link = me->next;
}

/* It is waited for, unless it did what nobody waited for and there is nobody any more. */
static void leave(struct worker *me)
{
	pool.threads--;
	if (pool.users == 0 && pool.closing == 0)
		return;
	pool.leaving++;
	__atomic_store_n(&me->word, DISMISSED, __ATOMIC_RELAXED);
}

/* Waits to be called, at most as long as an idle thread is kept. */
static void sleep_idle(struct worker *me, uint64_t idle_ns)
{
	uint64_t until = monotonic();
	until = idle_ns > UINT64_MAX / 4 ? UINT64_MAX / 2 : until + idle_ns;
	const struct timespec at = { (time_t)(until / NS), (long)(until % NS) };
	while (__atomic_load_n(&me->word, __ATOMIC_ACQUIRE) == WAITS)
		if (syscall(SYS_futex, &me->word, FUTEX_WAIT_BITSET_PRIVATE, WAITS, &at, NULL,
		            FUTEX_BITSET_MATCH_ANY) < 0 &&
		    errno == ETIMEDOUT)
			return;
}

/* Returns whether there may be work; the lock is given back meanwhile. */
static bool be_idle(struct worker *me)
{
	me->next = pool.idle;
	pool.idle = me;
	__atomic_store_n(&me->word, WAITS, __ATOMIC_RELAXED);
	stop_searching(me);
	publish();
	if (!is_empty()) {
		leave_idle(me);
		return true;
	}
	uint64_t idle_ns = pool.idle_ns;
	pthread_mutex_unlock(&bide__workers_lock);
	sleep_idle(me, idle_ns);
	pthread_mutex_lock(&bide__workers_lock);
	uint32_t word = __atomic_load_n(&me->word, __ATOMIC_RELAXED);
	if (word == WAITS) {
		leave_idle(me);
		leave(me);
	}
	return word == CALLED;
}

/* Before a thread that searches goes idle: offers the processor to others until there is work, or
 * for a while. Returns whether it did; then the lock was given back meanwhile. */
static bool offer(const struct worker *me)
{
	static _Thread_local struct bide__offers offers = { .rest = 100 };
	bool more, came;
	if (!me->searching || !bide__offers_begin(&offers))
		return false;
	pthread_mutex_unlock(&bide__workers_lock);
	do {
		more = bide__offer(&offers);
		came = __atomic_load_n(&pool.fresh, __ATOMIC_RELAXED) != NULL;
	} while (!came && more);
	bide__offers_end(&offers, came);
	pthread_mutex_lock(&bide__workers_lock);
	return true;
}

/* The next piece of work; NULL when the thread is to end, and does not count any more. */
static struct bide__work *find(struct worker *me)
{
	struct bide__work *work = NULL;
	bool offered = false;
	pthread_mutex_lock(&bide__workers_lock);
	for (;;) {
		if (pool.users == 0 || pool.threads > limit()) {
			leave(me);
			break;
		}
		work = take();
		if (work != NULL)
			break;
		offered = !offered && offer(me);
		if (!offered && !be_idle(me))
			break;
	}
	stop_searching(me);
	me->last = is_empty();
	call_and_unlock();
	return work;
}

/* Before the sender learns that its work is done, and sends the next at once: that is waited for
 * then, where otherwise another thread would be called or started. */
static void search_on(struct worker *me)
{
	if (!me->last || __atomic_load_n(&pool.fresh, __ATOMIC_RELAXED) != NULL)
		return;
	pthread_mutex_lock(&bide__workers_lock);
	me->searching = true;
	pool.searching++;
	publish();
	pthread_mutex_unlock(&bide__workers_lock);
}

static void end(struct worker *me)
{
	pthread_mutex_lock(&bide__workers_lock);
	if (__atomic_load_n(&me->word, __ATOMIC_RELAXED) != DISMISSED) {
		(void)pthread_detach(me->thread);
		pthread_mutex_unlock(&bide__workers_lock);
		return;
	}
	bool after = pool.has_ended;
	pthread_t before = pool.last_ended;
	pool.has_ended = true;
	pool.last_ended = me->thread;
	if (--pool.leaving == 0)
		pthread_cond_broadcast(&pool.gone);
	pthread_mutex_unlock(&bide__workers_lock);
	if (after)
		(void)pthread_join(before, NULL);
}

static void *worker_main(void *arg)
{
	struct worker me = { NULL, pthread_self(), true, false, CALLED };
	(void)arg;
	(void)pthread_setname_np(me.thread, "bide-thread");
	for (struct bide__work *work; (work = find(&me)) != NULL;) {
		work->run(work);
		search_on(&me);
		work->done(work, false);
	}
	end(&me);
	return NULL;
}

/* ---- for those who use them --------------------------------------------------------------- */

void bide__workers_submit(struct bide__work *work)
{
	work->queued = true;
	struct bide__work *before = __atomic_load_n(&pool.fresh, __ATOMIC_RELAXED);
	do
		work->next = before;
	while (!__atomic_compare_exchange_n(&pool.fresh, &before, work, true, __ATOMIC_SEQ_CST,
	                                    __ATOMIC_RELAXED));
	if (!__atomic_load_n(&pool.wanting, __ATOMIC_SEQ_CST))
		return;
	pthread_mutex_lock(&bide__workers_lock);
	call_and_unlock();
}

bool bide__workers_withdraw(struct bide__work *work)
{
	pthread_mutex_lock(&bide__workers_lock);
	drain();
	bool queued = work->queued;
	if (queued)
		unlink_work(work);
	pthread_mutex_unlock(&bide__workers_lock);
	return queued;
}

/* Has idle threads end until there are no more than so many. */
static void dismiss(size_t most)
{
	while (pool.idle != NULL && pool.threads > most) {
		struct worker *worker = pool.idle;
		pool.idle = worker->next;
		pool.threads--;
		pool.leaving++;
		__atomic_store_n(&worker->word, DISMISSED, __ATOMIC_RELEASE);
		(void)syscall(SYS_futex, &worker->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	}
	publish();
}

void bide__workers_enter(void)
{
	pthread_mutex_lock(&bide__workers_lock);
	pool.users++;
	publish();
	pthread_mutex_unlock(&bide__workers_lock);
}

/* A thread that has just told that its work is done may be on its way to being idle. */
static bool are_there(void)
{
	return pool.leaving > 0 || (pool.users == 0 && (long)pool.threads > pool.left);
}

void bide__workers_leave(void)
{
	bool ended = false;
	pthread_t thread;
	pthread_mutex_lock(&bide__workers_lock);
	if (--pool.users == 0) {
		pool.closing++;
		dismiss(0);
		while (are_there())
			pthread_cond_wait(&pool.gone, &bide__workers_lock);
		pool.closing--;
		ended = pool.has_ended;
		thread = pool.last_ended;
		pool.has_ended = false;
	}
	pthread_mutex_unlock(&bide__workers_lock);
	if (ended)
		(void)pthread_join(thread, NULL);
}

void bide__workers_leave_work(int more)
{
	pthread_mutex_lock(&bide__workers_lock);
	pool.left += more;
	pthread_cond_broadcast(&pool.gone);
	pthread_mutex_unlock(&bide__workers_lock);
}

void bide__workers_set(size_t new_limit, size_t stack_size, double idle_seconds)
{
	const double most = (double)(UINT64_MAX / 4);
	double idle_ns = (idle_seconds == 0 ? IDLE_SECONDS : idle_seconds) * NS;
	pthread_mutex_lock(&bide__workers_lock);
	pool.limit = new_limit;
	pool.stack_size = stack_size > 0 && stack_size < STACK_LEAST ? STACK_LEAST : stack_size;
	pool.idle_ns = idle_ns < most ? (uint64_t)idle_ns : UINT64_MAX;
	pool.retry_ns = 0;
	dismiss(limit());
	call_and_unlock();
}

/* ---- fork --------------------------------------------------------------------------------- */

/* The one thread of the child may be one of ours, that ends when its work is done. */
void bide__workers_in_child(bool on_worker)
{
	pool.gone = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
	pool.head = pool.tail = pool.fresh = NULL;
	pool.idle = NULL;
	pool.threads = on_worker;
	pool.searching = pool.leaving = 0;
	pool.left = pool.closing = 0;
	pool.has_ended = false;
	pool.users = 0;
	pool.retry_ns = 0;
	publish();
}
