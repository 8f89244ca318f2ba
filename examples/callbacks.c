// SPDX-License-Identifier: MIT
/* callbacks.c: a library that calls back becomes a function that waits.
 *
 * lookup_start() takes a callback, and calls it on a thread of its own. look_up() is the same as a
 * function that returns when the answer is there, while other tasks run. In between stands a
 * future: the task waits for it, the callback has the loop set it. */
#include "lookup.h"

#include <bide.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* What the callback needs, given to it and freed by it. */
struct request {
	bide_loop *loop;     /* referenced: the loop is there to be called */
	bide_future *future; /* referenced: it is there to be set, whether or not somebody waits */
	int error;
	unsigned number;
};

/* On the loop's thread, which alone may touch the future. */
static void tell(void *arg)
{
	struct request *request = arg;
	if (request->error < 0)
		bide_future_fail(request->future, request->error);
	else
		bide_future_set(request->future, &request->number);
	bide_future_unref(request->future);
	free(request);
}

/* On the library's thread. When the loop has been closed the future has gone with it. */
static void answered(void *arg, int error, unsigned number)
{
	struct request *request = arg;
	bide_loop *loop = request->loop;
	request->error = error;
	request->number = number;
	if (bide_call_threadsafe(loop, tell, request) < 0)
		free(request);
	bide_loop_unref(loop);
}

/* Starts a lookup that sets the future. */
static int start(const char *name, bide_future *future)
{
	struct request *request = malloc(sizeof(*request));
	if (request == NULL)
		return -ENOMEM;
	*request = (struct request){ .loop = bide_loop_ref(bide_current_loop()),
		                     .future = bide_future_ref(future) };
	int rc = lookup_start(name, answered, request);
	if (rc < 0) {
		bide_loop_unref(request->loop);
		bide_future_unref(request->future);
		free(request);
	}
	return rc;
}

/* Looks up the number of a name. [suspends] @return 0, or an error of the library, or the
 * cancellation: then the answer comes too late, and is dropped. */
static int look_up(const char *name, unsigned *ret_number)
{
	bide_future *future;
	int rc = bide_future_open(unsigned, &future);
	if (rc < 0)
		return rc;
	rc = start(name, future);
	if (rc == 0)
		rc = bide_future_await(future, ret_number);
	bide_future_unref(future);
	return rc;
}

/* ---- what a program makes of it ----------------------------------------------------------- */

BIDE_ASYNC_LIGHT(void, print_number, const char *);

void print_number(const char *name)
{
	unsigned number;
	int rc = look_up(name, &number);
	if (rc < 0)
		printf("%s: %s\n", name, bide_strerror(rc));
	else
		printf("%s: %u\n", name, number);
}

BIDE_ASYNC(int, print_numbers, void);

int print_numbers(void)
{
	unsigned number;
	int rc;
	BIDE_GROUP(group, rc) { /* at once, so the quickest answer comes first */
		bide_group_spawn(group, print_number, "tortoise");
		bide_group_spawn(group, print_number, "hare");
		bide_group_spawn(group, print_number, "cat");
		bide_group_spawn(group, print_number, "unicorn");
	}
	BIDE_TIMEOUT(0.01) {
		if (look_up("tortoise", &number) == -ETIMEDOUT)
			printf("tortoise: too slow\n");
	}
	return rc;
}

int main(void)
{
	return bide_run(print_numbers) < 0;
}
