// SPDX-License-Identifier: MIT
/* text.c: see text.h. */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for so many bytes more and a NUL. */
static bool reserve(struct text *text, size_t more)
{
	enum { FIRST = 256 };
	const size_t needed = text->size + more + 1;
	if (text->failed)
		return false;
	if (needed <= text->room)
		return true;
	size_t room = text->room > 0 ? text->room : FIRST;
	while (room < needed)
		room *= 2;
	char *data = realloc(text->data, room);
	if (data == NULL) {
		text->failed = true;
		return false;
	}
	text->data = data;
	text->room = room;
	return true;
}

void text_add(struct text *text, const void *data, size_t size)
{
	if (!reserve(text, size))
		return;
	if (size > 0) /* else `data` may be NULL, as of an empty text */
		memcpy(text->data + text->size, data, size);
	text->size += size;
	text->data[text->size] = '\0';
}

void text_put(struct text *text, const char *string)
{
	text_add(text, string, strlen(string));
}

void text_format(struct text *text, const char *format, ...)
{
	enum { USUAL = 64 };
	va_list arguments;
	for (size_t room = USUAL;;) {
		if (!reserve(text, room))
			return;
		va_start(arguments, format);
		const int n = vsnprintf(text->data + text->size, room + 1, format, arguments);
		va_end(arguments);
		if (n < 0) {
			text->failed = true;
			return;
		}
		if ((size_t)n <= room) {
			text->size += (size_t)n;
			return;
		}
		room = (size_t)n;
	}
}

/* ---- JSON --------------------------------------------------------------------------------- */

/* How many bytes a character of UTF-8 has at this place; 0 where there is none: RFC 3629, 4. */
static size_t character(const unsigned char *at)
{
	unsigned char least = 0x80, most = 0xbf;
	size_t size = 0;
	if (at[0] < 0x80)
		return 1;
	if (at[0] >= 0xc2 && at[0] <= 0xdf)
		size = 2;
	else if (at[0] >= 0xe0 && at[0] <= 0xef)
		size = 3;
	else if (at[0] >= 0xf0 && at[0] <= 0xf4)
		size = 4;
	/* No longer than needed, no surrogates, nothing beyond U+10FFFF. */
	if (at[0] == 0xe0)
		least = 0xa0;
	else if (at[0] == 0xed)
		most = 0x9f;
	else if (at[0] == 0xf0)
		least = 0x90;
	else if (at[0] == 0xf4)
		most = 0x8f;
	for (size_t i = 1; i < size; i++, least = 0x80, most = 0xbf)
		if (at[i] < least || at[i] > most)
			return 0;
	return size;
}

void text_put_json(struct text *text, const char *string)
{
	text_put(text, "\"");
	for (const unsigned char *at = (const unsigned char *)string; *at != '\0';) {
		const size_t size = character(at);
		if (*at == '"' || *at == '\\')
			text_format(text, "\\%c", *at);
		else if (*at < 0x20 || *at == 0x7f)
			text_format(text, "\\u%04x", *at);
		else if (size == 2 && at[0] == 0xc2 && at[1] < 0xa0)
			text_format(text, "\\u%04x", at[1]);
		else if (size == 0)
			text_put(text, "\\ufffd");
		else
			text_add(text, at, size);
		at += size > 0 ? size : 1;
	}
	text_put(text, "\"");
}

/* ---- other forms -------------------------------------------------------------------------- */

void text_put_xml(struct text *text, const char *string)
{
	for (; *string != '\0'; string++)
		switch (*string) {
		case '&':
			text_put(text, "&amp;");
			break;
		case '<':
			text_put(text, "&lt;");
			break;
		case '>':
			text_put(text, "&gt;");
			break;
		case '"':
			text_put(text, "&quot;");
			break;
		case '\'':
			text_put(text, "&#39;");
			break;
		default:
			text_add(text, string, 1);
		}
}

void text_put_size(struct text *text, double bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
	size_t unit = 0;
	while (bytes >= 999.5 && unit + 1 < sizeof(units) / sizeof(*units)) {
		bytes /= 1000;
		unit++;
	}
	text_format(text, "%.*f %s", unit > 0 && bytes < 99.95 ? 1 : 0, bytes, units[unit]);
}

void text_clear(struct text *text)
{
	text->size = 0;
	text->failed = false;
	if (text->data != NULL)
		text->data[0] = '\0';
}

void text_free(struct text *text)
{
	free(text->data);
	*text = (struct text)TEXT_NONE;
}
