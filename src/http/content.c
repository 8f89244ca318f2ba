// SPDX-License-Identifier: MIT
/* content.c: see content.h. */
#include "http/content.h"

#include "http/date.h"
#include "http/field.h"
#include "http/session.h"

#include <bide/http.h>

#include <errno.h>
#include <string.h>
#include <strings.h>

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static const char *skip_space(const char *at)
{
	return at + strspn(at, " \t");
}

/* ---- numbers ------------------------------------------------------------------------------ */

/* Moves on behind a number; < 0 when there is none, or it is too large. */
static int64_t number(const char **at)
{
	int64_t value = 0;
	if (**at < '0' || **at > '9')
		return -1;
	for (; **at >= '0' && **at <= '9'; ++*at) {
		const int digit = **at - '0';
		if (value > (INT64_MAX - digit) / 10)
			return -1;
		value = value * 10 + digit;
	}
	return value;
}

int64_t bide__content_length(const char *value)
{
	const char *at = skip_space(value);
	const int64_t length = number(&at);
	return *skip_space(at) == '\0' ? length : -1;
}

static bool take(const char **at, char c)
{
	if (**at != c)
		return false;
	++*at;
	return true;
}

/* "first-last", or "*" for none. That many bytes can be counted. */
static bool take_range(const char **at, struct bide__range *range)
{
	range->first = range->last = -1;
	if (take(at, '*'))
		return true;
	range->first = number(at);
	if (range->first < 0 || !take(at, '-'))
		return false;
	range->last = number(at);
	return range->last >= range->first && range->last < INT64_MAX;
}

bool bide__content_range(const char *value, struct bide__range *ret_range)
{
	struct bide__range range = { -1, -1, -1 };
	const char *at = skip_space(value);
	if (strncasecmp(at, "bytes ", 6) != 0)
		return false;
	at = skip_space(at + 6);
	if (!take_range(&at, &range) || !take(&at, '/'))
		return false;
	const bool known = !take(&at, '*');
	if (known)
		range.total = number(&at);
	if (*skip_space(at) != '\0' || (known && range.total <= range.last))
		return false;
	if (range.first < 0 && range.total < 0)
		return false;
	*ret_range = range;
	return true;
}

/* ---- types -------------------------------------------------------------------------------- */

/* The bytes of "type/subtype", or 0. */
static size_t type_size(const char *at)
{
	const size_t type = bide__http_token_size(at);
	if (type == 0 || at[type] != '/')
		return 0;
	const size_t subtype = bide__http_token_size(at + type + 1);
	const size_t size = type + 1 + subtype;
	const char end = *skip_space(at + size);
	return subtype > 0 && (end == '\0' || end == ';') ? size : 0;
}

void bide__content_type(const char *value, char *type, size_t room)
{
	const char *at = skip_space(value);
	const size_t size = type_size(at);
	type[0] = '\0';
	if (size >= room)
		return;
	for (size_t i = 0; i < size; i++)
		type[i] = lower(at[i]);
	type[size] = '\0';
}

/* Moves on behind the value of a parameter, and writes it. Whether it makes sense; it may not fit,
 * and is cut off then. */
static bool take_value(const char **at, char *text, size_t room)
{
	size_t used = 0;
	const bool quoted = take(at, '"');
	while (quoted ? **at != '"' : bide__http_is_of_token(**at)) {
		if (quoted && **at == '\\' && (*at)[1] != '\0')
			++*at;
		if (**at == '\0')
			return false;
		if (used + 1 < room)
			text[used++] = **at;
		++*at;
	}
	text[used] = '\0';
	return !quoted || take(at, '"');
}

bool bide__content_parameter(const char *value, const char *name, char *text, size_t room)
{
	const char *at = skip_space(value);
	at += type_size(at);
	while (take(&at, ';') || *skip_space(at) == ';') {
		at = skip_space(at);
		at = skip_space(*at == ';' ? at + 1 : at);
		const size_t size = bide__http_token_size(at);
		const bool found = size == strlen(name) && strncasecmp(at, name, size) == 0;
		at += size;
		if (size == 0)
			continue;
		if (!take(&at, '=') || !take_value(&at, text, room))
			return false;
		if (found)
			return text[0] != '\0' && strlen(text) + 1 < room;
	}
	return false;
}

/* ---- the calls ---------------------------------------------------------------------------- */

int64_t bide_http_content_length(const bide_http_response *response)
{
	const char *value = bide_http_header(response, "Content-Length", NULL);
	const int64_t length = value != NULL ? bide__content_length(value) : -1;
	return length >= 0 ? length : -ENODATA;
}

char *bide_http_content_type(const bide_http_response *response, char *buf)
{
	const char *value = bide_http_header(response, "Content-Type", NULL);
	bide__content_type(value != NULL ? value : "", buf, BIDE_HTTP_TYPE_MAX);
	return buf;
}

int bide_http_content_range(const bide_http_response *response, int64_t *ret_first,
                            int64_t *ret_last, int64_t *ret_total)
{
	const char *value = bide_http_header(response, "Content-Range", NULL);
	struct bide__range range;
	if (value == NULL || (response->status != 206 && response->status != 416))
		return -ENODATA;
	if (!bide__content_range(value, &range) || (range.first >= 0) != (response->status == 206))
		return -BIDE_EHTTP_RANGE;
	*ret_first = range.first;
	*ret_last = range.last;
	*ret_total = range.total;
	return 0;
}

const char *bide_http_validator(const bide_http_response *response)
{
	const char *coding = bide_http_header(response, "Content-Encoding", NULL);
	const char *tag = bide_http_header(response, "ETag", NULL);
	if (coding != NULL && strcasecmp(coding, "identity") != 0)
		return NULL;
	if (tag != NULL)
		return tag[0] == '"' ? tag : NULL;
	const char *modified = bide_http_header(response, "Last-Modified", NULL);
	const char *date = bide_http_header(response, "Date", NULL);
	if (modified == NULL || date == NULL)
		return NULL;
	time_t then, now;
	const bool known = bide__http_date_parse(modified, &then) == 0 &&
	                   bide__http_date_parse(date, &now) == 0;
	return known && now > then ? modified : NULL;
}
