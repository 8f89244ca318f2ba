// SPDX-License-Identifier: MIT
/* Every scenario while cancellations of all kinds and failing allocations strike again and again,
 * in a random order that the seed gives: what two of them do to each other, that one alone does
 * not. The scenarios are in scenarios_*.c. */
#include "sweep/strike.h"

void sweep_scenario(const struct scenario *scenario)
{
	strike_sweep(scenario, STRIKE_STORM);
}
