// SPDX-License-Identifier: MIT
/* guard.c: see guard.h. Sources: madvise(2), process_madvise(2), mprotect(2). */
#include "core/guard.h"

#include "base/alloc.h"

#include <bide/base.h>

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

enum { SELF = -10000, BATCH = 64 }; /* PIDFD_SELF_THREAD_GROUP; vectors a call */

bool bide__guard_no_madvise;

/* One call for many ranges. Returns how many were guarded, or a negative errno value. */
static long install_batch(char *first, size_t size, size_t spacing, size_t n)
{
	struct iovec ranges[BATCH];
	if (n == 1)
		return madvise(first, size, MADV_GUARD_INSTALL) == 0 ? 1 : -errno;
	for (size_t i = 0; i < n; i++)
		ranges[i] = (struct iovec){ first + i * spacing, size };
	long bytes = syscall(SYS_process_madvise, SELF, ranges, n, MADV_GUARD_INSTALL, 0);
	if (bytes >= (long)size)
		return bytes / (long)size;
	return madvise(first, size, MADV_GUARD_INSTALL) == 0 ? 1 : -errno;
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
		long rc = install_batch(first + done * spacing, size, spacing, some);
		if (rc == -EINVAL || rc == -EPERM || rc == -ENOSYS)
			*by_mprotect = true; /* an older kernel, or locked memory */
		else if (rc < 0)
			return rc == -EAGAIN || rc == -EINTR ? -ENOMEM : (int)rc;
		else if ((done += (size_t)rc) == n)
			return 0;
	}
	return install_by_mprotect(first, size, spacing, n);
}
