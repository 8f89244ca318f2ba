/* SPDX-License-Identifier: MIT */
/* asleep.h: many tasks asleep at the same time, and what they take: for bench/million, which tells
 * it to people, and the rows of bench/core.
 *
 * Both functions are called in a full task. Those who call see to it that the figures are right:
 * results out of order, tasks not asleep at once and stacks without a guard are not. */
#ifndef BENCH_ASLEEP_H
#define BENCH_ASLEEP_H

#include <bide.h>

#include <stdbool.h>

/* What is found while all are asleep, and after. Memory is VmRSS and VmPTE, time in seconds. */
struct asleep {
	long peak;         /* the most tasks that were asleep at once */
	double parked_s;   /* from before the first spawn until all were asleep */
	double before;     /* bytes of the process before the first spawn, */
	double bytes;      /* and how many more when all were asleep */
	double longest;    /* the longest delay */
	double late_s;     /* from the moment that the sleeps count from, less the longest delay */
	double wall_s;     /* from before the first spawn until the last result, or end */
	double cpu_s;      /* CPU time of the process in that time */
	long out_of_order; /* results smaller than the one before */
	long guarded;      /* stacks with a guard below them */
};

/* Who wants to see more than the end; either may be NULL. */
struct onlooker {
	void (*parked)(const struct asleep *so_far, long n); /* all are asleep */
	void (*result)(long taken, long n);                  /* one more has ended */
};

/* Has n tasks sleep a random time up to max_delay and takes the results as they come.
 * @return 0, or what the group failed with. */
int sleep_and_take(bool light, long n, double max_delay, const struct onlooker *onlooker,
                   struct asleep *ret);

/* The size of stack for which full tasks are counted by the million: with its guard as little as
 * can be addressed. */
enum { FULL_STACK_SIZE = 64 * 1024 };

/* Has n full tasks with stacks of that size sleep until they are cancelled, and looks for the guard
 * of each. @return 0, -ENOMEM, or what the group failed with. */
int sleep_on_stacks(long n, size_t stack_size, const struct onlooker *onlooker, struct asleep *ret);

#endif
