/* SPDX-License-Identifier: MIT */
/* bide/http_server.h: HTTP/1.1, the server's side: RFC 9110 and 9112; so far, of files only.
 *
 *     bide_server *server;
 *     int rc = bide_http_start_files("site", "localhost", "8000", NULL, &server);
 *     …
 *     bide_server_stop(server, 5);
 *     bide_server_close(server);
 *
 * What is started is a server of bide/serve.h: its addresses, its limit and its end are those of
 * any other. When it stops, idle connections are closed at once, and the others after the response
 * that they are at. When others wait for a place, the connection that has been idle longest since
 * its last response is closed, or the next one that would be idle.
 *
 * Requests are read strictly: what two programs could understand differently, as two lengths or a
 * folded line, is answered by 400, and its connection closed. Each connection is a light task, and
 * one that is idle has no buffer.
 *
 * In libbide-http (pkg-config: bide-http), as the client is. */
#ifndef BIDE_HTTP_SERVER_H
#define BIDE_HTTP_SERVER_H

#include <bide/serve.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what all servers of HTTP have in common ----------------------------------------------- */

/** A request that has been answered, or refused, for a log. Strings are borrowed, and hold what the
 *  other side sent: whoever writes them anywhere must escape them. */
typedef struct bide_http_access {
	const bide_address *peer; /**< from where */
	const char *method;       /**< as "GET"; "-" if it could not be read */
	const char *target;       /**< the path, with the query; "-" if it could not be read */
	const char *protocol;     /**< as "HTTP/1.1" */
	int status;               /**< as 200; 0: the connection ended before there was one */
	unsigned long long sent;  /**< bytes of the response's body that were written */
	double seconds;           /**< from the head of the request to the end of the response */
} bide_http_access;

/** Options of an HTTP server; all zero are the defaults. Times are in seconds; 0 is the default,
 *  and INFINITY no limit. */
typedef struct bide_http_server_options {
	bide_server_options listen; /**< as of bide_start_server(); its hooks must be NULL */
	double timeout_idle;        /**< how long a connection is kept without a request; 0: 60 */
	double timeout_head;        /**< in which a head must come, once it begins; 0: 20 */
	double timeout_body;        /**< in which its body must come; 0: 30 */
	double timeout_write;       /**< in which the other side must take something; 0: 60 */
	size_t body_limit;          /**< bytes of a request's body; more is 413; 0: 64 KiB */
	/** Called after each request, in the task of its connection; may suspend. Or NULL. */
	void (*log)(void *arg, const bide_http_access *access);
	void *log_arg;
} bide_http_server_options;

/* ---- files --------------------------------------------------------------------------------- */

/** Options of a server of files; all zero are the defaults. */
typedef struct bide_http_files_options {
	bide_http_server_options server; /**< those of all servers */
	bool no_listing; /**< a directory without an index.html is 403, not a list of its files */
	bool hidden; /**< serves files whose names begin with a dot, too; else these are 404, but
	                      for "/.well-known" (RFC 8615) */
} bide_http_files_options;

/** Serves the files of a directory: GET and HEAD, with ranges and conditions; a directory's
 *  index.html, or a list of what is in it. [suspends]
 *
 *  Nothing outside of the directory is reached, whatever the path says and wherever symbolic links
 *  lead; only regular files are opened. Links within it are followed where the system has
 *  openat2(2), else none are. Reading from the disk holds up the thread, and so the loop.
 *
 *  @param root       the directory; it is opened, and may be renamed afterwards.
 *  @param host       where to listen, as of bide_start_server().
 *  @param service    the port, the same; "0": one that is free.
 *  @param options    the options, or NULL for the defaults; copied.
 *  @param ret_server gets the server, to be closed by bide_server_close(); untouched on failure.
 *  @return 0; -ENOENT, -ENOTDIR, -EACCES and what else open(2) fails with for the directory;
 *          -EINVAL for times that mean nothing; -ENOMEM; or as of bide_start_server(). */
BIDE_API BIDE_CHECKED int bide_http_start_files(const char *root, const char *host,
                                                const char *service,
                                                const bide_http_files_options *options,
                                                bide_server **ret_server) BIDE__NOTHROW;

#ifdef __cplusplus
}
#endif
#endif
