/* SPDX-License-Identifier: MIT */
/* fetch_url.h: URLs as bide fetch sees them: as a key, for display, as the name of a file. It opens
 * nothing, and trusts no URL: they may be anybody's. */
#ifndef TOOLS_FETCH_URL_H
#define TOOLS_FETCH_URL_H

#include "text.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes of a name, with its NUL: what a directory takes, less what is put behind it meanwhile. */
enum { FETCH_NAME_MAX = 240 };

/* Puts the URL without user, password and fragment: what tells one from the other. It says no more
 * than it should, also where the URL is none. */
void fetch_put_key(struct text *text, const char *url);

/* Puts the same for people: all that is no printable ASCII is encoded. */
void fetch_put_url(struct text *text, const char *url);

/* A stable number for a text, FNV-1a of Fowler, Noll and Vo, well mixed. Whoever likes can find
 * texts that have the same. */
uint64_t fetch_hash(const char *text);

/* Makes the name of a file for a key: of letters, digits and a few signs, none that a file system,
 * or a shell, could take for something else. Behind a '#' a key has what tells it from others, and
 * that is not for the name.
 * @p other  0; or how many other keys have come to the same name: then the key's hash is in it, and
 *           from the second on that number, too. */
void fetch_make_name(const char *key, unsigned other, char ret_name[FETCH_NAME_MAX]);

/* Whether fetch_make_name() could have made it. */
bool fetch_is_name(const char *name);

#endif
