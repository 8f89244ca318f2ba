// SPDX-License-Identifier: MIT
/* connection.c: between OpenSSL and the stream below.
 *
 *     stream below ── peek ──► in ──► OpenSSL ──► out ──► sending ── write ──► stream below
 *
 * OpenSSL never waits: it reads what is shown in `in` and is told to come back when that is used
 * up, and what it writes is added to `out`. Only then, outside of its calls, input is waited for
 * and output sent. So several tasks may be in a connection, one at a time in OpenSSL.
 *
 * Who sends holds the mutex `sender` until nothing is left, what others have added meanwhile
 * included: records must go out in the order in which they were made, each of them once. What
 * could not be sent for a cancellation stays, and goes out before all that follows. */
#include "tls/tls.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <string.h>

/* ---- what OpenSSL calls ------------------------------------------------------------------- */

static int bio_read(BIO *bio, char *buf, int size)
{
	struct bide__connection *connection = BIO_get_data(bio);
	const size_t left = connection->in_size - connection->in_used;
	const size_t n = (size_t)size < left ? (size_t)size : left;
	BIO_clear_retry_flags(bio);
	if (n == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(buf, connection->in + connection->in_used, n);
	connection->in_used += n;
	return (int)n;
}

static int bio_write(BIO *bio, const char *buf, int size)
{
	struct bide__connection *connection = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (bide__tls_reserve(connection, (size_t)size) < 0) {
		connection->starved = true;
		return -1;
	}
	memcpy(connection->out.data + connection->out.size, buf, (size_t)size);
	connection->out.size += (size_t)size;
	connection->queued += (size_t)size;
	return size;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio, (void)number, (void)pointer;
	return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static BIO_METHOD *made; /* guarded by that; kept until the process ends */
	pthread_mutex_lock(&lock);
	if (made == NULL) {
		BIO_METHOD *method =
			BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "bide stream");
		if (method != NULL && BIO_meth_set_read(method, bio_read) == 1 &&
		    BIO_meth_set_write(method, bio_write) == 1 &&
		    BIO_meth_set_ctrl(method, bio_ctrl) == 1)
			made = method;
		else
			BIO_meth_free(method);
	}
	BIO_METHOD *method = made;
	pthread_mutex_unlock(&lock);
	return method;
}

int bide__tls_attach(struct bide__connection *connection)
{
	const BIO_METHOD *method = bio_method();
	BIO *bio = method != NULL ? BIO_new(method) : NULL;
	if (bio == NULL)
		return -ENOMEM;
	BIO_set_data(bio, connection);
	BIO_set_init(bio, 1);
	SSL_set_bio(connection->ssl, bio, bio);
	return 0;
}

/* ---- around a call of OpenSSL ------------------------------------------------------------- */

void bide__tls_before(void)
{
	if (ERR_peek_error() != 0) /* which is much less work */
		ERR_clear_error();
}

/* Gives back what has been shown when all of it has been used, and with that the buffer, which is
 * not to be kept while nobody reads. */
static void settle(struct bide__connection *connection)
{
	const void *nothing;
	if (connection->in_size == 0 || connection->in_used < connection->in_size)
		return;
	bide_stream_consume(connection->below, connection->in_size);
	(void)bide_stream_peek(connection->below, 0, &nothing);
	connection->in = NULL;
	connection->in_size = connection->in_used = 0;
}

int bide__tls_after(struct bide__connection *connection, int result)
{
	const int what = SSL_get_error(connection->ssl, result);
	settle(connection);
	switch (what) {
	case SSL_ERROR_NONE:
		return BIDE__TLS_DONE;
	case SSL_ERROR_WANT_READ:
		return BIDE__TLS_WANTS_INPUT;
	case SSL_ERROR_ZERO_RETURN:
		connection->ended = true;
		return BIDE__TLS_ENDED;
	default:
		if (connection->error == 0)
			connection->error = bide__tls_peer_error(connection);
		ERR_clear_error();
		return connection->error;
	}
}

/* ---- input -------------------------------------------------------------------------------- */

static int fill_alone(struct bide__connection *connection)
{
	const void *data;
	assert(connection->in_size == 0);
	connection->filling = true;
	bide_event_clear(&connection->came);
	ssize_t n = bide_stream_peek(connection->below, 1, &data);
	connection->filling = false;
	bide_event_set(&connection->came);
	if (n == 0)
		return -BIDE_ETRUNCATED;
	if (n < 0)
		return (int)n;
	connection->in = data;
	connection->in_size = (size_t)n;
	return 0;
}

int bide__tls_fill(struct bide__connection *connection, unsigned interrupts)
{
	if (connection->interrupts != interrupts)
		return -EBADF;
	if (connection->in_size > 0)
		return 0;
	int rc = connection->filling ? bide_event_wait(&connection->came) : fill_alone(connection);
	return rc == 0 && connection->interrupts != interrupts ? -EBADF : rc;
}

/* ---- output ------------------------------------------------------------------------------- */

int bide__tls_reserve(struct bide__connection *connection, size_t size)
{
	struct bide__block *out = &connection->out;
	const size_t least = out->size + size;
	if (least <= out->room)
		return 0;
	const size_t room = least > 2 * out->room ? least : 2 * out->room;
	void *data = bide__realloc(out->data, room);
	if (data == NULL)
		return -ENOMEM;
	out->data = data;
	out->room = room;
	return 0;
}

static void drop(struct bide__block *block)
{
	bide__free(block->data);
	*block = (struct bide__block){ NULL, 0, 0 };
}

/* Sends the block `sending`. 0, or an error: it stays if nothing of it was sent, else all is
 * over. */
static int send_block(struct bide__connection *connection)
{
	struct bide__block *block = &connection->sending;
	size_t sent = 0;
	while (sent < block->size) {
		ssize_t n = bide_stream_write(connection->below, block->data + sent,
		                              block->size - sent);
		if (n < 0) {
			connection->cut = connection->cut || sent > 0;
			return (int)n;
		}
		sent += (size_t)n;
		connection->sent += (size_t)n;
	}
	drop(block);
	return 0;
}

static int send_all(struct bide__connection *connection, unsigned interrupts)
{
	int rc = 0;
	while (rc == 0 && connection->sent < connection->queued) {
		if (connection->interrupts != interrupts)
			return -EBADF;
		if (connection->cut)
			return -BIDE_ECUT;
		if (connection->sending.size == 0) {
			connection->sending = connection->out;
			connection->out = (struct bide__block){ NULL, 0, 0 };
		}
		rc = send_block(connection);
	}
	return rc;
}

int bide__tls_flush(struct bide__connection *connection, unsigned interrupts)
{
	if (connection->sent == connection->queued)
		return 0;
	int rc = bide_mutex_lock(&connection->sender);
	if (rc < 0)
		return rc;
	rc = send_all(connection, interrupts);
	bide_mutex_unlock(&connection->sender);
	return rc;
}

void bide__tls_flush_briefly(struct bide__connection *connection, double seconds)
{
	int rc;
	BIDE_TIMEOUT(seconds, rc) {
		(void)bide__tls_flush(connection, connection->interrupts);
	}
	(void)rc;
}

void bide__connection_free(struct bide__connection *connection)
{
	SSL_free(connection->ssl);
	drop(&connection->out);
	drop(&connection->sending);
	bide__identity_unref(connection->identity);
	bide_tls_unref(connection->tls);
	bide__free(connection->host);
	bide__free(connection);
}
