// SPDX-License-Identifier: MIT
/* Cookies of a session: what responses set, and requests take along. */
#include "http/pages_kit.h"

PAGES_TEST(what_a_response_sets_the_next_request_takes_along)
{
	static const struct page here[] = {
		{ "A/set", NULL, NULL,
		  "Set-Cookie: a=1; Path=/\r\nset-cookie: b=2\r\nX: y\r\n"
		  "SET-COOKIE: c=3; Path=/x\r\nSet-Cookie: bad=1; Domain=example.org\r\n" },
		{ "A/end", NULL, NULL, "Set-Cookie: a=; Max-Age=0; Path=/\r\n" },
		{ .path = NULL }
	};
	pages = here;
	CHECK_STR(visit("A/set"), "A GET /set\n");
	CHECK_STR(visit("A/"), "A GET / cookie=a=1; b=2\n");
	CHECK_STR(visit("A/x"), "A GET /x cookie=c=3; a=1; b=2\n");
	CHECK_STR(visit("B/"), "B GET /\n");
	CHECK_STR(visit("A/end"), "A GET /end cookie=a=1; b=2\n");
	CHECK_STR(visit("A/"), "A GET / cookie=b=2\n");
}

PAGES_TEST(each_hop_sets_cookies_and_gets_its_own)
{
	static const struct page here[] = {
		{ "A/login", "302 Found", "/home", "Set-Cookie: a=1; Path=/\r\n" },
		{ "A/home", "307 Temporary", "B/landing", "Set-Cookie: a=2; Path=/\r\n" },
		{ "B/landing", "307 Temporary", "A/back", "Set-Cookie: b=1; Path=/\r\n" },
		{ .path = NULL }
	};
	static const char *const headers[] = { "Cookie: own=1", NULL };
	const bide_http_request request = {
		.url = full("A/login"), .headers = headers, .body = "x", .body_size = 1
	};
	const bide_http_request as_it_is = { .url = full("B/landing"), .no_redirects = true };
	pages = here;
	CHECK_STR(journey(&request),
	          "A POST /login cookie=own=1 type=application/octet-stream body=x\n"
	          "A GET /home cookie=own=1; a=1\n"
	          "B GET /landing\n"
	          "A GET /back cookie=a=2\n");
	CHECK_STR(journey(&as_it_is), "B GET /landing cookie=b=1\n");
}

PAGES_TEST(what_the_user_sends_goes_first)
{
	static const struct page here[] = { { "A/set", NULL, NULL,
		                              "Set-Cookie: a=jar\r\nSet-Cookie: b=jar\r\n" },
		                            { .path = NULL } };
	static const char *const one[] = { "Cookie: c=own; a=own", NULL };
	static const char *const two[] = { "cookie: c=own", "X: y", "COOKIE: b=own", NULL };
	static const char *const empty[] = { "Cookie: ", NULL };
	bide_http_request request = { .url = full("A/"), .headers = one };
	pages = here;
	CHECK_STR(journey(&request), "A GET / cookie=c=own; a=own\n");
	(void)visit("A/set");
	CHECK_STR(journey(&request), "A GET / cookie=c=own; a=own; b=jar\n");
	request.headers = two;
	CHECK_STR(journey(&request), "A GET / cookie=c=own; b=own; a=jar\n");
	request.headers = empty;
	CHECK_STR(journey(&request), "A GET / cookie=a=jar; b=jar\n");
}

PAGES_TEST(a_session_has_a_jar_that_can_be_looked_into)
{
	char value[BIDE_HTTP_COOKIE_MAX];
	bide_http_cookies *jar = bide_http_session_cookies(session);
	CHECK_INT(bide_http_cookies_set(jar, full("A/"), "a=1"), 0);
	CHECK_STR(visit("A/"), "A GET / cookie=a=1\n");
	static const struct page here[] = { { "A/set", NULL, NULL, "Set-Cookie: a=2\r\n" },
		                            { .path = NULL } };
	pages = here;
	(void)visit("A/set");
	CHECK_INT(bide_http_cookies_get(jar, full("A/"), "a", value, sizeof value), 1);
	CHECK_STR(value, "2");
	bide_http_cookies_clear(jar, NULL);
	CHECK_STR(visit("A/"), "A GET /\n");
}

PAGES_TEST(sessions_share_a_jar_or_have_none)
{
	static const struct page here[] = { { "A/set", NULL, NULL, "Set-Cookie: a=1\r\n" },
		                            { .path = NULL } };
	static const char *const headers[] = { "Cookie: own=1", NULL };
	bide_http_session *usual = session;
	bide_http_options with = { .cookies = bide_http_session_cookies(session) };
	const bide_http_options without = { .no_cookies = true, .headers = headers };
	pages = here;
	CHECK_INT(bide_http_session_open(&with, &session), 0);
	(void)visit("A/set");
	bide_http_session_close(session);
	CHECK_INT(bide_http_session_open(&without, &session), 0);
	CHECK_NULL(bide_http_session_cookies(session));
	CHECK_STR(visit("A/set"), "A GET /set cookie=own=1\n");
	CHECK_STR(visit("A/"), "A GET / cookie=own=1\n");
	bide_http_session_close(session);
	session = usual;
	CHECK_STR(visit("A/"), "A GET / cookie=a=1\n");
	with.no_cookies = true;
	bide_http_session *none = NULL;
	CHECK_INT(bide_http_session_open(&with, &none), -EINVAL);
	CHECK_NULL(none);
}

/* B stands for a proxy: it has got what it is to pass on. */
PAGES_TEST(secure_cookies_for_this_machine_do_not_go_through_a_proxy)
{
	static const struct page here[] = { { "A/set", NULL, NULL, "Set-Cookie: t=1; Secure\r\n" },
		                            { .path = NULL } };
	bide_http_cookies *jar = bide_http_session_cookies(session);
	const bide_http_request request = { .url = full("A/set"), .proxy = origins[1] };
	char expected[128];
	pages = here;
	CHECK_INT(bide_http_cookies_set(jar, full("A/"), "s=1; secure"), 0);
	CHECK_INT(bide_http_cookies_set(jar, full("A/"), "p=1"), 0);
	snprintf(expected, sizeof expected, "A GET %s cookie=p=1\n", full("A/set"));
	CHECK_STR(journey(&request), expected);
	CHECK_STR(visit("A/set"), "A GET /set cookie=s=1; p=1\n");
	CHECK_STR(visit("A/"), "A GET / cookie=s=1; p=1; t=1\n");
}

PAGES_TEST(each_allocation_on_the_way_may_fail)
{
	static const struct page here[] = { { "A/1", "302 Found", "B/2", "Set-Cookie: a=1\r\n" },
		                            { "B/2", "302 Found", "A/3", "Set-Cookie: b=1\r\n" },
		                            { "A/3", NULL, NULL, "Set-Cookie: c=1\r\n" },
		                            { .path = NULL } };
	static const char *const headers[] = { "Cookie: own=1", NULL };
	unsigned long failures = 1;
	if (light_tasks_have_stacks())
		SKIP(OWN_STACKS);
	pages = here;
	for (long k = 1; failures > 0; k++) {
		const bide_http_request request = { .url = full("A/1"), .headers = headers };
		bide_http_response *response;
		bide_http_cookies_clear(bide_http_session_cookies(session), NULL);
		bide__alloc_arm(k);
		int rc = bide_http_send(session, &request, &response);
		if (rc == 0)
			bide_http_response_close(response);
		failures = bide__alloc_hook.failures;
		bide__alloc_disarm();
		CHECK(failures > 0 || rc == 0);
	}
	CHECK_STR(visit("A/"), "A GET / cookie=a=1; c=1\n");
}
