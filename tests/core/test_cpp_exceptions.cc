// SPDX-License-Identifier: MIT
/* C++ exceptions and tasks: thrown across suspended calls, out of every block, and by several tasks
 * at once, each of which keeps its own exception in flight while it is suspended. */
#include "core/cpp_kit.h"

#include <exception>
#include <stdexcept>
#include <string>

struct Error {
	int number;
};

static BIDE_ASYNC_LIGHT(int, tick, double, char);
static int tick(double seconds, char c)
{
	int rc = bide_sleep(seconds);
	note(rc < 0 ? static_cast<char>(c | 0x20) : c);
	return rc;
}

/* ---- thrown and caught in one task -------------------------------------------------------- */

static void throw_after(double seconds, int number)
{
	(void)bide_sleep(seconds);
	throw Error{ number };
}

CPP_TEST(an_exception_passes_through_frames_that_were_suspended)
{
	int caught = 0;
	try {
		throw_after(1, 42);
	} catch (const Error &error) {
		caught = error.number;
	}
	EXPECT_INT(caught, 42);
	EXPECT_ELAPSED(1);
}

/* ---- out of blocks ------------------------------------------------------------------------ */

CPP_TEST(an_exception_out_of_a_group_cancels_and_joins_its_tasks)
{
	int rc = 7, caught = 0;
	try {
		BIDE_GROUP(group, rc) {
			bide_group_spawn(group, tick, 9, 'A');
			bide_group_spawn(group, tick, 0.5, 'B');
			throw_after(1, 42);
		}
		note('!');
	} catch (const Error &error) {
		caught = error.number;
		note('.');
	}
	EXPECT_INT(caught, 42);
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, "Ba.");
	EXPECT_INT(bide_cancelled(), 0);
	EXPECT_INT(bide_sleep(1), 0);
	EXPECT_ELAPSED(2);
}

static BIDE_ASYNC(int, tidy, double, double);
static int tidy(double seconds, double cleanup)
{
	int rc = bide_sleep(seconds);
	BIDE_SHIELD {
		(void)bide_sleep(cleanup);
	}
	note('t');
	return rc;
}

CPP_TEST(an_exception_waits_for_the_clean_up_of_a_group_s_tasks)
{
	int rc = 7, caught = 0;
	try {
		BIDE_GROUP(group, rc) {
			bide_group_spawn(group, tidy, 9, 3);
			throw_after(1, 42);
		}
	} catch (const Error &error) {
		caught = error.number;
		note('.');
	}
	EXPECT_INT(caught, 42);
	EXPECT_STR(trace, "t.");
	EXPECT_ELAPSED(4);
}

CPP_TEST(an_exception_out_of_a_timeout_ends_it)
{
	int fired = 7, caught = 0;
	try {
		BIDE_TIMEOUT(5, fired) {
			throw_after(1, 42);
		}
	} catch (const Error &error) {
		caught = error.number;
	}
	EXPECT_INT(caught, 42);
	EXPECT_INT(fired, 0);
	EXPECT(std::isinf(bide_deadline()));
	EXPECT_INT(bide_sleep(9), 0);
}

CPP_TEST(an_exception_thrown_because_a_timeout_fired_leaves_it)
{
	int fired = 7, caught = 0;
	try {
		BIDE_TIMEOUT(1, fired) {
			int rc = bide_sleep(9);
			if (rc < 0)
				throw Error{ rc };
		}
	} catch (const Error &error) {
		caught = error.number;
	}
	EXPECT_INT(caught, -ETIMEDOUT);
	EXPECT_INT(fired, -ETIMEDOUT);
	EXPECT_INT(bide_cancelled(), 0);
	EXPECT_ELAPSED(1);
}

CPP_TEST(an_exception_out_of_nested_blocks_ends_them_from_the_inside_out)
{
	int outer = 7, inner = 7, fired = 7, caught = 0;
	try {
		BIDE_GROUP(first, outer) {
			bide_group_spawn(first, tick, 9, 'A');
			BIDE_TIMEOUT(5, fired) {
				BIDE_GROUP(second, inner) {
					bide_group_spawn(second, tick, 9, 'B');
					BIDE_SHIELD {
						throw_after(1, 42);
					}
				}
			}
		}
	} catch (const Error &error) {
		caught = error.number;
	}
	EXPECT_INT(caught, 42);
	EXPECT_INT(outer, 0);
	EXPECT_INT(inner, 0);
	EXPECT_INT(fired, 0);
	EXPECT_STR(trace, "ba");
	EXPECT_INT(bide_cancelled(), 0);
	EXPECT_ELAPSED(1);
}

CPP_TEST(an_exception_out_of_a_loop_over_tasks_leaves_them_to_the_caller)
{
	int caught = 0;
	bide_task *tasks[] = { bide_spawn(tick, 1, 'A'), bide_spawn(tick, 2, 'B') };
	try {
		BIDE_AS_COMPLETED(t, tasks, 2) {
			EXPECT_PTR(t, tasks[0]);
			throw Error{ 42 };
		}
	} catch (const Error &error) {
		caught = error.number;
	}
	EXPECT_INT(caught, 42);
	EXPECT_INT(bide_gather(tasks, 2, nullptr), 0);
	EXPECT_STR(trace, "AB");
}

CPP_TEST(an_exception_caught_inside_a_group_does_not_leave_it)
{
	int rc = 7;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, tick, 5, 'A');
		try {
			throw_after(1, 42);
		} catch (const Error &) {
			note('.');
		}
	}
	EXPECT_INT(rc, 0);
	EXPECT_STR(trace, ".A");
	EXPECT_ELAPSED(5);
}

CPP_TEST(a_group_may_be_opened_while_an_exception_is_handled)
{
	int rc = 7, caught = 0;
	try {
		throw_after(1, 42);
	} catch (const Error &error) {
		BIDE_GROUP(group, rc) {
			bide_group_spawn(group, tick, 2, 'A');
		}
		caught = error.number;
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(caught, 42);
	EXPECT_STR(trace, "A");
	EXPECT_ELAPSED(3);
}

/* ---- several tasks, each its own ---------------------------------------------------------- */

/* Catches an exception, is suspended while it handles it, and throws it again. */
template <class Wait> static int rethrow(int number, int depth, Wait wait)
{
	try {
		try {
			throw Error{ number };
		} catch (...) {
			wait();
			if (depth > 0) {
				EXPECT_INT(rethrow(number + 1000, depth - 1, wait), number + 1000);
				wait();
			}
			throw;
		}
	} catch (const Error &error) {
		wait();
		return error.number;
	}
	return -1;
}

static BIDE_ASYNC(int, rethrows, int, double, int);
static int rethrows(int number, double seconds, int depth)
{
	return rethrow(number, depth, [seconds] { (void)bide_sleep(seconds); });
}

static BIDE_ASYNC_LIGHT(int, rethrows_lightly, int, double, int);
static int rethrows_lightly(int number, double seconds, int depth)
{
	return rethrow(number, depth, [seconds] { (void)bide_sleep(seconds); });
}

CPP_TEST(two_tasks_suspended_in_catch_blocks_each_rethrow_their_own)
{
	bide_task *a = bide_spawn(rethrows, 1, 2, 0), *b = bide_spawn(rethrows, 2, 3, 0);
	EXPECT_INT(bide_await(int, a), 1);
	EXPECT_INT(bide_await(int, b), 2);
	bide_task *c = bide_spawn(rethrows_lightly, 3, 3, 0);
	bide_task *d = bide_spawn(rethrows_lightly, 4, 2, 0);
	EXPECT_INT(bide_await(int, c), 3);
	EXPECT_INT(bide_await(int, d), 4);
}

CPP_TEST(many_tasks_suspended_in_nested_catch_blocks_each_rethrow_their_own)
{
	enum { N = 100 };
	bide_task *tasks[2 * N];
	int results[2 * N];
	for (int i = 0; i < N; i++) {
		tasks[2 * i] = bide_spawn(rethrows, i, i % 7, i % 4);
		tasks[2 * i + 1] = bide_spawn(rethrows_lightly, N + i, i % 5, i % 3);
	}
	EXPECT_INT(bide_gather(tasks, 2 * N, results), 0);
	for (int i = 0; i < N; i++) {
		EXPECT_INT(results[2 * i], i);
		EXPECT_INT(results[2 * i + 1], N + i);
	}
}

static BIDE_ASYNC(int, counts_uncaught, int);
static int counts_uncaught(int number)
{
	struct Counter {
		int before = std::uncaught_exceptions(), *number;

		explicit Counter(int *n) : number(n)
		{
		}
		~Counter()
		{
			EXPECT_INT(std::uncaught_exceptions(), before + 1);
			(void)bide_sleep(*number);
			EXPECT_INT(std::uncaught_exceptions(), before + 1);
			*number += 100;
		}
	};
	try {
		Counter counter(&number);
		throw Error{ number };
	} catch (const Error &error) {
		number += error.number;
	}
	EXPECT_INT(std::uncaught_exceptions(), 0);
	return number;
}

/* A destructor that suspends while its task's stack is unwound. */
CPP_TEST(exceptions_in_flight_are_counted_for_each_task)
{
	bide_task *a = bide_spawn(counts_uncaught, 3), *b = bide_spawn(counts_uncaught, 2);
	EXPECT_INT(bide_yield(), 0);
	EXPECT_INT(std::uncaught_exceptions(), 0);
	EXPECT_INT(bide_await(int, a), 106);
	EXPECT_INT(bide_await(int, b), 104);
}

static BIDE_ASYNC(int, has_current, int);
static int has_current(int number)
{
	EXPECT(std::current_exception() == nullptr);
	try {
		throw std::runtime_error(std::to_string(number));
	} catch (const std::runtime_error &) {
		(void)bide_sleep(1);
		try {
			std::rethrow_exception(std::current_exception());
		} catch (const std::runtime_error &error) {
			(void)bide_sleep(1);
			return std::stoi(error.what());
		}
	}
	return -1;
}

CPP_TEST(the_current_exception_is_the_task_s_own)
{
	bide_task *tasks[10];
	int results[10];
	for (int i = 0; i < 10; i++)
		tasks[i] = bide_spawn(has_current, i);
	EXPECT_INT(bide_gather(tasks, 10, results), 0);
	for (int i = 0; i < 10; i++)
		EXPECT_INT(results[i], i);
	EXPECT(std::current_exception() == nullptr);
}

CPP_TEST(a_task_spawned_in_a_catch_block_has_no_exception)
{
	try {
		throw Error{ 1 };
	} catch (const Error &error) {
		EXPECT_INT(bide_await(int, bide_spawn(has_current, 5)), 5);
		EXPECT_INT(error.number, 1);
		EXPECT(std::current_exception() != nullptr);
	}
}

static std::exception_ptr handed_over;
static BIDE_ASYNC(int, hands_over, void);
static int hands_over()
{
	try {
		throw_after(1, 42);
	} catch (...) {
		handed_over = std::current_exception();
	}
	return 0;
}

CPP_TEST(an_exception_may_be_handed_to_another_task)
{
	int caught = 0;
	EXPECT_INT(bide_join(bide_spawn(hands_over)), 0);
	try {
		std::rethrow_exception(handed_over);
	} catch (const Error &error) {
		caught = error.number;
	}
	handed_over = nullptr;
	EXPECT_INT(caught, 42);
}

/* ---- beyond the task ---------------------------------------------------------------------- */

static BIDE_ASYNC(int, throws_out, void);
static int throws_out()
{
	throw Error{ 42 };
}

static BIDE_ASYNC(int, spawns_one_that_throws, void);
static int spawns_one_that_throws()
{
	return bide_join(bide_spawn(throws_out));
}

TEST_ABORTS(an_exception_out_of_a_task_terminates,
            "terminate called after throwing an instance of 'Error'")
{
	(void)RUN_VIRTUAL(spawns_one_that_throws);
}
