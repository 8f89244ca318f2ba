/* SPDX-License-Identifier: MIT */
/* tls_sides.h: what bench/tls compares bide with: OpenSSL on blocking sockets, and on epoll. */
#ifndef BENCH_TLS_SIDES_H
#define BENCH_TLS_SIDES_H

#include <sys/socket.h>

struct ssl_ctx_st; /* an SSL_CTX */

enum { TLS_ROOM = 16384 }; /* bytes of a message, at most */

/* Somebody called "localhost", by whom nobody else knows; as PEM. */
struct tls_identity {
	char *authority, *chain, *key;
};

/* Makes one, with keys of the curve P-256. */
void tls_make_identity(struct tls_identity *ret_identity);

/* Says what is wrong and ends the program, unless it holds. */
void tls_check(int holds, const char *sentence);

/* Sockets on the loopback. */
int tls_listen(int *ret_port);
int tls_connect(int port);

/* Which OpenSSL it is, in words. */
const char *tls_openssl_version(void);

/* Answers on all connections, by epoll, until the process is ended. */
void tls_openssl_serve(const struct tls_identity *identity, int listener);

/* A client's context that trusts the authority, and one connection by it, with an answer. */
struct ssl_ctx_st *tls_openssl_client(const struct tls_identity *identity);
void tls_openssl_connect(struct ssl_ctx_st *context, int port);

#endif
