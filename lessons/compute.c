// SPDX-License-Identifier: MIT
/* compute.c: a function that computes, beside a task that ticks: first in the loop, which stands
 * still meanwhile, then in a thread, while the loop turns. */
#include "lesson.h"

#include <bide.h>

enum { BELOW = 500000 };

static BIDE_ASYNC(long, count_primes, long);
static BIDE_ASYNC(int, tick, long *);
static BIDE_ASYNC(int, in_the_loop, void);
static BIDE_ASYNC(int, in_a_thread, void);

static long count_primes(long below)
{
	long found = 0;

	for (long number = 2; number < below; number++) {
		long divisor = 2;

		while (divisor * divisor <= number && number % divisor != 0)
			divisor++;
		found += divisor * divisor > number;
	}
	return found;
}

static int tick(long *ticks)
{
	int rc;

	while ((rc = bide_sleep(0.001)) == 0)
		++*ticks;
	return rc;
}

static int in_the_loop(void)
{
	long ticks = 0, meanwhile = 0, primes = 0;
	int rc;

	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, tick, &ticks);
		if (bide_sleep(0.01) < 0) /* it ticks */
			break;
		ticks = 0;
		primes = count_primes(BELOW); /* nothing else runs */
		meanwhile = ticks;
		bide_group_cancel(group);
	}
	return rc < 0 ? rc
	              : lesson_print("in the loop: %ld primes, %ld ticks\n", primes, meanwhile);
}

static int in_a_thread(void)
{
	long ticks = 0, meanwhile = 0, primes = 0;
	int rc;

	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, tick, &ticks);
		if (bide_sleep(0.01) < 0)
			break;
		ticks = 0;
		primes = bide_to_thread(count_primes, BELOW); /* the loop turns */
		meanwhile = ticks;
		bide_group_cancel(group);
	}
	if (rc == 0 && primes < 0)
		rc = (int)primes;
	return rc < 0 ? rc
	              : lesson_print("in a thread: %ld primes, %ld ticks\n", primes, meanwhile);
}

int main(int argc, char **argv)
{
	int rc;

	lesson_nothing(argc, argv);
	rc = bide_run(in_the_loop);
	if (rc == 0)
		rc = bide_run(in_a_thread);
	return lesson_end(rc);
}
