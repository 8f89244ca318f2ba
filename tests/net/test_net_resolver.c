// SPDX-License-Identifier: MIT
/* A resolver: opened and closed, with options that mean something and some that do not. */
#include "harness/test.h"

#include <bide/net.h>
#include <errno.h>
#include <math.h>

static int opens(const bide_resolver_options *options)
{
	bide_resolver *const untouched = (bide_resolver *)&errno;
	bide_resolver *resolver = untouched;
	int rc = bide_resolver_open(options, &resolver);
	EXPECT((rc == 0) == (resolver != untouched));
	if (rc == 0)
		bide_resolver_close(resolver);
	return rc;
}

TEST(a_resolver_is_opened_without_options)
{
	CHECK_INT(opens(NULL), 0);
	bide_resolver_close(NULL);
}

TEST(a_resolver_is_opened_for_servers)
{
	CHECK_INT(opens(&(bide_resolver_options){ .servers = "127.0.0.1:5353,[::1]:53,::1" }), 0);
	CHECK_INT(opens(&(bide_resolver_options){ .servers = "127.0.0.1", .timeout = 1e-9 }), 0);
	CHECK_INT(opens(&(bide_resolver_options){ .timeout = INFINITY, .tries = 1 }), 0);
}

TEST(options_that_mean_nothing_are_refused)
{
	CHECK_INT(opens(&(bide_resolver_options){ .servers = "nobody" }), -EINVAL);
	CHECK_INT(opens(&(bide_resolver_options){ .timeout = -1 }), -EINVAL);
	CHECK_INT(opens(&(bide_resolver_options){ .timeout = NAN }), -EINVAL);
	CHECK_INT(opens(&(bide_resolver_options){ .tries = -1 }), -EINVAL);
}
