// SPDX-License-Identifier: MIT
/* Scenarios of channels: whatever is struck, each item that was sent is received once, or is still
 * there; and nobody waits for ever. */
#include "sweep/tasks.h"

enum { N = 8, TASKS = 4 };

/* What all tally: items that were sent, that were left, that were received, and their sum. */
enum { SENT, LEFT, RECEIVED, SUM };

typedef struct {
	int number;
	char more[60];
} large;

/* Closed is it by who has sent the last, or by who has failed, which explains it. */
static int send_all(bide_channel *channel, int from)
{
	large item = { from, "" };
	int rc = 0;
	for (; item.number < from + N && rc == 0; item.number++) {
		rc = bide_channel_send(channel, &item);
		tally.extra[SENT] += rc == 0;
	}
	return rc == -BIDE_ECLOSED ? 0 : rc;
}

static int receive_all(bide_channel *channel)
{
	large item;
	int rc;
	while ((rc = bide_channel_receive(channel, &item)) == 0) {
		tally.extra[RECEIVED]++;
		tally.extra[SUM] += item.number;
	}
	if (rc != -BIDE_ECLOSED)
		bide_channel_close(channel);
	return rc == -BIDE_ECLOSED ? 0 : rc;
}

BIDE_ASYNC(int, send_into, bide_channel *, int);
int send_into(bide_channel *channel, int from)
{
	tally.entered++;
	int rc = send_all(channel, from);
	tally.left++;
	return rc;
}

BIDE_ASYNC_LIGHT(int, light_send_into, bide_channel *, int);
int light_send_into(bide_channel *channel, int from)
{
	return send_into(channel, from);
}

BIDE_ASYNC(int, receive_from, bide_channel *);
int receive_from(bide_channel *channel)
{
	tally.entered++;
	int rc = receive_all(channel);
	tally.left++;
	return rc;
}

BIDE_ASYNC_LIGHT(int, light_receive_from, bide_channel *);
int light_receive_from(bide_channel *channel)
{
	return receive_from(channel);
}

/* Waits for two receivers and two senders, in that order, and closes the channel behind the last
 * sender; or at once when one of them fails. Returns the first error. */
static int conduct(bide_channel *channel, bide_task **tasks)
{
	int error = 0, senders = 0, i;
	for (i = 0; i < TASKS; i++)
		if (tasks[i] == NULL)
			error = -ENOMEM;
	if (error == 0)
		BIDE_AS_COMPLETED(task, tasks, TASKS) {
			for (i = 0; tasks[i] != task;)
				i++;
			tasks[i] = NULL;
			error = bide_await(int, task);
			if (error < 0)
				break;
			senders += i >= 2;
			if (senders == 2)
				bide_channel_close(channel);
		}
	if (error == 0)
		error = bide_cancelled();
	for (i = 0; i < TASKS; i++) {
		if (tasks[i] == NULL)
			continue;
		bide_channel_close(channel);
		int rc = bide_await(int, tasks[i]);
		if (error == 0)
			error = rc < 0 ? rc : -ENOMEM;
	}
	return error;
}

static int outcome(bide_channel *channel, int error)
{
	large item;
	while (bide_channel_try_receive(channel, &item) == 0)
		tally.extra[LEFT]++;
	HOLDS(bide_channel_size(channel) == 0);
	HOLDS(tally.extra[SENT] == tally.extra[RECEIVED] + tally.extra[LEFT]);
	HOLDS(error < 0 || tally.extra[RECEIVED] == 2 * N);
	bide_channel_unref(channel);
	return error < 0 ? error : tally.extra[SUM];
}

static int pipeline(size_t bound)
{
	bide_channel *channel;
	int rc = bide_channel_open(large, bound, &channel);
	if (rc < 0)
		return rc;
	bide_task *tasks[TASKS] = { bide_spawn(light_receive_from, channel),
		                    bide_spawn(receive_from, channel),
		                    bide_spawn(send_into, channel, 1),
		                    bide_spawn(light_send_into, channel, 1 + N) };
	return outcome(channel, conduct(channel, tasks));
}

SCENARIO(a_channel_of_one, N *(2 * N + 1))
{
	return pipeline(1);
}

SCENARIO_WITH(a_channel_of_three, N *(2 * N + 1), SWEEP_LIGHT_MAIN | SWEEP_TWICE, NULL)
{
	return pipeline(3);
}

SCENARIO_WITH(a_channel_in_any_order, N *(2 * N + 1), SWEEP_SHUFFLE, NULL)
{
	return pipeline(2);
}

/* It does not touch the channel once its wait is over. */
BIDE_ASYNC_LIGHT(int, receive_nothing, bide_channel *);
int receive_nothing(bide_channel *channel)
{
	large item;
	tally.entered++;
	int rc = bide_channel_receive(channel, &item);
	HOLDS(rc < 0);
	tally.left++;
	return rc == -BIDE_ECLOSED ? 0 : rc;
}

/* Those who wait are called, and the channel is let go before they have come. */
SCENARIO(a_channel_that_is_closed_and_let_go, 1)
{
	bide_channel *channel;
	struct sum sum = { 0, 0 };
	int rc = bide_channel_open(large, 1, &channel);
	if (rc < 0)
		return rc;
	bide_task *tasks[] = { bide_spawn(receive_nothing, channel),
		               bide_spawn(receive_nothing, channel),
		               bide_spawn(receive_nothing, channel) };
	sum_add(&sum, bide_yield());
	const bool all_wait = sum.error == 0; /* or have ended */
	bide_channel_close(channel);
	if (all_wait)
		bide_channel_unref(channel);
	for (int i = 0; i < 3; i++)
		sum_add(&sum, bide_await(int, tasks[i]));
	if (!all_wait)
		bide_channel_unref(channel);
	return sum.error < 0 ? sum.error : 1;
}
