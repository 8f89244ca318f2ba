// SPDX-License-Identifier: MIT
/* connection.c: a connection of a server: request after request, until one side ends it. What lies
 * on the stack where it waits is kept for each connection that is idle. */
#include "http/server.h"

#include "base/alloc.h"

#include <bide/task.h>

#include <errno.h>
#include <sys/ioctl.h>

/* ---- its record --------------------------------------------------------------------------- */

/* A peer's address is only known to who needs it. */
static struct bide__http_peer *peer_new(struct bide__http_server *server, bide_stream *stream)
{
	const bool logged = server->options.log != NULL;
	struct bide__http_peer *self =
		bide__calloc(1, logged ? sizeof(*self) : offsetof(struct bide__http_peer, address));
	if (self == NULL)
		return NULL;
	self->server = server;
	self->stream = stream;
	if (logged)
		(void)bide_stream_peer_address(stream, &self->address);
	return self;
}

static void enlist(struct bide__http_peer *self, struct bide__http_idle *list)
{
	self->next = NULL;
	self->link = list->end;
	*list->end = self;
	list->end = &self->next;
}

static void delist(struct bide__http_peer *self, struct bide__http_idle *list)
{
	*self->link = self->next;
	*(self->next != NULL ? &self->next->link : &list->end) = self->link;
}

/* ---- waiting ------------------------------------------------------------------------------ */

/* Whether another connection waits for the place of this one, which has been served. */
static bool is_wanted(const struct bide__http_peer *self, const struct bide__http_idle *list)
{
	return list == &self->server->idle && self->server->full &&
	       !bide_stream_has_input(self->stream);
}

/* Waits for the first byte of a request, in a list meanwhile. > 0 when it is there; 0 when there
 * will be none: the other side has ended, or nothing has come for long, or the server is to end, or
 * is full. */
static ssize_t wait_for_request(struct bide__http_peer *self, struct bide__http_idle *list)
{
	const void *data;
	ssize_t n = bide_stream_peek(self->stream, 0, &data);
	if (n != 0 || self->server->shut || is_wanted(self, list))
		return n;
	n = bide_scope_open(self->server->options.timeout_idle, &self->scope);
	if (n < 0)
		return n;
	enlist(self, list);
	n = bide_stream_peek(self->stream, 1, &data);
	delist(self, list);
	int fired = bide_scope_close(self->scope);
	return fired < 0 ? 0 : n;
}

/* ---- a request ---------------------------------------------------------------------------- */

static void tell_log(const struct bide__http_peer *self, const struct bide__http_served *served)
{
	const bide_http_server_options *options = &self->server->options;
	const bide_http_access access = {
		.peer = &self->address,
		.method = served->target != NULL ? llhttp_method_name(served->parser.llhttp.method)
		                                 : "-",
		.target = served->target != NULL ? served->target : "-",
		.protocol = served->is_old ? "HTTP/1.0" : "HTTP/1.1",
		.status = served->status,
		.sent = served->sent,
		.seconds = bide_now() - served->begun,
	};
	options->log(options->log_arg, &access);
}

/* The other side may still be sending what we do not want, and what it has not taken of the
 * response would be lost if we closed now: RFC 9112, 9.6. */
static void linger(bide_stream *stream)
{
	enum { SECONDS = 2, MOST = 1 << 20 };
	const void *data;
	int fired;
	ssize_t n = bide_stream_shutdown(stream);
	if (n < 0)
		return;
	BIDE_TIMEOUT(SECONDS, fired) {
		n = 1;
		for (size_t size = 0; n > 0 && size < MOST; size += (size_t)n) {
			n = bide_stream_peek(stream, 1, &data);
			if (n <= 0)
				break;
			bide_stream_consume(stream, (size_t)n);
		}
	}
}

/* Whether something has come that will not be read: the rest of a request, or another one behind
 * the last. */
static bool is_any_unread(const struct bide__http_served *served)
{
	const void *data;
	int waiting = 0;
	return !served->whole || bide_stream_peek(served->stream, 0, &data) > 0 ||
	       (ioctl(bide_stream_fd(served->stream), FIONREAD, &waiting) == 0 && waiting > 0);
}

/* Answers one. Whether another may follow; or an error. */
static int exchange(struct bide__http_peer *self, struct bide__http_served *served)
{
	int rc = bide__http_receive(served);
	if (rc < 0)
		return rc;
	served->keep &= rc == 0;
	rc = rc > 0 ? bide__http_answer(served, rc)
	            : self->server->respond(served, self->server->site);
	if (self->server->options.log != NULL)
		tell_log(self, served);
	if (rc == 0 && !served->keep && is_any_unread(served))
		linger(served->stream);
	return rc < 0 ? rc : served->keep;
}

/* Answers those that are there. Whether more may come; or an error. */
__attribute__((noinline)) static int serve_some(struct bide__http_peer *self)
{
	struct bide__http_served *served = bide__http_served_new(self->server, self->stream);
	const void *data;
	int rc = served != NULL ? 1 : -ENOMEM;
	while (rc > 0) {
		rc = exchange(self, served);
		if (rc <= 0 || bide_stream_peek(self->stream, 0, &data) <= 0)
			break;
		/* Who sends one after the other does not keep all others waiting. */
		int yielded = bide_yield();
		rc = yielded < 0 ? yielded : rc;
	}
	if (served != NULL)
		bide__http_served_free(served);
	return rc;
}

/* That the other side is gone, or does not read, is its own affair, and no failure of ours. */
static int result_of(ssize_t rc)
{
	return rc == -ENOMEM || (rc < 0 && rc == bide_cancelled()) ? (int)rc : 0;
}

int bide__http_serve(struct bide__http_server *server, bide_stream *stream)
{
	struct bide__http_peer *self = peer_new(server, stream);
	struct bide__http_idle *list = &server->fresh;
	ssize_t rc = self != NULL ? 1 : -ENOMEM;
	while (rc > 0) {
		rc = wait_for_request(self, list);
		if (rc > 0)
			rc = serve_some(self);
		list = &server->idle;
	}
	server->full = false;
	bide__free(self);
	return result_of(rc);
}
