// SPDX-License-Identifier: MIT
/* bide_call_threadsafe(): calls from other threads into a loop: none is lost, those of a thread
 * keep their order, and a loop that waits is woken. */
#include "harness/test.h"

#include <bide.h>

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

enum { THREADS = 4, CALLS = 5000 };

/* ---- hammering ---------------------------------------------------------------------------- */

struct call;

struct caller {
	bide_loop *loop;
	struct call *calls; /* that it makes */
	int next;           /* number of the call that must come next; the loop's thread's */
	pthread_t thread;
};

struct call {
	struct caller *caller;
	int number;
};

static struct call calls[THREADS][CALLS];
static int out_of_order;
static int left; /* callers whose last call has not come; the loop's thread's */

static void receive(void *arg)
{
	const struct call *call = arg;

	out_of_order += call->number != call->caller->next;
	call->caller->next = call->number + 1;
	left -= call->number == CALLS - 1;
}

static void *hammer(void *arg)
{
	struct caller *caller = arg;

	for (int i = 0; i < CALLS; i++) {
		caller->calls[i] = (struct call){ caller, i };
		EXPECT_INT(bide_call_threadsafe(caller->loop, receive, &caller->calls[i]), 0);
		if (i % 1000 == 999)
			sched_yield();
	}
	bide_loop_unref(caller->loop);
	return NULL;
}

static void start(struct caller *callers)
{
	out_of_order = 0;
	left = THREADS;
	for (int i = 0; i < THREADS; i++) {
		callers[i] = (struct caller){ bide_loop_ref(bide_current_loop()), calls[i], 0, 0 };
		CHECK_INT(pthread_create(&callers[i].thread, NULL, hammer, &callers[i]), 0);
	}
}

static void finish(const struct caller *callers)
{
	for (int i = 0; i < THREADS; i++) {
		pthread_join(callers[i].thread, NULL);
		EXPECT_INT(callers[i].next, CALLS);
	}
	EXPECT_INT(out_of_order, 0);
}

BIDE_ASYNC(int, receive_busily, int);
int receive_busily(int unused)
{
	struct caller callers[THREADS];

	start(callers);
	while (left > 0)
		bide_yield();
	finish(callers);
	return 0 * unused;
}

BIDE_ASYNC(int, receive_between_sleeps, double);
int receive_between_sleeps(double seconds)
{
	struct caller callers[THREADS];

	start(callers);
	while (left > 0)
		bide_sleep(seconds);
	finish(callers);
	return 0;
}

BIDE_ASYNC(int, wait_on, int);
int wait_on(int fd)
{
	return bide_wait_fd(fd, BIDE_READABLE);
}

BIDE_ASYNC(int, receive_in_backend, double);
int receive_in_backend(double seconds)
{
	bide_task *t = bide_spawn(wait_on, eventfd(0, 0));

	receive_between_sleeps(seconds);
	bide_cancel(t);
	bide_join(t);
	return 0;
}

TEST(thread_calls_are_all_made_and_in_order_while_tasks_run)
{
	EXPECT_INT(bide_run(receive_busily, 0), 0);
}

TEST(thread_calls_are_all_made_and_in_order_while_the_loop_sleeps)
{
	EXPECT_INT(bide_run(receive_between_sleeps, 0.00005), 0);
}

TEST(thread_calls_are_all_made_and_in_order_while_the_backend_waits)
{
	EXPECT_INT(bide_run(receive_in_backend, 0.00005), 0);
}

/* ---- waking ------------------------------------------------------------------------------- */

static void cancel_task(void *task)
{
	bide_cancel(task);
}

struct waker {
	bide_loop *loop;
	bide_task *task;
	int delay_us;
};

static void *wake_later(void *arg)
{
	const struct waker *waker = arg;
	const struct timespec delay = { 0, waker->delay_us * 1000L };

	nanosleep(&delay, NULL);
	EXPECT_INT(bide_call_threadsafe(waker->loop, cancel_task, waker->task), 0);
	bide_loop_unref(waker->loop);
	return NULL;
}

/* Waits in one of the ways and is woken from a thread, again and again, soon after or just when it
 * goes to sleep. */
BIDE_ASYNC(int, wait_once, int);
int wait_once(int how)
{
	if (how == 0)
		return bide_sleep(1000);
	if (how == 1)
		return bide_sleep(INFINITY);
	return bide_wait_fd(how, BIDE_READABLE);
}

BIDE_ASYNC(int, be_woken, int, int);
int be_woken(int how, int times)
{
	for (int i = 0; i < times; i++) {
		pthread_t thread;
		bide_task *t = bide_spawn(wait_once, how);
		struct waker waker = { bide_loop_ref(bide_current_loop()), t, i % 7 * 10 };
		CHECK_RET(pthread_create(&thread, NULL, wake_later, &waker) == 0, -1);
		double before = bide_time();
		EXPECT_INT(bide_join(t), -ECANCELED);
		EXPECT(bide_time() - before < 5);
		pthread_join(thread, NULL);
	}
	return 0;
}

TEST(thread_calls_wake_a_loop_that_sleeps)
{
	EXPECT_INT(bide_run(be_woken, 0, 300), 0);
}

TEST(thread_calls_wake_a_loop_that_sleeps_for_ever)
{
	EXPECT_INT(bide_run(be_woken, 1, 300), 0);
}

TEST(thread_calls_wake_a_loop_that_waits_for_a_descriptor)
{
	EXPECT_INT(bide_run(be_woken, eventfd(0, 0), 300), 0);
}

TEST(thread_calls_wake_a_loop_on_the_virtual_clock)
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL };

	EXPECT_INT(bide_try_run(&options, NULL, be_woken, 1, 50), 0);
}

/* ---- what a call may do ------------------------------------------------------------------- */

static int seen;

BIDE_ASYNC(int, note, int);
int note(int value)
{
	bide_yield();
	seen = value;
	return 0;
}

static void spawn_note(void *arg)
{
	bide_detach(bide_spawn(note, *(int *)arg));
}

BIDE_ASYNC(int, wait_for_note, int);
int wait_for_note(int value)
{
	EXPECT_INT(bide_call_threadsafe(bide_current_loop(), spawn_note, &value), 0);
	while (seen == 0) /* however long this thread has to wait for its turn */
		bide_sleep(0.001);
	return seen;
}

TEST(thread_call_may_spawn_tasks)
{
	EXPECT_INT(bide_run(wait_for_note, 17), 17);
}

/* What was done, in its order. */
static char trace[16];

static void put_letter(char letter)
{
	size_t length = strlen(trace);

	if (length + 1 < sizeof trace)
		trace[length] = letter;
}

static void call_second(void *arg)
{
	(void)arg;
	put_letter('b');
}

static void call_first(void *arg)
{
	put_letter('a');
	EXPECT_INT(bide_call_threadsafe(bide_current_loop(), call_second, arg), 0);
	put_letter('A');
}

BIDE_ASYNC(int, yield_and_trace, int);
int yield_and_trace(int times)
{
	EXPECT_INT(bide_call_threadsafe(bide_current_loop(), call_first, NULL), 0);
	put_letter('0');
	for (int i = 1; i <= times; i++) {
		bide_yield();
		put_letter((char)('0' + i));
	}
	return 0;
}

TEST(thread_call_that_is_made_in_a_call_comes_in_the_next_turn)
{
	EXPECT_INT(bide_run(yield_and_trace, 3), 0);
	EXPECT_STR(trace, "0aA1b23");
}

static bool enough;

/* Calls itself, for ever. */
static void call_again(void *arg)
{
	++*(int *)arg;
	if (!enough)
		EXPECT_INT(bide_call_threadsafe(bide_current_loop(), call_again, arg), 0);
}

BIDE_ASYNC(int, sleep_beside_calls, int);
int sleep_beside_calls(int sleeps)
{
	int calls_made = 0;

	EXPECT_INT(bide_call_threadsafe(bide_current_loop(), call_again, &calls_made), 0);
	for (int i = 0; i < sleeps; i++)
		EXPECT_INT(bide_sleep(0.0001), 0);
	enough = true;
	bide_yield();
	EXPECT(calls_made > sleeps);
	int made = calls_made;
	bide_sleep(0.0001);
	EXPECT_INT(calls_made, made);
	return 0;
}

TEST(thread_call_that_calls_itself_for_ever_lets_tasks_run_and_sleeps_end)
{
	EXPECT_INT(bide_run(sleep_beside_calls, 20), 0);
}

static void sleep_in_call(void *arg)
{
	(void)arg;
	bide_sleep(1);
}

BIDE_ASYNC(int, have_sleeping_call, int);
int have_sleeping_call(int unused)
{
	EXPECT_INT(bide_call_threadsafe(bide_current_loop(), sleep_in_call, NULL), 0);
	return bide_sleep(1) + 0 * unused;
}

TEST_ABORTS(thread_call_must_not_suspend, "bide: bide_sleep: ")
{
	bide_run(have_sleeping_call, 0);
}

/* ---- a task for another thread ------------------------------------------------------------ */

/* What a thread asks of a loop: a task, and to be told how it ended. */
struct request {
	bide_loop *loop;
	int seconds, value; /* of the task: how long it sleeps, what it returns then */
	bool gives_up;      /* the thread cancels it when it has waited for a while */
	bide_task *task;    /* the loop's thread's */
	int error, result;  /* how it ended */
	sem_t ended;
	bide_event *over; /* set when the thread has seen that */
};

BIDE_ASYNC(int, serve, struct request *);
int serve(struct request *request)
{
	int rc = request->seconds > 0 ? bide_sleep(request->seconds) : bide_yield();

	return rc < 0 ? rc : request->value;
}

static void tell_end(void *arg, bide_task *task)
{
	struct request *request = arg;

	request->error = bide_task_error(task);
	if (request->error == 0)
		request->result = request->value;
	bide_detach(task);
	sem_post(&request->ended);
}

static void begin_request(void *arg)
{
	struct request *request = arg;

	request->task = bide_spawn(serve, request);
	EXPECT_INT(bide_task_on_done(request->task, tell_end, request), 0);
}

static void cancel_request(void *arg)
{
	bide_cancel(((struct request *)arg)->task);
}

static void end_request(void *arg)
{
	bide_event_set(((struct request *)arg)->over);
}

static void *make_request(void *arg)
{
	struct request *request = arg;
	struct timespec until;

	EXPECT_INT(bide_call_threadsafe(request->loop, begin_request, request), 0);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 2000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (request->gives_up) {
		EXPECT(sem_timedwait(&request->ended, &until) < 0 && errno == ETIMEDOUT);
		EXPECT_INT(bide_call_threadsafe(request->loop, cancel_request, request), 0);
	}
	while (sem_wait(&request->ended) < 0)
		;
	EXPECT_INT(bide_call_threadsafe(request->loop, end_request, request), 0);
	bide_loop_unref(request->loop);
	return NULL;
}

BIDE_ASYNC(int, serve_thread, struct request *);
int serve_thread(struct request *request)
{
	bide_event over = BIDE_EVENT_INIT;
	pthread_t thread;

	request->loop = bide_loop_ref(bide_current_loop());
	request->over = &over;
	sem_init(&request->ended, 0, 0);
	CHECK_RET(pthread_create(&thread, NULL, make_request, request) == 0, -1);
	int rc = bide_event_wait(&over);
	pthread_join(thread, NULL);
	return rc;
}

TEST(thread_has_a_task_run_and_gets_its_result)
{
	struct request request = { .value = 42 };

	EXPECT_INT(bide_run(serve_thread, &request), 0);
	EXPECT_INT(request.error, 0);
	EXPECT_INT(request.result, 42);
}

static void ignore_failure(void *arg, const bide_report *report)
{
	EXPECT_INT(report->kind, BIDE_REPORT_FAILURE);
	EXPECT_INT(report->error, -ENOENT);
	++*(int *)arg;
}

TEST(thread_has_a_task_run_and_gets_its_error)
{
	struct request request = { .value = -ENOENT };
	int reports = 0;

	bide_set_report(ignore_failure, &reports);
	EXPECT_INT(bide_run(serve_thread, &request), 0);
	EXPECT_INT(request.error, -ENOENT);
	EXPECT_INT(reports, 1); /* nobody awaited it */
}

TEST(thread_gives_up_a_task_that_takes_too_long)
{
	struct request request = { .seconds = 1000, .gives_up = true };

	EXPECT_INT(bide_run(serve_thread, &request), 0);
	EXPECT_INT(request.error, -ECANCELED);
}

/* ---- references --------------------------------------------------------------------------- */

static void *call_closed(void *arg)
{
	bide_loop *loop = arg;

	EXPECT_INT(bide_call_threadsafe(loop, cancel_task, NULL), -BIDE_ELOOP);
	bide_loop_unref(loop);
	return NULL;
}

TEST(thread_call_into_a_closed_loop_is_refused)
{
	bide_loop *loop = NULL;
	pthread_t thread;

	CHECK_INT(bide_loop_open(NULL, &loop), 0);
	EXPECT_PTR(bide_loop_ref(loop), loop);
	bide_loop_close(loop);
	CHECK_INT(pthread_create(&thread, NULL, call_closed, loop), 0);
	pthread_join(thread, NULL);
}

static void count(void *arg)
{
	++*(int *)arg;
}

BIDE_ASYNC(int, nap, double);
int nap(double seconds)
{
	return bide_sleep(seconds);
}

TEST(thread_calls_made_before_a_run_are_made_in_it)
{
	bide_loop *loop = NULL;
	int counted = 0;

	CHECK_INT(bide_loop_open(NULL, &loop), 0);
	for (int i = 0; i < 10; i++)
		EXPECT_INT(bide_call_threadsafe(loop, count, &counted), 0);
	EXPECT_INT(counted, 0);
	EXPECT_INT(bide_loop_run(loop, NULL, nap, 0.001), 0);
	EXPECT_INT(counted, 10);
	bide_loop_close(loop);
}

static void *let_go_later(void *arg)
{
	const struct timespec delay = { 0, 5000000 };

	nanosleep(&delay, NULL);
	bide_loop_unref(arg);
	return NULL;
}

static void ignore_report(void *arg, const bide_report *report)
{
	EXPECT_INT(report->kind, BIDE_REPORT_DEADLOCK);
	++*(int *)arg;
}

BIDE_ASYNC(int, sleep_for_ever, int);
int sleep_for_ever(int unused)
{
	pthread_t thread;

	double before = bide_time();
	pthread_create(&thread, NULL, let_go_later, bide_loop_ref(bide_current_loop()));
	int rc = bide_sleep(INFINITY);
	/* As long as the thread had its reference it might have cancelled this. */
	EXPECT(bide_time() - before >= 0.005);
	pthread_join(thread, NULL);
	return rc + 0 * unused;
}

TEST(thread_reference_holds_off_a_deadlock_until_it_is_given_back)
{
	int reports = 0;

	signal(SIGINT, SIG_IGN); /* which might cancel it, too */
	bide_set_report(ignore_report, &reports);
	EXPECT_INT(bide_run(sleep_for_ever, 0), -EDEADLK);
	EXPECT_INT(reports, 1);
}

/* ---- closing while others call ------------------------------------------------------------ */

/* Calls that have been made and not yet been received. Where there are many, threads hold back:
 * they get more of the processors than the loop, and would keep it busy for ever. */
enum { AHEAD = 1000, PAUSES = 100 };
static long ahead;

static void take_back(void *arg)
{
	(void)arg;
	__atomic_sub_fetch(&ahead, 1, __ATOMIC_RELAXED);
}

static void *call_until_refused(void *arg)
{
	int rc;

	do {
		for (int i = 0; i < PAUSES && __atomic_load_n(&ahead, __ATOMIC_RELAXED) > AHEAD;
		     i++)
			sched_yield();
		__atomic_add_fetch(&ahead, 1, __ATOMIC_RELAXED);
		rc = bide_call_threadsafe(arg, take_back, NULL);
	} while (rc == 0);
	EXPECT_INT(rc, -BIDE_ELOOP);
	bide_loop_unref(arg);
	return NULL;
}

TEST(thread_calls_race_with_the_end_of_the_loop)
{
	for (int i = 0; i < 20; i++) {
		pthread_t threads[THREADS];
		bide_loop *loop = NULL;

		ahead = 0;
		CHECK_INT(bide_loop_open(NULL, &loop), 0);
		for (int j = 0; j < THREADS; j++)
			CHECK_INT(pthread_create(&threads[j], NULL, call_until_refused,
			                         bide_loop_ref(loop)),
			          0);
		EXPECT_INT(bide_loop_run(loop, NULL, nap, 0.0005), 0);
		bide_loop_close(loop);
		for (int j = 0; j < THREADS; j++)
			pthread_join(threads[j], NULL);
	}
}
