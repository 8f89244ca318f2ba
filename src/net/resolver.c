// SPDX-License-Identifier: MIT
/* resolver.c: opening and closing resolvers, and the one that each loop has of its own. */
#include "net/resolver.h"

#include "net/host_name.h"

#include "core/beside.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { CACHE_DEFAULT = 1000 };

/* This thread's resolvers, and among them its loop's own. */
static _Thread_local bide_resolver *resolvers, *own;

/* ---- fork --------------------------------------------------------------------------------- */

/* Forgets what is being asked, without a word to those who wait for it: they are the parent's, and
 * do not run here. */
static void forget_questions(bide_resolver *resolver)
{
	for (struct bide__question *question; (question = resolver->first) != NULL;) {
		resolver->first = question->after;
		bide__cache_remove(&resolver->cache, question);
	}
	resolver->last = resolver->leading = NULL;
	resolver->lead_scope = NULL;
	resolver->nasking = resolver->nwanted = resolver->calls = 0;
	resolver->failure = 0;
	bide_semaphore_init(&resolver->lookups, BIDE__LOOKUPS_MAX);
}

/* The child has the parent's sockets, and an epoll set that is the parent's, too. It leaves that
 * alone, so its own descriptor goes first, and begins with what is known. */
static void begin_anew(bide_resolver *resolver)
{
	if (resolver->epoll >= 0)
		(void)close(resolver->epoll);
	resolver->epoll = resolver->socket = -1;
	resolver->nsockets = 0;
	resolver->forgetting = true;
	bide__channels_close(resolver);
	resolver->forgetting = false;
	bide__routes_close(&resolver->routes);
	forget_questions(resolver);
}

static void in_child(void)
{
	own = NULL;
	for (bide_resolver *resolver = resolvers; resolver != NULL; resolver = resolver->next)
		begin_anew(resolver);
}

static void watch_forks(void)
{
	(void)pthread_atfork(NULL, NULL, in_child);
}

/* ---- opening ------------------------------------------------------------------------------ */

static bool valid(const bide_resolver_options *options)
{
	return options->timeout >= 0 && options->tries >= 0 && options->ndots >= 0 &&
	       options->cache >= -1;
}

static const char *or_else(const char *string, const char *otherwise)
{
	return string != NULL ? string : otherwise;
}

/* Makes the strings of the options copies, or NULL when there is no memory for one. */
static int own_strings(bide_resolver_options *options)
{
	const char **const strings[] = { &options->servers, &options->domains, &options->config,
		                         &options->hosts };
	int rc = 0;
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		if (*strings[i] == NULL)
			continue;
		*strings[i] = rc == 0 ? bide__copy_string(*strings[i]) : NULL;
		rc = *strings[i] != NULL ? 0 : -ENOMEM;
	}
	return rc;
}

static void release(bide_resolver *resolver)
{
	bide__channels_close(resolver);
	bide__cache_finish(&resolver->cache);
	bide__hosts_finish(&resolver->hosts);
	bide__free((char *)resolver->options.servers);
	bide__free((char *)resolver->options.domains);
	bide__free((char *)resolver->options.config);
	bide__free((char *)resolver->options.hosts);
	bide__free(resolver);
}

static int set_up(bide_resolver *resolver, const bide_resolver_options *options)
{
	resolver->options = *options;
	resolver->epoll = resolver->socket = -1;
	bide__routes_init(&resolver->routes);
	bide_semaphore_init(&resolver->lookups, BIDE__LOOKUPS_MAX);
	resolver->cache.limit = options->cache == 0  ? CACHE_DEFAULT
	                        : options->cache < 0 ? 0
	                                             : (size_t)options->cache;
	resolver->cache.seed = (uint32_t)bide_uniform(0, UINT32_MAX);
	int rc = own_strings(&resolver->options);
	resolver->hosts.file.path = or_else(resolver->options.hosts, "/etc/hosts");
	resolver->resolv_conf.path = or_else(resolver->options.config, "/etc/resolv.conf");
	(void)bide__file_changed(&resolver->resolv_conf, bide_now());
	return rc < 0 || options->system ? rc : bide__channel_of_kind(resolver, BIDE__ORDINARY);
}

int bide_resolver_open(const bide_resolver_options *options, bide_resolver **ret_resolver)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const bide_resolver_options defaults = { 0 };
	if (options == NULL)
		options = &defaults;
	if (!valid(options))
		return -EINVAL;
	bide_resolver *resolver = bide__calloc(1, sizeof(*resolver));
	if (resolver == NULL)
		return -ENOMEM;
	int rc = set_up(resolver, options);
	if (rc < 0) {
		release(resolver);
		return rc;
	}
	(void)pthread_once(&once, watch_forks);
	resolver->next = resolvers;
	resolvers = resolver;
	*ret_resolver = resolver;
	return 0;
}

/* Returns where the resolver is linked in this thread's list; aborts when it is not. */
static bide_resolver **link_of(const char *call, const bide_resolver *resolver)
{
	bide_resolver **link = &resolvers;
	while (*link != NULL && *link != resolver)
		link = &(*link)->next;
	if (*link == NULL)
		bide__abort(call, "the resolver has been closed, or is another thread's");
	return link;
}

void bide_resolver_close(bide_resolver *resolver)
{
	if (resolver == NULL)
		return;
	bide_resolver **link = link_of("bide_resolver_close", resolver);
	if (resolver->calls > 0)
		bide__abort("bide_resolver_close", "%zu calls are in it", resolver->calls);
	*link = resolver->next;
	release(resolver);
}

/* ---- the loop's own ----------------------------------------------------------------------- */

static void close_own(void *arg)
{
	own = NULL;
	bide_resolver_close(arg);
}

static int open_own(void)
{
	bide_resolver *resolver;
	int rc = bide_resolver_open(NULL, &resolver);
	if (rc < 0)
		return rc;
	rc = bide_loop_on_close(bide_current_loop(), close_own, resolver);
	if (rc < 0)
		bide_resolver_close(resolver);
	else
		own = resolver;
	return rc;
}

int bide__resolver_enter(const char *call, bide_resolver *resolver, bide_resolver **ret_resolver)
{
	int rc = 0;
	if (resolver != NULL)
		(void)link_of(call, resolver);
	else if (own == NULL)
		rc = open_own();
	if (rc < 0)
		return rc;
	*ret_resolver = resolver != NULL ? resolver : own;
	(*ret_resolver)->calls++;
	return 0;
}

void bide__resolver_leave(bide_resolver *resolver)
{
	if (--resolver->calls == 0)
		bide__routes_close(&resolver->routes);
}
