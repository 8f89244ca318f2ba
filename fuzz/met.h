/* SPDX-License-Identifier: MIT */
/* met.h: a sum of all that is met where a message of HTTP is taken apart, so that it can be told
 * whether the same is met in one piece and in many. */
#ifndef FUZZ_MET_H
#define FUZZ_MET_H

#include "fuzz.h"
#include "http/parser.h"

struct met {
	uint64_t sum;
	size_t body;
	int last; /* the event that ended it, or the error */
};

#define MET_NOTHING \
	{ \
		14695981039346656037u, 0, 0 \
	}

static inline void met_add(struct met *met, const void *data, size_t size)
{
	const unsigned char *at = data;
	for (size_t i = 0; i < size; i++)
		met->sum = (met->sum ^ at[i]) * 1099511628211u;
}

/* Adds an event, or a piece of a body, which may come in any pieces. */
static inline void met_event(struct met *met, const struct bide__http_parser *parser, int event)
{
	if (event == BIDE__HTTP_BODY) {
		met->body += parser->body_size;
		met_add(met, parser->body, parser->body_size);
	} else {
		met_add(met, &event, sizeof(event));
	}
}

/* Adds a field of a head's, the first or the one behind that of @p *value, and returns its name;
 * NULL behind the last. */
static inline const char *met_field(struct met *met, const struct bide__http_parser *parser,
                                    const char **value)
{
	const char *name = bide__http_next_name(&parser->head, *value);
	if (name == NULL)
		return NULL;
	*value = name + strlen(name) + 1;
	HOLDS(*name != '\0' && strpbrk(*value, "\r\n") == NULL);
	met_add(met, name, strlen(name));
	met_add(met, *value, strlen(*value));
	return name;
}

static inline void met_same(const struct met *whole, const struct met *pieces)
{
	HOLDS((whole->last < 0) == (pieces->last < 0));
	HOLDS(whole->last < 0 || (whole->sum == pieces->sum && whole->body == pieces->body));
}

#endif
