/* SPDX-License-Identifier: MIT */
/* copy.h: copying arguments and results, most of which are a word or two, without a call. */
#ifndef BIDE_BASE_COPY_H
#define BIDE_BASE_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline void bide__copy(void *to, const void *from, size_t size)
{
	if (size == sizeof(uint32_t))
		memcpy(to, from, sizeof(uint32_t));
	else if (size == sizeof(uint64_t))
		memcpy(to, from, sizeof(uint64_t));
	else if (size == 2 * sizeof(uint64_t))
		memcpy(to, from, 2 * sizeof(uint64_t));
	else if (size > 0)
		memcpy(to, from, size);
}

#endif
