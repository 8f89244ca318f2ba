/* SPDX-License-Identifier: MIT */
/* file.h: finding out whether a file of the system's configuration has changed. */
#ifndef BIDE_NET_FILE_H
#define BIDE_NET_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

/* All zero but for the path: not looked at yet. */
struct bide__file {
	const char *path; /* not its own */
	struct stat as;   /* what it was last; all zero: there is none */
	double looked_at; /* bide_now() of that */
};

/* Whether a file is not as it was, which is looked at once a second at most. */
bool bide__file_changed(struct bide__file *file, double now);

/* Has it looked at again, and found to have changed. */
void bide__file_forget(struct bide__file *file);

#endif
