// SPDX-License-Identifier: MIT
/* text.c: see text.h. The charsets are those of the encoding standard of WHATWG: others are for
 * nobody but who wants to reach rarely used code of iconv's. */
#include "http/text.h"

#include "http/content.h"
#include "http/session.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

/* ---- names -------------------------------------------------------------------------------- */

/* Labels of a charset, a space between, and its name. What says that it is ISO 8859-1 or ASCII is
 * windows-1252, and so on: the larger charset of which it is a part. */
static const struct {
	const char *labels, *name;
} charsets[] = {
	{ "utf-8 utf8 unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8", "UTF-8" },
	{ "iso-8859-1 iso8859-1 iso88591 iso_8859-1 latin1 l1 us-ascii ascii ansi_x3.4-1968 "
	  "windows-1252 cp1252 x-cp1252 cp819 ibm819",
	  "CP1252" },
	{ "utf-16 utf-16le unicode ucs-2 iso-10646-ucs-2 csunicode unicodefeff", "UTF-16LE" },
	{ "utf-16be unicodefffe", "UTF-16BE" },
	{ "iso-8859-2 iso8859-2 iso88592 iso_8859-2 latin2 l2", "ISO-8859-2" },
	{ "iso-8859-3 iso8859-3 iso88593 iso_8859-3 latin3 l3", "ISO-8859-3" },
	{ "iso-8859-4 iso8859-4 iso88594 iso_8859-4 latin4 l4", "ISO-8859-4" },
	{ "iso-8859-5 iso8859-5 iso88595 iso_8859-5 cyrillic", "ISO-8859-5" },
	{ "iso-8859-6 iso8859-6 iso88596 iso_8859-6 arabic", "ISO-8859-6" },
	{ "iso-8859-7 iso8859-7 iso88597 iso_8859-7 greek", "ISO-8859-7" },
	{ "iso-8859-8 iso8859-8 iso88598 iso_8859-8 hebrew iso-8859-8-i logical", "ISO-8859-8" },
	{ "iso-8859-10 iso8859-10 iso885910 latin6 l6", "ISO-8859-10" },
	{ "iso-8859-13 iso8859-13 iso885913", "ISO-8859-13" },
	{ "iso-8859-14 iso8859-14 iso885914", "ISO-8859-14" },
	{ "iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9", "ISO-8859-15" },
	{ "iso-8859-16", "ISO-8859-16" },
	{ "ibm866 866 cp866 csibm866", "IBM866" },
	{ "koi8-r koi koi8 koi8_r cskoi8r", "KOI8-R" },
	{ "koi8-u koi8-ru", "KOI8-U" },
	{ "macintosh mac x-mac-roman csmacintosh", "MACINTOSH" },
	{ "x-mac-cyrillic x-mac-ukrainian", "MAC-UK" },
	{ "windows-874 dos-874 tis-620 iso-8859-11 iso8859-11 iso885911", "CP874" },
	{ "windows-1250 cp1250 x-cp1250", "CP1250" },
	{ "windows-1251 cp1251 x-cp1251", "CP1251" },
	{ "windows-1253 cp1253 x-cp1253", "CP1253" },
	{ "windows-1254 cp1254 x-cp1254 iso-8859-9 iso8859-9 iso88599 iso_8859-9 latin5 l5",
	  "CP1254" },
	{ "windows-1255 cp1255 x-cp1255", "CP1255" },
	{ "windows-1256 cp1256 x-cp1256", "CP1256" },
	{ "windows-1257 cp1257 x-cp1257", "CP1257" },
	{ "windows-1258 cp1258 x-cp1258", "CP1258" },
	{ "gb18030 gbk x-gbk gb2312 gb_2312 gb_2312-80 chinese csgb2312 iso-ir-58", "GB18030" },
	{ "big5 big5-hkscs cn-big5 csbig5 x-x-big5", "BIG5-HKSCS" },
	{ "euc-jp x-euc-jp cseucpkdfmtjapanese", "EUC-JP" },
	{ "iso-2022-jp csiso2022jp", "ISO-2022-JP" },
	{ "shift_jis shift-jis sjis x-sjis ms932 ms_kanji windows-31j csshiftjis", "CP932" },
	{ "euc-kr ks_c_5601-1987 ksc5601 ksc_5601 korean windows-949 cseuckr", "UHC" },
};

static bool has_label(const char *labels, const char *label)
{
	const size_t size = strlen(label);
	for (const char *at = labels; *at != '\0'; at += strspn(at, " ")) {
		const size_t length = strcspn(at, " ");
		if (length == size && strncasecmp(at, label, size) == 0)
			return true;
		at += length;
	}
	return false;
}

const char *bide__charset(const char *label)
{
	for (size_t i = 0; i < sizeof(charsets) / sizeof(*charsets); i++)
		if (has_label(charsets[i].labels, label))
			return charsets[i].name;
	return NULL;
}

const char *bide__charset_of_mark(const char *data, size_t size, size_t *ret_mark)
{
	*ret_mark = size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	if (*ret_mark > 0)
		return "UTF-8";
	*ret_mark =
		size >= 2 && (memcmp(data, "\xff\xfe", 2) == 0 || memcmp(data, "\xfe\xff", 2) == 0)
			? 2
			: 0;
	return *ret_mark == 0 ? NULL : data[0] == '\xff' ? "UTF-16LE" : "UTF-16BE";
}

/* ---- UTF-8 -------------------------------------------------------------------------------- */

/* The bytes of a character whose first byte is this one, 0 if there is none; and what the second
 * byte may be: Unicode, table 3-7. */
static int length_of(unsigned char first, unsigned char *ret_least, unsigned char *ret_most)
{
	*ret_least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	*ret_most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* The size of the character at the beginning, or, negative, that of what is none but could have
 * become one: at least one byte. */
static int character(const unsigned char *at, size_t left)
{
	unsigned char least, most;
	const int length = length_of(at[0], &least, &most);
	if (length == 0)
		return -1;
	for (int i = 1; i < length; i++, least = 0x80, most = 0xbf)
		if ((size_t)i >= left || at[i] < least || at[i] > most)
			return -i;
	return length;
}

/* The bytes from the beginning that are UTF-8. */
static size_t valid_size(const char *data, size_t size)
{
	const unsigned char *at = (const unsigned char *)data;
	size_t used = 0;
	while (used < size) {
		int n = at[used] < 0x80 ? 1 : character(at + used, size - used);
		if (n < 0)
			break;
		used += (size_t)n;
	}
	return used;
}

bool bide__is_utf8(const char *data, size_t size)
{
	return valid_size(data, size) == size;
}

#define REPLACEMENT "\xef\xbf\xbd"

static void repair(const char *data, size_t size, struct bide__string *out)
{
	while (size > 0 && !out->failed) {
		const size_t valid = valid_size(data, size);
		bide__string_add(out, data, valid);
		data += valid;
		size -= valid;
		if (size == 0)
			break;
		const size_t broken = (size_t)-character((const unsigned char *)data, size);
		bide__string_put(out, REPLACEMENT);
		data += broken;
		size -= broken;
	}
}

/* ---- others ------------------------------------------------------------------------------- */

/* Converts as much as goes. Bytes that were not are left: they make no sense, or end too early. */
static void convert(iconv_t converter, char **data, size_t *size, struct bide__string *out)
{
	char buffer[4096];
	bool goes_on = true;
	while (goes_on && !out->failed) {
		char *at = buffer;
		size_t room = sizeof(buffer);
		const size_t n = iconv(converter, data, size, &at, &room);
		goes_on = n == (size_t)-1 && errno == E2BIG;
		bide__string_add(out, buffer, sizeof(buffer) - room);
	}
}

int bide__to_utf8(const char *charset, const char *data, size_t size, struct bide__string *out)
{
	if (strcmp(charset, "UTF-8") == 0) {
		repair(data, size, out);
		return bide__string_end(out);
	}
	iconv_t converter = iconv_open("UTF-8", charset);
	if (converter == (iconv_t)-1)
		return errno == ENOMEM ? -ENOMEM : -BIDE_EHTTP_CHARSET;
	const bool wide = strncmp(charset, "UTF-16", 6) == 0;
	char *at = (char *)(uintptr_t)data;
	while (size > 0 && !out->failed) {
		convert(converter, &at, &size, out);
		if (size == 0)
			break;
		const size_t broken = wide && size > 1 ? 2 : 1;
		bide__string_put(out, REPLACEMENT);
		at += broken;
		size -= broken;
	}
	size = 0;
	convert(converter, NULL, &size, out);
	(void)iconv_close(converter);
	return bide__string_end(out);
}

/* ---- the call ----------------------------------------------------------------------------- */

/* What the head says, or UTF-8; NULL when that is not known. */
static const char *charset_of(const bide_http_response *response)
{
	enum { LABEL_MAX = 64 };
	char label[LABEL_MAX];
	const char *value = bide_http_header(response, "Content-Type", NULL);
	if (value == NULL || !bide__content_parameter(value, "charset", label, sizeof(label)))
		return "UTF-8";
	return bide__charset(label);
}

/* The text that has been made before. */
static ssize_t give_text(const bide_http_response *response, char **ret_text)
{
	*ret_text = response->text.data;
	return (ssize_t)response->text.size;
}

ssize_t bide_http_text(bide_http_response *response, char **ret_text)
{
	void *data;
	size_t mark;
	if (response->text.data != NULL)
		return give_text(response, ret_text);
	ssize_t n = bide_http_bytes(response, &data);
	if (n < 0)
		return n;
	const char *charset = bide__charset_of_mark(data, (size_t)n, &mark);
	char *text = (char *)data + mark;
	const size_t size = (size_t)n - mark;
	if (charset == NULL)
		charset = charset_of(response);
	if (charset == NULL)
		return -BIDE_EHTTP_CHARSET;
	if (strcmp(charset, "UTF-8") != 0 || !bide__is_utf8(text, size)) {
		int rc = bide__to_utf8(charset, text, size, &response->text);
		return rc < 0 ? rc : give_text(response, ret_text);
	}
	*ret_text = text;
	return (ssize_t)size;
}
