// SPDX-License-Identifier: MIT
/* multipart.c: parts whose names, filenames and values somebody else has chosen, laid out and taken
 * apart again by a reader that knows RFC 7578 and nothing of how they were laid out: as many parts
 * must come out, each with its value and one line that names it. */
#include "fuzz.h"
#include "http/source.h"

enum { PARTS = 4 };

/* Takes the next piece of the input, up to a zero byte, as a string of its own. */
static char *next(const uint8_t **bytes, size_t *size)
{
	const uint8_t *end = *size > 0 ? memchr(*bytes, 0, *size) : NULL;
	const size_t length = end != NULL ? (size_t)(end - *bytes) : *size;
	char *text = text_of(*bytes, length);
	*bytes += length + (end != NULL);
	*size -= length + (end != NULL);
	return text;
}

/* All of a body in one block. */
static char *joined(const struct bide__http_body *body)
{
	char *all = malloc((size_t)body->size + 1), *at = all;
	HOLDS(all != NULL);
	for (size_t i = 0; i < body->n; i++) {
		memcpy(at, body->pieces[i].data, (size_t)body->pieces[i].size);
		at += body->pieces[i].size;
	}
	*at = '\0';
	return all;
}

static bool begins(const char *at, const char *text)
{
	return strncmp(at, text, strlen(text)) == 0;
}

/* Behind the value of a parameter, which has no quote and no line's end in it. */
static const char *behind_quoted(const char *at)
{
	at += strcspn(at, "\"\r\n");
	HOLDS(*at == '"');
	return at + 1;
}

/* Takes a part apart, from behind its delimiter; returns where its value begins. */
static const char *head_of(const char *at, const bide_http_part *part)
{
	const char *start = "\r\nContent-Disposition: form-data; name=\"";
	HOLDS(begins(at, start));
	at = behind_quoted(at + strlen(start));
	if (part->filename != NULL && part->filename[0] != '\0') {
		HOLDS(begins(at, "; filename=\""));
		at = behind_quoted(at + strlen("; filename=\""));
		HOLDS(begins(at, "\r\nContent-Type: application/octet-stream"));
		at += strlen("\r\nContent-Type: application/octet-stream");
	}
	HOLDS(begins(at, "\r\n\r\n"));
	return at + 4;
}

static void take_apart(const struct bide__http_body *body, const bide_http_part *parts)
{
	char *all = joined(body);
	const char *boundary = strchr(body->content_type, '=');
	HOLDS(boundary != NULL && strlen(boundary) == 41);
	const char *at = all;
	for (const bide_http_part *part = parts; part->name != NULL; part++) {
		HOLDS(begins(at, "--") && begins(at + 2, boundary + 1));
		at = head_of(at + 42, part);
		HOLDS(begins(at, part->text) && begins(at + strlen(part->text), "\r\n"));
		at += strlen(part->text) + 2;
	}
	HOLDS(begins(at, "--") && begins(at + 2, boundary + 1) && strcmp(at + 42, "--\r\n") == 0);
	free(all);
}

FUZZ(bytes, size)
{
	bide_http_part parts[PARTS + 1];
	struct bide__http_body body;
	memset(parts, 0, sizeof(parts));
	int n = 0;
	for (; n < PARTS && size > 0; n++) {
		parts[n].name = next(&bytes, &size);
		parts[n].filename = next(&bytes, &size);
		parts[n].text = next(&bytes, &size);
	}
	const bide_http_request request = { .source = bide_http_from_parts(parts) };
	HOLDS(bide__http_body_open(&request, &body) == 0);
	HOLDS(body.size > 0 && body.exists && !body.once);
	take_apart(&body, parts);
	bide__http_body_close(&body);
	for (int i = 0; i < n; i++) {
		free((void *)(uintptr_t)parts[i].name);
		free((void *)(uintptr_t)parts[i].filename);
		free((void *)(uintptr_t)parts[i].text);
	}
}
