// SPDX-License-Identifier: MIT
/* resolver.c: opening and closing what asks name servers. */
#include "net/errors.h"

#include "core/beside.h"

#include <bide/net.h>

#include <ares.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>

struct bide_resolver {
	ares_channel channel;
};

/* c-ares counts how often it is made ready, without a lock. */
static pthread_once_t library = PTHREAD_ONCE_INIT;

static void library_init(void)
{
	(void)ares_library_init(ARES_LIB_INIT_ALL);
}

/* Makes c-ares' options of ours. Returns which of them are set, or -EINVAL. */
static int choose(const bide_resolver_options *options, struct ares_options *ret_chosen)
{
	const double ms = options->timeout * 1e3;
	int mask = 0;
	if (!(ms >= 0) || options->tries < 0)
		return -EINVAL;
	if (ms > 0) {
		ret_chosen->timeout = ms < 1 ? 1 : ms < INT_MAX ? (int)ms : INT_MAX;
		mask |= ARES_OPT_TIMEOUTMS;
	}
	if (options->tries > 0) {
		ret_chosen->tries = options->tries;
		mask |= ARES_OPT_TRIES;
	}
	return mask;
}

static int open_channel(bide_resolver *resolver, const bide_resolver_options *options)
{
	struct ares_options chosen;
	int mask = choose(options, &chosen);
	if (mask < 0)
		return mask;
	int rc = bide__net_error(ares_init_options(&resolver->channel, &chosen, mask));
	if (rc < 0 || options->servers == NULL)
		return rc;
	rc = bide__net_error(ares_set_servers_ports_csv(resolver->channel, options->servers));
	if (rc < 0)
		ares_destroy(resolver->channel);
	return rc;
}

int bide_resolver_open(const bide_resolver_options *options, bide_resolver **ret_resolver)
{
	const bide_resolver_options defaults = { 0 };
	pthread_once(&library, library_init);
	bide_resolver *resolver = bide__malloc(sizeof(*resolver));
	if (resolver == NULL)
		return -ENOMEM;
	int rc = open_channel(resolver, options != NULL ? options : &defaults);
	if (rc < 0) {
		bide__free(resolver);
		return rc;
	}
	*ret_resolver = resolver;
	return 0;
}

void bide_resolver_close(bide_resolver *resolver)
{
	if (resolver == NULL)
		return;
	ares_destroy(resolver->channel);
	bide__free(resolver);
}
