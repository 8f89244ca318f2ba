// SPDX-License-Identifier: MIT
/* A stack that is used up: whose it was is said, and the process dies by SIGSEGV. */
#include "core/child_kit.h"
#include "core/overflow_kit.h"

#include <bide.h>

BIDE_ASYNC_LIGHT(int, dig_light, int);
int dig_light(int level)
{
	return use_up(level);
}

/* Leaves less than 70 KB of a stack of `size` bytes, then wants 70 KB more. */
__attribute__((noinline)) static int touch_beyond(size_t size)
{
	volatile char most[size - 32 * 1024];

	__asm__ volatile("" : : "r"(most) : "memory");
	most[0] = 1;
	return touch_lowest(70 * 1024) + most[0];
}

BIDE_ASYNC_LIGHT(int, large_array_light, size_t);
int large_array_light(size_t size)
{
	return touch_beyond(size);
}

/* ---- who it was --------------------------------------------------------------------------- */

static void overflow_full(void)
{
	bide_run(dig, 0);
}

TEST(overflow_of_a_full_stack_names_function_and_size)
{
	struct child child;

	child_run(&child, overflow_full);
	EXPECT(child_died_by(&child, SIGSEGV));
	EXPECT(child_said(&child, "bide: stack overflow in task 'dig' (#"));
	EXPECT(child_said(&child, "), function dig: its stack of 262144 bytes is used up\n"));
}

static void overflow_by_array(void)
{
	bide_run(large_array, (size_t)256 * 1024);
}

TEST(overflow_by_an_array_of_70_kb)
{
	struct child child;

	child_run(&child, overflow_by_array);
	EXPECT(child_died_by(&child, SIGSEGV));
	EXPECT(child_said(&child, "), function large_array: its stack of 262144 bytes is used up"));
}

static void overflow_light(void)
{
	const bide_options options = { .light = BIDE_LIGHT_SHARED };

	bide_try_run(&options, NULL, dig_light, 0);
}

static void overflow_light_by_array(void)
{
	const bide_options options = { .light = BIDE_LIGHT_EVICT };

	bide_try_run(&options, NULL, large_array_light, (size_t)1024 * 1024);
}

/* Where stacks are watched each light task has one of its own, as in strict mode. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(BIDE_VALGRIND)
#define LIGHT_STACK "its stack of 262144 bytes is used up"
#else
#define LIGHT_STACK "its stack of 1048576 bytes is used up"
#endif

TEST(overflow_of_a_shared_stack_names_the_light_task)
{
	struct child child;

	child_run(&child, overflow_light);
	EXPECT(child_died_by(&child, SIGSEGV));
	EXPECT(child_said(&child, "stack overflow in task 'dig_light' (#"));
	EXPECT(child_said(&child, "), function dig_light: " LIGHT_STACK));
}

TEST(overflow_of_a_shared_stack_by_an_array)
{
	struct child child;

	child_run(&child, overflow_light_by_array);
	EXPECT(child_died_by(&child, SIGSEGV));
	EXPECT(child_said(&child, "), function large_array_light: " LIGHT_STACK));
}

static void overflow_strict(void)
{
	const bide_options options = { .light = BIDE_LIGHT_STRICT, .stack_size = 100000 };

	bide_try_run(&options, NULL, dig_light, 0);
}

TEST(overflow_of_a_strict_light_task)
{
	struct child child;

	child_run(&child, overflow_strict);
	EXPECT(child_died_by(&child, SIGSEGV));
	EXPECT(child_said(&child, "), function dig_light: its stack of 102400 bytes is used up"));
}

BIDE_ASYNC(int, spawn_digger, size_t);
int spawn_digger(size_t stack_size)
{
	const bide_task_options options = { .name = "a digger", .stack_size = stack_size };

	return bide_join(bide_spawn_with(&options, dig, 0));
}

static void overflow_named(void)
{
	bide_run(spawn_digger, 0);
}

TEST(overflow_names_the_task_by_its_own_name)
{
	struct child child;

	child_run(&child, overflow_named);
	EXPECT(child_died_by(&child, SIGSEGV));
	EXPECT(child_said(&child, "stack overflow in task 'a digger' (#"));
	EXPECT(child_said(&child, "), function dig: its stack of 262144 bytes is used up"));
}

static void overflow_small(void)
{
	bide_run(spawn_digger, 20000);
}

static void overflow_small_by_option(void)
{
	const bide_options options = { .stack_size = 1 };

	bide_try_run(&options, NULL, dig, 0);
}

TEST(overflow_of_a_small_stack_names_the_rounded_size)
{
	struct child child;

	child_run(&child, overflow_small);
	EXPECT(child_died_by(&child, SIGSEGV));
	EXPECT(child_said(&child, "'a digger'"));
	EXPECT(child_said(&child, "its stack of 20480 bytes is used up"));
	child_run(&child, overflow_small_by_option);
	EXPECT(child_died_by(&child, SIGSEGV));
	EXPECT(child_said(&child, "its stack of 16384 bytes is used up"));
}

/* ---- when it is --------------------------------------------------------------------------- */

BIDE_ASYNC(int, sleep_then_dig, double);
int sleep_then_dig(double seconds)
{
	bide_sleep(seconds);
	return use_up(0);
}

BIDE_ASYNC(int, one_of_many, int);
int one_of_many(int n)
{
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++)
			bide_group_spawn(group, sleep_then_dig, i == n / 2 ? 1.0 : 1000.0);
	}
	return rc;
}

static void overflow_of_one_of_many(void)
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL };

	bide_try_run(&options, NULL, one_of_many, 200);
}

TEST(overflow_after_a_suspension_of_one_task_among_many)
{
	struct child child;

	child_run(&child, overflow_of_one_of_many);
	EXPECT(child_died_by(&child, SIGSEGV));
	EXPECT(child_said(&child, "stack overflow in task 'sleep_then_dig' (#"));
}

BIDE_ASYNC(int, nearly, size_t);
int nearly(size_t size)
{
	volatile char array[size];

	__asm__ volatile("" : : "r"(array) : "memory");
	array[0] = 7;
	return array[0];
}

TEST(overflow_is_not_said_of_a_stack_that_is_nearly_full)
{
	int result = 0;

	CHECK_INT(bide_try_run(NULL, &result, nearly, (size_t)240 * 1024), 0);
	EXPECT_INT(result, 7);
}
