// SPDX-License-Identifier: MIT
/* A fork while several loops run: the child has the loop that forked, and no other. Not by the
 * name of cores, as ThreadSanitizer loses track in a child. */
#include "core/child_kit.h"
#include "core/cores_kit.h"

static int status_of(pid_t child)
{
	int status = -1;
	EXPECT_INT(waitpid(child, &status, 0), child);
	return status;
}

static int see_oneself_alone(void)
{
	const unsigned me = bide_core_number();
	bool right = bide_core_count() == 3 && bide_core_loop(me) == bide_current_loop();
	for (unsigned i = 0; i < 3; i++)
		right &= (bide_core_loop(i) != NULL) == (i == me);
	right &= bide_sleep(0.001) == 0;
	return right ? 0 : 1;
}

static pid_t parent;

static BIDE_ASYNC(int, fork_in_one, unsigned, bool);
static int fork_in_one(unsigned who, bool return_from_it)
{
	if (bide_core_number() != who)
		return bide_sleep(0.005);
	pid_t child = fork();
	if (child == 0 && !return_from_it)
		_exit(see_oneself_alone());
	if (child == 0)
		return see_oneself_alone() == 0 ? 0 : -EIO;
	EXPECT_INT(status_of(child), 0);
	return 0;
}

TEST(fork_child_has_one_of_several_loops)
{
	for (unsigned who = 0; who < 3; who++)
		EXPECT_INT(bide_run_on_cores(3, fork_in_one, who, false), 0);
}

/* The calling thread is the child's only one in one case, and in the others is not there. */
TEST(fork_child_ends_the_run_with_its_one_loop)
{
	parent = getpid();
	for (unsigned who = 0; who < 3; who++) {
		int rc = bide_run_on_cores(3, fork_in_one, who, true);
		if (getpid() != parent)
			_exit(rc == 0 && who == 0 ? 0 : 1);
		EXPECT_INT(rc, 0);
	}
}

/* In the child alone the wait is one for nobody. */
static BIDE_ASYNC(int, fork_and_wait, void);
static int fork_and_wait(void)
{
	bide_event never = BIDE_EVENT_INIT;
	if (bide_core_number() > 0)
		return bide_sleep(0.02);
	pid_t child = fork();
	if (child == 0) {
		bide_set_report(keep_report, NULL);
		_exit(bide_event_wait(&never) == -EDEADLK ? 0 : 1);
	}
	EXPECT_INT(status_of(child), 0);
	return 0;
}

TEST(fork_child_finds_a_deadlock_of_its_one_loop)
{
	EXPECT_INT(bide_run_on_cores(3, fork_and_wait), 0);
}
