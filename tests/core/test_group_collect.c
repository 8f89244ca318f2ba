// SPDX-License-Identifier: MIT
/* A failure in a collecting group that an await could not tell is not lost. */
#include "core/virtual_kit.h"

static BIDE_ASYNC(double, fails, int);
static double fails(int error)
{
	bide_fail(error);
	return 1;
}

static BIDE_ASYNC(void, awaits_a_failure, void);
static void awaits_a_failure(void)
{
	const bide_group_options options = { .collect = true };
	int rc = 7;
	BIDE_GROUP_WITH(&options, group, rc) {
		bide_task *task = bide_group_spawn(group, fails, -EIO);
		EXPECT(bide_await(double, task) == 0);
	}
	EXPECT_INT(rc, 0);
}

TEST(group_collect_reports_a_failure_that_an_await_cannot_carry)
{
	CHECK_INT(RUN_VIRTUAL(awaits_a_failure), 0);
	CHECK_INT(reports.count, 1);
	CHECK_INT(reports.kind[0], BIDE_REPORT_FAILURE);
	CHECK_INT(reports.error[0], -EIO);
	CHECK_STR(reports.task[0], "fails");
}

static BIDE_ASYNC(void, tries_a_failure, void);
static void tries_a_failure(void)
{
	const bide_group_options options = { .collect = true };
	double result = 7;
	int rc = 7;
	BIDE_GROUP_WITH(&options, group, rc) {
		bide_task *task = bide_group_spawn(group, fails, -EIO);
		EXPECT_INT(bide_try_await(task, &result), -EIO);
	}
	EXPECT(result == 7);
	EXPECT_INT(rc, 0);
}

TEST(group_collect_does_not_report_a_failure_that_was_looked_at)
{
	CHECK_INT(RUN_VIRTUAL(tries_a_failure), 0);
	CHECK_INT(reports.count, 0);
}
