/* SPDX-License-Identifier: MIT */
/* bide/serve.h: servers: a task for each connection.
 *
 *     BIDE_ASYNC_LIGHT(int, echo, bide_stream *);
 *
 *     int echo(bide_stream *stream)
 *     {
 *             char *line;
 *             ssize_t n;
 *             while ((n = bide_stream_readline(stream, &line)) > 0)
 *                     if ((n = bide_stream_write(stream, "yes\n", 4)) < 0)
 *                             break;
 *             return (int)n;
 *     }
 *
 *     rc = bide_serve_forever("localhost", "7777", NULL, echo);
 *
 * The handler is any function declared by BIDE_ASYNC or BIDE_ASYNC_LIGHT whose first argument is
 * the stream and which returns an int, or nothing. The stream remains the server's, which closes it
 * when the handler returns; a handler that fails has its connection aborted, and that is reported.
 *
 * An idle connection with a light handler takes less than 1 KiB, and the arrays that are in scope
 * where the handler waits: what reads into the stream's own buffer, as bide_stream_readline() and
 * bide_stream_peek(), needs none.
 *
 * A server's tasks are its own: they stand in no scope of who started it, and have ended when it
 * has been closed. What is left open when the run ends is cancelled and joined like all tasks.
 *
 * When there are no descriptors, or there is no memory, for another connection it waits where it
 * is, in the system's queue, until there are; that is reported once.
 *
 * In the child of a fork a server stays with the parent: there it can be closed, which has no
 * effect on the parent's, and calls that would suspend return -BIDE_EFORKED.
 *
 * Part of libbide-net (pkg-config: bide-net). */
#ifndef BIDE_SERVE_H
#define BIDE_SERVE_H

#include <bide/net.h>
#include <bide/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A server. It belongs to the thread of the loop on which it was started. */
typedef struct bide_server bide_server;

/** Options of a server; all zero are the defaults. */
typedef struct bide_server_options {
	const int *fds;    /**< sockets that listen already, to be served, too; they remain the
	                        caller's, the server has copies; set to O_NONBLOCK */
	size_t n_fds;      /**< how many these are */
	size_t limit;      /**< how many connections are served at once; the others wait in the
	                        system's queue; 0: no limit */
	double grace;      /**< seconds that bide_serve_forever() gives its handlers at its end */
	size_t stack_size; /**< of full handlers' stacks; as of bide_task_options */
	int backlog;       /**< how many connections may wait in the system's queue; 0: as many as
	                        the system allows */
	int mode;          /**< permissions of the files of Unix sockets, as 0660; 0: what the
	                        umask leaves. Bits that it takes away are set by /proc */
	int keep_alive;    /**< TCP asks after so many seconds of silence whether the other side is
	                        still there; 0: never */
	bool reuse_port;   /**< SO_REUSEPORT: several servers, as one a core, listen at the same
	                        port, and the system spreads the connections */
	bool v6_only;      /**< [::] takes connections by IPv6 only, not by IPv4, too */
	bool nagle;        /**< small writes may wait to be sent together: no TCP_NODELAY */
	/** Called once when it stops to listen before it is closed, on its thread, so that handlers
	 *  which wait for nothing in particular can be told; must not suspend. Or NULL. */
	void (*on_shut)(void *arg);
	/** Called when a server that was started is freed: nothing of it runs any more. Or NULL. */
	void (*on_free)(void *arg);
	/** Called each time that somebody begins to wait because there are `limit` connections, so
	 *  that one that is of little use can be ended; must not suspend. Or NULL. */
	void (*on_full)(void *arg);
	void *hooks_arg; /**< for these three */
} bide_server_options;

/** int bide_start_server(host, service, options, ret_server, fn, args…): listens, and runs
 *  fn(stream, args…) as a task for each connection. [suspends] and returns when connections can be
 *  made; asyncio's start_server.
 *
 *  @param host    where to listen: names or addresses, several being separated by commas; NULL: all
 *                 addresses of this machine. Also "unix:/path", whose file is replaced when nobody
 *                 listens there any more, and removed when the server stops listening;
 *                 "unix:@name", an abstract one; "systemd" and "systemd:NAME" for the sockets that
 *                 the process has been started with (sd_listen_fds(3)), all or those of a name; ""
 *                 for nowhere, with the options' fds alone.
 *  @param service ports, as numbers or names, several being separated by commas; each of the hosts
 *                 listens at each. "0": one that is free, for each. NULL where all of the hosts are
 *                 such that have no port.
 *  @param options the options, or NULL for the defaults; copied. This is a macro: a literal of
 *                 several fields is to stand in parentheses.
 *  @param ret_server gets the server, to be closed by bide_server_close(); untouched on failure.
 *  @return 0, or an error, and nothing listens:
 *          -EADDRINUSE    somebody listens there already
 *          -EEXIST        something else was put in the place of a Unix socket meanwhile
 *          -EADDRNOTAVAIL it is no address of this machine
 *          -EACCES        the port, or the directory, is not for everybody
 *          -ENOENT        the process was started with no sockets, or none of that name; or a
 *                         Unix socket needs /proc for its mode
 *          -EINVAL        of the options one is negative, or an fd does not listen; a path is too
 *                         long; there are no addresses at all
 *          -ENOMEM, others of bide_getaddrinfo(), socket(2), bind(2), listen(2); or the
 *          cancellation. Aborts when fn returns something else than an integer or nothing, and when
 *          the caller is a light task and an argument points into its stack. */
#define bide_start_server(host, service, options, ret_server, ...) \
	BIDE__SERVE(bide__server_request((host), (service), (options), (ret_server)), __VA_ARGS__)

/** int bide_serve_forever(host, service, options, fn, args…): starts a server, serves until the
 *  task is cancelled, as by SIGINT, and closes it: it no longer listens then, and handlers have the
 *  options' `grace` to end by themselves. [suspends]
 *  @return as of bide_start_server() and bide_server_wait(). */
#define bide_serve_forever(host, service, options, ...) \
	BIDE__SERVE(bide__serve_request((host), (service), (options)), __VA_ARGS__)

/** Stops listening; connections are served on. Does not wait, so a handler may call it. */
BIDE_API void bide_server_shut(bide_server *server) BIDE__NOTHROW;

/** Waits until the server no longer listens, and all its handlers have ended. [suspends]
 *  @return 0; what listening has failed with; -ENOMEM; or the cancellation, the server going on. */
BIDE_API int bide_server_wait(bide_server *server) BIDE__NOTHROW;

/** Stops listening at once, waits at most @p seconds for the handlers to end by themselves, cancels
 *  those that have not and waits for them. [suspends] Not for the server's own handlers. When the
 *  caller is cancelled the handlers are at once; in any case they have ended when it returns.
 *  @return 0 if all had ended by themselves; -ETIMEDOUT, or the caller's cancellation, or -ENOMEM
 *          if they were cancelled because of that; -EINVAL for NaN, nothing having happened. */
BIDE_API int bide_server_stop(bide_server *server, double seconds) BIDE__NOTHROW;

/** Stops a server without waiting for its handlers to end by themselves, and frees it; NULL is
 *  none. [suspends] unless it has ended. Always completes, also when the task is cancelled. Others'
 *  calls
 *  of bide_server_wait() return. Not for the server's own handlers. */
BIDE_API void bide_server_close(bide_server *server) BIDE__NOTHROW;

/** The addresses at which it listens, with the ports that they have: number @p i from 0 on, in the
 *  order of hosts and, for each, services; the options' fds come last.
 *  @return 0; -ENOENT when there are not so many, or no longer. */
BIDE_API int bide_server_address(bide_server *server, size_t i,
                                 bide_address *ret_address) BIDE__NOTHROW;

/** Returns how many connections are being served. */
BIDE_API size_t bide_server_connections(bide_server *server) BIDE__NOTHROW;

/* ---- machinery of the macros -------------------------------------------------------------- */

BIDE_API int bide__start_server(const struct bide__request *request, const bide__function *fn,
                                const void *args) BIDE__NOTHROW;
BIDE_API int bide__serve_forever(const struct bide__request *request, const bide__function *fn,
                                 const void *args) BIDE__NOTHROW;

BIDE__GLUE struct bide__request bide__server_request(const char *host, const char *service,
                                                     const bide_server_options *options,
                                                     bide_server **ret_server)
{
	struct bide__request request = { BIDE__HAND_OVER,
		                         ret_server,
		                         options,
		                         NULL,
		                         0,
		                         0,
		                         0,
		                         bide__start_server,
		                         { "bide_start_server", host, service } };
	return request;
}

BIDE__GLUE struct bide__request bide__serve_request(const char *host, const char *service,
                                                    const bide_server_options *options)
{
	struct bide__request request = { BIDE__HAND_OVER,
		                         NULL,
		                         options,
		                         NULL,
		                         0,
		                         0,
		                         0,
		                         bide__serve_forever,
		                         { "bide_serve_forever", host, service } };
	return request;
}

/* The stream comes when there is one; the compiler sees that it is the first argument. */
#define BIDE__SERVE_1(request, fn) fn##_bide_try(request, (bide_stream *)NULL)
#define BIDE__SERVE_2(request, fn, ...) fn##_bide_try(request, (bide_stream *)NULL, __VA_ARGS__)
#define BIDE__SERVE(request, ...) \
	BIDE__CAT(BIDE__SERVE_, BIDE__MANY(__VA_ARGS__))(request, __VA_ARGS__)

#ifdef __cplusplus
}
#endif
#endif
