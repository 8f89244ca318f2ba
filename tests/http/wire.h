/* SPDX-License-Identifier: MIT */
/* What the tests' own servers and clients of HTTP say and hear, without the library's parser. */
#ifndef HTTP_WIRE_H
#define HTTP_WIRE_H

#include <bide/stream.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Writes a text: whether that could be. */
static inline bool say(bide_stream *stream, const char *text)
{
	const ssize_t size = (ssize_t)strlen(text);
	return bide_stream_write(stream, text, (size_t)size) == size;
}

/* Reads a head, with the empty line behind it: whether there is one that has room. */
static inline bool hear_head(bide_stream *stream, char *head, size_t room)
{
	static const bide_bytes end = { "\r\n\r\n", 4 };
	const void *data;
	const ssize_t n = bide_stream_read_until(stream, &end, 1, &data);
	if (n <= 0 || (size_t)n >= room)
		return false;
	memcpy(head, data, (size_t)n);
	head[n] = '\0';
	return true;
}

/* How long the body behind a head is said to be; 0 when it is not. */
static inline size_t length_said(const char *head)
{
	const char *field = strcasestr(head, "\r\ncontent-length:");
	return field != NULL ? strtoul(field + 17, NULL, 10) : 0;
}

/* "hello" by gzip. */
#define HELLO_PACKED \
	"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x07" \
	"\x00\x86\xa6\x10\x36\x05\x00\x00\x00"
enum { HELLO_PACKED_SIZE = sizeof HELLO_PACKED - 1 };

#endif
