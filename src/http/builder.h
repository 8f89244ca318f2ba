/* SPDX-License-Identifier: MIT */
/* builder.h: text that is put together piece by piece. A lack of memory is kept until the end, so
 * that only there it needs to be looked at. */
#ifndef BIDE_HTTP_BUILDER_H
#define BIDE_HTTP_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct bide__string {
	char *data; /* of bide__malloc(); no NUL behind it until bide__string_end() */
	size_t size, room;
	bool failed; /* there was no memory */
};

/* Makes more room, for so many bytes behind `size`, where there is not as much. */
bool bide__string_grow(struct bide__string *string, size_t size);

/* Makes room for so many bytes more, at least 1, behind `size`: the first time exactly that. False
 * when there was no memory. */
static inline bool bide__string_reserve(struct bide__string *string, size_t size)
{
	return (size <= string->room - string->size && !string->failed) ||
	       bide__string_grow(string, size);
}

/* Append bytes, a decimal number, a string, a byte. */
void bide__string_add(struct bide__string *string, const void *data, size_t size);
void bide__string_put_number(struct bide__string *string, unsigned long long number);

static inline void bide__string_put_char(struct bide__string *string, char c)
{
	if (string->size < string->room)
		string->data[string->size++] = c;
	else
		bide__string_add(string, &c, 1);
}

/* What is known when it is compiled is copied without a call. */
__attribute__((always_inline)) static inline void bide__string_put(struct bide__string *string,
                                                                   const char *text)
{
	const size_t size = strlen(text);
	if (!__builtin_constant_p(size) || size > string->room - string->size || size == 0) {
		bide__string_add(string, text, size);
		return;
	}
	memcpy(string->data + string->size, text, size);
	string->size += size;
}

/* Puts a NUL behind it. 0, or -ENOMEM when something of it is missing: then it has been freed. */
int bide__string_end(struct bide__string *string);

void bide__string_free(struct bide__string *string);

#endif
