/* SPDX-License-Identifier: MIT */
/* interleave_inside.h: what the explorer of interleavings, interleave_kit.c, and what it has the
 * code under test call, interleave_calls.c, know of each other. */
#ifndef INTERLEAVE_INSIDE_H
#define INTERLEAVE_INSIDE_H

#include "core/interleave_kit.h"

#include "core/context.h"
#include "core/sanitizers.h"

enum {
	THREADS = 8,
	STEPS = 2000, /* of an execution; one that takes more is taken for one without end */
	STACK_SIZE = 128 * 1024,
	LOCKS = 16,
	BLOCKS = 64,
	AREA_SIZE = 16 * 1024, /* memory for each thread, and for set_up() */
	FREED = 0xa5,          /* what freed memory is filled with */
	NOBODY = -1
};

enum kind {
	BEGIN, /* of a thread */
	LOAD,
	STORE,
	EXCHANGE,
	COMPARE, /* and exchange */
	ADD,
	OR,
	AND,
	LOCK,
	TRYLOCK,
	UNLOCK,
	DESTROY,
	BLOCK,  /* the first half of a wait, */
	RETURN, /* and the second */
	WAKE,
	AWAIT,  /* interleave_await() */
	CHANGE, /* the end of a sched_yield() */
	JOIN,
	END, /* of a thread */
	FREE
};

/* What an access does to the memory that it touches. */
enum { READS = 1, WRITES = 2, QUEUES = 4 /* joins, leaves or wakes those that wait there */ };

struct access {
	enum kind kind;
	uintptr_t at, size;            /* the memory that it touches */
	uint64_t value;                /* to be stored, or expected to be there */
	struct interleave_place place; /* for messages, and for mutants */
};

/* The last step of each thread that happened before, or NOBODY. */
struct clock {
	int16_t of[THREADS];
};

struct thread {
	const char *name;
	void *(*body)(void *arg);
	void *arg;          /* of that */
	void *sp;           /* where it goes on; NULL: it has not begun */
	struct access next; /* which it is about to make, or makes */
	struct clock clock; /* of its last step */
	int last;           /* that, or NOBODY */
	bool ended;
	bool may_wait;        /* for ever */
	struct access loaded; /* what it has loaded last, with its value */

	/* A wait. */
	uintptr_t waits_at;       /* 0: in none */
	unsigned ticket;          /* first come, first woken */
	bool timed;               /* it has a time-out that may be reached */
	bool woken;               /* and has yet to return */
	struct clock woken_after; /* what had happened then */
	unsigned timeouts;        /* that may still be reached */

	/* What a mutant puts off. */
	struct access late;
	bool is_late;
	unsigned put_off; /* by so many accesses more */
};

struct step {
	int chosen;           /* who makes it */
	struct access access; /* that it makes */
	unsigned effects;     /* of that */
	struct clock clock;   /* of itself */
	unsigned alive, able; /* before it: threads, and those of them that could go on */
	unsigned wanted;      /* those to be tried here, */
	unsigned tried;       /* of which these have been, */
	unsigned asleep;      /* and these need not be */
	int preemptions;      /* before it */
};

struct lock {
	uintptr_t at; /* 0: none */
	int owner;    /* or NOBODY */
};

struct block {
	unsigned char *at;
	size_t size;
	bool freed;
};

/* All that there is to know. */
struct interleave__explorer {
	const struct interleave_scenario *scenario;
	struct interleave_result *result; /* where it is told */
	struct step steps[STEPS];
	int replayed; /* steps that are chosen already */

	/* Of one execution. */
	int depth; /* steps that have been begun */
	struct thread threads[THREADS];
	int nthreads;                 /* of these */
	struct thread *running;       /* NULL: the explorer */
	void *explorer_sp;            /* where that goes on */
	struct bide__control control; /* that threads begin with */
	bool abandoned;               /* as all that could go on sleep */
	unsigned tickets;             /* given to those that wait */
	unsigned refusals;            /* left */
	struct lock locks[LOCKS];     /* those that have been used */
	struct block blocks[BLOCKS];  /* those that have been had */
	unsigned nblocks;             /* of these */
	size_t used[THREADS + 1];     /* of each area */
};

extern struct interleave__explorer interleave__explorer;

/* In short. */
static struct interleave__explorer *const now = &interleave__explorer;

static inline unsigned bit(int thread)
{
	return 1U << thread;
}

static inline int number_of(const struct thread *thread)
{
	return (int)(thread - now->threads);
}

/* It is looked at before it is known that it must not be. */
static inline BIDE__UNWATCHED uint64_t get(uintptr_t at, size_t size)
{
	switch (size) {
	case 1:
		return *(const volatile uint8_t *)at;
	case 2:
		return *(const volatile uint16_t *)at;
	case 4:
		return *(const volatile uint32_t *)at;
	default:
		return *(const volatile uint64_t *)at;
	}
}

static inline void put(uintptr_t at, size_t size, uint64_t value)
{
	switch (size) {
	case 1:
		*(volatile uint8_t *)at = (uint8_t)value;
		break;
	case 2:
		*(volatile uint16_t *)at = (uint16_t)value;
		break;
	case 4:
		*(volatile uint32_t *)at = (uint32_t)value;
		break;
	default:
		*(volatile uint64_t *)at = value;
	}
}

/* ---- interleave_kit.c --------------------------------------------------------------------- */

/* Has the running thread wait for its turn to make an access, which it makes when this returns. */
void interleave__take_turn(struct access access);

/* The same, after what a mutant has put off until now. Outside of threads all is done at once. */
void interleave__before(struct access access);

/* ---- interleave_calls.c ------------------------------------------------------------------- */

/* Who has locked a mutex, to be changed; or NOBODY. */
int *interleave__owner_of(uintptr_t mutex);

/* Whether an address is in memory that has been freed. */
bool interleave__is_freed(uintptr_t at);

/* Fails when freed memory has been written to; and takes it all back, for the next execution. */
void interleave__check_freed(void);
void interleave__take_back(void);

#endif
