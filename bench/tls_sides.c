// SPDX-License-Identifier: MIT
/* tls_sides.c: OpenSSL without bide, as whoever knows it would use it. See tls_sides.h. */
#include "tls_sides.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* ---- certificates ------------------------------------------------------------------------- */

static char *text_of(BIO *memory)
{
	char *data;
	const long size = BIO_get_mem_data(memory, &data);
	char *text = strndup(data, (size_t)size);
	BIO_free(memory);
	return text;
}

static void extend(X509 *certificate, int kind, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);
	tls_check(X509_add_ext(certificate, extension, -1) == 1, "no extension");
	X509_EXTENSION_free(extension);
}

static X509 *make_certificate(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
	X509 *made = X509_new();
	X509_set_version(made, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(made), issuer != NULL ? 2 : 1);
	X509_gmtime_adj(X509_getm_notBefore(made), -3600);
	X509_gmtime_adj(X509_getm_notAfter(made), 86400);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
	                           (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(made, X509_get_subject_name(issuer != NULL ? issuer : made));
	X509_set_pubkey(made, key);
	extend(made, NID_basic_constraints, issuer != NULL ? "CA:FALSE" : "critical,CA:TRUE");
	if (issuer != NULL)
		extend(made, NID_subject_alt_name, "DNS:localhost");
	tls_check(X509_sign(made, issuer_key, EVP_sha256()) > 0, "no certificate");
	return made;
}

static char *pem_of(X509 *certificate)
{
	BIO *memory = BIO_new(BIO_s_mem());
	tls_check(PEM_write_bio_X509(memory, certificate) == 1, "no PEM");
	return text_of(memory);
}

void tls_make_identity(struct tls_identity *ret_identity)
{
	EVP_PKEY *authority_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
	X509 *authority = make_certificate("authority", authority_key, NULL, authority_key);
	X509 *certificate = make_certificate("localhost", key, authority, authority_key);
	BIO *memory = BIO_new(BIO_s_mem());
	tls_check(PEM_write_bio_PrivateKey(memory, key, NULL, NULL, 0, NULL, NULL) == 1, "no PEM");
	ret_identity->key = text_of(memory);
	ret_identity->authority = pem_of(authority);
	ret_identity->chain = pem_of(certificate);
	X509_free(authority);
	X509_free(certificate);
	EVP_PKEY_free(authority_key);
	EVP_PKEY_free(key);
}

static X509 *certificate_of(const char *pem)
{
	BIO *memory = BIO_new_mem_buf(pem, -1);
	X509 *certificate = PEM_read_bio_X509(memory, NULL, NULL, NULL);
	tls_check(certificate != NULL, "no certificate");
	BIO_free(memory);
	return certificate;
}

/* ---- sockets ------------------------------------------------------------------------------ */

static struct sockaddr_in loopback(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_port = htons((unsigned short)port) };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

static void at_once(int fd)
{
	const int yes = 1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
}

int tls_listen(int *ret_port)
{
	struct sockaddr_in address = loopback(0);
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	tls_check(bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 1024) == 0 &&
	                  getsockname(fd, (struct sockaddr *)&address, &size) == 0,
	          "cannot listen");
	*ret_port = ntohs(address.sin_port);
	return fd;
}

int tls_connect(int port)
{
	const struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	tls_check(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0,
	          "cannot connect");
	at_once(fd);
	return fd;
}

/* ---- a server on epoll -------------------------------------------------------------------- */

struct side {
	SSL *ssl;
	int fd;
	size_t size; /* what is to be written still, from the beginning of `buf` */
	char buf[TLS_ROOM];
};

static void close_side(struct side *side)
{
	(void)SSL_shutdown(side->ssl);
	SSL_free(side->ssl);
	close(side->fd);
	free(side);
}

/* Reads and answers as long as that can be done. Edges are told, so all of it has to be done. */
static void go_on(struct side *side)
{
	for (;;) {
		size_t n = 0;
		int done = side->size == 0 ? SSL_read_ex(side->ssl, side->buf, sizeof(side->buf),
		                                         &side->size)
		                           : SSL_write_ex(side->ssl, side->buf, side->size, &n);
		if (n > 0)
			side->size = 0;
		if (done == 1)
			continue;
		const int why = SSL_get_error(side->ssl, 0);
		if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
			close_side(side);
		return;
	}
}

static void accept_all(SSL_CTX *context, int set, int listener)
{
	int fd;
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		struct side *side = calloc(1, sizeof(*side));
		struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
			                     .data.ptr = side };
		at_once(fd);
		side->fd = fd;
		side->ssl = SSL_new(context);
		SSL_set_fd(side->ssl, fd);
		SSL_set_accept_state(side->ssl);
		tls_check(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0, "cannot wait");
	}
}

static SSL_CTX *server_context(const struct tls_identity *identity)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	X509 *certificate = certificate_of(identity->chain);
	BIO *memory = BIO_new_mem_buf(identity->key, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(memory, NULL, NULL, NULL);
	tls_check(SSL_CTX_use_certificate(context, certificate) == 1 &&
	                  SSL_CTX_use_PrivateKey(context, key) == 1,
	          "no context");
	X509_free(certificate);
	EVP_PKEY_free(key);
	BIO_free(memory);
	/* One system call for a record and not two. */
	SSL_CTX_set_read_ahead(context, 1);
	return context;
}

const char *tls_openssl_version(void)
{
	return OpenSSL_version(OPENSSL_VERSION);
}

void tls_openssl_serve(const struct tls_identity *identity, int listener)
{
	SSL_CTX *context = server_context(identity);
	struct epoll_event events[256], event = { .events = EPOLLIN, .data.ptr = NULL };
	int set = epoll_create1(EPOLL_CLOEXEC);
	tls_check(epoll_ctl(set, EPOLL_CTL_ADD, listener, &event) == 0, "cannot wait");
	for (;;) {
		int n = epoll_wait(set, events, 256, -1);
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr != NULL)
				go_on(events[i].data.ptr);
			else
				accept_all(context, set, listener);
		}
	}
}

/* ---- a client that waits ------------------------------------------------------------------ */

struct ssl_ctx_st *tls_openssl_client(const struct tls_identity *identity)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	X509 *authority = certificate_of(identity->authority);
	tls_check(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority) == 1,
	          "no context");
	X509_free(authority);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	return context;
}

void tls_openssl_connect(struct ssl_ctx_st *context, int port)
{
	char byte = 'x';
	int fd = tls_connect(port);
	SSL *ssl = SSL_new(context);
	SSL_set_fd(ssl, fd);
	tls_check(SSL_set1_host(ssl, "localhost") == 1 &&
	                  SSL_set_tlsext_host_name(ssl, "localhost") == 1 &&
	                  SSL_connect(ssl) == 1 && SSL_write(ssl, &byte, 1) == 1 &&
	                  SSL_read(ssl, &byte, 1) == 1,
	          "a connection has failed");
	(void)SSL_shutdown(ssl);
	SSL_free(ssl);
	close(fd);
}
