// SPDX-License-Identifier: MIT
/* Light tasks: every suspending call works in them, with its out-parameters and arrays in their own
 * frames, while others use the same stack. */
#include "core/light_kit.h"

#include <errno.h>
#include <string.h>

/* Children that make sure that the caller's frames are moved: more than there are shared stacks,
 * each of them suspending several times. */
enum { CHILDREN = 20 };

BIDE_ASYNC_LIGHT(double, wait_and_tell, double);
double wait_and_tell(double seconds)
{
	volatile unsigned char bytes[150];

	light_fill(bytes, sizeof bytes, (unsigned)seconds);
	for (int i = 0; i < 4; i++)
		bide_sleep(seconds / 4);
	return light_intact(bytes, sizeof bytes, (unsigned)seconds) ? seconds : -1;
}

BIDE_ASYNC_LIGHT(int, fail_later, double, int);
int fail_later(double seconds, int error)
{
	int rc = bide_sleep(seconds);

	return rc < 0 ? rc : error;
}

/* ---- arrays ------------------------------------------------------------------------------- */

static double delay_of(int i)
{
	return (double)((i * 7) % CHILDREN + 1);
}

BIDE_ASYNC_LIGHT(int, gather_into_frame, unsigned);
int gather_into_frame(unsigned key)
{
	volatile unsigned char before[40];
	bide_task *tasks[CHILDREN];
	double results[CHILDREN];
	int errors[CHILDREN];

	light_fill(before, sizeof before, key);
	for (int collect = 0; collect < 2; collect++) {
		for (int i = 0; i < CHILDREN; i++)
			tasks[i] = bide_spawn(wait_and_tell, delay_of(i));
		memset(results, 0xaa, sizeof results);
		memset(errors, 0xaa, sizeof errors);
		if (collect)
			CHECK_RET(bide_gather_collect(tasks, CHILDREN, results, errors) == 0, 1);
		else
			CHECK_RET(bide_gather(tasks, CHILDREN, results) == 0, 1);
		for (int i = 0; i < CHILDREN; i++) {
			CHECK_RET(results[i] == delay_of(i), 1);
			CHECK_RET(!collect || errors[i] == 0, 1);
		}
	}
	return !light_intact(before, sizeof before, key);
}

BIDE_ASYNC_LIGHT(int, complete_into_frame, unsigned);
int complete_into_frame(unsigned key)
{
	volatile unsigned char before[40];
	bide_task *tasks[CHILDREN];
	double delays[CHILDREN];
	int n = 0;

	light_fill(before, sizeof before, key);
	for (int i = 0; i < CHILDREN; i++)
		tasks[i] = bide_spawn(wait_and_tell, delay_of(i));
	BIDE_AS_COMPLETED(t, tasks, CHILDREN) {
		delays[n++] = bide_await(double, t);
	}
	CHECK_RET(n == CHILDREN, 1);
	for (int i = 0; i < n; i++)
		CHECK_RET(delays[i] == i + 1, 1);
	return !light_intact(before, sizeof before, key);
}

BIDE_ASYNC_LIGHT(int, wait_with_array_in_frame, unsigned);
int wait_with_array_in_frame(unsigned key)
{
	volatile unsigned char before[40];
	bide_task *tasks[CHILDREN];
	double result = 0;

	light_fill(before, sizeof before, key);
	for (int i = 0; i < CHILDREN; i++)
		tasks[i] = bide_spawn(wait_and_tell, delay_of(i));
	CHECK_RET(bide_wait(tasks, CHILDREN, BIDE_FIRST_COMPLETED) == 1, 1);
	CHECK_RET(bide_wait(tasks, CHILDREN, BIDE_ALL) == CHILDREN, 1);
	for (int i = 0; i < CHILDREN; i++) {
		CHECK_RET(bide_try_await(tasks[i], &result) == 0, 1);
		CHECK_RET(result == delay_of(i), 1);
	}
	return !light_intact(before, sizeof before, key);
}

/* Several of them at once, so that they and their children push one another off the stacks. */
BIDE_ASYNC(int, run_all, int);
int run_all(int n)
{
	int wrong = 0;
	int rc;

	BIDE_GROUP(group, rc) {
		for (unsigned i = 0; i < (unsigned)n; i++) {
			bide_group_spawn(group, gather_into_frame, i);
			bide_group_spawn(group, complete_into_frame, i);
			bide_group_spawn(group, wait_with_array_in_frame, i);
		}
		for (bide_task *t; (t = bide_group_next(group));)
			wrong += bide_await(int, t);
	}
	return rc < 0 ? rc : wrong;
}

TEST(light_calls_take_arrays_in_the_callers_frame)
{
	LIGHT_RUN(gather_into_frame, 1u)
	LIGHT_RUN(complete_into_frame, 2u)
	LIGHT_RUN(wait_with_array_in_frame, 3u)
	LIGHT_RUN(run_all, LIGHT_WATCHED ? 3 : 12)
}

/* ---- single results ----------------------------------------------------------------------- */

struct large {
	long numbers[60];
};

BIDE_ASYNC_LIGHT(struct large, give_large, long);
struct large give_large(long from)
{
	struct large large;

	for (long i = 0; i < 60; i++) {
		large.numbers[i] = from + i;
		if (i % 20 == 0)
			bide_yield();
	}
	return large;
}

BIDE_ASYNC_LIGHT(int, await_into_frame, long);
int await_into_frame(long from)
{
	struct large a, b, c;
	bide_task *first = bide_spawn(give_large, from);
	bide_task *second = bide_spawn(give_large, from + 1000);
	bide_task *third = bide_spawn(give_large, from + 2000);

	a = bide_await(struct large, first);
	CHECK_RET(bide_try_await(second, &b) == 0, 1);
	CHECK_RET(bide_wait_for(third, 10.0, &c) == 0, 1);
	for (long i = 0; i < 60; i++) {
		CHECK_RET(a.numbers[i] == from + i, 1);
		CHECK_RET(b.numbers[i] == from + 1000 + i, 1);
		CHECK_RET(c.numbers[i] == from + 2000 + i, 1);
	}
	return 0;
}

BIDE_ASYNC(int, await_in_many, int);
int await_in_many(int n)
{
	int wrong = 0;
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++)
			bide_group_spawn(group, await_into_frame, 5000l * i);
		for (bide_task *t; (t = bide_group_next(group));)
			wrong += bide_await(int, t);
	}
	return rc < 0 ? rc : wrong;
}

TEST(light_calls_give_results_into_the_callers_frame){ LIGHT_RUN(await_in_many, 1)
	                                                       LIGHT_RUN(await_in_many, 30) }

/* ---- blocks ------------------------------------------------------------------------------- */

/* The variables that blocks report in lie in frames that are moved while the blocks are open. */
BIDE_ASYNC_LIGHT(int, use_blocks, int);
int use_blocks(int key)
{
	int timeout_rc = 77, group_rc = 77, scope_rc = 77, inner_rc = 77;
	double sum = 0;

	BIDE_TIMEOUT(0.5 + key % 3, timeout_rc) {
		CHECK_RET(bide_sleep(100) == -ETIMEDOUT, 1);
	}
	CHECK_RET(timeout_rc == -ETIMEDOUT, 2);
	BIDE_GROUP(group, group_rc) {
		for (int i = 0; i < 5; i++)
			bide_group_spawn(group, wait_and_tell, (double)i);
		BIDE_TIMEOUT(1000, inner_rc) {
			for (bide_task *t; (t = bide_group_next(group));)
				sum += bide_await(double, t);
		}
	}
	CHECK_RET(group_rc == 0 && inner_rc == 0 && sum == 10, 3);
	BIDE_SCOPE(scope, scope_rc) {
		bide_scope_cancel(scope);
		BIDE_SHIELD {
			CHECK_RET(bide_sleep(1) == 0, 4);
		}
		CHECK_RET(bide_sleep(1) == -ECANCELED, 5);
	}
	CHECK_RET(scope_rc == -ECANCELED, 6);
	return 0;
}

BIDE_ASYNC_LIGHT(int, fail_in_group, int);
int fail_in_group(int error)
{
	int rc = 77;
	int ended = 0;

	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, fail_later, 2.0, error);
		for (int i = 0; i < 10; i++)
			bide_group_spawn(group, wait_and_tell, 100.0);
		while (bide_group_next(group))
			ended++;
		CHECK_RET(bide_cancelled() == -ECANCELED, 1);
	}
	return rc != error || ended > 1;
}

BIDE_ASYNC_LIGHT(int, leave_by_return, int);
int leave_by_return(int value)
{
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 12; i++)
			bide_group_spawn(group, wait_and_tell, 1000.0);
		bide_sleep(1);
		return value;
	}
	return 77;
}

BIDE_ASYNC_LIGHT(int, time_out_here, double);
int time_out_here(double seconds)
{
	int rc = 0;
	int slept;
	{
		BIDE_TIMEOUT_HERE(seconds, rc);
		slept = bide_sleep(1000);
	}
	return slept != -ETIMEDOUT || rc != -ETIMEDOUT;
}

BIDE_ASYNC(int, blocks_in_many, int);
int blocks_in_many(int n)
{
	int wrong = 0;
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++) {
			bide_group_spawn(group, use_blocks, i);
			bide_group_spawn(group, fail_in_group, -EIO);
			bide_group_spawn(group, leave_by_return, 0);
			bide_group_spawn(group, time_out_here, 1.0 + i);
		}
		for (bide_task *t; (t = bide_group_next(group));)
			wrong += bide_await(int, t);
	}
	return rc < 0 ? rc : wrong;
}

TEST(light_calls_keep_blocks_whose_variables_are_in_the_frame){
	LIGHT_RUN(blocks_in_many, 1) LIGHT_RUN(blocks_in_many, 15)
}

/* ---- cancelled ---------------------------------------------------------------------------- */

/* The caller is cancelled while it waits; what it waits for is stopped, and ends, first. */
BIDE_ASYNC_LIGHT(int, gather_until_cancelled, int);
int gather_until_cancelled(int key)
{
	bide_task *tasks[CHILDREN];
	double results[CHILDREN];
	volatile int mark = key;

	for (int i = 0; i < CHILDREN; i++)
		tasks[i] = bide_spawn(wait_and_tell, 1e6);
	int rc = bide_gather(tasks, CHILDREN, results);
	for (int i = 0; i < CHILDREN; i++)
		CHECK_RET(results[i] == 1e6, 1);
	return mark == key && rc == 0 ? 0 : rc;
}

BIDE_ASYNC_LIGHT(int, wait_until_cancelled, int);
int wait_until_cancelled(int key)
{
	bide_task *tasks[3];
	volatile int mark = key;

	for (int i = 0; i < 3; i++)
		tasks[i] = bide_spawn(fail_later, 1e6, 0);
	int rc = bide_wait(tasks, 3, BIDE_ALL);
	for (int i = 0; i < 3; i++) {
		bide_cancel(tasks[i]);
		CHECK_RET(bide_join(tasks[i]) == -ECANCELED, 1);
	}
	return mark == key ? rc : 1;
}

BIDE_ASYNC(int, cancel_waiting, int);
int cancel_waiting(int n)
{
	bide_task *waiting[20];
	int wrong = 0;

	CHECK_RET(n <= 10, 1);
	for (int i = 0; i < n; i++) {
		waiting[2 * i] = bide_spawn(gather_until_cancelled, i);
		waiting[2 * i + 1] = bide_spawn(wait_until_cancelled, i);
	}
	bide_sleep(1);
	for (int i = 0; i < 2 * n; i++)
		bide_cancel(waiting[i]);
	for (int i = 0; i < n; i++) {
		/* The gathered tasks return what they would have, so nothing is lost. */
		wrong += bide_join(waiting[2 * i]) != 0;
		wrong += bide_join(waiting[2 * i + 1]) != -ECANCELED;
	}
	return wrong;
}

TEST(light_calls_end_by_cancellation_with_their_arrays_kept){ LIGHT_RUN(cancel_waiting, 10) }

/* ---- errno and the rest ------------------------------------------------------------------- */

BIDE_ASYNC_LIGHT(int, keep_errno, int);
int keep_errno(int value)
{
	for (int i = 0; i < 10; i++) {
		errno = value + i;
		bide_yield();
		CHECK_RET(errno == value + i, 1);
	}
	return 0;
}

static const bide_local favourite = { NULL };
static int numbers[100];

BIDE_ASYNC_LIGHT(int, inherit_local, int);
int inherit_local(int i)
{
	bide_yield();
	return bide_local_get(&favourite) != &numbers[i];
}

BIDE_ASYNC_LIGHT(int, keep_local, int);
int keep_local(int i)
{
	CHECK_RET(bide_local_set(&favourite, &numbers[i]) == 0, 1);
	bide_sleep(1);
	CHECK_RET(bide_local_get(&favourite) == &numbers[i], 1);
	return bide_await(int, bide_spawn(inherit_local, i));
}

BIDE_ASYNC(int, keep_in_many, int);
int keep_in_many(int n)
{
	int wrong = 0;
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++) {
			bide_group_spawn(group, keep_errno, i + 1);
			bide_group_spawn(group, keep_local, i);
		}
		for (bide_task *t; (t = bide_group_next(group));)
			wrong += bide_await(int, t);
	}
	return rc < 0 ? rc : wrong;
}

TEST(light_calls_keep_errno_and_locals)
{
	LIGHT_RUN(keep_in_many, 100)
}
