// SPDX-License-Identifier: MIT
/* rows_thread.c: calls in threads: one at a time, many in flight; and what the first costs with
 * nothing between a program and the system. */
#include "core.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { IN_FLIGHT = 1000 };

static BIDE_ASYNC(long, next_number, long);

static long next_number(long i)
{
	return i + 1;
}

/* Each call is given what the one before returned. @return how many were made. */
static inline long call_times(long times)
{
	long i = 0;

	while (i < times && bide_to_thread(next_number, i) == i + 1)
		i++;
	return i;
}

static BIDE_ASYNC(long, caller, long);
static BIDE_ASYNC_LIGHT(long, caller_light, long);

static long caller(long times)
{
	return call_times(times);
}

static long caller_light(long times)
{
	return call_times(times);
}

static BIDE_ASYNC(int, call_at_once, const struct request *, long);

/* So many tasks that make n calls in all. */
static int call_at_once(const struct request *request, long n_tasks)
{
	long made = 0;
	int rc;

	BIDE_GROUP(group, rc) {
		for (long i = 0; i < n_tasks; i++) {
			long times = (request->n + i) / n_tasks;

			(void)(request->light ? bide_group_spawn(group, caller_light, times)
			                      : bide_group_spawn(group, caller, times));
		}
		for (bide_task *task; (task = bide_group_next(group));)
			made += bide_await(long, task);
	}
	if (rc == 0 && made != request->n)
		return wrong("calls", (double)made, (double)request->n);
	if (rc == 0)
		print_figure("ops", (double)made);
	return rc;
}

static int to_thread(const struct request *request)
{
	return RUN_ROW(call_at_once, request, request, 1);
}

static int to_thread_1000(const struct request *request)
{
	return RUN_ROW(call_at_once, request, request,
	               request->tasks != 0 ? request->tasks : IN_FLIGHT);
}

/* ---- without a loop ----------------------------------------------------------------------- */

/* A thread that waits for numbers, and tells by the descriptor that it has made the next. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t given;
	long number; /* -1: to end */
	bool full;
	int done;
} bare = { .lock = PTHREAD_MUTEX_INITIALIZER, .given = PTHREAD_COND_INITIALIZER };

static long take(void)
{
	pthread_mutex_lock(&bare.lock);
	while (!bare.full)
		pthread_cond_wait(&bare.given, &bare.lock);
	bare.full = false;
	pthread_mutex_unlock(&bare.lock);
	return bare.number;
}

static void give(long number)
{
	pthread_mutex_lock(&bare.lock);
	bare.number = number;
	bare.full = true;
	pthread_cond_signal(&bare.given);
	pthread_mutex_unlock(&bare.lock);
}

static void *serve(void *arg)
{
	const uint64_t one = 1;

	for (long number; (number = take()) >= 0;) {
		bare.number = next_number(number);
		if (write(bare.done, &one, sizeof(one)) != sizeof(one))
			break;
	}
	return arg;
}

static int bare_thread(const struct request *request)
{
	pthread_t thread;
	uint64_t count;
	long i = 0;

	bare.done = eventfd(0, EFD_CLOEXEC);
	if (bare.done < 0 || pthread_create(&thread, NULL, serve, NULL) != 0)
		return -1;
	for (; i < request->n; i++) {
		give(i);
		if (read(bare.done, &count, sizeof(count)) != sizeof(count) || bare.number != i + 1)
			break;
	}
	give(-1);
	pthread_join(thread, NULL);
	close(bare.done);
	if (i != request->n)
		return wrong("calls", (double)i, (double)request->n);
	print_figure("ops", (double)i);
	return 0;
}

const struct row rows_thread[] = {
	{ "to_thread", to_thread, "calls in a thread, one after the other" },
	{ "to_thread_1000", to_thread_1000, "calls in threads, 1,000 (--tasks) at a time" },
	{ "bare_thread", bare_thread,
	  "as to_thread, by a condition variable and an event descriptor, without a loop" },
	{ NULL, NULL, NULL },
};
