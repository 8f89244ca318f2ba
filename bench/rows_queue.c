// SPDX-License-Identifier: MIT
/* rows_queue.c: two tasks that hand a number to and fro through two queues. */
#include "core.h"

static BIDE_ASYNC(long, play, bide_queue *, bide_queue *, long);
static BIDE_ASYNC_LIGHT(long, play_light, bide_queue *, bide_queue *, long);
static BIDE_ASYNC(int, ping_pong, const struct request *);

/* Answers so many numbers, each with the next one. */
static long play(bide_queue *from, bide_queue *to, long times)
{
	long number = 0;

	for (long i = 0; i < times; i++) {
		int rc = bide_queue_get(from, &number);
		number++;
		if (rc == 0)
			rc = bide_queue_put(to, &number);
		if (rc < 0)
			return rc;
	}
	return number;
}

static long play_light(bide_queue *from, bide_queue *to, long times)
{
	return play(from, to, times);
}

static bide_task *start(bool light, bide_queue *from, bide_queue *to, long times)
{
	return light ? bide_spawn(play_light, from, to, times) : bide_spawn(play, from, to, times);
}

/* n hand-overs from one task to the other: the first one is into the empty queue. */
static int ping_pong(const struct request *request)
{
	bide_queue *there, *back;
	long n = request->n, first = 0;
	int rc = bide_queue_open(long, NULL, &there);

	if (rc == 0)
		rc = bide_queue_open(long, NULL, &back);
	if (rc == 0)
		rc = bide_queue_put(there, &first);
	if (rc < 0)
		return rc;
	bide_task *one = start(request->light, there, back, (n + 1) / 2);
	bide_task *other = start(request->light, back, there, n / 2);
	long one_last = bide_await(long, one), other_last = bide_await(long, other);
	long last = one_last > other_last ? one_last : other_last;
	bide_queue_free(there);
	bide_queue_free(back);
	if (last != n)
		return wrong("hand-overs", (double)last, (double)n);
	print_figure("ops", (double)last);
	return 0;
}

static int queue_ping(const struct request *request)
{
	return RUN_ROW(ping_pong, request, request);
}

const struct row rows_queue[] = {
	{ "queue_ping", queue_ping, "hand-overs between two tasks, through two queues" },
	{ NULL, NULL, NULL },
};
