// SPDX-License-Identifier: MIT
/* Which way requests go, and that none is given a connection that was made for another way. */
#include "http/origin.h"
#include "http/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *unix_path;
static char local_path[80];

static void start_with(enum bide_tls_clients clients)
{
	origin_start("127.0.0.1");
	origin_start_tls("DNS:localhost,DNS:a.test,IP:127.0.0.1", clients);
	unix_path = test_path("socket");
	snprintf(local_path, sizeof local_path, "unix:%s", unix_path);
	open_session(&(bide_http_options){ .tls = client_tls });
}

static void start(void)
{
	start_with(BIDE_TLS_CLIENTS_ANY);
}

static void stop(void)
{
	origin_stop();
}

/* ---- connections that are not shared ------------------------------------------------------ */

TEST(no_two_ways_have_the_same_key)
{
	enum { PLAIN, OTHER, SECURE, AT_PORT, USER, USER2, USER3, N_URLS };
	static const char *const texts[N_URLS] = {
		"http://a/",     "http://b/",           "https://a:80/", "http://a:81/",
		"http://u:p@a/", "http://u%201%3Ap@a/", "http://u@a/",
	};
	struct bide__url urls[N_URLS];
	for (int i = 0; i < N_URLS; i++)
		CHECK_INT(bide__url_parse(texts[i], &urls[i]), 0);
	char one, two;
	bide_tls *tls = (bide_tls *)(void *)&one, *tls2 = (bide_tls *)(void *)&two;
	const struct bide__http_route routes[] = {
		{ .url = &urls[PLAIN] },
		{ .url = &urls[OTHER] },
		{ .url = &urls[SECURE] },
		{ .url = &urls[AT_PORT] },
		{ .url = &urls[PLAIN], .proxy = &urls[PLAIN] },
		{ .url = &urls[PLAIN], .proxy = &urls[OTHER] },
		{ .url = &urls[PLAIN], .proxy = &urls[SECURE] },
		{ .url = &urls[PLAIN], .proxy = &urls[AT_PORT] },
		{ .url = &urls[PLAIN], .proxy = &urls[USER] },
		{ .url = &urls[PLAIN], .proxy = &urls[USER2] },
		{ .url = &urls[PLAIN], .proxy = &urls[USER3] },
		{ .url = &urls[SECURE], .tls = tls },
		{ .url = &urls[SECURE], .tls = tls2 },
		{ .url = &urls[SECURE], .server_name = "x" },
		{ .url = &urls[SECURE], .unix_path = "x" },
		{ .url = &urls[SECURE], .local = "x" },
		{ .url = &urls[SECURE], .server_name = "x", .unix_path = "y" },
		{ .url = &urls[SECURE], .server_name = "x", .local = "y" },
		{ .url = &urls[SECURE], .server_name = "x 1:y" },
		{ .url = &urls[SECURE], .tls = tls, .server_name = "x" },
	};
	enum { N = sizeof routes / sizeof *routes };
	struct bide__string keys[N];
	for (int i = 0; i < N; i++) {
		keys[i] = (struct bide__string){ NULL, 0, 0, false };
		bide__http_put_key(&keys[i], &routes[i]);
		CHECK_INT(bide__string_end(&keys[i]), 0);
		for (int j = 0; j < i; j++)
			CHECK(strcmp(keys[i].data, keys[j].data) != 0);
	}
	/* Who asks, and for what, is nothing that a connection depends on. */
	struct bide__string same = { NULL, 0, 0, false };
	bide__http_put_key(&same, &(struct bide__http_route){ .url = &urls[USER] });
	CHECK_INT(bide__string_end(&same), 0);
	CHECK_STR(same.data, keys[0].data);
	bide__string_free(&same);
	for (int i = 0; i < N; i++)
		bide__string_free(&keys[i]);
	for (int i = 0; i < N_URLS; i++)
		bide__url_finish(&urls[i]);
}

HTTP_TEST(requests_that_differ_in_their_way_share_no_connection)
{
	bide_tls *other_tls = tls_of_client();
	const char *plain = url_by("http", "127.0.0.1", "/"),
		   *secure = url_by("https", "127.0.0.1", "/");
	const bide_http_request rows[] = {
		{ .url = plain },
		{ .url = url_by("http", "localhost", "/") },
		{ .url = plain, .local = "127.0.0.1:0" },
		{ .url = plain, .local = "127.0.0.2:0" },
		{ .url = secure },
		{ .url = secure, .tls = other_tls },
		{ .url = secure, .server_name = "a.test" },
		{ .url = secure, .server_name = "localhost" },
		{ .url = secure, .tls = other_tls, .server_name = "a.test" },
		{ .url = secure, .local = "127.0.0.2:0" },
	};
	enum { N = sizeof rows / sizeof *rows };
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < N; i++) {
			CHECK_STR(got(session, &rows[i]), "200 hello");
			CHECK_INT(origin.connections, round == 0 ? i + 1 : N);
		}
	/* What says the same in another way is the same. */
	const bide_http_request same[] = {
		{ .url = plain, .tls = other_tls, .server_name = "of no use without TLS" },
		{ .url = secure, .tls = client_tls },
		{ .url = plain, .proxy = "" },
		{ .url = plain, .user = "u", .password = "p" },
	};
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		CHECK_STR(got(session, &same[i]), "200 hello");
		CHECK_INT(origin.connections, N);
	}
	bide_tls_unref(other_tls);
}

/* A context that has gone may leave its address to another one. */
HTTP_TEST(a_context_lasts_as_long_as_its_connections)
{
	for (int i = 1; i <= 20; i++) {
		bide_tls *tls = tls_of_client();
		const bide_http_request request = { .url = url_by("https", "localhost", "/"),
			                            .tls = tls };
		CHECK_STR(got(session, &request), "200 hello");
		bide_tls_unref(tls);
		CHECK_INT(origin.connections, i);
	}
}

/* ---- TLS ---------------------------------------------------------------------------------- */

HTTP_TEST(a_certificate_is_for_the_host_or_for_whom_it_was_said)
{
	bide_server *more;
	char buf[16], url[64];
	CHECK_INT(bide_start_server("127.0.0.2", "0", NULL, &more, origin_serve_tls), 0);
	snprintf(url, sizeof url, "https://127.0.0.2:%s/", port_of(more, 0, buf));
	bide_http_request request = { .url = url };
	CHECK_STR(got(session, &request), bide_strerror(-BIDE_ECERT_HOST));
	request.server_name = "a.test";
	CHECK_STR(got(session, &request), "200 hello");
	CHECK_STR(origin.server_name, "a.test");
	request.server_name = "b.test";
	CHECK_STR(got(session, &request), bide_strerror(-BIDE_ECERT_HOST));
	bide_server_close(more);
}

HTTP_TEST(whose_certificate_it_is_to_be_is_said_of_one_origin_only)
{
	char path[128];
	snprintf(path, sizeof path, "/to?https://localhost:%s/", secure_port);
	const bide_http_request request = { .url = url_by("https", "127.0.0.1", path),
		                            .server_name = "a.test" };
	CHECK_STR(got(session, &request), "200 hello");
	CHECK_STR(origin.server_name, "localhost");
}

HTTP_TEST(without_a_context_whom_the_system_trusts_is_trusted)
{
	bide_http_request request = { .url = url_by("https", "localhost", "/") };
	setenv("SSL_CERT_FILE", test_file("authority.pem", cert_authority()->pem), 1);
	open_session(NULL);
	CHECK_STR(got(session, &request), "200 hello");
	CHECK_STR(origin.alpn, "http/1.1");
	unsetenv("SSL_CERT_FILE");
}

HTTP_TEST(a_version_of_tls_can_be_asked_for)
{
	const bide_tls_options options = { .ca = cert_authority()->pem, .most = BIDE_TLS_1_2 };
	const bide_tls_options newer = { .ca = cert_authority()->pem, .least = BIDE_TLS_1_3 };
	bide_tls *old_tls, *new_tls;
	CHECK_INT(bide_tls_open(&options, &old_tls), 0);
	CHECK_INT(bide_tls_open(&newer, &new_tls), 0);
	bide_http_request request = { .url = url_by("https", "localhost", "/"), .tls = old_tls };
	CHECK_STR(got(session, &request), "200 hello");
	request.tls = new_tls;
	CHECK_STR(got(session, &request), "200 hello");
	CHECK_INT(origin.connections, 2);
	bide_tls_unref(old_tls);
	bide_tls_unref(new_tls);
}

/* A server that has it, and to which HTTP/1.1 would make no sense. */
static void have_server_choose(const char *protocol)
{
	const struct cert *cert = cert_make(&(struct recipe){
		.name = "server", .hosts = "DNS:localhost", .issuer = cert_authority() });
	const bide_tls_certificate identity = { .chain = cert->pem, .key = cert->key_pem };
	const bide_tls_options options = {
		.server = true, .certificates = &identity, .n_certificates = 1, .alpn = protocol
	};
	bide_tls_unref(server_tls);
	EXPECT_INT(bide_tls_open(&options, &server_tls), 0);
}

HTTP_TEST(a_protocol_that_is_not_spoken_is_not_spoken)
{
	const bide_tls_options options = { .ca = cert_authority()->pem, .alpn = "h2,http/1.1" };
	bide_tls *both;
	CHECK_INT(bide_tls_open(&options, &both), 0);
	const bide_http_request request = { .url = url_by("https", "localhost", "/"), .tls = both };
	CHECK_STR(got(session, &request), "200 hello");
	have_server_choose("h2");
	open_session(NULL);
	CHECK_STR(got(session, &request), bide_strerror(-BIDE_ETLS_MISMATCH));
	CHECK_INT(origin.requests, 1);
	bide_tls_unref(both);
}

static bide_tls *client_with_certificate(void)
{
	const struct cert *cert =
		cert_make(&(struct recipe){ .name = "client", .issuer = cert_authority() });
	const bide_tls_certificate identity = { .chain = cert->pem, .key = cert->key_pem };
	const bide_tls_options options = { .ca = cert_authority()->pem,
		                           .certificates = &identity,
		                           .n_certificates = 1 };
	bide_tls *tls = NULL;
	EXPECT_INT(bide_tls_open(&options, &tls), 0);
	return tls;
}

HTTP_TEST(a_client_shows_a_certificate)
{
	stop();
	start_with(BIDE_TLS_CLIENTS_REQUIRED);
	bide_tls *known = client_with_certificate();
	bide_http_request request = { .url = url_by("https", "localhost", "/") };
	CHECK_STR(got(session, &request), bide_strerror(-BIDE_ETLS_ALERT));
	request.tls = known;
	CHECK_STR(got(session, &request), "200 hello");
	/* Who shows none is not given the connection of who does. */
	request.tls = NULL;
	CHECK_STR(got(session, &request), bide_strerror(-BIDE_ETLS_ALERT));
	CHECK_INT(origin.requests, 1);
	bide_tls_unref(known);
}

/* ---- names and sockets -------------------------------------------------------------------- */

HTTP_TEST(names_are_looked_up_by_the_sessions_resolver)
{
	const bide_resolver_options options = {
		.hosts = test_file("hosts", "127.0.0.1 somewhere.test\n"), .servers = "127.0.0.1:1"
	};
	const bide_http_request request = { .url = url_by("http", "somewhere.test", "/") };
	bide_resolver *resolver;
	CHECK_INT(bide_resolver_open(&options, &resolver), 0);
	open_session(&(bide_http_options){ .resolver = resolver });
	CHECK_STR(got(session, &request), "200 hello");
	open_session(NULL);
	CHECK(strcmp(got(session, &request), "200 hello") != 0);
	bide_resolver_close(resolver);
}

HTTP_TEST(a_request_goes_to_a_unix_socket)
{
	bide_server *local;
	CHECK_INT(bide_start_server(local_path, NULL, NULL, &local, origin_serve), 0);
	bide_http_request request = { .url = "http://whatever.test/", .unix_path = unix_path };
	CHECK_STR(got(session, &request), "200 hello");
	CHECK(strstr(origin.head, "\r\nHost: whatever.test\r\n") != NULL);
	request.unix_path = NULL;
	CHECK(strcmp(got(session, &request), "200 hello") != 0);
	open_session(&(bide_http_options){ .unix_path = unix_path });
	CHECK_STR(got(session, &request), "200 hello");
	CHECK_INT(origin.connections, 2);
	request.proxy = ""; /* it goes through none anyway */
	CHECK_STR(got(session, &request), "200 hello");
	CHECK_INT(origin.connections, 2);
	request.proxy = NULL;
	request.unix_path = "/nonexistent/socket";
	CHECK_STR(got(session, &request), strerror(ENOENT));
	bide_server_close(local);
	bide_http_session *none = NULL;
	const bide_http_options both = { .unix_path = unix_path, .proxy = "http://a" };
	CHECK_INT(bide_http_session_open(&both, &none), -EINVAL);
	CHECK_NULL(none);
}

HTTP_TEST(a_request_comes_from_an_address_of_ones_own)
{
	bide_http_request request = { .url = url_by("http", "127.0.0.1", "/"),
		                      .local = "nonsense" };
	CHECK_STR(got(session, &request), strerror(EINVAL));
	request.local = "192.0.2.1:0";
	CHECK_STR(got(session, &request), strerror(EADDRNOTAVAIL));
	request.local = "[::1]:0";
	CHECK_STR(got(session, &request), strerror(EAFNOSUPPORT));
}

/* ---- turns -------------------------------------------------------------------------------- */

static BIDE_ASYNC(int, get, const char *, bide_http_session *);
static int get(const char *url, bide_http_session *of)
{
	bide_http_response *response;
	int rc = bide_http_get(of, url, &response);
	if (rc == 0)
		bide_http_response_close(response);
	return rc;
}

/* Of a host that has as many requests as there may be, those that wait take none of the turns that
 * others need. */
HTTP_TEST(a_slow_host_takes_no_more_turns_than_its_own)
{
	open_session(&(bide_http_options){ .limit = 3, .limit_per_host = 2 });
	const char *slow = url_by("http", "127.0.0.1", "/silence");
	bide_task *tasks[8];
	for (int i = 0; i < 8; i++)
		tasks[i] = bide_spawn(get, slow, session);
	while (origin.at_once < 2)
		bide_sleep(0.001);
	for (int i = 0; i < 10; i++)
		CHECK_STR(got(session,
		              &(bide_http_request){ .url = url_by("http", "localhost", "/") }),
		          "200 hello");
	CHECK_INT(origin.requests, 2 + 10);
	for (int i = 0; i < 8; i++) {
		bide_cancel(tasks[i]);
		CHECK_INT(bide_join(tasks[i]), -ECANCELED);
	}
}

/* ---- idle connections --------------------------------------------------------------------- */

/* Of two connections that were idle at different times each is closed at its own. */
HTTP_TEST(an_idle_connection_is_closed_in_time_though_nobody_makes_requests)
{
	open_session(&(bide_http_options){ .keep_alive = 0.4 });
	const double before = bide_now();
	CHECK_STR(got(session, &(bide_http_request){ .url = url_by("http", "127.0.0.1", "/") }),
	          "200 hello");
	bide_sleep(0.2);
	CHECK_STR(got(session, &(bide_http_request){ .url = url_by("http", "localhost", "/") }),
	          "200 hello");
	CHECK_INT(origin.open, 2);
	while (origin.open == 2)
		bide_sleep(0.001);
	CHECK(bide_now() >= before + 0.4);
	CHECK_INT(origin.open, 1);
	while (origin.open == 1)
		bide_sleep(0.001);
	CHECK(bide_now() >= before + 0.6);
	/* And again, when there are some again. */
	CHECK_STR(got(session, &(bide_http_request){ .url = url_by("http", "127.0.0.1", "/") }),
	          "200 hello");
	CHECK_INT(origin.open, 1);
	while (origin.open == 1)
		bide_sleep(0.001);
}

static BIDE_ASYNC(void, leave_open, void);
static void leave_open(void)
{
	start();
	CHECK_STR(got(session, &(bide_http_request){ .url = url_by("http", "127.0.0.1", "/") }),
	          "200 hello");
	bide_yield();
	origin_close();
}

static BIDE_ASYNC(void, go_on, void);
static void go_on(void)
{
	origin_start("127.0.0.1");
	CHECK_STR(got(session, &(bide_http_request){ .url = url_by("http", "127.0.0.1", "/") }),
	          "200 hello");
	origin_stop();
}

TEST(a_session_lasts_longer_than_a_run)
{
	bide_loop *loop;
	CHECK_INT(bide_loop_open(NULL, &loop), 0);
	CHECK_INT(bide_loop_run(loop, NULL, leave_open), 0);
	CHECK_INT(bide_loop_run(loop, NULL, go_on), 0);
	bide_loop_close(loop);
}
