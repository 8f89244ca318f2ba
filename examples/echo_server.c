// SPDX-License-Identifier: MIT
/* echo_server.c [PORT]: sends back what comes, to any number of clients, until SIGINT.
 *
 * The handler is light: a client that says nothing costs less than a kilobyte. It looks at what has
 * come where the stream keeps it; an array of its own would be kept for each client that waits. */
#include <bide.h>
#include <bide/serve.h>
#include <errno.h>
#include <stdio.h>

BIDE_ASYNC_LIGHT(int, echo, bide_stream *);

int echo(bide_stream *stream)
{
	const void *data;
	ssize_t n;
	while ((n = bide_stream_peek(stream, 1, &data)) > 0) {
		n = bide_stream_write(stream, data, (size_t)n);
		if (n < 0)
			break;
		bide_stream_consume(stream, (size_t)n);
	}
	return (int)n; /* 0: the client has closed its side */
}

BIDE_ASYNC(int, serve, const char *);

int serve(const char *port)
{
	bide_server *server;
	bide_address address;
	char text[BIDE_ADDRESS_MAX];
	int rc = bide_start_server("127.0.0.1", port, NULL, &server, echo);
	if (rc < 0)
		return rc;
	rc = bide_server_address(server, 0, &address);
	printf("listening at %s\n", bide_address_format(&address, text));
	fflush(stdout);
	if (rc == 0)
		rc = bide_server_wait(server); /* until SIGINT cancels this task */
	BIDE_SHIELD {
		bide_server_stop(server, 1); /* a second for those who are in the middle of it */
	}
	bide_server_close(server);
	return rc;
}

int main(int argc, char **argv)
{
	int rc = bide_run(serve, argc > 1 ? argv[1] : "0");
	if (rc < 0 && rc != -ECANCELED)
		fprintf(stderr, "%s\n", bide_strerror(rc));
	return rc < 0 && rc != -ECANCELED;
}
