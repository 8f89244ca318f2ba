// SPDX-License-Identifier: MIT
/* BIDE_SHIELD: what it holds off, what it does not, and what comes afterwards. */
#include "core/virtual_kit.h"

/* ---- what it holds off -------------------------------------------------------------------- */

static int shielded, after;

static BIDE_ASYNC_LIGHT(int, shield_and_go_on, double);
static int shield_and_go_on(double seconds)
{
	shielded = after = 7;
	BIDE_SHIELD {
		shielded = bide_sleep(seconds);
		note('S');
		EXPECT_INT(bide_cancelled(), 0);
	}
	after = bide_sleep(seconds);
	note('E');
	return after;
}

VIRTUAL_TEST(shield_holds_off_a_cancellation_which_bites_afterwards)
{
	bide_task *task = bide_spawn(shield_and_go_on, 3.0);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_cancel(task), 0);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(shielded, 0);
	EXPECT_INT(after, -ECANCELED);
	EXPECT_ELAPSED(3.0);
}

VIRTUAL_TEST(shield_holds_off_what_came_before_it)
{
	bide_task *task = bide_spawn(shield_and_go_on, 3.0);
	EXPECT_INT(bide_cancel(task), 1); /* before its body began */
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(shielded, 0);
	EXPECT_INT(after, -ECANCELED);
	EXPECT_ELAPSED(3.0);
}

static BIDE_ASYNC_LIGHT(int, shield_all, double);
static int shield_all(double seconds)
{
	int rc = 7;
	BIDE_SHIELD {
		rc = bide_sleep(seconds);
	}
	return rc < 0 ? rc : 42;
}

VIRTUAL_TEST(shield_to_the_end_makes_a_cancelled_task_end_with_its_result)
{
	bide_task *task = bide_spawn(shield_all, 3.0);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_wait(&task, 1, BIDE_ALL), 1);
	EXPECT(!bide_task_cancelled(task));
	EXPECT_INT(bide_await(int, task), 42);
	EXPECT_ELAPSED(3.0);
}

VIRTUAL_TEST(shield_holds_off_deadlines_and_scopes_around_it)
{
	int timed = 7, scoped = 7;
	BIDE_TIMEOUT(1, timed) {
		BIDE_SCOPE(scope, scoped) {
			bide_scope_cancel(scope);
			BIDE_SHIELD {
				EXPECT_INT(bide_sleep(3), 0);
				EXPECT_INT(bide_yield(), 0);
			}
			EXPECT_INT(bide_yield(), -ETIMEDOUT);
		}
	}
	EXPECT_INT(scoped, 0);
	EXPECT_INT(timed, -ETIMEDOUT);
	EXPECT_ELAPSED(3.0);
}

VIRTUAL_TEST(shield_does_not_hold_off_a_scope_inside_it)
{
	int rc = 7;
	BIDE_SHIELD {
		BIDE_TIMEOUT(1, rc) {
			EXPECT_INT(bide_sleep(5), -ETIMEDOUT);
		}
		EXPECT_INT(rc, -ETIMEDOUT);
		EXPECT_INT(bide_sleep(1), 0);
	}
	EXPECT_ELAPSED(2.0);
}

VIRTUAL_TEST(shield_between_two_scopes_lets_the_inner_one_through)
{
	int outer = 7, inner = 7;
	BIDE_TIMEOUT(1, outer) {
		BIDE_SHIELD {
			BIDE_TIMEOUT(2, inner) {
				EXPECT_INT(bide_sleep(5), -ETIMEDOUT);
				EXPECT_ELAPSED(2.0);
			}
		}
		EXPECT_INT(inner, -ETIMEDOUT);
		EXPECT_INT(bide_yield(), -ETIMEDOUT);
	}
	EXPECT_INT(outer, -ETIMEDOUT);
}

/* ---- nesting ------------------------------------------------------------------------------ */

VIRTUAL_TEST(shields_nest)
{
	int rc = 7;
	BIDE_SCOPE(scope, rc) {
		bide_scope_cancel(scope);
		BIDE_SHIELD {
			BIDE_SHIELD {
				EXPECT_INT(bide_yield(), 0);
			}
			EXPECT_INT(bide_yield(), 0);
		}
		EXPECT_INT(bide_yield(), -ECANCELED);
		BIDE_SHIELD {
			EXPECT_INT(bide_yield(), 0);
		}
		EXPECT_INT(bide_yield(), -ECANCELED);
	}
	EXPECT_INT(rc, -ECANCELED);
}

VIRTUAL_TEST(shield_functions_nest_as_the_blocks_do)
{
	int rc = 7;
	BIDE_SCOPE(scope, rc) {
		bide_scope_cancel(scope);
		bide_shield_open();
		bide_shield_open();
		bide_shield_close();
		EXPECT_INT(bide_yield(), 0);
		bide_shield_close();
		EXPECT_INT(bide_yield(), -ECANCELED);
	}
}

VIRTUAL_TEST(shields_nest_a_thousand_deep)
{
	int rc = 7;
	BIDE_SCOPE(scope, rc) {
		bide_scope_cancel(scope);
		for (int i = 0; i < 1000; i++)
			bide_shield_open();
		for (int i = 0; i < 1000; i++) {
			EXPECT_INT(bide_cancelled(), 0);
			bide_shield_close();
		}
		EXPECT_INT(bide_cancelled(), -ECANCELED);
	}
}

VIRTUAL_TEST(shields_and_scopes_by_turns)
{
	int rcs[3] = { 7, 7, 7 };
	BIDE_TIMEOUT(1, rcs[0]) {
		BIDE_SHIELD {
			BIDE_TIMEOUT(2, rcs[1]) {
				BIDE_SHIELD {
					BIDE_TIMEOUT(3, rcs[2]) {
						EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
						EXPECT_ELAPSED(3.0);
					}
					EXPECT_INT(bide_sleep(1), 0);
				}
				EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
			}
			EXPECT_INT(bide_sleep(1), 0);
		}
		EXPECT_INT(bide_sleep(10), -ETIMEDOUT);
	}
	for (int i = 0; i < 3; i++)
		EXPECT_INT(rcs[i], -ETIMEDOUT);
	EXPECT_ELAPSED(5.0);
}

/* ---- with groups -------------------------------------------------------------------------- */

VIRTUAL_TEST(shield_around_a_group_covers_its_tasks)
{
	int rc = 7, grouped = 7;
	BIDE_TIMEOUT(1, rc) {
		BIDE_SHIELD {
			BIDE_GROUP(group, grouped) {
				bide_group_spawn(group, tick, 3.0, 'A');
				EXPECT_INT(bide_sleep(2), 0);
			}
		}
		EXPECT_INT(grouped, 0);
		EXPECT_STR(trace, "A");
		EXPECT_INT(bide_yield(), -ETIMEDOUT);
	}
	EXPECT_ELAPSED(3.0);
}

VIRTUAL_TEST(shield_in_the_body_of_a_group_does_not_cover_its_tasks)
{
	int rc = 7, grouped = 7;
	BIDE_TIMEOUT(1, rc) {
		BIDE_GROUP(group, grouped) {
			bide_group_spawn(group, tick, 3.0, 'A');
			BIDE_SHIELD {
				bide_group_spawn(group, tick, 3.0, 'B');
				EXPECT_INT(bide_sleep(2), 0);
				EXPECT_STR(trace, "ab");
			}
		}
	}
	EXPECT_INT(grouped, -ETIMEDOUT);
	EXPECT_ELAPSED(2.0);
}

VIRTUAL_TEST(shield_in_the_body_of_a_group_holds_off_a_siblings_failure)
{
	int grouped = 7;
	BIDE_GROUP(group, grouped) {
		bide_group_spawn(group, nap, 1.0, -EIO);
		BIDE_SHIELD {
			EXPECT_INT(bide_sleep(3), 0);
		}
		EXPECT_INT(bide_sleep(3), -ECANCELED);
	}
	EXPECT_INT(grouped, -EIO);
	EXPECT_ELAPSED(3.0);
}

VIRTUAL_TEST(shield_in_a_task_of_a_group_makes_the_group_wait)
{
	int rc = 7, grouped = 7;
	BIDE_TIMEOUT(1, rc) {
		BIDE_GROUP(group, grouped) {
			bide_group_spawn(group, stubborn, 4.0, 0);
			bide_group_spawn(group, tick, 5.0, 'A');
		}
	}
	EXPECT_STR(trace, "a");
	EXPECT_INT(grouped, -ETIMEDOUT);
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_ELAPSED(4.0);
}

VIRTUAL_TEST(shield_around_a_group_does_not_hold_off_a_failure_in_it)
{
	int grouped = 7;
	BIDE_SHIELD {
		BIDE_GROUP(group, grouped) {
			bide_group_spawn(group, nap, 1.0, -EIO);
			bide_group_spawn(group, tick, 5.0, 'A');
		}
	}
	EXPECT_STR(trace, "a");
	EXPECT_INT(grouped, -EIO);
	EXPECT_ELAPSED(1.0);
}

/* ---- with awaits: asyncio's shield(task) -------------------------------------------------- */

VIRTUAL_TEST(shield_around_an_await_keeps_the_awaited_task_from_being_cancelled)
{
	int rc = 7, awaited = 7;
	BIDE_TIMEOUT(1, rc) {
		BIDE_SHIELD {
			awaited = bide_await(int, bide_spawn(nap, 3.0, 42));
		}
		EXPECT_INT(bide_yield(), -ETIMEDOUT);
	}
	EXPECT_INT(awaited, 42);
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_ELAPSED(3.0);
}

VIRTUAL_TEST(shield_around_an_await_does_not_protect_the_task_from_others)
{
	bide_task *task = bide_spawn(nap, 3.0, 42);
	bide_task *canceller = bide_spawn(cancel_later, 1.0, task);
	BIDE_SHIELD {
		EXPECT_INT(bide_await(int, task), -ECANCELED);
	}
	EXPECT_ELAPSED(1.0);
	EXPECT_INT(bide_join(canceller), 0);
}

VIRTUAL_TEST(shield_around_an_await_lets_a_failure_through)
{
	BIDE_SHIELD {
		EXPECT_INT(bide_await(int, bide_spawn(nap, 1.0, -EIO)), -EIO);
	}
}

static BIDE_ASYNC_LIGHT(int, await_in_a_shield, double);
static int await_in_a_shield(double seconds)
{
	int rc = 7;
	BIDE_SHIELD {
		rc = bide_await(int, bide_spawn(tick, seconds, 'A'));
	}
	return rc < 0 ? rc : bide_yield();
}

VIRTUAL_TEST(shield_around_an_await_delays_the_cancellation_of_the_awaiter)
{
	bide_task *task = bide_spawn(await_in_a_shield, 3.0);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_STR(trace, "A");
	EXPECT_ELAPSED(3.0);
}
