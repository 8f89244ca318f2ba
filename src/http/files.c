// SPDX-License-Identifier: MIT
/* files.c: the responder of a server of files: which file a request is for, and what the answer is;
 * see files.h. */
#include "http/files.h"

#include "base/alloc.h"
#include "core/beside.h"
#include "http/target.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* What the system says about a name, as a status. */
static int status_of(int error)
{
	switch (error) {
	case -EACCES:
	case -EPERM:
		return 403;
	case -EMFILE:
	case -ENFILE:
		return 503;
	case -ENOENT:
	case -ENOTDIR:
	case -ELOOP:
	case -EXDEV:
	case -ENAMETOOLONG:
	case -ENXIO:
		return 404;
	default:
		return 500;
	}
}

static int fail(struct bide__http_served *served, int error)
{
	return error == -ENOMEM ? error : bide__http_answer(served, status_of(error));
}

/* ---- files -------------------------------------------------------------------------------- */

static int send_regular(struct bide__http_served *served, struct bide__http_files *files,
                        const char *name, const struct stat *status)
{
	struct bide__http_file *file;
	int rc = bide__http_file_get(files, name, status, &file);
	if (rc < 0)
		return fail(served, rc);
	rc = bide__http_send_file(served, file);
	bide__http_file_unref(file);
	return rc;
}

/* Looks where a name leads, wherever that is: what lies outside is not opened then. What may not be
 * looked at may lie there, too, which the answer does not tell from what is not there at all. */
static int look(struct bide__http_files *files, const char *name, struct stat *ret_status)
{
	if (fstatat(files->root, name[0] != '\0' ? name : ".", ret_status, 0) == 0)
		return 0;
	if (errno != EACCES)
		return -errno;
	const int fd = bide__http_open_beneath(files, name, 0);
	if (fd < 0)
		return fd;
	close(fd);
	return -EACCES;
}

/* ---- directories -------------------------------------------------------------------------- */

/* To the same with a '/' at its end, so that what a page there names is found. The path is one of
 * ours, so that it cannot lead to another host, as "//host/" would. */
static int redirect(struct bide__http_served *served)
{
	const char *query = strchr(served->target, '?');
	bide__http_begin(served, 301);
	bide__string_put(&served->out, "Location: /");
	bide__http_put_path(&served->out, served->path.data);
	bide__string_put(&served->out, "/");
	bide__string_put(&served->out, query != NULL ? query : "");
	bide__string_put(&served->out, "\r\n");
	return bide__http_finish_text(served);
}

/* The page of a directory, if it has one: 1 if it has not. */
static int send_index(struct bide__http_served *served, struct bide__http_files *files)
{
	struct bide__string *path = &served->path;
	const size_t size = path->size;
	struct stat status;
	bide__string_put(path, size > 0 ? "/index.html" : "index.html");
	bide__string_put_char(path, '\0');
	if (path->failed)
		return -ENOMEM;
	int rc = look(files, path->data, &status);
	if (rc == 0 && S_ISREG(status.st_mode))
		return send_regular(served, files, path->data, &status);
	path->size = size;
	path->data[size] = '\0';
	return 1;
}

/* The directory itself is opened for what is said of it only: who reads its page slowly holds no
 * descriptor more. */
static int send_directory(struct bide__http_served *served, struct bide__http_files *files,
                          bool asked)
{
	const int rc = asked ? send_index(served, files) : 1;
	if (rc != 1)
		return rc;
	const int fd = bide__http_open_beneath(files, served->path.data, O_DIRECTORY);
	if (fd < 0)
		return fail(served, fd);
	if (asked && !files->no_listing)
		return bide__http_send_listing(served, files, fd);
	close(fd);
	return asked ? bide__http_answer(served, 403) : redirect(served);
}

/* ---- requests ----------------------------------------------------------------------------- */

static int send_what_is_there(struct bide__http_served *served, struct bide__http_files *files)
{
	struct stat status;
	bool directory = false;
	int rc = bide__http_target_path(served->target, files->hidden, &served->path, &directory);
	if (rc != 0)
		return rc > 0 ? bide__http_answer(served, rc) : rc;
	rc = look(files, served->path.data, &status);
	if (rc < 0)
		return fail(served, rc);
	if (S_ISDIR(status.st_mode))
		return send_directory(served, files, directory);
	/* What is no file is not opened, so that nobody knows whether it lies outside. */
	if (directory || !S_ISREG(status.st_mode))
		return bide__http_answer(served, 404);
	return send_regular(served, files, served->path.data, &status);
}

static int tell_methods(struct bide__http_served *served, int status)
{
	bide__http_begin(served, status);
	bide__http_put(served, "Allow", "GET, HEAD, OPTIONS");
	if (status != 204)
		return bide__http_finish_text(served);
	bide__http_end_head(served, -1);
	return bide__http_flush(served);
}

static int respond(struct bide__http_served *served, void *site)
{
	switch (served->parser.llhttp.method) {
	case HTTP_GET:
	case HTTP_HEAD:
		return send_what_is_there(served, site);
	case HTTP_OPTIONS:
		return tell_methods(served, 204);
	default:
		return tell_methods(served, 405);
	}
}

/* ---- the server --------------------------------------------------------------------------- */

static void files_free(void *site)
{
	struct bide__http_files *files = site;
	bide__http_cache_clear(files);
	if (files->root >= 0)
		close(files->root);
	bide__free(files);
}

static int files_new(const char *root, const bide_http_files_options *options,
                     struct bide__http_files **ret_files)
{
	struct bide__http_files *files = bide__calloc(1, sizeof(*files));
	if (files == NULL)
		return -ENOMEM;
	files->root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (files->root < 0) {
		const int rc = -errno;
		bide__free(files);
		return rc;
	}
	files->no_listing = options->no_listing;
	files->hidden = options->hidden;
	*ret_files = files;
	return 0;
}

int bide_http_start_files(const char *root, const char *host, const char *service,
                          const bide_http_files_options *options, bide_server **ret_server)
{
	static const bide_http_files_options defaults = { .no_listing = false };
	static const struct bide__wait call = { "bide_http_start_files", NULL, NULL };
	struct bide__http_files *files = NULL;
	int rc = bide__begin_call(&call);
	if (options == NULL)
		options = &defaults;
	if (rc == 0)
		rc = files_new(root, options, &files);
	if (rc < 0)
		return rc;
	rc = bide__http_start(host, service, &options->server, respond, files_free, files,
	                      ret_server);
	if (rc < 0)
		files_free(files);
	return rc;
}
