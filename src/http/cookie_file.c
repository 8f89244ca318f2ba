// SPDX-License-Identifier: MIT
/* cookie_file.c: cookies in files, in the format of Netscape's cookies.txt. A line is a cookie:
 *
 *     domain TAB below TAB path TAB secure TAB expires TAB name TAB value
 *
 * `below` is TRUE when the cookie is for hosts below the domain, too, which has a dot before it
 * then; `expires` is 0 when it ends with the session. A line that begins with "#HttpOnly_" is one,
 * too. */
#include "http/cookies.h"

#include "base/alloc.h"
#include "http/field.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define HTTP_ONLY "#HttpOnly_"

enum { FILE_LIMIT = 64 << 20, PIECE = 16384 };

/* ---- reading ------------------------------------------------------------------------------ */

enum field { DOMAIN, BELOW, PATH, SECURE, EXPIRES, NAME, VALUE, FIELDS };

/* Splits a line; a tab in the value is part of it, and a value that is empty may be missing. */
static bool split(const char *line, struct bide__piece fields[static FIELDS])
{
	for (int i = 0; i < FIELDS; i++) {
		const size_t size = i == VALUE ? strlen(line) : strcspn(line, "\t");
		fields[i] = (struct bide__piece){ line, size };
		line += size;
		if (*line == '\t')
			line++;
		else if (i < NAME)
			return false;
	}
	return true;
}

static bool is_true(struct bide__piece field, bool *ret_is)
{
	*ret_is = field.size == 4 && strncasecmp(field.at, "TRUE", 4) == 0;
	return *ret_is || (field.size == 5 && strncasecmp(field.at, "FALSE", 5) == 0);
}

/* Some programs write fractions of seconds. */
static bool is_time(struct bide__piece field, int64_t now, int64_t *ret_time)
{
	int64_t seconds = 0;
	size_t i = 0;
	for (; i < field.size && field.at[i] >= '0' && field.at[i] <= '9'; i++) {
		seconds = 10 * seconds + field.at[i] - '0';
		if (seconds > now + BIDE__COOKIE_AGE)
			seconds = now + BIDE__COOKIE_AGE;
	}
	*ret_time = seconds > 0 ? seconds : BIDE__COOKIE_NEVER;
	return i > 0 && (i == field.size || field.at[i] == '.');
}

/* Has the domain as a host is written in a URL: in lower case, and as xn--…. */
static int have_host(struct bide__piece domain, struct bide__url *ret_url)
{
	struct bide__string text = { NULL, 0, 0, false };
	const bool bracket = memchr(domain.at, ':', domain.size) != NULL;
	if (strcspn(domain.at, "/?#@[]%\\") < domain.size)
		return -BIDE_EHTTP_URL;
	bide__string_put(&text, bracket ? "http://[" : "http://");
	bide__string_add(&text, domain.at, domain.size);
	bide__string_put(&text, bracket ? "]/" : "/");
	return bide__url_parse_string(&text, ret_url);
}

static bool is_cookie(const struct bide__new_cookie *cookie)
{
	const size_t size = cookie->name.size + cookie->value.size;
	return size > 0 && size <= BIDE__COOKIE_MAX && cookie->path.size <= BIDE__COOKIE_PART &&
	       cookie->path.size > 0 && cookie->path.at[0] == '/' &&
	       memchr(cookie->name.at, '=', cookie->name.size) == NULL &&
	       memchr(cookie->name.at, ';', cookie->name.size) == NULL &&
	       memchr(cookie->value.at, ';', cookie->value.size) == NULL &&
	       bide__cookie_keeps_promise(cookie);
}

/* Stores a cookie whose domain is that of a URL. 1, 0 when there can be no such one, or -ENOMEM. */
static int store(bide_http_cookies *cookies, const struct bide__url *url,
                 struct bide__new_cookie *cookie, int64_t now)
{
	cookie->domain = (struct bide__piece){ url->host, strlen(url->host) };
	cookie->host_only |= bide__cookie_is_public(url->host);
	if (!is_cookie(cookie) || cookie->expires <= now)
		return 0;
	pthread_mutex_lock(&cookies->lock);
	int rc = bide__cookies_put(cookies, cookie, now);
	pthread_mutex_unlock(&cookies->lock);
	return rc < 0 ? rc : 1;
}

/* Takes a line. 1, 0 when it is no cookie, or -ENOMEM. */
static int take_line(bide_http_cookies *cookies, const char *line, int64_t now)
{
	struct bide__piece fields[FIELDS];
	const size_t prefix = strlen(HTTP_ONLY);
	struct bide__new_cookie cookie = { .http_only = strncmp(line, HTTP_ONLY, prefix) == 0 };
	struct bide__url url;
	bool below = false;
	line += cookie.http_only ? prefix : 0;
	if (line[0] == '#' || !bide__http_is_value(line) || !split(line, fields) ||
	    !is_true(fields[BELOW], &below) || !is_true(fields[SECURE], &cookie.secure) ||
	    !is_time(fields[EXPIRES], now, &cookie.expires))
		return 0;
	struct bide__piece domain = fields[DOMAIN];
	const bool dot = domain.size > 0 && domain.at[0] == '.';
	domain.at += dot;
	domain.size -= dot;
	cookie.host_only = !below;
	cookie.path = fields[PATH];
	cookie.name = fields[NAME];
	cookie.value = fields[VALUE];
	int rc = have_host(domain, &url);
	if (rc < 0)
		return rc == -BIDE_EHTTP_URL ? 0 : rc;
	rc = store(cookies, &url, &cookie, now);
	bide__url_finish(&url);
	return rc;
}

int bide__cookies_read(bide_http_cookies *cookies, char *text, int64_t now)
{
	int n = 0;
	while (*text != '\0') {
		char *line = text;
		text += strcspn(text, "\n");
		if (*text == '\n')
			*text++ = '\0';
		const size_t size = strlen(line);
		if (size > 0 && line[size - 1] == '\r')
			line[size - 1] = '\0';
		int rc = take_line(cookies, line, now);
		if (rc < 0)
			return rc;
		n += rc;
	}
	return n;
}

/* Appends what is left in a file. 0 or an error. */
static int slurp(int fd, struct bide__string *text)
{
	char piece[PIECE];
	for (;;) {
		const ssize_t n = read(fd, piece, sizeof(piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		if (text->size + (size_t)n > FILE_LIMIT)
			return -EFBIG;
		bide__string_add(text, piece, (size_t)n);
		if (text->failed)
			return -ENOMEM;
	}
}

/* A line with a NUL in it is no cookie, and does not keep those behind it from being read. */
static void replace_nuls(struct bide__string *text)
{
	for (size_t i = 0; i < text->size; i++)
		if (text->data[i] == '\0')
			text->data[i] = '\x7f';
}

static int read_file(const char *path, struct bide__string *text)
{
	int fd;
	do
		fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return -errno;
	int rc = slurp(fd, text);
	(void)close(fd);
	return rc;
}

int bide_http_cookies_load(bide_http_cookies *cookies, const char *path)
{
	struct bide__string text = { NULL, 0, 0, false };
	int rc = read_file(path, &text);
	replace_nuls(&text);
	if (rc == 0)
		rc = bide__string_end(&text);
	if (rc == 0)
		rc = bide__cookies_read(cookies, text.data, time(NULL));
	bide__string_free(&text);
	return rc;
}

/* ---- writing ------------------------------------------------------------------------------ */

static void put_line(struct bide__string *out, const bide_http_cookie *cookie)
{
	bide__string_put(out, cookie->http_only ? HTTP_ONLY : "");
	bide__string_put(out, cookie->host_only ? "" : ".");
	bide__string_put(out, cookie->domain);
	bide__string_put(out, cookie->host_only ? "\tFALSE\t" : "\tTRUE\t");
	bide__string_put(out, cookie->path);
	bide__string_put(out, cookie->secure ? "\tTRUE\t" : "\tFALSE\t");
	bide__string_put_number(out, (unsigned long long)cookie->expires);
	bide__string_put_char(out, '\t');
	bide__string_put(out, cookie->name);
	bide__string_put_char(out, '\t');
	bide__string_put(out, cookie->value);
	bide__string_put_char(out, '\n');
}

void bide__cookies_format(const bide_http_cookie_list *list, struct bide__string *out)
{
	bide__string_put(out, "# Netscape HTTP Cookie File\n\n");
	for (size_t i = 0; i < list->count; i++) {
		const bide_http_cookie *cookie = &list->at[i];
		if (strchr(cookie->name, '\t') == NULL && strchr(cookie->value, '\t') == NULL &&
		    strchr(cookie->path, '\t') == NULL)
			put_line(out, cookie);
	}
}

static int write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		const ssize_t n = write(fd, data, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		size -= (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* Writes a file beside, whose name is @p beside without its last six letters, and renames it. */
static int replace_file(const char *path, char *beside, const struct bide__string *text)
{
	const int fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = write_all(fd, text->data, text->size);
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && rename(beside, path) < 0)
		rc = -errno;
	if (rc < 0)
		(void)unlink(beside);
	return rc;
}

int bide_http_cookies_save(bide_http_cookies *cookies, const char *path)
{
	struct bide__string text = { NULL, 0, 0, false }, beside = { NULL, 0, 0, false };
	bide_http_cookie_list *list;
	int rc = bide__cookies_list(cookies, NULL, time(NULL), &list);
	if (rc < 0)
		return rc;
	bide__cookies_format(list, &text);
	bide_http_cookie_list_free(list);
	bide__string_put(&beside, path);
	bide__string_put(&beside, ".XXXXXX");
	rc = bide__string_end(&beside);
	if (rc == 0)
		rc = text.failed ? -ENOMEM : replace_file(path, beside.data, &text);
	bide__string_free(&text);
	bide__string_free(&beside);
	return rc;
}
