// SPDX-License-Identifier: MIT
/* condition.c: conditional requests: RFC 9110, 13. */
#include "http/files.h"

#include "http/date.h"

#include <string.h>

/* ---- tags --------------------------------------------------------------------------------- */

/* Takes the next entity tag of a list. Whether there is one; what is none ends the list. */
static bool next_tag(const char **at, const char **ret_tag, size_t *ret_size, bool *ret_weak)
{
	*at += strspn(*at, " \t,");
	*ret_weak = strncmp(*at, "W/", 2) == 0;
	const char *tag = *at + (*ret_weak ? 2 : 0);
	if (*tag != '"')
		return false;
	const char *end = strchr(tag + 1, '"');
	if (end == NULL)
		return false;
	*ret_tag = tag;
	*ret_size = (size_t)(end - tag) + 1;
	*at = end + 1;
	return true;
}

/* Whether a list names a tag, or all there are. */
static bool names(const char *list, const char *etag, bool strongly)
{
	const char *tag;
	size_t size;
	bool weak;
	if (strcmp(list, "*") == 0)
		return true;
	while (next_tag(&list, &tag, &size, &weak))
		if (size == strlen(etag) && memcmp(tag, etag, size) == 0 && !(weak && strongly))
			return true;
	return false;
}

/* The same for all fields of a name, of which there is one at least. */
static bool any_names(const struct bide__http_served *served, enum bide__http_known field,
                      const char *name, const char *etag, bool strongly)
{
	const char *list = served->known[field];
	for (; list != NULL; list = bide__http_field(&served->parser.head, name, list))
		if (names(list, etag, strongly))
			return true;
	return false;
}

/* ---- times -------------------------------------------------------------------------------- */

/* Whether the file has been changed since the time that a field tells; @p unless when that is
 * none. */
static bool changed_since(const char *field, const struct bide__http_file *file, bool unless)
{
	time_t time;
	return bide__http_date_parse(field, &time) < 0 ? unless
	                                               : file->status.st_mtim.tv_sec > time;
}

/* ---- the conditions ----------------------------------------------------------------------- */

/* In this order: 13.2.2. A field of a time of which there are several is none. */
int bide__http_conditions(const struct bide__http_served *served,
                          const struct bide__http_file *file)
{
	const char *const *known = served->known;
	const unsigned several = served->repeated;
	if (known[BIDE__HTTP_IF_MATCH] != NULL) {
		if (!any_names(served, BIDE__HTTP_IF_MATCH, "If-Match", file->etag, true))
			return 412;
	} else if (known[BIDE__HTTP_IF_UNMODIFIED_SINCE] != NULL &&
	           !(several & 1u << BIDE__HTTP_IF_UNMODIFIED_SINCE)) {
		if (changed_since(known[BIDE__HTTP_IF_UNMODIFIED_SINCE], file, false))
			return 412;
	}
	if (known[BIDE__HTTP_IF_NONE_MATCH] != NULL) {
		if (any_names(served, BIDE__HTTP_IF_NONE_MATCH, "If-None-Match", file->etag, false))
			return 304;
	} else if (known[BIDE__HTTP_IF_MODIFIED_SINCE] != NULL &&
	           !(several & 1u << BIDE__HTTP_IF_MODIFIED_SINCE)) {
		if (!changed_since(known[BIDE__HTTP_IF_MODIFIED_SINCE], file, true))
			return 304;
	}
	return 0;
}

/* A time tells one state of a file from another only when that second is over: 8.8.2.2. */
bool bide__http_range_holds(const struct bide__http_served *served,
                            const struct bide__http_file *file)
{
	const char *value = served->known[BIDE__HTTP_IF_RANGE];
	time_t date;
	if (value == NULL)
		return true;
	if (served->repeated & 1u << BIDE__HTTP_IF_RANGE)
		return false;
	if (value[0] == '"' || strncmp(value, "W/", 2) == 0)
		return strcmp(value, file->etag) == 0;
	return bide__http_date_parse(value, &date) == 0 && date == file->status.st_mtim.tv_sec &&
	       time(NULL) > date + 1;
}
