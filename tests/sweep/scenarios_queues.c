// SPDX-License-Identifier: MIT
/* Scenarios of queues and futures: whatever is struck, each item that was put is got once, or is
 * still there, or was dropped by closing; and nobody waits for ever. */
#include "sweep/tasks.h"

enum { N = 8, TASKS = 4 };

/* What all tally: items that were put, that were dropped, that were got, and the sum of those. */
enum { PUT, DROPPED, GOT, SUM };

/* Something went wrong: wakes everybody. */
static void give_up(bide_queue *queue)
{
	tally.extra[DROPPED] += (int)bide_queue_size(queue);
	bide_queue_close_now(queue);
}

/* Puts the numbers from `from` on. That the queue was closed somebody else is to explain. */
static int put_all(bide_queue *queue, int from)
{
	int rc = 0;
	for (int i = from; i < from + N && rc == 0; i++) {
		rc = bide_queue_put(queue, &i);
		tally.extra[PUT] += rc == 0;
	}
	return rc == -BIDE_ECLOSED ? 0 : rc;
}

static int get_all(bide_queue *queue)
{
	int item, rc;
	while ((rc = bide_queue_get(queue, &item)) == 0) {
		tally.extra[GOT]++;
		tally.extra[SUM] += item;
		HOLDS(bide_queue_task_done(queue) == 0);
	}
	if (rc == -BIDE_ECLOSED)
		return 0;
	give_up(queue);
	return rc;
}

BIDE_ASYNC(int, produce, bide_queue *, int);
int produce(bide_queue *queue, int from)
{
	tally.entered++;
	int rc = put_all(queue, from);
	tally.left++;
	return rc;
}

BIDE_ASYNC_LIGHT(int, light_produce, bide_queue *, int);
int light_produce(bide_queue *queue, int from)
{
	return produce(queue, from);
}

BIDE_ASYNC(int, consume, bide_queue *);
int consume(bide_queue *queue)
{
	tally.entered++;
	int rc = get_all(queue);
	tally.left++;
	return rc;
}

BIDE_ASYNC_LIGHT(int, light_consume, bide_queue *);
int light_consume(bide_queue *queue)
{
	return consume(queue);
}

/* Waits for two consumers and two producers, in that order in `tasks`, and closes the queue behind
 * the last producer; or at once when one of them fails. Returns the first error. */
static int conduct(bide_queue *queue, bide_task **tasks)
{
	int error = 0, producers = 0, i = 0;
	for (i = 0; i < TASKS; i++)
		if (tasks[i] == NULL)
			error = -ENOMEM;
	if (error == 0)
		BIDE_AS_COMPLETED(task, tasks, TASKS) {
			for (i = 0; tasks[i] != task;)
				i++;
			tasks[i] = NULL;
			error = bide_await(int, task);
			if (error < 0)
				break;
			producers += i >= 2;
			if (producers == 2)
				bide_queue_close(queue);
		}
	if (error == 0)
		error = bide_cancelled();
	for (i = 0; i < TASKS; i++) {
		if (tasks[i] == NULL)
			continue;
		give_up(queue);
		int rc = bide_await(int, tasks[i]);
		if (error == 0)
			error = rc < 0 ? rc : -ENOMEM;
	}
	return error;
}

static int outcome(bide_queue *queue, int error)
{
	HOLDS(bide_queue_empty(queue));
	HOLDS(tally.extra[PUT] == tally.extra[GOT] + tally.extra[DROPPED]);
	HOLDS(error < 0 || tally.extra[GOT] == 2 * N);
	bide_queue_free(queue);
	return error < 0 ? error : tally.extra[SUM];
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int pipeline(size_t bound, enum bide_queue_order order)
{
	const bide_queue_options options = { bound, order,
		                             order == BIDE_QUEUE_PRIORITY ? compare : NULL };
	bide_queue *queue;
	int rc = bide_queue_open(int, &options, &queue);
	if (rc < 0)
		return rc;
	bide_task *tasks[TASKS] = { bide_spawn(light_consume, queue), bide_spawn(consume, queue),
		                    bide_spawn(produce, queue, 1),
		                    bide_spawn(light_produce, queue, 1 + N) };
	return outcome(queue, conduct(queue, tasks));
}

SCENARIO(a_queue_without_a_bound, N *(2 * N + 1))
{
	return pipeline(0, BIDE_QUEUE_FIFO);
}

SCENARIO(a_queue_of_one, N *(2 * N + 1))
{
	return pipeline(1, BIDE_QUEUE_FIFO);
}

SCENARIO_WITH(a_queue_of_three_and_the_newest_first, N *(2 * N + 1), SWEEP_LIGHT_MAIN, NULL)
{
	return pipeline(3, BIDE_QUEUE_LIFO);
}

SCENARIO_WITH(a_queue_of_priorities, N *(2 * N + 1), SWEEP_SHUFFLE, NULL)
{
	return pipeline(2, BIDE_QUEUE_PRIORITY);
}

/* ---- by selects --------------------------------------------------------------------------- */

static bide_event never;

/* Puts or gets by one arm of several, and the others are to have no effect. One that had no memory
 * to wait is chosen, too. */
static int select_or_time_out(bide_arm arm)
{
	bide_arm arms[] = { bide_arm_sleep(1000), arm, bide_arm_event(&never),
		            bide_arm_sleep(2000) };
	int chosen = bide_select(arms, sizeof arms / sizeof arms[0]);
	HOLDS(chosen < 0 || chosen == 1 || arms[chosen].rc == -ENOMEM);
	return chosen < 0 ? chosen : arms[chosen].rc;
}

BIDE_ASYNC_LIGHT(int, select_produce, bide_queue *, int);
int select_produce(bide_queue *queue, int from)
{
	int rc = 0;
	tally.entered++;
	for (int i = from; i < from + N && rc == 0; i++) {
		rc = select_or_time_out(bide_arm_put(queue, &i));
		tally.extra[PUT] += rc == 0;
	}
	tally.left++;
	return rc == -BIDE_ECLOSED ? 0 : rc;
}

BIDE_ASYNC(int, select_consume, bide_queue *);
int select_consume(bide_queue *queue)
{
	int item, rc;
	tally.entered++;
	while ((rc = select_or_time_out(bide_arm_get(queue, &item))) == 0) {
		tally.extra[GOT]++;
		tally.extra[SUM] += item;
	}
	if (rc != -BIDE_ECLOSED)
		give_up(queue);
	tally.left++;
	return rc == -BIDE_ECLOSED ? 0 : rc;
}

SCENARIO(a_queue_used_by_selects, N *(2 * N + 1))
{
	const bide_queue_options options = { .bound = 2 };
	bide_queue *queue;
	int rc = bide_queue_open(int, &options, &queue);
	if (rc < 0)
		return rc;
	never = (bide_event)BIDE_EVENT_INIT;
	bide_task *tasks[TASKS] = { bide_spawn(select_consume, queue),
		                    bide_spawn(light_consume, queue), bide_spawn(produce, queue, 1),
		                    bide_spawn(select_produce, queue, 1 + N) };
	return outcome(queue, conduct(queue, tasks));
}

/* A task and a future as arms: whichever wins, both are ended by who has them. */
SCENARIO_WITH(a_select_of_a_task_and_a_future, 9, SWEEP_LIGHT_MAIN, NULL)
{
	bide_future *future;
	int value = 0, rc = bide_future_open(int, &future);
	if (rc < 0)
		return rc;
	bide_task *task = bide_spawn(nap, 0.5, 9);
	rc = task != NULL ? 0 : -ENOMEM;
	if (rc == 0) {
		bide_arm arms[] = { bide_arm_future(future, &value), bide_arm_task(task) };
		rc = bide_select(arms, 2);
		HOLDS(rc < 0 || rc == 1);
		rc = rc < 0 ? rc : arms[rc].rc;
		int result = bide_await(int, task);
		rc = rc < 0 ? rc : result;
	}
	bide_future_unref(future);
	return rc;
}

/* ---- items in blocks of their own --------------------------------------------------------- */

typedef struct {
	int number;
	char more[60];
} large;

BIDE_ASYNC_LIGHT(int, put_large, bide_queue *, int);
int put_large(bide_queue *queue, int from)
{
	large item = { from, "" };
	int rc = 0;
	tally.entered++;
	for (; item.number < from + N && rc == 0; item.number++) {
		rc = bide_queue_put(queue, &item);
		tally.extra[PUT] += rc == 0;
	}
	tally.left++;
	return rc == -BIDE_ECLOSED ? 0 : rc;
}

BIDE_ASYNC_LIGHT(int, get_large, bide_queue *);
int get_large(bide_queue *queue)
{
	large item;
	int rc;
	tally.entered++;
	while ((rc = bide_queue_get(queue, &item)) == 0) {
		tally.extra[GOT]++;
		tally.extra[SUM] += item.number;
	}
	if (rc != -BIDE_ECLOSED)
		give_up(queue);
	tally.left++;
	return rc == -BIDE_ECLOSED ? 0 : rc;
}

SCENARIO(a_queue_of_large_items, N *(2 * N + 1))
{
	const bide_queue_options options = { .bound = 2 };
	bide_queue *queue;
	int rc = bide_queue_open(large, &options, &queue);
	if (rc < 0)
		return rc;
	bide_task *tasks[TASKS] = { bide_spawn(get_large, queue), bide_spawn(get_large, queue),
		                    bide_spawn(put_large, queue, 1),
		                    bide_spawn(put_large, queue, 1 + N) };
	return outcome(queue, conduct(queue, tasks));
}

/* ---- join, and closing at once ------------------------------------------------------------ */

/* Puts, and waits until all of it has been worked on. */
BIDE_ASYNC_LIGHT(int, produce_and_join, bide_queue *, int);
int produce_and_join(bide_queue *queue, int from)
{
	tally.entered++;
	int rc = put_all(queue, from);
	if (rc == 0)
		rc = bide_queue_join(queue);
	HOLDS(rc < 0 || bide_queue_empty(queue));
	tally.left++;
	return rc;
}

SCENARIO(a_queue_that_is_joined, N *(2 * N + 1))
{
	bide_queue *queue;
	int rc = bide_queue_open(int, NULL, &queue);
	if (rc < 0)
		return rc;
	bide_task *tasks[TASKS] = { bide_spawn(consume, queue), bide_spawn(light_consume, queue),
		                    bide_spawn(produce_and_join, queue, 1),
		                    bide_spawn(produce_and_join, queue, 1 + N) };
	return outcome(queue, conduct(queue, tasks));
}

/* Those who wait do not touch it any more. */
SCENARIO(a_queue_that_is_closed_and_freed, 1)
{
	const bide_queue_options options = { .bound = 1 };
	bide_queue *queue;
	struct sum sum = { 0, 0 };
	int rc = bide_queue_open(int, &options, &queue);
	if (rc < 0)
		return rc;
	bide_task *tasks[] = { bide_spawn(produce, queue, 1), bide_spawn(light_produce, queue, 1),
		               bide_spawn(light_produce, queue, 1) };
	sum_add(&sum, bide_sleep(1));
	bide_queue_close_now(queue);
	const bool all_wait = sum.error == 0; /* or have ended */
	if (all_wait)
		bide_queue_free(queue);
	for (int i = 0; i < 3; i++)
		sum_add(&sum, bide_await(int, tasks[i]));
	if (!all_wait)
		bide_queue_free(queue);
	return sum.error < 0 ? sum.error : 1;
}

/* ---- futures ------------------------------------------------------------------------------ */

BIDE_ASYNC_LIGHT(int, await_future, bide_future *);
int await_future(bide_future *future)
{
	int value = 0;
	tally.entered++;
	int rc = bide_future_await(future, &value);
	HOLDS(rc == 0 || value == 0);
	tally.left++;
	return rc < 0 ? rc : value;
}

BIDE_ASYNC_LIGHT(int, await_void, bide_future *);
int await_void(bide_future *future)
{
	tally.entered++;
	int rc = bide_future_await(future, NULL);
	tally.left++;
	return rc;
}

static void count_call(void *arg, bide_future *future)
{
	(void)arg;
	(void)future;
	tally.called++;
}

SCENARIO(a_future_that_many_wait_for, 4 * N)
{
	bide_task *tasks[N];
	bide_future *future;
	struct sum sum = { 0, 0 };
	const int value = 4;
	int rc = bide_future_open(int, &future);
	if (rc < 0)
		return rc;
	for (int i = 0; i < N; i++)
		tasks[i] = bide_spawn(await_future, future);
	rc = bide_future_on_done(future, count_call, NULL);
	sum_add(&sum, rc);
	tally.asked += rc == 0;
	sum_add(&sum, bide_sleep(1));
	HOLDS(bide_future_set(future, &value) == 0);
	bide_future *kept = bide_future_ref(future);
	for (int i = 0; i < N; i++)
		sum_add(&sum, bide_await(int, tasks[i]));
	bide_future_unref(kept);
	bide_future_unref(future);
	return sum_result(&sum);
}

SCENARIO(a_future_that_fails, N)
{
	bide_task *tasks[N];
	bide_future *future;
	struct sum sum = { 0, 0 };
	int rc = bide_future_open(void, &future);
	if (rc < 0)
		return rc;
	for (int i = 0; i < N; i++)
		tasks[i] = bide_spawn(await_void, future);
	sum_add(&sum, bide_yield());
	HOLDS(bide_future_fail(future, -EIO) == 0);
	HOLDS(bide_future_result(future, NULL) == -EIO);
	for (int i = 0; i < N; i++) {
		rc = bide_await(int, tasks[i]);
		sum_add(&sum, rc == -EIO ? 1 : rc);
	}
	bide_future_unref(future);
	return sum_result(&sum);
}
