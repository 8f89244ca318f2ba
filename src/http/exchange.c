// SPDX-License-Identifier: MIT
/* exchange.c: a request sent on a connection, and the head of its response: one way and back. */
#include "http/session.h"

#include <bide/task.h>

#include <string.h>
#include <sys/uio.h>

/* What was cut off in the midst tells how much went out, and not why. */
int bide__http_send_all(bide_stream *stream, const struct iovec *pieces, int n)
{
	ssize_t size = 0;
	for (int i = 0; i < n; i++)
		size += (ssize_t)pieces[i].iov_len;
	ssize_t written = bide_stream_writev(stream, pieces, n);
	if (written < 0 || written == size)
		return written < 0 ? (int)written : 0;
	int rc = bide_yield();
	return rc < 0 ? rc : -EPIPE;
}

static int send_request(struct bide__http_errand *errand, struct bide__http_connection *connection)
{
	struct bide__string head = { NULL, 0, 0, false };
	int fired = 0;
	ssize_t rc = bide__http_write_head(errand, &head);
	const struct iovec pieces[] = { { head.data, head.size },
		                        { (void *)(uintptr_t)errand->body.data,
		                          errand->body.size } };
	if (rc == 0) {
		bide__http_note(&errand->trace, BIDE_HTTP_SENDING, 0);
		BIDE_TIMEOUT(errand->session->options.timeout_write, fired)
			rc = bide__http_send_all(connection->stream, pieces, 2);
	}
	bide__string_free(&head);
	rc = bide__http_timed(fired, rc, -BIDE_EHTTP_TIMEOUT_WRITE);
	if (rc == 0)
		bide__http_note(&errand->trace, BIDE_HTTP_SENT, 0);
	return (int)rc;
}

int bide__http_receive_head(bide_http_session *session, struct bide__http_connection *connection,
                            bool no_body)
{
	for (;;) {
		bide__http_parser_next(&connection->parser, no_body);
		int event = bide__http_next(session, connection);
		if (event < 0)
			return event;
		if (event != BIDE__HTTP_HEAD)
			return -BIDE_EHTTP;
		const int status = connection->parser.llhttp.status_code;
		if (status == 101)
			return -BIDE_EHTTP;
		if (status < 100 || status > 199)
			return 0;
		event = bide__http_next(session, connection);
		if (event != BIDE__HTTP_END)
			return event < 0 ? event : -BIDE_EHTTP;
	}
}

int bide__http_exchange(struct bide__http_errand *errand, struct bide__http_connection *connection)
{
	const bool no_body = strcmp(errand->method, "HEAD") == 0;
	connection->answered = false;
	int rc = send_request(errand, connection);
	/* Who has closed may have said why. */
	if (rc == 0 || rc == -EPIPE)
		rc = bide__http_receive_head(errand->session, connection, no_body);
	if (rc < 0)
		return rc;
	errand->trace.status = connection->parser.llhttp.status_code;
	bide__http_note(&errand->trace, BIDE_HTTP_HEAD, 0);
	return 0;
}
