// SPDX-License-Identifier: MIT
/* SIGINT while several loops run: it stops them all, whichever has ended. Not by the name of cores,
 * as ThreadSanitizer holds signals back until the thread that they came to calls libc. */
#include "core/child_kit.h"
#include "core/cores_kit.h"
#include "core/sigint_kit.h"

static counter cleaned_up;

/* ---- all are stopped ---------------------------------------------------------------------- */

static int sleep_long(void)
{
	return bide_sleep(1000);
}

static int sleep_for_ever(void)
{
	return bide_sleep(INFINITY);
}

static int yield_on_and_on(void)
{
	int rc;
	while ((rc = bide_yield()) == 0)
		;
	return rc;
}

/* Number `early` ends at once; the others wait, and clean up. */
static BIDE_ASYNC(int, wait_in, int (*)(void), unsigned);
static int wait_in(int (*wait)(void), unsigned early)
{
	if (bide_core_number() == 0)
		interrupt_after(5);
	if (bide_core_number() == early)
		return 0;
	int rc = wait();
	EXPECT_INT(rc, -ECANCELED);
	BIDE_SHIELD {
		EXPECT_INT(bide_sleep(0.001), 0);
		count_up(&cleaned_up);
	}
	return rc;
}

TEST(sigint_stops_all_loops)
{
	int (*const ways[])(void) = { sleep_long, sleep_for_ever, yield_on_and_on };
	bide_set_report(keep_report, NULL);
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		cleaned_up.n = 0;
		EXPECT_INT(bide_run_on_cores(3, wait_in, ways[i], 3U), -ECANCELED);
		EXPECT_INT(counted(&cleaned_up), 3);
		EXPECT(default_action());
	}
	EXPECT_INT(reports(), 0);
}

TEST(sigint_stops_the_loops_that_are_left)
{
	int (*const ways[])(void) = { sleep_long, sleep_for_ever, yield_on_and_on };
	for (unsigned i = 0; i < 6; i++) {
		cleaned_up.n = 0;
		EXPECT_INT(bide_run_on_cores(3, wait_in, ways[i % 3], i / 3), -ECANCELED);
		EXPECT_INT(counted(&cleaned_up), 2);
		EXPECT(default_action());
	}
}

/* One waits for the others alone, and the others for a signal, which may come. */
static BIDE_ASYNC(int, wait_for_calls_or_ever, void);
static int wait_for_calls_or_ever(void)
{
	bide_event never = BIDE_EVENT_INIT;
	if (bide_core_number() == 0)
		interrupt_after(5);
	return bide_core_number() == 1 ? bide_sleep(INFINITY) : bide_event_wait(&never);
}

TEST(sigint_that_may_come_is_no_deadlock)
{
	bide_set_report(keep_report, NULL);
	EXPECT_INT(bide_run_on_cores(3, wait_for_calls_or_ever), -ECANCELED);
	EXPECT_INT(reports(), 0);
}

static BIDE_ASYNC(int, catch_it, int);
static int catch_it(int error)
{
	if (bide_core_number() == 0)
		interrupt_after(5);
	EXPECT_INT(bide_sleep(1000), -ECANCELED);
	count_up(&cleaned_up);
	return bide_core_number() == 1 ? error : 0;
}

TEST(sigint_that_is_caught_is_no_failure)
{
	EXPECT_INT(bide_run_on_cores(3, catch_it, 0), 0);
	EXPECT_INT(bide_run_on_cores(3, catch_it, -EPROTO), -EPROTO);
	EXPECT_INT(bide_run_on_cores(3, catch_it, -ECANCELED), -ECANCELED);
	EXPECT_INT(counted(&cleaned_up), 9);
}

/* One that comes after a failure, to a loop that cleans up. */
static BIDE_ASYNC(int, fail_or_clean_up, void);
static int fail_or_clean_up(void)
{
	if (bide_core_number() == 1)
		return -EDOM;
	EXPECT_INT(bide_sleep(1000), -ECANCELED);
	interrupt_after(5);
	BIDE_SHIELD {
		EXPECT_INT(bide_sleep(0.02), 0);
		count_up(&cleaned_up);
	}
	return -ECANCELED;
}

TEST(sigint_after_a_failure_changes_nothing)
{
	EXPECT_INT(bide_run_on_cores(2, fail_or_clean_up), -EDOM);
	EXPECT_INT(counted(&cleaned_up), 1);
	EXPECT(default_action());
}

TEST(sigint_stops_runs_one_after_the_other)
{
	for (unsigned i = 0; i < 5; i++) {
		EXPECT_INT(bide_run_on_cores(2, wait_in, sleep_long, 2U), -ECANCELED);
		EXPECT(default_action());
	}
}

/* ---- who is not told ---------------------------------------------------------------------- */

static BIDE_ASYNC(int, ignore_it, void);
static int ignore_it(void)
{
	if (bide_core_number() > 0)
		return bide_sleep(1000);
	raise(SIGINT);
	EXPECT_INT(bide_sleep(1000), -ECANCELED);
	raise(SIGINT);
	return 0;
}

TEST_SIGNAL(sigint_for_the_second_time_ends_several_loops, SIGINT, "")
{
	(void)bide_run_on_cores(2, ignore_it);
}

static void *run_on_thread(void *arg)
{
	(void)bide_run_on_cores(2, wait_in, sleep_long, 2U);
	return arg;
}

TEST_SIGNAL(sigint_is_not_handled_for_loops_of_another_thread, SIGINT, "")
{
	pthread_t thread;
	CHECK_INT(pthread_create(&thread, NULL, run_on_thread, NULL), 0);
	pthread_join(thread, NULL);
}

static volatile sig_atomic_t caught;

static void on_interrupt(int signal)
{
	(void)signal;
	caught++;
}

static BIDE_ASYNC(int, interrupt_all, void);
static int interrupt_all(void)
{
	EXPECT_INT(kill(getpid(), SIGINT), 0);
	return bide_sleep(0.005);
}

TEST(sigint_of_programs_with_a_handler_is_theirs_with_several_loops)
{
	signal(SIGINT, on_interrupt);
	EXPECT_INT(bide_run_on_cores(1, interrupt_all), 0);
	EXPECT_INT(caught, 1);
	EXPECT_INT(bide_run_on_cores(3, interrupt_all), 0);
	EXPECT(caught >= 2);
	EXPECT(signal(SIGINT, SIG_DFL) == on_interrupt);
}
