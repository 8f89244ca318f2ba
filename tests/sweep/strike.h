/* SPDX-License-Identifier: MIT */
/* Runs a scenario once, struck at one point, and looks at what is left: see strike.c. */
#ifndef SWEEP_STRIKE_H
#define SWEEP_STRIKE_H

#include "sweep/sweep.h"

/* What happens at the k-th point. */
enum strike_kind {
	STRIKE_ALLOC,     /* an allocation fails */
	STRIKE_CALL,      /* a system call does, or an operation of io_uring: see calls.h */
	STRIKE_TASK,      /* the task that is being suspended is cancelled */
	STRIKE_MAIN,      /* the main task is */
	STRIKE_SCOPES,    /* every scope that the task has open is, from the innermost outward */
	STRIKE_DEADLINES, /* every scope around it expires, from the outermost inward */
	STRIKE_ALL,       /* every task is cancelled */
	STRIKE_STORM      /* all of these, again and again, in the k-th of many ways */
};

struct strike {
	const struct scenario *scenario;
	enum strike_kind kind;
	enum bide_light light;
	enum bide_backend backend;
	long k; /* 1 is the first point; 0: at none */
};

/* Runs it and records whatever does not hold. Returns how many points it had. */
long strike_once(const struct strike *strike);

/* Runs it at each point, or at a sample, in every way in which the scenario can be run. */
void strike_sweep(const struct scenario *scenario, enum strike_kind kind);

#endif
