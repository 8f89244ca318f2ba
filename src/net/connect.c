// SPDX-License-Identifier: MIT
/* connect.c: connecting to the first of several addresses that can be had, by RFC 8305. Unlike
 * there, all addresses are known before the first is tried.
 *
 * A RACE has a task for each attempt, in a group of the caller's. The caller begins one after the
 * other: the next when one has failed, or when the delay is over. The first to have a connection
 * leaves it in the race; the others are cancelled, and close theirs before the call returns. */
#include "core/beside.h"
#include "net/sockets.h"

#include <bide/connect.h>
#include <bide/group.h>
#include <bide/sync.h>

#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

struct race {
	bide_connection_options options;
	bide_address local; /* of size 0: any */
	bide_event changed; /* an attempt has ended */
	int fd;             /* the connection, -1: none yet */
	size_t n, next;     /* attempts; the next one to begin */
	size_t running;     /* attempts that have begun and not ended */
	bide_attempt at[];
};

/* ---- one address -------------------------------------------------------------------------- */

/* Who has no port of his own gets one when he connects, so that there are as many for each
 * destination as there are ports. */
static int bind_to_local(int fd, const bide_address *local)
{
	if (local->size == 0)
		return 0;
	if (bide__family(local) != AF_UNIX)
		(void)bide__set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	return bind(fd, bide__sockaddr(local), local->size) < 0 ? -errno : 0;
}

/* A descriptor, or an error. */
static int connect_to(const struct race *race, const bide_address *address)
{
	const int family = bide__family(address);
	if (race->local.size > 0 && bide__family(&race->local) != family)
		return -EAFNOSUPPORT;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int rc = bind_to_local(fd, &race->local);
	if (rc == 0)
		rc = bide__tune(fd, family, race->options.nagle, race->options.keep_alive);
	if (rc == 0)
		rc = bide_connect(fd, bide__sockaddr(address), address->size);
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

static BIDE_ASYNC_LIGHT(void, attempt, struct race *, size_t);

static void attempt(struct race *race, size_t i)
{
	int rc = connect_to(race, &race->at[i].address);
	if (rc < 0)
		race->at[i].error = rc;
	else if (race->fd < 0)
		race->fd = rc;
	else
		close(rc);
	race->running--;
	bide_event_set(&race->changed);
}

/* ---- several ------------------------------------------------------------------------------ */

/* Begins the next attempt, and waits until one has ended or the one after that is due. */
static int go_on(struct race *race, bide_group *group)
{
	int rc = 0, late = 0;
	if (race->next < race->n) {
		if (bide_group_spawn(group, attempt, race, race->next) == NULL)
			return -ENOMEM;
		race->next++;
		race->running++;
	}
	bide_event_clear(&race->changed);
	BIDE_TIMEOUT(race->next < race->n ? race->options.delay : INFINITY, late) {
		rc = bide_event_wait(&race->changed);
	}
	return late == -ETIMEDOUT ? 0 : late < 0 ? late : rc;
}

/* An attempt that begins waits, so a task of its own for each is not much; and the caller, who may
 * be light, is not pointed at. */
static int run(struct race *race)
{
	const bide_group_options options = { .collect = true, .drop_results = true };
	int rc = 0, of_group = 0;
	BIDE_GROUP_WITH(&options, group, of_group) {
		while (rc == 0 && race->fd < 0 && (race->next < race->n || race->running > 0))
			rc = go_on(race, group);
		bide_group_cancel(group);
	}
	if (race->fd >= 0)
		return 0;
	return of_group < 0 ? of_group : rc;
}

static int run_alone(struct race *race)
{
	int rc = connect_to(race, &race->at[0].address);
	if (rc < 0)
		race->at[0].error = rc;
	else
		race->fd = rc;
	return rc < 0 && rc == bide_cancelled() ? rc : 0;
}

/* ---- making one --------------------------------------------------------------------------- */

/* The index of the next address that is, or is not, of a family; n if there is none. */
static size_t find(const bide_address *addresses, size_t n, size_t from, int family, bool is)
{
	while (from < n && (bide__family(&addresses[from]) == family) != is)
		from++;
	return from;
}

/* By turns: one of the family of the first, one of the other. */
static void interleave(struct race *race, const bide_address *addresses)
{
	const int family = bide__family(&addresses[0]);
	size_t next[2] = { 0, 0 };
	for (size_t i = 0; i < race->n; i++) {
		size_t kind = i % 2 == 0;
		size_t found = find(addresses, race->n, next[kind], family, kind);
		if (found == race->n) {
			kind = !kind;
			found = find(addresses, race->n, next[kind], family, kind);
		}
		next[kind] = found + 1;
		race->at[i] = (bide_attempt){ addresses[found], 0 };
	}
}

static int init(struct race *race, const bide_address *addresses, size_t n,
                const bide_connection_options *options)
{
	const bide_connection_options defaults = { 0 };
	const double recommended = 0.25;
	*race = (struct race){ .options = options != NULL ? *options : defaults, .fd = -1, .n = n };
	bide_event_init(&race->changed);
	if (!(race->options.delay >= 0) || race->options.keep_alive < 0)
		return -EINVAL;
	if (race->options.delay == 0)
		race->options.delay = recommended;
	interleave(race, addresses);
	return race->options.local != NULL ? bide_address_parse(race->options.local, &race->local)
	                                   : 0;
}

/* Whether an error says that there is no way to an address, rather than what is there. */
static bool leads_nowhere(int error)
{
	return error == -ENETUNREACH || error == -EHOSTUNREACH || error == -EAFNOSUPPORT ||
	       error == -EADDRNOTAVAIL;
}

static int error_of(const struct race *race)
{
	for (size_t i = 0; i < race->n; i++)
		if (!leads_nowhere(race->at[i].error))
			return race->at[i].error;
	return race->at[0].error;
}

static void tell(const struct race *race, const bide_connection_options *options)
{
	for (size_t i = 0; options != NULL && i < options->n_attempts && i < race->n; i++)
		options->attempts[i] = race->at[i];
}

static int connect_in(struct race *race, bide_stream **ret_stream)
{
	int rc = race->n > 1 ? run(race) : run_alone(race);
	if (rc == 0 && race->fd < 0)
		rc = error_of(race);
	if (rc == 0)
		rc = bide_stream_open(race->fd, race->fd, ret_stream);
	if (rc < 0 && race->fd >= 0)
		close(race->fd);
	return rc;
}

static void clear(const bide_connection_options *options)
{
	if (options != NULL && options->n_attempts > 0)
		memset(options->attempts, 0, options->n_attempts * sizeof(*options->attempts));
}

int bide_connect_any(const bide_address *addresses, size_t n,
                     const bide_connection_options *options, bide_stream **ret_stream)
{
	clear(options);
	if (n == 0)
		return -EINVAL;
	struct race *race = bide__malloc(sizeof(*race) + n * sizeof(*race->at));
	if (race == NULL)
		return -ENOMEM;
	int rc = init(race, addresses, n, options);
	if (rc == 0)
		rc = connect_in(race, ret_stream);
	if (rc < 0)
		tell(race, options);
	bide__free(race);
	return rc;
}

/* ---- by name ------------------------------------------------------------------------------ */

static int open_unix(const char *text, const bide_connection_options *options,
                     bide_stream **ret_stream)
{
	bide_address address;
	int rc = bide_address_parse(text, &address);
	return rc < 0 ? rc : bide_connect_any(&address, 1, options, ret_stream);
}

int bide_open_connection(const char *host, const char *service,
                         const bide_connection_options *options, bide_stream **ret_stream)
{
	bide_addresses *addresses;
	clear(options);
	if (host != NULL && strncmp(host, "unix:", 5) == 0)
		return open_unix(host, options, ret_stream);
	int rc = bide_getaddrinfo(host, service, options != NULL ? options->lookup : NULL,
	                          &addresses);
	if (rc < 0)
		return rc;
	rc = bide_connect_any(addresses->at, addresses->count, options, ret_stream);
	bide_addresses_free(addresses);
	return rc;
}
