// SPDX-License-Identifier: MIT
/* tls.c: what comes from the other side of a handshake. The first byte of an input says whether
 * that is a client or a server and in how large pieces it comes, the others are what it says.
 * OpenSSL reads it; between it and the stream stands what is of ours. */
#include "fuzz.h"

#include <bide.h>
#include <bide/tls.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static bide_tls *server, *client;

/* ---- somebody to be ----------------------------------------------------------------------- */

static char *text_in(BIO *memory)
{
	char *data;
	const long size = BIO_get_mem_data(memory, &data);
	char *text = text_of((const uint8_t *)data, (size_t)size);
	BIO_free(memory);
	return text;
}

static void open_contexts(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	BIO *chain = BIO_new(BIO_s_mem());
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
	X509_set_pubkey(certificate, key);
	HOLDS(X509_sign(certificate, key, EVP_sha256()) > 0);
	HOLDS(PEM_write_bio_X509(chain, certificate) == 1);
	HOLDS(PEM_write_bio_PrivateKey(chain, key, NULL, NULL, 0, NULL, NULL) == 1);
	char *text = text_in(chain);
	const bide_tls_certificate own = { .chain = text };
	const bide_tls_options of_server = {
		.server = true, .certificates = &own, .n_certificates = 1, .alpn = "h2,http/1.1"
	};
	const bide_tls_options of_client = { .insecure = true, .alpn = "h2" };
	HOLDS(bide_tls_open(&of_server, &server) == 0);
	HOLDS(bide_tls_open(&of_client, &client) == 0);
	free(text);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

/* ---- the other side ----------------------------------------------------------------------- */

struct input {
	const uint8_t *bytes;
	size_t size;
	bide_stream *stream;
};

static BIDE_ASYNC(int, speak, struct input *);

static int speak(struct input *input)
{
	const size_t piece = 1 + (size_t)(input->bytes[0] >> 1) * 8;
	size_t at = 1;
	while (at < input->size) {
		const size_t n = piece < input->size - at ? piece : input->size - at;
		if (bide_stream_write(input->stream, input->bytes + at, n) < 0)
			break;
		at += n;
		bide_yield();
	}
	return bide_stream_shutdown(input->stream);
}

static BIDE_ASYNC(int, listen_to, const uint8_t *, size_t);

static int listen_to(const uint8_t *bytes, size_t size)
{
	bide_stream *pair[2];
	char byte;
	HOLDS(bide_stream_pair(0, pair) == 0);
	struct input input = { bytes, size, pair[1] };
	bide_task *other = bide_spawn(speak, &input);
	const bool serves = bytes[0] & 1;
	const bide_start_tls_options options = { .host = serves ? NULL : "localhost" };
	const int rc = bide_start_tls(pair[0], serves ? server : client, &options);
	/* Nobody guesses what it takes to come to an end. */
	HOLDS(rc < 0 && strcmp(bide_strerror(rc), "unknown error") != 0);
	HOLDS(bide_tls_alert(pair[0]) >= 0 && bide_tls_alert(pair[0]) <= 255);
	HOLDS(bide_stream_read(pair[0], &byte, 1) == rc);
	HOLDS(bide_stream_write(pair[0], "x", 1) == rc);
	HOLDS(bide_stream_close(pair[0]) == 0);
	(void)bide_join(other);
	return bide_stream_close(pair[1]);
}

FUZZ(bytes, size)
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL };
	if (server == NULL)
		open_contexts();
	if (size > 0)
		HOLDS(bide_try_run(&options, NULL, listen_to, bytes, size) == 0);
}
