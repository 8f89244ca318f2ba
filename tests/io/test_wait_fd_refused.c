// SPDX-License-Identifier: MIT
/* Kernels and containers that refuse what the library would like best: it takes the next best, and
 * what it does is the same. */
#include "io/seccomp_kit.h"

#include "core/overflow_kit.h"
#include "harness/test.h"

#include <bide.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define NO_FILTERS "this system has no filters for system calls"

/* A loop that chooses for itself, whatever the environment of the tests says. */
static const bide_options automatic = { .backend = BIDE_BACKEND_AUTO };

/* ---- a program that uses all that a backend does ------------------------------------------ */

BIDE_ASYNC_LIGHT(int, answer, int, int);
int answer(int fd, int rounds)
{
	char bytes[16];

	for (int i = 0; i < rounds; i++) {
		CHECK_RET(bide_wait_fd(fd, BIDE_READABLE) == BIDE_READABLE, -EIO);
		ssize_t n = read(fd, bytes, sizeof bytes);
		CHECK_RET(write(fd, bytes, (size_t)n) == n, -EIO);
	}
	return 0;
}

BIDE_ASYNC_LIGHT(int, ask, int, int);
int ask(int fd, int rounds)
{
	char bytes[16];

	for (int i = 0; i < rounds; i++) {
		CHECK_RET(write(fd, "question", 8) == 8, -EIO);
		CHECK_RET(bide_wait_fd(fd, BIDE_READABLE) == BIDE_READABLE, -EIO);
		CHECK_RET(read(fd, bytes, sizeof bytes) == 8, -EIO);
		CHECK_RET(memcmp(bytes, "question", 8) == 0, -EIO);
	}
	return 0;
}

static char backend[16]; /* that it ran on */

BIDE_ASYNC(int, use_all, int);
int use_all(int pairs)
{
	int timed_out = 0;
	int never = eventfd(0, 0);
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < pairs; i++) {
			int ends[2];
			CHECK_RET(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, -EIO);
			bide_group_spawn(group, ask, ends[0], 20);
			bide_group_spawn(group, answer, ends[1], 20);
		}
		BIDE_TIMEOUT(0.003, timed_out) {
			bide_wait_fd(never, BIDE_READABLE);
		}
	}
	EXPECT_INT(timed_out, -ETIMEDOUT);
	EXPECT_INT(bide_sleep(0.002), 0);
	snprintf(backend, sizeof backend, "%s", bide_loop_backend(bide_current_loop()));
	return rc;
}

static void expect_runs_on(const char *expected)
{
	int result = -1;

	unsetenv("BIDE_BACKEND");
	backend[0] = '\0';
	EXPECT_INT(bide_try_run(&automatic, &result, use_all, 20), 0);
	EXPECT_INT(result, 0);
	EXPECT_STR(backend, expected);
}

/* ---- io_uring ----------------------------------------------------------------------------- */

TEST(refused_io_uring_not_in_the_kernel_epoll_takes_its_place)
{
	if (!seccomp_refuse(__NR_io_uring_setup, ENOSYS, ANY_ARGUMENT, 0))
		SKIP(NO_FILTERS);
	expect_runs_on("epoll");
}

TEST(refused_io_uring_not_permitted_epoll_takes_its_place)
{
	if (!seccomp_refuse(__NR_io_uring_setup, EPERM, ANY_ARGUMENT, 0))
		SKIP(NO_FILTERS);
	expect_runs_on("epoll");
}

TEST(refused_io_uring_asked_for_by_name_is_an_error)
{
	const bide_options options = { .backend = BIDE_BACKEND_IO_URING };
	bide_loop *loop = NULL;

	if (!seccomp_refuse(__NR_io_uring_setup, EPERM, ANY_ARGUMENT, 0))
		SKIP(NO_FILTERS);
	int rc = bide_loop_open(&options, &loop);
	/* Or it is not built in. */
	EXPECT(rc == -EPERM || rc == -ENOSYS);
	EXPECT_PTR(loop, NULL);
	EXPECT_PTR(bide_current_loop(), NULL);
	EXPECT_INT(bide_try_run(&options, NULL, use_all, 1), rc);
	setenv("BIDE_BACKEND", "io_uring", 1);
	EXPECT_INT(bide_try_run(&automatic, NULL, use_all, 1), rc);
}

TEST(refused_backend_name_that_means_nothing_is_an_error)
{
	setenv("BIDE_BACKEND", "kqueue", 1);
	EXPECT_INT(bide_try_run(&automatic, NULL, use_all, 1), -EINVAL);
}

/* ---- epoll -------------------------------------------------------------------------------- */

BIDE_ASYNC(int, wait_for_ever, int);
int wait_for_ever(int fd)
{
	return bide_wait_fd(fd, BIDE_READABLE);
}

BIDE_ASYNC(int, sleep_beside_a_wait, int);
int sleep_beside_a_wait(int fd)
{
	static const double delays[] = { 0.0001, 0.0012, 0.0025, 0.0101 };
	bide_task *t = bide_spawn(wait_for_ever, fd); /* so that it waits with the backend */

	bide_yield();
	for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
		double before = bide_now();
		EXPECT_INT(bide_sleep(delays[i]), 0);
		EXPECT(bide_now() - before >= delays[i]);
		before = bide_time();
		int rc = 0;
		BIDE_TIMEOUT(delays[i], rc) {
			bide_sleep(1000);
		}
		EXPECT_INT(rc, -ETIMEDOUT);
		EXPECT(bide_time() - before >= delays[i]);
	}
	bide_cancel(t);
	bide_join(t);
	return 0;
}

TEST(refused_epoll_pwait2_milliseconds_take_its_place_and_nothing_is_early)
{
	const bide_options options = { .backend = BIDE_BACKEND_EPOLL };

	if (!seccomp_refuse(__NR_epoll_pwait2, ENOSYS, ANY_ARGUMENT, 0))
		SKIP(NO_FILTERS);
	EXPECT_INT(bide_try_run(&options, NULL, sleep_beside_a_wait, eventfd(0, 0)), 0);
	EXPECT_INT(bide_try_run(&options, NULL, use_all, 10), 0);
}

BIDE_ASYNC(int, write_later, int);
int write_later(int fd)
{
	const uint64_t one = 1;

	EXPECT_INT(bide_sleep(0.005), 0);
	EXPECT_INT(write(fd, &one, sizeof one), sizeof one);
	return 0;
}

BIDE_ASYNC(int, wait_beside_timers, int);
int wait_beside_timers(int fd)
{
	bide_task *writer = bide_spawn(write_later, fd);
	int rc = -1;
	int ready = 0;

	BIDE_TIMEOUT(5, rc) {
		ready = bide_wait_fd(fd, BIDE_READABLE);
	}
	EXPECT_INT(rc, 0);
	EXPECT_INT(ready, BIDE_READABLE);
	return bide_join(writer);
}

/* As containers did that answered so to each call that they did not know. */
TEST(refused_epoll_pwait2_not_permitted_descriptors_are_seen_beside_timers)
{
	const bide_options options = { .backend = BIDE_BACKEND_EPOLL };

	if (!seccomp_refuse(__NR_epoll_pwait2, EPERM, ANY_ARGUMENT, 0))
		SKIP(NO_FILTERS);
	EXPECT_INT(bide_try_run(&options, NULL, wait_beside_timers, eventfd(0, 0)), 0);
}

TEST(refused_nothing_and_nothing_is_early)
{
	EXPECT_INT(bide_run(sleep_beside_a_wait, eventfd(0, 0)), 0);
}

/* ---- guards ------------------------------------------------------------------------------- */

enum { GUARD_INSTALL = 102 };

TEST_SIGNAL(refused_guards_by_madvise_mprotect_takes_their_place, SIGSEGV,
            "stack overflow in task 'dig' (#")
{
	if (!seccomp_refuse(SYS_madvise, EINVAL, 2, GUARD_INSTALL) ||
	    !seccomp_refuse(__NR_process_madvise, ENOSYS, ANY_ARGUMENT, 0))
		SKIP(NO_FILTERS);
	EXPECT_INT(bide_run(use_all, 20), 0);
	bide_run(dig, 0);
}

TEST(refused_guards_in_batches_single_ones_take_their_place)
{
	if (!seccomp_refuse(__NR_process_madvise, EPERM, ANY_ARGUMENT, 0))
		SKIP(NO_FILTERS);
	EXPECT_INT(bide_run(use_all, 20), 0);
}
