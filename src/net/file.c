// SPDX-License-Identifier: MIT
/* file.c: see file.h. */
#include "net/file.h"

#include <errno.h>
#include <string.h>

static bool is_as(const struct stat *one, const struct stat *other)
{
	return one->st_ino == other->st_ino && one->st_dev == other->st_dev &&
	       one->st_size == other->st_size && one->st_mtim.tv_sec == other->st_mtim.tv_sec &&
	       one->st_mtim.tv_nsec == other->st_mtim.tv_nsec;
}

bool bide__file_changed(struct bide__file *file, double now)
{
	struct stat as;
	if (file->looked_at > 0 && now - file->looked_at < 1)
		return false;
	file->looked_at = now;
	int rc;
	while ((rc = stat(file->path, &as)) < 0 && errno == EINTR)
		continue;
	if (rc < 0)
		memset(&as, 0, sizeof(as));
	if (is_as(&as, &file->as))
		return false;
	file->as = as;
	return true;
}

void bide__file_forget(struct bide__file *file)
{
	memset(&file->as, 0, sizeof(file->as));
	file->looked_at = 0;
}
