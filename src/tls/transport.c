// SPDX-License-Identifier: MIT
/* transport.c: a connection as what carries a stream: reading, writing, ending it. */
#include "tls/tls.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
	RECORD = SSL3_RT_MAX_PLAIN_LENGTH, /* bytes of the user's in a record, at most */
	OVERHEAD = 256,                    /* what a record has besides, at most */
	BATCH = 4,                         /* records that are sent at once */
	PIECES_LEFT = 64                   /* of what came that are thrown away, at most */
};

static const double alert_seconds = 1;    /* for the reason why we end a connection */
static const double goodbye_seconds = 5;  /* for the end of TLS */
static const double hurried_seconds = .1; /* the same for a task that has been cancelled */

/* Waits until the handshake is over, which another task makes. 0 or an error. */
static int wait_open(struct bide__connection *connection)
{
	const unsigned interrupts = connection->interrupts;
	int rc = connection->open ? 0 : bide_event_wait(&connection->opened);
	if (rc < 0)
		return rc;
	return connection->interrupts != interrupts ? -EBADF : connection->error;
}

/* ---- reading ------------------------------------------------------------------------------ */

/* Whether OpenSSL can do anything without more input. */
static bool has_input(const struct bide__connection *connection)
{
	return connection->in_used < connection->in_size || SSL_has_pending(connection->ssl);
}

/* Takes what data there is, as long as there is room for it. Bytes; or why there are none. */
static int decrypt(struct bide__connection *connection, char *buf, size_t size, size_t *ret_size)
{
	size_t done = 0, n = 0;
	int what = BIDE__TLS_WANTS_INPUT;
	while (done < size && has_input(connection)) {
		bide__tls_before();
		what = bide__tls_after(connection,
		                       SSL_read_ex(connection->ssl, buf + done, size - done, &n));
		if (what != BIDE__TLS_DONE)
			break;
		done += n;
	}
	*ret_size = done;
	return what;
}

/* Looks whether there is data, without taking it. */
static int look(struct bide__connection *connection)
{
	char byte;
	size_t n;
	if (!has_input(connection))
		return BIDE__TLS_WANTS_INPUT;
	bide__tls_before();
	return bide__tls_after(connection, SSL_peek_ex(connection->ssl, &byte, 1, &n));
}

/* Sends what OpenSSL had to say to the other side while it read. Not what a writer has left: the
 * other side may be waiting for us to read. An error of sending is the writers'. */
static int answer(struct bide__connection *connection, unsigned interrupts)
{
	if (connection->sent >= connection->answers)
		return 0;
	int rc = bide__tls_flush(connection, interrupts);
	return rc == -EBADF || rc == bide_cancelled() ? rc : 0;
}

/* One attempt to read, or with no buffer to look. */
static int try_to_read(struct bide__connection *connection, void *buf, size_t size,
                       size_t *ret_size)
{
	const uint64_t queued = connection->queued;
	*ret_size = 0;
	int what = buf != NULL ? decrypt(connection, buf, size, ret_size) : look(connection);
	if (connection->queued != queued)
		connection->answers = connection->queued;
	if (what < 0 && connection->sent < connection->answers)
		bide__tls_flush_briefly(connection, alert_seconds);
	return what;
}

static ssize_t read_or_look(struct bide__connection *connection, void *buf, size_t size)
{
	const unsigned interrupts = connection->interrupts;
	int rc = wait_open(connection);
	while (rc == 0 && !connection->ended) {
		size_t done;
		int what = try_to_read(connection, buf, size, &done);
		if (done > 0)
			return (ssize_t)done;
		if (what != BIDE__TLS_WANTS_INPUT)
			return what < 0 ? what : 0;
		rc = answer(connection, interrupts);
		if (rc == 0)
			rc = bide__tls_fill(connection, interrupts);
	}
	return rc;
}

static ssize_t tls_read(void *object, void *buf, size_t size)
{
	return read_or_look(object, buf, size);
}

static int tls_wait(void *object)
{
	return (int)read_or_look(object, NULL, 0);
}

/* ---- writing ------------------------------------------------------------------------------ */

/* What is still to be written of the user's buffers. */
struct rest {
	const struct iovec *buffers;
	int n;
	size_t skip; /* bytes of the first that have been taken */
};

static void skip_empty(struct rest *rest)
{
	while (rest->n > 0 && rest->skip == rest->buffers->iov_len) {
		rest->buffers++;
		rest->n--;
		rest->skip = 0;
	}
}

/* Copies what fits into a record out of several buffers. */
static size_t gather(struct rest rest, unsigned char *record)
{
	size_t size = 0;
	for (skip_empty(&rest); rest.n > 0 && size < RECORD; skip_empty(&rest)) {
		const size_t left = rest.buffers->iov_len - rest.skip;
		const size_t n = left < RECORD - size ? left : RECORD - size;
		memcpy(record + size, (const char *)rest.buffers->iov_base + rest.skip, n);
		rest.skip += n;
		size += n;
	}
	return size;
}

static void advance(struct rest *rest, size_t size)
{
	skip_empty(rest);
	while (size > 0) {
		const size_t left = rest->buffers->iov_len - rest->skip;
		const size_t n = left < size ? left : size;
		rest->skip += n;
		size -= n;
		skip_empty(rest);
	}
}

/* Makes one record. */
static int encrypt(struct bide__connection *connection, const void *data, size_t size)
{
	size_t n;
	if (bide__tls_reserve(connection, size + OVERHEAD) < 0)
		return -ENOMEM;
	bide__tls_before();
	return bide__tls_after(connection, SSL_write_ex(connection->ssl, data, size, &n));
}

/* Makes a record of the beginning of the rest. */
static int encrypt_some(struct bide__connection *connection, const struct rest *rest,
                        size_t *ret_size)
{
	const size_t left = rest->buffers->iov_len - rest->skip;
	if (rest->n == 1 || left >= RECORD) {
		*ret_size = left < RECORD ? left : RECORD;
		return encrypt(connection, (const char *)rest->buffers->iov_base + rest->skip,
		               *ret_size);
	}
	unsigned char *record = bide__malloc(RECORD);
	if (record == NULL)
		return -ENOMEM;
	*ret_size = gather(*rest, record);
	int what = encrypt(connection, record, *ret_size);
	bide__free(record);
	return what;
}

/* Records that have been made of one call's data. */
struct batch {
	int n;
	struct {
		size_t size;   /* bytes of the user's, of this one and those before */
		uint64_t upto; /* what is queued behind it */
	} records[BATCH];
};

/* Makes as many records as a batch has. Why it stopped; BIDE__TLS_DONE: it is full, or nothing is
 * left. */
static int fill_batch(struct bide__connection *connection, struct rest *rest, struct batch *batch)
{
	size_t total = 0, size;
	batch->n = 0;
	skip_empty(rest);
	while (batch->n < BATCH && rest->n > 0) {
		int what = encrypt_some(connection, rest, &size);
		if (what != BIDE__TLS_DONE)
			return what;
		advance(rest, size);
		total += size;
		batch->records[batch->n].size = total;
		batch->records[batch->n].upto = connection->queued;
		batch->n++;
		connection->owed = connection->queued;
	}
	return BIDE__TLS_DONE;
}

/* How many of the user's bytes count as written when a flush has failed. Those that have gone; and
 * all when who was cancelled leaves the rest to the next writer, as what is encrypted can be sent
 * later, not taken back. Without memory nobody may ever come to send it, while the user waits for
 * the answer: he is told, and that is the end of writing. */
static ssize_t written(struct bide__connection *by, const struct batch *batch, int rc)
{
	const bool kept = !by->cut && rc == bide_cancelled();
	by->cut = by->cut || rc == -ENOMEM;
	ssize_t size = 0;
	for (int i = 0; i < batch->n; i++)
		if (kept || batch->records[i].upto <= by->sent)
			size = (ssize_t)batch->records[i].size;
	return size > 0 ? size : rc;
}

/* Makes at least one record, waiting for input if OpenSSL must see some first. 0 or an error. */
static int make_batch(struct bide__connection *connection, struct rest *rest, struct batch *batch,
                      unsigned interrupts)
{
	for (;;) {
		int rc = bide__tls_flush(connection, interrupts);
		if (rc < 0)
			return rc;
		const int what = fill_batch(connection, rest, batch);
		if (batch->n > 0 || what == BIDE__TLS_DONE)
			return 0;
		if (what == BIDE__TLS_ENDED)
			return -EPIPE;
		if (what < 0)
			return what;
		rc = bide__tls_flush(connection, interrupts);
		if (rc == 0)
			rc = bide__tls_fill(connection, interrupts);
		if (rc < 0)
			return rc;
	}
}

static ssize_t tls_write(void *object, const struct iovec *buffers, int n)
{
	struct bide__connection *connection = object;
	const unsigned interrupts = connection->interrupts;
	struct rest rest = { buffers, n, 0 };
	struct batch batch = { .n = 0 };
	int rc = wait_open(connection);
	if (rc == 0 && SSL_get_shutdown(connection->ssl) & SSL_SENT_SHUTDOWN)
		rc = -EPIPE;
	if (rc == 0)
		rc = make_batch(connection, &rest, &batch, interrupts);
	if (rc < 0)
		return rc;
	assert(batch.n > 0);
	rc = bide__tls_flush(connection, interrupts);
	return rc < 0 ? written(connection, &batch, rc) : (ssize_t)batch.records[batch.n - 1].size;
}

/* ---- ending ------------------------------------------------------------------------------- */

/* Says that we send no more, once. */
static int say_goodbye(struct bide__connection *connection)
{
	if (SSL_get_shutdown(connection->ssl) & SSL_SENT_SHUTDOWN)
		return 0;
	bide__tls_before();
	int rc = SSL_shutdown(connection->ssl);
	if (rc == 0)
		return 0; /* said, and not answered yet; it is no error, and leaves none */
	rc = bide__tls_after(connection, rc);
	return rc < 0 ? rc : 0;
}

/* In the midst of a message of the handshake's, as a ticket of which a part has come, OpenSSL says
 * no good-bye, so the rest is waited for. 0 or an error. */
static int see_to_the_end(struct bide__connection *connection, unsigned interrupts)
{
	int rc = 0;
	while (rc == 0 && SSL_in_init(connection->ssl)) {
		const int what = look(connection);
		if (what != BIDE__TLS_WANTS_INPUT)
			return what < 0 ? what : 0;
		if (SSL_in_init(connection->ssl))
			rc = bide__tls_fill(connection, interrupts);
	}
	return rc;
}

/* Reading goes on, so the connection below stays as it is. */
static int tls_shutdown(void *object)
{
	struct bide__connection *connection = object;
	const unsigned interrupts = connection->interrupts;
	int rc = wait_open(connection);
	if (rc == 0)
		rc = see_to_the_end(connection, interrupts);
	if (rc == 0)
		rc = say_goodbye(connection);
	return rc < 0 ? rc : bide__tls_flush(connection, interrupts);
}

static void tls_interrupt(void *object)
{
	struct bide__connection *connection = object;
	connection->interrupts++;
	bide_event_set(&connection->came);
	if (!connection->open)
		bide_event_set(&connection->opened);
	bide_stream_interrupt(connection->below);
}

/* Has a handshake return that is made while the stream is closed. */
static void end_handshake(struct bide__connection *connection)
{
	tls_interrupt(connection);
	BIDE_SHIELD {
		while (!connection->open) {
			bide_event_clear(&connection->opened);
			(void)bide_event_wait(&connection->opened);
		}
	}
}

/* What is kept for the other side, and the end of TLS: not for ever, and where the task has been
 * cancelled not for long. */
static void send_last(struct bide__connection *connection)
{
	const bool hurried = bide_cancelled() != 0;
	if (!SSL_in_init(connection->ssl))
		(void)say_goodbye(connection);
	BIDE_SHIELD {
		bide__tls_flush_briefly(connection, hurried ? hurried_seconds : goodbye_seconds);
	}
}

/* What has come and is not read has the system reset a connection that is closed, and what is still
 * on its way be lost. Somebody who has only written has not read the tickets of TLS 1.3. */
static void throw_away_what_came(bide_stream *below)
{
	char nowhere[1024];
	const int fd = bide_stream_fd(below);
	int pieces = fd >= 0 ? PIECES_LEFT : 0;
	while (pieces > 0 && recv(fd, nowhere, sizeof(nowhere), MSG_DONTWAIT) > 0)
		pieces--;
}

static int tls_close(void *object, bool abort)
{
	struct bide__connection *connection = object;
	bide_stream *below = connection->below;
	const bool in_task = bide_current_task() != NULL;
	if (!connection->open && in_task)
		end_handshake(connection);
	if (!abort && in_task && connection->error == 0)
		send_last(connection);
	if (!abort)
		throw_away_what_came(below);
	const bool lost = connection->sent < connection->owed;
	bide__connection_free(connection);
	if (abort) {
		bide_stream_abort(below);
		return 0;
	}
	int rc = bide_stream_close(below);
	return rc == 0 && lost ? -BIDE_ECUT : rc;
}

static bide_stream *tls_below(void *object)
{
	return ((struct bide__connection *)object)->below;
}

static bool tls_has_input(void *object)
{
	const struct bide__connection *connection = object;
	return has_input(connection) || connection->ended || connection->error != 0;
}

const bide_transport bide__tls_transport = {
	.name = "TLS",
	.read = tls_read,
	.wait = tls_wait,
	.write = tls_write,
	.shutdown = tls_shutdown,
	.interrupt = tls_interrupt,
	.close = tls_close,
	.below = tls_below,
	.has_input = tls_has_input,
};

struct bide__connection *bide__connection_of(bide_stream *stream)
{
	return bide_stream_object(stream, &bide__tls_transport);
}
