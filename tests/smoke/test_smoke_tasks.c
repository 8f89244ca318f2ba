// SPDX-License-Identifier: MIT
/* A little of everything that tasks do, quick enough for emulators and Memcheck. */
#include "core/child_kit.h"

#include <bide.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const bide_options virtual = { .backend = BIDE_BACKEND_VIRTUAL, .seed = 11 };

/* ---- the lesson --------------------------------------------------------------------------- */

BIDE_ASYNC_LIGHT(double, wait_random, int);
double wait_random(int max_delay)
{
	double delay = bide_uniform(0, max_delay);
	int rc = bide_sleep(delay);

	if (rc < 0)
		bide_fail(rc);
	return delay;
}

BIDE_ASYNC(double, wait_random_full, int);
double wait_random_full(int max_delay)
{
	return wait_random(max_delay);
}

BIDE_ASYNC(int, wait_n, int, int, double *);
int wait_n(int n, int max_delay, double *delays)
{
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++) {
			if (i % 2 == 0)
				bide_group_spawn(group, wait_random, max_delay);
			else
				bide_group_spawn(group, wait_random_full, max_delay);
		}
		for (bide_task *t; (t = bide_group_next(group));)
			*delays++ = bide_await(double, t);
	}
	return rc;
}

TEST(smoke_delays_come_ascending)
{
	double delays[60];
	int result = -1;

	EXPECT_INT(bide_try_run(&virtual, &result, wait_n, 60, 10, delays), 0);
	EXPECT_INT(result, 0);
	for (int i = 1; i < 60; i++)
		EXPECT(delays[i - 1] <= delays[i]);
	EXPECT(delays[0] >= 0 && delays[59] <= 10);
}

/* ---- ways to wait ------------------------------------------------------------------------- */

BIDE_ASYNC(int, fail_after, double, int);
int fail_after(double seconds, int error)
{
	int rc = bide_sleep(seconds);

	return rc < 0 ? rc : error;
}

enum { WAYS = 12 };

BIDE_ASYNC(int, wait_in_many_ways, void);
int wait_in_many_ways(void)
{
	bide_task *tasks[WAYS];
	double results[WAYS];
	int completed = 0;

	for (int i = 0; i < WAYS; i++)
		tasks[i] = bide_spawn(wait_random, i);
	EXPECT_INT(bide_wait(tasks, WAYS, BIDE_FIRST_COMPLETED), 1);
	EXPECT_INT(bide_gather(tasks, WAYS, results), 0);
	for (int i = 0; i < WAYS; i++) {
		EXPECT(results[i] <= i);
		tasks[i] = bide_spawn(wait_random_full, WAYS - i);
	}
	BIDE_AS_COMPLETED(t, tasks, WAYS) {
		completed += bide_await(double, t) >= 0;
	}
	EXPECT_INT(completed, WAYS);
	EXPECT_INT(bide_wait_for(bide_spawn(wait_random, 0), 10.0, NULL), 0);
	EXPECT_INT(bide_wait_for(bide_spawn(fail_after, 100.0, 0), 1.0, NULL), -ETIMEDOUT);
	EXPECT_INT(bide_join(bide_spawn(fail_after, 1.0, -EIO)), -EIO);
	return 0;
}

TEST(smoke_tasks_are_waited_for_in_many_ways)
{
	int result = -1;

	EXPECT_INT(bide_try_run(&virtual, &result, wait_in_many_ways), 0);
	EXPECT_INT(result, 0);
}

/* ---- structure ---------------------------------------------------------------------------- */

BIDE_ASYNC_LIGHT(int, structure, int);
int structure(int n)
{
	int group_rc = 1, timeout_rc = 1, scope_rc = 1;

	BIDE_GROUP(group, group_rc) {
		for (int i = 0; i < n; i++)
			bide_group_spawn(group, fail_after, i + 1.0, i == n / 2 ? -EPROTO : 0);
		EXPECT_INT(bide_sleep(1000), -ECANCELED);
	}
	EXPECT_INT(group_rc, -EPROTO);
	BIDE_TIMEOUT(2, timeout_rc) {
		EXPECT_INT(bide_sleep(5), -ETIMEDOUT);
		BIDE_SHIELD {
			EXPECT_INT(bide_sleep(1), 0);
		}
	}
	EXPECT_INT(timeout_rc, -ETIMEDOUT);
	BIDE_SCOPE(scope, scope_rc) {
		bide_scope_cancel(scope);
		EXPECT_INT(bide_yield(), -ECANCELED);
	}
	EXPECT_INT(scope_rc, -ECANCELED);
	return 0;
}

TEST(smoke_structure_holds)
{
	for (int light = BIDE_LIGHT_AUTO; light <= BIDE_LIGHT_EVICT; light++) {
		const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL,
			                       .light = (enum bide_light)light };
		int result = -1;
		EXPECT_INT(bide_try_run(&options, &result, structure, 20), 0);
		EXPECT_INT(result, 0);
	}
}

/* ---- memory ------------------------------------------------------------------------------- */

struct large {
	char bytes[400];
};

BIDE_ASYNC(struct large, turn_around, struct large);
struct large turn_around(struct large large)
{
	struct large turned;

	bide_yield();
	for (size_t i = 0; i < sizeof large; i++)
		turned.bytes[i] = large.bytes[sizeof large - 1 - i];
	return turned;
}

static void free_value(void *value)
{
	free(value);
}

static const bide_local local = { free_value };

BIDE_ASYNC_LIGHT(int, hold_memory, int);
int hold_memory(int i)
{
	char *own = strdup("held across a suspension");
	char *value = strdup("task-local");
	struct large large;

	CHECK_RET(own != NULL && value != NULL, 1);
	EXPECT_INT(bide_local_set(&local, value), 0);
	for (size_t k = 0; k < sizeof large; k++)
		large.bytes[k] = (char)(i + (int)k);
	large = bide_await(struct large, bide_spawn(turn_around, large));
	EXPECT_INT(large.bytes[0], (char)(i + 399));
	EXPECT_INT(large.bytes[399], (char)i);
	EXPECT_INT(bide_task_set_name(bide_current_task(), "named"), 0);
	bide_sleep(i);
	EXPECT_STR(own, "held across a suspension");
	EXPECT_STR(bide_local_get(&local), "task-local");
	free(own);
	return 0;
}

BIDE_ASYNC(int, hold_much_memory, int);
int hold_much_memory(int n)
{
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++)
			bide_group_spawn(group, hold_memory, i);
	}
	return rc;
}

TEST(smoke_memory_is_freed)
{
	int result = -1;

	EXPECT_INT(bide_try_run(&virtual, &result, hold_much_memory, 40), 0);
	EXPECT_INT(result, 0);
}

/* ---- leaks -------------------------------------------------------------------------------- */

static volatile char *volatile last; /* keeps compilers from leaving the allocations out */

BIDE_ASYNC(int, hold_on_stack, int);
int hold_on_stack(int i)
{
	char *own = malloc(100);

	last = own;
	int rc = bide_sleep(i);
	free(own);
	return rc;
}

BIDE_ASYNC_LIGHT(int, hold_on_stack_light, int);
int hold_on_stack_light(int i)
{
	return hold_on_stack(i);
}

BIDE_ASYNC(int, exit_among_parked, int);
int exit_among_parked(int n)
{
	const bide_task_options named = { .name = "whose name is memory, too" };

	for (int i = 0; i < n; i++) {
		bide_detach(bide_spawn_with(&named, hold_on_stack, 1000));
		bide_detach(bide_spawn(hold_on_stack_light, 1000));
	}
	bide_yield();
	last = NULL;
	exit(7);
}

static void exit_in_the_middle(void)
{
	bide_try_run(&virtual, NULL, exit_among_parked, 20);
}

/* A leak checker finds what is held by the stacks of parked tasks; other builds only exit. */
TEST(smoke_memory_held_by_parked_tasks_is_no_leak)
{
	struct child child;

	child_run(&child, exit_in_the_middle);
	EXPECT(child_exited(&child, 7));
	EXPECT(strstr(child.text, "leak") == NULL);
}
