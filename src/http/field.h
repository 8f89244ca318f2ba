/* SPDX-License-Identifier: MIT */
/* field.h: of what names and values of fields are made: RFC 9110, 5. */
#ifndef BIDE_HTTP_FIELD_H
#define BIDE_HTTP_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* 5.6.2. */
static inline bool bide__http_is_of_token(char c)
{
	const char lower = (char)(c | 0x20);
	return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* The bytes of the token at the beginning of a text, or 0. */
static inline size_t bide__http_token_size(const char *text)
{
	size_t size = 0;
	while (bide__http_is_of_token(text[size]))
		size++;
	return size;
}

/* Whether some bytes can be a value, or a part of one: none of them ends it. 5.5. */
static inline bool bide__http_is_clean(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f)
			return false;
	return true;
}

/* The same of a string. */
static inline bool bide__http_is_value(const char *text)
{
	return bide__http_is_clean(text, strlen(text));
}

#endif
