/* SPDX-License-Identifier: MIT */
/* The tasks that most scenarios are made of. Each counts in the tally that it began and ended. */
#ifndef SWEEP_TASKS_H
#define SWEEP_TASKS_H

#include "sweep/sweep.h"

/* Sleeps and returns the value; or the error of the sleep. */
BIDE_ASYNC(int, nap, double, int);
BIDE_ASYNC_LIGHT(int, light_nap, double, int);

/* As light_nap(), with so many bytes in its frame, whose content must not change meanwhile. */
BIDE_ASYNC_LIGHT(int, light_load, double, int, size_t);

/* Sleeps and fails. */
BIDE_ASYNC(int, fail_after, double, int);

/* Acquires something, sleeps, and gives it back within a shield, where nothing may be refused. */
BIDE_ASYNC(int, careful, double, int);

/* Sleeps, yields, and returns nothing. */
BIDE_ASYNC(void, quiet, double);

/* Adds a result to a sum, or keeps the first error. */
struct sum {
	int total;
	int error;
};

static inline void sum_add(struct sum *sum, int result)
{
	if (result >= 0)
		sum->total += result;
	else if (sum->error == 0)
		sum->error = result;
}

/* What a group gives as rc says more than what its tasks met in consequence. */
static inline void sum_of_group(struct sum *sum, int rc)
{
	if (rc < 0)
		sum->error = rc;
}

static inline int sum_result(const struct sum *sum)
{
	return sum->error < 0 ? sum->error : sum->total;
}

#endif
