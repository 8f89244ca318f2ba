// SPDX-License-Identifier: MIT
/* shared.c: what tasks share, with one another and with threads, and what guards it. */
#include <bide.h>
#include <pthread.h>
#include <stdio.h>

/* ---- with threads: a mutex of the system's, held over no call that suspends --------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long total;

/* Called in tasks and in threads. It does not suspend while it holds the lock: another task that
 * wanted it would stop the thread of both. */
static void add(long amount)
{
	pthread_mutex_lock(&lock);
	total += amount;
	pthread_mutex_unlock(&lock);
}

static BIDE_ASYNC(int, add_often, int);

static int add_often(int times)
{
	for (int i = 0; i < times; i++)
		add(1);
	return 0;
}

static BIDE_ASYNC(int, add_in_thread, int);

static int add_in_thread(int times)
{
	return bide_to_thread(add_often, times);
}

/* ---- with other tasks: a mutex of bide's, held over what suspends ------------------------- */

static bide_mutex turn = BIDE_MUTEX_INIT;

static BIDE_ASYNC(int, speak, const char *);

static int speak(const char *who)
{
	int rc;
	BIDE_LOCK(&turn, rc) {
		printf("%s begins\n", who);
		rc = bide_sleep(0.01);
		printf("%s ends\n", who);
	}
	return rc;
}

/* ---- with nobody: a variable of the task, not of the thread ------------------------------- */

static _Thread_local const char *user_of_thread;
static const bide_local user_of_task;

static BIDE_ASYNC(int, serve, const char *);

static int serve(const char *user)
{
	int rc = bide_local_set(&user_of_task, (void *)user);
	user_of_thread = user;
	if (rc == 0)
		rc = bide_yield(); /* another task runs, and sets both for its user */
	if (rc == 0)
		printf("%s: the task's user is %s, the thread's is %s\n", user,
		       (const char *)bide_local_get(&user_of_task), user_of_thread);
	return rc;
}

/* ---- the program -------------------------------------------------------------------------- */

static BIDE_ASYNC(int, share, void);

static int share(void)
{
	int rc;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, add_in_thread, 100000);
		bide_group_spawn(group, add_in_thread, 100000);
		bide_group_spawn(group, add_often, 100000);
	}
	printf("%ld\n", total);
	if (rc == 0)
		BIDE_GROUP(group, rc) {
			bide_group_spawn(group, speak, "ada");
			bide_group_spawn(group, speak, "bob");
		}
	if (rc == 0)
		BIDE_GROUP(group, rc) {
			bide_group_spawn(group, serve, "ada");
			bide_group_spawn(group, serve, "bob");
		}
	return rc;
}

int main(void)
{
	return bide_run(share) < 0;
}
