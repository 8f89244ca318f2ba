// SPDX-License-Identifier: MIT
/* URLs: their parts, what is made of what people write, references, what is refused. */
#include "harness/test.h"
#include "http/url.h"

#include "base/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A URL as it is understood, as text; or the error. */
static const char *again(const char *text)
{
	static char buf[1024];
	struct bide__url url;
	int rc = bide__url_parse(text, &url);
	if (rc < 0)
		return bide_strerror(rc);
	strcpy(buf, url.text);
	bide__url_finish(&url);
	return buf;
}

static const char *resolved(const char *base_text, const char *reference)
{
	static char buf[1024];
	struct bide__url base, url;
	if (bide__url_parse(base_text, &base) < 0)
		return "no base";
	int rc = bide__url_resolve(&base, reference, &url);
	bide__url_finish(&base);
	if (rc < 0)
		return bide_strerror(rc);
	strcpy(buf, url.text);
	bide__url_finish(&url);
	return buf;
}

TEST(a_url_is_understood)
{
	static const char *const pairs[][2] = {
		{ "http://example.org", "http://example.org/" },
		{ "HTTP://Example.ORG:80/", "http://example.org/" },
		{ "https://example.org:443/a?b#c", "https://example.org/a?b" },
		{ "https://example.org:444", "https://example.org:444/" },
		{ "http://example.org?q=1", "http://example.org/?q=1" },
		{ "http://example.org#f", "http://example.org/" },
		{ "http://user:pass@example.org/", "http://example.org/" },
		{ "http://a@b@example.org/", "http://example.org/" },
		{ "http://[::1]:8080/x", "http://[::1]:8080/x" },
		{ "http://[2001:DB8::A]/", "http://[2001:db8::a]/" },
		{ "http://127.0.0.1/a b", "http://127.0.0.1/a%20b" },
		{ "http://h/\xc3\xa4?\xc3\xb6", "http://h/%C3%A4?%C3%B6" },
		{ "http://h/%41%zz", "http://h/%41%zz" },
		{ "http://h/a/../b/./c?d/../e", "http://h/b/c?d/../e" },
		{ "http://h/../../a/..#/../b", "http://h/" },
		{ "http://h/.a/..b/c./...", "http://h/.a/..b/c./..." },
		{ "http://b\xc3\xbc"
		  "cher.example/",
		  "http://xn--bcher-kva.example/" },
		{ "http://h/<\"`{|}>", "http://h/%3C%22%60%7B%7C%7D%3E" },
		{ "http://%65xample.org/", "http://example.org/" },
		{ "http://example.org:/", "http://example.org/" },
	};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		CHECK_STR(again(pairs[i][0]), pairs[i][1]);
}

TEST(what_is_no_url_is_refused)
{
	static const char *const texts[] = {
		"",
		"example.org",
		"/path",
		"//example.org/",
		"ftp://example.org/",
		"http:example.org",
		"http:a/../b",
		"http://",
		"http:///path",
		"http://example.org:0/",
		"http://example.org:65536/",
		"http://example.org:8x/",
		"http://exa mple.org/",
		"http://example.org/\r\nHost: other",
		"http://example.org/\x01",
		"http://example.org/\x7f",
		"http://[::1/",
		"http://[::1]x/",
		"http://[]/",
		"http://[g::1]/",
		"http://[.b]/",
		"http://[1.2.3.4]/",
		"http://a%00b/",
		"http://a%0d%0ab/",
		"http://user%0a@example.org/",
		"http://a%zz/",
		"http://.example.org/",
		"http://exa<mple.org/",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		CHECK_STR(again(texts[i]), bide_strerror(-BIDE_EHTTP_URL));
}

TEST(a_url_that_is_too_long_is_refused)
{
	static char text[BIDE__URL_MAX + 2];
	struct bide__url url;
	memset(text, 'a', sizeof text - 1);
	memcpy(text, "http://h/", 9);
	CHECK_INT(bide__url_parse(text, &url), -BIDE_EHTTP_URL);
	text[BIDE__URL_MAX] = '\0';
	CHECK_INT(bide__url_parse(text, &url), 0);
	bide__url_finish(&url);
}

TEST(user_and_password_are_decoded)
{
	struct bide__url url;
	CHECK_INT(bide__url_parse("http://us%40er:p%3Aw:x@h/", &url), 0);
	CHECK_STR(url.user, "us@er");
	CHECK_STR(url.password, "p:w:x");
	bide__url_finish(&url);
	CHECK_INT(bide__url_parse("http://me@h/", &url), 0);
	CHECK_STR(url.user, "me");
	CHECK_STR(url.password, "");
	bide__url_finish(&url);
	CHECK_INT(bide__url_parse("http://h/", &url), 0);
	CHECK_NULL(url.user);
	bide__url_finish(&url);
}

/* The examples of RFC 3986, 5.4, as far as they are of http. */
TEST(references_are_resolved)
{
	static const char base[] = "http://a/b/c/d;p?q";
	static const char *const pairs[][2] = {
		{ "http://g/h", "http://g/h" },
		{ "g", "http://a/b/c/g" },
		{ "./g", "http://a/b/c/g" },
		{ "g/", "http://a/b/c/g/" },
		{ "/g", "http://a/g" },
		{ "//g", "http://g/" },
		{ "?y", "http://a/b/c/d;p?y" },
		{ "g?y", "http://a/b/c/g?y" },
		{ "#s", "http://a/b/c/d;p?q" },
		{ "g#s", "http://a/b/c/g" },
		{ ";x", "http://a/b/c/;x" },
		{ "g;x?y#s", "http://a/b/c/g;x?y" },
		{ "", "http://a/b/c/d;p?q" },
		{ ".", "http://a/b/c/" },
		{ "./", "http://a/b/c/" },
		{ "..", "http://a/b/" },
		{ "../", "http://a/b/" },
		{ "../g", "http://a/b/g" },
		{ "../..", "http://a/" },
		{ "../../g", "http://a/g" },
		{ "../../../g", "http://a/g" },
		{ "../../../../g", "http://a/g" },
		{ "/./g", "http://a/g" },
		{ "/../g", "http://a/g" },
		{ "g.", "http://a/b/c/g." },
		{ ".g", "http://a/b/c/.g" },
		{ "g..", "http://a/b/c/g.." },
		{ "..g", "http://a/b/c/..g" },
		{ "./../g", "http://a/b/g" },
		{ "./g/.", "http://a/b/c/g/" },
		{ "g/./h", "http://a/b/c/g/h" },
		{ "g/../h", "http://a/b/c/h" },
		{ "g;x=1/./y", "http://a/b/c/g;x=1/y" },
		{ "g;x=1/../y", "http://a/b/c/y" },
		{ "g?y/./x", "http://a/b/c/g?y/./x" },
		{ "https://h", "https://h/" },
		{ "a b", "http://a/b/c/a%20b" },
	};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		CHECK_STR(resolved(base, pairs[i][0]), pairs[i][1]);
	CHECK_STR(resolved("http://a", "g"), "http://a/g");
	CHECK_STR(resolved("https://a:444/x?y", "?z"), "https://a:444/x?z");
	CHECK_STR(resolved("https://a/", "//b/c"), "https://b/c");
	CHECK_STR(resolved(base, "//g/x/../h?../i"), "http://g/h?../i");
	CHECK_STR(resolved(base, "https://g/./x/.."), "https://g/");
	CHECK_STR(resolved(base, "mailto:x"), bide_strerror(-BIDE_EHTTP_URL));
	CHECK_STR(resolved(base, "a\nb"), bide_strerror(-BIDE_EHTTP_URL));
}

/* Names of letters, digits, hyphens and dots; many of them are none. */
static void make_name(char *name, size_t size)
{
	static const char of[] = "aBx0n9-.";
	const size_t length = 1 + (size_t)rand() % (size - 1);
	for (size_t i = 0; i < length; i++)
		name[i] = of[(size_t)rand() % (rand() % 4 ? 6 : sizeof(of) - 1)];
	name[length] = '\0';
}

/* What is encoded goes the way of all names that are not ASCII. */
TEST(a_name_means_the_same_if_a_letter_of_it_is_encoded)
{
	int understood = 0;
	srand((unsigned)test_seed());
	for (int i = 0; i < 3000; i++) {
		char name[80], plain[128], encoded[128], seen[128];
		make_name(name, i % 2 ? 12 : sizeof(name));
		snprintf(plain, sizeof(plain), "http://%s/", name);
		snprintf(encoded, sizeof(encoded), "http://%%%02X%s/", name[0], name + 1);
		strcpy(seen, again(plain));
		understood += strncmp(seen, "http", 4) == 0;
		CHECK_STR(again(encoded), seen);
	}
	CHECK(understood > 300 && understood < 2700);
	CHECK_STR(again("http://xn--a.example/"), bide_strerror(-BIDE_EHTTP_URL));
	CHECK_STR(again("http://a..example/"), again("http://%61..example/"));
}

TEST(an_origin_is_scheme_host_and_port)
{
	static const char *const others[] = { "https://h/", "http://h:81/", "http://g/" };
	struct bide__url one, other;
	CHECK_INT(bide__url_parse("http://h/a", &one), 0);
	CHECK_INT(bide__url_parse("http://u:p@H:80/b", &other), 0);
	CHECK(bide__url_same_origin(&one, &other));
	bide__url_finish(&other);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		CHECK_INT(bide__url_parse(others[i], &other), 0);
		CHECK(!bide__url_same_origin(&one, &other));
		bide__url_finish(&other);
	}
	bide__url_finish(&one);
}

TEST(each_allocation_of_a_url_may_fail)
{
	for (long k = 1;; k++) {
		struct bide__url base = { .host = NULL }, url = { .host = NULL };
		bide__alloc_arm(k);
		int rc = bide__url_parse("http://user@b\xc3\xbc"
		                         "cher.example/a/b",
		                         &base);
		if (rc == 0)
			rc = bide__url_resolve(&base, "../c?d", &url);
		bide__url_finish(&base);
		bide__url_finish(&url);
		bide__alloc_disarm();
		CHECK_INT(bide__alloc_hook.live, 0);
		CHECK_INT(rc, bide__alloc_hook.failures > 0 ? -ENOMEM : 0);
		if (bide__alloc_hook.failures == 0)
			break;
	}
}
