// SPDX-License-Identifier: MIT
/* response.c: what a server answers, taken apart in one piece and in pieces of a size that the
 * first byte says: the same must be met, and what follows a head must be within the input. */
#include "fuzz.h"
#include "http/parser.h"

/* A sum of all that was met. */
struct met {
	uint64_t sum;
	size_t body;
	int last; /* the event that ended it, or the error */
};

static void add(struct met *met, const void *data, size_t size)
{
	const unsigned char *at = data;
	for (size_t i = 0; i < size; i++)
		met->sum = (met->sum ^ at[i]) * 1099511628211u;
}

static void look(struct met *met, const struct bide__http_parser *parser, int event)
{
	const char *value = NULL;
	add(met, &event, event != BIDE__HTTP_BODY ? sizeof(event) : 0);
	if (event == BIDE__HTTP_BODY) {
		met->body += parser->body_size;
		add(met, parser->body, parser->body_size);
	}
	if (event != BIDE__HTTP_HEAD)
		return;
	for (const char *name; (name = bide__http_next_name(&parser->head, value)) != NULL;) {
		value = name + strlen(name) + 1;
		HOLDS(*name != '\0' && strpbrk(value, "\r\n") == NULL);
		add(met, name, strlen(name));
		add(met, value, strlen(value));
	}
}

static struct met take_apart(const char *data, size_t size, size_t step, bool no_body)
{
	struct bide__http_parser parser;
	struct met met = { 14695981039346656037u, 0, 0 };
	size_t at = 0, there = 0;
	bide__http_parser_init(&parser, HTTP_RESPONSE);
	bide__http_parser_next(&parser, no_body);
	for (int event = 0; event >= 0;) {
		size_t used = 0;
		event = bide__http_parse(&parser, data + at, there - at, &used);
		HOLDS(used <= there - at);
		HOLDS(event != BIDE__HTTP_BODY ||
		      (parser.body >= data + at &&
		       parser.body + parser.body_size == data + at + used));
		at += used;
		if (event == BIDE__HTTP_MORE && there < size) {
			there = step < size - there ? there + step : size;
			continue;
		}
		if (event == BIDE__HTTP_MORE)
			event = bide__http_parse_end(&parser);
		met.last = event;
		look(&met, &parser, event);
		if (event == BIDE__HTTP_END && (!parser.keep_alive || at == size))
			break;
		if (event == BIDE__HTTP_END)
			bide__http_parser_next(&parser, no_body);
	}
	bide__http_parser_finish(&parser);
	return met;
}

FUZZ(bytes, size)
{
	if (size == 0)
		return;
	const bool no_body = bytes[0] & 1;
	char *text = text_of(bytes + 1, size - 1);
	struct met whole = take_apart(text, size - 1, size, no_body);
	struct met pieces = take_apart(text, size - 1, bytes[0] / 2 % 16 + 1, no_body);
	HOLDS((whole.last < 0) == (pieces.last < 0));
	HOLDS(whole.last < 0 || (whole.sum == pieces.sum && whole.body == pieces.body));
	free(text);
}
