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
static int connect_to_host(struct bide__http_errand *errand, bide_stream **ret_stream)
{
	char service[12];
	bide_addresses *found;
	const bide_lookup lookup = { .resolver = errand->session->options.resolver };
	snprintf(service, sizeof(service), "%u", errand->url.port);
	bide__http_note(&errand->trace, BIDE_HTTP_RESOLVING, 0);
	int rc = bide_getaddrinfo(errand->url.host, service, &lookup, &found);
	if (rc < 0)
		return rc;
	bide__http_note(&errand->trace, BIDE_HTTP_RESOLVED, 0);
	bide__http_note(&errand->trace, BIDE_HTTP_CONNECTING, 0);
	rc = bide_connect_any(found->at, found->count, NULL, ret_stream);
	bide_addresses_free(found);
	return rc;
}

static int connect_plainly(struct bide__http_errand *errand, bide_stream **ret_stream)
{
	const bide_http_options *options = &errand->session->options;
	int rc = 0, fired;
	BIDE_TIMEOUT(options->timeout_connect, fired)
		rc = options->unix_path != NULL ? connect_to_path(options->unix_path, ret_stream)
		                                : connect_to_host(errand, ret_stream);
	rc = (int)bide__http_timed(fired, rc, -BIDE_EHTTP_TIMEOUT_CONNECT);
	if (rc == 0)
		bide__http_note(&errand->trace, BIDE_HTTP_CONNECTED, 0);
	return rc;
}

/* The session's own trust is made when the first connection needs it. */
static int make_tls(bide_http_session *session)
{
	return session->tls != NULL ? 0 : bide_tls_open(NULL, &session->tls);
}

static int secure(struct bide__http_errand *errand, bide_stream *stream)
{
	bide_http_session *session = errand->session;
	const bide_start_tls_options options = { .host = errand->url.host };
	int rc = make_tls(session), fired;
	if (rc < 0)
		return rc;
	bide__http_note(&errand->trace, BIDE_HTTP_SECURING, 0);
	BIDE_TIMEOUT(session->options.timeout_tls, fired)
		rc = bide_start_tls(stream, session->tls, &options);
	rc = (int)bide__http_timed(fired, rc, -BIDE_EHTTP_TIMEOUT_TLS);
	if (rc == 0)
		bide__http_note(&errand->trace, BIDE_HTTP_SECURED, 0);
	return rc;
}

int bide__http_connect(struct bide__http_errand *errand, bide_stream **ret_stream)
{
	bide_stream *stream = NULL;
	int rc = connect_plainly(errand, &stream);
	if (rc < 0)
		return rc;
	rc = errand->url.secure ? secure(errand, stream) : 0;
	if (rc < 0)
		bide_stream_abort(stream);
	else
		*ret_stream = stream;
	return rc;
}
