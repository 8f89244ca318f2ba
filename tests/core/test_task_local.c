// SPDX-License-Identifier: MIT
/* Task-local values: what contextvars promise. Each task has its own, inherited when it was
 * spawned; and a value's destructor runs once, when no task holds the value any longer. */
#include "core/virtual_kit.h"

static int destroyed;
static void destroy(void *value)
{
	destroyed++;
	note(*(char *)value);
}

static const bide_local plain, other, owned = { destroy };
static char letters[] = "ABCDEFGH";

/* ---- values ------------------------------------------------------------------------------- */

VIRTUAL_TEST(a_local_is_null_until_it_is_set)
{
	EXPECT_PTR(bide_local_get(&plain), NULL);
	EXPECT_INT(bide_local_set(&plain, &letters[0]), 0);
	EXPECT_PTR(bide_local_get(&plain), &letters[0]);
	EXPECT_PTR(bide_local_get(&other), NULL);
	EXPECT_INT(bide_local_set(&other, &letters[1]), 0);
	EXPECT_PTR(bide_local_get(&plain), &letters[0]);
	EXPECT_PTR(bide_local_get(&other), &letters[1]);
	EXPECT_INT(bide_local_set(&plain, NULL), 0);
	EXPECT_PTR(bide_local_get(&plain), NULL);
}

TEST(outside_tasks_locals_are_null)
{
	CHECK_NULL(bide_local_get(&plain));
}

TEST_ABORTS(a_local_is_set_in_a_task, "bide_local_set: there is no task")
{
	(void)bide_local_set(&plain, &letters[0]);
}

/* ---- inherited ---------------------------------------------------------------------------- */

static BIDE_ASYNC_LIGHT(int, finds, void *, double);
static int finds(void *value, double seconds)
{
	EXPECT_PTR(bide_local_get(&plain), value);
	int rc = bide_sleep(seconds);
	EXPECT_PTR(bide_local_get(&plain), value);
	return rc;
}

VIRTUAL_TEST(a_task_has_the_values_that_its_parent_had_when_it_was_spawned)
{
	EXPECT_INT(bide_local_set(&plain, &letters[0]), 0);
	bide_task *before = bide_spawn(finds, (void *)&letters[0], 2.0);
	EXPECT_INT(bide_local_set(&plain, &letters[1]), 0);
	bide_task *after = bide_spawn(finds, (void *)&letters[1], 1.0);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(bide_local_set(&plain, &letters[2]), 0);
	EXPECT_INT(bide_join(before), 0);
	EXPECT_INT(bide_join(after), 0);
	EXPECT_PTR(bide_local_get(&plain), &letters[2]);
}

static BIDE_ASYNC_LIGHT(int, sets, char *);
static int sets(char *value)
{
	EXPECT_PTR(bide_local_get(&plain), &letters[0]);
	EXPECT_INT(bide_local_set(&plain, value), 0);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_PTR(bide_local_get(&plain), value);
	return 0;
}

VIRTUAL_TEST(what_a_task_sets_its_parent_and_siblings_do_not_see)
{
	EXPECT_INT(bide_local_set(&plain, &letters[0]), 0);
	bide_task *tasks[] = { bide_spawn(sets, &letters[1]), bide_spawn(sets, &letters[2]) };
	EXPECT_INT(bide_gather(tasks, 2, (int *)NULL), 0);
	EXPECT_PTR(bide_local_get(&plain), &letters[0]);
}

static BIDE_ASYNC_LIGHT(int, grandchild, int);
static int grandchild(int depth)
{
	EXPECT_PTR(bide_local_get(&plain), &letters[0]);
	return depth == 0 ? 0 : bide_join(bide_spawn(grandchild, depth - 1));
}

VIRTUAL_TEST(values_pass_down_the_generations)
{
	EXPECT_INT(bide_local_set(&plain, &letters[0]), 0);
	EXPECT_INT(bide_join(bide_spawn(grandchild, 20)), 0);
}

VIRTUAL_TEST(tasks_of_a_group_inherit_from_who_spawns_them)
{
	int rc = 7;
	EXPECT_INT(bide_local_set(&plain, &letters[0]), 0);
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, finds, (void *)&letters[0], 1.0);
		EXPECT_INT(bide_local_set(&plain, &letters[1]), 0);
		bide_group_spawn(group, finds, (void *)&letters[1], 1.0);
	}
	EXPECT_INT(rc, 0);
}

/* ---- destroyed ---------------------------------------------------------------------------- */

static BIDE_ASYNC(int, sets_owned, char *, double);
static int sets_owned(char *value, double seconds)
{
	EXPECT_INT(bide_local_set(&owned, value), 0);
	return bide_sleep(seconds);
}

VIRTUAL_TEST(a_value_is_destroyed_when_its_task_is_ended)
{
	destroyed = 0;
	bide_task *task = bide_spawn(sets_owned, &letters[0], 1.0);
	EXPECT_INT(bide_sleep(0.5), 0);
	EXPECT_INT(destroyed, 0);
	EXPECT_INT(bide_join(task), 0);
	EXPECT_INT(destroyed, 1);
	EXPECT_STR(trace, "A");
}

static bide_task *heir;
static BIDE_ASYNC(int, bequeaths, void);
static int bequeaths(void)
{
	EXPECT_INT(bide_local_set(&owned, &letters[0]), 0);
	heir = bide_spawn(nap, 5.0, 0);
	return 0;
}

VIRTUAL_TEST(a_value_lives_as_long_as_one_task_has_it)
{
	destroyed = 0;
	EXPECT_INT(bide_join(bide_spawn(bequeaths)), 0);
	EXPECT_INT(destroyed, 0);
	EXPECT_INT(bide_join(heir), 0);
	EXPECT_INT(destroyed, 1);
	EXPECT_ELAPSED(5);
}

VIRTUAL_TEST(a_value_that_is_set_again_is_destroyed)
{
	destroyed = 0;
	EXPECT_INT(bide_local_set(&owned, &letters[0]), 0);
	EXPECT_INT(bide_local_set(&owned, &letters[1]), 0);
	EXPECT_INT(destroyed, 1);
	EXPECT_INT(bide_local_set(&owned, &letters[2]), 0);
	EXPECT_STR(trace, "AB");
	EXPECT_PTR(bide_local_get(&owned), &letters[2]);
}

static BIDE_ASYNC(int, sets_and_ends, void);
static int sets_and_ends(void)
{
	return bide_local_set(&owned, &letters[0]);
}

TEST(the_main_task_s_values_are_destroyed_at_the_end_of_the_run)
{
	destroyed = 0;
	CHECK_INT(RUN_VIRTUAL(sets_and_ends), 0);
	CHECK_INT(destroyed, 1);
}

static BIDE_ASYNC(int, leaves_tasks_with_values, void);
static int leaves_tasks_with_values(void)
{
	EXPECT_INT(bide_local_set(&owned, &letters[0]), 0);
	for (int i = 1; i < 5; i++)
		bide_detach(bide_spawn(sets_owned, &letters[i], 9.0));
	EXPECT_INT(bide_sleep(1), 0);
	return 0;
}

TEST(the_values_of_tasks_cancelled_at_the_end_are_destroyed)
{
	destroyed = 0;
	CHECK_INT(RUN_VIRTUAL(leaves_tasks_with_values), 0);
	CHECK_INT(destroyed, 5);
}

VIRTUAL_TEST(a_value_set_a_million_times_takes_no_memory)
{
	destroyed = 0;
	for (int i = 0; i < 1000000; i++)
		EXPECT_INT(bide_local_set(&owned, &letters[i % 8]), 0);
	EXPECT_INT(destroyed, 999999);
	destroyed = 0;
}

VIRTUAL_TEST(two_values_set_by_turns_are_destroyed_too)
{
	destroyed = 0;
	for (int i = 0; i < 8; i++) {
		EXPECT_INT(bide_local_set(&owned, &letters[i]), 0);
		EXPECT_INT(bide_local_set(&plain, &letters[i]), 0);
	}
	EXPECT_PTR(bide_local_get(&owned), &letters[7]);
	EXPECT_PTR(bide_local_get(&plain), &letters[7]);
	EXPECT_INT(destroyed, 7);
}

static BIDE_ASYNC(int, sees, char *, double);
static int sees(char *value, double seconds)
{
	int rc = bide_sleep(seconds);
	EXPECT_PTR(bide_local_get(&owned), value);
	return rc;
}

VIRTUAL_TEST(a_value_set_again_stays_with_the_tasks_that_inherited_it)
{
	destroyed = 0;
	EXPECT_INT(bide_local_set(&owned, &letters[0]), 0);
	EXPECT_INT(bide_local_set(&plain, &letters[0]), 0);
	bide_task *task = bide_spawn(sees, &letters[0], 1.0);
	EXPECT_INT(bide_local_set(&owned, &letters[1]), 0);
	EXPECT_INT(bide_local_set(&owned, &letters[2]), 0);
	EXPECT_STR(trace, "B");
	EXPECT_INT(bide_join(task), 0);
	EXPECT_STR(trace, "BA");
	EXPECT_PTR(bide_local_get(&owned), &letters[2]);
}

/* As a server does that names each request. */
VIRTUAL_TEST(a_value_goes_when_the_last_task_that_inherited_it_does)
{
	bide_task *tasks[8];
	destroyed = 0;
	for (int i = 0; i < 8; i++) {
		EXPECT_INT(bide_local_set(&owned, &letters[i]), 0);
		tasks[i] = bide_spawn(sees, &letters[i], 1.5);
		EXPECT_INT(bide_sleep(1), 0);
		EXPECT_INT(destroyed, i > 0 ? i - 1 : 0);
		if (i > 0)
			EXPECT_INT(bide_join(tasks[i - 1]), 0);
		EXPECT_INT(destroyed, i);
	}
	EXPECT_STR(trace, "ABCDEFG");
	EXPECT_INT(bide_join(tasks[7]), 0);
	EXPECT_INT(destroyed, 7);
}

static const bide_local many[40];
VIRTUAL_TEST(a_task_may_have_many_locals)
{
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 40; i++)
			EXPECT_INT(bide_local_set(&many[i], &letters[(i + round) % 8]), 0);
	for (int i = 0; i < 40; i++)
		EXPECT_PTR(bide_local_get(&many[i]), &letters[(i + 2) % 8]);
}

static void suspend(void *value)
{
	(void)value;
	(void)bide_yield();
}

static BIDE_ASYNC(int, destructor_suspends, void);
static int destructor_suspends(void)
{
	static const bide_local local = { suspend };
	(void)bide_local_set(&local, &letters[0]);
	return bide_local_set(&local, &letters[1]);
}

TEST_ABORTS(a_destructor_must_not_suspend, "bide_yield:")
{
	(void)RUN_VIRTUAL(destructor_suspends);
}
