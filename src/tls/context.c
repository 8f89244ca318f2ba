// SPDX-License-Identifier: MIT
/* context.c: contexts: what connections have in common, and how it is told to OpenSSL. */
#include "tls/tls.h"

#include <errno.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

/* ---- what a server chooses ---------------------------------------------------------------- */

/* Whether a context of OpenSSL's has a certificate for a host. */
static bool fits(const SSL_CTX *context, const char *host)
{
	X509 *certificate = SSL_CTX_get0_certificate(context);
	return certificate != NULL &&
	       X509_check_host(certificate, host, strlen(host), 0, NULL) == 1;
}

/* Called by OpenSSL when it has the client's hello. */
static int choose_certificate(SSL *ssl, int *ret_alert, void *arg)
{
	const struct bide__connection *connection = SSL_get_app_data(ssl);
	const struct bide__identity *identity = connection->identity;
	const char *host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	(void)arg;
	if (host == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	for (int i = 0; i < identity->n; i++)
		if (fits(identity->contexts[i], host)) {
			if (i > 0 && SSL_set_SSL_CTX(ssl, identity->contexts[i]) == NULL) {
				*ret_alert = SSL_AD_INTERNAL_ERROR;
				return SSL_TLSEXT_ERR_ALERT_FATAL;
			}
			return SSL_TLSEXT_ERR_OK;
		}
	return SSL_TLSEXT_ERR_NOACK;
}

static int choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_size,
                           const unsigned char *theirs, unsigned size, void *arg)
{
	const bide_tls *tls = ((struct bide__connection *)SSL_get_app_data(ssl))->tls;
	unsigned char *chosen;
	(void)arg;
	if (SSL_select_next_proto(&chosen, ret_size, tls->alpn, tls->alpn_size, theirs, size) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*ret = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* ---- a context of OpenSSL's --------------------------------------------------------------- */

static int set_up_server(const bide_tls *tls, SSL_CTX *context)
{
	static const unsigned char name[] = "bide";
	static const int verify[] = { [BIDE_TLS_CLIENTS_ANY] = SSL_VERIFY_NONE,
		                      [BIDE_TLS_CLIENTS_ASKED] = SSL_VERIFY_PEER,
		                      [BIDE_TLS_CLIENTS_REQUIRED] =
		                              SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT };
	SSL_CTX_set_verify(context, verify[tls->clients], NULL);
	SSL_CTX_set_tlsext_servername_callback(context, choose_certificate);
	if (tls->alpn != NULL)
		SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
	if (tls->issuers != NULL) {
		STACK_OF(X509_NAME) *issuers = SSL_dup_CA_list(tls->issuers);
		if (issuers == NULL)
			return bide__tls_own_error();
		SSL_CTX_set_client_CA_list(context, issuers);
	}
	if (tls->no_resumption)
		SSL_CTX_set_num_tickets(context, 0);
	if (SSL_CTX_set_session_id_context(context, name, sizeof(name) - 1) != 1 ||
	    SSL_CTX_set_tlsext_ticket_keys(context, (void *)(uintptr_t)tls->ticket_keys,
	                                   sizeof(tls->ticket_keys)) != 1)
		return bide__tls_own_error();
	return 0;
}

static int set_up_client(const bide_tls *tls, SSL_CTX *context)
{
	SSL_CTX_set_verify(context, tls->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	/* It returns 0 on success. */
	if (tls->alpn != NULL && SSL_CTX_set_alpn_protos(context, tls->alpn, tls->alpn_size) != 0)
		return bide__tls_own_error();
	if (!tls->no_resumption)
		bide__sessions_keep(context);
	return 0;
}

static int set_up(const bide_tls *tls, SSL_CTX *context)
{
	/* Renegotiation is how a writer would come to wait for input; TLS 1.3 is without it. */
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	/* Idle connections have no buffers, and a write is tried again with what the caller has. */
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (tls->no_resumption) {
		SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
		SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	}
	if (tls->trust != NULL)
		SSL_CTX_set1_cert_store(context, tls->trust);
	if (SSL_CTX_set_min_proto_version(context, tls->least) != 1 ||
	    SSL_CTX_set_max_proto_version(context, tls->most) != 1)
		return bide__tls_own_error();
	return tls->server ? set_up_server(tls, context) : set_up_client(tls, context);
}

static int make_context(const bide_tls *tls, const bide_tls_certificate *certificate,
                        SSL_CTX **ret_context)
{
	SSL_CTX *context = SSL_CTX_new(tls->server ? TLS_server_method() : TLS_client_method());
	if (context == NULL)
		return bide__tls_own_error();
	int rc = set_up(tls, context);
	if (rc == 0 && certificate != NULL)
		rc = bide__tls_certify(context, certificate);
	if (rc == 0)
		*ret_context = context;
	else
		SSL_CTX_free(context);
	return rc;
}

/* ---- identities --------------------------------------------------------------------------- */

void bide__identity_unref(struct bide__identity *identity)
{
	/* Who comes last has seen what the others did. */
	if (identity == NULL || __atomic_sub_fetch(&identity->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (int i = 0; i < identity->n; i++)
		SSL_CTX_free(identity->contexts[i]);
	bide__free(identity);
}

struct bide__identity *bide__identity_of(bide_tls *tls)
{
	pthread_mutex_lock(&tls->lock);
	struct bide__identity *identity = tls->identity;
	__atomic_add_fetch(&identity->refs, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&tls->lock);
	return identity;
}

static int make_identity(const bide_tls *tls, const bide_tls_certificate *certificates, int n,
                         struct bide__identity **ret_identity)
{
	if (n < 0 || (n > 0 && certificates == NULL) || (tls->server ? n == 0 : n > 1))
		return -EINVAL;
	const int contexts = n > 0 ? n : 1;
	struct bide__identity *identity =
		bide__calloc(1, sizeof(*identity) + (size_t)contexts * sizeof(*identity->contexts));
	if (identity == NULL)
		return -ENOMEM;
	identity->refs = 1;
	int rc = 0;
	for (int i = 0; i < contexts && rc == 0; i++) {
		rc = make_context(tls, n > 0 ? &certificates[i] : NULL, &identity->contexts[i]);
		identity->n += rc == 0;
	}
	if (rc == 0)
		*ret_identity = identity;
	else
		bide__identity_unref(identity);
	return rc;
}

int bide_tls_reload(bide_tls *tls, const bide_tls_certificate *certificates, int n)
{
	struct bide__identity *identity, *old;
	bide__tls_before();
	int rc = make_identity(tls, certificates, n, &identity);
	if (rc < 0)
		return rc;
	pthread_mutex_lock(&tls->lock);
	old = tls->identity;
	tls->identity = identity;
	pthread_mutex_unlock(&tls->lock);
	bide__identity_unref(old);
	return 0;
}

/* ---- contexts ----------------------------------------------------------------------------- */

/* Puts the names of a list into the form that they have in a hello: "\2h2\10http/1.1". */
static int set_alpn(bide_tls *tls, const char *list)
{
	const size_t size = strlen(list);
	if (size == 0 || size > UINT16_MAX)
		return -EINVAL;
	tls->alpn = bide__malloc(size + 1);
	tls->protocols = bide__malloc(size + 1);
	if (tls->alpn == NULL || tls->protocols == NULL)
		return -ENOMEM;
	tls->alpn_size = (unsigned)size + 1;
	for (size_t from = 0; from <= size;) {
		const size_t length = strcspn(list + from, ",");
		if (length == 0 || length > UINT8_MAX)
			return -EINVAL;
		tls->alpn[from] = (unsigned char)length;
		memcpy(tls->alpn + from + 1, list + from, length);
		memcpy(tls->protocols + from, list + from, length);
		tls->protocols[from + length] = '\0';
		from += length + 1;
	}
	return 0;
}

static int openssl_version(enum bide_tls_version version, int otherwise)
{
	switch ((int)version) {
	case 0:
		return otherwise;
	case BIDE_TLS_1_2:
		return TLS1_2_VERSION;
	case BIDE_TLS_1_3:
		return TLS1_3_VERSION;
	default:
		return -EINVAL;
	}
}

static int set_options(bide_tls *tls, const bide_tls_options *options)
{
	tls->server = options->server;
	tls->insecure = options->insecure;
	tls->no_resumption = options->no_resumption;
	tls->clients = options->clients;
	tls->least = openssl_version(options->least, TLS1_2_VERSION);
	tls->most = openssl_version(options->most, TLS1_3_VERSION);
	if (tls->least < 0 || tls->most < 0 || tls->least > tls->most ||
	    (unsigned)tls->clients > BIDE_TLS_CLIENTS_REQUIRED ||
	    (tls->server ? tls->insecure : tls->clients != BIDE_TLS_CLIENTS_ANY))
		return -EINVAL;
	int rc = options->alpn != NULL ? set_alpn(tls, options->alpn) : 0;
	if (rc == 0 && tls->server &&
	    RAND_priv_bytes(tls->ticket_keys, sizeof(tls->ticket_keys)) != 1)
		rc = bide__tls_own_error();
	if (rc == 0)
		rc = bide__tls_trust(tls, options);
	return rc < 0 ? rc
	              : make_identity(tls, options->certificates, options->n_certificates,
	                              &tls->identity);
}

static void free_context(bide_tls *tls)
{
	bide__identity_unref(tls->identity);
	bide__sessions_free(tls);
	X509_STORE_free(tls->trust);
	sk_X509_NAME_pop_free(tls->issuers, X509_NAME_free);
	OPENSSL_cleanse(tls->ticket_keys, sizeof(tls->ticket_keys));
	pthread_mutex_destroy(&tls->lock);
	bide__free(tls->alpn);
	bide__free(tls->protocols);
	bide__free(tls);
}

int bide_tls_open(const bide_tls_options *options, bide_tls **ret_tls)
{
	static const bide_tls_options defaults;
	bide_tls *tls = bide__calloc(1, sizeof(*tls));
	if (tls == NULL)
		return -ENOMEM;
	tls->refs = 1;
	pthread_mutex_init(&tls->lock, NULL); /* never fails on Linux */
	bide__tls_before();
	int rc = set_options(tls, options != NULL ? options : &defaults);
	if (rc == 0)
		*ret_tls = tls;
	else
		free_context(tls);
	return rc;
}

bide_tls *bide_tls_ref(bide_tls *tls)
{
	__atomic_add_fetch(&tls->refs, 1, __ATOMIC_RELAXED);
	return tls;
}

void bide_tls_unref(bide_tls *tls)
{
	/* Who comes last has seen what the others did. */
	if (tls != NULL && __atomic_sub_fetch(&tls->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free_context(tls);
}
