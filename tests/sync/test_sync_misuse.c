// SPDX-License-Identifier: MIT
/* Bad use of mutexes and the like: a sentence that names the call and the task, and abort(). */
#include "core/light_kit.h"
#include "sync/sync_kit.h"

static bide_mutex mutex, second;
static bide_event event;
static bide_cond cond;
static bide_semaphore semaphore;
static bide_barrier barrier = BIDE_BARRIER_INIT(2);

static BIDE_ASYNC(int, lock_and_keep, bide_mutex *);
static int lock_and_keep(bide_mutex *m)
{
	int rc = bide_mutex_lock(m);
	return rc < 0 ? rc : bide_sleep(10);
}

static BIDE_ASYNC(int, lock_and_end, bide_mutex *);
static int lock_and_end(bide_mutex *m)
{
	return bide_mutex_lock(m);
}

static BIDE_ASYNC(int, wait_for_event, void);
static int wait_for_event(void)
{
	return bide_event_wait(&event);
}

static BIDE_ASYNC(int, wait_on_cond, bide_mutex *);
static int wait_on_cond(bide_mutex *m)
{
	int rc = bide_mutex_lock(m);
	if (rc == 0)
		rc = bide_cond_wait(&cond, m);
	return rc;
}

static void lock_now(void)
{
	EXPECT_INT(bide_mutex_lock(&mutex), 0);
}

/* ---- outside a task ----------------------------------------------------------------------- */

#define WITHOUT_A_LOOP(name, call, text) \
	TEST_ABORTS(sync_misuse_##name##_without_a_loop, text) \
	{ \
		(void)!call; \
	}

WITHOUT_A_LOOP(lock, bide_mutex_lock(&mutex), "bide_mutex_lock: no loop on this thread")
WITHOUT_A_LOOP(try_lock, bide_mutex_try_lock(&mutex), "bide_mutex_try_lock: there is no task")
WITHOUT_A_LOOP(event_wait, bide_event_wait(&event), "bide_event_wait: no loop on this thread")
WITHOUT_A_LOOP(cond_wait, bide_cond_wait(&cond, &mutex), "bide_cond_wait: no loop on this thread")
WITHOUT_A_LOOP(acquire, bide_semaphore_acquire(&semaphore), "bide_semaphore_acquire: no loop on")
WITHOUT_A_LOOP(barrier_wait, bide_barrier_wait(&barrier), "bide_barrier_wait: no loop on this")

MISUSE(lock_in_no_suspend,
       "bide_mutex_lock: in task 'lock_in_no_suspend' (#1): it suspends, inside")
{
	BIDE_NO_SUSPEND
		lock_now();
}

/* ---- the holder --------------------------------------------------------------------------- */

MISUSE(unlock_of_a_free_mutex,
       "bide_mutex_unlock: in task 'unlock_of_a_free_mutex' (#1): the mutex is not locked")
{
	bide_mutex_unlock(&mutex);
}

MISUSE(unlock_twice, "bide_mutex_unlock: in task 'unlock_twice' (#1): the mutex is not locked")
{
	lock_now();
	bide_mutex_unlock(&mutex);
	bide_mutex_unlock(&mutex);
}

MISUSE(unlock_by_another, "bide_mutex_unlock: in task 'unlock_by_another' (#1): task "
                          "'lock_and_keep' (#2) holds the mutex")
{
	bide_detach(bide_spawn(lock_and_keep, &mutex));
	settle();
	bide_mutex_unlock(&mutex);
}

MISUSE(unlock_after_it_was_handed_over, "bide_mutex_unlock: in task "
                                        "'unlock_after_it_was_handed_over' (#1): task "
                                        "'lock_and_keep' (#2) holds the mutex")
{
	lock_now();
	bide_detach(bide_spawn(lock_and_keep, &mutex));
	settle();
	bide_mutex_unlock(&mutex);
	bide_mutex_unlock(&mutex);
}

static void unlock(void *arg)
{
	bide_mutex_unlock(arg);
}

MISUSE(unlock_in_a_callback, "bide_mutex_unlock: task 'unlock_in_a_callback' (#1) holds the mutex")
{
	lock_now();
	EXPECT_INT(bide_call_threadsafe(bide_current_loop(), unlock, &mutex), 0);
	(void)bide_sleep(1);
}

MISUSE(unlock_in_a_block,
       "bide_mutex_unlock: in task 'unlock_in_a_block' (#1): the mutex is not locked")
{
	BIDE_LOCK(&mutex)
		bide_mutex_unlock(&mutex);
}

MISUSE(release_in_a_block, "BIDE_ACQUIRE: in task 'release_in_a_block' (#1): what it acquired has")
{
	bide_semaphore_init_bounded(&semaphore, 1);
	BIDE_ACQUIRE(&semaphore)
		EXPECT_INT(bide_semaphore_release(&semaphore), 0);
}

MISUSE(lock_of_a_mutex_whose_holder_has_ended,
       "bide_mutex_lock: in task 'lock_of_a_mutex_whose_holder_has_ended' (#1): task #2 has ended "
       "and has not unlocked the mutex")
{
	EXPECT_INT(bide_join(bide_spawn(lock_and_end, &mutex)), 0);
	lock_now();
}

MISUSE(lock_of_a_mutex_whose_holder_has_ended_and_is_kept, "task #2 has ended and has not unlocked")
{
	bide_task *task = bide_spawn(lock_and_end, &mutex);
	settle();
	lock_now();
	EXPECT_INT(bide_join(task), 0);
}

TEST_ABORTS(sync_misuse_lock_of_a_mutex_held_since_an_earlier_run, "has not unlocked the mutex")
{
	CHECK_INT(bide_try_run(&virtual_options, NULL, lock_and_end, &mutex), 0);
	(void)bide_try_run(&virtual_options, NULL, lock_and_end, &mutex);
}

/* ---- conditions --------------------------------------------------------------------------- */

MISUSE(cond_wait_without_the_mutex,
       "bide_cond_wait: in task 'cond_wait_without_the_mutex' (#1): the mutex is not locked")
{
	(void)bide_cond_wait(&cond, &mutex);
}

MISUSE(cond_wait_with_the_mutex_of_another, "bide_cond_wait: in task "
                                            "'cond_wait_with_the_mutex_of_another' (#1): task "
                                            "'lock_and_keep' (#2) holds the mutex")
{
	bide_detach(bide_spawn(lock_and_keep, &mutex));
	settle();
	(void)bide_cond_wait(&cond, &mutex);
}

MISUSE(cond_wait_with_two_mutexes, "bide_cond_wait: in task 'wait_on_cond' (#3): another mutex "
                                   "goes with it while tasks wait")
{
	bide_detach(bide_spawn(wait_on_cond, &mutex));
	bide_detach(bide_spawn(wait_on_cond, &second));
	settle();
}

/* ---- on the stack of a light task --------------------------------------------------------- */

#define LIES "what is waited for lies on the stack of a light task: its locals do not exist"

/* The block runs as a light task and waits for an object of its own. */
#define ON_LIGHT_STACK(name, call, ...) \
	static BIDE_ASYNC_LIGHT(void, light_##name, void); \
	static void light_##name(void) __VA_ARGS__ TEST_ABORTS( \
		sync_misuse_##name##_on_a_light_stack, \
		call ": in task 'light_" #name "' (#1): " LIES) \
	{ \
		(void)bide_try_run(&virtual_options, NULL, light_##name); \
	}

ON_LIGHT_STACK(event, "bide_event_wait", {
	bide_event local = BIDE_EVENT_INIT;
	(void)bide_event_wait(&local);
})
ON_LIGHT_STACK(cond, "bide_cond_wait", {
	bide_cond local = BIDE_COND_INIT;
	lock_now();
	(void)bide_cond_wait(&local, &mutex);
})
ON_LIGHT_STACK(semaphore, "bide_semaphore_acquire", {
	bide_semaphore local = BIDE_SEMAPHORE_INIT(0);
	(void)!bide_semaphore_acquire(&local);
})
ON_LIGHT_STACK(barrier, "bide_barrier_wait", {
	bide_barrier local = BIDE_BARRIER_INIT(2);
	(void)bide_barrier_wait(&local);
})

/* Another task finds it by what the compiler does not see. In watchful builds, which are strict,
 * the mutex itself cannot be touched. */
#if !LIGHT_WATCHED
static bide_mutex *found;

static BIDE_ASYNC(int, lock_found, void);
static int lock_found(void)
{
	return bide_mutex_lock(found);
}

static BIDE_ASYNC_LIGHT(void, light_holder, void);
static void light_holder(void)
{
	bide_mutex local = BIDE_MUTEX_INIT;
	found = &local;
	EXPECT_INT(bide_mutex_lock(&local), 0);
	bide_detach(bide_spawn(lock_found));
	(void)bide_sleep(1);
	bide_mutex_unlock(&local);
}

TEST_ABORTS(sync_misuse_mutex_on_the_light_stack_of_another,
            "bide_mutex_lock: in task 'lock_found' (#2): " LIES)
{
	const bide_options shared = { .backend = BIDE_BACKEND_VIRTUAL, .light = BIDE_LIGHT_SHARED };
	(void)bide_try_run(&shared, NULL, light_holder);
}
#endif

/* What nobody waits for may lie there. */
static BIDE_ASYNC_LIGHT(int, use_own, void);
static int use_own(void)
{
	bide_mutex own = BIDE_MUTEX_INIT;
	bide_semaphore permits = BIDE_SEMAPHORE_INIT(1);
	int rc = bide_mutex_lock(&own);
	if (rc == 0)
		rc = bide_semaphore_acquire(&permits);
	if (rc < 0)
		return rc;
	rc = bide_sleep(1);
	bide_semaphore_release(&permits);
	bide_mutex_unlock(&own);
	return rc;
}

TEST(sync_misuse_is_not_what_a_light_task_has_for_itself)
{
	CHECK_INT(RUN_VIRTUAL(use_own), 0);
}
