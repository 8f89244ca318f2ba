// SPDX-License-Identifier: MIT
/* What other threads hand to a loop, and how they wake it, in every interleaving: wake.c, with the
 * scheduler's turn, the waits of idle.c and the handler of watch.c. See interleave_kit.h. */
#include "base/alloc.h"
#include "core/backend.h"
#include "core/block.h"
#include "core/cancel.h"
#include "core/interrupt.h"
#include "core/light.h"
#include "core/message.h"
#include "core/run.h"
#include "core/signals.h"
#include "core/switch.h"
#include "core/time.h"
#include "core/wake.h"
#include "core/watch.h"
#include "harness/test.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* What the code calls that is another's, here the test's. */
static void found_deadlock(bide_loop *loop);
static int set_handler(const struct sigaction *action, struct sigaction *before);
static int die(void);

#include "core/interleave_calls.h"

/* What a loop does before it sleeps takes as long as it takes, and is a look more. */
#define bide__offers_begin(offers) ((void)(offers), false)
#define bide__deadlock found_deadlock
#define sigaction(signal, action, before) ((void)(signal), set_handler(action, before))
#define raise(signal) die()
#include "core/idle.c"
#include "core/interrupt.c"
#include "core/sched.c"
#include "core/wake.c"
#include "core/watch.c"
#undef sigaction

enum { MOST_SENDERS = 3, MOST_MAILS = 2 };

/* A scenario's parts. */
static struct plan {
	int senders, mails; /* of each */
	const struct bide__backend *backend;
	int events;  /* that end a wait of the loop's beside its being woken */
	int turns;   /* after which it is closed, whatever has come; 0: when all has come */
	int signals; /* SIGINT */
} plan;

struct mail {
	struct bide__mail mail; /* first */
	int sender, number;
	int received, freed, refused; /* how often */
};

static struct {
	bide_loop *loop;
	struct mail mails[MOST_SENDERS][MOST_MAILS];
	int received[MOST_SENDERS]; /* of each sender's */
	int all_received;
	int holders;   /* of references, but for the loop itself */
	bool deadlock; /* the loop has found that nothing more can come */
	/* The model of a backend with an event descriptor. */
	int event; /* atomic: what a wait waits for */
	int sleeps, wakes;
	bool closed;
	/* The model of signals. */
	int handled;   /* atomic: there is a handler */
	int installed; /* atomic: there has been */
	int died;
} world;

/* ---- a backend with an event descriptor --------------------------------------------------- */

static void model_wait(bide_loop *loop, uint64_t deadline_ns)
{
	(void)loop;
	if (deadline_ns == 0)
		return;
	world.sleeps++;
	interleave_await(&world.event);
}

/* At most one wake-up for each time that the loop went to sleep; and none for one that is gone. */
static void model_wake(bide_loop *loop)
{
	(void)loop;
	world.wakes++;
	interleave_assert(world.wakes <= world.sleeps);
	__atomic_store_n(&world.event, 1, __ATOMIC_SEQ_CST);
	interleave_assert(!world.closed);
}

static void model_close(bide_loop *loop)
{
	(void)loop;
	__atomic_store_n(&world.event, 0, __ATOMIC_SEQ_CST);
	world.closed = true;
}

static const struct bide__backend model_backend = {
	.name = "model", .wait = model_wait, .wake = model_wake, .close = model_close
};

/* Something else that the loop waits for is done. */
static void *make_event(void *arg)
{
	__atomic_store_n(&world.event, 1, __ATOMIC_SEQ_CST);
	return arg;
}

/* ---- signals ------------------------------------------------------------------------------ */

static int set_handler(const struct sigaction *action, struct sigaction *before)
{
	if (before != NULL) {
		memset(before, 0, sizeof *before);
		if (__atomic_load_n(&world.handled, __ATOMIC_SEQ_CST)) {
			before->sa_flags = SA_SIGINFO;
			before->sa_sigaction = on_signal;
		}
	}
	if (action != NULL)
		__atomic_store_n(&world.handled, is_ours(action), __ATOMIC_SEQ_CST);
	return 0;
}

static int die(void)
{
	world.died++;
	return 0;
}

/* The first comes when there is a handler. */
static void *interrupt(void *arg)
{
	siginfo_t info;
	memset(&info, 0, sizeof info);
	if (arg == NULL)
		interleave_await(&world.installed);
	if (__atomic_load_n(&world.handled, __ATOMIC_SEQ_CST))
		on_signal(SIGINT, &info, NULL);
	return NULL;
}

/* ---- the loop ----------------------------------------------------------------------------- */

/* Nothing more can come when all that was sent has been received and nobody can send. */
static void found_deadlock(bide_loop *loop)
{
	(void)loop;
	interleave_assert(world.holders == 0);
	interleave_assert(world.all_received == plan.senders * plan.mails);
	world.deadlock = true;
}

/* As close_loop() does it. */
static void close_it(bide_loop *loop)
{
	bide__close_inbox(loop);
	loop->backend->close(loop);
	bide_loop_unref(loop);
}

/* Jobs are out until all has come. */
static void *run_until_received(void *arg)
{
	bide_loop *loop = world.loop;
	loop->in_threads = 1;
	while (world.all_received < plan.senders * plan.mails)
		new_turn(loop);
	close_it(loop);
	return arg;
}

/* Turns in which tasks are ready, so that it does not wait. */
static void *run_turns(void *arg)
{
	bide_loop *loop = world.loop;
	loop->nready = 1;
	for (int i = 0; i < plan.turns; i++)
		new_turn(loop);
	close_it(loop);
	return arg;
}

static void *run_until_deadlock(void *arg)
{
	bide_loop *loop = world.loop;
	while (!world.deadlock)
		new_turn(loop);
	close_it(loop);
	return arg;
}

static void *run_until_interrupted(void *arg)
{
	bide_loop *loop = world.loop;
	loop->endless = 1;
	bide__interrupt_begin(loop);
	__atomic_store_n(&world.installed, 1, __ATOMIC_SEQ_CST);
	while (!loop->interrupt_seen)
		new_turn(loop);
	bide__interrupt_end(loop);
	close_it(loop);
	return arg;
}

/* ---- senders ------------------------------------------------------------------------------ */

static void receive_mail(bide_loop *loop, struct bide__mail *given)
{
	struct mail *mail = (struct mail *)given;
	if (loop == NULL) {
		mail->freed++;
		return;
	}
	mail->received++;
	interleave_assert(loop == world.loop);
	interleave_assert(mail->number == world.received[mail->sender]++);
	world.all_received++;
}

static void send(int sender, int number)
{
	struct mail *mail = &world.mails[sender][number];
	*mail = (struct mail){ .mail.receive = receive_mail, .sender = sender, .number = number };
	if (!bide__send(world.loop, &mail->mail))
		mail->refused++;
}

/* Its mails are what the loop waits for: it is there until they have come, and may be gone then. */
static void *send_all(void *arg)
{
	for (int i = 0; i < plan.mails; i++)
		send((int)(intptr_t)arg, i);
	return NULL;
}

/* It has a reference, so the loop may be closed. */
static void *send_all_and_let_go(void *arg)
{
	send_all(arg);
	bide_loop_unref(world.loop);
	return NULL;
}

static void receive_call(void *arg)
{
	interleave_assert(world.received[(intptr_t)arg]++ < plan.mails);
	world.all_received++;
}

/* It sends by way of the public functions; the first one has a reference more at times. */
static void *call_and_let_go(void *arg)
{
	bide_loop *loop = world.loop;
	for (int i = 0; i < plan.mails; i++) {
		bide_loop *mine = arg == NULL ? bide_loop_ref(loop) : loop;
		interleave_assert(bide_call_threadsafe(mine, receive_call, arg) == 0);
		if (arg == NULL)
			bide_loop_unref(mine);
	}
	world.holders--;
	bide_loop_unref(loop);
	return NULL;
}

/* ---- scenarios ---------------------------------------------------------------------------- */

static void new_world(void)
{
	memset(&world, 0, sizeof world);
	memset(&all, 0, sizeof all);
	world.loop = interleave_malloc(sizeof *world.loop);
	world.loop->backend = plan.backend;
	world.loop->refs = 1;
	world.loop->thread = getpid();
	bide__timers_init(&world.loop->timers);
}

static void add_threads(void *(*loop)(void *arg), void *(*sender)(void *arg))
{
	static const char *const senders[MOST_SENDERS] = { "sender 0", "sender 1", "sender 2" };
	for (int i = 0; i < plan.senders; i++)
		interleave_thread(senders[i], sender, (void *)(intptr_t)i);
	for (int i = 0; i < plan.events; i++)
		interleave_thread("event", make_event, NULL);
	for (int i = 0; i < plan.signals; i++)
		interleave_thread("signal", interrupt, i > 0 ? &plan : NULL);
	interleave_thread("loop", loop, NULL);
}

static void set_up_senders(void)
{
	new_world();
	add_threads(run_until_received, send_all);
}

static void set_up_closing(void)
{
	new_world();
	world.loop->refs += (unsigned)plan.senders;
	add_threads(run_turns, send_all_and_let_go);
}

static void set_up_holders(void)
{
	new_world();
	world.loop->refs += (unsigned)plan.senders;
	world.holders = plan.senders;
	add_threads(run_until_deadlock, call_and_let_go);
}

static void set_up_signals(void)
{
	new_world();
	add_threads(run_until_interrupted, send_all);
}

static void check_all_received(void)
{
	interleave_assert(interleave_blocks() == 0);
	interleave_assert(world.all_received == plan.senders * plan.mails);
}

static void check_each_once(void)
{
	interleave_assert(interleave_blocks() == 0);
	for (int s = 0; s < plan.senders; s++)
		for (int i = 0; i < plan.mails; i++) {
			const struct mail *mail = &world.mails[s][i];
			interleave_assert(mail->received + mail->freed + mail->refused == 1);
		}
}

static void check_interrupted(void)
{
	interleave_assert(interleave_blocks() == 0);
	interleave_assert(world.died < plan.signals);
	interleave_assert(!world.handled);
}

static const struct interleave_scenario senders = { "senders", set_up_senders, check_all_received,
	                                            .preemptions = INTERLEAVE_ALL },
					closing = { "closing", set_up_closing, check_each_once,
	                                            .preemptions = INTERLEAVE_ALL },
					holders = { "holders", set_up_holders, check_all_received,
	                                            .preemptions = INTERLEAVE_ALL },
					signals = { "signals", set_up_signals, check_interrupted,
	                                            .preemptions = INTERLEAVE_ALL };

static struct interleave_result result;

/* Those of which there are too many to be run each time are run with few preemptions then, and
 * with some more, or all, when there is time. */
static void expect_right_within(int few, int more, struct interleave_scenario scenario,
                                struct plan parts)
{
	TEST_TIMEOUT(test_everything() ? 600 : 60);
	plan = parts;
	scenario.preemptions = test_everything() ? more : few;
	if (!interleave_explore(&scenario, &result))
		FAIL("%s", result.text);
	printf("# %s, %d by %d: %lu interleavings of up to %d steps\n", scenario.name,
	       parts.senders, parts.mails, result.executions, result.steps);
}

static void expect_right(struct interleave_scenario scenario, struct plan parts)
{
	expect_right_within(INTERLEAVE_ALL, INTERLEAVE_ALL, scenario, parts);
}

/* The loop is asleep in a futex, and by way of a descriptor. */
static const struct bide__backend *const ways[] = { &bide__backend_idle, &model_backend };

TEST(interleave_mail_of_one_sender_arrives)
{
	for (int i = 0; i < 2; i++)
		for (int mails = 1; mails <= 2; mails++)
			expect_right(
				senders,
				(struct plan){ .senders = 1, .mails = mails, .backend = ways[i] });
}

TEST(interleave_mail_of_two_senders_arrives)
{
	expect_right(senders, (struct plan){ .senders = 2, .mails = 1, .backend = ways[0] });
	expect_right(senders, (struct plan){ .senders = 2, .mails = 1, .backend = ways[1] });
	expect_right(senders, (struct plan){ .senders = 2, .mails = 2, .backend = ways[1] });
	expect_right_within(2, INTERLEAVE_ALL, senders,
	                    (struct plan){ .senders = 2, .mails = 2, .backend = ways[0] });
}

TEST(interleave_mail_of_three_senders_arrives)
{
	for (int i = 0; i < 2; i++)
		expect_right(senders,
		             (struct plan){ .senders = 3, .mails = 1, .backend = ways[i] });
}

TEST(interleave_mail_arrives_while_the_loop_is_woken_by_something_else)
{
	for (int n = 1; n <= 2; n++) {
		expect_right(senders, (struct plan){ .senders = 1,
		                                     .mails = n,
		                                     .backend = &model_backend,
		                                     .events = 1 });
		expect_right(senders, (struct plan){ .senders = n,
		                                     .mails = 1,
		                                     .backend = &model_backend,
		                                     .events = 2 });
	}
}

TEST(interleave_mail_to_a_loop_that_is_closed_is_received_freed_or_refused)
{
	for (int turns = 0; turns <= 2; turns++) {
		expect_right(closing, (struct plan){ .senders = 1,
		                                     .mails = 2,
		                                     .backend = ways[0],
		                                     .turns = turns });
		expect_right(closing, (struct plan){ .senders = 2,
		                                     .mails = 1,
		                                     .backend = ways[1],
		                                     .turns = turns });
	}
	expect_right(closing,
	             (struct plan){ .senders = 2, .mails = 2, .backend = ways[0], .turns = 1 });
	expect_right_within(
		1, INTERLEAVE_ALL, closing,
		(struct plan){ .senders = 3, .mails = 1, .backend = ways[1], .turns = 1 });
}

TEST(interleave_a_loop_hopes_as_long_as_there_is_a_reference)
{
	for (int i = 0; i < 2; i++) {
		expect_right(holders,
		             (struct plan){ .senders = 1, .mails = 0, .backend = ways[i] });
		expect_right(holders,
		             (struct plan){ .senders = 1, .mails = 1, .backend = ways[i] });
		expect_right(holders,
		             (struct plan){ .senders = 2, .mails = 0, .backend = ways[i] });
	}
	expect_right_within(1, INTERLEAVE_ALL, holders,
	                    (struct plan){ .senders = 2, .mails = 1, .backend = ways[1] });
}

TEST(interleave_a_signal_is_seen_and_does_not_touch_a_loop_that_is_gone)
{
	for (int i = 0; i < 2; i++)
		for (int n = 1; n <= 2; n++)
			expect_right(signals, (struct plan){ .backend = ways[i], .signals = n });
}

/* ---- does it bite? ------------------------------------------------------------------------ */

static const struct fault {
	const struct interleave_scenario *scenario;
	struct plan parts;
	struct interleave_mutant mutant;
	const char *message; /* how it is told */
} faults[] = {
	{ &senders,
	  { .senders = 1, .mails = 1, .backend = &bide__backend_idle },
	  { .name = "attention is drawn after the loop is woken",
	    .function = "bide__notify",
	    .what = "&loop->attention",
	    .change = INTERLEAVE_LATE,
	    .late = 1 },
	  "loop waits for ever" },
	{ &senders,
	  { .senders = 1, .mails = 1, .backend = &bide__backend_idle },
	  { .name = "the loop sleeps although it was woken",
	    .function = "bide__wait_until",
	    .what = "&loop->wake",
	    .change = INTERLEAVE_BLIND },
	  "loop waits for ever" },
	{ &senders,
	  { .senders = 2, .mails = 1, .backend = &bide__backend_idle },
	  { .name = "attention is forgotten after the inbox has been emptied",
	    .function = "new_turn",
	    .what = "&loop->attention",
	    .change = INTERLEAVE_LATE,
	    .late = 2 },
	  "loop waits for ever" },
	{ &senders,
	  { .senders = 2, .mails = 1, .backend = &bide__backend_idle },
	  { .name = "the inbox is emptied in two steps",
	    .function = "bide__attend",
	    .what = "&loop->inbox",
	    .change = INTERLEAVE_SPLIT },
	  "loop waits for ever" },
	{ &senders,
	  { .senders = 2, .mails = 1, .backend = &bide__backend_idle },
	  { .name = "mail is pushed onto whatever is there",
	    .function = "push",
	    .what = "&loop->inbox",
	    .change = INTERLEAVE_BLIND },
	  "loop waits for ever" },
	{ &senders,
	  { .senders = 1, .mails = 1, .backend = &model_backend, .events = 1 },
	  { .name = "the loop is woken without its lock",
	    .function = "send_and_wake",
	    .what = "&loop->lock",
	    .change = INTERLEAVE_SKIPPED },
	  "freed" },
	{ &senders,
	  { .senders = 1, .mails = 1, .backend = &model_backend, .events = 1 },
	  { .name = "the loop ends while it is being woken",
	    .function = "bide__close_inbox",
	    .what = "&loop->lock",
	    .change = INTERLEAVE_SKIPPED },
	  "not true: !world.closed" },
	{ &closing,
	  { .senders = 1, .mails = 2, .backend = &bide__backend_idle },
	  { .name = "the inbox is closed in two steps",
	    .function = "bide__close_inbox",
	    .what = "&loop->inbox",
	    .change = INTERLEAVE_SPLIT },
	  "not true: mail->received + mail->freed + mail->refused == 1" },
	{ &holders,
	  { .senders = 1, .mails = 1, .backend = &bide__backend_idle },
	  { .name = "a loop without hope does not look for mail",
	    .function = "hope",
	    .what = "&loop->inbox",
	    .change = INTERLEAVE_SKIPPED },
	  "not true: world.all_received" },
	{ &signals,
	  { .backend = &bide__backend_idle, .signals = 2 },
	  { .name = "who ends to watch does not wait for handlers",
	    .function = "lock",
	    .what = "&all.lock",
	    .change = INTERLEAVE_BLIND },
	  "freed" },
};

static void expect_found(const struct fault *fault)
{
	struct interleave_scenario scenario = *fault->scenario;
	plan = fault->parts;
	scenario.mutant = &fault->mutant;
	if (interleave_explore(&scenario, &result))
		FAIL("not found: %s", fault->mutant.name);
	else if (strstr(result.text, fault->message) == NULL)
		FAIL("%s: not '%s' but %s", fault->mutant.name, fault->message, result.text);
	printf("# %s: found in interleaving %lu\n", fault->mutant.name, result.executions);
}

TEST(interleave_deliberate_faults_of_the_inbox_and_the_wake_up_are_found)
{
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		expect_found(&faults[i]);
}
