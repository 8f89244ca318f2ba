// SPDX-License-Identifier: MIT
/* say_after.c: a coroutine awaited twice, then two tasks of it made first and awaited after. */
#include "lesson.h"

#include <bide.h>

static BIDE_ASYNC(int, say_after, double, const char *);
static BIDE_ASYNC(int, awaited, void);
static BIDE_ASYNC(int, as_tasks, void);

static int say_after(double delay, const char *what)
{
	int rc = bide_sleep(delay);

	return rc < 0 ? rc : lesson_print("%s\n", what);
}

static int awaited(void)
{
	double start = bide_now();
	int rc = lesson_print("Started\n");

	if (rc == 0)
		rc = say_after(1, "Hello");
	if (rc == 0)
		rc = say_after(2, "World");
	return rc < 0 ? rc : lesson_print("Finished\n%.2f s in all\n", bide_now() - start);
}

static int as_tasks(void)
{
	double start = bide_now();
	bide_task *hello = bide_spawn(say_after, 1, "Hello");
	bide_task *world = bide_spawn(say_after, 2, "World");
	int rc = lesson_print("Started\n");
	int said_hello = bide_await(int, hello); /* both run on while the first is awaited */
	int said_world = bide_await(int, world);

	if (rc == 0)
		rc = said_hello < 0 ? said_hello : said_world;
	return rc < 0 ? rc : lesson_print("Finished\n%.2f s in all\n", bide_now() - start);
}

int main(int argc, char **argv)
{
	int rc;

	lesson_nothing(argc, argv);
	rc = bide_run(awaited);
	if (rc == 0)
		rc = bide_run(as_tasks);
	return lesson_end(rc);
}
