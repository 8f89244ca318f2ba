// SPDX-License-Identifier: MIT
/* proxy.c: see proxy.h.
 *
 * A connection is two ways, each from one socket to another, with a buffer between. The thread
 * waits for all of them at once, and for none alone. */
#include "fault/proxy.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 65536 };

struct way {
	int from, to;
	const struct proxy_rule *rule;
	size_t start, end; /* of what is held */
	size_t passed;     /* bytes so far */
	uint64_t due_us;   /* when the next piece may go */
	bool at_end;       /* nothing more will be read */
	bool over;         /* the receiver has been told of the end, or never will be */
	bool silent;       /* nothing is read any more */
	bool deaf;         /* what is read is thrown away */
	char held[ROOM];
};

struct connection {
	int client, server; /* -1: closed */
	struct way ways[2]; /* to the server, to the client */
};

struct proxy {
	struct sockaddr_storage address, server;
	socklen_t size, server_size;
	const struct proxy_rules *rules;
	int n;    /* connections at most */
	int used; /* and so far */
	int listener, to_stop;
	pthread_t thread;
	struct connection *connections;
	struct pollfd *polled; /* the listener, to_stop, and two for each connection */
	atomic_bool has_acted; /* on any */
};

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- ending ------------------------------------------------------------------------------- */

static void close_connection(struct connection *c, bool reset)
{
	const struct linger at_once = { 1, 0 };
	const int fds[] = { c->client, c->server };
	for (int i = 0; i < 2; i++) {
		if (reset)
			setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
		close(fds[i]);
	}
	c->client = c->server = -1;
}

/* Tells the receiver of the end, and takes nothing seriously that comes afterwards. */
static void end_way(struct way *way)
{
	if (!way->over)
		shutdown(way->to, SHUT_WR);
	way->over = way->deaf = true;
	way->start = way->end = 0;
}

static void act(struct proxy *proxy, struct connection *c, struct way *way)
{
	atomic_store_explicit(&proxy->has_acted, true, memory_order_relaxed);
	switch (way->rule->action) {
	case PROXY_PASS:
		break;
	case PROXY_END:
		end_way(way);
		break;
	case PROXY_CLOSE:
		end_way(&c->ways[0]);
		end_way(&c->ways[1]);
		break;
	case PROXY_RESET:
		close_connection(c, true);
		break;
	case PROXY_STALL:
		way->silent = true;
		break;
	case PROXY_DROP:
		way->deaf = true;
		way->start = way->end = 0;
		break;
	}
}

/* ---- passing on --------------------------------------------------------------------------- */

static size_t held(const struct way *way)
{
	return way->end - way->start;
}

static bool wants_more(const struct way *way)
{
	return !way->at_end && !way->silent && (way->deaf || way->end < ROOM);
}

/* Whether what passes now does so in pieces and after a while. */
static bool is_hindered(const struct way *way)
{
	return way->rule->until == 0 || way->passed < way->rule->until;
}

/* How many bytes are to be passed on next. */
static size_t next_piece(const struct way *way)
{
	const struct proxy_rule *rule = way->rule;
	size_t n = held(way);
	if (way->silent || way->deaf || (n < rule->gather && !way->at_end && way->end < ROOM))
		return 0;
	if (rule->piece > 0 && n > rule->piece && is_hindered(way))
		n = rule->piece;
	if (rule->action != PROXY_PASS && n > rule->after - way->passed)
		n = rule->after - way->passed;
	return n;
}

/* Whether its sender is still there. */
static bool take_in(struct way *way)
{
	char nowhere[4096];
	ssize_t n = way->deaf
	                    ? recv(way->from, nowhere, sizeof nowhere, MSG_DONTWAIT)
	                    : recv(way->from, way->held + way->end, ROOM - way->end, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		way->at_end = true;
	else if (!way->deaf)
		way->end += (size_t)n;
	return true;
}

/* Whether its receiver is still there. */
static bool pass_on(struct way *way, size_t size)
{
	ssize_t n = send(way->to, way->held + way->start, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	way->start += (size_t)n;
	way->passed += (size_t)n;
	if (way->start == way->end)
		way->start = way->end = 0;
	way->due_us = is_hindered(way) ? now_us() + way->rule->delay_us : 0;
	return true;
}

static bool has_reached(const struct way *way)
{
	return way->rule->action != PROXY_PASS && way->passed >= way->rule->after;
}

/* Does what can be done for a way. False when one of its sides is gone. */
static bool move(struct way *way, bool readable, bool writable)
{
	if (readable && wants_more(way) && !take_in(way))
		return false;
	const size_t n = now_us() >= way->due_us && writable ? next_piece(way) : 0;
	if (n > 0 && !pass_on(way, n))
		return false;
	if (way->at_end && held(way) == 0 && !way->silent && !way->deaf)
		end_way(way);
	return true;
}

static void serve(struct proxy *proxy, struct connection *c, const struct pollfd *polled)
{
	const short in = POLLIN | POLLHUP | POLLERR, out = POLLOUT | POLLHUP | POLLERR;
	for (int i = 0; i < 2 && c->client >= 0; i++) {
		struct way *way = &c->ways[i];
		const bool before = has_reached(way);
		if (!move(way, polled[i].revents & in, polled[!i].revents & out))
			close_connection(c, true); /* one side was reset, so the other is */
		else if (!before && has_reached(way))
			act(proxy, c, way);
	}
	if (c->client >= 0 && c->ways[0].at_end && c->ways[0].over && c->ways[1].at_end &&
	    c->ways[1].over)
		close_connection(c, false);
}

/* ---- connections -------------------------------------------------------------------------- */

static void init_way(struct way *way, int from, int to, const struct proxy_rule *rule)
{
	memset(way, 0, offsetof(struct way, held));
	way->from = from;
	way->to = to;
	way->rule = rule;
}

static void accept_one(struct proxy *proxy)
{
	const int one = 1;
	struct connection *c = &proxy->connections[proxy->used];
	int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client < 0)
		return;
	int server = socket(proxy->server.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(server, (struct sockaddr *)&proxy->server, proxy->server_size) < 0) {
		close(client);
		close(server);
		return;
	}
	if (proxy->server.ss_family == AF_INET) { /* pieces stay pieces */
		setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	}
	c->client = client;
	c->server = server;
	init_way(&c->ways[0], client, server, &proxy->rules[proxy->used].to_server);
	init_way(&c->ways[1], server, client, &proxy->rules[proxy->used].to_client);
	proxy->used++;
	for (int i = 0; i < 2 && c->client >= 0; i++)
		if (has_reached(&c->ways[i]))
			act(proxy, c, &c->ways[i]);
}

/* ---- the thread --------------------------------------------------------------------------- */

/* What to wait for on the receiving side of a way, and how long at most. */
static short wait_to_pass(const struct way *way, uint64_t now, int *timeout_ms)
{
	if (next_piece(way) == 0)
		return 0;
	if (now >= way->due_us)
		return POLLOUT;
	const int left = (int)((way->due_us - now) / 1000) + 1;
	if (*timeout_ms < 0 || left < *timeout_ms)
		*timeout_ms = left;
	return 0;
}

/* Poll entries of a connection: its client and its server. */
static void watch(const struct connection *c, struct pollfd *polled, int *timeout_ms)
{
	const uint64_t now = now_us();
	const short to_server = wait_to_pass(&c->ways[0], now, timeout_ms);
	const short to_client = wait_to_pass(&c->ways[1], now, timeout_ms);
	polled[0] =
		(struct pollfd){ c->client,
		                 (short)((wants_more(&c->ways[0]) ? POLLIN : 0) | to_client), 0 };
	polled[1] =
		(struct pollfd){ c->server,
		                 (short)((wants_more(&c->ways[1]) ? POLLIN : 0) | to_server), 0 };
	/* An entry that waits for nothing would tell of a hang-up again and again. */
	for (int i = 0; i < 2; i++)
		if (polled[i].events == 0)
			polled[i].fd = -1;
}

static void *run(void *arg)
{
	struct proxy *proxy = arg;
	struct pollfd *polled = proxy->polled;
	for (;;) {
		int timeout_ms = -1;
		polled[0] = (struct pollfd){ proxy->to_stop, POLLIN, 0 };
		polled[1] =
			(struct pollfd){ proxy->used < proxy->n ? proxy->listener : -1, POLLIN, 0 };
		for (int i = 0; i < proxy->used; i++)
			watch(&proxy->connections[i], &polled[2 + 2 * i], &timeout_ms);
		const int used = proxy->used;
		poll(polled, (nfds_t)(2 + 2 * used), timeout_ms);
		if (polled[0].revents != 0)
			return NULL;
		if (polled[1].revents != 0)
			accept_one(proxy);
		for (int i = 0; i < used; i++)
			serve(proxy, &proxy->connections[i], &polled[2 + 2 * i]);
	}
}

/* ---- starting and stopping ---------------------------------------------------------------- */

static bool listen_somewhere(struct proxy *proxy)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	const sa_family_t family = proxy->server.ss_family;
	const struct sockaddr_storage unnamed = { .ss_family = family };
	const bool local = family != AF_INET;
	proxy->size = sizeof proxy->address;
	proxy->listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* A local socket that is bound to its family alone is given a name. */
	return proxy->listener >= 0 &&
	       bind(proxy->listener, local ? (const void *)&unnamed : (const void *)&any,
	            local ? sizeof family : sizeof any) == 0 &&
	       getsockname(proxy->listener, (struct sockaddr *)&proxy->address, &proxy->size) ==
	               0 &&
	       listen(proxy->listener, 128) == 0;
}

static void free_proxy(struct proxy *proxy)
{
	for (int i = 0; i < proxy->used; i++)
		if (proxy->connections[i].client >= 0)
			close_connection(&proxy->connections[i], false);
	close(proxy->listener);
	close(proxy->to_stop);
	free(proxy->connections);
	free(proxy->polled);
	free(proxy);
}

struct proxy *proxy_start(const struct sockaddr *server, socklen_t size,
                          const struct proxy_rules *rules, int n)
{
	struct proxy *proxy = calloc(1, sizeof *proxy);
	memcpy(&proxy->server, server, size);
	proxy->server_size = size;
	proxy->rules = rules;
	proxy->n = n;
	proxy->connections = calloc((size_t)n, sizeof *proxy->connections);
	proxy->polled = calloc((size_t)(2 + 2 * n), sizeof *proxy->polled);
	proxy->to_stop = eventfd(0, EFD_CLOEXEC);
	if (listen_somewhere(proxy) && pthread_create(&proxy->thread, NULL, run, proxy) == 0)
		return proxy;
	free_proxy(proxy);
	return NULL;
}

const struct sockaddr *proxy_address(const struct proxy *proxy, socklen_t *ret_size)
{
	*ret_size = proxy->size;
	return (const struct sockaddr *)&proxy->address;
}

bool proxy_has_acted(const struct proxy *proxy)
{
	return atomic_load_explicit(&proxy->has_acted, memory_order_relaxed);
}

void proxy_stop(struct proxy *proxy, struct proxy_count *ret_count)
{
	const uint64_t one = 1;
	struct proxy_count count = { 0, 0 };
	(void)!write(proxy->to_stop, &one, sizeof one);
	pthread_join(proxy->thread, NULL);
	for (int i = 0; i < proxy->used; i++) {
		count.to_server += proxy->connections[i].ways[0].passed;
		count.to_client += proxy->connections[i].ways[1].passed;
	}
	if (ret_count != NULL)
		*ret_count = count;
	free_proxy(proxy);
}
