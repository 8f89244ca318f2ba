// SPDX-License-Identifier: MIT
/* Tying a thread to a processor, for good or but for a moment. */
#include "harness/test.h"

#include "base/processors.h"

static cpu_set_t now(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	EXPECT(sched_getaffinity(0, sizeof set, &set) == 0);
	return set;
}

static bool are_all(const struct bide__processors *processors)
{
	cpu_set_t set = now();

	return CPU_EQUAL(&set, &processors->sets[0]);
}

TEST(processors_are_those_on_which_the_thread_may_run)
{
	struct bide__processors processors;

	bide__processors_get(&processors);
	CHECK_UINT(processors.count, (unsigned)CPU_COUNT(&processors.sets[0]));
	EXPECT(are_all(&processors));
	EXPECT(processors.first < processors.count);
	EXPECT_UINT(bide__processors_count(&processors), processors.count);
	processors.count = 0;
	EXPECT(bide__processors_count(&processors) >= 1);
}

TEST(a_thread_is_tied_to_one_and_around)
{
	struct bide__processors processors, tied;
	cpu_set_t first, set;

	bide__processors_get(&processors);
	for (unsigned i = 0; i <= processors.count; i++) {
		bide__processors_tie(&processors, i);
		set = now();
		EXPECT_INT(CPU_COUNT(&set), 1);
		EXPECT((i % processors.count == 0) == (i == 0 || CPU_EQUAL(&set, &first)));
		if (i == 0)
			first = set;
		/* It says where it may run, not where it is. */
		bide__processors_get(&tied);
		EXPECT_UINT(tied.count, processors.count);
	}
	bide__processors_untie();
	EXPECT(are_all(&processors));
}

TEST(a_tie_is_loosened_for_a_moment)
{
	struct bide__processors processors;
	cpu_set_t tied, set;

	bide__processors_get(&processors);
	bide__processors_loosen();
	bide__processors_tighten();
	EXPECT(are_all(&processors));
	bide__processors_tie(&processors, 0);
	tied = now();
	bide__processors_loosen();
	EXPECT(are_all(&processors));
	bide__processors_tighten();
	set = now();
	EXPECT(CPU_EQUAL(&set, &tied));
	bide__processors_untie();
	bide__processors_tighten();
	EXPECT(are_all(&processors));
}

TEST(a_thread_is_not_tied_where_processors_are_not_known)
{
	struct bide__processors processors, none = { .count = 0 };

	bide__processors_get(&processors);
	bide__processors_tie(&none, 3);
	EXPECT(are_all(&processors));
	bide__processors_untie();
	EXPECT(are_all(&processors));
}
