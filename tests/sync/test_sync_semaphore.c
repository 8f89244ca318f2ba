// SPDX-License-Identifier: MIT
/* bide_semaphore: as many at once as it has permits, first come first served, and no permit is lost
 * or doubled. */
#include "sync/sync_kit.h"

static bide_semaphore semaphore;
static int inside, inside_max;

static BIDE_ASYNC_LIGHT(int, visit, char, double);
static int visit(char c, double seconds)
{
	int rc = bide_semaphore_acquire(&semaphore);
	note(rc < 0 ? (char)(c | 0x20) : c);
	if (rc < 0)
		return rc;
	if (++inside > inside_max)
		inside_max = inside;
	if (seconds > 0)
		(void)bide_sleep(seconds);
	inside--;
	return bide_semaphore_release(&semaphore);
}

/* Takes a permit and keeps it. */
static BIDE_ASYNC_LIGHT(int, take, char);
static int take(char c)
{
	int rc = bide_semaphore_acquire(&semaphore);
	note(rc < 0 ? (char)(c | 0x20) : c);
	return rc;
}

VIRTUAL_TEST(semaphore_lets_in_as_many_as_it_has_permits)
{
	bide_task *tasks[7];
	inside = inside_max = 0;
	bide_semaphore_init(&semaphore, 3);
	for (int i = 0; i < 7; i++)
		tasks[i] = bide_spawn(visit, (char)('A' + i), 1.0);
	CHECK_INT(bide_gather(tasks, 7, NULL), 0);
	CHECK_INT(inside_max, 3);
	EXPECT_TRACE("ABCDEFG");
	EXPECT_ELAPSED(3);
	for (int i = 0; i < 3; i++)
		CHECK_INT(bide_semaphore_try_acquire(&semaphore), 0);
	CHECK_INT(bide_semaphore_try_acquire(&semaphore), -EAGAIN);
}

VIRTUAL_TEST(semaphore_with_a_permit_does_not_suspend)
{
	bide_semaphore_init(&semaphore, 2);
	bide_detach(bide_spawn(tick, 0.0, 'T'));
	CHECK(!bide_semaphore_locked(&semaphore));
	CHECK_INT(bide_semaphore_acquire(&semaphore), 0);
	CHECK(!bide_semaphore_locked(&semaphore));
	CHECK_INT(bide_semaphore_acquire(&semaphore), 0);
	CHECK(bide_semaphore_locked(&semaphore));
	EXPECT_TRACE("");
	settle();
}

VIRTUAL_TEST(semaphore_of_zeros_has_nothing_to_give_until_a_release)
{
	memset(&semaphore, 0, sizeof semaphore);
	CHECK(bide_semaphore_locked(&semaphore));
	CHECK_INT(bide_semaphore_try_acquire(&semaphore), -EAGAIN);
	CHECK_INT(bide_semaphore_release(&semaphore), 0);
	CHECK_INT(bide_semaphore_acquire(&semaphore), 0);
}

VIRTUAL_TEST(semaphore_gives_a_permit_to_the_first_and_not_to_who_comes_by)
{
	bide_semaphore_init(&semaphore, 0);
	bide_task *a = bide_spawn(take, 'A'), *b = bide_spawn(take, 'B');
	settle();
	CHECK_INT(bide_semaphore_release(&semaphore), 0);
	CHECK_INT(bide_semaphore_try_acquire(&semaphore), -EAGAIN);
	CHECK(bide_semaphore_locked(&semaphore));
	bide_task *c = bide_spawn(take, 'C');
	settle();
	EXPECT_TRACE("A");
	CHECK_INT(bide_semaphore_release(&semaphore), 0);
	CHECK_INT(bide_semaphore_release(&semaphore), 0);
	CHECK_INT(bide_join(c), 0);
	CHECK_INT(bide_join(b), 0);
	CHECK_INT(bide_join(a), 0);
	EXPECT_TRACE("BC");
}

VIRTUAL_TEST(semaphore_released_several_times_wakes_as_many)
{
	bide_task *tasks[4];
	bide_semaphore_init(&semaphore, 0);
	for (int i = 0; i < 4; i++)
		tasks[i] = bide_spawn(take, (char)('A' + i));
	settle();
	for (int i = 0; i < 3; i++)
		CHECK_INT(bide_semaphore_release(&semaphore), 0);
	settle();
	EXPECT_TRACE("ABC");
	CHECK_INT(bide_semaphore_release(&semaphore), 0);
	CHECK_INT(bide_gather(tasks, 4, NULL), 0);
	CHECK_INT(bide_semaphore_try_acquire(&semaphore), -EAGAIN);
}

VIRTUAL_TEST(semaphore_unbounded_takes_more_permits_than_it_began_with)
{
	bide_semaphore_init(&semaphore, 1);
	CHECK_INT(bide_semaphore_release(&semaphore), 0);
	CHECK_INT(bide_semaphore_try_acquire(&semaphore), 0);
	CHECK_INT(bide_semaphore_try_acquire(&semaphore), 0);
	CHECK_INT(bide_semaphore_try_acquire(&semaphore), -EAGAIN);
}

VIRTUAL_TEST(semaphore_of_all_numbers_does_not_begin_again_at_zero)
{
	bide_semaphore_init(&semaphore, SIZE_MAX);
	CHECK_INT(bide_semaphore_release(&semaphore), -EOVERFLOW);
	CHECK_INT(bide_semaphore_try_acquire(&semaphore), 0);
	CHECK_INT(bide_semaphore_release(&semaphore), 0);
}

VIRTUAL_TEST(semaphore_bounded_refuses_one_release_too_many)
{
	static bide_semaphore bounded = BIDE_BOUNDED_SEMAPHORE_INIT(2);
	CHECK_INT(bide_semaphore_release(&bounded), -EOVERFLOW);
	CHECK_INT(bide_semaphore_acquire(&bounded), 0);
	CHECK_INT(bide_semaphore_release(&bounded), 0);
	CHECK_INT(bide_semaphore_release(&bounded), -EOVERFLOW);
	CHECK_INT(bide_semaphore_acquire(&bounded), 0);
	CHECK_INT(bide_semaphore_acquire(&bounded), 0);
	CHECK_INT(bide_semaphore_try_acquire(&bounded), -EAGAIN);
	CHECK_INT(bide_semaphore_release(&bounded), 0);
	CHECK_INT(bide_semaphore_release(&bounded), 0);
}

VIRTUAL_TEST(semaphore_bounded_by_nothing_at_all_takes_no_release)
{
	bide_semaphore_init_bounded(&semaphore, 0);
	CHECK_INT(bide_semaphore_release(&semaphore), -EOVERFLOW);
	CHECK_INT(bide_semaphore_try_acquire(&semaphore), -EAGAIN);
}

VIRTUAL_TEST(semaphore_bounded_counts_what_it_hands_over)
{
	bide_semaphore_init_bounded(&semaphore, 1);
	CHECK_INT(bide_semaphore_acquire(&semaphore), 0);
	bide_task *task = bide_spawn(take, 'A');
	settle();
	CHECK_INT(bide_semaphore_release(&semaphore), 0);
	CHECK_INT(bide_join(task), 0);
	CHECK_INT(bide_semaphore_release(&semaphore), 0);
	CHECK_INT(bide_semaphore_release(&semaphore), -EOVERFLOW);
}

/* ---- cancellation ------------------------------------------------------------------------- */

VIRTUAL_TEST(semaphore_acquire_is_cancelled_and_takes_nothing)
{
	bide_semaphore_init(&semaphore, 0);
	bide_task *a = bide_spawn(take, 'A'), *b = bide_spawn(take, 'B');
	settle();
	bide_cancel(a);
	CHECK_INT(bide_semaphore_release(&semaphore), 0);
	CHECK_INT(bide_join(b), 0);
	CHECK_INT(bide_join(a), -ECANCELED);
	EXPECT_TRACE("aB");
	CHECK_INT(bide_semaphore_try_acquire(&semaphore), -EAGAIN);
}

VIRTUAL_TEST(semaphore_permit_that_was_given_is_had_although_a_cancellation_came_then)
{
	bide_semaphore_init(&semaphore, 0);
	bide_task *a = bide_spawn(visit, 'A', 1.0), *b = bide_spawn(take, 'B');
	settle();
	CHECK_INT(bide_semaphore_release(&semaphore), 0);
	bide_cancel(a);
	CHECK_INT(bide_join(a), 0);
	CHECK_INT(bide_join(b), 0); /* has what A released */
	EXPECT_TRACE("AB");
	EXPECT_ELAPSED(0);
}

VIRTUAL_TEST(semaphore_is_refused_to_who_is_cancelled_already)
{
	bide_semaphore_init(&semaphore, 1);
	bide_task *a = bide_spawn(take, 'A');
	bide_cancel(a);
	CHECK_INT(bide_join(a), -ECANCELED);
	CHECK_INT(bide_semaphore_try_acquire(&semaphore), 0);
}

VIRTUAL_TEST(semaphore_all_but_the_last_waiter_cancelled)
{
	bide_task *tasks[5];
	bide_semaphore_init(&semaphore, 0);
	for (int i = 0; i < 5; i++)
		tasks[i] = bide_spawn(take, (char)('A' + i));
	settle();
	CHECK_INT(bide_semaphore_release(&semaphore), 0);
	for (int i = 0; i < 4; i++)
		bide_cancel(tasks[i]);
	CHECK_INT(bide_semaphore_release(&semaphore), 0);
	for (int i = 0; i < 5; i++)
		CHECK_INT(bide_join(tasks[i]), i == 0 || i == 4 ? 0 : -ECANCELED);
	CHECK_INT(bide_semaphore_try_acquire(&semaphore), -EAGAIN);
}

/* ---- order -------------------------------------------------------------------------------- */

static BIDE_ASYNC_LIGHT(int, twice, char);
static int twice(char c)
{
	for (int i = 0; i < 2; i++) {
		int rc = bide_semaphore_acquire(&semaphore);
		if (rc < 0)
			return rc;
		note(c);
		rc = bide_sleep(0.01);
		bide_semaphore_release(&semaphore);
		if (rc < 0)
			return rc;
	}
	return 0;
}

VIRTUAL_TEST(semaphore_asked_for_again_at_once_is_had_after_the_others)
{
	bide_task *tasks[3];
	bide_semaphore_init(&semaphore, 1);
	for (int i = 0; i < 3; i++)
		tasks[i] = bide_spawn(twice, (char)('A' + i));
	CHECK_INT(bide_gather(tasks, 3, NULL), 0);
	EXPECT_TRACE("ABCABC");
}

static void release(void *arg)
{
	EXPECT_INT(bide_semaphore_release(arg), 0);
}

VIRTUAL_TEST(semaphore_is_released_by_a_callback)
{
	bide_semaphore_init(&semaphore, 0);
	CHECK_INT(bide_call_threadsafe(bide_current_loop(), release, &semaphore), 0);
	CHECK_INT(bide_semaphore_acquire(&semaphore), 0);
}

static BIDE_ASYNC(int, acquire_in_vain, void);
static int acquire_in_vain(void)
{
	static bide_semaphore none;
	return bide_semaphore_acquire(&none);
}

TEST(semaphore_that_nobody_releases_is_a_deadlock)
{
	EXPECT_DEADLOCK_REPORT("'acquire_in_vain' (#1) waits in bide_semaphore_acquire",
	                       acquire_in_vain);
}
