// SPDX-License-Identifier: MIT
/* The threads behind bide_to_thread(): how many there are, and when; their order; several loops
 * that share them; what happens when none can be had. */
#include "core/thread_kit.h"

#include <stdlib.h>
#include <unistd.h>

static void use(size_t limit, double idle_seconds)
{
	const bide_thread_pool pool = { .limit = limit, .idle_seconds = idle_seconds };
	EXPECT_INT(bide_thread_pool_set(&pool), 0);
}

static BIDE_ASYNC(int, same, int);
static int same(int n)
{
	return n;
}

/* ---- how many ----------------------------------------------------------------------------- */

/* Counts who runs at once. */
static int running, running_most, wanted;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;

/* Each waits until as many run as there should. */
static BIDE_ASYNC(int, count_running, void);
static int count_running(void)
{
	struct timespec late;
	clock_gettime(CLOCK_REALTIME, &late);
	late.tv_sec += 10;
	pthread_mutex_lock(&lock);
	running++;
	if (running > running_most)
		running_most = running;
	pthread_cond_broadcast(&more);
	while (running_most < wanted && pthread_cond_timedwait(&more, &lock, &late) == 0)
		;
	pthread_mutex_unlock(&lock);
	nap_ms(1);
	pthread_mutex_lock(&lock);
	running--;
	pthread_mutex_unlock(&lock);
	return 0;
}

static BIDE_ASYNC(int, call_count_running, void);
static int call_count_running(void)
{
	return bide_to_thread(count_running);
}

/* Has so many jobs run, and sees that `at_once` of them do at a time, no more and no less. */
static BIDE_ASYNC(int, count_many, int, int);
static int count_many(int jobs, int at_once)
{
	int rc;
	running_most = 0;
	wanted = at_once;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < jobs; i++)
			bide_group_spawn(group, call_count_running);
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(running, 0);
	EXPECT_INT(running_most, at_once);
	return rc;
}

RUN_TEST(thread_pool_keeps_its_limit)
{
	for (int limit = 1; limit <= 4; limit++) {
		use((size_t)limit, 0);
		count_many(40, limit);
	}
}

RUN_TEST(thread_pool_starts_threads_as_they_are_needed)
{
	use(8, 0);
	EXPECT_INT(count_threads(), 0);
	for (int i = 0; i < 100; i++)
		EXPECT_INT(bide_to_thread(same, i), i);
	EXPECT_INT(count_threads(), 1);
	count_many(4, 4);
	EXPECT_INT(count_threads(), 4);
}

RUN_TEST(thread_pool_beyond_a_lower_limit_ends_threads)
{
	use(6, 0);
	count_many(30, 6);
	use(2, 0);
	EXPECT(threads_become(2));
	count_many(20, 2);
	use(5, 0);
	count_many(30, 5);
}

TEST(thread_pool_limit_is_that_of_the_environment_unless_it_is_set)
{
	setenv("BIDE_THREADS", "3", 1);
	EXPECT_INT(bide_run(count_many, 30, 3), 0);
	use(2, 0);
	EXPECT_INT(bide_run(count_many, 30, 2), 0);
	EXPECT_INT(bide_thread_pool_set(NULL), 0);
	EXPECT_INT(bide_run(count_many, 30, 3), 0);
}

TEST(thread_pool_has_a_few_threads_more_than_processors)
{
	cpu_set_t set;
	CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
	int expected = CPU_COUNT(&set) + 4 < 32 ? CPU_COUNT(&set) + 4 : 32;
	setenv("BIDE_THREADS", "", 1);
	EXPECT_INT(bide_run(count_many, 40, expected), 0);
	setenv("BIDE_THREADS", "many", 1);
	EXPECT_INT(bide_thread_pool_set(NULL), 0);
	EXPECT_INT(bide_run(count_many, 40, expected), 0);
}

TEST(thread_pool_refuses_times_that_mean_nothing)
{
	const bide_thread_pool negative = { .idle_seconds = -1 }, nan = { .idle_seconds = NAN };
	EXPECT_INT(bide_thread_pool_set(&negative), -EINVAL);
	EXPECT_INT(bide_thread_pool_set(&nan), -EINVAL);
}

/* ---- how long ----------------------------------------------------------------------------- */

RUN_TEST(thread_pool_ends_idle_threads)
{
	use(5, 0.02);
	count_many(20, 5);
	EXPECT(threads_become(0));
	for (int i = 0; i < 20; i++) {
		EXPECT_INT(bide_to_thread(same, i), i);
		bide_sleep(i % 2 ? 0.019 : 0.021);
	}
}

RUN_TEST(thread_pool_keeps_idle_threads_for_ever_if_asked_to)
{
	use(5, INFINITY);
	count_many(20, 5);
	bide_sleep(0.05);
	EXPECT_INT(count_threads(), 5);
}

static BIDE_ASYNC(int, call_same, int);
static int call_same(int n)
{
	return bide_to_thread(same, n);
}

TEST(thread_pool_is_gone_with_the_last_loop)
{
	for (int i = 0; i < 50; i++)
		EXPECT_INT(bide_run(call_same, i), i);
	EXPECT(threads_become(0));
	use(4, 0);
	EXPECT_INT(bide_run(count_many, 20, 4), 0);
	EXPECT(threads_become(0));
}

/* ---- in order ----------------------------------------------------------------------------- */

static int order[200], order_length;

static BIDE_ASYNC(int, note_order, int);
static int note_order(int n)
{
	order[order_length++] = n; /* by one thread */
	return n;
}

static BIDE_ASYNC(int, call_note_order, int);
static int call_note_order(int n)
{
	return bide_to_thread(note_order, n);
}

RUN_TEST(thread_pool_takes_calls_first_come_first_served)
{
	int rc;
	use(1, 0);
	order_length = 0;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 200; i++)
			bide_group_spawn(group, call_note_order, i);
	}
	EXPECT_INT(rc, 0);
	CHECK_INT(order_length, 200);
	for (int i = 0; i < 200; i++)
		CHECK_INT(order[i], i);
}

/* ---- several loops ------------------------------------------------------------------------ */

enum { LOOPS = 4, TASKS = 25, CALLS = 40 };

static BIDE_ASYNC(long, sum_numbers, long, long);
static long sum_numbers(long from, long to)
{
	long sum = 0;
	for (; from < to; from++)
		sum += from;
	return sum;
}

static BIDE_ASYNC_LIGHT(long, call_sum_numbers, int);
static long call_sum_numbers(int n)
{
	long sum = 0;
	for (int i = 0; i < CALLS; i++) {
		sum += bide_to_thread(sum_numbers, 0, n + i);
		if (i % 10 == n % 10)
			bide_sleep(0.0001);
	}
	return sum;
}

static BIDE_ASYNC(int, hammer, int);
static int hammer(int loop)
{
	bide_task *tasks[TASKS];
	long results[TASKS];
	for (int i = 0; i < TASKS; i++)
		tasks[i] = bide_spawn(call_sum_numbers, i + loop);
	int rc = bide_gather(tasks, TASKS, results);
	for (int i = 0; i < TASKS; i++) {
		long expected = 0;
		for (int j = 0; j < CALLS; j++)
			expected += (long)(i + loop + j) * (i + loop + j - 1) / 2;
		EXPECT_INT(results[i], expected);
	}
	return rc;
}

static void *run_hammer(void *arg)
{
	for (int i = 0; i < 3; i++)
		EXPECT_INT(bide_run(hammer, *(int *)arg + i), 0);
	return NULL;
}

TEST(thread_pool_serves_several_loops)
{
	pthread_t threads[LOOPS];
	int numbers[LOOPS];
	use(3, 0.001);
	for (int i = 0; i < LOOPS; i++) {
		numbers[i] = i;
		CHECK_INT(pthread_create(&threads[i], NULL, run_hammer, &numbers[i]), 0);
	}
	for (int i = 0; i < LOOPS; i++)
		pthread_join(threads[i], NULL);
	EXPECT(threads_become(0));
}

static void *run_once(void *arg)
{
	for (int i = 0; i < 100; i++)
		EXPECT_INT(bide_run(call_same, i), i);
	return arg;
}

TEST(thread_pool_comes_and_goes_with_loops)
{
	pthread_t threads[LOOPS];
	use(1, 0);
	for (int i = 0; i < LOOPS; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, run_once, NULL), 0);
	for (int i = 0; i < LOOPS; i++)
		pthread_join(threads[i], NULL);
	EXPECT(threads_become(0));
}

/* Calls of all kinds, cancelled at any time, while the number of threads changes. */
static BIDE_ASYNC(int, call_somehow, int);
static int call_somehow(int n)
{
	const bide_thread_options options = { .abandon = n % 3 == 0 };
	int result = -1, late = 0;
	BIDE_TIMEOUT(n % 7 * 0.0001, late) {
		int rc = bide_try_to_thread(&options, &result, same, n);
		EXPECT(rc == -ETIMEDOUT || (rc == 0 && result == n));
	}
	EXPECT(late == 0 || late == -ETIMEDOUT);
	return 0;
}

static BIDE_ASYNC(int, storm, void);
static int storm(void)
{
	int rc;
	for (int i = 0; i < 60; i++) {
		BIDE_GROUP(group, rc) {
			for (int j = 0; j < 30; j++)
				bide_group_spawn(group, call_somehow, i + j);
		}
		EXPECT_INT(rc, 0);
		use(1 + (size_t)i % 5, i % 4 * 0.0001);
	}
	return 0;
}

static void *run_storm(void *arg)
{
	EXPECT_INT(bide_run(storm), 0);
	return arg;
}

TEST(thread_pool_in_a_storm)
{
	pthread_t threads[LOOPS];
	for (int i = 0; i < LOOPS; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, run_storm, NULL), 0);
	for (int i = 0; i < LOOPS; i++)
		pthread_join(threads[i], NULL);
	EXPECT(threads_become(0));
}

/* ---- threads that cannot be had ----------------------------------------------------------- */

/* No system has so large a stack. */
static void refuse_threads(size_t limit)
{
	const bide_thread_pool pool = { .limit = limit, .stack_size = (size_t)1 << 52 };
	EXPECT_INT(bide_thread_pool_set(&pool), 0);
}

static BIDE_ASYNC(double, half, double);
static double half(double x)
{
	return x / 2;
}

RUN_TEST(thread_call_without_any_thread_is_refused)
{
	bide_task *tasks[20];
	int result = 3;
	refuse_threads(4);
	EXPECT_INT(bide_to_thread(same, 1), -EAGAIN);
	EXPECT_INT(bide_try_to_thread(NULL, &result, same, 1), -EAGAIN);
	EXPECT_INT(result, 3);
	for (int i = 0; i < 20; i++)
		tasks[i] = bide_spawn(call_same, i);
	for (int i = 0; i < 20; i++)
		EXPECT_INT(bide_join(tasks[i]), -EAGAIN);
	EXPECT_INT(reports(), 0);
	EXPECT_DOUBLE(bide_to_thread(half, 3), 0.0);
	EXPECT_INT(reports(), 1);
	EXPECT_INT(report.error, -EAGAIN);
	EXPECT_INT(bide_thread_pool_set(NULL), 0);
	EXPECT_DOUBLE(bide_to_thread(half, 3), 1.5);
}

RUN_TEST(thread_call_that_may_be_left_without_any_thread_is_refused)
{
	const bide_thread_options leave = { .abandon = true };
	refuse_threads(4);
	EXPECT_INT(bide_try_to_thread(&leave, NULL, same, 1), -EAGAIN);
}

RUN_TEST(thread_calls_make_do_with_the_threads_that_there_are)
{
	use(2, 0);
	count_many(10, 2);
	refuse_threads(6);
	count_many(300, 2); /* tried again meanwhile */
	use(6, 0);
	count_many(50, 6);
}

/* ---- on the virtual clock ----------------------------------------------------------------- */

static BIDE_ASYNC(int, take_ms, int);
static int take_ms(int ms)
{
	nap_ms(ms);
	return ms;
}

static BIDE_ASYNC(int, call_beside_sleeps, void);
static int call_beside_sleeps(void)
{
	double start = bide_now();
	for (int i = 0; i < 10; i++) {
		EXPECT_INT(bide_to_thread(take_ms, 1), 1);
		EXPECT_DOUBLE(bide_now() - start, (double)i * 4);
		EXPECT_INT(bide_sleep(4), 0);
	}
	return 0;
}

static BIDE_ASYNC(int, sleep_long, void);
static int sleep_long(void)
{
	return bide_sleep(1000);
}

static BIDE_ASYNC(int, call_while_another_sleeps, void);
static int call_while_another_sleeps(void)
{
	bide_task *task = bide_spawn(sleep_long);
	call_beside_sleeps();
	bide_cancel(task);
	return bide_join(task) == -ECANCELED ? 0 : -1;
}

static int run_virtually(void)
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL };
	return bide_try_run(&options, NULL, call_while_another_sleeps);
}

TEST(thread_call_takes_no_time_of_the_virtual_clock)
{
	EXPECT_INT(run_virtually(), 0);
}

static BIDE_ASYNC(int, until_asked, void);
static int until_asked(void)
{
	while (bide_thread_cancelled() == 0)
		nap_ms(1);
	return bide_thread_cancelled();
}

static BIDE_ASYNC(int, call_with_a_timeout, void);
static int call_with_a_timeout(void)
{
	double start = bide_now();
	int late = 0, rc = 0;
	BIDE_TIMEOUT(0.05, late) {
		rc = bide_to_thread(until_asked);
	}
	EXPECT_INT(late, -ETIMEDOUT);
	EXPECT_DOUBLE(bide_now() - start, 0.05);
	return rc == -ETIMEDOUT ? 0 : -1;
}

TEST(thread_call_times_out_on_the_virtual_clock_too)
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL };
	EXPECT_INT(bide_try_run(&options, NULL, call_with_a_timeout), 0);
}
