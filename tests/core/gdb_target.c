// SPDX-License-Identifier: MIT
/* What test_gdb.py looks at: a task that has called its way to inner() after a suspension, on a
 * full stack or, with an argument, on a light one, while others are parked. */
#include <bide.h>

#include <stdio.h>

/* Each does something after its call, so that it is there when the debugger looks. */
static int inner(int value)
{
	volatile int here = value;

	bide_yield();
	return here + 1;
}

static int middle(int value)
{
	volatile int here = value;

	return inner(value + 1) + here;
}

BIDE_ASYNC(int, outer, int);
int outer(int value)
{
	volatile int here = value;

	bide_yield();
	return middle(value + 1) + here;
}

BIDE_ASYNC_LIGHT(int, outer_light, int);
int outer_light(int value)
{
	return outer(value);
}

BIDE_ASYNC_LIGHT(int, parked, double);
int parked(double seconds)
{
	return bide_sleep(seconds);
}

BIDE_ASYNC(int, program, bool);
int program(bool light)
{
	int result = 0;
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 20; i++)
			bide_group_spawn(group, parked, 1000.0);
		bide_sleep(0.001);
		bide_task *t = light ? bide_spawn(outer_light, 1) : bide_spawn(outer, 1);
		result = bide_await(int, t);
		bide_group_cancel(group);
	}
	printf("result %d\n", result);
	fflush(stdout);
	return rc;
}

int main(int argc, char **argv)
{
	(void)argv;
	return bide_run(program, argc > 1);
}
