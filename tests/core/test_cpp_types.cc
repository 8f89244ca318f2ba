// SPDX-License-Identifier: MIT
/* bide used from C++17: the types of arguments and results, namespaces, C functions from a header
 * that is shared with C, and every block and call that a program needs. */
#include "core/cpp_kit.h"
#include "core/types_kit.h"

#include <cstdint>
#include <string>

/* ---- types -------------------------------------------------------------------------------- */

struct Point {
	double x = 1, y = 2; /* not trivial to make, but copied as bytes */

	double sum() const
	{
		return x + y;
	}
};

enum class Color : short { red = 3, green = -5 };

static BIDE_ASYNC(Point, mirror, Point);
static Point mirror(Point p)
{
	(void)bide_sleep(1);
	Point mirrored;
	mirrored.x = p.y;
	mirrored.y = p.x;
	return mirrored;
}

static BIDE_ASYNC(Color, other, Color);
static Color other(Color c)
{
	return c == Color::red ? Color::green : Color::red;
}

static BIDE_ASYNC(std::string *, append, std::string *, const char *);
static std::string *append(std::string *s, const char *what)
{
	(void)bide_sleep(1);
	*s += what;
	return s;
}

static BIDE_ASYNC_LIGHT(bool, negate, bool);
static bool negate(bool b)
{
	return !b;
}

static BIDE_ASYNC_LIGHT(std::int64_t, negative, std::int64_t);
static std::int64_t negative(std::int64_t x)
{
	return -x;
}

static BIDE_ASYNC(const Point *, same_pointer, const Point *);
static const Point *same_pointer(const Point *p)
{
	return p;
}

CPP_TEST(cpp_structs_and_enums_go_through_a_task)
{
	Point p = bide_await(Point, bide_spawn(mirror, Point{}));
	EXPECT_DOUBLE(p.x, 2);
	EXPECT_DOUBLE(p.y, 1);
	EXPECT(bide_await(Color, bide_spawn(other, Color::red)) == Color::green);
	EXPECT(bide_await(bool, bide_spawn(negate, false)));
	EXPECT_INT(bide_await(std::int64_t, bide_spawn(negative, -(std::int64_t{ 1 } << 40))),
	           std::int64_t{ 1 } << 40);
	Point q;
	EXPECT_PTR(bide_await(const Point *, bide_spawn(same_pointer, &q)), &q);
}

CPP_TEST(cpp_objects_are_passed_by_pointer)
{
	std::string s = "a string that is too long to lie in the object itself: ";
	bide_task *task = bide_spawn(append, &s, "hello");
	EXPECT_STR(bide_await(std::string *, task)->c_str(),
	           "a string that is too long to lie in the object itself: hello");
}

CPP_TEST(cpp_arguments_are_converted_as_in_a_call)
{
	std::string s = "a";
	EXPECT_INT(bide_await(std::int64_t, bide_spawn(negative, 5u)), -5);
	EXPECT_PTR(bide_await(std::string *, bide_spawn(append, &s, s.c_str())), &s);
	EXPECT_STR(s.c_str(), "aa");
}

static BIDE_ASYNC(double, takes_8, char, short, int, long, float, double, Point, const Point *);
static double takes_8(char a, short b, int c, long d, float e, double f, Point g, const Point *h)
{
	(void)bide_yield();
	return a + b * 10 + c * 100 + static_cast<double>(d) * 1e3 + static_cast<double>(e) * 1e4 +
	       f * 1e5 + g.sum() * 1e6 + h->sum() * 1e7;
}

CPP_TEST(cpp_tasks_take_up_to_eight_arguments)
{
	Point p;
	EXPECT_DOUBLE(bide_await(double, bide_spawn(takes_8, 1, 2, 3, 4, 5, 6, Point{}, &p)),
	              33654321);
}

static BIDE_ASYNC(int, takes_none, void);
static int takes_none()
{
	return 42;
}

static BIDE_ASYNC(void, gives_none, int *);
static void gives_none(int *n)
{
	++*n;
}

CPP_TEST(cpp_tasks_may_take_or_give_nothing)
{
	int n = 0;
	EXPECT_INT(bide_await(int, bide_spawn(takes_none)), 42);
	bide_await(void, bide_spawn(gives_none, &n));
	EXPECT_INT(n, 1);
}

/* ---- where functions may stand ------------------------------------------------------------ */

namespace outer
{
namespace inner
{
BIDE_ASYNC(int, twice, int);
int twice(int x)
{
	(void)bide_sleep(1);
	return 2 * x;
}
} // namespace inner

static int call_inside(int x)
{
	return bide_await(int, bide_spawn(inner::twice, x));
}
} // namespace outer

CPP_TEST(cpp_functions_may_stand_in_namespaces)
{
	EXPECT_INT(bide_await(int, bide_spawn(outer::inner::twice, 21)), 42);
	EXPECT_INT(outer::call_inside(4), 8);
}

CPP_TEST(c_functions_from_a_header_are_spawned_from_cpp)
{
	EXPECT_INT(bide_await(int, bide_spawn(types_add, 1, 2)), 3);
	EXPECT_INT(types_add_elsewhere(3, 4), 7);
	EXPECT_INT(bide_await(int, types_spawn_add(5, 6)), 11);
	types_pair swapped = bide_await(types_pair, bide_spawn(types_swap, types_pair{ 3, 7 }));
	EXPECT_INT(swapped.number, 7);
	types_large zeros{};
	types_large ones = bide_await(types_large, bide_spawn(types_invert, zeros));
	EXPECT_INT(ones.bytes[511], 255);
}

/* ---- failures ----------------------------------------------------------------------------- */

static_assert(bide__signed(static_cast<int *>(nullptr)) == 1, "an int can carry an error");
static_assert(bide__signed(static_cast<long *>(nullptr)) == 1, "a long can");
static_assert(bide__signed(static_cast<long long *>(nullptr)) == 1, "a long long can");
static_assert(bide__signed(static_cast<short *>(nullptr)) == 0, "a short cannot");
static_assert(bide__signed(static_cast<unsigned *>(nullptr)) == 0, "an unsigned cannot");
static_assert(bide__signed(static_cast<double *>(nullptr)) == 0, "a double cannot");
static_assert(bide__signed(static_cast<Color *>(nullptr)) == 0, "an enum cannot");

static BIDE_ASYNC(int, gives, double, int);
static int gives(double seconds, int result)
{
	int rc = bide_sleep(seconds);
	return rc < 0 ? rc : result;
}

CPP_TEST(cpp_tasks_fail_by_negative_integers)
{
	int ret = 7;
	EXPECT_INT(bide_try_await(bide_spawn(gives, 1, -EIO), &ret), -EIO);
	EXPECT_INT(ret, 7);
	EXPECT_INT(bide_try_await(bide_spawn(gives, 1, 5), &ret), 0);
	EXPECT_INT(ret, 5);
	EXPECT_INT(bide_try_await(bide_spawn(gives, 1, -EIO), nullptr), -EIO);
	EXPECT_INT(bide_await(int, bide_spawn(gives, 1, -EPERM)), -EPERM);
	EXPECT_INT(bide_wait_for(bide_spawn(gives, 9, 1), 1, &ret), -ETIMEDOUT);
}

/* ---- blocks and calls --------------------------------------------------------------------- */

CPP_TEST(cpp_programs_have_every_block)
{
	int rc = 7, fired = 7, order = 0;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, gives, 2, 2);
		bide_group_spawn(group, gives, 1, 1);
		for (bide_task *t; (t = bide_group_next(group)) != nullptr;)
			order = order * 10 + bide_await(int, t);
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(order, 12);
	BIDE_TIMEOUT(1, fired) {
		BIDE_SHIELD {
			EXPECT_INT(bide_sleep(2), 0);
		}
		EXPECT_INT(bide_sleep(2), -ETIMEDOUT);
	}
	EXPECT_INT(fired, -ETIMEDOUT);
	BIDE_SCOPE(scope, rc) {
		bide_scope_cancel(scope);
		EXPECT_INT(bide_sleep(1), -ECANCELED);
	}
	EXPECT_INT(rc, -ECANCELED);
	BIDE_NO_SUSPEND {
		EXPECT(std::isinf(bide_deadline()));
	}
	bide_task *tasks[] = { bide_spawn(gives, 2, 1), bide_spawn(gives, 1, 2) };
	BIDE_AS_COMPLETED(t, tasks, 2) {
		order = order * 10 + bide_await(int, t);
	}
	EXPECT_INT(order, 1221);
}

CPP_TEST(cpp_programs_gather)
{
	Point results[2];
	int errors[2] = { 7, 7 };
	bide_task *tasks[] = { bide_spawn(mirror, Point{}), bide_spawn(mirror, Point{}) };
	EXPECT_INT(bide_gather(tasks, 2, results), 0);
	EXPECT_DOUBLE(results[1].x, 2);
	bide_task *others[] = { bide_spawn(gives, 1, -EIO), bide_spawn(gives, 1, 2) };
	EXPECT_INT(bide_gather_collect(others, 2, static_cast<int *>(nullptr), errors), 1);
	EXPECT_INT(errors[0], -EIO);
	EXPECT_INT(errors[1], 0);
}

static BIDE_ASYNC(int, add_up, const std::string *);
static int add_up(const std::string *text)
{
	int sum = 0;
	try {
		for (std::size_t i = 0;; i++)
			sum += text->at(i) - '0';
	} catch (const std::exception &) {
		return bide_thread_cancelled() + sum;
	}
}

static BIDE_ASYNC(Color, fail_in_a_thread, Color);
static Color fail_in_a_thread(Color color)
{
	bide_fail(-EIO);
	return color;
}

CPP_TEST(cpp_programs_call_in_threads)
{
	const std::string text = "12345";
	Color color = Color::green;
	bide_thread_options options{};
	options.abandon = true;
	EXPECT_INT(bide_to_thread(add_up, &text), 15);
	EXPECT(bide_to_thread(other, Color::red) == Color::green);
	EXPECT_INT(bide_try_to_thread(&options, &color, other, color), 0);
	EXPECT(color == Color::red);
	EXPECT_INT(bide_try_to_thread(nullptr, nullptr, fail_in_a_thread, color), -EIO);
	bide_thread_pool pool{};
	pool.limit = 2;
	EXPECT_INT(bide_thread_pool_set(&pool), 0);
}

static const bide_local local{};
CPP_TEST(cpp_programs_have_options_and_locals)
{
	static int value;
	bide_task_options options{};
	options.name = "named";
	bide_task *task = bide_spawn_with(&options, gives, 1, 5);
	EXPECT_STR(bide_task_name(task), "named");
	EXPECT_INT(bide_join(task), 0);
	EXPECT_INT(bide_local_set(&local, &value), 0);
	EXPECT_PTR(bide_local_get(&local), &value);
	bide_group_options limit{};
	limit.limit = 1;
	int rc = 7;
	BIDE_GROUP_WITH(&limit, group, rc) {
		bide_group_spawn(group, gives, 1, 1);
		bide_group_spawn(group, gives, 1, 1);
	}
	EXPECT_INT(rc, 0);
}

TEST(cpp_programs_run_loops)
{
	bide_loop *loop = nullptr;
	bide_options options{};
	int ret = 0;
	options.backend = BIDE_BACKEND_VIRTUAL;
	CHECK_INT(bide_loop_open(&options, &loop), 0);
	CHECK_INT(bide_loop_run(loop, &ret, gives, 5, 42), 0);
	CHECK_INT(ret, 42);
	CHECK_INT(bide_run(gives, 5, 43), 43);
	bide_loop_close(loop);
}
