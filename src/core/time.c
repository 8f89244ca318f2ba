// SPDX-License-Identifier: MIT
/* time.c: see time.h; and the calls that sleep. */
#include "core/time.h"

#include "base/ticks.h"
#include "core/cancel.h"
#include "core/select.h"

#include <errno.h>
#include <math.h>
#include <sys/resource.h>
#include <time.h>

enum {
	NS = 1000000000,
	LONG_STEP_NS = 1000000,  /* a step that computes for longer is long, */
	LONG_FAULT_NS = 10000000 /* unless the kernel may have been at it for that long */
};

static const double FOREVER = 1e10; /* seconds: longer sleeps end by cancellation only */

/* ---- clocks ------------------------------------------------------------------------------- */

static uint64_t read_clock(clockid_t id)
{
	struct timespec t;
	(void)clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

uint64_t bide__monotonic(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t bide__clock(const bide_loop *loop)
{
	return loop->options.backend == BIDE_BACKEND_VIRTUAL ? loop->virtual_ns : bide__monotonic();
}

double bide_time(void)
{
	return (double)(bide__loop != NULL ? bide__clock(bide__loop) : bide__monotonic()) / NS;
}

double bide_now(void)
{
	return bide__loop != NULL ? (double)bide__loop->now_ns / NS : bide_time();
}

/* The fraction of a second as nanoseconds and, in the lower half, units of 2^-64 of one. All the
 * bits of a small double are taken, so that the order of any two is kept. */
static unsigned __int128 fine_part(double fraction)
{
	double upper = fraction * 0x1p64;
	uint64_t high = (uint64_t)upper;
	uint64_t low = (uint64_t)((upper - (double)high) * 0x1p64);
	return (unsigned __int128)high * NS + (uint64_t)(((unsigned __int128)low * NS) >> 64);
}

struct bide__deadline bide__after(uint64_t from_ns, double seconds)
{
	if (seconds >= FOREVER)
		return (struct bide__deadline){ UINT64_MAX, 0 };
	uint64_t whole = (uint64_t)seconds;
	unsigned __int128 part = fine_part(seconds - (double)whole);
	uint64_t ns = whole * NS + (uint64_t)(part >> 64);
	if (__builtin_expect(ns >= UINT64_MAX - from_ns, 0)) /* a virtual clock gets that far */
		return (struct bide__deadline){ UINT64_MAX, 0 };
	struct bide__deadline deadline = { from_ns + ns, (uint64_t)part };
	/* The number nearest to a count of nanoseconds means that count, as 0.1 does and as a time
	 * that bide_now() gave. Exactly on a nanosecond is the last moment of the one before. */
	if (deadline.fraction != 0 && (double)ns / NS == seconds)
		deadline.fraction = 0;
	if (deadline.fraction != 0)
		deadline.ns++;
	deadline.fraction--;
	return deadline;
}

/* ---- the turn's time ---------------------------------------------------------------------- */

/* For how long the thread has to have computed. While tasks begin, their stacks take memory, and to
 * find some may take the system milliseconds, on the thread's account. */
static uint64_t long_enough(bide_loop *loop)
{
	struct rusage used;
	(void)getrusage(RUSAGE_THREAD, &used);
	uint64_t faults = (uint64_t)used.ru_minflt + (uint64_t)used.ru_majflt;
	bool new_ones = faults != loop->page_faults;
	loop->page_faults = faults;
	return new_ones ? LONG_FAULT_NS : LONG_STEP_NS;
}

/* A sleep that is armed long after the one before it, or the first one in a turn. */
__attribute__((noinline)) static void settle_by_clock(bide_loop *loop, uint64_t gap_ticks)
{
	uint64_t clock = bide__monotonic();
	if (loop->compared_ns == 0) {
		if (clock - loop->now_ns > LONG_STEP_NS)
			loop->now_ns = clock;
	} else {
		uint64_t wall = clock - loop->compared_ns;
		double ticks = (double)(loop->armed_ticks - loop->compared_ticks);
		uint64_t gap = ticks > 0 ? (uint64_t)((double)wall / ticks * (double)gap_ticks) : 0;
		if (gap <= LONG_STEP_NS)
			return;
		uint64_t cpu = read_clock(CLOCK_THREAD_CPUTIME_ID) - loop->compared_cpu_ns;
		uint64_t preempted = wall > cpu ? wall - cpu : 0;
		if (gap > preempted + long_enough(loop))
			loop->now_ns = clock;
	}
	loop->compared_ns = clock;
	loop->compared_ticks = loop->armed_ticks;
	loop->compared_cpu_ns = read_clock(CLOCK_THREAD_CPUTIME_ID);
}

/* Sleeps count from the turn's time. When the step that is about to sleep computed for long that
 * time is old, and the sleep would end early by as much: then it is read afresh. A gap in real time
 * alone does not show that, as the thread may have been preempted, and tasks that were started
 * together must go on sleeping from the same moment. So the thread's CPU time is asked, which is
 * dear, once in a turn in which sleeps are armed and again only after a gap; whether there is one,
 * ticks tell. For the first sleep of a turn it does not matter which it was. */
static inline void settle_now(bide_loop *loop)
{
	if (loop->options.backend == BIDE_BACKEND_VIRTUAL)
		return;
	uint64_t ticks = bide__ticks(), gap = ticks - loop->armed_ticks;
	loop->armed_ticks = ticks;
	if (__builtin_expect(loop->compared_ns == 0 || gap >= BIDE__TICKS_PER_MS_MIN, 0))
		settle_by_clock(loop, gap);
}

/* ---- sleeping ----------------------------------------------------------------------------- */

struct bide__task *bide__sleeper(struct bide__timer *timer)
{
	return BIDE__CONTAINER(timer, struct bide__task, timer);
}

static void cut_sleep(bide_loop *loop, struct bide__task *task)
{
	bide__timers_disarm(&loop->timers, &task->timer);
}

static void cut_endless(bide_loop *loop, struct bide__task *task)
{
	(void)task;
	loop->endless--;
}

static const struct bide__wait wait_sleep = { "bide_sleep", cut_sleep, NULL };
static const struct bide__wait wait_sleep_until = { "bide_sleep_until", cut_sleep, NULL };
static const struct bide__wait wait_endless = { "bide_sleep", cut_endless, NULL };
static const struct bide__wait wait_yield = { "bide_yield", NULL, NULL };

bool bide__is_asleep(const struct bide__task *task)
{
	return (task->wait == &wait_sleep || task->wait == &wait_sleep_until) &&
	       bide__timer_armed(&task->timer);
}

/* Arms a task's timer, or a stand-in's. 0 or -ENOMEM. */
static int arm_sleep(bide_loop *loop, struct bide__task *task, struct bide__deadline deadline)
{
	if (bide__timers_reserve(&loop->timers, loop->now_ns) < 0)
		return -ENOMEM;
	task->timer = (struct bide__timer){ .kind = BIDE__TIMER_SLEEP };
	task->fraction = deadline.fraction;
	bide__timers_arm(&loop->timers, &task->timer, deadline.ns);
	return 0;
}

static int sleep_to(bide_loop *loop, const struct bide__wait *wait, struct bide__deadline deadline)
{
	if (deadline.ns == UINT64_MAX) {
		loop->endless++;
		return bide__park(loop, &wait_endless, NULL);
	}
	if (arm_sleep(loop, loop->current, deadline) < 0)
		return -ENOMEM;
	return bide__park(loop, wait, (void *)(uintptr_t)deadline.fraction);
}

int bide_yield(void)
{
	struct bide__task *task = bide__suspending(&wait_yield);
	bide_loop *loop = bide__loop;
	if (task->flags & BIDE__TASK_PENDING)
		return bide__refuse(loop, &wait_yield);
	return bide__yield(loop);
}

int bide_sleep(double seconds)
{
	struct bide__task *task = bide__suspending(&wait_sleep);
	bide_loop *loop = bide__loop;
	if (!(seconds > 0))
		return isnan(seconds) ? -EINVAL : bide_yield();
	if (task->flags & BIDE__TASK_PENDING)
		return bide__refuse(loop, &wait_sleep);
	settle_now(loop);
	return sleep_to(loop, &wait_sleep, bide__after(loop->now_ns, seconds));
}

int bide_sleep_until(double time)
{
	struct bide__task *task = bide__suspending(&wait_sleep_until);
	bide_loop *loop = bide__loop;
	if (!(time > 0))
		return isnan(time) ? -EINVAL : bide_yield();
	struct bide__deadline deadline = bide__after(0, time);
	if (deadline.ns <= loop->now_ns)
		return bide_yield();
	if (task->flags & BIDE__TASK_PENDING)
		return bide__refuse(loop, &wait_sleep_until);
	return sleep_to(loop, &wait_sleep_until, deadline);
}

/* ---- as arms of a select ------------------------------------------------------------------ */

static bool sleep_ready(bide_loop *loop, bide_arm *arm)
{
	(void)loop;
	return !(arm->with.seconds > 0);
}

static bool until_ready(bide_loop *loop, bide_arm *arm)
{
	double time = arm->with.seconds;
	return !(time > 0) || bide__after(0, time).ns <= loop->now_ns;
}

static int time_take(bide_loop *loop, const bide_arm *arm)
{
	(void)loop;
	return isnan(arm->with.seconds) ? -EINVAL : 0;
}

static int wait_to(bide_loop *loop, struct bide__task *stand_in, const struct bide__wait *wait,
                   struct bide__deadline deadline)
{
	stand_in->wait = wait;
	if (deadline.ns < UINT64_MAX)
		return arm_sleep(loop, stand_in, deadline) < 0 ? -ENOMEM : -EAGAIN;
	loop->endless++;
	stand_in->wait = &wait_endless;
	return -EAGAIN;
}

static int sleep_wait(bide_loop *loop, const bide_arm *arm, struct bide__task *stand_in)
{
	settle_now(loop);
	return wait_to(loop, stand_in, &wait_sleep, bide__after(loop->now_ns, arm->with.seconds));
}

static int until_wait(bide_loop *loop, const bide_arm *arm, struct bide__task *stand_in)
{
	return wait_to(loop, stand_in, &wait_sleep_until, bide__after(0, arm->with.seconds));
}

const struct bide__arm bide__arm_sleep = { sleep_ready, time_take, sleep_wait, NULL };
const struct bide__arm bide__arm_until = { until_ready, time_take, until_wait, NULL };
