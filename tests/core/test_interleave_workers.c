// SPDX-License-Identifier: MIT
/* The threads of the process in every interleaving: workers.c, whose threads are the explorer's.
 * See interleave_kit.h. */
#include "base/alloc.h"
#include "core/block.h"
#include "core/workers.h"
#include "harness/test.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/interleave_calls.h"

/* A thread offers the processor once before it is idle: what is offered is explored anyway. */
#define bide__offers_begin(offers) ((void)(offers), true)
#define bide__offer(offers) ((void)(offers), false)
#define bide__offers_end(offers, won) ((void)(offers), (void)(won))

#include "core/workers.c"

enum { MOST = 3 };

/* A scenario's parts. */
static struct plan {
	int users, pieces; /* of work, of each */
	size_t limit;      /* of threads */
	bool one_by_one;   /* each waits for one before it submits the next */
	bool withdraws;    /* what has not begun, instead of waiting for it */
	bool lets_go;      /* of what has begun, instead of waiting for it */
	size_t new_limit;  /* which another thread sets meanwhile; 0: none */
	bool meet;         /* no piece ends before all have begun */
	unsigned timeouts, refusals;
} plan;

struct piece {
	struct bide__work work;      /* first */
	int run, refused, withdrawn; /* how often */
	int done;                    /* atomic: it is over */
	int go_on;                   /* atomic: it may end */
};

static struct piece pieces[MOST][MOST];

static int begun; /* pieces */

/* The last to begin lets all others end. */
static void run_piece(struct bide__work *work)
{
	struct piece *piece = (struct piece *)work;
	piece->run++;
	if (!plan.meet)
		return;
	if (__atomic_add_fetch(&begun, 1, __ATOMIC_SEQ_CST) == plan.users * plan.pieces)
		for (int i = 0; i < plan.users * plan.pieces; i++)
			__atomic_store_n(&pieces[i / plan.pieces][i % plan.pieces].go_on, 1,
			                 __ATOMIC_SEQ_CST);
	interleave_await(&piece->go_on);
}

static void end_piece(struct bide__work *work, bool refused)
{
	struct piece *piece = (struct piece *)work;
	piece->refused += refused;
	interleave_assert(piece->run + piece->refused == 1);
	if (plan.lets_go)
		bide__workers_leave_work(-1);
	__atomic_store_n(&piece->done, 1, __ATOMIC_SEQ_CST);
}

static void submit(struct piece *piece)
{
	*piece = (struct piece){ .work = { .run = run_piece, .done = end_piece } };
	bide__workers_submit(&piece->work);
}

static void see_end(struct piece *piece)
{
	if ((plan.withdraws || plan.lets_go) && bide__workers_withdraw(&piece->work))
		piece->withdrawn++;
	else if (plan.lets_go)
		bide__workers_leave_work(1);
	else
		interleave_await(&piece->done);
}

static void *set_limit(void *arg)
{
	bide__workers_set(plan.new_limit, 0, 0);
	return arg;
}

/* That its work ends is all that a user waits for. */
static void *use(void *arg)
{
	struct piece *mine = arg;
	bide__workers_enter();
	for (int i = 0; i < plan.pieces; i++) {
		submit(&mine[i]);
		if (plan.one_by_one)
			see_end(&mine[i]);
	}
	for (int i = 0; i < plan.pieces && !plan.one_by_one; i++)
		see_end(&mine[i]);
	bide__workers_leave();
	return NULL;
}

static void set_up(void)
{
	static const char *const users[MOST] = { "user 0", "user 1", "user 2" };
	memset(&pool, 0, sizeof pool);
	memset(pieces, 0, sizeof pieces);
	begun = 0;
	pool.idle_ns = (uint64_t)IDLE_SECONDS * NS;
	pool.limit = plan.limit;
	for (int i = 0; i < plan.users; i++)
		interleave_thread(users[i], use, pieces[i]);
	if (plan.new_limit > 0)
		interleave_thread("sets the limit", set_limit, NULL);
}

static void check(void)
{
	for (int user = 0; user < plan.users; user++)
		for (int i = 0; i < plan.pieces; i++) {
			const struct piece *piece = &pieces[user][i];
			interleave_assert(piece->run + piece->refused + piece->withdrawn == 1);
		}
	interleave_assert(pool.head == NULL && pool.tail == NULL && pool.fresh == NULL);
	interleave_assert(pool.threads == 0 && pool.searching == 0 && pool.idle == NULL);
	interleave_assert(pool.users == 0 && pool.leaving == 0 && !pool.has_ended);
}

static struct interleave_result result;

static bool explore(struct plan parts, int bound, const struct interleave_mutant *mutant)
{
	plan = parts;
	const struct interleave_scenario scenario = { .set_up = set_up,
		                                      .check = check,
		                                      .preemptions = bound,
		                                      .timeouts = plan.timeouts,
		                                      .refusals = plan.refusals,
		                                      .mutant = mutant };
	return interleave_explore(&scenario, &result);
}

/* Those of which there are too many to be run each time are run with few preemptions then, and
 * with some more, or all, when there is time. */
static void expect_right_within(int few, int more, struct plan parts)
{
	TEST_TIMEOUT(test_everything() ? 600 : 60);
	if (!explore(parts, test_everything() ? more : few, NULL))
		FAIL("%s", result.text);
	printf("# %d by %d: %lu interleavings of up to %d steps\n", parts.users, parts.pieces,
	       result.executions, result.steps);
}

static void expect_right(struct plan parts)
{
	expect_right_within(INTERLEAVE_ALL, INTERLEAVE_ALL, parts);
}

TEST(interleave_work_is_run_once)
{
	expect_right((struct plan){ .users = 1, .pieces = 1, .limit = 1 });
	expect_right((struct plan){ .users = 1, .pieces = 2, .limit = 1 });
	expect_right_within(1, INTERLEAVE_ALL,
	                    (struct plan){ .users = 1, .pieces = 2, .limit = 2 });
}

TEST(interleave_work_is_not_left_to_threads_that_go_idle)
{
	for (size_t limit = 1; limit <= 2; limit++)
		expect_right((struct plan){
			.users = 1, .pieces = 3, .limit = limit, .one_by_one = true });
}

TEST(interleave_work_is_not_left_to_threads_that_end_for_lack_of_it)
{
	for (size_t limit = 1; limit <= 2; limit++)
		expect_right((struct plan){ .users = 1,
		                            .pieces = 2,
		                            .limit = limit,
		                            .one_by_one = true,
		                            .timeouts = 1 });
}

TEST(interleave_work_of_two_users_is_run)
{
	expect_right_within(1, INTERLEAVE_ALL,
	                    (struct plan){ .users = 2, .pieces = 1, .limit = 1 });
	expect_right_within(1, 2, (struct plan){ .users = 2, .pieces = 1, .limit = 2 });
}

/* A thread that has just found something to do and a sender: one of them sees to what is sent. */
TEST(interleave_work_is_begun_while_the_rest_is_being_done)
{
	expect_right_within(2, INTERLEAVE_ALL,
	                    (struct plan){ .users = 1, .pieces = 2, .limit = 2, .meet = true });
}

TEST(interleave_work_is_withdrawn_or_run)
{
	for (int n = 1; n <= 2; n++)
		expect_right(
			(struct plan){ .users = 1, .pieces = n, .limit = 1, .withdraws = true });
}

TEST(interleave_work_is_left_to_itself)
{
	for (int n = 1; n <= 2; n++)
		expect_right((struct plan){ .users = 1, .pieces = n, .limit = 1, .lets_go = true });
}

TEST(interleave_work_is_refused_when_no_thread_can_be_started)
{
	expect_right((struct plan){ .users = 1, .pieces = 1, .limit = 1, .refusals = 1 });
	expect_right((struct plan){ .users = 2, .pieces = 1, .limit = 2, .refusals = 1 });
}

TEST(interleave_work_is_run_while_the_number_of_threads_is_changed)
{
	expect_right((struct plan){ .users = 1, .pieces = 1, .limit = 2, .new_limit = 1 });
	expect_right_within(1, 2,
	                    (struct plan){ .users = 1, .pieces = 2, .limit = 2, .new_limit = 1 });
	expect_right_within(1, 2,
	                    (struct plan){ .users = 1, .pieces = 2, .limit = 1, .new_limit = 2 });
}

/* ---- does it bite? ------------------------------------------------------------------------ */

static const struct fault {
	struct plan parts;
	struct interleave_mutant mutant;
	const char *message; /* how it is told */
} faults[] = {
	{ { .users = 1, .pieces = 2, .limit = 1, .one_by_one = true },
	  { .name = "a thread looks for work before it says that it is idle",
	    .function = "publish",
	    .what = "&pool.wanting",
	    .change = INTERLEAVE_LATE,
	    .late = 1 },
	  "waits for ever" },
	{ { .users = 2, .pieces = 1, .limit = 1 },
	  { .name = "fresh work is taken in two steps",
	    .function = "drain",
	    .what = "&pool.fresh",
	    .change = INTERLEAVE_SPLIT },
	  "waits for ever" },
};

static void expect_found(const struct fault *fault)
{
	if (explore(fault->parts, INTERLEAVE_ALL, &fault->mutant))
		FAIL("not found: %s", fault->mutant.name);
	else if (strstr(result.text, fault->message) == NULL)
		FAIL("%s: not '%s' but %s", fault->mutant.name, fault->message, result.text);
	printf("# %s: found in interleaving %lu\n", fault->mutant.name, result.executions);
}

TEST(interleave_deliberate_faults_of_the_threads_are_found)
{
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		expect_found(&faults[i]);
}
