// SPDX-License-Identifier: MIT
/* bide_run_on_cores(): as many loops as were asked for, each on a processor; what they return, and
 * how they fail together. */
#include "core/cores_kit.h"

#include <stdlib.h>

static counter entered, ended, seen[MOST + 1];

/* ---- how many ----------------------------------------------------------------------------- */

static BIDE_ASYNC(int, count_me, unsigned);
static int count_me(unsigned n)
{
	CHECK_RET(bide_core_number() < n && n <= MOST, -ERANGE);
	count_up(&entered);
	count_up(&seen[bide_core_number()]);
	EXPECT_UINT(bide_core_count(), n);
	EXPECT_INT(bide_sleep(0.0001), 0);
	count_up(&ended);
	return (int)n;
}

static void run_so_many(unsigned n)
{
	memset(seen, 0, sizeof seen);
	entered.n = ended.n = 0;
	EXPECT_INT(bide_run_on_cores(n, count_me, n), 0);
	EXPECT_UINT(counted(&entered), n);
	EXPECT_UINT(counted(&ended), n);
	for (unsigned i = 0; i <= MOST; i++)
		EXPECT_INT(counted(&seen[i]), i < n);
}

TEST(cores_run_as_many_loops_as_they_are_asked_for)
{
	for (unsigned n = 1; n <= MOST; n++)
		run_so_many(n);
}

static BIDE_ASYNC(int, count_all, unsigned);
static int count_all(unsigned n)
{
	EXPECT_UINT(bide_core_count(), n);
	count_up(&entered);
	return 0;
}

TEST(cores_are_as_many_as_processors_by_default)
{
	cpu_set_t set, one;
	CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
	EXPECT_INT(bide_run_on_cores(0, count_all, (unsigned)CPU_COUNT(&set)), 0);
	EXPECT_INT(counted(&entered), CPU_COUNT(&set));
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
		if (CPU_ISSET(i, &set))
			CPU_SET(i, &one);
	CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
	EXPECT_INT(bide_run_on_cores(0, count_all, 1U), 0);
	EXPECT_INT(counted(&entered), CPU_COUNT(&set) + 1);
}

TEST(cores_that_are_too_many_are_refused)
{
	EXPECT_INT(bide_run_on_cores(4097, count_all, 0U), -EINVAL);
	EXPECT_INT(bide_run_on_cores((unsigned)-1, count_all, 0U), -EINVAL);
	EXPECT_INT(counted(&entered), 0);
}

TEST(cores_leave_nothing_behind)
{
	run_so_many(MOST); /* what the process keeps for good it has now */
	int threads = count_entries("/proc/self/task"), descriptors = count_descriptors();
	for (int i = 0; i < 50; i++)
		run_so_many((unsigned)(i % MOST) + 1);
	EXPECT_INT(count_descriptors(), descriptors);
	EXPECT(threads_are_as(threads));
	EXPECT_PTR(bide_current_loop(), NULL);
	EXPECT_UINT(bide_core_number(), 0);
	EXPECT_UINT(bide_core_count(), 0);
	EXPECT_PTR(bide_core_loop(0), NULL);
}

/* ---- all there ---------------------------------------------------------------------------- */

static bide_loop *loops[MOST];

static BIDE_ASYNC(int, see_all, unsigned);
static int see_all(unsigned n)
{
	count_up(&entered);
	for (unsigned i = 0; i < n; i++) {
		CHECK_RET(bide_core_loop(i) != NULL, -ENOENT);
		EXPECT((bide_core_loop(i) == bide_current_loop()) == (i == bide_core_number()));
		for (unsigned j = 0; j < i; j++)
			EXPECT(bide_core_loop(j) != bide_core_loop(i));
	}
	EXPECT_PTR(bide_core_loop(n), NULL);
	EXPECT_PTR(bide_core_loop((unsigned)-1), NULL);
	loops[bide_core_number()] = bide_current_loop();
	while (counted(&entered) < (int)n)
		EXPECT_INT(bide_sleep(0.0001), 0);
	return 0;
}

TEST(cores_are_all_open_before_any_begins)
{
	for (int i = 0; i < 20; i++) {
		entered.n = 0;
		EXPECT_INT(bide_run_on_cores(MOST, see_all, (unsigned)MOST), 0);
	}
}

static BIDE_ASYNC(int, see_none, void);
static int see_none(void)
{
	EXPECT_UINT(bide_core_number(), 0);
	EXPECT_UINT(bide_core_count(), 0);
	EXPECT_PTR(bide_core_loop(0), NULL);
	return 0;
}

static BIDE_ASYNC(int, call_see_none, void);
static int call_see_none(void)
{
	return bide_to_thread(see_none);
}

TEST(cores_are_none_elsewhere)
{
	EXPECT_INT(bide_run(see_none), 0);
	EXPECT_INT(bide_run_on_cores(2, call_see_none), 0);
}

/* ---- where -------------------------------------------------------------------------------- */

static cpu_set_t allowed, of_loops[MOST];

static BIDE_ASYNC(int, see_where, void);
static int see_where(void)
{
	cpu_set_t *mine = &of_loops[bide_core_number()], both;
	CHECK_RET(sched_getaffinity(0, sizeof *mine, mine) == 0, -EIO);
	CPU_AND(&both, mine, &allowed);
	EXPECT_INT(CPU_COUNT(mine), 1);
	EXPECT(CPU_EQUAL(&both, mine));
	return 0;
}

/* Where the loops are: on as many processors as there can be different ones. */
static void expect_spread(unsigned n)
{
	const int processors = CPU_COUNT(&allowed);
	cpu_set_t all;
	CPU_ZERO(&all);
	for (unsigned i = 0; i < n; i++)
		CPU_OR(&all, &all, &of_loops[i]);
	EXPECT_INT(CPU_COUNT(&all), (int)n < processors ? (int)n : processors);
	for (unsigned i = 0; i + (unsigned)processors < n; i++)
		EXPECT(CPU_EQUAL(&of_loops[i], &of_loops[i + (unsigned)processors]));
}

TEST(cores_are_tied_to_processors_in_turn)
{
	cpu_set_t after;
	CHECK(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
	for (unsigned n = 1; n <= MOST; n++) {
		EXPECT_INT(bide_run_on_cores(n, see_where), 0);
		expect_spread(n);
		CHECK(sched_getaffinity(0, sizeof after, &after) == 0);
		EXPECT(CPU_EQUAL(&after, &allowed));
	}
}

TEST(cores_are_those_that_the_caller_may_use)
{
	cpu_set_t all, after;
	CHECK(sched_getaffinity(0, sizeof all, &all) == 0);
	for (int i = 0; i < CPU_SETSIZE; i++) {
		CPU_ZERO(&allowed);
		CPU_SET(i, &allowed);
		if (!CPU_ISSET(i, &all))
			continue;
		CHECK(sched_setaffinity(0, sizeof allowed, &allowed) == 0);
		EXPECT_INT(bide_run_on_cores(3, see_where), 0);
		CHECK(sched_getaffinity(0, sizeof after, &after) == 0);
		EXPECT(CPU_EQUAL(&after, &allowed));
	}
}

static BIDE_ASYNC(int, see_free, void);
static int see_free(void)
{
	cpu_set_t mine;
	CHECK_RET(sched_getaffinity(0, sizeof mine, &mine) == 0, -EIO);
	EXPECT(CPU_EQUAL(&mine, &allowed));
	return 0;
}

static BIDE_ASYNC(int, call_see_free, void);
static int call_see_free(void)
{
	int rc = 0;
	for (int i = 0; i < 20 && rc == 0; i++)
		rc = bide_to_thread(see_free);
	return rc < 0 ? rc : see_where();
}

TEST(cores_call_in_threads_that_are_not_tied)
{
	CHECK(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
	EXPECT_INT(bide_run_on_cores(3, call_see_free), 0);
	expect_spread(3);
}

/* ---- what is called ----------------------------------------------------------------------- */

static BIDE_ASYNC(void, give_nothing, void);
static void give_nothing(void)
{
	count_up(&entered);
}

struct large {
	int n;
	char more[200];
};

static BIDE_ASYNC(long, take_eight, char, short, int, long, double, const char *, struct large,
                  counter *);
static long take_eight(char a, short b, int c, long d, double e, const char *f, struct large g,
                       counter *h)
{
	EXPECT_INT(a + b + c + d, 10);
	EXPECT_DOUBLE(e, 5.5);
	EXPECT_STR(f, "six");
	EXPECT_INT(g.n + g.more[199], 14);
	return count_up(h);
}

static BIDE_ASYNC_LIGHT(int, run_lightly, int, int);
static int run_lightly(int a, int b)
{
	for (int i = 0; i < a * b; i++)
		EXPECT_INT(bide_yield(), 0);
	return count_up(&entered);
}

static BIDE_ASYNC(double, fail_with, int);
static double fail_with(int error)
{
	bide_fail(error);
	return 2.5;
}

TEST(cores_call_functions_of_all_kinds)
{
	struct large large = { .n = 7 };
	large.more[199] = 7;
	bide_set_report(keep_report, NULL);
	EXPECT_INT(bide_run_on_cores(4, give_nothing), 0);
	EXPECT_INT(counted(&entered), 4);
	EXPECT_INT(bide_run_on_cores(4, take_eight, 1, 2, 3, 4, 5.5, "six", large, &ended), 0);
	EXPECT_INT(counted(&ended), 4);
	EXPECT_INT(bide_run_on_cores(4, run_lightly, 6, 7), 0);
	EXPECT_INT(counted(&entered), 8);
	EXPECT_INT(bide_run_on_cores(1, fail_with, -EPROTO), -EPROTO);
	EXPECT_INT(reports(), 0);
}

static BIDE_ASYNC(int, sleep_until_cancelled, void);
static int sleep_until_cancelled(void)
{
	int rc = bide_sleep(1000);
	count_up(&ended);
	return rc;
}

static BIDE_ASYNC(int, leave_a_task, void);
static int leave_a_task(void)
{
	bide_detach(bide_spawn(sleep_until_cancelled));
	return bide_sleep(0.001);
}

TEST(cores_end_when_all_tasks_have)
{
	EXPECT_INT(bide_run_on_cores(3, leave_a_task), 0);
	EXPECT_INT(counted(&ended), 3);
}

static BIDE_ASYNC(int, see_backend, const char *);
static int see_backend(const char *expected)
{
	EXPECT_STR(bide_loop_backend(bide_current_loop()), expected);
	return bide_sleep(3600);
}

TEST(cores_have_the_options_of_the_environment)
{
	setenv("BIDE_BACKEND", "virtual", 1);
	EXPECT_INT(bide_run_on_cores(3, see_backend, "virtual"), 0);
	setenv("BIDE_BACKEND", "nonsense", 1);
	bide_set_report(keep_report, NULL);
	EXPECT_INT(bide_run_on_cores(3, see_backend, ""), -EINVAL);
	EXPECT_INT(reports(), 1);
}

/* ---- failure ------------------------------------------------------------------------------ */

/* All wait; number `who` fails after a while, and the others learn it. */
static BIDE_ASYNC(int, fail_or_wait, unsigned, int);
static int fail_or_wait(unsigned who, int error)
{
	if (bide_core_number() == who) {
		EXPECT_INT(bide_sleep(0.002), 0);
		return error;
	}
	int rc = bide_sleep(1000);
	EXPECT_INT(rc, -ECANCELED);
	BIDE_SHIELD {
		EXPECT_INT(bide_sleep(0.001), 0);
	}
	count_up(&ended);
	return rc;
}

TEST(cores_fail_by_the_first_failure_which_cancels_the_others)
{
	bide_set_report(keep_report, NULL);
	for (unsigned who = 0; who < 4; who++) {
		ended.n = 0;
		EXPECT_INT(bide_run_on_cores(4, fail_or_wait, who, -EPROTO), -EPROTO);
		EXPECT_INT(counted(&ended), 3);
	}
	EXPECT_INT(reports(), 0);
}

/* The first one to fail is cancelled, but keeps what it has entered; another fails in its turn. */
static BIDE_ASYNC(int, fail_later_too, void);
static int fail_later_too(void)
{
	if (bide_core_number() == 2)
		return -ENOTTY;
	EXPECT_INT(bide_sleep(1000), -ECANCELED);
	return bide_core_number() == 0 ? -EIO : 5;
}

TEST(cores_keep_the_first_failure_in_order_of_completion)
{
	for (int i = 0; i < 20; i++)
		EXPECT_INT(bide_run_on_cores(3, fail_later_too), -ENOTTY);
}

/* Others are asked to stop when the main task has failed, not when all its tasks have ended. */
static BIDE_ASYNC(int, end_slowly, void);
static int end_slowly(void)
{
	int rc = bide_sleep(1000);
	BIDE_SHIELD {
		while (counted(&ended) < 1)
			EXPECT_INT(bide_sleep(0.001), 0);
	}
	return rc;
}

static BIDE_ASYNC(int, fail_before_its_tasks_end, void);
static int fail_before_its_tasks_end(void)
{
	if (bide_core_number() > 0)
		return sleep_until_cancelled();
	bide_detach(bide_spawn(end_slowly));
	EXPECT_INT(bide_yield(), 0);
	return -EDOM;
}

TEST(cores_stop_as_soon_as_one_main_task_has_failed)
{
	EXPECT_INT(bide_run_on_cores(2, fail_before_its_tasks_end), -EDOM);
	EXPECT_INT(counted(&ended), 1);
}

/* One that never suspends cannot be told, and its result is kept. */
static BIDE_ASYNC(int, compute_or_fail, void);
static int compute_or_fail(void)
{
	if (bide_core_number() == 1)
		return -ERANGE;
	nap_ms(3);
	count_up(&ended);
	return 1;
}

TEST(cores_wait_for_those_that_cannot_be_cancelled)
{
	EXPECT_INT(bide_run_on_cores(3, compute_or_fail), -ERANGE);
	EXPECT_INT(counted(&ended), 2);
}

static BIDE_ASYNC(int, cancel_itself, void);
static int cancel_itself(void)
{
	if (bide_core_number() != 1)
		return bide_sleep(0.005);
	bide_cancel(bide_current_task());
	return bide_sleep(1000);
}

TEST(cores_do_not_fail_when_one_is_cancelled_by_itself)
{
	EXPECT_INT(bide_run_on_cores(3, cancel_itself), 0);
}

static BIDE_ASYNC(void, wait_without_result, void);
static void wait_without_result(void)
{
	if (bide_core_number() == 0)
		bide_fail(-ESRCH);
	else
		EXPECT_INT(bide_sleep(1000), -ECANCELED);
}

TEST(cores_without_results_fail_and_are_cancelled)
{
	EXPECT_INT(bide_run_on_cores(3, wait_without_result), -ESRCH);
}

/* ---- where it may be called --------------------------------------------------------------- */

TEST(cores_are_refused_where_a_loop_is_open)
{
	bide_loop *loop = NULL;
	CHECK_INT(bide_loop_open(NULL, &loop), 0);
	EXPECT_INT(bide_run_on_cores(2, count_all, 2U), -EBUSY);
	bide_loop_close(loop);
	EXPECT_INT(counted(&entered), 0);
	EXPECT_INT(bide_run_on_cores(2, count_all, 2U), 0);
}

static BIDE_ASYNC(int, run_inside, void);
static int run_inside(void)
{
	return bide_run_on_cores(2, count_all, 2U);
}

TEST_ABORTS(cores_inside_a_run_abort,
            "bide: bide_run_on_cores: in task 'run_inside' (#1): a run inside a run")
{
	(void)bide_run(run_inside);
}

TEST_ABORTS(cores_inside_cores_abort,
            "bide: bide_run_on_cores: in task 'run_inside' (#1): a run inside a run")
{
	(void)bide_run_on_cores(2, run_inside);
}

static BIDE_ASYNC(int, call_run_inside, void);
static int call_run_inside(void)
{
	return bide_to_thread(run_inside);
}

TEST(cores_run_in_a_job)
{
	EXPECT_INT(bide_run(call_run_inside), 0);
	EXPECT_INT(counted(&entered), 2);
}

static void *run_on_thread(void *arg)
{
	EXPECT_INT(bide_run_on_cores(3, fail_or_wait, 1U, -EDOM), -EDOM);
	return arg;
}

TEST(cores_run_on_several_threads_at_once)
{
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, run_on_thread, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	EXPECT_INT(counted(&ended), 8);
}
