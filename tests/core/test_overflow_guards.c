// SPDX-License-Identifier: MIT
/* Guards as older kernels have them, by mprotect: they catch the same, and when the system has no
 * room for more the spawn fails and says why. */
#include "core/child_kit.h"
#include "core/overflow_kit.h"

#include "core/guard.h"

#include <bide.h>
#include <errno.h>

static void overflow(void)
{
	bide__guard_no_madvise = true;
	bide_run(dig, 0);
}

TEST(overflow_into_a_guard_by_mprotect)
{
	struct child child;

	child_run(&child, overflow);
	EXPECT(child_died_by(&child, SIGSEGV));
	EXPECT(child_said(&child, "stack overflow in task 'dig' (#"));
	EXPECT(child_said(&child, "), function dig: its stack of 262144 bytes is used up"));
}

static void overflow_by_array(void)
{
	const bide_options options = { .stack_size = 64 * 1024 };

	bide__guard_no_madvise = true;
	bide_try_run(&options, NULL, large_array, (size_t)70 * 1024);
}

TEST(overflow_by_an_array_into_a_guard_by_mprotect)
{
	struct child child;

	child_run(&child, overflow_by_array);
	EXPECT(child_died_by(&child, SIGSEGV));
	EXPECT(child_said(&child, "), function large_array: its stack of 65536 bytes is used up"));
}

/* ---- too many for the system -------------------------------------------------------------- */

static int reports;
static char report_text[512];

static void keep_report(void *arg, const bide_report *report)
{
	(void)arg;
	reports++;
	if (report->error == -BIDE_EMAPS)
		snprintf(report_text, sizeof report_text, "%s", report->message);
}

BIDE_ASYNC(int, tick, int *);
int tick(int *count)
{
	++*count;
	return 0;
}

/* Spawns until a guard can not be had; all that were spawned run nevertheless. */
BIDE_ASYNC(int, spawn_until_refused, int);
int spawn_until_refused(int most)
{
	int spawned = 0;
	int count = 0;
	int rc;

	BIDE_GROUP(group, rc) {
		while (spawned < most && bide_group_spawn(group, tick, &count) != NULL)
			spawned++;
	}
	EXPECT_INT(rc, -BIDE_EMAPS);
	EXPECT(spawned > 1000 && spawned < most);
	EXPECT_INT(count, spawned);
	return spawned;
}

TEST(overflow_guards_by_mprotect_run_out_with_an_error_and_never_lack)
{
	const bide_options options = { .stack_size = 16 * 1024 };
	FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
	int maps = 0;

	CHECK(file != NULL);
	CHECK_INT(fscanf(file, "%d", &maps), 1);
	fclose(file);
	if (maps > 100000)
		SKIP("this system has room for more maps than can be used up in a test");
	bide__guard_no_madvise = true;
	bide_set_report(keep_report, NULL);
	EXPECT_INT(bide_try_run(&options, NULL, spawn_until_refused, 100000), 0);
	EXPECT_STR(report_text, "cannot be spawned: too many memory maps for stack guards: raise "
	                        "vm.max_map_count");
	EXPECT_INT(reports, 1);
}
