/* SPDX-License-Identifier: MIT */
/* On which processors a thread may run, and tying it to one of them.
 *
 * A thread inherits from the one that starts it where it may run. Who starts one that has work of
 * its own loosens the tie meanwhile, or both would be on one processor for good.
 *
 * This file must know nothing of what the threads do. */
#ifndef BIDE_BASE_PROCESSORS_H
#define BIDE_BASE_PROCESSORS_H

#include <sched.h>

/* As many as Linux can have. */
enum { BIDE__PROCESSORS_MAX = 8192 };

struct bide__processors {
	cpu_set_t sets[BIDE__PROCESSORS_MAX / CPU_SETSIZE]; /* one set, in several parts */
	unsigned count; /* of those in it; 0 when the system does not say */
	unsigned first; /* of these: the one on which the thread was that asked */
};

/* Finds out where this thread may run, tied or not. */
void bide__processors_get(struct bide__processors *ret_processors);

/* Returns how many that are, or, when the system does not say, how many it has: at least 1. */
unsigned bide__processors_count(const struct bide__processors *processors);

/* Ties this thread to one of some processors: the number counts on from `first`, and around. Where
 * the system does not let it, nothing happens. They stay until it is untied. */
void bide__processors_tie(const struct bide__processors *among, unsigned number);

/* Has it run on all of these again. */
void bide__processors_untie(void);

/* For a moment, if it is tied at all. */
void bide__processors_loosen(void);
void bide__processors_tighten(void);

#endif
