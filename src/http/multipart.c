// SPDX-License-Identifier: MIT
/* multipart.c: multipart/form-data: RFC 7578, with names escaped as by browsers (the HTML standard
 * of WHATWG, "multipart/form-data encoding algorithm"). */
#include "http/source.h"

#include "http/field.h"
#include "http/session.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static int make_boundary(char *boundary)
{
	unsigned char random[16];
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return errno > 0 ? -errno : -EIO;
	size_t at = (size_t)sprintf(boundary, "----bide");
	for (size_t i = 0; i < sizeof(random); i++)
		at += (size_t)sprintf(boundary + at, "%02x", random[i]);
	return 0;
}

/* Line ends in names are each CR LF; those in names of files are what they are. */
static void put_escaped(struct bide__string *out, const char *text, bool is_name)
{
	for (; *text != '\0'; text++) {
		const bool pair = text[0] == '\r' && text[1] == '\n';
		if (*text == '"')
			bide__string_put(out, "%22");
		else if (pair || (is_name && (*text == '\r' || *text == '\n')))
			bide__string_put(out, "%0D%0A");
		else if (*text == '\r')
			bide__string_put(out, "%0D");
		else if (*text == '\n')
			bide__string_put(out, "%0A");
		else
			bide__string_put_char(out, *text);
		text += pair;
	}
}

static const char *filename_of(const bide_http_part *part)
{
	if (part->filename != NULL)
		return part->filename[0] != '\0' ? part->filename : NULL;
	if (part->source.from != BIDE__HTTP_FROM_FILE)
		return NULL;
	const char *slash = strrchr(part->source.path, '/');
	return slash != NULL ? slash + 1 : part->source.path;
}

static int put_head(struct bide__string *out, const bide_http_part *part)
{
	const char *filename = filename_of(part);
	const char *type = part->type;
	if (type == NULL && filename != NULL)
		type = "application/octet-stream";
	if (type != NULL && !bide__http_is_value(type))
		return -EINVAL;
	bide__string_put(out, "Content-Disposition: form-data; name=\"");
	put_escaped(out, part->name, true);
	if (filename != NULL) {
		bide__string_put(out, "\"; filename=\"");
		put_escaped(out, filename, false);
	}
	bide__string_put(out, "\"\r\n");
	if (type != NULL) {
		bide__string_put(out, "Content-Type: ");
		bide__string_put(out, type);
		bide__string_put(out, "\r\n");
	}
	bide__string_put(out, "\r\n");
	return 0;
}

/* Adds what the text has behind @p start. */
static void add_text(struct bide__http_body *body, size_t start)
{
	struct bide__http_piece *piece = bide__http_body_add(body);
	if (piece == NULL)
		return;
	piece->kind = BIDE__PIECE_MEMORY;
	piece->offset = (int64_t)start;
	piece->size = (int64_t)(body->text.size - start);
}

static int add_value(struct bide__http_body *body, const bide_http_part *part)
{
	const bool has_source = part->source.from != BIDE__HTTP_FROM_NOWHERE;
	if ((part->text != NULL) + (part->size > 0) + has_source > 1 || part->size > INT64_MAX ||
	    (part->size > 0 && part->data == NULL))
		return -EINVAL;
	if (has_source)
		return bide__http_body_add_source(body, &part->source);
	struct bide__http_piece *piece = bide__http_body_add(body);
	if (piece == NULL)
		return -ENOMEM;
	piece->kind = BIDE__PIECE_MEMORY;
	piece->data = part->text != NULL ? part->text : part->size > 0 ? part->data : "";
	piece->size = (int64_t)(part->text != NULL ? strlen(part->text) : part->size);
	return 0;
}

int bide__http_body_add_parts(struct bide__http_body *body, const bide_http_part *parts)
{
	char boundary[BIDE__HTTP_BOUNDARY_MAX];
	int rc = make_boundary(boundary);
	for (const bide_http_part *part = parts; rc == 0 && part->name != NULL; part++) {
		const size_t start = body->text.size;
		bide__string_put(&body->text, part == parts ? "--" : "\r\n--");
		bide__string_put(&body->text, boundary);
		bide__string_put(&body->text, "\r\n");
		rc = put_head(&body->text, part);
		add_text(body, start);
		if (rc == 0)
			rc = add_value(body, part);
	}
	const size_t start = body->text.size;
	bide__string_put(&body->text, parts->name == NULL ? "--" : "\r\n--");
	bide__string_put(&body->text, boundary);
	bide__string_put(&body->text, "--\r\n");
	add_text(body, start);
	body->type_at = body->text.size;
	bide__string_put(&body->text, "multipart/form-data; boundary=");
	bide__string_put(&body->text, boundary);
	return rc;
}
