// SPDX-License-Identifier: MIT
/* Contexts: what they are made of, certificates chosen by name and replaced while they are used. */
#include "tls/tls_kit.h"

#include <stdio.h>

/* ---- options that mean nothing ------------------------------------------------------------ */

/* What a context cannot be made of. */
static int refused(const bide_tls_options *options)
{
	bide_tls *tls = NULL;
	int rc = bide_tls_open(options, &tls);
	EXPECT(rc == 0 || tls == NULL);
	bide_tls_unref(tls);
	return rc;
}

TLS_TEST(options_that_mean_nothing_are_refused)
{
	const bide_tls_certificate two[] = { net.identity, net.identity }, none = { 0 };
	char name[300];
	memset(name, 'a', sizeof name);
	name[sizeof name - 1] = '\0';
	const bide_tls_options options[] = {
		{ .server = true },
		{ .server = true, .certificates = two, .n_certificates = -1 },
		{ .server = true, .certificates = NULL, .n_certificates = 1 },
		{ .server = true, .certificates = &none, .n_certificates = 1 },
		{ .server = true, .certificates = two, .n_certificates = 1, .insecure = true },
		{ .server = true, .certificates = two, .n_certificates = 1, .clients = 3 },
		{ .certificates = two, .n_certificates = 2 },
		{ .clients = BIDE_TLS_CLIENTS_ASKED },
		{ .least = 11 },
		{ .most = 14 },
		{ .least = BIDE_TLS_1_3, .most = BIDE_TLS_1_2 },
		{ .alpn = "" },
		{ .alpn = "h2," },
		{ .alpn = ",h2" },
		{ .alpn = "h2,,http/1.1" },
		{ .alpn = name },
	};
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
		CHECK_INT(refused(&options[i]), -EINVAL);
}

TLS_TEST(a_context_is_shared_by_references)
{
	bide_tls *tls = NULL;
	CHECK_INT(bide_tls_open(NULL, &tls), 0);
	CHECK_PTR(bide_tls_ref(tls), tls);
	bide_tls_unref(tls);
	bide_tls_unref(tls);
	bide_tls_unref(NULL);
}

TLS_TEST(a_connection_outlives_the_callers_references)
{
	char byte;
	CHECK(net_up());
	bide_tls_unref(net.client_tls);
	bide_tls_unref(net.server_tls);
	net.client_tls = net.server_tls = NULL;
	CHECK_INT(bide_stream_write(net.client, "x", 1), 1);
	CHECK_INT(bide_stream_read(net.server, &byte, 1), 1);
}

/* ---- files and keys ----------------------------------------------------------------------- */

static int refused_certificate(bide_tls_certificate certificate)
{
	return refused(&(bide_tls_options){
		.server = true, .certificates = &certificate, .n_certificates = 1 });
}

TLS_TEST(certificates_and_keys_may_be_in_files)
{
	net.identity =
		(bide_tls_certificate){ .chain_file = test_file("chain.pem", net.certificate->pem),
		                        .key_file =
		                                test_file("key.pem", net.certificate->key_pem) };
	net.client_options.ca_file = test_file("ca.pem", net.authority->pem);
	net.client_options.ca = NULL;
	CHECK(net_up());
}

TLS_TEST(a_directory_of_issuers_is_looked_through_by_hash)
{
	char name[32];
	snprintf(name, sizeof name, "%08lx.0", X509_subject_name_hash(net.authority->certificate));
	test_file(name, net.authority->pem);
	net.client_options.ca = NULL;
	net.client_options.ca_dir = test_directory();
	CHECK(net_up());
}

TLS_TEST(what_is_not_there_is_told_as_the_system_does)
{
	CHECK_INT(refused(&(bide_tls_options){ .ca_file = "/nowhere/ca.pem" }), -ENOENT);
	CHECK_INT(refused(&(bide_tls_options){ .ca_dir = "/nowhere" }), -ENOENT);
	CHECK_INT(refused(&(bide_tls_options){ .ca_dir = "/dev/null" }), -ENOTDIR);
	CHECK_INT(refused(&(bide_tls_options){ .crl_file = "/nowhere/crl.pem" }), -ENOENT);
	CHECK_INT(refused(&(bide_tls_options){ .ca_file = "/" }), -EISDIR);
	CHECK_INT(refused_certificate((bide_tls_certificate){ .chain_file = "/nowhere" }), -ENOENT);
	CHECK_INT(refused_certificate((bide_tls_certificate){ .chain = net.certificate->pem,
	                                                      .key_file = "/nowhere" }),
	          -ENOENT);
}

TLS_TEST(what_is_no_certificate_or_key_is_an_error_of_its_own)
{
	char cut[64];
	snprintf(cut, sizeof cut, "%.60s", net.authority->pem);
	CHECK_INT(refused(&(bide_tls_options){ .ca = "nonsense" }), -BIDE_EPEM);
	CHECK_INT(refused(&(bide_tls_options){ .ca = "" }), -BIDE_EPEM);
	CHECK_INT(refused(&(bide_tls_options){ .ca = cut }), -BIDE_EPEM);
	CHECK_INT(refused_certificate((bide_tls_certificate){ .chain = "nonsense" }), -BIDE_EPEM);
	CHECK_INT(refused_certificate((bide_tls_certificate){ .chain = net.certificate->pem }),
	          -BIDE_EPEM);
	CHECK_INT(refused_certificate((bide_tls_certificate){ .chain = net.certificate->pem,
	                                                      .key = "nonsense" }),
	          -BIDE_EPEM);
	CHECK_INT(refused_certificate((bide_tls_certificate){ .chain = net.certificate->key_pem,
	                                                      .key = net.certificate->key_pem }),
	          -BIDE_EPEM);
}

TLS_TEST(a_key_of_another_certificate_is_an_error_of_its_own)
{
	struct cert *rsa = cert_make(&(struct recipe){ .name = "rsa", .weak = true });
	CHECK_INT(refused_certificate((bide_tls_certificate){ .chain = net.certificate->pem,
	                                                      .key = net.authority->key_pem }),
	          -BIDE_EKEY);
	CHECK_INT(refused_certificate((bide_tls_certificate){ .chain = net.certificate->pem,
	                                                      .key = rsa->key_pem }),
	          -BIDE_EKEY);
}

TLS_TEST(a_weak_key_is_an_error_of_its_own)
{
	struct cert *weak = cert_make(&(struct recipe){ .name = "weak", .weak = true });
	CHECK_INT(refused_certificate(identity_of(weak)), -BIDE_EWEAK);
}

TLS_TEST(a_key_may_have_a_password)
{
	const char *key = cert_key_encrypted(net.certificate, "secret");
	bide_tls_certificate identity = { .chain = net.certificate->pem, .key = key };
	CHECK_INT(refused_certificate(identity), -BIDE_EPEM);
	identity.password = "wrong";
	CHECK_INT(refused_certificate(identity), -BIDE_EPEM);
	identity.password = "";
	CHECK_INT(refused_certificate(identity), -BIDE_EPEM);
	identity.password = "secret";
	net.identity = identity;
	CHECK(net_up());
}

/* ---- names and reloading ------------------------------------------------------------------ */

static struct cert *server_of(const char *name, const char *hosts)
{
	return cert_make(&(struct recipe){ .name = name, .hosts = hosts, .issuer = net.authority });
}

/* The subject of the server that a client reaches by that name; a static string. */
static const char *reached(const char *host)
{
	static char subject[64];
	net.host = host;
	if (!net_up())
		return "nobody";
	(void)bide_tls_peer_subject(net.client, subject, sizeof subject);
	net_hang_up();
	return subject;
}

TLS_TEST(a_server_has_a_certificate_for_each_name)
{
	static bide_tls_certificate identities[3];
	identities[0] = identity_of(server_of("first", "DNS:a.org,IP:127.0.0.1"));
	identities[1] = identity_of(server_of("second", "DNS:b.org,DNS:*.b.org"));
	identities[2] = identity_of(server_of("third", "DNS:c.org,DNS:x.b.org"));
	net.server_options.certificates = identities;
	net.server_options.n_certificates = 3;
	for (int version = 0; version < 2; version++) {
		CHECK_STR(reached("a.org"), "CN=first");
		CHECK_STR(reached("b.org"), "CN=second");
		CHECK_STR(reached("x.b.org"), "CN=second");
		CHECK_STR(reached("C.org"), "CN=third");
		CHECK_STR(reached("127.0.0.1"), "CN=first");
		net_close();
		net.client_options.most = BIDE_TLS_1_2;
	}
	net.host = "elsewhere.org";
	net_connect();
	CHECK_INT(net.client_rc, -BIDE_ECERT_HOST);
}

TLS_TEST(new_connections_have_the_certificates_of_a_reload_and_old_ones_keep_theirs)
{
	char byte;
	const bide_tls_certificate renewed = identity_of(server_of("renewed", "DNS:localhost"));
	net.client_options.no_resumption = true;
	CHECK_STR(reached("localhost"), "CN=localhost");
	CHECK(net_up());
	bide_stream *old[2] = { net.client, net.server };
	CHECK_INT(bide_tls_reload(net.server_tls, &renewed, 1), 0);
	CHECK_STR(reached("localhost"), "CN=renewed");
	CHECK_INT(bide_stream_write(old[0], "x", 1), 1);
	CHECK_INT(bide_stream_read(old[1], &byte, 1), 1);
	CHECK_INT(bide_stream_close(old[0]), 0);
	CHECK_INT(bide_stream_read(old[1], &byte, 1), 0);
	CHECK_INT(bide_stream_close(old[1]), 0);
}

TLS_TEST(a_handshake_that_has_begun_goes_on_with_what_was_before_a_reload)
{
	char subject[64];
	const bide_tls_certificate renewed = identity_of(server_of("renewed", "DNS:localhost"));
	net_contexts();
	net_pair();
	bide_task *server = bide_spawn(net_serve);
	bide_sleep(1);
	CHECK_INT(bide_tls_reload(net.server_tls, &renewed, 1), 0);
	CHECK_INT(bide_start_tls(net.client, net.client_tls,
	                         &(bide_start_tls_options){ .host = "localhost" }),
	          0);
	CHECK_INT(bide_await(int, server), 0);
	CHECK_INT(bide_tls_peer_subject(net.client, subject, sizeof subject), 12);
	CHECK_STR(subject, "CN=localhost");
}

TLS_TEST(a_reload_that_fails_changes_nothing)
{
	const bide_tls_certificate nonsense = { .chain = "nonsense" };
	net_contexts();
	CHECK_INT(bide_tls_reload(net.server_tls, &nonsense, 1), -BIDE_EPEM);
	CHECK_INT(bide_tls_reload(net.server_tls, NULL, 0), -EINVAL);
	CHECK_STR(reached("localhost"), "CN=localhost");
}
