/* SPDX-License-Identifier: MIT */
/* Certificates for tests, each made when it is needed: by whom it is issued, for whom, from when to
 * when. */
#ifndef TLS_CERTS_H
#define TLS_CERTS_H

#include <openssl/x509.h>
#include <stdbool.h>

/* What a certificate is to be. */
struct recipe {
	const char *name;          /* the common name of its subject */
	const char *hosts;         /* "DNS:localhost,IP:127.0.0.1", or NULL */
	const struct cert *issuer; /* NULL: itself */
	bool authority;            /* it may issue others */
	bool weak;                 /* by a key that OpenSSL does not like */
	long from, until;          /* seconds from now; both 0: from yesterday until tomorrow */
	long serial;
};

struct cert {
	X509 *certificate;
	EVP_PKEY *key;
	char *pem;     /* the certificate */
	char *key_pem; /* the key */
};

/* Makes one. It, and all texts below, last until the process ends, which a failure brings about. */
struct cert *cert_make(const struct recipe *recipe);

/* An authority, made by the first call. */
const struct cert *cert_authority(void);

/* The key again, encrypted with a password. */
char *cert_key_encrypted(const struct cert *cert, const char *password);

/* A list, by an authority, of those that it has revoked, as PEM: one, or none for NULL. */
char *cert_list(const struct cert *authority, const struct cert *revoked);

#endif
