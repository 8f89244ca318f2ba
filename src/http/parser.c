// SPDX-License-Identifier: MIT
/* parser.c: see parser.h. */
#include "http/parser.h"

#include <bide/base.h>
#include <bide/http.h>

#include <errno.h>
#include <string.h>
#include <strings.h>

enum { SPACES = 2, DONE_WITH_LINE }; /* of a request's first line */

static struct bide__http_parser *of(llhttp_t *llhttp)
{
	return llhttp->data;
}

/* ---- called back -------------------------------------------------------------------------- */

/* What comes behind the body could be taken for what was known before it: RFC 9112, 7.1.2. */
static int add_to_head(struct bide__http_parser *parser, const char *at, size_t size)
{
	const size_t used = parser->head.size + parser->trailers;
	if (size > BIDE__HTTP_HEAD_MAX - used) {
		parser->too_large = true;
		return HPE_USER;
	}
	if (parser->headed)
		parser->trailers += size;
	else
		bide__string_add(&parser->head, at, size);
	return 0;
}

static int end_piece(struct bide__http_parser *parser)
{
	parser->piece = 0;
	if (parser->headed || parser->head.size == BIDE__HTTP_HEAD_MAX)
		return add_to_head(parser, "", 1);
	bide__string_put_char(&parser->head, '\0');
	return 0;
}

static int on_target(llhttp_t *llhttp, const char *at, size_t size)
{
	struct bide__http_parser *parser = of(llhttp);
	parser->too_long |= size > BIDE__HTTP_TARGET_MAX - parser->target.size;
	if (parser->too_long)
		return HPE_USER;
	bide__string_add(&parser->target, at, size);
	return 0;
}

static int on_field(llhttp_t *llhttp, const char *at, size_t size)
{
	of(llhttp)->piece += size;
	return add_to_head(of(llhttp), at, size);
}

static int on_name_complete(llhttp_t *llhttp)
{
	struct bide__http_parser *parser = of(llhttp);
	return parser->piece > 0 ? end_piece(parser) : HPE_INVALID_HEADER_TOKEN;
}

/* Spaces behind a value are none of it, and llhttp leaves them there: RFC 9110, 5.5. */
static void trim(struct bide__string *head)
{
	while (head->size > 0 &&
	       (head->data[head->size - 1] == ' ' || head->data[head->size - 1] == '\t'))
		head->size--;
}

static int on_value_complete(llhttp_t *llhttp)
{
	struct bide__http_parser *parser = of(llhttp);
	if (!parser->headed)
		trim(&parser->head);
	if (++parser->fields > BIDE__HTTP_FIELDS_MAX) {
		parser->too_large = true;
		return HPE_USER;
	}
	return end_piece(parser);
}

/* RFC 9112, 6.3: whatever the fields say. */
static bool has_no_body(const struct bide__http_parser *parser)
{
	const int status = parser->llhttp.status_code;
	return parser->no_body ||
	       (parser->llhttp.type == HTTP_RESPONSE &&
	        ((status >= 100 && status < 200) || status == 204 || status == 304));
}

/* RFC 9112, 6.1. What llhttp does not take for chunks, as with a tab behind it, it reads to the end
 * of the connection, and gives their sizes as the body. */
static bool is_coded(const struct bide__http_parser *parser)
{
	static const char name[] = "Transfer-Encoding";
	if (!(parser->llhttp.flags & F_TRANSFER_ENCODING) || parser->head.failed)
		return false;
	const char *value = bide__http_field(&parser->head, name, NULL);
	return !(parser->llhttp.flags & F_CHUNKED) || strcasecmp(value, "chunked") != 0 ||
	       bide__http_field(&parser->head, name, value) != NULL;
}

/* llhttp takes other versions for this one, and any number for a status: RFC 9112, 2.3 and 4. What
 * comes before a response is not the last thing on a connection, whatever it says. */
static int check_response(llhttp_t *llhttp)
{
	struct bide__http_parser *parser = of(llhttp);
	if (llhttp->http_major != 1 || llhttp->status_code < 100)
		return HPE_INVALID_STATUS;
	if (llhttp->status_code < 200)
		llhttp->flags =
			(uint16_t)((llhttp->flags & ~F_CONNECTION_CLOSE) | F_CONNECTION_KEEP_ALIVE);
	parser->coded = is_coded(parser);
	return HPE_OK;
}

/* A message without a body goes on to its end; else llhttp stops here. A request to speak another
 * protocol is one to go on in this one, too: RFC 9110, 7.8. */
static int on_head(llhttp_t *llhttp)
{
	struct bide__http_parser *parser = of(llhttp);
	if (llhttp->type == HTTP_RESPONSE && check_response(llhttp) != HPE_OK)
		return HPE_INVALID_STATUS;
	parser->headed = parser->head_done = true;
	if (llhttp->type == HTTP_REQUEST) {
		llhttp->upgrade = 0;
		bide__string_add(&parser->target, "", 1);
	}
	return has_no_body(parser) ? 1 : HPE_PAUSED;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t size)
{
	struct bide__http_parser *parser = of(llhttp);
	parser->body = at;
	parser->body_size = size;
	return size > 0 ? HPE_PAUSED : 0;
}

static int on_end(llhttp_t *llhttp)
{
	struct bide__http_parser *parser = of(llhttp);
	/* Chunks by HTTP/1.0 are a mistake of somebody on the way: RFC 9112, 6.1. */
	const bool odd = llhttp->http_minor == 0 && llhttp->flags & F_TRANSFER_ENCODING;
	parser->ended = true;
	parser->keep_alive = llhttp_should_keep_alive(llhttp) && !odd;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_url = on_target,
	.on_header_field = on_field,
	.on_header_value = on_field,
	.on_header_field_complete = on_name_complete,
	.on_header_value_complete = on_value_complete,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_message_complete = on_end,
};

/* ---- asked for ---------------------------------------------------------------------------- */

void bide__http_parser_init(struct bide__http_parser *parser, llhttp_type_t type)
{
	memset(parser, 0, sizeof(*parser));
	llhttp_init(&parser->llhttp, type, &settings);
	parser->llhttp.data = parser;
}

void bide__http_parser_restart(struct bide__http_parser *parser)
{
	const struct bide__string head = parser->head, target = parser->target;
	bide__http_parser_init(parser, parser->llhttp.type);
	parser->head = head;
	parser->target = target;
}

void bide__http_parser_next(struct bide__http_parser *parser, bool no_body)
{
	parser->head.size = parser->trailers = parser->framing = parser->piece = 0;
	parser->target.size = 0;
	parser->fields = parser->spaces = 0;
	parser->no_body = no_body;
	parser->headed = parser->head_done = parser->ended = parser->keep_alive = false;
}

/* What has been met and not been told, in the order in which it came. */
static int tell(struct bide__http_parser *parser)
{
	if (parser->head.failed || parser->target.failed)
		return -ENOMEM;
	if (parser->head_done) {
		parser->head_done = false;
		return BIDE__HTTP_HEAD;
	}
	if (parser->body_size > 0)
		return BIDE__HTTP_BODY;
	if (parser->ended) {
		parser->ended = false;
		return BIDE__HTTP_END;
	}
	return BIDE__HTTP_MORE;
}

/* Whether a request's first line may go on with a byte: it has two spaces, each by itself, and what
 * is behind them is HTTP. llhttp takes any number, and two other protocols. */
static bool is_in_line(struct bide__http_parser *parser, char last, char c)
{
	if (c == ' ')
		return last != ' ' && parser->spaces++ < SPACES;
	if (parser->spaces == SPACES && last == ' ')
		return c == 'H';
	if (parser->spaces > 0 && c == '\n')
		parser->spaces = DONE_WITH_LINE;
	return true;
}

/* Counts what has come that is no body, as spaces before a value, empty lines before a request, and
 * what a chunk says of itself: there is no end to it otherwise, and who sends it fast enough would
 * have this task never wait. False when it is too much. */
static bool count_framing(struct bide__http_parser *parser, size_t size)
{
	parser->framing += size;
	parser->too_large |= parser->framing > BIDE__HTTP_FRAMING_MAX;
	if (parser->body_size > 0)
		parser->framing = 0;
	return !parser->too_large;
}

/* What llhttp lets pass and who stands before us may read otherwise, in all of a request that is
 * not body: its first line, a line that is folded, or ends with less than "\r\n", and NUL. RFC
 * 9112, 2.2, 3, 5.2 and 11.2. */
static bool is_strict(struct bide__http_parser *parser, const char *data, size_t size)
{
	char last = parser->last;
	for (size_t i = 0; i < size; last = data[i++]) {
		const char c = data[i];
		if ((c == '\n') != (last == '\r') || c == '\0')
			return false;
		if (last == '\n' && (c == ' ' || c == '\t'))
			return false;
		if (parser->spaces < DONE_WITH_LINE && !is_in_line(parser, last, c))
			return false;
	}
	parser->last = parser->body_size > 0 || parser->ended ? '\0' : last;
	return true;
}

int bide__http_parse(struct bide__http_parser *parser, const char *data, size_t size,
                     size_t *ret_used)
{
	*ret_used = 0;
	parser->body_size = 0;
	int event = tell(parser);
	if (event != BIDE__HTTP_MORE || (size == 0 && !parser->stopped))
		return event;
	parser->stopped = false;
	llhttp_errno_t error = llhttp_execute(&parser->llhttp, data, size);
	if (error != HPE_OK && error != HPE_PAUSED)
		return parser->too_large || parser->too_long ? -BIDE_EHTTP_HEAD : -BIDE_EHTTP;
	*ret_used = size;
	if (error == HPE_PAUSED) {
		*ret_used = (size_t)(llhttp_get_error_pos(&parser->llhttp) - data);
		llhttp_resume(&parser->llhttp);
		parser->stopped = true;
	}
	if (!count_framing(parser, *ret_used - parser->body_size))
		return -BIDE_EHTTP_HEAD;
	if (parser->llhttp.type == HTTP_REQUEST &&
	    !is_strict(parser, data, *ret_used - parser->body_size))
		return -BIDE_EHTTP;
	return tell(parser);
}

int bide__http_parse_end(struct bide__http_parser *parser)
{
	parser->body_size = 0;
	int event = tell(parser);
	if (event != BIDE__HTTP_MORE)
		return event;
	llhttp_errno_t error = llhttp_finish(&parser->llhttp);
	if (error != HPE_OK && error != HPE_PAUSED)
		return -BIDE_EINCOMPLETE;
	event = tell(parser);
	return event != BIDE__HTTP_MORE ? event : -BIDE_EINCOMPLETE;
}

/* ---- fields ------------------------------------------------------------------------------- */

const char *bide__http_next_name(const struct bide__string *head, const char *last_value)
{
	const char *at = last_value != NULL ? last_value + strlen(last_value) + 1 : head->data;
	return at != NULL && at < head->data + head->size ? at : NULL;
}

const char *bide__http_field(const struct bide__string *head, const char *name, const char *last)
{
	const size_t size = strlen(name);
	for (const char *at; (at = bide__http_next_name(head, last)) != NULL;) {
		const size_t length = strlen(at);
		last = at + length + 1;
		if (length == size && strcasecmp(at, name) == 0)
			return last;
	}
	return NULL;
}

void bide__http_parser_finish(struct bide__http_parser *parser)
{
	bide__string_free(&parser->head);
	bide__string_free(&parser->target);
}
