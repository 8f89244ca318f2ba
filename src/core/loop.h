/* SPDX-License-Identifier: MIT */
/* loop.h: the event loop's record and the few functions on which every suspending call is
 * written: one way to park, one way to be woken, one place where a cancellation takes effect. */
#ifndef BIDE_CORE_LOOP_H
#define BIDE_CORE_LOOP_H

#include "base/random.h"
#include "core/context.h"
#include "core/fault_option.h"
#include "core/pool.h"
#include "core/record.h"
#include "core/stack.h"
#include "core/watch.h"

#include <limits.h>
#include <pthread.h>
#include <sys/types.h>

struct bide__backend;
struct bide__core;

enum {
	BIDE__SHARED_STACKS = 8, /* that light tasks take turns on */
	BIDE__IGNORED_MAX = 1000 /* cancellations in a row that a task may ignore in silence */
};

/* What timers are in; the `kind` of struct bide__timer. */
enum bide__timer_kind {
	BIDE__TIMER_SLEEP = BIDE__TIMER_FINE,     /* in a task's record */
	BIDE__TIMER_SCOPE = BIDE__TIMER_FINE | 1, /* in a scope's record */
	BIDE__TIMER_EXIT = 2                      /* the loop's */
};

/* What another thread hands to a loop: part of what it is about. `receive` is called on the loop's
 * thread, at the beginning of a turn; with NULL for a loop that has been closed, only to free. */
struct bide__mail {
	struct bide__mail *next;
	void (*receive)(bide_loop *loop, struct bide__mail *mail);
};

/* State words of cross-thread wake-up: see wake.c. */
enum { BIDE__AWAKE, BIDE__WOKEN, BIDE__ASLEEP };

/* The comments are lined up by hand. */
/* clang-format off */
struct bide_loop {
	/* What every switch touches. */
	struct bide__task *current; /* the running task, NULL on the scheduler's own stack */
	struct bide__queue ready;   /* tasks to be run */
	size_t nready;              /* their number */
	struct bide__queue cutting; /* parked tasks whose cancellation is still to be passed on */
	bool passing_on;            /* they are being seen to */
	size_t turn_left;           /* steps until time and I/O are looked at again */
	void *sp;                   /* the scheduler's stack pointer while a task runs */
	/* Kept apart from nready: counted down together, as one vector, they would stall on the
	 * store that just counted one of them up. */
	size_t lap_left;            /* steps until all that were ready have had their turn */
	int *errno_at;              /* this thread's errno; each task keeps its own */
	struct bide__control control; /* floating point control that tasks begin with */
	struct bide__cxx *cxx;      /* C++'s exceptions in flight on this thread, or NULL */
	bool stepwise;              /* every step passes the scheduler: debug, strict… */
	unsigned no_suspend;        /* depth of BIDE_NO_SUSPEND */
	struct bide__task *resident[BIDE__SHARED_STACKS]; /* whose frames are on a shared stack */
	struct bide__stack *shared[BIDE__SHARED_STACKS];  /* the shared stacks, NULL until needed */
	unsigned next_shared;       /* for the next light task */

	/* Time. */
	uint64_t now_ns;         /* the turn's time */
	uint64_t virtual_ns;     /* the virtual clock */
	uint64_t waited_ns;      /* for threads, in real time, since that was set */
	struct bide__timers timers;
	uint64_t armed_ticks;    /* when a sleep was last armed */
	uint64_t compared_ns;    /* the clock, when it and the next two were last read in this */
	uint64_t compared_ticks; /* turn; 0: no sleep has been armed yet */
	uint64_t compared_cpu_ns; /* the thread's CPU time */
	uint64_t page_faults;    /* the thread's, when they were last looked at */
	uint64_t bundle_ns;      /* how far apart turns begin at least while timers are dense */
	size_t fired;            /* timers at the beginning of this turn */
	size_t turn_steps;       /* how long turns are at present, in steps */

	/* Memory. */
	struct bide__pool pool;
	struct bide__stacks stacks;
	struct bide__stack_class *default_stacks; /* those of the default size, NULL until needed */
	uint16_t id;             /* number of the loop, part of its tasks' handles */

	/* The run. */
	bide_options options;
	struct bide__close_call *close_calls; /* to be made when it is closed, the last one first */
	struct bide__task *main; /* NULL when not running */
	bool ending;             /* the main task has ended */
	struct bide__timer exit_timer; /* then: when to report who does not end */
	bool deadlocked;         /* found that nothing can wake any task */
	bool running;
	bool forked;             /* this is the child of a fork: the loop is the parent's */
	bide_loop *outer;        /* one that was, and on one of whose stacks this one was opened */
	struct bide__core *core; /* its part in a run of several loops, or NULL */
	int spawn_error;         /* why the last spawn gave NULL */
	bool told_of_maps;       /* -BIDE_EMAPS has been reported */
	size_t live;             /* tasks that have not ended */
	size_t iterations;       /* by BIDE_AS_COMPLETED that are open */
	struct bide__task *in_the_way; /* whose frames could not be moved off their stack */
	size_t starved;          /* steps put off in a row for lack of memory */
	struct bide__random random; /* for the order of ready tasks, the choice of ready arms */
	void (*on_park)(bide_loop *loop, struct bide__task *task); /* tests: called at each park */
	/* Arguments on their way into a first run; a result on its way out. */
	_Alignas(16) unsigned char passing[BIDE_ARGS_MAX];

	/* Waiting. */
	const struct bide__backend *backend; /* NULL until a descriptor is waited for */
	void *backend_data;
	size_t in_flight;        /* operations that the backend has */
	unsigned unwaited;       /* calls on descriptors in a row that had to wait for nothing */
	struct bide__fd *fds;    /* by number; NULL until one has been waited for */
	size_t nfds;             /* numbers there is room for */
	size_t in_threads;       /* what tasks wait for from other threads: jobs, calls, channels */
	size_t in_channels;      /* of these, for channels */
	bool uses_threads;       /* there was one */
	size_t endless;          /* tasks that sleep until they are cancelled */
	size_t in_signals;       /* tasks that wait for signals */
	bide_signals *signals;   /* objects that watch for some, the newest first */

	/* What other threads touch. */
	struct bide__mail *inbox; /* atomic: see bide__send(); newest first */
	struct bide__mail *received; /* taken out of it and still to be seen to, oldest first */
	pthread_mutex_t lock;    /* guards closed, refs, and its end while it is being woken */
	bool closed;
	unsigned refs;           /* by bide_loop_ref(), plus one while it is open */
	uint32_t wake;           /* atomic: BIDE__AWAKE … */
	bool attention;          /* atomic: end the turn, there is something to see to */
	bool signalled;          /* atomic: a signal came that somebody here watches for */
	struct bide__watcher interrupt; /* for SIGINT, as what stops the main task */
	bool handles_interrupt;  /* SIGINT comes here, or to another of several, while this runs */
	bool interrupt_seen;     /* it, or another loop's failure, has cancelled the main task */

	pid_t thread;            /* that it belongs to */
	bide_loop *next;         /* in the list of all loops */
	bool debug;
	enum bide_light light;   /* never AUTO */
	bool watches_faults;
	struct bide__fault *fault; /* this thread's alternate signal stack */
#if defined(BIDE__ASAN)
	const void *scheduler_low; /* bounds of the scheduler's stack */
	size_t scheduler_size;
#elif defined(BIDE__TSAN)
	void *scheduler_fiber;
	void *dead_fiber; /* of the task that ended last */
#endif
};
/* clang-format on */

/* This thread's loop, or NULL. */
extern _Thread_local bide_loop *bide__loop __attribute__((tls_model("initial-exec")));

/* The same, unless it stays with the parent of this process. */
static inline bide_loop *bide__own_loop(void)
{
	return bide__loop != NULL && !bide__loop->forked ? bide__loop : NULL;
}

/* What a wait that was cut short by a cancellation is woken with. */
enum { BIDE__CUT = INT_MIN };

/* ---- sched.c ------------------------------------------------------------------------------ */

/* Puts a task into the ready queue. */
static inline void bide__make_ready(bide_loop *loop, struct bide__task *task)
{
	task->state = BIDE__READY;
#if BIDE__FAULT(LIFO_READY)
	task->next = loop->ready.head;
	if (loop->ready.head == NULL)
		loop->ready.tail = task;
	loop->ready.head = task;
#else
	bide__queue_push(&loop->ready, task);
#endif
	loop->nready++;
}

/* Aborts for a suspending call that was made where nothing can suspend. */
_Noreturn void bide__refuse_to_suspend(const char *call);

/* Aborts unless a task is running that may suspend in @p wait; returns it. */
static inline struct bide__task *bide__suspending(const struct bide__wait *wait)
{
	const bide_loop *loop = bide__loop;
	if (__builtin_expect(loop == NULL || loop->current == NULL || loop->no_suspend > 0, 0))
		bide__refuse_to_suspend(wait->name);
	return loop->current;
}

/* Parks the current task, which the caller has linked to what it waits for, in @p wait.
 * Returns what bide__wake() gave, or the cancellation; a wait that lasts to its end gives only the
 * former. */
int bide__park(bide_loop *loop, const struct bide__wait *wait, void *object);

/* Puts the current task behind all that are ready. Returns 0. */
int bide__yield(bide_loop *loop);

/* Makes a parked task ready; bide__park() returns @p result there. The caller has unlinked it. A
 * stand-in is told instead. */
void bide__wake(bide_loop *loop, struct bide__task *task, int result);

/* Makes a stand-in for a task, under whose name it is known; to be put on a list then. */
void bide__stand_in_init(struct bide__stand_in *stand_in, const struct bide__task *task,
                         void (*woken)(bide_loop *, struct bide__stand_in *, int));

/* Returns the cancellation from a call that began when one was in force already: passes once
 * through the ready queue, so that a loop that ignores results cannot freeze the others. */
int bide__refuse(bide_loop *loop, const struct bide__wait *wait);

/* Gives a task its stack and what a started task needs. 0; -EAGAIN to be tried later; or the error
 * that the task has ended with. Its `sp` is NULL until it parks: who goes on with it begins it. */
int bide__begin(bide_loop *loop, struct bide__task *task);

/* Returns the stack that bide__begin() would give a task first of all; NULL if none is made yet. */
const struct bide__stack *bide__next_stack(const bide_loop *loop, const struct bide__task *task);

/* Where each task begins, on its own stack; returns where the thread goes on after its end. */
void *bide__task_entry(void *arg);

/* Runs tasks until the main task and all others have ended. */
void bide__run_loop(bide_loop *loop);

/* Makes the next task the current one after one that has ended and has given back @p ended, the
 * stack that runs. Returns where to go on with it, or with the scheduler; NULL if it begins on that
 * stack. */
void *bide__after_end(bide_loop *loop, const struct bide__stack *ended);

#endif
