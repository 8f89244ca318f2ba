// SPDX-License-Identifier: MIT
/* range.c: see range.h. */
#include "http/range.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A number, the largest there is for all that are larger. */
static uint64_t number(const char **at)
{
	uint64_t value = 0;
	for (; is_digit(**at); (*at)++) {
		const unsigned digit = (unsigned)(**at - '0');
		value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : 10 * value + digit;
	}
	return value;
}

/* The last bytes of all. */
static bool read_suffix(const char **at, uint64_t size, struct bide__http_range *range)
{
	(*at)++;
	if (!is_digit(**at))
		return false;
	const uint64_t last = number(at);
	range->size = last < size ? last : size;
	range->from = size - range->size;
	return true;
}

/* Reads one; its size is 0 when nothing of it is there. */
static bool read_range(const char **at, uint64_t size, struct bide__http_range *range)
{
	if (**at == '-')
		return read_suffix(at, size, range);
	if (!is_digit(**at))
		return false;
	range->from = number(at);
	if (*(*at)++ != '-')
		return false;
	uint64_t last = UINT64_MAX;
	if (is_digit(**at))
		last = number(at);
	if (last < range->from)
		return false;
	if (range->from >= size)
		range->size = 0;
	else
		range->size = last - range->from < size - range->from ? last - range->from + 1
		                                                      : size - range->from;
	return true;
}

int bide__http_ranges(const char *value, uint64_t size,
                      struct bide__http_range ret_ranges[BIDE__HTTP_RANGES_MAX])
{
	static const char unit[] = "bytes=";
	int n = 0, seen = 0;
	uint64_t sum = 0;
	if (strncasecmp(value, unit, sizeof(unit) - 1) != 0)
		return 0;
	for (const char *at = value + sizeof(unit) - 1;;) {
		struct bide__http_range range;
		at += strspn(at, " \t,");
		if (*at == '\0')
			break;
		if (!read_range(&at, size, &range) || seen++ == BIDE__HTTP_RANGES_MAX)
			return 0;
		at += strspn(at, " \t");
		if (*at != ',' && *at != '\0')
			return 0;
		if (range.size == 0)
			continue;
		ret_ranges[n++] = range;
		sum += range.size;
	}
	if (sum > size)
		return 0;
	return n > 0 ? n : seen > 0 ? -1 : 0;
}
