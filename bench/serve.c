// SPDX-License-Identifier: MIT
/* serve.c: the row of servers of files: what `bide serve --quiet` does, as a program of the
 * runner's. It serves until it is ended, and is measured from outside. */
#include "measure.h"

#include <bide.h>
#include <bide/http_server.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USAGE_ERROR = 2 };

static BIDE_ASYNC(int, serve, const char *, const char *);

static int serve(const char *port, const char *directory)
{
	bide_server *server;
	int rc = bide_http_start_files(directory, "127.0.0.1", port, NULL, &server);
	if (rc == 0)
		rc = bide_server_wait(server);
	return rc;
}

static int run(const char *port, const char *directory)
{
	char files[4096];
	(void)number_in("serve", port, 1, 65535);
	if (snprintf(files, sizeof(files), "%s/files", directory) >= (int)sizeof(files))
		return EXIT_FAILURE;
	int rc = bide_run(serve, port, files);
	fprintf(stderr, "serve: %s\n", bide_strerror(rc));
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--rows") == 0)
		return puts("serve") < 0;
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("bide %s, 1 thread\n", bide_version()) < 0;
	if (argc == 4 && strcmp(argv[1], "serve") == 0)
		return run(argv[2], argv[3]);
	fputs("usage: serve serve PORT DIRECTORY | --rows | --version\n", stderr);
	return USAGE_ERROR;
}
