// SPDX-License-Identifier: MIT
/* errors.c: what OpenSSL says, as errors of bide's. */
#include "tls/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sslerr.h>
#include <openssl/x509err.h>
#include <openssl/x509v3.h>

/* Empties OpenSSL's queue of errors for this thread. Returns the first one, which is nearest to
 * what has happened; or any that says that there was no memory. */
static unsigned long take_error(void)
{
	unsigned long error, first = 0;
	bool starved = false;
	while ((error = ERR_get_error()) != 0) {
		if (first == 0)
			first = error;
		if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE)
			starved = true;
	}
	return starved ? ERR_PACK(ERR_LIB_SSL, 0, ERR_R_MALLOC_FAILURE) : first;
}

/* ---- of one's own certificates ------------------------------------------------------------ */

int bide__tls_own_error(void)
{
	const unsigned long error = take_error();
	const int library = ERR_GET_LIB(error), reason = ERR_GET_REASON(error);
	if (error == 0 || reason == ERR_R_MALLOC_FAILURE)
		return -ENOMEM; /* some functions say so by saying nothing */
	if (library == ERR_LIB_X509 &&
	    (reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH))
		return -BIDE_EKEY;
	if (library == ERR_LIB_SSL && reason == SSL_R_NO_CERTIFICATE_ASSIGNED)
		return -BIDE_EKEY;
	if (library == ERR_LIB_SSL &&
	    (reason == SSL_R_EE_KEY_TOO_SMALL || reason == SSL_R_CA_KEY_TOO_SMALL ||
	     reason == SSL_R_CA_MD_TOO_WEAK))
		return -BIDE_EWEAK;
	return -BIDE_EPEM;
}

/* ---- of the other side's ------------------------------------------------------------------ */

static int of_certificate(long verdict)
{
	switch (verdict) {
	case X509_V_ERR_OUT_OF_MEM:
		return -ENOMEM;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return -BIDE_ECERT_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return -BIDE_ECERT_NOT_YET;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return -BIDE_ECERT_HOST;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return -BIDE_ECERT_SELF_SIGNED;
	/* A root that is sent along is as unknown as one that is not. */
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_CERT_UNTRUSTED:
		return -BIDE_ECERT_ISSUER;
	case X509_V_ERR_CERT_REVOKED:
		return -BIDE_ECERT_REVOKED;
	default:
		return -BIDE_ECERT;
	}
}

static int of_protocol(int reason)
{
	switch (reason) {
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return -BIDE_ECERT_MISSING;
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
		return -BIDE_ETLS_PLAIN;
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_NO_SHARED_CIPHER:
	case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
	case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
	case SSL_R_NO_SUITABLE_KEY_SHARE:
	case SSL_R_NO_APPLICATION_PROTOCOL:
	case SSL_R_NO_PROTOCOLS_AVAILABLE:
		return -BIDE_ETLS_MISMATCH;
	default:
		return -BIDE_ETLS;
	}
}

int bide__tls_peer_error(struct bide__connection *connection)
{
	const unsigned long error = take_error();
	const int reason = ERR_GET_REASON(error);
	const long verdict = SSL_get_verify_result(connection->ssl);
	if (connection->starved || reason == ERR_R_MALLOC_FAILURE)
		return -ENOMEM;
	connection->detail = ERR_reason_error_string(error);
	if (ERR_GET_LIB(error) != ERR_LIB_SSL)
		return -BIDE_ETLS;
	if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && verdict != X509_V_OK) {
		connection->detail = X509_verify_cert_error_string(verdict);
		return of_certificate(verdict);
	}
	/* OpenSSL has a reason for each alert, by its number. */
	if (reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + 255) {
		connection->alert = reason - SSL_AD_REASON_OFFSET;
		return -BIDE_ETLS_ALERT;
	}
	return of_protocol(reason);
}
