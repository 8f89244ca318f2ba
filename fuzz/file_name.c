// SPDX-License-Identifier: MIT
/* file_name.c: names of files that are made of URLs. Whatever the URL, the name is one that leads
 * nowhere else; credentials are in neither the name's URL nor in what is shown. */
#include "fuzz.h"

#include "../tools/fetch_url.h"

/* The name of a key, also when others had it before. */
static void check(const char *key)
{
	char name[FETCH_NAME_MAX], again[FETCH_NAME_MAX];
	for (unsigned other = 0; other < 3; other++) {
		fetch_make_name(key, other, name);
		HOLDS(fetch_is_name(name));
		HOLDS(strchr(name, '/') == NULL && name[0] != '.' && strlen(name) < FETCH_NAME_MAX);
		fetch_make_name(key, other, again);
		HOLDS(strcmp(name, again) == 0);
	}
}

static bool is_printable(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text <= 0x20 || *text >= 0x7f)
			return false;
	return true;
}

FUZZ(bytes, size)
{
	struct text key = TEXT_NONE, again = TEXT_NONE, shown = TEXT_NONE;
	char *url = text_of(bytes, size);
	fetch_put_key(&key, url);
	fetch_put_url(&shown, url);
	HOLDS(!key.failed && key.data != NULL && strchr(key.data, '#') == NULL);
	HOLDS(shown.data == NULL || is_printable(shown.data));
	check(key.data);
	fetch_put_key(&again, key.data);
	HOLDS(!again.failed && again.size <= key.size);
	text_free(&key);
	text_free(&again);
	text_free(&shown);
	free(url);
}
