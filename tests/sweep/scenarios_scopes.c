// SPDX-License-Identifier: MIT
/* Scenarios of cancellation itself: deadlines, scopes, shields, in one another. */
#include "sweep/tasks.h"

#include <math.h>

SCENARIO(a_timeout_that_fires, 1)
{
	int fired = 0, rc = 0;
	double began = bide_now();
	BIDE_TIMEOUT(2, fired) {
		rc = bide_sleep(10);
		HOLDS(rc < 0);
		HOLDS(bide_sleep(10) == rc || sweep_starves());
	}
	HOLDS(fired == rc || fired == 0 || sweep_starves());
	HOLDS(rc != -ETIMEDOUT || fired != -ETIMEDOUT || bide_now() - began <= 2);
	return fired == -ETIMEDOUT ? 1 : fired < 0 ? fired : rc;
}

SCENARIO(a_timeout_in_time, 1)
{
	int fired = -1, rc = 0;
	BIDE_TIMEOUT(2, fired) {
		HOLDS(bide_deadline() <= 2 || bide_deadline() == INFINITY || bide_now() > 0);
		rc = bide_sleep(1);
	}
	return fired < 0 ? fired : rc < 0 ? rc : 1;
}

SCENARIO(timeouts_in_timeouts, 1)
{
	int outer = 0, middle = 0, inner = 0, rc = 0;
	BIDE_TIMEOUT(3, outer) {
		BIDE_TIMEOUT(100, middle) {
			BIDE_TIMEOUT(1, inner) {
				rc = bide_await(int, bide_spawn(careful, 50, 1));
			}
			if (inner == -ETIMEDOUT)
				rc = bide_sleep(50);
		}
	}
	if (sweep_starves() && (inner == -ENOMEM || middle == -ENOMEM || outer == -ENOMEM))
		return -ENOMEM;
	HOLDS(inner < 0 || middle < 0 || outer < 0 || rc < 0);
	if (inner == -ETIMEDOUT && middle == 0 && outer == -ETIMEDOUT)
		return 1;
	return rc < 0 ? rc : -ECANCELED;
}

static int within_here(int *fired)
{
	BIDE_TIMEOUT_HERE(1, *fired);
	if (*fired < 0)
		return *fired;
	int rc = 0;
	for (int i = 0; i < 10 && rc == 0; i++)
		rc = bide_sleep(0.4);
	return rc;
}

SCENARIO(a_timeout_to_the_end_of_a_function, 1)
{
	int fired = 0;
	int rc = within_here(&fired);
	HOLDS(rc < 0);
	return rc == -ETIMEDOUT && fired == -ETIMEDOUT ? 1 : rc;
}

SCENARIO(a_timeout_at_a_time, 1)
{
	int fired = 0, rc = 0;
	BIDE_TIMEOUT_AT(bide_now() + 1, fired) {
		rc = bide_join(bide_spawn(nap, 5, 1));
	}
	if (fired != -ETIMEDOUT)
		return fired < 0 ? fired : rc < 0 ? rc : -ECANCELED;
	fired = 0;
	BIDE_TIMEOUT_AT(bide_now() - 1, fired) {
		rc = bide_yield();
		HOLDS(rc < 0);
	}
	return fired == -ETIMEDOUT ? 1 : fired < 0 ? fired : rc;
}

SCENARIO(a_deadline_that_is_moved, 1)
{
	bide_scope *scope = NULL;
	double began = bide_now();
	int rc = bide_scope_open(1, &scope);
	if (rc < 0)
		return rc;
	rc = bide_scope_reschedule(scope, 5);
	int slept = rc < 0 ? rc : bide_sleep(3);
	if (slept == 0)
		slept = bide_scope_reschedule(scope, 1);
	if (slept == 0)
		slept = bide_sleep(10);
	int fired = bide_scope_close(scope);
	HOLDS(slept < 0);
	if (fired == -ETIMEDOUT && bide_now() - began == 4)
		return 1;
	return slept;
}

BIDE_ASYNC(int, cancels_scope, bide_scope *);

int cancels_scope(bide_scope *scope)
{
	tally.entered++;
	int rc = bide_sleep(1);
	if (rc == 0)
		bide_scope_cancel(scope);
	tally.left++;
	return rc;
}

SCENARIO(a_scope_that_another_task_cancels, 1)
{
	int fired = 0, rc = 0, inside = 0;
	BIDE_SCOPE(scope, fired) {
		bide_task *other = bide_spawn(cancels_scope, scope);
		inside = bide_sleep(10);
		/* It must not outlive the scope. */
		rc = bide_join(other);
	}
	if (fired == -ECANCELED && inside == -ECANCELED && rc == 0)
		return 1;
	return rc < 0 ? rc : fired < 0 ? fired : inside < 0 ? inside : -ENOMEM;
}

SCENARIO(a_shielded_section, 3)
{
	int rc = 0, fired = 0;
	tally.acquired++;
	BIDE_TIMEOUT(1, fired) {
		BIDE_SHIELD {
			int held = bide_await(int, bide_spawn(nap, 2, 3));
			/* Itself may be cancelled, but not by way of this task. */
			HOLDS(held == 3 || sweep_explained(held));
			HOLDS(bide_cancelled() == 0);
			held = bide_sleep(1);
			HOLDS(held == 0 || sweep_starves());
			BIDE_SHIELD {
				held = bide_sleep(1);
				HOLDS(held == 0 || sweep_starves());
			}
			tally.released++;
			tally.extra[0]++;
		}
		rc = bide_sleep(1);
	}
	if (fired == -ENOMEM) {
		tally.released++;
		return fired;
	}
	HOLDS(tally.extra[0] == 1);
	return fired == -ETIMEDOUT ? 3 : fired < 0 ? fired : rc < 0 ? rc : -ENOMEM;
}

SCENARIO(shields_and_deadlines_in_turn, 1)
{
	int outer = 0, inner = 0, rc = 0;
	BIDE_TIMEOUT(1, outer) {
		BIDE_SHIELD {
			BIDE_TIMEOUT(3, inner) {
				rc = bide_sleep(10);
				HOLDS(rc < 0);
			}
			HOLDS(inner == rc || sweep_starves());
		}
		rc = bide_yield();
	}
	if (sweep_starves())
		return inner == -ETIMEDOUT && outer == -ETIMEDOUT ? 1 : -ENOMEM;
	if (inner == -ETIMEDOUT && outer == -ETIMEDOUT)
		return 1;
	return outer < 0 ? outer : rc < 0 ? rc : inner;
}

SCENARIO(a_group_within_a_timeout, 1)
{
	int fired = 0, rc = 0;
	double began = bide_now();
	BIDE_TIMEOUT(2, fired) {
		BIDE_GROUP(group, rc) {
			for (int i = 0; i < 4; i++)
				bide_group_spawn(group, careful, 1 + i, 1);
		}
	}
	HOLDS(tally.entered == tally.left);
	HOLDS(bide_now() - began <= 2.25);
	return fired == -ETIMEDOUT && rc == -ETIMEDOUT ? 1
	       : fired < 0                             ? fired
	       : rc < 0                                ? rc
	                                               : -ECANCELED;
}

SCENARIO(a_timeout_within_the_tasks_of_a_group, 8)
{
	struct sum sum = { 0, 0 };
	int rc = 0;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 4; i++) {
			int fired = 0, slept = 0;
			bide_group_spawn(group, careful, 3, 1);
			BIDE_TIMEOUT(0.5, fired) {
				slept = bide_sleep(10);
			}
			sum_add(&sum, fired == -ETIMEDOUT ? 1 : fired < 0 ? fired : slept);
		}
		for (bide_task *t; (t = bide_group_next(group)) != NULL;)
			sum_add(&sum, bide_await(int, t));
		sum_add(&sum, bide_cancelled());
	}
	sum_of_group(&sum, rc);
	return sum_result(&sum);
}

SCENARIO(an_endless_sleep, 1)
{
	int fired = 0, rc = 0;
	BIDE_TIMEOUT(1e6, fired) {
		rc = bide_sleep(INFINITY);
		HOLDS(rc < 0);
	}
	return fired == -ETIMEDOUT ? 1 : rc < 0 ? rc : fired;
}

SCENARIO(a_section_that_does_not_suspend, 1)
{
	int rc = bide_yield();
	BIDE_NO_SUSPEND {
		HOLDS(bide_now() >= 0);
	}
	return rc < 0 ? rc : 1;
}
