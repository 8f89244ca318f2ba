/* SPDX-License-Identifier: MIT */
/* date.h: times as HTTP writes them: RFC 9110, 5.6.7. */
#ifndef BIDE_HTTP_DATE_H
#define BIDE_HTTP_DATE_H

#include <time.h>

enum { BIDE__HTTP_DATE_SIZE = 32 };

/* Writes "Sun, 06 Nov 1994 08:49:37 GMT", into BIDE__HTTP_DATE_SIZE bytes; returns these. Years
 * that have not four digits become the nearest that has. */
const char *bide__http_date_format(time_t time, char *buf);

/* Reads this form, or one of the two that are obsolete. 0 or -EINVAL. */
int bide__http_date_parse(const char *text, time_t *ret_time);

#endif
