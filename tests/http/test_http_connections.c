// SPDX-License-Identifier: MIT
/* Connections of a session: which are used again, how many there are at once, how long they and
 * what is asked on them last. */
#include "base/alloc.h"
#include "http/origin.h"
#include "http/session.h"
#include "io/transport_kit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool answer_path(bide_stream *stream, const char *path)
{
	if (strcmp(path, "/nothing") == 0)
		return origin_respond(stream, "200 OK", "", "");
	if (strcmp(path, "/no-content") == 0)
		return say(stream, "HTTP/1.1 204 No Content\r\n\r\n");
	if (strcmp(path, "/named-last") != 0)
		return origin_answer(stream, path);
	(void)say(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlast");
	return false;
}

static void start(void)
{
	origin_start("127.0.0.1");
	origin.answer = answer_path;
	open_session(NULL);
}

static void stop(void)
{
	origin_stop();
}

static const char *get(const char *path)
{
	return got(session, &(bide_http_request){ .url = url_of(path) });
}

/* ---- again -------------------------------------------------------------------------------- */

HTTP_TEST(a_connection_is_used_again)
{
	for (int i = 0; i < 10; i++)
		CHECK_STR(get("/"), "200 hello");
	CHECK_INT(origin.connections, 1);
	CHECK_STR(get("/named-last"), "200 last");
	CHECK_STR(get("/"), "200 hello");
	CHECK_INT(origin.connections, 2);
}

HTTP_TEST(a_request_that_says_that_it_is_the_last_is)
{
	static const char *const close[] = { "connection: TE,  Close", NULL }, *const keep[] = {
		"Connection: closed, keep-alive", NULL
	};
	const bide_http_request last = { .url = url_of("/"), .headers = close },
				other = { .url = url_of("/"), .headers = keep };
	CHECK_STR(got(session, &last), "200 hello");
	CHECK_STR(got(session, &other), "200 hello");
	CHECK_INT(origin.connections, 2);
	CHECK_STR(got(session, &last), "200 hello");
	CHECK_INT(origin.connections, 2);
	open_session(&(bide_http_options){ .headers = close });
	CHECK_STR(get("/"), "200 hello");
	CHECK_STR(get("/"), "200 hello");
	CHECK_INT(origin.connections, 4);
}

HTTP_TEST(a_response_without_a_body_needs_no_reading)
{
	static const char *const paths[] = { "/nothing", "/no-content" };
	bide_http_response *response;
	for (int i = 0; i < 6; i++) {
		const bide_http_request request = { .url = url_of(paths[i % 2]),
			                            .method = i < 4 ? "GET" : "HEAD" };
		CHECK_INT(bide_http_send(session, &request, &response), 0);
		bide_http_response_close(response);
		CHECK_INT(origin.connections, 1);
	}
}

HTTP_TEST(a_connection_whose_response_was_not_read_is_not_used_again)
{
	bide_http_response *response;
	CHECK_INT(bide_http_get(session, url_of("/large"), &response), 0);
	bide_http_response_close(response);
	CHECK_STR(get("/"), "200 hello");
	CHECK_INT(origin.connections, 2);
}

HTTP_TEST(a_request_on_a_stale_connection_is_made_again)
{
	CHECK_STR(get("/once"), "200 once");
	origin_wait_closed();
	CHECK_STR(get("/"), "200 hello");
	CHECK_INT(origin.connections, 2);
	CHECK_STR(get("/once"), "200 once");
	origin_wait_closed();
	const bide_http_request post = { .url = url_of("/echo"), .body = "x", .body_size = 1 };
	CHECK(strncmp(got(session, &post), "200 POST", 8) == 0);
	CHECK_INT(origin.requests, 4);
}

HTTP_TEST(a_connection_grows_old)
{
	open_session(&(bide_http_options){ .keep_alive = 0.01 });
	CHECK_STR(get("/"), "200 hello");
	bide_sleep(0.02);
	CHECK_STR(get("/"), "200 hello");
	CHECK_INT(origin.connections, 2);
}

/* ---- at once ------------------------------------------------------------------------------ */

static BIDE_ASYNC_LIGHT(int, get_slow, void);
static int get_slow(void)
{
	return strcmp(get("/slow"), "200 slow");
}

static void get_slow_at_once(int n)
{
	int rc;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++)
			bide_group_spawn(group, get_slow);
		for (bide_task *task; (task = bide_group_next(group)) != NULL;)
			CHECK_INT(bide_await(int, task), 0);
	}
	CHECK_INT(rc, 0);
}

HTTP_TEST(many_requests_are_made_at_once)
{
	get_slow_at_once(50);
	CHECK_INT(origin.requests, 50);
	CHECK_INT(origin.most_at_once, 50);
}

HTTP_TEST(requests_wait_for_their_turn)
{
	open_session(&(bide_http_options){ .limit = 5 });
	get_slow_at_once(20);
	CHECK_INT(origin.most_at_once, 5);
	CHECK_INT(origin.connections, 5);
}

HTTP_TEST(each_host_has_a_limit)
{
	open_session(&(bide_http_options){ .limit_per_host = 2 });
	get_slow_at_once(6);
	CHECK_INT(origin.most_at_once, 2);
}

/* ---- closing ------------------------------------------------------------------------------ */

static ssize_t no_read(void *object, void *buf, size_t size)
{
	(void)object;
	(void)buf;
	(void)size;
	return 0;
}

static int close_slowly(void *object, bool abort)
{
	(void)abort;
	(void)bide_sleep(0.01);
	return bide_stream_close(object);
}

static const bide_transport slow_transport = { .name = "slow",
	                                       .read = no_read,
	                                       .interrupt = no_interrupt,
	                                       .close = close_slowly,
	                                       .below = stream_below };

/* Has an idle connection be closed as a transport does. */
static void set_on(struct bide__http_connection *connection, const bide_transport *transport)
{
	bide_stream *below, *above;
	EXPECT_INT(bide_stream_new(transport, connection->stream, &above), 0);
	below = connection->stream;
	EXPECT_INT(bide_stream_object(above, transport) == below, 1);
	connection->stream = above;
}

enum { TOGETHER = 3 };

static int n_closing;

/* Returns when as many are being closed, which is not for long. */
static int close_together(void *object, bool abort)
{
	(void)abort;
	n_closing++;
	for (int i = 0; i < 100 && n_closing < TOGETHER; i++)
		EXPECT_INT(bide_sleep(0.001), 0);
	EXPECT_INT(n_closing, TOGETHER);
	return bide_stream_close(object);
}

static const bide_transport together_transport = { .name = "together",
	                                           .read = no_read,
	                                           .interrupt = no_interrupt,
	                                           .close = close_together,
	                                           .below = stream_below };

/* A good-bye can take seconds. */
HTTP_TEST(idle_connections_are_closed_side_by_side)
{
	get_slow_at_once(TOGETHER);
	n_closing = 0;
	struct bide__http_connection *it = session->idle.first;
	for (int i = 0; i < TOGETHER; i++, it = it->of_session.next) {
		CHECK(it != NULL);
		set_on(it, &together_transport);
	}
	open_session(NULL);
	CHECK_INT(n_closing, TOGETHER);
}

static BIDE_ASYNC(void, get_once_more, void);
static void get_once_more(void)
{
	(void)get("/");
}

static BIDE_ASYNC(void, close_it, void);
static void close_it(void)
{
	bide_http_session_close(session);
}

static BIDE_ASYNC(void, close_meanwhile, bool);
static void close_meanwhile(bool twice)
{
	start();
	(void)get("/");
	set_on(session->idle.first, &slow_transport);
	bide_detach(twice ? bide_spawn(close_it) : bide_spawn(get_once_more));
	bide_http_session_close(session);
}

TEST_ABORTS(no_request_is_made_while_a_session_is_closed, "the session is being closed")
{
	bide_run(close_meanwhile, false);
}

TEST_ABORTS(a_session_is_closed_once, "the session is being closed")
{
	bide_run(close_meanwhile, true);
}

/* ---- time --------------------------------------------------------------------------------- */

HTTP_TEST(a_response_that_stalls_is_given_up)
{
	open_session(&(bide_http_options){ .timeout_read = 0.01 });
	CHECK_STR(get("/silence"), bide_strerror(-BIDE_EHTTP_TIMEOUT_READ));
	CHECK_STR(get("/"), "200 hello");
}

HTTP_TEST(a_request_that_takes_too_long_is_given_up)
{
	open_session(&(bide_http_options){ .timeout = 0.01 });
	CHECK_STR(get("/silence"), bide_strerror(-BIDE_EHTTP_TIMEOUT));
}

HTTP_TEST(who_waits_too_long_for_his_turn_is_told)
{
	open_session(&(bide_http_options){ .limit = 1, .timeout_pool = 0.005 });
	bide_task *first = bide_spawn(get_slow);
	bide_yield();
	CHECK_STR(get("/"), bide_strerror(-BIDE_EHTTP_TIMEOUT_POOL));
	CHECK_INT(bide_await(int, first), 0);
	CHECK_STR(get("/"), "200 hello");
}

HTTP_TEST(a_request_that_is_cancelled_leaves_the_session_sound)
{
	for (double seconds = 0.0001; seconds < 0.03; seconds *= 1.5) {
		int rc = 0;
		BIDE_TIMEOUT(seconds, rc)
			(void)get("/slow");
		CHECK(rc == 0 || rc == -ETIMEDOUT);
		CHECK_STR(get("/"), "200 hello");
	}
}

/* Of the client, or of the server, which are in one process. */
HTTP_TEST(each_allocation_may_fail)
{
	unsigned long failures = 1;
	for (long k = 1; failures > 0; k++) {
		bide__alloc_arm(k);
		const char *text = get("/packed");
		failures = bide__alloc_hook.failures;
		bide__alloc_disarm();
		CHECK(failures > 0 || strcmp(text, "200 hello") == 0);
		CHECK_STR(get("/"), "200 hello");
	}
}
