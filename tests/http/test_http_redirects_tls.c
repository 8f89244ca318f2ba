// SPDX-License-Identifier: MIT
/* Redirects from https, and to it. */
#include "pages_kit.h"
#include "tls/certs.h"

static bide_tls *server_tls;
static bide_server *secure_server;
static char secure_origin[64];

static BIDE_ASYNC(int, serve_tls, bide_stream *);
static int serve_tls(bide_stream *stream)
{
	return bide_start_tls(stream, server_tls, NULL) == 0 ? serve(stream) : 0;
}

static void start_tls(void)
{
	const struct cert *cert = cert_make(&(struct recipe){
		.name = "server", .hosts = "IP:127.0.0.1", .issuer = cert_authority() });
	const bide_tls_certificate identity = { .chain = cert->pem, .key = cert->key_pem };
	const bide_tls_options of_server = { .server = true,
		                             .certificates = &identity,
		                             .n_certificates = 1 };
	const bide_tls_options of_client = { .ca = cert_authority()->pem };
	bide_address address;
	char text[BIDE_ADDRESS_MAX];
	EXPECT_INT(bide_tls_open(&of_server, &server_tls), 0);
	EXPECT_INT(bide_tls_open(&of_client, &options.tls), 0);
	start();
	EXPECT_INT(bide_start_server("127.0.0.1", "0", NULL, &secure_server, serve_tls), 0);
	EXPECT_INT(bide_server_address(secure_server, 0, &address), 0);
	snprintf(secure_origin, sizeof secure_origin, "https://%s",
	         bide_address_format(&address, text));
}

static void stop_tls(void)
{
	stop();
	bide_server_close(secure_server);
	bide_tls_unref(server_tls);
	bide_tls_unref(options.tls);
	memset(&options, 0, sizeof options);
}

#define TLS_TEST(name) STACKS_TEST(name, start_tls(), stop_tls())

/* What the servers saw of a request by TLS that has a password; its host is not A's or B's. */
static const char *visit_secure(const char *path)
{
	char url[128];
	snprintf(url, sizeof url, "%s%s", secure_origin, path);
	const bide_http_request request = { .url = url, .user = "u", .password = "p" };
	return journey(&request);
}

static const struct page down[] = {
	{ "other/from", "302 Found", "A/to", "Set-Cookie: a=1; Path=/\r\n" }, { .path = NULL }
};

TLS_TEST(none_leads_from_https_to_http)
{
	pages = down;
	CHECK_STR(visit_secure("/from"), bide_strerror(-BIDE_EHTTP_REDIRECTS));
	CHECK_STR(log_text, "other GET /from authorization=Basic dTpw\n");
}

TLS_TEST(one_that_is_allowed_takes_no_credentials_there)
{
	bide_http_session *usual = session;
	options.allow_downgrade = true;
	CHECK_INT(bide_http_session_open(&options, &session), 0);
	pages = down;
	/* Cookies make no difference between ports, nor, if they are not secure, schemes. */
	CHECK_STR(visit_secure("/from"), "other GET /from authorization=Basic dTpw\n"
	                                 "A GET /to cookie=a=1\n");
	bide_http_session_close(session);
	session = usual;
}

TLS_TEST(one_to_https_is_to_another_origin)
{
	static char to[128];
	snprintf(to, sizeof to, "%s/to", secure_origin);
	set_page((struct page){ "A/from", "308 Permanent", to, NULL });
	const bide_http_request request = { .url = full("A/from"), .bearer = "token" };
	CHECK_STR(journey(&request), "A GET /from authorization=Bearer token\nother GET /to\n");
}
