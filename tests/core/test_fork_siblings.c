// SPDX-License-Identifier: MIT
/* A fork while several loops run: the child has none of them. Not by the name of cores, as
 * ThreadSanitizer loses track in a child. */
#include "core/child_kit.h"
#include "core/cores_kit.h"

static int status_of(pid_t child)
{
	int status = -1;
	EXPECT_INT(waitpid(child, &status, 0), child);
	return status;
}

static BIDE_ASYNC(int, same, int);
static int same(int n)
{
	return n;
}

static int see_nobody(void)
{
	bool right = bide_core_count() == 0 && bide_core_number() == 0;
	right &= bide_core_loop(0) == NULL && bide_current_loop() == NULL;
	right &= bide_sleep(0.001) == -BIDE_EFORKED;
	right &= bide_run(same, 3) == 3 && bide_run_on_cores(2, same, 0) == 0;
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
		_exit(see_nobody());
	if (child == 0)
		return see_nobody() == 0 ? 0 : -EIO;
	EXPECT_INT(status_of(child), 0);
	return 0;
}

TEST(fork_child_has_none_of_several_loops)
{
	for (unsigned who = 0; who < 3; who++)
		EXPECT_INT(bide_run_on_cores(3, fork_in_one, who, false), 0);
}

/* The calling thread is the child's only one in one case, and in the others is not there. */
TEST(fork_child_ends_the_run_with_the_task_that_forked)
{
	parent = getpid();
	for (unsigned who = 0; who < 3; who++) {
		int rc = bide_run_on_cores(3, fork_in_one, who, true);
		if (getpid() != parent)
			_exit(rc == 0 && who == 0 ? 0 : 1);
		EXPECT_INT(rc, 0);
	}
}

static BIDE_ASYNC(int, fork_in_a_task, unsigned);
static int fork_in_a_task(unsigned who)
{
	return bide_await(int, bide_spawn(fork_in_one, who, true));
}

TEST(fork_child_of_another_task_has_no_result_of_several_loops)
{
	parent = getpid();
	int rc = bide_run_on_cores(3, fork_in_a_task, 0U);
	if (getpid() != parent)
		_exit(rc == -BIDE_EFORKED ? 0 : 1);
	EXPECT_INT(rc, 0);
}
