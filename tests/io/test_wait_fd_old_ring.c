// SPDX-License-Identifier: MIT
/* Kernels whose io_uring lacks the flags of newer ones: the ring is opened without, and works. */
#include "harness/test.h"

#include <bide.h>

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#ifdef BIDE_HAVE_IO_URING
#include <liburing.h>

static int refused; /* calls with flags */
static int opened;  /* and without */

/* In place of liburing's: as if the kernel knew no flag. */
int io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags)
{
	struct io_uring_params params = { .flags = 0 };

	if (flags != 0) {
		refused++;
		return -EINVAL;
	}
	opened++;
	return io_uring_queue_init_params(entries, ring, &params);
}

BIDE_ASYNC_LIGHT(int, wait_light, int);
int wait_light(int fd)
{
	return bide_wait_fd(fd, BIDE_READABLE);
}

BIDE_ASYNC(int, use_ring, int);
int use_ring(int n)
{
	const uint64_t one = 1;
	int rc;

	for (int i = 0; i < n; i++) {
		int fd = eventfd(0, 0);
		int timed_out = 0;
		bide_task *t = bide_spawn(wait_light, fd);
		BIDE_TIMEOUT(0.001, timed_out) {
			EXPECT_INT(bide_wait_fd(fd, BIDE_READABLE), -ETIMEDOUT);
		}
		EXPECT(!bide_task_done(t));
		EXPECT_INT(write(fd, &one, sizeof one), sizeof one);
		EXPECT_INT(bide_await(int, t), BIDE_READABLE);
		close(fd);
	}
	BIDE_GROUP(group, rc) {
		int fd = eventfd(0, 0);
		for (int i = 0; i < 1000; i++)
			bide_group_spawn(group, wait_light, fd);
		bide_sleep(0.002);
		EXPECT_INT(write(fd, &one, sizeof one), sizeof one);
	}
	return rc;
}

TEST(old_ring_is_opened_without_flags_and_works)
{
	const bide_options options = { .backend = BIDE_BACKEND_IO_URING };
	int result = -1;

	int rc = bide_try_run(&options, &result, use_ring, 10);
	if (rc == -ENOSYS || rc == -EPERM)
		SKIP("io_uring is not to be had here");
	EXPECT_INT(rc, 0);
	EXPECT_INT(result, 0);
	EXPECT_INT(refused, 1);
	EXPECT_INT(opened, 1);
}
#else
TEST(old_ring_is_opened_without_flags_and_works)
{
	SKIP("io_uring is not to be had here");
}
#endif
