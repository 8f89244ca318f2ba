// SPDX-License-Identifier: MIT
/* rows_sleep.c: many tasks asleep at once: what they take, and whether they wake in time and in
 * order. */
#include "asleep.h"
#include "core.h"
#include "measure.h"

#include <errno.h>
#include <stdlib.h>

/* The delays of these rows, in seconds. */
static const double DELAY = 10, SHORT_DELAY = 1, TIMER_MIN = 1, TIMER_MAX = 1000;
enum { MANY = 100000 }; /* more tasks than these take the longer delay */

/* What must be so wherever n tasks slept. */
static int check_asleep(const struct asleep *found, long n)
{
	if (found->peak != n)
		return wrong("tasks asleep at once", (double)found->peak, (double)n);
	if (found->out_of_order != 0)
		return wrong("results out of order", (double)found->out_of_order, 0);
	return 0;
}

/* ---- the lesson's wait_random ------------------------------------------------------------- */

static BIDE_ASYNC(int, sleep_once, const struct request *, double, struct asleep *);

static int sleep_once(const struct request *request, double max_delay, struct asleep *found)
{
	return sleep_and_take(request->light, request->n, max_delay, NULL, found);
}

static int sleepers(const struct request *request)
{
	struct asleep found;

	if (RUN_ROW(sleep_once, request, request, DELAY, &found) != 0)
		return -1;
	print_figure("tasks", (double)request->n);
	print_figure("bytes_per_task", found.bytes / (double)request->n);
	print_figure("beyond_s", found.wall_s - found.longest);
	print_figure("wall_s", found.wall_s);
	print_figure("out_of_order", (double)found.out_of_order);
	return check_asleep(&found, request->n);
}

static int wait_n(const struct request *request)
{
	double max_delay = request->n <= MANY ? SHORT_DELAY : DELAY;
	struct asleep found;

	if (RUN_ROW(sleep_once, request, request, max_delay, &found) != 0)
		return -1;
	print_figure("out_of_order", (double)found.out_of_order);
	print_figure("beyond_ms", (found.wall_s - found.longest) * 1e3);
	print_figure("late_ms", found.late_s * 1e3);
	return check_asleep(&found, request->n);
}

/* ---- again in the same run, and what is left ---------------------------------------------- */

static BIDE_ASYNC(int, sleep_twice, const struct request *);

static int sleep_twice(const struct request *request)
{
	struct asleep first, second;
	double remaining;
	int rc = sleep_and_take(request->light, request->n, DELAY, NULL, &first);

	if (rc < 0)
		return rc;
	print_figure("tasks", (double)request->n);
	print_figure("bytes_per_task", first.bytes / (double)request->n);
	print_figure("beyond_s", first.wall_s - first.longest);
	rc = sleep_and_take(request->light, request->n, DELAY, NULL, &second);
	if (rc < 0)
		return rc;
	remaining = memory_bytes() - first.before;
	print_figure("second_round_added_bytes",
	             second.before + second.bytes - first.before - first.bytes);
	print_figure("given_back_bytes", second.before + second.bytes - first.before - remaining);
	print_figure("remaining_bytes", remaining);
	return check_asleep(&first, request->n) | check_asleep(&second, request->n);
}

static int sleepers_10m(const struct request *request)
{
	double before = memory_bytes();

	if (RUN_ROW(sleep_twice, request, request) != 0)
		return -1;
	print_figure("remaining_closed_bytes", memory_bytes() - before);
	return 0;
}

/* ---- full tasks, each on a guarded stack -------------------------------------------------- */

static BIDE_ASYNC(int, rest_full, const struct request *);

static int rest_full(const struct request *request)
{
	struct asleep found;
	int rc = sleep_on_stacks(request->n, request->stack_size, NULL, &found);

	if (rc < 0)
		return rc;
	print_figure("tasks", (double)request->n);
	print_figure("bytes", found.bytes);
	print_figure("bytes_per_task", found.bytes / (double)request->n);
	print_figure("guarded", (double)found.guarded);
	print_figure("parked_s", found.parked_s);
	print_figure("wall_s", found.wall_s);
	if (found.guarded != request->n)
		return wrong("stacks with a guard", (double)found.guarded, (double)request->n);
	return check_asleep(&found, request->n);
}

static int full_million(const struct request *request)
{
	struct request own = *request;

	if (own.stack_size == 0)
		own.stack_size = FULL_STACK_SIZE;
	return RUN_ROW(rest_full, &own, &own);
}

/* ---- timers through the calls that there are ---------------------------------------------- */

static BIDE_ASYNC(int, sleep_long, double);
static BIDE_ASYNC_LIGHT(int, sleep_long_light, double);

static int sleep_long(double seconds)
{
	return bide_sleep(seconds);
}

static int sleep_long_light(double seconds)
{
	return bide_sleep(seconds);
}

static void shuffle(bide_task **tasks, long n)
{
	for (long i = n - 1; i > 0; i--) {
		long j = random_up_to(i);
		bide_task *other = tasks[j];

		tasks[j] = tasks[i];
		tasks[i] = other;
	}
}

/* Arms the sleeps of the tasks, which have been spawned and not begun, then cancels half of them;
 * in CPU seconds. */
static void time_sleeps(bide_task **tasks, long n, double *ret_set, double *ret_cancel)
{
	double start = thread_cpu();

	(void)bide_yield();
	*ret_set = thread_cpu() - start;
	shuffle(tasks, n);
	start = thread_cpu();
	for (long i = 0; i < n / 2; i++)
		(void)bide_cancel(tasks[i]);
	*ret_cancel = thread_cpu() - start;
}

static BIDE_ASYNC(int, arm_and_cancel, const struct request *, bide_task **);

static int arm_and_cancel(const struct request *request, bide_task **tasks)
{
	double set, cancel;
	long n = request->n, cancelled = 0;

	for (long i = 0; i < n; i++) {
		double delay = bide_uniform(TIMER_MIN, TIMER_MAX);
		tasks[i] = request->light ? bide_spawn(sleep_long_light, delay)
		                          : bide_spawn(sleep_long, delay);
	}
	time_sleeps(tasks, n, &set, &cancel);
	for (long i = n / 2; i < n; i++)
		(void)bide_cancel(tasks[i]);
	for (long i = 0; i < n; i++)
		cancelled += bide_join(tasks[i]) == -ECANCELED;
	if (cancelled != n)
		return wrong("sleeps cancelled", (double)cancelled, (double)n);
	print_figure("set_ns", set * 1e9 / (double)n);
	if (n > 1)
		print_figure("cancel_ns", cancel * 1e9 / (double)(n / 2));
	return 0;
}

static int timers(const struct request *request)
{
	bide_task **tasks = calloc((size_t)request->n, sizeof(*tasks));
	int rc;

	if (tasks == NULL)
		return run_failed(-ENOMEM);
	rc = RUN_ROW(arm_and_cancel, request, request, tasks);
	free(tasks);
	return rc;
}

/* ---- sleep and wake on the virtual clock -------------------------------------------------- */

/* Nothing waits there, and the kernel is not asked for the time: what is left is the library's own
 * part of a sleep, with so many timers armed. */

enum { VIRTUAL_SLEEPERS = 1000 };

static BIDE_ASYNC(long, sleep_times, long, long);
static BIDE_ASYNC_LIGHT(long, sleep_times_light, long, long);

/* Delays of up to a second, each time another. @return how often it slept. */
static long sleep_times(long times, long i)
{
	long done = 0;

	while (done < times && bide_sleep((double)((i * 37 + done * 101) % 1000 + 1) * 1e-3) == 0)
		done++;
	return done;
}

static long sleep_times_light(long times, long i)
{
	return sleep_times(times, i);
}

static BIDE_ASYNC(int, sleep_in_turn, const struct request *, long, bide_task **);

static int sleep_in_turn(const struct request *request, long n_tasks, bide_task **tasks)
{
	long done = 0;

	for (long i = 0; i < n_tasks; i++) {
		long times = request->n / n_tasks + (i < request->n % n_tasks);
		tasks[i] = request->light ? bide_spawn(sleep_times_light, times, i)
		                          : bide_spawn(sleep_times, times, i);
	}
	for (long i = 0; i < n_tasks; i++)
		done += bide_await(long, tasks[i]);
	if (done != request->n)
		return wrong("sleeps", (double)done, (double)request->n);
	print_figure("ops", (double)done);
	return 0;
}

static int sleep_wake(const struct request *request)
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL,
		                       .stack_size = request->stack_size };
	long n_tasks = request->tasks != 0 ? request->tasks : VIRTUAL_SLEEPERS;
	bide_task **tasks = calloc((size_t)n_tasks, sizeof(*tasks));
	int rc, result = 0;

	if (tasks == NULL)
		return run_failed(-ENOMEM);
	rc = bide_try_run(&options, &result, sleep_in_turn, request, n_tasks, tasks);
	free(tasks);
	return run_failed(rc != 0 ? rc : result);
}

const struct row rows_sleep[] = {
	{ "sleepers", sleepers, "tasks that sleep up to 10 s each, at once" },
	{ "wait_n", wait_n, "tasks that sleep up to 1 s, beyond 100,000 of them up to 10 s" },
	{ "timers", timers, "tasks asleep up to 1,000 s, half of them cancelled" },
	{ "sleep_wake", sleep_wake, "sleeps of 1,000 tasks (--tasks) on the virtual clock" },
	{ "sleepers_10m", sleepers_10m,
	  "as sleepers, twice in one run: what memory is used again" },
	{ "full_million", full_million, "full tasks asleep, each on a guarded stack" },
	{ NULL, NULL, NULL },
};
