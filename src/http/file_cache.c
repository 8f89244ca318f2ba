// SPDX-License-Identifier: MIT
/* file_cache.c: small files stay open after they have been sent, so that to send one again costs a
 * look at its name. That look comes with each request: an open descriptor is used only while the
 * name leads to the same file, whose number nobody else can have while it is open. So nothing is
 * ever stale. One that is moved out of the root while it is open, with a link to it left where it
 * was, is sent as if it had been linked there as a file, which can be had without a cache, too.
 *
 * Large ones are closed at once: what has been deleted is not to take room on the disk for long. */
#include "http/files.h"

#include "base/alloc.h"
#include "http/date.h"
#include "http/mime.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CACHED_SIZE = 65536 }; /* bytes of the largest file that is kept open */

static struct bide__http_file **place_of(struct bide__http_files *files, const char *name)
{
	size_t hash = 5381;
	for (; *name != '\0'; name++)
		hash = 33 * hash + (unsigned char)*name;
	return &files->cache[(hash ^ hash >> 7) % BIDE__HTTP_CACHED];
}

void bide__http_file_unref(struct bide__http_file *file)
{
	if (file == NULL || --file->users > 0)
		return;
	close(file->fd);
	bide__free(file);
}

static void drop(struct bide__http_file **place)
{
	bide__http_file_unref(*place);
	*place = NULL;
}

void bide__http_cache_clear(struct bide__http_files *files)
{
	for (size_t i = 0; i < BIDE__HTTP_CACHED; i++)
		drop(&files->cache[i]);
}

/* A file is known by its number, its size and the time of its last change. */
static void describe(struct bide__http_file *file, const struct stat *status)
{
	file->status = *status;
	snprintf(file->etag, sizeof(file->etag), "\"%llx-%llx-%llx.%lx\"",
	         (unsigned long long)status->st_ino, (unsigned long long)status->st_size,
	         (unsigned long long)status->st_mtim.tv_sec,
	         (unsigned long)status->st_mtim.tv_nsec);
	(void)bide__http_date_format(status->st_mtim.tv_sec, file->modified);
}

/* What has been opened may be something else than what was looked at before. */
static int make(struct bide__http_files *files, const char *name, struct bide__http_file **ret_file)
{
	struct stat status;
	const size_t size = strlen(name) + 1;
	const int fd = bide__http_open_beneath(files, name, 0);
	if (fd < 0)
		return fd;
	struct bide__http_file *file = NULL;
	int rc = fstat(fd, &status) < 0 ? -errno : S_ISREG(status.st_mode) ? 0 : -EACCES;
	if (rc == 0) {
		file = bide__malloc(sizeof(*file) + size);
		rc = file == NULL ? -ENOMEM : 0;
	}
	if (rc < 0) {
		close(fd);
		return rc;
	}
	file->fd = fd;
	file->users = 1;
	file->type = bide__http_mime(name);
	memcpy(file->name, name, size);
	describe(file, &status);
	*ret_file = file;
	return 0;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool is_unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Whether an open file is the one that is there now. One that has been changed is told of anew,
 * unless somebody is sending it as it was. */
static bool is_usable(struct bide__http_file *file, const char *name, const struct stat *status)
{
	if (strcmp(file->name, name) != 0 || !is_same(&file->status, status))
		return false;
	if (is_unchanged(&file->status, status))
		return true;
	if (file->users == 1)
		describe(file, status);
	return file->users == 1;
}

int bide__http_file_get(struct bide__http_files *files, const char *name, const struct stat *status,
                        struct bide__http_file **ret_file)
{
	struct bide__http_file **place = place_of(files, name), *file = *place;
	if (file != NULL && is_usable(file, name, status)) {
		file->users++;
		*ret_file = file;
		return 0;
	}
	int rc = make(files, name, &file);
	if (rc < 0)
		return rc;
	if (file->status.st_size <= CACHED_SIZE) {
		drop(place);
		*place = file;
		file->users++;
	}
	*ret_file = file;
	return 0;
}
