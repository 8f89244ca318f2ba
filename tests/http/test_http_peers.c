// SPDX-License-Identifier: MIT
/* The client against the servers of others: the same cases with each of them, as far as it has the
 * places for it, plainly and with TLS, in both kinds of tasks. A case that fails is named in the
 * output. Those that take long are run with BIDE_SWEEP=all only. */
#include "core/kinds_kit.h"
#include "http/peers.h"

#include <bide/http.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the kit ------------------------------------------------------------------------------ */

/* Seconds that servers keep a connection, in most cases and in the others. */
static const double IDLE = 30, SHORTLY = 0.2;

static struct peer peer;
static bool secure;
static bide_http_session *session;

static void open_session(bide_http_options options)
{
	options.tls = peer_trust();
	if (options.proxy == NULL && peer.proxy[0] != '\0')
		options.proxy = peer.proxy;
	EXPECT_INT(bide_http_session_open(&options, &session), 0);
	bide_tls_unref(options.tls);
}

/* Goes on with other options. */
static void reopen_session(bide_http_options options)
{
	bide_http_session_close(session);
	open_session(options);
}

enum { URL = 100 };

static const char *url_of(const char *path, char url[URL])
{
	snprintf(url, URL, "http%s://%s:%d%s", secure ? "s" : "", programs_host(),
	         secure ? peer.tls_port : peer.port, path);
	return url;
}

/* The answer to a request whose URL is a path; or NULL, which is a failure. */
static bide_http_response *ask(const char *path, bide_http_request request)
{
	char url[URL];
	bide_http_response *response = NULL;
	request.url = url_of(path, url);
	int rc = bide_http_send(session, &request, &response);
	if (rc < 0)
		FAIL("%s: %s", url, bide_strerror(rc));
	return response;
}

static long field(const bide_http_response *response, const char *name)
{
	const char *value = bide_http_header(response, name, NULL);
	return value != NULL ? atol(value) : -1;
}

/* Reads the body of a response, if there is one, and closes it: its status, when the body was so
 * many bytes of the pattern. */
static int pattern_of(bide_http_response *response, size_t size, size_t from)
{
	static __thread unsigned char buf[50000];
	size_t at = 0;
	ssize_t n = 0;
	if (response == NULL)
		return 0;
	const int status = bide_http_status(response);
	while ((n = bide_http_read(response, buf, sizeof buf)) > 0) {
		/* Others read meanwhile, but not between these two lines. */
		if (!EXPECT(peer_pattern_is(buf, (size_t)n, from + at)))
			break;
		at += (size_t)n;
	}
	EXPECT_INT(n, 0);
	EXPECT_UINT(at, size);
	bide_http_response_close(response);
	return status;
}

/* The same for one whose body is a text. */
static int text_of(bide_http_response *response, const char *text)
{
	void *body = NULL;
	if (response == NULL)
		return 0;
	const int status = bide_http_status(response);
	EXPECT_INT(bide_http_bytes(response, &body), (ssize_t)strlen(text));
	EXPECT_STR(body, text);
	bide_http_response_close(response);
	return status;
}

/* The connection on which the server sees a request that has no body. */
static long connection_now(void)
{
	bide_http_response *response = ask("/files/1", (bide_http_request){ 0 });
	const long connection = response != NULL ? field(response, "X-Connection") : -1;
	EXPECT_INT(pattern_of(response, 1, 0), 200);
	EXPECT(connection > 0);
	return connection;
}

/* Whether the server sees our connections, and not those of a proxy. */
static bool sees_us(void)
{
	return peer.proxy[0] == '\0' || secure;
}

/* Another request is on the same connection. */
static void expect_kept(long connection)
{
	const long other = connection_now();
	if (sees_us())
		EXPECT_INT(other, connection);
}

/* What a request without a body fails with; or 0. */
static int failure_of(const char *path)
{
	char url[URL];
	bide_http_response *response = NULL;
	int rc = bide_http_get(session, url_of(path, url), &response);
	bide_http_response_close(response);
	return rc;
}

/* ---- bodies that come --------------------------------------------------------------------- */

static void files_of_all_sizes(void)
{
	static const size_t sizes[] = { 0, 1, 1024, 65535, 65536, 65537, 1 << 20 };
	const long connection = connection_now();
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		char path[40];
		snprintf(path, sizeof path, "/files/%zu", sizes[i]);
		bide_http_response *response = ask(path, (bide_http_request){ 0 });
		CHECK(response != NULL);
		EXPECT_INT(field(response, "Content-Length"), (long)sizes[i]);
		if (sees_us())
			EXPECT_INT(field(response, "X-Connection"), connection);
		EXPECT_INT(pattern_of(response, sizes[i], 0), 200);
	}
	expect_kept(connection);
}

static void bodies_in_chunks(void)
{
	static const char *const paths[] = { "/chunked/1", "/chunked/65537", "/chunked/1048576" };
	static const size_t sizes[] = { 1, 65537, 1 << 20 };
	const long connection = connection_now();
	for (int i = 0; i < 3; i++) {
		bide_http_response *response = ask(paths[i], (bide_http_request){ 0 });
		CHECK(response != NULL);
		EXPECT_STR(bide_http_header(response, "Transfer-Encoding", NULL), "chunked");
		EXPECT_INT(field(response, "Content-Length"), -1);
		EXPECT_INT(pattern_of(response, sizes[i], 0), 200);
	}
	expect_kept(connection);
}

static void bodies_up_to_the_end(void)
{
	const long connection = connection_now();
	bide_http_response *response = ask("/close/65537", (bide_http_request){ 0 });
	CHECK(response != NULL);
	EXPECT_INT(field(response, "Content-Length"), -1);
	if (sees_us())
		EXPECT_PTR(bide_http_header(response, "Transfer-Encoding", NULL), NULL);
	EXPECT_INT(pattern_of(response, 65537, 0), 200);
	EXPECT(connection_now() != connection);
}

static void answers_without_a_body(void)
{
	char since[64] = "If-Modified-Since: ";
	const char *const headers[] = { since, NULL };
	const long connection = connection_now();
	bide_http_response *response = ask("/files/1024", (bide_http_request){ .method = "HEAD" });
	CHECK(response != NULL);
	EXPECT_INT(field(response, "Content-Length"), 1024);
	const char *modified = bide_http_header(response, "Last-Modified", NULL);
	if (EXPECT(modified != NULL))
		strncat(since, modified, 40);
	EXPECT_INT(pattern_of(response, 0, 0), 200);
	EXPECT_INT(pattern_of(ask("/204", (bide_http_request){ 0 }), 0, 0), 204);
	response = ask("/files/1024", (bide_http_request){ .headers = headers });
	EXPECT_INT(pattern_of(response, 0, 0), 304);
	expect_kept(connection);
}

static void what_is_not_there(void)
{
	const long connection = connection_now();
	bide_http_response *response = ask("/nowhere", (bide_http_request){ 0 });
	CHECK(response != NULL);
	EXPECT_INT(bide_http_status(response), 404);
	void *body;
	EXPECT(bide_http_bytes(response, &body) > 0);
	bide_http_response_close(response);
	expect_kept(connection);
}

static void parts_of_a_file(void)
{
	static const char *const inside[] = { "Range: bytes=1000-1099", NULL };
	static const char *const outside[] = { "Range: bytes=70000-", NULL };
	bide_http_response *response =
		ask("/files/65536", (bide_http_request){ .headers = inside });
	CHECK(response != NULL);
	EXPECT_STR(bide_http_header(response, "Content-Range", NULL), "bytes 1000-1099/65536");
	EXPECT_INT(pattern_of(response, 100, 1000), 206);
	response = ask("/files/65536", (bide_http_request){ .headers = outside });
	CHECK(response != NULL);
	EXPECT_INT(bide_http_status(response), 416);
	bide_http_response_close(response);
	(void)connection_now();
}

static void expect_packed(const char *accepted, const char *coding)
{
	const char *const headers[] = { accepted, NULL };
	bide_http_response *response =
		ask("/packed/65537", (bide_http_request){ .headers = headers });
	CHECK(response != NULL);
	EXPECT_STR(bide_http_header(response, "Content-Encoding", NULL), coding);
	EXPECT_INT(pattern_of(response, 65537, 0), 200);
}

static void bodies_by_gzip(void)
{
	const long connection = connection_now();
	expect_packed("Accept-Encoding: gzip", "gzip");
	EXPECT_INT(pattern_of(ask("/packed/65537", (bide_http_request){ 0 }), 65537, 0), 200);
	expect_kept(connection);
}

static void bodies_by_brotli(void)
{
	const long connection = connection_now();
	expect_packed("Accept-Encoding: br", "br");
	expect_kept(connection);
}

static void heads_that_are_large(void)
{
	bide_http_response *response = ask("/large-head", (bide_http_request){ 0 });
	CHECK(response != NULL);
	const char *value = bide_http_header(response, "X-Large", NULL);
	if (EXPECT(value != NULL)) {
		EXPECT_UINT(strlen(value), LARGE_FIELD);
		EXPECT_UINT(strspn(value, "h"), LARGE_FIELD);
	}
	bide_http_response_close(response);
}

/* ---- bodies that go ----------------------------------------------------------------------- */

static void bodies_that_come_back(void)
{
	static const size_t sizes[] = { 0, 1, 1024, 65535, 65536, 65537, 1 << 20 };
	unsigned char *body = malloc(1 << 20);
	for (size_t i = 0; i < 1 << 20; i++)
		body[i] = peer_pattern()[i % PATTERN_PERIOD];
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		bide_http_response *response = ask(
			"/echo", (bide_http_request){
					 .method = "POST", .body = body, .body_size = sizes[i] });
		if (response != NULL)
			EXPECT_STR(bide_http_header(response, "X-Method", NULL), "POST");
		EXPECT_INT(pattern_of(response, sizes[i], 0), 200);
	}
	free(body);
}

static void a_request_with_a_large_head(void)
{
	char large[LARGE_FIELD + 10] = "X-Large: ";
	const char *const headers[] = { large, NULL };
	memset(large + strlen(large), 'h', LARGE_FIELD);
	EXPECT_INT(
		text_of(ask("/echo",
	                    (bide_http_request){ .headers = headers, .body = "x", .body_size = 1 }),
	                "x"),
		200);
}

/* ---- redirects ---------------------------------------------------------------------------- */

static void expect_redirected(const char *path, const char *method, const char *method_there)
{
	const bool post = strcmp(method, "POST") == 0, stays = strcmp(method_there, "POST") == 0;
	char url[URL];
	bide_http_response *response = ask(
		path,
		(bide_http_request){ .method = method, .body = "body", .body_size = post ? 4 : 0 });
	CHECK(response != NULL);
	EXPECT_STR(bide_http_url(response), url_of("/echo", url));
	EXPECT_INT(bide_http_redirects(response), 1);
	EXPECT_STR(bide_http_header(response, "X-Method", NULL), method_there);
	EXPECT_INT(text_of(response, stays ? "body" : ""), 200);
}

static void redirects_of_each_kind(void)
{
	static const struct {
		const char *path;
		int status;
		const char *post; /* what a POST is there */
	} kinds[] = {
		{ "/to/301", 301, "GET" },  { "/to/302", 302, "GET" },  { "/to/303", 303, "GET" },
		{ "/to/307", 307, "POST" }, { "/to/308", 308, "POST" },
	};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		expect_redirected(kinds[i].path, "GET", "GET");
		expect_redirected(kinds[i].path, "POST", kinds[i].post);
		bide_http_response *response =
			ask(kinds[i].path, (bide_http_request){ .no_redirects = true });
		CHECK(response != NULL);
		EXPECT_INT(bide_http_status(response), kinds[i].status);
		EXPECT(bide_http_header(response, "Location", NULL) != NULL);
		bide_http_response_close(response);
	}
}

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

static void a_hundred_requests_at_once(void)
{
	const int taken = fetch_at_once();
	EXPECT(taken >= 1 && taken <= AT_ONCE);
	reopen_session((bide_http_options){ .limit = LIMIT });
	EXPECT(fetch_at_once() <= LIMIT);
	(void)connection_now();
}

/* ---- time --------------------------------------------------------------------------------- */

static void answers_that_do_not_come(void)
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

static void bodies_that_are_cut(void)
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

static void a_server_that_dies_within_a_body(void)
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
static void a_server_that_was_started_again(void)
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

static void a_server_that_is_started_again_under_load(void)
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
static double grows_old; /* in so many seconds */

static void connections_that_have_grown_old(void)
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

static void a_proxy_that_refuses(void)
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

/* ---- the table ---------------------------------------------------------------------------- */

static const struct the_case {
	const char *name;
	unsigned needs; /* enum peer_can */
	void (*run)(void);
	bool takes_long;
} cases[] = {
	{ "files of all sizes", 0, files_of_all_sizes, false },
	{ "bodies in chunks", 0, bodies_in_chunks, false },
	{ "bodies up to the end", CAN_CLOSE, bodies_up_to_the_end, false },
	{ "answers without a body", 0, answers_without_a_body, false },
	{ "what is not there", 0, what_is_not_there, false },
	{ "parts of a file", 0, parts_of_a_file, false },
	{ "bodies by gzip", CAN_PACK, bodies_by_gzip, false },
	{ "bodies by brotli", CAN_BROTLI, bodies_by_brotli, false },
	{ "heads that are large", 0, heads_that_are_large, false },
	{ "bodies that come back", CAN_ECHO, bodies_that_come_back, false },
	{ "a request with a large head", CAN_ECHO, a_request_with_a_large_head, false },
	{ "redirects of each kind", CAN_ECHO, redirects_of_each_kind, false },
	{ "a hundred requests at once", 0, a_hundred_requests_at_once, false },
	{ "bodies that are cut", CAN_CUT, bodies_that_are_cut, false },
	{ "a proxy that refuses", CAN_REFUSE, a_proxy_that_refuses, false },
	{ "a server that was started again", 0, a_server_that_was_started_again, true },
	{ "answers that do not come", CAN_WAIT, answers_that_do_not_come, true },
	{ "a server that dies within a body", 0, a_server_that_dies_within_a_body, true },
	{ "a server that is started again under load", 0, a_server_that_is_started_again_under_load,
	  true },
};

static const struct the_case grown_old = { "connections that have grown old", 0,
	                                   connections_that_have_grown_old, true };

static BIDE_ASYNC(void, full_case, const struct the_case *);
static BIDE_ASYNC_LIGHT(void, light_case, const struct the_case *);
static void full_case(const struct the_case *it)
{
	open_session((bide_http_options){ 0 });
	it->run();
	bide_http_session_close(session);
}

static void light_case(const struct the_case *it)
{
	full_case(it);
}

static bool all_wanted(void)
{
	const char *text = getenv("BIDE_SWEEP");
	return text != NULL && strcmp(text, "all") == 0;
}

/* Each of the two in one kind of task at least. */
static void run_case(const struct peer_kind *kind, const struct the_case *it)
{
	if ((peer.can & it->needs) != it->needs)
		return;
	for (int i = 0; i < 4; i++) {
		const bool light = i % 2 == 0;
		secure = i >= 2;
		if (light == secure && !all_wanted())
			continue;
		printf("%s%s: %s\n", kind->name, secure ? " with TLS" : "", it->name);
		fflush(stdout);
		CHECK_INT(light ? bide_try_run(NULL, NULL, light_case, it)
		                : bide_try_run(NULL, NULL, full_case, it),
		          0);
	}
}

static void run_cases(const struct peer_kind *kind)
{
	TEST_TIMEOUT(120);
	if (!peer_start(&peer, kind, IDLE))
		SKIP(kind->missing);
	if (all_wanted())
		peer_add_file(67108864);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (!cases[i].takes_long || all_wanted())
			run_case(kind, &cases[i]);
	peer_end(&peer);
	grows_old = SHORTLY + kind->late + 0.3;
	if (all_wanted() && peer_start(&peer, kind, SHORTLY)) {
		run_case(kind, &grown_old);
		peer_end(&peer);
	}
}

TEST(nginx_is_understood)
{
	run_cases(&peer_kinds[0]);
}

TEST(apache_is_understood)
{
	run_cases(&peer_kinds[1]);
}

TEST(node_is_understood)
{
	run_cases(&peer_kinds[2]);
}

TEST(go_is_understood)
{
	run_cases(&peer_kinds[3]);
}

TEST(aiohttp_is_understood)
{
	run_cases(&peer_kinds[4]);
}

TEST(haproxy_is_understood)
{
	run_cases(&peer_kinds[5]);
}

TEST(apache_is_understood_as_a_proxy)
{
	run_cases(&peer_kinds[6]);
}
