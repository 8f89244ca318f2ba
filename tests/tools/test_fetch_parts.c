// SPDX-License-Identifier: MIT
/* Tests of the parts of bide fetch that need no server: texts, names of files, the journal, the
 * distribution of times, the bar's line. */
#include "harness/test.h"

#include "../tools/fetch_bar.h"
#include "../tools/fetch_hash.h"
#include "../tools/fetch_journal.h"
#include "../tools/fetch_percentiles.h"
#include "../tools/fetch_store.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- texts -------------------------------------------------------------------------------- */

TEST(a_text_grows_as_it_is_built)
{
	struct text text = TEXT_NONE;
	for (int i = 0; i < 1000; i++)
		text_format(&text, "%d,%s", i % 10, i == 999 ? "" : "x");
	CHECK_UINT(text.size, 2999);
	CHECK_STR(text.data + 2994, "8,x9,");
	char *longer = malloc(5001);
	CHECK(longer != NULL);
	memset(longer, 'y', 5000);
	longer[5000] = '\0';
	text_clear(&text);
	text_format(&text, "<%s>", longer);
	CHECK_UINT(text.size, 5002);
	CHECK_STR(text.data + 4999, "yy>");
	free(longer);
	text_free(&text);
}

TEST(strings_are_escaped_for_json_and_xml)
{
	struct text text = TEXT_NONE;
	text_put_json(&text, "a\"b\\c\n\x7f\xc3\xa9\xc3");
	CHECK_STR(text.data, "\"a\\\"b\\\\c\\u000a\\u007f\xc3\xa9\\ufffd\"");
	text_clear(&text);
	text_put_json(&text, "\xc2\x80\xc2\x9b"
	                     "31m\xc2\x9f\xc2\xa0");
	CHECK_STR(text.data, "\"\\u0080\\u009b31m\\u009f\xc2\xa0\"");
	text_clear(&text);
	text_put_xml(&text, "<a href='x' b=\"y\">&");
	CHECK_STR(text.data, "&lt;a href=&#39;x&#39; b=&quot;y&quot;&gt;&amp;");
	text_free(&text);
}

TEST(sizes_are_for_people)
{
	static const struct {
		double bytes;
		const char *words;
	} known[] = { { 0, "0 B" },         { 999, "999 B" },    { 1000, "1.0 kB" },
		      { 99949, "99.9 kB" }, { 99951, "100 kB" }, { 1234567, "1.2 MB" },
		      { 5e9, "5.0 GB" },    { 2e18, "2000 PB" } };
	struct text text = TEXT_NONE;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		text_clear(&text);
		text_put_size(&text, known[i].bytes);
		EXPECT_STR(text.data, known[i].words);
	}
	text_free(&text);
}

/* ---- URLs --------------------------------------------------------------------------------- */

TEST(a_key_has_no_credentials_and_no_fragment)
{
	static const char *const known[][2] = {
		{ "http://h/a?b#c", "http://h/a?b" },
		{ "http://u:p@h/a@b", "http://h/a@b" },
		{ "http://u:p@x@h:80/", "http://h:80/" },
		{ "http://u:p/q@h/", "http://h/" },
		{ "http://u:p#q@h/#f", "http://h/" },
		{ "http://[::1]:80/@x", "http://[::1]:80/@x" },
		{ "http:////u:p@h/", "http:////h/" },
		{ "http:/u:p@h/", "h/" },
		{ "u:p@h/", "h/" },
		{ "//u:p@h/", "h/" },
		{ " http://u:p@h/", "h/" },
		{ "\"http://u:p@h/\"", "h/\"" },
		{ "view-source:http://u:p@h/", "h/" },
		{ "URL:http://h/", "URL:http://h/" },
		{ "", "" },
	};
	struct text text = TEXT_NONE;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		text_clear(&text);
		fetch_put_key(&text, known[i][0]);
		EXPECT_STR(text.data, known[i][1]);
	}
	text_free(&text);
}

TEST(a_url_for_people_is_printable)
{
	struct text text = TEXT_NONE;
	fetch_put_url(&text, "http://u@h/\x1b[31m \xc3\xa9");
	CHECK_STR(text.data, "http://h/%1B[31m%20%C3%A9");
	text_free(&text);
}

TEST(names_are_made_of_the_last_segment_and_the_query)
{
	static const char *const known[][2] = {
		{ "http://h/a/b.html", "b.html" },
		{ "http://h", "index" },
		{ "http://h/", "index" },
		{ "http://h/a/", "index" },
		{ "http://h?x=1", "index@x=1" },
		{ "http://h/a.php?b=c&d=e/f", "a.php@b=c_d=e_f" },
		{ "http://h/a?", "a" },
		{ "http://h/a%20b%2Fc%3a", "a_b_c_" },
		{ "http://h/%c3%A9\xc3\xa9", "%c3%A9%C3%A9" },
		{ "http://h/%", "%" },
		{ "http://h/%2", "%2" },
		{ "http://h/%zz%00", "%zz_" },
		{ "http://h/..", "_._" },
		{ "http://h/.", "_" },
		{ "http://h/.bide-fetch", "_bide-fetch" },
		{ "http://h/-rf", "_rf" },
		{ "http://h/a.", "a._" },
		{ "http://h/a.part", "a.part_" },
		{ "http://h/A.PART", "A.PART_" },
		{ "http://h/con", "_con" },
		{ "http://h/Aux.h", "_Aux.h" },
		{ "http://h/com1", "_com1" },
		{ "http://h/com", "com" },
		{ "http://h/~", "_" },
		{ "http://h/%7eroot", "_root" },
		{ "http://h/=ls", "_ls" },
		{ "http://h/a~=", "a~=" },
		{ "http://h/a?b#POST-0123", "a@b" },
		{ "http://h/a#PUT", "a" },
		{ "nonsense", "index" },
		{ "", "index" },
	};
	char name[FETCH_NAME_MAX];
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		fetch_make_name(known[i][0], 0, name);
		EXPECT_STR(name, known[i][1]);
		EXPECT(fetch_is_name(name));
	}
}

TEST(names_of_others_have_a_hash_before_their_ending)
{
	char one[FETCH_NAME_MAX], two[FETCH_NAME_MAX], other[FETCH_NAME_MAX];
	fetch_make_name("http://h/a.html", 1, one);
	fetch_make_name("http://h/a.html", 2, two);
	fetch_make_name("http://g/a.html", 1, other);
	CHECK_UINT(strlen(one), strlen("a-0123456789ab.html"));
	CHECK_MEM(one, "a-", 2);
	CHECK_STR(one + strlen(one) - 5, ".html");
	CHECK(strcmp(one, other) != 0);
	CHECK_UINT(strlen(two), strlen(one) + 2);
	CHECK_STR(two + strlen(two) - 7, "-2.html");
	fetch_make_name("http://h/a.b?x", 1, one);
	CHECK_MEM(one, "a.b@x-", 6);
}

TEST(names_that_are_too_long_are_cut_and_have_a_hash)
{
	char url[600] = "http://h/", one[FETCH_NAME_MAX], two[FETCH_NAME_MAX];
	memset(url + 9, 'a', 500);
	fetch_make_name(url, 0, one);
	url[400] = 'b';
	fetch_make_name(url, 0, two);
	CHECK_UINT(strlen(one), FETCH_NAME_MAX - 1);
	CHECK_MEM(one, two, 220);
	CHECK(strcmp(one, two) != 0 && fetch_is_name(one) && fetch_is_name(two));
}

TEST(what_could_lead_elsewhere_is_no_name)
{
	static const char *const bad[] = { "",     ".",    "..",    ".x",     "a/b", "a b",
		                           "-x",   "a\n",  "a\t",   "x.part", "nul", "x.",
		                           "a\\b", "\xc3", "~root", "=ls" };
	char longer[FETCH_NAME_MAX + 1];
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		EXPECT(!fetch_is_name(bad[i]));
	memset(longer, 'x', FETCH_NAME_MAX);
	longer[FETCH_NAME_MAX] = '\0';
	CHECK(!fetch_is_name(longer));
	CHECK(fetch_is_name(longer + 1));
}

/* ---- hashes ------------------------------------------------------------------------------- */

/* Of the key 00, 01 … 0f, from the authors' own vectors. */
TEST(a_keyed_hash_is_that_of_its_authors)
{
	static const struct fetch_secret secret = { { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };
	unsigned char bytes[15];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	CHECK_UINT(fetch_keyed_hash(&secret, bytes, 0), 0x726fdb47dd0e0e31);
	CHECK_UINT(fetch_keyed_hash(&secret, bytes, 1), 0x74f839c593dc67fd);
	CHECK_UINT(fetch_keyed_hash(&secret, bytes, 8), 0x93f5f5799a932462);
	CHECK_UINT(fetch_keyed_hash(&secret, bytes, 15), 0xa129ca6149be45e5);
}

/* ---- the journal -------------------------------------------------------------------------- */

TEST(a_table_finds_what_was_put)
{
	struct fetch_table table = { NULL, 0, 0 };
	for (uint64_t i = 0; i < 10000; i++) {
		uint64_t *value = fetch_table_at(&table, i * i);
		CHECK(value != NULL && *value == 0);
		*value = i + 1;
		/* 0 and 1 are one key. */
		if (i == 0)
			*value = 0;
	}
	for (uint64_t i = 1; i < 10000; i++)
		CHECK_UINT(*fetch_table_at(&table, i * i), i + 1);
	CHECK_UINT(table.n, 9999);
	fetch_table_free(&table);
}

static int open_directory(void)
{
	return open(test_directory(), O_RDONLY | O_DIRECTORY);
}

TEST(the_last_line_of_a_url_counts)
{
	char name[FETCH_NAME_MAX];
	const int directory = open_directory();
	struct fetch_journal journal;
	struct fetch_record record = { false, 0, "x", "\"v\"", "http://h/x" };
	CHECK(directory >= 0);
	CHECK_INT(fetch_journal_open(&journal, directory), 0);
	CHECK_INT(fetch_journal_find(&journal, "http://h/x", &record), 0);
	CHECK_INT(fetch_journal_name(&journal, "http://h/x", name), 0);
	CHECK_STR(name, "x");
	CHECK_INT(fetch_journal_add(&journal, &record), 0);
	record.whole = true;
	record.size = 7;
	CHECK_INT(fetch_journal_add(&journal, &record), 0);
	fetch_journal_close(&journal);

	CHECK_INT(fetch_journal_open(&journal, directory), 0);
	CHECK_INT(fetch_journal_find(&journal, "http://h/x", &record), 1);
	CHECK(record.whole && record.size == 7);
	CHECK_STR(record.name, "x");
	CHECK_STR(record.validator, "\"v\"");
	CHECK_INT(fetch_journal_find(&journal, "http://h/", &record), 0);
	CHECK_INT(fetch_journal_name(&journal, "http://g/X", name), 0);
	CHECK_MEM(name, "X-", 2);
	fetch_journal_close(&journal);
	close(directory);
}

/* Of the stable hash anybody knows how to make them: these two have the same. */
static const char *const twins[] = { "8yn0iYCKYHlIj4-BwPqk/x", "GReLUrM4wMqfg9yzV3KQ/x" };

TEST(urls_that_were_made_to_have_one_hash_have_two_files)
{
	char one[FETCH_NAME_MAX], other[FETCH_NAME_MAX];
	const int directory = open_directory();
	struct fetch_journal journal;
	CHECK(directory >= 0);
	CHECK_UINT(fetch_hash(twins[0]), fetch_hash(twins[1]));
	CHECK_INT(fetch_journal_open(&journal, directory), 0);
	CHECK_INT(fetch_journal_name(&journal, twins[0], one), 0);
	CHECK_INT(fetch_journal_name(&journal, twins[1], other), 0);
	CHECK_STR(one, "x");
	CHECK_MEM(other, "x-", 2);
	struct fetch_record record = { true, 7, one, "-", twins[0] };
	CHECK_INT(fetch_journal_add(&journal, &record), 0);
	record = (struct fetch_record){ true, 8, other, "-", twins[1] };
	CHECK_INT(fetch_journal_add(&journal, &record), 0);
	CHECK_INT(fetch_journal_find(&journal, twins[0], &record), 1);
	CHECK_STR(record.name, one);
	CHECK_INT(fetch_journal_find(&journal, twins[1], &record), 1);
	CHECK_STR(record.name, other);
	fetch_journal_close(&journal);
	close(directory);
}

TEST(urls_that_were_made_to_have_one_hash_are_not_repeated)
{
	struct fetch_store store;
	struct fetch_place place = { .fd = -1 };
	CHECK_INT(fetch_store_open(&store, test_directory(), false, "GET", NULL), 0);
	CHECK_INT(fetch_store_take(&store, twins[0], &place), FETCH_WANTED);
	CHECK_INT(fetch_store_take(&store, twins[1], &place), FETCH_WANTED);
	CHECK_INT(fetch_store_take(&store, twins[0], &place), FETCH_TWICE);
	text_free(&place.key);
	fetch_store_close(&store);
}

/* A tab would end the field, and a server says what it likes. */
TEST(a_tag_with_a_tab_is_not_kept)
{
	const int directory = open_directory();
	struct fetch_journal journal;
	struct fetch_record record = { true, 7, "x", "\"a\tb\"", "http://h/x" };
	CHECK(directory >= 0);
	CHECK_INT(fetch_journal_open(&journal, directory), 0);
	CHECK_INT(fetch_journal_add(&journal, &record), 0);
	CHECK_INT(fetch_journal_find(&journal, "http://h/x", &record), 1);
	CHECK_STR(record.validator, "-");
	CHECK(record.whole && record.size == 7);
	fetch_journal_close(&journal);
	close(directory);
}

TEST(what_is_no_file_is_no_journal)
{
	const int directory = open_directory();
	struct fetch_journal journal;
	CHECK(directory >= 0);
	CHECK_INT(mkfifoat(directory, ".bide-fetch", 0600), 0);
	CHECK_INT(fetch_journal_open(&journal, directory), -EILSEQ);
	close(directory);
}

TEST(a_journal_has_one_writer)
{
	const int directory = open_directory();
	struct fetch_journal one, other;
	CHECK(directory >= 0);
	CHECK_INT(fetch_journal_open(&one, directory), 0);
	CHECK_INT(fetch_journal_open(&other, directory), -EBUSY);
	fetch_journal_close(&one);
	CHECK_INT(fetch_journal_open(&other, directory), 0);
	fetch_journal_close(&other);
	close(directory);
}

/* ---- times -------------------------------------------------------------------------------- */

TEST(percentiles_are_those_of_the_sorted_times)
{
	static struct fetch_times times;
	CHECK_DOUBLE(fetch_times_at(&times, 0.5), 0);
	for (int i = 1; i <= 1000; i++)
		fetch_times_add(&times, i * 1e-3);
	static const double fractions[] = { 0.001, 0.5, 0.9, 0.99, 1 };
	for (size_t i = 0; i < sizeof(fractions) / sizeof(*fractions); i++) {
		const double exact = ceil(fractions[i] * 1000) * 1e-3;
		const double found = fetch_times_at(&times, fractions[i]);
		EXPECT(found >= exact - 1e-9 && found <= exact * (1 + 1.0 / 64));
	}
	CHECK(fabs(fetch_times_at(&times, 1) - 1) < 1e-9);
}

TEST(times_of_any_length_are_counted)
{
	static const double lengths[] = { 0, 1e-9, 63e-9, 64e-9, 1e-3, 1, 3600, 86400 };
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		static struct fetch_times times;
		times = (struct fetch_times){ .n = 0 };
		fetch_times_add(&times, lengths[i]);
		fetch_times_add(&times, 1e9);
		const double found = fetch_times_at(&times, 0.5);
		EXPECT(found >= lengths[i] - 1e-9 && found <= lengths[i] * (1 + 1.0 / 64) + 1e-9);
	}
}

TEST(a_negative_time_counts_as_none)
{
	static struct fetch_times times;
	fetch_times_add(&times, -1);
	fetch_times_add(&times, (double)NAN);
	CHECK_UINT(times.n, 2);
	CHECK_DOUBLE(fetch_times_at(&times, 1), 0);
}

/* ---- the bar ------------------------------------------------------------------------------ */

static void check_bar(const struct fetch_progress *progress, int columns, const char *expected)
{
	struct text text = TEXT_NONE;
	fetch_bar_put(&text, progress, columns, false);
	EXPECT_STR(text.data, expected);
	text_free(&text);
}

TEST(a_bar_has_the_room_that_words_leave)
{
	struct fetch_progress progress = {
		.done = 5, .fraction = 0.5, .rate = 2.5, .left = 3700, .bytes = 1500
	};
	check_bar(&progress, 60, "[##########----------] 5 done, 2.5/s, 1.5 kB/s, 1:01:40 left");
	check_bar(&progress, 40, "5 done, 2.5/s, 1.5 kB/s, 1:01:40 left");
	check_bar(&progress, 36, "5 done, 2.5/s, 1.5 kB/s");
	check_bar(&progress, 10, "5 done");
	check_bar(&progress, 6, "5 done");
	check_bar(&progress, 5, "5 don");
	check_bar(&progress, 0, "");
	progress.failed = 2;
	progress.left = 59.4;
	check_bar(&progress, 61, "[#######-------] 5 done, 2 failed, 2.5/s, 1.5 kB/s, 59 s left");
}

TEST(a_bar_without_an_end_is_words)
{
	const struct fetch_progress progress = {
		.done = 5, .fraction = (double)NAN, .rate = 250, .left = (double)NAN
	};
	check_bar(&progress, 80, "5 done, 250/s, 0 B/s");
}
