// SPDX-License-Identifier: MIT
/* 3-tasks.c: a task is what asyncio.create_task returns; here bide_spawn does. */
#include "3-tasks.h"

#include "0-basic_async_syntax.h"

bide_task *task_wait_random(double max_delay)
{
	return bide_spawn(wait_random, max_delay);
}
