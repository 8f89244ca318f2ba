// SPDX-License-Identifier: MIT
/* Queues without waiting: which item comes when, how many there are, and that items of all sizes
 * come out as they went in. */
#include "core/virtual_kit.h"

#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

/* Opens a queue of ints; NULL when it cannot be had. */
static bide_queue *open_ints(size_t bound, enum bide_queue_order order,
                             int (*compare)(const void *, const void *))
{
	const bide_queue_options options = { bound, order, compare };
	bide_queue *queue = NULL;
	EXPECT_INT(bide_queue_open(int, &options, &queue), 0);
	return queue;
}

static void put_ints(bide_queue *queue, const int *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		EXPECT_INT(bide_queue_put(queue, &items[i]), 0);
}

static void expect_ints(bide_queue *queue, const int *items, size_t n)
{
	int item = -1;
	for (size_t i = 0; i < n; i++) {
		EXPECT_INT(bide_queue_get(queue, &item), 0);
		EXPECT_INT(item, items[i]);
	}
	EXPECT(bide_queue_empty(queue));
}

static int compare_ints(const void *a, const void *b)
{
	const int *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* ---- order -------------------------------------------------------------------------------- */

VIRTUAL_TEST(queue_gives_the_oldest_item_first)
{
	bide_queue *queue = open_ints(0, BIDE_QUEUE_FIFO, NULL);
	put_ints(queue, (int[]){ 1, 3, 2 }, 3);
	expect_ints(queue, (int[]){ 1, 3, 2 }, 3);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_lifo_gives_the_newest_item_first)
{
	bide_queue *queue = open_ints(0, BIDE_QUEUE_LIFO, NULL);
	put_ints(queue, (int[]){ 1, 3, 2 }, 3);
	expect_ints(queue, (int[]){ 2, 3, 1 }, 3);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_priority_gives_the_first_by_comparison)
{
	bide_queue *queue = open_ints(0, BIDE_QUEUE_PRIORITY, compare_ints);
	put_ints(queue, (int[]){ 1, 3, 2, 5, 4, -1, 0 }, 7);
	expect_ints(queue, (int[]){ -1, 0, 1, 2, 3, 4, 5 }, 7);
	bide_queue_free(queue);
}

struct job {
	int priority;
	char name;
};

static int compare_jobs(const void *a, const void *b)
{
	const struct job *x = a, *y = b;
	return y->priority - x->priority; /* the highest first */
}

VIRTUAL_TEST(queue_priority_keeps_the_order_of_equal_items)
{
	const bide_queue_options options = { 0, BIDE_QUEUE_PRIORITY, compare_jobs };
	bide_queue *queue;
	struct job job;
	CHECK_INT(bide_queue_open(struct job, &options, &queue), 0);
	for (int i = 0; i < 26; i++) {
		job = (struct job){ i % 2, (char)('a' + i) };
		EXPECT_INT(bide_queue_put(queue, &job), 0);
	}
	trace_clear();
	while (bide_queue_try_get(queue, &job) == 0)
		note(job.name);
	EXPECT_STR(trace, "bdfhjlnprtvxzacegikmoqsuwy");
	bide_queue_free(queue);
}

/* ---- how many ----------------------------------------------------------------------------- */

VIRTUAL_TEST(queue_tells_how_many_items_it_has)
{
	bide_queue *queue = open_ints(2, BIDE_QUEUE_FIFO, NULL);
	int item = 7;
	EXPECT(bide_queue_empty(queue) && !bide_queue_full(queue));
	EXPECT_UINT(bide_queue_size(queue), 0);
	EXPECT_INT(bide_queue_put(queue, &item), 0);
	EXPECT(!bide_queue_empty(queue) && !bide_queue_full(queue));
	EXPECT_INT(bide_queue_put(queue, &item), 0);
	EXPECT(!bide_queue_empty(queue) && bide_queue_full(queue));
	EXPECT_UINT(bide_queue_size(queue), 2);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_without_a_bound_is_never_full)
{
	bide_queue *queue = open_ints(0, BIDE_QUEUE_FIFO, NULL);
	for (int i = 0; i < 100000; i++)
		EXPECT_INT(bide_queue_try_put(queue, &i), 0);
	EXPECT(!bide_queue_full(queue));
	EXPECT_UINT(bide_queue_size(queue), 100000);
	for (int i = 0, item; i < 100000; i++) {
		EXPECT_INT(bide_queue_try_get(queue, &item), 0);
		EXPECT_INT(item, i);
	}
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_try_put_refuses_when_it_is_full)
{
	bide_queue *queue = open_ints(1, BIDE_QUEUE_FIFO, NULL);
	int one = 1, two = 2, item = 0;
	EXPECT_INT(bide_queue_try_put(queue, &one), 0);
	EXPECT_INT(bide_queue_try_put(queue, &two), -EAGAIN);
	EXPECT_INT(bide_queue_try_get(queue, &item), 0);
	EXPECT_INT(item, 1);
	EXPECT(bide_queue_empty(queue));
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_try_get_refuses_when_it_is_empty)
{
	bide_queue *queue = open_ints(0, BIDE_QUEUE_FIFO, NULL);
	int item = 7;
	EXPECT_INT(bide_queue_try_get(queue, &item), -EAGAIN);
	EXPECT_INT(item, 7);
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_with_room_and_items_does_not_suspend)
{
	bide_queue *queue = open_ints(3, BIDE_QUEUE_FIFO, NULL);
	bide_task *task = bide_spawn(tick, 0.0, 'A');
	int item = 1;
	trace_clear();
	for (int i = 0; i < 3; i++)
		EXPECT_INT(bide_queue_put(queue, &item), 0);
	for (int i = 0; i < 3; i++)
		EXPECT_INT(bide_queue_get(queue, &item), 0);
	EXPECT_STR(trace, "");
	EXPECT_INT(bide_join(task), 0);
	bide_queue_free(queue);
}

/* Grows and shrinks while its first item is at any place of the ring. */
VIRTUAL_TEST(queue_keeps_its_order_while_it_grows_and_shrinks)
{
	bide_queue *queue = open_ints(0, BIDE_QUEUE_FIFO, NULL);
	int in = 0, out = 0, item;
	for (int round = 0; round < 200; round++) {
		int up = (round * 7919) % 300, down = (round * 104729) % 300;
		for (int i = 0; i < up; i++, in++)
			EXPECT_INT(bide_queue_try_put(queue, &in), 0);
		for (int i = 0; i < down && out < in; i++, out++) {
			EXPECT_INT(bide_queue_try_get(queue, &item), 0);
			EXPECT_INT(item, out);
		}
		EXPECT_UINT(bide_queue_size(queue), (size_t)(in - out));
	}
	bide_queue_free(queue);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* which keep what is freed */
static long resident_bytes(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1)
		FAIL("cannot tell how much memory there is in use");
	if (file != NULL)
		fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

static BIDE_ASYNC(void, fill_and_drain, void);
static void fill_and_drain(void)
{
	enum { MANY = 4000000, MIB = 1024 * 1024 };
	bide_queue *queue = open_ints(0, BIDE_QUEUE_FIFO, NULL);
	long before = resident_bytes();
	int item = 1;
	for (int i = 0; i < MANY; i++)
		EXPECT_INT(bide_queue_try_put(queue, &item), 0);
	EXPECT(resident_bytes() - before > 14 * MIB);
	while (bide_queue_try_get(queue, &item) == 0)
		continue;
	EXPECT(resident_bytes() - before < 7 * MIB);
	bide_queue_free(queue);
}

/* Once a process: what libc keeps for itself grows with what was freed. */
TEST(queue_gives_memory_back_when_it_has_drained)
{
	EXPECT_INT(RUN_VIRTUAL(fill_and_drain), 0);
}
#endif

VIRTUAL_TEST(queue_options_that_mean_nothing_are_refused)
{
	bide_queue *queue = NULL;
	bide_queue_options options = { .order = BIDE_QUEUE_PRIORITY };
	EXPECT_INT(bide_queue_open(int, &options, &queue), -EINVAL);
	options = (bide_queue_options){ .order = BIDE_QUEUE_LIFO, .compare = compare_ints };
	EXPECT_INT(bide_queue_open(int, &options, &queue), -EINVAL);
	options = (bide_queue_options){ .order = (enum bide_queue_order)3 };
	EXPECT_INT(bide_queue_open(int, &options, &queue), -EINVAL);
	EXPECT_PTR(queue, NULL);
}

TEST(queue_is_used_outside_tasks_on_the_thread_of_its_loop)
{
	bide_loop *loop;
	bide_queue *queue;
	int item = 5;
	CHECK_INT(bide_loop_open(&virtual_options, &loop), 0);
	CHECK_INT(bide_queue_open(int, NULL, &queue), 0);
	EXPECT_INT(bide_queue_try_put(queue, &item), 0);
	EXPECT_INT(bide_queue_try_get(queue, &item), 0);
	EXPECT_INT(bide_queue_task_done(queue), 0);
	EXPECT_INT(bide_queue_try_get(queue, &item), -EAGAIN);
	bide_queue_free(queue);
	bide_loop_close(loop);
}

/* ---- items of all sizes, through the array and from hand to hand -------------------------- */

#define SIZED(n) \
	typedef struct { \
		unsigned char bytes[n]; \
	} sized_##n; \
	static BIDE_ASYNC_LIGHT(int, take_##n, bide_queue *, int); \
	static int take_##n(bide_queue *queue, int n_items) \
	{ \
		sized_##n item; \
		int wrong = 0; \
		for (int i = 0; i < n_items; i++) { \
			memset(&item, 0xee, sizeof item); \
			int rc = bide_queue_get(queue, &item); \
			for (size_t j = 0; j < sizeof item; j++) \
				wrong += rc < 0 || item.bytes[j] != (unsigned char)(i + 3 * j); \
		} \
		return wrong; \
	} \
	static void through_queue_##n(size_t bound, bool taker_first) \
	{ \
		const bide_queue_options options = { .bound = bound }; \
		bide_queue *queue; \
		bide_task *taker = NULL; \
		sized_##n item; \
		CHECK_INT(bide_queue_open(sized_##n, &options, &queue), 0); \
		if (taker_first) \
			taker = bide_spawn(take_##n, queue, 20); \
		if (taker_first) \
			EXPECT_INT(bide_yield(), 0); \
		else \
			taker = bide_spawn(take_##n, queue, 20); \
		for (int i = 0; i < 20; i++) { \
			for (size_t j = 0; j < sizeof item; j++) \
				item.bytes[j] = (unsigned char)(i + 3 * j); \
			EXPECT_INT(bide_queue_put(queue, &item), 0); \
			if (taker_first) \
				EXPECT_INT(bide_yield(), 0); \
		} \
		EXPECT_INT(bide_await(int, taker), 0); \
		bide_queue_free(queue); \
	} \
	VIRTUAL_TEST(queue_of_items_of_##n##_bytes) \
	{ \
		through_queue_##n(0, false); \
		through_queue_##n(0, true); \
		through_queue_##n(1, false); \
		through_queue_##n(3, false); \
	}

SIZED(1)
SIZED(2)
SIZED(3)
SIZED(4)
SIZED(5)
SIZED(6)
SIZED(7)
SIZED(8)
SIZED(9)
SIZED(16)
SIZED(24)
SIZED(100)
SIZED(512)
SIZED(5000)

/* ---- types -------------------------------------------------------------------------------- */

VIRTUAL_TEST(queue_of_pointers)
{
	static int numbers[2];
	bide_queue *queue;
	int *item = &numbers[1];
	CHECK_INT(bide_queue_open(int *, NULL, &queue), 0);
	EXPECT_INT(bide_queue_put(queue, &item), 0);
	item = NULL;
	EXPECT_INT(bide_queue_get(queue, &item), 0);
	EXPECT_PTR(item, &numbers[1]);
	bide_queue_free(queue);
}

/* All integers of a size are one class, and qualifiers are none. */
VIRTUAL_TEST(queue_takes_types_of_the_same_size_and_class)
{
	bide_queue *queue;
	const int32_t item = -3;
	unsigned taken = 0;
	CHECK_INT(bide_queue_open(int, NULL, &queue), 0);
	EXPECT_INT(bide_queue_put(queue, &item), 0);
	EXPECT_INT(bide_queue_get(queue, &taken), 0);
	EXPECT_UINT(taken, (unsigned)-3);
	bide_queue_free(queue);
}

typedef struct {
	_Alignas(16) long double value;
	char c;
} aligned;

static int compare_aligned(const void *a, const void *b)
{
	const aligned *x = a, *y = b;
	EXPECT_UINT((uintptr_t)x % 16 + (uintptr_t)y % 16, 0);
	return x->value < y->value ? -1 : x->value > y->value;
}

VIRTUAL_TEST(queue_compares_items_where_they_are_aligned)
{
	const bide_queue_options options = { 0, BIDE_QUEUE_PRIORITY, compare_aligned };
	bide_queue *queue;
	aligned item;
	CHECK_INT(bide_queue_open(aligned, &options, &queue), 0);
	for (int i = 0; i < 50; i++) {
		item = (aligned){ (i * 29) % 50, (char)i };
		EXPECT_INT(bide_queue_put(queue, &item), 0);
	}
	for (int i = 0; i < 50; i++) {
		EXPECT_INT(bide_queue_get(queue, &item), 0);
		EXPECT(item.value == i);
	}
	bide_queue_free(queue);
}

VIRTUAL_TEST(queue_free_drops_items_and_takes_null)
{
	bide_queue *queue = open_ints(0, BIDE_QUEUE_FIFO, NULL);
	put_ints(queue, (int[]){ 1, 2, 3 }, 3);
	bide_queue_free(queue);
	bide_queue_free(NULL);
}
