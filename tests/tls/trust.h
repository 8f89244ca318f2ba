/* SPDX-License-Identifier: MIT */
/* The two contexts of a test's connections by TLS, whose authority is cert_authority(). */
#ifndef TLS_TRUST_H
#define TLS_TRUST_H

#include "harness/test.h"
#include "tls/certs.h"

#include <bide/tls.h>

/* A server's, whom the authority vouches for by @p hosts, as of a recipe. */
static inline bide_tls *tls_of_server(const char *hosts, enum bide_tls_clients clients)
{
	const struct cert *cert = cert_make(
		&(struct recipe){ .name = "server", .hosts = hosts, .issuer = cert_authority() });
	const bide_tls_certificate identity = { .chain = cert->pem, .key = cert->key_pem };
	const bide_tls_options options = { .server = true,
		                           .certificates = &identity,
		                           .n_certificates = 1,
		                           .clients = clients,
		                           .ca = cert_authority()->pem,
		                           .alpn = "http/1.1" };
	bide_tls *tls = NULL;
	EXPECT_INT(bide_tls_open(&options, &tls), 0);
	return tls;
}

/* A client's, that trusts it. */
static inline bide_tls *tls_of_client(void)
{
	const bide_tls_options options = { .ca = cert_authority()->pem };
	bide_tls *tls = NULL;
	EXPECT_INT(bide_tls_open(&options, &tls), 0);
	return tls;
}

#endif
