/* SPDX-License-Identifier: MIT */
/* For tests of cookies: a jar, at a time of the test's. */
#ifndef COOKIES_KIT_H
#define COOKIES_KIT_H

#include "harness/test.h"
#include "http/cookies.h"

#include "base/alloc.h"

#include <errno.h>
#include <string.h>

#define NOW 1700000000LL /* 2023-11-14 22:13:20 */

enum { SENT_MAX = 16384 };

static bide_http_cookies *jar;
static int64_t now = NOW;

#define COOKIES_TEST(name) \
	static void with_jar_##name(void); \
	TEST(name) \
	{ \
		bide__alloc_arm(0); \
		CHECK_INT(bide_http_cookies_open(&jar), 0); \
		with_jar_##name(); \
		bide_http_cookies_unref(jar); \
		CHECK_INT(bide__alloc_hook.live, 0); \
	} \
	static void with_jar_##name(void)

/* What comes of a response's Set-Cookie. */
static inline int set(const char *url_text, const char *cookie)
{
	struct bide__url url;
	int rc = bide__url_parse(url_text, &url);
	if (rc == 0) {
		rc = bide__cookies_take(jar, &url, bide__cookie_is_secure(&url, true), cookie, now);
		bide__url_finish(&url);
	}
	return rc;
}

/* What a request takes along, besides what the user sends. */
static inline const char *sent_with(const char *url_text, const char *own)
{
	static char buf[SENT_MAX];
	struct bide__string out = { NULL, 0, 0, false };
	struct bide__url url;
	if (bide__url_parse(url_text, &url) < 0)
		return "no URL";
	bide__cookies_write(jar, &url, bide__cookie_is_secure(&url, true), own, now, &out);
	bide__url_finish(&url);
	if (out.size == 0)
		return "";
	EXPECT(out.size > 10 && strncmp(out.data, "Cookie: ", 8) == 0);
	EXPECT(out.size < sizeof buf && strncmp(out.data + out.size - 2, "\r\n", 2) == 0);
	memcpy(buf, out.data + 8, out.size - 10);
	buf[out.size - 10] = '\0';
	bide__string_free(&out);
	return buf;
}

static inline const char *sent(const char *url)
{
	return sent_with(url, NULL);
}

#endif
