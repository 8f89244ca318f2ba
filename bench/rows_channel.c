// SPDX-License-Identifier: MIT
/* rows_channel.c: numbers that one thread sends to another. Of interest is how long that takes:
 * both work at once, so their CPU time says nothing of it. */
#include "core.h"

#include <pthread.h>

enum { BOUND = 128 };

/* What the two share. */
struct both {
	bide_channel *channel;
	const struct request *request;
	long received, total; /* of whom receives: how many, and their sum */
	int rc;               /* of whom sends */
	double began, ended;  /* when the first was about to be sent, and when all had come */
};

/* What one writes for each number must not lie beside what the other reads. */
static int send_all(struct both *both)
{
	bide_channel *channel = both->channel;
	const long n = both->request->n;
	int rc = 0;

	both->began = bide_time();
	for (long i = 0; i < n && rc == 0; i++)
		rc = bide_channel_send(channel, &i);
	bide_channel_close(channel);
	return rc;
}

static int receive_all(struct both *both)
{
	bide_channel *channel = both->channel;
	long number, received = 0, total = 0;

	for (; bide_channel_receive(channel, &number) == 0; received++)
		total += number;
	both->ended = bide_time();
	both->received = received;
	both->total = total;
	return 0;
}

static BIDE_ASYNC(int, sender, struct both *);
static BIDE_ASYNC(int, receiver, struct both *);
static BIDE_ASYNC_LIGHT(int, light_sender, struct both *);
static BIDE_ASYNC_LIGHT(int, light_receiver, struct both *);

static int sender(struct both *both)
{
	return send_all(both);
}

static int receiver(struct both *both)
{
	return receive_all(both);
}

static int light_sender(struct both *both)
{
	return send_all(both);
}

static int light_receiver(struct both *both)
{
	return receive_all(both);
}

static void *send_on_a_loop(void *arg)
{
	struct both *both = arg;

	both->rc = both->request->light ? bide_run(light_sender, both) : bide_run(sender, both);
	return NULL;
}

static int receive_on_a_loop(struct both *both)
{
	return both->request->light ? bide_run(light_receiver, both) : bide_run(receiver, both);
}

static void *send_on_a_thread(void *arg)
{
	struct both *both = arg;

	both->rc = send_all(both);
	return NULL;
}

static int hand_over(const struct request *request, void *(*send)(void *),
                     int (*receive)(struct both *))
{
	struct both both = { .request = request };
	pthread_t thread;
	int rc = bide_channel_open(long, BOUND, &both.channel);

	if (rc < 0)
		return run_failed(rc);
	if (pthread_create(&thread, NULL, send, &both) != 0)
		return -1;
	rc = receive(&both);
	pthread_join(thread, NULL);
	bide_channel_unref(both.channel);
	if (rc == 0)
		rc = both.rc;
	if (rc < 0)
		return run_failed(rc);
	if (both.total != request->n * (request->n - 1) / 2)
		return wrong("received", (double)both.received, (double)request->n);
	print_figure("ops", (double)both.received);
	print_figure("each_ns", (both.ended - both.began) / (double)request->n * 1e9);
	return 0;
}

static int channel(const struct request *request)
{
	return hand_over(request, send_on_a_loop, receive_on_a_loop);
}

static int channel_threads(const struct request *request)
{
	return hand_over(request, send_on_a_thread, receive_all);
}

const struct row rows_channel[] = {
	{ "channel", channel, "numbers from a task of one loop to one of another" },
	{ "channel_threads", channel_threads, "numbers from one thread without a loop to another" },
	{ NULL, NULL, NULL },
};
