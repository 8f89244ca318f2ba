/* SPDX-License-Identifier: MIT */
/* What tests of calls in threads share: gates at which jobs wait, and what the system says of the
 * process's threads. */
#ifndef THREAD_KIT_H
#define THREAD_KIT_H

#include "harness/test.h"

#include <bide.h>

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Lets go on who waits at it, or the next one who will. */
typedef sem_t gate;

static inline void gate_close(gate *it)
{
	sem_init(it, 0, 0);
}

static inline void gate_open(gate *it)
{
	sem_post(it);
}

static inline void gate_wait(gate *it)
{
	while (sem_wait(it) < 0 && errno == EINTR)
		;
}

/* Opened by a job that has begun, and what it waits for then. */
__attribute__((unused)) static gate begun, go_on;

__attribute__((unused)) static BIDE_ASYNC(int, wait_at_gate, int);
__attribute__((unused)) static int wait_at_gate(int result)
{
	gate_open(&begun);
	gate_wait(&go_on);
	return result;
}

__attribute__((unused)) static BIDE_ASYNC(int, call_wait_at_gate, int);
__attribute__((unused)) static int call_wait_at_gate(int result)
{
	return bide_to_thread(wait_at_gate, result);
}

static inline void nap_ms(long ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };
	(void)nanosleep(&time, NULL);
}

/* How many threads of the pool there are: told by their names, as the test or a sanitizer may have
 * some of their own. One that has been joined may be seen a moment longer. */
static inline int count_threads(void)
{
	char path[300], name[32];
	int threads = 0;
	const struct dirent *entry;
	DIR *tasks = opendir("/proc/self/task");
	while (tasks != NULL && (entry = readdir(tasks)) != NULL) {
		snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
		FILE *file = fopen(path, "r");
		if (file == NULL)
			continue;
		if (fgets(name, sizeof name, file) != NULL)
			threads += strcmp(name, "bide-thread\n") == 0;
		fclose(file);
	}
	if (tasks != NULL)
		closedir(tasks);
	return threads;
}

/* Waits until there are so many, which happens soon; returns whether it did. */
static inline bool threads_become(int threads)
{
	for (int i = 0; i < 5000 && count_threads() != threads; i++)
		nap_ms(1);
	return count_threads() == threads;
}

/* The last report, and how many there were. Jobs may report. */
static struct {
	pthread_mutex_t lock;
	int count, error;
	char task[64], message[1024];
} report = { .lock = PTHREAD_MUTEX_INITIALIZER };

static inline void keep_report(void *arg, const bide_report *given)
{
	(void)arg;
	pthread_mutex_lock(&report.lock);
	report.count++;
	report.error = given->error;
	snprintf(report.task, sizeof report.task, "%s", given->task != NULL ? given->task : "");
	snprintf(report.message, sizeof report.message, "%s", given->message);
	pthread_mutex_unlock(&report.lock);
}

static inline int reports(void)
{
	pthread_mutex_lock(&report.lock);
	int count = report.count;
	pthread_mutex_unlock(&report.lock);
	return count;
}

/* A test whose block is the main task of a run, on a full stack. */
#define RUN_TEST(name) \
	static BIDE_ASYNC(void, in_##name, void); \
	TEST(name) \
	{ \
		bide_set_report(keep_report, NULL); \
		CHECK_INT(bide_try_run(NULL, NULL, in_##name), 0); \
	} \
	static void in_##name(void)

/* A test whose block is the main task and aborts with that text. */
#define RUN_ABORTS(name, text) \
	static BIDE_ASYNC(void, in_##name, void); \
	TEST_ABORTS(name, text) \
	{ \
		(void)bide_try_run(NULL, NULL, in_##name); \
	} \
	static void in_##name(void)

#endif
