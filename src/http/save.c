// SPDX-License-Identifier: MIT
/* save.c: bodies of responses into files and other descriptors. A file takes its final name when it
 * is whole. What may have to wait for a disk is done by threads. */
#include "http/session.h"

#include "base/alloc.h"
#include "http/content.h"

#include <bide/io.h>
#include <bide/thread.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PIECE = 256 << 10, /* what is worth the way to a thread */
	NAME_KEPT = 200    /* bytes of a name that its temporary one has, too */
};

/* ---- pouring ------------------------------------------------------------------------------ */

/* A body on its way into a descriptor. */
struct pouring {
	int fd;
	bool disk;     /* it is a file's */
	int64_t limit; /* bytes at most */
	int beyond;    /* the error, when there are more */
};

static BIDE_ASYNC(int, write_disk, int, const char *, size_t);
static int write_disk(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);
		if (n < 0 && errno != EINTR)
			return -errno;
		data += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int write_all(const struct pouring *pouring, const char *data, size_t size)
{
	if (pouring->disk)
		return bide_to_thread(write_disk, pouring->fd, data, size);
	while (size > 0) {
		ssize_t n = bide_write(pouring->fd, data, size);
		if (n < 0)
			return (int)n;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

/* Reads a piece: whole for the disk, else what there is. Its bytes; *ret_end is 1 while there is
 * more, 0 at the end, or an error. */
static size_t read_piece(bide_http_response *response, const struct pouring *pouring, char *piece,
                         int *ret_end)
{
	size_t size = 0;
	ssize_t n = 1;
	while (n > 0 && size < PIECE && (size == 0 || pouring->disk)) {
		n = bide_http_read(response, piece + size, PIECE - size);
		size += n > 0 ? (size_t)n : 0;
	}
	*ret_end = n > 0 ? 1 : (int)n;
	return size;
}

/* Bytes, or an error. */
static int64_t pour(bide_http_response *response, const struct pouring *pouring)
{
	char *piece = bide__malloc(PIECE);
	int64_t total = 0;
	int rc = piece != NULL ? 1 : -ENOMEM;
	while (rc > 0) {
		const size_t size = read_piece(response, pouring, piece, &rc);
		const bool beyond = (int64_t)size > pouring->limit - total;
		int written = beyond ? pouring->beyond : 0;
		if (written == 0 && size > 0)
			written = write_all(pouring, piece, size);
		if (written < 0)
			rc = written;
		total += (int64_t)size;
	}
	bide__free(piece);
	return rc < 0 ? rc : total;
}

/* 0 or an error. */
static int pouring_init(struct pouring *pouring, int fd, int64_t *ret_have)
{
	struct stat status = { .st_size = 0 };
	int rc = fstat(fd, &status) < 0 ? -errno : 0;
	*pouring = (struct pouring){ fd, S_ISREG(status.st_mode), INT64_MAX, -BIDE_EHTTP_BODY };
	*ret_have = status.st_size;
	return rc;
}

int64_t bide_http_save_fd(bide_http_response *response, int fd)
{
	struct pouring pouring;
	int64_t have;
	int rc = pouring_init(&pouring, fd, &have);
	return rc < 0 ? rc : pour(response, &pouring);
}

/* ---- files that are whole ----------------------------------------------------------------- */

/* A file that is not there yet. The names lie in memory that a thread may read. */
struct part {
	struct bide__string names;
	const char *name;      /* of what is to be */
	const char *temporary; /* and of what is; NULL: nothing */
	int fd;                /* or -1 */
	bool there;            /* it has its name */
};

/* What is neither a file nor a link is not to be replaced by one. */
static int look_at(const char *path)
{
	struct stat status;
	if (lstat(path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	return S_ISREG(status.st_mode) || S_ISLNK(status.st_mode) ? 0 : -EINVAL;
}

static int name_part(struct part *part, const char *path)
{
	unsigned random;
	char end[24];
	const char *slash = strrchr(path, '/');
	const char *last = slash != NULL ? slash + 1 : path;
	const size_t length = strlen(last) < NAME_KEPT ? strlen(last) : NAME_KEPT;
	struct bide__string *names = &part->names;
	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	snprintf(end, sizeof(end), ".%08x.part", random);
	bide__string_add(names, path, strlen(path) + 1);
	const size_t second = names->size;
	bide__string_add(names, path, (size_t)(last - path));
	bide__string_put_char(names, '.');
	bide__string_add(names, last, length);
	bide__string_put(names, end);
	int rc = bide__string_end(names);
	if (rc < 0)
		return rc;
	part->name = names->data;
	part->temporary = names->data + second;
	return 0;
}

static int part_open(struct part *part, const char *path)
{
	enum { TRIES = 8 };
	int rc = path[0] != '\0' && path[strlen(path) - 1] != '/' ? look_at(path) : -EINVAL;
	part->fd = -1;
	for (int i = 0; rc == 0 && i < TRIES; i++) {
		rc = name_part(part, path);
		if (rc < 0)
			return rc;
		part->fd = open(part->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (part->fd >= 0)
			return 0;
		rc = errno == EEXIST && i + 1 < TRIES ? 0 : -errno;
		bide__string_free(&part->names);
		part->temporary = NULL;
	}
	return rc;
}

static int sync_directory(const char *name)
{
	char path[PATH_MAX];
	const char *slash = strrchr(name, '/');
	const int length = slash == NULL ? 0 : slash == name ? 1 : (int)(slash - name);
	if (length >= (int)sizeof(path))
		return -ENAMETOOLONG;
	snprintf(path, sizeof(path), "%.*s", length, name);
	int fd = open(length > 0 ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = fsync(fd) < 0 ? -errno : 0;
	(void)close(fd);
	return rc;
}

/* Gives it its name. */
static BIDE_ASYNC(int, complete, struct part *, int);
static int complete(struct part *part, int sync)
{
	int rc = sync && fsync(part->fd) < 0 ? -errno : 0;
	if (close(part->fd) < 0 && rc == 0 && errno != EINTR)
		rc = -errno;
	part->fd = -1;
	if (rc == 0 && rename(part->temporary, part->name) < 0)
		rc = -errno;
	part->there = rc == 0;
	return rc == 0 && sync ? sync_directory(part->name) : rc;
}

static void part_close(struct part *part)
{
	if (part->fd >= 0)
		(void)close(part->fd);
	if (part->temporary != NULL && !part->there)
		(void)unlink(part->temporary);
	bide__string_free(&part->names);
	bide__free(part);
}

int64_t bide_http_save(bide_http_response *response, const char *path,
                       const bide_http_save_options *options)
{
	if (path == NULL || (options != NULL && options->limit < 0))
		return -EINVAL;
	struct part *part = bide__calloc(1, sizeof(*part));
	if (part == NULL)
		return -ENOMEM;
	int rc = part_open(part, path);
	const struct pouring pouring = { .fd = part->fd,
		                         .disk = true,
		                         .limit = options != NULL && options->limit > 0
		                                          ? options->limit
		                                          : INT64_MAX,
		                         .beyond = -BIDE_EHTTP_BODY };
	int64_t size = rc < 0 ? rc : pour(response, &pouring);
	if (size >= 0)
		rc = bide_to_thread(complete, part, options != NULL && options->sync);
	part_close(part);
	return rc < 0 ? rc : size;
}

/* ---- going on ----------------------------------------------------------------------------- */

/* Whether a response is of the version that a validator tells, as far as it says. */
static bool is_of_version(const bide_http_response *response, const char *validator)
{
	if (validator == NULL)
		return true;
	const char *field = validator[0] == '"' ? "ETag" : "Last-Modified";
	const char *value = bide_http_header(response, field, NULL);
	return value == NULL || strcmp(value, validator) == 0;
}

/* How many bytes are to be added to a file that has some; or an error. */
static int64_t rest_of(const bide_http_response *response, int64_t have, const char *validator)
{
	int64_t first, last, total;
	int rc = bide_http_content_range(response, &first, &last, &total);
	if (rc < 0 || !is_of_version(response, validator))
		return -BIDE_EHTTP_RANGE;
	if (first < 0)
		return total == have ? 0 : -BIDE_EHTTP_RANGE;
	return first == have && response->n_layers == 0 ? last - first + 1 : -BIDE_EHTTP_RANGE;
}

/* Whether, when so much has come, nothing is missing. */
static bool is_whole(const bide_http_response *response, int64_t size)
{
	int64_t first, last, total;
	return bide_http_content_range(response, &first, &last, &total) < 0 ||
	       total == BIDE_HTTP_UNKNOWN || total == size;
}

static int64_t append(bide_http_response *response, struct pouring *pouring, int64_t have,
                      int64_t rest)
{
	pouring->limit = rest;
	pouring->beyond = -BIDE_EHTTP_RANGE;
	if (lseek(pouring->fd, have, SEEK_SET) < 0)
		return -errno;
	int64_t size = rest > 0 ? pour(response, pouring) : 0;
	/* Which of the bytes are those of the range nobody knows, when there are more of them. */
	if (size == pouring->beyond && ftruncate(pouring->fd, have) < 0)
		return -errno;
	if (size < 0)
		return size;
	return size == rest && is_whole(response, have + size) ? have + size : -BIDE_EINCOMPLETE;
}

int64_t bide_http_resume(bide_http_response *response, int fd, const char *validator)
{
	struct pouring pouring;
	int64_t have;
	int rc = pouring_init(&pouring, fd, &have);
	if (rc < 0 || !pouring.disk)
		return rc < 0 ? rc : -EINVAL;
	if (response->status == 206 || response->status == 416) {
		const int64_t rest = rest_of(response, have, validator);
		return rest < 0 ? rest : append(response, &pouring, have, rest);
	}
	if (response->status != 200)
		return -BIDE_EHTTP_RANGE;
	if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return pour(response, &pouring);
}
