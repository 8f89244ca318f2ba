// SPDX-License-Identifier: MIT
/* bide_cond: the mutex is held again whatever comes, notifications reach who waits, in order, and
 * none is lost by a cancellation. */
#include "sync/sync_kit.h"

static bide_mutex mutex = BIDE_MUTEX_INIT;
static bide_cond cond = BIDE_COND_INIT;
static int inside;

static void lock_now(void)
{
	EXPECT_INT(bide_mutex_lock(&mutex), 0);
}

/* Waits for a notification; a small letter when it got none. Then it holds the mutex for a time. */
static BIDE_ASYNC_LIGHT(int, wait_once, char, double);
static int wait_once(char c, double seconds)
{
	int rc = bide_mutex_lock(&mutex);
	if (rc < 0)
		return rc;
	rc = bide_cond_wait(&cond, &mutex);
	EXPECT(bide_mutex_locked(&mutex));
	EXPECT_INT(++inside, 1);
	note(rc < 0 ? (char)(c | 0x20) : c);
	if (seconds > 0)
		(void)bide_sleep(seconds);
	inside--;
	bide_mutex_unlock(&mutex);
	return rc;
}

static void spawn_waiters(bide_task **tasks, int n, double seconds)
{
	inside = 0;
	for (int i = 0; i < n; i++)
		tasks[i] = bide_spawn(wait_once, (char)('A' + i), seconds);
	settle();
	EXPECT_TRACE("");
	EXPECT(!bide_mutex_locked(&mutex));
}

VIRTUAL_TEST(cond_notifies_as_many_as_it_is_told_to_in_their_order)
{
	bide_task *tasks[6];
	spawn_waiters(tasks, 6, 0);
	lock_now();
	CHECK_UINT(bide_cond_notify(&cond, 1), 1);
	settle();
	EXPECT_TRACE(""); /* the mutex is held */
	bide_mutex_unlock(&mutex);
	settle();
	EXPECT_TRACE("A");
	CHECK_UINT(bide_cond_notify(&cond, 2), 2);
	settle();
	EXPECT_TRACE("BC");
	CHECK_UINT(bide_cond_notify(&cond, 0), 0);
	CHECK_UINT(bide_cond_notify(&cond, 100), 3);
	CHECK_INT(bide_gather(tasks, 6, NULL), 0);
	EXPECT_TRACE("DEF");
	CHECK_UINT(bide_cond_notify(&cond, 1), 0);
}

VIRTUAL_TEST(cond_notify_all_wakes_all_one_after_the_other)
{
	bide_task *tasks[3];
	spawn_waiters(tasks, 3, 1);
	lock_now();
	CHECK_UINT(bide_cond_notify_all(&cond), 3);
	bide_mutex_unlock(&mutex);
	CHECK_INT(bide_gather(tasks, 3, NULL), 0);
	EXPECT_TRACE("ABC");
	EXPECT_ELAPSED(3);
	CHECK_UINT(bide_cond_notify_all(&cond), 0);
}

VIRTUAL_TEST(cond_does_not_keep_a_notification_for_who_comes_later)
{
	bide_task *task;
	CHECK_UINT(bide_cond_notify(&cond, 1), 0);
	spawn_waiters(&task, 1, 0);
	bide_cancel(task);
	CHECK_INT(bide_join(task), -ECANCELED);
	EXPECT_TRACE("a");
}

static BIDE_ASYNC_LIGHT(int, lock_once, char);
static int lock_once(char c)
{
	int rc = bide_mutex_lock(&mutex);
	if (rc < 0)
		return rc;
	note(c);
	bide_mutex_unlock(&mutex);
	return 0;
}

VIRTUAL_TEST(cond_notified_tasks_queue_behind_those_who_wait_for_the_mutex)
{
	bide_task *task, *before;
	spawn_waiters(&task, 1, 0);
	lock_now();
	before = bide_spawn(lock_once, 'X');
	settle();
	bide_cond_notify(&cond, 1);
	bide_task *after = bide_spawn(lock_once, 'Y');
	settle();
	bide_mutex_unlock(&mutex);
	CHECK_INT(bide_join(after), 0);
	CHECK_INT(bide_join(before), 0);
	CHECK_INT(bide_join(task), 0);
	EXPECT_TRACE("XAY");
}

/* ---- cancellation ------------------------------------------------------------------------- */

VIRTUAL_TEST(cond_wait_is_cancelled_and_holds_the_mutex_again)
{
	bide_task *tasks[2];
	spawn_waiters(tasks, 2, 0);
	bide_cancel(tasks[0]);
	CHECK_INT(bide_join(tasks[0]), -ECANCELED);
	EXPECT_TRACE("a");
	CHECK_UINT(bide_cond_notify(&cond, 1), 1);
	CHECK_INT(bide_join(tasks[1]), 0);
	EXPECT_TRACE("B");
}

VIRTUAL_TEST(cond_wait_that_is_cancelled_waits_for_the_mutex_to_the_end)
{
	bide_task *task;
	spawn_waiters(&task, 1, 0);
	lock_now();
	bide_cancel(task);
	settle();
	bide_cancel(task);
	EXPECT_INT(bide_sleep(10), 0);
	EXPECT(!bide_task_done(task));
	EXPECT_TRACE("");
	bide_mutex_unlock(&mutex);
	CHECK_INT(bide_join(task), -ECANCELED);
	EXPECT_TRACE("a");
	EXPECT_ELAPSED(10);
}

VIRTUAL_TEST(cond_wait_that_was_notified_is_not_cancelled_by_what_comes_then)
{
	bide_task *tasks[2];
	spawn_waiters(tasks, 2, 0);
	lock_now();
	CHECK_UINT(bide_cond_notify(&cond, 1), 1);
	bide_cancel(tasks[0]); /* waits for the mutex */
	settle();
	bide_mutex_unlock(&mutex);
	CHECK_INT(bide_join(tasks[0]), 0);
	EXPECT_TRACE("A"); /* has the notification, and says so */
	bide_cond_notify(&cond, 1);
	CHECK_INT(bide_join(tasks[1]), 0);
}

VIRTUAL_TEST(cond_notifies_another_when_one_was_cancelled_before)
{
	bide_task *tasks[2];
	spawn_waiters(tasks, 2, 0);
	lock_now();
	bide_cancel(tasks[0]);
	CHECK_UINT(bide_cond_notify(&cond, 1), 1);
	bide_mutex_unlock(&mutex);
	CHECK_INT(bide_join(tasks[1]), 0);
	CHECK_INT(bide_join(tasks[0]), -ECANCELED);
	EXPECT_TRACE("Ba");
}

VIRTUAL_TEST(cond_wait_times_out_holding_the_mutex)
{
	int late, rc = 1;
	lock_now();
	BIDE_TIMEOUT(2, late) {
		rc = bide_cond_wait(&cond, &mutex);
		EXPECT_INT(bide_mutex_try_lock(&mutex), -EBUSY);
	}
	CHECK_INT(rc, -ETIMEDOUT);
	CHECK_INT(late, -ETIMEDOUT);
	EXPECT_ELAPSED(2);
	bide_mutex_unlock(&mutex);
}

static int refused;

/* A loop that ignores the result. */
static BIDE_ASYNC_LIGHT(int, ignore, const int *);
static int ignore(const int *until)
{
	int rc = bide_mutex_lock(&mutex);
	if (rc < 0)
		return rc;
	while (*until == 0)
		refused += bide_cond_wait(&cond, &mutex) == -ECANCELED;
	bide_mutex_unlock(&mutex);
	return 0;
}

VIRTUAL_TEST(cond_wait_of_who_ignores_its_cancellation_lets_the_others_to_the_mutex)
{
	static int until;
	until = refused = 0;
	bide_task *task = bide_spawn(ignore, &until);
	settle();
	bide_cancel(task);
	settle();
	lock_now();
	until = 1;
	bide_mutex_unlock(&mutex);
	CHECK_INT(bide_join(task), 0);
	CHECK(refused > 2);
}

/* ---- what holds --------------------------------------------------------------------------- */

static int level;

static BIDE_ASYNC_LIGHT(int, await_level, int, char);
static int await_level(int wanted, char c)
{
	int rc;
	BIDE_LOCK(&mutex, rc) {
		rc = bide_cond_wait_for(&cond, &mutex, level >= wanted);
		note(rc < 0 ? (char)(c | 0x20) : c);
	}
	return rc;
}

static void raise_level(void)
{
	lock_now();
	level++;
	bide_cond_notify_all(&cond);
	bide_mutex_unlock(&mutex);
	settle();
}

VIRTUAL_TEST(cond_wait_for_waits_until_it_holds)
{
	level = 1;
	bide_task *tasks[] = { bide_spawn(await_level, 3, 'C'), bide_spawn(await_level, 2, 'B'),
		               bide_spawn(await_level, 1, 'A'), bide_spawn(await_level, 9, 'X') };
	settle();
	EXPECT_TRACE("A");
	raise_level();
	EXPECT_TRACE("B");
	raise_level();
	EXPECT_TRACE("C");
	bide_cancel(tasks[3]);
	CHECK_INT(bide_join(tasks[3]), -ECANCELED);
	EXPECT_TRACE("x");
	CHECK_INT(bide_gather(tasks, 3, NULL), 0);
}

VIRTUAL_TEST(cond_may_go_with_another_mutex_when_nobody_waits)
{
	static bide_mutex second;
	bide_task *task;
	spawn_waiters(&task, 1, 0);
	bide_cond_notify(&cond, 1);
	CHECK_INT(bide_join(task), 0);
	bide_cond_init(&cond);
	CHECK_INT(bide_mutex_lock(&second), 0);
	int late;
	BIDE_TIMEOUT(1, late)
		EXPECT_INT(bide_cond_wait(&cond, &second), -ETIMEDOUT);
	bide_mutex_unlock(&second);
}

static BIDE_ASYNC(int, hold_and_deadlock, void);
static int hold_and_deadlock(void)
{
	bide_task *task = bide_spawn(wait_once, 'A', 0.0);
	settle();
	lock_now();
	bide_cond_notify(&cond, 1);
	int rc = bide_join(task);
	bide_mutex_unlock(&mutex);
	EXPECT_INT(bide_yield(), -EDEADLK);
	return rc;
}

/* The task that locks again cannot be stopped, so the await is given up. */
TEST(cond_deadlock_report_says_who_holds_the_mutex)
{
	EXPECT_DEADLOCK_REPORT("'wait_once' (#2) waits in bide_cond_wait for the mutex that "
	                       "'hold_and_deadlock' (#1) holds",
	                       hold_and_deadlock);
	CHECK(!bide_mutex_locked(&mutex));
}
