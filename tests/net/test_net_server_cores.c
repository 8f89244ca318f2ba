// SPDX-License-Identifier: MIT
/* A server on each of several loops, at one port. */
#include "net/server_kit.h"

#include <stdatomic.h>

enum { LOOPS = 3, EACH = 40 };

static atomic_int done;   /* loops whose clients have been served */
static atomic_int served; /* connections, by all */

static BIDE_ASYNC_LIGHT(int, count_and_echo, bide_stream *);
static int count_and_echo(bide_stream *stream)
{
	atomic_fetch_add(&served, 1);
	return send_back(stream);
}

static int be_clients(const char *port)
{
	int rc = 0;
	for (int i = 0; i < EACH && rc == 0; i++) {
		bide_stream *stream;
		rc = bide_open_connection("127.0.0.1", port, NULL, &stream);
		if (rc == 0 && !answers(stream, "hello"))
			rc = -EPROTO;
		if (rc == 0)
			rc = bide_stream_close(stream);
	}
	return rc;
}

/* Nobody closes his server while others may be connected to it. */
static int wait_for_all(void)
{
	int rc = 0;
	atomic_fetch_add(&done, 1);
	while (rc == 0 && atomic_load(&done) < LOOPS)
		rc = bide_sleep(0.002);
	return rc;
}

static BIDE_ASYNC(int, serve_and_ask, const char *);
static int serve_and_ask(const char *port)
{
	const bide_server_options options = { .reuse_port = true };
	bide_server *own;
	int rc = bide_start_server("127.0.0.1", port, &options, &own, count_and_echo);
	if (rc < 0)
		return rc;
	rc = be_clients(port);
	if (rc == 0)
		rc = wait_for_all();
	bide_server_close(own);
	return rc;
}

/* A port that is free, kept by a socket that does not listen. */
static int keep_port(char port[8])
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof in;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	EXPECT_INT(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), 0);
	EXPECT_INT(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
	EXPECT_INT(getsockname(fd, (struct sockaddr *)&in, &size), 0);
	snprintf(port, 8, "%d", ntohs(in.sin_port));
	return fd;
}

TEST(each_loop_has_a_server_at_the_same_port)
{
	char port[8];
	int fd = keep_port(port);
	CHECK_INT(bide_run_on_cores(LOOPS, serve_and_ask, port), 0);
	CHECK_INT(atomic_load(&served), LOOPS * EACH);
	close(fd);
}
