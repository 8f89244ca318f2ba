// SPDX-License-Identifier: MIT
/* strike.c: see strike.h.
 *
 * Points are counted from the opening of the loop on, so that a point means the same in each run
 * of a scenario up to where it strikes. At every suspension, struck or not, the loop is looked
 * through for what must not be; when the run is over, for what is left; and when the loop is
 * closed, whether all memory and all descriptors have been given back. */
#include "sweep/strike.h"

#include "base/alloc.h"
#include "base/random.h"
#include "core/cancel.h"
#include "core/proc_kit.h"
#include "core/task.h"
#include "sweep/calls.h"
#include "sweep/check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	STORMS = 100,    /* ways in which a storm is let loose on a scenario */
	SAMPLE = 40,     /* points a scenario and way, unless all are wanted */
	FAULTS_MAX = 10, /* after so many a scenario is not run any further */
};

BIDE_ASYNC(int, sweep_main, const struct scenario *);
BIDE_ASYNC_LIGHT(int, sweep_light_main, const struct scenario *);

struct sweep_tally tally;

static struct {
	const struct strike *strike; /* the present one */
	long suspensions;            /* since its loop was opened */
	int reports[BIDE_REPORT_SLOW + 1];
	struct bide__random random; /* of a storm */
	int faults;                 /* found in this scenario */
} now;

/* ---- messages ------------------------------------------------------------------------------- */

static const char *const kinds[] = { "allocation",
	                             "system call, point",
	                             "suspension, task",
	                             "suspension, main task",
	                             "suspension, scopes",
	                             "suspension, deadlines",
	                             "suspension, all tasks",
	                             "storm" };
static const char *const lights[] = { "auto", "shared", "strict", "evict" };
static const char *const backends[] = { "auto", "io_uring", "epoll", "virtual" };

/* Where things are, in memory of its own: it may be called from a signal handler. */
static const char *here(void)
{
	static char text[160];
	const struct strike *s = now.strike;
	const struct calls_fault *call = calls_struck();
	if (s == NULL)
		return "";
	int n = snprintf(text, sizeof(text), "[%s, %s, light %s, %s %ld", s->scenario->name,
	                 backends[s->backend], lights[s->light], kinds[s->kind], s->k);
	if (s->kind == STRIKE_CALL && call->call != NULL)
		n += snprintf(text + n, sizeof(text) - (size_t)n, ", %s fails with %d", call->call,
		              call->error);
	snprintf(text + n, sizeof(text) - (size_t)n, "]");
	return text;
}

void sweep_holds(bool holds, const char *file, int line, const char *what)
{
	if (holds)
		return;
	now.faults++;
	test__fail(file, line, "%s: %s", here(), what);
}

#define FAULT(...) \
	do { \
		char what[200]; \
		snprintf(what, sizeof(what), __VA_ARGS__); \
		sweep_holds(false, __FILE__, __LINE__, what); \
	} while (0)

/* Says where a run was that did not end, or ended badly. */
static void say_where(void)
{
	const char *text = here();
	(void)!write(STDERR_FILENO, text, strlen(text));
	(void)!write(STDERR_FILENO, "\n", 1);
}

void test_dump(void)
{
	say_where();
	bide_dump(STDERR_FILENO);
}

static void on_crash(int signal_number)
{
	say_where();
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

static void watch_crashes(void)
{
	static const int signals[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL };
	struct sigaction action;
	memset(&action, 0, sizeof(action));
	action.sa_handler = on_crash;
	action.sa_flags = SA_ONSTACK;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

static void on_report(void *arg, const bide_report *report)
{
	(void)arg;
	now.reports[report->kind]++;
}

/* ---- what scenarios ask --------------------------------------------------------------------- */

static bool storms(void)
{
	return now.strike->kind == STRIKE_STORM && now.strike->k > 0;
}

bool sweep_starves(void)
{
	return storms() || (now.strike->kind == STRIKE_ALLOC && now.strike->k > 0);
}

bool sweep_cancels(void)
{
	return now.strike->kind != STRIKE_ALLOC && now.strike->kind != STRIKE_CALL &&
	       now.strike->k > 0;
}

bool sweep_reported(void)
{
	return now.reports[BIDE_REPORT_FAILURE] > 0;
}

static bool a_call_failed(void)
{
	return now.strike->kind == STRIKE_CALL && calls_struck()->call != NULL;
}

/* Whose call fails has others stop. */
static bool explained_by_call(int rc)
{
	const struct calls_fault *fault = calls_struck();
	return !fault->unnoticed && (rc == -fault->error || rc == -ECANCELED);
}

bool sweep_explained(int rc)
{
	if (rc >= 0)
		return true;
	return (sweep_starves() && rc == -ENOMEM) || (a_call_failed() && explained_by_call(rc)) ||
	       (sweep_cancels() && (rc == -ECANCELED || rc == -ETIMEDOUT));
}

/* ---- the main task -------------------------------------------------------------------------- */

int sweep_main(const struct scenario *scenario)
{
	return scenario->body();
}

int sweep_light_main(const struct scenario *scenario)
{
	return scenario->body();
}

/* ---- striking ------------------------------------------------------------------------------- */

static void cancel_everyone(bide_loop *loop)
{
	uint32_t slot = 0;
	for (struct bide__task *t; (t = bide__record_next(&loop->pool, &slot)) != NULL;)
		bide__cancel_task(loop, t);
}

/* Calls this for the scopes around a task, its own and those of the groups it is in. */
static void fire_scopes(bide_loop *loop, struct bide__task *task, int code)
{
	struct bide_scope *scopes[64];
	size_t n = 0;
	for (struct bide__task *at = task;; at = at->group->scope.owner) {
		for (struct bide_scope *s = bide__innermost(at); s != NULL && n < 64; s = s->outer)
			scopes[n++] = s;
		if (at->group == NULL || code == -ECANCELED)
			break;
	}
	for (size_t i = 0; i < n; i++) {
		struct bide_scope *scope = scopes[code == -ECANCELED ? i : n - 1 - i];
		bide__cancel_scope(loop, scope, scope->is_group ? -ECANCELED : code);
	}
}

static void hit(bide_loop *loop, struct bide__task *task, enum strike_kind kind)
{
	switch (kind) {
	case STRIKE_ALLOC:
	case STRIKE_CALL:
	case STRIKE_STORM:
		break;
	case STRIKE_TASK:
		bide__cancel_task(loop, task);
		break;
	case STRIKE_MAIN:
		if (loop->main != NULL)
			bide__cancel_task(loop, loop->main);
		break;
	case STRIKE_SCOPES:
		fire_scopes(loop, task, -ECANCELED);
		break;
	case STRIKE_DEADLINES:
		fire_scopes(loop, task, -ETIMEDOUT);
		break;
	case STRIKE_ALL:
		cancel_everyone(loop);
		break;
	}
}

/* At some of the suspensions something is cancelled, and some allocation soon after one that failed
 * fails again. */
static void blow(bide_loop *loop, struct bide__task *task)
{
	enum { EVERY = 12, WITHIN = 60 };
	if (bide__random_below(&now.random, EVERY) == 0)
		hit(loop, task, (enum strike_kind)bide__random_below(&now.random, STRIKE_STORM));
	if (bide__alloc_hook.countdown == 0)
		bide__alloc_hook.countdown = 1 + (long)bide__random_below(&now.random, WITHIN);
}

static void on_park(bide_loop *loop, struct bide__task *task)
{
	if (now.faults < FAULTS_MAX) {
		const char *fault = sweep_fault_running(loop);
		if (fault != NULL)
			FAULT("at suspension %ld: %s", now.suspensions + 1, fault);
	}
	now.suspensions++;
	if (storms())
		blow(loop, task);
	else if (now.suspensions == now.strike->k)
		hit(loop, task, now.strike->kind);
}

/* ---- one run -------------------------------------------------------------------------------- */

/* Whether the strike came before this moment; without, all must be as announced. */
static bool struck(void)
{
	const struct strike *s = now.strike;
	if (s->kind == STRIKE_ALLOC)
		return bide__alloc_hook.failures > 0;
	if (s->kind == STRIKE_CALL)
		return a_call_failed();
	if (s->kind == STRIKE_STORM)
		return s->k > 0;
	return s->k > 0 && now.suspensions >= s->k;
}

static void judge_result(int rc, int result)
{
	const struct scenario *scenario = now.strike->scenario;
	if (rc == 0 && result == scenario->expected)
		return;
	if (rc < 0 && struck() && sweep_explained(rc))
		return;
	FAULT("ended with %d, result %d instead of %d", rc, result, scenario->expected);
}

static void judge_tally(void)
{
	HOLDS(tally.entered == tally.left);
	HOLDS(tally.acquired == tally.released);
	HOLDS(tally.set == tally.destroyed);
	HOLDS(tally.asked == tally.called);
	HOLDS(tally.running == 0);
	HOLDS(now.reports[BIDE_REPORT_UNENDED] == 0);
	HOLDS(now.reports[BIDE_REPORT_DEADLOCK] == 0);
	HOLDS(now.reports[BIDE_REPORT_STUCK] == 0);
	HOLDS(now.reports[BIDE_REPORT_IGNORED] == 0);
	HOLDS(now.reports[BIDE_REPORT_FAILURE] == 0 || struck());
}

static void run_loop(bide_loop *loop)
{
	const struct scenario *scenario = now.strike->scenario;
	int result = INT_MIN;
	memset(&tally, 0, sizeof(tally));
	memset(now.reports, 0, sizeof(now.reports));
	int rc = scenario->flags & SWEEP_LIGHT_MAIN
	                 ? bide_loop_run(loop, &result, sweep_light_main, scenario)
	                 : bide_loop_run(loop, &result, sweep_main, scenario);
	judge_result(rc, result);
	judge_tally();
	if (scenario->after != NULL)
		scenario->after();
	const char *fault = sweep_fault_at_rest(loop);
	if (fault != NULL)
		FAULT("after the run: %s", fault);
}

static void open_and_run(void)
{
	const struct strike *s = now.strike;
	const bide_options options = { .backend = s->backend,
		                       .light = s->light,
		                       .seed = 1,
		                       .shuffle = (s->scenario->flags & SWEEP_SHUFFLE) != 0 };
	bide_loop *loop = NULL;
	int rc = bide_loop_open(&options, &loop);
	if (rc < 0) {
		if (!(struck() && sweep_explained(rc)))
			FAULT("the loop cannot be opened: %d", rc);
		return;
	}
	loop->on_park = on_park;
	run_loop(loop);
	if (s->scenario->flags & SWEEP_TWICE)
		run_loop(loop);
	bide_loop_close(loop);
}

long strike_once(const struct strike *strike)
{
	bool alloc = strike->kind == STRIKE_ALLOC, call = strike->kind == STRIKE_CALL;
	int fds = strike->scenario->flags & SWEEP_FDS ? count_descriptors() : 0;
	now.strike = strike;
	now.suspensions = 0;
	bide__random_seed(&now.random, test_seed() + (uint64_t)strike->k);
	bide__alloc_arm(alloc ? strike->k : 0);
	calls_arm(call ? strike->k : 0);
	open_and_run();
	const long calls = calls_disarm();
	bide__alloc_disarm();
	if (bide__alloc_hook.live != 0)
		FAULT("%ld blocks were not given back", bide__alloc_hook.live);
	if (strike->scenario->flags & SWEEP_FDS)
		HOLDS(count_descriptors() == fds);
	if (strike->kind == STRIKE_STORM)
		return STORMS;
	if (call)
		return calls;
	return alloc ? (long)bide__alloc_hook.attempts : now.suspensions;
}

/* ---- all of them ---------------------------------------------------------------------------- */

/* Whether a point is in the sample: some SAMPLE of n. */
static bool chosen(struct bide__random *random, long n)
{
	return n <= SAMPLE || bide__random_below(random, (uint64_t)n) < SAMPLE;
}

static void sweep_way(struct strike strike, struct bide__random *random)
{
	bool all = test_everything();
	long n = (strike.k = 0, strike_once(&strike));
	for (strike.k = 1; now.faults < FAULTS_MAX; strike.k++) {
		test_goes_on();
		if (strike.k < n && !all && !chosen(random, n))
			continue;
		if (strike_once(&strike) < strike.k)
			break; /* there is no such point */
	}
}

/* Watchful builds keep light tasks in one way, whatever is asked for. */
static size_t light_ways(void)
{
	return BIDE__BLOCKS_BY_MALLOC ? 1 : 3;
}

static bool have_ring(void)
{
	const bide_options options = { .backend = BIDE_BACKEND_IO_URING };
	bide_loop *loop = NULL;
	int rc = bide_loop_open(&options, &loop);
	if (rc == 0)
		bide_loop_close(loop);
	else
		printf("# io_uring cannot be had here (%d): epoll only\n", rc);
	return rc == 0;
}

void strike_sweep(const struct scenario *scenario, enum strike_kind kind)
{
	static const enum bide_light ways[] = { BIDE_LIGHT_STRICT, BIDE_LIGHT_SHARED,
		                                BIDE_LIGHT_EVICT };
	struct bide__random random;
	watch_crashes();
	bide_set_report(on_report, NULL);
	bide__random_seed(&random, test_seed());
	for (size_t i = 0; i < light_ways(); i++) {
		struct strike strike = { scenario, kind, ways[i], BIDE_BACKEND_VIRTUAL, 0 };
		if (!(scenario->flags & SWEEP_FDS)) {
			sweep_way(strike, &random);
			continue;
		}
		strike.backend = BIDE_BACKEND_EPOLL;
		sweep_way(strike, &random);
		/* Where it is not asked for by name, it need not be had. */
		strike.backend = kind == STRIKE_CALL ? BIDE_BACKEND_AUTO : BIDE_BACKEND_IO_URING;
		if (have_ring())
			sweep_way(strike, &random);
	}
	now.strike = NULL;
}
