// SPDX-License-Identifier: MIT
/* Guards: what is guarded faults from its first byte to its last, what lies between does not; by
 * either kind of guard, and an error where there can be no more of them. */
#include "core/guard.h"

#include "base/alloc.h"
#include "core/guard_kit.h"
#include "core/sanitizers.h"

#include <bide/base.h>
#include <sys/mman.h>

enum { SIZE = 64 * 1024, SPACING = 128 * 1024, N = 130 /* more than one call takes */ };

static void check_guards(bool no_madvise, size_t n)
{
	bool by_mprotect = false;
	char *base = bide__map(n * SPACING);

	CHECK(base != NULL);
	bide__guard_no_madvise = no_madvise;
	CHECK_INT(bide__guard_install(base, SIZE, SPACING, n, &by_mprotect), 0);
	if (no_madvise)
		EXPECT(by_mprotect);
	for (size_t i = 0; i < n; i++) {
		char *guard = base + i * SPACING;

		CHECK(!can_touch(guard));
		CHECK(!can_touch(guard + SIZE / 2));
		CHECK(!can_touch(guard + SIZE - 1));
		CHECK(can_touch(guard + SIZE));
		CHECK(can_touch(guard + SPACING - 1));
	}
	bide__unmap(base, n * SPACING);
}

TEST(guard_one)
{
	check_guards(false, 1);
}

TEST(guard_many)
{
	check_guards(false, N);
}

TEST(guard_one_by_mprotect)
{
	check_guards(true, 1);
}

TEST(guard_many_by_mprotect)
{
	check_guards(true, N);
}

TEST(guard_kills_whoever_touches_it)
{
	bool by_mprotect = false;
	char *base = bide__map(SPACING);

	CHECK(base != NULL);
	CHECK_INT(bide__guard_install(base, SIZE, SPACING, 1, &by_mprotect), 0);
	EXPECT(kills(base));
	EXPECT(kills(base + SIZE - 1));
	EXPECT(!kills(base + SIZE));
	bide__unmap(base, SPACING);
}

TEST(guard_that_was_refused_by_mprotect_stays_so)
{
	bool by_mprotect = true;
	char *base = bide__map(SPACING);

	CHECK(base != NULL);
	CHECK_INT(bide__guard_install(base, SIZE, SPACING, 1, &by_mprotect), 0);
	EXPECT(by_mprotect);
	EXPECT(!can_touch(base));
	bide__unmap(base, SPACING);
}

TEST(guard_is_a_point_that_can_fail)
{
	bool by_mprotect = false;
	char *base = bide__map(SPACING);

	CHECK(base != NULL);
	bide__alloc_arm(1);
	CHECK_INT(bide__guard_install(base, SIZE, SPACING, 1, &by_mprotect), -ENOMEM);
	bide__alloc_disarm();
	EXPECT(can_touch(base));
	bide__unmap(base, SPACING);
}

/* Each guard by mprotect splits a map, and the system counts maps. */
TEST(guard_by_mprotect_ends_with_too_many_maps)
{
	enum { BATCH = 1000, MOST = 100 * BATCH, GUARD = 4096, STEP = 2 * 4096 };
	bool by_mprotect = true;
	char *base = bide__map((size_t)MOST * STEP);
	int rc = 0;
	size_t n = 0;
	long maps = 0;
	FILE *file = fopen("/proc/sys/vm/max_map_count", "r");

	CHECK(file != NULL && fscanf(file, "%ld", &maps) == 1);
	fclose(file);
	if (maps > MOST)
		SKIP("this system has room for more maps than can be used up in a test");
	CHECK(base != NULL);
	for (; n < MOST && rc == 0; n += BATCH)
		rc = bide__guard_install(base + n * STEP, GUARD, STEP, BATCH, &by_mprotect);
	EXPECT_INT(rc, -BIDE_EMAPS);
	EXPECT(n > BATCH);
	/* Those that were installed are there. */
	for (size_t i = 0; i + BATCH < n; i += 97)
		CHECK_OR(!can_touch(base + i * STEP), break);
	bide__unmap(base, (size_t)MOST * STEP);
}
