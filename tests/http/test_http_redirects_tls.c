// SPDX-License-Identifier: MIT
/* Redirects from https, and to it. */
#include "http/pages_kit.h"

static void start_tls(void)
{
	start();
	origin_start_tls("IP:127.0.0.1", BIDE_TLS_CLIENTS_ANY);
	open_session(&(bide_http_options){ .tls = client_tls });
}

#define TLS_TEST(name) STACKS_TEST(name, start_tls(), origin_stop())

/* What the servers saw of a request by TLS that has a password; its host is not A's or B's. */
static const char *visit_secure(const char *path)
{
	const bide_http_request request = { .url = url_by("https", "127.0.0.1", path),
		                            .user = "u",
		                            .password = "p" };
	return journey(&request);
}

static const struct page down[] = {
	{ "other/from", "302 Found", "A/to", "Set-Cookie: a=1; Path=/\r\n" }, { .path = NULL }
};

TLS_TEST(no_redirect_leads_from_https_to_http)
{
	pages = down;
	CHECK_STR(visit_secure("/from"), bide_strerror(-BIDE_EHTTP_DOWNGRADE));
	CHECK_STR(log_text, "other GET /from authorization=Basic dTpw\n");
}

TLS_TEST(a_redirect_to_http_that_is_allowed_takes_no_credentials_there)
{
	open_session(&(bide_http_options){ .tls = client_tls, .allow_downgrade = true });
	pages = down;
	/* Cookies make no difference between ports, nor, if they are not secure, schemes. */
	CHECK_STR(visit_secure("/from"), "other GET /from authorization=Basic dTpw\n"
	                                 "A GET /to cookie=a=1\n");
}

TLS_TEST(a_redirect_to_https_is_to_another_origin)
{
	set_page((struct page){ "A/from", "308 Permanent", url_by("https", "127.0.0.1", "/to"),
	                        NULL });
	const bide_http_request request = { .url = full("A/from"), .bearer = "token" };
	CHECK_STR(journey(&request), "A GET /from authorization=Bearer token\nother GET /to\n");
}
