// SPDX-License-Identifier: MIT
/* Several loops from C++17: exceptions in flight on all of them at once, and objects that are
 * destroyed when a failure elsewhere cancels the task that has them. */
#include "core/cpp_kit.h"

#include <atomic>
#include <stdexcept>
#include <string>

namespace
{

std::atomic<int> begun, destroyed;

struct Counted {
	std::string text = "long enough to be on the heap, wherever that is";
	~Counted()
	{
		destroyed++;
	}
};

struct Cancelled : std::runtime_error {
	int code;
	explicit Cancelled(int code_) : std::runtime_error("cancelled"), code(code_)
	{
	}
};

void wait_or_throw(double seconds)
{
	Counted counted;
	int rc = bide_sleep(seconds);
	if (rc < 0)
		throw Cancelled(rc);
}

} // namespace

static BIDE_ASYNC(int, throw_often, int);
static int throw_often(int times)
{
	int caught = 0;
	for (int i = 0; i < times; i++) {
		try {
			Counted counted;
			if (bide_yield() == 0)
				throw i;
		} catch (int thrown) {
			(void)bide_yield();
			caught += thrown == i;
		}
	}
	EXPECT_INT(caught, times);
	begun++;
	return 0;
}

static BIDE_ASYNC_LIGHT(int, throw_in_tasks, int, int);
static int throw_in_tasks(int tasks, int times)
{
	int rc;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < tasks; i++)
			bide_group_spawn(group, throw_often, times);
	}
	return rc;
}

TEST(cpp_cores_throw_at_once)
{
	EXPECT_INT(bide_run_on_cores(4, throw_in_tasks, 10, 50), 0);
	EXPECT_INT(begun, 40);
	EXPECT_INT(destroyed, 4 * 10 * 50);
}

static BIDE_ASYNC(void, fail_or_be_cancelled, const std::string *);
static void fail_or_be_cancelled(const std::string *text)
{
	begun++;
	try {
		wait_or_throw(bide_core_number() == 2 ? 0.002 : 1000);
		bide_fail(*text == "shared" ? -EDOM : -EINVAL);
	} catch (const Cancelled &cancelled) {
		bide_fail(cancelled.code);
	}
}

TEST(cpp_cores_unwind_when_another_fails)
{
	const std::string text = "shared";
	EXPECT_INT(bide_run_on_cores(3, fail_or_be_cancelled, &text), -EDOM);
	EXPECT_INT(begun, 3);
	EXPECT_INT(destroyed, 3);
}

static BIDE_ASYNC(bool, see_numbers, unsigned);
static bool see_numbers(unsigned n)
{
	begun += static_cast<int>(bide_core_number());
	EXPECT_UINT(bide_core_count(), n);
	EXPECT_PTR(bide_core_loop(bide_core_number()), bide_current_loop());
	return false;
}

TEST(cpp_cores_have_numbers)
{
	EXPECT_INT(bide_run_on_cores(4u, see_numbers, 4), 0);
	EXPECT_INT(begun, 6);
}
