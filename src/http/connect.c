// SPDX-License-Identifier: MIT
/* connect.c: connecting to where a URL says, by TCP or a local socket, with TLS or without. */
#include "http/session.h"

#include <bide/connect.h>

#include <stdio.h>
#include <string.h>

static int connect_to_path(const char *unix_path, bide_stream **ret_stream)
{
	char path[BIDE_ADDRESS_MAX];
	if (snprintf(path, sizeof(path), "unix:%s", unix_path) >= (int)sizeof(path))
		return -EINVAL;
	return bide_open_connection(path, NULL, NULL, ret_stream);
}

/* In two steps, as it is to be known how long each takes. */
static int connect_to_host(struct bide__http_errand *errand, const struct bide__url *url,
                           bide_stream **ret_stream)
{
	char service[12];
	bide_addresses *found;
	const bide_lookup lookup = { .resolver = errand->session->options.resolver };
	const bide_connection_options options = { .local = errand->route.local };
	snprintf(service, sizeof(service), "%u", url->port);
	bide__http_note(&errand->trace, BIDE_HTTP_RESOLVING, 0);
	int rc = bide_getaddrinfo(url->host, service, &lookup, &found);
	if (rc < 0)
		return rc;
	bide__http_note(&errand->trace, BIDE_HTTP_RESOLVED, 0);
	bide__http_note(&errand->trace, BIDE_HTTP_CONNECTING, 0);
	rc = bide_connect_any(found->at, found->count, &options, ret_stream);
	bide_addresses_free(found);
	return rc;
}

/* Whom the system trusts; made when the first connection needs it. */
static int make_tls(bide_tls **tls)
{
	const bide_tls_options options = { .alpn = "http/1.1" };
	return *tls != NULL ? 0 : bide_tls_open(&options, tls);
}

static int secure_to_proxy(struct bide__http_errand *errand, bide_stream *stream)
{
	bide_http_session *session = errand->session;
	const bide_start_tls_options options = { .host = errand->route.proxy->host };
	int rc = make_tls(&session->proxy_tls);
	return rc < 0 ? rc : bide_start_tls(stream, session->proxy_tls, &options);
}

static int connect_to_proxy(struct bide__http_errand *errand, bide_stream **ret_stream)
{
	const struct bide__url *proxy = errand->route.proxy;
	bide_stream *stream = NULL;
	int rc = connect_to_host(errand, proxy, &stream);
	if (rc < 0)
		return rc;
	bide__http_note(&errand->trace, BIDE_HTTP_CONNECTED, 0);
	if (proxy->secure)
		rc = secure_to_proxy(errand, stream);
	if (rc == 0 && errand->url.secure)
		rc = bide__http_tunnel(errand, stream);
	if (rc < 0)
		bide_stream_abort(stream);
	else
		*ret_stream = stream;
	return rc;
}

static int connect_directly(struct bide__http_errand *errand, bide_stream **ret_stream)
{
	int rc = errand->route.unix_path != NULL
	                 ? connect_to_path(errand->route.unix_path, ret_stream)
	                 : connect_to_host(errand, errand->route.url, ret_stream);
	if (rc == 0)
		bide__http_note(&errand->trace, BIDE_HTTP_CONNECTED, 0);
	return rc;
}

/* All that comes before the host itself is spoken to. */
static int reach(struct bide__http_errand *errand, bide_stream **ret_stream)
{
	int rc = 0, fired;
	BIDE_TIMEOUT(errand->session->options.timeout_connect, fired)
		rc = errand->route.proxy != NULL ? connect_to_proxy(errand, ret_stream)
		                                 : connect_directly(errand, ret_stream);
	return (int)bide__http_timed(fired, rc, -BIDE_EHTTP_TIMEOUT_CONNECT);
}

/* A context of the user's may name other protocols, too, of which the server may choose one. */
static int settle_protocol(bide_stream *stream)
{
	const char *chosen = bide_tls_alpn(stream);
	return chosen == NULL || strcmp(chosen, "http/1.1") == 0 || strcmp(chosen, "http/1.0") == 0
	               ? 0
	               : -BIDE_ETLS_MISMATCH;
}

static int secure(struct bide__http_errand *errand, bide_stream *stream)
{
	bide_http_session *session = errand->session;
	const struct bide__http_route *route = &errand->route;
	const bide_start_tls_options options = { .host = route->server_name != NULL
		                                                 ? route->server_name
		                                                 : route->url->host };
	int rc = route->tls != NULL ? 0 : make_tls(&session->tls), fired;
	if (rc < 0)
		return rc;
	bide__http_note(&errand->trace, BIDE_HTTP_SECURING, 0);
	BIDE_TIMEOUT(session->options.timeout_tls, fired)
		rc = bide_start_tls(stream, route->tls != NULL ? route->tls : session->tls,
		                    &options);
	rc = (int)bide__http_timed(fired, rc, -BIDE_EHTTP_TIMEOUT_TLS);
	if (rc == 0)
		bide__http_note(&errand->trace, BIDE_HTTP_SECURED, 0);
	return rc == 0 ? settle_protocol(stream) : rc;
}

int bide__http_connect(struct bide__http_errand *errand, bide_stream **ret_stream)
{
	bide_stream *stream = NULL;
	int rc = reach(errand, &stream);
	if (rc < 0)
		return rc;
	rc = errand->url.secure ? secure(errand, stream) : 0;
	if (rc < 0)
		bide_stream_abort(stream);
	else
		*ret_stream = stream;
	return rc;
}
