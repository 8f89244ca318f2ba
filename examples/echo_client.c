// SPDX-License-Identifier: MIT
/* echo_client.c HOST PORT WORD…: sends each word as a line, all at once, and prints what comes
 * back.
 *
 * One task writes while the other reads: a server that answers slowly stops neither. */
#include <bide.h>
#include <bide/connect.h>
#include <stdio.h>
#include <string.h>

BIDE_ASYNC(int, send_words, bide_stream *, char **);

int send_words(bide_stream *stream, char **words)
{
	int rc = bide_stream_set_write_buffer(stream, 4096);
	for (; *words != NULL && rc == 0; words++) {
		ssize_t n = bide_stream_write(stream, *words, strlen(*words));
		if (n >= 0)
			n = bide_stream_write(stream, "\n", 1);
		rc = n < 0 ? (int)n : 0;
	}
	return rc < 0 ? rc : bide_stream_shutdown(stream); /* which sends what is left */
}

static int print_answers(bide_stream *stream)
{
	char *line;
	ssize_t n;
	while ((n = bide_stream_readline(stream, &line)) > 0)
		puts(line);
	return (int)n;
}

BIDE_ASYNC(int, talk, const char *, const char *, char **);

int talk(const char *host, const char *port, char **words)
{
	bide_stream *stream;
	int late, rc = 0;
	BIDE_TIMEOUT(10, late) {
		rc = bide_open_connection(host, port, NULL, &stream);
		if (rc < 0)
			break;
		bide_task *sender = bide_spawn(send_words, stream, words);
		rc = print_answers(stream);
		if (rc < 0)
			bide_cancel(sender);
		int sent = bide_join(sender);
		int closed = bide_stream_close(stream);
		rc = rc < 0 ? rc : sent < 0 ? sent : closed;
	}
	return late < 0 ? late : rc;
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: echo_client HOST PORT WORD…\n");
		return 2;
	}
	int rc = bide_run(talk, argv[1], argv[2], argv + 3);
	if (rc < 0)
		fprintf(stderr, "%s port %s: %s\n", argv[1], argv[2], bide_strerror(rc));
	return rc < 0;
}
