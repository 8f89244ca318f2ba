/* SPDX-License-Identifier: MIT */
/* What tests of TLS over a pair of streams in memory share. TLS_TEST(name) { … } is a test whose
 * block is the main task of a run on the virtual clock, once on a full stack and once on a light
 * one, with `net` made as usual: an authority, a server of "localhost" whose certificate is by it,
 * and a client that trusts it. The block changes what it wants to be otherwise, and calls
 * net_connect(). */
#ifndef TLS_KIT_H
#define TLS_KIT_H

#include "fault/way.h"
#include "tls/certs.h"
#include "tls/tls.h"

#include <bide/tls.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct net {
	/* Who there is. */
	struct cert *authority, *certificate;
	bide_tls_certificate identity;
	bide_tls_options client_options, server_options;
	const char *host;
	size_t capacity; /* of the pair */

	/* What has been made of that. */
	bide_tls *client_tls, *server_tls;
	bide_stream *client, *server;
	int client_rc, server_rc; /* of the handshake */
};

static struct net net;

/* An identity of certificate and key. */
static inline bide_tls_certificate identity_of(const struct cert *cert)
{
	return (bide_tls_certificate){ .chain = cert->pem, .key = cert->key_pem };
}

static inline void net_open(void)
{
	net = (struct net){ .host = "localhost" };
	net.authority = cert_make(&(struct recipe){ .name = "authority", .authority = true });
	net.certificate = cert_make(&(struct recipe){ .name = "localhost",
	                                              .hosts = "DNS:localhost,IP:127.0.0.1",
	                                              .issuer = net.authority });
	net.identity = identity_of(net.certificate);
	net.server_options = (bide_tls_options){ .server = true,
		                                 .certificates = &net.identity,
		                                 .n_certificates = 1 };
	net.client_options = (bide_tls_options){ .ca = net.authority->pem };
}

/* Closes the streams, the client's first; the contexts stay for the next connection. */
static inline void net_hang_up(void)
{
	way_look(net.client);
	way_look(net.server);
	(void)bide_stream_close(net.client);
	(void)bide_stream_close(net.server);
	net.client = net.server = NULL;
}

static inline void net_close(void)
{
	net_hang_up();
	bide_tls_unref(net.client_tls);
	bide_tls_unref(net.server_tls);
	net.client_tls = net.server_tls = NULL;
}

static BIDE_ASYNC(int, net_serve, void);
static int net_serve(void)
{
	return net.server_rc = bide_start_tls(net.server, net.server_tls, NULL);
}

/* Makes the contexts, unless there are some. */
static inline void net_contexts(void)
{
	if (net.client_tls == NULL)
		EXPECT_INT(bide_tls_open(&net.client_options, &net.client_tls), 0);
	if (net.server_tls == NULL)
		EXPECT_INT(bide_tls_open(&net.server_options, &net.server_tls), 0);
}

static inline void net_pair(void)
{
	bide_stream *pair[2] = { NULL, NULL };
	int fds[2];
	if (way_direct()) {
		EXPECT_INT(bide_stream_pair(net.capacity, pair), 0);
	} else {
		way_connect(fds);
		EXPECT_INT(bide_stream_open(fds[0], fds[0], &pair[0]), 0);
		EXPECT_INT(bide_stream_open(fds[1], fds[1], &pair[1]), 0);
	}
	net.client = pair[0];
	net.server = pair[1];
}

/* The same for streams that are there. */
static inline void net_shake_hands(void)
{
	const bide_start_tls_options options = { .host = net.host };
	bide_task *server = bide_spawn(net_serve);
	net.client_rc = bide_start_tls(net.client, net.client_tls, &options);
	if (net.client_rc < 0) {
		/* What the client has to say has been sent, and the server reads it. */
		bide_stream_close(net.client);
		net.client = NULL;
	}
	(void)bide_join(server);
}

/* Makes a connection: the results of both sides are in net. */
static inline void net_connect(void)
{
	net_contexts();
	net_pair();
	net_shake_hands();
}

/* Makes one that works. */
static inline bool net_up(void)
{
	net_connect();
	const bool client = EXPECT_INT(net.client_rc, 0), server = EXPECT_INT(net.server_rc, 0);
	return client && server;
}

/* The stream that carries a connection. */
static inline bool net_below(bide_stream *stream, bide_stream **ret_below)
{
	const struct bide__connection *connection =
		bide_stream_object(stream, &bide__tls_transport);
	if (EXPECT(connection != NULL))
		*ret_below = connection->below;
	return connection != NULL;
}

__attribute__((unused)) static const bide_options net_virtual = { .backend = BIDE_BACKEND_VIRTUAL };
__attribute__((unused)) static int net_kind;

#define TLS_TEST(name) \
	WAY_TEST(name, way_direct() ? &net_virtual : NULL, net_open(), net_close(), net_kind, 1, 0)

/* A byte that depends on where it is. */
static inline unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 7 + i / 251);
}

/* Bytes of that kind, to be freed. */
static inline unsigned char *bytes(size_t size)
{
	unsigned char *data = malloc(size + 1);
	for (size_t i = 0; i < size; i++)
		data[i] = byte_at(i);
	return data;
}

#endif
