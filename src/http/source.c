// SPDX-License-Identifier: MIT
/* source.c: laying out the body of a request, from whatever it comes. */
#include "http/source.h"

#include "base/alloc.h"
#include "http/session.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- pieces ------------------------------------------------------------------------------- */

/* The first one lies in the body itself, as most have but one. */
static bool make_room(struct bide__http_body *body)
{
	enum { FIRST_ROOM = 8 };
	if (body->n == 0)
		body->pieces = &body->one;
	if (body->n < (body->room > 0 ? body->room : 1))
		return true;
	const size_t room = body->room > 0 ? 2 * body->room : FIRST_ROOM;
	struct bide__http_piece *pieces = body->room > 0 ? body->pieces : NULL;
	pieces = bide__realloc(pieces, room * sizeof(*pieces));
	if (pieces == NULL)
		return false;
	if (body->room == 0)
		pieces[0] = body->one;
	body->pieces = pieces;
	body->room = room;
	return true;
}

struct bide__http_piece *bide__http_body_add(struct bide__http_body *body)
{
	if (!make_room(body)) {
		body->text.failed = true;
		return NULL;
	}
	struct bide__http_piece *piece = &body->pieces[body->n++];
	*piece = (struct bide__http_piece){ .fd = -1, .size = BIDE_HTTP_UNKNOWN };
	return piece;
}

static void add_memory(struct bide__http_body *body, const void *data, size_t size)
{
	struct bide__http_piece *piece = bide__http_body_add(body);
	if (piece == NULL)
		return;
	piece->kind = BIDE__PIECE_MEMORY;
	piece->data = size > 0 ? data : "";
	piece->size = (int64_t)size;
}

/* ---- files -------------------------------------------------------------------------------- */

/* How much of a file there is to be sent. 0 or an error. */
static int measure(struct bide__http_piece *piece)
{
	struct stat status;
	if (fstat(piece->fd, &status) < 0)
		return -errno;
	if (S_ISDIR(status.st_mode))
		return -EISDIR;
	if (!S_ISREG(status.st_mode) || piece->offset < 0)
		return -EINVAL;
	const int64_t left = status.st_size - piece->offset;
	if (piece->size == BIDE_HTTP_UNKNOWN)
		piece->size = left > 0 ? left : 0;
	return piece->size <= left || piece->size == 0 ? 0 : -BIDE_EHTTP_LENGTH;
}

static int add_file(struct bide__http_body *body, const bide_http_source *source)
{
	struct bide__http_piece *piece = bide__http_body_add(body);
	if (piece == NULL)
		return -ENOMEM;
	piece->kind = BIDE__PIECE_FILE;
	piece->offset = source->offset;
	piece->size = source->size;
	piece->fd = source->fd;
	if (source->from == BIDE__HTTP_FROM_FILE) {
		/* What is no file is not waited for. */
		piece->fd = open(source->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		piece->owned = piece->fd >= 0;
		if (piece->fd < 0)
			return -errno;
	}
	return measure(piece);
}

/* Whether a source names something. */
static bool is_source(const bide_http_source *source)
{
	switch (source->from) {
	case BIDE__HTTP_FROM_FILE:
		return source->path != NULL;
	case BIDE__HTTP_FROM_STREAM:
		return source->stream != NULL;
	case BIDE__HTTP_FROM_CALL:
		return source->call != NULL;
	default:
		return source->from == BIDE__HTTP_FROM_FD;
	}
}

int bide__http_body_add_source(struct bide__http_body *body, const bide_http_source *source)
{
	if (source->size < BIDE_HTTP_UNKNOWN || !is_source(source))
		return -EINVAL;
	if (source->from == BIDE__HTTP_FROM_FILE || source->from == BIDE__HTTP_FROM_FD)
		return add_file(body, source);
	struct bide__http_piece *piece = bide__http_body_add(body);
	if (piece == NULL)
		return -ENOMEM;
	piece->kind =
		source->from == BIDE__HTTP_FROM_STREAM ? BIDE__PIECE_STREAM : BIDE__PIECE_CALL;
	piece->stream = source->stream;
	piece->call = source->call;
	piece->arg = source->arg;
	piece->size = source->size;
	return 0;
}

/* ---- the whole ---------------------------------------------------------------------------- */

static int add_form(struct bide__http_body *body, const char *const *form)
{
	int rc = bide__http_put_form(&body->text, form);
	struct bide__http_piece *piece = rc == 0 ? bide__http_body_add(body) : NULL;
	if (piece == NULL)
		return rc < 0 ? rc : -ENOMEM;
	piece->kind = BIDE__PIECE_MEMORY;
	piece->offset = 0;
	piece->size = (int64_t)body->text.size;
	body->content_type = "application/x-www-form-urlencoded";
	return 0;
}

bool bide__http_has_body(const bide_http_request *request)
{
	return request->body != NULL || request->body_size > 0 || request->form != NULL ||
	       request->json != NULL || request->source.from != BIDE__HTTP_FROM_NOWHERE;
}

static int fill(const bide_http_request *request, struct bide__http_body *body)
{
	const bool has_source = request->source.from != BIDE__HTTP_FROM_NOWHERE;
	const bool has_bytes = request->body != NULL || request->body_size > 0;
	const int bodies =
		has_bytes + (request->form != NULL) + (request->json != NULL) + has_source;
	if (bodies > 1 || request->body_size > INT64_MAX ||
	    (request->body_size > 0 && request->body == NULL))
		return -EINVAL;
	body->exists = bodies > 0;
	body->content_type = request->type;
	if (request->form != NULL)
		return add_form(body, request->form);
	if (request->source.from == BIDE__HTTP_FROM_PARTS)
		return request->type == NULL && request->source.parts != NULL
		               ? bide__http_body_add_parts(body, request->source.parts)
		               : -EINVAL;
	if (has_source)
		return bide__http_body_add_source(body, &request->source);
	if (has_bytes)
		add_memory(body, request->body, request->body_size);
	if (request->json != NULL)
		add_memory(body, request->json, strlen(request->json));
	if (request->json != NULL && request->type == NULL)
		body->content_type = "application/json";
	return 0;
}

/* Where the pieces of text are is known when there comes no more; and so is the size of all. */
static int settle(struct bide__http_body *body)
{
	int rc = bide__string_end(&body->text);
	if (rc < 0)
		return rc;
	if (body->type_at > 0)
		body->content_type = body->text.data + body->type_at;
	for (size_t i = 0; i < body->n; i++) {
		struct bide__http_piece *piece = &body->pieces[i];
		body->once |= piece->kind == BIDE__PIECE_STREAM || piece->kind == BIDE__PIECE_CALL;
		if (piece->kind == BIDE__PIECE_MEMORY && piece->data == NULL)
			piece->data = body->text.data + piece->offset;
		if (piece->size == BIDE_HTTP_UNKNOWN || body->size == BIDE_HTTP_UNKNOWN)
			body->size = BIDE_HTTP_UNKNOWN;
		else if (piece->size > INT64_MAX - body->size)
			return -EINVAL;
		else
			body->size += piece->size;
	}
	return 0;
}

/* A plain request has no body, and asks for no memory here. */
int bide__http_body_open(const bide_http_request *request, struct bide__http_body *ret_body)
{
	*ret_body = (struct bide__http_body){ .n = 0 };
	int rc = fill(request, ret_body);
	return rc < 0 || ret_body->n == 0 ? rc : settle(ret_body);
}

void bide__http_body_close(struct bide__http_body *body)
{
	for (size_t i = 0; i < body->n; i++)
		if (body->pieces[i].owned)
			(void)close(body->pieces[i].fd);
	if (body->room > 0)
		bide__free(body->pieces);
	bide__string_free(&body->text);
	*body = (struct bide__http_body){ .n = 0 };
}

bool bide__http_body_is_small(const struct bide__http_body *body)
{
	enum { SMALL = 16384 }; /* what a socket's buffer has at first */
	for (size_t i = 0; i < body->n; i++)
		if (body->pieces[i].kind != BIDE__PIECE_MEMORY)
			return false;
	return body->size <= SMALL;
}
