// SPDX-License-Identifier: MIT
/* fetch_percentiles.c: see fetch_percentiles.h. */
#include "fetch_percentiles.h"

#include <math.h>

enum { BITS = 6 }; /* 64 steps */

static unsigned bucket_of(uint64_t ns)
{
	if (ns < FETCH_STEPS)
		return (unsigned)ns;
	const unsigned power = 63u - (unsigned)__builtin_clzll(ns);
	const unsigned step = (unsigned)(ns >> (power - BITS)) & (FETCH_STEPS - 1);
	const unsigned bucket = (power - BITS + 1) * FETCH_STEPS + step;
	return bucket < FETCH_BUCKETS ? bucket : FETCH_BUCKETS - 1;
}

/* The most that is counted in a bucket. */
static uint64_t end_of(unsigned bucket)
{
	if (bucket < FETCH_STEPS)
		return bucket;
	const unsigned shift = bucket / FETCH_STEPS - 1;
	const uint64_t begin = (uint64_t)(FETCH_STEPS + bucket % FETCH_STEPS) << shift;
	return begin + ((uint64_t)1 << shift) - 1;
}

void fetch_times_add(struct fetch_times *times, double seconds)
{
	const double ns = seconds * 1e9;
	const uint64_t whole = ns > 0 ? ns < 1e18 ? (uint64_t)ns : (uint64_t)1e18 : 0;
	times->n++;
	if (whole > times->longest)
		times->longest = whole;
	times->buckets[bucket_of(whole)]++;
}

double fetch_times_at(const struct fetch_times *times, double fraction)
{
	const double rank = ceil(fraction * (double)times->n);
	uint64_t before = 0;
	for (unsigned i = 0; i < FETCH_BUCKETS && times->n > 0; i++) {
		before += times->buckets[i];
		if (before > 0 && (double)before >= rank) {
			const uint64_t end = end_of(i);
			return 1e-9 * (double)(end < times->longest ? end : times->longest);
		}
	}
	return 1e-9 * (double)times->longest;
}
