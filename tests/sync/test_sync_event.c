// SPDX-License-Identifier: MIT
/* bide_event: who waits is woken when it is set, also when it is cleared at once. */
#include "sync/sync_kit.h"

static bide_event event = BIDE_EVENT_INIT;

static BIDE_ASYNC_LIGHT(int, await_event, char);
static int await_event(char c)
{
	int rc = bide_event_wait(&event);
	note(rc < 0 ? (char)(c | 0x20) : c);
	return rc;
}

static void spawn_waiters(bide_task **tasks, int n)
{
	bide_event_clear(&event);
	for (int i = 0; i < n; i++)
		tasks[i] = bide_spawn(await_event, (char)('A' + i));
	settle();
	EXPECT_TRACE("");
}

VIRTUAL_TEST(event_wakes_all_in_the_order_in_which_they_came)
{
	bide_task *tasks[4];
	spawn_waiters(tasks, 4);
	EXPECT(!bide_event_is_set(&event));
	bide_event_set(&event);
	EXPECT(bide_event_is_set(&event));
	EXPECT_TRACE("");
	CHECK_INT(bide_gather(tasks, 4, NULL), 0);
	EXPECT_TRACE("ABCD");
}

VIRTUAL_TEST(event_that_is_set_does_not_suspend)
{
	bide_event_set(&event);
	bide_event_set(&event);
	bide_detach(bide_spawn(tick, 0.0, 'T'));
	CHECK_INT(bide_event_wait(&event), 0);
	CHECK_INT(bide_event_wait(&event), 0);
	EXPECT_TRACE("");
	bide_event_clear(&event);
	EXPECT(!bide_event_is_set(&event));
	settle();
}

VIRTUAL_TEST(event_set_and_cleared_at_once_wakes_who_waited)
{
	bide_task *tasks[3];
	spawn_waiters(tasks, 3);
	bide_event_set(&event);
	bide_event_clear(&event);
	bide_task *late = bide_spawn(await_event, 'L');
	CHECK_INT(bide_gather(tasks, 3, NULL), 0);
	settle();
	EXPECT_TRACE("ABC");
	bide_event_set(&event);
	CHECK_INT(bide_join(late), 0);
	EXPECT_TRACE("L");
}

VIRTUAL_TEST(event_wait_is_cancelled_and_the_others_wait_on)
{
	bide_task *tasks[3];
	spawn_waiters(tasks, 3);
	bide_cancel(tasks[1]);
	CHECK_INT(bide_join(tasks[1]), -ECANCELED);
	EXPECT_TRACE("b");
	bide_event_set(&event);
	CHECK_INT(bide_join(tasks[0]), 0);
	CHECK_INT(bide_join(tasks[2]), 0);
	EXPECT_TRACE("AC");
}

VIRTUAL_TEST(event_wait_that_was_over_is_not_cancelled)
{
	bide_task *task;
	spawn_waiters(&task, 1);
	bide_event_set(&event);
	bide_cancel(task);
	CHECK_INT(bide_join(task), 0);
	EXPECT_TRACE("A");
}

VIRTUAL_TEST(event_that_is_set_is_refused_to_who_is_cancelled_already)
{
	bide_event_set(&event);
	bide_task *task = bide_spawn(await_event, 'A');
	bide_cancel(task);
	CHECK_INT(bide_join(task), -ECANCELED);
	EXPECT_TRACE("a");
}

static void set_event(void *arg)
{
	bide_event_set(arg);
}

VIRTUAL_TEST(event_is_set_by_a_callback)
{
	bide_task *task;
	spawn_waiters(&task, 1);
	CHECK_INT(bide_call_threadsafe(bide_current_loop(), set_event, &event), 0);
	CHECK_INT(bide_join(task), 0);
}

VIRTUAL_TEST(event_set_later_ends_the_wait_then)
{
	int late;
	bide_event_init(&event);
	BIDE_TIMEOUT(3, late)
		EXPECT_INT(bide_event_wait(&event), -ETIMEDOUT);
	CHECK_INT(late, -ETIMEDOUT);
	EXPECT_ELAPSED(3);
}

static BIDE_ASYNC(int, wait_for_nobody, void);
static int wait_for_nobody(void)
{
	static bide_event never;
	return bide_event_wait(&never);
}

TEST(event_that_nobody_sets_is_a_deadlock)
{
	EXPECT_DEADLOCK_REPORT("'wait_for_nobody' (#1) waits in bide_event_wait", wait_for_nobody);
}
