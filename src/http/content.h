/* SPDX-License-Identifier: MIT */
/* content.h: what the fields of a head say of the body: RFC 9110, 8 and 14. Each takes the value of
 * one. */
#ifndef BIDE_HTTP_CONTENT_H
#define BIDE_HTTP_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Content-Length: bytes, or < 0 for what is none. */
int64_t bide__content_length(const char *value);

/* Content-Type: writes the type in lower case, without parameters, at most @p room bytes with a NUL
 * behind it; "" for what is none. */
void bide__content_type(const char *value, char *type, size_t room);

/* A parameter of Content-Type, without its quotes, in the same way. Whether there is one that makes
 * sense and fits. */
bool bide__content_parameter(const char *value, const char *name, char *text, size_t room);

struct bide__range {
	int64_t first, last; /* -1: not satisfiable */
	int64_t total;       /* -1: not said */
};

/* Content-Range. Whether it makes sense. */
bool bide__content_range(const char *value, struct bide__range *ret_range);

#endif
