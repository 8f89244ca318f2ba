// SPDX-License-Identifier: MIT
/* response.c: what a server answers, taken apart in one piece and in pieces of a size that the
 * first byte says: the same must be met, and what follows a head must be within the input. */
#include "met.h"

static void look(struct met *met, const struct bide__http_parser *parser, int event)
{
	const char *value = NULL;
	met_event(met, parser, event);
	while (event == BIDE__HTTP_HEAD && met_field(met, parser, &value) != NULL)
		continue;
}

static struct met take_apart(const char *data, size_t size, size_t step, bool no_body)
{
	struct bide__http_parser parser;
	struct met met = MET_NOTHING;
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
	met_same(&whole, &pieces);
	free(text);
}
