// SPDX-License-Identifier: MIT
/* request.c: what a client sends to a server, taken apart in one piece and in pieces of a size that
 * the first byte says: the same must be met, nothing that could be understood in two ways be taken
 * for a request, and no path lead out of the root. Then the parts of a server that read fields. */
#include "met.h"

#include "http/date.h"
#include "http/range.h"
#include "http/target.h"

enum { LENGTH = 1 << 20 }; /* of what ranges are of */

/* ---- what is read of a request ------------------------------------------------------------ */

/* One name after the other, none of which leads upwards. */
static void look_at_path(const char *target)
{
	struct bide__string path = { NULL, 0, 0, false };
	bool directory;
	int rc = bide__http_target_path(target, false, &path, &directory);
	HOLDS(rc == 0 || rc == 400 || rc == 404);
	if (rc == 0) {
		HOLDS(strlen(path.data) == path.size);
		for (const char *name = path.data; path.size > 0; name++) {
			const size_t size = strcspn(name, "/");
			HOLDS(size > 0 && strncmp(name, "..", size) != 0);
			HOLDS(size != 1 || *name != '.');
			name += size;
			if (*name == '\0')
				break;
		}
	}
	bide__string_free(&path);
}

static void look_at_range(const char *value)
{
	struct bide__http_range ranges[BIDE__HTTP_RANGES_MAX];
	uint64_t sum = 0;
	int n = bide__http_ranges(value, LENGTH, ranges);
	HOLDS(n >= -1 && n <= BIDE__HTTP_RANGES_MAX);
	for (int i = 0; i < n; i++) {
		HOLDS(ranges[i].size > 0 && ranges[i].size <= LENGTH);
		HOLDS(ranges[i].from <= LENGTH - ranges[i].size);
		sum += ranges[i].size;
	}
	HOLDS(sum <= LENGTH);
}

static void look_at_date(const char *value)
{
	char text[BIDE__HTTP_DATE_SIZE];
	time_t time, again;
	if (bide__http_date_parse(value, &time) < 0)
		return;
	HOLDS(bide__http_date_parse(bide__http_date_format(time, text), &again) == 0);
	HOLDS(time == again);
}

static void look_at_head(struct met *met, const struct bide__http_parser *parser)
{
	const char *value = NULL;
	met_add(met, parser->target.data, parser->target.size);
	look_at_path(parser->target.data);
	for (const char *name; (name = met_field(met, parser, &value)) != NULL;) {
		HOLDS(strpbrk(name, " \t\r\n:") == NULL);
		look_at_range(value);
		look_at_date(value);
	}
}

/* ---- the bytes ---------------------------------------------------------------------------- */

/* Whether the bytes of a head are such that nobody can read them otherwise. */
static bool is_plain(const char *data, size_t size)
{
	if (size > 0 && data[0] == '\n')
		return false;
	for (size_t i = 0; i < size; i++) {
		const char next = i + 1 < size ? data[i + 1] : '\n';
		if (data[i] == '\0' || (data[i] == '\r') != (next == '\n'))
			return data[i] == '\n' && i + 1 == size;
		if (data[i] == '\n' && (next == ' ' || next == '\t'))
			return false;
	}
	return true;
}

static struct met take_apart(const char *data, size_t size, size_t step)
{
	struct bide__http_parser parser;
	struct met met = MET_NOTHING;
	size_t at = 0, there = 0, begun = 0;
	bide__http_parser_init(&parser, HTTP_REQUEST);
	bide__http_parser_next(&parser, false);
	for (int event = 0; event >= 0;) {
		size_t used = 0;
		event = bide__http_parse(&parser, data + at, there - at, &used);
		HOLDS(used <= there - at);
		at += event >= 0 ? used : 0;
		if (event == BIDE__HTTP_MORE && there < size) {
			there = step < size - there ? there + step : size;
			continue;
		}
		met.last = event;
		if (event == BIDE__HTTP_MORE)
			break;
		HOLDS(event != BIDE__HTTP_HEAD || is_plain(data + begun, at - begun));
		met_event(&met, &parser, event);
		if (event == BIDE__HTTP_HEAD)
			look_at_head(&met, &parser);
		if (event == BIDE__HTTP_END && !parser.keep_alive)
			break;
		if (event == BIDE__HTTP_END) {
			begun = at;
			bide__http_parser_next(&parser, false);
		}
	}
	bide__http_parser_finish(&parser);
	return met;
}

FUZZ(bytes, size)
{
	if (size == 0)
		return;
	char *text = text_of(bytes + 1, size - 1);
	struct met whole = take_apart(text, size - 1, size);
	struct met pieces = take_apart(text, size - 1, bytes[0] % 16 + 1);
	met_same(&whole, &pieces);
	free(text);
}
