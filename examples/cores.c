// SPDX-License-Identifier: MIT
/* cores.c: one piece of work on all processors, a loop on each.
 *
 * Every loop runs the same function and takes its share of the numbers. What it finds it tells loop
 * 0 by a call, which that loop makes between its own tasks: the sum is touched by one thread only
 * and needs no lock. */
#include <bide.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK = 1000 }; /* numbers at a time: so that no loop has only the small, quick ones */

/* Loop 0's alone. */
static struct {
	long primes;
	unsigned told;   /* loops that have */
	bide_event full; /* all have */
} total;

struct share {
	long primes;
	unsigned loops;
};

/* On loop 0. */
static void add(void *arg)
{
	struct share *share = arg;
	total.primes += share->primes;
	if (++total.told == share->loops)
		bide_event_set(&total.full);
	free(share);
}

static int tell(long primes)
{
	struct share *share = malloc(sizeof(*share));
	if (share == NULL)
		return -ENOMEM;
	*share = (struct share){ primes, bide_core_count() };
	int rc = bide_call_threadsafe(bide_core_loop(0), add, share);
	if (rc < 0)
		free(share);
	return rc;
}

static bool is_prime(long n)
{
	for (long divisor = 2; divisor * divisor <= n; divisor++)
		if (n % divisor == 0)
			return false;
	return n >= 2;
}

/* Counts in every count-th block. To yield after each lets the loop see to calls, and a failure of
 * another one stop it. */
BIDE_ASYNC(int, count_share, long);

int count_share(long below)
{
	const long step = (long)bide_core_count() * BLOCK;
	long primes = 0;
	int rc = 0;
	for (long from = (long)bide_core_number() * BLOCK; from < below && rc == 0; from += step) {
		for (long n = from; n < from + BLOCK && n < below; n++)
			primes += is_prime(n);
		rc = bide_yield();
	}
	if (rc == 0)
		rc = tell(primes);
	if (rc < 0 || bide_core_number() > 0)
		return rc;
	rc = bide_event_wait(&total.full);
	if (rc == 0)
		printf("%ld primes below %ld\n", total.primes, below);
	return rc;
}

int main(void)
{
	int rc = bide_run_on_cores(0, count_share, 500000);
	if (rc < 0)
		fprintf(stderr, "%s\n", bide_strerror(rc));
	return rc < 0;
}
