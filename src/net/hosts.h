/* SPDX-License-Identifier: MIT */
/* hosts.h: the file that says what addresses hosts have: hosts(5). */
#ifndef BIDE_NET_HOSTS_H
#define BIDE_NET_HOSTS_H

#include "net/file.h"
#include "net/ip.h"

/* One name of one line. */
struct bide__host {
	const char *name;  /* in lower case */
	const char *first; /* the line's first name, which is the host's own */
	unsigned line;
	struct bide__ip ip;
};

/* All zero but for the file's path: not read yet. */
struct bide__hosts {
	struct bide__file file;
	char *text;               /* of it, cut into strings */
	struct bide__host *hosts; /* by name, those of one name by line */
	size_t n;
};

/* Reads the file again if it has changed. One that cannot be read is an empty one. 0 or
 * -ENOMEM. */
int bide__hosts_refresh(struct bide__hosts *hosts, double now);

/* Makes the table of a text, which is cut into strings and is the table's then, even on failure.
 * 0 or -ENOMEM. */
int bide__hosts_read(struct bide__hosts *hosts, char *text);

/* Finds the entries of a name, which is in lower case. Returns their number. */
size_t bide__hosts_find(const struct bide__hosts *hosts, const char *name,
                        const struct bide__host **ret_first);

/* Returns the first name of an address, or NULL. */
const char *bide__hosts_name_of(const struct bide__hosts *hosts, const struct bide__ip *ip);

void bide__hosts_finish(struct bide__hosts *hosts);

#endif
