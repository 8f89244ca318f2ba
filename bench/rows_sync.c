// SPDX-License-Identifier: MIT
/* rows_sync.c: many tasks that contend for one mutex or one semaphore. Nobody ever finds it free:
 * it is handed from one to the next, and who has let go of it waits again behind all others. */
#include "core.h"

#include <errno.h>
#include <stdlib.h>

enum { FEW = 100, MANY = 100000 };

/* What is contended for, and what it guards: without the guard additions would be lost. */
static bide_mutex mutex;
static bide_semaphore semaphore;
static long handed_over;

/* ---- tasks that contend ------------------------------------------------------------------- */

static inline int lock_often(long times)
{
	for (long i = 0; i < times; i++) {
		int rc = bide_mutex_lock(&mutex);
		if (rc < 0)
			return rc;
		handed_over++;
		bide_mutex_unlock(&mutex);
	}
	return 0;
}

static inline int acquire_often(long times)
{
	for (long i = 0; i < times; i++) {
		int rc = bide_semaphore_acquire(&semaphore);
		if (rc < 0)
			return rc;
		handed_over++;
		bide_semaphore_release(&semaphore);
	}
	return 0;
}

/* Of each a full and a light task. */
#define CONTENDERS(name) \
	static BIDE_ASYNC(int, full_##name, long); \
	static BIDE_ASYNC_LIGHT(int, light_##name, long); \
	static int full_##name(long times) \
	{ \
		return name(times); \
	} \
	static int light_##name(long times) \
	{ \
		return name(times); \
	} \
	static bide_task *start_##name(bool light, long times) \
	{ \
		return light ? bide_spawn(light_##name, times) : bide_spawn(full_##name, times); \
	}

CONTENDERS(lock_often)
CONTENDERS(acquire_often)

typedef bide_task *starter(bool light, long times);

/* ---- the rows ----------------------------------------------------------------------------- */

static BIDE_ASYNC(int, contend, const struct request *, long, starter *);

/* All wait before the first hand-over, and n are made in all: the first tasks make one more, if
 * that must be. */
static int contend(const struct request *request, long n_tasks, starter *start)
{
	bide_task **tasks = calloc((size_t)n_tasks, sizeof(*tasks));
	int rc = tasks == NULL ? -ENOMEM : bide_mutex_lock(&mutex);

	if (rc < 0) {
		free(tasks);
		return rc;
	}
	for (long i = 0; i < n_tasks; i++)
		tasks[i] = start(request->light, request->n / n_tasks + (i < request->n % n_tasks));
	rc = bide_yield();
	bide_semaphore_release(&semaphore);
	bide_mutex_unlock(&mutex);
	for (long i = 0; i < n_tasks; i++) {
		int ended = bide_await(int, tasks[i]);
		rc = rc < 0 ? rc : ended;
	}
	free(tasks);
	if (rc < 0)
		return rc;
	if (handed_over != request->n)
		return wrong("hand-overs", (double)handed_over, (double)request->n);
	print_figure("ops", (double)handed_over);
	return 0;
}

static int run(const struct request *request, long n_tasks, starter *start)
{
	if (request->tasks != 0)
		n_tasks = request->tasks;
	return RUN_ROW(contend, request, request, n_tasks, start);
}

static int mutex100(const struct request *request)
{
	return run(request, FEW, start_lock_often);
}

static int mutex100k(const struct request *request)
{
	return run(request, MANY, start_lock_often);
}

static int semaphore100(const struct request *request)
{
	return run(request, FEW, start_acquire_often);
}

static int semaphore100k(const struct request *request)
{
	return run(request, MANY, start_acquire_often);
}

const struct row rows_sync[] = {
	{ "mutex100", mutex100, "hand-overs of a mutex among 100 tasks (--tasks)" },
	{ "mutex100k", mutex100k, "hand-overs of a mutex among 100,000 tasks (--tasks)" },
	{ "semaphore100", semaphore100, "hand-overs of a semaphore among 100 tasks (--tasks)" },
	{ "semaphore100k", semaphore100k,
	  "hand-overs of a semaphore among 100,000 tasks (--tasks)" },
	{ NULL, NULL, NULL },
};
