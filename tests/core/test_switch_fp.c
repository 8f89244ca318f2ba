// SPDX-License-Identifier: MIT
/* The floating point control belongs to the task: a rounding mode set in one is there when it goes
 * on, and is seen by no other task, by no call that the loop makes and by nobody after the run. */
#include "harness/test.h"

#include <bide.h>

#include <fenv.h>
#include <float.h>

/* What no compiler can work out at build time: one, and less than a rounding error of it. */
static volatile double one = 1, little = DBL_EPSILON / 8;
static volatile long double one_long = 1, little_long = LDBL_EPSILON / 8;

/* The mode that arithmetic is in, by what it does with a little more or less than one. */
static int mode_of_doubles(void)
{
	if (one + little > one)
		return FE_UPWARD;
	if (one - little == one)
		return FE_TONEAREST;
	return -one - little == -one ? FE_TOWARDZERO : FE_DOWNWARD;
}

/* On x86 another unit does these, the x87, with a control word of its own. */
static int mode_of_long_doubles(void)
{
	if (one_long + little_long > one_long)
		return FE_UPWARD;
	if (one_long - little_long == one_long)
		return FE_TONEAREST;
	return -one_long - little_long == -one_long ? FE_TOWARDZERO : FE_DOWNWARD;
}

static bool in_mode(int mode)
{
	return fegetround() == mode && mode_of_doubles() == mode && mode_of_long_doubles() == mode;
}

static const int modes[] = { FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO, FE_TONEAREST };

enum { MODES = sizeof modes / sizeof modes[0] };

/* Sees that the tests below can tell the modes apart. */
TEST(switch_fp_modes_differ)
{
	for (int i = 0; i < MODES; i++) {
		CHECK_INT(fesetround(modes[i]), 0);
		EXPECT_INT(mode_of_doubles(), modes[i]);
		EXPECT_INT(mode_of_long_doubles(), modes[i]);
	}
}

/* ---- among tasks -------------------------------------------------------------------------- */

BIDE_ASYNC(int, keep_mode, int, double);
int keep_mode(int mode, double seconds)
{
	CHECK_RET(in_mode(FE_TONEAREST), 1);
	bide_yield();
	CHECK_RET(in_mode(FE_TONEAREST), 2);
	CHECK_RET(fesetround(mode) == 0, 3);
	for (int i = 0; i < 20; i++) {
		if (i % 5 == 0)
			bide_sleep(seconds);
		else
			bide_yield();
		CHECK_RET(in_mode(mode), 4);
	}
	return 0;
}

BIDE_ASYNC_LIGHT(int, keep_mode_light, int, double);
int keep_mode_light(int mode, double seconds)
{
	return keep_mode(mode, seconds);
}

BIDE_ASYNC(int, keep_modes, int);
int keep_modes(int n)
{
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++) {
			bide_group_spawn(group, keep_mode, modes[i % MODES], i % 3);
			bide_group_spawn(group, keep_mode_light, modes[i / 2 % MODES], i % 5);
		}
		for (bide_task *t; (t = bide_group_next(group));) {
			EXPECT_INT(bide_await(int, t), 0);
			EXPECT(in_mode(FE_TONEAREST));
		}
	}
	return rc;
}

TEST(switch_fp_modes_are_kept_for_each_task)
{
	for (int light = BIDE_LIGHT_AUTO; light <= BIDE_LIGHT_EVICT; light++) {
		const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL,
			                       .light = (enum bide_light)light };
		EXPECT_INT(bide_try_run(&options, NULL, keep_modes, 24), 0);
		EXPECT(in_mode(FE_TONEAREST));
	}
}

/* A task that ends in its mode does not leave it to whoever runs next. */
BIDE_ASYNC(int, end_in_mode, int);
int end_in_mode(int mode)
{
	CHECK_RET(in_mode(FE_TONEAREST), 1);
	return fesetround(mode);
}

BIDE_ASYNC(int, spawn_in_mode, int);
int spawn_in_mode(int mode)
{
	fesetround(mode);
	for (int i = 0; i < MODES; i++) {
		EXPECT_INT(bide_await(int, bide_spawn(end_in_mode, modes[i])), 0);
		EXPECT(in_mode(mode));
	}
	return 0;
}

TEST(switch_fp_mode_is_not_left_to_others_at_the_end)
{
	for (int i = 0; i < MODES; i++) {
		EXPECT_INT(bide_run(spawn_in_mode, modes[i]), 0);
		EXPECT(in_mode(FE_TONEAREST));
	}
}

/* ---- outside of tasks --------------------------------------------------------------------- */

static void see_mode(void *arg)
{
	*(bool *)arg = in_mode(FE_TONEAREST);
}

BIDE_ASYNC(int, call_in_mode, int);
int call_in_mode(int mode)
{
	bool nearest = false;

	fesetround(mode);
	EXPECT_INT(bide_call_threadsafe(bide_current_loop(), see_mode, &nearest), 0);
	bide_sleep(0.001);
	EXPECT(nearest);
	EXPECT(in_mode(mode));
	return 0;
}

TEST(switch_fp_mode_of_a_task_is_not_that_of_the_loop)
{
	for (int i = 0; i < MODES; i++)
		EXPECT_INT(bide_run(call_in_mode, modes[i]), 0);
}

BIDE_ASYNC(int, see_modes, int);
int see_modes(int mode)
{
	EXPECT(in_mode(mode));
	bide_sleep(0.001);
	EXPECT(in_mode(mode));
	return 0;
}

/* The program's own choice holds for its tasks. */
TEST(switch_fp_mode_of_the_caller_is_that_of_a_run)
{
	for (int i = 0; i < MODES; i++) {
		CHECK_INT(fesetround(modes[i]), 0);
		EXPECT_INT(bide_run(see_modes, modes[i]), 0);
		EXPECT(in_mode(modes[i]));
	}
}
