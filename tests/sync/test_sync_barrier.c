// SPDX-License-Identifier: MIT
/* bide_barrier: all go on when the last has come, round after round; abort and reset. */
#include "sync/sync_kit.h"

enum { N = 5 };

static bide_barrier barrier;
static int results[2 * N], count;

static BIDE_ASYNC_LIGHT(int, come, char);
static int come(char c)
{
	int rc = bide_barrier_wait(&barrier);
	note(rc < 0 ? (char)(c | 0x20) : c);
	return rc;
}

static void spawn_comers(bide_task **tasks, int n)
{
	for (int i = 0; i < n; i++)
		tasks[i] = bide_spawn(come, (char)('A' + i));
	settle();
}

static void expect_at_rest(void)
{
	EXPECT_INT(bide_barrier_waiting(&barrier), 0);
	EXPECT(!bide_barrier_broken(&barrier));
}

VIRTUAL_TEST(barrier_fills_task_by_task)
{
	bide_task *tasks[3];
	bide_barrier_init(&barrier, 3);
	for (int i = 0; i < 2; i++) {
		tasks[i] = bide_spawn(come, (char)('A' + i));
		settle();
		CHECK_INT(bide_barrier_waiting(&barrier), i + 1);
		EXPECT_TRACE("");
	}
	tasks[2] = bide_spawn(come, 'C');
	settle();
	expect_at_rest();
	EXPECT_TRACE("CAB"); /* the last one does not suspend */
	CHECK_INT(bide_gather(tasks, 3, results), 0);
	for (int i = 0; i < 3; i++)
		EXPECT_INT(results[i], i);
}

VIRTUAL_TEST(barrier_of_one_never_waits)
{
	static bide_barrier single = BIDE_BARRIER_INIT(1);
	CHECK_INT(bide_barrier_wait(&single), 0);
	CHECK_INT(bide_barrier_wait(&single), 0);
	CHECK_INT(bide_barrier_waiting(&single), 0);
}

VIRTUAL_TEST(barrier_for_nobody_is_invalid)
{
	static bide_barrier zero, negative = BIDE_BARRIER_INIT(-4);
	CHECK_INT(bide_barrier_wait(&zero), -EINVAL);
	CHECK_INT(bide_barrier_wait(&negative), -EINVAL);
}

static BIDE_ASYNC_LIGHT(int, come_often, int);
static int come_often(int rounds)
{
	int rc = 0;
	for (int i = 0; i < rounds && rc >= 0; i++) {
		count++;
		rc = bide_barrier_wait(&barrier);
		/* Nobody is a round ahead of another, or behind it. */
		EXPECT(count >= N * (i + 1) && count <= N * (i + 2));
	}
	return rc;
}

VIRTUAL_TEST(barrier_is_used_again_at_once)
{
	bide_task *tasks[N];
	bool seen[N] = { false };
	count = 0;
	bide_barrier_init(&barrier, N);
	for (int i = 0; i < N; i++)
		tasks[i] = bide_spawn(come_often, 20);
	CHECK_INT(bide_gather(tasks, N, results), 0);
	CHECK_INT(count, 20 * N);
	for (int i = 0; i < N; i++) {
		CHECK(results[i] >= 0 && results[i] < N);
		EXPECT(!seen[results[i]]);
		seen[results[i]] = true;
	}
	expect_at_rest();
}

/* Those that come again are not counted to the round that is just over. */
VIRTUAL_TEST(barrier_lets_the_next_round_begin_before_the_last_one_has_gone)
{
	bide_task *tasks[4];
	bide_barrier_init(&barrier, 3);
	spawn_comers(tasks, 2);
	CHECK_INT(bide_barrier_wait(&barrier), 2); /* nobody of the others has run */
	tasks[2] = bide_spawn(come, 'C');
	tasks[3] = bide_spawn(come, 'D');
	CHECK_INT(bide_barrier_wait(&barrier), 0);
	EXPECT_TRACE("ABD"); /* main, C and D: D was the last */
	settle();
	EXPECT_TRACE("C");
	CHECK_INT(bide_gather(tasks, 4, results), 0);
	CHECK_INT(results[2], 1);
	CHECK_INT(results[3], 2);
}

VIRTUAL_TEST(barrier_numbers_are_all_different_after_one_has_left)
{
	bide_task *tasks[4];
	bide_barrier_init(&barrier, 3);
	spawn_comers(tasks, 2);
	bide_cancel(tasks[0]);
	CHECK_INT(bide_join(tasks[0]), -ECANCELED);
	CHECK_INT(bide_barrier_waiting(&barrier), 1);
	EXPECT(!bide_barrier_broken(&barrier));
	tasks[2] = bide_spawn(come, 'C');
	settle();
	CHECK_INT(bide_barrier_waiting(&barrier), 2);
	EXPECT_TRACE("a");
	tasks[3] = bide_spawn(come, 'D');
	CHECK_INT(bide_gather(&tasks[1], 3, results), 0);
	for (int i = 0; i < 3; i++)
		EXPECT_INT(results[i], i);
	expect_at_rest();
}

VIRTUAL_TEST(barrier_wait_that_was_over_is_not_cancelled)
{
	bide_task *tasks[2];
	bide_barrier_init(&barrier, 3);
	spawn_comers(tasks, 2);
	CHECK_INT(bide_barrier_wait(&barrier), 2);
	bide_cancel(tasks[0]);
	CHECK_INT(bide_gather(tasks, 2, results), 0);
	CHECK_INT(results[0], 0);
}

VIRTUAL_TEST(barrier_is_refused_to_who_is_cancelled_already)
{
	bide_barrier_init(&barrier, 1);
	bide_task *task = bide_spawn(come, 'A');
	bide_cancel(task);
	CHECK_INT(bide_join(task), -ECANCELED);
}

/* ---- reset -------------------------------------------------------------------------------- */

VIRTUAL_TEST(barrier_reset_sends_away_who_waits)
{
	bide_task *tasks[N - 1];
	int errors[N - 1];
	bide_barrier_init(&barrier, N);
	bide_barrier_reset(&barrier);
	expect_at_rest();
	spawn_comers(tasks, N - 1);
	bide_barrier_reset(&barrier);
	expect_at_rest();
	CHECK_INT(bide_gather_collect(tasks, N - 1, results, errors), N - 1);
	for (int i = 0; i < N - 1; i++)
		EXPECT_INT(errors[i], -BIDE_EBROKEN);
	EXPECT_TRACE("abcd");
}

/* Sent away by the reset, comes again. */
static BIDE_ASYNC_LIGHT(int, come_again, void);
static int come_again(void)
{
	int rc = bide_barrier_wait(&barrier);
	EXPECT_INT(rc, -BIDE_EBROKEN);
	return bide_barrier_wait(&barrier);
}

VIRTUAL_TEST(barrier_is_good_at_once_after_a_reset)
{
	bide_task *tasks[N];
	bide_barrier_init(&barrier, N);
	for (int i = 0; i < N - 1; i++)
		tasks[i] = bide_spawn(come_again);
	settle();
	bide_barrier_reset(&barrier);
	settle();
	CHECK_INT(bide_barrier_waiting(&barrier), N - 1);
	tasks[N - 1] = bide_spawn(come, 'E');
	CHECK_INT(bide_gather(tasks, N, results), 0);
	for (int i = 0; i < N; i++)
		EXPECT_INT(results[i], i);
	expect_at_rest();
}

VIRTUAL_TEST(barrier_reset_does_not_concern_who_was_let_go)
{
	bide_task *tasks[2];
	bide_barrier_init(&barrier, 3);
	spawn_comers(tasks, 2);
	CHECK_INT(bide_barrier_wait(&barrier), 2);
	bide_barrier_reset(&barrier);
	CHECK_INT(bide_gather(tasks, 2, results), 0);
	EXPECT_TRACE("AB");
}

/* ---- abort -------------------------------------------------------------------------------- */

VIRTUAL_TEST(barrier_abort_breaks_it_until_a_reset)
{
	bide_task *tasks[2];
	int errors[2];
	bide_barrier_init(&barrier, 3);
	spawn_comers(tasks, 2);
	bide_barrier_abort(&barrier);
	CHECK(bide_barrier_broken(&barrier));
	CHECK_INT(bide_barrier_waiting(&barrier), 0);
	CHECK_INT(bide_barrier_wait(&barrier), -BIDE_EBROKEN);
	CHECK_INT(bide_gather_collect(tasks, 2, results, errors), 2);
	CHECK_INT(errors[0], -BIDE_EBROKEN);
	CHECK_INT(errors[1], -BIDE_EBROKEN);
	bide_barrier_abort(&barrier);
	CHECK_INT(bide_barrier_wait(&barrier), -BIDE_EBROKEN);
	bide_barrier_reset(&barrier);
	expect_at_rest();
	spawn_comers(tasks, 2);
	CHECK_INT(bide_barrier_wait(&barrier), 2);
	CHECK_INT(bide_gather(tasks, 2, results), 0);
}

/* One of those that passed the barrier gives up, and the others, that have come again, learn it. */
static BIDE_ASYNC_LIGHT(int, give_up_in_the_middle, void);
static int give_up_in_the_middle(void)
{
	int rc = bide_barrier_wait(&barrier);
	if (rc == N / 2) {
		bide_barrier_abort(&barrier);
		return 0;
	}
	rc = bide_barrier_wait(&barrier);
	count += rc == -BIDE_EBROKEN;
	return 0;
}

VIRTUAL_TEST(barrier_aborted_by_one_is_broken_for_all)
{
	bide_task *tasks[N];
	count = 0;
	bide_barrier_init(&barrier, N);
	for (int i = 0; i < N; i++)
		tasks[i] = bide_spawn(give_up_in_the_middle);
	CHECK_INT(bide_gather(tasks, N, results), 0);
	CHECK_INT(count, N - 1);
	CHECK(bide_barrier_broken(&barrier));
}

VIRTUAL_TEST(barrier_error_has_a_name)
{
	CHECK_STR(bide_strerror(-BIDE_EBROKEN), "the barrier is broken");
}

static BIDE_ASYNC(int, wait_for_two_more, void);
static int wait_for_two_more(void)
{
	static bide_barrier three = BIDE_BARRIER_INIT(3);
	return bide_barrier_wait(&three);
}

TEST(barrier_deadlock_report_says_how_many_are_missing)
{
	EXPECT_DEADLOCK_REPORT(
		"'wait_for_two_more' (#1) waits in bide_barrier_wait for 2 more of 3",
		wait_for_two_more);
}
