// SPDX-License-Identifier: MIT
/* Scenarios of mutexes, events, conditions, semaphores and barriers. What is struck lets go of
 * what it holds, and the others come to their end all the same. */
#include "sweep/tasks.h"

static bide_mutex mutex;
static bide_event event;
static bide_cond cond;
static bide_semaphore semaphore;
static bide_barrier barrier;

/* Each task of a scenario is the same code, every other one in a light task. */
#define BOTH(name, parameter, argument) \
	BIDE_ASYNC(int, name, parameter); \
	BIDE_ASYNC_LIGHT(int, light_##name, parameter); \
	static int do_##name(parameter argument); \
	int name(parameter argument) \
	{ \
		tally.entered++; \
		int result = do_##name(argument); \
		tally.left++; \
		return result; \
	} \
	int light_##name(parameter argument) \
	{ \
		tally.entered++; \
		int result = do_##name(argument); \
		tally.left++; \
		return result; \
	} \
	static int do_##name(parameter argument)

#define SPAWN(group, i, name, value) \
	((i) % 2 ? bide_group_spawn(group, light_##name, (value)) \
	         : bide_group_spawn(group, name, (value)))

/* Takes the results of a group's tasks. */
static void take_results(struct sum *sum, bide_group *group)
{
	for (bide_task *t; (t = bide_group_next(group)) != NULL;)
		sum_add(sum, bide_await(int, t));
	sum_add(sum, bide_cancelled());
}

/* ---- mutex ---------------------------------------------------------------------------------- */

/* What is done while something is held. */
static int hold(double seconds, int most)
{
	tally.acquired++;
	tally.running++;
	HOLDS(tally.running <= most);
	int rc = bide_sleep(seconds);
	tally.running--;
	tally.released++;
	return rc;
}

BOTH(lock_once, int, value)
{
	int rc;
	BIDE_LOCK(&mutex, rc)
		rc = hold(1, 1);
	return rc < 0 ? rc : value;
}

SCENARIO(a_mutex_had_in_turn, 21)
{
	struct sum sum = { 0, 0 };
	int rc;
	bide_mutex_init(&mutex);
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 6; i++)
			SPAWN(group, i, lock_once, i + 1);
		take_results(&sum, group);
	}
	HOLDS(!bide_mutex_locked(&mutex));
	sum_of_group(&sum, rc);
	return sum_result(&sum);
}

BOTH(lock_in_time, int, value)
{
	int late = 0, rc = 0;
	BIDE_TIMEOUT(2.5, late) {
		BIDE_LOCK(&mutex, rc)
			rc = hold(1, 1);
	}
	return late == -ETIMEDOUT && rc == late ? 1 : late < 0 ? late : rc < 0 ? rc : value;
}

SCENARIO_WITH(a_mutex_that_some_give_up_on, 24, SWEEP_LIGHT_MAIN, NULL)
{
	struct sum sum = { 0, 0 };
	int rc;
	bide_mutex_init(&mutex);
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 6; i++)
			SPAWN(group, i, lock_in_time, 10);
		take_results(&sum, group);
	}
	HOLDS(!bide_mutex_locked(&mutex));
	sum_of_group(&sum, rc);
	/* A deadline that fell in with the strike is as good. */
	return sum.error < 0 ? sum.error : sum.total == 24 || sweep_cancels() ? 24 : sum.total;
}

/* ---- event ---------------------------------------------------------------------------------- */

BOTH(await_event, int, value)
{
	int rc = bide_event_wait(&event);
	return rc < 0 ? rc : value;
}

SCENARIO(an_event_set_and_cleared, 15)
{
	struct sum sum = { 0, 0 };
	int rc;
	bide_event_init(&event);
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 5; i++)
			SPAWN(group, i, await_event, i + 1);
		sum_add(&sum, bide_sleep(1));
		bide_event_set(&event);
		bide_event_clear(&event);
		sum_add(&sum, bide_sleep(1));
		bide_event_set(&event); /* for those that have begun late */
		take_results(&sum, group);
	}
	sum_of_group(&sum, rc);
	return sum_result(&sum);
}

/* ---- condition ------------------------------------------------------------------------------ */

enum { ITEMS = 8, TAKERS = 4 };

static int items;
static bool over;

BOTH(take_items, int, unused)
{
	int taken = 0, rc;
	(void)unused;
	for (bool done = false; !done;) {
		BIDE_LOCK(&mutex, rc) {
			rc = bide_cond_wait_for(&cond, &mutex, items > 0 || over);
			HOLDS(bide_mutex_try_lock(&mutex) == -EBUSY);
			done = rc < 0 || items == 0;
			items -= !done;
			taken += !done;
			if (!done)
				rc = hold(0.5, 1);
		}
		if (rc < 0)
			done = true;
	}
	tally.extra[0] += taken;
	return rc < 0 ? rc : taken;
}

BOTH(make_items, int, n)
{
	int rc = 0;
	for (int i = 0; i < n && rc == 0; i++) {
		BIDE_LOCK(&mutex, rc) {
			items++;
			tally.extra[1]++;
			bide_cond_notify(&cond, 1);
			rc = hold(0.25, 1);
		}
	}
	/* Whoever holds the mutex, nobody runs in between. */
	over = true;
	bide_cond_notify_all(&cond);
	return rc;
}

SCENARIO(a_condition_between_makers_and_takers, ITEMS)
{
	struct sum sum = { 0, 0 };
	int rc;
	bide_mutex_init(&mutex);
	bide_cond_init(&cond);
	items = 0;
	over = false;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < TAKERS; i++)
			SPAWN(group, i, take_items, 0);
		SPAWN(group, 1, make_items, ITEMS);
		take_results(&sum, group);
		over = true; /* the maker may not have been made */
		bide_cond_notify_all(&cond);
	}
	HOLDS(!bide_mutex_locked(&mutex));
	HOLDS(tally.extra[0] + items == tally.extra[1]);
	sum_of_group(&sum, rc);
	return sum_result(&sum);
}

/* ---- semaphore ------------------------------------------------------------------------------ */

BOTH(acquire_once, int, value)
{
	int rc;
	BIDE_ACQUIRE(&semaphore, rc)
		rc = hold(1, 2);
	return rc < 0 ? rc : value;
}

SCENARIO(a_semaphore_for_two_at_once, 28)
{
	struct sum sum = { 0, 0 };
	int rc;
	bide_semaphore_init_bounded(&semaphore, 2);
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 7; i++)
			SPAWN(group, i, acquire_once, i + 1);
		take_results(&sum, group);
	}
	HOLDS(bide_semaphore_release(&semaphore) == -EOVERFLOW);
	sum_of_group(&sum, rc);
	return sum_result(&sum);
}

/* ---- barrier -------------------------------------------------------------------------------- */

/* Who cannot go on breaks it for the others. */
BOTH(meet, int, rounds)
{
	int rc = 0;
	for (int i = 0; i < rounds && rc >= 0; i++) {
		rc = bide_sleep(0.5);
		if (rc == 0)
			rc = bide_barrier_wait(&barrier);
	}
	if (rc < 0 && rc != -BIDE_EBROKEN)
		bide_barrier_abort(&barrier);
	return rc == -BIDE_EBROKEN ? 0 : rc;
}

SCENARIO(a_barrier_round_by_round, 6)
{
	struct sum sum = { 0, 0 };
	int rc;
	bide_barrier_init(&barrier, 4);
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 4; i++)
			SPAWN(group, i, meet, 3);
		take_results(&sum, group);
	}
	HOLDS(bide_barrier_waiting(&barrier) == 0);
	sum_of_group(&sum, rc);
	if (sum.error == 0 && bide_barrier_broken(&barrier))
		return sweep_starves() ? -ENOMEM : -ECANCELED;
	return sum_result(&sum);
}
