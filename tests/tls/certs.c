// SPDX-License-Identifier: MIT
/* Makes certificates, keys and lists by OpenSSL. See certs.h. */
#include "tls/certs.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DAY = 86400 };

static void must(bool works, const char *what)
{
	if (works)
		return;
	fprintf(stderr, "certs: %s\n", what);
	abort();
}

/* What is kept until the process ends, where leak checkers find it. */
static void keep(void *block)
{
	static void **kept __attribute__((used));
	static size_t n, room;
	must(block != NULL, "memory");
	if (n == room) {
		room = 2 * room + 64;
		kept = realloc(kept, room * sizeof *kept);
		must(kept != NULL, "memory");
	}
	kept[n++] = block;
}

/* The text that was written to memory, which is given back. */
static char *text_of(BIO *memory)
{
	char *data;
	const long size = BIO_get_mem_data(memory, &data);
	char *text = strndup(data, (size_t)size);
	keep(text);
	BIO_free(memory);
	return text;
}

/* ---- certificates ------------------------------------------------------------------------- */

static void set_name(X509_NAME *name, const char *common)
{
	must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common,
	                                -1, -1, 0) == 1,
	     "name");
}

static void extend(X509 *certificate, X509 *issuer, int kind, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
	must(extension != NULL && X509_add_ext(certificate, extension, -1) == 1, value);
	X509_EXTENSION_free(extension);
}

static void set_times(X509 *certificate, const struct recipe *recipe)
{
	const bool usual = recipe->from == 0 && recipe->until == 0;
	X509_gmtime_adj(X509_getm_notBefore(certificate), usual ? -DAY : recipe->from);
	X509_gmtime_adj(X509_getm_notAfter(certificate), usual ? DAY : recipe->until);
}

struct cert *cert_make(const struct recipe *recipe)
{
	static long serial = 1000;
	struct cert *made = calloc(1, sizeof(*made));
	keep(made);
	made->key = recipe->weak ? EVP_RSA_gen(1024) : EVP_EC_gen("P-256");
	made->certificate = X509_new();
	must(made->key != NULL && made->certificate != NULL, "key");
	X509 *certificate = made->certificate;
	const struct cert *issuer = recipe->issuer != NULL ? recipe->issuer : made;
	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate),
	                 recipe->serial != 0 ? recipe->serial : serial++);
	set_times(certificate, recipe);
	set_name(X509_get_subject_name(certificate), recipe->name);
	X509_set_issuer_name(certificate, X509_get_subject_name(issuer->certificate));
	X509_set_pubkey(certificate, made->key);
	extend(certificate, issuer->certificate, NID_basic_constraints,
	       recipe->authority ? "critical,CA:TRUE" : "CA:FALSE");
	if (recipe->authority)
		extend(certificate, issuer->certificate, NID_key_usage,
		       "critical,keyCertSign,cRLSign");
	if (recipe->hosts != NULL)
		extend(certificate, issuer->certificate, NID_subject_alt_name, recipe->hosts);
	must(X509_sign(certificate, issuer->key, EVP_sha256()) > 0, "signature");

	BIO *memory = BIO_new(BIO_s_mem());
	must(PEM_write_bio_X509(memory, certificate) == 1, "PEM");
	made->pem = text_of(memory);
	memory = BIO_new(BIO_s_mem());
	must(PEM_write_bio_PrivateKey(memory, made->key, NULL, NULL, 0, NULL, NULL) == 1, "PEM");
	made->key_pem = text_of(memory);
	return made;
}

const struct cert *cert_authority(void)
{
	static const struct cert *made;
	if (made == NULL)
		made = cert_make(&(struct recipe){ .name = "authority", .authority = true });
	return made;
}

char *cert_key_encrypted(const struct cert *cert, const char *password)
{
	BIO *memory = BIO_new(BIO_s_mem());
	must(PEM_write_bio_PrivateKey(memory, cert->key, EVP_aes_128_cbc(),
	                              (const unsigned char *)password, (int)strlen(password), NULL,
	                              NULL) == 1,
	     "encrypted PEM");
	return text_of(memory);
}

/* ---- lists -------------------------------------------------------------------------------- */

static void add_revoked(X509_CRL *list, const struct cert *cert, const ASN1_TIME *when)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(cert->certificate));
	X509_REVOKED_set_revocationDate(entry, (ASN1_TIME *)(uintptr_t)when);
	must(X509_CRL_add0_revoked(list, entry) == 1, "revocation");
}

char *cert_list(const struct cert *authority, const struct cert *revoked)
{
	X509_CRL *list = X509_CRL_new();
	ASN1_TIME *before = X509_gmtime_adj(NULL, -DAY), *after = X509_gmtime_adj(NULL, DAY);
	X509_CRL_set_version(list, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(list, X509_get_subject_name(authority->certificate));
	X509_CRL_set1_lastUpdate(list, before);
	X509_CRL_set1_nextUpdate(list, after);
	if (revoked != NULL)
		add_revoked(list, revoked, before);
	must(X509_CRL_sign(list, authority->key, EVP_sha256()) > 0, "signature");
	BIO *memory = BIO_new(BIO_s_mem());
	must(PEM_write_bio_X509_CRL(memory, list) == 1, "PEM");
	ASN1_TIME_free(before);
	ASN1_TIME_free(after);
	X509_CRL_free(list);
	return text_of(memory);
}
