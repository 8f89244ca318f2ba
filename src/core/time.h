/* SPDX-License-Identifier: MIT */
/* time.h: the loop's clock, and the deadlines of sleeps. */
#ifndef BIDE_CORE_TIME_H
#define BIDE_CORE_TIME_H

#include "core/loop.h"

/* A time on the loop's clock: nanoseconds, and a fraction of one in units of 2^-64 that orders
 * deadlines within the same nanosecond. A timer fires at the end of its nanosecond. */
struct bide__deadline {
	uint64_t ns; /* UINT64_MAX: never */
	uint64_t fraction;
};

/* The system's monotonic clock, in nanoseconds. */
uint64_t bide__monotonic(void);

/* The loop's clock, read now. */
uint64_t bide__clock(const bide_loop *loop);

/* The time @p seconds (more than 0) after @p from_ns. Exact and so monotone: of two sleeps from
 * the same moment the shorter ends first, however little shorter it is. */
struct bide__deadline bide__after(uint64_t from_ns, double seconds);

/* The task whose sleep a timer ends. */
struct bide__task *bide__sleeper(struct bide__timer *timer);

/* Whether a parked task sleeps until its timer is due. */
bool bide__is_asleep(const struct bide__task *task);

#endif
