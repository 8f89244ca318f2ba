// SPDX-License-Identifier: MIT
/* Scenarios that wait for descriptors, on each backend that does; in real time, of which they take
 * next to none. */
#include "sweep/tasks.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Waits for one byte and reads it; returns the byte or the error. */
BIDE_ASYNC(int, reader, int);
BIDE_ASYNC_LIGHT(int, light_reader, int);

int reader(int fd)
{
	unsigned char byte = 0;
	tally.entered++;
	int rc = bide_wait_fd(fd, BIDE_READABLE);
	HOLDS(rc < 0 || rc == BIDE_READABLE);
	if (rc > 0)
		rc = read(fd, &byte, 1) == 1 ? byte : -EIO;
	tally.left++;
	return rc;
}

int light_reader(int fd)
{
	return reader(fd);
}

/* A peer that has gone has been cancelled. */
static int send_byte(int fd, unsigned char byte)
{
	ssize_t n = send(fd, &byte, 1, MSG_NOSIGNAL);
	if (n < 0 && errno == ENOTSOCK)
		n = write(fd, &byte, 1);
	if (n == 1)
		return 0;
	return errno == EPIPE ? -ECANCELED : -EIO;
}

static int write_byte(int fd, unsigned char byte)
{
	int rc = bide_wait_fd(fd, BIDE_WRITABLE);
	HOLDS(rc < 0 || rc == BIDE_WRITABLE);
	return rc < 0 ? rc : send_byte(fd, byte);
}

static void close_both(const int *fds)
{
	close(fds[0]);
	close(fds[1]);
}

SCENARIO_WITH(a_byte_through_a_pipe, 7, SWEEP_FDS, NULL)
{
	int fds[2];
	struct sum sum = { 0, 0 };
	if (pipe(fds) < 0)
		return -errno;
	bide_task *task = bide_spawn(reader, fds[0]);
	sum_add(&sum, bide_yield());
	int rc = write_byte(fds[1], 7);
	sum_add(&sum, rc);
	/* Nobody else ends the reader's wait. */
	if (rc < 0 && task != NULL)
		bide_cancel(task);
	sum_add(&sum, bide_await(int, task));
	close_both(fds);
	return sum_result(&sum);
}

BIDE_ASYNC(int, echo, int, int);

int echo(int fd, int rounds)
{
	int rc = 0;
	tally.entered++;
	for (int i = 0; i < rounds && rc >= 0; i++) {
		unsigned char byte = 0;
		rc = bide_wait_fd(fd, BIDE_READABLE);
		if (rc > 0 && read(fd, &byte, 1) != 1)
			rc = -EIO;
		if (rc > 0)
			rc = write_byte(fd, (unsigned char)(byte + 1));
	}
	/* Whoever waits for it learns that it is gone. */
	shutdown(fd, SHUT_RDWR);
	tally.left++;
	return rc;
}

SCENARIO_WITH(bytes_to_and_fro, 4, SWEEP_FDS, NULL)
{
	int fds[2], rc = 0, got = 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
		return -errno;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, echo, fds[1], 2);
		for (int i = 0; i < 2 && got >= 0; i++) {
			unsigned char byte = 0;
			got = write_byte(fds[0], (unsigned char)(2 * i + 1));
			if (got == 0)
				got = bide_wait_fd(fds[0], BIDE_READABLE);
			if (got > 0)
				got = read(fds[0], &byte, 1) == 1 ? byte : -ECANCELED;
		}
		if (got < 0)
			bide_group_cancel(group);
	}
	close_both(fds);
	return rc < 0 ? rc : got;
}

SCENARIO_WITH(a_wait_that_times_out, 1, SWEEP_FDS, NULL)
{
	int fds[2], fired = 0, rc = 0;
	if (pipe(fds) < 0)
		return -errno;
	BIDE_TIMEOUT(0.0001, fired) {
		rc = bide_wait_fd(fds[0], BIDE_READABLE);
		HOLDS(rc < 0);
	}
	close_both(fds);
	return fired == -ETIMEDOUT ? 1 : fired < 0 ? fired : rc;
}

SCENARIO_WITH(waits_that_are_cancelled_together, 1, SWEEP_FDS, NULL)
{
	int fds[2], rc = 0, slept = 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
		return -errno;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 3; i++)
			bide_group_spawn(group, reader, fds[i % 2]);
		for (int i = 0; i < 9; i++)
			bide_group_spawn(group, light_reader, fds[i % 2]);
		slept = bide_sleep(0.0001);
		bide_group_cancel(group);
	}
	HOLDS(tally.entered == tally.left);
	close_both(fds);
	return rc < 0 ? rc : slept < 0 ? slept : 1;
}

SCENARIO_WITH(a_descriptor_closed_and_opened_again, 3, SWEEP_FDS, NULL)
{
	struct sum sum = { 0, 0 };
	for (int i = 0; i < 3; i++) {
		int fds[2], rc = 0;
		if (pipe(fds) < 0)
			return -errno;
		BIDE_GROUP(group, rc) {
			bide_task *task = bide_group_spawn(group, reader, fds[0]);
			int written = write_byte(fds[1], 1);
			sum_add(&sum, written);
			if (written < 0)
				bide_group_cancel(group);
			sum_add(&sum, bide_await(int, task));
		}
		close_both(fds);
		sum_of_group(&sum, rc);
	}
	return sum_result(&sum);
}

static void posted(void *arg)
{
	tally.called++;
	(void)!write(*(int *)arg, "", 1);
}

SCENARIO_WITH(a_wait_ended_by_a_call_from_outside, 1, SWEEP_FDS, NULL)
{
	int fds[2], rc = 0;
	unsigned char byte;
	if (pipe(fds) < 0)
		return -errno;
	rc = bide_call_threadsafe(bide_current_loop(), posted, &fds[1]);
	tally.asked += rc == 0;
	if (rc == 0)
		rc = bide_wait_fd(fds[0], BIDE_READABLE);
	/* The call may be still to come. */
	BIDE_SHIELD {
		while (tally.called < tally.asked)
			(void)bide_yield();
	}
	if (rc > 0)
		HOLDS(read(fds[0], &byte, 1) == 1);
	close_both(fds);
	return rc;
}

SCENARIO_WITH(what_cannot_be_waited_for, 1, SWEEP_FDS, NULL)
{
	enum { NOT_OPEN = 900 };
	int rc = bide_wait_fd(NOT_OPEN, BIDE_READABLE);
	return rc == -EBADF ? 1 : rc;
}

/* ---- calls -------------------------------------------------------------------------------- */

enum { NUMBERS = 6 };

/* Sends numbers, then shuts down; what could not be sent ends the other side's reading, too. */
BIDE_ASYNC_LIGHT(int, send_numbers, int);
int send_numbers(int fd)
{
	int rc = 0;
	tally.entered++;
	for (unsigned char number = 1; number <= NUMBERS && rc >= 0; number++) {
		rc = (int)bide_send(fd, &number, 1, 0);
		HOLDS(rc < 0 || rc == 1);
		tally.extra[0] += rc == 1 ? number : 0;
	}
	HOLDS(bide_shutdown(fd, SHUT_WR) == 0);
	tally.left++;
	return rc == -EPIPE ? -ECANCELED : rc < 0 ? rc : 0;
}

/* Takes what there still is when it is stopped. */
static void drain(int fd)
{
	unsigned char byte;
	while (recv(fd, &byte, 1, MSG_DONTWAIT) == 1)
		tally.extra[1] += byte;
}

BIDE_ASYNC(int, receive_numbers, int);
int receive_numbers(int fd)
{
	unsigned char byte = 0;
	int rc, sum = 0;
	tally.entered++;
	while ((rc = (int)bide_read(fd, &byte, 1)) > 0) {
		tally.extra[1] += byte;
		sum += byte;
	}
	tally.left++;
	return rc < 0 ? rc : sum;
}

/* All that was sent is received, or still there. */
SCENARIO_WITH(numbers_through_sockets, NUMBERS *(NUMBERS + 1) / 2, SWEEP_FDS, NULL)
{
	int fds[2], rc, result = 0, sent = 0;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		return -errno;
	BIDE_GROUP(group, rc) {
		bide_task *receiver = bide_group_spawn(group, receive_numbers, fds[0]);
		bide_task *sender = bide_group_spawn(group, send_numbers, fds[1]);
		sent = bide_await(int, sender);
		if (sent < 0)
			bide_group_cancel(group);
		result = bide_await(int, receiver);
	}
	drain(fds[0]);
	HOLDS(tally.extra[0] == tally.extra[1]);
	HOLDS(bide_close(fds[0]) == 0);
	HOLDS(bide_close(fds[1]) == 0);
	return rc < 0 ? rc : sent < 0 ? sent : result;
}

/* Hands on to another pair what comes. */
BIDE_ASYNC_LIGHT(int, hand_on, int, int);
int hand_on(int to, int from)
{
	size_t copied = 0;
	tally.entered++;
	int rc = bide_copy_fd(to, from, SIZE_MAX, &copied);
	HOLDS(copied <= NUMBERS);
	HOLDS(bide_shutdown(to, SHUT_WR) == 0);
	tally.left++;
	return rc;
}

/* Wherever it is cut, each number is on one side or on the other. */
SCENARIO_WITH(numbers_that_are_handed_on, NUMBERS *(NUMBERS + 1) / 2, SWEEP_FDS, NULL)
{
	int one[2], other[2], rc, result = 0, error = 0;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, one) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, other) < 0)
		return -errno;
	BIDE_GROUP(group, rc) {
		bide_task *receiver = bide_group_spawn(group, receive_numbers, other[1]);
		bide_task *middle = bide_group_spawn(group, hand_on, other[0], one[1]);
		bide_task *sender = bide_group_spawn(group, send_numbers, one[0]);
		error = bide_await(int, sender);
		const int handed_on = bide_await(int, middle);
		error = error < 0 ? error : handed_on;
		if (error < 0)
			bide_group_cancel(group);
		result = bide_await(int, receiver);
	}
	drain(one[1]);
	drain(other[1]);
	HOLDS(tally.extra[0] == tally.extra[1]);
	for (int i = 0; i < 2; i++)
		HOLDS(bide_close(one[i]) == 0 && bide_close(other[i]) == 0);
	return rc < 0 ? rc : error < 0 ? error : result;
}

/* Whatever is struck, the descriptor is closed once, and its reader is told. */
SCENARIO_WITH(a_close_under_a_reader, 5, SWEEP_FDS | SWEEP_LIGHT_MAIN, NULL)
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		return -errno;
	bide_task *reader = bide_spawn(receive_numbers, fds[0]);
	int rc = bide_yield();
	HOLDS(bide_close(fds[0]) == 0);
	int read = bide_await(int, reader);
	HOLDS(read == -EBADF || sweep_explained(read));
	HOLDS(bide_close(fds[1]) == 0);
	return rc < 0 ? rc : read == -EBADF ? 5 : read;
}
