/* SPDX-License-Identifier: MIT */
/* fetch_percentiles.h: how times are distributed, in the same little memory however many there are:
 * each is counted with those that are as long to within 1/64. */
#ifndef TOOLS_FETCH_PERCENTILES_H
#define TOOLS_FETCH_PERCENTILES_H

#include <stdint.h>

/* Nanoseconds below 64 are counted one by one; from there on 64 steps lead from each power of two
 * to the next, up to that of 2^48, three days. */
enum { FETCH_STEPS = 64, FETCH_BUCKETS = (48 - 6 + 1) * FETCH_STEPS };

struct fetch_times {
	uint64_t n;
	uint64_t longest; /* nanoseconds */
	uint64_t buckets[FETCH_BUCKETS];
};

void fetch_times_add(struct fetch_times *times, double seconds);

/* The shortest time that a fraction of all does not exceed, in seconds, not less than it is and at
 * most 1/64 more; 0 when there is none. fetch_times_at(times, 1) is the longest. */
double fetch_times_at(const struct fetch_times *times, double fraction);

#endif
