// SPDX-License-Identifier: MIT
/* Closing streams, whoever is in them; layers; making them. */
#include "io/streams_kit.h"
#include "io/transport_kit.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>

/* ---- with others in it -------------------------------------------------------------------- */

static BIDE_ASYNC_LIGHT(ssize_t, read_near, void);
static ssize_t read_near(void)
{
	char c;
	return bide_stream_read(near, &c, 1);
}

static BIDE_ASYNC_LIGHT(long, write_near, void);
static long write_near(void)
{
	static char data[1 << 20];
	return (long)bide_stream_write(near, data, sizeof data);
}

STREAMS_TEST(close_ends_the_calls_of_others)
{
	bide_task *reader = bide_spawn(read_near);
	bide_task *writer = bide_spawn(write_near);
	bide_task *waiting = bide_spawn(write_near);
	bide_sleep(0.002);
	bide_stream *stream = near;
	EXPECT_INT(bide_stream_close(stream), -BIDE_ECUT);
	near = NULL;
	CHECK_INT(bide_await(ssize_t, reader), -EBADF);
	long n = bide_await(long, writer);
	CHECK(n > 0 && n < 1 << 20);
	CHECK_INT(bide_await(long, waiting), -EBADF);
}

static BIDE_ASYNC_LIGHT(ssize_t, read_line_near, void);
static ssize_t read_line_near(void)
{
	char *line;
	return bide_stream_readline(near, &line);
}

static BIDE_ASYNC_LIGHT(ssize_t, read_much_near, void);
static ssize_t read_much_near(void)
{
	static char data[5000];
	return bide_stream_read_exactly(near, data, sizeof data);
}

/* Has `near` closed by this task when another one has been told that a part has come, and has not
 * run yet. */
static void close_on_a_part(bide_task *reader, ssize_t result)
{
	bide_sleep(0.001);
	if (kind == SOCKETS)
		CHECK_INT(write(bide_stream_fd(far), "abc", 3), 3);
	else
		put("abc");
	bide_yield();
	bide_stream *stream = near;
	EXPECT_INT(bide_stream_close(stream), 0);
	near = NULL;
	ssize_t n = bide_await(ssize_t, reader);
	CHECK(n == -EBADF || n == result);
}

STREAMS_TEST(close_ends_the_wait_for_the_rest_of_a_line)
{
	close_on_a_part(bide_spawn(read_line_near), -EBADF);
}

STREAMS_TEST(close_ends_the_wait_for_the_rest_of_a_piece)
{
	close_on_a_part(bide_spawn(read_much_near), 3);
}

STREAMS_TEST(close_sends_what_is_gathered)
{
	char buf[16] = "";
	CHECK_INT(bide_stream_set_write_buffer(far, 64), 0);
	put("good bye");
	EXPECT_INT(bide_stream_close(far), 0);
	far = NULL;
	CHECK_INT(bide_stream_read_exactly(near, buf, sizeof buf), 8);
	CHECK_STR(buf, "good bye");
}

STREAMS_TEST(close_in_a_cancelled_task_drops_what_is_not_sent)
{
	enum { ROOM = 1 << 20 };
	static char data[ROOM];
	int rc = 0, closed = 0;
	CHECK_INT(bide_stream_set_write_buffer(far, ROOM), 0);
	CHECK_INT(bide_stream_write(far, data, ROOM), ROOM);
	BIDE_TIMEOUT(0.002, rc)
		closed = bide_stream_close(far);
	far = NULL;
	CHECK_INT(closed, -ETIMEDOUT);
	CHECK_INT(rc, -ETIMEDOUT);
}

STREAMS_TEST(abort_drops_what_is_gathered)
{
	char c;
	CHECK_INT(bide_stream_set_write_buffer(far, 64), 0);
	put("x");
	bide_stream_abort(far);
	far = NULL;
	CHECK(bide_stream_read(near, &c, 1) <= 0);
}

STREAMS_TEST(who_was_interrupted_can_go_on)
{
	bide_task *reader = bide_spawn(read_near);
	bide_sleep(0.001);
	bide_stream_interrupt(near);
	CHECK_INT(bide_await(ssize_t, reader), -EBADF);
	reader = bide_spawn(read_near);
	put("x");
	CHECK_INT(bide_await(ssize_t, reader), 1);
}

TEST(no_stream_is_closed_without_complaint)
{
	CHECK_INT(bide_stream_close(NULL), 0);
	bide_stream_abort(NULL);
}

/* ---- a reset ------------------------------------------------------------------------------ */

/* Two ends of a TCP connection. */
static void connect_over_tcp(int fds[2])
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof in;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	EXPECT_INT(bind(listener, (struct sockaddr *)&in, size), 0);
	EXPECT_INT(listen(listener, 1), 0);
	EXPECT_INT(getsockname(listener, (struct sockaddr *)&in, &size), 0);
	EXPECT_INT(connect(fds[0], (struct sockaddr *)&in, size), 0);
	fds[1] = accept(listener, NULL, NULL);
	close(listener);
}

static BIDE_ASYNC_LIGHT(void, read_after_a_reset, void);
static void read_after_a_reset(void)
{
	int fds[2];
	char c;
	connect_over_tcp(fds);
	CHECK_INT(bide_stream_open(fds[0], fds[0], &near), 0);
	CHECK_INT(bide_stream_open(fds[1], fds[1], &far), 0);
	bide_stream_abort(far);
	for (int i = 0; i < 3; i++)
		CHECK_INT(bide_stream_read(near, &c, 1), -ECONNRESET);
	CHECK(!bide_stream_at_end(near));
	CHECK_INT(bide_stream_close(near), 0);
}

TEST(a_reset_is_told_again_and_again)
{
	CHECK_INT(bide_try_run(NULL, NULL, read_after_a_reset), 0);
}

static BIDE_ASYNC_LIGHT(void, read_after_a_write_was_reset, void);
static void read_after_a_write_was_reset(void)
{
	int fds[2];
	char c;
	ssize_t n;
	connect_over_tcp(fds);
	CHECK_INT(bide_stream_open(fds[0], fds[0], &near), 0);
	CHECK_INT(bide_stream_open(fds[1], fds[1], &far), 0);
	CHECK_INT(bide_stream_write(far, "x", 1), 1);
	bide_stream_abort(far);
	do
		n = bide_stream_write(near, "x", 1);
	while (n > 0);
	CHECK_INT(n, -ECONNRESET);
	CHECK_INT(bide_stream_read(near, &c, 1), 1);
	for (int i = 0; i < 3; i++)
		CHECK_INT(bide_stream_read(near, &c, 1), -ECONNRESET);
	CHECK(!bide_stream_at_end(near));
	CHECK_INT(bide_stream_close(near), 0);
}

TEST(a_reset_is_told_to_who_reads_and_to_who_writes)
{
	CHECK_INT(bide_try_run(NULL, NULL, read_after_a_write_was_reset), 0);
}

static BIDE_ASYNC_LIGHT(void, tell_addresses, void);
static void tell_addresses(void)
{
	int fds[2];
	bide_address local, peer;
	char one[BIDE_ADDRESS_MAX], two[BIDE_ADDRESS_MAX];
	connect_over_tcp(fds);
	CHECK_INT(bide_stream_open(fds[0], fds[0], &near), 0);
	CHECK_INT(bide_stream_open(fds[1], fds[1], &far), 0);
	CHECK_INT(bide_stream_fd(near), fds[0]);
	CHECK_INT(bide_stream_local_address(near, &local), 0);
	CHECK_INT(bide_stream_peer_address(far, &peer), 0);
	CHECK_STR(bide_address_format(&local, one), bide_address_format(&peer, two));
	CHECK(strncmp(one, "127.0.0.1:", 10) == 0);
	CHECK_INT(bide_stream_close(near), 0);
	CHECK_INT(bide_stream_close(far), 0);
}

TEST(a_stream_tells_its_addresses)
{
	CHECK_INT(bide_try_run(NULL, NULL, tell_addresses), 0);
}

/* ---- making them -------------------------------------------------------------------------- */

static BIDE_ASYNC(void, open_wrongly, void);
static void open_wrongly(void)
{
	bide_stream *stream = NULL;
	bide_address address;
	char c;
	CHECK_INT(bide_stream_open(-1, -1, &stream), -EBADF);
	CHECK_INT(bide_stream_open(9999, -1, &stream), -EBADF);
	CHECK_NULL(stream);
	int fd = open("/dev/null", O_WRONLY);
	CHECK_INT(bide_stream_open(-1, fd, &stream), 0);
	CHECK_INT(bide_stream_read(stream, &c, 1), -EBADF);
	CHECK_INT(bide_stream_local_address(stream, &address), -ENOTSOCK);
	CHECK_INT(bide_stream_write(stream, "x", 1), 1);
	CHECK_INT(bide_stream_close(stream), 0);
	CHECK_INT(fcntl(fd, F_GETFD), -1);
}

TEST(a_stream_needs_a_descriptor)
{
	CHECK_INT(bide_try_run(NULL, NULL, open_wrongly), 0);
}

static BIDE_ASYNC(void, use_one_way, void);
static void use_one_way(void)
{
	int fds[2];
	char c, *line;
	CHECK_INT(pipe(fds), 0);
	CHECK_INT(bide_stream_open(fds[0], -1, &near), 0);
	CHECK_INT(bide_stream_open(-1, fds[1], &far), 0);
	CHECK_INT(bide_stream_set_write_buffer(near, 64), -EBADF);
	CHECK_INT(bide_stream_write(near, "x", 1), -EBADF);
	CHECK_INT(bide_stream_write(near, "", 0), -EBADF);
	CHECK_INT(bide_stream_flush(near), -EBADF);
	CHECK_INT(bide_stream_shutdown(near), -EBADF);
	CHECK_INT(bide_stream_read(far, &c, 1), -EBADF);
	CHECK_INT(bide_stream_readline(far, &line), -EBADF);
	CHECK(!bide_stream_at_end(far));
	put("x");
	CHECK_INT(bide_stream_read(near, &c, 1), 1);
	CHECK_INT(bide_stream_close(near), 0);
	CHECK_INT(bide_stream_close(far), 0);
}

TEST(a_stream_of_one_direction_refuses_the_other)
{
	CHECK_INT(bide_try_run(NULL, NULL, use_one_way), 0);
}

TEST_ABORTS(a_stream_needs_a_loop, "bide_stream_pair: no loop on this thread")
{
	bide_stream *pair[2];
	(void)!bide_stream_pair(0, pair);
}

static void *ask_for_the_descriptor(void *stream)
{
	(void)bide_stream_fd(stream);
	return NULL;
}

static BIDE_ASYNC(void, ask_elsewhere, void);
static void ask_elsewhere(void)
{
	bide_stream *pair[2];
	pthread_t thread;
	CHECK_INT(bide_stream_pair(0, pair), 0);
	CHECK_INT(pthread_create(&thread, NULL, ask_for_the_descriptor, pair[0]), 0);
	pthread_join(thread, NULL);
}

TEST_ABORTS(a_stream_is_of_one_thread, "bide_stream_fd: ")
{
	bide_run(ask_elsewhere);
}

static BIDE_ASYNC(void, open_messages, void);
static void open_messages(void)
{
	static const int types[] = { SOCK_DGRAM, SOCK_SEQPACKET };
	for (int i = 0; i < 2; i++) {
		int fds[2];
		bide_stream *stream = NULL;
		CHECK_INT(socketpair(AF_UNIX, types[i], 0, fds), 0);
		CHECK_INT(bide_stream_open(fds[0], fds[0], &stream), -EINVAL);
		CHECK_INT(bide_stream_open(-1, fds[0], &stream), -EINVAL);
		CHECK_NULL(stream);
		close(fds[0]);
		close(fds[1]);
	}
}

TEST(a_socket_of_messages_is_no_stream)
{
	CHECK_INT(bide_try_run(NULL, NULL, open_messages), 0);
}

static BIDE_ASYNC(void, close_after_a_part, void);
static void close_after_a_part(void)
{
	enum { MUCH = 16 << 20 };
	char *much = calloc(1, MUCH);
	int fds[2];
	ssize_t n = 0;
	connect_over_tcp(fds);
	CHECK_INT(bide_stream_open(fds[0], fds[0], &near), 0);
	CHECK_INT(bide_stream_open(fds[1], fds[1], &far), 0);
	BIDE_TIMEOUT(0.01)
		n = bide_stream_write(far, much, MUCH);
	CHECK(n > 0 && n < MUCH);
	CHECK_INT(bide_stream_close(far), -BIDE_ECUT);
	while ((n = bide_stream_read(near, much, MUCH)) > 0)
		continue;
	CHECK_INT(n, -ECONNRESET);
	CHECK_INT(bide_stream_close(near), 0);
	free(much);
}

TEST(a_part_of_a_write_is_not_taken_for_the_whole)
{
	CHECK_INT(bide_try_run(NULL, NULL, close_after_a_part), 0);
}

/* ---- layers ------------------------------------------------------------------------------- */

/* A layer that changes upper case to lower, in both directions. */
static char lowered(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static ssize_t lower_read(void *object, void *buf, size_t size)
{
	bide_stream *const *below = object;
	ssize_t n = bide_stream_read(*below, buf, size);
	for (ssize_t i = 0; i < n; i++)
		((char *)buf)[i] = lowered(((char *)buf)[i]);
	return n;
}

static ssize_t lower_write(void *object, const struct iovec *buffers, int n)
{
	bide_stream *const *below = object;
	const char *from = buffers[0].iov_base;
	char c = lowered(from[0]);
	(void)n;
	return bide_stream_write(*below, &c, 1);
}

static void lower_interrupt(void *object)
{
	bide_stream *const *below = object;
	bide_stream_interrupt(*below);
}

static int lower_close(void *object, bool abort)
{
	bide_stream *const *below = object;
	if (!abort)
		return bide_stream_close(*below);
	bide_stream_abort(*below);
	return 0;
}

static bide_stream *lower_below(void *object)
{
	return *(bide_stream **)object;
}

static const bide_transport lower = { "lower",         lower_read,  NULL,        lower_write, NULL,
	                              lower_interrupt, lower_close, lower_below, NULL };

STREAMS_TEST(a_layer_goes_between_a_stream_and_its_user)
{
	static bide_stream *below; /* the layer's object, which other tasks look at */
	char buf[16] = "";
	put("First SECOND");
	CHECK_INT(bide_stream_read(near, buf, 6), 6);
	CHECK_STR(buf, "First ");
	const int fd = bide_stream_fd(near);
	CHECK_INT(bide_stream_push(near, &lower, &below, &below), 0);
	CHECK_INT(bide_stream_fd(near), fd);
	CHECK_INT(bide_stream_read_exactly(near, buf, 6), 6);
	CHECK_MEM(buf, "second", 6);
	CHECK_INT(bide_stream_write(near, "ANSWER", 6), 6);
	CHECK_INT(bide_stream_read_exactly(far, buf, 6), 6);
	CHECK_MEM(buf, "answer", 6);
	CHECK_INT(bide_stream_shutdown(near), -ENOTSUP);
	bide_task *reader = bide_spawn(read_near);
	bide_sleep(0.001);
	bide_stream *stream = near;
	EXPECT_INT(bide_stream_close(stream), 0);
	near = NULL;
	CHECK_INT(bide_await(ssize_t, reader), -EBADF);
	CHECK_INT(bide_stream_read(far, buf, sizeof buf), 0);
}

STREAMS_TEST(a_transport_finds_its_object_and_no_other)
{
	static bide_stream *below;
	CHECK_NULL(bide_stream_object(near, &lower));
	CHECK_INT(bide_stream_push(near, &lower, &below, &below), 0);
	CHECK_PTR(bide_stream_object(near, &lower), &below);
	CHECK_NULL(bide_stream_object(below, &lower));
}

/* A layer under which each call of another task ends well when it is interrupted. */
struct slow {
	bide_event interrupted;
	bool shut_down;
};

static ssize_t slow_write(void *object, const struct iovec *buffers, int n)
{
	struct slow *slow = object;
	(void)n;
	int rc = bide_event_wait(&slow->interrupted);
	return rc < 0 ? rc : (ssize_t)buffers[0].iov_len;
}

static int slow_shutdown(void *object)
{
	((struct slow *)object)->shut_down = true;
	return 0;
}

static void slow_interrupt(void *object)
{
	bide_event_set(&((struct slow *)object)->interrupted);
}

static BIDE_ASYNC_LIGHT(int, shut_down, bide_stream *);
static int shut_down(bide_stream *stream)
{
	return bide_stream_shutdown(stream);
}

static BIDE_ASYNC(void, close_on_a_shutdown, void);
static void close_on_a_shutdown(void)
{
	static const bide_transport transport = { "slow",     NULL,          NULL,
		                                  slow_write, slow_shutdown, slow_interrupt,
		                                  no_close,   NULL,          NULL };
	static struct slow slow;
	bide_stream *stream;
	slow = (struct slow){ .shut_down = false };
	CHECK_INT(bide_stream_new(&transport, &slow, &stream), 0);
	CHECK_INT(bide_stream_set_write_buffer(stream, 64), 0);
	CHECK_INT(bide_stream_write(stream, "x", 1), 1);
	bide_task *other = bide_spawn(shut_down, stream);
	bide_yield();
	CHECK_INT(bide_stream_close(stream), 0);
	CHECK_INT(bide_await(int, other), -EBADF);
	CHECK(!slow.shut_down);
}

TEST(close_lets_nobody_begin_to_shut_down)
{
	CHECK_INT(bide_try_run(NULL, NULL, close_on_a_shutdown), 0);
}

STREAMS_TEST(a_write_buffer_stays_above_a_layer)
{
	static bide_stream *below;
	char c = 0;
	ssize_t n = 0;
	CHECK_INT(bide_stream_set_write_buffer(near, 64), 0);
	CHECK_INT(bide_stream_push(near, &lower, &below, &below), 0);
	CHECK_INT(bide_stream_write(near, "X", 1), 1);
	BIDE_TIMEOUT(0.001)
		n = bide_stream_read(far, &c, 1);
	CHECK_INT(n, -ETIMEDOUT);
	CHECK_INT(bide_stream_flush(near), 0);
	BIDE_TIMEOUT(1)
		n = bide_stream_read(far, &c, 1);
	CHECK_INT(n, 1);
	CHECK_INT(c, 'x');
}

STREAMS_TEST(a_layer_is_not_put_on_a_stream_in_use)
{
	bide_stream *below = NULL;
	CHECK_INT(bide_stream_set_write_buffer(near, 64), 0);
	CHECK_INT(bide_stream_write(near, "x", 1), 1);
	CHECK_INT(bide_stream_push(near, &lower, &below, &below), -EBUSY);
	CHECK_INT(bide_stream_flush(near), 0);
	bide_task *reader = bide_spawn(read_near);
	bide_sleep(0.001);
	CHECK_INT(bide_stream_push(near, &lower, &below, &below), -EBUSY);
	CHECK_NULL(below);
	put("x");
	CHECK_INT(bide_await(ssize_t, reader), 1);
}

static BIDE_ASYNC_LIGHT(long, read_lightly, bide_stream *);
static long read_lightly(bide_stream *stream)
{
	char byte;
	return bide_stream_read(stream, &byte, 1);
}

/* Who waits at the other end is told of what is sent, not of the close. */
STREAMS_TEST(a_close_that_sends_something_does_not_turn_out_the_other_side)
{
	CHECK_INT(bide_stream_set_write_buffer(far, 100), 0);
	CHECK_INT(bide_stream_write(far, "x", 1), 1);
	bide_task *here = bide_spawn(read_lightly, near), *there = bide_spawn(read_lightly, far);
	bide_sleep(0.001);
	EXPECT_INT(bide_stream_close(far), 0);
	far = NULL;
	CHECK_INT(bide_await(long, there), -EBADF);
	CHECK_INT(bide_await(long, here), 1);
}
