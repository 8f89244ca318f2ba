// SPDX-License-Identifier: MIT
/* peer_client.c: see peer_client.h. */
#include "http/peer_client.h"

#include "tls/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct peer peer;
bool secure;
bide_http_session *session;

void open_session(bide_http_options options)
{
	options.tls = tls_of_client();
	if (options.proxy == NULL && peer.proxy[0] != '\0')
		options.proxy = peer.proxy;
	EXPECT_INT(bide_http_session_open(&options, &session), 0);
	bide_tls_unref(options.tls);
}

void reopen_session(bide_http_options options)
{
	bide_http_session_close(session);
	open_session(options);
}

const char *url_of(const char *path, char url[URL])
{
	snprintf(url, URL, "http%s://%s:%d%s", secure ? "s" : "", programs_host(),
	         secure ? peer.tls_port : peer.port, path);
	return url;
}

bide_http_response *ask(const char *path, bide_http_request request)
{
	char url[URL];
	bide_http_response *response = NULL;
	request.url = url_of(path, url);
	int rc = bide_http_send(session, &request, &response);
	if (rc < 0)
		FAIL("%s: %s", url, bide_strerror(rc));
	return response;
}

long field(const bide_http_response *response, const char *name)
{
	const char *value = bide_http_header(response, name, NULL);
	return value != NULL ? atol(value) : -1;
}

int pattern_of(bide_http_response *response, size_t size, size_t from)
{
	unsigned char buf[4000];
	size_t at = 0;
	ssize_t n = 0;
	if (response == NULL)
		return 0;
	const int status = bide_http_status(response);
	while ((n = bide_http_read(response, buf, sizeof buf)) > 0) {
		if (!EXPECT(peer_pattern_is(buf, (size_t)n, from + at)))
			break;
		at += (size_t)n;
	}
	EXPECT_INT(n, 0);
	EXPECT_UINT(at, size);
	bide_http_response_close(response);
	return status;
}

int text_of(bide_http_response *response, const char *text)
{
	void *body = NULL;
	if (response == NULL)
		return 0;
	const int status = bide_http_status(response);
	EXPECT_INT(bide_http_bytes(response, &body), (ssize_t)strlen(text));
	EXPECT_STR(body, text);
	bide_http_response_close(response);
	return status;
}

long connection_now(void)
{
	bide_http_response *response = ask("/files/1", (bide_http_request){ 0 });
	const long connection = response != NULL ? field(response, "X-Connection") : -1;
	EXPECT_INT(pattern_of(response, 1, 0), 200);
	EXPECT(connection > 0);
	return connection;
}

bool sees_us(void)
{
	return peer.proxy[0] == '\0' || secure;
}

void expect_kept(long connection)
{
	const long other = connection_now();
	if (sees_us())
		EXPECT_INT(other, connection);
}

int failure_of(const char *path)
{
	char url[URL];
	bide_http_response *response = NULL;
	int rc = bide_http_get(session, url_of(path, url), &response);
	bide_http_response_close(response);
	return rc;
}
