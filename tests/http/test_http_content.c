// SPDX-License-Identifier: MIT
/* What fields say of a body, and text of any charset in UTF-8. */
#include "harness/test.h"
#include "http/content.h"
#include "http/text.h"

#include "base/alloc.h"

#include <bide/base.h>

#include <errno.h>
#include <string.h>

/* ---- fields ------------------------------------------------------------------------------- */

TEST(a_length_is_a_number)
{
	CHECK_INT(bide__content_length("0"), 0);
	CHECK_INT(bide__content_length(" 12 "), 12);
	CHECK_INT(bide__content_length("9223372036854775807"), INT64_MAX);
	static const char *const bad[] = {
		"", "-1", "+1", "1 2", "1,1", "0x1", "9223372036854775808"
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(bide__content_length(bad[i]) < 0);
}

TEST(a_range_is_of_something)
{
	const struct {
		const char *value;
		int64_t first, last, total;
	} good[] = { { "bytes 0-499/1234", 0, 499, 1234 },
		     { "Bytes 0-0/1", 0, 0, 1 },
		     { " bytes  500-1233/* ", 500, 1233, -1 },
		     { "bytes */1234", -1, -1, 1234 },
		     { "bytes */0", -1, -1, 0 },
		     { "bytes 0-9223372036854775806/9223372036854775807", 0, INT64_MAX - 1,
		       INT64_MAX } };
	struct bide__range range = { 7, 7, 7 };
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		CHECK(bide__content_range(good[i].value, &range));
		CHECK_INT(range.first, good[i].first);
		CHECK_INT(range.last, good[i].last);
		CHECK_INT(range.total, good[i].total);
	}
}

TEST(a_range_that_makes_no_sense_is_none)
{
	static const char *const bad[] = { "",
		                           "bytes",
		                           "bytes ",
		                           "bytes 0-",
		                           "bytes 5-4/10",
		                           "bytes 0-10/10",
		                           "bytes 0-1",
		                           "bytes */*",
		                           "bytes -5/10",
		                           "bytes 0-1/2x",
		                           "bytes 0 -1/2",
		                           "items 0-1/2",
		                           "bytes 0-9223372036854775807/*",
		                           "bytes 0-9223372036854775808/*",
		                           "bytes=0-1/2" };
	struct bide__range range = { 7, 7, 7 };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!bide__content_range(bad[i], &range));
	CHECK_INT(range.first, 7);
	CHECK_INT(range.total, 7);
}

TEST(a_type_has_two_halves)
{
	const struct {
		const char *value, *type;
	} cases[] = { { "text/html", "text/html" },
		      { " Text/HTML ; charset=x", "text/html" },
		      { "application/ld+json;a=b", "application/ld+json" },
		      { "", "" },
		      { "text", "" },
		      { "text/", "" },
		      { "/html", "" },
		      { "text/html, text/plain", "" },
		      { "text /html", "" } };
	char type[12];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char room[64];
		bide__content_type(cases[i].value, room, sizeof room);
		CHECK_STR(room, cases[i].type);
	}
	bide__content_type("abcde/ghijk", type, sizeof type);
	CHECK_STR(type, "abcde/ghijk");
	bide__content_type("abcde/ghijkl", type, sizeof type);
	CHECK_STR(type, "");
}

TEST(a_type_has_parameters)
{
	const struct {
		const char *value, *charset;
	} cases[] = { { "text/html;charset=utf-8", "utf-8" },
		      { "text/html; Charset=\"utf-8\"", "utf-8" },
		      { "text/html ; a=\"x;charset=y\\\"\" ; charset=z", "z" },
		      { "text/html;; charset=a; charset=b", "a" },
		      { "text/html", NULL },
		      { "text/html; charset", NULL },
		      { "text/html; charset=", NULL },
		      { "text/html; charset =a", NULL },
		      { "text/html; charset=\"a", NULL },
		      { "text/html; xcharset=a", NULL },
		      { "text/html; charset=0123456789012345", NULL } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[16];
		const bool found =
			bide__content_parameter(cases[i].value, "charset", text, sizeof text);
		CHECK_STR(found ? text : NULL, cases[i].charset);
	}
}

/* ---- charsets ----------------------------------------------------------------------------- */

/* What becomes of a text that is said to be of a charset. */
static const char *in_utf8(const char *label, const char *data, size_t size)
{
	static char text[4096];
	struct bide__string out = { NULL, 0, 0, false };
	const char *charset = bide__charset(label);
	if (charset == NULL)
		return NULL;
	int rc = bide__to_utf8(charset, data, size, &out);
	if (rc < 0)
		return bide_strerror(rc);
	CHECK_RET(out.size == strlen(out.data) && out.size < sizeof text, "a NUL");
	CHECK_RET(bide__is_utf8(out.data, out.size), "no UTF-8");
	strcpy(text, out.data);
	bide__string_free(&out);
	return text;
}

#define IN_UTF8(label, text) in_utf8(label, text, sizeof(text) - 1)

TEST(text_of_many_charsets_is_understood)
{
	CHECK_STR(IN_UTF8("utf-8", "J\xc3\xb6rg"), "J\xc3\xb6rg");
	CHECK_STR(IN_UTF8("ISO-8859-1", "J\xf6rg \x80\x93"),
	          "J\xc3\xb6rg \xe2\x82\xac\xe2\x80\x9c");
	CHECK_STR(IN_UTF8("latin1", "\xe9"), "\xc3\xa9");
	CHECK_STR(IN_UTF8("iso-8859-15", "\xa4"), "\xe2\x82\xac");
	CHECK_STR(IN_UTF8("koi8-r", "\xd0\xd2"), "\xd0\xbf\xd1\x80");
	CHECK_STR(IN_UTF8("windows-1251", "\xef"), "\xd0\xbf");
	CHECK_STR(IN_UTF8("Shift_JIS", "\x93\xfa\x96\x7b"), "\xe6\x97\xa5\xe6\x9c\xac");
	CHECK_STR(IN_UTF8("euc-jp", "\xc6\xfc\xcb\xdc"), "\xe6\x97\xa5\xe6\x9c\xac");
	CHECK_STR(IN_UTF8("iso-2022-jp", "\x1b$BF|K\\\x1b(B!"), "\xe6\x97\xa5\xe6\x9c\xac!");
	CHECK_STR(IN_UTF8("gb2312", "\xd6\xd0"), "\xe4\xb8\xad");
	CHECK_STR(IN_UTF8("big5", "\xa4\xa4"), "\xe4\xb8\xad");
	CHECK_STR(IN_UTF8("euc-kr", "\xc7\xd1"), "\xed\x95\x9c");
	CHECK_STR(IN_UTF8("utf-16", "a\0\x3d\xd8\0\xde"), "a\xf0\x9f\x98\x80");
	CHECK_STR(IN_UTF8("utf-16be", "\0a\xd8\x3d\xde\0"), "a\xf0\x9f\x98\x80");
}

/* Each of the names, as this system's iconv knows them all. */
TEST(each_charset_is_known_to_the_system)
{
	static const char *const labels[] = {
		"utf-8",       "latin1",       "utf-16le",     "utf-16be",       "latin2",
		"latin3",      "latin4",       "iso-8859-5",   "arabic",         "greek",
		"hebrew",      "latin6",       "iso-8859-13",  "iso-8859-14",    "iso-8859-15",
		"iso-8859-16", "ibm866",       "koi8-r",       "koi8-u",         "macintosh",
		"windows-874", "windows-1250", "windows-1251", "x-mac-cyrillic", "windows-1253",
		"latin5",      "windows-1255", "windows-1256", "windows-1257",   "windows-1258",
		"gbk",         "big5",         "euc-jp",       "iso-2022-jp",    "shift_jis",
		"euc-kr",
	};
	for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
		CHECK_STR(in_utf8(labels[i], "aa", 2), i == 2 || i == 3 ? "\xe6\x85\xa1" : "aa");
}

TEST(charsets_that_browsers_do_not_know_are_not_known)
{
	static const char *const labels[] = { "",        "utf-7",           "utf-32",
		                              "unknown", "utf-8//TRANSLIT", "ISO-2022-CN-EXT",
		                              "utf",     "utf-8 utf8" };
	for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
		CHECK_NULL(bide__charset(labels[i]));
}

#define BAD "\xef\xbf\xbd"

TEST(what_makes_no_sense_is_replaced)
{
	CHECK_STR(IN_UTF8("utf-8", "a\xff"
	                           "b"),
	          "a" BAD "b");
	CHECK_STR(IN_UTF8("utf-8", "\xc0\xaf"), BAD BAD);
	CHECK_STR(IN_UTF8("utf-8", "\xed\xa0\x80"), BAD BAD BAD);
	CHECK_STR(IN_UTF8("utf-8", "\xf4\x90\x80\x80"), BAD BAD BAD BAD);
	CHECK_STR(IN_UTF8("utf-8", "\xe2\x82"), BAD);
	CHECK_STR(IN_UTF8("utf-8", "\xe2\x82"
	                           "A\xf0\x9f\x98"),
	          BAD "A" BAD);
	CHECK_STR(IN_UTF8("utf-8", "\xf0\x90\x80"), BAD);
	CHECK_STR(IN_UTF8("windows-1252", "a\x81z"), "a" BAD "z");
	CHECK_STR(IN_UTF8("shift_jis", "a\x93"), "a" BAD);
	CHECK_STR(IN_UTF8("utf-16", "a\0\0\xd8z\0"), "a" BAD "z");
	CHECK_STR(IN_UTF8("utf-16", "a\0z"), "a" BAD);
}

TEST(a_mark_tells_the_charset)
{
	size_t mark;
	CHECK_STR(bide__charset_of_mark("\xef\xbb\xbfx", 4, &mark), "UTF-8");
	CHECK_UINT(mark, 3);
	CHECK_STR(bide__charset_of_mark("\xff\xfex", 3, &mark), "UTF-16LE");
	CHECK_STR(bide__charset_of_mark("\xfe\xff", 2, &mark), "UTF-16BE");
	CHECK_UINT(mark, 2);
	CHECK_NULL(bide__charset_of_mark("\xef\xbb", 2, &mark));
	CHECK_NULL(bide__charset_of_mark("", 0, &mark));
	CHECK_UINT(mark, 0);
}

TEST(a_lack_of_memory_is_told)
{
	static char data[100000];
	memset(data, '\xe4', sizeof data);
	for (long k = 1; k < 8; k++) {
		struct bide__string out = { NULL, 0, 0, false };
		bide__alloc_arm(k);
		CHECK_INT(bide__to_utf8("CP1252", data, sizeof data, &out), -ENOMEM);
		bide__alloc_disarm();
		CHECK_NULL(out.data);
	}
}
