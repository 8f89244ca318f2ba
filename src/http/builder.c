// SPDX-License-Identifier: MIT
/* builder.c: see builder.h. */
#include "http/builder.h"

#include "base/alloc.h"

#include <errno.h>
#include <string.h>

enum { FIRST_ROOM = 256 };

bool bide__string_grow(struct bide__string *string, size_t size)
{
	size_t room = string->room > 0 ? string->room : size;
	if (string->failed)
		return false;
	while (room - string->size < size)
		room *= 2;
	char *data = bide__realloc(string->data, room);
	string->failed = data == NULL;
	if (string->failed)
		return false;
	string->data = data;
	string->room = room;
	return true;
}

/* Apart, so that what fits needs no frame. */
__attribute__((noinline)) static void grow_and_add(struct bide__string *string, const void *data,
                                                   size_t size)
{
	const size_t least = string->room == 0 && size < FIRST_ROOM ? FIRST_ROOM : size;
	if (size == 0 || !bide__string_grow(string, least))
		return;
	memcpy(string->data + string->size, data, size);
	string->size += size;
}

void bide__string_add(struct bide__string *string, const void *data, size_t size)
{
	const size_t end = string->size;
	if (size - 1 >= string->room - end) {
		grow_and_add(string, data, size);
		return;
	}
	string->size = end + size;
	memcpy(string->data + end, data, size);
}

void bide__string_put_number(struct bide__string *string, unsigned long long number)
{
	char digits[24];
	size_t at = sizeof(digits);
	do
		digits[--at] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	bide__string_add(string, digits + at, sizeof(digits) - at);
}

int bide__string_end(struct bide__string *string)
{
	bide__string_put_char(string, '\0');
	if (!string->failed) {
		string->size--;
		return 0;
	}
	bide__string_free(string);
	return -ENOMEM;
}

void bide__string_free(struct bide__string *string)
{
	bide__free(string->data);
	*string = (struct bide__string){ NULL, 0, 0, false };
}
