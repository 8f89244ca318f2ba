// SPDX-License-Identifier: MIT
/* 1-concurrent_coroutines.c: n tasks in a group. Nothing is sorted: the longer sleep ends later. */
#include "1-concurrent_coroutines.h"

#include "0-basic_async_syntax.h"

int wait_n(int n, double max_delay, double *delays)
{
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++)
			bide_group_spawn(group, wait_random, max_delay);
		for (bide_task *task; (task = bide_group_next(group));)
			*delays++ = bide_await(double, task);
	}
	return rc;
}
