// SPDX-License-Identifier: MIT
/* Sessions: what a client resumes, and what it does not. */
#include "tls/tls_kit.h"

#include <openssl/ssl.h>
#include <stdio.h>

/* A connection over which something has gone in both directions, so that tickets have come. Whether
 * it was resumed, as both sides say. */
static int resumed(void)
{
	char byte;
	if (!net_up() || !EXPECT_INT(bide_stream_write(net.server, "x", 1), 1) ||
	    !EXPECT_INT(bide_stream_read(net.client, &byte, 1), 1) ||
	    !EXPECT_INT(bide_tls_resumed(net.client), bide_tls_resumed(net.server)))
		return -1;
	int is = bide_tls_resumed(net.client);
	net_hang_up();
	return is;
}

TLS_TEST(a_second_connection_resumes_the_session)
{
	for (int version = 0; version < 2; version++) {
		CHECK_INT(resumed(), 0);
		for (int i = 0; i < 5; i++)
			CHECK_INT(resumed(), 1);
		net_close();
		net.client_options.most = BIDE_TLS_1_2;
	}
}

TLS_TEST(a_session_of_tls_1_2_without_tickets_is_resumed_by_its_number)
{
	net.client_options.most = BIDE_TLS_1_2;
	net_contexts();
	struct bide__identity *identity = bide__identity_of(net.server_tls);
	SSL_CTX_set_options(identity->contexts[0], SSL_OP_NO_TICKET);
	bide__identity_unref(identity);
	CHECK_INT(resumed(), 0);
	CHECK_INT(resumed(), 1);
}

TLS_TEST(the_certificate_is_known_in_a_resumed_session)
{
	char subject[64];
	CHECK_INT(resumed(), 0);
	CHECK(net_up());
	CHECK(bide_tls_resumed(net.client));
	CHECK_INT(bide_tls_peer_subject(net.client, subject, sizeof subject), 12);
	CHECK_STR(subject, "CN=localhost");
}

TLS_TEST(a_ticket_of_tls_1_3_is_used_once)
{
	net_contexts();
	CHECK_INT(resumed(), 0);
	SSL_SESSION *one = bide__sessions_take(net.client_tls, "localhost");
	SSL_SESSION *other = bide__sessions_take(net.client_tls, "localhost");
	CHECK(one != NULL && other != NULL && one != other);
	CHECK_NULL(bide__sessions_take(net.client_tls, "localhost"));
	SSL_SESSION_free(one);
	SSL_SESSION_free(other);
	CHECK_INT(resumed(), 0);
}

TLS_TEST(sessions_are_kept_by_host)
{
	CHECK_INT(resumed(), 0);
	net.host = "127.0.0.1";
	CHECK_INT(resumed(), 0);
	CHECK_INT(resumed(), 1);
	net.host = "localhost";
	CHECK_INT(resumed(), 1);
}

TLS_TEST(sessions_are_not_kept_across_contexts)
{
	CHECK_INT(resumed(), 0);
	bide_tls_unref(net.client_tls);
	net.client_tls = NULL;
	CHECK_INT(resumed(), 0);
}

TLS_TEST(a_server_that_does_not_know_the_session_begins_anew)
{
	CHECK_INT(resumed(), 0);
	bide_tls_unref(net.server_tls);
	net.server_tls = NULL;
	CHECK_INT(resumed(), 0);
	CHECK_INT(resumed(), 1);
}

TLS_TEST(sessions_are_resumed_after_a_reload)
{
	CHECK_INT(resumed(), 0);
	CHECK_INT(bide_tls_reload(net.server_tls, &net.identity, 1), 0);
	CHECK_INT(resumed(), 1);
}

TLS_TEST(a_session_that_is_over_is_not_resumed)
{
	net.client_options.most = BIDE_TLS_1_2;
	CHECK_INT(resumed(), 0);
	SSL_SESSION *session = bide__sessions_take(net.client_tls, "localhost");
	CHECK(session != NULL);
	SSL_SESSION_set_time(session, SSL_SESSION_get_time(session) - 1000000);
	SSL_SESSION_free(session);
	CHECK_NULL(bide__sessions_take(net.client_tls, "localhost"));
	CHECK_INT(resumed(), 0);
}

TLS_TEST(either_side_can_do_without_sessions)
{
	for (int i = 0; i < 4; i++) {
		(i % 2 == 0 ? &net.client_options : &net.server_options)->no_resumption = true;
		net.client_options.most = i < 2 ? 0 : BIDE_TLS_1_2;
		CHECK_INT(resumed(), 0);
		CHECK_INT(resumed(), 0);
		net_close();
		net.client_options.no_resumption = net.server_options.no_resumption = false;
	}
}

TLS_TEST(a_refused_certificate_leaves_no_session)
{
	net.certificate = cert_make(&(struct recipe){ .name = "localhost" });
	net.identity = identity_of(net.certificate);
	net.client_options.most = BIDE_TLS_1_2;
	net_connect();
	CHECK_INT(net.client_rc, -BIDE_ECERT_SELF_SIGNED);
	CHECK_NULL(bide__sessions_take(net.client_tls, "localhost"));
}

TLS_TEST(the_certificate_of_a_client_is_known_in_a_resumed_session)
{
	char subject[64];
	struct cert *client =
		cert_make(&(struct recipe){ .name = "client", .issuer = net.authority });
	const bide_tls_certificate of_client = identity_of(client);
	net.server_options.clients = BIDE_TLS_CLIENTS_REQUIRED;
	net.server_options.ca = net.authority->pem;
	net.client_options.certificates = &of_client;
	net.client_options.n_certificates = 1;
	CHECK_INT(resumed(), 0);
	CHECK(net_up());
	CHECK(bide_tls_resumed(net.server));
	CHECK_INT(bide_tls_peer_subject(net.server, subject, sizeof subject), 9);
	CHECK_STR(subject, "CN=client");
}

TLS_TEST(the_hosts_used_longest_ago_are_forgotten)
{
	enum { HOSTS = 256 };
	char host[32];
	net.client_options.most = BIDE_TLS_1_2;
	net.client_options.ca = NULL;
	net.client_options.insecure = true;
	net.host = host;
	for (int i = 0; i <= HOSTS; i++) {
		snprintf(host, sizeof host, "host-%d.org", i == HOSTS ? 0 : i);
		CHECK_INT(resumed(), i == HOSTS);
	}
	CHECK_INT(net.client_tls->hosts, HOSTS);
	strcpy(host, "one-more.org");
	CHECK_INT(resumed(), 0);
	CHECK_INT(net.client_tls->hosts, HOSTS);
	strcpy(host, "host-0.org");
	CHECK_INT(resumed(), 1);
	strcpy(host, "host-1.org");
	CHECK_NULL(bide__sessions_take(net.client_tls, host));
}
