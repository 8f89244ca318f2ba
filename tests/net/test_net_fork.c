// SPDX-License-Identifier: MIT
/* A process that forks while names are looked up. */
#include "net/names_kit.h"

#include <sys/wait.h>
#include <unistd.h>

static const struct dns_record zone[] = {
	{ "slow.test", "A", "192.0.2.4", 60, DNS_SLOW },
	{ "fast.test", "A", "192.0.2.5", 60, 0 },
	{ NULL, NULL, NULL, 0, 0 },
};

/* The loop is the parent's, and so is what it asks; the resolver is of use to both. */
NAMES_TEST(a_child_looks_up_by_a_loop_of_its_own)
{
	FOUND("fast.test", AF_INET, "192.0.2.5 ");
	bide_task *task = bide_spawn(look_up, "slow.test");
	CHECK_INT(bide_sleep(0.01), 0);
	CHECK(resolver->leading != NULL);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		bool right = look_up("slow.test") == -BIDE_EFORKED &&
		             bide_run(look_up, "slow.test") == 0 &&
		             bide_run(look_up, "fast.test") == 0 && resolver->nasking == 0;
		_exit(right ? 0 : 1);
	}
	int status = -1;
	CHECK_INT(bide_await(int, task), 0);
	FOUND("slow.test", 0, "192.0.2.4 ");
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
	CHECK_UINT(dns_asked(server, "slow.test"), 4);
	/* That it has an address of the one family was known; of the other one it asks. */
	CHECK_UINT(dns_asked(server, "fast.test"), 2);
}

static BIDE_ASYNC(int, look_up_locally, void);
static int look_up_locally(void)
{
	EXPECT_STR(found("localhost", &(bide_lookup){ .family = AF_INET }), "127.0.0.1 ");
	return 0;
}

NAMES_TEST(a_child_s_loop_has_a_resolver_of_its_own)
{
	CHECK_INT(look_up_locally(), 0);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0)
		_exit(bide_run(look_up_locally) == 0 && bide_run(look_up_locally) == 0 ? 0 : 1);
	int status = -1;
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
	CHECK_INT(look_up_locally(), 0);
}
