// SPDX-License-Identifier: MIT
/* See tasks.h. */
#include "sweep/tasks.h"

#include <alloca.h>
#include <stdint.h>

int nap(double seconds, int value)
{
	tally.entered++;
	int rc = bide_sleep(seconds);
	tally.left++;
	return rc < 0 ? rc : value;
}

int light_nap(double seconds, int value)
{
	tally.entered++;
	int rc = bide_sleep(seconds);
	tally.left++;
	return rc < 0 ? rc : value;
}

static unsigned char mark(int value, size_t i)
{
	return (unsigned char)((size_t)value * 37 + i * 131 + (i >> 8));
}

int light_load(double seconds, int value, size_t bytes)
{
	volatile unsigned char *frame = alloca(bytes);
	bool intact = true;
	tally.entered++;
	for (size_t i = 0; i < bytes; i++)
		frame[i] = mark(value, i);
	int rc = bide_sleep(seconds / 2);
	if (rc == 0)
		rc = bide_yield();
	if (rc == 0)
		rc = bide_sleep(seconds / 2);
	for (size_t i = 0; i < bytes; i++)
		intact &= frame[i] == mark(value, i);
	HOLDS(intact);
	tally.left++;
	return rc < 0 ? rc : value;
}

int fail_after(double seconds, int error)
{
	tally.entered++;
	int rc = bide_sleep(seconds);
	tally.left++;
	return rc < 0 ? rc : error;
}

int careful(double seconds, int value)
{
	tally.entered++;
	tally.acquired++;
	int rc = bide_sleep(seconds);
	BIDE_SHIELD {
		HOLDS(bide_cancelled() == 0);
		int held = bide_sleep(0.25);
		HOLDS(held == 0 || (held == -ENOMEM && sweep_starves()));
		HOLDS(bide_yield() == 0);
		tally.released++;
	}
	tally.left++;
	return rc < 0 ? rc : value;
}

void quiet(double seconds)
{
	tally.entered++;
	(void)bide_sleep(seconds);
	(void)bide_yield();
	tally.left++;
}
