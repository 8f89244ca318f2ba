/* SPDX-License-Identifier: MIT */
/* What tests of forks share. */
#ifndef FORK_KIT_H
#define FORK_KIT_H

#include "harness/test.h"

#include <bide.h>
#include <sys/wait.h>

__attribute__((unused)) static BIDE_ASYNC(int, same, int);
__attribute__((unused)) static int same(int n)
{
	return n;
}

/* Expects that the child, or any for -1, has exited with 0. */
static inline void expect_right(pid_t child)
{
	int status = -1;
	EXPECT(waitpid(child, &status, 0) > 0);
	EXPECT_INT(status, 0);
}

#endif
