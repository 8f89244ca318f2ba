// SPDX-License-Identifier: MIT
/* say_hello.c: two coroutines that take a second each: one after the other, then at once. */
#include "lesson.h"

#include <bide.h>

static BIDE_ASYNC(int, say_hello, void);
static BIDE_ASYNC(int, say_world, void);
static BIDE_ASYNC(int, one_after_the_other, void);
static BIDE_ASYNC(int, gathered, void);

static int say_hello(void)
{
	int rc = bide_sleep(1);

	return rc < 0 ? rc : lesson_print("Hello\n");
}

static int say_world(void)
{
	int rc = bide_sleep(1);

	return rc < 0 ? rc : lesson_print("World\n");
}

static int one_after_the_other(void)
{
	double start = bide_now();
	int rc = say_hello();

	if (rc == 0)
		rc = say_world();
	return rc < 0 ? rc : lesson_print("one after the other: %.2f s\n", bide_now() - start);
}

static int gathered(void)
{
	double start = bide_now();
	bide_task *tasks[] = { bide_spawn(say_hello), bide_spawn(say_world) };
	int rc = bide_gather(tasks, 2, NULL);

	return rc < 0 ? rc : lesson_print("gathered: %.2f s\n", bide_now() - start);
}

int main(int argc, char **argv)
{
	int rc;

	lesson_nothing(argc, argv);
	rc = bide_run(one_after_the_other);
	if (rc == 0)
		rc = bide_run(gathered);
	return lesson_end(rc);
}
