// SPDX-License-Identifier: MIT
/* Requests that are made again: which, how often, and after how long. */
#include "base/alloc.h"
#include "http/date.h"
#include "http/origin.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double delays[32]; /* those that the hook was told of */
static int n_delays, last_error, last_status;

static void note(void *arg, const bide_http_event *event)
{
	(void)arg;
	if (event->phase != BIDE_HTTP_RETRY || n_delays == 32)
		return;
	delays[n_delays++] = event->delay;
	last_error = event->error;
	last_status = event->status;
}

static const bide_http_retry quick = { .attempts = 4, .delay = 0.0005, .jitter = -1 };

static void open_within(const bide_http_retry *retry, double timeout, double timeout_read)
{
	const bide_http_options options = {
		.retry = retry, .hook = note, .timeout = timeout, .timeout_read = timeout_read
	};
	n_delays = 0;
	open_session(&options);
}

static void retry_by(const bide_http_retry *retry, double timeout)
{
	open_within(retry, timeout, 0);
}

static void start(void)
{
	origin_start("127.0.0.1");
	retry_by(&quick, 0);
}

static void stop(void)
{
	origin_stop();
}

static const char *get(const char *path)
{
	n_delays = 0;
	return got(session, &(bide_http_request){ .url = url_of(path) });
}

/* ---- whether ------------------------------------------------------------------------------ */

TEST(a_method_tells_whether_it_may_be_used_twice)
{
	static const char *const twice[] = { "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE" };
	static const char *const once[] = { "POST", "PATCH", "CONNECT", "get", "GETS", "" };
	for (size_t i = 0; i < sizeof twice / sizeof *twice; i++)
		CHECK(bide_http_is_idempotent(twice[i]));
	for (size_t i = 0; i < sizeof once / sizeof *once; i++)
		CHECK(!bide_http_is_idempotent(once[i]));
}

HTTP_TEST(a_request_is_made_once_unless_that_is_wanted)
{
	retry_by(NULL, 0);
	CHECK_STR(get("/closed"), bide_strerror(-BIDE_EINCOMPLETE));
	CHECK_INT(origin.requests, 1);
	CHECK_STR(get("/status/503"), "503 refused");
	CHECK_INT(origin.requests, 2);
	CHECK_INT(n_delays, 0);
}

HTTP_TEST(a_request_that_is_refused_for_now_is_made_again)
{
	origin.refusals = 2;
	CHECK_STR(get("/later/503"), "200 hello");
	CHECK_INT(origin.requests, 3);
	CHECK_INT(n_delays, 2);
	CHECK_INT(last_error, 0);
	CHECK_INT(last_status, 503);
	CHECK_INT(origin.connections, 1);
	/* What is answered in the end is the answer. */
	CHECK_STR(get("/status/503"), "503 refused");
	CHECK_INT(origin.requests, 3 + 4);
}

HTTP_TEST(what_a_refusal_has_to_say_is_not_waited_for)
{
	static const bide_http_retry twice = { .attempts = 2, .delay = 0.0005, .jitter = -1 };
	retry_by(&twice, 0);
	bide_http_response *response;
	const double begun = bide_now();
	CHECK_INT(bide_http_get(session, url_of("/refusal"), &response), 0);
	CHECK_INT(bide_http_status(response), 503);
	CHECK(bide_now() - begun < 5);
	CHECK_INT(origin.connections, 2);
	bide_http_response_close(response);
}

HTTP_TEST(some_answers_are_for_now_and_others_are_not)
{
	static const struct {
		const char *path;
		int requests;
	} rows[] = {
		{ "/status/429", 4 }, { "/status/502", 4 }, { "/status/503", 4 },
		{ "/status/504", 4 }, { "/status/500", 1 }, { "/status/501", 1 },
		{ "/status/404", 1 }, { "/status/408", 1 }, { "/", 1 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		origin.requests = 0;
		(void)get(rows[i].path);
		CHECK_INT(origin.requests, rows[i].requests);
	}
}

HTTP_TEST(some_errors_are_for_now_and_others_are_not)
{
	CHECK_STR(get("/closed"), bide_strerror(-BIDE_EINCOMPLETE));
	CHECK_INT(origin.requests, 4);
	CHECK_INT(last_error, -BIDE_EINCOMPLETE);
	CHECK_INT(last_status, 0);
	open_within(&quick, 0, 0.01);
	CHECK_STR(get("/silence"), bide_strerror(-BIDE_EHTTP_TIMEOUT_READ));
	CHECK_INT(n_delays, 3);
	retry_by(&quick, 0);
	n_delays = 0;
	CHECK_STR(got(session, &(bide_http_request){ .url = NOBODY }), strerror(ECONNREFUSED));
	CHECK_INT(n_delays, 3);
	n_delays = 0;
	CHECK_STR(got(session, &(bide_http_request){ .url = NOBODY, .method = "bad method" }),
	          strerror(ECONNREFUSED));
	CHECK_STR(got(session, &(bide_http_request){ .url = url_of("/"), .method = "bad method" }),
	          strerror(EINVAL));
	CHECK_INT(n_delays, 3);
}

HTTP_TEST(which_answers_and_errors_can_be_said)
{
	static const int statuses[] = { 404, 500, 0 }, errors[] = { -BIDE_EHTTP, 0 };
	const bide_http_retry mine = {
		.attempts = 2, .delay = 0.0001, .statuses = statuses, .errors = errors
	};
	retry_by(&mine, 0);
	(void)get("/closed");
	CHECK_INT(n_delays, 0);
	(void)get("/status/404");
	CHECK_INT(n_delays, 1);
	(void)get("/status/500");
	CHECK_INT(n_delays, 1);
	(void)get("/status/503");
	CHECK_INT(n_delays, 0);
}

HTTP_TEST(what_may_do_something_twice_is_made_again_only_if_that_is_wanted)
{
	bide_http_request post = { .url = url_of("/status/503"), .body = "x", .body_size = 1 };
	CHECK_STR(got(session, &post), "503 refused");
	CHECK_INT(origin.requests, 1);
	/* Nothing of it has been sent. */
	n_delays = 0;
	const bide_http_request nobody = { .url = NOBODY, .method = "POST" };
	CHECK_STR(got(session, &nobody), strerror(ECONNREFUSED));
	CHECK_INT(n_delays, 3);
	bide_http_retry any = quick;
	any.any_method = true;
	post.retry = &any;
	CHECK_STR(got(session, &post), "503 refused");
	CHECK_INT(origin.requests, 1 + 4);
}

HTTP_TEST(a_request_has_a_policy_of_its_own)
{
	const bide_http_retry once = { .attempts = 1 };
	const bide_http_request request = { .url = url_of("/status/503"), .retry = &once };
	CHECK_STR(got(session, &request), "503 refused");
	CHECK_INT(origin.requests, 1);
}

HTTP_TEST(repeats_are_counted_over_redirects)
{
	origin.refusals = 3;
	CHECK_STR(get("/to?/later/503"), "200 hello");
	CHECK_INT(n_delays, 3);
	origin.refusals = 4;
	CHECK_STR(get("/to?/later/503"), "503 refused");
	CHECK_INT(n_delays, 3);
}

/* What has come on an idle connection answers nothing; nor is one used that has been closed. */
HTTP_TEST(what_nobody_has_asked_for_is_no_answer)
{
	CHECK_STR(get("/unasked"), "200 hello");
	origin_wait_closed();
	CHECK_STR(get("/"), "200 hello");
	CHECK_INT(n_delays, 0);
	CHECK_INT(origin.connections, 2);
}

static BIDE_ASYNC_LIGHT(void, get_unasked, void);
static void get_unasked(void)
{
	(void)got(session, &(bide_http_request){ .url = url_of("/unasked") });
}

HTTP_TEST(all_connections_that_were_closed_are_dropped_at_once)
{
	enum { N = 5 };
	int rc;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < N; i++)
			bide_group_spawn(group, get_unasked);
	}
	CHECK_INT(rc, 0);
	origin_wait_closed();
	for (int i = 0; i < N; i++)
		CHECK_STR(get("/"), "200 hello");
	CHECK_INT(n_delays, 0);
	CHECK_INT(origin.connections, N + 1);
}

/* The connection that turns out to be closed is beside what is counted. */
HTTP_TEST(a_stale_connection_is_not_counted)
{
	const bide_http_retry twice = { .attempts = 2, .delay = 0.0005, .jitter = -1 };
	retry_by(&twice, 0);
	CHECK_STR(get("/last"), "200 last");
	origin.refusals = 1;
	CHECK_STR(get("/later/503"), "200 hello");
	CHECK_INT(n_delays, 2);
	CHECK_DOUBLE(delays[0], 0);
	CHECK_DOUBLE(delays[1], 0.0005);
}

/* ---- when --------------------------------------------------------------------------------- */

HTTP_TEST(each_delay_is_longer_than_the_one_before)
{
	const bide_http_retry retry = {
		.attempts = 6, .delay = 0.0001, .factor = 3, .most = 0.001, .jitter = -1
	};
	static const double expected[] = { 0.0001, 0.0003, 0.0009, 0.001, 0.001 };
	retry_by(&retry, 0);
	const double before = bide_now();
	CHECK_STR(get("/status/503"), "503 refused");
	CHECK(bide_now() >= before + 0.0033);
	CHECK_INT(n_delays, 5);
	for (int i = 0; i < 5; i++)
		CHECK(fabs(delays[i] - expected[i]) < 1e-9);
}

HTTP_TEST(a_part_of_a_delay_is_left_to_chance)
{
	const bide_http_retry retry = {
		.attempts = 20, .delay = 0.001, .factor = 1, .jitter = 0.25
	};
	double least = 1, most = 0;
	bide_seed(1);
	retry_by(&retry, 0);
	CHECK_STR(get("/status/503"), "503 refused");
	CHECK_INT(n_delays, 19);
	for (int i = 0; i < 19; i++) {
		least = fmin(least, delays[i]);
		most = fmax(most, delays[i]);
	}
	CHECK(least >= 0.00075 && most <= 0.001 && most - least > 0.0001);
}

/* What a server's Retry-After makes of the delay. */
static double delay_for(const char *value)
{
	static char fields[128];
	snprintf(fields, sizeof fields, "Retry-After: %s\r\n", value);
	origin.fields = fields;
	origin.refusals = 1;
	(void)get("/later/503");
	return n_delays == 1 ? delays[0] : -1;
}

HTTP_TEST(a_server_says_when_it_wants_to_be_asked_again)
{
	const bide_http_retry retry = { .attempts = 2, .delay = 0.0005, .most = 0.002 };
	char date[BIDE__HTTP_DATE_SIZE];
	retry_by(&retry, 0);
	CHECK_DOUBLE(delay_for("0"), 0);
	CHECK_DOUBLE(delay_for("1"), 0.002);
	CHECK_DOUBLE(delay_for("99999999999999999999999"), 0.002);
	CHECK_DOUBLE(delay_for(bide__http_date_format(time(NULL) + 3600, date)), 0.002);
	CHECK_DOUBLE(delay_for("Sun, 06 Nov 1994 08:49:37 GMT"), 0);
	/* What is neither is as if it were not there. */
	static const char *const neither[] = { "soon", "-1", "1.5", "" };
	for (size_t i = 0; i < sizeof neither / sizeof *neither; i++) {
		const double delay = delay_for(neither[i]);
		CHECK(delay >= 0.00025 && delay <= 0.0005);
	}
}

HTTP_TEST(who_has_no_time_to_wait_gets_what_there_is)
{
	const bide_http_retry retry = { .attempts = 3, .delay = 20, .jitter = -1 };
	int fired = 0;
	retry_by(&retry, 10);
	CHECK_STR(get("/closed"), bide_strerror(-BIDE_EINCOMPLETE));
	CHECK_STR(get("/status/503"), "503 refused");
	retry_by(&retry, 0);
	BIDE_TIMEOUT(10, fired)
		CHECK_STR(get("/status/503"), "503 refused");
	CHECK_INT(fired, 0);
	CHECK_INT(origin.requests, 3);
	CHECK_INT(n_delays, 0);
}

HTTP_TEST(the_whole_time_is_that_of_all_attempts)
{
	const bide_http_retry often = { .attempts = 1000, .delay = 1e-9, .factor = 1 };
	open_within(&often, 0.3, 0.01);
	CHECK_STR(get("/silence"), bide_strerror(-BIDE_EHTTP_TIMEOUT));
	CHECK(n_delays >= 1 && n_delays <= 30);
}

HTTP_TEST(who_is_cancelled_makes_nothing_again)
{
	int fired = 0;
	BIDE_TIMEOUT(0.002, fired)
		CHECK_STR(get("/silence"), strerror(ETIMEDOUT));
	CHECK_INT(fired, -ETIMEDOUT);
	CHECK_INT(n_delays, 0);
	bide_http_response *response;
	const bide_http_request request = { .url = NOBODY };
	const bide_http_retry slow = { .attempts = 3, .delay = 20, .jitter = -1 };
	retry_by(&slow, INFINITY);
	bide_scope *scope;
	CHECK_INT(bide_scope_open((double)INFINITY, &scope), 0);
	bide_scope_cancel(scope);
	CHECK_INT(bide_http_send(session, &request, &response), -ECANCELED);
	CHECK_INT(bide_scope_close(scope), -ECANCELED);
}

/* ---- what makes no sense ------------------------------------------------------------------ */

HTTP_TEST(a_policy_must_make_sense)
{
	const bide_http_retry rows[] = {
		{ .attempts = -1 }, { .delay = -1 },    { .factor = -1 },         { .most = -1 },
		{ .jitter = 1.5 },  { .jitter = -0.5 }, { .delay = (double)NAN },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const bide_http_options options = { .retry = &rows[i] };
		const bide_http_request request = { .url = url_of("/"), .retry = &rows[i] };
		bide_http_session *none = NULL;
		CHECK_INT(bide_http_session_open(&options, &none), -EINVAL);
		CHECK_NULL(none);
		CHECK_STR(got(session, &request), strerror(EINVAL));
	}
	CHECK_STR(got(session, &(bide_http_request){ .url = url_of("/"), .timeout = -1 }),
	          strerror(EINVAL));
}

HTTP_TEST(each_allocation_may_fail)
{
	static const int statuses[] = { 503, 0 };
	const bide_http_retry retry = { .attempts = 3, .delay = 0.0001, .statuses = statuses };
	const bide_http_options options = { .retry = &retry };
	unsigned long failures = 1;
	if (light_tasks_have_stacks())
		SKIP(OWN_STACKS);
	for (long k = 1; failures > 0; k++) {
		bide_http_session *mine = NULL;
		const char *text = "";
		origin.refusals = 2;
		bide__alloc_arm(k);
		if (bide_http_session_open(&options, &mine) == 0)
			text = got(mine, &(bide_http_request){ .url = url_of("/later/503") });
		failures = bide__alloc_hook.failures;
		bide__alloc_disarm();
		CHECK(failures > 0 || strcmp(text, "200 hello") == 0);
		bide_http_session_close(mine);
	}
}
