// SPDX-License-Identifier: MIT
/* content.c: what a server says of a body: its length, its type with a charset, its range; and text
 * of a charset that it chooses, which must become UTF-8. The first byte tells which. */
#include "fuzz.h"
#include "http/content.h"
#include "http/text.h"

#include <bide/base.h>

static void look_at_type(const char *value)
{
	char type[32], charset[16];
	bide__content_type(value, type, sizeof(type));
	HOLDS(strlen(type) < sizeof(type));
	HOLDS(type[0] == '\0' || strchr(type, '/') != NULL);
	HOLDS(strpbrk(type, " ;,\"\r\nABCDEFGHIJKLMNOPQRSTUVWXYZ") == NULL);
	if (bide__content_parameter(value, "charset", charset, sizeof(charset)))
		HOLDS(charset[0] != '\0' && strlen(charset) < sizeof(charset));
}

static void look_at_range(const char *value)
{
	struct bide__range range;
	HOLDS(bide__content_length(value) >= -1);
	if (!bide__content_range(value, &range))
		return;
	HOLDS(range.first >= -1 && range.last >= range.first && range.total >= -1);
	HOLDS(range.first >= 0 || (range.last == -1 && range.total >= 0));
	HOLDS(range.total == -1 || range.total > range.last);
}

static void convert(const char *label, const char *data, size_t size)
{
	struct bide__string out = { NULL, 0, 0, false };
	const char *charset = bide__charset(label);
	if (charset == NULL)
		return;
	int rc = bide__to_utf8(charset, data, size, &out);
	HOLDS(rc == 0 || rc == -BIDE_EHTTP_CHARSET);
	if (rc < 0)
		return;
	HOLDS(bide__is_utf8(out.data, out.size) && out.size <= 4 * size + 16);
	HOLDS(strcmp(charset, "UTF-8") != 0 || !bide__is_utf8(data, size) ||
	      (out.size == size && memcmp(out.data, data, size) == 0));
	bide__string_free(&out);
}

FUZZ(bytes, size)
{
	if (size == 0)
		return;
	char *text = text_of(bytes + 1, size - 1);
	const size_t label = strlen(text);
	size_t mark;
	look_at_type(text);
	look_at_range(text);
	(void)bide__charset_of_mark(text, size - 1, &mark);
	HOLDS(mark < size);
	if (bytes[0] & 1)
		convert("utf-8", text, size - 1);
	else if (label + 1 < size)
		convert(text, text + label + 1, size - label - 2);
	free(text);
}
