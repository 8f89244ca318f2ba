/* SPDX-License-Identifier: MIT */
/* range.h: which bytes of something are asked for: RFC 9110, 14. */
#ifndef BIDE_HTTP_RANGE_H
#define BIDE_HTTP_RANGE_H

#include <stdint.h>

enum { BIDE__HTTP_RANGES_MAX = 16 };

struct bide__http_range {
	uint64_t from, size;
};

/* Reads the value of a Range field, for something of @p size bytes. Returns how many ranges there
 * are, those left out that lie behind its end; 0 when the field is to be ignored: it is none, is of
 * another unit, asks for too many, or for more than there is in all; -1 when nothing of what is
 * asked for is there. */
int bide__http_ranges(const char *value, uint64_t size,
                      struct bide__http_range ret_ranges[BIDE__HTTP_RANGES_MAX]);

#endif
