// SPDX-License-Identifier: MIT
/* The stacks of one loop: each has its guard, promises are kept, stacks are used again, and the
 * pages of those that are free go back to the system. */
#include "core/stack.h"

#include "base/alloc.h"
#include "core/guard.h"
#include "core/guard_kit.h"
#include "core/sanitizers.h"

#include <bide/base.h>
#include <sys/mman.h>

enum { PAGE = 4096, N = 300 };

static struct bide__stack *taken[N];

/* Promises and takes so many. */
static void take_many(struct bide__stacks *stacks, struct bide__stack_class *cls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		CHECK_INT(bide__stack_promise(stacks, cls), 0);
		taken[i] = bide__stack_take(stacks, cls);
		CHECK(taken[i] != NULL);
	}
}

static void give_many(size_t n)
{
	for (size_t i = 0; i < n; i++)
		bide__stack_give(taken[i]);
}

/* ---- what a stack is ------------------------------------------------------------------------ */

static void check_stack(const struct bide__stack *stack, size_t size)
{
	CHECK(!can_touch(stack->low - 1));
	CHECK(!can_touch(stack->low - BIDE__GUARD_SIZE / 2));
	CHECK(!can_touch(stack->low - BIDE__GUARD_SIZE));
	CHECK(can_touch(stack->low));
	CHECK(can_touch(stack->low + size - 1));
	CHECK(stack->top <= stack->low + size && stack->top > stack->low + size - PAGE);
	CHECK_UINT((uintptr_t)stack->top % 16, 0);
}

static void check_stacks(bool no_madvise)
{
	struct bide__stacks stacks = { NULL, false };
	struct bide__stack_class *cls = bide__stack_class(&stacks, BIDE__STACK_DEFAULT);

	bide__guard_no_madvise = no_madvise;
	CHECK(cls != NULL);
	take_many(&stacks, cls, 100);
	EXPECT(stacks.by_mprotect || !no_madvise);
	for (size_t i = 0; i < 100; i++) {
		check_stack(taken[i], BIDE__STACK_DEFAULT);
		/* The next one below, wherever it is, does not reach into this one's guard. */
		for (size_t j = 0; j < i; j++)
			CHECK(taken[j]->low + cls->size <= taken[i]->low - BIDE__GUARD_SIZE ||
			      taken[i]->low + cls->size <= taken[j]->low - BIDE__GUARD_SIZE);
	}
	bide__stacks_finish(&stacks);
}

TEST(stack_each_has_its_guard)
{
	check_stacks(false);
}

TEST(stack_each_has_its_guard_by_mprotect)
{
	check_stacks(true);
}

TEST(stack_overflow_kills)
{
	struct bide__stacks stacks = { NULL, false };
	struct bide__stack_class *cls = bide__stack_class(&stacks, BIDE__STACK_MIN);

	CHECK(cls != NULL);
	take_many(&stacks, cls, 1);
	EXPECT(kills(taken[0]->low - 1));
	EXPECT(kills(taken[0]->low - BIDE__GUARD_SIZE));
	EXPECT(!kills(taken[0]->low));
	bide__stacks_finish(&stacks);
}

TEST(stack_tops_do_not_lie_at_one_page_offset)
{
	struct bide__stacks stacks = { NULL, false };
	struct bide__stack_class *cls = bide__stack_class(&stacks, BIDE__STACK_MIN);
	bool seen[PAGE] = { false };
	int different = 0;

	CHECK(cls != NULL);
	take_many(&stacks, cls, 64);
	for (size_t i = 0; i < 64; i++) {
		size_t offset = (uintptr_t)taken[i]->top % PAGE;
		different += !seen[offset];
		seen[offset] = true;
	}
	EXPECT_INT(different, 16);
	bide__stacks_finish(&stacks);
}

TEST(stack_addresses_are_told_apart)
{
	struct bide__stacks stacks = { NULL, false };
	struct bide__stack_class *cls = bide__stack_class(&stacks, BIDE__STACK_MIN);
	char *low = NULL, here;

	CHECK(cls != NULL);
	take_many(&stacks, cls, 5);
	for (size_t i = 0; i < 5; i++) {
		struct bide__stack *stack = taken[i];

		CHECK(bide__stack_guard_at(&stacks, stack->low - 1, &low));
		CHECK_PTR(low, stack->low);
		CHECK(bide__stack_guard_at(&stacks, stack->low - BIDE__GUARD_SIZE, &low));
		CHECK_PTR(low, stack->low);
		CHECK(!bide__stack_guard_at(&stacks, stack->low, &low));
		CHECK(!bide__stack_guard_at(&stacks, stack->top - 1, &low));
		CHECK(bide__stack_holds(stack, stack->low));
		CHECK(bide__stack_holds(stack, stack->low - 1));
		CHECK(!bide__stack_holds(stack, stack->low + cls->size));
		CHECK(!bide__stack_holds(stack, &here));
	}
	CHECK(!bide__stack_guard_at(&stacks, &here, &low));
	bide__stacks_finish(&stacks);
}

/* ---- classes -------------------------------------------------------------------------------- */

TEST(stack_classes_are_by_size_in_pages)
{
	struct bide__stacks stacks = { NULL, false };
	struct bide__stack_class *small = bide__stack_class(&stacks, 1);
	struct bide__stack_class *large = bide__stack_class(&stacks, 100 * 1000);

	CHECK(small != NULL && large != NULL && small != large);
	CHECK_UINT(small->size, BIDE__STACK_MIN);
	CHECK_UINT(large->size, (100 * 1000 + PAGE - 1) / PAGE * PAGE);
	CHECK_PTR(bide__stack_class(&stacks, BIDE__STACK_MIN), small);
	CHECK_PTR(bide__stack_class(&stacks, 100 * 1000 - 1), large);
	CHECK_PTR(bide__stack_class_at(&stacks, small->number), small);
	CHECK_PTR(bide__stack_class_at(&stacks, large->number), large);
	bide__stacks_finish(&stacks);
}

TEST(stack_classes_come_to_an_end)
{
	struct bide__stacks stacks = { NULL, false };

	for (size_t i = 0; i <= UINT8_MAX; i++)
		CHECK(bide__stack_class(&stacks, BIDE__STACK_MIN + i * PAGE) != NULL);
	CHECK_NULL(bide__stack_class(&stacks, 64 << 20));
	CHECK(bide__stack_class(&stacks, BIDE__STACK_MIN) != NULL);
	bide__stacks_finish(&stacks);
}

/* ---- promises ------------------------------------------------------------------------------- */

TEST(stack_given_back_is_the_next_to_be_taken)
{
	struct bide__stacks stacks = { NULL, false };
	struct bide__stack_class *cls = bide__stack_class(&stacks, BIDE__STACK_MIN);

	CHECK(cls != NULL);
	take_many(&stacks, cls, 10);
	struct bide__stack *a = taken[3], *b = taken[7];
	bide__stack_give(a);
	bide__stack_give(b);
	take_many(&stacks, cls, 2);
	CHECK_PTR(taken[0], b);
	CHECK_PTR(taken[1], a);
	CHECK_UINT(cls->promised, 0);
	bide__stacks_finish(&stacks);
}

/* Promised address space is enough: tasks that end as they begin take turns on few stacks. */
TEST(stack_promises_take_address_space_only)
{
	struct bide__stacks stacks = { NULL, false };
	struct bide__stack_class *cls = bide__stack_class(&stacks, BIDE__STACK_DEFAULT);

	CHECK(cls != NULL);
	for (int i = 0; i < 5000; i++)
		CHECK_INT(bide__stack_promise(&stacks, cls), 0);
	CHECK_UINT(cls->promised, 5000);
	CHECK(cls->mapped >= 5000);
	if (!stacks.by_mprotect)
		CHECK_UINT(cls->made, 1);
	for (int i = 0; i < 5000; i++) {
		struct bide__stack *stack = bide__stack_take(&stacks, cls);
		CHECK(stack != NULL);
		bide__stack_give(stack);
	}
	CHECK_UINT(cls->promised, 0);
	CHECK_UINT(cls->nfree, cls->made);
	bide__stacks_finish(&stacks);
}

TEST(stack_promised_by_mprotect_is_guarded_at_once)
{
	struct bide__stacks stacks = { NULL, false };
	struct bide__stack_class *cls = bide__stack_class(&stacks, BIDE__STACK_MIN);

	bide__guard_no_madvise = true;
	CHECK(cls != NULL);
	for (size_t i = 1; i <= 200; i++) {
		CHECK_INT(bide__stack_promise(&stacks, cls), 0);
		CHECK(cls->made >= i);
	}
	/* So that nothing can be refused any more. */
	for (size_t i = 0; i < 200; i++) {
		bide__alloc_arm(1);
		taken[i] = bide__stack_take(&stacks, cls);
		bide__alloc_disarm();
		CHECK(taken[i] != NULL);
		check_stack(taken[i], BIDE__STACK_MIN);
	}
	bide__stacks_finish(&stacks);
}

TEST(stack_that_cannot_be_had_leaves_all_as_it_was)
{
	for (long k = 1, failed = 1; failed; k++) {
		struct bide__stacks stacks = { NULL, false };
		bide__alloc_arm(k);
		struct bide__stack_class *cls = bide__stack_class(&stacks, BIDE__STACK_MIN);
		int rc = cls == NULL ? -ENOMEM : bide__stack_promise(&stacks, cls);
		if (rc == 0 && (rc = bide__stack_promise(&stacks, cls)) < 0)
			bide__stack_unpromise(cls);
		for (int i = 0; i < 2 && rc == 0; i++) {
			taken[i] = bide__stack_take(&stacks, cls);
			/* The promise stands: it may be tried again, or given up. */
			if (taken[i] == NULL)
				taken[i] = bide__stack_take(&stacks, cls);
			CHECK(taken[i] != NULL);
			check_stack(taken[i], BIDE__STACK_MIN);
		}
		failed = (long)bide__alloc_hook.failures;
		CHECK(rc == 0 || (rc == -ENOMEM && failed));
		if (cls != NULL)
			CHECK_UINT(cls->promised, 0);
		bide__stacks_finish(&stacks);
		bide__alloc_disarm();
		CHECK_INT(bide__alloc_hook.live, 0);
		CHECK(k < 20);
	}
}

/* ---- memory given back ---------------------------------------------------------------------- */

static bool resident(const struct bide__stack *stack)
{
	unsigned char in = 0;
	char *page = (char *)((uintptr_t)(stack->top - 1) & ~(uintptr_t)(PAGE - 1));

	return mincore(page, PAGE, &in) == 0 && (in & 1);
}

static size_t count_resident(const struct bide__stack_class *cls)
{
	size_t n = 0;
	for (const struct bide__stack *s = cls->free; s != NULL; s = s->next)
		n += resident(s);
	return n;
}

TEST(stack_pages_of_free_ones_go_back)
{
	enum { KEPT = 64 };
	struct bide__stacks stacks = { NULL, false };
	struct bide__stack_class *cls = bide__stack_class(&stacks, BIDE__STACK_MIN);

	CHECK(cls != NULL);
	take_many(&stacks, cls, N);
	for (size_t i = 0; i < N; i++)
		taken[i]->top[-1] = 1;
	bide__stack_trim(cls);
	for (size_t i = 0; i < N; i++)
		CHECK(resident(taken[i]));
	give_many(N);
	CHECK_UINT(count_resident(cls), N);
	bide__stack_trim(cls);
	CHECK_UINT(count_resident(cls), KEPT);
	CHECK_UINT(cls->nidle, cls->nfree - KEPT);
	/* The warm ones are taken first, and cold ones are as good as new. */
	take_many(&stacks, cls, N);
	for (size_t i = 0; i < N; i++)
		CHECK_INT(taken[i]->top[-1], i < KEPT ? 1 : 0);
	CHECK(cls->nidle <= cls->nfree);
	check_stack(taken[N - 1], BIDE__STACK_MIN);
	bide__stacks_finish(&stacks);
}

/* ---- too many maps -------------------------------------------------------------------------- */

TEST(stack_promises_end_with_too_many_maps_and_those_made_are_kept)
{
	enum { MOST = 100 * 1000 };
	struct bide__stacks stacks = { NULL, false };
	struct bide__stack_class *cls = bide__stack_class(&stacks, BIDE__STACK_MIN);
	size_t n = 0;
	int rc = 0;
	long maps = 0;
	FILE *file = fopen("/proc/sys/vm/max_map_count", "r");

	CHECK(file != NULL && fscanf(file, "%ld", &maps) == 1);
	fclose(file);
	if (maps > MOST)
		SKIP("this system has room for more maps than can be used up in a test");
	bide__guard_no_madvise = true;
	CHECK(cls != NULL);
	while (n < MOST && (rc = bide__stack_promise(&stacks, cls)) == 0)
		n++;
	EXPECT_INT(rc, -BIDE_EMAPS);
	EXPECT(n > 1000);
	EXPECT_UINT(cls->promised, n);
	for (size_t i = 0; i < n; i++) {
		struct bide__stack *stack = bide__stack_take(&stacks, cls);
		CHECK(stack != NULL);
		if (i % 1009 == 0)
			check_stack(stack, BIDE__STACK_MIN);
	}
	/* With maps to be had again it goes on. */
	bide__stacks_finish(&stacks);
	cls = bide__stack_class(&stacks, BIDE__STACK_MIN);
	CHECK(cls != NULL);
	EXPECT_INT(bide__stack_promise(&stacks, cls), 0);
	bide__stacks_finish(&stacks);
}
