// SPDX-License-Identifier: MIT
/* bide_to_thread(): what a call in a thread promises: the function's result and types, another
 * thread, a loop that turns meanwhile, errors told apart from results, and what a job may not do.
 * */
#include "core/thread_kit.h"

/* ---- results ------------------------------------------------------------------------------ */

static BIDE_ASYNC(int, add, int, int);
static int add(int a, int b)
{
	return a + b;
}

RUN_TEST(thread_call_returns_the_result)
{
	EXPECT_INT(bide_to_thread(add, 2, 3), 5);
}

static BIDE_ASYNC(double, half, double);
static double half(double x)
{
	return x / 2;
}

RUN_TEST(thread_call_converts_arguments_as_a_call_does)
{
	EXPECT_DOUBLE(bide_to_thread(half, 3), 1.5);
}

struct block {
	unsigned char bytes[BIDE_ARGS_MAX];
};
static BIDE_ASYNC(struct block, invert, struct block);
static struct block invert(struct block block)
{
	for (size_t i = 0; i < sizeof block.bytes; i++)
		block.bytes[i] ^= 0xff;
	return block;
}

RUN_TEST(thread_call_copies_the_largest_arguments_and_results)
{
	struct block block;
	for (size_t i = 0; i < sizeof block.bytes; i++)
		block.bytes[i] = (unsigned char)(i * 7);
	const struct block inverted = bide_to_thread(invert, block);
	const struct block back = bide_to_thread(invert, inverted);
	EXPECT_INT(inverted.bytes[3], 21 ^ 0xff);
	EXPECT_MEM(back.bytes, block.bytes, sizeof block.bytes);
}

static BIDE_ASYNC(void, increase, int *);
static void increase(int *number)
{
	++*number;
}

RUN_TEST(thread_call_of_a_function_without_a_result)
{
	int number = 1;
	bide_to_thread(increase, &number);
	EXPECT_INT(number, 2);
	EXPECT_INT(bide_try_to_thread(NULL, NULL, increase, &number), 0);
	EXPECT_INT(number, 3);
}

static BIDE_ASYNC(int, forty_two, void);
static int forty_two(void)
{
	return 42;
}

RUN_TEST(thread_call_without_arguments)
{
	int result = 0;
	EXPECT_INT(bide_to_thread(forty_two), 42);
	EXPECT_INT(bide_try_to_thread(NULL, &result, forty_two), 0);
	EXPECT_INT(result, 42);
}

static BIDE_ASYNC_LIGHT(double, light_half, double);
static double light_half(double x)
{
	return x / 2;
}

RUN_TEST(thread_call_of_a_function_of_light_tasks)
{
	EXPECT_DOUBLE(bide_to_thread(light_half, 5), 2.5);
}

/* ---- where, and when ---------------------------------------------------------------------- */

static BIDE_ASYNC(bool, is_thread, pthread_t);
static bool is_thread(pthread_t thread)
{
	return pthread_equal(pthread_self(), thread) != 0;
}

RUN_TEST(thread_call_runs_in_another_thread)
{
	EXPECT(!bide_to_thread(is_thread, pthread_self()));
	EXPECT(is_thread(pthread_self()));
}

static void close_gates(void)
{
	gate_close(&begun);
	gate_close(&go_on);
}

RUN_TEST(thread_call_lets_other_tasks_run)
{
	close_gates();
	bide_task *task = bide_spawn(call_wait_at_gate, 7);
	for (int i = 0; i < 100; i++)
		EXPECT_INT(bide_yield(), 0);
	gate_wait(&begun);
	for (int i = 0; i < 10; i++)
		EXPECT_INT(bide_sleep(0.0001), 0);
	EXPECT(!bide_task_done(task));
	EXPECT_INT(bide_task_state(task), BIDE_STATE_WAITING);
	gate_open(&go_on);
	EXPECT_INT(bide_await(int, task), 7);
}

static pthread_barrier_t meeting;

static BIDE_ASYNC(int, meet, void);
static int meet(void)
{
	return pthread_barrier_wait(&meeting) == PTHREAD_BARRIER_SERIAL_THREAD;
}
static BIDE_ASYNC(int, call_meet, void);
static int call_meet(void)
{
	return bide_to_thread(meet);
}

/* Each waits for the other. */
RUN_TEST(thread_calls_run_in_parallel)
{
	enum { JOBS = 5 };
	bide_task *tasks[JOBS];
	int results[JOBS], last = 0;
	const bide_thread_pool five = { .limit = JOBS };
	EXPECT_INT(bide_thread_pool_set(&five), 0);
	pthread_barrier_init(&meeting, NULL, JOBS);
	for (int i = 0; i < JOBS; i++)
		tasks[i] = bide_spawn(call_meet);
	EXPECT_INT(bide_gather(tasks, JOBS, results), 0);
	for (int i = 0; i < JOBS; i++)
		last += results[i];
	EXPECT_INT(last, 1);
	pthread_barrier_destroy(&meeting);
}

/* Nothing else could wake the loop. */
static BIDE_ASYNC(int, work_slowly, int);
static int work_slowly(int ms)
{
	nap_ms(ms);
	return ms;
}

RUN_TEST(thread_call_is_no_deadlock)
{
	EXPECT_INT(bide_to_thread(work_slowly, 20), 20);
	EXPECT_INT(reports(), 0);
}

static BIDE_ASYNC(int, wait_readable, int);
static int wait_readable(int fd)
{
	return bide_wait_fd(fd, BIDE_READABLE);
}

RUN_TEST(thread_call_ends_the_wait_of_a_backend)
{
	int fds[2];
	CHECK(pipe(fds) == 0);
	bide_task *task = bide_spawn(wait_readable, fds[0]);
	for (int i = 0; i < 50; i++)
		EXPECT_INT(bide_to_thread(work_slowly, i % 3), i % 3);
	bide_cancel(task);
	EXPECT_INT(bide_join(task), -ECANCELED);
	close(fds[0]);
	close(fds[1]);
}

/* ---- what a job may do -------------------------------------------------------------------- */

static const bide_local local;

static BIDE_ASYNC(void *, get_local, void);
static void *get_local(void)
{
	return bide_local_get(&local);
}

RUN_TEST(thread_call_sees_the_task_local_values)
{
	const bide_thread_options abandon = { .abandon = true };
	int value;
	void *got = &value;
	EXPECT_PTR(bide_to_thread(get_local), NULL);
	EXPECT_INT(bide_local_set(&local, &value), 0);
	EXPECT_PTR(bide_to_thread(get_local), &value);
	EXPECT_INT(bide_try_to_thread(&abandon, &got, get_local), 0);
	EXPECT_PTR(got, NULL);
}

static BIDE_ASYNC(int, set_local, void);
static int set_local(void)
{
	return bide_local_set(&local, NULL);
}

/* They are the task's, which goes on meanwhile. */
RUN_ABORTS(thread_call_must_not_set_task_local_values,
           "bide_local_set: in 'set_local' in a thread: there is no task")
{
	bide_to_thread(set_local);
}

static BIDE_ASYNC(int, nap_in_loop, double);
static int nap_in_loop(double seconds)
{
	int rc = bide_sleep(seconds);
	return rc < 0 ? rc : 11;
}

static BIDE_ASYNC(int, run_a_loop, void);
static int run_a_loop(void)
{
	return bide_run(nap_in_loop, 0.001);
}

RUN_TEST(thread_call_may_run_a_loop_of_its_own)
{
	EXPECT_INT(bide_to_thread(run_a_loop), 11);
}

static BIDE_ASYNC(int, call_from_a_loop, void);
static int call_from_a_loop(void)
{
	return bide_to_thread(add, 20, 3);
}

static BIDE_ASYNC(int, run_a_loop_that_calls, void);
static int run_a_loop_that_calls(void)
{
	return bide_run(call_from_a_loop);
}

RUN_TEST(thread_call_may_run_a_loop_that_calls_into_threads)
{
	EXPECT_INT(bide_to_thread(run_a_loop_that_calls), 23);
}

static int called;

static void count_call(void *arg)
{
	(void)arg;
	called++;
}

static BIDE_ASYNC(int, call_into_loop, bide_loop *);
static int call_into_loop(bide_loop *loop)
{
	for (int i = 0; i < 1000; i++)
		if (bide_call_threadsafe(loop, count_call, NULL) < 0)
			return -1;
	return 0;
}

RUN_TEST(thread_call_comes_back_after_the_calls_that_it_made)
{
	called = 0;
	EXPECT_INT(bide_to_thread(call_into_loop, bide_current_loop()), 0);
	EXPECT_INT(called, 1000);
}

static BIDE_ASYNC(int, blocked_signals, void);
static int blocked_signals(void)
{
	static const int some[] = { SIGINT, SIGTERM, SIGCHLD, SIGALRM, SIGUSR1, SIGPIPE };
	sigset_t set;
	int blocked = 0;
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	for (size_t i = 0; i < sizeof some / sizeof some[0]; i++)
		blocked += sigismember(&set, some[i]);
	return blocked + 100 * sigismember(&set, SIGSEGV);
}

RUN_TEST(thread_call_has_signals_blocked_but_for_faults)
{
	EXPECT_INT(bide_to_thread(blocked_signals), 6);
	EXPECT_INT(blocked_signals(), 0);
}

static BIDE_ASYNC(bool, has_stack_of, size_t);
static bool has_stack_of(size_t size)
{
	pthread_attr_t attributes;
	size_t has = 0, guard = 0;
	pthread_getattr_np(pthread_self(), &attributes);
	pthread_attr_getstacksize(&attributes, &has);
	pthread_attr_getguardsize(&attributes, &guard);
	pthread_attr_destroy(&attributes);
	return has >= size && has < 2 * size && guard >= 65536;
}

RUN_TEST(thread_call_has_the_stack_that_was_asked_for)
{
	const bide_thread_pool large = { .stack_size = 64 << 20 };
	EXPECT_INT(bide_thread_pool_set(&large), 0);
	EXPECT(bide_to_thread(has_stack_of, (size_t)64 << 20));
}

/* ---- errors ------------------------------------------------------------------------------- */

static BIDE_ASYNC(int, fail_by_result, void);
static int fail_by_result(void)
{
	return -ENOENT;
}

RUN_TEST(thread_call_that_returns_an_error)
{
	int result = 5;
	EXPECT_INT(bide_to_thread(fail_by_result), -ENOENT);
	EXPECT_INT(bide_try_to_thread(NULL, &result, fail_by_result), -ENOENT);
	EXPECT_INT(result, 5);
	EXPECT_INT(reports(), 0);
}

static BIDE_ASYNC(int, try_negative, void);
static int try_negative(void)
{
	int result = 0;
	EXPECT_INT(bide_try_to_thread(NULL, &result, fail_by_result), 0);
	return result == -ENOENT ? 1 : 0;
}

TEST(thread_call_where_negative_results_are_results)
{
	const bide_options options = { .negative_results = true };
	int result = 0;
	CHECK_INT(bide_try_run(&options, &result, try_negative), 0);
	EXPECT_INT(result, 1);
}

static BIDE_ASYNC(double, fail_by_call, int);
static double fail_by_call(int error)
{
	bide_fail(error);
	return 3;
}

RUN_TEST(thread_call_that_fails_without_room_in_its_result_is_reported)
{
	double result = 5;
	EXPECT_DOUBLE(bide_to_thread(fail_by_call, -EIO), 0.0);
	EXPECT_INT(reports(), 1);
	EXPECT_INT(report.error, -EIO);
	EXPECT_STR(report.task, "fail_by_call");
	EXPECT_INT(bide_try_to_thread(NULL, &result, fail_by_call, -EIO), -EIO);
	EXPECT_DOUBLE(result, 5);
	EXPECT_INT(bide_try_to_thread(NULL, &result, fail_by_call, 1), -EINVAL);
	EXPECT_INT(reports(), 1);
}

static BIDE_ASYNC(void, fail_in_loop, void);
static void fail_in_loop(void)
{
	bide_fail(-EPIPE);
}

static BIDE_ASYNC(int, fail_in_a_loop, void);
static int fail_in_a_loop(void)
{
	return bide_try_run(NULL, NULL, fail_in_loop) == -EPIPE ? 4 : 0;
}

RUN_TEST(thread_call_does_not_fail_by_what_a_task_in_it_does)
{
	EXPECT_INT(bide_to_thread(fail_in_a_loop), 4);
}

/* ---- from light tasks --------------------------------------------------------------------- */

static BIDE_ASYNC_LIGHT(int, add_up_in_threads, int);
static int add_up_in_threads(int n)
{
	struct block block = { { (unsigned char)n } };
	int sum = 0, result = 0;
	for (int i = 0; i < 20; i++) {
		sum += bide_to_thread(add, n, i);
		if (bide_try_to_thread(NULL, &result, add, n, i) == 0)
			sum += result;
		block = bide_to_thread(invert, block);
	}
	return sum + block.bytes[0];
}

RUN_TEST(thread_calls_of_many_light_tasks)
{
	enum { TASKS = 40 };
	bide_task *tasks[TASKS];
	int results[TASKS];
	for (int i = 0; i < TASKS; i++)
		tasks[i] = bide_spawn(add_up_in_threads, i);
	EXPECT_INT(bide_gather(tasks, TASKS, results), 0);
	for (int i = 0; i < TASKS; i++)
		EXPECT_INT(results[i], 40 * i + 380 + i);
}

static BIDE_ASYNC_LIGHT(int, point_into_itself, int);
static int point_into_itself(int n)
{
	bide_to_thread(increase, &n);
	return n;
}

RUN_ABORTS(thread_call_refuses_a_pointer_into_a_light_task,
           "bide: bide_to_thread: in task 'point_into_itself' (#")
{
	(void)bide_await(int, bide_spawn(point_into_itself, 1));
}

/* ---- what a job must not do --------------------------------------------------------------- */

#define JOB_ABORTS(name, call, text) \
	static BIDE_ASYNC(void, job_##name, void); \
	static void job_##name(void) \
	{ \
		(void)call; \
	} \
	RUN_ABORTS(thread_call_##name, text) \
	{ \
		bide_to_thread(job_##name); \
	}

JOB_ABORTS(must_not_sleep, bide_sleep(1),
           "bide: bide_sleep: in 'job_must_not_sleep' in a thread: no loop on this thread: ")
JOB_ABORTS(must_not_yield, bide_yield(), "in a thread: no loop on this thread: ")
JOB_ABORTS(must_not_wait_for_descriptors, bide_wait_fd(0, BIDE_READABLE),
           "in a thread: no loop on this thread: ")
JOB_ABORTS(must_not_call_into_threads, bide_to_thread(add, 1, 2),
           "bide: bide_to_thread: in 'job_must_not_call_into_threads' in a thread: no loop on")
JOB_ABORTS(must_not_spawn, bide_spawn(add, 1, 2), "in a thread: no loop runs on this thread")

static void leave_a_loop(void)
{
	bide_loop *loop;
	(void)!bide_loop_open(NULL, &loop);
}

JOB_ABORTS(must_not_leave_a_loop_open, (leave_a_loop(), 0), "it left a loop open")

TEST_ABORTS(thread_call_outside_a_task, "bide: bide_to_thread: no loop on this thread")
{
	(void)bide_to_thread(add, 1, 2);
}

RUN_ABORTS(thread_call_checks_the_type_of_its_result,
           "bide_try_to_thread: in task 'in_thread_call_checks_the_type_of_its_result' (#")
{
	double wrong;
	(void)bide_try_to_thread(NULL, &wrong, add, 1, 2);
}
