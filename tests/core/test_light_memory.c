// SPDX-License-Identifier: MIT
/* Light tasks: how much is kept of a parked one: no more than its live frames, in room that grows
 * and shrinks with them. */
#include "core/light_kit.h"

#include "core/light.h"

#include <string.h>

/* ---- what is kept ------------------------------------------------------------------------- */

static size_t live_bytes(const bide_loop *loop, const struct bide__task *task)
{
	return (size_t)(bide__stack_of(loop, task)->top - (char *)task->sp);
}

BIDE_ASYNC_LIGHT(double, wait_some, double);
double wait_some(double seconds)
{
	int rc = bide_sleep(seconds);

	if (rc < 0)
		bide_fail(rc);
	return seconds;
}

enum { TASKS = 100 };

static size_t most_bytes; /* of a parked wait_some() */

BIDE_ASYNC(int, measure, int);
int measure(int n)
{
	const bide_loop *loop = bide__loop;
	uint32_t slot = 0;
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++)
			bide_group_spawn(group, wait_some, 5.0);
		bide_sleep(1);
		for (const struct bide__task *t; (t = bide__record_next(&loop->pool, &slot));) {
			if (t->fn != wait_some_bide_fn())
				continue;
			if (live_bytes(loop, t) > most_bytes)
				most_bytes = live_bytes(loop, t);
		}
	}
	return rc;
}

/* What a switch itself keeps: ucontext far more than is needed. */
#ifdef BIDE_CONTEXT_UCONTEXT
enum { BESIDES = 4000 };
#else
enum { BESIDES = 500 };
#endif

/* Instrumented builds take what they take. */
TEST(light_frames_of_a_sleeping_task_are_small)
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL };
	const size_t at_most = LIGHT_WATCHED ? 8192 : 100 + BESIDES;

	EXPECT_INT(bide_try_run(&options, NULL, measure, TASKS), 0);
	EXPECT(most_bytes > 64);
	if (most_bytes > at_most)
		FAIL("%zu bytes of frames", most_bytes);
}

#if !LIGHT_WATCHED
/* ---- room for it -------------------------------------------------------------------------- */

static size_t room_of(const struct bide__task *task)
{
	return task->frames_class == UINT8_MAX ? SIZE_MAX : bide__class_size(task->frames_class);
}

__attribute__((noinline)) static int sleep_with(size_t size)
{
	volatile unsigned char bytes[size];

	light_fill(bytes, size, (unsigned)size);
	bide_sleep(2);
	return !light_intact(bytes, size, (unsigned)size);
}

static const size_t sizes[] = { 100, 6000, 50, 300, 90000, 40, 2500, 10 };

enum { SIZES = sizeof sizes / sizeof sizes[0] };

BIDE_ASYNC_LIGHT(int, grow_and_shrink, int);
int grow_and_shrink(int wrong)
{
	for (int i = 0; i < SIZES; i++)
		wrong += sleep_with(sizes[i]);
	return wrong;
}

BIDE_ASYNC(int, watch_room, int);
int watch_room(int wrong)
{
	bide_loop *loop = bide__loop;
	bide_task *handle = bide_spawn(grow_and_shrink, wrong);
	uint32_t slot = 0;
	struct bide__task *task;

	while ((task = bide__record_next(&loop->pool, &slot)) != NULL)
		if (task->fn == grow_and_shrink_bide_fn())
			break;
	CHECK_RET(task != NULL, 1);
	bide_sleep(1);
	for (int i = 0; i < SIZES; i++) {
		size_t live = live_bytes(loop, task);
		EXPECT(live > sizes[i] && live < sizes[i] + 500 + BESIDES);
		EXPECT(task->frames != NULL && room_of(task) >= live);
		if (live < 2000)
			EXPECT(room_of(task) <= 8 * live);
		bide_sleep(2);
	}
	return bide_await(int, handle);
}

TEST(light_room_for_frames_grows_and_shrinks)
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL, .light = BIDE_LIGHT_EVICT };
	int result = -1;

	EXPECT_INT(bide_try_run(&options, &result, watch_room, 0), 0);
	EXPECT_INT(result, 0);
}

/* ---- nothing is left ---------------------------------------------------------------------- */

BIDE_ASYNC_LIGHT(int, deep_once, size_t);
int deep_once(size_t size)
{
	return sleep_with(size);
}

BIDE_ASYNC(int, count_blocks, int);
int count_blocks(int rounds)
{
	const bide_loop *loop = bide__loop;
	size_t before = loop->pool.blocks;
	int rc = 0;

	for (int i = 0; i < rounds; i++) {
		BIDE_GROUP(group, rc) {
			for (size_t size = 8; size < 20000; size += 777)
				bide_group_spawn(group, deep_once, size);
		}
		CHECK_RET(rc == 0, 1);
		EXPECT_UINT(loop->pool.blocks, before);
	}
	return 0;
}

TEST(light_frames_are_freed_when_their_tasks_end)
{
	LIGHT_RUN(count_blocks, 3)
}
#endif
