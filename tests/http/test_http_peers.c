// SPDX-License-Identifier: MIT
/* The client against the servers of others: the same cases with each of them, as far as it has the
 * places for it, plainly and with TLS, in both kinds of tasks. A case that fails is named in the
 * output. Those that take long are run with BIDE_SWEEP=all only. */
#include "http/peer_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* A body of so many bytes of the pattern. */
struct produced {
	size_t at, size;
};

static ssize_t produce(void *arg, void *buf, size_t size)
{
	struct produced *it = arg;
	size_t n = it->size - it->at;
	if (n > size)
		n = size;
	for (size_t i = 0; i < n; i++)
		((unsigned char *)buf)[i] = peer_pattern()[(it->at + i) % PATTERN_PERIOD];
	it->at += n;
	return (ssize_t)n;
}

static void bodies_that_are_produced(void)
{
	static const size_t sizes[] = { 0, 1, 65537, 1 << 20 };
	static struct produced produced;
	char path[100];
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		snprintf(path, sizeof path, "%s/files/%zu", programs_directory(), sizes[i]);
		const bide_http_source sources[] = {
			bide_http_from_file(path),
			bide_http_from_call(produce, &produced, (int64_t)sizes[i]),
			bide_http_from_call(produce, &produced, BIDE_HTTP_UNKNOWN),
		};
		for (int k = 0; k < 6; k++) {
			produced = (struct produced){ 0, sizes[i] };
			bide_http_response *response =
				ask("/echo", (bide_http_request){ .method = "PUT",
			                                          .source = sources[k % 3],
			                                          .expect_continue = k >= 3 });
			if (response != NULL)
				EXPECT_STR(bide_http_header(response, "X-Method", NULL), "PUT");
			EXPECT_INT(pattern_of(response, sizes[i], 0), 200);
		}
	}
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
	bide_http_response *response = ask(path, (bide_http_request){ .method = method,
	                                                              .body = post ? "body" : NULL,
	                                                              .body_size = post ? 4 : 0 });
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
	{ "bodies that are produced", CAN_ECHO, bodies_that_are_produced, false },
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

/* Each of the two in one kind of task at least. */
static void run_case(const struct peer_kind *kind, const struct the_case *it)
{
	if ((peer.can & it->needs) != it->needs)
		return;
	for (int i = 0; i < 4; i++) {
		const bool light = i % 2 == 0;
		secure = i >= 2;
		if (light == secure && !test_everything())
			continue;
		printf("%s%s: %s\n", kind->name, secure ? " with TLS" : "", it->name);
		fflush(stdout);
		CHECK_INT(light ? bide_try_run(NULL, NULL, light_case, it)
		                : bide_try_run(NULL, NULL, full_case, it),
		          0);
	}
}

/* Seconds that servers keep a connection, in most cases and in the others. */
static const double IDLE = 30, SHORTLY = 0.2;

static void run_cases(const struct peer_kind *kind)
{
	TEST_TIMEOUT(120);
	if (!peer_start(&peer, kind, IDLE))
		SKIP(kind->missing);
	if (test_everything())
		peer_add_file(67108864);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (!cases[i].takes_long || test_everything())
			run_case(kind, &cases[i]);
	peer_end(&peer);
	grows_old = SHORTLY + kind->late + 0.3;
	if (test_everything() && peer_start(&peer, kind, SHORTLY)) {
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
