// SPDX-License-Identifier: MIT
/* existing.c: code that was written for programs without a loop, in tasks: what computes and what
 * blocks is called in a thread, what tells by a descriptor is waited for in the loop.
 * callbacks.c shows what calls back. */
#include "meter.h"

#include <bide.h>
#include <errno.h>
#include <stdio.h>

/* ---- it computes, or it blocks: in a thread ----------------------------------------------- */

/* Declared once more, which makes it known to bide; the function itself stays as it is. */
static BIDE_ASYNC(long, count_primes, long);
BIDE_ASYNC(int, meter_adjust, struct meter *);

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

/* ---- it gives a descriptor: in the loop --------------------------------------------------- */

/* As meter_take(), but waits until there is a reading. [suspends] */
static int meter_await(struct meter *meter, int *ret_reading)
{
	int rc;
	while ((rc = meter_take(meter, ret_reading)) == -EAGAIN) {
		rc = bide_wait_fd(meter_fd(meter), BIDE_READABLE);
		if (rc < 0)
			return rc; /* cancelled, or no descriptor to wait for */
	}
	return rc;
}

/* ---- what a program makes of it ----------------------------------------------------------- */

static int use(struct meter *meter)
{
	int reading, off = bide_to_thread(meter_adjust, meter);
	if (off < 0)
		return off;
	printf("it was off by %d\n", off);
	for (int i = 0; i < 3; i++) {
		int rc = meter_await(meter, &reading);
		if (rc < 0)
			return rc;
		printf("reading %d\n", reading);
	}
	return 0;
}

static BIDE_ASYNC(long, count, long);

static long count(long below)
{
	return bide_to_thread(count_primes, below); /* this task waits, the others do not */
}

static BIDE_ASYNC(int, work, struct meter *);

static int work(struct meter *meter)
{
	int rc, used = 0;
	BIDE_GROUP(group, rc) {
		bide_task *counting = bide_group_spawn(group, count, 200000);
		used = use(meter);
		long primes = bide_await(long, counting);
		if (primes >= 0)
			printf("%ld primes\n", primes);
	}
	return rc < 0 ? rc : used;
}

int main(void)
{
	struct meter *meter;
	if (meter_open(10, &meter) < 0)
		return 1;
	int rc = bide_run(work, meter);
	meter_close(meter);
	return rc < 0;
}
