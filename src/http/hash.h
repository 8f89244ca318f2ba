/* SPDX-License-Identifier: MIT */
/* hash.h: a hash of strings: FNV-1a, of Fowler, Noll and Vo. */
#ifndef BIDE_HTTP_HASH_H
#define BIDE_HTTP_HASH_H

#include <stddef.h>
#include <stdint.h>

static inline size_t bide__hash(const char *key)
{
	uint64_t h = 14695981039346656037u;
	for (; *key != '\0'; key++)
		h = (h ^ (unsigned char)*key) * 1099511628211u;
	return (size_t)h;
}

#endif
