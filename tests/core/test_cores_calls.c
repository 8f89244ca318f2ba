// SPDX-License-Identifier: MIT
/* Loops that call each other, and wait for that: as long as one of them can go on, the others wait;
 * when none can, it is a deadlock. */
#include "core/child_kit.h"
#include "core/cores_kit.h"

#include <sys/eventfd.h>

static struct inbox inboxes[MOST];

static void want(int calls)
{
	for (int i = 0; i < MOST; i++)
		inboxes[i] = (struct inbox){ .enough = BIDE_EVENT_INIT, .wanted = calls };
}

static int wait_for_calls(void)
{
	return bide_event_wait(&inboxes[bide_core_number()].enough);
}

static int call(unsigned number)
{
	return bide_call_threadsafe(bide_core_loop(number), receive, &inboxes[number]);
}

/* ---- many calls --------------------------------------------------------------------------- */

enum { CALLS = 100000 };

/* Calls all the others so often, and waits until they have called as often. */
static BIDE_ASYNC(int, call_others, int);
static int call_others(int times)
{
	for (int i = 0; i < times; i++) {
		for (unsigned other = 0; other < bide_core_count(); other++)
			if (other != bide_core_number())
				CHECK_RET(call(other) == 0, -EIO);
		if (i % 100 == 0)
			EXPECT_INT(bide_yield(), 0);
	}
	return wait_for_calls();
}

TEST(cores_call_each_other_many_times)
{
	TEST_TIMEOUT(100);
	want(CALLS);
	EXPECT_INT(bide_run_on_cores(2, call_others, CALLS), 0);
	EXPECT_INT(inboxes[0].got, CALLS);
	EXPECT_INT(inboxes[1].got, CALLS);
}

TEST(cores_call_all_others)
{
	TEST_TIMEOUT(100);
	want((MOST - 1) * 1000);
	EXPECT_INT(bide_run_on_cores(MOST, call_others, 1000), 0);
	for (int i = 0; i < MOST; i++)
		EXPECT_INT(inboxes[i].got, (MOST - 1) * 1000);
}

/* A ball that goes to and fro: with each call one of them waits for the other alone. */
static void catch_it(void *arg)
{
	const unsigned other = 1 - bide_core_number();
	int *left = arg;
	if (--*left > 0) {
		EXPECT_INT(bide_call_threadsafe(bide_core_loop(other), catch_it, left), 0);
		return;
	}
	receive(&inboxes[1 - other]);
	EXPECT_INT(call(other), 0);
}

static BIDE_ASYNC(int, wait_readable, int);
static int wait_readable(int fd)
{
	return bide_wait_fd(fd, BIDE_READABLE);
}

static BIDE_ASYNC_LIGHT(int, play, int *, int);
static int play(int *left, int fd)
{
	if (fd >= 0)
		bide_detach(bide_spawn(wait_readable, fd));
	EXPECT_INT(bide_sleep(0.001), 0);
	if (bide_core_number() == 0)
		catch_it(left);
	return wait_for_calls();
}

TEST(cores_wait_for_each_other_in_turn)
{
	int left = 4000, fd = eventfd(0, 0);
	TEST_TIMEOUT(100);
	want(1);
	EXPECT_INT(bide_run_on_cores(2, play, &left, -1), 0);
	EXPECT_INT(left, 0);
	left = 4000;
	want(1);
	EXPECT_INT(bide_run_on_cores(2, play, &left, fd), 0);
	EXPECT_INT(left, 0);
	close(fd);
}

/* ---- those that have ended ---------------------------------------------------------------- */

static BIDE_ASYNC(int, end_or_call, void);
static int end_or_call(void)
{
	int rc = 0;
	if (bide_core_number() == 0)
		return 0;
	want(1);
	while (rc == 0 && (rc = call(0)) == 0)
		rc = bide_sleep(0.0001);
	EXPECT(bide_core_loop(0) != NULL);
	return rc == -BIDE_ELOOP ? 0 : -EIO;
}

TEST(cores_that_have_ended_refuse_calls)
{
	EXPECT_INT(bide_run_on_cores(2, end_or_call), 0);
}

static BIDE_ASYNC(int, end_or_wait, unsigned);
static int end_or_wait(unsigned who)
{
	if (bide_core_number() != who)
		return bide_core_number() == 2 ? bide_sleep(0.01) : 0;
	int rc = wait_for_calls();
	EXPECT_INT(rc, -EDEADLK);
	return rc;
}

TEST(cores_that_wait_for_none_are_in_a_deadlock)
{
	bide_set_report(keep_report, NULL);
	want(1);
	for (unsigned who = 0; who < 2; who++) {
		EXPECT_INT(bide_run_on_cores(3, end_or_wait, who), -EDEADLK);
		EXPECT_INT(reports(), (int)who + 1);
		EXPECT_INT(report.error, -EDEADLK);
		EXPECT(strstr(report.message, "'end_or_wait' (#1) waits in bide_event_wait"));
	}
	EXPECT_INT(bide_run_on_cores(1, end_or_wait, 0U), -EDEADLK);
	EXPECT_INT(reports(), 3);
}

/* ---- whether any can go on ---------------------------------------------------------------- */

static BIDE_ASYNC(int, wait_in_vain, void);
static int wait_in_vain(void)
{
	int rc = wait_for_calls();
	EXPECT_INT(rc, -EDEADLK);
	return rc;
}

TEST(cores_that_all_wait_are_in_a_deadlock)
{
	bide_set_report(keep_report, NULL);
	want(1);
	for (unsigned n = 1; n <= MOST; n++) {
		int before = reports();
		EXPECT_INT(bide_run_on_cores(n, wait_in_vain), -EDEADLK);
		EXPECT_INT(reports() - before, (int)n);
	}
}

/* After calls that have gone to and fro for a while. */
static BIDE_ASYNC(int, play_and_wait, int *);
static int play_and_wait(int *left)
{
	if (bide_core_number() == 0)
		catch_it(left);
	EXPECT_INT(wait_for_calls(), 0);
	bide_event_clear(&inboxes[bide_core_number()].enough);
	return wait_in_vain();
}

TEST(cores_find_a_deadlock_after_many_calls)
{
	bide_set_report(keep_report, NULL);
	for (int i = 0; i < 200; i++) {
		int left = 1 + i;
		want(1);
		EXPECT_INT(bide_run_on_cores(2, play_and_wait, &left), -EDEADLK);
		EXPECT_INT(reports(), 2 * (i + 1));
	}
}

/* One does something all the time that nobody else can see, and calls the others at last. */
static int compute(void)
{
	nap_ms(20);
	return 0;
}

static int sleep_a_while(void)
{
	return bide_sleep(0.02);
}

static BIDE_ASYNC(int, nap, int);
static int nap(int ms)
{
	nap_ms(ms);
	return 0;
}

static int wait_for_a_job(void)
{
	return bide_to_thread(nap, 20);
}

static int wait_for_a_descriptor(void)
{
	int late, fd = eventfd(0, 0);
	BIDE_TIMEOUT(0.02, late) {
		bide_wait_fd(fd, BIDE_READABLE);
	}
	close(fd);
	return late == -ETIMEDOUT ? 0 : -EIO;
}

static void *call_later(void *arg)
{
	bide_loop *loop = arg;
	nap_ms(20);
	EXPECT_INT(bide_call_threadsafe(loop, receive, &inboxes[2]), 0);
	bide_loop_unref(loop);
	return NULL;
}

/* The reference is another thread's, not the run's. */
static int wait_for_a_thread(void)
{
	pthread_t thread;
	int rc = pthread_create(&thread, NULL, call_later, bide_loop_ref(bide_current_loop()));
	CHECK_RET(rc == 0, -EIO);
	rc = wait_for_calls();
	pthread_join(thread, NULL);
	return rc;
}

static BIDE_ASYNC(int, go_on_or_wait, int (*)(void));
static int go_on_or_wait(int (*go_on_by)(void))
{
	if (bide_core_number() != 2)
		return wait_for_calls();
	int rc = go_on_by();
	return rc < 0 ? rc : call(0) < 0 || call(1) < 0 ? -EIO : 0;
}

TEST(cores_wait_while_one_can_go_on)
{
	int (*const ways[])(void) = { compute, sleep_a_while, wait_for_a_job, wait_for_a_descriptor,
		                      wait_for_a_thread };
	bide_set_report(keep_report, NULL);
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		want(1);
		EXPECT_INT(bide_run_on_cores(3, go_on_or_wait, ways[i]), 0);
	}
	EXPECT_INT(reports(), 0);
}

/* The reference to one is given by another, which waits then; it is all that keeps them. */
static bide_loop *referenced;

static void *unref_later(void *arg)
{
	nap_ms(10);
	EXPECT_INT(reports(), 0);
	bide_loop_unref(referenced);
	return arg;
}

static BIDE_ASYNC(int, keep_a_sibling, pthread_t *);
static int keep_a_sibling(pthread_t *thread)
{
	if (bide_core_number() == 0) {
		EXPECT_INT(bide_sleep(0.005), 0);
		referenced = bide_loop_ref(bide_core_loop(1));
		CHECK_RET(pthread_create(thread, NULL, unref_later, NULL) == 0, -EIO);
	}
	return wait_in_vain();
}

TEST(cores_are_in_a_deadlock_when_the_last_reference_from_outside_is_gone)
{
	pthread_t thread;
	bide_set_report(keep_report, NULL);
	want(1);
	EXPECT_INT(bide_run_on_cores(3, keep_a_sibling, &thread), -EDEADLK);
	pthread_join(thread, NULL);
	EXPECT_INT(reports(), 3);
}

/* A wait during clean-up is one like any other. */
static BIDE_ASYNC(int, clean_up_together, void);
static int clean_up_together(void)
{
	int rc = wait_for_calls();
	EXPECT_INT(rc, -EDEADLK);
	BIDE_SHIELD {
		if (bide_core_number() == 0)
			EXPECT_INT(wait_for_calls(), 0);
		else
			EXPECT_INT(bide_sleep(0.005), 0);
		if (bide_core_number() == 1)
			EXPECT_INT(call(0), 0);
	}
	return rc;
}

TEST(cores_wait_for_each_other_after_a_deadlock)
{
	bide_set_report(keep_report, NULL);
	want(1);
	EXPECT_INT(bide_run_on_cores(2, clean_up_together), -EDEADLK);
	EXPECT_INT(reports(), 2);
}

/* Who does not end although he was told is told again, and that is the end. */
static BIDE_ASYNC(int, wait_shielded, void);
static int wait_shielded(void)
{
	BIDE_SHIELD {
		(void)wait_for_calls();
	}
	return 0;
}

static void run_wait_shielded(void)
{
	want(1);
	(void)bide_run_on_cores(2, wait_shielded);
}

TEST(cores_that_wait_shielded_in_a_deadlock_abort)
{
	struct child child;
	child_run(&child, run_wait_shielded);
	EXPECT(child_died_by(&child, SIGABRT));
	EXPECT(child_said(&child, "bide: bide_run: deadlock: the tasks do not end"));
}
