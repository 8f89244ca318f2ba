// SPDX-License-Identifier: MIT
/* Scenarios of which every system call is the library's, so that each may fail; in real time, of
 * which they take next to none. What they need is set up while calls are not counted.
 *
 * Who fails closes what he has, so that nobody waits for him; whom that stops is cancelled. */
#include "sweep/calls.h"
#include "sweep/tasks.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum { ROUNDS = 3, SIZE = 8 };

/* A close always closes, whatever it says. */
static void close_it(int fd)
{
	int rc = bide_close(fd);
	HOLDS(rc == 0 || sweep_explained(rc));
}

static void close_both(const int *fds)
{
	close_it(fds[0]);
	close_it(fds[1]);
}

/* The end of a stream, and that the other side is gone, are what its failure comes to here. */
static int or_cancelled(ssize_t rc)
{
	if (rc == 0 || ((rc == -EPIPE || rc == -ECONNRESET) && !sweep_explained((int)rc)))
		return -ECANCELED;
	return (int)rc;
}

static int open_sockets(int flags, int *ret_fds)
{
	calls_pause();
	int rc = socketpair(AF_UNIX, SOCK_STREAM | flags, 0, ret_fds);
	calls_resume();
	return rc < 0 ? -errno : 0;
}

/* ---- to and fro, by each kind of call ----------------------------------------------------- */

struct mover {
	ssize_t (*in)(int fd, void *buf, size_t size);
	ssize_t (*out)(int fd, const void *buf, size_t size);
};

static ssize_t receive(int fd, void *buf, size_t size)
{
	return bide_recv(fd, buf, size, 0);
}

static ssize_t send_some(int fd, const void *buf, size_t size)
{
	return bide_send(fd, buf, size, 0);
}

static ssize_t read_two(int fd, void *buf, size_t size)
{
	const struct iovec buffers[] = { { buf, 1 }, { (char *)buf + 1, size - 1 } };
	return size < 2 ? bide_read(fd, buf, size) : bide_readv(fd, buffers, 2);
}

static ssize_t write_two(int fd, const void *buf, size_t size)
{
	char bytes[SIZE];
	memcpy(bytes, buf, size);
	const struct iovec buffers[] = { { bytes, 1 }, { bytes + 1, size - 1 } };
	return bide_writev(fd, buffers, 2);
}

static ssize_t receive_message(int fd, void *buf, size_t size)
{
	struct iovec buffer = { buf, size };
	struct msghdr message = { .msg_iov = &buffer, .msg_iovlen = 1 };
	return bide_recvmsg(fd, &message, 0);
}

static ssize_t send_message(int fd, const void *buf, size_t size)
{
	char bytes[SIZE];
	memcpy(bytes, buf, size);
	struct iovec buffer = { bytes, size };
	const struct msghdr message = { .msg_iov = &buffer, .msg_iovlen = 1 };
	return bide_sendmsg(fd, &message, 0);
}

static const struct mover by_socket = { receive, send_some };
static const struct mover by_read = { bide_read, bide_write };
static const struct mover by_vectors = { read_two, write_two };
static const struct mover by_messages = { receive_message, send_message };

/* All of a piece, which is too small to be split by the system. */
static int get(const struct mover *mover, int fd, char *buf)
{
	int got = 0, rc = 0;
	while (got < SIZE && (rc = (int)mover->in(fd, buf + got, (size_t)(SIZE - got))) > 0)
		got += rc;
	HOLDS(got == 0 || got == SIZE || (got < SIZE && rc < 0));
	return got == SIZE ? got : rc;
}

static int put(const struct mover *mover, int fd, const char *buf)
{
	int rc = (int)mover->out(fd, buf, SIZE);
	HOLDS(rc == SIZE || rc < 0);
	return rc;
}

BIDE_ASYNC_LIGHT(int, give_back, const struct mover *, int);
int give_back(const struct mover *mover, int fd)
{
	char buf[SIZE];
	int rc;
	tally.entered++;
	while ((rc = get(mover, fd, buf)) > 0 && (rc = put(mover, fd, buf)) > 0)
		;
	close_it(fd);
	tally.left++;
	return rc == 0 ? 0 : or_cancelled(rc);
}

/* Returns how many pieces came back as they were. */
static int ask_and_compare(const struct mover *mover, int fd)
{
	char sent[SIZE] = "piece  ", got[SIZE];
	for (int i = 0; i < ROUNDS; i++) {
		sent[6] = (char)('0' + i);
		int rc = or_cancelled(put(mover, fd, sent));
		if (rc > 0)
			rc = or_cancelled(get(mover, fd, got));
		if (rc < 0)
			return rc;
		HOLDS(memcmp(sent, got, SIZE) == 0);
	}
	return ROUNDS;
}

static int talk(const struct mover *mover, int flags)
{
	int fds[2], rc, result = open_sockets(flags, fds);
	if (result < 0)
		return result;
	BIDE_GROUP(group, rc) {
		if (bide_group_spawn(group, give_back, mover, fds[1]) == NULL)
			close_it(fds[1]);
		result = ask_and_compare(mover, fds[0]);
		close_it(fds[0]);
	}
	return rc < 0 ? rc : result;
}

SCENARIO_WITH(pieces_to_and_fro_by_recv_and_send, ROUNDS, SWEEP_FDS, NULL)
{
	return talk(&by_socket, 0);
}

SCENARIO_WITH(pieces_to_and_fro_by_read_and_write, ROUNDS, SWEEP_FDS, NULL)
{
	return talk(&by_read, 0);
}

SCENARIO_WITH(pieces_to_and_fro_by_readv_and_writev, ROUNDS, SWEEP_FDS, NULL)
{
	return talk(&by_vectors, 0);
}

SCENARIO_WITH(pieces_to_and_fro_by_messages, ROUNDS, SWEEP_FDS, NULL)
{
	return talk(&by_messages, 0);
}

SCENARIO_WITH(pieces_to_and_fro_on_nonblocking_sockets, ROUNDS, SWEEP_FDS, NULL)
{
	return talk(&by_socket, SOCK_NONBLOCK);
}

SCENARIO_WITH(pieces_to_and_fro_by_light_tasks, ROUNDS, SWEEP_FDS | SWEEP_LIGHT_MAIN, NULL)
{
	return talk(&by_read, 0);
}

/* ---- pipes and files ---------------------------------------------------------------------- */

enum { NUMBERS = 5 };

BIDE_ASYNC_LIGHT(int, write_numbers, int);
int write_numbers(int fd)
{
	int rc = 1;
	tally.entered++;
	for (unsigned char number = 1; number <= NUMBERS && rc == 1; number++)
		rc = (int)bide_write(fd, &number, 1);
	close_it(fd);
	tally.left++;
	return rc == 1 ? 0 : or_cancelled(rc);
}

static int add_up(int fd)
{
	unsigned char number;
	int sum = 0, rc;
	while ((rc = (int)bide_read(fd, &number, 1)) == 1)
		sum += number;
	return rc < 0 ? rc : sum;
}

static int numbers_through_a_pipe(void)
{
	int fds[2], rc, result = 0;
	calls_pause();
	rc = pipe2(fds, 0);
	calls_resume();
	if (rc < 0)
		return -errno;
	BIDE_GROUP(group, rc) {
		if (bide_group_spawn(group, write_numbers, fds[1]) == NULL)
			close_it(fds[1]);
		result = add_up(fds[0]);
		close_it(fds[0]);
	}
	return rc < 0 ? rc : result;
}

SCENARIO_WITH(numbers_through_a_pipe_by_a_full_task, NUMBERS *(NUMBERS + 1) / 2, SWEEP_FDS, NULL)
{
	return numbers_through_a_pipe();
}

SCENARIO_WITH(numbers_through_a_pipe_by_light_tasks, NUMBERS *(NUMBERS + 1) / 2,
              SWEEP_FDS | SWEEP_LIGHT_MAIN, NULL)
{
	return numbers_through_a_pipe();
}

static int through_a_file(int fd)
{
	char buf[SIZE] = "";
	int rc = put(&by_read, fd, "content");
	if (rc < 0)
		return rc;
	calls_pause();
	(void)lseek(fd, 0, SEEK_SET);
	calls_resume();
	rc = get(&by_read, fd, buf);
	HOLDS(rc < 0 || memcmp(buf, "content", SIZE) == 0);
	return rc;
}

SCENARIO_WITH(a_file_written_and_read, SIZE, SWEEP_FDS | SWEEP_LIGHT_MAIN, NULL)
{
	calls_pause();
	int fd = memfd_create("file", 0);
	calls_resume();
	int rc = fd < 0 ? -errno : through_a_file(fd);
	if (fd >= 0)
		close_it(fd);
	return rc;
}

/* ---- copies ------------------------------------------------------------------------------- */

enum from { FROM_FILE, FROM_PIPE, FROM_SOCKET };

/* A source of a piece and its end. */
static int open_source(enum from from, int *ret_fds)
{
	ret_fds[1] = -1;
	if (from == FROM_FILE)
		ret_fds[0] = memfd_create("file", 0);
	else if ((from == FROM_PIPE ? pipe2(ret_fds, 0)
	                            : socketpair(AF_UNIX, SOCK_STREAM, 0, ret_fds)) < 0)
		return -errno;
	if (ret_fds[0] < 0 || write(ret_fds[from == FROM_FILE ? 0 : 1], "content", SIZE) != SIZE)
		return -EIO;
	if (from == FROM_FILE)
		(void)lseek(ret_fds[0], 0, SEEK_SET);
	else
		(void)close(ret_fds[1]);
	return 0;
}

/* What arrives is what was copied, and the rest is where it was. */
static int copy_from(enum from from, bool by_sendfile)
{
	int source[2], target[2];
	char buf[SIZE + 1] = "", left[SIZE + 1] = "";
	size_t copied = 0;
	calls_pause();
	if (open_source(from, source) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, target) < 0)
		return -EIO;
	calls_resume();
	int rc = by_sendfile ? (int)bide_sendfile(target[1], source[0], NULL, SIZE)
	                     : bide_copy_fd(target[1], source[0], SIZE, &copied);
	if (by_sendfile && rc > 0)
		copied = (size_t)rc;
	calls_pause();
	const ssize_t got = recv(target[0], buf, SIZE, MSG_DONTWAIT);
	const ssize_t rest = read(source[0], left, SIZE);
	calls_resume();
	HOLDS((got > 0 ? (size_t)got : 0) == copied);
	HOLDS(rc < 0 || copied == SIZE);
	/* What has been written and could not be taken is there still. */
	HOLDS(copied + (size_t)(rest > 0 ? rest : 0) == SIZE ||
	      (from == FROM_SOCKET && rc < 0 && rest == SIZE));
	HOLDS(memcmp(copied > 0 ? buf : left, "content", SIZE) == 0);
	close_it(source[0]);
	close_both(target);
	return rc < 0 ? rc : (int)copied;
}

SCENARIO_WITH(a_copy_from_a_file, SIZE, SWEEP_FDS, NULL)
{
	return copy_from(FROM_FILE, false);
}

SCENARIO_WITH(a_copy_from_a_pipe, SIZE, SWEEP_FDS | SWEEP_LIGHT_MAIN, NULL)
{
	return copy_from(FROM_PIPE, false);
}

SCENARIO_WITH(a_copy_from_a_socket, SIZE, SWEEP_FDS, NULL)
{
	return copy_from(FROM_SOCKET, false);
}

SCENARIO_WITH(a_file_that_is_sent, SIZE, SWEEP_FDS | SWEEP_LIGHT_MAIN, NULL)
{
	return copy_from(FROM_FILE, true);
}

/* ---- connections -------------------------------------------------------------------------- */

static union {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_un un;
} there;
static socklen_t there_size;

static void choose_address(int family)
{
	memset(&there, 0, sizeof(there));
	there.any.sa_family = (sa_family_t)family;
	there_size = sizeof(there.in);
	if (family == AF_INET)
		there.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		there_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
		                         (size_t)snprintf(there.un.sun_path + 1, 40,
		                                          "bide-sweep-%d", getpid()));
}

/* Returns a socket that listens, or an error. */
static int listen_there(int family)
{
	calls_pause();
	choose_address(family);
	int fd = socket(family, SOCK_STREAM, 0);
	if (bind(fd, &there.any, there_size) < 0 || listen(fd, 1) < 0 ||
	    getsockname(fd, &there.any, &there_size) < 0) {
		const int error = errno;
		close(fd);
		fd = -error;
	}
	calls_resume();
	return fd;
}

/* Who cannot accept closes the listener, and its queue with it. */
BIDE_ASYNC(int, serve_one, int);
int serve_one(int listener)
{
	tally.entered++;
	int fd = bide_accept(listener, NULL, NULL), rc = fd;
	close_it(listener);
	if (fd >= 0)
		rc = give_back(&by_socket, fd);
	tally.left++;
	return rc;
}

static int connect_and_talk(void)
{
	calls_pause();
	int fd = socket(there.any.sa_family, SOCK_STREAM, 0);
	calls_resume();
	int rc = bide_connect(fd, &there.any, there_size);
	if (rc == 0)
		rc = ask_and_compare(&by_socket, fd);
	else if (rc == -ECONNREFUSED && !sweep_explained(rc))
		rc = -ECANCELED; /* the listener is gone */
	close_it(fd);
	return rc;
}

static int connection(int family)
{
	int rc, result = 0, listener = listen_there(family);
	if (listener < 0)
		return listener;
	BIDE_GROUP(group, rc) {
		if (bide_group_spawn(group, serve_one, listener) == NULL)
			close_it(listener);
		(void)bide_yield(); /* so that it waits already */
		result = connect_and_talk();
		if (result < 0)
			bide_group_cancel(group);
	}
	return rc < 0 ? rc : result;
}

SCENARIO_WITH(a_connection_over_tcp, ROUNDS, SWEEP_FDS, NULL)
{
	return connection(AF_INET);
}

SCENARIO_WITH(a_connection_over_tcp_of_a_light_task, ROUNDS, SWEEP_FDS | SWEEP_LIGHT_MAIN, NULL)
{
	return connection(AF_INET);
}

SCENARIO_WITH(a_local_connection, ROUNDS, SWEEP_FDS, NULL)
{
	return connection(AF_UNIX);
}

SCENARIO_WITH(a_connection_that_is_refused, 1, SWEEP_FDS, NULL)
{
	int listener = listen_there(AF_INET);
	if (listener < 0)
		return listener;
	close_it(listener);
	calls_pause();
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	calls_resume();
	int rc = bide_connect(fd, &there.any, there_size);
	close_it(fd);
	return rc == -ECONNREFUSED ? 1 : rc;
}

/* ---- waiting ------------------------------------------------------------------------------ */

BIDE_ASYNC(int, receive_one, int);
int receive_one(int fd)
{
	char byte;
	tally.entered++;
	int rc = (int)bide_recv(fd, &byte, 1, 0);
	tally.left++;
	return rc;
}

BIDE_ASYNC_LIGHT(int, receive_one_lightly, int);
int receive_one_lightly(int fd)
{
	return receive_one(fd);
}

static bool is_closed_or_explained(int rc)
{
	return rc == -EBADF || (rc < 0 && sweep_explained(rc));
}

SCENARIO_WITH(a_close_under_two_receivers, 1, SWEEP_FDS, NULL)
{
	int fds[2], rc = open_sockets(0, fds);
	if (rc < 0)
		return rc;
	bide_task *full = bide_spawn(receive_one, fds[0]);
	bide_task *light = bide_spawn(receive_one_lightly, fds[0]);
	rc = bide_sleep(0.0001);
	close_it(fds[0]);
	int one = bide_await(int, full), two = bide_await(int, light);
	HOLDS(is_closed_or_explained(one) && is_closed_or_explained(two));
	close_it(fds[1]);
	if (rc < 0 || (one == -EBADF && two == -EBADF))
		return rc < 0 ? rc : 1;
	return one == -EBADF ? two : one;
}

SCENARIO_WITH(a_receive_that_times_out, 1, SWEEP_FDS, NULL)
{
	int fds[2], fired = 0, rc = open_sockets(0, fds);
	if (rc < 0)
		return rc;
	BIDE_TIMEOUT(0.0002, fired) {
		rc = receive_one(fds[0]);
	}
	close_both(fds);
	return fired == -ETIMEDOUT ? 1 : fired < 0 ? fired : rc;
}

BIDE_ASYNC_LIGHT(int, send_one_later, int);
int send_one_later(int fd)
{
	tally.entered++;
	int rc = bide_sleep(0.0001);
	if (rc == 0)
		rc = (int)bide_send(fd, "x", 1, 0);
	tally.left++;
	return rc < 0 ? rc : 0;
}

SCENARIO_WITH(a_select_of_descriptors, 1, SWEEP_FDS, NULL)
{
	int fds[2], other[2], rc, chosen = -1, result = open_sockets(0, fds);
	if (result == 0 && (result = open_sockets(0, other)) < 0)
		close_both(fds);
	if (result < 0)
		return result;
	bide_arm arms[] = { bide_arm_fd(fds[0], BIDE_READABLE),
		            bide_arm_fd(other[0], BIDE_READABLE), bide_arm_sleep(10) };
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, send_one_later, other[1]);
		chosen = bide_select(arms, 3);
	}
	result = chosen < 0 ? chosen : arms[chosen].rc;
	HOLDS(chosen < 0 || result < 0 || chosen == 1);
	close_both(fds);
	close_both(other);
	return rc < 0 ? rc : result;
}

BIDE_ASYNC_LIGHT(int, wait_readable, int);
int wait_readable(int fd)
{
	tally.entered++;
	int rc = bide_wait_fd(fd, BIDE_READABLE);
	tally.left++;
	return rc < 0 ? rc : 0;
}

/* Where the kernel has no room for what there is none for in the queue, either. */
static bool is_full(int rc)
{
	const int error = calls_struck()->error;
	return rc == -ENOMEM && (error == EAGAIN || error == EBUSY);
}

/* More than fit into the queue of a ring at once. */
SCENARIO_WITH(more_waits_than_a_queue_holds, 1, SWEEP_FDS, NULL)
{
	enum { WAITS = 300 };
	calls_pause();
	int rc, slept = 0, fd = eventfd(0, 0);
	calls_resume();
	if (fd < 0)
		return -errno;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < WAITS; i++)
			bide_group_spawn(group, wait_readable, fd);
		slept = bide_sleep(0.0001);
		if (slept == 0) {
			calls_pause();
			HOLDS(write(fd, &(const uint64_t){ 1 }, sizeof(uint64_t)) > 0);
			calls_resume();
		}
	}
	close_it(fd);
	if (is_full(rc))
		return 1;
	return rc < 0 ? rc : slept < 0 ? slept : 1;
}
