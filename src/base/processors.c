// SPDX-License-Identifier: MIT
/* Sources: sched_setaffinity(2), CPU_SET(3). See processors.h. */
#include "base/processors.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* To what this thread is tied; `among` is NULL when it is not. */
static _Thread_local struct {
	const struct bide__processors *among;
	unsigned processor;
} tie;

static size_t size(void)
{
	return sizeof(((struct bide__processors *)NULL)->sets);
}

/* How many of them come before a processor. */
static unsigned rank(const struct bide__processors *processors, int processor)
{
	unsigned before = 0;

	for (int i = 0; i < processor && i < BIDE__PROCESSORS_MAX; i++)
		before += CPU_ISSET_S(i, size(), processors->sets) != 0;
	return before < processors->count ? before : 0;
}

void bide__processors_get(struct bide__processors *ret_processors)
{
	if (tie.among) {
		*ret_processors = *tie.among;
		return;
	}
	memset(ret_processors, 0, sizeof(*ret_processors));
	if (sched_getaffinity(0, size(), ret_processors->sets) < 0)
		return;
	ret_processors->count = (unsigned)CPU_COUNT_S(size(), ret_processors->sets);
	ret_processors->first = rank(ret_processors, sched_getcpu());
}

unsigned bide__processors_count(const struct bide__processors *processors)
{
	long n;

	if (processors->count > 0)
		return processors->count;
	n = sysconf(_SC_NPROCESSORS_ONLN);
	return n > 0 ? (unsigned)n : 1;
}

/* The processor that has so many of them before it. */
static unsigned at(const struct bide__processors *processors, unsigned before)
{
	unsigned i = 0;

	while (!CPU_ISSET_S(i, size(), processors->sets) || before-- > 0)
		i++;
	return i;
}

void bide__processors_tie(const struct bide__processors *among, unsigned number)
{
	if (among->count == 0)
		return;
	tie.among = among;
	tie.processor = at(among, (among->first + number) % among->count);
	bide__processors_tighten();
}

void bide__processors_untie(void)
{
	bide__processors_loosen();
	tie.among = NULL;
}

void bide__processors_loosen(void)
{
	if (tie.among)
		(void)sched_setaffinity(0, size(), tie.among->sets);
}

void bide__processors_tighten(void)
{
	struct bide__processors one;

	if (!tie.among)
		return;
	memset(one.sets, 0, sizeof(one.sets));
	CPU_SET_S(tie.processor, size(), one.sets);
	(void)sched_setaffinity(0, size(), one.sets);
}
