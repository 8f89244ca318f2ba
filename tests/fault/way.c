// SPDX-License-Identifier: MIT
/* way.c: see way.h. */
#include "fault/way.h"

#include "fault/proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 16, DIRECTIONS = 2, EACH = 50 };

#define HARMLESS "slow bytes both"

#define ALL_WAYS "slow bytes both reset end drop"
#define WITHOUT "not through a proxy: "
#define TAKES WITHOUT "it takes what finds no room"
#define AT_ONCE WITHOUT "what is written at once comes at once"
#define RESETS WITHOUT "who closes before all has come resets"
#define NARROW WITHOUT "the way is narrower than a record"

/* Tests that go directly only, or not these ways. */
static const struct {
	const char *test, *ways, *reason;
} refused[] = {
	{ "no_write_follows_a_part_of_one", HARMLESS, TAKES },
	{ "a_write_that_waits_its_turn_and_is_cancelled_has_no_effect", HARMLESS, TAKES },
	{ "a_flush_that_is_cancelled_loses_nothing", HARMLESS, TAKES },
	{ "close_in_a_cancelled_task_drops_what_is_not_sent", HARMLESS, TAKES },
	{ "close_ends_the_calls_of_others", HARMLESS, TAKES },
	{ "a_close_has_those_who_read_and_write_return", HARMLESS, TAKES },
	{ "writing_to_who_has_closed_fails_without_a_signal", HARMLESS,
	  WITHOUT "it takes what is for who has closed" },
	{ "read_waits_for_what_comes", "bytes both", AT_ONCE },
	{ "a_read_that_is_cancelled_has_read_nothing", "bytes both", AT_ONCE },
	{ "read_gives_what_there_is", "bytes both", AT_ONCE },
	{ "a_layer_goes_between_a_stream_and_its_user", "bytes both", AT_ONCE },
	{ "a_cancelled_task_reads_nothing_of_what_is_there", "bytes both", AT_ONCE },
	{ "peek_shows_and_consume_takes", "bytes both", AT_ONCE },
	{ "a_layer_is_not_put_on_a_stream_in_use", "reset end drop",
	  WITHOUT "the layer has nothing in it, and none is to be put on" },
	/* Tickets of TLS 1.3 come at any time, and a hello is not read by who has failed. */
	{ "an_expired_certificate_is_found_out", HARMLESS, RESETS },
	{ "a_self_signed_certificate_is_found_out", HARMLESS, RESETS },
	{ "a_close_is_the_end_for_the_other_side", HARMLESS, RESETS },
	{ "a_close_in_a_cancelled_task_says_good_bye_if_that_can_be_done_at_once", HARMLESS,
	  RESETS },
	{ "new_connections_have_the_certificates_of_a_reload_and_old_ones_keep_theirs", HARMLESS,
	  RESETS },
	{ "in_a_storm_of_cancellations_what_was_told_comes", HARMLESS, RESETS },
	{ "a_connection_that_is_closed_meanwhile_is_truncated", HARMLESS, RESETS },
	{ "a_writer_that_must_see_the_rest_of_a_ticket_reads_it", ALL_WAYS, NARROW },
	{ "a_writer_that_must_see_the_rest_of_a_ticket_waits_for_who_reads_it", ALL_WAYS, NARROW },
	{ "a_shutdown_in_the_midst_of_a_ticket_sees_the_rest_first", ALL_WAYS, NARROW },
};

static const struct way {
	const char *name;
	struct proxy_rule rule; /* of both directions, or, where it harms, of one */
} ways[] = {
	{ "slow", { .delay_us = 1000 } },
	{ "bytes", { .piece = 1, .until = 5000 } },
	{ "both", { .piece = 100, .delay_us = 1000, .until = 5000 } },
	{ "reset", { .action = PROXY_RESET } },
	{ "end", { .action = PROXY_END } },
	{ "drop", { .action = PROXY_DROP } },
};

/* What the connections of this run go through. */
static struct proxy_rules rules;
static struct proxy *proxies[CONNECTIONS];
static int n_proxies;
static bool under_way; /* a test is being run by it */
static bool struck;    /* one has come to what it is to do */

static const struct way *present(void)
{
	static const struct way *found;
	const char *name = getenv("BIDE_TEST_WAY");
	for (size_t i = 0; found == NULL && name != NULL && i < sizeof ways / sizeof ways[0]; i++)
		if (strcmp(ways[i].name, name) == 0)
			found = &ways[i];
	if (found == NULL && name != NULL)
		FAIL("there is no way %s", name);
	return found;
}

bool way_asked(void)
{
	return present() != NULL;
}

bool way_direct(void)
{
	return !under_way || present() == NULL;
}

bool way_harms(void)
{
	return !way_direct() && present()->rule.action != PROXY_PASS;
}

const char *way_refuses(const char *test)
{
	for (size_t i = 0; way_asked() && i < sizeof refused / sizeof refused[0]; i++)
		if (strcmp(refused[i].test, test) == 0 &&
		    strstr(refused[i].ways, present()->name) != NULL)
			return refused[i].reason;
	return NULL;
}

/* ---- connections -------------------------------------------------------------------------- */

static int listen_there(struct sockaddr_in *ret_address)
{
	socklen_t size = sizeof *ret_address;
	const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*ret_address = (struct sockaddr_in){ .sin_family = AF_INET,
		                             .sin_addr = { htonl(INADDR_LOOPBACK) } };
	EXPECT_INT(bind(listener, (struct sockaddr *)ret_address, size), 0);
	EXPECT_INT(getsockname(listener, (struct sockaddr *)ret_address, &size), 0);
	EXPECT_INT(listen(listener, 1), 0);
	return listener;
}

/* Stops the one that was started first, and notes whether it did what it was to. */
static void stop_proxy(void)
{
	struct proxy_count count;
	proxy_stop(proxies[0], &count);
	n_proxies--;
	memmove(proxies, proxies + 1, (size_t)n_proxies * sizeof proxies[0]);
	struck = struck ||
	         (rules.to_server.action != PROXY_PASS &&
	          count.to_server >= rules.to_server.after) ||
	         (rules.to_client.action != PROXY_PASS && count.to_client >= rules.to_client.after);
}

/* Whoever is connected to is not of this thread, and may have harmed a connection before connect()
 * comes back: that is for those to see who use it. */
static int begin_connect(const struct sockaddr *address, socklen_t size)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	EXPECT(connect(fd, address, size) == 0 || errno == EINPROGRESS);
	EXPECT_INT(fcntl(fd, F_SETFL, 0), 0);
	return fd;
}

void way_connect(int fds[2])
{
	struct sockaddr_in there;
	socklen_t size = sizeof there;
	const int one = 1, listener = listen_there(&there);
	const struct sockaddr *address = (struct sockaddr *)&there;
	if (n_proxies == CONNECTIONS)
		stop_proxy();
	if (!way_direct()) {
		struct proxy *proxy = proxy_start(address, size, &rules, 1);
		proxies[n_proxies++] = proxy;
		address = proxy_address(proxy, &size);
	}
	fds[0] = begin_connect(address, size);
	fds[1] = accept(listener, NULL, NULL);
	for (int i = 0; i < 2; i++)
		EXPECT_INT(setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), 0);
	close(listener);
}

bool way_struck(void)
{
	bool acted = struck;
	for (int i = 0; i < n_proxies; i++)
		acted = acted || proxy_has_acted(proxies[i]);
	return acted;
}

static int run_once(int (*run)(void))
{
	struck = false;
	test_goes_on();
	const int rc = run();
	while (n_proxies > 0)
		stop_proxy();
	return rc;
}

/* ---- running ------------------------------------------------------------------------------ */

/* The next place for a fault: of the first bytes each, then a tenth further. */
static size_t next_place(size_t k)
{
	if (test_everything())
		return k < EACH ? k + 1 : k + k / 10;
	return 2 * k + 1 + (k > 0 ? (size_t)(test_seed() % k) : 0);
}

static void harm_everywhere(int (*run)(void), const struct proxy_rule *harm, int direction)
{
	struck = true;
	for (size_t k = 0; struck; k = next_place(k)) {
		struct proxy_rule rule = *harm;
		rule.after = k;
		rules = (struct proxy_rules){ { .piece = 0 }, { .piece = 0 } };
		*(direction == 0 ? &rules.to_server : &rules.to_client) = rule;
		if (!EXPECT_INT(run_once(run), 0))
			FAIL("with a fault in direction %d after %zu bytes", direction, k);
	}
}

void way_run(int (*run)(void))
{
	const struct way *way = present();
	under_way = true;
	if (way_harms()) {
		for (int direction = 0; direction < DIRECTIONS; direction++)
			harm_everywhere(run, &way->rule, direction);
		return;
	}
	if (way != NULL)
		rules = (struct proxy_rules){ way->rule, way->rule };
	EXPECT_INT(run_once(run), 0);
}
