// SPDX-License-Identifier: MIT
/* Bodies that are larger than what a process should take: what comes is right to the last byte, and
 * the client's memory does not grow with it. A gigabyte comes with BIDE_SWEEP=all only. */
#include "core/kinds_kit.h"
#include "http/peers.h"
#include "tls/trust.h"

#include <bide/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct peer peer;

/* ---- memory ------------------------------------------------------------------------------- */

/* What may be taken on the way; sanitizers keep memory of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { ALLOWED_KB = 1 << 20 };
#else
enum { ALLOWED_KB = 4096 };
#endif

/* A line of the process's status, in kilobytes; -1 when there is none. */
static long status_kb(const char *name)
{
	char line[200];
	long kb = -1;
	FILE *file = fopen("/proc/self/status", "r");
	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			kb = atol(line + strlen(name));
	if (file != NULL)
		fclose(file);
	return kb;
}

/* The most that was resident counts from now on. */
static void forget_peak(void)
{
	FILE *file = fopen("/proc/self/clear_refs", "w");
	EXPECT(file != NULL && fputs("5", file) > 0 && fclose(file) == 0);
}

/* ---- bodies ------------------------------------------------------------------------------- */

static void read_right(bide_http_response *response, size_t size)
{
	static unsigned char buf[50000];
	size_t at = 0;
	ssize_t n;
	while ((n = bide_http_read(response, buf, sizeof buf)) > 0) {
		CHECK(peer_pattern_is(buf, (size_t)n, at));
		at += (size_t)n;
	}
	CHECK_INT(n, 0);
	CHECK_UINT(at, size);
}

static void fetch(bide_http_session *session, const char *place, size_t size, bool secure)
{
	char url[100];
	bide_http_response *response;
	snprintf(url, sizeof url, "http%s://%s:%d/%s/%zu", secure ? "s" : "", programs_host(),
	         secure ? peer.tls_port : peer.port, place, size);
	CHECK_INT(bide_http_get(session, url, &response), 0);
	read_right(response, size);
	bide_http_response_close(response);
}

/* A first body, after which there is all that one needs, and then the large one. */
static void fetch_flat(const char *place, size_t size, bool secure)
{
	enum { FIRST = 1 << 20 };
	bide_tls *tls = tls_of_client();
	bide_http_session *session;
	CHECK_INT(bide_http_session_open(&(bide_http_options){ .tls = tls }, &session), 0);
	fetch(session, place, FIRST, secure);
	forget_peak();
	const long before = status_kb("VmHWM:");
	fetch(session, place, size, secure);
	const long grown = status_kb("VmHWM:") - before;
	printf("%s of %zu bytes%s: %ld kB\n", place, size, secure ? " with TLS" : "", grown);
	EXPECT(before > 0 && grown <= ALLOWED_KB);
	bide_http_session_close(session);
	bide_tls_unref(tls);
}

static BIDE_ASYNC(void, full_fetch, const char *, size_t, bool);
static BIDE_ASYNC_LIGHT(void, light_fetch, const char *, size_t, bool);
static void full_fetch(const char *place, size_t size, bool secure)
{
	fetch_flat(place, size, secure);
}

static void light_fetch(const char *place, size_t size, bool secure)
{
	fetch_flat(place, size, secure);
}

static void fetch_large(const struct peer_kind *kind)
{
	static const size_t sizes[] = { 100 << 20, 1 << 30 };
	static const char *const places[] = { "files", "chunked" };
	const bool all = test_everything();
	TEST_TIMEOUT(300);
	if (!peer_start(&peer, kind, 60))
		SKIP(kind->missing);
	for (int i = 0; i < (all ? 2 : 1); i++) {
		peer_add_file(sizes[i]);
		for (int p = 0; p < 2; p++) {
			CHECK_INT(bide_try_run(NULL, NULL, full_fetch, places[p], sizes[i], p == 1),
			          0);
			CHECK_INT(
				bide_try_run(NULL, NULL, light_fetch, places[p], sizes[i], p == 0),
				0);
		}
	}
	peer_end(&peer);
}

TEST(large_bodies_from_nginx)
{
	fetch_large(&peer_kinds[0]);
}

TEST(large_bodies_from_node)
{
	fetch_large(&peer_kinds[2]);
}
