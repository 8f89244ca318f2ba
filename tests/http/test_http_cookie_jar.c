// SPDX-License-Identifier: MIT
/* Jars of cookies: what is told of them, what goes when there are too many, files. */
#include "cookies_kit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- what is told ------------------------------------------------------------------------- */

/* All cookies, or those for a URL, one a line: name=value domain path, and what else they are. */
static const char *listed(const char *url)
{
	static char text[SENT_MAX];
	bide_http_cookie_list *list;
	size_t used = 0;
	text[0] = '\0';
	int rc = bide_http_cookies_list(jar, url, &list);
	if (rc < 0)
		return bide_strerror(rc);
	for (size_t i = 0; i < list->count; i++) {
		const bide_http_cookie *it = &list->at[i];
		used += (size_t)snprintf(text + used, sizeof text - used, "%s=%s %s%s %s%s%s%s%d\n",
		                         it->name, it->value, it->host_only ? "" : ".", it->domain,
		                         it->path, it->secure ? " secure" : "",
		                         it->http_only ? " http_only" : "",
		                         it->expires != 0 ? " kept " : " ", (int)it->same_site);
	}
	bide_http_cookie_list_free(list);
	return text;
}

COOKIES_TEST(cookies_are_listed)
{
	static const char url[] = "https://www.example.org/a/b";
	CHECK_INT(bide_http_cookies_set(jar, url, "a=1; secure; max-age=60; samesite=NONE"), 0);
	CHECK_INT(bide_http_cookies_set(jar, url, "b=2; httponly; path=/a/b; samesite=lax"), 0);
	CHECK_INT(bide_http_cookies_set(jar, url, "c; domain=EXAMPLE.org; samesite=strict"), 0);
	CHECK_INT(bide_http_cookies_set(jar, "http://[::1]/", "d=; samesite=else"), 0);
	CHECK_STR(listed(NULL), "a=1 www.example.org /a secure kept 1\n"
	                        "b=2 www.example.org /a/b http_only 2\n"
	                        "=c .example.org /a 3\n"
	                        "d= ::1 / 0\n");
	CHECK_STR(listed(url), "b=2 www.example.org /a/b http_only 2\n"
	                       "a=1 www.example.org /a secure kept 1\n"
	                       "=c .example.org /a 3\n");
	CHECK_STR(listed("http://other.example.org/a"), "=c .example.org /a 3\n");
	CHECK_STR(listed("http://none.example/"), "");
	CHECK_STR(listed("nothing"), bide_strerror(-BIDE_EHTTP_URL));
}

COOKIES_TEST(a_value_is_had_by_its_name)
{
	static const char url[] = "http://www.example.org/a/b";
	char buf[BIDE_HTTP_COOKIE_MAX] = "untouched";
	CHECK_INT(bide_http_cookies_get(jar, url, "a", buf, sizeof buf), -ENOENT);
	CHECK_INT(bide_http_cookies_set(jar, url, "a=outer; path=/"), 0);
	CHECK_INT(bide_http_cookies_set(jar, url, "a=inner"), 0);
	CHECK_INT(bide_http_cookies_get(jar, url, "A", buf, sizeof buf), -ENOENT);
	CHECK_INT(bide_http_cookies_get(jar, url, "a", buf, 5), -ERANGE);
	CHECK_INT(bide_http_cookies_get(jar, "x", "a", buf, sizeof buf), -BIDE_EHTTP_URL);
	CHECK_STR(buf, "untouched");
	CHECK_INT(bide_http_cookies_get(jar, url, "a", buf, 6), 5);
	CHECK_STR(buf, "inner");
	CHECK_INT(bide_http_cookies_get(jar, "http://www.example.org/", "a", buf, sizeof buf), 5);
	CHECK_STR(buf, "outer");
}

COOKIES_TEST(what_would_be_ignored_of_a_server_is_not_set)
{
	CHECK_INT(bide_http_cookies_set(jar, "http://example.org/", "a=1; domain=org"), -EINVAL);
	CHECK_INT(bide_http_cookies_set(jar, "http://example.org/", "a=1; secure"), -EINVAL);
	CHECK_INT(bide_http_cookies_set(jar, "http://example.org/", "a=1\r\nX: y"), -EINVAL);
	CHECK_INT(bide_http_cookies_set(jar, "ftp://example.org/", "a=1"), -BIDE_EHTTP_URL);
	CHECK_STR(listed(NULL), "");
}

COOKIES_TEST(cookies_are_taken_away)
{
	static const char *const urls[] = { "http://example.org/", "http://www.example.org/",
		                            "http://notexample.org/", "http://other.example/" };
	for (size_t i = 0; i < 4; i++) {
		CHECK_INT(bide_http_cookies_set(jar, urls[i], "a=1"), 0);
		CHECK_INT(bide_http_cookies_set(jar, urls[i], "b=1; max-age=60"), 0);
	}
	bide_http_cookies_end_session(jar);
	CHECK_STR(listed(NULL), "b=1 example.org / kept 0\n"
	                        "b=1 www.example.org / kept 0\n"
	                        "b=1 notexample.org / kept 0\n"
	                        "b=1 other.example / kept 0\n");
	bide_http_cookies_clear(jar, "example.org");
	CHECK_STR(listed(NULL), "b=1 notexample.org / kept 0\nb=1 other.example / kept 0\n");
	bide_http_cookies_clear(jar, NULL);
	CHECK_STR(listed(NULL), "");
	CHECK_UINT(jar->n, 0);
}

/* ---- too many ----------------------------------------------------------------------------- */

static void set_number(const char *url, int number, const char *attributes)
{
	char cookie[64];
	snprintf(cookie, sizeof cookie, "n%d=1%s", number, attributes);
	EXPECT_INT(set(url, cookie), 0);
}

static bool has_number(const char *url, int number)
{
	char name[32];
	snprintf(name, sizeof name, "n%d=1", number);
	const char *found = strstr(sent(url), name);
	return found != NULL && (found[strlen(name)] == '\0' || found[strlen(name)] == ';');
}

COOKIES_TEST(a_site_has_so_many_cookies_and_those_used_last)
{
	for (int i = 0; i < 180; i++)
		set_number(i % 2 == 0 ? "http://a.example.org/" : "http://b.example.org/", i,
		           i == 0 ? "; path=/used" : "");
	CHECK_STR(sent("http://a.example.org/used")[0] == '\0' ? "none" : "some", "some");
	set_number("http://c.example.org/", 180, "");
	CHECK_UINT(jar->n, 180);
	CHECK(!has_number("http://b.example.org/", 1));
	CHECK(has_number("http://a.example.org/used", 0));
	CHECK(has_number("http://c.example.org/", 180));
	set_number("http://other.example/", 181, "");
	CHECK_UINT(jar->n, 181);
}

COOKIES_TEST(what_has_expired_goes_first_and_then_what_is_not_secure)
{
	static const char url[] = "https://example.org/";
	set_number(url, 0, "; secure");
	set_number(url, 1, "");
	for (int i = 2; i < 179; i++)
		set_number(url, i, "; secure");
	set_number(url, 179, "; secure; max-age=5");
	now = NOW + 5;
	set_number(url, 180, "; secure");
	CHECK(has_number(url, 0) && has_number(url, 1) && has_number(url, 180));
	set_number(url, 181, "; secure; path=/");
	CHECK(has_number(url, 0) && !has_number(url, 1));
	CHECK_UINT(jar->n, 180);
	set_number(url, 182, "; secure; max-age=0");
	CHECK_UINT(jar->n, 180);
	set_number(url, 181, "; secure; path=/");
	CHECK(has_number(url, 0));
}

static const char *url_number(int number)
{
	static char url[64];
	snprintf(url, sizeof url, "http://h%d.example/", number);
	return url;
}

COOKIES_TEST(a_jar_has_so_many_cookies_and_those_used_last)
{
	for (int i = 0; i < 3000; i++)
		CHECK_INT(set(url_number(i), i == 2000 ? "a=1; max-age=5" : "a=1"), 0);
	CHECK_STR(sent(url_number(0)), "a=1");
	CHECK_INT(set(url_number(3000), "a=1"), 0);
	CHECK_UINT(jar->n, 3000);
	CHECK_STR(sent(url_number(1)), "");
	CHECK_STR(sent(url_number(0)), "a=1");
	CHECK_STR(sent(url_number(2)), "a=1");
	now = NOW + 5;
	CHECK_INT(set(url_number(3001), "a=1"), 0);
	CHECK_UINT(jar->n, 3000);
	CHECK_STR(sent(url_number(2)), "a=1");
	CHECK_INT(set(url_number(3001), "b=1"), 0);
	CHECK_INT(set(url_number(3001), "c=1"), 0);
	CHECK_UINT(jar->n, 3000);
	CHECK_STR(sent(url_number(3001)), "a=1; b=1; c=1");
	CHECK_STR(sent(url_number(3)), "");
}

/* ---- files -------------------------------------------------------------------------------- */

static const char *file_text(const char *path)
{
	static char text[SENT_MAX];
	FILE *file = fopen(path, "r");
	size_t size = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;
	text[size] = '\0';
	if (file != NULL)
		fclose(file);
	return text;
}

COOKIES_TEST(a_jar_is_saved_and_loaded)
{
	static const char url[] = "https://www.example.org/a/b";
	const char *path = test_path("cookies.txt");
	struct stat status;
	char before[1024];
	CHECK_INT(bide_http_cookies_set(jar, url, "a=1 2; secure; max-age=60"), 0);
	CHECK_INT(bide_http_cookies_set(jar, url, "b=x=y; httponly; domain=example.org"), 0);
	CHECK_INT(bide_http_cookies_set(jar, url, "nameless; path=/"), 0);
	CHECK_INT(bide_http_cookies_set(jar, "http://[::1]/", "d="), 0);
	CHECK_INT(bide_http_cookies_set(jar, "http://127.0.0.1/", "\xc3\xa4=\xc3\xb6"), 0);
	strcpy(before, listed(NULL));
	CHECK_INT(bide_http_cookies_save(jar, path), 0);
	CHECK_INT(stat(path, &status), 0);
	CHECK_INT(status.st_mode & 07777, 0600);
	CHECK(strncmp(file_text(path), "# Netscape HTTP Cookie File\n", 28) == 0);
	CHECK(strstr(file_text(path), "\n#HttpOnly_.example.org\tTRUE\t/a\tFALSE\t0\tb\tx=y\n") !=
	      NULL);
	bide_http_cookies_clear(jar, NULL);
	CHECK_INT(bide_http_cookies_load(jar, path), 5);
	CHECK_STR(listed(NULL), before);
	CHECK_INT(bide_http_cookies_load(jar, path), 5);
	CHECK_UINT(jar->n, 5);
	CHECK_INT(test_files(), 1);
}

COOKIES_TEST(what_a_file_cannot_tell_is_left_out)
{
	const char *path = test_path("cookies.txt");
	CHECK_INT(bide_http_cookies_set(jar, "http://a.example/", "a=1\t2"), 0);
	CHECK_INT(bide_http_cookies_set(jar, "http://a.example/", "b\tc=1"), 0);
	CHECK_INT(bide_http_cookies_set(jar, "http://a.example/", "d=1; samesite=lax"), 0);
	CHECK_INT(bide_http_cookies_save(jar, path), 0);
	bide_http_cookies_clear(jar, NULL);
	CHECK_INT(bide_http_cookies_load(jar, path), 1);
	CHECK_STR(listed(NULL), "d=1 a.example / 0\n");
	CHECK_INT(test_files(), 1);
}

COOKIES_TEST(a_file_of_others_is_read)
{
	static const char text[] = "# HTTP Cookie File\r\n\r\n"
				   ".example.org\tTRUE\t/\tFALSE\t4102444800\ta\t1\r\n"
				   "www.example.org\tFALSE\t/x\tTRUE\t0\tb\t2\n"
				   "#HttpOnly_Example.COM\tfalse\t/\tFALSE\t4102444800.75\tc\t3\n"
				   "example.net\tTRUE\t/\tFALSE\t0\tempty\t\n"
				   "example.net\tTRUE\t/\tFALSE\t0\tshort\n"
				   ".org\tTRUE\t/\tFALSE\t0\tpublic\t1\n"
				   "b\xc3\xbc"
				   "cher.example\tFALSE\t/\tFALSE\t0\td\t4\n"
				   "last.example\tFALSE\t/\tFALSE\t0\te\t5";
	const char *path = test_file("cookies.txt", text);
	CHECK_INT(bide_http_cookies_load(jar, path), 8);
	CHECK_STR(listed(NULL), "a=1 .example.org / kept 0\n"
	                        "b=2 www.example.org /x secure 0\n"
	                        "c=3 example.com / http_only kept 0\n"
	                        "empty= .example.net / 0\n"
	                        "short= .example.net / 0\n"
	                        "public=1 org / 0\n"
	                        "d=4 xn--bcher-kva.example / 0\n"
	                        "e=5 last.example / 0\n");
	bide_http_cookie_list *list;
	CHECK_INT(bide_http_cookies_list(jar, "http://example.org/", &list), 0);
	CHECK(list->at[0].expires <= time(NULL) + 400 * 86400);
	bide_http_cookie_list_free(list);
	CHECK_INT(test_files(), 1);
}

COOKIES_TEST(lines_that_are_no_cookies_are_passed_over)
{
	static const char *const lines[] = {
		"",
		"\t\t\t\t\t\t",
		"x",
		"a.example\tFALSE\t/\tFALSE\t0",
		"a.example\tMAYBE\t/\tFALSE\t0\ta\t1",
		"a.example\tFALSE\t/\t1\t0\ta\t1",
		"a.example\tFALSE\tpath\tFALSE\t0\ta\t1",
		"a.example\tFALSE\t/\tFALSE\t\ta\t1",
		"a.example\tFALSE\t/\tFALSE\t-5\ta\t1",
		"a.example\tFALSE\t/\tFALSE\t1e9\ta\t1",
		"a.example\tFALSE\t/\tFALSE\t1000000000\ta\t1",
		"a.example\tFALSE\t/\tFALSE\t0\t\t",
		"a.example\tFALSE\t/\tFALSE\t0\ta\t1\x01",
		"a.example\tFALSE\t/\tFALSE\t0\ta;b\t1",
		"a.example\tFALSE\t/\tFALSE\t0\ta\t1; c=2",
		"a.example\tFALSE\t/\tFALSE\t0\ta=b\t1",
		"a.example\tFALSE\t/\tFALSE\t0\t__Secure-a\t1",
		"a.example\tTRUE\t/\tTRUE\t0\t__Host-a\t1",
		"a.example/x\tFALSE\t/\tFALSE\t0\ta\t1",
		"user@a.example\tFALSE\t/\tFALSE\t0\ta\t1",
		"a.example:80\tFALSE\t/\tFALSE\t0\ta\t1",
		"..a.example\tTRUE\t/\tFALSE\t0\ta\t1",
		"\tTRUE\t/\tFALSE\t0\ta\t1",
		"#a.example\tFALSE\t/\tFALSE\t0\ta\t1",
		"#HttpOnly_#a.example\tFALSE\t/\tFALSE\t0\ta\t1",
	};
	static const char with_nul[] = "a.example\tFALSE\t/\tFALSE\t0\tnul\t\0\n";
	char text[4096] = "";
	size_t size = 0;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		size += (size_t)snprintf(text + size, sizeof text - size, "%s\n", lines[i]);
	memcpy(text + size, with_nul, sizeof with_nul - 1);
	size += sizeof with_nul - 1;
	size += (size_t)snprintf(text + size, sizeof text - size,
	                         "a.example\tFALSE\t/\tFALSE\t0\tgood\t1\n");
	const char *path = test_bytes("cookies.txt", text, size);
	CHECK_INT(bide_http_cookies_load(jar, path), 1);
	CHECK_STR(listed(NULL), "good=1 a.example / 0\n");
	CHECK_INT(test_files(), 1);
}

COOKIES_TEST(each_cut_of_a_file_is_read)
{
	static const char text[] = "a.example\tFALSE\t/\tFALSE\t0\tfirst\t1\n"
				   "#HttpOnly_.a.example\tTRUE\t/\tTRUE\t4102444800\tb\t2\n";
	char copy[sizeof text];
	for (size_t size = 0; size < sizeof text; size++) {
		memcpy(copy, text, size);
		copy[size] = '\0';
		const int n = bide__cookies_read(jar, copy, now);
		CHECK_INT(n, size < 27 ? 0 : size < sizeof text - 4 ? 1 : 2);
	}
}

COOKIES_TEST(files_that_cannot_be_read_or_written_are_told)
{
	const char *directory = test_path("directory");
	CHECK_INT(mkdir(directory, 0700), 0);
	CHECK_INT(bide_http_cookies_load(jar, test_path("cookies.txt")), -ENOENT);
	CHECK_INT(bide_http_cookies_load(jar, directory), -EISDIR);
	CHECK_INT(bide_http_cookies_load(jar, "/dev/zero"), -EFBIG);
	CHECK_INT(bide_http_cookies_save(jar, "/nowhere/cookies.txt"), -ENOENT);
	CHECK_INT(bide_http_cookies_save(jar, directory), -EISDIR);
	CHECK_INT(test_files(), 1);
	CHECK_INT(rmdir(directory), 0);
}

TEST(a_file_that_cannot_be_written_leaves_the_one_before)
{
	const char *path = test_file("cookies.txt", "before");
	CHECK_INT(bide_http_cookies_open(&jar), 0);
	CHECK_INT(bide_http_cookies_set(jar, "http://a.example/", "a=1"), 0);
	for (long k = 1, rc = -1; rc < 0; k++) {
		bide__alloc_arm(k);
		rc = bide_http_cookies_save(jar, path);
		CHECK_INT(rc, bide__alloc_hook.failures > 0 ? -ENOMEM : 0);
		CHECK_INT(bide__alloc_hook.live, 0);
		CHECK_INT(strcmp(file_text(path), "before") == 0, rc < 0);
	}
	bide_http_cookies_unref(jar);
	CHECK_INT(test_files(), 1);
}

/* What curl writes is read, and what is written curl reads. */
COOKIES_TEST(curl_and_we_understand_each_other)
{
	static const char fields[] =
		"Set-Cookie: a=1; domain=example.org; path=/; expires=Fri, 01 Jan 2100 00:00:00 "
		"GMT\r\n"
		"Set-Cookie: b=2; domain=.www.example.org; path=/x; secure; httponly\r\n";
	char command[1024];
	if (system("curl --version >/dev/null 2>&1") != 0)
		SKIP("there is no curl here");
	const char *path = test_file("cookies.txt", fields);
	/* It takes fields from a file, and writes what it has, without going anywhere. */
	snprintf(command, sizeof command,
	         "curl -s -b %s -c %s.curl file:///dev/null && mv %s.curl %s", path, path, path,
	         path);
	CHECK_INT(system(command), 0);
	CHECK_INT(bide_http_cookies_load(jar, path), 2);
	CHECK_STR(listed("https://www.example.org/x"),
	          "b=2 .www.example.org /x secure http_only 0\n"
	          "a=1 .example.org / kept 0\n");
	CHECK_INT(bide_http_cookies_set(jar, "http://h.example/", "c=3; max-age=60"), 0);
	CHECK_INT(bide_http_cookies_save(jar, path), 0);
	CHECK_INT(system(command), 0);
	char before[512];
	strcpy(before, listed("https://www.example.org/x"));
	bide_http_cookies_clear(jar, NULL);
	CHECK_INT(bide_http_cookies_load(jar, path), 3);
	CHECK_STR(listed("https://www.example.org/x"), before);
	CHECK_STR(listed("http://h.example/"), "c=3 h.example / kept 0\n");
	CHECK_INT(test_files(), 1);
}

/* ---- memory, threads ---------------------------------------------------------------------- */

static int use_all(void)
{
	char text[] = "a.example\tFALSE\t/\tFALSE\t0\tfirst\t1\n";
	char buf[BIDE_HTTP_COOKIE_MAX];
	bide_http_cookie_list *list;
	bide_http_cookies *cookies;
	int rc = bide_http_cookies_open(&cookies);
	if (rc < 0)
		return rc;
	rc = bide_http_cookies_set(cookies, "http://example.org/", "a=1");
	if (rc == 0)
		rc = bide__cookies_read(cookies, text, now) < 0 ? -ENOMEM : 0;
	if (rc == 0)
		rc = (int)bide_http_cookies_get(cookies, "http://example.org/", "a", buf,
		                                sizeof buf);
	if (rc > 0)
		rc = bide_http_cookies_list(cookies, "http://example.org/", &list);
	if (rc == 0) {
		rc = list->count == 1 ? 0 : -EIO;
		bide_http_cookie_list_free(list);
	}
	bide_http_cookies_unref(cookies);
	return rc;
}

TEST(each_allocation_for_a_jar_may_fail)
{
	int rc = -1;
	for (long k = 1; rc != 0; k++) {
		bide__alloc_arm(k);
		rc = use_all();
		CHECK_INT(rc, bide__alloc_hook.failures > 0 ? -ENOMEM : 0);
		CHECK_INT(bide__alloc_hook.live, 0);
	}
}

TEST(a_cookie_that_cannot_be_stored_leaves_the_one_before)
{
	CHECK_INT(bide_http_cookies_open(&jar), 0);
	CHECK_INT(set("http://example.org/", "a=1"), 0);
	bide__alloc_arm(2);
	CHECK_INT(set("http://example.org/", "a=2"), -ENOMEM);
	CHECK_STR(sent("http://example.org/"), "a=1");
	bide_http_cookies_unref(jar);
}

static void *use_often(void *arg)
{
	char url[64];
	for (int i = 0; i < 2000; i++) {
		bide_http_cookie_list *list;
		snprintf(url, sizeof url, "http://h%d.example/", (i * 7 + (int)(intptr_t)arg) % 50);
		(void)!bide_http_cookies_set(jar, url, i % 3 == 0 ? "a=; max-age=0" : "a=1");
		if (i % 10 == 0 && bide_http_cookies_list(jar, NULL, &list) == 0)
			bide_http_cookie_list_free(list);
		if (i % 100 == 0)
			bide_http_cookies_clear(jar, "h1.example");
	}
	bide_http_cookies_unref(jar);
	return NULL;
}

TEST(threads_share_a_jar)
{
	pthread_t threads[4];
	CHECK_INT(bide_http_cookies_open(&jar), 0);
	for (intptr_t i = 0; i < 4; i++) {
		(void)bide_http_cookies_ref(jar);
		CHECK_INT(pthread_create(&threads[i], NULL, use_often, (void *)i), 0);
	}
	for (int i = 0; i < 4; i++)
		CHECK_INT(pthread_join(threads[i], NULL), 0);
	CHECK(jar->n <= 50);
	bide_http_cookies_unref(jar);
}
