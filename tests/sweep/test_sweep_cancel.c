// SPDX-License-Identifier: MIT
/* Every scenario cancelled at its k-th suspension, for every k: the task that is being suspended,
 * the main task, the scopes around it, and all tasks at once. It ends with its result or with the
 * cancellation, and nothing is left. The scenarios are in scenarios_*.c. */
#include "sweep/strike.h"

void sweep_scenario(const struct scenario *scenario)
{
	for (enum strike_kind kind = STRIKE_TASK; kind <= STRIKE_ALL; kind++)
		strike_sweep(scenario, kind);
}
