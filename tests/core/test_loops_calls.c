// SPDX-License-Identifier: MIT
/* Calls from one loop to another, and from threads without a loop: results, failures,
 * cancellations, and loops that end. */
#include "core/loops_kit.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

static BIDE_ASYNC(pid_t, thread_here, void);
static pid_t thread_here(void)
{
	return (pid_t)syscall(SYS_gettid);
}

/* ---- results ------------------------------------------------------------------------------ */

LOOPS_TEST(a_call_runs_on_the_other_loops_thread)
{
	pid_t there = bide_to_loop(far.loop, thread_here);
	CHECK(there > 0);
	CHECK(there != thread_here());
	bide_task *task = bide_spawn_on(far.loop, thread_here);
	CHECK_INT(bide_await(pid_t, task), there);
}

LOOPS_TEST(a_call_gives_its_result)
{
	CHECK_INT(bide_to_loop(far.loop, add, 20, 22), 42);
	long sum = 0;
	CHECK_INT(bide_try_to_loop(far.loop, &sum, add, 1, 2), 0);
	CHECK_INT(sum, 3);
	CHECK_INT(bide_try_to_loop(far.loop, NULL, add, 1, 2), 0);
}

struct large {
	char bytes[300];
};

static BIDE_ASYNC(struct large, twist, struct large);
static struct large twist(struct large given)
{
	for (size_t i = 0; i < sizeof given.bytes; i++)
		given.bytes[i]++;
	bide_yield();
	return given;
}

LOOPS_TEST(a_call_carries_large_arguments_and_results)
{
	struct large zero = { { 0 } }, one;
	memset(&one, 1, sizeof one);
	struct large got = bide_to_loop(far.loop, twist, zero);
	CHECK_MEM(&got, &one, sizeof one);
	bide_task *task = bide_spawn_on(far.loop, twist, zero);
	CHECK_INT(bide_try_await(task, &got), 0);
	CHECK_MEM(&got, &one, sizeof one);
}

static int nothing_done;

static BIDE_ASYNC(void, do_nothing, void);
static void do_nothing(void)
{
	nothing_done++;
}

LOOPS_TEST(a_call_of_a_function_without_a_result_returns_when_it_has_ended)
{
	int before = nothing_done;
	bide_to_loop(far.loop, do_nothing);
	CHECK_INT(nothing_done, before + 1);
	bide_task *task = bide_spawn_on(far.loop, do_nothing);
	CHECK_INT(bide_join(task), 0);
	CHECK_INT(nothing_done, before + 2);
}

LOOPS_TEST(a_loop_may_call_itself)
{
	CHECK_INT(bide_to_loop(bide_current_loop(), add, 1, 2), 3);
	bide_task *task = bide_spawn_on(bide_current_loop(), add, 3, 4);
	CHECK_INT(bide_await(long, task), 7);
}

/* Nothing that takes real time is waited for. */
static BIDE_ASYNC(int, call_itself_for_long, void);
static int call_itself_for_long(void)
{
	const double began = bide_now();
	bide_task *task = bide_spawn_on(bide_current_loop(), nap, 2e6, 2);
	EXPECT_INT(bide_to_loop(bide_current_loop(), nap, 1e6, 1), 1);
	EXPECT_INT(bide_await(int, task), 2);
	EXPECT(bide_now() - began >= 2e6);
	return 0;
}

TEST(a_loop_that_calls_itself_keeps_its_virtual_clock)
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL };
	CHECK_INT(bide_try_run(&options, NULL, call_itself_for_long), 0);
}

static BIDE_ASYNC(int, wait_in_vain, void);
static int wait_in_vain(void)
{
	bide_event never = BIDE_EVENT_INIT;
	return bide_event_wait(&never);
}

static BIDE_ASYNC(int, call_itself_in_vain, void);
static int call_itself_in_vain(void)
{
	bide_task *task = bide_spawn_on(bide_current_loop(), wait_in_vain);
	int rc = bide_to_loop(bide_current_loop(), wait_in_vain);
	EXPECT_INT(bide_await(int, task), -EDEADLK);
	return rc;
}

TEST(a_loop_that_calls_itself_in_vain_is_in_a_deadlock)
{
	bide_set_report(keep_report, NULL);
	CHECK_INT(bide_run(call_itself_in_vain), -EDEADLK);
	CHECK_INT(reports(), 1);
}

enum { MANY = 2000 };

LOOPS_TEST(many_calls_run_at_once)
{
	static bide_task *tasks[MANY];
	static long sums[MANY];
	for (int i = 0; i < MANY; i++)
		tasks[i] = bide_spawn_on(far.loop, add, i, 1);
	CHECK_INT(bide_gather(tasks, MANY, sums), 0);
	for (int i = 0; i < MANY; i++)
		CHECK_INT(sums[i], i + 1);
}

static BIDE_ASYNC(long, eight, char, short, int, long, float, double, const char *, bool);
static long eight(char a, short b, int c, long d, float e, double f, const char *g, bool h)
{
	bide_yield();
	return a + b + c + d + (long)e + (long)f + g[1] + h;
}

LOOPS_TEST(a_call_takes_eight_arguments)
{
	static const char text[] = "ab";
	CHECK_INT(bide_to_loop(far.loop, eight, 1, 2, 3, 4, 5, 6, text, true), 22 + 'b');
	bide_task *task = bide_spawn_on(far.loop, eight, 1, 2, 3, 4, 5, 6, text, false);
	CHECK_INT(bide_await(long, task), 21 + 'b');
}

LOOPS_TEST(other_tasks_run_while_one_waits_for_a_call)
{
	bide_task *task = bide_spawn_on(far.loop, nap, 0.01, 5);
	CHECK_INT(bide_sleep(0.001), 0);
	CHECK(!bide_task_done(task));
	CHECK_STR(bide_task_name(task), "nap");
	CHECK_INT(bide_await(int, task), 5);
}

static bide_task *spawned;

static void spawn_in_callback(void *arg)
{
	spawned = bide_spawn_on(arg, nap, 0.0, 6);
}

LOOPS_TEST(a_callback_of_the_loop_may_spawn_on_another)
{
	spawned = NULL;
	CHECK_INT(bide_call_threadsafe(bide_current_loop(), spawn_in_callback, far.loop), 0);
	while (spawned == NULL)
		bide_sleep(0.0001);
	CHECK_INT(bide_await(int, spawned), 6);
}

LOOPS_TEST(calls_that_stand_for_tasks_are_selected_and_waited_for)
{
	bide_task *slow = bide_spawn_on(far.loop, nap, 30.0, 1);
	bide_task *quick = bide_spawn_on(far.loop, nap, 0.0, 2);
	bide_task *both[] = { slow, quick };
	bide_arm arms[] = { bide_arm_task(slow), bide_arm_task(quick) };
	CHECK_INT(bide_select(arms, 2), 1);
	CHECK_INT(bide_wait(both, 2, BIDE_FIRST_COMPLETED), 1);
	CHECK_INT(bide_await(int, quick), 2);
	bide_cancel(slow);
	CHECK_INT(bide_await(int, slow), -ECANCELED);
}

/* ---- failures ----------------------------------------------------------------------------- */

LOOPS_TEST(a_call_gives_the_error_of_its_task)
{
	CHECK_INT(bide_to_loop(far.loop, nap, 0.0, -EPROTO), -EPROTO);
	bide_task *task = bide_spawn_on(far.loop, nap, 0.0, -EPROTO);
	CHECK_INT(bide_join(task), -EPROTO);
}

static BIDE_ASYNC(void, fail_without_result, int);
static void fail_without_result(int error)
{
	bide_fail(error);
}

LOOPS_TEST(a_call_of_a_function_without_a_result_may_fail)
{
	CHECK_INT(bide_try_to_loop(far.loop, NULL, fail_without_result, -EPROTO), -EPROTO);
	bide_task *task = bide_spawn_on(far.loop, fail_without_result, -EPROTO);
	CHECK_INT(bide_join(task), -EPROTO);
}

LOOPS_TEST(a_failed_call_stops_those_gathered_with_it)
{
	int results[3], errors[3];
	bide_task *tasks[] = { bide_spawn_on(far.loop, nap, 60.0, 1),
		               bide_spawn_on(far.loop, nap, 0.001, -EPROTO),
		               bide_spawn(nap, 60.0, 2) };
	CHECK_INT(bide_gather(tasks, 3, results), -EPROTO);
	bide_task *more[] = { bide_spawn_on(far.loop, nap, 0.001, 1),
		              bide_spawn_on(far.loop, nap, 0.0, -EPROTO), bide_spawn(nap, 0.0, 2) };
	CHECK_INT(bide_gather_collect(more, 3, results, errors), 1);
	CHECK_INT(results[0], 1);
	CHECK_INT(errors[1], -EPROTO);
	CHECK_INT(results[2], 2);
}

static BIDE_ASYNC(int, call_far, double, int);
static int call_far(double seconds, int result)
{
	return bide_to_loop(far.loop, nap, seconds, result);
}

LOOPS_TEST(a_failed_call_stops_its_group)
{
	int rc;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, call_far, 60.0, 1);
		bide_group_spawn(group, call_far, 0.001, -EPROTO);
		EXPECT_INT(bide_to_loop(far.loop, nap, 60.0, 2), -ECANCELED);
	}
	CHECK_INT(rc, -EPROTO);
}

static BIDE_ASYNC(void, drop_a_failure, void);
static void drop_a_failure(void)
{
	bide_detach(bide_spawn_on(far.loop, nap, 0.0, -EPROTO));
	bide_sleep(0.05);
}

TEST(a_failure_that_nobody_awaits_is_reported_where_the_call_was_made)
{
	bide_set_report(keep_report, NULL);
	start_far();
	CHECK_INT(bide_try_run(NULL, NULL, drop_a_failure), 0);
	stop_far();
	CHECK_INT(reports(), 1);
	CHECK_INT(report.error, -EPROTO);
	CHECK_STR(report.task, "nap");
}

/* ---- cancellation ------------------------------------------------------------------------- */

static int stopped;

static BIDE_ASYNC(int, sleep_and_tell, double);
static int sleep_and_tell(double seconds)
{
	int rc = bide_sleep(seconds);
	if (rc < 0)
		__atomic_fetch_add(&stopped, 1, __ATOMIC_RELAXED);
	return rc;
}

LOOPS_TEST(a_cancellation_stops_the_task_on_the_other_loop)
{
	int rc, before = stopped;
	BIDE_TIMEOUT(0.002, rc) {
		EXPECT_INT(bide_to_loop(far.loop, sleep_and_tell, 60.0), -ETIMEDOUT);
	}
	CHECK_INT(rc, -ETIMEDOUT);
	CHECK_INT(stopped, before + 1);
	bide_task *task = bide_spawn_on(far.loop, sleep_and_tell, 60.0);
	bide_sleep(0.001);
	CHECK_INT(bide_cancel(task), 1);
	CHECK_INT(bide_cancel(task), 0);
	CHECK_INT(bide_await(int, task), -ECANCELED);
	CHECK_INT(stopped, before + 2);
}

LOOPS_TEST(a_cancelled_task_counts_as_cancelled)
{
	bide_task *task = bide_spawn_on(far.loop, nap, 60.0, 1);
	bide_cancel(task);
	bide_task *tasks[] = { task };
	CHECK_INT(bide_wait(tasks, 1, BIDE_ALL), 1);
	CHECK(bide_task_cancelled(task));
	CHECK_INT(bide_join(task), -ECANCELED);
}

static BIDE_ASYNC(int, unmoved, void);
static int unmoved(void)
{
	int rc = bide_sleep(60);
	return rc < 0 ? 17 : 18;
}

LOOPS_TEST(a_result_in_spite_of_a_cancellation_is_the_result)
{
	bide_task *task = bide_spawn_on(far.loop, unmoved);
	bide_sleep(0.001);
	bide_cancel(task);
	CHECK_INT(bide_await(int, task), 17);
	int rc, result = 0;
	BIDE_TIMEOUT(0.001, rc) {
		result = bide_to_loop(far.loop, unmoved);
	}
	CHECK_INT(result, 17);
	CHECK_INT(rc, 0);
}

LOOPS_TEST(a_call_that_is_cancelled_before_it_begins_is_not_made)
{
	int rc, before = nothing_done;
	BIDE_TIMEOUT(0, rc) {
		bide_yield();
		EXPECT_INT(bide_try_to_loop(far.loop, NULL, do_nothing), -ETIMEDOUT);
	}
	CHECK_INT(rc, -ETIMEDOUT);
	CHECK_INT(nothing_done, before);
}

static BIDE_ASYNC(void, leave_calls_behind, void);
static void leave_calls_behind(void)
{
	for (int i = 0; i < 10; i++)
		bide_detach(bide_spawn_on(far.loop, sleep_and_tell, 60.0));
	bide_sleep(0.002);
}

TEST(the_end_of_a_run_stops_its_calls)
{
	start_far();
	CHECK_INT(bide_try_run(NULL, NULL, leave_calls_behind), 0);
	CHECK_INT(stopped, 10);
	stop_far();
}

/* Hands over and cancels as fast as it can: whichever comes first, both sides end. */
LOOPS_TEST(cancellations_and_ends_may_cross)
{
	for (int i = 0; i < 500; i++) {
		bide_task *task = bide_spawn_on(far.loop, nap, 0.0, 1);
		for (int k = 0; k < i % 5; k++)
			bide_yield();
		bide_cancel(task);
		int rc = bide_await(int, task);
		CHECK(rc == 1 || rc == -ECANCELED);
	}
}

/* ---- loops that end ----------------------------------------------------------------------- */

static BIDE_ASYNC(void, call_a_loop_that_ends, void);
static void call_a_loop_that_ends(void)
{
	bide_task *task = bide_spawn_on(far.loop, nap, 60.0, 1);
	bide_sleep(0.001);
	CHECK_INT(bide_call_threadsafe(far.loop, set_stop, NULL), 0);
	CHECK_INT(bide_await(int, task), -BIDE_ELOOP);
}

TEST(a_loop_that_ends_gives_an_error_to_who_awaits_its_tasks)
{
	start_far();
	CHECK_INT(bide_try_run(NULL, NULL, call_a_loop_that_ends), 0);
	stop_far();
}

static BIDE_ASYNC(void, call_a_loop_that_has_ended, void);
static void call_a_loop_that_has_ended(void)
{
	CHECK_INT(bide_to_loop(far.loop, nap, 0.0, 1), -BIDE_ELOOP);
	bide_task *task = bide_spawn_on(far.loop, nap, 0.0, 1);
	CHECK_NULL(task);
	CHECK_INT(bide_await(int, task), -BIDE_ELOOP);
}

TEST(a_loop_that_has_been_closed_takes_no_calls)
{
	start_far();
	join_far();
	CHECK_INT(bide_try_run(NULL, NULL, call_a_loop_that_has_ended), 0);
	CHECK_INT(bide_to_loop(far.loop, nap, 0.0, 1), -BIDE_ELOOP);
	bide_loop_unref(far.loop);
}

/* Its run has ended; the call waits for the next one, or for the loop to be closed. */
static void *open_run_and_close(void *arg)
{
	bide_loop *loop = NULL;
	(void)arg;
	EXPECT_INT(bide_loop_open(NULL, &loop), 0);
	far.loop = bide_loop_ref(loop);
	gate_open(&far.ready);
	gate_wait(&go_on);
	bide_loop_close(loop);
	return NULL;
}

static BIDE_ASYNC(void, call_a_loop_that_is_closed, void);
static void call_a_loop_that_is_closed(void)
{
	bide_task *task = bide_spawn_on(far.loop, nap, 0.0, 1);
	bide_task *cancelled = bide_spawn_on(far.loop, nap, 0.0, 1);
	bide_cancel(cancelled);
	bide_sleep(0.002);
	CHECK(!bide_task_done(task));
	gate_open(&go_on);
	CHECK_INT(bide_await(int, task), -BIDE_ELOOP);
	CHECK_INT(bide_await(int, cancelled), -BIDE_ELOOP);
}

TEST(a_loop_that_is_closed_without_running_answers_its_calls)
{
	pthread_t thread;
	gate_close(&far.ready);
	gate_close(&go_on);
	CHECK_INT(pthread_create(&thread, NULL, open_run_and_close, NULL), 0);
	gate_wait(&far.ready);
	CHECK_INT(bide_try_run(NULL, NULL, call_a_loop_that_is_closed), 0);
	pthread_join(thread, NULL);
	bide_loop_unref(far.loop);
}

/* ---- threads without a loop --------------------------------------------------------------- */

enum { THREADS = 4, CALLS = 300 };

static void *call_from_thread(void *arg)
{
	(void)arg;
	for (long i = 0; i < CALLS; i++)
		EXPECT_INT(bide_to_loop(far.loop, add, i, 1), i + 1);
	EXPECT_INT(bide_to_loop(far.loop, nap, 0.001, -EPROTO), -EPROTO);
	return NULL;
}

TEST(threads_without_a_loop_call_one_and_wait)
{
	pthread_t threads[THREADS];
	start_far();
	for (int i = 0; i < THREADS; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, call_from_thread, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	stop_far();
}

static BIDE_ASYNC(long, call_back, bide_loop *);
static long call_back(bide_loop *loop)
{
	return bide_to_loop(loop, add, 5, 6);
}

RUN_TEST(a_job_in_a_thread_calls_back_to_its_loop)
{
	bide_loop *loop = bide_loop_ref(bide_current_loop());
	CHECK_INT(bide_to_thread(call_back, loop), 11);
	bide_loop_unref(loop);
}

static BIDE_ASYNC(int, nap_on, bide_loop *, double);
static int nap_on(bide_loop *loop, double seconds)
{
	return bide_to_loop(loop, nap, seconds, 1);
}

/* The job is blocked in the call, and the call is cancelled with it. */
LOOPS_TEST(a_job_that_is_asked_to_stop_hands_that_on)
{
	int rc;
	BIDE_TIMEOUT(0.005, rc) {
		EXPECT_INT(bide_to_thread(nap_on, far.loop, 60.0), -ETIMEDOUT);
	}
	CHECK_INT(rc, -ETIMEDOUT);
	CHECK_INT(bide_to_thread(nap_on, far.loop, 0.0), 1);
}

/* ---- between siblings --------------------------------------------------------------------- */

static unsigned asked;

/* Nobody ends before all have been answered. */
static BIDE_ASYNC(int, ask_siblings, int);
static int ask_siblings(int times)
{
	unsigned n = bide_core_count();
	for (int i = 0; i < times; i++)
		for (unsigned k = 0; k < n; k++)
			EXPECT_INT(bide_to_loop(bide_core_loop(k), add, i, 1), i + 1);
	__atomic_add_fetch(&asked, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&asked, __ATOMIC_ACQUIRE) < n)
		bide_sleep(0.001);
	return 0;
}

TEST(loops_of_one_run_call_one_another)
{
	CHECK_INT(bide_run_on_cores(4, ask_siblings, 50), 0);
	CHECK_UINT(asked, 4);
}

/* Each waits for a task of the other, which ends with that one's run. */
static BIDE_ASYNC(int, sleep_on_sibling, void);
static int sleep_on_sibling(void)
{
	if (bide_core_number() == 1)
		return bide_sleep(0.005) < 0 ? -1 : -EPROTO;
	int rc = bide_to_loop(bide_core_loop(1), nap, 60.0, 1);
	EXPECT(rc == -BIDE_ELOOP || rc == -ECANCELED);
	return rc;
}

TEST(a_sibling_that_fails_ends_the_calls_on_it)
{
	CHECK_INT(bide_run_on_cores(2, sleep_on_sibling), -EPROTO);
}

/* ---- broken contracts --------------------------------------------------------------------- */

static BIDE_ASYNC(void, await_from_the_wrong_loop, bide_task *);
static void await_from_the_wrong_loop(bide_task *task)
{
	(void)bide_join(task);
}

static BIDE_ASYNC(void, give_a_handle_away, void);
static void give_a_handle_away(void)
{
	bide_task *task = bide_spawn(nap, 60.0, 1);
	bide_to_loop(far.loop, await_from_the_wrong_loop, task);
}

TEST_ABORTS(a_handle_awaited_on_another_loop_aborts, "belongs to the loop of thread")
{
	start_far();
	(void)bide_try_run(NULL, NULL, give_a_handle_away);
}

TEST_ABORTS(spawn_on_without_a_loop_aborts, "no loop runs on this thread, to await 'nap' on")
{
	start_far();
	(void)bide_spawn_on(far.loop, nap, 0.0, 1);
}

static void call_in_callback(void *arg)
{
	(void)bide_to_loop(arg, nap, 0.0, 1);
}

RUN_ABORTS(a_call_in_a_callback_of_the_loop_aborts, "bide_to_loop: ")
{
	EXPECT_INT(bide_call_threadsafe(bide_current_loop(), call_in_callback, bide_current_loop()),
	           0);
	bide_sleep(1);
}

TEST_ABORTS(a_call_on_a_thread_whose_loop_does_not_run_aborts, "bide_to_loop: ")
{
	bide_loop *loop;
	EXPECT_INT(bide_loop_open(NULL, &loop), 0);
	call_in_callback(loop);
}

static BIDE_ASYNC(int, follow, int *);
static int follow(int *pointer)
{
	return *pointer;
}

static BIDE_ASYNC_LIGHT(void, give_an_own_pointer, void);
static void give_an_own_pointer(void)
{
	int own = 3;
	(void)bide_to_loop(far.loop, follow, &own);
}

TEST_ABORTS(a_light_task_cannot_give_its_own_pointers, "points into the stack of this light task")
{
	start_far();
	(void)bide_try_run(NULL, NULL, give_an_own_pointer);
}

RUN_ABORTS(a_call_with_another_type_of_result_aborts, "bide_try_to_loop: in task")
{
	double result;
	(void)bide_try_to_loop(bide_current_loop(), &result, nap, 0.0, 1);
}
