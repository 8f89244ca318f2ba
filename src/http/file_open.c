// SPDX-License-Identifier: MIT
/* file_open.c: opening beneath a directory. openat2(2) sees to it in the kernel, where nothing can
 * be renamed in between. Where there is none, in old kernels and some containers, the names are
 * walked one by one, and symbolic links are not followed at all. */
#include "http/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A FIFO is not waited for, a terminal does not become ours. */
enum { FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

static int open_by_kernel(int root, const char *name, int flags)
{
	enum { TRIES = 8 };
	const struct open_how how = { .flags = (unsigned)(FLAGS | flags),
		                      .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	/* -EAGAIN: something was renamed meanwhile, so that the kernel cannot tell. */
	for (int i = 0;; i++) {
		const long fd = syscall(SYS_openat2, root, name, &how, sizeof(how));
		if (fd >= 0)
			return (int)fd;
		if ((errno != EAGAIN && errno != EINTR) || i == TRIES)
			return -errno;
	}
}

/* Goes from a directory, which is closed unless it is the root, to one that is in it. */
static int step(int root, int at, const char *name)
{
	const int fd = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const int rc = fd < 0 ? -errno : fd;
	if (at != root)
		close(at);
	return rc;
}

static int open_by_walking(int root, const char *path, int flags)
{
	char name[NAME_MAX + 1];
	int at = root;
	for (const char *slash; (slash = strchr(path, '/')) != NULL; path = slash + 1) {
		const size_t size = (size_t)(slash - path);
		if (size > NAME_MAX) {
			if (at != root)
				close(at);
			return -ENAMETOOLONG;
		}
		memcpy(name, path, size);
		name[size] = '\0';
		at = step(root, at, name);
		if (at < 0)
			return at;
	}
	const int fd = openat(at, path, FLAGS | O_NOFOLLOW | flags);
	const int rc = fd < 0 ? -errno : fd;
	if (at != root)
		close(at);
	return rc;
}

static int open_once(struct bide__http_files *files, const char *name, int flags)
{
	int fd = files->walk ? -ENOSYS : open_by_kernel(files->root, name, flags);
	/* A filter of system calls says EPERM, which opening for reading does not. */
	if (fd == -ENOSYS || fd == -EPERM) {
		files->walk = true;
		fd = open_by_walking(files->root, name, flags);
	}
	return fd;
}

int bide__http_open_beneath(struct bide__http_files *files, const char *name, int flags)
{
	if (name[0] == '\0')
		name = ".";
	int fd = open_once(files, name, flags);
	if (fd != -EMFILE && fd != -ENFILE)
		return fd;
	/* Files that are kept open for later give way. */
	bide__http_cache_clear(files);
	return open_once(files, name, flags);
}
