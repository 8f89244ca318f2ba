// SPDX-License-Identifier: MIT
/* Scenarios of light tasks: more of them than there are stacks to share, so that their frames are
 * moved off and back, of very different sizes; nothing of what lies in a frame may change. */
#include "sweep/tasks.h"

#include <string.h>

enum { DOZENS = 24 };

SCENARIO(light_tasks_by_the_dozen, DOZENS *(DOZENS + 1) / 2)
{
	bide_task *tasks[DOZENS];
	struct sum sum = { 0, 0 };
	for (int i = 0; i < DOZENS; i++)
		tasks[i] = bide_spawn(light_nap, 1 + i % 5, i + 1);
	for (int i = 0; i < DOZENS; i++)
		sum_add(&sum, bide_await(int, tasks[i]));
	return sum_result(&sum);
}

SCENARIO(light_tasks_with_frames_of_all_sizes, DOZENS *(DOZENS + 1) / 2)
{
	static const size_t sizes[] = { 100, 500, 1000, 3000, 9000, 15000, 20000, 200, 17000 };
	bide_task *tasks[DOZENS];
	struct sum sum = { 0, 0 };
	for (int i = 0; i < DOZENS; i++)
		tasks[i] = bide_spawn(light_load, 1 + i % 5, i + 1, sizes[i % 9]);
	for (int i = 0; i < DOZENS; i++)
		sum_add(&sum, bide_await(int, tasks[i]));
	return sum_result(&sum);
}

BIDE_ASYNC_LIGHT(int, light_descend, int);

int light_descend(int depth)
{
	volatile char frame[300];
	tally.entered++;
	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (char)(depth + (int)i);
	int rc = depth > 0 ? bide_await(int, bide_spawn(light_descend, depth - 1)) : bide_sleep(1);
	for (size_t i = 0; i < sizeof(frame); i++)
		if (frame[i] != (char)(depth + (int)i))
			HOLDS(!"a frame has changed");
	tally.left++;
	return rc < 0 ? rc : rc + 1;
}

SCENARIO_WITH(a_chain_of_light_awaits, 13, SWEEP_LIGHT_MAIN, NULL)
{
	return bide_await(int, bide_spawn(light_descend, 12));
}

SCENARIO_WITH(a_group_of_light_tasks, 210, SWEEP_LIGHT_MAIN, NULL)
{
	struct sum sum = { 0, 0 };
	int rc = 0;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 20; i++)
			bide_group_spawn(group, light_load, 1 + i % 3, i + 1,
			                 (size_t)(100 + 700 * i));
		for (bide_task *t; (t = bide_group_next(group)) != NULL;)
			sum_add(&sum, bide_await(int, t));
		sum_add(&sum, bide_cancelled());
	}
	HOLDS(tally.entered == tally.left);
	sum_of_group(&sum, rc);
	return sum_result(&sum);
}

SCENARIO(a_limited_group_of_light_tasks, 1)
{
	const bide_group_options options = { .limit = 9, .drop_results = true };
	int rc = 0;
	BIDE_GROUP_WITH(&options, group, rc) {
		for (int i = 0; i < 20; i++)
			bide_group_spawn(group, light_load, 1 + i % 3, i + 1, (size_t)1000);
	}
	HOLDS(tally.entered == tally.left);
	return rc < 0 ? rc : 1;
}

/* Results and errors lie on the stack of a light task, which is moved meanwhile. */
SCENARIO_WITH(a_gather_by_a_light_task, 55, SWEEP_LIGHT_MAIN, NULL)
{
	bide_task *tasks[10];
	int results[10], errors[10];
	struct sum sum = { 0, 0 };
	memset(errors, -1, sizeof(errors));
	for (int i = 0; i < 10; i++)
		tasks[i] = bide_spawn(light_load, 1 + i % 3, i + 1, (size_t)2000);
	int rc = bide_gather_collect(tasks, 10, results, errors);
	HOLDS(tally.entered == tally.left);
	int failed = 0;
	for (int i = 0; i < 10; i++) {
		failed += errors[i] != 0;
		HOLDS(results[i] == (errors[i] == 0 ? i + 1 : 0));
		sum_add(&sum, errors[i] < 0 ? errors[i] : results[i]);
	}
	HOLDS(rc < 0 || rc == failed);
	return rc < 0 ? rc : sum_result(&sum);
}

SCENARIO_WITH(as_completed_by_a_light_task, 55, SWEEP_LIGHT_MAIN, NULL)
{
	bide_task *tasks[10];
	bool done[10] = { false };
	struct sum sum = { 0, 0 };
	int seen = 0;
	for (int i = 0; i < 10; i++)
		tasks[i] = bide_spawn(light_nap, 10 - i, i + 1);
	BIDE_AS_COMPLETED(task, tasks, 10) {
		for (int i = 0; i < 10; i++)
			done[i] |= tasks[i] == task;
		sum_add(&sum, bide_await(int, task));
		seen++;
	}
	for (int i = 0; i < 10; i++)
		if (!done[i])
			sum_add(&sum, bide_await(int, tasks[i]));
	HOLDS(seen == 10 || sum.error < 0 || bide_cancelled() < 0 || sweep_reported());
	return sum_result(&sum);
}

SCENARIO_WITH(waits_of_a_light_task, 10, SWEEP_LIGHT_MAIN, NULL)
{
	bide_task *tasks[4];
	struct sum sum = { 0, 0 };
	int ret = -1, fired = 0;
	for (int i = 0; i < 4; i++)
		tasks[i] = bide_spawn(light_nap, 1 + i, i + 1);
	int rc = bide_wait(tasks, 4, BIDE_FIRST_COMPLETED);
	sum_add(&sum, rc < 0 ? rc : 0);
	BIDE_TIMEOUT(0.5, fired) {
		rc = bide_wait(tasks, 4, BIDE_ALL);
	}
	if (fired != -ETIMEDOUT)
		sum_add(&sum, fired < 0 ? fired : rc < 0 ? rc : 0);
	rc = bide_wait_for(tasks[0], 100, &ret);
	sum_add(&sum, rc < 0 ? rc : ret);
	for (int i = 1; i < 4; i++)
		sum_add(&sum, bide_await(int, tasks[i]));
	return sum_result(&sum);
}

BIDE_ASYNC_LIGHT(int, light_careful, double, int);

int light_careful(double seconds, int value)
{
	return careful(seconds, value);
}

SCENARIO(light_tasks_with_clean_up, 12)
{
	int fired = 0, rc = 0;
	BIDE_TIMEOUT(2, fired) {
		BIDE_GROUP(group, rc) {
			for (int i = 0; i < 12; i++)
				bide_group_spawn(group, light_careful, 1 + i % 3, 1);
		}
	}
	HOLDS(tally.entered == tally.left);
	return fired == -ETIMEDOUT ? 12 : fired < 0 ? fired : rc < 0 ? rc : -ECANCELED;
}

SCENARIO(light_and_full_tasks_in_turn, 300)
{
	struct sum sum = { 0, 0 };
	int rc = 0;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 24; i++)
			if (i % 3 == 0)
				bide_group_spawn(group, careful, 1 + i % 4, i + 1);
			else if (i % 3 == 1)
				bide_group_spawn(group, light_careful, 1 + i % 4, i + 1);
			else
				bide_group_spawn(group, light_load, 1 + i % 4, i + 1, (size_t)800);
		for (bide_task *t; (t = bide_group_next(group)) != NULL;)
			sum_add(&sum, bide_await(int, t));
		sum_add(&sum, bide_cancelled());
	}
	sum_of_group(&sum, rc);
	return sum_result(&sum);
}

struct large {
	double v[30];
};

BIDE_ASYNC_LIGHT(struct large, light_scaled, struct large, double);

struct large light_scaled(struct large in, double by)
{
	tally.entered++;
	int rc = bide_sleep(by);
	for (int i = 0; i < 30; i++)
		in.v[i] *= by;
	if (rc < 0)
		bide_fail(rc);
	tally.left++;
	return in;
}

SCENARIO_WITH(large_results_of_light_tasks, 4350, SWEEP_LIGHT_MAIN, NULL)
{
	struct large in;
	struct sum sum = { 0, 0 };
	bide_task *tasks[10];
	for (int i = 0; i < 30; i++)
		in.v[i] = i;
	for (int i = 0; i < 10; i++)
		tasks[i] = bide_spawn(light_scaled, in, 1);
	for (int i = 0; i < 10; i++) {
		struct large out;
		memset(&out, 0, sizeof(out));
		int rc = bide_try_await(tasks[i], &out);
		for (int j = 0; j < 30; j++)
			sum_add(&sum, rc < 0 ? rc : (int)out.v[j]);
	}
	return sum_result(&sum);
}

SCENARIO(light_tasks_that_are_detached, 1)
{
	for (int i = 0; i < 12; i++)
		bide_detach(bide_spawn(light_careful, 1 + 10 * i, 0));
	int rc = bide_sleep(30);
	return rc < 0 ? rc : 1;
}
