// SPDX-License-Identifier: MIT
/* The ways out of a group's block: break, continue, goto and return cancel what still runs and join
 * it; what is after the block runs uncancelled; and locals survive. */
#include "core/virtual_kit.h"

static int left_rc;

/* ---- break, continue, goto, return -------------------------------------------------------- */

VIRTUAL_TEST(break_leaves_a_group_and_cancels_its_tasks)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, tick, 5.0, 'A');
		bide_group_spawn(group, tick, 1.0, 'B');
		EXPECT_INT(bide_sleep(2), 0);
		if (rc != 8)
			break;
		note('!');
	}
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "Ba");
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_ELAPSED(3);
}

/* A block is run once: continue is its end, which waits. */
VIRTUAL_TEST(continue_is_the_end_of_a_group_s_block)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, tick, 5.0, 'A');
		if (rc != 8)
			continue;
		note('!');
	}
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "A");
	EXPECT_ELAPSED(5);
}

VIRTUAL_TEST(goto_leaves_a_group_and_cancels_its_tasks)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, tick, 5.0, 'A');
		EXPECT_INT(bide_sleep(1), 0);
		if (rc != 8)
			goto out;
		note('!');
	}
	note('?');
out:
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "a");
	EXPECT_ELAPSED(1);
}

static BIDE_ASYNC(int, returns, int);
static int returns(int result)
{
	BIDE_GROUP(group, left_rc) {
		bide_group_spawn(group, tick, 5.0, 'A');
		if (bide_sleep(1) < 0)
			return -ECANCELED;
		return result;
	}
	return -EPERM;
}

VIRTUAL_TEST(return_leaves_a_group_and_cancels_its_tasks)
{
	left_rc = 7;
	EXPECT_INT(returns(42), 42);
	EXPECT_INT(left_rc, 0);
	EXPECT_STR(trace, "a");
	EXPECT_ELAPSED(1);
}

VIRTUAL_TEST(return_out_of_a_group_is_the_task_s_result)
{
	EXPECT_INT(bide_await(int, bide_spawn(returns, 42)), 42);
	EXPECT_INT(bide_await(int, bide_spawn(returns, -EIO)), -EIO);
	EXPECT_STR(trace, "aa");
	EXPECT_ELAPSED(2);
}

static int return_the_sum(int n)
{
	int sum = 0, rc = 0;
	BIDE_GROUP(group, rc) {
		for (int i = 1; i <= n; i++)
			bide_group_spawn(group, nap, (double)i, i);
		for (bide_task *t; (t = bide_group_next(group)) != NULL;) {
			sum += bide_await(int, t);
			if (sum > 5)
				return sum;
		}
	}
	return rc < 0 ? rc : -sum;
}

VIRTUAL_TEST(a_result_made_in_a_group_s_block_survives_the_wait_for_its_end)
{
	EXPECT_INT(return_the_sum(9), 6);
	EXPECT_ELAPSED(3);
	EXPECT_INT(return_the_sum(2), -3);
	EXPECT_ELAPSED(5);
}

/* ---- what is left waits for clean-up ------------------------------------------------------ */

VIRTUAL_TEST(a_group_left_by_break_waits_for_clean_up)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, tidy, 9.0, 2.0, 0);
		EXPECT_INT(bide_sleep(1), 0);
		break;
	}
	EXPECT_INT(rc, 0);
	EXPECT_ELAPSED(3);
}

static BIDE_ASYNC(int, fails_when_cancelled, int);
static int fails_when_cancelled(int error)
{
	return bide_sleep(9) < 0 ? error : 0;
}

VIRTUAL_TEST(a_failure_in_the_clean_up_of_a_group_left_by_break_is_its_rc)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, fails_when_cancelled, -EIO);
		EXPECT_INT(bide_sleep(1), 0);
		break;
	}
	EXPECT_INT(rc, -EIO);
}

VIRTUAL_TEST(a_group_left_before_its_tasks_began_lets_each_body_run)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, tick, 9.0, 'A');
		break;
	}
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "a");
	EXPECT_ELAPSED(0);
}

static BIDE_ASYNC(int, leaves_when_cancelled, void);
static int leaves_when_cancelled(void)
{
	BIDE_GROUP(group, left_rc) {
		bide_group_spawn(group, tidy, 9.0, 2.0, 0);
		if (bide_sleep(9) < 0)
			return -ECANCELED;
	}
	return 0;
}

VIRTUAL_TEST(a_cancelled_body_may_return_and_the_group_is_still_joined)
{
	bide_task *task = bide_spawn(leaves_when_cancelled);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(left_rc, -ECANCELED);
	EXPECT_ELAPSED(3);
}

/* ---- several blocks at once --------------------------------------------------------------- */

static int out_of_three(void)
{
	int inner = 7, fired = 7;
	BIDE_GROUP(first, left_rc) {
		bide_group_spawn(first, tick, 9.0, 'A');
		BIDE_TIMEOUT(5, fired) {
			BIDE_GROUP(second, inner) {
				bide_group_spawn(second, tick, 9.0, 'B');
				EXPECT_INT(bide_sleep(1), 0);
				return 42;
			}
		}
	}
	return inner + fired;
}

VIRTUAL_TEST(return_leaves_all_blocks_from_the_inside_out)
{
	left_rc = 7;
	EXPECT_INT(out_of_three(), 42);
	EXPECT_INT(left_rc, 0);
	EXPECT_STR(trace, "ba");
	EXPECT_INT(bide_cancelled(), 0);
	EXPECT_INT(isinf(bide_deadline()), 1);
	EXPECT_ELAPSED(1);
}

static int goto_out_of_loops(void)
{
	int rounds = 0;
	for (int i = 0; i < 3; i++) {
		int rc = 7;
		BIDE_GROUP(group, rc) {
			bide_group_spawn(group, tick, 9.0, 'A');
			while (true) {
				if (bide_sleep(1) < 0)
					return -ECANCELED;
				if (++rounds % 2 == 0)
					break;
				if (rounds == 5)
					goto out;
			}
			break;
		}
		if (rc != 0)
			return rc;
	}
out:
	return rounds;
}

VIRTUAL_TEST(a_group_in_a_loop_is_left_each_time)
{
	EXPECT_INT(goto_out_of_loops(), 5);
	EXPECT_STR(trace, "aaa");
	EXPECT_ELAPSED(5);
}

VIRTUAL_TEST(goto_back_enters_a_group_afresh)
{
	int rc = 7, rounds = 0;
again:
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, tick, 9.0, 'A');
		EXPECT_INT(bide_sleep(1), 0);
		if (++rounds < 3)
			goto again;
		break;
	}
	EXPECT_INT(rounds, 3);
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "aaa");
	EXPECT_ELAPSED(3);
}

/* ---- locals around a block ---------------------------------------------------------------- */

/* More live values than there are registers, used on both sides of each way out. */
static long many_locals(long seed, int way)
{
	long a = seed, b = a * 3 + 1, c = b ^ a, d = c + b, e = d * 7, f = e - c, g = f ^ d,
	     h = g + 11;
	double x = (double)a / 3, y = x * x, z = y + x;
	int rc = 0;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, nap, 1.0, (int)way);
		a += bide_sleep(0.5);
		if (way == 1)
			break;
		if (way == 2)
			goto out;
		b += bide_sleep(0.5);
		h ^= a + b;
	}
out:
	h ^= way == 1 || way == 2 ? a + b : 0;
	return a ^ b ^ c ^ d ^ e ^ f ^ g ^ h ^ (long)(x + y + z) ^ rc;
}

VIRTUAL_TEST(locals_are_the_same_after_a_block_whichever_way_it_is_left)
{
	for (long seed = 1; seed < 50; seed += 7) {
		long expected = many_locals(seed, 0);
		EXPECT_INT(many_locals(seed, 1), expected);
		EXPECT_INT(many_locals(seed, 2), expected);
		EXPECT_INT(many_locals(seed, 3), expected);
	}
}
