// SPDX-License-Identifier: MIT
/* body.c: reading a response: what comes from the connection, and what it is when it has been
 * expanded, layer by layer. */
#include "http/session.h"

#include "base/alloc.h"
#include "http/decoder.h"

#include <string.h>

/* ---- as it comes -------------------------------------------------------------------------- */

/* Waits for more. Bytes that are there, 0 at the end, or an error. */
static ssize_t wait_for_more(struct bide__http_connection *connection)
{
	const double left = connection->trace->deadline - bide_now();
	const bool at_last = left < connection->patience;
	ssize_t n = 0;
	int fired;
	const void *data;
	BIDE_TIMEOUT(at_last ? left : connection->patience, fired)
		n = bide_stream_peek(connection->stream, 1, &data);
	if (n > 0 && !connection->answered) {
		connection->answered = true;
		bide__http_note(connection->trace, BIDE_HTTP_FIRST, 0);
	}
	return bide__http_timed(fired, n, at_last ? -BIDE_EHTTP_TIMEOUT : -BIDE_EHTTP_TIMEOUT_READ);
}

/* What comes next in what is there. */
static int parse(struct bide__http_connection *connection)
{
	const void *data = "";
	size_t used;
	ssize_t n = bide_stream_peek(connection->stream, 0, &data);
	if (n < 0)
		return (int)n;
	int event = bide__http_parse(&connection->parser, data, (size_t)n, &used);
	if (event == BIDE__HTTP_BODY) {
		connection->pending = connection->parser.body_size;
		used -= connection->pending;
	}
	if (event >= 0)
		bide_stream_consume(connection->stream, used);
	if (event == BIDE__HTTP_BODY) {
		connection->trace->times.received += connection->pending;
		bide__http_note(connection->trace, BIDE_HTTP_BODY, 0);
	}
	return event;
}

int bide__http_next(struct bide__http_connection *connection)
{
	for (;;) {
		int event = parse(connection);
		if (event != BIDE__HTTP_MORE)
			return event;
		ssize_t n = wait_for_more(connection);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return bide__http_parse_end(&connection->parser);
	}
}

int bide__http_read_ahead(struct bide__http_connection *connection, size_t limit)
{
	struct bide__string *ahead = &connection->ahead;
	for (;;) {
		const void *data;
		int event = bide__http_next(connection);
		connection->ended = event == BIDE__HTTP_END;
		if (event != BIDE__HTTP_BODY)
			return event < 0 ? event : 0;
		if (connection->pending > limit - ahead->size)
			return -BIDE_EHTTP_BODY;
		ssize_t n = bide_stream_peek(connection->stream, 0, &data);
		if (n < 0)
			return (int)n;
		bide__string_add(ahead, data, connection->pending);
		bide_stream_consume(connection->stream, connection->pending);
		connection->pending = 0;
		if (ahead->failed)
			return -ENOMEM;
	}
}

/* The connection has done what it was for. What has come behind the end of a response answers
 * nothing. */
static void give_back(bide_http_response *response)
{
	struct bide__http_connection *connection = response->connection;
	const void *data;
	const bool clean = bide_stream_peek(connection->stream, 0, &data) == 0;
	response->connection = NULL;
	response->ended = true;
	bide__http_note(&response->trace, BIDE_HTTP_END, 0);
	bide__http_release(response->session, connection,
	                   clean && connection->parser.keep_alive && !connection->cut &&
	                           !connection->last);
}

void bide__http_let_go(bide_http_response *response)
{
	struct bide__http_connection *connection = response->connection;
	if (connection == NULL)
		return;
	if (connection->ended ||
	    (connection->pending == 0 && parse(connection) == BIDE__HTTP_END)) {
		give_back(response);
		return;
	}
	response->connection = NULL;
	bide__http_release(response->session, connection, false);
}

void bide__http_skip(bide_http_response *response)
{
	enum { LITTLE = 16384 };
	static const double soon = 0.25; /* another connection takes about as long */
	struct bide__http_connection *connection = response->connection;
	size_t skipped = 0;
	int event = connection != NULL && !connection->cut ? BIDE__HTTP_BODY : BIDE__HTTP_END;
	if (response->trace.deadline > bide_now() + soon)
		response->trace.deadline = bide_now() + soon;
	while (event == BIDE__HTTP_BODY && skipped < LITTLE) {
		bide_stream_consume(connection->stream, connection->pending);
		skipped += connection->pending;
		connection->pending = 0;
		event = connection->ended ? BIDE__HTTP_END : bide__http_next(connection);
		if (event == BIDE__HTTP_END)
			give_back(response);
	}
}

/* Reads what has been read ahead: bytes, or 0 when all has been. */
static size_t read_aforehand(struct bide__http_connection *connection, void *buf, size_t size)
{
	const size_t left = connection->ahead.size - connection->ahead_at;
	const size_t taken = size < left ? size : left;
	if (taken > 0)
		memcpy(buf, connection->ahead.data + connection->ahead_at, taken);
	connection->ahead_at += taken;
	if (taken == left) {
		bide__string_free(&connection->ahead);
		connection->ahead_at = 0;
	}
	return taken;
}

static ssize_t read_raw(bide_http_response *response, void *buf, size_t size)
{
	struct bide__http_connection *connection = response->connection;
	if (!response->ended && connection->ahead.size > 0)
		return (ssize_t)read_aforehand(connection, buf, size);
	while (!response->ended && connection->pending == 0) {
		int event = connection->ended ? BIDE__HTTP_END : bide__http_next(connection);
		if (event < 0)
			return event;
		if (event == BIDE__HTTP_END)
			give_back(response);
	}
	if (response->ended)
		return 0;
	const size_t taken = size < connection->pending ? size : connection->pending;
	memcpy(buf, connection->parser.body, taken);
	bide_stream_consume(connection->stream, taken);
	connection->parser.body += taken;
	connection->pending -= taken;
	return (ssize_t)taken;
}

/* ---- layer by layer ----------------------------------------------------------------------- */

enum {
	LAYER_BUFFER = 8192,
	MOST_FOLD = 1200 /* that bytes may become beyond the body's limit: gzip cannot do more */
};

struct bide__http_layer {
	struct bide__decoder *decoder;
	const char *at; /* what has been read from below and not been expanded */
	size_t left;
	bool ended; /* there is no more below */
	uint64_t out;
	char buffer[LAYER_BUFFER];
};

static ssize_t read_below(bide_http_response *response, int layer, void *buf, size_t size);

/* Reads what a layer is made of, when it has nothing. */
static int refill(bide_http_response *response, int layer)
{
	struct bide__http_layer *it = response->layers[layer];
	ssize_t n = it->left > 0 || it->ended
	                    ? 1
	                    : read_below(response, layer, it->buffer, sizeof(it->buffer));
	if (n < 0 || it->left > 0 || it->ended)
		return n < 0 ? (int)n : 0;
	it->at = it->buffer;
	it->left = (size_t)n;
	it->ended = n == 0;
	return 0;
}

/* What few bytes become without end, in whichever layer, is made up to do harm: a disk can be
 * filled with it. Up to the body's limit whatever they become is taken, as brotli and zstd make
 * very little of what is alike. */
static bool is_bomb(const bide_http_response *response, const struct bide__http_layer *layer)
{
	return layer->out > response->session->options.body_limit &&
	       layer->out / MOST_FOLD > response->trace.times.received;
}

static ssize_t read_layer(bide_http_response *response, int layer, void *buf, size_t size)
{
	struct bide__http_layer *it = response->layers[layer];
	for (;;) {
		ssize_t n = bide__decode(it->decoder, &it->at, &it->left, buf, size);
		it->out += n > 0 ? (size_t)n : 0;
		if (n > 0 && is_bomb(response, it))
			return -BIDE_EHTTP_CODING;
		if (n != 0)
			return n;
		if (it->ended && it->left == 0)
			return bide__decoder_ended(it->decoder) ? 0 : -BIDE_EHTTP_CODING;
		int rc = refill(response, layer);
		if (rc < 0)
			return rc;
	}
}

static ssize_t read_below(bide_http_response *response, int layer, void *buf, size_t size)
{
	return layer + 1 < response->n_layers ? read_layer(response, layer + 1, buf, size)
	                                      : read_raw(response, buf, size);
}

/* Adds a layer for a coding; "identity" is none. */
static int add_layer(bide_http_response *response, const char *coding, size_t length)
{
	int rc = -BIDE_EHTTP_CODING;
	if (length == 8 && strncasecmp(coding, "identity", 8) == 0)
		return 0;
	if (response->n_layers == BIDE__HTTP_LAYERS)
		return rc;
	struct bide__decoder *decoder = bide__decoder_new(coding, length, &rc);
	if (decoder == NULL)
		return rc;
	struct bide__http_layer *layer = bide__malloc(sizeof(*layer));
	if (layer == NULL) {
		bide__decoder_free(decoder);
		return -ENOMEM;
	}
	layer->decoder = decoder;
	layer->at = layer->buffer;
	layer->left = 0;
	layer->ended = false;
	layer->out = 0;
	/* The coding that was applied last is named last, and is at the bottom. */
	response->layers[response->n_layers++] = layer;
	return 0;
}

int bide__http_begin_body(bide_http_response *response)
{
	const char *list = NULL;
	response->undecodable = response->connection->parser.coded;
	if (response->session->options.raw)
		return 0;
	while ((list = bide__http_field(&response->head, "Content-Encoding", list)) != NULL)
		for (const char *at = list; *at != '\0';) {
			at += strspn(at, " \t,");
			const size_t length = strcspn(at, " \t,");
			int rc = length > 0 ? add_layer(response, at, length) : 0;
			if (rc == -ENOMEM)
				return rc;
			response->undecodable |= rc < 0;
			at += length;
		}
	return 0;
}

void bide__http_finish_body(bide_http_response *response)
{
	for (int i = 0; i < response->n_layers; i++) {
		bide__decoder_free(response->layers[i]->decoder);
		bide__free(response->layers[i]);
	}
	response->n_layers = 0;
	bide__string_free(&response->body);
	bide__string_free(&response->text);
}

/* ---- the calls ---------------------------------------------------------------------------- */

/* It fails in the same way from now on. */
static void fail(bide_http_response *response, int error)
{
	response->error = error;
	bide__http_note(&response->trace, BIDE_HTTP_FAILED, error);
}

ssize_t bide_http_read(bide_http_response *response, void *buf, size_t size)
{
	if (response->error < 0 || size == 0)
		return response->error;
	ssize_t n = response->undecodable ? read_raw(response, buf, size)
	                                  : read_below(response, -1, buf, size);
	if (n > 0 && response->undecodable)
		n = -BIDE_EHTTP_CODING;
	if (n < 0 && n != bide_cancelled() && n != -ENOMEM)
		fail(response, (int)n);
	return n;
}

/* How many bytes more the body will have: what the head says, or a guess. */
static size_t expected(const bide_http_response *response)
{
	enum { GUESS = 4096, BELIEVED = 1 << 20 };
	const struct bide__http_connection *connection = response->connection;
	if (connection == NULL)
		return 0;
	if (response->n_layers > 0 || !(connection->parser.llhttp.flags & F_CONTENT_LENGTH))
		return GUESS;
	const uint64_t left = connection->parser.llhttp.content_length;
	return connection->pending + (size_t)(left < BELIEVED ? left : BELIEVED);
}

/* What has been read stays in `body` if it cannot go on, and the next call does. The byte more is
 * for the end to be seen, and then for the NUL. */
static ssize_t read_all(bide_http_response *response)
{
	struct bide__string *body = &response->body;
	ssize_t n = bide__string_reserve(body, expected(response) + 1) ? 1 : -ENOMEM;
	while (n > 0) {
		n = bide_http_read(response, body->data + body->size, body->room - body->size);
		body->size += n > 0 ? (size_t)n : 0;
		if (body->size > response->session->options.body_limit)
			n = -BIDE_EHTTP_BODY;
		if (n > 0 && !bide__string_reserve(body, 1))
			n = -ENOMEM;
	}
	return n;
}

ssize_t bide_http_bytes(bide_http_response *response, void **ret_data)
{
	ssize_t n = read_all(response);
	if (n == 0)
		n = bide__string_end(&response->body);
	if (n < 0 && n != bide_cancelled() && response->error == 0)
		fail(response, (int)n);
	if (n < 0)
		return n;
	*ret_data = response->body.data;
	return (ssize_t)response->body.size;
}
