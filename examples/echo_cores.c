// SPDX-License-Identifier: MIT
/* echo_cores.c PORT: an echo server on all processors, until SIGINT.
 *
 * Each loop has a server of its own at the same port, and the system spreads the connections among
 * them. They share nothing, so nothing is locked. */
#include <bide.h>
#include <bide/serve.h>
#include <errno.h>
#include <stdio.h>

BIDE_ASYNC_LIGHT(int, echo, bide_stream *);

int echo(bide_stream *stream)
{
	char *line;
	ssize_t n;
	char answer[64];
	while ((n = bide_stream_readline(stream, &line)) > 0) {
		int size = snprintf(answer, sizeof(answer), "core %u: %.40s\n", bide_core_number(),
		                    line);
		n = bide_stream_write(stream, answer, (size_t)size);
		if (n < 0)
			break;
	}
	return (int)n;
}

BIDE_ASYNC(int, serve, const char *);

int serve(const char *port)
{
	const bide_server_options options = { .reuse_port = true, .grace = 1 };
	return bide_serve_forever("127.0.0.1", port, &options, echo);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: echo_cores PORT\n");
		return 2;
	}
	int rc = bide_run_on_cores(0, serve, argv[1]);
	if (rc < 0 && rc != -ECANCELED)
		fprintf(stderr, "%s\n", bide_strerror(rc));
	return rc < 0 && rc != -ECANCELED;
}
