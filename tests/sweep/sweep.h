/* SPDX-License-Identifier: MIT */
/* The sweeps: each scenario, a small program, is run again and again, struck at another point each
 * time: a cancellation at its k-th suspension, or a failure of its k-th allocation. Wherever it is
 * struck, it ends with the right result or with an error, and leaves nothing behind: no task, no
 * memory, no stack, no operation in flight.
 *
 * A scenario is a block that returns a number:
 *
 *     SCENARIO(a_sleep, 7)
 *     {
 *             int rc = bide_sleep(1);
 *             return rc < 0 ? rc : 7;
 *     }
 *
 * It is run in the main task. It returns the number announced or, when it was struck, the error
 * that it met; no handle may be lost on the way. What must hold wherever it is struck it says by
 * HOLDS(). Each scenario is a test of each of the programs that it is linked to, which say in
 * sweep_scenario() by what it is struck. */
#ifndef SWEEP_H
#define SWEEP_H

#include "harness/test.h"

#include <bide.h>
#include <errno.h>

enum sweep_flags {
	SWEEP_LIGHT_MAIN = 1 << 0, /* the main task is a light one */
	SWEEP_FDS = 1 << 1,        /* needs a backend that waits for descriptors, and real time */
	SWEEP_TWICE = 1 << 2,      /* the loop is run a second time before it is closed */
	SWEEP_SHUFFLE = 1 << 3     /* ready tasks run in a random order */
};

struct scenario {
	const char *name;
	int (*body)(void);   /* of the main task */
	int expected;        /* what that returns when nothing strikes */
	unsigned flags;      /* enum sweep_flags */
	void (*after)(void); /* or NULL: looks at the tally when the run is over */
};

/* What the tasks of a run count; all zero when it begins. */
struct sweep_tally {
	int entered, left;        /* bodies of tasks that began, and that came to their end */
	int acquired, released;   /* something that is to be given back, once */
	int set, destroyed;       /* task-local values */
	int asked, called;        /* calls that were asked for, and that were made */
	int running, running_max; /* tasks at once */
	int extra[4];             /* whatever else a scenario counts */
};

extern struct sweep_tally tally;

/* What the program strikes a scenario by, at every point or at a sample of them. */
void sweep_scenario(const struct scenario *scenario);

/* Whether an allocation may fail in this run, and whether anything may be cancelled. */
bool sweep_starves(void);
bool sweep_cancels(void);

/* Whether a failure has gone to the report handler. */
bool sweep_reported(void);

/* Says whether a result is one that the strike explains: 0 and up, or its error. */
bool sweep_explained(int rc);

/* Records what does not hold, with the point at which the scenario was struck, and goes on. */
#define HOLDS(cond) sweep_holds(!!(cond), __FILE__, __LINE__, #cond)

void sweep_holds(bool holds, const char *file, int line, const char *what);

#define SCENARIO(name, expected) SCENARIO_WITH(name, expected, 0, NULL)
#define SCENARIO_WITH(name, expected, flags, after) \
	static int sweep__body_##name(void); \
	TEST(name) \
	{ \
		static const struct scenario scenario = { #name, sweep__body_##name, expected, \
			                                  flags, after }; \
		sweep_scenario(&scenario); \
	} \
	static int sweep__body_##name(void)

#endif
