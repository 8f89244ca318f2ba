/* SPDX-License-Identifier: MIT */
/* What tests of several loops share, beside what those of threads do: counting what a run leaves
 * behind, and waiting for calls from another loop. */
#ifndef CORES_KIT_H
#define CORES_KIT_H

#include "core/proc_kit.h"
#include "core/thread_kit.h"

#include <sched.h>

enum { MOST = 8 }; /* loops in a test, but for those that say otherwise */

/* Counts across loops. */
typedef struct {
	int n; /* atomic */
} counter;

static inline int count_up(counter *it)
{
	return __atomic_add_fetch(&it->n, 1, __ATOMIC_ACQ_REL);
}

static inline int counted(counter *it)
{
	return __atomic_load_n(&it->n, __ATOMIC_ACQUIRE);
}

/* Waits until there are as few threads as before: one that has been joined may be seen a moment
 * longer. */
static inline bool threads_are_as(int before)
{
	for (int i = 0; i < 5000 && count_entries("/proc/self/task") > before; i++)
		nap_ms(1);
	return count_entries("/proc/self/task") <= before;
}

/* One task waits until as many calls have come to its loop. */
struct inbox {
	bide_event enough;
	int wanted, got;
};

__attribute__((unused)) static void receive(void *arg)
{
	struct inbox *inbox = arg;
	if (++inbox->got == inbox->wanted)
		bide_event_set(&inbox->enough);
}

#endif
