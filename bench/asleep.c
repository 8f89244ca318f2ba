// SPDX-License-Identifier: MIT
/* asleep.c: see asleep.h. */
#include "asleep.h"

#include "measure.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long now_asleep; /* tasks that are in bide_sleep() now */
static long peak;       /* the most that there were at once */
static double from;     /* the moment that their sleeps count from */

/* Sleeps and counts who does. Inline, as a frame of its own would be kept for each task. */
__attribute__((always_inline)) static inline int count_sleep(double seconds)
{
	int rc;

	/* The first sleep may read the turn's time afresh, so the second one's is all others'. */
	if (peak <= 1)
		from = bide_now();
	if (++now_asleep > peak)
		peak = now_asleep;
	rc = bide_sleep(seconds);
	now_asleep--;
	return rc;
}

/* ---- what both have in common ------------------------------------------------------------- */

/* When it began. */
struct start {
	double time, cpu;
};

static struct start begin(struct asleep *ret)
{
	memset(ret, 0, sizeof(*ret));
	now_asleep = peak = 0;
	ret->before = memory_bytes();
	return (struct start){ bide_time(), process_cpu() };
}

/* All tasks have been spawned: lets them go to sleep. */
static void let_park(const struct start *start, long n, const struct onlooker *onlooker,
                     struct asleep *ret)
{
	(void)bide_yield();
	ret->parked_s = bide_time() - start->time;
	ret->bytes = memory_bytes() - ret->before;
	ret->peak = peak;
	if (onlooker != NULL && onlooker->parked != NULL)
		onlooker->parked(ret, n);
}

static void end(const struct start *start, struct asleep *ret)
{
	ret->wall_s = bide_time() - start->time;
	ret->late_s = bide_time() - from - ret->longest;
	ret->cpu_s = process_cpu() - start->cpu;
}

/* ---- tasks that wait a random time -------------------------------------------------------- */

static BIDE_ASYNC(double, wait_random, double);
static BIDE_ASYNC_LIGHT(double, wait_random_light, double);

static double wait_random(double max_delay)
{
	double delay = bide_uniform(0, max_delay);
	int rc = count_sleep(delay);

	if (rc < 0)
		bide_fail(rc);
	return delay;
}

static double wait_random_light(double max_delay)
{
	return wait_random(max_delay);
}

/* Takes the delays as the tasks end. */
static void take_results(bide_group *group, long n, const struct onlooker *onlooker,
                         struct asleep *ret)
{
	double before = 0, delay;
	long taken = 0;

	for (bide_task *task; (task = bide_group_next(group));) {
		delay = bide_await(double, task);
		ret->out_of_order += delay < before;
		before = delay;
		if (delay > ret->longest)
			ret->longest = delay;
		taken++;
		if (onlooker != NULL && onlooker->result != NULL)
			onlooker->result(taken, n);
	}
}

int sleep_and_take(bool light, long n, double max_delay, const struct onlooker *onlooker,
                   struct asleep *ret)
{
	struct start start = begin(ret);
	int rc;

	BIDE_GROUP(group, rc) {
		for (long i = 0; i < n; i++)
			(void)(light ? bide_group_spawn(group, wait_random_light, max_delay)
			             : bide_group_spawn(group, wait_random, max_delay));
		let_park(&start, n, onlooker, ret);
		take_results(group, n, onlooker, ret);
		end(&start, ret);
	}
	return rc;
}

/* ---- tasks with stacks of their own ------------------------------------------------------- */

static char **frames; /* of each task: an address in its first page */

static BIDE_ASYNC(void, rest, long);

/* Sleeps until it is cancelled. */
static void rest(long i)
{
	frames[i] = __builtin_frame_address(0);
	(void)count_sleep(INFINITY);
}

/* Has the kernel read a byte one stack's size below each frame, which is in the guard: a write from
 * there must fail with EFAULT. @return how many do. */
static long count_guards(long n, size_t stack_size)
{
	int ends[2];
	long guarded = 0;

	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0)
		return 0;
	for (long i = 0; i < n; i++)
		guarded += write(ends[1], frames[i] - stack_size, 1) < 0 && errno == EFAULT;
	/* The same write from the frame itself goes through, so the test can tell. */
	if (n > 0 && write(ends[1], frames[0], 1) != 1)
		guarded = 0;
	close(ends[0]);
	close(ends[1]);
	return guarded;
}

static int rest_in_group(long n, size_t stack_size, const struct onlooker *onlooker,
                         struct asleep *ret)
{
	struct start start = begin(ret);
	int rc;

	BIDE_GROUP(group, rc) {
		for (long i = 0; i < n; i++)
			bide_group_spawn(group, rest, i);
		let_park(&start, n, onlooker, ret);
		ret->guarded = ret->peak == n ? count_guards(n, stack_size) : 0;
		bide_group_cancel(group);
	}
	end(&start, ret);
	return rc;
}

int sleep_on_stacks(long n, size_t stack_size, const struct onlooker *onlooker, struct asleep *ret)
{
	int rc;

	frames = malloc(((size_t)n + 1) * sizeof(*frames));
	if (frames == NULL)
		return -ENOMEM;
	memset(frames, 1, ((size_t)n + 1) * sizeof(*frames)); /* in memory before it is measured */
	rc = rest_in_group(n, stack_size, onlooker, ret);
	free(frames);
	return rc;
}
