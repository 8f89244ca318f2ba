/* SPDX-License-Identifier: MIT */
/* interleave_calls.h: turns what the code after it calls to reach other threads into calls of the
 * explorer; see interleave_kit.h. All other headers come before it. */
#ifndef INTERLEAVE_CALLS_H
#define INTERLEAVE_CALLS_H

#include "core/interleave_kit.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Signals are calls of the test's. */
static inline int interleave__no_signals(sigset_t *ret_blocked)
{
	return ret_blocked != NULL ? sigemptyset(ret_blocked) : 0;
}

#define INTERLEAVE__AT(what) ((struct interleave_place){ what, __func__ })
#define INTERLEAVE__TYPE(p) __typeof__(*(p))

/* Macros are not expanded within themselves, and none of these needs the builtin of its name. The
 * order is not looked at: all are sequentially consistent. */
#define __atomic_load_n(p, order) \
	((INTERLEAVE__TYPE(p))interleave__load((p), sizeof(*(p)), INTERLEAVE__AT(#p)))
#define __atomic_store_n(p, value, order) \
	interleave__store((p), sizeof(*(p)), (uint64_t)(value), INTERLEAVE__AT(#p))
#define __atomic_exchange_n(p, value, order) \
	((INTERLEAVE__TYPE(p))interleave__exchange((p), sizeof(*(p)), (uint64_t)(value), \
	                                           INTERLEAVE__AT(#p)))
#define __atomic_compare_exchange_n(p, expected, value, weak, order, failure_order) \
	interleave__compare_exchange((p), sizeof(*(p)), (expected), (uint64_t)(value), \
	                             INTERLEAVE__AT(#p))
#define __atomic_fetch_add(p, value, order) \
	__extension__({ \
		uint64_t interleave__old = \
			interleave__add((p), sizeof(*(p)), (uint64_t)(value), INTERLEAVE__AT(#p)); \
		(INTERLEAVE__TYPE(p)) interleave__old; \
	})
#define __atomic_fetch_sub(p, value, order) \
	__extension__({ \
		uint64_t interleave__old = interleave__add((p), sizeof(*(p)), -(uint64_t)(value), \
		                                           INTERLEAVE__AT(#p)); \
		(INTERLEAVE__TYPE(p)) interleave__old; \
	})
#define __atomic_fetch_or(p, value, order) \
	__extension__({ \
		uint64_t interleave__old = \
			interleave__or((p), sizeof(*(p)), (uint64_t)(value), INTERLEAVE__AT(#p)); \
		(INTERLEAVE__TYPE(p)) interleave__old; \
	})
#define __atomic_fetch_and(p, value, order) \
	__extension__({ \
		uint64_t interleave__old = \
			interleave__and((p), sizeof(*(p)), (uint64_t)(value), INTERLEAVE__AT(#p)); \
		(INTERLEAVE__TYPE(p)) interleave__old; \
	})
#define __atomic_add_fetch(p, value, order) \
	((INTERLEAVE__TYPE(p))(__atomic_fetch_add(p, value, order) + (value)))
#define __atomic_sub_fetch(p, value, order) \
	((INTERLEAVE__TYPE(p))(__atomic_fetch_sub(p, value, order) - (value)))
#define __atomic_thread_fence(order) ((void)0)

#define pthread_mutex_init(mutex, attributes) interleave__init(mutex)
#define pthread_mutex_lock(mutex) interleave__lock((mutex), INTERLEAVE__AT(#mutex))
#define pthread_mutex_trylock(mutex) interleave__trylock((mutex), INTERLEAVE__AT(#mutex))
#define pthread_mutex_unlock(mutex) interleave__unlock((mutex), INTERLEAVE__AT(#mutex))
#define pthread_mutex_destroy(mutex) interleave__destroy(mutex)
#define pthread_cond_wait(cond, mutex) interleave__wait((cond), (mutex), INTERLEAVE__AT(#cond))
#define pthread_cond_signal(cond) interleave__wake((cond), 1, INTERLEAVE__AT(#cond))
#define pthread_cond_broadcast(cond) interleave__wake((cond), -1U, INTERLEAVE__AT(#cond))
#define pthread_create(thread, attributes, body, arg) \
	((void)(attributes), interleave__create((thread), (body), (arg)))
#define pthread_join(thread, result) interleave__join(thread)
#define pthread_detach(thread) ((void)(thread), 0)
#define pthread_self() interleave__self()
#define pthread_setname_np(thread, name) 0
#define pthread_sigmask(how, set, before) ((void)(set), interleave__no_signals(before))

#define syscall(...) interleave__syscall(INTERLEAVE__AT("futex"), __VA_ARGS__)
#define sched_yield() interleave__yield()
#define clock_gettime(clock, now) interleave__clock_gettime(now)
#define malloc(size) interleave_malloc(size)
#define posix_memalign(ret_block, align, size) \
	((*(ret_block) = interleave_malloc(size)) != NULL ? 0 : ENOMEM)
#define free(block) interleave_free(block)

#endif
