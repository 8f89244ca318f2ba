// SPDX-License-Identifier: MIT
/* Every scenario with its k-th system call failing, for every k and each error that the call is
 * known to fail with, and with the k-th operation of io_uring failing: it ends with its result or
 * with that error, never with a hang, and nothing is left. The scenarios are in
 * scenarios_calls.c. */
#include "sweep/calls.h"
#include "sweep/strike.h"

void sweep_scenario(const struct scenario *scenario)
{
	static bool watched;
	if (!watched && !calls_watch())
		SKIP("this system has no filters for system calls");
	watched = true;
	strike_sweep(scenario, STRIKE_CALL);
}
