// SPDX-License-Identifier: MIT
/* Bad use of queues: answered by a sentence that names the call, and by abort(). */
#include "core/virtual_kit.h"

#include <pthread.h>

static bide_queue *queue;

/* ---- types -------------------------------------------------------------------------------- */

MISUSE(queue_put_of_another_size,
       "bide_queue_put: in task 'queue_put_of_another_size' (#1): &item points to a type of 8 "
       "bytes, not to int of 4")
{
	double item = 1;
	CHECK_INT(bide_queue_open(int, NULL, &queue), 0);
	(void)!bide_queue_put(queue, &item);
}

MISUSE(queue_get_of_another_class,
       "bide_queue_get: in task 'queue_get_of_another_class' (#1): &item points to another type "
       "of 4 bytes, not to int of 4")
{
	float item;
	CHECK_INT(bide_queue_open(int, NULL, &queue), 0);
	(void)!bide_queue_get(queue, &item);
}

struct one_int {
	int member;
};

MISUSE(queue_try_put_of_a_struct, "bide_queue_try_put: in task")
{
	struct one_int item = { 1 };
	CHECK_INT(bide_queue_open(int, NULL, &queue), 0);
	(void)!bide_queue_try_put(queue, &item);
}

MISUSE(queue_try_get_of_a_char, "(#1): &item points to a type of 1 bytes, not to struct one_int")
{
	char item;
	CHECK_INT(bide_queue_open(struct one_int, NULL, &queue), 0);
	(void)!bide_queue_try_get(queue, &item);
}

/* ---- waiters ------------------------------------------------------------------------------ */

static BIDE_ASYNC(int, waiting, void);
static int waiting(void)
{
	int item;
	return bide_queue_get(queue, &item);
}

MISUSE(queue_free_while_a_task_waits,
       "bide_queue_free: in task 'queue_free_while_a_task_waits' (#1): task 'waiting' (#2) waits "
       "in bide_queue_get")
{
	CHECK_INT(bide_queue_open(int, NULL, &queue), 0);
	bide_detach(bide_spawn(waiting));
	EXPECT_INT(bide_yield(), 0);
	bide_queue_free(queue);
}

/* ---- where it may be called --------------------------------------------------------------- */

TEST_ABORTS(misuse_queue_open_without_a_loop, "bide_queue_open: no loop on this thread")
{
	(void)!bide_queue_open(int, NULL, &queue);
}

TEST_ABORTS(misuse_queue_get_outside_a_task, "bide_queue_get: it suspends, outside a task")
{
	bide_loop *loop;
	int item;
	CHECK_INT(bide_loop_open(&virtual_options, &loop), 0);
	CHECK_INT(bide_queue_open(int, NULL, &queue), 0);
	(void)!bide_queue_get(queue, &item);
}

MISUSE(queue_put_in_no_suspend, "bide_queue_put: in task 'queue_put_in_no_suspend' (#1): it "
                                "suspends, inside BIDE_NO_SUSPEND")
{
	int item = 1;
	CHECK_INT(bide_queue_open(int, NULL, &queue), 0);
	BIDE_NO_SUSPEND(void)
		!bide_queue_put(queue, &item);
}

static void *put_elsewhere(void *arg)
{
	int item = 1;
	(void)!bide_queue_try_put((bide_queue *)arg, &item);
	return NULL;
}

MISUSE(queue_on_another_thread, "bide_queue_try_put: the queue belongs to the loop of thread ")
{
	pthread_t thread;
	CHECK_INT(bide_queue_open(int, NULL, &queue), 0);
	CHECK_INT(pthread_create(&thread, NULL, put_elsewhere, queue), 0);
	pthread_join(thread, NULL);
}

static BIDE_ASYNC(int, get_elsewhere, void);
static int get_elsewhere(void)
{
	int item;
	return bide_queue_get(queue, &item);
}

static void *run_elsewhere(void *arg)
{
	(void)arg;
	(void)bide_try_run(&virtual_options, NULL, get_elsewhere);
	return NULL;
}

MISUSE(queue_in_another_loop, "; this is thread ")
{
	pthread_t thread;
	CHECK_INT(bide_queue_open(int, NULL, &queue), 0);
	CHECK_INT(pthread_create(&thread, NULL, run_elsewhere, NULL), 0);
	pthread_join(thread, NULL);
}

/* ---- the comparison ----------------------------------------------------------------------- */

static int compare_and_put(const void *a, const void *b)
{
	int item = 3;
	(void)a;
	(void)b;
	return bide_queue_try_put(queue, &item);
}

static int compare_and_yield(const void *a, const void *b)
{
	(void)a;
	(void)b;
	return bide_yield();
}

static void compare_by(int (*compare)(const void *, const void *))
{
	const bide_queue_options options = { 0, BIDE_QUEUE_PRIORITY, compare };
	int item = 1;
	CHECK_INT(bide_queue_open(int, &options, &queue), 0);
	for (int i = 0; i < 2; i++)
		EXPECT_INT(bide_queue_try_put(queue, &item), 0);
}

MISUSE(queue_used_by_its_comparison, "called by the queue's own comparison")
{
	compare_by(compare_and_put);
}

MISUSE(queue_whose_comparison_suspends, "bide_yield: in task")
{
	compare_by(compare_and_yield);
}
