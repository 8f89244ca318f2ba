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

/* The same for at most 8 bytes, which leaves no call even for odd sizes. */
static inline void bide__copy_small(void *to, const void *from, size_t size)
{
	const unsigned char *at = (const unsigned char *)from;
	unsigned char *end = (unsigned char *)to + size;
	if (size == sizeof(uint64_t)) {
		memcpy(to, from, sizeof(uint64_t));
	} else if (size >= sizeof(uint32_t)) { /* which may overlap */
		uint32_t first, last;
		memcpy(&first, at, sizeof(first));
		memcpy(&last, at + size - sizeof(last), sizeof(last));
		memcpy(to, &first, sizeof(first));
		memcpy(end - sizeof(last), &last, sizeof(last));
	} else if (size > 0) {
		unsigned char first = at[0], middle = at[size / 2], last = at[size - 1];
		*(end - size) = first;
		*(end - size + size / 2) = middle;
		*(end - 1) = last;
	}
}

#endif
