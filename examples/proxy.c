// SPDX-License-Identifier: MIT
/* proxy.c PLACE HOST PORT: passes on what its clients say, line by line, to a server, and what that
 * answers back to them; and shows both.
 *
 * Each direction is a task of one group: when one fails the other is cancelled, and when one has
 * come to its end the other goes on until it has come to its own. */
#include <bide.h>
#include <bide/connect.h>
#include <bide/serve.h>
#include <errno.h>
#include <stdio.h>

struct target {
	const char *host, *port;
};

BIDE_ASYNC(int, pass_on, bide_stream *, bide_stream *, const char *);

int pass_on(bide_stream *from, bide_stream *to, const char *arrow)
{
	static const bide_bytes newline = { "\n", 1 };
	const void *line;
	ssize_t n;
	while ((n = bide_stream_read_until(from, &newline, 1, &line)) > 0) {
		printf("%s %.*s", arrow, (int)n, (const char *)line);
		fflush(stdout);
		n = bide_stream_write(to, line, (size_t)n);
		if (n < 0)
			break;
	}
	return n < 0 ? (int)n : bide_stream_shutdown(to);
}

/* A full task, as it gives its streams to others. */
BIDE_ASYNC(int, proxy, bide_stream *, const struct target *);

int proxy(bide_stream *client, const struct target *target)
{
	bide_stream *server;
	int rc = bide_open_connection(target->host, target->port, NULL, &server);
	if (rc < 0)
		return rc;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, pass_on, client, server, ">");
		bide_group_spawn(group, pass_on, server, client, "<");
	}
	int closed = bide_stream_close(server);
	return rc < 0 ? rc : closed;
}

BIDE_ASYNC(int, serve, const char *, const struct target *);

int serve(const char *place, const struct target *target)
{
	return bide_serve_forever(place, "0", NULL, proxy, target);
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: proxy PLACE HOST PORT\n");
		return 2;
	}
	const struct target target = { argv[2], argv[3] };
	int rc = bide_run(serve, argv[1], &target);
	if (rc < 0 && rc != -ECANCELED)
		fprintf(stderr, "%s\n", bide_strerror(rc));
	return rc < 0 && rc != -ECANCELED;
}
