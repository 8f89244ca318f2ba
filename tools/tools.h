/* SPDX-License-Identifier: MIT */
/* tools.h: what the subcommands of bide share. */
#ifndef BIDE_TOOLS_H
#define BIDE_TOOLS_H

/* Exit statuses. */
enum {
	TOOL_OK = 0,
	TOOL_FAILED = 1, /* of the work something could not be done */
	TOOL_USAGE = 2   /* the arguments make no sense */
};

/* The subcommands: argv[0] is the name of one, and the exit status what it returns. */
int tool_fetch(int argc, char **argv);
int tool_serve(int argc, char **argv);

#endif
