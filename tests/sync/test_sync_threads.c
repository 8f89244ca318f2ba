// SPDX-License-Identifier: MIT
/* An object belongs to one loop while its tasks use it: another thread's use of it aborts and names
 * both, and when nobody uses it any loop may. */
#include "sync/sync_kit.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static bide_mutex mutex;
static bide_event event;
static bide_cond cond;
static bide_semaphore semaphore;
static bide_barrier barrier = BIDE_BARRIER_INIT(2);

/* Each waits for one of them, which the main task then has used on another thread. */
static BIDE_ASYNC(int, wait_for_all, int);
static int wait_for_all(int which)
{
	int rc = which <= 1 ? bide_mutex_lock(&mutex) : 0;
	if (rc < 0)
		return rc;
	switch (which) {
	case 0:
		return bide_sleep(1);
	case 1:
		return bide_cond_wait(&cond, &mutex);
	case 2:
		return bide_event_wait(&event);
	case 3:
		return bide_semaphore_acquire(&semaphore);
	default:
		return bide_barrier_wait(&barrier);
	}
}

static void *(*on_thread)(void *);

static BIDE_ASYNC(int, use_elsewhere, int);
static int use_elsewhere(int which)
{
	pthread_t thread;
	bide_detach(bide_spawn(wait_for_all, which));
	settle();
	printf("the first thread is %ld\n", syscall(SYS_gettid));
	fflush(stdout);
	if (pthread_create(&thread, NULL, on_thread, NULL) == 0)
		pthread_join(thread, NULL);
	return 0;
}

/* The call is made on a thread without a loop, or as the main task of one of its own. */
#define ELSEWHERE(name, which, text, call) \
	static void *thread_##name(void *arg) \
	{ \
		(void)!call; \
		return arg; \
	} \
	TEST_ABORTS(sync_threads_##name, text) \
	{ \
		on_thread = thread_##name; \
		(void)bide_try_run(&virtual_options, NULL, use_elsewhere, which); \
	}
#define ELSEWHERE_IN_A_TASK(name, which, text, call) \
	static BIDE_ASYNC(int, task_##name, void); \
	static int task_##name(void) \
	{ \
		return call; \
	} \
	ELSEWHERE(name, which, text, bide_try_run(&virtual_options, NULL, task_##name))

#define NONE(call) (call, 0)

ELSEWHERE_IN_A_TASK(lock, 0, "bide_mutex_lock: in task 'task_lock' (#1): task #2 of thread ",
                    bide_mutex_lock(&mutex))
ELSEWHERE_IN_A_TASK(event_wait, 2,
                    "bide_event_wait: in task 'task_event_wait' (#1): tasks of thread ",
                    bide_event_wait(&event))
ELSEWHERE_IN_A_TASK(acquire, 3, "bide_semaphore_acquire: in task 'task_acquire' (#1): tasks of ",
                    bide_semaphore_acquire(&semaphore))
ELSEWHERE_IN_A_TASK(barrier_wait, 4,
                    "bide_barrier_wait: in task 'task_barrier_wait' (#1): tasks of thread ",
                    bide_barrier_wait(&barrier))
ELSEWHERE(unlock, 0, "bide_mutex_unlock: task #2 of thread ", NONE(bide_mutex_unlock(&mutex)))
ELSEWHERE(notify, 1, "bide_cond_notify: tasks of thread ", bide_cond_notify(&cond, 1))
ELSEWHERE(notify_all, 1, "bide_cond_notify_all: tasks of thread ", bide_cond_notify_all(&cond))
ELSEWHERE(event_set, 2, "bide_event_set: tasks of thread ", NONE(bide_event_set(&event)))
ELSEWHERE(release, 3, "bide_semaphore_release: tasks of thread ",
          bide_semaphore_release(&semaphore))
ELSEWHERE(reset, 4, "bide_barrier_reset: tasks of thread ", NONE(bide_barrier_reset(&barrier)))
ELSEWHERE(abort, 4, "bide_barrier_abort: tasks of thread ", NONE(bide_barrier_abort(&barrier)))

/* ---- both are named ----------------------------------------------------------------------- */

static void *set_here(void *arg)
{
	char text[100];
	long *first = arg;
	snprintf(text, sizeof text, "tasks of thread %ld wait for it; this is thread %ld", *first,
	         syscall(SYS_gettid));
	printf("expected: %s\n", text);
	fflush(stdout);
	bide_event_set(&event);
	return arg;
}

static BIDE_ASYNC(int, set_elsewhere, void);
static int set_elsewhere(void)
{
	static long first;
	pthread_t thread;
	first = syscall(SYS_gettid);
	bide_detach(bide_spawn(wait_for_all, 2));
	settle();
	if (pthread_create(&thread, NULL, set_here, &first) == 0)
		pthread_join(thread, NULL);
	return 0;
}

TEST_ABORTS(sync_threads_are_both_named, "wait for it; this is thread ")
{
	(void)bide_try_run(&virtual_options, NULL, set_elsewhere);
}

/* ---- nobody's ----------------------------------------------------------------------------- */

static BIDE_ASYNC(int, use_all, void);
static int use_all(void)
{
	bide_task *tasks[3];
	bide_event_clear(&event);
	bide_semaphore_init(&semaphore, 0);
	EXPECT_INT(bide_mutex_lock(&mutex), 0);
	for (int i = 0; i < 3; i++)
		tasks[i] = bide_spawn(wait_for_all, 2 + i);
	settle();
	bide_mutex_unlock(&mutex);
	bide_event_set(&event);
	bide_semaphore_release(&semaphore);
	EXPECT_INT(bide_barrier_wait(&barrier), 1);
	return bide_gather(tasks, 3, NULL);
}

static void *run_once(void *arg)
{
	EXPECT_INT(bide_try_run(&virtual_options, NULL, use_all), 0);
	return arg;
}

TEST(sync_threads_use_one_object_one_after_the_other)
{
	pthread_t thread;
	for (int i = 0; i < 3; i++) {
		run_once(NULL);
		CHECK_INT(pthread_create(&thread, NULL, run_once, NULL), 0);
		pthread_join(thread, NULL);
	}
}

/* Each loop has its own; they have nothing to do with one another. */
static BIDE_ASYNC_LIGHT(int, add, bide_mutex *, long *);
static int add(bide_mutex *m, long *sum)
{
	for (int i = 0; i < 50; i++) {
		int rc;
		BIDE_LOCK(m, rc) {
			long seen = *sum;
			rc = bide_yield();
			*sum = seen + 1;
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

static BIDE_ASYNC(int, add_up, void);
static int add_up(void)
{
	bide_mutex own = BIDE_MUTEX_INIT;
	long sum = 0;
	int rc;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 20; i++)
			bide_group_spawn(group, add, &own, &sum);
	}
	EXPECT_INT(sum, 50 * 20);
	return rc;
}

static void *run_add_up(void *arg)
{
	EXPECT_INT(bide_run(add_up), 0);
	return arg;
}

TEST(sync_threads_each_with_a_mutex_of_its_own)
{
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, run_add_up, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}
