// SPDX-License-Identifier: MIT
/* BIDE_LOCK and BIDE_ACQUIRE: left in every way, skipped when there is nothing to be had. */
#include "sync/sync_kit.h"

enum way { END, BREAK, CONTINUE, GOTO, RETURN, WAYS };

static bide_mutex mutex;
static bide_semaphore semaphore = BIDE_BOUNDED_SEMAPHORE_INIT(1);
static int rc;

/* The volatile keeps the compiler from making five functions of it. */
#define LEAVE(way, ...) \
	volatile enum way how = way; \
	__VA_ARGS__ \
	{ \
		note(bide_mutex_locked(&mutex) || bide_semaphore_locked(&semaphore) ? '<' : '?'); \
		if (how == BREAK) \
			break; \
		if (how == CONTINUE) \
			continue; \
		if (how == GOTO) \
			goto out; \
		if (how == RETURN) \
			return 1; \
		note('>'); \
	} \
	note('.'); \
out: \
	note('!'); \
	return 0;

#define LEAVE_TEST(what, ...) \
	__attribute__((noinline)) static int leave_##what(enum way way){ LEAVE( \
		way, __VA_ARGS__) } VIRTUAL_TEST(sync_block_##what##_is_left_in_every_way) \
	{ \
		static const char *const expected[] = { "<>.!", "<.!", "<.!", "<!", "<" }; \
		for (int way = END; way < WAYS; way++) { \
			EXPECT_INT(leave_##what((enum way)way), way == RETURN); \
			EXPECT_TRACE(expected[way]); \
			EXPECT(!bide_mutex_locked(&mutex)); \
			EXPECT(!bide_semaphore_locked(&semaphore)); \
		} \
	}

LEAVE_TEST(lock, BIDE_LOCK(&mutex))
LEAVE_TEST(lock_with_rc, BIDE_LOCK(&mutex, rc))
LEAVE_TEST(acquire, BIDE_ACQUIRE(&semaphore))
LEAVE_TEST(acquire_with_rc, BIDE_ACQUIRE(&semaphore, rc))
LEAVE_TEST(nested, BIDE_LOCK(&mutex, rc) BIDE_ACQUIRE(&semaphore, rc))

static int inside;

static BIDE_ASYNC_LIGHT(int, in_block, void);
static int in_block(void)
{
	int result = 7;
	BIDE_LOCK(&mutex, result)
		inside++;
	return result;
}

static BIDE_ASYNC_LIGHT(int, in_acquire, void);
static int in_acquire(void)
{
	int result = 7;
	BIDE_ACQUIRE(&semaphore, result)
		inside++;
	return result;
}

VIRTUAL_TEST(sync_block_is_skipped_when_its_wait_is_cancelled)
{
	inside = 0;
	EXPECT_INT(bide_mutex_lock(&mutex), 0);
	EXPECT_INT(bide_semaphore_acquire(&semaphore), 0);
	bide_task *tasks[] = { bide_spawn(in_block), bide_spawn(in_acquire) };
	settle();
	for (int i = 0; i < 2; i++) {
		bide_cancel(tasks[i]);
		EXPECT_INT(bide_join(tasks[i]), -ECANCELED);
	}
	EXPECT_INT(inside, 0);
	EXPECT(bide_mutex_locked(&mutex));
	EXPECT(bide_semaphore_locked(&semaphore));
	bide_mutex_unlock(&mutex);
	EXPECT_INT(bide_semaphore_release(&semaphore), 0);
	EXPECT_INT(bide_await(int, bide_spawn(in_block)), 0);
	EXPECT_INT(bide_await(int, bide_spawn(in_acquire)), 0);
	EXPECT_INT(inside, 2);
}

VIRTUAL_TEST(sync_block_is_skipped_by_who_holds_the_mutex)
{
	int outer, inner = 1;
	BIDE_LOCK(&mutex, outer) {
		BIDE_LOCK(&mutex, inner)
			FAIL("locked twice");
		EXPECT(bide_mutex_locked(&mutex));
	}
	EXPECT_INT(outer, 0);
	EXPECT_INT(inner, -EDEADLK);
	EXPECT(!bide_mutex_locked(&mutex));
}

/* The rc is the block's at its beginning, and the user's inside it. */
VIRTUAL_TEST(sync_block_leaves_the_rc_to_the_body)
{
	int result = 1;
	BIDE_LOCK(&mutex, result) {
		EXPECT_INT(result, 0);
		result = 42;
	}
	EXPECT_INT(result, 42);
	BIDE_ACQUIRE(&semaphore, result) {
		EXPECT_INT(result, 0);
		result = 43;
	}
	EXPECT_INT(result, 43);
}

static BIDE_ASYNC(int, lock_twice_without_rc, void);
static int lock_twice_without_rc(void)
{
	BIDE_LOCK(&mutex)
		BIDE_LOCK(&mutex)
			FAIL("locked twice");
	return 0;
}

TEST(sync_block_without_an_rc_reports_why_it_was_skipped)
{
	CHECK_INT(RUN_VIRTUAL(lock_twice_without_rc), 0);
	CHECK_UINT(reports.count, 1);
	CHECK_INT(reports.kind[0], BIDE_REPORT_FAILURE);
	CHECK_INT(reports.error[0], -EDEADLK);
	CHECK_STR(reports.task[0], "lock_twice_without_rc");
	CHECK(strstr(reports.message[0], "skipped a block of BIDE_LOCK") != NULL);
}

static BIDE_ASYNC(int, skip_in_silence, void);
static int skip_in_silence(void)
{
	bide_cancel(bide_current_task());
	BIDE_LOCK(&mutex)
		FAIL("locked");
	BIDE_ACQUIRE(&semaphore)
		FAIL("acquired");
	return 0;
}

TEST(sync_block_without_an_rc_is_skipped_in_silence_when_it_is_cancelled)
{
	CHECK_INT(RUN_VIRTUAL(skip_in_silence), 0);
	CHECK_UINT(reports.count, 0);
}

static BIDE_ASYNC_LIGHT(int, hold_both, void);
static int hold_both(void)
{
	int result;
	BIDE_LOCK(&mutex, result)
		BIDE_ACQUIRE(&semaphore, result)
			result = bide_sleep(100);
	return result;
}

VIRTUAL_TEST(sync_blocks_let_go_when_their_task_is_cancelled)
{
	bide_task *task = bide_spawn(hold_both);
	settle();
	EXPECT(bide_mutex_locked(&mutex));
	bide_cancel(task);
	EXPECT_INT(bide_join(task), -ECANCELED);
	EXPECT(!bide_mutex_locked(&mutex));
	EXPECT(!bide_semaphore_locked(&semaphore));
}
