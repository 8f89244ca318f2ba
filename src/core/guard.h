/* SPDX-License-Identifier: MIT */
/* guard.h: memory below stacks that faults when it is touched. */
#ifndef BIDE_CORE_GUARD_H
#define BIDE_CORE_GUARD_H

#include <stdbool.h>
#include <stddef.h>

/* Guards @p n ranges of @p size bytes, @p spacing bytes apart.
 *
 * By MADV_GUARD_INSTALL where the kernel has it (Linux 6.13), which takes no map of its own, so
 * that millions fit; else by mprotect, of which vm.max_map_count allows some 32,000.
 *
 * @p by_mprotect is set when the first was refused, and kept by the caller.
 * Returns 0, -ENOMEM, or -BIDE_EMAPS when there are too many maps; then none of the n is to be
 * used. */
int bide__guard_install(char *first, size_t size, size_t spacing, size_t n, bool *by_mprotect);

/* Makes the kernel look like one without MADV_GUARD_INSTALL; for tests. */
extern bool bide__guard_no_madvise;

#endif
