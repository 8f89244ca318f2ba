// SPDX-License-Identifier: MIT
/* Streams over a bad network. A client sends a text and a server sends back what it reads, each in
 * every style of reading and writing, through a proxy that does one thing after the other to the
 * bytes. Whatever that is, what each gets is the beginning of the text, and neither hangs. */
#include "fault/listener.h"
#include "fault/proxy.h"

#include "harness/test.h"

#include <bide.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- the text ----------------------------------------------------------------------------- */

enum { TEXT = 6000, LONGEST = 97 };

static char text[TEXT];

/* Lines of many lengths. */
static void write_text(void)
{
	for (size_t at = 0, line = 0; at < TEXT; line++) {
		const size_t length = 2 + line * 31 % (LONGEST - 2);
		for (size_t i = 0; i < length && at < TEXT; i++, at++)
			text[at] = i == length - 2   ? '\r'
			           : i == length - 1 ? '\n'
			                             : (char)('a' + (at + line) % 26);
	}
}

/* ---- what the network does ---------------------------------------------------------------- */

enum { CUT = 3001 }; /* bytes after which it does, in the middle of a line */

/* How a session ends. */
enum ending {
	WHOLE,         /* both get all and then the end */
	SERVER_CUT,    /* the server gets CUT bytes and then the end; the client gets them back */
	CLIENT_CUT,    /* the server gets all, the client CUT bytes and then the end */
	BOTH_RESET,    /* both get CUT bytes at most, and an error */
	CLIENT_RESET,  /* the client does; the server gets so many at least, and may be over */
	CLIENT_SILENT, /* the server gets all, the client CUT bytes and nothing more */
	SERVER_SILENT  /* the server gets CUT bytes and nothing more; the client gets them back */
};

static const struct fault {
	const char *name;
	struct proxy_rules rules;
	enum ending ending;
} faults[] = {
	{ "nothing", { { 0 }, { 0 } }, WHOLE },
	{ "bytes to the server", { { .piece = 1 }, { 0 } }, WHOLE },
	{ "bytes to the client", { { 0 }, { .piece = 1 } }, WHOLE },
	{ "bytes", { { .piece = 1 }, { .piece = 1 } }, WHOLE },
	{ "pieces with delays",
	  { { .piece = 331, .delay_us = 900 }, { .piece = 271, .delay_us = 700 } },
	  WHOLE },
	{ "all at once to the server", { { .gather = TEXT + 1 }, { 0 } }, WHOLE },
	{ "all at once to the client", { { 0 }, { .gather = TEXT + 1 } }, WHOLE },
	{ "much at once", { { .gather = 1000 }, { .gather = 500 } }, WHOLE },
	{ "an end to the server", { { .action = PROXY_END, .after = CUT }, { 0 } }, SERVER_CUT },
	{ "an end to the server, bytes",
	  { { .piece = 1, .action = PROXY_END, .after = CUT }, { .piece = 1 } },
	  SERVER_CUT },
	{ "an end to the client", { { 0 }, { .action = PROXY_END, .after = CUT } }, CLIENT_CUT },
	{ "a close", { { .gather = TEXT }, { .action = PROXY_CLOSE, .after = CUT } }, CLIENT_CUT },
	{ "a reset on the way there",
	  { { .action = PROXY_RESET, .after = CUT }, { 0 } },
	  BOTH_RESET },
	{ "a reset on the way there, bytes",
	  { { .piece = 1, .action = PROXY_RESET, .after = CUT }, { .piece = 1 } },
	  BOTH_RESET },
	{ "a reset on the way back",
	  { { .gather = TEXT }, { .action = PROXY_RESET, .after = CUT } },
	  CLIENT_RESET },
	{ "a stall on the way back",
	  { { 0 }, { .action = PROXY_STALL, .after = CUT } },
	  CLIENT_SILENT },
	{ "loss on the way back",
	  { { 0 }, { .action = PROXY_DROP, .after = CUT } },
	  CLIENT_SILENT },
	{ "a stall on the way there",
	  { { .action = PROXY_STALL, .after = CUT }, { 0 } },
	  SERVER_SILENT },
	{ "loss on the way there",
	  { { .piece = 7, .action = PROXY_DROP, .after = CUT }, { .piece = 1 } },
	  SERVER_SILENT },
};

enum { FAULTS = sizeof faults / sizeof faults[0] };

/* ---- styles ------------------------------------------------------------------------------- */

enum { PIECE = 300 }; /* bytes read or written at once, more than a line has */

/* Each reads some bytes into a buffer of PIECE: their number, 0 at the end, or an error. */

static ssize_t read_some(bide_stream *stream, char *buf)
{
	return bide_stream_read(stream, buf, PIECE);
}

static ssize_t read_frames(bide_stream *stream, char *buf)
{
	return bide_stream_read_exactly(stream, buf, 16);
}

static ssize_t read_lines(bide_stream *stream, char *buf)
{
	char *line;
	ssize_t n = bide_stream_readline(stream, &line);
	const size_t length = n > 0 ? strlen(line) : 0;
	if (n > 0 && EXPECT(length <= (size_t)n && (size_t)n <= length + 2 && n < PIECE))
		memcpy(buf, line, length);
	/* What it has taken off. */
	if ((size_t)n == length + 2)
		memcpy(buf + length, "\r\n", 2);
	else if ((size_t)n == length + 1)
		buf[length] = '\n';
	return n;
}

/* What comes after the last separator is read in another way. */
static ssize_t read_up_to(bide_stream *stream, char *buf)
{
	const bide_bytes separators[] = { { "\r\n", 2 }, { "xyz", 3 }, { "yz", 2 } };
	const void *data;
	ssize_t n = bide_stream_read_until(stream, separators, 3, &data);
	if (n > 0 && EXPECT(n <= PIECE))
		memcpy(buf, data, (size_t)n);
	return n == -BIDE_EINCOMPLETE ? bide_stream_read(stream, buf, PIECE) : n;
}

static ssize_t read_in_place(bide_stream *stream, char *buf)
{
	const void *data;
	ssize_t n = bide_stream_peek(stream, 100, &data);
	if (n <= 0)
		return n;
	if (n > 60)
		n = 60;
	memcpy(buf, data, (size_t)n);
	bide_stream_consume(stream, (size_t)n);
	return n;
}

/* The calls under a stream that holds nothing. */
static ssize_t receive_some(bide_stream *stream, char *buf)
{
	return bide_recv(bide_stream_fd(stream), buf, PIECE, 0);
}

/* Each writes all: their number, or an error. */

static ssize_t send_all(bide_stream *stream, const char *buf, size_t size)
{
	ssize_t n = 0;
	for (size_t sent = 0; sent < size; sent += (size_t)n)
		if ((n = bide_send(bide_stream_fd(stream), buf + sent, size - sent, 0)) < 0)
			return n;
	return (ssize_t)size;
}

static ssize_t write_whole(bide_stream *stream, const char *buf, size_t size)
{
	return bide_stream_write(stream, buf, size);
}

static ssize_t write_parts(bide_stream *stream, const char *buf, size_t size)
{
	char *data = (char *)(uintptr_t)buf;
	const size_t half = size / 2;
	const struct iovec parts[] = { { data, half }, { data, 0 }, { data + half, size - half } };
	return bide_stream_writev(stream, parts, 3);
}

static const struct style {
	const char *name;
	ssize_t (*in)(bide_stream *stream, char *buf);
	ssize_t (*out)(bide_stream *stream, const char *buf, size_t size);
	size_t write_buffer; /* 0: none */
	bool may_miss_reset; /* the other direction may have been told of it */
} styles[] = {
	{ "read", read_some, write_whole, 0, false },
	{ "read_exactly", read_frames, write_parts, 0, false },
	{ "readline", read_lines, write_whole, 256, false },
	{ "read_until", read_up_to, write_parts, 1000, false },
	{ "peek", read_in_place, write_whole, 4096, false },
	{ "recv", receive_some, send_all, 0, true },
};

/* ---- a session ---------------------------------------------------------------------------- */

static struct session {
	const struct style *style;
	struct sockaddr_storage address; /* of the proxy */
	socklen_t size;
	enum ending ending;          /* that is expected */
	size_t to_server, to_client; /* bytes that came */
	int server_end, client_end;  /* 0: the end; or an error */
} session;

/* Counts bytes that came, which must be the next ones of the text. */
static void got(size_t *count, const char *buf, ssize_t n)
{
	if (EXPECT(*count + (size_t)n <= TEXT))
		EXPECT_MEM(buf, text + *count, (size_t)n);
	*count += (size_t)n;
}

static int open_stream(int fd, bide_stream **ret_stream)
{
	int rc = bide_stream_open(fd, fd, ret_stream);
	if (rc == 0 && session.style->write_buffer > 0)
		rc = bide_stream_set_write_buffer(*ret_stream, session.style->write_buffer);
	return rc;
}

static int echo(bide_stream *stream)
{
	char buf[PIECE];
	ssize_t n;
	while ((n = session.style->in(stream, buf)) > 0) {
		got(&session.to_server, buf, n);
		const ssize_t sent = session.style->out(stream, buf, (size_t)n);
		if (sent < n)
			return sent < 0 ? (int)sent : -EPIPE;
		int rc = bide_stream_flush(stream);
		if (rc < 0)
			return rc;
	}
	return n < 0 ? (int)n : bide_stream_shutdown(stream);
}

BIDE_ASYNC_LIGHT(int, serve, int);
int serve(int listener)
{
	bide_stream *stream;
	int fd = bide_accept(listener, NULL, NULL);
	CHECK_RET(fd >= 0 && open_stream(fd, &stream) == 0, -EIO);
	session.server_end = echo(stream);
	bide_stream_close(stream);
	return 0;
}

BIDE_ASYNC(int, send_text, bide_stream *);
int send_text(bide_stream *stream)
{
	ssize_t n = PIECE;
	for (size_t at = 0; at < TEXT && n > 0; at += PIECE)
		n = session.style->out(stream, text + at, TEXT - at < PIECE ? TEXT - at : PIECE);
	return n < 0 ? (int)n : bide_stream_shutdown(stream);
}

/* Whether all has come that will, after which there is silence. */
static bool is_all(bide_stream *stream)
{
	const void *rest;
	ssize_t left = bide_stream_peek(stream, 0, &rest);
	const size_t came = session.to_client + (left > 0 ? (size_t)left : 0);
	if (session.ending == SERVER_SILENT)
		return came + PIECE > CUT && came == session.to_server;
	return session.ending == CLIENT_SILENT && came == CUT;
}

/* No read waits for long, and each is tried again: what one had to wait for is still there. */
static int receive_text(bide_stream *stream)
{
	char buf[PIECE];
	ssize_t n = 0;
	int rc = 0;
	do {
		BIDE_TIMEOUT(0.02, rc) {
			n = session.style->in(stream, buf);
		}
		if (n > 0)
			got(&session.to_client, buf, n);
	} while (n > 0 || (n == -ETIMEDOUT && !is_all(stream)));
	const void *rest;
	if (n == -ETIMEDOUT && (n = bide_stream_peek(stream, 0, &rest)) > 0)
		got(&session.to_client, rest, n);
	return rc < 0 ? rc : (int)n;
}

BIDE_ASYNC(int, talk, int);
int talk(int listener)
{
	bide_stream *stream;
	int rc, fd = socket(session.address.ss_family, SOCK_STREAM, 0);
	session.to_server = session.to_client = 0;
	session.server_end = session.client_end = 1;
	BIDE_GROUP(group, rc) {
		bide_task *server = bide_group_spawn(group, serve, listener);
		EXPECT_INT(bide_connect(fd, (struct sockaddr *)&session.address, session.size), 0);
		EXPECT_INT(open_stream(fd, &stream), 0);
		bide_task *sender = bide_spawn(send_text, stream);
		session.client_end = receive_text(stream);
		if (session.client_end < 0)
			bide_cancel(sender);
		bide_join(sender);
		bide_stream_abort(stream);
		if (session.ending == SERVER_SILENT)
			bide_cancel(server);
	}
	return rc == -ECANCELED ? 0 : rc;
}

/* ---- what is expected --------------------------------------------------------------------- */

/* What a shutdown fails with that comes after a reset is that there is no connection. */
static bool is_broken(int rc)
{
	return rc == -ECONNRESET || rc == -EPIPE || rc == -BIDE_ECUT || rc == -ENOTCONN;
}

static void judge(enum ending ending)
{
	switch (ending) {
	case WHOLE:
		EXPECT_UINT(session.to_server, TEXT);
		EXPECT_INT(session.server_end, 0);
		EXPECT_UINT(session.to_client, TEXT);
		EXPECT_INT(session.client_end, 0);
		break;
	case SERVER_CUT:
		EXPECT_UINT(session.to_server, CUT);
		EXPECT_INT(session.server_end, 0);
		EXPECT_UINT(session.to_client, CUT);
		EXPECT_INT(session.client_end, 0);
		break;
	case CLIENT_CUT:
		EXPECT_UINT(session.to_server, TEXT);
		EXPECT_INT(session.server_end, 0);
		EXPECT_UINT(session.to_client, CUT);
		EXPECT_INT(session.client_end, 0);
		break;
	case BOTH_RESET:
		EXPECT(is_broken(session.server_end));
		EXPECT(is_broken(session.client_end));
		EXPECT(session.to_server <= CUT && session.to_client <= CUT);
		break;
	case CLIENT_RESET:
		EXPECT(session.to_server >= CUT);
		EXPECT(session.server_end == 0 || is_broken(session.server_end));
		EXPECT(is_broken(session.client_end));
		EXPECT(session.to_client <= CUT);
		break;
	case CLIENT_SILENT:
		EXPECT_UINT(session.to_server, TEXT);
		EXPECT_UINT(session.to_client, CUT);
		EXPECT_INT(session.client_end, -ETIMEDOUT);
		break;
	case SERVER_SILENT:
		EXPECT(session.to_client <= session.to_server && session.to_server <= CUT);
		EXPECT(session.to_client + PIECE > CUT);
		EXPECT_INT(session.server_end, -ECANCELED);
		EXPECT_INT(session.client_end, -ETIMEDOUT);
		break;
	}
}

static void run(int listener, const struct fault *fault, const struct style *style)
{
	session.style = style;
	session.ending = fault->ending;
	EXPECT_INT(bide_run(talk, listener), 0);
	judge(fault->ending);
}

static bool resets(const struct proxy_rules *rules)
{
	return rules->to_server.action == PROXY_RESET || rules->to_client.action == PROXY_RESET;
}

/* One style in every fault that it can be told of. A local socket knows no reset. */
static void run_all(int family, const struct style *style)
{
	struct sockaddr_storage server;
	socklen_t size;
	write_text();
	int listener = listen_somewhere(family, &server, &size);
	for (int i = 0; i < FAULTS; i++) {
		if ((family == AF_UNIX || style->may_miss_reset) && resets(&faults[i].rules))
			continue;
		struct proxy *proxy =
			proxy_start((struct sockaddr *)&server, size, &faults[i].rules, 1);
		CHECK(proxy != NULL);
		const struct sockaddr *address = proxy_address(proxy, &session.size);
		memcpy(&session.address, address, session.size);
		printf("%s, %s\n", style->name, faults[i].name);
		fflush(stdout);
		run(listener, &faults[i], style);
		proxy_stop(proxy, NULL);
	}
	close(listener);
}

#define STYLE_TESTS(number, name) \
	TEST(name##_over_tcp) \
	{ \
		run_all(AF_INET, &styles[number]); \
	} \
	TEST(name##_over_local_sockets) \
	{ \
		run_all(AF_UNIX, &styles[number]); \
	}

STYLE_TESTS(0, pieces)
STYLE_TESTS(1, frames)
STYLE_TESTS(2, lines)
STYLE_TESTS(3, pieces_up_to_separators)
STYLE_TESTS(4, bytes_in_place)
STYLE_TESTS(5, pieces_by_descriptor)

/* ---- a reset that one side of a stream is told of ----------------------------------------- */

BIDE_ASYNC(int, write_and_read_after_a_reset, int);
int write_and_read_after_a_reset(int listener)
{
	const struct linger at_once = { 1, 0 };
	bide_stream *stream;
	char byte;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	EXPECT_INT(bide_connect(fd, (struct sockaddr *)&session.address, session.size), 0);
	int other = bide_accept(listener, NULL, NULL);
	setsockopt(other, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	EXPECT_INT(bide_close(other), 0);
	EXPECT_INT(bide_stream_open(fd, fd, &stream), 0);
	EXPECT_INT(bide_stream_write(stream, "x", 1), -ECONNRESET);
	EXPECT_INT(bide_stream_read(stream, &byte, 1), -ECONNRESET);
	EXPECT(!bide_stream_at_end(stream));
	EXPECT_INT(bide_stream_read(stream, &byte, 1), -ECONNRESET);
	bide_stream_abort(stream);
	return 0;
}

TEST(a_reset_that_a_write_is_told_of_is_no_end_to_reads)
{
	int listener = listen_somewhere(AF_INET, &session.address, &session.size);
	EXPECT_INT(bide_run(write_and_read_after_a_reset, listener), 0);
	close(listener);
}
