// SPDX-License-Identifier: MIT
/* Full and light tasks use one object in a random order, while tasks are cancelled and waits run
 * out of time. What must hold then holds at every step: one holder, first come first served; and
 * when all is over nothing is lost. A wake-up that was lost would end in a deadlock, and the run
 * would fail. */
#include "core/light_kit.h"
#include "sync/sync_kit.h"

enum {
	WORKERS = 24, /* tasks, of which a third are cancelled, */
	ROUNDS = 30,  /* that use the object so many times */
	SEEDS = LIGHT_WATCHED ? 4 : 25
};

static struct {
	bide_task *workers[WORKERS];
	unsigned asked, had; /* tickets: the last one that was drawn, and that got in */
	int inside, most;    /* tasks that are in, and that may be */
	int got_in, cut;     /* visits, and waits that were given up */
	int unfinished;      /* tasks that have not come to their end by themselves */
} now;

static int cut_in_all; /* with all seeds */

/* What is random is made from the seed of the run. */
static unsigned below(unsigned n)
{
	return (unsigned)bide_uniform(0, n) % n;
}

static bool one_in(unsigned n)
{
	return below(n) == 0;
}

static int pause_sometimes(void)
{
	return one_in(3) ? bide_sleep(bide_uniform(0, 0.01)) : one_in(2) ? bide_yield() : 0;
}

/* Calls it, half of the time within a deadline. @return 0, 1 if that was too late, or an error. */
static int try_for_a_time(int (*call)(void))
{
	int late = 0, rc = -1;
	if (one_in(2))
		return call();
	BIDE_TIMEOUT(bide_uniform(0.001, 0.1), late)
		rc = call();
	return rc == -ETIMEDOUT && late == rc ? 1 : rc;
}

/* ---- a run -------------------------------------------------------------------------------- */

static int (*work)(void);

static int work_to_the_end(void)
{
	int rc = work();
	EXPECT(rc == 0 || rc == -ECANCELED);
	now.unfinished -= rc == 0;
	return 0;
}

static BIDE_ASYNC(int, worker, void);
static int worker(void)
{
	return work_to_the_end();
}

static BIDE_ASYNC_LIGHT(int, light_worker, void);
static int light_worker(void)
{
	return work_to_the_end();
}

static void begin(int most)
{
	memset(&now, 0, sizeof now);
	now.most = most;
	now.unfinished = WORKERS;
	for (int i = 0; i < WORKERS; i++)
		now.workers[i] = one_in(2) ? bide_spawn(worker) : bide_spawn(light_worker);
}

/* Some are cancelled one by one, some at the same moment. */
static void cancel_some(void)
{
	for (int i = 0; i < WORKERS / 3; i++) {
		if (!one_in(3))
			EXPECT_INT(bide_sleep(bide_uniform(0, 0.1)), 0);
		bide_cancel(now.workers[below(WORKERS)]);
	}
}

static int end(void)
{
	int rc = bide_gather(now.workers, WORKERS, NULL);
	EXPECT_INT(now.inside, 0);
	EXPECT(now.unfinished <= WORKERS / 3);
	EXPECT(now.got_in > WORKERS);
	cut_in_all += now.cut;
	return rc;
}

/* Each is run with many seeds and in each way of keeping light tasks. */
#define STRESS(name) \
	static BIDE_ASYNC(int, name, void); \
	TEST(sync_stress_##name) \
	{ \
		for (int i = 0; i < SEEDS * 3; i++) { \
			const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL, \
				                       .light = light_ways[i % 3], \
				                       .shuffle = i % 2 == 1, \
				                       .seed = test_seed() + (unsigned)i + 1 }; \
			int result = -1; \
			CHECK_INT(bide_try_run(&options, &result, name), 0); \
			CHECK_INT(result, 0); \
		} \
		CHECK(cut_in_all > WORKERS); \
	} \
	static int name(void)

/* ---- visits ------------------------------------------------------------------------------- */

static struct {
	int (*enter)(void);
	void (*leave)(void);
} visited;

/* Where one is let in at a time, they get in in the order in which they asked, but for those who
 * give up. Of several let in at once one that need not wait runs on before one that was woken. */
static int visit(void)
{
	unsigned ticket = ++now.asked;
	int rc = try_for_a_time(visited.enter);
	now.cut += rc != 0;
	if (rc != 0)
		return rc;
	EXPECT(ticket > now.had || now.most > 1);
	now.had = ticket;
	now.got_in++;
	EXPECT(++now.inside <= now.most);
	rc = pause_sometimes();
	now.inside--;
	visited.leave();
	return rc < 0 ? rc : pause_sometimes();
}

static int visit_often(void)
{
	int rc = 0;
	for (int i = 0; i < ROUNDS && rc >= 0; i++)
		rc = visit();
	return rc < 0 ? rc : 0;
}

static bide_mutex mutex;
static bide_semaphore semaphore;

static int lock(void)
{
	return bide_mutex_lock(&mutex);
}

static void unlock(void)
{
	bide_mutex_unlock(&mutex);
}

STRESS(of_a_mutex)
{
	work = visit_often;
	visited.enter = lock;
	visited.leave = unlock;
	begin(1);
	cancel_some();
	int rc = end();
	EXPECT(!bide_mutex_locked(&mutex));
	return rc;
}

static int acquire(void)
{
	return bide_semaphore_acquire(&semaphore);
}

static void release(void)
{
	EXPECT_INT(bide_semaphore_release(&semaphore), 0);
}

STRESS(of_a_semaphore)
{
	enum { PERMITS = 3 };
	work = visit_often;
	visited.enter = acquire;
	visited.leave = release;
	bide_semaphore_init_bounded(&semaphore, PERMITS);
	begin(PERMITS);
	cancel_some();
	int rc = end();
	EXPECT_INT(bide_semaphore_release(&semaphore), -EOVERFLOW);
	for (int i = 0; i < PERMITS; i++)
		EXPECT_INT(bide_semaphore_try_acquire(&semaphore), 0);
	EXPECT_INT(bide_semaphore_try_acquire(&semaphore), -EAGAIN);
	return rc;
}

/* ---- conditions --------------------------------------------------------------------------- */

static bide_cond cond;
static int items, made, taken;
static bool over;

static int wait_for_an_item(void)
{
	int rc = bide_cond_wait_for(&cond, &mutex, items > 0 || over);
	EXPECT_INT(bide_mutex_try_lock(&mutex), -EBUSY);
	return rc;
}

/* Takes items until there will be no more; each is announced to one only. */
static int take_items(void)
{
	for (;;) {
		int rc = bide_mutex_lock(&mutex);
		if (rc < 0)
			return rc;
		EXPECT_INT(++now.inside, 1);
		now.inside--; /* the mutex is let go in between */
		rc = try_for_a_time(wait_for_an_item);
		EXPECT_INT(++now.inside, 1);
		now.cut += rc != 0;
		bool took = rc == 0 && items > 0, last = rc == 0 && !took;
		items -= took;
		taken += took;
		now.got_in += took;
		int paused = pause_sometimes();
		now.inside--;
		bide_mutex_unlock(&mutex);
		if (rc < 0 || paused < 0 || last)
			return rc < 0 ? rc : paused;
	}
}

static BIDE_ASYNC_LIGHT(int, make_items, int);
static int make_items(int n)
{
	for (int i = 0; i < n; i++) {
		int rc = bide_mutex_lock(&mutex);
		if (rc < 0)
			return rc;
		items++;
		made++;
		EXPECT(bide_cond_notify(&cond, 1) <= 1);
		rc = pause_sometimes();
		bide_mutex_unlock(&mutex);
		if (rc == 0)
			rc = pause_sometimes();
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* All that was made is taken by those that are left, though each notification went to one, who may
 * have been cancelled. */
STRESS(of_a_condition)
{
	enum { MAKERS = 3, EACH = 100 };
	bide_task *makers[MAKERS];
	work = take_items;
	items = made = taken = 0;
	over = false;
	begin(1);
	for (int i = 0; i < MAKERS; i++)
		makers[i] = bide_spawn(make_items, EACH);
	cancel_some();
	EXPECT_INT(bide_gather(makers, MAKERS, NULL), 0);
	for (int i = 0; i < 1000 && items > 0; i++)
		EXPECT_INT(bide_sleep(1), 0);
	EXPECT_INT(made, MAKERS * EACH);
	EXPECT_INT(taken, made);
	EXPECT_INT(bide_mutex_lock(&mutex), 0);
	over = true;
	bide_cond_notify_all(&cond);
	bide_mutex_unlock(&mutex);
	return end();
}

/* ---- events ------------------------------------------------------------------------------- */

static bide_event event;
static int times_set;

static int wait_for_event(void)
{
	return bide_event_wait(&event);
}

static int await_events(void)
{
	int rc = 0;
	for (int i = 0; i < ROUNDS && rc >= 0; i++) {
		int before = times_set - bide_event_is_set(&event);
		rc = try_for_a_time(wait_for_event);
		now.cut += rc != 0;
		now.got_in += rc == 0;
		if (rc == 0)
			EXPECT(times_set > before);
		if (rc >= 0)
			rc = pause_sometimes();
	}
	return rc < 0 ? rc : 0;
}

/* Set and cleared until nobody is left: who waited at that moment is woken. */
STRESS(of_an_event)
{
	work = await_events;
	times_set = 0;
	bide_event_init(&event);
	begin(0);
	for (int i = 0; i < 3000; i++) {
		times_set++;
		bide_event_set(&event);
		if (one_in(4))
			EXPECT_INT(bide_sleep(0.001), 0);
		bide_event_clear(&event);
		EXPECT_INT(bide_sleep(bide_uniform(0, 0.05)), 0);
		if (one_in(10) && i / 10 < WORKERS / 3)
			bide_cancel(now.workers[i / 10]);
	}
	return end();
}

/* ---- barriers ----------------------------------------------------------------------------- */

enum { PARTIES = 4 };

static bide_barrier barrier;
static int numbers[PARTIES], broken;

static int wait_at_barrier(void)
{
	int rc = bide_barrier_wait(&barrier);
	if (rc >= 0)
		numbers[rc]++;
	broken += rc == -BIDE_EBROKEN;
	return rc == -BIDE_EBROKEN ? 1 : rc < 0 ? rc : 0;
}

static int pass_often(void)
{
	int rc = 0;
	for (int i = 0; i < ROUNDS && rc >= 0; i++) {
		rc = try_for_a_time(wait_at_barrier);
		now.cut += rc != 0;
		now.got_in += rc == 0;
		if (rc >= 0)
			rc = pause_sometimes();
	}
	return rc < 0 ? rc : 0;
}

/* Each number is had once a round, so all of them as often, but for those of who was let go and had
 * no time to note it: none is. */
STRESS(of_a_barrier)
{
	work = pass_often;
	memset(numbers, 0, sizeof numbers);
	broken = 0;
	bide_barrier_init(&barrier, PARTIES);
	begin(0);
	cancel_some();
	bide_barrier_abort(&barrier);
	EXPECT_INT(bide_barrier_wait(&barrier), -BIDE_EBROKEN);
	EXPECT_INT(bide_sleep(0.02), 0);
	bide_barrier_reset(&barrier);
	/* The last ones are less than the parties. */
	for (int i = 0; i < 1000; i++) {
		EXPECT_INT(bide_sleep(0.2), 0);
		if (one_in(5))
			bide_barrier_reset(&barrier);
	}
	int rc = end();
	for (int i = 0; i < PARTIES; i++)
		EXPECT_INT(numbers[i], numbers[0]);
	EXPECT_INT(bide_barrier_waiting(&barrier), 0);
	return rc;
}
