/* SPDX-License-Identifier: MIT */
/* tools.h: what the subcommands of bide share. */
#ifndef BIDE_TOOLS_H
#define BIDE_TOOLS_H

#include <bide.h>

/* Exit statuses. */
enum {
	TOOL_OK = 0,
	TOOL_FAILED = 1, /* of the work something could not be done */
	TOOL_USAGE = 2   /* the arguments make no sense */
};

/* The subcommands: argv[0] is the name of one, and the exit status what it returns. */
int tool_fetch(int argc, char **argv);
int tool_serve(int argc, char **argv);

/* Opens the signals that end a subcommand. One that was ignored when the program began stays so, as
 * of a job in the background; with none left @p ret_signals gets NULL. 0 or an error. */
int tool_signals_open(bide_signals **ret_signals);

/* Closes them: the next one ends the process at once. */
void tool_signals_close(bide_signals *signals);

/* Raises the limit of descriptors, as far as it may be, so that there are enough for @p n things of
 * which each takes so many. How many there may be at once: at least one, and no more than n. */
size_t tool_descriptors(size_t n, size_t each);

#endif
