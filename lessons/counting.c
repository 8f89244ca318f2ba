// SPDX-License-Identifier: MIT
/* counting.c: two tasks of a loop that count together without a lock, and are right; and two
 * threads, which need one. */
#include "lesson.h"

#include <bide.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { TIMES = 10000 };

static BIDE_ASYNC(int, count_in_task, int);
static BIDE_ASYNC(int, count_in_thread, int, pthread_mutex_t *);
static BIDE_ASYNC(int, call_count_in_thread, int, pthread_mutex_t *);
static BIDE_ASYNC(int, two_tasks, void);
static BIDE_ASYNC(int, two_threads, const char *, pthread_mutex_t *);

static atomic_long count;
static pthread_barrier_t both;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Another task runs where this one suspends, and nowhere else. */
static int count_in_task(int times)
{
	int rc = 0;

	for (int i = 0; i < times && rc == 0; i++) {
		long value = count;

		count = value + 1;
		rc = bide_yield();
	}
	return rc;
}

static int two_tasks(void)
{
	count = 0;
	bide_task *tasks[] = { bide_spawn(count_in_task, TIMES), bide_spawn(count_in_task, TIMES) };
	int rc = bide_gather(tasks, 2, NULL);

	return rc < 0 ? rc : lesson_print("two tasks: %ld of %d\n", count, 2 * TIMES);
}

/* Another thread may run at any time: between the reading and the writing, too. */
static int count_in_thread(int times, pthread_mutex_t *mutex)
{
	pthread_barrier_wait(&both); /* until the other one is here */
	for (int i = 0; i < times; i++) {
		if (mutex != NULL)
			pthread_mutex_lock(mutex);
		long value = count;

		sched_yield();
		count = value + 1;
		if (mutex != NULL)
			pthread_mutex_unlock(mutex);
	}
	return 0;
}

static int call_count_in_thread(int times, pthread_mutex_t *mutex)
{
	return bide_to_thread(count_in_thread, times, mutex);
}

static int two_threads(const char *how, pthread_mutex_t *mutex)
{
	count = 0;
	bide_task *tasks[] = { bide_spawn(call_count_in_thread, TIMES, mutex),
		               bide_spawn(call_count_in_thread, TIMES, mutex) };
	int rc = bide_gather(tasks, 2, NULL);

	return rc < 0 ? rc : lesson_print("two threads %s: %ld of %d\n", how, count, 2 * TIMES);
}

int main(int argc, char **argv)
{
	int rc;

	lesson_nothing(argc, argv);
	pthread_barrier_init(&both, NULL, 2);
	rc = bide_run(two_tasks);
	if (rc == 0)
		rc = bide_run(two_threads, "without a lock", NULL);
	if (rc == 0)
		rc = bide_run(two_threads, "with a lock", &lock);
	pthread_barrier_destroy(&both);
	return lesson_end(rc);
}
