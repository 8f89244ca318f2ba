// SPDX-License-Identifier: MIT
/* accept.c: what takes connections, and what serves one. Source: accept(2).
 *
 * A listener's task waits until somebody knocks, and takes then as many as there are and may be,
 * without a wait in between, so that there is no connection that has been taken and is one too many
 * for the limit. */
#include "net/server.h"

#include "core/beside.h"
#include "net/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

/* ---- a connection ------------------------------------------------------------------------- */

/* Where a connection comes from, as far as it must be kept: a peer that has reset it has no address
 * any more. Those of Unix sockets are asked for when they are needed. */
union peer {
	sa_family_t family;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* What a connection's task is given. */
struct connection {
	bide_server *server;
	bide_stream *stream;
	union peer peer;
};

static void peer_address(const struct connection *own, bide_address *ret_address)
{
	*ret_address = (bide_address){ 0, { 0 } };
	if (own->peer.family == AF_INET)
		ret_address->size = sizeof(own->peer.in);
	else if (own->peer.family == AF_INET6)
		ret_address->size = sizeof(own->peer.in6);
	else
		(void)bide_stream_peer_address(own->stream, ret_address);
	if (own->peer.family == AF_INET || own->peer.family == AF_INET6)
		memcpy(ret_address->at.bytes, &own->peer, ret_address->size);
}

/* A local socket has given itself its name, which may be anything. */
static const char *make_printable(char *text)
{
	for (char *c = text; *c != '\0'; c++)
		if (*c < 0x20 || *c >= 0x7f)
			*c = '?';
	return text;
}

/* Apart, as its locals would be kept for each connection. */
__attribute__((noinline)) static void report(const struct connection *own, int error)
{
	bide_address address;
	char text[BIDE_ADDRESS_MAX];
	peer_address(own, &address);
	bide__report(BIDE_REPORT_FAILURE, error, own->server->handler->name,
	             "failed, with a connection from %s: %s",
	             make_printable(bide_address_format(&address, text)), bide_strerror(error));
}

/* What the handler has failed with: bide_fail() goes before its result. */
static int error_in(const bide__function *fn, const void *result)
{
	int error = bide__take_failure();
	long long value = 0;
	if (error < 0 || fn->ret_size == 0)
		return error;
	if (fn->ret_size == sizeof(int))
		value = *(const int *)result;
	else
		value = *(const long long *)result;
	return value < 0 && value >= -BIDE_ERROR_MAX ? (int)value : 0;
}

/* The stream's end, with a failure or without one. That a write was cut off the handler was told,
 * and has not called a failure. */
__attribute__((noinline)) static void finish(const struct connection *own, int rc)
{
	const bool failed = rc < 0 && rc != bide_cancelled();
	bide_server *server = own->server;
	if (failed)
		report(own, rc);
	if (rc < 0) {
		bide_stream_abort(own->stream);
	} else {
		rc = bide_stream_close(own->stream);
		if (rc < 0 && rc != -BIDE_ECUT && rc != bide_cancelled())
			report(own, rc);
	}
	server->connections--;
	bide_event_set(&server->room);
}

/* The handler takes its arguments before it does anything else, so that one copy is enough for all
 * that are served. What is on the stack here is kept for each connection. Without a result there is
 * no stack for the task. */
static void serve(void *args, void *ret)
{
	const struct connection own = *(const struct connection *)args;
	const bide__function *fn = own.server->handler;
	long long result = 0;
	if (ret == NULL) {
		finish(&own, -ENOMEM);
		return;
	}
	memcpy(own.server->args, &own.stream, sizeof(own.stream));
	fn->run(own.server->args, &result);
	finish(&own, error_in(fn, &result));
}

void bide__connection_init(bide_server *server)
{
	const bide__function *fn = server->handler;
	server->connection =
		(bide__function){ .name = fn->name,
		                  .type = fn->type,
		                  .result = "void",
		                  .run = serve,
		                  .args_size = sizeof(struct connection),
		                  .flags = (fn->flags & BIDE__LIGHT) | BIDE__TOLD_UNRUN };
}

/* ---- taking one --------------------------------------------------------------------------- */

static bool has_room(const bide_server *server)
{
	return server->options.limit == 0 || server->connections < server->options.limit;
}

static int begin_connection(bide_server *server, struct connection *connection)
{
	const bide_task_options options = { .stack_size = server->options.stack_size,
		                            .group = server->group,
		                            .optional = true };
	if (bide__start(BIDE__SPAWN_WITH, &options, &server->connection, connection) == NULL)
		return -ENOMEM;
	server->connections++;
	server->starving = false;
	return 0;
}

/* Makes a connection of a descriptor, which is gone on failure. */
static int take(bide_server *server, int fd, const union peer *peer)
{
	struct connection connection = { .server = server, .peer = *peer };
	int rc = bide_stream_open(fd, fd, &connection.stream);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	rc = begin_connection(server, &connection);
	if (rc < 0)
		bide_stream_abort(connection.stream);
	return rc;
}

/* What accept(2) fails with when the connection, not the listener, has: it is nobody's concern. */
static bool is_passed_over(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case ENOPROTOOPT:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENONET:
	case EOPNOTSUPP:
	case EPERM:
	case ETIMEDOUT:
		return true;
	default:
		return false;
	}
}

/* Takes those that are there, some at a time, so that others have their turn. */
static int take_some(bide_server *server, struct bide__listener *listener)
{
	enum { AT_A_TIME = 64 };
	int rc = 0;
	for (int i = 0; i < AT_A_TIME && rc == 0 && has_room(server); i++) {
		union peer peer = { .family = AF_UNSPEC };
		socklen_t size = sizeof(peer);
		int fd = accept4(listener->fd, (struct sockaddr *)(void *)&peer, &size,
		                 SOCK_CLOEXEC);
		if (fd >= 0)
			rc = take(server, fd, &peer);
		else if (errno == EAGAIN)
			return 0;
		else if (!is_passed_over(errno))
			rc = -errno;
		if (fd >= 0 && rc == 0)
			listener->pause = 0;
	}
	return rc;
}

/* ---- a listener --------------------------------------------------------------------------- */

static int wait_for_room(bide_server *server)
{
	int rc = 0;
	while (rc == 0 && !has_room(server)) {
		bide_event_clear(&server->room);
		if (server->options.on_full != NULL)
			server->options.on_full(server->options.hooks_arg);
		rc = bide_event_wait(&server->room);
	}
	return rc;
}

/* Errors that say that the system, or the process, has no room: they pass. */
static bool is_starvation(int rc)
{
	return rc == -EMFILE || rc == -ENFILE || rc == -ENOBUFS || rc == -ENOMEM;
}

/* Waits longer and longer, as nothing tells when others have made room; an end of a connection of
 * the server's own may have. 0 or the cancellation. */
static int wait_out(bide_server *server, struct bide__listener *listener, int error)
{
	const double shortest = 0.01, longest = 1;
	int rc = 0, late = 0;
	if (!server->starving)
		bide__report(BIDE_REPORT_FAILURE, error, server->handler->name,
		             "cannot serve more connections for now: %s", bide_strerror(error));
	server->starving = true;
	listener->pause = listener->pause == 0            ? shortest
	                  : listener->pause < longest / 2 ? 2 * listener->pause
	                                                  : longest;
	bide_event_clear(&server->room);
	BIDE_TIMEOUT(listener->pause, late) {
		rc = bide_event_wait(&server->room);
	}
	if (late == -ENOMEM || rc == -ENOMEM)
		rc = bide_yield();
	return late == -ETIMEDOUT ? 0 : rc;
}

static int accept_on(bide_server *server, struct bide__listener *listener)
{
	int rc;
	do {
		rc = bide_wait_fd(listener->fd, BIDE_READABLE);
		if (rc > 0)
			rc = wait_for_room(server);
		if (rc == 0)
			rc = take_some(server, listener);
		if (is_starvation(rc))
			rc = wait_out(server, listener, rc);
	} while (rc == 0);
	return rc;
}

static BIDE_ASYNC_LIGHT(void, accept_connections, bide_server *, struct bide__listener *);

static void accept_connections(bide_server *server, struct bide__listener *listener)
{
	int rc = accept_on(server, listener);
	if (rc != bide_cancelled()) {
		bide__report(BIDE_REPORT_FAILURE, rc, server->handler->name,
		             "is not served any more: %s", bide_strerror(rc));
		server->error = rc;
	}
	listener->task = NULL;
	bide__listener_close(server, listener);
	if (rc != bide_cancelled())
		bide_server_shut(server);
}

int bide__accept_begin(bide_server *server, struct bide__listener *listener)
{
	listener->task = bide_group_spawn(server->group, accept_connections, server, listener);
	return listener->task == NULL ? -ENOMEM : 0;
}
