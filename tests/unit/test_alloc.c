// SPDX-License-Identifier: MIT
/* Allocation and its failure hook. */
#include "harness/test.h"

#include "base/alloc.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

TEST(memory_is_had_and_counted)
{
	char *a, *b;

	bide__alloc_arm(0);
	a = bide__malloc(100);
	b = bide__calloc(10, 10);
	CHECK(a && b);
	CHECK_INT(bide__alloc_hook.live, 2);
	for (int i = 0; i < 100; i++)
		CHECK_INT(b[i], 0);
	memset(a, 'x', 100);
	a = bide__realloc(a, 100000);
	CHECK(a);
	CHECK_INT(a[99], 'x');
	CHECK_INT(bide__alloc_hook.live, 2);
	CHECK_UINT(bide__alloc_hook.attempts, 3);
	bide__free(a);
	bide__free(b);
	bide__free(NULL);
	CHECK_INT(bide__alloc_hook.live, 0);
	CHECK_UINT(bide__alloc_hook.failures, 0);
}

TEST(realloc_of_nothing_allocates)
{
	char *block;

	bide__alloc_arm(0);
	block = bide__realloc(NULL, 10);
	CHECK(block);
	CHECK_INT(bide__alloc_hook.live, 1);
	bide__free(block);
	CHECK_INT(bide__alloc_hook.live, 0);
}

TEST(nothing_is_a_block_too)
{
	char *a = bide__malloc(0);
	char *b = bide__calloc(0, 5);
	char *c = bide__realloc(NULL, 0);

	CHECK(a && b && c);
	CHECK(a != b && b != c && a != c);
	c = bide__realloc(c, 0);
	CHECK(c);
	bide__free(a);
	bide__free(b);
	bide__free(c);
}

/* Every kind of request once; returns which of them failed, as bits. */
static unsigned failures_of_each_kind(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned failed = 0;
	char *a = bide__malloc(1);
	char *b = bide__calloc(1, 1);
	char *c = bide__realloc(NULL, 1);
	char *d = bide__map(page);
	void *moved = d ? bide__remap(d, page, 2 * page) : NULL;

	failed |= !a ? 1 : 0;
	failed |= !b ? 2 : 0;
	failed |= !c ? 4 : 0;
	failed |= !d ? 8 : 0;
	failed |= d && !moved ? 16 : 0;
	failed |= bide__alloc_fails() ? 32 : 0;
	bide__unmap(moved ? moved : d, moved ? 2 * page : page);
	bide__free(a);
	bide__free(b);
	bide__free(c);
	return failed;
}

TEST(exactly_the_kth_request_fails)
{
	for (int k = 1; k <= 6; k++) {
		bide__alloc_arm(k);
		/* Without a mapping there is none to change, and its request is not made. */
		CHECK_UINT(failures_of_each_kind(), 1U << (k - 1));
		CHECK_UINT(bide__alloc_hook.failures, 1);
		CHECK_INT(bide__alloc_hook.live, 0);
	}
	bide__alloc_arm(7);
	CHECK_UINT(failures_of_each_kind(), 0);
	CHECK_UINT(bide__alloc_hook.attempts, 6);
	CHECK_UINT(bide__alloc_hook.failures, 0);
	CHECK_UINT(failures_of_each_kind(), 1);
}

TEST(a_failed_realloc_leaves_the_block)
{
	char *block = bide__malloc(4);

	CHECK(block);
	memcpy(block, "abc", 4);
	bide__alloc_arm(1);
	CHECK_NULL(bide__realloc(block, 4000));
	CHECK_STR(block, "abc");
	bide__free(block);
}

TEST(a_request_too_large_fails_by_itself)
{
	volatile size_t huge = SIZE_MAX / 2 + 1;

	bide__alloc_arm(0);
	CHECK_NULL(bide__calloc(huge, 2));
	CHECK_NULL(bide__map(huge));
	CHECK_INT(bide__alloc_hook.live, 0);
}

TEST(a_hook_that_is_not_armed_does_nothing)
{
	bide__alloc_arm(1);
	bide__alloc_disarm();
	CHECK_UINT(failures_of_each_kind(), 0);
	bide__alloc_note(1);
	CHECK_UINT(bide__alloc_hook.attempts, 0);
	CHECK_INT(bide__alloc_hook.live, 0);
}

TEST(objects_of_other_allocators_are_counted)
{
	bide__alloc_arm(0);
	bide__alloc_note(1);
	bide__alloc_note(1);
	bide__alloc_note(-1);
	CHECK_INT(bide__alloc_hook.live, 1);
}

static void *fail_once_elsewhere(void *arg)
{
	unsigned *ret_failed = arg;

	*ret_failed = failures_of_each_kind();
	return NULL;
}

TEST(the_hook_is_the_threads_own)
{
	pthread_t thread;
	unsigned failed = 99;

	bide__alloc_arm(1);
	CHECK_INT(pthread_create(&thread, NULL, fail_once_elsewhere, &failed), 0);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK_UINT(failed, 0);
	CHECK_UINT(bide__alloc_hook.attempts, 0);
	CHECK_UINT(failures_of_each_kind(), 1);
}

TEST(a_mapping_grows_and_shrinks_with_its_contents)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *mapping = bide__map(page);

	CHECK(mapping);
	CHECK_INT((uintptr_t)mapping % page, 0);
	CHECK_INT(mapping[page - 1], 0);
	mapping[0] = 'a';
	mapping[page - 1] = 'b';
	mapping = bide__remap(mapping, page, 1000 * page);
	CHECK(mapping);
	CHECK_INT(mapping[0], 'a');
	CHECK_INT(mapping[page - 1], 'b');
	CHECK_INT(mapping[1000 * page - 1], 0);
	mapping = bide__remap(mapping, 1000 * page, page);
	CHECK(mapping);
	CHECK_INT(mapping[page - 1], 'b');
	bide__unmap(mapping, page);
	bide__unmap(NULL, page);
}

/* Whether a page has memory behind it; -1 when that cannot be said. */
static int resident(char *page, size_t size)
{
	unsigned char state;

	return mincore(page, size, &state) == 0 ? state & 1 : -1;
}

TEST(only_whole_pages_are_discarded)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *mapping = bide__map(4 * page);

	CHECK(mapping);
	memset(mapping, 'x', 4 * page);
	bide__discard(mapping + 1, 3 * page);
	CHECK_INT(mapping[page - 1], 'x');
	CHECK_INT(mapping[3 * page], 'x');
	CHECK_INT(mapping[page], 0);
	CHECK_INT(mapping[3 * page - 1], 0);
	bide__discard(mapping + 1, 1);
	CHECK_INT(mapping[1], 'x');
	bide__unmap(mapping, 4 * page);
}

TEST(memory_that_was_not_touched_or_was_discarded_is_not_there)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *mapping = bide__map(2 * page);

	CHECK(mapping);
	if (resident(mapping, page) < 0)
		SKIP("mincore is not to be had here");
	CHECK_INT(resident(mapping, page), 0);
	mapping[0] = 1;
	CHECK_INT(resident(mapping, page), 1);
	bide__discard(mapping, page);
	CHECK_INT(resident(mapping, page), 0);
	bide__unmap(mapping, 2 * page);
}

/* The second of three requests on a thread that works for this one. */
static void *blocks[3];

static void *allocate_thrice(void *arg)
{
	struct bide__alloc_hook *counts = arg;

	bide__alloc_hook = *counts;
	for (int i = 0; i < 3; i++)
		blocks[i] = bide__malloc(1);
	*counts = bide__alloc_hook;
	return NULL;
}

TEST(what_a_thread_counts_that_works_for_another_is_added)
{
	struct bide__alloc_hook counts;
	pthread_t thread;

	bide__alloc_arm(0);
	bide__alloc_hook.for_threads = 2;
	counts = bide__alloc_for_thread();
	CHECK_INT(pthread_create(&thread, NULL, allocate_thrice, &counts), 0);
	pthread_join(thread, NULL);
	EXPECT_UINT(bide__alloc_hook.attempts, 0);
	bide__alloc_add(&counts);
	EXPECT_UINT(bide__alloc_hook.attempts, 3);
	EXPECT_UINT(bide__alloc_hook.failures, 1);
	EXPECT_INT(bide__alloc_hook.live, 2);
	for (int i = 0; i < 3; i++) {
		EXPECT((blocks[i] == NULL) == (i == 1));
		bide__free(blocks[i]);
	}
	EXPECT_INT(bide__alloc_hook.live, 0);
}
