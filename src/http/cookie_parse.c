// SPDX-License-Identifier: MIT
/* cookie_parse.c: what is in Set-Cookie, taken apart: RFC 6265bis, 5.6. */
#include "http/cookies.h"

#include "http/field.h"

#include <string.h>
#include <strings.h>

/* Takes off what comes before a character, and the character; all, if there is none. */
static struct bide__piece take_until(struct bide__piece *text, char c)
{
	const char *end = text->size > 0 ? memchr(text->at, c, text->size) : NULL;
	const struct bide__piece piece = { text->at,
		                           end != NULL ? (size_t)(end - text->at) : text->size };
	const size_t taken = piece.size + (end != NULL);
	text->at += taken;
	text->size -= taken;
	return piece;
}

static struct bide__piece trim(struct bide__piece text)
{
	while (text.size > 0 && (*text.at == ' ' || *text.at == '\t')) {
		text.at++;
		text.size--;
	}
	while (text.size > 0 && (text.at[text.size - 1] == ' ' || text.at[text.size - 1] == '\t'))
		text.size--;
	return text;
}

static bool is(struct bide__piece piece, const char *word)
{
	return piece.size == strlen(word) && strncasecmp(piece.at, word, piece.size) == 0;
}

/* ---- attributes --------------------------------------------------------------------------- */

/* When a cookie expires; what Max-Age says goes before Expires. */
struct expiry {
	int64_t expires, max_age;
};

/* Seconds from now on; more than a cookie may last is as good as any number. 5.6.2. */
static void take_max_age(struct bide__piece value, int64_t now, struct expiry *expiry)
{
	const bool negative = value.size > 0 && value.at[0] == '-';
	int64_t seconds = 0;
	if (value.size == 0)
		return;
	for (size_t i = negative; i < value.size; i++) {
		if (value.at[i] < '0' || value.at[i] > '9')
			return;
		seconds = 10 * seconds + value.at[i] - '0';
		if (seconds > BIDE__COOKIE_AGE)
			seconds = BIDE__COOKIE_AGE;
	}
	expiry->max_age = negative || seconds == 0 ? 0 : now + seconds;
}

static enum bide_http_same_site same_site_of(struct bide__piece value)
{
	if (is(value, "None"))
		return BIDE_HTTP_SAME_SITE_NONE;
	if (is(value, "Lax"))
		return BIDE_HTTP_SAME_SITE_LAX;
	return is(value, "Strict") ? BIDE_HTTP_SAME_SITE_STRICT : BIDE_HTTP_SAME_SITE_UNSET;
}

/* Of attributes that come twice the last one holds. */
static void take_attribute(struct bide__piece text, int64_t now, struct expiry *expiry,
                           struct bide__new_cookie *cookie)
{
	const struct bide__piece name = trim(take_until(&text, '='));
	struct bide__piece value = trim(text);
	if (value.size > BIDE__COOKIE_PART)
		return;
	if (is(name, "Expires")) {
		(void)bide__cookie_date(value, &expiry->expires);
	} else if (is(name, "Max-Age")) {
		take_max_age(value, now, expiry);
	} else if (is(name, "Domain")) {
		const bool dot = value.size > 0 && value.at[0] == '.';
		cookie->domain = (struct bide__piece){ value.at + dot, value.size - dot };
	} else if (is(name, "Path")) {
		cookie->path = value;
	} else if (is(name, "Secure")) {
		cookie->secure = true;
	} else if (is(name, "HttpOnly")) {
		cookie->http_only = true;
	} else if (is(name, "SameSite")) {
		cookie->same_site = same_site_of(value);
	}
}

/* ---- the whole ---------------------------------------------------------------------------- */

/* Without '=' it is all value: 5.6, 3. */
static void take_pair(struct bide__piece pair, struct bide__new_cookie *cookie)
{
	if (pair.size > 0 && memchr(pair.at, '=', pair.size) != NULL)
		cookie->name = trim(take_until(&pair, '='));
	else
		cookie->name = (struct bide__piece){ pair.at, 0 };
	cookie->value = trim(pair);
}

bool bide__cookie_parse(const char *text, int64_t now, struct bide__new_cookie *ret_cookie)
{
	struct bide__piece rest = { text, strlen(text) };
	struct expiry expiry = { BIDE__COOKIE_NEVER, BIDE__COOKIE_NEVER };
	struct bide__new_cookie cookie = { .name = { text, 0 },
		                           .domain = { text, 0 },
		                           .path = { text, 0 } };
	if (!bide__http_is_clean(rest.at, rest.size))
		return false;
	take_pair(take_until(&rest, ';'), &cookie);
	const size_t size = cookie.name.size + cookie.value.size;
	if (size == 0 || size > BIDE__COOKIE_MAX)
		return false;
	while (rest.size > 0)
		take_attribute(take_until(&rest, ';'), now, &expiry, &cookie);
	cookie.expires = expiry.max_age != BIDE__COOKIE_NEVER ? expiry.max_age : expiry.expires;
	*ret_cookie = cookie;
	return true;
}
