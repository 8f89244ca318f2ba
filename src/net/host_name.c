// SPDX-License-Identifier: MIT
/* host_name.c: see host_name.h. */
#include "net/host_name.h"

#include "core/beside.h"

#include <string.h>

enum { NAME_MAX_TEXT = 253, LABEL_MAX = 63 };

/* In ASCII, whatever the locale is. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool in_names(char c)
{
	return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '_';
}

/* Bytes of a name without the dot at its end. */
static size_t length_of(const char *name)
{
	const size_t length = strlen(name);
	return length > 0 && name[length - 1] == '.' ? length - 1 : length;
}

bool bide__host_name_valid(const char *name)
{
	const size_t length = length_of(name);
	size_t label = 0;
	bool digits = true; /* alone, in this label */
	for (size_t i = 0; i < length; i++) {
		if (name[i] == '.' ? label == 0 : !in_names(name[i]))
			return false;
		label = name[i] == '.' ? 0 : label + 1;
		digits = (digits || label == 0) && (label == 0 || is_digit(name[i]));
		if (label > LABEL_MAX)
			return false;
	}
	return length <= NAME_MAX_TEXT && label > 0 && !digits;
}

char *bide__copy_string(const char *string)
{
	const size_t size = strlen(string) + 1;
	char *copy = bide__malloc(size);
	if (copy != NULL)
		memcpy(copy, string, size);
	return copy;
}

void bide__host_name_copy(const char *name, char *ret_name)
{
	const size_t length = length_of(name);
	for (size_t i = 0; i < length; i++)
		ret_name[i] = lower(name[i]);
	ret_name[length] = '\0';
}

bool bide__host_name_is_local(const char *name)
{
	static const char local[] = "localhost";
	const size_t length = strlen(name), tail = sizeof(local) - 1;
	return length >= tail && strcmp(name + length - tail, local) == 0 &&
	       (length == tail || name[length - tail - 1] == '.');
}

/* ---- forms -------------------------------------------------------------------------------- */

static int dots_in(const char *name)
{
	int dots = 0;
	for (; *name != '\0'; name++)
		dots += *name == '.';
	return dots;
}

/* Puts a domain behind the name. False: nothing that a host can have comes of it. */
static bool join(const char *name, const char *domain, char *ret_name)
{
	const size_t length = length_of(name), more = length_of(domain);
	if (more == 0 || length + 1 + more > NAME_MAX_TEXT)
		return false;
	bide__host_name_copy(name, ret_name);
	ret_name[length] = '.';
	bide__host_name_copy(domain, ret_name + length + 1);
	return bide__host_name_valid(ret_name);
}

bool bide__search_next(struct bide__search *search, char *ret_name)
{
	const char *name = search->name;
	const bool absolute = name[strlen(name) - 1] == '.';
	const int forms = absolute ? 1 : search->ndomains + 1;
	/* Where among them the name as it is stands: first, or last. */
	const int as_it_is = absolute || dots_in(name) >= search->ndots ? 0 : forms - 1;
	while (search->next < forms) {
		const int form = search->next++;
		if (form == as_it_is) {
			bide__host_name_copy(name, ret_name);
			return true;
		}
		if (join(name, search->domains[form - (form > as_it_is)], ret_name))
			return true;
	}
	return false;
}
