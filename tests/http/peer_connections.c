// SPDX-License-Identifier: MIT
/* Cases of test_http_peers.c that are about connections: many of them, those that are slow, end or
 * are refused. */
#include "http/peer_client.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* ---- many at once ------------------------------------------------------------------------- */

enum { AT_ONCE = 100, LIMIT = 8 };

static long connections[AT_ONCE]; /* on which they were */

static BIDE_ASYNC_LIGHT(int, fetch_one, int);
static int fetch_one(int number)
{
	bide_http_response *response = ask("/files/65537", (bide_http_request){ 0 });
	if (response != NULL)
		connections[number] = field(response, "X-Connection");
	return pattern_of(response, 65537, 0) == 200 ? 0 : -EIO;
}

/* How many connections a hundred requests took; 1 when that is not to be seen. */
static int fetch_at_once(void)
{
	int rc, distinct = 0;
	memset(connections, 0, sizeof connections);
	BIDE_GROUP(group, rc)
		for (int i = 0; i < AT_ONCE; i++)
			bide_group_spawn(group, fetch_one, i);
	EXPECT_INT(rc, 0);
	for (int i = 0; i < AT_ONCE; i++) {
		bool first = true;
		for (int k = 0; k < i; k++)
			first &= connections[k] != connections[i];
		distinct += first;
	}
	return sees_us() ? distinct : 1;
}

void a_hundred_requests_at_once(void)
{
	/* Else the limit that follows would limit nothing. */
	EXPECT(fetch_at_once() > LIMIT || !sees_us());
	reopen_session((bide_http_options){ .limit = LIMIT });
	EXPECT(fetch_at_once() <= LIMIT);
	(void)connection_now();
}

/* ---- time --------------------------------------------------------------------------------- */

void answers_that_do_not_come(void)
{
	enum { SOME = 3 };
	reopen_session((bide_http_options){ .timeout_read = 0.1, .limit = 1 });
	for (int i = 0; i < SOME; i++)
		EXPECT_INT(failure_of("/slow"), -BIDE_EHTTP_TIMEOUT_READ);
	bide_http_response *response = ask("/stall", (bide_http_request){ 0 });
	CHECK(response != NULL);
	char buf[10];
	EXPECT_INT(bide_http_read(response, buf, sizeof buf), 4);
	EXPECT_MEM(buf, "half", 4);
	EXPECT_INT(bide_http_read(response, buf, sizeof buf), -BIDE_EHTTP_TIMEOUT_READ);
	bide_http_response_close(response);
	reopen_session((bide_http_options){ .timeout = 0.1, .limit = 1 });
	EXPECT_INT(failure_of("/slow"), -BIDE_EHTTP_TIMEOUT);
	reopen_session((bide_http_options){ .limit = 1 });
	int timed_out, rc = 0;
	BIDE_TIMEOUT(0.1, timed_out)
		rc = failure_of("/slow");
	EXPECT_INT(timed_out, -ETIMEDOUT);
	EXPECT_INT(rc, -ETIMEDOUT);
	(void)connection_now();
}

/* ---- ends --------------------------------------------------------------------------------- */

static bool is_cut(ssize_t rc)
{
	return rc == -BIDE_EINCOMPLETE || (secure && rc == -BIDE_ETRUNCATED);
}

/* What comes before the end of a body that is cut, which has another end. */
static ssize_t read_to_the_end(bide_http_response *response, size_t *ret_size)
{
	static unsigned char buf[50000];
	ssize_t n;
	*ret_size = 0;
	while ((n = bide_http_read(response, buf, sizeof buf)) > 0) {
		EXPECT(*ret_size != 0 || memcmp(buf, "half", 4) == 0 ||
		       peer_pattern_is(buf, (size_t)n, 0));
		*ret_size += (size_t)n;
	}
	EXPECT_INT(bide_http_read(response, buf, sizeof buf), n);
	return n;
}

void bodies_that_are_cut(void)
{
	static const char *const paths[] = { "/cut", "/cut-chunked" };
	for (int i = 0; i < 2; i++) {
		size_t size;
		bide_http_response *response = ask(paths[i], (bide_http_request){ 0 });
		CHECK(response != NULL);
		const ssize_t rc = read_to_the_end(response, &size);
		if (!is_cut(rc))
			FAIL("%s: %s", paths[i], bide_strerror((int)rc));
		EXPECT_UINT(size, 4);
		bide_http_response_close(response);
		(void)connection_now();
	}
}

static bool is_an_end(int rc)
{
	return is_cut(rc) || rc == -ECONNRESET || rc == -EPIPE;
}

void a_server_that_dies_within_a_body(void)
{
	size_t size;
	bide_http_response *response = ask("/files/67108864", (bide_http_request){ 0 });
	CHECK(response != NULL);
	program_end(&peer.program, SIGKILL);
	const ssize_t rc = read_to_the_end(response, &size);
	if (!is_an_end((int)rc))
		FAIL("it ended with %s", bide_strerror((int)rc));
	EXPECT(size < 67108864);
	bide_http_response_close(response);
	EXPECT_INT(failure_of("/files/1"), -ECONNREFUSED);
	CHECK(program_restart(&peer.program));
	(void)connection_now();
}

/* What was kept is of no use any more, which nobody notices. */
void a_server_that_was_started_again(void)
{
	enum { KEPT = 10 };
	reopen_session((bide_http_options){ .limit = KEPT });
	EXPECT(fetch_at_once() <= KEPT);
	program_end(&peer.program, SIGKILL);
	CHECK(program_restart(&peer.program));
	(void)connection_now();
	EXPECT(fetch_at_once() < 2 * KEPT);
	EXPECT(fetch_at_once() <= KEPT);
	program_end(&peer.program, SIGTERM);
	CHECK(program_restart(&peer.program));
	if ((peer.can & CAN_ECHO) != 0)
		EXPECT_INT(text_of(ask("/echo", (bide_http_request){ .body = "x", .body_size = 1 }),
		                   "x"),
		           200);
}

static bool enough;

static BIDE_ASYNC_LIGHT(int, fetch_again_and_again, void);
static int fetch_again_and_again(void)
{
	char url[URL];
	while (!enough) {
		bide_http_response *response = NULL;
		int rc = bide_http_get(session, url_of("/files/65537", url), &response);
		char buf[4000];
		ssize_t n = rc;
		while (rc == 0 && (n = bide_http_read(response, buf, sizeof buf)) > 0)
			continue;
		bide_http_response_close(response);
		if (n < 0 && n != -ECONNREFUSED && !is_an_end((int)n))
			FAIL("it ended with %s", bide_strerror((int)n));
		if (n < 0)
			bide_sleep(0.001);
	}
	return 0;
}

void a_server_that_is_started_again_under_load(void)
{
	int rc;
	enough = false;
	reopen_session((bide_http_options){ .limit = LIMIT });
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 20; i++)
			bide_group_spawn(group, fetch_again_and_again);
		for (int i = 0; i < 4; i++) {
			bide_sleep(0.05);
			program_end(&peer.program, i % 2 == 0 ? SIGKILL : SIGTERM);
			bide_sleep(0.02);
			if (!program_restart(&peer.program))
				break;
		}
		enough = true;
	}
	EXPECT_INT(rc, 0);
	EXPECT(fetch_at_once() <= LIMIT);
}

/* The server has closed what it kept, which is met by a request that is made again, or, where it
 * must not be, by a look beforehand. */
double grows_old;

void connections_that_have_grown_old(void)
{
	bide_http_request post = { .body = "x", .body_size = 1 };
	const long connection = connection_now();
	bide_sleep(grows_old);
	EXPECT(connection_now() != connection);
	bide_sleep(grows_old);
	if ((peer.can & CAN_ECHO) != 0)
		EXPECT_INT(text_of(ask("/echo", post), "x"), 200);
}

/* ---- proxies ------------------------------------------------------------------------------ */

void a_proxy_that_refuses(void)
{
	char proxy[64], url[URL];
	snprintf(proxy, sizeof proxy, "http://%s", strchr(peer.proxy, '@') + 1);
	reopen_session((bide_http_options){ .proxy = proxy });
	if (secure) {
		EXPECT_INT(failure_of("/files/1"), -BIDE_EHTTP_PROXY_AUTH);
	} else {
		bide_http_response *response = ask("/files/1", (bide_http_request){ 0 });
		CHECK(response != NULL);
		EXPECT_INT(bide_http_status(response), 407);
		bide_http_response_close(response);
	}
	reopen_session((bide_http_options){ .limit = 1 });
	bide_http_response *response = NULL;
	snprintf(url, sizeof url, "https://%s:%d/", programs_host(), peer.port);
	EXPECT_INT(bide_http_get(session, url, &response), -BIDE_EHTTP_PROXY);
	(void)connection_now();
}
