// SPDX-License-Identifier: MIT
/* Every scenario with its k-th allocation failing, for every k: it ends with its result or with
 * -ENOMEM, never with an abort, and nothing is left. The scenarios are in scenarios_*.c. */
#include "sweep/strike.h"

void sweep_scenario(const struct scenario *scenario)
{
	strike_sweep(scenario, STRIKE_ALLOC);
}
