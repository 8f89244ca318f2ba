// SPDX-License-Identifier: MIT
/* event.c: see bide/sync.h. Setting an event takes all that wait off the list, so clearing it
 * afterwards concerns those only that come later. */
#include "core/select.h"
#include "core/waiters.h"

#include <errno.h>

static const struct bide__wait wait_event = { "bide_event_wait", bide__waiters_cut, NULL };

int bide_event_wait(bide_event *event)
{
	struct bide__task *task = bide__suspending(&wait_event);
	bide_loop *loop = bide__loop;
	if (task->flags & BIDE__TASK_PENDING)
		return bide__refuse(loop, &wait_event);
	if (event->set)
		return 0;
	bide__waiters_add(loop, wait_event.name, &event->waiters, task);
	return bide__park(loop, &wait_event, event);
}

void bide_event_set(bide_event *event)
{
	bide__waiters_check("bide_event_set", &event->waiters);
	event->set = true;
	for (struct bide__task *task; (task = bide__waiters_pop(&event->waiters)) != NULL;)
		bide__wake(bide__loop, task, 0);
}

void bide_event_clear(bide_event *event)
{
	bide__waiters_check("bide_event_clear", &event->waiters);
	event->set = false;
}

bool bide_event_is_set(const bide_event *event)
{
	return event->set;
}

/* ---- as an arm of a select ---------------------------------------------------------------- */

static bool event_ready(bide_loop *loop, bide_arm *arm)
{
	(void)loop;
	return bide_event_is_set(arm->object);
}

static int event_take(bide_loop *loop, const bide_arm *arm)
{
	(void)loop;
	(void)arm;
	return 0;
}

static int event_wait(bide_loop *loop, const bide_arm *arm, struct bide__task *stand_in)
{
	bide_event *event = arm->object;
	bide__waiters_add(loop, bide__select_call, &event->waiters, stand_in);
	stand_in->wait = &wait_event;
	stand_in->object = event;
	return -EAGAIN;
}

const struct bide__arm bide__arm_event = { event_ready, event_take, event_wait, NULL };
