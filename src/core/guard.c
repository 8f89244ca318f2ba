// SPDX-License-Identifier: MIT
/* guard.c: see guard.h. Sources: madvise(2), process_madvise(2), mprotect(2). */
#include "core/guard.h"

#include "base/alloc.h"
#include "core/sanitizers.h"

#include <bide/base.h>

#include <errno.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

enum { SELF = -10000, BATCH = 64 }; /* PIDFD_SELF_THREAD_GROUP; vectors a call */

bool bide__guard_no_madvise;

/* Some emulators take every advice and follow none. So the kernel is made to look into the
 * process's first guard: it finds that it can not or, where there is none, not the number for which
 * it would wait. */
static bool holds(const char *guard)
{
	static bool held; /* atomic: one has */
	if (__atomic_load_n(&held, __ATOMIC_RELAXED))
		return true;
	if (syscall(SYS_futex, guard, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0) >= 0 || errno != EFAULT)
		return false;
	__atomic_store_n(&held, true, __ATOMIC_RELAXED);
	return true;
}

/* One call for many ranges where the kernel has that. The first one of a kind comes alone and is
 * looked at. Returns how many were guarded, or a negative errno value. */
static long install_some(char *first, size_t size, size_t spacing, size_t n)
{
	static bool no_batches; /* atomic: that was refused once */
	if (n > 1 && !BIDE__ON_VALGRIND && !__atomic_load_n(&no_batches, __ATOMIC_RELAXED)) {
		struct iovec ranges[BATCH];
		for (size_t i = 0; i < n; i++)
			ranges[i] = (struct iovec){ first + i * spacing, size };
		long bytes = syscall(SYS_process_madvise, SELF, ranges, n, MADV_GUARD_INSTALL, 0);
		if (bytes >= (long)size)
			return bytes / (long)size;
		if (bytes < 0 && errno != EAGAIN && errno != EINTR && errno != ENOMEM)
			__atomic_store_n(&no_batches, true, __ATOMIC_RELAXED);
	}
	if (madvise(first, size, MADV_GUARD_INSTALL) < 0)
		return -errno;
	return n > 1 || holds(first) ? 1 : -ENOSYS;
}

static int install_by_mprotect(char *first, size_t size, size_t spacing, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (mprotect(first + i * spacing, size, PROT_NONE) < 0)
			return errno == ENOMEM ? -BIDE_EMAPS : -errno;
	return 0;
}

int bide__guard_install(char *first, size_t size, size_t spacing, size_t n, bool *by_mprotect)
{
	if (bide__alloc_fails())
		return -ENOMEM;
	if (bide__guard_no_madvise)
		*by_mprotect = true;
	for (size_t done = 0; done < n && !*by_mprotect;) {
		size_t some = n - done < BATCH ? n - done : BATCH;
		long rc = install_some(first + done * spacing, size, spacing, some);
		if (rc == -EINVAL || rc == -EPERM || rc == -ENOSYS)
			*by_mprotect = true; /* an older kernel, or locked memory */
		else if (rc < 0)
			return rc == -EAGAIN || rc == -EINTR ? -ENOMEM : (int)rc;
		else if ((done += (size_t)rc) == n)
			return 0;
	}
	return install_by_mprotect(first, size, spacing, n);
}
