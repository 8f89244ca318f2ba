// SPDX-License-Identifier: MIT
/* calls.c: see calls.h. Sources: the ERRORS sections of the calls' manual pages.
 *
 * A call is a point for each error that it may fail with. That is either one that the caller of the
 * library is told of, or one that he is not to notice: the call is made again, or another takes its
 * place. */
#include "sweep/calls.h"

#include "sweep/trap.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/syscall.h>

#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#define SYS_io_uring_enter 426
#define SYS_io_uring_register 427
#endif
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

/* The errors of calls that are alike. */
#define RECEIVE .unnoticed = { EINTR, EAGAIN }, .told = { ENOMEM, ENOBUFS, ECONNRESET }
#define SEND .unnoticed = { EINTR, EAGAIN }, .told = { ENOMEM, ENOBUFS, ECONNRESET, EPIPE }
#define READ .unnoticed = { EINTR, EAGAIN }, .told = { ENOMEM, EIO }
#define WRITE .unnoticed = { EINTR, EAGAIN }, .told = { ENOMEM, EIO, ENOSPC, EPIPE }
#define OPEN .told = { EMFILE, ENFILE, ENOMEM }

static const struct calls_kind kinds[] = {
	{ SYS_recvfrom, "recv", RECEIVE },
	{ SYS_recvmsg, "recvmsg", RECEIVE },
	{ SYS_sendto, "send", SEND },
	{ SYS_sendmsg, "sendmsg", SEND },
	{ SYS_read, "read", READ },
	{ SYS_readv, "readv", READ },
	{ SYS_preadv2, "preadv2", { EINTR, EAGAIN, EOPNOTSUPP, ENOSYS }, { ENOMEM, EIO } },
	{ SYS_write, "write", WRITE },
	{ SYS_writev, "writev", WRITE },
	{ SYS_pwritev2, "pwritev2", { EINTR, EAGAIN, EOPNOTSUPP, ENOSYS }, { ENOMEM, EPIPE } },
	{ SYS_accept4,
	  "accept4",
	  { EINTR, EAGAIN, ECONNABORTED },
	  { EMFILE, ENFILE, ENOBUFS, ENOMEM } },
	{ SYS_connect, "connect", { EINTR, EAGAIN }, { ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL } },
	{ SYS_shutdown, "shutdown", { 0 }, { ENOTCONN } },
	{ SYS_close, "close", { EINTR }, { EIO } },
	{ SYS_getsockopt, "getsockopt", { 0 }, { ENOBUFS } },
	{ SYS_setsockopt, "setsockopt", { ENOMEM }, { 0 } },
	{ SYS_fcntl, "fcntl", { 0 }, { 0 } },
	{ SYS_ppoll, "ppoll", { EINTR, ENOMEM }, { 0 } },
#ifdef SYS_poll
	{ SYS_poll, "poll", { EINTR, ENOMEM }, { 0 } },
#endif
	{ SYS_splice, "splice", { EINTR, EAGAIN }, { ENOMEM } },
	{ SYS_sendfile, "sendfile", { EINTR, EAGAIN }, { ENOMEM, EIO } },
	{ SYS_futex, "futex", { EINTR, EAGAIN }, { 0 } },
	{ SYS_eventfd2, "eventfd", OPEN },
	{ SYS_epoll_create1, "epoll_create", OPEN },
	{ SYS_epoll_ctl, "epoll_ctl", { 0 }, { ENOMEM, ENOSPC } },
#ifdef SYS_epoll_wait
	{ SYS_epoll_wait, "epoll_wait", { EINTR }, { 0 } },
#endif
	{ SYS_epoll_pwait, "epoll_pwait", { EINTR }, { 0 } },
	{ SYS_epoll_pwait2, "epoll_pwait2", { EINTR, ENOSYS, EPERM }, { 0 } },
	/* Where the backend is not asked for by name another takes its place. */
	{ SYS_io_uring_setup, "io_uring_setup", { 0 }, { EMFILE, ENOMEM, EPERM, ENOSYS, EINVAL } },
	{ SYS_io_uring_register, "io_uring_register", { 0 }, { ENOMEM, EPERM } },
	{ SYS_io_uring_enter, "io_uring_enter", { EINTR, EAGAIN, EBUSY }, { 0 } },
	/* Of the ring; memory is the allocations' matter. */
	{ SYS_mmap, "mmap", { 0 }, { ENOMEM } },
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static struct {
	bool armed;
	int paused;  /* how many times, one in another */
	long k;      /* the point that fails */
	long points; /* so far */
	struct calls_fault struck;
} now;

static int length(const int *errors)
{
	int n = 0;
	while (errors[n] != 0)
		n++;
	return n;
}

int calls_next(const struct calls_kind *kind)
{
	if (!now.armed || now.paused > 0)
		return 0;
	const int unnoticed = length(kind->unnoticed), n = unnoticed + length(kind->told);
	const long i = now.k - now.points - 1;
	now.points += n;
	if (i < 0 || i >= n)
		return 0;
	now.struck = (struct calls_fault){
		kind->name,
		i < unnoticed ? kind->unnoticed[i] : kind->told[i - unnoticed],
		i < unnoticed,
	};
	return now.struck.error;
}

static const struct calls_kind *kind_of(long number)
{
	for (int i = 0; i < KINDS; i++)
		if (kinds[i].number == number)
			return &kinds[i];
	return NULL;
}

/* That an option of TCP's cannot be set is told of, unlike the others. */
static bool is_counted(long number, const long *args)
{
	enum { MMAP_FD = 4, LEVEL = 1 };
	return (number != SYS_mmap || (int)args[MMAP_FD] >= 0) &&
	       (number != SYS_setsockopt || args[LEVEL] != IPPROTO_TCP);
}

/* A close that fails has closed all the same. */
static long on_call(long number, const long *args)
{
	const int error = is_counted(number, args) ? calls_next(kind_of(number)) : 0;
	if (error != 0 && number != SYS_close)
		return -error;
	const long result =
		number == SYS_io_uring_enter ? calls_enter_ring(args) : trap_pass(number, args);
	return error != 0 ? -error : result;
}

bool calls_watch(void)
{
	int numbers[KINDS];
	for (int i = 0; i < KINDS; i++)
		numbers[i] = kinds[i].number;
	return trap_calls(numbers, KINDS, on_call);
}

void calls_arm(long k)
{
	now.k = k;
	now.points = 0;
	now.struck = (struct calls_fault){ NULL, 0, false };
	now.armed = true;
}

long calls_disarm(void)
{
	now.armed = false;
	return now.points;
}

void calls_pause(void)
{
	now.paused++;
}

void calls_resume(void)
{
	now.paused--;
}

const struct calls_fault *calls_struck(void)
{
	return &now.struck;
}
