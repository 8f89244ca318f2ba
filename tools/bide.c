// SPDX-License-Identifier: MIT
/* bide.c: the command bide, which does nothing itself: its subcommands do. */
#include "tools.h"

#include <bide.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A subcommand; argv[0] is its own name, and the exit status what it returns. */
struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *about;
};

static const struct command commands[] = {
	{ "fetch", tool_fetch, "fetches URLs, many at once" },
	{ "serve", tool_serve, "serves the files of a directory by HTTP" },
	{ NULL, NULL, NULL },
};

static void usage(FILE *out)
{
	fputs("usage: bide COMMAND [ARGUMENT…]\n"
	      "       bide --help | --version\n\n"
	      "commands:\n",
	      out);
	for (const struct command *it = commands; it->name != NULL; it++)
		fprintf(out, "  %-8s %s\n", it->name, it->about);
	fputs("\n`bide COMMAND --help` tells more.\n", out);
}

static const struct command *find(const char *name)
{
	for (const struct command *it = commands; it->name != NULL; it++)
		if (strcmp(it->name, name) == 0)
			return it;
	return NULL;
}

/* What was printed may not have come anywhere. */
static int printed(void)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? TOOL_OK : TOOL_FAILED;
}

/* Where standard input, output or error are closed a file that is opened must not come into their
 * places, or what is written there would come into it: something that fails as they would does. */
static bool keep_places(void)
{
	int fd;
	do
		fd = open("/dev/null", O_PATH);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int main(int argc, char **argv)
{
	if (!keep_places())
		return TOOL_FAILED;
	if (argc < 2) {
		usage(stderr);
		return TOOL_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		usage(stdout);
		return printed();
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("bide %s\n", bide_version());
		return printed();
	}
	const struct command *command = find(argv[1]);
	if (command == NULL) {
		fprintf(stderr, "bide: there is no command %s; see bide --help\n", argv[1]);
		return TOOL_USAGE;
	}
	return command->run(argc - 1, argv + 1);
}
