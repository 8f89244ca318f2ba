// SPDX-License-Identifier: MIT
/* The same from C++: initialisers, blocks that an exception leaves, conditions. */
#include "core/cpp_kit.h"

#include <stdexcept>

static bide_mutex mutex = BIDE_MUTEX_INIT;
static bide_event event = BIDE_EVENT_INIT;
static bide_cond cond = BIDE_COND_INIT;
static bide_semaphore semaphore = BIDE_SEMAPHORE_INIT(1);
static bide_semaphore bounded = BIDE_BOUNDED_SEMAPHORE_INIT(1);
static bide_barrier barrier = BIDE_BARRIER_INIT(2);

CPP_TEST(sync_cpp_objects_begin_as_in_c)
{
	bide_mutex zero{};
	EXPECT_INT(bide_mutex_lock(&zero), 0);
	bide_mutex_unlock(&zero);
	EXPECT(!bide_event_is_set(&event));
	EXPECT_INT(bide_semaphore_release(&bounded), -EOVERFLOW);
	EXPECT_INT(bide_barrier_waiting(&barrier), 0);
	bide_barrier_init(&barrier, 1);
	EXPECT_INT(bide_barrier_wait(&barrier), 0);
}

static int throw_in_lock()
{
	BIDE_LOCK(&mutex) {
		EXPECT(bide_mutex_locked(&mutex));
		EXPECT_INT(bide_sleep(1), 0);
		throw std::runtime_error("out");
	}
	return 0;
}

static int throw_in_acquire(int &rc)
{
	BIDE_ACQUIRE(&semaphore, rc) {
		EXPECT_INT(bide_semaphore_try_acquire(&semaphore), -EAGAIN);
		throw 3;
	}
	return 0;
}

CPP_TEST(sync_cpp_blocks_let_go_when_an_exception_leaves_them)
{
	int rc = 7, caught = 0;
	try {
		throw_in_lock();
	} catch (const std::runtime_error &) {
		caught++;
	}
	try {
		throw_in_acquire(rc);
	} catch (int) {
		caught++;
	}
	EXPECT_INT(caught, 2);
	EXPECT_INT(rc, 0);
	EXPECT(!bide_mutex_locked(&mutex));
	EXPECT(!bide_semaphore_locked(&semaphore));
}

static int level;

static BIDE_ASYNC_LIGHT(int, await_level, int);
static int await_level(int wanted)
{
	int rc;
	BIDE_LOCK(&mutex, rc)
		rc = bide_cond_wait_for(&cond, &mutex, level >= wanted);
	return rc;
}

CPP_TEST(sync_cpp_condition_waits_until_it_holds)
{
	level = 0;
	bide_task *task = bide_spawn(await_level, 3);
	for (int i = 0; i < 3; i++) {
		EXPECT_INT(bide_yield(), 0);
		EXPECT(!bide_task_done(task));
		BIDE_LOCK(&mutex) {
			level++;
			bide_cond_notify_all(&cond);
		}
	}
	EXPECT_INT(bide_join(task), 0);
}
