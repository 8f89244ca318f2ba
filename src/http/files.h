/* SPDX-License-Identifier: MIT */
/* files.h: a directory whose files are served.
 *
 *     files.c       which file a request is for, and what the answer is
 *     file_open.c   opening what lies within the directory, and nothing else
 *     file_cache.c  files that are open, and what is to be said of them
 *     file_send.c   sending a file, or ranges of it
 *     condition.c   whether it is to be sent at all
 *     listing.c     what is in a directory */
#ifndef BIDE_HTTP_FILES_H
#define BIDE_HTTP_FILES_H

#include "http/range.h"
#include "http/server.h"

#include <sys/stat.h>

enum { BIDE__HTTP_ETAG_SIZE = 64 };

/* A file that is open. Those in the cache have a reference of it. */
struct bide__http_file {
	int fd;
	unsigned users;     /* references */
	struct stat status; /* of the moment in which it was asked for last */
	const char *type;   /* the value of Content-Type */
	char etag[BIDE__HTTP_ETAG_SIZE];
	char modified[32]; /* the value of Last-Modified */
	char name[];       /* from the root */
};

enum { BIDE__HTTP_CACHED = 128 };

struct bide__http_files {
	int root;  /* descriptor of the directory */
	bool walk; /* the system has no openat2(2) */
	bool no_listing;
	bool hidden;
	struct bide__http_file *cache[BIDE__HTTP_CACHED]; /* by the hash of their names; or NULL */
};

/* ---- file_open.c -------------------------------------------------------------------------- */

/* Opens what lies at @p name, "" for the root, beneath the root; @p flags as O_DIRECTORY. A
 * descriptor or a negative errno, -EXDEV or -ELOOP for what leads out of it. */
int bide__http_open_beneath(struct bide__http_files *files, const char *name, int flags);

/* ---- file_cache.c ------------------------------------------------------------------------- */

/* Gives the regular file of that name, of which @p status has just been had. 0, and
 * bide__http_file_unref() is to follow, or a negative errno. */
int bide__http_file_get(struct bide__http_files *files, const char *name, const struct stat *status,
                        struct bide__http_file **ret_file);
void bide__http_file_unref(struct bide__http_file *file);

/* Closes all that nobody uses. */
void bide__http_cache_clear(struct bide__http_files *files);

/* ---- condition.c -------------------------------------------------------------------------- */

/* What the conditions of a request say of a file: 0: send it; or the status, 304 or 412. */
int bide__http_conditions(const struct bide__http_served *served,
                          const struct bide__http_file *file);

/* Whether a range may be sent, as far as If-Range says: else it must be the whole. */
bool bide__http_range_holds(const struct bide__http_served *served,
                            const struct bide__http_file *file);

/* ---- file_send.c -------------------------------------------------------------------------- */

/* Sends a file, or the ranges that are asked for. 0 or an error. */
int bide__http_send_file(struct bide__http_served *served, const struct bide__http_file *file);

/* ---- listing.c ---------------------------------------------------------------------------- */

/* Answers with a list of what is in a directory, whose descriptor it closes. 0 or an error. */
int bide__http_send_listing(struct bide__http_served *served, const struct bide__http_files *files,
                            int fd);

#endif
