// SPDX-License-Identifier: MIT
/* What TLS does on its own account while data is read and written: new keys, tickets that come in
 * pieces, renegotiation, which is refused. */
#include "tls/tls_kit.h"

#include <openssl/ssl.h>

static SSL *ssl_of(bide_stream *stream)
{
	struct bide__connection *connection = bide_stream_object(stream, &bide__tls_transport);
	return connection->ssl;
}

static BIDE_ASYNC_LIGHT(int, send_bytes, bide_stream *, size_t);
static int send_bytes(bide_stream *stream, size_t size)
{
	unsigned char *data = bytes(size);
	ssize_t n = bide_stream_write(stream, data, size);
	free(data);
	return n == (ssize_t)size ? 0 : -EIO;
}

static bool receives(bide_stream *stream, size_t size)
{
	unsigned char *got = malloc(size), *expected = bytes(size);
	bool right = EXPECT_INT(bide_stream_read_exactly(stream, got, size), (ssize_t)size) &&
	             EXPECT_MEM(got, expected, size);
	free(expected);
	free(got);
	return right;
}

static bool exchange(size_t size)
{
	bide_task *up = bide_spawn(send_bytes, net.client, size);
	bool right = receives(net.server, size);
	bide_task *down = bide_spawn(send_bytes, net.server, size);
	right = receives(net.client, size) && right;
	right = EXPECT_INT(bide_await(int, up), 0) && right;
	return EXPECT_INT(bide_await(int, down), 0) && right;
}

TLS_TEST(keys_are_changed_while_data_flows)
{
	CHECK(net_up());
	for (int i = 0; i < 6; i++) {
		SSL *ssl = ssl_of(i % 2 == 0 ? net.client : net.server);
		CHECK_INT(SSL_key_update(ssl, i < 4 ? SSL_KEY_UPDATE_REQUESTED
		                                    : SSL_KEY_UPDATE_NOT_REQUESTED),
		          1);
		CHECK(exchange(40000));
	}
}

TLS_TEST(keys_are_changed_by_both_at_once_with_both_reading_and_writing)
{
	net.capacity = 1500;
	CHECK(net_up());
	for (int i = 0; i < 4; i++) {
		int rc;
		CHECK_INT(SSL_key_update(ssl_of(net.client), SSL_KEY_UPDATE_REQUESTED), 1);
		CHECK_INT(SSL_key_update(ssl_of(net.server), SSL_KEY_UPDATE_REQUESTED), 1);
		BIDE_GROUP(group, rc) {
			bide_group_spawn(group, send_bytes, net.client, (size_t)50000);
			bide_group_spawn(group, send_bytes, net.server, (size_t)50000);
			EXPECT(receives(net.server, 50000));
			EXPECT(receives(net.client, 50000));
		}
		CHECK_INT(rc, 0);
	}
}

/* ---- tickets in pieces -------------------------------------------------------------------- */

static bide_tls_certificate of_client;

/* A ticket has the client's certificate in it, and so is larger than such a record. */
static bool large_tickets_in_small_records(void)
{
	of_client = identity_of(
		cert_make(&(struct recipe){ .name = "client", .issuer = net.authority }));
	net.server_options.clients = BIDE_TLS_CLIENTS_REQUIRED;
	net.server_options.ca = net.authority->pem;
	net.client_options.certificates = &of_client;
	net.client_options.n_certificates = 1;
	net_contexts();
	struct bide__identity *identity = bide__identity_of(net.server_tls);
	bool set = EXPECT_INT(SSL_CTX_set_max_send_fragment(identity->contexts[0], 512), 1);
	bide__identity_unref(identity);
	return set;
}

static BIDE_ASYNC_LIGHT(ssize_t, read_client, void);
static ssize_t read_client(void)
{
	char byte;
	return bide_stream_read(net.client, &byte, 1);
}

/* Starts TLS with a server that is stuck in the midst of a ticket, of which a part has been read.
 */
static bide_task *start_in_pieces(void)
{
	net_pair();
	bide_task *server = bide_spawn(net_serve);
	net.client_rc = bide_start_tls(net.client, net.client_tls,
	                               &(bide_start_tls_options){ .host = "localhost" });
	EXPECT_INT(net.client_rc, 0);
	bide_task *reader = bide_spawn(read_client);
	bide_yield();
	bide_yield();
	bide_cancel(reader);
	EXPECT_INT(bide_await(ssize_t, reader), -ECANCELED);
	return server;
}

TLS_TEST(a_writer_that_must_see_the_rest_of_a_ticket_reads_it)
{
	CHECK(large_tickets_in_small_records());
	int in_midst = 0;
	for (size_t capacity = 560; capacity < 800; capacity += 30) {
		net.capacity = capacity;
		bide_task *server = start_in_pieces();
		in_midst += SSL_in_init(ssl_of(net.client));
		bide_task *writer = bide_spawn(send_bytes, net.client, (size_t)3000);
		CHECK_INT(bide_await(int, server), 0);
		CHECK(receives(net.server, 3000));
		CHECK_INT(bide_await(int, writer), 0);
		CHECK(exchange(2000));
		net_hang_up();
	}
	CHECK(in_midst > 0);
}

TLS_TEST(a_writer_that_must_see_the_rest_of_a_ticket_waits_for_who_reads_it)
{
	CHECK(large_tickets_in_small_records());
	int in_midst = 0;
	for (size_t capacity = 560; capacity < 800; capacity += 30) {
		net.capacity = capacity;
		bide_task *server = start_in_pieces();
		in_midst += SSL_in_init(ssl_of(net.client));
		bide_task *reader = bide_spawn(read_client);
		bide_task *writer = bide_spawn(send_bytes, net.client, (size_t)3000);
		CHECK_INT(bide_await(int, server), 0);
		CHECK(receives(net.server, 3000));
		CHECK_INT(bide_await(int, writer), 0);
		CHECK_INT(bide_stream_write(net.server, "x", 1), 1);
		CHECK_INT(bide_await(ssize_t, reader), 1);
		net_hang_up();
	}
	CHECK(in_midst > 0);
}

TLS_TEST(a_shutdown_in_the_midst_of_a_ticket_sees_the_rest_first)
{
	char byte;
	CHECK(large_tickets_in_small_records());
	int in_midst = 0;
	for (size_t capacity = 560; capacity < 800; capacity += 30) {
		net.capacity = capacity;
		bide_task *server = start_in_pieces();
		in_midst += SSL_in_init(ssl_of(net.client));
		CHECK_INT(bide_stream_shutdown(net.client), 0);
		CHECK_INT(bide_await(int, server), 0);
		CHECK_INT(bide_stream_read(net.server, &byte, 1), 0);
		CHECK_INT(bide_stream_write(net.server, "x", 1), 1);
		CHECK_INT(bide_stream_read(net.client, &byte, 1), 1);
		net_hang_up();
	}
	CHECK(in_midst > 0);
}

/* ---- renegotiation ------------------------------------------------------------------------ */

TLS_TEST(renegotiation_is_refused)
{
	char buf[4];
	net.client_options.most = BIDE_TLS_1_2;
	CHECK(net_up());
	SSL_clear_options(ssl_of(net.client), SSL_OP_NO_RENEGOTIATION);
	CHECK_INT(SSL_renegotiate(ssl_of(net.client)), 1);
	bide_task *writer = bide_spawn(send_bytes, net.client, (size_t)1);
	int rc;
	BIDE_TIMEOUT(1, rc) {
		EXPECT_INT(bide_stream_read(net.server, buf, 1), -ETIMEDOUT);
	}
	CHECK_INT(bide_await(int, writer), -EIO);
	CHECK_INT(bide_stream_read(net.client, buf, 1), -BIDE_ETLS);
	CHECK_STR(bide_tls_detail(net.client), "no renegotiation");
}
