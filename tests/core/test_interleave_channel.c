// SPDX-License-Identifier: MIT
/* How those who wait for a channel and those who use it meet, in every interleaving: channel.c,
 * meet.c and slots.c, with threads that block, as block.c has them, and tasks that are parked. A
 * task is modelled by a thread that is its loop, too: it sees to the mail of one wait. See
 * interleave_kit.h. */
#include "base/alloc.h"
#include "base/copy.h"
#include "core/block.h"
#include "core/channel.h"
#include "core/fork.h"
#include "core/pool.h"
#include "core/select.h"
#include "core/slots.h"
#include "core/thread.h"
#include "core/time.h"
#include "core/typed.h"
#include "core/wake.h"
#include "harness/test.h"

#include <bide.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/interleave_calls.h"

/* What a task's loop does is the model's; its waiter is a block that must not be touched when it
 * has been freed. */
static bool model_send(bide_loop *loop, struct bide__mail *mail);
static void model_recall(bide_loop *loop, struct bide__mail *mail);
static void model_wake(bide_loop *loop, struct bide__task *task, int result);
static bool passes_on(void);

#define bide__block_new(pool, size) ((void)(pool), interleave_malloc(size))
#define bide__block_free(pool, block, size) ((void)(pool), (void)(size), interleave_free(block))

/* Their accesses are explored, so they come after the calls. */
#include "core/meet.h"

#include "core/block.c"
#include "core/slots.c"

/* The processor is offered before a wait: what comes meanwhile is explored anyway. */
#define bide__offers_begin(offers) ((void)(offers), false)
#define bide__send model_send
#define bide__recall model_recall
#define bide__wake model_wake
#include "core/meet.c"
/* A deliberate fault that is no access. */
#define bide__pass_on(channel, side) (passes_on() ? bide__pass_on(channel, side) : (void)0)
#include "core/channel.c"

enum { MOST = 3, ITEMS_MAX = 4 };

/* A scenario's parts. */
static struct plan {
	int senders, items;   /* of each */
	int receivers, tasks; /* threads and tasks that receive all that is sent */
	bool sending_tasks;   /* the senders are tasks */
	int quitters;         /* tasks that begin to receive, and do not want to any more */
	size_t bound;         /* of the channel */
	bool closes;          /* somebody closes it, whatever has been sent; else nobody does */
	bool keeps;           /* what nobody passes on: the deliberate fault */
} plan;

/* A loop with one task, which waits. */
struct model {
	bide_loop loop; /* first */
	struct bide__task task;
	struct bide__mail *mail; /* handed over and not yet received */
	int event;               /* atomic: there is some */
	bool woken;
	int result;
};

static struct {
	bide_channel *channel;
	struct model models[2 * MOST];
	int sent[MOST * ITEMS_MAX];     /* how often each item was, */
	int received[MOST * ITEMS_MAX]; /* and was received */
	int left;                       /* atomic: items that are still to be received */
} world;

static bool passes_on(void)
{
	return !plan.keeps;
}

/* ---- a task ------------------------------------------------------------------------------- */

/* It is called under the channel's lock, as what recalls it holds that, or is held up by it. */
static bool model_send(bide_loop *loop, struct bide__mail *mail)
{
	struct model *model = (struct model *)loop;
	interleave_assert(model->mail == NULL);
	model->mail = mail;
	__atomic_store_n(&model->event, 1, __ATOMIC_SEQ_CST);
	return true;
}

static void model_recall(bide_loop *loop, struct bide__mail *mail)
{
	struct model *model = (struct model *)loop;
	interleave_assert(model->mail == mail);
	model->mail = NULL;
	__atomic_store_n(&model->event, 0, __ATOMIC_SEQ_CST);
}

static void model_wake(bide_loop *loop, struct bide__task *task, int result)
{
	struct model *model = (struct model *)loop;
	interleave_assert(task == &model->task && !model->woken);
	model->woken = true;
	model->result = result;
}

static int begin(struct model *model, enum bide__side side, const int *item)
{
	model->woken = false;
	return bide__channel_begin(&model->loop, &model->task, world.channel, side, item);
}

static int see_to_mail(struct model *model)
{
	while (!model->woken) {
		interleave_await(&model->event);
		struct bide__mail *mail = model->mail;
		model->mail = NULL;
		mail->receive(&model->loop, mail);
	}
	return model->result;
}

/* As bide_channel_send() and bide_channel_receive() have a task do it. */
static int task_sends(struct model *model, const int *item)
{
	int rc = bide_channel_try_send(world.channel, item);
	if (rc == -EAGAIN)
		rc = begin(model, BIDE__SENDER, item);
	return rc == -EAGAIN ? see_to_mail(model) : rc;
}

static int finish(struct model *model, int rc, int *ret_item)
{
	if (rc == 0)
		bide__channel_finish(&model->loop, &model->task, ret_item, sizeof *ret_item);
	return rc;
}

static int task_receives(struct model *model, int *ret_item)
{
	int rc = bide_channel_try_receive(world.channel, ret_item);
	if (rc != -EAGAIN)
		return rc;
	rc = begin(model, BIDE__RECEIVER, NULL);
	return finish(model, rc == -EAGAIN ? see_to_mail(model) : rc, ret_item);
}

/* ---- threads of a scenario ---------------------------------------------------------------- */

static void *send_items(void *arg)
{
	const int sender = (int)(intptr_t)arg;
	for (int i = 0; i < plan.items; i++) {
		const int item = sender * plan.items + i;
		int rc = plan.sending_tasks ? task_sends(&world.models[sender], &item)
		                            : bide_channel_send(world.channel, &item);
		interleave_assert(rc == 0 || (plan.closes && rc == -BIDE_ECLOSED));
		world.sent[item] += rc == 0;
	}
	return NULL;
}

/* Takes one of those that are left upon itself; if nobody closes the channel it must come. */
static bool expects_more(void)
{
	return plan.closes || (int)__atomic_fetch_sub(&world.left, 1, __ATOMIC_SEQ_CST) > 0;
}

static void note_received(int item)
{
	interleave_assert(item >= 0 && item < plan.senders * plan.items);
	/* Those of one sender come in their order where one receives them all. */
	if (plan.receivers + plan.tasks + plan.quitters == 1 && item % plan.items > 0)
		interleave_assert(world.received[item - 1] == 1);
	world.received[item]++;
}

static void *receive_items(void *arg)
{
	struct model *model = arg;
	while (expects_more()) {
		int item = -1;
		int rc = model != NULL ? task_receives(model, &item)
		                       : bide_channel_receive(world.channel, &item);
		if (rc == -BIDE_ECLOSED && plan.closes)
			break;
		interleave_assert(rc == 0);
		note_received(item);
	}
	return NULL;
}

/* One that comes in spite of it goes back. */
static void *quit(void *arg)
{
	struct model *model = arg;
	int item = -1, rc = begin(model, BIDE__RECEIVER, NULL);
	if (rc == -EAGAIN) {
		bide__channel_cut(&model->loop, &model->task);
		return NULL;
	}
	interleave_assert(rc == 0);
	(void)finish(model, rc, &item);
	interleave_assert(bide_channel_send(world.channel, &item) == 0);
	return NULL;
}

static void *close_channel(void *arg)
{
	bide_channel_close(world.channel);
	return arg;
}

/* ---- scenarios ---------------------------------------------------------------------------- */

static void set_up(void)
{
	static const char *const senders[] = { "sender 0", "sender 1", "sender 2" };
	static const char *const receivers[] = { "receiver 0", "receiver 1", "receiver 2" };
	memset(&world, 0, sizeof world);
	all.first = NULL;
	interleave_assert(bide_channel_open(int, plan.bound, &world.channel) == 0);
	world.left = plan.senders * plan.items;
	for (int i = 0; i < plan.senders; i++)
		interleave_thread(senders[i], send_items, (void *)(intptr_t)i);
	for (int i = 0; i < plan.receivers; i++)
		interleave_thread(receivers[i], receive_items, NULL);
	for (int i = 0; i < plan.tasks; i++)
		interleave_thread("task", receive_items, &world.models[MOST + i]);
	for (int i = 0; i < plan.quitters; i++)
		interleave_thread("quitter", quit, &world.models[MOST + plan.tasks + i]);
	if (plan.closes)
		interleave_thread("closes", close_channel, NULL);
}

/* What was sent has been received, once; nobody is on a list, and nothing is held. */
static void check(void)
{
	for (int item = 0; item < plan.senders * plan.items; item++)
		interleave_assert(world.received[item] == world.sent[item]);
	interleave_assert(bide_channel_size(world.channel) == 0);
	for (int side = 0; side < 2; side++)
		interleave_assert(world.channel->waiting[side].first == NULL &&
		                  world.channel->waiting[side].count == 0);
	interleave_assert(world.channel->holds == 1);
	for (size_t i = 0; i < sizeof world.models / sizeof world.models[0]; i++)
		interleave_assert(world.models[i].loop.in_channels == 0);
	bide_channel_unref(world.channel);
	interleave_assert(interleave_blocks() == 0);
}

static struct interleave_result result;

static bool explore(struct plan parts, int bound, const struct interleave_mutant *mutant)
{
	plan = parts;
	const struct interleave_scenario scenario = {
		.set_up = set_up, .check = check, .preemptions = bound, .mutant = mutant
	};
	return interleave_explore(&scenario, &result);
}

/* Those of which there are too many to be run each time are run with few preemptions then, and
 * with some more, or all, when there is time. */
static void expect_right(int few, int more, struct plan parts)
{
	TEST_TIMEOUT(test_everything() ? 600 : 60);
	if (!explore(parts, test_everything() ? more : few, NULL))
		FAIL("%s", result.text);
	printf("# %d by %d, for %d: %lu interleavings of up to %d steps\n", parts.senders,
	       parts.items, parts.receivers + parts.tasks, result.executions, result.steps);
}

static void expect_right_in_all(struct plan parts)
{
	expect_right(INTERLEAVE_ALL, INTERLEAVE_ALL, parts);
}

TEST(interleave_items_come_to_a_thread_that_waits)
{
	for (size_t bound = 1; bound <= 2; bound++)
		expect_right_in_all(
			(struct plan){ .senders = 1, .items = 2, .receivers = 1, .bound = bound });
}

TEST(interleave_items_come_to_a_task_that_waits)
{
	for (size_t bound = 1; bound <= 2; bound++)
		expect_right_in_all(
			(struct plan){ .senders = 1, .items = 2, .tasks = 1, .bound = bound });
}

TEST(interleave_items_come_from_a_task_that_waits_for_room)
{
	expect_right_in_all((struct plan){
		.senders = 1, .items = 2, .sending_tasks = true, .receivers = 1, .bound = 1 });
	expect_right_in_all((struct plan){
		.senders = 1, .items = 2, .sending_tasks = true, .tasks = 1, .bound = 1 });
}

TEST(interleave_items_of_two_senders_come)
{
	expect_right(2, INTERLEAVE_ALL,
	             (struct plan){ .senders = 2, .items = 1, .receivers = 1, .bound = 1 });
	expect_right(2, INTERLEAVE_ALL,
	             (struct plan){ .senders = 2, .items = 1, .tasks = 1, .bound = 1 });
}

TEST(interleave_items_come_to_two_receivers)
{
	for (size_t bound = 1; bound <= 2; bound++) {
		expect_right(
			1, 2,
			(struct plan){ .senders = 2, .items = 1, .receivers = 2, .bound = bound });
		expect_right(1, 2,
		             (struct plan){ .senders = 2,
		                            .items = 1,
		                            .receivers = 1,
		                            .tasks = 1,
		                            .bound = bound });
	}
}

TEST(interleave_what_a_task_does_not_wait_for_any_more_goes_to_another)
{
	const struct plan parts = {
		.senders = 1, .items = 1, .receivers = 1, .quitters = 1, .bound = 1
	};
	expect_right_in_all(parts);
}

TEST(interleave_items_come_before_the_end_of_a_closed_channel)
{
	expect_right_in_all((struct plan){
		.senders = 1, .items = 1, .receivers = 1, .closes = true, .bound = 1 });
	expect_right(
		2, INTERLEAVE_ALL,
		(struct plan){ .senders = 1, .items = 2, .tasks = 1, .closes = true, .bound = 1 });
	expect_right(1, 2,
	             (struct plan){ .senders = 1,
	                            .items = 1,
	                            .receivers = 1,
	                            .tasks = 1,
	                            .closes = true,
	                            .bound = 1 });
}

/* ---- does it bite? ------------------------------------------------------------------------ */

#define ONE_TO_ONE .senders = 1, .items = 2, .receivers = 1, .bound = 1

static const struct fault {
	struct plan parts;
	int bound;
	struct interleave_mutant mutant;
	const char *message; /* how it is told */
} faults[] = {
	{ { ONE_TO_ONE },
	  INTERLEAVE_ALL,
	  { .name = "a waiter tries before it says that it waits",
	    .function = "link_waiter",
	    .what = "&list->count",
	    .change = INTERLEAVE_LATE,
	    .late = 3 },
	  "waits for ever" },
	{ { ONE_TO_ONE },
	  INTERLEAVE_ALL,
	  { .name = "who has put looks for those that wait before it has filled the slot",
	    .function = "bide__slots_put",
	    .what = "slot.state",
	    .change = INTERLEAVE_LATE,
	    .late = 1 },
	  "waits for ever" },
	{ { .senders = 1, .items = 3, .receivers = 2, .bound = 2 },
	  2,
	  { .name = "who has taken looks for those that wait before it has emptied the slot",
	    .function = "bide__slots_take",
	    .what = "slot.state",
	    .change = INTERLEAVE_LATE,
	    .late = 1 },
	  "waits for ever" },
	{ { .senders = 2, .items = 1, .receivers = 1, .bound = 2 },
	  2,
	  { .name = "two senders claim one position",
	    .function = "claim",
	    .what = "position",
	    .change = INTERLEAVE_BLIND },
	  "waits for ever" },
	{ { .senders = 1, .items = 1, .receivers = 1, .closes = true, .bound = 1 },
	  INTERLEAVE_ALL,
	  { .name = "a channel is closed without its lock",
	    .function = "bide_channel_close",
	    .what = "&channel->lock",
	    .change = INTERLEAVE_SKIPPED },
	  "not true: world.channel->waiting[side].first == NULL" },
	{ { .senders = 2, .items = 1, .receivers = 2, .bound = 2, .keeps = true },
	  2,
	  { .name = "who was called does not pass on that there is more" },
	  "waits for ever" },
	{ { .senders = 1, .items = 1, .receivers = 1, .quitters = 1, .bound = 1, .keeps = true },
	  INTERLEAVE_ALL,
	  { .name = "who was called and does not want to any more does not pass on" },
	  "waits for ever" },
};

static void expect_found(const struct fault *fault)
{
	if (explore(fault->parts, fault->bound,
	            fault->mutant.function != NULL ? &fault->mutant : NULL))
		FAIL("not found: %s", fault->mutant.name);
	else if (strstr(result.text, fault->message) == NULL)
		FAIL("%s: not '%s' but %s", fault->mutant.name, fault->message, result.text);
	printf("# %s: found in interleaving %lu\n", fault->mutant.name, result.executions);
}

TEST(interleave_deliberate_faults_of_channels_are_found)
{
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		expect_found(&faults[i]);
}
