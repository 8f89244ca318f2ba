// SPDX-License-Identifier: MIT
/* start.c: how a connection begins. */
#include "tls/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/x509v3.h>
#include <string.h>

enum { HOST_MAX = 253 }; /* bytes of a name */

static const double refusal_seconds = 1; /* for the reason why we do not want to go on */

/* ---- whom to reach ------------------------------------------------------------------------ */

/* Copies a host: a name without the dot at its end, an address without its zone. */
static int copy_host(struct bide__connection *connection, const char *host)
{
	const char *zone = strchr(host, ':') != NULL ? strchr(host, '%') : NULL;
	size_t size = zone != NULL ? (size_t)(zone - host) : strlen(host);
	if (size > 0 && host[size - 1] == '.')
		size--;
	if (size == 0 || size > HOST_MAX)
		return -EINVAL;
	connection->host = bide__malloc(size + 1);
	if (connection->host == NULL)
		return -ENOMEM;
	memcpy(connection->host, host, size);
	connection->host[size] = '\0';
	return 0;
}

static bool is_address(const char *host)
{
	struct in6_addr address;
	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

/* Asks for the host, and has its certificate be for it. */
static int expect_host(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	if (is_address(host))
		return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1 ? 0 : bide__tls_own_error();
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, host, 0) == 1 &&
	                       SSL_set_tlsext_host_name(ssl, host) == 1
	               ? 0
	               : bide__tls_own_error();
}

static void resume_session(struct bide__connection *connection)
{
	SSL_SESSION *session = bide__sessions_take(connection->tls, connection->host);
	if (session == NULL)
		return;
	/* Where it cannot be resumed the connection begins from nothing. */
	(void)SSL_set_session(connection->ssl, session);
	SSL_SESSION_free(session);
}

static int set_up_client(struct bide__connection *connection, const bide_start_tls_options *options)
{
	const bide_tls *tls = connection->tls;
	if (options->host == NULL)
		return tls->insecure ? 0 : -EINVAL;
	int rc = copy_host(connection, options->host);
	if (rc == 0)
		rc = expect_host(connection->ssl, connection->host);
	if (rc == 0 && !tls->no_resumption)
		resume_session(connection);
	return rc;
}

/* ---- a connection ------------------------------------------------------------------------- */

static int set_up(struct bide__connection *connection, const bide_start_tls_options *options)
{
	connection->ssl = SSL_new(connection->identity->contexts[0]);
	if (connection->ssl == NULL || SSL_set_app_data(connection->ssl, connection) != 1)
		return bide__tls_own_error();
	int rc = bide__tls_attach(connection);
	if (rc < 0)
		return rc;
	if (connection->tls->server) {
		SSL_set_accept_state(connection->ssl);
		return options->host == NULL ? 0 : -EINVAL; /* a client's context was meant */
	}
	SSL_set_connect_state(connection->ssl);
	return set_up_client(connection, options);
}

static int make_connection(bide_tls *tls, const bide_start_tls_options *options,
                           struct bide__connection **ret_connection)
{
	struct bide__connection *connection = bide__calloc(1, sizeof(*connection));
	if (connection == NULL)
		return -ENOMEM;
	connection->tls = bide_tls_ref(tls);
	connection->identity = bide__identity_of(tls);
	bide__tls_before();
	int rc = set_up(connection, options);
	if (rc == 0)
		*ret_connection = connection;
	else
		bide__connection_free(connection);
	return rc;
}

/* ---- the handshake ------------------------------------------------------------------------ */

static int step(struct bide__connection *connection)
{
	bide__tls_before();
	return bide__tls_after(connection, SSL_do_handshake(connection->ssl));
}

/* A client that has what it wanted may have gone before it gets a server's tickets: what it has
 * sent can be read all the same. */
static bool may_be_gone(const struct bide__connection *connection, int rc)
{
	return connection->tls->server && SSL_is_init_finished(connection->ssl) &&
	       (rc == -EPIPE || rc == -ECONNRESET);
}

static int shake_hands(struct bide__connection *connection)
{
	const unsigned interrupts = connection->interrupts;
	for (;;) {
		const int what = step(connection);
		if (what < 0) {
			bide__tls_flush_briefly(connection, refusal_seconds);
			return what;
		}
		if (what == BIDE__TLS_ENDED)
			return -BIDE_ETRUNCATED;
		int rc = bide__tls_flush(connection, interrupts);
		if (what == BIDE__TLS_DONE && may_be_gone(connection, rc))
			return 0;
		if (rc == 0 && what == BIDE__TLS_WANTS_INPUT)
			rc = bide__tls_fill(connection, interrupts);
		else
			return rc;
		if (rc < 0)
			return rc;
	}
}

int bide_start_tls(bide_stream *stream, bide_tls *tls, const bide_start_tls_options *options)
{
	static const bide_start_tls_options defaults;
	struct bide__connection *connection = NULL;
	if (bide_current_task() == NULL)
		bide__abort("bide_start_tls", "there is no task to wait in");
	if (bide_cancelled() != 0)
		return bide_yield();
	int rc = make_connection(tls, options != NULL ? options : &defaults, &connection);
	if (rc < 0)
		return rc;
	rc = bide_stream_push(stream, &bide__tls_transport, connection, &connection->below);
	if (rc < 0) {
		bide__connection_free(connection);
		return rc;
	}
	rc = shake_hands(connection);
	if (rc < 0 && connection->error == 0)
		connection->error = rc == bide_cancelled() ? -BIDE_ECUT : rc;
	connection->open = true;
	bide_event_set(&connection->opened);
	return rc;
}
