// SPDX-License-Identifier: MIT
/* server.c: servers as a whole: their beginning and their end; see server.h. */
#include "net/server.h"

#include "core/beside.h"
#include "net/sockets.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

/* Whether the server is this process's: in the child of a fork it stays with the parent, and
 * nothing of it runs. */
static bool is_here(const char *call, const bide_server *server)
{
	if (server->pid != getpid())
		return false;
	if (server->loop != bide_current_loop())
		bide__abort(call, "the server belongs to the loop of another thread");
	return true;
}

/* Waits whatever comes: what is waited for does. */
static void wait_surely(bide_event *event)
{
	BIDE_SHIELD {
		while (!bide_event_is_set(event))
			if (bide_event_wait(event) < 0)
				(void)bide_yield();
	}
}

/* ---- those of a loop ---------------------------------------------------------------------- */

/* The servers of this thread's loop that have not been closed, and the loop that will call
 * forget_all(). */
static _Thread_local bide_server *servers;
static _Thread_local const bide_loop *watched;

static void enlist(bide_server *server)
{
	server->next = servers;
	server->link = &servers;
	if (servers != NULL)
		servers->link = &server->next;
	servers = server;
}

static void forget(bide_server *server)
{
	*server->link = server->next;
	if (server->next != NULL)
		server->next->link = server->link;
	bide__listeners_free(server);
	if (server->options.on_free != NULL)
		server->options.on_free(server->options.hooks_arg);
	bide__free(server);
}

/* The loop is being closed: nothing of them runs any more. */
static void forget_all(void *arg)
{
	(void)arg;
	while (servers != NULL)
		forget(servers);
	watched = NULL;
}

static int watch_loop(bide_loop *loop)
{
	if (watched == loop)
		return 0;
	int rc = bide_loop_on_close(loop, forget_all, NULL);
	if (rc == 0)
		watched = loop;
	return rc;
}

/* ---- beginning ---------------------------------------------------------------------------- */

/* What accepts on a listener closes it in the end, unless there was no stack for it to begin. */
static void close_unserved(bide_server *server)
{
	for (size_t i = 0; i < server->count; i++)
		if (server->listeners[i].task != NULL) {
			server->listeners[i].task = NULL;
			server->error = -ENOMEM;
			bide__listener_close(server, &server->listeners[i]);
		}
}

static BIDE_ASYNC_LIGHT(void, supervise, bide_server *);

static void supervise(bide_server *server)
{
	const bide_group_options options = { .collect = true, .drop_results = true };
	int rc = bide_group_open(&options, &server->group);
	for (size_t i = 0; rc == 0 && i < server->count; i++)
		rc = bide__accept_begin(server, &server->listeners[i]);
	server->error = rc;
	bide_event_set(&server->started);
	if (server->group != NULL)
		(void)bide_group_close(server->group);
	close_unserved(server);
	server->group = NULL;
	bide_event_set(&server->ended);
}

static int check_options(const bide_server_options *options)
{
	if (options->backlog < 0 || options->mode < 0 || options->keep_alive < 0 ||
	    !(options->grace >= 0) || (options->fds == NULL && options->n_fds > 0))
		return -EINVAL;
	return 0;
}

static void check_handler(const char *call, const bide__function *fn)
{
	if (fn->ret_size > 0 && !(fn->flags & BIDE__RESULT_SIGNED))
		bide__abort(call, "the handler '%s' returns %s, not an int or nothing", fn->name,
		            fn->result);
	if (bide_current_task() == NULL)
		bide__abort(call, "outside a task");
}

static bide_server *new_server(const bide_server_options *options, const bide__function *fn,
                               const void *args)
{
	const bide_server_options defaults = { 0 };
	bide_server *server = bide__calloc(1, sizeof(*server) + fn->args_size);
	if (server == NULL)
		return NULL;
	server->loop = bide_current_loop();
	server->pid = getpid();
	server->options = options != NULL ? *options : defaults;
	server->handler = fn;
	memcpy(server->args, args, fn->args_size);
	bide_event_init(&server->started);
	bide_event_init(&server->ended);
	bide_event_init(&server->room);
	bide__connection_init(server);
	enlist(server);
	return server;
}

/* Waits until the supervisor has begun, or has ended without that, as there was no stack for it. It
 * does either when its turn comes. */
static void wait_for_begin(bide_server *server, bide_task *supervisor)
{
	BIDE_SHIELD {
		while (!bide_event_is_set(&server->started) && !bide_task_done(supervisor))
			(void)bide_yield();
	}
	if (bide_event_is_set(&server->started))
		return;
	server->error = -ENOMEM;
	bide_event_set(&server->ended);
}

/* Has it listen and accept. */
static int begin(bide_server *server, const char *hosts, const char *services)
{
	int rc = watch_loop(server->loop);
	if (rc == 0)
		rc = check_options(&server->options);
	if (rc == 0)
		rc = bide__listen(server, hosts, services);
	if (rc < 0)
		return rc;
	bide_task *supervisor = bide_spawn(supervise, server);
	if (supervisor == NULL)
		return bide_join(NULL);
	wait_for_begin(server, supervisor);
	bide_detach(supervisor);
	if (server->error < 0)
		wait_surely(&server->ended);
	return server->error;
}

static int start(const struct bide__request *request, const bide__function *fn, const void *args,
                 bide_server **ret_server)
{
	check_handler(request->given[0], fn);
	bide_server *server = new_server(request->options, fn, args);
	if (server == NULL)
		return -ENOMEM;
	int rc = begin(server, request->given[1], request->given[2]);
	if (rc == 0) {
		*ret_server = server;
	} else {
		server->options.on_free = NULL;
		forget(server);
	}
	return rc;
}

int bide__start_server(const struct bide__request *request, const bide__function *fn,
                       const void *args)
{
	return start(request, fn, args, (bide_server **)request->loop);
}

int bide__serve_forever(const struct bide__request *request, const bide__function *fn,
                        const void *args)
{
	bide_server *server = NULL;
	int rc = start(request, fn, args, &server);
	if (rc < 0)
		return rc;
	rc = bide_server_wait(server);
	BIDE_SHIELD {
		(void)bide_server_stop(server, server->options.grace);
	}
	bide_server_close(server);
	return rc;
}

/* ---- ending ------------------------------------------------------------------------------- */

void bide_server_shut(bide_server *server)
{
	if (!is_here("bide_server_shut", server))
		return;
	if (!server->shut && server->options.on_shut != NULL)
		server->options.on_shut(server->options.hooks_arg);
	server->shut = true;
	for (size_t i = 0; i < server->count; i++)
		if (server->listeners[i].task != NULL)
			(void)bide_cancel(server->listeners[i].task);
}

int bide_server_wait(bide_server *server)
{
	if (!is_here("bide_server_wait", server))
		return -BIDE_EFORKED;
	server->users++;
	int rc = bide_event_wait(&server->ended);
	server->users--;
	return rc < 0 ? rc : server->error;
}

/* Waits for the end, for some time. 0, or why it was not waited for longer. */
static int wait_for_end(bide_server *server, double seconds)
{
	int rc = 0, late = 0;
	if (bide_event_is_set(&server->ended))
		return 0;
	BIDE_TIMEOUT(seconds, late) {
		rc = bide_event_wait(&server->ended);
	}
	return late < 0 ? late : rc;
}

static void end(bide_server *server)
{
	if (server->group != NULL)
		bide_group_cancel(server->group);
	if (!bide_event_is_set(&server->ended))
		wait_surely(&server->ended);
}

int bide_server_stop(bide_server *server, double seconds)
{
	if (isnan(seconds))
		return -EINVAL;
	if (!is_here("bide_server_stop", server))
		return -BIDE_EFORKED;
	bide_server_shut(server);
	int rc = wait_for_end(server, seconds);
	if (rc < 0)
		end(server);
	return rc;
}

/* Whoever waits has been woken, and has his turn before this task has it again. */
void bide_server_close(bide_server *server)
{
	if (server == NULL)
		return;
	if (is_here("bide_server_close", server)) {
		end(server);
		while (server->users > 0)
			BIDE_SHIELD {
				(void)bide_yield();
			}
	}
	forget(server);
}

/* ---- what it is --------------------------------------------------------------------------- */

int bide_server_address(bide_server *server, size_t i, bide_address *ret_address)
{
	bide_address address = { 0, { 0 } };
	socklen_t size = sizeof(address.at.bytes);
	(void)is_here("bide_server_address", server);
	if (i >= server->count || server->listeners[i].fd < 0)
		return -ENOENT;
	if (getsockname(server->listeners[i].fd, (struct sockaddr *)(void *)address.at.bytes,
	                &size) < 0)
		return -errno;
	address.size = size;
	*ret_address = address;
	return 0;
}

size_t bide_server_connections(bide_server *server)
{
	(void)is_here("bide_server_connections", server);
	return server->connections;
}
