// SPDX-License-Identifier: MIT
/* Light tasks: what is on their stacks when they are parked is there, at the same addresses, when
 * they go on, however many others used the stack meanwhile. */
#include "core/light_kit.h"

#include <alloca.h>
#include <math.h>
#include <setjmp.h>
#include <string.h>

/* ---- many at once ------------------------------------------------------------------------- */

BIDE_ASYNC_LIGHT(int, keep, unsigned, double);
int keep(unsigned key, double seconds)
{
	volatile unsigned char bytes[96];
	volatile unsigned char *const where = bytes;
	double third = (double)key / 3;

	light_fill(bytes, sizeof bytes, key);
	for (int i = 0; i < 3; i++) {
		CHECK_RET(bide_sleep(seconds) == 0, 1);
		CHECK_RET(bytes == where && light_intact(bytes, sizeof bytes, key), 1);
	}
	return third != (double)key / 3;
}

BIDE_ASYNC(int, keep_many, int);
int keep_many(int n)
{
	int wrong = 0;
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++)
			bide_group_spawn(group, keep, (unsigned)i, bide_uniform(0, 10));
		for (bide_task *t; (t = bide_group_next(group));)
			wrong += bide_await(int, t);
	}
	EXPECT_INT(rc, 0);
	return wrong;
}

TEST(light_frames_of_thousands_are_kept)
{
	for (size_t i = 0; i < sizeof light_ways / sizeof light_ways[0]; i++) {
		const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL,
			                       .light = light_ways[i] };
		int wrong = -1;

		EXPECT_INT(bide_try_run(&options, &wrong, keep_many, light_many(light_ways[i])), 0);
		EXPECT_INT(wrong, 0);
	}
}

/* One more than there are shared stacks, and one fewer. */
TEST(light_frames_of_a_few_are_kept)
{
	for (int n = 1; n <= 18; n++)
		LIGHT_RUN(keep_many, n)
}

/* Yields only, so that all take turns all the time. */
BIDE_ASYNC_LIGHT(int, take_turns, unsigned, int);
int take_turns(unsigned key, int turns)
{
	volatile unsigned char bytes[64];

	light_fill(bytes, sizeof bytes, key);
	for (int i = 0; i < turns; i++) {
		bide_yield();
		CHECK_RET(light_intact(bytes, sizeof bytes, key), 1);
		light_fill(bytes, sizeof bytes, ++key);
	}
	return 0;
}

BIDE_ASYNC(int, many_in_turns, int, int);
int many_in_turns(int n, int turns)
{
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++)
			bide_group_spawn(group, take_turns, (unsigned)i * 1000, turns);
		while (bide_group_next(group))
			;
	}
	return rc;
}

TEST(light_frames_are_kept_at_every_turn){ LIGHT_RUN(many_in_turns, 7, 100)
	                                           LIGHT_RUN(many_in_turns, 64, 100) }

/* ---- of every size ------------------------------------------------------------------------ */

BIDE_ASYNC_LIGHT(int, keep_size, unsigned, size_t);
int keep_size(unsigned key, size_t size)
{
	volatile unsigned char *bytes = alloca(size);

	light_fill(bytes, size, key);
	for (int i = 0; i < 3; i++) {
		CHECK_RET(bide_sleep(1 + (double)(key % 7)) == 0, 1);
		CHECK_RET(light_intact(bytes, size, key), 1);
	}
	return 0;
}

BIDE_ASYNC(int, keep_sizes, size_t, size_t, size_t);
int keep_sizes(size_t from, size_t to, size_t step)
{
	unsigned key = 0;
	int rc;

	BIDE_GROUP(group, rc) {
		for (size_t size = from; size <= to; size += step)
			bide_group_spawn(group, keep_size, key++, size);
	}
	return rc;
}

TEST(light_frames_of_every_small_size_are_kept){ LIGHT_RUN(keep_sizes, (size_t)1, (size_t)1024,
	                                                   (size_t)8) }

TEST(light_frames_of_up_to_100_kb_are_kept)
{
	LIGHT_RUN(keep_sizes, (size_t)1000, (size_t)100 * 1024, (size_t)1371)
}

/* ---- of changing depth -------------------------------------------------------------------- */

/* Suspends at every level on the way down and again on the way up. */
__attribute__((noinline)) static int descend(unsigned key, int depth)
{
	volatile unsigned char bytes[200];
	int wrong;

	light_fill(bytes, sizeof bytes, key + (unsigned)depth);
	wrong = bide_yield();
	if (depth > 0)
		wrong += descend(key, depth - 1);
	wrong += bide_sleep((double)(key % 3));
	return wrong + !light_intact(bytes, sizeof bytes, key + (unsigned)depth);
}

BIDE_ASYNC_LIGHT(int, go_up_and_down, unsigned);
int go_up_and_down(unsigned key)
{
	static const int depths[] = { 0, 40, 1, 5, 200, 2, 60, 0 };
	int wrong = 0;

	for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++)
		wrong += descend(key + (unsigned)i * 1000, depths[i]);
	return wrong;
}

BIDE_ASYNC(int, change_depths, int);
int change_depths(int n)
{
	int wrong = 0;
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++)
			bide_group_spawn(group, go_up_and_down, (unsigned)i * 37);
		for (bide_task *t; (t = bide_group_next(group));)
			wrong += bide_await(int, t);
	}
	return rc < 0 ? rc : wrong;
}

TEST(light_frames_are_kept_when_their_depth_changes)
{
	LIGHT_RUN(change_depths, LIGHT_WATCHED ? 5 : 40)
}

/* ---- jumps -------------------------------------------------------------------------------- */

static _Noreturn void jump(jmp_buf *where, int value)
{
	longjmp(*where, value);
}

/* As a parser that gives up from deep inside: nothing suspends between setjmp and longjmp. */
BIDE_ASYNC_LIGHT(int, jump_at_once, unsigned);
int jump_at_once(unsigned key)
{
	volatile unsigned char bytes[64];
	volatile int jumps = 0;
	jmp_buf back;

	light_fill(bytes, sizeof bytes, key);
	bide_yield();
	if (setjmp(back) < 3) {
		jumps = jumps + 1;
		jump(&back, jumps);
	}
	bide_yield();
	return jumps != 3 || !light_intact(bytes, sizeof bytes, key);
}

__attribute__((noinline)) static void wait_and_jump(jmp_buf *where, unsigned key, int value)
{
	volatile unsigned char bytes[300];

	light_fill(bytes, sizeof bytes, key);
	bide_sleep((double)(key % 5) + 1);
	EXPECT(light_intact(bytes, sizeof bytes, key));
	jump(where, value);
}

/* The frame that is jumped to was moved away and back since its setjmp. */
BIDE_ASYNC_LIGHT(int, jump_across_suspensions, unsigned);
int jump_across_suspensions(unsigned key)
{
	volatile unsigned char bytes[64];
	volatile int jumps = 0;
	jmp_buf back;

	light_fill(bytes, sizeof bytes, key);
	if (setjmp(back) < 4) {
		jumps = jumps + 1;
		bide_yield();
		wait_and_jump(&back, key + (unsigned)jumps, jumps);
	}
	return jumps != 4 || !light_intact(bytes, sizeof bytes, key);
}

BIDE_ASYNC(int, jump_in_many, int);
int jump_in_many(int n)
{
	int wrong = 0;
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++) {
			bide_group_spawn(group, jump_at_once, (unsigned)i);
			bide_group_spawn(group, jump_across_suspensions, (unsigned)i);
		}
		for (bide_task *t; (t = bide_group_next(group));)
			wrong += bide_await(int, t);
	}
	return rc < 0 ? rc : wrong;
}

TEST(light_frames_take_long_jumps){ LIGHT_RUN(jump_in_many, 50) }

/* ---- floating point ----------------------------------------------------------------------- */

/* Values that the compiler may hold in registers, of each kind, across suspensions. */
BIDE_ASYNC_LIGHT(int, calculate, unsigned);
int calculate(unsigned key)
{
	long double l = (long double)key + 0.1L;
	double d = (double)key + 0.2;
	float f = (float)key + 0.5f;
	unsigned long sums = 0;

	for (unsigned i = 1; i <= 20; i++) {
		bide_yield();
		l = l * 1.5L + 1;
		d = d * 1.5 + 1;
		f += 0.25f;
		sums += (unsigned long)i * key;
	}
	long double l_alone = (long double)key + 0.1L;
	double d_alone = (double)key + 0.2;
	for (unsigned i = 1; i <= 20; i++) {
		l_alone = l_alone * 1.5L + 1;
		d_alone = d_alone * 1.5 + 1;
	}
	return l != l_alone || fabs(d - d_alone) > 1e-9 || f != (float)key + 5.5f ||
	       sums != 210ul * key;
}

BIDE_ASYNC(int, calculate_many, int);
int calculate_many(int n)
{
	int wrong = 0;
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++)
			bide_group_spawn(group, calculate, (unsigned)i);
		for (bide_task *t; (t = bide_group_next(group));)
			wrong += bide_await(int, t);
	}
	return rc < 0 ? rc : wrong;
}

TEST(light_frames_keep_numbers_of_every_kind){ LIGHT_RUN(calculate_many, 100) }

/* ---- among full ones ---------------------------------------------------------------------- */

BIDE_ASYNC(int, keep_full, unsigned, double);
int keep_full(unsigned key, double seconds)
{
	return keep(key, seconds);
}

/* A full task's frames may be pointed into, by light tasks too. */
BIDE_ASYNC_LIGHT(int, count_up, int *);
int count_up(int *count)
{
	for (int i = 0; i < 10; i++) {
		++*count;
		CHECK_RET(bide_sleep(0.5) == 0, 1);
	}
	return 0;
}

BIDE_ASYNC(int, mix, int);
int mix(int n)
{
	int count = 0;
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++) {
			bide_group_spawn(group, keep, (unsigned)i, bide_uniform(0, 3));
			bide_group_spawn(group, keep_full, (unsigned)i, bide_uniform(0, 3));
			bide_group_spawn(group, count_up, &count);
		}
		while (bide_group_next(group))
			;
	}
	EXPECT_INT(count, 10 * n);
	return rc;
}

TEST(light_frames_are_kept_among_full_stacks){ LIGHT_RUN(mix, 50) }

/* ---- whatever wakes it -------------------------------------------------------------------- */

BIDE_ASYNC_LIGHT(int, wait_to_be_cancelled, unsigned, int *);
int wait_to_be_cancelled(unsigned key, int *intact)
{
	volatile unsigned char bytes[128];

	light_fill(bytes, sizeof bytes, key);
	int rc = bide_sleep(1e6);
	*intact += light_intact(bytes, sizeof bytes, key);
	return rc;
}

BIDE_ASYNC(int, cancel_many, int);
int cancel_many(int n)
{
	int intact = 0;
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++)
			bide_group_spawn(group, wait_to_be_cancelled, (unsigned)i, &intact);
		bide_sleep(1);
		bide_group_cancel(group);
	}
	EXPECT_INT(intact, n);
	return rc;
}

TEST(light_frames_are_kept_when_cancelled)
{
	LIGHT_RUN(cancel_many, 100)
}
