// SPDX-License-Identifier: MIT
/* Light tasks: while one is parked its locals do not exist. Who keeps a pointer into them is found
 * out: at a spawn always, at a touch in strict mode. */
#include "core/child_kit.h"
#include "core/light_kit.h"

#include <errno.h>

static volatile int *kept; /* into a frame of a parked light task */

BIDE_ASYNC_LIGHT(int, give_away, double);
int give_away(double seconds)
{
	volatile int local = 42;

	kept = &local;
	bide_sleep(seconds);
	return local;
}

BIDE_ASYNC_LIGHT(int, bystander, double);
int bystander(double seconds)
{
	return bide_sleep(seconds);
}

BIDE_ASYNC(int, touch_kept, int);
int touch_kept(int others)
{
	const bide_task_options options = { .name = "a careless task" };
	int rc;
	int seen = 0;

	BIDE_GROUP(group, rc) {
		bide_task *t = bide_spawn_with(&options, give_away, 10.0);

		for (int i = 0; i < others; i++)
			bide_group_spawn(group, bystander, 1.0);
		bide_sleep(1);
		seen = *kept;
		EXPECT_INT(bide_await(int, t), 42);
	}
	return rc < 0 ? rc : seen;
}

static int run_touch(const bide_options *from)
{
	bide_options options = *from;
	int seen = -1;

	options.backend = BIDE_BACKEND_VIRTUAL;
	EXPECT_INT(bide_try_run(&options, &seen, touch_kept, 20), 0);
	return seen;
}

static void expect_found_out(void (*body)(void))
{
	struct child child;

	child_run(&child, body);
	EXPECT(child_died_by(&child, SIGSEGV));
	EXPECT(child_said(&child,
	                  "bide: the stack of a light task was touched while it was parked: "
	                  "task 'a careless task' (#"));
	EXPECT(child_said(&child, "), function give_away, in bide_sleep; by task 'touch_kept' (#"));
	EXPECT(child_said(&child, "), function touch_kept\n"));
}

/* ---- strict mode -------------------------------------------------------------------------- */

static void touch_strict(void)
{
	run_touch(&(bide_options){ .light = BIDE_LIGHT_STRICT });
}

static void touch_in_debug_mode(void)
{
	unsetenv("BIDE_LIGHT");
	run_touch(&(bide_options){ .debug = true });
}

static void touch_strict_by_environment(void)
{
	setenv("BIDE_LIGHT", "strict", 1);
	run_touch(&(bide_options){ .light = BIDE_LIGHT_AUTO });
}

static void touch_debug_by_environment(void)
{
	unsetenv("BIDE_LIGHT");
	setenv("BIDE_DEBUG", "1", 1);
	run_touch(&(bide_options){ .light = BIDE_LIGHT_AUTO });
}

TEST(light_rule_broken_in_strict_mode_is_found_out)
{
	expect_found_out(touch_strict);
}

TEST(light_rule_broken_in_debug_mode_is_found_out)
{
	expect_found_out(touch_in_debug_mode);
}

TEST(light_rule_is_strict_where_the_environment_says_so)
{
	expect_found_out(touch_strict_by_environment);
	expect_found_out(touch_debug_by_environment);
}

BIDE_ASYNC(int, write_to_kept, int);
int write_to_kept(int value)
{
	bide_task *t = bide_spawn(give_away, 10.0);

	bide_yield();
	*kept = value;
	return bide_await(int, t);
}

static void write_strict(void)
{
	const bide_options options = { .light = BIDE_LIGHT_STRICT,
		                       .backend = BIDE_BACKEND_VIRTUAL };

	bide_try_run(&options, NULL, write_to_kept, 3);
}

TEST(light_rule_broken_by_a_write_is_found_out)
{
	struct child child;

	child_run(&child, write_strict);
	EXPECT(child_died_by(&child, SIGSEGV));
	EXPECT(child_said(&child, "was touched while it was parked: task 'give_away' (#"));
	EXPECT(child_said(&child, "; by task 'write_to_kept' (#"));
}

#if !LIGHT_WATCHED
TEST(light_frames_are_overwritten_where_they_are_evicted)
{
	setenv("BIDE_LIGHT", "evict", 1);
	EXPECT_UINT((unsigned)run_touch(&(bide_options){ .light = BIDE_LIGHT_AUTO }), 0xdbdbdbdb);
	unsetenv("BIDE_LIGHT");
	EXPECT_UINT((unsigned)run_touch(&(bide_options){ .light = BIDE_LIGHT_EVICT }), 0xdbdbdbdb);
}

/* What is asked for by name is not overruled. */
TEST(light_option_comes_before_the_environment)
{
	setenv("BIDE_LIGHT", "strict", 1);
	EXPECT_UINT((unsigned)run_touch(&(bide_options){ .light = BIDE_LIGHT_EVICT }), 0xdbdbdbdb);
}
#endif

TEST(light_option_that_means_nothing_is_refused)
{
	bide_loop *loop = NULL;

	EXPECT_INT(bide_loop_open(&(bide_options){ .light = (enum bide_light)17 }, &loop), -EINVAL);
	EXPECT_PTR(loop, NULL);
}

/* ---- at a spawn --------------------------------------------------------------------------- */

BIDE_ASYNC(int, set_to_one, int, int *);
int set_to_one(int unused, int *number)
{
	*number = 1 + 0 * unused;
	return 0;
}

BIDE_ASYNC_LIGHT(int, spawn_with_local, int);
int spawn_with_local(int i)
{
	int local = i;

	bide_join(bide_spawn(set_to_one, 1, &local));
	return local;
}

TEST_ABORTS(light_local_given_to_a_spawn_aborts,
            "an argument of 'set_to_one' points into the stack of this light task")
{
	bide_run(spawn_with_local, 0);
}

BIDE_ASYNC_LIGHT(int, group_spawn_with_local, int);
int group_spawn_with_local(int i)
{
	int local = i;
	int rc;

	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, set_to_one, 1, &local);
	}
	return rc;
}

TEST_ABORTS(light_local_given_to_a_group_aborts, "in task 'group_spawn_with_local' (#")
{
	bide_run(group_spawn_with_local, 0);
}

static int global;

BIDE_ASYNC_LIGHT(int, spawn_with_others, int);
int spawn_with_others(int i)
{
	int *heap = malloc(sizeof *heap);

	CHECK_RET(heap != NULL, 1);
	*heap = i;
	CHECK_RET(bide_join(bide_spawn(set_to_one, 1, &global)) == 0, 1);
	CHECK_RET(bide_join(bide_spawn(set_to_one, 1, heap)) == 0, 1);
	int sum = *heap + global;
	free(heap);
	return sum - 2;
}

BIDE_ASYNC(int, spawn_with_full_local, int);
int spawn_with_full_local(int i)
{
	int local = i;

	CHECK_RET(bide_join(bide_spawn(set_to_one, 1, &local)) == 0, 1);
	return local - 1;
}

TEST(light_task_may_give_away_addresses_of_memory_that_stays){
	LIGHT_RUN(spawn_with_others, 5) LIGHT_RUN(spawn_with_full_local, 5)
}

/* ---- who needs a full stack --------------------------------------------------------------- */

BIDE_ASYNC(int, needs_full, int);
int needs_full(int i)
{
	bide_require_full("a mutex in this frame");
	return i;
}

BIDE_ASYNC_LIGHT(int, needs_full_in_light, int);
int needs_full_in_light(int i)
{
	return needs_full(i);
}

TEST(light_requirement_is_met_by_a_full_task)
{
	bide_require_full("outside tasks it does not matter");
	EXPECT_INT(bide_run(needs_full, 3), 3);
}

TEST_ABORTS(light_task_is_refused_what_needs_a_full_stack,
            "a mutex in this frame needs a full stack: spawn it by BIDE_ASYNC")
{
	bide_run(needs_full_in_light, 3);
}
