// SPDX-License-Identifier: MIT
/* signals.c: the signals by which somebody ends a subcommand. */
#include "tools.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

static const int ends[] = { SIGINT, SIGTERM };

enum { N_ENDS = sizeof(ends) / sizeof(*ends) };

static bool is_ignored(int signal_number)
{
	struct sigaction action;
	return sigaction(signal_number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

int tool_signals_open(bide_signals **ret_signals)
{
	int watched[N_ENDS];
	size_t n = 0;
	for (int i = 0; i < N_ENDS; i++)
		if (!is_ignored(ends[i]))
			watched[n++] = ends[i];
	*ret_signals = NULL;
	return n > 0 ? bide_signals_open(watched, n, ret_signals) : 0;
}

void tool_signals_close(bide_signals *signals)
{
	bide_signals_close(signals);
	for (int i = 0; i < N_ENDS; i++)
		if (!is_ignored(ends[i]))
			signal(ends[i], SIG_DFL);
}
