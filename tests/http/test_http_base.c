// SPDX-License-Identifier: MIT
/* URLs that are relative to a base, the session's or the request's. */
#include "http/pages_kit.h"

/* Has the test's session another base. */
static int rebase(const char *base)
{
	const bide_http_options options = { .base_url = base };
	bide_http_session *with_base;
	int rc = bide_http_session_open(&options, &with_base);
	if (rc < 0)
		return rc;
	bide_http_session_close(session);
	session = with_base;
	return 0;
}

static const char *visit_as_it_is(const char *url)
{
	return journey(&(bide_http_request){ .url = url });
}

PAGES_TEST(what_is_relative_is_so_to_the_base_of_the_session)
{
	static const char *const pairs[][2] = {
		{ "list", "A GET /api/v1/list\n" },
		{ "list?x=1", "A GET /api/v1/list?x=1\n" },
		{ "../v2/list", "A GET /api/v2/list\n" },
		{ "/list", "A GET /list\n" },
		{ "?x=1", "A GET /api/v1/?x=1\n" },
		{ "", "A GET /api/v1/?key=1\n" },
	};
	CHECK_INT(rebase(full("A/api/v1/?key=1")), 0);
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		CHECK_STR(visit_as_it_is(pairs[i][0]), pairs[i][1]);
	CHECK_STR(visit("B/elsewhere"), "B GET /elsewhere\n");
}

PAGES_TEST(parameters_are_added_to_what_is_relative)
{
	static const char *const params[] = { "q", "a b", NULL };
	const bide_http_request request = { .url = "find?x=1#here", .params = params };
	CHECK_INT(rebase(full("A/api/")), 0);
	CHECK_STR(journey(&request), "A GET /api/find?x=1&q=a+b\n");
}

PAGES_TEST(the_base_of_a_request_goes_before_the_one_of_the_session)
{
	bide_http_request request = { .url = "next", .base_url = full("B/blog/page?n=1") };
	CHECK_STR(journey(&request), "B GET /blog/next\n");
	CHECK_INT(rebase(full("A/api/")), 0);
	CHECK_STR(journey(&request), "B GET /blog/next\n");
	request.url = full("A/whole");
	CHECK_STR(journey(&request), "A GET /whole\n");
}

PAGES_TEST(links_of_a_page_are_relative_to_where_it_was_found)
{
	bide_http_response *page;
	set_page((struct page){ "A/from", "302 Found", "B/there/page", NULL });
	CHECK_INT(bide_http_get(session, full("A/from"), &page), 0);
	const bide_http_request request = { .url = "picture", .base_url = bide_http_url(page) };
	CHECK_STR(journey(&request), "B GET /there/picture\n");
	bide_http_response_close(page);
}

/* A base on A with a user. */
static const char *base_with_user(void)
{
	static char base[192];
	snprintf(base, sizeof base, "http://me:secret@%s/api/", origins[0] + strlen("http://"));
	return base;
}

PAGES_TEST(the_user_of_a_base_is_for_all_of_its_origin_and_for_no_other)
{
	static const char basic[] = " authorization=Basic bWU6c2VjcmV0\n";
	char expected[128];
	CHECK_INT(rebase(base_with_user()), 0);
	snprintf(expected, sizeof expected, "A GET /api/x%s", basic);
	CHECK_STR(visit_as_it_is("x"), expected);
	snprintf(expected, sizeof expected, "A GET /y%s", basic);
	CHECK_STR(visit("A/y"), expected);
	CHECK_STR(visit("B/z"), "B GET /z\n");
}

PAGES_TEST(the_user_of_a_base_does_not_go_along_to_another_origin)
{
	static const char basic[] = " authorization=Basic bWU6c2VjcmV0\n";
	char expected[128];
	set_page((struct page){ "A/api/x", "302 Found", "B/z", NULL });
	CHECK_INT(rebase(base_with_user()), 0);
	snprintf(expected, sizeof expected, "A GET /api/x%sB GET /z\n", basic);
	CHECK_STR(visit_as_it_is("x"), expected);
	set_page((struct page){ "A/api/x", "302 Found", "/w", NULL });
	snprintf(expected, sizeof expected, "A GET /api/x%sA GET /w%s", basic, basic);
	CHECK_STR(visit_as_it_is("x"), expected);
}

PAGES_TEST(what_is_no_base_is_refused)
{
	static const char *const bad[] = { "",        "/api/",      "host/api/", "ftp://host/",
		                           "http://", "http://h o/" };
	bide_http_request request = { .url = "x" };
	CHECK_STR(journey(&request), bide_strerror(-BIDE_EHTTP_URL));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK_INT(rebase(bad[i]), -BIDE_EHTTP_URL);
		request.base_url = bad[i];
		CHECK_STR(journey(&request), bide_strerror(-BIDE_EHTTP_URL));
	}
}
