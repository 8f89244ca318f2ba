// SPDX-License-Identifier: MIT
/* Who waits for answers: one that leads, and others; they are cancelled, many, in several loops. */
#include "net/names_kit.h"

#include <pthread.h>

static const struct dns_record zone[] = {
	{ "silent.test", NULL, NULL, 0, DNS_SILENT },
	{ "slow.test", "A", "192.0.2.4", 60, DNS_SLOW },
	{ "fast.test", "A", "192.0.2.5", 60, 0 },
	{ NULL, NULL, NULL, 0, 0 },
};

/* ---- cancelled ---------------------------------------------------------------------------- */

NAMES_TEST(a_lookup_ends_with_its_deadline)
{
	int late = 0;
	double began = bide_time();
	bide_resolver_close(resolver);
	resolver = open_resolver((bide_resolver_options){ .timeout = 10 });
	BIDE_TIMEOUT(0.03, late) {
		FOUND("silent.test", 0, bide_strerror(ETIMEDOUT));
	}
	CHECK_INT(late, -ETIMEDOUT);
	CHECK(bide_time() - began < 5);
	CHECK_UINT(resolver->nasking, 0);
	FOUND("fast.test", 0, "192.0.2.5 ");
}

NAMES_TEST(a_lookup_that_is_cancelled_before_it_begins_asks_nobody)
{
	BIDE_TIMEOUT(0) {
		FOUND("127.0.0.1", 0, bide_strerror(ETIMEDOUT));
		FOUND("fast.test", 0, bide_strerror(ETIMEDOUT));
	}
	CHECK_UINT(dns_asked(server, NULL), 0);
}

/* The first one leads, the others follow; one of them is cancelled before the answers come. */
static void cancel_one_of(const char *const *names, int n, int victim)
{
	bide_task *tasks[8];
	for (int i = 0; i < n; i++)
		tasks[i] = bide_spawn(look_up, names[i]);
	CHECK_INT(bide_sleep(0.01), 0);
	CHECK(resolver->leading != NULL);
	CHECK_STR(resolver->leading->name, names[0]);
	bide_cancel(tasks[victim]);
	for (int i = 0; i < n; i++)
		EXPECT_INT(bide_await(int, tasks[i]), i == victim ? -ECANCELED : 0);
	CHECK_NULL(resolver->leading);
}

NAMES_TEST(when_the_leader_is_cancelled_another_one_leads)
{
	static const char *const names[] = { "slow.test", "n1.many.test", "n2.many.test" };
	cancel_one_of(names, 3, 0);
	CHECK_UINT(resolver->nasking, 0);
}

NAMES_TEST(a_follower_that_is_cancelled_leaves_the_others)
{
	static const char *const names[] = { "slow.test", "n1.many.test", "n2.many.test" };
	cancel_one_of(names, 3, 2);
}

NAMES_TEST(of_those_with_one_question_the_others_get_its_answer)
{
	static const char *const names[] = { "slow.test", "slow.test", "slow.test" };
	cancel_one_of(names, 3, 0);
	CHECK_UINT(dns_asked(server, "slow.test"), 2);
}

NAMES_TEST(all_that_wait_may_be_cancelled)
{
	int rc = 0;
	bide_resolver_close(resolver);
	resolver = open_resolver((bide_resolver_options){ .timeout = 10 });
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 20; i++)
			bide_group_spawn(group, look_up, i % 3 ? "silent.test" : "slow.test");
		CHECK_INT(bide_sleep(0.01), 0);
		bide_group_cancel(group);
	}
	CHECK_INT(rc, 0);
	CHECK_UINT(resolver->nasking, 0);
	CHECK_INT(resolver->nsockets, 0);
	FOUND("fast.test", 0, "192.0.2.5 ");
}

NAMES_TEST(a_lookup_may_be_cancelled_at_any_time)
{
	enum { TIMES = 60 };
	int ended = 0;
	bide_resolver_close(resolver);
	resolver = open_resolver((bide_resolver_options){ .cache = -1 });
	for (int i = 0; i < TIMES; i++) {
		int late = 0, rc = 0;
		BIDE_TIMEOUT(i * 20e-6, late) {
			BIDE_GROUP(group, rc) {
				bide_group_spawn(group, look_up, "n1.many.test");
				bide_group_spawn(group, look_up_lightly, "fast.test");
				bide_group_spawn(group, look_up, "n2.many.test");
			}
		}
		EXPECT(late == 0 || late == -ETIMEDOUT);
		EXPECT_UINT(resolver->nasking, 0);
		EXPECT_INT(resolver->nsockets, 0);
		EXPECT_UINT(resolver->calls, 0);
		ended += late == 0;
	}
	CHECK(ended < TIMES); /* the first had no time at all */
	FOUND("fast.test", 0, "192.0.2.5 ");
}

/* ---- many --------------------------------------------------------------------------------- */

enum { MANY = 1000 };
static char many[MANY][32];

NAMES_TEST(a_thousand_names_at_once)
{
	static bide_task *tasks[MANY];
	static int results[MANY];
	bide_resolver_close(resolver);
	resolver = open_resolver((bide_resolver_options){ .timeout = 2, .tries = 3 });
	for (int i = 0; i < MANY; i++) {
		snprintf(many[i], sizeof many[i], "n%d.many.test", i);
		tasks[i] =
			i % 2 ? bide_spawn(look_up, many[i]) : bide_spawn(look_up_lightly, many[i]);
	}
	CHECK_INT(bide_gather(tasks, MANY, results), 0);
	FOUND("n999.many.test", AF_INET, "10.0.3.231 ");
	CHECK(dns_asked(server, NULL) >= 2 * MANY);
}

NAMES_TEST(a_thousand_names_of_which_all_are_cancelled)
{
	int late = 0, rc = 0;
	bide_resolver_close(resolver);
	resolver = open_resolver((bide_resolver_options){ .timeout = 10 });
	BIDE_TIMEOUT(0.05, late) {
		BIDE_GROUP(group, rc) {
			for (int i = 0; i < MANY; i++)
				bide_group_spawn(group, look_up_lightly, "silent.test");
		}
	}
	CHECK_INT(late, -ETIMEDOUT);
	CHECK_UINT(resolver->nasking, 0);
}

/* ---- loops -------------------------------------------------------------------------------- */

static BIDE_ASYNC(int, look_up_by_the_loop_s_own, void);
static int look_up_by_the_loop_s_own(void)
{
	FOUND("localhost", AF_INET, "127.0.0.1 ");
	return 0;
}

TEST(each_run_has_a_resolver_of_its_own_that_ends_with_its_loop)
{
	for (int i = 0; i < 3; i++)
		CHECK_INT(bide_run(look_up_by_the_loop_s_own), 0);
	bide_loop *loop;
	CHECK_INT(bide_loop_open(NULL, &loop), 0);
	for (int i = 0; i < 3; i++)
		CHECK_INT(bide_loop_run(loop, NULL, look_up_by_the_loop_s_own), 0);
	bide_loop_close(loop);
}

static BIDE_ASYNC(int, look_up_fifty, const char *);
static int look_up_fifty(const char *servers)
{
	const bide_resolver_options options = { .servers = servers, .hosts = "", .domains = "" };
	bide_lookup lookup = { .family = AF_INET };
	int rc = bide_resolver_open(&options, &lookup.resolver);
	for (int i = 0; rc == 0 && i < 50; i++) {
		char name[32];
		bide_addresses *addresses;
		snprintf(name, sizeof name, "n%d.many.test", i);
		rc = bide_getaddrinfo(name, NULL, &lookup, &addresses);
		if (rc == 0) {
			EXPECT_INT(addresses->at[0].at.bytes[7], i);
			bide_addresses_free(addresses);
		}
	}
	bide_resolver_close(lookup.resolver);
	return rc;
}

static void *loop_of_a_thread(void *servers)
{
	EXPECT_INT(bide_run(look_up_fifty, servers), 0);
	return NULL;
}

TEST(loops_of_several_threads_look_up_at_once)
{
	pthread_t threads[4];
	server = dns_start(zone, NEGATIVE_TTL);
	for (int i = 0; i < 4; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, loop_of_a_thread,
		                         (void *)dns_address(server)),
		          0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	dns_stop(server);
}

/* ---- by the system ------------------------------------------------------------------------ */

NAMES_TEST(the_system_may_be_asked)
{
	bide_address address;
	char host[BIDE_HOST_MAX];
	bide_resolver_close(resolver);
	resolver = open_resolver((bide_resolver_options){ .system = true });
	FOUND("localhost", AF_INET, "127.0.0.1 ");
	CHECK_INT(bide_address_parse("127.0.0.1:1", &address), 0);
	CHECK_INT(bide_getnameinfo(&address, &(bide_lookup){ .resolver = resolver }, host, NULL),
	          0);
	CHECK_STR(host, "localhost");
}
