// SPDX-License-Identifier: MIT
/* Copies from one descriptor to another, of every kind to every kind: all arrives, in order;
 * nothing is lost by a cancellation; the loop turns meanwhile; and no signal is raised. */
#include "core/kinds_kit.h"

#include "core/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MUCH = 300000 };

/* ---- kinds of descriptors ----------------------------------------------------------------- */

enum kind {
	PIPE,
	NONBLOCKING_PIPE,
	LOCAL_SOCKET,
	NONBLOCKING_LOCAL_SOCKET,
	TCP_SOCKET,
	NONBLOCKING_TCP_SOCKET,
	STREAMS,
	DISK = STREAMS,
	APPENDED,
	KINDS
};

/* What is written to `out` comes out of `in`: of a file, from its beginning. */
struct ends {
	int in, out;
};

/* Far less than what is sent finds room, however generous the system is. */
static void set_buffer(int fd, int name)
{
	const int size = 16 * 1024;
	EXPECT_INT(setsockopt(fd, SOL_SOCKET, name, &size, sizeof size), 0);
}

static void connect_tcp(int *fds, int flags)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fds[0] = socket(AF_INET, SOCK_STREAM | flags, 0);
	set_buffer(listener, SO_RCVBUF);
	set_buffer(fds[0], SO_RCVBUF);
	EXPECT_INT(bind(listener, (struct sockaddr *)&address, size), 0);
	EXPECT_INT(listen(listener, 1), 0);
	EXPECT_INT(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	EXPECT_INT(bide_connect(fds[0], (struct sockaddr *)&address, size), 0);
	fds[1] = accept4(listener, NULL, NULL, flags);
	set_buffer(fds[0], SO_SNDBUF);
	set_buffer(fds[1], SO_SNDBUF);
	close(listener);
}

static struct ends open_ends(enum kind kind)
{
	char name[] = "/tmp/bide-copy-XXXXXX";
	int fds[2] = { -1, -1 };
	switch (kind) {
	case PIPE:
	case NONBLOCKING_PIPE:
		EXPECT_INT(pipe2(fds, kind == PIPE ? 0 : O_NONBLOCK), 0);
		break;
	case LOCAL_SOCKET:
	case NONBLOCKING_LOCAL_SOCKET:
		EXPECT_INT(socketpair(AF_UNIX,
		                      SOCK_STREAM | (kind == LOCAL_SOCKET ? 0 : SOCK_NONBLOCK), 0,
		                      fds),
		           0);
		set_buffer(fds[0], SO_SNDBUF);
		set_buffer(fds[1], SO_SNDBUF);
		break;
	case TCP_SOCKET:
	case NONBLOCKING_TCP_SOCKET:
		connect_tcp(fds, kind == TCP_SOCKET ? 0 : SOCK_NONBLOCK);
		break;
	default:
		fds[0] = mkostemp(name, kind == APPENDED ? O_APPEND : 0);
		fds[1] = open(name, O_RDWR | (kind == APPENDED ? O_APPEND : 0));
		unlink(name);
	}
	EXPECT(fds[0] >= 0 && fds[1] >= 0);
	return (struct ends){ fds[0], fds[1] };
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		EXPECT_INT(bide_close(*fd), 0);
	*fd = -1;
}

static void close_ends(struct ends *ends)
{
	close_one(&ends->in);
	close_one(&ends->out);
}

/* ---- who writes and who reads ------------------------------------------------------------- */

static unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 7 + i / 251);
}

/* Writes until it is told to stop, too. */
static BIDE_ASYNC_LIGHT(long, fill, int, size_t, int);
static long fill(int fd, size_t size, int at_end)
{
	unsigned char buf[5000];
	size_t done = 0;
	ssize_t n = 0;
	while (done < size && n >= 0) {
		size_t piece = size - done < sizeof buf ? size - done : sizeof buf;
		for (size_t i = 0; i < piece; i++)
			buf[i] = byte_at(done + i);
		n = bide_write(fd, buf, piece);
		done += n > 0 ? (size_t)n : 0;
	}
	if (at_end)
		(void)bide_close(fd);
	return n < 0 && n != -ECANCELED ? n : (long)done;
}

/* Reads slowly at first. Returns how much came, all of it right. */
static BIDE_ASYNC_LIGHT(long, drain, int, size_t, int);
static long drain(int fd, size_t from, int slowly)
{
	unsigned char buf[7000];
	size_t got = from;
	ssize_t n;
	while ((n = bide_read(fd, buf, sizeof buf)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			CHECK_RET(buf[i] == byte_at(got + (size_t)i), -1);
		got += (size_t)n;
		if (slowly && got < from + 5 * sizeof buf)
			bide_sleep(0.002);
	}
	return n < 0 ? n : (long)(got - from);
}

static int ticks;

static BIDE_ASYNC_LIGHT(void, tick, void);
static void tick(void)
{
	while (bide_sleep(0.001) == 0)
		ticks++;
}

/* What there is to be copied has been written, or is being written. */
static bide_task *feed(enum kind kind, struct ends *source, size_t size)
{
	int end = source->out;
	if (kind >= STREAMS) {
		EXPECT_INT(fill(end, size, 0), size);
		return NULL;
	}
	source->out = -1;
	return bide_spawn(fill, end, size, 1);
}

static const char *const names[KINDS] = { "pipe",         "nonblocking pipe",
	                                  "local socket", "nonblocking local socket",
	                                  "TCP socket",   "nonblocking TCP socket",
	                                  "file",         "appended file" };

/* ---- all to all --------------------------------------------------------------------------- */

static void copy_between(enum kind from, enum kind to)
{
	struct ends source = open_ends(from), target = open_ends(to);
	const int source_flags = fcntl(source.in, F_GETFL), flags = fcntl(target.out, F_GETFL);
	bide_task *reader = NULL, *writer = feed(from, &source, MUCH);
	bide_task *ticking = bide_spawn(tick);
	size_t copied = 1;
	ticks = 0;
	if (to < STREAMS)
		reader = bide_spawn(drain, target.in, 0UL, 1);
	EXPECT_INT(bide_copy_fd(target.out, source.in, SIZE_MAX, &copied), 0);
	EXPECT_UINT(copied, MUCH);
	EXPECT_INT(fcntl(source.in, F_GETFL), source_flags);
	EXPECT_INT(fcntl(target.out, F_GETFL), flags);
	EXPECT_INT(bide_copy_fd(target.out, source.in, SIZE_MAX, &copied), 0);
	EXPECT_UINT(copied, 0);
	close_one(&target.out);
	EXPECT_INT(reader != NULL ? bide_await(long, reader) : drain(target.in, 0, 0), MUCH);
	if (writer != NULL)
		EXPECT_INT(bide_await(long, writer), MUCH);
	if (to < STREAMS)
		EXPECT(ticks > 0);
	bide_cancel(ticking);
	(void)bide_join(ticking);
	close_ends(&source);
	close_ends(&target);
	EXPECT_UINT(bide__loop->in_flight, 0);
}

static void copy_all(void)
{
	for (int from = 0; from < KINDS; from++)
		for (int to = 0; to < KINDS; to++) {
			printf("# %s to %s\n", names[from], names[to]);
			copy_between((enum kind)from, (enum kind)to);
		}
}

KINDS_TASKS(copy, (void)0, copy_all())
static void in_copy(void)
{
}

TEST(copy_brings_all_there_is_from_everywhere_to_everywhere)
{
	KINDS_RUN(copy);
}

#define COPY_TEST(name) STACKS_TEST(name, (void)0, EXPECT_UINT(bide__loop->in_flight, 0))

/* ---- how much ----------------------------------------------------------------------------- */

COPY_TEST(copy_stops_at_its_size)
{
	for (int kind = 0; kind < STREAMS; kind++) {
		struct ends source = open_ends((enum kind)kind), target = open_ends(PIPE);
		char buf[8] = "";
		size_t copied = 0;
		CHECK_INT(write(source.out, "hello", 5), 5);
		CHECK_INT(bide_copy_fd(target.out, source.in, 0, &copied), 0);
		CHECK_UINT(copied, 0);
		CHECK_INT(bide_copy_fd(target.out, source.in, 3, &copied), 0);
		CHECK_UINT(copied, 3);
		CHECK_INT(bide_copy_fd(target.out, source.in, 1, NULL), 0);
		CHECK_INT(read(target.in, buf, sizeof buf), 4);
		CHECK_STR(buf, "hell");
		CHECK_INT(read(source.in, buf, sizeof buf), 1);
		CHECK_INT(buf[0], 'o');
		close_ends(&source);
		close_ends(&target);
	}
}

COPY_TEST(copy_from_a_file_begins_at_its_position_and_moves_it)
{
	struct ends source = open_ends(DISK), target = open_ends(LOCAL_SOCKET);
	char buf[8] = "";
	size_t copied;
	CHECK_INT(write(source.out, "0123456789", 10), 10);
	CHECK_INT(lseek(source.in, 2, SEEK_SET), 2);
	CHECK_INT(bide_copy_fd(target.out, source.in, 3, &copied), 0);
	CHECK_UINT(copied, 3);
	CHECK_INT(lseek(source.in, 0, SEEK_CUR), 5);
	CHECK_INT(read(target.in, buf, sizeof buf), 3);
	CHECK_STR(buf, "234");
	close_ends(&source);
	close_ends(&target);
}

/* ---- cancellation ------------------------------------------------------------------------- */

static BIDE_ASYNC_LIGHT(int, copy_into, int, int, size_t *);
static int copy_into(int to, int from, size_t *copied)
{
	return bide_copy_fd(to, from, SIZE_MAX, copied);
}

/* What has been copied, and what is left, is all there was. Without a reader the copy is cancelled
 * while it waits for room, with one after some turns. */
static void cancel_between(enum kind from, enum kind to, int turns)
{
	static size_t copied;
	struct ends source = open_ends(from), target = open_ends(to);
	bide_task *writer = feed(from, &source, MUCH), *reader = NULL;
	bide_task *copier = bide_spawn(copy_into, target.out, source.in, &copied);
	copied = 0;
	if (turns > 0)
		reader = bide_spawn(drain, target.in, 0UL, 1);
	else
		EXPECT_INT(bide_sleep(0.004), 0);
	while (turns-- > 0)
		EXPECT_INT(bide_yield(), 0);
	bide_cancel(copier);
	EXPECT_INT(bide_await(int, copier), -ECANCELED);
	EXPECT(copied < MUCH);
	EXPECT(copied > 0 || reader != NULL);
	close_one(&target.out);
	EXPECT_INT(reader != NULL ? bide_await(long, reader) : drain(target.in, 0, 0), copied);
	EXPECT_INT(drain(source.in, copied, 0), MUCH - copied);
	if (writer != NULL)
		EXPECT_INT(bide_await(long, writer), MUCH);
	close_ends(&source);
	close_ends(&target);
}

static void cancel_all(void)
{
	for (int from = 0; from <= DISK; from++)
		for (int to = 0; to < STREAMS; to++) {
			printf("# %s to %s\n", names[from], names[to]);
			for (int turns = 0; turns < 6; turns++)
				cancel_between((enum kind)from, (enum kind)to, turns);
		}
}

COPY_TEST(copy_that_is_cancelled_loses_nothing)
{
	cancel_all();
}

COPY_TEST(copy_that_is_cancelled_before_does_nothing)
{
	struct ends source = open_ends(PIPE), target = open_ends(PIPE);
	size_t copied = 1;
	off_t offset = 0;
	CHECK_INT(write(source.out, "x", 1), 1);
	BIDE_TIMEOUT(0) {
		EXPECT_INT(bide_copy_fd(target.out, source.in, 1, &copied), -ETIMEDOUT);
		EXPECT_INT(bide_sendfile(target.out, source.in, &offset, 1), -ETIMEDOUT);
	}
	CHECK_UINT(copied, 0);
	CHECK_INT(bide_copy_fd(target.out, source.in, 1, &copied), 0);
	CHECK_UINT(copied, 1);
	close_ends(&source);
	close_ends(&target);
}

/* ---- errors ------------------------------------------------------------------------------- */

COPY_TEST(copy_to_where_nobody_reads_gives_an_error_and_no_signal)
{
	for (int from = 0; from <= DISK; from++)
		for (int to = 0; to < TCP_SOCKET; to++) {
			struct ends source = open_ends((enum kind)from);
			struct ends target = open_ends((enum kind)to);
			size_t copied = 1;
			off_t offset = 0;
			CHECK_INT(write(source.out, "abc", 3), 3);
			close_one(&target.in);
			CHECK_INT(bide_copy_fd(target.out, source.in, SIZE_MAX, &copied), -EPIPE);
			CHECK_UINT(copied, 0);
			if (from == DISK)
				CHECK_INT(bide_sendfile(target.out, source.in, &offset, 3), -EPIPE);
			CHECK_INT(read(source.in, &(char[4]){ 0 }, 4), 3);
			close_ends(&source);
			close_ends(&target);
		}
}

COPY_TEST(copy_of_what_is_no_stream_is_refused)
{
	struct ends target = open_ends(LOCAL_SOCKET);
	int fds[2];
	off_t offset = 0;
	CHECK_INT(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	CHECK_INT(write(fds[1], "x", 1), 1);
	CHECK_INT(bide_copy_fd(target.out, fds[0], 1, NULL), -EINVAL);
	CHECK_INT(bide_copy_fd(target.out, -1, 1, NULL), -EBADF);
	CHECK_INT(bide_copy_fd(999, target.in, 1, NULL), -EBADF);
	CHECK_INT(bide_sendfile(target.out, fds[0], NULL, 1), -EINVAL);
	CHECK_INT(bide_sendfile(target.out, 999, &offset, 1), -EBADF);
	CHECK_INT(bide_sendfile(-1, target.out, &offset, 1), -EBADF);
	CHECK_INT(close(fds[0]) | close(fds[1]), 0);
	close_ends(&target);
}

static BIDE_ASYNC_LIGHT(int, close_after, double, int);
static int close_after(double seconds, int fd)
{
	int rc = bide_sleep(seconds);
	return rc < 0 ? rc : bide_close(fd);
}

COPY_TEST(copy_ends_when_a_descriptor_is_closed)
{
	for (int kind = 0; kind < STREAMS; kind++)
		for (int which = 0; which < 2; which++) {
			struct ends source = open_ends((enum kind)kind);
			struct ends target = open_ends((enum kind)kind);
			bide_task *writer = NULL;
			int *closed = which == 0 ? &source.in : &target.out;
			if (which == 1)
				writer = feed((enum kind)kind, &source, MUCH);
			bide_task *closer = bide_spawn(close_after, 0.003, *closed);
			CHECK_INT(bide_copy_fd(target.out, source.in, SIZE_MAX, NULL), -EBADF);
			CHECK_INT(bide_await(int, closer), 0);
			*closed = -1;
			if (writer != NULL) {
				bide_cancel(writer);
				CHECK(bide_await(long, writer) > 0);
			}
			close_ends(&source);
			close_ends(&target);
		}
}

/* Through memory, as the kernel copies neither from nor to these. */
COPY_TEST(copy_from_and_to_devices)
{
	int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);
	struct ends target = open_ends(LOCAL_SOCKET);
	const int enough = 1 << 20;
	unsigned char buf[10001];
	size_t copied = 0;
	CHECK_INT(setsockopt(target.out, SOL_SOCKET, SO_SNDBUF, &enough, sizeof enough), 0);
	CHECK_INT(bide_copy_fd(target.out, zero, 10000, &copied), 0);
	CHECK_UINT(copied, 10000);
	memset(buf, 1, sizeof buf);
	CHECK_INT(recv(target.in, buf, sizeof buf, 0), 10000);
	CHECK(buf[0] == 0 && buf[9999] == 0 && buf[10000] == 1);
	CHECK_INT(bide_copy_fd(null, zero, 10000, &copied), 0);
	CHECK_UINT(copied, 10000);
	close(zero);
	close(null);
	close_ends(&target);
}

/* ---- sendfile ----------------------------------------------------------------------------- */

COPY_TEST(sendfile_sends_from_an_offset)
{
	for (int to = 0; to < KINDS; to++) {
		struct ends source = open_ends(DISK), target = open_ends((enum kind)to);
		char buf[8] = "";
		off_t offset = 4;
		CHECK_INT(write(source.out, "0123456789", 10), 10);
		if (to == APPENDED) {
			CHECK_INT(bide_sendfile(target.out, source.in, &offset, 3), -EINVAL);
			close_ends(&source);
			close_ends(&target);
			continue;
		}
		CHECK_INT(bide_sendfile(target.out, source.in, &offset, 3), 3);
		CHECK_INT(offset, 7);
		CHECK_INT(lseek(source.in, 0, SEEK_CUR), 0);
		CHECK_INT(bide_sendfile(target.out, source.in, NULL, 2), 2);
		CHECK_INT(lseek(source.in, 0, SEEK_CUR), 2);
		CHECK_INT(bide_read(target.in, buf, sizeof buf), 5);
		CHECK_STR(buf, "45601");
		offset = 10;
		CHECK_INT(bide_sendfile(target.out, source.in, &offset, 3), 0);
		CHECK_INT(bide_sendfile(target.out, source.in, &offset, 0), 0);
		close_ends(&source);
		close_ends(&target);
	}
}

COPY_TEST(sendfile_waits_for_room_and_the_loop_turns_meanwhile)
{
	for (int to = 0; to < STREAMS; to++) {
		struct ends source = open_ends(DISK), target = open_ends((enum kind)to);
		bide_task *reader = bide_spawn(drain, target.in, 0UL, 1), *ticking;
		off_t offset = 0;
		int calls = 0;
		CHECK_INT(fill(source.out, MUCH, 0), MUCH);
		ticking = bide_spawn(tick);
		ticks = 0;
		for (; offset < MUCH; calls++)
			CHECK(bide_sendfile(target.out, source.in, &offset, MUCH) > 0);
		CHECK_INT(offset, MUCH);
		close_one(&target.out);
		CHECK_INT(bide_await(long, reader), MUCH);
		CHECK(ticks > 0);
		bide_cancel(ticking);
		(void)bide_join(ticking);
		close_ends(&source);
		close_ends(&target);
	}
}

/* As long as nobody reads it waits, and can be given up: with whatever buffer. */
static void send_in_vain(struct ends source, struct ends target)
{
	off_t offset = 0, before = 0;
	ssize_t n = 0;
	int rc;
	BIDE_TIMEOUT(0.02, rc) {
		do {
			before = offset;
			n = bide_sendfile(target.out, source.in, &offset, MUCH);
		} while (n > 0);
	}
	EXPECT_INT(n, -ETIMEDOUT);
	EXPECT_INT(rc, -ETIMEDOUT);
	EXPECT_INT(offset, before);
	EXPECT(offset > 0);
}

COPY_TEST(sendfile_that_times_out_has_sent_nothing)
{
	const int buffers[] = { 0, 1, 10000, 1 << 20 };
	for (int to = 0; to < STREAMS; to++)
		for (int i = 0; i < (to < LOCAL_SOCKET ? 1 : 4); i++) {
			struct ends source = open_ends(DISK), target = open_ends((enum kind)to);
			if (i > 0)
				CHECK_INT(setsockopt(target.out, SOL_SOCKET, SO_SNDBUF, &buffers[i],
				                     sizeof buffers[i]),
				          0);
			CHECK_INT(ftruncate(source.out, 64 << 20), 0);
			send_in_vain(source, target);
			close_one(&target.out);
			close_ends(&source);
			close_ends(&target);
		}
}
