// SPDX-License-Identifier: MIT
/* A connection, from its contexts to its end, in which one allocation fails: each of ours, and each
 * of OpenSSL's. By default a sample of the points; all of them with BIDE_SWEEP=all. */
#include "base/alloc.h"
#include "tls/tls_kit.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/uio.h>

/* ---- OpenSSL's memory --------------------------------------------------------------------- */

static bool openssl_fails; /* its requests are looked at by the hook, too */

static void *ssl_malloc(size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return openssl_fails && bide__alloc_fails() ? NULL : malloc(size);
}

static void *ssl_realloc(void *block, size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return openssl_fails && bide__alloc_fails() ? NULL : realloc(block, size);
}

static void ssl_free(void *block, const char *file, int line)
{
	(void)file, (void)line;
	free(block);
}

/* Only before OpenSSL has asked for anything. */
__attribute__((constructor)) static void take_over(void)
{
	if (CRYPTO_set_mem_functions(ssl_malloc, ssl_realloc, ssl_free) != 1)
		abort();
}

/* ---- the scenario ------------------------------------------------------------------------- */

static int served; /* what came of the server's side */

static int serve_once(void)
{
	char buf[4];
	int rc = bide_start_tls(net.server, net.server_tls, NULL);
	if (rc < 0)
		return rc;
	ssize_t n = bide_stream_read_exactly(net.server, buf, sizeof buf);
	if (n != sizeof buf)
		return n < 0 ? (int)n : -EIO;
	n = bide_stream_write(net.server, buf, sizeof buf);
	return n == sizeof buf ? 0 : n < 0 ? (int)n : -EIO;
}

static BIDE_ASYNC(void, serve, void);
static void serve(void)
{
	served = serve_once();
	(void)bide_stream_close(net.server);
	net.server = NULL;
}

static int talk(void)
{
	char buf[4], one[] = "pi", two[] = "ng";
	const struct iovec buffers[] = { { one, 2 }, { two, 2 } };
	int rc = bide_start_tls(net.client, net.client_tls,
	                        &(bide_start_tls_options){ .host = "localhost" });
	if (rc < 0)
		return rc;
	ssize_t n = bide_stream_writev(net.client, buffers, 2);
	if (n != sizeof buf)
		return n < 0 ? (int)n : -EIO;
	n = bide_stream_read_exactly(net.client, buf, sizeof buf);
	return n == sizeof buf ? 0 : n < 0 ? (int)n : -EIO;
}

static int connect_once(void)
{
	bide_stream *pair[2];
	int rc = bide_stream_pair(0, pair);
	if (rc < 0)
		return rc;
	net.client = pair[0];
	net.server = pair[1];
	served = 0;
	bide_task *server = bide_spawn(serve);
	rc = server != NULL ? talk() : -ENOMEM;
	(void)bide_stream_close(net.client);
	net.client = NULL;
	if (server == NULL)
		(void)bide_stream_close(net.server);
	else
		(void)bide_join(server);
	return served == -ENOMEM ? served : rc < 0 ? rc : served;
}

static int scenario(void)
{
	int rc = bide_tls_open(&net.client_options, &net.client_tls);
	if (rc == 0)
		rc = bide_tls_open(&net.server_options, &net.server_tls);
	/* The second one resumes. */
	for (int i = 0; i < 2 && rc == 0; i++)
		rc = connect_once();
	bide_tls_unref(net.client_tls);
	bide_tls_unref(net.server_tls);
	net.client_tls = net.server_tls = NULL;
	return rc;
}

/* ---- the sweep ---------------------------------------------------------------------------- */

static BIDE_ASYNC(void, sweep, bool);
static void sweep(bool strict)
{
	const bool all = test_everything();
	net_open();
	for (int i = 0; i < 2; i++)
		if (!EXPECT_INT(scenario(), 0))
			return;
	bide__alloc_arm(0);
	const int undisturbed = scenario();
	bide__alloc_disarm();
	CHECK_INT(undisturbed, 0);
	CHECK_INT(bide__alloc_hook.live, 0);
	const long points = (long)bide__alloc_hook.attempts;
	const long step = all || strict ? 1 : points / 150;
	CHECK(points > (strict ? 20 : 500));
	for (long k = 1 + (long)(test_seed() % (uint64_t)step); k <= points; k += step) {
		test_goes_on();
		bide__alloc_arm(k);
		const int rc = scenario();
		bide__alloc_disarm();
		ERR_clear_error();
		/* OpenSSL can do without some of it, and has other words for the rest. */
		if (strict ? rc != -ENOMEM && rc != 0 : rc > 0)
			FAIL("request %ld of %ld failed: %s", k, points, bide_strerror(rc));
		if (strict && bide__alloc_hook.live != 0)
			FAIL("request %ld of %ld failed: %ld are left", k, points,
			     bide__alloc_hook.live);
	}
	const int afterwards = scenario();
	CHECK_INT(afterwards, 0);
}

static void run_sweep(bool strict)
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL };
	openssl_fails = !strict;
	CHECK_INT(bide_try_run(&options, NULL, sweep, strict), 0);
}

TEST(each_allocation_of_ours_may_fail)
{
	run_sweep(true);
}

TEST(each_allocation_of_openssl_may_fail)
{
	run_sweep(false);
}
