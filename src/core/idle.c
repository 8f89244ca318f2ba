// SPDX-License-Identifier: MIT
/* idle.c: the two backends that open nothing: idle, which waits for time alone and makes way for a
 * real one when a descriptor is waited for; and virtual, in which nothing waits and time jumps. */
#include "core/backend.h"
#include "core/time.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { NS = 1000000000 };

uint64_t bide__until(uint64_t deadline_ns)
{
	uint64_t now = bide__monotonic();
	return deadline_ns > now ? deadline_ns - now : 0;
}

/* The futex is the loop's wake word: futex(2), FUTEX_WAIT_BITSET takes an absolute time on
 * CLOCK_MONOTONIC. */
static void futex_wait(bide_loop *loop, uint64_t deadline_ns)
{
	struct timespec at = { (time_t)(deadline_ns / NS), (long)(deadline_ns % NS) };
	if (deadline_ns == 0)
		return;
	(void)syscall(SYS_futex, &loop->wake, FUTEX_WAIT_BITSET_PRIVATE, BIDE__ASLEEP,
	              deadline_ns == UINT64_MAX ? NULL : &at, NULL, FUTEX_BITSET_MATCH_ANY);
}

static void futex_wake(bide_loop *loop)
{
	(void)syscall(SYS_futex, &loop->wake, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void idle_close(bide_loop *loop)
{
	(void)loop;
}

/* ---- idle --------------------------------------------------------------------------------- */

static int idle_begin(bide_loop *loop, struct bide__op *op, int *ret_events)
{
	int rc = -ENOSYS;
	if (loop->options.backend != BIDE_BACKEND_EPOLL)
		rc = bide__ring_open(loop);
	if (rc < 0 && loop->options.backend != BIDE_BACKEND_IO_URING)
		rc = bide__epoll_open(loop);
	return rc < 0 ? rc : loop->backend->begin(loop, op, ret_events);
}

static void idle_end(bide_loop *loop, struct bide__op *op)
{
	bide__op_done(loop, op, -ECANCELED);
}

const struct bide__backend bide__backend_idle = { "idle",     false,      idle_begin, idle_end,
	                                          futex_wait, futex_wake, idle_close };

/* ---- virtual ------------------------------------------------------------------------------ */

static int virtual_begin(bide_loop *loop, struct bide__op *op, int *ret_events)
{
	(void)loop;
	(void)op;
	(void)ret_events;
	return -ENOTSUP;
}

static void jump(bide_loop *loop, uint64_t deadline_ns)
{
	loop->virtual_ns = deadline_ns;
	loop->waited_ns = 0;
}

/* A job in a thread takes real time and none of the virtual clock: that stands still, and jumps to
 * the next deadline when as much real time has been waited for jobs. */
static void wait_for_threads(bide_loop *loop, uint64_t deadline_ns)
{
	const uint64_t began = bide__monotonic(), left = deadline_ns - loop->virtual_ns;
	if (loop->waited_ns < left) {
		const uint64_t until = began + (left - loop->waited_ns);
		futex_wait(loop, until >= began ? until : UINT64_MAX);
		loop->waited_ns += bide__monotonic() - began;
	}
	if (loop->waited_ns >= left)
		jump(loop, deadline_ns);
}

/* Without a deadline only another thread can go on, and that takes real time. */
static void virtual_wait(bide_loop *loop, uint64_t deadline_ns)
{
	if (deadline_ns == UINT64_MAX)
		futex_wait(loop, deadline_ns);
	else if (deadline_ns > loop->virtual_ns && loop->in_threads > 0)
		wait_for_threads(loop, deadline_ns);
	else if (deadline_ns > loop->virtual_ns)
		jump(loop, deadline_ns);
}

const struct bide__backend bide__backend_virtual = { "virtual", false,        virtual_begin,
	                                             idle_end,  virtual_wait, futex_wake,
	                                             idle_close };
