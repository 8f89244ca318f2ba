// SPDX-License-Identifier: MIT
/* info.c: what there is to know of a connection. */
#include "tls/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

int bide_tls_version(bide_stream *stream)
{
	const struct bide__connection *connection = bide__connection_of(stream);
	if (connection == NULL)
		return -ENOTCONN;
	if (SSL_get_current_cipher(connection->ssl) == NULL)
		return 0;
	return SSL_version(connection->ssl) == TLS1_3_VERSION ? BIDE_TLS_1_3 : BIDE_TLS_1_2;
}

const char *bide_tls_cipher(bide_stream *stream)
{
	const struct bide__connection *connection = bide__connection_of(stream);
	const SSL_CIPHER *cipher =
		connection != NULL ? SSL_get_current_cipher(connection->ssl) : NULL;
	return cipher != NULL ? SSL_CIPHER_standard_name(cipher) : NULL;
}

/* What was chosen is one of ours, and there it has a NUL behind it. */
const char *bide_tls_alpn(bide_stream *stream)
{
	const struct bide__connection *connection = bide__connection_of(stream);
	const unsigned char *chosen = NULL;
	unsigned length = 0;
	if (connection == NULL || connection->tls->alpn == NULL)
		return NULL;
	SSL_get0_alpn_selected(connection->ssl, &chosen, &length);
	const bide_tls *tls = connection->tls;
	for (unsigned at = 0; at < tls->alpn_size; at += tls->alpn[at] + 1u)
		if (tls->alpn[at] == length && memcmp(tls->alpn + at + 1, chosen, length) == 0)
			return tls->protocols + at;
	return NULL;
}

const char *bide_tls_server_name(bide_stream *stream)
{
	const struct bide__connection *connection = bide__connection_of(stream);
	return connection != NULL ? SSL_get_servername(connection->ssl, TLSEXT_NAMETYPE_host_name)
	                          : NULL;
}

bool bide_tls_resumed(bide_stream *stream)
{
	const struct bide__connection *connection = bide__connection_of(stream);
	return connection != NULL && SSL_session_reused(connection->ssl) == 1;
}

int bide_tls_alert(bide_stream *stream)
{
	const struct bide__connection *connection = bide__connection_of(stream);
	return connection != NULL ? connection->alert : -ENOTCONN;
}

const char *bide_tls_detail(bide_stream *stream)
{
	const struct bide__connection *connection = bide__connection_of(stream);
	return connection != NULL ? connection->detail : NULL;
}

int bide_tls_channel_binding(bide_stream *stream, void *buf)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	struct bide__connection *connection = bide__connection_of(stream);
	if (connection == NULL || !SSL_is_init_finished(connection->ssl))
		return -ENOTCONN;
	if (SSL_version(connection->ssl) < TLS1_3_VERSION &&
	    !SSL_get_extms_support(connection->ssl))
		return -EOPNOTSUPP;
	bide__tls_before();
	return SSL_export_keying_material(connection->ssl, buf, BIDE_TLS_BINDING_SIZE, label,
	                                  sizeof(label) - 1, (const unsigned char *)"", 0, 1) == 1
	               ? 0
	               : -ENOMEM;
}

/* ---- the other side's certificate --------------------------------------------------------- */

/* The certificate, or NULL with 0 or an error. */
static X509 *peer(bide_stream *stream, int *ret_error)
{
	const struct bide__connection *connection = bide__connection_of(stream);
	*ret_error = connection != NULL ? 0 : -ENOTCONN;
	bide__tls_before();
	return connection != NULL ? SSL_get0_peer_certificate(connection->ssl) : NULL;
}

ssize_t bide_tls_peer_certificate(bide_stream *stream, void *buf, size_t size)
{
	int rc;
	X509 *certificate = peer(stream, &rc);
	if (certificate == NULL)
		return rc;
	unsigned char *at = buf;
	const int needed = i2d_X509(certificate, NULL);
	if (needed > 0 && (size_t)needed <= size)
		return i2d_X509(certificate, &at);
	return needed > 0 ? needed : -ENOMEM;
}

/* Copies a text, as much of it as there is room for. Its length. */
static ssize_t copy_text(const char *text, size_t length, char *buf, size_t size)
{
	if (size > 0) {
		const size_t n = length < size - 1 ? length : size - 1;
		memcpy(buf, text, n);
		buf[n] = '\0';
	}
	return (ssize_t)length;
}

/* Gives away what was written to memory. */
static ssize_t copy_memory(BIO *memory, char *buf, size_t size)
{
	char *text;
	const long length = BIO_get_mem_data(memory, &text);
	return copy_text(length > 0 ? text : "", (size_t)length, buf, size);
}

ssize_t bide_tls_peer_subject(bide_stream *stream, char *buf, size_t size)
{
	int rc;
	const X509 *certificate = peer(stream, &rc);
	if (certificate == NULL)
		return rc;
	BIO *memory = BIO_new(BIO_s_mem());
	if (memory == NULL)
		return -ENOMEM;
	const unsigned long flags = XN_FLAG_RFC2253;
	const ssize_t n =
		X509_NAME_print_ex(memory, X509_get_subject_name(certificate), 0, flags) >= 0
			? copy_memory(memory, buf, size)
			: -ENOMEM;
	BIO_free(memory);
	return n;
}

/* Adds bytes that anybody may have chosen. */
static bool print_bytes(BIO *memory, const ASN1_STRING *string)
{
	const unsigned char *data = ASN1_STRING_get0_data(string);
	bool printed = true;
	for (int i = 0; i < ASN1_STRING_length(string) && printed; i++)
		printed = BIO_printf(memory, data[i] > ' ' && data[i] < 0x7f ? "%c" : "\\x%02x",
		                     data[i]) > 0;
	return printed;
}

static bool print_address(BIO *memory, const ASN1_STRING *address)
{
	char text[INET6_ADDRSTRLEN] = "";
	const int size = ASN1_STRING_length(address);
	if (size == 4 || size == 16)
		inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), text,
		          sizeof(text));
	return BIO_printf(memory, "IP:%s", text) > 0;
}

/* What a kind of name begins with; NULL for those that are passed over. */
static const char *kind_of(const GENERAL_NAME *name)
{
	switch (name->type) {
	case GEN_DNS:
		return "DNS:";
	case GEN_IPADD:
		return "IP:";
	case GEN_EMAIL:
		return "email:";
	case GEN_URI:
		return "URI:";
	default:
		return NULL;
	}
}

static bool print_name(BIO *memory, const GENERAL_NAME *name)
{
	if (name->type == GEN_IPADD)
		return print_address(memory, name->d.iPAddress);
	return BIO_puts(memory, kind_of(name)) > 0 && print_bytes(memory, name->d.ia5);
}

static const GENERAL_NAME *name_at(const GENERAL_NAMES *names, int index)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (kind_of(name) != NULL && index-- == 0)
			return name;
	}
	return NULL;
}

static ssize_t write_name(const GENERAL_NAME *name, char *buf, size_t size)
{
	BIO *memory = BIO_new(BIO_s_mem());
	if (memory == NULL)
		return -ENOMEM;
	const ssize_t n = print_name(memory, name) ? copy_memory(memory, buf, size) : -ENOMEM;
	BIO_free(memory);
	return n;
}

ssize_t bide_tls_peer_name(bide_stream *stream, int index, char *buf, size_t size)
{
	int rc, critical;
	const X509 *certificate = peer(stream, &rc);
	if (certificate == NULL)
		return rc;
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, NULL);
	if (names == NULL)
		return critical == -1 ? 0 : -ENOMEM;
	const GENERAL_NAME *name = name_at(names, index);
	const ssize_t n = name != NULL ? write_name(name, buf, size) : copy_text("", 0, buf, size);
	GENERAL_NAMES_free(names);
	return n;
}
