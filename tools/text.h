/* SPDX-License-Identifier: MIT */
/* text.h: texts that are built piece by piece, for output. When there is no memory `failed` is set
 * and stays so until the text is cleared: whoever uses it looks once, at the end. */
#ifndef TOOLS_TEXT_H
#define TOOLS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *data; /* ends with a NUL that does not count; NULL: nothing has been put yet */
	size_t size, room;
	bool failed;
};

#define TEXT_NONE \
	{ \
		NULL, 0, 0, false \
	}

/* Puts bytes, a string, what printf would print. */
void text_add(struct text *text, const void *data, size_t size);
void text_put(struct text *text, const char *string);
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts a string of JSON with its quotes: RFC 8259. What is no UTF-8 becomes U+FFFD. No control
 * character is put as such, as a terminal may heed those of Unicode, U+0080 to U+009F, too. */
void text_put_json(struct text *text, const char *string);

/* Puts a text into XML, also between the quotes of an attribute. Only what is printable ASCII may
 * be in it. */
void text_put_xml(struct text *text, const char *string);

/* Puts a size as people read it: "1.2 MB". */
void text_put_size(struct text *text, double bytes);

/* Empties it, keeping its memory; or gives that back, too. */
void text_clear(struct text *text);
void text_free(struct text *text);

#endif
