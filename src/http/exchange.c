// SPDX-License-Identifier: MIT
/* exchange.c: a request sent on a connection, and the head of its response: one way and back.
 *
 * While a body is being sent, unless it is small, a task of its own reads what comes: a server may
 * answer before it has read all, and may not read on before its answer is read. That task touches
 * only what is the connection's, as the caller's stack may be that of a light task. */
#include "http/session.h"

#include "base/alloc.h"

#include <bide/task.h>

#include <math.h>
#include <string.h>

enum { FIRST_FAILURE = 300 }; /* the status from which on nobody waits for the rest of a body */

/* ---- receiving ---------------------------------------------------------------------------- */

void bide__http_expect(struct bide__http_connection *connection, bool no_body, double patience)
{
	connection->answered = connection->headed = connection->continued = false;
	connection->cut = connection->ended = false;
	connection->error = 0;
	connection->patience = patience;
	connection->ahead_at = 0;
	bide__http_parser_next(&connection->parser, no_body);
}

static int status_of(const struct bide__http_connection *connection)
{
	return connection->parser.llhttp.status_code;
}

/* Takes the next part of a head, or of what comes before it. 0 or an error. */
static int receive_some(struct bide__http_connection *connection)
{
	int event = bide__http_next(connection);
	if (event < 0)
		return event;
	if (event == BIDE__HTTP_END) {
		connection->continued |= status_of(connection) == 100;
		/* What comes before the response has an end all the same. */
		const size_t framing = connection->parser.framing;
		bide__http_parser_next(&connection->parser, connection->parser.no_body);
		connection->parser.framing = framing;
		return 0;
	}
	if (event != BIDE__HTTP_HEAD || status_of(connection) == 101)
		return -BIDE_EHTTP;
	connection->headed = status_of(connection) > 199;
	return 0;
}

int bide__http_receive_head(struct bide__http_connection *connection)
{
	int rc = 0;
	while (rc == 0 && !connection->headed)
		rc = receive_some(connection);
	return rc;
}

/* The same, and notes when it was there. */
static int receive_noted(struct bide__http_connection *connection)
{
	int rc = bide__http_receive_head(connection);
	if (rc == 0 && isnan(connection->trace->times.at[BIDE_HTTP_HEAD])) {
		connection->trace->status = status_of(connection);
		bide__http_note(connection->trace, BIDE_HTTP_HEAD, 0);
	}
	return rc;
}

/* ---- sending ------------------------------------------------------------------------------ */

static BIDE_ASYNC_LIGHT(int, watch, struct bide__http_connection *, bide_scope *, size_t);

/* Reads what comes while a body is being sent, and ends that if it is of no use any more. */
static int watch(struct bide__http_connection *connection, bide_scope *scope, size_t limit)
{
	int rc = receive_noted(connection);
	if (rc == 0 && status_of(connection) < FIRST_FAILURE)
		rc = bide__http_read_ahead(connection, limit);
	else if (rc == 0)
		bide_scope_cancel(scope);
	if (rc < 0 && rc != bide_cancelled()) {
		connection->error = rc;
		bide_scope_cancel(scope);
	}
	return 0;
}

static int send_watched(struct bide__http_errand *errand, struct bide__http_connection *connection,
                        bide_bytes head)
{
	int rc = -ENOMEM, cancelled = 0;
	struct bide__http_trace *met = bide__malloc(sizeof(*met));
	if (met == NULL)
		return -ENOMEM;
	*met = errand->trace;
	met->quiet = true;
	connection->trace = met;
	BIDE_SCOPE(scope, cancelled) {
		bide_task *watcher =
			bide_spawn(watch, connection, scope, errand->session->options.body_limit);
		if (watcher != NULL) {
			rc = bide__http_body_send(&errand->body, connection->stream, head);
			bide_cancel(watcher);
			(void)bide_join(watcher);
		}
	}
	/* That it was of no use any more, and not that the caller was cancelled. */
	if (cancelled == -ECANCELED && rc < 0)
		rc = -BIDE_ECUT;
	connection->trace = &errand->trace;
	bide__http_trace_add(&errand->trace, met);
	bide__free(met);
	return rc;
}

/* In the time that the session has for it. What TLS has encrypted then, and will send with what
 * comes next, counts as written, but nothing comes next. */
static int send_timely(struct bide__http_errand *errand, struct bide__http_connection *connection,
                       struct bide__http_body *body, bide_bytes head)
{
	int rc = 0, fired;
	BIDE_TIMEOUT(errand->session->options.timeout_write, fired)
		rc = bide__http_body_is_small(body)
		             ? bide__http_body_send(body, connection->stream, head)
		             : send_watched(errand, connection, head);
	return fired == -ETIMEDOUT ? -BIDE_EHTTP_TIMEOUT_WRITE : fired < 0 ? fired : rc;
}

/* 0, or an error that what has come meanwhile does not explain. */
static int send_request(struct bide__http_errand *errand, struct bide__http_connection *connection,
                        bide_bytes head)
{
	int rc = send_timely(errand, connection, &errand->body, head);
	connection->cut = rc < 0;
	if (connection->error < 0)
		return connection->error;
	if (connection->headed && status_of(connection) >= FIRST_FAILURE)
		return rc < 0 && rc == bide_cancelled() ? rc : 0;
	return errand->body.error == 0 && bide__http_is_closed(rc) ? 0 : rc;
}

/* Sends the head and waits for leave to send the body: RFC 9110, 10.1.1. */
static int ask(struct bide__http_errand *errand, struct bide__http_connection *connection,
               bide_bytes *head)
{
	struct bide__http_body none = { .n = 0 };
	int fired = 0, rc = send_timely(errand, connection, &none, *head);
	head->size = 0;
	if (rc < 0)
		return bide__http_is_closed(rc) ? 0 : rc;
	BIDE_TIMEOUT(errand->session->options.timeout_continue, fired) {
		while (rc == 0 && !connection->headed && !connection->continued)
			rc = receive_some(connection);
	}
	connection->cut = connection->headed;
	return fired == -ETIMEDOUT ? 0 : fired < 0 ? fired : rc;
}

/* ---- both --------------------------------------------------------------------------------- */

int bide__http_exchange(struct bide__http_errand *errand, struct bide__http_connection *connection)
{
	struct bide__string text = { NULL, 0, 0, false };
	bide__http_expect(connection, strcmp(errand->method, "HEAD") == 0, (double)INFINITY);
	int rc = bide__http_write_head(errand, &text);
	bide_bytes head = { text.data, text.size };
	connection->last = rc == 0 && bide__http_is_last(errand);
	if (rc == 0)
		bide__http_note(&errand->trace, BIDE_HTTP_SENDING, 0);
	if (rc == 0 && errand->expect)
		rc = ask(errand, connection, &head);
	if (rc == 0 && !connection->headed)
		rc = send_request(errand, connection, head);
	if (rc == 0 && !connection->cut)
		bide__http_note(&errand->trace, BIDE_HTTP_SENT, 0);
	bide__string_free(&text);
	connection->patience = errand->session->options.timeout_read;
	return rc < 0 ? rc : receive_noted(connection);
}
