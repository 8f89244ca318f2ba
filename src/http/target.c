// SPDX-License-Identifier: MIT
/* target.c: see target.h. A path is decoded once, and looked at when it has been, so that nothing
 * becomes a '/' or a ".." behind the back of a check. */
#include "http/target.h"

#include <errno.h>
#include <string.h>

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes a byte. 0 or a status. */
static int decode(const char **at, char *ret_c)
{
	*ret_c = *(*at)++;
	if (*ret_c != '%')
		return 0;
	const int high = hex_value((*at)[0]), low = high < 0 ? -1 : hex_value((*at)[1]);
	if (low < 0 || (high == 0 && low == 0))
		return 400;
	*ret_c = (char)(high << 4 | low);
	*at += 2;
	return *ret_c == '/' ? 404 : 0;
}

static bool is_end(char c)
{
	return c == '\0' || c == '?';
}

/* Adds the next name, with a '/' before it if it is not the first. 0 or a status. */
static int add_name(const char **at, struct bide__string *path)
{
	char c;
	int rc = 0;
	if (path->size > 0)
		bide__string_put_char(path, '/');
	while (rc == 0 && **at != '/' && !is_end(**at)) {
		if (**at == '#')
			return 400;
		rc = decode(at, &c);
		if (rc == 0)
			bide__string_put_char(path, c);
	}
	return rc;
}

bool bide__http_is_hidden(const char *name)
{
	return name[0] == '.' && strcmp(name, ".well-known") != 0;
}

/* The name that has been added at @p from is looked at, and dropped if it is none: 0, a status, or
 * -ENOMEM. */
static int look_at(struct bide__string *path, size_t from, bool hidden, bool *ret_real)
{
	const size_t start = from > 0 ? from + 1 : 0;
	bide__string_put_char(path, '\0');
	if (path->failed)
		return -ENOMEM;
	path->size--;
	const char *name = path->data + start;
	*ret_real = false;
	if (strcmp(name, "") == 0 || strcmp(name, ".") == 0) {
		path->size = from;
		return 0;
	}
	if (strcmp(name, "..") == 0) {
		path->size = from;
		if (from == 0)
			return 400;
		const char *slash = memrchr(path->data, '/', from);
		path->size = slash != NULL ? (size_t)(slash - path->data) : 0;
		return 0;
	}
	*ret_real = true;
	return !hidden && bide__http_is_hidden(name) ? 404 : 0;
}

int bide__http_target_path(const char *target, bool hidden, struct bide__string *path,
                           bool *ret_directory)
{
	bool real = false;
	const char *at = target;
	path->size = 0;
	if (*at != '/')
		return 400;
	while (*at == '/') {
		const size_t from = path->size;
		at++;
		int rc = add_name(&at, path);
		if (rc == 0)
			rc = look_at(path, from, hidden, &real);
		if (rc != 0)
			return rc;
	}
	*ret_directory = !real;
	bide__string_put_char(path, '\0');
	if (path->failed)
		return -ENOMEM;
	path->size--;
	return 0;
}

void bide__http_put_path(struct bide__string *out, const char *path)
{
	static const char digits[] = "0123456789ABCDEF";
	static const char plain[] = "/-._~0123456789abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	for (;;) {
		const size_t n = strspn(path, plain);
		bide__string_add(out, path, n);
		path += n;
		if (*path == '\0')
			return;
		const unsigned char c = (unsigned char)*path++;
		bide__string_put_char(out, '%');
		bide__string_put_char(out, digits[c >> 4]);
		bide__string_put_char(out, digits[c & 15]);
	}
}

static const char *entity_of(char c)
{
	switch (c) {
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '&':
		return "&amp;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return "&#xFFFD;";
	}
}

static bool is_special(char c)
{
	return ((unsigned char)c < 0x20 || c == 0x7f) || strchr("<>&\"'", c) != NULL;
}

void bide__http_put_html(struct bide__string *out, const char *text)
{
	while (*text != '\0') {
		size_t n = 0;
		while (text[n] != '\0' && !is_special(text[n]))
			n++;
		bide__string_add(out, text, n);
		text += n;
		if (*text != '\0')
			bide__string_put(out, entity_of(*text++));
	}
}
