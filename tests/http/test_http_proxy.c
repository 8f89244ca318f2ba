// SPDX-License-Identifier: MIT
/* Requests through a proxy: one of the test's, which passes on what is asked for in the clear, and
 * connects to hosts for the rest. */
#include "base/alloc.h"
#include "http/origin.h"
#include "http/proxy.h"

#include <bide/connect.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the proxy ---------------------------------------------------------------------------- */

static struct {
	char head[ORIGIN_HEAD]; /* of the last request to it */
	int connections, requests;
	const char *answer; /* to CONNECT, in place of a connection; or NULL */
	bool silent;        /* it answers nothing */
	bide_tls *tls;      /* or NULL */
} proxy;

static BIDE_ASYNC(int, pass_on, bide_stream *, bide_stream *);
static int pass_on(bide_stream *from, bide_stream *to)
{
	char buf[4096];
	ssize_t n;
	while ((n = bide_stream_read(from, buf, sizeof buf)) > 0)
		if (bide_stream_write(to, buf, (size_t)n) != n)
			return -EPIPE;
	return n < 0 ? (int)n : bide_stream_shutdown(to);
}

/* If one way fails the other is cancelled. */
static void join_up(bide_stream *client, bide_stream *host)
{
	int rc;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, pass_on, client, host);
		bide_group_spawn(group, pass_on, host, client);
	}
	(void)rc;
}

/* Connects to what stands behind "CONNECT ", whatever name it goes by. */
static void connect_for(bide_stream *client)
{
	char service[16];
	bide_stream *host;
	const char *colon = strchr(proxy.head, ':');
	if (proxy.answer != NULL) {
		(void)say(client, proxy.answer);
		return;
	}
	snprintf(service, sizeof service, "%.*s", (int)strspn(colon + 1, "0123456789"), colon + 1);
	if (bide_open_connection("127.0.0.1", service, NULL, &host) < 0)
		return;
	if (say(client, "HTTP/1.1 200 Connected\r\nContent-Length: 5\r\n\r\n"))
		join_up(client, host);
	(void)bide_stream_close(host);
}

static bool proxy_one(bide_stream *stream)
{
	char target[512];
	if (!hear_head(stream, proxy.head, sizeof proxy.head))
		return false;
	proxy.requests++;
	if (strncmp(proxy.head, "CONNECT ", 8) == 0) {
		connect_for(stream);
		return false;
	}
	snprintf(target, sizeof target, "%.*s", (int)strcspn(proxy.head + 4, " "), proxy.head + 4);
	return origin_answer(stream, target);
}

static BIDE_ASYNC(int, serve_proxy, bide_stream *);
static int serve_proxy(bide_stream *stream)
{
	proxy.connections++;
	if (proxy.silent)
		(void)bide_sleep(10);
	else if (proxy.tls == NULL || bide_start_tls(stream, proxy.tls, NULL) == 0)
		while (proxy_one(stream))
			continue;
	return 0;
}

/* ---- the kit ------------------------------------------------------------------------------ */

static bide_server *proxy_server;
static char proxy_port[16], proxy_url[64];

static void start(void)
{
	origin_start("127.0.0.1");
	origin_start_tls("DNS:a.test,IP:127.0.0.1", BIDE_TLS_CLIENTS_ANY);
	memset(&proxy, 0, sizeof proxy);
	EXPECT_INT(bide_start_server("127.0.0.1", "0", NULL, &proxy_server, serve_proxy), 0);
	port_of(proxy_server, 0, proxy_port);
	snprintf(proxy_url, sizeof proxy_url, "http://us%%65r:s%%3Acret@127.0.0.1:%s", proxy_port);
	open_session(&(bide_http_options){ .proxy = proxy_url, .tls = client_tls });
}

static void stop(void)
{
	origin_stop();
	bide_server_close(proxy_server);
}

static const char *plain(const char *path)
{
	return got(session, &(bide_http_request){ .url = url_by("http", "a.test", path) });
}

static const char *secure(const char *path)
{
	return got(session, &(bide_http_request){ .url = url_by("https", "a.test", path) });
}

/* "user:s:cret" */
#define AUTHORIZATION "\r\nProxy-Authorization: Basic dXNlcjpzOmNyZXQ=\r\n"

/* ---- what is said to whom ----------------------------------------------------------------- */

HTTP_TEST(a_proxy_is_asked_for_the_whole_url)
{
	char expected[128];
	CHECK_STR(plain("/"), "200 hello");
	snprintf(expected, sizeof expected, "GET http://a.test:%s/ HTTP/1.1\r\nHost: a.test:%s\r\n",
	         port, port);
	CHECK(strncmp(proxy.head, expected, strlen(expected)) == 0);
	CHECK(strstr(proxy.head, AUTHORIZATION) != NULL);
	CHECK_STR(plain("/"), "200 hello");
	CHECK_INT(proxy.connections, 1);
	CHECK_INT(proxy.requests, 2);
}

HTTP_TEST(a_proxy_connects_to_hosts_of_https)
{
	char expected[128];
	CHECK_STR(secure("/"), "200 hello");
	snprintf(expected, sizeof expected,
	         "CONNECT a.test:%s HTTP/1.1\r\nHost: a.test:%s\r\nUser-Agent: bide/", secure_port,
	         secure_port);
	CHECK(strncmp(proxy.head, expected, strlen(expected)) == 0);
	CHECK(strstr(proxy.head, AUTHORIZATION) != NULL);
	CHECK(strncmp(origin.head, "GET / HTTP/1.1\r\n", 16) == 0);
	CHECK(strstr(origin.head, "Proxy") == NULL);
	CHECK_STR(secure("/"), "200 hello");
	CHECK_INT(proxy.connections, 1);
	CHECK_INT(origin.requests, 2);
}

HTTP_TEST(a_proxy_is_spoken_to_in_tls)
{
	char url[64];
	proxy.tls = server_tls;
	snprintf(url, sizeof url, "https://127.0.0.1:%s", proxy_port);
	open_session(
		&(bide_http_options){ .proxy = url, .tls = client_tls, .proxy_tls = client_tls });
	CHECK_STR(plain("/"), "200 hello");
	CHECK(strstr(proxy.head, "GET http://a.test") == proxy.head);
	CHECK(strstr(proxy.head, "Authorization") == NULL);
	CHECK_STR(secure("/"), "200 hello");
	CHECK(strstr(proxy.head, "CONNECT a.test") == proxy.head);
	CHECK_STR(secure("/pieces"), "200 hello");
	/* Whom the session trusts is nothing to its proxies. */
	open_session(&(bide_http_options){ .proxy = url, .tls = client_tls });
	CHECK_STR(plain("/"), bide_strerror(-BIDE_ECERT_ISSUER));
}

HTTP_TEST(who_the_user_is_to_a_proxy_is_in_no_header)
{
	static const char *const headers[] = { "proxy-authorization: Basic x", NULL };
	const bide_http_options options = { .headers = headers };
	bide_http_session *other = NULL;
	bide_http_response *response;
	const bide_http_request request = { .url = url_by("http", "a.test", "/"),
		                            .headers = headers };
	CHECK_INT(bide_http_send(session, &request, &response), -EINVAL);
	CHECK_INT(bide_http_session_open(&options, &other), -EINVAL);
	CHECK_NULL(other);
}

/* ---- what can go wrong -------------------------------------------------------------------- */

/* What comes of a request that needs the proxy to connect, and the status that is told. */
static int refused(int *ret_status)
{
	bide_http_response *response;
	const bide_http_request request = { .url = url_by("https", "a.test", "/"),
		                            .proxy_status = ret_status };
	*ret_status = 0;
	int rc = bide_http_send(session, &request, &response);
	if (rc == 0)
		bide_http_response_close(response);
	return rc;
}

HTTP_TEST(a_proxy_that_refuses_to_connect_is_an_error)
{
	int status;
	proxy.answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
	CHECK_INT(refused(&status), -BIDE_EHTTP_PROXY);
	CHECK_INT(status, 403);
	proxy.answer = "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\n\r\n";
	CHECK_INT(refused(&status), -BIDE_EHTTP_PROXY_AUTH);
	CHECK_INT(status, 407);
	proxy.answer = "HTTP/1.1 100 Wait\r\n\r\nHTTP/1.1 502 Bad Gateway\r\n\r\n";
	CHECK_INT(refused(&status), -BIDE_EHTTP_PROXY);
	CHECK_INT(status, 502);
	CHECK_INT(origin.connections, 0);
}

/* Answers before it is asked, and resets the connection. */
static void refuse_unasked(void *arg, const bide_http_event *event)
{
	static const char answer[] = "HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n";
	const struct linger at_once = { .l_onoff = 1 };
	const int *listener = arg;
	if (event->phase != BIDE_HTTP_TUNNELING)
		return;
	const int fd = accept(*listener, NULL, NULL);
	EXPECT_INT(write(fd, answer, sizeof answer - 1), (ssize_t)sizeof answer - 1);
	EXPECT_INT(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
	EXPECT_INT(close(fd), 0);
}

HTTP_TEST(a_proxy_that_refuses_before_it_is_asked_is_heard)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_INT(bind(listener, (struct sockaddr *)&address, size), 0);
	CHECK_INT(listen(listener, 1), 0);
	CHECK_INT(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	snprintf(proxy_url, sizeof proxy_url, "http://127.0.0.1:%d", ntohs(address.sin_port));
	open_session(&(bide_http_options){
		.proxy = proxy_url, .hook = refuse_unasked, .hook_arg = &listener });
	CHECK_STR(secure("/"), bide_strerror(-BIDE_EHTTP_PROXY_AUTH));
	CHECK_INT(close(listener), 0);
}

HTTP_TEST(what_a_proxy_says_that_makes_no_sense_is_an_error)
{
	static const struct {
		const char *answer;
		int error;
	} rows[] = {
		{ "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", -BIDE_EHTTP },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", -BIDE_EHTTP },
		{ "SSH-2.0-OpenSSH\r\n\r\n", -BIDE_EHTTP },
		{ "HTTP/1.1 200", -BIDE_EINCOMPLETE },
		{ "", -BIDE_EINCOMPLETE },
		{ "HTTP/1.1 101 Switching Protocols\r\n\r\n", -BIDE_EHTTP },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int status;
		proxy.answer = rows[i].answer;
		CHECK_INT(refused(&status), rows[i].error);
		CHECK_INT(status, 0);
	}
}

HTTP_TEST(what_a_proxy_says_has_a_limit)
{
	const size_t size = 70000;
	char *answer = malloc(size + 1);
	int status;
	memset(answer, 'x', size);
	memcpy(answer, "HTTP/1.1 200 OK\r\nX: ", 20);
	answer[size] = '\0';
	proxy.answer = answer;
	CHECK_INT(refused(&status), -BIDE_EHTTP_HEAD);
	free(answer);
}

HTTP_TEST(a_proxy_that_does_not_answer_is_given_up)
{
	proxy.silent = true;
	open_session(&(bide_http_options){ .proxy = proxy_url, .timeout_connect = 0.01 });
	CHECK_STR(secure("/"), bide_strerror(-BIDE_EHTTP_TIMEOUT_CONNECT));
	open_session(&(bide_http_options){ .proxy = NOBODY });
	CHECK_STR(plain("/"), strerror(ECONNREFUSED));
}

HTTP_TEST(what_a_proxy_answers_to_a_request_in_the_clear_is_its_response)
{
	CHECK_STR(plain("/status/407"), "407 refused");
}

/* ---- which one ---------------------------------------------------------------------------- */

HTTP_TEST(a_request_has_its_own_proxy_or_none)
{
	bide_http_request request = { .url = url_by("http", "127.0.0.1", "/"), .proxy = "" };
	CHECK_STR(got(session, &request), "200 hello");
	CHECK_INT(proxy.requests, 0);
	open_session(NULL);
	CHECK_STR(plain("/"), bide_strerror(-BIDE_ENOHOST));
	request = (bide_http_request){ .url = url_by("http", "a.test", "/"), .proxy = proxy_url };
	CHECK_STR(got(session, &request), "200 hello");
	CHECK_INT(proxy.requests, 1);
	/* Without a scheme it is one of http. */
	request.proxy = proxy_url + 7;
	CHECK_STR(got(session, &request), "200 hello");
	CHECK_INT(proxy.connections, 1);
	request.proxy = "socks5://127.0.0.1:1080";
	CHECK_STR(got(session, &request), strerror(EPROTONOSUPPORT));
	request.proxy = "http://";
	CHECK_STR(got(session, &request), bide_strerror(-BIDE_EHTTP_URL));
	request = (bide_http_request){ .url = "http://a/", .proxy = proxy_url, .unix_path = "/x" };
	CHECK_STR(got(session, &request), strerror(EINVAL));
}

static void set_environment(const char *const *variables)
{
	static const char *const all[] = { "http_proxy",  "HTTP_PROXY", "https_proxy",
		                           "HTTPS_PROXY", "all_proxy",  "ALL_PROXY",
		                           "no_proxy",    "NO_PROXY",   "REQUEST_METHOD" };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		unsetenv(all[i]);
	for (; *variables != NULL; variables += 2)
		setenv(variables[0], variables[1], 1);
}

/* The proxies that the environment names for http and https. */
TEST(the_environment_names_proxies)
{
	static const struct {
		const char *const variables[9];
		const char *plain, *secure;
	} rows[] = {
		{ { NULL }, "-", "-" },
		{ { "http_proxy", "a:1", "https_proxy", "b:2" }, "a", "b" },
		{ { "HTTP_PROXY", "a:1", "HTTPS_PROXY", "http://b:2" }, "a", "b" },
		{ { "http_proxy", "a", "HTTP_PROXY", "b" }, "a", "-" },
		{ { "http_proxy", "", "HTTP_PROXY", "b" }, "b", "-" },
		{ { "ALL_PROXY", "https://c" }, "c", "c" },
		{ { "all_proxy", "c", "https_proxy", "b" }, "c", "b" },
		{ { "HTTP_PROXY", "a", "REQUEST_METHOD", "GET" }, "-", "-" },
		{ { "http_proxy", "a", "REQUEST_METHOD", "GET" }, "a", "-" },
		{ { "all_proxy", "a", "no_proxy", "h.test" }, "-", "-" },
		{ { "all_proxy", "a", "NO_PROXY", "*" }, "-", "-" },
		{ { "all_proxy", "socks5://a" }, "kind", "kind" },
		{ { "all_proxy", "socks5://a", "http_proxy", "a" }, "a", "kind" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bide__proxies proxies = { .direct = NULL };
		set_environment(rows[i].variables);
		CHECK_INT(bide__proxies_read(&proxies), 0);
		for (int secure = 0; secure < 2; secure++) {
			char host[] = "h.test";
			const struct bide__url url = { .secure = secure,
				                       .port = secure ? 443 : 80,
				                       .host = host },
					       *found = NULL;
			int rc = bide__proxies_find(&proxies, &url, &found);
			const char *text = rc == -EPROTONOSUPPORT ? "kind"
			                   : found != NULL        ? found->host
			                                          : "-";
			CHECK_STR(text, secure ? rows[i].secure : rows[i].plain);
		}
		bide__proxies_finish(&proxies);
	}
}

TEST(some_hosts_are_reached_without_a_proxy)
{
	static const struct {
		const char *list, *host;
		unsigned port;
		bool named;
	} rows[] = {
		{ "", "example.org", 80, false },
		{ " , ,", "example.org", 80, false },
		{ "*", "example.org", 80, true },
		{ "a.test, *", "example.org", 80, true },
		{ "example.org", "example.org", 80, true },
		{ "EXAMPLE.org", "example.org", 80, true },
		{ "example.org", "www.example.org", 80, true },
		{ "example.org", "notexample.org", 80, false },
		{ "example.org", "example.org.evil", 80, false },
		{ ".example.org", "www.example.org", 80, true },
		{ ".example.org", "example.org", 80, true },
		{ "*.example.org", "www.example.org", 80, true },
		{ "example.org.", "example.org", 80, true },
		{ "example.org", "example.org.", 80, true },
		{ "www.example.org", "example.org", 80, false },
		{ "a.test example.org", "example.org", 80, true },
		{ "a.test,example.org", "example.org", 80, true },
		{ "example.org:8080", "example.org", 8080, true },
		{ "example.org:8080", "example.org", 80, false },
		{ "192.0.2.1", "192.0.2.1", 80, true },
		{ "192.0.2.1:80", "192.0.2.1", 80, true },
		{ "192.0.2.1:81", "192.0.2.1", 80, false },
		{ "2.1", "192.0.2.1", 80, false },
		{ "192.0.2.1", "192.0.2.10", 80, false },
		{ "192.0.2.0/24", "192.0.2.77", 80, true },
		{ "192.0.2.0/25", "192.0.2.129", 80, false },
		{ "192.0.2.128/25", "192.0.2.129", 80, true },
		{ "0.0.0.0/0", "203.0.113.9", 80, true },
		{ "0.0.0.0/0", "2001:db8::1", 80, false },
		{ "0.0.0.0/0", "example.org", 80, false },
		{ "192.0.2.0/33", "192.0.2.1", 80, false },
		{ "192.0.2.0/-1", "192.0.2.1", 80, false },
		{ "192.0.2.0/", "192.0.2.1", 80, false },
		{ "192.0.2.0/8x", "192.0.2.1", 80, false },
		{ "2001:db8::1", "2001:db8:0::1", 80, true },
		{ "[2001:db8::1]", "2001:db8::1", 80, true },
		{ "[2001:db8::1]:443", "2001:db8::1", 443, true },
		{ "[2001:db8::1]:443", "2001:db8::1", 80, false },
		{ "2001:db8::/32", "2001:db8:1::1", 80, true },
		{ "2001:db8::/32", "2001:db9::1", 80, false },
		{ "fe80::/10", "fe80::1%eth0", 80, true },
		{ ".", "example.org", 80, false },
		{ "*.", "example.org", 80, false },
		{ ":80", "example.org", 80, false },
		{ "[", "example.org", 80, false },
		{ "[]", "192.0.2.1", 80, false },
		{ "/8", "192.0.2.1", 80, false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (bide__proxy_is_named(rows[i].list, rows[i].host, rows[i].port) != rows[i].named)
			FAIL("\"%s\" and %s:%u", rows[i].list, rows[i].host, rows[i].port);
}

HTTP_TEST(the_environment_is_asked_if_that_is_wanted)
{
	const char *const variables[] = { "ALL_PROXY", proxy_url, "NO_PROXY", "127.0.0.1", NULL };
	set_environment(variables);
	open_session(&(bide_http_options){ .tls = client_tls });
	CHECK_STR(plain("/"), bide_strerror(-BIDE_ENOHOST));
	open_session(&(bide_http_options){ .tls = client_tls, .proxy_from_environment = true });
	CHECK_STR(plain("/"), "200 hello");
	CHECK_STR(secure("/"), "200 hello");
	CHECK_INT(proxy.requests, 2);
	/* A redirect leads to where no proxy is. */
	char path[128];
	snprintf(path, sizeof path, "/to?http://127.0.0.1:%s/", port);
	CHECK_STR(plain(path), "200 hello");
	CHECK_INT(proxy.requests, 3);
	CHECK(strncmp(origin.head, "GET / HTTP/1.1\r\nHost: 127.0.0.1", 31) == 0);
	CHECK(strstr(origin.head, "Proxy") == NULL);
}

/* What TLS has encrypted, and could not send for lack of memory, is sent with what comes next; a
 * request and its response are followed by nothing, and time out. */
HTTP_TEST(each_allocation_may_fail)
{
	const bide_http_options options = { .proxy = proxy_url,
		                            .tls = client_tls,
		                            .timeout_read = 0.3 };
	unsigned long failures = 1;
	CHECK_STR(secure("/"), "200 hello");
	for (long k = 1; failures > 0; k++) {
		open_session(&options);
		bide__alloc_arm(k);
		const char *text = secure("/");
		failures = bide__alloc_hook.failures;
		bide__alloc_disarm();
		CHECK(failures > 0 || strcmp(text, "200 hello") == 0);
		CHECK_STR(secure("/"), "200 hello");
	}
}

HTTP_TEST(a_request_that_is_cancelled_leaves_the_session_sound)
{
	for (double seconds = 0.0001; seconds < 0.05; seconds *= 1.5) {
		int rc = 0;
		open_session(&(bide_http_options){ .proxy = proxy_url, .tls = client_tls });
		BIDE_TIMEOUT(seconds, rc)
			(void)secure("/slow");
		CHECK(rc == 0 || rc == -ETIMEDOUT);
		CHECK_STR(secure("/"), "200 hello");
	}
}
