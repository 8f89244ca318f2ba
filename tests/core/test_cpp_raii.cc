// SPDX-License-Identifier: MIT
/* C++ objects on the stacks of tasks, full and light: made and destroyed once each, whole while the
 * task is suspended, and destroyed whichever way a block is left. */
#include "core/cpp_kit.h"

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

static int alive;

/* Knows where it was made, so that a copy made by moving its bytes would be found out. */
class Guard
{
      public:
	explicit Guard(int n) : self(this), number(n)
	{
		alive++;
	}
	Guard(const Guard &) = delete;
	Guard &operator=(const Guard &) = delete;
	~Guard()
	{
		EXPECT_PTR(self, this);
		alive--;
	}
	int get() const
	{
		return self == this ? number : -1;
	}

      private:
	const Guard *self;
	int number;
};

/* ---- objects on stacks -------------------------------------------------------------------- */

static int use_objects(int n, double seconds)
{
	Guard guard(n);
	std::vector<int> numbers;
	std::string text = "number " + std::to_string(n);
	auto owned = std::make_unique<Guard>(n + 1);
	std::array<int, 50> array{};
	std::function<int()> sum = [&] { return guard.get() + owned->get(); };
	for (int i = 0; i < 50; i++) {
		numbers.push_back(n + i);
		array[static_cast<std::size_t>(i)] = n * i;
		if (i % 10 == 0)
			EXPECT_INT(bide_sleep(seconds), 0);
	}
	for (int i = 0; i < 50; i++) {
		EXPECT_INT(numbers[static_cast<std::size_t>(i)], n + i);
		EXPECT_INT(array[static_cast<std::size_t>(i)], n * i);
	}
	EXPECT_STR(text.c_str(), ("number " + std::to_string(n)).c_str());
	return sum();
}

static BIDE_ASYNC(int, uses_objects, int, double);
static int uses_objects(int n, double seconds)
{
	return use_objects(n, seconds);
}

static BIDE_ASYNC_LIGHT(int, uses_objects_lightly, int, double);
static int uses_objects_lightly(int n, double seconds)
{
	return use_objects(n, seconds);
}

CPP_TEST(objects_on_the_stacks_of_many_tasks_are_whole)
{
	enum { N = 100 };
	bide_task *tasks[2 * N];
	int results[2 * N];
	alive = 0;
	for (int i = 0; i < N; i++) {
		tasks[2 * i] = bide_spawn(uses_objects, i, 0.5 + i % 7);
		tasks[2 * i + 1] = bide_spawn(uses_objects_lightly, i, 0.25 + i % 5);
	}
	EXPECT_INT(bide_sleep(0.1), 0);
	EXPECT_INT(alive, 4 * N);
	EXPECT_INT(bide_gather(tasks, 2 * N, results), 0);
	EXPECT_INT(alive, 0);
	for (int i = 0; i < N; i++) {
		EXPECT_INT(results[2 * i], 2 * i + 1);
		EXPECT_INT(results[2 * i + 1], 2 * i + 1);
	}
}

/* ---- the ways out ------------------------------------------------------------------------- */

static int leave(int way)
{
	Guard outside(1);
	int rc = 7;
	for (int round = 0; round < 2; round++) {
		Guard in_loop(2);
		BIDE_GROUP(group, rc) {
			Guard in_group(3);
			bide_group_spawn(group, uses_objects_lightly, 5, 0.0);
			BIDE_TIMEOUT(100, rc) {
				Guard in_timeout(4);
				EXPECT_INT(bide_sleep(1), 0);
				if (way == 1)
					return 10 + round;
				if (way == 2)
					throw 20 + round;
				if (way == 3)
					break;
				if (way == 4)
					goto out;
			}
			note('.');
			if (way == 5)
				continue;
			note(',');
		}
	}
	return 30;
out:
	return 40;
}

static int leave_and_catch(int way)
{
	try {
		return leave(way);
	} catch (int thrown) {
		return thrown;
	}
}

static BIDE_ASYNC(int, leaves, int);
static int leaves(int way)
{
	return leave_and_catch(way);
}

static BIDE_ASYNC_LIGHT(int, leaves_lightly, int);
static int leaves_lightly(int way)
{
	return leave_and_catch(way);
}

CPP_TEST(objects_are_destroyed_whichever_way_a_block_is_left)
{
	static const int expected[] = { 30, 10, 20, 30, 40, 30 };
	static const char *const traces[] = { ".,.,", "", "", ".,.,", "", ".." };
	for (int way = 0; way < 6; way++) {
		alive = 0;
		trace_length = 0;
		trace[0] = '\0';
		EXPECT_INT(bide_await(int, bide_spawn(leaves, way)), expected[way]);
		EXPECT_INT(alive, 0);
		EXPECT_STR(trace, traces[way]);
		EXPECT_INT(bide_await(int, bide_spawn(leaves_lightly, way)), expected[way]);
		EXPECT_INT(alive, 0);
	}
}

/* ---- cancelled ---------------------------------------------------------------------------- */

struct Cancelled {
	int code;
};

/* What a C++ program may make of cancellation: an exception. */
static void sleep_or_throw(double seconds)
{
	int rc = bide_sleep(seconds);
	if (rc < 0)
		throw Cancelled{ rc };
}

static int nest(int depth)
{
	Guard guard(depth);
	if (depth == 0)
		sleep_or_throw(9);
	else
		return nest(depth - 1) + guard.get();
	return 0;
}

static BIDE_ASYNC_LIGHT(int, unwinds_when_cancelled, int);
static int unwinds_when_cancelled(int depth)
{
	try {
		return nest(depth);
	} catch (const Cancelled &cancelled) {
		return cancelled.code;
	}
}

CPP_TEST(a_cancellation_thrown_as_an_exception_destroys_what_is_on_the_stack)
{
	alive = 0;
	bide_task *task = bide_spawn(unwinds_when_cancelled, 20);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(alive, 21);
	EXPECT_INT(bide_cancel(task), 1);
	EXPECT_INT(bide_wait(&task, 1, BIDE_ALL), 1);
	EXPECT(bide_task_cancelled(task));
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT_INT(alive, 0);
	EXPECT_ELAPSED(1);
}

CPP_TEST(a_group_s_tasks_are_unwound_when_one_of_them_fails)
{
	int rc = 7;
	alive = 0;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 20; i++)
			bide_group_spawn(group, unwinds_when_cancelled, i);
		EXPECT_INT(bide_sleep(1), 0);
		EXPECT_INT(alive, 210);
		bide_group_cancel(group);
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(alive, 0);
}

/* ---- destructors that suspend ------------------------------------------------------------- */

/* Joins its task when it goes out of scope, as std::jthread does. */
class Joined
{
      public:
	explicit Joined(bide_task *t) : task(t)
	{
	}
	Joined(const Joined &) = delete;
	Joined &operator=(const Joined &) = delete;
	~Joined()
	{
		bide_cancel(task);
		EXPECT_INT(bide_join(task), -ECANCELED);
	}

      private:
	bide_task *task;
};

static BIDE_ASYNC_LIGHT(int, tick, double, char);
static int tick(double seconds, char c)
{
	int rc = bide_sleep(seconds);
	note(rc < 0 ? static_cast<char>(c | 0x20) : c);
	return rc;
}

static int join_by_destructor(bool throwing)
{
	Joined a(bide_spawn(tick, 9, 'A'));
	Joined b(bide_spawn(tick, 9, 'B'));
	(void)bide_sleep(1);
	if (throwing)
		throw 42;
	return 41;
}

CPP_TEST(destructors_may_suspend)
{
	EXPECT_INT(join_by_destructor(false), 41);
	EXPECT_STR(trace, "ba");
	EXPECT_ELAPSED(1);
}

CPP_TEST(destructors_may_suspend_while_an_exception_passes)
{
	int caught = 0;
	try {
		caught = join_by_destructor(true);
	} catch (int thrown) {
		caught = thrown;
	}
	EXPECT_INT(caught, 42);
	EXPECT_STR(trace, "ba");
	EXPECT_ELAPSED(1);
}

/* ---- thread_local and static -------------------------------------------------------------- */

static thread_local int per_thread;
static BIDE_ASYNC_LIGHT(int, counts, int);
static int counts(int times)
{
	static const std::string once = std::to_string(per_thread);
	for (int i = 0; i < times; i++) {
		per_thread++;
		(void)bide_yield();
	}
	return static_cast<int>(once.size());
}

CPP_TEST(thread_locals_are_shared_by_the_tasks_of_a_thread)
{
	per_thread = 0;
	int rc = 7;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 10; i++)
			bide_group_spawn(group, counts, 10);
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(per_thread, 100);
}
