// SPDX-License-Identifier: MIT
/* exchange.c: a request sent on a connection, and the head of its response: one way and back. */
#include "http/session.h"

#include <bide/task.h>

#include <string.h>
#include <sys/uio.h>

/* What was cut off in the midst tells how much went out, and not why. */
static ssize_t send_all(struct bide__http_connection *connection, const struct iovec *pieces)
{
	const ssize_t size = (ssize_t)(pieces[0].iov_len + pieces[1].iov_len);
	ssize_t n = bide_stream_writev(connection->stream, pieces, 2);
	if (n < 0 || n == size)
		return n < 0 ? n : 0;
	int rc = bide_yield();
	return rc < 0 ? rc : -EPIPE;
}

static int send_request(struct bide__http_errand *errand, struct bide__http_connection *connection)
{
	const bool foreign =
		errand->first.host != NULL && !bide__url_same_origin(&errand->first, &errand->url);
	struct bide__string head = { NULL, 0, 0, false };
	int fired = 0;
	ssize_t rc =
		bide__http_write_head(errand->session, errand->request, errand->method,
	                              &errand->url, errand->body, errand->type, foreign, &head);
	const struct iovec pieces[] = { { head.data, head.size },
		                        { (void *)(uintptr_t)errand->body.data,
		                          errand->body.size } };
	if (rc == 0) {
		bide__http_note(&errand->trace, BIDE_HTTP_SENDING, 0);
		BIDE_TIMEOUT(errand->session->options.timeout_write, fired)
			rc = send_all(connection, pieces);
	}
	bide__string_free(&head);
	rc = bide__http_timed(fired, rc, -BIDE_EHTTP_TIMEOUT_WRITE);
	if (rc == 0)
		bide__http_note(&errand->trace, BIDE_HTTP_SENT, 0);
	return (int)rc;
}

/* Waits for the head of the response; those of 1xx come before it. */
static int receive_head(struct bide__http_errand *errand, struct bide__http_connection *connection)
{
	const bool no_body = strcmp(errand->method, "HEAD") == 0;
	for (;;) {
		bide__http_parser_next(&connection->parser, no_body);
		int event = bide__http_next(errand->session, connection);
		if (event < 0)
			return event;
		if (event != BIDE__HTTP_HEAD)
			return -BIDE_EHTTP;
		const int status = connection->parser.llhttp.status_code;
		if (status == 101)
			return -BIDE_EHTTP;
		if (status < 100 || status > 199) {
			errand->trace.status = status;
			bide__http_note(&errand->trace, BIDE_HTTP_HEAD, 0);
			return 0;
		}
		event = bide__http_next(errand->session, connection);
		if (event != BIDE__HTTP_END)
			return event < 0 ? event : -BIDE_EHTTP;
	}
}

int bide__http_exchange(struct bide__http_errand *errand, struct bide__http_connection *connection)
{
	connection->answered = false;
	int rc = send_request(errand, connection);
	/* Who has closed may have said why. */
	return rc == 0 || rc == -EPIPE ? receive_head(errand, connection) : rc;
}
