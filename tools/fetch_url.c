// SPDX-License-Identifier: MIT
/* fetch_url.c: see fetch_url.h. */
#include "fetch_url.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ---- keys --------------------------------------------------------------------------------- */

/* Where the authority begins, behind "scheme://" and more slashes, if there are; NULL: it is no
 * URL, as all that can be fetched begin so. */
static const char *authority_of(const char *url)
{
	const char *at = url;
	while (is_letter(*at) || is_digit(*at) || *at == '+' || *at == '-' || *at == '.')
		at++;
	return at > url && strncmp(at, "://", 3) == 0 ? at + 1 + strspn(at + 1, "/") : NULL;
}

/* Whether what should be a port is none: the authority ends too early, in a password. */
static bool has_bad_port(const char *authority, size_t size)
{
	const char *bracket = size > 0 && *authority == '[' ? memchr(authority, ']', size) : NULL;
	const char *from = bracket != NULL ? bracket : authority;
	const char *colon = memchr(from, ':', (size_t)(authority + size - from));
	if (colon == NULL)
		return false;
	for (colon++; colon < authority + size; colon++)
		if (!is_digit(*colon))
			return true;
	return false;
}

/* Where the host begins: behind the last '@' of the authority, or, where a password has in it what
 * would end that, of all. */
static const char *host_of(const char *authority)
{
	const size_t size = strcspn(authority, "/?#");
	const char *at = memrchr(authority, '@', size);
	if (at == NULL && has_bad_port(authority, size))
		at = strrchr(authority, '@');
	return at != NULL ? at + 1 : authority;
}

/* Of what is no URL nobody knows where a password ends: it has none behind its last '@'. */
void fetch_put_key(struct text *text, const char *url)
{
	const char *authority = authority_of(url), *at = strrchr(url, '@');
	const char *rest = authority != NULL ? host_of(authority) : at != NULL ? at + 1 : url;
	if (authority != NULL)
		text_add(text, url, (size_t)(authority - url));
	text_add(text, rest, strcspn(rest, "#"));
}

void fetch_put_url(struct text *text, const char *url)
{
	struct text key = TEXT_NONE;
	fetch_put_key(&key, url);
	text->failed |= key.failed;
	for (size_t i = 0; i < key.size; i++) {
		const unsigned char c = (unsigned char)key.data[i];
		if (c > 0x20 && c < 0x7f)
			text_add(text, &c, 1);
		else
			text_format(text, "%%%02X", c);
	}
	text_free(&key);
}

/* ---- hashes ------------------------------------------------------------------------------- */

uint64_t fetch_hash(const char *text)
{
	uint64_t h = 14695981039346656037u;
	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * 1099511628211u;
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53u;
	return h ^ h >> 33;
}

/* ---- names -------------------------------------------------------------------------------- */

static bool is_plain(char c)
{
	return is_letter(c) || is_digit(c) || (c != '\0' && strchr("._~@=,+%-", c) != NULL);
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A piece of a text. */
struct piece {
	const char *at;
	size_t size;
};

/* Hidden files, options, and what a shell puts in place of homes and commands: "~", "=". */
static bool may_begin(char c)
{
	return is_plain(c) && strchr(".-~=", c) == NULL;
}

/* The name is built in a buffer that may be too short for it. */
struct name {
	char *at;
	size_t size;
	bool cut;
};

static void put_byte(struct name *name, unsigned char c)
{
	char shown[4] = { (char)c, '\0' };
	if (c >= 0x80)
		snprintf(shown, sizeof(shown), "%%%02X", c);
	else if (!(name->size == 0 ? may_begin : is_plain)((char)c))
		shown[0] = '_';
	const size_t size = strlen(shown);
	if (name->size + size >= FETCH_NAME_MAX) {
		name->cut = true;
		return;
	}
	memcpy(name->at + name->size, shown, size);
	name->size += size;
}

/* Puts a piece of a URL: of what is encoded, ASCII is decoded. */
static void put_piece(struct name *name, struct piece piece)
{
	for (size_t i = 0; i < piece.size && !name->cut; i++) {
		unsigned char c = (unsigned char)piece.at[i];
		const int high = piece.size - i > 2 ? hex_value(piece.at[i + 1]) : -1;
		const int low = high >= 0 ? hex_value(piece.at[i + 2]) : -1;
		if (c == '%' && low >= 0 && high < 8) {
			c = (unsigned char)(16 * high + low);
			i += 2;
		}
		put_byte(name, c);
	}
}

static struct piece last_segment(const char *path)
{
	struct piece segment = { path, 0 };
	for (const char *at = path; *at != '\0' && *at != '?' && *at != '#'; at++)
		if (*at == '/')
			segment.at = at + 1;
	segment.size = strcspn(segment.at, "?#");
	return segment;
}

static bool ends_in(const struct name *name, const char *end)
{
	const size_t size = strlen(end);
	return name->size >= size && strncasecmp(name->at + name->size - size, end, size) == 0;
}

/* Whether some system takes the name, up to its first dot, for a device. */
static bool is_device(const struct name *name)
{
	static const char *const devices[] = { "con", "prn", "aux", "nul" };
	const char *dot = memchr(name->at, '.', name->size);
	const size_t size = dot != NULL ? (size_t)(dot - name->at) : name->size;
	if (size == 4 && is_digit(name->at[3]) &&
	    (strncasecmp(name->at, "com", 3) == 0 || strncasecmp(name->at, "lpt", 3) == 0))
		return true;
	for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++)
		if (size == strlen(devices[i]) && strncasecmp(name->at, devices[i], size) == 0)
			return true;
	return false;
}

/* ".part" is what a file is called that is not whole yet; an end in a dot some systems drop. */
static void avoid_reserved(struct name *name)
{
	if (is_device(name)) {
		if (name->size + 1 >= FETCH_NAME_MAX)
			name->size--;
		memmove(name->at + 1, name->at, name->size);
		name->at[0] = '_';
		name->size++;
	}
	if (!ends_in(name, ".part") && !ends_in(name, "."))
		return;
	if (name->size + 1 < FETCH_NAME_MAX)
		name->size++;
	name->at[name->size - 1] = '_';
}

/* Where the ending begins, as ".html"; the end of the name where there is none. */
static size_t ending_of(const struct name *name)
{
	enum { LONGEST = 11 };
	size_t at = name->size;
	while (at > 1 && name->size - at < LONGEST && name->at[at - 1] != '.')
		if (!is_letter(name->at[at - 1]) && !is_digit(name->at[at - 1]))
			return name->size;
		else
			at--;
	return at > 1 && name->at[at - 1] == '.' ? at - 1 : name->size;
}

/* Puts the key's hash before the ending, cutting what has no room. */
static void put_hash(struct name *name, const char *key, unsigned other)
{
	char middle[40], ending[16];
	const size_t at = ending_of(name);
	const size_t size = name->size - at;
	memcpy(ending, name->at + at, size);
	const unsigned long long hash = fetch_hash(key) >> 16;
	int n = snprintf(middle, sizeof(middle), "-%012llx", hash);
	if (other > 1)
		n += snprintf(middle + n, sizeof(middle) - (size_t)n, "-%u", other);
	const size_t most = FETCH_NAME_MAX - 1 - size - (size_t)n;
	name->size = at < most ? at : most;
	memcpy(name->at + name->size, middle, (size_t)n);
	memcpy(name->at + name->size + n, ending, size);
	name->size += (size_t)n + size;
}

void fetch_make_name(const char *key, unsigned other, char ret_name[FETCH_NAME_MAX])
{
	struct name name = { ret_name, 0, false };
	const char *authority = authority_of(key);
	const char *host = authority != NULL ? authority : key;
	const char *path = host + strcspn(host, "/?#");
	const char *query = strchr(path, '?');
	const size_t query_size = query != NULL ? strcspn(query + 1, "#") : 0;
	const struct piece segment = last_segment(path);
	put_piece(&name, segment.size > 0 ? segment : (struct piece){ "index", 5 });
	if (query_size > 0) {
		put_byte(&name, '@');
		put_piece(&name, (struct piece){ query + 1, query_size });
	}
	if (other > 0 || name.cut)
		put_hash(&name, key, other);
	avoid_reserved(&name);
	name.at[name.size] = '\0';
}

bool fetch_is_name(const char *name)
{
	const size_t size = strlen(name);
	const struct name it = { (char *)(uintptr_t)name, size, false };
	if (size == 0 || size >= FETCH_NAME_MAX || !may_begin(name[0]))
		return false;
	for (size_t i = 0; i < size; i++)
		if (!is_plain(name[i]))
			return false;
	return !ends_in(&it, ".part") && !ends_in(&it, ".") && !is_device(&it);
}
