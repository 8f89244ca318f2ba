/* SPDX-License-Identifier: MIT */
/* target.h: from what a request is for to a file's name, and back. */
#ifndef BIDE_HTTP_TARGET_H
#define BIDE_HTTP_TARGET_H

#include "http/builder.h"

/* Decodes the path of a target, which begins with '/': names with one '/' between two, none at
 * either end, without "." and ".."; so it is "" for "/" itself. RFC 3986, 5.2.4.
 *
 * @p hidden: names that begin with a dot are names.
 * @p ret_directory gets whether it ended with a '/', or what means the same.
 * Returns 0; or a status: 400 for what is no path, or leads out of the root; 404 for what no file
 * can be called, or is hidden; or -ENOMEM, a status being > 0. */
int bide__http_target_path(const char *target, bool hidden, struct bide__string *path,
                           bool *ret_directory);

/* Whether a name is one of those that are hidden. */
bool bide__http_is_hidden(const char *name);

/* Adds a path, encoded so that it can stand in a URL, wherever it is read. */
void bide__http_put_path(struct bide__string *out, const char *path);

/* Adds a text, with no character that HTML gives a meaning. */
void bide__http_put_html(struct bide__string *out, const char *text);

#endif
