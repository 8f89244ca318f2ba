// SPDX-License-Identifier: MIT
/* What a server sends of a file, and of a directory. */
#include "http/server_kit.h"

#include <sys/resource.h>

/* ---- files -------------------------------------------------------------------------------- */

FILES_TEST(a_file_is_sent_with_what_is_known_of_it)
{
	put("page.html", "<p>hello");
	put_time("page.html", 784111777);
	start();
	CHECK_INT(get("/page.html"), 200);
	CHECK_STR(answer.body, "<p>hello");
	CHECK_STR(field("Content-Type"), "text/html; charset=utf-8");
	CHECK_STR(field("Last-Modified"), "Sun, 06 Nov 1994 08:49:37 GMT");
	CHECK_STR(field("Accept-Ranges"), "bytes");
	CHECK_STR(field("X-Content-Type-Options"), "nosniff");
	CHECK_INT(field("ETag")[0], '"');
	CHECK_UINT(strlen(field("Date")), 29);
	CHECK_STR(field("Connection"), "");
}

FILES_TEST(a_time_that_is_still_to_come_is_not_told)
{
	put("file", "hello");
	put_time("file", 4102444800);
	start();
	CHECK_INT(get("/file"), 200);
	CHECK_STR(field("Last-Modified"), field("Date"));
	CHECK_INT(ask("GET", "/file", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\n"), 304);
	CHECK_STR(field("Last-Modified"), field("Date"));
}

FILES_TEST(a_head_has_the_length_of_what_is_not_sent)
{
	put("file", "hello");
	start();
	bide_stream *stream = client();
	CHECK_INT(ask_on(stream, "HEAD", "/file", ""), 200);
	CHECK_STR(field("Content-Length"), "5");
	CHECK_INT(ask_on(stream, "HEAD", "/none", ""), 404);
	CHECK_INT(ask_on(stream, "HEAD", "/", ""), 200);
	CHECK_INT(ask_on(stream, "GET", "/file", ""), 200);
	CHECK_STR(answer.body, "hello");
	CHECK_INT(bide_stream_close(stream), 0);
}

FILES_TEST(files_of_all_sizes_are_sent_whole)
{
	static const size_t sizes[] = { 0, 1, 16383, 16384, 16385, 65536, 70000, 700000 };
	static char data[700000];
	char name[32];
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)(i * 2654435761u >> 13);
	start();
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		snprintf(name, sizeof name, "%zu", sizes[i]);
		put_bytes(name, data, sizes[i]);
		snprintf(name, sizeof name, "/%zu", sizes[i]);
		for (int twice = 0; twice < 2; twice++) {
			CHECK_INT(get(name), 200);
			CHECK_UINT(answer.size, sizes[i]);
			CHECK_MEM(answer.body, data, sizes[i]);
		}
	}
}

FILES_TEST(what_is_changed_is_sent_as_it_is_now)
{
	char etag[64];
	put("file", "one");
	put_time("file", 1000);
	start();
	CHECK_INT(get("/file"), 200);
	strcpy(etag, field("ETag"));
	put("file", "two");
	CHECK_INT(get("/file"), 200);
	CHECK_STR(answer.body, "two");
	CHECK(strcmp(field("ETag"), etag) != 0);
	put("other", "three");
	CHECK_INT(rename(test_path("root/other"), path_to("file")), 0);
	CHECK_INT(get("/file"), 200);
	CHECK_STR(answer.body, "three");
	CHECK_INT(unlink(path_to("file")), 0);
	CHECK_INT(get("/file"), 404);
	put("file", "four");
	CHECK_INT(get("/file"), 200);
	CHECK_STR(answer.body, "four");
}

FILES_TEST(names_are_decoded_once)
{
	put("a b%25", "1");
	put("\xc3\xa4.txt", "2");
	put("a?b#c", "3");
	start();
	CHECK_INT(get("/a%20b%2525"), 200);
	CHECK_STR(answer.body, "1");
	CHECK_INT(get("/a%20b%25"), 404);
	CHECK_INT(get("/%C3%a4.txt"), 200);
	CHECK_STR(answer.body, "2");
	CHECK_INT(get("/a%3fb%23c"), 200);
	CHECK_STR(answer.body, "3");
	CHECK_INT(get("/a%3"), 400);
	CHECK_INT(get("/a%"), 400);
	CHECK_INT(get("/a%zz"), 400);
	CHECK_INT(get("/a#b"), 400);
}

FILES_TEST(more_files_than_are_kept_open_are_sent)
{
	char name[32];
	start();
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 300; i++) {
			snprintf(name, sizeof name, "f%d", i);
			if (round == 0)
				put(name, name);
			snprintf(name, sizeof name, "/f%d", i);
			CHECK_INT(get(name), 200);
			CHECK_STR(answer.body, name + 1);
		}
	}
}

/* Leaves this process no descriptors more than it has; @p limit is the one that it had. */
static void allow_no_more(struct rlimit *limit)
{
	const int next = dup(0);
	EXPECT_INT(getrlimit(RLIMIT_NOFILE, limit), 0);
	EXPECT_INT(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ (rlim_t)next, limit->rlim_max }), 0);
	close(next);
}

FILES_TEST(files_that_are_kept_open_give_way)
{
	struct rlimit limit;
	put_directory("list");
	put("a", "a");
	put("b", "b");
	start();
	bide_stream *stream = client();
	for (int i = 0; i < 2; i++) {
		CHECK_INT(ask_on(stream, "GET", "/a", ""), 200);
		allow_no_more(&limit);
		CHECK_INT(ask_on(stream, "GET", i == 0 ? "/b" : "/list/", ""), 200);
		CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
	}
	CHECK_INT(bide_stream_close(stream), 0);
}

/* ---- directories -------------------------------------------------------------------------- */

FILES_TEST(a_directory_is_its_index)
{
	put_directory("sub");
	put("sub/index.html", "index");
	start();
	CHECK_INT(get("/sub/"), 200);
	CHECK_STR(answer.body, "index");
	CHECK_STR(field("Content-Type"), "text/html; charset=utf-8");
	CHECK_INT(get("/sub/index.html"), 200);
	CHECK_INT(get("/sub/index.html/"), 404);
	CHECK_INT(get("/sub/."), 200);
	CHECK_STR(answer.body, "index");
}

FILES_TEST(a_directory_without_its_slash_is_one_step_away)
{
	put_directory("a b");
	put_directory("a b/c");
	start();
	CHECK_INT(get("/a%20b?x=y"), 301);
	CHECK_STR(field("Location"), "/a%20b/?x=y");
	CHECK_INT(get("//a%20b//c"), 301);
	CHECK_STR(field("Location"), "/a%20b/c/");
	CHECK_INT(get("/a%20b/./c/../c"), 301);
	CHECK_STR(field("Location"), "/a%20b/c/");
}

/* "//host/" would be a URL of another host. */
FILES_TEST(no_redirect_leads_to_another_host)
{
	put_directory("example.org");
	start();
	CHECK_INT(get("//example.org"), 301);
	CHECK_STR(field("Location"), "/example.org/");
	CHECK_INT(get("//example.org/%2e%2e/example.org"), 301);
	CHECK_STR(field("Location"), "/example.org/");
}

FILES_TEST(a_directory_is_listed)
{
	put_directory("sub");
	put_directory("sub/zoo");
	put("sub/b", "x");
	put("sub/a", "x");
	start();
	CHECK_INT(get("/sub/"), 200);
	CHECK_STR(field("Content-Type"), "text/html; charset=utf-8");
	const char *up = strstr(answer.body, "<a href=\"../\">../</a>");
	const char *zoo = strstr(answer.body, "<a href=\"zoo/\">zoo/</a>");
	const char *a = strstr(answer.body, "<a href=\"a\">a</a>");
	const char *b = strstr(answer.body, "<a href=\"b\">b</a>");
	CHECK(up != NULL && zoo != NULL && a != NULL && b != NULL);
	CHECK(up < zoo && zoo < a && a < b);
	CHECK_INT(get("/"), 200);
	CHECK_NULL(strstr(answer.body, "../"));
}

FILES_TEST(names_in_a_list_are_no_html)
{
	put("<script>alert(1)<&'\">.txt", "x");
	put("a\nb", "x");
	put("c\xff\xc3", "x");
	put("http:x", "x");
	put_directory("<b>");
	start();
	CHECK_INT(get("/"), 200);
	CHECK_NULL(strstr(answer.body, "<script"));
	CHECK_NULL(strstr(answer.body, "<b>"));
	CHECK(strstr(answer.body, "&lt;script&gt;alert(1)&lt;&amp;&#39;&quot;&gt;.txt") != NULL);
	CHECK(strstr(answer.body, "%3Cscript%3Ealert%281%29%3C%26%27%22%3E.txt\"") != NULL);
	CHECK(strstr(answer.body, "<a href=\"a%0Ab\">a&#xFFFD;b</a>") != NULL);
	CHECK(strstr(answer.body, "<a href=\"c%FF%C3\">c\xef\xbf\xbd\xef\xbf\xbd</a>") != NULL);
	CHECK(strstr(answer.body, "<a href=\"http%3Ax\">http:x</a>") != NULL);
	CHECK_INT(get("/%3Cb%3E/"), 200);
	CHECK(strstr(answer.body, "<title>Index of /&lt;b&gt;/</title>") != NULL);
}

FILES_TEST(a_list_has_an_end)
{
	char name[32];
	TEST_TIMEOUT(60);
	put_directory("many");
	for (int i = 0; i < 10050; i++) {
		snprintf(name, sizeof name, "many/%d", i);
		put(name, "");
	}
	start();
	CHECK_INT(get("/many/"), 200);
	int n = 0;
	for (const char *at = answer.body; (at = strstr(at, "<li>")) != NULL; at++)
		n++;
	CHECK_INT(n, 10002);
	CHECK(strstr(answer.body, "<li>and more</li>") != NULL);
}

FILES_TEST(lists_can_be_forbidden)
{
	options.no_listing = true;
	put_directory("sub");
	put_directory("index");
	put("index/index.html", "index");
	start();
	CHECK_INT(get("/sub/"), 403);
	CHECK_INT(get("/index/"), 200);
	CHECK_INT(get("/"), 403);
}

/* ---- beginning ---------------------------------------------------------------------------- */

FILES_TEST(a_root_must_be_a_directory)
{
	put("file", "x");
	CHECK_INT(bide_http_start_files(path_to("none"), "127.0.0.1", "0", NULL, &server), -ENOENT);
	CHECK_INT(bide_http_start_files(path_to("file"), "127.0.0.1", "0", NULL, &server),
	          -ENOTDIR);
	CHECK_INT(bide_http_start_files(root, "192.0.2.1", "0", NULL, &server), -EADDRNOTAVAIL);
	CHECK_NULL(server);
}

FILES_TEST(times_that_mean_nothing_are_refused)
{
	options.server.timeout_idle = -1;
	CHECK_INT(bide_http_start_files(root, "127.0.0.1", "0", &options, &server), -EINVAL);
	options.server.timeout_idle = (double)__builtin_nan("");
	CHECK_INT(bide_http_start_files(root, "127.0.0.1", "0", &options, &server), -EINVAL);
	CHECK_NULL(server);
}

FILES_TEST(a_root_may_be_renamed)
{
	put_directory("in");
	put("in/file", "x");
	enter("in");
	start();
	CHECK_INT(rename(root, test_path("root/moved")), 0);
	CHECK_INT(get("/file"), 200);
}
