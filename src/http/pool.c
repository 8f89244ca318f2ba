// SPDX-License-Identifier: MIT
/* pool.c: the connections of a session: whose turn it is, which are idle, when they are closed. */
#include "http/session.h"

#include "base/alloc.h"
#include "core/beside.h"
#include "http/hash.h"

#include <bide/group.h>

#include <math.h>
#include <string.h>

enum { FIRST_BUCKETS = 16 };

/* ---- lists -------------------------------------------------------------------------------- */

typedef struct bide__http_link *place(struct bide__http_connection *connection);

static struct bide__http_link *of_host(struct bide__http_connection *connection)
{
	return &connection->of_host;
}

static struct bide__http_link *of_session(struct bide__http_connection *connection)
{
	return &connection->of_session;
}

static void append(struct bide__http_list *list, struct bide__http_connection *connection,
                   place *at)
{
	*at(connection) = (struct bide__http_link){ NULL, list->last };
	if (list->last != NULL)
		at(list->last)->next = connection;
	else
		list->first = connection;
	list->last = connection;
}

static void unlink_from(struct bide__http_list *list, struct bide__http_connection *connection,
                        place *at)
{
	const struct bide__http_link *link = at(connection);
	if (link->prev != NULL)
		at(link->prev)->next = link->next;
	else
		list->first = link->next;
	if (link->next != NULL)
		at(link->next)->prev = link->prev;
	else
		list->last = link->prev;
}

/* ---- hosts -------------------------------------------------------------------------------- */

static void rehash(bide_http_session *session, struct bide__http_host **buckets, size_t n)
{
	for (size_t i = 0; i < session->buckets; i++)
		for (struct bide__http_host *host = session->hosts[i], *next; host != NULL;
		     host = next) {
			struct bide__http_host **bucket = &buckets[bide__hash(host->key) % n];
			next = host->next;
			host->next = *bucket;
			*bucket = host;
		}
	bide__free(session->hosts);
	session->hosts = buckets;
	session->buckets = n;
}

static int make_buckets(bide_http_session *session)
{
	if (session->n_hosts < session->buckets)
		return 0;
	const size_t n = session->buckets > 0 ? 2 * session->buckets : FIRST_BUCKETS;
	struct bide__http_host **buckets = bide__calloc(n, sizeof(struct bide__http_host *));
	if (buckets == NULL)
		return session->buckets > 0 ? 0 : -ENOMEM;
	rehash(session, buckets, n);
	return 0;
}

static struct bide__http_host *host_new(bide_http_session *session,
                                        const struct bide__http_route *route)
{
	const size_t size = session->key.size + 1;
	struct bide__http_host *host = NULL;
	if (make_buckets(session) == 0)
		host = bide__calloc(1, sizeof(*host) + size);
	if (host == NULL)
		return NULL;
	memcpy(host->key, session->key.data, size);
	struct bide__http_host **bucket = &session->hosts[bide__hash(host->key) % session->buckets];
	host->tls = route->tls != NULL ? bide_tls_ref(route->tls) : NULL;
	host->next = *bucket;
	*bucket = host;
	session->n_hosts++;
	bide_semaphore_init(&host->turn, (size_t)session->options.limit_per_host);
	return host;
}

/* Finds or makes the host that a route leads to, with one user more; NULL when there was no
 * memory. */
static struct bide__http_host *host_of(bide_http_session *session,
                                       const struct bide__http_route *route)
{
	struct bide__http_host *host = NULL;
	session->key.size = 0;
	bide__http_put_key(&session->key, route);
	if (bide__string_end(&session->key) < 0)
		return NULL;
	if (session->buckets > 0)
		host = session->hosts[bide__hash(session->key.data) % session->buckets];
	while (host != NULL && strcmp(host->key, session->key.data) != 0)
		host = host->next;
	if (host == NULL)
		host = host_new(session, route);
	if (host != NULL)
		host->users++;
	return host;
}

static void host_leave(bide_http_session *session, struct bide__http_host *host)
{
	if (--host->users > 0)
		return;
	struct bide__http_host **link = &session->hosts[bide__hash(host->key) % session->buckets];
	while (*link != host)
		link = &(*link)->next;
	*link = host->next;
	session->n_hosts--;
	bide_tls_unref(host->tls);
	bide__free(host);
}

/* ---- connections -------------------------------------------------------------------------- */

/* Closes one that is on no list. */
static void discard(bide_http_session *session, struct bide__http_connection *connection,
                    bool politely)
{
	if (politely)
		(void)bide_stream_close(connection->stream);
	else
		bide_stream_abort(connection->stream);
	host_leave(session, connection->host);
	bide__http_parser_finish(&connection->parser);
	bide__string_free(&connection->ahead);
	bide__free(connection);
}

static void take_off(bide_http_session *session, struct bide__http_connection *connection)
{
	unlink_from(&connection->host->idle, connection, of_host);
	unlink_from(&session->idle, connection, of_session);
	session->n_idle--;
}

static bool is_too_old(const bide_http_session *session,
                       const struct bide__http_connection *connection)
{
	return bide_now() >= connection->idle_since + session->options.keep_alive;
}

/* Closing may suspend, so the list is looked at afresh each time. */
static void close_old(bide_http_session *session)
{
	for (struct bide__http_connection *oldest; (oldest = session->idle.first) != NULL;) {
		if (session->n_idle <= (unsigned)session->options.limit &&
		    !is_too_old(session, oldest))
			break;
		take_off(session, oldest);
		discard(session, oldest, true);
	}
}

static BIDE_ASYNC_LIGHT(void, close_one, bide_http_session *);

static void close_one(bide_http_session *session)
{
	struct bide__http_connection *connection = session->idle.first;
	if (connection == NULL)
		return;
	take_off(session, connection);
	discard(session, connection, true);
}

/* Side by side, as each may say good-bye for seconds. What no task could be made for is left. */
static void close_several(bide_http_session *session)
{
	int rc;
	BIDE_GROUP(group, rc)
		for (unsigned n = session->n_idle; n > 0; n--)
			(void)bide_group_spawn(group, close_one, session);
}

void bide__http_close_idle(bide_http_session *session)
{
	if (session->n_idle > 1 && bide_current_task() != NULL)
		close_several(session);
	while (session->idle.first != NULL)
		close_one(session);
}

/* A session's task, which closes connections that have grown old when nobody makes requests. It has
 * the session as long as it runs. */
static BIDE_ASYNC_LIGHT(void, sweep, bide_http_session *);

static void sweep(bide_http_session *session)
{
	int rc = 0, late;
	while (rc == 0 && !session->closed && session->idle.first != NULL) {
		const double end = session->idle.first->idle_since + session->options.keep_alive;
		BIDE_TIMEOUT_AT(end, late)
			rc = bide_event_wait(&session->ended);
		rc = late == -ETIMEDOUT ? 0 : late < 0 ? late : rc;
		close_old(session);
	}
}

/* However the task ends, which it may before it has begun. */
static void end_sweep(void *arg, bide_task *task)
{
	bide_http_session *session = arg;
	(void)task;
	session->sweeping = false;
	bide__http_session_leave(session);
}

/* Without memory for the task they are closed by the next request that is through. */
static void have_swept(bide_http_session *session)
{
	const bide_task_options options = { .name = "bide_http_session" };
	if (session->sweeping || isinf(session->options.keep_alive))
		return;
	bide_task *task = bide_spawn_with(&options, sweep, session);
	if (task == NULL)
		return;
	session->sweeping = bide_task_on_done(task, end_sweep, session) == 0;
	if (session->sweeping) {
		session->holders++;
		bide_detach(task);
	} else {
		(void)bide_cancel(task);
		(void)bide_join(task);
	}
}

/* Nothing comes unasked on a connection that is good: it has been closed, or cannot be trusted. Of
 * one that became idle in this very turn of the loop, and had been read to the last of what there
 * was, that is known well enough for a request that can be made again; any other is not risked. */
static bool is_stale(const struct bide__http_errand *errand,
                     const struct bide__http_connection *connection)
{
	const bool again = bide_http_is_idempotent(errand->method) && !errand->body.once;
	const bool just_read =
		connection->idle_since == bide_now() && bide__stream_is_drained(connection->stream);
	return !(again && just_read) && bide_stream_has_input(connection->stream);
}

/* The one that was used last: others can grow old. NULL if none is good. */
static struct bide__http_connection *reuse(const struct bide__http_errand *errand,
                                           struct bide__http_host *host)
{
	bide_http_session *session = errand->session;
	struct bide__http_connection *connection;
	while ((connection = host->idle.last) != NULL && !is_too_old(session, connection)) {
		take_off(session, connection);
		if (!is_stale(errand, connection))
			return connection;
		discard(session, connection, false);
	}
	return NULL;
}

static int connection_new(struct bide__http_errand *errand, struct bide__http_host *host,
                          struct bide__http_connection **ret_connection)
{
	struct bide__http_connection *connection = bide__calloc(1, sizeof(*connection));
	if (connection == NULL)
		return -ENOMEM;
	int rc = bide__http_connect(errand, &connection->stream);
	if (rc < 0) {
		bide__free(connection);
		return rc;
	}
	(void)bide_stream_peer_address(connection->stream, &connection->peer);
	connection->host = host;
	host->users++;
	bide__http_parser_init(&connection->parser, HTTP_RESPONSE);
	*ret_connection = connection;
	return 0;
}

/* ---- turns -------------------------------------------------------------------------------- */

static bool is_limited(const bide_http_session *session)
{
	return session->options.limit_per_host > 0;
}

/* That of the host first: who waits for it takes none of the session's. */
static int wait_for_turn(bide_http_session *session, struct bide__http_host *host)
{
	int rc = 0, fired;
	BIDE_TIMEOUT(session->options.timeout_pool, fired) {
		if (is_limited(session))
			rc = bide_semaphore_acquire(&host->turn);
		if (rc == 0) {
			rc = bide_semaphore_acquire(&session->turn);
			if (rc < 0 && is_limited(session))
				bide_semaphore_release(&host->turn);
		}
	}
	return (int)bide__http_timed(fired, rc, -BIDE_EHTTP_TIMEOUT_POOL);
}

static void end_turn(bide_http_session *session, struct bide__http_host *host)
{
	bide_semaphore_release(&session->turn);
	if (is_limited(session))
		bide_semaphore_release(&host->turn);
	host_leave(session, host);
}

int bide__http_acquire(struct bide__http_errand *errand,
                       struct bide__http_connection **ret_connection)
{
	bide_http_session *session = errand->session;
	struct bide__http_host *host = host_of(session, &errand->route);
	if (host == NULL)
		return -ENOMEM;
	bide__http_note(&errand->trace, BIDE_HTTP_QUEUED, 0);
	int rc = wait_for_turn(session, host);
	if (rc < 0) {
		host_leave(session, host);
		return rc;
	}
	bide__http_note(&errand->trace, BIDE_HTTP_TURN, 0);
	struct bide__http_connection *connection = errand->fresh ? NULL : reuse(errand, host);
	if (connection == NULL)
		rc = connection_new(errand, host, &connection);
	if (rc < 0) {
		end_turn(session, host);
		return rc;
	}
	connection->trace = &errand->trace;
	errand->trace.peer = &connection->peer;
	errand->trace.times.reused = connection->again;
	*ret_connection = connection;
	return 0;
}

void bide__http_release(bide_http_session *session, struct bide__http_connection *connection,
                        bool reusable)
{
	struct bide__http_host *host = connection->host;
	if (reusable) {
		connection->again = true;
		connection->idle_since = bide_now();
		bide__http_parser_finish(&connection->parser);
		bide__string_free(&connection->ahead);
		append(&host->idle, connection, of_host);
		append(&session->idle, connection, of_session);
		session->n_idle++;
		end_turn(session, host);
		/* Others may go on meanwhile: to say good-bye can take seconds. */
		close_old(session);
		have_swept(session);
	} else {
		discard(session, connection, false);
		end_turn(session, host);
	}
}
