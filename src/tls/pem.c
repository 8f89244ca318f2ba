// SPDX-License-Identifier: MIT
/* pem.c: whom to trust, and certificates and keys of one's own, as PEM from files or strings.
 *
 * Files are read here and not by OpenSSL, so that what the system says is told as that. */
#include "tls/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- files -------------------------------------------------------------------------------- */

enum { PIECE = 4096 };

static ssize_t read_again(int fd, void *buf, size_t size)
{
	ssize_t n;
	do
		n = read(fd, buf, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Appends what is left in a file. 0 or an error. */
static int slurp(int fd, BIO *memory)
{
	char piece[PIECE];
	ssize_t n;
	do {
		n = read_again(fd, piece, sizeof(piece));
		if (n > 0 && BIO_write(memory, piece, (int)n) != n)
			n = -ENOMEM;
	} while (n > 0);
	OPENSSL_cleanse(piece, sizeof(piece));
	return (int)n;
}

static int read_file(const char *file, BIO *memory)
{
	int fd;
	do
		fd = open(file, O_RDONLY | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return -errno;
	int rc = slurp(fd, memory);
	(void)close(fd);
	return rc;
}

/* Has the text of a file, or a string, in memory that is wiped when it is freed. */
static int open_text(const char *file, const char *string, BIO **ret_text)
{
	BIO *text = BIO_new(BIO_s_secmem());
	if (text == NULL)
		return bide__tls_own_error();
	int rc = 0;
	if (file != NULL)
		rc = read_file(file, text);
	else if (strlen(string) > INT_MAX ||
	         BIO_write(text, string, (int)strlen(string)) != (int)strlen(string))
		rc = -ENOMEM;
	if (rc == 0)
		*ret_text = text;
	else
		BIO_free(text);
	return rc;
}

/* ---- whom to trust ------------------------------------------------------------------------ */

static pthread_mutex_t system_lock = PTHREAD_MUTEX_INITIALIZER;
static X509_STORE *system_store; /* guarded by that; made once a process */

/* Certificates of the system's directory are read when they are needed, and kept; so one store for
 * all contexts reads each once. */
static int trust_system(X509_STORE **ret_store)
{
	int rc = 0;
	pthread_mutex_lock(&system_lock);
	if (system_store == NULL) {
		X509_STORE *store = X509_STORE_new();
		if (store != NULL && X509_STORE_set_default_paths(store) == 1) {
			system_store = store;
		} else {
			rc = bide__tls_own_error();
			X509_STORE_free(store);
		}
	}
	if (rc == 0) {
		X509_STORE_up_ref(system_store);
		*ret_store = system_store;
	}
	pthread_mutex_unlock(&system_lock);
	return rc;
}

/* Without this OpenSSL would ask for passwords at the terminal. */
static int refuse_password(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

/* Adds the certificates and lists that stand in a text to the store. 0 or an error. */
static int add_all(X509_STORE *store, BIO *text)
{
	STACK_OF(X509_INFO) *infos = PEM_X509_INFO_read_bio(text, NULL, refuse_password, NULL);
	int added = 0, rc = 0;
	if (infos == NULL)
		return bide__tls_own_error();
	for (int i = 0; i < sk_X509_INFO_num(infos) && rc == 0; i++) {
		const X509_INFO *info = sk_X509_INFO_value(infos, i);
		if ((info->x509 != NULL && X509_STORE_add_cert(store, info->x509) != 1) ||
		    (info->crl != NULL && X509_STORE_add_crl(store, info->crl) != 1))
			rc = bide__tls_own_error();
		added += (info->x509 != NULL) + (info->crl != NULL);
	}
	sk_X509_INFO_pop_free(infos, X509_INFO_free);
	return rc == 0 && added == 0 ? -BIDE_EPEM : rc;
}

static int add_from(X509_STORE *store, const char *file, const char *string)
{
	BIO *text;
	if (file == NULL && string == NULL)
		return 0;
	int rc = open_text(file, string, &text);
	if (rc < 0)
		return rc;
	rc = add_all(store, text);
	BIO_free(text);
	return rc;
}

/* A directory that is not there would trust nobody, and say nothing. */
static int add_directory(X509_STORE *store, const char *directory)
{
	struct stat status;
	if (directory == NULL)
		return 0;
	if (stat(directory, &status) < 0)
		return -errno;
	if (!S_ISDIR(status.st_mode))
		return -ENOTDIR;
	return X509_STORE_load_path(store, directory) == 1 ? 0 : bide__tls_own_error();
}

static int fill_store(X509_STORE *store, const bide_tls_options *options)
{
	unsigned long flags = 0;
	int rc = 0;
	if (options->ca_file == NULL && options->ca_dir == NULL && options->ca == NULL) {
		if (X509_STORE_set_default_paths(store) != 1)
			return bide__tls_own_error();
	} else {
		/* Whoever is named is trusted, whether or not somebody else has issued him. */
		flags |= X509_V_FLAG_PARTIAL_CHAIN;
	}
	if (options->crl_file != NULL)
		flags |= X509_V_FLAG_CRL_CHECK;
	rc = add_from(store, options->ca_file, NULL);
	if (rc == 0)
		rc = add_from(store, NULL, options->ca);
	if (rc == 0)
		rc = add_directory(store, options->ca_dir);
	if (rc == 0)
		rc = add_from(store, options->crl_file, NULL);
	if (rc == 0 && X509_STORE_set_flags(store, flags) != 1)
		rc = bide__tls_own_error();
	return rc;
}

static int trust_some(const bide_tls_options *options, X509_STORE **ret_store)
{
	X509_STORE *store = X509_STORE_new();
	if (store == NULL)
		return bide__tls_own_error();
	int rc = fill_store(store, options);
	if (rc == 0)
		*ret_store = store;
	else
		X509_STORE_free(store);
	return rc;
}

/* The names of those who are trusted, by which a client chooses its certificate. */
static int name_issuers(bide_tls *tls)
{
	const STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(tls->trust);
	tls->issuers = sk_X509_NAME_new_null();
	if (tls->issuers == NULL)
		return bide__tls_own_error();
	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		const X509 *certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
		if (certificate == NULL)
			continue;
		X509_NAME *name = X509_NAME_dup(X509_get_subject_name(certificate));
		if (name == NULL || sk_X509_NAME_push(tls->issuers, name) == 0) {
			X509_NAME_free(name);
			return bide__tls_own_error();
		}
	}
	return 0;
}

int bide__tls_trust(bide_tls *tls, const bide_tls_options *options)
{
	if (tls->server ? tls->clients == BIDE_TLS_CLIENTS_ANY : tls->insecure)
		return 0;
	const bool some = options->ca_file != NULL || options->ca_dir != NULL ||
	                  options->ca != NULL || options->crl_file != NULL;
	int rc = some ? trust_some(options, &tls->trust) : trust_system(&tls->trust);
	return rc == 0 && tls->server && some ? name_issuers(tls) : rc;
}

/* ---- one's own ---------------------------------------------------------------------------- */

/* Gives OpenSSL the password, if there is one. */
static int give_password(char *buf, int size, int writing, void *arg)
{
	const char *password = arg;
	(void)writing;
	if (password == NULL || strlen(password) > (size_t)size)
		return -1;
	memcpy(buf, password, strlen(password));
	return (int)strlen(password);
}

/* The first certificate of a text is one's own, the others are those of its issuers. */
static int use_chain(SSL_CTX *context, BIO *text)
{
	X509 *certificate = PEM_read_bio_X509_AUX(text, NULL, give_password, NULL);
	if (certificate == NULL)
		return bide__tls_own_error();
	int used = SSL_CTX_use_certificate(context, certificate);
	X509_free(certificate);
	while (used == 1 && (certificate = PEM_read_bio_X509(text, NULL, give_password, NULL))) {
		used = (int)SSL_CTX_add0_chain_cert(context, certificate);
		if (used != 1)
			X509_free(certificate);
	}
	const unsigned long error = ERR_peek_last_error();
	if (used == 1 && ERR_GET_LIB(error) == ERR_LIB_PEM &&
	    ERR_GET_REASON(error) == PEM_R_NO_START_LINE)
		ERR_clear_error(); /* the end of the text */
	return ERR_peek_error() != 0 ? bide__tls_own_error() : 0;
}

static int use_key(SSL_CTX *context, BIO *text, const char *password)
{
	EVP_PKEY *key =
		PEM_read_bio_PrivateKey(text, NULL, give_password, (void *)(uintptr_t)password);
	/* A key of another kind is taken, and found to be without a certificate. */
	const bool used = key != NULL && SSL_CTX_use_PrivateKey(context, key) == 1 &&
	                  SSL_CTX_check_private_key(context) == 1;
	EVP_PKEY_free(key);
	return used ? 0 : bide__tls_own_error();
}

int bide__tls_certify(SSL_CTX *context, const bide_tls_certificate *certificate)
{
	const bool with_chain = certificate->key_file == NULL && certificate->key == NULL;
	BIO *text;
	if (certificate->chain_file == NULL && certificate->chain == NULL)
		return -EINVAL;
	int rc = open_text(certificate->chain_file, certificate->chain, &text);
	if (rc < 0)
		return rc;
	rc = use_chain(context, text);
	BIO_free(text);
	if (rc < 0)
		return rc;
	rc = open_text(with_chain ? certificate->chain_file : certificate->key_file,
	               with_chain ? certificate->chain : certificate->key, &text);
	if (rc < 0)
		return rc;
	rc = use_key(context, text, certificate->password);
	BIO_free(text);
	return rc;
}
