/* SPDX-License-Identifier: MIT */
/* text.h: text in UTF-8, from whatever charset. */
#ifndef BIDE_HTTP_TEXT_H
#define BIDE_HTTP_TEXT_H

#include "http/builder.h"

/* What iconv(3) calls a charset that browsers know by this name; NULL for others. */
const char *bide__charset(const char *label);

/* The charset that a byte order mark tells, and how long it is; NULL when there is none. */
const char *bide__charset_of_mark(const char *data, size_t size, size_t *ret_mark);

/* Whether it is UTF-8 all through. */
bool bide__is_utf8(const char *data, size_t size);

/* Converts from a charset as bide__charset() names it; what makes no sense in it becomes U+FFFD.
 * 0; -BIDE_EHTTP_CHARSET when the system does not know it; -ENOMEM. */
int bide__to_utf8(const char *charset, const char *data, size_t size, struct bide__string *out);

#endif
