// SPDX-License-Identifier: MIT
/* listing.c: a page that tells what is in a directory. What a name looks like is somebody else's
 * choice, so nothing in it is taken for HTML, nor for a URL. */
#include "http/files.h"

#include "base/alloc.h"
#include "http/target.h"
#include "http/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LISTED = 10000 }; /* names of a directory that are told */

/* An entry of a directory: its place in the names that have been read. */
struct entry {
	size_t name;
	bool directory;
};

struct list {
	struct bide__string names; /* with a NUL each */
	struct entry *entries;
	size_t n, room;
	bool more; /* than are told */
};

/* ---- reading ------------------------------------------------------------------------------ */

/* A link is listed as what it is: where it leads is nobody's business before it is followed. */
static bool is_directory(int fd, const struct dirent *dirent)
{
	struct stat status;
	if (dirent->d_type != DT_UNKNOWN)
		return dirent->d_type == DT_DIR;
	return fstatat(fd, dirent->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(status.st_mode);
}

static int add(struct list *list, const char *name, bool directory)
{
	if (list->n == list->room) {
		const size_t room = list->room > 0 ? 2 * list->room : 64;
		struct entry *entries = bide__realloc(list->entries, room * sizeof(*entries));
		if (entries == NULL)
			return -ENOMEM;
		list->entries = entries;
		list->room = room;
	}
	list->entries[list->n++] = (struct entry){ list->names.size, directory };
	bide__string_add(&list->names, name, strlen(name) + 1);
	return list->names.failed ? -ENOMEM : 0;
}

static bool is_told(const char *name, bool hidden)
{
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	return hidden || !bide__http_is_hidden(name);
}

static int read_names(DIR *directory, bool hidden, struct list *list)
{
	int rc = 0;
	while (rc == 0) {
		errno = 0;
		const struct dirent *dirent = readdir(directory);
		if (dirent == NULL)
			return -errno;
		if (!is_told(dirent->d_name, hidden))
			continue;
		list->more = list->n == LISTED;
		if (list->more)
			break;
		rc = add(list, dirent->d_name, is_directory(dirfd(directory), dirent));
	}
	return rc;
}

static int compare(const void *a, const void *b, void *names)
{
	const struct entry *one = a, *other = b;
	if (one->directory != other->directory)
		return one->directory ? -1 : 1;
	return strcmp((char *)names + one->name, (char *)names + other->name);
}

/* ---- the page ----------------------------------------------------------------------------- */

/* Puts a name, of which the system knows no charset: what is no UTF-8 is told as U+FFFD. */
static void put_name(struct bide__string *page, const char *name)
{
	struct bide__string text = { NULL, 0, 0, false };
	const size_t size = strlen(name);
	if (bide__is_utf8(name, size))
		bide__http_put_html(page, name);
	else if (bide__to_utf8("UTF-8", name, size, &text) == 0)
		bide__http_put_html(page, text.data);
	else
		page->failed = true;
	bide__string_free(&text);
}

static void put_entry(struct bide__string *page, const char *name, bool directory)
{
	const char *end = directory ? "/" : "";
	bide__string_put(page, "<li><a href=\"");
	bide__http_put_path(page, name);
	bide__string_put(page, end);
	bide__string_put(page, "\">");
	put_name(page, name);
	bide__string_put(page, end);
	bide__string_put(page, "</a></li>\n");
}

static void put_title(struct bide__string *page, const char *path)
{
	bide__string_put(page, "Index of /");
	put_name(page, path);
	bide__string_put(page, path[0] != '\0' ? "/" : "");
}

static void put_page(struct bide__string *page, const char *path, const struct list *list)
{
	bide__string_put(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	                       "<meta charset=\"utf-8\">\n"
	                       "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
	put_title(page, path);
	bide__string_put(page, "</title>\n</head>\n<body>\n<h1>");
	put_title(page, path);
	bide__string_put(page, "</h1>\n<ul>\n");
	if (path[0] != '\0')
		bide__string_put(page, "<li><a href=\"../\">../</a></li>\n");
	for (size_t i = 0; i < list->n; i++)
		put_entry(page, list->names.data + list->entries[i].name,
		          list->entries[i].directory);
	bide__string_put(page, list->more ? "<li>and more</li>\n" : "");
	bide__string_put(page, "</ul>\n</body>\n</html>\n");
}

static int send_page(struct bide__http_served *served, const struct list *list)
{
	struct bide__string page = { NULL, 0, 0, false };
	put_page(&page, served->path.data, list);
	if (page.failed) {
		bide__string_free(&page);
		return -ENOMEM;
	}
	bide__http_begin(served, 200);
	bide__http_put(served, "Content-Type", "text/html; charset=utf-8");
	bide__http_put(served, "Content-Security-Policy", "default-src 'none'");
	bide__http_put(served, "Cache-Control", "no-cache");
	bide__http_end_head(served, (int64_t)page.size);
	if (!served->is_head)
		bide__http_put_body(served, page.data, page.size);
	bide__string_free(&page);
	return bide__http_flush(served);
}

int bide__http_send_listing(struct bide__http_served *served, const struct bide__http_files *files,
                            int fd)
{
	struct list list = { .n = 0 };
	DIR *directory = fdopendir(fd);
	if (directory == NULL) {
		int rc = -errno;
		close(fd);
		return rc == -ENOMEM ? rc : bide__http_answer(served, 500);
	}
	int rc = read_names(directory, files->hidden, &list);
	closedir(directory);
	if (rc == 0) {
		if (list.n > 0)
			qsort_r(list.entries, list.n, sizeof(*list.entries), compare,
			        list.names.data);
		rc = send_page(served, &list);
	} else if (rc != -ENOMEM) {
		rc = bide__http_answer(served, 500);
	}
	bide__string_free(&list.names);
	bide__free(list.entries);
	return rc;
}
