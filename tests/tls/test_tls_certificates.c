// SPDX-License-Identifier: MIT
/* What is wrong with certificates, of servers and of clients, and what is right. */
#include "tls/tls_kit.h"

#include <openssl/crypto.h>
#include <stdio.h>

/* ---- the other side's certificate --------------------------------------------------------- */

TLS_TEST(the_certificate_can_be_looked_at)
{
	char text[64], small[5];
	unsigned char der[2048], *expected = NULL;
	net.certificate = cert_make(&(struct recipe){
		.name = "localhost",
		.hosts = "DNS:localhost,IP:127.0.0.1,IP:2001:db8::1,RID:1.2.3,email:a@b.c,"
			 "URI:http://x/,DNS:a\nb",
		.issuer = net.authority });
	net.identity = identity_of(net.certificate);
	CHECK(net_up());
	CHECK_INT(bide_tls_peer_subject(net.client, text, sizeof text), 12);
	CHECK_STR(text, "CN=localhost");
	CHECK_INT(bide_tls_peer_subject(net.client, small, sizeof small), 12);
	CHECK_STR(small, "CN=l");
	static const char *const names[] = { "DNS:localhost", "IP:127.0.0.1",  "IP:2001:db8::1",
		                             "email:a@b.c",   "URI:http://x/", "DNS:a\\x0ab" };
	for (int i = 0; i < 6; i++) {
		CHECK_INT(bide_tls_peer_name(net.client, i, text, sizeof text),
		          (ssize_t)strlen(names[i]));
		CHECK_STR(text, names[i]);
	}
	CHECK_INT(bide_tls_peer_name(net.client, 6, text, sizeof text), 0);
	CHECK_INT(bide_tls_peer_name(net.client, -1, text, sizeof text), 0);
	const int size = i2d_X509(net.certificate->certificate, &expected);
	CHECK_INT(bide_tls_peer_certificate(net.client, der, 10), size);
	CHECK_INT(bide_tls_peer_certificate(net.client, der, sizeof der), size);
	CHECK_MEM(der, expected, (size_t)size);
	OPENSSL_free(expected);
	CHECK_INT(bide_tls_peer_certificate(net.server, der, sizeof der), 0);
	CHECK_INT(bide_tls_peer_subject(net.server, text, sizeof text), 0);
	CHECK_INT(bide_tls_peer_name(net.server, 0, text, sizeof text), 0);
}

/* Has the server's certificate be another one. Returns what the client thinks of it. */
static int with_certificate(const struct recipe *recipe)
{
	net.certificate = cert_make(recipe);
	net.identity = identity_of(net.certificate);
	net_connect();
	return net.client_rc;
}

TLS_TEST(an_expired_certificate_is_found_out)
{
	CHECK_INT(with_certificate(&(struct recipe){ .name = "localhost",
	                                             .hosts = "DNS:localhost",
	                                             .issuer = net.authority,
	                                             .from = -1000,
	                                             .until = -10 }),
	          -BIDE_ECERT_EXPIRED);
	CHECK_INT(net.server_rc, -BIDE_ETLS_ALERT);
	CHECK_INT(bide_tls_alert(net.server), 45); /* certificate_expired */
}

TLS_TEST(a_certificate_of_the_future_is_found_out)
{
	CHECK_INT(with_certificate(&(struct recipe){ .name = "localhost",
	                                             .hosts = "DNS:localhost",
	                                             .issuer = net.authority,
	                                             .from = 1000,
	                                             .until = 2000 }),
	          -BIDE_ECERT_NOT_YET);
}

TLS_TEST(a_self_signed_certificate_is_found_out)
{
	CHECK_INT(
		with_certificate(&(struct recipe){ .name = "localhost", .hosts = "DNS:localhost" }),
		-BIDE_ECERT_SELF_SIGNED);
	CHECK_INT(net.server_rc, -BIDE_ETLS_ALERT);
	CHECK_INT(bide_tls_alert(net.server), 48); /* unknown_ca */
	CHECK_STR(bide_tls_detail(net.server), "tlsv1 alert unknown ca");
}

TLS_TEST(an_unknown_issuer_is_found_out_whether_or_not_he_is_sent_along)
{
	struct cert *stranger =
		cert_make(&(struct recipe){ .name = "stranger", .authority = true });
	const struct recipe recipe = { .name = "localhost",
		                       .hosts = "DNS:localhost",
		                       .issuer = stranger };
	char chain[8192];
	CHECK_INT(with_certificate(&recipe), -BIDE_ECERT_ISSUER);
	net_close();
	snprintf(chain, sizeof chain, "%s%s", net.certificate->pem, stranger->pem);
	net.identity.chain = chain;
	net_connect();
	CHECK_INT(net.client_rc, -BIDE_ECERT_ISSUER);
}

TLS_TEST(a_certificate_of_another_host_is_found_out)
{
	static const char *const hosts[] = { "elsewhere.org", "127.0.0.2", "::1", "localhos",
		                             "localhost.org" };
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		net.host = hosts[i];
		net_connect();
		CHECK_INT(net.client_rc, -BIDE_ECERT_HOST);
		net_close();
	}
}

TLS_TEST(hosts_are_names_and_addresses)
{
	static const char *const hosts[] = { "localhost",     "localhost.",    "LOCALHOST",
		                             "127.0.0.1",     "a.example.org", "2001:db8::1",
		                             "2001:db8::1%lo" };
	net.certificate = cert_make(&(struct recipe){
		.name = "unused",
		.hosts = "DNS:localhost,IP:127.0.0.1,DNS:*.example.org,IP:2001:db8::1",
		.issuer = net.authority });
	net.identity = identity_of(net.certificate);
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		net.host = hosts[i];
		CHECK(net_up());
		net_hang_up();
	}
}

TLS_TEST(a_wildcard_is_for_one_label)
{
	net.certificate = cert_make(&(struct recipe){ .name = "unused",
	                                              .hosts = "DNS:*.example.org,DNS:w*.org",
	                                              .issuer = net.authority });
	net.identity = identity_of(net.certificate);
	static const char *const hosts[] = { "a.b.example.org", "example.org", "www.org" };
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		net.host = hosts[i];
		net_connect();
		CHECK_INT(net.client_rc, -BIDE_ECERT_HOST);
		net_hang_up();
	}
}

TLS_TEST(a_revoked_certificate_is_found_out)
{
	const char *list = cert_list(net.authority, net.certificate);
	net.client_options.crl_file = test_file("revoked.pem", list);
	net_connect();
	CHECK_INT(net.client_rc, -BIDE_ECERT_REVOKED);
	net_close();
	net.client_options.crl_file = test_file("none.pem", cert_list(net.authority, NULL));
	CHECK(net_up());
}

TLS_TEST(without_a_list_of_the_issuer_nobody_is_accepted)
{
	struct cert *other = cert_make(&(struct recipe){ .name = "other", .authority = true });
	net.client_options.crl_file = test_file("other.pem", cert_list(other, NULL));
	net_connect();
	CHECK_INT(net.client_rc, -BIDE_ECERT);
	net_close();
}

TLS_TEST(an_insecure_client_accepts_anybody)
{
	net.client_options = (bide_tls_options){ .insecure = true };
	CHECK_INT(with_certificate(&(struct recipe){ .name = "x", .from = -9, .until = -8 }), 0);
	net_close();
	net.host = NULL;
	CHECK(net_up());
	CHECK_NULL(bide_tls_server_name(net.server));
}

TLS_TEST(a_chain_by_way_of_another_issuer_is_followed)
{
	struct cert *between = cert_make(
		&(struct recipe){ .name = "between", .issuer = net.authority, .authority = true });
	net.certificate = cert_make(&(struct recipe){
		.name = "localhost", .hosts = "DNS:localhost", .issuer = between });
	char chain[8192];
	snprintf(chain, sizeof chain, "%s%s%s", net.certificate->pem, between->pem,
	         net.certificate->key_pem);
	net.identity = (bide_tls_certificate){ .chain = chain };
	CHECK(net_up());
}

TLS_TEST(by_default_the_system_says_whom_to_trust)
{
	net.client_options = (bide_tls_options){ 0 };
	net_connect();
	CHECK_INT(net.client_rc, -BIDE_ECERT_ISSUER);
}

static BIDE_ASYNC(void, trust_the_environment, void);
static void trust_the_environment(void)
{
	net_open();
	net.client_options = (bide_tls_options){ 0 };
	setenv("SSL_CERT_FILE", test_file("trusted.pem", net.authority->pem), 1);
	EXPECT(net_up());
	net_close();
}

TEST(the_environment_can_say_whom_to_trust)
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL };
	CHECK_INT(bide_try_run(&options, NULL, trust_the_environment), 0);
}

/* ---- clients' certificates ---------------------------------------------------------------- */

static bide_tls_certificate of_client;

static void give_client(const struct cert *issuer)
{
	of_client = identity_of(cert_make(&(struct recipe){ .name = "client", .issuer = issuer }));
	net.client_options.certificates = &of_client;
	net.client_options.n_certificates = 1;
}

/* In TLS 1.3 a client has begun before the server has seen its certificate. */
static int first_read(void)
{
	char byte;
	return (int)bide_stream_read(net.client, &byte, 1);
}

TLS_TEST(a_server_can_require_a_certificate)
{
	char subject[64];
	net.server_options.clients = BIDE_TLS_CLIENTS_REQUIRED;
	net.server_options.ca = net.authority->pem;
	give_client(net.authority);
	for (int i = 0; i < 2; i++) {
		CHECK(net_up());
		CHECK_INT(bide_tls_peer_subject(net.server, subject, sizeof subject), 9);
		CHECK_STR(subject, "CN=client");
		net_close();
		net.client_options.most = BIDE_TLS_1_2;
	}
}

TLS_TEST(a_client_without_a_certificate_is_refused_where_one_is_required)
{
	net.server_options.clients = BIDE_TLS_CLIENTS_REQUIRED;
	net.server_options.ca = net.authority->pem;
	net_connect();
	CHECK_INT(net.server_rc, -BIDE_ECERT_MISSING);
	CHECK_INT(net.client_rc, 0);
	CHECK_INT(first_read(), -BIDE_ETLS_ALERT);
	CHECK_INT(bide_tls_alert(net.client), 116); /* certificate_required */
	CHECK_INT(first_read(), -BIDE_ETLS_ALERT);
	CHECK_INT(bide_stream_write(net.client, "x", 1), -BIDE_ETLS_ALERT);
}

TLS_TEST(where_certificates_are_asked_for_none_is_fine_and_a_wrong_one_is_not)
{
	net.server_options.clients = BIDE_TLS_CLIENTS_ASKED;
	net.server_options.ca = net.authority->pem;
	CHECK(net_up());
	net_close();
	give_client(NULL);
	net_connect();
	CHECK_INT(net.server_rc, -BIDE_ECERT_SELF_SIGNED);
	CHECK_INT(first_read(), -BIDE_ETLS_ALERT);
	CHECK_INT(bide_tls_alert(net.client), 48); /* unknown_ca */
}

TLS_TEST(a_server_that_asks_for_none_gets_none)
{
	give_client(net.authority);
	CHECK(net_up());
	CHECK_INT(bide_tls_peer_subject(net.server, NULL, 0), 0);
}
