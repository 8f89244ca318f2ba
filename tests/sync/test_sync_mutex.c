// SPDX-License-Identifier: MIT
/* bide_mutex: one holder at a time, first come first served, handed over, and nothing is lost when
 * a waiter is cancelled. */
#include "sync/sync_kit.h"

static bide_mutex mutex = BIDE_MUTEX_INIT;
static int inside;

/* Locks, notes its letter, holds on for a time, and unlocks; a small letter when it did not get
 * it. */
static BIDE_ASYNC_LIGHT(int, visit, char, double);
static int visit(char c, double seconds)
{
	int rc = bide_mutex_lock(&mutex);
	note(rc < 0 ? (char)(c | 0x20) : c);
	if (rc < 0)
		return rc;
	EXPECT_INT(++inside, 1);
	if (seconds > 0)
		(void)bide_sleep(seconds);
	inside--;
	bide_mutex_unlock(&mutex);
	return 0;
}

static BIDE_ASYNC(int, visit_full, char, double);
static int visit_full(char c, double seconds)
{
	return visit(c, seconds);
}

static void lock_now(void)
{
	EXPECT_INT(bide_mutex_lock(&mutex), 0);
}

VIRTUAL_TEST(mutex_that_is_free_is_locked_without_suspending)
{
	BIDE_NO_SUSPEND {
		EXPECT(!bide_mutex_locked(&mutex));
	}
	bide_detach(bide_spawn(tick, 0.0, 'T'));
	lock_now();
	EXPECT(bide_mutex_locked(&mutex));
	EXPECT_TRACE("");
	bide_mutex_unlock(&mutex);
	EXPECT(!bide_mutex_locked(&mutex));
	settle();
}

VIRTUAL_TEST(mutex_of_zeros_is_free)
{
	static bide_mutex zero;
	memset(&zero, 0, sizeof zero);
	CHECK_INT(bide_mutex_lock(&zero), 0);
	bide_mutex_unlock(&zero);
	memset(&zero, 0xff, sizeof zero);
	bide_mutex_init(&zero);
	CHECK_INT(bide_mutex_lock(&zero), 0);
	bide_mutex_unlock(&zero);
}

VIRTUAL_TEST(mutex_is_had_in_the_order_in_which_it_was_asked_for)
{
	bide_task *tasks[4];
	lock_now();
	for (int i = 0; i < 4; i++)
		tasks[i] = i % 2 ? bide_spawn(visit, (char)('A' + i), 1.0)
		                 : bide_spawn(visit_full, (char)('A' + i), 1.0);
	settle();
	EXPECT_TRACE("");
	bide_mutex_unlock(&mutex);
	CHECK_INT(bide_gather(tasks, 4, NULL), 0);
	EXPECT_TRACE("ABCD");
	EXPECT_ELAPSED(4);
	EXPECT(!bide_mutex_locked(&mutex));
}

VIRTUAL_TEST(mutex_is_handed_over_before_its_next_holder_has_run)
{
	lock_now();
	bide_task *task = bide_spawn(visit, 'A', 0.0);
	settle();
	bide_mutex_unlock(&mutex);
	EXPECT(bide_mutex_locked(&mutex));
	EXPECT_INT(bide_mutex_try_lock(&mutex), -EBUSY);
	EXPECT_TRACE("");
	lock_now(); /* comes after the one who waited */
	EXPECT_TRACE("A");
	bide_mutex_unlock(&mutex);
	EXPECT_INT(bide_join(task), 0);
}

VIRTUAL_TEST(mutex_try_lock_takes_a_free_one_only)
{
	CHECK_INT(bide_mutex_try_lock(&mutex), 0);
	CHECK_INT(bide_mutex_try_lock(&mutex), -EBUSY);
	bide_mutex_unlock(&mutex);
	CHECK_INT(bide_mutex_try_lock(&mutex), 0);
	bide_mutex_unlock(&mutex);
}

VIRTUAL_TEST(mutex_locked_again_by_its_holder_is_a_deadlock)
{
	lock_now();
	CHECK_INT(bide_mutex_lock(&mutex), -EDEADLK);
	CHECK(bide_mutex_locked(&mutex));
	bide_mutex_unlock(&mutex);
	CHECK(!bide_mutex_locked(&mutex));
}

/* ---- cancellation ------------------------------------------------------------------------- */

VIRTUAL_TEST(mutex_lock_is_cancelled_while_it_waits)
{
	lock_now();
	bide_task *task = bide_spawn(visit, 'A', 1.0);
	settle();
	bide_cancel(task);
	CHECK_INT(bide_join(task), -ECANCELED);
	EXPECT_TRACE("a");
	bide_mutex_unlock(&mutex);
	CHECK(!bide_mutex_locked(&mutex));
}

VIRTUAL_TEST(mutex_lock_times_out)
{
	int late, rc = 1;
	bide_task *task = bide_spawn(visit, 'A', 5.0);
	settle();
	BIDE_TIMEOUT(2, late)
		rc = bide_mutex_lock(&mutex);
	CHECK_INT(rc, -ETIMEDOUT);
	CHECK_INT(late, -ETIMEDOUT);
	EXPECT_ELAPSED(2);
	CHECK_INT(bide_join(task), 0);
	CHECK(!bide_mutex_locked(&mutex));
}

static int rc_of_lock, rc_afterwards;

static BIDE_ASYNC_LIGHT(int, lock_when_cancelled, void);
static int lock_when_cancelled(void)
{
	rc_of_lock = bide_mutex_lock(&mutex);
	return rc_of_lock;
}

VIRTUAL_TEST(mutex_that_is_free_is_not_had_by_who_is_cancelled_already)
{
	bide_task *task = bide_spawn(lock_when_cancelled);
	bide_cancel(task);
	CHECK_INT(bide_join(task), -ECANCELED);
	CHECK_INT(rc_of_lock, -ECANCELED);
	CHECK(!bide_mutex_locked(&mutex));
}

static BIDE_ASYNC_LIGHT(int, lock_and_look, void);
static int lock_and_look(void)
{
	rc_of_lock = bide_mutex_lock(&mutex);
	rc_afterwards = bide_yield();
	if (rc_of_lock == 0)
		bide_mutex_unlock(&mutex);
	return rc_afterwards;
}

VIRTUAL_TEST(mutex_that_was_handed_over_is_had_although_a_cancellation_came_then)
{
	lock_now();
	bide_task *first = bide_spawn(lock_and_look), *second = bide_spawn(visit, 'B', 0.0);
	settle();
	bide_mutex_unlock(&mutex);
	bide_cancel(first);
	CHECK_INT(bide_join(first), -ECANCELED);
	CHECK_INT(rc_of_lock, 0);
	CHECK_INT(rc_afterwards, -ECANCELED);
	CHECK_INT(bide_join(second), 0);
	EXPECT_TRACE("B");
}

VIRTUAL_TEST(mutex_passes_by_waiters_that_were_cancelled)
{
	bide_task *tasks[5];
	static const int expected[] = { -ECANCELED, 0, -ECANCELED, 0, -ECANCELED };
	lock_now();
	for (int i = 0; i < 5; i++)
		tasks[i] = bide_spawn(visit, (char)('A' + i), 0.0);
	settle();
	for (int i = 0; i < 5; i += 2)
		bide_cancel(tasks[i]);
	bide_mutex_unlock(&mutex);
	for (int i = 0; i < 5; i++)
		EXPECT_INT(bide_join(tasks[i]), expected[i]);
	EXPECT_TRACE("aceBD");
	CHECK(!bide_mutex_locked(&mutex));
}

/* One that is cancelled and one to whom it is handed over, in the same step of a third. */
VIRTUAL_TEST(mutex_unlocked_and_its_next_waiter_cancelled_goes_to_the_one_after)
{
	lock_now();
	bide_task *a = bide_spawn(visit, 'A', 0.0), *b = bide_spawn(visit, 'B', 0.0);
	settle();
	bide_cancel(a);
	bide_mutex_unlock(&mutex);
	CHECK_INT(bide_join(b), 0);
	CHECK_INT(bide_join(a), -ECANCELED);
	EXPECT_TRACE("aB");
}

VIRTUAL_TEST(mutex_is_unlocked_by_who_is_cancelled)
{
	bide_task *a = bide_spawn(visit, 'A', 100.0), *b = bide_spawn(visit, 'B', 0.0);
	settle();
	bide_cancel(a);
	CHECK_INT(bide_join(b), 0);
	CHECK_INT(bide_join(a), 0);
	EXPECT_ELAPSED(0);
	EXPECT_TRACE("AB");
}

VIRTUAL_TEST(mutex_lock_waits_on_behind_a_shield)
{
	int rc = -1, late;
	bide_task *task = bide_spawn(visit, 'A', 5.0);
	settle();
	BIDE_TIMEOUT(2, late)
		BIDE_SHIELD
			rc = bide_mutex_lock(&mutex);
	CHECK_INT(rc, 0);
	CHECK_INT(late, 0);
	EXPECT_ELAPSED(5);
	bide_mutex_unlock(&mutex);
	CHECK_INT(bide_join(task), 0);
}

/* ---- who has it --------------------------------------------------------------------------- */

static BIDE_ASYNC(int, lock_twice, void);
static int lock_twice(void)
{
	static bide_mutex once;
	for (int i = 0; i < 2; i++) {
		CHECK_RET(bide_mutex_lock(&once) == 0, -EIO);
		bide_mutex_unlock(&once);
	}
	return 0;
}

TEST(mutex_is_free_for_another_loop_when_nobody_has_it)
{
	CHECK_INT(RUN_VIRTUAL(lock_twice), 0);
	CHECK_INT(RUN_VIRTUAL(lock_twice), 0);
}

static bide_mutex other = BIDE_MUTEX_INIT;

static BIDE_ASYNC(int, lock_both, bide_mutex *, bide_mutex *);
static int lock_both(bide_mutex *a, bide_mutex *b)
{
	int first = bide_mutex_lock(a), second = first;
	if (first == 0)
		second = bide_sleep(1);
	if (second == 0)
		second = bide_mutex_lock(b);
	if (first == 0 && second == 0)
		bide_mutex_unlock(b);
	if (first == 0)
		bide_mutex_unlock(a);
	return second;
}

static BIDE_ASYNC(int, lock_crosswise, void);
static int lock_crosswise(void)
{
	bide_task *tasks[] = { bide_spawn(lock_both, &mutex, &other),
		               bide_spawn(lock_both, &other, &mutex) };
	return bide_gather(tasks, 2, NULL);
}

TEST(mutex_deadlock_report_says_who_holds_it_and_finds_the_cycle)
{
	EXPECT_DEADLOCK_REPORT("'lock_both' (#2) waits in bide_mutex_lock for the mutex that "
	                       "'lock_both' (#3) holds",
	                       lock_crosswise);
	EXPECT(strstr(reports.message[0], "a cycle: 'lock_both' (#2) waits for 'lock_both' (#3) "
	                                  "waits for 'lock_both' (#2)") != NULL);
	CHECK(!bide_mutex_locked(&mutex));
	CHECK(!bide_mutex_locked(&other));
}

static BIDE_ASYNC(int, lock_and_join, void);
static int lock_and_join(void)
{
	int rc = bide_mutex_lock(&mutex);
	if (rc < 0)
		return rc;
	rc = bide_await(int, bide_spawn(visit, 'A', 0.0));
	bide_mutex_unlock(&mutex);
	return rc;
}

TEST(mutex_deadlock_with_an_await_is_a_cycle)
{
	EXPECT_DEADLOCK_REPORT(
		"a cycle: 'lock_and_join' (#1) waits for 'visit' (#2) waits for 'lock_and_join'",
		lock_and_join);
	CHECK(!bide_mutex_locked(&mutex));
}
