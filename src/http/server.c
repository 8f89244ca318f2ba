// SPDX-License-Identifier: MIT
/* server.c: an HTTP server as a whole: its options, its beginning, and its end; see server.h. */
#include "http/server.h"

#include "base/alloc.h"

#include <errno.h>
#include <math.h>

enum {
	SPARE = 16,       /* exchanges that are kept */
	KEPT_ROOM = 32768 /* bytes of a string that one keeps */
};

/* ---- exchanges ---------------------------------------------------------------------------- */

struct bide__http_served *bide__http_served_new(struct bide__http_server *server,
                                                bide_stream *stream)
{
	struct bide__http_served *served = server->spare;
	if (served != NULL) {
		server->spare = served->next;
		server->n_spare--;
	} else {
		served = bide__calloc(1, sizeof(*served));
		if (served == NULL)
			return NULL;
		bide__http_parser_init(&served->parser, HTTP_REQUEST);
	}
	served->server = server;
	served->stream = stream;
	return served;
}

static void destroy(struct bide__http_served *served)
{
	bide__http_parser_finish(&served->parser);
	bide__string_free(&served->path);
	bide__string_free(&served->out);
	bide__free(served);
}

static bool is_worth_keeping(const struct bide__http_served *served)
{
	const struct bide__string *strings[] = { &served->parser.head, &served->parser.target,
		                                 &served->path, &served->out };
	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++)
		if (strings[i]->failed || strings[i]->room > KEPT_ROOM)
			return false;
	return served->server->n_spare < SPARE;
}

void bide__http_served_free(struct bide__http_served *served)
{
	struct bide__http_server *server = served->server;
	if (!is_worth_keeping(served)) {
		destroy(served);
		return;
	}
	bide__http_parser_restart(&served->parser);
	served->next = server->spare;
	server->spare = served;
	server->n_spare++;
}

/* ---- the end ------------------------------------------------------------------------------ */

/* Those that are idle end now; those that are not, when they would be. */
static void on_shut(void *arg)
{
	struct bide__http_server *server = arg;
	server->shut = true;
	for (struct bide__http_peer *it = server->fresh.first; it != NULL; it = it->next)
		bide_scope_cancel(it->scope);
	for (struct bide__http_peer *it = server->idle.first; it != NULL; it = it->next)
		bide_scope_cancel(it->scope);
}

/* Who has been served and has been idle longest makes room, or else the next one to be idle. */
static void on_full(void *arg)
{
	struct bide__http_server *server = arg;
	struct bide__http_peer *it = server->idle.first;
	while (it != NULL && bide_stream_has_input(it->stream))
		it = it->next;
	server->full = it == NULL;
	if (it != NULL)
		bide_scope_cancel(it->scope);
}

static void on_free(void *arg)
{
	struct bide__http_server *server = arg;
	for (struct bide__http_served *next; server->spare != NULL; server->spare = next) {
		next = server->spare->next;
		destroy(server->spare);
	}
	if (server->free_site != NULL)
		server->free_site(server->site);
	bide__free(server);
}

/* ---- the beginning ------------------------------------------------------------------------ */

static bool is_time(double seconds)
{
	return seconds >= 0;
}

static bool are_valid(const bide_http_server_options *options)
{
	return is_time(options->timeout_idle) && is_time(options->timeout_head) &&
	       is_time(options->timeout_body) && is_time(options->timeout_write) &&
	       options->listen.on_shut == NULL && options->listen.on_free == NULL &&
	       options->listen.on_full == NULL;
}

static void set_default(double *seconds, double usual)
{
	if (*seconds == 0)
		*seconds = usual;
}

static void set_defaults(bide_http_server_options *options)
{
	set_default(&options->timeout_idle, 60);
	set_default(&options->timeout_head, 20);
	set_default(&options->timeout_body, 30);
	set_default(&options->timeout_write, 60);
	if (options->body_limit == 0)
		options->body_limit = 65536;
}

static BIDE_ASYNC_LIGHT(int, serve_http, bide_stream *, struct bide__http_server *);

static int serve_http(bide_stream *stream, struct bide__http_server *server)
{
	return bide__http_serve(server, stream);
}

int bide__http_start(const char *host, const char *service, const bide_http_server_options *options,
                     int (*respond)(struct bide__http_served *, void *), void (*free_site)(void *),
                     void *site, bide_server **ret_server)
{
	if (!are_valid(options))
		return -EINVAL;
	struct bide__http_server *server = bide__calloc(1, sizeof(*server));
	if (server == NULL)
		return -ENOMEM;
	server->options = *options;
	set_defaults(&server->options);
	server->respond = respond;
	server->site = site;
	server->fresh.end = &server->fresh.first;
	server->idle.end = &server->idle.first;
	bide_server_options *listen = &server->options.listen;
	listen->on_shut = on_shut;
	listen->on_free = on_free;
	listen->on_full = on_full;
	listen->hooks_arg = server;
	int rc = bide_start_server(host, service, listen, ret_server, serve_http, server);
	if (rc < 0)
		on_free(server);
	else
		server->free_site = free_site;
	return rc;
}
