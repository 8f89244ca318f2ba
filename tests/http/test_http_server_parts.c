// SPDX-License-Identifier: MIT
/* Parts of the server that need none: dates, types of files, paths. */
#include "harness/test.h"
#include "http/date.h"
#include "http/mime.h"
#include "http/target.h"

#include "base/alloc.h"

#include <errno.h>
#include <string.h>

static const char *written(time_t time)
{
	static char text[BIDE__HTTP_DATE_SIZE];
	return bide__http_date_format(time, text);
}

TEST(dates_are_written_as_http_has_them)
{
	CHECK_STR(written(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
	CHECK_STR(written(0), "Thu, 01 Jan 1970 00:00:00 GMT");
	CHECK_STR(written(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
	CHECK_STR(written(-1), "Wed, 31 Dec 1969 23:59:59 GMT");
}

TEST(dates_out_of_reach_are_the_nearest)
{
	CHECK_STR(written(INT64_MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
	CHECK_STR(written(INT64_MIN), "Sat, 01 Jan 0000 00:00:00 GMT");
}

static long long read_date(const char *text)
{
	time_t time = -2;
	int rc = bide__http_date_parse(text, &time);
	return rc < 0 ? rc : time;
}

TEST(dates_are_read_in_three_forms)
{
	CHECK_INT(read_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
	CHECK_INT(read_date("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
	CHECK_INT(read_date("Sun Nov  6 08:49:37 1994"), 784111777);
	CHECK_INT(read_date("Wed, 31 Dec 1969 23:59:58 GMT"), -2);
}

TEST(what_is_no_date_is_refused)
{
	static const char *const texts[] = { "",
		                             "0",
		                             "Sun, 06 Nov 1994 08:49:37",
		                             "Sun, 06 Nov 1994 08:49:37 CET",
		                             "Sun, 06 Nov 1994 08:49:37 GMT ",
		                             "Sun, 06 Xxx 1994 08:49:37 GMT",
		                             "Sun, 32 Nov 1994 08:49:37 GMT",
		                             "Sun, 06 Nov 1994 24:49:37 GMT",
		                             "Sun, 06 Nov 1994 08:60:37 GMT",
		                             "Sun, 06 Nov 1994 08:49:61 GMT",
		                             "Sun, 06 Nov -994 08:49:37 GMT",
		                             "784111777" };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		CHECK_INT(read_date(texts[i]), -EINVAL);
}

TEST(files_are_what_their_names_end_with)
{
	CHECK_STR(bide__http_mime("a.html"), "text/html; charset=utf-8");
	CHECK_STR(bide__http_mime("a.JPG"), "image/jpeg");
	CHECK_STR(bide__http_mime("a.7z"), "application/x-7z-compressed");
	CHECK_STR(bide__http_mime("a.zst"), "application/zstd");
	CHECK_STR(bide__http_mime("a.tar.gz"), "application/gzip");
	CHECK_STR(bide__http_mime("a.js"), "text/javascript; charset=utf-8");
	CHECK_STR(bide__http_mime("x/a.svg"), "image/svg+xml");
	CHECK_STR(bide__http_mime("a"), "application/octet-stream");
	CHECK_STR(bide__http_mime("a."), "application/octet-stream");
	CHECK_STR(bide__http_mime("x.html/a"), "application/octet-stream");
}

/* ---- paths -------------------------------------------------------------------------------- */

static struct bide__string path;
static bool directory;

static int taken(const char *target)
{
	return bide__http_target_path(target, false, &path, &directory);
}

static void check_path(const char *target, const char *expected, bool is_directory)
{
	CHECK_INT(taken(target), 0);
	CHECK_STR(path.data, expected);
	CHECK_UINT(path.size, strlen(expected));
	CHECK_INT(directory, is_directory);
}

TEST(paths_are_names_with_one_slash_between)
{
	check_path("/", "", true);
	check_path("/?q", "", true);
	check_path("/a", "a", false);
	check_path("/a/b.c?d/e", "a/b.c", false);
	check_path("/a/b/", "a/b", true);
	check_path("///a////b", "a/b", false);
	check_path("/%61%62", "ab", false);
	bide__string_free(&path);
}

TEST(dots_are_taken_away)
{
	check_path("/.", "", true);
	check_path("/./a/.", "a", true);
	check_path("/a/..", "", true);
	check_path("/a/b/../c", "a/c", false);
	check_path("/a/b/../../c/d/..", "c", true);
	check_path("/a/%2e%2E/b", "b", false);
	CHECK_INT(taken("/.."), 400);
	CHECK_INT(taken("/a/../.."), 400);
	CHECK_INT(taken("/a/../../a"), 400);
	CHECK_INT(taken("/..."), 404);
	bide__string_free(&path);
}

TEST(what_is_no_path_is_refused)
{
	CHECK_INT(taken(""), 400);
	CHECK_INT(taken("*"), 400);
	CHECK_INT(taken("a"), 400);
	CHECK_INT(taken("/%"), 400);
	CHECK_INT(taken("/%0"), 400);
	CHECK_INT(taken("/%00"), 400);
	CHECK_INT(taken("/%0g"), 400);
	CHECK_INT(taken("/a%2fb"), 404);
	CHECK_INT(taken("/.a"), 404);
	bide__string_free(&path);
}

TEST(no_memory_for_a_path_is_told)
{
	bide__alloc_arm(1);
	CHECK_INT(taken("/a"), -ENOMEM);
	bide__alloc_disarm();
	bide__string_free(&path);
}

TEST(paths_are_encoded_so_that_they_are_read_back)
{
	struct bide__string out = { NULL, 0, 0, false };
	bide__http_put_path(&out, "a b/\xc3\xa4%?#:\"<~");
	bide__string_put_char(&out, '\0');
	CHECK_STR(out.data, "a%20b/%C3%A4%25%3F%23%3A%22%3C~");
	bide__string_free(&out);
}
