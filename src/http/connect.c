// SPDX-License-Identifier: MIT
/* connect.c: connecting to where a URL says, by TCP or a local socket, with TLS or without. */
#include "http/session.h"

#include <bide/connect.h>

#include <stdio.h>
#include <string.h>

static int connect_plainly(bide_http_session *session, const struct bide__url *url,
                           bide_stream **ret_stream)
{
	char service[12], path[BIDE_ADDRESS_MAX];
	const bide_lookup lookup = { .resolver = session->options.resolver };
	const bide_connection_options options = { .lookup = &lookup };
	const char *unix_path = session->options.unix_path;
	int rc = 0, fired;
	snprintf(service, sizeof(service), "%u", url->port);
	if (unix_path != NULL &&
	    snprintf(path, sizeof(path), "unix:%s", unix_path) >= (int)sizeof(path))
		return -EINVAL;
	BIDE_TIMEOUT(session->options.timeout_connect, fired)
		rc = unix_path != NULL
		             ? bide_open_connection(path, NULL, &options, ret_stream)
		             : bide_open_connection(url->host, service, &options, ret_stream);
	return (int)bide__http_timed(fired, rc, -BIDE_EHTTP_TIMEOUT_CONNECT);
}

/* The session's own trust is made when the first connection needs it. */
static int make_tls(bide_http_session *session)
{
	return session->tls != NULL ? 0 : bide_tls_open(NULL, &session->tls);
}

static int secure(bide_http_session *session, const struct bide__url *url, bide_stream *stream)
{
	const bide_start_tls_options options = { .host = url->host };
	int rc = make_tls(session), fired;
	if (rc < 0)
		return rc;
	BIDE_TIMEOUT(session->options.timeout_tls, fired)
		rc = bide_start_tls(stream, session->tls, &options);
	return (int)bide__http_timed(fired, rc, -BIDE_EHTTP_TIMEOUT_TLS);
}

int bide__http_connect(bide_http_session *session, const struct bide__url *url,
                       bide_stream **ret_stream)
{
	bide_stream *stream = NULL;
	int rc = connect_plainly(session, url, &stream);
	if (rc < 0)
		return rc;
	rc = url->secure ? secure(session, url, stream) : 0;
	if (rc < 0)
		bide_stream_abort(stream);
	else
		*ret_stream = stream;
	return rc;
}
