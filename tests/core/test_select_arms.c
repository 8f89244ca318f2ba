// SPDX-License-Identifier: MIT
/* bide_select(): what each kind of arm waits for, that the others then have had no effect, and how
 * a select that is cancelled leaves things. */
#include "core/virtual_kit.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

static bide_queue *queue, *other;
static bide_event event, second_event;

struct large {
	char bytes[100];
};

static bide_queue *open_queue(size_t bound)
{
	const bide_queue_options options = { .bound = bound };
	bide_queue *opened = NULL;
	EXPECT_INT(bide_queue_open(int, &options, &opened), 0);
	return opened;
}

static void put(bide_queue *into, int item)
{
	EXPECT_INT(bide_queue_try_put(into, &item), 0);
}

static BIDE_ASYNC_LIGHT(int, put_after, double, int);
static int put_after(double seconds, int item)
{
	int rc = bide_sleep(seconds);
	return rc < 0 ? rc : bide_queue_put(queue, &item);
}

static BIDE_ASYNC_LIGHT(int, get_after, double);
static int get_after(double seconds)
{
	int item = -1, rc = bide_sleep(seconds);
	if (rc == 0)
		rc = bide_queue_get(queue, &item);
	return rc < 0 ? rc : item;
}

static BIDE_ASYNC_LIGHT(void, set_after, double, bide_event *);
static void set_after(double seconds, bide_event *which)
{
	if (bide_sleep(seconds) == 0)
		bide_event_set(which);
}

/* ---- a single arm ------------------------------------------------------------------------- */

VIRTUAL_TEST(select_takes_an_item_that_is_there)
{
	int item = 0;
	queue = open_queue(0);
	put(queue, 7);
	bide_arm arms[] = { bide_arm_get(queue, &item) };
	CHECK_INT(bide_select(arms, 1), 0);
	CHECK_INT(arms[0].rc, 0);
	CHECK_INT(item, 7);
	CHECK_UINT(bide_queue_size(queue), 0);
	bide_queue_free(queue);
}

VIRTUAL_TEST(select_waits_for_an_item)
{
	int item = 0;
	queue = open_queue(0);
	bide_detach(bide_spawn(put_after, 2.0, 8));
	bide_arm arms[] = { bide_arm_get(queue, &item) };
	CHECK_INT(bide_select(arms, 1), 0);
	CHECK_INT(arms[0].rc, 0);
	CHECK_INT(item, 8);
	EXPECT_ELAPSED(2.0);
	CHECK_UINT(bide_queue_size(queue), 0);
	bide_queue_free(queue);
}

VIRTUAL_TEST(select_puts_where_there_is_room)
{
	int item = 5, got = 0;
	queue = open_queue(1);
	bide_arm arms[] = { bide_arm_put(queue, &item) };
	CHECK_INT(bide_select(arms, 1), 0);
	CHECK_INT(arms[0].rc, 0);
	CHECK_INT(bide_queue_try_get(queue, &got), 0);
	CHECK_INT(got, 5);
	bide_queue_free(queue);
}

VIRTUAL_TEST(select_waits_for_room)
{
	int item = 5, got = 0;
	queue = open_queue(1);
	put(queue, 4);
	bide_task *getter = bide_spawn(get_after, 1.0);
	bide_arm arms[] = { bide_arm_put(queue, &item) };
	CHECK_INT(bide_select(arms, 1), 0);
	CHECK_INT(arms[0].rc, 0);
	EXPECT_ELAPSED(1.0);
	CHECK_INT(bide_await(int, getter), 4);
	CHECK_INT(bide_queue_try_get(queue, &got), 0);
	CHECK_INT(got, 5);
	bide_queue_free(queue);
}

VIRTUAL_TEST(select_hands_an_item_to_a_get_that_waits)
{
	int item = 6;
	queue = open_queue(1);
	bide_task *getter = bide_spawn(get_after, 0.0);
	bide_yield();
	bide_arm arms[] = { bide_arm_put(queue, &item) };
	CHECK_INT(bide_select(arms, 1), 0);
	CHECK_INT(bide_await(int, getter), 6);
	CHECK_UINT(bide_queue_size(queue), 0);
	bide_queue_free(queue);
}

static struct large sent, received;
static bide_queue *large_queue;

static BIDE_ASYNC(void, put_large_after, double);
static void put_large_after(double seconds)
{
	if (bide_sleep(seconds) == 0)
		EXPECT_INT(bide_queue_put(large_queue, &sent), 0);
}

VIRTUAL_TEST(select_carries_items_that_are_larger_than_a_pointer)
{
	const bide_queue_options one = { .bound = 1 };
	memset(&sent, 'x', sizeof sent);
	memset(&received, 0, sizeof received);
	CHECK_INT(bide_queue_open(struct large, &one, &large_queue), 0);
	bide_detach(bide_spawn(put_large_after, 1.0));
	struct large own;
	bide_arm get[] = { bide_arm_get(large_queue, &own) };
	CHECK_INT(bide_select(get, 1), 0);
	CHECK_MEM(&own, &sent, sizeof own);
	CHECK_INT(bide_queue_try_put(large_queue, &sent), 0);
	bide_arm late[] = { bide_arm_put(large_queue, &sent), bide_arm_sleep(1) };
	CHECK_INT(bide_select(late, 2), 1);
	CHECK_INT(bide_queue_try_get(large_queue, &received), 0);
	CHECK_UINT(bide_queue_size(large_queue), 0);
	bide_queue_free(large_queue);
}

VIRTUAL_TEST(select_waits_for_the_end_of_a_task_and_leaves_it_to_be_awaited)
{
	bide_task *task = bide_spawn(nap, 3.0, 42);
	bide_arm arms[] = { bide_arm_task(task) };
	CHECK_INT(bide_select(arms, 1), 0);
	CHECK_INT(arms[0].rc, 0);
	EXPECT_ELAPSED(3.0);
	CHECK(bide_task_done(task));
	bide_arm again[] = { bide_arm_task(task) };
	CHECK_INT(bide_select(again, 1), 0);
	CHECK_INT(bide_await(int, task), 42);
}

VIRTUAL_TEST(select_waits_for_an_event)
{
	event = (bide_event)BIDE_EVENT_INIT;
	bide_detach(bide_spawn(set_after, 1.5, &event));
	bide_arm arms[] = { bide_arm_event(&event) };
	CHECK_INT(bide_select(arms, 1), 0);
	CHECK_INT(arms[0].rc, 0);
	EXPECT_ELAPSED(1.5);
	bide_arm again[] = { bide_arm_event(&event) };
	CHECK_INT(bide_select(again, 1), 0);
	EXPECT_ELAPSED(1.5);
}

static bide_future *future;

static BIDE_ASYNC_LIGHT(void, set_future_after, double, int);
static void set_future_after(double seconds, int value)
{
	if (bide_sleep(seconds) < 0)
		return;
	if (value < 0)
		EXPECT_INT(bide_future_fail(future, value), 0);
	else
		EXPECT_INT(bide_future_set(future, &value), 0);
}

VIRTUAL_TEST(select_waits_for_a_future_and_takes_its_value)
{
	int value = 0;
	CHECK_INT(bide_future_open(int, &future), 0);
	bide_detach(bide_spawn(set_future_after, 1.0, 9));
	bide_arm arms[] = { bide_arm_future(future, &value), bide_arm_future(future, NULL) };
	CHECK_INT(bide_select(arms, 2), 0);
	CHECK_INT(arms[0].rc, 0);
	CHECK_INT(value, 9);
	value = 0;
	bide_arm again[] = { bide_arm_future(future, &value) };
	CHECK_INT(bide_select(again, 1), 0);
	CHECK_INT(value, 9);
	bide_future_unref(future);
}

VIRTUAL_TEST(select_gives_the_error_of_a_future)
{
	int value = 3;
	CHECK_INT(bide_future_open(int, &future), 0);
	bide_detach(bide_spawn(set_future_after, 1.0, -EPROTO));
	bide_arm arms[] = { bide_arm_sleep(2), bide_arm_future(future, &value) };
	CHECK_INT(bide_select(arms, 2), 1);
	CHECK_INT(arms[1].rc, -EPROTO);
	CHECK_INT(value, 3);
	bide_future_unref(future);
}

VIRTUAL_TEST(select_waits_for_time)
{
	bide_arm sleep[] = { bide_arm_sleep(3), bide_arm_sleep(2), bide_arm_sleep(INFINITY) };
	CHECK_INT(bide_select(sleep, 3), 1);
	CHECK_INT(sleep[1].rc, 0);
	EXPECT_ELAPSED(2.0);
	bide_arm until[] = { bide_arm_until(virtual_start + 9), bide_arm_until(virtual_start + 5) };
	CHECK_INT(bide_select(until, 2), 1);
	EXPECT_ELAPSED(5.0);
	bide_arm past[] = { bide_arm_until(virtual_start + 1) };
	CHECK_INT(bide_select(past, 1), 0);
	CHECK_INT(past[0].rc, 0);
	EXPECT_ELAPSED(5.0);
}

VIRTUAL_TEST(select_chooses_an_arm_whose_time_is_none)
{
	bide_arm arms[] = { bide_arm_sleep(1), bide_arm_sleep(NAN) };
	CHECK_INT(bide_select(arms, 2), 1);
	CHECK_INT(arms[1].rc, -EINVAL);
}

static BIDE_ASYNC(int, nap_on_full_stack, double);
static int nap_on_full_stack(double seconds)
{
	return bide_sleep(seconds);
}

VIRTUAL_TEST(select_chooses_a_task_that_could_not_be_spawned)
{
	bide_task_options options = { .stack_size = SIZE_MAX };
	bide_task *task = bide_spawn_with(&options, nap_on_full_stack, 1.0);
	CHECK_NULL(task);
	bide_arm arms[] = { bide_arm_sleep(1), bide_arm_task(task) };
	CHECK_INT(bide_select(arms, 2), 1);
	CHECK_INT(arms[1].rc, -EINVAL);
	bide_arm again[] = { bide_arm_task(task) };
	CHECK_INT(bide_try_select(again, 1), 0);
}

/* Not even if it is ready: what happens is not to depend on what is outside. */
VIRTUAL_TEST(select_waits_for_no_descriptor_on_the_virtual_clock)
{
	int ends[2];
	CHECK_INT(pipe(ends), 0);
	bide_arm arms[] = { bide_arm_sleep(1), bide_arm_fd(ends[1], BIDE_WRITABLE) };
	CHECK_INT(bide_select(arms, 2), 1);
	CHECK_INT(arms[1].rc, bide_wait_fd(ends[1], BIDE_WRITABLE));
	CHECK_INT(arms[1].rc, -ENOTSUP);
	close(ends[0]);
	close(ends[1]);
}

VIRTUAL_TEST(select_passes_over_arms_that_are_all_zero)
{
	bide_arm arms[] = { { 0 }, bide_arm_sleep(1), { 0 } };
	CHECK_INT(bide_select(arms, 3), 1);
	EXPECT_ELAPSED(1.0);
}

/* ---- the others have no effect ------------------------------------------------------------ */

VIRTUAL_TEST(select_takes_from_one_queue_only)
{
	int a = 0, b = 0;
	queue = open_queue(0);
	other = open_queue(0);
	put(queue, 1);
	put(other, 2);
	bide_arm arms[] = { bide_arm_get(queue, &a), bide_arm_get(other, &b) };
	int chosen = bide_select(arms, 2);
	CHECK(chosen == 0 || chosen == 1);
	CHECK_INT(a, chosen == 0 ? 1 : 0);
	CHECK_INT(b, chosen == 1 ? 2 : 0);
	CHECK_UINT(bide_queue_size(queue) + bide_queue_size(other), 1);
	bide_queue_free(queue);
	bide_queue_free(other);
}

VIRTUAL_TEST(select_that_was_late_takes_nothing)
{
	int item = 0;
	queue = open_queue(0);
	bide_arm arms[] = { bide_arm_get(queue, &item), bide_arm_sleep(1) };
	CHECK_INT(bide_select(arms, 2), 1);
	put(queue, 3);
	CHECK_UINT(bide_queue_size(queue), 1);
	CHECK_INT(item, 0);
	bide_queue_free(queue);
}

VIRTUAL_TEST(select_that_was_late_puts_nothing)
{
	int item = 2, got = 0;
	queue = open_queue(1);
	put(queue, 1);
	bide_arm arms[] = { bide_arm_put(queue, &item), bide_arm_sleep(1) };
	CHECK_INT(bide_select(arms, 2), 1);
	CHECK_INT(bide_queue_try_get(queue, &got), 0);
	CHECK_INT(got, 1);
	CHECK_UINT(bide_queue_size(queue), 0);
	bide_queue_free(queue);
}

/* Both are handed over in one go: the second goes to the next who waits. */
VIRTUAL_TEST(select_that_waits_twice_at_a_queue_takes_one_item)
{
	int a = 0, b = 0;
	queue = open_queue(0);
	bide_detach(bide_spawn(put_after, 1.0, 1));
	bide_detach(bide_spawn(put_after, 1.0, 2));
	bide_arm arms[] = { bide_arm_get(queue, &a), bide_arm_get(queue, &b) };
	CHECK_INT(bide_select(arms, 2), 0);
	CHECK_INT(a, 1);
	CHECK_INT(b, 0);
	bide_yield();
	CHECK_UINT(bide_queue_size(queue), 1);
	bide_queue_free(queue);
}

VIRTUAL_TEST(select_whose_event_and_item_come_at_once_takes_one)
{
	int item = 0;
	event = (bide_event)BIDE_EVENT_INIT;
	queue = open_queue(0);
	bide_detach(bide_spawn(set_after, 1.0, &event));
	bide_detach(bide_spawn(put_after, 1.0, 5));
	bide_arm arms[] = { bide_arm_get(queue, &item), bide_arm_event(&event) };
	CHECK_INT(bide_select(arms, 2), 1);
	bide_yield();
	CHECK_INT(item, 0);
	CHECK_UINT(bide_queue_size(queue), 1);
	bide_queue_free(queue);
}

VIRTUAL_TEST(select_lets_the_task_that_lost_go_on)
{
	bide_task *task = bide_spawn(nap, 5.0, 42);
	bide_arm arms[] = { bide_arm_task(task), bide_arm_sleep(1) };
	CHECK_INT(bide_select(arms, 2), 1);
	CHECK(!bide_task_done(task));
	CHECK_INT(bide_await(int, task), 42);
	EXPECT_ELAPSED(5.0);
}

VIRTUAL_TEST(select_on_tasks_of_a_group_leaves_them_to_the_group)
{
	int rc, sum = 0;
	BIDE_GROUP(group, rc) {
		bide_task *slow = bide_group_spawn(group, nap, 3.0, 30);
		bide_task *quick = bide_group_spawn(group, nap, 1.0, 10);
		bide_arm arms[] = { bide_arm_task(slow), bide_arm_task(quick) };
		EXPECT_INT(bide_select(arms, 2), 1);
		for (bide_task *task; (task = bide_group_next(group)) != NULL;)
			sum += bide_await(int, task);
	}
	CHECK_INT(rc, 0);
	CHECK_INT(sum, 40);
}

static BIDE_ASYNC(int, select_get_or_put, int);
static int select_get_or_put(int item)
{
	int got = -1;
	bide_arm arms[] = { bide_arm_get(queue, &got), bide_arm_put(other, &item) };
	int chosen = bide_select(arms, 2);
	return chosen < 0 ? chosen : chosen == 0 ? got : 1000 + item;
}

VIRTUAL_TEST(selects_meet_at_their_queues)
{
	int got = 0, item = 7;
	queue = open_queue(0);
	other = open_queue(1);
	put(other, 3);
	bide_task *task = bide_spawn(select_get_or_put, 5);
	bide_yield();
	bide_arm arms[] = { bide_arm_put(queue, &item), bide_arm_sleep(1) };
	CHECK_INT(bide_select(arms, 2), 0);
	CHECK_INT(bide_await(int, task), 7);
	CHECK_INT(bide_queue_try_get(other, &got), 0);
	CHECK_INT(got, 3);
	CHECK_UINT(bide_queue_size(other), 0);
	bide_queue_free(queue);
	bide_queue_free(other);
}

VIRTUAL_TEST(selects_on_one_event_are_all_woken)
{
	event = (bide_event)BIDE_EVENT_INIT;
	second_event = (bide_event)BIDE_EVENT_INIT;
	bide_detach(bide_spawn(set_after, 1.0, &second_event));
	bide_detach(bide_spawn(set_after, 1.0, &event));
	bide_arm arms[] = { bide_arm_event(&event), bide_arm_event(&second_event),
		            bide_arm_event(&event) };
	CHECK_INT(bide_select(arms, 3), 1);
	bide_yield();
	CHECK(bide_event_is_set(&event));
}

/* ---- closed queues ------------------------------------------------------------------------ */

static BIDE_ASYNC_LIGHT(void, close_after, double);
static void close_after(double seconds)
{
	if (bide_sleep(seconds) == 0)
		bide_queue_close(queue);
}

VIRTUAL_TEST(select_finds_a_queue_closed)
{
	int item = 0;
	queue = open_queue(0);
	bide_queue_close(queue);
	bide_arm get[] = { bide_arm_get(queue, &item) };
	CHECK_INT(bide_select(get, 1), 0);
	CHECK_INT(get[0].rc, -BIDE_ECLOSED);
	bide_arm put[] = { bide_arm_put(queue, &item) };
	CHECK_INT(bide_select(put, 1), 0);
	CHECK_INT(put[0].rc, -BIDE_ECLOSED);
	bide_queue_free(queue);
}

VIRTUAL_TEST(select_is_told_of_a_queue_that_is_closed_meanwhile)
{
	int item = 0;
	queue = open_queue(0);
	bide_detach(bide_spawn(close_after, 1.0));
	bide_arm arms[] = { bide_arm_sleep(2), bide_arm_get(queue, &item) };
	CHECK_INT(bide_select(arms, 2), 1);
	CHECK_INT(arms[1].rc, -BIDE_ECLOSED);
	EXPECT_ELAPSED(1.0);
	bide_queue_free(queue);
}

/* ---- cancellation ------------------------------------------------------------------------- */

VIRTUAL_TEST(select_that_times_out_leaves_everything_as_it_was)
{
	int item = 0, rc;
	queue = open_queue(0);
	event = (bide_event)BIDE_EVENT_INIT;
	bide_task *task = bide_spawn(nap, 5.0, 1);
	BIDE_TIMEOUT(1, rc) {
		bide_arm arms[] = { bide_arm_get(queue, &item), bide_arm_event(&event),
			            bide_arm_task(task), bide_arm_sleep(9) };
		EXPECT_INT(bide_select(arms, 4), -ETIMEDOUT);
	}
	CHECK_INT(rc, -ETIMEDOUT);
	put(queue, 1);
	bide_event_set(&event);
	CHECK_UINT(bide_queue_size(queue), 1);
	CHECK_INT(bide_await(int, task), 1);
	bide_queue_free(queue);
}

VIRTUAL_TEST(select_in_a_cancelled_scope_takes_nothing)
{
	int item = 0, rc;
	queue = open_queue(0);
	put(queue, 1);
	BIDE_TIMEOUT(0, rc) {
		bide_yield();
		bide_arm arms[] = { bide_arm_get(queue, &item) };
		EXPECT_INT(bide_select(arms, 1), -ETIMEDOUT);
	}
	CHECK_UINT(bide_queue_size(queue), 1);
	bide_queue_free(queue);
}

static BIDE_ASYNC_LIGHT(int, select_item_or_long_sleep, void);
static int select_item_or_long_sleep(void)
{
	int item = -1;
	bide_arm arms[] = { bide_arm_get(queue, &item), bide_arm_sleep(100) };
	int chosen = bide_select(arms, 2);
	return chosen < 0 ? chosen : item;
}

VIRTUAL_TEST(select_that_had_its_item_keeps_it_when_cancelled)
{
	queue = open_queue(0);
	bide_task *task = bide_spawn(select_item_or_long_sleep);
	bide_yield();
	put(queue, 4);
	bide_cancel(task);
	CHECK_INT(bide_await(int, task), 4);
	bide_queue_free(queue);
}

VIRTUAL_TEST(select_that_is_cancelled_passes_its_place_on)
{
	queue = open_queue(0);
	bide_task *first = bide_spawn(select_item_or_long_sleep);
	bide_task *then = bide_spawn(select_item_or_long_sleep);
	bide_yield();
	bide_cancel(first);
	put(queue, 4);
	CHECK_INT(bide_await(int, first), -ECANCELED);
	CHECK_INT(bide_await(int, then), 4);
	bide_queue_free(queue);
}

VIRTUAL_TEST(select_of_nothing_waits_to_be_cancelled)
{
	int rc;
	BIDE_TIMEOUT(1, rc) {
		EXPECT_INT(bide_select(NULL, 0), -ETIMEDOUT);
	}
	CHECK_INT(rc, -ETIMEDOUT);
}

/* ---- without waiting ---------------------------------------------------------------------- */

VIRTUAL_TEST(try_select_takes_what_is_ready_or_nothing)
{
	int item = 0;
	queue = open_queue(0);
	bide_arm arms[] = { bide_arm_get(queue, &item), bide_arm_sleep(1) };
	CHECK_INT(bide_try_select(arms, 2), -EAGAIN);
	put(queue, 6);
	CHECK_INT(bide_try_select(arms, 2), 0);
	CHECK_INT(item, 6);
	CHECK_INT(bide_try_select(NULL, 0), -EAGAIN);
	bide_queue_free(queue);
}

VIRTUAL_TEST(select_refuses_more_arms_than_an_index_can_tell)
{
	bide_arm arm = { 0 };
	CHECK_INT(bide_select(&arm, (size_t)INT_MAX + 1), -EINVAL);
	CHECK_INT(bide_try_select(&arm, (size_t)INT_MAX + 1), -EINVAL);
}

/* ---- which of several --------------------------------------------------------------------- */

enum { ARMS = 5, ROUNDS = 5000 };

/* Each is chosen about as often as any other: of so many draws of a fifth the standard deviation is
 * 28, and six of them are beyond all chance. */
VIRTUAL_TEST(select_is_fair_among_those_that_are_ready)
{
	int chosen[ARMS] = { 0 };
	for (int i = 0; i < ROUNDS; i++) {
		bide_arm arms[ARMS] = { { 0 } };
		for (int k = 0; k < ARMS; k++)
			arms[k] = bide_arm_sleep(0);
		int k = bide_select(arms, ARMS);
		CHECK(k >= 0 && k < ARMS);
		chosen[k]++;
	}
	for (int k = 0; k < ARMS; k++)
		EXPECT(abs(chosen[k] - ROUNDS / ARMS) < 6 * 28);
}

VIRTUAL_TEST(select_is_fair_however_the_ready_ones_lie)
{
	int first = 0;
	for (int i = 0; i < ROUNDS; i++) {
		bide_arm arms[ARMS] = { bide_arm_sleep(0), { 0 }, { 0 }, { 0 }, bide_arm_sleep(0) };
		int k = bide_select(arms, ARMS);
		CHECK(k == 0 || k == ARMS - 1);
		first += k == 0;
	}
	EXPECT(abs(first - ROUNDS / 2) < 6 * 36);
}

/* ---- messages ----------------------------------------------------------------------------- */

static BIDE_ASYNC(int, select_for_ever, void);
static int select_for_ever(void)
{
	int item;
	bide_arm arms[] = { bide_arm_get(queue, &item), bide_arm_event(&event) };
	int chosen = bide_select(arms, 2);
	bide_queue_free(queue);
	return chosen;
}

static BIDE_ASYNC(int, deadlocked, void);
static int deadlocked(void)
{
	queue = open_queue(0);
	event = (bide_event)BIDE_EVENT_INIT;
	return select_for_ever();
}

TEST(a_deadlock_tells_who_waits_in_a_select)
{
	CHECK_INT(RUN_VIRTUAL(deadlocked), -EDEADLK);
	CHECK(strstr(reports.message[0], "waits in bide_select for the first of 2: bide_queue_get, "
	                                 "bide_event_wait") != NULL);
}

/* ---- broken contracts --------------------------------------------------------------------- */

static BIDE_ASYNC(void, wrong_type, void);
static void wrong_type(void)
{
	double item;
	queue = open_queue(0);
	bide_arm arms[] = { bide_arm_get(queue, &item) };
	(void)!bide_select(arms, 1);
}

TEST_ABORTS(select_with_a_pointer_to_another_type_aborts, "&item points to a type of 8 bytes")
{
	(void)bide_run(wrong_type);
}

static BIDE_ASYNC(void, odd_arm, void);
static void odd_arm(void)
{
	bide_arm arms[] = { bide_arm_sleep(1) };
	memset(&arms[0].kind, 0x55, sizeof arms[0].kind);
	(void)!bide_select(arms, 1);
}

TEST_ABORTS(select_with_something_that_is_no_arm_aborts, "bide_select: ")
{
	(void)bide_run(odd_arm);
}

static BIDE_ASYNC(void, twice_one_task, void);
static void twice_one_task(void)
{
	bide_task *task = bide_spawn(nap, 5.0, 42);
	bide_arm arms[] = { bide_arm_task(task), bide_arm_task(task) };
	(void)!bide_select(arms, 2);
}

TEST_ABORTS(select_with_a_task_twice_aborts, "is awaited already")
{
	(void)bide_run(twice_one_task);
}

static BIDE_ASYNC(void, free_under_a_select, void);
static void free_under_a_select(void)
{
	const bide_task_options named = { .name = "chooser" };
	queue = open_queue(0);
	bide_detach(bide_spawn_with(&named, select_item_or_long_sleep));
	bide_yield();
	bide_queue_free(queue);
}

TEST_ABORTS(queue_that_a_named_task_selects_is_not_freed, "task 'chooser' (#2) waits in ")
{
	(void)RUN_VIRTUAL(free_under_a_select);
}

static BIDE_ASYNC_LIGHT(void, event_of_a_light_task, void);
static void event_of_a_light_task(void)
{
	bide_event own = BIDE_EVENT_INIT;
	bide_arm arms[] = { bide_arm_event(&own) };
	(void)!bide_select(arms, 1);
}

TEST_ABORTS(select_with_an_event_on_a_light_stack_aborts, "lies on the stack of a light task")
{
	(void)bide_run(event_of_a_light_task);
}

TEST_ABORTS(select_outside_of_tasks_aborts, "bide_select")
{
	(void)!bide_select(NULL, 0);
}
