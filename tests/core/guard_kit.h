/* SPDX-License-Identifier: MIT */
/* Whether memory can be touched, asked without dying of it. */
#ifndef GUARD_KIT_H
#define GUARD_KIT_H

#include "core/child_kit.h"

#include <errno.h>
#include <fcntl.h>

/* The kernel reads the byte in our place, and finds that it may not. */
static inline bool can_touch(const volatile void *at)
{
	int ends[2];
	bool can = false;

	if (pipe(ends) < 0)
		abort();
	can = write(ends[1], (const void *)(uintptr_t)at, 1) == 1;
	EXPECT(can || errno == EFAULT);
	close(ends[0]);
	close(ends[1]);
	return can;
}

/* What is touched by touch_it(), in a child. */
static volatile char *to_touch;

static inline void touch_it(void)
{
	*to_touch = 1;
}

/* Whether a process that writes there dies of it. */
static inline bool kills(volatile char *at)
{
	struct child child;

	to_touch = at;
	child_run(&child, touch_it);
	return WIFSIGNALED(child.status) && WTERMSIG(child.status) == SIGSEGV;
}

#endif
