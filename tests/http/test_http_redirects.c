// SPDX-License-Identifier: MIT
/* Redirects: where they lead, and what a request takes along there. */
#include "http/pages_kit.h"

#define LENGTH(table) (sizeof(table) / sizeof *(table))

/* ---- methods and bodies ------------------------------------------------------------------- */

PAGES_TEST(a_status_tells_what_becomes_of_the_method_and_the_body)
{
	static const struct {
		const char *status, *method, *expected;
	} table[] = {
		{ "301 Moved", "GET", "A GET /from\nA GET /to\n" },
		{ "301 Moved", "HEAD", "A HEAD /from\nA HEAD /to\n" },
		{ "301 Moved", "POST", "A POST /from type=a/b body=x\nA GET /to\n" },
		{ "301 Moved", "PUT", "A PUT /from type=a/b body=x\nA PUT /to type=a/b body=x\n" },
		{ "302 Found", "POST", "A POST /from type=a/b body=x\nA GET /to\n" },
		{ "302 Found", "DELETE", "A DELETE /from\nA DELETE /to\n" },
		{ "303 See Other", "POST", "A POST /from type=a/b body=x\nA GET /to\n" },
		{ "303 See Other", "PUT", "A PUT /from type=a/b body=x\nA GET /to\n" },
		{ "303 See Other", "DELETE", "A DELETE /from\nA GET /to\n" },
		{ "303 See Other", "HEAD", "A HEAD /from\nA HEAD /to\n" },
		{ "307 Temporary", "POST",
		  "A POST /from type=a/b body=x\nA POST /to type=a/b body=x\n" },
		{ "307 Temporary", "GET", "A GET /from\nA GET /to\n" },
		{ "308 Permanent", "POST",
		  "A POST /from type=a/b body=x\nA POST /to type=a/b body=x\n" },
		{ "308 Permanent", "PUT",
		  "A PUT /from type=a/b body=x\nA PUT /to type=a/b body=x\n" },
		{ "300 Multiple", "GET", "A GET /from\n" },
		{ "304 Not Modified", "GET", "A GET /from\n" },
		{ "305 Use Proxy", "GET", "A GET /from\n" },
		{ "201 Created", "POST", "A POST /from type=a/b body=x\n" },
	};
	for (size_t i = 0; i < LENGTH(table); i++) {
		set_page((struct page){ "A/from", table[i].status, "/to", NULL });
		const bool body = table[i].method[0] == 'P';
		const bide_http_request request = { .url = full("A/from"),
			                            .method = table[i].method,
			                            .body = body ? "x" : NULL,
			                            .body_size = body,
			                            .type = "a/b" };
		CHECK_STR(journey(&request), table[i].expected);
	}
}

PAGES_TEST(fields_of_a_body_are_left_with_it)
{
	static const struct page here[] = { { "A/303", "303 See Other", "/to", NULL },
		                            { "A/307", "307 Temporary", "/to", NULL },
		                            { .path = NULL } };
	static const char *const headers[] = { "content-type: a/b", "Content-Language: de", NULL };
	bide_http_request request = {
		.url = full("A/303"), .headers = headers, .body = "x", .body_size = 1
	};
	pages = here;
	CHECK_STR(journey(&request), "A POST /303 type=a/b body=x\nA GET /to\n");
	request.url = full("A/307");
	CHECK_STR(journey(&request), "A POST /307 type=a/b body=x\nA POST /to type=a/b body=x\n");
}

PAGES_TEST(nothing_is_expected_of_a_body_that_is_left)
{
	static const char *const headers[] = { "Expect: 100-continue", NULL };
	const bide_http_request request = {
		.url = full("A/from"), .headers = headers, .body = "x", .body_size = 1
	};
	set_page((struct page){ "A/from", "303 See Other", "/to", NULL });
	const char *seen = journey(&request);
	CHECK(strstr(seen, " expect=100-continue body=x\nA GET /to\n") != NULL);
}

/* ---- where to ----------------------------------------------------------------------------- */

PAGES_TEST(a_redirect_leads_somewhere)
{
	static const struct {
		const char *to, *expected;
	} table[] = {
		{ "/to", "A GET /dir/from\nA GET /to\n" },
		{ "to?x=y", "A GET /dir/from\nA GET /dir/to?x=y\n" },
		{ "../to", "A GET /dir/from\nA GET /to\n" },
		{ "B/to#here", "A GET /dir/from\nB GET /to\n" },
		{ "ftp://example.org/", NULL },
		{ "file:///etc/passwd", NULL },
		{ "http://", NULL },
		{ "http://a b/", NULL },
		{ "javascript:alert(1)", NULL },
		{ "http://u%3Av:pw@127.0.0.1/to", NULL },
	};
	for (size_t i = 0; i < LENGTH(table); i++) {
		set_page((struct page){ "A/dir/from", "302 Found", table[i].to, NULL });
		if (table[i].expected == NULL)
			CHECK_STR(visit("A/dir/from"), bide_strerror(-BIDE_EHTTP_LOCATION));
		else
			CHECK_STR(visit("A/dir/from"), table[i].expected);
	}
}

PAGES_TEST(a_response_knows_the_way_to_it)
{
	static const struct page here[] = { { "A/1", "301 Moved", "/2", NULL },
		                            { "A/2", "307 Temporary", "B/3?x", NULL },
		                            { "B/3", "302 Found", "A/4", NULL },
		                            { .path = NULL } };
	static const struct {
		int status;
		const char *url;
	} way[] = { { 301, "A/1" }, { 307, "A/2" }, { 302, "B/3?x" } };
	bide_http_response *response;
	char url[256];
	pages = here;
	snprintf(url, sizeof url, "http://u:p@%s/1", origins[0] + 7);
	CHECK_INT(bide_http_get(session, url, &response), 0);
	CHECK_INT(bide_http_redirects(response), 3);
	for (int i = 0; i < 3; i++) {
		int status = 0;
		CHECK_STR(bide_http_history(response, i, &status), full(way[i].url));
		CHECK_INT(status, way[i].status);
	}
	CHECK_STR(bide_http_history(response, 0, NULL), full("A/1"));
	int status = -1;
	CHECK_NULL(bide_http_history(response, 3, &status));
	CHECK_NULL(bide_http_history(response, -1, &status));
	CHECK_INT(status, -1);
	CHECK_STR(bide_http_url(response), full("A/4"));
	bide_http_response_close(response);
	CHECK_INT(bide_http_get(session, full("A/4"), &response), 0);
	CHECK_NULL(bide_http_history(response, 0, NULL));
	bide_http_response_close(response);
}

static const struct page busy[] = { { "A/1", "302 Found", "/2", "Set-Cookie: a=1\r\n" },
	                            { "A/2", "503 Busy", NULL, "Set-Cookie: b=2\r\n" },
	                            { .path = NULL } };
static const struct page ready[] = { { "A/2", "302 Found", "/3", NULL }, { .path = NULL } };

static void get_ready(void *arg, const bide_http_event *event)
{
	(void)arg;
	if (event->phase == BIDE_HTTP_RETRY)
		pages = ready;
}

PAGES_TEST(a_place_that_is_tried_again_is_one_of_the_way)
{
	static const bide_http_retry retry = { .attempts = 2, .delay = 0.001 };
	const bide_http_options with = { .retry = &retry, .hook = get_ready };
	bide_http_response *response;
	pages = busy;
	open_session(&with);
	CHECK_INT(bide_http_get(session, full("A/1"), &response), 0);
	CHECK_STR(log_text, "A GET /1\n"
	                    "A GET /2 cookie=a=1\n"
	                    "A GET /2 cookie=a=1; b=2\n"
	                    "A GET /3 cookie=a=1; b=2\n");
	CHECK_INT(bide_http_redirects(response), 2);
	CHECK_STR(bide_http_history(response, 0, NULL), full("A/1"));
	CHECK_STR(bide_http_history(response, 1, NULL), full("A/2"));
	bide_http_response_close(response);
}

PAGES_TEST(redirects_in_a_circle_are_given_up)
{
	static const struct page here[] = { { "A/1", "302 Found", "B/2", NULL },
		                            { "B/2", "302 Found", "A/1", NULL },
		                            { .path = NULL } };
	int n = 0;
	pages = here;
	CHECK_STR(visit("A/1"), bide_strerror(-BIDE_EHTTP_REDIRECTS));
	for (const char *at = log_text; *at != '\0'; at++)
		n += *at == '\n';
	CHECK_INT(n, 11);
}

/* ---- credentials -------------------------------------------------------------------------- */

/* B leads back to A: what is asked for there has been B's choice. */
static const struct page to_and_fro[] = { { "A/same", "307 Temporary", "/to", NULL },
	                                  { "A/absolute", "307 Temporary", "A/to", NULL },
	                                  { "A/other", "307 Temporary", "B/to", NULL },
	                                  { "A/round", "307 Temporary", "B/round", NULL },
	                                  { "B/round", "307 Temporary", "A/to", NULL },
	                                  { .path = NULL } };

static void check_credentials(bide_http_request *request, const char *path, const char *shown)
{
	static const struct {
		const char *path, *first, *then;
		bool to_same;
	} table[] = {
		{ "/same", "A GET /same", "A GET /to", true },
		{ "/absolute", "A GET /absolute", "A GET /to", true },
		{ "/other", "A GET /other", "B GET /to", false },
		{ "/round", "A GET /round", "B GET /round\nA GET /to", false },
	};
	char url[128], expected[512];
	pages = to_and_fro;
	for (size_t i = 0; i < LENGTH(table); i++) {
		snprintf(url, sizeof url, "http://%s%s%s", path, origins[0] + 7, table[i].path);
		request->url = url;
		snprintf(expected, sizeof expected, "%s%s\n%s%s\n", table[i].first, shown,
		         table[i].then, table[i].to_same ? shown : "");
		EXPECT_STR(journey(request), expected);
	}
}

PAGES_TEST(credentials_are_for_the_origin_that_was_asked)
{
	static const char *const headers[] = { "Cookie: a=b", "authorization: mine", NULL };
	bide_http_request own = { .headers = headers };
	check_credentials(&own, "", " cookie=a=b authorization=mine");
	bide_http_request user = { .user = "u", .password = "p" };
	check_credentials(&user, "", " authorization=Basic dTpw");
	bide_http_request bearer = { .bearer = "token" };
	check_credentials(&bearer, "", " authorization=Bearer token");
	bide_http_request in_url = { .url = NULL };
	check_credentials(&in_url, "u:p@", " authorization=Basic dTpw");
}

PAGES_TEST(the_sessions_credentials_are_for_the_origin_that_was_asked)
{
	static const char *const headers[] = { "Cookie: a=b", "Authorization: ours", NULL };
	const bide_http_options with = { .headers = headers };
	bide_http_request request = { .url = NULL };
	open_session(&with);
	check_credentials(&request, "", " cookie=a=b authorization=ours");
}

PAGES_TEST(a_redirect_may_bring_credentials)
{
	static char to[128];
	snprintf(to, sizeof to, "http://x:y@%s/to", origins[1] + 7);
	set_page((struct page){ "A/from", "302 Found", to, NULL });
	const bide_http_request request = { .url = full("A/from"), .user = "u", .password = "p" };
	CHECK_STR(journey(&request), "A GET /from authorization=Basic dTpw\n"
	                             "B GET /to authorization=Basic eDp5\n");
}
