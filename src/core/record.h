/* SPDX-License-Identifier: MIT */
/* record.h: what a task, a scope, a group and a set of awaited tasks are in memory.
 *
 * Invariants: records live in the loop's pool, never on a task's stack, so that a light task's
 * frames may be moved away. A task is on at most one list through `next`/`prev`: the ready queue,
 * the list of what it waits for, or, ended, the queue of those not yet looked at. */
#ifndef BIDE_CORE_RECORD_H
#define BIDE_CORE_RECORD_H

#include "base/timers.h"
#include "core/beside.h"
#include "core/sanitizers.h"

#include <bide.h>

struct bide__stack;
struct bide__task;

/* The comments of the layouts below are lined up by hand. */
/* clang-format off */

enum bide__task_state {
	BIDE__FREE,
	BIDE__READY,
	BIDE__RUNNING,
	BIDE__WAITING,
	BIDE__DONE,
	BIDE__STANDS_IN /* of a struct bide__stand_in */
};

enum bide__task_flags {
	BIDE__TASK_LIGHT = 1 << 0,     /* runs on a shared stack */
	BIDE__TASK_STARTED = 1 << 1,   /* its body has begun: sp and the rest are valid */
	BIDE__TASK_PENDING = 1 << 2,   /* a cancellation is in force where it stands */
	BIDE__TASK_ASKED = 1 << 3,     /* itself was asked to stop */
	BIDE__TASK_DELIVERED = 1 << 4, /* a cancellation from outside its own scopes reached it */
	BIDE__TASK_FAILED = 1 << 5,    /* called bide_fail() */
	BIDE__TASK_DETACHED = 1 << 6,  /* nobody holds the handle */
	BIDE__TASK_RETRIEVED = 1 << 7, /* its failure is known to somebody */
	BIDE__TASK_BOXED = 1 << 8,     /* arguments and result are in a box of their own */
	BIDE__TASK_MAIN = 1 << 9,      /* the run ends when it does */
	BIDE__TASK_HELD = 1 << 10,     /* in a limited group, waits for its turn to begin */
	BIDE__TASK_CUT = 1 << 11,      /* the wait it is in has been told of a cancellation */
	BIDE__TASK_LENT = 1 << 12,     /* given out by its group */
	BIDE__TASK_AT_EXIT = 1 << 13,  /* was alive when the main task ended */
	BIDE__TASK_QUEUED = 1 << 14,   /* ended, and in the done queue of its group or of a set */
	BIDE__TASK_OWED = 1 << 15,     /* ended, its awaiter has not taken it, its group waits */
};

/* Room in the record for arguments before the first run and for the result after the end. */
enum { BIDE__INLINE_DATA = 48 };

/*   128 bytes:
 *
 *    0      16      24                                 72   80      88       104       112
 *   | list | flags | sp stack wait scope object timer | fn | group | older   | awaiter | extra |
 *                  | before: arguments; after: result |    |       | younger |         | slot… |
 */
struct bide__task {
	struct bide__task *next, *prev; /* the one list that it is on */
	uint16_t flags;                 /* enum bide__task_flags */
	int16_t error;                  /* what it failed with, 0 if it did not */
	uint8_t state;                  /* enum bide__task_state */
	uint8_t frames_class;           /* light: size class of `frames`; others: number of the
	                                 * stack class, until the first run */
	uint16_t shields : 12;          /* shields open outside all of its scopes */
	uint16_t shared : 4;            /* light: which shared stack it runs on */
	union {
		struct { /* from the first run to the end */
			void *sp; /* stack pointer while it does not run */
			union {
				struct bide__stack *stack; /* full: its own */
				void *frames;              /* light: its moved frames, or NULL */
			};
			const struct bide__wait *wait; /* parked: in which call */
			struct bide_scope *scope;      /* innermost scope, NULL if none */
			union {
				void *object;      /* parked: what for; woken: the result */
				uint64_t fraction; /* asleep: see struct bide__fine_timer */
			};
			union {
				struct bide__timer timer; /* asleep: its deadline */
				unsigned char item[8];    /* in a queue: what it puts or gets, */
				void *parcel; /* or a block for it, if that is larger */
			};
		};
		unsigned char data[BIDE__INLINE_DATA]; /* arguments before, result after */
	};
	const bide__function *fn;          /* what it runs */
	struct bide_group *group;          /* that it belongs to, or NULL */
	struct bide__task *older, *younger; /* siblings in the group */
	union {
		struct bide__task *awaiter; /* the task that waits for its end, or NULL */
		uintptr_t awaiter_tag;      /* low bit set: a struct bide__set instead */
	};
	struct bide__extra *extra; /* what few tasks have: name, locals, callbacks; or NULL */
	uint32_t slot;             /* its number in the loop's table */
	uint32_t generation : 22;  /* counts the uses of the slot */
	uint32_t ignored : 10;     /* cancellations returned in a row */
#if defined(BIDE__TSAN)
	void *fiber; /* ThreadSanitizer's name for this stack */
#endif
};

/* struct bide__queue is a queue of tasks through `next`, first in, first out; all zero: empty. */

static inline void bide__queue_push(struct bide__queue *queue, struct bide__task *task)
{
	task->next = NULL;
	task->prev = queue->tail;
	if (queue->head == NULL)
		queue->head = task;
	else
		queue->tail->next = task;
	queue->tail = task;
}

static inline struct bide__task *bide__queue_pop(struct bide__queue *queue)
{
	struct bide__task *task = queue->head;
	if (task != NULL)
		queue->head = task->next;
	return task;
}

/* Takes a task out of the middle. */
static inline void bide__queue_remove(struct bide__queue *queue, struct bide__task *task)
{
	if (queue->head == task)
		queue->head = task->next;
	else
		task->prev->next = task->next;
	if (queue->tail == task)
		queue->tail = queue->head == NULL ? NULL : task->prev;
	else
		task->next->prev = task->prev;
}

/* A cancel scope. Scopes of one task form a list from the innermost outward; the outermost's
 * surroundings are those of the group that the task was spawned in. */
struct bide_scope {
	struct bide_scope *outer;  /* next one outward in the same task, or NULL */
	struct bide__task *owner;  /* the task inside which it was opened */
	uint64_t fraction;         /* of its deadline: see struct bide__fine_timer */
	struct bide__timer timer;  /* of its deadline */
	uint64_t deadline_ns;      /* UINT64_MAX: none */
	int16_t code;              /* 0, or what it was cancelled with */
	bool delivered;            /* a call inside returned because of it */
	bool is_group;             /* it is the first member of a struct bide_group */
	uint16_t shields;          /* shields open directly inside it */
};

enum { BIDE__SHIELDS_MAX = (1 << 12) - 1 };

/* Tasks whose ends somebody waits for: a group's, or those of gather, wait, as_completed. */
struct bide__set {
	struct bide__queue done;   /* ended, not yet looked at, in the order of completion */
	struct bide__task *waiter; /* parked on this set, or NULL */
	size_t live;               /* not yet ended */
	size_t owed;               /* a group's: ended, but not yet taken by who awaits them */
	size_t failed;             /* ended with a failure */
	enum bide_wait_until until; /* what the waiter is woken for */
};

struct bide_group {
	struct bide_scope scope;      /* the group as a scope around its body and tasks */
	struct bide__set set;         /* ends of its tasks */
	struct bide__task *oldest;    /* all its tasks that have not been freed, oldest first */
	struct bide__task *youngest;
	struct bide__queue held;      /* wait for others to end, because of the limit */
	size_t running;               /* live and not held */
	size_t asking;                /* tasks in bide_group_next() */
	bide_group_options options;
	int error;                    /* the first failure, 0 if none */
	bool cut;                     /* a cancellation from outside reached its tasks or its end */
	bool cancelled;               /* by bide_group_cancel() or a failure */
};

/* What waits in a task's place where only tasks can: an arm of a select; who waits, for another
 * loop, for a task's end. It is a task only to those that keep the list it is on and wake it: it is
 * in no table and never runs. */
struct bide__stand_in {
	struct bide__task task; /* its state is BIDE__STANDS_IN */
	/* Called in place of being made ready. It may free the record. */
	void (*woken)(bide_loop *loop, struct bide__stand_in *stand_in, int result);
};

/* What only few tasks have, made on demand. */
struct bide__extra {
	void *box;                     /* BOXED: arguments before, result after */
	char *name;                    /* own name, NULL: the function's */
	struct bide__locals *locals;   /* task-local values, NULL if none was ever set */
	struct bide__done_call *calls; /* to be made at the end, oldest first */
	bool calling;                  /* they are being made */
};

static inline struct bide_group *bide__group_of_scope(struct bide_scope *scope)
{
	return (struct bide_group *)scope;
}

static inline bool bide__task_ended(const struct bide__task *task)
{
	return task->state == BIDE__DONE;
}

/* clang-format on */

#endif
