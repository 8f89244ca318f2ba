// SPDX-License-Identifier: MIT
/* sched.c: the scheduler: who runs next.
 *
 * A LAP is one step of each task that was ready at its start, first come first served. A TURN is
 * a few laps; at its start completed I/O is collected, the time is read and due timers fire. Turns
 * are as long as keeps them near 50 microseconds, so that the clock and the kernel are asked rarely
 * when steps are short, and still before every lap when they are long.
 *
 * A task that parks or ends switches straight to the next one. Only at the end of a turn, and where
 * the next one cannot be prepared from the stack that runs, it goes to the scheduler's own stack,
 * the one that called bide__run_loop(). */
#include "base/alloc.h"
#include "core/backend.h"
#include "core/cancel.h"
#include "core/light.h"
#include "core/message.h"
#include "core/run.h"
#include "core/switch.h"
#include "core/time.h"
#include "core/wake.h"

#include <errno.h>
#include <string.h>

enum {
	TURN_STEPS_MAX = 1024,            /* steps in a turn beyond its first lap, at most */
	TURN_SHORT_NS = 25 * 1000,        /* turns below that may get longer, */
	TURN_LONG_NS = 100 * 1000,        /* above that they must get shorter */
	SLOW_STEP_NS = 100 * 1000 * 1000, /* debug mode reports longer steps, as asyncio does */
	NAME_MAX_SHOWN = 64               /* of a name that is kept for that */
};

_Thread_local bide_loop *bide__loop;

/* ---- whose turn it is --------------------------------------------------------------------- */

/* Another lap of the same turn, unless time or I/O must be looked at first. */
static bool next_lap(bide_loop *loop)
{
	if (loop->nready == 0 || loop->turn_left == 0 ||
	    __atomic_load_n(&loop->attention, __ATOMIC_RELAXED) ||
	    bide__timers_soonest(&loop->timers) <= loop->now_ns)
		return false;
	loop->lap_left = loop->nready;
	loop->turn_left -= loop->turn_left < loop->lap_left ? loop->turn_left : loop->lap_left;
	return true;
}

static struct bide__task *pop_ready(bide_loop *loop)
{
	struct bide__task *task = bide__queue_pop(&loop->ready);
	loop->nready--;
	loop->lap_left--;
	if (task->next != NULL)
		__builtin_prefetch(task->next);
	return task;
}

/* The stack that the current task runs on, if another one could need it. */
static inline const struct bide__stack *shared_here(const bide_loop *loop)
{
	const struct bide__task *task = loop->current;
	return task->flags & BIDE__TASK_LIGHT ? loop->shared[task->shared] : NULL;
}

/* Makes a task ready to be gone on with from here; false if only the scheduler can. Where a task
 * has ended nothing is left to come back to, so another can begin only in its place, on the stack
 * that was just given back: one more stack would be taken in vain. */
__attribute__((noinline)) static bool prepare(bide_loop *loop, struct bide__task *task,
                                              const struct bide__stack *ended)
{
	if (loop->stepwise)
		return false;
	if (!(task->flags & BIDE__TASK_STARTED)) {
		const struct bide__stack *stack = bide__next_stack(loop, task);
		return (ended != NULL ? stack == ended : stack != NULL) &&
		       bide__begin(loop, task) == 0;
	}
	if (bide__light_resident(loop, task))
		return true;
	const struct bide__stack *here = ended != NULL ? ended : shared_here(loop);
	return loop->shared[task->shared] != here && bide__light_enter(loop, task) == 0;
}

/* The next task, ready to be gone on with from the stack that runs, which is @p ended if it is that
 * of a task that has ended, else NULL. NULL for the scheduler, which can do all that could not be
 * done from here. */
static inline struct bide__task *next_task(bide_loop *loop, const struct bide__stack *ended)
{
	if (__builtin_expect(loop->lap_left == 0, 0) && !next_lap(loop))
		return NULL;
	struct bide__task *task = loop->ready.head;
	const uint16_t kind = task->flags & (BIDE__TASK_STARTED | BIDE__TASK_LIGHT);
	if ((kind != BIDE__TASK_STARTED || loop->stepwise) && !prepare(loop, task, ended))
		return NULL;
	return pop_ready(loop);
}

/* ---- parking ------------------------------------------------------------------------------ */

/* Leaves the current task, whose state says when it goes on, and returns when it does: what it was
 * woken with, or the cancellation.
 *
 * All parks go through here, so that the processor predicts where a switch leads. What lies on the
 * stack of a parked task is kept for each of a million of them: this function and its callers keep
 * next to nothing there. */
__attribute__((noinline)) static int leave(void)
{
	bide_loop *loop = bide__loop;
	int saved_errno = *loop->errno_at;
	struct bide__task *task = loop->current, *next = next_task(loop, NULL);
	if (next != task) {
		void *sp = loop->sp;
		loop->current = next;
		if (next != NULL) {
			next->state = BIDE__RUNNING;
			sp = next->sp;
		}
		bide__switch(loop, next, &task->sp, sp);
		*loop->errno_at = saved_errno;
	}
	task->state = BIDE__RUNNING;
	int result = (int)(intptr_t)task->object;
	return __builtin_expect(result == BIDE__CUT, 0) ? bide__deliver() : result;
}

/* A park that tests watch, or of a task that is cancelled already. */
__attribute__((noinline, cold)) static void look_at_park(void)
{
	bide_loop *loop = bide__loop;
	struct bide__task *task = loop->current;
	if (task->flags & BIDE__TASK_PENDING)
		bide__cut_wait(loop, task);
	if (loop->on_park != NULL)
		loop->on_park(loop, task);
}

/* In the child of a fork nobody else runs: the task does not wait, whatever it waits for. */
__attribute__((noinline, cold)) static int park_oddly(void)
{
	bide_loop *loop = bide__loop;
	struct bide__task *task = loop->current;
	if (!loop->forked) {
		look_at_park();
		return leave();
	}
	if (task->wait->cut != NULL)
		task->wait->cut(loop, task);
	task->state = BIDE__RUNNING;
	return bide__deliver();
}

int bide__park(bide_loop *loop, const struct bide__wait *wait, void *object)
{
	struct bide__task *task = loop->current;
	task->wait = wait;
	task->object = object;
	task->state = BIDE__WAITING;
	task->flags &= (uint16_t)~BIDE__TASK_CUT;
	if (__builtin_expect((task->flags & BIDE__TASK_PENDING) || loop->on_park != NULL, 0))
		return park_oddly();
	return leave();
}

int bide__yield(bide_loop *loop)
{
	struct bide__task *task = loop->current;
	task->object = NULL; /* what leave() returns */
	bide__make_ready(loop, task);
	if (__builtin_expect(loop->on_park != NULL, 0))
		look_at_park();
	return leave();
}

int bide__refuse(bide_loop *loop, const struct bide__wait *wait)
{
	struct bide__task *task = loop->current;
	bide__count_ignored(loop, task, wait->name);
	if (loop->forked)
		return bide__deliver();
	task->wait = wait;
	task->object = (void *)(intptr_t)BIDE__CUT;
	bide__make_ready(loop, task);
	return leave();
}

int bide__begin_call(const struct bide__wait *call)
{
	const struct bide__task *task = bide__suspending(call);
	return task->flags & BIDE__TASK_PENDING ? bide__refuse(bide__loop, call) : 0;
}

__attribute__((noinline)) static void wake_stand_in(bide_loop *loop, struct bide__task *task,
                                                    int result)
{
	struct bide__stand_in *stand_in = BIDE__CONTAINER(task, struct bide__stand_in, task);
	stand_in->woken(loop, stand_in, result);
}

void bide__wake(bide_loop *loop, struct bide__task *task, int result)
{
	if (__builtin_expect(task->state == BIDE__STANDS_IN, 0)) {
		wake_stand_in(loop, task, result);
		return;
	}
	task->object = (void *)(intptr_t)result;
	bide__make_ready(loop, task);
}

/* Whoever is about to hand over to a parked task looks at its stack: this one's is itself. */
void bide__stand_in_init(struct bide__stand_in *stand_in, const struct bide__task *task,
                         void (*woken)(bide_loop *, struct bide__stand_in *, int))
{
	*stand_in = (struct bide__stand_in){ .task = { .state = BIDE__STANDS_IN,
		                                       .sp = stand_in,
		                                       .fn = task->fn,
		                                       .extra = task->extra,
		                                       .slot = task->slot,
		                                       .generation = task->generation },
		                             .woken = woken };
}

/* ---- ending ------------------------------------------------------------------------------- */

void *bide__after_end(bide_loop *loop, const struct bide__stack *ended)
{
	struct bide__task *next = next_task(loop, ended);
	loop->current = next;
	if (next == NULL)
		return loop->sp;
	next->state = BIDE__RUNNING;
	if (next->sp == NULL)
		bide__renew(loop);
	return next->sp;
}

/* ---- a step ------------------------------------------------------------------------------- */

static void run(bide_loop *loop, struct bide__task *task)
{
	loop->current = task;
	task->state = BIDE__RUNNING;
	bide__switch(loop, task, &loop->sp, task->sp);
}

/* Puts a task that cannot run for lack of memory behind the others. The one that is in the way goes
 * before its turn: its end would make room, and nobody else's on that stack can. */
static void put_back(bide_loop *loop, struct bide__task *task)
{
	struct bide__task *other = loop->in_the_way;
	bide__make_ready(loop, task);
	loop->starved++;
	if (other->state != BIDE__READY)
		return;
	bide__queue_remove(&loop->ready, other);
	loop->nready--;
	loop->starved = 0;
	run(loop, other);
}

static void step(bide_loop *loop, struct bide__task *task)
{
	int rc = 0;
	if (!(task->flags & BIDE__TASK_STARTED))
		rc = bide__begin(loop, task);
	else if ((task->flags & BIDE__TASK_LIGHT) && loop->light != BIDE_LIGHT_STRICT)
		rc = bide__light_enter(loop, task);
	if (rc == -EAGAIN)
		put_back(loop, task);
	if (rc < 0)
		return;
	loop->starved = 0;
	run(loop, task);
}

/* Reports a step that held everybody else up. */
static void check_step(bide_loop *loop, const char *name, uint64_t began_ns)
{
	uint64_t took = bide__clock(loop) - began_ns;
	if (loop->debug && took > SLOW_STEP_NS)
		bide__report(BIDE_REPORT_SLOW, 0, name, "held the loop for %llu ms",
		             (unsigned long long)(took / 1000000));
}

/* The task, and its name with it, may be gone after its step. */
static void keep_name(const bide_loop *loop, const struct bide__task *task, char *name)
{
	struct bide__text text = { name, name + NAME_MAX_SHOWN - 1 };
	if (loop->debug)
		bide__put(&text, bide__name(task));
	*text.at = '\0';
}

/* A step in a mode in which every step passes through here. */
static void watched_step(bide_loop *loop, struct bide__task *task)
{
	uint32_t slot = task->slot, generation = task->generation;
	char name[NAME_MAX_SHOWN];
	bool light = (task->flags & BIDE__TASK_LIGHT) != 0;
	keep_name(loop, task, name);
	if (light && loop->light == BIDE_LIGHT_STRICT && (task->flags & BIDE__TASK_STARTED))
		bide__strict_show(task);
	uint64_t began = bide__clock(loop);
	step(loop, task);
	bide__bury_fiber(loop);
	check_step(loop, name, began);
	task = bide__record_at(&loop->pool, slot);
	if (!light || task == NULL || task->generation != generation || task->state == BIDE__DONE ||
	    task->state == BIDE__FREE || !(task->flags & BIDE__TASK_STARTED))
		return;
	if (loop->light == BIDE_LIGHT_STRICT)
		bide__strict_hide(task);
	else if (loop->light == BIDE_LIGHT_EVICT && bide__light_resident(loop, task))
		bide__light_evict_now(loop, task);
}

/* ---- a turn ------------------------------------------------------------------------------- */

/* Puts the tasks of the next lap in a random order. Without memory for that they keep theirs. */
static void shuffle(bide_loop *loop)
{
	size_t n = loop->nready, i = 0;
	struct bide__task **tasks = bide__malloc(n * sizeof(struct bide__task *));
	if (tasks == NULL)
		return;
	while (i < n)
		tasks[i++] = bide__queue_pop(&loop->ready);
	for (i = n; i > 1; i--) {
		size_t j = (size_t)bide__random_below(&loop->random, i);
		struct bide__task *task = tasks[j];
		tasks[j] = tasks[i - 1];
		tasks[i - 1] = task;
	}
	for (i = 0; i < n; i++)
		bide__queue_push(&loop->ready, tasks[i]);
	bide__free(tasks);
}

static void run_turn(bide_loop *loop)
{
	loop->turn_left = loop->turn_steps;
	loop->lap_left = loop->nready;
	if (loop->options.shuffle && loop->nready > 1)
		shuffle(loop);
	while (loop->lap_left > 0 || next_lap(loop)) {
		struct bide__task *task = pop_ready(loop);
		if (loop->stepwise)
			watched_step(loop, task);
		else
			step(loop, task);
	}
}

static void wake_sleeper(bide_loop *loop, struct bide__task *task)
{
	if (task->flags & BIDE__TASK_LIGHT)
		bide__light_prefetch(task);
	bide__wake(loop, task, 0);
}

static void fire_timers(bide_loop *loop)
{
	struct bide__timer *timer;
	loop->fired = 0;
	while ((timer = bide__timers_pop(&loop->timers, loop->now_ns)) != NULL) {
		loop->fired++;
		if (timer->kind == BIDE__TIMER_SLEEP)
			wake_sleeper(loop, bide__sleeper(timer));
		else if (timer->kind == BIDE__TIMER_SCOPE)
			bide__scope_expired(loop, timer);
		else
			bide__report_stuck(loop);
	}
}

/* Under the virtual clock a lap is a turn, so that what happens does not depend on real time; and
 * when ready tasks are shuffled, which is done once a turn. */
static void adapt_turn(bide_loop *loop, uint64_t took_ns)
{
	if (loop->options.backend == BIDE_BACKEND_VIRTUAL || loop->stepwise ||
	    loop->options.shuffle)
		loop->turn_steps = 0;
	else if (took_ns > TURN_LONG_NS)
		loop->turn_steps /= 2;
	else if (took_ns < TURN_SHORT_NS && loop->turn_steps < TURN_STEPS_MAX)
		loop->turn_steps = 2 * loop->turn_steps + 1;
}

static void new_turn(bide_loop *loop)
{
	uint64_t began = loop->now_ns;
	bool blocked = bide__collect(loop);
	loop->now_ns = bide__clock(loop);
	loop->compared_ns = 0;
	if (!blocked)
		adapt_turn(loop, loop->now_ns - began);
	if (__atomic_exchange_n(&loop->attention, false, __ATOMIC_ACQUIRE))
		bide__attend(loop);
	fire_timers(loop);
}

/* In the child of a fork it is when whoever forked has ended. */
static bool is_over(const bide_loop *loop)
{
	return loop->live == 0 || loop->forked;
}

void bide__run_loop(bide_loop *loop)
{
	loop->now_ns = bide__clock(loop);
	loop->turn_steps = 0;
	bide__control_get(&loop->control);
	bide__tell_scheduler(loop);
	while (!is_over(loop)) {
		run_turn(loop);
		bide__trim(loop);
		if (!is_over(loop))
			new_turn(loop);
	}
}
