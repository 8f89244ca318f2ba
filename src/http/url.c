// SPDX-License-Identifier: MIT
/* url.c: see url.h. */
#include "http/url.h"

#include "base/alloc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <idn2.h>
#include <string.h>
#include <strings.h>

enum { HTTP = 80, HTTPS = 443, PORT_MAX = 65535, HOST_MAX = 253, LABEL_MAX = 63 };

/* A piece of a text. */
struct span {
	const char *at;
	size_t size;
};

/* A URL as it is written: a missing part is NULL. */
struct parts {
	struct span scheme, user, host, port, path, query;
	bool has_authority;
};

/* ---- taking apart ------------------------------------------------------------------------- */

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Up to the first of some characters, or to the end. */
static struct span until(const char **text, const char *ends)
{
	struct span span = { *text, strcspn(*text, ends) };
	*text += span.size;
	return span;
}

static struct span scheme_of(const char **text)
{
	const char *at = *text;
	if (!is_alpha(*at))
		return (struct span){ NULL, 0 };
	while (is_alpha(*at) || is_digit(*at) || *at == '+' || *at == '-' || *at == '.')
		at++;
	if (*at != ':')
		return (struct span){ NULL, 0 };
	struct span scheme = { *text, (size_t)(at - *text) };
	*text = at + 1;
	return scheme;
}

/* The last '@' ends the user: what comes before is not to be taken for the host. */
static void split_authority(struct span authority, struct parts *parts)
{
	const char *end = authority.at + authority.size;
	const char *at = memrchr(authority.at, '@', authority.size);
	if (at != NULL) {
		parts->user = (struct span){ authority.at, (size_t)(at - authority.at) };
		authority = (struct span){ at + 1, (size_t)(end - at - 1) };
	}
	const char *bracket = authority.size > 0 && *authority.at == '['
	                              ? memchr(authority.at, ']', authority.size)
	                              : NULL;
	const char *from = bracket != NULL ? bracket : authority.at;
	const char *colon = memchr(from, ':', (size_t)(end - from));
	parts->host = (struct span){ authority.at,
		                     (size_t)((colon != NULL ? colon : end) - authority.at) };
	if (colon != NULL)
		parts->port = (struct span){ colon + 1, (size_t)(end - colon - 1) };
}

/* RFC 3986, appendix B. */
static struct parts split(const char *text)
{
	struct parts parts = { .scheme = scheme_of(&text) };
	if (strncmp(text, "//", 2) == 0) {
		text += 2;
		parts.has_authority = true;
		split_authority(until(&text, "/?#"), &parts);
	}
	parts.path = until(&text, "?#");
	if (*text == '?') {
		text++;
		parts.query = until(&text, "#");
	}
	return parts;
}

static bool is_clean(const char *text)
{
	const char *at = text;
	for (; *at != '\0'; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return false;
	return at - text <= BIDE__URL_MAX;
}

/* ---- the parts ---------------------------------------------------------------------------- */

static bool is(struct span span, const char *word)
{
	return span.size == strlen(word) && strncasecmp(span.at, word, span.size) == 0;
}

static int parse_port(struct span text, unsigned usual, unsigned *ret_port)
{
	unsigned port = 0;
	for (size_t i = 0; i < text.size; i++) {
		if (!is_digit(text.at[i]))
			return -BIDE_EHTTP_URL;
		port = 10 * port + (unsigned)(text.at[i] - '0');
		if (port > PORT_MAX)
			return -BIDE_EHTTP_URL;
	}
	*ret_port = text.size > 0 ? port : usual;
	return *ret_port > 0 ? 0 : -BIDE_EHTTP_URL;
}

/* Puts a text without its %XX. What would end it early is refused. */
static int put_decoded(struct bide__string *out, struct span text)
{
	for (size_t i = 0; i < text.size; i++) {
		char c = text.at[i];
		if (c == '%') {
			if (text.size - i < 3 || hex_value(text.at[i + 1]) < 0 ||
			    hex_value(text.at[i + 2]) < 0)
				return -BIDE_EHTTP_URL;
			c = (char)(16 * hex_value(text.at[i + 1]) + hex_value(text.at[i + 2]));
			i += 2;
		}
		if ((unsigned char)c < 0x20 || c == 0x7f)
			return -BIDE_EHTTP_URL;
		bide__string_put_char(out, c);
	}
	return 0;
}

static bool may_stay(unsigned char c)
{
	switch (c) {
	case '"':
	case '<':
	case '>':
	case '\\':
	case '^':
	case '`':
	case '{':
	case '|':
	case '}':
		return false;
	default:
		return c > 0x20 && c < 0x7f;
	}
}

/* Puts a path or a query; what must not be in it is encoded. */
static void put_encoded(struct bide__string *out, struct span text)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t done = 0;
	for (size_t i = 0; i < text.size; i++) {
		const unsigned char c = (unsigned char)text.at[i];
		if (may_stay(c))
			continue;
		bide__string_add(out, text.at + done, i - done);
		bide__string_put_char(out, '%');
		bide__string_put_char(out, digits[c >> 4]);
		bide__string_put_char(out, digits[c & 15]);
		done = i + 1;
	}
	bide__string_add(out, text.at + done, text.size - done);
}

static bool is_address6(struct span host)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;
	if (host.size >= sizeof(text))
		return false;
	memcpy(text, host.at, host.size);
	text[host.size] = '\0';
	return inet_pton(AF_INET6, text, &address) == 1;
}

/* A name may have what is in names; whether there is such a host is for others to say. */
static bool is_name(const char *name)
{
	const size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=");
	return size > 0 && name[size] == '\0' && size <= HOST_MAX && name[0] != '.';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Writes a name in lower case, if it means itself but for that: labels of letters and digits, with
 * single hyphens between them. Most are such. Whether it does. */
static bool write_plain(struct span name, char *out)
{
	const char *label = name.at;
	bool within = false; /* behind a letter or a digit */
	for (size_t i = 0; i < name.size; i++) {
		const char c = lower(name.at[i]);
		const bool word = (c >= 'a' && c <= 'z') || is_digit(c);
		if (!word && !(within && (c == '-' || c == '.')))
			return false;
		if (c == '.')
			label = name.at + i + 1;
		else if (name.at + i - label >= LABEL_MAX)
			return false;
		out[i] = c;
		within = word;
	}
	return within && name.size <= HOST_MAX;
}

static void put_lower(struct bide__string *out, struct span text)
{
	if (!bide__string_reserve(out, text.size))
		return;
	for (size_t i = 0; i < text.size; i++)
		out->data[out->size++] = lower(text.at[i]);
}

/* Puts a name in lower case, and as xn--… if it is not ASCII: RFC 5891, as of UTS 46. */
static int put_international(struct bide__string *out, struct span host)
{
	struct bide__string name = { NULL, 0, 0, false };
	char *ascii = NULL;
	int rc = put_decoded(&name, host);
	if (rc < 0)
		bide__string_free(&name);
	else
		rc = bide__string_end(&name);
	if (rc < 0)
		return rc;
	switch (idn2_to_ascii_8z(name.data, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT)) {
	case IDN2_OK:
		break;
	case IDN2_MALLOC:
		rc = -ENOMEM;
		break;
	default:
		rc = -BIDE_EHTTP_URL;
	}
	bide__string_free(&name);
	if (rc == 0 && !is_name(ascii))
		rc = -BIDE_EHTTP_URL;
	if (rc == 0)
		bide__string_put(out, ascii);
	idn2_free(ascii);
	return rc;
}

static int put_host(struct bide__string *out, struct span host)
{
	if (host.size == 0 || host.at[0] != '[') {
		const bool plain = host.size > 0 && bide__string_reserve(out, host.size) &&
		                   write_plain(host, out->data + out->size);
		out->size += plain ? host.size : 0;
		return plain ? 0 : put_international(out, host);
	}
	if (host.size < 4 || host.at[host.size - 1] != ']' ||
	    !is_address6((struct span){ host.at + 1, host.size - 2 }))
		return -BIDE_EHTTP_URL;
	put_lower(out, host);
	return 0;
}

static int put_user(struct bide__string *out, struct span user)
{
	const char *colon = user.size > 0 ? memchr(user.at, ':', user.size) : NULL;
	const size_t size = colon != NULL ? (size_t)(colon - user.at) : user.size;
	int rc = put_decoded(out, (struct span){ user.at, size });
	bide__string_put_char(out, '\0');
	if (rc == 0 && colon != NULL)
		rc = put_decoded(out, (struct span){ colon + 1, user.size - size - 1 });
	bide__string_put_char(out, '\0');
	return rc;
}

/* Puts what a request asks for, and a NUL. */
static void put_target(struct bide__string *out, struct span path, struct span query)
{
	if (path.size == 0 || path.at[0] != '/')
		bide__string_put_char(out, '/');
	put_encoded(out, path);
	if (query.at != NULL) {
		bide__string_put_char(out, '?');
		put_encoded(out, query);
	}
	bide__string_put_char(out, '\0');
}

/* Puts once more what has been put, and a NUL. */
static void put_again(struct bide__string *out, size_t from, size_t size)
{
	if (!bide__string_reserve(out, size + 1))
		return;
	bide__string_add(out, out->data + from, size);
	bide__string_put_char(out, '\0');
}

/* Puts the parts into a block: the URL as text, whose end is the target, and then the host, and the
 * user and the password if there is a user, each with a NUL. */
static int build(const struct parts *parts, struct span path, struct bide__url *ret_url)
{
	struct bide__string out = { NULL, 0, 0, false };
	const size_t written =
		2 * parts->host.size + parts->user.size + path.size + parts->query.size;
	(void)bide__string_reserve(&out, written + sizeof("https://:65535/?\0\0\0"));
	bide__string_put(&out, ret_url->secure ? "https://" : "http://");
	const size_t host = out.size;
	int rc = put_host(&out, parts->host);
	const size_t size = out.size - host;
	if (ret_url->port != (ret_url->secure ? HTTPS : HTTP)) {
		bide__string_put_char(&out, ':');
		bide__string_put_number(&out, ret_url->port);
	}
	const size_t target = out.size, bracket = parts->host.size > 0 && *parts->host.at == '[';
	put_target(&out, path, parts->query);
	const size_t name = out.size;
	if (rc == 0)
		put_again(&out, host + bracket, size - 2 * bracket);
	const size_t user = out.size;
	if (rc == 0 && parts->user.at != NULL)
		rc = put_user(&out, parts->user);
	if (rc < 0 || out.failed) {
		bide__string_free(&out);
		return rc < 0 ? rc : -ENOMEM;
	}
	ret_url->text = out.data;
	ret_url->target = out.data + target;
	ret_url->host = out.data + name;
	if (parts->user.at != NULL) {
		ret_url->user = out.data + user;
		ret_url->password = ret_url->user + strlen(ret_url->user) + 1;
	}
	return 0;
}

/* ---- URLs --------------------------------------------------------------------------------- */

/* Makes a URL of parts that are all there, the path apart. */
static int assemble(const struct parts *parts, struct span path, struct bide__url *ret_url)
{
	struct bide__url url = { .secure = is(parts->scheme, "https") };
	if (!url.secure && !is(parts->scheme, "http"))
		return -BIDE_EHTTP_URL;
	if (!parts->has_authority)
		return -BIDE_EHTTP_URL;
	int rc = parse_port(parts->port, url.secure ? HTTPS : HTTP, &url.port);
	if (rc == 0)
		rc = build(parts, path, &url);
	if (rc == 0)
		*ret_url = url;
	return rc;
}

/* Puts a path without its dot segments: RFC 3986, 5.2.4. */
static void put_without_dots(struct bide__string *out, const char *path)
{
	while (*path != '\0') {
		const char *segment = path + (*path == '/');
		const size_t size = strcspn(segment, "/");
		const bool last = segment[size] == '\0';
		const bool up = size == 2 && strncmp(segment, "..", 2) == 0;
		if (up)
			while (out->size > 0 && out->data[--out->size] != '/')
				;
		if (!up && !(size == 1 && *segment == '.'))
			bide__string_add(out, path, (size_t)(segment - path) + size);
		else if (last)
			bide__string_put_char(out, '/');
		path = segment + size;
	}
}

/* The path that a reference leads to; without a base it begins with a slash. */
static int merge(const struct bide__url *base, struct span path, struct bide__string *out)
{
	struct bide__string whole = { NULL, 0, 0, false };
	if (path.at[0] != '/') {
		const char *slash = memrchr(base->target, '/', strcspn(base->target, "?"));
		bide__string_add(&whole, base->target, (size_t)(slash - base->target) + 1);
	}
	bide__string_add(&whole, path.at, path.size);
	int rc = bide__string_end(&whole);
	if (rc < 0)
		return rc;
	put_without_dots(out, whole.data);
	bide__string_free(&whole);
	return 0;
}

/* Makes a URL of parts that are all there. */
static int assemble_whole(const struct parts *parts, struct bide__url *ret_url)
{
	struct bide__string path = { NULL, 0, 0, false };
	if (!parts->has_authority || parts->path.size == 0 ||
	    memmem(parts->path.at, parts->path.size, "/.", 2) == NULL)
		return assemble(parts, parts->path, ret_url);
	int rc = merge(NULL, parts->path, &path);
	if (rc == 0)
		rc = bide__string_end(&path);
	if (rc == 0)
		rc = assemble(parts, (struct span){ path.data, path.size }, ret_url);
	bide__string_free(&path);
	return rc;
}

int bide__url_parse(const char *text, struct bide__url *ret_url)
{
	if (!is_clean(text))
		return -BIDE_EHTTP_URL;
	const struct parts parts = split(text);
	return assemble_whole(&parts, ret_url);
}

int bide__url_parse_string(struct bide__string *text, struct bide__url *ret_url)
{
	int rc = bide__string_end(text);
	if (rc == 0)
		rc = bide__url_parse(text->data, ret_url);
	bide__string_free(text);
	return rc;
}

/* A reference to another place on the same host. */
static int resolve_here(const struct bide__url *base, const struct parts *reference,
                        struct bide__url *ret_url)
{
	struct bide__string target = { NULL, 0, 0, false };
	const size_t base_path = strcspn(base->target, "?");
	struct parts parts = split(base->text);
	int rc = 0;
	if (reference->path.size > 0)
		rc = merge(base, reference->path, &target);
	else
		bide__string_add(&target, base->target, base_path);
	if (rc == 0)
		rc = bide__string_end(&target);
	if (rc == 0) {
		if (reference->path.size > 0 || reference->query.at != NULL)
			parts.query = reference->query;
		rc = assemble(&parts, (struct span){ target.data, target.size }, ret_url);
	}
	bide__string_free(&target);
	return rc;
}

int bide__url_resolve(const struct bide__url *base, const char *reference,
                      struct bide__url *ret_url)
{
	if (!is_clean(reference))
		return -BIDE_EHTTP_URL;
	struct parts parts = split(reference);
	if (parts.scheme.at == NULL && !parts.has_authority)
		return resolve_here(base, &parts, ret_url);
	if (parts.scheme.at == NULL)
		parts.scheme =
			base->secure ? (struct span){ "https", 5 } : (struct span){ "http", 4 };
	return assemble_whole(&parts, ret_url);
}

bool bide__url_same_origin(const struct bide__url *a, const struct bide__url *b)
{
	return a->secure == b->secure && a->port == b->port && strcmp(a->host, b->host) == 0;
}

void bide__url_finish(struct bide__url *url)
{
	bide__free(url->text);
	*url = (struct bide__url){ .text = NULL };
}
