// SPDX-License-Identifier: MIT
/* Cookies: what is made of Set-Cookie, and to whom they are sent. */
#include "cookies_kit.h"

#include <stdio.h>

#define LENGTH(table) (sizeof(table) / sizeof *(table))

/* Each on a jar of its own: one response's Set-Cookie fields, and what the next request sends. */
struct exchange {
	const char *cookies[4];
	const char *expected;
	const char *from, *to; /* NULL: http://home.example.org:8888/cookie-parser */
};

static void check(const struct exchange *exchange)
{
	const char *usual = "http://home.example.org:8888/cookie-parser";
	const char *from = exchange->from != NULL ? exchange->from : usual;
	for (int i = 0; i < 4 && exchange->cookies[i] != NULL; i++)
		(void)set(from, exchange->cookies[i]);
	const char *got = sent(exchange->to != NULL ? exchange->to : from);
	if (strcmp(got, exchange->expected) != 0)
		FAIL("%s: %s -> %s: \"%s\", not \"%s\"", exchange->cookies[0], from,
		     exchange->to != NULL ? exchange->to : from, got, exchange->expected);
	bide_http_cookies_clear(jar, NULL);
}

static void check_all(const struct exchange *exchanges, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check(&exchanges[i]);
}

COOKIES_TEST(a_cookie_is_taken_apart)
{
	static const struct exchange table[] = {
		{ { "foo=bar" }, "foo=bar", NULL, NULL },
		{ { "foo=bar; Expires=Fri, 07 Aug 2026 08:04:19 GMT" }, "foo=bar", NULL, NULL },
		{ { "foo=bar; Expires=Fri, 07 Aug 2007 08:04:19 GMT",
		    "foo2=bar2; Expires=Fri, 07 Aug 2027 08:04:19 GMT" },
		  "foo2=bar2",
		  NULL,
		  NULL },
		{ { "foo" }, "foo", NULL, NULL },
		{ { "foo=bar; max-age=10000;" }, "foo=bar", NULL, NULL },
		{ { "foo=bar; max-age=0;" }, "", NULL, NULL },
		{ { "foo=bar; max-age=-1;" }, "", NULL, NULL },
		{ { "foo=bar; max-age=", "a=b; max-age=1x", "c=d; max-age=x1" },
		  "foo=bar; a=b; c=d",
		  NULL,
		  NULL },
		{ { "foo=bar; version=1;" }, "foo=bar", NULL, NULL },
		{ { "foo=bar; version=1000; secured; secur e" }, "foo=bar", NULL, NULL },
		{ { "foo=bar; customvalue=1000" }, "foo=bar", NULL, NULL },
		{ { "foo=bar;" }, "foo=bar", NULL, NULL },
		{ { "foo=\"bar\"" }, "foo=\"bar\"", NULL, NULL },
		{ { "foo=\"bar;baz\"" }, "foo=\"bar", NULL, NULL },
		{ { "foo=\"bar\\\"\"" }, "foo=\"bar\\\"\"", NULL, NULL },
		{ { "foo=bar=baz" }, "foo=bar=baz", NULL, NULL },
		{ { "foo=  b ar\t; x" }, "foo=b ar", NULL, NULL },
		{ { "  foo \t= bar" }, "foo=bar", NULL, NULL },
		{ { "=bar" }, "bar", NULL, NULL },
		{ { "foo=" }, "foo=", NULL, NULL },
		{ { "=", "", ";", "; Path=/" }, "", NULL, NULL },
		{ { "foo=1, bar=2" }, "foo=1, bar=2", NULL, NULL },
		{ { "foo=\xe4\xb8\xad" }, "foo=\xe4\xb8\xad", NULL, NULL },
		{ { "foo=b\tar" }, "foo=b\tar", NULL, NULL },
		{ { "foo=b\rar", "foo\n=bar", "foo=bar\x7f", "foo=bar; a\x01" }, "", NULL, NULL },
		{ { "a=b; a=c", "a=d", "A=e" }, "a=d; A=e", NULL, NULL },
		{ { "a=1; max-age=0; expires=Fri, 07 Aug 2027 08:04:19 GMT" }, "", NULL, NULL },
		{ { "a=1; max-age=9; expires=Fri, 07 Aug 2007 08:04:19 GMT" }, "a=1", NULL, NULL },
		{ { "a=1; max-age=9; max-age=0", "b=1; max-age=0; max-age=9" }, "b=1", NULL, NULL },
		{ { "a=1; expires=nonsense", "b=1; max-age=99999999999999999999" },
		  "a=1; b=1",
		  NULL,
		  NULL },
		{ { "a=1", "a=2; max-age=0" }, "", NULL, NULL },
	};
	check_all(table, LENGTH(table));
}

COOKIES_TEST(a_cookie_is_for_a_domain)
{
	static const char from[] = "http://home.example.org/", above[] = "http://example.org/",
			  below[] = "http://sub.home.example.org/",
			  beside[] = "http://sibling.example.org/";
	static const struct exchange table[] = {
		{ { "foo=bar" }, "foo=bar", from, from },
		{ { "foo=bar" }, "", from, below },
		{ { "foo=bar; domain=home.example.org" }, "foo=bar", from, from },
		{ { "foo=bar; domain=home.example.org" }, "foo=bar", from, below },
		{ { "foo=bar; domain=home.example.org" }, "", from, beside },
		{ { "foo=bar; domain=.home.example.org" }, "foo=bar", from, below },
		{ { "foo=bar; domain=.example.org" }, "foo=bar", from, beside },
		{ { "foo=bar; domain=example.org" }, "foo=bar", from, above },
		{ { "foo=bar; domain=EXAMPLE.org" }, "foo=bar", from, beside },
		{ { "foo=bar; domain=.sub.home.example.org" }, "", from, below },
		{ { "foo=bar; domain=ample.org" }, "", from, from },
		{ { "foo=bar; domain=..home.example.org" }, "", from, from },
		{ { "foo=bar; domain=home.example.org." }, "", from, from },
		{ { "foo=bar; domain=" }, "", from, below },
		{ { "foo=bar; domain=" }, "foo=bar", from, from },
		{ { "foo=bar; domain" }, "foo=bar", from, from },
		{ { "foo=bar; domain=." }, "foo=bar", from, from },
		{ { "foo=bar; domain=example.org; domain=other.test" }, "", from, from },
		{ { "foo=bar; domain=other.test; domain=example.org" }, "foo=bar", from, beside },
		{ { "foo=bar; domain=example.org; domain=" }, "", from, beside },
		{ { "foo=bar; domain=home.example.org:80" }, "", from, from },
		{ { "foo=bar; domain=http://home.example.org/" }, "", from, from },
		{ { "foo=1; domain=example.org", "foo=2" }, "foo=1; foo=2", from, from },
		{ { "foo=1; domain=home.example.org", "foo=2" }, "foo=1; foo=2", from, from },
		{ { "foo=bar" }, "foo=bar", "http://h.example:80/", "https://h.example:8443/" },
	};
	check_all(table, LENGTH(table));
}

COOKIES_TEST(no_cookie_is_for_all_that_is_public)
{
	static const struct exchange table[] = {
		{ { "a=b; domain=org" }, "", "http://example.org/", NULL },
		{ { "a=b; domain=.co.uk" }, "", "http://example.co.uk/", NULL },
		{ { "a=b; domain=co.uk" }, "", "http://co.uk/", "http://example.co.uk/" },
		{ { "a=b; domain=co.uk" }, "a=b", "http://co.uk/", NULL },
		{ { "a=b; domain=example.co.uk" },
		  "a=b",
		  "http://example.co.uk/",
		  "http://x.example.co.uk/" },
		{ { "a=b; domain=github.io" }, "", "http://me.github.io/", NULL },
		{ { "a=b; domain=me.github.io" }, "a=b", "http://me.github.io/", NULL },
		{ { "a=b; domain=localhost" }, "a=b", "http://localhost/", NULL },
		{ { "a=b; domain=localhost" }, "", "http://localhost/", "http://x.localhost/" },
		{ { "a=b; domain=localhost" }, "", "http://x.localhost/", NULL },
		{ { "a=b; domain=intranet" }, "", "http://wiki.intranet/", NULL },
		{ { "a=b; domain=www.ck" }, "a=b", "http://x.www.ck/", "http://www.ck/" },
		{ { "a=b; domain=x.ck" }, "", "http://y.x.ck/", NULL },
		{ { "a=b; domain=xn--p1ai" }, "", "http://xn--e1afmkfd.xn--p1ai/", NULL },
		{ { "a=b; domain=org." }, "", "http://example.org./", NULL },
		{ { "a=b" }, "a=b", "http://example.org./", NULL },
		{ { "a=b" }, "", "http://example.org./", "http://example.org/" },
	};
	check_all(table, LENGTH(table));
}

COOKIES_TEST(an_address_is_a_host_and_no_domain)
{
	static const struct exchange table[] = {
		{ { "a=b" }, "a=b", "http://192.0.2.1/", NULL },
		{ { "a=b; domain=192.0.2.1" }, "a=b", "http://192.0.2.1/", NULL },
		{ { "a=b; domain=2.1" }, "", "http://192.0.2.1/", NULL },
		{ { "a=b; domain=.1" }, "", "http://192.0.2.1/", NULL },
		{ { "a=b; domain=1" }, "", "http://192.0.2.1/", "http://198.51.100.1/" },
		{ { "a=b" }, "a=b", "http://[2001:db8::1]:8080/", "http://[2001:DB8::1]/" },
		{ { "a=b; domain=2001:db8::1" }, "a=b", "http://[2001:db8::1]/", NULL },
		{ { "a=b; domain=[2001:db8::1]" }, "", "http://[2001:db8::1]/", NULL },
		{ { "a=b; domain=0x1" }, "", "http://192.0.2.0x1/", NULL },
	};
	check_all(table, LENGTH(table));
}

COOKIES_TEST(a_name_that_is_not_ascii_is_the_same_in_both_spellings)
{
	static const struct exchange table[] = {
		{ { "a=b; domain=xn--bcher-kva.example" },
		  "a=b",
		  "http://www.b\xc3\xbc"
		  "cher.example/",
		  "http://xn--bcher-kva.example/" },
		{ { "a=b; domain=b\xc3\xbc"
		    "cher.example" },
		  "",
		  "http://b\xc3\xbc"
		  "cher.example/",
		  NULL },
	};
	check_all(table, LENGTH(table));
}

COOKIES_TEST(a_cookie_is_for_a_path)
{
	static const char from[] = "http://h.example.org/cookie/path/test?q=/x/y";
	static const struct exchange table[] = {
		{ { "a=b" }, "a=b", from, NULL },
		{ { "a=b" }, "a=b", from, "http://h.example.org/cookie/path" },
		{ { "a=b" }, "a=b", from, "http://h.example.org/cookie/path/" },
		{ { "a=b" }, "", from, "http://h.example.org/cookie/pathology" },
		{ { "a=b" }, "", from, "http://h.example.org/cookie" },
		{ { "a=b" }, "a=b", "http://h.example.org", "http://h.example.org/x/y" },
		{ { "a=b" }, "a=b", "http://h.example.org/x", "http://h.example.org/" },
		{ { "a=b" }, "a=b", "http://h.example.org/x/", "http://h.example.org/x" },
		{ { "a=b; path=/" }, "a=b", from, "http://h.example.org/" },
		{ { "a=b; path=/cookie" }, "a=b", from, "http://h.example.org/cookie?x" },
		{ { "a=b; path=/cookie/" }, "", from, "http://h.example.org/cookie" },
		{ { "a=b; path=/cookie/" }, "a=b", from, "http://h.example.org/cookie/x" },
		{ { "a=b; path=/else" }, "a=b", from, "http://h.example.org/else" },
		{ { "a=b; path=/COOKIE" }, "", from, NULL },
		{ { "a=b; path=cookie" }, "a=b", from, "http://h.example.org/cookie/path/y" },
		{ { "a=b; path=" }, "a=b", from, "http://h.example.org/cookie/path/y" },
		{ { "a=b; path=/x; path=" }, "a=b", from, NULL },
		{ { "a=b; path=/x; path=/cookie" }, "a=b", from, NULL },
		{ { "a=b; path=\"/\"" }, "a=b", from, NULL },
		{ { "a=b; path=/cook%69e" }, "", from, NULL },
		{ { "a=1; path=/", "b=2; path=/cookie", "c=3", "a=4; path=/cookie" },
		  "c=3; b=2; a=4; a=1",
		  from,
		  NULL },
	};
	check_all(table, LENGTH(table));
}

COOKIES_TEST(cookies_are_sent_in_the_order_of_their_first_setting)
{
	CHECK_INT(set("http://example.org/", "a=1"), 0);
	CHECK_INT(set("http://example.org/", "b=1"), 0);
	CHECK_INT(set("http://example.org/", "a=2"), 0);
	CHECK_STR(sent("http://example.org/"), "a=2; b=1");
	CHECK_INT(set("http://example.org/", "a=; max-age=0"), 0);
	CHECK_INT(set("http://example.org/", "a=3"), 0);
	CHECK_STR(sent("http://example.org/"), "b=1; a=3");
}

COOKIES_TEST(a_secure_cookie_is_for_secure_connections)
{
	static const struct exchange table[] = {
		{ { "a=b; secure" }, "a=b", "https://example.org/", NULL },
		{ { "a=b; secure=no" }, "", "https://example.org/", "http://example.org/" },
		{ { "a=b; SECURE" }, "", "http://example.org/", "https://example.org/" },
		{ { "a=b" }, "a=b", "https://example.org/", "http://example.org/" },
		{ { "a=b; secure" }, "a=b", "http://localhost/", NULL },
		{ { "a=b; secure" }, "a=b", "http://x.localhost:8080/", NULL },
		{ { "a=b; secure" }, "a=b", "http://127.0.0.2/", NULL },
		{ { "a=b; secure" }, "a=b", "http://[::1]/", NULL },
		{ { "a=b; secure" }, "", "http://127.0.0.1.example.org/", NULL },
		{ { "a=b; secure" }, "", "http://localhost.example.org/", NULL },
		{ { "a=b; secure" }, "", "http://notlocalhost/", NULL },
		{ { "a=b; secure; httponly; samesite=strict" },
		  "a=b",
		  "https://example.org/",
		  NULL },
	};
	check_all(table, LENGTH(table));
}

COOKIES_TEST(what_is_not_secure_leaves_secure_cookies_alone)
{
	static const struct {
		const char *url, *cookie;
		int rc;
	} table[] = {
		{ "http://www.example.org/a/b", "s=2", -EINVAL },
		{ "http://www.example.org/a/b", "s=; max-age=0; path=/a", -EINVAL },
		{ "http://www.example.org/", "s=2; domain=example.org; path=/a/x", -EINVAL },
		{ "http://sub.www.example.org/a/b", "s=2", -EINVAL },
		{ "http://www.example.org/", "s=2; path=/", 0 },
		{ "http://www.example.org/a/b", "S=2", 0 },
		{ "http://other.example.org/a/b", "s=2", 0 },
		{ "https://www.example.org/a/b", "s=2", 0 },
	};
	for (size_t i = 0; i < LENGTH(table); i++) {
		CHECK_INT(set("https://www.example.org/",
		              "s=1; secure; path=/a; domain=www.example.org"),
		          0);
		CHECK_INT(set(table[i].url, table[i].cookie), table[i].rc);
		CHECK(strstr(sent("https://www.example.org/a/b"), "s=1") != NULL);
		bide_http_cookies_clear(jar, NULL);
	}
	/* One that has expired is there no more. */
	CHECK_INT(set("https://www.example.org/", "s=1; secure; max-age=10"), 0);
	CHECK_INT(set("http://www.example.org/", "s=2"), -EINVAL);
	now += 10;
	CHECK_INT(set("http://www.example.org/", "s=2"), 0);
	now = NOW;
}

COOKIES_TEST(a_prefix_is_a_promise)
{
	static const char *const from = "https://www.example.org/";
	static const struct exchange table[] = {
		{ { "__Secure-a=b; secure" }, "__Secure-a=b", from, NULL },
		{ { "__Secure-a=b" }, "", from, NULL },
		{ { "__SECURE-a=b" }, "", from, NULL },
		{ { "__Secure-a=b; secure" }, "", "http://www.example.org/", from },
		{ { "__Host-a=b; secure; path=/" }, "__Host-a=b", from, NULL },
		{ { "__Host-a=b; secure" }, "", from, NULL },
		{ { "__Host-a=b; path=/" }, "", from, NULL },
		{ { "__host-a=b; secure; path=/x" }, "", from, "https://www.example.org/x" },
		{ { "__Host-a=b; secure; path=x" }, "", from, NULL },
		{ { "__Host-a=b; secure; path=/; domain=www.example.org" }, "", from, NULL },
		{ { "__Host-a=b; secure; path=/; domain=" }, "__Host-a=b", from, NULL },
		{ { "=__Host-a=b; secure; path=/" }, "", from, NULL },
		{ { "__Secure-a; secure; path=/" }, "", from, NULL },
		{ { "x__Host-a=b" }, "x__Host-a=b", from, NULL },
	};
	check_all(table, LENGTH(table));
}

COOKIES_TEST(a_cookie_is_no_larger_than_it_may_be)
{
	char text[6000];
	memset(text, 'v', sizeof text);
	memcpy(text, "ab=", 3);
	text[4097] = '\0';
	CHECK_INT(set("http://example.org/", text), 0);
	CHECK_UINT(strlen(sent("http://example.org/")), 4097);
	text[4097] = 'v';
	text[4098] = '\0';
	CHECK_INT(set("http://example.org/x", text), -EINVAL);
	bide_http_cookies_clear(jar, NULL);
	memset(text, 'p', sizeof text);
	memcpy(text, "a=b; path=/", 11);
	text[10 + 1024] = '\0';
	CHECK_INT(set("http://example.org/", text), 0);
	CHECK_STR(sent("http://example.org/"), "");
	text[10 + 1024] = 'p';
	text[10 + 1025] = '\0';
	CHECK_INT(set("http://example.org/", text), 0);
	CHECK_STR(sent("http://example.org/"), "a=b");
}

COOKIES_TEST(a_cookie_expires)
{
	CHECK_INT(set("http://example.org/", "a=1; max-age=10"), 0);
	CHECK_INT(set("http://example.org/", "b=1; expires=Tue, 14 Nov 2023 22:13:40 GMT"), 0);
	CHECK_INT(set("http://example.org/", "c=1; expires=Fri, 31 Dec 9999 23:59:59 GMT"), 0);
	CHECK_INT(set("http://example.org/", "d=1; max-age=999999999999"), 0);
	CHECK_INT(set("http://example.org/", "e=1"), 0);
	now = NOW + 9;
	CHECK_STR(sent("http://example.org/"), "a=1; b=1; c=1; d=1; e=1");
	now = NOW + 10;
	CHECK_STR(sent("http://example.org/"), "b=1; c=1; d=1; e=1");
	now = NOW + 20;
	CHECK_STR(sent("http://example.org/"), "c=1; d=1; e=1");
	now = NOW + 400 * 86400 - 1;
	CHECK_STR(sent("http://example.org/"), "c=1; d=1; e=1");
	now = NOW + 400 * 86400;
	CHECK_STR(sent("http://example.org/"), "e=1");
}

COOKIES_TEST(what_the_user_sends_goes_before_the_jar)
{
	static const char *const table[][2] = {
		{ "x=y", "x=y; a=1; b=2; n" },
		{ "a=mine", "a=mine; b=2; n" },
		{ " b = ; a=mine; ", " b = ; a=mine; ; b=2; n" },
		{ "aa=mine; =n", "aa=mine; =n; a=1; b=2" },
		{ "a", "a; a=1; b=2" },
		{ "b=1;a=", "b=1;a=; n" },
	};
	CHECK_INT(set("http://example.org/", "a=1"), 0);
	CHECK_INT(set("http://example.org/", "b=2"), 0);
	CHECK_INT(set("http://example.org/", "n"), 0);
	for (size_t i = 0; i < LENGTH(table); i++)
		CHECK_STR(sent_with("http://example.org/", table[i][0]), table[i][1]);
	CHECK_STR(sent_with("http://other.example/", "q=r"), "q=r");
}

TEST(a_date_is_read_however_it_is_written)
{
	static const struct {
		const char *text;
		long long time; /* -1: it is none */
	} table[] = {
		{ "Mon, 10-Dec-2007 17:02:24 GMT", 1197306144 },
		{ "Wed, 09 Dec 2009 16:27:23 GMT", 1260376043 },
		{ "Thursday, 01-Jan-1970 00:00:00 GMT", 0 },
		{ "Mon Dec 24 16:32:39 1977 GMT", 251829159 },
		{ "Wednesday, 01-Jan-10 00:00:00 GMT", 1262304000 },
		{ "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
		{ "Sun Nov  6 08:49:37 1994", 784111777 },
		{ "6 nov 1994 8:49:37", 784111777 },
		{ "1994 november 06 08:49:37junk", 784111777 },
		{ "08:49:37 6th NOVEMBER 1994AD", 784111777 },
		{ "94 Nov 6 08:49:37", -1 },
		{ "Sun, 06 Nov 69 08:49:37 GMT", 3150953377 },
		{ "Sun, 06 Nov 70 08:49:37 GMT", 26729377 },
		{ "Mon, 10-Dec-20071 17:02:24 GMT", -1 },
		{ "Mon, 31-Feb-2007 17:02:24 GMT", -1 },
		{ "Thu, 29-Feb-2024 00:00:00 GMT", 1709164800 },
		{ "Wed, 29-Feb-2023 00:00:00 GMT", -1 },
		{ "Mon, 10-Dec-1600 17:02:24 GMT", -1 },
		{ "Mon, 10-Dec-1601 17:02:24 GMT", -11614777056 },
		{ "Mon, 00-Dec-2007 17:02:24 GMT", -1 },
		{ "Mon, 32-Dec-2007 17:02:24 GMT", -1 },
		{ "Mon, 10-Dec-2007 24:02:24 GMT", -1 },
		{ "Mon, 10-Dec-2007 17:60:24 GMT", -1 },
		{ "Mon, 10-Dec-2007 17:02:60 GMT", -1 },
		{ "Mon, 10-Dec-2007 17:02 GMT", -1 },
		{ "Mon, 10-Dec-2007 017:02:24 GMT", -1 },
		{ "Mon, 10-De-2007 17:02:24 GMT", -1 },
		{ "10 Dec 17:02:24", -1 },
		{ "1197306144", -1 },
		{ "", -1 },
	};
	for (size_t i = 0; i < LENGTH(table); i++) {
		int64_t time = -1;
		const struct bide__piece text = { table[i].text, strlen(table[i].text) };
		CHECK_INT(bide__cookie_date(text, &time), table[i].time != -1);
		if (time != table[i].time)
			FAIL("%s: %lld", table[i].text, (long long)time);
	}
}
